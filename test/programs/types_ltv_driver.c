/*
 * types_ltv_driver.c
 *	  Drives the builder of ltv as the engine does: many amounts and values in
 *	  one builder. Built by types_ltv_builder.py, with the sources of ltv, into a
 *	  module of its own.
 */
#include "base/base.h"

#include "catalog/pg_type.h"
#include "types/ltv_format.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(ltv_drive);

/*
 * ltv_drive(base ltv, amounts numeric[], currencies text[], times timestamptz[], values ltv[]) ->
 * ltv: the builder's sum. values, unless empty, are merged in turn in between. An error if "changed"
 * does not say whether the result differs from base.
 */
Datum
ltv_drive(PG_FUNCTION_ARGS)
{
	Ltv *base = PG_ARGISNULL(0) ? NULL : PG_GETARG_LTV_P(0);
	Datum *amounts;
	Datum *currencies;
	Datum *times;
	Datum *values;
	int count;
	int nvalues;
	int done = 0;
	LtvBuilder builder;
	Ltv *result;
	bool changed;
	bool differs;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), NUMERICOID, -1, false, TYPALIGN_INT, &amounts, NULL,
	                  &count);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(2), TEXTOID, -1, false, TYPALIGN_INT, &currencies, NULL,
	                  &count);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(3), TIMESTAMPTZOID, 8, true, TYPALIGN_DOUBLE, &times,
	                  NULL, &count);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(4), ARR_ELEMTYPE(PG_GETARG_ARRAYTYPE_P(4)), -1, false,
	                  TYPALIGN_INT, &values, NULL, &nvalues);

	ltv_builder_init(&builder, base);
	for (int i = 0; i < count; i++)
	{
		text *currency = DatumGetTextPP(currencies[i]);

		/* the builder keeps its own memory and holds none of the caller's */
		MemoryContext scratch =
		    AllocSetContextCreate(CurrentMemoryContext, "scratch", ALLOCSET_SMALL_SIZES);
		MemoryContext oldcontext = MemoryContextSwitchTo(scratch);

		ltv_builder_add(&builder, (Numeric) PG_DETOAST_DATUM_COPY(amounts[i]),
		                VARDATA_ANY(currency), DatumGetTimestampTz(times[i]));
		if (done < nvalues && i % 7 == 3)
			ltv_builder_merge(&builder, (Ltv *) PG_DETOAST_DATUM_COPY(values[done++]));
		MemoryContextSwitchTo(oldcontext);
		MemoryContextDelete(scratch);
	}
	while (done < nvalues)
		ltv_builder_merge(&builder, DatumGetLtvP(values[done++]));
	result = ltv_builder_finish(&builder, &changed);
	differs = base == NULL || VARSIZE_ANY_EXHDR(base) != VARSIZE_ANY_EXHDR(result) ||
	          memcmp(VARDATA_ANY(base), VARDATA_ANY(result), VARSIZE_ANY_EXHDR(base)) != 0;
	if (changed != differs)
		elog(ERROR, "changed is %d, and the value %s", changed, differs ? "differs" : "does not");
	if (!changed && result != base)
		elog(ERROR, "unchanged, and not the base");
	PG_RETURN_LTV_P(result);
}
