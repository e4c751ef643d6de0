/*
 * models.c
 *	  SQL functions of the customer value models: final functions of the fits,
 *	  constructors, and scoring.
 *
 * A model is a row of a composite type. Scoring functions take it apart once
 * and keep the numbers as long as the next row's model has the same bytes.
 */
#include "base/base.h"

#include <math.h>

#include "executor/executor.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"
#include "value/bgnbd.h"
#include "value/btyd_state.h"
#include "value/gamma_gamma.h"
#include "value/paretonbd.h"
#include "value/rfm.h"
#include "value/special.h"

typedef enum ModelKind
{
	MODEL_BGNBD,
	MODEL_PARETONBD,
	MODEL_GAMMA_GAMMA
} ModelKind;

typedef struct ModelType
{
	const char *name;      /* as people write it */
	const char *type_name; /* in SQL */
	int nparameters;
	const char *parameters[FIT_PARAMETERS];
	int data; /* kind of state */
	void (*fit)(Fit *fit, const CustomerGroup *groups, size_t n, void (*check_interrupts)(void));
} ModelType;

static const ModelType model_types[] = {
    {"BG/NBD", "cdp.bgnbd_model", 4, {"r", "alpha", "a", "b"}, BTYD_PURCHASES, bgnbd_fit},
    {"Pareto/NBD",
     "cdp.paretonbd_model",
     4,
     {"r", "alpha", "s", "beta"},
     BTYD_PURCHASES,
     paretonbd_fit},
    {"Gamma-Gamma",
     "cdp.gamma_gamma_model",
     3,
     {"p", "q", "gamma"},
     BTYD_AMOUNTS,
     gamma_gamma_fit}};

/* ------------------------------------------------------------------ results */

/*
 * The row of a model: parameters, their standard errors, log-likelihood,
 * customers, the unit of time (not in Gamma-Gamma), converged, iterations. What
 * only a fit knows is null without one.
 */
static Datum
model_row(FunctionCallInfo fcinfo, ModelKind kind, const double *parameter, const Fit *fit,
          int64 customers, int32 unit)
{
	const ModelType *type = &model_types[kind];
	int n = type->nparameters;
	TupleDesc tupdesc;
	Datum values[13] = {0};
	bool nulls[13];
	int at = 2 * n;

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	memset(nulls, fit == NULL, sizeof(nulls));
	for (int i = 0; i < n; i++)
	{
		values[i] = Float8GetDatum(parameter[i]);
		nulls[i] = false;
		if (fit)
			values[n + i] = Float8GetDatum(fit->standard_error[i]);
	}
	if (fit)
		values[at] = Float8GetDatum(fit->log_likelihood);
	at++;
	values[at++] = Int64GetDatum(customers);
	if (kind != MODEL_GAMMA_GAMMA)
	{
		nulls[at] = unit == 0;
		if (unit != 0)
		{
			Interval *span = palloc0(sizeof(Interval));

			span->day = unit;
			values[at] = IntervalPGetDatum(span);
		}
		at++;
	}
	values[at++] = BoolGetDatum(true);
	values[at++] = Int32GetDatum(fit ? fit->iterations : 0);
	if (tupdesc->natts != at)
		elog(ERROR, "type %s has %d columns, not %d", type->type_name, tupdesc->natts, at);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls));
}

static void
check_interrupts(void)
{
	CHECK_FOR_INTERRUPTS();
}

/* Raises the error for customers that do not suffice for any fit. */
static void
check_customers(const ModelType *type, const BtydState *state)
{
	const char *detail = NULL;

	if (state->kind != type->data)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("cannot fit %s to these customers", type->name),
		                errdetail("They are given by %s.", state->kind == BTYD_PURCHASES
		                                                       ? "their purchases, without amounts"
		                                                       : "their amounts, without times")));
	if (state->ngroups == 0 || state->groups[state->ngroups - 1].frequency == 0)
		detail = "No customer has a repeat purchase.";
	else if (state->ngroups == 1 && state->groups[0].count == 1)
		detail = "There is one customer.";
	else if (state->ngroups == 1)
		detail = "All customers are identical.";
	if (detail)
		ereport(ERROR,
		        (errcode(ERRCODE_DATA_EXCEPTION),
		         errmsg("cannot fit %s to these customers", type->name), errdetail("%s", detail),
		         errhint("A model describes how customers differ, by their repeat purchases: give "
		                 "it more customers, or a longer time of observation.")));
}

