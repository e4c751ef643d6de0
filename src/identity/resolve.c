/*
 * resolve.c
 *	  Stage two: identifiers become profiles - create, attach or merge, as the
 *	  evidence says (evidence.c).
 *
 * Order of locks, the same in every statement: new identifiers and those
 * without a profile, sorted; then all profiles, sorted. Known identifiers are
 * read, not locked: their profile only changes while the locks of the profile
 * that they leave and of the one that they come to are held, and both rows are
 * written then. So what a lock waited for is read again, and where it shows
 * other profiles, or none, the locks are given back (a subtransaction) and taken
 * anew. Each such round means that somebody's change was committed.
 *
 * An identifier without a profile that evidence names (a refused one) is not
 * locked itself: it is guarded by the profiles of the evidence, all those that
 * a replay of its component would touch. They are locked with the batch's own,
 * as they are where a replay is to be expected.
 */
#include "batch/batch.h"

#include "access/xact.h"
#include "commands/sequence.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "batch/tables.h"

/* Reads what is stored of one identifier. */
void
resolve_read(Store *store, IdNode *node)
{
	if (!node->fresh)
		node->stored = store_find_identifier(store, PointerGetDatum(node->identifier), &node->row);
	evidence_classify(store, node);
}

/* Reads which profile each identifier belongs to. */
void
resolve_find(Batch *batch)
{
	batch->found_with = batch->store->snapshots;
	for (int i = 0; i < batch->n_nodes; i++)
	{
		CHECK_FOR_INTERRUPTS();
		resolve_read(batch->store, &batch->nodes[i]);
	}
	evidence_drop_generic(batch);
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
void
resolve_fill_identifier(Datum *values, bool *isnull, Datum identifier, const StoredIdentifier *row)
{
	values[IDENTIFIER_IDENTIFIER] = identifier;
	values[IDENTIFIER_PROFILE_ID] = Int64GetDatum(row->profile_id);
	values[IDENTIFIER_FIRST_SEEN] = TimestampTzGetDatum(row->first_seen);
	values[IDENTIFIER_LAST_SEEN] = TimestampTzGetDatum(row->last_seen);
	memset(isnull, 0, sizeof(bool) * N_IDENTIFIER_COLUMNS);
	isnull[IDENTIFIER_PROFILE_ID] = row->profile_id == 0;
	values[IDENTIFIER_ANCHORED_AT] = TimestampTzGetDatum(row->anchored_at);
	isnull[IDENTIFIER_ANCHORED_AT] = row->anchored_at == DT_NOEND;
	values[IDENTIFIER_GENERIC] = BoolGetDatum(row->generic);
}

/* Puts what is known of an identifier now into its row; what is the user's in it stays. */
void
resolve_rewrite(Store *store, TupleTableSlot *slot, const Identifier *identifier,
                const StoredIdentifier *row)
{
	Datum values[N_IDENTIFIER_COLUMNS];
	bool isnull[N_IDENTIFIER_COLUMNS];

	resolve_fill_identifier(values, isnull, PointerGetDatum(identifier), row);
	store_update(store, TABLE_IDENTIFIERS, &slot->tts_tid,
	             store_changed_row(store, TABLE_IDENTIFIERS, slot, values, isnull));
}

/* The row of an identifier that has one. */
TupleTableSlot *
resolve_row(Store *store, const Identifier *identifier)
{
	TupleTableSlot *slot = store_find(store, TABLE_IDENTIFIERS, PointerGetDatum(identifier));

	if (slot == NULL)
		elog(ERROR, "identifier that is there cannot be found");
	return slot;
}

/* A generic identifier is nobody's, and when it was seen is not kept: nobody has to write it. */
void
resolve_forget_times(StoredIdentifier *row)
{
	row->first_seen = DT_NOBEGIN;
	row->last_seen = DT_NOEND;
	row->anchored_at = DT_NOEND;
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

		if (node->stored || node->row.generic)
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

typedef struct TakeRow
{
	Store *store;
	IdNode *node;
} TakeRow;

/* Whether a row that has been locked was to be. */
static bool
is_still_to_take(void *context)
{
	TakeRow *take = (TakeRow *) context;

	store_refresh(take->store);
	resolve_read(take->store, take->node);
	return take->node->stored && resolve_is_to_take(take->node);
}

/* Locks a row of identifiers, unless it has changed, or is one that is not to be locked by now. */
static bool
take_row(void *context)
{
	TakeRow *take = (TakeRow *) context;
	TupleTableSlot *slot =
	    store_find(take->store, TABLE_IDENTIFIERS, PointerGetDatum(take->node->identifier));

	return slot != NULL && store_lock_unchanged(take->store, TABLE_IDENTIFIERS, slot) == LOCK_OK &&
	       store_read_outside(take->store, TABLE_IDENTIFIERS, is_still_to_take, take);
}

static void
read_again(Store *store, IdNode *node)
{
	store_refresh(store);
	resolve_read(store, node);
	if (!node->stored)
		elog(ERROR, "identifier that is there cannot be found");
}

/*
 * Takes one identifier that has been read (resolve_read) and has no row or no
 * profile: inserts it, or locks the row that is there. Somebody else may have
 * been quicker.
 *
 * A row that has a profile by the time it is ours must not be locked: who
 * changes its profile writes it while holding the locks of profiles. The same
 * holds for one that evidence guards.
 */
void
resolve_take_identifier(Store *store, IdNode *node)
{
	TakeRow take = {store, node};

	if (!node->stored)
	{
		Datum values[N_IDENTIFIER_COLUMNS];
		bool isnull[N_IDENTIFIER_COLUMNS];

		node->row.first_seen = node->first_at;
		node->row.last_seen = last_seen_of(node->first_at, DT_NOBEGIN, node->last_at);
		node->row.anchored_at = node->anchors_at;
		node->row.generic = false;
		resolve_fill_identifier(values, isnull, PointerGetDatum(node->identifier), &node->row);
		if (store_insert_unless_there(store, TABLE_IDENTIFIERS,
		                              store_new_row(store, TABLE_IDENTIFIERS, values, isnull)))
		{
			node->stored = node->fresh = node->blank = node->taken = true;
			return;
		}
		read_again(store, node);
	}
	while (resolve_is_to_take(node))
	{
		CHECK_FOR_INTERRUPTS();
		node->taken = store_attempt(store, TABLE_IDENTIFIERS, take_row, &take);
		if (!node->taken)
			read_again(store, node);
	}
}

/* Whether a node, as it has been read, is to be locked itself and is not yet. */
bool
resolve_is_to_take(const IdNode *node)
{
	return !node->stored ||
	       (node->row.profile_id == 0 && !node->taken && !node->row.generic && !node->guarded);
}

static bool
any_to_take(const Batch *batch)
{
	for (int i = 0; i < batch->n_nodes; i++)
		if (resolve_is_to_take(&batch->nodes[i]))
			return true;
	return false;
}

/* Locks in their order what has no profile: new identifiers and refused ones. */
static void
take_identifiers(Batch *batch)
{
	int *sorted;

	if (!any_to_take(batch))
		return;
	sorted = batch_sorted_nodes(batch);
	for (int i = 0; i < batch->n_nodes; i++)
	{
		IdNode *node = &batch->nodes[sorted[i]];

		CHECK_FOR_INTERRUPTS();
		if (resolve_is_to_take(node))
			resolve_take_identifier(batch->store, node);
	}
}

/*
 * Locks what has no profile, and reads again until all has been read with one
 * snapshot. An identifier may have lost its profile while something else was
 * waited for; it is locked then, out of the order, which is the one case in
 * which two inserts could wait for each other.
 */
static void
settle_identifiers(Batch *batch)
{
	take_identifiers(batch);
	while (batch->store->snapshots != batch->found_with)
	{
		CHECK_FOR_INTERRUPTS();
		resolve_find(batch);
		take_identifiers(batch);
	}
}

/* The profile that a node is stored with; 0: none. */
static int64
stored_profile(const IdNode *node)
{
	return node->stored && !node->fresh ? node->row.profile_id : 0;
}

/* The stored profiles of the batch's identifiers, sorted and distinct. */
static int64 *
stored_profiles(Batch *batch, int *count)
{
	int64 *ids = MemoryContextAllocHuge(batch->context, sizeof(int64) * Max(batch->n_nodes, 1));
	int n = 0;

	for (int i = 0; i < batch->n_nodes; i++)
		if (stored_profile(&batch->nodes[i]) != 0)
			ids[n++] = stored_profile(&batch->nodes[i]);
	*count = ids_sort(ids, n);
	return ids;
}

/*
 * Error: identifiers belong to a profile that is not there, as of one snapshot.
 */
void
resolve_report_missing(int64 profile_id)
{
	ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
	                errmsg("profile " INT64_FORMAT " does not exist", profile_id),
	                errdetail("Identifiers of the event belong to it."),
	                errhint("Run cdp.check and cdp.rebuild on the workspace.")));
}

