/*
 * deferrable.c
 *	  Deferrable constraints of the tables that the engine writes, and the owner's code that
 *	  its writes can run.
 *
 * PostgreSQL refuses deferred triggers in a restricted operation: they would fire at commit
 * with the rights of whoever commits. So while the engine writes, these constraints are
 * immediate, as SET CONSTRAINTS makes them. They are found once, when the workspace is
 * read. A workspace without any pays nothing. Whether the owner has code is found likewise.
 */
#include "workspace/workspace_internal.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "rewrite/rewriteHandler.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

static Oid
owner_of_table(Oid relid)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid owner = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
		ReleaseSysCache(tuple);
	}
	return owner;
}

/*
 * Whether a constraint trigger of another owner has the name of this constraint, in its
 * schema. SET CONSTRAINTS goes by names: it would fire that trigger with our owner's rights.
 */
static bool
is_named_as_others(Form_pg_constraint constraint, Oid owner)
{
	Relation rel = table_open(ConstraintRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple tuple;
	bool found = false;

	ScanKeyInit(&keys[0], Anum_pg_constraint_conname, BTEqualStrategyNumber, F_NAMEEQ,
	            NameGetDatum(&constraint->conname));
	ScanKeyInit(&keys[1], Anum_pg_constraint_connamespace, BTEqualStrategyNumber, F_OIDEQ,
	            ObjectIdGetDatum(constraint->connamespace));
	scan = systable_beginscan(rel, ConstraintNameNspIndexId, true, NULL, 2, keys);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_constraint other = (Form_pg_constraint) GETSTRUCT(tuple);

		found = other->contype == CONSTRAINT_TRIGGER && owner_of_table(other->conrelid) != owner;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

/*
 * Sets the workspace's deferrable constraints: immediate, or those that are initially
 * deferred to deferred. One that cannot be named, or not safely, is left as it is: a
 * deferred trigger of it is refused by PostgreSQL.
 */
void
deferrable_set(const Workspace *ws, bool deferred)
{
	ConstraintsSetStmt *statement = makeNode(ConstraintsSetStmt);
	ListCell *lc;

	statement->deferred = deferred;
	foreach (lc, ws->deferrable)
	{
		HeapTuple tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(lfirst_oid(lc)));
		Form_pg_constraint form;

		if (!HeapTupleIsValid(tuple))
			continue;
		form = (Form_pg_constraint) GETSTRUCT(tuple);
		if ((deferred ? form->condeferred : form->condeferrable) &&
		    CdpSchemaAclCheck(form->connamespace, ws->owner, ACL_USAGE) == ACLCHECK_OK &&
		    !is_named_as_others(form, ws->owner))
			statement->constraints =
			    lappend(statement->constraints, makeRangeVar(get_namespace_name(form->connamespace),
			                                                 pstrdup(NameStr(form->conname)), -1));
		ReleaseSysCache(tuple);
	}
	if (statement->constraints != NIL) /* an empty list would mean all constraints */
		AfterTriggerSetState(statement);
}

/* Whether the engine writes a table so that users' triggers fire, which they do not on events. */
static bool
is_written(const WorkspaceTable *table)
{
	return table->guard == GUARD_PROFILES || table->guard == GUARD_DERIVED || table->written;
}

static bool
is_users_function(Oid function, void *context)
{
	Oid schema = get_func_namespace(function);

	return schema != PG_CATALOG_NAMESPACE && schema != *(Oid *) context;
}

/* Tree walker: whether an expression calls a function that is neither PostgreSQL's nor cdp's. */
static bool
calls_users_function(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, CoerceToDomain)) /* its constraints are expressions, too */
		return true;
	return check_functions_in_node(node, is_users_function, context) ||
	       expression_tree_walker(node, calls_users_function, context);
}

static bool
columns_run_code(Relation rel, Oid cdp)
{
	TupleDesc desc = RelationGetDescr(rel);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		if (!attribute->attisdropped &&
		    (get_typtype(attribute->atttypid) == TYPTYPE_DOMAIN ||
		     calls_users_function(build_column_default(rel, i + 1), &cdp)))
			return true;
	}
	for (int i = 0; desc->constr != NULL && i < desc->constr->num_check; i++)
		if (calls_users_function(stringToNode(desc->constr->check[i].ccbin), &cdp))
			return true;
	return false;
}

