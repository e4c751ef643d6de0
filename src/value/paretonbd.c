/*
 * paretonbd.c
 *	  The Pareto/NBD model: probabilities and expectations.
 *
 * The published formulas take the difference of two hypergeometric functions.
 * The difference is an integral of a positive function over the time of death,
 * and is computed as that. So no digits cancel where t_x is near T. There is no
 * special case for alpha = beta, or for one of them much larger than the other.
 */
#include "value/paretonbd.h"

#include <math.h>

#include "value/special.h"

/*
 * In panels of l = ln(u + min(alpha, beta)): in l the integrand is smooth on
 * the whole range. A panel is short enough that the integrand falls by few
 * powers of e within it.
 */
double
paretonbd_death_odds(const ParetonbdModel *m, double x, double tx, double T, double *log_scale,
                     void (*node)(double u, double weight, void *context), void *context)
{
	double R = m->r + x;
	double least = m->alpha < m->beta ? m->alpha : m->beta;
	double length = log1p((T - tx) / (tx + least));
	double done = 0;
	double fallen = 0;
	double sum = 0;

	*log_scale = R * log1p((T - tx) / (m->alpha + tx)) + m->s * log1p((T - tx) / (m->beta + tx));
	while (done < length && fallen < 50)
	{
		double start = tx + (tx + least) * expm1(done);
		double rate = (least + start) * (R / (m->alpha + start) + (m->s + 1) / (m->beta + start));
		double end_rate = (least + T) * (R / (m->alpha + T) + (m->s + 1) / (m->beta + T));
		double panel = length - done;
		const GaussNode *nodes = gauss8;
		int n = 8;
		double half;

		if (panel > 1 || panel * end_rate > 3)
		{
			nodes = gauss16;
			n = 16;
			if (panel > 2 || panel * end_rate > 14)
			{
				double most = rate > 6 ? 6 / rate : 1;

				panel = most < panel ? most : panel;
			}
		}
		half = panel / 2;
		for (int i = 0; i < n; i++)
		{
			double l = done + half + ((i & 1) ? half : -half) * nodes[i / 2].x;
			double past = (tx + least) * expm1(l); /* since t_x */
			double u = tx + past;
			double exponent = R * log1p((T - tx - past) / (m->alpha + u)) +
			                  m->s * log1p((T - tx - past) / (m->beta + u)) - *log_scale;
			double weight =
			    m->s * nodes[i / 2].weight * half * exp(exponent) * (least + u) / (m->beta + u);

			sum += weight;
			if (node)
				node(u, weight, context);
		}
		done += panel;
		fallen += rate * panel;
	}
	return sum;
}

/* ln of the odds of having died by T; minus infinity where t_x = T. */
static double
log_death_odds(const ParetonbdModel *m, double x, double tx, double T)
{
	double log_scale;
	double odds = paretonbd_death_odds(m, x, tx, T, &log_scale, NULL, NULL);

	return log(odds) + log_scale;
}

/* Of one customer, with its terms as one times the odds of death. */
double
paretonbd_log_likelihood(const ParetonbdModel *m, double x, double tx, double T)
{
	double odds = log_death_odds(m, x, tx, T);
	double ll = -m->r * log1p(T / m->alpha) - m->s * log1p(T / m->beta);

	if (x > 0)
		ll += log_rising(m->r, x) - x * log(m->alpha + T);
	return ll + (odds > 0 ? odds + log1p(exp(-odds)) : log1p(exp(odds)));
}

/* That the customer is alive at T. */
double
paretonbd_p_alive(const ParetonbdModel *m, double x, double tx, double T)
{
	double odds = log_death_odds(m, x, tx, T);

	if (odds > 0)
	{
		double e = exp(-odds);

		return e / (1 + e);
	}
	return 1 / (1 + exp(odds));
}

/* Purchases in t of a living customer: mean rate R / alpha, s and beta of the time of death. */
static double
alive_purchases(double rate, double s, double beta, double t)
{
	double grown = log1p(t / beta);

	return rate * beta * grown * decay_mean((s - 1) * grown);
}

/* Purchases expected until t after T; s = 1 is a removable singularity. */
double
paretonbd_expected(const ParetonbdModel *m, double x, double tx, double T, double t)
{
	return paretonbd_p_alive(m, x, tx, T) *
	       alive_purchases((m->r + x) / (m->alpha + T), m->s, m->beta + T, t);
}

/* Repeat purchases expected until t, counted from a customer's first purchase. */
double
paretonbd_expected_new(const ParetonbdModel *m, double t)
{
	return alive_purchases(m->r / m->alpha, m->s, m->beta, t);
}

/*
 * Discounted expected residual transactions (Fader, Hardie and Lee, "RFM and
 * CLV", Journal of Marketing Research 42, 2005): their
 * Psi(s, s; m) m^(s - 1) is exp(m) E_s(m), m = delta (beta + T). delta > 0.
 */
double
paretonbd_dert(const ParetonbdModel *m, double x, double tx, double T, double delta)
{
	double rate = (m->r + x) / (m->alpha + T);

	return paretonbd_p_alive(m, x, tx, T) * rate * (m->beta + T) *
	       scaled_expint(m->s, delta * (m->beta + T));
}

typedef struct Alive
{
	double rate;
	double s;
	double beta;
} Alive;

static double
purchases_until(double s, const void *context)
{
	const Alive *alive = context;

	return alive_purchases(alive->rate, alive->s, alive->beta, s);
}

/* Purchases expected until the horizon, each discounted to T. */
double
paretonbd_discounted(const ParetonbdModel *m, double x, double tx, double T, double horizon,
                     double delta)
{
	Alive alive = {(m->r + x) / (m->alpha + T), m->s, m->beta + T};

	if (!(horizon <= 1e300))
		return paretonbd_dert(m, x, tx, T, delta);
	return paretonbd_p_alive(m, x, tx, T) *
	       discounted_sum(purchases_until, &alive, alive.beta / (1 + m->s), horizon, delta);
}
