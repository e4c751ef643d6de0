/*
 * inputs.c
 *	  Stage one, for computed traits: what each event adds to them, by the filters
 *	  and expressions of their definitions, which see the row of events.
 *
 * An expression may fail on an event (a cast of data). As predicates are, those
 * of many events are evaluated in one subtransaction, and where one fails the
 * work goes on behind it in the next.
 */
#include "batch/batch.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "types/ltv_format.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "expression/predicate.h"

/* Whether events are to be looked at for computed traits. */
bool
inputs_are_wanted(const Batch *batch)
{
	return batch->ws->n_computed > 0;
}

void
inputs_begin(RowInputs *row, Workspace *ws, const Bitmapset *wanted)
{
	row->ws = ws;
	row->wanted = wanted;
	row->trait = 0;
	initStringInfo(&row->inputs);
	initStringInfo(&row->value);
}

void
inputs_end(RowInputs *row)
{
	pfree(row->inputs.data);
	pfree(row->value.data);
}

/* Settings that expressions are evaluated with; returns the level to end, 0: none. */
int
inputs_pin_settings(Workspace *ws)
{
	return predicate_needs_pinning(ws, ws->computed_uses_time_zone)
	           ? predicate_pin_settings(ws, false)
	           : 0;
}

/* What the row adds to a trait, if anything. */
static void
evaluate_trait(RowInputs *row, const ComputedDefinition *definition)
{
	ExprContext *econtext = row->ws->econtext;
	MemoryContext oldcontext;
	bool isnull;
	Datum result;

	if (definition->filter_state != NULL)
	{
		result = ExecEvalExprSwitchContext(definition->filter_state, econtext, &isnull);
		if (isnull || !DatumGetBool(result))
			return;
	}
	resetStringInfo(&row->value);
	if (definition->expression_state != NULL)
	{
		result = ExecEvalExprSwitchContext(definition->expression_state, econtext, &isnull);
		if (isnull)
			return;
		oldcontext = MemoryContextSwitchTo(econtext->ecxt_per_tuple_memory);
		if (definition->value_class != COMPUTED_NONE)
			computed_put_value(&row->value, definition->kind_number, definition->value_class,
			                   result);
		MemoryContextSwitchTo(oldcontext);
	}
	computed_append_number(&row->inputs, row->trait);
	computed_append_number(&row->inputs, row->value.len);
	appendBinaryStringInfo(&row->inputs, row->value.data, row->value.len);
}

/*
 * Evaluates the traits on the row in slot, from trait on: of the row, where an
 * expression has failed, the rest.
 */
void
inputs_of_row(RowInputs *row)
{
	Workspace *ws = row->ws;
	ExprContext *econtext = ws->econtext;
	bool isnull;
	text *name =
	    DatumGetTextPP(slot_getattr(row->slot, ws->columns[TABLE_EVENTS][EVENT_NAME], &isnull));
	int name_len = VARSIZE_ANY_EXHDR(name);

	if (row->trait == 0)
		resetStringInfo(&row->inputs);
	econtext->ecxt_scantuple = row->slot;
	for (; row->trait < ws->n_computed; row->trait++)
	{
		const ComputedDefinition *definition = &ws->computed[row->trait];

		if (definition->broken == NULL &&
		    (definition->event == NULL ||
		     (definition->event_len == name_len &&
		      memcmp(definition->event, VARDATA_ANY(name), name_len) == 0)) &&
		    (row->wanted == NULL || bms_is_member(row->trait, row->wanted)))
			evaluate_trait(row, definition);
	}
	ResetExprContext(econtext);
}

static bool
evaluate_some(void *context)
{
	InputRun *run = (InputRun *) context;
	RowInputs *row = &run->row;

	for (;;)
	{
		if (!run->pending)
		{
			CHECK_FOR_INTERRUPTS();
			if (!run->next(run))
				return true;
			row->trait = 0;
			run->pending = true;
		}
		inputs_of_row(row);
		if (row->inputs.len > 0)
		{
			run->event->inputs = batch_copy(run->batch, row->inputs.data, row->inputs.len);
			run->event->inputs_len = row->inputs.len;
			if (row->ws->computed_uses_days)
				run->event->day = ltv_local_day(run->event->at, row->ws->tz);
		}
		run->pending = false;
	}
}

static void
add_failure(InputRun *run, const ErrorData *error)
{
	Batch *batch = run->batch;
	InputFailure *failure;

	BATCH_GROW(batch, input_failures, n_input_failures, max_input_failures);
	failure = &batch->input_failures[batch->n_input_failures++];
	failure->trait = run->row.trait;
	failure->event = (int) (run->event - batch->events);
	failure->sqlerrcode = error->sqlerrcode;
	failure->message = MemoryContextStrdup(batch->context, error->message);
}

