/*
 * segment_gin.c
 *	  The GIN operator class of cdp.segment_set, for @@ (which it knows as @@@, see
 *	  segment_index.c), ?, ?|, ?&, @> and &&.
 *
 * The keys of a set are its names, as text in the order of their bytes
 * (bttext_pattern_cmp). So the index alone answers the operators, and no row of
 * the table is rechecked. The exception is a scan that has lost track of single
 * rows.
 */
#include "types/segment_query.h"

#include "access/gin.h"
#include "access/stratnum.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(segment_set_gin_extract_value);
PG_FUNCTION_INFO_V1(segment_set_gin_extract_query);
PG_FUNCTION_INFO_V1(segment_set_gin_consistent);
PG_FUNCTION_INFO_V1(segment_set_gin_triconsistent);
PG_FUNCTION_INFO_V1(segment_set_gin_compare_partial);

/* Strategies, as the operator class numbers its operators. */
#define STRATEGY_MATCHES 1  /* segments @@@ segment_query */
#define STRATEGY_HAS 2      /* segments ? text */
#define STRATEGY_HAS_ANY 3  /* segments ?| text[] */
#define STRATEGY_HAS_ALL 4  /* segments ?& text[] */
#define STRATEGY_CONTAINS 5 /* segments @> segment_set */
#define STRATEGY_OVERLAPS 6 /* segments && segment_set */

/* Do all keys have to be there, or one? Of the strategies other than @@. */
static inline bool
needs_all(StrategyNumber strategy)
{
	return strategy != STRATEGY_HAS_ANY && strategy != STRATEGY_OVERLAPS;
}

/* The keys of a set: its names. */
static Datum *
keys_of_set(const SegmentSet *set, int32 *count)
{
	Datum *keys;

	*count = segment_set_count(set);
	keys = (Datum *) palloc(Max(*count, 1) * sizeof(Datum));
	for (int i = 0; i < *count; i++)
	{
		SegmentMember member;

		segment_set_get(set, i, &member);
		keys[i] = PointerGetDatum(cstring_to_text_with_len(member.name, member.name_len));
	}
	return keys;
}

/* extractValue: set, number of keys (out) -> keys. */
Datum
segment_set_gin_extract_value(PG_FUNCTION_ARGS)
{
	SegmentSet *set = PG_GETARG_SEGMENT_SET_P(0);
	int32 *count = (int32 *) PG_GETARG_POINTER(1);

	PG_RETURN_POINTER(keys_of_set(set, count));
}

/* Is the name or prefix missing? An operand of segment_query_evaluate. */
static uint64
has_nothing(const SegmentQuery *query, int i, void *context)
{
	return SEGMENT_QUERY_FALSE;
}

/*
 * The meaning of a query's keys: the extra data of each of them. Most queries
 * are one operator on names, negated or not, and need no evaluation of an
 * expression for each candidate.
 */
typedef struct QueryKeys
{
	bool flat;           /* the query is true if all, or any, of its operands are */
	bool needs_all;      /* flat: all */
	const bool *negated; /* flat: of each key */
	int32 *key_of_item;  /* the key's number, of each item that is no operator */
} QueryKeys;

/*
 * The keys of a query: its names and prefixes, in the order of its items. *partial
 * tells which are prefixes, *extra has the same QueryKeys for each.
 */
