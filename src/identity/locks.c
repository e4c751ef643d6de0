/*
 * locks.c
 *	  Locks all that a batch is going to write, before anything is decided.
 *
 * The order is the same in every statement: first new identifiers and those without a
 * profile, sorted; then all profiles, sorted. Known identifiers are read, not locked. Their
 * profile changes only while the profiles that they leave and come to are locked, and both
 * rows are written then. So after a wait everything is read again. The identifiers may
 * belong to other profiles now, or to none. Then the locks are given back, by rolling back
 * a subtransaction, and taken again. Each such round means that another transaction has
 * committed a change.
 *
 * A refused identifier may have evidence and no profile. Its row is not locked. The
 * profiles of its evidence guard it: all that a replay of its component would touch. They
 * are locked together with the batch's own, as they are where a replay is expected.
 */
#include "identity/identity_internal.h"
#include "base/ids.h"

#include "miscadmin.h"
#include "profiles/profiles.h"
#include "store/lock.h"

typedef struct LockRow
{
	Store *store;
	IdNode *node;
} LockRow;

/* Reads an identifier again whose row was just locked; returns whether it must still be locked. */
static bool
recheck_identifier(void *context)
{
	LockRow *lock = (LockRow *) context;

	store_refresh(lock->store);
	identity_read_node(lock->store, lock->node);
	return lock->node->has_row && identity_must_lock(lock->node);
}

/* Locks a row of identifiers. False: it has changed, or must not be locked any more. */
static bool
lock_identifier_row(void *context)
{
	LockRow *lock = (LockRow *) context;
	TupleTableSlot *slot =
	    store_find(lock->store, &identifiers_table, PointerGetDatum(lock->node->identifier));

	return slot != NULL && store_lock_unchanged(lock->store, &identifiers_table, slot) == LOCK_OK &&
	       store_read_outside(lock->store, &identifiers_table, recheck_identifier, lock);
}

static void
read_again(Store *store, IdNode *node)
{
	store_refresh(store);
	identity_read_node(store, node);
	if (!node->has_row)
		elog(ERROR, "identifier that is there cannot be found");
}

/*
 * Locks one identifier that has been read (identity_read_node) and has no row or no
 * profile: inserts its row, or locks the existing one. Another session may do the same
 * first.
 *
 * If the row has a profile by the time that we lock it, the lock is given back: a change
 * of its profile writes the row under the locks of profiles. The same holds for a row that
 * is guarded by evidence.
 */
void
identity_lock_node(Store *store, IdNode *node)
{
	LockRow lock = {store, node};

	if (!node->has_row)
	{
		Datum values[N_IDENTIFIER_COLUMNS];
		bool isnull[N_IDENTIFIER_COLUMNS];

		node->row.first_seen = node->first_at;
		node->row.last_seen = rows_last_seen(node->first_at, DT_NOBEGIN, node->last_at);
		node->row.anchored_at = node->anchors_at;
		node->row.generic = false;
		rows_fill(values, isnull, PointerGetDatum(node->identifier), &node->row);
		if (store_insert_unless_there(store, &identifiers_table,
		                              store_new_row(store, &identifiers_table, values, isnull)))
		{
			node->has_row = node->inserted_by_us = node->has_no_evidence = node->row_locked = true;
			return;
		}
		read_again(store, node);
	}
	while (identity_must_lock(node))
	{
		CHECK_FOR_INTERRUPTS();
		node->row_locked = store_attempt(store, &identifiers_table, lock_identifier_row, &lock);
		if (!node->row_locked)
			read_again(store, node);
	}
}

/* Whether a node, as it was read, must be locked itself and is not locked yet. */
bool
identity_must_lock(const IdNode *node)
{
	return !node->has_row || (node->row.profile_id == 0 && !node->row_locked &&
	                          !node->row.generic && !node->is_guarded);
}

static bool
any_to_lock(const Batch *batch)
{
	for (int i = 0; i < batch->n_nodes; i++)
		if (identity_must_lock(&batch->nodes[i]))
			return true;
	return false;
}

/* Locks the identifiers without a profile, in their order: new ones and refused ones. */
static void
lock_batch_identifiers(Batch *batch)
{
	int *sorted;

	if (!any_to_lock(batch))
		return;
	sorted = batch_sorted_nodes(batch);
	for (int i = 0; i < batch->n_nodes; i++)
	{
		IdNode *node = &batch->nodes[sorted[i]];

		CHECK_FOR_INTERRUPTS();
		if (identity_must_lock(node))
			identity_lock_node(batch->store, node);
	}
}

/*
 * Locks the identifiers without a profile, and reads again until all identifiers have been
 * read under one snapshot. An identifier may lose its profile while we wait for another
 * lock. It is locked then, out of the order: the only case in which two inserts can wait
 * for each other.
 */
static void
settle_identifiers(Batch *batch)
{
	lock_batch_identifiers(batch);
	while (store_reading(batch->store) != identity_of(batch)->read_at)
	{
		CHECK_FOR_INTERRUPTS();
		identity_read(batch);
		lock_batch_identifiers(batch);
	}
}

