/*
 * check.c
 *	  For tests (cdp.check_locks): what the engine changes, it has locked.
 *
 * A lock that was forgotten hurts only where two transactions meet in the wrong
 * moment; this finds it where they do not.
 */
#include "store/store.h"

#include "access/sysattr.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "storage/lmgr.h"
#include "utils/snapmgr.h"

bool check_locks = false;

/*
 * Whether a stored row was locked or written by this transaction. A row that
 * several have locked counts as locked: who of them did is not kept in it.
 */
static bool
is_locked(TupleTableSlot *slot)
{
	bool isnull;
	TransactionId locker =
	    DatumGetTransactionId(slot_getsysattr(slot, MaxTransactionIdAttributeNumber, &isnull));
	HeapTuple tuple = ExecFetchSlotHeapTuple(slot, false, NULL);

	return store_is_own(slot) || (tuple->t_data->t_infomask & HEAP_XMAX_IS_MULTI) != 0 ||
	       TransactionIdIsCurrentTransactionId(locker);
}

/* Whether the whole workspace is ours, as at a change of definitions. */
static bool
is_alone(Store *store)
{
	return CheckRelationLockedByMe(store_table(store, TABLE_PROFILES)->rel, ShareRowExclusiveLock,
	                               true);
}

/* Whether a row was changed or locked by this transaction, or the profile that guards it was. */
static bool
is_guarded(Store *store, WorkspaceTable which, TupleTableSlot *slot)
{
	StoredIdentifier identifier;
	TupleTableSlot *profile;

	if (is_locked(slot))
		return true;
	if (which != TABLE_IDENTIFIERS)
		return false;
	store_read_identifier(store, slot, &identifier);
	if (identifier.profile_id == 0)
		return true; /* by those of its evidence, see resolve.c: they are not looked for */
	profile = store_find(store, TABLE_PROFILES, Int64GetDatum(identifier.profile_id));
	return profile == NULL || is_locked(profile); /* null: this transaction has removed it */
}

void
store_check_locked(Store *store, WorkspaceTable which, ItemPointer tid)
{
	Relation rel = store_table(store, which)->rel;
	TupleTableSlot *slot;

	if (!check_locks || (which != TABLE_PROFILES && which != TABLE_IDENTIFIERS) || is_alone(store))
		return;
	slot = table_slot_create(rel, NULL);
	if (!table_tuple_fetch_row_version(rel, tid, SnapshotAny, slot) ||
	    !is_guarded(store, which, slot))
		elog(ERROR, "row of \"%s\" is changed without a lock", RelationGetRelationName(rel));
	ExecDropSingleTupleTableSlot(slot);
}
