/*
 * fold.c
 *	  The value computed of profiles: the states of the computed traits.
 */
#include "computed/computed_internal.h"

#include "profiles/profiles.h"
#include "types/ltv_format.h"

/* A builder's deltas are merged once it holds this many. */
#define FOLD_DELTAS 20000

int32
fold_day(Workspace *ws, TimestampTz at)
{
	return computed_of(ws)->uses_days ? ltv_local_day(at, ws->tz) : 0;
}

static void
begin_builder(ComputedFold *fold)
{
	const ComputedTraits *computed = computed_of(fold->ws);

	computed_builder_init(&fold->builder, fold->computed, computed->traits, computed->n,
	                      fold->ws->time_zone);
	fold->builder.owns_values = fold->owns_values;
}

void
fold_begin(ComputedFold *fold, Workspace *ws, Computed *computed, int32 today, bool owns_values)
{
	fold->ws = ws;
	fold->computed = computed;
	fold->today = today;
	fold->changed = false;
	fold->owns_values = owns_values;
	begin_builder(fold);
}

void
fold_deltas(ComputedFold *fold, const char *deltas, int len, TimestampTz at, int32 day,
            const pg_uuid_t *event_id)
{
	const char *end = deltas + len;

	while (deltas < end)
	{
		int trait = (int) computed_get_number(&deltas);
		int value_len = (int) computed_get_number(&deltas);

		computed_builder_add(&fold->builder, trait, deltas, value_len, at, day, event_id);
		deltas += value_len;
	}
}

/* Merges the collected deltas into the state, and ends the builder. */
static void
fold_merge_deltas(ComputedFold *fold)
{
	Computed *before = fold->computed;
	bool changed;

	fold->computed = computed_builder_finish(&fold->builder, fold->today, &changed);
	fold->changed = fold->changed || changed;
	computed_builder_free(&fold->builder);
	if (changed && fold->owns_values)
		pfree(before);
}

void
fold_flush(ComputedFold *fold)
{
	fold_merge_deltas(fold);
	begin_builder(fold);
}

static Datum
empty_computed(Workspace *ws)
{
	return PointerGetDatum(computed_of(ws)->without_events);
}

static void *
begin_computed(Batch *batch, Datum value)
{
	ComputedFold *fold;

	if (computed_of(batch->ws)->n == 0)
		return NULL;
	fold = palloc(sizeof(ComputedFold));
	fold_begin(fold, batch->ws, DatumGetComputedP(value), ltv_local_day(cdp_now(), batch->ws->tz),
	           false);
	return fold;
}

static void
add_to_computed(Batch *batch, Profile *profile)
{
	FOREACH_EVENT (event, batch, profile)
	{
		const EventNote *note = batch_find_note(event, &computed_profile_value);
		ComputedFold *fold;
		int32 day;

		if (note == NULL)
			continue;
		fold = profiles_builder(batch, profile, &computed_profile_value);
		memcpy(&day, note->data, sizeof(day));
		fold_deltas(fold, note->data + sizeof(day), note->len - sizeof(day), event->at, day,
		            &event->id);
		if (computed_builder_size(&fold->builder) > FOLD_DELTAS)
			fold_flush(fold);
	}
}

static void
merge_computed(void *builder, Datum value)
{
	computed_builder_merge(&((ComputedFold *) builder)->builder, DatumGetComputedP(value));
}

static Datum
finish_computed(Batch *batch, void *builder, bool *changed)
{
	ComputedFold *fold = (ComputedFold *) builder;

	fold_merge_deltas(fold);
	*changed = fold->changed;
	return PointerGetDatum(fold->computed);
}

static bool
same_computed_key(Datum a, Datum b, const char *key, int key_len)
{
	return computed_same_trait(DatumGetComputedP(a), DatumGetComputedP(b), key, key_len);
}

ProfileValue computed_profile_value = {
    .column = {"computed", "computed"},
    .empty = empty_computed,
    .begin = begin_computed,
    .add = add_to_computed,
    .merge = merge_computed,
    .finish = finish_computed,
    .same_key = same_computed_key,
};
