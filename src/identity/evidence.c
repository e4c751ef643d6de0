/*
 * evidence.c
 *	  Stage two, first half: what the batch's events say of who is who.
 *
 * The partition is what taking all evidence in the order of (effective time,
 * event id) gives. Evidence that nothing stands against can be taken in any
 * order, so the batch's is simply added to what is stored. Where the order
 * matters - a limit would break, or has been broken before - there are three
 * cases:
 *   - the evidence is later than all that is stored of both sides: what is
 *     stored stays as it is, and the decision of now is that of a replay;
 *   - it only adds an identifier that no other evidence names and that no limit
 *     counts (a leaf): no other decision depends on when it was added;
 *   - else the component is a suspect. Its new evidence is stored as refused,
 *     and when all events of the statement are folded, it is replayed.
 *
 * Order within an event: the anchor with each of the others, by namespace, then
 * by the identifier's bytes.
 */
#include "batch/batch.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "batch/tables.h"

const char *const refusal_reasons[N_REFUSAL_REASONS] = {
    [REFUSED_INVALID] = "invalid", [REFUSED_BLOCKED] = "blocked",     [REFUSED_GENERIC] = "generic",
    [REFUSED_LIMIT] = "limit",     [REFUSED_SEPARATED] = "separated", [REFUSED_MERGE] = "merge",
};

/* What is stored of an identifier */

/* A visit that only wants to know whether there is a row. */
static bool
note_row(TupleTableSlot *slot, void *context)
{
	*(bool *) context = true;
	return false;
}

typedef struct FindKind
{
	Store *store;
	const char *kind;
	bool found;
} FindKind;

static bool
note_decision(TupleTableSlot *slot, void *context)
{
	FindKind *find = (FindKind *) context;
	bool isnull;
	Datum kind = store_value(find->store, TABLE_DECISIONS, slot, DECISION_KIND, &isnull);

	find->found = find->kind == NULL || strcmp(TextDatumGetCString(kind), find->kind) == 0;
	return !find->found;
}

/* Whether there is a decision of a kind (null: of any) with an identifier. */
bool
evidence_has_decision(Store *store, Datum identifier, const char *kind)
{
	FindKind find = {store, kind, false};

	if (!store_has_decisions(store))
		return false;
	store_scan_decisions(store, identifier, true, note_decision, &find);
	if (!find.found)
		store_scan_decisions(store, identifier, false, note_decision, &find);
	return find.found;
}

static bool
note_pair_refusal(TupleTableSlot *slot, void *context)
{
	FindKind *find = (FindKind *) context;
	bool isnull;
	char *reason = TextDatumGetCString(
	    store_value(find->store, TABLE_REFUSALS, slot, REFUSAL_REASON, &isnull));

	for (int i = REFUSED_LIMIT; i < N_REFUSAL_REASONS; i++)
		find->found = find->found || strcmp(reason, refusal_reasons[i]) == 0;
	return !find->found;
}

/*
 * Whether evidence of pairs, or a decision that links, is stored with an
 * identifier. Each has a profile on one side at least.
 */
bool
evidence_is_stored(Store *store, Datum identifier)
{
	FindKind find = {store, NULL, false};
	bool linked = false;
	Identifier *id = DatumGetIdentifierPP(identifier);

	store_scan_refusals_to(
	    store, PointerGetDatum(cstring_to_text_with_len(IDENTIFIER_TEXT(id), IDENTIFIER_LEN(id))),
	    note_pair_refusal, &find);
	if (find.found)
		return true;
	store_scan_links_to(store, identifier, note_row, &linked);
	if (!linked)
		store_scan_links_of_anchor(store, identifier, note_row, &linked);
	for (int i = REFUSED_LIMIT; i < N_REFUSAL_REASONS && !linked; i++)
		store_scan_refusals_of_anchor(store, identifier, refusal_reasons[i], note_row, &linked);
	return linked || evidence_has_decision(store, identifier, "link");
}

