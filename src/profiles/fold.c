/*
 * fold.c
 *	  Stage three: events become values. A profile is a fold of its events, and
 *	  every part of it merges, so the order does not matter.
 *
 * A batch may have many profiles, and their values are large beside its
 * events: they are loaded, folded, evaluated and written slice by slice.
 */
#include "batch/batch.h"

#include "access/htup_details.h"
#include "miscadmin.h"
#include "types/ltv_format.h"
#include "utils/memutils.h"

/* Reads what a profile's row says of the evidence behind it. */
void
fold_peek_profile(Batch *batch, Profile *profile, TupleTableSlot *slot)
{
	bool isnull;

	profile->peeked = true;
	profile->was_seen_until = DatumGetTimestampTz(
	    store_value(batch->store, TABLE_PROFILES, slot, PROFILE_LAST_SEEN, &isnull));
	profile->was_contested_until = DatumGetTimestampTz(
	    store_value(batch->store, TABLE_PROFILES, slot, PROFILE_CONTESTED_UNTIL, &isnull));
	profile->was_contested = !isnull;
	if (isnull)
		profile->was_contested_until = DT_NOBEGIN;
}

/*
 * Makes the working copy of a profile from its row, which is copied; slot
 * null: of a profile that has no row yet.
 */
void
fold_load_profile(Batch *batch, Profile *profile, TupleTableSlot *slot)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(batch->values);
	const AttrNumber *columns = batch->ws->columns[TABLE_PROFILES];
	HeapTuple tuple;
	TupleDesc desc;
	Datum *values;
	bool *isnull;

	profile->loaded = true;
	profile->changed = NULL;
	profile->traits_builder = NULL;
	profile->ltv_builder = NULL;
	profile->computed_builder = NULL;
	profile->tuple = profile->new_row = NULL;
	profile->event_count = profile->identifier_count = 0;
	profile->has_next_evaluation = false;
	profile->contested = false;
	profile->contested_until = DT_NOBEGIN;
	if (slot == NULL)
	{
		profile->first_seen = DT_NOEND;
		profile->last_seen = DT_NOBEGIN;
		profile->evaluated_at = DT_NOBEGIN;
		profile->traits = profile->stored_traits = traits_empty();
		profile->ltv = ltv_empty(batch->ws->time_zone);
		profile->computed = profile->stored_computed = batch->ws->no_computed;
		profile->segments = segment_set_empty();
		MemoryContextSwitchTo(oldcontext);
		return;
	}
	desc = slot->tts_tupleDescriptor;
	tuple = profile->tuple = ExecCopySlotHeapTuple(slot);
	tuple->t_self = slot->tts_tid;
	values = palloc(sizeof(Datum) * desc->natts);
	isnull = palloc(sizeof(bool) * desc->natts);
	heap_deform_tuple(tuple, desc, values, isnull);
#define VALUE(column) values[columns[column] - 1]
#define IS_NULL(column) isnull[columns[column] - 1]
	profile->first_seen = DatumGetTimestampTz(VALUE(PROFILE_FIRST_SEEN));
	profile->last_seen = DatumGetTimestampTz(VALUE(PROFILE_LAST_SEEN));
	profile->event_count = DatumGetInt64(VALUE(PROFILE_EVENT_COUNT));
	profile->identifier_count = DatumGetInt64(VALUE(PROFILE_IDENTIFIER_COUNT));
	profile->contested = !IS_NULL(PROFILE_CONTESTED_UNTIL);
	if (profile->contested)
		profile->contested_until = DatumGetTimestampTz(VALUE(PROFILE_CONTESTED_UNTIL));
	profile->evaluated_at = DatumGetTimestampTz(VALUE(PROFILE_EVALUATED_AT));
	profile->has_next_evaluation = !IS_NULL(PROFILE_NEXT_EVALUATION_AT);
	profile->next_evaluation_at = DatumGetTimestampTz(VALUE(PROFILE_NEXT_EVALUATION_AT));
	profile->traits = profile->stored_traits = DatumGetTraitsP(VALUE(PROFILE_TRAITS));
	profile->ltv = DatumGetLtvP(VALUE(PROFILE_LTV));
	profile->computed = profile->stored_computed = DatumGetComputedP(VALUE(PROFILE_COMPUTED));
	profile->segments = DatumGetSegmentSetP(VALUE(PROFILE_SEGMENTS));
