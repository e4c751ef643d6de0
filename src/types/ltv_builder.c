/*
 * ltv_builder.c
 *	  Adding amounts and values to a lifetime value.
 *
 * A builder keeps additions as one decoded delta per currency. ltv_write.c
 * joins them with the base.
 */
#include "base/base.h"

#include "common/int.h"
#include "miscadmin.h"
#include "types/ltv_format.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#define FIRST_CELLS 16

/* Raises the error for a count of purchases or refunds beyond bigint. */
static void
report_count_overflow(void)
{
	ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
	                errmsg("number of amounts out of range for type %s", "bigint")));
}

/* Raises the error for two values that count their days in different zones. */
static void
report_zones_differ(const char *zone, const char *other, int other_len)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	                errmsg("cannot merge lifetime values of different time zones"),
	                errdetail("One counts its days in \"%s\", the other in \"%.*s\".", zone,
	                          other_len, other),
	                errhint("Build both from the amounts in one time zone.")));
}

void
ltv_builder_init(LtvBuilder *builder, const Ltv *base)
{
	builder->base = base;
	builder->context = CurrentMemoryContext;
	builder->base_empty = true;
	builder->zone_changed = false;
	builder->tz = NULL;
	builder->tz_known = false;
	builder->ndeltas = builder->maxmore = builder->latest = 0;
	builder->more = NULL;
	if (base)
	{
		LtvHeader header;

		ltv_read_header(base, &header);
		builder->base_empty = header.nsections == 0;
		memcpy(builder->zone, header.zone, header.zone_len);
		builder->zone[header.zone_len] = '\0';
	}
	else
		strlcpy(builder->zone, "UTC", sizeof(builder->zone));
}

/* Has the builder no amounts yet, in base or deltas? */
static inline bool
builder_is_empty(const LtvBuilder *builder)
{
	return builder->base_empty && builder->ndeltas == 0;
}

/*
 * Lets the builder take in a value of another zone, which has amounts or
 * (other_empty) none. The zone of a value with amounts wins. Between values
 * without amounts any zone wins over UTC, else the one that sorts last. So the
 * order of merging does not matter. Errors: 22023 where both have amounts.
 */
void
ltv_builder_use_zone(LtvBuilder *builder, const char *zone, int len, bool other_empty)
{
	if (strlen(builder->zone) == (Size) len && memcmp(builder->zone, zone, len) == 0)
		return;
	if (!builder_is_empty(builder))
	{
		if (other_empty)
			return;
		report_zones_differ(builder->zone, zone, len);
	}
	if (other_empty)
	{
		int shared = Min(len, (int) strlen(builder->zone));
		int cmp = memcmp(zone, builder->zone, shared);

		if (len == 3 && memcmp(zone, "UTC", 3) == 0)
			return;
		if (strcmp(builder->zone, "UTC") != 0 && (cmp < 0 || (cmp == 0 && len == shared)))
			return;
	}
	memcpy(builder->zone, zone, len);
	builder->zone[len] = '\0';
	builder->zone_changed = true;
	builder->tz_known = false;
}

/* The delta of a currency, made where there is none yet. */
LtvDelta *
ltv_builder_delta(LtvBuilder *builder, const char *code)
{
	LtvDelta *delta;

	if (builder->ndeltas > 0)
	{
		delta = ltv_nth_delta(builder, builder->latest);
		if (memcmp(delta->code, code, 3) == 0)
			return delta;
		for (int i = 0; i < builder->ndeltas; i++)
		{
			delta = ltv_nth_delta(builder, i);
			if (memcmp(delta->code, code, 3) == 0)
			{
				builder->latest = i;
				return delta;
			}
		}
	}

	if (builder->ndeltas > builder->maxmore)
	{
		int maxmore = Max(4, builder->maxmore * 2);

		if (builder->more == NULL)
			builder->more = MemoryContextAlloc(builder->context, sizeof(LtvDelta) * (Size) maxmore);
		else
			builder->more = repalloc(builder->more, sizeof(LtvDelta) * (Size) maxmore);
		builder->maxmore = maxmore;
	}
	builder->latest = builder->ndeltas++;
	delta = ltv_nth_delta(builder, builder->latest);
	memset(delta, 0, offsetof(LtvDelta, one));
	memcpy(delta->code, code, 3);
	delta->sorted = true;
	delta->cells = NULL;
	return delta;
}

