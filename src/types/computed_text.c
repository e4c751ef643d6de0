/*
 * computed_text.c
 *	  Reading the text form of cdp.computed, which computed_io.c describes.
 *
 * PostgreSQL's own jsonb does the parsing. Keys, days and values are taken in
 * any order, each once. The result goes through the check of binary values,
 * which covers all that is not checked here.
 */
#include "types/computed_builder.h"
#include "types/computed_internal.h"

#include "miscadmin.h"
#include "types/identifier.h"
#include "types/ltv.h"
#include "types/segment_set_text.h"
#include "types/text_internal.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"

/*
 * Where the reader is. The functions below return false after they have set
 * fault, which says what is wrong there.
 */
typedef struct Reader
{
	Node *escontext;
	const char *trait; /* NULL: at none */
	const char *day;   /* the same */
	const char *fault;
} Reader;

static JsonbContainer *
object_of(const JsonbValue *json)
{
	return json != NULL && json->type == jbvBinary && JsonContainerIsObject(json->val.binary.data)
	           ? json->val.binary.data
	           : NULL;
}

static JsonbContainer *
array_of(const JsonbValue *json)
{
	return json != NULL && json->type == jbvBinary && JsonContainerIsArray(json->val.binary.data)
	           ? json->val.binary.data
	           : NULL;
}

static char *
string_of(const JsonbValue *json)
{
	return json != NULL && json->type == jbvString
	           ? pnstrdup(json->val.string.val, json->val.string.len)
	           : NULL;
}

/*
 * The values of an object's keys, NULL for a missing one. The first n_needed
 * keys must be there, and there must be no unknown keys.
 */
static bool
take_fields(Reader *reader, const JsonbValue *json, const char *const *keys, int n_keys,
            int n_needed, JsonbValue **fields)
{
	JsonbContainer *object = object_of(json);
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue key;
	int found = 0;

	if (object == NULL)
		return text_fail(&reader->fault, psprintf("object with \"%s\" expected", keys[0]));
	for (int i = 0; i < n_keys; i++)
	{
		fields[i] = getKeyJsonValueFromContainer(object, keys[i], (int) strlen(keys[i]), NULL);
		if (i < n_needed && fields[i] == NULL)
			return text_fail(&reader->fault, psprintf("\"%s\" is missing", keys[i]));
		found += fields[i] != NULL;
	}
	if (found == (int) JsonContainerSize(object))
		return true;
	iterator = JsonbIteratorInit(object);
	while ((token = JsonbIteratorNext(&iterator, &key, true)) != WJB_DONE)
	{
		char *name = token == WJB_KEY ? string_of(&key) : NULL;

		for (int i = 0; i < n_keys && name != NULL; i++)
			if (strcmp(name, keys[i]) == 0)
				name = NULL;
		if (name != NULL)
			return text_fail(&reader->fault, psprintf("key \"%s\" is not known here", name));
	}
	return text_fail(&reader->fault, "unknown key");
}

/* A whole number from 1 to max. */
static bool
read_json_count(Reader *reader, const JsonbValue *json, int64 max, int64 *count)
{
	if (json == NULL || json->type != jbvNumeric || ltv_numeric_scale(json->val.numeric) != 0 ||
	    !ltv_numeric_to_units(json->val.numeric, 0, count) || *count < 1 || *count > max)
		return text_fail(&reader->fault,
		                 psprintf("whole number from 1 to " INT64_FORMAT " expected", max));
	return true;
}

static bool
read_json_amount(Reader *reader, const JsonbValue *json, StringInfo out)
{
	ComputedAmount amount;

	if (json == NULL || json->type != jbvNumeric || !computed_amount_of(json->val.numeric, &amount))
		return text_fail(&reader->fault, "number expected");
	computed_append_amount(out, &amount);
	return true;
}

static bool
read_time(const JsonbValue *json, TimestampTz *time)
{
	return json->type == jbvString && segment_time_read(json->val.string.val, json->val.string.len,
	                                                    time) == SEGMENT_TEXT_MEMBER;
}

static bool
read_json_date(const JsonbValue *json, DateADT *date)
{
	char *string = string_of(json);

	if (string == NULL)
		return false;
	if (strcmp(string, "infinity") == 0)
		DATE_NOEND(*date);
	else if (strcmp(string, "-infinity") == 0)
		DATE_NOBEGIN(*date);
	else
		return ltv_parse_day(string, date);
	return true;
}

