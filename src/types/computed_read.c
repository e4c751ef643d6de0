/*
 * computed_read.c
 *	  Reading computed traits: what a trait's value is at an instant, and when it
 *	  may be another.
 */
#include "types/computed_builder.h"
#include "types/computed_internal.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "types/identifier.h"
#include "types/ltv.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"

/* A value as it is read. */
typedef struct Value
{
	bool isnull;
	bool exact; /* no distinct values were left out */
	ComputedClass value_class;
	Numeric number;    /* of class number */
	const char *bytes; /* of the others, in their stored form */
	int len;
	const char *event_id;   /* of a first or last one */
	ComputedSetValue *list; /* of a list, its n_list values */
	int n_list;
} Value;

/* The days of a trait that an instant sees. */
typedef struct Visible
{
	int32 first;
	int32 last;
} Visible;

static pg_tz *
zone_of(const ComputedReader *reader)
{
	char name[LTV_ZONE_MAX + 1];
	pg_tz *tz;

	memcpy(name, reader->zone, reader->zone_len);
	name[reader->zone_len] = '\0';
	if (!ltv_zone_lookup(name, NULL, &tz))
		ltv_zone_report(name);
	return tz;
}

static Visible
visible_days(const ComputedReader *reader, const ComputedTrait *trait, TimestampTz at)
{
	Visible visible = {PG_INT32_MIN, PG_INT32_MAX};

	if (trait->window > 0)
	{
		visible.last = ltv_local_day(at, zone_of(reader));
		visible.first = visible.last - trait->window + 1;
	}
	return visible;
}

/* The next cell that is seen. */
static bool
next_visible(ComputedCells *cells, const Visible *visible, ComputedCell *cell)
{
	while (computed_cells_next(cells, cell))
	{
		if (cell->day > visible->last)
			return false;
		if (cell->day >= visible->first)
			return true;
	}
	return false;
}

static void
read_sum(const ComputedTrait *trait, ComputedCells *cells, const Visible *visible, Value *value)
{
	ComputedAmount sum;
	int64 n = 0;
	ComputedCell cell;

	value->isnull = true;
	while (next_visible(cells, visible, &cell))
	{
		ComputedAmount amount;
		const char *p = cell.body;

		computed_get_amount(&p, &amount);
		if (value->isnull)
			sum = amount;
		else
			computed_take_amount(&sum, &amount);
		value->isnull = false;
		if (trait->kind == COMPUTED_AVG)
			n = computed_add_counts(n, (int64) computed_get_number(&p));
	}
	if (value->isnull)
		return;
	value->number = computed_amount_numeric(&sum);
	if (trait->kind == COMPUTED_AVG)
		value->number = DatumGetNumeric(DirectFunctionCall2(
		    numeric_div, NumericGetDatum(value->number), NumericGetDatum(int64_to_numeric(n))));
}

/* A value in its stored form. */
static void
set_bytes(const ComputedTrait *trait, const char *bytes, int len, Value *value)
{
	ComputedAmount amount;

	value->isnull = false;
	value->value_class = trait->value_class;
	value->bytes = bytes;
	value->len = len;
	if (trait->value_class == COMPUTED_NUMBER)
	{
		computed_get_amount(&bytes, &amount);
		value->number = computed_amount_numeric(&amount);
	}
}

static void
read_best(const ComputedTrait *trait, ComputedCells *cells, const Visible *visible, Value *value)
{
	ComputedCell best;
	ComputedCell cell;
	const char *p;
	int len;

	value->isnull = true;
	while (next_visible(cells, visible, &cell))
	{
		best = value->isnull ? cell : *computed_better_cell(trait, &best, &cell);
		value->isnull = false;
	}
	if (value->isnull)
		return;
	p = best.body;
	if (trait->kind == COMPUTED_FIRST || trait->kind == COMPUTED_LAST)
	{
		value->event_id = p + COMPUTED_EVENT_SIZE - UUID_LEN;
		p += COMPUTED_EVENT_SIZE;
	}
	len = (int) computed_get_number(&p);
	set_bytes(trait, p, len, value);
}

