/*
 * identifier.c
 *	  The type cdp.identifier: input and output, comparison, hash, parts.
 */
#include "types/identifier.h"

#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"

#include "normalise/phone.h"
#include "normalise/unicode.h"
#include "types/stable_hash.h"
#include "utils/builtins.h"
#include "utils/sortsupport.h"

#define QUOTED_BYTES 80 /* how much of a faulty value an error message shows */

Identifier *
identifier_make(const NormalisedIdentifier *normalised)
{
	Size size = offsetof(Identifier, text) + normalised->len;
	Identifier *result = (Identifier *) palloc(size);

	Assert(normalised->namespace_len > 0 && normalised->len > normalised->namespace_len);
	SET_VARSIZE(result, size);
	result->version = IDENTIFIER_VERSION;
	result->namespace_len = normalised->namespace_len;
	memcpy(result->text, normalised->text, normalised->len);
	return result;
}

int
identifier_compare_raw(const char *a, size_t a_len, const char *b, size_t b_len)
{
	int order = memcmp(a, b, Min(a_len, b_len));

	if (order != 0)
		return order;
	return a_len < b_len ? -1 : (a_len > b_len ? 1 : 0);
}

/*
 * The hash, version 1, which must never change: h = seed XOR length * A; a round for each
 * 8 bytes as a little-endian number, the last ones filled up with zero bytes (none if the
 * length is a multiple of 8); then the finaliser. See stable_hash.h.
 */
uint64
identifier_hash_raw(const char *text, size_t len, uint64 seed)
{
	uint64 h = seed ^ (uint64) len * STABLE_HASH_A;

	for (; len >= 8; len -= 8, text += 8)
		h = stable_hash_round(h, stable_hash_load(text));
	if (len > 0)
		h = stable_hash_round(h, stable_hash_load_tail(text, len));
	return stable_hash_finish(h);
}

/*
 * The beginning of untrusted bytes, safe to show: at most QUOTED_BYTES of
 * them, cut between characters, control and malformed bytes as \xNN.
 */
static char *
quotable(const char *s, size_t len)
{
	StringInfoData out;
	size_t i = 0;

	initStringInfo(&out);
	while (i < len && i < QUOTED_BYTES)
	{
		unsigned char c = (unsigned char) s[i];
		size_t n = 1;

		if (c >= 0x80 && GetDatabaseEncoding() == PG_UTF8)
		{
			n = c >= 0xf0 ? 4 : (c >= 0xe0 ? 3 : 2);
			if (n > len - i || !unicode_utf8_valid(s + i, n) ||
			    (c == 0xc2 && (s[i + 1] & 0xe0) == 0x80))
				n = 0;
		}
		else if (c < 0x20 || c >= 0x7f)
			n = 0;
		if (n == 0)
			appendStringInfo(&out, "\\x%02X", s[i++] & 0xff);
		else
		{
			appendBinaryStringInfo(&out, s + i, n);
			i += n;
		}
	}
	if (i < len)
		appendStringInfoString(&out, "...");
	return out.data;
}

/*
 * Does a received text begin with this namespace, in whatever case?
 */
static bool
has_namespace(const char *s, size_t len, const char *namespace)
{
	size_t n = strlen(namespace);
	size_t space;

	while ((space = unicode_leading_space(s, len)) > 0)
	{
		s += space;
		len -= space;
	}
	return len > n && pg_strncasecmp(s, namespace, n) == 0 && s[n] == ':';
}

/*
 * Raises a fault of 'received', or hands it to a soft error context where the
 * server has those. Returns false for a soft error.
 */
