/*
 * ingest.c
 *	  The engine's entrance: the statement-level trigger on events.
 *
 * A statement of one batch is read once and goes through the five stages. A larger one
 * first takes all its locks, in their order: event ids, new identifiers, profiles. Each of
 * these is sorted over the whole statement, on disk if there are many. Then it goes batch by
 * batch. Memory is bounded by the batch, except for one bit per row and per identifier.
 */
#include "ingest/ingest_internal.h"

#include "commands/trigger.h"
#include "miscadmin.h"
#include "pipeline/pipeline.h"
#include "replay/replay.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"
#include "workspace/replication.h"
#include "workspace/rights.h"
#include "workspace/statement.h"

/* A statement of several batches: takes all locks first, then goes batch by batch. */
static void
ingest_in_batches(Statement *statement)
{
	Batch *batch = statement->batch;
	int64 row = 0;
	bool rows_left;

	batch_reset(batch);
	statement_lock(statement);
	statement_rewind(statement);
	do
	{
		rows_left = statement_fill(statement, &row);
		store_refresh(statement->store);
		identity_read(batch);
		pipeline_run_locked(batch, &statement->queue);
		batch_reset(batch);
	} while (rows_left);
}

/* The work of the trigger; context: the statement. */
static void
ingest_statement(void *context)
{
	Statement *statement = (Statement *) context;
	int64 row = 0;

	event_ids_claim(statement);
	/* remove repeats first: their rows are found by the anchors that they were inserted with */
	if (statement->n_repeated > 0)
		event_ids_remove_repeated(statement);
	event_counts_add(statement);
	statement_rewind(statement);
	if (statement->n_rows > batch_events || statement_fill(statement, &row))
		ingest_in_batches(statement);
	else
		pipeline_run(statement->batch, &statement->queue);
	if (statement->queue.n > 0)
	{
		statement_require_no_other_insert(statement->trigger, "inserting events out of order");
		store_refresh(statement->store);
		replay_components(statement->store, statement->queue.identifiers, statement->queue.n,
		                  CAUSE_EVENT, 0);
	}
}

/* The work of the trigger, the owner's AFTER triggers of rows that it writes included. */
static void
ingest_and_end(void *context)
{
	Statement *statement = (Statement *) context;

	ingest_statement(statement);
	ExecDropSingleTupleTableSlot(statement->slot);
	statement_ends(statement->trigger); /* what owners' triggers do now follows the statement */
	store_end(statement->store);
}

PG_FUNCTION_INFO_V1(cdp_ingest_events);

/*
 * cdp.ingest_events(): AFTER INSERT statement trigger on events, with a
 * transition table. Works as the owner of the workspace's tables.
 */
Datum
cdp_ingest_events(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Statement statement = {0};
	Workspace *ws;
	WorkspaceUser user;
	MemoryContext context;
	MemoryContext oldcontext;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) ||
	    !TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event) ||
	    !TRIGGER_FIRED_BY_INSERT(trigger->tg_event) || trigger->tg_newtable == NULL)
		ereport(ERROR,
		        (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
		         errmsg("cdp.ingest_events must be fired after insert for each statement, with a "
		                "new table")));
	statement.trigger = trigger;
	statement.rows = trigger->tg_newtable;
	statement.n_rows = tuplestore_tuple_count(statement.rows);
	if (statement.n_rows == 0 || row_is_replicated())
	{
		statement_ends(trigger);
		return PointerGetDatum(NULL);
	}

	/* the lock on profiles first: see workspace/cache.c */
	ws = workspace_of_events(RelationGetRelid(trigger->tg_relation));
	LockRelationOid(workspace_table(ws, &profiles_table)->oid, RowExclusiveLock);
	ws = workspace_of_events(RelationGetRelid(trigger->tg_relation));
	workspace_become_owner(ws, &user);

	context = AllocSetContextCreate(CurrentMemoryContext, "cdp ingest", ALLOCSET_DEFAULT_SIZES);
	oldcontext = MemoryContextSwitchTo(context);
	statement.context = statement.queue.context = context;
	statement.store = store_begin(ws);
	statement.batch = batch_create(statement.store, context, CAUSE_EVENT);
	statement.slot =
	    MakeSingleTupleTableSlot(RelationGetDescr(trigger->tg_relation), &TTSOpsMinimalTuple);
	workspace_hide_values(ws, user.user, ingest_and_end, &statement);
	workspace_restore_user(&user);
	MemoryContextSwitchTo(oldcontext);
	MemoryContextDelete(context);
	return PointerGetDatum(NULL);
}
