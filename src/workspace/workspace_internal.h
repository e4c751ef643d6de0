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

/*
 * The workspace of that name by the catalog alone, whatever state its tables are in: the
 * oid of its events; errors if there is none.
 */
extern Oid workspace_find(const char *name, Oid *owner);

/* Errors if the current user may read no column of a table of the workspace. */
extern void workspace_require_readable(const char *name, Oid events, const WorkspaceTable *table);

/*
 * Locks a table of a workspace, so that it stays as it is until the end of the transaction,
 * and errors unless it is an ordinary table of this owner with its columns of their types.
 */
extern void workspace_check_table(const char *name, Oid events, Oid owner,
                                  const WorkspaceTable *table);

/* cache.c: error, there is no workspace of that name. */
extern void workspace_report_missing(const char *name) pg_attribute_noreturn();

/* owner.c: works as a role; path: the search_path, null: the session's. */
extern void workspace_act_as(Oid owner, const char *path, WorkspaceUser *saved);

/* deferrable.c: finds the deferrable constraints, and whether the owner has code that needs a path. */
extern void workspace_find_code(Workspace *ws);

/* Makes them immediate; or (deferred) those deferred that are so initially. */
extern void deferrable_set(const Workspace *ws, bool deferred);

/* settings.c: reads the row of settings; errors if there is none. */
extern void workspace_read_settings(Workspace *ws);

#endif /* CDP_WORKSPACE_INTERNAL_H */
