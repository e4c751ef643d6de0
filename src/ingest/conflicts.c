/*
 * conflicts.c
 *	  Repeats with other content than the event that has their id, and events that came
 *	  without an id: they are counted, and of the repeats some contents are kept.
 *
 * Counts must not make transactions wait for each other. So a count is spread over rows of
 * event_counts: a statement adds to any row that no other transaction has locked, and
 * inserts one if there is none. There are about as many rows as transactions have counted
 * at the same time; cdp.status adds them up. Nothing is written where nothing is counted.
 */
#include "ingest/ingest_internal.h"

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "events/content_hash.h"
#include "store/lock.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/jsonb.h"

/*
 * Contents that are kept of a workspace. The first ones are kept, since it costs little to
 * see that there are enough; the owner deletes those that he has looked at.
 */
#define MAX_SAMPLES 1000

/* A column of more bytes is left out of a kept content. */
#define MAX_SAMPLE_COLUMN 8192

/* A value of the row that is being read from the statement. */
static Datum
row_value(Statement *statement, EventColumn column, bool *isnull)
{
	return store_value(statement->store, &events_table, statement->slot, column, isnull);
}

/*
 * Of an event that came in while the triggers were off the content is not known: nothing
 * differs from it.
 */
bool
conflicts_have(Statement *statement)
{
	bool isnull;
	int64 hash = DatumGetInt64(row_value(statement, EVENT_CONTENT_HASH, &isnull));
	TupleTableSlot *slot;
	int64 first_hash;

	if (isnull)
		return false;
	slot = store_find(statement->store, &event_ids_table, row_value(statement, EVENT_ID, &isnull));
	if (slot == NULL)
		return false;
	first_hash = DatumGetInt64(
	    store_value(statement->store, &event_ids_table, slot, EVENT_IDS_CONTENT_HASH, &isnull));
	return !isnull && content_hashes_differ(hash, first_hash);
}

/* A JSON object that is being written. */
typedef struct Content
{
	Statement *statement;
	JsonbParseState *state;
	EventColumn left_out[N_EVENT_COLUMNS]; /* columns that are too large */
	int n_left_out;
} Content;

static JsonbValue
json_string(const char *text, int len)
{
	JsonbValue value = {.type = jbvString};

	value.val.string.val = unconstify(char *, text);
	value.val.string.len = len;
	return value;
}

static void
put_key(Content *content, const char *name)
{
	JsonbValue key = json_string(name, strlen(name));

	pushJsonbValue(&content->state, WJB_KEY, &key);
}

static void
put_value(Content *content, EventColumn column, JsonbValue *value)
{
	put_key(content, events_table.columns[column].name);
	pushJsonbValue(&content->state, WJB_VALUE, value);
}

/* Whether a column is to be put in: it is not null, and not too large. */
static bool
is_put(Content *content, EventColumn column, Datum *value)
{
	bool isnull;

	*value = row_value(content->statement, column, &isnull);
	if (isnull)
		return false;
	if (toast_raw_datum_size(*value) <= MAX_SAMPLE_COLUMN)
		return true;
	content->left_out[content->n_left_out++] = column;
	return false;
}

static void
put_text(Content *content, EventColumn column)
{
	Datum datum;
	text *string;
	JsonbValue value;

	if (!is_put(content, column, &datum))
		return;
	string = DatumGetTextPP(datum);
	value = json_string(VARDATA_ANY(string), VARSIZE_ANY_EXHDR(string));
	put_value(content, column, &value);
}

static void
put_jsonb(Content *content, EventColumn column)
{
	Datum datum;
	Jsonb *jsonb;
	JsonbValue value = {.type = jbvBinary};

	if (!is_put(content, column, &datum))
		return;
	jsonb = DatumGetJsonbP(datum);
	value.val.binary.data = &jsonb->root;
	value.val.binary.len = VARSIZE(jsonb) - VARHDRSZ;
	put_value(content, column, &value);
}

static void
put_identifiers(Content *content)
{
	Datum datum;
	Datum *elements;
	bool *nulls;
	int n;

	if (!is_put(content, EVENT_IDENTIFIERS, &datum))
		return;
	deconstruct_array(DatumGetArrayTypeP(datum), TEXTOID, -1, false, TYPALIGN_INT, &elements,
	                  &nulls, &n);
	put_key(content, events_table.columns[EVENT_IDENTIFIERS].name);
	pushJsonbValue(&content->state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < n; i++)
	{
		JsonbValue value = {.type = jbvNull};

		if (!nulls[i])
			value = json_string(VARDATA_ANY(elements[i]), VARSIZE_ANY_EXHDR(elements[i]));
		pushJsonbValue(&content->state, WJB_ELEM, &value);
	}
	pushJsonbValue(&content->state, WJB_END_ARRAY, NULL);
}

