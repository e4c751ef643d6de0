/*
 * guard.c
 *	  Guards on the tables of a workspace: triggers that refuse writes that only the
 *	  engine may make. While the engine writes through SPI, they let it pass.
 */
#include "store/lock.h"

#include "commands/trigger.h"
#include "executor/spi.h"
#include "workspace/replication.h"
#include "workspace/statement.h"

void
store_while_writing(Workspace *ws, void (*work)(Workspace *ws, void *context), void *context)
{
	operation_begins(ws);
	SPI_connect();
	work(ws, context);
	SPI_finish();
	operation_ends(ws);
}

/* The guard of a table, by its name: all workspaces have the same table names. */
static TableGuard
guard_of(const char *name)
{
	for (int i = 0; i < n_workspace_tables; i++)
		if (strcmp(workspace_table_of(i)->name, name) == 0)
			return workspace_table_of(i)->guard;
	return GUARD_DERIVED;
}

static void
refuse_write(const char *table, const char *what)
{
	switch (guard_of(table))
	{
		case GUARD_EVENTS:
			ereport(ERROR,
			        (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			         errmsg("%s of events is not allowed: events are immutable", what),
			         errhint("Insert a correcting event instead, for example a refund or a later "
			                 "value of a trait.")));
			break;
		case GUARD_SETTINGS:
			ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			                errmsg("%s of \"%s\" is not allowed", what, table),
			                errhint("A workspace has one row of settings: UPDATE it.")));
			break;
		case GUARD_DEFINITION:
			/*
			 * TRUNCATE would lock the definitions before profiles. A writer reads
			 * the definitions while it holds its lock on profiles: a deadlock.
			 */
			ereport(ERROR,
			        (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			         errmsg("%s of \"%s\" is not allowed", what, table), errhint("Use DELETE.")));
			break;
		default:
			ereport(ERROR,
			        (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			         errmsg("%s of \"%s\" is not allowed: only cdp writes it", what, table),
			         errdetail("It is derived from the workspace's events."),
			         errhint("Insert events. To restore data into a workspace that exists, use "
			                 "pg_restore --disable-triggers, or restore schema and data "
			                 "together.")));
	}
}

PG_FUNCTION_INFO_V1(cdp_refuse_write);

/*
 * cdp.refuse_write(): BEFORE trigger on tables that only the engine writes. Events are
 * immutable; the derived tables follow from them.
 */
Datum
cdp_refuse_write(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
		                errmsg("cdp.refuse_write must be called as a trigger")));
	if (!row_is_replicated() && !operation_is_writing(RelationGetNamespace(trigger->tg_relation)))
		refuse_write(RelationGetRelationName(trigger->tg_relation),
		             TRIGGER_FIRED_BY_INSERT(trigger->tg_event)   ? "INSERT"
		             : TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? "UPDATE"
		             : TRIGGER_FIRED_BY_DELETE(trigger->tg_event) ? "DELETE"
		                                                          : "TRUNCATE");
	return PointerGetDatum(TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple
	                                                                  : trigger->tg_trigtuple);
}
