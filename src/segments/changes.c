/*
 * changes.c
 *	  Stage five, for segments: changes of membership, and predicates that failed.
 */
#include "segments/segments_internal.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

static TupleTableSlot *
fill_change(Store *store, int i, void *context)
{
	const Change *change = &((Batch *) context)->changes[i];
	Datum values[N_CHANGE_COLUMNS];

	values[CHANGE_PROFILE_ID] = Int64GetDatum(change->profile_id);
	values[CHANGE_SEGMENT] =
	    PointerGetDatum(cstring_to_text_with_len(change->segment, change->segment_len));
	values[CHANGE_ENTERED] = BoolGetDatum(change->entered);
	values[CHANGE_AT] = TimestampTzGetDatum(change->at);
	values[CHANGE_CAUSE] = CStringGetTextDatum(change->cause);
	return store_new_row(store, &segment_changes_table, values, NULL);
}

static void
write_changes(Batch *batch)
{
	if (batch->n_changes > 0)
		store_insert_rows(batch->store, &segment_changes_table, batch->n_changes, fill_change,
		                  batch);
}

static void
write_segment_failures(Batch *batch)
{
	SegmentsBatch *segments = segments_batch(batch);

	for (int i = 0; i < segments->n_failures; i++)
	{
		Failure *failure = &segments->failures[i];
		Datum values[N_ERROR_COLUMNS];

		CHECK_FOR_INTERRUPTS();
		values[ERROR_SEGMENT] = CStringGetTextDatum(failure->segment->name);
		values[ERROR_PROFILE_ID] = Int64GetDatum(failure->profile_id);
		values[ERROR_SQLSTATE] = CStringGetTextDatum(unpack_sql_state(failure->sqlerrcode));
		values[ERROR_MESSAGE] = CStringGetTextDatum(failure->message);
		values[ERROR_WITHOUT_VALUES] = CStringGetTextDatum(failure->without_values);
		values[ERROR_AT] = TimestampTzGetDatum(failure->at);
		if (store_find_key(batch->store, &segment_errors_table, 2, values) == NULL)
			(void) store_insert_unless_there(
			    batch->store, &segment_errors_table,
			    store_new_row(batch->store, &segment_errors_table, values, NULL));
	}
	segments->n_failures = 0;
}

/* Part: writes the results of evaluating the slice. */
void
changes_write(Batch *batch)
{
	write_segment_failures(batch);
	write_changes(batch);
}

void
changes_add(Batch *batch, int64 profile_id, const char *segment, int segment_len, bool entered,
            TimestampTz at, Cause cause)
{
	Change change = {profile_id, segment, segment_len, entered, at, cause};

	batch_add_change(batch, &change);
}

void
changes_add_failure(Batch *batch, int64 profile_id, const Segment *segment, TimestampTz at,
                    const ErrorData *error)
{
	SegmentsBatch *segments = segments_batch(batch);
	MemoryContext oldcontext;
	Failure *failure;

	ARRAY_GROW(batch->context, segments->failures, segments->n_failures, segments->max_failures);
	failure = &segments->failures[segments->n_failures++];
	failure->profile_id = profile_id;
	failure->segment = segment;
	failure->sqlerrcode = error->sqlerrcode;
	failure->at = at;
	oldcontext = MemoryContextSwitchTo(batch->values);
	failure->message = pstrdup(error->message);
	/* a definition that is broken has been evaluated on no row */
	failure->without_values =
	    error == segment->expression.broken ? failure->message : error_without_values(error);
	MemoryContextSwitchTo(oldcontext);
}

static const EngineColumn change_columns[N_CHANGE_COLUMNS] = {
    [CHANGE_PROFILE_ID] = {"profile_id", "int8"}, [CHANGE_SEGMENT] = {"segment", "text"},
    [CHANGE_ENTERED] = {"entered", "bool"},       [CHANGE_AT] = {"at", "timestamptz"},
    [CHANGE_CAUSE] = {"cause", "text"},
};

static const EngineColumn error_columns[N_ERROR_COLUMNS] = {
    [ERROR_SEGMENT] = {"segment", "text"},
    [ERROR_PROFILE_ID] = {"profile_id", "int8"},
    [ERROR_SQLSTATE] = {"sqlstate", "text"},
    [ERROR_MESSAGE] = {"message", "text"},
    [ERROR_WITHOUT_VALUES] = {"message_without_values", "text"},
    [ERROR_AT] = {"at", "timestamptz"},
};

WorkspaceTable segment_changes_table = {.name = "segment_changes",
                                        .guard = GUARD_DERIVED,
                                        .columns = change_columns,
                                        .n_columns = N_CHANGE_COLUMNS};
/* users see it by the view segment_errors */
WorkspaceTable segment_errors_table = {.name = "segment_failures",
                                       .guard = GUARD_DERIVED,
                                       .columns = error_columns,
                                       .n_columns = N_ERROR_COLUMNS,
                                       .n_key = 2};
