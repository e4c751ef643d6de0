/*
 * explain.c
 *	  Explains the value of an expression on a row, part by part.
 */
#include "expression/expression_internal.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/params.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

/* Columns of the result, in their order. */
enum
{
	EXPLAIN_NODE,
	EXPLAIN_PARENT,
	EXPLAIN_EXPRESSION,
	EXPLAIN_VALUE,
	EXPLAIN_TRUTH,
	EXPLAIN_FLIPS_AT,
	EXPLAIN_TRAIT,
	EXPLAIN_COLUMN,
	EXPLAIN_ERROR,
	EXPLAIN_COMPUTED,
	EXPLAIN_WINDOW,
	N_EXPLAIN_COLUMNS
};

typedef struct Explain
{
	ExpressionWalk walk;
	ReturnSetInfo *result;
	EState *estate;
	ClockContext clock;
	int n_nodes;
	int parent; /* number of the part whose parts are explained now; 0: none */
} Explain;

/* One part that is being evaluated. */
typedef struct Part
{
	Explain *explain;
	Node *expression;
	Datum value;
	bool isnull;
	TimestampTz flips_at; /* the clock alone may change it then; DT_NOEND: never */
} Part;

/* Evaluates a part by itself, at the current instant. */
static bool
evaluate_part(void *context)
{
	Part *part = (Part *) context;
	Explain *explain = part->explain;
	ClockBuild builder = {.estate = explain->estate,
	                      .next_param = SEGMENT_PARAM(explain->walk.ws->segment_names.n),
	                      .what = explain->walk.sort->what,
	                      .text = written_text,
	                      .bounded = explain->walk.bounded,
	                      .context = &explain->walk};
	ParamListInfo params = explain->clock.econtext->ecxt_param_list_info;
	Expr *expression = expression_planner((Expr *) reads_resolve_members(
	    &explain->walk.reads, (Node *) copyObject(part->expression)));
	ClockNode *node = clock_build_any(&builder, expression);

	if (builder.next_param - 1 > params->numParams)
		elog(ERROR, "part of a predicate has more parameters than the whole");
	explain->clock.until = DT_NOEND;
	if (node->moving)
	{
		clock_bind(node, &explain->clock);
		part->value = clock_move(node, &explain->clock, explain->clock.at, &part->isnull);
	}
	else
	{
		part->value = clock_evaluate(node, &explain->clock, &part->isnull);
		part->flips_at = explain->clock.until;
	}
	return true;
}

/* The key of traits, if a part is the read of one; else null. */
static char *
trait_read_by(Explain *explain, Node *expression)
{
	if (!reads_note_trait(&explain->walk.reads, expression))
		return NULL;
	return llast(explain->walk.reads.keys);
}

/* The column, if a part is the read of one; else null. */
static char *
column_read_by(Explain *explain, Node *expression)
{
	Oid profiles = workspace_table(explain->walk.ws, &profiles_table)->oid;

	if (IsA(expression, Var))
		return get_attname(profiles, ((Var *) expression)->varattno, false);
	/* functions such as cdp.last_purchase_at(ltv): their name stands for the column */
	if (IsA(expression, FuncExpr) && exprType(expression) == TIMESTAMPTZOID &&
	    ((FuncExpr *) expression)->args != NIL &&
	    IsA(linitial(((FuncExpr *) expression)->args), Var))
		return get_func_name(((FuncExpr *) expression)->funcid);
	return NULL;
}

/* The computed trait, if a part is the read of one; else null. */
static const DefinedName *
computed_read_by(Explain *explain, Node *expression)
{
	const DefinedNames *computed = &explain->walk.ws->computed_names;
	const char *name = reads_computed_name(&explain->walk.reads, expression);

	return name == NULL ? NULL : &computed->names[defined_names_find(computed, name)];
}

/* Evaluates one part and puts its row into the result. */
static void
put_part(Explain *explain, Node *expression, int node)
{
	Part part = {.explain = explain, .expression = expression, .flips_at = DT_NOEND};
	Datum values[N_EXPLAIN_COLUMNS] = {0};
	bool isnull[N_EXPLAIN_COLUMNS];
	char *trait = trait_read_by(explain, expression);
	char *column = column_read_by(explain, expression);
	const DefinedName *computed = computed_read_by(explain, expression);
	ErrorData *error;

	memset(isnull, true, sizeof(isnull));
	values[EXPLAIN_NODE] = Int32GetDatum(node);
	isnull[EXPLAIN_NODE] = false;
	values[EXPLAIN_PARENT] = Int32GetDatum(explain->parent);
	isnull[EXPLAIN_PARENT] = explain->parent == 0;
	values[EXPLAIN_EXPRESSION] = CStringGetTextDatum(written_text(expression, &explain->walk));
	isnull[EXPLAIN_EXPRESSION] = false;
	if (cdp_attempt(evaluate_part, &part, &error))
	{
		Oid output;
		bool is_varlena;

		getTypeOutputInfo(exprType(expression), &output, &is_varlena);
		isnull[EXPLAIN_VALUE] = part.isnull;
		if (!part.isnull)
			values[EXPLAIN_VALUE] = CStringGetTextDatum(OidOutputFunctionCall(output, part.value));
		isnull[EXPLAIN_TRUTH] = part.isnull || exprType(expression) != BOOLOID;
		values[EXPLAIN_TRUTH] = part.value;
		isnull[EXPLAIN_FLIPS_AT] = part.flips_at >= CLOCK_END;
		values[EXPLAIN_FLIPS_AT] = TimestampTzGetDatum(part.flips_at);
	}
	else
	{
		values[EXPLAIN_ERROR] = CStringGetTextDatum(error->message);
		isnull[EXPLAIN_ERROR] = false;
	}
	isnull[EXPLAIN_TRAIT] = trait == NULL;
	if (trait != NULL)
		values[EXPLAIN_TRAIT] = CStringGetTextDatum(trait);
	isnull[EXPLAIN_COLUMN] = column == NULL;
	if (column != NULL)
		values[EXPLAIN_COLUMN] = CStringGetTextDatum(column);
	isnull[EXPLAIN_COMPUTED] = computed == NULL;
	isnull[EXPLAIN_WINDOW] = computed == NULL || computed->window_days == 0;
	if (computed != NULL)
	{
		values[EXPLAIN_COMPUTED] = CStringGetTextDatum(computed->name);
		values[EXPLAIN_WINDOW] = Int32GetDatum(computed->window_days);
	}
	tuplestore_putvalues(explain->result->setResult, explain->result->setDesc, values, isnull);
}

