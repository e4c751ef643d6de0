/*
 * ltv_zone.c
 *	  The time zone of a lifetime value, and the local day of an instant.
 */
#include "base/base.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "types/ltv_format.h"
#include "utils/date.h"
#include "utils/timestamp.h"

/*
 * The zone looked up last, by the name as given. The server keeps a loaded
 * zone for the life of the backend, so the pointer stays good.
 */
static char cached_name[LTV_ZONE_MAX + 1];
static char cached_canonical[LTV_ZONE_MAX + 1];
static pg_tz *cached_tz = NULL;

/*
 * Does name have the shape of a name in the time zone database? The server also
 * takes POSIX rules ("FOO5BAR", "UTC+7"), with the sign of the offset reversed.
 * A rule always has a digit; names with digits are few. Machine-dependent links
 * are refused, too.
 */
static bool
zone_has_name_shape(const char *name)
{
	static const char *const with_digits[] = {"EST5EDT", "CST6CDT", "MST7MDT", "PST8PDT",
	                                          "GMT0",    "GMT+0",   "GMT-0",   NULL};
	bool digit = false;

	if (name[0] == '\0' || strlen(name) > LTV_ZONE_MAX)
		return false;
	for (const char *p = name; *p; p++)
	{
		if (*p >= '0' && *p <= '9')
			digit = true;
		else if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || *p == '_' || *p == '-' ||
		           *p == '+' || *p == '/'))
			return false;
	}
	if (pg_strcasecmp(name, "localtime") == 0 || pg_strcasecmp(name, "posixrules") == 0)
		return false;
	if (!digit)
		return true;
	for (int i = 0; with_digits[i]; i++)
	{
		if (pg_strcasecmp(name, with_digits[i]) == 0)
			return true;
	}
	return pg_strncasecmp(name, "Etc/GMT", 7) == 0;
}

/*
 * Looks up a time zone. canonical may be NULL; else it has LTV_ZONE_MAX + 1
 * bytes and gets the name as the database spells it. tz may be NULL; else it
 * gets the zone's rules, or NULL for UTC, whose days need no rules. False if
 * there is no such zone.
 */
bool
ltv_zone_lookup(const char *name, char *canonical, pg_tz **tz)
{
	if (cached_tz == NULL || strcmp(name, cached_name) != 0)
	{
		pg_tz *found;
		const char *found_name;

		if (!zone_has_name_shape(name))
			return false;
		found = pg_tzset(name);
		if (found == NULL || !pg_tz_acceptable(found))
			return false;
		found_name = pg_get_timezone_name(found);
		if (found_name == NULL || strlen(found_name) > LTV_ZONE_MAX)
			return false;
		cached_tz = NULL;
		strlcpy(cached_name, name, sizeof(cached_name));
		strlcpy(cached_canonical, found_name, sizeof(cached_canonical));
		cached_tz = found;
	}
	if (canonical)
		strlcpy(canonical, cached_canonical, LTV_ZONE_MAX + 1);
	if (tz)
		*tz = strcmp(cached_canonical, "UTC") == 0 ? NULL : cached_tz;
	return true;
}

/* Raises the error for a zone that ltv_zone_lookup does not find. */
void
ltv_zone_report(const char *name)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	                errmsg("time zone \"%.*s\" not recognized",
	                       pg_mbcliplen(name, (int) strlen(name), LTV_ZONE_MAX), name),
	                errhint("Give the name of a time zone, such as UTC or Europe/London; the view "
	                        "pg_timezone_names has them.")));
}

/*
 * The day, in days since 2000-01-01, that the instant falls on in a zone;
 * tz NULL is UTC. Errors: 22008 for infinities and for instants whose day is
 * no valid date.
 */
int32
ltv_local_day(TimestampTz at, pg_tz *tz)
{
	int64 seconds;
	int64 day;

	if (TIMESTAMP_NOT_FINITE(at))
		ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
		                errmsg("the time of an amount must be finite"),
		                errdetail("The time is %s.", timestamptz_to_str(at))));

	seconds = at / USECS_PER_SEC;
	if (at % USECS_PER_SEC < 0)
		seconds--;

	if (tz != NULL)
	{
		pg_time_t unix_seconds =
		    seconds + (int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY;
		struct pg_tm *tm = pg_localtime(&unix_seconds, tz);

		if (tm != NULL)
			seconds += tm->tm_gmtoff;
		else
			ereport(ERROR,
			        (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("timestamp out of range"),
			         errdetail("The time is %s.", timestamptz_to_str(at))));
	}

	day = seconds / SECS_PER_DAY;
	if (seconds % SECS_PER_DAY < 0)
		day--;
	if (!IS_VALID_DATE(day))
		ereport(ERROR,
		        (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("timestamp out of range"),
		         errdetail("There is no date for %s in time zone \"%s\".", timestamptz_to_str(at),
		                   tz ? pg_get_timezone_name(tz) : "UTC")));
	return (int32) day;
}

#define EPOCH_SECONDS ((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY)

/* The last instant for questions about a time zone: PostgreSQL's rules end here. */
#define LAST_INSTANT (END_TIMESTAMP - 2 * USECS_PER_DAY)

/*
 * The first instant after at with a local day outside first to last; the local
 * day of at itself is inside. DT_NOEND: never. tz NULL is UTC. Local days go
 * forward, except where clocks are set back over midnight, by a day at most. So
 * each stretch of one offset near the end and the beginning is examined.
 */
TimestampTz
ltv_zone_leaves(pg_tz *tz, TimestampTz at, int32 first, int32 last)
{
	bool ends = last < LAST_INSTANT / USECS_PER_DAY;
	int64 wall_end = ends ? (last + INT64CONST(1)) * USECS_PER_DAY : DT_NOEND;
	int32 day;

	if (tz == NULL)
		return wall_end;
	day = ltv_local_day(at, tz);
	while (at < LAST_INSTANT)
	{
		pg_time_t seconds;
		pg_time_t boundary;
		long int offset;
		long int next_offset;
		int is_dst;
		TimestampTz end = DT_NOEND;
		TimestampTz turn = DT_NOEND;

		CHECK_FOR_INTERRUPTS();
		if (day > first + INT64CONST(1))
		{
			if (!ends)
				break;
			/* no local time is a day from its instant */
			at = Max(at, wall_end - 2 * USECS_PER_DAY);
		}
		seconds = at / USECS_PER_SEC - (at % USECS_PER_SEC < 0) + EPOCH_SECONDS;
		if (pg_next_dst_boundary(&seconds, &offset, &is_dst, &boundary, &next_offset, &is_dst,
		                         tz) == 1)
			turn = (boundary - EPOCH_SECONDS) * USECS_PER_SEC;
		if (ends)
			end = wall_end - offset * USECS_PER_SEC;

		/* where both are one, the clock may be set back just before midnight */
		if (end < turn || turn == DT_NOEND)
			return end;
		at = turn;
		day = ltv_local_day(at, tz);
		if (day < first || day > last)
			return at;
	}
	return DT_NOEND;
}

/*
 * The instant at which a day begins in a zone: the first with this local day or
 * a later one. DT_NOEND: the day is after all of them.
 */
TimestampTz
ltv_zone_midnight(pg_tz *tz, int32 day)
{
	if (day > LAST_INSTANT / USECS_PER_DAY)
		return DT_NOEND;
	/* no local time is two days from its instant */
	return ltv_zone_leaves(tz, (day - INT64CONST(2)) * USECS_PER_DAY, PG_INT32_MIN, day - 1);
}
