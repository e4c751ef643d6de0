/*
 * value_fit_test.c
 *	  The fits of the customer value models recover what customers were
 *	  simulated from, and their standard errors are the spread over seeds.
 *
 * links: src/value/special.c src/value/paretonbd.c src/value/bgnbd.c src/value/gamma_gamma.c src/value/fit.c src/value/bgnbd_fit.c src/value/paretonbd_fit.c src/value/gamma_gamma_fit.c
 * timeout: 120
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "simulate.h"
#include "tap.h"
#include "value/bgnbd.h"
#include "value/fit.h"
#include "value/gamma_gamma.h"
#include "value/paretonbd.h"

#define CUSTOMERS_MAX 100000

static CustomerGroup groups[CUSTOMERS_MAX];

/* Customers who came over the first third of 78 weeks, in the middle of each. */
static double
age_of(void)
{
	return 52.5 + floor(26 * uniform());
}

static int
compare(const void *a, const void *b)
{
	const CustomerGroup *left = a;
	const CustomerGroup *right = b;

	if (left->frequency != right->frequency)
		return left->frequency < right->frequency ? -1 : 1;
	if (left->age != right->age)
		return left->age < right->age ? -1 : 1;
	return (left->recency > right->recency) - (left->recency < right->recency);
}

/* ----------------------------------------------------------------- tests */

typedef struct Model
{
	const char *name;
	int nparameters;
	void (*simulate)(CustomerGroup *groups, const double *parameter, int n);
	void (*fit)(Fit *fit, const CustomerGroup *groups, size_t n, void (*check)(void));
} Model;

static const Model bgnbd = {"BG/NBD", 4, simulate_bgnbd, bgnbd_fit};
static const Model paretonbd = {"Pareto/NBD", 4, simulate_paretonbd, paretonbd_fit};
static const Model gamma_gamma = {"Gamma-Gamma", 3, simulate_gamma_gamma, gamma_gamma_fit};

/* Simulates and fits; the number of groups, equal customers as one. */
static int
fit_simulated(const Model *model, const double *parameter, int n, uint64_t seed, Fit *fit)
{
	int kept = 0;

	simulation_state = seed * 0x9E3779B97F4A7C15ULL + 1;
	model->simulate(groups, parameter, n);
	qsort(groups, n, sizeof(CustomerGroup), compare);
	for (int i = 1; i < n; i++)
	{
		if (compare(&groups[i], &groups[kept]) == 0)
			groups[kept].count++;
		else
			groups[++kept] = groups[i];
	}
	memset(fit, 0, sizeof(Fit));
	model->fit(fit, groups, kept + 1, NULL);
	return kept + 1;
}

/* The sum of the log-likelihoods of single customers, which the golden rows prove. */
static double
sum_of_customers(const Model *model, const double *p, int ngroups)
{
	double sum = 0;

	for (int i = 0; i < ngroups; i++)
	{
		const CustomerGroup *g = &groups[i];
		BgnbdModel b = {p[0], p[1], p[2], p[3]};
		ParetonbdModel q = {p[0], p[1], p[2], p[3]};
		GammaGammaModel m = {p[0], p[1], p[2]};

		if (model == &bgnbd)
			sum += g->count * bgnbd_log_likelihood(&b, g->frequency, g->recency, g->age);
		else if (model == &paretonbd)
			sum += g->count * paretonbd_log_likelihood(&q, g->frequency, g->recency, g->age);
		else
			sum += g->count * gamma_gamma_log_likelihood(&m, g->frequency, g->recency);
	}
	return sum;
}

static void
test_recovery(const Model *model, const double *parameter, int n, uint64_t seed)
{
	Fit fit;
	bool near = true;
	double sum;
	int ngroups = fit_simulated(model, parameter, n, seed, &fit);

	for (int i = 0; i < model->nparameters; i++)
		near = near && fabs(fit.parameter[i] - parameter[i]) < 3 * fit.standard_error[i] &&
		       fit.standard_error[i] < parameter[i];
	if (!ok(fit.outcome == FIT_OK && near, "%s: %d customers of %g, %g, %g, %g are recovered",
	        model->name, n, parameter[0], parameter[1], parameter[2], parameter[3]))
		for (int i = 0; i < model->nparameters; i++)
			printf("# outcome %d: %g (standard error %g), not %g\n", fit.outcome, fit.parameter[i],
			       fit.standard_error[i], parameter[i]);
	sum = sum_of_customers(model, fit.parameter, ngroups);
	ok(fabs(sum - fit.log_likelihood) < 1e-11 * fabs(sum) &&
	       sum >= sum_of_customers(model, parameter, ngroups),
	   "%s: the log-likelihood is the sum over customers, and no lower than the truth's",
	   model->name);
	/* no neighbour is better */
	for (int i = 0; i < model->nparameters; i++)
	{
		double beside[FIT_PARAMETERS];

		for (int side = -1; side <= 1; side += 2)
		{
			if (model == &paretonbd && side < 0)
				continue; /* its sums take long */
			memcpy(beside, fit.parameter, sizeof(beside));
			beside[i] += side * 1e-3 * fit.standard_error[i];
			if (sum_of_customers(model, beside, ngroups) > sum + 1e-11 * fabs(sum))
				ok(false, "%s: parameter %d is at the maximum", model->name, i);
		}
	}
}