/*
 * Joins values that are the same; returns how many are left. Their places are
 * in a hash table that is never more than half full. Its hash is the backend's
 * own, so that values cannot be chosen to collide.
 */
static int
join_values(ComputedSetValue *values, int n)
{
	uint32 size = pg_nextpower2_32((uint32) n * 2);
	int *places = palloc_extended(sizeof(int) * (Size) size, MCXT_ALLOC_HUGE);
	int distinct = 0;

	memset(places, -1, sizeof(int) * (Size) size);
	for (int i = 0; i < n; i++)
	{
		ComputedSetValue *value = &values[i];
		uint32 slot;

		CHECK_FOR_INTERRUPTS();
		value->hash = identifier_hash_raw(value->bytes, value->len, (uint64) MyStartTimestamp);
		for (slot = value->hash & (size - 1); places[slot] >= 0; slot = (slot + 1) & (size - 1))
		{
			ComputedSetValue *kept = &values[places[slot]];

			if (kept->hash == value->hash && kept->len == value->len &&
			    memcmp(kept->bytes, value->bytes, value->len) == 0)
			{
				kept->times = computed_add_counts(kept->times, value->times);
				break;
			}
		}
		if (places[slot] < 0)
		{
			places[slot] = distinct;
			values[distinct++] = *value;
		}
	}
	pfree(places);
	return distinct;
}

/* The distinct values of the days that are seen, of a list in their order. */
static ComputedSetValue *
collect_values(const ComputedTrait *trait, ComputedCells *cells, const Visible *visible, int *n,
               bool *cut)
{
	ComputedSetValue *values = NULL;
	int max = 0;
	int n_cells = 0;
	ComputedCell cell;

	*n = 0;
	*cut = false;
	for (; next_visible(cells, visible, &cell); n_cells++)
	{
		ComputedSet set;

		CHECK_FOR_INTERRUPTS();
		computed_set_begin(&set, cell.body);
		*cut = *cut || set.cut;
		if (*n + (int64) set.left > max)
		{
			Size size;

			max = Max(max * 2, *n + (int) set.left);
			size = sizeof(ComputedSetValue) * (Size) max;
			values = values == NULL ? palloc_extended(size, MCXT_ALLOC_HUGE)
			                        : repalloc_huge(values, size);
		}
		while (computed_set_next(trait, &set, &values[*n]))
			(*n)++;
	}
	if (n_cells < 2)
		return values;
	*n = join_values(values, *n);
	if (trait->kind == COMPUTED_UNIQUE_LIST)
		qsort_arg(values, *n, sizeof(ComputedSetValue), computed_compare_set_values,
		          unconstify(ComputedTrait *, trait));
	return values;
}

/*
 * Estimates the number of distinct values where only the k with the smallest
 * hashes are known. Those are k - 1 even steps of the way to the largest of
 * them (Bar-Yossef et al., Counting Distinct Elements in a Data Stream, 2002).
 * The unbiased form is that of Beyer et al., 2007. The standard error is
 * 1 / sqrt(k - 2) of the number. Values chosen by their hashes can make it
 * wrong, but not out of range.
 */
static int64
estimate_distinct(const ComputedTrait *trait, const ComputedSetValue *values, int n)
{
	uint64 *hashes = palloc_extended(sizeof(uint64) * (Size) n, MCXT_ALLOC_HUGE);
	int k = Min(n, trait->limit);
	double part;
	double estimate;

	for (int i = 0; i < n; i++)
		hashes[i] = identifier_hash_raw(values[i].bytes, values[i].len, 0);
	part = ((double) computed_nth_hash(hashes, n, k) + 1) / 18446744073709551616.0;
	pfree(hashes);
	estimate = Min(rint((k - 1) / part), (double) COMPUTED_COUNT_MAX);
	return Max((int64) estimate, (int64) n + 1);
}