/*
 * What is stored of an identifier of the batch. Where it has no profile, it is
 * mostly new, and nothing is.
 */
void
evidence_classify(Store *store, IdNode *node)
{
	Datum identifier = PointerGetDatum(node->identifier);

	node->guarded = false;
	node->blank = !node->stored || node->fresh;
	if (node->blank || node->row.profile_id != 0 || node->row.generic)
		return;
	if (TIMESTAMP_IS_NOEND(node->row.first_seen))
		node->blank = !evidence_has_decision(store, identifier, NULL);
	if (!node->blank)
		node->guarded = evidence_is_stored(store, identifier);
}

/* Generic identifiers are no evidence: the events' references leave them out. */
void
evidence_drop_generic(Batch *batch)
{
	bool any = false;

	for (int i = 0; i < batch->n_nodes && !any; i++)
		any = batch->nodes[i].row.generic;
	if (!any)
		return;
	for (int i = 0; i < batch->n_nodes; i++)
		batch->nodes[i].anchors_at = DT_NOEND;
	for (int e = 0; e < batch->n_events; e++)
	{
		Event *event = &batch->events[e];

		CHECK_FOR_INTERRUPTS();
		normalise_order_refs(batch, event);
		if (event->n_refs > 0)
		{
			IdNode *anchor = &batch->nodes[batch->refs[event->first_ref]];

			anchor->anchors_at = Min(anchor->anchors_at, event->at);
		}
	}
}

/* Pairs */

static int
compare_events(const void *a, const void *b, void *arg)
{
	Batch *batch = (Batch *) arg;
	Event *x = &batch->events[*(const int *) a];
	Event *y = &batch->events[*(const int *) b];

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return memcmp(x->id.data, y->id.data, UUID_LEN);
}

static int
compare_others(const void *a, const void *b, void *arg)
{
	Batch *batch = (Batch *) arg;
	const IdNode *x = &batch->nodes[*(const int *) a];
	const IdNode *y = &batch->nodes[*(const int *) b];

	if (x->rule->priority != y->rule->priority)
		return x->rule->priority < y->rule->priority ? -1 : 1;
	return identifier_compare(x->identifier, y->identifier);
}

static void
add_pair(Batch *batch, int anchor, int other, int event)
{
	bool found;
	PairEntry *entry;
	Pair *pair;

	entry = pairtable_insert(batch->pair_table, (uint64) anchor << 32 | (uint32) other, &found);
	if (found)
		return; /* the earlier event is there */
	BATCH_GROW(batch, pairs, n_pairs, max_pairs);
	entry->index = batch->n_pairs;
	pair = &batch->pairs[batch->n_pairs++];
	memset(pair, 0, sizeof(Pair));
	pair->anchor = anchor;
	pair->other = other;
	pair->event = event;
	batch->nodes[anchor].degree++;
	batch->nodes[other].degree++;
}

/* The batch's pairs, each with its earliest event, in the order in which they are taken. */
static void
collect_pairs(Batch *batch)
{
	int *order = MemoryContextAllocHuge(batch->context, sizeof(int) * Max(batch->n_events, 1));
	int n = 0;

	for (int i = 0; i < batch->n_nodes; i++)
		batch->nodes[i].degree = 0;
	batch->n_pairs = 0;
	batch->pair_table = NULL;
	for (int i = 0; i < batch->n_events; i++)
		if (batch->events[i].n_refs > 1)
			order[n++] = i;
	if (n == 0)
		return;
	batch->pair_table = pairtable_create(batch->context, GROW_MIN, NULL);
	if (n > 1)
		qsort_arg(order, n, sizeof(int), compare_events, batch);
	for (int i = 0; i < n; i++)
	{
		Event *event = &batch->events[order[i]];
		int *others = &batch->refs[event->first_ref + 1];

		CHECK_FOR_INTERRUPTS();
		if (event->n_refs > 2)
		{
			others = MemoryContextAllocHuge(batch->context, sizeof(int) * (event->n_refs - 1));
			memcpy(others, &batch->refs[event->first_ref + 1], sizeof(int) * (event->n_refs - 1));
			qsort_arg(others, event->n_refs - 1, sizeof(int), compare_others, batch);
		}
		for (int r = 0; r < event->n_refs - 1; r++)
			add_pair(batch, batch->refs[event->first_ref], others[r], order[i]);
		if (event->n_refs > 2)
			pfree(others);
	}
}

