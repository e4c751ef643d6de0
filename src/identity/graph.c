/*
 * graph.c
 *	  Components of the identity graph, and their partition into profiles: it is what
 *	  taking all evidence in the order of (effective time, event id) gives.
 *
 * Decisions that link come first and are stronger than limits. A pair is refused if
 * joining it would put two separated identifiers together, or break a limit. It is also
 * refused if it would merge profiles and one of its namespaces may not.
 */
#include "identity/graph.h"
#include "base/ids.h"
#include "base/union_find.h"
#include "identity/identity_internal.h"
#include "identity/pair_table_internal.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

typedef struct GraphNodeEntry
{
	const Identifier *identifier;
	uint32 hash;
	int node;
	char status;
} GraphNodeEntry;

static uint32
hash_identifier(const Identifier *identifier)
{
	return hash_bytes((const unsigned char *) IDENTIFIER_TEXT(identifier),
	                  IDENTIFIER_LEN(identifier));
}

#define SH_PREFIX graphnodes
#define SH_ELEMENT_TYPE GraphNodeEntry
#define SH_KEY_TYPE const Identifier *
#define SH_KEY identifier
#define SH_HASH_KEY(tb, key) hash_identifier(key)
#define SH_EQUAL(tb, a, b) (identifier_compare(a, b) == 0)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, a) ((a)->hash)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* Makes room for one more element of a graph's array. */
#define GRAPH_GROW(graph, array, n, max)                                                           \
	ARRAY_GROW((graph)->context, (graph)->array, (graph)->n, (graph)->max)

/* Loading */

int
graph_find(const Graph *graph, const Identifier *identifier)
{
	GraphNodeEntry *entry = graphnodes_lookup(graph->table, identifier);

	return entry == NULL ? -1 : entry->node;
}

/* Whether an identifier is blocked, or does not match the pattern of its namespace. */
static bool
identifies_nobody(const Workspace *ws, const GraphNode *node)
{
	const char *text = IDENTIFIER_TEXT(node->identifier);
	int namespace_len = IDENTIFIER_NAMESPACE_LEN(node->identifier);
	int len = IDENTIFIER_LEN(node->identifier);

	return namespaces_blocks(ws, text, namespace_len, len) ||
	       !namespaces_pattern_allows(node->rule, text + namespace_len + 1,
	                                  len - namespace_len - 1);
}

/* A new node has a copy of the identifier, and what is stored of it. */
int
graph_add(Graph *graph, const Identifier *identifier)
{
	GraphNodeEntry *entry = graphnodes_lookup(graph->table, identifier);
	GraphNode *node;
	Identifier *copy;
	bool found;

	if (entry != NULL)
		return entry->node;
	copy = MemoryContextAlloc(graph->context, VARSIZE_ANY(identifier));
	memcpy(copy, identifier, VARSIZE_ANY(identifier));
	entry = graphnodes_insert(graph->table, copy, &found);
	entry->node = graph->n_nodes;
	GRAPH_GROW(graph, nodes, n_nodes, max_nodes);
	node = &graph->nodes[graph->n_nodes];
	memset(node, 0, sizeof(GraphNode));
	node->identifier = copy;
	node->rule = namespaces_rule(store_workspace(graph->store), IDENTIFIER_TEXT(copy),
	                             IDENTIFIER_NAMESPACE_LEN(copy));
	node->row.anchored_at = DT_NOEND;
	node->row.first_seen = DT_NOEND;
	(void) stored_find_identifier(graph->store, PointerGetDatum(copy), &node->row);
	node->excluded = node->row.generic;
	if (TIMESTAMP_IS_NOEND(node->row.first_seen)) /* only decisions name it */
		node->excluded = identifies_nobody(store_workspace(graph->store), node);
	return graph->n_nodes++;
}

GraphEdge *
graph_add_edge(Graph *graph, int anchor, int other, TimestampTz at, const pg_uuid_t *event_id)
{
	GraphEdge *edge;

	GRAPH_GROW(graph, edges, n_edges, max_edges);
	edge = &graph->edges[graph->n_edges++];
	memset(edge, 0, sizeof(GraphEdge));
	edge->anchor = anchor;
	edge->other = other;
	edge->at = at;
	edge->event_id = *event_id;
	return edge;
}

typedef struct VisitNode
{
	Graph *graph;
	int node;
} VisitNode;

