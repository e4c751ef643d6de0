/*
 * owner.c
 *	  Working as the owner of a workspace.
 *
 * A caller who may not act as the owner must not choose what the names in the owner's code
 * mean, such as a table that a trigger function names without its schema. For such a caller
 * the search_path is the workspace's, if the workspace has code that could look names up.
 */
#include "workspace/workspace_internal.h"

#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/memutils.h"

/*
 * The operations that are running, outermost first. An error ends some of them: it ends their
 * nest levels of settings, which a later operation has again.
 */
typedef struct Operation
{
	int nest_level;
	int sec_context; /* outside it */
	Oid writing;     /* events of the workspace whose constraints it has set; or InvalidOid */
} Operation;

static Operation *operations = NULL;
static int n_operations = 0;
static int max_operations = 0;

/* Forgets the operations whose nest level is this or a deeper one. */
static void
forget_operations(int nest_level)
{
	while (n_operations > 0 && operations[n_operations - 1].nest_level >= nest_level)
		n_operations--;
}

static Operation *
add_operation(int nest_level, int sec_context)
{
	Operation *operation;

	forget_operations(nest_level);
	if (operations == NULL)
	{
		max_operations = 8;
		operations = MemoryContextAlloc(TopMemoryContext, sizeof(Operation) * max_operations);
	}
	else if (n_operations == max_operations)
	{
		operations = repalloc(operations, sizeof(Operation) * max_operations * 2);
		max_operations *= 2;
	}
	operation = &operations[n_operations++];
	operation->nest_level = nest_level;
	operation->sec_context = sec_context;
	operation->writing = InvalidOid;
	return operation;
}

static Operation *
begin_operation(Oid owner, const char *path, WorkspaceUser *saved)
{
	GetUserIdAndSecContext(&saved->user, &saved->sec_context);
	SetUserIdAndSecContext(owner, saved->sec_context | SECURITY_LOCAL_USERID_CHANGE |
	                                  SECURITY_RESTRICTED_OPERATION | SECURITY_NOFORCE_RLS);
	saved->nest_level = NewGUCNestLevel();
	saved->writing = NULL;
	if (path != NULL)
		(void) set_config_option("search_path", path, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
		                         true, 0, false);
	return add_operation(saved->nest_level, saved->sec_context);
}

void
workspace_act_as(Oid owner, const char *path, WorkspaceUser *saved)
{
	(void) begin_operation(owner, path, saved);
}

/* Whether an operation further up the stack has set the workspace's constraints. */
static bool
is_being_written(const Workspace *ws)
{
	for (int i = 0; i < n_operations; i++)
		if (operations[i].writing == ws->events)
			return true;
	return false;
}

void
workspace_become_owner(const Workspace *ws, WorkspaceUser *saved)
{
	const char *path = ws->path;
	Operation *operation;

	if (path != NULL && has_privs_of_role(GetUserId(), ws->owner))
		path = NULL;
	operation = begin_operation(ws->owner, path, saved);
	if (ws->deferrable != NIL && !is_being_written(ws))
	{
		operation->writing = ws->events;
		saved->writing = ws;
		deferrable_set(ws, false);
	}
}

void
workspace_evaluate_as_owner(const Workspace *ws, WorkspaceUser *saved)
{
	workspace_act_as(ws->owner, NULL, saved);
}

void
workspace_restore_user(const WorkspaceUser *saved)
{
	if (saved->writing != NULL)
		deferrable_set(saved->writing, true);
	forget_operations(saved->nest_level);
	AtEOXact_GUC(false, saved->nest_level);
	SetUserIdAndSecContext(saved->user, saved->sec_context);
}

void
workspace_leave_restriction(WorkspaceUser *saved)
{
	int nest_level = NewGUCNestLevel(); /* shows which operations an error has ended */

	AtEOXact_GUC(false, nest_level);
	forget_operations(nest_level);
	if (n_operations == 0)
		elog(ERROR, "no operation works as the owner of a workspace");
	GetUserIdAndSecContext(&saved->user, &saved->sec_context);
	SetUserIdAndSecContext(saved->user,
	                       operations[n_operations - 1].sec_context | SECURITY_LOCAL_USERID_CHANGE);
	if (InSecurityRestrictedOperation())
		ereport(
		    ERROR,
		    (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		     errmsg("cannot rebuild a workspace within a security-restricted operation"),
		     errdetail("An owner's triggers on tables that cdp writes run in one, and temporary "
		               "tables cannot be made there."),
		     errhint("Rebuild it outside such a trigger.")));
}

void
workspace_enter_restriction(const WorkspaceUser *saved)
{
	SetUserIdAndSecContext(saved->user, saved->sec_context);
}

bool
workspace_acts_as(Oid owner)
{
	return GetUserId() == owner && InSecurityRestrictedOperation();
}

void
workspace_require_owner(const Workspace *ws)
{
	if (!has_privs_of_role(GetUserId(), ws->owner))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_SCHEMA, ws->name);
}
