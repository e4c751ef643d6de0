/*
 * segment_stats.c
 *	  ANALYZE of columns of cdp.segment_set: the most common segments, and the
 *	  rows of a sample that are in each. See segment_stats.h.
 */
#include "types/segment_stats.h"

#include "access/detoast.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "commands/vacuum.h"
#include "common/hashfn.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(segment_set_typanalyze);

#define LISTED_PER_TARGET 10   /* segments listed per unit of the statistics target, as of arrays */
#define ROWS_PER_TARGET 64     /* rows of the sample per unit */
#define BITS_MAX (1024 * 1024) /* rows of the sample times segments listed */
#define WIDTH_MAX 0x10000      /* bytes; wider values are left out, as those of arrays */

/*
 * Segments are counted by lossy counting (Manku and Motwani, Approximate
 * frequency counts over data streams, 2002). After each BUCKET names, those are
 * dropped that cannot have occurred more often than once a bucket. So a count
 * is at most one per bucket too low. Memory stays bounded even where every row
 * has segments of its own.
 */
#define BUCKET 250000

typedef struct CountedName
{
	SegmentMember name; /* hash key; its time is of no account */
	int count;
	int missed; /* occurrences before it was counted (again), at most */
	int place;  /* among the listed ones; -1 for others */
} CountedName;

/* What the first half of the standard analysis of an ordered type leaves for the second. */
typedef struct StandardAnalysis
{
	AnalyzeAttrComputeStatsFunc compute_stats;
	void *extra_data;
	int target;
} StandardAnalysis;

static uint32
hash_name(const void *key, Size size)
{
	const SegmentMember *name = (const SegmentMember *) key;

	return hash_bytes((const unsigned char *) name->name, name->name_len);
}

/* Zero for equal names. */
static int
match_names(const void *a, const void *b, Size size)
{
	const SegmentMember *ma = (const SegmentMember *) a;
	const SegmentMember *mb = (const SegmentMember *) b;

	return segment_name_compare(ma->name, ma->name_len, mb->name, mb->name_len);
}

/* qsort comparators of pointers: the most frequent first, and by name. */
static int
by_count(const void *a, const void *b)
{
	const CountedName *ca = *(CountedName *const *) a;
	const CountedName *cb = *(CountedName *const *) b;

	if (ca->count != cb->count)
		return ca->count > cb->count ? -1 : 1;
	return match_names(&ca->name, &cb->name, 0);
}

static int
by_name(const void *a, const void *b)
{
	return match_names(&(*(CountedName *const *) a)->name, &(*(CountedName *const *) b)->name, 0);
}

/* ANALYZE's sample of rows, and memory for one value of it. */
typedef struct Sample
{
	VacAttrStatsP stats;
	AnalyzeAttrFetchFunc fetch;
	int rows;
	MemoryContext context;
} Sample;

/* The value of a row, valid until the next call; NULL where it is null or too wide. */
static SegmentSet *
fetch_set(const Sample *sample, int row)
{
	MemoryContext old_context;
	SegmentSet *set = NULL;
	bool is_null;
	Datum value;

	CdpAnalyzeDelayPoint();
	MemoryContextReset(sample->context);
	old_context = MemoryContextSwitchTo(sample->context);
	value = sample->fetch(sample->stats, row, &is_null);
	if (!is_null && toast_raw_datum_size(value) <= WIDTH_MAX)
		set = DatumGetSegmentSetP(value);
	MemoryContextSwitchTo(old_context);
	return set;
}

