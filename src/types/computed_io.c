/*
 * computed_io.c
 *	  Writing the text form of cdp.computed; and its binary form.
 *
 *	{"version": 1, "zone": "Europe/London", "traits": {
 *	  "orders_30d": {"kind": "count", "window_days": 30, "days": {"2011-12-01": 3}},
 *	  "spend": {"kind": "sum", "of": "number", "state": 12.50},
 *	  "brands": {"kind": "unique_list", "of": "text", "limit": 100, "state": {"values": ["Acme"]}}}}
 *
 * Without traits it is {}. A trait without a window has one state, or none. A
 * trait with a window has an object of states by day of the zone. A state, by
 * kind:
 *
 *	count				number of events
 *	sum					number
 *	avg					{"sum": number, "count": number of values}
 *	min, max			value
 *	first, last			{"value": value, "at": instant, "event": uuid}
 *	most_frequent		{"values": [[value, times], ...]}, with "cut": true where some were left out
 *	unique_list, unique_count	{"values": [value, ...]}, the same
 *
 * Instants are in UTC, and like days independent of the session's settings.
 * computed_text.c reads it.
 */
#include "types/computed_builder.h"
#include "types/computed_internal.h"

#include "miscadmin.h"
#include "types/body_io.h"
#include "types/segment_set_text.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"

/* Appends a text as a JSON string. */
static void
append_string(StringInfo out, const char *bytes, int len)
{
	char *string = pnstrdup(bytes, len);

	escape_json(out, string);
	pfree(string);
}

static void
append_amount(StringInfo out, const char **p)
{
	ComputedAmount amount;
	Numeric number;
	char *text;

	computed_get_amount(p, &amount);
	number = computed_amount_numeric(&amount);
	text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(number)));
	appendStringInfoString(out, text);
	pfree(text);
	pfree(number);
}

/* Appends the value at *p, and goes on behind it. */
static void
append_value(StringInfo out, ComputedClass value_class, const char **p)
{
	int len = (int) computed_get_number(p);
	const char *bytes = *p;

	*p += len;
	switch (value_class)
	{
		case COMPUTED_NUMBER:
			append_amount(out, &bytes);
			break;
		case COMPUTED_TEXT:
			append_string(out, bytes, len);
			break;
		case COMPUTED_TIME:
		case COMPUTED_DATE:
			appendStringInfoChar(out, '"');
			computed_append_text(out, value_class, bytes, len);
			appendStringInfoChar(out, '"');
			break;
		default:
			computed_append_text(out, value_class, bytes, len);
			break;
	}
}

static void
append_set(StringInfo out, const ComputedTrait *trait, const char *body)
{
	uint64 n = computed_get_number(&body);
	bool cut = n % 2 == 1;

	appendStringInfoString(out, "{\"values\": [");
	n /= 2;
	for (uint64 i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (i > 0)
			appendStringInfoString(out, ", ");
		if (trait->kind != COMPUTED_MOST_FREQUENT)
			append_value(out, trait->value_class, &body);
		else
		{
			appendStringInfoChar(out, '[');
			append_value(out, trait->value_class, &body);
			appendStringInfo(out, ", " UINT64_FORMAT "]", computed_get_number(&body));
		}
	}
	appendStringInfoString(out, cut ? "], \"cut\": true}" : "]}");
}

static void
append_event(StringInfo out, const ComputedTrait *trait, const char *body)
{
	TimestampTz at = (TimestampTz) ltv_get64(body);
	char time[SEGMENT_TIME_BUFFER];
	pg_uuid_t id;
	char *event;
	const char *value = body + COMPUTED_EVENT_SIZE;
	int len = segment_time_write(at, time);

	memcpy(id.data, body + sizeof(int64), UUID_LEN);
	event = DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(&id)));
	appendStringInfoString(out, "{\"value\": ");
	append_value(out, trait->value_class, &value);
	appendStringInfo(out, ", \"at\": \"%.*s\", \"event\": \"%s\"}", len, time, event);
	pfree(event);
}

