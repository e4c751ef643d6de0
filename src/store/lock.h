/*
 * lock.h
 *	  Locks of rows, attempts to take several, and the guards on the tables.
 */
#ifndef CDP_STORE_LOCK_H
#define CDP_STORE_LOCK_H

#include "store/store.h"

/* What became of an attempt to lock a row. */
typedef enum LockOutcome
{
	LOCK_OK,  /* locked; the slot has the row's newest version */
	LOCK_GONE /* not locked: the row no longer exists, or has changed (store_lock_unchanged) */
} LockOutcome;

/*
 * Locks the row against other writers: it waits for them, and follows the row to its
 * newest version. In REPEATABLE READ and above, a row that has changed since the
 * snapshot is a serialization failure (40001).
 */
extern LockOutcome store_lock(Store *store, const WorkspaceTable *table, TupleTableSlot *slot);

/* The same, but does not follow the row: one that has changed is LOCK_GONE and not locked. */
extern LockOutcome store_lock_unchanged(Store *store, const WorkspaceTable *table,
                                        TupleTableSlot *slot);

/* Like store_lock, but does not wait. False: another transaction has locked it, or it is gone. */
extern bool store_lock_if_free(Store *store, const WorkspaceTable *table, TupleTableSlot *slot);

/* The same where another row will do: one that has changed since the snapshot is no error. */
extern bool store_lock_any_if_free(Store *store, const WorkspaceTable *table, TupleTableSlot *slot);

/*
 * Taking several locks, or none. store_attempt calls lock_rows(context) in a
 * subtransaction. If it returns false, the subtransaction is rolled back, which gives
 * its locks back. What lock_rows reads belongs to the subtransaction and must not
 * outlive it. To read again under the locks, it calls store_read_outside, whose
 * read(context) reads for the run. For example:
 *
 *	static bool
 *	still_right(void *context)         reads for the run
 *	{
 *		store_refresh(store);
 *		return <what is locked is what is needed>;
 *	}
 *
 *	static bool
 *	lock_all(void *context)            locks in the subtransaction
 *	{
 *		for (each id, in order)
 *			if (store_lock(store, &profiles_table, store_find(...)) != LOCK_OK)
 *				return false;
 *		return store_read_outside(store, &profiles_table, still_right, context);
 *	}
 *
 *	while (!store_attempt(store, &profiles_table, lock_all, context))
 *		read again what to lock;
 *
 * table is the table whose rows are locked; it is open afterwards.
 */
extern bool store_attempt(Store *store, const WorkspaceTable *table, bool (*lock_rows)(void *),
                          void *context);
extern bool store_read_outside(Store *store, const WorkspaceTable *table, bool (*read)(void *),
                               void *context);

/*
 * For tests, with cdp.check_locks on: an internal error if the table's rows must be
 * locked (locks_rows) and this transaction has not locked this one. See check.c.
 */
extern void store_check_locked(Store *store, const WorkspaceTable *table, ItemPointer tid);
extern void store_init(void); /* defines the setting */

/* Whether this transaction has locked or written the row in the slot. */
extern bool store_is_locked(TupleTableSlot *slot);

/* guard.c: calls work, with SPI connected; the guards let the statements of work itself pass. */
extern void store_while_writing(Workspace *ws, void (*work)(Workspace *ws, void *context),
                                void *context);

#endif /* CDP_STORE_LOCK_H */
