/*
 * event.c
 *	  Stage one: a row of events becomes an Event, and its identifiers become canonical
 *	  nodes in the order of strength. Also the BEFORE ROW trigger, which checks the row,
 *	  fills in what was left out and sets the anchor.
 */
#include "events/events.h"

#include "events/content_hash.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "types/currency.h"
#include "types/traits.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "workspace/replication.h"
#include "workspace/rights.h"
#include "workspace/statement.h"

/* One usable identifier of an event, before it becomes a node. */
typedef struct Candidate
{
	NormalisedIdentifier normalised;
	const NamespaceRule *rule;
	int place; /* in the array */
} Candidate;

/* Called for an identifier that is no evidence. */
typedef void (*RefuseIdentifier)(void *context, const char *text, int len, RefusalReason reason,
                                 const char *detail);

/* Reads the elements of a text[] one by one, without deconstructing the array. */
typedef struct ElementReader
{
	const char *next;
	const bits8 *nulls;
	int n;
	int i;
} ElementReader;

/* The number of an array's elements. */
static int
elements_count(ArrayType *array)
{
	if (ARR_NDIM(array) == 1)
		return ARR_DIMS(array)[0];
	return ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
}

/*
 * stored: the array is a stored event's, which may have come past the triggers. One of
 * several dimensions is then read as a list.
 */
static void
elements_begin(ElementReader *reader, ArrayType *array, bool stored)
{
	if (ARR_NDIM(array) > 1 && !stored)
		ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
		                errmsg("identifiers must be a one-dimensional array"),
		                errhint("Write them as in '{user_id:42,email:an@example.com}'.")));
	reader->n = elements_count(array);
	reader->next = ARR_DATA_PTR(array);
	reader->nulls = ARR_NULLBITMAP(array);
	reader->i = 0;
}

/* The next element that is not null; false at the end. */
static bool
elements_next(ElementReader *reader, const char **text, int *len)
{
	while (reader->i < reader->n)
	{
		int i = reader->i++;
		const char *element;

		CHECK_FOR_INTERRUPTS();
		if (reader->nulls != NULL && (reader->nulls[i / 8] & (1 << (i % 8))) == 0)
			continue;
		element = (const char *) att_align_pointer(reader->next, TYPALIGN_INT, -1, reader->next);
		reader->next = element + VARSIZE_ANY(element);
		*text = VARDATA_ANY(element);
		*len = VARSIZE_ANY_EXHDR(element);
		return true;
	}
	return false;
}

/* Whether a is stronger than b: by namespace, then by place in the array. */
static bool
is_stronger(const Candidate *a, const Candidate *b)
{
	if (namespaces_is_stronger(a->rule, a->normalised.text, a->normalised.namespace_len, b->rule,
	                           b->normalised.text, b->normalised.namespace_len))
		return true;
	if (namespaces_is_stronger(b->rule, b->normalised.text, b->normalised.namespace_len, a->rule,
	                           a->normalised.text, a->normalised.namespace_len))
		return false;
	return a->place < b->place;
}

/*
 * Makes one identifier canonical. True: it is usable. False: it is refused, and refuse
 * (if given) is called. A structural fault is an error; stored: a refusal, too.
 */
static bool
read_candidate(Workspace *ws, const char *text, int len, bool stored, Candidate *candidate,
               RefuseIdentifier refuse, void *context)
{
	NormalisedIdentifier *normalised = &candidate->normalised;
	NormaliseStatus status = normalise_identifier(text, len, &ws->options, normalised);

	if (status == NORMALISE_INVALID || (stored && normalise_is_fault(status)))
	{
		if (refuse != NULL)
			refuse(context, text, len, REFUSED_INVALID, NULL);
		return false;
	}
	if (status != NORMALISE_OK)
		normalise_report(status, text, len);
	candidate->rule = namespaces_rule(ws, normalised->text, normalised->namespace_len);
	if (!namespaces_pattern_allows(candidate->rule,
	                               normalised->text + normalised->namespace_len + 1,
	                               normalised->len - normalised->namespace_len - 1))
	{
		if (refuse != NULL)
			refuse(context, normalised->text, normalised->len, REFUSED_INVALID,
			       "it does not match the pattern of its namespace");
		return false;
	}
	if (namespaces_blocks(ws, normalised->text, normalised->namespace_len, normalised->len))
	{
		if (refuse != NULL)
			refuse(context, normalised->text, normalised->len, REFUSED_BLOCKED, NULL);
		return false;
	}
	return true;
}

