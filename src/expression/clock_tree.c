/*
 * clock_tree.c
 *	  Takes apart an expression that reads the clock, and refuses one whose
 *	  instants of change cannot be told exactly.
 */
#include "expression/expression_internal.h"

#include "access/nbtree.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/params.h"
#include "optimizer/optimizer.h"
#include "types/computed.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

/* Functions that turn only at the ends of their pieces, in one argument. */
typedef struct MovingFunction
{
	Oid function;
	int arg;       /* the argument that may move */
	int direction; /* of the value where the argument grows; 0: as the sign of the other one */
	PieceRule rule;
	int other;    /* the argument that the rule needs; -1: none */
	bool digital; /* the value stays for a minute at least */
} MovingFunction;

static const MovingFunction moving_functions[] = {
    {F_TIMESTAMPTZ_PL_INTERVAL, 0, 1, PIECES_INSTANT_PLUS, 1, false},
    {F_TIMESTAMPTZ_MI_INTERVAL, 0, 1, PIECES_INSTANT_MINUS, 1, false},
    {F_TIMESTAMP_PL_INTERVAL, 0, 1, PIECES_LOCAL_PLUS, 1, false},
    {F_TIMESTAMP_MI_INTERVAL, 0, 1, PIECES_LOCAL_MINUS, 1, false},
    {F_DATE_PL_INTERVAL, 0, 1, PIECES_WHOLE, -1, true},
    {F_DATE_MI_INTERVAL, 0, 1, PIECES_WHOLE, -1, true},
    {F_DATE_PLI, 0, 1, PIECES_WHOLE, -1, true},
    {F_DATE_MII, 0, 1, PIECES_WHOLE, -1, true},
    {F_DATE_MI, 0, 1, PIECES_WHOLE, -1, true},
    {F_DATE_MI, 1, -1, PIECES_WHOLE, -1, true},
    {F_TIMESTAMPTZ_MI, 0, 1, PIECES_WHOLE, -1, false},
    {F_TIMESTAMPTZ_MI, 1, -1, PIECES_WHOLE, -1, false},
    {F_TIMESTAMP_MI, 0, 1, PIECES_WHOLE, -1, false},
    {F_TIMESTAMP_MI, 1, -1, PIECES_WHOLE, -1, false},
    {F_AGE_TIMESTAMPTZ_TIMESTAMPTZ, 0, 1, PIECES_AGE, 1, false},
    {F_AGE_TIMESTAMP_TIMESTAMP, 0, 1, PIECES_AGE, 1, false},
    {F_DATE_TIMESTAMPTZ, 0, 1, PIECES_ZONE, -1, true},
    {F_TIMESTAMP_TIMESTAMPTZ, 0, 1, PIECES_ZONE, -1, false},
    {F_TIMESTAMPTZ_TIMESTAMP, 0, 1, PIECES_WALL, -1, false},
    {F_TIMESTAMPTZ_DATE, 0, 1, PIECES_WHOLE, -1, true},
    {F_TIMESTAMP_DATE, 0, 1, PIECES_WHOLE, -1, true},
    {F_DATE_TIMESTAMP, 0, 1, PIECES_WHOLE, -1, true},
    {F_TIMESTAMPTZ_TIMESTAMPTZ_INT4, 0, 1, PIECES_WHOLE, -1, false},
    {F_TIMESTAMP_TIMESTAMP_INT4, 0, 1, PIECES_WHOLE, -1, false},
    {F_TIMEZONE_TEXT_TIMESTAMPTZ, 1, 1, PIECES_NAMED_ZONE, 0, false},
    {F_TIMEZONE_TEXT_TIMESTAMP, 1, 1, PIECES_NAMED_WALL, 0, false},
    {F_TIMEZONE_INTERVAL_TIMESTAMPTZ, 1, 1, PIECES_WHOLE, -1, false},
    {F_TIMEZONE_INTERVAL_TIMESTAMP, 1, 1, PIECES_WHOLE, -1, false},
    {F_DATE_TRUNC_TEXT_TIMESTAMPTZ, 1, 1, PIECES_ZONE, -1, false},
    {F_DATE_TRUNC_TEXT_TIMESTAMPTZ_TEXT, 1, 1, PIECES_NAMED_ZONE, 2, false},
    {F_DATE_TRUNC_TEXT_TIMESTAMP, 1, 1, PIECES_WHOLE, -1, false},
    {F_DATE_BIN_INTERVAL_TIMESTAMPTZ_TIMESTAMPTZ, 1, 1, PIECES_WHOLE, -1, false},
    {F_DATE_BIN_INTERVAL_TIMESTAMP_TIMESTAMP, 1, 1, PIECES_WHOLE, -1, false},
    {F_INTERVAL_PL, 0, 1, PIECES_WHOLE, -1, false},
    {F_INTERVAL_PL, 1, 1, PIECES_WHOLE, -1, false},
    {F_INTERVAL_MI, 0, 1, PIECES_WHOLE, -1, false},
    {F_INTERVAL_MI, 1, -1, PIECES_WHOLE, -1, false},
    {F_INTERVAL_UM, 0, -1, PIECES_WHOLE, -1, false},
    {F_INT4PL, 0, 1, PIECES_WHOLE, -1, false},
    {F_INT4PL, 1, 1, PIECES_WHOLE, -1, false},
    {F_INT4MI, 0, 1, PIECES_WHOLE, -1, false},
    {F_INT4MI, 1, -1, PIECES_WHOLE, -1, false},
    {F_INT4MUL, 0, 0, PIECES_WHOLE, -1, false},
    {F_INT4MUL, 1, 0, PIECES_WHOLE, -1, false},
    {F_INT4DIV, 0, 0, PIECES_WHOLE, -1, false},
    {F_INT8PL, 0, 1, PIECES_WHOLE, -1, false},
    {F_INT8PL, 1, 1, PIECES_WHOLE, -1, false},
    {F_INT8MI, 0, 1, PIECES_WHOLE, -1, false},
    {F_INT8MI, 1, -1, PIECES_WHOLE, -1, false},
    {F_NUMERIC_ADD, 0, 1, PIECES_WHOLE, -1, false},
    {F_NUMERIC_ADD, 1, 1, PIECES_WHOLE, -1, false},
    {F_NUMERIC_SUB, 0, 1, PIECES_WHOLE, -1, false},
    {F_NUMERIC_SUB, 1, -1, PIECES_WHOLE, -1, false},
    {F_NUMERIC_MUL, 0, 0, PIECES_WHOLE, -1, false},
    {F_NUMERIC_MUL, 1, 0, PIECES_WHOLE, -1, false},
    {F_NUMERIC_DIV, 0, 0, PIECES_WHOLE, -1, false},
    {F_FLOAT8PL, 0, 1, PIECES_WHOLE, -1, false},
    {F_FLOAT8PL, 1, 1, PIECES_WHOLE, -1, false},
    {F_FLOAT8MI, 0, 1, PIECES_WHOLE, -1, false},
    {F_FLOAT8MI, 1, -1, PIECES_WHOLE, -1, false},
    {F_FLOAT8MUL, 0, 0, PIECES_WHOLE, -1, false},
    {F_FLOAT8MUL, 1, 0, PIECES_WHOLE, -1, false},
    {F_FLOAT8DIV, 0, 0, PIECES_WHOLE, -1, false},
    {F_FLOOR_NUMERIC, 0, 1, PIECES_WHOLE, -1, false},
    {F_CEIL_NUMERIC, 0, 1, PIECES_WHOLE, -1, false},
    {F_CEILING_NUMERIC, 0, 1, PIECES_WHOLE, -1, false},
    {F_ROUND_NUMERIC_INT4, 0, 1, PIECES_WHOLE, -1, false},
    {F_TRUNC_NUMERIC_INT4, 0, 1, PIECES_WHOLE, -1, false},
    {F_FLOOR_FLOAT8, 0, 1, PIECES_WHOLE, -1, false},
    {F_CEIL_FLOAT8, 0, 1, PIECES_WHOLE, -1, false},
    {F_CEILING_FLOAT8, 0, 1, PIECES_WHOLE, -1, false},
    {F_ROUND_FLOAT8, 0, 1, PIECES_WHOLE, -1, false},
    {F_TRUNC_FLOAT8, 0, 1, PIECES_WHOLE, -1, false},
    {F_NUMERIC_INT4, 0, 1, PIECES_WHOLE, -1, false},
    {F_NUMERIC_INT8, 0, 1, PIECES_WHOLE, -1, false},
    {F_NUMERIC_FLOAT8, 0, 1, PIECES_WHOLE, -1, false},
    {F_NUMERIC_NUMERIC_INT4, 0, 1, PIECES_WHOLE, -1, false},
    {F_FLOAT8_INT4, 0, 1, PIECES_WHOLE, -1, false},
    {F_FLOAT8_INT8, 0, 1, PIECES_WHOLE, -1, false},
    {F_FLOAT8_NUMERIC, 0, 1, PIECES_WHOLE, -1, false},
    {F_INT4_NUMERIC, 0, 1, PIECES_WHOLE, -1, false},
    {F_INT8_NUMERIC, 0, 1, PIECES_WHOLE, -1, false},
    {F_INT4_FLOAT8, 0, 1, PIECES_WHOLE, -1, false},
    {F_INT8_FLOAT8, 0, 1, PIECES_WHOLE, -1, false},
    {F_INT8_INT4, 0, 1, PIECES_WHOLE, -1, false},
    {F_INT4_INT8, 0, 1, PIECES_WHOLE, -1, false},
};

