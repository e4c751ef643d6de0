/*
 * store.h
 *	  The engine's only way to its tables: a few operations on rows, by key or by
 *	  index. See README.md in this folder.
 *
 * A Store lives for one run of the engine. It reads under one snapshot, which
 * store_refresh takes again; in READ COMMITTED it then sees all that was committed.
 */
#ifndef CDP_STORE_H
#define CDP_STORE_H

#include "base/base.h"

#include "access/htup.h"
#include "executor/tuptable.h"
#include "workspace/workspace.h"

typedef struct Store Store;

extern Store *store_begin(Workspace *ws);
extern void store_end(Store *store);
extern Workspace *store_workspace(const Store *store);

/* Makes own writes, and what was committed meanwhile, visible to later reads. */
extern void store_refresh(Store *store);

/* The same, and what the user's own command has written. */
extern void store_refresh_command(Store *store);

/* A number of the reading under one snapshot: another one after each refresh. */
extern int store_reading(const Store *store);

/* Whether a row that was locked had changed since the snapshot: what was read may be old. */
extern bool store_is_stale(const Store *store);

/*
 * Reading by key: a row is in the returned slot until the next operation on the
 * same table; null: there is none. store_fetch finds a row by its place.
 */
extern TupleTableSlot *store_find(Store *store, const WorkspaceTable *table, Datum key);
extern TupleTableSlot *store_find_key(Store *store, const WorkspaceTable *table, int nkeys,
                                      const Datum *keys);
extern TupleTableSlot *store_fetch(Store *store, const WorkspaceTable *table, ItemPointer tid);

/* Whether the table has any row. */
extern bool store_has_rows(Store *store, const WorkspaceTable *table);

/* Whether this transaction has written the row, as it is in the slot. */
extern bool store_is_own(TupleTableSlot *slot);

/* The i-th engine column of a row of that table; all of them; the type of its rows. */
extern Datum store_value(Store *store, const WorkspaceTable *table, TupleTableSlot *slot,
                         int column, bool *isnull);
extern void store_values(Store *store, const WorkspaceTable *table, TupleTableSlot *slot,
                         Datum *values, bool *isnull);
extern TupleDesc store_row_type(Store *store, const WorkspaceTable *table);

/*
 * Which rows an index finds: those with these values in its leading columns (a
 * null pointer stands for null), and in the next column low <= value < high, or
 * <= high where last is set.
 */
typedef struct StoreRange
{
	int n_equal;
	Datum equal[3];
	bool first_is_null; /* the first of them is null */
	bool bounded;
	Datum low;
	Datum high;
	bool last;
} StoreRange;

/* Called with each row that is found, until it returns false. */
typedef bool (*VisitRow)(TupleTableSlot *slot, void *context);

/* Visits rows by an index, null: the table's key. A visit may change rows, but not refresh. */
extern void store_visit(Store *store, const WorkspaceTable *table, const WorkspaceIndex *index,
                        const StoreRange *range, VisitRow visit, void *context);

/* Visits all rows of a table. */
extern void store_visit_all(Store *store, const WorkspaceTable *table, VisitRow visit,
                            void *context);

/*
 * A scan of all rows as they are at its start, which refreshes and batches may
 * interrupt. Its pins are the run's, also where a subtransaction goes on with it.
 */
typedef struct StoreScan StoreScan;
extern StoreScan *store_scan_begin(Store *store, const WorkspaceTable *table);
extern TupleTableSlot *store_scan_slot(StoreScan *scan);
extern bool store_scan_next(StoreScan *scan);
extern void store_scan_end(StoreScan *scan);

/*
 * Writing. values and isnull (null: nothing is) are in the order of the table's
 * engine columns; users' own columns get their defaults at an insert, and keep
 * what they have at an update unless the caller puts something else into the
 * slot. store_prepare_rows makes what the row functions need, so that they may be
 * called in a subtransaction.
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

/* Inserts n rows; fill makes the i-th by store_new_row. */
typedef TupleTableSlot *(*FillRow)(Store *store, int i, void *context);
extern void store_insert_rows(Store *store, const WorkspaceTable *table, int n, FillRow fill,
                              void *context);

/* Inserts unless a row of its key is there, also one that is not committed yet; whether it did. */
extern bool store_insert_unless_there(Store *store, const WorkspaceTable *table,
                                      TupleTableSlot *slot);
extern void store_update(Store *store, const WorkspaceTable *table, ItemPointer tid,
                         TupleTableSlot *slot);
extern void store_delete(Store *store, const WorkspaceTable *table, ItemPointer tid);

/* Writes the row of a key again as it is, unless this transaction has written it; without triggers. */
extern void store_touch(Store *store, const WorkspaceTable *table, Datum key);

/* The table of users' whose foreign key references this one; InvalidOid: none does. */
extern Oid store_referencing(Store *store, const WorkspaceTable *table);

#endif /* CDP_STORE_H */
