/*
 * ltv_write.c
 *	  Joining the deltas of a builder with its base.
 *
 * Where every day is in the base already and every amount fits, a copy of the
 * base is changed. Else the value is written again, and the days between two
 * touched ones are copied as they are. So one amount costs a copy of the base
 * and a binary search, and many cost one pass over it.
 */
#include "base/base.h"

#include "miscadmin.h"
#include "types/ltv_format.h"
#include "utils/memutils.h"

/*
 * The totals of base and delta together in units of 10^-unit_scale; false where
 * the section that they make is wide.
 */
static bool
narrow_totals(const LtvSection *base, const LtvDelta *delta, int unit_scale, int64 *purchases,
              int64 *refunds)
{
	int64 base_purchases = 0;
	int64 base_refunds = 0;

	if (delta->wide || (base && base->wide) || unit_scale > LTV_NARROW_SCALE)
		return false;
	if (!ltv_scale_units(delta->purchases.total.units, unit_scale - delta->unit_scale, purchases) ||
	    !ltv_scale_units(delta->refunds.total.units, unit_scale - delta->unit_scale, refunds))
		return false;
	if (base &&
	    (!ltv_scale_units(base->purchases.total.units, unit_scale - base->unit_scale,
	                      &base_purchases) ||
	     !ltv_scale_units(base->refunds.total.units, unit_scale - base->unit_scale, &base_refunds)))
		return false;
	*purchases += base_purchases;
	*refunds += base_refunds;
	return *purchases <= LTV_NARROW_LIMIT && *refunds >= -LTV_NARROW_LIMIT;
}

/* Writes counts and times over those at p; returns where the total begins. */
static char *
put_side(char *p, const LtvSide *side)
{
	p = ltv_put64(p, (uint64) side->count);
	p = ltv_put64(p, (uint64) side->first);
	return ltv_put64(p, (uint64) side->last);
}

/*
 * Can the delta go into the section without changing its size? Its totals
 * with the delta are in *purchases and *refunds then.
 */
static bool
delta_fits(const LtvSection *section, const LtvDelta *delta, int64 *purchases, int64 *refunds)
{
	return !section->wide && delta->scale <= section->scale &&
	       delta->unit_scale <= section->unit_scale &&
	       (delta->purchases.count == 0 || section->purchases.count > 0) &&
	       (delta->refunds.count == 0 || section->refunds.count > 0) &&
	       narrow_totals(section, delta, section->unit_scale, purchases, refunds) &&
	       ltv_units_width(*purchases, *refunds) == section->width;
}

/*
 * Would adding the deltas leave the size of the base as it is? Then every
 * day and side is there, and no amount outgrows the width.
 */
bool
ltv_builder_fits(LtvBuilder *builder)
{
	LtvHeader header;

	if (builder->base_empty || builder->zone_changed)
		return false;
	ltv_read_header(builder->base, &header);
	for (int n = 0; n < builder->ndeltas; n++)
	{
		LtvDelta *delta = ltv_nth_delta(builder, n);
		LtvCell *cells;
		LtvSection section;
		int64 purchases;
		int64 refunds;
		uint32 place = 0;

		if (!ltv_find_section(&header, delta->code, &section) ||
		    !delta_fits(&section, delta, &purchases, &refunds))
			return false;
		ltv_delta_sort(builder, delta);
		cells = ltv_delta_cells(delta);
		for (int i = 0; i < delta->ncells; i++)
		{
			bool found;

			place = ltv_find_day(&section, place, cells[i].day, &found);
			if (!found)
				return false;
		}
	}
	return true;
}

/*
 * Adds the deltas to target, which is the base or a copy of it, in place.
 * Only after ltv_builder_fits.
 */
