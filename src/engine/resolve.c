/*
 * resolve.c
 *	  Stage two: identifiers become profiles - create, attach or merge, within
 *	  the limits.
 *
 * Order of locks, the same in every statement: new identifiers and those
 * without a profile, sorted; then all profiles, sorted. Known identifiers are
 * read, not locked: their profile only changes in a merge, and a merge holds
 * the locks of both profiles. A profile that is gone when its turn comes has
 * been merged: the profile locks are given back (a subtransaction) and the
 * identifiers read again. Each such round means that somebody's merge was
 * committed, and there is only a finite number of profiles to merge: it ends.
 *
 * Within a batch the evidence is taken in the order of (effective time, event
 * id): the event's strongest identifier with each of the others, stronger
 * ones first.
 */
#include "engine/engine.h"

#include "access/xact.h"
#include "commands/sequence.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "engine/tables.h"

/* Reads which profile each identifier belongs to. */
void
resolve_find(Batch *batch)
{
	batch->found_with = batch->store->snapshots;
	for (int i = 0; i < batch->n_nodes; i++)
	{
		IdNode *node = &batch->nodes[i];

		CHECK_FOR_INTERRUPTS();
		if (!node->fresh)
			node->stored =
			    store_find_identifier(batch->store, PointerGetDatum(node->identifier), &node->row);
	}
}

/*
 * Rows of identifiers keep when they were last seen to the day only, so that
 * an identifier that is seen all day is written once: the start of the UTC
 * day of the last event, or first_seen where that is later. Both depend on
 * the set of events alone.
 */
static TimestampTz
day_start(TimestampTz at)
{
	TimestampTz into_day = at % USECS_PER_DAY;

	if (TIMESTAMP_NOT_FINITE(at))
		return at;
	return at - (into_day < 0 ? into_day + USECS_PER_DAY : into_day);
}

static TimestampTz
last_seen_of(TimestampTz first_seen, TimestampTz stored_last, TimestampTz last_at)
{
	TimestampTz day = Max(day_start(stored_last), day_start(last_at));

	if (TIMESTAMP_NOT_FINITE(day))
		return day; /* not seen yet: see lock_identifiers */
	return Max(first_seen, day);
}

/* Fills the engine's columns of a row of identifiers. */
static void
fill_identifier(Datum *values, bool *isnull, Datum identifier, const StoredIdentifier *row)
{
	values[IDENTIFIER_IDENTIFIER] = identifier;
	values[IDENTIFIER_PROFILE_ID] = Int64GetDatum(row->profile_id);
	values[IDENTIFIER_FIRST_SEEN] = TimestampTzGetDatum(row->first_seen);
	values[IDENTIFIER_LAST_SEEN] = TimestampTzGetDatum(row->last_seen);
	memset(isnull, 0, sizeof(bool) * N_IDENTIFIER_COLUMNS);
	isnull[IDENTIFIER_PROFILE_ID] = row->profile_id == 0;
}

/* Root of a small union-find over ints. */
static int
find_root(int *parents, int i)
{
	while (parents[i] != i)
	{
		parents[i] = parents[parents[i]];
		i = parents[i];
	}
	return i;
}

/*
 * Guesses the profile of each identifier that has no row yet, as if no limit
 * stood in the way: mostly right, so that the row need not be written twice.
 */
void
resolve_guess(Batch *batch)
{
	int *parents;
	int64 *ids;
	bool *new_ids;
	bool any_new = false;

	for (int i = 0; i < batch->n_nodes; i++)
		any_new = any_new || !batch->nodes[i].stored;
	if (!any_new)
		return;
	parents = MemoryContextAllocHuge(batch->context, sizeof(int) * batch->n_nodes);
	ids = MemoryContextAllocHuge(batch->context, sizeof(int64) * batch->n_nodes);
	new_ids = MemoryContextAllocZero(batch->context, sizeof(bool) * batch->n_nodes);
	for (int i = 0; i < batch->n_nodes; i++)
	{
		parents[i] = i;
		ids[i] = batch->nodes[i].stored ? batch->nodes[i].row.profile_id : 0;
	}
	for (int e = 0; e < batch->n_events; e++)
	{
		Event *event = &batch->events[e];

		for (int r = 1; r < event->n_refs; r++)
		{
			int a = find_root(parents, batch->refs[event->first_ref]);
			int b = find_root(parents, batch->refs[event->first_ref + r]);

			if (a == b)
				continue;
			parents[b] = a;
			if (ids[a] == 0)
				ids[a] = ids[b];
		}
	}
	for (int i = 0; i < batch->n_nodes; i++)
	{
		IdNode *node = &batch->nodes[i];
		int root = find_root(parents, i);

		if (node->stored)
			continue;
		if (ids[root] == 0)
		{
			ids[root] = nextval_internal(batch->ws->profiles_sequence, false);
			new_ids[root] = true;
		}
		node->row.profile_id = ids[root];
		node->new_id = new_ids[root];
	}
}

