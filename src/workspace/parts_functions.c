/*
 * parts_functions.c
 *	  The table of parts, from SQL: the functions that create, guard, check and drop a
 *	  workspace loop over it.
 */
#include "workspace/tables.h"

#include "catalog/pg_namespace.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(cdp_parts);
PG_FUNCTION_INFO_V1(cdp_part_tables);
PG_FUNCTION_INFO_V1(cdp_profile_columns);

/* Names of the guards, as cdp.part_tables returns them. */
static const char *const guard_names[] = {
    [GUARD_EVENTS] = "events",         [GUARD_PROFILES] = "profiles", [GUARD_DERIVED] = "derived",
    [GUARD_DEFINITION] = "definition", [GUARD_SETTINGS] = "settings", [GUARD_NONE] = "own",
};

static void
put_row(FunctionCallInfo fcinfo, Datum *values, bool *isnull)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	tuplestore_putvalues(result->setResult, result->setDesc, values, isnull);
}

/* cdp.parts() -> (part text, place integer): the parts of a workspace, in their order. */
Datum
cdp_parts(PG_FUNCTION_ARGS)
{
	WorkspacePart *part;

	InitMaterializedSRF(fcinfo, 0);
	FOREACH_PART (part)
	{
		Datum values[2] = {CStringGetTextDatum(part->name), Int32GetDatum(part->number + 1)};
		bool isnull[2] = {false};

		put_row(fcinfo, values, isnull);
	}
	return (Datum) 0;
}

/*
 * cdp.part_tables() -> (part text, tab text, kind text, define text, place
 * integer): the tables of a workspace, in the order of the parts. kind: events,
 * profiles, derived, definition, settings or own (the users'); define: the
 * trigger function of definitions, in schema cdp.
 */
Datum
cdp_part_tables(PG_FUNCTION_ARGS)
{
	WorkspacePart *part;

	InitMaterializedSRF(fcinfo, 0);
	FOREACH_PART (part)
		for (int i = 0; part->tables != NULL && part->tables[i] != NULL; i++)
		{
			const WorkspaceTable *table = part->tables[i];
			Datum values[5] = {CStringGetTextDatum(part->name), CStringGetTextDatum(table->name),
			                   CStringGetTextDatum(guard_names[table->guard]), (Datum) 0,
			                   Int32GetDatum(table->number + 1)};
			bool isnull[5] = {false};

			isnull[3] = table->define == NULL;
			if (table->define != NULL)
				values[3] = CStringGetTextDatum(table->define);
			put_row(fcinfo, values, isnull);
		}
	return (Datum) 0;
}

/* A type of a column as SQL has it, whatever the search_path. */
static const char *
type_in_sql(const char *type)
{
	if (SearchSysCacheExists2(TYPENAMENSP, CStringGetDatum(type),
	                          ObjectIdGetDatum(PG_CATALOG_NAMESPACE)))
		return type;
	return quote_qualified_identifier("cdp", type);
}

/* Puts one column of profiles into the result. part: the part that owns it. */
static void
put_column(FunctionCallInfo fcinfo, const char *part, const EngineColumn *column, bool folded,
           int *place)
{
	bool isnull[6] = {false};
	Datum values[6] = {CStringGetTextDatum(part),
	                   CStringGetTextDatum(column->name),
	                   CStringGetTextDatum(type_in_sql(column->type)),
	                   BoolGetDatum(column->nullable),
	                   BoolGetDatum(folded),
	                   Int32GetDatum(++*place)};

	put_row(fcinfo, values, isnull);
}

/*
 * cdp.profile_columns() -> (part text, name text, type text, nullable boolean,
 * folded boolean, place integer): the engine's columns of profiles, in the order of
 * the table. A folded column is the value of a part; opening_balances has it too.
 */
Datum
cdp_profile_columns(PG_FUNCTION_ARGS)
{
	WorkspacePart *part;
	int place = 0;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < N_FIXED_PROFILE_COLUMNS; i++)
		if (i != PROFILE_SEGMENTS)
			put_column(fcinfo, "profiles", &profiles_table.columns[i], false, &place);
	FOREACH_PART (part)
		if (part->value != NULL)
			put_column(fcinfo, part->name, &part->value->column, true, &place);
	put_column(fcinfo, "segments", &profiles_table.columns[PROFILE_SEGMENTS], false, &place);
	return (Datum) 0;
}
