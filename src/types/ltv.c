/*
 * ltv.c
 *	  SQL functions of cdp.ltv, the exact lifetime value of one customer.
 */
#include "base/base.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "common/int.h"
#include "funcapi.h"
#include "types/body_io.h"
#include "types/ltv_format.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/timestamp.h"

/* ------------------------------------------------- binary form, equality */

PG_FUNCTION_INFO_V1(ltv_recv);

/* cdp.ltv_recv(internal) -> ltv: the stored form. 22P03 for anything that is none. */
Datum
ltv_recv(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(body_receive((StringInfo) PG_GETARG_POINTER(0), "cdp.ltv", ltv_validate));
}

PG_FUNCTION_INFO_V1(ltv_send);

/* cdp.ltv_send(ltv) -> bytea: the stored form, which is the same on every platform. */
Datum
ltv_send(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(body_send(PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(0))));
}

/* Equal histories have equal bytes. */
static bool
ltv_equal(const Ltv *a, const Ltv *b)
{
	return VARSIZE_ANY_EXHDR(a) == VARSIZE_ANY_EXHDR(b) &&
	       memcmp(VARDATA_ANY(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(a)) == 0;
}

PG_FUNCTION_INFO_V1(ltv_eq);

/* ltv = ltv */
Datum
ltv_eq(PG_FUNCTION_ARGS)
{
	Ltv *a = PG_GETARG_LTV_P(0);
	Ltv *b = PG_GETARG_LTV_P(1);
	bool result = ltv_equal(a, b);

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	PG_RETURN_BOOL(result);
}

PG_FUNCTION_INFO_V1(ltv_ne);

/* ltv <> ltv */
Datum
ltv_ne(PG_FUNCTION_ARGS)
{
	Ltv *a = PG_GETARG_LTV_P(0);
	Ltv *b = PG_GETARG_LTV_P(1);
	bool result = !ltv_equal(a, b);

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	PG_RETURN_BOOL(result);
}

PG_FUNCTION_INFO_V1(ltv_hash);

Datum
ltv_hash(PG_FUNCTION_ARGS)
{
	Ltv *ltv = PG_GETARG_LTV_P(0);
	Datum result = hash_any((unsigned char *) VARDATA_ANY(ltv), VARSIZE_ANY_EXHDR(ltv));

	PG_FREE_IF_COPY(ltv, 0);
	PG_RETURN_DATUM(result);
}

PG_FUNCTION_INFO_V1(ltv_hash_extended);

Datum
ltv_hash_extended(PG_FUNCTION_ARGS)
{
	Ltv *ltv = PG_GETARG_LTV_P(0);
	Datum result = hash_any_extended((unsigned char *) VARDATA_ANY(ltv), VARSIZE_ANY_EXHDR(ltv),
	                                 PG_GETARG_INT64(1));

	PG_FREE_IF_COPY(ltv, 0);
	PG_RETURN_DATUM(result);
}

/* ------------------------------------------------ construction and merge */

/* Raises an error unless the text is a currency; returns its three letters. */
static const char *
check_currency(const text *currency)
{
	if (!currency_is_valid(VARDATA_ANY(currency), VARSIZE_ANY_EXHDR(currency)))
		currency_report_invalid(VARDATA_ANY(currency), VARSIZE_ANY_EXHDR(currency));
	return VARDATA_ANY(currency);
}

/*
 * Adds an amount that counts its days in zone to the builder. An amount of
 * zero adds no more than the zone.
 */
static void
add_in_zone(LtvBuilder *builder, Numeric amount, const text *currency, TimestampTz at,
            const text *zone)
{
	const char *code = check_currency(currency);
	char *name;
	char canonical[LTV_ZONE_MAX + 1];
	int len = VARSIZE_ANY_EXHDR(zone);
	bool zero;

	if (strlen(builder->zone) != (Size) len || memcmp(builder->zone, VARDATA_ANY(zone), len) != 0)
	{
		name = text_to_cstring(zone);
		if (!ltv_zone_lookup(name, canonical, NULL))
			ltv_zone_report(name);
		zero = !numeric_is_nan(amount) && !numeric_is_inf(amount) && ltv_numeric_sign(amount) == 0;
		ltv_builder_use_zone(builder, canonical, (int) strlen(canonical), zero);
	}
	ltv_builder_add(builder, amount, code, at);
}

/*
 * The builder's sum. state is the first argument, and the builder's base.
 * Inside an aggregate it belongs to the aggregate: the sum is then made in
 * place where its size stays the same.
 */
static Ltv *
finish_transition(FunctionCallInfo fcinfo, LtvBuilder *builder, Ltv *state)
{
	if (AggCheckCallContext(fcinfo, NULL) && ltv_builder_fits(builder))
	{
		ltv_builder_apply(builder, state);
		return state;
	}
	return ltv_builder_finish(builder, NULL);
}

PG_FUNCTION_INFO_V1(ltv_new);

/* cdp.ltv() -> ltv: the identity of merge. */
Datum
ltv_new(PG_FUNCTION_ARGS)
{
	PG_RETURN_LTV_P(ltv_empty(NULL));
}

PG_FUNCTION_INFO_V1(ltv_make);

/* cdp.ltv(amount numeric, currency text, at timestamptz, zone text) -> ltv */
Datum
ltv_make(PG_FUNCTION_ARGS)
{
	LtvBuilder builder;

	ltv_builder_init(&builder, NULL);
	add_in_zone(&builder, PG_GETARG_NUMERIC(0), PG_GETARG_TEXT_PP(1), PG_GETARG_TIMESTAMPTZ(2),
	            PG_GETARG_TEXT_PP(3));
	PG_RETURN_LTV_P(ltv_builder_finish(&builder, NULL));
}

PG_FUNCTION_INFO_V1(ltv_merge_pair);

/*
 * cdp.merge(ltv, ltv) -> ltv; also transition and combine function of
 * cdp.merge_agg.
 */
Datum
ltv_merge_pair(PG_FUNCTION_ARGS)
{
	Ltv *a = PG_GETARG_LTV_P(0);
	Ltv *b = PG_GETARG_LTV_P(1);
	LtvBuilder builder;

	if (!AggCheckCallContext(fcinfo, NULL))
		PG_RETURN_LTV_P(ltv_merge(a, b));
	ltv_builder_init(&builder, a);
	ltv_builder_merge(&builder, b);
	PG_RETURN_LTV_P(finish_transition(fcinfo, &builder, a));
}

PG_FUNCTION_INFO_V1(ltv_accum);

/*
 * Transition function of cdp.ltv_agg: (state ltv, amount numeric, currency
 * text, at timestamptz [, zone text]) -> ltv. A null amount is skipped;
 * 22004 for an amount without currency, time or zone.
 */
Datum
ltv_accum(PG_FUNCTION_ARGS)
{
	Ltv *state;
	LtvBuilder builder;

	state = PG_ARGISNULL(0) ? ltv_empty(NULL) : PG_GETARG_LTV_P(0);
	if (PG_ARGISNULL(1))
		PG_RETURN_LTV_P(state);
	for (int i = 2; i < PG_NARGS(); i++)
	{
		static const char *const names[] = {"currency", "time", "time zone"};

		if (PG_ARGISNULL(i))
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			                errmsg("an amount needs a %s, which is null", names[i - 2]),
			                errdetail("The amount is %s.", DatumGetCString(DirectFunctionCall1(
			                                                   numeric_out, PG_GETARG_DATUM(1))))));
	}

	ltv_builder_init(&builder, state);
	if (PG_NARGS() > 4)
		add_in_zone(&builder, PG_GETARG_NUMERIC(1), PG_GETARG_TEXT_PP(2), PG_GETARG_TIMESTAMPTZ(3),
		            PG_GETARG_TEXT_PP(4));
	else
		ltv_builder_add(&builder, PG_GETARG_NUMERIC(1), check_currency(PG_GETARG_TEXT_PP(2)),
		                PG_GETARG_TIMESTAMPTZ(3));
	PG_RETURN_LTV_P(finish_transition(fcinfo, &builder, state));
}

