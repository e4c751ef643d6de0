/*
 * write.c
 *	  Writing rows with the executor's own functions, so that what users have added to a
 *	  table works: defaults, constraints, generated columns, indexes, row triggers.
 */
#include "store/store_internal.h"

#include "store/lock.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "executor/nodeModifyTable.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "storage/lmgr.h"
#include "utils/datum.h"
#include "utils/snapmgr.h"

/* Removes the triggers that enforce users' foreign keys from a copy of a table's triggers. */
static void
drop_reference_triggers(TriggerDesc *triggers)
{
	int kept = 0;

	for (int i = 0; i < triggers->numtriggers; i++)
		if (!enforces_reference(&triggers->triggers[i]))
			triggers->triggers[kept++] = triggers->triggers[i];
	triggers->numtriggers = kept;
}

/*
 * Notes the UPDATE OF triggers in a copy of a table's triggers. The engine has no list of columns
 * that it sets, by which the executor would tell whether they fire: enable_column_triggers does.
 */
static void
find_column_triggers(StoreTable *table, TriggerDesc *triggers)
{
	table->column_triggers = palloc(sizeof(ColumnTrigger) * Max(triggers->numtriggers, 1));
	for (int i = 0; i < triggers->numtriggers; i++)
	{
		Trigger *trigger = &triggers->triggers[i];

		if (trigger->tgnattr == 0 || !TRIGGER_FOR_ROW(trigger->tgtype) ||
		    !TRIGGER_FOR_UPDATE(trigger->tgtype))
			continue;
		table->column_triggers[table->n_column_triggers++] =
		    (ColumnTrigger){trigger, trigger->tgenabled, trigger->tgattr, trigger->tgnattr};
		trigger->tgnattr = 0;
	}
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
		if (table->row_triggers)
			find_column_triggers(table, table->result->ri_TrigDesc);
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

/*
 * Prepares the default expressions of the users' own columns, by attribute; null: the
 * column has none. The engine's columns need none: it always gives their values.
 */
static void
find_defaults(Store *store, const WorkspaceTable *which)
{
	StoreTable *table = &store->tables[which->number];
	TupleDesc desc = RelationGetDescr(table->rel);
	MemoryContext oldcontext;

	table->defaults_known = true;
	if (desc->natts == workspace_table(store->ws, which)->n_columns)
		return;
	oldcontext = MemoryContextSwitchTo(store->context);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		Expr *expression;

		if (workspace_has_column(store->ws, which, i + 1) || attribute->attisdropped ||
		    attribute->attgenerated)
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

bool
store_has_defaults(Store *store, const WorkspaceTable *which)
{
	return open_table(store, which)->defaults != NULL;
}

void
store_prepare_rows(Store *store, const WorkspaceTable *which)
{
	StoreTable *table = open_table(store, which);

	(void) write_slot(store, table);
	if (!table->defaults_known)
		find_defaults(store, which);
}

static void
set_engine_columns(Store *store, const WorkspaceTable *which, TupleTableSlot *slot,
                   const Datum *values, const bool *isnull)
{
	for (int i = 0; i < workspace_table(store->ws, which)->n_columns; i++)
	{
		AttrNumber attnum = workspace_table(store->ws, which)->columns[i];

		slot->tts_values[attnum - 1] = values[i];
		slot->tts_isnull[attnum - 1] = isnull != NULL && isnull[i];
	}
}

TupleTableSlot *
store_new_row(Store *store, const WorkspaceTable *which, const Datum *values, const bool *isnull)
{
	StoreTable *table = open_table(store, which);
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
store_changed_row(Store *store, const WorkspaceTable *which, TupleTableSlot *old,
                  const Datum *values, const bool *isnull)
{
	StoreTable *table = open_table(store, which);
	TupleTableSlot *slot = write_slot(store, table);
	int natts = RelationGetDescr(table->rel)->natts;

	slot_getallattrs(old);
	memcpy(slot->tts_values, old->tts_values, natts * sizeof(Datum));
	memcpy(slot->tts_isnull, old->tts_isnull, natts * sizeof(bool));
	set_engine_columns(store, which, slot, values, isnull);
	return ExecStoreVirtualTuple(slot);
}

/* The same for a row that is a tuple; the slot's values point into the tuple. */
TupleTableSlot *
store_changed_tuple(Store *store, const WorkspaceTable *which, HeapTuple old, const Datum *values,
                    const bool *isnull)
{
	StoreTable *table = open_table(store, which);
	TupleTableSlot *slot = write_slot(store, table);

	heap_deform_tuple(old, RelationGetDescr(table->rel), slot->tts_values, slot->tts_isnull);
	set_engine_columns(store, which, slot, values, isnull);
	return ExecStoreVirtualTuple(slot);
}

/* Computes the generated columns of a row that is about to be written, and checks constraints. */
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

/* Error: a user's BEFORE trigger has returned null for a row that the engine writes. */
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
store_insert(Store *store, const WorkspaceTable *which, TupleTableSlot *slot)
{
	StoreTable *table = open_table(store, which);
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

/* Number of rows that are formed before they are put into pages together. */
#define INSERT_ROWS 100

/*
 * Many rows that fit on one page are written and logged once. If the table has row
 * triggers, each row is inserted by itself, since a trigger may look at the earlier ones.
 */
void
store_insert_rows(Store *store, const WorkspaceTable *which, int n, FillRow fill, void *context)
{
	StoreTable *table = open_table(store, which);
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

/*
 * Raises a serialization failure if the snapshot cannot see the row. A row of our own
 * transaction, which this command may just have written, raises none.
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
 * Works as INSERT ... ON CONFLICT DO NOTHING does, and waits for a transaction that is
 * inserting the same key. Above READ COMMITTED, an existing row of another transaction
 * that the snapshot cannot see is a serialization failure.
 */
bool
store_insert_unless_there(Store *store, const WorkspaceTable *which, TupleTableSlot *slot)
{
	StoreTable *table = open_table(store, which);
	ResultRelInfo *result = open_indexes(store, table, true);
	List *arbiters = list_make1_oid(workspace_table(store->ws, which)->key);
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
		 * A conflict is rare. So the first attempt inserts without looking for one;
		 * if there is a conflict, inserting into the indexes finds it.
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

/*
 * Checks the result of changing a row. The caller's locks keep others from changing it,
 * but above READ COMMITTED the snapshot may be older than those locks.
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

/* Writes a new version of a row: fires no triggers, computes and checks nothing. */
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
 * Called before a row with triggers is changed. Above READ COMMITTED it raises error
 * 40001 if the row has changed since the snapshot: the executor's functions would raise
 * an internal error. Leaves the row's place in the empty slot old.
 */
static void
require_unchanged(Store *store, const WorkspaceTable *which, TupleTableSlot *old,
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

/* Whether a column has another value in one row than in another, byte for byte. */
static bool
column_differs(TupleTableSlot *a, TupleTableSlot *b, int16 attnum)
{
	Form_pg_attribute attribute = TupleDescAttr(a->tts_tupleDescriptor, attnum - 1);
	bool a_is_null;
	bool b_is_null;
	Datum a_value = slot_getattr(a, attnum, &a_is_null);
	Datum b_value = slot_getattr(b, attnum, &b_is_null);

	if (a_is_null || b_is_null)
		return a_is_null != b_is_null;
	return !datum_image_eq(a_value, b_value, attribute->attbyval, attribute->attlen);
}

/*
 * Enables the UPDATE OF triggers that name a column which gets another value, and no others. The
 * new row is materialized; the slot old has room for the old one.
 */
static void
enable_column_triggers(Store *store, StoreTable *table, ItemPointer tid, TupleTableSlot *old,
                       TupleTableSlot *new)
{
	TupleConstr *constraints = RelationGetDescr(table->rel)->constr;

	if (constraints != NULL && constraints->has_generated_stored)
		ExecComputeStoredGenerated(table->result, store->estate, new, CMD_UPDATE);
	if (!table_tuple_fetch_row_version(table->rel, tid, SnapshotAny, old))
		elog(ERROR, "a row of \"%s\" that is updated is not there",
		     RelationGetRelationName(table->rel));
	for (int i = 0; i < table->n_column_triggers; i++)
	{
		ColumnTrigger *column = &table->column_triggers[i];
		bool fires = false;

		for (int c = 0; c < column->n_columns && !fires; c++)
			fires = column_differs(old, new, column->columns[c]);
		column->trigger->tgenabled = fires ? column->enabled : TRIGGER_DISABLED;
	}
	ExecClearTuple(old);
}

void
store_update(Store *store, const WorkspaceTable *which, ItemPointer tid, TupleTableSlot *slot)
{
	StoreTable *table = open_table(store, which);
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
		if (table->n_column_triggers > 0)
			enable_column_triggers(store, table, &old_tid, old, slot);
		require_unchanged(store, which, old, &old_tid);
		ItemPointerSetInvalid(&slot->tts_tid);
		ExecSimpleRelationUpdate(result, store->estate, &epqstate, old, slot);
		if (!ItemPointerIsValid(&slot->tts_tid))
			refuse_suppression(table, "UPDATE");
		/* they may fire for INSERT too */
		for (int i = 0; i < table->n_column_triggers; i++)
			table->column_triggers[i].trigger->tgenabled = table->column_triggers[i].enabled;
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
store_touch(Store *store, const WorkspaceTable *which, Datum key)
{
	TupleTableSlot *slot = store_find(store, which, key);
	TupleTableSlot *same;

	if (slot == NULL || store_is_own(slot))
		return;
	store_check_locked(store, which, &slot->tts_tid);
	same = write_slot(store, open_table(store, which));
	ExecCopySlot(same, slot);
	update_row(store, open_table(store, which), &slot->tts_tid, same);
}

void
store_delete(Store *store, const WorkspaceTable *which, ItemPointer tid)
{
	StoreTable *table = open_table(store, which);

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
