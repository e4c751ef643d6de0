/*
 * changed_rows.h
 *	  The rows of definitions that a statement has removed or put there.
 */
#ifndef CDP_CHANGED_ROWS_H
#define CDP_CHANGED_ROWS_H

#include "workspace/workspace.h"

#include "utils/tuplestore.h"

/* A row: the engine's columns of its table as text, null where they are null. The first is the key. */
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

#endif /* CDP_CHANGED_ROWS_H */
