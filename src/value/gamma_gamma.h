/*
 * gamma_gamma.h
 *	  The Gamma-Gamma model of the amount of a purchase (Fader, Hardie and Lee,
 *	  "RFM and CLV", Journal of Marketing Research 42, 2005; Fader and Hardie,
 *	  "The Gamma-Gamma model of monetary value", 2013). Pure C: links without a
 *	  server.
 *
 * A customer's amounts are gamma distributed (shape p, rate nu). Over customers
 * nu is gamma distributed (shape q, rate gamma). A customer makes x purchases
 * of mean z.
 */
#ifndef CDP_VALUE_GAMMA_GAMMA_H
#define CDP_VALUE_GAMMA_GAMMA_H

typedef struct GammaGammaModel
{
	double p;
	double q;
	double gamma;
} GammaGammaModel;

extern double gamma_gamma_log_likelihood(const GammaGammaModel *m, double x, double z);
extern double gamma_gamma_expected(const GammaGammaModel *m, double x, double z);

#endif /* CDP_VALUE_GAMMA_GAMMA_H */