static bool
report_to(struct Node *context, NormaliseStatus status, const char *received, size_t len)
{
	switch (status)
	{
		case NORMALISE_OK:
			return true;
		case NORMALISE_INVALID:
			if (has_namespace(received, len, "email"))
			{
				ereturn(context, false,
				        (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				         errmsg("invalid e-mail address in identifier"),
				         errdetail("\"%s\" is not an address of the form local@domain as RFC "
				                   "5321 and RFC 6531 define it.",
				                   quotable(received, len)),
				         errhint("Use cdp.to_identifier, which returns NULL for it, or keep the "
				                 "value in another namespace.")));
				break;
			}
			ereturn(
			    context, false,
			    (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			     errmsg("invalid phone number in identifier"),
			     errdetail("\"%s\" is not a valid international number.", quotable(received, len)),
			     errhint("Write it with its country calling code, as in "
			             "\"phone:+84 912 345 678\", or complete a national number with "
			             "cdp.phone(number, region) first.")));
			break;
		case NORMALISE_NO_NAMESPACE:
			ereturn(context, false,
			        (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			         errmsg("identifier has no namespace"),
			         errdetail("\"%s\" does not start with a name and a colon.",
			                   quotable(received, len)),
			         errhint("Write it as namespace:value, as in \"email:an@example.com\" or "
			                 "\"user_id:42\".")));
			break;
		case NORMALISE_BAD_NAMESPACE:
			ereturn(context, false,
			        (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			         errmsg("invalid namespace in identifier"),
			         errdetail("What stands before the first colon of \"%s\" is not a namespace.",
			                   quotable(received, len)),
			         errhint("A namespace is a letter followed by at most 62 letters, digits and "
			                 "underscores, all ASCII.")));
			break;
		case NORMALISE_EMPTY:
			ereturn(context, false,
			        (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			         errmsg("identifier has no value"),
			         errdetail("Nothing but white space follows the colon of \"%s\".",
			                   quotable(received, len)),
			         errhint("Leave out identifiers that are not known.")));
			break;
		case NORMALISE_TOO_LONG:
			ereturn(context, false,
			        (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("identifier is too long"),
			         errdetail("The value of \"%s\" has more than %d bytes.",
			                   quotable(received, len), NORMALISE_MAX_VALUE),
			         errhint("Identify by a hash of the value, for example "
			                 "encode(sha256(convert_to(value, 'UTF8')), 'hex').")));
			break;
		case NORMALISE_CONTROL_CHARACTER:
			ereturn(context, false,
			        (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			         errmsg("identifier contains a control character"),
			         errdetail("In \"%s\", characters U+0000 to U+001F and U+007F to U+009F are "
			                   "not allowed.",
			                   quotable(received, len)),
			         errhint("Remove it, or encode the value, for example in hexadecimal.")));
			break;
		case NORMALISE_BAD_ENCODING:
			ereturn(context, false,
			        (errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE),
			         errmsg("identifier is not valid UTF-8"),
			         errdetail("The bytes are \"%s\".", quotable(received, len)),
			         errhint("Convert the text to UTF-8, and use a database of that encoding.")));
			break;
		case NORMALISE_UNICODE_LIBRARY:
			ereturn(context, false,
			        (errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
			         errmsg("the Unicode library failed"),
			         errdetail("ICU %s could not process \"%s\".", unicode_library_version(),
			                   quotable(received, len)),
			         errhint("Check that ICU and its data are installed completely.")));
			break;
	}
	elog(ERROR, "unknown status %d of an identifier", (int) status);
	return false;
}

void
normalise_report(NormaliseStatus status, const char *received, size_t len)
{
	(void) report_to(NULL, status, received, len);
}

/*
 * Is this value an E.164 number in its canonical spelling, whatever today's
 * numbering plans say of it?
 */
static bool
is_e164(const char *value, size_t len)
{
	if (len < 6 || len > PHONE_MAX_E164 || value[0] != '+' || value[1] == '0')
		return false;
	for (size_t i = 1; i < len; i++)
	{
		if (value[i] < '0' || value[i] > '9')
			return false;
	}
	return true;
}

/*
 * Canonical datum of a text, or NULL after a soft error. A phone number in
 * E.164 spelling is taken even where the numbering plans of this version do not
 * know it. The version that stored it found it valid, and a dump must load.
 * (Identifiers of events are judged by normalise_identifier alone.)
 */
static Identifier *
identifier_parse(const char *text, size_t len, struct Node *context)
{
	NormalisedIdentifier normalised;
	NormaliseStatus status = normalise_identifier(text, len, NULL, &normalised);

	if (status == NORMALISE_INVALID && strcmp(normalised.text, "phone:") == 0)
	{
		const char *value = text + 6;
		size_t value_len = len - 6;

		if (strncmp(text, "phone:", 6) == 0 && is_e164(value, value_len))
		{
			memcpy(normalised.text, text, len);
			normalised.len = len;
			status = NORMALISE_OK;
		}
	}
	if (!report_to(context, status, text, len))
		return NULL;
	return identifier_make(&normalised);
}

PG_FUNCTION_INFO_V1(identifier_in);

/* cdp.identifier from "namespace:value", canonicalised without a workspace's options. */
Datum
identifier_in(PG_FUNCTION_ARGS)
{
	char *text = PG_GETARG_CSTRING(0);
	Identifier *result =
	    identifier_parse(text, strlen(text), (struct Node *) CDP_ESCONTEXT(fcinfo));

	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_IDENTIFIER_P(result);
}

PG_FUNCTION_INFO_V1(identifier_out);

/* "namespace:value". */
Datum
identifier_out(PG_FUNCTION_ARGS)
{
	Identifier *identifier = PG_GETARG_IDENTIFIER_PP(0);

	PG_RETURN_CSTRING(pnstrdup(IDENTIFIER_TEXT(identifier), IDENTIFIER_LEN(identifier)));
}