/* A longer text than an identifier can have is recorded by this many first characters. */
#define RECORDED_CHARACTERS 256

/* How many of the last refusals are compared with a new one. */
#define RECENT_REFUSALS 8

/*
 * Refuses an identifier of the batch's next event. Most repeats are left out here, the
 * others when the refusals are written.
 */
static void
add_refusal(void *context, const char *text, int len, RefusalReason reason, const char *detail)
{
	Batch *batch = (Batch *) context;
	int event = batch->n_events;

	if (len > NORMALISE_MAX)
		len = pg_mbcharcliplen(text, len, RECORDED_CHARACTERS);
	for (int i = batch->n_refusals - 1;
	     i >= Max(batch->n_refusals - RECENT_REFUSALS, 0) && batch->refusals[i].event == event; i--)
		if (batch->refusals[i].reason == reason && batch->refusals[i].identifier_len == len &&
		    memcmp(batch->refusals[i].identifier, text, len) == 0)
			return;
	batch_refuse(batch, event, batch_copy(batch, text, len), len, reason, detail);
}

/* Whether an identifier that was just read is stronger than an earlier one of the event. */
static bool
is_stronger_than_node(const Candidate *candidate, const IdNode *before)
{
	return namespaces_is_stronger(candidate->rule, candidate->normalised.text,
	                              candidate->normalised.namespace_len, before->rule,
	                              IDENTIFIER_TEXT(before->identifier),
	                              IDENTIFIER_NAMESPACE_LEN(before->identifier));
}

/*
 * Puts the event's references in order: first the anchor, which is the strongest usable
 * identifier that may anchor; then the other usable ones, stronger ones first; last the
 * generic ones, which are no evidence. Without an anchor n_refs is 0: the event is
 * anonymous. Also lowers anchors_at of the anchor to the event's time.
 */
void
events_order_refs(Batch *batch, Event *event)
{
	int *refs = &batch->refs[event->first_ref];
	int usable = 0;
	int anchor = -1;

	for (int i = 0; i < event->n_named; i++)
	{
		IdNode *node = &batch->nodes[refs[i]];
		int ref = refs[i];

		if (node->row.generic)
			continue;
		if (anchor < 0 && node->rule->can_anchor)
			anchor = usable;
		if (i > usable)
			memmove(&refs[usable + 1], &refs[usable], sizeof(int) * (i - usable));
		refs[usable++] = ref;
	}
	if (anchor > 0)
	{
		int ref = refs[anchor];

		memmove(&refs[1], &refs[0], sizeof(int) * anchor);
		refs[0] = ref;
	}
	event->n_refs = anchor < 0 ? 0 : usable;
	if (event->n_refs > 0)
	{
		IdNode *node = &batch->nodes[refs[0]];

		node->anchors_at = Min(node->anchors_at, event->at);
	}
}

/* The search of an anchor: the best candidate so far, and room for the next one. */
typedef struct AnchorSearch
{
	Candidate candidates[2];
	const Candidate *anchor;
} AnchorSearch;

/*
 * The strongest usable identifier that may anchor; null: there is none. A generic one is
 * not told apart, since no table is read. Takes what it reads into the content hash *hash
 * (null: none), but for null elements.
 */
static const Candidate *
find_anchor(AnchorSearch *search, Workspace *ws, ArrayType *identifiers, bool stored, uint64 *hash)
{
	Candidate *candidate = &search->candidates[0];
	ElementReader reader;
	const char *text;
	int len;
	int place = 0;

	search->anchor = NULL;
	elements_begin(&reader, identifiers, stored);
	while (elements_next(&reader, &text, &len))
	{
		if (hash != NULL)
			*hash = content_hash_text(*hash, text, len);
		candidate->place = place++;
		if (!read_candidate(ws, text, len, stored, candidate, NULL, NULL) ||
		    !candidate->rule->can_anchor ||
		    (search->anchor != NULL && !is_stronger(candidate, search->anchor)))
			continue;
		search->anchor = candidate;
		candidate = &search->candidates[candidate == &search->candidates[0] ? 1 : 0];
	}
	if (hash != NULL)
		*hash = content_hash_int64(*hash, place);
	return search->anchor;
}

