/*
 * rows.h
 *	  Rows of a workspace's tables that SQL gives to a function.
 */
#ifndef CDP_WORKSPACE_ROWS_H
#define CDP_WORKSPACE_ROWS_H

#include "workspace/workspace.h"

/* The workspace whose profiles have this row type, or that of this row; errors if there is none. */
extern Workspace *workspace_of_row_type(Oid type);
extern Workspace *workspace_of_row(HeapTupleHeader row);

/*
 * Errors if a row in a slot lacks a value that the engine reads without looking for nulls. A row
 * that is no stored one need not obey the table's constraints.
 */
extern void workspace_check_row(const Workspace *ws, const WorkspaceTable *table,
                                TupleTableSlot *slot);

#endif /* CDP_WORKSPACE_ROWS_H */