/* Whether an event is earlier than what a row of evidence has. */
bool
evidence_is_earlier(Store *store, WorkspaceTable table, TupleTableSlot *slot, int at_column,
                    int id_column, const Event *event)
{
	bool isnull;
	TimestampTz at = DatumGetTimestampTz(store_value(store, table, slot, at_column, &isnull));
	pg_uuid_t *id = DatumGetUUIDP(store_value(store, table, slot, id_column, &isnull));

	if (event->at != at)
		return event->at < at;
	return memcmp(event->id.data, id->data, UUID_LEN) < 0;
}

/* Reads what is stored of a pair; touchy: it may be refused. */
static void
find_pair(Batch *batch, Pair *pair, bool touchy)
{
	Store *store = batch->store;
	const IdNode *anchor = &batch->nodes[pair->anchor];
	const IdNode *other = &batch->nodes[pair->other];
	const Event *event = &batch->events[pair->event];
	Datum keys[3];
	TupleTableSlot *slot;

	pair->stored = PAIR_NEW;
	pair->earlier = true;
	pair->detail = NULL;
	if (anchor->blank || other->blank)
		return;
	keys[0] = PointerGetDatum(anchor->identifier);
	keys[1] = PointerGetDatum(other->identifier);
	slot = store_find_key(store, TABLE_LINKS, 2, keys);
	if (slot != NULL)
	{
		pair->stored = PAIR_LINKED;
		pair->earlier =
		    evidence_is_earlier(store, TABLE_LINKS, slot, LINK_OCCURRED_AT, LINK_EVENT_ID, event);
		return;
	}
	if (!touchy)
		return;
	keys[0] = PointerGetDatum(cstring_to_text_with_len(IDENTIFIER_TEXT(other->identifier),
	                                                   IDENTIFIER_LEN(other->identifier)));
	keys[1] = PointerGetDatum(anchor->identifier);
	for (int i = REFUSED_LIMIT; i < N_REFUSAL_REASONS; i++)
	{
		bool isnull;
		Datum detail;

		keys[2] = CStringGetTextDatum(refusal_reasons[i]);
		slot = store_find_key(store, TABLE_REFUSALS, 3, keys);
		if (slot == NULL)
			continue;
		pair->stored = PAIR_REFUSED;
		pair->reason = i;
		pair->earlier = evidence_is_earlier(store, TABLE_REFUSALS, slot, REFUSAL_OCCURRED_AT,
		                                    REFUSAL_EVENT_ID, event);
		detail = store_value(store, TABLE_REFUSALS, slot, REFUSAL_DETAIL, &isnull);
		if (!isnull && pair->earlier)
			pair->detail = MemoryContextStrdup(batch->context, TextDatumGetCString(detail));
		return;
	}
}

/* Components */

static int
find_component(Batch *batch, int i)
{
	while (batch->components[i].parent != i)
	{
		batch->components[i].parent = batch->components[batch->components[i].parent].parent;
		i = batch->components[i].parent;
	}
	return i;
}

Component *
evidence_component(Batch *batch, int node)
{
	return &batch->components[find_component(batch, batch->nodes[node].component)];
}

