/*
 * backfill.c
 *	  Segments on every profile: the rows are read in the order of the table, and
 *	  what is wanted of each is looked at where it lies.
 *
 * Most rows stay as they are, and most others change in nothing but their
 * segments: those are formed anew at once, and written at the end of the slice.
 * Only rows of which there is more to think - a change by the clock is due, a
 * predicate is to tell the next, other segments follow, a predicate fails - are
 * loaded for the passes of evaluate.c. These would come to the same for every
 * row, at a multiple of the cost.
 */
#include "batch/batch.h"

#include "access/htup_details.h"
#include "access/tableam.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/memutils.h"

/* A scan of profiles that fills a batch. */
typedef struct Load
{
	Batch *batch;
	const Bitmapset *wanted;
	TableScanDesc scan;
	TupleTableSlot *slot;
	bool screening;  /* rows are looked at before they are loaded */
	bool added;      /* nobody is in the wanted segments yet, and they read no others */
	bool referenced; /* some segment is referred to by others */
	bool row_waits;  /* the slot's row is neither dealt with nor loaded */
	bool more;
	int n_rows;
	TimestampTz now;
	Datum *values; /* room for a row's */
	/* of the slot's row */
	SegmentSet *segments; /* null: it is in none */
	bool *held;           /* by rank: is it in? */
	int *changed;         /* ranks of the segments that it enters or leaves */
	int n_changed;
} Load;

/*
 * Whether rows can be dealt with without a pass: no wanted segment reads the
 * clock, which would ask for a timer, or fails to compile.
 */
static bool
can_screen(Load *load)
{
	Workspace *ws = load->batch->ws;
	int rank = -1;

	load->added = load->batch->added;
	while ((rank = bms_next_member(load->wanted, rank)) >= 0)
	{
		Segment *segment = segment_of_rank(ws, rank);

		if (segment->state == NULL)
			return false;
		load->added = load->added && bms_is_empty(segment->reads);
	}
	for (int i = 0; i < ws->n_segments; i++)
		load->referenced = load->referenced || ws->segments[i].dependents != NULL;
	return true;
}

/* Reads which segments a row is in; false: it is in one that is no more. */
static bool
read_members(Load *load, Datum stored)
{
	Workspace *ws = load->batch->ws;

	load->segments = segment_set_is_plainly_empty(stored) ? NULL : DatumGetSegmentSetP(stored);
	for (int i = 0; load->segments != NULL && i < segment_set_count(load->segments); i++)
	{
		SegmentMember member;
		Segment *segment;

		segment_set_get(load->segments, i, &member);
		segment = segment_of_member(ws, &member);
		if (segment == NULL)
			return false;
		load->held[segment->rank] = true;
	}
	for (int i = 0; load->referenced && i < ws->n_segments; i++)
		if (ws->segments[i].dependents != NULL)
			evaluate_set_member(ws, &ws->segments[i], load->held[ws->segments[i].rank]);
	return true;
}

/* Evaluates the wanted segments: which are not as the row is known to be in them? */
static void
find_changes(Load *load)
{
	Workspace *ws = load->batch->ws;
	int rank = -1;

	ws->econtext->ecxt_scantuple = load->slot;
	load->n_changed = 0;
	while ((rank = bms_next_member(load->wanted, rank)) >= 0)
	{
		bool isnull;
		Datum result = ExecEvalExpr(segment_of_rank(ws, rank)->state, ws->econtext, &isnull);

		if ((!isnull && DatumGetBool(result)) != load->held[rank])
			load->changed[load->n_changed++] = rank;
	}
}

/*
 * Looks which wanted segments the slot's row enters or leaves. False: that, or
 * what comes before and after it, is a matter of passes. A row that was in none
 * of them and comes into none is not looked at further: what is due on it by
 * the clock is the tick's.
 */
