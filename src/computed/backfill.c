/*
 * backfill.c
 *	  Fills profiles with computed traits from past events.
 *
 * The back-fill is one aggregate over the events of each profile, in SQL (sql/computed). If
 * an expression fails on an event, the first attempt ends. The second attempt has a
 * subtransaction per event, and counts the failures. So definitions that do not fail pay
 * nothing for those that may.
 *
 * The aggregate's state is in memory (internal), against the rule that states are ordinary
 * values. It is a step of a definition, in one process, under the lock that keeps writers
 * out. A varlena state would be written again for each of a customer's events.
 */
#include "computed/computed_internal.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "expression/expression.h"
#include "miscadmin.h"
#include "store/lock.h"
#include "types/ltv_format.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"
#include "workspace/rows.h"

/* Least number of deltas of a profile that are merged into its state at a time. */
#define GROUP_DELTAS 256

/* Failures of a trait on a profile's events. */
typedef struct BackfillFailure
{
	struct
	{
		int64 profile;
		int64 trait;
	} key;
	int64 n;
	int sqlerrcode;
	char *message;
	char *without_values;
	pg_uuid_t event_id;
} BackfillFailure;

/* A back-fill. */
typedef struct Backfill
{
	Workspace *ws;
	const Bitmapset *wanted;
	Datum removed;           /* text[]: names of the traits whose states are removed */
	bool step_over_failures; /* the second attempt */
	int32 today;
	TupleTableSlot *slot; /* for a row of events */
	RowDeltas row;
	MemoryContext context;
	HTAB *failures;
} Backfill;

/* The running back-fill: a hidden argument of cdp.computed_accum. */
static Backfill *running_backfill = NULL;

static void
count_failure(Backfill *backfill, int64 profile, const ErrorData *error, const pg_uuid_t *event_id)
{
	BackfillFailure key = {{profile, backfill->row.trait}};
	bool found;
	BackfillFailure *failure = hash_search(backfill->failures, &key.key, HASH_ENTER, &found);
	MemoryContext oldcontext = MemoryContextSwitchTo(backfill->context);

	if (!found)
		failure->n = 0;
	else
	{
		pfree(failure->message);
		pfree(failure->without_values);
	}
	failure->n++;
	failure->message = pstrdup(error->message);
	failure->without_values = error_without_values(error);
	MemoryContextSwitchTo(oldcontext);
	failure->sqlerrcode = error->sqlerrcode;
	failure->event_id = *event_id;
}

/* An event on which expressions may fail. */
typedef struct EventAttempt
{
	Backfill *backfill;
	int64 profile;
	const pg_uuid_t *event_id;
} EventAttempt;

static bool
attempt_event(void *context)
{
	deltas_of_row(&((EventAttempt *) context)->backfill->row);
	return true;
}

static bool
skip_trait(void *context, const ErrorData *error)
{
	EventAttempt *attempt = (EventAttempt *) context;

	if (!deltas_failed(&attempt->backfill->row, error))
		return false;
	count_failure(attempt->backfill, attempt->profile, error, attempt->event_id);
	attempt->backfill->row.trait++;
	return true;
}

/* Evaluates what the row in the slot adds; the second attempt steps over what fails. */
static void
evaluate_event(Backfill *backfill, int64 profile, const pg_uuid_t *event_id)
{
	EventAttempt attempt = {backfill, profile, event_id};

	backfill->row.trait = 0;
	if (backfill->step_over_failures)
		cdp_attempt_each(attempt_event, skip_trait, &attempt);
	else
		deltas_of_row(&backfill->row);
}

/* The value of an engine column in the slot's row of events. */
static Datum
row_value(const Backfill *backfill, EventColumn column)
{
	bool isnull;

	return slot_getattr(backfill->slot,
	                    workspace_table(backfill->ws, &events_table)->columns[column], &isnull);
}

PG_FUNCTION_INFO_V1(cdp_computed_accum);

/*
 * cdp.computed_accum(state, profile id, row of events) -> state: transition function of
 * cdp.computed_agg. It errors outside a back-fill, since it computes the traits that are
 * being defined.
 */
