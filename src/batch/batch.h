/*
 * batch.h
 *	  One batch of events on its way: normalise, resolve, fold, evaluate, emit.
 *	  Each stage takes the batch from the one before and adds to it.
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

/* A batch ends with this many events (cdp.batch_events), or when it holds this much memory. */
extern int batch_events;
extern void batch_init(void);
#define BATCH_BYTES (128 * 1024 * 1024)

/* What a distinct identifier may cost a batch in the end: node, component, links, profile. */
#define NODE_BYTES 512

/* Profiles whose values are in memory at a time, and what they may take. */
#define SLICE_PROFILES 2000
#define SLICE_BYTES (32 * 1024 * 1024)

typedef struct Batch
{
	Store *store;
	Workspace *ws;
	MemoryContext context; /* of all below; reset between batches */
	MemoryContext values;  /* of the profiles' values; reset between slices */
	MemoryContext row;     /* of decoding one row of events */
	Cause cause;
	bool rebuilding;    /* no segments, no history, events in order: the rebuild does the rest */
	bool is_read_again; /* events that have come in before are read: failures were counted then */

	char *arena; /* where small copies go, see batch_copy */
	Size arena_left;
	Size arena_used;
	const char *sources[8]; /* of the last events, see events/event.c */
	int source_lens[8];
	int next_source;

	/* stage one: events, their identifiers, and those of them that are no evidence */
	Event *events;
	int n_events;
	int max_events;
	int *refs;
	int n_refs;
	int max_refs;
	IdNode *nodes;
	int n_nodes;
	int max_nodes;
	struct nodetable_hash *node_table;
	Refusal *refusals;
	int n_refusals;
	int max_refusals;

	/* stage two: the profiles of the events, by id */
	Profile **profiles;
	int n_profiles;
	int max_profiles;
	struct profiletable_hash *profile_table;

	/* stages three to five, slice by slice */
	Profile **slice; /* the profiles whose values are being worked on */
	int n_slice;
	TimestampTz instant; /* of evaluation: the clock, read once the profiles are locked */
	Event *event;        /* being folded, for messages; null: none */
	Change *changes;     /* of memberships, of the slice */
	int n_changes;
	int max_changes;

	void **data; /* what each part keeps of the batch, by its number: see batch_data */
} Batch;

extern Batch *batch_create(Store *store, MemoryContext parent, Cause cause);

/* Forgets the events and all that came of them; the store stays. */
extern void batch_reset(Batch *batch);
extern bool batch_is_full(Batch *batch);

/* A copy that lives as long as the batch's events. */
extern void *batch_copy(Batch *batch, const void *data, Size size);

/* A part's own data of the batch: of that size, zero at first, gone when the batch is reset. */
extern void *batch_data(Batch *batch, const WorkspacePart *part, Size size);

/* Room for what a value of profiles is to fold of an event; what was put there, null: nothing. */
extern char *batch_note(Batch *batch, Event *event, const ProfileValue *value, int len);
extern const EventNote *batch_find_note(const Event *event, const ProfileValue *value);

/* The node with that canonical text (-1: none); the node of an identifier, made if need be. */
extern int batch_find_node(Batch *batch, const char *text, int len);
extern int batch_add_node(Batch *batch, const NormalisedIdentifier *normalised,
                          const NamespaceRule *rule);

/* The numbers of all nodes in the order of their identifiers: the lock order. */
extern int *batch_sorted_nodes(Batch *batch);

/* Notes an identifier of an event that is no evidence; the texts must last as long as the batch. */
extern void batch_refuse(Batch *batch, int event, const char *identifier, int identifier_len,
                         RefusalReason reason, const char *detail);

/* The batch's working copy of a profile; a new, empty one where *found is false. */
extern Profile *batch_profile(Batch *batch, int64 id, bool *found);

/* Forgets the profiles: their rows are to be read again. */
extern void batch_forget_profiles(Batch *batch);

/* Notes that a membership has begun or ended. */
extern void batch_add_change(Batch *batch, const Change *change);

/* Makes room for one more element of an array of the batch's. */
#define BATCH_GROW(batch, array, n, max)                                                           \
	ARRAY_GROW((batch)->context, (batch)->array, (batch)->n, (batch)->max)

#endif /* CDP_BATCH_H */
