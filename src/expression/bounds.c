/*
 * bounds.c
 *	  Which calls of an expression are bounded, and what stands in their place.
 *
 * A function whose result is of a type without a limit is allowed only if it has a rule here:
 * so nothing that a later version of PostgreSQL adds is called before somebody has looked at
 * it. A call with a rule becomes a call of cdp.bounded (bounded.c), which has the function as
 * an argument. Both who evaluates an expression for the engine and who judges it get such a
 * tree. Nobody else sees it: written.c puts the calls back.
 */
#include "expression/bounds.h"

#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parse_func.h"
#include "types/computed.h"
#include "types/traits.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/*
 * Functions with a result of a type without a limit, or that take more than linear time.
 * Those of every other type are not listed.
 */
static const Bound bounds[] = {
    /* texts: parts of an argument, or a few bytes */
    {F_TEXT_CHAR, BOUND_NONE},
    {F_TEXT_BOOL, BOUND_NONE},
    {F_TEXT_BPCHAR, BOUND_NONE},
    {F_TEXT_NAME, BOUND_NONE},
    {F_TEXT_INET, BOUND_NONE},
    {F_ABBREV_INET, BOUND_NONE},
    {F_ABBREV_CIDR, BOUND_NONE},
    {F_HOST, BOUND_NONE},
    {F_TEXT_LARGER, BOUND_NONE},
    {F_TEXT_SMALLER, BOUND_NONE},
    {F_BPCHAR_CHAR, BOUND_NONE},
    {F_BPCHAR_NAME, BOUND_NONE},
    {F_BPCHAR_LARGER, BOUND_NONE},
    {F_BPCHAR_SMALLER, BOUND_NONE},
    {F_VARCHAR_VARCHAR_INT4_BOOL, BOUND_NONE},
    {F_VARCHAR_NAME, BOUND_NONE},
    {F_LEFT, BOUND_NONE},
    {F_RIGHT, BOUND_NONE},
    {F_SUBSTRING_TEXT_INT4, BOUND_NONE},
    {F_SUBSTRING_TEXT_INT4_INT4, BOUND_NONE},
    {F_SUBSTR_TEXT_INT4, BOUND_NONE},
    {F_SUBSTR_TEXT_INT4_INT4, BOUND_NONE},
    {F_BTRIM_TEXT, BOUND_NONE},
    {F_LTRIM_TEXT, BOUND_NONE},
    {F_RTRIM_TEXT, BOUND_NONE},
    {F_REVERSE, BOUND_NONE},
    {F_CHR, BOUND_NONE},
    {F_MD5_TEXT, BOUND_NONE},
    {F_MD5_BYTEA, BOUND_NONE},
    {F_TO_HEX_INT4, BOUND_NONE},
    {F_TO_HEX_INT8, BOUND_NONE},
    {F_TO_ASCII_TEXT, BOUND_NONE},
    {F_TO_ASCII_TEXT_INT4, BOUND_NONE},
    {F_TO_ASCII_TEXT_NAME, BOUND_NONE},
    {F_UNISTR, BOUND_NONE},
    {F_CASH_WORDS, BOUND_NONE},
    {F_ARRAY_DIMS, BOUND_NONE},
    {F_JSON_TYPEOF, BOUND_NONE},
    {F_JSONB_TYPEOF, BOUND_NONE},
    {F_JSON_OBJECT_FIELD_TEXT, BOUND_NONE},
    {F_JSON_ARRAY_ELEMENT_TEXT, BOUND_NONE},
    {F_JSON_EXTRACT_PATH_TEXT, BOUND_NONE},
    {F_PG_SIZE_PRETTY_INT8, BOUND_NONE},
    {F_PG_SIZE_PRETTY_NUMERIC, BOUND_NONE},
    /* texts that may be longer */
    {F_LOWER_TEXT, BOUND_RESULT},
    {F_UPPER_TEXT, BOUND_RESULT},
    {F_INITCAP, BOUND_RESULT},
    {F_NORMALIZE, BOUND_RESULT},
    {F_TEXTCAT, BOUND_RESULT},
    {F_OVERLAY_TEXT_TEXT_INT4, BOUND_RESULT},
    {F_OVERLAY_TEXT_TEXT_INT4_INT4, BOUND_RESULT},
    {F_QUOTE_IDENT, BOUND_RESULT},
    {F_QUOTE_LITERAL_TEXT, BOUND_RESULT},
    {F_QUOTE_NULLABLE_TEXT, BOUND_RESULT},
    {F_LIKE_ESCAPE_TEXT_TEXT, BOUND_RESULT},
    {F_SIMILAR_ESCAPE, BOUND_RESULT},
    {F_SIMILAR_TO_ESCAPE_TEXT, BOUND_RESULT},
    {F_SIMILAR_TO_ESCAPE_TEXT_TEXT, BOUND_RESULT},
    {F_ENCODE, BOUND_RESULT},
    {F_QUERYTREE, BOUND_RESULT},
    {F_PARSE_IDENT, BOUND_RESULT},
    {F_TSVECTOR_TO_ARRAY, BOUND_RESULT},
    {F_TO_CHAR_TIMESTAMPTZ_TEXT, BOUND_RESULT},
    {F_TRANSLATE, BOUND_PRODUCT, {0, 1}},
    {F_BTRIM_TEXT_TEXT, BOUND_PRODUCT, {0, 1}},
    {F_LTRIM_TEXT_TEXT, BOUND_PRODUCT, {0, 1}},
    {F_RTRIM_TEXT_TEXT, BOUND_PRODUCT, {0, 1}},
    {F_SPLIT_PART, BOUND_PRODUCT, {0, 1}},
    {F_STRING_TO_ARRAY_TEXT_TEXT, BOUND_PRODUCT, {0, 1}},
    {F_STRING_TO_ARRAY_TEXT_TEXT_TEXT, BOUND_PRODUCT, {0, 1}},
    {F_REPLACE, BOUND_REPLACE, {0, 1, 2}},
    {F_BPCHAR_BPCHAR_INT4_BOOL, BOUND_PAD, {1}},
    {F_CONCAT, BOUND_TEXTS, {0}},
    {F_CONCAT_WS, BOUND_JOINED, {1}},
    {F_TEXTANYCAT, BOUND_TEXTS, {0}},
    {F_ANYTEXTCAT, BOUND_TEXTS, {0}},
    {F_ARRAY_TO_STRING_ANYARRAY_TEXT, BOUND_ARRAY_TEXT, {0, 1, -1}},
    {F_ARRAY_TO_STRING_ANYARRAY_TEXT_TEXT, BOUND_ARRAY_TEXT, {0, 1, 2}},
    /* where a text stands in another */
    {F_STRPOS, BOUND_PRODUCT, {0, 1}},
    {F_POSITION_TEXT_TEXT, BOUND_PRODUCT, {0, 1}},
    {F_POSITION_BYTEA_BYTEA, BOUND_PRODUCT, {0, 1}},
    {F_POSITION_BIT_BIT, BOUND_PRODUCT, {0, 1}},
    {F_LIKE_TEXT_TEXT, BOUND_PRODUCT, {0, 1}},
    {F_LIKE_NAME_TEXT, BOUND_PRODUCT, {0, 1}},
    {F_LIKE_BYTEA_BYTEA, BOUND_PRODUCT, {0, 1}},
    {F_NOTLIKE_TEXT_TEXT, BOUND_PRODUCT, {0, 1}},
    {F_NOTLIKE_NAME_TEXT, BOUND_PRODUCT, {0, 1}},
    {F_NOTLIKE_BYTEA_BYTEA, BOUND_PRODUCT, {0, 1}},
    {F_TEXTLIKE, BOUND_PRODUCT, {0, 1}},
    {F_TEXTNLIKE, BOUND_PRODUCT, {0, 1}},
    {F_TEXTICLIKE, BOUND_PRODUCT, {0, 1}},
    {F_TEXTICNLIKE, BOUND_PRODUCT, {0, 1}},
    {F_BPCHARLIKE, BOUND_PRODUCT, {0, 1}},
    {F_BPCHARNLIKE, BOUND_PRODUCT, {0, 1}},
    {F_BPCHARICLIKE, BOUND_PRODUCT, {0, 1}},
    {F_BPCHARICNLIKE, BOUND_PRODUCT, {0, 1}},
    {F_NAMELIKE, BOUND_PRODUCT, {0, 1}},
    {F_NAMENLIKE, BOUND_PRODUCT, {0, 1}},
    {F_NAMEICLIKE, BOUND_PRODUCT, {0, 1}},
    {F_NAMEICNLIKE, BOUND_PRODUCT, {0, 1}},
    {F_BYTEALIKE, BOUND_PRODUCT, {0, 1}},
    {F_BYTEANLIKE, BOUND_PRODUCT, {0, 1}},
    /* regular expressions */
    {F_TEXTREGEXEQ, BOUND_REGEX, {0, 1}},
    {F_TEXTREGEXNE, BOUND_REGEX, {0, 1}},
    {F_TEXTICREGEXEQ, BOUND_REGEX, {0, 1}},
    {F_TEXTICREGEXNE, BOUND_REGEX, {0, 1}},
    {F_BPCHARREGEXEQ, BOUND_REGEX, {0, 1}},
    {F_BPCHARREGEXNE, BOUND_REGEX, {0, 1}},
    {F_BPCHARICREGEXEQ, BOUND_REGEX, {0, 1}},
    {F_BPCHARICREGEXNE, BOUND_REGEX, {0, 1}},
    {F_NAMEREGEXEQ, BOUND_REGEX, {0, 1}},
    {F_NAMEREGEXNE, BOUND_REGEX, {0, 1}},
    {F_NAMEICREGEXEQ, BOUND_REGEX, {0, 1}},
    {F_NAMEICREGEXNE, BOUND_REGEX, {0, 1}},
    {F_REGEXP_LIKE_TEXT_TEXT, BOUND_REGEX, {0, 1}},
    {F_REGEXP_LIKE_TEXT_TEXT_TEXT, BOUND_REGEX, {0, 1}},
    {F_REGEXP_COUNT_TEXT_TEXT, BOUND_REGEX_FIND, {0, 1}},
    {F_REGEXP_COUNT_TEXT_TEXT_INT4, BOUND_REGEX_FIND, {0, 1}},
    {F_REGEXP_COUNT_TEXT_TEXT_INT4_TEXT, BOUND_REGEX_FIND, {0, 1}},
    {F_REGEXP_INSTR_TEXT_TEXT, BOUND_REGEX_FIND, {0, 1}},
    {F_REGEXP_INSTR_TEXT_TEXT_INT4, BOUND_REGEX_FIND, {0, 1}},
    {F_REGEXP_INSTR_TEXT_TEXT_INT4_INT4, BOUND_REGEX_FIND, {0, 1}},
    {F_REGEXP_INSTR_TEXT_TEXT_INT4_INT4_INT4, BOUND_REGEX_FIND, {0, 1}},
    {F_REGEXP_INSTR_TEXT_TEXT_INT4_INT4_INT4_TEXT, BOUND_REGEX_FIND, {0, 1}},
    {F_REGEXP_INSTR_TEXT_TEXT_INT4_INT4_INT4_TEXT_INT4, BOUND_REGEX_FIND, {0, 1}},
    {F_REGEXP_SUBSTR_TEXT_TEXT, BOUND_REGEX_FIND, {0, 1}},
    {F_REGEXP_SUBSTR_TEXT_TEXT_INT4, BOUND_REGEX_FIND, {0, 1}},
    {F_REGEXP_SUBSTR_TEXT_TEXT_INT4_INT4, BOUND_REGEX_FIND, {0, 1}},
    {F_REGEXP_SUBSTR_TEXT_TEXT_INT4_INT4_TEXT, BOUND_REGEX_FIND, {0, 1}},
    {F_REGEXP_SUBSTR_TEXT_TEXT_INT4_INT4_TEXT_INT4, BOUND_REGEX_FIND, {0, 1}},
    {F_REGEXP_MATCH_TEXT_TEXT, BOUND_REGEX_FIND, {0, 1}},
    {F_REGEXP_MATCH_TEXT_TEXT_TEXT, BOUND_REGEX_FIND, {0, 1}},
    {F_REGEXP_SPLIT_TO_ARRAY_TEXT_TEXT, BOUND_REGEX_FIND, {0, 1}},
    {F_REGEXP_SPLIT_TO_ARRAY_TEXT_TEXT_TEXT, BOUND_REGEX_FIND, {0, 1}},
    {F_SUBSTRING_TEXT_TEXT, BOUND_REGEX_FIND, {0, 1}},
    {F_SUBSTRING_TEXT_TEXT_TEXT, BOUND_REGEX_FIND, {0, 1}},
    {F_REGEXP_REPLACE_TEXT_TEXT_TEXT, BOUND_REGEX_REPLACE, {0, 1, 2}},
    {F_REGEXP_REPLACE_TEXT_TEXT_TEXT_TEXT, BOUND_REGEX_REPLACE, {0, 1, 2}},
    {F_REGEXP_REPLACE_TEXT_TEXT_TEXT_INT4, BOUND_REGEX_REPLACE, {0, 1, 2}},
    {F_REGEXP_REPLACE_TEXT_TEXT_TEXT_INT4_INT4, BOUND_REGEX_REPLACE, {0, 1, 2}},
    {F_REGEXP_REPLACE_TEXT_TEXT_TEXT_INT4_INT4_TEXT, BOUND_REGEX_REPLACE, {0, 1, 2}},
    /* bytes and bits */
    {F_BYTEACAT, BOUND_RESULT},
    {F_DECODE, BOUND_RESULT},
    {F_OVERLAY_BYTEA_BYTEA_INT4, BOUND_RESULT},
    {F_OVERLAY_BYTEA_BYTEA_INT4_INT4, BOUND_RESULT},
    {F_LIKE_ESCAPE_BYTEA_BYTEA, BOUND_RESULT},
    {F_SUBSTRING_BYTEA_INT4, BOUND_NONE},
    {F_SUBSTRING_BYTEA_INT4_INT4, BOUND_NONE},
    {F_SUBSTR_BYTEA_INT4, BOUND_NONE},
    {F_SUBSTR_BYTEA_INT4_INT4, BOUND_NONE},
    {F_SET_BIT_BYTEA_INT8_INT4, BOUND_NONE},
    {F_SET_BYTE, BOUND_NONE},
    {F_BTRIM_BYTEA_BYTEA, BOUND_PRODUCT, {0, 1}},
    {F_LTRIM_BYTEA_BYTEA, BOUND_PRODUCT, {0, 1}},
    {F_RTRIM_BYTEA_BYTEA, BOUND_PRODUCT, {0, 1}},
    {F_SHA224, BOUND_NONE},
    {F_SHA256, BOUND_NONE},
    {F_SHA384, BOUND_NONE},
    {F_SHA512, BOUND_NONE},
    {F_BIT_INT4_INT4, BOUND_PAD_BITS, {1}},
    {F_BIT_INT8_INT4, BOUND_PAD_BITS, {1}},
    {F_BIT_BIT_INT4_BOOL, BOUND_PAD_BITS, {1}},
    {F_VARBIT, BOUND_NONE},
    {F_BITCAT, BOUND_RESULT},
    {F_OVERLAY_BIT_BIT_INT4, BOUND_RESULT},
    {F_OVERLAY_BIT_BIT_INT4_INT4, BOUND_RESULT},
    {F_SUBSTRING_BIT_INT4, BOUND_NONE},
    {F_SUBSTRING_BIT_INT4_INT4, BOUND_NONE},
    {F_BITAND, BOUND_NONE},
    {F_BITNOT, BOUND_NONE},
    {F_BITOR, BOUND_NONE},
    {F_BITXOR, BOUND_NONE},
    {F_BITSHIFTLEFT, BOUND_NONE},
    {F_BITSHIFTRIGHT, BOUND_NONE},
    {F_SET_BIT_BIT_INT4_INT4, BOUND_NONE},
    /* arrays */
    {F_ARRAY_LARGER, BOUND_NONE},
    {F_ARRAY_SMALLER, BOUND_NONE},
    {F_TRIM_ARRAY, BOUND_NONE},
    {F_ARRAY_REMOVE, BOUND_NONE},
    {F_ARRAY_APPEND, BOUND_RESULT},
    {F_ARRAY_PREPEND, BOUND_RESULT},
    {F_ARRAY_CAT, BOUND_RESULT},
    {F_ARRAY_POSITIONS, BOUND_RESULT},
    {F_ARRAY_REPLACE, BOUND_ARRAY_REPLACE, {0, 1, 2}},
    {F_ARRAYCONTAINS, BOUND_PRODUCT, {0, 1}},
    {F_ARRAYCONTAINED, BOUND_PRODUCT, {0, 1}},
    {F_ARRAYOVERLAP, BOUND_PRODUCT, {0, 1}},
    {F_ENUM_LARGER, BOUND_NONE},
    {F_ENUM_SMALLER, BOUND_NONE},
    /* JSON */
    {F_JSON_OBJECT_FIELD, BOUND_NONE},
    {F_JSON_ARRAY_ELEMENT, BOUND_NONE},
    {F_JSON_EXTRACT_PATH, BOUND_NONE},
    {F_JSON_STRIP_NULLS, BOUND_RESULT},
    {F_JSON_OBJECT__TEXT, BOUND_RESULT},
    {F_JSON_OBJECT__TEXT__TEXT, BOUND_RESULT},
    {F_JSONB_OBJECT_FIELD, BOUND_NONE},
    {F_JSONB_ARRAY_ELEMENT, BOUND_NONE},
    {F_JSONB_EXTRACT_PATH, BOUND_NONE},
    {F_JSONB_STRIP_NULLS, BOUND_NONE},
    {F_JSONB_DELETE_JSONB_INT4, BOUND_NONE},
    {F_JSONB_DELETE_JSONB_TEXT, BOUND_NONE},
    {F_JSONB_DELETE_JSONB__TEXT, BOUND_PRODUCT, {0, 1}},
    {F_JSONB_DELETE_PATH, BOUND_NONE},
    {F_JSONB_CONCAT, BOUND_RESULT},
    {F_JSONB_SET, BOUND_RESULT},
    {F_JSONB_SET_LAX, BOUND_RESULT},
    {F_JSONB_INSERT, BOUND_RESULT},
    {F_JSONB_OBJECT__TEXT, BOUND_RESULT},
    {F_JSONB_OBJECT__TEXT__TEXT, BOUND_RESULT},
    {F_TO_JSONB, BOUND_RESULT},
    {F_JSONB_BUILD_ARRAY_ANY, BOUND_RESULT},
    {F_JSONB_PRETTY, BOUND_JSON_PRETTY, {0}},
    {F_JSONB_OBJECT_FIELD_TEXT, BOUND_JSON_TEXT, {0}, F_JSONB_OBJECT_FIELD},
    {F_JSONB_ARRAY_ELEMENT_TEXT, BOUND_JSON_TEXT, {0}, F_JSONB_ARRAY_ELEMENT},
    {F_JSONB_EXTRACT_PATH_TEXT, BOUND_JSON_TEXT, {0}, F_JSONB_EXTRACT_PATH},
    {F_JSONB_CONTAINS, BOUND_PRODUCT, {0, 1}},
    {F_JSONB_CONTAINED, BOUND_PRODUCT, {0, 1}},
    {F_JSONB_PATH_EXISTS, BOUND_JSON_PATH, {0, 1}},
    {F_JSONB_PATH_EXISTS_OPR, BOUND_JSON_PATH, {0, 1}},
    {F_JSONB_PATH_MATCH, BOUND_JSON_PATH, {0, 1}},
    {F_JSONB_PATH_MATCH_OPR, BOUND_JSON_PATH, {0, 1}},
    {F_JSONB_PATH_QUERY_ARRAY, BOUND_JSON_PATH, {0, 1}},
    {F_JSONB_PATH_QUERY_FIRST, BOUND_JSON_PATH, {0, 1}},
    /* text search */
    {F_STRIP, BOUND_NONE},
    {F_TS_FILTER, BOUND_NONE},
    {F_TS_DELETE_TSVECTOR_TEXT, BOUND_NONE},
    {F_TS_DELETE_TSVECTOR__TEXT, BOUND_NONE},
    {F_SETWEIGHT_TSVECTOR_CHAR, BOUND_NONE},
    {F_SETWEIGHT_TSVECTOR_CHAR__TEXT, BOUND_NONE},
    {F_ARRAY_TO_TSVECTOR, BOUND_RESULT},
    {F_TSVECTOR_CONCAT, BOUND_RESULT},
    {F_TSQUERY_AND, BOUND_RESULT},
    {F_TSQUERY_OR, BOUND_RESULT},
    {F_TSQUERY_NOT, BOUND_RESULT},
    {F_TSQUERY_PHRASE_TSQUERY_TSQUERY, BOUND_RESULT},
    {F_TSQUERY_PHRASE_TSQUERY_TSQUERY_INT4, BOUND_RESULT},
    {F_TS_REWRITE_TSQUERY_TSQUERY_TSQUERY, BOUND_PRODUCT, {0, 2}},
    {F_TS_MATCH_VQ, BOUND_PRODUCT, {0, 1}},
    {F_TS_MATCH_QV, BOUND_PRODUCT, {0, 1}},
    {F_TS_RANK_TSVECTOR_TSQUERY, BOUND_PRODUCT, {0, 1}},
    {F_TS_RANK_TSVECTOR_TSQUERY_INT4, BOUND_PRODUCT, {0, 1}},
    {F_TS_RANK__FLOAT4_TSVECTOR_TSQUERY, BOUND_PRODUCT, {1, 2}},
    {F_TS_RANK__FLOAT4_TSVECTOR_TSQUERY_INT4, BOUND_PRODUCT, {1, 2}},
    {F_TS_RANK_CD_TSVECTOR_TSQUERY, BOUND_PRODUCT, {0, 1}},
    {F_TS_RANK_CD_TSVECTOR_TSQUERY_INT4, BOUND_PRODUCT, {0, 1}},
    {F_TS_RANK_CD__FLOAT4_TSVECTOR_TSQUERY, BOUND_PRODUCT, {1, 2}},
    {F_TS_RANK_CD__FLOAT4_TSVECTOR_TSQUERY_INT4, BOUND_PRODUCT, {1, 2}},
    /* ranges: two values of a type; multiranges */
    {F_LOWER_ANYRANGE, BOUND_NONE},
    {F_UPPER_ANYRANGE, BOUND_NONE},
    {F_LOWER_ANYMULTIRANGE, BOUND_NONE},
    {F_UPPER_ANYMULTIRANGE, BOUND_NONE},
    {F_RANGE_INTERSECT, BOUND_NONE},
    {F_RANGE_MINUS, BOUND_NONE},
    {F_RANGE_UNION, BOUND_NONE},
    {F_RANGE_MERGE_ANYRANGE_ANYRANGE, BOUND_NONE},
    {F_RANGE_MERGE_ANYMULTIRANGE, BOUND_NONE},
    {F_INT4MULTIRANGE_, BOUND_NONE},
    {F_INT8MULTIRANGE_, BOUND_NONE},
    {F_NUMMULTIRANGE_, BOUND_NONE},
    {F_DATEMULTIRANGE_, BOUND_NONE},
    {F_TSMULTIRANGE_, BOUND_NONE},
    {F_TSTZMULTIRANGE_, BOUND_NONE},
    {F_MULTIRANGE, BOUND_RESULT},
    {F_INT4MULTIRANGE_INT4RANGE, BOUND_RESULT},
    {F_INT8MULTIRANGE_INT8RANGE, BOUND_RESULT},
    {F_NUMMULTIRANGE_NUMRANGE, BOUND_RESULT},
    {F_DATEMULTIRANGE_DATERANGE, BOUND_RESULT},
    {F_TSMULTIRANGE_TSRANGE, BOUND_RESULT},
    {F_TSTZMULTIRANGE_TSTZRANGE, BOUND_RESULT},
    {F_INT4MULTIRANGE__INT4RANGE, BOUND_RESULT},
    {F_INT8MULTIRANGE__INT8RANGE, BOUND_RESULT},
    {F_NUMMULTIRANGE__NUMRANGE, BOUND_RESULT},
    {F_DATEMULTIRANGE__DATERANGE, BOUND_RESULT},
    {F_TSMULTIRANGE__TSRANGE, BOUND_RESULT},
    {F_TSTZMULTIRANGE__TSTZRANGE, BOUND_RESULT},
    {F_MULTIRANGE_UNION, BOUND_RESULT},
    {F_MULTIRANGE_INTERSECT, BOUND_RESULT},
    {F_MULTIRANGE_MINUS, BOUND_RESULT},
    /* paths and polygons */
    {F_PATH, BOUND_NONE},
    {F_PCLOSE, BOUND_NONE},
    {F_POPEN, BOUND_NONE},
    {F_PATH_ADD_PT, BOUND_NONE},
    {F_PATH_SUB_PT, BOUND_NONE},
    {F_PATH_MUL_PT, BOUND_NONE},
    {F_PATH_DIV_PT, BOUND_NONE},
    {F_PATH_ADD, BOUND_RESULT},
    {F_POLYGON_BOX, BOUND_NONE},
    {F_POLYGON_CIRCLE, BOUND_NONE},
    {F_POLYGON_PATH, BOUND_RESULT},
    {F_POLYGON_INT4_CIRCLE, BOUND_POINTS, {0}},
    {F_PATH_INTER, BOUND_PRODUCT, {0, 1}},
    {F_PATH_DISTANCE, BOUND_PRODUCT, {0, 1}},
    {F_POLY_DISTANCE, BOUND_PRODUCT, {0, 1}},
    {F_POLY_OVERLAP, BOUND_PRODUCT, {0, 1}},
    {F_POLY_CONTAIN, BOUND_PRODUCT, {0, 1}},
    {F_POLY_CONTAINED, BOUND_PRODUCT, {0, 1}},
    {F_POLY_SAME, BOUND_PRODUCT, {0, 1}},
    /* numbers of many digits; their type bounds the results */
    {F_NUMERIC_MUL, BOUND_PRODUCT, {0, 1}},
    {F_NUMERIC_DIV, BOUND_PRODUCT, {0, 1}},
    {F_NUMERIC_MOD, BOUND_PRODUCT, {0, 1}},
    {F_NUMERIC_DIV_TRUNC, BOUND_PRODUCT, {0, 1}},
    {F_MOD_NUMERIC_NUMERIC, BOUND_PRODUCT, {0, 1}},
    {F_DIV, BOUND_PRODUCT, {0, 1}},
    {F_SQRT_NUMERIC, BOUND_SQUARE, {0}},
    {F_NUMERIC_SQRT, BOUND_SQUARE, {0}},
    {F_GCD_NUMERIC_NUMERIC, BOUND_NUMERIC_GCD, {0, 1}},
    {F_LCM_NUMERIC_NUMERIC, BOUND_NUMERIC_GCD, {0, 1}},
    {F_EXP_NUMERIC, BOUND_NUMERIC_EXP, {0}},
    {F_NUMERIC_EXP, BOUND_NUMERIC_EXP, {0}},
    {F_LN_NUMERIC, BOUND_NUMERIC_LOG, {0, 0}},
    {F_NUMERIC_LN, BOUND_NUMERIC_LOG, {0, 0}},
    {F_LOG_NUMERIC, BOUND_NUMERIC_LOG, {0, 0}},
    {F_LOG10_NUMERIC, BOUND_NUMERIC_LOG, {0, 0}},
    {F_LOG_NUMERIC_NUMERIC, BOUND_NUMERIC_LOG, {0, 1}},
    {F_NUMERIC_LOG, BOUND_NUMERIC_LOG, {0, 1}},
    {F_POW_NUMERIC_NUMERIC, BOUND_NUMERIC_POWER, {0, 1}},
    {F_POWER_NUMERIC_NUMERIC, BOUND_NUMERIC_POWER, {0, 1}},
    {F_NUMERIC_POWER, BOUND_NUMERIC_POWER, {0, 1}},
    {F_FACTORIAL, BOUND_FACTORIAL, {0}},
};