/*
 * Takes one identifier that has no row or no profile: inserts it, or locks the
 * row that is there. Somebody else may have been quicker.
 */
void
resolve_take_identifier(Store *store, IdNode *node)
{
	Datum key = PointerGetDatum(node->identifier);
	TupleTableSlot *slot;

	if (!node->stored)
	{
		Datum values[N_IDENTIFIER_COLUMNS];
		bool isnull[N_IDENTIFIER_COLUMNS];

		node->row.first_seen = node->first_at;
		node->row.last_seen = last_seen_of(node->first_at, DT_NOBEGIN, node->last_at);
		fill_identifier(values, isnull, key, &node->row);
		slot = store_new_row(store, TABLE_IDENTIFIERS, values, isnull);
		if (store_insert_unless_there(store, TABLE_IDENTIFIERS, slot))
		{
			node->stored = node->fresh = true;
			return;
		}
		store_refresh(store);
		node->stored = store_find_identifier(store, key, &node->row);
		if (!node->stored)
			elog(ERROR, "identifier that is there cannot be found");
		if (node->row.profile_id != 0)
			return;
	}

	/*
	 * A row that has a profile by the time it is ours must not be locked: who
	 * merges that profile writes it while holding the profile's lock.
	 */
	while (node->row.profile_id == 0)
	{
		slot = store_find(store, TABLE_IDENTIFIERS, key);
		if (slot == NULL)
			elog(ERROR, "identifier that is there cannot be found");
		if (store_lock_unchanged(store, TABLE_IDENTIFIERS, slot) == LOCK_OK)
			break;
		store_refresh(store);
		(void) store_find_identifier(store, key, &node->row);
	}
}

/* Locks in their order what has no profile yet: new identifiers and refused ones. */
void
resolve_take_identifiers(Batch *batch)
{
	int *sorted = NULL;

	for (int i = 0; i < batch->n_nodes && sorted == NULL; i++)
		if (!batch->nodes[i].stored ||
		    (batch->nodes[i].row.profile_id == 0 && !batch->nodes[i].fresh))
			sorted = batch_sorted_nodes(batch);
	if (sorted == NULL)
		return;
	for (int i = 0; i < batch->n_nodes; i++)
	{
		IdNode *node = &batch->nodes[sorted[i]];

		CHECK_FOR_INTERRUPTS();
		if (!node->stored || (node->row.profile_id == 0 && !node->fresh))
			resolve_take_identifier(batch->store, node);
	}
}

static int
compare_int64(const void *a, const void *b)
{
	int64 x = *(const int64 *) a;
	int64 y = *(const int64 *) b;

	return x < y ? -1 : x > y;
}

/* The stored profiles of the batch's identifiers, sorted and distinct. */
static int64 *
stored_profiles(Batch *batch, int *count)
{
	int64 *ids = MemoryContextAllocHuge(batch->context, sizeof(int64) * Max(batch->n_nodes, 1));
	int n = 0;
	int distinct = 0;

	for (int i = 0; i < batch->n_nodes; i++)
		if (batch->nodes[i].stored && !batch->nodes[i].fresh && batch->nodes[i].row.profile_id != 0)
			ids[n++] = batch->nodes[i].row.profile_id;
	if (n > 1)
		qsort(ids, n, sizeof(int64), compare_int64);
	for (int i = 0; i < n; i++)
		if (i == 0 || ids[i] != ids[distinct - 1])
			ids[distinct++] = ids[i];
	*count = distinct;
	return ids;
}

/*
 * Locks one profile, and reads it too where there are not too many of them;
 * false: it has been merged into another.
 */
