/*
 * store.c
 *	  Direct access to the tables of a workspace.
 *
 * Two reasons for not going through SPI here: an executor start per statement
 * costs more than the work of a single-row INSERT, and speculative insertion
 * gives INSERT ... ON CONFLICT DO NOTHING row by row without it. What a table
 * may have of its user's - columns, defaults, constraints, generated columns,
 * indexes, row triggers - holds all the same. Statement-level triggers of the
 * user's do not fire, as with logical replication.
 */
#include "store/store.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "executor/nodeModifyTable.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "storage/lmgr.h"
#include "types/identifier.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

/* No key of a table above has more columns. */
#define MAX_KEY_COLUMNS 3

static bool engine_is_writing = false;

bool
store_engine_is_writing(void)
{
	return engine_is_writing;
}

bool
store_set_engine_writing(bool writing)
{
	bool before = engine_is_writing;

	engine_is_writing = writing;
	return before;
}

/*
 * READ COMMITTED: a snapshot of this moment. Above it: the transaction's, so
 * that what it cannot see is a serialization failure and never a guess.
 */
static Snapshot
current_snapshot(void)
{
	return RegisterSnapshot(IsolationUsesXactSnapshot() ? GetTransactionSnapshot()
	                                                    : GetLatestSnapshot());
}

static void
serialization_failure(void)
{
	ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
	                errmsg("could not serialize access due to concurrent update"),
	                errhint("Retry the transaction.")));
}

Store *
store_begin(Workspace *ws)
{
	Store *store = palloc0(sizeof(Store));

	store->ws = ws;
	store->owner = CurrentResourceOwner;
	store->context = CurrentMemoryContext;
	store->scan_context = AllocSetContextCreate(store->context, "cdp scans", ALLOCSET_SMALL_SIZES);
	store->estate = CreateExecutorState();
	store->estate->es_output_cid = GetCurrentCommandId(true);
	store->snapshot = current_snapshot();
	AfterTriggerBeginQuery();
	return store;
}

static void
end_scans(Store *store)
{
	for (int i = 0; i < N_WORKSPACE_TABLES; i++)
	{
		if (store->tables[i].scan != NULL)
			index_endscan(store->tables[i].scan);
		store->tables[i].scan = NULL;
	}
	for (int i = 0; i < STORE_INDEXES; i++)
	{
		if (store->indexes[i].scan != NULL)
			index_endscan(store->indexes[i].scan);
		store->indexes[i].scan = NULL;
		if (store->indexes[i].slot != NULL)
			ExecClearTuple(store->indexes[i].slot);
	}
	MemoryContextReset(store->scan_context);
}

void
store_end(Store *store)
{
	AfterTriggerEndQuery(store->estate);
	ExecResetTupleTable(store->estate->es_tupleTable, false);
	ExecCloseResultRelations(store->estate); /* which row triggers have opened */
	end_scans(store);
	for (int i = 0; i < STORE_INDEXES; i++)
	{
		if (store->indexes[i].slot != NULL)
			ExecDropSingleTupleTableSlot(store->indexes[i].slot);
		if (store->indexes[i].rel != NULL)
			index_close(store->indexes[i].rel, NoLock);
	}
	for (int i = 0; i < N_WORKSPACE_TABLES; i++)
	{
		StoreTable *table = &store->tables[i];

		if (table->rel == NULL)
			continue;
		if (table->slot != NULL)
			ExecDropSingleTupleTableSlot(table->slot);
		if (table->write_slot != NULL)
			ExecDropSingleTupleTableSlot(table->write_slot);
		if (table->indexes_open)
			ExecCloseIndices(table->result);
		if (table->key != NULL)
			index_close(table->key, NoLock);
		table_close(table->rel, NoLock);
	}
	UnregisterSnapshot(store->snapshot);
	FreeExecutorState(store->estate);
	pfree(store);
}

void
store_refresh(Store *store)
{
	if (store->wrote)
		CommandCounterIncrement();
	store->wrote = false;
	store->stale = false;
	store->snapshots++;
	store->decisions_known = false;
	end_scans(store);
	UnregisterSnapshot(store->snapshot);
	store->snapshot = current_snapshot();
	store->estate->es_output_cid = GetCurrentCommandId(true);
}