/* Error: one of the profiles, which have just been read of, is not there. */
void
resolve_require_profiles(Store *store, const int64 *ids, int n)
{
	for (int i = 0; i < n; i++)
		if (store_find(store, TABLE_PROFILES, Int64GetDatum(ids[i])) == NULL)
			resolve_report_missing(ids[i]);
}

/* Makes the batch's copy of a profile that has just been locked, with its values where there is room. */
static void
note_locked(Batch *batch, int64 id, TupleTableSlot *slot, bool read)
{
	bool found;
	Profile *profile = batch_profile(batch, id, &found);

	fold_peek_profile(batch, profile, slot);
	if (read)
		fold_load_profile(batch, profile, slot);
}

/* Profiles to lock, in order. */
typedef struct LockList
{
	Batch *batch;
	const int64 *ids;
	int count;
	int64 *more; /* those needed that are not of the batch's identifiers */
	int n_more;
} LockList;

/*
 * The identifiers whose components decide which profiles a replay may touch:
 * guarded ones, and where the batch has suspects, all that others may be refused
 * to belong to. The batch's own evidence, which is not stored yet, may lead a
 * replay from any of them to any other. seeds: room for all nodes.
 */
static int
collect_seeds(Batch *batch, Identifier **seeds)
{
	int n = 0;

	for (int i = 0; i < batch->n_nodes; i++)
	{
		IdNode *node = &batch->nodes[i];

		/* of a blank one nothing is stored but its row, with a guess for its profile */
		if (node->guarded ||
		    (batch->n_suspects > 0 && !node->blank && evidence_component(batch, i)->touchy))
			seeds[n++] = node->identifier;
	}
	return n;
}

