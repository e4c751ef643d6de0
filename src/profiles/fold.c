/*
 * fold.c
 *	  Stage three: events become values. A profile is a fold of its events, and every part
 *	  of it merges, so the order does not matter.
 *
 * A batch may have many profiles, and their values are large compared with its events. So
 * profiles are loaded, folded, evaluated and written slice by slice.
 */
#include "profiles/profiles_internal.h"

#include "events/events.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/* Notes that the order of the profile's evidence matters; until: when evidence was last refused. */
static void
fold_contest(Batch *batch, Profile *profile, TimestampTz until)
{
	if (profile->contested && until <= profile->contested_until)
		return;
	profile->contested = true;
	profile->contested_until = Max(profile->contested_until, until);
	profiles_mark_changed(batch, profile, PROFILE_CONTESTED_UNTIL);
}

/* Replaces what the row says of the profile's evidence with what a replay has found. */
static void
set_contest(Batch *batch, Profile *profile)
{
	TimestampTz until = profile->contest ? profile->contest_until : DT_NOBEGIN;

	if (profile->contested == profile->contest && profile->contested_until == until)
		return;
	profile->contested = profile->contest;
	profile->contested_until = until;
	profiles_mark_changed(batch, profile, PROFILE_CONTESTED_UNTIL);
}

static void
fold_times(Batch *batch, Profile *profile, TimestampTz first, TimestampTz last)
{
	if (first < profile->first_seen)
	{
		profile->first_seen = first;
		profiles_mark_changed(batch, profile, PROFILE_FIRST_SEEN);
	}
	if (last > profile->last_seen)
	{
		profile->last_seen = last;
		profiles_mark_changed(batch, profile, PROFILE_LAST_SEEN);
	}
}

void *
profiles_builder(Batch *batch, Profile *profile, const ProfileValue *value)
{
	FoldedValue *folded = &profile->values[value->number];

	if (folded->builder == NULL)
		folded->builder = value->begin(batch, folded->value);
	return folded->builder;
}

/* Merges another profile's value, or that of an opening balance, into a profile's value. */
static void
merge_value(Batch *batch, Profile *profile, int number, Datum other)
{
	const ProfileValue *value = profile_value_of(number);
	void *builder = profiles_builder(batch, profile, value);

	if (builder != NULL)
		value->merge(builder, other);
}

/* Merges another profile into a survivor: one merge per value, however long its history is. */
static void
fold_merge(Batch *batch, Profile *survivor, Profile *loser)
{
	survivor->has_folded = true;
	for (int i = 0; i < n_profile_values; i++)
		merge_value(batch, survivor, i, loser->values[i].value);
	fold_times(batch, survivor, loser->first_seen, loser->last_seen);
	survivor->event_count += loser->event_count;
	survivor->identifier_count += loser->identifier_count;
	if (loser->contested)
		fold_contest(batch, survivor, loser->contested_until);
}

/* Folds a profile's events of the batch into it. */
static void
fold_events(Batch *batch, Profile *profile)
{
	if (profile->first_event < 0)
		return;
	profile->has_folded = true;
	for (int i = 0; i < n_profile_values; i++)
		profile_value_of(i)->add(batch, profile);
	FOREACH_EVENT (event, batch, profile)
	{
		fold_times(batch, profile, event->at, event->at);
		profile->event_count++;
	}
}

/* Finishes a profile's values and notes which of them have changed. */
static void
finish_folding(Batch *batch, Profile *profile)
{
	profiles_mark_changed(batch, profile, PROFILE_EVENT_COUNT);
	for (int i = 0; i < n_profile_values; i++)
	{
		FoldedValue *folded = &profile->values[i];
		bool changed;

		if (folded->builder == NULL)
			continue;
		folded->value = profile_value_of(i)->finish(batch, folded->builder, &changed);
		folded->builder = NULL;
		if (changed)
			profiles_mark_changed(batch, profile, PROFILE_VALUE(i));
	}
}

/*
 * Empties a profile that has lost identifiers. What they had added cannot be taken out of
 * its values, so the values are folded from its pieces again.
 */
static void
empty_values(Batch *batch, Profile *profile)
{
	profile->first_seen = DT_NOEND;
	profile->last_seen = DT_NOBEGIN;
	profile->event_count = 0;
	profile->identifier_count = 0;
	profile->contested = false;
	profile->contested_until = DT_NOBEGIN;
	for (int i = 0; i < n_profile_values; i++)
		profile->values[i].value = profile_value_of(i)->empty(batch->ws);
	for (int column = 0; column < profiles_table.n_columns; column++)
		if (column != PROFILE_ID && column != PROFILE_EVALUATED_AT &&
		    column != PROFILE_NEXT_EVALUATION_AT && column != PROFILE_SEGMENTS)
			profiles_mark_changed(batch, profile, column);
	profile->has_folded = true;
}

