/*
 * compat.h
 *	  Every difference between the PostgreSQL versions that cdp builds with
 *	  (15 to 18) lives here.
 */
#ifndef CDP_COMPAT_H
#define CDP_COMPAT_H

#include "postgres.h"

/* Soft errors (ereturn) came with 16; before, they are plain errors. */
#if PG_VERSION_NUM >= 160000
#include "nodes/miscnodes.h"
#define CDP_ESCONTEXT(fcinfo) ((fcinfo)->context)
#else
#define ereturn(context, dummy, ...)                                                               \
	do                                                                                             \
	{                                                                                              \
		(void) (context);                                                                          \
		ereport(ERROR, __VA_ARGS__);                                                               \
	} while (0)
#define CDP_ESCONTEXT(fcinfo) NULL
#endif

#endif /* CDP_COMPAT_H */
