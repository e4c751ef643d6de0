/*
 * emit.c
 *	  Stage five: what the batch has come to is written - profiles, evidence,
 *	  refusals, merges, changes of segments and failures of predicates.
 */
#include "engine/engine.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

static const char *const refusal_reasons[] = {
    [REFUSED_INVALID] = "invalid",
    [REFUSED_BLOCKED] = "blocked",
    [REFUSED_LIMIT] = "limit",
};

/* Whether an event's evidence is earlier than what a row has. */
static bool
is_earlier(Store *store, WorkspaceTable table, TupleTableSlot *slot, int at_column, int id_column,
           const Event *event)
{
	bool isnull;
	TimestampTz at = DatumGetTimestampTz(store_value(store, table, slot, at_column, &isnull));
	pg_uuid_t *id = DatumGetUUIDP(store_value(store, table, slot, id_column, &isnull));

	if (event->at != at)
		return event->at < at;
	return memcmp(event->id.data, id->data, UUID_LEN) < 0;
}

/*
 * Writes a piece of evidence, of which the earliest event stays: an insert
 * where there is none of that key, an update where the batch's is earlier.
 * nkeys 0: the row has no key and is just inserted.
 */
static void
write_evidence(Store *store, WorkspaceTable table, int nkeys, const Datum *keys,
               const Datum *values, const bool *isnull, int at_column, int id_column,
               const Event *event)
{
	TupleTableSlot *slot = NULL;

	if (nkeys > 0)
		slot = store_find_key(store, table, nkeys, keys);
	if (slot == NULL)
	{
		slot = store_new_row(store, table, values, isnull);
		if (store_insert_unless_there(store, table, slot))
			return;
		/* somebody has put it there since our snapshot */
		store_refresh(store);
		slot = store_find_key(store, table, nkeys, keys);
	}
	if (slot != NULL && is_earlier(store, table, slot, at_column, id_column, event))
		store_update(store, table, &slot->tts_tid,
		             store_changed_row(store, table, slot, values, isnull));
}

static void
emit_links(Batch *batch)
{
	for (int i = 0; i < batch->n_links; i++)
	{
		Link *link = &batch->links[i];
		Event *event = &batch->events[link->event];
		Datum values[N_LINK_COLUMNS];

		CHECK_FOR_INTERRUPTS();
		values[LINK_ANCHOR] = PointerGetDatum(batch->nodes[link->anchor].identifier);
		values[LINK_IDENTIFIER] = PointerGetDatum(batch->nodes[link->other].identifier);
		values[LINK_OCCURRED_AT] = TimestampTzGetDatum(event->at);
		values[LINK_EVENT_ID] = UUIDPGetDatum(&event->id);
		write_evidence(batch->store, TABLE_LINKS, 2, values, values, NULL, LINK_OCCURRED_AT,
		               LINK_EVENT_ID, event);
	}
}

/* Node of the anchor of a refusal's event; -1: it has none. */
static int
refusal_anchor(const Batch *batch, const Refusal *refusal)
{
	const Event *event = &batch->events[refusal->event];

	return event->n_refs == 0 ? -1 : batch->refs[event->first_ref];
}

/*
 * Order of two refusals by what their row is known by: anchor, reason and
 * identifier, and where there is no anchor the event too. 0: the same row.
 */
static int
compare_refusal_keys(const Batch *batch, const Refusal *x, const Refusal *y)
{
	int anchor = refusal_anchor(batch, x);
	int order = anchor - refusal_anchor(batch, y);

	if (order == 0)
		order = (int) x->reason - (int) y->reason;
	if (order == 0)
		order = x->identifier_len - y->identifier_len;
	if (order == 0)
		order = memcmp(x->identifier, y->identifier, x->identifier_len);
	if (order == 0 && anchor < 0)
		order = x->event - y->event;
	return order;
}

/* ... and of one row the earliest event first. */
static int
compare_refusals(const void *a, const void *b, void *arg)
{
	const Batch *batch = (const Batch *) arg;
	const Refusal *x = (const Refusal *) a;
	const Refusal *y = (const Refusal *) b;
	const Event *of_x = &batch->events[x->event];
	const Event *of_y = &batch->events[y->event];
	int order = compare_refusal_keys(batch, x, y);

	if (order != 0)
		return order;
	if (of_x->at != of_y->at)
		return of_x->at < of_y->at ? -1 : 1;
	return memcmp(of_x->id.data, of_y->id.data, UUID_LEN);
}

/*
 * Refusals of an event with an anchor are kept once per (identifier, anchor,
 * reason); the anchor's profile is locked, so nobody else writes them. Those
 * of an event without one are rows of their own: nothing to wait for. Each row
 * is written once, with the earliest of the batch's events.
 */
