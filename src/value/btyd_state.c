/*
 * btyd_state.c
 *	  cdp.btyd_state, the transition state of the fits.
 *
 * Rows are appended. They are sorted, and equal ones joined, only once they are
 * a multiple of the sorted ones. So sorting costs little per row, whether
 * customers repeat or not. Data are kept as they came. So the finished state,
 * and with it the fit, is the same to the bit for any order and split of the
 * rows.
 */
#include "base/base.h"

#include <math.h>

#include "common/int.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "value/btyd_state.h"
#include "value/rfm.h"
#include "value/state_io.h"

#define FIRST_GROUPS 20 /* room of a new state */
#define SORT_RATIO 4    /* rows per sorted group that make sorting worthwhile */
#define SORT_LEAST 1024

static inline int
compare_groups(const CustomerGroup *a, const CustomerGroup *b)
{
	if (a->frequency != b->frequency)
		return a->frequency < b->frequency ? -1 : 1;
	if (a->age != b->age)
		return a->age < b->age ? -1 : 1;
	return (a->recency > b->recency) - (a->recency < b->recency);
}

#define ST_SORT sort_groups
#define ST_ELEMENT_TYPE CustomerGroup
#define ST_COMPARE(a, b) compare_groups(a, b)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

/* Raises the error for impossible data of a customer; the values go into the detail. */
static void
report_customer(const char *message, const char *hint, double frequency, const char *second_name,
                double second, bool has_age, double age)
{
	ereport(ERROR,
	        (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s", message),
	         has_age ? errdetail("The frequency is %g, the %s %g, the age %g.", frequency,
	                             second_name, second, age)
	                 : errdetail("The frequency is %g, the %s %g.", frequency, second_name, second),
	         hint ? errhint("%s", hint) : 0));
}

/* A customer's purchases, checked. */
void
btyd_check_purchases(double frequency, double recency, double age)
{
	const char *message = NULL;
	const char *hint = NULL;

	if (!(frequency >= 0) || frequency != floor(frequency) || frequency > PG_INT32_MAX)
	{
		message = "frequency must be a whole number of zero or more";
		hint = "It is the number of repeat purchases: purchases less the first.";
	}
	else if (!(recency >= 0) || isinf(recency))
	{
		message = "recency must be a finite number of zero or more";
		hint = "It is the time from the first purchase to the last.";
	}
	else if (!(age >= 0) || isinf(age))
	{
		message = "age must be a finite number of zero or more";
		hint = "It is the time from the first purchase to the end of observation.";
	}
	else if (recency > age)
	{
		message = "recency must not be above age";
		hint = "Both count from the first purchase, in the same unit.";
	}
	else if (frequency == 0 && recency > 0)
	{
		message = "recency must be 0 without a repeat purchase";
		hint = "It is the time from the first purchase to the last, not the time since the last.";
	}
	if (message)
		report_customer(message, hint, frequency, "recency", recency, true, age);
}

/* A customer's mean amount, checked. */
void
btyd_check_amount(double frequency, double monetary)
{
	if (!(frequency >= 0) || frequency != floor(frequency) || frequency > PG_INT32_MAX)
		report_customer("frequency must be a whole number of zero or more",
		                "It is the number of purchases that the mean amount is of.", frequency,
		                "mean amount", monetary, false, 0);
	if (frequency > 0 && (!(monetary > 0) || isinf(monetary)))
		report_customer("mean amount must be a finite number above zero",
		                "Gamma-Gamma is a model of amounts above zero: leave out customers whose "
		                "purchases come to nothing.",
		                frequency, "mean amount", monetary, false, 0);
}

/* A state as an argument, checked as far as memory is concerned. */
BtydState *
btyd_state_from_datum(Datum datum)
{
	BtydState *state = (BtydState *) PG_DETOAST_DATUM(datum);
	Size size = VARSIZE(state);

	if (size < BTYD_HEADER || state->version != BTYD_VERSION ||
	    state->ngroups > (size - BTYD_HEADER) / sizeof(CustomerGroup) ||
	    state->nsorted > state->ngroups)
		ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
		                errmsg("invalid value of type %s", "cdp.btyd_state"),
		                errdetail("The value is damaged.")));
	return state;
}

