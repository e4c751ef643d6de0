/*
 * definitions.h
 *	  Definitions are rows: reading them, and what a statement has changed of them.
 */
#ifndef CDP_DEFINITIONS_H
#define CDP_DEFINITIONS_H

#include "workspace/workspace.h"

#include "utils/tuplestore.h"

/* Calls read(ws, slot) for each row of a table, as it is now. */
extern void workspace_scan(Workspace *ws, const WorkspaceTable *table,
                           void (*read)(Workspace *ws, TupleTableSlot *slot));

/* The i-th engine column of such a row; a text null where the column is. */
extern Datum workspace_value(const Workspace *ws, const WorkspaceTable *table, TupleTableSlot *slot,
                             int column, bool *isnull);
extern char *workspace_text(const Workspace *ws, const WorkspaceTable *table, TupleTableSlot *slot,
                            int column);

/*
 * A row that a statement has removed or put there: the engine's columns of its
 * table as text, null where they are null. The first is the key.
 */
typedef struct ChangedRow
{
	int n;
	char **texts;
} ChangedRow;

/* The rows of a transition table, null: none. */
extern List *changed_rows_read(const Workspace *ws, const WorkspaceTable *table, Relation rel,
                               Tuplestorestate *rows);

/* The row of that key; null: there is none. */
extern ChangedRow *changed_rows_find(List *rows, const char *key);

/* Whether the rows have an equal one. */
extern bool changed_rows_have(List *rows, const ChangedRow *row);

#endif /* CDP_DEFINITIONS_H */
