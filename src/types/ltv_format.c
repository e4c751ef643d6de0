/*
 * ltv_format.c
 *	  Reading and checking the stored format of ltv, and its exact amounts.
 */
#include "base/base.h"

#include "common/int.h"
#include "miscadmin.h"
#include "types/ltv_format.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/timestamp.h"

/* 10^0 to 10^18 */
static const int64 power10[] = {INT64CONST(1),
                                INT64CONST(10),
                                INT64CONST(100),
                                INT64CONST(1000),
                                INT64CONST(10000),
                                INT64CONST(100000),
                                INT64CONST(1000000),
                                INT64CONST(10000000),
                                INT64CONST(100000000),
                                INT64CONST(1000000000),
                                INT64CONST(10000000000),
                                INT64CONST(100000000000),
                                INT64CONST(1000000000000),
                                INT64CONST(10000000000000),
                                INT64CONST(100000000000000),
                                INT64CONST(1000000000000000),
                                INT64CONST(10000000000000000),
                                INT64CONST(100000000000000000),
                                INT64CONST(1000000000000000000)};

/*
 * Reads the start of a value. Errors: data of a version that this build does
 * not know.
 */
void
ltv_read_header(const Ltv *ltv, LtvHeader *header)
{
	const char *body = VARDATA_ANY(ltv);

	Assert(!VARATT_IS_COMPRESSED(ltv) && !VARATT_IS_EXTERNAL(ltv));
	if (unlikely(body[0] != LTV_VERSION || body[1] != 0))
		ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
		                errmsg("unsupported format of type %s", "cdp.ltv"),
		                errdetail("The stored version is %d, with flags %d.", (uint8) body[0],
		                          (uint8) body[1])));
	header->zone_len = (uint8) body[2];
	header->zone = body + LTV_HEADER_FIXED;
	header->nsections = ltv_get16(header->zone + header->zone_len);
	header->sections = header->zone + header->zone_len + 2;
	if (header->zone_len == 0)
	{
		header->zone = "UTC";
		header->zone_len = 3;
	}
}

/* Reads one side at p; *wire is where its total begins. */
static const char *
read_stored_side(const char *p, const LtvSection *section, LtvSide *side, const char **wire)
{
	side->count = (int64) ltv_get64(p);
	side->first = (int64) ltv_get64(p + 8);
	side->last = (int64) ltv_get64(p + 16);
	p += LTV_SIDE_FIXED;
	*wire = p;
	if (section->wide)
		return p + ltv_wire_size(p);
	side->total.units = ltv_get_units(p, section->width);
	return p + section->width;
}

/* Reads the section at p; returns where the next one begins. */
const char *
ltv_read_section(const char *p, LtvSection *section)
{
	uint8 flags = (uint8) p[3];

	section->start = p;
	memcpy(section->code, p, 3);
	section->code[3] = '\0';
	section->wide = (flags & LTV_SECTION_WIDE) != 0;
	section->width = (flags & LTV_SECTION_WIDTH) + 1;
	section->day_width = (flags & LTV_SECTION_LONG_DAYS) ? 4 : 2;
	section->scale = ltv_get16(p + 4);
	section->unit_scale = ltv_get16(p + 6);
	section->ndays = ltv_get32(p + 8);
	section->end = NULL;
	p += LTV_SECTION_FIXED;
	if (section->wide)
	{
		section->end = section->start + ltv_get32(p);
		p += 4;
	}

	section->purchase_wire = section->refund_wire = NULL;
	memset(&section->purchases, 0, sizeof(LtvSide));
	memset(&section->refunds, 0, sizeof(LtvSide));
	if (flags & LTV_SECTION_PURCHASES)
		p = read_stored_side(p, section, &section->purchases, &section->purchase_wire);
	if (flags & LTV_SECTION_REFUNDS)
		p = read_stored_side(p, section, &section->refunds, &section->refund_wire);

	section->first_day = (int32) ltv_get32(p);
	section->offsets = p + 4;
	section->nets = section->offsets + (Size) section->ndays * section->day_width;
	if (!section->wide)
		section->end = section->nets + (Size) section->ndays * section->width;
	return section->end;
}

