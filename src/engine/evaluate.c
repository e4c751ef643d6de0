/*
 * evaluate.c
 *	  Stage four: which segments a profile is in. Only segments that read what
 *	  has changed are evaluated.
 *
 * A predicate may fail on a row (a cast of data). An error needs a
 * subtransaction to recover from, so a whole slice is evaluated in one, and
 * where a predicate fails the work goes on behind it in the next: a slice
 * without failures pays for one subtransaction, which writes nothing.
 */
#include "engine/engine.h"

#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "workspace/predicate.h"

/* How far the evaluation of a batch has come. */
typedef struct Progress
{
	Batch *batch;
	int profile;             /* in batch->slice */
	int segment;             /* in ws->segments, of that profile */
	bool *holds;             /* per segment: of that profile */
	bool all_profiles;       /* every profile, and the wanted segments; else the changed */
	const Bitmapset *wanted; /* profiles, and the segments that read a change */
} Progress;

/* Fills the engine's columns of a row of profiles. */
static void
fill_profile(const Profile *profile, Datum *values, bool *isnull)
{
	memset(isnull, 0, sizeof(bool) * N_PROFILE_COLUMNS);
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
	values[PROFILE_TRAITS] = PointerGetDatum(profile->traits);
	values[PROFILE_LTV] = PointerGetDatum(profile->ltv);
	values[PROFILE_SEGMENTS] = PointerGetDatum(profile->segments);
}

TupleTableSlot *
evaluate_row(Batch *batch, Profile *profile)
{
	Datum values[N_PROFILE_COLUMNS];
	bool isnull[N_PROFILE_COLUMNS];
	TupleTableSlot *slot;

	fill_profile(profile, values, isnull);
	if (profile->tuple == NULL && profile->new_row == NULL)
	{
		slot = store_new_row(batch->store, TABLE_PROFILES, values, isnull);
		if (profile->own_columns != NULL)
			columns_restore(batch, profile->own_columns, slot);
		if (store_table(batch->store, TABLE_PROFILES)->defaults != NULL ||
		    profile->own_columns != NULL)
		{
			MemoryContext oldcontext = MemoryContextSwitchTo(batch->values);

			profile->new_row = ExecCopySlotHeapTuple(slot);
			MemoryContextSwitchTo(oldcontext);
		}
		return slot;
	}
	slot = store_changed_tuple(batch->store, TABLE_PROFILES,
	                           profile->tuple != NULL ? profile->tuple : profile->new_row, values,
	                           isnull);
	for (const Profile *part = profile->given_back; part != NULL; part = part->next_given)
		columns_return(batch, part->own_columns, part->inherited, slot);
	if (profile->taken_in != NULL)
		columns_inherit(batch, profile, slot);
	return slot;
}

static void
add_change(Batch *batch, Profile *profile, const char *segment, int segment_len, bool entered,
           const char *cause)
{
	Change *change;

	BATCH_GROW(batch, changes, n_changes, max_changes);
	change = &batch->changes[batch->n_changes++];
	change->profile_id = profile->id;
	change->segment = segment;
	change->segment_len = segment_len;
	change->entered = entered;
	change->at = profile->evaluated_at;
	change->cause = cause;
}

static void
add_failure(Batch *batch, Profile *profile, const Segment *segment, const ErrorData *error)
{
	Failure *failure;

	BATCH_GROW(batch, failures, n_failures, max_failures);
	failure = &batch->failures[batch->n_failures++];
	failure->profile_id = profile->id;
	failure->segment = segment;
	failure->sqlerrcode = error->sqlerrcode;
	failure->message = MemoryContextStrdup(batch->values, error->message);
}

/* Whether a segment's predicate has to be evaluated on a profile again. */
static bool
must_evaluate(Batch *batch, Profile *profile, int segment, const Progress *progress)
{
	const AttrNumber *columns = batch->ws->columns[TABLE_PROFILES];
	int column = -1;

	if (progress->all_profiles)
		return bms_is_member(segment, progress->wanted);
	if (profile->tuple == NULL || profile->taken_in != NULL)
		return true;
	while ((column = bms_next_member(profile->changed, column)) >= 0)
		if (bms_is_member(columns[column], batch->ws->segments[segment].columns))
			return true;
	return false;
}

/*
 * Makes the new set of a profile's segments from what holds, and notes what
 * has changed. Both lists are sorted by name. A member that is no segment any
 * more leaves.
 */
