/*
 * evidence.c
 *	  Stage two, first half: which identifiers the batch's events show to be one person.
 *
 * The partition into profiles is what taking all evidence in the order of (effective
 * time, event id) gives. Evidence that no rule opposes can be taken in any order, so the
 * batch's evidence is simply added to what is stored. The order matters where a limit
 * would break, or evidence has been refused before. Then there are three cases:
 *   - the evidence is later than all that is stored of both sides: the stored decisions
 *     stay, and a replay would decide as we do now;
 *   - it only adds a leaf, an identifier that no other evidence names and that no limit
 *     counts: no other decision depends on when it was added;
 *   - else the component is replayed, when all events of the statement are folded. Until
 *     then, new evidence that would join two components is stored as refused.
 *
 * Within an event, the anchor is paired with each of the others, by namespace and then
 * by the identifier's bytes.
 */
#include "identity/identity_internal.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "identity/pair_table_internal.h"
#include "base/union_find.h"
#include "profiles/profiles.h"

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
	IdentityBatch *identity = identity_of(batch);
	bool found;
	PairEntry *entry;
	Pair *pair;

	entry = pairtable_insert(identity->pair_table, PAIR_KEY(anchor, other), &found);
	if (found)
		return; /* the earlier event has added it */
	ARRAY_GROW(batch->context, identity->pairs, identity->n_pairs, identity->max_pairs);
	entry->index = identity->n_pairs;
	pair = &identity->pairs[identity->n_pairs++];
	memset(pair, 0, sizeof(Pair));
	pair->anchor = anchor;
	pair->other = other;
	pair->event = event;
	batch->nodes[anchor].degree++;
	batch->nodes[other].degree++;
}

/*
 * Collects the batch's pairs, each with its earliest event, in the order in which they are
 * decided.
 */
static void
collect_pairs(Batch *batch)
{
	IdentityBatch *identity = identity_of(batch);
	int *order = MemoryContextAllocHuge(batch->context, sizeof(int) * Max(batch->n_events, 1));
	int n = 0;

	for (int i = 0; i < batch->n_nodes; i++)
		batch->nodes[i].degree = 0;
	identity->n_pairs = 0;
	identity->pair_table = NULL;
	for (int i = 0; i < batch->n_events; i++)
		if (batch->events[i].n_refs > 1)
			order[n++] = i;
	if (n == 0)
		return;
	identity->pair_table = pairtable_create(batch->context, ARRAY_MIN, NULL);
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

/* Reads what is stored of a pair. order_matters: the pair may be stored as refused. */
static void
read_stored_pair(Batch *batch, Pair *pair, bool order_matters)
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
	if (anchor->has_no_evidence || other->has_no_evidence)
		return;
	keys[0] = PointerGetDatum(anchor->identifier);
	keys[1] = PointerGetDatum(other->identifier);
	slot = store_find_key(store, &links_table, 2, keys);
	if (slot != NULL)
	{
		pair->stored = PAIR_LINKED;
		pair->earlier = stored_is_later(store, &links_table, slot, LINK_OCCURRED_AT, LINK_EVENT_ID,
		                                event->at, &event->id);
		return;
	}
	if (!order_matters)
		return;
	keys[0] = PointerGetDatum(cstring_to_text_with_len(IDENTIFIER_TEXT(other->identifier),
	                                                   IDENTIFIER_LEN(other->identifier)));
	keys[1] = PointerGetDatum(anchor->identifier);
	for (int i = REFUSED_LIMIT; i < N_REFUSAL_REASONS; i++)
	{
		bool isnull;
		Datum detail;

		keys[2] = CStringGetTextDatum(refusal_reasons[i]);
		slot = store_find_key(store, &refusals_table, 3, keys);
		if (slot == NULL)
			continue;
		pair->stored = PAIR_REFUSED;
		pair->reason = i;
		pair->earlier = stored_is_later(store, &refusals_table, slot, REFUSAL_OCCURRED_AT,
		                                REFUSAL_EVENT_ID, event->at, &event->id);
		detail = store_value(store, &refusals_table, slot, REFUSAL_DETAIL, &isnull);
		if (!isnull && pair->earlier)
			pair->detail = MemoryContextStrdup(batch->context, TextDatumGetCString(detail));
		return;
	}
}

/* Components */

Component *
evidence_root(Batch *batch, int component)
{
	IdentityBatch *identity = identity_of(batch);

#define PARENT(i) identity->components[i].parent
	UNION_FIND_ROOT(component, PARENT);
#undef PARENT
	return &identity->components[component];
}

Component *
evidence_component(Batch *batch, int node)
{
	return evidence_root(batch, batch->nodes[node].component);
}

