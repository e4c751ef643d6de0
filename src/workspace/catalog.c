/*
 * catalog.c
 *	  Finds a workspace's tables, their columns and indexes in the catalog, and
 *	  refuses what only looks like a workspace.
 */
#include "workspace/workspace_internal.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

/* Error: this table is not the events table of a workspace. */
static void
refuse_table(Oid relid, const char *detail)
{
	ereport(ERROR,
	        (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
	         errmsg("table \"%s\" is not the events table of a workspace",
	                get_rel_name(relid) ? get_rel_name(relid) : "?"),
	         errdetail("%s", detail),
	         errhint("Make a workspace with cdp.create_workspace('name') and insert into its "
	                 "events.")));
}

/*
 * Errors if a table has inheritance children: the engine does not see their rows, but queries
 * of the table do, as those of cdp.check.
 */
static void
refuse_children(Oid relid)
{
	List *children = find_inheritance_children(relid, NoLock);

	if (children != NIL)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		                errmsg("table \"%s\" has an inheritance child", get_rel_name(relid)),
		                errdetail("The child is \"%s\".", get_rel_name(linitial_oid(children))),
		                errhint("Part it with ALTER TABLE ... NO INHERIT: tables of a workspace "
		                        "hold all their rows themselves.")));
}

/*
 * Errors unless a table that was found by its name is an ordinary one of this owner:
 * otherwise a user could make the engine, with its rights, work on another user's tables.
 * InvalidOid: any owner, for events. Returns the owner.
 */
static Oid
check_table(Oid events, const WorkspaceTable *table, Oid relid, Oid owner)
{
	HeapTuple tuple;
	Form_pg_class form;
	Oid found;

	if (table == &events_table && relid != events)
		refuse_table(events, "The table is not named \"events\".");
	if (!OidIsValid(relid))
		refuse_table(events, psprintf("Its schema has no table \"%s\".", table->name));
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relid);
	form = (Form_pg_class) GETSTRUCT(tuple);
	if (form->relkind != RELKIND_RELATION)
		refuse_table(events, psprintf("\"%s\" is not an ordinary table.", table->name));
	found = form->relowner;
	if (OidIsValid(owner) && found != owner)
		refuse_table(events, psprintf("\"%s\" has another owner than \"events\".", table->name));
	if (form->relhassubclass)
		refuse_children(relid);
	ReleaseSysCache(tuple);
	return found;
}

/* Finds a table by its name in the workspace's schema. The caller asks for events first. */
static Oid
find_table(Workspace *ws, const WorkspaceTable *table)
{
	Oid relid = get_relname_relid(table->name, ws->schema);

	ws->owner = check_table(ws->events, table, relid, ws->owner);
	return relid;
}

/*
 * The number of the i-th table, events first: its owner is the workspace's, and a
 * transaction that waits for it holds no other table, as in cdp.lock_workspace.
 */
static int
events_first(int i)
{
	return (events_table.number + i) % n_workspace_tables;
}

void
workspace_find_tables(Workspace *ws)
{
	ws->schema = get_rel_namespace(ws->events);
	ws->schema_hash = GetSysCacheHashValue1(NAMESPACEOID, ObjectIdGetDatum(ws->schema));
	ws->tables = palloc0(sizeof(TableState) * n_workspace_tables);
	for (int i = 0; i < n_workspace_tables; i++)
	{
		int number = events_first(i);
		const WorkspaceTable *table = workspace_table_of(number);

		if (!table->sql_only)
			ws->tables[number].oid = find_table(ws, table);
	}
}

/*
 * A btree index of a table that is valid and not partial, and whose leading key
 * columns are these. unique: it must be unique, on exactly these columns. Indexes are
 * found by their columns, since users may choose their names.
 */
