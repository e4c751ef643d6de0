/*
 * special.h
 *	  Special functions and quadrature for the models of customer value. Pure
 *	  C: links without a server.
 */
#ifndef CDP_VALUE_SPECIAL_H
#define CDP_VALUE_SPECIAL_H

#include <stddef.h>

/*
 * What the longer computations call now and then. A server sets it, so that they can be cancelled;
 * null: nothing is called.
 */
extern void (*special_check_interrupts)(void);

/* A node of Gauss-Legendre quadrature on [-1, 1]; its mirror image has the same weight. */
typedef struct GaussNode
{
	double x;
	double weight;
} GaussNode;

extern const GaussNode gauss8[4];
extern const GaussNode gauss16[8];

/* ln gamma(z) for z > 0; safe in threads and signal-free. */
extern double log_gamma(double z);

/* The first and second derivatives of ln gamma, for z > 0. */
extern double digamma(double z);
extern double trigamma(double z);

/* ln(gamma(z + n) / gamma(z)) for z > 0 and a whole number n >= 0, and its two derivatives in z. */
typedef struct RisingFactorial
{
	double log;
	double first;
	double second;
} RisingFactorial;
extern double log_rising(double z, double n);
extern void rising_advance(RisingFactorial *rising, double z, double from, double to);

/* (1 - exp(-y)) / y; 1 at y = 0. */
extern double decay_mean(double y);

/*
 * exp(m) E_nu(m), the generalised exponential integral: the integral of
 * exp(-m u) (1 + u)^-nu over u > 0. nu > 0 and m > 0.
 */
extern double scaled_expint(double nu, double m);

/*
 * The mean of f(p) under a beta distribution Beta(a, b) of p. f is bounded,
 * smooth in log p, and has singularities at p <= 0 only.
 */
extern double beta_mean(double a, double b, double scale,
                        double (*f)(double p, const void *context), const void *context);

/*
 * The integral of exp(-delta s) d purchases(s) over s from 0 to horizon. That
 * is the expected purchases, each discounted at the rate delta to now. scale is
 * the shortest time over which purchases(s) begins to bend.
 */
extern double discounted_sum(double (*purchases)(double s, const void *context),
                             const void *context, double scale, double horizon, double delta);

#endif /* CDP_VALUE_SPECIAL_H */
