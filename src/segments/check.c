/*
 * check.c
 *	  Checks a predicate from SQL, as the definition of a segment is checked.
 */
#include "expression/predicate.h"

#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(cdp_check_predicate);
PG_FUNCTION_INFO_V1(cdp_predicate_sql);

/*
 * cdp.check_predicate(workspace name, segment text, predicate text) -> void:
 * errors as predicate_check does; the segment's name is for their context.
 */
Datum
cdp_check_predicate(PG_FUNCTION_ARGS)
{
	Workspace *ws = workspace_by_name(NameStr(*PG_GETARG_NAME(0)));

	(void) predicate_check(ws, text_to_cstring(PG_GETARG_TEXT_PP(1)),
	                       text_to_cstring(PG_GETARG_TEXT_PP(2)));
	PG_RETURN_VOID();
}

/*
 * cdp.predicate_sql(workspace name, segment text, predicate text) -> text: the
 * same, and the predicate with a column for the clock.
 */
Datum
cdp_predicate_sql(PG_FUNCTION_ARGS)
{
	Workspace *ws = workspace_by_name(NameStr(*PG_GETARG_NAME(0)));
	char *sql = predicate_check(ws, text_to_cstring(PG_GETARG_TEXT_PP(1)),
	                            text_to_cstring(PG_GETARG_TEXT_PP(2)));

	if (sql == NULL)
		PG_RETURN_DATUM(PG_GETARG_DATUM(2));
	PG_RETURN_TEXT_P(cstring_to_text(sql));
}
