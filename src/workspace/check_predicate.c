/*
 * check_predicate.c
 *	  Checks a predicate from SQL, as the definition of a segment is checked.
 */
#include "workspace/predicate.h"

#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(cdp_check_predicate);

/*
 * cdp.check_predicate(workspace name, segment text, predicate text) -> void:
 * errors as predicate_check does; the segment's name is for their context.
 */
Datum
cdp_check_predicate(PG_FUNCTION_ARGS)
{
	Workspace *ws = workspace_by_name(NameStr(*PG_GETARG_NAME(0)));

	predicate_check(ws, text_to_cstring(PG_GETARG_TEXT_PP(1)),
	                text_to_cstring(PG_GETARG_TEXT_PP(2)));
	PG_RETURN_VOID();
}