/* A long ARRAY or ROW may have so many parts that are no constants and have no limit. */
#define LONG_PARTS_MAX 100

/* Elements may be padded to so many bytes or bits. */
#define PADDED_ELEMENT_MAX 256

bool
type_is_unbounded(Oid type)
{
	Oid part;

	type = getBaseType(type);
	if (type == NUMERICOID || type == INETOID || type == CIDROID || type == UNKNOWNOID)
		return false;
	if (OidIsValid(part = get_range_subtype(type)))
		return type_is_unbounded(part);
	return get_typlen(type) < 0 || get_typtype(type) == TYPTYPE_PSEUDO;
}

/* The rule for a function of cdp. */
static const Bound *
bound_of_ours(Oid function)
{
	static const Bound contains = {InvalidOid, BOUND_PRODUCT, {0, 1}};
	static const Bound trait_text = {InvalidOid, BOUND_TRAIT_TEXT};
	static const Bound computed_text_rule = {InvalidOid, BOUND_COMPUTED_TEXT};
	static const Bound result = {InvalidOid, BOUND_RESULT};
	static const Bound none = {InvalidOid, BOUND_NONE};
	FmgrInfo info;

	fmgr_info(function, &info);
	if (info.fn_addr == traits_contains || info.fn_addr == traits_contained)
		return &contains;
	if (info.fn_addr == traits_trait_text)
		return &trait_text;
	if (info.fn_addr == computed_text)
		return &computed_text_rule;
	return type_is_unbounded(get_func_rettype(function)) ? &result : &none;
}

