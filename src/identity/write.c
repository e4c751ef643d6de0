/*
 * write.c
 *	  Stage five, for evidence: links, refusals, co-occurring identifiers and merges.
 */
#include "identity/identity_internal.h"

#include "miscadmin.h"
#include "utils/builtins.h"

/*
 * Writes a row of evidence. The row of a key keeps the earliest event: it is inserted if
 * there is none, and updated if this event is earlier. nkeys 0: the row has no key, and is
 * always inserted.
 */
static void
write_evidence(Store *store, const WorkspaceTable *table, int nkeys, const Datum *keys,
               const Datum *values, const bool *isnull, int at_column, int id_column)
{
	TupleTableSlot *slot = NULL;

	if (nkeys > 0)
		slot = store_find_key(store, table, nkeys, keys);
	if (slot == NULL)
	{
		slot = store_new_row(store, table, values, isnull);
		if (store_insert_unless_there(store, table, slot))
			return;
		/* another transaction has inserted it since our snapshot */
		store_refresh(store);
		slot = store_find_key(store, table, nkeys, keys);
	}
	if (slot != NULL &&
	    stored_is_later(store, table, slot, at_column, id_column,
	                    DatumGetTimestampTz(values[at_column]), DatumGetUUIDP(values[id_column])))
		store_update(store, table, &slot->tts_tid,
		             store_changed_row(store, table, slot, values, isnull));
}

/* Writes the accepted pairs that are new, or earlier than what is stored. */
static void
emit_links(Batch *batch)
{
	IdentityBatch *identity = identity_of(batch);

	for (int i = 0; i < identity->n_pairs; i++)
	{
		Pair *pair = &identity->pairs[i];
		Event *event = &batch->events[pair->event];
		Datum values[N_LINK_COLUMNS];

		CHECK_FOR_INTERRUPTS();
		if (!pair->accepted || !pair->earlier)
			continue;
		values[LINK_ANCHOR] = PointerGetDatum(batch->nodes[pair->anchor].identifier);
		values[LINK_IDENTIFIER] = PointerGetDatum(batch->nodes[pair->other].identifier);
		values[LINK_OCCURRED_AT] = TimestampTzGetDatum(event->at);
		values[LINK_EVENT_ID] = UUIDPGetDatum(&event->id);
		if (pair->stored == PAIR_NEW)
			store_insert(batch->store, &links_table,
			             store_new_row(batch->store, &links_table, values, NULL));
		else
			write_evidence(batch->store, &links_table, 2, values, values, NULL, LINK_OCCURRED_AT,
			               LINK_EVENT_ID);
	}
}

/* Writes the batch's new companions. */
static void
write_companions(Batch *batch)
{
	IdentityBatch *identity = identity_of(batch);

	for (int i = 0; i < identity->n_companions; i++)
	{
		Companion *companion = &identity->companions[i];
		Datum values[N_COMPANION_COLUMNS];

		CHECK_FOR_INTERRUPTS();
		values[COMPANION_IDENTIFIER] = PointerGetDatum(batch->nodes[companion->node].identifier);
		values[COMPANION_COMPANION] =
		    PointerGetDatum(batch->nodes[companion->companion].identifier);
		store_insert(batch->store, &companions_table,
		             store_new_row(batch->store, &companions_table, values, NULL));
	}
}

/* Adds the refusals of generic identifiers and of pairs to those of stage one. */
static void
collect_refusals(Batch *batch)
{
	IdentityBatch *identity = identity_of(batch);

	for (int e = 0; e < batch->n_events; e++)
	{
		Event *event = &batch->events[e];

		for (int i = event->n_named - 1; i >= event->n_refs; i--)
		{
			IdNode *node = &batch->nodes[batch->refs[event->first_ref + i]];

			if (!node->row.generic)
				break;
			batch_refuse(batch, e, IDENTIFIER_TEXT(node->identifier),
			             IDENTIFIER_LEN(node->identifier), REFUSED_GENERIC, NULL);
		}
	}
	for (int i = 0; i < identity->n_pairs; i++)
	{
		Pair *pair = &identity->pairs[i];
		Identifier *other = batch->nodes[pair->other].identifier;

		if (!pair->accepted && pair->earlier)
			batch_refuse(batch, pair->event, IDENTIFIER_TEXT(other), IDENTIFIER_LEN(other),
			             pair->reason, pair->detail);
	}
}

/* The anchor's node of a refusal's event; -1: the event is anonymous. */
static int
refusal_anchor(const Batch *batch, const Refusal *refusal)
{
	return batch_anchor(batch, &batch->events[refusal->event]);
}

/*
 * Compares two refusals by the key of their row: anchor, reason and identifier; without an
 * anchor also the event. 0: they are the same row.
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

/* The same; refusals of the same row are ordered by event, the earliest first. */
static int
compare_refusals(const void *a, const void *b, void *arg)
{
	const Batch *batch = (const Batch *) arg;
	const Refusal *x = (const Refusal *) a;
	const Refusal *y = (const Refusal *) b;
	const Event *event_x = &batch->events[x->event];
	const Event *event_y = &batch->events[y->event];
	int order = compare_refusal_keys(batch, x, y);

	if (order != 0)
		return order;
	if (event_x->at != event_y->at)
		return event_x->at < event_y->at ? -1 : 1;
	return memcmp(event_x->id.data, event_y->id.data, UUID_LEN);
}