/*
 * Whether all that the batch is going to write is locked. Reads what waiting
 * has changed: also where no locked row has, since who changes evidence need
 * not write the profiles that it guards or is contested in.
 */
static bool
are_all_listed(void *context)
{
	LockList *list = (LockList *) context;
	Batch *batch = list->batch;
	bool touchy = false;
	Identifier **seeds;
	int n_seeds;

	for (int i = 0; i < batch->n_nodes && !touchy; i++)
		touchy = batch->nodes[i].guarded;
	for (int i = 0; i < batch->n_profiles && !touchy; i++)
		touchy = batch->profiles[i]->was_contested;
	if (batch->store->stale || touchy)
	{
		store_refresh(batch->store);
		resolve_find(batch);
	}
	if (any_to_take(batch))
		return false;
	for (int i = 0; i < batch->n_nodes; i++)
	{
		IdNode *node = &batch->nodes[i];

		touchy = touchy || node->guarded;
		if (stored_profile(node) != 0 &&
		    !ids_include(list->ids, list->count, &node->row.profile_id, 1))
			return false;
	}
	if (!touchy)
		return true;
	evidence_decide(batch);
	seeds = MemoryContextAllocHuge(batch->context, sizeof(Identifier *) * (batch->n_nodes + 1));
	n_seeds = collect_seeds(batch, seeds);
	list->more = n_seeds == 0 ? NULL : replay_closure(batch->store, seeds, n_seeds, &list->n_more);
	if (ids_include(list->ids, list->count, list->more, list->n_more))
		return true;
	resolve_require_profiles(batch->store, list->more, list->n_more);
	return false;
}