static Datum *
keys_of_query(const SegmentQuery *query, int32 *count, bool **partial, Pointer **extra)
{
	Datum *keys = (Datum *) palloc(query->count * sizeof(Datum));
	bool *negated = (bool *) palloc(query->count * sizeof(bool));
	QueryKeys *meaning = (QueryKeys *) palloc(sizeof(QueryKeys));

	*partial = (bool *) palloc(query->count * sizeof(bool));
	*extra = (Pointer *) palloc(query->count * sizeof(Pointer));
	meaning->flat = true;
	meaning->needs_all = query->items[0].kind != SEGMENT_QUERY_OR;
	meaning->negated = negated;
	meaning->key_of_item = (int32 *) palloc0(query->count * sizeof(int32));
	*count = 0;
	for (int i = 0; i < query->count; i++)
	{
		const SegmentQueryItem *item = &query->items[i];
		const char *name;
		int len;

		if (SEGMENT_QUERY_IS_OPERATOR(item))
		{
			meaning->flat = i == 0 && !item->negated;
			continue;
		}
		name = segment_query_name(query, i, &len);
		keys[*count] = PointerGetDatum(cstring_to_text_with_len(name, len));
		negated[*count] = item->negated;
		(*partial)[*count] = item->kind == SEGMENT_QUERY_PREFIX;
		(*extra)[*count] = (Pointer) meaning;
		meaning->key_of_item[i] = (*count)++;
	}
	return keys;
}

/* The keys of a text[], nulls left out. */
static Datum *
keys_of_array(ArrayType *array, int32 *count)
{
	Datum *elements;
	bool *nulls;
	int n;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &n);
	*count = 0;
	for (int i = 0; i < n; i++)
	{
		if (!nulls[i])
			elements[(*count)++] = elements[i];
	}
	return elements;
}

/*
 * extractQuery: query, number of keys (out), strategy, are keys prefixes?
 * (out), extra data (out), are keys null? (out), search mode (out) -> keys.
 * Where a set without any of the keys matches, only a scan of the whole index
 * finds it.
 */
Datum
segment_set_gin_extract_query(PG_FUNCTION_ARGS)
{
	int32 *count = (int32 *) PG_GETARG_POINTER(1);
	StrategyNumber strategy = PG_GETARG_UINT16(2);
	int32 *search_mode = (int32 *) PG_GETARG_POINTER(6);
	Datum *keys;
	bool holds_without;

	switch (strategy)
	{
		case STRATEGY_MATCHES:
		{
			SegmentQuery *query = PG_GETARG_SEGMENT_QUERY_P(0);

			keys = keys_of_query(query, count, (bool **) PG_GETARG_POINTER(3),
			                     (Pointer **) PG_GETARG_POINTER(4));
			holds_without = segment_query_evaluate(query, SEGMENT_QUERY_TWO_VALUED, has_nothing,
			                                       NULL) != SEGMENT_QUERY_FALSE;
			break;
		}
		case STRATEGY_HAS:
			keys = (Datum *) palloc(sizeof(Datum));
			keys[0] = PG_GETARG_DATUM(0);
			*count = 1;
			holds_without = false;
			break;
		case STRATEGY_HAS_ANY:
		case STRATEGY_HAS_ALL:
			keys = keys_of_array(PG_GETARG_ARRAYTYPE_P(0), count);
			holds_without = needs_all(strategy) && *count == 0;
			break;
		case STRATEGY_CONTAINS:
		case STRATEGY_OVERLAPS:
			keys = keys_of_set(PG_GETARG_SEGMENT_SET_P(0), count);
			holds_without = needs_all(strategy) && *count == 0;
			break;
		default:
			elog(ERROR, "unknown strategy %d of a GIN index on segment_set", strategy);
	}
	*search_mode = holds_without ? GIN_SEARCH_MODE_ALL : GIN_SEARCH_MODE_DEFAULT;
	PG_RETURN_POINTER(keys);
}

/* Which of a query's keys a set has, as far as that is known. */
typedef struct KnownKeys
{
	const GinTernaryValue *keys;
	const int32 *key_of_item;
} KnownKeys;

/* Is the key of this item there? An operand of segment_query_evaluate. */
static uint64
key_is_there(const SegmentQuery *query, int i, void *context)
{
	const KnownKeys *known = (const KnownKeys *) context;
	GinTernaryValue value = known->keys[known->key_of_item[i]];

	return value == GIN_TRUE    ? SEGMENT_QUERY_TRUE
	       : value == GIN_FALSE ? SEGMENT_QUERY_FALSE
	                            : SEGMENT_QUERY_MAYBE;
}