void
ltv_builder_apply(LtvBuilder *builder, Ltv *target)
{
	LtvHeader header;

	ltv_read_header(target, &header);
	for (int n = 0; n < builder->ndeltas; n++)
	{
		LtvDelta *delta = ltv_nth_delta(builder, n);
		LtvCell *cells = ltv_delta_cells(delta);
		LtvSection section;
		int64 purchases;
		int64 refunds;
		uint32 place = 0;
		bool found;

		if (!ltv_find_section(&header, delta->code, &section) ||
		    !delta_fits(&section, delta, &purchases, &refunds))
			elog(ERROR, "lifetime value does not fit its base");
		for (int i = 0; i < delta->ncells; i++)
		{
			char *net;
			int64 units;

			place = ltv_find_day(&section, place, cells[i].day, &found);
			net = unconstify(char *, section.nets + (Size) place * section.width);
			if (!ltv_scale_units(cells[i].net.units, section.unit_scale - delta->unit_scale,
			                     &units))
				elog(ERROR, "net of a day is beyond the totals");
			ltv_put_units(net, section.width, ltv_get_units(net, section.width) + units);
		}
		ltv_add_side(&section.purchases, &delta->purchases);
		ltv_add_side(&section.refunds, &delta->refunds);
		if (section.purchase_wire)
			ltv_put_units(put_side(unconstify(char *, section.purchase_wire) - LTV_SIDE_FIXED,
			                       &section.purchases),
			              section.width, purchases);
		if (section.refund_wire)
			ltv_put_units(put_side(unconstify(char *, section.refund_wire) - LTV_SIDE_FIXED,
			                       &section.refunds),
			              section.width, refunds);
	}
}

/* Where the days of a delta go among those of the base. */
typedef struct Places
{
	uint32 *at;   /* place among the base's days, per cell */
	bool *found;  /* the day is there */
	uint32 ndays; /* of both together */
	int32 first_day;
	int32 last_day;
	int day_width;
	uint32 at_one; /* storage where there is one cell */
	bool found_one;
} Places;

static void
find_places(const LtvSection *base, const LtvCell *cells, int ncells, Places *places)
{
	uint32 place = 0;
	uint32 added = 0;

	if (ncells == 1)
	{
		places->at = &places->at_one;
		places->found = &places->found_one;
	}
	else
	{
		places->at = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(uint32) * (Size) ncells);
		places->found = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(bool) * (Size) ncells);
	}
	for (int i = 0; i < ncells; i++)
	{
		places->found[i] = false;
		if (base)
			place = ltv_find_day(base, place, cells[i].day, &places->found[i]);
		places->at[i] = place;
		added += !places->found[i];
	}
	places->ndays = (base ? base->ndays : 0) + added;
	places->first_day = cells[0].day;
	places->last_day = cells[ncells - 1].day;
	if (base)
	{
		places->first_day = Min(places->first_day, base->first_day);
		places->last_day = Max(places->last_day, ltv_section_day(base, base->ndays - 1));
	}
	places->day_width = (int64) places->last_day - places->first_day > LTV_SHORT_DAYS ? 4 : 2;
}

/* Makes sure that size more bytes fit; returns where they go. */
static char *
reserve(StringInfo buf, Size size)
{
	char *p;

	if (size > MaxAllocSize - (Size) buf->len - 1)
		ereport(ERROR,
		        (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("lifetime value is too large"),
		         errdetail("A value can have %zu bytes.", (Size) MaxAllocSize)));
	enlargeStringInfo(buf, (int) size);
	p = buf->data + buf->len;
	buf->len += (int) size;
	return p;
}

static inline char *
put_offset(char *p, int day_width, int32 first_day, int32 day)
{
	uint32 offset = (uint32) day - (uint32) first_day;

	return day_width == 2 ? ltv_put16(p, (uint16) offset) : ltv_put32(p, offset);
}

/* Writes the offsets of the base's days [from, to). */
static char *
put_base_offsets(char *p, const LtvSection *base, uint32 from, uint32 to, const Places *places)
{
	if (base->day_width == places->day_width && base->first_day == places->first_day)
	{
		Size size = (Size) (to - from) * base->day_width;

		memcpy(p, base->offsets + (Size) from * base->day_width, size);
		return p + size;
	}
	for (uint32 i = from; i < to; i++)
		p = put_offset(p, places->day_width, places->first_day, ltv_section_day(base, i));
	return p;
}

