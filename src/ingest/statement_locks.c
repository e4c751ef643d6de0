/*
 * statement_locks.c
 *	  Takes the locks of a statement of several batches, all before the first batch.
 */
#include "ingest/ingest_internal.h"
#include "base/ids.h"

#include "catalog/pg_operator_d.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "identity/rows.h"
#include "store/lock.h"
#include "utils/tuplesort.h"
#include "utils/typcache.h"

/* Sorts the identifiers of a statement, batch by batch; *n: how many there are. */
static Tuplesortstate *
sort_identifiers(Statement *statement, int64 *n)
{
	Batch *batch = statement->batch;
	TypeCacheEntry *type = lookup_type_cache(
	    TupleDescAttr(statement->slot->tts_tupleDescriptor,
	                  workspace_table(store_workspace(statement->store), &events_table)
	                          ->columns[EVENT_ANCHOR] -
	                      1)
	        ->atttypid,
	    TYPECACHE_LT_OPR);
	Tuplesortstate *sort = tuplesort_begin_datum(type->type_id, type->lt_opr, InvalidOid, false,
	                                             work_mem, NULL, TUPLESORT_RANDOMACCESS);
	int64 row = 0;
	bool rows_left;

	*n = 0;
	statement_rewind(statement);
	do
	{
		rows_left = statement_fill_identifiers(statement, &row);
		for (int i = 0; i < batch->n_nodes; i++)
			tuplesort_putdatum(sort, PointerGetDatum(batch->nodes[i].identifier), false);
		*n += batch->n_nodes;
		batch_reset(batch);
	} while (rows_left);
	tuplesort_performsort(sort);
	return sort;
}

/* What a statement of several batches locks, in order. */
typedef struct LockSort
{
	Statement *statement;
	Tuplesortstate *identifiers;
	bits8 *row_locked_bits; /* a bit per distinct identifier: we have locked its row */
	Tuplesortstate *profiles;
	int read_at;               /* store_reading when all were read; -1: under several snapshots */
	ReplayQueue guarded;       /* identifiers whose components may need a replay */
	List *contested;           /* profiles whose components may need a replay */
	int64 *component_profiles; /* the profiles of those components */
	int n_component_profiles;
} LockSort;

static Tuplesortstate *
begin_profile_sort(void)
{
	return tuplesort_begin_datum(INT8OID, Int8LessOperator, InvalidOid, false, work_mem, NULL,
	                             TUPLESORT_RANDOMACCESS);
}

/*
 * Reads the statement's identifiers in their order. Their profiles are put into the sort
 * profiles; identifiers that are guarded are noted. may_lock: those without a row or a
 * profile are locked. Otherwise, false if there is such an identifier. A new row gets no
 * profile and no times here; the batch of its event sets them.
 */
static bool
walk_identifiers(LockSort *lock, Tuplesortstate *profiles, bool may_lock)
{
	Store *store = lock->statement->store;
	Identifier *before = NULL;
	int64 i = -1;
	bool all = true;
	Datum datum;
	bool isnull;

	lock->guarded = (ReplayQueue){lock->statement->context};
	store_refresh(store);
	lock->read_at = store_reading(store);
	tuplesort_rescan(lock->identifiers);
	while (all && tuplesort_getdatum(lock->identifiers, true, &datum, &isnull, NULL))
	{
		IdNode node = {0};

		CHECK_FOR_INTERRUPTS();
		node.identifier = DatumGetIdentifierPP(datum);
		if (before != NULL && identifier_compare(before, node.identifier) == 0)
		{
			pfree(node.identifier);
			continue;
		}
		if (before != NULL)
			pfree(before);
		before = node.identifier;
		i++;
		node.first_at = DT_NOEND;
		node.last_at = DT_NOBEGIN;
		node.anchors_at = DT_NOEND;
		if (bits_get(lock->row_locked_bits, i))
			continue;
		identity_read_node(store, &node);
		all = may_lock || !identity_must_lock(&node);
		if (may_lock && identity_must_lock(&node))
		{
			identity_lock_node(store, &node);
			if (node.row_locked)
				bits_set(lock->row_locked_bits, i);
		}
		if (node.is_guarded)
			replay_queue_add(&lock->guarded, node.identifier);
		if (node.row.profile_id != 0)
			tuplesort_putdatum(profiles, Int64GetDatum(node.row.profile_id), false);
	}
	if (store_reading(store) != lock->read_at)
		lock->read_at = -1;
	return all;
}

/* Whether each value of one sort is in the other. */
static bool
is_subset(Tuplesortstate *inner, Tuplesortstate *outer)
{
	Datum wanted;
	Datum have;
	bool isnull;
	bool any = false;

	tuplesort_rescan(outer);
	while (tuplesort_getdatum(inner, true, &wanted, &isnull, NULL))
	{
		CHECK_FOR_INTERRUPTS();
		while (!any || DatumGetInt64(have) < DatumGetInt64(wanted))
		{
			if (!tuplesort_getdatum(outer, true, &have, &isnull, NULL))
				return false;
			any = true;
		}
		if (DatumGetInt64(have) != DatumGetInt64(wanted))
			return false;
	}
	return true;
}

