/*
 * computed_values.c
 *	  Numbers, amounts and values of computed traits, as they are stored.
 */
#include "types/computed_builder.h"
#include "types/computed_internal.h"

#include "mb/pg_wchar.h"
#include "types/segment_set_text.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"

bool
computed_kind_is_set(ComputedKind kind)
{
	return kind == COMPUTED_MOST_FREQUENT || kind == COMPUTED_UNIQUE_LIST ||
	       kind == COMPUTED_UNIQUE_COUNT;
}

bool
computed_kind_counts(ComputedKind kind)
{
	return kind == COMPUTED_COUNT || kind == COMPUTED_UNIQUE_COUNT;
}

uint64
computed_get_number(const char **p)
{
	uint64 number = 0;
	int shift = 0;
	uint8 byte;

	do
	{
		byte = (uint8) * (*p)++;
		number |= (uint64) (byte & 0x7F) << shift;
		shift += 7;
	} while (byte & 0x80 && shift < 64);
	return number;
}

void
computed_append_number(StringInfo out, uint64 number)
{
	while (number >= 0x80)
	{
		appendStringInfoCharMacro(out, (char) (number | 0x80));
		number >>= 7;
	}
	appendStringInfoCharMacro(out, (char) number);
}

int64
computed_get_signed(const char **p)
{
	uint64 number = computed_get_number(p);

	return (int64) (number >> 1) ^ -(int64) (number & 1);
}

void
computed_append_signed(StringInfo out, int64 number)
{
	computed_append_number(out, ((uint64) number << 1) ^ (uint64) (number >> 63));
}

/* Errors: 22003 beyond COMPUTED_COUNT_MAX. */
int64
computed_add_counts(int64 a, int64 b)
{
	int64 sum = a + b;

	if (unlikely(sum > COMPUTED_COUNT_MAX))
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
		                errmsg("count of a computed trait out of range"),
		                errdetail("The sum of " INT64_FORMAT " and " INT64_FORMAT
		                          " is more than " INT64_FORMAT ".",
		                          a, b, COMPUTED_COUNT_MAX)));
	return sum;
}

static bool
fits_narrow(int64 units)
{
	return units >= -LTV_NARROW_LIMIT && units <= LTV_NARROW_LIMIT;
}

/* The amount that a numeric is, at its display scale; false: it is not finite. */
bool
computed_amount_of(Numeric numeric, ComputedAmount *amount)
{
	if (numeric_is_nan(numeric) || numeric_is_inf(numeric))
		return false;
	amount->scale = ltv_numeric_scale(numeric);
	amount->wide = amount->scale > LTV_NARROW_SCALE ||
	               !ltv_numeric_to_units(numeric, amount->scale, &amount->units);
	amount->big = numeric;
	return true;
}

/* Reads the amount at *p, and goes on behind it. */
void
computed_get_amount(const char **p, ComputedAmount *amount)
{
	amount->scale = (uint8) * (*p)++;
	amount->wide = amount->scale == COMPUTED_WIDE;
	if (amount->wide)
	{
		amount->big = ltv_read_wire(*p);
		amount->scale = ltv_numeric_scale(amount->big);
		*p += ltv_wire_size(*p);
	}
	else
		amount->units = computed_get_signed(p);
}

void
computed_append_amount(StringInfo out, const ComputedAmount *amount)
{
	if (amount->wide)
	{
		appendStringInfoCharMacro(out, (char) COMPUTED_WIDE);
		ltv_append_wire(out, amount->big);
		return;
	}
	appendStringInfoCharMacro(out, (char) amount->scale);
	computed_append_signed(out, amount->units);
}

Numeric
computed_amount_numeric(const ComputedAmount *amount)
{
	return amount->wide ? amount->big
	                    : ltv_units_with_scale(amount->units, amount->scale, amount->scale);
}

/* Frees the numeric of an amount that was read. */
void
computed_free_amount(ComputedAmount *amount)
{
	if (amount->wide)
		pfree(amount->big);
}

/*
 * Adds to a sum. Its scale becomes the larger of the two, as numeric's does.
 * The caller must free the numeric of the old sum.
 */
void
computed_add_amount(ComputedAmount *sum, const ComputedAmount *amount)
{
	ComputedAmount before;
	Numeric a_numeric;
	Numeric b_numeric;
	Numeric result;
	int scale = Max(sum->scale, amount->scale);
	int64 a;
	int64 b;

	if (!sum->wide && !amount->wide && ltv_scale_units(sum->units, scale - sum->scale, &a) &&
	    ltv_scale_units(amount->units, scale - amount->scale, &b) && fits_narrow(a + b))
	{
		sum->units = a + b;
		sum->scale = scale;
		return;
	}
	before = *sum;
	a_numeric = computed_amount_numeric(&before);
	b_numeric = computed_amount_numeric(amount);
	result = ltv_numeric_add(a_numeric, b_numeric);
	(void) computed_amount_of(result, sum);
	if (!sum->wide)
		pfree(result);
	if (!before.wide)
		pfree(a_numeric);
	if (!amount->wide)
		pfree(b_numeric);
}

/* The same, and frees the numerics of the old sum and of the amount. */
void
computed_take_amount(ComputedAmount *sum, ComputedAmount *amount)
{
	ComputedAmount before = *sum;

	computed_add_amount(sum, amount);
	computed_free_amount(&before);
	computed_free_amount(amount);
}

/* The amount without zeros at its end, so that equal ones are the same. */
static void
trim_amount(ComputedAmount *amount)
{
	if (amount->wide)
	{
		(void) computed_amount_of(ltv_trim(amount->big), amount);
		return;
	}
	while (amount->scale > 0 && amount->units % 10 == 0)
	{
		amount->units /= 10;
		amount->scale--;
	}
}

