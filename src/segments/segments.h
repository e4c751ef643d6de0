/*
 * segments.h
 *	  Stage four: which segments a profile is in, and until when. Definitions, and their
 *	  evaluation: on a slice, on every profile, and by the clock.
 */
#ifndef CDP_SEGMENTS_H
#define CDP_SEGMENTS_H

#include "batch/batch.h"
#include "expression/expression.h"
#include "types/segment_set.h"

extern WorkspacePart segments_part;

/* One segment, compiled. */
typedef struct Segment
{
	char *name;
	int name_len;
	char *predicate;
	bool enabled; /* false: it is switched off, and its expression is false */
	Expression expression;
	Bitmapset *dependents; /* segments that refer to it, by rank */
	int rank;              /* place in the order of evaluation */
} Segment;

/* Segments that read one key of a value of profiles, as traits->>'plan'. */
typedef struct KeyReaders
{
	ExpressionKey key;
	Bitmapset *segments; /* by rank */
} KeyReaders;

/* The segments of a workspace. Sets are by rank, except in_circle. */
typedef struct Segments
{
	Segment *segments; /* sorted by name bytes, as ws->segment_names */
	int n_segments;
	int max_segments;
	int *by_rank; /* indexes into segments, in the order of evaluation */
	Bitmapset *all_segments;
	Bitmapset *clock_segments; /* segments that read the clock */
	Bitmapset *broken;         /* segments that do not compile */
	Bitmapset **readers;       /* segments that read a column, by its attribute number */
	int n_readers;
	KeyReaders *key_readers;
	int n_key_readers;
	int max_key_readers;
	Bitmapset *in_circle; /* by index into segments: those that refer to each other */
} Segments;

static inline const Segments *
segments_of(const Workspace *ws)
{
	return workspace_data(ws, &segments_part);
}

/* The sort of expression that a segment's predicate is. */
extern const ExpressionSort segment_predicate;

/* The detail of an error about a segment: with its predicate for a user who may read that. */
extern int segments_detail(const Workspace *ws, const Segment *segment, Oid user);

/* The segments that read a key of a column, by rank. */
extern Bitmapset *segments_reading(const Workspace *ws, AttrNumber column, const char *key);

/* evaluate.c: evaluates, on the slice's profiles, the segments that read what has changed. */
extern void segments_evaluate_slice(Batch *batch);

/* Flags of a sweep over profiles. */
#define SWEEP_ADDED 0x01       /* the wanted segments are new: no profile is in them yet */
#define SWEEP_REDEFINED 0x02   /* their definitions are new: they have no changes before now */
#define SWEEP_MAY_GO_BACK 0x04 /* evaluate at the clock's instant, even before evaluated_at */

/* sweep.c: evaluates the wanted segments on every profile. */
extern void segments_sweep(Workspace *ws, const Bitmapset *wanted, Cause cause, int flags);

/* Evaluates all segments on some profiles. */
extern void segments_sweep_listed(Workspace *ws, const int64 *ids, int n, Cause cause);

#endif /* CDP_SEGMENTS_H */
