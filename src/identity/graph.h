/*
 * graph.h
 *	  A component of the identity graph in memory: every identifier that
 *	  evidence or decisions connect, accepted or not.
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
	bool excluded;       /* it is generic or blocked: taken out */
	bool became_generic; /* it has turned out generic */
	bool separated;      /* from another by a decision, wherever that is */
	bool gained_events;  /* events have it for their anchor that had a removed one */

	int parent; /* union-find; itself: a root */
	int next;   /* of the same part; -1: the last */
	int part;

	/* of a root */
	int first;
	int last;
	int size;
	int n_limits;
	LimitCount *limits;
	int separations; /* the first of its list in graph->ends; -1: none */
	int last_separation;
	int n_separations;
	TimestampTz anchored_at; /* when it was first a profile */
} GraphNode;

/* Evidence of a pair, or what has been refused. */
typedef struct GraphEdge
{
	int anchor;
	int other;
	TimestampTz at;
	pg_uuid_t event_id;
	StoredPair stored;
	RefusalReason stored_reason;
	bool moved; /* its event is another than what is stored */
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

/* One end of a separation, in the list of its component. */
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
	struct pairtable_hash *pairs; /* null: edges need not be found */
	GraphNode *nodes;             /* the seeds first */
	int n_given;
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

/* The components of some identifiers: all that evidence and decisions connect with them. */
extern Graph *graph_load(Store *store, MemoryContext context, Identifier *const *identifiers,
                         int n_given);

/* The node of an identifier; -1: there is none. */
extern int graph_find(const Graph *graph, const Identifier *identifier);

/* Takes the nodes out that are seen with too many others. */
extern void graph_remove_generic(Graph *graph);

/* Decides on every edge; the nodes of a root are one person then. strict: decisions that contradict are errors. */
extern void graph_partition(Graph *graph, bool strict);

#endif /* CDP_GRAPH_H */
