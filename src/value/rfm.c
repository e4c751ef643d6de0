/*
 * rfm.c
 *	  cdp.rfm: recency, frequency and monetary value of a lifetime value; and
 *	  cdp.repeat_rate.
 */
#include "base/base.h"

#include "catalog/pg_type.h"
#include "common/int.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "types/ltv_format.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/timestamp.h"
#include "value/rfm.h"

/*
 * The length of an interval in days; what names it in errors. 22023 for
 * anything but a number of whole days above zero.
 */
int32
rfm_interval_days(const void *interval, const char *what)
{
	const Interval *span = interval;

	if (span->month != 0 || span->time != 0 || span->day <= 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("%s must be a number of whole days", what),
		                errdetail("It is %s.", DatumGetCString(DirectFunctionCall1(
		                                           interval_out, PointerGetDatum(interval)))),
		                errhint("Months differ in length and days in hours: give it in days or "
		                        "weeks, such as '7 days'.")));
	return span->day;
}

void
rfm_walk_init(RfmWalk *walk, const RfmQuestion *question, bool wide)
{
	memset(walk, 0, sizeof(RfmWalk));
	walk->question = *question;
	walk->wide = wide;
	if (wide)
		walk->first.big = walk->rest.big = int64_to_numeric(0);
}

/* Adds the net of a day; days ascend. */
void
rfm_walk_day(RfmWalk *walk, int32 day, LtvMoney net)
{
	LtvMoney *sum;

	if (day > walk->question.as_of)
		return;
	if (walk->wide ? ltv_numeric_sign(net.big) <= 0 : net.units <= 0)
		return;
	if (walk->periods == 0)
	{
		walk->periods = 1;
		walk->first_day = walk->start = day;
	}
	else if ((int64) day - walk->start >= walk->question.period)
	{
		walk->periods++;
		walk->start = day - (int32) (((int64) day - walk->first_day) % walk->question.period);
	}
	sum = walk->periods == 1 ? &walk->first : &walk->rest;
	if (walk->wide)
		sum->big = ltv_numeric_add(sum->big, net.big);
	else if (pg_add_s64_overflow(sum->units, net.units, &sum->units))
		elog(ERROR, "nets of the days are beyond their totals");
}

/*
 * The row (frequency, recency, age, monetary, unit) that the calling function
 * returns; null without a purchase. Amounts are units of 10^-unit_scale and
 * are divided as numerics of scale digits.
 */
Datum
rfm_walk_result(RfmWalk *walk, int unit_scale, int scale, FunctionCallInfo fcinfo)
{
	TupleDesc tupdesc = fcinfo->flinfo->fn_extra;
	Datum values[5];
	bool nulls[5] = {false, false, false, false, false};
	double unit = walk->question.unit;
	int64 counted = walk->question.include_first ? walk->periods : walk->periods - 1;
	Interval *span;

	if (walk->periods == 0)
	{
		fcinfo->isnull = true;
		return (Datum) 0;
	}
	if (tupdesc == NULL)
	{
		MemoryContext oldcontext = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);

		if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
			elog(ERROR, "return type must be a row type");
		tupdesc = BlessTupleDesc(tupdesc);
		MemoryContextSwitchTo(oldcontext);
		fcinfo->flinfo->fn_extra = tupdesc;
	}

	values[0] = Int64GetDatum(walk->periods - 1);
	values[1] = Float8GetDatum(((double) walk->start - walk->first_day) / unit);
	values[2] = Float8GetDatum(((double) walk->question.as_of - walk->first_day) / unit);
	if (counted == 0)
	{
		nulls[3] = true;
		values[3] = (Datum) 0;
	}
	else
	{
		Numeric sum;

		if (walk->wide)
			sum = walk->question.include_first ? ltv_numeric_add(walk->first.big, walk->rest.big)
			                                   : walk->rest.big;
		else
		{
			sum = ltv_units_with_scale(walk->rest.units, unit_scale, scale);
			if (walk->question.include_first)
				sum = ltv_numeric_add(sum,
				                      ltv_units_with_scale(walk->first.units, unit_scale, scale));
		}
		values[3] = NumericGetDatum(numeric_div_opt_error(sum, int64_to_numeric(counted), NULL));
	}
	span = palloc0(sizeof(Interval));
	span->day = walk->question.unit;
	values[4] = IntervalPGetDatum(span);
	return HeapTupleGetDatum(heap_form_tuple(tupdesc, values, nulls));
}

/* Adds all days of a section. */
void
rfm_walk_section(RfmWalk *walk, const LtvSection *section)
{
	const char *p = section->nets;

	for (uint32 i = 0; i < section->ndays; i++)
	{
		LtvMoney net;

		if ((i & 4095) == 4095)
			CHECK_FOR_INTERRUPTS();
		if (section->wide)
		{
			net.big = ltv_read_wire(p);
			p += ltv_wire_size(p);
		}
		else
		{
			net.units = ltv_get_units(p, section->width);
			p += section->width;
		}
		rfm_walk_day(walk, ltv_section_day(section, i), net);
	}
}

/* The answer for a currency of a value. */
static Datum
rfm_of(const Ltv *ltv, const text *currency, const RfmQuestion *question, FunctionCallInfo fcinfo)
{
	LtvHeader header;
	LtvSection section;
	RfmWalk walk;

	if (!currency_is_valid(VARDATA_ANY(currency), VARSIZE_ANY_EXHDR(currency)))
		currency_report_invalid(VARDATA_ANY(currency), VARSIZE_ANY_EXHDR(currency));
	ltv_read_header(ltv, &header);
	if (!ltv_find_section(&header, VARDATA_ANY(currency), &section))
	{
		fcinfo->isnull = true;
		return (Datum) 0;
	}
	rfm_walk_init(&walk, question, section.wide);
	rfm_walk_section(&walk, &section);
	return rfm_walk_result(&walk, section.unit_scale, section.scale, fcinfo);
}