/* Whether one of the batch's identifiers belongs to a profile. */
static bool
is_own(const Batch *batch, int64 profile_id)
{
	for (int i = 0; i < batch->n_nodes; i++)
		if (stored_profile(&batch->nodes[i]) == profile_id)
			return true;
	return false;
}

static bool
lock_listed(void *context)
{
	LockList *list = (LockList *) context;
	Batch *batch = list->batch;

	for (int i = 0; i < list->count; i++)
	{
		TupleTableSlot *slot;

		CHECK_FOR_INTERRUPTS();
		slot = store_find(batch->store, TABLE_PROFILES, Int64GetDatum(list->ids[i]));
		if (slot == NULL && is_own(batch, list->ids[i]))
			resolve_report_missing(list->ids[i]);
		if (slot == NULL || store_lock(batch->store, TABLE_PROFILES, slot) != LOCK_OK)
			return false;
		note_locked(batch, list->ids[i], slot,
		            list->count <= SLICE_PROFILES &&
		                MemoryContextMemAllocated(batch->values, true) <= SLICE_BYTES);
	}
	return store_read_outside(batch->store, TABLE_PROFILES, are_all_listed, list);
}

/*
 * Locks the only profile of a batch without a subtransaction, as long as the
 * order of its evidence does not matter: false if it may. Who waits for it and
 * finds it changed reads again before he locks.
 */
static bool
lock_single(Batch *batch)
{
	for (;;)
	{
		int count;
		int64 *ids;
		TupleTableSlot *slot;
		bool found;
		Profile *profile;

		CHECK_FOR_INTERRUPTS();
		settle_identifiers(batch);
		ids = stored_profiles(batch, &count);
		if (count > 1)
			return false;
		for (int i = 0; i < batch->n_nodes; i++)
			if (batch->nodes[i].guarded)
				return false;
		if (count == 0)
			return true;
		slot = store_find(batch->store, TABLE_PROFILES, Int64GetDatum(ids[0]));
		if (slot == NULL)
			resolve_report_missing(ids[0]);
		profile = batch_profile(batch, ids[0], &found);
		fold_peek_profile(batch, profile, slot);
		if (profile->was_contested)
			return false;
		if (store_lock_unchanged(batch->store, TABLE_PROFILES, slot) == LOCK_OK)
		{
			note_locked(batch, ids[0], slot, true);
			return true;
		}
		batch_forget_profiles(batch);
		store_refresh(batch->store);
		resolve_find(batch);
	}
}

/* The batch's profiles and others, sorted and distinct. */
static int64 *
with_more(Batch *batch, const int64 *more, int n_more, int *count)
{
	int64 *own = stored_profiles(batch, count);
	int64 *ids;
	int n = *count;

	if (n_more == 0)
		return own;
	ids = MemoryContextAllocHuge(batch->context, sizeof(int64) * (n + n_more));
	memcpy(ids, own, sizeof(int64) * n);
	memcpy(ids + n, more, sizeof(int64) * n_more);
	*count = ids_sort(ids, n + n_more);
	return ids;
}

/*
 * Locks all that the batch is going to write: identifiers without a profile,
 * then the profiles of the others and those that a replay would touch, in the
 * order of their ids.
 */
void
resolve_lock(Batch *batch)
{
	LockList list = {.batch = batch};

	if (lock_single(batch))
		return;
	for (;;)
	{
		batch_forget_profiles(batch);
		list.ids = with_more(batch, list.more, list.n_more, &list.count);
		list.more = NULL;
		list.n_more = 0;
		if (store_attempt(batch->store, TABLE_PROFILES, lock_listed, &list))
			return;
		store_refresh(batch->store);
		resolve_find(batch);
		settle_identifiers(batch);
	}
}

