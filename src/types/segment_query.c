/*
 * segment_query.c
 *	  The type cdp.segment_query: the value and its evaluation, text and binary
 *	  form, comparison, and segments @@ query.
 */
#include "types/segment_query.h"

#include "common/hashfn.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(segment_query_in);
PG_FUNCTION_INFO_V1(segment_query_out);
PG_FUNCTION_INFO_V1(segment_query_recv);
PG_FUNCTION_INFO_V1(segment_query_send);
PG_FUNCTION_INFO_V1(segment_query_eq);
PG_FUNCTION_INFO_V1(segment_query_ne);
PG_FUNCTION_INFO_V1(segment_query_lt);
PG_FUNCTION_INFO_V1(segment_query_le);
PG_FUNCTION_INFO_V1(segment_query_gt);
PG_FUNCTION_INFO_V1(segment_query_ge);
PG_FUNCTION_INFO_V1(segment_query_cmp);
PG_FUNCTION_INFO_V1(segment_query_hash);
PG_FUNCTION_INFO_V1(segment_query_hash_extended);
PG_FUNCTION_INFO_V1(segment_set_matches_query);
PG_FUNCTION_INFO_V1(segment_query_matches_set);

static inline Size
segment_query_fixed_size(int count)
{
	return offsetof(SegmentQuery, items) + (Size) count * sizeof(SegmentQueryItem);
}

/*
 * Detoasts a value and checks what can be checked in constant time. A query of
 * another format version is an error, not a guess.
 */
SegmentQuery *
segment_query_from_datum(Datum datum)
{
	SegmentQuery *query = (SegmentQuery *) PG_DETOAST_DATUM(datum);

	if (VARSIZE(query) < offsetof(SegmentQuery, items) || query->version != SEGMENT_QUERY_VERSION ||
	    query->reserved != 0)
		ereport(ERROR,
		        (errcode(ERRCODE_DATA_CORRUPTED), errmsg("segment query has an unknown format"),
		         errdetail("This version of cdp reads format %d.", SEGMENT_QUERY_VERSION),
		         errhint("The value was written by a newer version of cdp, or is damaged.")));
	if (query->count == 0 || VARSIZE(query) < segment_query_fixed_size(query->count))
		ereport(ERROR,
		        (errcode(ERRCODE_DATA_CORRUPTED), errmsg("segment query is damaged"),
		         errdetail("It has %zu bytes and %d items.", (Size) VARSIZE(query), query->count)));
	return query;
}

/* A value of items in prefix order. Allocated by palloc. */
static SegmentQuery *
segment_query_make(const SegmentQueryItem *items, int count, const char *names, Size names_size)
{
	Size size = segment_query_fixed_size(count) + names_size;
	SegmentQuery *query = (SegmentQuery *) palloc(size);

	SET_VARSIZE(query, size);
	query->version = SEGMENT_QUERY_VERSION;
	query->reserved = 0;
	query->count = (uint16) count;
	memcpy(query->items, items, count * sizeof(SegmentQueryItem));
	memcpy(query->items + count, names, names_size);
	return query;
}

/*
 * The query that asks for all (SEGMENT_QUERY_AND) or any (SEGMENT_QUERY_OR) of 1
 * to SEGMENT_QUERY_MAX_NAMES names of lawful length. Allocated by palloc.
 */
SegmentQuery *
segment_query_build(uint8 kind, const SegmentMember *names, int count)
{
	int first = count > 1 ? 1 : 0;
	SegmentQueryItem *items =
	    (SegmentQueryItem *) palloc0((count + first) * sizeof(SegmentQueryItem));
	SegmentQuery *query;
	StringInfoData text;

	Assert(count >= 1 && count <= SEGMENT_QUERY_MAX_NAMES);
	initStringInfo(&text);
	if (count > 1)
	{
		items[0].kind = kind;
		items[0].size = (uint16) count;
	}
	for (int i = 0; i < count; i++)
	{
		items[first + i].kind = SEGMENT_QUERY_NAME;
		items[first + i].size = (uint16) names[i].name_len;
		items[first + i].name = (uint32) text.len;
		appendBinaryStringInfo(&text, names[i].name, names[i].name_len);
	}
	query = segment_query_make(items, count + first, text.data, text.len);
	pfree(items);
	pfree(text.data);
	return query;
}

/*
 * The query that asks for all of some operands, 1 or more, of a conjunction, each
 * by its first item. Allocated by palloc.
 */
