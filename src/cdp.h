/*
 * cdp.h
 *	  What every part of the extension may use: the clock and small helpers.
 */
#ifndef CDP_H
#define CDP_H

#include "postgres.h"

#include "compat.h"
#include "datatype/timestamp.h"

/*
 * The engine's clock: the setting cdp.clock where it is set (replay,
 * simulation, tests), else clock_timestamp().
 */
extern TimestampTz cdp_now(void);

#endif /* CDP_H */