static void
emit_refusals(Batch *batch)
{
	if (batch->n_refusals > 1)
		qsort_arg(batch->refusals, batch->n_refusals, sizeof(Refusal), compare_refusals, batch);
	for (int i = 0; i < batch->n_refusals; i++)
	{
		Refusal *refusal = &batch->refusals[i];
		Event *event = &batch->events[refusal->event];
		Datum values[N_REFUSAL_COLUMNS] = {0};
		bool isnull[N_REFUSAL_COLUMNS] = {false};

		CHECK_FOR_INTERRUPTS();
		if (i > 0 && compare_refusal_keys(batch, &batch->refusals[i - 1], refusal) == 0)
			continue;
		values[REFUSAL_IDENTIFIER] =
		    PointerGetDatum(cstring_to_text_with_len(refusal->identifier, refusal->identifier_len));
		isnull[REFUSAL_ANCHOR] = event->n_refs == 0;
		if (event->n_refs > 0)
			values[REFUSAL_ANCHOR] =
			    PointerGetDatum(batch->nodes[batch->refs[event->first_ref]].identifier);
		values[REFUSAL_REASON] = CStringGetTextDatum(refusal_reasons[refusal->reason]);
		isnull[REFUSAL_DETAIL] = refusal->detail == NULL;
		if (refusal->detail != NULL)
			values[REFUSAL_DETAIL] = CStringGetTextDatum(refusal->detail);
		values[REFUSAL_OCCURRED_AT] = TimestampTzGetDatum(event->at);
		values[REFUSAL_EVENT_ID] = UUIDPGetDatum(&event->id);
		write_evidence(batch->store, TABLE_REFUSALS, event->n_refs == 0 ? 0 : 3, values, values,
		               isnull, REFUSAL_OCCURRED_AT, REFUSAL_EVENT_ID, event);
	}
}

static void
emit_merges(Batch *batch)
{
	for (int i = 0; i < batch->n_merges; i++)
	{
		Merge *merge = &batch->merges[i];
		Component *component = &batch->components[merge->loser->component];
		Event *event = &batch->events[merge->event];
		Datum values[N_MERGE_COLUMNS];

		while (&batch->components[component->parent] != component)
			component = &batch->components[component->parent];
		values[MERGE_MERGED_ID] = Int64GetDatum(merge->loser->id);
		values[MERGE_PROFILE_ID] = Int64GetDatum(component->profile->id);
		values[MERGE_MERGED_INTO] = Int64GetDatum(merge->survivor->id);
		values[MERGE_MERGED_AT] = TimestampTzGetDatum(batch->instant);
		values[MERGE_EVENT_ID] = UUIDPGetDatum(&event->id);
		values[MERGE_ANCHOR] = PointerGetDatum(batch->nodes[merge->anchor].identifier);
		values[MERGE_IDENTIFIER] = PointerGetDatum(batch->nodes[merge->other].identifier);
		store_insert(batch->store, TABLE_MERGES,
		             store_new_row(batch->store, TABLE_MERGES, values, NULL));
	}
}

/*
 * Merged profiles go first: a survivor may take over a value of theirs that is
 * unique.
 */
static void
emit_profiles(Batch *batch)
{
	for (int i = 0; i < batch->n_slice; i++)
		for (Profile *loser = batch->slice[i]->taken_in; loser != NULL; loser = loser->next_taken)
			store_delete(batch->store, TABLE_PROFILES, &loser->tuple->t_self);
	for (int i = 0; i < batch->n_slice; i++)
	{
		Profile *profile = batch->slice[i];

		CHECK_FOR_INTERRUPTS();
		if (profile->changed == NULL)
			continue;
		if (profile->tuple == NULL)
			store_insert(batch->store, TABLE_PROFILES, evaluate_row(batch, profile));
		else
			store_update(batch->store, TABLE_PROFILES, &profile->tuple->t_self,
			             evaluate_row(batch, profile));
	}
}

static void
emit_changes(Batch *batch)
{
	for (int i = 0; i < batch->n_changes; i++)
	{
		Change *change = &batch->changes[i];
		Datum values[N_CHANGE_COLUMNS];

		CHECK_FOR_INTERRUPTS();
		values[CHANGE_PROFILE_ID] = Int64GetDatum(change->profile_id);
		values[CHANGE_SEGMENT] =
		    PointerGetDatum(cstring_to_text_with_len(change->segment, change->segment_len));
		values[CHANGE_ENTERED] = BoolGetDatum(change->entered);
		values[CHANGE_AT] = TimestampTzGetDatum(change->at);
		values[CHANGE_CAUSE] = CStringGetTextDatum(change->cause);
		store_insert(batch->store, TABLE_SEGMENT_CHANGES,
		             store_new_row(batch->store, TABLE_SEGMENT_CHANGES, values, NULL));
	}
}

static void
emit_failures(Batch *batch)
{
	for (int i = 0; i < batch->n_failures; i++)
	{
		Failure *failure = &batch->failures[i];
		Datum values[N_ERROR_COLUMNS];

		CHECK_FOR_INTERRUPTS();
		values[ERROR_SEGMENT] = CStringGetTextDatum(failure->segment->name);
		values[ERROR_PROFILE_ID] = Int64GetDatum(failure->profile_id);
		values[ERROR_SQLSTATE] = CStringGetTextDatum(unpack_sql_state(failure->sqlerrcode));
		values[ERROR_MESSAGE] = CStringGetTextDatum(failure->message);
		values[ERROR_AT] = TimestampTzGetDatum(failure->at);
		if (store_find_key(batch->store, TABLE_SEGMENT_ERRORS, 2, values) == NULL)
			(void) store_insert_unless_there(
			    batch->store, TABLE_SEGMENT_ERRORS,
			    store_new_row(batch->store, TABLE_SEGMENT_ERRORS, values, NULL));
	}
}

/* Writes the slice's profiles and what has become of their segments. */
void
emit_slice(Batch *batch)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(batch->values);

	emit_profiles(batch);
	emit_failures(batch);
	emit_changes(batch);
	batch->n_failures = batch->n_changes = 0;
	MemoryContextSwitchTo(oldcontext);
}

/* Writes the evidence of the batch, and the merges that it has led to. */
void
emit_evidence(Batch *batch)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(batch->values);

	emit_links(batch);
	emit_refusals(batch);
	if (!batch->rebuilding)
		emit_merges(batch);
	MemoryContextSwitchTo(oldcontext);
}