static bool
is_same_candidate(const Candidate *a, const Candidate *b)
{
	return a->normalised.len == b->normalised.len &&
	       memcmp(a->normalised.text, b->normalised.text, a->normalised.len) == 0;
}

/*
 * Which identifiers of an event count: its anchor, and with it the first ones of the array
 * that are usable, up to max_identifiers of the settings. Which values are generic does not
 * matter here: that follows from what counts.
 */
typedef struct Counting
{
	int max;
	bool anchor_to_come; /* its place is kept free */
	AnchorSearch search;
} Counting;

static void
counting_begin(Counting *counting, Workspace *ws, ArrayType *identifiers, bool stored)
{
	counting->max = ws->max_identifiers;
	counting->anchor_to_come =
	    elements_count(identifiers) > counting->max &&
	    find_anchor(&counting->search, ws, identifiers, stored, NULL) != NULL;
}

/* Whether an identifier counts, after n others. */
static bool
counts(Counting *counting, const Candidate *candidate, int n)
{
	if (counting->anchor_to_come && is_same_candidate(candidate, counting->search.anchor))
	{
		counting->anchor_to_come = false;
		return true;
	}
	return n + (counting->anchor_to_come ? 1 : 0) < counting->max;
}

/* Whether the batch's next event has named an identifier before. */
static bool
is_named(Batch *batch, const Candidate *candidate)
{
	int node = batch_find_node(batch, candidate->normalised.text, candidate->normalised.len);

	return node >= 0 && batch->nodes[node].event == batch->n_events;
}

/*
 * Adds the event's identifiers to the batch as nodes, and references to them in the order
 * of strength; repeats are ignored. It sorts by insertion: an event has few identifiers.
 */
static void
add_identifiers(Batch *batch, Event *event, ArrayType *identifiers, bool stored)
{
	ElementReader reader;
	Counting counting;
	Candidate candidate;
	const char *text;
	int len;
	int place = 0;

	event->first_ref = batch->n_refs;
	counting_begin(&counting, batch->ws, identifiers, stored);
	elements_begin(&reader, identifiers, stored);
	while (elements_next(&reader, &text, &len))
	{
		int node;
		int position;

		candidate.place = place++;
		if (!read_candidate(batch->ws, text, len, stored, &candidate, add_refusal, batch))
			continue;
		if (reader.n > counting.max && !is_named(batch, &candidate) &&
		    !counts(&counting, &candidate, batch->n_refs - event->first_ref))
		{
			add_refusal(batch, candidate.normalised.text, candidate.normalised.len,
			            REFUSED_TOO_MANY, NULL);
			continue;
		}
		node = batch_add_node(batch, &candidate.normalised, candidate.rule);
		if (batch->nodes[node].event == batch->n_events)
			continue; /* a repeat */
		batch->nodes[node].event = batch->n_events;
		BATCH_GROW(batch, refs, n_refs, max_refs);
		position = batch->n_refs++;
		while (position > event->first_ref &&
		       is_stronger_than_node(&candidate, &batch->nodes[batch->refs[position - 1]]))
		{
			batch->refs[position] = batch->refs[position - 1];
			position--;
		}
		batch->refs[position] = node;
	}
	event->n_named = batch->n_refs - event->first_ref;
	for (int i = 0; i < event->n_named; i++)
	{
		IdNode *node = &batch->nodes[batch->refs[event->first_ref + i]];

		node->first_at = Min(node->first_at, event->at);
		node->last_at = Max(node->last_at, event->at);
	}
	events_order_refs(batch, event);
}

/* The value of an engine column in a row of events. */
static Datum
event_value(Workspace *ws, TupleTableSlot *slot, EventColumn column, bool *isnull)
{
	return slot_getattr(slot, workspace_table(ws, &events_table)->columns[column], isnull);
}

/*
 * Error: a row of events holds a value that cdp.normalise_event would have refused or
 * filled in. Another trigger has changed the row after it.
 */
