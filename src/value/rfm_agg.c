/*
 * rfm_agg.c
 *	  cdp.rfm_agg: recency, frequency and monetary value over the rows of any
 *	  table; and its transition state, cdp.rfm_state.
 *
 * The aggregate runs once per row and often with a group per customer. So the
 * state is small and changes in place: an array of nets per day with room to
 * grow. Days are sorted and joined only when the array is full, and at the end.
 * A state that leaves the range of 64 bits goes on as a lifetime value, which
 * has no limits.
 */
#include "base/base.h"

#include "common/int.h"
#include "libpq/pqformat.h"
#include "types/ltv_format.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "value/rfm.h"
#include "value/state_io.h"

#define RFM_VERSION 1

#define RFM_INCLUDE_FIRST 0x01
#define RFM_WIDE 0x02     /* a lifetime value follows instead of cells */
#define RFM_UNSORTED 0x04 /* cells are not in order; never in a state that was sent */
#define RFM_FLAGS (RFM_INCLUDE_FIRST | RFM_WIDE | RFM_UNSORTED)

/* What a wide state calls the currency of its amounts: ISO 4217's code for tests. */
#define RFM_CURRENCY "XTS"

/* The net of a day, in units of 10^-unit_scale. 12 bytes, so that many fit into little space. */
typedef struct RfmCell
{
	int32 day;
	uint32 net[2];
} RfmCell;

/*
 * On disk, integers are in the machine's order, as PostgreSQL's own are;
 * cdp.rfm_state_send gives network order. The cells end where the varlena
 * does, ncells of them are used and the rest are zero.
 */
typedef struct RfmState
{
	int32 vl_len_;
	uint8 version;
	uint8 flags;
	uint16 scale;      /* most digits after the point seen */
	uint16 unit_scale; /* at most LTV_NARROW_SCALE */
	uint16 reserved;   /* 0 */
	int32 as_of;       /* days since 2000-01-01 */
	int32 unit;        /* days */
	int32 period;      /* days */
	uint32 ncells;     /* bytes of the lifetime value, in a wide state */
	RfmCell cells[FLEXIBLE_ARRAY_MEMBER];
} RfmState;

#define RFM_HEADER offsetof(RfmState, cells)
#define RFM_FIRST_SIZE 64 /* of a new state: three cells */
#define INSERTION_SORT_MAX 20

/* The question of the row before, so that equal arguments are taken apart only once. */
typedef struct RfmCall
{
	bool valid;
	TimestampTz as_of;
	Interval unit;
	Interval period;
	int zone_len;
	char zone[LTV_ZONE_MAX + 1];
	pg_tz *tz;
	RfmQuestion question;
} RfmCall;

static inline int64
cell_net(const RfmCell *cell)
{
	int64 net;

	memcpy(&net, cell->net, sizeof(net));
	return net;
}

static inline void
cell_set_net(RfmCell *cell, int64 net)
{
	memcpy(cell->net, &net, sizeof(net));
}

static inline uint32
state_capacity(const RfmState *state)
{
	return (VARSIZE(state) - RFM_HEADER) / sizeof(RfmCell);
}

static inline const Ltv *
state_ltv(const RfmState *state)
{
	return (const Ltv *) state->cells;
}

static void
state_damaged(const char *fault)
{
	ereport(ERROR,
	        (errcode(ERRCODE_DATA_CORRUPTED), errmsg("invalid value of type %s", "cdp.rfm_state"),
	         errdetail("The value is damaged: %s.", fault)));
}

/* A state as an argument, checked as far as memory is concerned. */
static RfmState *
state_from_datum(Datum datum)
{
	RfmState *state = (RfmState *) PG_DETOAST_DATUM(datum);
	Size size = VARSIZE(state);

	if (size < RFM_HEADER || state->version != RFM_VERSION || (state->flags & ~RFM_FLAGS) != 0)
		state_damaged("its head is none");
	if ((state->flags & RFM_WIDE) ? state->ncells != size - RFM_HEADER
	                              : state->ncells > state_capacity(state))
		state_damaged("its length contradicts itself");
	if ((state->flags & RFM_WIDE) &&
	    (state->ncells < VARHDRSZ || VARSIZE_ANY(state->cells) != state->ncells))
		state_damaged("its length contradicts itself");
	return state;
}

