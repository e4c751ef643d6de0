/*
 * tick.c
 *	  Changes by the clock: rows that are due are played, batch by batch; and
 *	  reads of a profile as of now, which write nothing.
 *
 * A tick waits for nobody: it skips rows that somebody has locked, whose
 * transaction plays them itself, or leaves them to the next tick. So ticks of
 * several sessions share the work, and none is part of a deadlock.
 */
#include "batch/batch.h"

#include "access/htup_details.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/lmgr.h"
#include "tcop/pquery.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/typcache.h"

/* Whether a row of profiles is due at an instant. */
static bool
row_is_due(Store *store, TupleTableSlot *slot, TimestampTz now)
{
	bool isnull;
	Datum next = store_value(store, TABLE_PROFILES, slot, PROFILE_NEXT_EVALUATION_AT, &isnull);

	return !isnull && DatumGetTimestampTz(next) <= now;
}

/* Locks the row that a scan has found, and reads its newest version; false: not to be had. */
static bool
lock_due_row(Store *store, TupleTableSlot *slot, TimestampTz now)
{
	ItemPointerData tid = slot->tts_tid;
	TM_FailureData failure;
	TM_Result result = table_tuple_lock(
	    store_table(store, TABLE_PROFILES)->rel, &tid, store->snapshot, slot,
	    store->estate->es_output_cid, LockTupleNoKeyExclusive, LockWaitSkip,
	    IsolationUsesXactSnapshot() ? 0 : TUPLE_LOCK_FLAG_FIND_LAST_VERSION, &failure);

	if ((result == TM_Updated || result == TM_Deleted) && IsolationUsesXactSnapshot())
		ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
		                errmsg("could not serialize access due to concurrent update"),
		                errhint("Retry the transaction.")));
	return result == TM_Ok && row_is_due(store, slot, now);
}

/*
 * Locks and loads due rows, those that have waited longest first; returns how
 * many. *from is the time from which on it looks, and then the last one that it
 * has come to: what lies before is done, or somebody else's, and old versions
 * of rows that this transaction has written would be walked over again.
 */
static int
load_due(Batch *batch, TimestampTz *from, TimestampTz now, int max_rows)
{
	Store *store = batch->store;
	Relation rel = store_table(store, TABLE_PROFILES)->rel;
	Relation index = index_open(batch->ws->profiles_by_timer, RowExclusiveLock);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	IndexScanDesc scan = CdpIndexBeginScan(rel, index, store->snapshot, 2);
	ScanKeyData keys[2];

	ScanKeyInit(&keys[0], 1, BTGreaterEqualStrategyNumber, F_TIMESTAMPTZ_GE,
	            TimestampTzGetDatum(*from));
	ScanKeyInit(&keys[1], 1, BTLessEqualStrategyNumber, F_TIMESTAMPTZ_LE, TimestampTzGetDatum(now));
	index_rescan(scan, keys, 2, NULL, 0);
	while (batch->n_profiles < max_rows &&
	       MemoryContextMemAllocated(batch->values, true) <= SLICE_BYTES &&
	       index_getnext_slot(scan, ForwardScanDirection, slot))
	{
		bool found;
		bool isnull;

		CHECK_FOR_INTERRUPTS();
		*from = DatumGetTimestampTz(
		    store_value(store, TABLE_PROFILES, slot, PROFILE_NEXT_EVALUATION_AT, &isnull));
		if (lock_due_row(store, slot, now))
			fold_load_profile(batch,
			                  batch_profile(batch,
			                                DatumGetInt64(store_value(store, TABLE_PROFILES, slot,
			                                                          PROFILE_ID, &isnull)),
			                                &found),
			                  slot);
	}
	index_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	index_close(index, NoLock);
	return batch->n_profiles;
}

/* Plays up to so many due rows of a workspace; returns how many it were. */
static int64
tick(const char *name, int64 max_rows)
{
	Workspace *ws = workspace_by_name(name);
	TimestampTz now = cdp_now();
	WorkspaceUser user;
	MemoryContext context;
	MemoryContext oldcontext;
	Store *store;
	Batch *batch;
	TimestampTz from = DT_NOBEGIN;
	int64 done = 0;
	int n;

	workspace_require_owner(ws);
	/* the lock on profiles first: see workspace.c */
	LockRelationOid(ws->tables[TABLE_PROFILES], RowExclusiveLock);
	ws = workspace_by_name(name);
	workspace_become_owner(ws, &user);
	context = AllocSetContextCreate(CurrentMemoryContext, "cdp tick", ALLOCSET_DEFAULT_SIZES);
	oldcontext = MemoryContextSwitchTo(context);
	store = store_begin(ws);
	batch = batch_create(store, context, "clock");
	while (done < max_rows &&
	       (n = load_due(batch, &from, now, (int) Min(max_rows - done, SLICE_PROFILES))) > 0)
	{
		batch->slice = batch->profiles;
		batch->n_slice = n;
		evaluate_profiles(batch, NULL, false);
		emit_slice(batch);
		batch_reset(batch);
		store_refresh(store);
		done += n;
	}
	store_end(store);
	workspace_restore_user(&user);
	MemoryContextSwitchTo(oldcontext);
	MemoryContextDelete(context);
	return done;
}