/*
 * Whether a trigger enforces a foreign key of somebody's on the rows that it
 * references. Those do not fire for the engine: profiles come and go by merges,
 * and an event must not fail, nor somebody's rows go, because of it.
 */
static bool
enforces_reference(const Trigger *trigger)
{
	return RI_FKey_trigger_type(trigger->tgfoid) == RI_TRIGGER_PK;
}

StoreTable *
store_table(Store *store, WorkspaceTable which)
{
	StoreTable *table = &store->tables[which];
	TriggerDesc *triggers;

	if (table->rel != NULL)
		return table;
	table->rel = table_open(store->ws->tables[which], RowExclusiveLock);
	workspace_check_columns(store->ws, which, table->rel);
	triggers = table->rel->trigdesc;
	/* on events cdp's own triggers refuse what the engine may do; the users' do not fire, either */
	for (int i = 0; which != TABLE_EVENTS && triggers != NULL && i < triggers->numtriggers; i++)
	{
		Trigger *trigger = &triggers->triggers[i];

		if (enforces_reference(trigger))
			table->referencing = trigger->tgconstrrelid;
		else if (TRIGGER_FOR_ROW(trigger->tgtype))
			table->row_triggers = true;
	}
	return table;
}

/*
 * Contexts: what belongs to the run is made in the store's context, whatever
 * the caller's is (a batch's, which is reset sooner).
 */
static TupleTableSlot *
read_slot(Store *store, StoreTable *table)
{
	if (table->slot == NULL)
	{
		MemoryContext oldcontext = MemoryContextSwitchTo(store->context);

		table->slot = table_slot_create(table->rel, NULL);
		MemoryContextSwitchTo(oldcontext);
	}
	return table->slot;
}

static TupleTableSlot *
write_slot(Store *store, StoreTable *table)
{
	if (table->write_slot == NULL)
	{
		MemoryContext oldcontext = MemoryContextSwitchTo(store->context);

		table->write_slot = MakeSingleTupleTableSlot(RelationGetDescr(table->rel),
		                                             table_slot_callbacks(table->rel));
		MemoryContextSwitchTo(oldcontext);
	}
	return ExecClearTuple(table->write_slot);
}

/* Takes the triggers that enforce references out of a copy of a table's triggers. */
static void
drop_reference_triggers(TriggerDesc *triggers)
{
	int kept = 0;

	for (int i = 0; i < triggers->numtriggers; i++)
		if (!enforces_reference(&triggers->triggers[i]))
			triggers->triggers[kept++] = triggers->triggers[i];
	triggers->numtriggers = kept;
}

static ResultRelInfo *
result_of(Store *store, StoreTable *table)
{
	if (table->result == NULL)
	{
		MemoryContext oldcontext = MemoryContextSwitchTo(store->context);

		table->result = makeNode(ResultRelInfo);
		InitResultRelInfo(table->result, table->rel, 0, NULL, 0);
		if (OidIsValid(table->referencing))
			drop_reference_triggers(table->result->ri_TrigDesc);
		MemoryContextSwitchTo(oldcontext);
	}
	return table->result;
}

/* The table's indexes, open for writing. */
static ResultRelInfo *
open_indexes(Store *store, StoreTable *table, bool speculative)
{
	ResultRelInfo *result = result_of(store, table);

	if (table->indexes_open && speculative && !table->speculative)
	{
		ExecCloseIndices(result);
		table->indexes_open = false;
	}
	if (!table->indexes_open)
	{
		MemoryContext oldcontext = MemoryContextSwitchTo(store->context);

		ExecOpenIndices(result, speculative);
		MemoryContextSwitchTo(oldcontext);
		table->indexes_open = true;
		table->speculative = speculative;
	}
	return result;
}

/* A scan on the table's key under the store's snapshot. */
static IndexScanDesc
key_scan(Store *store, WorkspaceTable which, int nkeys)
{
	StoreTable *table = store_table(store, which);

	if (table->scan == NULL)
	{
		MemoryContext oldcontext = MemoryContextSwitchTo(store->context);

		if (table->key == NULL)
			table->key = index_open(store->ws->keys[which], RowExclusiveLock);
		MemoryContextSwitchTo(store->scan_context);
		table->scan = CdpIndexBeginScan(table->rel, table->key, store->snapshot, nkeys);
		MemoryContextSwitchTo(oldcontext);
	}
	return table->scan;
}

