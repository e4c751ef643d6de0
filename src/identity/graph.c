/*
 * graph.c
 *	  A component of the identity graph, and its partition into profiles: what
 *	  taking all its evidence in the order of (effective time, event id) gives.
 *
 * Decisions that link come first and are stronger than limits. A pair of which
 * the union would put two separated identifiers together, break a limit, or
 * merge profiles where a namespace may not, is refused.
 */
#include "identity/graph.h"

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

typedef struct GraphPairEntry
{
	uint64 pair; /* anchor << 32 | other */
	int edge;
	char status;
} GraphPairEntry;

#define SH_PREFIX graphpairs
#define SH_ELEMENT_TYPE GraphPairEntry
#define SH_KEY_TYPE uint64
#define SH_KEY pair
#define SH_HASH_KEY(tb, key)                                                                       \
	hash_combine(murmurhash32((uint32) ((key) >> 32)), murmurhash32((uint32) (key)))
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* Makes room for one more element of a graph's array. */
#define GRAPH_GROW(graph, array, n, max)                                                           \
	do                                                                                             \
	{                                                                                              \
		if ((graph)->n == (graph)->max)                                                            \
		{                                                                                          \
			int new_max_ = Max(GROW_MIN, (graph)->max * 2);                                        \
			Size size_ = sizeof(*(graph)->array) * (Size) new_max_;                                \
			(graph)->array = (graph)->array == NULL                                                \
			                     ? MemoryContextAllocHuge((graph)->context, size_)                 \
			                     : repalloc_huge((graph)->array, size_);                           \
			(graph)->max = new_max_;                                                               \
		}                                                                                          \
	} while (0)

/* Loading */

int
graph_find(const Graph *graph, const Identifier *identifier)
{
	GraphNodeEntry *entry = graphnodes_lookup(graph->table, identifier);

	return entry == NULL ? -1 : entry->node;
}

/* Whether a value is blocked, or its namespace's pattern does not let it pass. */
static bool
is_none(const Workspace *ws, const GraphNode *node)
{
	const char *text = IDENTIFIER_TEXT(node->identifier);
	int namespace_len = IDENTIFIER_NAMESPACE_LEN(node->identifier);
	int len = IDENTIFIER_LEN(node->identifier);

	return workspace_blocks(ws, text, namespace_len, len) ||
	       !workspace_pattern_allows(node->rule, text + namespace_len + 1, len - namespace_len - 1);
}

/* The node of an identifier, made where there is none yet: with a copy, and what is stored of it. */
static int
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
	node->hash = entry->hash;
	node->rule =
	    workspace_rule(graph->store->ws, IDENTIFIER_TEXT(copy), IDENTIFIER_NAMESPACE_LEN(copy));
	node->row.anchored_at = DT_NOEND;
	node->row.first_seen = DT_NOEND;
	(void) store_find_identifier(graph->store, PointerGetDatum(copy), &node->row);
	node->removed = node->row.generic;
	if (TIMESTAMP_IS_NOEND(node->row.first_seen)) /* only decisions name it */
		node->removed = is_none(graph->store->ws, node);
	return graph->n_nodes++;
}

static GraphEdge *
add_edge(Graph *graph, int anchor, int other, TimestampTz at, const pg_uuid_t *event_id)
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

static Identifier *
slot_identifier(Graph *graph, WorkspaceTable table, TupleTableSlot *slot, int column)
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
	int other = graph_add(graph, slot_identifier(graph, TABLE_LINKS, slot, LINK_IDENTIFIER));
	GraphEdge *edge = add_edge(
	    graph, visit->node, other,
	    DatumGetTimestampTz(
	        store_value(graph->store, TABLE_LINKS, slot, LINK_OCCURRED_AT, &isnull)),
	    DatumGetUUIDP(store_value(graph->store, TABLE_LINKS, slot, LINK_EVENT_ID, &isnull)));

	edge->stored = PAIR_LINKED;
	return true;
}

static bool
visit_link_to(TupleTableSlot *slot, void *context)
{
	VisitNode *visit = (VisitNode *) context;

	(void) graph_add(visit->graph, slot_identifier(visit->graph, TABLE_LINKS, slot, LINK_ANCHOR));
	return true;
}