static Oid
find_index_on(Oid relid, bool unique, int ncolumns, const char *const *columns)
{
	Relation rel = table_open(relid, AccessShareLock);
	List *indexes = RelationGetIndexList(rel);
	Oid result = InvalidOid;
	ListCell *lc;

	foreach (lc, indexes)
	{
		Relation index = index_open(lfirst_oid(lc), AccessShareLock);
		Form_pg_index form = index->rd_index;
		bool fits = form->indisvalid && index->rd_rel->relam == BTREE_AM_OID &&
		            form->indnkeyatts >= ncolumns && RelationGetIndexPredicate(index) == NIL &&
		            (!unique || (form->indisunique && form->indnkeyatts == ncolumns));

		for (int i = 0; fits && i < ncolumns; i++)
			fits = form->indkey.values[i] == get_attnum(relid, columns[i]);
		if (fits)
			result = lfirst_oid(lc);
		index_close(index, AccessShareLock);
		if (fits)
			break;
	}
	if (!OidIsValid(result))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
		                errmsg("table \"%s\" has no usable %sindex on its column \"%s\"",
		                       RelationGetRelationName(rel), unique ? "unique " : "",
		                       columns[ncolumns - 1]),
		                errhint("Create the index again, as cdp.create_workspace makes it.")));
	table_close(rel, AccessShareLock);
	return result;
}

/* A type of pg_catalog or cdp. */
static Oid
type_by_name(const char *name)
{
	Oid type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(name),
	                           ObjectIdGetDatum(PG_CATALOG_NAMESPACE));

	if (!OidIsValid(type))
		type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(name),
		                       ObjectIdGetDatum(get_namespace_oid("cdp", false)));
	return type;
}

/* Errors if the columns of an open table are not of their types, or may be null. */
static void
check_columns(const TableState *state, const WorkspaceTable *table, Relation rel)
{
	for (int i = 0; i < state->n_columns; i++)
	{
		const EngineColumn *column = &table->columns[i];
		Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(rel), state->columns[i] - 1);

		if (attribute->atttypid != state->types[i])
			ereport(ERROR,
			        (errcode(ERRCODE_DATATYPE_MISMATCH),
			         errmsg("column \"%s\" of table \"%s\" is not of type %s", column->name,
			                table->name, format_type_be(state->types[i])),
			         errhint("Columns may be added to a workspace's tables; its own must stay as "
			                 "cdp.create_workspace makes them.")));
		if (!column->nullable && !attribute->attnotnull)
			ereport(ERROR,
			        (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			         errmsg("column \"%s\" of table \"%s\" is not marked NOT NULL", column->name,
			                table->name),
			         errhint("Columns may be added to a workspace's tables; its own must stay as "
			                 "cdp.create_workspace makes them.")));
	}
}

void
workspace_check_columns(const Workspace *ws, const WorkspaceTable *table, Relation rel)
{
	check_columns(workspace_table(ws, table), table, rel);
}

/*
 * Finds the attribute numbers of the engine's columns and checks their types; other
 * columns are the user's.
 */
static void
find_columns(TableState *state, const WorkspaceTable *table, Relation rel)
{
	state->columns = palloc(sizeof(AttrNumber) * table->n_columns);
	state->types = palloc(sizeof(Oid) * table->n_columns);
	for (int i = 0; i < table->n_columns; i++)
	{
		AttrNumber number = get_attnum(RelationGetRelid(rel), table->columns[i].name);

		if (number <= 0)
			ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
			                errmsg("table \"%s\" lacks the column \"%s\"", table->name,
			                       table->columns[i].name),
			                errhint("Columns may be added to a workspace's tables; its own must "
			                        "stay.")));
		state->columns[i] = number;
		state->types[i] = type_by_name(table->columns[i].type);
	}
	state->n_columns = table->n_columns;
	check_columns(state, table, rel);
}

bool
workspace_has_column(const Workspace *ws, const WorkspaceTable *table, int attnum)
{
	const TableState *state = workspace_table(ws, table);

	for (int i = 0; i < state->n_columns; i++)
		if (state->columns[i] == attnum)
			return true;
	return false;
}

/*
 * The lock on each table is kept, so that no other transaction changes a column before the
 * definitions are read.
 */
void
workspace_find_columns(Workspace *ws)
{
	for (int i = 0; i < n_workspace_tables; i++)
	{
		TableState *state = &ws->tables[events_first(i)];
		Relation rel;

		if (!OidIsValid(state->oid))
			continue;
		rel = table_open(state->oid, AccessShareLock);
		find_columns(state, workspace_table_of(events_first(i)), rel);
		table_close(rel, NoLock);
	}
}

