/*
 * evaluate.c
 *	  Stage four: which segments a profile is in, and until when.
 *
 * A profile goes through passes, each at one instant. A row that is overdue is
 * first played: at its timer, on its values of before, and at each instant
 * that this gives, up to now; so every change by the clock has its own time.
 * Then what has changed in the row is evaluated on the new values, at now.
 * Only segments that read what has changed are evaluated, and those that
 * refer to a segment whose membership has.
 *
 * Timers are lazy. A stored time stays while it is not later than the next
 * change that evaluation finds; so an event that moves a deadline away writes
 * none, and nothing beyond the stored time is even looked for.
 *
 * A predicate may fail on a row (a cast of data). An error needs a
 * subtransaction to recover from, so a whole slice is evaluated in one, and
 * where a predicate fails the work goes on behind it in the next: a slice
 * without failures pays for one subtransaction, which writes nothing.
 */
#include "batch/batch.h"

#include "access/htup_details.h"
#include "miscadmin.h"
#include "nodes/params.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "expression/clock_tree.h"
#include "expression/predicate.h"
#include "expression/reads.h"

typedef enum PassKind
{
	PASS_NONE,  /* between passes */
	PASS_PLAY,  /* by the clock, on the stored row */
	PASS_NOW,   /* what has changed, on the new row */
	PASS_BEFORE /* on the stored row at its old instant: is that still as it says? */
} PassKind;

/* How far the evaluation of a batch has come. Sets are of segments, by rank. */
typedef struct Progress
{
	Batch *batch;
	bool all_profiles;       /* every profile, and the wanted segments; else the changed */
	const Bitmapset *wanted; /* then the segments */
	TupleTableSlot *stored;  /* for a row as it is stored */

	int profile;      /* in batch->slice */
	Profile *subject; /* it, or one that is merged into it; null: none yet */
	bool done_now;    /* it has had its pass of now, or needs none */

	PassKind pass;
	const char *cause;
	TimestampTz at;
	TimestampTz until; /* the earliest instant that has been reported */
	Bitmapset *stale;  /* what is to be evaluated; grows */
	Bitmapset *spared; /* what is not in this pass: it has not been as it is defined now */
	int rank;          /* the next to look at */
	bool *held;        /* by rank: before the pass */
	bool *holds;       /* ... and after */
	bool unknown;      /* the profile is in segments that are no more, which it leaves now */
	bool row_ready;
	ClockContext clock;
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
	values[PROFILE_COMPUTED] = PointerGetDatum(profile->computed);
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

void
evaluate_add_change(Batch *batch, int64 profile_id, const char *segment, int segment_len,
                    bool entered, TimestampTz at, const char *cause)
{
	Change *change;

	BATCH_GROW(batch, changes, n_changes, max_changes);
	change = &batch->changes[batch->n_changes++];
	change->profile_id = profile_id;
	change->segment = segment;
	change->segment_len = segment_len;
	change->entered = entered;
	change->at = at;
	change->cause = cause;
}

static void
add_failure(Batch *batch, Profile *profile, const Segment *segment, TimestampTz at,
            const ErrorData *error)
{
	Failure *failure;

	BATCH_GROW(batch, failures, n_failures, max_failures);
	failure = &batch->failures[batch->n_failures++];
	failure->profile_id = profile->id;
	failure->segment = segment;
	failure->sqlerrcode = error->sqlerrcode;
	failure->message = MemoryContextStrdup(batch->values, error->message);
	failure->at = at;
}

static void
mark_changed(Batch *batch, Profile *profile, ProfileColumn column)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(batch->values);

	profile->changed = bms_add_member(profile->changed, column);
	MemoryContextSwitchTo(oldcontext);
}

Segment *
segment_of_rank(Workspace *ws, int rank)
{
	return &ws->segments[ws->by_rank[rank]];
}

