/*
 * segment_set_text.c
 *	  The text form of cdp.segment_set, see segment_set_text.h.
 *
 * Bytes are examined one by one. In every server encoding the bytes of a
 * multibyte character have their high bit set, so they are not mistaken for
 * braces, quotes, commas or white space.
 */
#include "types/segment_set_text.h"

#include <string.h>

#include "types/text_internal.h"

#define USECS_PER_DAY_64 INT64CONST(86400000000)

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline char
to_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

/* Is the text this word of lower-case ASCII letters, in any case? */
static bool
is_word(const char *text, int len, const char *word)
{
	if (len != (int) strlen(word))
		return false;
	for (int i = 0; i < len; i++)
	{
		if (to_lower(text[i]) != word[i])
			return false;
	}
	return true;
}

/*
 * Days from 2000-01-01 to a day of the proleptic Gregorian calendar. Years
 * before 1 are astronomical (0 is 1 BC). The year is taken to begin in March,
 * so that the leap day comes last. The days before month m of such a year are
 * (153 m + 2) / 5, and 400 years have 146,097 days.
 */
static int64
days_from_date(int64 year, int month, int day)
{
	int64 y = month <= 2 ? year - 1 : year;
	int64 era = (y >= 0 ? y : y - 399) / 400;
	int64 year_of_era = y - era * 400;
	int64 day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
	int64 day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	/* 730,425 days lie between 0000-03-01 and 2000-01-01 */
	return era * 146097 + day_of_era - 730425;
}

