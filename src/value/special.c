/*
 * special.c
 *	  Special functions and quadrature for the models of customer value.
 */
#include "value/special.h"

#include <float.h>
#include <math.h>

const GaussNode gauss8[4] = {{0.1834346424956498049, 0.362683783378361983},
                             {0.5255324099163289858, 0.3137066458778872873},
                             {0.7966664774136267396, 0.2223810344533744705},
                             {0.9602898564975362317, 0.1012285362903762592}};

const GaussNode gauss16[8] = {{0.09501250983763744019, 0.1894506104550684963},
                              {0.2816035507792589132, 0.1826034150449235889},
                              {0.4580167776572273863, 0.1691565193950025382},
                              {0.6178762444026437484, 0.1495959888165767321},
                              {0.7554044083550030339, 0.1246289712555338721},
                              {0.8656312023878317439, 0.09515851168249278481},
                              {0.9445750230732325761, 0.06225352393864789286},
                              {0.9894009349916499326, 0.02715245941175409485}};

void (*special_check_interrupts)(void) = NULL;

#define EULER_GAMMA 0.57721566490153286061

double
log_gamma(double z)
{
	int sign;

	return lgamma_r(z, &sign);
}

/*
 * Recurrence up to z >= 10, then the asymptotic series; see Abramowitz and
 * Stegun 6.3.18 and 6.4.12.
 */
double
digamma(double z)
{
	double sum = 0;
	double w;

	for (; z < 10; z += 1)
		sum -= 1 / z;
	w = 1 / (z * z);
	return sum + log(z) - 0.5 / z -
	       w * (1.0 / 12 -
	            w * (1.0 / 120 -
	                 w * (1.0 / 252 - w * (1.0 / 240 - w * (1.0 / 132 - w * (691.0 / 32760 -
	                                                                         w * (1.0 / 12)))))));
}

double
trigamma(double z)
{
	double sum = 0;
	double w;

	for (; z < 10; z += 1)
		sum += 1 / (z * z);
	w = 1 / (z * z);
	return sum + 1 / z + w / 2 +
	       w / z *
	           (1.0 / 6 -
	            w * (1.0 / 30 -
	                 w * (1.0 / 42 -
	                      w * (1.0 / 30 - w * (5.0 / 66 - w * (691.0 / 2730 - w * (7.0 / 6)))))));
}

/* Up to here a sum of logarithms is quicker than two gamma functions, and loses nothing. */
#define SUM_MAX 64

double
log_rising(double z, double n)
{
	double sum = 0;
	double product = 1;

	if (n > SUM_MAX)
		return log_gamma(z + n) - log_gamma(z);
	for (double k = 0; k < n; k += 1)
	{
		product *= z + k;
		if (product > 1e200 || product < 1e-200)
		{
			sum += log(product);
			product = 1;
		}
	}
	return sum + log(product);
}

/* Takes a rising factorial of z from one whole number to a larger one. */
void
rising_advance(RisingFactorial *rising, double z, double from, double to)
{
	if (to - from > SUM_MAX)
	{
		rising->log += log_gamma(z + to) - log_gamma(z + from);
		rising->first += digamma(z + to) - digamma(z + from);
		rising->second += trigamma(z + to) - trigamma(z + from);
		return;
	}
	for (double k = from; k < to; k += 1)
	{
		double inverse = 1 / (z + k);

		rising->log += log(z + k);
		rising->first += inverse;
		rising->second -= inverse * inverse;
	}
}

double
decay_mean(double y)
{
	return fabs(y) < 1e-300 ? 1 : -expm1(-y) / y;
}

/*
 * ln gamma(1 + x) / x for |x| <= 0.5, exact for tiny x, too:
 * ln gamma(1 + x) = -ln(1 + x) + x (1 - euler) + sum (-1)^k (zeta(k) - 1) x^k / k
 * (Abramowitz and Stegun 6.1.33).
 */
