/*
 * companions.c
 *	  Co-occurring identifiers (companions): values of stronger, limited namespaces that
 *	  events show together with an identifier. An identifier with too many is generic.
 */
#include "identity/identity_internal.h"

#include "identity/pair_table_internal.h"
#include "miscadmin.h"

/* Notes a companion of a node, if neither the batch nor the stored companions have it yet. */
static void
note_companion(Batch *batch, const Event *event, int node, int companion)
{
	IdentityBatch *identity = identity_of(batch);
	bool found;
	Companion *entry;
	Datum keys[2];

	if (identity->companion_table == NULL)
		identity->companion_table = pairtable_create(batch->context, ARRAY_MIN, NULL);
	(void) pairtable_insert(identity->companion_table, PAIR_KEY(node, companion), &found);
	if (found)
		return;
	if (!batch->nodes[node].has_no_evidence && !batch->nodes[companion].has_no_evidence)
	{
		/* a pair whose evidence is stored, is stored as a companion too */
		if (event->n_refs > 1 && batch->refs[event->first_ref] == companion)
		{
			PairEntry *pair =
			    identity->pair_table == NULL
			        ? NULL
			        : pairtable_lookup(identity->pair_table, PAIR_KEY(companion, node));

			if (pair != NULL && identity->pairs[pair->index].stored != PAIR_NEW)
				return;
		}
		keys[0] = PointerGetDatum(batch->nodes[node].identifier);
		keys[1] = PointerGetDatum(batch->nodes[companion].identifier);
		if (store_find_key(batch->store, &companions_table, 2, keys) != NULL)
			return;
	}
	ARRAY_GROW(batch->context, identity->companions, identity->n_companions,
	           identity->max_companions);
	entry = &identity->companions[identity->n_companions++];
	entry->node = node;
	entry->companion = companion;
}

static bool
is_companion(const IdNode *node, const IdNode *companion)
{
	return node->rule->generic_after >= 0 && companion->rule->max_per_profile >= 0 &&
	       namespaces_is_stronger(companion->rule, IDENTIFIER_TEXT(companion->identifier),
	                              IDENTIFIER_NAMESPACE_LEN(companion->identifier), node->rule,
	                              IDENTIFIER_TEXT(node->identifier),
	                              IDENTIFIER_NAMESPACE_LEN(node->identifier));
}

static bool
same_namespace(const IdNode *a, const IdNode *b)
{
	int len = IDENTIFIER_NAMESPACE_LEN(a->identifier);

	return len == IDENTIFIER_NAMESPACE_LEN(b->identifier) &&
	       memcmp(IDENTIFIER_TEXT(a->identifier), IDENTIFIER_TEXT(b->identifier), len) == 0;
}

/*
 * Notes the companions that an event shows; limited: room for its nodes. Of one namespace
 * it takes at most as many as the largest generic_after: these alone already make the
 * event's weaker identifiers generic.
 */
static void
note_event_companions(Batch *batch, const Event *event, int *limited)
{
	const int *named = &batch->refs[event->first_ref];
	int most = namespaces_of(batch->ws)->max_generic_after;
	int n = 0;
	int n_of_namespace = 0;

	for (int i = 0; i < event->n_named; i++)
	{
		if (batch->nodes[named[i]].rule->max_per_profile < 0)
			continue;
		n_of_namespace =
		    n > 0 && same_namespace(&batch->nodes[limited[n - 1]], &batch->nodes[named[i]])
		        ? n_of_namespace + 1
		        : 1;
		if (n_of_namespace <= most)
			limited[n++] = named[i];
	}
	for (int i = 0; i < event->n_named && n > 0; i++)
	{
		IdNode *node = &batch->nodes[named[i]];

		CHECK_FOR_INTERRUPTS();
		if (node->rule->generic_after < 0 || (node->row.generic && !node->has_no_evidence))
			continue;
		for (int j = 0; j < n; j++)
			if (is_companion(node, &batch->nodes[limited[j]]))
				note_companion(batch, event, named[i], limited[j]);
	}
}

static int
compare_companions(const void *a, const void *b, void *arg)
{
	Batch *batch = (Batch *) arg;
	const Companion *x = (const Companion *) a;
	const Companion *y = (const Companion *) b;

	if (x->node != y->node)
		return x->node - y->node;
	return identifier_compare(batch->nodes[x->companion].identifier,
	                          batch->nodes[y->companion].identifier);
}

typedef struct NamespaceCount
{
	Store *store;
	const Identifier *like; /* identifiers of its namespace are counted */
	int n;
} NamespaceCount;

static bool
count_companion_of_namespace(TupleTableSlot *slot, void *context)
{
	NamespaceCount *count = (NamespaceCount *) context;
	bool isnull;
	Identifier *companion = DatumGetIdentifierPP(
	    store_value(count->store, &companions_table, slot, COMPANION_COMPANION, &isnull));
	int len = IDENTIFIER_NAMESPACE_LEN(count->like);

	if (IDENTIFIER_NAMESPACE_LEN(companion) == len &&
	    memcmp(IDENTIFIER_TEXT(companion), IDENTIFIER_TEXT(count->like), len) == 0)
		count->n++;
	return true;
}

/*
 * Marks the nodes that have too many companions. A node of which nothing is stored is
 * generic at once; returns whether there is one. Other nodes become generic by a replay of
 * their component (becomes_generic).
 */
bool
companions_mark_generic(Batch *batch)
{
	IdentityBatch *identity = identity_of(batch);
	bool any_generic = false;
	int kept = 0;
	int start = 0;

	if (identity->n_companions > 1)
		qsort_arg(identity->companions, identity->n_companions, sizeof(Companion),
		          compare_companions, batch);
	while (start < identity->n_companions)
	{
		IdNode *node = &batch->nodes[identity->companions[start].node];
		IdNode *companion = &batch->nodes[identity->companions[start].companion];
		NamespaceCount stored = {batch->store, companion->identifier, 0};
		int end = start + 1;

		CHECK_FOR_INTERRUPTS();
		while (end < identity->n_companions &&
		       identity->companions[end].node == identity->companions[start].node &&
		       same_namespace(&batch->nodes[identity->companions[end].companion], companion))
			end++;
		if (!node->has_no_evidence)
			stored_visit_companions(batch->store, PointerGetDatum(node->identifier),
			                        count_companion_of_namespace, &stored);
		if (stored.n + end - start >= node->rule->generic_after)
		{
			any_generic = any_generic || (node->has_no_evidence && !node->row.generic);
			node->row.generic = node->row.generic || node->has_no_evidence;
			node->becomes_generic = !node->has_no_evidence;
		}
		/* of a generic node it is enough to store as many companions as make it generic */
		for (int i = start; i < end && i < start + node->rule->generic_after; i++)
			identity->companions[kept++] = identity->companions[i];
		start = end;
	}
	identity->n_companions = kept;
	return any_generic;
}

/* Collects the companions that the batch's events show and that are not stored yet. */
void
companions_collect(Batch *batch)
{
	IdentityBatch *identity = identity_of(batch);
	int most_named = 0;
	int *limited;

	identity->n_companions = 0;
	identity->companion_table = NULL;
	if (namespaces_of(batch->ws)->max_generic_after < 0)
		return;
	for (int e = 0; e < batch->n_events; e++)
		most_named = Max(most_named, batch->events[e].n_named);
	if (most_named < 2)
		return;
	limited = MemoryContextAllocHuge(batch->context, sizeof(int) * most_named);
	for (int e = 0; e < batch->n_events; e++)
		if (batch->events[e].n_named > 1)
			note_event_companions(batch, &batch->events[e], limited);
}
