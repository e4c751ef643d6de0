/*
 * segment_set_text.h
 *	  The text form of cdp.segment_set: reading and writing it, member by
 *	  member. It works without a server (no palloc, no ereport), so unit tests
 *	  and fuzzers can link it alone.
 *
 *	  {gold,"big spender"@2011-12-09T12:50:00.000001Z}
 *
 * Names are quoted as in the text form of an array, and also where they hold an
 * @. A time is ISO 8601 with its offset from UTC, so reading and writing depend
 * on no setting. No time means -infinity.
 */
#ifndef CDP_SEGMENT_SET_TEXT_H
#define CDP_SEGMENT_SET_TEXT_H

#include "types/segment_set.h"

/* Bytes that hold any time as text, terminator included. */
#define SEGMENT_TIME_BUFFER 40

/* Where a reader stands: start with all fields zero but input and names. */
typedef struct SegmentTextReader
{
	const char *input; /* the text, terminated */
	char *names;       /* at least strlen(input) bytes; names are put here, unquoted */
	size_t at;         /* bytes of the input read */
	size_t names_used; /* bytes of names used */
	bool opened;       /* the opening brace is read */
} SegmentTextReader;

typedef enum SegmentTextResult
{
	SEGMENT_TEXT_MEMBER, /* a member was read */
	SEGMENT_TEXT_END,    /* the closing brace was read, nothing follows */
	/* from here on errors */
	SEGMENT_TEXT_NO_OPENING,       /* no opening brace */
	SEGMENT_TEXT_UNTERMINATED,     /* the text ends inside */
	SEGMENT_TEXT_UNEXPECTED,       /* a character out of place, at input + at */
	SEGMENT_TEXT_JUNK_AFTER,       /* something after the closing brace */
	SEGMENT_TEXT_EMPTY_NAME,       /* nothing where a name should be */
	SEGMENT_TEXT_NULL,             /* the word NULL without quotes */
	SEGMENT_TEXT_BAD_TIME,         /* not ISO 8601 with an offset; see the member's entered_text */
	SEGMENT_TEXT_TIME_OUT_OF_RANGE /* well-formed, but no such time */
} SegmentTextResult;

/* A member that was read, and its time as it was written. */
typedef struct SegmentTextMember
{
	SegmentMember member; /* the name is in the reader's names; its length is not checked */
	const char *time;     /* into the input */
	int time_len;         /* bytes; 0 when no time was written */
} SegmentTextMember;

extern SegmentTextResult segment_text_next(SegmentTextReader *reader, SegmentTextMember *result);
extern SegmentTextResult segment_time_read(const char *text, int len, TimestampTz *result);
extern int segment_time_write(TimestampTz time, char *buffer);
extern bool segment_name_needs_quotes(const char *name, int name_len);
extern int segment_name_write_quoted(const char *name, int name_len, char *buffer);

#endif /* CDP_SEGMENT_SET_TEXT_H */
