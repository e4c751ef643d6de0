/*
 * deltas.c
 *	  Stage one, for computed traits: what each event adds to them. The filters and
 *	  expressions of their definitions are evaluated on the row of events.
 */
#include "computed/computed_internal.h"

#include "executor/executor.h"
#include "utils/memutils.h"

void
deltas_begin(RowDeltas *row, Workspace *ws, const Bitmapset *wanted)
{
	row->ws = ws;
	row->wanted = wanted;
	row->trait = 0;
	initStringInfo(&row->deltas);
	initStringInfo(&row->value);
}

/* The value of an expression of the row's trait. */
static Datum
evaluate(RowDeltas *row, ExprState *expression, bool *isnull)
{
	Datum result;

	row->evaluating = true;
	result = ExecEvalExprSwitchContext(expression, row->ws->econtext, isnull);
	row->evaluating = false;
	return result;
}

/* Appends what the row adds to a trait, if anything. */
static void
add_trait_delta(RowDeltas *row, const ComputedDefinition *definition)
{
	ExprContext *econtext = row->ws->econtext;
	MemoryContext oldcontext;
	bool isnull;
	Datum result;

	if (definition->filter_state != NULL)
	{
		result = evaluate(row, definition->filter_state, &isnull);
		if (isnull || !DatumGetBool(result))
			return;
	}
	resetStringInfo(&row->value);
	if (definition->expression_state != NULL)
	{
		result = evaluate(row, definition->expression_state, &isnull);
		if (isnull)
			return;
		oldcontext = MemoryContextSwitchTo(econtext->ecxt_per_tuple_memory);
		if (definition->value_class != COMPUTED_NONE)
			computed_put_value(&row->value, definition->kind_number, definition->value_class,
			                   result);
		MemoryContextSwitchTo(oldcontext);
	}
	computed_append_number(&row->deltas, row->trait);
	computed_append_number(&row->deltas, row->value.len);
	appendBinaryStringInfo(&row->deltas, row->value.data, row->value.len);
}

/* Whether a trait counts events of the name that a row has. */
static bool
counts_event(const ComputedDefinition *definition, const text *name)
{
	return definition->event == NULL ||
	       (definition->event_len == VARSIZE_ANY_EXHDR(name) &&
	        memcmp(definition->event, VARDATA_ANY(name), definition->event_len) == 0);
}

/* The name of the event in a row. */
static text *
event_name(const Workspace *ws, TupleTableSlot *slot)
{
	bool isnull;

	return DatumGetTextPP(
	    slot_getattr(slot, workspace_table(ws, &events_table)->columns[EVENT_NAME], &isnull));
}

/*
 * Evaluates the traits on the row in slot, from row->trait on. After a failure, the caller
 * sets that to the trait after the failed one.
 */
void
deltas_of_row(RowDeltas *row)
{
	Workspace *ws = row->ws;
	const ComputedTraits *computed = computed_of(ws);
	ExprContext *econtext = ws->econtext;
	const text *name = event_name(ws, row->slot);

	if (row->trait == 0)
		resetStringInfo(&row->deltas);
	econtext->ecxt_scantuple = row->slot;
	for (; row->trait < computed->n; row->trait++)
	{
		const ComputedDefinition *definition = &computed->definitions[row->trait];

		if (definition->broken == NULL && counts_event(definition, name) &&
		    (row->wanted == NULL || bms_is_member(row->trait, row->wanted)))
			add_trait_delta(row, definition);
	}
	ResetExprContext(econtext);
}

ComputedBatch *
computed_batch(Batch *batch)
{
	return batch_data(batch, &computed_part, sizeof(ComputedBatch));
}

bool
deltas_are_wanted(Workspace *ws)
{
	return computed_of(ws)->n > 0;
}

/* Notes that a trait failed on the event, if that is new. */
static void
add_failure(EventRun *run, int trait, const ErrorData *error)
{
	Batch *batch = run->batch;
	ComputedBatch *computed = computed_batch(batch);
	MemoryContext oldcontext;
	TraitFailure *failure;

	if (batch->is_read_again)
		return;
	ARRAY_GROW(batch->context, computed->failures, computed->n_failures, computed->max_failures);
	failure = &computed->failures[computed->n_failures++];
	failure->trait = trait;
	failure->event = (int) (run->event - batch->events);
	failure->sqlerrcode = error->sqlerrcode;
	oldcontext = MemoryContextSwitchTo(batch->context);
	failure->message = pstrdup(error->message);
	/* a trait that does not compile has seen no event */
	failure->without_values = error == computed_of(batch->ws)->definitions[trait].broken
	                              ? failure->message
	                              : error_without_values(error);
	MemoryContextSwitchTo(oldcontext);
}

/* A trait that does not compile fails on every event that it would count. */
static void
fail_broken(EventRun *run)
{
	const ComputedTraits *computed = computed_of(run->batch->ws);
	const text *name = event_name(run->batch->ws, run->slot);

	for (int i = 0; i < computed->n; i++)
		if (computed->definitions[i].broken != NULL &&
		    counts_event(&computed->definitions[i], name))
			add_failure(run, i, computed->definitions[i].broken);
}

/* Keeps with the event: its day in the workspace's zone, then its deltas. */
void
deltas_read_row(EventRun *run)
{
	Batch *batch = run->batch;
	ComputedBatch *computed = computed_batch(batch);
	RowDeltas *row = &computed->row;
	int32 day;
	char *note;

	if (!computed->begun)
	{
		MemoryContext oldcontext = MemoryContextSwitchTo(batch->context);

		deltas_begin(row, batch->ws, NULL);
		computed->begun = true;
		MemoryContextSwitchTo(oldcontext);
	}
	if (run->step == 0 && computed_of(batch->ws)->any_broken)
		fail_broken(run);
	row->slot = run->slot;
	row->trait = run->step;
	deltas_of_row(row);
	if (row->deltas.len == 0)
		return;
	day = fold_day(batch->ws, run->event->at);
	note = batch_note(batch, run->event, &computed_profile_value, sizeof(day) + row->deltas.len);
	memcpy(note, &day, sizeof(day));
	memcpy(note + sizeof(day), row->deltas.data, row->deltas.len);
}

bool
deltas_failed(RowDeltas *row, const ErrorData *error)
{
	bool failed = row->evaluating || !cdp_error_is_internal(error->sqlerrcode);

	row->evaluating = false;
	return failed;
}

/* Counts a failure. False: all traits have been evaluated, or the error is no expression's. */
bool
deltas_row_failed(EventRun *run, const ErrorData *error)
{
	ComputedBatch *computed = computed_batch(run->batch);

	if (computed->row.trait >= computed_of(run->batch->ws)->n ||
	    !deltas_failed(&computed->row, error))
		return false;
	run->step = computed->row.trait;
	add_failure(run, computed->row.trait, error);
	return true;
}
