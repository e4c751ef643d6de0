/*
 * workspace_internal.h
 *	  The steps of reading a workspace. CurrentMemoryContext is the workspace's.
 */
#ifndef CDP_WORKSPACE_INTERNAL_H
#define CDP_WORKSPACE_INTERNAL_H

#include "workspace/workspace.h"

/* catalog.c: finds the tables, their columns and indexes. Errors name what is missing or wrong. */
extern void workspace_find_tables(Workspace *ws);
extern void workspace_find_columns(Workspace *ws);
extern void workspace_find_indexes(Workspace *ws);

/* settings.c: reads the row of settings; errors if there is none. */
extern void workspace_read_settings(Workspace *ws);

#endif /* CDP_WORKSPACE_INTERNAL_H */