/* Are all keys there, or one? Negated ones, where given, must not be there. */
static GinTernaryValue
flat_holds(bool all, const GinTernaryValue *keys, const bool *negated, int32 count)
{
	GinTernaryValue result = all ? GIN_TRUE : GIN_FALSE;

	for (int32 i = 0; i < count; i++)
	{
		bool value = (keys[i] == GIN_TRUE) != (negated != NULL && negated[i]);

		if (keys[i] == GIN_MAYBE)
			result = GIN_MAYBE;
		else if (value != all)
			return value ? GIN_TRUE : GIN_FALSE;
	}
	return result;
}

/*
 * Does the query hold of a set with these keys? consistent and triconsistent
 * share this function, so that they agree. Where every key is known to be there
 * or not, the result is true or false.
 */
static GinTernaryValue
query_holds(StrategyNumber strategy, Datum query_datum, const GinTernaryValue *keys, int32 count,
            const Pointer *extra)
{
	const QueryKeys *meaning;
	SegmentQuery *query;
	KnownKeys known;
	uint64 value;

	if (strategy != STRATEGY_MATCHES)
		return flat_holds(needs_all(strategy), keys, NULL, count);
	meaning = (const QueryKeys *) extra[0];
	if (meaning->flat)
		return flat_holds(meaning->needs_all, keys, meaning->negated, count);

	query = DatumGetSegmentQueryP(query_datum);
	known.keys = keys;
	known.key_of_item = meaning->key_of_item;
	value = segment_query_evaluate(query, SEGMENT_QUERY_THREE_VALUED, key_is_there, &known);
	return value == SEGMENT_QUERY_FALSE   ? GIN_FALSE
	       : value == SEGMENT_QUERY_MAYBE ? GIN_MAYBE
	                                      : GIN_TRUE;
}

/*
 * consistent: keys that are there, strategy, query, number of keys, extra data,
 * must the row be rechecked? (out).
 */
Datum
segment_set_gin_consistent(PG_FUNCTION_ARGS)
{
	/* a boolean is a GIN_TRUE or GIN_FALSE, as in the core's own use of these arrays */
	const GinTernaryValue *keys = (const GinTernaryValue *) PG_GETARG_POINTER(0);
	bool *recheck = (bool *) PG_GETARG_POINTER(5);

	*recheck = false;
	PG_RETURN_BOOL(query_holds(PG_GETARG_UINT16(1), PG_GETARG_DATUM(2), keys, PG_GETARG_INT32(3),
	                           (const Pointer *) PG_GETARG_POINTER(4)) == GIN_TRUE);
}

/* triconsistent: what is known of the keys, strategy, query, number of keys, extra data. */
Datum
segment_set_gin_triconsistent(PG_FUNCTION_ARGS)
{
	const GinTernaryValue *keys = (const GinTernaryValue *) PG_GETARG_POINTER(0);

	PG_RETURN_GIN_TERNARY_VALUE(query_holds(PG_GETARG_UINT16(1), PG_GETARG_DATUM(2), keys,
	                                        PG_GETARG_INT32(3),
	                                        (const Pointer *) PG_GETARG_POINTER(4)));
}

/*
 * comparePartial: prefix, key, strategy, extra data -> 0 where the key has the
 * prefix, 1 where no key behind it does. The scan starts at the prefix.
 */
Datum
segment_set_gin_compare_partial(PG_FUNCTION_ARGS)
{
	text *prefix = PG_GETARG_TEXT_PP(0);
	text *key = PG_GETARG_TEXT_PP(1);
	int len = VARSIZE_ANY_EXHDR(prefix);
	bool matches =
	    VARSIZE_ANY_EXHDR(key) >= len && memcmp(VARDATA_ANY(key), VARDATA_ANY(prefix), len) == 0;

	PG_FREE_IF_COPY(prefix, 0);
	PG_FREE_IF_COPY(key, 1);
	PG_RETURN_INT32(matches ? 0 : 1);
}