typedef struct FirstIdentifier
{
	Store *store;
	ReplayQueue *into;
} FirstIdentifier;

static bool
queue_first_identifier(TupleTableSlot *slot, void *context)
{
	FirstIdentifier *first = (FirstIdentifier *) context;
	bool isnull;

	replay_queue_add(first->into,
	                 DatumGetIdentifierPP(store_value(first->store, &identifiers_table, slot,
	                                                  IDENTIFIER_IDENTIFIER, &isnull)));
	return false;
}

/*
 * Finds the component profiles of contested profiles and guarded identifiers: a replay may
 * touch them. Returns whether they are locked too; if not, notes them for the next attempt.
 */
static bool
add_component_profiles(LockSort *lock)
{
	Store *store = lock->statement->store;
	int64 *found;
	int n;
	ListCell *lc;

	foreach (lc, lock->contested)
	{
		FirstIdentifier first = {store, &lock->guarded};

		stored_visit_identifiers(store, *(int64 *) lfirst(lc), NULL, queue_first_identifier,
		                         &first);
	}
	if (lock->guarded.n == 0)
		return true;
	found = identity_component_profiles(store, lock->guarded.identifiers, lock->guarded.n, &n);
	if (ids_include(lock->component_profiles, lock->n_component_profiles, found, n))
		return true;
	identity_require_profiles(store, found, n);
	lock->component_profiles = found;
	lock->n_component_profiles = n;
	return false;
}

/*
 * Whether all that the statement is going to write is locked. If something may have changed
 * since the identifiers were read, they are read again. Evidence may have changed even if no
 * locked row has, see identity/locks.c.
 */
static bool
recheck_statement_locks(void *context)
{
	LockSort *lock = (LockSort *) context;
	Store *store = lock->statement->store;

	if (store_is_stale(store) || lock->read_at != store_reading(store) || lock->guarded.n > 0)
	{
		Tuplesortstate *others = begin_profile_sort();
		bool same = walk_identifiers(lock, others, false);

		if (same)
		{
			tuplesort_performsort(others);
			same = is_subset(others, lock->profiles);
		}
		tuplesort_end(others);
		if (!same)
			return false;
	}
	else if (lock->contested != NIL)
		store_refresh(store);
	return add_component_profiles(lock);
}

/* Locks the sorted profiles; false: one of them no longer exists, or others are needed too. */
static bool
lock_sorted_profiles(void *context)
{
	LockSort *lock = (LockSort *) context;
	Store *store = lock->statement->store;
	Datum datum;
	bool isnull;
	int64 before = 0;

	while (tuplesort_getdatum(lock->profiles, true, &datum, &isnull, NULL))
	{
		TupleTableSlot *slot;

		CHECK_FOR_INTERRUPTS();
		if (DatumGetInt64(datum) == before)
			continue;
		before = DatumGetInt64(datum);
		slot = store_find(store, &profiles_table, datum);
		if (slot == NULL && lock->read_at == store_reading(store) &&
		    lock->n_component_profiles == 0)
			identity_report_missing(before);
		if (slot == NULL || store_lock(store, &profiles_table, slot) != LOCK_OK)
		{
			lock->n_component_profiles = 0; /* the missing profile may be one of them */
			return false;
		}
		(void) store_value(store, &profiles_table, slot, PROFILE_CONTESTED_UNTIL, &isnull);
		if (!isnull)
		{
			int64 *id = palloc(sizeof(int64));

			*id = before;
			lock->contested = lappend(lock->contested, id);
		}
	}
	return store_read_outside(store, &profiles_table, recheck_statement_locks, lock);
}

/* See identity/locks.c for the order of the locks. */
void
statement_lock(Statement *statement)
{
	LockSort lock = {.statement = statement};
	int64 n;
	bool all;

	lock.identifiers = sort_identifiers(statement, &n);
	lock.row_locked_bits = bits_make(statement, n);
	do
	{
		lock.contested = NIL;
		lock.profiles = begin_profile_sort();
		(void) walk_identifiers(&lock, lock.profiles, true);
		for (int i = 0; i < lock.n_component_profiles; i++)
			tuplesort_putdatum(lock.profiles, Int64GetDatum(lock.component_profiles[i]), false);
		tuplesort_performsort(lock.profiles);
		all = store_attempt(statement->store, &profiles_table, lock_sorted_profiles, &lock);
		tuplesort_end(lock.profiles);
	} while (!all);
	tuplesort_end(lock.identifiers);
}
