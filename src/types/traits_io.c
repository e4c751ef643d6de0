/*
 * traits_io.c
 *	  Text and binary forms of the type cdp.traits.
 *
 * The text form is a JSON object that holds the whole state:
 *	{"plan": {"value": "gold", "at": "2024-05-01T10:00:00.250000Z",
 *			  "event": "0190e0c4-...", "source": "web"},
 *	 "old": {"unset": true, "at": "2024-04-01T00:00:00Z", "event": "..."}}
 * Instants are ISO 8601 with a zone, so that input depends on no setting.
 */
#include "types/traits_internal.h"

#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#define TRAITS_WIRE_VERSION 1

/* Appends bytes as a JSON string. */
static void
append_json_string(StringInfo out, const char *bytes, int len)
{
	char *terminated = pnstrdup(bytes, len);

	escape_json(out, terminated);
	pfree(terminated);
}

/* Appends a value that is set as JSON text. */
static void
append_json_value(StringInfo out, TraitsKind kind, const char *value, uint32 len)
{
	switch (kind)
	{
		case TRAITS_FALSE:
			appendStringInfoString(out, "false");
			return;
		case TRAITS_TRUE:
			appendStringInfoString(out, "true");
			return;
		case TRAITS_NUMBER:
			appendStringInfoString(out,
			                       DatumGetCString(DirectFunctionCall1(
			                           numeric_out, NumericGetDatum(traits_number(value, len)))));
			return;
		case TRAITS_STRING:
			append_json_string(out, value, len);
			return;
		case TRAITS_CONTAINER:
			(void) JsonbToCString(out, (JsonbContainer *) unconstify(char *, value), len);
			return;
		case TRAITS_UNSET:
			break;
	}
	elog(ERROR, "unexpected kind of trait %d", (int) kind);
}

/*
 * Appends an instant as ISO 8601 in UTC to the microsecond, or -infinity. The
 * fraction is left out where it is zero. Years before 1 are written as
 * PostgreSQL does, with BC.
 */