/* Functions that take a field out of a time, by the type of it. */
static const Oid field_functions[] = {
    F_EXTRACT_TEXT_TIMESTAMPTZ, F_DATE_PART_TEXT_TIMESTAMPTZ, F_EXTRACT_TEXT_TIMESTAMP,
    F_DATE_PART_TEXT_TIMESTAMP, F_EXTRACT_TEXT_DATE,
};
static const Oid interval_field_functions[] = {
    F_EXTRACT_TEXT_INTERVAL,
    F_DATE_PART_TEXT_INTERVAL,
};

/* Fields that grow with the time: the years. The epoch too, at every moment. */
static const char *const growing_fields[] = {
    "year", "years", "isoyear", "decade", "century", "millennium", NULL,
};

/* Fields that come round, and the unit through which they stay. */
static const struct
{
	const char *name;
	ClockUnit unit;
} round_fields[] = {
    {"minute", UNIT_MINUTE}, {"hour", UNIT_HOUR},   {"day", UNIT_DAY},
    {"dow", UNIT_DAY},       {"isodow", UNIT_DAY},  {"doy", UNIT_DAY},
    {"week", UNIT_WEEK},     {"month", UNIT_MONTH}, {"quarter", UNIT_MONTH},
};

/* Units of date_trunc that last a minute at least. */
static const char *const long_units[] = {
    "minute", "hour",   "day",     "week",       "month", "quarter",
    "year",   "decade", "century", "millennium", NULL,
};