/* --------------------------------------------------------------- readers */

/*
 * Finds the section that the arguments (ltv, currency) name. False where the
 * value has no amounts in this currency. Errors: 22023 for an unknown currency.
 */
static bool
section_of_arguments(FunctionCallInfo fcinfo, LtvSection *section)
{
	Ltv *ltv = PG_GETARG_LTV_P(0);
	const char *code = check_currency(PG_GETARG_TEXT_PP(1));
	LtvHeader header;

	ltv_read_header(ltv, &header);
	return ltv_find_section(&header, code, section);
}

PG_FUNCTION_INFO_V1(ltv_total);

/* cdp.total(ltv, currency) -> numeric: purchases less refunds, 0 where there are none */
Datum
ltv_total(PG_FUNCTION_ARGS)
{
	LtvSection section;

	if (!section_of_arguments(fcinfo, &section))
		PG_RETURN_NUMERIC(int64_to_numeric(0));
	if (!section.wide)
		PG_RETURN_NUMERIC(
		    ltv_units_with_scale(section.purchases.total.units + section.refunds.total.units,
		                         section.unit_scale, section.scale));
	PG_RETURN_NUMERIC(
	    ltv_numeric_add(ltv_section_purchases(&section), ltv_section_refunds(&section)));
}

PG_FUNCTION_INFO_V1(ltv_purchase_total);

