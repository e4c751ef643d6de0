/*
 * segment_selectivity.c
 *	  Restriction selectivity of the operators of cdp.segment_set, from the
 *	  statistics of segment_stats.h.
 *
 * Every operator with a constant is taken for a segment_query. Two estimates
 * are made of it. One takes segments for independent and multiplies their
 * frequencies, which are exact to a row of ANALYZE's sample. The other counts
 * the rows of the smaller sample for which the query holds. It knows how
 * segments depend on one another, but is coarse. The first is taken where the
 * second does not refute it.
 */
#include "types/segment_query.h"
#include "types/segment_stats.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "port/pg_bitutils.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(segment_set_matches_sel);
PG_FUNCTION_INFO_V1(segment_set_has_any_sel);
PG_FUNCTION_INFO_V1(segment_set_has_all_sel);
PG_FUNCTION_INFO_V1(segment_set_has_only_sel);

extern Datum segment_set_in(PG_FUNCTION_ARGS);
extern Datum segment_query_in(PG_FUNCTION_ARGS);

/* The statistics of a column; listed = 0 where there are none, or damaged ones. */
typedef struct SegmentStatistics
{
	HeapTuple tuple; /* of pg_statistic, or NULL */
	double null_fraction;
	AttStatsSlot names;
	int listed;      /* segments in names */
	double unlisted; /* frequency of any other */
	AttStatsSlot bits;
	int rows; /* of the sample in bits; 0 where there is none, or none was read */
	int from; /* rows that the sample was taken from */
} SegmentStatistics;

/* What of the statistics belongs to an item of a query: listed segments first to end - 1. */
typedef struct ListedRange
{
	int first;
	int end;
} ListedRange;

/* Is this a plain value, as ANALYZE puts into an array? Its size goes to *size. */
static bool
is_plain(Datum value, int *size)
{
	struct varlena *v = (struct varlena *) DatumGetPointer(value);

	if (VARATT_IS_EXTERNAL(v) || VARATT_IS_COMPRESSED(v))
		return false;
	*size = VARSIZE_ANY_EXHDR(v);
	return true;
}

/*
 * Reads the statistics, without the sample. Statistics in another form than
 * ANALYZE's are ignored: they may be written by hand, or come from another
 * version.
 */
static void
read_statistics(const VariableStatData *vardata, SegmentStatistics *statistics)
{
	HeapTuple tuple = vardata->statsTuple;
	AttStatsSlot sample;
	double lowest = 1;
	int size;

	memset(statistics, 0, sizeof(*statistics));
	statistics->tuple = tuple;
	statistics->unlisted = DEFAULT_MATCHING_SEL;
	if (!HeapTupleIsValid(tuple))
		return;
	statistics->null_fraction = ((Form_pg_statistic) GETSTRUCT(tuple))->stanullfrac;
	if (!(statistics->null_fraction >= 0 && statistics->null_fraction <= 1))
		statistics->null_fraction = 0;

	if (!get_attstatsslot(&statistics->names, tuple, STATISTIC_KIND_MCELEM, InvalidOid,
	                      ATTSTATSSLOT_VALUES | ATTSTATSSLOT_NUMBERS))
		return;
	if (statistics->names.valuetype != TEXTOID ||
	    statistics->names.nnumbers < statistics->names.nvalues + 2)
		return;
	for (int i = 0; i < statistics->names.nvalues; i++)
	{
		float4 frequency = statistics->names.numbers[i];

		if (!is_plain(statistics->names.values[i], &size) || !(frequency >= 0 && frequency <= 1))
			return;
		lowest = Min(lowest, frequency);
	}
	statistics->listed = statistics->names.nvalues;
	statistics->unlisted = Min(lowest / 2, DEFAULT_MATCHING_SEL);
	if (get_attstatsslot(&sample, tuple, SEGMENT_STATISTIC_KIND_SAMPLE, InvalidOid,
	                     ATTSTATSSLOT_NUMBERS))
	{
		if (sample.nnumbers == SEGMENT_SAMPLE_NUMBERS &&
		    sample.numbers[SEGMENT_SAMPLE_UNLISTED] >= 0 &&
		    sample.numbers[SEGMENT_SAMPLE_UNLISTED] <= 1)
			statistics->unlisted = sample.numbers[SEGMENT_SAMPLE_UNLISTED];
		free_attstatsslot(&sample);
	}
}