/* Raises the error for a fit that finds no model. */
static void
report_no_fit(const ModelType *type, const Fit *fit, int64 customers)
{
	char *detail;

	if (fit->outcome == FIT_NO_CONVERGENCE)
		detail = psprintf("After %d iterations over " INT64_FORMAT
		                  " customers the likelihood has no maximum.",
		                  fit->iterations, customers);
	else if (fit->culprit < 0)
		detail = psprintf("The likelihood of " INT64_FORMAT
		                  " customers does not determine the parameters.",
		                  customers);
	else
		detail =
		    psprintf("The likelihood of " INT64_FORMAT
		             " customers has no maximum: it is the better the %s %s is.",
		             customers, fit->grows ? "larger" : "smaller", type->parameters[fit->culprit]);
	ereport(
	    ERROR,
	    (errcode(ERRCODE_DATA_EXCEPTION), errmsg("the fit of %s does not converge", type->name),
	     errdetail("%s", detail),
	     type->data == BTYD_AMOUNTS
	         ? errhint("Amounts that hardly differ, within or between customers, have no maximum: "
	                   "use their mean instead.")
	         : errhint("Customers who never leave, or who are all alike, have no maximum: give it "
	                   "more customers or a longer time of observation, or try the other model.")));
}

/* Fits a model to a state. */
static Datum
fit_model(FunctionCallInfo fcinfo, ModelKind kind)
{
	const ModelType *type = &model_types[kind];
	BtydState *state = btyd_state_from_datum(PG_GETARG_DATUM(0));
	Fit fit = {.iterations = 0};
	int64 customers = 0;

	if (state->nsorted != state->ngroups)
		state = btyd_state_finished(state);
	check_customers(type, state);
	for (uint32 i = 0; i < state->ngroups; i++)
		customers += state->groups[i].count;
	type->fit(&fit, state->groups, state->ngroups, check_interrupts);
	if (fit.outcome != FIT_OK)
		report_no_fit(type, &fit, customers);
	return model_row(fcinfo, kind, fit.parameter, &fit, customers, state->unit);
}

PG_FUNCTION_INFO_V1(bgnbd_fit_state);

/* cdp.bgnbd_fit(btyd_state) -> bgnbd_model */
Datum
bgnbd_fit_state(PG_FUNCTION_ARGS)
{
	return fit_model(fcinfo, MODEL_BGNBD);
}

PG_FUNCTION_INFO_V1(paretonbd_fit_state);

/* cdp.paretonbd_fit(btyd_state) -> paretonbd_model */
Datum
paretonbd_fit_state(PG_FUNCTION_ARGS)
{
	return fit_model(fcinfo, MODEL_PARETONBD);
}

PG_FUNCTION_INFO_V1(gamma_gamma_fit_state);

/* cdp.gamma_gamma_fit(btyd_state) -> gamma_gamma_model */
Datum
gamma_gamma_fit_state(PG_FUNCTION_ARGS)
{
	return fit_model(fcinfo, MODEL_GAMMA_GAMMA);
}

/* Raises an error unless the parameter of a model is a finite number above zero. */
static void
check_parameter(const ModelType *type, int i, double value)
{
	if (!(value > 0) || isinf(value))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("parameter %s of %s must be a finite number above zero",
		                       type->parameters[i], type->name),
		                errdetail("It is %g.", value)));
}