Identifier *
graph_slot_identifier(Graph *graph, const WorkspaceTable *table, TupleTableSlot *slot, int column)
{
	bool isnull;

	return DatumGetIdentifierPP(store_value(graph->store, table, slot, column, &isnull));
}

static bool
visit_link(TupleTableSlot *slot, void *context)
{
	VisitNode *visit = (VisitNode *) context;
	Graph *graph = visit->graph;
	bool isnull;
	int other = graph_add(graph, graph_slot_identifier(graph, &links_table, slot, LINK_IDENTIFIER));
	GraphEdge *edge = graph_add_edge(
	    graph, visit->node, other,
	    DatumGetTimestampTz(
	        store_value(graph->store, &links_table, slot, LINK_OCCURRED_AT, &isnull)),
	    DatumGetUUIDP(store_value(graph->store, &links_table, slot, LINK_EVENT_ID, &isnull)));

	edge->stored = PAIR_LINKED;
	return true;
}

static bool
visit_link_to(TupleTableSlot *slot, void *context)
{
	VisitNode *visit = (VisitNode *) context;

	(void) graph_add(visit->graph,
	                 graph_slot_identifier(visit->graph, &links_table, slot, LINK_ANCHOR));
	return true;
}

/* An identifier from its text form, which must be canonical. */
static Identifier *
identifier_of_text(const text *value)
{
	const char *bytes = VARDATA_ANY(value);
	int len = VARSIZE_ANY_EXHDR(value);
	const char *colon = memchr(bytes, ':', len);
	NormalisedIdentifier normalised;

	if (colon == NULL || len > NORMALISE_MAX || colon - bytes > NORMALISE_MAX_NAMESPACE)
		ereport(ERROR,
		        (errcode(ERRCODE_DATA_CORRUPTED), errmsg("a refused identifier is not canonical"),
		         errhint("Run cdp.check and cdp.rebuild on the workspace.")));
	memcpy(normalised.text, bytes, len);
	normalised.text[len] = '\0';
	normalised.len = len;
	normalised.namespace_len = colon - bytes;
	return identifier_make(&normalised);
}

/* The reason of a refusal of a pair; -1: the row refuses the identifier itself. */
static int
pair_reason(Graph *graph, TupleTableSlot *slot)
{
	bool isnull;
	char *reason = TextDatumGetCString(
	    store_value(graph->store, &refusals_table, slot, REFUSAL_REASON, &isnull));

	for (int i = REFUSED_LIMIT; i < N_REFUSAL_REASONS; i++)
		if (strcmp(reason, refusal_reasons[i]) == 0)
			return i;
	return -1;
}

static bool
visit_refusal(TupleTableSlot *slot, void *context)
{
	VisitNode *visit = (VisitNode *) context;
	Graph *graph = visit->graph;
	Store *store = graph->store;
	int reason = pair_reason(graph, slot);
	bool isnull;
	text *refused;
	GraphEdge *edge;
	int other;

	if (reason < 0)
		return true;
	refused =
	    DatumGetTextPP(store_value(store, &refusals_table, slot, REFUSAL_IDENTIFIER, &isnull));
	other = graph_add(graph, identifier_of_text(refused));
	edge = graph_add_edge(
	    graph, visit->node, other,
	    DatumGetTimestampTz(
	        store_value(store, &refusals_table, slot, REFUSAL_OCCURRED_AT, &isnull)),
	    DatumGetUUIDP(store_value(store, &refusals_table, slot, REFUSAL_EVENT_ID, &isnull)));
	edge->stored = PAIR_REFUSED;
	edge->stored_reason = reason;
	return true;
}

static bool
visit_refusal_to(TupleTableSlot *slot, void *context)
{
	VisitNode *visit = (VisitNode *) context;

	if (pair_reason(visit->graph, slot) >= 0)
		(void) graph_add(visit->graph, graph_slot_identifier(visit->graph, &refusals_table, slot,
		                                                     REFUSAL_ANCHOR));
	return true;
}

