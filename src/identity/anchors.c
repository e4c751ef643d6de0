/*
 * anchors.c
 *	  Corrects the anchor in a row of events, where the event has another one.
 */
#include "events/events.h"
#include "identity/identity_internal.h"

#include "miscadmin.h"

typedef struct CorrectAnchor
{
	Batch *batch;
	const Event *event;
} CorrectAnchor;

/* Sets the anchor in a row of events, if it is the row of this event. */
static bool
correct_row(TupleTableSlot *slot, void *context)
{
	CorrectAnchor *correct = (CorrectAnchor *) context;
	Batch *batch = correct->batch;
	const Event *event = correct->event;
	int anchor = batch_anchor(batch, event);
	Datum values[N_EVENT_COLUMNS];
	bool isnull[N_EVENT_COLUMNS];

	store_values(batch->store, &events_table, slot, values, isnull);
	if (memcmp(DatumGetUUIDP(values[EVENT_ID])->data, event->id.data, UUID_LEN) != 0)
		return true;
	isnull[EVENT_ANCHOR] = anchor < 0;
	if (anchor >= 0)
		values[EVENT_ANCHOR] = PointerGetDatum(batch->nodes[anchor].identifier);
	store_update(batch->store, &events_table, &slot->tts_tid,
	             store_changed_row(batch->store, &events_table, slot, values, isnull));
	return false;
}

static bool
anchor_differs(const Batch *batch, const Event *event)
{
	int node = batch_anchor(batch, event);
	const Identifier *anchor = node < 0 ? NULL : batch->nodes[node].identifier;

	if (anchor == NULL || event->row_anchor == NULL)
		return anchor != event->row_anchor;
	return anchor != event->row_anchor && identifier_compare(anchor, event->row_anchor) != 0;
}

/*
 * The row trigger set the anchor, by the rules at that time and without reading any table.
 * The event has another one if rules have changed since, or if its strongest identifier
 * is generic. Then the row is corrected.
 */
void
anchors_correct(Batch *batch)
{
	Store *store = batch->store;
	bool refreshed = false;

	for (int e = 0; e < batch->n_events; e++)
	{
		const Event *event = &batch->events[e];
		CorrectAnchor correct = {batch, event};

		if (!anchor_differs(batch, event))
			continue;
		CHECK_FOR_INTERRUPTS();
		if (!refreshed)
		{
			store_refresh(store);
			refreshed = true;
		}
		events_visit_at(store, PointerGetDatum(event->row_anchor), event->row_anchor == NULL,
		                event->occurred_at, correct_row, &correct);
	}
}