/* An identifier from its text form, which is canonical. */
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

/* The reason of a refusal; -1: one that is not of pairs, but of the identifier itself. */
static int
pair_reason(Graph *graph, TupleTableSlot *slot)
{
	bool isnull;
	char *reason = TextDatumGetCString(
	    store_value(graph->store, TABLE_REFUSALS, slot, REFUSAL_REASON, &isnull));

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
	refused = DatumGetTextPP(store_value(store, TABLE_REFUSALS, slot, REFUSAL_IDENTIFIER, &isnull));
	other = graph_add(graph, identifier_of_text(refused));
	edge = add_edge(
	    graph, visit->node, other,
	    DatumGetTimestampTz(store_value(store, TABLE_REFUSALS, slot, REFUSAL_OCCURRED_AT, &isnull)),
	    DatumGetUUIDP(store_value(store, TABLE_REFUSALS, slot, REFUSAL_EVENT_ID, &isnull)));
	edge->stored = PAIR_REFUSED;
	edge->stored_reason = reason;
	return true;
}

static bool
visit_refusal_to(TupleTableSlot *slot, void *context)
{
	VisitNode *visit = (VisitNode *) context;

	if (pair_reason(visit->graph, slot) >= 0)
		(void) graph_add(visit->graph,
		                 slot_identifier(visit->graph, TABLE_REFUSALS, slot, REFUSAL_ANCHOR));
	return true;
}

