/*
 * store.h
 *	  The engine's only way to its tables: a few operations on rows, by the
 *	  table's own index. Direct access as logical replication's apply does it:
 *	  defaults, constraints, generated columns, row triggers and indexes that
 *	  users add all hold.
 *
 * A Store lives for one run of the engine. Its snapshot is taken anew by
 * store_refresh; in READ COMMITTED it then sees all that was committed.
 */
#ifndef CDP_STORE_H
#define CDP_STORE_H

#include "base/base.h"

#include "access/genam.h"
#include "access/relscan.h"
#include "executor/executor.h"
#include "utils/resowner.h"
#include "utils/uuid.h"
#include "workspace/workspace.h"

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

typedef struct Store
{
	Workspace *ws;
	EState *estate;
	Snapshot snapshot;
	MemoryContext context;      /* what lives as long as the run */
	MemoryContext scan_context; /* ... and as long as the open scans */
	StoreTable tables[N_WORKSPACE_TABLES];
	StoreIndex indexes[STORE_INDEXES];
	bool wrote;           /* since the last refresh: own rows are not visible yet */
	bool stale;           /* somebody else has changed a row since the snapshot */
	int snapshots;        /* how often the snapshot has been taken anew */
	ResourceOwner owner;  /* of what the run opens, also within a subtransaction */
	bool decisions_known; /* has_decisions is */
	bool has_decisions;   /* identity_decisions has a row */
} Store;

/* A row of identifiers as it is stored. */
typedef struct StoredIdentifier
{
	int64 profile_id; /* 0: none */
	TimestampTz first_seen;
	TimestampTz last_seen;
	TimestampTz anchored_at; /* DT_NOEND: it anchors no event */
	bool generic;
} StoredIdentifier;

/* What became of an attempt to lock a row. */
typedef enum LockOutcome
{
	LOCK_OK,   /* locked; the row read is its newest version */
	LOCK_GONE, /* it is not there any more */
} LockOutcome;

extern Store *store_begin(Workspace *ws);
extern void store_end(Store *store);

/* Makes own writes and what was committed meanwhile visible to later reads. */
extern void store_refresh(Store *store);

/*
 * Reading by key. The row is in the returned slot until the next operation on
 * the same table; null: there is none.
 */
extern TupleTableSlot *store_find(Store *store, WorkspaceTable table, Datum key);
extern TupleTableSlot *store_find_key(Store *store, WorkspaceTable table, int nkeys,
                                      const Datum *keys);
extern bool store_find_identifier(Store *store, Datum identifier, StoredIdentifier *found);

/* Whether this transaction has written the row, as it is in the slot. */
extern bool store_is_own(TupleTableSlot *slot);

/* Value of the i-th engine column of a row of that table. */
extern Datum store_value(Store *store, WorkspaceTable table, TupleTableSlot *slot, int column,
                         bool *isnull);

/*
 * Writing. values and isnull are in the order of the table's engine columns;
 * the user's own columns get their defaults at an insert, and keep what they
 * have at an update unless the caller has put something else into the slot.
 * store_prepare_rows makes what the row functions need, so that they may be
 * called in a subtransaction.
 */
extern void store_prepare_rows(Store *store, WorkspaceTable table);
extern TupleTableSlot *store_new_row(Store *store, WorkspaceTable table, const Datum *values,
                                     const bool *isnull);
extern void store_insert(Store *store, WorkspaceTable table, TupleTableSlot *slot);

/* Makes the i-th of many rows to insert, by store_new_row. */
typedef TupleTableSlot *(*FillRow)(Store *store, int i, void *context);
extern void store_insert_rows(Store *store, WorkspaceTable table, int n, FillRow fill,
                              void *context);
extern bool store_insert_unless_there(Store *store, WorkspaceTable table, TupleTableSlot *slot);
extern TupleTableSlot *store_changed_row(Store *store, WorkspaceTable table, TupleTableSlot *old,
                                         const Datum *values, const bool *isnull);
extern TupleTableSlot *store_changed_tuple(Store *store, WorkspaceTable table, HeapTuple old,
                                           const Datum *values, const bool *isnull);
extern void store_update(Store *store, WorkspaceTable table, ItemPointer tid, TupleTableSlot *slot);
extern void store_delete(Store *store, WorkspaceTable table, ItemPointer tid);

