/*
 * settings.c
 *	  The settings under which expressions are read and evaluated: they are the same in
 *	  every session.
 */
#include "expression/expression_internal.h"

#include "miscadmin.h"
#include "pgtime.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/bytea.h"
#include "utils/float.h"
#include "utils/guc.h"

/* Settings for reading a text, in addition to those for evaluation. */
static const char *const parsing_settings[][2] = {
    {"search_path", "pg_catalog, cdp, pg_temp"},
    {"standard_conforming_strings", "on"},
    {"transform_null_equals", "off"},
};

/* Settings for evaluation, in addition to the time zone. */
static const char *const pinned_settings[][2] = {
    {"datestyle", "ISO, MDY"},        {"intervalstyle", "postgres"}, {"lc_time", "C"},
    {"extra_float_digits", "1"},      {"bytea_output", "hex"},       {"array_nulls", "on"},
    {"quote_all_identifiers", "off"},
};

static void
pin_setting(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
	                         false);
}

int
settings_pin(Workspace *ws, bool parsing)
{
	int nest_level = NewGUCNestLevel();

	pin_setting("timezone", ws->time_zone);
	for (int i = 0; parsing && i < lengthof(parsing_settings); i++)
		pin_setting(parsing_settings[i][0], parsing_settings[i][1]);
	for (int i = 0; i < lengthof(pinned_settings); i++)
		pin_setting(pinned_settings[i][0], pinned_settings[i][1]);
	return nest_level;
}

/* Whether the session's settings differ from ours in a way that matters to evaluation. */
static bool
needs_pinning(Workspace *ws, bool uses_time_zone)
{
	if (extra_float_digits != 1 || bytea_output != BYTEA_OUTPUT_HEX || !Array_nulls ||
	    quote_all_identifiers)
		return true;
	return uses_time_zone &&
	       (DateStyle != USE_ISO_DATES || DateOrder != DATEORDER_MDY ||
	        IntervalStyle != INTSTYLE_POSTGRES || session_timezone != pg_tzset(ws->time_zone));
}

int
expression_pin(Workspace *ws, bool uses_time_zone)
{
	return needs_pinning(ws, uses_time_zone) ? settings_pin(ws, false) : 0;
}

void
expression_unpin(int nest_level)
{
	if (nest_level != 0)
		AtEOXact_GUC(true, nest_level);
}