static BtydState *
state_new(int kind, int32 unit, Size capacity)
{
	Size size = BTYD_HEADER + capacity * sizeof(CustomerGroup);
	BtydState *state;

	if (size > MaxAllocSize)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
		                errmsg("too many different customers in one fit"),
		                errdetail("At most %zu fit into a state.",
		                          (MaxAllocSize - BTYD_HEADER) / sizeof(CustomerGroup)),
		                errhint("Fit a sample of them.")));
	state = palloc(size);
	SET_VARSIZE(state, size);
	memset((char *) state + sizeof(int32), 0, BTYD_HEADER - sizeof(int32));
	state->version = BTYD_VERSION;
	state->kind = kind;
	state->unit = unit;
	return state;
}

/* Puts the groups in order and joins equal ones. */
static void
state_sort(BtydState *state)
{
	CustomerGroup *groups = state->groups;
	uint32 kept = 0;

	if (state->nsorted == state->ngroups)
		return;
	sort_groups(groups, state->ngroups);
	for (uint32 i = 1; i < state->ngroups; i++)
	{
		if (compare_groups(&groups[i], &groups[kept]) != 0)
			groups[++kept] = groups[i];
		else if (pg_add_u32_overflow(groups[kept].count, groups[i].count, &groups[kept].count))
			ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			                errmsg("too many equal customers in one fit"),
			                errdetail("At most %u can be equal.", PG_UINT32_MAX)));
	}
	state->ngroups = state->nsorted = kept + 1;
}

/* A copy in order, without room to grow: the canonical form. */
BtydState *
btyd_state_finished(const BtydState *state)
{
	BtydState *copy = state_new(state->kind, state->unit, state->ngroups);

	copy->ngroups = state->ngroups;
	copy->nsorted = state->nsorted;
	memcpy(copy->groups, state->groups, sizeof(CustomerGroup) * (Size) state->ngroups);
	state_sort(copy);
	SET_VARSIZE(copy, BTYD_HEADER + sizeof(CustomerGroup) * (Size) copy->ngroups);
	return copy;
}

/* Makes room for n more groups; the state, or a larger one in its place. */
static BtydState *
state_reserve(BtydState *state, uint32 n)
{
	Size capacity = (VARSIZE(state) - BTYD_HEADER) / sizeof(CustomerGroup);
	Size most = (MaxAllocSize - BTYD_HEADER) / sizeof(CustomerGroup);
	BtydState *larger;

	if (state->ngroups + (Size) n <= capacity)
		return state;
	if (state->ngroups >= SORT_RATIO * (Size) Max(state->nsorted, SORT_LEAST / SORT_RATIO) ||
	    2 * capacity > most)
	{
		state_sort(state);
		if (state->ngroups + (Size) n <= capacity / 2)
			return state;
	}
	capacity = Max(2 * capacity, state->ngroups + (Size) n);
	if (capacity > most && state->ngroups + (Size) n <= most)
		capacity = most;
	larger = state_new(state->kind, state->unit, capacity);
	larger->ngroups = state->ngroups;
	larger->nsorted = state->nsorted;
	memcpy(larger->groups, state->groups, sizeof(CustomerGroup) * (Size) state->ngroups);
	/* unused groups are copied, too, and may be sent to another process */
	memset(larger->groups + larger->ngroups, 0,
	       sizeof(CustomerGroup) * (capacity - larger->ngroups));
	return larger;
}

static BtydState *
state_append(BtydState *state, const CustomerGroup *group)
{
	state = state_reserve(state, 1);
	state->groups[state->ngroups++] = *group;
	return state;
}

/* The state to change: the aggregate's own, or a copy of the caller's. */
static BtydState *
state_to_change(FunctionCallInfo fcinfo)
{
	BtydState *state = btyd_state_from_datum(PG_GETARG_DATUM(0));

	if (AggCheckCallContext(fcinfo, NULL))
		return state;
	return btyd_state_finished(state);
}

