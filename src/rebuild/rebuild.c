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
#include "batch/batch.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* Events that are fetched at a time. */
#define FETCH_EVENTS 1000

/*
 * Calls an SQL function of the extension with the workspace's name ($1) and the
 * cause ($2); returns the numbers of its row, of which there are n.
 */
static void
call_for_workspace(Workspace *ws, const char *query, const char *cause, int n, int64 *numbers)
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

/* Works on a batch of events that have been read. */
typedef void (*WorkOnBatch)(Batch *batch, Repairs *repairs);

/* Which events are read: all, or those of the identifiers that a change of rules concerns. */
static const char *const all_events = "SELECT e FROM ONLY %1$s.events AS e "
                                      "ORDER BY LEAST(e.occurred_at, e.received_at), e.event_id";
static const char *const scope_events =
    "SELECT e FROM ONLY %1$s.events AS e "
    "WHERE e.anchor OPERATOR(pg_catalog.=) ANY (SELECT s.identifier FROM pg_temp.cdp_scope s) "
    "OR e.anchor IS NULL AND e.event_id = ANY (SELECT s.event_id FROM pg_temp.cdp_scope_events s) "
    "ORDER BY LEAST(e.occurred_at, e.received_at), e.event_id";

/* Rows of events that have been fetched, each as one value, with the places of dropped columns. */
typedef struct Fetched
{
	TupleTableSlot *slot;
	uint64 n;
	uint64 next;
	HeapTupleData row;
} Fetched;

static bool
next_fetched(InputRun *run)
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
	run->row.slot = fetched->slot;
	run->event = normalise_event_row(run->batch, fetched->slot);
	return true;
}

/*
 * Reads events, in the order in which they happened, and works on them batch by
 * batch; inputs: with what they add to computed traits.
 */