/* Whether a function reads the text of a value, as the input function of a type does. */
static bool
is_input(Oid function)
{
	Oid *types;
	int n;

	(void) get_func_signature(function, &types, &n);
	return n > 0 && types[0] == CSTRINGOID;
}

const Bound *
bound_of(Oid function)
{
	static const Bound output = {InvalidOid, BOUND_OUTPUT};
	static const Bound refused = {InvalidOid, BOUND_REFUSED};
	static const Bound none = {InvalidOid, BOUND_NONE};
	Oid schema = get_func_namespace(function);

	for (int i = 0; i < lengthof(bounds); i++)
		if (bounds[i].function == function)
			return &bounds[i];
	if (get_func_rettype(function) == CSTRINGOID)
		return &output;
	if (is_input(function))
		return &none;
	if (schema == PG_CATALOG_NAMESPACE)
		return type_is_unbounded(get_func_rettype(function)) ? &refused : &none;
	return schema == get_namespace_oid("cdp", true) ? bound_of_ours(function) : &none;
}

PG_FUNCTION_INFO_V1(cdp_function_bound);

/*
 * cdp.function_bound(oid) -> text: by what a call of a function is bounded where a definition
 * may call it; null: there is no such function.
 */
Datum
cdp_function_bound(PG_FUNCTION_ARGS)
{
	Oid function = PG_GETARG_OID(0);

	if (!SearchSysCacheExists1(PROCOID, ObjectIdGetDatum(function)))
		PG_RETURN_NULL();
	switch (bound_of(function)->rule)
	{
		case BOUND_REFUSED:
			PG_RETURN_TEXT_P(cstring_to_text("refused"));
		case BOUND_NONE:
			PG_RETURN_TEXT_P(cstring_to_text("none"));
		case BOUND_RESULT:
			PG_RETURN_TEXT_P(cstring_to_text("result"));
		default:
			PG_RETURN_TEXT_P(cstring_to_text("arguments"));
	}
}