/* Appends the bytes of a value, without their number. */
static bool
read_json_value(Reader *reader, const ComputedTrait *trait, JsonbValue *json, StringInfo out)
{
	Datum value;
	TimestampTz time;
	DateADT date;

	switch (trait->value_class)
	{
		case COMPUTED_NUMBER:
			if (json->type != jbvNumeric)
				return text_fail(&reader->fault, "number expected");
			value = NumericGetDatum(json->val.numeric);
			break;
		case COMPUTED_TEXT:
			if (json->type != jbvString)
				return text_fail(&reader->fault, "string expected");
			if (computed_kind_is_set(trait->kind) && json->val.string.len > COMPUTED_VALUE_MAX)
				return text_fail(&reader->fault, psprintf("string of at most %d bytes expected",
				                                          COMPUTED_VALUE_MAX));
			value = PointerGetDatum(
			    cstring_to_text_with_len(json->val.string.val, json->val.string.len));
			break;
		case COMPUTED_BOOL:
			if (json->type != jbvBool)
				return text_fail(&reader->fault, "true or false expected");
			value = BoolGetDatum(json->val.boolean);
			break;
		case COMPUTED_TIME:
			if (!read_time(json, &time))
				return text_fail(&reader->fault, "time as in \"2024-01-05T10:00:00Z\" expected");
			value = TimestampTzGetDatum(time);
			break;
		case COMPUTED_DATE:
			if (!read_json_date(json, &date))
				return text_fail(&reader->fault, "date as in \"2024-01-05\" expected");
			value = DateADTGetDatum(date);
			break;
		case COMPUTED_JSON:
			value = JsonbPGetDatum(JsonbValueToJsonb(json));
			break;
		default:
			return text_fail(&reader->fault, "values of a class expected");
	}
	computed_put_value(out, trait->kind, trait->value_class, value);
	return true;
}

/* Appends a value with the number of its bytes before it. */
static bool
read_sized_value(Reader *reader, const ComputedTrait *trait, JsonbValue *json, StringInfo out)
{
	StringInfoData bytes;

	initStringInfo(&bytes);
	if (!read_json_value(reader, trait, json, &bytes))
		return false;
	computed_append_number(out, bytes.len);
	appendBinaryStringInfo(out, bytes.data, bytes.len);
	pfree(bytes.data);
	return true;
}

/* A value of a set, or of a most frequent one [value, times]; its bytes are appended. */
static bool
read_element(Reader *reader, const ComputedTrait *trait, JsonbValue *json, StringInfo out,
             ComputedSetValue *value)
{
	int from = out->len;

	value->times = 1;
	if (trait->kind == COMPUTED_MOST_FREQUENT)
	{
		JsonbContainer *pair = array_of(json);

		if (pair == NULL || JsonContainerSize(pair) != 2)
			return text_fail(&reader->fault, "value and number of times, [value, times], expected");
		if (!read_json_count(reader, getIthJsonbValueFromContainer(pair, 1), COMPUTED_COUNT_MAX,
		                     &value->times))
			return false;
		json = getIthJsonbValueFromContainer(pair, 0);
	}
	if (!read_json_value(reader, trait, json, out))
		return false;
	value->len = out->len - from;
	return true;
}

static bool
read_json_set(Reader *reader, const ComputedTrait *trait, const JsonbValue *json, StringInfo out)
{
	static const char *const keys[] = {"values", "cut"};
	JsonbValue *fields[lengthof(keys)];
	JsonbContainer *array;
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue element;
	ComputedSetValue *values;
	StringInfoData bytes;
	const char *next;
	int n = 0;

	if (!take_fields(reader, json, keys, lengthof(keys), 1, fields))
		return false;
	array = array_of(fields[0]);
	if (array == NULL)
		return text_fail(&reader->fault, "array of values expected");
	if (fields[1] != NULL && fields[1]->type != jbvBool)
		return text_fail(&reader->fault, "true or false expected");
	values = palloc_extended(sizeof(ComputedSetValue) * ((Size) JsonContainerSize(array) + 1),
	                         MCXT_ALLOC_HUGE);
	initStringInfo(&bytes);
	iterator = JsonbIteratorInit(array);
	while ((token = JsonbIteratorNext(&iterator, &element, true)) != WJB_DONE)
	{
		CHECK_FOR_INTERRUPTS();
		if (token == WJB_ELEM && !read_element(reader, trait, &element, &bytes, &values[n++]))
			return false;
	}
	next = bytes.data;
	for (int i = 0; i < n; i++)
	{
		values[i].bytes = next;
		next += values[i].len;
	}
	qsort_arg(values, n, sizeof(ComputedSetValue), computed_compare_set_values,
	          unconstify(ComputedTrait *, trait));
	computed_append_number(out, (uint64) n * 2 + (fields[1] != NULL && fields[1]->val.boolean));
	for (int i = 0; i < n; i++)
	{
		if (i > 0 && computed_compare_set_values(&values[i - 1], &values[i],
		                                         unconstify(ComputedTrait *, trait)) == 0)
			return text_fail(&reader->fault, "a value is repeated");
		computed_append_number(out, values[i].len);
		appendBinaryStringInfo(out, values[i].bytes, values[i].len);
		if (trait->kind == COMPUTED_MOST_FREQUENT)
			computed_append_number(out, values[i].times);
	}
	pfree(bytes.data);
	pfree(values);
	return true;
}

