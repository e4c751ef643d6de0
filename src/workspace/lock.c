/*
 * lock.c
 *	  Locks of a whole workspace, and the workspace of a definition trigger.
 */
#include "workspace/lock.h"

#include "access/xact.h"
#include "commands/trigger.h"
#include "storage/lmgr.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "workspace/statement.h"

void
workspace_require_there(Oid events, const char *name)
{
	if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(events)))
		ereport(ERROR,
		        (errcode(ERRCODE_UNDEFINED_SCHEMA), errmsg("workspace \"%s\" does not exist", name),
		         errdetail("It has been dropped meanwhile.")));
}

void
workspace_lock(Workspace *ws, const char *what)
{
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
		        (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
		         errmsg("%s is not possible in a transaction that is %s", what,
		                XactIsoLevel == XACT_SERIALIZABLE ? "SERIALIZABLE" : "REPEATABLE READ"),
		         errdetail("Its snapshot may miss events that are being committed."),
		         errhint("Use a READ COMMITTED transaction.")));
	statement_require_idle(ws, what);
	/* events first, as an INSERT and cdp.drop_workspace do */
	LockRelationOid(workspace_table(ws, &events_table)->oid, RowExclusiveLock);
	LockRelationOid(workspace_table(ws, &profiles_table)->oid, ShareRowExclusiveLock);
	workspace_require_there(ws->events, ws->name);
}

/*
 * Errors if the trigger's table is none of the given ones. On another table, the
 * trigger would run with the owner's rights and read columns of other types.
 */
Workspace *
workspace_triggered_by_any(FunctionCallInfo fcinfo, const char *function,
                           const WorkspaceTable *const *tables, const WorkspaceTable **table)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Workspace *ws;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
		                errmsg("%s must be fired for each statement", function)));
	ws = workspace_by_name(get_namespace_name(RelationGetNamespace(trigger->tg_relation)));
	for (*table = *tables; *table != NULL; *table = *++tables)
		if (workspace_table(ws, *table)->oid == RelationGetRelid(trigger->tg_relation))
		{
			statement_ends(trigger);
			return ws;
		}
	ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
	                errmsg("%s cannot be a trigger on table \"%s\"", function,
	                       RelationGetRelationName(trigger->tg_relation))));
	return NULL;
}

Workspace *
workspace_triggered(FunctionCallInfo fcinfo, const char *function, const WorkspaceTable *table)
{
	const WorkspaceTable *const tables[] = {table, NULL};
	const WorkspaceTable *found;

	return workspace_triggered_by_any(fcinfo, function, tables, &found);
}

Workspace *
workspace_read_again(Workspace *ws)
{
	workspace_invalidate(ws);
	CommandCounterIncrement();
	return workspace_of_events(ws->events);
}
