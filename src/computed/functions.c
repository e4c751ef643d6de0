/*
 * functions.c
 *	  Computed traits, from SQL: functions for the back-fill and for cdp.check.
 */
#include "computed/computed_internal.h"

#include "expression/judge.h"
#include "catalog/pg_type.h"
#include "expression/expression.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"
#include "workspace/rights.h"
#include "workspace/rows.h"

/* The workspace in the first argument; its definitions are for those who may read their table. */
static Workspace *
workspace_argument(FunctionCallInfo fcinfo)
{
	Workspace *ws = workspace_for_caller(NameStr(*PG_GETARG_NAME(0)));

	workspace_require_select(ws, computed_traits_table.name, NULL);
	return ws;
}

/* The names in an array of texts, as traits that have nothing but a name. */
static ComputedTrait *
traits_of_names(ArrayType *array, int *n)
{
	Datum *names;
	bool *nulls;
	ComputedTrait *traits;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &names, &nulls, n);
	traits = palloc0(sizeof(ComputedTrait) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
	{
		traits[i].name = nulls[i] ? "" : TextDatumGetCString(names[i]);
		traits[i].name_len = strlen(traits[i].name);
	}
	return traits;
}

PG_FUNCTION_INFO_V1(cdp_computed_without);

/* cdp.computed_without(computed, names text[]) -> computed: without those traits. */
Datum
cdp_computed_without(PG_FUNCTION_ARGS)
{
	int n;
	ComputedTrait *traits = traits_of_names(PG_GETARG_ARRAYTYPE_P(1), &n);

	PG_RETURN_COMPUTED_P(computed_without(PG_GETARG_COMPUTED_P(0), traits, n));
}

PG_FUNCTION_INFO_V1(cdp_has_computed);

/* cdp.has_computed(computed, names text[]) -> boolean: whether it has one of those traits. */
Datum
cdp_has_computed(PG_FUNCTION_ARGS)
{
	int n;
	ComputedTrait *traits = traits_of_names(PG_GETARG_ARRAYTYPE_P(1), &n);
	Computed *computed = PG_GETARG_COMPUTED_P(0);

	PG_RETURN_BOOL(computed_without(computed, traits, n) != computed);
}

PG_FUNCTION_INFO_V1(cdp_computed_trait_type);

/*
 * cdp.computed_trait_type(workspace, trait) -> type of its expression; null: it has none,
 * or is broken.
 */
Datum
cdp_computed_trait_type(PG_FUNCTION_ARGS)
{
	static const char *const types[N_COMPUTED_CLASSES] = {
	    [COMPUTED_NONE] = "boolean", /* of kind count: the expression only matters by being null */
	    [COMPUTED_NUMBER] = "numeric",   [COMPUTED_TEXT] = "text", [COMPUTED_BOOL] = "boolean",
	    [COMPUTED_TIME] = "timestamptz", [COMPUTED_DATE] = "date", [COMPUTED_JSON] = "jsonb",
	};
	Workspace *ws = workspace_argument(fcinfo);
	int index = defined_names_find(&ws->computed_names, text_to_cstring(PG_GETARG_TEXT_PP(1)));

	if (index < 0 || computed_of(ws)->definitions[index].broken != NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(types[computed_of(ws)->definitions[index].value_class]));
}

PG_FUNCTION_INFO_V1(cdp_computed_trait_fault);

/*
 * cdp.computed_trait_fault(workspace, trait) -> why its definition does not compile; null:
 * it does.
 */
Datum
cdp_computed_trait_fault(PG_FUNCTION_ARGS)
{
	Workspace *ws = workspace_argument(fcinfo);
	int index = defined_names_find(&ws->computed_names, text_to_cstring(PG_GETARG_TEXT_PP(1)));

	if (index < 0 || computed_of(ws)->definitions[index].broken == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(computed_of(ws)->definitions[index].broken->message));
}

/* The texts of an argument that is an array; null ones are null. There must be n. */
static char **
texts_argument(FunctionCallInfo fcinfo, int argument, int n)
{
	Datum *values;
	bool *nulls;
	char **texts = palloc0(sizeof(char *) * Max(n, 1));
	int found;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(argument), TEXTOID, -1, false, TYPALIGN_INT, &values,
	                  &nulls, &found);
	if (found != n)
		ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
		                errmsg("a trait must have a name, a filter and an expression"),
		                errdetail("There are %d names, and %d of the others.", n, found)));
	for (int i = 0; i < n; i++)
		texts[i] = nulls[i] ? NULL : TextDatumGetCString(values[i]);
	return texts;
}

PG_FUNCTION_INFO_V1(cdp_trait_query);

/*
 * cdp.trait_query(workspace name, traits text[], filters text[], expressions text[], query text,
 * arguments) -> the rows of the query, in which definition.filter_1 and definition.expression_1
 * stand for those of the first trait, and so on: see expression_query.
 */
