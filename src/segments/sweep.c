/*
 * sweep.c
 *	  Evaluates segments on many profiles: on all, on those that an UPDATE has changed, or on
 *	  some.
 */
#include "segments/segments_internal.h"

#include "commands/trigger.h"
#include "miscadmin.h"
#include "profiles/profiles.h"
#include "store/lock.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"
#include "workspace/lock.h"
#include "workspace/rights.h"
#include "workspace/statement.h"

typedef struct ForgetFailures
{
	Store *store;
	const Bitmapset *wanted;
} ForgetFailures;

/* Deletes a failure of a segment that is evaluated again on every profile, or was deleted. */
static bool
forget_failure(TupleTableSlot *slot, void *context)
{
	ForgetFailures *forget = (ForgetFailures *) context;
	const Workspace *ws = store_workspace(forget->store);
	bool isnull;
	char *name = TextDatumGetCString(
	    store_value(forget->store, &segment_errors_table, slot, ERROR_SEGMENT, &isnull));
	int index = defined_names_find(&ws->segment_names, name);

	if (index < 0 || bms_is_member(segments_of(ws)->segments[index].rank, forget->wanted))
		store_delete(forget->store, &segment_errors_table, &slot->tts_tid);
	pfree(name);
	return true;
}

/* A sweep has a store and a batch of its own, in a context of its own. */
typedef struct Sweep
{
	MemoryContext context;
	MemoryContext outer;
	Store *store;
	Batch *batch;
} Sweep;

static void
sweep_begin(Sweep *sweep, Workspace *ws, Cause cause)
{
	sweep->context =
	    AllocSetContextCreate(CurrentMemoryContext, "cdp sweep", ALLOCSET_DEFAULT_SIZES);
	sweep->outer = MemoryContextSwitchTo(sweep->context);
	sweep->store = store_begin(ws);
	sweep->batch = batch_create(sweep->store, sweep->context, cause);
}

/* Evaluates the wanted segments on the profiles that the batch has loaded. */
static void
sweep_evaluate(Sweep *sweep, const Bitmapset *wanted, int flags)
{
	Batch *batch = sweep->batch;

	batch->slice = batch->profiles;
	batch->n_slice = batch->n_profiles;
	evaluate_wanted(batch, wanted, flags);
}

/* Writes the results of a slice, and makes room for the next. */
static void
sweep_emit(Sweep *sweep)
{
	profiles_write_slice(sweep->batch);
	batch_reset(sweep->batch);
	store_refresh(sweep->store);
}

static void
sweep_end(Sweep *sweep)
{
	store_end(sweep->store);
	MemoryContextSwitchTo(sweep->outer);
	MemoryContextDelete(sweep->context);
}

/* Whether the batch has room for another profile. */
static bool
has_room(const Batch *batch)
{
	return batch->n_profiles < SLICE_PROFILES &&
	       MemoryContextMemAllocated(batch->values, true) <= SLICE_BYTES;
}

void
segments_sweep(Workspace *ws, const Bitmapset *wanted, Cause cause, int flags)
{
	Sweep sweep;
	Batch *batch;
	ForgetFailures forget = {.wanted = wanted};
	StoreScan *scan;
	bool rows_left = true;
	bool screen = true;

	sweep_begin(&sweep, ws, cause);
	batch = sweep.batch;
	scan = store_scan_begin(sweep.store, &profiles_table);
	forget.store = sweep.store;
	store_visit_all(sweep.store, &segment_errors_table, forget_failure, &forget);
	store_refresh(sweep.store);
	while (rows_left)
	{
		int n_rows;
		int n_written;

		rows_left = sweep_load(batch, wanted, flags, scan, screen, &n_rows);
		sweep_evaluate(&sweep, wanted, flags);
		n_written = segments_batch(batch)->n_failures;
		for (int i = 0; i < batch->n_slice; i++)
			n_written += batch->slice[i]->changed != NULL;
		screen = n_written < n_rows / 2; /* else most rows are loaded anyway */
		sweep_write(batch);
		sweep_emit(&sweep);
	}
	store_scan_end(scan);
	sweep_end(&sweep);
}

/* The segments that read one of the users' own columns of profiles. */
static Bitmapset *
segments_of_own_columns(Workspace *ws)
{
	const Segments *segments = segments_of(ws);
	const TableState *profiles = workspace_table(ws, &profiles_table);
	Bitmapset *engines = NULL;
	Bitmapset *result = NULL;

	for (int i = 0; i < profiles->n_columns; i++)
		engines = bms_add_member(engines, profiles->columns[i]);
	for (int i = 0; i < segments->n_segments; i++)
		if (!bms_is_subset(segments->segments[i].expression.columns, engines))
			result = bms_add_member(result, segments->segments[i].rank);
	return result;
}

