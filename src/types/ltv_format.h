/*
 * ltv_format.h
 *	  The stored format of ltv, for its own modules.
 *
 * The body after the varlena header is the same on every platform; it is also
 * the binary wire format. Integers are in network order, nothing is aligned.
 *
 *	version		1 byte	LTV_VERSION
 *	flags		1 byte	reserved, 0
 *	zone length	1 byte	0 means UTC, else at most LTV_ZONE_MAX
 *	zone		IANA name of the time zone that days are counted in
 *	currencies	2 bytes	number of sections
 *	sections, ascending by code
 *
 * A section:
 *	code		3 bytes	A to Z
 *	flags		1 byte	LTV_SECTION_*
 *	scale		2 bytes	most digits after the decimal point seen, shown in output
 *	unit scale	2 bytes	digits after the decimal point that amounts are kept with
 *	days		4 bytes	number of days, at least 1
 *	size		4 bytes	of the whole section; only in a wide one
 *	purchases	side; only with LTV_SECTION_PURCHASES
 *	refunds		side; only with LTV_SECTION_REFUNDS
 *	first day	4 bytes	days since 2000-01-01, signed
 *	offsets		2 bytes (4 with LTV_SECTION_LONG_DAYS) per day: distance
 *				from the first day, ascending, the first 0
 *	nets		one amount per day, in the order of the offsets
 * A side:
 *	count		8 bytes
 *	first, last	8 bytes each, microseconds since 2000-01-01 UTC, signed
 *	total		amount
 *
 * An amount of a narrow section is a signed integer in units of 10^-unit scale.
 * It has 1 to 8 bytes, as all amounts of the section. In a wide section an
 * amount is a length in 4 bytes, then numeric's binary wire format of that
 * length. It has no trailing zeros after the decimal point.
 *
 * The unit scale of an amount is its scale, without trailing zeros beyond
 * LTV_PLAIN_SCALE: cents divided by 100.0 have 16 digits and more after the
 * point, nearly all of them zeros. The section's unit scale is the largest of
 * its amounts'.
 *
 * The format is canonical. A section is narrow exactly if its unit scale is at
 * most LTV_NARROW_SCALE and both totals are within LTV_NARROW_LIMIT units. Its
 * width is the smallest that holds the totals. Offsets are long exactly if one
 * is above LTV_SHORT_DAYS. Totals only grow away from zero. So no net is beyond
 * the larger total, and these choices do not depend on the order of the
 * amounts. A day stays when its net becomes zero.
 */
#ifndef CDP_LTV_FORMAT_H
#define CDP_LTV_FORMAT_H

#include "base/base.h"

#include "lib/stringinfo.h"
#include "port/pg_bswap.h"
#include "types/ltv.h"

#define LTV_VERSION 1

#define LTV_SECTION_WIDTH 0x07 /* bytes of a narrow amount, less 1 */
#define LTV_SECTION_WIDE 0x08
#define LTV_SECTION_LONG_DAYS 0x10
#define LTV_SECTION_PURCHASES 0x20
#define LTV_SECTION_REFUNDS 0x40
#define LTV_SECTION_RESERVED 0x80

#define LTV_HEADER_FIXED 3   /* bytes of a value before its zone */
#define LTV_SECTION_FIXED 12 /* bytes of a section before size or sides */
#define LTV_SIDE_FIXED 24    /* bytes of a side before its total */

#define LTV_PLAIN_SCALE 6
#define LTV_NARROW_SCALE 18
#define LTV_NARROW_LIMIT ((INT64CONST(1) << 62) - 1)
#define LTV_SHORT_DAYS 65535
#define LTV_MAX_SCALE 16383 /* of numeric's format */

/* The start of a value. */
typedef struct LtvHeader
{
	const char *zone; /* not terminated; "UTC" where the stored length is 0 */
	int zone_len;
	int nsections;
	const char *sections;
} LtvHeader;

/* A section, with its arrays left where they are. */
typedef struct LtvSection
{
	const char *start;
	const char *end;
	char code[4];
	bool wide;
	int width;     /* bytes of a narrow amount */
	int day_width; /* bytes of an offset */
	int scale;
	int unit_scale;
	uint32 ndays;
	LtvSide purchases; /* a wide section's totals are not filled in, */
	LtvSide refunds;   /* see the two wires */
	const char *purchase_wire;
	const char *refund_wire;
	int32 first_day;
	const char *offsets;
	const char *nets;
} LtvSection;

/* Reads and writes of single integers in network order, at any address. */
static inline uint16
ltv_get16(const char *p)
{
	uint16 v;

	memcpy(&v, p, sizeof(v));
	return pg_ntoh16(v);
}

static inline uint32
ltv_get32(const char *p)
{
	uint32 v;

	memcpy(&v, p, sizeof(v));
	return pg_ntoh32(v);
}

static inline uint64
ltv_get64(const char *p)
{
	uint64 v;

	memcpy(&v, p, sizeof(v));
	return pg_ntoh64(v);
}

static inline char *
ltv_put16(char *p, uint16 v)
{
	v = pg_hton16(v);
	memcpy(p, &v, sizeof(v));
	return p + sizeof(v);
}

static inline char *
ltv_put32(char *p, uint32 v)
{
	v = pg_hton32(v);
	memcpy(p, &v, sizeof(v));
	return p + sizeof(v);
}

static inline char *
ltv_put64(char *p, uint64 v)
{
	v = pg_hton64(v);
	memcpy(p, &v, sizeof(v));
	return p + sizeof(v);
}