/* Notes a decision, once: at its smaller identifier. A decision that links leads to the other. */
static bool
visit_decision(TupleTableSlot *slot, void *context)
{
	VisitNode *visit = (VisitNode *) context;
	Graph *graph = visit->graph;
	bool isnull;
	Identifier *a = graph_slot_identifier(graph, &decisions_table, slot, DECISION_A);
	Identifier *b = graph_slot_identifier(graph, &decisions_table, slot, DECISION_B);
	char *kind = TextDatumGetCString(
	    store_value(graph->store, &decisions_table, slot, DECISION_KIND, &isnull));
	bool separate = strcmp(kind, "separate") == 0;

	if (identifier_compare(a, graph->nodes[visit->node].identifier) == 0)
	{
		MemoryContext oldcontext = MemoryContextSwitchTo(graph->context);
		GraphDecision *decision;

		GRAPH_GROW(graph, decisions, n_decisions, max_decisions);
		decision = &graph->decisions[graph->n_decisions++];
		decision->a = memcpy(palloc(VARSIZE_ANY(a)), a, VARSIZE_ANY(a));
		decision->b = memcpy(palloc(VARSIZE_ANY(b)), b, VARSIZE_ANY(b));
		decision->separate = separate;
		MemoryContextSwitchTo(oldcontext);
	}
	graph->nodes[visit->node].separated = graph->nodes[visit->node].separated || separate;
	if (!separate)
	{
		(void) graph_add(graph, a);
		(void) graph_add(graph, b);
	}
	return true;
}

/* Notes all evidence and decisions that name a node, and adds the nodes that they lead to. */
static void
expand(Graph *graph, int node)
{
	Store *store = graph->store;
	Datum identifier = PointerGetDatum(graph->nodes[node].identifier);
	VisitNode visit = {graph, node};
	text *name = cstring_to_text_with_len(IDENTIFIER_TEXT(graph->nodes[node].identifier),
	                                      IDENTIFIER_LEN(graph->nodes[node].identifier));

	stored_visit_links_of_anchor(store, identifier, visit_link, &visit);
	stored_visit_links_to(store, identifier, visit_link_to, &visit);
	stored_visit_refusals_of_anchor(store, identifier, NULL, visit_refusal, &visit);
	stored_visit_refusals_to(store, PointerGetDatum(name), visit_refusal_to, &visit);
	if (store_has_rows(store, &decisions_table))
	{
		stored_visit_decisions(store, identifier, true, visit_decision, &visit);
		stored_visit_decisions(store, identifier, false, visit_decision, &visit);
	}
}

/* The loop also expands the nodes that it adds, until there are no new ones. */
Graph *
graph_load(Store *store, MemoryContext context, Identifier *const *identifiers, int n)
{
	MemoryContext scratch =
	    AllocSetContextCreate(context, "cdp graph scratch", ALLOCSET_DEFAULT_SIZES);
	MemoryContext oldcontext = MemoryContextSwitchTo(scratch);
	Graph *graph = MemoryContextAllocZero(context, sizeof(Graph));

	graph->store = store;
	graph->context = context;
	graph->table = graphnodes_create(context, ARRAY_MIN, NULL);
	for (int i = 0; i < n; i++)
		(void) graph_add(graph, identifiers[i]);
	graph->n_given = graph->n_nodes;
	for (int i = 0; i < graph->n_nodes; i++)
	{
		CHECK_FOR_INTERRUPTS();
		expand(graph, i);
		MemoryContextReset(scratch);
	}
	MemoryContextSwitchTo(oldcontext);
	MemoryContextDelete(scratch);
	return graph;
}

/* Partition */

/* The root of a node's component. */
static int
root_of(Graph *graph, int node)
{
#define PARENT(i) graph->nodes[i].parent
	UNION_FIND_ROOT(node, PARENT);
#undef PARENT
	return node;
}

static void
add_end(Graph *graph, int node, int other)
{
	GraphNode *root = &graph->nodes[node];
	GraphEnd *end;

	GRAPH_GROW(graph, ends, n_ends, max_ends);
	end = &graph->ends[graph->n_ends];
	end->node = node;
	end->other = other;
	end->next = root->separations;
	if (root->separations < 0)
		root->last_separation = graph->n_ends;
	root->separations = graph->n_ends++;
	root->n_separations++;
}