static bool
lock_profile(Batch *batch, int64 id, bool read)
{
	TupleTableSlot *slot = store_find(batch->store, TABLE_PROFILES, Int64GetDatum(id));
	bool found;

	if (slot == NULL)
	{
		batch->store->stale = true;
		return false;
	}
	if (store_lock(batch->store, TABLE_PROFILES, slot) != LOCK_OK)
		return false;
	if (read)
		fold_load_profile(batch, batch_profile(batch, id, &found), slot);
	return true;
}

/*
 * A profile was gone, and identifiers read after that still belong to it: it
 * has not been merged but is missing.
 */
void
resolve_check_gone(int64 gone, int64 gone_before)
{
	if (gone == gone_before)
		ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
		                errmsg("profile " INT64_FORMAT " does not exist", gone),
		                errdetail("Identifiers of the event belong to it."),
		                errhint("Run cdp.check and cdp.rebuild on the workspace.")));
}

/* Profiles to lock, in order. */
typedef struct LockList
{
	Batch *batch;
	const int64 *ids;
	int count;
	int64 gone; /* the one that could not be locked */
} LockList;

static bool
lock_listed(void *context)
{
	LockList *list = (LockList *) context;

	for (int i = 0; i < list->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!lock_profile(list->batch, list->ids[i],
		                  list->count <= SLICE_PROFILES &&
		                      MemoryContextMemAllocated(list->batch->values, true) <= SLICE_BYTES))
		{
			list->gone = list->ids[i];
			return false;
		}
	}
	return true;
}

/*
 * Locks all profiles of the batch's identifiers, in the order of their ids.
 * With one profile there is no order to break, so it is simply followed to
 * where it was merged; with more, the locks taken so far are given back first.
 */
void
resolve_lock_profiles(Batch *batch)
{
	for (int64 gone = 0;;)
	{
		LockList list = {.batch = batch};
		bool all;

		list.ids = stored_profiles(batch, &list.count);
		all = list.count > 1 ? store_attempt(batch->store, TABLE_PROFILES, lock_listed, &list)
		                     : lock_listed(&list);
		if (all)
			return;
		resolve_check_gone(list.gone, gone);
		gone = list.gone;
		batch->profile_table = NULL;
		batch->n_profiles = 0;
		MemoryContextReset(batch->values);
		store_refresh(batch->store);
		resolve_find(batch);
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

static Component *
component_of(Batch *batch, int node)
{
	return &batch->components[find_component(batch, batch->nodes[node].component)];
}

static void
add_limit(Batch *batch, Component *component, const NamespaceRule *rule, const char *name,
          int name_len, int count)
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
	limit->max = rule->max_per_profile;
	limit->count = count;
}

/*
 * The first components: a stored profile each, and each identifier that has
 * none by itself.
 */
static void
make_components(Batch *batch)
{
	batch->components =
	    MemoryContextAllocHuge(batch->context, sizeof(Component) * Max(batch->n_nodes, 1));
	memset(batch->components, 0, sizeof(Component) * batch->n_nodes);
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
			profile->component_known = true;
			profile->component = batch->n_components;
			component->profile = profile;
		}
		else
		{
			component->weight = 1;
			component->weighed = true;
			component->counted = true;
			if (node->rule->max_per_profile >= 0)
				add_limit(batch, component, node->rule, IDENTIFIER_TEXT(node->identifier),
				          IDENTIFIER_NAMESPACE_LEN(node->identifier), 1);
		}
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
	add_limit(batch, count->component, rule,
	          MemoryContextStrdup(batch->context, pnstrdup(text, name_len)), name_len, 1);
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
	into->anchors = into->anchors || from->anchors;
	if (from->counted && into->counted)
	{
		for (int i = 0; i < from->n_limits; i++)
		{
			NamespaceRule rule = {.max_per_profile = from->limits[i].max};

			add_limit(batch, into, &rule, from->limits[i].name, from->limits[i].name_len,
			          from->limits[i].count);
		}
	}
}

static void
add_link(Batch *batch, int anchor, int other, int event)
{
	uint64 pair = (uint64) anchor << 32 | (uint32) other;
	bool found;
	Link *link;

	if (batch->link_table == NULL)
		batch->link_table = pairtable_create(batch->context, GROW_MIN, NULL);
	(void) pairtable_insert(batch->link_table, pair, &found);
	if (found)
		return; /* the earlier event is there */
	BATCH_GROW(batch, links, n_links, max_links);
	link = &batch->links[batch->n_links++];
	link->anchor = anchor;
	link->other = other;
	link->event = event;
}