static ClockNode *build_node(ClockBuild *build, Node *expression);

bool
clock_is_param(Node *node)
{
	return IsA(node, Param) && ((Param *) node)->paramkind == PARAM_EXTERN &&
	       ((Param *) node)->paramid == CLOCK_PARAM;
}

/* walker: is there the parameter that stands for the clock? */
static bool
finds_clock(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Param))
		return clock_is_param(node);
	return expression_tree_walker(node, finds_clock, context);
}

bool
clock_is_read(Node *node)
{
	return finds_clock(node, NULL);
}

static void
refuse(ClockBuild *build, Node *node, const char *why, const char *hint)
{
	ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
	                errmsg("%s cannot tell when \"%s\" changes", build->what,
	                       build->text(node, build->context)),
	                errdetail("%s", why), errhint("%s", hint)));
}

static ClockNode *
new_node(ClockKind kind, Node *source, int n_args)
{
	ClockNode *node = palloc0(sizeof(ClockNode));

	node->kind = kind;
	node->source = (Expr *) source;
	node->type = exprType(source);
	get_typlenbyval(node->type, &node->type_len, &node->type_by_value);
	node->n_args = n_args;
	node->args = palloc0(sizeof(ClockNode *) * Max(n_args, 1));
	node->other_arg = -1;
	return node;
}

