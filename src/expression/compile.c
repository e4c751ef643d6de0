/*
 * compile.c
 *	  From a definition's text to what is evaluated.
 */
#include "expression/expression_internal.h"

#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/guc.h"

static void
definition_error_callback(void *arg)
{
	DefinitionContext *context = (DefinitionContext *) arg;
	int position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery(context->text);
	}
	errcontext(context->sort->context, context->name);
}

void
definition_begin(DefinitionReading *reading, Workspace *ws, const ExpressionSort *sort,
                 const char *name, const char *text)
{
	reading->context = (DefinitionContext){sort, name, text};
	reading->nest_level = settings_pin(ws, true);
	reading->callback.callback = definition_error_callback;
	reading->callback.arg = &reading->context;
	reading->callback.previous = error_context_stack;
	error_context_stack = &reading->callback;
}

void
definition_end(DefinitionReading *reading)
{
	error_context_stack = reading->callback.previous;
	AtEOXact_GUC(true, reading->nest_level);
}

/*
 * Compiles an analysed expression, for evaluation in estate: into *clock if it reads the
 * clock, else into *state. *n_params is the number of parameters that it needs.
 */
static void
build_state(ExpressionWalk *walk, Expr *expression, EState *estate, ExprState **state,
            ClockNode **clock, int *n_params)
{
	ClockBuild builder = {.estate = estate,
	                      .next_param = SEGMENT_PARAM(walk->ws->segment_names.n),
	                      .what = walk->sort->what,
	                      .text = written_text,
	                      .bounded = walk->bounded,
	                      .context = walk};

	/* folds constants: a constant part that fails, as 1 / 0, fails here */
	expression =
	    expression_planner((Expr *) reads_resolve_members(&walk->reads, (Node *) expression));
	if (clock_is_read((Node *) expression))
		*clock = clock_build(&builder, expression);
	else
		*state = ExecPrepareExpr(expression, estate);
	*n_params = builder.next_param - 1;
}

char *
expression_check(Workspace *ws, const ExpressionSort *sort, const char *name, const char *text)
{
	ExpressionWalk walk = {.ws = ws, .sort = sort, .clock_as_column = true};
	EState *estate = CreateExecutorState();
	DefinitionReading reading;
	Expr *expression;
	ExprState *state;
	ClockNode *clock;
	char *sql = NULL;
	int n_params;

	definition_begin(&reading, ws, sort, name, text);
	reads_begin(&walk.reads, ws);
	expression = analyse(&walk, text);
	walk.clock_as_column = false;
	build_state(&walk, expression, estate, &state, &clock, &n_params);
	walk.clock_as_column = true;
	if (walk.reads_clock)
		sql = written_text((Node *) expression, &walk);
	definition_end(&reading);
	FreeExecutorState(estate);
	return sql;
}

ExprState *
expression_of_event(Workspace *ws, const ExpressionSort *sort, const char *name, const char *text,
                    EState *estate, Oid *type, bool *uses_time_zone)
{
	ExpressionWalk walk = {.ws = ws, .sort = sort};
	DefinitionReading reading;
	Expr *expression;
	ExprState *state;

	definition_begin(&reading, ws, sort, name, text);
	reads_begin(&walk.reads, ws);
	/* folds constants: a constant part that fails, as 1 / 0, fails here */
	expression = expression_planner(analyse(&walk, text));
	state = ExecPrepareExpr(expression, estate);
	definition_end(&reading);
	*type = exprType((Node *) expression);
	*uses_time_zone = *uses_time_zone || walk.uses_time_zone;
	return state;
}

/* A definition that is being compiled. */
typedef struct Compilation
{
	const char *name;
	const char *text;
	Expression *expression;
	ExpressionWalk walk;
} Compilation;

/* Collects the keys that the walk has noted: of traits, and names of computed traits. */
static void
collect_keys(Expression *expression, const Reads *reads)
{
	ListCell *lc;

	expression->keys = palloc(sizeof(ExpressionKey) *
	                          (list_length(reads->keys) + list_length(reads->computed) + 1));
	foreach (lc, reads->keys)
		expression->keys[expression->n_keys++] =
		    (ExpressionKey){reads->traits_column, lfirst(lc), strlen(lfirst(lc))};
	foreach (lc, reads->computed)
		expression->keys[expression->n_keys++] =
		    (ExpressionKey){reads->computed_column, lfirst(lc), strlen(lfirst(lc))};
}

static bool
try_compile_expression(void *context)
{
	Compilation *compilation = (Compilation *) context;
	ExpressionWalk *walk = &compilation->walk;
	Expression *expression = compilation->expression;
	Workspace *ws = walk->ws;
	DefinitionReading reading;
	Expr *analysed;
	int n_params;
	ListCell *lc;

	definition_begin(&reading, ws, walk->sort, compilation->name, compilation->text);
	reads_begin(&walk->reads, ws);
	analysed = analyse(walk, compilation->text);
	build_state(walk, analysed, ws->estate, &expression->state, &expression->clock, &n_params);
	definition_end(&reading);
	ws->n_params = Max(ws->n_params, n_params);
	expression->columns = walk->columns;
	expression->uses_time_zone = walk->uses_time_zone;
	expression->segments = walk->reads.segments;
	collect_keys(expression, &walk->reads);
	expression->prefixes = palloc(sizeof(char *) * (list_length(walk->reads.prefixes) + 1));
	foreach (lc, walk->reads.prefixes)
		expression->prefixes[expression->n_prefixes++] = lfirst(lc);
	return true;
}

void
expression_compile(Workspace *ws, const ExpressionSort *sort, const char *name, const char *text,
                   Expression *expression)
{
	Compilation compilation = {name, text, expression, {.ws = ws, .sort = sort}};

	(void) cdp_attempt(try_compile_expression, &compilation, &expression->broken);
	expression->missing = compilation.walk.reads.missing;
	expression->missing_computed = compilation.walk.reads.missing_computed;
}
