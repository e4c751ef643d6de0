/*
 * definitions.h
 *	  Definitions are rows: how they are read, and which of them a statement has changed.
 */
#ifndef CDP_DEFINITIONS_H
#define CDP_DEFINITIONS_H

#include "workspace/workspace.h"

#include "utils/tuplestore.h"

struct ExpressionSort;

/* A column of a table of definitions whose text is an expression. */
typedef struct DefinitionText
{
	int column;
	const struct ExpressionSort *sort;
} DefinitionText;

/*
 * Definitions whose texts name columns, types and other objects, so that DDL can change what
 * they mean: see ddl/README.md.
 */
typedef struct DefinitionTexts
{
	const WorkspaceTable *table; /* its first column is the key */
	const char *what;            /* "segment": one of them, in messages */
	const DefinitionText *texts;
	int n_texts;

	/* why a definition does not compile; null: it does, or there is none of that key */
	const ErrorData *(*broken)(Workspace *ws, const char *key);

	/*
	 * The texts of some definitions have changed, not their meaning; then, the meaning of some
	 * has, and what they stand for is derived again. Lists of keys; user: whoever runs the DDL.
	 */
	void (*rewritten)(Workspace *ws, List *keys, Oid user);
	void (*derive_again)(Workspace *ws, List *keys);
} DefinitionTexts;

/* Calls read(ws, slot), or read(ws, slot, context), for each row of a table, under a new snapshot. */
extern void workspace_scan(Workspace *ws, const WorkspaceTable *table,
                           void (*read)(Workspace *ws, TupleTableSlot *slot));
extern void workspace_scan_with(Workspace *ws, const WorkspaceTable *table,
                                void (*read)(Workspace *ws, TupleTableSlot *slot, void *context),
                                void *context);

/* The value of an engine column in such a row; the same as text, null where the column is null. */
extern Datum workspace_value(const Workspace *ws, const WorkspaceTable *table, TupleTableSlot *slot,
                             int column, bool *isnull);
extern char *workspace_text(const Workspace *ws, const WorkspaceTable *table, TupleTableSlot *slot,
                            int column);

/*
 * A row that a statement has removed or added: the engine's columns of its table
 * as text, null where the column is null. The first column is the key.
 */
typedef struct ChangedRow
{
	int n;
	char **texts;
} ChangedRow;

/* The rows of a transition table; where that is null, none. */
extern List *changed_rows_read(const Workspace *ws, const WorkspaceTable *table, Relation rel,
                               Tuplestorestate *rows);

/* The row of that key; null: there is none. */
extern ChangedRow *changed_rows_find(List *rows, const char *key);

/* Whether the rows include one that is equal. */
extern bool changed_rows_have(List *rows, const ChangedRow *row);

#endif /* CDP_DEFINITIONS_H */
