/*
 * tables.c
 *	  The tables that every stage knows.
 */
#include "workspace/tables.h"

static const EngineColumn event_columns[N_EVENT_COLUMNS] = {
    [EVENT_ID] = {"event_id", "uuid"},
    [EVENT_OCCURRED_AT] = {"occurred_at", "timestamptz"},
    [EVENT_RECEIVED_AT] = {"received_at", "timestamptz"},
    [EVENT_NAME] = {"event", "text"},
    [EVENT_SOURCE] = {"source", "text", true},
    [EVENT_AMOUNT] = {"amount", "numeric", true},
    [EVENT_CURRENCY] = {"currency", "text", true},
    [EVENT_ANCHOR] = {"anchor", "identifier", true},
    [EVENT_IDENTIFIERS] = {"identifiers", "_text"},
    [EVENT_TRAITS] = {"traits", "jsonb", true},
    [EVENT_PROPERTIES] = {"properties", "jsonb", true},
    [EVENT_CONTENT_HASH] = {"content_hash", "int8", true},
};

static EngineColumn profile_columns[MAX_PROFILE_COLUMNS] = {
    [PROFILE_ID] = {"profile_id", "int8"},
    [PROFILE_FIRST_SEEN] = {"first_seen", "timestamptz"},
    [PROFILE_LAST_SEEN] = {"last_seen", "timestamptz"},
    [PROFILE_EVENT_COUNT] = {"event_count", "int8"},
    [PROFILE_EVALUATED_AT] = {"evaluated_at", "timestamptz"},
    [PROFILE_NEXT_EVALUATION_AT] = {"next_evaluation_at", "timestamptz", true},
    [PROFILE_IDENTIFIER_COUNT] = {"identifier_count", "int8"},
    [PROFILE_CONTESTED_UNTIL] = {"contested_until", "timestamptz", true},
    [PROFILE_SEGMENTS] = {"segments", "segment_set"},
};

static EngineColumn balance_columns[BALANCE_VALUE(MAX_PROFILE_VALUES)] = {
    [BALANCE_ANCHOR] = {"anchor", "identifier"},
    [BALANCE_FIRST_SEEN] = {"first_seen", "timestamptz"},
    [BALANCE_LAST_SEEN] = {"last_seen", "timestamptz"},
    [BALANCE_EVENT_COUNT] = {"event_count", "int8"},
};

static const EngineColumn setting_columns[N_SETTING_COLUMNS] = {
    [SETTING_TIME_ZONE] = {"time_zone", "text"},
    [SETTING_DEFAULT_CURRENCY] = {"default_currency", "text"},
    [SETTING_DEFAULT_REGION] = {"default_region", "text", true},
    [SETTING_VIETNAM_2018] = {"vietnam_2018", "bool"},
    [SETTING_EARLIEST_EVENT] = {"earliest_event", "timestamptz"},
    [SETTING_MAX_IDENTIFIERS] = {"max_identifiers", "int4"},
};

WorkspaceTable events_table = {.name = "events",
                               .guard = GUARD_EVENTS,
                               .columns = event_columns,
                               .n_columns = N_EVENT_COLUMNS};
WorkspaceTable profiles_table = {.name = "profiles",
                                 .guard = GUARD_PROFILES,
                                 .columns = profile_columns,
                                 .n_columns = N_FIXED_PROFILE_COLUMNS,
                                 .n_key = 1,
                                 .locks_rows = true};
WorkspaceTable balances_table = {.name = "opening_balances",
                                 .guard = GUARD_DERIVED,
                                 .columns = balance_columns,
                                 .n_columns = N_FIXED_BALANCE_COLUMNS,
                                 .n_key = 1};
WorkspaceTable settings_table = {.name = "settings",
                                 .guard = GUARD_SETTINGS,
                                 .define = "define_rules",
                                 .columns = setting_columns,
                                 .n_columns = N_SETTING_COLUMNS};

WorkspaceIndex events_by_anchor = {&events_table, 2, {"anchor", "occurred_at"}};
WorkspaceIndex profiles_by_timer = {&profiles_table, 1, {"next_evaluation_at"}};

void
tables_add_value(const ProfileValue *value)
{
	Assert(profiles_table.n_columns == PROFILE_VALUE(value->number));
	profile_columns[profiles_table.n_columns++] = value->column;
	balance_columns[balances_table.n_columns++] = value->column;
}