static void
refuse_changed_row(const pg_uuid_t *id, const char *column)
{
	ereport(
	    ERROR,
	    (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
	     errmsg("column \"%s\" of event %s has no usable value", column,
	            DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(id)))),
	     errdetail("The row was changed after cdp had checked it."),
	     errhint("A trigger that changes events must come before cdp_normalise: triggers fire in "
	             "the order of their names.")));
}

/* The batch's copy of a source. Most events share a few sources, so the last ones are kept. */
static const char *
keep_source(Batch *batch, const char *source, int len)
{
	int n = lengthof(batch->sources);

	for (int i = 0; i < n; i++)
		if (batch->sources[i] != NULL && batch->source_lens[i] == len &&
		    memcmp(batch->sources[i], source, len) == 0)
			return batch->sources[i];
	batch->next_source = (batch->next_source + 1) % n;
	batch->source_lens[batch->next_source] = len;
	return batch->sources[batch->next_source] = batch_copy(batch, source, len);
}

/*
 * Decodes a row of events, without its identifiers, into the batch's next event. The
 * caller counts it (n_events). Its values are copied into the batch.
 */
static Event *
decode_event(Batch *batch, TupleTableSlot *slot)
{
	Workspace *ws = batch->ws;
	TimestampTz occurred_at;
	TimestampTz received_at;
	Event *event;
	Datum value;
	bool isnull;

	BATCH_GROW(batch, events, n_events, max_events);
	event = &batch->events[batch->n_events];
	memset(event, 0, sizeof(Event));
	event->next = -1;
	event->id = *DatumGetUUIDP(event_value(ws, slot, EVENT_ID, &isnull));
	occurred_at = DatumGetTimestampTz(event_value(ws, slot, EVENT_OCCURRED_AT, &isnull));
	received_at = DatumGetTimestampTz(event_value(ws, slot, EVENT_RECEIVED_AT, &isnull));
	event->occurred_at = occurred_at;
	event->at = event_effective_at(occurred_at, received_at, ws->earliest_event);
	if (TIMESTAMP_NOT_FINITE(occurred_at) || TIMESTAMP_NOT_FINITE(received_at))
		refuse_changed_row(&event->id,
		                   TIMESTAMP_NOT_FINITE(occurred_at) ? "occurred_at" : "received_at");

	value = event_value(ws, slot, EVENT_TRAITS, &isnull);
	if (!isnull)
	{
		Jsonb *traits = DatumGetJsonbP(value);

		if (!JB_ROOT_IS_OBJECT(traits))
			refuse_changed_row(&event->id, "traits");
		event->traits = batch_copy(batch, traits, VARSIZE(traits));
	}
	value = event_value(ws, slot, EVENT_AMOUNT, &isnull);
	if (!isnull)
	{
		Numeric amount = DatumGetNumeric(value);
		text *currency;

		if (numeric_is_nan(amount) || numeric_is_inf(amount))
			refuse_changed_row(&event->id, "amount");
		event->amount = batch_copy(batch, amount, VARSIZE(amount));
		value = event_value(ws, slot, EVENT_CURRENCY, &isnull);
		currency = isnull ? NULL : DatumGetTextPP(value);
		if (currency == NULL ||
		    !currency_is_valid(VARDATA_ANY(currency), VARSIZE_ANY_EXHDR(currency)))
			refuse_changed_row(&event->id, "currency");
		text_to_cstring_buffer(currency, event->currency, sizeof(event->currency));
	}
	value = event_value(ws, slot, EVENT_SOURCE, &isnull);
	if (!isnull)
	{
		text *source = DatumGetTextPP(value);

		event->source_len = VARSIZE_ANY_EXHDR(source);
		event->source = keep_source(batch, VARDATA_ANY(source), event->source_len);
	}
	return event;
}

Event *
events_read_values(Batch *batch, TupleTableSlot *slot)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(batch->row);
	Event *event = decode_event(batch, slot);

	batch->n_events++;
	MemoryContextSwitchTo(oldcontext);
	MemoryContextReset(batch->row);
	return event;
}

/*
 * Notes the anchor that the row has. The row trigger set it, by the rules at that time
 * and without reading any table. So the event's anchor may be another one now.
 */
