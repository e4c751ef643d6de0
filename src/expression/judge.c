/*
 * judge.c
 *	  Definitions for the judge, and for whoever asks what one would say: a text becomes part
 *	  of a query, or is tried on a row. PostgreSQL's executor evaluates it; nothing of what the
 *	  engine evaluates is used.
 *
 * A text is analysed and decided on where it is evaluated, and nothing looks a name in it up
 * again. Between a check and a second analysis somebody could put another type in the place
 * of one.
 */
#include "expression/expression_internal.h"
#include "expression/judge.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "executor/tstoreReceiver.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/params.h"
#include "optimizer/optimizer.h"
#include "parser/parse_node.h"
#include "parser/parse_relation.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* A query, and the definition that stands in it. */
typedef struct JudgeQuery
{
	const ExpressionJudged *judged;
	ParamListInfo params;
	ParseState *pstate; /* of the part of the query that is being analysed */
	int location;
} JudgeQuery;

/* A text of a definition that is being analysed. */
typedef struct JudgeText
{
	const ExpressionJudged *judged;
	const ExpressionText *text;
	ExpressionWalk walk;
	Expr *expression;
} JudgeText;

static bool
analyse_text(void *context)
{
	JudgeText *text = (JudgeText *) context;
	DefinitionReading reading;

	text->walk = (ExpressionWalk){.ws = text->judged->ws, .sort = text->text->sort};
	definition_begin(&reading, text->judged->ws, text->text->sort, text->text->name,
	                 text->text->text);
	reads_begin(&text->walk.reads, text->judged->ws);
	text->expression = analyse(&text->walk, text->text->text);
	definition_end(&reading);
	return true;
}

/* Analyses a text. One that is no definition is false, if the caller wants that; else an error. */
static void
read_text(JudgeText *text, const ExpressionJudged *judged, int which)
{
	ErrorData *error;

	*text = (JudgeText){.judged = judged, .text = &judged->texts[which]};
	if (text->text->text == NULL)
		text->expression = (Expr *) makeBoolConst(true, false);
	else if (!judged->broken_is_false)
		(void) analyse_text(text);
	else if (!cdp_attempt(analyse_text, text, &error))
		text->expression = (Expr *) makeBoolConst(false, false);
}

/* A column of the query, by the name of a table in it and its own. */
static Node *
query_column(JudgeQuery *query, const char *table, const char *column)
{
	int levels_up;
	ParseNamespaceItem *item =
	    refnameNamespaceItem(query->pstate, NULL, table, query->location, &levels_up);
	Node *var = item == NULL
	                ? NULL
	                : scanNSItemForColumn(query->pstate, item, levels_up, column, query->location);

	if (var == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
		                errmsg("the query has no column \"%s.%s\"", table, column),
		                errdetail("A definition in it reads that.")));
	return var;
}

/* Mutator: puts the query's columns in place of the table's, and of the clock. */
static Node *
into_query(Node *node, void *context)
{
	JudgeQuery *query = (JudgeQuery *) context;

	if (node == NULL)
		return NULL;
	if (IsA(node, Var))
	{
		const WorkspaceTable *table = query->judged->texts[0].sort->table;
		Oid relid = workspace_table(query->judged->ws, table)->oid;

		return query_column(query, table->name,
		                    get_attname(relid, ((Var *) node)->varattno, false));
	}
	if (clock_is_param(node))
		return query_column(query, "instant", "at");
	return expression_tree_mutator(node, into_query, context);
}

/*
 * p_post_columnref_hook: definition.<name of a text> stands for that text, and
 * definition.reads_clock for whether the first one reads the clock.
 */
static Node *
definition_column(ParseState *pstate, ColumnRef *reference, Node *column)
{
	JudgeQuery *query = (JudgeQuery *) pstate->p_ref_hook_state;
	const ExpressionJudged *judged = query->judged;
	const char *name;
	JudgeText text;

	if (column != NULL || list_length(reference->fields) != 2 ||
	    !IsA(lsecond(reference->fields), String) ||
	    strcmp(strVal(linitial(reference->fields)), "definition") != 0)
		return NULL;
	name = strVal(lsecond(reference->fields));
	if (strcmp(name, "reads_clock") == 0 && judged->n_texts > 0)
	{
		read_text(&text, judged, 0);
		return makeBoolConst(text.walk.reads_clock, false);
	}
	for (int i = 0; i < judged->n_texts; i++)
		if (strcmp(name, judged->texts[i].called) == 0)
		{
			read_text(&text, judged, i);
			query->pstate = pstate;
			query->location = reference->location;
			return into_query((Node *) text.expression, query);
		}
	return NULL;
}

