/*
 * clock_eval.c
 *	  Evaluates expressions that read the clock, and finds the first microsecond
 *	  at which they may differ.
 *
 * Each evaluated part lowers context->until; no search goes beyond it. An
 * instant may be early where a search would be long, but never late. Evaluation
 * is in written order, and stops where the result is known: the parts left out
 * cannot matter before until.
 */
#include "expression/clock_tree.h"

#include <math.h>

#include "access/stratnum.h"
#include "catalog/pg_type.h"
#include "nodes/execnodes.h"
#include "miscadmin.h"
#include "types/computed.h"
#include "utils/date.h"
#include "utils/datum.h"
#include "utils/timestamp.h"

/* How many pieces a search for a flip looks through; then it reports where the next one begins. */
#define MAX_PIECES 12

/* Order of the two sides of a comparison at an instant; null and failed are further states. */
typedef enum Order
{
	ORDER_LESS = -1,
	ORDER_EQUAL = 0,
	ORDER_GREATER = 1,
	ORDER_NULL,
	ORDER_FAILED
} Order;

/* A search for the end of a state of a node: its order, or its value. */
typedef struct Search
{
	ClockNode *node;
	ClockContext *context;
	Order order;
	Datum value;
	bool isnull;
} Search;

static Order
compare_at(ClockNode *node, ClockContext *context, TimestampTz at)
{
	bool left_null;
	bool right_null;
	Datum left = clock_move(node->args[0], context, at, &left_null);
	Datum right = clock_move(node->args[1], context, at, &right_null);
	int order;

	if (left_null || right_null)
		return ORDER_NULL;
	order = DatumGetInt32(FunctionCall2(&node->function, left, right));
	return order < 0 ? ORDER_LESS : order > 0 ? ORDER_GREATER : ORDER_EQUAL;
}

/* A comparison that is being made. */
typedef struct Comparison
{
	ClockNode *node;
	ClockContext *context;
	TimestampTz at;
	Order order;
} Comparison;

static void
make_comparison(void *arg)
{
	Comparison *comparison = (Comparison *) arg;

	comparison->order = compare_at(comparison->node, comparison->context, comparison->at);
}

/*
 * The same, but a failure is a state, too. A time out of range stays so, or
 * comes into range at some instant.
 */
static Order
order_at(ClockNode *node, ClockContext *context, TimestampTz at)
{
	Comparison comparison = {node, context, at, ORDER_FAILED};

	return clock_try(make_comparison, &comparison) ? comparison.order : ORDER_FAILED;
}

/* What a comparison says of an order; false of a null or failed one, too. */
static bool
holds(const ClockNode *node, Order order)
{
	switch (node->strategy)
	{
		case BTLessStrategyNumber:
			return order == ORDER_LESS;
		case BTLessEqualStrategyNumber:
			return order == ORDER_LESS || order == ORDER_EQUAL;
		case BTEqualStrategyNumber:
			return node->negated ? order == ORDER_LESS || order == ORDER_GREATER
			                     : order == ORDER_EQUAL;
		case BTGreaterEqualStrategyNumber:
			return order == ORDER_GREATER || order == ORDER_EQUAL;
		default:
			return order == ORDER_GREATER;
	}
}

static bool
same_result(const ClockNode *node, Order a, Order b)
{
	if (a == ORDER_NULL || a == ORDER_FAILED || b == ORDER_NULL || b == ORDER_FAILED)
		return a == b;
	return holds(node, a) == holds(node, b);
}

/*
 * Whether the state at an instant is another. The state is the result; for
 * equality it is the order, since a search may step over the instant of
 * equality.
 */
static bool
order_differs(void *arg, TimestampTz at)
{
	Search *search = (Search *) arg;
	Order order = order_at(search->node, search->context, at);

	return search->node->strategy == BTEqualStrategyNumber
	           ? order != search->order
	           : !same_result(search->node, order, search->order);
}

/*
 * About when two sides meet, from how far apart they are at low. Times move as
 * fast as the clock; of other values, what lies between low and high is taken
 * for a straight line.
 */
