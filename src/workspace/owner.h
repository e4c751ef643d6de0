/*
 * owner.h
 *	  Working as the owner of a workspace, and the entrances of functions in SQL.
 *
 * Whatever can run an owner's code works as the owner: triggers, defaults, constraints,
 * generated columns, functions of indexes, expressions. It works in a security-restricted
 * operation, so that this code leaves nothing behind in the session of whoever calls, and
 * in a nest level of settings, which end with it.
 */
#ifndef CDP_WORKSPACE_OWNER_H
#define CDP_WORKSPACE_OWNER_H

#include "base/base.h"

#include "fmgr.h"
#include "workspace/parts.h"

struct Workspace;

/* Whose rights were in force before. */
typedef struct WorkspaceUser
{
	Oid user;
	int sec_context;
	int nest_level;                  /* of the settings */
	const struct Workspace *writing; /* its deferrable constraints are immediate; null: none */
} WorkspaceUser;

/*
 * owner.c: works as the owner of the workspace's tables, until workspace_restore_user. An
 * error ends it with the (sub)transaction. Row security does not hide rows from it, even
 * where it is forced on the owner: state derived from some of the rows would be wrong.
 *
 * Deferred triggers cannot fire in a restricted operation. So the deferrable constraints of
 * the tables that the engine writes are immediate meanwhile: what is pending on them is
 * checked at once. Those that are initially deferred are deferred again afterwards.
 */
extern void workspace_become_owner(const struct Workspace *ws, WorkspaceUser *saved);
extern void workspace_restore_user(const WorkspaceUser *saved);

/* The same for evaluating expressions: nothing is written, so constraints stay as they are. */
extern void workspace_evaluate_as_owner(const struct Workspace *ws, WorkspaceUser *saved);

/*
 * Leaves the restricted operation, for making temporary tables, which it refuses: still as
 * the owner. Nothing that runs before workspace_enter_restriction may be of anybody's choice.
 * Errors if it is within another restricted operation.
 */
extern void workspace_leave_restriction(WorkspaceUser *saved);
extern void workspace_enter_restriction(const WorkspaceUser *saved);

/* Whether the current user is this owner, in a restricted operation. */
extern bool workspace_acts_as(Oid owner);

/* Errors if the current user may not act as the owner of the workspace. */
extern void workspace_require_owner(const struct Workspace *ws);

/* A right that a caller needs: on these columns (the list ends with null), or on the table. */
typedef struct WorkspaceRight
{
	const WorkspaceTable *table;
	const char *const *columns; /* null: the whole table */
	AclMode right;
} WorkspaceRight;

/*
 * entrance.c: calls the body of the SQL function that is being called: the function of the
 * same name with "_body" at its end, with the same arguments. The first one names the
 * workspace. The body works as the owner, whoever calls; the caller must have these rights,
 * without row security in between. The list ends with a null table.
 */
extern Datum workspace_enter_to_write(FunctionCallInfo fcinfo, const WorkspaceRight *rights);

#endif /* CDP_WORKSPACE_OWNER_H */
