/*
 * tick.c
 *	  Changes by the clock: the flips of due rows are applied, batch by batch. Also reads a
 *	  profile at the statement's time, which writes nothing.
 *
 * A tick never waits for a row. It skips rows that another transaction has locked: that
 * transaction applies the flips itself, or leaves them to the next tick. So ticks of several
 * sessions share the work, and none is part of a deadlock.
 */
#include "segments/segments_internal.h"

#include "access/htup_details.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "profiles/profiles.h"
#include "storage/lmgr.h"
#include "store/lock.h"
#include "tcop/pquery.h"
#include "utils/memutils.h"
#include "utils/typcache.h"
#include "workspace/rights.h"
#include "workspace/rows.h"
#include "workspace/statement.h"

/* Loads due rows into a batch. */
typedef struct LoadDue
{
	Batch *batch;
	TimestampTz from; /* the timer of the last row that was visited */
	TimestampTz now;
	int max_rows;
} LoadDue;

/* The timer of a row of profiles; DT_NOEND: it has none. */
static TimestampTz
timer_of(Store *store, TupleTableSlot *slot)
{
	bool isnull;
	Datum timer = store_value(store, &profiles_table, slot, PROFILE_NEXT_EVALUATION_AT, &isnull);

	return isnull ? DT_NOEND : DatumGetTimestampTz(timer);
}

/* Locks and loads a row, if its newest version is due and no other transaction has locked it. */
static bool
load_due_row(TupleTableSlot *slot, void *context)
{
	LoadDue *due = (LoadDue *) context;
	Batch *batch = due->batch;
	Store *store = batch->store;

	due->from = timer_of(store, slot);
	if (store_lock_if_free(store, &profiles_table, slot) && timer_of(store, slot) <= due->now)
	{
		bool isnull;
		bool found;
		Datum id = store_value(store, &profiles_table, slot, PROFILE_ID, &isnull);

		profiles_load(batch, batch_profile(batch, DatumGetInt64(id), &found), slot);
	}
	return batch->n_profiles < due->max_rows &&
	       MemoryContextMemAllocated(batch->values, true) <= SLICE_BYTES;
}

/*
 * Locks and loads due rows, those that have waited longest first; returns the number of
 * rows. It visits timers from due->from on. Rows before that are done, or locked by others. A
 * visit of them would also read the old versions of rows that this transaction has written.
 */
static int
load_due(LoadDue *due, int max_rows)
{
	StoreRange range = {.bounded = true,
	                    .low = TimestampTzGetDatum(due->from),
	                    .high = TimestampTzGetDatum(due->now),
	                    .last = true};

	due->max_rows = max_rows;
	store_visit(due->batch->store, &profiles_table, &profiles_by_timer, &range, load_due_row, due);
	return due->batch->n_profiles;
}

/* Applies the flips of up to max_rows due rows of a workspace; returns the number of rows. */
static int64
tick(const char *name, int64 max_rows)
{
	Workspace *ws = workspace_by_name(name);
	LoadDue due = {.from = DT_NOBEGIN, .now = cdp_now()};
	WorkspaceUser user;
	MemoryContext context;
	MemoryContext oldcontext;
	Store *store;
	Batch *batch;
	int64 done = 0;
	int n;

	workspace_require_owner(ws);
	statement_require_no_run(ws);
	/* the lock on profiles first: see workspace/cache.c */
	LockRelationOid(workspace_table(ws, &profiles_table)->oid, RowExclusiveLock);
	ws = workspace_by_name(name);
	workspace_become_owner(ws, &user);
	context = AllocSetContextCreate(CurrentMemoryContext, "cdp tick", ALLOCSET_DEFAULT_SIZES);
	oldcontext = MemoryContextSwitchTo(context);
	store = store_begin(ws);
	batch = batch_create(store, context, CAUSE_CLOCK);
	due.batch = batch;
	while (done < max_rows && (n = load_due(&due, (int) Min(max_rows - done, SLICE_PROFILES))) > 0)
	{
		batch->slice = batch->profiles;
		batch->n_slice = n;
		evaluate_changed(batch);
		profiles_write_slice(batch);
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

/* cdp.tick(workspace, max_rows) -> bigint: applies the flips of one batch of due rows. */
Datum
cdp_tick(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(tick(NameStr(*PG_GETARG_NAME(0)), check_max_rows(PG_GETARG_INT64(1))));
}

PG_FUNCTION_INFO_V1(cdp_run);

/*
 * cdp.run(workspace, max_rows): procedure that does the same for all due rows, with max_rows
 * in each of its transactions. It skips rows that other transactions have locked.
 */
Datum
cdp_run(PG_FUNCTION_ARGS)
{
	CallContext *call = (CallContext *) fcinfo->context;
	char *name;
	int64 max_rows;
	int64 done;

	/* a procedure is called with nulls, too */
	for (int i = 0; i < PG_NARGS(); i++)
		if (PG_ARGISNULL(i))
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			                errmsg("argument %d of cdp.run must not be null", i + 1)));
	name = pstrdup(NameStr(*PG_GETARG_NAME(0)));
	max_rows = check_max_rows(PG_GETARG_INT64(1));
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

/* Whose rights the last call of cdp.segments_now has looked at. */
typedef struct Reader
{
	const Workspace *ws;
	Oid user;
} Reader;

/* Errors if the caller may not know who is in which segment. */
static void
require_members(FunctionCallInfo fcinfo, const Workspace *ws)
{
	Reader *reader = (Reader *) fcinfo->flinfo->fn_extra;

	if (reader == NULL)
		reader = fcinfo->flinfo->fn_extra =
		    MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(Reader));
	if (reader->ws == ws && reader->user == GetUserId())
		return;
	workspace_require_usage(ws);
	workspace_require_select(ws, profiles_table.name, "segments");
	*reader = (Reader){ws, GetUserId()};
}

PG_FUNCTION_INFO_V1(cdp_segments_now);

/*
 * cdp.segments_now(row of profiles) -> segment_set: the segments that the profile is in at
 * the statement's time. Evaluates them if the row is due; writes nothing.
 */
Datum
cdp_segments_now(PG_FUNCTION_ARGS)
{
	HeapTupleHeader row = row_argument(fcinfo, 0);
	Workspace *ws = workspace_of_row(row);
	TupleDesc desc =
	    lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(row), HeapTupleHeaderGetTypMod(row));
	const AttrNumber *columns = workspace_table(ws, &profiles_table)->columns;
	TimestampTz now = cdp_statement_now();
	HeapTupleData tuple = {0};
	TupleTableSlot *slot;
	Batch *batch;
	Profile *profile;
	WorkspaceUser user;
	Datum next;
	bool isnull;

	require_members(fcinfo, ws);
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
	batch->cause = CAUSE_CLOCK;
	batch->instant = now;
	profile = palloc0(sizeof(Profile));
	slot = MakeSingleTupleTableSlot(desc, &TTSOpsHeapTuple);
	ExecStoreHeapTuple(&tuple, slot, false);
	workspace_check_row(ws, &profiles_table, slot);
	profiles_load(batch, profile, slot);
	profile->first_event = -1;
	ExecDropSingleTupleTableSlot(slot);
	workspace_evaluate_as_owner(ws, &user);
	evaluate_read_profile(batch, profile, desc);
	workspace_restore_user(&user);
	ReleaseTupleDesc(desc);
	PG_RETURN_DATUM(SegmentSetPGetDatum(profile->segments));
}
