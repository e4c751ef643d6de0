/*
 * entrance.c
 *	  The entrances of the functions in SQL that use a workspace's tables.
 *
 * Even reading a table can run its owner's code: a table may have become a view, and the
 * planner evaluates functions in the predicates of indexes. So a function in SQL is two. The
 * entrance, in C, has the name that users call. The body has "_body" at its end; it calls
 * cdp.use_tables before it uses the tables.
 *
 * Whoever may act as the owner, such as a superuser, has the body work as the owner. Others
 * read with their own rights, as if they had written the query. A few functions work as
 * the owner for everybody, and ask for the rights that the caller would need.
 */
#include "workspace/workspace_internal.h"

#include "workspace/lock.h"
#include "workspace/rights.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(cdp_enter);
PG_FUNCTION_INFO_V1(cdp_enter_as_owner);
PG_FUNCTION_INFO_V1(cdp_enter_to_detach);
PG_FUNCTION_INFO_V1(cdp_enter_to_judge);
PG_FUNCTION_INFO_V1(cdp_use_tables);
PG_FUNCTION_INFO_V1(cdp_require_step);

/* Finds the body of the function that is being called; it is kept for further calls. */
static FmgrInfo *
find_body(FunctionCallInfo fcinfo)
{
	FmgrInfo *entrance = fcinfo->flinfo;
	HeapTuple tuple;
	Form_pg_proc form;
	Oid body;
	FmgrInfo *info;

	if (entrance->fn_extra != NULL)
		return (FmgrInfo *) entrance->fn_extra;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(entrance->fn_oid));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", entrance->fn_oid);
	form = (Form_pg_proc) GETSTRUCT(tuple);
	body = form->pronargs > 0 && form->proargtypes.values[0] == NAMEOID
	           ? GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
	                             CStringGetDatum(psprintf("%s_body", NameStr(form->proname))),
	                             PointerGetDatum(&form->proargtypes),
	                             ObjectIdGetDatum(form->pronamespace))
	           : InvalidOid;
	if (!OidIsValid(body))
		elog(ERROR, "function \"%s\" has no body", NameStr(form->proname));
	ReleaseSysCache(tuple);
	info = MemoryContextAlloc(entrance->fn_mcxt, sizeof(FmgrInfo));
	fmgr_info_cxt(body, info, entrance->fn_mcxt);
	entrance->fn_extra = info;
	return info;
}

/* Calls the body with the same arguments. A set is returned as a whole, by the body. */
static Datum
call_body(FunctionCallInfo fcinfo)
{
	LOCAL_FCINFO(body, FUNC_MAX_ARGS);
	ReturnSetInfo *set = (ReturnSetInfo *) fcinfo->resultinfo;
	Datum result;

	InitFunctionCallInfoData(*body, find_body(fcinfo), PG_NARGS(), PG_GET_COLLATION(),
	                         fcinfo->context, fcinfo->resultinfo);
	memcpy(body->args, fcinfo->args, sizeof(NullableDatum) * PG_NARGS());
	if (set != NULL && IsA(set, ReturnSetInfo))
		set->allowedModes &= ~SFRM_ValuePerCall;
	result = FunctionCallInvoke(body);
	fcinfo->isnull = body->isnull;
	return result;
}

/* The first argument. */
static const char *
workspace_argument(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		ereport(ERROR,
		        (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("workspace must not be null")));
	return NameStr(*PG_GETARG_NAME(0));
}

static Datum
call_as_owner(FunctionCallInfo fcinfo, Oid owner)
{
	WorkspaceUser user;
	Datum result;

	workspace_act_as(owner, NULL, &user);
	result = call_body(fcinfo);
	workspace_restore_user(&user);
	return result;
}

/* The entrance of a function that reads. */
Datum
cdp_enter(PG_FUNCTION_ARGS)
{
	Oid owner;

	(void) workspace_find(workspace_argument(fcinfo), &owner);
	if (!has_privs_of_role(GetUserId(), owner))
		return call_body(fcinfo);
	return call_as_owner(fcinfo, owner);
}

/* The entrance of a function for the owner alone. */
Datum
cdp_enter_as_owner(PG_FUNCTION_ARGS)
{
	const char *name = workspace_argument(fcinfo);
	Oid owner;

	(void) workspace_find(name, &owner);
	if (!has_privs_of_role(GetUserId(), owner))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
		                errmsg("must be owner of workspace \"%s\"", name)));
	return call_as_owner(fcinfo, owner);
}

static Oid
owner_of_schema(Oid schema)
{
	HeapTuple tuple = SearchSysCache1(NAMESPACEOID, ObjectIdGetDatum(schema));
	Oid owner = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		owner = ((Form_pg_namespace) GETSTRUCT(tuple))->nspowner;
		ReleaseSysCache(tuple);
	}
	return owner;
}

/*
 * The entrance of cdp.detach, for the owner of the schema: the workspace may lack tables or
 * triggers. What there must be of it, and whose it must be, the body says.
 */
Datum
cdp_enter_to_detach(PG_FUNCTION_ARGS)
{
	Oid owner = owner_of_schema(get_namespace_oid(workspace_argument(fcinfo), true));

	if (!OidIsValid(owner) || !has_privs_of_role(GetUserId(), owner))
		return call_body(fcinfo);
	return call_as_owner(fcinfo, owner);
}