/* The profile that a node's stored row has; 0: none. */
static int64
stored_profile(const IdNode *node)
{
	return node->has_row && !node->inserted_by_us ? node->row.profile_id : 0;
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

/* Makes the batch's copy of a profile that was just locked. read: with its values. */
static void
note_locked(Batch *batch, int64 id, TupleTableSlot *slot, bool read)
{
	bool found;
	Profile *profile = batch_profile(batch, id, &found);

	profiles_peek(batch, profile, slot);
	if (read)
		profiles_load(batch, profile, slot);
}

/* Profiles to lock, in order. */
typedef struct LockList
{
	Batch *batch;
	const int64 *ids;
	int count;
	int64 *others; /* component profiles that are needed too, of other identifiers */
	int n_others;
} LockList;

/*
 * Collects the identifiers whose components say which profiles a replay may touch. These
 * are the guarded ones. If the batch needs a replay, they are also all identifiers in
 * components where the order matters: the batch's own evidence, which is not stored yet,
 * may lead a replay from any of them to any other. starts: room for all nodes.
 */
static int
collect_replay_starts(Batch *batch, Identifier **starts)
{
	int n = 0;

	for (int i = 0; i < batch->n_nodes; i++)
	{
		IdNode *node = &batch->nodes[i];

		/* a node without evidence has nothing stored but its row, with a guessed profile */
		if (node->is_guarded || (identity_of(batch)->n_replay_nodes > 0 && !node->has_no_evidence &&
		                         evidence_component(batch, i)->order_matters))
			starts[n++] = node->identifier;
	}
	return n;
}

/*
 * Whether all that the batch is going to write is locked. Reads again everything
 * that may have changed while we waited, even if no locked row did: evidence can
 * change without a write to the profiles that it concerns.
 */
static bool
recheck_batch_locks(void *context)
{
	LockList *list = (LockList *) context;
	Batch *batch = list->batch;
	bool order_matters = false;
	Identifier **starts;
	int n_starts;

	for (int i = 0; i < batch->n_nodes && !order_matters; i++)
		order_matters = batch->nodes[i].is_guarded;
	for (int i = 0; i < batch->n_profiles && !order_matters; i++)
		order_matters = batch->profiles[i]->was_contested;
	if (store_is_stale(batch->store) || order_matters)
	{
		store_refresh(batch->store);
		identity_read(batch);
	}
	if (any_to_lock(batch))
		return false;
	for (int i = 0; i < batch->n_nodes; i++)
	{
		IdNode *node = &batch->nodes[i];

		order_matters = order_matters || node->is_guarded;
		if (stored_profile(node) != 0 &&
		    !ids_include(list->ids, list->count, &node->row.profile_id, 1))
			return false;
	}
	if (!order_matters)
		return true;
	evidence_decide(batch);
	starts = MemoryContextAllocHuge(batch->context, sizeof(Identifier *) * (batch->n_nodes + 1));
	n_starts = collect_replay_starts(batch, starts);
	list->others = n_starts == 0 ? NULL
	                             : identity_component_profiles(batch->store, starts, n_starts,
	                                                           &list->n_others);
	if (ids_include(list->ids, list->count, list->others, list->n_others))
		return true;
	identity_require_profiles(batch->store, list->others, list->n_others);
	return false;
}

/* Whether an identifier of the batch belongs to this profile. */
static bool
is_of_batch(const Batch *batch, int64 profile_id)
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
		slot = store_find(batch->store, &profiles_table, Int64GetDatum(list->ids[i]));
		if (slot == NULL && is_of_batch(batch, list->ids[i]))
			identity_report_missing(list->ids[i]);
		if (slot == NULL || store_lock(batch->store, &profiles_table, slot) != LOCK_OK)
			return false;
		note_locked(batch, list->ids[i], slot,
		            list->count <= SLICE_PROFILES &&
		                MemoryContextMemAllocated(batch->values, true) <= SLICE_BYTES);
	}
	return store_read_outside(batch->store, &profiles_table, recheck_batch_locks, list);
}

/*
 * Locks the only profile of a batch, without a subtransaction. False: there are several, or
 * the order of evidence matters. If the row changed while we waited, the batch is read
 * again before the next attempt.
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
			if (batch->nodes[i].is_guarded)
				return false;
		if (count == 0)
			return true;
		slot = store_find(batch->store, &profiles_table, Int64GetDatum(ids[0]));
		if (slot == NULL)
			identity_report_missing(ids[0]);
		profile = batch_profile(batch, ids[0], &found);
		profiles_peek(batch, profile, slot);
		if (profile->was_contested)
			return false;
		if (store_lock_unchanged(batch->store, &profiles_table, slot) == LOCK_OK)
		{
			note_locked(batch, ids[0], slot, true);
			return true;
		}
		batch_forget_profiles(batch);
		store_refresh(batch->store);
		identity_read(batch);
	}
}

/* The stored profiles of the batch's identifiers and these others, sorted and distinct. */
static int64 *
profiles_to_lock(Batch *batch, const int64 *others, int n_others, int *count)
{
	int64 *own = stored_profiles(batch, count);
	int64 *ids;
	int n = *count;

	if (n_others == 0)
		return own;
	ids = MemoryContextAllocHuge(batch->context, sizeof(int64) * (n + n_others));
	memcpy(ids, own, sizeof(int64) * n);
	memcpy(ids + n, others, sizeof(int64) * n_others);
	*count = ids_sort(ids, n + n_others);
	return ids;
}

/*
 * Locks identifiers without a profile first; then the profiles of the others and those that
 * a replay would touch, in the order of their ids.
 */
void
identity_lock(Batch *batch)
{
	LockList list = {.batch = batch};

	guess_profiles(batch);
	if (lock_single(batch))
		return;
	for (;;)
	{
		batch_forget_profiles(batch);
		list.ids = profiles_to_lock(batch, list.others, list.n_others, &list.count);
		list.others = NULL;
		list.n_others = 0;
		if (store_attempt(batch->store, &profiles_table, lock_listed, &list))
			return;
		store_refresh(batch->store);
		identity_read(batch);
		settle_identifiers(batch);
	}
}
