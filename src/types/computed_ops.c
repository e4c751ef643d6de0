/*
 * computed_ops.c
 *	  Equality, hash and merge of cdp.computed in SQL.
 */
#include "types/computed_internal.h"

#include "common/hashfn.h"
#include "utils/builtins.h"

/* Equal bytes are equal states. */
static bool
computed_equal(const Computed *a, const Computed *b)
{
	return VARSIZE_ANY_EXHDR(a) == VARSIZE_ANY_EXHDR(b) &&
	       memcmp(VARDATA_ANY(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(a)) == 0;
}

PG_FUNCTION_INFO_V1(computed_eq);

/* computed = computed */
Datum
computed_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(computed_equal(PG_GETARG_COMPUTED_P(0), PG_GETARG_COMPUTED_P(1)));
}

PG_FUNCTION_INFO_V1(computed_ne);

/* computed <> computed */
Datum
computed_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!computed_equal(PG_GETARG_COMPUTED_P(0), PG_GETARG_COMPUTED_P(1)));
}

PG_FUNCTION_INFO_V1(computed_hash);

Datum
computed_hash(PG_FUNCTION_ARGS)
{
	Computed *computed = PG_GETARG_COMPUTED_P(0);

	PG_RETURN_DATUM(hash_any((unsigned char *) VARDATA_ANY(computed), VARSIZE_ANY_EXHDR(computed)));
}

PG_FUNCTION_INFO_V1(computed_hash_extended);

Datum
computed_hash_extended(PG_FUNCTION_ARGS)
{
	Computed *computed = PG_GETARG_COMPUTED_P(0);

	PG_RETURN_DATUM(hash_any_extended((unsigned char *) VARDATA_ANY(computed),
	                                  VARSIZE_ANY_EXHDR(computed), PG_GETARG_INT64(1)));
}

PG_FUNCTION_INFO_V1(computed_merge_pair);

/* cdp.merge(computed, computed) -> computed; also transition and combine function of cdp.merge_agg. */
Datum
computed_merge_pair(PG_FUNCTION_ARGS)
{
	PG_RETURN_COMPUTED_P(computed_merge(PG_GETARG_COMPUTED_P(0), PG_GETARG_COMPUTED_P(1)));
}

PG_FUNCTION_INFO_V1(computed_zone_name);

/* cdp.zone(computed) -> text; null: it has no traits. */
Datum
computed_zone_name(PG_FUNCTION_ARGS)
{
	ComputedReader reader;

	computed_begin(&reader, PG_GETARG_COMPUTED_P(0));
	if (reader.zone_len == 0)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text_with_len(reader.zone, reader.zone_len));
}