/* A model of known parameters, which come first; then, where it has one, the unit of time or null. */
static Datum
make_model(FunctionCallInfo fcinfo, ModelKind kind)
{
	const ModelType *type = &model_types[kind];
	double parameter[FIT_PARAMETERS];
	int32 unit = 0;

	for (int i = 0; i < type->nparameters; i++)
	{
		if (PG_ARGISNULL(i))
			PG_RETURN_NULL();
		parameter[i] = PG_GETARG_FLOAT8(i);
		check_parameter(type, i, parameter[i]);
	}
	if (kind != MODEL_GAMMA_GAMMA && !PG_ARGISNULL(4))
		unit = rfm_interval_days(PG_GETARG_INTERVAL_P(4), "the unit of time");
	return model_row(fcinfo, kind, parameter, NULL, 0, unit);
}

PG_FUNCTION_INFO_V1(bgnbd_model_make);

Datum
bgnbd_model_make(PG_FUNCTION_ARGS)
{
	return make_model(fcinfo, MODEL_BGNBD);
}

PG_FUNCTION_INFO_V1(paretonbd_model_make);

Datum
paretonbd_model_make(PG_FUNCTION_ARGS)
{
	return make_model(fcinfo, MODEL_PARETONBD);
}

PG_FUNCTION_INFO_V1(gamma_gamma_model_make);

Datum
gamma_gamma_model_make(PG_FUNCTION_ARGS)
{
	return make_model(fcinfo, MODEL_GAMMA_GAMMA);
}

/* ------------------------------------------------------------------ arguments */

/* A model taken apart. */
typedef struct Model
{
	Size len; /* of bytes; 0: none yet */
	char *bytes;
	Size room;
	ModelKind kind;
	double parameter[FIT_PARAMETERS];
	int32 unit; /* in days; 0: not known */
} Model;

/* The two that a call can have: a model of purchases, and Gamma-Gamma. */
typedef struct ModelCache
{
	Model first;
	Model second;
} ModelCache;

/* Takes a model's row apart. */
static void
read_model(Model *model, HeapTupleHeader row, ModelKind kind, MemoryContext context)
{
	const ModelType *type = &model_types[kind];
	Size len = HeapTupleHeaderGetDatumLength(row);
	bool isnull;

	model->len = 0;
	model->kind = kind;
	for (int i = 0; i < type->nparameters; i++)
	{
		Datum value = GetAttributeByName(row, type->parameters[i], &isnull);

		if (isnull)
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			                errmsg("parameter %s of %s must not be null", type->parameters[i],
			                       type->name)));
		model->parameter[i] = DatumGetFloat8(value);
		check_parameter(type, i, model->parameter[i]);
	}
	model->unit = 0;
	if (kind != MODEL_GAMMA_GAMMA)
	{
		Datum value = GetAttributeByName(row, "unit", &isnull);

		if (!isnull)
			model->unit = rfm_interval_days(DatumGetIntervalP(value), "the unit of time");
	}
	if (len > model->room)
	{
		model->bytes = MemoryContextAlloc(context, len);
		model->room = len;
	}
	memcpy(model->bytes, row, len);
	model->len = len;
}

/* Argument n, a model of some kind. */
static const Model *
get_model(FunctionCallInfo fcinfo, int n, ModelKind kind)
{
	HeapTupleHeader row = PG_GETARG_HEAPTUPLEHEADER(n);
	ModelCache *cache = fcinfo->flinfo->fn_extra;
	Model *model;

	special_check_interrupts = check_interrupts;
	if (cache == NULL)
		cache = fcinfo->flinfo->fn_extra =
		    MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(ModelCache));
	model = n == 0 ? &cache->first : &cache->second;
	if (model->len != HeapTupleHeaderGetDatumLength(row) ||
	    memcmp(model->bytes, row, model->len) != 0)
		read_model(model, row, kind, fcinfo->flinfo->fn_mcxt);
	return model;
}

static inline BgnbdModel
as_bgnbd(const Model *model)
{
	return (BgnbdModel){model->parameter[0], model->parameter[1], model->parameter[2],
	                    model->parameter[3]};
}

static inline ParetonbdModel
as_paretonbd(const Model *model)
{
	return (ParetonbdModel){model->parameter[0], model->parameter[1], model->parameter[2],
	                        model->parameter[3]};
}

