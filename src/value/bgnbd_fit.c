/*
 * bgnbd_fit.c
 *	  Maximum likelihood of the BG/NBD model.
 *
 * The likelihood of a customer is a mixture of two terms, times factors in x
 * alone. The terms are exp(f1) for a customer active at T and exp(f2) for an
 * inactive one. Let u be the share of the second term. The logarithm of the
 * mixture has the gradient (1 - u) f1' + u f2' and the second derivatives
 * (1 - u) f1'' + u f2'' + u (1 - u) (f2' - f1') (f2' - f1')'. Groups come
 * sorted by x, so factors in x alone are computed outside the loop.
 */
#include <math.h>

#include "value/fit.h"
#include "value/special.h"

enum
{
	PAR_R,
	PAR_ALPHA,
	PAR_A,
	PAR_B
};

/* Sums over the customers of one x; u and v = u (1 - u) as above. */
typedef struct Sums
{
	double count;
	double log_mixture; /* ln of the mixture */
	double u;
	double v;
	double log2; /* ln(alpha + T) */
	double udl;  /* u times dl, dl = ln((alpha + T) / (alpha + t_x)) */
	double vdl;  /* and so on */
	double vdldl;
	double inv2; /* 1 / (alpha + T) */
	double udi;  /* di = 1 / (alpha + t_x) - 1 / (alpha + T) */
	double vdi;
	double vdidi;
	double vdldi;
	double square; /* (1 - u) / (alpha + T)^2 + u / (alpha + t_x)^2 */
} Sums;

/* Customers per call of check_interrupts: a fraction of a millisecond. */
#define CHECK_EVERY 4096

/* Adds up the groups of one frequency, starting at a group; returns the first group after them. */
static size_t
add_run(Sums *sums, const FitData *data, size_t at, const double *parameter)
{
	const CustomerGroup *groups = data->groups;
	uint32_t x = groups[at].frequency;
	double alpha = parameter[PAR_ALPHA];
	double R = parameter[PAR_R] + x;
	double log_q = x > 0 ? log(parameter[PAR_A] / (parameter[PAR_B] + x - 1)) : 0;
	double last_age = -1;
	double log2 = 0;
	double inv2 = 0;
	size_t passed = 0;

	for (; at < data->ngroups && groups[at].frequency == x; at += data->stride)
	{
		const CustomerGroup *group = &groups[at];
		double count = group->count;
		double gap;
		double inv1;
		double dl;
		double odds;
		double e;
		double share;
		double u;
		double v;
		double di;

		if (++passed % CHECK_EVERY == 0 && data->check_interrupts)
			data->check_interrupts();
		if (group->age != last_age)
		{
			last_age = group->age;
			log2 = log(alpha + last_age);
			inv2 = 1 / (alpha + last_age);
		}
		sums->count += count;
		sums->log2 += count * log2;
		sums->inv2 += count * inv2;
		if (x == 0)
		{
			sums->square += count * inv2 * inv2;
			continue;
		}
		gap = group->age - group->recency;
		inv1 = 1 / (alpha + group->recency);
		dl = log1p(gap * inv1);
		odds = R * dl + log_q;
		e = exp(-fabs(odds));
		share = 1 / (1 + e);
		sums->log_mixture += count * ((odds > 0 ? odds : 0) + log1p(e));
		u = count * (odds > 0 ? share : e * share);
		v = count * e * share * share;
		di = gap * inv1 * inv2;
		sums->u += u;
		sums->v += v;
		sums->udl += u * dl;
		sums->vdl += v * dl;
		sums->vdldl += v * dl * dl;
		sums->udi += u * di;
		sums->vdi += v * di;
		sums->vdidi += v * di * di;
		sums->vdldi += v * dl * di;
		sums->square += count * inv2 * inv2 + u * di * (inv1 + inv2);
	}
	return at;
}

static double
bgnbd_likelihood(const double *parameter, double *gradient,
                 double hessian[FIT_PARAMETERS][FIT_PARAMETERS], const FitData *data)
{
	double r = parameter[PAR_R];
	double alpha = parameter[PAR_ALPHA];
	double a = parameter[PAR_A];
	double b = parameter[PAR_B];
	RisingFactorial of_r = {0, 0, 0};
	RisingFactorial of_b = {0, 0, 0};
	RisingFactorial of_ab = {0, 0, 0};
	double value = 0;
	double customers = 0;
	double from = 0;
	size_t at = 0;

	while (at < data->ngroups)
	{
		double x = data->groups[at].frequency;
		double R = r + x;
		double g = x > 0 ? 1 / (b + x - 1) : 0;
		Sums s = {0};

		rising_advance(&of_r, r, from, x);
		rising_advance(&of_b, b, from, x);
		rising_advance(&of_ab, a + b, from, x);
		from = x;
		at = add_run(&s, data, at, parameter);
		if (data->check_interrupts)
			data->check_interrupts();
		customers += s.count;

		value += s.count * (of_r.log + of_b.log - of_ab.log) - R * s.log2 + s.log_mixture;
		gradient[PAR_R] += s.count * of_r.first - s.log2 + s.udl;
		gradient[PAR_ALPHA] -= R * (s.inv2 + s.udi);
		gradient[PAR_A] += s.u / a - s.count * of_ab.first;
		gradient[PAR_B] += s.count * (of_b.first - of_ab.first) - g * s.u;

		hessian[PAR_R][PAR_R] += s.count * of_r.second + s.vdldl;
		hessian[PAR_R][PAR_ALPHA] -= s.inv2 + s.udi + R * s.vdldi;
		hessian[PAR_R][PAR_A] += s.vdl / a;
		hessian[PAR_R][PAR_B] -= g * s.vdl;
		hessian[PAR_ALPHA][PAR_ALPHA] += R * s.square + R * R * s.vdidi;
		hessian[PAR_ALPHA][PAR_A] -= R * s.vdi / a;
		hessian[PAR_ALPHA][PAR_B] += R * g * s.vdi;
		hessian[PAR_A][PAR_A] += (s.v - s.u) / (a * a) - s.count * of_ab.second;
		hessian[PAR_A][PAR_B] -= s.v * g / a + s.count * of_ab.second;
		hessian[PAR_B][PAR_B] += s.count * (of_b.second - of_ab.second) + (s.u + s.v) * g * g;
	}
	value += customers * r * log(alpha);
	gradient[PAR_R] += customers * log(alpha);
	gradient[PAR_ALPHA] += customers * r / alpha;
	hessian[PAR_R][PAR_ALPHA] += customers / alpha;
	hessian[PAR_ALPHA][PAR_ALPHA] -= customers * r / (alpha * alpha);
	fit_mirror(hessian);
	return value;
}

#define SAMPLE_SIZE 10000

/* Fits the model. */
void
bgnbd_fit(Fit *fit, const CustomerGroup *groups, size_t n, void (*check_interrupts)(void))
{
	FitData data = {groups, n, 1, check_interrupts};
	double purchases = 0;
	double exposure = 0;
	double start[FIT_PARAMETERS];

	for (size_t i = 0; i < n; i++)
	{
		purchases += (double) groups[i].frequency * groups[i].count;
		exposure += groups[i].age * groups[i].count;
	}
	start[PAR_R] = 0.5;
	start[PAR_ALPHA] = 0.5 * exposure / purchases;
	start[PAR_A] = 1;
	start[PAR_B] = 3;
	fit_with_sample(fit, FIT_PARAMETERS, start, bgnbd_likelihood, &data, SAMPLE_SIZE);
}