static ClockNode *
build_plain(ClockBuild *build, Node *expression)
{
	ClockNode *node = new_node(CLOCK_PLAIN, expression, 0);

	if (IsA(expression, Const))
	{
		node->value = ((Const *) expression)->constvalue;
		node->isnull = ((Const *) expression)->constisnull;
	}
	else
		node->state = ExecPrepareExpr((Expr *) expression, build->estate);
	return node;
}

static bool
is_in(Oid function, const Oid *list, int n)
{
	for (int i = 0; i < n; i++)
		if (list[i] == function)
			return true;
	return false;
}

static bool
is_word_in(const char *word, const char *const *list)
{
	for (; *list != NULL; list++)
		if (pg_strcasecmp(word, *list) == 0)
			return true;
	return false;
}

/* The text of a constant argument; null: it is no constant, or null. */
static char *
constant_text(Node *argument)
{
	Const *constant = (Const *) argument;

	if (!IsA(argument, Const) || constant->constisnull || constant->consttype != TEXTOID)
		return NULL;
	return TextDatumGetCString(constant->constvalue);
}

/* Sign of a numeric constant; 0: it is none, or not known to have one. */
static int
constant_sign(Node *argument)
{
	Const *constant = (Const *) argument;
	double value;

	if (!IsA(argument, Const) || constant->constisnull)
		return 0;
	switch (constant->consttype)
	{
		case INT4OID:
			value = DatumGetInt32(constant->constvalue);
			break;
		case FLOAT8OID:
			value = DatumGetFloat8(constant->constvalue);
			break;
		case NUMERICOID:
			value = DatumGetFloat8(DirectFunctionCall1(numeric_float8, constant->constvalue));
			break;
		default:
			return 0;
	}
	return (value > 0) - (value < 0);
}

/*
 * Arguments of a call of a function, by name or as an operator; NIL: it is none. A call that
 * is bounded counts as that of its function: what moves with the clock is short.
 */
static List *
call_of(const ClockBuild *build, Node *expression, Oid *function, Oid *collation)
{
	BoundedCall call;

	if (bounds_called(build->bounded, expression, &call))
	{
		*function = call.function;
		*collation = ((FuncExpr *) expression)->inputcollid;
		return call.args;
	}
	if (IsA(expression, FuncExpr))
	{
		*function = ((FuncExpr *) expression)->funcid;
		*collation = ((FuncExpr *) expression)->inputcollid;
		return ((FuncExpr *) expression)->args;
	}
	if (IsA(expression, OpExpr))
	{
		set_opfuncid((OpExpr *) expression);
		*function = ((OpExpr *) expression)->opfuncid;
		*collation = ((OpExpr *) expression)->inputcollid;
		return ((OpExpr *) expression)->args;
	}
	return NIL;
}

static void
prepare_call(ClockNode *node, Oid function, Oid collation)
{
	fmgr_info(function, &node->function);
	fmgr_info_set_expr((Node *) node->source, &node->function);
	node->call = palloc0(SizeForFunctionCallInfo(node->n_args));
	InitFunctionCallInfoData(*node->call, &node->function, node->n_args, collation, NULL, NULL);
}

/* A call of a function that moves with one of its arguments; null: it is another function. */
static ClockNode *
build_call(ClockBuild *build, Node *expression, Oid function, Oid collation, List *args)
{
	const MovingFunction *known = NULL;
	ClockNode *node = NULL;
	int moving = -1;

	if (args == NIL)
		return NULL;
	for (int i = 0; i < list_length(args); i++)
		if (clock_is_read(list_nth(args, i)))
		{
			if (moving >= 0)
				return NULL;
			moving = i;
		}
	for (int i = 0; i < lengthof(moving_functions) && known == NULL; i++)
		if (moving_functions[i].function == function && moving_functions[i].arg == moving)
			known = &moving_functions[i];
	if (known == NULL)
		return NULL;

	node = new_node(CLOCK_CALL, expression, list_length(args));
	for (int i = 0; i < node->n_args; i++)
		node->args[i] = build_node(build, list_nth(args, i));
	if (!node->args[moving]->moving)
		return NULL;
	node->moving = true;
	node->moving_arg = moving;
	node->rule = known->rule;
	node->other_arg = known->other;
	node->digital = known->digital || node->args[moving]->digital;
	node->direction = node->args[moving]->direction;
	if (known->direction != 0)
		node->direction *= known->direction;
	else
		node->direction *= constant_sign(list_nth(args, 1 - moving));
	if (function == F_DATE_TRUNC_TEXT_TIMESTAMPTZ || function == F_DATE_TRUNC_TEXT_TIMESTAMP ||
	    function == F_DATE_TRUNC_TEXT_TIMESTAMPTZ_TEXT)
	{
		char *unit = constant_text(linitial(args));

		node->digital = node->digital || (unit != NULL && is_word_in(unit, long_units));
	}
	if (node->rule != PIECES_WHOLE && node->args[moving]->direction != 1)
		refuse(build, expression, "It runs against the clock.",
		       "Bring the clock to one side of a comparison, as in last_seen < now() - interval "
		       "'7 days'.");
	prepare_call(node, function, collation);
	return node;
}

