/*
 * tables.c
 *	  The tables of events, and visits of stored events by their anchor.
 */
#include "events/events.h"

void
events_visit_at(Store *store, Datum anchor, bool anchor_is_null, TimestampTz at, VisitRow visit,
                void *context)
{
	StoreRange range = {
	    .n_equal = 2, .equal = {anchor, TimestampTzGetDatum(at)}, .first_is_null = anchor_is_null};

	store_visit(store, &events_table, &events_by_anchor, &range, visit, context);
}

void
events_visit_anonymous(Store *store, VisitRow visit, void *context)
{
	StoreRange range = {.n_equal = 1, .first_is_null = true};

	store_visit(store, &events_table, &events_by_anchor, &range, visit, context);
}

void
events_visit_anchored(Store *store, Datum anchor, VisitRow visit, void *context)
{
	StoreRange range = {.n_equal = 1, .equal = {anchor}};

	store_visit(store, &events_table, &events_by_anchor, &range, visit, context);
}

static const EngineColumn event_id_columns[N_EVENT_ID_COLUMNS] = {
    [EVENT_IDS_EVENT_ID] = {"event_id", "uuid"},
};

WorkspaceTable event_ids_table = {.name = "event_ids",
                                  .guard = GUARD_DERIVED,
                                  .columns = event_id_columns,
                                  .n_columns = N_EVENT_ID_COLUMNS,
                                  .n_key = 1};

WorkspacePart events_part = {
    .name = "events",
    .tables = (WorkspaceTable *const[]){&events_table, &event_ids_table, NULL},
    .indexes = (WorkspaceIndex *const[]){&events_by_anchor, NULL},
};
