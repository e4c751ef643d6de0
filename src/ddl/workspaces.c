/*
 * workspaces.c
 *	  Which workspaces there are, and which of them a change of an object may concern. This reads
 *	  the catalog and the texts of definitions, and leaves no lock: there may be many workspaces.
 */
#include "ddl_internal.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "expression/expression.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "workspace/definitions.h"

bool
table_matters(const char *name)
{
	WorkspacePart *part;

	FOREACH_PART (part)
	{
		if (part->texts == NULL)
			continue;
		if (strcmp(part->texts->table->name, name) == 0)
			return true;
		for (int i = 0; i < part->texts->n_texts; i++)
			if (strcmp(part->texts->texts[i].sort->table->name, name) == 0)
				return true;
	}
	return false;
}

/* Called with what depends on an object. */
typedef void (*Visit)(const FormData_pg_depend *dependency, void *context);

static void
visit_dependents(Oid catalog, Oid object, Visit visit, void *context)
{
	Relation rel = table_open(DependRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
	            ObjectIdGetDatum(catalog));
	ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ,
	            ObjectIdGetDatum(object));
	scan = systable_beginscan(rel, DependReferenceIndexId, true, NULL, lengthof(keys), keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		visit((Form_pg_depend) GETSTRUCT(tuple), context);
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

/* The table of a trigger; InvalidOid: there is no such trigger. */
static Oid
table_of_trigger(Oid trigger)
{
	Relation rel = table_open(TriggerRelationId, AccessShareLock);
	Oid result = InvalidOid;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&key, Anum_pg_trigger_oid, BTEqualStrategyNumber, F_OIDEQ,
	            ObjectIdGetDatum(trigger));
	scan = systable_beginscan(rel, TriggerOidIndexId, true, NULL, 1, &key);
	if (HeapTupleIsValid(tuple = systable_getnext(scan)))
		result = ((Form_pg_trigger) GETSTRUCT(tuple))->tgrelid;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

static void
add_ingesting_table(const FormData_pg_depend *dependency, void *context)
{
	List **found = (List **) context;
	Oid table =
	    dependency->classid == TriggerRelationId ? table_of_trigger(dependency->objid) : InvalidOid;
	char *name = OidIsValid(table) ? get_rel_name(table) : NULL;

	if (name != NULL && strcmp(name, events_table.name) == 0)
		*found = list_append_unique_oid(*found, table);
}

List *
workspaces_all(void)
{
	Oid function = cdp_function_of("ingest_events");
	List *found = NIL;

	if (OidIsValid(function))
		visit_dependents(ProcedureRelationId, function, add_ingesting_table, &found);
	return found;
}

Oid
workspace_in_schema(Oid schema)
{
	Oid events = OidIsValid(schema) ? get_relname_relid(events_table.name, schema) : InvalidOid;

	return OidIsValid(events) && list_member_oid(workspaces_all(), events) ? events : InvalidOid;
}

static void
add_user_of_type(const FormData_pg_depend *dependency, void *context)
{
	List **found = (List **) context;

	if (dependency->classid == TypeRelationId)
		*found = workspaces_of_type(dependency->objid, *found);
	else if (dependency->classid == RelationRelationId && dependency->objsubid > 0)
	{
		char *name = get_rel_name(dependency->objid);
		Oid events = name != NULL && table_matters(name)
		                 ? workspace_in_schema(get_rel_namespace(dependency->objid))
		                 : InvalidOid;

		if (OidIsValid(events))
			*found = list_append_unique_oid(*found, events);
		/* and what has a column of that row type */
		*found = workspaces_of_type(get_rel_type_id(dependency->objid), *found);
	}
}

/* A type cannot contain itself, so this ends. */
List *
workspaces_of_type(Oid type, List *found)
{
	check_stack_depth();
	if (OidIsValid(type))
		visit_dependents(TypeRelationId, type, add_user_of_type, &found);
	return found;
}

/* Whether a table has a column whose type or collation is not one that everybody has. */
static bool
has_object_column(Oid relid)
{
	Oid extension = get_namespace_oid("cdp", false);
	bool found = false;

	for (int i = 1; !found; i++)
	{
		HeapTuple tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid), Int16GetDatum(i));
		Form_pg_attribute attribute;

		if (!HeapTupleIsValid(tuple))
			break;
		attribute = (Form_pg_attribute) GETSTRUCT(tuple);
		if (!attribute->attisdropped)
		{
			HeapTuple type = SearchSysCache1(TYPEOID, ObjectIdGetDatum(attribute->atttypid));

			found = (OidIsValid(attribute->attcollation) &&
			         attribute->attcollation != DEFAULT_COLLATION_OID &&
			         attribute->attcollation != C_COLLATION_OID) ||
			        (attribute->atttypid >= FirstNormalObjectId && HeapTupleIsValid(type) &&
			         ((Form_pg_type) GETSTRUCT(type))->typnamespace != extension);
			if (HeapTupleIsValid(type))
				ReleaseSysCache(type);
		}
		ReleaseSysCache(tuple);
	}
	return found;
}