/* Writes the row of a key anew as it is, unless this transaction has written it; triggers do not fire. */
extern void store_touch(Store *store, WorkspaceTable table, Datum key);

/* Warns where a foreign key of the users' references a profile that a merge removes. */
extern void store_warn_referenced(Store *store, int64 profile_id);

/*
 * Locks the row against other writers, waiting for them, following it to its
 * newest version. In REPEATABLE READ and above a row that has changed since
 * the snapshot is a serialization failure (40001).
 */
extern LockOutcome store_lock(Store *store, WorkspaceTable table, TupleTableSlot *slot);

/* The same without following it: a row that has changed is not locked but LOCK_GONE. */
extern LockOutcome store_lock_unchanged(Store *store, WorkspaceTable table, TupleTableSlot *slot);

/*
 * For tests, with cdp.check_locks: an internal error unless the row, of profiles
 * or identifiers, is locked by this transaction. See store_check.c.
 */
extern void store_check_locked(Store *store, WorkspaceTable table, ItemPointer tid);
extern bool check_locks;

/* Takes an event id; false: it had been taken before. */
extern bool store_take_event_id(Store *store, const pg_uuid_t *id);

/* Called with each row that a scan finds, until it returns false. */
typedef bool (*VisitRow)(TupleTableSlot *slot, void *context);

/* The same of a row that has been found. */
extern void store_read_identifier(Store *store, TupleTableSlot *slot, StoredIdentifier *found);

/* All identifiers of a profile: of one namespace, or (null) of all. */
extern void store_scan_identifiers(Store *store, int64 profile_id, const char *namespace_name,
                                   VisitRow visit, void *context);

/* All rows of merges with this profile as survivor: its former ids, and those undone. */
extern void store_scan_merges(Store *store, int64 profile_id, VisitRow visit, void *context);

/* Accepted evidence in which an identifier is the anchor, or the other one. */
extern void store_scan_links_of_anchor(Store *store, Datum anchor, VisitRow visit, void *context);
extern void store_scan_links_to(Store *store, Datum identifier, VisitRow visit, void *context);

/* What was refused of an anchor's events (reason null: for any), or of an identifier by its text. */
extern void store_scan_refusals_of_anchor(Store *store, Datum anchor, const char *reason,
                                          VisitRow visit, void *context);
extern void store_scan_refusals_to(Store *store, Datum text, VisitRow visit, void *context);

/* Deletes what was refused of an anchor's events because it identifies nobody. */
extern void store_delete_refusals_of_anchor(Store *store, Datum anchor);

/* Decisions in which an identifier is the smaller, or the larger one. */
extern void store_scan_decisions(Store *store, Datum identifier, bool smaller, VisitRow visit,
                                 void *context);

/* Whether there is any decision. */
extern bool store_has_decisions(Store *store);

/* Companions of an identifier. */
extern void store_scan_companions(Store *store, Datum identifier, VisitRow visit, void *context);

/* All events that have no anchor, and those of an anchor. */
extern void store_scan_nobodys(Store *store, VisitRow visit, void *context);
extern void store_scan_anchored(Store *store, Datum anchor, VisitRow visit, void *context);

/* All events of an anchor (null: of none) that occurred at an instant. */
extern void store_scan_events(Store *store, Datum anchor, bool anchor_is_null, TimestampTz at,
                              VisitRow visit, void *context);

/*
 * Lets go of every buffer, so that a subtransaction can begin or end. The
 * table, which it is about to use, is open afterwards.
 */
extern void store_release(Store *store, WorkspaceTable table);

/*
 * Calls take(context), which locks rows of the table, in a subtransaction. If
 * it returns false the subtransaction is rolled back: the locks are given back.
 */
extern bool store_attempt(Store *store, WorkspaceTable table, bool (*take)(void *), void *context);

/*
 * Calls read(context) within such a subtransaction, on behalf of the run: what
 * is opened then belongs to the run, and stays open whatever becomes of it.
 */
extern bool store_read_outside(Store *store, WorkspaceTable table, bool (*read)(void *),
                               void *context);

/* Opens a table in this run; store_table(...)->rel is its relation. */
extern StoreTable *store_table(Store *store, WorkspaceTable table);

/*
 * True while the engine itself writes through SPI: the guards on its tables
 * let it pass. store_set_engine_writing returns what it was before.
 */
extern bool store_engine_is_writing(void);
extern bool store_set_engine_writing(bool writing);

#endif /* CDP_STORE_H */
