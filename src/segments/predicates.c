/*
 * predicates.c
 *	  Predicates of segments, from SQL: they are checked as definitions are, and explained
 *	  part by part.
 */
#include "segments/segments.h"

#include "expression/judge.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/typcache.h"
#include "workspace/rights.h"
#include "workspace/rows.h"

PG_FUNCTION_INFO_V1(cdp_check_predicate);
PG_FUNCTION_INFO_V1(cdp_predicate_sql);
PG_FUNCTION_INFO_V1(cdp_predicate_query);
PG_FUNCTION_INFO_V1(cdp_predicate_fails);
PG_FUNCTION_INFO_V1(cdp_segment_tree);

/*
 * Errors if the caller has no right to know which names predicates may use: of segments, which
 * tables tell, and of computed traits. Whoever defines segments finds them out, and so does who
 * reads them in profiles.
 */
static void
require_names(const Workspace *ws)
{
	Oid user = GetUserId();

	if (!workspace_may(ws, user, ACL_SELECT | ACL_INSERT | ACL_UPDATE, "segments", "predicate") &&
	    !(workspace_may(ws, user, ACL_SELECT, "profiles", "segments") &&
	      workspace_may(ws, user, ACL_SELECT, "profiles", "computed")))
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, "segments");
}

/* Checks the predicate in the arguments; the result is that of expression_check. */
static char *
check_arguments(FunctionCallInfo fcinfo)
{
	Workspace *ws = workspace_for_caller(NameStr(*PG_GETARG_NAME(0)));

	require_names(ws);
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
	judged.ws = workspace_for_caller(NameStr(*PG_GETARG_NAME(0)));
	require_names(judged.ws);
	one.name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	one.text = text_to_cstring(PG_GETARG_TEXT_PP(2));
	expression_query(&judged, text_to_cstring(PG_GETARG_TEXT_PP(3)), fcinfo, 4);
	return (Datum) 0;
}

/* What cdp.predicate_fails keeps from call to call, in a memory context of its own. */
typedef struct PredicateTrial
{
	MemoryContext context;
	Workspace *ws; /* null before the first call */
	Oid user;      /* whose rights have been looked at */
	char *name;
	char *predicate;
	ExpressionTrial *trial;
	TupleTableSlot *row;
} PredicateTrial;

static bool
is_text(const char *string, const text *t)
{
	return strlen(string) == VARSIZE_ANY_EXHDR(t) &&
	       memcmp(string, VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t)) == 0;
}

/* The trial of a predicate of a workspace, made new unless it is that of the call before. */
static PredicateTrial *
prepare_trial(FunctionCallInfo fcinfo, Workspace *ws, Oid type, const text *name,
              const text *predicate)
{
	PredicateTrial *trial = (PredicateTrial *) fcinfo->flinfo->fn_extra;
	MemoryContext oldcontext;
	ExpressionText one = {.sort = &segment_predicate, .called = "predicate"};
	ExpressionJudged judged = {.ws = ws, .texts = &one, .n_texts = 1, .broken_is_false = true};

	if (trial != NULL && trial->ws == ws && trial->user == GetUserId() &&
	    is_text(trial->name, name) && is_text(trial->predicate, predicate))
		return trial;
	workspace_require_usage(ws);
	require_names(ws);
	if (trial == NULL)
	{
		MemoryContext parent = fcinfo->flinfo->fn_mcxt;

		trial = fcinfo->flinfo->fn_extra = MemoryContextAllocZero(parent, sizeof(PredicateTrial));
		trial->context = AllocSetContextCreate(parent, "cdp predicate", ALLOCSET_DEFAULT_SIZES);
	}
	trial->ws = NULL; /* should one of these raise an error */
	MemoryContextReset(trial->context);
	oldcontext = MemoryContextSwitchTo(trial->context);
	one.name = trial->name = text_to_cstring(name);
	one.text = trial->predicate = text_to_cstring(predicate);
	trial->trial = expression_try(&judged);
	trial->row = MakeSingleTupleTableSlot(lookup_rowtype_tupdesc_copy(type, -1), &TTSOpsHeapTuple);
	MemoryContextSwitchTo(oldcontext);
	trial->ws = ws;
	trial->user = GetUserId();
	return trial;
}

/*
 * cdp.predicate_fails(row of profiles, segment text, predicate text, instant) -> boolean:
 * whether the predicate fails on the profile at the instant.
 */
Datum
cdp_predicate_fails(PG_FUNCTION_ARGS)
{
	HeapTupleHeader header = row_argument(fcinfo, 0);
	Workspace *ws = workspace_of_row(header);
	PredicateTrial *trial = prepare_trial(fcinfo, ws, HeapTupleHeaderGetTypeId(header),
	                                      PG_GETARG_TEXT_PP(1), PG_GETARG_TEXT_PP(2));
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(header), .t_data = header};
	WorkspaceUser user;
	bool fails;

	ExecStoreHeapTuple(&tuple, trial->row, false);
	workspace_check_row(ws, &profiles_table, trial->row);
	workspace_evaluate_as_owner(ws, &user);
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
	HeapTupleHeader row = row_argument(fcinfo, 0);
	SegmentSet *segments = PG_GETARG_SEGMENT_SET_P(1);
	char *predicate = text_to_cstring(PG_GETARG_TEXT_PP(2));
	Workspace *ws = workspace_of_row(row);
	TupleDesc desc =
	    lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(row), HeapTupleHeaderGetTypMod(row));
	TupleTableSlot *slot = MakeSingleTupleTableSlot(desc, &TTSOpsHeapTuple);
	HeapTupleData tuple = {0};
	WorkspaceUser user;

	workspace_require_usage(ws);
	require_names(ws);
	InitMaterializedSRF(fcinfo, 0);
	tuple.t_len = HeapTupleHeaderGetDatumLength(row);
	tuple.t_data = row;
	ExecStoreHeapTuple(&tuple, slot, false);
	workspace_check_row(ws, &profiles_table, slot);
	workspace_evaluate_as_owner(ws, &user);
	expression_explain(ws, &segment_predicate, slot, segments, predicate,
	                   (ReturnSetInfo *) fcinfo->resultinfo);
	workspace_restore_user(&user);
	ExecDropSingleTupleTableSlot(slot);
	ReleaseTupleDesc(desc);
	return (Datum) 0;
}