static void
read_set(const ComputedTrait *trait, ComputedCells *cells, const Visible *visible, Value *value)
{
	int n;
	bool cut;
	ComputedSetValue *values = collect_values(trait, cells, visible, &n, &cut);
	int best = 0;

	value->exact = !cut || trait->kind == COMPUTED_UNIQUE_LIST;
	value->isnull = values == NULL && trait->kind != COMPUTED_UNIQUE_COUNT;
	if (value->isnull)
		return;
	switch (trait->kind)
	{
		case COMPUTED_UNIQUE_COUNT:
			value->number = int64_to_numeric(cut ? estimate_distinct(trait, values, n) : n);
			break;
		case COMPUTED_UNIQUE_LIST:
			value->list = values;
			value->n_list = Min(n, trait->limit);
			break;
		default:
			for (int i = 1; i < n; i++)
				if (values[i].times > values[best].times ||
				    (values[i].times == values[best].times &&
				     computed_compare_set_values(&values[i], &values[best],
				                                 unconstify(ComputedTrait *, trait)) < 0))
					best = i;
			set_bytes(trait, values[best].bytes, values[best].len, value);
			break;
	}
}

static void
read_trait_value(const ComputedReader *reader, const ComputedEntry *entry, TimestampTz at,
                 Value *value)
{
	const ComputedTrait *trait = &entry->trait;
	Visible visible = visible_days(reader, trait, at);
	ComputedCells cells;
	ComputedCell cell;
	int64 count = 0;

	memset(value, 0, sizeof(Value));
	value->value_class = COMPUTED_NUMBER;
	value->exact = true;
	computed_cells_begin(&cells, entry);
	switch (trait->kind)
	{
		case COMPUTED_COUNT:
			while (next_visible(&cells, &visible, &cell))
				count = computed_add_counts(count, cell.count);
			value->number = int64_to_numeric(count);
			return;
		case COMPUTED_SUM:
		case COMPUTED_AVG:
			read_sum(trait, &cells, &visible, value);
			return;
		case COMPUTED_MIN:
		case COMPUTED_MAX:
		case COMPUTED_FIRST:
		case COMPUTED_LAST:
			read_best(trait, &cells, &visible, value);
			return;
		default:
			read_set(trait, &cells, &visible, value);
			return;
	}
}

/* computed_changes_at of one trait of a value. */
static TimestampTz
entry_changes_at(const ComputedReader *reader, const ComputedEntry *entry, TimestampTz at)
{
	ComputedCells cells;
	ComputedCell cell;
	pg_tz *tz;
	int32 today;
	int64 first = PG_INT32_MIN; /* the days through which the same is seen */
	int64 next = PG_INT32_MAX;

	if (entry->trait.window == 0)
		return DT_NOEND;
	tz = zone_of(reader);
	today = ltv_local_day(at, tz);
	computed_cells_begin(&cells, entry);
	while (computed_cells_next(&cells, &cell))
	{
		/* it comes into sight, and goes out of it */
		int64 turns[2] = {cell.day, (int64) cell.day + entry->trait.window};

		for (int i = 0; i < 2; i++)
			if (turns[i] > today)
				next = Min(next, turns[i]);
			else
				first = Max(first, turns[i]);
		if (cell.day > today)
			break;
	}
	if (next == PG_INT32_MAX && first == PG_INT32_MIN)
		return DT_NOEND;
	return ltv_zone_leaves(tz, at, (int32) first, (int32) (next - 1));
}

TimestampTz
computed_changes_at(const Computed *computed, const char *name, int name_len, TimestampTz at)
{
	ComputedReader reader;
	ComputedEntry entry;

	computed_begin(&reader, computed);
	if (!computed_find(computed, name, name_len, &entry))
		return DT_NOEND;
	return entry_changes_at(&reader, &entry, at);
}

/* ------------------------------------------------------ values as SQL's */

/* A whole jsonb as a part of another. */
static void
json_of_whole(Jsonb *whole, JsonbValue *json)
{
	if (JB_ROOT_IS_SCALAR(whole))
		(void) JsonbExtractScalar(&whole->root, json);
	else
	{
		json->type = jbvBinary;
		json->val.binary.data = &whole->root;
		json->val.binary.len = VARSIZE(whole) - VARHDRSZ;
	}
}

