/*
 * profile.h
 *	  One profile of a batch.
 */
#ifndef CDP_PROFILE_H
#define CDP_PROFILE_H

#include "base/base.h"

#include "access/htup.h"
#include "nodes/bitmapset.h"
#include "types/segment_set.h"
#include "utils/array.h"
#include "utils/jsonb.h"
#include "workspace/tables.h"

/* An identifier whose stored events will be folded into a profile. */
typedef struct Piece
{
	struct Identifier *identifier;
	struct Piece *next;
} Piece;

/* A value of a profile: see ProfileValue. */
typedef struct FoldedValue
{
	Datum stored;  /* what the row has */
	Datum value;   /* what the row will have */
	void *builder; /* starts from value; null: nothing has been folded in */
} FoldedValue;

/* A profile of the batch. Its row and values are loaded while its slice is worked on. */
typedef struct Profile
{
	int64 id;
	int first_event;          /* of the batch's events; -1: none */
	bool is_new;              /* has no row yet */
	bool merged;              /* this batch merges it into another */
	bool is_refolded;         /* its stored values are discarded and folded again from its pieces */
	bool vanishes;            /* its row is deleted: no identifier is left */
	int64 gained_identifiers; /* identifiers that the batch gives it, former ids included */
	Piece *pieces;
	struct Profile *merged_profiles; /* profiles that are merged into it, linked by next_merged */
	struct Profile *next_merged;

	/* identity: its component, and whether the order of its evidence matters */
	bool component_known;
	int component;
	int first_node;      /* the first of the batch's nodes that belong to it; -1: none */
	bool evidence_known; /* the three below have been read from its row */
	bool was_contested;  /* the order of its evidence matters */
	TimestampTz was_contested_until;
	TimestampTz was_seen_until;
	bool contest;              /* the batch has refused evidence that touches it, ... */
	TimestampTz contest_until; /* ... the last of it at this effective time */
	bool exact_contest;        /* a replay has found both: they replace what the row says */

	/* users' own columns, of a profile that is merged or comes back: see profiles/columns.c */
	Jsonb *own_columns;             /* its values, as text; null: users have no columns */
	ArrayType *inherited;           /* columns whose values its survivor took over; null: none */
	struct Profile *split_profiles; /* come apart from this one, linked by next_split */
	struct Profile *next_split;

	/* from here on: the row, and what becomes of it */
	bool loaded;
	HeapTuple tuple;   /* the row; null: it has none yet */
	HeapTuple old_row; /* its row before a user's UPDATE; null: there was none */
	HeapTuple new_row; /* of a new profile: a row with the values of the users' columns */
	TimestampTz first_seen;
	TimestampTz last_seen;
	int64 event_count;
	int64 identifier_count;
	bool contested; /* contested_until is not null */
	TimestampTz contested_until;
	TimestampTz evaluated_at;
	TimestampTz next_evaluation_at;
	bool has_next_evaluation;
	SegmentSet *segments;
	FoldedValue values[MAX_PROFILE_VALUES];
	bool has_folded;    /* an event, a balance or another profile is in it */
	Bitmapset *changed; /* engine columns (ProfileColumn) whose values differ from the row's */
} Profile;

#endif /* CDP_PROFILE_H */