/* A read of a computed trait at the clock's instant; null: it is none. It stays bounded. */
static ClockNode *
build_trait(ClockBuild *build, Node *expression, Oid function, Oid collation, List *args)
{
	FuncExpr *call = (FuncExpr *) expression;
	ClockNode *node;
	FmgrInfo info;

	if (list_length(args) != 3)
		return NULL;
	fmgr_info(function, &info);
	if (!computed_is_reader(info.fn_addr))
		return NULL;
	node = new_node(CLOCK_TRAIT, expression, list_length(call->args));
	node->trait_arg = node->n_args - 3;
	for (int i = 0; i < node->n_args; i++)
		node->args[i] = build_node(build, list_nth(call->args, i));
	prepare_call(node, call->funcid, collation);
	return node;
}

/* Whether an interval is the difference of two times, whose days are 24 hours. */
static bool
is_difference(const ClockNode *node)
{
	return node->kind == CLOCK_CALL &&
	       (node->function.fn_oid == F_TIMESTAMPTZ_MI || node->function.fn_oid == F_TIMESTAMP_MI);
}

static bool
is_age(const ClockNode *node)
{
	return node->kind == CLOCK_CALL && node->rule == PIECES_AGE;
}

/* extract(field FROM moving); null: it is no such call. */
static ClockNode *
build_field(ClockBuild *build, Node *expression, Oid function, Oid collation, List *args)
{
	bool of_interval =
	    is_in(function, interval_field_functions, lengthof(interval_field_functions));
	ClockNode *node;
	ClockNode *moving;
	char *field;

	if (list_length(args) < 2 ||
	    (!of_interval && !is_in(function, field_functions, lengthof(field_functions))))
		return NULL;
	field = constant_text(linitial(args));
	moving = build_node(build, lsecond(args));
	if (field == NULL || !moving->moving)
		return NULL;
	node = new_node(CLOCK_CALL, expression, 2);
	node->args[0] = build_node(build, linitial(args));
	node->args[1] = moving;
	prepare_call(node, function, collation);

	if (pg_strcasecmp(field, "epoch") == 0 || (!of_interval && is_word_in(field, growing_fields)) ||
	    (of_interval && pg_strcasecmp(field, "year") == 0 && is_age(moving)) ||
	    (of_interval && pg_strcasecmp(field, "day") == 0 && is_difference(moving)))
	{
		bool is_epoch = pg_strcasecmp(field, "epoch") == 0;

		if (moving->direction == 0)
			return NULL;
		node->moving = true;
		node->moving_arg = 1;
		node->direction = moving->direction;
		node->digital = moving->digital || !is_epoch;
		node->rule = is_epoch || moving->type != TIMESTAMPTZOID ? PIECES_WHOLE : PIECES_ZONE;
		return node;
	}
	if (of_interval)
		return NULL;
	for (int i = 0; i < lengthof(round_fields); i++)
		if (pg_strcasecmp(field, round_fields[i].name) == 0 && moving->direction == 1)
		{
			node->kind = CLOCK_FIELD;
			node->unit = round_fields[i].unit;
			return node;
		}
	return NULL;
}

/* Function that gives the order of two types' values; InvalidOid: there is none. */
static Oid
order_function(Oid family, Oid left, Oid right)
{
	return get_opfamily_proc(family, left, right, BTORDER_PROC);
}

