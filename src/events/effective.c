/*
 * effective.c
 *	  When an event counts as having happened.
 */
#include "events/events.h"

#include "miscadmin.h"
#include "workspace/rights.h"

TimestampTz
event_effective_at(TimestampTz occurred_at, TimestampTz received_at, TimestampTz earliest)
{
	return occurred_at < earliest ? received_at : Min(occurred_at, received_at);
}

PG_FUNCTION_INFO_V1(cdp_effective_at);

/* cdp.effective_at(occurred_at, received_at, earliest) -> timestamptz: the same in SQL. */
Datum
cdp_effective_at(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMPTZ(event_effective_at(PG_GETARG_TIMESTAMPTZ(0), PG_GETARG_TIMESTAMPTZ(1),
	                                         PG_GETARG_TIMESTAMPTZ(2)));
}

PG_FUNCTION_INFO_V1(cdp_earliest_event);

/* cdp.earliest_event(workspace) -> timestamptz: the setting. */
Datum
cdp_earliest_event(PG_FUNCTION_ARGS)
{
	Workspace *ws = workspace_for_caller(NameStr(*PG_GETARG_NAME(0)));

	/* whoever sees the times of events may know by which rule they count */
	if (!workspace_may(ws, GetUserId(), ACL_SELECT, events_table.name, "occurred_at"))
		workspace_require_select(ws, settings_table.name, "earliest_event");
	PG_RETURN_TIMESTAMPTZ(ws->earliest_event);
}
