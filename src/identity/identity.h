/*
 * identity.h
 *	  Stage two: identifiers become profiles. Evidence creates profiles, attaches
 *	  identifiers to them, or merges them.
 */
#ifndef CDP_IDENTITY_H
#define CDP_IDENTITY_H

#include "batch/batch.h"
#include "identity/tables.h"

extern WorkspacePart identity_part;

/*
 * Identifiers whose components will be replayed, once all events of the statement are
 * folded: their evidence can only be decided in its order.
 */
typedef struct ReplayQueue
{
	MemoryContext context;
	Identifier **identifiers;
	int n;
	int max;
} ReplayQueue;

extern void replay_queue_add(ReplayQueue *queue, const Identifier *identifier);

/*
 * The steps of the stage. identity_read reads what is stored of a batch's identifiers.
 * identity_lock guesses the profiles of new identifiers. It locks all that the batch will
 * write, in the order that all statements follow (see README.md). identity_resolve gives
 * identifiers their profiles, and profiles their events. identity_write writes evidence and
 * merges; it is called after the profiles are written.
 */
extern void identity_read(Batch *batch);
extern void identity_lock(Batch *batch);
extern void identity_resolve(Batch *batch);
extern void identity_write(Batch *batch, ReplayQueue *queue);

/* The profile that an event belongs to; null: it is anonymous. */
extern Profile *identity_profile_of(Batch *batch, const Event *event);

/* For a rebuild: writes only which co-occurring identifiers the batch's events show. */
extern void identity_record_companions(Batch *batch);

/*
 * rows.c and stored.c: rows of identifiers, for statements that lock and write
 * them outside of a batch.
 */
extern void identity_read_node(Store *store, IdNode *node);
extern bool identity_must_lock(const IdNode *node);
extern void identity_lock_node(Store *store, IdNode *node);
extern bool identity_has_decision(Store *store, Datum identifier, const char *kind);
extern bool stored_find_identifier(Store *store, Datum identifier, StoredIdentifier *found);
extern void stored_read_identifier(Store *store, TupleTableSlot *slot, StoredIdentifier *found);

/* Error: identifiers belong to a profile that does not exist; the same if one of these does not. */
extern void identity_report_missing(int64 profile_id) pg_attribute_noreturn();
extern void identity_require_profiles(Store *store, const int64 *ids, int n);

/* The component profiles of some identifiers, sorted: all that a replay of them may touch. */
extern int64 *identity_component_profiles(Store *store, Identifier *const *identifiers, int n,
                                          int *n_profiles);

#endif /* CDP_IDENTITY_H */
