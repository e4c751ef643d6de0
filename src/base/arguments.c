/*
 * arguments.c
 *	  Arguments whose type the call decides.
 */
#include "base/base.h"

#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/*
 * SQL lets a value of any type stand where the declaration says anyelement; a number that is read
 * as a row is read as an address.
 */
HeapTupleHeader
row_argument(FunctionCallInfo fcinfo, int n)
{
	Oid type = get_fn_expr_argtype(fcinfo->flinfo, n);

	if (!OidIsValid(type) || !type_is_rowtype(type))
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
		                errmsg("argument %d of function %s must be a row", n + 1,
		                       quote_qualified_identifier(
		                           get_namespace_name(get_func_namespace(fcinfo->flinfo->fn_oid)),
		                           get_func_name(fcinfo->flinfo->fn_oid))),
		                OidIsValid(type) ? errdetail("It is of type %s.", format_type_be(type))
		                                 : errdetail("Its type is not known.")));
	return PG_GETARG_HEAPTUPLEHEADER(n);
}