bool
bounds_refuse(Oid function)
{
	return bound_of(function)->rule == BOUND_REFUSED;
}

/* cdp.bounded */
Oid
bounds_function(void)
{
	Oid types[4] = {INT4OID, OIDOID, INT4OID, ANYOID};

	return LookupFuncName(list_make2(makeString("cdp"), makeString("bounded")), 4, types, false);
}

void
bounds_begin(ExpressionWalk *walk)
{
	walk->bounded = bounds_function();
}

/* Gives each call its share. */
void
bounds_end(ExpressionWalk *walk)
{
	ListCell *lc;

	foreach (lc, walk->calls)
		lfirst_node(Const, lc)->constvalue = Int32GetDatum(list_length(walk->calls));
}

static Const *
number(Oid type, int32 value)
{
	return makeConst(type, -1, InvalidOid, sizeof(int32), Int32GetDatum(value), false, true);
}

/* A call of cdp.bounded; its result, collations and place are those of another node. */
static Node *
bounded_call(ExpressionWalk *walk, Node *node, BoundShape shape, Oid what, Oid type, List *args)
{
	FuncExpr *call = makeNode(FuncExpr);
	Const *calls = number(INT4OID, 1);

	walk->calls = lappend(walk->calls, calls);
	call->funcid = walk->bounded;
	call->funcresulttype = type;
	call->funcvariadic = IsA(node, FuncExpr) && ((FuncExpr *) node)->funcvariadic;
	call->funcformat = IsA(node, FuncExpr) ? ((FuncExpr *) node)->funcformat : COERCE_EXPLICIT_CALL;
	call->funccollid = exprCollation(node);
	call->inputcollid = exprInputCollation(node);
	call->args =
	    list_concat(list_make3(number(INT4OID, shape), number(OIDOID, (int32) what), calls), args);
	call->location = exprLocation(node);
	return (Node *) call;
}