/*
 * Reads the narrow amount at p. The seven bytes before p are read too: they
 * are always inside the section, whose fixed part is longer.
 */
static inline int64
ltv_get_units(const char *p, int width)
{
	int shift = 64 - 8 * width;

	return ((int64) (ltv_get64(p + width - 8) << shift)) >> shift;
}

static inline char *
ltv_put_units(char *p, int width, int64 units)
{
	uint64 v = (uint64) units;

	for (int i = width - 1; i >= 0; i--)
	{
		p[i] = (char) (v & 0xFF);
		v >>= 8;
	}
	return p + width;
}

/* Bytes that hold every amount up to the larger of the two totals. */
static inline int
ltv_units_width(int64 purchases, int64 refunds)
{
	uint64 largest = (uint64) Max(purchases, -refunds);
	int width = 1;

	while (width < 8 && largest >= (UINT64CONST(1) << (8 * width - 1)))
		width++;
	return width;
}

static inline int32
ltv_section_day(const LtvSection *section, uint32 i)
{
	if (section->day_width == 2)
		return section->first_day + (int32) ltv_get16(section->offsets + 2 * (Size) i);
	return (int32) ((uint32) section->first_day + ltv_get32(section->offsets + 4 * (Size) i));
}

/* Bytes of the wide amount at p, its length field included. */
static inline Size
ltv_wire_size(const char *p)
{
	return 4 + (Size) ltv_get32(p);
}

/* ltv_format.c: reading */
extern void ltv_read_header(const Ltv *ltv, LtvHeader *header);
extern const char *ltv_read_section(const char *p, LtvSection *section);
extern bool ltv_find_section(const LtvHeader *header, const char *code, LtvSection *section);
extern uint32 ltv_find_day(const LtvSection *section, uint32 from, int32 day, bool *found);
extern const char *ltv_validate(const char *body, Size len);

/* ltv_format.c: amounts */

/*
 * The digits of a numeric, base 10000, as its stored and wire formats have them: without
 * zeros at either end, none for zero. So equal values differ in their scale alone.
 */
typedef struct NumericParts
{
	bool negative;
	int weight; /* of the first digit: it counts 10000^weight */
	int scale;  /* display scale */
	int ndigits;
	const char *digits;
	bool wire; /* digits are in network order */
} NumericParts;

/* Takes a finite numeric apart. The parts point into it, or into memory that they need. */
extern void numeric_take_apart(Numeric value, NumericParts *parts);

static inline int
numeric_digit(const NumericParts *parts, int i)
{
	uint16 digit;

	memcpy(&digit, parts->digits + sizeof(digit) * i, sizeof(digit));
	return parts->wire ? pg_ntoh16(digit) : digit;
}

extern bool ltv_scale_units(int64 units, int digits, int64 *result);
extern bool ltv_numeric_to_units(Numeric amount, int scale, int64 *units);
extern int ltv_numeric_scale(Numeric amount);
extern int ltv_numeric_unit_scale(Numeric amount);
extern int ltv_numeric_sign(Numeric amount);
extern Numeric ltv_units_to_trimmed(int64 units, int scale);
extern Numeric ltv_trim(Numeric amount);
extern Numeric ltv_with_scale(Numeric amount, int scale);
extern Numeric ltv_units_with_scale(int64 units, int unit_scale, int scale);
extern Numeric ltv_numeric_add(Numeric a, Numeric b);
extern Numeric ltv_read_wire(const char *p);
extern void ltv_append_wire(StringInfo buf, Numeric amount);
extern Numeric ltv_section_purchases(const LtvSection *section);
extern Numeric ltv_section_refunds(const LtvSection *section);

/* ltv_zone.c */
extern void ltv_zone_report(const char *name) pg_attribute_noreturn();
extern int32 ltv_local_day(TimestampTz at, pg_tz *tz);
extern TimestampTz ltv_zone_midnight(pg_tz *tz, int32 day);
extern TimestampTz ltv_zone_leaves(pg_tz *tz, TimestampTz at, int32 first, int32 last);

/* ltv_text.c */
extern void ltv_append_day(StringInfo buf, int32 day);
extern bool ltv_parse_day(char *string, int32 *day);

/* The deltas of a builder, and the cells of a delta. */
static inline LtvDelta *
ltv_nth_delta(LtvBuilder *builder, int n)
{
	return n == 0 ? &builder->first : &builder->more[n - 1];
}

static inline LtvCell *
ltv_delta_cells(LtvDelta *delta)
{
	return delta->maxcells > 0 ? delta->cells : &delta->one;
}

/* ltv_builder.c */
extern LtvDelta *ltv_builder_delta(LtvBuilder *builder, const char *code);
extern LtvCell *ltv_delta_cell(LtvBuilder *builder, LtvDelta *delta, int32 day);
extern void ltv_delta_make_wide(LtvBuilder *builder, LtvDelta *delta);
extern void ltv_delta_sort(LtvBuilder *builder, LtvDelta *delta);
extern void ltv_builder_use_zone(LtvBuilder *builder, const char *zone, int len, bool other_empty);
extern void ltv_add_side(LtvSide *side, const LtvSide *other);

/* ltv_write.c */
extern bool ltv_builder_fits(LtvBuilder *builder);
extern void ltv_builder_apply(LtvBuilder *builder, Ltv *target);

#endif /* CDP_LTV_FORMAT_H */