static TimestampTz
guess_meeting(ClockNode *node, ClockContext *context, TimestampTz low, TimestampTz high)
{
	ClockNode *moving = node->args[0]->moving ? node->args[0] : node->args[1];
	int side = moving == node->args[0] ? 1 : -1;
	bool isnull;
	double left;
	double right;
	double distance;

	if (!clock_number(node->args[0], clock_move(node->args[0], context, low, &isnull), &left) ||
	    !clock_number(node->args[1], clock_move(node->args[1], context, low, &isnull), &right))
		return low;
	distance = (right - left) * side;
	if (moving->direction != 0)
		distance *= moving->direction;
	switch (moving->type)
	{
		case DATEOID:
		case INT4OID:
			if (moving->type == DATEOID)
				distance /= USECS_PER_DAY;
			if (moving->direction == 0 || !moving->digital || fabs(distance) > 10000000)
				return low;
			return clock_local_midnight(context->zone, low, (int) ceil(distance));
		case TIMESTAMPTZOID:
		case TIMESTAMPOID:
		case INTERVALOID:
			return fabs(distance) < (double) CLOCK_END ? low + (int64) distance : low;
		default:
		{
			double left_high;
			double right_high;

			if (!clock_number(node->args[0], clock_move(node->args[0], context, high, &isnull),
			                  &left_high) ||
			    !clock_number(node->args[1], clock_move(node->args[1], context, high, &isnull),
			                  &right_high))
				return low;
			distance = (left - right) / ((left - right) - (left_high - right_high));
			return distance > 0 && distance < 1 ? low + (int64) (distance * (high - low)) : low;
		}
	}
}

/* A guess that is being made. */
typedef struct Guess
{
	ClockNode *node;
	ClockContext *context;
	TimestampTz low;
	TimestampTz high;
	TimestampTz meeting;
} Guess;

static void
make_guess(void *arg)
{
	Guess *guess = (Guess *) arg;

	guess->meeting = guess_meeting(guess->node, guess->context, guess->low, guess->high);
}

/* A search for the end of a piece. */
typedef struct Piece
{
	ClockNode *node;
	ClockContext *context;
	TimestampTz at;
	TimestampTz end;
} Piece;

static void
find_piece(void *arg)
{
	Piece *piece = (Piece *) arg;

	for (int i = 0; i < piece->node->n_args; i++)
	{
		TimestampTz end = clock_piece(piece->node->args[i], piece->context, piece->at);

		piece->end = Min(piece->end, end);
	}
}

/*
 * The end of the piece of all that a node compares or reads, bounded by what
 * matters. Where a value fails its pieces cannot be told: a short one.
 */
static TimestampTz
piece_of(ClockNode *node, ClockContext *context, TimestampTz at)
{
	Piece piece = {node, context, at, Min(context->until, CLOCK_END)};

	if (!clock_try(find_piece, &piece))
		piece.end = Min(piece.end, at + USECS_PER_HOUR);
	return Max(piece.end, at + 1);
}

/*
 * Lowers until to the first instant at which the comparison differs from what
 * it is now. On a piece the order changes in one direction only, so that its
 * two ends tell whether it does.
 */
static void
find_flip(ClockNode *node, ClockContext *context, Order now)
{
	TimestampTz bound = Min(context->until, CLOCK_END);
	TimestampTz from = context->at;
	Search search = {node, context, now};

	for (int pieces = 0; from < bound; pieces++)
	{
		TimestampTz end;

		if (pieces == MAX_PIECES)
		{
			context->until = from;
			return;
		}
		end = piece_of(node, context, from);
		while (end - 1 > from && order_differs(&search, end - 1))
		{
			Guess guess = {node, context, from, end - 1, from};

			/* where a value fails, any guess will do */
			(void) clock_try(make_guess, &guess);
			from = clock_first(order_differs, &search, from, end - 1, guess.meeting);
			search.order = order_at(node, context, from);
			if (!same_result(node, search.order, now))
			{
				context->until = from;
				return;
			}
		}
		from = end;
		if (from < bound)
		{
			search.order = order_at(node, context, from);
			if (!same_result(node, search.order, now))
			{
				context->until = from;
				return;
			}
		}
	}
}

static Datum
evaluate_compare(ClockNode *node, ClockContext *context, bool *isnull)
{
	Order order;

	clock_bind(node->args[0], context);
	clock_bind(node->args[1], context);
	order = order_at(node, context, context->at);
	find_flip(node, context, order);
	if (order == ORDER_FAILED)
		(void) compare_at(node, context, context->at); /* raises the error */
	*isnull = order == ORDER_NULL;
	return BoolGetDatum(holds(node, order));
}

