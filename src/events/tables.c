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
    [EVENT_IDS_CONTENT_HASH] = {"content_hash", "int8", true},
};

static const EngineColumn conflict_columns[N_CONFLICT_COLUMNS] = {
    [CONFLICT_ID] = {"conflict_id", "uuid"},
    [CONFLICT_EVENT_ID] = {"event_id", "uuid"},
    [CONFLICT_CONTENT] = {"content", "jsonb"},
    [CONFLICT_AT] = {"at", "timestamptz"},
};

static const EngineColumn count_columns[N_EVENT_COUNT_COLUMNS] = {
    [EVENT_COUNT_ID] = {"count_id", "uuid"},
    [EVENT_COUNT_IDS_MADE] = {"ids_made", "int8"},
    [EVENT_COUNT_CONFLICTS] = {"conflicts", "int8"},
};

WorkspaceTable event_ids_table = {.name = "event_ids",
                                  .guard = GUARD_DERIVED,
                                  .columns = event_id_columns,
                                  .n_columns = N_EVENT_ID_COLUMNS,
                                  .n_key = 1};

/* The owner deletes samples: see ingest/conflicts.c. */
WorkspaceTable event_conflicts_table = {.name = "event_conflicts",
                                        .guard = GUARD_NONE,
                                        .columns = conflict_columns,
                                        .n_columns = N_CONFLICT_COLUMNS,
                                        .n_key = 1};

WorkspaceTable event_counts_table = {.name = "event_counts",
                                     .guard = GUARD_DERIVED,
                                     .columns = count_columns,
                                     .n_columns = N_EVENT_COUNT_COLUMNS,
                                     .n_key = 1};

WorkspacePart events_part = {
    .name = "events",
    .tables = (WorkspaceTable *const[]){&events_table, &event_ids_table, &event_conflicts_table,
                                        &event_counts_table, NULL},
    .indexes = (WorkspaceIndex *const[]){&events_by_anchor, NULL},
};