/* Equality function of a key column of the tables above. */
static RegProcedure
key_equality(Store *store, WorkspaceTable which, int column)
{
	if (which == TABLE_EVENT_IDS)
		return F_UUID_EQ;
	if (which == TABLE_PROFILES)
		return F_INT8EQ;
	if (which == TABLE_SEGMENT_ERRORS || which == TABLE_COMPUTED_ERRORS)
		return column == 0 ? F_TEXTEQ : F_INT8EQ;
	if (which == TABLE_REFUSALS && column != 1)
		return F_TEXTEQ;
	return store->ws->identifier_eq;
}

TupleTableSlot *
store_find_key(Store *store, WorkspaceTable which, int nkeys, const Datum *values)
{
	IndexScanDesc scan = key_scan(store, which, nkeys);
	StoreTable *table = &store->tables[which];
	ScanKeyData keys[MAX_KEY_COLUMNS];
	TupleTableSlot *slot = read_slot(store, table);
	MemoryContext oldcontext;
	bool found;

	for (int i = 0; i < nkeys; i++)
		ScanKeyEntryInitialize(&keys[i], 0, i + 1, BTEqualStrategyNumber, InvalidOid,
		                       table->key->rd_indcollation[i], key_equality(store, which, i),
		                       values[i]);
	/* what the index keeps with the scan (killed items) must last as long as it */
	oldcontext = MemoryContextSwitchTo(store->scan_context);
	index_rescan(scan, keys, nkeys, NULL, 0);
	found = index_getnext_slot(scan, ForwardScanDirection, slot);
	MemoryContextSwitchTo(oldcontext);
	return found ? slot : NULL;
}

TupleTableSlot *
store_find(Store *store, WorkspaceTable which, Datum key)
{
	return store_find_key(store, which, 1, &key);
}

Datum
store_value(Store *store, WorkspaceTable which, TupleTableSlot *slot, int column, bool *isnull)
{
	return slot_getattr(slot, store->ws->columns[which][column], isnull);
}

bool
store_find_identifier(Store *store, Datum identifier, StoredIdentifier *found)
{
	TupleTableSlot *slot = store_find(store, TABLE_IDENTIFIERS, identifier);

	if (slot != NULL)
		store_read_identifier(store, slot, found);
	return slot != NULL;
}

void
store_read_identifier(Store *store, TupleTableSlot *slot, StoredIdentifier *found)
{
	bool isnull;

	found->profile_id =
	    DatumGetInt64(store_value(store, TABLE_IDENTIFIERS, slot, IDENTIFIER_PROFILE_ID, &isnull));
	if (isnull)
		found->profile_id = 0;
	found->first_seen = DatumGetTimestampTz(
	    store_value(store, TABLE_IDENTIFIERS, slot, IDENTIFIER_FIRST_SEEN, &isnull));
	found->last_seen = DatumGetTimestampTz(
	    store_value(store, TABLE_IDENTIFIERS, slot, IDENTIFIER_LAST_SEEN, &isnull));
	found->anchored_at = DatumGetTimestampTz(
	    store_value(store, TABLE_IDENTIFIERS, slot, IDENTIFIER_ANCHORED_AT, &isnull));
	if (isnull)
		found->anchored_at = DT_NOEND;
	found->generic =
	    DatumGetBool(store_value(store, TABLE_IDENTIFIERS, slot, IDENTIFIER_GENERIC, &isnull));
}

/*
 * Expressions of the defaults of the columns that are the user's own; null in
 * the array: none. The engine's own columns are always given.
 */
static void
find_defaults(Store *store, WorkspaceTable which)
{
	StoreTable *table = &store->tables[which];
	TupleDesc desc = RelationGetDescr(table->rel);
	MemoryContext oldcontext;

	table->defaults_known = true;
	if (desc->natts == store->ws->n_columns[which])
		return;
	oldcontext = MemoryContextSwitchTo(store->context);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		bool own = false;
		Expr *expression;

		for (int c = 0; c < store->ws->n_columns[which]; c++)
			own = own || store->ws->columns[which][c] == i + 1;
		if (own || attribute->attisdropped || attribute->attgenerated)
			continue;
		expression = (Expr *) build_column_default(table->rel, i + 1);
		if (expression == NULL)
			continue;
		if (table->defaults == NULL)
			table->defaults = palloc0(desc->natts * sizeof(ExprState *));
		table->defaults[i] = ExecInitExpr(expression_planner(expression), NULL);
	}
	MemoryContextSwitchTo(oldcontext);
}

