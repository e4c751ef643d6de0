/*
 * bgnbd.h
 *	  The BG/NBD model (Fader, Hardie and Lee, "Counting your customers the
 *	  easy way", Marketing Science 24, 2005). Pure C: links without a server.
 *
 * While active, a customer buys at the rate lambda, and after each purchase
 * becomes inactive with probability p. Over customers lambda is gamma
 * distributed (shape r, rate alpha) and p beta distributed (a, b). A customer
 * makes x repeat purchases until t_x and is observed until T. All parameters
 * are above zero, x is a whole number, 0 <= t_x <= T.
 */
#ifndef CDP_VALUE_BGNBD_H
#define CDP_VALUE_BGNBD_H

typedef struct BgnbdModel
{
	double r;
	double alpha;
	double a;
	double b;
} BgnbdModel;

extern double bgnbd_log_likelihood(const BgnbdModel *m, double x, double tx, double T);
extern double bgnbd_p_alive(const BgnbdModel *m, double x, double tx, double T);
extern double bgnbd_expected(const BgnbdModel *m, double x, double tx, double T, double t);
extern double bgnbd_expected_new(const BgnbdModel *m, double t);
extern double bgnbd_dert(const BgnbdModel *m, double x, double tx, double T, double delta);
extern double bgnbd_discounted(const BgnbdModel *m, double x, double tx, double T, double horizon,
                               double delta);

#endif /* CDP_VALUE_BGNBD_H */