static RfmState *
state_new(const RfmQuestion *question, Size size)
{
	RfmState *state = palloc0(size);

	SET_VARSIZE(state, size);
	state->version = RFM_VERSION;
	state->flags = question->include_first ? RFM_INCLUDE_FIRST : 0;
	state->as_of = question->as_of;
	state->unit = question->unit;
	state->period = question->period;
	return state;
}

static void
state_question(const RfmState *state, RfmQuestion *question)
{
	question->as_of = state->as_of;
	question->unit = state->unit;
	question->period = state->period;
	question->include_first = (state->flags & RFM_INCLUDE_FIRST) != 0;
}

/* Raises an error unless both ask for the same. */
static void
check_same_question(const RfmState *state, const RfmQuestion *question)
{
	const char *what;

	if (likely(state->as_of == question->as_of && state->unit == question->unit &&
	           state->period == question->period &&
	           ((state->flags & RFM_INCLUDE_FIRST) != 0) == question->include_first))
		return;
	what = state->unit != question->unit       ? "unit of time"
	       : state->as_of != question->as_of   ? "time of observation"
	       : state->period != question->period ? "length of a period"
	                                           : "treatment of the first period";
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	                errmsg("rows of one aggregate differ in the %s", what),
	                errhint("It must be the same for all rows of a group.")));
}

static int
compare_cells(const void *a, const void *b)
{
	int32 left = ((const RfmCell *) a)->day;
	int32 right = ((const RfmCell *) b)->day;

	return (left > right) - (left < right);
}

/*
 * Puts the cells of a narrow state in order, one per day. False where a net
 * leaves the range of 64 bits; then all cells are still there.
 */
static bool
state_sort(RfmState *state)
{
	RfmCell *cells = state->cells;
	uint32 kept = 0;

	if (!(state->flags & RFM_UNSORTED))
		return true;
	if (state->ncells > INSERTION_SORT_MAX)
		qsort(cells, state->ncells, sizeof(RfmCell), compare_cells);
	else
	{
		for (uint32 i = 1; i < state->ncells; i++)
		{
			RfmCell cell = cells[i];
			uint32 j;

			for (j = i; j > 0 && cells[j - 1].day > cell.day; j--)
				cells[j] = cells[j - 1];
			cells[j] = cell;
		}
	}
	for (uint32 i = 1; i < state->ncells; i++)
	{
		int64 sum;

		if (cells[i].day != cells[kept].day)
			cells[++kept] = cells[i];
		else if (!pg_add_s64_overflow(cell_net(&cells[kept]), cell_net(&cells[i]), &sum))
			cell_set_net(&cells[kept], sum);
		else
		{
			/* cells from i on are untouched; those joined before stay joined */
			memmove(&cells[kept + 1], &cells[i], sizeof(RfmCell) * (state->ncells - i));
			state->ncells -= i - kept - 1;
			return false;
		}
	}
	if (kept + 1 < state->ncells)
		memset(&cells[kept + 1], 0, sizeof(RfmCell) * (state->ncells - kept - 1));
	state->ncells = kept + 1;
	state->flags &= ~RFM_UNSORTED;
	return true;
}

/* A wide state around a lifetime value. */
static RfmState *
state_around(const RfmState *like, const Ltv *ltv)
{
	RfmQuestion question;
	RfmState *state;
	Size size = VARSIZE_ANY(ltv);

	state_question(like, &question);
	state = state_new(&question, RFM_HEADER + size);
	state->flags |= RFM_WIDE;
	state->scale = like->scale;
	state->ncells = size;
	memcpy(state->cells, ltv, size);
	return state;
}