Profile *
identity_profile_of(Batch *batch, const Event *event)
{
	int anchor = batch_anchor(batch, event);

	return anchor < 0 ? NULL : evidence_component(batch, anchor)->profile;
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

/* Reads what a profile's row says of its evidence, if that was not done when it was locked. */
static void
read_evidence_state(Batch *batch, Profile *profile)
{
	TupleTableSlot *slot;

	if (profile->evidence_known || batch->rebuilding)
		return;
	slot = store_find(batch->store, &profiles_table, Int64GetDatum(profile->id));
	if (slot != NULL)
		profiles_peek(batch, profile, slot);
}

/*
 * Makes the first components: one per stored profile, and one per identifier that has no
 * profile.
 */
static void
make_components(Batch *batch)
{
	IdentityBatch *identity = identity_of(batch);

	identity->n_components = identity->n_merges = 0;
	identity->components =
	    MemoryContextAllocHuge(batch->context, sizeof(Component) * Max(batch->n_nodes, 1));
	memset(identity->components, 0, sizeof(Component) * batch->n_nodes);
	for (int i = 0; i < batch->n_profiles; i++)
		batch->profiles[i]->component_known = false;
	for (int i = 0; i < batch->n_nodes; i++)
	{
		IdNode *node = &batch->nodes[i];
		Component *component = &identity->components[identity->n_components];
		bool has_profile = node->has_row && !node->inserted_by_us && node->row.profile_id != 0;

		if (has_profile)
		{
			bool found;
			Profile *profile = batch_profile(batch, node->row.profile_id, &found);

			if (profile->component_known)
			{
				node->component = profile->component;
				continue;
			}
			read_evidence_state(batch, profile);
			profile->first_node = i;
			profile->component_known = true;
			profile->component = identity->n_components;
			component->profile = profile;
			component->order_matters = profile->was_contested;
			component->last_at = profile->evidence_known
			                         ? Max(profile->was_seen_until, profile->was_contested_until)
			                         : DT_NOEND;
		}
		else
		{
			component->weight = 1;
			component->weight_known = true;
			component->limits_known = true;
			component->order_matters = !node->has_no_evidence;
			component->last_at = node->has_no_evidence ? DT_NOBEGIN : DT_NOEND;
			/* a row without a profile may exist because of a decision */
			component->contest = !node->rule->can_merge ||
			                     (!node->has_no_evidence && !node->row.generic &&
			                      identity_has_decision(
			                          batch->store, PointerGetDatum(node->identifier), "separate"));
			if (node->rule->max_per_profile >= 0)
				add_limit(batch, component, IDENTIFIER_TEXT(node->identifier),
				          IDENTIFIER_NAMESPACE_LEN(node->identifier), node->rule->max_per_profile,
				          1);
		}
		component->contest_until = DT_NOBEGIN;
		component->parent = node->component = identity->n_components++;
	}
}

typedef struct CountContext
{
	Batch *batch;
	Component *component;
	bool default_rule_only; /* count only identifiers that follow the default rule */
} CountContext;

/* Counts a stored identifier, if this statement has not just inserted it with a guess. */
static bool
count_identifier(TupleTableSlot *slot, void *context)
{
	CountContext *count = (CountContext *) context;
	Batch *batch = count->batch;
	bool isnull;
	Identifier *identifier = DatumGetIdentifierPP(
	    store_value(batch->store, &identifiers_table, slot, IDENTIFIER_IDENTIFIER, &isnull));
	const char *text = IDENTIFIER_TEXT(identifier);
	int name_len = IDENTIFIER_NAMESPACE_LEN(identifier);
	const NamespaceRule *rule = namespaces_rule(batch->ws, text, name_len);
	int node = batch_find_node(batch, text, IDENTIFIER_LEN(identifier));

	if (node >= 0 && batch->nodes[node].inserted_by_us)
		return true;
	if (count->default_rule_only && rule != &namespaces_of(batch->ws)->default_rule)
		return true;
	add_limit(batch, count->component,
	          MemoryContextStrdup(batch->context, pnstrdup(text, name_len)), name_len,
	          rule->max_per_profile, 1);
	return true;
}

/* Counts a stored profile's identifiers of the limited namespaces, if that was not done yet. */
static void
read_limits(Batch *batch, Component *component)
{
	Workspace *ws = batch->ws;
	CountContext context = {batch, component, false};

	if (component->limits_known)
		return;
	component->limits_known = true;
	for (int i = 0; i < namespaces_of(ws)->n_rules; i++)
		if (namespaces_of(ws)->rules[i].max_per_profile >= 0)
			stored_visit_identifiers(batch->store, component->profile->id,
			                         namespaces_of(ws)->rules[i].name, count_identifier, &context);
	context.default_rule_only = true;
	if (namespaces_of(ws)->default_rule.max_per_profile >= 0)
		stored_visit_identifiers(batch->store, component->profile->id, NULL, count_identifier,
		                         &context);
}

/* The limit that the union of two components would break; null: none. */
static const LimitCount *
broken_limit(Batch *batch, Component *a, Component *b)
{
	if ((a->limits_known && a->n_limits == 0) || (b->limits_known && b->n_limits == 0))
		return NULL;
	read_limits(batch, a);
	read_limits(batch, b);
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

/* Adds the stored profile's identifiers to a component's weight, if that was not done yet. */
static void
read_weight(Batch *batch, Component *component)
{
	TupleTableSlot *slot;
	bool isnull;

	if (component->weight_known)
		return;
	component->weight_known = true;
	slot = store_find(batch->store, &profiles_table, Int64GetDatum(component->profile->id));
	if (slot != NULL)
		component->weight += DatumGetInt64(
		    store_value(batch->store, &profiles_table, slot, PROFILE_IDENTIFIER_COUNT, &isnull));
}

/*
 * Makes two components one. Of two profiles the one with more identifiers (former ids
 * included) survives; on a tie, the one with the smaller id.
 */
static void
unite_components(Batch *batch, int a, int b, int event, int anchor, int other)
{
	IdentityBatch *identity = identity_of(batch);
	Component *into = &identity->components[a];
	Component *from = &identity->components[b];

	if (into->profile != NULL && from->profile != NULL)
	{
		Merge *merge;

		/* two stored profiles: count their identifiers while each has its own id */
		read_limits(batch, into);
		read_limits(batch, from);
		read_weight(batch, into);
		read_weight(batch, from);

		if (from->weight > into->weight ||
		    (from->weight == into->weight && from->profile->id < into->profile->id))
		{
			Component *swap = into;

			into = from;
			from = swap;
		}
		ARRAY_GROW(batch->context, identity->merges, identity->n_merges, identity->max_merges);
		merge = &identity->merges[identity->n_merges++];
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
	from->parent = into - identity->components;
	into->weight += from->weight;
	into->order_matters = into->order_matters || from->order_matters;
	into->last_at = Max(into->last_at, from->last_at);
	into->contest = into->contest || from->contest;
	into->contest_until = Max(into->contest_until, from->contest_until);
	if (from->limits_known && into->limits_known)
		for (int i = 0; i < from->n_limits; i++)
			add_limit(batch, into, from->limits[i].name, from->limits[i].name_len,
			          from->limits[i].max, from->limits[i].count);
}

/* Decisions */

static void
add_replay_node(Batch *batch, int node)
{
	IdentityBatch *identity = identity_of(batch);

	ARRAY_GROW(batch->context, identity->replay_nodes, identity->n_replay_nodes,
	           identity->max_replay_nodes);
	identity->replay_nodes[identity->n_replay_nodes++] = node;
}

/*
 * Whether a node is a leaf: no limit counts it, and this pair is the only evidence that
 * names it.
 */
static bool
is_leaf(const Batch *batch, const Pair *pair, int i)
{
	const IdNode *node = &batch->nodes[i];

	return node->has_no_evidence && !node->becomes_generic && node->degree == 1 &&
	       node->rule->max_per_profile < 0 &&
	       (node->anchors_at == DT_NOEND || (batch->nodes[pair->anchor].rule->can_merge &&
	                                         batch->nodes[pair->other].rule->can_merge));
}

static void
refuse_pair(Batch *batch, Pair *pair, Component *a, Component *b, RefusalReason reason,
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
limit_text(Batch *batch, const LimitCount *limit)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(batch->context);
	const char *detail =
	    psprintf("a profile may have %d of %.*s", limit->max, limit->name_len, limit->name);

	MemoryContextSwitchTo(oldcontext);
	return detail;
}

/* Leaves a pair to a replay. Until then what is stored of it stays; a new join is refused. */
static void
leave_to_replay(Batch *batch, Pair *pair, Component *a, Component *b)
{
	add_replay_node(batch, pair->anchor);
	add_replay_node(batch, pair->other);
	if (pair->stored == PAIR_REFUSED)
		refuse_pair(batch, pair, a, b, pair->reason, pair->detail);
	else if (a == b)
		pair->accepted = true;
	else
		refuse_pair(batch, pair, a, b, REFUSED_LIMIT, NULL);
}

/* Decides on one pair. The caller passes the pairs in their order. */
static void
decide_pair(Batch *batch, Pair *pair)
{
	IdentityBatch *identity = identity_of(batch);
	Component *a = evidence_component(batch, pair->anchor);
	Component *b = evidence_component(batch, pair->other);
	TimestampTz at = batch->events[pair->event].at;
	bool order_matters = !batch->rebuilding && (a->order_matters || b->order_matters);
	bool in_order = batch->rebuilding || (at > a->last_at && at > b->last_at);
	bool may_merge =
	    namespaces_of(batch->ws)->can_all_merge ||
	    (batch->nodes[pair->anchor].rule->can_merge && batch->nodes[pair->other].rule->can_merge);
	const LimitCount *limit = NULL;

	if (!pair->earlier)
	{
		pair->accepted = pair->stored == PAIR_LINKED;
		return;
	}
	if (batch->nodes[pair->anchor].becomes_generic || batch->nodes[pair->other].becomes_generic ||
	    (order_matters && pair->stored != PAIR_NEW))
	{
		leave_to_replay(batch, pair, a, b);
		return;
	}
	pair->accepted = true;
	if (a == b)
	{
		if (order_matters && !in_order)
			leave_to_replay(batch, pair, a, b);
		return;
	}
	/* a guarded identifier brings what was refused of it, which the profile must know */
	if ((!is_leaf(batch, pair, pair->anchor) && !is_leaf(batch, pair, pair->other)) ||
	    batch->nodes[pair->anchor].is_guarded || batch->nodes[pair->other].is_guarded)
	{
		if (!may_merge ||
		    (order_matters && (!in_order || (a->order_matters && b->order_matters &&
		                                     store_has_rows(batch->store, &decisions_table)))))
		{
			leave_to_replay(batch, pair, a, b);
			return;
		}
		limit = broken_limit(batch, a, b);
		if (limit != NULL && !in_order)
		{
			leave_to_replay(batch, pair, a, b);
			return;
		}
	}
	if (limit != NULL)
		refuse_pair(batch, pair, a, b, REFUSED_LIMIT, limit_text(batch, limit));
	else
		unite_components(batch, a - identity->components, b - identity->components, pair->event,
		                 pair->anchor, pair->other);
}

/* Adds the nodes that need a replay whatever becomes of their pairs. */
static void
find_replay_nodes(Batch *batch)
{
	for (int i = 0; i < batch->n_nodes; i++)
	{
		IdNode *node = &batch->nodes[i];
		Component *component = evidence_component(batch, i);

		if (node->becomes_generic || (node->is_guarded && node->anchors_at != DT_NOEND))
			add_replay_node(batch, i);
		/* where a namespace may not merge profiles, it matters since when they exist */
		else if (component->order_matters && !namespaces_of(batch->ws)->can_all_merge &&
		         !node->has_no_evidence && node->anchors_at < node->row.anchored_at &&
		         node->anchors_at <= component->last_at)
			add_replay_node(batch, i);
	}
}

/* Notes with the profiles what was refused; called once each component has its profile. */
void
evidence_note_contests(Batch *batch)
{
	IdentityBatch *identity = identity_of(batch);

	for (int i = 0; i < identity->n_components; i++)
	{
		Component *component = &identity->components[i];

		if (component->parent != i || component->profile == NULL || !component->contest)
			continue;
		component->profile->contest = true;
		component->profile->contest_until = component->contest_until;
	}
}

/*
 * Decides on the batch's evidence: pairs, components, merges, companions, and which nodes
 * need a replay. It only reads tables, and may be called again after more has been locked.
 */
void
evidence_decide(Batch *batch)
{
	IdentityBatch *identity = identity_of(batch);

	do
	{
		identity->n_replay_nodes = 0;
		stored_drop_generic(batch);
		for (int i = 0; i < batch->n_nodes; i++)
			batch->nodes[i].becomes_generic = false;
		collect_pairs(batch);
		make_components(batch);
		for (int i = 0; i < identity->n_pairs; i++)
		{
			Pair *pair = &identity->pairs[i];

			CHECK_FOR_INTERRUPTS();
			read_stored_pair(batch, pair,
			                 evidence_component(batch, pair->anchor)->order_matters ||
			                     evidence_component(batch, pair->other)->order_matters);
		}
		identity->n_companions = 0;
		if (!batch->rebuilding)
			companions_collect(batch);
	} while (companions_mark_generic(batch));
	for (int i = 0; i < identity->n_pairs; i++)
	{
		CHECK_FOR_INTERRUPTS();
		decide_pair(batch, &identity->pairs[i]);
	}
	if (!batch->rebuilding)
		find_replay_nodes(batch);
}