/* Finds the section of a currency; false if there is none. */
bool
ltv_find_section(const LtvHeader *header, const char *code, LtvSection *section)
{
	const char *p = header->sections;

	for (int i = 0; i < header->nsections; i++)
	{
		int cmp = memcmp(p, code, 3);

		if (cmp > 0)
			return false;
		p = ltv_read_section(p, section);
		if (cmp == 0)
			return true;
	}
	return false;
}

/*
 * The place of a day among the section's days from place `from` on: where it
 * is, or where it would go.
 */
uint32
ltv_find_day(const LtvSection *section, uint32 from, int32 day, bool *found)
{
	uint32 low = from;
	uint32 high = section->ndays;
	int64 wanted = (int64) day - section->first_day;

	*found = false;
	if (section->day_width == 2)
	{
		const char *offsets = section->offsets;

		while (low < high)
		{
			uint32 middle = low + (high - low) / 2;

			if (ltv_get16(offsets + 2 * (Size) middle) < wanted)
				low = middle + 1;
			else
				high = middle;
		}
		*found = low < section->ndays && ltv_get16(offsets + 2 * (Size) low) == wanted;
		return low;
	}

	while (low < high)
	{
		uint32 middle = low + (high - low) / 2;

		if (ltv_get32(section->offsets + 4 * (Size) middle) < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	*found = low < section->ndays && ltv_get32(section->offsets + 4 * (Size) low) == wanted;
	return low;
}

/*
 * units * 10^digits; false where that is beyond LTV_NARROW_LIMIT.
 */
bool
ltv_scale_units(int64 units, int digits, int64 *result)
{
	if (digits == 0 || units == 0)
		*result = units;
	else if (digits > LTV_NARROW_SCALE || pg_mul_s64_overflow(units, power10[digits], result))
		return false;
	return *result <= LTV_NARROW_LIMIT && *result >= -LTV_NARROW_LIMIT;
}

/*
 * The short stored form, which nearly all numerics have, is read in place. It is a
 * header of 16 bits, then the digits. The header has 10 in the two top bits, then 1 bit
 * of sign, 6 of display scale, 7 of signed weight. The server cannot change this form
 * without breaking pg_upgrade. Other forms go through numeric's documented binary form.
 */
void
numeric_take_apart(Numeric amount, NumericParts *parts)
{
	const char *p = VARDATA_ANY(amount);
	uint16 head;
	bytea *sent;

	memcpy(&head, p, sizeof(head));
	if ((head & 0xC000) == 0x8000)
	{
		parts->negative = (head & 0x2000) != 0;
		parts->scale = (head & 0x1F80) >> 7;
		parts->weight = (head & 0x003F) - ((head & 0x0040) ? 64 : 0);
		parts->ndigits = (int) ((VARSIZE_ANY_EXHDR(amount) - sizeof(head)) / sizeof(int16));
		parts->digits = p + sizeof(head);
		parts->wire = false;
		return;
	}

	sent = DatumGetByteaPP(DirectFunctionCall1(numeric_send, NumericGetDatum(amount)));
	p = VARDATA_ANY(sent);
	parts->ndigits = ltv_get16(p);
	parts->weight = (int16) ltv_get16(p + 2);
	parts->negative = ltv_get16(p + 4) == 0x4000;
	parts->scale = ltv_get16(p + 6);
	parts->digits = p + 8;
	parts->wire = true;
}

/* Display scale of a finite numeric. */
int
ltv_numeric_scale(Numeric amount)
{
	NumericParts parts;

	numeric_take_apart(amount, &parts);
	return parts.scale;
}

/*
 * Digits after the decimal point to keep a finite numeric with: its display
 * scale, less the trailing zeros beyond LTV_PLAIN_SCALE.
 */
int
ltv_numeric_unit_scale(Numeric amount)
{
	NumericParts parts;
	int digit;
	int needed;

	numeric_take_apart(amount, &parts);
	if (parts.scale <= LTV_PLAIN_SCALE)
		return parts.scale;
	if (parts.ndigits == 0)
		return LTV_PLAIN_SCALE;
	digit = numeric_digit(&parts, parts.ndigits - 1);
	needed = 4 * (parts.ndigits - 1 - parts.weight);
	for (; digit != 0 && digit % 10 == 0; digit /= 10)
		needed--;
	return Max(needed, LTV_PLAIN_SCALE);
}

/* -1, 0 or 1, by the sign of a finite numeric. */
int
ltv_numeric_sign(Numeric amount)
{
	NumericParts parts;

	numeric_take_apart(amount, &parts);
	return parts.ndigits == 0 ? 0 : parts.negative ? -1 : 1;
}

/*
 * A finite numeric in units of 10^-scale, where scale is at most
 * LTV_NARROW_SCALE. False if it is not a whole number of them, or is beyond
 * LTV_NARROW_LIMIT.
 */
bool
ltv_numeric_to_units(Numeric amount, int scale, int64 *units)
{
	NumericParts parts;
	int64 sum = 0;
	int exponent;

	Assert(scale <= LTV_NARROW_SCALE);
	numeric_take_apart(amount, &parts);

	/* exponent: a digit counts 10^exponent units; 4 less for the next one */
	exponent = 4 * parts.weight + scale;
	for (int i = 0; i < parts.ndigits; i++, exponent -= 4)
	{
		int digit = numeric_digit(&parts, i);

		if (exponent >= 0)
		{
			if (sum > LTV_NARROW_LIMIT / 10000)
				return false;
			sum = sum * 10000 + digit;
		}
		else
		{
			/* the digit straddles, or is below, the last unit */
			int below = Min(-exponent, 4);

			if (digit % power10[below] != 0)
				return false;
			if (-exponent < 4)
			{
				if (sum > LTV_NARROW_LIMIT / power10[4 - below])
					return false;
				sum = sum * power10[4 - below] + digit / power10[below];
			}
		}
		if (sum > LTV_NARROW_LIMIT)
			return false;
	}
	exponent += 4; /* of the last digit */
	if (exponent > 0 && parts.ndigits > 0 && !ltv_scale_units(sum, exponent, &sum))
		return false;
	*units = parts.negative ? -sum : sum;
	return true;
}

/* units of 10^-scale as a numeric without zeros at its end, as wide amounts are kept. */
Numeric
ltv_units_to_trimmed(int64 units, int scale)
{
	while (scale > 0 && units % 10 == 0)
	{
		units /= 10;
		scale--;
	}
	return int64_div_fast_to_numeric(units, scale);
}

/* A numeric with the smallest display scale that shows all of it. */
Numeric
ltv_trim(Numeric amount)
{
	return DatumGetNumeric(DirectFunctionCall1(numeric_trim_scale, NumericGetDatum(amount)));
}

/* A numeric with at least this display scale. */
Numeric
ltv_with_scale(Numeric amount, int scale)
{
	char wire[12];

	ltv_put32(wire, 8);
	ltv_put16(wire + 4, 0); /* no digits: zero */
	ltv_put16(wire + 6, 0);
	ltv_put16(wire + 8, 0);
	ltv_put16(wire + 10, (uint16) scale);
	return ltv_numeric_add(amount, ltv_read_wire(wire));
}

/* units of 10^-unit_scale as a numeric with the given, no smaller, display scale. */
Numeric
ltv_units_with_scale(int64 units, int unit_scale, int scale)
{
	int64 scaled;

	if (scale == unit_scale)
		return int64_div_fast_to_numeric(units, scale);
	if (ltv_scale_units(units, scale - unit_scale, &scaled))
		return int64_div_fast_to_numeric(scaled, scale);
	return ltv_with_scale(int64_div_fast_to_numeric(units, unit_scale), scale);
}

/* Errors: 22003 beyond numeric's range. */
Numeric
ltv_numeric_add(Numeric a, Numeric b)
{
	return numeric_add_opt_error(a, b, NULL);
}

/* The wide amount at p. */
Numeric
ltv_read_wire(const char *p)
{
	StringInfoData buf;

	buf.data = unconstify(char *, p + 4);
	buf.len = buf.maxlen = (int) ltv_get32(p);
	buf.cursor = 0;
	return DatumGetNumeric(DirectFunctionCall3(numeric_recv, PointerGetDatum(&buf),
	                                           ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

/* Appends a wide amount; it must be trimmed. */
void
ltv_append_wire(StringInfo buf, Numeric amount)
{
	bytea *sent = DatumGetByteaPP(DirectFunctionCall1(numeric_send, NumericGetDatum(amount)));
	char length[4];

	ltv_put32(length, VARSIZE_ANY_EXHDR(sent));
	appendBinaryStringInfo(buf, length, sizeof(length));
	appendBinaryStringInfo(buf, VARDATA_ANY(sent), VARSIZE_ANY_EXHDR(sent));
	pfree(sent);
}

/* A section's sum of purchases, at its display scale. */
Numeric
ltv_section_purchases(const LtvSection *section)
{
	if (section->wide && section->purchase_wire)
		return ltv_with_scale(ltv_read_wire(section->purchase_wire), section->scale);
	if (section->wide)
		return ltv_with_scale(int64_to_numeric(0), section->scale);
	return ltv_units_with_scale(section->purchases.total.units, section->unit_scale,
	                            section->scale);
}

/* A section's sum of refunds (zero or less), at its display scale. */
Numeric
ltv_section_refunds(const LtvSection *section)
{
	if (section->wide && section->refund_wire)
		return ltv_with_scale(ltv_read_wire(section->refund_wire), section->scale);
	if (section->wide)
		return ltv_with_scale(int64_to_numeric(0), section->scale);
	return ltv_units_with_scale(section->refunds.total.units, section->unit_scale, section->scale);
}

/* Compares two finite numerics. */
static int
compare_numerics(Numeric a, Numeric b)
{
	return DatumGetInt32(DirectFunctionCall2(numeric_cmp, NumericGetDatum(a), NumericGetDatum(b)));
}

/*
 * Are the length bytes of the wide amount at p within end? Returns its end,
 * or NULL.
 */
static const char *
skip_wire(const char *p, const char *end)
{
	if (end - p < 4 || ltv_get32(p) > (Size) (end - p - 4) || ltv_get32(p) > PG_INT32_MAX)
		return NULL;
	return p + ltv_wire_size(p);
}

/*
 * Reads a wide amount that may be damaged. NULL if it is not finite or not in
 * its one canonical form. Errors of numeric's own receive function pass
 * through.
 */
static Numeric
check_wire(const char *p, int scale)
{
	Numeric amount;
	StringInfoData again;
	bool same;

	/* the wire format: number of digits, weight, sign, scale, digits */
	if (ltv_get32(p) < 8 || ltv_get32(p) != 8 + 2 * (uint32) ltv_get16(p + 4))
		return NULL;
	amount = ltv_read_wire(p);
	if (numeric_is_nan(amount) || numeric_is_inf(amount) || ltv_numeric_scale(amount) > scale)
		return NULL;
	initStringInfo(&again);
	ltv_append_wire(&again, ltv_trim(amount));
	same = again.len == (int) ltv_wire_size(p) && memcmp(again.data, p, again.len) == 0;
	pfree(again.data);
	return same ? amount : NULL;
}

/*
 * Do the arrays of the section at start fit before end? Returns the
 * section's end, or NULL.
 */
static const char *
check_section_bounds(const char *start, const char *end)
{
	const char *p = start;
	uint8 flags;
	bool wide;
	int width;
	Size offsets;
	uint32 ndays;

	if (end - p < LTV_SECTION_FIXED)
		return NULL;
	flags = (uint8) p[3];
	wide = (flags & LTV_SECTION_WIDE) != 0;
	width = (flags & LTV_SECTION_WIDTH) + 1;
	ndays = ltv_get32(p + 8);
	p += LTV_SECTION_FIXED;
	if (wide)
	{
		if (end - p < 4 || ltv_get32(p) > (Size) (end - start))
			return NULL;
		end = start + ltv_get32(p);
		if (end < p + 4)
			return NULL;
		p += 4;
	}
	for (int side = 0; side < 2; side++)
	{
		if (!(flags & (side == 0 ? LTV_SECTION_PURCHASES : LTV_SECTION_REFUNDS)))
			continue;
		if (end - p < LTV_SIDE_FIXED)
			return NULL;
		p += LTV_SIDE_FIXED;
		if (wide)
			p = skip_wire(p, end);
		else
			p = end - p < width ? NULL : p + width;
		if (p == NULL)
			return NULL;
	}

	if (end - p < 4)
		return NULL;
	p += 4;
	offsets = (Size) ndays * ((flags & LTV_SECTION_LONG_DAYS) ? 4 : 2);
	if ((Size) (end - p) < offsets)
		return NULL;
	p += offsets;
	if (!wide)
		return (Size) (end - p) < (Size) ndays * width ? NULL : p + (Size) ndays * width;
	for (uint32 i = 0; i < ndays; i++)
	{
		p = skip_wire(p, end);
		if (p == NULL)
			return NULL;
	}
	return p == end ? end : NULL;
}

/* What is wrong with the counts and times of a side, or NULL. */
static const char *
check_side(const LtvSide *side)
{
	if (side->count < 1)
		return "a count is not positive";
	if (TIMESTAMP_NOT_FINITE(side->first) || TIMESTAMP_NOT_FINITE(side->last) ||
	    !IS_VALID_TIMESTAMP(side->first) || !IS_VALID_TIMESTAMP(side->last))
		return "a time is out of range";
	if (side->first > side->last || (side->count == 1 && side->first != side->last))
		return "first and last time contradict each other";
	return NULL;
}

/* What is wrong with the days of a section, or NULL. */
static const char *
check_days(const LtvSection *section)
{
	TimestampTz earliest = DT_NOEND;
	TimestampTz latest = DT_NOBEGIN;
	int64 last_offset = -1;

	if (section->ndays < 1)
		return "a currency has no days";
	if (section->ndays > (uint64) section->purchases.count + (uint64) section->refunds.count)
		return "there are more days than amounts";
	for (uint32 i = 0; i < section->ndays; i++)
	{
		int64 offset = section->day_width == 2 ? ltv_get16(section->offsets + 2 * (Size) i)
		                                       : ltv_get32(section->offsets + 4 * (Size) i);

		if (offset <= last_offset || (i == 0 && offset != 0))
			return "days do not ascend";
		last_offset = offset;
	}
	if ((section->day_width == 4) != (last_offset > LTV_SHORT_DAYS))
		return "days are not in their shortest form";
	if (!IS_VALID_DATE(section->first_day) || !IS_VALID_DATE(section->first_day + last_offset))
		return "a day is out of range";

	/*
	 * The days must go with the times. A zone is less than a day away from UTC.
	 * Where clocks go back, the later of two instants can have the earlier day.
	 * So two days are the tolerance, and the check does not depend on the
	 * version of the time zone database.
	 */
	if (section->purchases.count > 0)
	{
		earliest = section->purchases.first;
		latest = section->purchases.last;
	}
	if (section->refunds.count > 0)
	{
		earliest = Min(earliest, section->refunds.first);
		latest = Max(latest, section->refunds.last);
	}
	if (llabs((int64) ltv_local_day(earliest, NULL) - section->first_day) > 2 ||
	    llabs((int64) ltv_local_day(latest, NULL) - (section->first_day + last_offset)) > 2)
		return "days and times contradict each other";
	return NULL;
}

/* What is wrong with the amounts of a narrow section, or NULL. */
static const char *
check_narrow_amounts(const LtvSection *section)
{
	int64 purchases = section->purchases.total.units;
	int64 refunds = section->refunds.total.units;
	int64 sum = 0;

	if (section->unit_scale > LTV_NARROW_SCALE || purchases > LTV_NARROW_LIMIT ||
	    refunds < -LTV_NARROW_LIMIT || section->width != ltv_units_width(purchases, refunds))
		return "amounts are not in their shortest form";
	if ((section->purchases.count > 0) != (purchases > 0) ||
	    (section->refunds.count > 0) != (refunds < 0) || purchases < 0 || refunds > 0)
		return "a total has the wrong sign";
	for (uint32 i = 0; i < section->ndays; i++)
	{
		int64 net = ltv_get_units(section->nets + (Size) i * section->width, section->width);

		if (net > purchases || net < refunds || (refunds == 0 && net <= 0) ||
		    (purchases == 0 && net >= 0) || pg_add_s64_overflow(sum, net, &sum))
			return "the nets of the days do not add up to the totals";
	}
	if (sum != purchases + refunds)
		return "the nets of the days do not add up to the totals";
	return NULL;
}

/* What is wrong with the amounts of a wide section, or NULL. */
static const char *
check_wide_amounts(const LtvSection *section)
{
	Numeric zero = int64_to_numeric(0);
	Numeric purchases = zero;
	Numeric refunds = zero;
	Numeric sum = zero;
	const char *p = section->nets;
	int64 units;

	if (section->width != 1)
		return "amounts are not in their shortest form";
	if (section->purchase_wire)
		purchases = check_wire(section->purchase_wire, section->unit_scale);
	if (section->refund_wire)
		refunds = check_wire(section->refund_wire, section->unit_scale);
	if (purchases == NULL || refunds == NULL)
		return "an amount is not finite or not in its shortest form";
	if (ltv_numeric_sign(purchases) != (section->purchases.count > 0) ||
	    ltv_numeric_sign(refunds) != -(section->refunds.count > 0))
		return "a total has the wrong sign";
	if (section->scale <= LTV_NARROW_SCALE &&
	    ltv_numeric_to_units(purchases, section->scale, &units) &&
	    ltv_numeric_to_units(refunds, section->scale, &units))
		return "amounts are not in their shortest form";

	for (uint32 i = 0; i < section->ndays; i++, p += ltv_wire_size(p))
	{
		Numeric net = check_wire(p, section->unit_scale);
		Numeric next;
		int sign;

		CHECK_FOR_INTERRUPTS();
		if (net == NULL)
			return "an amount is not finite or not in its shortest form";
		sign = ltv_numeric_sign(net);
		if ((!section->refund_wire && sign <= 0) || (!section->purchase_wire && sign >= 0) ||
		    compare_numerics(net, purchases) > 0 || compare_numerics(net, refunds) < 0)
			return "the nets of the days do not add up to the totals";
		next = ltv_numeric_add(sum, net);
		if (sum != zero)
			pfree(sum);
		pfree(net);
		sum = next;
	}
	if (compare_numerics(sum, ltv_numeric_add(purchases, refunds)) != 0)
		return "the nets of the days do not add up to the totals";
	return NULL;
}

/*
 * Checks a body that comes from outside, byte for byte. Returns what is wrong
 * with it, or NULL if this module could have written it. Of currency codes only
 * the shape is checked: a dump must load where ICU has another version and
 * knows other currencies.
 */
const char *
ltv_validate(const char *body, Size len)
{
	const char *p = body;
	const char *end = body + len;
	const char *previous = NULL;
	char zone[LTV_ZONE_MAX + 1];
	char canonical[LTV_ZONE_MAX + 1];
	int zone_len;
	int nsections;

	if (end - p < LTV_HEADER_FIXED)
		return "it is too short";
	if (p[0] != LTV_VERSION || p[1] != 0)
		return "it is of an unknown version";
	zone_len = (uint8) p[2];
	p += LTV_HEADER_FIXED;
	if (zone_len > LTV_ZONE_MAX || end - p < zone_len + 2)
		return "it is too short";
	memcpy(zone, p, zone_len);
	zone[zone_len] = '\0';
	if (zone_len > 0 && (strlen(zone) != (Size) zone_len || strcmp(zone, "UTC") == 0 ||
	                     !ltv_zone_lookup(zone, canonical, NULL) || strcmp(zone, canonical) != 0))
		return "its time zone is not known";
	p += zone_len;
	nsections = ltv_get16(p);
	p += 2;

	for (int i = 0; i < nsections; i++)
	{
		const char *section_end = check_section_bounds(p, end);
		const char *fault;
		LtvSection section;

		CHECK_FOR_INTERRUPTS();
		if (section_end == NULL)
			return "it is too short";
		for (int j = 0; j < 3; j++)
		{
			if (p[j] < 'A' || p[j] > 'Z')
				return "a currency is not three upper-case letters";
		}
		if (previous && memcmp(previous, p, 3) >= 0)
			return "currencies do not ascend";
		if ((p[3] & LTV_SECTION_RESERVED) ||
		    !(p[3] & (LTV_SECTION_PURCHASES | LTV_SECTION_REFUNDS)))
			return "a currency has unknown flags";
		previous = p;

		ltv_read_section(p, &section);
		fault = (p[3] & LTV_SECTION_PURCHASES) ? check_side(&section.purchases) : NULL;
		if (fault == NULL && (p[3] & LTV_SECTION_REFUNDS))
			fault = check_side(&section.refunds);
		if (section.scale > LTV_MAX_SCALE || section.unit_scale > section.scale ||
		    section.unit_scale < Min(section.scale, LTV_PLAIN_SCALE))
			return "a scale is out of range";
		if (fault == NULL)
			fault = check_days(&section);
		if (fault == NULL)
			fault = section.wide ? check_wide_amounts(&section) : check_narrow_amounts(&section);
		if (fault != NULL)
			return fault;
		p = section_end;
	}
	return p == end ? NULL : "there are bytes after its end";
}
