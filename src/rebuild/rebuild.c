/*
 * rebuild.c
 *	  Derives a workspace from its events again, by its current rules: anchors,
 *	  identifiers, evidence and profiles. Ids are kept.
 *
 * The events go through the same stages as when they came in. Before that, set-based SQL
 * (sql/rebuild) puts the old state aside. After it, SQL gives the new profiles their old
 * ids, the users' own columns, and the times at which segments were entered.
 */
#include "rebuild/rebuild_internal.h"

#include "identity/identity.h"
#include "segments/segments.h"
#include "store/lock.h"
#include "workspace/lock.h"
#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "events/events.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pipeline/pipeline.h"
#include "replay/replay.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* Events that are fetched at a time. */
#define FETCH_EVENTS 1000

/*
 * Runs a query with the workspace's name ($1) and the cause ($2). *numbers gets the n numbers
 * of its first row.
 */
static void
call_for_workspace(Workspace *ws, const char *query, Cause cause, int n, int64 *numbers)
{
	Oid types[2] = {NAMEOID, TEXTOID};
	Datum values[2];
	NameData name;

	namestrcpy(&name, ws->name);
	values[0] = NameGetDatum(&name);
	values[1] = CStringGetTextDatum(cause);
	if (SPI_execute_with_args(query, 2, types, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not execute \"%s\"", query);
	for (int i = 0; i < n; i++)
	{
		bool isnull;

		numbers[i] = DatumGetInt64(
		    SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, i + 1, &isnull));
	}
}

/* Called with a batch of events that have been read. */
typedef void (*WorkOnBatch)(Batch *batch, ReplayQueue *queue);

/*
 * Which events are read: all, or those of the identifiers that a change of rules concerns.
 * The workspace's name and the suffix of the temporary tables stand for %1$s and %2$s; $1 is
 * earliest_event of the settings.
 */
static const char *const all_events =
    "SELECT e FROM ONLY %1$s.events AS e "
    "ORDER BY cdp.effective_at(e.occurred_at, e.received_at, $1), e.event_id";
static const char *const scope_events =
    "SELECT e FROM ONLY %1$s.events AS e "
    "WHERE e.anchor OPERATOR(pg_catalog.=) ANY (SELECT s.identifier FROM pg_temp.cdp_scope%2$s s) "
    "OR e.anchor IS NULL AND e.event_id OPERATOR(pg_catalog.=) "
    "ANY (SELECT s.event_id FROM pg_temp.cdp_scope_events%2$s s) "
    "ORDER BY cdp.effective_at(e.occurred_at, e.received_at, $1), e.event_id";

/*
 * Rows of events that have been fetched. Each is one composite value, so that its dropped
 * columns have their places.
 */
typedef struct Fetched
{
	TupleTableSlot *slot;
	uint64 n;
	uint64 next;
	HeapTupleData row;
} Fetched;

static bool
next_fetched(EventRun *run)
{
	Fetched *fetched = (Fetched *) run->context;
	HeapTupleHeader header;
	bool isnull;

	if (fetched->next == fetched->n)
		return false;
	header = DatumGetHeapTupleHeader(
	    SPI_getbinval(SPI_tuptable->vals[fetched->next++], SPI_tuptable->tupdesc, 1, &isnull));
	fetched->row.t_len = HeapTupleHeaderGetDatumLength(header);
	fetched->row.t_data = header;
	ExecForceStoreHeapTuple(&fetched->row, fetched->slot, false);
	run->slot = fetched->slot;
	run->event = events_read_stored(run->batch, fetched->slot);
	return true;
}

/*
 * Reads events in the order in which they happened, and calls work batch by batch. values:
 * the parts see the rows too.
 */
static void
read_events(Store *store, const char *which, bool values, WorkOnBatch work, ReplayQueue *queue)
{
	Workspace *ws = store_workspace(store);
	Batch *batch = batch_create(store, CurrentMemoryContext, CAUSE_REBUILD);
	TupleTableSlot *slot =
	    MakeSingleTupleTableSlot(store_row_type(store, &events_table), &TTSOpsHeapTuple);
	char *query = psprintf(which, quote_identifier(ws->name), work_tables_suffix());
	Oid types[1] = {TIMESTAMPTZOID};
	Datum parameters[1] = {TimestampTzGetDatum(ws->earliest_event)};
	SPIPlanPtr plan = SPI_prepare(query, 1, types);
	Portal portal;

	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\"", query);
	/* not read-only: it needs a new snapshot, taken after the wait for the lock */
	portal = SPI_cursor_open(NULL, plan, parameters, NULL, false);
	batch->rebuilding = true;
	for (;;)
	{
		uint64 n;
		Fetched fetched = {slot};
		EventRun run = {batch, next_fetched, &fetched};

		SPI_cursor_fetch(portal, true, FETCH_EVENTS);
		n = fetched.n = SPI_processed;
		if (values)
			events_run(&run);
		else
			while (next_fetched(&run))
				CHECK_FOR_INTERRUPTS();
		ExecClearTuple(slot);
		SPI_freetuptable(SPI_tuptable);
		if (batch->n_events > 0 && (n == 0 || batch_is_full(batch)))
		{
			work(batch, queue);
			batch_reset(batch);
			store_refresh(store);
		}
		if (n == 0)
			break;
	}
	SPI_cursor_close(portal);
	SPI_freeplan(plan);
	ExecDropSingleTupleTableSlot(slot);
}

/*
 * Records co-occurring identifiers: all of them must be known before the first event is
 * replayed.
 */
static void
record_companions(Batch *batch, ReplayQueue *queue)
{
	identity_record_companions(batch);
}

typedef struct AddDecisions
{
	Store *store;
	ReplayQueue *queue;
} AddDecisions;

