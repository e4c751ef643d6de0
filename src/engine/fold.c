/*
 * fold.c
 *	  Stage three: events become values. A profile is a fold of its events, and
 *	  every part of it merges, so the order does not matter.
 */
#include "engine/engine.h"

#include "access/htup_details.h"
#include "miscadmin.h"
#include "utils/memutils.h"

static Datum
profile_value(Batch *batch, HeapTuple tuple, TupleDesc desc, ProfileColumn column, bool *isnull)
{
	return heap_getattr(tuple, batch->ws->columns[TABLE_PROFILES][column], desc, isnull);
}

/*
 * Makes the working copy of a profile from its row, which is copied; slot
 * null: of a profile that has no row yet.
 */
void
fold_load_profile(Batch *batch, Profile *profile, TupleTableSlot *slot)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(batch->context);
	HeapTuple tuple;
	TupleDesc desc;
	bool isnull;

	if (slot == NULL)
	{
		profile->first_seen = DT_NOEND;
		profile->last_seen = DT_NOBEGIN;
		profile->evaluated_at = DT_NOBEGIN;
		profile->traits = traits_empty();
		profile->ltv = ltv_empty(batch->ws->time_zone);
		profile->segments = segment_set_empty();
		MemoryContextSwitchTo(oldcontext);
		return;
	}
	desc = slot->tts_tupleDescriptor;
	tuple = profile->tuple = ExecCopySlotHeapTuple(slot);
	tuple->t_self = slot->tts_tid;
	profile->first_seen =
		DatumGetTimestampTz(profile_value(batch, tuple, desc, PROFILE_FIRST_SEEN, &isnull));
	profile->last_seen =
		DatumGetTimestampTz(profile_value(batch, tuple, desc, PROFILE_LAST_SEEN, &isnull));
	profile->event_count =
		DatumGetInt64(profile_value(batch, tuple, desc, PROFILE_EVENT_COUNT, &isnull));
	profile->identifier_count =
		DatumGetInt64(profile_value(batch, tuple, desc, PROFILE_IDENTIFIER_COUNT, &isnull));
	profile->evaluated_at =
		DatumGetTimestampTz(profile_value(batch, tuple, desc, PROFILE_EVALUATED_AT, &isnull));
	profile->next_evaluation_at =
		DatumGetTimestampTz(profile_value(batch, tuple, desc, PROFILE_NEXT_EVALUATION_AT, &isnull));
	profile->has_next_evaluation = !isnull;
	profile->traits = DatumGetTraitsP(profile_value(batch, tuple, desc, PROFILE_TRAITS, &isnull));
	profile->ltv = DatumGetLtvP(profile_value(batch, tuple, desc, PROFILE_LTV, &isnull));
	profile->segments =
		DatumGetSegmentSetP(profile_value(batch, tuple, desc, PROFILE_SEGMENTS, &isnull));
	MemoryContextSwitchTo(oldcontext);
}

static void
mark_changed(Batch *batch, Profile *profile, ProfileColumn column)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(batch->context);

	profile->changed = bms_add_member(profile->changed, column);
	MemoryContextSwitchTo(oldcontext);
}

static void
begin_folding(Batch *batch, Profile *profile)
{
	MemoryContext oldcontext;

	if (profile->folding)
		return;
	oldcontext = MemoryContextSwitchTo(batch->context);
	traits_builder_init(&profile->traits_builder, profile->traits);
	ltv_builder_init(&profile->ltv_builder, profile->ltv);
	profile->folding = true;
	MemoryContextSwitchTo(oldcontext);
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
void
fold_merge(Batch *batch, Profile *survivor, Profile *loser)
{
	begin_folding(batch, survivor);
	traits_builder_merge(&survivor->traits_builder, loser->traits);
	ltv_builder_merge(&survivor->ltv_builder, loser->ltv);
	fold_times(batch, survivor, loser->first_seen, loser->last_seen);
	survivor->event_count += loser->event_count;
	survivor->identifier_count += loser->identifier_count;
	mark_changed(batch, survivor, PROFILE_EVENT_COUNT);
	survivor->evaluated_at = Max(survivor->evaluated_at, loser->evaluated_at);
	loser->next_taken = survivor->taken_in;
	survivor->taken_in = loser;
}

static void
fold_event(Batch *batch, Profile *profile, Event *event)
{
	begin_folding(batch, profile);
	if (event->traits != NULL)
		traits_builder_add(&profile->traits_builder,
						   event->traits,
						   event->at,
						   &event->id,
						   event->source,
						   event->source_len);
	if (event->amount != NULL)
		ltv_builder_add(&profile->ltv_builder, event->amount, event->currency, event->at);
	fold_times(batch, profile, event->at, event->at);
	profile->event_count++;
}

/* Finishes a profile's values and notes which of them have changed. */
static void
finish_folding(Batch *batch, Profile *profile)
{
	bool changed;

	mark_changed(batch, profile, PROFILE_EVENT_COUNT);
	mark_changed(batch, profile, PROFILE_IDENTIFIER_COUNT); /* perhaps: identifiers come by events */
	profile->traits = traits_builder_finish(&profile->traits_builder, &changed);
	if (changed)
		mark_changed(batch, profile, PROFILE_TRAITS);
	profile->ltv = ltv_builder_finish(&profile->ltv_builder, &changed);
	if (changed)
		mark_changed(batch, profile, PROFILE_LTV);
	profile->folding = false;
}

void
fold_batch(Batch *batch)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(batch->context);
	ErrorContextCallback callback = {error_context_stack, normalise_event_context, NULL};

	error_context_stack = &callback;
	for (int i = 0; i < batch->n_events; i++)
	{
		Profile *profile = resolve_profile_of(batch, &batch->events[i]);

		CHECK_FOR_INTERRUPTS();
		callback.arg = &batch->events[i].id;
		if (profile != NULL)
			fold_event(batch, profile, &batch->events[i]);
	}
	error_context_stack = callback.previous;
	for (int i = 0; i < batch->n_profiles; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (batch->profiles[i]->folding)
			finish_folding(batch, batch->profiles[i]);
	}
	MemoryContextSwitchTo(oldcontext);
}
