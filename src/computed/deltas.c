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
	computed_append_number(&row->deltas, row->trait);
	computed_append_number(&row->deltas, row->value.len);
	appendBinaryStringInfo(&row->deltas, row->value.data, row->value.len);
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
	bool isnull;
	text *name = DatumGetTextPP(
	    slot_getattr(row->slot, workspace_table(ws, &events_table)->columns[EVENT_NAME], &isnull));
	int name_len = VARSIZE_ANY_EXHDR(name);

	if (row->trait == 0)
		resetStringInfo(&row->deltas);
	econtext->ecxt_scantuple = row->slot;
	for (; row->trait < computed->n; row->trait++)
	{
		const ComputedDefinition *definition = &computed->definitions[row->trait];

		if (definition->broken == NULL &&
		    (definition->event == NULL ||
		     (definition->event_len == name_len &&
		      memcmp(definition->event, VARDATA_ANY(name), name_len) == 0)) &&
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

/* Counts a failure, if the event is new. False: all traits have been evaluated. */
bool
deltas_row_failed(EventRun *run, const ErrorData *error)
{
	Batch *batch = run->batch;
	ComputedBatch *computed = computed_batch(batch);
	TraitFailure *failure;

	if (computed->row.trait >= computed_of(batch->ws)->n)
		return false;
	run->step = computed->row.trait;
	if (batch->is_read_again)
		return true;
	ARRAY_GROW(batch->context, computed->failures, computed->n_failures, computed->max_failures);
	failure = &computed->failures[computed->n_failures++];
	failure->trait = computed->row.trait;
	failure->event = (int) (run->event - batch->events);
	failure->sqlerrcode = error->sqlerrcode;
	failure->message = MemoryContextStrdup(batch->context, error->message);
	return true;
}