SegmentQuery *
segment_query_conjunction(const SegmentQuery *query, const int *operands, int count)
{
	SegmentQueryItem *items = (SegmentQueryItem *) palloc0(query->count * sizeof(SegmentQueryItem));
	int n = count > 1 ? 1 : 0;
	SegmentQuery *result;
	StringInfoData text;

	initStringInfo(&text);
	for (int k = 0; k < count; k++)
		for (int i = operands[k]; i < segment_query_next(query, operands[k]); i++)
		{
			int len;
			const char *name = segment_query_name(query, i, &len);

			items[n] = query->items[i];
			if (!SEGMENT_QUERY_IS_OPERATOR(&items[n]))
			{
				items[n].name = (uint32) text.len;
				appendBinaryStringInfo(&text, name, len);
			}
			n++;
		}
	if (count > 1)
	{
		items[0].kind = SEGMENT_QUERY_AND;
		items[0].size = (uint16) (n - 1);
	}
	result = segment_query_make(items, n, text.data, text.len);
	pfree(items);
	pfree(text.data);
	return result;
}

static inline uint64
negate(uint64 value, SegmentQueryLogic logic)
{
	if (logic == SEGMENT_QUERY_TWO_VALUED)
		return ~value;
	/* certainly not is not possibly, and the other way round */
	return ((~value & 1) << 1) | ((~value >> 1) & 1);
}

/*
 * Evaluates the query for 64 sets at once, or for one set with some unknown
 * memberships. Operands that cannot change the result are skipped.
 */
uint64
segment_query_evaluate(const SegmentQuery *query, SegmentQueryLogic logic,
                       SegmentQueryOperand operand, void *context)
{
	struct
	{
		uint64 value; /* of the operands so far */
		int item;
	} open[SEGMENT_QUERY_MAX_DEPTH];
	const uint64 all = logic == SEGMENT_QUERY_TWO_VALUED ? SEGMENT_QUERY_TRUE : 3;
	int depth = 0;
	int i = 0;

	for (;;)
	{
		const SegmentQueryItem *item = &query->items[i];
		uint64 value;

		if (SEGMENT_QUERY_IS_OPERATOR(item))
		{
			if (depth == SEGMENT_QUERY_MAX_DEPTH)
				ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("segment query is damaged"),
				                errdetail("Its operators are nested too deeply.")));
			open[depth].value = item->kind == SEGMENT_QUERY_AND ? all : 0;
			open[depth].item = i++;
			depth++;
			continue;
		}

		value = operand(query, i++, context) & all;
		if (item->negated)
			value = negate(value, logic);
		/* the value of an operand goes to its operator, and so on while operators are complete */
		for (;;)
		{
			int end;

			if (depth == 0)
				return value;
			item = &query->items[open[depth - 1].item];
			end = open[depth - 1].item + 1 + item->size;
			if (item->kind == SEGMENT_QUERY_AND)
				value &= open[depth - 1].value;
			else
				value |= open[depth - 1].value;
			if (i < end && value != (item->kind == SEGMENT_QUERY_AND ? 0 : all))
			{
				open[depth - 1].value = value;
				break;
			}
			i = end;
			depth--;
			if (item->negated)
				value = negate(value, logic);
		}
	}
}

/* Is the set in the segment, or in one with this prefix? */
static uint64
set_has(const SegmentQuery *query, int i, void *context)
{
	const SegmentSet *set = (const SegmentSet *) context;
	int len;
	const char *name = segment_query_name(query, i, &len);
	bool has = query->items[i].kind == SEGMENT_QUERY_NAME ? segment_set_find(set, name, len) >= 0
	                                                      : segment_set_has_prefix(set, name, len);

	return has ? SEGMENT_QUERY_TRUE : SEGMENT_QUERY_FALSE;
}

/*
 * Does the query hold of this set? Most are one operator on names, which needs
 * no stack of operators.
 */
static bool
segment_query_matches(const SegmentQuery *query, const SegmentSet *set)
{
	bool all = query->items[0].kind == SEGMENT_QUERY_AND;
	int i = 1;

	if (!SEGMENT_QUERY_IS_OPERATOR(&query->items[0]) || query->items[0].negated)
		i = query->count + 1;
	for (; i < query->count && !SEGMENT_QUERY_IS_OPERATOR(&query->items[i]); i++)
	{
		bool has = set_has(query, i, unconstify(SegmentSet *, set)) != SEGMENT_QUERY_FALSE;

		if ((has != query->items[i].negated) != all)
			return !all;
	}
	if (i == query->count)
		return all;
	return segment_query_evaluate(query, SEGMENT_QUERY_TWO_VALUED, set_has,
	                              unconstify(SegmentSet *, set)) != SEGMENT_QUERY_FALSE;
}

/*
 * segments @@ query, for a set as it is stored. A set with a short header, as
 * most in a table, is unpacked on the stack.
 */
