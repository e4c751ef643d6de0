/*
 * computed_internal.h
 *	  The stored format of computed traits, for their own modules.
 *
 * The body after the varlena header is the same on every platform (it is also
 * the binary wire format); nothing is aligned. A number is a varint: seven bits
 * a byte, lowest first, the highest bit set on all bytes but the last. Of a
 * signed number n, 2 n is stored, or -2 n - 1 where it is negative.
 *
 *	version		1 byte	COMPUTED_VERSION
 *	flags		1 byte	reserved, 0
 *	zone length	1 byte	0 exactly where there are no traits
 *	zone		IANA name of the time zone that days are counted in
 *	traits		number; then each, ascending by the bytes of its name:
 *		name		number of bytes, bytes
 *		kind, class	1 byte	kind in the lower four bits
 *		flags		1 byte	reserved, 0
 *		window		number	days, 0: none
 *		limit		number	of a kind that keeps distinct values, else 0
 *		cells		number of bytes, cells
 *
 * The cells of a trait without a window are none, or one cell. Those of a trait
 * with a window are none, or the first day as a signed number of days since
 * 2000-01-01, then per day a head and a cell. A head is 1 byte. Its lower four
 * bits are the distance from the day before less 1, or 0 for the first day. Its
 * upper four bits are the count less 1 for kind count, else 0. In both, 15
 * means that a number follows, to be added to 15.
 *
 * A cell, by kind:
 *	count				number of events; with a window it is in the head
 *	sum					amount
 *	avg					amount, number
 *	min, max			value
 *	first, last			8 bytes time, 16 bytes event id, value
 *	most_frequent		number of values times 2 (1 more: some were left out);
 *						each: value, number of times
 *	unique_list, unique_count	the same without times
 *	value				number of bytes, bytes
 *
 * Values ascend in their order. An amount, and the bytes of a number, have two
 * forms. One is the number of digits after the decimal point (1 byte), then a
 * signed number of units. The other is 255 (1 byte), then the length of
 * numeric's binary form (4 bytes), then that form. The first form is taken
 * where the digits are at most LTV_NARROW_SCALE and the units within
 * LTV_NARROW_LIMIT. Distinct values have no zeros at their end. A text is its
 * bytes, a boolean 1 byte, json its text. A time is 8 bytes and a date 4, so
 * that their bytes are in their order.
 *
 * Of more distinct values than the limit, those with the smallest hashes are
 * kept; of a list, the smallest values. So the same values of a union are kept,
 * however it came together. Of each kept value the count is exact.
 */
#ifndef CDP_COMPUTED_INTERNAL_H
#define CDP_COMPUTED_INTERNAL_H

#include "types/computed_builder.h"

#include "types/ltv_format.h"

#define COMPUTED_VERSION 1
#define COMPUTED_WIDE 255 /* scale of an amount in numeric's form */
#define COMPUTED_HEADER 3 /* bytes before the zone */
#define COMPUTED_NIBBLE_MAX 15
#define COMPUTED_EVENT_SIZE (8 + UUID_LEN) /* bytes before a first or last value */

/* The most that is counted: two of it still fit a bigint. */
#define COMPUTED_COUNT_MAX LTV_NARROW_LIMIT

/* Day of the one cell of a trait without a window. */
#define COMPUTED_NO_DAY 0

typedef struct ComputedReader
{
	const char *next;
	uint64 left;
	const char *zone;
	int zone_len;
} ComputedReader;

/* A trait as it is stored. */
typedef struct ComputedEntry
{
	ComputedTrait trait;
	const char *start; /* of all that is stored of it */
	const char *cells;
	const char *end;
} ComputedEntry;

/* One day's state. */
typedef struct ComputedCell
{
	int32 day;
	int64 count;      /* of a count */
	const char *body; /* of other kinds */
	const char *end;
	const char *start; /* where it is stored, with its head; NULL: nowhere as it is */
	int32 before;      /* the stored day before */
	bool first;        /* there is none */
} ComputedCell;

