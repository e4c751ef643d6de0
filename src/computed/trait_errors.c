/*
 * trait_errors.c
 *	  Counts the events on which a computed trait failed, per trait and profile.
 */
#include "computed/computed_internal.h"

#include "identity/identity.h"
#include "miscadmin.h"
#include "utils/builtins.h"

/* The profile of a failure's event; 0: the event is anonymous. */
static int64
failure_profile(Batch *batch, const TraitFailure *failure)
{
	const Profile *profile = identity_profile_of(batch, &batch->events[failure->event]);

	return profile == NULL ? 0 : profile->id;
}

static int
compare_failures(const void *a, const void *b, void *arg)
{
	Batch *batch = (Batch *) arg;
	const TraitFailure *x = (const TraitFailure *) a;
	const TraitFailure *y = (const TraitFailure *) b;
	int64 x_profile;
	int64 y_profile;

	if (x->trait != y->trait)
		return x->trait - y->trait;
	x_profile = failure_profile(batch, x);
	y_profile = failure_profile(batch, y);
	if (x_profile != y_profile)
		return x_profile < y_profile ? -1 : 1;
	return x->event - y->event;
}

void
trait_errors_add(Store *store, int trait, int64 profile, int64 n, int sqlerrcode,
                 const char *message, const char *without_values, const pg_uuid_t *event_id)
{
	Datum values[N_COMPUTED_ERROR_COLUMNS];
	TupleTableSlot *slot;
	bool isnull;

	values[COMPUTED_ERROR_TRAIT] =
	    CStringGetTextDatum(computed_of(store_workspace(store))->definitions[trait].name);
	values[COMPUTED_ERROR_PROFILE_ID] = Int64GetDatum(profile);
	slot = store_find_key(store, &computed_errors_table, 2, values);
	if (slot != NULL)
		n += DatumGetInt64(
		    store_value(store, &computed_errors_table, slot, COMPUTED_ERROR_N, &isnull));
	values[COMPUTED_ERROR_N] = Int64GetDatum(n);
	values[COMPUTED_ERROR_SQLSTATE] = CStringGetTextDatum(unpack_sql_state(sqlerrcode));
	values[COMPUTED_ERROR_MESSAGE] = CStringGetTextDatum(message);
	values[COMPUTED_ERROR_WITHOUT_VALUES] = CStringGetTextDatum(without_values);
	values[COMPUTED_ERROR_EVENT_ID] = UUIDPGetDatum(event_id);
	values[COMPUTED_ERROR_AT] = TimestampTzGetDatum(cdp_now());
	if (slot == NULL)
		store_insert(store, &computed_errors_table,
		             store_new_row(store, &computed_errors_table, values, NULL));
	else
		store_update(store, &computed_errors_table, &slot->tts_tid,
		             store_changed_row(store, &computed_errors_table, slot, values, NULL));
}

void
trait_errors_write(Batch *batch)
{
	ComputedBatch *computed = computed_batch(batch);
	TraitFailure *failures = computed->failures;
	int n = computed->n_failures;

	if (n > 1)
		qsort_arg(failures, n, sizeof(TraitFailure), compare_failures, batch);
	for (int i = 0, end; i < n; i = end)
	{
		int64 profile = failure_profile(batch, &failures[i]);
		const TraitFailure *last;

		CHECK_FOR_INTERRUPTS();
		for (end = i + 1; end < n && failures[end].trait == failures[i].trait &&
		                  failure_profile(batch, &failures[end]) == profile;)
			end++;
		last = &failures[end - 1];
		if (profile != 0)
			trait_errors_add(batch->store, last->trait, profile, end - i, last->sqlerrcode,
			                 last->message, last->without_values, &batch->events[last->event].id);
	}
}

static const EngineColumn error_columns[N_COMPUTED_ERROR_COLUMNS] = {
    [COMPUTED_ERROR_TRAIT] = {"trait", "text"},
    [COMPUTED_ERROR_PROFILE_ID] = {"profile_id", "int8"},
    [COMPUTED_ERROR_N] = {"n", "int8"},
    [COMPUTED_ERROR_SQLSTATE] = {"sqlstate", "text"},
    [COMPUTED_ERROR_MESSAGE] = {"message", "text"},
    [COMPUTED_ERROR_WITHOUT_VALUES] = {"message_without_values", "text"},
    [COMPUTED_ERROR_EVENT_ID] = {"event_id", "uuid"},
    [COMPUTED_ERROR_AT] = {"at", "timestamptz"},
};

/* users see it by the view computed_trait_errors */
WorkspaceTable computed_errors_table = {.name = "computed_trait_failures",
                                        .guard = GUARD_DERIVED,
                                        .columns = error_columns,
                                        .n_columns = N_COMPUTED_ERROR_COLUMNS,
                                        .n_key = 2};