static void
add_limit(Batch *batch, Component *component, const char *name, int name_len, int max, int count)
{
	LimitCount *limit;

	for (int i = 0; i < component->n_limits; i++)
	{
		limit = &component->limits[i];
		if (limit->name_len == name_len && memcmp(limit->name, name, name_len) == 0)
		{
			limit->count += count;
			return;
		}
	}
	component->limits =
	    component->limits == NULL
	        ? MemoryContextAlloc(batch->context, sizeof(LimitCount))
	        : repalloc(component->limits, sizeof(LimitCount) * (component->n_limits + 1));
	limit = &component->limits[component->n_limits++];
	limit->name = name;
	limit->name_len = name_len;
	limit->max = max;
	limit->count = count;
}

/* What the row of a profile says of its evidence, where locking has not read it. */
static void
peek_profile(Batch *batch, Profile *profile)
{
	TupleTableSlot *slot;

	if (profile->peeked || batch->rebuilding)
		return;
	slot = store_find(batch->store, TABLE_PROFILES, Int64GetDatum(profile->id));
	if (slot != NULL)
		fold_peek_profile(batch, profile, slot);
}

/*
 * The first components: a stored profile each, and each identifier that has
 * none by itself. A generic identifier is none's, and in none.
 */
static void
make_components(Batch *batch)
{
	batch->n_components = batch->n_merges = 0;
	batch->components =
	    MemoryContextAllocHuge(batch->context, sizeof(Component) * Max(batch->n_nodes, 1));
	memset(batch->components, 0, sizeof(Component) * batch->n_nodes);
	for (int i = 0; i < batch->n_profiles; i++)
		batch->profiles[i]->component_known = false;
	for (int i = 0; i < batch->n_nodes; i++)
	{
		IdNode *node = &batch->nodes[i];
		Component *component = &batch->components[batch->n_components];
		bool has_profile = node->stored && !node->fresh && node->row.profile_id != 0;

		if (has_profile)
		{
			bool found;
			Profile *profile = batch_profile(batch, node->row.profile_id, &found);

			if (profile->component_known)
			{
				node->component = profile->component;
				continue;
			}
			peek_profile(batch, profile);
			profile->first_node = i;
			profile->component_known = true;
			profile->component = batch->n_components;
			component->profile = profile;
			component->touchy = profile->was_contested;
			component->last_at = profile->peeked
			                         ? Max(profile->was_seen_until, profile->was_contested_until)
			                         : DT_NOEND;
		}
		else
		{
			component->weight = 1;
			component->weighed = true;
			component->counted = true;
			component->touchy = !node->blank;
			component->last_at = node->blank ? DT_NOBEGIN : DT_NOEND;
			/* a row without a profile may be there because of a decision */
			component->contest = !node->rule->can_merge ||
			                     (!node->blank && !node->row.generic &&
			                      evidence_has_decision(
			                          batch->store, PointerGetDatum(node->identifier), "separate"));
			if (node->rule->max_per_profile >= 0)
				add_limit(batch, component, IDENTIFIER_TEXT(node->identifier),
				          IDENTIFIER_NAMESPACE_LEN(node->identifier), node->rule->max_per_profile,
				          1);
		}
		component->contest_until = DT_NOBEGIN;
		component->parent = node->component = batch->n_components++;
	}
}

typedef struct CountContext
{
	Batch *batch;
	Component *component;
	bool unnamed_only; /* count only what falls under the default rule */
} CountContext;

/* Counts a stored identifier, unless this statement has just put it there. */
static bool
count_identifier(TupleTableSlot *slot, void *context)
{
	CountContext *count = (CountContext *) context;
	Batch *batch = count->batch;
	bool isnull;
	Identifier *identifier = DatumGetIdentifierPP(
	    store_value(batch->store, TABLE_IDENTIFIERS, slot, IDENTIFIER_IDENTIFIER, &isnull));
	const char *text = IDENTIFIER_TEXT(identifier);
	int name_len = IDENTIFIER_NAMESPACE_LEN(identifier);
	const NamespaceRule *rule = workspace_rule(batch->ws, text, name_len);
	int node = batch_find_node(batch, text, IDENTIFIER_LEN(identifier));

	if (node >= 0 && batch->nodes[node].fresh)
		return true;
	if (count->unnamed_only && rule != &batch->ws->default_rule)
		return true;
	add_limit(batch, count->component,
	          MemoryContextStrdup(batch->context, pnstrdup(text, name_len)), name_len,
	          rule->max_per_profile, 1);
	return true;
}

