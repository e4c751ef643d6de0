/*
 * rows.c
 *	  Rows of a workspace's tables that SQL gives to a function: they may come from anywhere.
 */
#include "workspace/rows.h"

#include "utils/builtins.h"
#include "utils/lsyscache.h"

Workspace *
workspace_of_row_type(Oid type)
{
	Oid relid = get_typ_typrelid(type);
	Oid events =
	    OidIsValid(relid) ? get_relname_relid("events", get_rel_namespace(relid)) : InvalidOid;
	Workspace *ws = OidIsValid(events) ? workspace_of_events(events) : NULL;

	if (ws == NULL || workspace_table(ws, &profiles_table)->oid != relid)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
		                errmsg("%s is no row of a workspace's profiles", format_type_be(type)),
		                errhint("Call it as in SELECT cdp.segments_now(p) FROM shop.profiles p.")));
	return ws;
}

Workspace *
workspace_of_row(HeapTupleHeader row)
{
	return workspace_of_row_type(HeapTupleHeaderGetTypeId(row));
}

void
workspace_check_row(const Workspace *ws, const WorkspaceTable *table, TupleTableSlot *slot)
{
	const TableState *state = workspace_table(ws, table);

	for (int i = 0; i < state->n_columns; i++)
		if (!table->columns[i].nullable && slot_attisnull(slot, state->columns[i]))
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			                errmsg("column \"%s\" of a row of %s must not be null",
			                       table->columns[i].name, table->name),
			                errhint("Take the row from the table.")));
}
