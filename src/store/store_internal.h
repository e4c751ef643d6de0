/*
 * store_internal.h
 *	  What the files of this room share.
 */
#ifndef CDP_STORE_INTERNAL_H
#define CDP_STORE_INTERNAL_H

#include "store/lock.h"
#include "store/store.h"

#include "access/genam.h"
#include "access/relscan.h"
#include "access/tableam.h"
#include "executor/executor.h"
#include "utils/resowner.h"

/* One open table. */
typedef struct StoreTable
{
	Relation rel;               /* null: not opened in this run */
	Relation key;               /* index by which rows are found; null: not opened */
	IndexScanDesc scan;         /* on it, under the store's snapshot; null: none */
	ResultRelInfo *result;      /* for writes; null: not opened for them */
	bool indexes_open;          /* its indexes are open for writing */
	bool speculative;           /* ... for speculative insertion too */
	bool row_triggers;          /* has row triggers of the user's */
	Oid referencing;            /* a table whose foreign key references it; or InvalidOid */
	TupleTableSlot *slot;       /* row read */
	TupleTableSlot *write_slot; /* row written */
	ExprState **defaults;       /* of the user's own columns; null: there are none */
	bool defaults_known;
	bool rows_known; /* has_rows is, under the snapshot */
	bool has_rows;
} StoreTable;

/* An index that rows are visited by, with a scan on it under the store's snapshot. */
typedef struct StoreIndex
{
	Oid id; /* InvalidOid: free */
	Relation rel;
	IndexScanDesc scan; /* null: none */
	TupleTableSlot *slot;
	int nkeys; /* that the scan was begun with */
	bool busy; /* a visit is going on */
} StoreIndex;

#define STORE_INDEXES 12

struct Store
{
	Workspace *ws;
	EState *estate;
	Snapshot snapshot;
	MemoryContext context;      /* what lives as long as the run */
	MemoryContext scan_context; /* ... and as long as the open scans */
	StoreTable *tables;         /* by number */
	StoreIndex indexes[STORE_INDEXES];
	bool wrote;          /* since the last refresh: own rows are not visible yet */
	bool stale;          /* somebody else has changed a row since the snapshot */
	int reading;         /* how often the snapshot has been taken */
	ResourceOwner owner; /* of what the run opens, also within a subtransaction */
};

/* store.c: opens a table in this run; the slots for a row read and for one written. */
extern StoreTable *open_table(Store *store, const WorkspaceTable *table);
extern TupleTableSlot *read_slot(Store *store, StoreTable *table);
extern TupleTableSlot *write_slot(Store *store, StoreTable *table);
extern void end_scans(Store *store);

/* Whether a trigger enforces a foreign key of users' on the rows that it references. */
struct Trigger;
extern bool enforces_reference(const struct Trigger *trigger);

/* Error 40001. */
extern void serialization_failure(void);

/* read.c: the function that compares two values of a type of key columns. */
extern RegProcedure comparison_of(Store *store, Oid type, StrategyNumber strategy);

/* lock.c: locks a row for a change; an error above READ COMMITTED if it has changed. */
extern LockOutcome lock_row(Store *store, const WorkspaceTable *which, TupleTableSlot *slot,
                            bool follow);

#endif /* CDP_STORE_INTERNAL_H */
