/*
 * run.c
 *	  Rows of events, one after another, and what each part makes of them.
 *
 * An expression may fail on a row (a cast of data). An error needs a
 * subtransaction to recover from, so many rows are evaluated in one; where an
 * expression fails, the work goes on behind it in the next.
 */
#include "events/events.h"

#include "expression/expression.h"
#include "miscadmin.h"

/* Shows the row to the parts whose turn has not been yet. */
static void
show_row(EventRun *run)
{
	for (; *run->part != NULL; run->part++)
	{
		WorkspacePart *part = *run->part;

		if (part->read_row != NULL && part->wants_rows(run->batch->ws))
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

/* The expression that has failed is the part's own affair; false: the error was none of an expression. */
static bool
skip_expression(void *context, const ErrorData *error)
{
	EventRun *run = (EventRun *) context;

	if (!run->pending || *run->part == NULL || (*run->part)->row_failed == NULL)
		return false;
	(*run->part)->row_failed(run, error);
	run->step++;
	return true;
}

static bool
any_part_wants_rows(Workspace *ws)
{
	WorkspacePart *part;

	FOREACH_PART(part)
	if (part->wants_rows != NULL && part->wants_rows(ws))
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