Datum
cdp_computed_accum(PG_FUNCTION_ARGS)
{
	Backfill *current = running_backfill;
	ComputedFold *group = PG_ARGISNULL(0) ? NULL : (ComputedFold *) PG_GETARG_POINTER(0);
	HeapTupleHeader row;
	HeapTupleData tuple = {0};
	MemoryContext context;
	MemoryContext oldcontext;
	pg_uuid_t *event_id;
	TimestampTz occurred_at;
	TimestampTz received_at;
	TimestampTz at;

	if (!AggCheckCallContext(fcinfo, &context) || current == NULL || PG_ARGISNULL(1) ||
	    PG_ARGISNULL(2))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		                errmsg("cdp.computed_agg is for the definition of computed traits only")));
	if (group == NULL)
	{
		oldcontext = MemoryContextSwitchTo(context);
		group = palloc(sizeof(ComputedFold));
		fold_begin(group, current->ws, computed_empty(), current->today, true);
		MemoryContextSwitchTo(oldcontext);
	}
	row = row_argument(fcinfo, 2);
	if (HeapTupleHeaderGetTypeId(row) != get_rel_type_id(current->ws->events))
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
		                errmsg("cdp.computed_agg takes rows of the workspace's events")));
	tuple.t_len = HeapTupleHeaderGetDatumLength(row);
	tuple.t_data = row;
	ExecStoreHeapTuple(&tuple, current->slot, false);
	workspace_check_row(current->ws, &events_table, current->slot);
	event_id = DatumGetUUIDP(row_value(current, EVENT_ID));
	occurred_at = DatumGetTimestampTz(row_value(current, EVENT_OCCURRED_AT));
	received_at = DatumGetTimestampTz(row_value(current, EVENT_RECEIVED_AT));
	at = event_effective_at(occurred_at, received_at, current->ws->earliest_event);
	evaluate_event(current, PG_GETARG_INT64(1), event_id);
	if (current->row.deltas.len > 0)
	{
		oldcontext = MemoryContextSwitchTo(context);
		fold_deltas(group, current->row.deltas.data, current->row.deltas.len, at,
		            fold_day(current->ws, at), event_id);
		/* the larger the state, the more is merged into it at a time */
		if (computed_builder_size(&group->builder) >=
		    Max(GROUP_DELTAS, (int) (VARSIZE_ANY(group->computed) / 16)))
			fold_flush(group);
		MemoryContextSwitchTo(oldcontext);
	}
	ExecClearTuple(current->slot);
	PG_RETURN_POINTER(group);
}

PG_FUNCTION_INFO_V1(cdp_computed_final);

/* cdp.computed_final(state) -> computed: final function of cdp.computed_agg. */
Datum
cdp_computed_final(PG_FUNCTION_ARGS)
{
	ComputedFold *group = PG_ARGISNULL(0) ? NULL : (ComputedFold *) PG_GETARG_POINTER(0);
	bool changed;

	if (!AggCheckCallContext(fcinfo, NULL) || running_backfill == NULL || group == NULL)
		PG_RETURN_NULL();
	PG_RETURN_COMPUTED_P(
	    computed_builder_finish(&group->builder, running_backfill->today, &changed));
}

