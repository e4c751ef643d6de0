/*
 * events.h
 *	  Stage one: rows of events become events of a batch, and their identifiers become
 *	  canonical nodes in the order of strength.
 */
#ifndef CDP_EVENTS_H
#define CDP_EVENTS_H

#include "batch/batch.h"

extern WorkspacePart events_part;

typedef enum EventIdColumn
{
	EVENT_IDS_EVENT_ID,
	EVENT_IDS_CONTENT_HASH,
	N_EVENT_ID_COLUMNS
} EventIdColumn;

typedef enum ConflictColumn
{
	CONFLICT_ID,
	CONFLICT_EVENT_ID,
	CONFLICT_CONTENT,
	CONFLICT_AT,
	N_CONFLICT_COLUMNS
} ConflictColumn;

typedef enum EventCountColumn
{
	EVENT_COUNT_ID,
	EVENT_COUNT_IDS_MADE,
	EVENT_COUNT_CONFLICTS,
	N_EVENT_COUNT_COLUMNS
} EventCountColumn;

extern WorkspaceTable event_ids_table;
extern WorkspaceTable event_conflicts_table;
extern WorkspaceTable event_counts_table;

/* A new event id, ordered by time (UUID version 7, RFC 9562). */
extern pg_uuid_t *event_id_generate(void);

/*
 * The effective time of an event: the earlier of its two times; what occurred before
 * earliest, by a clock that was never set, when it was received. The rule is here alone.
 */
extern TimestampTz event_effective_at(TimestampTz occurred_at, TimestampTz received_at,
                                      TimestampTz earliest);

/*
 * Decodes a new row of events into the batch, with its identifiers; a stored row, which may
 * have come past the triggers: what is no identifier is refused, not an error; or a row
 * without its identifiers.
 */
extern Event *events_read(Batch *batch, TupleTableSlot *slot);
extern Event *events_read_stored(Batch *batch, TupleTableSlot *slot);
extern Event *events_read_values(Batch *batch, TupleTableSlot *slot);

/*
 * Puts an event's references to its identifiers in order, and notes what it anchors: see
 * event.c.
 */
extern void events_order_refs(Batch *batch, Event *event);

/* Error context: names the event that an error is about; arg is its id. */
extern void events_error_context(void *arg);

/*
 * Reads rows of events into a batch and shows each row to the parts. next reads a row,
 * makes an event of it and sets event and slot; false: there are no more for now. A part
 * numbers its expressions on a row and begins with number step. If one fails, step is
 * set to the next one, and the part is called again.
 */
typedef struct EventRun
{
	Batch *batch;
	bool (*next)(struct EventRun *run);
	void *context;
	Event *event;
	TupleTableSlot *slot;

	/* the progress of the current row */
	WorkspacePart *const *part; /* the part that sees it next */
	int step;                   /* the part's next expression */
	bool pending;               /* a row has been read, and not all parts have seen it */
} EventRun;

extern void events_run(EventRun *run);

/*
 * Visits stored events: those of an anchor; anonymous ones; those of an anchor, or
 * anonymous ones, that occurred at an instant.
 */
extern void events_visit_anchored(Store *store, Datum anchor, VisitRow visit, void *context);
extern void events_visit_anonymous(Store *store, VisitRow visit, void *context);
extern void events_visit_at(Store *store, Datum anchor, bool anchor_is_null, TimestampTz at,
                            VisitRow visit, void *context);

#endif /* CDP_EVENTS_H */