static int64
check_max_rows(int64 max_rows)
{
	if (max_rows < 1)
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("max_rows must be positive"),
		         errdetail("It is " INT64_FORMAT ".", max_rows)));
	return max_rows;
}

PG_FUNCTION_INFO_V1(cdp_tick);

/* cdp.tick(workspace, max_rows) -> bigint: plays one batch of due rows. */
Datum
cdp_tick(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(tick(NameStr(*PG_GETARG_NAME(0)), check_max_rows(PG_GETARG_INT64(1))));
}

PG_FUNCTION_INFO_V1(cdp_run);

/*
 * cdp.run(workspace, max_rows): procedure that plays all due rows, max_rows in
 * each of its transactions. Rows that others have locked are theirs.
 */
Datum
cdp_run(PG_FUNCTION_ARGS)
{
	char *name = pstrdup(NameStr(*PG_GETARG_NAME(0)));
	int64 max_rows = check_max_rows(PG_GETARG_INT64(1));
	CallContext *call = (CallContext *) fcinfo->context;
	int64 done;

	if (call == NULL || !IsA(call, CallContext) || call->atomic)
		ereport(ERROR, (errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
		                errmsg("cdp.run cannot be called within a transaction"),
		                errdetail("It commits after each batch."),
		                errhint("Call it by itself, or use cdp.tick.")));
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	do
	{
		CHECK_FOR_INTERRUPTS();
		EnsurePortalSnapshotExists();
		done = tick(name, max_rows);
		SPI_commit();
	} while (done > 0);
	SPI_finish();
	PG_RETURN_VOID();
}

/* The workspace whose profiles have this row type. */
Workspace *
workspace_of_row(Oid type)
{
	Oid relid = get_typ_typrelid(getBaseType(type));
	Oid events =
	    OidIsValid(relid) ? get_relname_relid("events", get_rel_namespace(relid)) : InvalidOid;
	Workspace *ws = OidIsValid(events) ? workspace_of_events(events) : NULL;

	if (ws == NULL || ws->tables[TABLE_PROFILES] != relid)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
		                errmsg("%s is no row of a workspace's profiles", format_type_be(type)),
		                errhint("Call it as in SELECT cdp.segments_now(p) FROM shop.profiles p.")));
	return ws;
}

PG_FUNCTION_INFO_V1(cdp_segments_now);

/*
 * cdp.segments_now(row of profiles) -> segment_set: what the profile is in at
 * the statement's time. Evaluates where the row is due, and writes nothing.
 */
Datum
cdp_segments_now(PG_FUNCTION_ARGS)
{
	HeapTupleHeader row = PG_GETARG_HEAPTUPLEHEADER(0);
	Workspace *ws = workspace_of_row(HeapTupleHeaderGetTypeId(row));
	TupleDesc desc =
	    lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(row), HeapTupleHeaderGetTypMod(row));
	const AttrNumber *columns = ws->columns[TABLE_PROFILES];
	TimestampTz now = cdp_statement_now();
	HeapTupleData tuple = {0};
	TupleTableSlot *slot;
	Batch *batch;
	Profile *profile;
	Datum next;
	bool isnull;

	tuple.t_len = HeapTupleHeaderGetDatumLength(row);
	tuple.t_data = row;
	next = heap_getattr(&tuple, columns[PROFILE_NEXT_EVALUATION_AT], desc, &isnull);
	if (isnull || DatumGetTimestampTz(next) > now)
	{
		Datum segments = heap_getattr(&tuple, columns[PROFILE_SEGMENTS], desc, &isnull);

		ReleaseTupleDesc(desc);
		if (isnull)
			PG_RETURN_NULL();
		PG_RETURN_DATUM(segments);
	}

	batch = palloc0(sizeof(Batch));
	batch->ws = ws;
	batch->context = batch->values = CurrentMemoryContext;
	batch->cause = "clock";
	batch->instant = now;
	profile = palloc0(sizeof(Profile));
	slot = MakeSingleTupleTableSlot(desc, &TTSOpsHeapTuple);
	ExecStoreHeapTuple(&tuple, slot, false);
	fold_load_profile(batch, profile, slot);
	profile->first_event = -1;
	ExecDropSingleTupleTableSlot(slot);
	evaluate_read_profile(batch, profile, desc);
	ReleaseTupleDesc(desc);
	PG_RETURN_DATUM(SegmentSetPGetDatum(profile->segments));
}