/* Reads the sample, too, where there is one that belongs to the rest. */
static void
read_sample(SegmentStatistics *statistics)
{
	AttStatsSlot *bits = &statistics->bits;
	float4 rows;
	float4 from;

	if (statistics->listed == 0 ||
	    !get_attstatsslot(bits, statistics->tuple, SEGMENT_STATISTIC_KIND_SAMPLE, InvalidOid,
	                      ATTSTATSSLOT_VALUES | ATTSTATSSLOT_NUMBERS))
		return;
	if (bits->valuetype != BYTEAOID || bits->nvalues != statistics->listed ||
	    bits->nnumbers != SEGMENT_SAMPLE_NUMBERS)
		return;
	/* a float4 counts to 2^24 */
	rows = bits->numbers[SEGMENT_SAMPLE_ROWS];
	from = bits->numbers[SEGMENT_SAMPLE_FROM];
	if (!(rows >= 1 && rows <= from && from <= 1 << 24))
		return;
	for (int i = 0; i < statistics->listed; i++)
	{
		int size;

		if (!is_plain(bits->values[i], &size) || size != ((int) rows + 7) / 8)
			return;
	}
	statistics->rows = (int) rows;
	statistics->from = (int) from;
}

static void
free_statistics(SegmentStatistics *statistics)
{
	free_attstatsslot(&statistics->names);
	free_attstatsslot(&statistics->bits);
}

