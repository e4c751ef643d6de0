/*
 * fit.c
 *	  Newton's method for the maximum of a likelihood.
 *
 * All parameters are above zero, so it works on their logarithms. The models
 * give exact first and second derivatives. So few passes over the customers are
 * needed, and a pass costs a few logarithms per customer. Where the likelihood
 * is not concave, or a step does not gain, the diagonal is raised (Levenberg
 * and Marquardt) until it does.
 */
#include "value/fit.h"

#include <math.h>
#include <string.h>

#define ITERATIONS_MAX 200

/* A sample comes first where there are this many times its groups. */
#define SAMPLES_MIN 4

/* The longest step of one iteration, in logarithms of parameters. */
#define STEP_MAX 1.5

/* Stop when the next step promises less than this part of the likelihood. */
#define TOLERANCE 1e-13

/* A gain below this part of the likelihood is lost in its own rounding. */
#define NOISE 1e-11

/* A larger standard error of a parameter's logarithm means that the data do not determine it. */
#define LOG_ERROR_MAX 6

/*
 * A parameter flees to zero or infinity where step after step is long and gains
 * nearly nothing; near a maximum steps shorten quickly. Beyond LOG_MAX it has
 * got there.
 */
#define FLIGHT_STEP 0.5
#define FLIGHT_GAIN 0.1
#define FLIGHT_ROUNDS 4
#define LOG_MAX 27

/* A point: logarithms, likelihood, and derivatives by the logarithms. */
typedef struct Point
{
	double log_parameter[FIT_PARAMETERS];
	double value;
	double gradient[FIT_PARAMETERS];
	double hessian[FIT_PARAMETERS][FIT_PARAMETERS];
} Point;

static void
evaluate_point(Point *point, int n, Likelihood likelihood, const FitData *data)
{
	double parameter[FIT_PARAMETERS] = {0};
	double gradient[FIT_PARAMETERS] = {0};
	double hessian[FIT_PARAMETERS][FIT_PARAMETERS] = {{0}};

	for (int i = 0; i < n; i++)
		parameter[i] = exp(point->log_parameter[i]);
	point->value = likelihood(parameter, gradient, hessian, data);
	for (int i = 0; i < n; i++)
	{
		point->gradient[i] = parameter[i] * gradient[i];
		for (int j = 0; j < n; j++)
			point->hessian[i][j] = parameter[i] * parameter[j] * hessian[i][j];
		point->hessian[i][i] += point->gradient[i];
	}
}

/* The Cholesky factor of minus the hessian, its diagonal raised; false if that is not positive. */
static bool
factorise(const Point *point, int n, double raise, double factor[FIT_PARAMETERS][FIT_PARAMETERS])
{
	for (int i = 0; i < n; i++)
	{
		for (int j = 0; j <= i; j++)
		{
			double sum = -point->hessian[i][j];

			if (i == j)
				sum += raise * (fabs(point->hessian[i][i]) + fabs(point->gradient[i]) + 1e-300);
			for (int k = 0; k < j; k++)
				sum -= factor[i][k] * factor[j][k];
			if (i != j)
				factor[i][j] = sum / factor[j][j];
			else if (sum > 1e-14 * fabs(point->hessian[i][i]) && sum > 0)
				factor[i][i] = sqrt(sum);
			else
				return false;
		}
	}
	return true;
}

static void
solve(double factor[FIT_PARAMETERS][FIT_PARAMETERS], int n, const double *right, double *x)
{
	for (int i = 0; i < n; i++)
	{
		x[i] = right[i];
		for (int k = 0; k < i; k++)
			x[i] -= factor[i][k] * x[k];
		x[i] /= factor[i][i];
	}
	for (int i = n - 1; i >= 0; i--)
	{
		for (int k = i + 1; k < n; k++)
			x[i] -= factor[k][i] * x[k];
		x[i] /= factor[i][i];
	}
}

/*
 * Standard errors from the observed information. The inverse of minus the
 * hessian gives those of the logarithms, the delta method those of the
 * parameters.
 */