static bool
look_at_row(Load *load)
{
	Batch *batch = load->batch;
	Workspace *ws = batch->ws;
	bool isnull;
	bool has_timer;
	TimestampTz next;
	TimestampTz evaluated_at;
	Datum stored;

	if (load->segments != NULL)
		memset(load->held, 0, sizeof(bool) * ws->n_segments);
	load->segments = NULL;
	if (load->added)
	{
		find_changes(load);
		if (load->n_changed == 0)
			return true;
	}
	/* the last column first: the row is taken apart once */
	stored = store_value(batch->store, TABLE_PROFILES, load->slot, PROFILE_SEGMENTS, &isnull);
	next = DatumGetTimestampTz(
	    store_value(batch->store, TABLE_PROFILES, load->slot, PROFILE_NEXT_EVALUATION_AT, &isnull));
	has_timer = !isnull;
	evaluated_at = DatumGetTimestampTz(
	    store_value(batch->store, TABLE_PROFILES, load->slot, PROFILE_EVALUATED_AT, &isnull));
	if (batch->may_go_back && load->now < evaluated_at)
		return false;
	if (has_timer && (next <= Max(load->now, evaluated_at) || bms_is_empty(ws->clock_segments)))
		return false;
	if (!read_members(load, stored))
		return false;
	if (!load->added)
		find_changes(load);
	for (int i = 0; i < load->n_changed; i++)
		if (segment_of_rank(ws, load->changed[i])->dependents != NULL ||
		    (load->added && load->held[load->changed[i]]))
			return false;
	return true;
}

/* The set of segments that the slot's row is in with what it enters and without what it leaves. */
static SegmentSet *
changed_members(Load *load, TimestampTz at)
{
	Workspace *ws = load->batch->ws;
	int n_old = load->segments == NULL ? 0 : segment_set_count(load->segments);
	SegmentMember *members = palloc(sizeof(SegmentMember) * (n_old + load->n_changed));
	int n = 0;

	for (int i = 0; i < load->n_changed; i++)
	{
		Segment *segment = segment_of_rank(ws, load->changed[i]);

		if (!load->held[segment->rank])
			members[n++] = (SegmentMember){segment->name, segment->name_len, at};
	}
	for (int i = 0; i < n_old; i++)
	{
		bool leaves = false;
		Segment *segment;

		segment_set_get(load->segments, i, &members[n]);
		segment = segment_of_member(ws, &members[n]);
		for (int c = 0; c < load->n_changed; c++)
			leaves = leaves || load->changed[c] == segment->rank;
		n += !leaves;
	}
	return segment_set_collect(members, n);
}

/* Forms the slot's row anew, with the segments that it is in now, and notes what has changed. */
static void
rewrite_row(Load *load)
{
	Batch *batch = load->batch;
	TupleTableSlot *slot = load->slot;
	TupleDesc desc = slot->tts_tupleDescriptor;
	const AttrNumber *columns = batch->ws->columns[TABLE_PROFILES];
	SegmentSet *segments;
	MemoryContext oldcontext;
	HeapTuple row;
	TimestampTz at;
	int64 id;

	slot_getallattrs(slot);
	id = DatumGetInt64(slot->tts_values[columns[PROFILE_ID] - 1]);
	at = DatumGetTimestampTz(slot->tts_values[columns[PROFILE_EVALUATED_AT] - 1]);
	at = Max(load->now, at);
	segments = changed_members(load, at);
	memcpy(load->values, slot->tts_values, sizeof(Datum) * desc->natts);
	load->values[columns[PROFILE_SEGMENTS] - 1] = PointerGetDatum(segments);
	load->values[columns[PROFILE_EVALUATED_AT] - 1] = TimestampTzGetDatum(at);

	oldcontext = MemoryContextSwitchTo(batch->values);
	row = heap_form_tuple(desc, load->values, slot->tts_isnull);
	row->t_self = slot->tts_tid;
	BATCH_GROW(batch, rewrites, n_rewrites, max_rewrites);
	batch->rewrites[batch->n_rewrites++] = row;
	for (int i = 0; i < load->n_changed; i++)
	{
		Segment *segment = segment_of_rank(batch->ws, load->changed[i]);

		evaluate_add_change(batch, id, segment->name, segment->name_len, !load->held[segment->rank],
		                    at, batch->cause);
	}
	MemoryContextSwitchTo(oldcontext);
}