/* The inverse of days_from_date. */
static void
date_from_days(int64 days, int64 *year, int *month, int *day)
{
	int64 z = days + 730425;
	int64 era = (z >= 0 ? z : z - 146096) / 146097;
	int64 day_of_era = z - era * 146097;
	int64 year_of_era =
	    (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64 day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64 m = (5 * day_of_year + 2) / 153;

	*day = (int) (day_of_year - (153 * m + 2) / 5 + 1);
	*month = (int) (m < 10 ? m + 3 : m - 9);
	*year = year_of_era + era * 400 + (*month <= 2 ? 1 : 0);
}

static int
days_in_month(int64 year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return month == 2 && leap ? 29 : days[month - 1];
}

/*
 * Reads min_digits to max_digits digits (at most 9) at *at, and moves on. False
 * when there are fewer; more are left for the caller to find.
 */
static bool
read_time_field(const char **at, const char *end, int min_digits, int max_digits, int *value)
{
	int digits = 0;

	*value = 0;
	while (digits < max_digits && *at < end && is_digit(**at))
	{
		*value = *value * 10 + (**at - '0');
		(*at)++;
		digits++;
	}
	return digits >= min_digits;
}

/* Moves over one character, if it is the one expected. */
static bool
read_char(const char **at, const char *end, char expected)
{
	if (*at >= end || **at != expected)
		return false;
	(*at)++;
	return true;
}

/*
 * Reads the offset from UTC: Z, or a sign and numbers. The numbers are hours,
 * hours and minutes (with or without a colon), or hours, minutes and seconds
 * (with colons). Seconds east of Greenwich go to *offset; *in_range tells
 * whether the numbers are in range.
 */
static bool
read_offset(const char **at, const char *end, int *offset, bool *in_range)
{
	int hours;
	int minutes = 0;
	int seconds = 0;
	bool west;

	*offset = 0;
	*in_range = true;
	if (*at >= end)
		return false;
	if (**at == 'Z' || **at == 'z')
	{
		(*at)++;
		return true;
	}
	if (**at != '+' && **at != '-')
		return false;
	west = (**at == '-');
	(*at)++;

	if (!read_time_field(at, end, 2, 2, &hours))
		return false;
	if (read_char(at, end, ':'))
	{
		if (!read_time_field(at, end, 2, 2, &minutes))
			return false;
		if (read_char(at, end, ':') && !read_time_field(at, end, 2, 2, &seconds))
			return false;
	}
	else if (*at < end && is_digit(**at) && !read_time_field(at, end, 2, 2, &minutes))
		return false;

	/* PostgreSQL's own limit, MAX_TZDISP_HOUR */
	*in_range = hours <= 15 && minutes <= 59 && seconds <= 59;
	*offset = (hours * 60 + minutes) * 60 + seconds;
	if (west)
		*offset = -*offset;
	return true;
}

/*
 * Reads a time: YYYY-MM-DD, T or a space, HH:MM, the offset from UTC, and " BC"
 * for years before 1. HH:MM may be followed by :SS, with a fraction of up to
 * six digits. Or it is infinity or -infinity. Times are not rounded, and no
 * setting matters. Gives SEGMENT_TEXT_MEMBER, SEGMENT_TEXT_BAD_TIME or
 * SEGMENT_TEXT_TIME_OUT_OF_RANGE.
 */
SegmentTextResult
segment_time_read(const char *text, int len, TimestampTz *result)
{
	const char *at = text;
	const char *end = text + len;
	int year;
	int month;
	int day;
	int hour;
	int minute;
	int second = 0;
	int micros = 0;
	int offset;
	bool offset_in_range;
	bool before_christ = false;
	int64 usecs;

	if (is_word(text, len, "infinity"))
	{
		*result = DT_NOEND;
		return SEGMENT_TEXT_MEMBER;
	}
	if (is_word(text, len, "-infinity"))
	{
		*result = DT_NOBEGIN;
		return SEGMENT_TEXT_MEMBER;
	}

	if (!read_time_field(&at, end, 4, 6, &year) || !read_char(&at, end, '-') ||
	    !read_time_field(&at, end, 2, 2, &month) || !read_char(&at, end, '-') ||
	    !read_time_field(&at, end, 2, 2, &day))
		return SEGMENT_TEXT_BAD_TIME;
	if (!read_char(&at, end, 'T') && !read_char(&at, end, 't') && !read_char(&at, end, ' '))
		return SEGMENT_TEXT_BAD_TIME;
	if (!read_time_field(&at, end, 2, 2, &hour) || !read_char(&at, end, ':') ||
	    !read_time_field(&at, end, 2, 2, &minute))
		return SEGMENT_TEXT_BAD_TIME;
	if (read_char(&at, end, ':'))
	{
		if (!read_time_field(&at, end, 2, 2, &second))
			return SEGMENT_TEXT_BAD_TIME;
		if (read_char(&at, end, '.'))
		{
			const char *fraction = at;

			if (!read_time_field(&at, end, 1, 6, &micros))
				return SEGMENT_TEXT_BAD_TIME;
			for (int digits = (int) (at - fraction); digits < 6; digits++)
				micros *= 10;
		}
	}
	if (!read_offset(&at, end, &offset, &offset_in_range))
		return SEGMENT_TEXT_BAD_TIME;
	if (read_char(&at, end, ' '))
	{
		if (!is_word(at, (int) (end - at), "bc"))
			return SEGMENT_TEXT_BAD_TIME;
		before_christ = true;
		at = end;
	}
	if (at != end)
		return SEGMENT_TEXT_BAD_TIME;

	/*
	 * Fields first. Years are limited to those of timestamptz: 4714 BC to
	 * 294277, the first and last only in part. Then 64 bits hold the
	 * microseconds of every day up to END_TIMESTAMP, with any offset.
	 */
	if (year < 1 || year > (before_christ ? 4714 : 294277) || month < 1 || month > 12 || day < 1 ||
	    hour > 23 || minute > 59 || second > 59 || !offset_in_range)
		return SEGMENT_TEXT_TIME_OUT_OF_RANGE;
	if (before_christ)
		year = 1 - year;
	if (day > days_in_month(year, month) ||
	    days_from_date(year, month, day) > END_TIMESTAMP / USECS_PER_DAY_64)
		return SEGMENT_TEXT_TIME_OUT_OF_RANGE;
	usecs = days_from_date(year, month, day) * USECS_PER_DAY_64 +
	        ((int64) ((hour * 60 + minute) * 60 + second) - offset) * INT64CONST(1000000) + micros;
	if (!IS_VALID_TIMESTAMP(usecs))
		return SEGMENT_TEXT_TIME_OUT_OF_RANGE;
	*result = usecs;
	return SEGMENT_TEXT_MEMBER;
}

/* Writes a number with at least the given number of digits; returns the bytes written. */
static int
write_digits(char *buffer, int64 value, int digits)
{
	char reversed[20];
	int len = 0;

	while (value > 0 || len < digits)
	{
		reversed[len++] = (char) ('0' + value % 10);
		value /= 10;
	}
	for (int i = 0; i < len; i++)
		buffer[i] = reversed[len - 1 - i];
	return len;
}

/*
 * Writes a time as segment_time_read reads it, in UTC, the fraction only as
 * long as it must be. The buffer has SEGMENT_TIME_BUFFER bytes; returns the
 * length, without a terminator.
 */
int
segment_time_write(TimestampTz time, char *buffer)
{
	char *at = buffer;
	int64 days;
	int64 usecs;
	int64 seconds;
	int64 year;
	int month;
	int day;
	int micros;

	if (time == DT_NOEND || time == DT_NOBEGIN)
	{
		const char *word = time == DT_NOEND ? "infinity" : "-infinity";

		memcpy(buffer, word, strlen(word));
		return (int) strlen(word);
	}

	days = time / USECS_PER_DAY_64;
	usecs = time % USECS_PER_DAY_64;
	if (usecs < 0)
	{
		usecs += USECS_PER_DAY_64;
		days--;
	}
	date_from_days(days, &year, &month, &day);
	seconds = usecs / 1000000;
	micros = (int) (usecs % 1000000);

	at += write_digits(at, year > 0 ? year : 1 - year, 4);
	*at++ = '-';
	at += write_digits(at, month, 2);
	*at++ = '-';
	at += write_digits(at, day, 2);
	*at++ = 'T';
	at += write_digits(at, seconds / 3600, 2);
	*at++ = ':';
	at += write_digits(at, seconds / 60 % 60, 2);
	*at++ = ':';
	at += write_digits(at, seconds % 60, 2);
	if (micros > 0)
	{
		*at++ = '.';
		at += write_digits(at, micros, 6);
		while (at[-1] == '0')
			at--;
	}
	*at++ = 'Z';
	if (year <= 0)
	{
		memcpy(at, " BC", 3);
		at += 3;
	}
	return (int) (at - buffer);
}

/* Would the name be read as something else if it stood without quotes? */
bool
segment_name_needs_quotes(const char *name, int name_len)
{
	if (name_len == 0 || is_word(name, name_len, "null"))
		return true;
	for (int i = 0; i < name_len; i++)
	{
		if (text_is_space(name[i]) || strchr("{}\",\\@", name[i]) != NULL)
			return true;
	}
	return false;
}

/*
 * Writes the name in double quotes, with a backslash before quotes and
 * backslashes. The buffer has at least 2 * name_len + 2 bytes; returns the
 * length, without a terminator.
 */
int
segment_name_write_quoted(const char *name, int name_len, char *buffer)
{
	char *at = buffer;

	*at++ = '"';
	for (int i = 0; i < name_len; i++)
	{
		if (name[i] == '"' || name[i] == '\\')
			*at++ = '\\';
		*at++ = name[i];
	}
	*at++ = '"';
	return (int) (at - buffer);
}

static void
skip_space(SegmentTextReader *reader)
{
	while (text_is_space(reader->input[reader->at]))
		reader->at++;
}

/*
 * Reads a name, quoted or not, up to and without the @, comma or brace behind
 * it. Without quotes, white space around it does not count, and a backslash
 * takes the next character as it is.
 */
static SegmentTextResult
read_member_name(SegmentTextReader *reader, SegmentMember *member)
{
	const char *in = reader->input;
	char *name = reader->names + reader->names_used;
	int len = 0;
	int significant = 0; /* length without white space at the end */
	bool quoted = (in[reader->at] == '"');
	bool escaped = false;

	if (quoted)
		reader->at++;
	for (;;)
	{
		char c = in[reader->at];

		if (c == '\0')
			return SEGMENT_TEXT_UNTERMINATED;
		if (quoted && c == '"')
		{
			reader->at++;
			significant = len;
			break;
		}
		if (!quoted && (c == ',' || c == '}' || c == '@'))
			break;
		if (!quoted && (c == '{' || c == '"'))
			return SEGMENT_TEXT_UNEXPECTED;
		reader->at++;
		if (c == '\\')
		{
			escaped = true;
			c = in[reader->at];
			if (c == '\0')
				return SEGMENT_TEXT_UNTERMINATED;
			reader->at++;
			name[len++] = c;
			significant = len;
			continue;
		}
		name[len++] = c;
		if (!text_is_space(c))
			significant = len;
	}

	if (significant == 0)
		return SEGMENT_TEXT_EMPTY_NAME;
	if (!quoted && !escaped && is_word(name, significant, "null"))
		return SEGMENT_TEXT_NULL;
	member->name = name;
	member->name_len = significant;
	reader->names_used += significant;
	return SEGMENT_TEXT_MEMBER;
}

/*
 * Reads the next member. After an error or the end the reader is not used any
 * more. The text must be shorter than 1 GB, as any text in PostgreSQL.
 */
SegmentTextResult
segment_text_next(SegmentTextReader *reader, SegmentTextMember *result)
{
	const char *in = reader->input;
	SegmentTextResult status;
	bool first = !reader->opened;

	result->member.entered_at = DT_NOBEGIN;
	result->time = NULL;
	result->time_len = 0;

	if (first)
	{
		skip_space(reader);
		if (in[reader->at] != '{')
			return SEGMENT_TEXT_NO_OPENING;
		reader->at++;
		reader->opened = true;
	}
	skip_space(reader);
	if (in[reader->at] == '}')
	{
		reader->at++;
		skip_space(reader);
		return in[reader->at] == '\0' ? SEGMENT_TEXT_END : SEGMENT_TEXT_JUNK_AFTER;
	}
	if (!first)
	{
		if (in[reader->at] == '\0')
			return SEGMENT_TEXT_UNTERMINATED;
		if (in[reader->at] != ',')
			return SEGMENT_TEXT_UNEXPECTED;
		reader->at++;
		skip_space(reader);
	}

	status = read_member_name(reader, &result->member);
	if (status != SEGMENT_TEXT_MEMBER)
		return status;

	skip_space(reader);
	if (in[reader->at] != '@')
		return SEGMENT_TEXT_MEMBER;
	reader->at++;
	skip_space(reader);
	result->time = in + reader->at;
	while (in[reader->at] != '\0' && in[reader->at] != ',' && in[reader->at] != '}')
		reader->at++;
	if (in[reader->at] == '\0')
		return SEGMENT_TEXT_UNTERMINATED;
	result->time_len = (int) (in + reader->at - result->time);
	while (result->time_len > 0 && text_is_space(result->time[result->time_len - 1]))
		result->time_len--;
	return segment_time_read(result->time, result->time_len, &result->member.entered_at);
}