/* A comparison of a node's value with the current one. */
typedef struct Look
{
	Search *search;
	TimestampTz at;
	bool differs;
} Look;

static void
look_at_value(void *arg)
{
	Look *look = (Look *) arg;
	Search *search = look->search;
	ClockNode *node = search->node->args[0];
	bool isnull;
	Datum value = clock_move(node, search->context, look->at, &isnull);

	look->differs =
	    isnull != search->isnull ||
	    (!isnull && !datumIsEqual(value, search->value, node->type_by_value, node->type_len));
}

static bool
value_differs(void *arg, TimestampTz at)
{
	Look look = {(Search *) arg, at, true};

	return !clock_try(look_at_value, &look) || look.differs;
}

/* A moving value that stays the same for a while: its current value, until it changes. */
static Datum
evaluate_digits(ClockNode *node, ClockContext *context, bool *isnull)
{
	Search search = {node, context};
	TimestampTz bound = Min(context->until, CLOCK_END);
	TimestampTz from = context->at;

	clock_bind(node->args[0], context);
	search.value = clock_move(node->args[0], context, context->at, &search.isnull);
	bound = Min(bound, context->until);
	for (int pieces = 0; from < bound; pieces++)
	{
		TimestampTz end;

		if (pieces == MAX_PIECES)
		{
			context->until = from;
			break;
		}
		end = piece_of(node, context, from);
		if (end - 1 > from && value_differs(&search, end - 1))
		{
			context->until = clock_first(value_differs, &search, from, end - 1,
			                             clock_local_midnight(context->zone, from, 1));
			break;
		}
		from = end;
		if (from < bound && value_differs(&search, from))
		{
			context->until = from;
			break;
		}
	}
	*isnull = search.isnull;
	return search.value;
}

/* A function of a calendar unit: the unit that contains its second argument. */
static Datum
evaluate_field(ClockNode *node, ClockContext *context, bool *isnull)
{
	ClockNode *moving = node->args[1];
	FunctionCallInfo call = node->call;
	int64 value;
	TimestampTz end;

	clock_bind(node->args[0], context);
	clock_bind(moving, context);
	call->args[0].value = node->args[0]->value;
	call->args[1].value = clock_move(moving, context, context->at, isnull);
	if (*isnull)
		return (Datum) 0;
	value = moving->type == DATEOID ? DatumGetDateADT(call->args[1].value)
	                                : DatumGetTimestamp(call->args[1].value);
	if (moving->type == DATEOID ? !DATE_NOT_FINITE(value) : !TIMESTAMP_NOT_FINITE(value))
	{
		end = piece_of(node, context, context->at);
		end = clock_reach(moving, context, context->at, end,
		                  clock_unit_end(node->unit, context->zone, value, moving->type));
		if (end < CLOCK_END)
			context->until = Min(context->until, end);
	}
	call->args[0].isnull = call->args[1].isnull = call->isnull = false;
	return FunctionCallInvoke(call);
}

static Datum
evaluate_is_null(ClockNode *node, ClockContext *context)
{
	bool isnull;

	clock_bind(node->args[0], context);
	(void) clock_move(node->args[0], context, context->at, &isnull);
	return BoolGetDatum(isnull != node->negated);
}

/* AND and OR of three values. */
static Datum
evaluate_bool(ClockNode *node, ClockContext *context, bool *isnull)
{
	bool decides = node->kind == CLOCK_OR;
	bool unknown = false;

	for (int i = 0; i < node->n_args; i++)
	{
		bool arg_isnull;
		Datum arg = clock_evaluate(node->args[i], context, &arg_isnull);

		if (arg_isnull)
			unknown = true;
		else if (DatumGetBool(arg) == decides)
		{
			*isnull = false;
			return arg;
		}
	}
	*isnull = unknown;
	return BoolGetDatum(!decides);
}