static inline GammaGammaModel
as_gamma_gamma(const Model *model)
{
	return (GammaGammaModel){model->parameter[0], model->parameter[1], model->parameter[2]};
}

/* A customer: arguments n to n + 2. */
typedef struct Customer
{
	double x;
	double tx;
	double T;
} Customer;

static inline Customer
get_customer(FunctionCallInfo fcinfo, int n)
{
	Customer customer = {PG_GETARG_FLOAT8(n), PG_GETARG_FLOAT8(n + 1), PG_GETARG_FLOAT8(n + 2)};

	btyd_check_purchases(customer.x, customer.tx, customer.T);
	return customer;
}

/* Argument n, a span of time in units: finite, zero or more. */
static double
get_span(FunctionCallInfo fcinfo, int n)
{
	double span = PG_GETARG_FLOAT8(n);

	if (!(span >= 0) || isinf(span))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("a span of time must be a finite number of zero or more"),
		                errdetail("It is %g.", span)));
	return span;
}

/* ------------------------------------------------------------------ scoring */

/* (model, frequency, recency, age) -> float8, one function per model. */
#define CUSTOMER_FUNCTION(name, kind, type, kernel)                                                \
	PG_FUNCTION_INFO_V1(name);                                                                     \
	Datum name(PG_FUNCTION_ARGS)                                                                   \
	{                                                                                              \
		type model = as_##type(get_model(fcinfo, 0, kind));                                        \
		Customer c = get_customer(fcinfo, 1);                                                      \
                                                                                                   \
		PG_RETURN_FLOAT8(kernel(&model, c.x, c.tx, c.T));                                          \
	}

#define as_BgnbdModel as_bgnbd
#define as_ParetonbdModel as_paretonbd

CUSTOMER_FUNCTION(value_bgnbd_p_alive, MODEL_BGNBD, BgnbdModel, bgnbd_p_alive)
CUSTOMER_FUNCTION(value_paretonbd_p_alive, MODEL_PARETONBD, ParetonbdModel, paretonbd_p_alive)
CUSTOMER_FUNCTION(value_bgnbd_log_likelihood, MODEL_BGNBD, BgnbdModel, bgnbd_log_likelihood)
CUSTOMER_FUNCTION(value_paretonbd_log_likelihood, MODEL_PARETONBD, ParetonbdModel,
                  paretonbd_log_likelihood)

PG_FUNCTION_INFO_V1(value_bgnbd_expected);

/* cdp.expected_purchases(bgnbd_model, frequency, recency, age, t) -> float8 */
Datum
value_bgnbd_expected(PG_FUNCTION_ARGS)
{
	BgnbdModel model = as_bgnbd(get_model(fcinfo, 0, MODEL_BGNBD));
	Customer c = get_customer(fcinfo, 1);

	PG_RETURN_FLOAT8(bgnbd_expected(&model, c.x, c.tx, c.T, get_span(fcinfo, 4)));
}

PG_FUNCTION_INFO_V1(value_paretonbd_expected);

/* cdp.expected_purchases(paretonbd_model, frequency, recency, age, t) -> float8 */
Datum
value_paretonbd_expected(PG_FUNCTION_ARGS)
{
	ParetonbdModel model = as_paretonbd(get_model(fcinfo, 0, MODEL_PARETONBD));
	Customer c = get_customer(fcinfo, 1);

	PG_RETURN_FLOAT8(paretonbd_expected(&model, c.x, c.tx, c.T, get_span(fcinfo, 4)));
}

PG_FUNCTION_INFO_V1(value_bgnbd_expected_new);

/* cdp.expected_purchases_new(bgnbd_model, t) -> float8 */
Datum
value_bgnbd_expected_new(PG_FUNCTION_ARGS)
{
	BgnbdModel model = as_bgnbd(get_model(fcinfo, 0, MODEL_BGNBD));

	PG_RETURN_FLOAT8(bgnbd_expected_new(&model, get_span(fcinfo, 1)));
}