static void
conclude(Batch *batch, Profile *profile, const bool *holds, const char *cause)
{
	Workspace *ws = batch->ws;
	SegmentMember *members = palloc(sizeof(SegmentMember) * Max(ws->n_segments, 1));
	int n_old = segment_set_count(profile->segments);
	int old = 0;
	int n = 0;
	bool changed = false;

	for (int i = 0; i < ws->n_segments; i++)
	{
		Segment *segment = &ws->segments[i];
		SegmentMember member;
		int order = 1;

		while (old < n_old)
		{
			segment_set_get(profile->segments, old, &member);
			order = segment_name_compare(member.name, member.name_len, segment->name,
			                             segment->name_len);
			if (order >= 0)
				break;
			add_change(batch, profile, member.name, member.name_len, false, cause);
			changed = true;
			old++;
		}
		if (order == 0 && old < n_old)
			old++;
		else
		{
			member.name = segment->name;
			member.name_len = segment->name_len;
			member.entered_at = profile->evaluated_at;
			order = 1;
		}
		if (holds[i])
			members[n++] = member;
		if (holds[i] != (order == 0))
		{
			add_change(batch, profile, segment->name, segment->name_len, holds[i], cause);
			changed = true;
		}
	}
	for (; old < n_old; old++)
	{
		SegmentMember member;

		segment_set_get(profile->segments, old, &member);
		add_change(batch, profile, member.name, member.name_len, false, cause);
		changed = true;
	}
	if (changed)
	{
		MemoryContext oldcontext = MemoryContextSwitchTo(batch->values);

		profile->segments = segment_set_build(members, n);
		profile->changed = bms_add_member(profile->changed, PROFILE_SEGMENTS);
		MemoryContextSwitchTo(oldcontext);
	}
	pfree(members);
}

/* Evaluates from where progress stands to the end of the slice. */
static void
evaluate_from(Batch *batch, Progress *progress)
{
	Workspace *ws = batch->ws;
	bool prepared = false;

	for (; progress->profile < batch->n_slice; progress->profile++, progress->segment = 0)
	{
		Profile *profile = batch->slice[progress->profile];

		CHECK_FOR_INTERRUPTS();
		if (profile->changed == NULL && !progress->all_profiles)
			continue;
		if (progress->segment == 0)
			profile->evaluated_at = Max(batch->instant, profile->evaluated_at);
		prepared = false;
		for (; progress->segment < ws->n_segments; progress->segment++)
		{
			Segment *segment = &ws->segments[progress->segment];
			bool *holds = &progress->holds[progress->segment];
			bool isnull;
			Datum result;

			if (!must_evaluate(batch, profile, progress->segment, progress))
			{
				*holds = segment_set_find(profile->segments, segment->name, segment->name_len) >= 0;
				continue;
			}
			*holds = false;
			if (segment->state == NULL)
			{
				add_failure(batch, profile, segment, segment->broken);
				continue;
			}
			if (!prepared)
			{
				ws->econtext->ecxt_scantuple = evaluate_row(batch, profile);
				prepared = true;
			}
			result = ExecEvalExprSwitchContext(segment->state, ws->econtext, &isnull);
			*holds = !isnull && DatumGetBool(result);
		}
		conclude(batch, profile, progress->holds, profile->taken_in ? "merge" : batch->cause);
		ResetExprContext(ws->econtext);
	}
}

static bool
evaluate_rest(void *context)
{
	Progress *progress = (Progress *) context;

	evaluate_from(progress->batch, progress);
	return true;
}

/* Evaluates until something fails; true: to the end. */
static bool
evaluate_some(Batch *batch, Progress *progress)
{
	ErrorData *error;

	if (cdp_attempt(evaluate_rest, progress, &error))
		return true;
	if (progress->segment >= batch->ws->n_segments)
		ReThrowError(error);
	add_failure(batch, batch->slice[progress->profile], &batch->ws->segments[progress->segment],
	            error);
	progress->segment++;
	FreeErrorData(error);
	return false;
}

/*
 * Evaluates segments on the slice's profiles, at the instant of now: the
 * wanted ones on all of them, or those that read what has changed.
 */
void
evaluate_profiles(Batch *batch, const Bitmapset *wanted, bool all_profiles)
{
	Workspace *ws = batch->ws;
	Progress progress = {.batch = batch};
	bool uses_time_zone = false;
	int nest_level = 0;

	batch->instant = cdp_now();
	progress.holds = MemoryContextAllocZero(batch->values, Max(ws->n_segments, 1));
	progress.wanted = wanted;
	progress.all_profiles = all_profiles;
	for (int i = 0; i < ws->n_segments; i++)
		uses_time_zone = uses_time_zone || ws->segments[i].uses_time_zone;
	if (predicate_needs_pinning(ws, uses_time_zone))
		nest_level = predicate_pin_settings(ws, false);
	store_prepare_rows(batch->store, TABLE_PROFILES);
	if (ws->n_segments == 0)
		evaluate_from(batch, &progress);
	else
		while (!evaluate_some(batch, &progress))
			CHECK_FOR_INTERRUPTS();
	if (nest_level != 0)
		AtEOXact_GUC(true, nest_level);
}

/* A profile that is no more leaves every segment it was in. */
static void
leave_segments(Batch *batch, Profile *profile, const char *cause)
{
	profile->evaluated_at = Max(batch->instant, profile->evaluated_at);
	for (int i = 0; i < segment_set_count(profile->segments); i++)
	{
		SegmentMember member;

		segment_set_get(profile->segments, i, &member);
		add_change(batch, profile, member.name, member.name_len, false, cause);
	}
}

void
evaluate_slice(Batch *batch)
{
	if (batch->rebuilding)
		return;
	evaluate_profiles(batch, NULL, false);
	for (int i = 0; i < batch->n_slice; i++)
	{
		if (batch->slice[i]->vanishes)
			leave_segments(batch, batch->slice[i], "split");
		for (Profile *loser = batch->slice[i]->taken_in; loser != NULL; loser = loser->next_taken)
			leave_segments(batch, loser, "merge");
	}
}
