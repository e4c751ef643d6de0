/*
 * lock.h
 *	  Locks of a whole workspace, and the workspace of a definition trigger.
 */
#ifndef CDP_WORKSPACE_LOCK_H
#define CDP_WORKSPACE_LOCK_H

#include "workspace/workspace.h"

#include "fmgr.h"

/* Error: the workspace has been dropped while a lock on it was waited for. */
extern void workspace_require_there(Oid events, const char *name);

/*
 * Locks a workspace against all other writers, until the end of the transaction:
 * what says, for messages, what that is for. Refused above READ COMMITTED.
 */
extern void workspace_lock(Workspace *ws, const char *what);

/* The workspace whose table a definition trigger is on; or one of some tables, ending with null. */
extern Workspace *workspace_triggered(FunctionCallInfo fcinfo, const char *function,
                                      const WorkspaceTable *table);
extern Workspace *workspace_triggered_by_any(FunctionCallInfo fcinfo, const char *function,
                                             const WorkspaceTable *const *tables,
                                             const WorkspaceTable **table);

/* Makes the statement's definitions visible and reads the workspace with them. */
extern Workspace *workspace_read_again(Workspace *ws);

#endif /* CDP_WORKSPACE_LOCK_H */
