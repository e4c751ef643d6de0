/*
 * bgnbd.c
 *	  The BG/NBD model: probabilities and expectations.
 *
 * Everything is a sum or an integral of positive terms, so no digits cancel.
 * This holds at a = 1, where the published formulas are 0 / 0, and for
 * thousands of purchases.
 */
#include "value/bgnbd.h"

#include <math.h>

#include "value/special.h"

/* ln of gamma(b + x) gamma(a + b) / (gamma(b) gamma(a + b + x)): surviving x purchases. */
static double
log_survival(const BgnbdModel *m, double x)
{
	double sum = 0;

	if (x > 200)
		return log_rising(m->b, x) - log_rising(m->a + m->b, x);
	for (double k = 0; k < x; k += 1)
		sum -= log1p(m->a / (m->b + k));
	return sum;
}

/* ln of the odds of having become inactive with the last purchase; x > 0. */
static double
log_odds_inactive(const BgnbdModel *m, double x, double tx, double T)
{
	return log(m->a / (m->b + x - 1)) + (m->r + x) * log1p((T - tx) / (m->alpha + tx));
}

/* Of one customer; equation 6 of the paper, with its two terms as one times their odds. */
double
bgnbd_log_likelihood(const BgnbdModel *m, double x, double tx, double T)
{
	double ll = log_rising(m->r, x) + log_survival(m, x) - m->r * log1p(T / m->alpha) -
	            x * log(m->alpha + T);
	double odds;

	if (x == 0)
		return -m->r * log1p(T / m->alpha);
	odds = log_odds_inactive(m, x, tx, T);
	return ll + (odds > 0 ? odds + log1p(exp(-odds)) : log1p(exp(odds)));
}

/*
 * That the customer is active at T. 1 without a repeat purchase: customers
 * become inactive only after one.
 */
double
bgnbd_p_alive(const BgnbdModel *m, double x, double tx, double T)
{
	double exponent;

	if (x == 0)
		return 1;
	exponent = (m->r + x) * log1p((T - tx) / (m->alpha + tx));
	if (exponent < 600)
		return 1 / (1 + m->a / (m->b + x - 1) * exp(exponent));
	return exp(-exponent) * (m->b + x - 1) / m->a;
}

/* Purchases of an active customer: shape R, p from Beta(A, B), t in units of the rate. */
typedef struct Active
{
	double R;
	double A;
	double B;
	double w; /* t / rate */
	double rate;
	double delta;
} Active;

/* Expected purchases at a given p: (1 - (1 + p w)^-R) / p. */
static double
purchases_at(double p, const void *context)
{
	const Active *active = context;
	double grown = p * active->w;

	if (grown < 1e-18)
		return active->R * active->w;
	return -expm1(-active->R * log1p(grown)) / p;
}

/* Terms of the series at a time, and the reciprocals that they need. */
#define BLOCK 16
#define TERMS_MAX (1 << 24) /* far beyond what any model needs */
#define RECIPROCALS 256
#define R4(n) 1.0 / (n), 1.0 / ((n) + 1), 1.0 / ((n) + 2), 1.0 / ((n) + 3)
#define R16(n) R4(n), R4((n) + 4), R4((n) + 8), R4((n) + 12)
#define R64(n) R16(n), R16((n) + 16), R16((n) + 32), R16((n) + 48)
static const double reciprocal[RECIPROCALS] = {R64(1), R64(65), R64(129), R64(193)};

/*
 * Expected purchases in t of an active customer. If the customer never became
 * inactive, the number of purchases would be negative binomial with size R. Of
 * n such purchases, s(n) = sum over k < n of E[(1 - p)^k] are made before the
 * customer becomes inactive. So the result is the mean of s under that
 * distribution. It is equal to
 * (A + B - 1) / (A - 1) (1 - (1 - z)^R 2F1(R, B; A + B - 1; z)),
 * z = t / (rate + t), term by term, but with positive terms only and no pole at
 * A = 1. Where the series is long, the mean over p is taken by quadrature
 * instead.
 */
