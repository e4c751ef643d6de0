/*
 * rights.c
 *	  What a caller may know of a workspace: from functions, and from errors.
 */
#include "workspace/rights.h"

#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"

static void
require_usage(Oid schema, const char *name)
{
	AclResult result = CdpSchemaAclCheck(schema, GetUserId(), ACL_USAGE);

	if (result != ACLCHECK_OK)
		aclcheck_error(result, OBJECT_SCHEMA, name);
}

void
workspace_require_usage(const Workspace *ws)
{
	require_usage(ws->schema, ws->name);
}

Workspace *
workspace_for_caller(const char *name)
{
	Oid schema = get_namespace_oid(name, true);

	/* before the workspace is read: what is wrong with it is not everybody's to know either */
	if (OidIsValid(schema))
		require_usage(schema, name);
	return workspace_by_name(name);
}

bool
workspace_may(const Workspace *ws, Oid role, AclMode rights, const char *table, const char *column)
{
	Oid relid = get_relname_relid(table, ws->schema);
	AttrNumber number;

	if (!OidIsValid(relid))
		return false;
	if (pg_class_aclcheck(relid, role, rights) == ACLCHECK_OK)
		return true;
	number = column == NULL ? InvalidAttrNumber : get_attnum(relid, column);
	return number != InvalidAttrNumber &&
	       pg_attribute_aclcheck(relid, number, role, rights) == ACLCHECK_OK;
}

void
workspace_require_select(const Workspace *ws, const char *table, const char *column)
{
	if (!workspace_may(ws, GetUserId(), ACL_SELECT, table, column))
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, table);
}

/* Whether an error of this code shows values of rows. */
static bool
shows_values(int sqlerrcode)
{
	int category = ERRCODE_TO_CATEGORY(sqlerrcode);

	return category == ERRCODE_TO_CATEGORY(ERRCODE_DATA_EXCEPTION) ||
	       category == ERRCODE_TO_CATEGORY(ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION);
}

/* An error without values: what it says of constraints stays, what it says of rows goes. */
static void
hide_values(ErrorData *error)
{
	ereport(LOG_SERVER_ONLY, (errcode(error->sqlerrcode), errmsg_internal("%s", error->message),
	                          error->detail ? errdetail_internal("%s", error->detail) : 0,
	                          error->context ? errcontext_msg("%s", error->context) : 0));
	if (ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_TO_CATEGORY(ERRCODE_DATA_EXCEPTION))
	{
		error->message = error_without_values(error);
		error->detail = pstrdup("The value is shown to the owner of the workspace only.");
	}
	else
		error->detail = pstrdup("The row is shown to the owner of the workspace only.");
	error->hint = error->context = error->internalquery = NULL;
	error->internalpos = 0;
}

void
workspace_hide_values(const Workspace *ws, Oid user, void (*work)(void *context), void *context)
{
	MemoryContext oldcontext = CurrentMemoryContext;

	if (has_privs_of_role(user, ws->owner))
	{
		work(context);
		return;
	}
	PG_TRY();
	{
		work(context);
	}
	PG_CATCH();
	{
		ErrorData *error;

		if (!shows_values(geterrcode()))
			PG_RE_THROW();
		MemoryContextSwitchTo(oldcontext);
		error = CopyErrorData();
		FlushErrorState();
		hide_values(error);
		ReThrowError(error);
	}
	PG_END_TRY();
}