/* A value whose size is checked. */
static Node *
bounded_value(ExpressionWalk *walk, Node *node)
{
	return bounded_call(walk, node, BOUNDED_VALUE, InvalidOid, exprType(node), list_make1(node));
}

/* The same for the parts of a list that are columns: what is made of them is as long as they are. */
static void
bound_columns(ExpressionWalk *walk, List *parts)
{
	ListCell *lc;

	foreach (lc, parts)
		if (IsA(lfirst(lc), Var) && type_is_unbounded(exprType(lfirst(lc))))
			lfirst(lc) = bounded_value(walk, lfirst(lc));
}

static void
refuse_cast(ExpressionWalk *walk, Oid from, Oid to, const char *hint, int location)
{
	ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
	                errmsg("%s cannot cast type %s to %s", walk->sort->what, format_type_be(from),
	                       format_type_be(to)),
	                errdetail("Its result can be of any size."), errhint("%s", hint),
	                errposition(location >= 0 ? location + 1 : 0)));
}

/*
 * Functions that take any type convert its values by what they find in the catalog: by a
 * type's output function, or by a cast to JSON, which may be somebody's function.
 */
static void
check_any(ExpressionWalk *walk, Node *argument, bool to_json)
{
	Node *written = bounds_written(walk->bounded, argument);
	Oid type = exprType(argument);
	Oid element = get_element_type(getBaseType(type));
	ListCell *lc;

	if (written != NULL)
		argument = written;
	if (to_json && IsA(argument, RowExpr))
	{
		foreach (lc, ((RowExpr *) argument)->args)
			check_any(walk, lfirst(lc), true);
		return;
	}
	type = OidIsValid(element) ? element : type;
	if (type_is_rowtype(type) || bounded_text_is_unknown(type))
		refuse_cast(walk, type, to_json ? JSONBOID : TEXTOID, "Convert its parts.",
		            exprLocation(argument));
	if (to_json && type >= FirstNormalObjectId && type_is_enum(type))
		refuse_cast(walk, type, JSONBOID, "Cast it to text first.", exprLocation(argument));
}