void
store_prepare_rows(Store *store, WorkspaceTable which)
{
	StoreTable *table = store_table(store, which);

	(void) write_slot(store, table);
	if (!table->defaults_known)
		find_defaults(store, which);
}

static void
set_engine_columns(Store *store, WorkspaceTable which, TupleTableSlot *slot, const Datum *values,
                   const bool *isnull)
{
	for (int i = 0; i < store->ws->n_columns[which]; i++)
	{
		AttrNumber attnum = store->ws->columns[which][i];

		slot->tts_values[attnum - 1] = values[i];
		slot->tts_isnull[attnum - 1] = isnull != NULL && isnull[i];
	}
}

TupleTableSlot *
store_new_row(Store *store, WorkspaceTable which, const Datum *values, const bool *isnull)
{
	StoreTable *table = store_table(store, which);
	TupleTableSlot *slot = write_slot(store, table);
	int natts = RelationGetDescr(table->rel)->natts;

	if (!table->defaults_known)
		find_defaults(store, which);
	memset(slot->tts_isnull, true, natts * sizeof(bool));
	if (table->defaults != NULL)
	{
		ExprContext *econtext = GetPerTupleExprContext(store->estate);

		for (int i = 0; i < natts; i++)
			if (table->defaults[i] != NULL)
				slot->tts_values[i] =
				    ExecEvalExpr(table->defaults[i], econtext, &slot->tts_isnull[i]);
	}
	set_engine_columns(store, which, slot, values, isnull);
	return ExecStoreVirtualTuple(slot);
}

TupleTableSlot *
store_changed_row(Store *store, WorkspaceTable which, TupleTableSlot *old, const Datum *values,
                  const bool *isnull)
{
	StoreTable *table = store_table(store, which);
	TupleTableSlot *slot = write_slot(store, table);
	int natts = RelationGetDescr(table->rel)->natts;

	slot_getallattrs(old);
	memcpy(slot->tts_values, old->tts_values, natts * sizeof(Datum));
	memcpy(slot->tts_isnull, old->tts_isnull, natts * sizeof(bool));
	set_engine_columns(store, which, slot, values, isnull);
	return ExecStoreVirtualTuple(slot);
}

/* The same for a row that is a tuple; the slot points into it. */
TupleTableSlot *
store_changed_tuple(Store *store, WorkspaceTable which, HeapTuple old, const Datum *values,
                    const bool *isnull)
{
	StoreTable *table = store_table(store, which);
	TupleTableSlot *slot = write_slot(store, table);

	heap_deform_tuple(old, RelationGetDescr(table->rel), slot->tts_values, slot->tts_isnull);
	set_engine_columns(store, which, slot, values, isnull);
	return ExecStoreVirtualTuple(slot);
}

/* Generated columns and constraints of a row about to be written. */
static void
check_row(Store *store, StoreTable *table, TupleTableSlot *slot, CmdType command)
{
	TupleConstr *constraints = RelationGetDescr(table->rel)->constr;

	if (constraints == NULL)
		return;
	if (constraints->has_generated_stored)
		ExecComputeStoredGenerated(table->result, store->estate, slot, command);
	ExecConstraints(table->result, slot, store->estate);
}

/* Error: a BEFORE trigger of the user's has returned null for a row of the engine's. */
static void
refuse_suppression(StoreTable *table, const char *command)
{
	ereport(ERROR,
	        (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
	         errmsg("a trigger on \"%s\" has suppressed cdp's %s",
	                RelationGetRelationName(table->rel), command),
	         errhint("A BEFORE trigger on a workspace's table must return the row: NEW, or OLD for "
	                 "DELETE.")));
}

void
store_insert(Store *store, WorkspaceTable which, TupleTableSlot *slot)
{
	StoreTable *table = store_table(store, which);
	ResultRelInfo *result = open_indexes(store, table, false);

	if (table->row_triggers)
	{
		ItemPointerSetInvalid(&slot->tts_tid);
		ExecSimpleRelationInsert(result, store->estate, slot);
		if (!ItemPointerIsValid(&slot->tts_tid))
			refuse_suppression(table, "INSERT");
	}
	else
	{
		check_row(store, table, slot, CMD_INSERT);
		simple_table_tuple_insert(table->rel, slot);
		if (result->ri_NumIndices > 0)
			list_free(
			    CdpExecInsertIndexTuples(result, slot, store->estate, false, false, NULL, NIL));
	}
	store->wrote = true;
	ResetPerTupleExprContext(store->estate);
}

