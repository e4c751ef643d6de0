/*
 * owner.c
 *	  Working as the owner of a workspace.
 */
#include "workspace/workspace.h"

#include "miscadmin.h"
#include "utils/acl.h"

void
workspace_become_owner(const Workspace *ws, WorkspaceUser *saved)
{
	GetUserIdAndSecContext(&saved->user, &saved->sec_context);
	SetUserIdAndSecContext(ws->owner, saved->sec_context | SECURITY_LOCAL_USERID_CHANGE |
	                                      SECURITY_NOFORCE_RLS);
}

void
workspace_restore_user(const WorkspaceUser *saved)
{
	SetUserIdAndSecContext(saved->user, saved->sec_context);
}

void
workspace_require_owner(const Workspace *ws)
{
	if (!has_privs_of_role(GetUserId(), ws->owner))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_SCHEMA, ws->name);
}