static char *
put_offsets(char *p, const LtvSection *base, const LtvCell *cells, int ncells, const Places *places)
{
	uint32 done = 0; /* days of the base written */

	for (int i = 0; i < ncells; i++)
	{
		if (base)
		{
			p = put_base_offsets(p, base, done, places->at[i], places);
			done = places->at[i] + (places->found[i] ? 1 : 0);
		}
		p = put_offset(p, places->day_width, places->first_day, cells[i].day);
	}
	return base ? put_base_offsets(p, base, done, base->ndays, places) : p;
}

/* Writes the narrow nets of the base's days [from, to). */
static char *
put_base_nets(char *p, const LtvSection *base, uint32 from, uint32 to, int width, int digits)
{
	if (base->width == width && digits == 0)
	{
		Size size = (Size) (to - from) * width;

		memcpy(p, base->nets + (Size) from * width, size);
		return p + size;
	}
	for (uint32 i = from; i < to; i++)
	{
		int64 units = ltv_get_units(base->nets + (Size) i * base->width, base->width);

		if (!ltv_scale_units(units, digits, &units))
			elog(ERROR, "net of a day is beyond the totals");
		p = ltv_put_units(p, width, units);
	}
	return p;
}

/* Writes the start that narrow and wide sections share. */
static char *
put_section_start(char *p, uint8 flags, const LtvSection *base, const LtvDelta *delta,
                  const Places *places)
{
	memcpy(p, delta->code, 3);
	p[3] = (char) (flags | (places->day_width == 4 ? LTV_SECTION_LONG_DAYS : 0));
	p = ltv_put16(p + 4, (uint16) Max(delta->scale, base ? base->scale : 0));
	p = ltv_put16(p, (uint16) Max(delta->unit_scale, base ? base->unit_scale : 0));
	return ltv_put32(p, places->ndays);
}

/* Appends the section that base (or NULL) and delta make, where it is narrow. */
static void
append_narrow(StringInfo buf, const LtvSection *base, const LtvDelta *delta, const LtvCell *cells,
              const LtvSide *purchases, const LtvSide *refunds, int unit_scale)
{
	int width = ltv_units_width(purchases->total.units, refunds->total.units);
	uint8 flags = (uint8) (width - 1);
	Places places;
	Size size = LTV_SECTION_FIXED + 4;
	char *p;
	uint32 done = 0;

	if (purchases->count > 0)
	{
		flags |= LTV_SECTION_PURCHASES;
		size += LTV_SIDE_FIXED + width;
	}
	if (refunds->count > 0)
	{
		flags |= LTV_SECTION_REFUNDS;
		size += LTV_SIDE_FIXED + width;
	}
	find_places(base, cells, delta->ncells, &places);
	size += (Size) places.ndays * (places.day_width + width);

	p = reserve(buf, size);
	p = put_section_start(p, flags, base, delta, &places);
	if (purchases->count > 0)
		p = ltv_put_units(put_side(p, purchases), width, purchases->total.units);
	if (refunds->count > 0)
		p = ltv_put_units(put_side(p, refunds), width, refunds->total.units);
	p = ltv_put32(p, (uint32) places.first_day);
	p = put_offsets(p, base, cells, delta->ncells, &places);

	for (int i = 0; i < delta->ncells; i++)
	{
		int64 units;

		if (!ltv_scale_units(cells[i].net.units, unit_scale - delta->unit_scale, &units))
			elog(ERROR, "net of a day is beyond the totals");
		if (base)
		{
			p = put_base_nets(p, base, done, places.at[i], width, unit_scale - base->unit_scale);
			done = places.at[i];
			if (places.found[i])
			{
				int64 old = ltv_get_units(base->nets + (Size) done * base->width, base->width);

				if (!ltv_scale_units(old, unit_scale - base->unit_scale, &old))
					elog(ERROR, "net of a day is beyond the totals");
				units += old;
				done++;
			}
		}
		p = ltv_put_units(p, width, units);
	}
	if (base)
		p = put_base_nets(p, base, done, base->ndays, width, unit_scale - base->unit_scale);
	Assert(p == buf->data + buf->len);
}