/* Keeps a profile's row as it was before a user's UPDATE: its due flips are applied to that. */
static void
keep_old_row(Batch *batch, Profile *profile, TupleTableSlot *slot)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(batch->values);

	profile->old_row = ExecCopySlotHeapTuple(slot);
	MemoryContextSwitchTo(oldcontext);
}

/* A command that has updated columns of profiles. */
typedef struct ColumnUpdate
{
	Workspace *ws;
	const Bitmapset *wanted; /* segments that read them */
	TriggerData *trigger;
} ColumnUpdate;

/*
 * Evaluates segments on the profiles that a command has updated; context: a ColumnUpdate. The
 * transition tables have the rows in the same order. A row's due flips are applied to its old row.
 */
static void
sweep_updated(void *context)
{
	ColumnUpdate *update = (ColumnUpdate *) context;
	Workspace *ws = update->ws;
	const Bitmapset *wanted = update->wanted;
	Relation rel = update->trigger->tg_relation;
	Tuplestorestate *old_rows = update->trigger->tg_oldtable;
	Tuplestorestate *rows = update->trigger->tg_newtable;
	Sweep sweep;
	Batch *batch;
	TupleTableSlot *row = MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsMinimalTuple);
	TupleTableSlot *old_row = MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsMinimalTuple);
	TimestampTz now = cdp_now();
	bool rows_left = true;

	sweep_begin(&sweep, ws, CAUSE_COLUMN);
	batch = sweep.batch;
	while (rows_left)
	{
		while (has_room(batch) && (rows_left = tuplestore_gettupleslot(rows, true, false, row)))
		{
			bool isnull;
			bool found;
			Datum id = store_value(sweep.store, &profiles_table, row, PROFILE_ID, &isnull);
			TupleTableSlot *slot = store_find(sweep.store, &profiles_table, id);
			Profile *profile;

			CHECK_FOR_INTERRUPTS();
			(void) tuplestore_gettupleslot(old_rows, true, false, old_row);
			if (slot == NULL)
				continue;
			profile = batch_profile(batch, DatumGetInt64(id), &found);
			profiles_load(batch, profile, slot);
			if (profile->has_next_evaluation && profile->next_evaluation_at <= now)
				keep_old_row(batch, profile, old_row);
		}
		sweep_evaluate(&sweep, wanted, 0);
		sweep_emit(&sweep);
	}
	sweep_end(&sweep);
	ExecDropSingleTupleTableSlot(row);
	ExecDropSingleTupleTableSlot(old_row);
}

void
segments_sweep_listed(Workspace *ws, const int64 *ids, int n, Cause cause)
{
	Sweep sweep;
	Batch *batch;

	sweep_begin(&sweep, ws, cause);
	batch = sweep.batch;
	for (int i = 0; i < n;)
	{
		for (; i < n && has_room(batch); i++)
		{
			bool found;
			TupleTableSlot *slot = store_find(sweep.store, &profiles_table, Int64GetDatum(ids[i]));

			CHECK_FOR_INTERRUPTS();
			if (slot != NULL)
				profiles_load(batch, batch_profile(batch, ids[i], &found), slot);
		}
		sweep_evaluate(&sweep, segments_of(ws)->all_segments, 0);
		sweep_emit(&sweep);
	}
	sweep_end(&sweep);
}

PG_FUNCTION_INFO_V1(cdp_evaluate_columns);

/*
 * cdp.evaluate_columns(): AFTER UPDATE statement trigger on profiles, with an old and a new
 * table. Evaluates segments that read the users' own columns.
 */
Datum
cdp_evaluate_columns(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Workspace *ws = workspace_triggered(fcinfo, "cdp.evaluate_columns", &profiles_table);
	Bitmapset *wanted;
	WorkspaceUser user;

	if (operation_is_writing(ws->schema) || trigger->tg_newtable == NULL ||
	    trigger->tg_oldtable == NULL)
		return PointerGetDatum(NULL);
	wanted = segments_of_own_columns(ws);
	if (!bms_is_empty(wanted))
	{
		ColumnUpdate update = {ws, wanted, trigger};

		workspace_become_owner(ws, &user);
		workspace_hide_values(ws, user.user, sweep_updated, &update);
		workspace_restore_user(&user);
	}
	return PointerGetDatum(NULL);
}