static void
put_amount(Content *content)
{
	Datum datum;
	JsonbValue value = {.type = jbvNumeric};

	if (!is_put(content, EVENT_AMOUNT, &datum))
		return;
	value.val.numeric = DatumGetNumeric(datum);
	put_value(content, EVENT_AMOUNT, &value);
}

static void
put_occurred_at(Content *content)
{
	static const int utc = 0;
	bool isnull;
	Datum at = row_value(content->statement, EVENT_OCCURRED_AT, &isnull);
	char text[MAXDATELEN + 1];
	JsonbValue value;

	JsonEncodeDateTime(text, at, TIMESTAMPTZOID, &utc);
	value = json_string(text, strlen(text));
	put_value(content, EVENT_OCCURRED_AT, &value);
}

/* The content of the row, as it is in its columns: an amount has its currency, say. */
static Jsonb *
row_content(Statement *statement)
{
	Content content = {statement};

	pushJsonbValue(&content.state, WJB_BEGIN_OBJECT, NULL);
	put_text(&content, EVENT_NAME);
	put_occurred_at(&content);
	put_text(&content, EVENT_SOURCE);
	put_identifiers(&content);
	put_amount(&content);
	put_text(&content, EVENT_CURRENCY);
	put_jsonb(&content, EVENT_TRAITS);
	put_jsonb(&content, EVENT_PROPERTIES);
	if (content.n_left_out > 0)
	{
		put_key(&content, "left_out");
		pushJsonbValue(&content.state, WJB_BEGIN_ARRAY, NULL);
		for (int i = 0; i < content.n_left_out; i++)
		{
			const char *name = events_table.columns[content.left_out[i]].name;
			JsonbValue value = json_string(name, strlen(name));

			pushJsonbValue(&content.state, WJB_ELEM, &value);
		}
		pushJsonbValue(&content.state, WJB_END_ARRAY, NULL);
	}
	return JsonbValueToJsonb(pushJsonbValue(&content.state, WJB_END_OBJECT, NULL));
}

/* Counts the samples that there are. */
static bool
count_sample(TupleTableSlot *slot, void *context)
{
	return ++*(int64 *) context < MAX_SAMPLES;
}

void
conflicts_sample(Statement *statement)
{
	Store *store = statement->store;
	MemoryContext oldcontext;
	Datum values[N_CONFLICT_COLUMNS];
	bool isnull;

	if (statement->n_conflicts == 0)
		store_visit_all(store, &event_conflicts_table, count_sample, &statement->n_samples);
	if (statement->n_samples >= MAX_SAMPLES)
		return;
	statement->n_samples++;
	oldcontext = MemoryContextSwitchTo(statement->batch->row);
	values[CONFLICT_ID] = UUIDPGetDatum(event_id_generate());
	values[CONFLICT_EVENT_ID] = row_value(statement, EVENT_ID, &isnull);
	values[CONFLICT_CONTENT] = JsonbPGetDatum(row_content(statement));
	values[CONFLICT_AT] = TimestampTzGetDatum(cdp_now());
	store_insert(store, &event_conflicts_table,
	             store_new_row(store, &event_conflicts_table, values, NULL));
	MemoryContextSwitchTo(oldcontext);
	MemoryContextReset(statement->batch->row);
}

/* Adds to a row of counts, if no other transaction has locked it. */
static bool
add_to_row(TupleTableSlot *slot, void *context)
{
	Statement *statement = (Statement *) context;
	Store *store = statement->store;
	Datum values[N_EVENT_COUNT_COLUMNS];
	bool isnull[N_EVENT_COUNT_COLUMNS];

	if (!store_lock_any_if_free(store, &event_counts_table, slot))
		return true;
	store_values(store, &event_counts_table, slot, values, isnull);
	values[EVENT_COUNT_IDS_MADE] =
	    Int64GetDatum(DatumGetInt64(values[EVENT_COUNT_IDS_MADE]) + statement->n_ids_made);
	values[EVENT_COUNT_CONFLICTS] =
	    Int64GetDatum(DatumGetInt64(values[EVENT_COUNT_CONFLICTS]) + statement->n_conflicts);
	store_update(store, &event_counts_table, &slot->tts_tid,
	             store_changed_row(store, &event_counts_table, slot, values, isnull));
	statement->is_counted = true;
	return false;
}

void
event_counts_add(Statement *statement)
{
	Store *store = statement->store;
	Datum values[N_EVENT_COUNT_COLUMNS];

	if (statement->n_ids_made == 0 && statement->n_conflicts == 0)
		return;
	store_refresh(store);
	store_visit_all(store, &event_counts_table, add_to_row, statement);
	if (statement->is_counted)
		return;
	values[EVENT_COUNT_ID] = UUIDPGetDatum(event_id_generate());
	values[EVENT_COUNT_IDS_MADE] = Int64GetDatum(statement->n_ids_made);
	values[EVENT_COUNT_CONFLICTS] = Int64GetDatum(statement->n_conflicts);
	store_insert(store, &event_counts_table,
	             store_new_row(store, &event_counts_table, values, NULL));
}