static bool
datum_matches(Datum set, const SegmentQuery *query)
{
	struct varlena *value = (struct varlena *) DatumGetPointer(set);
	union
	{
		SegmentSet set;
		char bytes[VARHDRSZ + 128];
	} unpacked;

	/* a pointer to a set out of line is told from a short header only so */
	if (VARATT_IS_SHORT(value) && !VARATT_IS_EXTERNAL(value))
	{
		memcpy(VARDATA(&unpacked), VARDATA_SHORT(value), VARSIZE_SHORT(value) - VARHDRSZ_SHORT);
		SET_VARSIZE(&unpacked, VARSIZE_SHORT(value) - VARHDRSZ_SHORT + VARHDRSZ);
		set = PointerGetDatum(&unpacked);
	}
	return segment_query_matches(query, DatumGetSegmentSetP(set));
}

/* segments @@ query */
Datum
segment_set_matches_query(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(datum_matches(PG_GETARG_DATUM(0), PG_GETARG_SEGMENT_QUERY_P(1)));
}

/* query @@ segments */
Datum
segment_query_matches_set(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(datum_matches(PG_GETARG_DATUM(1), PG_GETARG_SEGMENT_QUERY_P(0)));
}

/* Raises the error for a status of the reader; soft where there is a context. */
static void
report_text_error(SegmentQueryResult status, const SegmentQueryReader *reader, Node *escontext)
{
	const char *input = reader->input;
	size_t at = reader->at;

	if (status == SEGMENT_QUERY_NAME_TOO_LONG)
		ereturn(
		    escontext, ,
		    (errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
		     errmsg("segment name is too long in segment query"),
		     errdetail("The name that ends at byte %zu has over %d bytes.", at, SEGMENT_NAME_MAX)));
	if (status == SEGMENT_QUERY_TOO_MANY_NAMES)
		ereturn(escontext, ,
		        (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
		         errmsg("too many segments in a segment query"),
		         errdetail("The limit is %d.", SEGMENT_QUERY_MAX_NAMES),
		         errhint("Ask for any or all of many segments with segments ?| names or "
		                 "segments ?& names, an array.")));
	if (status == SEGMENT_QUERY_TOO_DEEP)
		ereturn(escontext, ,
		        (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
		         errmsg("segment query is nested too deeply"),
		         errdetail("The parenthesis at byte %zu stands within %d others; the limit is %d.",
		                   at + 1, SEGMENT_QUERY_MAX_NESTING, SEGMENT_QUERY_MAX_NESTING),
		         errhint("Take out parentheses that are not needed, or combine several queries "
		                 "with AND and OR.")));
	if (status == SEGMENT_QUERY_EMPTY)
		ereturn(escontext, ,
		        (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION), errmsg("segment query is empty"),
		         errhint("Write it as in vip & (gold | !churn_risk); * stands for any segment, and "
		                 "!* for none.")));

	ereturn(
	    escontext, ,
	    (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
	     errmsg("malformed segment query: \"%s\"", text_shown(input, reader->len)),
	     status == SEGMENT_QUERY_UNTERMINATED
	         ? errdetail("It ends before a closing quote or parenthesis.")
	     : status == SEGMENT_QUERY_NO_OPERAND ? errdetail("It ends where a segment should stand.")
	     : status == SEGMENT_QUERY_EMPTY_NAME ? errdetail("A segment name is empty.")
	                                          : errdetail("Unexpected \"%.*s\" at byte %zu.",
	                                                      pg_mblen(input + at), input + at, at + 1),
	     errhint("Write it as in vip & (gold | !churn_risk) & tier_*; quote names with blanks and "
	             "special characters as in \"big spender\".")));
}

/*
 * The value of a terminated text of len bytes; NULL after a soft error. Errors:
 * 22P02 for the form, 22001 for a name over 255 bytes. 54000 for over 4096
 * names, 100 levels of parentheses or 4 MB of text.
 */
static SegmentQuery *
segment_query_parse(const char *text, size_t len, Node *escontext)
{
	SegmentQueryReader reader = {.input = text, .len = len};
	SegmentQueryResult status;
	SegmentQuery *query;

	if (len > SEGMENT_QUERY_MAX_TEXT)
		ereturn(escontext, NULL,
		        (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("segment query is too long"),
		         errdetail("It has %zu bytes; the limit is %d.", len, SEGMENT_QUERY_MAX_TEXT)));
	reader.items = (SegmentQueryItem *) palloc(segment_query_items_bound(text, len) *
	                                           sizeof(SegmentQueryItem));
	reader.names = (char *) palloc(len + 1);
	status = segment_query_read(&reader);
	if (status != SEGMENT_QUERY_OK)
	{
		report_text_error(status, &reader, escontext);
		return NULL;
	}
	query = segment_query_make(reader.items, reader.count, reader.names, reader.names_size);
	pfree(reader.items);
	pfree(reader.names);
	return query;
}

