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

struct Trigger;

/* A user's UPDATE OF trigger, in the run's copy of the table's triggers. */
typedef struct ColumnTrigger
{
	struct Trigger *trigger;
	char enabled;   /* as the user has it: pg_trigger.tgenabled */
	int16 *columns; /* attribute numbers that it names */
	int n_columns;
} ColumnTrigger;

/* One open table. */
typedef struct StoreTable
{
	Relation rel;                   /* null: not opened in this run */
	Relation key;                   /* index by which rows are found; null: not opened */
	IndexScanDesc scan;             /* on it, under the store's snapshot; null: none */
	ResultRelInfo *result;          /* for writes; null: not opened for them */
	bool indexes_open;              /* its indexes are open for writing */
	bool speculative;               /* ... and for speculative insertion */
	bool row_triggers;              /* users have put row triggers on it */
	ColumnTrigger *column_triggers; /* those of them that are UPDATE OF */
	int n_column_triggers;
	Oid referencing;            /* a table whose foreign key references it; or InvalidOid */
	TupleTableSlot *slot;       /* the row that was read last */
	TupleTableSlot *write_slot; /* the row that is to be written */
	ExprState **defaults;       /* of the user's own columns, by attribute; null: there are none */
	bool defaults_known;        /* defaults has been set */
	bool rows_known;            /* has_rows has been set, under the current snapshot */
	bool has_rows;
} StoreTable;

/* An index for visits, with a scan on it under the store's snapshot. */
typedef struct StoreIndex
{
	Oid id; /* InvalidOid: free */
	Relation rel;
	IndexScanDesc scan; /* null: none */
	TupleTableSlot *slot;
	int nkeys; /* number of keys that the scan was begun with */
	bool busy; /* a visit is using it */
} StoreIndex;

/* Most indexes that a run keeps open for visits; a visit by another one opens and closes it. */
#define STORE_INDEXES 12

struct Store
{
	Workspace *ws;
	EState *estate;
	Snapshot snapshot;
	MemoryContext context;      /* lives as long as the run */
	MemoryContext scan_context; /* lives as long as the open scans */
	StoreTable *tables;         /* by number */
	StoreIndex indexes[STORE_INDEXES];
	bool wrote;          /* since the last refresh: our own rows are not visible yet */
	bool stale;          /* a row that we locked had changed since the snapshot */
	int reading;         /* counts the refreshes */
	ResourceOwner owner; /* the run's: store_read_outside and scans use it in subtransactions */
};

/* store.c: opens a table in this run; the slot for the row that is read, and that is written. */
extern StoreTable *open_table(Store *store, const WorkspaceTable *table);
extern TupleTableSlot *read_slot(Store *store, StoreTable *table);
extern TupleTableSlot *write_slot(Store *store, StoreTable *table);
extern void end_scans(Store *store);

/* Whether a trigger enforces a user's foreign key that references the trigger's table. */
extern bool enforces_reference(const struct Trigger *trigger);

/* Raises error 40001. */
extern void serialization_failure(void);

/* read.c: the function that compares two values of a key column's type. */
extern RegProcedure comparison_of(Store *store, Oid type, StrategyNumber strategy);

/* lock.c: locks a row for a change; above READ COMMITTED, error 40001 if the row has changed. */
extern LockOutcome lock_row(Store *store, const WorkspaceTable *which, TupleTableSlot *slot,
                            bool follow);

#endif /* CDP_STORE_INTERNAL_H */