static bool
is_part(Node *part)
{
	return !IsA(part, Const) && type_is_unbounded(exprType(part));
}

/* Bounds an ARRAY or ROW by the number and the sizes of its parts. */
static Node *
bound_parts(ExpressionWalk *walk, Node *node, List *parts)
{
	int n = 0;
	ListCell *lc;

	foreach (lc, parts)
		n += is_part(lfirst(lc));
	if (n == 0)
		return node;
	if (n > LONG_PARTS_MAX)
		expression_refuse_size(
		    walk, "has an ARRAY or ROW of too many values",
		    psprintf("It has %d that are no constants, and the limit is %d.", n, LONG_PARTS_MAX));
	bound_columns(walk, parts);
	return bounded_value(walk, node);
}

/* Bounds a call: a function, by name or as an operator. */
static Node *
bound_function(ExpressionWalk *walk, Node *node, BoundShape shape, Oid what, Oid function,
               List *args)
{
	const Bound *bound = bound_of(function);
	ListCell *lc;

	if (bound->rule == BOUND_TEXTS || bound->rule == BOUND_JOINED || function == F_TO_JSONB ||
	    function == F_JSONB_BUILD_ARRAY_ANY || bound->rule == BOUND_ARRAY_TEXT)
		foreach (lc, args)
			check_any(walk, lfirst(lc),
			          function == F_TO_JSONB || function == F_JSONB_BUILD_ARRAY_ANY);
	if (bound->rule == BOUND_RESULT || bound->rule == BOUND_TEXTS || bound->rule == BOUND_JOINED)
		if (get_func_namespace(function) == PG_CATALOG_NAMESPACE)
			bound_columns(walk, args);
	switch (bound->rule)
	{
		case BOUND_NONE:
		case BOUND_REFUSED: /* an error has said so */
		case BOUND_OUTPUT:  /* of type cstring, which is refused */
			return node;
		case BOUND_RESULT:
			return bounded_value(walk, node);
		default:
			break;
	}
	if (shape == BOUNDED_FUNCTION)
	{
		HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));

		if (!HeapTupleIsValid(tuple))
			elog(ERROR, "cache lookup failed for function %u", function);
		args = expand_function_arguments(args, false, exprType(node), tuple);
		ReleaseSysCache(tuple);
	}
	return bounded_call(walk, node, shape, what, exprType(node), list_copy(args));
}