PG_FUNCTION_INFO_V1(identifier_recv);

/*
 * Binary form: a version byte (1), then the text form in the client's
 * encoding. It is canonicalised like text.
 */
Datum
identifier_recv(PG_FUNCTION_ARGS)
{
	StringInfo message = (StringInfo) PG_GETARG_POINTER(0);
	int version = pq_getmsgbyte(message);
	Identifier *result;
	char *text;
	int len;

	if (version != IDENTIFIER_VERSION)
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
		         errmsg("unsupported version %d of the binary form of an identifier", version),
		         errhint("The first byte is the version of the form, %d; the text follows.",
		                 IDENTIFIER_VERSION)));
	text = pq_getmsgtext(message, message->len - message->cursor, &len);
	result = identifier_parse(text, len, NULL);
	pfree(text);
	PG_RETURN_IDENTIFIER_P(result);
}

PG_FUNCTION_INFO_V1(identifier_send);

/* Binary form, see identifier_recv. */
Datum
identifier_send(PG_FUNCTION_ARGS)
{
	Identifier *identifier = PG_GETARG_IDENTIFIER_PP(0);
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendbyte(&message, IDENTIFIER_VERSION);
	pq_sendtext(&message, IDENTIFIER_TEXT(identifier), IDENTIFIER_LEN(identifier));
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

PG_FUNCTION_INFO_V1(identifier_from_text);

/* cdp.identifier(text): as the type's input. */
Datum
identifier_from_text(PG_FUNCTION_ARGS)
{
	text *received = PG_GETARG_TEXT_PP(0);

	PG_RETURN_IDENTIFIER_P(
	    identifier_parse(VARDATA_ANY(received), VARSIZE_ANY_EXHDR(received), NULL));
}

PG_FUNCTION_INFO_V1(identifier_try_from_text);

/*
 * cdp.to_identifier(text): NULL where the namespace cannot canonicalise the
 * value, as the normalise stage refuses it. Structural faults are errors.
 */
Datum
identifier_try_from_text(PG_FUNCTION_ARGS)
{
	text *received = PG_GETARG_TEXT_PP(0);
	NormalisedIdentifier normalised;
	NormaliseStatus status =
	    normalise_identifier(VARDATA_ANY(received), VARSIZE_ANY_EXHDR(received), NULL, &normalised);

	if (status == NORMALISE_INVALID)
		PG_RETURN_NULL();
	normalise_report(status, VARDATA_ANY(received), VARSIZE_ANY_EXHDR(received));
	PG_RETURN_IDENTIFIER_P(identifier_make(&normalised));
}

PG_FUNCTION_INFO_V1(identifier_of_stored_text);

/*
 * cdp.stored_identifier(text, region text, vietnam_2018 boolean): the canonical form of an
 * identifier of a stored event, in a workspace with these settings. Without a region a phone number
 * has to be an international one. Null where it has none, for whatever reason: it may have come past
 * the triggers.
 */
Datum
identifier_of_stored_text(PG_FUNCTION_ARGS)
{
	NormaliseOptions options = {.vietnam_2018 = !PG_ARGISNULL(2) && PG_GETARG_BOOL(2)};
	text *received;
	NormalisedIdentifier normalised;
	NormaliseStatus status;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (!PG_ARGISNULL(1))
		text_to_cstring_buffer(PG_GETARG_TEXT_PP(1), options.default_region,
		                       sizeof(options.default_region));
	received = PG_GETARG_TEXT_PP(0);
	status = normalise_identifier(VARDATA_ANY(received), VARSIZE_ANY_EXHDR(received), &options,
	                              &normalised);
	if (status == NORMALISE_INVALID || normalise_is_fault(status))
		PG_RETURN_NULL();
	if (status != NORMALISE_OK)
		normalise_report(status, VARDATA_ANY(received), VARSIZE_ANY_EXHDR(received));
	PG_RETURN_IDENTIFIER_P(identifier_make(&normalised));
}

PG_FUNCTION_INFO_V1(identifier_to_text);

/* cdp.text(identifier): "namespace:value". */
Datum
identifier_to_text(PG_FUNCTION_ARGS)
{
	Identifier *identifier = PG_GETARG_IDENTIFIER_PP(0);

	PG_RETURN_TEXT_P(
	    cstring_to_text_with_len(IDENTIFIER_TEXT(identifier), IDENTIFIER_LEN(identifier)));
}

PG_FUNCTION_INFO_V1(identifier_namespace);

/* cdp.namespace(identifier): what stands before the colon. */
Datum
identifier_namespace(PG_FUNCTION_ARGS)
{
	Identifier *identifier = PG_GETARG_IDENTIFIER_PP(0);

	PG_RETURN_TEXT_P(cstring_to_text_with_len(IDENTIFIER_TEXT(identifier),
	                                          IDENTIFIER_NAMESPACE_LEN(identifier)));
}

PG_FUNCTION_INFO_V1(identifier_value);

/* cdp.value(identifier): what stands behind the colon. */
Datum
identifier_value(PG_FUNCTION_ARGS)
{
	Identifier *identifier = PG_GETARG_IDENTIFIER_PP(0);
	size_t start = IDENTIFIER_NAMESPACE_LEN(identifier) + 1;

	PG_RETURN_TEXT_P(cstring_to_text_with_len(IDENTIFIER_TEXT(identifier) + start,
	                                          IDENTIFIER_LEN(identifier) - start));
}

/*
 * Order of two datums; see identifier_compare_raw. Frees detoasted copies, as
 * index support functions must.
 */
static int
compare_arguments(FunctionCallInfo fcinfo)
{
	Identifier *a = PG_GETARG_IDENTIFIER_PP(0);
	Identifier *b = PG_GETARG_IDENTIFIER_PP(1);
	int order = identifier_compare_raw(IDENTIFIER_TEXT(a), IDENTIFIER_LEN(a), IDENTIFIER_TEXT(b),
	                                   IDENTIFIER_LEN(b));

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return order;
}

PG_FUNCTION_INFO_V1(identifier_eq);
PG_FUNCTION_INFO_V1(identifier_ne);
PG_FUNCTION_INFO_V1(identifier_lt);
PG_FUNCTION_INFO_V1(identifier_le);
PG_FUNCTION_INFO_V1(identifier_gt);
PG_FUNCTION_INFO_V1(identifier_ge);
PG_FUNCTION_INFO_V1(identifier_cmp);

Datum
identifier_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) == 0);
}