static bool
is_word(unsigned char c)
{
	return isalnum(c) || c == '_' || c == '"' || IS_HIGHBIT_SET(c);
}

/* Whether the name that ends at a dot is of a schema or table that every definition may name. */
static bool
is_common_qualifier(const char *text, const char *dot)
{
	static const char *const common[] = {"cdp", "pg_catalog", "profiles", "events"};
	const char *start = dot;

	while (start > text && is_word(start[-1]))
		start--;
	for (int i = 0; i < lengthof(common); i++)
		if (dot - start == strlen(common[i]) && pg_strncasecmp(start, common[i], dot - start) == 0)
			return true;
	return start == dot || isdigit((unsigned char) *start);
}

/*
 * Whether a text may name an object outside pg_catalog and cdp, or a collation. Objects elsewhere need a schema's name and a dot, since the search_path of
 * definitions is fixed. It errs on the safe side.
 */
static bool
may_name_objects(const char *text)
{
	static const char *const words[] = {"collate", "u&"};
	char *lower = pstrdup(text);

	for (char *c = lower; *c != '\0'; c++)
		*c = pg_tolower((unsigned char) *c);
	for (int i = 0; i < lengthof(words); i++)
		if (strstr(lower, words[i]) != NULL)
			return true;
	for (const char *dot = strchr(lower, '.'); dot != NULL; dot = strchr(dot + 1, '.'))
		if (!is_common_qualifier(lower, dot))
			return true;
	pfree(lower);
	return false;
}

/* Whether a definition in a table may name objects; true where the table is not what it seems. */
static bool
texts_may_name_objects(const DefinitionTexts *texts, Oid relid)
{
	AttrNumber columns[10];
	Relation rel;
	TupleTableSlot *slot;
	Snapshot snapshot;
	TableScanDesc scan;
	bool found = false;

	Assert(texts->n_texts <= lengthof(columns));
	if (!OidIsValid(relid) || get_rel_relkind(relid) != RELKIND_RELATION)
		return true;
	rel = table_open(relid, AccessShareLock);
	for (int i = 0; i < texts->n_texts; i++)
	{
		columns[i] = get_attnum(relid, texts->table->columns[texts->texts[i].column].name);
		found = found || columns[i] <= 0 || get_atttype(relid, columns[i]) != TEXTOID;
	}
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	slot = table_slot_create(rel, NULL);
	scan = table_beginscan(rel, snapshot, 0, NULL);
	while (!found && table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		CHECK_FOR_INTERRUPTS();
		for (int i = 0; !found && i < texts->n_texts; i++)
		{
			bool isnull;
			Datum value = slot_getattr(slot, columns[i], &isnull);

			found = !isnull && may_name_objects(TextDatumGetCString(value));
		}
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	UnregisterSnapshot(snapshot);
	table_close(rel, AccessShareLock);
	return found;
}

static bool
may_use_objects(Oid events)
{
	Oid schema = get_rel_namespace(events);
	WorkspacePart *part;
	bool found = false;

	FOREACH_PART (part)
		if (!found && part->texts != NULL)
		{
			const DefinitionTexts *texts = part->texts;

			found = texts_may_name_objects(texts, get_relname_relid(texts->table->name, schema));
			for (int i = 0; i < texts->n_texts; i++)
				found = found || has_object_column(
				                     get_relname_relid(texts->texts[i].sort->table->name, schema));
		}
	return found;
}

List *
workspaces_of_objects(void)
{
	List *found = NIL;
	ListCell *lc;

	foreach (lc, workspaces_all())
		if (may_use_objects(lfirst_oid(lc)))
			found = lappend_oid(found, lfirst_oid(lc));
	return found;
}
