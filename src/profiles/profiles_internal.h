/*
 * profiles_internal.h
 *	  What the files of this room share.
 */
#ifndef CDP_PROFILES_INTERNAL_H
#define CDP_PROFILES_INTERNAL_H

#include "profiles/profiles.h"

/* load.c: reads a profile's row, if that was not done when it was locked. */
extern void load_profile(Batch *batch, Profile *profile);

/* A value in a row, detoasted; copy: it must outlive the slot. */
extern Datum load_value(TupleTableSlot *slot, AttrNumber column, Datum value, bool copy);

/*
 * columns.c: the users' own columns, at merges and splits. A survivor's row inherits values;
 * what the merged profiles had is recorded. A profile that comes back gets its values
 * restored, and its survivor gives back those that it inherited.
 */
extern void columns_inherit(Batch *batch, Profile *profile, TupleTableSlot *slot);
extern void columns_record(Batch *batch, Profile *survivor);
extern void columns_restore(Batch *batch, const Jsonb *columns, TupleTableSlot *slot);
extern void columns_return(Batch *batch, const Jsonb *columns, const ArrayType *inherited,
                           TupleTableSlot *slot);

#endif /* CDP_PROFILES_INTERNAL_H */
