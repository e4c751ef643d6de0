/*
 * generic.c
 *	  Identifiers of a component that have become generic: they are excluded, and the
 *	  events that they anchored get other anchors.
 */
#include "events/events.h"
#include "identity/graph.h"
#include "identity/identity_internal.h"
#include "identity/pair_table_internal.h"

#include "miscadmin.h"
#include "utils/memutils.h"

/* Most events whose evidence is derived again at a time. */
#define REDERIVE_EVENTS 10000

typedef struct CompanionCount
{
	char name[NORMALISE_MAX_NAMESPACE + 1];
	int name_len;
	int n;
} CompanionCount;

typedef struct NamespaceCounts
{
	Graph *graph;
	CompanionCount *counts;
	int n;
	int most;
} NamespaceCounts;

static bool
count_companion_by_namespace(TupleTableSlot *slot, void *context)
{
	NamespaceCounts *count = (NamespaceCounts *) context;
	Identifier *companion =
	    graph_slot_identifier(count->graph, &companions_table, slot, COMPANION_COMPANION);
	int len = IDENTIFIER_NAMESPACE_LEN(companion);
	CompanionCount *last = count->n == 0 ? NULL : &count->counts[count->n - 1];

	/* the rows are sorted: those of one namespace follow each other */
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

/*
 * Notes an event as evidence of an edge, which is made if there is none; the earlier event
 * stays.
 */
static void
note_edge(Graph *graph, int anchor, int other, const Event *event)
{
	bool found;
	PairEntry *entry = pairtable_insert(graph->pairs, PAIR_KEY(anchor, other), &found);
	GraphEdge *edge;

	if (!found)
	{
		entry->index = graph->n_edges;
		edge = graph_add_edge(graph, anchor, other, event->at, &event->id);
		edge->stored = PAIR_NEW;
		return;
	}
	edge = &graph->edges[entry->index];
	if (event->at < edge->at ||
	    (event->at == edge->at && memcmp(event->id.data, edge->event_id.data, UUID_LEN) < 0))
	{
		edge->at = event->at;
		edge->event_id = event->id;
		edge->moved = true;
	}
}

/* The places of an anchor's events. */
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

	ARRAY_GROW(CurrentMemoryContext, places->tids, places->n, places->max);
	places->tids[places->n++] = slot->tts_tid;
	return true;
}

/* Derives the evidence of the batch's events again, by their new anchors. */
static void
rederive_batch(Graph *graph, Batch *batch)
{
	identity_read(batch);
	for (int i = 0; i < batch->n_nodes; i++)
	{
		int node = graph_find(graph, batch->nodes[i].identifier);

		if (node >= 0 && graph->nodes[node].excluded)
			batch->nodes[i].row.generic = true;
	}
	stored_drop_generic(batch);
	for (int e = 0; e < batch->n_events; e++)
	{
		Event *event = &batch->events[e];
		const int *refs = &batch->refs[event->first_ref];
		int anchor;

		CHECK_FOR_INTERRUPTS();
		if (event->n_refs == 0)
			continue;
		anchor = graph_add(graph, batch->nodes[refs[0]].identifier);
		graph->nodes[anchor].gained_events = true;
		graph->nodes[anchor].row.anchored_at = Min(graph->nodes[anchor].row.anchored_at, event->at);
		for (int i = 1; i < event->n_refs; i++)
			note_edge(graph, anchor, graph_add(graph, batch->nodes[refs[i]].identifier), event);
	}
	anchors_correct(batch);
	write_batch_evidence(batch);
	batch_reset(batch);
	store_refresh(graph->store);
}

/*
 * The events of a node that became generic get another anchor, or none. So their evidence
 * and their refusals are derived again.
 */
static void
rederive_events(Graph *graph, int node)
{
	Store *store = graph->store;
	Datum anchor = PointerGetDatum(graph->nodes[node].identifier);
	Batch *batch = batch_create(store, CurrentMemoryContext, CAUSE_EVENT);
	EventPlaces places = {0};

	events_visit_anchored(store, anchor, note_place, &places);
	stored_delete_refusals_of_anchor(store, anchor);
	for (int64 i = 0; i < places.n; i++)
	{
		TupleTableSlot *slot = store_fetch(store, &events_table, &places.tids[i]);

		CHECK_FOR_INTERRUPTS();
		if (slot == NULL)
			elog(ERROR, "event that is there cannot be found");
		(void) events_read_stored(batch, slot);
		if (batch->n_events >= REDERIVE_EVENTS || batch_is_full(batch))
			rederive_batch(graph, batch);
	}
	if (batch->n_events > 0)
		rederive_batch(graph, batch);
}