Datum
cdp_trait_query(PG_FUNCTION_ARGS)
{
	ExpressionJudged judged = {0};
	ExpressionText *texts;
	char **names;
	char **filters;
	char **expressions;
	int n;

	for (int i = 0; i < 5; i++)
		if (PG_ARGISNULL(i))
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			                errmsg("the workspace, the traits and the query must not be null")));
	n = ArrayGetNItems(ARR_NDIM(PG_GETARG_ARRAYTYPE_P(1)), ARR_DIMS(PG_GETARG_ARRAYTYPE_P(1)));
	names = texts_argument(fcinfo, 1, n);
	filters = texts_argument(fcinfo, 2, n);
	expressions = texts_argument(fcinfo, 3, n);
	texts = palloc0(sizeof(ExpressionText) * (2 * n + 1));
	for (int i = 0; i < n; i++)
	{
		const char *name = names[i] == NULL ? "" : names[i];

		texts[2 * i] =
		    (ExpressionText){&trait_filter, name, psprintf("filter_%d", i + 1), filters[i]};
		texts[2 * i + 1] = (ExpressionText){&trait_expression, name,
		                                    psprintf("expression_%d", i + 1), expressions[i]};
	}
	judged.ws = workspace_argument(fcinfo);
	judged.texts = texts;
	judged.n_texts = 2 * n;
	expression_query(&judged, text_to_cstring(PG_GETARG_TEXT_PP(4)), fcinfo, 5);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(cdp_empty_computed);

/* cdp.empty_computed(workspace) -> computed: the value of a profile without events. */
Datum
cdp_empty_computed(PG_FUNCTION_ARGS)
{
	Computed *computed = computed_of(workspace_argument(fcinfo))->without_events;

	PG_RETURN_DATUM(
	    PointerGetDatum(memcpy(palloc(VARSIZE_ANY(computed)), computed, VARSIZE_ANY(computed))));
}

static bool
try_event(void *context)
{
	deltas_of_row((RowDeltas *) context);
	return true;
}

/* What cdp.computed_trait_fails keeps from call to call, in a memory context of its own. */
typedef struct TraitTrial
{
	MemoryContext context;
	RowDeltas row; /* its workspace is null before the first call */
	int index;     /* of the trait */
	Oid type;      /* of rows of events */
	TupleTableSlot *slot;
} TraitTrial;

static TraitTrial *
make_trial(FunctionCallInfo fcinfo)
{
	MemoryContext parent = fcinfo->flinfo->fn_mcxt;
	TraitTrial *trial = MemoryContextAllocZero(parent, sizeof(TraitTrial));

	trial->context = AllocSetContextCreate(parent, "cdp trait trial", ALLOCSET_DEFAULT_SIZES);
	fcinfo->flinfo->fn_extra = trial;
	return trial;
}

/* Prepares the trial of a trait, unless the last call has left it prepared. */
static void
prepare_trial(TraitTrial *trial, Workspace *ws, int index)
{
	MemoryContext oldcontext;

	if (trial->row.ws == ws && trial->index == index)
		return;
	MemoryContextReset(trial->context);
	memset(&trial->row, 0, sizeof(RowDeltas));
	oldcontext = MemoryContextSwitchTo(trial->context);
	trial->type = get_rel_type_id(ws->events);
	trial->slot =
	    MakeSingleTupleTableSlot(lookup_rowtype_tupdesc_copy(trial->type, -1), &TTSOpsHeapTuple);
	deltas_begin(&trial->row, ws, bms_make_singleton(index));
	trial->row.slot = trial->slot;
	trial->index = index;
	MemoryContextSwitchTo(oldcontext);
}

PG_FUNCTION_INFO_V1(cdp_computed_trait_fails);

/*
 * cdp.computed_trait_fails(workspace, trait, row of events) -> boolean: whether the trait's
 * filter or expression fails on the event.
 */
Datum
cdp_computed_trait_fails(PG_FUNCTION_ARGS)
{
	HeapTupleHeader header = row_argument(fcinfo, 2);
	Workspace *ws = workspace_argument(fcinfo);
	int index = defined_names_find(&ws->computed_names, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	TraitTrial *trial = (TraitTrial *) fcinfo->flinfo->fn_extra;
	HeapTupleData tuple = {0};
	ErrorData *error;
	WorkspaceUser user;
	int nest_level;
	bool fails;

	if (trial == NULL)
		trial = make_trial(fcinfo);
	if (index >= 0)
		prepare_trial(trial, ws, index);
	if (index < 0 || HeapTupleHeaderGetTypeId(header) != trial->type)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
		                errmsg("there is no such computed trait of these events")));
	workspace_evaluate_as_owner(ws, &user);
	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	tuple.t_data = header;
	ExecStoreHeapTuple(&tuple, trial->slot, false);
	workspace_check_row(ws, &events_table, trial->slot);
	nest_level = expression_pin(ws, ws->rows_use_time_zone);
	trial->row.trait = 0;
	fails = !cdp_attempt(try_event, &trial->row, &error);
	if (fails && !deltas_failed(&trial->row, error))
		ReThrowError(error);
	if (fails)
		FreeErrorData(error);
	ExecClearTuple(trial->slot);
	expression_unpin(nest_level);
	workspace_restore_user(&user);
	PG_RETURN_BOOL(fails);
}
