/*
 * evaluate.c
 *	  Stage four: which segments a profile is in, and until when.
 *
 * A profile goes through passes, each at one instant. If its row is overdue, its due flips
 * are applied first, on the stored values: at its timer, and at each instant that this
 * reports, up to now. So every change by the clock has its own time. Then what has changed
 * in the row is evaluated on the new values, at now. Only segments that read what has
 * changed are evaluated, and segments that refer to one whose membership has changed.
 *
 * Timers are lazy. A stored timer stays if it is not later than the next change that
 * evaluation finds. So an event that moves a deadline away writes no timer, and nothing is
 * searched beyond the stored one.
 *
 * A predicate may fail on a row, as a cast of data does. Recovery from an error needs a
 * subtransaction, so a whole slice is evaluated in one. After a failure, the work goes on
 * with the next predicate in a new one. So a slice without failures pays for a single
 * subtransaction, which writes nothing.
 */
#include "segments/segments_internal.h"

#include "access/htup_details.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "profiles/profiles.h"

typedef enum PassKind
{
	PASS_NONE,  /* between passes */
	PASS_DUE,   /* due flips, on the stored row */
	PASS_NOW,   /* what has changed, on the new row, at now */
	PASS_BEFORE /* on the stored row, at its evaluated_at: is its membership right there? */
} PassKind;

/* How far the evaluation of a batch has come. Sets are of segments, by rank. */
typedef struct Progress
{
	Batch *batch;
	const Segments *segments;
	int flags;               /* of a sweep: SWEEP_REDEFINED, SWEEP_MAY_GO_BACK */
	bool all_profiles;       /* a sweep: evaluate the wanted segments on every profile */
	const Bitmapset *wanted; /* null if not all_profiles: what reads changes is evaluated */
	TupleTableSlot *stored;  /* for a row as it is stored */

	int profile;      /* the current profile, in batch->slice */
	Profile *subject; /* that profile, or one that is merged into it; null: none yet */
	bool done_now;    /* the profile has had its pass at now, or needs none */

	PassKind pass;
	Cause cause;
	TimestampTz at;
	TimestampTz until;   /* the earliest instant that a predicate has reported */
	Bitmapset *pending;  /* segments that the pass evaluates; it may grow */
	Bitmapset *excluded; /* their current definition did not exist at this instant */
	int rank;            /* the segment that is evaluated now; -1: none yet */
	bool *was_member;    /* by rank: before the pass */
	bool *is_member;     /* ... and after it */
	bool leaves_deleted; /* the profile leaves segments that do not exist any more */
	bool row_ready;      /* the pass's row is the one that predicates read */
	bool evaluating;     /* the segment's predicate is being evaluated */
	ClockContext clock;
} Progress;

const Segment *
segment_of_rank(const Workspace *ws, int rank)
{
	const Segments *segments = segments_of(ws);

	return &segments->segments[segments->by_rank[rank]];
}

