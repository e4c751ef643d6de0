/*
 * fit.h
 *	  Maximum likelihood for the models of customer value. Pure C: links
 *	  without a server.
 */
#ifndef CDP_VALUE_FIT_H
#define CDP_VALUE_FIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Equal customers, and how many they are. For Gamma-Gamma recency is the mean
 * amount and age is 0. Fits take them sorted by frequency, age, recency.
 */
typedef struct CustomerGroup
{
	double recency;
	double age;
	uint32_t frequency;
	uint32_t count;
} CustomerGroup;

#define FIT_PARAMETERS 4

typedef enum FitOutcome
{
	FIT_OK,
	FIT_NO_CONVERGENCE, /* no maximum within the iterations allowed */
	FIT_UNDETERMINED    /* the likelihood does not depend on a parameter, or grows without end */
} FitOutcome;

typedef struct Fit
{
	double parameter[FIT_PARAMETERS];
	double standard_error[FIT_PARAMETERS];
	double log_likelihood;
	int iterations;
	FitOutcome outcome;
	int culprit; /* the parameter that is not determined, or -1 */
	bool grows;  /* does it grow without end, or fall to zero? */
} Fit;

/*
 * The customers of a fit, and a function that it calls now and then, so that it
 * can be cancelled.
 */
typedef struct FitData
{
	const CustomerGroup *groups;
	size_t ngroups;
	size_t stride; /* every stride-th group counts */
	void (*check_interrupts)(void);
} FitData;

/*
 * The log-likelihood at the parameters, its gradient and its second
 * derivatives (both halves), which come in as zero.
 */
typedef double (*Likelihood)(const double *parameter, double *gradient,
                             double hessian[FIT_PARAMETERS][FIT_PARAMETERS], const FitData *data);

extern void fit_maximise(Fit *fit, int n, const double *start, Likelihood likelihood,
                         const FitData *data);
extern void fit_with_sample(Fit *fit, int n, const double *start, Likelihood likelihood,
                            const FitData *data, size_t sample_size);
extern void fit_mirror(double hessian[FIT_PARAMETERS][FIT_PARAMETERS]);

extern void bgnbd_fit(Fit *fit, const CustomerGroup *groups, size_t n,
                      void (*check_interrupts)(void));
extern void paretonbd_fit(Fit *fit, const CustomerGroup *groups, size_t n,
                          void (*check_interrupts)(void));
extern void gamma_gamma_fit(Fit *fit, const CustomerGroup *groups, size_t n,
                            void (*check_interrupts)(void));

#endif /* CDP_VALUE_FIT_H */