/* Counts a stored profile's identifiers of the limited namespaces, once. */
static void
count_limits(Batch *batch, Component *component)
{
	Workspace *ws = batch->ws;
	CountContext context = {batch, component, false};

	if (component->counted)
		return;
	component->counted = true;
	for (int i = 0; i < ws->n_rules; i++)
		if (ws->rules[i].max_per_profile >= 0)
			store_scan_identifiers(batch->store, component->profile->id, ws->rules[i].name,
			                       count_identifier, &context);
	context.unnamed_only = true;
	if (ws->default_rule.max_per_profile >= 0)
		store_scan_identifiers(batch->store, component->profile->id, NULL, count_identifier,
		                       &context);
}

/* The limit that the union of two components would break; null: none. */
static const LimitCount *
broken_limit(Batch *batch, Component *a, Component *b)
{
	if ((a->counted && a->n_limits == 0) || (b->counted && b->n_limits == 0))
		return NULL;
	count_limits(batch, a);
	count_limits(batch, b);
	for (int i = 0; i < a->n_limits; i++)
		for (int j = 0; j < b->n_limits; j++)
		{
			LimitCount *x = &a->limits[i];
			LimitCount *y = &b->limits[j];

			if (x->name_len == y->name_len && memcmp(x->name, y->name, x->name_len) == 0 &&
			    x->count + y->count > x->max)
				return x;
		}
	return NULL;
}

/* Adds the stored profile's identifiers to a component's weight, once. */
static void
weigh(Batch *batch, Component *component)
{
	TupleTableSlot *slot;
	bool isnull;

	if (component->weighed)
		return;
	component->weighed = true;
	slot = store_find(batch->store, TABLE_PROFILES, Int64GetDatum(component->profile->id));
	if (slot != NULL)
		component->weight += DatumGetInt64(
		    store_value(batch->store, TABLE_PROFILES, slot, PROFILE_IDENTIFIER_COUNT, &isnull));
}

/*
 * Makes two components one. Of two profiles the one with more identifiers
 * (former ids counted) survives, on a tie the one with the smaller id.
 */
static void
unite(Batch *batch, int a, int b, int event, int anchor, int other)
{
	Component *into = &batch->components[a];
	Component *from = &batch->components[b];

	if (into->profile != NULL && from->profile != NULL)
	{
		Merge *merge;

		/* two stored profiles: count them while each is found by its own id */
		count_limits(batch, into);
		count_limits(batch, from);
		weigh(batch, into);
		weigh(batch, from);

		if (from->weight > into->weight ||
		    (from->weight == into->weight && from->profile->id < into->profile->id))
		{
			Component *swap = into;

			into = from;
			from = swap;
		}
		BATCH_GROW(batch, merges, n_merges, max_merges);
		merge = &batch->merges[batch->n_merges++];
		merge->loser = from->profile;
		merge->survivor = into->profile;
		merge->event = event;
		merge->anchor = anchor;
		merge->other = other;
		into->weight++; /* the former id */
	}
	else if (from->profile != NULL || (into->profile == NULL && from->weight > into->weight))
	{
		Component *swap = into;

		into = from;
		from = swap;
	}
	from->parent = into - batch->components;
	into->weight += from->weight;
	into->touchy = into->touchy || from->touchy;
	into->last_at = Max(into->last_at, from->last_at);
	into->contest = into->contest || from->contest;
	into->contest_until = Max(into->contest_until, from->contest_until);
	if (from->counted && into->counted)
		for (int i = 0; i < from->n_limits; i++)
			add_limit(batch, into, from->limits[i].name, from->limits[i].name_len,
			          from->limits[i].max, from->limits[i].count);
}

/* Companions */

