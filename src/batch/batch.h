/*
 * batch.h
 *	  One batch of events on its way through the stages: normalise, resolve, fold,
 *	  evaluate, emit. Each stage adds to the batch that the one before hands on.
 */
#ifndef CDP_BATCH_H
#define CDP_BATCH_H

#include "base/array.h"
#include "batch/change.h"
#include "batch/event.h"
#include "batch/node.h"
#include "batch/profile.h"
#include "store/store.h"
#include "workspace/workspace.h"

/* A batch is full with this many events (cdp.batch_events), or when it holds BATCH_BYTES. */
extern int batch_events;
extern void batch_init(void);
#define BATCH_BYTES (128 * 1024 * 1024)

/*
 * Bytes that a distinct identifier may cost in later stages too: node, component, links,
 * profile.
 */
#define NODE_BYTES 512

/* Most profiles whose values are in memory at a time, and most bytes of these values. */
#define SLICE_PROFILES 2000
#define SLICE_BYTES (32 * 1024 * 1024)

typedef struct Batch
{
	Store *store;
	Workspace *ws;
	MemoryContext context; /* owns everything below; reset between batches */
	MemoryContext values;  /* owns the profiles' values; reset between slices */
	MemoryContext row;     /* for decoding one row of events */
	Cause cause;
	bool rebuilding;    /* events come in order; no segments, no history: the rebuild makes them */
	bool is_read_again; /* the events are stored ones: their failures were counted before */

	char *arena; /* small copies are put here, see batch_copy */
	Size arena_left;
	Size arena_used;
	const char *sources[8]; /* sources of recent events, see keep_source in events/event.c */
	int source_lens[8];
	int next_source;

	/* stage one: events, their identifiers, and identifiers that are no evidence */
	Event *events;
	int n_events;
	int max_events;
	int *refs; /* numbers of nodes, see Event.first_ref */
	int n_refs;
	int max_refs;
	IdNode *nodes;
	int n_nodes;
	int max_nodes;
	struct nodetable_hash *node_table;
	Refusal *refusals;
	int n_refusals;
	int max_refusals;

	/* stage two: the profiles of the events */
	Profile **profiles;
	int n_profiles;
	int max_profiles;
	struct profiletable_hash *profile_table;

	/* stages three to five, slice by slice */
	Profile **slice; /* the profiles whose values are in memory now */
	int n_slice;
	TimestampTz instant; /* of evaluation: the clock, read once the profiles are locked */
	Event *event;        /* the event that is being folded, for messages; null: none */
	Change *changes;     /* the slice's changes of membership */
	int n_changes;
	int max_changes;

	void **data; /* what each part keeps of the batch, by the part's number: see batch_data */
} Batch;

extern Batch *batch_create(Store *store, MemoryContext parent, Cause cause);

/*
 * Forgets the events and everything derived from them; store, workspace, contexts and
 * cause stay.
 */
extern void batch_reset(Batch *batch);
extern bool batch_is_full(Batch *batch);

/* A copy that lives as long as the batch's events. */
extern void *batch_copy(Batch *batch, const void *data, Size size);

/* A part's own data of the batch: size bytes, zero at first, freed when the batch is reset. */
extern void *batch_data(Batch *batch, const WorkspacePart *part, Size size);

/*
 * Keeps len bytes with an event, for a value of profiles to fold; returns where to write
 * them. batch_find_note finds them again; null: there are none.
 */
extern char *batch_note(Batch *batch, Event *event, const ProfileValue *value, int len);
extern const EventNote *batch_find_note(const Event *event, const ProfileValue *value);

/*
 * The node with that canonical text (-1: none); the node of an identifier, made if there
 * is none.
 */
extern int batch_find_node(Batch *batch, const char *text, int len);
extern int batch_add_node(Batch *batch, const NormalisedIdentifier *normalised,
                          const NamespaceRule *rule);

/* The numbers of all nodes in the order of their identifiers: the lock order. */
extern int *batch_sorted_nodes(Batch *batch);

/* The number of the node that anchors an event; -1: the event is anonymous. */
static inline int
batch_anchor(const Batch *batch, const Event *event)
{
	return event->n_refs == 0 ? -1 : batch->refs[event->first_ref];
}

/* Notes that an event's identifier is no evidence; the texts must last as long as the batch. */
extern void batch_refuse(Batch *batch, int event, const char *identifier, int identifier_len,
                         RefusalReason reason, const char *detail);

/* The batch's working copy of a profile; where *found is false, it is new and empty. */
extern Profile *batch_profile(Batch *batch, int64 id, bool *found);

/* Forgets the profiles; their rows will be read again. */
extern void batch_forget_profiles(Batch *batch);

/* Notes that a profile's membership of a segment has begun or ended. */
extern void batch_add_change(Batch *batch, const Change *change);

/* Makes room for one more element of one of the batch's arrays. */
#define BATCH_GROW(batch, array, n, max)                                                           \
	ARRAY_GROW((batch)->context, (batch)->array, (batch)->n, (batch)->max)

#endif /* CDP_BATCH_H */
