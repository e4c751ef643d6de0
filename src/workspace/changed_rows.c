/*
 * changed_rows.c
 *	  The rows of definitions that a statement has removed or put there.
 */
#include "workspace/changed_rows.h"

#include "utils/lsyscache.h"

static ChangedRow *
read_row(const TableState *state, TupleTableSlot *slot)
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
		result = lappend(result, read_row(workspace_table(ws, table), slot));
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