/* The profile that the loser of a merge ends up in. */
static Profile *
final_survivor(Batch *batch, Profile *profile)
{
	Component *component = &batch->components[profile->component];

	while (&batch->components[component->parent] != component)
		component = &batch->components[component->parent];
	return component->profile;
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
	StoredIdentifier row;
	bool isnull;
	Identifier *identifier = DatumGetIdentifierPP(
	    store_value(batch->store, TABLE_IDENTIFIERS, slot, IDENTIFIER_IDENTIFIER, &isnull));

	if (batch_find_node(batch, IDENTIFIER_TEXT(identifier), IDENTIFIER_LEN(identifier)) >= 0)
		return true; /* the batch writes its own identifiers, see write_identifiers */
	store_read_identifier(batch->store, slot, &row);
	row.profile_id = move->to;
	resolve_rewrite(batch->store, slot, identifier, &row);
	return true;
}

/* Repoints a former id, unless it is a profile again, to the profile that it resolves to now. */
void
resolve_repoint_former(Store *store, TupleTableSlot *slot, int64 to)
{
	Datum values[N_MERGE_COLUMNS];
	bool isnull[N_MERGE_COLUMNS];

	for (int i = 0; i < N_MERGE_COLUMNS; i++)
		values[i] = store_value(store, TABLE_MERGES, slot, i, &isnull[i]);
	if (!isnull[MERGE_UNDONE_AT])
		return;
	values[MERGE_PROFILE_ID] = Int64GetDatum(to);
	store_update(store, TABLE_MERGES, &slot->tts_tid,
	             store_changed_row(store, TABLE_MERGES, slot, values, isnull));
}

static bool
repoint_former_id(TupleTableSlot *slot, void *context)
{
	MoveContext *move = (MoveContext *) context;

	resolve_repoint_former(move->batch->store, slot, move->to);
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
		component = evidence_component(batch, batch->refs[event->first_ref]);
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

/* What becomes of an identifier with the batch's events, given what is stored of it. */
static StoredIdentifier
identifier_with(const IdNode *node, const StoredIdentifier *stored, int64 profile_id)
{
	StoredIdentifier row = *stored;

	row.profile_id = profile_id;
	row.anchored_at = Min(stored->anchored_at, node->anchors_at);
	row.generic = node->row.generic;
	row.first_seen = Min(stored->first_seen, node->first_at);
	row.last_seen = last_seen_of(row.first_seen, stored->last_seen, node->last_at);
	if (row.generic)
		resolve_forget_times(&row);
	return row;
}

/*
 * Writes the batch's own identifiers where their profile or times have changed.
 * An event without an anchor moves times and writes no profile, so nobody who
 * waited for the profile knows of it: the times are those of the row as it is
 * now. They only ever move one way; who has nothing to say to the row as it
 * was has nothing to say to it now.
 */
static void
write_identifiers(Batch *batch)
{
	Store *store = batch->store;

	for (int i = 0; i < batch->n_nodes; i++)
	{
		IdNode *node = &batch->nodes[i];
		Profile *profile = evidence_component(batch, i)->profile;
		int64 profile_id = profile == NULL ? 0 : profile->id;
		StoredIdentifier row;
		StoredIdentifier now;
		TupleTableSlot *slot;

		CHECK_FOR_INTERRUPTS();
		if (node->row.generic && !node->blank)
			continue;
		row = identifier_with(node, &node->row, profile_id);
		if (profile != NULL && (node->fresh || node->row.profile_id == 0))
			profile->gained++;
		if (row.profile_id == node->row.profile_id && row.first_seen == node->row.first_seen &&
		    row.last_seen == node->row.last_seen && row.anchored_at == node->row.anchored_at &&
		    !row.generic)
			continue;
		slot = resolve_row(store, node->identifier);
		store_read_identifier(store, slot, &now);
		row = identifier_with(node, &now, profile_id);
		resolve_rewrite(store, slot, node->identifier, &row);
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
		profile = evidence_component(batch, batch->refs[event->first_ref])->profile;
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
	store_refresh(
	    batch->store); /* what the locks keep from changing may have changed before them */
	evidence_decide(batch);
	create_profiles(batch);
	evidence_note_contests(batch);
	merge_profiles(batch);
	write_identifiers(batch);
	assign_events(batch);
}
