/*
 * compile.c
 *	  Compiles computed traits: a filter and an expression over a row of events,
 *	  under the rules of segment predicates, without the clock.
 */
#include "computed/compile.h"

#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_node.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "expression/predicate_internal.h"

static Node *coerce_expression(PredicateWalk *walk, ParseState *pstate, Node *expression);

static const PredicateSort trait_filter = {
    .table = TABLE_EVENTS,
    .table_name = "events",
    .what = "a computed trait's filter",
    .context = "filter of computed trait \"%s\"",
    .form_hint = "Write what would stand after WHERE in a query on events.",
    .scope = "It is evaluated on one event at a time, when that comes in.",
    .subquery_hint = "Put what other tables know into the event's properties.",
};

static const PredicateSort trait_expression = {
    .table = TABLE_EVENTS,
    .table_name = "events",
    .what = "a computed trait's expression",
    .context = "expression of computed trait \"%s\"",
    .form_hint = "Write what would stand after SELECT in a query on events.",
    .scope = "It is evaluated on one event at a time, when that comes in.",
    .subquery_hint = "Put what other tables know into the event's properties.",
    .coerce = coerce_expression,
};

/* The class that values of a type are, and the type that they become; COMPUTED_NONE: none. */
static ComputedClass
class_of_type(Oid type, Oid *becomes)
{
	switch (getBaseType(type))
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
			*becomes = NUMERICOID;
			return COMPUTED_NUMBER;
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case NAMEOID:
		case UUIDOID:
		case UNKNOWNOID:
			*becomes = TEXTOID;
			return COMPUTED_TEXT;
		case BOOLOID:
			*becomes = BOOLOID;
			return COMPUTED_BOOL;
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			*becomes = TIMESTAMPTZOID;
			return COMPUTED_TIME;
		case DATEOID:
			*becomes = DATEOID;
			return COMPUTED_DATE;
		case JSONBOID:
			*becomes = JSONBOID;
			return COMPUTED_JSON;
		default:
			if (!type_is_enum(type))
				return COMPUTED_NONE;
			*becomes = TEXTOID;
			return COMPUTED_TEXT;
	}
}

/* predicate_analyse callback: gives the expression the type that its values are kept in. */
static Node *
coerce_expression(PredicateWalk *walk, ParseState *pstate, Node *expression)
{
	Oid type = exprType(expression);
	Oid becomes;
	Node *coerced;

	if (class_of_type(type, &becomes) == COMPUTED_NONE)
		ereport(ERROR,
		        (errcode(ERRCODE_DATATYPE_MISMATCH),
		         errmsg("a computed trait cannot take values of type %s", format_type_be(type)),
		         errhint("Cast the expression to numeric, text, boolean, timestamptz, date or "
		                 "jsonb."),
		         errposition(Max(exprLocation(expression), -1) + 1)));
	coerced = coerce_to_target_type(pstate, expression, type, becomes, -1, COERCION_EXPLICIT,
	                                COERCE_EXPLICIT_CAST, -1);
	if (coerced == NULL)
		elog(ERROR, "could not cast type %u to %u", type, becomes);
	return coerced;
}

static void
refuse_class(const char *kind, ComputedClass value_class, const char *takes)
{
	ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
	                errmsg("a computed trait of kind %s cannot take values of class %s", kind,
	                       computed_class_names[value_class]),
	                errhint("It takes %s.", takes)));
}

/* Errors unless a kind can take values of a class. */
static void
check_class(ComputedKind kind, ComputedClass value_class)
{
	const char *name = computed_kind_names[kind];

	switch (kind)
	{
		case COMPUTED_SUM:
		case COMPUTED_AVG:
			if (value_class != COMPUTED_NUMBER)
				refuse_class(name, value_class,
				             "numbers: cast the expression, as in (properties->>'price')::numeric");
			break;
		case COMPUTED_MIN:
		case COMPUTED_MAX:
			if (value_class == COMPUTED_BOOL || value_class == COMPUTED_JSON)
				refuse_class(name, value_class, "numbers, texts, times and dates");
			break;
		default:
			if (computed_kind_is_set(kind) && value_class == COMPUTED_JSON)
				refuse_class(name, value_class,
				             "all but json: take a text, as properties->>'sku' is");
			break;
	}
}

/* The kind of that name; N_COMPUTED_KINDS: there is none. */
static ComputedKind
kind_of_name(const char *name)
{
	ComputedKind kind = 0;

	while (kind < N_COMPUTED_KINDS && strcmp(computed_kind_names[kind], name) != 0)
		kind++;
	return kind;
}

static ExprState *
compile_text(Workspace *ws, const ComputedDefinition *definition, const PredicateSort *sort,
             const char *text, EState *estate, ComputedClass *value_class, bool *uses_time_zone)
{
	PredicateWalk walk = {.ws = ws, .sort = sort};
	PredicateDefinition reading;
	Expr *expression;
	ExprState *state;
	Oid becomes;

	predicate_begin_definition(&reading, ws, sort, definition->name, text);
	reads_begin(&walk.reads, ws);
	/* constants are folded: one that fails, as 1 / 0, fails here */
	expression = expression_planner(predicate_analyse(&walk, text));
	state = ExecPrepareExpr(expression, estate);
	predicate_end_definition(&reading);
	if (value_class != NULL)
		*value_class = class_of_type(exprType((Node *) expression), &becomes);
	*uses_time_zone = *uses_time_zone || walk.uses_time_zone;
	return state;
}