/* Casts a moving timestamp to timestamptz, as comparisons of the two do. */
static Node *
as_instant(Node *argument)
{
	if (exprType(argument) != TIMESTAMPOID || !clock_is_read(argument))
		return argument;
	return (Node *) makeFuncExpr(F_TIMESTAMPTZ_TIMESTAMP, TIMESTAMPTZOID, list_make1(argument),
	                             InvalidOid, InvalidOid, COERCE_EXPLICIT_CAST);
}

/* A comparison of a moving value; null: the operator compares nothing, or nothing that moves. */
static ClockNode *
build_compare(ClockBuild *build, OpExpr *operation)
{
	Node *left;
	Node *right;
	Oid left_type;
	Oid right_type;
	Oid family;
	Oid operator= operation->opno;
	Oid order;
	bool negated = false;
	int strategy;
	ClockNode *node;

	if (list_length(operation->args) != 2)
		return NULL;
	left = linitial(operation->args);
	right = lsecond(operation->args);
	op_input_types(operation->opno, &left_type, &right_type);
	family = lookup_type_cache(left_type, TYPECACHE_BTREE_OPFAMILY)->btree_opf;
	if (!OidIsValid(family))
		return NULL;
	strategy = get_op_opfamily_strategy(operator, family);
	if (strategy == 0 && OidIsValid(operator= get_negator(operator)) &&
	    get_op_opfamily_strategy(operator, family) == BTEqualStrategyNumber)
	{
		negated = true;
		strategy = BTEqualStrategyNumber;
	}
	if (strategy == 0)
		return NULL;
	if (left_type == TIMESTAMPTZOID && right_type == TIMESTAMPOID)
	{
		right = as_instant(right);
		right_type = exprType(right);
	}
	else if (left_type == TIMESTAMPOID && right_type == TIMESTAMPTZOID)
	{
		left = as_instant(left);
		left_type = exprType(left);
	}
	order = order_function(family, left_type, right_type);
	if (!OidIsValid(order))
		return NULL;

	node = new_node(CLOCK_COMPARE, (Node *) operation, 2);
	node->args[0] = build_node(build, left);
	node->args[1] = build_node(build, right);
	if (!node->args[0]->moving && !node->args[1]->moving)
		return NULL;
	if (node->args[0]->moving && node->args[1]->moving &&
	    node->args[0]->direction * node->args[1]->direction != -1)
		refuse(build, (Node *) operation, "Both sides move with the clock.",
		       "Bring the clock to one side of the comparison, as in last_seen < now() - interval "
		       "'7 days'.");
	node->strategy = strategy;
	node->negated = negated;
	fmgr_info(order, &node->function);
	return node;
}

static ClockNode *
build_extreme(ClockBuild *build, MinMaxExpr *extreme)
{
	ClockNode *node = new_node(CLOCK_EXTREME, (Node *) extreme, list_length(extreme->args));
	TypeCacheEntry *type = lookup_type_cache(node->type, TYPECACHE_CMP_PROC);

	node->greatest = extreme->op == IS_GREATEST;
	node->digital = true;
	for (int i = 0; i < node->n_args; i++)
	{
		ClockNode *arg = node->args[i] = build_node(build, list_nth(extreme->args, i));

		if (!arg->moving)
			continue;
		if (node->moving && (node->direction == 0 || arg->direction != node->direction))
			refuse(build, (Node *) extreme, "Its arguments do not all move the same way.",
			       "Write a comparison for each of them.");
		node->moving = true;
		node->direction = arg->direction;
		node->digital = node->digital && arg->digital;
	}
	if (!node->moving || node->direction == 0)
		return NULL;
	fmgr_info(type->cmp_proc, &node->function);
	return node;
}

/* Notes of a choice what its results have in common. */
static void
join_results(ClockBuild *build, ClockNode *node, ClockNode *result)
{
	if (!result->moving)
		return;
	if (node->moving && (node->direction == 0 || result->direction != node->direction))
		refuse(build, (Node *) node->source, "Its results do not all move the same way.",
		       "Write a comparison for each of them.");
	node->digital = result->digital && (node->digital || !node->moving);
	node->moving = true;
	node->direction = result->direction;
}