static void
read_events(Store *store, const char *which, bool inputs, WorkOnBatch work, Repairs *repairs)
{
	Workspace *ws = store->ws;
	Batch *batch = batch_create(store, CurrentMemoryContext, "rebuild");
	TupleTableSlot *slot = MakeSingleTupleTableSlot(
	    RelationGetDescr(store_table(store, TABLE_EVENTS)->rel), &TTSOpsHeapTuple);
	char *query = psprintf(which, quote_identifier(ws->name));
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
		Fetched fetched = {slot};
		InputRun run = {batch, next_fetched, &fetched};

		SPI_cursor_fetch(portal, true, FETCH_EVENTS);
		n = fetched.n = SPI_processed;
		if (inputs && inputs_are_wanted(batch))
			inputs_evaluate(&run);
		else
			while (next_fetched(&run))
				CHECK_FOR_INTERRUPTS();
		ExecClearTuple(slot);
		SPI_freetuptable(SPI_tuptable);
		if (batch->n_events > 0 && (n == 0 || batch_is_full(batch)))
		{
			work(batch, repairs);
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

/* Who is seen with whom: it has to be known of all events before the first is replayed. */
static void
record_companions(Batch *batch, Repairs *repairs)
{
	evidence_collect_companions(batch);
	emit_companions(batch);
}

/* Adds the identifiers that people have decided on to what is to be replayed. */
static void
add_decisions(Store *store, Repairs *repairs)
{
	Relation rel = store_table(store, TABLE_DECISIONS)->rel;
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	TableScanDesc scan = table_beginscan(rel, store->snapshot, 0, NULL);

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		bool isnull;

		repairs_add(repairs, DatumGetIdentifierPP(
		                         store_value(store, TABLE_DECISIONS, slot, DECISION_A, &isnull)));
		repairs_add(repairs, DatumGetIdentifierPP(
		                         store_value(store, TABLE_DECISIONS, slot, DECISION_B, &isnull)));
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
}

/* Calls with a store of its own, in a context of its own. */
static void
with_store(Workspace *ws, const char *which, void (*work)(Store *store, const char *which))
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

/* Sends the events through the stages; what their order alone does not decide is replayed then. */
static void
replay_events(Store *store, const char *which)
{
	Repairs repairs = {CurrentMemoryContext};

	read_events(store, which, true, ingest_batch, &repairs);
	add_decisions(store, &repairs);
	if (repairs.n_seeds > 0)
		replay_components(store, repairs.seeds, repairs.n_seeds, "rebuild", false, true);
}

/* Derives all that the events read stand for; returns how many profiles merged and came apart. */
static void
derive(Workspace *ws, bool partial, const char *cause, int64 *changes)
{
	const char *which = partial ? scope_events : all_events;

	call_for_workspace(
	    ws, partial ? "SELECT cdp.rebuild_begin($1, true)" : "SELECT cdp.rebuild_begin($1, false)",
	    cause, 0, NULL);
	if (ws->max_generic_after >= 0)
		with_store(ws, which, read_companions);
	call_for_workspace(ws, "SELECT cdp.rebuild_generic($1)", cause, 0, NULL);
	with_store(ws, which, replay_events);
	call_for_workspace(ws, "SELECT f.merged, f.parted FROM cdp.rebuild_finish($1, $2) f", cause, 2,
	                   changes);
}

/* Does work while the engine may write its tables through SPI. */
void
while_writing(Workspace *ws, void (*work)(Workspace *ws, void *context), void *context)
{
	bool was_writing = store_set_engine_writing(true);

	PG_TRY();
	{
		SPI_connect();
		work(ws, context);
		SPI_finish();
	}
	PG_FINALLY();
	{
		(void) store_set_engine_writing(was_writing);
	}
	PG_END_TRY();
}

static void
derive_all(Workspace *ws, void *context)
{
	int64 changes[2];

	derive(ws, false, (const char *) context, changes);
}

/*
 * Rebuilds a workspace. The caller has locked it, acts as its owner, and has
 * read its definitions of now.
 */
void
rebuild_workspace(Workspace *ws, const char *cause)
{
	while_writing(ws, derive_all, unconstify(char *, cause));
	evaluate_workspace(ws, ws->all_segments, "rebuild", false, false);
}

typedef struct RulesChange
{
	bool companions; /* other identifiers are companions than before */
	int64 *profiles; /* that were derived anew */
	int n_profiles;
	int64 changes[2];
} RulesChange;

static void
derive_concerned(Workspace *ws, void *context)
{
	RulesChange *change = (RulesChange *) context;
	MemoryContext oldcontext;
	int64 concerned;

	call_for_workspace(ws, "SELECT cdp.rules_check($1)", "rules", 0, NULL);
	if (change->companions)
	{
		call_for_workspace(ws, "SELECT cdp.forget_companions($1)", "rules", 0, NULL);
		if (ws->max_generic_after >= 0)
			with_store(ws, all_events, read_companions);
	}
	call_for_workspace(ws, "SELECT cdp.rules_scope($1)", "rules", 1, &concerned);
	if (concerned == 0)
		return;
	derive(ws, true, "rules", change->changes);
	call_for_workspace(ws, "SELECT c.profile_id FROM pg_temp.cdp_changed c ORDER BY c.profile_id",
	                   "rules", 0, NULL);
	oldcontext = MemoryContextSwitchTo(TopTransactionContext);
	change->profiles =
	    MemoryContextAllocHuge(TopTransactionContext, sizeof(int64) * Max(SPI_processed, 1));
	MemoryContextSwitchTo(oldcontext);
	change->n_profiles = SPI_processed;
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool isnull;

		change->profiles[i] =
		    DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
	}
}

/*
 * Identity rules have changed: derives anew what they concern. The caller has
 * locked the workspace, acts as its owner, and has read its definitions of now.
 * companions: who counts for being generic may be others, too.
 */
void
rebuild_concerned(Workspace *ws, bool companions)
{
	RulesChange change = {.companions = companions};

	while_writing(ws, derive_concerned, &change);
	if (change.n_profiles > 0)
	{
		evaluate_listed(ws, change.profiles, change.n_profiles, "rebuild");
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
	lock_workspace(ws, "rebuilding a workspace");
	ws = workspace_of_events(ws->events);
	rebuild_workspace(ws, "rebuild");
	workspace_restore_user(&user);
	PG_RETURN_VOID();
}
