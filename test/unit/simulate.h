/*
 * simulate.h
 *	  Customers simulated from the models of customer value, for tests and
 *	  measurements. Who includes it says how long customers are observed.
 */
#ifndef CDP_TEST_SIMULATE_H
#define CDP_TEST_SIMULATE_H

#include <math.h>
#include <stdint.h>

#include "value/fit.h"

/* Time from a customer's first purchase to the end of observation. */
static double age_of(void);

/* ------------------------------------------------------- random numbers */

static uint64_t simulation_state = 1;

/* xorshift64*, in (0, 1) */
static double
uniform(void)
{
	simulation_state ^= simulation_state >> 12;
	simulation_state ^= simulation_state << 25;
	simulation_state ^= simulation_state >> 27;
	return ((simulation_state * 2685821657736338717ULL >> 11) + 0.5) / 9007199254740992.0;
}

static double
normal(void)
{
	return sqrt(-2 * log(uniform())) * cos(6.283185307179586 * uniform());
}

/* Marsaglia and Tsang; below 1 by the usual power of a uniform number. */
static double
gamma_of(double shape)
{
	double d;
	double c;

	if (shape < 1)
		return gamma_of(shape + 1) * pow(uniform(), 1 / shape);
	d = shape - 1.0 / 3;
	c = 1 / sqrt(9 * d);
	for (;;)
	{
		double n = normal();
		double v = pow(1 + c * n, 3);

		if (v > 0 && log(uniform()) < n * n / 2 + d - d * v + d * log(v))
			return d * v;
	}
}

static double
beta_of(double a, double b)
{
	double left = gamma_of(a);

	return left / (left + gamma_of(b));
}

/* ------------------------------------------------------------ customers */

__attribute__((unused)) static void
simulate_bgnbd(CustomerGroup *groups, const double *parameter, int n)
{
	for (int i = 0; i < n; i++)
	{
		double rate = gamma_of(parameter[0]) / parameter[1];
		double p = beta_of(parameter[2], parameter[3]);
		double age = age_of();
		double at = 0;
		CustomerGroup group = {0, age, 0, 1};

		for (;;)
		{
			at -= log(uniform()) / rate;
			if (at > age)
				break;
			group.frequency++;
			group.recency = at;
			if (uniform() < p)
				break;
		}
		groups[i] = group;
	}
}

__attribute__((unused)) static void
simulate_paretonbd(CustomerGroup *groups, const double *parameter, int n)
{
	for (int i = 0; i < n; i++)
	{
		double rate = gamma_of(parameter[0]) / parameter[1];
		double death = -log(uniform()) / (gamma_of(parameter[2]) / parameter[3]);
		double age = age_of();
		double end = death < age ? death : age;
		double at = 0;
		CustomerGroup group = {0, age, 0, 1};

		for (;;)
		{
			at -= log(uniform()) / rate;
			if (at > end)
				break;
			group.frequency++;
			group.recency = at;
		}
		groups[i] = group;
	}
}

__attribute__((unused)) static void
simulate_gamma_gamma(CustomerGroup *groups, const double *parameter, int n)
{
	for (int i = 0; i < n; i++)
	{
		double rate = gamma_of(parameter[1]) / parameter[2];
		int x = 1 + (int) (-3 * log(uniform()));
		CustomerGroup group = {gamma_of(parameter[0] * x) / rate / x, 0, x, 1};

		groups[i] = group;
	}
}

#endif /* CDP_TEST_SIMULATE_H */