static void
note_row_anchor(Batch *batch, Event *event, TupleTableSlot *slot)
{
	bool isnull;
	Datum value = event_value(batch->ws, slot, EVENT_ANCHOR, &isnull);
	Identifier *stored;
	int anchor = batch_anchor(batch, event);

	if (isnull)
		return;
	stored = DatumGetIdentifierPP(value);
	if (anchor >= 0)
	{
		event->row_anchor = batch->nodes[anchor].identifier;
		if (identifier_compare(stored, event->row_anchor) == 0)
			return;
	}
	event->row_anchor = batch_copy(batch, stored, VARSIZE_ANY(stored));
}

static Event *
read_event(Batch *batch, TupleTableSlot *slot, bool stored)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(batch->row);
	Event *event = decode_event(batch, slot);
	bool isnull;
	Datum value = event_value(batch->ws, slot, EVENT_IDENTIFIERS, &isnull);

	if (!isnull)
		add_identifiers(batch, event, DatumGetArrayTypeP(value), stored);
	note_row_anchor(batch, event, slot);
	batch->n_events++;
	MemoryContextSwitchTo(oldcontext);
	MemoryContextReset(batch->row);
	return event;
}

Event *
events_read(Batch *batch, TupleTableSlot *slot)
{
	return read_event(batch, slot, false);
}

Event *
events_read_stored(Batch *batch, TupleTableSlot *slot)
{
	return read_event(batch, slot, true);
}

void
events_error_context(void *arg)
{
	pg_uuid_t *id = (pg_uuid_t *) arg;

	errcontext("event %s", DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(id))));
}

static void
check_time(TimestampTz at, const char *column)
{
	if (TIMESTAMP_NOT_FINITE(at))
		ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
		                errmsg("%s of an event must be finite", column),
		                errdetail("The value is \"%s\".",
		                          TIMESTAMP_IS_NOBEGIN(at) ? "-infinity" : "infinity"),
		                errhint("Give the time at which it happened, or leave it out.")));
}

/*
 * Errors if traits are no JSON object, or exceed the limits of the type cdp.traits. Stored
 * traits must fit, since they are folded whenever the event gets a profile. A small
 * object cannot exceed the limits, so it is not checked in detail.
 */
static void
check_traits(const pg_uuid_t *id, Datum traits, Datum source, bool source_is_null)
{
	Jsonb *object = DatumGetJsonbP(traits);
	text *from = source_is_null ? NULL : DatumGetTextPP(source);

	if (!JB_ROOT_IS_OBJECT(object))
	{
		char *value = JsonbToCString(NULL, &object->root, VARSIZE(object));

		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("traits of an event must be a JSON object"),
		                errdetail("The value is %s.", text_shown(value, strlen(value))),
		                errhint("Write it as in '{\"plan\": \"gold\"}'.")));
	}
	if (VARSIZE(object) > TRAITS_MAX_KEY_LEN ||
	    (from != NULL && VARSIZE_ANY_EXHDR(from) > TRAITS_MAX_SOURCE_LEN))
	{
		TraitsBuilder builder;

		traits_builder_init(&builder, traits_empty());
		traits_builder_add(&builder, object, 0, id, from == NULL ? NULL : VARDATA_ANY(from),
		                   from == NULL ? 0 : VARSIZE_ANY_EXHDR(from));
	}
}

/* Checks amount and currency; returns the currency to store, in upper case. */
static text *
check_amount(Workspace *ws, Datum amount, Datum currency, bool currency_is_null)
{
	Numeric value = DatumGetNumeric(amount);
	char *code;

	if (numeric_is_nan(value) || numeric_is_inf(value))
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
		                errmsg("amount of an event must be a finite number"),
		                errdetail("The value is %s.",
		                          DatumGetCString(DirectFunctionCall1(numeric_out, amount))),
		                errhint("Leave the amount out where no money changed hands.")));
	code = currency_is_null ? ws->default_currency : text_to_cstring(DatumGetTextPP(currency));
	for (char *c = code; !currency_is_null && *c; c++)
		*c = pg_ascii_toupper((unsigned char) *c);
	if (!currency_is_valid(code, strlen(code)))
		ereport(
		    ERROR,
		    (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		     errmsg("currency \"%s\" is not an ISO 4217 code", text_shown(code, strlen(code))),
		     errhint("Use the three letters of the currency, for example \"USD\" or \"VND\".")));
	return cstring_to_text(code);
}