/* A condition must be a step: it is boolean, so it is. */
static ClockNode *
build_case(ClockBuild *build, CaseExpr *choice)
{
	ClockNode *node = new_node(CLOCK_CASE, (Node *) choice, 2 * list_length(choice->args) + 1);
	int n = 0;
	ListCell *lc;

	foreach (lc, choice->args)
	{
		CaseWhen *when = lfirst_node(CaseWhen, lc);

		node->args[n++] = build_node(build, (Node *) when->expr);
		node->args[n] = build_node(build, (Node *) when->result);
		join_results(build, node, node->args[n++]);
	}
	node->args[n] = choice->defresult != NULL
	                    ? build_node(build, (Node *) choice->defresult)
	                    : build_plain(build, (Node *) makeNullConst(node->type, -1, InvalidOid));
	join_results(build, node, node->args[n]);
	return node;
}

static ClockNode *
build_coalesce(ClockBuild *build, CoalesceExpr *choice)
{
	ClockNode *node = new_node(CLOCK_COALESCE, (Node *) choice, list_length(choice->args));

	for (int i = 0; i < node->n_args; i++)
	{
		node->args[i] = build_node(build, list_nth(choice->args, i));
		join_results(build, node, node->args[i]);
	}
	return node;
}

static ClockNode *
build_bool(ClockBuild *build, BoolExpr *expression)
{
	ClockNode *node = new_node(expression->boolop == AND_EXPR ? CLOCK_AND : CLOCK_OR,
	                           (Node *) expression, list_length(expression->args));

	for (int i = 0; i < node->n_args; i++)
		node->args[i] = build_node(build, list_nth(expression->args, i));
	return node;
}

static ClockNode *
build_is_null(ClockBuild *build, NullTest *test)
{
	ClockNode *node = new_node(CLOCK_IS_NULL, (Node *) test, 1);

	node->args[0] = build_node(build, (Node *) test->arg);
	node->negated = test->nulltesttype == IS_NOT_NULL;
	return node->args[0]->moving ? node : NULL;
}

/* A moving value as a step, for a computation with it. It must stay the same for a while. */
static ClockNode *
as_step(ClockBuild *build, Node *expression, ClockNode *node)
{
	ClockNode *step;

	if (!node->moving)
		return node;
	if (!node->digital)
		refuse(build, expression, "What is computed of the clock changes at every moment.",
		       "Compare it by <, <=, >, >=, = or BETWEEN with what does not read the clock; take "
		       "current_date where the day is meant, extract() for a field of it.");
	step = new_node(CLOCK_DIGITS, (Node *) node->source, 1);
	step->args[0] = node;
	return step;
}

/* Replaces the direct parts of an expression that read the clock by parameters. */
typedef struct Parts
{
	ClockBuild *build;
	Node *whole;
	List *nodes;  /* ClockNode */
	List *params; /* their numbers */
} Parts;

static Node *
replace_part(Node *part, void *context)
{
	Parts *parts = (Parts *) context;
	Param *param;

	if (part == NULL || !clock_is_read(part))
		return part;
	if (IsA(part, List)) /* the arguments themselves */
		return expression_tree_mutator(part, replace_part, context);
	parts->nodes =
	    lappend(parts->nodes, as_step(parts->build, parts->whole, build_node(parts->build, part)));
	param = makeNode(Param);
	param->paramkind = PARAM_EXTERN;
	param->paramid = parts->build->next_param++;
	param->paramtype = exprType(part);
	param->paramtypmod = exprTypmod(part);
	param->paramcollid = exprCollation(part);
	param->location = -1;
	parts->params = lappend_int(parts->params, param->paramid);
	return (Node *) param;
}

/* Stops the searches of computed traits in a node; whether there are such. */
static bool
stop_inner_searches(ClockNode *node)
{
	bool found = node->kind == CLOCK_TRAIT;

	check_stack_depth();
	if (node->kind == CLOCK_COMPUTE)
		for (int i = 0; i < node->n_args; i++)
			found = stop_inner_searches(node->args[i]) || found;
	if (found)
		node->searches = false;
	return found;
}

/*
 * An expression without known rules: it is computed from the values of its
 * parts, which are its parameters.
 */
