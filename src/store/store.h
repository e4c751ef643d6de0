/*
 * store.h
 *	  The engine's only way to its tables: a few operations on rows, by key or by
 *	  index. See README.md in this folder.
 *
 * A Store lives for one run of the engine. It reads under one snapshot until
 * store_refresh. In READ COMMITTED that takes a new one, which sees all that has been
 * committed by then.
 */
#ifndef CDP_STORE_H
#define CDP_STORE_H

#include "base/base.h"

#include "access/htup.h"
#include "executor/tuptable.h"
#include "workspace/workspace.h"

typedef struct Store Store;

/* The run sees what the user's current command has written, too. */
extern Store *store_begin(Workspace *ws);
extern void store_end(Store *store);
extern Workspace *store_workspace(const Store *store);

/* Makes our own writes, and what others have committed meanwhile, visible to later reads. */
extern void store_refresh(Store *store);

/* A number for the current snapshot; each refresh changes it. */
extern int store_reading(const Store *store);

/* Whether a row that we locked had changed since the snapshot: what we have read may be old. */
extern bool store_is_stale(const Store *store);

/*
 * Reading by key. The row is in the returned slot until the next operation on the same
 * table; null: there is no such row. store_fetch finds a row by its place (tid).
 */
extern TupleTableSlot *store_find(Store *store, const WorkspaceTable *table, Datum key);
extern TupleTableSlot *store_find_key(Store *store, const WorkspaceTable *table, int nkeys,
                                      const Datum *keys);
extern TupleTableSlot *store_fetch(Store *store, const WorkspaceTable *table, ItemPointer tid);

/* Whether the table has any row. */
extern bool store_has_rows(Store *store, const WorkspaceTable *table);

/* Whether this transaction has written the row version that is in the slot. */
extern bool store_is_own(TupleTableSlot *slot);

/* The value of one engine column of a row; the values of all; the type of the table's rows. */
extern Datum store_value(Store *store, const WorkspaceTable *table, TupleTableSlot *slot,
                         int column, bool *isnull);
extern void store_values(Store *store, const WorkspaceTable *table, TupleTableSlot *slot,
                         Datum *values, bool *isnull);
extern TupleDesc store_row_type(Store *store, const WorkspaceTable *table);

/*
 * Which rows an index scan finds. The leading columns have these values. If bounded, the
 * next column has low <= value < high, or <= high where last is set.
 */
typedef struct StoreRange
{
	int n_equal;
	Datum equal[3];
	bool first_is_null; /* the first column is null; equal[0] does not count */
	bool bounded;
	Datum low;
	Datum high;
	bool last; /* high itself is included */
} StoreRange;

/* Called with each row that is found, until it returns false. */
typedef bool (*VisitRow)(TupleTableSlot *slot, void *context);

/* Visits rows by an index (null: the table's key). visit may change rows, but must not refresh. */
extern void store_visit(Store *store, const WorkspaceTable *table, const WorkspaceIndex *index,
                        const StoreRange *range, VisitRow visit, void *context);

/* Visits all rows of a table. */
extern void store_visit_all(Store *store, const WorkspaceTable *table, VisitRow visit,
                            void *context);

/*
 * A scan of all rows as they are when it begins. It goes on after refreshes and across
 * batches. The run owns its buffer pins, even while a subtransaction reads from it.
 */
typedef struct StoreScan StoreScan;
extern StoreScan *store_scan_begin(Store *store, const WorkspaceTable *table);
extern TupleTableSlot *store_scan_slot(StoreScan *scan);
extern bool store_scan_next(StoreScan *scan);
extern void store_scan_end(StoreScan *scan);

/*
 * Writing. values and isnull are in the order of the table's engine columns; isnull may
 * be a null pointer: no value is null. Users' own columns get their defaults at an
 * insert. At an update they keep their values, or get what the caller puts into the
 * slot. store_new_row and store_changed_row fill the slot. To call them in a
 * subtransaction, call store_prepare_rows before it: it makes what they need.
 */
extern void store_prepare_rows(Store *store, const WorkspaceTable *table);
extern bool store_has_defaults(Store *store, const WorkspaceTable *table);
extern TupleTableSlot *store_new_row(Store *store, const WorkspaceTable *table, const Datum *values,
                                     const bool *isnull);
extern TupleTableSlot *store_changed_row(Store *store, const WorkspaceTable *table,
                                         TupleTableSlot *old, const Datum *values,
                                         const bool *isnull);
extern TupleTableSlot *store_changed_tuple(Store *store, const WorkspaceTable *table, HeapTuple old,
                                           const Datum *values, const bool *isnull);
extern void store_insert(Store *store, const WorkspaceTable *table, TupleTableSlot *slot);

/* Inserts n rows; fill makes row i by store_new_row. */
typedef TupleTableSlot *(*FillRow)(Store *store, int i, void *context);
extern void store_insert_rows(Store *store, const WorkspaceTable *table, int n, FillRow fill,
                              void *context);

/*
 * Inserts the row if no row with its key exists, and returns whether it did. It waits
 * for a transaction that is inserting the same key.
 */
extern bool store_insert_unless_there(Store *store, const WorkspaceTable *table,
                                      TupleTableSlot *slot);
extern void store_update(Store *store, const WorkspaceTable *table, ItemPointer tid,
                         TupleTableSlot *slot);
extern void store_delete(Store *store, const WorkspaceTable *table, ItemPointer tid);

/*
 * Writes a new version of the row with this key, with the same values and without
 * triggers. Does nothing if there is no such row, or if this transaction has written it.
 */
extern void store_touch(Store *store, const WorkspaceTable *table, Datum key);

/* A user's table whose foreign key references this table; InvalidOid: there is none. */
extern Oid store_referencing(Store *store, const WorkspaceTable *table);

#endif /* CDP_STORE_H */
