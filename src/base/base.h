/*
 * base.h
 *	  What every part of the extension may use: the clock and small helpers.
 */
#ifndef CDP_BASE_H
#define CDP_BASE_H

#include "postgres.h"

#include "access/htup_details.h"
#include "base/compat.h"
#include "fmgr.h"
#include "utils/timestamp.h"

/*
 * The engine's clock: the setting cdp.clock where it is set (replay,
 * simulation, tests), else clock_timestamp().
 */
extern TimestampTz cdp_now(void);

/* The same for readers: without the setting, statement_timestamp(). */
extern TimestampTz cdp_statement_now(void);

/*
 * Whether an instant is later than the engine's clock. What was not later at the last
 * reading is not later now, so this seldom reads the clock.
 */
extern bool cdp_is_future(TimestampTz at);

/* Defines the setting. */
extern void clock_init(void);

/*
 * Whether an error must end the statement, whatever raises it. Such are a
 * cancel, a shutdown, lack of a resource, a conflict of transactions, a broken
 * server and damaged data. Other errors of a definition concern only that
 * definition.
 *
 * An internal error (class XX) of a function that a definition calls is the
 * definition's, too. Of code of ours it is a fault: who cannot tell that a
 * definition has raised it must raise it again.
 */
extern bool cdp_error_is_fatal(int sqlerrcode);
extern bool cdp_error_is_internal(int sqlerrcode);

/*
 * The message of an error without the values in it: its format, with an ellipsis in place of each
 * value. The values may be of rows that the reader may not select.
 */
extern char *error_without_values(const ErrorData *error);

/*
 * Runs work(context) in a subtransaction of its own. The subtransaction is
 * committed if work returns true, and rolled back if it returns false or raises
 * an error. *error is that error, in the caller's memory context, or null. A
 * fatal error is raised again. Work must close what it opens; where it fails,
 * the rollback does.
 */
extern bool cdp_attempt(bool (*work)(void *context), void *context, ErrorData **error);

/*
 * Runs work(context), which does many things one after another, to its end.
 * Each attempt is a subtransaction. Where one fails, failed(context, error)
 * steps over the thing that failed, and work continues behind it. Where failed
 * returns false, the error is raised again.
 */
extern void cdp_attempt_each(bool (*work)(void *context),
                             bool (*failed)(void *context, const ErrorData *error), void *context);

/*
 * The function of schema cdp that has this name and no arguments; InvalidOid: there is none. It
 * asks for no right to the schema.
 */
extern Oid cdp_function_of(const char *name);

/*
 * Argument n of a function, of a polymorphic type: a row, of whatever row type. Errors (42804) if
 * the call has something else there.
 */
extern HeapTupleHeader row_argument(FunctionCallInfo fcinfo, int n);

/* Whether a text names a time relative to the clock: now, today, tomorrow, yesterday. */
extern bool relative_time_is_named(const char *text, size_t len);

/* A terminated copy of the first bytes of a text, for an error message; "..." stands for the rest. */
extern char *text_shown(const char *text, size_t len);

#endif /* CDP_BASE_H */
