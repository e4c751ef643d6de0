/*
 * profiles.h
 *	  Stage three, and the rows of profiles: rows are loaded, events and merged profiles
 *	  are folded into their values, and rows are written.
 */
#ifndef CDP_PROFILES_H
#define CDP_PROFILES_H

#include "batch/batch.h"

extern WorkspacePart profiles_part;

/* Reads what a profile's row says of its evidence: evidence_known and the fields below it. */
extern void profiles_peek(Batch *batch, Profile *profile, TupleTableSlot *slot);

/* Makes the working copy of a profile from a copy of its row; slot null: it has no row yet. */
extern void profiles_load(Batch *batch, Profile *profile, TupleTableSlot *slot);

/* Notes that a column's value differs from the row's. */
extern void profiles_mark_changed(Batch *batch, Profile *profile, int column);

/*
 * Folds into each profile of the slice its events and the profiles that are merged into it.
 * Makes the slice shorter if its values would take too much memory.
 */
extern void profiles_fold_slice(Batch *batch);

/* The row that a profile will have, in the slot that profiles are written from. */
extern TupleTableSlot *profiles_row(Batch *batch, Profile *profile);

/* Writes the slice's profiles, then calls the parts' slice_written. */
extern void profiles_write_slice(Batch *batch);

/*
 * For the functions of a ProfileValue: the builder of a profile's value, which is made if
 * there is none yet; and a loop over the profile's events of the batch.
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
