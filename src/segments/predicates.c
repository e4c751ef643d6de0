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