/* Evaluates the traits on all events that next gives. */
void
inputs_evaluate(InputRun *run)
{
	Workspace *ws = run->batch->ws;
	int nest_level = inputs_pin_settings(ws);
	ErrorData *error;

	inputs_begin(&run->row, ws, NULL);
	while (!cdp_attempt(evaluate_some, run, &error))
	{
		if (!run->pending || run->row.trait >= ws->n_computed)
			ReThrowError(error);
		add_failure(run, error);
		FreeErrorData(error);
		run->row.trait++;
	}
	inputs_end(&run->row);
	if (nest_level != 0)
		AtEOXact_GUC(true, nest_level);
}

/* Adds what an event says, as inputs_of_row has it, to a profile's computed traits. */
void
inputs_fold(const char *inputs, int len, ComputedBuilder *builder, TimestampTz at, int32 day,
            const pg_uuid_t *event_id)
{
	const char *end = inputs + len;

	while (inputs < end)
	{
		int trait = (int) computed_get_number(&inputs);
		int value_len = (int) computed_get_number(&inputs);

		computed_builder_add(builder, trait, inputs, value_len, at, day, event_id);
		inputs += value_len;
	}
}

/* Profile of a failure's event; 0: it belongs to nobody. */
static int64
failure_profile(Batch *batch, const InputFailure *failure)
{
	const Event *event = &batch->events[failure->event];

	return event->n_refs == 0
	           ? 0
	           : evidence_component(batch, batch->refs[event->first_ref])->profile->id;
}

static int
compare_failures(const void *a, const void *b, void *arg)
{
	Batch *batch = (Batch *) arg;
	const InputFailure *x = (const InputFailure *) a;
	const InputFailure *y = (const InputFailure *) b;
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

/*
 * Counts failures of a trait on a profile's events, with the last of them as a
 * sample. The profile is locked, so nobody else writes the row.
 */
void
inputs_emit_failure(Store *store, int trait, int64 profile, int64 n, int sqlerrcode,
                    const char *message, const pg_uuid_t *event_id)
{
	Datum values[N_COMPUTED_ERROR_COLUMNS];
	TupleTableSlot *slot;
	bool isnull;

	values[COMPUTED_ERROR_TRAIT] = CStringGetTextDatum(store->ws->computed[trait].name);
	values[COMPUTED_ERROR_PROFILE_ID] = Int64GetDatum(profile);
	slot = store_find_key(store, TABLE_COMPUTED_ERRORS, 2, values);
	if (slot != NULL)
		n += DatumGetInt64(
		    store_value(store, TABLE_COMPUTED_ERRORS, slot, COMPUTED_ERROR_N, &isnull));
	values[COMPUTED_ERROR_N] = Int64GetDatum(n);
	values[COMPUTED_ERROR_SQLSTATE] = CStringGetTextDatum(unpack_sql_state(sqlerrcode));
	values[COMPUTED_ERROR_MESSAGE] = CStringGetTextDatum(message);
	values[COMPUTED_ERROR_EVENT_ID] = UUIDPGetDatum(event_id);
	values[COMPUTED_ERROR_AT] = TimestampTzGetDatum(cdp_now());
	if (slot == NULL)
		store_insert(store, TABLE_COMPUTED_ERRORS,
		             store_new_row(store, TABLE_COMPUTED_ERRORS, values, NULL));
	else
		store_update(store, TABLE_COMPUTED_ERRORS, &slot->tts_tid,
		             store_changed_row(store, TABLE_COMPUTED_ERRORS, slot, values, NULL));
}

/* Writes the batch's failures. */
void
inputs_emit_failures(Batch *batch)
{
	if (batch->n_input_failures > 1)
		qsort_arg(batch->input_failures, batch->n_input_failures, sizeof(InputFailure),
		          compare_failures, batch);
	for (int i = 0, end; i < batch->n_input_failures; i = end)
	{
		const InputFailure *failure = &batch->input_failures[i];
		int64 profile = failure_profile(batch, failure);

		CHECK_FOR_INTERRUPTS();
		for (end = i + 1; end < batch->n_input_failures &&
		                  batch->input_failures[end].trait == failure->trait &&
		                  failure_profile(batch, &batch->input_failures[end]) == profile;)
			end++;
		failure = &batch->input_failures[end - 1];
		if (profile != 0)
			inputs_emit_failure(batch->store, failure->trait, profile, end - i, failure->sqlerrcode,
			                    failure->message, &batch->events[failure->event].id);
	}
}