/* Adds the identifiers that people have decided on to the replay queue. */
static bool
add_decision(TupleTableSlot *slot, void *context)
{
	AddDecisions *add = (AddDecisions *) context;
	bool isnull;

	for (int column = DECISION_A; column <= DECISION_B; column++)
		replay_queue_add(add->queue, DatumGetIdentifierPP(store_value(add->store, &decisions_table,
		                                                              slot, column, &isnull)));
	return true;
}

/* Calls work with a store of its own, in a memory context of its own. */
static void
call_with_store(Workspace *ws, const char *which, void (*work)(Store *store, const char *which))
{
	MemoryContext context =
	    AllocSetContextCreate(CurrentMemoryContext, "cdp rebuild", ALLOCSET_DEFAULT_SIZES);
	MemoryContext oldcontext = MemoryContextSwitchTo(context);
	Store *store = store_begin(ws);

	work(store, which);
	store_end(store);
	MemoryContextSwitchTo(oldcontext);
	MemoryContextDelete(context);
}

static void
read_companions(Store *store, const char *which)
{
	read_events(store, which, false, record_companions, NULL);
}

/* Sends the events through the stages; then replays what their order alone does not decide. */
static void
replay_events(Store *store, const char *which)
{
	ReplayQueue queue = {CurrentMemoryContext};
	AddDecisions add = {store, &queue};

	read_events(store, which, true, pipeline_run, &queue);
	store_visit_all(store, &decisions_table, add_decision, &add);
	if (queue.n > 0)
		replay_components(store, queue.identifiers, queue.n, CAUSE_REBUILD, REPLAY_REBUILDING);
}

/*
 * Derives again what all events stand for; partial: the events in the scope. changes:
 * merged, split.
 */
static void
derive(Workspace *ws, bool partial, Cause cause, int64 *changes)
{
	const char *which = partial ? scope_events : all_events;

	work_tables_create(WORK_STATE);
	call_for_workspace(
	    ws, partial ? "SELECT cdp.rebuild_begin($1, true)" : "SELECT cdp.rebuild_begin($1, false)",
	    cause, 0, NULL);
	if (namespaces_of(ws)->max_generic_after >= 0)
		call_with_store(ws, which, read_companions);
	call_for_workspace(ws, "SELECT cdp.rebuild_generic($1)", cause, 0, NULL);
	call_with_store(ws, which, replay_events);
	call_for_workspace(ws, "SELECT f.merged, f.parted FROM cdp.rebuild_finish($1, $2) f", cause, 2,
	                   changes);
}

static void
derive_all(Workspace *ws, void *context)
{
	int64 changes[2];

	work_tables_begin();
	derive(ws, false, *(Cause *) context, changes);
	work_tables_drop();
}

void
rebuild_workspace(Workspace *ws, Cause cause)
{
	store_while_writing(ws, derive_all, &cause);
	segments_sweep(ws, segments_of(ws)->all_segments, CAUSE_REBUILD, SWEEP_REDEFINED);
}

typedef struct RulesChange
{
	bool companions; /* co-occurring identifiers are recorded again */
	int64 *profiles; /* profiles that were derived again */
	int n_profiles;
	int64 changes[2]; /* number of profiles that were merged, and that came apart */
} RulesChange;

/* Keeps the ids of the profiles that were derived again. SPI's own memory is freed with the work. */
static void
read_changed(Workspace *ws, RulesChange *change)
{
	char *query = psprintf("SELECT c.profile_id FROM pg_temp.cdp_changed%s c ORDER BY c.profile_id",
	                       work_tables_suffix());

	call_for_workspace(ws, query, CAUSE_RULES, 0, NULL);
	change->profiles =
	    MemoryContextAllocHuge(TopTransactionContext, sizeof(int64) * Max(SPI_processed, 1));
	change->n_profiles = SPI_processed;
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool isnull;

		change->profiles[i] =
		    DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
	}
	pfree(query);
}

static void
derive_concerned(Workspace *ws, void *context)
{
	RulesChange *change = (RulesChange *) context;
	int64 concerned;

	call_for_workspace(ws, "SELECT cdp.rules_check($1)", CAUSE_RULES, 0, NULL);
	if (change->companions)
	{
		call_for_workspace(ws, "SELECT cdp.forget_companions($1)", CAUSE_RULES, 0, NULL);
		if (namespaces_of(ws)->max_generic_after >= 0)
			call_with_store(ws, all_events, read_companions);
	}
	work_tables_begin();
	work_tables_create(WORK_SCOPE);
	call_for_workspace(ws, "SELECT cdp.rules_scope($1)", CAUSE_RULES, 1, &concerned);
	if (concerned > 0)
	{
		derive(ws, true, CAUSE_RULES, change->changes);
		read_changed(ws, change);
	}
	work_tables_drop();
}

void
rebuild_concerned(Workspace *ws, bool companions)
{
	RulesChange change = {.companions = companions};

	store_while_writing(ws, derive_concerned, &change);
	if (change.n_profiles > 0)
	{
		segments_sweep_listed(ws, change.profiles, change.n_profiles, CAUSE_REBUILD);
		pfree(change.profiles);
	}
	if (change.changes[0] > 0 || change.changes[1] > 0)
		ereport(NOTICE, (errmsg("identity rules of workspace \"%s\": profiles merged: " INT64_FORMAT
		                        ", split: " INT64_FORMAT,
		                        ws->name, change.changes[0], change.changes[1]),
		                 errhint("See %s.merges.", quote_identifier(ws->name))));
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
	workspace_lock(ws, "rebuilding a workspace");
	ws = workspace_of_events(ws->events);
	rebuild_workspace(ws, CAUSE_REBUILD);
	workspace_restore_user(&user);
	PG_RETURN_VOID();
}