Segment *
segment_of_member(Workspace *ws, const SegmentMember *member)
{
	int low = 0;
	int high = ws->n_segments;

	while (low < high)
	{
		int middle = (low + high) / 2;
		Segment *segment = &ws->segments[middle];
		int order =
		    segment_name_compare(member->name, member->name_len, segment->name, segment->name_len);

		if (order == 0)
			return segment;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* Segments that read a column, or a key of traits, that has changed. */
static Bitmapset *
readers_of_changes(Batch *batch, Profile *profile)
{
	Workspace *ws = batch->ws;
	Bitmapset *stale = NULL;
	int column = -1;

	while ((column = bms_next_member(profile->changed, column)) >= 0)
	{
		AttrNumber number = ws->columns[TABLE_PROFILES][column];

		if (number < ws->n_readers)
			stale = bms_add_members(stale, ws->readers[number]);
	}
	if (bms_is_member(PROFILE_TRAITS, profile->changed))
		for (int i = 0; i < ws->n_trait_readers; i++)
		{
			TraitReaders *readers = &ws->trait_readers[i];

			if (!traits_same_value(profile->stored_traits, profile->traits, readers->key,
			                       readers->key_len))
				stale = bms_add_members(stale, readers->segments);
		}
	if (bms_is_member(PROFILE_COMPUTED, profile->changed))
		for (int i = 0; i < ws->n_computed_readers; i++)
		{
			TraitReaders *readers = &ws->computed_readers[i];

			if (!computed_same_trait(profile->stored_computed, profile->computed, readers->key,
			                         readers->key_len))
				stale = bms_add_members(stale, readers->segments);
		}
	return stale;
}

/* Whether a change by the clock is due on a profile's stored row. */
static bool
is_due(const Profile *profile, TimestampTz now)
{
	return profile->tuple != NULL && profile->has_next_evaluation &&
	       profile->next_evaluation_at <= now;
}

void
evaluate_set_member(Workspace *ws, const Segment *segment, bool holds)
{
	ParamExternData *param =
	    &ws->econtext->ecxt_param_list_info->params[SEGMENT_PARAM(segment - ws->segments) - 1];

	param->value = BoolGetDatum(holds);
	param->isnull = false;
	param->pflags = 0;
	param->ptype = BOOLOID;
}

/*
 * The profile is in a segment that is no more, which it leaves in the pass of
 * now. Those that ask for that one by a prefix follow then, and not before.
 */
static void
lose_member(Progress *progress, const SegmentMember *member)
{
	Workspace *ws = progress->batch->ws;

	if (progress->pass == PASS_NOW)
	{
		progress->unknown = true;
		progress->stale = reads_by_prefix(ws, member->name, member->name_len, progress->stale);
	}
	else
		progress->spared = reads_by_prefix(ws, member->name, member->name_len, progress->spared);
}

/* stale is the pass's, in the batch's memory. */
static void
begin_pass(Progress *progress, PassKind pass, TimestampTz at, Bitmapset *stale)
{
	Batch *batch = progress->batch;
	Workspace *ws = batch->ws;
	Profile *subject = progress->subject;
	MemoryContext oldcontext = MemoryContextSwitchTo(batch->values);

	progress->pass = pass;
	progress->at = at;
	progress->until = DT_NOEND;
	progress->stale = stale;
	progress->spared = NULL;
	progress->rank = -1;
	progress->row_ready = false;
	progress->unknown = false;
	progress->cause = pass == PASS_PLAY           ? "clock"
	                  : subject->taken_in != NULL ? "merge"
	                                              : batch->cause;
	memset(progress->held, 0, sizeof(bool) * ws->n_segments);
	for (int i = 0; i < segment_set_count(subject->segments); i++)
	{
		SegmentMember member;
		Segment *segment;

		segment_set_get(subject->segments, i, &member);
		segment = segment_of_member(ws, &member);
		if (segment != NULL)
			progress->held[segment->rank] = true;
		else
			lose_member(progress, &member);
	}
	if (pass == PASS_PLAY && batch->redefined)
		progress->spared = bms_add_members(progress->spared, progress->wanted);
	progress->stale = bms_del_members(progress->stale, progress->spared);
	memcpy(progress->holds, progress->held, sizeof(bool) * ws->n_segments);
	for (int i = 0; i < ws->n_segments; i++)
		if (ws->segments[i].dependents != NULL)
			evaluate_set_member(ws, &ws->segments[i], progress->held[ws->segments[i].rank]);
	/* the stored time stays if it is the earlier one, so nothing later matters */
	if (pass == PASS_NOW && subject->has_next_evaluation && !progress->all_profiles)
		progress->until = subject->next_evaluation_at;
	MemoryContextSwitchTo(oldcontext);
}

/* Makes the row that the pass is about the one that predicates read. */
static void
prepare_row(Progress *progress)
{
	Batch *batch = progress->batch;

	if (progress->row_ready)
		return;
	if (progress->pass == PASS_NOW && batch->store != NULL)
		batch->ws->econtext->ecxt_scantuple = evaluate_row(batch, progress->subject);
	else
		batch->ws->econtext->ecxt_scantuple =
		    ExecStoreHeapTuple(progress->subject->old_row != NULL && progress->pass == PASS_PLAY
		                           ? progress->subject->old_row
		                           : progress->subject->tuple,
		                       progress->stored, false);
	progress->row_ready = true;
}

static bool
evaluate_segment(Progress *progress, Segment *segment)
{
	ExprContext *econtext = progress->batch->ws->econtext;
	MemoryContext oldcontext;
	bool isnull;
	Datum result;

	prepare_row(progress);
	if (segment->clock == NULL)
		result = ExecEvalExprSwitchContext(segment->state, econtext, &isnull);
	else
	{
		oldcontext = MemoryContextSwitchTo(econtext->ecxt_per_tuple_memory);
		progress->clock.at = progress->at;
		progress->clock.until = progress->until;
		result = clock_evaluate(segment->clock, &progress->clock, &isnull);
		progress->until = progress->clock.until;
		MemoryContextSwitchTo(oldcontext);
	}
	return !isnull && DatumGetBool(result);
}

/* Takes down what a segment has come to; who refers to it follows if that is news. */
static void
set_holds(Progress *progress, Segment *segment, bool holds)
{
	Batch *batch = progress->batch;

	progress->holds[segment->rank] = holds;
	if (segment->dependents == NULL)
		return;
	evaluate_set_member(batch->ws, segment, holds);
	if (holds != progress->held[segment->rank])
	{
		MemoryContext oldcontext = MemoryContextSwitchTo(batch->values);

		progress->stale = bms_del_members(bms_add_members(progress->stale, segment->dependents),
		                                  progress->spared);
		MemoryContextSwitchTo(oldcontext);
	}
}

/* Evaluates what is stale from where progress stands. */
static void
run_pass(Progress *progress)
{
	Batch *batch = progress->batch;

	while ((progress->rank = bms_next_member(progress->stale, progress->rank)) >= 0)
	{
		Segment *segment = segment_of_rank(batch->ws, progress->rank);

		if (segment->state == NULL && segment->clock == NULL)
		{
			if (progress->pass != PASS_BEFORE)
				add_failure(batch, progress->subject, segment, progress->at, segment->broken);
			set_holds(progress, segment, false);
		}
		else
			set_holds(progress, segment, evaluate_segment(progress, segment));
	}
	ResetExprContext(batch->ws->econtext);
}

/*
 * Makes the new set of a profile's segments, and notes what has changed. A
 * member that is no segment any more leaves.
 */
static void
conclude(Progress *progress)
{
	Batch *batch = progress->batch;
	Workspace *ws = batch->ws;
	Profile *subject = progress->subject;
	int n_old = segment_set_count(subject->segments);
	SegmentMember *members;
	MemoryContext oldcontext;
	int n_entered = 0;
	int n = 0;
	int rank = -1;

	if (!progress->unknown &&
	    memcmp(progress->held, progress->holds, sizeof(bool) * ws->n_segments) == 0)
		return;
	oldcontext = MemoryContextSwitchTo(batch->values);
	while ((rank = bms_next_member(progress->stale, rank)) >= 0)
		n_entered += progress->holds[rank] && !progress->held[rank];
	members = palloc(sizeof(SegmentMember) * (n_old + n_entered));
	for (int i = 0; i < n_old; i++)
	{
		SegmentMember member;
		Segment *segment;

		segment_set_get(subject->segments, i, &member);
		segment = segment_of_member(ws, &member);
		if (segment != NULL ? progress->holds[segment->rank] : !progress->unknown)
			members[n++] = member;
		else
			evaluate_add_change(batch, subject->id, member.name, member.name_len, false,
			                    progress->at, progress->cause);
	}
	rank = -1;
	while ((rank = bms_next_member(progress->stale, rank)) >= 0)
		if (progress->holds[rank] && !progress->held[rank])
		{
			Segment *segment = segment_of_rank(ws, rank);

			members[n++] = (SegmentMember){segment->name, segment->name_len, progress->at};
			evaluate_add_change(batch, subject->id, segment->name, segment->name_len, true,
			                    progress->at, progress->cause);
		}
	subject->segments = segment_set_collect(members, n);
	subject->changed = bms_add_member(subject->changed, PROFILE_SEGMENTS);
	MemoryContextSwitchTo(oldcontext);
}

static void
set_timer(Profile *profile, TimestampTz next)
{
	profile->has_next_evaluation = next < CLOCK_END;
	profile->next_evaluation_at = next;
}

/* Marks the timer as changed if it is not the stored one. */
static void
mark_timer(Progress *progress)
{
	Batch *batch = progress->batch;
	Profile *subject = progress->subject;
	bool isnull = true;
	Datum stored = (Datum) 0;

	if (subject->tuple != NULL)
		stored = heap_getattr(subject->tuple,
		                      batch->ws->columns[TABLE_PROFILES][PROFILE_NEXT_EVALUATION_AT],
		                      progress->stored->tts_tupleDescriptor, &isnull);
	if (isnull != !subject->has_next_evaluation ||
	    (!isnull && DatumGetTimestampTz(stored) != subject->next_evaluation_at))
		mark_changed(batch, subject, PROFILE_NEXT_EVALUATION_AT);
}

static TimestampTz
stored_instant(Progress *progress)
{
	bool isnull;

	return DatumGetTimestampTz(
	    heap_getattr(progress->subject->tuple,
	                 progress->batch->ws->columns[TABLE_PROFILES][PROFILE_EVALUATED_AT],
	                 progress->stored->tts_tupleDescriptor, &isnull));
}

/*
 * Ends the pass of now: the timer, and the instant. Membership must be right as
 * of the instant that is stored; where nothing else changes in the row, and a
 * predicate that reads the clock is new to it, that is still to be seen.
 */
static void
end_now(Progress *progress)
{
	Batch *batch = progress->batch;
	Profile *subject = progress->subject;
	TimestampTz next = progress->until;
	MemoryContext oldcontext = MemoryContextSwitchTo(batch->values);
	Bitmapset *evaluated = bms_intersect(progress->stale, batch->ws->clock_segments);

	MemoryContextSwitchTo(oldcontext);
	conclude(progress);
	if (subject->has_next_evaluation && subject->next_evaluation_at > progress->at &&
	    !(progress->all_profiles && bms_is_subset(batch->ws->clock_segments, evaluated)))
		next = Min(next, subject->next_evaluation_at);
	set_timer(subject, next);
	mark_timer(progress);
	subject->evaluated_at = progress->at;
	progress->pass = PASS_NONE;
	if (subject->tuple != NULL && progress->at < stored_instant(progress))
		mark_changed(batch, subject, PROFILE_EVALUATED_AT);
	if (subject->changed == NULL && subject->tuple != NULL && !bms_is_empty(evaluated) &&
	    stored_instant(progress) != progress->at)
		begin_pass(progress, PASS_BEFORE, stored_instant(progress), evaluated);
}

static void
end_pass(Progress *progress)
{
	Profile *subject = progress->subject;

	switch (progress->pass)
	{
		case PASS_PLAY:
			conclude(progress);
			subject->evaluated_at = progress->at;
			set_timer(subject, Max(progress->until, progress->at + 1));
			mark_timer(progress);
			mark_changed(progress->batch, subject, PROFILE_EVALUATED_AT);
			break;
		case PASS_NOW:
			end_now(progress);
			return;
		case PASS_BEFORE:
			if (memcmp(progress->held, progress->holds,
			           sizeof(bool) * progress->batch->ws->n_segments) != 0)
				mark_changed(progress->batch, subject, PROFILE_EVALUATED_AT);
			break;
		case PASS_NONE:
			break;
	}
	progress->pass = PASS_NONE;
}

/* What is to be evaluated now on the profile whose turn it is; false: nothing. */
static bool
begin_now(Progress *progress)
{
	Batch *batch = progress->batch;
	Profile *profile = progress->subject;
	TimestampTz at = Max(batch->instant, profile->evaluated_at);
	MemoryContext oldcontext;
	Bitmapset *stale;

	if (progress->all_profiles && batch->may_go_back)
		at = batch->instant;
	for (Profile *loser = profile->taken_in; loser != NULL; loser = loser->next_taken)
		at = Max(at, loser->evaluated_at);
	if (profile->changed == NULL && !progress->all_profiles)
		return false;
	oldcontext = MemoryContextSwitchTo(batch->values);
	if (progress->all_profiles)
		stale = bms_copy(progress->wanted);
	else if (profile->tuple == NULL || profile->taken_in != NULL || profile->given_back != NULL)
		stale = bms_copy(batch->ws->all_segments);
	else
		stale = readers_of_changes(batch, profile);
	MemoryContextSwitchTo(oldcontext);
	begin_pass(progress, PASS_NOW, at, stale);
	return true;
}

/*
 * Begins the next pass: overdue rows are played, those that were merged into a
 * profile before it; then it has its pass of now. False: the slice is done.
 */
static bool
next_pass(Progress *progress)
{
	Batch *batch = progress->batch;

	while (progress->profile < batch->n_slice)
	{
		Profile *profile = batch->slice[progress->profile];

		CHECK_FOR_INTERRUPTS();
		if (progress->subject == NULL)
		{
			progress->subject = profile->taken_in != NULL ? profile->taken_in : profile;
			progress->done_now = false;
		}
		if (!progress->done_now && is_due(progress->subject, batch->instant))
		{
			Profile *subject = progress->subject;
			MemoryContext oldcontext = MemoryContextSwitchTo(batch->values);
			Bitmapset *stale = bms_copy(batch->ws->clock_segments);

			MemoryContextSwitchTo(oldcontext);
			begin_pass(progress, PASS_PLAY, Max(subject->next_evaluation_at, subject->evaluated_at),
			           stale);
			return true;
		}
		if (progress->subject != profile)
		{
			progress->subject = progress->subject->next_taken;
			if (progress->subject == NULL)
				progress->subject = profile;
			continue;
		}
		if (!progress->done_now)
		{
			progress->done_now = true;
			if (begin_now(progress))
				return true;
		}
		progress->subject = NULL;
		progress->profile++;
	}
	return false;
}

static bool
evaluate_rest(void *context)
{
	Progress *progress = (Progress *) context;

	while (progress->pass != PASS_NONE || next_pass(progress))
	{
		run_pass(progress);
		end_pass(progress);
	}
	return true;
}

/*
 * Evaluates until something fails; true: to the end. A predicate that has
 * failed holds up to the earliest instant that was reported before it did.
 */
static bool
evaluate_some(Progress *progress)
{
	Batch *batch = progress->batch;
	ErrorData *error;
	Segment *segment;

	if (cdp_attempt(evaluate_rest, progress, &error))
		return true;
	if (progress->pass == PASS_NONE || progress->rank < 0)
		ReThrowError(error);
	segment = segment_of_rank(batch->ws, progress->rank);
	if (progress->pass != PASS_BEFORE)
		add_failure(batch, progress->subject, segment, progress->at, error);
	if (segment->clock != NULL)
		progress->until = Min(progress->until, progress->clock.until);
	progress->row_ready = false;
	set_holds(progress, segment, false);
	FreeErrorData(error);
	return false;
}

int
evaluate_pin_settings(Workspace *ws)
{
	bool uses_time_zone = false;

	for (int i = 0; i < ws->n_segments; i++)
		uses_time_zone = uses_time_zone || ws->segments[i].uses_time_zone;
	return predicate_needs_pinning(ws, uses_time_zone) ? predicate_pin_settings(ws, false) : 0;
}

static void
evaluate(Progress *progress)
{
	Batch *batch = progress->batch;
	Workspace *ws = batch->ws;
	int nest_level = evaluate_pin_settings(ws);

	progress->held = MemoryContextAllocZero(batch->values, Max(ws->n_segments, 1));
	progress->holds = MemoryContextAllocZero(batch->values, Max(ws->n_segments, 1));
	progress->clock.econtext = ws->econtext;
	progress->clock.zone = session_timezone;
	if (ws->n_segments == 0)
		(void) evaluate_rest(progress);
	else
		while (!evaluate_some(progress))
			CHECK_FOR_INTERRUPTS();
	if (nest_level != 0)
		AtEOXact_GUC(true, nest_level);
}

/*
 * Evaluates segments on the slice's profiles, at the instant of now: the
 * wanted ones on all of them, or those that read what has changed.
 */
void
evaluate_profiles(Batch *batch, const Bitmapset *wanted, bool all_profiles)
{
	Progress progress = {.batch = batch, .wanted = wanted, .all_profiles = all_profiles};

	batch->instant = cdp_now();
	store_prepare_rows(batch->store, TABLE_PROFILES);
	progress.stored = MakeSingleTupleTableSlot(
	    RelationGetDescr(store_table(batch->store, TABLE_PROFILES)->rel), &TTSOpsHeapTuple);
	evaluate(&progress);
	ExecDropSingleTupleTableSlot(progress.stored);
}

/*
 * Plays a profile that has been read, and is not written, up to the batch's
 * instant. The batch has no store.
 */
void
evaluate_read_profile(Batch *batch, Profile *profile, TupleDesc desc)
{
	Progress progress = {.batch = batch};

	batch->slice = &profile;
	batch->n_slice = 1;
	progress.stored = MakeSingleTupleTableSlot(desc, &TTSOpsHeapTuple);
	evaluate(&progress);
	ExecDropSingleTupleTableSlot(progress.stored);
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
		evaluate_add_change(batch, profile->id, member.name, member.name_len, false,
		                    profile->evaluated_at, cause);
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
