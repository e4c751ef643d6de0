/*
 * definitions.c
 *	  Definitions are rows: how they are read, and which of them a statement has changed.
 */
#include "workspace/definitions.h"

#include "access/table.h"
#include "access/tableam.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

void
workspace_scan_with(Workspace *ws, const WorkspaceTable *table,
                    void (*read)(Workspace *ws, TupleTableSlot *slot, void *context), void *context)
{
	Relation rel = table_open(workspace_table(ws, table)->oid, AccessShareLock);
	Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	TableScanDesc scan = table_beginscan(rel, snapshot, 0, NULL);

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
		read(ws, slot, context);
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	UnregisterSnapshot(snapshot);
	table_close(rel, AccessShareLock);
}

/* The context of read_without: a function that needs none. */
typedef struct ReadFunction
{
	void (*read)(Workspace *ws, TupleTableSlot *slot);
} ReadFunction;

static void
read_without(Workspace *ws, TupleTableSlot *slot, void *context)
{
	((ReadFunction *) context)->read(ws, slot);
}

void
workspace_scan(Workspace *ws, const WorkspaceTable *table,
               void (*read)(Workspace *ws, TupleTableSlot *slot))
{
	ReadFunction function = {read};

	workspace_scan_with(ws, table, read_without, &function);
}

Datum
workspace_value(const Workspace *ws, const WorkspaceTable *table, TupleTableSlot *slot, int column,
                bool *isnull)
{
	return slot_getattr(slot, workspace_table(ws, table)->columns[column], isnull);
}

char *
workspace_text(const Workspace *ws, const WorkspaceTable *table, TupleTableSlot *slot, int column)
{
	bool isnull;
	Datum value = workspace_value(ws, table, slot, column, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

static ChangedRow *
read_changed_row(const TableState *state, TupleTableSlot *slot)
{
	ChangedRow *row = palloc(sizeof(ChangedRow));

	row->n = state->n_columns;
	row->texts = palloc(sizeof(char *) * row->n);
	for (int i = 0; i < row->n; i++)
	{
		bool isnull;
		Datum value = slot_getattr(slot, state->columns[i], &isnull);
		Oid output;
		bool is_varlena;

		getTypeOutputInfo(state->types[i], &output, &is_varlena);
		row->texts[i] = isnull ? NULL : OidOutputFunctionCall(output, value);
	}
	return row;
}

List *
changed_rows_read(const Workspace *ws, const WorkspaceTable *table, Relation rel,
                  Tuplestorestate *rows)
{
	List *result = NIL;
	TupleTableSlot *slot;

	if (rows == NULL)
		return NIL;
	slot = MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsMinimalTuple);
	while (tuplestore_gettupleslot(rows, true, false, slot))
		result = lappend(result, read_changed_row(workspace_table(ws, table), slot));
	ExecDropSingleTupleTableSlot(slot);
	return result;
}

ChangedRow *
changed_rows_find(List *rows, const char *key)
{
	ListCell *lc;

	foreach (lc, rows)
	{
		ChangedRow *row = lfirst(lc);

		if (strcmp(row->texts[0], key) == 0)
			return row;
	}
	return NULL;
}

bool
changed_rows_have(List *rows, const ChangedRow *row)
{
	const ChangedRow *other = changed_rows_find(rows, row->texts[0]);

	if (other == NULL)
		return false;
	for (int i = 0; i < row->n; i++)
		if ((row->texts[i] == NULL) != (other->texts[i] == NULL) ||
		    (row->texts[i] != NULL && strcmp(row->texts[i], other->texts[i]) != 0))
			return false;
	return true;
}