/* The text form, terminated; its length goes to *len. */
static char *
segment_query_text(const SegmentQuery *query, size_t *len)
{
	char *text = (char *) palloc(segment_query_text_bound(query->items, query->count) + 1);

	*len = segment_query_write(query->items, query->count, SEGMENT_QUERY_NAMES(query), text);
	text[*len] = '\0';
	return text;
}

/* cdp.segment_query_in(cstring), see segment_query_text.h. */
Datum
segment_query_in(PG_FUNCTION_ARGS)
{
	char *text = PG_GETARG_CSTRING(0);
	SegmentQuery *query = segment_query_parse(text, strlen(text), (Node *) CDP_ESCONTEXT(fcinfo));

	if (query == NULL)
		PG_RETURN_NULL();
	PG_RETURN_SEGMENT_QUERY_P(query);
}

/* cdp.segment_query_out(segment_query): the one text form of the value. */
Datum
segment_query_out(PG_FUNCTION_ARGS)
{
	size_t len;

	PG_RETURN_CSTRING(segment_query_text(PG_GETARG_SEGMENT_QUERY_P(0), &len));
}

/*
 * cdp.segment_query_recv(internal): the version byte (1), then the text form in
 * the client's encoding, which is read like any text.
 */
Datum
segment_query_recv(PG_FUNCTION_ARGS)
{
	StringInfo buf = (StringInfo) PG_GETARG_POINTER(0);
	int version = pq_getmsgbyte(buf);
	char *text;
	int len;

	if (version != SEGMENT_QUERY_VERSION)
		ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
		                errmsg("segment query has an unknown binary format"),
		                errdetail("Its version is %d; this version of cdp reads %d.", version,
		                          SEGMENT_QUERY_VERSION)));
	text = pq_getmsgtext(buf, buf->len - buf->cursor, &len);
	if (memchr(text, '\0', len) != NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
		                errmsg("segment query has a null byte")));
	PG_RETURN_SEGMENT_QUERY_P(segment_query_parse(text, len, NULL));
}

/* cdp.segment_query_send(segment_query): as segment_query_recv reads it. */
Datum
segment_query_send(PG_FUNCTION_ARGS)
{
	size_t len;
	char *text = segment_query_text(PG_GETARG_SEGMENT_QUERY_P(0), &len);
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendbyte(&buf, SEGMENT_QUERY_VERSION);
	pq_sendtext(&buf, text, (int) len);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

/* Are the arguments one query? Equal queries are equal bytes. */
static bool
arguments_equal(FunctionCallInfo fcinfo)
{
	SegmentQuery *a = PG_GETARG_SEGMENT_QUERY_P(0);
	SegmentQuery *b = PG_GETARG_SEGMENT_QUERY_P(1);
	bool equal = VARSIZE(a) == VARSIZE(b) && memcmp(a, b, VARSIZE(a)) == 0;

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return equal;
}

/* Order of the arguments' text forms, by bytes, the shorter first. */
static int
compare_arguments(FunctionCallInfo fcinfo)
{
	SegmentQuery *a = PG_GETARG_SEGMENT_QUERY_P(0);
	SegmentQuery *b = PG_GETARG_SEGMENT_QUERY_P(1);
	size_t a_len;
	size_t b_len;
	char *a_text = segment_query_text(a, &a_len);
	char *b_text = segment_query_text(b, &b_len);
	int order = segment_name_compare(a_text, (int) a_len, b_text, (int) b_len);

	pfree(a_text);
	pfree(b_text);
	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return (order > 0) - (order < 0);
}

Datum
segment_query_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(arguments_equal(fcinfo));
}

Datum
segment_query_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!arguments_equal(fcinfo));
}

Datum
segment_query_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) < 0);
}

Datum
segment_query_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) <= 0);
}

Datum
segment_query_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) > 0);
}

Datum
segment_query_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) >= 0);
}

/* btree support function 1. */
Datum
segment_query_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(compare_arguments(fcinfo));
}

/* Hash of the argument's bytes behind the varlena header. */
static uint64
hash_argument(FunctionCallInfo fcinfo, uint64 seed)
{
	SegmentQuery *query = PG_GETARG_SEGMENT_QUERY_P(0);
	uint64 hash = hash_bytes_extended((const unsigned char *) VARDATA(query),
	                                  (int) (VARSIZE(query) - VARHDRSZ), seed);

	PG_FREE_IF_COPY(query, 0);
	return hash;
}

/* The hash class's functions: 32 bits, and 64 with a seed. */
Datum
segment_query_hash(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32((int32) hash_argument(fcinfo, 0));
}

Datum
segment_query_hash_extended(PG_FUNCTION_ARGS)
{
	PG_RETURN_UINT64(hash_argument(fcinfo, DatumGetUInt64(PG_GETARG_DATUM(1))));
}