PG_FUNCTION_INFO_V1(rfm_at_time);

/*
 * cdp.rfm(ltv, as_of timestamptz, unit interval, currency text, include_first
 * boolean, period interval) -> cdp.rfm. The day of as_of is that of the
 * value's time zone.
 */
Datum
rfm_at_time(PG_FUNCTION_ARGS)
{
	Ltv *ltv = PG_GETARG_LTV_P(0);
	LtvHeader header;
	RfmQuestion question;
	char zone[LTV_ZONE_MAX + 1];
	pg_tz *tz;

	ltv_read_header(ltv, &header);
	memcpy(zone, header.zone, header.zone_len);
	zone[header.zone_len] = '\0';
	if (!ltv_zone_lookup(zone, NULL, &tz))
		ltv_zone_report(zone);
	question.as_of = ltv_local_day(PG_GETARG_TIMESTAMPTZ(1), tz);
	question.unit = rfm_interval_days(PG_GETARG_INTERVAL_P(2), "the unit of time");
	question.include_first = PG_GETARG_BOOL(4);
	question.period = rfm_interval_days(PG_GETARG_INTERVAL_P(5), "a period");
	return rfm_of(ltv, PG_GETARG_TEXT_PP(3), &question, fcinfo);
}

PG_FUNCTION_INFO_V1(rfm_at_date);

/* cdp.rfm(ltv, as_of date, ...) -> cdp.rfm */
Datum
rfm_at_date(PG_FUNCTION_ARGS)
{
	RfmQuestion question;

	question.as_of = PG_GETARG_DATEADT(1);
	if (DATE_NOT_FINITE(question.as_of))
		ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
		                errmsg("the day of observation must be finite")));
	question.unit = rfm_interval_days(PG_GETARG_INTERVAL_P(2), "the unit of time");
	question.include_first = PG_GETARG_BOOL(4);
	question.period = rfm_interval_days(PG_GETARG_INTERVAL_P(5), "a period");
	return rfm_of(PG_GETARG_LTV_P(0), PG_GETARG_TEXT_PP(3), &question, fcinfo);
}

/* ------------------------------------------------------------ repeat rate */

/* On how many days, up to two, has the value a net above zero in any currency? */
static int
purchase_days_to_two(const Ltv *ltv)
{
	LtvHeader header;
	const char *next;
	bool found = false;
	int32 first = 0;

	ltv_read_header(ltv, &header);
	next = header.sections;
	for (int i = 0; i < header.nsections; i++)
	{
		LtvSection section;
		const char *p;

		next = ltv_read_section(next, &section);
		p = section.nets;
		for (uint32 day = 0; day < section.ndays; day++)
		{
			bool positive;

			if (section.wide)
			{
				positive = ltv_numeric_sign(ltv_read_wire(p)) > 0;
				p += ltv_wire_size(p);
			}
			else
			{
				positive = ltv_get_units(p, section.width) > 0;
				p += section.width;
			}
			if (!positive)
				continue;
			if (found && ltv_section_day(&section, day) != first)
				return 2;
			found = true;
			first = ltv_section_day(&section, day);
		}
	}
	return found ? 1 : 0;
}

/* The two counts of cdp.repeat_rate's state, in place in its array. */
static int64 *
repeat_counts(ArrayType *state)
{
	if (ARR_NDIM(state) != 1 || ARR_DIMS(state)[0] != 2 || ARR_HASNULL(state) ||
	    ARR_ELEMTYPE(state) != INT8OID)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("the state of %s must be an array of two numbers", "repeat_rate")));
	return (int64 *) ARR_DATA_PTR(state);
}

PG_FUNCTION_INFO_V1(repeat_rate_accum);

/* Transition function of cdp.repeat_rate: customers with a purchase day, and with two of them. */
Datum
repeat_rate_accum(PG_FUNCTION_ARGS)
{
	ArrayType *state = AggCheckCallContext(fcinfo, NULL) ? PG_GETARG_ARRAYTYPE_P(0)
	                                                     : PG_GETARG_ARRAYTYPE_P_COPY(0);
	int64 *counts = repeat_counts(state);
	int days = purchase_days_to_two(PG_GETARG_LTV_P(1));

	counts[0] += days >= 1;
	counts[1] += days >= 2;
	PG_RETURN_ARRAYTYPE_P(state);
}

PG_FUNCTION_INFO_V1(repeat_rate_combine);

/* Combine function of cdp.repeat_rate. */
Datum
repeat_rate_combine(PG_FUNCTION_ARGS)
{
	ArrayType *state = AggCheckCallContext(fcinfo, NULL) ? PG_GETARG_ARRAYTYPE_P(0)
	                                                     : PG_GETARG_ARRAYTYPE_P_COPY(0);
	int64 *counts = repeat_counts(state);
	int64 *others = repeat_counts(PG_GETARG_ARRAYTYPE_P(1));

	counts[0] += others[0];
	counts[1] += others[1];
	PG_RETURN_ARRAYTYPE_P(state);
}

PG_FUNCTION_INFO_V1(repeat_rate_final);

/* Final function of cdp.repeat_rate: null where no customer has bought. */
Datum
repeat_rate_final(PG_FUNCTION_ARGS)
{
	int64 *counts = repeat_counts(PG_GETARG_ARRAYTYPE_P(0));

	if (counts[0] == 0)
		PG_RETURN_NULL();
	PG_RETURN_NUMERIC(
	    numeric_div_opt_error(int64_to_numeric(counts[1]), int64_to_numeric(counts[0]), NULL));
}
