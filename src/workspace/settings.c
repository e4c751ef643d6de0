/*
 * settings.c
 *	  The settings of a workspace: time zone, currency, region, limits of events.
 */
#include "workspace/workspace_internal.h"
#include "workspace/definitions.h"

#include "normalise/phone.h"
#include "types/ltv.h"

static void
read_settings_row(Workspace *ws, TupleTableSlot *slot)
{
	bool isnull;
	char *currency = workspace_text(ws, &settings_table, slot, SETTING_DEFAULT_CURRENCY);
	char *region = workspace_text(ws, &settings_table, slot, SETTING_DEFAULT_REGION);
	char *time_zone = workspace_text(ws, &settings_table, slot, SETTING_TIME_ZONE);

	ws->time_zone = palloc(LTV_ZONE_MAX + 1);
	if (!ltv_zone_lookup(time_zone, ws->time_zone, &ws->tz))
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		         errmsg("time zone \"%s\" is not known", time_zone),
		         errdetail("It is the time_zone in the settings of workspace \"%s\".", ws->name),
		         errhint("Use a name of the time zone database, for example "
		                 "'Asia/Ho_Chi_Minh'.")));
	if (region != NULL && !phone_region_known(region))
		ereport(
		    ERROR,
		    (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		     errmsg("region \"%s\" has no telephone numbers", region),
		     errdetail("It is the default_region in the settings of workspace \"%s\".", ws->name),
		     errhint("Use the two letters of ISO 3166, for example VN, or leave it empty.")));
	strlcpy(ws->default_currency, currency ? currency : "USD", sizeof(ws->default_currency));
	strlcpy(ws->options.default_region, region ? region : "", sizeof(ws->options.default_region));
	ws->options.vietnam_2018 =
	    DatumGetBool(workspace_value(ws, &settings_table, slot, SETTING_VIETNAM_2018, &isnull));
	ws->earliest_event = DatumGetTimestampTz(
	    workspace_value(ws, &settings_table, slot, SETTING_EARLIEST_EVENT, &isnull));
	ws->max_identifiers =
	    DatumGetInt32(workspace_value(ws, &settings_table, slot, SETTING_MAX_IDENTIFIERS, &isnull));
}

void
workspace_read_settings(Workspace *ws)
{
	workspace_scan(ws, &settings_table, read_settings_row);
	if (ws->time_zone == NULL)
		ereport(ERROR,
		        (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		         errmsg("the settings of workspace \"%s\" are missing", ws->name),
		         errdetail("The table \"settings\" is empty, as at a subscriber before its initial "
		                   "copy, or where data are restored into a schema that was restored "
		                   "before."),
		         errhint("To restore data into a workspace that exists, use pg_restore "
		                 "--disable-triggers, or restore schema and data together.")));
}

/* The settings; cache.c reads them before any part. */
WorkspacePart workspace_part = {
    .name = "workspace",
    .tables = (WorkspaceTable *const[]){&settings_table, NULL},
};