/* The first listed segment from which on no name is before this text, in the order of bytes. */
static int
first_not_before(const SegmentStatistics *statistics, const char *name, int len)
{
	int low = 0;
	int high = statistics->listed;

	while (low < high)
	{
		int middle = (low + high) / 2;
		char *listed = DatumGetPointer(statistics->names.values[middle]);

		if (segment_name_compare(VARDATA_ANY(listed), VARSIZE_ANY_EXHDR(listed), name, len) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The listed segments that an item of a query names. */
static ListedRange
find_range(const SegmentStatistics *statistics, const SegmentQuery *query, int i)
{
	bool prefix = query->items[i].kind == SEGMENT_QUERY_PREFIX;
	ListedRange range;
	const char *name;
	int len;

	name = segment_query_name(query, i, &len);
	range.first = range.end = first_not_before(statistics, name, len);
	for (; range.end < statistics->listed; range.end++)
	{
		char *listed = DatumGetPointer(statistics->names.values[range.end]);
		int listed_len = VARSIZE_ANY_EXHDR(listed);

		if (listed_len < len || (!prefix && listed_len > len) ||
		    memcmp(VARDATA_ANY(listed), name, len) != 0)
			break;
	}
	return range;
}

/* How often an item's segment, or one of its prefix, is there, if segments are independent. */
static double
item_frequency(const SegmentStatistics *statistics, const ListedRange *range)
{
	double without = 1;

	if (range->first == range->end)
		return statistics->unlisted;
	for (int i = range->first; i < range->end; i++)
		without *= 1 - statistics->names.numbers[i];
	return 1 - without;
}

/* How often the query holds, if segments are independent of one another. */
static double
independent_estimate(const SegmentQuery *query, const SegmentStatistics *statistics,
                     const ListedRange *ranges)
{
	struct
	{
		double value; /* of an AND: do the operands so far hold? Of an OR: does none? */
		int item;
	} open[SEGMENT_QUERY_MAX_DEPTH];
	int depth = 0;

	for (int i = 0;;)
	{
		const SegmentQueryItem *item = &query->items[i];
		double value;

		if (SEGMENT_QUERY_IS_OPERATOR(item))
		{
			if (depth == SEGMENT_QUERY_MAX_DEPTH)
				return DEFAULT_MATCHING_SEL;
			open[depth].value = 1;
			open[depth].item = i++;
			depth++;
			continue;
		}
		value = item_frequency(statistics, &ranges[i++]);
		for (;;)
		{
			if (item->negated)
				value = 1 - value;
			if (depth == 0)
				return value;
			item = &query->items[open[depth - 1].item];
			open[depth - 1].value *= item->kind == SEGMENT_QUERY_AND ? value : 1 - value;
			if (i < open[depth - 1].item + 1 + item->size)
				break;
			depth--;
			value = item->kind == SEGMENT_QUERY_AND ? open[depth].value : 1 - open[depth].value;
		}
	}
}

/* What an operand of the query needs to know to count in the sample. */
typedef struct SampleWord
{
	const SegmentStatistics *statistics;
	const ListedRange *ranges;
	int word; /* which 64 rows */
} SampleWord;

/* 64 rows' bits, in the machine's order of bytes; zeros beyond the end. */
static inline uint64
load_word(const char *bytes, int size, int word)
{
	uint64 value = 0;

	memcpy(&value, bytes + word * 8, Min(size - word * 8, 8));
	return value;
}

/* Which of the 64 rows are in the item's segment? An operand of segment_query_evaluate. */
static uint64
rows_of_item(const SegmentQuery *query, int i, void *context)
{
	const SampleWord *sample = (const SampleWord *) context;
	const ListedRange *range = &sample->ranges[i];
	uint64 rows = 0;

	for (int n = range->first; n < range->end; n++)
	{
		char *bits = DatumGetPointer(sample->statistics->bits.values[n]);

		rows |= load_word(VARDATA_ANY(bits), VARSIZE_ANY_EXHDR(bits), sample->word);
	}
	return rows;
}

/* On how many rows of the sample does the query hold? */
static int
count_in_sample(const SegmentQuery *query, const SegmentStatistics *statistics,
                const ListedRange *ranges)
{
	SampleWord sample = {statistics, ranges};
	int words = (statistics->rows + 63) / 64;
	int count = 0;

	for (sample.word = 0; sample.word < words; sample.word++)
	{
		uint64 rows =
		    segment_query_evaluate(query, SEGMENT_QUERY_TWO_VALUED, rows_of_item, &sample);
		int here = Min(statistics->rows - sample.word * 64, 64);

		if (here < 64)
		{
			char present[8] = {0};

			memset(present, 0xff, here / 8);
			if (here % 8 > 0)
				present[here / 8] = (char) ((1 << (here % 8)) - 1);
			rows &= load_word(present, 8, 0);
		}
		count += pg_popcount64(rows);
	}
	return count;
}

/*
 * The part of the non-null values for which the query holds.
 *
 * A count of m in the sample is that of a Poisson process. Its square root has
 * a standard deviation of about 1/2 (Anscombe 1948). The count does not refute
 * expectations within two of these around m. An estimate outside is replaced by
 * the sample's own. Where the sample is all that ANALYZE saw, its estimate is
 * always taken.
 */
static double
estimate_query(const SegmentQuery *query, SegmentStatistics *statistics)
{
	ListedRange *ranges = (ListedRange *) palloc0(query->count * sizeof(ListedRange));
	double independent;
	double result;

	for (int i = 0; i < query->count; i++)
	{
		if (!SEGMENT_QUERY_IS_OPERATOR(&query->items[i]))
			ranges[i] = find_range(statistics, query, i);
	}
	independent = result = independent_estimate(query, statistics, ranges);

	/* of one segment alone the frequency says all */
	if (query->count > 1 || query->items[0].kind == SEGMENT_QUERY_PREFIX)
		read_sample(statistics);
	if (statistics->rows > 0)
	{
		int count = count_in_sample(query, statistics, ranges);
		double expected = independent * statistics->rows;
		double low = Max(sqrt(count) - 1, 0);
		double high = sqrt(count + 1) + 1;

		if (statistics->rows == statistics->from || expected < low * low || expected > high * high)
			result = Max((double) count / statistics->rows, 0.5 / statistics->from);
	}
	pfree(ranges);
	return result;
}

/* Names in the arguments of an operator. */
typedef struct AskedNames
{
	SegmentMember *names;
	int count;
	bool impossible; /* one was left out, since no segment can have it */
} AskedNames;

static void
ask_for(AskedNames *asked, const char *name, int len)
{
	if (len == 0 || len > SEGMENT_NAME_MAX)
		asked->impossible = true;
	else
	{
		asked->names[asked->count].name = name;
		asked->names[asked->count++].name_len = len;
	}
}

/* Is this type cdp's own with this input function? Operators of others may come here, too. */
static bool
type_reads_with(Oid type, PGFunction input)
{
	HeapTuple tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	FmgrInfo function;

	if (!HeapTupleIsValid(tuple))
		return false;
	fmgr_info(((Form_pg_type) GETSTRUCT(tuple))->typinput, &function);
	ReleaseSysCache(tuple);
	return function.fn_addr == input;
}

/* The names in a constant of text, text[] or segment_set; false for any other. */
static bool
names_of_constant(const Const *constant, AskedNames *asked)
{
	Oid type = getBaseType(constant->consttype);

	asked->count = 0;
	asked->impossible = false;
	if (type == TEXTOID)
	{
		text *name = DatumGetTextPP(constant->constvalue);

		asked->names = (SegmentMember *) palloc(sizeof(SegmentMember));
		ask_for(asked, VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
	}
	else if (type == TEXTARRAYOID)
	{
		Datum *elements;
		bool *nulls;
		int count;

		deconstruct_array(DatumGetArrayTypeP(constant->constvalue), TEXTOID, -1, false,
		                  TYPALIGN_INT, &elements, &nulls, &count);
		count = Min(count, SEGMENT_QUERY_MAX_NAMES);
		asked->names = (SegmentMember *) palloc(Max(count, 1) * sizeof(SegmentMember));
		for (int i = 0; i < count; i++)
		{
			if (!nulls[i])
				ask_for(asked, VARDATA_ANY(DatumGetPointer(elements[i])),
				        VARSIZE_ANY_EXHDR(DatumGetPointer(elements[i])));
		}
	}
	else if (type_reads_with(type, segment_set_in))
	{
		SegmentSet *set = DatumGetSegmentSetP(constant->constvalue);
		int count = Min(segment_set_count(set), SEGMENT_QUERY_MAX_NAMES);

		asked->names = (SegmentMember *) palloc(Max(count, 1) * sizeof(SegmentMember));
		for (int i = 0; i < count; i++)
			segment_set_get(set, i, &asked->names[asked->count++]);
	}
	else
		return false;
	return true;
}

/* All or any of these names: the part of the non-null values. */
static double
estimate_names(uint8 kind, const AskedNames *asked, SegmentStatistics *statistics)
{
	if (kind == SEGMENT_QUERY_AND && asked->impossible)
		return 0;
	if (asked->count == 0)
		return kind == SEGMENT_QUERY_AND ? 1 : 0;
	return estimate_query(segment_query_build(kind, asked->names, asked->count), statistics);
}

/* Only these names: a set without any other listed one. */
static double
estimate_only(const AskedNames *asked, SegmentStatistics *statistics)
{
	AskedNames others = {0};
	int next = 0;

	if (statistics->listed == 0)
		return DEFAULT_MATCHING_SEL;
	others.names = (SegmentMember *) palloc(statistics->listed * sizeof(SegmentMember));
	/* both are in the order of their bytes */
	for (int i = 0; i < statistics->listed && others.count < SEGMENT_QUERY_MAX_NAMES; i++)
	{
		char *listed = DatumGetPointer(statistics->names.values[i]);
		int order = -1;

		for (; next < asked->count; next++)
		{
			order = segment_name_compare(VARDATA_ANY(listed), VARSIZE_ANY_EXHDR(listed),
			                             asked->names[next].name, asked->names[next].name_len);
			if (order <= 0)
				break;
		}
		if (order != 0)
			ask_for(&others, VARDATA_ANY(listed), VARSIZE_ANY_EXHDR(listed));
	}
	if (others.count == 0)
		return 1;
	return 1 - estimate_names(SEGMENT_QUERY_OR, &others, statistics);
}

/* What an operator asks of the column. */
typedef enum Question
{
	ASKS_QUERY, /* @@ */
	ASKS_ANY,   /* ?, ?|, && */
	ASKS_ALL,   /* ?&, @> */
	ASKS_ONLY   /* <@ */
} Question;

/*
 * The selectivity of an operator: its arguments are those of any restriction
 * estimator. Without a constant, or of a type that is not expected, a default.
 */
static double
estimate(FunctionCallInfo fcinfo, Question question)
{
	PlannerInfo *root = (PlannerInfo *) PG_GETARG_POINTER(0);
	List *args = (List *) PG_GETARG_POINTER(2);
	VariableStatData vardata;
	SegmentStatistics statistics;
	AskedNames asked;
	Node *other;
	bool column_on_left;
	double result = DEFAULT_MATCHING_SEL;

	if (!get_restriction_variable(root, args, PG_GETARG_INT32(3), &vardata, &other,
	                              &column_on_left))
		return result;
	if (!IsA(other, Const))
	{
		ReleaseVariableStats(vardata);
		return result;
	}
	if (((Const *) other)->constisnull)
	{
		ReleaseVariableStats(vardata);
		return 0;
	}

	/* a constant @> column asks what column <@ constant does */
	if (!column_on_left && question == ASKS_ALL)
		question = ASKS_ONLY;
	else if (!column_on_left && question == ASKS_ONLY)
		question = ASKS_ALL;

	read_statistics(&vardata, &statistics);
	if (question == ASKS_QUERY)
	{
		if (type_reads_with(getBaseType(((Const *) other)->consttype), segment_query_in))
			result =
			    estimate_query(DatumGetSegmentQueryP(((Const *) other)->constvalue), &statistics);
	}
	else if (names_of_constant((Const *) other, &asked))
		result = question == ASKS_ANY   ? estimate_names(SEGMENT_QUERY_OR, &asked, &statistics)
		         : question == ASKS_ALL ? estimate_names(SEGMENT_QUERY_AND, &asked, &statistics)
		                                : estimate_only(&asked, &statistics);
	result *= 1 - statistics.null_fraction;
	free_statistics(&statistics);
	ReleaseVariableStats(vardata);
	CLAMP_PROBABILITY(result);
	return result;
}

/* The estimators, for RESTRICT of CREATE OPERATOR. */
Datum
segment_set_matches_sel(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(estimate(fcinfo, ASKS_QUERY));
}

Datum
segment_set_has_any_sel(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(estimate(fcinfo, ASKS_ANY));
}

Datum
segment_set_has_all_sel(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(estimate(fcinfo, ASKS_ALL));
}

Datum
segment_set_has_only_sel(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(estimate(fcinfo, ASKS_ONLY));
}
