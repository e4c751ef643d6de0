/*
 * own.c
 *	  Warns whoever drops a table or a trigger of a workspace by itself. It is not refused: a
 *	  restore that cleans up first, and DROP SCHEMA, drop them so.
 */
#include "ddl_internal.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

/* A table of a workspace, or a trigger of cdp on it, that a command drops. */
typedef struct Own
{
	Oid schema;
	char *workspace;
	char *table;
	char *trigger; /* null: the table */
} Own;

/* The transaction that takes a workspace apart on purpose, and the workspace's schema. */
static TransactionId detaching = InvalidTransactionId;
static Oid detaching_schema = InvalidOid;

static bool
is_workspace_table(const char *name)
{
	for (int i = 0; i < n_workspace_tables; i++)
		if (strcmp(workspace_table_of(i)->name, name) == 0)
			return true;
	return false;
}

/* Whether a trigger of a table calls a function of cdp. */
static bool
is_own_trigger(Oid relid, const char *name)
{
	Relation rel = table_open(TriggerRelationId, AccessShareLock);
	Oid extension = get_namespace_oid("cdp", false);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple tuple;
	bool found = false;

	ScanKeyInit(&keys[0], Anum_pg_trigger_tgrelid, BTEqualStrategyNumber, F_OIDEQ,
	            ObjectIdGetDatum(relid));
	ScanKeyInit(&keys[1], Anum_pg_trigger_tgname, BTEqualStrategyNumber, F_NAMEEQ,
	            CStringGetDatum(name));
	scan = systable_beginscan(rel, TriggerRelidNameIndexId, true, NULL, lengthof(keys), keys);
	if (HeapTupleIsValid(tuple = systable_getnext(scan)))
		found = get_func_namespace(((Form_pg_trigger) GETSTRUCT(tuple))->tgfoid) == extension;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

/* Adds a table of a workspace, or (trigger not null) a trigger on it, in a context that lasts. */
static List *
add_own(List *found, List *names, const char *trigger)
{
	RangeVar *name = makeRangeVarFromNameList(names);
	Oid relid = RangeVarGetRelid(name, NoLock, true);
	Oid schema = OidIsValid(relid) ? get_rel_namespace(relid) : InvalidOid;
	MemoryContext oldcontext;
	Own *own;

	if (!OidIsValid(relid) || !is_workspace_table(name->relname) ||
	    !OidIsValid(workspace_in_schema(schema)) ||
	    (trigger != NULL && !is_own_trigger(relid, trigger)))
		return found;
	oldcontext = MemoryContextSwitchTo(TopTransactionContext);
	own = palloc0(sizeof(Own));
	own->schema = schema;
	own->workspace = get_namespace_name(schema);
	own->table = pstrdup(name->relname);
	own->trigger = trigger == NULL ? NULL : pstrdup(trigger);
	found = lappend(found, own);
	MemoryContextSwitchTo(oldcontext);
	return found;
}

List *
own_dropped(Node *parsetree)
{
	const DropStmt *statement = (DropStmt *) parsetree;
	List *found = NIL;
	ListCell *lc;

	if (!IsA(parsetree, DropStmt) ||
	    (statement->removeType != OBJECT_TABLE && statement->removeType != OBJECT_TRIGGER))
		return NIL;
	foreach (lc, statement->objects)
	{
		List *names = lfirst_node(List, lc);
		int n = list_length(names);

		if (statement->removeType == OBJECT_TABLE)
			found = add_own(found, names, NULL);
		else if (n > 1)
			found = add_own(found, list_truncate(list_copy(names), n - 1), strVal(llast(names)));
	}
	return found;
}

/* Whether any table of a workspace is left in a schema. */
static bool
is_anything_left(Oid schema)
{
	for (int i = 0; i < n_workspace_tables; i++)
		if (OidIsValid(get_relname_relid(workspace_table_of(i)->name, schema)))
			return true;
	return false;
}

void
own_warn(List *dropped)
{
	ListCell *lc;

	foreach (lc, dropped)
	{
		const Own *own = lfirst(lc);
		char *what = own->trigger == NULL
		                 ? psprintf("table \"%s\"", own->table)
		                 : psprintf("trigger \"%s\" on table \"%s\"", own->trigger, own->table);

		if (!is_anything_left(own->schema) ||
		    (own->schema == detaching_schema && TransactionIdIsValid(detaching) &&
		     detaching == GetTopTransactionIdIfAny()))
			continue;
		ereport(WARNING, (errmsg("%s of workspace \"%s\" has been dropped", what, own->workspace),
		                  errdetail("The workspace does not work without it."),
		                  errhint("To drop the whole workspace, use SELECT cdp.drop_workspace(%s).",
		                          quote_literal_cstr(own->workspace))));
	}
}

PG_FUNCTION_INFO_V1(cdp_expect_drops);

/*
 * cdp.expect_drops(workspace name): the transaction takes the workspace apart, so its further
 * drops need no warning. Nothing where there is no such schema.
 */
Datum
cdp_expect_drops(PG_FUNCTION_ARGS)
{
	detaching = GetTopTransactionId();
	detaching_schema = get_namespace_oid(NameStr(*PG_GETARG_NAME(0)), true);
	PG_RETURN_VOID();
}