/* Errors if the current user lacks a right, or row security would hide rows from the user. */
static void
require_right(const Workspace *ws, const WorkspaceRight *right)
{
	const char *name = right->table->name;
	Oid relid = get_relname_relid(name, ws->schema);
	bool has =
	    OidIsValid(relid) && pg_class_aclcheck(relid, GetUserId(), right->right) == ACLCHECK_OK;

	for (int i = 0; !has && OidIsValid(relid) && right->columns != NULL; i++)
	{
		has = right->columns[i] == NULL;
		if (!has && pg_attribute_aclcheck(relid, get_attnum(relid, right->columns[i]), GetUserId(),
		                                  right->right) != ACLCHECK_OK)
			break;
	}
	if (!has)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, name);
	if (check_enable_rls(relid, InvalidOid, true) == RLS_ENABLED)
		ereport(ERROR,
		        (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
		         errmsg("query would be affected by row-level security policy for table \"%s\"",
		                name)));
}

/* The workspace that the first argument names, with its tables checked and its definitions read. */
static Workspace *
read_workspace_argument(FunctionCallInfo fcinfo)
{
	Oid owner;

	return workspace_of_events(workspace_find(workspace_argument(fcinfo), &owner));
}

Datum
workspace_enter_to_write(FunctionCallInfo fcinfo, const WorkspaceRight *rights)
{
	Workspace *ws = read_workspace_argument(fcinfo);
	WorkspaceUser user;
	Datum result;

	if (!has_privs_of_role(GetUserId(), ws->owner))
	{
		workspace_require_usage(ws);
		for (; rights->table != NULL; rights++)
			require_right(ws, rights);
	}
	workspace_become_owner(ws, &user);
	result = call_body(fcinfo);
	workspace_restore_user(&user);
	return result;
}

/*
 * The entrance of cdp.check: it works as the owner, since it evaluates definitions. It shows
 * rows of every table, so the caller must have the right to read them all.
 */
Datum
cdp_enter_to_judge(PG_FUNCTION_ARGS)
{
	Workspace *ws = read_workspace_argument(fcinfo);
	WorkspaceUser user;
	Datum result;

	if (!has_privs_of_role(GetUserId(), ws->owner))
	{
		workspace_require_usage(ws);
		for (int i = 0; i < n_workspace_tables; i++)
		{
			int number = (events_table.number + i) % n_workspace_tables;
			WorkspaceRight right = {workspace_table_of(number), NULL, ACL_SELECT};

			if (!right.table->sql_only)
				require_right(ws, &right);
		}
	}
	workspace_act_as(ws->owner, NULL, &user);
	/* the owner's code, such as that of an index, may not be for parallel workers */
	if (ws->path != NULL)
		(void) set_config_option("max_parallel_workers_per_gather", "0", PGC_USERSET, PGC_S_SESSION,
		                         GUC_ACTION_SAVE, true, 0, false);
	result = call_body(fcinfo);
	workspace_restore_user(&user);
	return result;
}

static const WorkspaceTable *
table_by_name(const char *name)
{
	for (int i = 0; i < n_workspace_tables; i++)
		if (strcmp(workspace_table_of(i)->name, name) == 0)
			return workspace_table_of(i);
	ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("no part has a table \"%s\"", name)));
	return NULL;
}

/* Error: a body or a step was called past its entrance. */
static void
refuse_inner(void)
{
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
	                errmsg("an inner function of cdp is not to be called by itself"),
	                errhint("Call the function that is for users: without \"_body\" at the end of "
	                        "its name, or the one that takes this step.")));
}

/*
 * cdp.use_tables(workspace, VARIADIC tables): a body calls it before it uses these tables of
 * the workspace. It locks them against changes of what they are, until the end of the
 * transaction, and errors unless each is an ordinary table of the workspace's owner with its
 * columns of their types.
 */
Datum
cdp_use_tables(PG_FUNCTION_ARGS)
{
	const char *name = NameStr(*PG_GETARG_NAME(0));
	Oid owner;
	Oid events = workspace_find(name, &owner);
	bool is_owner = workspace_acts_as(owner);
	Datum *tables;
	bool *nulls;
	int n;

	if (!is_owner && has_privs_of_role(GetUserId(), owner))
		refuse_inner();
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT, &tables, &nulls,
	                  &n);
	for (int i = 0; i < n && !is_owner; i++)
		if (!nulls[i])
			workspace_require_readable(name, events, table_by_name(TextDatumGetCString(tables[i])));
	/* as everybody does: who waits for a workspace that is being dropped holds no other table */
	LockRelationOid(events, AccessShareLock);
	workspace_require_there(events, name);
	for (int i = 0; i < n; i++)
		if (!nulls[i])
			workspace_check_table(name, events, owner,
			                      table_by_name(TextDatumGetCString(tables[i])));
	PG_RETURN_VOID();
}

/*
 * cdp.require_step(workspace): a step of the engine in SQL calls it first. It errors unless
 * the engine is working as the owner of the workspace, or of its schema.
 */
Datum
cdp_require_step(PG_FUNCTION_ARGS)
{
	const char *name = NameStr(*PG_GETARG_NAME(0));
	Oid owner = owner_of_schema(get_namespace_oid(name, true));

	if (!OidIsValid(owner) || !workspace_acts_as(owner))
		(void) workspace_find(name, &owner);
	if (!workspace_acts_as(owner))
		refuse_inner();
	PG_RETURN_VOID();
}