static double
log_gamma1p_over(double x)
{
	static const double zeta[] = {
	    0.3224670334241132182,    0.06735230105319809513,    0.02058080842778454788,
	    0.007385551028673985266,  0.002890510330741523286,   0.001192753911703260977,
	    0.0005096695247430424223, 0.0002231547584535793798,  0.00009945751278180853371,
	    0.0000449262367381331417, 0.00002050721277567069155, 9.439488275268395904e-6,
	    4.374866789907487804e-6,  2.039215753801366237e-6,   9.551412130407419833e-7,
	    4.492469198764566043e-7,  2.120718480555466587e-7,   1.004322482396809961e-7,
	    4.769810169363980566e-8,  2.271109460894316491e-8,   1.083865921489695409e-8,
	    5.183475041970046655e-9,  2.483674543802478317e-9,   1.192140140586091207e-9,
	    5.731367241678862013e-10, 2.759522885124233145e-10,  1.330476437424448948e-10,
	    6.422964563838100022e-11};
	double sum = 0;
	double log_part = fabs(x) < 1e-300 ? 1 : log1p(x) / x;

	for (int k = sizeof(zeta) / sizeof(zeta[0]) - 1; k >= 0; k--)
		sum = zeta[k] - x * sum;
	return -log_part + (1 - EULER_GAMMA) + x * sum;
}

/* E_nu(m) for 0 < nu <= 1.5 and m <= 1, by its series; nu = 1 is a removable singularity. */
static double
expint_series(double nu, double m)
{
	double e = nu - 1;
	double log_m = log(m);
	double sum = 0;
	double term = 1;
	double head;

	for (int k = 1; k < 30; k++)
	{
		term *= -m / k;
		sum += term / (k - e);
	}
	if (nu < 0.5)
		head = exp(log_gamma(-e) + e * log_m) + 1 / e;
	else
	{
		/* gamma(-e) m^e + 1 / e = (1 - gamma(1 - e) m^e) / e */
		double slope = log_m - log_gamma1p_over(-e);

		head = fabs(e) < 1e-300 ? -slope : -expm1(e * slope) / e;
	}
	return head - sum;
}

/*
 * Where the continued fraction converges quickly, it is computed by Lentz's
 * method (Abramowitz and Stegun 5.1.22, in its even form). Else it is the
 * series, then upwards nu E_nu+1 = exp(-m) - m E_nu, which is stable for m <=
 * 1.
 */
double
scaled_expint(double nu, double m)
{
	if (m < 1 && nu < 12)
	{
		double start = nu <= 1.5 ? nu : nu - floor(nu - 0.5);
		double e = expint_series(start, m);

		for (; start < nu - 0.5; start += 1)
			e = (exp(-m) - m * e) / start;
		return exp(m) * e;
	}
	else
	{
		double b = m + nu;
		double c = 1e300;
		double d = 1 / b;
		double h = d;

		for (int i = 1; i < 10000; i++)
		{
			double a = -i * (nu - 1 + i);
			double change;

			b += 2;
			d = 1 / (a * d + b);
			c = b + a / c;
			change = c * d;
			h *= change;
			if (fabs(change - 1) < 4 * DBL_EPSILON)
				break;
		}
		return h;
	}
}

/*
 * By the trapezoidal rule in u, where p = logistic(y) and
 * y = u - exp(left - u) + exp(u - right). So both ends fall doubly
 * exponentially (Takahasi and Mori). Steps begin below the width of the peak
 * and are halved until nothing changes. Numerator and denominator are sums over
 * the same nodes, so no beta function is needed. scale is 1 / p of the last
 * place left of 1 where f bends. A narrow peak is taken by itself: around it f
 * hardly changes, and steps of its width over the whole range would never end.
 */
#define NARROW 0.05    /* spread of a peak that is taken by itself */
#define NARROW_SIDE 40 /* how many of its spreads count on either side */
#define LARGE 1e300    /* beyond, a number is taken for this one */