/* x = ANY (array), where the operator is one that takes time. */
static Node *
bound_elements(ExpressionWalk *walk, ScalarArrayOpExpr *test)
{
	set_sa_opfuncid(test);
	if (bound_of(test->opfuncid)->rule <= BOUND_RESULT)
		return (Node *) test;
	return bounded_call(walk, (Node *) test, test->useOr ? BOUNDED_ANY : BOUNDED_ALL, test->opno,
	                    BOOLOID, list_copy(test->args));
}

/* A cast by way of text. */
static Node *
bound_conversion(ExpressionWalk *walk, CoerceViaIO *cast)
{
	Oid from = exprType((Node *) cast->arg);
	Oid to = cast->resulttype;

	if (bounded_text_is_unknown(from))
		refuse_cast(walk, from, to, "Cast it to jsonb first.", cast->location);
	if (to == JSONPATHOID)
		refuse_cast(walk, from, to, "Write the path as a constant.", cast->location);
	if (bounded_text_is_long(from))
	{
		Oid output;
		bool is_varlena;

		getTypeOutputInfo(from, &output, &is_varlena);
		cast->arg = (Expr *) bounded_call(walk, (Node *) cast->arg, BOUNDED_OUTPUT, output, TEXTOID,
		                                  list_make1(cast->arg));
	}
	return type_is_unbounded(to) ? bounded_value(walk, (Node *) cast) : (Node *) cast;
}

