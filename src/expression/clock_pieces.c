/*
 * clock_pieces.c
 *	  Where calendars turn: transitions of time zones, ends of months, and the
 *	  boundaries of calendar units.
 *
 * A function of an instant, as timestamptz - interval '1 month', grows with it,
 * with two exceptions. One is where local time jumps, in its argument or in its
 * result. The other is where several days at the end of a month map to one. An
 * end that is too early costs a look; one too late would hide a change.
 */
#include "expression/clock_tree.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#define EPOCH_SECONDS ((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY)

/* No local time is farther from its instant: offsets go up to 15:59:59, gaps up to a day. */
#define MAX_OFFSET (2 * USECS_PER_DAY)

static int64
floor_div(int64 value, int64 by)
{
	int64 quotient = value / by;

	return value % by < 0 ? quotient - 1 : quotient;
}

/*
 * The first transition of a zone after an instant, with the local times just
 * before and at it; false: there is none.
 */
static bool
next_transition(pg_tz *zone, int64 at, int64 *transition, int64 *before, int64 *after)
{
	pg_time_t seconds = floor_div(at, USECS_PER_SEC) + EPOCH_SECONDS;
	pg_time_t boundary;
	long int before_offset;
	long int after_offset;
	int before_isdst;
	int after_isdst;

	if (pg_next_dst_boundary(&seconds, &before_offset, &before_isdst, &boundary, &after_offset,
	                         &after_isdst, zone) != 1)
		return false;
	*transition = (boundary - EPOCH_SECONDS) * USECS_PER_SEC;
	*before = *transition + before_offset * USECS_PER_SEC;
	*after = *transition + after_offset * USECS_PER_SEC;
	return true;
}

/* Local time of an instant. */
static int64
local_time(pg_tz *zone, int64 at)
{
	pg_time_t seconds = floor_div(at, USECS_PER_SEC) + EPOCH_SECONDS;
	struct pg_tm *tm = pg_localtime(&seconds, zone);

	return at + (tm == NULL ? 0 : tm->tm_gmtoff * USECS_PER_SEC);
}

/*
 * The stretch of time without an end in it that was found last. The next
 * question is nearly always about the same stretch. The server keeps a loaded
 * zone for the life of the backend, so its address stands for it.
 */
typedef struct Stretch
{
	pg_tz *zone; /* null: none yet */
	int64 low;
	int64 end;
} Stretch;

static Stretch last_instants = {NULL};
static Stretch last_walls = {NULL};

static bool
is_within(const Stretch *stretch, pg_tz *zone, int64 value)
{
	return stretch->zone == zone && stretch->low <= value && value < stretch->end;
}

/* Keeps a stretch from a value to its end, joined to the last one where that has the same end. */
static int64
keep_stretch(Stretch *stretch, pg_tz *zone, int64 value, int64 end)
{
	if (stretch->zone != zone || stretch->end != end || value < stretch->low)
		*stretch = (Stretch){zone, value, end};
	return end;
}

static int64
transition_after(pg_tz *zone, int64 at)
{
	int64 transition;
	int64 before;
	int64 after;

	if (is_within(&last_instants, zone, at))
		return last_instants.end;
	if (!next_transition(zone, at, &transition, &before, &after))
		transition = PIECE_NONE;
	return keep_stretch(&last_instants, zone, at, transition);
}

/* The first local time after another at which a gap or an overlap begins or ends. */
static int64
wall_edge_after(pg_tz *zone, int64 wall)
{
	int64 at = wall - MAX_OFFSET;
	int64 edge = PIECE_NONE;
	int64 before;
	int64 after;

	if (is_within(&last_walls, zone, wall))
		return last_walls.end;
	while (next_transition(zone, at, &at, &before, &after) &&
	       (edge == PIECE_NONE || at - MAX_OFFSET < edge))
	{
		if (before > wall && before < edge)
			edge = before;
		if (after > wall && after < edge)
			edge = after;
	}
	return keep_stretch(&last_walls, zone, wall, edge);
}