/* A table of CountedName in the current memory context. */
static HTAB *
make_counts(void)
{
	HASHCTL control = {0};

	control.keysize = sizeof(SegmentMember);
	control.entrysize = sizeof(CountedName);
	control.hash = hash_name;
	control.match = match_names;
	control.hcxt = CurrentMemoryContext;
	return hash_create("segments in ANALYZE", 1024, &control,
	                   HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
}

/* Takes out the names that occur no more often than once a bucket. */
static void
prune_counts(HTAB *counts, int buckets)
{
	HASH_SEQ_STATUS scan;
	CountedName *entry;

	hash_seq_init(&scan, counts);
	while ((entry = (CountedName *) hash_seq_search(&scan)) != NULL)
	{
		char *name = unconstify(char *, entry->name.name);

		if (entry->count + entry->missed > buckets)
			continue;
		hash_search(counts, &entry->name, HASH_REMOVE, NULL);
		pfree(name);
	}
}

/* Counts the names of a set, once each: a set has no repeats. *names counts all so far. */
static void
count_set(HTAB *counts, const SegmentSet *set, int64 *names)
{
	int n = segment_set_count(set);

	for (int i = 0; i < n; i++)
	{
		SegmentMember member;
		CountedName *entry;
		bool found;

		segment_set_get(set, i, &member);
		entry = (CountedName *) hash_search(counts, &member, HASH_ENTER, &found);
		if (!found)
		{
			entry->name.name = pnstrdup(member.name, member.name_len);
			entry->count = 0;
			entry->missed = (int) (*names / BUCKET);
			entry->place = -1;
		}
		entry->count++;
		if (++*names % BUCKET == 0)
			prune_counts(counts, (int) (*names / BUCKET));
	}
}

/*
 * Chooses the most frequent names, at most limit of them. Returns them in the
 * order of their bytes and sets the place of each. *left_out is the greatest
 * count that was not chosen.
 */
static CountedName **
choose_listed(HTAB *counts, int limit, int *listed, int *left_out)
{
	CountedName **all =
	    (CountedName **) palloc(Max(hash_get_num_entries(counts), 1) * sizeof(CountedName *));
	HASH_SEQ_STATUS scan;
	CountedName *entry;
	int n = 0;

	hash_seq_init(&scan, counts);
	while ((entry = (CountedName *) hash_seq_search(&scan)) != NULL)
		all[n++] = entry;
	if (n > 1)
		qsort(all, n, sizeof(CountedName *), by_count);
	*listed = Min(n, limit);
	*left_out = n > limit ? all[limit]->count : 0;
	if (*listed > 1)
		qsort(all, *listed, sizeof(CountedName *), by_name);
	for (int i = 0; i < *listed; i++)
		all[i]->place = i;
	return all;
}

/* Fills a slot of the statistics, but for its numbers; the arrays are its own. */
static void
fill_slot(VacAttrStats *stats, int slot, int16 kind, Oid type, Oid equality, Oid collation,
          Datum *values, int count)
{
	stats->stakind[slot] = kind;
	stats->staop[slot] = equality;
	stats->stacoll[slot] = collation;
	stats->stavalues[slot] = values;
	stats->numvalues[slot] = count;
	stats->statypid[slot] = type;
	stats->statyplen[slot] = -1;
	stats->statypbyval[slot] = false;
	stats->statypalign[slot] = TYPALIGN_INT;
}

/*
 * For each listed segment, a bit per row: is the row in it? The rows, at most
 * limit, are spread evenly over those that were counted. *rows is their number.
 */
static bytea **
take_bits(const Sample *sample, HTAB *counts, int counted, int listed, int limit, int *rows)
{
	bytea **bits = (bytea **) palloc(listed * sizeof(bytea *));
	int wanted = Min(Max(Min(limit, BITS_MAX / listed), 1), counted);
	Size size = VARHDRSZ + (wanted + 7) / 8;
	int seen = 0;

	for (int i = 0; i < listed; i++)
	{
		bits[i] = (bytea *) palloc0(size);
		SET_VARSIZE(bits[i], size);
	}

	*rows = 0;
	for (int row = 0; row < sample->rows && *rows < wanted; row++)
	{
		SegmentSet *set = fetch_set(sample, row);

		if (set == NULL || seen++ < (int64) *rows * counted / wanted)
			continue;
		for (int i = 0; i < segment_set_count(set); i++)
		{
			SegmentMember member;
			CountedName *entry;

			segment_set_get(set, i, &member);
			entry = (CountedName *) hash_search(counts, &member, HASH_FIND, NULL);
			if (entry != NULL && entry->place >= 0)
				VARDATA(bits[entry->place])[*rows / 8] |= 1 << (*rows % 8);
		}
		(*rows)++;
	}
	return bits;
}

/* A slot of STATISTIC_KIND_MCELEM. Allocated in the current memory context. */
static void
fill_names(VacAttrStats *stats, int slot, CountedName **chosen, int listed, int counted)
{
	Datum *names = (Datum *) palloc(listed * sizeof(Datum));
	float4 *numbers = (float4 *) palloc((listed + 2) * sizeof(float4));

	numbers[listed] = 1;
	numbers[listed + 1] = 0;
	for (int i = 0; i < listed; i++)
	{
		const SegmentMember *name = &chosen[i]->name;

		names[i] = PointerGetDatum(cstring_to_text_with_len(name->name, name->name_len));
		numbers[i] = (float4) ((double) chosen[i]->count / counted);
		numbers[listed] = Min(numbers[listed], numbers[i]);
		numbers[listed + 1] = Max(numbers[listed + 1], numbers[i]);
	}
	fill_slot(stats, slot, STATISTIC_KIND_MCELEM, TEXTOID, TextEqualOperator, C_COLLATION_OID,
	          names, listed);
	stats->stanumbers[slot] = numbers;
	stats->numnumbers[slot] = listed + 2;
}

/*
 * A slot of SEGMENT_STATISTIC_KIND_SAMPLE; unlisted is how many rows may have had
 * a segment that is not listed. Allocated in the current memory context.
 */
static void
fill_bits(VacAttrStats *stats, int slot, bytea **bits, int listed, int rows, int counted,
          double unlisted)
{
	Datum *values = (Datum *) palloc(listed * sizeof(Datum));
	float4 *numbers = (float4 *) palloc(SEGMENT_SAMPLE_NUMBERS * sizeof(float4));

	for (int i = 0; i < listed; i++)
		values[i] = datumCopy(PointerGetDatum(bits[i]), false, -1);
	numbers[SEGMENT_SAMPLE_ROWS] = (float4) rows;
	numbers[SEGMENT_SAMPLE_FROM] = (float4) counted;
	numbers[SEGMENT_SAMPLE_UNLISTED] = (float4) (unlisted / counted);
	fill_slot(stats, slot, SEGMENT_STATISTIC_KIND_SAMPLE, BYTEAOID, ByteaEqualOperator, InvalidOid,
	          values, listed);
	stats->stanumbers[slot] = numbers;
	stats->numnumbers[slot] = SEGMENT_SAMPLE_NUMBERS;
}

/* compute_stats: the standard statistics, then the two slots of segment_stats.h. */
static void
compute_segment_stats(VacAttrStatsP stats, AnalyzeAttrFetchFunc fetchfunc, int samplerows,
                      double totalrows)
{
	StandardAnalysis *standard = (StandardAnalysis *) stats->extra_data;
	Sample sample = {stats, fetchfunc, samplerows};
	HTAB *counts;
	MemoryContext old_context;
	CountedName **chosen;
	bytea **bits;
	int counted = 0;
	int64 occurrences = 0;
	double unlisted;
	int listed;
	int rows;
	int left_out;
	int slot = 0;

	stats->extra_data = standard->extra_data;
	standard->compute_stats(stats, fetchfunc, samplerows, totalrows);
	stats->extra_data = standard;
	while (slot < STATISTIC_NUM_SLOTS && stats->stakind[slot] != 0)
		slot++;
	if (slot + 1 >= STATISTIC_NUM_SLOTS)
		return;

	sample.context = AllocSetContextCreate(CurrentMemoryContext, "segment set in ANALYZE",
	                                       ALLOCSET_DEFAULT_SIZES);
	counts = make_counts();
	for (int row = 0; row < samplerows; row++)
	{
		SegmentSet *set = fetch_set(&sample, row);

		if (set != NULL)
		{
			count_set(counts, set, &occurrences);
			counted++;
		}
	}
	chosen = choose_listed(counts, LISTED_PER_TARGET * standard->target, &listed, &left_out);
	if (listed == 0)
		return;
	bits = take_bits(&sample, counts, counted, listed, ROWS_PER_TARGET * standard->target, &rows);

	/* a segment that was in no row may still be in less than one: a half, for a guess */
	unlisted = Max(left_out, occurrences / BUCKET);
	old_context = MemoryContextSwitchTo(stats->anl_context);
	fill_names(stats, slot, chosen, listed, counted);
	fill_bits(stats, slot + 1, bits, listed, rows, counted, Max(unlisted, 0.5));
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(sample.context);
}

/*
 * cdp.segment_set_typanalyze(internal): prepares what ANALYZE computes for a
 * column of segment_set.
 */
Datum
segment_set_typanalyze(PG_FUNCTION_ARGS)
{
	VacAttrStats *stats = (VacAttrStats *) PG_GETARG_POINTER(0);
	StandardAnalysis *standard;

	if (!std_typanalyze(stats))
		PG_RETURN_BOOL(false);
	standard = (StandardAnalysis *) palloc(sizeof(StandardAnalysis));
	standard->compute_stats = stats->compute_stats;
	standard->extra_data = stats->extra_data;
	standard->target = CdpStatisticsTarget(stats);
	stats->compute_stats = compute_segment_stats;
	stats->extra_data = standard;
	PG_RETURN_BOOL(true);
}