Datum
identifier_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) != 0);
}

Datum
identifier_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) < 0);
}

Datum
identifier_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) <= 0);
}

Datum
identifier_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) > 0);
}

Datum
identifier_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) >= 0);
}

/* btree support function 1. */
Datum
identifier_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(compare_arguments(fcinfo));
}

/* Comparison without the function-call machinery, for sorts. */
static int
compare_for_sort(Datum x, Datum y, SortSupport ssup)
{
	Identifier *a = DatumGetIdentifierPP(x);
	Identifier *b = DatumGetIdentifierPP(y);
	int order = identifier_compare_raw(IDENTIFIER_TEXT(a), IDENTIFIER_LEN(a), IDENTIFIER_TEXT(b),
	                                   IDENTIFIER_LEN(b));

	if ((Pointer) a != DatumGetPointer(x))
		pfree(a);
	if ((Pointer) b != DatumGetPointer(y))
		pfree(b);
	return order;
}

PG_FUNCTION_INFO_V1(identifier_sortsupport);

/* btree support function 2. */
Datum
identifier_sortsupport(PG_FUNCTION_ARGS)
{
	SortSupport ssup = (SortSupport) PG_GETARG_POINTER(0);

	ssup->comparator = compare_for_sort;
	PG_RETURN_VOID();
}

static uint64
hash_argument(FunctionCallInfo fcinfo, uint64 seed)
{
	Identifier *identifier = PG_GETARG_IDENTIFIER_PP(0);
	uint64 hash =
	    identifier_hash_raw(IDENTIFIER_TEXT(identifier), IDENTIFIER_LEN(identifier), seed);

	PG_FREE_IF_COPY(identifier, 0);
	return hash;
}

PG_FUNCTION_INFO_V1(identifier_hash);
PG_FUNCTION_INFO_V1(identifier_hash_extended);

/* hash support function 1: the lower half of the hash with seed 0. */
Datum
identifier_hash(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32((int32) (uint32) hash_argument(fcinfo, 0));
}

/* hash support function 2. */
Datum
identifier_hash_extended(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64((int64) hash_argument(fcinfo, (uint64) PG_GETARG_INT64(1)));
}

PG_FUNCTION_INFO_V1(identifier_larger);
PG_FUNCTION_INFO_V1(identifier_smaller);

/* Transition and combine function of max(identifier). */
Datum
identifier_larger(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(compare_arguments(fcinfo) >= 0 ? PG_GETARG_DATUM(0) : PG_GETARG_DATUM(1));
}

/* Transition and combine function of min(identifier). */
Datum
identifier_smaller(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(compare_arguments(fcinfo) <= 0 ? PG_GETARG_DATUM(0) : PG_GETARG_DATUM(1));
}