/* Adds an amount on a day to a lifetime value's builder. */
static void
builder_add_day(LtvBuilder *builder, Numeric amount, int32 day)
{
	ltv_builder_add(builder, amount, RFM_CURRENCY, (int64) day * USECS_PER_DAY);
}

/* The same state without limits. */
static RfmState *
state_widen(RfmState *state)
{
	LtvBuilder builder;

	if (state->flags & RFM_WIDE)
		return state;
	ltv_builder_init(&builder, NULL);
	for (uint32 i = 0; i < state->ncells; i++)
		builder_add_day(
		    &builder,
		    ltv_units_with_scale(cell_net(&state->cells[i]), state->unit_scale, state->scale),
		    state->cells[i].day);
	return state_around(state, ltv_builder_finish(&builder, NULL));
}

/* Lets a narrow state count in finer units; false if that leaves its range. */
static bool
state_refine(RfmState *state, int unit_scale)
{
	int digits = unit_scale - state->unit_scale;
	int64 net;

	if (digits <= 0)
		return true;
	if (unit_scale > LTV_NARROW_SCALE)
		return false;
	for (uint32 i = 0; i < state->ncells; i++)
	{
		net = cell_net(&state->cells[i]);
		if (!ltv_scale_units(net, digits, &net))
			return false;
	}
	for (uint32 i = 0; i < state->ncells; i++)
	{
		ltv_scale_units(cell_net(&state->cells[i]), digits, &net);
		cell_set_net(&state->cells[i], net);
	}
	state->unit_scale = unit_scale;
	return true;
}

/*
 * Adds units on a day to a narrow state. Returns the state, or a new one in its
 * place where it had to grow or to widen.
 */
static RfmState *
state_add_units(RfmState *state, int32 day, int64 units)
{
	uint32 n = state->ncells;
	RfmCell *last = n > 0 ? &state->cells[n - 1] : NULL;
	int64 sum;

	if (last && last->day == day && !pg_add_s64_overflow(cell_net(last), units, &sum))
	{
		cell_set_net(last, sum);
		return state;
	}
	if (n == state_capacity(state))
	{
		if (!state_sort(state))
		{
			LtvBuilder builder;
			Numeric amount = ltv_units_with_scale(units, state->unit_scale, state->scale);

			state = state_widen(state);
			ltv_builder_init(&builder, state_ltv(state));
			builder_add_day(&builder, amount, day);
			return state_around(state, ltv_builder_finish(&builder, NULL));
		}
		n = state->ncells;
		if (n > state_capacity(state) / 2)
		{
			Size size = VARSIZE(state);
			RfmState *larger;

			if (size > MaxAllocSize / 2)
				ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				                errmsg("too many days in a group")));
			larger = palloc0(2 * size);
			memcpy(larger, state, size);
			SET_VARSIZE(larger, 2 * size);
			state = larger;
		}
		last = n > 0 ? &state->cells[n - 1] : NULL;
	}
	if (last && last->day >= day)
		state->flags |= RFM_UNSORTED;
	state->cells[n].day = day;
	cell_set_net(&state->cells[n], units);
	state->ncells++;
	return state;
}

/* Adds an amount on a day to a state; the state, or one in its place. */
static RfmState *
state_add(RfmState *state, int32 day, Numeric amount)
{
	LtvBuilder builder;
	int64 units;
	int unit_scale;

	if (numeric_is_nan(amount) || numeric_is_inf(amount))
		ereport(ERROR,
		        (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE), errmsg("amount must be finite"),
		         errdetail("The amount is %s.", DatumGetCString(DirectFunctionCall1(
		                                            numeric_out, NumericGetDatum(amount))))));
	if (day > state->as_of || ltv_numeric_sign(amount) == 0)
		return state;
	unit_scale = ltv_numeric_unit_scale(amount);
	state->scale = Max(state->scale, ltv_numeric_scale(amount));
	if (!(state->flags & RFM_WIDE) && state_refine(state, unit_scale) &&
	    ltv_numeric_to_units(amount, state->unit_scale, &units))
		return state_add_units(state, day, units);

	state = state_widen(state);
	ltv_builder_init(&builder, state_ltv(state));
	builder_add_day(&builder, amount, day);
	return state_around(state, ltv_builder_finish(&builder, NULL));
}

