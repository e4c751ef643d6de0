/*
 * event_ids.c
 *	  Event ids: each id counts once for ever. Rows whose id was taken before are removed;
 *	  a hash tells those with other content, which are counted (conflicts.c).
 */
#include "ingest/ingest_internal.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/xact.h"
#include "catalog/pg_operator_d.h"
#include "catalog/pg_type.h"
#include "events/content_hash.h"
#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/tuplesort.h"
#include "utils/typcache.h"

/* Up to this many event ids of a statement are sorted in memory. */
#define IDS_IN_MEMORY 500000

/* An event id, the number of its row, and the hash of what was sent. */
typedef struct IdRow
{
	pg_uuid_t id;
	int64 row;
	int64 content_hash;
	bool has_no_hash; /* a trigger has taken it away */
} IdRow;

/* Reads the id of the row in the slot. */
static void
read_id_row(Statement *statement, int64 row, IdRow *into)
{
	Store *store = statement->store;
	bool isnull;

	into->id =
	    *DatumGetUUIDP(store_value(store, &events_table, statement->slot, EVENT_ID, &isnull));
	into->row = row;
	into->content_hash = DatumGetInt64(
	    store_value(store, &events_table, statement->slot, EVENT_CONTENT_HASH, &into->has_no_hash));
	if (!into->has_no_hash && (into->content_hash & CONTENT_HASH_ID_MADE) != 0)
		statement->n_ids_made++;
}

/* Claims an event id; false: it was taken before. */
static bool
claim_new_id(Store *store, const IdRow *row)
{
	Datum values[N_EVENT_ID_COLUMNS] = {UUIDPGetDatum(&row->id), Int64GetDatum(row->content_hash)};
	bool isnull[N_EVENT_ID_COLUMNS] = {false, row->has_no_hash};

	return store_insert_unless_there(store, &event_ids_table,
	                                 store_new_row(store, &event_ids_table, values, isnull));
}

/*
 * Claims the id of a row, or marks the row as a repeat. A statement's ids come sorted, so a
 * repeat within the statement follows its first row (before: the previous id).
 */
static void
claim_id(Statement *statement, const IdRow *row, const pg_uuid_t *before)
{
	if ((before != NULL && memcmp(before->data, row->id.data, UUID_LEN) == 0) ||
	    !claim_new_id(statement->store, row))
		statement_mark_repeated(statement, row->row);
}

static int
compare_id_rows(const void *a, const void *b)
{
	const IdRow *x = (const IdRow *) a;
	const IdRow *y = (const IdRow *) b;
	int order = memcmp(x->id.data, y->id.data, UUID_LEN);

	return order != 0 ? order : (x->row < y->row ? -1 : 1);
}

static void
claim_ids_in_memory(Statement *statement)
{
	IdRow *ids =
	    MemoryContextAllocHuge(statement->batch->context, sizeof(IdRow) * statement->n_rows);

	for (int64 row = 0; row < statement->n_rows && statement_next(statement); row++)
		read_id_row(statement, row, &ids[row]);
	qsort(ids, statement->n_rows, sizeof(IdRow), compare_id_rows);
	for (int64 i = 0; i < statement->n_rows; i++)
	{
		CHECK_FOR_INTERRUPTS();
		claim_id(statement, &ids[i], i == 0 ? NULL : &ids[i - 1].id);
	}
}

