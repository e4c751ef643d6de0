/*
 * value.c
 *	  Customers per second through the kernels of the customer value models,
 *	  one core, no server; with "simulate N" customers to fit: frequency, recency
 *	  and age of N, simulated from BG/NBD. See test/bench/value.py.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "simulate.h"
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

/* Of the processor: what else the machine does hardly matters. */
static double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec + now.tv_nsec * 1e-9;
}

static int
compare(const void *a, const void *b)
{
	return (*(const double *) a > *(const double *) b) -
	       (*(const double *) a < *(const double *) b);
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

/* Customers who came over a quarter, observed for half a year on the average; no two are alike. */
static double
age_of(void)
{
	return 20 + 13 * uniform();
}

static void
print_simulated(int n)
{
	static const double parameter[] = {0.2426, 4.4136, 0.7929, 2.4259};
	CustomerGroup *groups = malloc(sizeof(CustomerGroup) * n);

	simulation_state = 2005;
	simulate_bgnbd(groups, parameter, n);
	for (int i = 0; i < n; i++)
		printf("%u\t%.17g\t%.17g\n", groups[i].frequency, groups[i].recency, groups[i].age);
	free(groups);
}

int
main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "simulate") == 0)
	{
		print_simulated(atoi(argv[2]));
		return 0;
	}
	srand48(7);
	for (int i = 0; i < CUSTOMERS; i++)
	{
		T[i] = 26 + 13 * drand48();
		x[i] = drand48() < 0.4 ? 0 : floor(-3 * log(drand48())) + 1;
		tx[i] = x[i] == 0 ? 0 : T[i] * drand48();
	}
	MEASURE("BG/NBD p_alive", bgnbd_p_alive(&bgnbd, x[i], tx[i], T[i]));
	MEASURE("BG/NBD p_alive, repeat customers only", bgnbd_p_alive(&bgnbd, x[i] + 1, tx[i], T[i]));
	MEASURE("BG/NBD expected purchases in 39", bgnbd_expected(&bgnbd, x[i], tx[i], T[i], 39));
	MEASURE("BG/NBD expected purchases in 52", bgnbd_expected(&bgnbd, x[i], tx[i], T[i], 52));
	MEASURE("BG/NBD discounted purchases in 52",
	        bgnbd_discounted(&bgnbd, x[i], tx[i], T[i], 52, 0.0027));
	MEASURE("Pareto/NBD p_alive", paretonbd_p_alive(&paretonbd, x[i], tx[i], T[i]));
	MEASURE("Pareto/NBD expected purchases in 52",
	        paretonbd_expected(&paretonbd, x[i], tx[i], T[i], 52));
	MEASURE("Pareto/NBD DERT", paretonbd_dert(&paretonbd, x[i], tx[i], T[i], 0.0027));
	return 0;
}
