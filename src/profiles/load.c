/*
 * load.c
 *	  From a stored row of profiles to the working copy.
 */
#include "profiles/profiles_internal.h"

#include "access/htup_details.h"
#include "utils/datum.h"

void
profiles_peek(Batch *batch, Profile *profile, TupleTableSlot *slot)
{
	bool isnull;

	profile->evidence_known = true;
	profile->was_seen_until = DatumGetTimestampTz(
	    store_value(batch->store, &profiles_table, slot, PROFILE_LAST_SEEN, &isnull));
	profile->was_contested_until = DatumGetTimestampTz(
	    store_value(batch->store, &profiles_table, slot, PROFILE_CONTESTED_UNTIL, &isnull));
	profile->was_contested = !isnull;
	if (isnull)
		profile->was_contested_until = DT_NOBEGIN;
}

/* The working copy of a profile that has no row yet. */
static void
load_new(Batch *batch, Profile *profile)
{
	profile->first_seen = DT_NOEND;
	profile->last_seen = DT_NOBEGIN;
	profile->evaluated_at = DT_NOBEGIN;
	profile->segments = segment_set_empty();
	for (int i = 0; i < n_profile_values; i++)
	{
		FoldedValue *folded = &profile->values[i];

		folded->stored = folded->value = profile_value_of(i)->empty(batch->ws);
		folded->builder = NULL;
	}
}

/* The value of a column, detoasted; in memory of its own, if copy asks for it. */
Datum
load_value(TupleTableSlot *slot, AttrNumber column, Datum value, bool copy)
{
	Form_pg_attribute att = TupleDescAttr(slot->tts_tupleDescriptor, column - 1);

	if (att->attlen != -1)
		return copy ? datumCopy(value, att->attbyval, att->attlen) : value;
	return PointerGetDatum(copy ? PG_DETOAST_DATUM_COPY(value) : PG_DETOAST_DATUM(value));
}

/* The working copy of a profile, from a copy of its row. */
static void
load_stored(Batch *batch, Profile *profile, TupleTableSlot *slot)
{
	const AttrNumber *columns = workspace_table(batch->ws, &profiles_table)->columns;
	TupleDesc desc = slot->tts_tupleDescriptor;
	HeapTuple tuple = profile->tuple = ExecCopySlotHeapTuple(slot);
	Datum *values = palloc(sizeof(Datum) * desc->natts);
	bool *isnull = palloc(sizeof(bool) * desc->natts);

	tuple->t_self = slot->tts_tid;
	heap_deform_tuple(tuple, desc, values, isnull);
#define VALUE(column) values[columns[column] - 1]
#define IS_NULL(column) isnull[columns[column] - 1]
	profile->first_seen = DatumGetTimestampTz(VALUE(PROFILE_FIRST_SEEN));
	profile->last_seen = DatumGetTimestampTz(VALUE(PROFILE_LAST_SEEN));
	profile->event_count = DatumGetInt64(VALUE(PROFILE_EVENT_COUNT));
	profile->identifier_count = DatumGetInt64(VALUE(PROFILE_IDENTIFIER_COUNT));
	profile->contested = !IS_NULL(PROFILE_CONTESTED_UNTIL);
	if (profile->contested)
		profile->contested_until = DatumGetTimestampTz(VALUE(PROFILE_CONTESTED_UNTIL));
	profile->evaluated_at = DatumGetTimestampTz(VALUE(PROFILE_EVALUATED_AT));
	profile->has_next_evaluation = !IS_NULL(PROFILE_NEXT_EVALUATION_AT);
	profile->next_evaluation_at = DatumGetTimestampTz(VALUE(PROFILE_NEXT_EVALUATION_AT));
	profile->segments = DatumGetSegmentSetP(VALUE(PROFILE_SEGMENTS));
	for (int i = 0; i < n_profile_values; i++)
	{
		FoldedValue *folded = &profile->values[i];

		folded->stored = folded->value =
		    load_value(slot, columns[PROFILE_VALUE(i)], VALUE(PROFILE_VALUE(i)), false);
		folded->builder = NULL;
	}
#undef VALUE
#undef IS_NULL
	pfree(values);
	pfree(isnull);
}

void
profiles_load(Batch *batch, Profile *profile, TupleTableSlot *slot)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(batch->values);

	profile->loaded = true;
	profile->has_folded = false;
	profile->changed = NULL;
	profile->tuple = profile->new_row = NULL;
	profile->event_count = profile->identifier_count = 0;
	profile->has_next_evaluation = false;
	profile->contested = false;
	profile->contested_until = DT_NOBEGIN;
	if (slot == NULL)
		load_new(batch, profile);
	else
		load_stored(batch, profile, slot);
	MemoryContextSwitchTo(oldcontext);
}

void
profiles_mark_changed(Batch *batch, Profile *profile, int column)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(batch->values);

	profile->changed = bms_add_member(profile->changed, column);
	MemoryContextSwitchTo(oldcontext);
}

void
load_profile(Batch *batch, Profile *profile)
{
	TupleTableSlot *slot = NULL;

	if (profile->loaded)
		return;
	if (!profile->is_new)
	{
		slot = store_find(batch->store, &profiles_table, Int64GetDatum(profile->id));
		if (slot == NULL)
			ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
			                errmsg("profile " INT64_FORMAT " of an identifier does not exist",
			                       profile->id),
			                errhint("Run cdp.check and cdp.rebuild on the workspace.")));
	}
	profiles_load(batch, profile, slot);
}