static void
check_range(const char *what, int32 value, int32 most)
{
	if (value < 1 || value > most)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("%s of a computed trait must be between 1 and %d", what, most),
		                errdetail("It is %d.", value)));
}

/* Compiles a definition, with its kind, in an executor state. */
static void
compile_definition(Workspace *ws, ComputedDefinition *definition, EState *estate,
                   bool *uses_time_zone)
{
	if (definition->window_days != COMPUTED_FOR_EVER)
		check_range("window_days", definition->window_days, COMPUTED_WINDOW_MAX);
	check_range("list_limit", definition->list_limit, COMPUTED_LIST_MAX);
	check_range("max_distinct", definition->max_distinct, COMPUTED_DISTINCT_MAX);
	definition->kind_number = kind_of_name(definition->kind);
	if (definition->kind_number == N_COMPUTED_KINDS)
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		         errmsg("unknown kind of computed trait \"%s\"", definition->kind),
		         errhint("It is one of count, sum, avg, min, max, first, last, most_frequent, "
		                 "unique_list and unique_count.")));
	if (definition->expression == NULL && definition->kind_number != COMPUTED_COUNT)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("a computed trait of kind %s needs an expression", definition->kind),
		                errhint("Write what it is of, for example amount or properties->>'sku'.")));
	if (definition->filter != NULL)
		definition->filter_state = compile_text(ws, definition, &trait_filter, definition->filter,
		                                        estate, NULL, uses_time_zone);
	if (definition->expression != NULL)
		definition->expression_state =
		    compile_text(ws, definition, &trait_expression, definition->expression, estate,
		                 &definition->value_class, uses_time_zone);
	if (definition->kind_number == COMPUTED_COUNT)
		definition->value_class = COMPUTED_NONE;
	else
		check_class(definition->kind_number, definition->value_class);
}

void
computed_traits_check(Workspace *ws, const ComputedDefinition *definition)
{
	ComputedDefinition copy = *definition;
	EState *estate = CreateExecutorState();
	bool uses_time_zone = false;
	size_t len = strlen(copy.name);

	if (len == 0 || len > COMPUTED_NAME_MAX)
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		         errmsg("name of a computed trait must have 1 to %d bytes", COMPUTED_NAME_MAX),
		         errdetail("The name has %zu.", len),
		         errhint("Choose a short name, and put the rest into its description.")));
	for (size_t i = 0; i < len; i++)
		if ((unsigned char) copy.name[i] < 0x20 || copy.name[i] == 0x7f)
			ereport(ERROR,
			        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			         errmsg("name of a computed trait must not contain control characters")));
	compile_definition(ws, &copy, estate, &uses_time_zone);
	FreeExecutorState(estate);
}

typedef struct Compilation
{
	Workspace *ws;
	ComputedDefinition *definition;
} Compilation;

static bool
compile(void *context)
{
	Compilation *compilation = (Compilation *) context;
	Workspace *ws = compilation->ws;

	compile_definition(ws, compilation->definition, ws->estate, &ws->computed_uses_time_zone);
	return true;
}

/* The trait of a definition as its states know it. */
static void
fill_trait(ComputedTrait *trait, const ComputedDefinition *definition)
{
	trait->name = definition->name;
	trait->name_len = strlen(definition->name);
	trait->kind = definition->kind_number;
	trait->value_class = definition->value_class;
	trait->window = Max(definition->window_days, 0);
	trait->limit = definition->kind_number == COMPUTED_UNIQUE_LIST ? definition->list_limit
	               : computed_kind_is_set(definition->kind_number) ? definition->max_distinct
	                                                               : 0;
}

static int
compare_definitions(const void *a, const void *b)
{
	return strcmp(((const ComputedDefinition *) a)->name, ((const ComputedDefinition *) b)->name);
}

void
computed_traits_compile(Workspace *ws)
{
	ComputedTrait *sound = palloc(sizeof(ComputedTrait) * Max(ws->n_computed, 1));
	int n_sound = 0;

	if (ws->n_computed > 0)
		qsort(ws->computed, ws->n_computed, sizeof(ComputedDefinition), compare_definitions);
	ws->computed_traits = palloc0(sizeof(ComputedTrait) * Max(ws->n_computed, 1));
	for (int i = 0; i < ws->n_computed; i++)
	{
		ComputedDefinition *definition = &ws->computed[i];
		Compilation compilation = {ws, definition};

		(void) cdp_attempt(compile, &compilation, &definition->broken);
		fill_trait(&ws->computed_traits[i], definition);
		if (definition->broken != NULL)
			continue;
		sound[n_sound++] = ws->computed_traits[i];
		ws->computed_uses_days = ws->computed_uses_days || definition->window_days > 0;
	}
	ws->no_computed = computed_without_events(sound, n_sound, ws->time_zone);
	pfree(sound);
}

int
computed_traits_find(const Workspace *ws, const char *name)
{
	for (int i = 0; i < ws->n_computed; i++)
		if (strcmp(ws->computed[i].name, name) == 0)
			return i;
	return -1;
}