/* Mean squared standard errors against the variance of the estimates over seeds. */
static void
test_spread(const Model *model, const double *parameter, int n, int seeds)
{
	double sum[FIT_PARAMETERS] = {0};
	double squares[FIT_PARAMETERS] = {0};
	double errors[FIT_PARAMETERS] = {0};
	int failed = 0;

	for (int seed = 0; seed < seeds; seed++)
	{
		Fit fit;

		fit_simulated(model, parameter, n, 1000 + seed, &fit);
		failed += fit.outcome != FIT_OK;
		for (int i = 0; i < model->nparameters; i++)
		{
			/* of the logarithms, whose distribution is nearer to normal */
			sum[i] += log(fit.parameter[i]);
			squares[i] += log(fit.parameter[i]) * log(fit.parameter[i]);
			errors[i] += pow(fit.standard_error[i] / fit.parameter[i], 2);
		}
	}
	for (int i = 0; i < model->nparameters; i++)
	{
		double variance = (squares[i] - sum[i] * sum[i] / seeds) / (seeds - 1);
		double ratio = sqrt(variance / (errors[i] / seeds));

		/* a standard deviation of n samples is itself known to 1 / sqrt(2 n) */
		ok(failed == 0 && fabs(ratio - 1) < 3.5 / sqrt(2.0 * seeds),
		   "%s: parameter %d spreads over %d seeds as its standard error says (ratio %.3f)",
		   model->name, i, seeds, ratio);
	}
}

/* Fits that must fail, and say so. */
static void
test_failure(const char *name, const Model *model, const CustomerGroup *data, size_t n)
{
	Fit fit;

	memset(&fit, 0, sizeof(fit));
	model->fit(&fit, data, n, NULL);
	ok(fit.outcome != FIT_OK, "%s: %s is no fit", model->name, name);
}

static int calls;

static void
count_call(void)
{
	calls++;
}

int
main(void)
{
	static const double bgnbd_parameters[][4] = {
	    {0.243, 4.414, 0.793, 2.426}, {1.5, 20, 0.4, 4}, {0.1, 0.5, 0.2, 1}, {4, 3, 2.5, 0.8}};
	static const double paretonbd_parameters[][4] = {
	    {0.553, 10.578, 0.606, 11.669}, {2, 15, 1.2, 30}, {0.15, 2, 0.3, 4}};
	static const double gamma_parameters[][4] = {{6.25, 3.74, 15.44, 0}, {2, 2.2, 40, 0}};
	static const CustomerGroup nobody_left[] = {
	    {50, 50, 20, 10}, {52, 52, 18, 10}, {60, 60, 22, 10}, {61, 61, 24, 10}};
	static const CustomerGroup one_kind[] = {{10, 30, 2, 1000}};
	Fit fit;
	int ngroups;

	for (size_t i = 0; i < sizeof(bgnbd_parameters) / sizeof(bgnbd_parameters[0]); i++)
		test_recovery(&bgnbd, bgnbd_parameters[i], 100000, 11 + i);
	for (size_t i = 0; i < sizeof(paretonbd_parameters) / sizeof(paretonbd_parameters[0]); i++)
		test_recovery(&paretonbd, paretonbd_parameters[i], 100000, 21 + i);
	for (size_t i = 0; i < sizeof(gamma_parameters) / sizeof(gamma_parameters[0]); i++)
		test_recovery(&gamma_gamma, gamma_parameters[i], 100000, 31 + i);

	test_spread(&bgnbd, bgnbd_parameters[0], 10000, 100);
	test_spread(&paretonbd, paretonbd_parameters[0], 4000, 30);
	test_spread(&gamma_gamma, gamma_parameters[0], 4000, 100);

	test_failure("nobody who has left", &bgnbd, nobody_left, 4);
	test_failure("one kind of customer", &bgnbd, one_kind, 1);
	test_failure("one kind of customer", &paretonbd, one_kind, 1);
	test_failure("one kind of customer", &gamma_gamma, one_kind, 1);

	ngroups = fit_simulated(&bgnbd, bgnbd_parameters[0], 100000, 5, &fit);
	bgnbd_fit(&fit, groups, ngroups, count_call);
	ok(calls >= ngroups / 4096 * 2, "a fit looks for interrupts (%d times)", calls);
	return done_testing();
}