typedef struct ComputedCells
{
	const ComputedTrait *trait;
	const char *next;
	const char *end;
	int32 day;
	bool begun;
} ComputedCells;

/* A distinct value of a cell. */
typedef struct ComputedSetValue
{
	const char *bytes;
	int len;
	int64 times;
	uint64 hash; /* once it is asked for */
	bool dropped;
} ComputedSetValue;

typedef struct ComputedSet
{
	const char *next;
	uint64 left;
	bool cut; /* some were left out */
} ComputedSet;

/* An exact amount: units of 10^-scale, or a numeric. */
typedef struct ComputedAmount
{
	bool wide;
	int scale;
	int64 units;
	Numeric big;
} ComputedAmount;

/* Writes the cells of one trait, ascending by day. */
typedef struct ComputedWriter
{
	const ComputedTrait *trait;
	StringInfo out;
	int32 day; /* the last one written */
	bool begun;
	const char *from; /* stored cells that are to be copied as they are */
	const char *to;
} ComputedWriter;

/* computed.c: values and their traits */
extern void computed_begin(ComputedReader *reader, const Computed *computed);
extern bool computed_next(ComputedReader *reader, ComputedEntry *entry);
extern bool computed_find(const Computed *computed, const char *name, int name_len,
                          ComputedEntry *entry);
extern Computed *computed_of_cells(const ComputedTrait *traits, const StringInfoData *cells,
                                   int n_traits, const char *zone);

/* computed_cells.c: the states */
extern void computed_cells_begin(ComputedCells *cells, const ComputedEntry *entry);
extern bool computed_cells_next(ComputedCells *cells, ComputedCell *cell);
extern const ComputedCell *computed_better_cell(const ComputedTrait *trait, const ComputedCell *a,
                                                const ComputedCell *b);
extern int computed_compare_set_values(const void *a, const void *b, void *trait);
extern void computed_set_begin(ComputedSet *reader, const char *body);
extern bool computed_set_next(const ComputedTrait *trait, ComputedSet *reader,
                              ComputedSetValue *value);
extern void computed_merge_sets(const ComputedTrait *trait, const char *a, const char *b,
                                StringInfo out);
extern uint64 computed_nth_hash(uint64 *hashes, int n, int nth);
extern void computed_write_cell(ComputedWriter *writer, const ComputedCell *cell);
extern void computed_merge_cells(const ComputedTrait *trait, ComputedCells *a, ComputedCells *b,
                                 int32 today, StringInfo out, StringInfo scratch);

/* computed_text.c, computed_validate.c: what comes from outside */
extern const char *computed_validate(const char *body, Size len);

/* computed_values.c: amounts and values */
extern int64 computed_add_counts(int64 a, int64 b);
extern int64 computed_get_signed(const char **p);
extern void computed_append_signed(StringInfo out, int64 number);
extern bool computed_amount_of(Numeric numeric, ComputedAmount *amount);
extern void computed_get_amount(const char **p, ComputedAmount *amount);
extern void computed_append_amount(StringInfo out, const ComputedAmount *amount);
extern void computed_add_amount(ComputedAmount *sum, const ComputedAmount *amount);
extern void computed_take_amount(ComputedAmount *sum, ComputedAmount *amount);
extern void computed_free_amount(ComputedAmount *amount);
extern Numeric computed_amount_numeric(const ComputedAmount *amount);
extern int computed_compare_values(ComputedClass value_class, const char *a, int a_len,
                                   const char *b, int b_len);
extern void computed_append_text(StringInfo out, ComputedClass value_class, const char *bytes,
                                 int len);
extern TimestampTz computed_time_of(const char *bytes);
extern int32 computed_date_of(const char *bytes);

/* computed_get_number, for the many numbers of one byte. */
static inline uint64
computed_number(const char **p)
{
	if (likely(!(**p & 0x80)))
		return (uint8) * (*p)++;
	return computed_get_number(p);
}

static inline const char *
computed_skip_value(const char *p)
{
	uint64 len = computed_number(&p);

	return p + len;
}

#endif /* CDP_COMPUTED_INTERNAL_H */
