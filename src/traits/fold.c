/*
 * fold.c
 *	  The value traits of profiles: for each key, what the last event said.
 */
#include "profiles/profiles.h"
#include "types/traits.h"

extern WorkspacePart traits_part;

static Datum
empty_traits(Workspace *ws)
{
	return PointerGetDatum(traits_empty());
}

static void *
begin_traits(Batch *batch, Datum value)
{
	TraitsBuilder *builder = palloc(sizeof(TraitsBuilder));

	traits_builder_init(builder, DatumGetTraitsP(value));
	return builder;
}

static void
add_to_traits(Batch *batch, Profile *profile)
{
	FOREACH_EVENT (event, batch, profile)
		if (event->traits != NULL)
			traits_builder_add(profiles_builder(batch, profile, traits_part.value), event->traits,
			                   event->at, &event->id, event->source, event->source_len);
}

static void
merge_traits(void *builder, Datum value)
{
	traits_builder_merge(builder, DatumGetTraitsP(value));
}

static Datum
finish_traits(Batch *batch, void *builder, bool *changed)
{
	return PointerGetDatum(traits_builder_finish(builder, changed));
}

static bool
same_traits_key(Datum a, Datum b, const char *key, int key_len)
{
	return traits_same_value(DatumGetTraitsP(a), DatumGetTraitsP(b), key, key_len);
}

static ProfileValue traits_value = {
    .column = {"traits", "traits"},
    .empty = empty_traits,
    .begin = begin_traits,
    .add = add_to_traits,
    .merge = merge_traits,
    .finish = finish_traits,
    .same_key = same_traits_key,
};

WorkspacePart traits_part = {.name = "traits", .value = &traits_value};