static bool
indexes_run_code(Relation rel, Oid cdp)
{
	List *indexes = RelationGetIndexList(rel);
	bool result = false;
	ListCell *lc;

	foreach (lc, indexes)
	{
		Relation index = index_open(lfirst_oid(lc), AccessShareLock);

		result = result ||
		         calls_users_function((Node *) RelationGetIndexExpressions(index), &cdp) ||
		         calls_users_function((Node *) RelationGetIndexPredicate(index), &cdp);
		index_close(index, AccessShareLock);
	}
	list_free(indexes);
	return result;
}

static bool
triggers_run_code(Relation rel, Oid cdp)
{
	const TriggerDesc *triggers = rel->trigdesc;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
		if (is_users_function(triggers->triggers[i].tgfoid, &cdp))
			return true;
	return false;
}

/*
 * Adds the deferrable constraints whose triggers stand on the table. A foreign key that acts
 * on a table of the owner's, as ON DELETE CASCADE does, brings that table into tables.
 */
static List *
add_deferrable(Workspace *ws, Relation rel, List *tables)
{
	const TriggerDesc *triggers = rel->trigdesc;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];
		int reference = RI_FKey_trigger_type(trigger->tgfoid);

		if (!OidIsValid(trigger->tgconstraint))
			continue;
		if (trigger->tgdeferrable)
			ws->deferrable = list_append_unique_oid(ws->deferrable, trigger->tgconstraint);
		if (reference == RI_TRIGGER_PK && OidIsValid(trigger->tgconstrrelid) &&
		    owner_of_table(trigger->tgconstrrelid) == ws->owner)
			tables = list_append_unique_oid(tables, trigger->tgconstrrelid);
	}
	return tables;
}

/*
 * Whether the engine's writes run code of the owner's that could look names up. On events,
 * of which it changes rows too, no trigger fires for it.
 */
static bool
runs_code(const Workspace *ws)
{
	MemoryContext context =
	    AllocSetContextCreate(CurrentMemoryContext, "cdp expressions", ALLOCSET_SMALL_SIZES);
	MemoryContext oldcontext = MemoryContextSwitchTo(context);
	Oid cdp = get_namespace_oid("cdp", false);
	bool result = false;

	for (int i = 0; i < n_workspace_tables && !result; i++)
	{
		const WorkspaceTable *table = workspace_table_of(i);
		Relation rel;

		if (!OidIsValid(ws->tables[i].oid) || (table != &events_table && !is_written(table)))
			continue;
		rel = table_open(ws->tables[i].oid, AccessShareLock);
		result = (table != &events_table && triggers_run_code(rel, cdp)) ||
		         columns_run_code(rel, cdp) || indexes_run_code(rel, cdp);
		table_close(rel, NoLock);
	}
	MemoryContextSwitchTo(oldcontext);
	MemoryContextDelete(context);
	return result;
}

/* The oids of the tables that the engine, or a function in SQL, writes as the owner. */
static List *
written_tables(const Workspace *ws, int *n_engine)
{
	List *tables = NIL;

	for (int i = 0; i < n_workspace_tables; i++)
		if (OidIsValid(ws->tables[i].oid) && is_written(workspace_table_of(i)))
			tables = lappend_oid(tables, ws->tables[i].oid);
	*n_engine = list_length(tables);
	for (int i = 0; i < n_workspace_tables; i++)
	{
		const WorkspaceTable *table = workspace_table_of(i);
		Oid relid = table->sql_only && table->written ? get_relname_relid(table->name, ws->schema)
		                                              : InvalidOid;

		if (OidIsValid(relid) && get_rel_relkind(relid) == RELKIND_RELATION &&
		    owner_of_table(relid) == ws->owner)
			tables = lappend_oid(tables, relid);
	}
	return tables;
}

void
workspace_find_code(Workspace *ws)
{
	int n_engine;
	List *tables = written_tables(ws, &n_engine);
	ListCell *lc;

	foreach (lc, tables) /* which grows meanwhile */
	{
		Relation rel = table_open(lfirst_oid(lc), AccessShareLock);

		tables = add_deferrable(ws, rel, tables);
		table_close(rel, NoLock);
	}
	ws->related = list_copy_tail(tables, n_engine);
	if (!runs_code(ws))
		ws->path = NULL;
}
