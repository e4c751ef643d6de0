/*
 * computed_driver.c
 *	  Drives the builder of computed traits as the engine does: what many events
 *	  add, and values, in one builder. Built by computed_builder.py, with the
 *	  sources of cdp.computed, into a module of its own.
 */
#include "types/computed_internal.h"

#include "catalog/pg_type.h"
#include "types/ltv.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"

PG_MODULE_MAGIC;

#define MAX_TRAITS 64

PG_FUNCTION_INFO_V1(computed_drive);

/* The stored form of what an input function reads. */
static const char *
stored_form(const ComputedTrait *trait, char *text, int *len)
{
	StringInfoData out;
	Datum value = (Datum) 0;

	initStringInfo(&out);
	switch (trait->value_class)
	{
		case COMPUTED_NUMBER:
			value = DirectFunctionCall3(numeric_in, CStringGetDatum(text),
			                            ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
			break;
		case COMPUTED_TEXT:
			value = CStringGetTextDatum(text);
			break;
		case COMPUTED_BOOL:
			value = DirectFunctionCall1(boolin, CStringGetDatum(text));
			break;
		case COMPUTED_TIME:
			value = DirectFunctionCall3(timestamptz_in, CStringGetDatum(text),
			                            ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
			break;
		case COMPUTED_DATE:
			value = DirectFunctionCall1(date_in, CStringGetDatum(text));
			break;
		case COMPUTED_JSON:
			value = DirectFunctionCall1(jsonb_in, CStringGetDatum(text));
			break;
		default:
			break;
	}
	computed_put_value(&out, trait->kind, trait->value_class, value);
	*len = out.len;
	return out.data;
}

/*
 * computed_drive(base computed, definitions computed, traits int[], inputs text[], times
 * timestamptz[], events uuid[], merged computed[], today date) -> computed: the builder's sum. An
 * input is of the trait of that place, from 0, among those of definitions. No day is left out where
 * today is null. An odd number of inputs goes to a builder that owns its values. An error if "changed" does
 * not say whether anything was added, or where such a builder, finished twice, gives two values.
 */
Datum
computed_drive(PG_FUNCTION_ARGS)
{
	Computed *base = PG_GETARG_COMPUTED_P(0);
	ComputedTrait traits[MAX_TRAITS];
	ComputedReader reader;
	ComputedEntry entry;
	ComputedBuilder builder;
	Computed *again = NULL;
	Computed *result;
	Datum *places;
	Datum *inputs;
	Datum *times;
	Datum *events;
	Datum *merged;
	char zone[LTV_ZONE_MAX + 1];
	pg_tz *tz;
	int n_traits = 0;
	int n;
	int n_merged;
	bool changed;

	computed_begin(&reader, PG_GETARG_COMPUTED_P(1));
	while (computed_next(&reader, &entry))
		traits[n_traits++] = entry.trait;
	memcpy(zone, reader.zone, reader.zone_len);
	zone[reader.zone_len] = '\0';
	if (!ltv_zone_lookup(zone, NULL, &tz))
		elog(ERROR, "no zone");
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(2), INT4OID, 4, true, TYPALIGN_INT, &places, NULL, &n);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(3), TEXTOID, -1, false, TYPALIGN_INT, &inputs, NULL,
	                  &n);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(4), TIMESTAMPTZOID, 8, true, TYPALIGN_DOUBLE, &times,
	                  NULL, &n);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(5), UUIDOID, UUID_LEN, false, TYPALIGN_CHAR, &events,
	                  NULL, &n);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(6), ARR_ELEMTYPE(PG_GETARG_ARRAYTYPE_P(6)), -1, false,
	                  TYPALIGN_INT, &merged, NULL, &n_merged);

	computed_builder_init(&builder, base, traits, n_traits, zone);
	builder.owns_values = n % 2 == 1;
	for (int i = 0; i < n; i++)
	{
		int place = DatumGetInt32(places[i]);
		TimestampTz at = DatumGetTimestampTz(times[i]);
		int len;
		const char *value = stored_form(&traits[place], TextDatumGetCString(inputs[i]), &len);

		computed_builder_add(&builder, place, value, len, at, ltv_local_day(at, tz),
		                     DatumGetUUIDP(events[i]));
		if (builder.owns_values && len > 0)
			memset(unconstify(char *, value), 0x7F, len);
	}
	for (int i = 0; i < n_merged; i++)
		computed_builder_merge(&builder, DatumGetComputedP(merged[i]));
	if (builder.owns_values) /* it can be finished again */
		again = computed_builder_finish(&builder, PG_INT32_MAX, &changed);
	for (int i = 0; i < 100; i++) /* what was freed is overwritten */
		memset(palloc(8 << (i % 8)), 0x7F, 8 << (i % 8));
	result = computed_builder_finish(
	    &builder, PG_ARGISNULL(7) ? PG_INT32_MAX : PG_GETARG_DATEADT(7), &changed);
	if (changed != (n + n_merged > 0) || (!changed && result != base))
		elog(ERROR, "changed is %d after %d inputs and %d values", changed, n, n_merged);
	if (PG_ARGISNULL(7) && again != NULL &&
	    (VARSIZE(again) != VARSIZE(result) || memcmp(again, result, VARSIZE(again)) != 0))
		elog(ERROR, "finished again, it is another value");
	PG_RETURN_COMPUTED_P(result);
}
