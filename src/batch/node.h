/*
 * node.h
 *	  One distinct identifier of a batch; and identifiers that are no evidence.
 */
#ifndef CDP_NODE_H
#define CDP_NODE_H

#include "namespaces/namespaces.h"
#include "types/identifier.h"

/* A row of identifiers. */
typedef struct StoredIdentifier
{
	int64 profile_id; /* 0: none */
	TimestampTz first_seen;
	TimestampTz last_seen;
	TimestampTz anchored_at; /* DT_NOEND: it anchors no event */
	bool generic;
} StoredIdentifier;

typedef struct IdNode
{
	Identifier *identifier;
	const NamespaceRule *rule;
	uint32 hash;
	int event;            /* the last of the batch's that names it */
	TimestampTz first_at; /* effective times of the batch's events with it */
	TimestampTz last_at;
	TimestampTz anchors_at; /* ... of the first event that it anchors; DT_NOEND: none */

	/* what is stored of it, and what the room of identity decides */
	StoredIdentifier row;
	bool has_row;         /* in identifiers */
	bool inserted_by_us;  /* this statement inserted its row: the graph does not know it yet */
	bool has_new_id;      /* the profile guessed for it has an id from the sequence */
	bool is_guarded;      /* has a row without a profile, but with evidence: see identity/locks.c */
	bool has_no_evidence; /* nothing is stored of it, but perhaps its row */
	bool row_locked;      /* this statement inserted the row, or locked it without a profile */
	bool becomes_generic; /* seen with too many others, the batch's events included */
	int degree;           /* number of the batch's pairs with it */
	int component;        /* -1: identity has not decided yet */
} IdNode;

/* Why an identifier of an event is no evidence. */
typedef enum RefusalReason
{
	REFUSED_INVALID,
	REFUSED_BLOCKED,
	REFUSED_GENERIC,
	REFUSED_TOO_MANY,
	REFUSED_LIMIT, /* from here on the pair is refused; a replay may decide otherwise */
	REFUSED_SEPARATED,
	REFUSED_MERGE,
	N_REFUSAL_REASONS
} RefusalReason;

typedef struct Refusal
{
	const char *identifier; /* canonical; as received (cut if long) where it has no such form */
	int identifier_len;
	int event;
	RefusalReason reason;
	const char *detail; /* null: none */
} Refusal;

#endif /* CDP_NODE_H */