static void
refuse_link(Batch *batch, int other, int event, const LimitCount *limit)
{
	Identifier *identifier = batch->nodes[other].identifier;
	MemoryContext oldcontext = MemoryContextSwitchTo(batch->context);
	Refusal *refusal;

	BATCH_GROW(batch, refusals, n_refusals, max_refusals);
	refusal = &batch->refusals[batch->n_refusals++];
	refusal->identifier = IDENTIFIER_TEXT(identifier);
	refusal->identifier_len = IDENTIFIER_LEN(identifier);
	refusal->event = event;
	refusal->reason = REFUSED_LIMIT;
	refusal->detail =
	    psprintf("a profile may have %d of %.*s", limit->max, limit->name_len, limit->name);
	MemoryContextSwitchTo(oldcontext);
}

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

/* Takes the evidence of the events, in the order of (time, event id). */
static void
link_events(Batch *batch)
{
	int *order = MemoryContextAllocHuge(batch->context, sizeof(int) * Max(batch->n_events, 1));

	for (int i = 0; i < batch->n_events; i++)
		order[i] = i;
	if (batch->n_events > 1)
		qsort_arg(order, batch->n_events, sizeof(int), compare_events, batch);
	for (int i = 0; i < batch->n_events; i++)
	{
		Event *event = &batch->events[order[i]];
		int anchor;

		CHECK_FOR_INTERRUPTS();
		if (event->n_refs == 0)
			continue;
		anchor = batch->refs[event->first_ref];
		component_of(batch, anchor)->anchors = true;
		for (int r = 1; r < event->n_refs; r++)
		{
			int other = batch->refs[event->first_ref + r];
			int a = find_component(batch, batch->nodes[anchor].component);
			int b = find_component(batch, batch->nodes[other].component);
			const LimitCount *limit = NULL;

			if (a != b)
			{
				limit = broken_limit(batch, &batch->components[a], &batch->components[b]);
				if (limit == NULL)
					unite(batch, a, b, order[i], anchor, other);
			}
			if (limit != NULL)
				refuse_link(batch, other, order[i], limit);
			else
				add_link(batch, anchor, other, order[i]);
		}
	}
}

/* The profile that the loser of a merge ends up in. */
static Profile *
final_survivor(Batch *batch, Profile *profile)
{
	return batch->components[find_component(batch, profile->component)].profile;
}

typedef struct MoveContext
{
	Batch *batch;
	int64 to;
} MoveContext;

/* Moves a row of identifiers to another profile. */
static bool
move_identifier(TupleTableSlot *slot, void *context)
{
	MoveContext *move = (MoveContext *) context;
	Batch *batch = move->batch;
	Store *store = batch->store;
	Datum values[N_IDENTIFIER_COLUMNS];
	bool isnull[N_IDENTIFIER_COLUMNS];
	Identifier *identifier;
	TupleTableSlot *changed;
	int node;

	for (int i = 0; i < N_IDENTIFIER_COLUMNS; i++)
		values[i] = store_value(store, TABLE_IDENTIFIERS, slot, i, &isnull[i]);
	identifier = DatumGetIdentifierPP(values[IDENTIFIER_IDENTIFIER]);
	node = batch_find_node(batch, IDENTIFIER_TEXT(identifier), IDENTIFIER_LEN(identifier));
	if (node >= 0)
		return true; /* the batch writes its own identifiers, see write_identifiers */
	values[IDENTIFIER_PROFILE_ID] = Int64GetDatum(move->to);
	changed = store_changed_row(store, TABLE_IDENTIFIERS, slot, values, isnull);
	store_update(store, TABLE_IDENTIFIERS, &slot->tts_tid, changed);
	return true;
}

/* Repoints a former id to the profile that it resolves to now. */
static bool
repoint_former_id(TupleTableSlot *slot, void *context)
{
	MoveContext *move = (MoveContext *) context;
	Store *store = move->batch->store;
	Datum values[N_MERGE_COLUMNS];
	bool isnull[N_MERGE_COLUMNS];

	for (int i = 0; i < N_MERGE_COLUMNS; i++)
		values[i] = store_value(store, TABLE_MERGES, slot, i, &isnull[i]);
	values[MERGE_PROFILE_ID] = Int64GetDatum(move->to);
	store_update(store, TABLE_MERGES, &slot->tts_tid,
	             store_changed_row(store, TABLE_MERGES, slot, values, isnull));
	return true;
}

