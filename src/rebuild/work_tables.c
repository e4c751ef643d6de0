/*
 * work_tables.c
 *	  The temporary tables of a rebuild, see sql/rebuild/rebuild.sql.
 *
 * A security-restricted operation makes no temporary tables: they could come between the
 * session and tables of its own. So it is left while they are made, as REFRESH MATERIALIZED
 * VIEW CONCURRENTLY does: empty, and of fixed types, so that no user's code runs. They are
 * filled within it. There, tables that keep rows of profiles also get the columns that users
 * have added.
 */
#include "rebuild/rebuild_internal.h"

#include "catalog/namespace.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "store/lock.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

typedef struct WorkTable
{
	WorkTables group;
	const char *name;
	const char *columns;
} WorkTable;

static const WorkTable work_tables[] = {
    {WORK_SCOPE, "cdp_scope",
     "identifier cdp.identifier PRIMARY KEY, round pg_catalog.int4 NOT NULL DEFAULT 0"},
    {WORK_SCOPE, "cdp_scope_events", "event_id pg_catalog.uuid PRIMARY KEY"},
    {WORK_SCOPE, "cdp_rules",
     "namespace pg_catalog.text, priority pg_catalog.int4, max_per_profile pg_catalog.int4, "
     "can_anchor pg_catalog.bool, can_merge pg_catalog.bool, generic_after pg_catalog.int4"},
    {WORK_SCOPE, "cdp_generic", "identifier cdp.identifier"},
    {WORK_SCOPE, "cdp_judged", "anchor cdp.identifier, event_id pg_catalog.uuid"},
    {WORK_STATE, "cdp_old_identifiers",
     "identifier cdp.identifier, profile_id pg_catalog.int8, anchored_at pg_catalog.timestamptz"},
    {WORK_STATE, "cdp_old_profiles", ""},
    {WORK_STATE, "cdp_new_profiles", ""},
    {WORK_STATE, "cdp_shares",
     "new_id pg_catalog.int8, old_id pg_catalog.int8, shared pg_catalog.int8"},
    {WORK_STATE, "cdp_kept",
     "new_id pg_catalog.int8, old_id pg_catalog.int8, own_columns pg_catalog.jsonb, "
     "parted_from pg_catalog.int8"},
    {WORK_STATE, "cdp_gone", "old_id pg_catalog.int8, profile_id pg_catalog.int8"},
    {WORK_STATE, "cdp_changed", "profile_id pg_catalog.int8"},
};

/* Of the rebuild that is running, or was the last: the suffix is empty, or _ and a number. */
static char suffix[16] = "";
static bool made[N_WORK_TABLES];

/* Whether no table would have the name of a relation or a type that the session has made. */
static bool
is_free(Oid schema)
{
	for (int i = 0; i < lengthof(work_tables); i++)
	{
		char *name = psprintf("%s%s", work_tables[i].name, suffix);

		if (OidIsValid(get_relname_relid(name, schema)) ||
		    SearchSysCacheExists2(TYPENAMENSP, CStringGetDatum(name), ObjectIdGetDatum(schema)))
			return false;
	}
	return true;
}

/* Chooses names that are free in the session's temporary schema. */
void
work_tables_begin(void)
{
	Oid schema = LookupNamespaceNoError("pg_temp");

	memset(made, 0, sizeof(made));
	suffix[0] = '\0';
	for (int n = 1; OidIsValid(schema) && !is_free(schema); n++)
	{
		CHECK_FOR_INTERRUPTS();
		snprintf(suffix, sizeof(suffix), "_%d", n);
	}
}

static void
execute_utility(const char *sql)
{
	if (SPI_execute(sql, false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not execute \"%s\"", sql);
}

void
work_tables_create(WorkTables which)
{
	StringInfoData sql;
	WorkspaceUser user;

	initStringInfo(&sql);
	for (int i = 0; i < lengthof(work_tables); i++)
		if (work_tables[i].group == which)
			appendStringInfo(&sql, "CREATE TEMPORARY TABLE %s%s (%s) ON COMMIT DROP;",
			                 work_tables[i].name, suffix, work_tables[i].columns);
	workspace_leave_restriction(&user);
	execute_utility(sql.data);
	workspace_enter_restriction(&user);
	made[which] = true;
	pfree(sql.data);
}

void
work_tables_drop(void)
{
	StringInfoData sql;
	const char *before = "DROP TABLE";

	initStringInfo(&sql);
	for (int i = 0; i < lengthof(work_tables); i++)
		if (made[work_tables[i].group])
		{
			appendStringInfo(&sql, "%s pg_temp.%s%s", before, work_tables[i].name, suffix);
			before = ",";
		}
	execute_utility(sql.data);
	pfree(sql.data);
}

const char *
work_tables_suffix(void)
{
	return suffix;
}

PG_FUNCTION_INFO_V1(cdp_rebuild_suffix);

/*
 * cdp.rebuild_suffix() -> what stands at the end of the names of the tables of the rebuild that
 * is running, or was the last in this session: empty, or _ and a number.
 */
Datum
cdp_rebuild_suffix(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(suffix));
}
