/*
 * rows.h
 *	  Rows of identifiers, refusals and merges, for the rooms that replay evidence.
 */
#ifndef CDP_IDENTITY_ROWS_H
#define CDP_IDENTITY_ROWS_H

#include "identity/identity.h"

/* What is stored of a pair's evidence. */
typedef enum StoredPair
{
	PAIR_NEW,
	PAIR_LINKED,
	PAIR_REFUSED
} StoredPair;

/* The number of identifiers of one limited namespace in a component. */
typedef struct LimitCount
{
	const char *name; /* of the namespace */
	int name_len;
	int max;
	int count;
} LimitCount;

/* Names of the reasons, as identity_refusals records them. */
extern const char *const refusal_reasons[N_REFUSAL_REASONS];

/* Fills the engine's columns of a row of identifiers. */
extern void rows_fill(Datum *values, bool *isnull, Datum identifier, const StoredIdentifier *row);

/* Writes the engine's columns of an identifier's row; the users' columns keep their values. */
extern void rows_rewrite(Store *store, TupleTableSlot *slot, const Identifier *identifier,
                         const StoredIdentifier *row);

/* The row of an identifier, which must exist. */
extern TupleTableSlot *rows_find(Store *store, const Identifier *identifier);

/* Clears the times of a generic identifier. They are not kept, so that no event writes its row. */
extern void rows_forget_times(StoredIdentifier *row);

/* The value of identifiers.last_seen: see rows.c. */
extern TimestampTz rows_last_seen(TimestampTz first_seen, TimestampTz stored_last,
                                  TimestampTz last_at);

/* Visits the identifiers of a profile: those of one namespace, or (null) all. */
extern void stored_visit_identifiers(Store *store, int64 profile_id, const char *namespace_name,
                                     VisitRow visit, void *context);

/* Visits all rows of merges into this profile: its former ids, and merges that were undone. */
extern void stored_visit_merges(Store *store, int64 profile_id, VisitRow visit, void *context);

/* Makes the former ids of a profile resolve to another one, if they are not profiles again. */
extern void rows_repoint_formers(Store *store, int64 from, int64 to);

/*
 * Writes a refusal of an event. A refusal with an anchor is kept once per (identifier,
 * anchor, reason), with the earliest event. The anchor's profile is locked, so no other
 * transaction writes it. A refusal of an anonymous event (anchor null) is always a new
 * row, so there is nothing to wait for.
 */
extern void write_refusal(Store *store, const char *identifier, int identifier_len,
                          const Identifier *anchor, RefusalReason reason, const char *detail,
                          TimestampTz at, const pg_uuid_t *event_id);

/*
 * Writes a row of merges: the given values, and what the merged profile had in the users'
 * own columns.
 */
extern void write_merge(Batch *batch, Profile *loser, Datum *values, bool *isnull);

#endif /* CDP_IDENTITY_ROWS_H */
