/*
 * run.c
 *	  Reads rows of events one after another, and shows each row to the parts.
 *
 * An expression may fail on a row, as a cast of data does. Recovery from an error needs
 * a subtransaction, so many rows share one. After a failure, the work goes on with the
 * next expression in a new subtransaction.
 */
#include "events/events.h"

#include "expression/expression.h"
#include "miscadmin.h"

static bool
wants_rows(const WorkspacePart *part, Workspace *ws)
{
	return part->read_row != NULL && (part->wants_rows == NULL || part->wants_rows(ws));
}

/* Shows the row to the parts that have not seen it yet. */
static void
show_row(EventRun *run)
{
	for (; *run->part != NULL; run->part++)
	{
		WorkspacePart *part = *run->part;

		if (wants_rows(part, run->batch->ws))
			part->read_row(run);
		run->step = 0;
	}
}

static bool
run_rows(void *context)
{
	EventRun *run = (EventRun *) context;

	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		if (!run->pending)
		{
			if (!run->next(run))
				return true;
			run->part = workspace_parts;
			run->step = 0;
			run->pending = true;
		}
		show_row(run);
		run->pending = false;
	}
}

/* Tells the part that its expression failed. False: the error did not come from an expression. */
static bool
skip_expression(void *context, const ErrorData *error)
{
	EventRun *run = (EventRun *) context;

	if (!run->pending || *run->part == NULL || (*run->part)->row_failed == NULL ||
	    !(*run->part)->row_failed(run, error))
		return false;
	run->step++;
	return true;
}

static bool
any_part_wants_rows(Workspace *ws)
{
	WorkspacePart *part;

	FOREACH_PART (part)
		if (wants_rows(part, ws))
			return true;
	return false;
}

void
events_run(EventRun *run)
{
	Workspace *ws = run->batch->ws;
	int nest_level;

	if (!any_part_wants_rows(ws))
	{
		while (run->next(run))
			CHECK_FOR_INTERRUPTS();
		return;
	}
	nest_level = expression_pin(ws, ws->rows_use_time_zone);
	cdp_attempt_each(run_rows, skip_expression, run);
	expression_unpin(nest_level);
}
