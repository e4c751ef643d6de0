/*
 * segment_query.h
 *	  cdp.segment_query: a boolean expression over segment names, as in
 *	  segments @@ 'vip & !churn_risk'.
 *
 * Equality, hash and order are those of the text form: operands keep the order
 * in which they were written.
 */
#ifndef CDP_SEGMENT_QUERY_H
#define CDP_SEGMENT_QUERY_H

#include "types/segment_query_text.h"

#define SEGMENT_QUERY_VERSION 1 /* of the format below */

/*
 * The value, in memory and on disk (alignment: 4 bytes). Behind the items stand
 * their names, without gaps or terminators. Equal queries are equal bytes.
 */
typedef struct SegmentQuery
{
	int32 vl_len_;  /* varlena header: never touch it, use VARSIZE() */
	uint8 version;  /* SEGMENT_QUERY_VERSION */
	uint8 reserved; /* must be zero */
	uint16 count;   /* items, at least 1 */
	SegmentQueryItem items[FLEXIBLE_ARRAY_MEMBER];
} SegmentQuery;

#define SEGMENT_QUERY_NAMES(query) ((const char *) ((query)->items + (query)->count))

#define DatumGetSegmentQueryP(datum) segment_query_from_datum(datum)
#define PG_GETARG_SEGMENT_QUERY_P(n) segment_query_from_datum(PG_GETARG_DATUM(n))
#define PG_RETURN_SEGMENT_QUERY_P(query) PG_RETURN_POINTER(query)

/*
 * Truth values, many at a time: a bit each, or one of three. Of the latter bit 0
 * says "certainly" and bit 1 "possibly".
 */
#define SEGMENT_QUERY_FALSE UINT64CONST(0)
#define SEGMENT_QUERY_TRUE (~UINT64CONST(0))
#define SEGMENT_QUERY_MAYBE UINT64CONST(2)

/* Bits are independent of one another, or pairs of certainly and possibly. */
typedef enum SegmentQueryLogic
{
	SEGMENT_QUERY_TWO_VALUED,
	SEGMENT_QUERY_THREE_VALUED
} SegmentQueryLogic;

/* The truth values of one name or prefix, item number i of the query. */
typedef uint64 (*SegmentQueryOperand)(const SegmentQuery *query, int i, void *context);

extern SegmentQuery *segment_query_from_datum(Datum datum);
extern SegmentQuery *segment_query_build(uint8 kind, const SegmentMember *names, int count);
extern SegmentQuery *segment_query_conjunction(const SegmentQuery *query, const int *operands,
                                               int count);
extern uint64 segment_query_evaluate(const SegmentQuery *query, SegmentQueryLogic logic,
                                     SegmentQueryOperand operand, void *context);

/* The item behind item i and all that belongs to it. */
static inline int
segment_query_next(const SegmentQuery *query, int i)
{
	return i + 1 + (SEGMENT_QUERY_IS_OPERATOR(&query->items[i]) ? query->items[i].size : 0);
}

/* The name or prefix of item i; its length goes to *len. */
static inline const char *
segment_query_name(const SegmentQuery *query, int i, int *len)
{
	*len = query->items[i].size;
	return SEGMENT_QUERY_NAMES(query) + query->items[i].name;
}

#endif /* CDP_SEGMENT_QUERY_H */