static void
json_of_bytes(ComputedClass value_class, const char *bytes, int len, JsonbValue *json)
{
	StringInfoData out;
	ComputedAmount amount;

	switch (value_class)
	{
		case COMPUTED_NUMBER:
			computed_get_amount(&bytes, &amount);
			json->type = jbvNumeric;
			json->val.numeric = computed_amount_numeric(&amount);
			return;
		case COMPUTED_BOOL:
			json->type = jbvBool;
			json->val.boolean = *bytes != 0;
			return;
		case COMPUTED_JSON:
			json_of_whole(DatumGetJsonbP(
			                  DirectFunctionCall1(jsonb_in, CStringGetDatum(pnstrdup(bytes, len)))),
			              json);
			return;
		default:
			initStringInfo(&out);
			computed_append_text(&out, value_class, bytes, len);
			json->type = jbvString;
			json->val.string.val = out.data;
			json->val.string.len = out.len;
			return;
	}
}

static Jsonb *
json_of_value(const ComputedTrait *trait, const Value *value)
{
	JsonbParseState *state = NULL;
	JsonbValue json;

	if (trait->kind == COMPUTED_UNIQUE_LIST)
	{
		(void) pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
		for (int i = 0; i < value->n_list; i++)
		{
			json_of_bytes(trait->value_class, value->list[i].bytes, value->list[i].len, &json);
			(void) pushJsonbValue(&state, WJB_ELEM, &json);
		}
		return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
	}
	if (value->value_class == COMPUTED_NUMBER)
	{
		json.type = jbvNumeric;
		json.val.numeric = value->number;
	}
	else
		json_of_bytes(value->value_class, value->bytes, value->len, &json);
	return JsonbValueToJsonb(&json);
}

/* The instant of a reader's call: its last argument, or the statement's time. */
static TimestampTz
wanted_instant(FunctionCallInfo fcinfo, int argument)
{
	TimestampTz at = PG_NARGS() > argument ? PG_GETARG_TIMESTAMPTZ(argument) : cdp_statement_now();

	if (TIMESTAMP_NOT_FINITE(at))
		ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
		                errmsg("computed traits have no value at an infinite time")));
	return at;
}

/* A trait that a reader's arguments name. */
typedef struct Reading
{
	ComputedReader reader;
	ComputedEntry entry;
	Value value;
} Reading;

/* Reads (computed, name [, instant]); false: null, or no such trait. */
static bool
read_arguments(FunctionCallInfo fcinfo, Reading *reading)
{
	Computed *computed = PG_GETARG_COMPUTED_P(0);
	text *name = PG_GETARG_TEXT_PP(1);
	TimestampTz at = wanted_instant(fcinfo, 2);

	computed_begin(&reading->reader, computed);
	if (!computed_find(computed, VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name), &reading->entry))
		return false;
	read_trait_value(&reading->reader, &reading->entry, at, &reading->value);
	return !reading->value.isnull;
}

static void
refuse_class(const ComputedEntry *entry, const char *wanted, const char *hint)
{
	ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
	                errmsg("computed trait \"%.*s\" is no %s", entry->trait.name_len,
	                       entry->trait.name, wanted),
	                errdetail("It is the %s of a %s.", computed_kind_names[entry->trait.kind],
	                          computed_class_names[entry->trait.value_class]),
	                errhint("%s", hint)));
}

PG_FUNCTION_INFO_V1(computed_value);

/* cdp.computed_value(computed, name [, instant]) -> jsonb; null: no value, or no such trait. */
Datum
computed_value(PG_FUNCTION_ARGS)
{
	Reading reading;

	if (!read_arguments(fcinfo, &reading))
		PG_RETURN_NULL();
	PG_RETURN_JSONB_P(json_of_value(&reading.entry.trait, &reading.value));
}

PG_FUNCTION_INFO_V1(computed_text);

