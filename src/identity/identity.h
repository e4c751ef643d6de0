/*
 * identity.h
 *	  Stage two: identifiers become profiles - create, attach or merge, as the
 *	  evidence says.
 */
#ifndef CDP_IDENTITY_H
#define CDP_IDENTITY_H

#include "batch/batch.h"
#include "identity/tables.h"

extern WorkspacePart identity_part;

/*
 * Identifiers whose components are to be replayed: their evidence can only be
 * decided in its order, once all events of the statement are folded.
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
 * The stage, in its steps. A batch is read; the profiles of new identifiers are
 * guessed; all that the batch is going to write is locked, in the one order (see
 * README.md); identifiers get their profiles, and profiles their events; evidence
 * and merges are written, once the profiles are.
 */
extern void identity_read(Batch *batch);
extern void identity_lock(Batch *batch);
extern void identity_resolve(Batch *batch);
extern void identity_write(Batch *batch, ReplayQueue *queue);

/* The profile that an event belongs to; null: nobody's. */
extern Profile *identity_profile_of(Batch *batch, const Event *event);

/* For a rebuild: only who is seen with whom, of the batch's events. */
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

/* Error: identifiers belong to a profile that is not there; unless all of the profiles are. */
extern void identity_report_missing(int64 profile_id) pg_attribute_noreturn();
extern void identity_require_profiles(Store *store, const int64 *ids, int n);

/* The profiles that a replay of the components of some identifiers may touch, sorted. */
extern int64 *identity_component_profiles(Store *store, Identifier *const *identifiers, int n,
                                          int *n_profiles);

#endif /* CDP_IDENTITY_H */
