/*
 * store.c
 *	  Direct access to the tables of a workspace.
 *
 * The store does not use SPI, for two reasons. An executor start per statement costs
 * more than the work of a single-row INSERT. And speculative insertion gives INSERT ...
 * ON CONFLICT DO NOTHING row by row without an executor. What users have added to a
 * table still works: columns, defaults, constraints, generated columns, indexes and row
 * triggers. As with logical replication, users' statement-level triggers do not fire.
 */
#include "store/store_internal.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "workspace/statement.h"

/*
 * In READ COMMITTED a snapshot of this moment; above it the transaction's snapshot. A
 * row that the latter cannot see is a serialization failure, so we never have to guess.
 */
static Snapshot
current_snapshot(void)
{
	return RegisterSnapshot(IsolationUsesXactSnapshot() ? GetTransactionSnapshot()
	                                                    : GetLatestSnapshot());
}

void
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

	/* other parts of the statement may have written rows, which this run sees and may change */
	CommandCounterIncrement();
	run_begins(ws);
	store->ws = ws;
	store->owner = CurrentResourceOwner;
	store->context = CurrentMemoryContext;
	store->tables = palloc0(sizeof(StoreTable) * n_workspace_tables);
	store->scan_context = AllocSetContextCreate(store->context, "cdp scans", ALLOCSET_SMALL_SIZES);
	store->estate = CreateExecutorState();
	store->estate->es_output_cid = GetCurrentCommandId(true);
	store->snapshot = current_snapshot();
	AfterTriggerBeginQuery();
	return store;
}

void
end_scans(Store *store)
{
	for (int i = 0; i < n_workspace_tables; i++)
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
	run_ends(store->ws);
	AfterTriggerEndQuery(store->estate);
	ExecResetTupleTable(store->estate->es_tupleTable, false);
	ExecCloseResultRelations(store->estate); /* those that row triggers have opened */
	end_scans(store);
	for (int i = 0; i < STORE_INDEXES; i++)
	{
		if (store->indexes[i].slot != NULL)
			ExecDropSingleTupleTableSlot(store->indexes[i].slot);
		if (store->indexes[i].rel != NULL)
			index_close(store->indexes[i].rel, NoLock);
	}
	for (int i = 0; i < n_workspace_tables; i++)
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
	pfree(store->tables);
	pfree(store);
}

void
store_refresh(Store *store)
{
	if (store->wrote)
		CommandCounterIncrement();
	store->wrote = false;
	store->stale = false;
	store->reading++;
	for (int i = 0; i < n_workspace_tables; i++)
		store->tables[i].rows_known = false;
	end_scans(store);
	UnregisterSnapshot(store->snapshot);
	store->snapshot = current_snapshot();
	store->estate->es_output_cid = GetCurrentCommandId(true);
}

/*
 * Whether a trigger enforces a user's foreign key on the table that the key references.
 * Such triggers do not fire for the engine. Profiles come and go by merges: because of
 * a key, an event must not fail, and users' rows must not be deleted.
 */
bool
enforces_reference(const Trigger *trigger)
{
	return RI_FKey_trigger_type(trigger->tgfoid) == RI_TRIGGER_PK;
}

StoreTable *
open_table(Store *store, const WorkspaceTable *which)
{
	StoreTable *table = &store->tables[which->number];
	TriggerDesc *triggers;

	if (table->rel != NULL)
		return table;
	table->rel = table_open(workspace_table(store->ws, which)->oid, RowExclusiveLock);
	workspace_check_columns(store->ws, which, table->rel);
	triggers = table->rel->trigdesc;
	/*
	 * On events no trigger fires for the engine: cdp's own would refuse what it may do. So
	 * users' triggers do not fire there either.
	 */
	for (int i = 0; which != &events_table && triggers != NULL && i < triggers->numtriggers; i++)
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
 * Slots belong to the run: they are made in the store's memory context. The caller's may
 * be a batch's, which is reset sooner.
 */
TupleTableSlot *
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

TupleTableSlot *
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

Workspace *
store_workspace(const Store *store)
{
	return store->ws;
}

int
store_reading(const Store *store)
{
	return store->reading;
}

bool
store_is_stale(const Store *store)
{
	return store->stale;
}

TupleDesc
store_row_type(Store *store, const WorkspaceTable *table)
{
	return RelationGetDescr(open_table(store, table)->rel);
}

Oid
store_referencing(Store *store, const WorkspaceTable *table)
{
	return open_table(store, table)->referencing;
}