/* ---------------------------------------------------- transition functions */

/* The state to change: the aggregate's own, or a copy of the caller's. */
static RfmState *
state_to_change(FunctionCallInfo fcinfo, int n)
{
	RfmState *state = state_from_datum(PG_GETARG_DATUM(n));

	if (AggCheckCallContext(fcinfo, NULL))
		return state;
	if ((Pointer) state == DatumGetPointer(PG_GETARG_DATUM(n)))
	{
		RfmState *copy = palloc(VARSIZE(state));

		memcpy(copy, state, VARSIZE(state));
		return copy;
	}
	return state;
}

/* Raises the error for a row with a null argument, from the first one that is given. */
static void
check_not_null(FunctionCallInfo fcinfo, int first)
{
	for (int i = first; i < PG_NARGS(); i++)
	{
		if (PG_ARGISNULL(i))
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			                errmsg("argument %d of %s must not be null", i, "rfm_agg"),
			                errdetail("Only rows without an amount are skipped.")));
	}
}

/* The question of this row; spans and flags stand at the places given, -1 where they do not. */
static RfmCall *
call_of_row(FunctionCallInfo fcinfo, bool dates, int zone_arg, int include_arg, int period_arg)
{
	RfmCall *call = fcinfo->flinfo->fn_extra;
	int64 as_of = dates ? (int64) PG_GETARG_DATEADT(3) : PG_GETARG_TIMESTAMPTZ(3);
	Interval *unit = PG_GETARG_INTERVAL_P(4);
	Interval *period = period_arg > 0 ? PG_GETARG_INTERVAL_P(period_arg) : NULL;
	text *zone = zone_arg > 0 ? PG_GETARG_TEXT_PP(zone_arg) : NULL;
	int zone_len = zone ? (int) VARSIZE_ANY_EXHDR(zone) : 0;

	if (call == NULL)
		call = fcinfo->flinfo->fn_extra =
		    MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(RfmCall));
	call->question.include_first = include_arg > 0 && PG_GETARG_BOOL(include_arg);
	if (likely(call->valid && call->as_of == as_of &&
	           memcmp(&call->unit, unit, sizeof(Interval)) == 0 &&
	           (!period || memcmp(&call->period, period, sizeof(Interval)) == 0) &&
	           call->zone_len == zone_len &&
	           (!zone || memcmp(call->zone, VARDATA_ANY(zone), zone_len) == 0)))
		return call;

	call->valid = false;
	call->tz = NULL;
	if (zone)
	{
		char *name = text_to_cstring(zone);

		if (zone_len > LTV_ZONE_MAX || !ltv_zone_lookup(name, NULL, &call->tz))
			ltv_zone_report(name);
		memcpy(call->zone, name, zone_len + 1);
	}
	call->zone_len = zone_len;
	if (dates && DATE_NOT_FINITE((DateADT) as_of))
		ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
		                errmsg("the day of observation must be finite")));
	call->question.as_of = dates ? (int32) as_of : ltv_local_day(as_of, call->tz);
	call->question.unit = rfm_interval_days(unit, "the unit of time");
	call->question.period = period ? rfm_interval_days(period, "a period") : 1;
	call->as_of = as_of;
	call->unit = *unit;
	if (period)
		call->period = *period;
	call->valid = true;
	return call;
}

/* Adds the row's amount to the state of its group. */
static Datum
accumulate(FunctionCallInfo fcinfo, const RfmCall *call, int32 day)
{
	RfmState *state;

	if (PG_ARGISNULL(0))
		state = state_new(&call->question, RFM_FIRST_SIZE);
	else
	{
		state = state_to_change(fcinfo, 0);
		check_same_question(state, &call->question);
	}
	PG_RETURN_POINTER(state_add(state, day, PG_GETARG_NUMERIC(2)));
}