/* Local midnight of a day of a month; of a day that it does not have, the first of the next. */
static int64
midnight_of(int year, int month, int day)
{
	if (day > day_tab[isleap(year)][month - 1])
	{
		day = 1;
		month++;
	}
	if (month > MONTHS_PER_YEAR)
	{
		month = 1;
		year++;
	}
	return ((int64) date2j(year, month, day) - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY;
}

static void
date_of(int64 wall, int *year, int *month, int *day)
{
	j2date((int) floor_div(wall, USECS_PER_DAY) + POSTGRES_EPOCH_JDATE, year, month, day);
}

/*
 * How far months can be added to local times without two days mapping to one.
 * From the 28th on each day is a piece of its own.
 */
static int64
month_piece(int64 wall)
{
	int year;
	int month;
	int day;

	date_of(wall, &year, &month, &day);
	return midnight_of(year, month, day < 28 ? 29 : day + 1);
}

/* Whether a zone has the same offset at all times, as UTC has. */
bool
clock_has_fixed_offset(pg_tz *zone)
{
	long int offset;

	return pg_get_timezone_offset(zone, &offset);
}

/* The piece of timestamptz + interval; sign -1: - interval. */
static int64
interval_piece(pg_tz *zone, int64 at, const Interval *interval, int sign)
{
	Interval calendar = {.month = sign * interval->month, .day = sign * interval->day};
	bool is_fixed = clock_has_fixed_offset(zone);
	int64 end = PIECE_NONE;
	int64 wall;
	int64 shifted;
	int64 edge;

	if (calendar.month == 0 && (calendar.day == 0 || is_fixed))
		return PIECE_NONE;
	wall = local_time(zone, at);
	if (calendar.month != 0)
		end = at + (month_piece(wall) - wall);
	if (is_fixed)
		return end;
	end = Min(end, transition_after(zone, at));
	shifted = DatumGetTimestamp(DirectFunctionCall2(timestamp_pl_interval, TimestampGetDatum(wall),
	                                                IntervalPGetDatum(&calendar)));
	if (TIMESTAMP_NOT_FINITE(shifted))
		return end;
	edge = wall_edge_after(zone, shifted);
	if (edge != PIECE_NONE)
		end = Min(end, at + (edge - shifted));
	return end;
}

/*
 * The piece of age(value, since), in local times. Within a month it grows up to
 * the day and time at which a month since then is full. Where it is negative,
 * each stretch between midnight and that time of day is a piece.
 */
static int64
age_piece(int64 wall, int64 since)
{
	int64 day = floor_div(wall, USECS_PER_DAY) * USECS_PER_DAY;
	int64 time = since - floor_div(since, USECS_PER_DAY) * USECS_PER_DAY;
	int64 end;
	int64 full;
	int year;
	int month;
	int since_day;

	date_of(since, &year, &month, &since_day);
	date_of(wall, &year, &month, &(int){0});
	if (wall < since)
	{
		end = day + USECS_PER_DAY;
		full = day + time;
	}
	else
	{
		end = midnight_of(year, month, 32);
		full = midnight_of(year, month, since_day) + time;
	}
	return full > wall ? Min(end, full) : end;
}

/* A zone by its name; null: the database of time zones does not have it. */
static pg_tz *
zone_by_name(Datum name)
{
	return pg_tzset(text_to_cstring(DatumGetTextPP(name)));
}

/*
 * The end of a value's piece, exclusive; PIECE_NONE: it has no end. The value
 * is of type timestamptz or timestamp; other is the function's other argument
 * where the rule needs it.
 */
int64
clock_piece_end(PieceRule rule, pg_tz *zone, int64 value, Datum other, Oid type)
{
	bool local = type == TIMESTAMPOID;
	int64 wall;
	int64 end;

	if (TIMESTAMP_NOT_FINITE(value))
		return PIECE_NONE;
	switch (rule)
	{
		case PIECES_WHOLE:
			break;
		case PIECES_ZONE:
			return transition_after(zone, value);
		case PIECES_WALL:
			return wall_edge_after(zone, value);
		case PIECES_NAMED_ZONE:
		case PIECES_NAMED_WALL:
			zone = zone_by_name(other);
			if (zone == NULL) /* an abbreviation: offsets change on quarters of an hour */
				return (floor_div(value, 15 * USECS_PER_MINUTE) + 1) * 15 * USECS_PER_MINUTE;
			return rule == PIECES_NAMED_ZONE ? transition_after(zone, value)
			                                 : wall_edge_after(zone, value);
		case PIECES_INSTANT_PLUS:
			return interval_piece(zone, value, DatumGetIntervalP(other), 1);
		case PIECES_INSTANT_MINUS:
			return interval_piece(zone, value, DatumGetIntervalP(other), -1);
		case PIECES_LOCAL_PLUS:
		case PIECES_LOCAL_MINUS:
			return DatumGetIntervalP(other)->month == 0 ? PIECE_NONE : month_piece(value);
		case PIECES_AGE:
			if (TIMESTAMP_NOT_FINITE(DatumGetTimestamp(other)))
				return PIECE_NONE;
			if (local)
				return age_piece(value, DatumGetTimestamp(other));
			wall = local_time(zone, value);
			end = value + (age_piece(wall, local_time(zone, DatumGetTimestampTz(other))) - wall);
			return Min(end, transition_after(zone, value));
	}
	return PIECE_NONE;
}

/* Where the calendar unit that a value lies in ends, exclusive; in the unit of the value. */
int64
clock_unit_end(ClockUnit unit, pg_tz *zone, int64 value, Oid type)
{
	int64 wall = type == TIMESTAMPTZOID ? local_time(zone, value)
	             : type == DATEOID      ? value * USECS_PER_DAY
	                                    : value;
	int64 days = floor_div(wall, USECS_PER_DAY);
	int64 end = PIECE_NONE;
	int year;
	int month;
	int day;

	switch (unit)
	{
		case UNIT_MINUTE:
			end = (floor_div(wall, USECS_PER_MINUTE) + 1) * USECS_PER_MINUTE;
			break;
		case UNIT_HOUR:
			end = (floor_div(wall, USECS_PER_HOUR) + 1) * USECS_PER_HOUR;
			break;
		case UNIT_DAY:
			end = (days + 1) * USECS_PER_DAY;
			break;
		case UNIT_WEEK: /* weeks begin on Monday, as 2000-01-03 */
			end = ((floor_div(days - 2, 7) + 1) * 7 + 2) * USECS_PER_DAY;
			break;
		case UNIT_MONTH:
			date_of(wall, &year, &month, &day);
			end = midnight_of(year, month, 32);
			break;
	}
	if (type == DATEOID)
		return end / USECS_PER_DAY;
	if (type == TIMESTAMPTZOID)
		return Min(value + (end - wall), transition_after(zone, value));
	return end;
}

/* The instant at which a local day begins: that of an instant, or some days later. */
TimestampTz
clock_local_midnight(pg_tz *zone, TimestampTz at, int days)
{
	int64 day = floor_div(local_time(zone, at), USECS_PER_DAY) + days;
	int overflow;

	if (day < DATETIME_MIN_JULIAN - POSTGRES_EPOCH_JDATE ||
	    day >= TIMESTAMP_END_JULIAN - POSTGRES_EPOCH_JDATE)
		return at;
	return date2timestamptz_opt_overflow((DateADT) day, &overflow);
}