static int
compare_amounts(const char *a, const char *b)
{
	ComputedAmount x;
	ComputedAmount y;
	Numeric x_numeric;
	Numeric y_numeric;
	int64 p;
	int64 q;
	int scale;
	int order;

	computed_get_amount(&a, &x);
	computed_get_amount(&b, &y);
	scale = Max(x.scale, y.scale);
	if (!x.wide && !y.wide && ltv_scale_units(x.units, scale - x.scale, &p) &&
	    ltv_scale_units(y.units, scale - y.scale, &q))
		return p < q ? -1 : p > q;
	x_numeric = computed_amount_numeric(&x);
	y_numeric = computed_amount_numeric(&y);
	order = DatumGetInt32(
	    DirectFunctionCall2(numeric_cmp, NumericGetDatum(x_numeric), NumericGetDatum(y_numeric)));
	pfree(x_numeric);
	pfree(y_numeric);
	return order;
}

/*
 * Order of two values of a class, in their stored form. Numbers that are equal
 * and look different (1.0 and 1.00) are in the order of their bytes. So a
 * minimum or maximum does not depend on which came first.
 */
int
computed_compare_values(ComputedClass value_class, const char *a, int a_len, const char *b,
                        int b_len)
{
	int order = value_class == COMPUTED_NUMBER ? compare_amounts(a, b) : 0;

	if (order == 0)
		order = memcmp(a, b, Min(a_len, b_len));
	return order != 0 ? order : a_len - b_len;
}

#define TIME_BIAS (UINT64CONST(1) << 63)
#define DATE_BIAS ((uint32) 1 << 31)

TimestampTz
computed_time_of(const char *bytes)
{
	return (TimestampTz) (ltv_get64(bytes) ^ TIME_BIAS);
}

int32
computed_date_of(const char *bytes)
{
	return (int32) (ltv_get32(bytes) ^ DATE_BIAS);
}

/* Appends a value in its stored form as text: what stands in its JSON form, less quotes. */
void
computed_append_text(StringInfo out, ComputedClass value_class, const char *bytes, int len)
{
	char time[SEGMENT_TIME_BUFFER];
	ComputedAmount amount;

	switch (value_class)
	{
		case COMPUTED_NUMBER:
			computed_get_amount(&bytes, &amount);
			appendStringInfoString(
			    out, DatumGetCString(DirectFunctionCall1(
			             numeric_out, NumericGetDatum(computed_amount_numeric(&amount)))));
			break;
		case COMPUTED_BOOL:
			appendStringInfoString(out, *bytes ? "true" : "false");
			break;
		case COMPUTED_TIME:
			len = segment_time_write(computed_time_of(bytes), time);
			appendBinaryStringInfo(out, time, len);
			break;
		case COMPUTED_DATE:
			if (DATE_NOT_FINITE(computed_date_of(bytes)))
				appendStringInfoString(out, DATE_IS_NOEND(computed_date_of(bytes)) ? "infinity"
				                                                                   : "-infinity");
			else
				ltv_append_day(out, computed_date_of(bytes));
			break;
		default:
			appendBinaryStringInfo(out, bytes, len);
			break;
	}
}

/* A text, which among distinct values has a limit. */
static void
put_text(StringInfo out, ComputedKind kind, const char *text, int len)
{
	if (computed_kind_is_set(kind) && len > COMPUTED_VALUE_MAX)
		ereport(ERROR, (errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
		                errmsg("value of %d bytes is too long for a computed trait of kind %s", len,
		                       computed_kind_names[kind]),
		                errdetail("It begins with \"%.*s\".", pg_mbcliplen(text, len, 40), text),
		                errhint("Distinct values have at most %d bytes.", COMPUTED_VALUE_MAX)));
	appendBinaryStringInfo(out, text, len);
}

void
computed_put_value(StringInfo out, ComputedKind kind, ComputedClass value_class, Datum value)
{
	ComputedAmount amount;
	char bytes[8];

	switch (value_class)
	{
		case COMPUTED_NUMBER:
			if (!computed_amount_of(DatumGetNumeric(value), &amount))
				ereport(ERROR,
				        (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				         errmsg("a computed trait cannot take a number that is not finite"),
				         errdetail("The number is %s.",
				                   DatumGetCString(DirectFunctionCall1(numeric_out, value)))));
			if (computed_kind_is_set(kind))
				trim_amount(&amount);
			computed_append_amount(out, &amount);
			return;
		case COMPUTED_TEXT:
		{
			text *string = DatumGetTextPP(value);

			put_text(out, kind, VARDATA_ANY(string), VARSIZE_ANY_EXHDR(string));
			return;
		}
		case COMPUTED_BOOL:
			appendStringInfoChar(out, DatumGetBool(value) ? 1 : 0);
			return;
		case COMPUTED_TIME:
			(void) ltv_put64(bytes, (uint64) DatumGetTimestampTz(value) ^ TIME_BIAS);
			appendBinaryStringInfo(out, bytes, 8);
			return;
		case COMPUTED_DATE:
			(void) ltv_put32(bytes, (uint32) DatumGetDateADT(value) ^ DATE_BIAS);
			appendBinaryStringInfo(out, bytes, 4);
			return;
		case COMPUTED_JSON:
		{
			Jsonb *json = DatumGetJsonbP(value);

			(void) JsonbToCString(out, &json->root, VARSIZE(json));
			return;
		}
		case COMPUTED_NONE:
		case N_COMPUTED_CLASSES:
			break;
	}
}
