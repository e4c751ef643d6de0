/*
 * fold.c
 *	  The value ltv of profiles: what a customer has paid and got back, exactly.
 */
#include "profiles/profiles.h"
#include "types/ltv.h"
#include "workspace/rights.h"

extern WorkspacePart value_part;

static Datum
empty_ltv(Workspace *ws)
{
	return PointerGetDatum(ltv_empty(ws->time_zone));
}

static void *
begin_ltv(Batch *batch, Datum value)
{
	LtvBuilder *builder = palloc(sizeof(LtvBuilder));

	ltv_builder_init(builder, DatumGetLtvP(value));
	return builder;
}

static void
add_to_ltv(Batch *batch, Profile *profile)
{
	FOREACH_EVENT (event, batch, profile)
		if (event->amount != NULL)
			ltv_builder_add(profiles_builder(batch, profile, value_part.value), event->amount,
			                event->currency, event->at);
}

static void
merge_ltv(void *builder, Datum value)
{
	ltv_builder_merge(builder, DatumGetLtvP(value));
}

static Datum
finish_ltv(Batch *batch, void *builder, bool *changed)
{
	return PointerGetDatum(ltv_builder_finish(builder, changed));
}

static ProfileValue ltv_value = {
    .column = {"ltv", "ltv"},
    .empty = empty_ltv,
    .begin = begin_ltv,
    .add = add_to_ltv,
    .merge = merge_ltv,
    .finish = finish_ltv,
};

static const EngineColumn rate_columns[] = {
    {"currency", "text"},
    {"day", "date"},
    {"rate", "numeric"},
};

static WorkspaceTable rates_table = {.name = "exchange_rates",
                                     .guard = GUARD_NONE,
                                     .sql_only = true,
                                     .columns = rate_columns,
                                     .n_columns = lengthof(rate_columns)};

PG_FUNCTION_INFO_V1(cdp_empty_ltv);

/* cdp.empty_ltv(workspace) -> ltv: the value of a profile without events. */
Datum
cdp_empty_ltv(PG_FUNCTION_ARGS)
{
	Workspace *ws = workspace_for_caller(NameStr(*PG_GETARG_NAME(0)));

	workspace_require_select(ws, settings_table.name, "time_zone");
	PG_RETURN_DATUM(empty_ltv(ws));
}

WorkspacePart value_part = {
    .name = "value",
    .tables = (WorkspaceTable *const[]){&rates_table, NULL},
    .value = &ltv_value,
};
