/*
 * ingest.c
 *	  The engine's door: the statement-level trigger on events.
 *
 * A statement of one batch is read once and goes through the five stages. A
 * larger one takes all its locks first, in their order - event ids, new
 * identifiers, profiles, each sorted over the whole statement and spilling to
 * disk when many - and goes batch by batch then. Memory is bounded by the
 * batch, but for one bit per row and per identifier.
 */
#include "batch/batch.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/xact.h"
#include "catalog/pg_operator_d.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/tuplesort.h"
#include "utils/tuplestore.h"
#include "utils/typcache.h"

/* Up to this many event ids of a statement are sorted in memory. */
#define IDS_IN_MEMORY 500000

/* A statement's new rows and what is known of them. */
typedef struct Statement
{
	Batch *batch;
	Store *store;
	Tuplestorestate *rows;
	TupleTableSlot *slot;
	int64 n_rows;
	int64 n_repeated;
	Repairs repairs;
	bits8 *repeated; /* a bit per row: its event id had been taken; null: none had */
} Statement;

/* An event id and the row it stands in. */
typedef struct IdRow
{
	pg_uuid_t id;
	int64 row;
} IdRow;

static void
rewind_rows(Statement *statement)
{
	tuplestore_rescan(statement->rows);
}

static bool
next_row(Statement *statement)
{
	CHECK_FOR_INTERRUPTS();
	return tuplestore_gettupleslot(statement->rows, true, false, statement->slot);
}

