/*
 * segments_internal.h
 *	  What the files of this room share.
 */
#ifndef CDP_SEGMENTS_INTERNAL_H
#define CDP_SEGMENTS_INTERNAL_H

#include "segments/segments.h"

typedef enum SegmentColumn
{
	SEGMENT_NAME,
	SEGMENT_PREDICATE,
	SEGMENT_ENABLED,
	N_SEGMENT_COLUMNS
} SegmentColumn;

typedef enum ChangeColumn
{
	CHANGE_PROFILE_ID,
	CHANGE_SEGMENT,
	CHANGE_ENTERED,
	CHANGE_AT,
	CHANGE_CAUSE,
	N_CHANGE_COLUMNS
} ChangeColumn;

typedef enum ErrorColumn
{
	ERROR_SEGMENT,
	ERROR_PROFILE_ID,
	ERROR_SQLSTATE,
	ERROR_MESSAGE,
	ERROR_WITHOUT_VALUES,
	ERROR_AT,
	N_ERROR_COLUMNS
} ErrorColumn;

typedef enum DefinitionColumn
{
	DEFINITION_SEGMENT,
	DEFINITION_PREDICATE,
	DEFINITION_AT,
	DEFINITION_BY,
	DEFINITION_ENABLED,
	N_DEFINITION_COLUMNS
} DefinitionColumn;

extern WorkspaceTable segments_table;
extern WorkspaceTable segment_definitions_table;
extern WorkspaceTable segment_changes_table;
extern WorkspaceTable segment_errors_table;

/* A segment by its place in the order of evaluation; by a member's name (null: there is none). */
extern const Segment *segment_of_rank(const Workspace *ws, int rank);
extern const Segment *segment_of_member(const Workspace *ws, const SegmentMember *member);

/* compile.c: why a segment does not compile; null: it does, or there is none of that name. */
extern const ErrorData *segment_broken(Workspace *ws, const char *name);

/*
 * define.c: DDL has changed the texts of some segments, which are recorded; or their meaning, so
 * they are evaluated again on every profile.
 */
extern void segments_rewritten(Workspace *ws, List *names, Oid user);
extern void segments_derive_again(Workspace *ws, List *names);

/* order.c: puts the segments, which are compiled, into the order of evaluation. */
extern void order_segments(Segments *segments);

/* Adds to readers the segments, by rank, that refer to a prefix of this name. */
extern Bitmapset *order_readers_by_prefix(const Segments *segments, const char *name, int name_len,
                                          Bitmapset *readers);

/*
 * The names of segments that refer to each other in a circle, as in "a -> b -> a"; null:
 * none do.
 */
extern char *order_circle(const Segments *segments);

/*
 * evaluate.c: pins the settings of evaluation; tells the segments that refer to this one
 * whether the profile is in it.
 */
extern int evaluate_pin(Workspace *ws);
extern void evaluate_set_member(Workspace *ws, const Segment *segment, bool member);

/*
 * Evaluates on the slice the segments that read what has changed; or the wanted segments on
 * each of its profiles, with SWEEP_ flags.
 */
extern void evaluate_changed(Batch *batch);
extern void evaluate_wanted(Batch *batch, const Bitmapset *wanted, int flags);

/*
 * Applies the due flips of a profile that has been read, up to the batch's instant; writes
 * nothing.
 */
extern void evaluate_read_profile(Batch *batch, Profile *profile, TupleDesc desc);

/* A segment's predicate failed on a profile. */
typedef struct Failure
{
	int64 profile_id;
	const Segment *segment;
	int sqlerrcode;
	const char *message;
	const char *without_values; /* the same, as error_without_values gives it */
	TimestampTz at;
} Failure;

/* What the part keeps of a batch's slice. */
typedef struct SegmentsBatch
{
	Failure *failures;
	int n_failures;
	int max_failures;
	HeapTuple *rows; /* new rows of profiles, prepared by a sweep; t_self: the row to update */
	int n_rows;
	int max_rows;
} SegmentsBatch;

static inline SegmentsBatch *
segments_batch(Batch *batch)
{
	return batch_data(batch, &segments_part, sizeof(SegmentsBatch));
}

/* changes.c: notes a change of membership; a predicate that failed; writes both. */
extern void changes_add(Batch *batch, int64 profile_id, const char *segment, int segment_len,
                        bool entered, TimestampTz at, Cause cause);
extern void changes_add_failure(Batch *batch, int64 profile_id, const Segment *segment,
                                TimestampTz at, const ErrorData *error);
extern void changes_write(Batch *batch);

/* screen.c: fills a batch from a scan of profiles; writes the rows that this has prepared. */
extern bool sweep_load(Batch *batch, const Bitmapset *wanted, int flags, StoreScan *scan,
                       bool screen, int *n_rows);
extern void sweep_write(Batch *batch);

#endif /* CDP_SEGMENTS_INTERNAL_H */
