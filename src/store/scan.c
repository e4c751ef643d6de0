/*
 * scan.c
 *	  Visits of rows by an index: all identifiers of a profile, all evidence of an
 *	  identifier, all events of an anchor.
 */
#include "store/store.h"

#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_collation_d.h"
#include "miscadmin.h"
#include "types/identifier.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"

/*
 * An index that nobody is visiting rows by, opened once per run; null: there
 * are more of them than the store keeps, or a visit is going on by it.
 */
static StoreIndex *
store_index(Store *store, Oid index_id)
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

/* Calls visit for each row that an index scan with these keys finds. */
static void
scan_index(Store *store, WorkspaceTable which, Oid index_id, ScanKey keys, int nkeys,
           VisitRow visit, void *context)
{
	StoreTable *table = store_table(store, which);
	MemoryContext oldcontext = CurrentMemoryContext;
	StoreIndex *kept = store_index(store, index_id);
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

/*
 * A bound of a namespace's identifiers: "name:", or just after the last of
 * them "name;" - the colon's next neighbour. Only for comparison.
 */
static Datum
namespace_bound(const char *name, char separator)
{
	size_t len = strlen(name);
	Identifier *bound = palloc0(offsetof(Identifier, text) + len + 1);

	SET_VARSIZE(bound, offsetof(Identifier, text) + len + 1);
	bound->version = IDENTIFIER_VERSION;
	bound->namespace_len = len;
	memcpy(bound->text, name, len);
	bound->text[len] = separator;
	return PointerGetDatum(bound);
}

void
store_scan_identifiers(Store *store, int64 profile_id, const char *namespace_name, VisitRow visit,
                       void *context)
{
	ScanKeyData keys[3];
	int nkeys = 1;

	ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(profile_id));
	if (namespace_name != NULL)
	{
		ScanKeyInit(&keys[1], 2, BTGreaterEqualStrategyNumber, store->ws->identifier_ge,
		            namespace_bound(namespace_name, ':'));
		ScanKeyInit(&keys[2], 2, BTLessStrategyNumber, store->ws->identifier_lt,
		            namespace_bound(namespace_name, ';'));
		nkeys = 3;
	}
	scan_index(store, TABLE_IDENTIFIERS, store->ws->identifiers_by_profile, keys, nkeys, visit,
	           context);
}

void
store_scan_merges(Store *store, int64 profile_id, VisitRow visit, void *context)
{
	ScanKeyData key;

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(profile_id));
	scan_index(store, TABLE_MERGES, store->ws->merges_by_profile, &key, 1, visit, context);
}

void
store_scan_events(Store *store, Datum anchor, bool anchor_is_null, TimestampTz at, VisitRow visit,
                  void *context)
{
	ScanKeyData keys[2];

	if (anchor_is_null)
		ScanKeyEntryInitialize(&keys[0], SK_ISNULL | SK_SEARCHNULL, 1, InvalidStrategy, InvalidOid,
		                       InvalidOid, InvalidOid, (Datum) 0);
	else
		ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, store->ws->identifier_eq, anchor);
	ScanKeyInit(&keys[1], 2, BTEqualStrategyNumber, F_TIMESTAMPTZ_EQ, TimestampTzGetDatum(at));
	scan_index(store, TABLE_EVENTS, store->ws->events_by_anchor, keys, 2, visit, context);
}

/* Rows whose first key column is this identifier. */
static void
scan_by_identifier(Store *store, WorkspaceTable which, Oid index, Datum identifier, VisitRow visit,
                   void *context)
{
	ScanKeyData key;

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, store->ws->identifier_eq, identifier);
	scan_index(store, which, index, &key, 1, visit, context);
}

void
store_scan_links_of_anchor(Store *store, Datum anchor, VisitRow visit, void *context)
{
	scan_by_identifier(store, TABLE_LINKS, store->ws->keys[TABLE_LINKS], anchor, visit, context);
}

void
store_scan_links_to(Store *store, Datum identifier, VisitRow visit, void *context)
{
	scan_by_identifier(store, TABLE_LINKS, store->ws->links_by_identifier, identifier, visit,
	                   context);
}

void
store_scan_refusals_of_anchor(Store *store, Datum anchor, const char *reason, VisitRow visit,
                              void *context)
{
	ScanKeyData keys[2];

	ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, store->ws->identifier_eq, anchor);
	if (reason != NULL)
		ScanKeyEntryInitialize(&keys[1], 0, 2, BTEqualStrategyNumber, InvalidOid, C_COLLATION_OID,
		                       F_TEXTEQ, CStringGetTextDatum(reason));
	scan_index(store, TABLE_REFUSALS, store->ws->refusals_by_anchor, keys, reason == NULL ? 1 : 2,
	           visit, context);
}

void
store_scan_refusals_to(Store *store, Datum text, VisitRow visit, void *context)
{
	ScanKeyData key;

	ScanKeyEntryInitialize(&key, 0, 1, BTEqualStrategyNumber, InvalidOid, C_COLLATION_OID, F_TEXTEQ,
	                       text);
	scan_index(store, TABLE_REFUSALS, store->ws->keys[TABLE_REFUSALS], &key, 1, visit, context);
}

static bool
delete_refusal(TupleTableSlot *slot, void *context)
{
	store_delete((Store *) context, TABLE_REFUSALS, &slot->tts_tid);
	return true;
}

void
store_delete_refusals_of_anchor(Store *store, Datum anchor)
{
	static const char *const reasons[] = {"invalid", "blocked", "generic"};

	for (int i = 0; i < lengthof(reasons); i++)
		store_scan_refusals_of_anchor(store, anchor, reasons[i], delete_refusal, store);
}

void
store_scan_decisions(Store *store, Datum identifier, bool smaller, VisitRow visit, void *context)
{
	scan_by_identifier(store, TABLE_DECISIONS,
	                   smaller ? store->ws->keys[TABLE_DECISIONS] : store->ws->decisions_by_b,
	                   identifier, visit, context);
}

void
store_scan_companions(Store *store, Datum identifier, VisitRow visit, void *context)
{
	scan_by_identifier(store, TABLE_COMPANIONS, store->ws->keys[TABLE_COMPANIONS], identifier,
	                   visit, context);
}

void
store_scan_nobodys(Store *store, VisitRow visit, void *context)
{
	ScanKeyData key;

	ScanKeyEntryInitialize(&key, SK_ISNULL | SK_SEARCHNULL, 1, InvalidStrategy, InvalidOid,
	                       InvalidOid, InvalidOid, (Datum) 0);
	scan_index(store, TABLE_EVENTS, store->ws->events_by_anchor, &key, 1, visit, context);
}

void
store_scan_anchored(Store *store, Datum anchor, VisitRow visit, void *context)
{
	scan_by_identifier(store, TABLE_EVENTS, store->ws->events_by_anchor, anchor, visit, context);
}

bool
store_has_decisions(Store *store)
{
	if (!store->decisions_known)
	{
		StoreTable *table = store_table(store, TABLE_DECISIONS);
		TableScanDesc scan = table_beginscan(table->rel, store->snapshot, 0, NULL);
		TupleTableSlot *slot = table_slot_create(table->rel, NULL);

		store->has_decisions = table_scan_getnextslot(scan, ForwardScanDirection, slot);
		store->decisions_known = true;
		ExecDropSingleTupleTableSlot(slot);
		table_endscan(scan);
	}
	return store->has_decisions;
}