/* Whether an event of the batch is the first to show a node with a companion. */
static void
note_companion(Batch *batch, const Event *event, int node, int companion)
{
	bool found;
	Companion *entry;
	Datum keys[2];

	if (batch->companion_table == NULL)
		batch->companion_table = pairtable_create(batch->context, GROW_MIN, NULL);
	(void) pairtable_insert(batch->companion_table, (uint64) node << 32 | (uint32) companion,
	                        &found);
	if (found)
		return;
	if (!batch->nodes[node].blank && !batch->nodes[companion].blank)
	{
		/* whose pair is stored, is stored as a companion, too */
		if (event->n_refs > 1 && batch->refs[event->first_ref] == companion)
		{
			PairEntry *pair =
			    batch->pair_table == NULL
			        ? NULL
			        : pairtable_lookup(batch->pair_table, (uint64) companion << 32 | (uint32) node);

			if (pair != NULL && batch->pairs[pair->index].stored != PAIR_NEW)
				return;
		}
		keys[0] = PointerGetDatum(batch->nodes[node].identifier);
		keys[1] = PointerGetDatum(batch->nodes[companion].identifier);
		if (store_find_key(batch->store, TABLE_COMPANIONS, 2, keys) != NULL)
			return;
	}
	BATCH_GROW(batch, companions, n_companions, max_companions);
	entry = &batch->companions[batch->n_companions++];
	entry->node = node;
	entry->companion = companion;
}

