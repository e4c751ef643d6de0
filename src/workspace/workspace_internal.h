/*
 * workspace_internal.h
 *	  The steps of reading a workspace. CurrentMemoryContext is the workspace's.
 */
#ifndef CDP_WORKSPACE_INTERNAL_H
#define CDP_WORKSPACE_INTERNAL_H

#include "workspace/workspace.h"

/* catalog.c: finds the tables, their columns and indexes. Errors say what is not as it must be. */
extern void workspace_find_tables(Workspace *ws);
extern void workspace_find_columns(Workspace *ws);
extern void workspace_find_indexes(Workspace *ws);

/* settings.c: errors if there are none. */
extern void workspace_read_settings(Workspace *ws);

#endif /* CDP_WORKSPACE_INTERNAL_H */
