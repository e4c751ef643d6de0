/*
 * clock.c
 *	  The engine's clock.
 */
#include "base/base.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"

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

		if (!ok || TIMESTAMP_NOT_FINITE(instant) ||
		    relative_time_is_named(*newval, strlen(*newval)))
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
clock_init(void)
{
	DefineCustomStringVariable("cdp.clock",
	                           "The instant that cdp takes for now; empty means real time.",
	                           "For replay, simulation and tests. Superusers only.", &clock_setting,
	                           "", PGC_SUSET, 0, check_clock, assign_clock, NULL);
}
