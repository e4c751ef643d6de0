/*
 * segment_query_text.h
 *	  The text form of cdp.segment_query: reading and writing it. It works
 *	  without a server (no palloc, no ereport), so unit tests and fuzzers can
 *	  link it alone.
 *
 *	  vip & (gold | !churn_risk) & "big sp"*
 *
 * ! binds tighter than &, and & tighter than |. A name is in double quotes (or,
 * as in tsquery, single ones) where it holds white space or any of & | ! ( ) *
 * ' { } , @ " and the backslash. A quote in it is written twice, or with a
 * backslash, which takes any character as it is. A * right behind a name makes
 * it a prefix; alone it is the prefix of every name.
 *
 * The result is an array of items in prefix order: an operator, then all that
 * belongs to its operands. It is simple. Every operator has at least two
 * operands. An operator below one of its own kind is negated. Negation is a
 * flag, so double negation cannot occur. One value has one text form.
 */
#ifndef CDP_SEGMENT_QUERY_TEXT_H
#define CDP_SEGMENT_QUERY_TEXT_H

#include "types/segment_set_text.h"

#define SEGMENT_QUERY_MAX_NAMES 4096             /* names and prefixes in a query */
#define SEGMENT_QUERY_MAX_NESTING 100            /* parentheses within one another */
#define SEGMENT_QUERY_MAX_TEXT (4 * 1024 * 1024) /* bytes of text; no canonical form has more */
#define SEGMENT_QUERY_MAX_DEPTH                                                                    \
	(2 * (SEGMENT_QUERY_MAX_NESTING + 1)) /* operators within one another */

/* Kinds of items. */
#define SEGMENT_QUERY_NAME 0   /* is in the segment of this name */
#define SEGMENT_QUERY_PREFIX 1 /* is in a segment whose name starts so; may be empty */
#define SEGMENT_QUERY_AND 2    /* all operands hold */
#define SEGMENT_QUERY_OR 3     /* at least one operand holds */

typedef struct SegmentQueryItem
{
	uint8 kind;
	uint8 negated; /* 1: the contrary holds; else 0 */
	uint16 size;   /* of a name or prefix, its bytes; of an operator, all items of its operands */
	uint32 name;   /* of a name or prefix, where it starts in the names; else 0 */
} SegmentQueryItem;

#define SEGMENT_QUERY_IS_OPERATOR(item) ((item)->kind >= SEGMENT_QUERY_AND)

typedef enum SegmentQueryResult
{
	SEGMENT_QUERY_OK,
	/* from here on errors */
	SEGMENT_QUERY_EMPTY,          /* only white space */
	SEGMENT_QUERY_UNTERMINATED,   /* the text ends inside of quotes, behind a backslash or in ( */
	SEGMENT_QUERY_NO_OPERAND,     /* the text ends where a name should stand */
	SEGMENT_QUERY_UNEXPECTED,     /* a character out of place, at input + at */
	SEGMENT_QUERY_EMPTY_NAME,     /* "" */
	SEGMENT_QUERY_NAME_TOO_LONG,  /* over SEGMENT_NAME_MAX bytes; it ends before input + at */
	SEGMENT_QUERY_TOO_MANY_NAMES, /* over SEGMENT_QUERY_MAX_NAMES */
	SEGMENT_QUERY_TOO_DEEP        /* over SEGMENT_QUERY_MAX_NESTING */
} SegmentQueryResult;

/*
 * The state of segment_query_read. The caller gives the text and memory:
 * segment_query_items_bound items, and as many bytes for names as the text has.
 */
typedef struct SegmentQueryReader
{
	const char *input;
	size_t len; /* bytes of the input, at most SEGMENT_QUERY_MAX_TEXT */
	SegmentQueryItem *items;
	char *names;
	/* the result */
	int count;         /* items */
	size_t names_size; /* bytes of names, one behind the other in the order of the items */
	size_t at;         /* bytes of the input read */
} SegmentQueryReader;

extern size_t segment_query_items_bound(const char *input, size_t len);
extern SegmentQueryResult segment_query_read(SegmentQueryReader *reader);
extern size_t segment_query_text_bound(const SegmentQueryItem *items, int count);
extern size_t segment_query_write(const SegmentQueryItem *items, int count, const char *names,
                                  char *buffer);

#endif /* CDP_SEGMENT_QUERY_TEXT_H */