/* cdp.computed_text(computed, name [, instant]) -> text: as jsonb's ->> has it. */
Datum
computed_text(PG_FUNCTION_ARGS)
{
	Reading reading;
	StringInfoData out;

	if (!read_arguments(fcinfo, &reading))
		PG_RETURN_NULL();
	initStringInfo(&out);
	if (reading.entry.trait.kind == COMPUTED_UNIQUE_LIST ||
	    reading.value.value_class == COMPUTED_JSON)
	{
		Jsonb *json = json_of_value(&reading.entry.trait, &reading.value);
		JsonbValue scalar = {.type = jbvBinary};

		if (JB_ROOT_IS_SCALAR(json))
			(void) JsonbExtractScalar(&json->root, &scalar);
		if (scalar.type == jbvNull)
			PG_RETURN_NULL();
		if (scalar.type == jbvString)
			appendBinaryStringInfo(&out, scalar.val.string.val, scalar.val.string.len);
		else
			(void) JsonbToCString(&out, &json->root, VARSIZE(json));
	}
	else if (reading.value.value_class == COMPUTED_NUMBER)
		appendStringInfoString(&out, DatumGetCString(DirectFunctionCall1(
		                                 numeric_out, NumericGetDatum(reading.value.number))));
	else
		computed_append_text(&out, reading.value.value_class, reading.value.bytes,
		                     reading.value.len);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(out.data, out.len));
}

/* The number that a trait is; errors 42804 where it is none. */
static bool
read_number(FunctionCallInfo fcinfo, Numeric *number)
{
	Reading reading;

	if (!read_arguments(fcinfo, &reading))
		return false;
	if (reading.value.value_class != COMPUTED_NUMBER ||
	    reading.entry.trait.kind == COMPUTED_UNIQUE_LIST)
		refuse_class(&reading.entry, "number", "Read it with ->, or cdp.computed_text.");
	*number = reading.value.number;
	return true;
}

PG_FUNCTION_INFO_V1(computed_numeric);

/* cdp.computed_numeric(computed, name [, instant]) -> numeric; 42804: it is no number. */
Datum
computed_numeric(PG_FUNCTION_ARGS)
{
	Numeric number;

	if (!read_number(fcinfo, &number))
		PG_RETURN_NULL();
	PG_RETURN_NUMERIC(number);
}

PG_FUNCTION_INFO_V1(computed_int);

/* cdp.computed_int(computed, name [, instant]) -> bigint, rounded; 42804: it is no number. */
Datum
computed_int(PG_FUNCTION_ARGS)
{
	Numeric number;

	if (!read_number(fcinfo, &number))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(DirectFunctionCall1(numeric_int8, NumericGetDatum(number)));
}

PG_FUNCTION_INFO_V1(computed_timestamp);

/*
 * cdp.computed_timestamp(computed, name [, instant]) -> timestamptz. Errors:
 * 42804: it is no time or date; 22008: of a date that is no timestamptz.
 */
Datum
computed_timestamp(PG_FUNCTION_ARGS)
{
	Reading reading;
	TimestampTz midnight;
	int32 day;

	if (!read_arguments(fcinfo, &reading))
		PG_RETURN_NULL();
	if (reading.entry.trait.kind == COMPUTED_UNIQUE_LIST ||
	    (reading.value.value_class != COMPUTED_TIME && reading.value.value_class != COMPUTED_DATE))
		refuse_class(&reading.entry, "time", "Read it with ->, or cdp.computed_text.");
	if (reading.value.value_class == COMPUTED_TIME)
		PG_RETURN_TIMESTAMPTZ(computed_time_of(reading.value.bytes));
	day = computed_date_of(reading.value.bytes);
	if (DATE_NOT_FINITE(day))
		PG_RETURN_TIMESTAMPTZ(DATE_IS_NOEND(day) ? DT_NOEND : DT_NOBEGIN);
	midnight = ltv_zone_midnight(zone_of(&reading.reader), day);
	if (TIMESTAMP_NOT_FINITE(midnight) || !IS_VALID_TIMESTAMP(midnight))
	{
		StringInfoData date;

		initStringInfo(&date);
		ltv_append_day(&date, day);
		ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
		                errmsg("date out of range for timestamp"),
		                errdetail("Computed trait \"%.*s\" is %s.", reading.entry.trait.name_len,
		                          reading.entry.trait.name, date.data)));
	}
	PG_RETURN_TIMESTAMPTZ(midnight);
}

PG_FUNCTION_INFO_V1(computed_days);

