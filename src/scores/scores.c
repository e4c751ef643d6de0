/*
 * scores.c
 *	  Predictions of customer value: a part in SQL, see sql/scores. To the engine, its
 *	  column profiles.scores is a user's column.
 */
#include "workspace/tables.h"

#include "utils/acl.h"
#include "workspace/owner.h"

static const EngineColumn model_columns[] = {
    {"name", "text"},
    {"model", "text"},
    {"unit", "interval"},
    {"currency", "text", true},
    {"calibration_start", "date", true},
    {"calibration_end", "date", true},
    {"amounts", "bool"},
    {"horizon", "interval"},
    {"margin", "numeric"},
    {"discount_rate", "numeric"},
    {"discount_period", "interval"},
    {"scoring", "bool"},
};

static const EngineColumn fit_columns[] = {
    {"fit_id", "int8"},          {"value_model", "text"}, {"fitted_at", "timestamptz"},
    {"model", "text"},           {"currency", "text"},    {"calibration_start", "date", true},
    {"calibration_end", "date"}, {"purchases", "jsonb"},  {"amounts", "jsonb", true},
};

static WorkspaceTable models_table = {.name = "value_models",
                                      .guard = GUARD_NONE,
                                      .sql_only = true,
                                      .columns = model_columns,
                                      .n_columns = lengthof(model_columns)};
static WorkspaceTable fits_table = {.name = "value_model_fits",
                                    .guard = GUARD_NONE,
                                    .sql_only = true,
                                    .written = true,
                                    .columns = fit_columns,
                                    .n_columns = lengthof(fit_columns)};

/* What cdp.fit and cdp.score read. */
static const char *const read_of_profiles[] = {"profile_id", "ltv", NULL};
static const char *const written_to_profiles[] = {"scores", NULL};

PG_FUNCTION_INFO_V1(cdp_fit);

/* cdp.fit(workspace, name): the entrance of cdp.fit_body. */
Datum
cdp_fit(PG_FUNCTION_ARGS)
{
	static const WorkspaceRight rights[] = {
	    {&settings_table, NULL, ACL_SELECT},
	    {&models_table, NULL, ACL_SELECT},
	    {&profiles_table, read_of_profiles, ACL_SELECT},
	    {&fits_table, NULL, ACL_INSERT},
	    {NULL},
	};

	return workspace_enter_to_write(fcinfo, rights);
}

PG_FUNCTION_INFO_V1(cdp_score);

/* cdp.score(workspace): the entrance of cdp.score_body. */
Datum
cdp_score(PG_FUNCTION_ARGS)
{
	static const WorkspaceRight rights[] = {
	    {&settings_table, NULL, ACL_SELECT},
	    {&models_table, NULL, ACL_SELECT},
	    {&fits_table, NULL, ACL_SELECT},
	    {&profiles_table, read_of_profiles, ACL_SELECT},
	    {&profiles_table, written_to_profiles, ACL_SELECT},
	    {&profiles_table, written_to_profiles, ACL_UPDATE},
	    {NULL},
	};

	return workspace_enter_to_write(fcinfo, rights);
}

extern WorkspacePart scores_part;

WorkspacePart scores_part = {
    .name = "scores",
    .tables = (WorkspaceTable *const[]){&models_table, &fits_table, NULL},
};