/* Each loser goes straight to the profile that survives in the end. */
static void
merge_profiles(Batch *batch)
{
	for (int i = 0; i < batch->n_merges; i++)
	{
		Merge *merge = &batch->merges[i];
		Profile *survivor = final_survivor(batch, merge->loser);
		MoveContext move = {batch, survivor->id};

		CHECK_FOR_INTERRUPTS();
		merge->loser->merged = true;
		store_scan_identifiers(batch->store, merge->loser->id, NULL, move_identifier, &move);
		store_scan_merges(batch->store, merge->loser->id, repoint_former_id, &move);
		merge->loser->next_taken = survivor->taken_in;
		survivor->taken_in = merge->loser;
		survivor->gained++; /* the former id */
	}
}

/* Gives a profile to each component that anchors an event and has none. */
static void
create_profiles(Batch *batch)
{
	for (int e = 0; e < batch->n_events; e++)
	{
		Event *event = &batch->events[e];
		Component *component;
		IdNode *anchor;
		bool found;

		if (event->n_refs == 0)
			continue;
		anchor = &batch->nodes[batch->refs[event->first_ref]];
		component = component_of(batch, batch->refs[event->first_ref]);
		if (component->profile != NULL)
			continue;
		found = true;
		if (anchor->fresh && anchor->new_id)
			component->profile = batch_profile(batch, anchor->row.profile_id, &found);
		if (found) /* no guess, or the guess belongs to another component */
			component->profile =
			    batch_profile(batch, nextval_internal(batch->ws->profiles_sequence, false), &found);
		component->profile->is_new = true;
	}
}

/* Writes the batch's own identifiers where their profile or times have changed. */
static void
write_identifiers(Batch *batch)
{
	Store *store = batch->store;

	for (int i = 0; i < batch->n_nodes; i++)
	{
		IdNode *node = &batch->nodes[i];
		Profile *profile = component_of(batch, i)->profile;
		StoredIdentifier row = node->row;
		Datum values[N_IDENTIFIER_COLUMNS];
		bool isnull[N_IDENTIFIER_COLUMNS];
		TupleTableSlot *slot;

		CHECK_FOR_INTERRUPTS();
		row.profile_id = profile == NULL ? 0 : profile->id;
		row.first_seen = Min(node->row.first_seen, node->first_at);
		row.last_seen = last_seen_of(row.first_seen, node->row.last_seen, node->last_at);
		if (profile != NULL && (node->fresh || node->row.profile_id == 0))
			profile->gained++;
		if (row.profile_id == node->row.profile_id && row.first_seen == node->row.first_seen &&
		    row.last_seen == node->row.last_seen)
			continue;
		slot = store_find(store, TABLE_IDENTIFIERS, PointerGetDatum(node->identifier));
		if (slot == NULL)
			elog(ERROR, "identifier that is there cannot be found");
		fill_identifier(values, isnull, PointerGetDatum(node->identifier), &row);
		store_update(store, TABLE_IDENTIFIERS, &slot->tts_tid,
		             store_changed_row(store, TABLE_IDENTIFIERS, slot, values, isnull));
	}
}

/* Gives each profile its events, in their order. */
static void
assign_events(Batch *batch)
{
	for (int e = batch->n_events - 1; e >= 0; e--)
	{
		Event *event = &batch->events[e];
		Profile *profile;

		if (event->n_refs == 0)
			continue;
		profile = component_of(batch, batch->refs[event->first_ref])->profile;
		event->next = profile->first_event;
		profile->first_event = e;
	}
}

/*
 * The stage itself, once everything is locked: components, merges, profiles.
 */
void
resolve_batch(Batch *batch)
{
	Store *store = batch->store;
	bool stale = store->stale || store->snapshots != batch->found_with;

	if (store->wrote || stale)
		store_refresh(store);
	if (stale)
		resolve_find(batch); /* the times of identifiers may have changed too */
	make_components(batch);
	link_events(batch);
	create_profiles(batch);
	merge_profiles(batch);
	write_identifiers(batch);
	assign_events(batch);
}