/* Appends a side of a wide section. */
static void
append_wide_side(StringInfo buf, const LtvSide *side)
{
	put_side(reserve(buf, LTV_SIDE_FIXED), side);
	ltv_append_wire(buf, side->total.big);
}

/*
 * Appends the nets of the base's days [from, to) to a wide section. *p points
 * to the first of them, and moves behind the last.
 */
static void
append_base_wires(StringInfo buf, const LtvSection *base, const char **p, uint32 from, uint32 to)
{
	const char *start = *p;

	for (uint32 i = from; i < to; i++)
	{
		if (base->wide)
			*p += ltv_wire_size(*p);
		else
		{
			Numeric net = ltv_units_to_trimmed(ltv_get_units(*p, base->width), base->unit_scale);

			ltv_append_wire(buf, net);
			pfree(net);
			*p += base->width;
		}
	}
	if (base->wide)
		memcpy(reserve(buf, *p - start), start, *p - start);
}

/* Appends the section that base (or NULL) and a wide delta make, where it is wide. */
static void
append_wide(StringInfo buf, const LtvSection *base, const LtvDelta *delta, const LtvCell *cells,
            const LtvSide *purchases, const LtvSide *refunds)
{
	int start = buf->len;
	uint8 flags = LTV_SECTION_WIDE;
	const char *net = base ? base->nets : NULL;
	Places places;
	uint32 done = 0;
	char *p;

	if (purchases->count > 0)
		flags |= LTV_SECTION_PURCHASES;
	if (refunds->count > 0)
		flags |= LTV_SECTION_REFUNDS;
	find_places(base, cells, delta->ncells, &places);

	p = reserve(buf, LTV_SECTION_FIXED + 4);
	put_section_start(p, flags, base, delta, &places);
	if (purchases->count > 0)
		append_wide_side(buf, purchases);
	if (refunds->count > 0)
		append_wide_side(buf, refunds);
	p = reserve(buf, 4 + (Size) places.ndays * places.day_width);
	p = ltv_put32(p, (uint32) places.first_day);
	put_offsets(p, base, cells, delta->ncells, &places);

	for (int i = 0; i < delta->ncells; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (base)
		{
			append_base_wires(buf, base, &net, done, places.at[i]);
			done = places.at[i];
		}
		if (base && places.found[i])
		{
			Numeric old = base->wide ? ltv_read_wire(net)
			                         : ltv_units_to_trimmed(ltv_get_units(net, base->width),
			                                                base->unit_scale);
			Numeric sum = ltv_numeric_add(old, cells[i].net.big);

			net += base->wide ? ltv_wire_size(net) : (Size) base->width;
			done++;
			ltv_append_wire(buf, ltv_trim(sum));
			pfree(sum);
			pfree(old);
		}
		else
			ltv_append_wire(buf, cells[i].net.big);
	}
	if (base)
		append_base_wires(buf, base, &net, done, base->ndays);
	ltv_put32(buf->data + start + LTV_SECTION_FIXED, (uint32) (buf->len - start));
}

/* Appends the section that base (or NULL) and delta make. */
static void
append_section(LtvBuilder *builder, StringInfo buf, const LtvSection *base, LtvDelta *delta)
{
	LtvSide purchases = delta->purchases;
	LtvSide refunds = delta->refunds;
	int unit_scale = Max(delta->unit_scale, base ? base->unit_scale : 0);

	ltv_delta_sort(builder, delta);
	if (base)
	{
		ltv_add_side(&purchases, &base->purchases);
		ltv_add_side(&refunds, &base->refunds);
	}
	if (narrow_totals(base, delta, unit_scale, &purchases.total.units, &refunds.total.units))
	{
		append_narrow(buf, base, delta, ltv_delta_cells(delta), &purchases, &refunds, unit_scale);
		return;
	}

	ltv_delta_make_wide(builder, delta);
	purchases.total.big = delta->purchases.total.big;
	refunds.total.big = delta->refunds.total.big;
	if (base)
	{
		if (base->purchases.count > 0)
			purchases.total.big =
			    ltv_trim(ltv_numeric_add(purchases.total.big, ltv_section_purchases(base)));
		if (base->refunds.count > 0)
			refunds.total.big =
			    ltv_trim(ltv_numeric_add(refunds.total.big, ltv_section_refunds(base)));
	}
	append_wide(buf, base, delta, ltv_delta_cells(delta), &purchases, &refunds);
}