#undef VALUE
#undef IS_NULL
	pfree(values);
	pfree(isnull);
	MemoryContextSwitchTo(oldcontext);
}

static void
mark_changed(Batch *batch, Profile *profile, ProfileColumn column)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(batch->values);

	profile->changed = bms_add_member(profile->changed, column);
	MemoryContextSwitchTo(oldcontext);
}

/* The order of the profile's evidence matters, and the last that was refused has this time. */
static void
fold_contest(Batch *batch, Profile *profile, TimestampTz until)
{
	if (profile->contested && until <= profile->contested_until)
		return;
	profile->contested = true;
	profile->contested_until = Max(profile->contested_until, until);
	mark_changed(batch, profile, PROFILE_CONTESTED_UNTIL);
}

/* What a replay has found of the profile's evidence replaces what its row says. */
static void
set_contest(Batch *batch, Profile *profile)
{
	TimestampTz until = profile->contest ? profile->contest_until : DT_NOBEGIN;

	if (profile->contested == profile->contest && profile->contested_until == until)
		return;
	profile->contested = profile->contest;
	profile->contested_until = until;
	mark_changed(batch, profile, PROFILE_CONTESTED_UNTIL);
}

static void
begin_folding(Batch *batch, Profile *profile)
{
	if (profile->traits_builder != NULL)
		return;
	profile->traits_builder = palloc(sizeof(TraitsBuilder));
	profile->ltv_builder = palloc(sizeof(LtvBuilder));
	traits_builder_init(profile->traits_builder, profile->traits);
	ltv_builder_init(profile->ltv_builder, profile->ltv);
}

/* The builder of computed traits, where there is something to add. */
static ComputedBuilder *
computed_builder(Batch *batch, Profile *profile)
{
	Workspace *ws = batch->ws;

	if (profile->computed_builder == NULL)
	{
		profile->computed_builder = palloc(sizeof(ComputedBuilder));
		computed_builder_init(profile->computed_builder, profile->computed, ws->computed_traits,
		                      ws->n_computed, ws->time_zone);
	}
	return profile->computed_builder;
}

static void
fold_times(Batch *batch, Profile *profile, TimestampTz first, TimestampTz last)
{
	if (first < profile->first_seen)
	{
		profile->first_seen = first;
		mark_changed(batch, profile, PROFILE_FIRST_SEEN);
	}
	if (last > profile->last_seen)
	{
		profile->last_seen = last;
		mark_changed(batch, profile, PROFILE_LAST_SEEN);
	}
}

/*
 * Takes a merged profile's values in: one merge per column, whatever the
 * history behind it.
 */
static void
fold_merge(Batch *batch, Profile *survivor, Profile *loser)
{
	begin_folding(batch, survivor);
	traits_builder_merge(survivor->traits_builder, loser->traits);
	ltv_builder_merge(survivor->ltv_builder, loser->ltv);
	if (batch->ws->n_computed > 0)
		computed_builder_merge(computed_builder(batch, survivor), loser->computed);
	fold_times(batch, survivor, loser->first_seen, loser->last_seen);
	survivor->event_count += loser->event_count;
	survivor->identifier_count += loser->identifier_count;
	if (loser->contested)
		fold_contest(batch, survivor, loser->contested_until);
}

/* So many things that events add to computed traits are kept before they are put together. */
#define FOLD_INPUTS 20000

