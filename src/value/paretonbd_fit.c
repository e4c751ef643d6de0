/*
 * paretonbd_fit.c
 *	  Maximum likelihood of the Pareto/NBD model.
 *
 * The likelihood of a customer is a mixture. Its terms are life at T, and death
 * at each time between t_x and T; quadrature gives the latter as weighted
 * nodes. The gradient of the mixture's logarithm is the mean of the terms'
 * gradients. The second derivatives are the mean of theirs and a covariance.
 * All come from the nodes of one integral.
 */
#include <math.h>

#include "value/fit.h"
#include "value/paretonbd.h"
#include "value/special.h"

enum
{
	PAR_R,
	PAR_ALPHA,
	PAR_S,
	PAR_BETA
};

/* Collects a customer's mixture; terms are relative to that of life at T. */
typedef struct Mixture
{
	const double *parameter;
	double R;
	double age;
	double log_alpha; /* ln(alpha + T) */
	double log_beta;  /* ln(beta + T) */
	double first[FIT_PARAMETERS];
	double outer[FIT_PARAMETERS][FIT_PARAMETERS];
	double second[FIT_PARAMETERS][FIT_PARAMETERS];
} Mixture;

/* Adds the term of death at u. */
static void
add_death(double u, double weight, void *context)
{
	Mixture *mix = context;
	double alpha = mix->parameter[PAR_ALPHA];
	double s = mix->parameter[PAR_S];
	double beta = mix->parameter[PAR_BETA];
	double inverse_alpha = 1 / (alpha + u);
	double inverse_beta = 1 / (beta + u);
	double d[FIT_PARAMETERS];

	/* the gradient less that of life at T */
	d[PAR_R] = mix->log_alpha - log(alpha + u);
	d[PAR_ALPHA] = mix->R * (1 / (alpha + mix->age) - inverse_alpha);
	d[PAR_S] = 1 / s + mix->log_beta - log(beta + u);
	d[PAR_BETA] = s / (beta + mix->age) - (s + 1) * inverse_beta;
	for (int i = 0; i < FIT_PARAMETERS; i++)
	{
		mix->first[i] += weight * d[i];
		for (int j = i; j < FIT_PARAMETERS; j++)
			mix->outer[i][j] += weight * d[i] * d[j];
	}
	mix->second[PAR_R][PAR_ALPHA] -= weight * inverse_alpha;
	mix->second[PAR_ALPHA][PAR_ALPHA] += weight * mix->R * inverse_alpha * inverse_alpha;
	mix->second[PAR_S][PAR_S] -= weight / (s * s);
	mix->second[PAR_S][PAR_BETA] -= weight * inverse_beta;
	mix->second[PAR_BETA][PAR_BETA] += weight * (s + 1) * inverse_beta * inverse_beta;
}

/* Adds count equal customers. */
static double
add_customers(const CustomerGroup *group, const double *parameter, double *gradient,
              double hessian[FIT_PARAMETERS][FIT_PARAMETERS])
{
	ParetonbdModel model = {parameter[PAR_R], parameter[PAR_ALPHA], parameter[PAR_S],
	                        parameter[PAR_BETA]};
	double alpha = model.alpha + group->age;
	double beta = model.beta + group->age;
	double R = model.r + group->frequency;
	double count = group->count;
	Mixture mix = {parameter, R, group->age, log(alpha), log(beta), {0}, {{0}}, {{0}}};
	double log_scale;
	double odds = paretonbd_death_odds(&model, group->frequency, group->recency, group->age,
	                                   &log_scale, add_death, &mix);
	double scale = exp(-log_scale); /* of life at T, in units of the nodes' weights */
	double whole = scale + odds;
	double living = count * scale / whole;
	double base[FIT_PARAMETERS] = {-mix.log_alpha, -R / alpha, -mix.log_beta, -model.s / beta};
	double value = log(whole) + log_scale - R * mix.log_alpha - model.s * mix.log_beta;

	for (int i = 0; i < FIT_PARAMETERS; i++)
	{
		gradient[i] += count * (base[i] + mix.first[i] / whole);
		for (int j = i; j < FIT_PARAMETERS; j++)
			hessian[i][j] +=
			    count / whole *
			    (mix.second[i][j] + mix.outer[i][j] - mix.first[i] * mix.first[j] / whole);
	}
	hessian[PAR_R][PAR_ALPHA] -= living / alpha;
	hessian[PAR_ALPHA][PAR_ALPHA] += living * R / (alpha * alpha);
	hessian[PAR_S][PAR_BETA] -= living / beta;
	hessian[PAR_BETA][PAR_BETA] += living * model.s / (beta * beta);
	return count * value;
}

static double
paretonbd_likelihood(const double *parameter, double *gradient,
                     double hessian[FIT_PARAMETERS][FIT_PARAMETERS], const FitData *data)
{
	double r = parameter[PAR_R];
	double alpha = parameter[PAR_ALPHA];
	double s = parameter[PAR_S];
	double beta = parameter[PAR_BETA];
	RisingFactorial of_r = {0, 0, 0};
	double customers = 0;
	double value = 0;
	double from = 0;
	size_t passed = 0;

	for (size_t at = 0; at < data->ngroups; at += data->stride)
	{
		const CustomerGroup *group = &data->groups[at];
		double count = group->count;

		if (++passed % 256 == 0 && data->check_interrupts)
			data->check_interrupts();
		if (group->frequency != from)
		{
			rising_advance(&of_r, r, from, group->frequency);
			from = group->frequency;
		}
		customers += count;
		value += count * of_r.log + add_customers(group, parameter, gradient, hessian);
		gradient[PAR_R] += count * of_r.first;
		hessian[PAR_R][PAR_R] += count * of_r.second;
	}
	value += customers * (r * log(alpha) + s * log(beta));
	gradient[PAR_R] += customers * log(alpha);
	gradient[PAR_ALPHA] += customers * r / alpha;
	gradient[PAR_S] += customers * log(beta);
	gradient[PAR_BETA] += customers * s / beta;
	hessian[PAR_R][PAR_ALPHA] += customers / alpha;
	hessian[PAR_ALPHA][PAR_ALPHA] -= customers * r / (alpha * alpha);
	hessian[PAR_S][PAR_BETA] += customers / beta;
	hessian[PAR_BETA][PAR_BETA] -= customers * s / (beta * beta);
	fit_mirror(hessian);
	return value;
}

#define SAMPLE_SIZE 2000

/* Fits the model. */
void
paretonbd_fit(Fit *fit, const CustomerGroup *groups, size_t n, void (*check_interrupts)(void))
{
	FitData data = {groups, n, 1, check_interrupts};
	double purchases = 0;
	double exposure = 0;
	double customers = 0;
	double start[FIT_PARAMETERS];

	for (size_t i = 0; i < n; i++)
	{
		purchases += (double) groups[i].frequency * groups[i].count;
		exposure += groups[i].age * groups[i].count;
		customers += groups[i].count;
	}
	start[PAR_R] = 0.5;
	start[PAR_ALPHA] = 0.5 * exposure / purchases;
	start[PAR_S] = 0.5;
	start[PAR_BETA] = 0.5 * exposure / customers;
	fit_with_sample(fit, FIT_PARAMETERS, start, paretonbd_likelihood, &data, SAMPLE_SIZE);
}
