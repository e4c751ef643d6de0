/*
 * definitions.c
 *	  Reading definitions: rows of a workspace's tables, as they are now.
 */
#include "workspace/workspace.h"

#include "access/table.h"
#include "access/tableam.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

void
workspace_scan(Workspace *ws, const WorkspaceTable *table,
               void (*read)(Workspace *ws, TupleTableSlot *slot))
{
	Relation rel = table_open(workspace_table(ws, table)->oid, AccessShareLock);
	Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	TableScanDesc scan = table_beginscan(rel, snapshot, 0, NULL);

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
		read(ws, slot);
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	UnregisterSnapshot(snapshot);
	table_close(rel, AccessShareLock);
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