static bool
is_companion(const IdNode *node, const IdNode *companion)
{
	return node->rule->generic_after >= 0 && companion->rule->max_per_profile >= 0 &&
	       workspace_namespace_is_stronger(companion->rule, IDENTIFIER_TEXT(companion->identifier),
	                                       IDENTIFIER_NAMESPACE_LEN(companion->identifier),
	                                       node->rule, IDENTIFIER_TEXT(node->identifier),
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
 * The companions that an event shows. Of one namespace not more than the
 * largest generic_after: with those alone its others are generic.
 */
static void
note_companions(Batch *batch, const Event *event, int *limited)
{
	const int *named = &batch->refs[event->first_ref];
	int most = batch->ws->max_generic_after;
	int n = 0;
	int of_namespace = 0;

	for (int i = 0; i < event->n_named; i++)
	{
		if (batch->nodes[named[i]].rule->max_per_profile < 0)
			continue;
		of_namespace =
		    n > 0 && same_namespace(&batch->nodes[limited[n - 1]], &batch->nodes[named[i]])
		        ? of_namespace + 1
		        : 1;
		if (of_namespace <= most)
			limited[n++] = named[i];
	}
	for (int i = 0; i < event->n_named && n > 0; i++)
	{
		IdNode *node = &batch->nodes[named[i]];

		CHECK_FOR_INTERRUPTS();
		if (node->rule->generic_after < 0 || (node->row.generic && !node->blank))
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

typedef struct CountCompanions
{
	Store *store;
	const Identifier *like; /* count those of its namespace */
	int n;
} CountCompanions;

static bool
count_companion(TupleTableSlot *slot, void *context)
{
	CountCompanions *count = (CountCompanions *) context;
	bool isnull;
	Identifier *companion = DatumGetIdentifierPP(
	    store_value(count->store, TABLE_COMPANIONS, slot, COMPANION_COMPANION, &isnull));
	int len = IDENTIFIER_NAMESPACE_LEN(count->like);

	if (IDENTIFIER_NAMESPACE_LEN(companion) == len &&
	    memcmp(IDENTIFIER_TEXT(companion), IDENTIFIER_TEXT(count->like), len) == 0)
		count->n++;
	return true;
}

/*
 * Finds who is seen with too many. One of whom nothing is stored is generic at
 * once; returns whether there are such. Of others the component is a suspect.
 */
static bool
find_crossing(Batch *batch)
{
	bool turned = false;
	int kept = 0;
	int start = 0;

	if (batch->n_companions > 1)
		qsort_arg(batch->companions, batch->n_companions, sizeof(Companion), compare_companions,
		          batch);
	while (start < batch->n_companions)
	{
		IdNode *node = &batch->nodes[batch->companions[start].node];
		IdNode *companion = &batch->nodes[batch->companions[start].companion];
		CountCompanions stored = {batch->store, companion->identifier, 0};
		int end = start + 1;

		CHECK_FOR_INTERRUPTS();
		while (end < batch->n_companions &&
		       batch->companions[end].node == batch->companions[start].node &&
		       same_namespace(&batch->nodes[batch->companions[end].companion], companion))
			end++;
		if (!node->blank)
			store_scan_companions(batch->store, PointerGetDatum(node->identifier), count_companion,
			                      &stored);
		if (stored.n + end - start >= node->rule->generic_after)
		{
			turned = turned || (node->blank && !node->row.generic);
			node->row.generic = node->row.generic || node->blank;
			node->crosses = !node->blank;
		}
		/* of a generic one it is enough to know that it is */
		for (int i = start; i < end && i < start + node->rule->generic_after; i++)
			batch->companions[kept++] = batch->companions[i];
		start = end;
	}
	batch->n_companions = kept;
	return turned;
}

/* The companions that the batch's events show and that are not stored yet. */
void
evidence_collect_companions(Batch *batch)
{
	int most_named = 0;
	int *limited;

	batch->n_companions = 0;
	batch->companion_table = NULL;
	if (batch->ws->max_generic_after < 0)
		return;
	for (int e = 0; e < batch->n_events; e++)
		most_named = Max(most_named, batch->events[e].n_named);
	if (most_named < 2)
		return;
	limited = MemoryContextAllocHuge(batch->context, sizeof(int) * most_named);
	for (int e = 0; e < batch->n_events; e++)
		if (batch->events[e].n_named > 1)
			note_companions(batch, &batch->events[e], limited);
}

/* Decisions */

static void
add_suspect(Batch *batch, int node)
{
	BATCH_GROW(batch, suspects, n_suspects, max_suspects);
	batch->suspects[batch->n_suspects++] = node;
}

/* Whether the only evidence with a node, which no limit counts, is this pair of the batch. */
static bool
is_leaf(const Batch *batch, const Pair *pair, int i)
{
	const IdNode *node = &batch->nodes[i];

	return node->blank && !node->crosses && node->degree == 1 && node->rule->max_per_profile < 0 &&
	       (node->anchors_at == DT_NOEND || (batch->nodes[pair->anchor].rule->can_merge &&
	                                         batch->nodes[pair->other].rule->can_merge));
}

static void
refuse(Batch *batch, Pair *pair, Component *a, Component *b, RefusalReason reason,
       const char *detail)
{
	TimestampTz at = batch->events[pair->event].at;

	pair->accepted = false;
	pair->reason = reason;
	pair->detail = detail;
	a->contest = b->contest = true;
	a->contest_until = Max(a->contest_until, at);
	b->contest_until = Max(b->contest_until, at);
}

static const char *
limit_detail(Batch *batch, const LimitCount *limit)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(batch->context);
	const char *detail =
	    psprintf("a profile may have %d of %.*s", limit->max, limit->name_len, limit->name);

	MemoryContextSwitchTo(oldcontext);
	return detail;
}

/* Evidence that only a replay can decide: until then it stays as it is. */
static void
suspect(Batch *batch, Pair *pair, Component *a, Component *b)
{
	add_suspect(batch, pair->anchor);
	add_suspect(batch, pair->other);
	if (pair->stored == PAIR_REFUSED)
		refuse(batch, pair, a, b, pair->reason, pair->detail);
	else if (a == b)
		pair->accepted = true;
	else
		refuse(batch, pair, a, b, REFUSED_LIMIT, NULL);
}

/* What becomes of one pair. Pairs come in their order. */
static void
decide_pair(Batch *batch, Pair *pair)
{
	Component *a = evidence_component(batch, pair->anchor);
	Component *b = evidence_component(batch, pair->other);
	TimestampTz at = batch->events[pair->event].at;
	bool touchy = !batch->rebuilding && (a->touchy || b->touchy);
	bool in_order = batch->rebuilding || (at > a->last_at && at > b->last_at);
	bool free = batch->ws->can_all_merge || (batch->nodes[pair->anchor].rule->can_merge &&
	                                         batch->nodes[pair->other].rule->can_merge);
	const LimitCount *limit = NULL;

	if (!pair->earlier)
	{
		pair->accepted = pair->stored == PAIR_LINKED;
		return;
	}
	if (batch->nodes[pair->anchor].crosses || batch->nodes[pair->other].crosses ||
	    (touchy && pair->stored != PAIR_NEW))
	{
		suspect(batch, pair, a, b);
		return;
	}
	pair->accepted = true;
	if (a == b)
	{
		if (touchy && !in_order)
			suspect(batch, pair, a, b);
		return;
	}
	if (!is_leaf(batch, pair, pair->anchor) && !is_leaf(batch, pair, pair->other))
	{
		if (!free || (touchy &&
		              (!in_order || (a->touchy && b->touchy && store_has_decisions(batch->store)))))
		{
			suspect(batch, pair, a, b);
			return;
		}
		limit = broken_limit(batch, a, b);
		if (limit != NULL && !in_order)
		{
			suspect(batch, pair, a, b);
			return;
		}
	}
	if (limit != NULL)
		refuse(batch, pair, a, b, REFUSED_LIMIT, limit_detail(batch, limit));
	else
		unite(batch, a - batch->components, b - batch->components, pair->event, pair->anchor,
		      pair->other);
}

/* Nodes by themselves that ask for a replay. */
static void
suspect_nodes(Batch *batch)
{
	for (int i = 0; i < batch->n_nodes; i++)
	{
		IdNode *node = &batch->nodes[i];
		Component *component = evidence_component(batch, i);

		if (node->crosses || (node->guarded && node->anchors_at != DT_NOEND))
			add_suspect(batch, i);
		/* where profiles may not merge, it matters when they were there */
		else if (component->touchy && !batch->ws->can_all_merge && !node->blank &&
		         node->anchors_at < node->row.anchored_at && node->anchors_at <= component->last_at)
			add_suspect(batch, i);
	}
}

/* Lets the profiles know what was refused beside them, once each component has its own. */
void
evidence_note_contests(Batch *batch)
{
	for (int i = 0; i < batch->n_components; i++)
	{
		Component *component = &batch->components[i];

		if (component->parent != i || component->profile == NULL || !component->contest)
			continue;
		component->profile->contest = true;
		component->profile->contest_until = component->contest_until;
	}
}

/*
 * Decides on the batch's evidence: pairs, components, merges, companions and
 * suspects. Reads only; may be called again after more has been locked.
 */
void
evidence_decide(Batch *batch)
{
	do
	{
		batch->n_suspects = 0;
		evidence_drop_generic(batch);
		for (int i = 0; i < batch->n_nodes; i++)
			batch->nodes[i].crosses = false;
		collect_pairs(batch);
		make_components(batch);
		for (int i = 0; i < batch->n_pairs; i++)
		{
			Pair *pair = &batch->pairs[i];

			CHECK_FOR_INTERRUPTS();
			find_pair(batch, pair,
			          evidence_component(batch, pair->anchor)->touchy ||
			              evidence_component(batch, pair->other)->touchy);
		}
		batch->n_companions = 0;
		if (!batch->rebuilding)
			evidence_collect_companions(batch);
	} while (find_crossing(batch));
	for (int i = 0; i < batch->n_pairs; i++)
	{
		CHECK_FOR_INTERRUPTS();
		decide_pair(batch, &batch->pairs[i]);
	}
	if (!batch->rebuilding)
		suspect_nodes(batch);
}