static double
active_purchases(const Active *active)
{
	double R = active->R;
	double B = active->B;
	double w = active->w;
	double z = w / (1 + w);
	double log_decay = -R * log1p(w);
	double mass;
	double made = 0;
	double survival = 1;
	double sum = 0;
	double C = active->A + B;

	if (w == 0)
		return 0;
	if (R * w + 40 * (1 + w) > 2000 || log_decay < -600)
		return beta_mean(active->A, B, w, purchases_at, active);

	/* in blocks with factors that are independent of each other */
	mass = exp(log_decay);
	for (int n = 0; n < TERMS_MAX && mass > 0; n += BLOCK)
	{
		double survive[BLOCK];
		double more[BLOCK];
		double Rn = R + n;
		double Bn = B + n;
		double Cn = C + n;
		double ratio;

		for (int i = 0; i < BLOCK; i++)
			survive[i] = (Bn + i) / (Cn + i);
		if (n + BLOCK < RECIPROCALS)
		{
			for (int i = 0; i < BLOCK; i++)
				more[i] = (Rn + i) * z * reciprocal[n + i];
		}
		else
		{
			for (int i = 0; i < BLOCK; i++)
				more[i] = (Rn + i) * z / (n + 1 + i);
		}
		for (int i = 0; i < BLOCK; i += 4)
		{
			/* four terms from products of their factors, so that they need not wait for each other */
			double more2 = more[i] * more[i + 1];
			double more3 = more2 * more[i + 2];
			double survive2 = survive[i] * survive[i + 1];
			double survive3 = survive2 * survive[i + 2];
			double made1 = made + survival;
			double made2 = made + survival * (1 + survive[i]);
			double made3 = made + survival * (1 + survive[i] + survive2);

			made += survival * (1 + survive[i] + survive2 + survive3);
			sum += mass * (more[i] * made1 + more2 * made2 + more3 * (made3 + more[i + 3] * made));
			mass *= more3 * more[i + 3];
			survival *= survive3 * survive[i + 3];
		}

		if (n % 65536 == 0 && special_check_interrupts != NULL)
			special_check_interrupts();
		/* what is left is below a geometric series of the largest ratio to come */
		ratio = more[BLOCK - 1] > z ? more[BLOCK - 1] : z;
		if (ratio < 1 &&
		    mass * ratio * (made * (1 - ratio) + 1) < 1e-12 * sum * (1 - ratio) * (1 - ratio))
			break;
	}
	return sum;
}

/* Purchases expected until t after T; equation 10 of the paper. */
double
bgnbd_expected(const BgnbdModel *m, double x, double tx, double T, double t)
{
	Active active = {m->r + x, m->a, m->b + x, t / (m->alpha + T), 0, 0};

	return bgnbd_p_alive(m, x, tx, T) * active_purchases(&active);
}

/* Repeat purchases expected until t, counted from a customer's first purchase; equation 9. */
double
bgnbd_expected_new(const BgnbdModel *m, double t)
{
	Active active = {m->r, m->a, m->b, t / m->alpha, 0, 0};

	return active_purchases(&active);
}

/* Discounted purchases without an end at a given p. */
static double
residual_at(double p, const void *context)
{
	const Active *active = context;
	double scaled = active->delta * active->rate;
	double m = scaled / p;

	if (!(m < 1e100))
		return active->R / scaled;
	return active->R / p * scaled_expint(active->R + 1, m);
}

/*
 * Discounted expected residual transactions. A customer with a given p has a
 * rate of purchases at s; the integral of exp(-delta s) times that rate is
 * R / p exp(m) E_R+1(m), m = delta (alpha + T) / p. The result is its mean over
 * p. delta > 0.
 */
double
bgnbd_dert(const BgnbdModel *m, double x, double tx, double T, double delta)
{
	Active active = {m->r + x, m->a, m->b + x, 0, m->alpha + T, delta};
	double alive = bgnbd_p_alive(m, x, tx, T);

	return alive * beta_mean(m->a, m->b + x, 1 / (delta * (m->alpha + T)), residual_at, &active);
}

static double
purchases_until(double s, const void *context)
{
	Active active = *(const Active *) context;

	active.w = s / active.rate;
	return active_purchases(&active);
}

/* Purchases expected until the horizon, each discounted to T. */
double
bgnbd_discounted(const BgnbdModel *m, double x, double tx, double T, double horizon, double delta)
{
	Active active = {m->r + x, m->a, m->b + x, 0, m->alpha + T, delta};

	if (!(horizon <= 1e300))
		return bgnbd_dert(m, x, tx, T, delta);
	return bgnbd_p_alive(m, x, tx, T) *
	       discounted_sum(purchases_until, &active, active.rate / (1 + active.R), horizon, delta);
}