/* Tree walker: whether the elements of an array become far longer than they are. */
static bool
pads_elements(Node *node, void *context)
{
	BoundedCall call;

	if (node == NULL)
		return false;
	if (bounds_called(((ExpressionWalk *) context)->bounded, node, &call))
	{
		const Bound *bound = bound_of(call.function);
		Node *length = bound->rule == BOUND_PAD || bound->rule == BOUND_PAD_BITS
		                   ? list_nth(call.args, bound->args[0])
		                   : NULL;

		if (length != NULL && (!IsA(length, Const) ||
		                       DatumGetInt32(((Const *) length)->constvalue) > PADDED_ELEMENT_MAX))
			return true;
	}
	return expression_tree_walker(node, pads_elements, context);
}

/* A cast of each element of an array; elsewhere the cast of one is bounded, here how long all become. */
static Node *
bound_array_cast(ExpressionWalk *walk, ArrayCoerceExpr *cast)
{
	Oid from = get_element_type(getBaseType(exprType((Node *) cast->arg)));

	if (bounded_text_is_long(from) || from == NUMERICOID ||
	    pads_elements((Node *) cast->elemexpr, walk))
		refuse_cast(walk, exprType((Node *) cast->arg), cast->resulttype, "Cast single elements.",
		            cast->location);
	return bounded_value(walk, (Node *) cast);
}

Node *
bounds_guard(ExpressionWalk *walk, Node *node)
{
	switch (nodeTag(node))
	{
		case T_FuncExpr:
			return bound_function(walk, node, BOUNDED_FUNCTION, ((FuncExpr *) node)->funcid,
			                      ((FuncExpr *) node)->funcid, ((FuncExpr *) node)->args);
		case T_OpExpr:
			set_opfuncid((OpExpr *) node);
			return bound_function(walk, node, BOUNDED_OPERATOR, ((OpExpr *) node)->opno,
			                      ((OpExpr *) node)->opfuncid, ((OpExpr *) node)->args);
		case T_ScalarArrayOpExpr:
			return bound_elements(walk, (ScalarArrayOpExpr *) node);
		case T_CoerceViaIO:
			return bound_conversion(walk, (CoerceViaIO *) node);
		case T_ArrayCoerceExpr:
			return bound_array_cast(walk, (ArrayCoerceExpr *) node);
		case T_ArrayExpr:
			return bound_parts(walk, node, ((ArrayExpr *) node)->elements);
		case T_RowExpr:
			return bound_parts(walk, node, ((RowExpr *) node)->args);
		default:
			return node;
	}
}

static int32
bounded_number(FuncExpr *call, int place)
{
	return DatumGetInt32(list_nth_node(Const, call->args, place)->constvalue);
}

bool
bounds_called(Oid bounded, Node *node, BoundedCall *call)
{
	FuncExpr *expression = (FuncExpr *) node;
	BoundShape shape;
	Oid what;

	if (!IsA(node, FuncExpr) || expression->funcid != bounded)
		return false;
	shape = bounded_number(expression, BOUNDED_SHAPE);
	what = (Oid) bounded_number(expression, BOUNDED_WHAT);
	if (shape != BOUNDED_FUNCTION && shape != BOUNDED_OPERATOR)
		return false;
	call->function = shape == BOUNDED_FUNCTION ? what : get_opcode(what);
	call->args = list_copy_tail(expression->args, N_BOUNDED_ARGS);
	return true;
}

Node *
bounds_written(Oid bounded, Node *node)
{
	FuncExpr *call = (FuncExpr *) node;
	Oid what;
	List *args;

	if (!IsA(node, FuncExpr) || call->funcid != bounded)
		return NULL;
	what = (Oid) bounded_number(call, BOUNDED_WHAT);
	args = list_copy_tail(call->args, N_BOUNDED_ARGS);
	switch ((BoundShape) bounded_number(call, BOUNDED_SHAPE))
	{
		case BOUNDED_FUNCTION:
		{
			FuncExpr *written = copyObject(call);

			written->funcid = what;
			written->args = args;
			return (Node *) written;
		}
		case BOUNDED_OPERATOR:
		{
			OpExpr *written = makeNode(OpExpr);

			written->opno = what;
			written->opfuncid = get_opcode(what);
			written->opresulttype = call->funcresulttype;
			written->opcollid = call->funccollid;
			written->inputcollid = call->inputcollid;
			written->args = args;
			written->location = call->location;
			return (Node *) written;
		}
		case BOUNDED_ANY:
		case BOUNDED_ALL:
		{
			ScalarArrayOpExpr *written = makeNode(ScalarArrayOpExpr);

			written->opno = what;
			written->opfuncid = get_opcode(what);
			written->useOr = bounded_number(call, BOUNDED_SHAPE) == BOUNDED_ANY;
			written->inputcollid = call->inputcollid;
			written->args = args;
			written->location = call->location;
			return (Node *) written;
		}
		default:
			return linitial(args);
	}
}