static int
compare_deltas(const void *a, const void *b)
{
	return memcmp((*(LtvDelta *const *) a)->code, (*(LtvDelta *const *) b)->code, 3);
}

Ltv *
ltv_builder_finish(LtvBuilder *builder, bool *changed)
{
	const Ltv *base = builder->base;
	Size base_size = base ? VARSIZE_ANY_EXHDR(base) : 0;
	LtvHeader header = {.nsections = 0};
	LtvDelta *one = &builder->first;
	LtvDelta **deltas = &one;
	const char *p = NULL;
	int zone_len = (int) strlen(builder->zone);
	int nsections = 0;
	int count_at;
	int done = 0;
	Size guess;
	StringInfoData buf;

	if (changed)
		*changed = true;
	if (base && builder->ndeltas == 0 && !builder->zone_changed)
	{
		if (changed)
			*changed = false;
		return unconstify(Ltv *, base);
	}

	if (ltv_builder_fits(builder))
	{
		Ltv *copy = palloc(VARHDRSZ + base_size);

		SET_VARSIZE(copy, VARHDRSZ + base_size);
		memcpy(VARDATA(copy), VARDATA_ANY(base), base_size);
		ltv_builder_apply(builder, copy);
		return copy;
	}

	if (builder->ndeltas > 1)
	{
		deltas = palloc(sizeof(LtvDelta *) * (Size) builder->ndeltas);
		for (int i = 0; i < builder->ndeltas; i++)
			deltas[i] = ltv_nth_delta(builder, i);
		qsort(deltas, builder->ndeltas, sizeof(LtvDelta *), compare_deltas);
	}

	guess = VARHDRSZ + base_size + LTV_ZONE_MAX + 8;
	for (int i = 0; i < builder->ndeltas; i++)
		guess += 80 + 12 * (Size) deltas[i]->ncells;
	guess = Min(guess, MaxAllocSize);
	buf.data = palloc(guess);
	buf.maxlen = (int) guess;
	buf.len = 0;
	buf.cursor = 0;

	if (strcmp(builder->zone, "UTC") == 0)
		zone_len = 0;
	count_at = VARHDRSZ + 3 + zone_len;
	reserve(&buf, (Size) count_at + 2);
	buf.data[VARHDRSZ] = LTV_VERSION;
	buf.data[VARHDRSZ + 1] = 0;
	buf.data[VARHDRSZ + 2] = (char) zone_len;
	memcpy(buf.data + VARHDRSZ + 3, builder->zone, zone_len);

	if (base)
	{
		ltv_read_header(base, &header);
		p = header.sections;
	}
	for (int i = 0; i < header.nsections; i++)
	{
		LtvSection section;
		int cmp = -1;

		p = ltv_read_section(p, &section);
		while (done < builder->ndeltas && (cmp = memcmp(deltas[done]->code, section.code, 3)) < 0)
		{
			append_section(builder, &buf, NULL, deltas[done++]);
			nsections++;
		}
		if (done < builder->ndeltas && cmp == 0)
			append_section(builder, &buf, &section, deltas[done++]);
		else
			memcpy(reserve(&buf, section.end - section.start), section.start,
			       section.end - section.start);
		nsections++;
	}
	while (done < builder->ndeltas)
	{
		append_section(builder, &buf, NULL, deltas[done++]);
		nsections++;
	}
	ltv_put16(buf.data + count_at, (uint16) nsections);
	SET_VARSIZE(buf.data, buf.len);
	return (Ltv *) buf.data;
}