/* Whether rows of the table come to the engine: it has the trigger cdp.ingest_events. */
static bool
is_ingested(Oid relid)
{
	Relation rel = table_open(TriggerRelationId, AccessShareLock);
	Oid schema = get_namespace_oid("cdp", false);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	bool found = false;

	ScanKeyInit(&key, Anum_pg_trigger_tgrelid, BTEqualStrategyNumber, F_OIDEQ,
	            ObjectIdGetDatum(relid));
	scan = systable_beginscan(rel, TriggerRelidNameIndexId, true, NULL, 1, &key);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Oid function = ((Form_pg_trigger) GETSTRUCT(tuple))->tgfoid;
		char *name = get_func_namespace(function) == schema ? get_func_name(function) : NULL;

		found = name != NULL && strcmp(name, "ingest_events") == 0;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

Oid
workspace_find(const char *name, Oid *owner)
{
	Oid schema = get_namespace_oid(name, true);
	Oid events = OidIsValid(schema) ? get_relname_relid("events", schema) : InvalidOid;
	HeapTuple tuple = OidIsValid(events) ? SearchSysCache1(RELOID, ObjectIdGetDatum(events)) : NULL;

	if (!HeapTupleIsValid(tuple) || !is_ingested(events))
		workspace_report_missing(name);
	*owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return events;
}

void
workspace_require_readable(const char *name, Oid events, const WorkspaceTable *table)
{
	Oid schema = get_rel_namespace(events);
	Oid relid = get_relname_relid(table->name, schema);

	if (CdpSchemaAclCheck(schema, GetUserId(), ACL_USAGE) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_SCHEMA, name);
	if (OidIsValid(relid) && pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK &&
	    pg_attribute_aclcheck_all(relid, GetUserId(), ACL_SELECT, ACLMASK_ANY) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, get_relkind_objtype(get_rel_relkind(relid)), table->name);
}

void
workspace_check_table(const char *name, Oid events, Oid owner, const WorkspaceTable *table)
{
	RangeVar *qualified = makeRangeVar(pstrdup(name), pstrdup(table->name), -1);
	Oid relid = RangeVarGetRelid(qualified, AccessShareLock, true);
	TableState state = {0};
	Relation rel;

	(void) check_table(events, table, relid, owner);
	rel = table_open(relid, NoLock);
	find_columns(&state, table, rel);
	table_close(rel, NoLock);
	pfree(state.columns);
	pfree(state.types);
}

/* Finds the comparison functions of cdp.identifier; the engine's index scans use them. */
static void
find_comparisons(Workspace *ws)
{
	Oid type = workspace_table(ws, &events_table)->types[EVENT_ANCHOR];
	TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_BTREE_OPFAMILY);
	Oid family = entry->btree_opf;

	ws->identifier_type = type;
	ws->identifier_eq = get_opcode(get_opfamily_member(family, type, type, BTEqualStrategyNumber));
	ws->identifier_ge =
	    get_opcode(get_opfamily_member(family, type, type, BTGreaterEqualStrategyNumber));
	ws->identifier_lt = get_opcode(get_opfamily_member(family, type, type, BTLessStrategyNumber));
}

static void
find_index_state(Workspace *ws, const WorkspaceIndex *index, IndexState *state)
{
	Oid table = workspace_table(ws, index->table)->oid;

	state->oid = find_index_on(table, false, index->n_columns, index->columns);
	state->types = palloc(sizeof(Oid) * index->n_columns);
	for (int i = 0; i < index->n_columns; i++)
		state->types[i] = get_atttype(table, get_attnum(table, index->columns[i]));
}

void
workspace_find_indexes(Workspace *ws)
{
	for (int i = 0; i < n_workspace_tables; i++)
	{
		const WorkspaceTable *table = workspace_table_of(i);
		const char *key[MAX_KEY_COLUMNS];

		for (int k = 0; k < table->n_key; k++)
			key[k] = table->columns[k].name;
		if (table->n_key > 0)
			ws->tables[i].key = find_index_on(ws->tables[i].oid, true, table->n_key, key);
	}
	ws->indexes = palloc(sizeof(IndexState) * Max(n_workspace_indexes, 1));
	for (int i = 0; i < n_workspace_indexes; i++)
		find_index_state(ws, workspace_index_of(i), &ws->indexes[i]);
	ws->profiles_sequence =
	    getIdentitySequence(workspace_table(ws, &profiles_table)->oid,
	                        workspace_table(ws, &profiles_table)->columns[PROFILE_ID], false);
	find_comparisons(ws);
}
