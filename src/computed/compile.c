/*
 * compile.c
 *	  Compiles computed traits: a filter and an expression over a row of events,
 *	  under the rules of expressions, without the clock.
 */
#include "computed/computed_internal.h"
#include "workspace/definitions.h"

#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "parser/parse_node.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "expression/expression.h"

static Node *coerce_expression(ParseState *pstate, Node *expression);

const ExpressionSort trait_filter = {
    .table = &events_table,
    .what = "a computed trait's filter",
    .context = "filter of computed trait \"%s\"",
    .form_hint = "Write what would stand after WHERE in a query on events.",
    .scope = "It is evaluated on one event at a time, when that comes in.",
    .subquery_hint = "Put what other tables know into the event's properties.",
};

const ExpressionSort trait_expression = {
    .table = &events_table,
    .what = "a computed trait's expression",
    .context = "expression of computed trait \"%s\"",
    .form_hint = "Write what would stand after SELECT in a query on events.",
    .scope = "It is evaluated on one event at a time, when that comes in.",
    .subquery_hint = "Put what other tables know into the event's properties.",
    .coerce = coerce_expression,
};

/* The class of a type's values, and the type that they are cast to; COMPUTED_NONE: no class. */
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

/* Casts the expression to the type in which its values are kept. */
static Node *
coerce_expression(ParseState *pstate, Node *expression)
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

/* Errors if a kind cannot take values of a class. */
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
compile_trait(Workspace *ws, ComputedDefinition *definition, EState *estate, bool *uses_time_zone)
{
	Oid type;
	Oid becomes;

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
		definition->filter_state = expression_of_event(
		    ws, &trait_filter, definition->name, definition->filter, estate, &type, uses_time_zone);
	if (definition->expression != NULL)
	{
		definition->expression_state =
		    expression_of_event(ws, &trait_expression, definition->name, definition->expression,
		                        estate, &type, uses_time_zone);
		definition->value_class = class_of_type(type, &becomes);
	}
	if (definition->kind_number == COMPUTED_COUNT)
		definition->value_class = COMPUTED_NONE;
	else
		check_class(definition->kind_number, definition->value_class);
}

void
compile_check(Workspace *ws, const ComputedDefinition *definition)
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
	compile_trait(ws, &copy, estate, &uses_time_zone);
	FreeExecutorState(estate);
}

typedef struct TraitCompilation
{
	Workspace *ws;
	ComputedDefinition *definition;
} TraitCompilation;

static bool
try_compile(void *context)
{
	TraitCompilation *compilation = (TraitCompilation *) context;
	Workspace *ws = compilation->ws;

	compile_trait(ws, compilation->definition, ws->estate, &ws->rows_use_time_zone);
	return true;
}

/* Fills a trait in the form that states use. */
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

static int
column_number(Workspace *ws, TupleTableSlot *slot, int column, int otherwise)
{
	bool isnull;
	Datum value = workspace_value(ws, &computed_traits_table, slot, column, &isnull);

	return isnull ? otherwise : DatumGetInt32(value);
}

static void
read_computed_trait(Workspace *ws, TupleTableSlot *slot)
{
	ComputedTraits *computed = workspace_data(ws, &computed_part);
	ComputedDefinition definition = {0};

#define COLUMN(name) workspace_text(ws, &computed_traits_table, slot, COMPUTED_TRAIT_##name)
	definition.name = COLUMN(NAME);
	definition.kind = COLUMN(KIND);
	definition.event = COLUMN(EVENT);
	definition.event_len = definition.event == NULL ? 0 : strlen(definition.event);
	definition.filter = COLUMN(FILTER);
	definition.expression = COLUMN(EXPRESSION);
#undef COLUMN
	definition.window_days = column_number(ws, slot, COMPUTED_TRAIT_WINDOW_DAYS, COMPUTED_FOR_EVER);
	definition.list_limit = column_number(ws, slot, COMPUTED_TRAIT_LIST_LIMIT, 0);
	definition.max_distinct = column_number(ws, slot, COMPUTED_TRAIT_MAX_DISTINCT, 0);
	ARRAY_GROW(ws->context, computed->definitions, computed->n, computed->max);
	computed->definitions[computed->n++] = definition;
}