void
write_refusal(Store *store, const char *identifier, int identifier_len, const Identifier *anchor,
              RefusalReason reason, const char *detail, TimestampTz at, const pg_uuid_t *event_id)
{
	Datum values[N_REFUSAL_COLUMNS] = {0};
	bool isnull[N_REFUSAL_COLUMNS] = {false};

	values[REFUSAL_IDENTIFIER] =
	    PointerGetDatum(cstring_to_text_with_len(identifier, identifier_len));
	isnull[REFUSAL_ANCHOR] = anchor == NULL;
	values[REFUSAL_ANCHOR] = PointerGetDatum(anchor);
	values[REFUSAL_REASON] = CStringGetTextDatum(refusal_reasons[reason]);
	isnull[REFUSAL_DETAIL] = detail == NULL;
	if (detail != NULL)
		values[REFUSAL_DETAIL] = CStringGetTextDatum(detail);
	values[REFUSAL_OCCURRED_AT] = TimestampTzGetDatum(at);
	values[REFUSAL_EVENT_ID] = UUIDPGetDatum(event_id);
	write_evidence(store, &refusals_table, anchor == NULL ? 0 : 3, values, values, isnull,
	               REFUSAL_OCCURRED_AT, REFUSAL_EVENT_ID);
}

/* Writes the refusals: each row once, with the earliest of the batch's events. */
static void
emit_refusals(Batch *batch)
{
	if (batch->n_refusals > 1)
		qsort_arg(batch->refusals, batch->n_refusals, sizeof(Refusal), compare_refusals, batch);
	for (int i = 0; i < batch->n_refusals; i++)
	{
		Refusal *refusal = &batch->refusals[i];
		Event *event = &batch->events[refusal->event];
		int anchor = refusal_anchor(batch, refusal);

		CHECK_FOR_INTERRUPTS();
		if (i > 0 && compare_refusal_keys(batch, &batch->refusals[i - 1], refusal) == 0)
			continue;
		write_refusal(batch->store, refusal->identifier, refusal->identifier_len,
		              anchor < 0 ? NULL : batch->nodes[anchor].identifier, refusal->reason,
		              refusal->detail, event->at, &event->id);
	}
}

void
write_merge(Batch *batch, Profile *loser, Datum *values, bool *isnull)
{
	isnull[MERGE_OWN_COLUMNS] = loser->own_columns == NULL;
	values[MERGE_OWN_COLUMNS] = PointerGetDatum(loser->own_columns);
	isnull[MERGE_INHERITED] = loser->inherited == NULL;
	values[MERGE_INHERITED] = PointerGetDatum(loser->inherited);
	isnull[MERGE_UNDONE_AT] = isnull[MERGE_UNDONE_CAUSE] = true;
	store_insert(batch->store, &merges_table,
	             store_new_row(batch->store, &merges_table, values, isnull));
}

static void
emit_merges(Batch *batch)
{
	IdentityBatch *identity = identity_of(batch);

	for (int i = 0; i < identity->n_merges; i++)
	{
		Merge *merge = &identity->merges[i];
		Event *event = &batch->events[merge->event];
		Datum values[N_MERGE_COLUMNS] = {0};
		bool isnull[N_MERGE_COLUMNS] = {false};

		values[MERGE_MERGED_ID] = Int64GetDatum(merge->loser->id);
		values[MERGE_PROFILE_ID] =
		    Int64GetDatum(evidence_root(batch, merge->loser->component)->profile->id);
		values[MERGE_MERGED_INTO] = Int64GetDatum(merge->survivor->id);
		values[MERGE_MERGED_AT] = TimestampTzGetDatum(batch->instant);
		values[MERGE_CAUSE] = CStringGetTextDatum(batch->cause);
		values[MERGE_EVENT_ID] = UUIDPGetDatum(&event->id);
		values[MERGE_ANCHOR] = PointerGetDatum(batch->nodes[merge->anchor].identifier);
		values[MERGE_IDENTIFIER] = PointerGetDatum(batch->nodes[merge->other].identifier);
		values[MERGE_FORMER_IDENTIFIER] =
		    PointerGetDatum(batch->nodes[merge->loser->first_node].identifier);
		write_merge(batch, merge->loser, values, isnull);
	}
}

void
write_batch_evidence(Batch *batch)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(batch->values);

	emit_links(batch);
	write_companions(batch);
	collect_refusals(batch);
	emit_refusals(batch);
	if (!batch->rebuilding)
		emit_merges(batch);
	MemoryContextSwitchTo(oldcontext);
}

void
identity_write(Batch *batch, ReplayQueue *queue)
{
	IdentityBatch *identity = identity_of(batch);

	write_batch_evidence(batch);
	anchors_correct(batch);
	for (int i = 0; i < identity->n_replay_nodes; i++)
		replay_queue_add(queue, batch->nodes[identity->replay_nodes[i]].identifier);
}

void
identity_record_companions(Batch *batch)
{
	companions_collect(batch);
	write_companions(batch);
}
