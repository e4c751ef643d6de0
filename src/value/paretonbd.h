/*
 * paretonbd.h
 *	  The Pareto/NBD model (Schmittlein, Morrison and Colombo, "Counting your
 *	  customers: who are they and what will they do next?", Management Science
 *	  33, 1987; Fader and Hardie, "A note on deriving the Pareto/NBD model",
 *	  2005). Pure C: links without a server.
 *
 * While alive, a customer buys at the rate lambda, and dies at the rate mu.
 * Over customers lambda is gamma distributed (shape r, rate alpha), and mu as
 * well (s, beta). A customer makes x repeat purchases until t_x and is observed
 * until T. All parameters are above zero, x is a whole number, 0 <= t_x <= T.
 */
#ifndef CDP_VALUE_PARETONBD_H
#define CDP_VALUE_PARETONBD_H

typedef struct ParetonbdModel
{
	double r;
	double alpha;
	double s;
	double beta;
} ParetonbdModel;

extern double paretonbd_log_likelihood(const ParetonbdModel *m, double x, double tx, double T);
extern double paretonbd_p_alive(const ParetonbdModel *m, double x, double tx, double T);
extern double paretonbd_expected(const ParetonbdModel *m, double x, double tx, double T, double t);
extern double paretonbd_expected_new(const ParetonbdModel *m, double t);
extern double paretonbd_dert(const ParetonbdModel *m, double x, double tx, double T, double delta);
extern double paretonbd_discounted(const ParetonbdModel *m, double x, double tx, double T,
                                   double horizon, double delta);

/*
 * The odds of having died between t_x and T,
 * s integral of ((alpha + T) / (alpha + u))^(r + x) ((beta + T) / (beta + u))^s / (beta + u) du:
 * the sum of the nodes' weights times exp(*log_scale). Calls node(u, weight, context) for each.
 */
extern double paretonbd_death_odds(const ParetonbdModel *m, double x, double tx, double T,
                                   double *log_scale,
                                   void (*node)(double u, double weight, void *context),
                                   void *context);

#endif /* CDP_VALUE_PARETONBD_H */
