/*
 * fold.c
 *	  The value ltv of profiles: what a customer has paid and got back, exactly.
 */
#include "profiles/profiles.h"
#include "types/ltv.h"

extern WorkspacePart value_part;

static Datum
empty(Workspace *ws)
{
	return PointerGetDatum(ltv_empty(ws->time_zone));
}

static void *
begin(Batch *batch, Datum value)
{
	LtvBuilder *builder = palloc(sizeof(LtvBuilder));

	ltv_builder_init(builder, DatumGetLtvP(value));
	return builder;
}

static void
add(Batch *batch, Profile *profile)
{
	FOREACH_EVENT(event, batch, profile)
	if (event->amount != NULL)
		ltv_builder_add(profiles_builder(batch, profile, value_part.value), event->amount,
		                event->currency, event->at);
}

static void
merge(void *builder, Datum value)
{
	ltv_builder_merge(builder, DatumGetLtvP(value));
}

static Datum
finish(Batch *batch, void *builder, bool *changed)
{
	return PointerGetDatum(ltv_builder_finish(builder, changed));
}

static ProfileValue value = {
    .column = {"ltv", "ltv"},
    .empty = empty,
    .begin = begin,
    .add = add,
    .merge = merge,
    .finish = finish,
};

static WorkspaceTable rates_table = {.name = "exchange_rates", .guard = GUARD_NONE};

WorkspacePart value_part = {
    .name = "value",
    .tables = (WorkspaceTable *const[]){&rates_table, NULL},
    .value = &value,
};