/* The same for any number of rows: they are sorted by (id, row), on disk if necessary. */
static void
claim_ids_on_disk(Statement *statement)
{
	TupleDesc desc = CreateTemplateTupleDesc(3);
	AttrNumber columns[2] = {1, 2};
	Oid operators[2];
	Oid collations[2] = {InvalidOid, InvalidOid};
	bool nulls_first[2] = {false, false};
	Tuplesortstate *sort;
	TupleTableSlot *slot;
	pg_uuid_t before;
	bool first = true;

	TupleDescInitEntry(desc, 1, "event_id", UUIDOID, -1, 0);
	TupleDescInitEntry(desc, 2, "row", INT8OID, -1, 0);
	TupleDescInitEntry(desc, 3, "content_hash", INT8OID, -1, 0);
	operators[0] = lookup_type_cache(UUIDOID, TYPECACHE_LT_OPR)->lt_opr;
	operators[1] = Int8LessOperator;
	slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	sort = tuplesort_begin_heap(desc, 2, columns, operators, collations, nulls_first, work_mem,
	                            NULL, TUPLESORT_NONE);
	for (int64 row = 0; statement_next(statement); row++)
	{
		TupleTableSlot *entry = ExecClearTuple(slot);
		IdRow id;

		read_id_row(statement, row, &id);
		entry->tts_values[0] = UUIDPGetDatum(&id.id);
		entry->tts_values[1] = Int64GetDatum(row);
		entry->tts_values[2] = Int64GetDatum(id.content_hash);
		entry->tts_isnull[0] = entry->tts_isnull[1] = false;
		entry->tts_isnull[2] = id.has_no_hash;
		tuplesort_puttupleslot(sort, ExecStoreVirtualTuple(entry));
	}
	tuplesort_performsort(sort);
	while (tuplesort_gettupleslot(sort, true, false, slot, NULL))
	{
		bool isnull;
		IdRow id;

		CHECK_FOR_INTERRUPTS();
		id.id = *DatumGetUUIDP(slot_getattr(slot, 1, &isnull));
		id.row = DatumGetInt64(slot_getattr(slot, 2, &isnull));
		id.content_hash = DatumGetInt64(slot_getattr(slot, 3, &id.has_no_hash));
		claim_id(statement, &id, first ? NULL : &before);
		before = id.id;
		first = false;
	}
	ExecDropSingleTupleTableSlot(slot);
	tuplesort_end(sort);
}

void
event_ids_claim(Statement *statement)
{
	statement_rewind(statement);
	if (statement->n_rows <= IDS_IN_MEMORY)
		claim_ids_in_memory(statement);
	else
		claim_ids_on_disk(statement);
	batch_reset(statement->batch);
}

typedef struct FindEvent
{
	Batch *batch;
	TupleTableSlot *wanted; /* the row as it was inserted */
} FindEvent;

/* Whether a stored row of events was inserted by this transaction and equals the wanted one. */
static bool
is_same_row(TupleTableSlot *slot, TupleTableSlot *wanted)
{
	TupleDesc desc = slot->tts_tupleDescriptor;
	bool isnull;
	TransactionId inserter =
	    DatumGetTransactionId(slot_getsysattr(slot, MinTransactionIdAttributeNumber, &isnull));

	if (!TransactionIdEquals(inserter, GetCurrentTransactionId()))
		return false;
	slot_getallattrs(slot);
	slot_getallattrs(wanted);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		if (attribute->attisdropped)
			continue;
		if (slot->tts_isnull[i] != wanted->tts_isnull[i])
			return false;
		if (!slot->tts_isnull[i] && !datum_image_eq(slot->tts_values[i], wanted->tts_values[i],
		                                            attribute->attbyval, attribute->attlen))
			return false;
	}
	return true;
}

/*
 * Deletes a row with a repeated id. If several rows are equal in every column, any of them
 * will do.
 */
static bool
remove_row(TupleTableSlot *slot, void *context)
{
	FindEvent *find = (FindEvent *) context;

	if (!is_same_row(slot, find->wanted))
		return true;
	store_delete(find->batch->store, &events_table, &slot->tts_tid);
	return false;
}

void
event_ids_remove_repeated(Statement *statement)
{
	Store *store = statement->store;

	/* this also makes the hashes visible of ids that others have committed meanwhile */
	store_refresh(store);
	statement_rewind(statement);
	for (int64 row = 0; statement_next(statement); row++)
	{
		FindEvent find = {statement->batch, statement->slot};
		Datum anchor;
		bool anchor_is_null;
		bool isnull;
		TimestampTz at;

		if (!statement_is_repeated(statement, row))
			continue;
		if (conflicts_have(statement))
		{
			conflicts_sample(statement);
			statement->n_conflicts++;
		}
		anchor = store_value(store, &events_table, statement->slot, EVENT_ANCHOR, &anchor_is_null);
		at = DatumGetTimestampTz(
		    store_value(store, &events_table, statement->slot, EVENT_OCCURRED_AT, &isnull));
		events_visit_at(store, anchor, anchor_is_null, at, remove_row, &find);
		store_refresh(store); /* so that, of two equal rows, the next search finds the other */
	}
}
