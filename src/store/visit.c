/*
 * visit.c
 *	  Visits of many rows: by an index, or of the whole table.
 */
#include "store/store_internal.h"

#include "miscadmin.h"
#include "utils/snapmgr.h"

/*
 * Opens an index for a visit and keeps it open for the run. Null: another visit is using
 * it, or the store already keeps STORE_INDEXES others.
 */
static StoreIndex *
keep_index(Store *store, Oid index_id)
{
	for (int i = 0; i < STORE_INDEXES; i++)
	{
		StoreIndex *index = &store->indexes[i];

		if (index->id == index_id)
			return index->busy ? NULL : index;
		if (index->id == InvalidOid)
		{
			index->id = index_id;
			index->rel = index_open(index_id, RowExclusiveLock);
			return index;
		}
	}
	return NULL;
}

/* Calls visit for each row that an index scan with these keys finds, until it returns false. */
static void
visit_index(Store *store, const WorkspaceTable *which, Oid index_id, ScanKey keys, int nkeys,
            VisitRow visit, void *context)
{
	StoreTable *table = open_table(store, which);
	MemoryContext oldcontext = CurrentMemoryContext;
	StoreIndex *kept = keep_index(store, index_id);
	StoreIndex own = {.id = index_id};
	StoreIndex *index = kept != NULL ? kept : &own;

	if (index->rel == NULL)
		index->rel = index_open(index_id, RowExclusiveLock);
	if (index->slot == NULL)
	{
		MemoryContextSwitchTo(kept != NULL ? store->context : oldcontext);
		index->slot = table_slot_create(table->rel, NULL);
	}
	if (index->scan != NULL && index->nkeys != nkeys)
	{
		index_endscan(index->scan);
		index->scan = NULL;
	}
	MemoryContextSwitchTo(kept != NULL ? store->scan_context : oldcontext);
	if (index->scan == NULL)
		index->scan = CdpIndexBeginScan(table->rel, index->rel, store->snapshot, nkeys);
	index->nkeys = nkeys;
	for (int i = 0; i < nkeys; i++)
		keys[i].sk_collation = index->rel->rd_indcollation[keys[i].sk_attno - 1];
	index_rescan(index->scan, keys, nkeys, NULL, 0);
	MemoryContextSwitchTo(oldcontext);
	index->busy = true;
	for (;;)
	{
		bool found;

		CHECK_FOR_INTERRUPTS();
		if (kept != NULL)
			MemoryContextSwitchTo(store->scan_context);
		found = index_getnext_slot(index->scan, ForwardScanDirection, index->slot);
		MemoryContextSwitchTo(oldcontext);
		if (!found || !visit(index->slot, context))
			break;
		if (index->scan == NULL)
			elog(ERROR, "the store was refreshed while its rows were visited");
	}
	index->busy = false;
	ExecClearTuple(index->slot);
	if (kept == NULL)
	{
		index_endscan(own.scan);
		ExecDropSingleTupleTableSlot(own.slot);
		index_close(own.rel, NoLock);
	}
}

/* The scan keys of a range, on an index whose columns have these types. They lack collations. */
static int
fill_keys(Store *store, const StoreRange *range, const Oid *types, ScanKey keys)
{
	int n = range->n_equal;

	for (int i = 0; i < n; i++)
		if (i == 0 && range->first_is_null)
			ScanKeyEntryInitialize(&keys[i], SK_ISNULL | SK_SEARCHNULL, 1, InvalidStrategy,
			                       InvalidOid, InvalidOid, InvalidOid, (Datum) 0);
		else
			ScanKeyEntryInitialize(
			    &keys[i], 0, i + 1, BTEqualStrategyNumber, InvalidOid, InvalidOid,
			    comparison_of(store, types[i], BTEqualStrategyNumber), range->equal[i]);
	if (range->bounded)
	{
		StrategyNumber end = range->last ? BTLessEqualStrategyNumber : BTLessStrategyNumber;

		ScanKeyInit(&keys[n], n + 1, BTGreaterEqualStrategyNumber,
		            comparison_of(store, types[n], BTGreaterEqualStrategyNumber), range->low);
		ScanKeyInit(&keys[n + 1], n + 1, end, comparison_of(store, types[n], end), range->high);
		return n + 2;
	}
	return n;
}

void
store_visit(Store *store, const WorkspaceTable *which, const WorkspaceIndex *index,
            const StoreRange *range, VisitRow visit, void *context)
{
	const TableState *state = workspace_table(store->ws, which);
	ScanKeyData keys[MAX_KEY_COLUMNS + 2];
	int n;

	if (index == NULL)
		n = fill_keys(store, range, state->types, keys);
	else
		n = fill_keys(store, range, workspace_index(store->ws, index)->types, keys);
	visit_index(store, which, index == NULL ? state->key : workspace_index(store->ws, index)->oid,
	            keys, n, visit, context);
}

void
store_visit_all(Store *store, const WorkspaceTable *which, VisitRow visit, void *context)
{
	Relation rel = open_table(store, which)->rel;
	TableScanDesc scan = table_beginscan(rel, store->snapshot, 0, NULL);
	TupleTableSlot *slot = table_slot_create(rel, NULL);

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		CHECK_FOR_INTERRUPTS();
		if (!visit(slot, context))
			break;
	}
	ExecDropSingleTupleTableSlot(slot);
	table_endscan(scan);
}

/* A visit that notes that there is a row, and ends. */
static bool
note_row(TupleTableSlot *slot, void *context)
{
	*(bool *) context = true;
	return false;
}

bool
store_has_rows(Store *store, const WorkspaceTable *which)
{
	StoreTable *table = open_table(store, which);

	if (!table->rows_known)
	{
		table->has_rows = false;
		store_visit_all(store, which, note_row, &table->has_rows);
		table->rows_known = true;
	}
	return table->has_rows;
}

struct StoreScan
{
	Store *store;
	Snapshot snapshot;
	TableScanDesc scan;
	TupleTableSlot *slot;
};

StoreScan *
store_scan_begin(Store *store, const WorkspaceTable *which)
{
	Relation rel = open_table(store, which)->rel;
	StoreScan *scan = palloc(sizeof(StoreScan));

	scan->store = store;
	scan->snapshot = RegisterSnapshot(GetLatestSnapshot());
	scan->scan = table_beginscan(rel, scan->snapshot, 0, NULL);
	scan->slot = table_slot_create(rel, NULL);
	return scan;
}

TupleTableSlot *
store_scan_slot(StoreScan *scan)
{
	return scan->slot;
}

bool
store_scan_next(StoreScan *scan)
{
	ResourceOwner inner = CurrentResourceOwner;
	bool found;

	CurrentResourceOwner = scan->store->owner;
	found = table_scan_getnextslot(scan->scan, ForwardScanDirection, scan->slot);
	CurrentResourceOwner = inner;
	return found;
}

void
store_scan_end(StoreScan *scan)
{
	ExecDropSingleTupleTableSlot(scan->slot);
	table_endscan(scan->scan);
	UnregisterSnapshot(scan->snapshot);
	pfree(scan);
}
