/*
 * row.c
 *	  From the working copy of a profile to its row.
 */
#include "profiles/profiles_internal.h"

/* Fills the values of the engine's columns in a row of profiles. */
static void
fill_profile(const Profile *profile, Datum *values, bool *isnull)
{
	memset(isnull, 0, sizeof(bool) * profiles_table.n_columns);
	values[PROFILE_ID] = Int64GetDatum(profile->id);
	values[PROFILE_FIRST_SEEN] = TimestampTzGetDatum(profile->first_seen);
	values[PROFILE_LAST_SEEN] = TimestampTzGetDatum(profile->last_seen);
	values[PROFILE_EVENT_COUNT] = Int64GetDatum(profile->event_count);
	values[PROFILE_EVALUATED_AT] = TimestampTzGetDatum(profile->evaluated_at);
	values[PROFILE_NEXT_EVALUATION_AT] = TimestampTzGetDatum(profile->next_evaluation_at);
	isnull[PROFILE_NEXT_EVALUATION_AT] = !profile->has_next_evaluation;
	values[PROFILE_IDENTIFIER_COUNT] = Int64GetDatum(profile->identifier_count);
	values[PROFILE_CONTESTED_UNTIL] = TimestampTzGetDatum(profile->contested_until);
	isnull[PROFILE_CONTESTED_UNTIL] = !profile->contested;
	for (int i = 0; i < n_profile_values; i++)
		values[PROFILE_VALUE(i)] = profile->values[i].value;
	values[PROFILE_SEGMENTS] = PointerGetDatum(profile->segments);
}

TupleTableSlot *
profiles_row(Batch *batch, Profile *profile)
{
	Datum values[MAX_PROFILE_COLUMNS];
	bool isnull[MAX_PROFILE_COLUMNS];
	TupleTableSlot *slot;

	fill_profile(profile, values, isnull);
	if (profile->tuple == NULL && profile->new_row == NULL)
	{
		slot = store_new_row(batch->store, &profiles_table, values, isnull);
		if (profile->own_columns != NULL)
			columns_restore(batch, profile->own_columns, slot);
		if (store_has_defaults(batch->store, &profiles_table) || profile->own_columns != NULL)
		{
			MemoryContext oldcontext = MemoryContextSwitchTo(batch->values);

			profile->new_row = ExecCopySlotHeapTuple(slot);
			MemoryContextSwitchTo(oldcontext);
		}
		return slot;
	}
	slot = store_changed_tuple(batch->store, &profiles_table,
	                           profile->tuple != NULL ? profile->tuple : profile->new_row, values,
	                           isnull);
	for (const Profile *part = profile->split_profiles; part != NULL; part = part->next_split)
		columns_return(batch, part->own_columns, part->inherited, slot);
	if (profile->merged_profiles != NULL)
		columns_inherit(batch, profile, slot);
	return slot;
}