PG_FUNCTION_INFO_V1(rfm_accum_time);

/*
 * Transition function of cdp.rfm_agg: (state, at timestamptz, amount numeric,
 * as_of timestamptz, unit interval [, zone text [, include_first boolean,
 * period interval]]).
 */
Datum
rfm_accum_time(PG_FUNCTION_ARGS)
{
	RfmCall *call;

	if (PG_ARGISNULL(2))
		return state_keep(fcinfo);
	check_not_null(fcinfo, 1);
	call = call_of_row(fcinfo, false, PG_NARGS() > 5 ? 5 : -1, PG_NARGS() > 6 ? 6 : -1,
	                   PG_NARGS() > 6 ? 7 : -1);
	return accumulate(fcinfo, call, ltv_local_day(PG_GETARG_TIMESTAMPTZ(1), call->tz));
}

PG_FUNCTION_INFO_V1(rfm_accum_date);

/*
 * Transition function of cdp.rfm_agg: (state, day date, amount numeric, as_of
 * date, unit interval [, include_first boolean, period interval]).
 */
Datum
rfm_accum_date(PG_FUNCTION_ARGS)
{
	RfmCall *call;
	DateADT day;

	if (PG_ARGISNULL(2))
		return state_keep(fcinfo);
	check_not_null(fcinfo, 1);
	call = call_of_row(fcinfo, true, -1, PG_NARGS() > 5 ? 5 : -1, PG_NARGS() > 5 ? 6 : -1);
	day = PG_GETARG_DATEADT(1);
	if (DATE_NOT_FINITE(day))
		ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
		                errmsg("the day of an amount must be finite")));
	return accumulate(fcinfo, call, day);
}

PG_FUNCTION_INFO_V1(rfm_combine);

/* Combine function of cdp.rfm_agg; the second state stays as it is. */
Datum
rfm_combine(PG_FUNCTION_ARGS)
{
	RfmState *state;
	RfmState *other;
	RfmQuestion question;
	LtvBuilder builder;

	if (PG_ARGISNULL(1))
		return state_keep(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_DATUM(PG_GETARG_DATUM(1));
	state = state_to_change(fcinfo, 0);
	other = state_from_datum(PG_GETARG_DATUM(1));
	state_question(other, &question);
	check_same_question(state, &question);
	state->scale = Max(state->scale, other->scale);

	if (!(other->flags & RFM_WIDE) && !(state->flags & RFM_WIDE) &&
	    state_refine(state, other->unit_scale))
	{
		int digits = state->unit_scale - other->unit_scale;
		bool fits = true;
		int64 net;

		for (uint32 i = 0; fits && i < other->ncells; i++)
			fits = ltv_scale_units(cell_net(&other->cells[i]), digits, &net);
		if (fits)
		{
			for (uint32 i = 0; i < other->ncells && !(state->flags & RFM_WIDE); i++)
			{
				ltv_scale_units(cell_net(&other->cells[i]), digits, &net);
				state = state_add_units(state, other->cells[i].day, net);
				if (state->flags & RFM_WIDE)
				{
					/* the rest, from the next cell on */
					for (uint32 j = i + 1; j < other->ncells; j++)
						state = state_add(state, other->cells[j].day,
						                  ltv_units_with_scale(cell_net(&other->cells[j]),
						                                       other->unit_scale, other->scale));
				}
			}
			PG_RETURN_POINTER(state);
		}
	}
	state = state_widen(state);
	ltv_builder_init(&builder, state_ltv(state));
	ltv_builder_merge(&builder, state_ltv(state_widen(other)));
	PG_RETURN_POINTER(state_around(state, ltv_builder_finish(&builder, NULL)));
}

/* Do the nets above zero of a narrow state add up within 64 bits? */
static bool
nets_fit(const RfmState *state)
{
	int64 sum = 0;

	for (uint32 i = 0; i < state->ncells; i++)
	{
		int64 net = cell_net(&state->cells[i]);

		if (net > 0 && pg_add_s64_overflow(sum, net, &sum))
			return false;
	}
	return true;
}

PG_FUNCTION_INFO_V1(rfm_final);

/* Final function of cdp.rfm_agg: cdp.rfm, null without a purchase. Changes no state. */
Datum
rfm_final(PG_FUNCTION_ARGS)
{
	RfmState *state;
	RfmQuestion question;
	RfmWalk walk;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = state_from_datum(PG_GETARG_DATUM(0));
	state_question(state, &question);
	if (state->flags & RFM_UNSORTED)
	{
		RfmState *copy = palloc(VARSIZE(state));

		memcpy(copy, state, VARSIZE(state));
		state = state_sort(copy) ? copy : state_widen(copy);
	}
	if (!(state->flags & RFM_WIDE) && !nets_fit(state))
		state = state_widen(state);
	if (state->flags & RFM_WIDE)
	{
		LtvHeader header;
		LtvSection section;

		ltv_read_header(state_ltv(state), &header);
		if (!ltv_find_section(&header, RFM_CURRENCY, &section))
			PG_RETURN_NULL();
		rfm_walk_init(&walk, &question, section.wide);
		rfm_walk_section(&walk, &section);
		return rfm_walk_result(&walk, section.unit_scale, Max(section.scale, state->scale), fcinfo);
	}
	rfm_walk_init(&walk, &question, false);
	for (uint32 i = 0; i < state->ncells; i++)
	{
		LtvMoney net;

		net.units = cell_net(&state->cells[i]);
		rfm_walk_day(&walk, state->cells[i].day, net);
	}
	return rfm_walk_result(&walk, state->unit_scale, state->scale, fcinfo);
}

/* ---------------------------------------------------------------- binary form */

static void
report_binary(const char *fault)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
	                errmsg("invalid binary value for type %s", "cdp.rfm_state"),
	                errdetail("The value is damaged: %s.", fault)));
}