/* A row of events before it is inserted, and the columns that the trigger sets. */
typedef struct NewRow
{
	Workspace *ws;
	TupleTableSlot *slot;
	int columns[N_EVENT_COLUMNS];
	Datum values[N_EVENT_COLUMNS];
	bool isnull[N_EVENT_COLUMNS];
	int n;
	bool id_was_made;    /* the application sent none */
	uint64 content_hash; /* of what has been taken in so far */
} NewRow;

static void
set_column(NewRow *row, EventColumn column, Datum value)
{
	row->columns[row->n] = workspace_table(row->ws, &events_table)->columns[column];
	row->values[row->n] = value;
	row->isnull[row->n++] = false;
}

/* The row's id; a new one is set where it has none, or the nil UUID. */
static pg_uuid_t *
fill_id(NewRow *row)
{
	static const pg_uuid_t nil = {{0}};
	bool isnull;
	Datum id = event_value(row->ws, row->slot, EVENT_ID, &isnull);

	if (!isnull && memcmp(DatumGetUUIDP(id)->data, nil.data, UUID_LEN) != 0)
		return DatumGetUUIDP(id);
	row->id_was_made = true;
	id = UUIDPGetDatum(event_id_generate());
	set_column(row, EVENT_ID, id);
	return DatumGetUUIDP(id);
}

/*
 * An event was received now at the latest: a relay may have copied the time of a device.
 * It occurred when it was received, unless the application says otherwise.
 */
static void
fill_times(NewRow *row)
{
	bool occurred_is_null;
	bool received_is_null;
	TimestampTz occurred_at =
	    DatumGetTimestampTz(event_value(row->ws, row->slot, EVENT_OCCURRED_AT, &occurred_is_null));
	TimestampTz received_at =
	    DatumGetTimestampTz(event_value(row->ws, row->slot, EVENT_RECEIVED_AT, &received_is_null));

	if (!occurred_is_null)
		check_time(occurred_at, "occurred_at");
	if (!received_is_null)
		check_time(received_at, "received_at");
	if (received_is_null || cdp_is_future(received_at))
	{
		received_at = cdp_now();
		set_column(row, EVENT_RECEIVED_AT, TimestampTzGetDatum(received_at));
	}
	if (occurred_is_null)
		set_column(row, EVENT_OCCURRED_AT, TimestampTzGetDatum(received_at));
}

/* Checks amount and currency; an amount without a currency takes the workspace's. */
static void
fill_currency(NewRow *row)
{
	bool amount_is_null;
	bool currency_is_null;
	Datum currency = event_value(row->ws, row->slot, EVENT_CURRENCY, &currency_is_null);
	Datum amount = event_value(row->ws, row->slot, EVENT_AMOUNT, &amount_is_null);

	if (!amount_is_null)
		set_column(row, EVENT_CURRENCY,
		           PointerGetDatum(check_amount(row->ws, amount, currency, currency_is_null)));
	else if (!currency_is_null)
	{
		text *code = DatumGetTextPP(currency);

		if (!currency_is_valid(VARDATA_ANY(code), VARSIZE_ANY_EXHDR(code)))
			(void) check_amount(row->ws, DirectFunctionCall1(int4_numeric, Int32GetDatum(0)),
			                    currency, false);
	}
}

/* Sets the anchor, and takes the identifiers into the content hash: a missing array has none. */
static void
fill_anchor(NewRow *row)
{
	bool isnull;
	Datum identifiers = event_value(row->ws, row->slot, EVENT_IDENTIFIERS, &isnull);
	AnchorSearch search;
	const Candidate *anchor;

	if (isnull)
	{
		row->content_hash = content_hash_int64(0, 0);
		set_column(row, EVENT_IDENTIFIERS, PointerGetDatum(construct_empty_array(TEXTOID)));
		return;
	}
	anchor =
	    find_anchor(&search, row->ws, DatumGetArrayTypeP(identifiers), false, &row->content_hash);
	if (anchor != NULL)
		set_column(row, EVENT_ANCHOR, PointerGetDatum(identifier_make(&anchor->normalised)));
}

static uint64
hash_text_column(const NewRow *row, EventColumn column, uint64 h)
{
	bool isnull;
	Datum value = event_value(row->ws, row->slot, column, &isnull);
	text *string;

	if (isnull)
		return content_hash_null(h);
	string = DatumGetTextPP(value);
	return content_hash_text(h, VARDATA_ANY(string), VARSIZE_ANY_EXHDR(string));
}