static void
load_row(Load *load)
{
	Batch *batch = load->batch;
	bool isnull;
	bool found;
	Datum id = store_value(batch->store, TABLE_PROFILES, load->slot, PROFILE_ID, &isnull);

	fold_load_profile(batch, batch_profile(batch, DatumGetInt64(id), &found), load->slot);
}

/* The scan's pins are the run's, also where a subtransaction goes on with it. */
static bool
next_row(Load *load)
{
	ResourceOwner inner = CurrentResourceOwner;

	CurrentResourceOwner = load->batch->store->owner;
	load->more = table_scan_getnextslot(load->scan, ForwardScanDirection, load->slot);
	CurrentResourceOwner = inner;
	load->row_waits = load->more;
	load->n_rows += load->more;
	return load->more;
}

static bool
load_rows(void *context)
{
	Load *load = (Load *) context;
	Batch *batch = load->batch;
	ExprContext *econtext = batch->ws->econtext;
	bool full = false;

	while (!full && next_row(load))
	{
		bool done = false;

		CHECK_FOR_INTERRUPTS();
		if (load->screening)
		{
			MemoryContext oldcontext = MemoryContextSwitchTo(econtext->ecxt_per_tuple_memory);

			done = look_at_row(load);
			if (done && load->n_changed > 0)
				rewrite_row(load);
			MemoryContextSwitchTo(oldcontext);
			ResetExprContext(econtext);
		}
		if (!done)
			load_row(load);
		load->row_waits = false;
		if (!done || load->n_changed > 0)
			full = batch->n_profiles + batch->n_rewrites >= SLICE_PROFILES ||
			       MemoryContextMemAllocated(batch->values, true) > SLICE_BYTES;
	}
	return true;
}

/*
 * Fills a batch from a scan of profiles on which the wanted segments are to be
 * evaluated, with a slice of rows that change or may do so. screen: rows are
 * looked at first, until one fails; what is loaded all the same is looked at
 * twice. Returns whether there may be more; *n_rows: how many it has read.
 */
bool
backfill_load(Batch *batch, const Bitmapset *wanted, TableScanDesc scan, TupleTableSlot *slot,
              bool screen, int *n_rows)
{
	Workspace *ws = batch->ws;
	Load load = {.batch = batch, .wanted = wanted, .scan = scan, .slot = slot, .more = true};
	ErrorData *error;
	int nest_level;

	load.screening = screen && can_screen(&load);
	if (load.screening)
	{
		load.held = MemoryContextAllocZero(batch->values, Max(ws->n_segments, 1));
		load.changed = MemoryContextAlloc(batch->values, sizeof(int) * Max(ws->n_segments, 1));
		load.values =
		    MemoryContextAlloc(batch->values, sizeof(Datum) * slot->tts_tupleDescriptor->natts);
		load.now = cdp_now();
		nest_level = evaluate_pin_settings(ws);
		if (!cdp_attempt(load_rows, &load, &error))
		{
			if (!load.row_waits)
				ReThrowError(error);
			FreeErrorData(error);
			load.screening = false;
			load_row(&load);
		}
		if (nest_level != 0)
			AtEOXact_GUC(true, nest_level);
	}
	if (!load.screening)
		(void) load_rows(&load);
	ExecClearTuple(slot);
	*n_rows = load.n_rows;
	return load.more;
}

/* Writes the rows that have been formed anew. */
void
backfill_emit(Batch *batch)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(batch->values);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(
	    RelationGetDescr(store_table(batch->store, TABLE_PROFILES)->rel), &TTSOpsHeapTuple);

	for (int i = 0; i < batch->n_rewrites; i++)
	{
		ItemPointerData stored = batch->rewrites[i]->t_self;

		CHECK_FOR_INTERRUPTS();
		store_update(batch->store, TABLE_PROFILES, &stored,
		             ExecStoreHeapTuple(batch->rewrites[i], slot, true));
	}
	ExecDropSingleTupleTableSlot(slot);
	MemoryContextSwitchTo(oldcontext);
}
