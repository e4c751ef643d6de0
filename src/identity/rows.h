/*
 * rows.h
 *	  Rows of identifiers, refusals and merges, for the rooms that replay evidence.
 */
#ifndef CDP_IDENTITY_ROWS_H
#define CDP_IDENTITY_ROWS_H

#include "identity/identity.h"

/* What a workspace has of a pair's evidence. */
typedef enum StoredPair
{
	PAIR_NEW,
	PAIR_LINKED,
	PAIR_REFUSED
} StoredPair;

/* Number of identifiers of one limited namespace in a component. */
typedef struct LimitCount
{
	const char *name; /* of the namespace */
	int name_len;
	int max;
	int count;
} LimitCount;

/* Names of the reasons, as identity_refusals has them. */
extern const char *const refusal_reasons[N_REFUSAL_REASONS];

/* Fills the engine's columns of a row of identifiers. */
extern void rows_fill(Datum *values, bool *isnull, Datum identifier, const StoredIdentifier *row);

/* Puts what is known of an identifier now into its row; what is the user's in it stays. */
extern void rows_rewrite(Store *store, TupleTableSlot *slot, const Identifier *identifier,
                         const StoredIdentifier *row);

/* The row of an identifier that has one. */
extern TupleTableSlot *rows_find(Store *store, const Identifier *identifier);

/* A generic identifier is nobody's, and when it was seen is not kept: nobody has to write it. */
extern void rows_forget_times(StoredIdentifier *row);

/* identifiers.last_seen of an identifier: see rows.c. */
extern TimestampTz rows_last_seen(TimestampTz first_seen, TimestampTz stored_last,
                                  TimestampTz last_at);

/* All identifiers of a profile: of one namespace, or (null) of all. */
extern void stored_visit_identifiers(Store *store, int64 profile_id, const char *namespace_name,
                                     VisitRow visit, void *context);

/* All rows of merges with this profile as survivor: its former ids, and those undone. */
extern void stored_visit_merges(Store *store, int64 profile_id, VisitRow visit, void *context);

/* Repoints a former id, unless it is a profile again, to the profile that it resolves to now. */
extern void rows_repoint_former(Store *store, TupleTableSlot *slot, int64 to);

/*
 * Writes a refusal of an event. Those with an anchor are kept once per
 * (identifier, anchor, reason), with the earliest event; the anchor's profile
 * is locked, so nobody else writes them. Those of an event without one (anchor
 * null) are rows of their own: nothing to wait for.
 */
extern void write_refusal(Store *store, const char *identifier, int identifier_len,
                          const Identifier *anchor, RefusalReason reason, const char *detail,
                          TimestampTz at, const pg_uuid_t *event_id);

/*
 * Writes a row of merges: what is filled in, and what the merged profile had
 * in the users' own columns.
 */
extern void write_merge(Batch *batch, Profile *loser, Datum *values, bool *isnull);

#endif /* CDP_IDENTITY_ROWS_H */