/* cdp.purchase_total(ltv, currency) -> numeric */
Datum
ltv_purchase_total(PG_FUNCTION_ARGS)
{
	LtvSection section;

	if (!section_of_arguments(fcinfo, &section))
		PG_RETURN_NUMERIC(int64_to_numeric(0));
	PG_RETURN_NUMERIC(ltv_section_purchases(&section));
}

PG_FUNCTION_INFO_V1(ltv_refund_total);

/* cdp.refund_total(ltv, currency) -> numeric, zero or less */
Datum
ltv_refund_total(PG_FUNCTION_ARGS)
{
	LtvSection section;

	if (!section_of_arguments(fcinfo, &section))
		PG_RETURN_NUMERIC(int64_to_numeric(0));
	PG_RETURN_NUMERIC(ltv_section_refunds(&section));
}

PG_FUNCTION_INFO_V1(ltv_average_purchase);

/* cdp.average_purchase(ltv, currency) -> numeric, null without purchases */
Datum
ltv_average_purchase(PG_FUNCTION_ARGS)
{
	LtvSection section;

	if (!section_of_arguments(fcinfo, &section) || section.purchases.count == 0)
		PG_RETURN_NULL();
	PG_RETURN_NUMERIC(numeric_div_opt_error(ltv_section_purchases(&section),
	                                        int64_to_numeric(section.purchases.count), NULL));
}

/* Sums and extremes of both sides over all currencies; totals are left out. */
static void
sum_sections(const Ltv *ltv, LtvSide *purchases, LtvSide *refunds)
{
	LtvHeader header;
	const char *p;

	memset(purchases, 0, sizeof(LtvSide));
	memset(refunds, 0, sizeof(LtvSide));
	ltv_read_header(ltv, &header);
	p = header.sections;
	for (int i = 0; i < header.nsections; i++)
	{
		LtvSection section;

		p = ltv_read_section(p, &section);
		ltv_add_side(purchases, &section.purchases);
		ltv_add_side(refunds, &section.refunds);
	}
}

/* The sides that the arguments (ltv [, currency]) name. */
static void
sides_of_arguments(FunctionCallInfo fcinfo, LtvSide *purchases, LtvSide *refunds)
{
	LtvSection section;

	if (PG_NARGS() == 1)
	{
		sum_sections(PG_GETARG_LTV_P(0), purchases, refunds);
		return;
	}
	memset(purchases, 0, sizeof(LtvSide));
	memset(refunds, 0, sizeof(LtvSide));
	if (section_of_arguments(fcinfo, &section))
	{
		*purchases = section.purchases;
		*refunds = section.refunds;
	}
}

PG_FUNCTION_INFO_V1(ltv_purchases);

/* cdp.purchases(ltv [, currency]) -> bigint */
Datum
ltv_purchases(PG_FUNCTION_ARGS)
{
	LtvSide purchases;
	LtvSide refunds;

	sides_of_arguments(fcinfo, &purchases, &refunds);
	PG_RETURN_INT64(purchases.count);
}

PG_FUNCTION_INFO_V1(ltv_refunds);

/* cdp.refunds(ltv [, currency]) -> bigint */
Datum
ltv_refunds(PG_FUNCTION_ARGS)
{
	LtvSide purchases;
	LtvSide refunds;

	sides_of_arguments(fcinfo, &purchases, &refunds);
	PG_RETURN_INT64(refunds.count);
}

PG_FUNCTION_INFO_V1(ltv_first_purchase_at);

/* cdp.first_purchase_at(ltv [, currency]) -> timestamptz, null without purchases */
Datum
ltv_first_purchase_at(PG_FUNCTION_ARGS)
{
	LtvSide purchases;
	LtvSide refunds;

	sides_of_arguments(fcinfo, &purchases, &refunds);
	if (purchases.count == 0)
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(purchases.first);
}

PG_FUNCTION_INFO_V1(ltv_last_purchase_at);

/* cdp.last_purchase_at(ltv [, currency]) -> timestamptz, null without purchases */
Datum
ltv_last_purchase_at(PG_FUNCTION_ARGS)
{
	LtvSide purchases;
	LtvSide refunds;

	sides_of_arguments(fcinfo, &purchases, &refunds);
	if (purchases.count == 0)
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(purchases.last);
}

