/*
 * screen.c
 *	  A sweep over every profile: rows are read in the order of the table, and the wanted
 *	  predicates are evaluated on each row where it is read.
 *
 * Most rows stay as they are, and most others change only in their segments. Such a row is
 * prepared at once, and written at the end of the slice. Only rows that need a full pass
 * (evaluate.c) are loaded: a flip is due, a predicate must report its next flip, other
 * segments depend on the result, or a predicate failed. A pass would give the same result
 * for every row, at several times the cost.
 */
#include "segments/segments_internal.h"

#include "access/htup_details.h"
#include "miscadmin.h"
#include "profiles/profiles.h"
#include "utils/memutils.h"

/* A scan of profiles that fills a batch. */
typedef struct Load
{
	Batch *batch;
	const Bitmapset *wanted;
	const Segments *definitions;
	int flags; /* SWEEP_ */
	StoreScan *scan;
	TupleTableSlot *slot;
	bool screening;    /* rows are screened before they are loaded */
	bool starts_empty; /* no profile is in the wanted segments yet; they refer to no others */
	bool referenced;   /* some segment is referred to by others */
	bool row_waits;    /* the slot's row has been read; it is neither screened nor loaded */
	bool rows_left;    /* the scan has not ended */
	bool evaluating;   /* a predicate is being evaluated */
	int n_rows;
	TimestampTz now;
	Datum *values; /* room for the values of a row */
	/* about the slot's row */
	SegmentSet *segments; /* null: it is in none */
	bool *was_member;     /* by rank */
	int *changed;         /* ranks of the segments that it enters or leaves */
	int n_changed;
} Load;

/*
 * Sets what screening needs to know of the segments. False: rows need passes, because a
 * wanted segment reads the clock, so that rows need timers, or does not compile.
 */
static bool
prepare_screening(Load *load)
{
	Workspace *ws = load->batch->ws;
	int rank = -1;

	load->starts_empty = (load->flags & SWEEP_ADDED) != 0;
	while ((rank = bms_next_member(load->wanted, rank)) >= 0)
	{
		const Segment *segment = segment_of_rank(ws, rank);

		if (segment->expression.state == NULL)
			return false;
		load->starts_empty = load->starts_empty && bms_is_empty(segment->expression.segments);
	}
	for (int i = 0; i < load->definitions->n_segments; i++)
		load->referenced = load->referenced || load->definitions->segments[i].dependents != NULL;
	return true;
}

/* Reads which segments the slot's row is in; false: it is in one that was deleted. */
static bool
read_members(Load *load, Datum stored)
{
	Workspace *ws = load->batch->ws;

	load->segments = segment_set_is_plainly_empty(stored) ? NULL : DatumGetSegmentSetP(stored);
	for (int i = 0; load->segments != NULL && i < segment_set_count(load->segments); i++)
	{
		SegmentMember member;
		const Segment *segment;

		segment_set_get(load->segments, i, &member);
		segment = segment_of_member(ws, &member);
		if (segment == NULL)
			return false;
		load->was_member[segment->rank] = true;
	}
	for (int i = 0; load->referenced && i < load->definitions->n_segments; i++)
		if (load->definitions->segments[i].dependents != NULL)
			evaluate_set_member(ws, &load->definitions->segments[i],
			                    load->was_member[load->definitions->segments[i].rank]);
	return true;
}

/* Evaluates the wanted segments; those whose result differs from was_member are changed. */
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
		Datum result;

		load->evaluating = true;
		result = ExecEvalExpr(segment_of_rank(ws, rank)->expression.state, ws->econtext, &isnull);
		load->evaluating = false;
		if ((!isnull && DatumGetBool(result)) != load->was_member[rank])
			load->changed[load->n_changed++] = rank;
	}
}

/*
 * Finds which wanted segments the slot's row enters or leaves. False: the row needs passes.
 * Where no profile is in the wanted segments yet, a row that enters none of them is done:
 * flips that are due on it are left to the tick.
 */
static bool
screen_row(Load *load)
{
	Batch *batch = load->batch;
	Workspace *ws = batch->ws;
	bool isnull;
	bool has_timer;
	TimestampTz next;
	TimestampTz evaluated_at;
	Datum stored;

	if (load->segments != NULL)
		memset(load->was_member, 0, sizeof(bool) * load->definitions->n_segments);
	load->segments = NULL;
	if (load->starts_empty)
	{
		find_changes(load);
		if (load->n_changed == 0)
			return true;
	}
	/* the last column first: so the row is deformed once */
	stored = store_value(batch->store, &profiles_table, load->slot, PROFILE_SEGMENTS, &isnull);
	next = DatumGetTimestampTz(store_value(batch->store, &profiles_table, load->slot,
	                                       PROFILE_NEXT_EVALUATION_AT, &isnull));
	has_timer = !isnull;
	evaluated_at = DatumGetTimestampTz(
	    store_value(batch->store, &profiles_table, load->slot, PROFILE_EVALUATED_AT, &isnull));
	if ((load->flags & SWEEP_MAY_GO_BACK) != 0 && load->now < evaluated_at)
		return false;
	if (has_timer &&
	    (next <= Max(load->now, evaluated_at) || bms_is_empty(load->definitions->clock_segments)))
		return false;
	if (!read_members(load, stored))
		return false;
	if (!load->starts_empty)
		find_changes(load);
	for (int i = 0; i < load->n_changed; i++)
		if (segment_of_rank(ws, load->changed[i])->dependents != NULL ||
		    (load->starts_empty && load->was_member[load->changed[i]]))
			return false;
	return true;
}

