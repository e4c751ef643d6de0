/*
 * rows.c
 *	  How rows of identifiers and of merges are written.
 */
#include "identity/identity_internal.h"

/*
 * The start of the UTC day of an instant. identifiers.last_seen is exact to the day, so that
 * an identifier that is seen all day is written once: it is the start of the UTC day of the
 * last event, or first_seen if that is later. It depends on the set of events alone.
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

TupleTableSlot *
rows_find(Store *store, const Identifier *identifier)
{
	TupleTableSlot *slot = store_find(store, &identifiers_table, PointerGetDatum(identifier));

	if (slot == NULL)
		elog(ERROR, "identifier that is there cannot be found");
	return slot;
}

void
rows_forget_times(StoredIdentifier *row)
{
	row->first_seen = DT_NOBEGIN;
	row->last_seen = DT_NOEND;
	row->anchored_at = DT_NOEND;
}

/* The identifiers and the missing profile were read under one snapshot, so this is corruption. */
void
identity_report_missing(int64 profile_id)
{
	ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
	                errmsg("profile " INT64_FORMAT " does not exist", profile_id),
	                errdetail("Identifiers of the event belong to it."),
	                errhint("Run cdp.check and cdp.rebuild on the workspace.")));
}

/* The ids were read under the current snapshot. */
void
identity_require_profiles(Store *store, const int64 *ids, int n)
{
	for (int i = 0; i < n; i++)
		if (store_find(store, &profiles_table, Int64GetDatum(ids[i])) == NULL)
			identity_report_missing(ids[i]);
}

typedef struct Repoint
{
	Store *store;
	int64 to;
} Repoint;

/* Makes one former id resolve to another profile, if its merge was not undone. */
static bool
repoint_former(TupleTableSlot *slot, void *context)
{
	Repoint *repoint = (Repoint *) context;
	Store *store = repoint->store;
	Datum values[N_MERGE_COLUMNS];
	bool isnull[N_MERGE_COLUMNS];

	store_values(store, &merges_table, slot, values, isnull);
	if (!isnull[MERGE_UNDONE_AT])
		return true;
	values[MERGE_PROFILE_ID] = Int64GetDatum(repoint->to);
	store_update(store, &merges_table, &slot->tts_tid,
	             store_changed_row(store, &merges_table, slot, values, isnull));
	return true;
}

void
rows_repoint_formers(Store *store, int64 from, int64 to)
{
	Repoint repoint = {store, to};

	stored_visit_merges(store, from, repoint_former, &repoint);
}
