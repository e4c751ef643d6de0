/*
 * base.h
 *	  What every part of the extension may use: the clock and small helpers.
 */
#ifndef CDP_H
#define CDP_H

#include "postgres.h"

#include "base/compat.h"
#include "utils/timestamp.h"

/*
 * The engine's clock: the setting cdp.clock where it is set (replay,
 * simulation, tests), else clock_timestamp().
 */
extern TimestampTz cdp_now(void);

/* The same for readers: without the setting, when the statement came in. */
extern TimestampTz cdp_statement_now(void);

/*
 * Whether an error must end the statement wherever it comes from: a cancel, a
 * shutdown, lack of a resource, a conflict of transactions, a broken server.
 * Other errors of a definition are its own affair.
 */
extern bool cdp_error_is_fatal(int sqlerrcode);

/*
 * Runs work(context) in a subtransaction of its own, which is committed if it
 * returns true and rolled back if it returns false or raises an error. *error
 * is that error, in the caller's memory context, or null. A fatal error goes
 * on. What work opens it must close, unless it fails.
 */
extern bool cdp_attempt(bool (*work)(void *context), void *context, ErrorData **error);

#endif /* CDP_H */