/* The slot's set of segments after the changes. */
static SegmentSet *
changed_members(Load *load, TimestampTz at)
{
	Workspace *ws = load->batch->ws;
	int n_old = load->segments == NULL ? 0 : segment_set_count(load->segments);
	SegmentMember *members = palloc(sizeof(SegmentMember) * (n_old + load->n_changed));
	int n = 0;

	for (int i = 0; i < load->n_changed; i++)
	{
		const Segment *segment = segment_of_rank(ws, load->changed[i]);

		if (!load->was_member[segment->rank])
			members[n++] = (SegmentMember){segment->name, segment->name_len, at};
	}
	for (int i = 0; i < n_old; i++)
	{
		bool leaves = false;
		const Segment *segment;

		segment_set_get(load->segments, i, &members[n]);
		segment = segment_of_member(ws, &members[n]);
		for (int c = 0; c < load->n_changed; c++)
			leaves = leaves || load->changed[c] == segment->rank;
		n += !leaves;
	}
	return segment_set_collect(members, n);
}

/* Prepares the slot's row with its new set of segments, and notes the changes. */
static void
prepare_changed_row(Load *load)
{
	Batch *batch = load->batch;
	SegmentsBatch *prepared = segments_batch(batch);
	TupleTableSlot *slot = load->slot;
	TupleDesc desc = slot->tts_tupleDescriptor;
	const AttrNumber *columns = workspace_table(batch->ws, &profiles_table)->columns;
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
	ARRAY_GROW(batch->context, prepared->rows, prepared->n_rows, prepared->max_rows);
	prepared->rows[prepared->n_rows++] = row;
	for (int i = 0; i < load->n_changed; i++)
	{
		const Segment *segment = segment_of_rank(batch->ws, load->changed[i]);

		changes_add(batch, id, segment->name, segment->name_len, !load->was_member[segment->rank],
		            at, batch->cause);
	}
	MemoryContextSwitchTo(oldcontext);
}

static void
load_for_pass(Load *load)
{
	Batch *batch = load->batch;
	bool isnull;
	bool found;
	Datum id = store_value(batch->store, &profiles_table, load->slot, PROFILE_ID, &isnull);

	profiles_load(batch, batch_profile(batch, DatumGetInt64(id), &found), load->slot);
}

static bool
next_row(Load *load)
{
	load->rows_left = store_scan_next(load->scan);
	load->row_waits = load->rows_left;
	load->n_rows += load->rows_left;
	return load->rows_left;
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

			done = screen_row(load);
			if (done && load->n_changed > 0)
				prepare_changed_row(load);
			MemoryContextSwitchTo(oldcontext);
			ResetExprContext(econtext);
		}
		if (!done)
			load_for_pass(load);
		load->row_waits = false;
		if (!done || load->n_changed > 0)
			full = batch->n_profiles + segments_batch(batch)->n_rows >= SLICE_PROFILES ||
			       MemoryContextMemAllocated(batch->values, true) > SLICE_BYTES;
	}
	return true;
}

/* After a row has failed, it and all later rows of the slice are loaded. */
static bool
stop_screening(void *context, const ErrorData *error)
{
	Load *load = (Load *) context;

	if (!load->screening || !load->row_waits ||
	    (cdp_error_is_internal(error->sqlerrcode) && !load->evaluating))
		return false;
	load->screening = false;
	load_for_pass(load);
	load->row_waits = false;
	return true;
}

static void
screen_rows(Load *load)
{
	Batch *batch = load->batch;
	int nest_level = evaluate_pin(batch->ws);
	int n = Max(load->definitions->n_segments, 1);

	load->was_member = MemoryContextAllocZero(batch->values, n);
	load->changed = MemoryContextAlloc(batch->values, sizeof(int) * n);
	load->values =
	    MemoryContextAlloc(batch->values, sizeof(Datum) * load->slot->tts_tupleDescriptor->natts);
	load->now = cdp_now();
	cdp_attempt_each(load_rows, stop_screening, load);
	expression_unpin(nest_level);
}

/*
 * Fills a batch, from a scan of profiles, with a slice of rows that change or may change by
 * the wanted segments. screen: rows are screened first, until one fails. A row that is
 * screened and then loaded is evaluated twice. Returns whether the scan may have more rows;
 * *n_rows: the number of rows read.
 */
bool
sweep_load(Batch *batch, const Bitmapset *wanted, int flags, StoreScan *scan, bool screen,
           int *n_rows)
{
	Load load = {.batch = batch,
	             .definitions = segments_of(batch->ws),
	             .wanted = wanted,
	             .flags = flags,
	             .scan = scan,
	             .slot = store_scan_slot(scan),
	             .rows_left = true};

	load.screening = screen && prepare_screening(&load);
	if (load.screening)
		screen_rows(&load);
	else
		(void) load_rows(&load);
	ExecClearTuple(load.slot);
	*n_rows = load.n_rows;
	return load.rows_left;
}

/* Writes the rows that have been prepared. */
void
sweep_write(Batch *batch)
{
	SegmentsBatch *prepared = segments_batch(batch);
	MemoryContext oldcontext = MemoryContextSwitchTo(batch->values);
	TupleTableSlot *slot =
	    MakeSingleTupleTableSlot(store_row_type(batch->store, &profiles_table), &TTSOpsHeapTuple);

	for (int i = 0; i < prepared->n_rows; i++)
	{
		ItemPointerData stored = prepared->rows[i]->t_self;

		CHECK_FOR_INTERRUPTS();
		store_update(batch->store, &profiles_table, &stored,
		             ExecStoreHeapTuple(prepared->rows[i], slot, true));
	}
	ExecDropSingleTupleTableSlot(slot);
	MemoryContextSwitchTo(oldcontext);
}
