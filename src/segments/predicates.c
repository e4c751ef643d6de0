/*
 * predicates.c
 *	  Predicates of segments, from SQL: they are checked as definitions are, and explained
 *	  part by part.
 */
#include "segments/segments.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/typcache.h"

PG_FUNCTION_INFO_V1(cdp_check_predicate);
PG_FUNCTION_INFO_V1(cdp_predicate_sql);
PG_FUNCTION_INFO_V1(cdp_predicate_query);
PG_FUNCTION_INFO_V1(cdp_predicate_fails);
PG_FUNCTION_INFO_V1(cdp_segment_tree);

/* Checks the predicate in the arguments; the result is that of expression_check. */
static char *
check_arguments(FunctionCallInfo fcinfo)
{
	Workspace *ws = workspace_by_name(NameStr(*PG_GETARG_NAME(0)));

	return expression_check(ws, &segment_predicate, text_to_cstring(PG_GETARG_TEXT_PP(1)),
	                        text_to_cstring(PG_GETARG_TEXT_PP(2)));
}

/*
 * cdp.check_predicate(workspace name, segment text, predicate text) -> void: raises the
 * errors that a definition would. The segment's name is shown in their context.
 */
Datum
cdp_check_predicate(PG_FUNCTION_ARGS)
{
	(void) check_arguments(fcinfo);
	PG_RETURN_VOID();
}

/*
 * cdp.predicate_sql(workspace name, segment text, predicate text) -> text: the same;
 * returns the predicate as SQL, with the column evaluated_at in place of the clock.
 */
Datum
cdp_predicate_sql(PG_FUNCTION_ARGS)
{
	char *sql = check_arguments(fcinfo);

	if (sql == NULL)
		PG_RETURN_DATUM(PG_GETARG_DATUM(2));
	PG_RETURN_TEXT_P(cstring_to_text(sql));
}

/*
 * cdp.predicate_query(workspace name, segment text, predicate text, query text, arguments) ->
 * the rows of the query, in which definition.predicate stands for the predicate: see
 * expression_query. One that is no definition is false.
 */
Datum
cdp_predicate_query(PG_FUNCTION_ARGS)
{
	ExpressionText one = {.sort = &segment_predicate, .called = "predicate"};
	ExpressionJudged judged = {.texts = &one, .n_texts = 1, .broken_is_false = true};

	for (int i = 0; i < 4; i++)
		if (PG_ARGISNULL(i))
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			                errmsg("the workspace, the segment, its predicate and the query must "
			                       "not be null")));
	judged.ws = workspace_by_name(NameStr(*PG_GETARG_NAME(0)));
	one.name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	one.text = text_to_cstring(PG_GETARG_TEXT_PP(2));
	expression_query(&judged, text_to_cstring(PG_GETARG_TEXT_PP(3)), fcinfo, 4);
	return (Datum) 0;
}

/* What cdp.predicate_fails keeps from call to call. */
typedef struct PredicateTrial
{
	const Workspace *ws;
	ExpressionTrial *trial;
	TupleTableSlot *row;
} PredicateTrial;

static PredicateTrial *
begin_trial(FunctionCallInfo fcinfo, Oid type)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	ExpressionText one = {&segment_predicate, text_to_cstring(PG_GETARG_TEXT_PP(1)), "predicate",
	                      text_to_cstring(PG_GETARG_TEXT_PP(2))};
	ExpressionJudged judged = {.ws = workspace_of_row(type),
	                           .texts = &one,
	                           .n_texts = 1,
	                           .broken_is_false = true};
	PredicateTrial *trial = palloc(sizeof(PredicateTrial));

	trial->ws = judged.ws;
	trial->trial = expression_try(&judged);
	trial->row = MakeSingleTupleTableSlot(lookup_rowtype_tupdesc_copy(type, -1), &TTSOpsHeapTuple);
	fcinfo->flinfo->fn_extra = trial;
	MemoryContextSwitchTo(oldcontext);
	return trial;
}

/*
 * cdp.predicate_fails(row of profiles, segment text, predicate text, instant) -> boolean:
 * whether the predicate fails on the profile at the instant. In a query, the predicate of the
 * first call is used for all calls.
 */
Datum
cdp_predicate_fails(PG_FUNCTION_ARGS)
{
	PredicateTrial *trial = (PredicateTrial *) fcinfo->flinfo->fn_extra;
	HeapTupleHeader header;
	HeapTupleData tuple = {0};
	WorkspaceUser user;
	bool fails;

	if (trial == NULL)
		trial = begin_trial(fcinfo, get_fn_expr_argtype(fcinfo->flinfo, 0));
	header = PG_GETARG_HEAPTUPLEHEADER(0);
	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	tuple.t_data = header;
	ExecStoreHeapTuple(&tuple, trial->row, false);
	workspace_evaluate_as_owner(trial->ws, &user);
	fails = expression_fails(trial->trial, trial->row, PG_GETARG_TIMESTAMPTZ(3));
	workspace_restore_user(&user);
	ExecClearTuple(trial->row);
	PG_RETURN_BOOL(fails);
}

/*
 * cdp.segment_tree(row of profiles, its segments, predicate) -> a row per part of the
 * predicate: its number, the number of the part that contains it, text, value, truth, the
 * next instant at which it may change, the trait or column that it reads, the error that it
 * raises, and the computed trait that it reads, with its window.
 */
Datum
cdp_segment_tree(PG_FUNCTION_ARGS)
{
	HeapTupleHeader row = PG_GETARG_HEAPTUPLEHEADER(0);
	SegmentSet *segments = PG_GETARG_SEGMENT_SET_P(1);
	char *predicate = text_to_cstring(PG_GETARG_TEXT_PP(2));
	Workspace *ws = workspace_of_row(HeapTupleHeaderGetTypeId(row));
	TupleDesc desc =
	    lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(row), HeapTupleHeaderGetTypMod(row));
	TupleTableSlot *slot = MakeSingleTupleTableSlot(desc, &TTSOpsHeapTuple);
	HeapTupleData tuple = {0};
	WorkspaceUser user;

	InitMaterializedSRF(fcinfo, 0);
	tuple.t_len = HeapTupleHeaderGetDatumLength(row);
	tuple.t_data = row;
	ExecStoreHeapTuple(&tuple, slot, false);
	workspace_evaluate_as_owner(ws, &user);
	expression_explain(ws, &segment_predicate, slot, segments, predicate,
	                   (ReturnSetInfo *) fcinfo->resultinfo);
	workspace_restore_user(&user);
	ExecDropSingleTupleTableSlot(slot);
	ReleaseTupleDesc(desc);
	return (Datum) 0;
}
