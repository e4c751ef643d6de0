/*
 * tables.h
 *	  The tables that every stage knows: events, profiles, opening balances and
 *	  settings; and the places of the engine's columns in them.
 */
#ifndef CDP_WORKSPACE_TABLES_H
#define CDP_WORKSPACE_TABLES_H

#include "workspace/parts.h"

typedef enum EventColumn
{
	EVENT_ID,
	EVENT_OCCURRED_AT,
	EVENT_RECEIVED_AT,
	EVENT_NAME,
	EVENT_SOURCE,
	EVENT_AMOUNT,
	EVENT_CURRENCY,
	EVENT_ANCHOR,
	EVENT_IDENTIFIERS,
	EVENT_TRAITS,
	EVENT_PROPERTIES,
	EVENT_CONTENT_HASH,
	N_EVENT_COLUMNS
} EventColumn;

/* The values follow these columns, see PROFILE_VALUE. */
typedef enum ProfileColumn
{
	PROFILE_ID,
	PROFILE_FIRST_SEEN,
	PROFILE_LAST_SEEN,
	PROFILE_EVENT_COUNT,
	PROFILE_EVALUATED_AT,
	PROFILE_NEXT_EVALUATION_AT,
	PROFILE_IDENTIFIER_COUNT,
	PROFILE_CONTESTED_UNTIL,
	PROFILE_SEGMENTS,
	N_FIXED_PROFILE_COLUMNS
} ProfileColumn;

/* The column of a value, by its number. */
#define PROFILE_VALUE(number) (N_FIXED_PROFILE_COLUMNS + (number))
#define MAX_PROFILE_COLUMNS PROFILE_VALUE(MAX_PROFILE_VALUES)

/* The values follow these columns, see BALANCE_VALUE. */
typedef enum BalanceColumn
{
	BALANCE_ANCHOR,
	BALANCE_FIRST_SEEN,
	BALANCE_LAST_SEEN,
	BALANCE_EVENT_COUNT,
	N_FIXED_BALANCE_COLUMNS
} BalanceColumn;

#define BALANCE_VALUE(number) (N_FIXED_BALANCE_COLUMNS + (number))

typedef enum SettingColumn
{
	SETTING_TIME_ZONE,
	SETTING_DEFAULT_CURRENCY,
	SETTING_DEFAULT_REGION,
	SETTING_VIETNAM_2018,
	SETTING_EARLIEST_EVENT,
	SETTING_MAX_IDENTIFIERS,
	N_SETTING_COLUMNS
} SettingColumn;

extern WorkspaceTable events_table;
extern WorkspaceTable profiles_table;
extern WorkspaceTable balances_table;
extern WorkspaceTable settings_table;

extern WorkspaceIndex events_by_anchor;  /* (anchor, occurred_at) */
extern WorkspaceIndex profiles_by_timer; /* (next_evaluation_at) */

/* Adds the column of a value, which has its number, to profiles and opening balances. */
extern void tables_add_value(const ProfileValue *value);

#endif /* CDP_WORKSPACE_TABLES_H */
