/*
 * currency.h
 *	  ISO 4217 currencies: which codes exist and how many minor digits they
 *	  show. ICU knows; its answers are kept per backend, asked for lazily.
 */
#ifndef CDP_CURRENCY_H
#define CDP_CURRENCY_H

#include "postgres.h"

/*
 * Is code an ISO 4217 alphabetic currency code in upper case, now or at any
 * time in the past ("USD", "DEM")? code need not be zero-terminated; any
 * length and any bytes may come.
 */
extern bool currency_is_valid(const char *code, int len);

/* Raises the error for a value that currency_is_valid refuses. */
extern void currency_report_invalid(const char *code, int len) pg_attribute_noreturn();

#endif /* CDP_CURRENCY_H */
