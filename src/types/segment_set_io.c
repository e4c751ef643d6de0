/*
 * segment_set_io.c
 *	  cdp.segment_set in and out: text, binary, and casts from and to text[].
 */
#include "types/segment_set.h"
#include "types/segment_set_text.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(segment_set_in);
PG_FUNCTION_INFO_V1(segment_set_out);
PG_FUNCTION_INFO_V1(segment_set_recv);
PG_FUNCTION_INFO_V1(segment_set_send);
PG_FUNCTION_INFO_V1(segment_set_from_array);
PG_FUNCTION_INFO_V1(segment_set_to_array);

/* Members gathered from input, in its order, repeats included. */
typedef struct MemberList
{
	SegmentMember *members;
	int count;
	int size; /* members allocated */
} MemberList;

/*
 * Checks the lengths of a member's name and of the list, then appends the
 * member. Repeats count: input is bounded before it is sorted. Errors are soft
 * where the caller has a context for them; then it returns false.
 */
static bool
member_list_add(MemberList *list, const SegmentMember *member, Node *escontext)
{
	if (member->name_len == 0)
		ereturn(escontext, false,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("segment name is empty")));
	if (member->name_len > SEGMENT_NAME_MAX)
		ereturn(escontext, false,
		        (errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION), errmsg("segment name is too long"),
		         errdetail("\"%s\" has %d bytes; the limit is %d.",
		                   text_shown(member->name, member->name_len), member->name_len,
		                   SEGMENT_NAME_MAX)));
	if (list->count >= SEGMENT_SET_MAX)
		ereturn(escontext, false,
		        (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
		         errmsg("too many segments in a segment set"),
		         errdetail("The limit is %d.", SEGMENT_SET_MAX)));

	if (list->count == list->size)
	{
		list->size = list->size == 0 ? 16 : list->size * 2;
		if (list->members == NULL)
			list->members = (SegmentMember *) palloc(list->size * sizeof(SegmentMember));
		else
			list->members =
			    (SegmentMember *) repalloc(list->members, list->size * sizeof(SegmentMember));
	}
	list->members[list->count++] = *member;
	return true;
}

/* Raises the error for a status of the reader; soft where there is a context. */
static void
report_text_error(SegmentTextResult status, const SegmentTextReader *reader,
                  const SegmentTextMember *member, Node *escontext)
{
	const char *input = reader->input;

	if (status == SEGMENT_TEXT_BAD_TIME)
		ereturn(
		    escontext, ,
		    (errcode(ERRCODE_INVALID_DATETIME_FORMAT),
		     errmsg("invalid time of entry: \"%s\"", text_shown(member->time, member->time_len)),
		     errdetail("It belongs to segment \"%s\".",
		               text_shown(member->member.name, member->member.name_len)),
		     errhint("Write it in ISO 8601 with its offset from UTC, as in "
		             "vip@2011-12-09T12:50:00Z; quote a name that has an @ in it.")));
	if (status == SEGMENT_TEXT_TIME_OUT_OF_RANGE)
		ereturn(escontext, ,
		        (errcode(ERRCODE_DATETIME_FIELD_OVERFLOW),
		         errmsg("time of entry out of range: \"%s\"",
		                text_shown(member->time, member->time_len)),
		         errdetail("It belongs to segment \"%s\".",
		                   text_shown(member->member.name, member->member.name_len))));
	if (status == SEGMENT_TEXT_NULL)
		ereturn(escontext, ,
		        (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("a segment set cannot hold nulls"),
		         errhint("A segment of that name is written in double quotes.")));

	ereturn(escontext, ,
	        (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
	         errmsg("malformed segment set: \"%s\"", text_shown(input, strlen(input))),
	         status == SEGMENT_TEXT_NO_OPENING     ? errdetail("It must start with \"{\".")
	         : status == SEGMENT_TEXT_UNTERMINATED ? errdetail("It ends before the closing \"}\".")
	         : status == SEGMENT_TEXT_JUNK_AFTER ? errdetail("Something follows the closing \"}\".")
	         : status == SEGMENT_TEXT_EMPTY_NAME
	             ? errdetail("A segment name is empty.")
	             : errdetail("Unexpected \"%.*s\" at byte %zu.", pg_mblen(input + reader->at),
	                         input + reader->at, reader->at + 1),
	         errhint("Write it as in {vip,\"big spender\"@2011-12-09T12:50:00Z}.")));
}

/*
 * cdp.segment_set_in(cstring): {name,"name"@time,...}, see segment_set_text.h.
 * Names come in any order; of a repeated one the earliest time counts. Errors:
 * 22P02 for the form, 22007 and 22008 for a time, 22001 for a name over 255
 * bytes. 22004 for NULL, 54000 for more than 65,535 members.
 */
Datum
segment_set_in(PG_FUNCTION_ARGS)
{
	char *input = PG_GETARG_CSTRING(0);
	Node *escontext = CDP_ESCONTEXT(fcinfo);
	SegmentTextReader reader = {0};
	MemberList list = {0};

	reader.input = input;
	reader.names = (char *) palloc(strlen(input) + 1);
	for (;;)
	{
		SegmentTextMember member;
		SegmentTextResult status = segment_text_next(&reader, &member);

		if (status == SEGMENT_TEXT_END)
			break;
		if (status != SEGMENT_TEXT_MEMBER)
		{
			report_text_error(status, &reader, &member, escontext);
			PG_RETURN_NULL();
		}
		if (!member_list_add(&list, &member.member, escontext))
			PG_RETURN_NULL();
	}
	PG_RETURN_SEGMENT_SET_P(segment_set_collect(list.members, list.count));
}