const Segment *
segment_of_member(const Workspace *ws, const SegmentMember *member)
{
	const Segments *segments = segments_of(ws);
	int low = 0;
	int high = segments->n_segments;

	while (low < high)
	{
		int middle = (low + high) / 2;
		const Segment *segment = &segments->segments[middle];
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

/* Adds the segments that read a key of a value, if the key's value has changed. */
static Bitmapset *
readers_of_keys(const Workspace *ws, const ProfileValue *value, const FoldedValue *folded,
                Bitmapset *readers)
{
	const Segments *segments = segments_of(ws);
	AttrNumber column = value_column(ws, value);

	for (int i = 0; i < segments->n_key_readers; i++)
	{
		const KeyReaders *by_key = &segments->key_readers[i];

		if (by_key->key.column == column &&
		    !value->same_key(folded->stored, folded->value, by_key->key.key, by_key->key.key_len))
			readers = bms_add_members(readers, by_key->segments);
	}
	return readers;
}

/* The segments that read a column, or a key of a value, that has changed. */
static Bitmapset *
readers_of_changes(Batch *batch, Profile *profile)
{
	const Segments *segments = segments_of(batch->ws);
	const AttrNumber *columns = workspace_table(batch->ws, &profiles_table)->columns;
	Bitmapset *readers = NULL;
	int column = -1;

	while ((column = bms_next_member(profile->changed, column)) >= 0)
		if (columns[column] < segments->n_readers)
			readers = bms_add_members(readers, segments->readers[columns[column]]);
	for (int i = 0; i < n_profile_values; i++)
		if (profile_value_of(i)->same_key != NULL &&
		    bms_is_member(PROFILE_VALUE(i), profile->changed))
			readers = readers_of_keys(batch->ws, profile_value_of(i), &profile->values[i], readers);
	return readers;
}

/* Whether a change by the clock is due on a profile's stored row. */
static bool
is_due(const Profile *profile, TimestampTz now)
{
	return profile->tuple != NULL && profile->has_next_evaluation &&
	       profile->next_evaluation_at <= now;
}

void
evaluate_set_member(Workspace *ws, const Segment *segment, bool member)
{
	expression_set_member(ws->econtext, segment - segments_of(ws)->segments, member);
}

/*
 * The profile is in a segment that was deleted. It leaves that segment in the pass at now.
 * Segments that refer to the deleted one by a prefix are evaluated then, and not before.
 */
static void
leave_deleted_segment(Progress *progress, const SegmentMember *member)
{
	if (progress->pass == PASS_NOW)
	{
		progress->leaves_deleted = true;
		progress->pending = order_readers_by_prefix(progress->segments, member->name,
		                                            member->name_len, progress->pending);
	}
	else
		progress->excluded = order_readers_by_prefix(progress->segments, member->name,
		                                             member->name_len, progress->excluded);
}

/* Begins a pass. pending: the segments to evaluate, in batch->values; the pass owns the set. */
static void
begin_pass(Progress *progress, PassKind pass, TimestampTz at, Bitmapset *pending)
{
	Batch *batch = progress->batch;
	Workspace *ws = batch->ws;
	Profile *subject = progress->subject;
	MemoryContext oldcontext = MemoryContextSwitchTo(batch->values);

	progress->pass = pass;
	progress->at = at;
	progress->until = DT_NOEND;
	progress->pending = pending;
	progress->excluded = NULL;
	progress->rank = -1;
	progress->row_ready = false;
	progress->leaves_deleted = false;
	progress->cause = pass == PASS_DUE                   ? CAUSE_CLOCK
	                  : subject->merged_profiles != NULL ? CAUSE_MERGE
	                                                     : batch->cause;
	memset(progress->was_member, 0, sizeof(bool) * progress->segments->n_segments);
	for (int i = 0; i < segment_set_count(subject->segments); i++)
	{
		SegmentMember member;
		const Segment *segment;

		segment_set_get(subject->segments, i, &member);
		segment = segment_of_member(ws, &member);
		if (segment != NULL)
			progress->was_member[segment->rank] = true;
		else
			leave_deleted_segment(progress, &member);
	}
	if (pass == PASS_DUE && (progress->flags & SWEEP_REDEFINED) != 0)
		progress->excluded = bms_add_members(progress->excluded, progress->wanted);
	progress->pending = bms_del_members(progress->pending, progress->excluded);
	memcpy(progress->is_member, progress->was_member,
	       sizeof(bool) * progress->segments->n_segments);
	for (int i = 0; i < progress->segments->n_segments; i++)
	{
		const Segment *segment = &progress->segments->segments[i];

		if (segment->dependents != NULL)
			evaluate_set_member(ws, segment, progress->was_member[segment->rank]);
	}
	/* the stored timer stays if it is earlier, so nothing after it needs to be found */
	if (pass == PASS_NOW && subject->has_next_evaluation && !progress->all_profiles)
		progress->until = subject->next_evaluation_at;
	MemoryContextSwitchTo(oldcontext);
}

/* Makes the pass's row the one that predicates read. */
static void
set_scan_row(Progress *progress)
{
	Batch *batch = progress->batch;

	if (progress->row_ready)
		return;
	if (progress->pass == PASS_NOW && batch->store != NULL)
		batch->ws->econtext->ecxt_scantuple = profiles_row(batch, progress->subject);
	else
		batch->ws->econtext->ecxt_scantuple =
		    ExecStoreHeapTuple(progress->subject->old_row != NULL && progress->pass == PASS_DUE
		                           ? progress->subject->old_row
		                           : progress->subject->tuple,
		                       progress->stored, false);
	progress->row_ready = true;
}

static bool
evaluate_segment(Progress *progress, const Segment *segment)
{
	ExprContext *econtext = progress->batch->ws->econtext;
	MemoryContext oldcontext;
	bool isnull;
	Datum result;

	set_scan_row(progress);
	progress->evaluating = true;
	if (segment->expression.clock == NULL)
		result = ExecEvalExprSwitchContext(segment->expression.state, econtext, &isnull);
	else
	{
		oldcontext = MemoryContextSwitchTo(econtext->ecxt_per_tuple_memory);
		progress->clock.at = progress->at;
		progress->clock.until = progress->until;
		result = clock_evaluate(segment->expression.clock, &progress->clock, &isnull);
		progress->until = progress->clock.until;
		MemoryContextSwitchTo(oldcontext);
	}
	progress->evaluating = false;
	return !isnull && DatumGetBool(result);
}

/* Notes the result of a segment. If membership changes, segments that refer to it are pending. */
static void
set_member(Progress *progress, const Segment *segment, bool is_member)
{
	Batch *batch = progress->batch;

	progress->is_member[segment->rank] = is_member;
	if (segment->dependents == NULL)
		return;
	evaluate_set_member(batch->ws, segment, is_member);
	if (is_member != progress->was_member[segment->rank])
	{
		MemoryContext oldcontext = MemoryContextSwitchTo(batch->values);

		progress->pending = bms_del_members(bms_add_members(progress->pending, segment->dependents),
		                                    progress->excluded);
		MemoryContextSwitchTo(oldcontext);
	}
}

/* Evaluates the pending segments, from where the pass stands. */
static void
run_pass(Progress *progress)
{
	Batch *batch = progress->batch;

	while ((progress->rank = bms_next_member(progress->pending, progress->rank)) >= 0)
	{
		const Segment *segment = segment_of_rank(batch->ws, progress->rank);

		if (segment->expression.state == NULL && segment->expression.clock == NULL)
		{
			if (progress->pass != PASS_BEFORE)
				changes_add_failure(batch, progress->subject->id, segment, progress->at,
				                    segment->expression.broken);
			set_member(progress, segment, false);
		}
		else
			set_member(progress, segment, evaluate_segment(progress, segment));
	}
	ResetExprContext(batch->ws->econtext);
}

/* Makes the new set of a profile's segments, and notes which it enters and leaves. */
static void
update_members(Progress *progress)
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

	if (!progress->leaves_deleted && memcmp(progress->was_member, progress->is_member,
	                                        sizeof(bool) * progress->segments->n_segments) == 0)
		return;
	oldcontext = MemoryContextSwitchTo(batch->values);
	while ((rank = bms_next_member(progress->pending, rank)) >= 0)
		n_entered += progress->is_member[rank] && !progress->was_member[rank];
	members = palloc(sizeof(SegmentMember) * (n_old + n_entered));
	for (int i = 0; i < n_old; i++)
	{
		SegmentMember member;
		const Segment *segment;

		segment_set_get(subject->segments, i, &member);
		segment = segment_of_member(ws, &member);
		if (segment != NULL ? progress->is_member[segment->rank] : !progress->leaves_deleted)
			members[n++] = member;
		else
			changes_add(batch, subject->id, member.name, member.name_len, false, progress->at,
			            progress->cause);
	}
	rank = -1;
	while ((rank = bms_next_member(progress->pending, rank)) >= 0)
		if (progress->is_member[rank] && !progress->was_member[rank])
		{
			const Segment *segment = segment_of_rank(ws, rank);

			members[n++] = (SegmentMember){segment->name, segment->name_len, progress->at};
			changes_add(batch, subject->id, segment->name, segment->name_len, true, progress->at,
			            progress->cause);
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
		stored = heap_getattr(
		    subject->tuple,
		    workspace_table(batch->ws, &profiles_table)->columns[PROFILE_NEXT_EVALUATION_AT],
		    progress->stored->tts_tupleDescriptor, &isnull);
	if (isnull != !subject->has_next_evaluation ||
	    (!isnull && DatumGetTimestampTz(stored) != subject->next_evaluation_at))
		profiles_mark_changed(batch, subject, PROFILE_NEXT_EVALUATION_AT);
}

static TimestampTz
stored_instant(Progress *progress)
{
	bool isnull;

	return DatumGetTimestampTz(heap_getattr(
	    progress->subject->tuple,
	    workspace_table(progress->batch->ws, &profiles_table)->columns[PROFILE_EVALUATED_AT],
	    progress->stored->tts_tupleDescriptor, &isnull));
}

/*
 * Ends the pass at now: sets timer and instant. Membership must be right as of the instant
 * that is stored. If nothing changes in the row, evaluated_at stays. Then, if predicates that
 * read the clock were evaluated, PASS_BEFORE checks them at the stored instant.
 */
static void
end_now(Progress *progress)
{
	Batch *batch = progress->batch;
	Profile *subject = progress->subject;
	TimestampTz next = progress->until;
	MemoryContext oldcontext = MemoryContextSwitchTo(batch->values);
	Bitmapset *evaluated = bms_intersect(progress->pending, progress->segments->clock_segments);

	MemoryContextSwitchTo(oldcontext);
	update_members(progress);
	if (subject->has_next_evaluation && subject->next_evaluation_at > progress->at &&
	    !(progress->all_profiles && bms_is_subset(progress->segments->clock_segments, evaluated)))
		next = Min(next, subject->next_evaluation_at);
	set_timer(subject, next);
	mark_timer(progress);
	subject->evaluated_at = progress->at;
	progress->pass = PASS_NONE;
	if (subject->tuple != NULL && progress->at < stored_instant(progress))
		profiles_mark_changed(batch, subject, PROFILE_EVALUATED_AT);
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
		case PASS_DUE:
			update_members(progress);
			subject->evaluated_at = progress->at;
			set_timer(subject, Max(progress->until, progress->at + 1));
			mark_timer(progress);
			profiles_mark_changed(progress->batch, subject, PROFILE_EVALUATED_AT);
			break;
		case PASS_NOW:
			end_now(progress);
			return;
		case PASS_BEFORE:
			if (memcmp(progress->was_member, progress->is_member,
			           sizeof(bool) * progress->segments->n_segments) != 0)
				profiles_mark_changed(progress->batch, subject, PROFILE_EVALUATED_AT);
			break;
		case PASS_NONE:
			break;
	}
	progress->pass = PASS_NONE;
}

/* Begins the pass at now on the current profile; false: there is nothing to evaluate. */
static bool
begin_now(Progress *progress)
{
	Batch *batch = progress->batch;
	Profile *profile = progress->subject;
	TimestampTz at = Max(batch->instant, profile->evaluated_at);
	MemoryContext oldcontext;
	Bitmapset *pending;

	if ((progress->flags & SWEEP_MAY_GO_BACK) != 0)
		at = batch->instant;
	for (Profile *loser = profile->merged_profiles; loser != NULL; loser = loser->next_merged)
		at = Max(at, loser->evaluated_at);
	if (profile->changed == NULL && !progress->all_profiles)
		return false;
	oldcontext = MemoryContextSwitchTo(batch->values);
	if (progress->all_profiles)
		pending = bms_copy(progress->wanted);
	else if (profile->tuple == NULL || profile->merged_profiles != NULL ||
	         profile->split_profiles != NULL)
		pending = bms_copy(progress->segments->all_segments);
	else
		/* one that does not compile reads nothing: it is false, and says so, wherever a row changes */
		pending = bms_add_members(readers_of_changes(batch, profile), progress->segments->broken);
	MemoryContextSwitchTo(oldcontext);
	begin_pass(progress, PASS_NOW, at, pending);
	return true;
}

/*
 * Begins the next pass. Due flips are applied first: to the profiles that are merged into
 * the current one, then to itself; then it has its pass at now. False: the slice is done.
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
			progress->subject =
			    profile->merged_profiles != NULL ? profile->merged_profiles : profile;
			progress->done_now = false;
		}
		if (!progress->done_now && is_due(progress->subject, batch->instant))
		{
			Profile *subject = progress->subject;
			MemoryContext oldcontext = MemoryContextSwitchTo(batch->values);
			Bitmapset *pending = bms_copy(progress->segments->clock_segments);

			MemoryContextSwitchTo(oldcontext);
			begin_pass(progress, PASS_DUE, Max(subject->next_evaluation_at, subject->evaluated_at),
			           pending);
			return true;
		}
		if (progress->subject != profile)
		{
			progress->subject = progress->subject->next_merged;
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
 * A predicate that has failed is false, up to the earliest instant that it had reported
 * before it failed.
 */
static bool
skip_segment(void *context, const ErrorData *error)
{
	Progress *progress = (Progress *) context;
	Batch *batch = progress->batch;
	const Segment *segment;

	if (progress->pass == PASS_NONE || progress->rank < 0 ||
	    (cdp_error_is_internal(error->sqlerrcode) && !progress->evaluating))
		return false;
	progress->evaluating = false;
	segment = segment_of_rank(batch->ws, progress->rank);
	if (progress->pass != PASS_BEFORE)
		changes_add_failure(batch, progress->subject->id, segment, progress->at, error);
	if (segment->expression.clock != NULL)
		progress->until = Min(progress->until, progress->clock.until);
	progress->row_ready = false;
	set_member(progress, segment, false);
	return true;
}

int
evaluate_pin(Workspace *ws)
{
	const Segments *segments = segments_of(ws);
	bool uses_time_zone = false;

	for (int i = 0; i < segments->n_segments; i++)
		uses_time_zone = uses_time_zone || segments->segments[i].expression.uses_time_zone;
	return expression_pin(ws, uses_time_zone);
}

static void
run_passes(Progress *progress)
{
	Batch *batch = progress->batch;
	Workspace *ws = batch->ws;
	int nest_level = evaluate_pin(ws);
	int n;

	progress->segments = segments_of(ws);
	n = progress->segments->n_segments;
	progress->was_member = MemoryContextAllocZero(batch->values, Max(n, 1));
	progress->is_member = MemoryContextAllocZero(batch->values, Max(n, 1));
	progress->clock.econtext = ws->econtext;
	progress->clock.zone = session_timezone;
	if (n == 0)
		(void) evaluate_rest(progress);
	else
		cdp_attempt_each(evaluate_rest, skip_segment, progress);
	expression_unpin(nest_level);
}

/* Evaluates the slice at the clock's instant. */
static void
evaluate_now(Progress *progress)
{
	Batch *batch = progress->batch;

	batch->instant = cdp_now();
	store_prepare_rows(batch->store, &profiles_table);
	progress->stored =
	    MakeSingleTupleTableSlot(store_row_type(batch->store, &profiles_table), &TTSOpsHeapTuple);
	run_passes(progress);
	ExecDropSingleTupleTableSlot(progress->stored);
}

void
evaluate_changed(Batch *batch)
{
	Progress progress = {.batch = batch};

	evaluate_now(&progress);
}

void
evaluate_wanted(Batch *batch, const Bitmapset *wanted, int flags)
{
	Progress progress = {.batch = batch, .wanted = wanted, .all_profiles = true, .flags = flags};

	evaluate_now(&progress);
}

void
evaluate_read_profile(Batch *batch, Profile *profile, TupleDesc desc)
{
	Progress progress = {.batch = batch};

	batch->slice = &profile;
	batch->n_slice = 1;
	progress.stored = MakeSingleTupleTableSlot(desc, &TTSOpsHeapTuple);
	run_passes(&progress);
	ExecDropSingleTupleTableSlot(progress.stored);
}

/* Notes that a profile which is deleted leaves all its segments. */
static void
leave_segments(Batch *batch, Profile *profile, Cause cause)
{
	profile->evaluated_at = Max(batch->instant, profile->evaluated_at);
	for (int i = 0; i < segment_set_count(profile->segments); i++)
	{
		SegmentMember member;

		segment_set_get(profile->segments, i, &member);
		changes_add(batch, profile->id, member.name, member.name_len, false, profile->evaluated_at,
		            cause);
	}
}

void
segments_evaluate_slice(Batch *batch)
{
	if (batch->rebuilding)
		return;
	evaluate_changed(batch);
	for (int i = 0; i < batch->n_slice; i++)
	{
		if (batch->slice[i]->vanishes)
			leave_segments(batch, batch->slice[i], CAUSE_SPLIT);
		for (Profile *loser = batch->slice[i]->merged_profiles; loser != NULL;
		     loser = loser->next_merged)
			leave_segments(batch, loser, CAUSE_MERGE);
	}
}
