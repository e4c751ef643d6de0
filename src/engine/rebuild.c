/*
 * rebuild.c
 *	  Derives a workspace anew from its events, by the rules of now: anchors,
 *	  identifiers, evidence and profiles. Ids are kept.
 *
 * The events go through the same stages as when they came in; what stands
 * around that is set-based SQL (sql/workspace/rebuild.sql): putting the old
 * state aside, and giving the new profiles their ids, the users' own columns
 * and the times at which segments were entered back.
 */
#include "engine/engine.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* Events that are fetched at a time. */
#define FETCH_EVENTS 1000

/* Calls an SQL function of the extension with the workspace's name. */
static void
call_for_workspace(Workspace *ws, const char *query)
{
	Oid types[1] = {NAMEOID};
	Datum values[1];
	NameData name;

	namestrcpy(&name, ws->name);
	values[0] = NameGetDatum(&name);
	if (SPI_execute_with_args(query, 1, types, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not execute \"%s\"", query);
}

/* Sends all events through the stages, in the order in which they happened. */
static void
replay_events(Workspace *ws)
{
	MemoryContext context =
	    AllocSetContextCreate(CurrentMemoryContext, "cdp replay", ALLOCSET_DEFAULT_SIZES);
	MemoryContext oldcontext = MemoryContextSwitchTo(context);
	Store *store = store_begin(ws);
	Batch *batch = batch_create(store, context, "rebuild");
	TupleTableSlot *slot = MakeSingleTupleTableSlot(
	    RelationGetDescr(store_table(store, TABLE_EVENTS)->rel), &TTSOpsHeapTuple);
	char *query = psprintf("SELECT e.* FROM ONLY %s.events AS e ORDER BY "
	                       "LEAST(e.occurred_at, e.received_at), e.event_id",
	                       quote_identifier(ws->name));
	SPIPlanPtr plan = SPI_prepare(query, 0, NULL);
	Portal portal;

	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\"", query);
	/* not read-only: with a snapshot of now, after the wait for the lock */
	portal = SPI_cursor_open(NULL, plan, NULL, NULL, false);
	batch->rebuilding = true;
	for (;;)
	{
		uint64 n;

		SPI_cursor_fetch(portal, true, FETCH_EVENTS);
		n = SPI_processed;
		for (uint64 i = 0; i < n; i++)
		{
			Event *event;

			CHECK_FOR_INTERRUPTS();
			ExecForceStoreHeapTuple(SPI_tuptable->vals[i], slot, false);
			event = normalise_event_row(batch, slot);
			ingest_correct_anchor(batch, event, slot);
			ExecClearTuple(slot);
		}
		SPI_freetuptable(SPI_tuptable);
		if (batch->n_events > 0 && (n == 0 || batch_is_full(batch)))
		{
			ingest_batch(batch);
			batch_reset(batch);
			store_refresh(store);
		}
		if (n == 0)
			break;
	}
	SPI_cursor_close(portal);
	SPI_freeplan(plan);
	ExecDropSingleTupleTableSlot(slot);
	store_end(store);
	MemoryContextSwitchTo(oldcontext);
	MemoryContextDelete(context);
}

/*
 * Rebuilds a workspace. The caller has locked it, acts as its owner, and has
 * read its definitions of now.
 */
void
rebuild_workspace(Workspace *ws)
{
	bool was_writing = store_set_engine_writing(true);

	PG_TRY();
	{
		SPI_connect();
		call_for_workspace(ws, "SELECT cdp.rebuild_begin($1)");
		replay_events(ws);
		call_for_workspace(ws, "SELECT cdp.rebuild_finish($1)");
		SPI_finish();
	}
	PG_FINALLY();
	{
		(void) store_set_engine_writing(was_writing);
	}
	PG_END_TRY();
	evaluate_workspace(ws, ws->all_segments, "rebuild", false);
}

PG_FUNCTION_INFO_V1(cdp_rebuild);

/* cdp.rebuild(workspace): derives everything from the events again. */
Datum
cdp_rebuild(PG_FUNCTION_ARGS)
{
	Workspace *ws = workspace_by_name(NameStr(*PG_GETARG_NAME(0)));
	WorkspaceUser user;

	workspace_require_owner(ws);
	workspace_become_owner(ws, &user);
	lock_workspace(ws, "rebuilding a workspace");
	ws = workspace_of_events(ws->events);
	rebuild_workspace(ws);
	workspace_restore_user(&user);
	PG_RETURN_VOID();
}