/* A decision is noted from its smaller end; one that links leads on to the other. */
static bool
visit_decision(TupleTableSlot *slot, void *context)
{
	VisitNode *visit = (VisitNode *) context;
	Graph *graph = visit->graph;
	bool isnull;
	Identifier *a = slot_identifier(graph, TABLE_DECISIONS, slot, DECISION_A);
	Identifier *b = slot_identifier(graph, TABLE_DECISIONS, slot, DECISION_B);
	char *kind = TextDatumGetCString(
	    store_value(graph->store, TABLE_DECISIONS, slot, DECISION_KIND, &isnull));
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

/* Notes all evidence and decisions with a node, and adds the nodes that they lead to. */
static void
expand(Graph *graph, int node)
{
	Store *store = graph->store;
	Datum identifier = PointerGetDatum(graph->nodes[node].identifier);
	VisitNode visit = {graph, node};
	text *name = cstring_to_text_with_len(IDENTIFIER_TEXT(graph->nodes[node].identifier),
	                                      IDENTIFIER_LEN(graph->nodes[node].identifier));

	store_scan_links_of_anchor(store, identifier, visit_link, &visit);
	store_scan_links_to(store, identifier, visit_link_to, &visit);
	store_scan_refusals_of_anchor(store, identifier, NULL, visit_refusal, &visit);
	store_scan_refusals_to(store, PointerGetDatum(name), visit_refusal_to, &visit);
	if (store_has_decisions(store))
	{
		store_scan_decisions(store, identifier, true, visit_decision, &visit);
		store_scan_decisions(store, identifier, false, visit_decision, &visit);
	}
}

/*
 * The component, or components, of the seeds: all that evidence, accepted or
 * refused, and decisions that link connect with them.
 */
Graph *
graph_load(Store *store, MemoryContext context, Identifier *const *seeds, int n_seeds)
{
	MemoryContext scratch =
	    AllocSetContextCreate(context, "cdp graph scratch", ALLOCSET_DEFAULT_SIZES);
	MemoryContext oldcontext = MemoryContextSwitchTo(scratch);
	Graph *graph = MemoryContextAllocZero(context, sizeof(Graph));

	graph->store = store;
	graph->context = context;
	graph->table = graphnodes_create(context, GROW_MIN, NULL);
	for (int i = 0; i < n_seeds; i++)
		(void) graph_add(graph, seeds[i]);
	graph->n_seeds = graph->n_nodes;
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

/* Generic identifiers */

typedef struct CompanionCount
{
	char name[NORMALISE_MAX_NAMESPACE + 1];
	int name_len;
	int n;
} CompanionCount;

typedef struct CountCompanions
{
	Graph *graph;
	CompanionCount *counts;
	int n;
	int most;
} CountCompanions;

static bool
count_companion(TupleTableSlot *slot, void *context)
{
	CountCompanions *count = (CountCompanions *) context;
	Identifier *companion =
	    slot_identifier(count->graph, TABLE_COMPANIONS, slot, COMPANION_COMPANION);
	int len = IDENTIFIER_NAMESPACE_LEN(companion);
	CompanionCount *last = count->n == 0 ? NULL : &count->counts[count->n - 1];

	/* they come sorted, those of one namespace together */
	if (last == NULL || last->name_len != len ||
	    memcmp(last->name, IDENTIFIER_TEXT(companion), len) != 0)
	{
		count->counts = count->n == 0
		                    ? palloc(sizeof(CompanionCount))
		                    : repalloc(count->counts, sizeof(CompanionCount) * (count->n + 1));
		last = &count->counts[count->n++];
		memcpy(last->name, IDENTIFIER_TEXT(companion), len);
		last->name_len = len;
		last->n = 0;
	}
	last->n++;
	count->most = Max(count->most, last->n);
	return true;
}

/* An edge by its nodes, made where there is none yet; the earlier event stays. */
static void
note_edge(Graph *graph, int anchor, int other, const Event *event)
{
	bool found;
	GraphPairEntry *entry =
	    graphpairs_insert(graph->pairs, (uint64) anchor << 32 | (uint32) other, &found);
	GraphEdge *edge;

	if (!found)
	{
		entry->edge = graph->n_edges;
		edge = add_edge(graph, anchor, other, event->at, &event->id);
		edge->stored = PAIR_NEW;
		return;
	}
	edge = &graph->edges[entry->edge];
	if (event->at < edge->at ||
	    (event->at == edge->at && memcmp(event->id.data, edge->event_id.data, UUID_LEN) < 0))
	{
		edge->at = event->at;
		edge->event_id = event->id;
		edge->moved = true;
	}
}

/* Where the events of an anchor are. */
typedef struct EventPlaces
{
	ItemPointerData *tids;
	int64 n;
	int64 max;
} EventPlaces;

static bool
note_place(TupleTableSlot *slot, void *context)
{
	EventPlaces *places = (EventPlaces *) context;

	if (places->n == places->max)
	{
		places->max = Max(GROW_MIN, places->max * 2);
		places->tids = places->tids == NULL
		                   ? palloc(sizeof(ItemPointerData) * places->max)
		                   : repalloc_huge(places->tids, sizeof(ItemPointerData) * places->max);
	}
	places->tids[places->n++] = slot->tts_tid;
	return true;
}

/* Takes the evidence of the batch's events anew, whose anchors are others now. */
static void
rederive_batch(Graph *graph, Batch *batch)
{
	resolve_find(batch);
	for (int i = 0; i < batch->n_nodes; i++)
	{
		int node = graph_find(graph, batch->nodes[i].identifier);

		if (node >= 0 && graph->nodes[node].removed)
			batch->nodes[i].row.generic = true;
	}
	evidence_drop_generic(batch);
	for (int e = 0; e < batch->n_events; e++)
	{
		Event *event = &batch->events[e];
		const int *refs = &batch->refs[event->first_ref];
		int anchor;

		CHECK_FOR_INTERRUPTS();
		if (event->n_refs == 0)
			continue;
		anchor = graph_add(graph, batch->nodes[refs[0]].identifier);
		graph->nodes[anchor].rederived = true;
		graph->nodes[anchor].row.anchored_at = Min(graph->nodes[anchor].row.anchored_at, event->at);
		for (int i = 1; i < event->n_refs; i++)
			note_edge(graph, anchor, graph_add(graph, batch->nodes[refs[i]].identifier), event);
	}
	ingest_correct_anchors(batch);
	emit_evidence(batch);
	batch_reset(batch);
	store_refresh(graph->store);
}

/* Events that are taken anew at a time. */
#define REDERIVE_EVENTS 10000

/*
 * The events that a removed node anchored have others for their anchors, or
 * none: their evidence and their refusals are other ones.
 */
static void
rederive_events(Graph *graph, int node)
{
	Store *store = graph->store;
	Relation rel = store_table(store, TABLE_EVENTS)->rel;
	Datum anchor = PointerGetDatum(graph->nodes[node].identifier);
	Batch *batch = batch_create(store, CurrentMemoryContext, "generic");
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	EventPlaces places = {0};

	store_scan_anchored(store, anchor, note_place, &places);
	store_delete_refusals_of_anchor(store, anchor);
	for (int64 i = 0; i < places.n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!table_tuple_fetch_row_version(rel, &places.tids[i], store->snapshot, slot))
			elog(ERROR, "event that is there cannot be found");
		(void) normalise_event_row(batch, slot);
		ExecClearTuple(slot);
		if (batch->n_events >= REDERIVE_EVENTS || batch_is_full(batch))
			rederive_batch(graph, batch);
	}
	if (batch->n_events > 0)
		rederive_batch(graph, batch);
	ExecDropSingleTupleTableSlot(slot);
}

typedef struct VisitNobodys
{
	Graph *graph;
	Batch *batch;
	int node;
} VisitNobodys;

static bool
visit_nobodys(TupleTableSlot *slot, void *context)
{
	VisitNobodys *visit = (VisitNobodys *) context;
	const Identifier *identifier = visit->graph->nodes[visit->node].identifier;
	Event *event;

	batch_reset(visit->batch);
	event = normalise_event_row(visit->batch, slot);
	if (batch_find_node(visit->batch, IDENTIFIER_TEXT(identifier), IDENTIFIER_LEN(identifier)) >= 0)
		emit_refusal(visit->graph->store, IDENTIFIER_TEXT(identifier), IDENTIFIER_LEN(identifier),
		             NULL, REFUSED_GENERIC, NULL, event);
	return true;
}

/*
 * A removed node that cannot anchor has been seen in events that are nobody's,
 * too, which no evidence leads to.
 */
static void
refuse_in_nobodys(Graph *graph, int node)
{
	VisitNobodys visit = {graph, batch_create(graph->store, CurrentMemoryContext, "generic"), node};

	if (!graph->nodes[node].rule->can_anchor)
		store_scan_nobodys(graph->store, visit_nobodys, &visit);
}

/* The edges that lead to a removed node are refusals of it now. */
static void
refuse_edges(Graph *graph, int node)
{
	const Identifier *identifier = graph->nodes[node].identifier;

	for (int i = 0; i < graph->n_edges; i++)
	{
		GraphEdge *edge = &graph->edges[i];
		Event event = {.at = edge->at, .id = edge->event_id};

		CHECK_FOR_INTERRUPTS();
		if (edge->other == node && !graph->nodes[edge->anchor].removed)
			emit_refusal(graph->store, IDENTIFIER_TEXT(identifier), IDENTIFIER_LEN(identifier),
			             graph->nodes[edge->anchor].identifier, REFUSED_GENERIC, NULL, &event);
	}
}

/*
 * Finds the nodes that are seen with too many others; returns whether there
 * are such. Who has just crossed the limit is a seed.
 */
static bool
mark_generic(Graph *graph)
{
	bool any = false;
	MemoryContext context =
	    AllocSetContextCreate(graph->context, "cdp companions", ALLOCSET_SMALL_SIZES);
	MemoryContext oldcontext = MemoryContextSwitchTo(context);

	for (int i = 0; i < graph->n_seeds; i++)
	{
		GraphNode *node = &graph->nodes[i];
		CountCompanions count = {graph};

		CHECK_FOR_INTERRUPTS();
		if (node->rule->generic_after < 0 || node->removed)
			continue;
		store_scan_companions(graph->store, PointerGetDatum(node->identifier), count_companion,
		                      &count);
		node->removed = node->turned = count.most >= node->rule->generic_after;
		any = any || node->turned;
		MemoryContextReset(context);
	}
	MemoryContextSwitchTo(oldcontext);
	MemoryContextDelete(context);
	return any;
}

/* Takes the nodes out that are seen with too many others. */
void
graph_remove_generic(Graph *graph)
{
	MemoryContext context;
	MemoryContext oldcontext;
	int n = graph->n_nodes;

	if (!mark_generic(graph))
		return;
	context = AllocSetContextCreate(graph->context, "cdp generic", ALLOCSET_DEFAULT_SIZES);
	oldcontext = MemoryContextSwitchTo(context);
	graph->pairs = graphpairs_create(graph->context, Max(graph->n_edges, GROW_MIN), NULL);
	for (int i = 0; i < graph->n_edges; i++)
	{
		bool found;
		uint64 pair = (uint64) graph->edges[i].anchor << 32 | (uint32) graph->edges[i].other;

		graphpairs_insert(graph->pairs, pair, &found)->edge = i;
	}
	for (int i = 0; i < n; i++)
		if (graph->nodes[i].turned)
		{
			refuse_edges(graph, i);
			refuse_in_nobodys(graph, i);
			MemoryContextReset(context);
		}
	for (int i = 0; i < n; i++)
		if (graph->nodes[i].turned)
		{
			rederive_events(graph, i);
			MemoryContextReset(context);
		}
	MemoryContextSwitchTo(oldcontext);
	MemoryContextDelete(context);
}

/* Partition */

int
graph_root(Graph *graph, int node)
{
	GraphNode *nodes = graph->nodes;

	while (nodes[node].parent != node)
	{
		nodes[node].parent = nodes[nodes[node].parent].parent;
		node = nodes[node].parent;
	}
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

/* Makes two components one; the larger one's root stays. */
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
		if (graph_root(graph, graph->ends[i].other) == two)
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
	const GraphNode *of_a = &graph->nodes[a->other];
	const GraphNode *of_b = &graph->nodes[b->other];
	int order;

	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	order = memcmp(a->event_id.data, b->event_id.data, UUID_LEN);
	if (order != 0)
		return order;
	if (of_a->rule->priority != of_b->rule->priority)
		return of_a->rule->priority < of_b->rule->priority ? -1 : 1;
	return identifier_compare(of_a->identifier, of_b->identifier);
}

/* Decides on one edge. */
static void
decide_edge(Graph *graph, GraphEdge *edge)
{
	int a = graph_root(graph, edge->anchor);
	int b = graph_root(graph, edge->other);
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
		const Identifier *of =
		    graph->nodes[graph->nodes[edge->other].rule->can_merge ? edge->anchor : edge->other]
		        .identifier;

		edge->reason = REFUSED_MERGE;
		edge->detail = psprintf("%.*s may not merge profiles", (int) IDENTIFIER_NAMESPACE_LEN(of),
		                        IDENTIFIER_TEXT(of));
	}
	else
	{
		graph_unite(graph, a, b);
		return;
	}
	edge->accepted = false;
}

