/*
 * bounded_text.c
 *	  How long the text of a value is, before it is made. A number takes a few bytes in a
 *	  jsonb or an array, and may have 130,000 digits in its text.
 */
#include "expression/bounds.h"

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "types/computed.h"
#include "types/ltv.h"
#include "types/traits.h"
#include "utils/array.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/multirangetypes.h"
#include "utils/rangetypes.h"
#include "utils/typcache.h"

/* The bytes of a separator, of quotes and the like, of an element of an array or a range. */
#define MARKS 8

/* How often longer the text of a value is that has no numbers in it: escapes, as in a JSON string. */
#define TEXT_FACTOR 6

bool
bounded_text_is_long(Oid type)
{
	Oid part;

	type = getBaseType(type);
	if (type == JSONBOID)
		return true;
	if (OidIsValid(part = get_element_type(type)) || OidIsValid(part = get_range_subtype(type)) ||
	    OidIsValid(part = get_multirange_range(type)))
		return part == NUMERICOID || bounded_text_is_long(part);
	return false;
}

bool
bounded_text_is_unknown(Oid type)
{
	Oid part;
	Oid output;
	bool is_varlena;
	FmgrInfo info;

	type = getBaseType(type);
	if (OidIsValid(part = get_element_type(type)))
		return bounded_text_is_unknown(part);
	if (type < FirstNormalObjectId || type_is_rowtype(type))
		return false;
	getTypeOutputInfo(type, &output, &is_varlena);
	fmgr_info(output, &info);
	return info.fn_addr == traits_out || info.fn_addr == computed_out || info.fn_addr == ltv_out;
}

static int64
numeric_text_length(Numeric number)
{
	return strlen(DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(number))));
}

/* Whether the text of a jsonb may have more than limit bytes; pretty: as jsonb_pretty writes it. */
bool
bounded_json_exceeds(Jsonb *json, bool pretty, int64 limit)
{
	JsonbIterator *iterator = JsonbIteratorInit(&json->root);
	JsonbIteratorToken token;
	JsonbValue value;
	int64 length = 0;
	int64 depth = 0;

	while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE)
	{
		CHECK_FOR_INTERRUPTS();
		if (token == WJB_BEGIN_ARRAY || token == WJB_BEGIN_OBJECT)
			depth++;
		else if (token == WJB_END_ARRAY || token == WJB_END_OBJECT)
			depth--;
		length += MARKS + (pretty ? 4 * depth : 0);
		if (token == WJB_KEY || token == WJB_VALUE || token == WJB_ELEM)
		{
			if (value.type == jbvString)
				length += value.val.string.len;
			else if (value.type == jbvNumeric)
				length += numeric_text_length(value.val.numeric);
		}
		if (length > limit)
			return true;
	}
	return false;
}

/* The length of the text of a range's bounds, if they are numbers. */
static int64
range_text_length(const RangeType *range)
{
	TypeCacheEntry *cache = lookup_type_cache(RangeTypeGetOid(range), TYPECACHE_RANGE_INFO);
	RangeBound lower;
	RangeBound upper;
	bool empty;
	int64 length = 2 * MARKS;

	range_deserialize(cache, range, &lower, &upper, &empty);
	if (cache->rngelemtype->type_id != NUMERICOID || empty)
		return length;
	if (!lower.infinite)
		length += numeric_text_length(DatumGetNumeric(lower.val));
	if (!upper.infinite)
		length += numeric_text_length(DatumGetNumeric(upper.val));
	return length;
}

static bool
multirange_exceeds(MultirangeType *multirange, int64 limit)
{
	TypeCacheEntry *cache =
	    lookup_type_cache(MultirangeTypeGetOid(multirange), TYPECACHE_MULTIRANGE_INFO);
	RangeType **ranges;
	int32 n;
	int64 length = 0;

	multirange_deserialize(cache->rngtype, multirange, &n, &ranges);
	for (int i = 0; i < n && length <= limit; i++)
	{
		CHECK_FOR_INTERRUPTS();
		length += range_text_length(ranges[i]);
	}
	return length > limit;
}

static bool
array_exceeds(ArrayType *array, Oid element, int64 limit)
{
	int16 len;
	bool by_value;
	char align;
	Datum *values;
	bool *nulls;
	int n;
	int64 length = 0;

	get_typlenbyvalalign(element, &len, &by_value, &align);
	deconstruct_array(array, element, len, by_value, align, &values, &nulls, &n);
	for (int i = 0; i < n && length <= limit; i++)
	{
		CHECK_FOR_INTERRUPTS();
		length += MARKS;
		if (nulls[i])
			continue;
		if (element == NUMERICOID)
			length += numeric_text_length(DatumGetNumeric(values[i]));
		else if (bounded_text_exceeds(values[i], element, limit - length))
			return true;
		else
			length += toast_raw_datum_size(values[i]);
	}
	return length > limit;
}

bool
bounded_text_exceeds(Datum value, Oid type, int64 limit)
{
	Oid element;

	check_stack_depth();
	type = getBaseType(type);
	if (!bounded_text_is_long(type))
		return get_typlen(type) == -1 && type != NUMERICOID &&
		       toast_raw_datum_size(value) > limit * TEXT_FACTOR;
	if (type == JSONBOID)
		return bounded_json_exceeds(DatumGetJsonbP(value), false, limit);
	if (OidIsValid(element = get_element_type(type)))
		return array_exceeds(DatumGetArrayTypeP(value), element, limit);
	if (OidIsValid(get_multirange_range(type)))
		return multirange_exceeds(DatumGetMultirangeTypeP(value), limit);
	return range_text_length(DatumGetRangeTypeP(value)) > limit;
}