/* Part: reads the definitions, and lists the names that expressions may use. */
static void
read_computed_traits(Workspace *ws)
{
	ComputedTraits *computed = palloc0(sizeof(ComputedTraits));

	ws->data[computed_part.number] = computed;
	workspace_scan(ws, &computed_traits_table, read_computed_trait);
	if (computed->n > 0)
		qsort(computed->definitions, computed->n, sizeof(ComputedDefinition), compare_definitions);
	ws->computed_names.names = palloc(sizeof(DefinedName) * Max(computed->n, 1));
	ws->computed_names.n = computed->n;
	for (int i = 0; i < computed->n; i++)
	{
		const ComputedDefinition *definition = &computed->definitions[i];

		ws->computed_names.names[i] =
		    (DefinedName){definition->name, Max(definition->window_days, 0)};
	}
}

/*
 * Part: compiles the definitions. If one no longer compiles (a column was dropped), broken
 * has the reason: it must not keep events out.
 */
static void
compile_computed_traits(Workspace *ws)
{
	ComputedTraits *computed = workspace_data(ws, &computed_part);
	ComputedTrait *sound = palloc(sizeof(ComputedTrait) * Max(computed->n, 1));
	int n_sound = 0;

	computed->traits = palloc0(sizeof(ComputedTrait) * Max(computed->n, 1));
	for (int i = 0; i < computed->n; i++)
	{
		ComputedDefinition *definition = &computed->definitions[i];
		TraitCompilation compilation = {ws, definition};

		(void) cdp_attempt(try_compile, &compilation, &definition->broken);
		fill_trait(&computed->traits[i], definition);
		computed->any_broken = computed->any_broken || definition->broken != NULL;
		if (definition->broken != NULL)
			continue;
		sound[n_sound++] = computed->traits[i];
		computed->uses_days = computed->uses_days || definition->window_days > 0;
	}
	computed->without_events = computed_without_events(sound, n_sound, ws->time_zone);
	pfree(sound);
}

static const EngineColumn trait_columns[N_COMPUTED_TRAIT_COLUMNS] = {
    [COMPUTED_TRAIT_NAME] = {"name", "text"},
    [COMPUTED_TRAIT_KIND] = {"kind", "text"},
    [COMPUTED_TRAIT_EVENT] = {"event", "text", true},
    [COMPUTED_TRAIT_FILTER] = {"filter", "text", true},
    [COMPUTED_TRAIT_EXPRESSION] = {"expression", "text", true},
    [COMPUTED_TRAIT_WINDOW_DAYS] = {"window_days", "int4", true},
    [COMPUTED_TRAIT_LIST_LIMIT] = {"list_limit", "int4"},
    [COMPUTED_TRAIT_MAX_DISTINCT] = {"max_distinct", "int4"},
};

WorkspaceTable computed_traits_table = {.name = "computed_traits",
                                        .guard = GUARD_DEFINITION,
                                        .define = "define_computed_traits",
                                        .columns = trait_columns,
                                        .n_columns = N_COMPUTED_TRAIT_COLUMNS};

static const ErrorData *
trait_broken(Workspace *ws, const char *name)
{
	int index = defined_names_find(&ws->computed_names, name);

	return index < 0 ? NULL : computed_of(ws)->definitions[index].broken;
}

/* The texts of a computed trait have no history. */
static void
traits_rewritten(Workspace *ws, List *names, Oid user)
{
}

static const DefinitionText trait_texts[] = {
    {COMPUTED_TRAIT_FILTER, &trait_filter},
    {COMPUTED_TRAIT_EXPRESSION, &trait_expression},
};

static const DefinitionTexts trait_definition_texts = {
    .table = &computed_traits_table,
    .what = "computed trait",
    .texts = trait_texts,
    .n_texts = lengthof(trait_texts),
    .broken = trait_broken,
    .rewritten = traits_rewritten,
    .derive_again = computed_derive_again,
};

WorkspacePart computed_part = {
    .name = "computed",
    .tables = (WorkspaceTable *const[]){&computed_traits_table, &computed_errors_table, NULL},
    .value = &computed_profile_value,
    .read = read_computed_traits,
    .compile = compile_computed_traits,
    .texts = &trait_definition_texts,
    .wants_rows = deltas_are_wanted,
    .read_row = deltas_read_row,
    .row_failed = deltas_row_failed,
    .batch_written = trait_errors_write,
};