/* So many rows are formed before they are put into pages together. */
#define INSERT_ROWS 100

/*
 * Inserts n rows, whose values fill tells. A page that takes many is written
 * and logged once for them; where row triggers may look at it in between, each
 * is inserted by itself.
 */
void
store_insert_rows(Store *store, WorkspaceTable which, int n, FillRow fill, void *context)
{
	StoreTable *table = store_table(store, which);
	ResultRelInfo *result = open_indexes(store, table, false);
	int n_slots = Min(n, INSERT_ROWS);
	TupleTableSlot *slots[INSERT_ROWS];

	if (table->row_triggers || n <= 1)
	{
		for (int i = 0; i < n; i++)
		{
			CHECK_FOR_INTERRUPTS();
			store_insert(store, which, fill(store, i, context));
		}
		return;
	}
	for (int i = 0; i < n_slots; i++)
		slots[i] = table_slot_create(table->rel, NULL);
	for (int first = 0; first < n; first += n_slots)
	{
		int n_rows = Min(n - first, n_slots);

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < n_rows; i++)
		{
			TupleTableSlot *row = fill(store, first + i, context);

			check_row(store, table, row, CMD_INSERT);
			ExecCopySlot(slots[i], row);
			ResetPerTupleExprContext(store->estate);
		}
		table_multi_insert(table->rel, slots, n_rows, GetCurrentCommandId(true), 0, NULL);
		store->wrote = true;
		for (int i = 0; result->ri_NumIndices > 0 && i < n_rows; i++)
		{
			list_free(
			    CdpExecInsertIndexTuples(result, slots[i], store->estate, false, false, NULL, NIL));
			ResetPerTupleExprContext(store->estate);
		}
	}
	for (int i = 0; i < n_slots; i++)
		ExecDropSingleTupleTableSlot(slots[i]);
}

bool
store_is_own(TupleTableSlot *slot)
{
	bool isnull;

	return TransactionIdIsCurrentTransactionId(
	    DatumGetTransactionId(slot_getsysattr(slot, MinTransactionIdAttributeNumber, &isnull)));
}

/*
 * A serialization failure unless the snapshot sees the row. The transaction's
 * own rows, which this command may just have written, are none.
 */
static void
check_visible(Store *store, StoreTable *table, ItemPointer tid)
{
	TupleTableSlot *there = read_slot(store, table);

	if (!table_tuple_fetch_row_version(table->rel, tid, SnapshotAny, there))
		serialization_failure();
	if (!table_tuple_satisfies_snapshot(table->rel, there, store->snapshot) && !store_is_own(there))
		serialization_failure();
	ExecClearTuple(there);
}

/*
 * Inserts the row unless one with its key is there, as INSERT ... ON CONFLICT
 * DO NOTHING: waits for a transaction that is inserting the same key. A row
 * of another transaction's that is there and that the snapshot cannot see is a
 * serialization failure. Returns whether it was inserted.
 */
bool
store_insert_unless_there(Store *store, WorkspaceTable which, TupleTableSlot *slot)
{
	StoreTable *table = store_table(store, which);
	ResultRelInfo *result = open_indexes(store, table, true);
	List *arbiters = list_make1_oid(store->ws->keys[which]);
	List *recheck;
	bool first = true;

	if (table->row_triggers && table->rel->trigdesc->trig_insert_before_row &&
	    !ExecBRInsertTriggers(store->estate, result, slot))
		refuse_suppression(table, "INSERT");
	check_row(store, table, slot, CMD_INSERT);
	for (;;)
	{
		uint32 token;
		bool conflict = false;
		ItemPointerData conflict_tid;

		CHECK_FOR_INTERRUPTS();

		/*
		 * A conflict is rare: the first attempt does not look for one before
		 * it inserts, and finds it, if there is one, when it does.
		 */
		if (!first &&
		    !CdpExecCheckIndexConstraints(result, slot, store->estate, &conflict_tid, arbiters))
		{
			if (IsolationUsesXactSnapshot())
				check_visible(store, table, &conflict_tid);
			list_free(arbiters);
			return false;
		}
		token = SpeculativeInsertionLockAcquire(GetCurrentTransactionId());
		table_tuple_insert_speculative(table->rel, slot, store->estate->es_output_cid, 0, NULL,
		                               token);
		recheck =
		    CdpExecInsertIndexTuples(result, slot, store->estate, false, true, &conflict, arbiters);
		table_tuple_complete_speculative(table->rel, slot, token, !conflict);
		SpeculativeInsertionLockRelease(GetCurrentTransactionId());
		store->wrote = true;
		if (!conflict)
			break;
		list_free(recheck);
		first = false;
	}
	if (table->row_triggers)
		ExecARInsertTriggers(store->estate, result, slot, recheck, NULL);
	list_free(recheck);
	list_free(arbiters);
	ResetPerTupleExprContext(store->estate);
	return true;
}

