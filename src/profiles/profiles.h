/*
 * profiles.h
 *	  Stage three, and the rows of profiles: they are loaded, what events and merges
 *	  bring is folded into their values, and they are written.
 */
#ifndef CDP_PROFILES_H
#define CDP_PROFILES_H

#include "batch/batch.h"

extern WorkspacePart profiles_part;

/* Reads what a profile's row says of the evidence behind it. */
extern void profiles_peek(Batch *batch, Profile *profile, TupleTableSlot *slot);

/* Makes the working copy of a profile from its row, which is copied; slot null: it has none yet. */
extern void profiles_load(Batch *batch, Profile *profile, TupleTableSlot *slot);

/* Notes that a column's value differs from the row's. */
extern void profiles_mark_changed(Batch *batch, Profile *profile, int column);

/*
 * Folds into each profile of the slice what was merged into it and its events.
 * The slice ends earlier where its values would take too much memory.
 */
extern void profiles_fold_slice(Batch *batch);

/* The row that a profile is to have, in the slot that profiles are written from. */
extern TupleTableSlot *profiles_row(Batch *batch, Profile *profile);

/* Writes the slice's profiles, and what the parts add of them. */
extern void profiles_write_slice(Batch *batch);

/*
 * For the functions of a ProfileValue: the builder of a profile's value, begun
 * where there is none yet; and a walk over the profile's events of the batch.
 */
extern void *profiles_builder(Batch *batch, Profile *profile, const ProfileValue *value);

static inline Event *
profiles_event(Batch *batch, int event)
{
	return batch->event = event < 0 ? NULL : &batch->events[event];
}

#define FOREACH_EVENT(event, batch, profile)                                                       \
	for (Event *event = profiles_event(batch, (profile)->first_event); event != NULL;              \
	     event = profiles_event(batch, event->next))

#endif /* CDP_PROFILES_H */
