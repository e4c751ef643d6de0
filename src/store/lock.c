/*
 * lock.c
 *	  Locks of rows, and attempts to take several of them.
 */
#include "store/store_internal.h"

#include "store/lock.h"

#include "access/xact.h"

LockOutcome
lock_row(Store *store, const WorkspaceTable *which, TupleTableSlot *slot, bool follow)
{
	StoreTable *table = open_table(store, which);
	ItemPointerData tid = slot->tts_tid;
	TM_FailureData failure;
	TM_Result result;

	result = table_tuple_lock(
	    table->rel, &tid, store->snapshot, slot, store->estate->es_output_cid,
	    LockTupleNoKeyExclusive, LockWaitBlock,
	    follow && !IsolationUsesXactSnapshot() ? TUPLE_LOCK_FLAG_FIND_LAST_VERSION : 0, &failure);
	switch (result)
	{
		case TM_Ok:
			store->stale = store->stale || failure.traversed;
			return LOCK_OK;
		case TM_Updated:
		case TM_Deleted:
			if (IsolationUsesXactSnapshot())
				serialization_failure();
			store->stale = true;
			return LOCK_GONE;
		default:
			elog(ERROR, "unexpected result %d of locking a row", (int) result);
	}
	return LOCK_GONE;
}

LockOutcome
store_lock(Store *store, const WorkspaceTable *which, TupleTableSlot *slot)
{
	return lock_row(store, which, slot, true);
}

LockOutcome
store_lock_unchanged(Store *store, const WorkspaceTable *which, TupleTableSlot *slot)
{
	return lock_row(store, which, slot, false);
}

/* Tries to lock a row without waiting for others. */
static TM_Result
try_lock(Store *store, const WorkspaceTable *which, TupleTableSlot *slot)
{
	ItemPointerData tid = slot->tts_tid;
	TM_FailureData failure;

	return table_tuple_lock(open_table(store, which)->rel, &tid, store->snapshot, slot,
	                        store->estate->es_output_cid, LockTupleNoKeyExclusive, LockWaitSkip,
	                        IsolationUsesXactSnapshot() ? 0 : TUPLE_LOCK_FLAG_FIND_LAST_VERSION,
	                        &failure);
}

bool
store_lock_if_free(Store *store, const WorkspaceTable *which, TupleTableSlot *slot)
{
	TM_Result result = try_lock(store, which, slot);

	if ((result == TM_Updated || result == TM_Deleted) && IsolationUsesXactSnapshot())
		serialization_failure();
	return result == TM_Ok;
}

bool
store_lock_any_if_free(Store *store, const WorkspaceTable *which, TupleTableSlot *slot)
{
	return try_lock(store, which, slot) == TM_Ok;
}

/*
 * Releases every buffer pin and ends all scans, so that a subtransaction can begin or end.
 * Makes sure that the table, its key and its slot are open, and stay so.
 */
static void
release(Store *store, const WorkspaceTable *which)
{
	StoreTable *table = open_table(store, which);

	if (table->key == NULL)
		table->key = index_open(workspace_table(store->ws, which)->key, RowExclusiveLock);
	(void) read_slot(store, table);
	end_scans(store);
	for (int i = 0; i < n_workspace_tables; i++)
	{
		if (store->tables[i].slot != NULL)
			ExecClearTuple(store->tables[i].slot);
		if (store->tables[i].write_slot != NULL)
			ExecClearTuple(store->tables[i].write_slot);
	}
}

/* The context that store_attempt passes to cdp_attempt. */
typedef struct StoreAttempt
{
	Store *store;
	const WorkspaceTable *table;
	bool (*lock_rows)(void *);
	void *context;
} StoreAttempt;

static bool
lock_and_release(void *context)
{
	StoreAttempt *attempt = (StoreAttempt *) context;
	bool locked = attempt->lock_rows(attempt->context);

	release(attempt->store, attempt->table);
	return locked;
}

bool
store_attempt(Store *store, const WorkspaceTable *which, bool (*lock_rows)(void *), void *context)
{
	StoreAttempt attempt = {store, which, lock_rows, context};
	ErrorData *error;
	bool locked;

	release(store, which);
	locked = cdp_attempt(lock_and_release, &attempt, &error);
	if (error != NULL)
		ReThrowError(error);
	return locked;
}

bool
store_read_outside(Store *store, const WorkspaceTable *which, bool (*read)(void *), void *context)
{
	ResourceOwner inner = CurrentResourceOwner;
	bool result;

	release(store, which);
	CurrentResourceOwner = store->owner;
	result = read(context);
	release(store, which);
	CurrentResourceOwner = inner;
	return result;
}