/* cdp.segment_set_out(segment_set): the same for any setting of the session. */
Datum
segment_set_out(PG_FUNCTION_ARGS)
{
	SegmentSet *set = PG_GETARG_SEGMENT_SET_P(0);
	int count = segment_set_count(set);
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '{');
	for (int i = 0; i < count; i++)
	{
		SegmentMember member;

		segment_set_get(set, i, &member);
		if (i > 0)
			appendStringInfoChar(&buf, ',');
		if (segment_name_needs_quotes(member.name, member.name_len))
		{
			enlargeStringInfo(&buf, 2 * member.name_len + 2);
			buf.len += segment_name_write_quoted(member.name, member.name_len, buf.data + buf.len);
			buf.data[buf.len] = '\0';
		}
		else
			appendBinaryStringInfo(&buf, member.name, member.name_len);
		if (!TIMESTAMP_IS_NOBEGIN(member.entered_at))
		{
			char time[SEGMENT_TIME_BUFFER];
			int len = segment_time_write(member.entered_at, time);

			appendStringInfoChar(&buf, '@');
			appendBinaryStringInfo(&buf, time, len);
		}
	}
	appendStringInfoChar(&buf, '}');
	PG_RETURN_CSTRING(buf.data);
}

/*
 * cdp.segment_set_recv(internal): the version byte (1), the number of members
 * as int32, then the members. A member is the bytes of its name as int32, the
 * name in the client's encoding, and the time of entry. The time is int64
 * microseconds since 2000-01-01 UTC. As for text, any order will do. Checks
 * everything.
 */
Datum
segment_set_recv(PG_FUNCTION_ARGS)
{
	StringInfo buf = (StringInfo) PG_GETARG_POINTER(0);
	MemberList list = {0};
	int version = pq_getmsgbyte(buf);
	int32 count;

	if (version != SEGMENT_SET_VERSION)
		ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
		                errmsg("segment set has an unknown binary format"),
		                errdetail("Its version is %d; this version of cdp reads %d.", version,
		                          SEGMENT_SET_VERSION)));
	count = (int32) pq_getmsgint(buf, 4);
	if (count < 0 || count > SEGMENT_SET_MAX)
		ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
		                errmsg("invalid number of segments in a segment set: %d", count)));

	for (int32 i = 0; i < count; i++)
	{
		SegmentMember member;
		int32 len = (int32) pq_getmsgint(buf, 4);
		char *name = pq_getmsgtext(buf, len, &member.name_len);

		if (memchr(name, '\0', member.name_len) != NULL)
			ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			                errmsg("segment name has a null byte")));
		member.name = name;
		member.entered_at = pq_getmsgint64(buf);
		if (!TIMESTAMP_NOT_FINITE(member.entered_at) && !IS_VALID_TIMESTAMP(member.entered_at))
			ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
			                errmsg("time of entry out of range"),
			                errdetail("It belongs to segment \"%s\".",
			                          text_shown(member.name, member.name_len))));
		member_list_add(&list, &member, NULL);
	}
	PG_RETURN_SEGMENT_SET_P(segment_set_collect(list.members, list.count));
}

/* cdp.segment_set_send(segment_set): as segment_set_recv reads it. */
Datum
segment_set_send(PG_FUNCTION_ARGS)
{
	SegmentSet *set = PG_GETARG_SEGMENT_SET_P(0);
	int count = segment_set_count(set);
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendbyte(&buf, SEGMENT_SET_VERSION);
	pq_sendint32(&buf, count);
	for (int i = 0; i < count; i++)
	{
		SegmentMember member;
		char *name;
		int name_len;

		segment_set_get(set, i, &member);
		name = pg_server_to_client(member.name, member.name_len);
		name_len = name == member.name ? member.name_len : (int) strlen(name);
		pq_sendint32(&buf, name_len);
		pq_sendbytes(&buf, name, name_len);
		pq_sendint64(&buf, member.entered_at);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

/*
 * text[] to segment_set: the elements are the names, entered at no known time;
 * repeats and the shape of the array do not count. A null is an error, and so
 * is a name that is empty or too long.
 */
Datum
segment_set_from_array(PG_FUNCTION_ARGS)
{
	ArrayType *array = PG_GETARG_ARRAYTYPE_P(0);
	MemberList list = {0};
	Datum *elements;
	bool *nulls;
	int count;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		SegmentMember member;

		if (nulls[i])
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			                errmsg("a segment set cannot hold nulls"),
			                errhint("Take them out with array_remove(names, NULL).")));
		member.name = VARDATA_ANY(DatumGetPointer(elements[i]));
		member.name_len = VARSIZE_ANY_EXHDR(DatumGetPointer(elements[i]));
		member.entered_at = DT_NOBEGIN;
		member_list_add(&list, &member, NULL);
	}
	PG_RETURN_SEGMENT_SET_P(segment_set_collect(list.members, list.count));
}

/* segment_set to text[]: the names in the order of their bytes. */
Datum
segment_set_to_array(PG_FUNCTION_ARGS)
{
	SegmentSet *set = PG_GETARG_SEGMENT_SET_P(0);
	int count = segment_set_count(set);
	Datum *elements = (Datum *) palloc(Max(count, 1) * sizeof(Datum));

	for (int i = 0; i < count; i++)
	{
		SegmentMember member;

		segment_set_get(set, i, &member);
		elements[i] = PointerGetDatum(cstring_to_text_with_len(member.name, member.name_len));
	}
	PG_RETURN_ARRAYTYPE_P(construct_array(elements, count, TEXTOID, -1, false, TYPALIGN_INT));
}
