/*
 * lock.h
 *	  Locks of a whole workspace, and the workspace of a definition trigger.
 */
#ifndef CDP_WORKSPACE_LOCK_H
#define CDP_WORKSPACE_LOCK_H

#include "workspace/workspace.h"

#include "fmgr.h"

/* Errors if the workspace was dropped while we waited for a lock on it. */
extern void workspace_require_there(Oid events, const char *name);

/*
 * Locks a workspace against all other writers, until the end of the transaction.
 * what names the operation, for messages. Refused above READ COMMITTED.
 */
extern void workspace_lock(Workspace *ws, const char *what);

/*
 * The workspace of a definition trigger. The trigger must be on the given table, or
 * on one of the given tables (the list ends with null); *table is that one.
 */
extern Workspace *workspace_triggered(FunctionCallInfo fcinfo, const char *function,
                                      const WorkspaceTable *table);
extern Workspace *workspace_triggered_by_any(FunctionCallInfo fcinfo, const char *function,
                                             const WorkspaceTable *const *tables,
                                             const WorkspaceTable **table);

/* Makes the statement's definitions visible and reads the workspace again. */
extern Workspace *workspace_read_again(Workspace *ws);

#endif /* CDP_WORKSPACE_LOCK_H */