/* Raises an error unless both states are of one kind and unit. */
static void
check_alike(int kind, int32 unit, int other_kind, int32 other_unit)
{
	if (kind != other_kind)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("cannot merge customers' purchases with customers' amounts")));
	if (unit != other_unit)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("customers of one fit differ in the unit of time"),
		                errdetail("One has a unit of %d days, another of %d (0: not given).", unit,
		                          other_unit),
		                errhint("Give recency and age of all customers in the same unit.")));
}

/* ----------------------------------------------------- transition functions */

/* Raises the error for a customer with missing data. */
static void
report_null(const char *what)
{
	ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
	                errmsg("a customer with a frequency must have %s", what),
	                errdetail("Only rows without a frequency are skipped.")));
}

PG_FUNCTION_INFO_V1(btyd_accum);

/*
 * (state, frequency, recency, age float8 [, unit interval]) -> state. Rows
 * without a frequency, of customers without a purchase, are skipped.
 */
Datum
btyd_accum(PG_FUNCTION_ARGS)
{
	BtydState *state;
	CustomerGroup group;
	double frequency;
	double recency;
	double age;
	int32 unit = 0;

	if (PG_ARGISNULL(1))
		return state_keep(fcinfo);
	if (PG_ARGISNULL(2) || PG_ARGISNULL(3))
		report_null("recency and age");
	frequency = PG_GETARG_FLOAT8(1);
	recency = PG_GETARG_FLOAT8(2);
	age = PG_GETARG_FLOAT8(3);
	if (PG_NARGS() > 4)
	{
		if (PG_ARGISNULL(4))
			report_null("a unit of time");
		unit = rfm_interval_days(PG_GETARG_INTERVAL_P(4), "the unit of time");
	}
	btyd_check_purchases(frequency, recency, age);
	if (PG_ARGISNULL(0))
	{
		state = state_new(BTYD_PURCHASES, unit, FIRST_GROUPS);
		memset(state->groups, 0, sizeof(CustomerGroup) * FIRST_GROUPS);
	}
	else
	{
		state = state_to_change(fcinfo);
		check_alike(state->kind, state->unit, BTYD_PURCHASES, unit);
	}
	/* plus zero, so that minus zero is zero */
	group.recency = recency + 0.0;
	group.age = age + 0.0;
	group.frequency = (uint32) frequency;
	group.count = 1;
	PG_RETURN_POINTER(state_append(state, &group));
}

PG_FUNCTION_INFO_V1(gamma_gamma_accum);

/*
 * (state, frequency, monetary float8) -> state. Rows without a frequency, or
 * with a frequency of zero, say nothing of amounts and are skipped.
 */
Datum
gamma_gamma_accum(PG_FUNCTION_ARGS)
{
	BtydState *state;
	CustomerGroup group;
	double frequency;
	double monetary;

	if (PG_ARGISNULL(1))
		return state_keep(fcinfo);
	frequency = PG_GETARG_FLOAT8(1);
	if (PG_ARGISNULL(2) && frequency != 0)
		report_null("a mean amount");
	monetary = PG_ARGISNULL(2) ? 0 : PG_GETARG_FLOAT8(2);
	btyd_check_amount(frequency, monetary);
	if (PG_ARGISNULL(0))
	{
		state = state_new(BTYD_AMOUNTS, 0, FIRST_GROUPS);
		memset(state->groups, 0, sizeof(CustomerGroup) * FIRST_GROUPS);
	}
	else
	{
		state = state_to_change(fcinfo);
		check_alike(state->kind, state->unit, BTYD_AMOUNTS, 0);
	}
	if (frequency == 0)
		PG_RETURN_POINTER(state);
	group.recency = monetary;
	group.age = 0;
	group.frequency = (uint32) frequency;
	group.count = 1;
	PG_RETURN_POINTER(state_append(state, &group));
}

PG_FUNCTION_INFO_V1(btyd_merge);