static void
append_instant(StringInfo out, TimestampTz instant)
{
	struct pg_tm tm;
	fsec_t fsec;
	bool bc;

	if (TIMESTAMP_IS_NOBEGIN(instant))
	{
		appendStringInfoString(out, "-infinity");
		return;
	}
	if (timestamp2tm(instant, NULL, &tm, &fsec, NULL, NULL) != 0)
		ereport(ERROR,
		        (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("timestamp out of range")));
	bc = tm.tm_year <= 0;
	appendStringInfo(out, "%04d-%02d-%02dT%02d:%02d:%02d", bc ? 1 - tm.tm_year : tm.tm_year,
	                 tm.tm_mon, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	if (fsec != 0)
		appendStringInfo(out, ".%06d", (int) fsec);
	appendStringInfoString(out, bc ? "Z BC" : "Z");
}

/* Appends a uuid in its usual form. */
static void
append_uuid(StringInfo out, const pg_uuid_t *uuid)
{
	static const char hex[] = "0123456789abcdef";
	int i;

	for (i = 0; i < UUID_LEN; i++)
	{
		if (i == 4 || i == 6 || i == 8 || i == 10)
			appendStringInfoChar(out, '-');
		appendStringInfoChar(out, hex[uuid->data[i] >> 4]);
		appendStringInfoChar(out, hex[uuid->data[i] & 0x0F]);
	}
}

PG_FUNCTION_INFO_V1(traits_out);

/* traits -> text form */
Datum
traits_out(PG_FUNCTION_ARGS)
{
	Traits *traits = PG_GETARG_TRAITS_P(0);
	StringInfoData out;
	int i;

	initStringInfo(&out);
	appendStringInfoChar(&out, '{');
	for (i = 0; i < traits->nkeys; i++)
	{
		TraitsFact fact;

		CHECK_FOR_INTERRUPTS();
		traits_fact(traits, i, &fact);
		if (i > 0)
			appendStringInfoString(&out, ", ");
		append_json_string(&out, fact.key, fact.key_len);
		if (fact.kind == TRAITS_UNSET)
			appendStringInfoString(&out, ": {\"unset\": true");
		else
		{
			appendStringInfoString(&out, ": {\"value\": ");
			append_json_value(&out, fact.kind, fact.value, fact.value_len);
		}
		appendStringInfoString(&out, ", \"at\": \"");
		append_instant(&out, fact.observed_at);
		appendStringInfoString(&out, "\", \"event\": \"");
		append_uuid(&out, &fact.event_id);
		appendStringInfoChar(&out, '"');
		if (fact.source != NULL)
		{
			appendStringInfoString(&out, ", \"source\": ");
			append_json_string(&out, fact.source, fact.source_len);
		}
		appendStringInfoChar(&out, '}');
	}
	appendStringInfoChar(&out, '}');
	PG_RETURN_CSTRING(out.data);
}

/* Reads between min and max decimal digits at *p; false when they are not there. */
static bool
scan_digits(const char **p, const char *end, int min, int max, int *number, int *count)
{
	int n = 0;

	*number = 0;
	while (n < max && *p < end && **p >= '0' && **p <= '9')
	{
		*number = *number * 10 + (**p - '0');
		(*p)++;
		n++;
	}
	if (count != NULL)
		*count = n;
	return n >= min;
}

/* Steps over one expected byte; false when another is there. */
static bool
scan_char(const char **p, const char *end, char c)
{
	if (*p >= end || **p != c)
		return false;
	(*p)++;
	return true;
}

/*
 * Reads an instant: -infinity, or YYYY-MM-DD, T or a space, HH:MM, a zone (Z or
 * +HH[[:]MM]), and BC for years before 1. HH:MM may be followed by :SS, with up
 * to six digits of a fraction. The zone is required, so that the result depends
 * on no setting. False where it is not an instant, or out of range.
 */
static bool
scan_instant(const char *p, int len, TimestampTz *instant)
{
	const char *end = p + len;
	struct pg_tm tm = {0};
	int fraction = 0;
	int digits = 0;
	int zone_hours = 0;
	int zone_minutes = 0;
	int sign = 1;

	if (len == 9 && memcmp(p, "-infinity", 9) == 0)
	{
		TIMESTAMP_NOBEGIN(*instant);
		return true;
	}
	if (!scan_digits(&p, end, 4, 6, &tm.tm_year, NULL) || !scan_char(&p, end, '-') ||
	    !scan_digits(&p, end, 2, 2, &tm.tm_mon, NULL) || !scan_char(&p, end, '-') ||
	    !scan_digits(&p, end, 2, 2, &tm.tm_mday, NULL) ||
	    !(scan_char(&p, end, 'T') || scan_char(&p, end, ' ')) ||
	    !scan_digits(&p, end, 2, 2, &tm.tm_hour, NULL) || !scan_char(&p, end, ':') ||
	    !scan_digits(&p, end, 2, 2, &tm.tm_min, NULL))
		return false;
	if (scan_char(&p, end, ':'))
	{
		if (!scan_digits(&p, end, 2, 2, &tm.tm_sec, NULL))
			return false;
		if (scan_char(&p, end, '.') && !scan_digits(&p, end, 1, 6, &fraction, &digits))
			return false;
	}
	for (; digits < 6; digits++)
		fraction *= 10;
	if (!scan_char(&p, end, 'Z'))
	{
		if (scan_char(&p, end, '-'))
			sign = -1;
		else if (!scan_char(&p, end, '+'))
			return false;
		if (!scan_digits(&p, end, 2, 2, &zone_hours, NULL))
			return false;
		if (p < end && *p != ' ')
		{
			(void) scan_char(&p, end, ':');
			if (!scan_digits(&p, end, 2, 2, &zone_minutes, NULL))
				return false;
		}
	}
	if (end - p == 3 && memcmp(p, " BC", 3) == 0)
	{
		if (tm.tm_year == 0)
			return false;
		tm.tm_year = 1 - tm.tm_year;
	}
	else if (p != end || tm.tm_year == 0)
		return false;

	if (tm.tm_mon < 1 || tm.tm_mon > MONTHS_PER_YEAR || tm.tm_mday < 1 ||
	    tm.tm_mday > day_tab[isleap(tm.tm_year)][tm.tm_mon - 1] || tm.tm_hour >= HOURS_PER_DAY ||
	    tm.tm_min >= MINS_PER_HOUR || tm.tm_sec >= SECS_PER_MINUTE ||
	    zone_hours > MAX_TZDISP_HOUR || zone_minutes >= MINS_PER_HOUR)
		return false;
	if (!IS_VALID_JULIAN(tm.tm_year, tm.tm_mon, tm.tm_mday))
		return false;
	{
		int zone = -sign * (zone_hours * MINS_PER_HOUR + zone_minutes) * SECS_PER_MINUTE;

		return tm2timestamp(&tm, fraction, &zone, instant) == 0;
	}
}

/* Reads a uuid of 36 characters; false when it is not one. */
static bool
scan_uuid(const char *p, int len, pg_uuid_t *uuid)
{
	int i;

	if (len != 36)
		return false;
	for (i = 0; i < UUID_LEN; i++)
	{
		int byte = 0;
		int k;

		if ((i == 4 || i == 6 || i == 8 || i == 10) && *p++ != '-')
			return false;
		for (k = 0; k < 2; k++, p++)
		{
			if (*p >= '0' && *p <= '9')
				byte = byte * 16 + (*p - '0');
			else if (*p >= 'a' && *p <= 'f')
				byte = byte * 16 + (*p - 'a' + 10);
			else if (*p >= 'A' && *p <= 'F')
				byte = byte * 16 + (*p - 'A' + 10);
			else
				return false;
		}
		uuid->data[i] = byte;
	}
	return true;
}

/* Whether a jsonb string equals a C string. */
static bool
json_string_is(const JsonbValue *json, const char *string)
{
	return json->val.string.len == strlen(string) &&
	       memcmp(json->val.string.val, string, json->val.string.len) == 0;
}

/*
 * Reads one field of an entry of the text form into the fact. NULL when it is
 * right, else what is wrong.
 */
static const char *
read_field(const JsonbValue *name, const JsonbValue *json, TraitsFact *fact, bool *has_value,
           bool *has_at, bool *has_event)
{
	if (json_string_is(name, "value"))
	{
		if (*has_value)
			return "It has both \"value\" and \"unset\".";
		if (json->type == jbvNull)
			return "Its \"value\" is null; an unset key is written with \"unset\": true.";
		fact->kind = traits_value_of_json(json, &fact->value, &fact->value_len);
		*has_value = true;
	}
	else if (json_string_is(name, "unset"))
	{
		if (*has_value)
			return "It has both \"value\" and \"unset\".";
		if (json->type != jbvBool || !json->val.boolean)
			return "Its \"unset\" is not true.";
		fact->kind = TRAITS_UNSET;
		*has_value = true;
	}
	else if (json_string_is(name, "at"))
	{
		if (json->type != jbvString ||
		    !scan_instant(json->val.string.val, json->val.string.len, &fact->observed_at))
			return "Its \"at\" is not an instant with a zone, such as "
			       "\"2024-05-01T10:00:00.25Z\", nor \"-infinity\".";
		*has_at = true;
	}
	else if (json_string_is(name, "event"))
	{
		if (json->type != jbvString ||
		    !scan_uuid(json->val.string.val, json->val.string.len, &fact->event_id))
			return "Its \"event\" is not a uuid.";
		*has_event = true;
	}
	else if (json_string_is(name, "source"))
	{
		if (json->type != jbvString)
			return "Its \"source\" is not a string.";
		if (json->val.string.len > TRAITS_MAX_SOURCE_LEN)
			return "Its \"source\" is longer than " CppAsString2(TRAITS_MAX_SOURCE_LEN) " bytes.";
		fact->source = json->val.string.val;
		fact->source_len = json->val.string.len;
	}
	else
		return "It has a field other than \"value\", \"unset\", \"at\", \"event\" and \"source\".";
	return NULL;
}

/*
 * Reads an entry of the text form into the fact, whose key is set. NULL when
 * it is right, else what is wrong.
 */
static const char *
read_entry(const JsonbValue *entry, TraitsFact *fact)
{
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue name = {jbvNull};
	JsonbValue json;
	bool has_value = false;
	bool has_at = false;
	bool has_event = false;

	if (fact->key_len > TRAITS_MAX_KEY_LEN)
		return "The key is longer than " CppAsString2(TRAITS_MAX_KEY_LEN) " bytes.";
	if (entry->type != jbvBinary || !JsonContainerIsObject(entry->val.binary.data))
		return "It is not an object.";

	fact->kind = TRAITS_UNSET;
	fact->value = NULL;
	fact->value_len = 0;
	fact->source = NULL;
	fact->source_len = 0;
	it = JsonbIteratorInit(entry->val.binary.data);
	while ((token = JsonbIteratorNext(&it, &json, true)) != WJB_DONE)
	{
		const char *fault;

		if (token == WJB_KEY)
			name = json;
		else if (token == WJB_VALUE)
		{
			fault = read_field(&name, &json, fact, &has_value, &has_at, &has_event);
			if (fault != NULL)
				return fault;
		}
	}
	if (!has_value)
		return "It has neither \"value\" nor \"unset\".";
	if (!has_at)
		return "It has no \"at\".";
	if (!has_event)
		return "It has no \"event\".";
	return NULL;
}

PG_FUNCTION_INFO_V1(traits_in);

/* text form -> traits */
Datum
traits_in(PG_FUNCTION_ARGS)
{
	char *text_form = PG_GETARG_CSTRING(0);
	struct Node *escontext = CDP_ESCONTEXT(fcinfo);
	Datum parsed;
	Jsonb *object;
	TraitsBuilder builder;
	TraitsFact fact = {0};
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue json;

	if (!CdpInputFunctionSafe(jsonb_in, text_form, escontext, &parsed))
		PG_RETURN_NULL();
	object = DatumGetJsonbP(parsed);
	if (!JB_ROOT_IS_OBJECT(object))
		ereturn(escontext, (Datum) 0,
		        (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
		         errmsg("invalid input syntax for type %s: not a JSON object", "cdp.traits"),
		         errhint("Write '{}' for no traits; cast from jsonb to take plain values.")));

	traits_builder_init(&builder, NULL);
	it = JsonbIteratorInit(&object->root);
	while ((token = JsonbIteratorNext(&it, &json, true)) != WJB_DONE)
	{
		const char *fault;

		if (token == WJB_KEY)
		{
			fact.key = json.val.string.val;
			fact.key_len = json.val.string.len;
			continue;
		}
		if (token != WJB_VALUE)
			continue;
		CHECK_FOR_INTERRUPTS();
		fault = read_entry(&json, &fact);
		if (fault != NULL)
			ereturn(escontext, (Datum) 0,
			        (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			         errmsg("invalid input syntax for type %s at key \"%.*s\"", "cdp.traits",
			                pg_mbcliplen(fact.key, fact.key_len, 40), fact.key),
			         errdetail("%s", fault),
			         errhint("An entry reads {\"value\": \"gold\", \"at\": "
			                 "\"2024-05-01T10:00:00Z\", \"event\": \"<uuid>\", \"source\": "
			                 "\"web\"}; cast from jsonb to take plain values.")));
		traits_builder_put(&builder, &fact);
	}
	PG_RETURN_TRAITS_P(traits_builder_finish(&builder, NULL));
}

/* Sends a text in the client's encoding, its length before it. */
static void
send_text(StringInfo buf, const char *bytes, int len)
{
	char *converted = pg_server_to_client(bytes, len);

	if (converted != bytes)
		len = strlen(converted);
	pq_sendint32(buf, len);
	pq_sendbytes(buf, converted, len);
}

PG_FUNCTION_INFO_V1(traits_send);

/*
 * traits -> binary form, in network byte order: int8 version; int32 number of
 * keys; then per key, ascending: text key; int64 microseconds since 2000-01-01
 * UTC (the smallest int64 for -infinity); 16 bytes event id; text source, or -1
 * for none; int8 kind; text value for the kinds that have one. The value is a
 * string as it is, or a number, object or array as JSON. A text is an int32
 * length and that many bytes.
 */
Datum
traits_send(PG_FUNCTION_ARGS)
{
	Traits *traits = PG_GETARG_TRAITS_P(0);
	StringInfoData buf;
	int i;

	pq_begintypsend(&buf);
	pq_sendint8(&buf, TRAITS_WIRE_VERSION);
	pq_sendint32(&buf, traits->nkeys);
	for (i = 0; i < traits->nkeys; i++)
	{
		TraitsFact fact;

		CHECK_FOR_INTERRUPTS();
		traits_fact(traits, i, &fact);
		send_text(&buf, fact.key, fact.key_len);
		pq_sendint64(&buf, fact.observed_at);
		pq_sendbytes(&buf, (char *) fact.event_id.data, UUID_LEN);
		if (fact.source == NULL)
			pq_sendint32(&buf, -1);
		else
			send_text(&buf, fact.source, fact.source_len);
		pq_sendint8(&buf, fact.kind);
		if (fact.kind == TRAITS_STRING)
			send_text(&buf, fact.value, fact.value_len);
		else if (fact.kind == TRAITS_NUMBER || fact.kind == TRAITS_CONTAINER)
		{
			StringInfoData json;

			initStringInfo(&json);
			append_json_value(&json, fact.kind, fact.value, fact.value_len);
			send_text(&buf, json.data, json.len);
			pfree(json.data);
		}
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

/* Refuses a binary value. */
static void
bad_binary(const char *fault)
{
	ereport(ERROR,
	        (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
	         errmsg("invalid binary value of type %s", "cdp.traits"), errdetail("%s", fault)));
}

/* Receives a text with its length before it; NULL for the length -1. */
static const char *
receive_text(StringInfo buf, int *len)
{
	int bytes = (int) pq_getmsgint(buf, 4);

	*len = 0;
	if (bytes == -1)
		return NULL;
	return pq_getmsgtext(buf, bytes, len);
}

/* As receive_text, but a text must be there. */
static const char *
receive_needed_text(StringInfo buf, int *len)
{
	const char *bytes = receive_text(buf, len);

	if (bytes == NULL)
		bad_binary("A key or value is missing.");
	return bytes;
}

/* Receives a value of the given kind into the fact. */
static void
receive_value(StringInfo buf, int kind, TraitsFact *fact)
{
	const char *bytes;
	int len;
	Jsonb *json;
	JsonbValue value;

	fact->kind = (TraitsKind) kind;
	fact->value = NULL;
	fact->value_len = 0;
	switch (kind)
	{
		case TRAITS_UNSET:
		case TRAITS_FALSE:
		case TRAITS_TRUE:
			return;
		case TRAITS_STRING:
			fact->value = receive_needed_text(buf, &len);
			fact->value_len = len;
			return;
		case TRAITS_NUMBER:
		case TRAITS_CONTAINER:
			bytes = receive_needed_text(buf, &len);
			json = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(bytes)));
			if (JB_ROOT_IS_SCALAR(json))
				(void) JsonbExtractScalar(&json->root, &value);
			else
			{
				value.type = jbvBinary;
				value.val.binary.data = &json->root;
				value.val.binary.len = VARSIZE(json) - VARHDRSZ;
			}
			if (traits_value_of_json(&value, &fact->value, &fact->value_len) != fact->kind)
				bad_binary("A value is not of the kind that it says.");
			return;
	}
	bad_binary("A value has an unknown kind.");
}

PG_FUNCTION_INFO_V1(traits_recv);

/* binary form, as traits_send describes it -> traits */
Datum
traits_recv(PG_FUNCTION_ARGS)
{
	StringInfo buf = (StringInfo) PG_GETARG_POINTER(0);
	int version = pq_getmsgbyte(buf);
	int32 nkeys;
	TraitsBuilder builder;
	const char *last_key = NULL;
	int last_key_len = 0;
	int i;

	if (version != TRAITS_WIRE_VERSION)
		ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
		                errmsg("unsupported binary version %d of type %s", version, "cdp.traits"),
		                errdetail("This build knows version %d.", TRAITS_WIRE_VERSION)));
	nkeys = (int32) pq_getmsgint(buf, 4);
	if (nkeys < 0 || nkeys > TRAITS_MAX_KEYS)
		bad_binary("The number of keys is out of range.");

	traits_builder_init(&builder, NULL);
	for (i = 0; i < nkeys; i++)
	{
		TraitsFact fact;

		CHECK_FOR_INTERRUPTS();
		fact.key = receive_needed_text(buf, &fact.key_len);
		if (last_key != NULL &&
		    traits_compare_bytes(last_key, last_key_len, fact.key, fact.key_len) >= 0)
			bad_binary("The keys are not strictly ascending.");
		fact.observed_at = pq_getmsgint64(buf);
		if (!TIMESTAMP_IS_NOBEGIN(fact.observed_at) && !IS_VALID_TIMESTAMP(fact.observed_at))
			bad_binary("An instant is out of range.");
		memcpy(fact.event_id.data, pq_getmsgbytes(buf, UUID_LEN), UUID_LEN);
		fact.source = receive_text(buf, &fact.source_len);
		receive_value(buf, pq_getmsgbyte(buf), &fact);
		traits_builder_put(&builder, &fact);
		last_key = fact.key;
		last_key_len = fact.key_len;
	}
	PG_RETURN_TRAITS_P(traits_builder_finish(&builder, NULL));
}
