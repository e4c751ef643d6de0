/*
 * currency.h
 *	  ISO 4217 currencies: which codes exist and how many minor digits they
 *	  show. ICU knows; its answers are kept per backend, asked for lazily.
 */
#ifndef CDP_CURRENCY_H
#define CDP_CURRENCY_H

#include "postgres.h"

/*
 * Is code an alphabetic currency code of ISO 4217 in upper case, now ("USD") or
 * in the past ("DEM")? code may have any length and any bytes, and need not be
 * zero-terminated.
 */
extern bool currency_is_valid(const char *code, int len);

/* Raises the error for a value that currency_is_valid refuses. */
extern void currency_report_invalid(const char *code, int len) pg_attribute_noreturn();

#endif /* CDP_CURRENCY_H */