/* Turns a delta's amounts into numerics. */
void
ltv_delta_make_wide(LtvBuilder *builder, LtvDelta *delta)
{
	LtvCell *cells = ltv_delta_cells(delta);
	MemoryContext oldcontext;

	if (delta->wide)
		return;
	oldcontext = MemoryContextSwitchTo(builder->context);
	delta->purchases.total.big =
	    ltv_units_to_trimmed(delta->purchases.total.units, delta->unit_scale);
	delta->refunds.total.big = ltv_units_to_trimmed(delta->refunds.total.units, delta->unit_scale);
	for (int i = 0; i < delta->ncells; i++)
		cells[i].net.big = ltv_units_to_trimmed(cells[i].net.units, delta->unit_scale);
	delta->wide = true;
	MemoryContextSwitchTo(oldcontext);
}

/*
 * Lets a delta show scale digits after the point, and count in units of
 * 10^-unit_scale. Where such units do not fit, it counts in numerics.
 */
static void
delta_set_scale(LtvBuilder *builder, LtvDelta *delta, int scale, int unit_scale)
{
	LtvCell *cells = ltv_delta_cells(delta);
	int digits = unit_scale - delta->unit_scale;
	int64 purchases;
	int64 refunds;

	delta->scale = Max(delta->scale, scale);
	if (digits <= 0)
		return;
	if (!delta->wide)
	{
		if (unit_scale <= LTV_NARROW_SCALE &&
		    ltv_scale_units(delta->purchases.total.units, digits, &purchases) &&
		    ltv_scale_units(delta->refunds.total.units, digits, &refunds))
		{
			delta->purchases.total.units = purchases;
			delta->refunds.total.units = refunds;
			for (int i = 0; i < delta->ncells; i++)
			{
				if (!ltv_scale_units(cells[i].net.units, digits, &cells[i].net.units))
					elog(ERROR, "net of a day is beyond the totals");
			}
		}
		else
			ltv_delta_make_wide(builder, delta);
	}
	delta->unit_scale = unit_scale;
}

static int
compare_cells(const void *a, const void *b)
{
	int32 left = ((const LtvCell *) a)->day;
	int32 right = ((const LtvCell *) b)->day;

	return (left > right) - (left < right);
}

/* Adds to a sum of numerics, in place of it. */
static void
add_big(LtvBuilder *builder, Numeric *sum, Numeric amount)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(builder->context);
	Numeric exact = ltv_numeric_add(*sum, amount);
	Numeric trimmed = ltv_trim(exact);

	pfree(exact);
	pfree(*sum);
	*sum = trimmed;
	MemoryContextSwitchTo(oldcontext);
}

/* Sorts a delta's cells by day and joins those of one day. */
void
ltv_delta_sort(LtvBuilder *builder, LtvDelta *delta)
{
	LtvCell *cells = ltv_delta_cells(delta);
	int kept = 0;

	if (delta->sorted)
		return;
	qsort(cells, delta->ncells, sizeof(LtvCell), compare_cells);
	for (int i = 1; i < delta->ncells; i++)
	{
		if (cells[i].day != cells[kept].day)
			cells[++kept] = cells[i];
		else if (delta->wide)
		{
			add_big(builder, &cells[kept].net.big, cells[i].net.big);
			pfree(cells[i].net.big);
		}
		else if (pg_add_s64_overflow(cells[kept].net.units, cells[i].net.units,
		                             &cells[kept].net.units))
			elog(ERROR, "net of a day is beyond the totals");
	}
	delta->ncells = kept + 1;
	delta->sorted = true;
}