/* cdp.merge(btyd_state, btyd_state) -> btyd_state; also combine function of the fits. */
Datum
btyd_merge(PG_FUNCTION_ARGS)
{
	BtydState *state = state_to_change(fcinfo);
	BtydState *other = btyd_state_from_datum(PG_GETARG_DATUM(1));

	check_alike(state->kind, state->unit, other->kind, other->unit);
	state = state_reserve(state, other->ngroups);
	memcpy(state->groups + state->ngroups, other->groups,
	       sizeof(CustomerGroup) * (Size) other->ngroups);
	state->ngroups += other->ngroups;
	if (!AggCheckCallContext(fcinfo, NULL))
		state = btyd_state_finished(state);
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(btyd_finish);

/* Final function of cdp.btyd_agg: the state in its canonical form. */
Datum
btyd_finish(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(btyd_state_finished(btyd_state_from_datum(PG_GETARG_DATUM(0))));
}

PG_FUNCTION_INFO_V1(btyd_customers);

/* cdp.customers(btyd_state) -> bigint */
Datum
btyd_customers(PG_FUNCTION_ARGS)
{
	BtydState *state = btyd_state_from_datum(PG_GETARG_DATUM(0));
	int64 customers = 0;

	for (uint32 i = 0; i < state->ngroups; i++)
		customers += state->groups[i].count;
	PG_RETURN_INT64(customers);
}

/* ---------------------------------------------------------------- binary form */

/* The state in its binary form: see state_receive. */
static bytea *
state_send(const BtydState *original)
{
	BtydState *state = btyd_state_finished(original);
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendbyte(&buf, state->version);
	pq_sendbyte(&buf, state->kind);
	pq_sendint32(&buf, state->unit);
	for (uint32 i = 0; i < state->ngroups; i++)
	{
		if ((i & 4095) == 4095)
			CHECK_FOR_INTERRUPTS();
		pq_sendint32(&buf, state->groups[i].frequency);
		pq_sendint32(&buf, state->groups[i].count);
		pq_sendfloat8(&buf, state->groups[i].recency);
		if (state->kind == BTYD_PURCHASES)
			pq_sendfloat8(&buf, state->groups[i].age);
	}
	return pq_endtypsend(&buf);
}

static void
report_binary(const char *fault)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
	                errmsg("invalid binary value for type %s", "cdp.btyd_state"),
	                errdetail("The value is damaged: %s.", fault)));
}

/*
 * Reads version, kind and unit. Then come frequency, count, recency and age, or
 * frequency, count and mean amount, of each group, ascending. Checks
 * everything.
 */
static BtydState *
state_receive(StringInfo buf)
{
	int version = pq_getmsgbyte(buf);
	int kind = pq_getmsgbyte(buf);
	int32 unit = pq_getmsgint(buf, 4);
	int rest = buf->len - buf->cursor;
	int size = kind == BTYD_PURCHASES ? 24 : 16;
	BtydState *state;

	if (version != BTYD_VERSION)
		report_binary("its version is unknown");
	if ((kind != BTYD_PURCHASES && kind != BTYD_AMOUNTS) || unit < 0 ||
	    (kind == BTYD_AMOUNTS && unit != 0))
		report_binary("its head is none");
	if (rest % size != 0)
		report_binary("it ends within a customer");

	state = state_new(kind, unit, rest / size);
	for (int i = 0; i < rest / size; i++)
	{
		CustomerGroup *group = &state->groups[i];

		if ((i & 4095) == 4095)
			CHECK_FOR_INTERRUPTS();
		group->frequency = pq_getmsgint(buf, 4);
		group->count = pq_getmsgint(buf, 4);
		group->recency = pq_getmsgfloat8(buf);
		group->age = kind == BTYD_PURCHASES ? pq_getmsgfloat8(buf) : 0;
		if (kind == BTYD_PURCHASES)
			btyd_check_purchases(group->frequency, group->recency, group->age);
		else
			btyd_check_amount(group->frequency, group->recency);
		if (group->count == 0 || (kind == BTYD_AMOUNTS && group->frequency == 0) ||
		    signbit(group->recency) || signbit(group->age))
			report_binary("a number is out of range");
		if (i > 0 && compare_groups(group - 1, group) >= 0)
			report_binary("its customers are not in order");
	}
	state->ngroups = state->nsorted = rest / size;
	return state;
}

/* btyd_state_send, btyd_state_recv, btyd_state_out, btyd_state_in */
STATE_IO_FUNCTIONS(btyd_state, btyd_state_from_datum, state_send, state_receive);
