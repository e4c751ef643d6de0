/*
 * times.c
 *	  How long predicates take, measured when somebody asks. Measuring every evaluation would
 *	  cost each event what two readings of a clock cost, for a figure that is seldom looked at.
 */
#include "segments/segments_internal.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "portability/instr_time.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"
#include "workspace/rights.h"
#include "workspace/rows.h"

/* How long one segment is timed, in milliseconds. */
#define TIMED_MAX 20

/* The timing of a segment on rows of profiles. */
typedef struct Timing
{
	Workspace *ws;
	const Segment *segment;
	Datum *rows;
	bool *nulls;
	int n_rows;
	int row; /* the next one */
	TupleTableSlot *slot;
	ClockContext clock;
	instr_time started;
} Timing;

static double
milliseconds(const Timing *timing)
{
	instr_time now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, timing->started);
	return INSTR_TIME_GET_MILLISEC(now);
}

/* Makes a row the one that predicates read, with the segments that it is in. */
static void
set_row(Timing *timing, Datum row)
{
	Workspace *ws = timing->ws;
	const Segments *segments = segments_of(ws);
	HeapTupleHeader header = DatumGetHeapTupleHeader(row);
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(header), .t_data = header};
	bool isnull;
	Datum set;

	ExecForceStoreHeapTuple(&tuple, timing->slot, false);
	workspace_check_row(ws, &profiles_table, timing->slot);
	ws->econtext->ecxt_scantuple = timing->slot;
	set = slot_getattr(timing->slot,
	                   workspace_table(ws, &profiles_table)->columns[PROFILE_SEGMENTS], &isnull);
	for (int i = 0; i < segments->n_segments; i++)
	{
		const Segment *segment = &segments->segments[i];

		if (segment->dependents != NULL)
			evaluate_set_member(ws, segment,
			                    !isnull && segment_set_find(DatumGetSegmentSetP(set), segment->name,
			                                                segment->name_len) >= 0);
	}
}

static bool
time_rows(void *context)
{
	Timing *timing = (Timing *) context;
	const Expression *expression = &timing->segment->expression;
	ExprContext *econtext = timing->ws->econtext;

	while (timing->row < timing->n_rows && milliseconds(timing) < TIMED_MAX)
	{
		MemoryContext oldcontext = MemoryContextSwitchTo(econtext->ecxt_per_tuple_memory);
		bool isnull;

		CHECK_FOR_INTERRUPTS();
		if (!timing->nulls[timing->row])
		{
			set_row(timing, timing->rows[timing->row]);
			timing->clock.until = DT_NOEND;
			if (expression->clock != NULL)
				(void) clock_evaluate(expression->clock, &timing->clock, &isnull);
			else if (expression->state != NULL)
				(void) ExecEvalExpr(expression->state, econtext, &isnull);
		}
		MemoryContextSwitchTo(oldcontext);
		ResetExprContext(econtext);
		timing->row++;
	}
	return true;
}

/* A row on which the predicate fails has taken its time, too. */
static bool
step_over(void *context, const ErrorData *error)
{
	((Timing *) context)->row++;
	return true;
}

/* The average of a segment, in microseconds. */
static double
time_segment(Timing *timing, const Segment *segment)
{
	timing->segment = segment;
	timing->row = 0;
	INSTR_TIME_SET_CURRENT(timing->started);
	cdp_attempt_each(time_rows, step_over, timing);
	ExecClearTuple(timing->slot);
	return milliseconds(timing) * 1000 / Max(timing->row, 1);
}

PG_FUNCTION_INFO_V1(cdp_segment_times);

/*
 * cdp.segment_times(rows of profiles) -> a row per segment that is switched on and compiles:
 * its name, and how many microseconds it takes on one of them.
 */
Datum
cdp_segment_times(PG_FUNCTION_ARGS)
{
	Oid type = get_element_type(get_fn_expr_argtype(fcinfo->flinfo, 0));
	Timing timing = {0};
	const Segments *segments;
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	WorkspaceUser user;
	int nest_level;

	if (!OidIsValid(type) || !type_is_rowtype(type))
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
		                errmsg("cdp.segment_times takes an array of rows of profiles")));
	timing.ws = workspace_of_row_type(type);
	workspace_require_usage(timing.ws);
	workspace_require_select(timing.ws, segments_table.name, "name");
	segments = segments_of(timing.ws);

	InitMaterializedSRF(fcinfo, 0);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), type, -1, false, TYPALIGN_DOUBLE, &timing.rows,
	                  &timing.nulls, &timing.n_rows);
	if (timing.n_rows == 0)
		return (Datum) 0;
	workspace_evaluate_as_owner(timing.ws, &user);
	nest_level = evaluate_pin(timing.ws);
	timing.clock = (ClockContext){
	    .econtext = timing.ws->econtext, .zone = session_timezone, .at = cdp_statement_now()};
	timing.slot = MakeSingleTupleTableSlot(lookup_rowtype_tupdesc_copy(type, -1), &TTSOpsHeapTuple);
	for (int i = 0; i < segments->n_segments; i++)
	{
		const Segment *segment = &segments->segments[i];
		bool isnull[2] = {false, false};
		Datum values[2];

		if (!segment->enabled ||
		    (segment->expression.state == NULL && segment->expression.clock == NULL))
			continue;
		values[0] = CStringGetTextDatum(segment->name);
		values[1] = Float8GetDatum(time_segment(&timing, segment));
		tuplestore_putvalues(result->setResult, result->setDesc, values, isnull);
	}
	ExecDropSingleTupleTableSlot(timing.slot);
	expression_unpin(nest_level);
	workspace_restore_user(&user);
	return (Datum) 0;
}