static bool
read_event(Reader *reader, const ComputedTrait *trait, const JsonbValue *json, StringInfo out)
{
	static const char *const keys[] = {"value", "at", "event"};
	JsonbValue *fields[lengthof(keys)];
	TimestampTz at;
	char *event;
	Datum id;
	char bytes[8];

	if (!take_fields(reader, json, keys, lengthof(keys), lengthof(keys), fields))
		return false;
	if (!read_time(fields[1], &at))
		return text_fail(&reader->fault, "\"at\" as in \"2024-01-05T10:00:00Z\" expected");
	event = string_of(fields[2]);
	if (event == NULL)
		return text_fail(&reader->fault, "\"event\" as a uuid expected");
	if (!CdpInputFunctionSafe(uuid_in, event, reader->escontext, &id))
		return false;
	(void) ltv_put64(bytes, (uint64) at);
	appendBinaryStringInfo(out, bytes, sizeof(bytes));
	appendBinaryStringInfo(out, (const char *) DatumGetUUIDP(id)->data, UUID_LEN);
	return read_sized_value(reader, trait, fields[0], out);
}

static bool
read_average(Reader *reader, const JsonbValue *json, StringInfo out)
{
	static const char *const keys[] = {"sum", "count"};
	JsonbValue *fields[lengthof(keys)];
	int64 count;

	if (!take_fields(reader, json, keys, lengthof(keys), lengthof(keys), fields) ||
	    !read_json_amount(reader, fields[0], out) ||
	    !read_json_count(reader, fields[1], COMPUTED_COUNT_MAX, &count))
		return false;
	computed_append_number(out, (uint64) count);
	return true;
}

/* Reads the state of one day, or of all of them; the body of its cell is made in body. */
static bool
read_state(Reader *reader, const ComputedTrait *trait, JsonbValue *json, StringInfo body,
           ComputedCell *cell)
{
	bool ok;

	resetStringInfo(body);
	cell->count = 0;
	switch (trait->kind)
	{
		case COMPUTED_COUNT:
			ok = read_json_count(reader, json, COMPUTED_COUNT_MAX, &cell->count);
			break;
		case COMPUTED_SUM:
			ok = read_json_amount(reader, json, body);
			break;
		case COMPUTED_AVG:
			ok = read_average(reader, json, body);
			break;
		case COMPUTED_MIN:
		case COMPUTED_MAX:
			ok = read_sized_value(reader, trait, json, body);
			break;
		case COMPUTED_FIRST:
		case COMPUTED_LAST:
			ok = read_event(reader, trait, json, body);
			break;
		default:
			ok = read_json_set(reader, trait, json, body);
			break;
	}
	cell->body = body->data;
	cell->end = body->data + body->len;
	return ok;
}

/* The state of a day, before it is read. */
typedef struct Day
{
	int32 day;
	char *key;
	JsonbValue state;
} Day;

static int
compare_days(const void *a, const void *b)
{
	int32 x = ((const Day *) a)->day;
	int32 y = ((const Day *) b)->day;

	return x < y ? -1 : x > y;
}

