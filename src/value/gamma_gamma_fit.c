/*
 * gamma_gamma_fit.c
 *	  Maximum likelihood of the Gamma-Gamma model.
 */
#include <math.h>

#include "value/fit.h"
#include "value/special.h"

enum
{
	PAR_P,
	PAR_Q,
	PAR_GAMMA
};

/* What depends on x alone is computed once per x: groups come sorted by it. */
static double
gamma_gamma_likelihood(const double *parameter, double *gradient,
                       double hessian[FIT_PARAMETERS][FIT_PARAMETERS], const FitData *data)
{
	double p = parameter[PAR_P];
	double q = parameter[PAR_Q];
	double gamma = parameter[PAR_GAMMA];
	double log_gamma_q = log_gamma(q);
	double log_of_gamma = log(gamma);
	double psi_q = digamma(q);
	double psi1_q = trigamma(q);
	double value = 0;
	double last = -1;
	double log_x = 0;
	double log_gammas = 0; /* ln gamma(u) - ln gamma(p x), u = p x + q */
	double psi_u = 0;
	double psi_px = 0;
	double psi1_u = 0;
	double psi1_px = 0;

	for (size_t at = 0; at < data->ngroups; at += data->stride)
	{
		const CustomerGroup *group = &data->groups[at];
		double x = group->frequency;
		double z = group->recency;
		double count = group->count;
		double u = p * x + q;
		double below = gamma + x * z;
		double log_below;
		double log_z;

		if (at % 4096 == 0 && data->check_interrupts)
			data->check_interrupts();
		if (x != last)
		{
			last = x;
			log_x = log(x);
			log_gammas = log_gamma(u) - log_gamma(p * x);
			psi_u = digamma(u);
			psi_px = digamma(p * x);
			psi1_u = trigamma(u);
			psi1_px = trigamma(p * x);
		}
		log_below = log(below);
		log_z = log(z);
		value += count * (log_gammas - log_gamma_q + q * (log_of_gamma - log_below) +
		                  p * x * (log_x + log_z - log_below) - log_z);
		gradient[PAR_P] += count * x * (psi_u - psi_px + log_z + log_x - log_below);
		gradient[PAR_Q] += count * (psi_u - psi_q + log_of_gamma - log_below);
		gradient[PAR_GAMMA] += count * (q / gamma - u / below);
		hessian[PAR_P][PAR_P] += count * x * x * (psi1_u - psi1_px);
		hessian[PAR_P][PAR_Q] += count * x * psi1_u;
		hessian[PAR_P][PAR_GAMMA] -= count * x / below;
		hessian[PAR_Q][PAR_Q] += count * (psi1_u - psi1_q);
		hessian[PAR_Q][PAR_GAMMA] += count * (1 / gamma - 1 / below);
		hessian[PAR_GAMMA][PAR_GAMMA] += count * (u / (below * below) - q / (gamma * gamma));
	}
	fit_mirror(hessian);
	return value;
}

/* Fits the model; all groups have a frequency above zero. */
void
gamma_gamma_fit(Fit *fit, const CustomerGroup *groups, size_t n, void (*check_interrupts)(void))
{
	FitData data = {groups, n, 1, check_interrupts};
	double amount = 0;
	double customers = 0;
	double start[FIT_PARAMETERS] = {2, 3, 0, 1};

	for (size_t i = 0; i < n; i++)
	{
		amount += groups[i].recency * groups[i].count;
		customers += groups[i].count;
	}
	/* so that the mean p gamma / (q - 1) is that of the data */
	start[PAR_GAMMA] = amount / customers;
	fit->iterations = 0;
	fit_maximise(fit, 3, start, gamma_gamma_likelihood, &data);
}
