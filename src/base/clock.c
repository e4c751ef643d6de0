/*
 * clock.c
 *	  The engine's clock.
 */
#include "base/base.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/guc.h"

static char *clock_setting = NULL;    /* text of cdp.clock */
static TimestampTz clock_instant = 0; /* its value, when clock_is_set */
static bool clock_is_set = false;
static TimestampTz last_reading = 0; /* of the real clock */

/* Parsed value of cdp.clock, handed from the check to the assign hook. */
typedef struct ClockExtra
{
	bool is_set;
	TimestampTz instant;
} ClockExtra;

/* Longest form of an instant, with its end: "294276-12-31 23:59:59.999999+00", or " BC" for "294276". */
#define CANONICAL_SIZE 40

/* Writes an instant as ISO 8601 in UTC; false: it is no instant that has a date. */
static bool
write_canonical(TimestampTz instant, char *text)
{
	struct pg_tm tm;
	fsec_t fraction;
	int len;

	if (TIMESTAMP_NOT_FINITE(instant) ||
	    timestamp2tm(instant, NULL, &tm, &fraction, NULL, NULL) != 0)
		return false;
	len = snprintf(text, CANONICAL_SIZE, "%04d-%02d-%02d %02d:%02d:%02d",
	               tm.tm_year > 0 ? tm.tm_year : 1 - tm.tm_year, tm.tm_mon, tm.tm_mday, tm.tm_hour,
	               tm.tm_min, tm.tm_sec);
	if (fraction != 0)
		len += snprintf(text + len, CANONICAL_SIZE - len, ".%06d", (int) fraction);
	snprintf(text + len, CANONICAL_SIZE - len, tm.tm_year > 0 ? "+00" : "+00 BC");
	return true;
}

/*
 * Reads what write_canonical has written; false: it is something else. No other setting plays a
 * part, nothing is allocated, nothing can fail: a parallel worker takes the value before it has the
 * leader's other settings.
 */
static bool
read_canonical(const char *text, TimestampTz *instant)
{
	struct pg_tm tm = {0};
	int fraction = 0;
	int len = 0;
	char again[CANONICAL_SIZE];

	if (sscanf(text, "%6d-%2d-%2d %2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
	           &tm.tm_min, &tm.tm_sec, &len) != 6)
		return false;
	if (text[len] == '.')
		(void) sscanf(text + len + 1, "%6d", &fraction);
	if (strstr(text + len, "BC") != NULL)
		tm.tm_year = 1 - tm.tm_year;
	if (tm2timestamp(&tm, fraction, NULL, instant) != 0)
		return false;
	/* numbers out of their range come out as others */
	return write_canonical(*instant, again) && strcmp(text, again) == 0;
}

/* Reads a text as the type timestamptz does, by the settings of now; false: it is none. */
static bool
read_timestamp(const char *text, TimestampTz *instant)
{
	MemoryContext oldcontext = CurrentMemoryContext;
	volatile bool ok = true;

	PG_TRY();
	{
		*instant = DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in, CStringGetDatum(text),
		                                                   ObjectIdGetDatum(InvalidOid),
		                                                   Int32GetDatum(-1)));
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(oldcontext);
		FlushErrorState();
		ok = false;
	}
	PG_END_TRY();
	return ok;
}

/*
 * GUC check hook of cdp.clock: empty, or an absolute finite timestamptz. What depends on other
 * settings, as a time without an offset does, means what it means when it is set: the value that
 * is kept is the instant in UTC.
 */
static bool
check_clock(char **newval, void **extra, GucSource source)
{
	ClockExtra *parsed;
	TimestampTz instant = 0;
	bool is_set = (*newval != NULL && (*newval)[0] != '\0');

	if (is_set && !read_canonical(*newval, &instant))
	{
		char *canonical;

		if (!read_timestamp(*newval, &instant) || TIMESTAMP_NOT_FINITE(instant) ||
		    relative_time_is_named(*newval, strlen(*newval)))
		{
			GUC_check_errdetail("\"%s\" is not an absolute, finite timestamp with time zone.",
			                    *newval);
			GUC_check_errhint("Write it as in '2011-12-09 12:50+00', or leave it empty for real "
			                  "time.");
			return false;
		}
		canonical = CdpGucAlloc(CANONICAL_SIZE);
		if (canonical == NULL)
			return false;
		(void) write_canonical(instant, canonical);
		CdpGucFree(*newval);
		*newval = canonical;
	}

	parsed = (ClockExtra *) CdpGucAlloc(sizeof(ClockExtra));
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
	if (clock_is_set)
		return clock_instant;
	return last_reading = GetCurrentTimestamp();
}

bool
cdp_is_future(TimestampTz at)
{
	return clock_is_set ? at > clock_instant : at > last_reading && at > cdp_now();
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