static bool explain_node(Node *node, void *context);

/* Whether a node is current_date: a cast of the clock to a date. */
static bool
is_today(Node *node)
{
	return IsA(node, FuncExpr) && ((FuncExpr *) node)->funcid == F_DATE_TIMESTAMPTZ &&
	       ((FuncExpr *) node)->args != NIL && IsA(linitial(((FuncExpr *) node)->args), Param);
}

/* Tree walker: whether a node reads the membership of a single segment, as a parameter. */
static bool
contain_members(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Param))
		return ((Param *) node)->paramid != CLOCK_PARAM;
	return expression_tree_walker(node, contain_members, context);
}

/* Explains the parts of a node, if they say more than the node itself. */
static bool
explain_parts(Node *node, void *context)
{
	Explain *explain = (Explain *) context;

	if (IsA(node, Var) || IsA(node, Param) || reads_note_trait(&explain->walk.reads, node) ||
	    is_today(node) || reads_computed_name(&explain->walk.reads, node) != NULL)
		return false;
	/* a test of several segments is explained as one test for each */
	if (reads_note_members(&explain->walk.reads, node))
		node = reads_resolve_members(&explain->walk.reads, node);
	return expression_tree_walker(node, explain_node, context);
}

/*
 * Whether a node is a column of profiles whose value has parts, as traits: only what
 * is read of it matters. A value of one of PostgreSQL's own types is shown.
 */
static bool
is_whole_value(Workspace *ws, Node *node)
{
	Var *var = (Var *) node;

	if (!IsA(node, Var) || var->vartype < FirstNormalObjectId)
		return false;
	for (int i = 0; i < n_profile_values; i++)
		if (value_column(ws, profile_value_of(i)) == var->varattno)
			return true;
	return false;
}

/*
 * Tree walker: puts a row for the node, if it depends on the profile or the clock, then
 * its parts.
 */
static bool
explain_node(Node *node, void *context)
{
	Explain *explain = (Explain *) context;
	int parent = explain->parent;
	BoundedCall call;

	if (node == NULL)
		return false;
	CHECK_FOR_INTERRUPTS();
	check_stack_depth();
	if (IsA(node, List) || IsA(node, CaseWhen) || IsA(node, RelabelType) ||
	    (IsA(node, FuncExpr) && ((FuncExpr *) node)->funcid == explain->walk.absolute_text) ||
	    (IsA(node, FuncExpr) && ((FuncExpr *) node)->funcid == explain->walk.bounded &&
	     !bounds_called(explain->walk.bounded, node, &call)))
		return explain_parts(node, context);
	if (!contain_var_clause(node) && !clock_is_read(node) && !contain_members(node, NULL))
		return false;
	if (is_whole_value(explain->walk.ws, node))
		return false;
	put_part(explain, node, ++explain->n_nodes);
	explain->parent = explain->n_nodes;
	explain_parts(node, context);
	explain->parent = parent;
	return false;
}

/* Sets the parameters of membership from the set of segments that the caller was given. */
static void
set_members(Explain *explain, const SegmentSet *segments)
{
	const DefinedNames *names = &explain->walk.ws->segment_names;

	for (int i = 0; i < names->n; i++)
		expression_set_member(
		    explain->clock.econtext, i,
		    segment_set_find(segments, names->names[i].name, strlen(names->names[i].name)) >= 0);
}

void
expression_explain(Workspace *ws, const ExpressionSort *sort, TupleTableSlot *row,
                   const SegmentSet *segments, const char *text, ReturnSetInfo *result)
{
	Explain explain = {.walk = {.ws = ws, .sort = sort}, .result = result};
	DefinitionReading reading;
	Expr *expression;

	explain.estate = CreateExecutorState();
	explain.clock.econtext = CreateExprContext(explain.estate);
	explain.clock.econtext->ecxt_scantuple = row;
	explain.clock.econtext->ecxt_param_list_info = makeParamList(ws->n_params);
	explain.clock.at = cdp_statement_now();
	set_members(&explain, segments);

	definition_begin(&reading, ws, sort, "", text);
	explain.clock.zone = session_timezone;
	reads_begin(&explain.walk.reads, ws);
	expression = analyse(&explain.walk, text);
	(void) explain_node((Node *) expression, &explain);
	definition_end(&reading);
	FreeExecutorState(explain.estate);
}