/* The currency, which was checked: its case does not matter. */
static uint64
hash_currency(const NewRow *row, uint64 h)
{
	bool isnull;
	Datum value = event_value(row->ws, row->slot, EVENT_CURRENCY, &isnull);
	char code[4];

	if (isnull)
		return content_hash_null(h);
	text_to_cstring_buffer(DatumGetTextPP(value), code, sizeof(code));
	for (int i = 0; code[i] != '\0'; i++)
		code[i] = pg_ascii_toupper((unsigned char) code[i]);
	return content_hash_text(h, code, strlen(code));
}

static uint64
hash_jsonb_column(const NewRow *row, EventColumn column, uint64 h)
{
	bool isnull;
	Datum value = event_value(row->ws, row->slot, column, &isnull);

	return isnull ? content_hash_null(h) : content_hash_jsonb(h, value);
}

/*
 * Hashes what the application sent, by which a repeat with other content is told: not
 * what was filled in, since settings and the clock change. The identifiers are in already.
 */
static void
fill_content_hash(NewRow *row)
{
	bool isnull;
	Datum value;
	uint64 h = row->content_hash;

	h = hash_text_column(row, EVENT_NAME, h);
	h = hash_text_column(row, EVENT_SOURCE, h);
	h = hash_jsonb_column(row, EVENT_TRAITS, h);
	h = hash_jsonb_column(row, EVENT_PROPERTIES, h);
	value = event_value(row->ws, row->slot, EVENT_AMOUNT, &isnull);
	h = isnull ? content_hash_null(h)
	           : content_hash_numeric(h, (Numeric) PG_DETOAST_DATUM_PACKED(value));
	h = hash_currency(row, h);
	value = event_value(row->ws, row->slot, EVENT_OCCURRED_AT, &isnull);
	h = isnull ? content_hash_null(h) : content_hash_int64(h, DatumGetTimestampTz(value));
	set_column(row, EVENT_CONTENT_HASH, Int64GetDatum(content_hash_end(h, row->id_was_made)));
}

/* Error: a row brings a value for a column that is the engine's. */
static void
refuse_engine_column(NewRow *row, EventColumn column)
{
	bool isnull;

	(void) event_value(row->ws, row->slot, column, &isnull);
	if (!isnull)
		ereport(ERROR,
		        (errcode(ERRCODE_GENERATED_ALWAYS),
		         errmsg("column \"%s\" of events is set by cdp", events_table.columns[column].name),
		         errdetail("A value was given for it, as a data-only restore of a dump does."),
		         errhint("Leave the column out. To restore data into a workspace that exists, use "
		                 "pg_restore --disable-triggers, or restore schema and data together.")));
}

/* Checks a row and fills in what was left out, except its id. */
static void
fill_row(NewRow *row, const pg_uuid_t *id)
{
	bool isnull;
	Datum traits;

	refuse_engine_column(row, EVENT_ANCHOR);
	refuse_engine_column(row, EVENT_CONTENT_HASH);
	fill_times(row);
	traits = event_value(row->ws, row->slot, EVENT_TRAITS, &isnull);
	if (!isnull)
	{
		bool source_is_null;
		Datum source = event_value(row->ws, row->slot, EVENT_SOURCE, &source_is_null);

		check_traits(id, traits, source, source_is_null);
	}
	fill_currency(row);
	fill_anchor(row);
	fill_content_hash(row);
}

PG_FUNCTION_INFO_V1(cdp_normalise_event);

/*
 * cdp.normalise_event(): BEFORE INSERT row trigger on events. Checks the row,
 * fills in what was left out (id, times, currency) and sets the anchor. It
 * reads the workspace's cached rules and touches no table.
 */