/* Applies the decisions that link; strict: an error where they join what is separated. */
static void
take_decisions(Graph *graph, bool strict)
{
	for (int i = 0; i < graph->n_decisions; i++)
	{
		int a = graph_find(graph, graph->decisions[i].a);
		int b = graph_find(graph, graph->decisions[i].b);

		if (graph->decisions[i].separate || a < 0 || b < 0 || graph->nodes[a].removed ||
		    graph->nodes[b].removed)
			continue;
		a = graph_root(graph, a);
		b = graph_root(graph, b);
		if (a != b)
			graph_unite(graph, a, b);
	}
	for (int i = 0; strict && i < graph->n_ends; i++)
	{
		const GraphEnd *end = &graph->ends[i];

		if (graph_root(graph, end->node) == graph_root(graph, end->other))
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

/* Decides on every edge; the nodes of a root, from first on, are one person then. */
void
graph_partition(Graph *graph, bool strict)
{
	int *order = MemoryContextAllocHuge(graph->context, sizeof(int) * Max(graph->n_edges, 1));
	MemoryContext oldcontext = MemoryContextSwitchTo(graph->context);
	int n = 0;

	begin_partition(graph);
	take_decisions(graph, strict);
	for (int i = 0; i < graph->n_edges; i++)
		if (!graph->nodes[graph->edges[i].anchor].removed &&
		    !graph->nodes[graph->edges[i].other].removed)
			order[n++] = i;
	qsort_arg(order, n, sizeof(int), compare_edges, graph);
	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		decide_edge(graph, &graph->edges[order[i]]);
	}
	MemoryContextSwitchTo(oldcontext);
}