typedef struct VisitAnonymous
{
	Graph *graph;
	Batch *batch;
	int node;
} VisitAnonymous;

static bool
visit_anonymous(TupleTableSlot *slot, void *context)
{
	VisitAnonymous *visit = (VisitAnonymous *) context;
	const Identifier *identifier = visit->graph->nodes[visit->node].identifier;
	Event *event;

	batch_reset(visit->batch);
	event = events_read_stored(visit->batch, slot);
	if (batch_find_node(visit->batch, IDENTIFIER_TEXT(identifier), IDENTIFIER_LEN(identifier)) >= 0)
		write_refusal(visit->graph->store, IDENTIFIER_TEXT(identifier), IDENTIFIER_LEN(identifier),
		              NULL, REFUSED_GENERIC, NULL, event->at, &event->id);
	return true;
}

/*
 * A node that cannot anchor may also be in anonymous events. No evidence leads to them, so
 * all anonymous events are read, and the node is refused in those that name it.
 */
static void
refuse_in_anonymous(Graph *graph, int node)
{
	VisitAnonymous visit = {graph, batch_create(graph->store, CurrentMemoryContext, CAUSE_EVENT),
	                        node};

	if (!graph->nodes[node].rule->can_anchor)
		events_visit_anonymous(graph->store, visit_anonymous, &visit);
}

/* Writes refusals for the edges that lead to a node that became generic. */
static void
refuse_edges(Graph *graph, int node)
{
	const Identifier *identifier = graph->nodes[node].identifier;

	for (int i = 0; i < graph->n_edges; i++)
	{
		GraphEdge *edge = &graph->edges[i];

		CHECK_FOR_INTERRUPTS();
		if (edge->other == node && !graph->nodes[edge->anchor].excluded)
			write_refusal(graph->store, IDENTIFIER_TEXT(identifier), IDENTIFIER_LEN(identifier),
			              graph->nodes[edge->anchor].identifier, REFUSED_GENERIC, NULL, edge->at,
			              &edge->event_id);
	}
}

/*
 * Marks the nodes that have too many companions; returns whether there is one. Only the
 * identifiers that the graph was loaded for can have just crossed the limit.
 */
static bool
mark_generic(Graph *graph)
{
	bool any = false;
	MemoryContext context =
	    AllocSetContextCreate(graph->context, "cdp companions", ALLOCSET_SMALL_SIZES);
	MemoryContext oldcontext = MemoryContextSwitchTo(context);

	for (int i = 0; i < graph->n_given; i++)
	{
		GraphNode *node = &graph->nodes[i];
		NamespaceCounts count = {graph};

		CHECK_FOR_INTERRUPTS();
		if (node->rule->generic_after < 0 || node->excluded)
			continue;
		stored_visit_companions(graph->store, PointerGetDatum(node->identifier),
		                        count_companion_by_namespace, &count);
		node->excluded = node->became_generic = count.most >= node->rule->generic_after;
		any = any || node->became_generic;
		MemoryContextReset(context);
	}
	MemoryContextSwitchTo(oldcontext);
	MemoryContextDelete(context);
	return any;
}

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
	graph->pairs = pairtable_create(graph->context, Max(graph->n_edges, ARRAY_MIN), NULL);
	for (int i = 0; i < graph->n_edges; i++)
	{
		bool found;
		uint64 pair = PAIR_KEY(graph->edges[i].anchor, graph->edges[i].other);

		pairtable_insert(graph->pairs, pair, &found)->index = i;
	}
	for (int i = 0; i < n; i++)
		if (graph->nodes[i].became_generic)
		{
			refuse_edges(graph, i);
			refuse_in_anonymous(graph, i);
			MemoryContextReset(context);
		}
	for (int i = 0; i < n; i++)
		if (graph->nodes[i].became_generic)
		{
			rederive_events(graph, i);
			MemoryContextReset(context);
		}
	MemoryContextSwitchTo(oldcontext);
	MemoryContextDelete(context);
}