bool
store_take_event_id(Store *store, const pg_uuid_t *id)
{
	Datum values[1] = {UUIDPGetDatum(id)};

	return store_insert_unless_there(store, TABLE_EVENT_IDS,
	                                 store_new_row(store, TABLE_EVENT_IDS, values, NULL));
}

/*
 * What became of changing a row, which the caller's locks keep others from.
 * Above READ COMMITTED the snapshot may be older than those locks.
 */
static void
check_changed(StoreTable *table, TM_Result result)
{
	if (result == TM_Ok)
		return;
	if (IsolationUsesXactSnapshot() && (result == TM_Updated || result == TM_Deleted))
		serialization_failure();
	elog(ERROR, "unexpected result %d of changing a row of \"%s\"", (int) result,
	     RelationGetRelationName(table->rel));
}

static LockOutcome
lock_row(Store *store, WorkspaceTable which, TupleTableSlot *slot, bool follow)
{
	StoreTable *table = store_table(store, which);
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

/* Writes a new version of a row, as it is: no triggers, nothing computed or checked. */
static void
update_row(Store *store, StoreTable *table, ItemPointer tid, TupleTableSlot *slot)
{
	ResultRelInfo *result = result_of(store, table);
	CdpUpdateIndexes update_indexes = CDP_UPDATE_NO_INDEXES;
	TM_FailureData failure;
	LockTupleMode mode;

	check_changed(table, table_tuple_update(table->rel, tid, slot, GetCurrentCommandId(true),
	                                        store->snapshot, InvalidSnapshot, true, &failure, &mode,
	                                        &update_indexes));
	store->wrote = true;
	if (update_indexes == CDP_UPDATE_NO_INDEXES)
		return;
	open_indexes(store, table, false);
	if (result->ri_NumIndices > 0)
		list_free(CdpExecInsertIndexTuples(result, slot, store->estate, true, false, NULL, NIL));
}

/*
 * Before a row with triggers is changed above READ COMMITTED: the executor's
 * functions take one that has changed since the snapshot for an internal error.
 */
static void
require_unchanged(Store *store, WorkspaceTable which, TupleTableSlot *old,
                  const ItemPointerData *tid)
{
	if (IsolationUsesXactSnapshot())
	{
		old->tts_tid = *tid;
		(void) lock_row(store, which, old, false);
	}
	ExecClearTuple(old);
	old->tts_tid = *tid;
}

void
store_update(Store *store, WorkspaceTable which, ItemPointer tid, TupleTableSlot *slot)
{
	StoreTable *table = store_table(store, which);
	ResultRelInfo *result = result_of(store, table);

	store_check_locked(store, which, tid);
	if (table->row_triggers)
	{
		EPQState epqstate;
		TupleTableSlot *old = read_slot(store, table);
		ItemPointerData old_tid = *tid;

		open_indexes(store, table, false);
		EvalPlanQualInit(&epqstate, store->estate, NULL, NIL, -1);
		ExecMaterializeSlot(slot);
		require_unchanged(store, which, old, &old_tid);
		ItemPointerSetInvalid(&slot->tts_tid);
		ExecSimpleRelationUpdate(result, store->estate, &epqstate, old, slot);
		if (!ItemPointerIsValid(&slot->tts_tid))
			refuse_suppression(table, "UPDATE");
		EvalPlanQualEnd(&epqstate);
		store->wrote = true;
	}
	else
	{
		check_row(store, table, slot, CMD_UPDATE);
		update_row(store, table, tid, slot);
	}
	ResetPerTupleExprContext(store->estate);
}

void
store_touch(Store *store, WorkspaceTable which, Datum key)
{
	TupleTableSlot *slot = store_find(store, which, key);
	TupleTableSlot *same;

	if (slot == NULL || store_is_own(slot))
		return;
	same = write_slot(store, store_table(store, which));
	ExecCopySlot(same, slot);
	update_row(store, store_table(store, which), &slot->tts_tid, same);
}

void
store_delete(Store *store, WorkspaceTable which, ItemPointer tid)
{
	StoreTable *table = store_table(store, which);

	store_check_locked(store, which, tid);
	if (table->row_triggers)
	{
		EPQState epqstate;
		TupleTableSlot *old = read_slot(store, table);
		ItemPointerData old_tid = *tid;

		EvalPlanQualInit(&epqstate, store->estate, NULL, NIL, -1);
		require_unchanged(store, which, old, &old_tid);
		ExecSimpleRelationDelete(open_indexes(store, table, false), store->estate, &epqstate, old);
		if (table_tuple_fetch_row_version(table->rel, &old_tid, SnapshotSelf, old))
			refuse_suppression(table, "DELETE");
		ExecClearTuple(old);
		EvalPlanQualEnd(&epqstate);
	}
	else
	{
		TM_FailureData failure;

		check_changed(table,
		              table_tuple_delete(table->rel, tid, GetCurrentCommandId(true),
		                                 store->snapshot, InvalidSnapshot, true, &failure, false));
	}
	store->wrote = true;
}

void
store_warn_referenced(Store *store, int64 profile_id)
{
	Oid referencing = store_table(store, TABLE_PROFILES)->referencing;

	if (OidIsValid(referencing))
		ereport(
		    WARNING,
		    (errcode(ERRCODE_WARNING),
		     errmsg("profile " INT64_FORMAT ", which table \"%s\" may reference, was merged",
		            profile_id, get_rel_name(referencing)),
		     errdetail("Its rows keep the former id; the foreign key is not enforced for them."),
		     errhint("Drop the foreign key, and resolve ids with cdp.canonical.")));
}

LockOutcome
store_lock(Store *store, WorkspaceTable which, TupleTableSlot *slot)
{
	return lock_row(store, which, slot, true);
}

LockOutcome
store_lock_unchanged(Store *store, WorkspaceTable which, TupleTableSlot *slot)
{
	return lock_row(store, which, slot, false);
}

void
store_release(Store *store, WorkspaceTable which)
{
	StoreTable *table = store_table(store, which);

	if (table->key == NULL)
		table->key = index_open(store->ws->keys[which], RowExclusiveLock);
	(void) read_slot(store, table);
	end_scans(store);
	for (int i = 0; i < N_WORKSPACE_TABLES; i++)
	{
		if (store->tables[i].slot != NULL)
			ExecClearTuple(store->tables[i].slot);
		if (store->tables[i].write_slot != NULL)
			ExecClearTuple(store->tables[i].write_slot);
	}
}

/* What store_attempt hands to cdp_attempt. */
typedef struct StoreAttempt
{
	Store *store;
	WorkspaceTable table;
	bool (*take)(void *);
	void *context;
} StoreAttempt;

static bool
take_and_release(void *context)
{
	StoreAttempt *attempt = (StoreAttempt *) context;
	bool taken = attempt->take(attempt->context);

	store_release(attempt->store, attempt->table);
	return taken;
}

bool
store_attempt(Store *store, WorkspaceTable which, bool (*take)(void *), void *context)
{
	StoreAttempt attempt = {store, which, take, context};
	ErrorData *error;
	bool taken;

	store_release(store, which);
	taken = cdp_attempt(take_and_release, &attempt, &error);
	if (error != NULL)
		ReThrowError(error);
	return taken;
}

bool
store_read_outside(Store *store, WorkspaceTable which, bool (*read)(void *), void *context)
{
	ResourceOwner inner = CurrentResourceOwner;
	bool result;

	store_release(store, which);
	CurrentResourceOwner = store->owner;
	result = read(context);
	store_release(store, which);
	CurrentResourceOwner = inner;
	return result;
}
