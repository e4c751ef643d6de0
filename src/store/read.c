/*
 * read.c
 *	  Reading rows by key and by place.
 */
#include "store/store_internal.h"

#include "access/sysattr.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

/* A scan on the table's key under the store's snapshot. */
static IndexScanDesc
key_scan(Store *store, const WorkspaceTable *which, int nkeys)
{
	StoreTable *table = open_table(store, which);

	if (table->scan == NULL)
	{
		MemoryContext oldcontext = MemoryContextSwitchTo(store->context);

		if (table->key == NULL)
			table->key = index_open(workspace_table(store->ws, which)->key, RowExclusiveLock);
		MemoryContextSwitchTo(store->scan_context);
		table->scan = CdpIndexBeginScan(table->rel, table->key, store->snapshot, nkeys);
		MemoryContextSwitchTo(oldcontext);
	}
	return table->scan;
}

RegProcedure
comparison_of(Store *store, Oid type, StrategyNumber strategy)
{
	const Workspace *ws = store->ws;
	Oid family;

	/* without a look-up: what each event needs */
	if (type == ws->identifier_type && strategy == BTGreaterEqualStrategyNumber)
		return ws->identifier_ge;
	if (type == ws->identifier_type && strategy == BTLessStrategyNumber)
		return ws->identifier_lt;
	if (strategy == BTEqualStrategyNumber)
	{
		if (type == ws->identifier_type)
			return ws->identifier_eq;
		switch (type)
		{
			case UUIDOID:
				return F_UUID_EQ;
			case INT8OID:
				return F_INT8EQ;
			case TEXTOID:
				return F_TEXTEQ;
			case TIMESTAMPTZOID:
				return F_TIMESTAMPTZ_EQ;
		}
	}
	family = lookup_type_cache(type, TYPECACHE_BTREE_OPFAMILY)->btree_opf;
	return get_opcode(get_opfamily_member(family, type, type, strategy));
}

TupleTableSlot *
store_find_key(Store *store, const WorkspaceTable *which, int nkeys, const Datum *values)
{
	IndexScanDesc scan = key_scan(store, which, nkeys);
	StoreTable *table = &store->tables[which->number];
	const Oid *types = workspace_table(store->ws, which)->types;
	ScanKeyData keys[MAX_KEY_COLUMNS];
	TupleTableSlot *slot = read_slot(store, table);
	MemoryContext oldcontext;
	bool found;

	for (int i = 0; i < nkeys; i++)
		ScanKeyEntryInitialize(&keys[i], 0, i + 1, BTEqualStrategyNumber, InvalidOid,
		                       table->key->rd_indcollation[i],
		                       comparison_of(store, types[i], BTEqualStrategyNumber), values[i]);
	/* the index allocates with the scan (killed items): that must last as long as the scan */
	oldcontext = MemoryContextSwitchTo(store->scan_context);
	index_rescan(scan, keys, nkeys, NULL, 0);
	found = index_getnext_slot(scan, ForwardScanDirection, slot);
	MemoryContextSwitchTo(oldcontext);
	return found ? slot : NULL;
}

TupleTableSlot *
store_find(Store *store, const WorkspaceTable *which, Datum key)
{
	return store_find_key(store, which, 1, &key);
}

Datum
store_value(Store *store, const WorkspaceTable *which, TupleTableSlot *slot, int column,
            bool *isnull)
{
	return slot_getattr(slot, workspace_table(store->ws, which)->columns[column], isnull);
}

void
store_values(Store *store, const WorkspaceTable *which, TupleTableSlot *slot, Datum *values,
             bool *isnull)
{
	for (int i = 0; i < which->n_columns; i++)
		values[i] = store_value(store, which, slot, i, &isnull[i]);
}

TupleTableSlot *
store_fetch(Store *store, const WorkspaceTable *which, ItemPointer tid)
{
	StoreTable *table = open_table(store, which);
	TupleTableSlot *slot = read_slot(store, table);

	return table_tuple_fetch_row_version(table->rel, tid, store->snapshot, slot) ? slot : NULL;
}

bool
store_is_own(TupleTableSlot *slot)
{
	bool isnull;

	return TransactionIdIsCurrentTransactionId(
	    DatumGetTransactionId(slot_getsysattr(slot, MinTransactionIdAttributeNumber, &isnull)));
}
