/*
 * rights.h
 *	  What a caller may know of a workspace. The cache of workspaces asks for no right, so functions
 *	  that answer from it ask here.
 */
#ifndef CDP_WORKSPACE_RIGHTS_H
#define CDP_WORKSPACE_RIGHTS_H

#include "workspace/workspace.h"

#include "utils/acl.h"

/* Errors if the caller has no USAGE of the workspace's schema. */
extern void workspace_require_usage(const Workspace *ws);

/* The workspace of that name; errors as above, and if there is none. */
extern Workspace *workspace_for_caller(const char *name);

/* Whether a role has one of these rights on a table, or on that column of it (null: on no column). */
extern bool workspace_may(const Workspace *ws, Oid role, AclMode rights, const char *table,
                          const char *column);

/* Errors if the caller may not select from a table, or from that column of it (null: the table). */
extern void workspace_require_select(const Workspace *ws, const char *table, const char *column);

/*
 * Runs work(context), in which the engine works for a user. Errors about data (class 22) and
 * constraints (23) show values of rows. To a user who may not act as the owner they are raised
 * without them; the server's log has the whole error then.
 */
extern void workspace_hide_values(const Workspace *ws, Oid user, void (*work)(void *context),
                                  void *context);

#endif /* CDP_WORKSPACE_RIGHTS_H */
