/*
 * value.c
 *	  Customers per second through the kernels of the customer value models,
 *	  one core, no server. See test/bench/run.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "value/bgnbd.h"
#include "value/paretonbd.h"

#define CUSTOMERS 100000
#define ROUNDS 5

static double x[CUSTOMERS];
static double tx[CUSTOMERS];
static double T[CUSTOMERS];
static const BgnbdModel bgnbd = {0.2426, 4.4136, 0.7929, 2.4259};
static const ParetonbdModel paretonbd = {0.5533, 10.5777, 0.6062, 11.6687};
static volatile double sink;

static double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec * 1e-9;
}

static int
compare(const void *a, const void *b)
{
	return (*(const double *) a > *(const double *) b) - (*(const double *) a < *(const double *) b);
}

/* Prints the median of some rounds over all customers. */
#define MEASURE(name, call)                                                                        \
	do                                                                                             \
	{                                                                                              \
		double rounds[ROUNDS];                                                                     \
                                                                                                   \
		for (int round = 0; round < ROUNDS; round++)                                               \
		{                                                                                          \
			double start = seconds();                                                              \
			double sum = 0;                                                                        \
                                                                                                   \
			for (int i = 0; i < CUSTOMERS; i++)                                                    \
				sum += call;                                                                       \
			sink = sum;                                                                            \
			rounds[round] = CUSTOMERS / (seconds() - start);                                       \
		}                                                                                          \
		qsort(rounds, ROUNDS, sizeof(double), compare);                                            \
		printf("    %-44s %8.2f million/s\n", name, rounds[ROUNDS / 2] / 1e6);                     \
	} while (0)

int
main(void)
{
	srand48(7);
	for (int i = 0; i < CUSTOMERS; i++)
	{
		T[i] = 26 + 13 * drand48();
		x[i] = drand48() < 0.4 ? 0 : floor(-3 * log(drand48())) + 1;
		tx[i] = x[i] == 0 ? 0 : T[i] * drand48();
	}
	MEASURE("BG/NBD p_alive", bgnbd_p_alive(&bgnbd, x[i], tx[i], T[i]));
	MEASURE("BG/NBD p_alive, repeat customers only",
	        bgnbd_p_alive(&bgnbd, x[i] + 1, tx[i], T[i]));
	MEASURE("BG/NBD expected purchases in 39", bgnbd_expected(&bgnbd, x[i], tx[i], T[i], 39));
	MEASURE("BG/NBD expected purchases in 52", bgnbd_expected(&bgnbd, x[i], tx[i], T[i], 52));
	MEASURE("BG/NBD discounted purchases in 52", bgnbd_discounted(&bgnbd, x[i], tx[i], T[i], 52, 0.0027));
	MEASURE("Pareto/NBD p_alive", paretonbd_p_alive(&paretonbd, x[i], tx[i], T[i]));
	MEASURE("Pareto/NBD expected purchases in 52",
	        paretonbd_expected(&paretonbd, x[i], tx[i], T[i], 52));
	MEASURE("Pareto/NBD DERT", paretonbd_dert(&paretonbd, x[i], tx[i], T[i], 0.0027));
	return 0;
}
