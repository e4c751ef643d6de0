/*
 * graph.h
 *	  Components of the identity graph in memory: every identifier that evidence
 *	  (accepted or refused) or decisions that link connect.
 */
#ifndef CDP_GRAPH_H
#define CDP_GRAPH_H

#include "identity/rows.h"

struct graphnodes_hash;
struct pairtable_hash;

/* An identifier. */
typedef struct GraphNode
{
	Identifier *identifier;
	const NamespaceRule *rule;
	StoredIdentifier row;
	bool excluded;       /* generic or blocked: it takes no part in the partition */
	bool became_generic; /* this replay has found it generic */
	bool separated;      /* a decision separates it from another identifier, in any component */
	bool gained_events;  /* it now anchors events whose anchor became generic */

	int parent; /* union-find; itself: a root */
	int next;   /* the next node of the same component; -1: the last */
	int part;   /* set by a replay; -1: none */

	/* of a root: its component */
	int first; /* its nodes, linked by next */
	int last;
	int size;
	int n_limits;
	LimitCount *limits;
	int separations; /* the first of its separations in graph->ends; -1: none */
	int last_separation;
	int n_separations;
	TimestampTz anchored_at; /* since when it is a profile; DT_NOEND: it is none */
} GraphNode;

/* A pair of identifiers that an event shows together: accepted evidence, or refused. */
typedef struct GraphEdge
{
	int anchor;
	int other;
	TimestampTz at;
	pg_uuid_t event_id;
	StoredPair stored;
	RefusalReason stored_reason;
	bool moved; /* its earliest event is no longer the stored one */
	bool accepted;
	RefusalReason reason;
	const char *detail;
} GraphEdge;

typedef struct GraphDecision
{
	Identifier *a;
	Identifier *b;
	bool separate;
} GraphDecision;

/* One end of a separation, in a list of the component that has it. */
typedef struct GraphEnd
{
	int node;
	int other;
	int next;
} GraphEnd;

typedef struct Graph
{
	Store *store;
	MemoryContext context;
	struct graphnodes_hash *table;
	struct pairtable_hash *pairs; /* edges by their nodes; null: not needed */
	GraphNode *nodes;
	int n_given; /* the first nodes are the identifiers that graph_load was given */
	int n_nodes;
	int max_nodes;
	GraphEdge *edges;
	int n_edges;
	int max_edges;
	GraphDecision *decisions;
	int n_decisions;
	int max_decisions;
	GraphEnd *ends;
	int n_ends;
	int max_ends;
} Graph;

/* Loads the components of these identifiers: all that evidence and decisions connect with them. */
extern Graph *graph_load(Store *store, MemoryContext context, Identifier *const *identifiers,
                         int n);

/* The node of an identifier; -1: there is none. */
extern int graph_find(const Graph *graph, const Identifier *identifier);

/* Excludes the nodes that are seen with too many others; their events get other anchors. */
extern void graph_remove_generic(Graph *graph);

/*
 * Decides on every edge. Afterwards the nodes of one root, linked from its first on, are one
 * person. strict: decisions that contradict each other are errors.
 */
extern void graph_partition(Graph *graph, bool strict);

#endif /* CDP_GRAPH_H */
