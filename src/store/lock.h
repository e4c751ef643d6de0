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
	LOCK_OK,  /* locked; the row read is its newest version */
	LOCK_GONE /* it is not there any more */
} LockOutcome;

/*
 * Locks the row against other writers, waiting for them, following it to its
 * newest version. In REPEATABLE READ and above a row that has changed since
 * the snapshot is a serialization failure (40001).
 */
extern LockOutcome store_lock(Store *store, const WorkspaceTable *table, TupleTableSlot *slot);

/* The same without following it: a row that has changed is not locked but LOCK_GONE. */
extern LockOutcome store_lock_unchanged(Store *store, const WorkspaceTable *table,
                                        TupleTableSlot *slot);

/* The same without waiting; false: somebody else has it, or it is gone. */
extern bool store_lock_if_free(Store *store, const WorkspaceTable *table, TupleTableSlot *slot);

/*
 * Taking several locks, or none. store_attempt calls take(context) in a
 * subtransaction; where it returns false that is rolled back, so that its locks
 * are given back. What take reads belongs to the subtransaction and must not
 * outlive it: to read again under the locks, it calls store_read_outside, whose
 * read(context) works for the run. For example:
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
 * The table is the one that take locks rows of; it is open afterwards.
 */
extern bool store_attempt(Store *store, const WorkspaceTable *table, bool (*take)(void *),
                          void *context);
extern bool store_read_outside(Store *store, const WorkspaceTable *table, bool (*read)(void *),
                               void *context);

/*
 * For tests, with cdp.check_locks: an internal error unless the row is locked by
 * this transaction, where its table asks for that. See check.c.
 */
extern void store_check_locked(Store *store, const WorkspaceTable *table, ItemPointer tid);
extern void store_init(void); /* defines the setting */

/* Whether this transaction has locked or written the row in the slot. */
extern bool store_is_locked(TupleTableSlot *slot);

/*
 * guard.c: true while the engine itself writes through SPI, so that the guards on
 * its tables let it pass; runs work so, with SPI connected.
 */
extern bool store_engine_is_writing(void);
extern void store_while_writing(Workspace *ws, void (*work)(Workspace *ws, void *context),
                                void *context);

#endif /* CDP_STORE_LOCK_H */