/*
 * A cell for the day: the one added last, if it is of the same day, else a new
 * one of net zero. A sort joins equal days and so makes room: the cells are
 * never many more than the days.
 */
LtvCell *
ltv_delta_cell(LtvBuilder *builder, LtvDelta *delta, int32 day)
{
	LtvCell *cells = ltv_delta_cells(delta);
	LtvCell *cell;

	if (delta->ncells > 0 && cells[delta->ncells - 1].day == day)
		return &cells[delta->ncells - 1];

	if (delta->ncells > 0 && delta->ncells >= delta->maxcells)
	{
		ltv_delta_sort(builder, delta);
		if (delta->maxcells == 0)
		{
			delta->cells = MemoryContextAlloc(builder->context, sizeof(LtvCell) * FIRST_CELLS);
			delta->cells[0] = delta->one;
			delta->maxcells = FIRST_CELLS;
		}
		else if (delta->ncells > delta->maxcells / 2)
		{
			int maxcells;

			if (pg_mul_s32_overflow(delta->maxcells, 2, &maxcells))
				ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				                errmsg("too many days in a lifetime value")));
			delta->cells = repalloc_huge(delta->cells, sizeof(LtvCell) * (Size) maxcells);
			delta->maxcells = maxcells;
		}
		cells = delta->cells;
	}

	if (delta->ncells > 0 && cells[delta->ncells - 1].day >= day)
	{
		/* where the sort has just put the day last, use it */
		if (cells[delta->ncells - 1].day == day)
			return &cells[delta->ncells - 1];
		delta->sorted = false;
	}
	cell = &cells[delta->ncells++];
	cell->day = day;
	if (delta->wide)
	{
		MemoryContext oldcontext = MemoryContextSwitchTo(builder->context);

		cell->net.big = int64_to_numeric(0);
		MemoryContextSwitchTo(oldcontext);
	}
	else
		cell->net.units = 0;
	return cell;
}

/*
 * Adds counts and times, not the total, of one side to another. Errors:
 * 22003 where a count leaves the range of bigint.
 */
void
ltv_add_side(LtvSide *side, const LtvSide *other)
{
	if (other->count == 0)
		return;
	if (side->count == 0)
	{
		side->first = other->first;
		side->last = other->last;
	}
	else
	{
		side->first = Min(side->first, other->first);
		side->last = Max(side->last, other->last);
	}
	if (pg_add_s64_overflow(side->count, other->count, &side->count))
		report_count_overflow();
}

void
ltv_builder_add(LtvBuilder *builder, Numeric amount, const char *currency, TimestampTz at)
{
	LtvDelta *delta;
	LtvSide *side;
	LtvCell *cell;
	LtvSide single;
	int32 day;
	int sign;
	int64 units = 0;

	if (numeric_is_nan(amount) || numeric_is_inf(amount))
		ereport(ERROR,
		        (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE), errmsg("amount must be finite"),
		         errdetail("The amount is %s.", DatumGetCString(DirectFunctionCall1(
		                                            numeric_out, NumericGetDatum(amount))))));
	if (!builder->tz_known)
	{
		if (!ltv_zone_lookup(builder->zone, NULL, &builder->tz))
			ltv_zone_report(builder->zone);
		builder->tz_known = true;
	}
	day = ltv_local_day(at, builder->tz);
	sign = ltv_numeric_sign(amount);
	if (sign == 0)
		return;

	delta = ltv_builder_delta(builder, currency);
	delta_set_scale(builder, delta, ltv_numeric_scale(amount), ltv_numeric_unit_scale(amount));
	side = sign > 0 ? &delta->purchases : &delta->refunds;
	if (!delta->wide)
	{
		if (ltv_numeric_to_units(amount, delta->unit_scale, &units) &&
		    llabs(side->total.units + units) <= LTV_NARROW_LIMIT)
			side->total.units += units;
		else
			ltv_delta_make_wide(builder, delta);
	}

	cell = ltv_delta_cell(builder, delta, day);
	if (delta->wide)
	{
		add_big(builder, &side->total.big, amount);
		add_big(builder, &cell->net.big, amount);
	}
	else
		cell->net.units += units;
	single.count = 1;
	single.first = single.last = at;
	ltv_add_side(side, &single);
}