static void
finish_fit(Fit *fit, const Point *point, int n)
{
	double factor[FIT_PARAMETERS][FIT_PARAMETERS];

	fit->log_likelihood = point->value;
	for (int i = 0; i < n; i++)
		fit->parameter[i] = exp(point->log_parameter[i]);
	if (!factorise(point, n, 0, factor))
	{
		fit->outcome = FIT_UNDETERMINED;
		return;
	}
	fit->outcome = FIT_OK;
	for (int i = 0; i < n; i++)
	{
		double unit[FIT_PARAMETERS] = {0};
		double column[FIT_PARAMETERS];
		double error;

		unit[i] = 1;
		solve(factor, n, unit, column);
		error = sqrt(column[i]);
		fit->standard_error[i] = error * fit->parameter[i];
		if (!(error < LOG_ERROR_MAX))
		{
			fit->outcome = FIT_UNDETERMINED;
			fit->culprit = i;
			fit->grows = point->log_parameter[i] > 0;
		}
	}
}

/* Finds the maximum from a start. Sets everything in fit, but adds to its iterations. */
void
fit_maximise(Fit *fit, int n, const double *start, Likelihood likelihood, const FitData *data)
{
	Point here;
	double raise = 0;
	int fleeing = 0;

	memset(&here, 0, sizeof(here));
	fit->culprit = -1;
	fit->outcome = FIT_NO_CONVERGENCE;
	for (int i = 0; i < n; i++)
		here.log_parameter[i] = log(start[i]);
	evaluate_point(&here, n, likelihood, data);
	if (!isfinite(here.value))
		return;

	for (int round = 0; round < ITERATIONS_MAX; round++)
	{
		double factor[FIT_PARAMETERS][FIT_PARAMETERS];
		double step[FIT_PARAMETERS];
		double longest = 0;
		double gain = 0;
		int fastest = 0;
		Point next = here;

		while (!factorise(&here, n, raise, factor))
			raise = raise < 1e-3 ? 1e-3 : raise * 4;
		solve(factor, n, here.gradient, step);
		for (int i = 0; i < n; i++)
		{
			if (fabs(step[i]) > longest)
			{
				longest = fabs(step[i]);
				fastest = i;
			}
			gain += here.gradient[i] * step[i] / 2;
		}
		for (int i = 0; i < n; i++)
		{
			next.log_parameter[i] += longest > STEP_MAX ? step[i] * STEP_MAX / longest : step[i];
			if (fabs(next.log_parameter[i]) > LOG_MAX)
			{
				fit->outcome = FIT_UNDETERMINED;
				fit->culprit = i;
				fit->grows = step[i] > 0;
				return;
			}
		}
		evaluate_point(&next, n, likelihood, data);
		fit->iterations++;
		if (!isfinite(next.value) || next.value < here.value - NOISE * fabs(here.value))
		{
			raise = raise < 1e-3 ? 1e-2 : raise * 8;
			if (raise > 1e12)
				return;
			continue;
		}
		here = next;
		/* the step taken squares the error: nothing is left to gain */
		if (raise == 0 && longest <= STEP_MAX && gain <= TOLERANCE * (1 + fabs(here.value)))
		{
			finish_fit(fit, &here, n);
			return;
		}
		fleeing = longest > FLIGHT_STEP && gain < FLIGHT_GAIN ? fleeing + 1 : 0;
		if (fleeing == FLIGHT_ROUNDS)
		{
			fit->outcome = FIT_UNDETERMINED;
			fit->culprit = fastest;
			fit->grows = step[fastest] > 0;
			return;
		}
		raise = raise < 1e-3 ? 0 : raise / 8;
	}
}

/*
 * Fits n parameters from a start. Many groups are fitted by a sample first, so
 * that few passes over all are left to do. Groups are sorted, so every nth one
 * makes a sample that is like all of them. Sets everything in fit; its
 * iterations are those over all groups.
 */
void
fit_with_sample(Fit *fit, int n, const double *start, Likelihood likelihood, const FitData *data,
                size_t sample_size)
{
	Fit sample = {.outcome = FIT_NO_CONVERGENCE};

	if (data->ngroups >= SAMPLES_MIN * sample_size)
	{
		FitData sampled = *data;

		sampled.stride = data->ngroups / sample_size;
		fit_maximise(&sample, n, start, likelihood, &sampled);
	}
	fit->iterations = 0;
	fit_maximise(fit, n, sample.outcome == FIT_OK ? sample.parameter : start, likelihood, data);
}

/* Copies the second derivatives above the diagonal to the places below it. */
void
fit_mirror(double hessian[FIT_PARAMETERS][FIT_PARAMETERS])
{
	for (int i = 0; i < FIT_PARAMETERS; i++)
	{
		for (int j = 0; j < i; j++)
			hessian[i][j] = hessian[j][i];
	}
}