static Datum
text_array(Datum *texts, int n)
{
	return PointerGetDatum(construct_array(texts, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* The wanted traits of a profile without events. */
static Computed *
wanted_without_events(const Workspace *ws, const Bitmapset *wanted)
{
	const ComputedTraits *computed = computed_of(ws);
	ComputedTrait *traits = palloc(sizeof(ComputedTrait) * Max(computed->n, 1));
	int n = 0;
	int i = -1;

	while ((i = bms_next_member(wanted, i)) >= 0)
		if (computed->definitions[i].broken == NULL)
			traits[n++] = computed->traits[i];
	return computed_without_events(traits, n, ws->time_zone);
}

/* The names of the events that the wanted traits count; null: one of them counts any event. */
static Datum
wanted_events(const Workspace *ws, const Bitmapset *wanted, char *isnull)
{
	const ComputedTraits *computed = computed_of(ws);
	Datum *names = palloc(sizeof(Datum) * Max(computed->n, 1));
	int n = 0;
	int i = -1;

	*isnull = ' ';
	while ((i = bms_next_member(wanted, i)) >= 0)
	{
		if (computed->definitions[i].event == NULL)
		{
			*isnull = 'n';
			return (Datum) 0;
		}
		names[n++] = CStringGetTextDatum(computed->definitions[i].event);
	}
	return text_array(names, n);
}

/* Runs the statements of the back-fill. */
static void
fill_profiles(Workspace *ws, void *context)
{
	Backfill *backfill = (Backfill *) context;
	Oid types[5] = {
	    NAMEOID, TEXTARRAYOID,
	    workspace_table(ws, &profiles_table)->types[PROFILE_VALUE(computed_profile_value.number)],
	    TEXTARRAYOID, BOOLOID};
	Datum values[5];
	char nulls[5] = {' ', ' ', ' ', ' ', ' '};
	NameData name;

	namestrcpy(&name, ws->name);
	values[0] = NameGetDatum(&name);
	values[1] = backfill->removed;
	values[2] = PointerGetDatum(wanted_without_events(ws, backfill->wanted));
	values[3] = wanted_events(ws, backfill->wanted, &nulls[3]);
	values[4] = BoolGetDatum(!bms_is_empty(backfill->wanted));
	if (SPI_execute_with_args("SELECT cdp.backfill_computed($1, $2, $3, $4, $5)", 5, types, values,
	                          nulls, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not fill computed traits");
}

/* One attempt at the back-fill. Its sorts and hashes may use as much memory as an index build. */
static bool
attempt_backfill(void *context)
{
	Backfill *backfill = (Backfill *) context;
	Backfill *outer = running_backfill;
	int nest_level = NewGUCNestLevel();
	char memory[32];

	snprintf(memory, sizeof(memory), "%d", Max(maintenance_work_mem, work_mem));
	(void) set_config_option("work_mem", memory, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true,
	                         0, false);
	running_backfill = backfill;
	PG_TRY();
	{
		store_while_writing(backfill->ws, fill_profiles, backfill);
	}
	PG_FINALLY();
	{
		running_backfill = outer;
	}
	PG_END_TRY();
	AtEOXact_GUC(true, nest_level);
	return true;
}

/* Writes the counted failures. */
static void
write_trait_failures(Backfill *backfill)
{
	Store *store = store_begin(backfill->ws);
	HASH_SEQ_STATUS status;
	BackfillFailure *failure;

	hash_seq_init(&status, backfill->failures);
	while ((failure = hash_seq_search(&status)) != NULL)
		trait_errors_add(store, (int) failure->key.trait, failure->key.profile, failure->n,
		                 failure->sqlerrcode, failure->message, failure->without_values,
		                 &failure->event_id);
	store_refresh(store);
	store_end(store);
}

/*
 * The names of the traits whose states go: the removed ones, and the wanted ones, which are
 * filled from nothing. Some other part of the statement may have filled these already.
 */
static Datum
names_to_remove(const Workspace *ws, List *removed, const Bitmapset *wanted)
{
	const ComputedTraits *computed = computed_of(ws);
	Datum *names = palloc(sizeof(Datum) * Max(list_length(removed) + computed->n, 1));
	int n = 0;
	int i = -1;
	ListCell *lc;

	foreach (lc, removed)
		names[n++] = CStringGetTextDatum(lfirst(lc));
	while ((i = bms_next_member(wanted, i)) >= 0)
		names[n++] = CStringGetTextDatum(computed->definitions[i].name);
	return text_array(names, n);
}

void
backfill(Workspace *ws, List *removed, const Bitmapset *wanted)
{
	MemoryContext context =
	    AllocSetContextCreate(CurrentMemoryContext, "cdp backfill", ALLOCSET_DEFAULT_SIZES);
	MemoryContext oldcontext = MemoryContextSwitchTo(context);
	Backfill run = {.ws = ws, .wanted = wanted, .context = context};
	TupleDesc desc = lookup_rowtype_tupdesc_copy(get_rel_type_id(ws->events), -1);
	HASHCTL ctl = {.keysize = sizeof(((BackfillFailure *) NULL)->key),
	               .entrysize = sizeof(BackfillFailure),
	               .hcxt = context};
	ErrorData *error;
	int nest_level = expression_pin(ws, ws->rows_use_time_zone);

	run.removed = names_to_remove(ws, removed, wanted);
	run.today = ltv_local_day(cdp_now(), ws->tz);
	run.slot = MakeSingleTupleTableSlot(desc, &TTSOpsHeapTuple);
	run.failures = hash_create("failures", 64, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	deltas_begin(&run.row, ws, wanted);
	run.row.slot = run.slot;
	if (!cdp_attempt(attempt_backfill, &run, &error))
	{
		FreeErrorData(error);
		run.step_over_failures = true;
		(void) attempt_backfill(&run);
	}
	expression_unpin(nest_level);
	write_trait_failures(&run);
	ExecDropSingleTupleTableSlot(run.slot);
	MemoryContextSwitchTo(oldcontext);
	MemoryContextDelete(context);
}

/* The traits that look back over a window. */
static Bitmapset *
windowed_traits(const ComputedTraits *computed)
{
	Bitmapset *windowed = NULL;

	for (int i = 0; i < computed->n; i++)
		if (computed->definitions[i].window_days > 0 && computed->definitions[i].broken == NULL)
			windowed = bms_add_member(windowed, i);
	return windowed;
}

bool
computed_has_windows(Workspace *ws)
{
	return !bms_is_empty(windowed_traits(computed_of(ws)));
}

void
computed_fill_windows(Workspace *ws)
{
	backfill(ws, NIL, windowed_traits(computed_of(ws)));
}
