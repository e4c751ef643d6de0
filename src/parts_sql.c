/*
 * parts_sql.c
 *	  The lists of parts, of their tables and of the engine's columns of profiles,
 *	  for SQL. They stand here until the table of parts gives them.
 */
#include "base/base.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"

static const char *const parts[] = {"workspace", "namespaces", "events", "identity",
                                    "decisions", "profiles",   "traits", "value",
                                    "computed",  "segments",   "scores"};

static const struct
{
	const char *part;
	const char *tab;
	const char *kind;
	const char *define;
} tables[] = {
    {"workspace", "settings", "settings", "define_rules"},
    {"namespaces", "identifier_namespaces", "definition", "define_rules"},
    {"namespaces", "blocked_identifiers", "definition", "define_rules"},
    {"events", "events", "events", NULL},
    {"events", "event_ids", "derived", NULL},
    {"identity", "identifiers", "derived", NULL},
    {"identity", "identity_links", "derived", NULL},
    {"identity", "identity_refusals", "derived", NULL},
    {"identity", "identifier_companions", "derived", NULL},
    {"identity", "merges", "derived", NULL},
    {"decisions", "identity_decisions", "derived", NULL},
    {"profiles", "profiles", "profiles", NULL},
    {"profiles", "opening_balances", "derived", NULL},
    {"value", "exchange_rates", "own", NULL},
    {"computed", "computed_traits", "definition", "define_computed_traits"},
    {"computed", "computed_trait_errors", "derived", NULL},
    {"segments", "segments", "definition", "define_segments"},
    {"segments", "segment_definitions", "derived", NULL},
    {"segments", "segment_changes", "derived", NULL},
    {"segments", "segment_errors", "derived", NULL},
    {"scores", "value_models", "own", NULL},
    {"scores", "value_model_fits", "own", NULL},
};

static const struct
{
	const char *part;
	const char *name;
	const char *type;
	bool nullable;
	bool folded;
} columns[] = {
    {"profiles", "profile_id", "bigint", false, false},
    {"profiles", "first_seen", "timestamptz", false, false},
    {"profiles", "last_seen", "timestamptz", false, false},
    {"profiles", "event_count", "bigint", false, false},
    {"profiles", "evaluated_at", "timestamptz", false, false},
    {"profiles", "next_evaluation_at", "timestamptz", true, false},
    {"profiles", "identifier_count", "bigint", false, false},
    {"profiles", "contested_until", "timestamptz", true, false},
    {"traits", "traits", "cdp.traits", false, true},
    {"value", "ltv", "cdp.ltv", false, true},
    {"computed", "computed", "cdp.computed", false, true},
    {"segments", "segments", "cdp.segment_set", false, false},
};

/* Puts a row of n values into the function's result; the last is the row's place, from 1 on. */
static void
put_row(FunctionCallInfo fcinfo, Datum *values, bool *nulls, int n, int place)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	values[n - 1] = Int32GetDatum(place);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

PG_FUNCTION_INFO_V1(cdp_parts);

/* cdp.parts() -> (part, place): in the order in which they are made. */
Datum
cdp_parts(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < lengthof(parts); i++)
	{
		Datum values[2] = {CStringGetTextDatum(parts[i])};
		bool nulls[2] = {false};

		put_row(fcinfo, values, nulls, 2, i + 1);
	}
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(cdp_part_tables);

/* cdp.part_tables() -> (part, tab, kind, define, place): in the order of parts. */
Datum
cdp_part_tables(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < lengthof(tables); i++)
	{
		Datum values[5] = {CStringGetTextDatum(tables[i].part), CStringGetTextDatum(tables[i].tab),
		                   CStringGetTextDatum(tables[i].kind)};
		bool nulls[5] = {false};

		if (tables[i].define != NULL)
			values[3] = CStringGetTextDatum(tables[i].define);
		nulls[3] = tables[i].define == NULL;
		put_row(fcinfo, values, nulls, 5, i + 1);
	}
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(cdp_profile_columns);

/* cdp.profile_columns() -> (part, name, type, nullable, folded, place): in the order of the table. */
Datum
cdp_profile_columns(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < lengthof(columns); i++)
	{
		Datum values[6] = {CStringGetTextDatum(columns[i].part),
		                   CStringGetTextDatum(columns[i].name),
		                   CStringGetTextDatum(columns[i].type), BoolGetDatum(columns[i].nullable),
		                   BoolGetDatum(columns[i].folded)};
		bool nulls[6] = {false};

		put_row(fcinfo, values, nulls, 6, i + 1);
	}
	return (Datum) 0;
}