/* Adds a section to the delta of its currency. */
static void
merge_section(LtvBuilder *builder, const LtvSection *section)
{
	LtvDelta *delta = ltv_builder_delta(builder, section->code);
	const char *p = section->nets;
	int64 purchases = 0;
	int64 refunds = 0;
	int digits;

	delta_set_scale(builder, delta, section->scale, section->unit_scale);
	digits = delta->unit_scale - section->unit_scale;
	if (!delta->wide)
	{
		if (!section->wide && ltv_scale_units(section->purchases.total.units, digits, &purchases) &&
		    ltv_scale_units(section->refunds.total.units, digits, &refunds) &&
		    delta->purchases.total.units + purchases <= LTV_NARROW_LIMIT &&
		    delta->refunds.total.units + refunds >= -LTV_NARROW_LIMIT)
		{
			delta->purchases.total.units += purchases;
			delta->refunds.total.units += refunds;
		}
		else
			ltv_delta_make_wide(builder, delta);
	}
	if (delta->wide)
	{
		if (section->purchases.count > 0)
			add_big(builder, &delta->purchases.total.big, ltv_section_purchases(section));
		if (section->refunds.count > 0)
			add_big(builder, &delta->refunds.total.big, ltv_section_refunds(section));
	}

	for (uint32 i = 0; i < section->ndays; i++)
	{
		LtvCell *cell = ltv_delta_cell(builder, delta, ltv_section_day(section, i));
		int64 units;

		if ((i & 4095) == 4095)
			CHECK_FOR_INTERRUPTS();
		if (section->wide)
		{
			add_big(builder, &cell->net.big, ltv_read_wire(p));
			p += ltv_wire_size(p);
			continue;
		}
		units = ltv_get_units(p, section->width);
		p += section->width;
		if (delta->wide)
			add_big(builder, &cell->net.big, ltv_units_to_trimmed(units, section->unit_scale));
		else if (ltv_scale_units(units, digits, &units))
			cell->net.units += units;
		else
			elog(ERROR, "net of a day is beyond the totals");
	}
	ltv_add_side(&delta->purchases, &section->purchases);
	ltv_add_side(&delta->refunds, &section->refunds);
}

void
ltv_builder_merge(LtvBuilder *builder, const Ltv *other)
{
	LtvHeader header;
	const char *p;

	ltv_read_header(other, &header);
	ltv_builder_use_zone(builder, header.zone, header.zone_len, header.nsections == 0);
	p = header.sections;
	for (int i = 0; i < header.nsections; i++)
	{
		LtvSection section;

		p = ltv_read_section(p, &section);
		merge_section(builder, &section);
	}
}

Ltv *
ltv_empty(const char *zone)
{
	LtvBuilder builder;

	ltv_builder_init(&builder, NULL);
	if (zone && !ltv_zone_lookup(zone, builder.zone, NULL))
		ltv_zone_report(zone);
	return ltv_builder_finish(&builder, NULL);
}

Ltv *
ltv_merge(const Ltv *a, const Ltv *b)
{
	const Ltv *base = VARSIZE_ANY_EXHDR(a) >= VARSIZE_ANY_EXHDR(b) ? a : b;
	LtvBuilder builder;
	Ltv *merged;

	ltv_builder_init(&builder, base);
	ltv_builder_merge(&builder, base == a ? b : a);
	merged = ltv_builder_finish(&builder, NULL);
	if (merged == base)
	{
		Size size = VARSIZE_ANY(base);

		merged = palloc(size);
		memcpy(merged, base, size);
	}
	return merged;
}
