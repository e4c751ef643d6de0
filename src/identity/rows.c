/*
 * rows.c
 *	  Rows of identifiers and of merges: how they are written.
 */
#include "identity/identity_internal.h"


/*
 * Rows of identifiers keep when they were last seen to the day only, so that
 * an identifier that is seen all day is written once: the start of the UTC
 * day of the last event, or first_seen where that is later. Both depend on
 * the set of events alone.
 */
static TimestampTz
day_start(TimestampTz at)
{
	TimestampTz into_day = at % USECS_PER_DAY;

	if (TIMESTAMP_NOT_FINITE(at))
		return at;
	return at - (into_day < 0 ? into_day + USECS_PER_DAY : into_day);
}

TimestampTz
rows_last_seen(TimestampTz first_seen, TimestampTz stored_last, TimestampTz last_at)
{
	TimestampTz day = Max(day_start(stored_last), day_start(last_at));

	if (TIMESTAMP_NOT_FINITE(day))
		return day; /* not seen yet: only decisions name it */
	return Max(first_seen, day);
}

/* Fills the engine's columns of a row of identifiers. */
void
rows_fill(Datum *values, bool *isnull, Datum identifier, const StoredIdentifier *row)
{
	values[IDENTIFIER_IDENTIFIER] = identifier;
	values[IDENTIFIER_PROFILE_ID] = Int64GetDatum(row->profile_id);
	values[IDENTIFIER_FIRST_SEEN] = TimestampTzGetDatum(row->first_seen);
	values[IDENTIFIER_LAST_SEEN] = TimestampTzGetDatum(row->last_seen);
	memset(isnull, 0, sizeof(bool) * N_IDENTIFIER_COLUMNS);
	isnull[IDENTIFIER_PROFILE_ID] = row->profile_id == 0;
	values[IDENTIFIER_ANCHORED_AT] = TimestampTzGetDatum(row->anchored_at);
	isnull[IDENTIFIER_ANCHORED_AT] = row->anchored_at == DT_NOEND;
	values[IDENTIFIER_GENERIC] = BoolGetDatum(row->generic);
}

/* Puts what is known of an identifier now into its row; what is the user's in it stays. */
void
rows_rewrite(Store *store, TupleTableSlot *slot, const Identifier *identifier,
             const StoredIdentifier *row)
{
	Datum values[N_IDENTIFIER_COLUMNS];
	bool isnull[N_IDENTIFIER_COLUMNS];

	rows_fill(values, isnull, PointerGetDatum(identifier), row);
	store_update(store, &identifiers_table, &slot->tts_tid,
	             store_changed_row(store, &identifiers_table, slot, values, isnull));
}

/* The row of an identifier that has one. */
TupleTableSlot *
rows_find(Store *store, const Identifier *identifier)
{
	TupleTableSlot *slot = store_find(store, &identifiers_table, PointerGetDatum(identifier));

	if (slot == NULL)
		elog(ERROR, "identifier that is there cannot be found");
	return slot;
}

/* A generic identifier is nobody's, and when it was seen is not kept: nobody has to write it. */
void
rows_forget_times(StoredIdentifier *row)
{
	row->first_seen = DT_NOBEGIN;
	row->last_seen = DT_NOEND;
	row->anchored_at = DT_NOEND;
}

/*
 * Error: identifiers belong to a profile that is not there, as of one snapshot.
 */
void
identity_report_missing(int64 profile_id)
{
	ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
	                errmsg("profile " INT64_FORMAT " does not exist", profile_id),
	                errdetail("Identifiers of the event belong to it."),
	                errhint("Run cdp.check and cdp.rebuild on the workspace.")));
}

/* Error: one of the profiles, which have just been read of, is not there. */
void
identity_require_profiles(Store *store, const int64 *ids, int n)
{
	for (int i = 0; i < n; i++)
		if (store_find(store, &profiles_table, Int64GetDatum(ids[i])) == NULL)
			identity_report_missing(ids[i]);
}

/* Repoints a former id, unless it is a profile again, to the profile that it resolves to now. */
void
rows_repoint_former(Store *store, TupleTableSlot *slot, int64 to)
{
	Datum values[N_MERGE_COLUMNS];
	bool isnull[N_MERGE_COLUMNS];

	store_values(store, &merges_table, slot, values, isnull);
	if (!isnull[MERGE_UNDONE_AT])
		return;
	values[MERGE_PROFILE_ID] = Int64GetDatum(to);
	store_update(store, &merges_table, &slot->tts_tid,
	             store_changed_row(store, &merges_table, slot, values, isnull));
}