static bool
read_json_days(Reader *reader, ComputedWriter *writer, const JsonbValue *json)
{
	JsonbContainer *object = object_of(json);
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue element;
	Day *days;
	StringInfoData body;
	int n = 0;

	if (object == NULL)
		return text_fail(&reader->fault, "object of days expected");
	days = palloc_extended(sizeof(Day) * ((Size) JsonContainerSize(object) + 1), MCXT_ALLOC_HUGE);
	iterator = JsonbIteratorInit(object);
	while ((token = JsonbIteratorNext(&iterator, &element, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
		{
			char *key = string_of(&element);

			days[n].key = pstrdup(key);
			if (!ltv_parse_day(key, &days[n].day))
				return text_fail(
				    &reader->fault,
				    psprintf("day as in \"2024-01-05\" expected, not \"%s\"", days[n].key));
		}
		else if (token == WJB_VALUE)
			days[n++].state = element;
	}
	qsort(days, n, sizeof(Day), compare_days);
	initStringInfo(&body);
	for (int i = 0; i < n; i++)
	{
		ComputedCell cell = {days[i].day};

		CHECK_FOR_INTERRUPTS();
		reader->day = days[i].key;
		if (i > 0 && days[i - 1].day == days[i].day)
			return text_fail(&reader->fault, "the day is repeated");
		if (!read_state(reader, writer->trait, &days[i].state, &body, &cell))
			return false;
		computed_write_cell(writer, &cell);
	}
	reader->day = NULL;
	return true;
}

/* The place of a string in an array of names. */
static bool
read_word(Reader *reader, const JsonbValue *json, const char *const *names, int n_names,
          const char *what, int *place)
{
	char *string = string_of(json);

	for (*place = 0; string != NULL && *place < n_names; (*place)++)
		if (strcmp(string, names[*place]) == 0)
			return true;
	return text_fail(&reader->fault, psprintf("the %s is not known", what));
}

static bool
read_trait(Reader *reader, JsonbValue *json, ComputedTrait *trait, StringInfo cells)
{
	static const char *const keys[] = {"kind", "of", "window_days", "limit", "state", "days"};
	JsonbValue *fields[lengthof(keys)];
	ComputedWriter writer = {trait, cells};
	int64 window = 0;
	int64 limit = 0;
	int kind;
	int value_class = COMPUTED_NONE;

	if (!take_fields(reader, json, keys, lengthof(keys), 1, fields) ||
	    !read_word(reader, fields[0], computed_kind_names, N_COMPUTED_KINDS, "kind", &kind))
		return false;
	if (fields[1] != NULL && !read_word(reader, fields[1], computed_class_names, N_COMPUTED_CLASSES,
	                                    "class", &value_class))
		return false;
	if (fields[2] != NULL && !read_json_count(reader, fields[2], COMPUTED_WINDOW_MAX, &window))
		return false;
	if (fields[3] != NULL && !read_json_count(reader, fields[3], COMPUTED_DISTINCT_MAX, &limit))
		return false;
	trait->kind = (ComputedKind) kind;
	trait->value_class = (ComputedClass) value_class;
	trait->window = (int) window;
	trait->limit = (int) limit;
	if (window > 0)
	{
		if (fields[4] != NULL)
			return text_fail(&reader->fault, "a trait with a window has \"days\", not \"state\"");
		return read_json_days(reader, &writer, fields[5]);
	}
	if (fields[5] != NULL)
		return text_fail(&reader->fault, "a trait without a window has \"state\", not \"days\"");
	if (fields[4] != NULL)
	{
		ComputedCell cell = {COMPUTED_NO_DAY};
		StringInfoData body;

		initStringInfo(&body);
		if (!read_state(reader, trait, fields[4], &body, &cell))
			return false;
		computed_write_cell(&writer, &cell);
	}
	return true;
}

static int
compare_keys(const void *a, const void *b)
{
	const JsonbValue *x = (const JsonbValue *) a;
	const JsonbValue *y = (const JsonbValue *) b;

	return identifier_compare_raw(x->val.string.val, x->val.string.len, y->val.string.val,
	                              y->val.string.len);
}

static bool
read_traits(Reader *reader, const JsonbValue *json, const char *zone, Computed **computed)
{
	JsonbContainer *object = object_of(json);
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue element;
	JsonbValue *names;
	ComputedTrait *traits;
	StringInfoData *cells;
	int n = 0;

	if (object == NULL)
		return text_fail(&reader->fault, "object of traits expected");
	names = palloc(sizeof(JsonbValue) * (JsonContainerSize(object) + 1));
	iterator = JsonbIteratorInit(object);
	while ((token = JsonbIteratorNext(&iterator, &element, true)) != WJB_DONE)
		if (token == WJB_KEY)
			names[n++] = element;
	qsort(names, n, sizeof(JsonbValue), compare_keys);
	traits = palloc(sizeof(ComputedTrait) * Max(n, 1));
	cells = palloc(sizeof(StringInfoData) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		const char *name = names[i].val.string.val;
		int name_len = names[i].val.string.len;

		CHECK_FOR_INTERRUPTS();
		reader->trait = string_of(&names[i]);
		traits[i].name = name;
		traits[i].name_len = name_len;
		initStringInfo(&cells[i]);
		if (!read_trait(reader, getKeyJsonValueFromContainer(object, name, name_len, NULL),
		                &traits[i], &cells[i]))
			return false;
	}
	reader->trait = NULL;
	*computed = computed_of_cells(traits, cells, n, zone);
	return true;
}

/* How many keys a JSON text has: each is followed by a colon that is in no string. */
static int64
count_keys_of_text(const char *text)
{
	bool in_string = false;
	int64 n = 0;

	for (const char *p = text; *p != '\0'; p++)
	{
		if (*p == '"')
			in_string = !in_string;
		else if (in_string && *p == '\\' && p[1] != '\0')
			p++;
		else if (*p == ':' && !in_string)
			n++;
	}
	return n;
}

/* How many keys jsonb has, which keeps the last of repeated ones. */
static int64
count_keys(Jsonb *json)
{
	JsonbIterator *iterator = JsonbIteratorInit(&json->root);
	JsonbIteratorToken token;
	JsonbValue value;
	int64 n = 0;

	while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE)
		n += token == WJB_KEY;
	return n;
}

static bool
read_computed(Reader *reader, Jsonb *json, Computed **computed)
{
	static const char *const keys[] = {"version", "zone", "traits"};
	JsonbValue *fields[lengthof(keys)];
	JsonbValue root = {.type = jbvBinary};
	char zone[LTV_ZONE_MAX + 1];
	char *name;
	int64 version;

	root.val.binary.data = &json->root;
	root.val.binary.len = VARSIZE(json) - VARHDRSZ;
	if (object_of(&root) != NULL && JB_ROOT_COUNT(json) == 0)
	{
		*computed = computed_empty();
		return true;
	}
	if (!take_fields(reader, &root, keys, lengthof(keys), lengthof(keys), fields))
		return false;
	if (!read_json_count(reader, fields[0], PG_INT32_MAX, &version) || version != COMPUTED_VERSION)
		return text_fail(&reader->fault, "the version is not known");
	name = string_of(fields[1]);
	if (name == NULL || !ltv_zone_lookup(name, zone, NULL))
		return text_fail(&reader->fault, "the time zone is not known");
	return read_traits(reader, fields[2], zone, computed);
}

static char *
detail_of(const Reader *reader)
{
	StringInfoData detail;

	initStringInfo(&detail);
	if (reader->trait != NULL)
		appendStringInfo(&detail, "Trait \"%s\", ", reader->trait);
	if (reader->day != NULL)
		appendStringInfo(&detail, "day %s, ", reader->day);
	if (detail.len > 0)
	{
		detail.len -= 2;
		detail.data[detail.len] = '\0';
		appendStringInfoString(&detail, ": ");
	}
	appendStringInfo(&detail, "%s.", reader->fault);
	return detail.data;
}

PG_FUNCTION_INFO_V1(computed_in);

/*
 * cdp.computed_in(cstring) -> computed. Order and space are free. Errors: 22P02
 * for anything else that computed_out could not have written.
 */
Datum
computed_in(PG_FUNCTION_ARGS)
{
	char *text = PG_GETARG_CSTRING(0);
	Reader reader = {.escontext = CDP_ESCONTEXT(fcinfo)};
	Computed *computed;
	Datum json;

	if (strcmp(text, "{}") == 0)
		PG_RETURN_COMPUTED_P(computed_empty());
	if (!CdpInputFunctionSafe(jsonb_in, text, reader.escontext, &json))
		PG_RETURN_NULL();
	if (count_keys_of_text(text) != count_keys(DatumGetJsonbP(json)))
		(void) text_fail(&reader.fault, "a key is repeated");
	else if (read_computed(&reader, DatumGetJsonbP(json), &computed))
	{
		const char *fault = computed_validate(VARDATA(computed), VARSIZE(computed) - VARHDRSZ);

		if (fault == NULL)
			PG_RETURN_COMPUTED_P(computed);
		(void) text_fail(&reader.fault, psprintf("the value contradicts itself, %s", fault));
	}
	else if (reader.fault == NULL) /* another type's input function has said what is wrong */
		PG_RETURN_NULL();
	ereturn(reader.escontext, (Datum) 0,
	        (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
	         errmsg("invalid input syntax for type %s", "cdp.computed"),
	         errdetail("%s", detail_of(&reader)),
	         errhint("Values are made by the engine, for the definitions in computed_traits.")));
}