PG_FUNCTION_INFO_V1(ltv_first_refund_at);

/* cdp.first_refund_at(ltv [, currency]) -> timestamptz, null without refunds */
Datum
ltv_first_refund_at(PG_FUNCTION_ARGS)
{
	LtvSide purchases;
	LtvSide refunds;

	sides_of_arguments(fcinfo, &purchases, &refunds);
	if (refunds.count == 0)
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(refunds.first);
}

PG_FUNCTION_INFO_V1(ltv_last_refund_at);

/* cdp.last_refund_at(ltv [, currency]) -> timestamptz, null without refunds */
Datum
ltv_last_refund_at(PG_FUNCTION_ARGS)
{
	LtvSide purchases;
	LtvSide refunds;

	sides_of_arguments(fcinfo, &purchases, &refunds);
	if (refunds.count == 0)
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(refunds.last);
}

PG_FUNCTION_INFO_V1(ltv_zone);

/* cdp.zone(ltv) -> text */
Datum
ltv_zone(PG_FUNCTION_ARGS)
{
	LtvHeader header;

	ltv_read_header(PG_GETARG_LTV_P(0), &header);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(header.zone, header.zone_len));
}

PG_FUNCTION_INFO_V1(ltv_currencies);

/* cdp.currencies(ltv) -> text[], ascending */
Datum
ltv_currencies(PG_FUNCTION_ARGS)
{
	LtvHeader header;
	const char *p;
	Datum *codes;

	ltv_read_header(PG_GETARG_LTV_P(0), &header);
	if (header.nsections == 0)
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(TEXTOID));
	codes = palloc(sizeof(Datum) * (Size) header.nsections);
	p = header.sections;
	for (int i = 0; i < header.nsections; i++)
	{
		LtvSection section;

		p = ltv_read_section(p, &section);
		codes[i] = CStringGetTextDatum(section.code);
	}
	PG_RETURN_ARRAYTYPE_P(
	    construct_array(codes, header.nsections, TEXTOID, -1, false, TYPALIGN_INT));
}

/* How far cdp.daily_net has read. */
typedef struct DailyNet
{
	const char *next; /* section after the current one */
	int nsections;    /* that many are after the current one */
	LtvSection section;
	uint32 day;      /* place of the next day in the current section */
	const char *net; /* its net */
} DailyNet;

PG_FUNCTION_INFO_V1(ltv_daily_net);

/* cdp.daily_net(ltv) -> table(currency text, day date, net numeric), ascending */
Datum
ltv_daily_net(PG_FUNCTION_ARGS)
{
	FuncCallContext *context;
	DailyNet *state;
	Datum values[3];
	bool nulls[3] = {false, false, false};
	LtvSection *section;

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext oldcontext;
		TupleDesc tupdesc;
		LtvHeader header;

		context = SRF_FIRSTCALL_INIT();
		oldcontext = MemoryContextSwitchTo(context->multi_call_memory_ctx);
		if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
			elog(ERROR, "return type must be a row type");
		context->tuple_desc = BlessTupleDesc(tupdesc);
		ltv_read_header((Ltv *) PG_DETOAST_DATUM_COPY(PG_GETARG_DATUM(0)), &header);
		state = palloc0(sizeof(DailyNet));
		state->next = header.sections;
		state->nsections = header.nsections;
		context->user_fctx = state;
		MemoryContextSwitchTo(oldcontext);
	}
	context = SRF_PERCALL_SETUP();
	state = context->user_fctx;
	section = &state->section;
	if (state->day == section->ndays)
	{
		if (state->nsections-- == 0)
			SRF_RETURN_DONE(context);
		state->next = ltv_read_section(state->next, section);
		state->day = 0;
		state->net = section->nets;
	}

	values[0] = PointerGetDatum(cstring_to_text_with_len(section->code, 3));
	values[1] = DateADTGetDatum(ltv_section_day(section, state->day));
	if (section->wide)
	{
		values[2] = NumericGetDatum(ltv_with_scale(ltv_read_wire(state->net), section->scale));
		state->net += ltv_wire_size(state->net);
	}
	else
	{
		values[2] = NumericGetDatum(ltv_units_with_scale(ltv_get_units(state->net, section->width),
		                                                 section->unit_scale, section->scale));
		state->net += section->width;
	}
	state->day++;
	SRF_RETURN_NEXT(context,
	                HeapTupleGetDatum(heap_form_tuple(context->tuple_desc, values, nulls)));
}