PG_FUNCTION_INFO_V1(value_paretonbd_expected_new);

/* cdp.expected_purchases_new(paretonbd_model, t) -> float8 */
Datum
value_paretonbd_expected_new(PG_FUNCTION_ARGS)
{
	ParetonbdModel model = as_paretonbd(get_model(fcinfo, 0, MODEL_PARETONBD));

	PG_RETURN_FLOAT8(paretonbd_expected_new(&model, get_span(fcinfo, 1)));
}

/* Raises an error unless a sum without an end is discounted. */
static double
check_discount(double delta)
{
	if (!(delta > 0) || isinf(delta))
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		         errmsg("a discount rate must be a finite number above zero"),
		         errdetail("It is %g.", delta),
		         errhint("Without a discount or a horizon the purchases to come have no end.")));
	return delta;
}

PG_FUNCTION_INFO_V1(value_bgnbd_dert);

/* cdp.dert(bgnbd_model, frequency, recency, age, discount_rate) -> float8 */
Datum
value_bgnbd_dert(PG_FUNCTION_ARGS)
{
	BgnbdModel model = as_bgnbd(get_model(fcinfo, 0, MODEL_BGNBD));
	Customer c = get_customer(fcinfo, 1);

	PG_RETURN_FLOAT8(bgnbd_dert(&model, c.x, c.tx, c.T, check_discount(PG_GETARG_FLOAT8(4))));
}

PG_FUNCTION_INFO_V1(value_paretonbd_dert);

/* cdp.dert(paretonbd_model, frequency, recency, age, discount_rate) -> float8 */
Datum
value_paretonbd_dert(PG_FUNCTION_ARGS)
{
	ParetonbdModel model = as_paretonbd(get_model(fcinfo, 0, MODEL_PARETONBD));
	Customer c = get_customer(fcinfo, 1);

	PG_RETURN_FLOAT8(paretonbd_dert(&model, c.x, c.tx, c.T, check_discount(PG_GETARG_FLOAT8(4))));
}

/* A customer's expected mean amount; monetary counts only where x > 0. */
static double
expected_average(const Model *gg, double x, bool no_amount, double monetary)
{
	GammaGammaModel model = as_gamma_gamma(gg);
	double expected;

	if (x > 0 && no_amount)
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
		                errmsg("a customer with a frequency must have %s", "a mean amount")));
	btyd_check_amount(x, no_amount ? 0 : monetary);
	expected = gamma_gamma_expected(&model, x, no_amount ? 0 : monetary);
	if (isinf(expected))
		ereport(ERROR,
		        (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
		         errmsg("the expected amount of a customer without purchases is infinite"),
		         errdetail("The model's q is %g, and needs to be above 1.", model.q),
		         errhint("Score repeat customers only, or fit the model to more customers.")));
	return expected;
}

PG_FUNCTION_INFO_V1(value_expected_average);

/* cdp.expected_average(gamma_gamma_model, frequency, monetary) -> float8; monetary may be null. */
Datum
value_expected_average(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(expected_average(get_model(fcinfo, 0, MODEL_GAMMA_GAMMA), PG_GETARG_FLOAT8(1),
	                                  PG_ARGISNULL(2), PG_ARGISNULL(2) ? 0 : PG_GETARG_FLOAT8(2)));
}

PG_FUNCTION_INFO_V1(value_gamma_gamma_log_likelihood);

/* cdp.log_likelihood(gamma_gamma_model, frequency, monetary) -> float8; 0 at a frequency of 0 */
Datum
value_gamma_gamma_log_likelihood(PG_FUNCTION_ARGS)
{
	GammaGammaModel model = as_gamma_gamma(get_model(fcinfo, 0, MODEL_GAMMA_GAMMA));
	double x = PG_GETARG_FLOAT8(1);
	double z = PG_GETARG_FLOAT8(2);

	btyd_check_amount(x, z);
	PG_RETURN_FLOAT8(x > 0 ? gamma_gamma_log_likelihood(&model, x, z) : 0);
}