double
beta_mean(double a, double b, double scale, double (*f)(double p, const void *context),
          const void *context)
{
	double left = -log1p(fmin(scale, LARGE)) - log1p(fmin(b, LARGE));
	double right = log1p(fmin(a, LARGE));
	double middle = 0; /* the place of node 0 */
	double from = left - log(60) - log1p(a) + log(a);
	double to = right + log(60) + log1p(b) - log(b);
	double top = -HUGE_VAL;
	double sum = 0;
	double weight = 0;
	double mean = 0;
	double spread = sqrt(1 / a + 1 / b); /* of y, where both are large */
	double step = spread < 1 ? spread / 2 : 0.5;

	if (spread < NARROW)
	{
		middle = log(a) - log(b);
		from = -NARROW_SIDE * spread;
		to = NARROW_SIDE * spread;
	}
	for (int level = 0; level < 12; level++, step /= 2)
	{
		/* the first round takes every node, the later ones those in between */
		long first = (long) floor(from / step);
		long last = (long) ceil(to / step);
		double before = mean;

		for (long i = first; i <= last; i++)
		{
			double u = middle + i * step;
			double grow_left = exp(left - u);
			double grow_right = exp(u - right);
			double y = u - grow_left + grow_right;
			double log_p;
			double log_q;
			double log_weight;
			double w;

			if ((i & 1023) == 0 && special_check_interrupts != NULL)
				special_check_interrupts();
			if (level > 0 && (i & 1) == 0)
				continue;
			log_p = y > 0 ? -log1p(exp(-y)) : y - log1p(exp(y));
			log_q = y > 0 ? -y - log1p(exp(-y)) : -log1p(exp(y));
			log_weight = a * log_p + b * log_q + log1p(grow_left + grow_right);
			if (log_weight < top - 100)
				continue;
			if (log_weight > top)
			{
				double shrink = exp(top - log_weight);

				sum *= shrink;
				weight *= shrink;
				top = log_weight;
			}
			w = exp(log_weight - top);
			weight += w;
			sum += w * f(exp(log_p), context);
		}
		mean = sum / weight;
		if (level > 0 && fabs(mean - before) <= 1e-13 * fabs(mean))
			break;
	}
	return mean;
}

/*
 * By parts: exp(-delta h) purchases(h) + delta times the integral of
 * exp(-delta s) purchases(s). There s = scale (exp(v) - 1), in panels of
 * Gauss-Legendre nodes in v. All terms are positive.
 */
double
discounted_sum(double (*purchases)(double s, const void *context), const void *context,
               double scale, double horizon, double delta)
{
	double head;
	double length = log1p(fmin(horizon / scale, LARGE));
	double sum = 0;

	if (delta <= 0)
		return purchases(horizon, context);
	if (delta * horizon > 45)
	{
		horizon = 45 / delta;
		length = log1p(fmin(horizon / scale, LARGE));
	}
	head = exp(-delta * horizon) * purchases(horizon, context);
	if (!(length > 0))
		return head;
	for (int panels = (int) ceil(length / 1.9); panels <= 4096; panels *= 2)
	{
		double half = length / panels / 2;
		double coarse = 0;

		sum = 0;
		for (int panel = 0; panel < panels; panel++)
		{
			double middle = (2 * panel + 1) * half;

			if (special_check_interrupts != NULL)
				special_check_interrupts();
			for (int rule = 0; rule < 2; rule++)
			{
				const GaussNode *nodes = rule == 0 ? gauss8 : gauss16;

				for (int i = 0; i < 8 << rule; i++)
				{
					double x = (i & 1) ? nodes[i / 2].x : -nodes[i / 2].x;
					double v = middle + half * x;
					double s = scale * expm1(v);
					double part = nodes[i / 2].weight * half * scale * exp(v - delta * s) *
					              purchases(s, context);

					if (rule == 0)
						coarse += part;
					else
						sum += part;
				}
			}
		}
		/* the finer rule has twice the digits of the coarser one */
		if (delta * fabs(sum - coarse) <= 1e-7 * (head + delta * sum))
			break;
	}
	return head + delta * sum;
}