static void
begin_partition(Graph *graph)
{
	for (int i = 0; i < graph->n_nodes; i++)
	{
		GraphNode *node = &graph->nodes[i];

		node->parent = node->first = node->last = i;
		node->next = node->separations = node->last_separation = -1;
		node->size = 1;
		node->anchored_at = node->row.anchored_at;
		if (node->rule->max_per_profile < 0)
			continue;
		node->limits = MemoryContextAlloc(graph->context, sizeof(LimitCount));
		node->n_limits = 1;
		node->limits->name = IDENTIFIER_TEXT(node->identifier);
		node->limits->name_len = IDENTIFIER_NAMESPACE_LEN(node->identifier);
		node->limits->max = node->rule->max_per_profile;
		node->limits->count = 1;
	}
	for (int i = 0; i < graph->n_decisions; i++)
	{
		int a = graph_find(graph, graph->decisions[i].a);
		int b = graph_find(graph, graph->decisions[i].b);

		if (!graph->decisions[i].separate || a < 0 || b < 0)
			continue;
		add_end(graph, a, b);
		add_end(graph, b, a);
	}
}

static LimitCount *
find_limit(const GraphNode *root, const LimitCount *like)
{
	for (int i = 0; i < root->n_limits; i++)
		if (root->limits[i].name_len == like->name_len &&
		    memcmp(root->limits[i].name, like->name, like->name_len) == 0)
			return &root->limits[i];
	return NULL;
}

/* Makes two components one; the root of the larger one stays. */
static void
graph_unite(Graph *graph, int a, int b)
{
	GraphNode *into = &graph->nodes[a];
	GraphNode *from = &graph->nodes[b];

	if (from->size > into->size)
	{
		GraphNode *swap = into;

		into = from;
		from = swap;
	}
	from->parent = into - graph->nodes;
	graph->nodes[into->last].next = from->first;
	into->last = from->last;
	into->size += from->size;
	into->anchored_at = Min(into->anchored_at, from->anchored_at);
	if (from->separations >= 0)
	{
		if (into->separations < 0)
			into->separations = from->separations;
		else
			graph->ends[into->last_separation].next = from->separations;
		into->last_separation = from->last_separation;
		into->n_separations += from->n_separations;
	}
	for (int i = 0; i < from->n_limits; i++)
	{
		LimitCount *limit = find_limit(into, &from->limits[i]);

		if (limit != NULL)
		{
			limit->count += from->limits[i].count;
			continue;
		}
		into->limits = into->limits == NULL
		                   ? MemoryContextAlloc(graph->context, sizeof(LimitCount))
		                   : repalloc(into->limits, sizeof(LimitCount) * (into->n_limits + 1));
		into->limits[into->n_limits++] = from->limits[i];
	}
}

/* A separation between two components; null: there is none. */
static const GraphEnd *
find_separation(Graph *graph, int a, int b)
{
	bool a_first = graph->nodes[a].n_separations <= graph->nodes[b].n_separations;
	int one = a_first ? a : b;
	int two = a_first ? b : a;

	for (int i = graph->nodes[one].separations; i >= 0; i = graph->ends[i].next)
		if (root_of(graph, graph->ends[i].other) == two)
			return &graph->ends[i];
	return NULL;
}

static const LimitCount *
find_broken_limit(const GraphNode *a, const GraphNode *b)
{
	for (int i = 0; i < a->n_limits; i++)
	{
		const LimitCount *other = find_limit(b, &a->limits[i]);

		if (other != NULL && a->limits[i].count + other->count > a->limits[i].max)
			return &a->limits[i];
	}
	return NULL;
}

static int
compare_edges(const void *x, const void *y, void *arg)
{
	const Graph *graph = (const Graph *) arg;
	const GraphEdge *a = &graph->edges[*(const int *) x];
	const GraphEdge *b = &graph->edges[*(const int *) y];
	const GraphNode *other_a = &graph->nodes[a->other];
	const GraphNode *other_b = &graph->nodes[b->other];
	int order;

	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	order = memcmp(a->event_id.data, b->event_id.data, UUID_LEN);
	if (order != 0)
		return order;
	if (other_a->rule->priority != other_b->rule->priority)
		return other_a->rule->priority < other_b->rule->priority ? -1 : 1;
	return identifier_compare(other_a->identifier, other_b->identifier);
}