/* Puts together what has been collected of computed traits. */
static void
finish_computed(Batch *batch, Profile *profile)
{
	bool changed;

	if (profile->computed_builder == NULL)
		return;
	profile->computed = computed_builder_finish(profile->computed_builder, batch->today, &changed);
	computed_builder_free(profile->computed_builder);
	pfree(profile->computed_builder);
	profile->computed_builder = NULL;
	if (changed)
		mark_changed(batch, profile, PROFILE_COMPUTED);
}

static void
fold_event(Batch *batch, Profile *profile, Event *event)
{
	begin_folding(batch, profile);
	if (event->traits != NULL)
		traits_builder_add(profile->traits_builder, event->traits, event->at, &event->id,
		                   event->source, event->source_len);
	if (event->amount != NULL)
		ltv_builder_add(profile->ltv_builder, event->amount, event->currency, event->at);
	if (event->inputs_len > 0)
		inputs_fold(event->inputs, event->inputs_len, computed_builder(batch, profile), event->at,
		            event->day, &event->id);
	if (profile->computed_builder != NULL &&
	    computed_builder_size(profile->computed_builder) > FOLD_INPUTS)
		finish_computed(batch, profile);
	fold_times(batch, profile, event->at, event->at);
	profile->event_count++;
}

/* Finishes a profile's values and notes which of them have changed. */
static void
finish_folding(Batch *batch, Profile *profile)
{
	bool changed;

	mark_changed(batch, profile, PROFILE_EVENT_COUNT);
	profile->traits = traits_builder_finish(profile->traits_builder, &changed);
	if (changed)
		mark_changed(batch, profile, PROFILE_TRAITS);
	profile->ltv = ltv_builder_finish(profile->ltv_builder, &changed);
	if (changed)
		mark_changed(batch, profile, PROFILE_LTV);
	finish_computed(batch, profile);
}

/* Reads a profile's row, unless that was done when it was locked. */
static void
load(Batch *batch, Profile *profile)
{
	TupleTableSlot *slot = NULL;

	if (profile->loaded)
		return;
	if (!profile->is_new)
	{
		slot = store_find(batch->store, TABLE_PROFILES, Int64GetDatum(profile->id));
		if (slot == NULL)
			ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
			                errmsg("profile " INT64_FORMAT " of an identifier does not exist",
			                       profile->id),
			                errhint("Run cdp.check and cdp.rebuild on the workspace.")));
	}
	fold_load_profile(batch, profile, slot);
}

/*
 * Empties a profile whose identifiers are others now: what it was cannot be
 * taken out of its values, so they are folded from its pieces again.
 */
static void
empty_values(Batch *batch, Profile *profile)
{
	profile->first_seen = DT_NOEND;
	profile->last_seen = DT_NOBEGIN;
	profile->event_count = 0;
	profile->identifier_count = 0;
	profile->contested = false;
	profile->contested_until = DT_NOBEGIN;
	profile->traits = traits_empty();
	profile->ltv = ltv_empty(batch->ws->time_zone);
	profile->computed = batch->ws->no_computed;
	for (int column = 0; column < N_PROFILE_COLUMNS; column++)
		if (column != PROFILE_ID && column != PROFILE_EVALUATED_AT &&
		    column != PROFILE_NEXT_EVALUATION_AT && column != PROFILE_SEGMENTS)
			mark_changed(batch, profile, column);
	begin_folding(batch, profile);
}

/* The stored events of an identifier, on their way into a profile. */
typedef struct FoldPiece
{
	Batch *batch;
	Profile *profile;
	TupleTableSlot *slot; /* the row that is read; null: it has been */
} FoldPiece;

static bool
next_stored_event(InputRun *run)
{
	FoldPiece *fold = (FoldPiece *) run->context;

	if (fold->slot == NULL)
		return false;
	run->row.slot = fold->slot;
	run->event = normalise_event_values(fold->batch, fold->slot);
	fold->slot = NULL;
	return true;
}

