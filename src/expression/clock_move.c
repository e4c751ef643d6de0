/*
 * clock_move.c
 *	  Moving values: their value at an instant, and how long they do not turn.
 *
 * Binding runs once on a row: it evaluates all that does not move, and chooses
 * the branches. After that a value at another instant costs the moving
 * functions alone. A binding holds up to context->until.
 */
#include "expression/clock_tree.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "common/int.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

static void
bind_case(ClockNode *node, ClockContext *context)
{
	node->choice = node->n_args - 1;
	for (int i = 0; i + 1 < node->n_args; i += 2)
	{
		bool isnull;
		Datum holds = clock_evaluate(node->args[i], context, &isnull);

		if (!isnull && DatumGetBool(holds))
		{
			node->choice = i + 1;
			break;
		}
	}
	clock_bind(node->args[node->choice], context);
}

static void
bind_coalesce(ClockNode *node, ClockContext *context)
{
	node->choice = -1;
	for (int i = 0; i < node->n_args; i++)
	{
		bool isnull;

		clock_bind(node->args[i], context);
		(void) clock_move(node->args[i], context, context->at, &isnull);
		if (!isnull)
		{
			node->choice = i;
			return;
		}
	}
}

void
clock_bind(ClockNode *node, ClockContext *context)
{
	if (!node->moving)
		node->value = clock_evaluate(node, context, &node->isnull);
	else if (node->kind == CLOCK_CASE)
		bind_case(node, context);
	else if (node->kind == CLOCK_COALESCE)
		bind_coalesce(node, context);
	else
		for (int i = 0; i < node->n_args; i++)
			clock_bind(node->args[i], context);
}

/*
 * The clock plus or minus an interval without months, where days have 24 hours.
 * It is what PostgreSQL computes by way of the calendar. False: it is another
 * call, or near the end of time.
 */
static bool
shift_clock(ClockNode *node, ClockContext *context, TimestampTz at, TimestampTz *shifted)
{
	const ClockNode *by = node->args[1];
	const Interval *interval;
	int64 distance;

	if ((node->rule != PIECES_INSTANT_PLUS && node->rule != PIECES_INSTANT_MINUS) ||
	    node->args[0]->kind != CLOCK_INSTANT || by->isnull ||
	    !clock_has_fixed_offset(context->zone))
		return false;
	interval = DatumGetIntervalP(by->value);
	if (interval->month != 0 || pg_mul_s64_overflow(interval->day, USECS_PER_DAY, &distance) ||
	    pg_add_s64_overflow(distance, interval->time, &distance) ||
	    (node->rule == PIECES_INSTANT_PLUS ? pg_add_s64_overflow(at, distance, shifted)
	                                       : pg_sub_s64_overflow(at, distance, shifted)))
		return false;
	return *shifted > -CLOCK_END / 8 && *shifted < CLOCK_END && distance > -CLOCK_END &&
	       distance < CLOCK_END;
}

/* A call of the node's function with its moving argument's value at an instant. */
static Datum
move_call(ClockNode *node, ClockContext *context, TimestampTz at, bool *isnull)
{
	FunctionCallInfo call = node->call;
	TimestampTz shifted;
	Datum result;

	*isnull = false;
	if (shift_clock(node, context, at, &shifted))
		return TimestampTzGetDatum(shifted);
	for (int i = 0; i < node->n_args; i++)
	{
		call->args[i].value = clock_move(node->args[i], context, at, &call->args[i].isnull);
		*isnull = *isnull || call->args[i].isnull;
	}
	if (*isnull) /* they are all strict */
		return (Datum) 0;
	call->isnull = false;
	result = FunctionCallInvoke(call);
	*isnull = call->isnull;
	return result;
}

static Datum
move_extreme(ClockNode *node, ClockContext *context, TimestampTz at, bool *isnull)
{
	Datum result = (Datum) 0;

	*isnull = true;
	for (int i = 0; i < node->n_args; i++)
	{
		bool arg_isnull;
		Datum arg = clock_move(node->args[i], context, at, &arg_isnull);
		int order;

		if (arg_isnull)
			continue;
		order = *isnull ? 0 : DatumGetInt32(FunctionCall2(&node->function, arg, result));
		if (*isnull || (node->greatest ? order > 0 : order < 0))
			result = arg;
		*isnull = false;
	}
	return result;
}

/* Value at an instant of what has been bound. */
Datum
clock_move(ClockNode *node, ClockContext *context, TimestampTz at, bool *isnull)
{
	if (!node->moving)
	{
		*isnull = node->isnull;
		return node->value;
	}
	switch (node->kind)
	{
		case CLOCK_INSTANT:
			*isnull = false;
			return TimestampTzGetDatum(at);
		case CLOCK_CALL:
			return move_call(node, context, at, isnull);
		case CLOCK_EXTREME:
			return move_extreme(node, context, at, isnull);
		default:
			*isnull = node->choice < 0;
			if (*isnull)
				return (Datum) 0;
			return clock_move(node->args[node->choice], context, at, isnull);
	}
}

/* The value as an integer, for the types that have pieces; false: null, or another type. */
static bool
whole_value(ClockNode *node, ClockContext *context, TimestampTz at, int64 *value)
{
	bool isnull;
	Datum datum = clock_move(node, context, at, &isnull);

	if (isnull)
		return false;
	if (node->type == TIMESTAMPTZOID || node->type == TIMESTAMPOID)
		*value = DatumGetTimestamp(datum);
	else if (node->type == DATEOID)
		*value = DatumGetDateADT(datum);
	else
		return false;
	return true;
}