/*
 * The state as it is sent. Whether a state is wide, and how fine its units are,
 * depends on the order of its rows; this form does not. It leaves out days with
 * a net of zero. Its units are as fine as the nets need. It is narrow exactly
 * if every net fits.
 */
static RfmState *
state_canonical(const RfmState *original)
{
	RfmState *wide = palloc(VARSIZE(original));
	RfmState *narrow;
	RfmQuestion question;
	LtvHeader header;
	LtvSection section;
	LtvBuilder builder;
	Numeric *nets;
	const char *p;
	bool fits;

	memcpy(wide, original, VARSIZE(original));
	wide = state_widen(wide);
	state_question(wide, &question);
	ltv_read_header(state_ltv(wide), &header);
	if (!ltv_find_section(&header, RFM_CURRENCY, &section))
		memset(&section, 0, sizeof(section));

	narrow = state_new(&question, RFM_HEADER + sizeof(RfmCell) * (Size) section.ndays);
	narrow->scale = wide->scale;
	nets = palloc(sizeof(Numeric) * (Size) section.ndays);
	p = section.nets;
	for (uint32 i = 0; i < section.ndays; i++)
	{
		Numeric net;

		if (section.wide)
		{
			net = ltv_trim(ltv_read_wire(p));
			p += ltv_wire_size(p);
		}
		else
		{
			net = ltv_units_to_trimmed(ltv_get_units(p, section.width), section.unit_scale);
			p += section.width;
		}
		if (ltv_numeric_sign(net) == 0)
			continue;
		narrow->unit_scale = Max(narrow->unit_scale, ltv_numeric_scale(net));
		narrow->cells[narrow->ncells].day = ltv_section_day(&section, i);
		nets[narrow->ncells++] = net;
	}

	fits = narrow->unit_scale <= LTV_NARROW_SCALE;
	for (uint32 i = 0; fits && i < narrow->ncells; i++)
	{
		int64 units;

		fits = ltv_numeric_to_units(nets[i], narrow->unit_scale, &units);
		if (fits)
			cell_set_net(&narrow->cells[i], units);
	}
	if (fits)
		return narrow;
	ltv_builder_init(&builder, NULL);
	for (uint32 i = 0; i < narrow->ncells; i++)
		builder_add_day(&builder, nets[i], narrow->cells[i].day);
	return state_around(wide, ltv_builder_finish(&builder, NULL));
}