/* The stored events of an identifier are folded into a profile. */
typedef struct FoldPiece
{
	Batch *batch;
	Profile *profile;
	TupleTableSlot *slot; /* the row to read next; null: it has been read */
} FoldPiece;

static bool
next_stored_event(EventRun *run)
{
	FoldPiece *fold = (FoldPiece *) run->context;

	if (fold->slot == NULL)
		return false;
	run->slot = fold->slot;
	run->event = events_read_values(fold->batch, fold->slot);
	fold->slot = NULL;
	return true;
}

static bool
fold_stored_event(TupleTableSlot *slot, void *context)
{
	FoldPiece *fold = (FoldPiece *) context;
	Batch *batch = fold->batch;
	Profile *profile = fold->profile;
	EventRun run = {batch, next_stored_event, fold};
	int first_event = profile->first_event;

	fold->slot = slot;
	batch->is_read_again = true;
	events_run(&run);
	batch->is_read_again = false;
	profile->first_event = 0;
	fold_events(batch, profile);
	profile->first_event = first_event;
	batch->n_events = 0;
	return true;
}

/* Folds in an opening balance: what the expired events of an identifier had added. */
static void
fold_balance(Batch *batch, Profile *profile, TupleTableSlot *slot)
{
	const AttrNumber *columns = workspace_table(batch->ws, &balances_table)->columns;
	bool isnull;

#define BALANCE(column) store_value(batch->store, &balances_table, slot, column, &isnull)
	for (int i = 0; i < n_profile_values; i++)
		merge_value(batch, profile, i,
		            load_value(slot, columns[BALANCE_VALUE(i)], BALANCE(BALANCE_VALUE(i)), true));
	fold_times(batch, profile, DatumGetTimestampTz(BALANCE(BALANCE_FIRST_SEEN)),
	           DatumGetTimestampTz(BALANCE(BALANCE_LAST_SEEN)));
	profile->event_count += DatumGetInt64(BALANCE(BALANCE_EVENT_COUNT));
	profile->has_folded = true;
#undef BALANCE
}

/* Folds in the stored events of an identifier, and its opening balance. */
static void
fold_piece(Batch *batch, Profile *profile, const Piece *piece)
{
	FoldPiece fold = {batch, profile, NULL};
	Datum identifier = PointerGetDatum(piece->identifier);
	TupleTableSlot *slot =
	    batch->rebuilding ? NULL : store_find(batch->store, &balances_table, identifier);

	if (slot != NULL)
		fold_balance(batch, profile, slot);
	events_visit_anchored(batch->store, identifier, fold_stored_event, &fold);
}

/* Error context: names the event that is being folded. */
static void
fold_error_context(void *arg)
{
	Batch *batch = (Batch *) arg;

	if (batch->event != NULL)
		events_error_context(&batch->event->id);
}

/* Folds pieces, merged profiles and events into one profile. */
static void
fold_profile(Batch *batch, Profile *profile)
{
	if (profile->is_refolded)
		empty_values(batch, profile);
	for (const Piece *piece = profile->pieces; piece != NULL; piece = piece->next)
		fold_piece(batch, profile, piece);
	for (Profile *loser = profile->merged_profiles; loser != NULL; loser = loser->next_merged)
	{
		load_profile(batch, loser);
		if (!loser->is_refolded)
			fold_merge(batch, profile, loser);
	}
	fold_events(batch, profile);
	if (profile->exact_contest)
		set_contest(batch, profile);
	else if (profile->contest)
		fold_contest(batch, profile, profile->contest_until);
	if (profile->gained_identifiers != 0)
	{
		profile->identifier_count += profile->gained_identifiers;
		profiles_mark_changed(batch, profile, PROFILE_IDENTIFIER_COUNT);
	}
	if (profile->has_folded)
		finish_folding(batch, profile);
}

void
profiles_fold_slice(Batch *batch)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(batch->values);
	ErrorContextCallback callback = {error_context_stack, fold_error_context, batch};

	error_context_stack = &callback;
	for (int i = 0; i < batch->n_slice; i++)
	{
		Profile *profile = batch->slice[i];

		CHECK_FOR_INTERRUPTS();
		if (i > 0 && MemoryContextMemAllocated(batch->values, true) > SLICE_BYTES)
		{
			batch->n_slice = i;
			break;
		}
		load_profile(batch, profile);
		if (!profile->vanishes)
			fold_profile(batch, profile);
	}
	error_context_stack = callback.previous;
	MemoryContextSwitchTo(oldcontext);
}
