/*
 * identity_internal.h
 *	  What the files of this room share: the evidence of a batch, and how rows of the
 *	  identity tables are read and written.
 */
#ifndef CDP_IDENTITY_INTERNAL_H
#define CDP_IDENTITY_INTERNAL_H

#include "identity/identity.h"
#include "identity/rows.h"

/* Evidence of the batch: an anchor and another node, with the earliest event that shows both. */
typedef struct Pair
{
	int anchor;
	int other;
	int event;
	StoredPair stored;
	bool earlier; /* the batch's event is earlier than the stored one; true if none is stored */
	bool accepted;
	RefusalReason reason; /* why it is not accepted */
	const char *detail;
} Pair;

/* A merge that follows from the batch's evidence. */
typedef struct Merge
{
	Profile *loser;
	Profile *survivor;
	int event;
	int anchor;
	int other;
} Merge;

/* A stronger, limited identifier that an event of the batch shows with another. */
typedef struct Companion
{
	int node;
	int companion;
} Companion;

/* A set of nodes that are one person, as far as the batch's evidence goes. */
typedef struct Component
{
	int parent;        /* union-find; itself: a root */
	Profile *profile;  /* null: none yet */
	int64 weight;      /* number of identifiers and former ids; see weight_known */
	bool weight_known; /* weight includes those that are stored for the profile */
	bool limits_known; /* limits includes the profile's stored identifiers */
	int n_limits;
	LimitCount *limits;
	bool order_matters;  /* the order of its stored evidence matters, or it may be separated */
	TimestampTz last_at; /* no stored evidence of it is later */
	bool contest;        /* evidence that touches it has been refused, ... */
	TimestampTz contest_until; /* ... the last of it at this effective time */
} Component;

/* The evidence of a batch. */
typedef struct IdentityBatch
{
	int read_at; /* store_reading when the nodes' rows were read */
	Component *components;
	int n_components;
	Pair *pairs;
	int n_pairs;
	int max_pairs;
	struct pairtable_hash *pair_table;
	Companion *companions; /* those that are not stored yet */
	int n_companions;
	int max_companions;
	struct pairtable_hash *companion_table;
	int *replay_nodes; /* nodes whose components will be replayed */
	int n_replay_nodes;
	int max_replay_nodes;
	Merge *merges;
	int n_merges;
	int max_merges;
} IdentityBatch;

static inline IdentityBatch *
identity_of(Batch *batch)
{
	return batch_data(batch, &identity_part, sizeof(IdentityBatch));
}

/* stored.c: takes generic identifiers out of the events' references: they are no evidence. */
extern void stored_drop_generic(Batch *batch);

/* Whether a stored row of evidence is later than an event of that time and id. */
extern bool stored_is_later(Store *store, const WorkspaceTable *table, TupleTableSlot *slot,
                            int at_column, int id_column, TimestampTz at, const pg_uuid_t *id);

/* Visits accepted evidence in which an identifier is the anchor; in which it is the other. */
extern void stored_visit_links_of_anchor(Store *store, Datum anchor, VisitRow visit, void *context);
extern void stored_visit_links_to(Store *store, Datum identifier, VisitRow visit, void *context);

/*
 * Visits refusals of an anchor's events, for one reason (null: for any); refusals of an
 * identifier, given as text.
 */
extern void stored_visit_refusals_of_anchor(Store *store, Datum anchor, const char *reason,
                                            VisitRow visit, void *context);
extern void stored_visit_refusals_to(Store *store, Datum text, VisitRow visit, void *context);

/* Deletes refusals of an anchor's events whose reason is: the identifier identifies nobody. */
extern void stored_delete_refusals_of_anchor(Store *store, Datum anchor);

/* Visits decisions in which an identifier is the smaller one, or the larger one. */
extern void stored_visit_decisions(Store *store, Datum identifier, bool smaller, VisitRow visit,
                                   void *context);
extern void stored_visit_companions(Store *store, Datum identifier, VisitRow visit, void *context);

/* evidence.c: decides on the batch's evidence; the root of a component; the root of a node's. */
extern void evidence_decide(Batch *batch);
extern void evidence_note_contests(Batch *batch);
extern Component *evidence_root(Batch *batch, int component);
extern Component *evidence_component(Batch *batch, int node);

/* companions.c: collects the batch's new companions; marks the nodes that they make generic. */
extern void companions_collect(Batch *batch);
extern bool companions_mark_generic(Batch *batch);

/* guess.c: guesses the profile of each identifier that has no row yet. */
extern void guess_profiles(Batch *batch);

/* anchors.c: corrects the rows of events that have another anchor now. */
extern void anchors_correct(Batch *batch);

/* graph.c: the node of an identifier, made if there is none; a new edge; an identifier in a row. */
struct Graph;
struct GraphEdge;
extern int graph_add(struct Graph *graph, const Identifier *identifier);
extern struct GraphEdge *graph_add_edge(struct Graph *graph, int anchor, int other, TimestampTz at,
                                        const pg_uuid_t *event_id);
extern Identifier *graph_slot_identifier(struct Graph *graph, const WorkspaceTable *table,
                                         TupleTableSlot *slot, int column);

/* write.c: writes the batch's evidence, refusals and merges. */
extern void write_batch_evidence(Batch *batch);

#endif /* CDP_IDENTITY_INTERNAL_H */