static bits8 *
make_bits(Statement *statement, int64 n)
{
	return MemoryContextAllocExtended(statement->store->context, n / 8 + 1,
	                                  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

static bool
get_bit(const bits8 *bits, int64 i)
{
	return (bits[i / 8] & (1 << (i % 8))) != 0;
}

static void
set_bit(bits8 *bits, int64 i)
{
	bits[i / 8] |= 1 << (i % 8);
}

static bool
is_repeated(Statement *statement, int64 row)
{
	return statement->repeated != NULL && get_bit(statement->repeated, row);
}

static void
mark_repeated(Statement *statement, int64 row)
{
	if (statement->repeated == NULL)
		statement->repeated = make_bits(statement, statement->n_rows);
	set_bit(statement->repeated, row);
	statement->n_repeated++;
}

static pg_uuid_t *
row_event_id(Statement *statement)
{
	bool isnull;
	Datum id = store_value(statement->store, TABLE_EVENTS, statement->slot, EVENT_ID, &isnull);

	return DatumGetUUIDP(id);
}

/*
 * Takes one id; in a statement they come sorted, so that a repeat within it
 * follows the first.
 */
static void
take_id(Statement *statement, const pg_uuid_t *id, int64 row, const pg_uuid_t *before)
{
	if ((before != NULL && memcmp(before->data, id->data, UUID_LEN) == 0) ||
	    !store_take_event_id(statement->store, id))
		mark_repeated(statement, row);
}

static int
compare_ids(const void *a, const void *b)
{
	const IdRow *x = (const IdRow *) a;
	const IdRow *y = (const IdRow *) b;
	int order = memcmp(x->id.data, y->id.data, UUID_LEN);

	return order != 0 ? order : (x->row < y->row ? -1 : 1);
}

static void
take_ids_in_memory(Statement *statement)
{
	IdRow *ids =
	    MemoryContextAllocHuge(statement->batch->context, sizeof(IdRow) * statement->n_rows);

	for (int64 row = 0; row < statement->n_rows && next_row(statement); row++)
	{
		ids[row].id = *row_event_id(statement);
		ids[row].row = row;
	}
	qsort(ids, statement->n_rows, sizeof(IdRow), compare_ids);
	for (int64 i = 0; i < statement->n_rows; i++)
	{
		CHECK_FOR_INTERRUPTS();
		take_id(statement, &ids[i].id, ids[i].row, i == 0 ? NULL : &ids[i - 1].id);
	}
}

/* The same for any number of rows: sorted by (id, row), on disk where need be. */
static void
take_ids_on_disk(Statement *statement)
{
	TupleDesc desc = CreateTemplateTupleDesc(2);
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
	operators[0] = lookup_type_cache(UUIDOID, TYPECACHE_LT_OPR)->lt_opr;
	operators[1] = Int8LessOperator;
	slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	sort = tuplesort_begin_heap(desc, 2, columns, operators, collations, nulls_first, work_mem,
	                            NULL, TUPLESORT_NONE);
	for (int64 row = 0; next_row(statement); row++)
	{
		TupleTableSlot *entry = ExecClearTuple(slot);

		entry->tts_values[0] = UUIDPGetDatum(row_event_id(statement));
		entry->tts_values[1] = Int64GetDatum(row);
		entry->tts_isnull[0] = entry->tts_isnull[1] = false;
		tuplesort_puttupleslot(sort, ExecStoreVirtualTuple(entry));
	}
	tuplesort_performsort(sort);
	while (tuplesort_gettupleslot(sort, true, false, slot, NULL))
	{
		bool isnull;
		pg_uuid_t *id = DatumGetUUIDP(slot_getattr(slot, 1, &isnull));
		int64 row = DatumGetInt64(slot_getattr(slot, 2, &isnull));

		CHECK_FOR_INTERRUPTS();
		take_id(statement, id, row, first ? NULL : &before);
		before = *id;
		first = false;
	}
	ExecDropSingleTupleTableSlot(slot);
	tuplesort_end(sort);
}

/* Takes the ids of all rows, sorted, and notes which had been taken before. */
static void
take_event_ids(Statement *statement)
{
	rewind_rows(statement);
	if (statement->n_rows <= IDS_IN_MEMORY)
		take_ids_in_memory(statement);
	else
		take_ids_on_disk(statement);
	batch_reset(statement->batch);
}

typedef struct FindEvent
{
	Batch *batch;
	TupleTableSlot *wanted; /* the row as it was inserted */
} FindEvent;

/* Whether a stored row of events is the wanted one, which this statement inserted. */
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
 * A row with a repeated id: the statement's own, equal in every column, and
 * if there are several, any of them.
 */
static bool
remove_row(TupleTableSlot *slot, void *context)
{
	FindEvent *find = (FindEvent *) context;

	if (!is_same_row(slot, find->wanted))
		return true;
	store_delete(find->batch->store, TABLE_EVENTS, &slot->tts_tid);
	return false;
}

/* Removes the rows whose event had been taken before. */
static void
remove_repeated(Statement *statement)
{
	Store *store = statement->store;

	store->wrote = true; /* the statement's rows become visible */
	store_refresh(store);
	rewind_rows(statement);
	for (int64 row = 0; next_row(statement); row++)
	{
		FindEvent find = {statement->batch, statement->slot};
		Datum anchor;
		bool anchor_is_null;
		bool isnull;
		TimestampTz at;

		if (!is_repeated(statement, row))
			continue;
		anchor = store_value(store, TABLE_EVENTS, statement->slot, EVENT_ANCHOR, &anchor_is_null);
		at = DatumGetTimestampTz(
		    store_value(store, TABLE_EVENTS, statement->slot, EVENT_OCCURRED_AT, &isnull));
		store_scan_events(store, anchor, anchor_is_null, at, remove_row, &find);
		store_refresh(store); /* of two equal rows, the next search finds the other */
	}
}

typedef struct CorrectAnchor
{
	Batch *batch;
	const Event *event;
} CorrectAnchor;

/* Sets the anchor of a row of events, if it is the event's. */
static bool
correct_row(TupleTableSlot *slot, void *context)
{
	CorrectAnchor *correct = (CorrectAnchor *) context;
	Batch *batch = correct->batch;
	const Event *event = correct->event;
	Datum values[N_EVENT_COLUMNS];
	bool isnull[N_EVENT_COLUMNS];

	for (int i = 0; i < N_EVENT_COLUMNS; i++)
		values[i] = store_value(batch->store, TABLE_EVENTS, slot, i, &isnull[i]);
	if (memcmp(DatumGetUUIDP(values[EVENT_ID])->data, event->id.data, UUID_LEN) != 0)
		return true;
	isnull[EVENT_ANCHOR] = event->n_refs == 0;
	if (event->n_refs > 0)
		values[EVENT_ANCHOR] =
		    PointerGetDatum(batch->nodes[batch->refs[event->first_ref]].identifier);
	store_update(batch->store, TABLE_EVENTS, &slot->tts_tid,
	             store_changed_row(batch->store, TABLE_EVENTS, slot, values, isnull));
	return false;
}

static bool
anchor_differs(const Batch *batch, const Event *event)
{
	const Identifier *anchor =
	    event->n_refs == 0 ? NULL : batch->nodes[batch->refs[event->first_ref]].identifier;

	if (anchor == NULL || event->row_anchor == NULL)
		return anchor != event->row_anchor;
	return anchor != event->row_anchor && identifier_compare(anchor, event->row_anchor) != 0;
}

/*
 * The anchor in a row was set by the rules of its time, and without a look at
 * any table. Where the event has another one - rules have changed since, or its
 * strongest identifier is generic - the row is corrected.
 */
void
ingest_correct_anchors(Batch *batch)
{
	Store *store = batch->store;
	bool refreshed = false;

	for (int e = 0; e < batch->n_events; e++)
	{
		const Event *event = &batch->events[e];
		CorrectAnchor correct = {batch, event};

		if (!anchor_differs(batch, event))
			continue;
		CHECK_FOR_INTERRUPTS();
		if (!refreshed)
		{
			store->wrote = true; /* the statement's own rows become visible */
			store_refresh(store);
			refreshed = true;
		}
		store_scan_events(store, PointerGetDatum(event->row_anchor), event->row_anchor == NULL,
		                  event->occurred_at, correct_row, &correct);
	}
}

/* Rows of a statement on their way into a batch. */
typedef struct Filling
{
	Statement *statement;
	int64 *row;
	bool more;
} Filling;

/* The next row that is no repeat, as an event of the batch; null: the batch is full, or none is left. */
static Event *
next_event(Filling *filling)
{
	Statement *statement = filling->statement;

	while (!batch_is_full(statement->batch))
	{
		if (!next_row(statement))
		{
			filling->more = false;
			return NULL;
		}
		if (!is_repeated(statement, (*filling->row)++))
			return normalise_event_row(statement->batch, statement->slot);
	}
	return NULL;
}

static bool
next_input(InputRun *run)
{
	Filling *filling = (Filling *) run->context;

	run->event = next_event(filling);
	run->row.slot = filling->statement->slot;
	return run->event != NULL;
}

/*
 * Fills the batch from where the rows stand; false: there are no more. inputs:
 * with what the events add to computed traits.
 */
static bool
fill_batch(Statement *statement, int64 *row, bool inputs)
{
	Filling filling = {statement, row, true};

	if (inputs && inputs_are_wanted(statement->batch))
	{
		InputRun run = {statement->batch, next_input, &filling};

		inputs_evaluate(&run);
	}
	else
		while (next_event(&filling) != NULL)
			;
	return filling.more;
}

static int
compare_profiles(const void *a, const void *b)
{
	int64 x = (*(Profile *const *) a)->id;
	int64 y = (*(Profile *const *) b)->id;

	return x < y ? -1 : x > y;
}

/* Frees the values of a slice that is done, and of those read with it when they were locked. */
static void
forget_values(Batch *batch, int first, int n)
{
	MemoryContextReset(batch->values);
	for (int i = first; i < n; i++)
	{
		batch->profiles[i]->loaded = false;
		for (Profile *loser = batch->profiles[i]->taken_in; loser; loser = loser->next_taken)
			loser->loaded = false;
	}
}

/* Stages three to five. The profiles' values are worked on slice by slice, in the order of their ids. */
void
finish_profiles(Batch *batch)
{
	int n = 0;
	int start = 0;

	for (int i = 0; i < batch->n_profiles; i++)
		if (!batch->profiles[i]->merged)
			batch->profiles[n++] = batch->profiles[i];
	if (n > 1)
		qsort(batch->profiles, n, sizeof(Profile *), compare_profiles);
	if (n > SLICE_PROFILES)
		forget_values(batch, 0, n);
	while (start < n)
	{
		batch->slice = &batch->profiles[start];
		batch->n_slice = Min(SLICE_PROFILES, n - start);
		fold_slice(batch);
		evaluate_slice(batch);
		emit_slice(batch);
		start += batch->n_slice;
		if (start < n)
			forget_values(batch, start, Min(start + SLICE_PROFILES, n));
	}
}

/* Notes an identifier whose component is to be replayed. */
void
repairs_add(Repairs *repairs, const Identifier *identifier)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(repairs->context);

	if (repairs->n_seeds == repairs->max_seeds)
	{
		repairs->max_seeds = Max(GROW_MIN, repairs->max_seeds * 2);
		repairs->seeds =
		    repairs->seeds == NULL
		        ? palloc(sizeof(Identifier *) * repairs->max_seeds)
		        : repalloc_huge(repairs->seeds, sizeof(Identifier *) * (Size) repairs->max_seeds);
	}
	repairs->seeds[repairs->n_seeds] = palloc(VARSIZE_ANY(identifier));
	memcpy(repairs->seeds[repairs->n_seeds++], identifier, VARSIZE_ANY(identifier));
	MemoryContextSwitchTo(oldcontext);
}

/* Stages two to five, once all is locked; what is to be replayed goes into repairs. */
static void
finish_batch(Batch *batch, Repairs *repairs)
{
	resolve_batch(batch);
	finish_profiles(batch);
	emit_evidence(batch);
	ingest_correct_anchors(batch);
	for (int i = 0; i < batch->n_suspects; i++)
		repairs_add(repairs, batch->nodes[batch->suspects[i]].identifier);
}

/* One batch of events, which takes its own locks. */
void
ingest_batch(Batch *batch, Repairs *repairs)
{
	resolve_find(batch);
	resolve_guess(batch);
	resolve_lock(batch);
	finish_batch(batch, repairs);
}

/* Puts the distinct identifiers of a statement into a sort, batch by batch; n: how many. */
static Tuplesortstate *
sort_identifiers(Statement *statement, int64 *n)
{
	Batch *batch = statement->batch;
	TypeCacheEntry *type = lookup_type_cache(
	    TupleDescAttr(statement->slot->tts_tupleDescriptor,
	                  statement->store->ws->columns[TABLE_EVENTS][EVENT_ANCHOR] - 1)
	        ->atttypid,
	    TYPECACHE_LT_OPR);
	Tuplesortstate *sort = tuplesort_begin_datum(type->type_id, type->lt_opr, InvalidOid, false,
	                                             work_mem, NULL, TUPLESORT_RANDOMACCESS);
	int64 row = 0;
	bool more;

	*n = 0;
	rewind_rows(statement);
	do
	{
		more = fill_batch(statement, &row, false);
		for (int i = 0; i < batch->n_nodes; i++)
			tuplesort_putdatum(sort, PointerGetDatum(batch->nodes[i].identifier), false);
		*n += batch->n_nodes;
		batch_reset(batch);
	} while (more);
	tuplesort_performsort(sort);
	return sort;
}

/* What a statement of several batches locks, in order. */
typedef struct LockSort
{
	Statement *statement;
	Tuplesortstate *identifiers;
	bits8 *taken; /* a bit per distinct identifier: its row is ours */
	Tuplesortstate *profiles;
	int snapshot;    /* the snapshot that all of them were read with; -1: several */
	Repairs guarded; /* identifiers whose components may have to be replayed */
	List *contested; /* profiles of which the same holds */
	int64 *closure;  /* profiles of those components, as far as they are among the locked ones */
	int n_closure;
} LockSort;

static Tuplesortstate *
begin_profiles(void)
{
	return tuplesort_begin_datum(INT8OID, Int8LessOperator, InvalidOid, false, work_mem, NULL,
	                             TUPLESORT_RANDOMACCESS);
}

/*
 * Reads the statement's identifiers in their order: those with a profile give
 * profiles, of the others it notes which are guarded. take: locks those that
 * have no row or no profile; else false if there is one. A new row gets neither
 * a profile nor times yet: its batch sees to them.
 */
static bool
read_identifiers(LockSort *lock, Tuplesortstate *profiles, bool take)
{
	Store *store = lock->statement->store;
	Identifier *before = NULL;
	int64 i = -1;
	bool all = true;
	Datum datum;
	bool isnull;

	lock->guarded = (Repairs){store->context};
	store_refresh(store);
	lock->snapshot = store->snapshots;
	tuplesort_rescan(lock->identifiers);
	while (all && tuplesort_getdatum(lock->identifiers, true, &datum, &isnull, NULL))
	{
		IdNode node = {0};

		CHECK_FOR_INTERRUPTS();
		node.identifier = DatumGetIdentifierPP(datum);
		if (before != NULL && identifier_compare(before, node.identifier) == 0)
		{
			pfree(node.identifier);
			continue;
		}
		if (before != NULL)
			pfree(before);
		before = node.identifier;
		i++;
		node.first_at = DT_NOEND;
		node.last_at = DT_NOBEGIN;
		node.anchors_at = DT_NOEND;
		if (get_bit(lock->taken, i))
			continue;
		resolve_read(store, &node);
		all = take || !resolve_is_to_take(&node);
		if (take && resolve_is_to_take(&node))
		{
			resolve_take_identifier(store, &node);
			if (node.taken)
				set_bit(lock->taken, i);
		}
		if (node.guarded)
			repairs_add(&lock->guarded, node.identifier);
		if (node.row.profile_id != 0)
			tuplesort_putdatum(profiles, Int64GetDatum(node.row.profile_id), false);
	}
	if (store->snapshots != lock->snapshot)
		lock->snapshot = -1;
	return all;
}

/* Whether each value of one sort is in the other. */
static bool
is_subset(Tuplesortstate *inner, Tuplesortstate *outer)
{
	Datum wanted;
	Datum have;
	bool isnull;
	bool any = false;

	tuplesort_rescan(outer);
	while (tuplesort_getdatum(inner, true, &wanted, &isnull, NULL))
	{
		CHECK_FOR_INTERRUPTS();
		while (!any || DatumGetInt64(have) < DatumGetInt64(wanted))
		{
			if (!tuplesort_getdatum(outer, true, &have, &isnull, NULL))
				return false;
			any = true;
		}
		if (DatumGetInt64(have) != DatumGetInt64(wanted))
			return false;
	}
	return true;
}

typedef struct FirstIdentifier
{
	Store *store;
	Repairs *into;
} FirstIdentifier;

static bool
take_first(TupleTableSlot *slot, void *context)
{
	FirstIdentifier *first = (FirstIdentifier *) context;
	bool isnull;

	repairs_add(first->into, DatumGetIdentifierPP(store_value(first->store, TABLE_IDENTIFIERS, slot,
	                                                          IDENTIFIER_IDENTIFIER, &isnull)));
	return false;
}

/*
 * Whether the components that a replay may touch are locked, too: those of
 * contested profiles and guarded identifiers. What is missing is noted.
 */
static bool
is_closure_locked(LockSort *lock)
{
	Store *store = lock->statement->store;
	int64 *found;
	int n;
	ListCell *lc;

	foreach (lc, lock->contested)
	{
		FirstIdentifier first = {store, &lock->guarded};

		store_scan_identifiers(store, *(int64 *) lfirst(lc), NULL, take_first, &first);
	}
	if (lock->guarded.n_seeds == 0)
		return true;
	found = replay_closure(store, lock->guarded.seeds, lock->guarded.n_seeds, &n);
	if (ids_include(lock->closure, lock->n_closure, found, n))
		return true;
	resolve_require_profiles(store, found, n);
	lock->closure = found;
	lock->n_closure = n;
	return false;
}

/*
 * Whether what is locked is all that the statement is going to write. Where
 * something may have changed since the identifiers were read, they are read
 * again; evidence may have where no locked row has, see resolve.c.
 */
static bool
is_all_locked(void *context)
{
	LockSort *lock = (LockSort *) context;
	Store *store = lock->statement->store;

	if (store->stale || lock->snapshot != store->snapshots || lock->guarded.n_seeds > 0)
	{
		Tuplesortstate *others = begin_profiles();
		bool same = read_identifiers(lock, others, false);

		if (same)
		{
			tuplesort_performsort(others);
			same = is_subset(others, lock->profiles);
		}
		tuplesort_end(others);
		if (!same)
			return false;
	}
	else if (lock->contested != NIL)
		store_refresh(store);
	return is_closure_locked(lock);
}

/* Locks sorted profiles; false: one of them has been merged into another, or others are needed. */
static bool
lock_sorted(void *context)
{
	LockSort *lock = (LockSort *) context;
	Store *store = lock->statement->store;
	Datum datum;
	bool isnull;
	int64 before = 0;

	while (tuplesort_getdatum(lock->profiles, true, &datum, &isnull, NULL))
	{
		TupleTableSlot *slot;

		CHECK_FOR_INTERRUPTS();
		if (DatumGetInt64(datum) == before)
			continue;
		before = DatumGetInt64(datum);
		slot = store_find(store, TABLE_PROFILES, datum);
		if (slot == NULL && lock->snapshot == store->snapshots && lock->n_closure == 0)
			resolve_report_missing(before);
		if (slot == NULL || store_lock(store, TABLE_PROFILES, slot) != LOCK_OK)
		{
			lock->n_closure = 0; /* it may be the one that is gone */
			return false;
		}
		(void) store_value(store, TABLE_PROFILES, slot, PROFILE_CONTESTED_UNTIL, &isnull);
		if (!isnull)
		{
			int64 *id = palloc(sizeof(int64));

			*id = before;
			lock->contested = lappend(lock->contested, id);
		}
	}
	return store_read_outside(store, TABLE_PROFILES, is_all_locked, lock);
}

/* Takes all locks of a statement of several batches. See resolve.c. */
static void
lock_statement(Statement *statement)
{
	LockSort lock = {.statement = statement};
	int64 n;
	bool all;

	lock.identifiers = sort_identifiers(statement, &n);
	lock.taken = make_bits(statement, n);
	do
	{
		lock.contested = NIL;
		lock.profiles = begin_profiles();
		(void) read_identifiers(&lock, lock.profiles, true);
		for (int i = 0; i < lock.n_closure; i++)
			tuplesort_putdatum(lock.profiles, Int64GetDatum(lock.closure[i]), false);
		tuplesort_performsort(lock.profiles);
		all = store_attempt(statement->store, TABLE_PROFILES, lock_sorted, &lock);
		tuplesort_end(lock.profiles);
	} while (!all);
	tuplesort_end(lock.identifiers);
}

/* A statement of several batches: all locks first, then batch after batch. */
static void
ingest_in_batches(Statement *statement)
{
	Batch *batch = statement->batch;
	int64 row = 0;
	bool more;

	batch_reset(batch);
	lock_statement(statement);
	rewind_rows(statement);
	do
	{
		more = fill_batch(statement, &row, true);
		store_refresh(statement->store);
		resolve_find(batch);
		finish_batch(batch, &statement->repairs);
		batch_reset(batch);
	} while (more);
}

/*
 * Error context of work for somebody who may not read what the owner may: the
 * detail of a violated constraint shows a row, which is perhaps of another
 * customer.
 */
static void
hide_row(void *arg)
{
	if (ERRCODE_TO_CATEGORY(geterrcode()) == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION)
		errdetail("The row is shown to the owner of the workspace only.");
}

PG_FUNCTION_INFO_V1(cdp_ingest_events);

/*
 * cdp.ingest_events(): AFTER INSERT statement trigger on events, with a
 * transition table. Works as the owner of the workspace's tables.
 */
Datum
cdp_ingest_events(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Statement statement = {0};
	Workspace *ws;
	WorkspaceUser user;
	MemoryContext context;
	MemoryContext oldcontext;
	ErrorContextCallback callback = {error_context_stack, hide_row, NULL};
	int64 row = 0;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) ||
	    !TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event) ||
	    !TRIGGER_FIRED_BY_INSERT(trigger->tg_event) || trigger->tg_newtable == NULL)
		ereport(ERROR,
		        (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
		         errmsg("cdp.ingest_events must be fired after insert for each statement, with a "
		                "new table")));
	statement.rows = trigger->tg_newtable;
	statement.n_rows = tuplestore_tuple_count(statement.rows);
	if (statement.n_rows == 0)
		return PointerGetDatum(NULL);

	/* the lock on profiles first: see workspace.c */
	ws = workspace_of_events(RelationGetRelid(trigger->tg_relation));
	LockRelationOid(ws->tables[TABLE_PROFILES], RowExclusiveLock);
	ws = workspace_of_events(RelationGetRelid(trigger->tg_relation));
	workspace_become_owner(ws, &user);
	if (!has_privs_of_role(user.user, ws->owner))
		error_context_stack = &callback;

	context = AllocSetContextCreate(CurrentMemoryContext, "cdp ingest", ALLOCSET_DEFAULT_SIZES);
	oldcontext = MemoryContextSwitchTo(context);
	statement.store = store_begin(ws);
	statement.batch = batch_create(statement.store, context, "event");
	statement.slot =
	    MakeSingleTupleTableSlot(RelationGetDescr(trigger->tg_relation), &TTSOpsMinimalTuple);

	statement.repairs.context = context;

	take_event_ids(&statement);
	/* repeats first: rows are found by the anchors that they were inserted with, then by their ids */
	if (statement.n_repeated > 0)
		remove_repeated(&statement);
	rewind_rows(&statement);
	if (statement.n_rows > batch_events || fill_batch(&statement, &row, true))
		ingest_in_batches(&statement);
	else
		ingest_batch(statement.batch, &statement.repairs);
	if (statement.repairs.n_seeds > 0)
	{
		statement.store->wrote = true; /* the statement's rows are folded in, too */
		store_refresh(statement.store);
		replay_components(statement.store, statement.repairs.seeds, statement.repairs.n_seeds,
		                  "event", false, false);
	}

	ExecDropSingleTupleTableSlot(statement.slot);
	store_end(statement.store);
	error_context_stack = callback.previous;
	workspace_restore_user(&user);
	MemoryContextSwitchTo(oldcontext);
	MemoryContextDelete(context);
	return PointerGetDatum(NULL);
}
