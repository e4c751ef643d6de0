/*
 * check.c
 *	  For tests (cdp.check_locks): the engine must have locked the rows that it changes.
 *
 * A missing lock does harm only when two transactions meet at the wrong moment. This
 * check finds it in a single transaction.
 */
#include "store/store_internal.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/xact.h"
#include "storage/lmgr.h"
#include "store/lock.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"

static bool check_locks = false;

/*
 * A row that several transactions have locked counts as locked by us: the row itself
 * does not say who they are.
 */
bool
store_is_locked(TupleTableSlot *slot)
{
	bool isnull;
	TransactionId locker =
	    DatumGetTransactionId(slot_getsysattr(slot, MaxTransactionIdAttributeNumber, &isnull));
	HeapTuple tuple = ExecFetchSlotHeapTuple(slot, false, NULL);

	return store_is_own(slot) || (tuple->t_data->t_infomask & HEAP_XMAX_IS_MULTI) != 0 ||
	       TransactionIdIsCurrentTransactionId(locker);
}

/* Whether this transaction has locked the whole workspace, as a change of definitions does. */
static bool
has_workspace_lock(Store *store)
{
	return CheckRelationLockedByMe(open_table(store, &profiles_table)->rel, ShareRowExclusiveLock,
	                               true);
}

void
store_check_locked(Store *store, const WorkspaceTable *which, ItemPointer tid)
{
	Relation rel;
	TupleTableSlot *slot;

	if (!check_locks || !which->locks_rows || has_workspace_lock(store))
		return;
	rel = open_table(store, which)->rel;
	slot = table_slot_create(rel, NULL);
	if (!table_tuple_fetch_row_version(rel, tid, SnapshotAny, slot) ||
	    !(store_is_locked(slot) || (which->is_guarded != NULL && which->is_guarded(store, slot))))
		elog(ERROR, "row of \"%s\" is changed without a lock", RelationGetRelationName(rel));
	ExecDropSingleTupleTableSlot(slot);
}

void
store_init(void)
{
	DefineCustomBoolVariable("cdp.check_locks",
	                         "Whether the engine checks that it has locked what it changes.",
	                         "For tests. Superusers only.", &check_locks, false, PGC_SUSET,
	                         GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE, NULL, NULL, NULL);
}