/* The end, exclusive, of the piece around an instant on which the value does not turn. */
TimestampTz
clock_piece(ClockNode *node, ClockContext *context, TimestampTz at)
{
	TimestampTz end = DT_NOEND;

	if (!node->moving)
		return end;
	if (node->kind == CLOCK_CASE || node->kind == CLOCK_COALESCE)
		return node->choice < 0 ? end : clock_piece(node->args[node->choice], context, at);
	for (int i = 0; i < node->n_args; i++)
	{
		TimestampTz arg_end = clock_piece(node->args[i], context, at);

		end = Min(end, arg_end);
	}
	if (node->kind == CLOCK_CALL && node->rule != PIECES_WHOLE)
	{
		ClockNode *arg = node->args[node->moving_arg];
		Datum other = node->other_arg < 0 ? (Datum) 0 : node->args[node->other_arg]->value;
		int64 value;
		int64 turn;

		if (!whole_value(arg, context, at, &value) ||
		    (node->other_arg >= 0 && node->args[node->other_arg]->isnull))
			return end;
		turn = clock_piece_end(node->rule, context->zone, value, other, arg->type);
		if (turn != PIECE_NONE)
			end = clock_reach(arg, context, at, end, turn);
	}
	return end;
}

TimestampTz
clock_first(ClockTest test, void *context, TimestampTz low, TimestampTz high, TimestampTz guess)
{
	if (guess >= low && guess < high)
	{
		bool reached = guess > low && test(context, guess);
		int64 step = 1;

		/* the guess is right or nearly so: look around it in growing steps */
		if (reached)
			high = guess;
		else
			low = guess;
		while (high - low > step)
		{
			TimestampTz at = reached ? guess - step : guess + step;

			if (at <= low || at >= high)
				break;
			if (test(context, at))
				high = at;
			else
				low = at;
			if (reached ? low == at : high == at)
				break;
			step *= 8;
		}
	}
	while (high - low > 1)
	{
		TimestampTz middle = low + (high - low) / 2;

		if (test(context, middle))
			high = middle;
		else
			low = middle;
	}
	return high;
}

/* Whether a growing value has reached a target. */
typedef struct Reach
{
	ClockNode *node;
	ClockContext *context;
	int64 target;
	TimestampTz at;
	bool reached;
} Reach;

/*
 * Whether something can be done without an error. It calls functions of dates
 * and numbers only, which hold nothing that would have to be given back.
 */
bool
clock_try(void (*work)(void *), void *arg)
{
	MemoryContext oldcontext = CurrentMemoryContext;
	volatile bool done = false;

	PG_TRY();
	{
		work(arg);
		done = true;
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(oldcontext);
		if (cdp_error_is_fatal(geterrcode()) || cdp_error_is_internal(geterrcode()))
			PG_RE_THROW();
		FlushErrorState();
	}
	PG_END_TRY();
	return done;
}

static void
look_at_reach(void *arg)
{
	Reach *reach = (Reach *) arg;
	int64 value;

	reach->reached =
	    !whole_value(reach->node, reach->context, reach->at, &value) || value >= reach->target;
}

/* A value that fails far ahead, out of its type's range, counts as there. */
static bool
has_reached(void *arg, TimestampTz at)
{
	Reach *reach = (Reach *) arg;

	reach->at = at;
	return !clock_try(look_at_reach, reach) || reach->reached;
}

/*
 * The first instant after another, before end, at which a growing value is at
 * a target or beyond; end: there is none.
 */
TimestampTz
clock_reach(ClockNode *node, ClockContext *context, TimestampTz at, TimestampTz end, int64 target)
{
	Reach reach = {node, context, target};
	TimestampTz guess = at;
	int64 value;

	end = Min(end, CLOCK_END);
	if (node->kind == CLOCK_INSTANT)
		return Min(target, end);
	if (end - 1 <= at || !has_reached(&reach, end - 1))
		return end;
	if (whole_value(node, context, at, &value))
		guess = node->type == DATEOID
		            ? clock_local_midnight(context->zone, at, (int) Min(target - value, 10000000))
		            : at + (target - value);
	return clock_first(has_reached, &reach, at, end - 1, guess);
}

/* A value as a number, for guesses: times in microseconds. False: of another type. */
bool
clock_number(const ClockNode *node, Datum value, double *number)
{
	switch (node->type)
	{
		case TIMESTAMPTZOID:
		case TIMESTAMPOID:
			*number = (double) DatumGetTimestamp(value);
			return true;
		case DATEOID:
			*number = (double) DatumGetDateADT(value) * USECS_PER_DAY;
			return true;
		case INTERVALOID:
		{
			Interval *interval = DatumGetIntervalP(value);

			*number = ((double) interval->month * DAYS_PER_MONTH + interval->day) * USECS_PER_DAY +
			          (double) interval->time;
			return true;
		}
		case INT4OID:
			*number = DatumGetInt32(value);
			return true;
		case INT8OID:
			*number = (double) DatumGetInt64(value);
			return true;
		case FLOAT8OID:
			*number = DatumGetFloat8(value);
			return true;
		case NUMERICOID:
			*number = DatumGetFloat8(DirectFunctionCall1(numeric_float8, value));
			return true;
		default:
			return false;
	}
}
