/*
 * gamma_gamma.c
 *	  The Gamma-Gamma model of the amount of a purchase.
 */
#include "value/gamma_gamma.h"

#include <math.h>

#include "value/special.h"

/* Of one customer with x > 0 purchases of mean z > 0. */
double
gamma_gamma_log_likelihood(const GammaGammaModel *m, double x, double z)
{
	double u = m->p * x + m->q;

	return log_gamma(u) - log_gamma(m->p * x) - log_gamma(m->q) + m->q * log(m->gamma) +
	       (m->p * x - 1) * log(z) + m->p * x * log(x) - u * log(m->gamma + x * z);
}

/*
 * A customer's expected mean amount. Without a
 * purchase the mean of all, for which q must be above 1: infinity if not.
 */
double
gamma_gamma_expected(const GammaGammaModel *m, double x, double z)
{
	double below = m->p * x + m->q - 1;

	if (below <= 0)
		return HUGE_VAL;
	return m->p * (m->gamma + (x > 0 ? x * z : 0)) / below;
}
