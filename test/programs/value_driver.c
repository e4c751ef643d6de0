/*
 * value_driver.c
 *	  The kernels of the customer value models, driven from standard input.
 *
 * A line "model p1 p2 p3 p4 x t_x T t delta horizon", model bgnbd or paretonbd,
 * gives a line: log-likelihood, p_alive, expected purchases in t, those of a
 * new customer, DERT at delta, and discounted purchases until the horizon. A
 * line "gamma_gamma p q gamma 0 x z 0 0 0 0" gives log-likelihood and expected
 * amount, a line "expint nu m 0 …" exp(m) E_nu(m), "psi z 0 …" digamma and trigamma.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "value/bgnbd.h"
#include "value/gamma_gamma.h"
#include "value/paretonbd.h"
#include "value/special.h"

int
main(void)
{
	char name[32];
	double p[4];
	double x;
	double tx;
	double T;
	double t;
	double delta;
	double horizon;

	while (scanf("%31s %lf %lf %lf %lf %lf %lf %lf %lf %lf %lf", name, &p[0], &p[1], &p[2], &p[3], &x,
	             &tx, &T, &t, &delta, &horizon) == 11)
	{
		if (strcmp(name, "bgnbd") == 0)
		{
			BgnbdModel m = {p[0], p[1], p[2], p[3]};

			printf("%.17g %.17g %.17g %.17g %.17g %.17g\n", bgnbd_log_likelihood(&m, x, tx, T),
			       bgnbd_p_alive(&m, x, tx, T), bgnbd_expected(&m, x, tx, T, t),
			       bgnbd_expected_new(&m, t), bgnbd_dert(&m, x, tx, T, delta),
			       bgnbd_discounted(&m, x, tx, T, horizon, delta));
		}
		else if (strcmp(name, "paretonbd") == 0)
		{
			ParetonbdModel m = {p[0], p[1], p[2], p[3]};

			printf("%.17g %.17g %.17g %.17g %.17g %.17g\n",
			       paretonbd_log_likelihood(&m, x, tx, T), paretonbd_p_alive(&m, x, tx, T),
			       paretonbd_expected(&m, x, tx, T, t), paretonbd_expected_new(&m, t),
			       paretonbd_dert(&m, x, tx, T, delta),
			       paretonbd_discounted(&m, x, tx, T, horizon, delta));
		}
		else if (strcmp(name, "gamma_gamma") == 0)
		{
			GammaGammaModel m = {p[0], p[1], p[2]};

			printf("%.17g %.17g\n", gamma_gamma_log_likelihood(&m, x, tx),
			       gamma_gamma_expected(&m, x, tx));
		}
		else if (strcmp(name, "expint") == 0)
			printf("%.17g\n", scaled_expint(p[0], p[1]));
		else if (strcmp(name, "psi") == 0)
			printf("%.17g %.17g\n", digamma(p[0]), trigamma(p[0]));
		else
			printf("unknown\n");
	}
	return 0;
}