static Datum
evaluate_choice(ClockNode *node, ClockContext *context, bool *isnull)
{
	if (node->kind == CLOCK_COALESCE)
	{
		for (int i = 0; i < node->n_args; i++)
		{
			Datum value = clock_evaluate(node->args[i], context, isnull);

			if (!*isnull)
				return value;
		}
		return (Datum) 0;
	}
	for (int i = 0; i + 1 < node->n_args; i += 2)
	{
		Datum condition = clock_evaluate(node->args[i], context, isnull);

		if (!*isnull && DatumGetBool(condition))
			return clock_evaluate(node->args[i + 1], context, isnull);
	}
	return clock_evaluate(node->args[node->n_args - 1], context, isnull);
}

/* A computed trait, up to the next day at which it may be another. */
static Datum
evaluate_trait(ClockNode *node, ClockContext *context, bool *isnull)
{
	FunctionCallInfo call = node->call;
	text *name;
	TimestampTz end;

	for (int i = 0; i < node->n_args; i++)
	{
		clock_bind(node->args[i], context);
		call->args[i].value = clock_move(node->args[i], context, context->at, isnull);
		call->args[i].isnull = *isnull;
		if (*isnull)
			return (Datum) 0;
	}
	name = DatumGetTextPP(call->args[node->trait_arg + 1].value);
	end = computed_changes_at(DatumGetComputedP(call->args[node->trait_arg].value),
	                          VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name), context->at);
	if (end < CLOCK_END)
		context->until = Min(context->until, end);
	call->isnull = false;
	node->value = FunctionCallInvoke(call);
	*isnull = call->isnull;
	return node->value;
}

static Datum
compute(ClockNode *node, ClockContext *context, bool *isnull)
{
	ParamListInfo params = context->econtext->ecxt_param_list_info;

	/* all first: what an argument computes may use the same parameters */
	for (int i = 0; i < node->n_args; i++)
		node->args[i]->value = clock_evaluate(node->args[i], context, &node->args[i]->isnull);
	for (int i = 0; i < node->n_args; i++)
	{
		ParamExternData *param = &params->params[node->params[i] - 1];

		param->value = node->args[i]->value;
		param->isnull = node->args[i]->isnull;
		param->ptype = node->args[i]->type;
		param->pflags = 0;
	}
	return ExecEvalExpr(node->state, context->econtext, isnull);
}

/* What an expression computes at a later instant. */
typedef struct Later
{
	ClockNode *node;
	ClockContext context;
	Datum value;
	bool isnull;
} Later;

static void
compute_later(void *arg)
{
	Later *later = (Later *) arg;

	later->value = compute(later->node, &later->context, &later->isnull);
}

/*
 * An expression over computed traits changes at most where one of the traits
 * does. Those instants are examined in turn.
 */
static Datum
evaluate_computed(ClockNode *node, ClockContext *context, bool *isnull)
{
	TimestampTz bound = Min(context->until, CLOCK_END);
	Datum value = compute(node, context, isnull);

	if (!node->searches)
		return value;
	for (int i = 0; i < MAX_PIECES && context->until < bound; i++)
	{
		Later later = {node, *context};

		later.context.at = context->until;
		later.context.until = bound;
		if (!clock_try(compute_later, &later) || later.isnull != *isnull ||
		    (!*isnull && DatumGetBool(later.value) != DatumGetBool(value)))
			break;
		context->until = later.context.until;
	}
	return value;
}

Datum
clock_evaluate(ClockNode *node, ClockContext *context, bool *isnull)
{
	check_stack_depth();
	switch (node->kind)
	{
		case CLOCK_PLAIN:
			if (node->state != NULL)
				return ExecEvalExpr(node->state, context->econtext, isnull);
			*isnull = node->isnull;
			return node->value;
		case CLOCK_COMPARE:
			return evaluate_compare(node, context, isnull);
		case CLOCK_FIELD:
			return evaluate_field(node, context, isnull);
		case CLOCK_DIGITS:
			return evaluate_digits(node, context, isnull);
		case CLOCK_IS_NULL:
			*isnull = false;
			return evaluate_is_null(node, context);
		case CLOCK_TRAIT:
			return evaluate_trait(node, context, isnull);
		case CLOCK_AND:
		case CLOCK_OR:
			return evaluate_bool(node, context, isnull);
		case CLOCK_CASE:
		case CLOCK_COALESCE:
			return evaluate_choice(node, context, isnull);
		case CLOCK_COMPUTE:
			return evaluate_computed(node, context, isnull);
		default:
			elog(ERROR, "moving value %d is evaluated as a step", (int) node->kind);
	}
	return (Datum) 0;
}