/* The state in its binary form: see state_receive. */
static bytea *
state_send(const RfmState *original)
{
	RfmState *state = state_canonical(original);
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendbyte(&buf, state->version);
	pq_sendbyte(&buf, state->flags);
	pq_sendint16(&buf, state->scale);
	pq_sendint16(&buf, state->unit_scale);
	pq_sendint32(&buf, state->as_of);
	pq_sendint32(&buf, state->unit);
	pq_sendint32(&buf, state->period);
	if (state->flags & RFM_WIDE)
		pq_sendbytes(&buf, VARDATA_ANY(state_ltv(state)), VARSIZE_ANY_EXHDR(state_ltv(state)));
	else
		for (uint32 i = 0; i < state->ncells; i++)
		{
			pq_sendint32(&buf, state->cells[i].day);
			pq_sendint64(&buf, cell_net(&state->cells[i]));
		}
	return pq_endtypsend(&buf);
}

/*
 * Reads version, flags, scale, unit scale, day of observation, unit and period.
 * Then come a lifetime value's body, or day and net of each day, ascending.
 * Checks everything.
 */
static RfmState *
state_receive(StringInfo buf)
{
	RfmQuestion question;
	RfmState *state;
	int version = pq_getmsgbyte(buf);
	int flags = pq_getmsgbyte(buf);
	uint16 scale = pq_getmsgint(buf, 2);
	uint16 unit_scale = pq_getmsgint(buf, 2);
	int rest;

	question.as_of = pq_getmsgint(buf, 4);
	question.unit = pq_getmsgint(buf, 4);
	question.period = pq_getmsgint(buf, 4);
	question.include_first = (flags & RFM_INCLUDE_FIRST) != 0;
	rest = buf->len - buf->cursor;
	if (version != RFM_VERSION)
		report_binary("its version is unknown");
	if ((flags & ~RFM_FLAGS) || (flags & RFM_UNSORTED) || scale > LTV_MAX_SCALE ||
	    unit_scale > LTV_NARROW_SCALE || !IS_VALID_DATE(question.as_of) || question.unit <= 0 ||
	    question.period <= 0)
		report_binary("a number is out of range");

	if (flags & RFM_WIDE)
	{
		const char *body = pq_getmsgbytes(buf, rest);
		const char *fault = ltv_validate(body, rest);

		if (fault)
			report_binary(fault);
		state = state_new(&question, RFM_HEADER + VARHDRSZ + rest);
		SET_VARSIZE(state->cells, VARHDRSZ + rest);
		memcpy(VARDATA(state->cells), body, rest);
		state->flags |= RFM_WIDE;
		state->ncells = VARHDRSZ + rest;
	}
	else
	{
		if (rest % 12 != 0)
			report_binary("it ends within a day");
		state = state_new(&question, RFM_HEADER + (Size) rest);
		for (int i = 0; i < rest / 12; i++)
		{
			state->cells[i].day = pq_getmsgint(buf, 4);
			cell_set_net(&state->cells[i], pq_getmsgint64(buf));
			if (!IS_VALID_DATE(state->cells[i].day) || state->cells[i].day > question.as_of ||
			    (i > 0 && state->cells[i].day <= state->cells[i - 1].day))
				report_binary("its days are not in order");
		}
		state->ncells = rest / 12;
	}
	state->scale = scale;
	state->unit_scale = unit_scale;
	return state;
}

/* rfm_state_send, rfm_state_recv, rfm_state_out, rfm_state_in */
STATE_IO_FUNCTIONS(rfm_state, state_from_datum, state_send, state_receive);