Datum
cdp_normalise_event(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	NewRow row = {NULL};
	ErrorContextCallback callback;
	HeapTuple tuple;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
	    !TRIGGER_FIRED_FOR_ROW(trigger->tg_event) || !TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
		                errmsg("cdp.normalise_event must be fired before insert for each row")));
	if (row_is_replicated())
		return PointerGetDatum(trigger->tg_trigtuple);
	row.ws = workspace_of_events(RelationGetRelid(trigger->tg_relation));
	row.slot = trigger->tg_trigslot;
	callback.callback = events_error_context;
	callback.arg = fill_id(&row);
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	fill_row(&row, callback.arg);
	error_context_stack = callback.previous;
	statement_stores_event(trigger);

	tuple = trigger->tg_trigtuple;
	if (row.n > 0)
		tuple = heap_modify_tuple_by_cols(tuple, RelationGetDescr(trigger->tg_relation), row.n,
		                                  row.columns, row.values, row.isnull);
	return PointerGetDatum(tuple);
}

/*
 * Errors if the caller may not know in which form the workspace keeps identifiers. That tells its
 * region, which is one of the settings, and so do the identifiers themselves.
 */
static void
require_forms(const Workspace *ws)
{
	if (!workspace_may(ws, GetUserId(), ACL_SELECT, settings_table.name, "default_region"))
		workspace_require_select(ws, "identifiers", "identifier");
}

/* Errors if the caller may not know the rules of identifiers, and which of them are blocked. */
static void
require_rules(const Workspace *ws)
{
	workspace_require_select(ws, namespaces_table.name, NULL);
	workspace_require_select(ws, blocked_table.name, NULL);
}

PG_FUNCTION_INFO_V1(cdp_canonical_identifier);

/*
 * cdp.canonical_identifier(workspace name, text) -> cdp.identifier: the canonical form
 * that an event of the workspace would give it; null where it has none.
 */
Datum
cdp_canonical_identifier(PG_FUNCTION_ARGS)
{
	Workspace *ws = workspace_for_caller(NameStr(*PG_GETARG_NAME(0)));
	text *received = PG_GETARG_TEXT_PP(1);
	NormalisedIdentifier normalised;
	NormaliseStatus status = normalise_identifier(
	    VARDATA_ANY(received), VARSIZE_ANY_EXHDR(received), &ws->options, &normalised);

	require_forms(ws);
	if (status == NORMALISE_INVALID)
		PG_RETURN_NULL();
	if (status != NORMALISE_OK)
		normalise_report(status, VARDATA_ANY(received), VARSIZE_ANY_EXHDR(received));
	PG_RETURN_IDENTIFIER_P(identifier_make(&normalised));
}

PG_FUNCTION_INFO_V1(cdp_anchor_of);

/*
 * cdp.anchor_of(workspace, identifiers) -> their anchor by the workspace's rules, or null. A
 * text that is no identifier does not count: a stored event may have one.
 */
Datum
cdp_anchor_of(PG_FUNCTION_ARGS)
{
	Workspace *ws = workspace_for_caller(NameStr(*PG_GETARG_NAME(0)));
	AnchorSearch search;
	const Candidate *anchor;

	require_forms(ws);
	require_rules(ws);
	anchor = find_anchor(&search, ws, PG_GETARG_ARRAYTYPE_P(1), true, NULL);
	if (anchor == NULL)
		PG_RETURN_NULL();
	PG_RETURN_IDENTIFIER_P(identifier_make(&anchor->normalised));
}

PG_FUNCTION_INFO_V1(cdp_identifier_fault);

/* cdp.identifier_fault(workspace, canonical identifier) -> why it identifies nobody, or null. */
Datum
cdp_identifier_fault(PG_FUNCTION_ARGS)
{
	Workspace *ws = workspace_for_caller(NameStr(*PG_GETARG_NAME(0)));
	text *identifier = PG_GETARG_TEXT_PP(1);
	const char *value = VARDATA_ANY(identifier);
	int len = VARSIZE_ANY_EXHDR(identifier);
	const char *colon = memchr(value, ':', len);
	int namespace_len = colon == NULL ? 0 : colon - value;
	const NamespaceRule *rule;

	require_rules(ws);
	if (namespace_len == 0 || namespace_len + 1 == len)
		PG_RETURN_NULL();
	rule = namespaces_rule(ws, value, namespace_len);
	if (!namespaces_pattern_allows(rule, colon + 1, len - namespace_len - 1))
		PG_RETURN_TEXT_P(cstring_to_text("invalid"));
	if (namespaces_blocks(ws, value, namespace_len, len))
		PG_RETURN_TEXT_P(cstring_to_text("blocked"));
	PG_RETURN_NULL();
}