/* The length of an interval in days; a month has 30.4375, a year 365.25. */
static double
interval_length(const Interval *span)
{
	return span->month * 30.4375 + span->day + span->time / (double) USECS_PER_DAY;
}

/*
 * The discount rate per unit of the model, continuously, of one that is given
 * per period, in days.
 */
static double
rate_per_unit(double rate, const Interval *period, const Model *model)
{
	double days = interval_length(period);

	if (!(rate >= 0) || isinf(rate))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("a discount rate must be a finite number of zero or more"),
		                errdetail("It is %g.", rate)));
	if (!(days > 0))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("the period of a discount rate must be above zero")));
	return log1p(rate) * model->unit / days;
}

/* Raises an error where a model without a unit of time is asked for what needs one. */
static void
check_unit(const Model *model)
{
	if (model->unit == 0)
		ereport(
		    ERROR,
		    (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("the model has no unit of time"),
		     errhint("Give the unit to the fit or the constructor, such as '7 days': the horizon "
		             "and the discount rate have units of their own.")));
}

/*
 * Purchases until a horizon, or where endless without one, discounted by a rate
 * per period.
 */
static double
discounted(const Model *model, const Customer *c, bool endless, const Interval *horizon,
           double rate, const Interval *period)
{
	double span = HUGE_VAL;
	double delta;

	check_unit(model);
	delta = rate_per_unit(rate, period, model);
	if (!endless)
	{
		span = interval_length(horizon) / model->unit;
		if (!(span >= 0))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			                errmsg("the horizon must not be negative")));
	}
	else
		check_discount(delta);
	if (model->kind == MODEL_BGNBD)
	{
		BgnbdModel bgnbd = as_bgnbd(model);

		return bgnbd_discounted(&bgnbd, c->x, c->tx, c->T, span, delta);
	}
	else
	{
		ParetonbdModel paretonbd = as_paretonbd(model);

		return paretonbd_discounted(&paretonbd, c->x, c->tx, c->T, span, delta);
	}
}

/*
 * cdp.clv(model, gamma_gamma_model, frequency, recency, age, monetary, horizon
 * interval, margin, discount_rate float8, discount_period interval) -> float8.
 * monetary and horizon may be null.
 */
static Datum
clv(FunctionCallInfo fcinfo, ModelKind kind)
{
	const Model *model;
	const Model *gg;
	Customer c;
	double margin;
	double amount;

	for (int i = 0; i < 10; i++)
	{
		if (i != 5 && i != 6 && PG_ARGISNULL(i))
			PG_RETURN_NULL();
	}
	model = get_model(fcinfo, 0, kind);
	gg = get_model(fcinfo, 1, MODEL_GAMMA_GAMMA);
	c = get_customer(fcinfo, 2);
	margin = PG_GETARG_FLOAT8(7);
	if (!isfinite(margin))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("margin must be finite")));
	amount = expected_average(gg, c.x, PG_ARGISNULL(5), PG_ARGISNULL(5) ? 0 : PG_GETARG_FLOAT8(5));
	PG_RETURN_FLOAT8(margin * amount *
	                 discounted(model, &c, PG_ARGISNULL(6),
	                            PG_ARGISNULL(6) ? NULL : PG_GETARG_INTERVAL_P(6),
	                            PG_GETARG_FLOAT8(8), PG_GETARG_INTERVAL_P(9)));
}

PG_FUNCTION_INFO_V1(value_bgnbd_clv);

Datum
value_bgnbd_clv(PG_FUNCTION_ARGS)
{
	return clv(fcinfo, MODEL_BGNBD);
}

PG_FUNCTION_INFO_V1(value_paretonbd_clv);

Datum
value_paretonbd_clv(PG_FUNCTION_ARGS)
{
	return clv(fcinfo, MODEL_PARETONBD);
}

PG_FUNCTION_INFO_V1(value_days);

/* cdp.days(interval) -> float8 */
Datum
value_days(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(interval_length(PG_GETARG_INTERVAL_P(0)));
}