/* cdp.computed_days(computed, name) -> set of date: on which a trait with a window has a state. */
Datum
computed_days(PG_FUNCTION_ARGS)
{
	Computed *computed = PG_GETARG_COMPUTED_P(0);
	text *name = PG_GETARG_TEXT_PP(1);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ComputedEntry entry;
	ComputedCells cells;
	ComputedCell cell;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (!computed_find(computed, VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name), &entry) ||
	    entry.trait.window == 0)
		return (Datum) 0;
	computed_cells_begin(&cells, &entry);
	while (computed_cells_next(&cells, &cell))
	{
		Datum day = DateADTGetDatum(cell.day);
		bool isnull = false;

		tuplestore_putvalues(result->setResult, result->setDesc, &day, &isnull);
	}
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(computed_event);

/* cdp.computed_event(computed, name, instant) -> uuid: of a first or last value; else null. */
Datum
computed_event(PG_FUNCTION_ARGS)
{
	Reading reading;

	if (!read_arguments(fcinfo, &reading) || reading.value.event_id == NULL)
		PG_RETURN_NULL();
	PG_RETURN_UUID_P((pg_uuid_t *) memcpy(palloc(UUID_LEN), reading.value.event_id, UUID_LEN));
}

bool
computed_is_reader(PGFunction function)
{
	return function == computed_value || function == computed_text || function == computed_int ||
	       function == computed_numeric || function == computed_timestamp;
}

PG_FUNCTION_INFO_V1(computed_to_jsonb);

/* cdp.to_jsonb(computed [, instant]) -> jsonb: an object of all values. */
Datum
computed_to_jsonb(PG_FUNCTION_ARGS)
{
	Computed *computed = PG_GETARG_COMPUTED_P(0);
	TimestampTz at = wanted_instant(fcinfo, 1);
	JsonbParseState *state = NULL;
	ComputedReader reader;
	ComputedEntry entry;

	computed_begin(&reader, computed);
	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	while (computed_next(&reader, &entry))
	{
		JsonbValue json = {.type = jbvString};
		Value value;

		read_trait_value(&reader, &entry, at, &value);
		json.val.string.val = unconstify(char *, entry.trait.name);
		json.val.string.len = entry.trait.name_len;
		(void) pushJsonbValue(&state, WJB_KEY, &json);
		if (value.isnull)
			json.type = jbvNull;
		else
			json_of_whole(json_of_value(&entry.trait, &value), &json);
		(void) pushJsonbValue(&state, WJB_VALUE, &json);
	}
	PG_RETURN_JSONB_P(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}

PG_FUNCTION_INFO_V1(computed_entries);

/*
 * cdp.computed_entries(computed [, instant]) -> a row per trait: name, kind,
 * window, value, whether it is exact, and the next instant at which it may
 * change.
 */
Datum
computed_entries(PG_FUNCTION_ARGS)
{
	Computed *computed = PG_GETARG_COMPUTED_P(0);
	TimestampTz at = wanted_instant(fcinfo, 1);
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ComputedReader reader;
	ComputedEntry entry;

	InitMaterializedSRF(fcinfo, 0);
	computed_begin(&reader, computed);
	while (computed_next(&reader, &entry))
	{
		Datum values[6];
		bool isnull[6] = {false};
		Value value;
		TimestampTz changes_at = entry_changes_at(&reader, &entry, at);

		CHECK_FOR_INTERRUPTS();
		read_trait_value(&reader, &entry, at, &value);
		values[0] =
		    PointerGetDatum(cstring_to_text_with_len(entry.trait.name, entry.trait.name_len));
		values[1] = CStringGetTextDatum(computed_kind_names[entry.trait.kind]);
		values[2] = Int32GetDatum(entry.trait.window);
		isnull[2] = entry.trait.window == 0;
		isnull[3] = value.isnull;
		values[3] = value.isnull ? (Datum) 0 : JsonbPGetDatum(json_of_value(&entry.trait, &value));
		values[4] = BoolGetDatum(value.exact);
		values[5] = TimestampTzGetDatum(changes_at);
		isnull[5] = changes_at == DT_NOEND;
		tuplestore_putvalues(result->setResult, result->setDesc, values, isnull);
	}
	return (Datum) 0;
}
