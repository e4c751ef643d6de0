/*
 * cdp.c
 *	  Module start: settings and the engine's clock.
 */
#include "base/base.h"

#include "batch/batch.h"
#include "access/xact.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"
#include "expression/predicate.h"

PG_MODULE_MAGIC;

void _PG_init(void);

static char *clock_setting = NULL;    /* text of cdp.clock */
static TimestampTz clock_instant = 0; /* its value, when clock_is_set */
static bool clock_is_set = false;

/* Parsed value of cdp.clock, handed from the check to the assign hook. */
typedef struct ClockExtra
{
	bool is_set;
	TimestampTz instant;
} ClockExtra;

/*
 * GUC check hook of cdp.clock: empty, or an absolute finite timestamptz.
 * The value is kept parsed, so that reading the clock costs nothing.
 */
static bool
check_clock(char **newval, void **extra, GucSource source)
{
	ClockExtra *parsed;
	TimestampTz instant = 0;
	bool is_set = (*newval != NULL && (*newval)[0] != '\0');

	if (is_set)
	{
		MemoryContext oldcontext = CurrentMemoryContext;
		bool ok = true;

		PG_TRY();
		{
			instant = DatumGetTimestampTz(
			    DirectFunctionCall3(timestamptz_in, CStringGetDatum(*newval),
			                        ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
		}
		PG_CATCH();
		{
			MemoryContextSwitchTo(oldcontext);
			FlushErrorState();
			ok = false;
		}
		PG_END_TRY();

		if (!ok || TIMESTAMP_NOT_FINITE(instant) || names_relative_time(*newval, strlen(*newval)))
		{
			GUC_check_errdetail("\"%s\" is not an absolute, finite timestamp with time zone.",
			                    *newval);
			GUC_check_errhint("Write it as in '2011-12-09 12:50+00', or leave it empty for real "
			                  "time.");
			return false;
		}
	}

	parsed = (ClockExtra *) malloc(sizeof(ClockExtra));
	if (parsed == NULL)
		return false;
	parsed->is_set = is_set;
	parsed->instant = instant;
	*extra = parsed;
	return true;
}

static void
assign_clock(const char *newval, void *extra)
{
	ClockExtra *parsed = (ClockExtra *) extra;

	clock_is_set = parsed->is_set;
	clock_instant = parsed->instant;
}

TimestampTz
cdp_now(void)
{
	return clock_is_set ? clock_instant : GetCurrentTimestamp();
}

TimestampTz
cdp_statement_now(void)
{
	return clock_is_set ? clock_instant : GetCurrentStatementStartTimestamp();
}

bool
cdp_error_is_fatal(int sqlerrcode)
{
	switch (ERRCODE_TO_CATEGORY(sqlerrcode))
	{
		case ERRCODE_TO_CATEGORY(ERRCODE_T_R_SERIALIZATION_FAILURE): /* 40 */
		case ERRCODE_TO_CATEGORY(ERRCODE_INSUFFICIENT_RESOURCES):    /* 53 */
		case ERRCODE_TO_CATEGORY(ERRCODE_OPERATOR_INTERVENTION):     /* 57 */
		case ERRCODE_TO_CATEGORY(ERRCODE_SYSTEM_ERROR):              /* 58 */
		case ERRCODE_TO_CATEGORY(ERRCODE_INTERNAL_ERROR):            /* XX */
			return true;
		default:
			return false;
	}
}

/*
 * An error ends the subtransaction before anything else: PostgreSQL takes an
 * open one for a savepoint, and would leave the session in a failed
 * transaction that nobody has begun.
 */
bool
cdp_attempt(bool (*work)(void *context), void *context, ErrorData **error)
{
	MemoryContext oldcontext = CurrentMemoryContext;
	ResourceOwner oldowner = CurrentResourceOwner;
	volatile bool done = false;

	*error = NULL;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(oldcontext);
	PG_TRY();
	{
		done = work(context);
		if (done)
			ReleaseCurrentSubTransaction();
		else
			RollbackAndReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(oldcontext);
		*error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		done = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(oldcontext);
	CurrentResourceOwner = oldowner;
	if (*error != NULL && cdp_error_is_fatal((*error)->sqlerrcode))
		ReThrowError(*error);
	return done;
}

PG_FUNCTION_INFO_V1(cdp_clock_now);

/* cdp.now() -> timestamptz: the engine's clock. */
Datum
cdp_clock_now(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMPTZ(cdp_now());
}

PG_FUNCTION_INFO_V1(cdp_clock_statement_now);

/* cdp.statement_now() -> timestamptz: the time that readers take for now. */
Datum
cdp_clock_statement_now(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMPTZ(cdp_statement_now());
}

void
_PG_init(void)
{
	DefineCustomStringVariable("cdp.clock",
	                           "The instant that cdp takes for now; empty means real time.",
	                           "For replay, simulation and tests. Superusers only.", &clock_setting,
	                           "", PGC_SUSET, 0, check_clock, assign_clock, NULL);
	DefineCustomIntVariable("cdp.batch_events",
	                        "Events of a statement that are worked on at a time.",
	                        "For tests: a small number lets few events make several batches. "
	                        "Superusers only.",
	                        &batch_events, 1000000, 1, INT_MAX, PGC_SUSET,
	                        GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE, NULL, NULL, NULL);
	DefineCustomBoolVariable("cdp.check_locks",
	                         "Whether the engine checks that it has locked what it changes.",
	                         "For tests. Superusers only.", &check_locks, false, PGC_SUSET,
	                         GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE, NULL, NULL, NULL);
	MarkGUCPrefixReserved("cdp");
}