static ClockNode *
build_compute(ClockBuild *build, Node *expression)
{
	Parts parts = {build, expression};
	Node *computed = expression_tree_mutator(expression, replace_part, &parts);
	ClockNode *node = new_node(CLOCK_COMPUTE, expression, list_length(parts.nodes));

	node->params = palloc(sizeof(int) * node->n_args);
	for (int i = 0; i < node->n_args; i++)
	{
		node->args[i] = list_nth(parts.nodes, i);
		node->params[i] = list_nth_int(parts.params, i);
		/* the whole looks for the instant, not its parts */
		if (node->type == BOOLOID && stop_inner_searches(node->args[i]))
			node->searches = true;
	}
	node->state = ExecPrepareExpr((Expr *) computed, build->estate);
	return node;
}

/* CASE x WHEN y: the comparisons with the placeholder become comparisons with x. */
static Node *
fill_placeholder(Node *node, void *context)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, CaseTestExpr))
		return (Node *) copyObject((Node *) context);
	if (IsA(node, CaseExpr))
		return node; /* has placeholders of its own */
	return expression_tree_mutator(node, fill_placeholder, context);
}

static Node *
without_placeholders(CaseExpr *choice)
{
	CaseExpr *plain = copyObject(choice);
	ListCell *lc;

	if (plain->arg == NULL)
		return (Node *) plain;
	foreach (lc, plain->args)
	{
		CaseWhen *when = lfirst_node(CaseWhen, lc);

		when->expr = (Expr *) fill_placeholder((Node *) when->expr, plain->arg);
	}
	plain->arg = NULL;
	return (Node *) plain;
}

/* An expression that has been built. Several attempts at an outer expression ask for it. */
typedef struct Built
{
	Node *expression;
	ClockNode *node;
} Built;

static ClockNode *build_clock_node(ClockBuild *build, Node *expression);

static ClockNode *
build_node(ClockBuild *build, Node *expression)
{
	Built *built;
	ListCell *lc;

	check_stack_depth();
	if (!clock_is_read(expression))
		return build_plain(build, expression);
	foreach (lc, build->built)
		if ((built = lfirst(lc))->expression == expression)
			return built->node;
	built = palloc(sizeof(Built));
	built->expression = expression;
	built->node = build_clock_node(build, expression);
	build->built = lappend(build->built, built);
	return built->node;
}

static ClockNode *
build_clock_node(ClockBuild *build, Node *expression)
{
	ClockNode *node = NULL;
	Oid function = InvalidOid;
	Oid collation = InvalidOid;
	List *args;

	args = call_of(build, expression, &function, &collation);
	switch (nodeTag(expression))
	{
		case T_Param:
			node = new_node(CLOCK_INSTANT, expression, 0);
			node->moving = true;
			node->direction = 1;
			return node;
		case T_RelabelType:
			node = build_node(build, (Node *) ((RelabelType *) expression)->arg);
			if (node->moving)
				return node;
			node = NULL;
			break;
		case T_FuncExpr:
			node = build_trait(build, expression, function, collation, args);
			if (node == NULL)
				node = build_field(build, expression, function, collation, args);
			if (node == NULL)
				node = build_call(build, expression, function, collation, args);
			break;
		case T_OpExpr:
			node = build_compare(build, (OpExpr *) expression);
			if (node == NULL)
				node = build_call(build, expression, function, collation, args);
			break;
		case T_MinMaxExpr:
			node = build_extreme(build, (MinMaxExpr *) expression);
			break;
		case T_CaseExpr:
			return build_case(build, (CaseExpr *) without_placeholders((CaseExpr *) expression));
		case T_CoalesceExpr:
			return build_coalesce(build, (CoalesceExpr *) expression);
		case T_BoolExpr:
			if (((BoolExpr *) expression)->boolop != NOT_EXPR)
				return build_bool(build, (BoolExpr *) expression);
			break;
		case T_NullTest:
			if (!((NullTest *) expression)->argisrow)
				node = build_is_null(build, (NullTest *) expression);
			break;
		default:
			break;
	}
	return node != NULL ? node : build_compute(build, expression);
}

ClockNode *
clock_build(ClockBuild *build, Expr *expression)
{
	return as_step(build, (Node *) expression, build_node(build, (Node *) expression));
}

ClockNode *
clock_build_any(ClockBuild *build, Expr *expression)
{
	return build_node(build, (Node *) expression);
}