/* Decides on one edge. */
static void
decide_edge(Graph *graph, GraphEdge *edge)
{
	int a = root_of(graph, edge->anchor);
	int b = root_of(graph, edge->other);
	const GraphEnd *separation;
	const LimitCount *limit;

	edge->accepted = true;
	if (a == b)
		return;
	if ((separation = find_separation(graph, a, b)) != NULL)
	{
		const Identifier *one = graph->nodes[separation->node].identifier;
		const Identifier *two = graph->nodes[separation->other].identifier;
		bool swap = identifier_compare(one, two) > 0;

		edge->reason = REFUSED_SEPARATED;
		edge->detail =
		    psprintf("%.*s and %.*s are separated", (int) IDENTIFIER_LEN(swap ? two : one),
		             IDENTIFIER_TEXT(swap ? two : one), (int) IDENTIFIER_LEN(swap ? one : two),
		             IDENTIFIER_TEXT(swap ? one : two));
	}
	else if ((limit = find_broken_limit(&graph->nodes[a], &graph->nodes[b])) != NULL)
	{
		edge->reason = REFUSED_LIMIT;
		edge->detail =
		    psprintf("a profile may have %d of %.*s", limit->max, limit->name_len, limit->name);
	}
	else if ((!graph->nodes[edge->anchor].rule->can_merge ||
	          !graph->nodes[edge->other].rule->can_merge) &&
	         graph->nodes[a].anchored_at < edge->at && graph->nodes[b].anchored_at < edge->at)
	{
		const Identifier *barred =
		    graph->nodes[graph->nodes[edge->other].rule->can_merge ? edge->anchor : edge->other]
		        .identifier;

		edge->reason = REFUSED_MERGE;
		edge->detail = psprintf("%.*s may not merge profiles",
		                        (int) IDENTIFIER_NAMESPACE_LEN(barred), IDENTIFIER_TEXT(barred));
	}
	else
	{
		graph_unite(graph, a, b);
		return;
	}
	edge->accepted = false;
}

/* Applies the decisions that link. strict: it is an error if they join what others separate. */
static void
apply_links(Graph *graph, bool strict)
{
	for (int i = 0; i < graph->n_decisions; i++)
	{
		int a = graph_find(graph, graph->decisions[i].a);
		int b = graph_find(graph, graph->decisions[i].b);

		if (graph->decisions[i].separate || a < 0 || b < 0 || graph->nodes[a].excluded ||
		    graph->nodes[b].excluded)
			continue;
		a = root_of(graph, a);
		b = root_of(graph, b);
		if (a != b)
			graph_unite(graph, a, b);
	}
	for (int i = 0; strict && i < graph->n_ends; i++)
	{
		const GraphEnd *end = &graph->ends[i];

		if (root_of(graph, end->node) == root_of(graph, end->other))
			ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			                errmsg("decisions would both link and separate two identifiers"),
			                errdetail("They are %.*s and %.*s.",
			                          (int) IDENTIFIER_LEN(graph->nodes[end->node].identifier),
			                          IDENTIFIER_TEXT(graph->nodes[end->node].identifier),
			                          (int) IDENTIFIER_LEN(graph->nodes[end->other].identifier),
			                          IDENTIFIER_TEXT(graph->nodes[end->other].identifier)),
			                errhint("Withdraw one first, with cdp.unlink or cdp.unseparate.")));
	}
}

void
graph_partition(Graph *graph, bool strict)
{
	int *order = MemoryContextAllocHuge(graph->context, sizeof(int) * Max(graph->n_edges, 1));
	MemoryContext oldcontext = MemoryContextSwitchTo(graph->context);
	int n = 0;

	begin_partition(graph);
	apply_links(graph, strict);
	for (int i = 0; i < graph->n_edges; i++)
		if (!graph->nodes[graph->edges[i].anchor].excluded &&
		    !graph->nodes[graph->edges[i].other].excluded)
			order[n++] = i;
	qsort_arg(order, n, sizeof(int), compare_edges, graph);
	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		decide_edge(graph, &graph->edges[order[i]]);
	}
	MemoryContextSwitchTo(oldcontext);
}

int64 *
identity_component_profiles(Store *store, Identifier *const *identifiers, int n_identifiers,
                            int *n_profiles)
{
	MemoryContext context =
	    AllocSetContextCreate(CurrentMemoryContext, "cdp component", ALLOCSET_DEFAULT_SIZES);
	Graph *graph = graph_load(store, context, identifiers, n_identifiers);
	int64 *ids = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int64) * (graph->n_nodes + 1));
	int n = 0;

	for (int i = 0; i < graph->n_nodes; i++)
		if (graph->nodes[i].row.profile_id != 0)
			ids[n++] = graph->nodes[i].row.profile_id;
	MemoryContextDelete(context);
	*n_profiles = ids_sort(ids, n);
	return ids;
}