static bool
fold_stored_event(TupleTableSlot *slot, void *context)
{
	FoldPiece *fold = (FoldPiece *) context;
	Batch *batch = fold->batch;
	Profile *profile = fold->profile;

	fold->slot = slot;
	if (inputs_are_wanted(batch))
	{
		InputRun run = {batch, next_stored_event, fold};

		inputs_evaluate(&run);
		batch->n_input_failures = 0; /* they were counted when the event came in */
	}
	else
		(void) normalise_event_values(batch, slot);
	fold_event(batch, profile, &batch->events[0]);
	batch->n_events = 0;
	return true;
}

/* Folds in what the stored events of an identifier come to, expired ones included. */
static void
fold_piece(Batch *batch, Profile *profile, const Piece *piece)
{
	FoldPiece fold = {batch, profile, NULL};
	Datum identifier = PointerGetDatum(piece->identifier);
	TupleTableSlot *slot =
	    batch->rebuilding ? NULL : store_find(batch->store, TABLE_OPENING_BALANCES, identifier);
	bool isnull;

	if (slot != NULL)
	{
#define BALANCE(column) store_value(batch->store, TABLE_OPENING_BALANCES, slot, column, &isnull)
		traits_builder_merge(profile->traits_builder, DatumGetTraitsP(BALANCE(BALANCE_TRAITS)));
		ltv_builder_merge(profile->ltv_builder, DatumGetLtvP(BALANCE(BALANCE_LTV)));
		if (batch->ws->n_computed > 0)
			computed_builder_merge(computed_builder(batch, profile),
			                       (Computed *) PG_DETOAST_DATUM_COPY(BALANCE(BALANCE_COMPUTED)));
		fold_times(batch, profile, DatumGetTimestampTz(BALANCE(BALANCE_FIRST_SEEN)),
		           DatumGetTimestampTz(BALANCE(BALANCE_LAST_SEEN)));
		profile->event_count += DatumGetInt64(BALANCE(BALANCE_EVENT_COUNT));
#undef BALANCE
	}
	store_scan_anchored(batch->store, identifier, fold_stored_event, &fold);
}

/*
 * Folds into each profile of the slice what was merged into it and its events.
 * The slice ends earlier where its values would take too much memory.
 */
void
fold_slice(Batch *batch)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(batch->values);
	ErrorContextCallback callback = {error_context_stack, normalise_event_context, NULL};

	if (batch->ws->n_computed > 0)
		batch->today = ltv_local_day(cdp_now(), batch->ws->tz);
	for (int i = 0; i < batch->n_slice; i++)
	{
		Profile *profile = batch->slice[i];

		CHECK_FOR_INTERRUPTS();
		if (i > 0 && MemoryContextMemAllocated(batch->values, true) > SLICE_BYTES)
		{
			batch->n_slice = i;
			break;
		}
		load(batch, profile);
		if (profile->vanishes)
			continue;
		if (profile->refold)
			empty_values(batch, profile);
		for (const Piece *piece = profile->pieces; piece != NULL; piece = piece->next)
			fold_piece(batch, profile, piece);
		for (Profile *loser = profile->taken_in; loser != NULL; loser = loser->next_taken)
		{
			load(batch, loser);
			if (!loser->refold)
				fold_merge(batch, profile, loser);
		}
		error_context_stack = &callback;
		for (int e = profile->first_event; e >= 0; e = batch->events[e].next)
		{
			callback.arg = &batch->events[e].id;
			fold_event(batch, profile, &batch->events[e]);
		}
		error_context_stack = callback.previous;
		if (profile->exact_contest)
			set_contest(batch, profile);
		else if (profile->contest)
			fold_contest(batch, profile, profile->contest_until);
		if (profile->gained != 0)
		{
			profile->identifier_count += profile->gained;
			mark_changed(batch, profile, PROFILE_IDENTIFIER_COUNT);
		}
		if (profile->traits_builder != NULL)
			finish_folding(batch, profile);
	}
	MemoryContextSwitchTo(oldcontext);
}