static void
append_state(StringInfo out, const ComputedTrait *trait, const ComputedCell *cell)
{
	const char *p = cell->body;

	switch (trait->kind)
	{
		case COMPUTED_COUNT:
			appendStringInfo(out, INT64_FORMAT, cell->count);
			break;
		case COMPUTED_SUM:
			append_amount(out, &p);
			break;
		case COMPUTED_AVG:
			appendStringInfoString(out, "{\"sum\": ");
			append_amount(out, &p);
			appendStringInfo(out, ", \"count\": " UINT64_FORMAT "}", computed_get_number(&p));
			break;
		case COMPUTED_MIN:
		case COMPUTED_MAX:
			append_value(out, trait->value_class, &p);
			break;
		case COMPUTED_FIRST:
		case COMPUTED_LAST:
			append_event(out, trait, p);
			break;
		default:
			append_set(out, trait, p);
			break;
	}
}

static void
append_trait(StringInfo out, const ComputedEntry *entry)
{
	const ComputedTrait *trait = &entry->trait;
	ComputedCells cells;
	ComputedCell cell;
	int n = 0;

	append_string(out, trait->name, trait->name_len);
	appendStringInfo(out, ": {\"kind\": \"%s\"", computed_kind_names[trait->kind]);
	if (trait->value_class != COMPUTED_NONE)
		appendStringInfo(out, ", \"of\": \"%s\"", computed_class_names[trait->value_class]);
	if (trait->window > 0)
		appendStringInfo(out, ", \"window_days\": %d", trait->window);
	if (computed_kind_is_set(trait->kind))
		appendStringInfo(out, ", \"limit\": %d", trait->limit);
	if (trait->window > 0)
		appendStringInfoString(out, ", \"days\": {");
	computed_cells_begin(&cells, entry);
	for (; computed_cells_next(&cells, &cell); n++)
	{
		CHECK_FOR_INTERRUPTS();
		if (trait->window > 0)
		{
			appendStringInfoString(out, n > 0 ? ", \"" : "\"");
			ltv_append_day(out, cell.day);
			appendStringInfoString(out, "\": ");
		}
		else
			appendStringInfoString(out, ", \"state\": ");
		append_state(out, trait, &cell);
	}
	appendStringInfoString(out, trait->window > 0 ? "}}" : "}");
}

PG_FUNCTION_INFO_V1(computed_out);

/* cdp.computed_out(computed) -> cstring */
Datum
computed_out(PG_FUNCTION_ARGS)
{
	ComputedReader reader;
	ComputedEntry entry;
	StringInfoData out;
	int n = 0;

	initStringInfo(&out);
	appendStringInfoChar(&out, '{');
	computed_begin(&reader, PG_GETARG_COMPUTED_P(0));
	if (reader.left > 0)
	{
		appendStringInfo(&out, "\"version\": %d, \"zone\": \"%.*s\", \"traits\": {",
		                 COMPUTED_VERSION, reader.zone_len, reader.zone);
		for (; computed_next(&reader, &entry); n++)
		{
			if (n > 0)
				appendStringInfoString(&out, ", ");
			append_trait(&out, &entry);
		}
		appendStringInfoChar(&out, '}');
	}
	appendStringInfoChar(&out, '}');
	PG_RETURN_CSTRING(out.data);
}

PG_FUNCTION_INFO_V1(computed_recv);

/*
 * cdp.computed_recv(internal) -> computed: the stored form; its texts are in the
 * server's encoding. 22P03 for anything that is none.
 */
Datum
computed_recv(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(
	    body_receive((StringInfo) PG_GETARG_POINTER(0), "cdp.computed", computed_validate));
}

PG_FUNCTION_INFO_V1(computed_send);

/* cdp.computed_send(computed) -> bytea: the stored form, which is the same on every platform. */
Datum
computed_send(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(body_send(PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(0))));
}