/* p_paramref_hook: the arguments. */
static Node *
query_param(ParseState *pstate, ParamRef *reference)
{
	JudgeQuery *query = (JudgeQuery *) pstate->p_ref_hook_state;
	Param *param;

	if (reference->number < 1 || reference->number > query->params->numParams)
		return NULL;
	param = makeNode(Param);
	param->paramkind = PARAM_EXTERN;
	param->paramid = reference->number;
	param->paramtype = query->params->params[reference->number - 1].ptype;
	param->paramtypmod = -1;
	param->paramcollid = get_typcollation(param->paramtype);
	param->location = reference->location;
	return (Node *) param;
}

static void
set_up_parser(ParseState *pstate, void *query)
{
	pstate->p_ref_hook_state = query;
	pstate->p_paramref_hook = query_param;
	pstate->p_post_columnref_hook = definition_column;
}

/* The arguments of a function from one on, as those of a query. */
static ParamListInfo
query_params(FunctionCallInfo fcinfo, int first)
{
	int n = PG_NARGS() - first;
	ParamListInfo params = makeParamList(n);

	for (int i = 0; i < n; i++)
	{
		Oid type = get_fn_expr_argtype(fcinfo->flinfo, first + i);

		if (!OidIsValid(type) || get_typtype(type) == TYPTYPE_PSEUDO)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			                errmsg("an argument of the query has no type"),
			                errdetail("It is argument %d.", i + 1), errhint("Cast it.")));
		params->params[i] = (ParamExternData){.value = fcinfo->args[first + i].value,
		                                      .isnull = PG_ARGISNULL(first + i),
		                                      .pflags = PARAM_FLAG_CONST,
		                                      .ptype = type};
	}
	return params;
}

void
expression_query(const ExpressionJudged *judged, const char *sql, FunctionCallInfo fcinfo,
                 int first)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	JudgeQuery query = {.judged = judged};
	SPIExecuteOptions options = {.read_only = true, .must_return_tuples = true};

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	query.params = query_params(fcinfo, first);
	query.params->parserSetup = set_up_parser;
	query.params->parserSetupArg = &query;
	options.params = query.params;
	options.dest = CreateDestReceiver(DestTuplestore);
	SetTuplestoreDestReceiverParams(options.dest, result->setResult,
	                                result->econtext->ecxt_per_query_memory, false, result->setDesc,
	                                gettext_noop("the query does not return what was asked for"));
	SPI_connect();
	if (SPI_execute_extended(sql, &options) < 0)
		elog(ERROR, "could not run a query on a definition");
	SPI_finish();
}

/* A text that is tried on rows. */
struct ExpressionTrial
{
	ExprState *state;
	ExprContext *econtext;
};

ExpressionTrial *
expression_try(const ExpressionJudged *judged)
{
	ExpressionTrial *trial = palloc(sizeof(ExpressionTrial));
	EState *estate = CreateExecutorState();
	MemoryContext oldcontext;
	JudgeText text;

	trial->econtext = CreateExprContext(estate);
	trial->econtext->ecxt_param_list_info = makeParamList(CLOCK_PARAM);
	read_text(&text, judged, 0);
	oldcontext = MemoryContextSwitchTo(estate->es_query_cxt);
	trial->state = ExecPrepareExpr(text.expression, estate);
	MemoryContextSwitchTo(oldcontext);
	return trial;
}

static bool
try_row(void *context)
{
	ExpressionTrial *trial = (ExpressionTrial *) context;
	bool isnull;

	(void) ExecEvalExprSwitchContext(trial->state, trial->econtext, &isnull);
	return true;
}

bool
expression_fails(ExpressionTrial *trial, TupleTableSlot *row, TimestampTz at)
{
	ParamExternData *clock = &trial->econtext->ecxt_param_list_info->params[CLOCK_PARAM - 1];
	ErrorData *error;
	bool fails;

	*clock = (ParamExternData){TimestampTzGetDatum(at), false, 0, TIMESTAMPTZOID};
	trial->econtext->ecxt_scantuple = row;
	fails = !cdp_attempt(try_row, trial, &error);
	if (fails)
		FreeErrorData(error);
	ResetExprContext(trial->econtext);
	return fails;
}
