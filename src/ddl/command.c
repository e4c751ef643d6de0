/*
 * command.c
 *	  Which workspaces a command may concern, and how, by its parse tree.
 *
 * A definition names columns of its table. It names other objects, such as types and collations,
 * by a schema, and functions and operators in pg_catalog and cdp only. So there are commands on
 * a relation, which concern its workspace and those that use its row type; commands on objects
 * that are the users', which concern workspaces that may name such; and commands on what every
 * definition may use, which concern all.
 */
#include "ddl_internal.h"

#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "commands/tablecmds.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_type.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "workspace/definitions.h"

/*
 * Locks what a command on a workspace's table may need, in the order of everybody: tables of
 * definitions from the last part to the first, events, profiles. The command's own table is
 * locked in the command's mode, so that no lock grows. Whoever may not alter the table has no
 * lock from here: the command will say so.
 */
static void
lock_in_order(Oid schema, Oid relid, LOCKMODE mode)
{
	Oid events = get_relname_relid(events_table.name, schema);
	Oid profiles = get_relname_relid(profiles_table.name, schema);

	if (!CdpOwnsRelation(relid, GetUserId()))
		return;
	for (int i = n_workspace_parts - 1; i >= 0; i--)
	{
		const DefinitionTexts *texts = workspace_parts[i]->texts;
		Oid table = texts == NULL ? InvalidOid : get_relname_relid(texts->table->name, schema);

		if (OidIsValid(table))
			LockRelationOid(table, table == relid ? mode : RowExclusiveLock);
	}
	LockRelationOid(events, events == relid ? mode : RowExclusiveLock);
	if (profiles == relid)
		LockRelationOid(profiles, mode);
}

/* Adds the workspace of a relation; mode: the lock that the command takes on it, or NoLock. */
static void
add_relation(Command *command, Oid relid, LOCKMODE mode)
{
	char *name = get_rel_name(relid);
	Oid schema = get_rel_namespace(relid);
	Oid events = name != NULL && table_matters(name) ? workspace_in_schema(schema) : InvalidOid;
	HeapTuple tuple;

	if (!OidIsValid(events))
		return;
	command->workspaces = list_append_unique_oid(command->workspaces, events);
	if (mode == NoLock)
		return;
	lock_in_order(schema, relid, mode);
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	if (!HeapTupleIsValid(tuple))
		return;
	command->relation = relid;
	command->storage = ((Form_pg_class) GETSTRUCT(tuple))->relfilenode;
	ReleaseSysCache(tuple);
}

/* A command on a relation, on its columns, or on attributes of a composite type. */
static void
read_relation(Command *command, const RangeVar *relation, LOCKMODE mode)
{
	Oid relid = RangeVarGetRelid(relation, NoLock, true);
	ListCell *lc;

	if (!OidIsValid(relid))
		return;
	add_relation(command, relid, mode);
	if (has_subclass(relid))
		foreach (lc, find_all_inheritors(relid, NoLock, NULL))
			add_relation(command, lfirst_oid(lc), NoLock);
	command->workspaces = workspaces_of_type(get_rel_type_id(relid), command->workspaces);
}

static bool
changes_columns(AlterTableType subtype)
{
	return subtype == AT_AddColumn || subtype == AT_DropColumn || subtype == AT_AlterColumnType ||
	       subtype == AT_DropExpression || CdpSetsExpression(subtype);
}

static void
read_alter_table(Command *command, const AlterTableStmt *statement)
{
	bool matters = false;
	ListCell *lc;

	foreach (lc, statement->cmds)
	{
		const AlterTableCmd *change = lfirst_node(AlterTableCmd, lc);

		matters = matters || changes_columns(change->subtype);
		if (change->subtype == AT_AlterColumnType)
			command->retyped = lappend(command->retyped, change->name);
	}
	if (!matters)
		return;
	read_relation(command, statement->relation, AlterTableGetLockLevel(statement->cmds));
	command->type = get_rel_type_id(RangeVarGetRelid(statement->relation, NoLock, true));
}

static bool
is_trusted_schema(const char *name)
{
	return strcmp(name, "pg_catalog") == 0 || strcmp(name, "cdp") == 0;
}

/* Whether pg_catalog or cdp has a function of that name. */
static bool
is_trusted_function(const char *name)
{
	CatCList *functions = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(name));
	Oid extension = get_namespace_oid("cdp", false);
	bool found = false;

	for (int i = 0; i < functions->n_members; i++)
	{
		Form_pg_proc form = (Form_pg_proc) GETSTRUCT(&functions->members[i]->tuple);

		found =
		    found || form->pronamespace == PG_CATALOG_NAMESPACE || form->pronamespace == extension;
	}
	ReleaseSysCacheList(functions);
	return found;
}

/*
 * Whether a name of a function or operator is one in pg_catalog or cdp, or is about to be. An
 * operator without a schema may be.
 */
static bool
is_trusted_name(List *names, bool is_operator, bool creates)
{
	char *schema;
	char *name;
	List *path;

	DeconstructQualifiedName(names, &schema, &name);
	if (schema != NULL)
		return is_trusted_schema(schema);
	if (!creates)
		return is_operator || is_trusted_function(name);
	path = fetch_search_path(false);
	return path != NIL && get_namespace_name(linitial_oid(path)) != NULL &&
	       is_trusted_schema(get_namespace_name(linitial_oid(path)));
}

/* A command on a function or operator: it matters where everybody's definitions may call it. */
static void
read_function(Command *command, List *names, bool is_operator, bool creates)
{
	if (!is_trusted_name(names, is_operator, creates))
		return;
	command->workspaces = workspaces_all();
	if (!is_operator)
		command->function = strVal(llast(names));
}

/* The type that a list of names means; InvalidOid: none. */
static Oid
type_of_names(List *names)
{
	return LookupTypeNameOid(NULL, makeTypeNameFromNameList(names), true);
}

/* A cast between types of PostgreSQL may be used anywhere. */
static void
read_cast(Command *command, TypeName *source, TypeName *target)
{
	bool is_users = LookupTypeNameOid(NULL, source, true) >= FirstNormalObjectId ||
	                LookupTypeNameOid(NULL, target, true) >= FirstNormalObjectId;

	command->workspaces = is_users ? workspaces_of_objects() : workspaces_all();
}

/* An object has another name or schema; is_relation, names: what it is, else null. */
static void
read_named_object(Command *command, ObjectType type, const RangeVar *relation, Node *object,
                  const char *schema)
{
	switch (type)
	{
		case OBJECT_TABLE:
		case OBJECT_VIEW:
		case OBJECT_MATVIEW:
		case OBJECT_FOREIGN_TABLE:
			read_relation(command, relation, AccessExclusiveLock);
			break;
		case OBJECT_TYPE:
		case OBJECT_DOMAIN:
		case OBJECT_COLLATION:
		case OBJECT_SCHEMA:
		case OBJECT_EXTENSION:
			command->workspaces = workspaces_of_objects();
			break;
		case OBJECT_FUNCTION:
		case OBJECT_ROUTINE:
		case OBJECT_PROCEDURE:
		case OBJECT_AGGREGATE:
			read_function(command, castNode(ObjectWithArgs, object)->objname, false, false);
			if (schema != NULL && is_trusted_schema(schema))
				command->workspaces = workspaces_all();
			break;
		case OBJECT_OPERATOR:
			read_function(command, castNode(ObjectWithArgs, object)->objname, true, false);
			if (schema != NULL && is_trusted_schema(schema))
				command->workspaces = workspaces_all();
			break;
		default:
			break;
	}
}

static void
read_rename(Command *command, const RenameStmt *statement)
{
	Oid relid;

	command->renames = true;
	if (statement->renameType != OBJECT_COLUMN && statement->renameType != OBJECT_ATTRIBUTE)
	{
		read_named_object(command, statement->renameType, statement->relation, statement->object,
		                  NULL);
		return;
	}
	read_relation(command, statement->relation, AccessExclusiveLock);
	relid = RangeVarGetRelid(statement->relation, NoLock, true);
	command->type = get_rel_type_id(relid);
	/* a table that was made of a composite type is altered with it */
	if (statement->renameType == OBJECT_ATTRIBUTE)
		command->workspaces = list_concat_unique_oid(command->workspaces, workspaces_of_objects());
}

/* Workspaces that go with their schema are not concerned. */
static void
leave_out_schemas(Command *command, List *names)
{
	ListCell *lc;

	foreach (lc, names)
	{
		Oid schema = get_namespace_oid(strVal(lfirst(lc)), true);

		command->workspaces = list_delete_oid(
		    command->workspaces,
		    OidIsValid(schema) ? get_relname_relid(events_table.name, schema) : InvalidOid);
	}
}

static void
read_drop(Command *command, const DropStmt *statement)
{
	ListCell *lc;

	switch (statement->removeType)
	{
		case OBJECT_TABLE:
		case OBJECT_VIEW:
		case OBJECT_MATVIEW:
		case OBJECT_FOREIGN_TABLE:
			/* columns of its row type go with it */
			if (statement->behavior == DROP_CASCADE)
				foreach (lc, statement->objects)
				{
					RangeVar *name = makeRangeVarFromNameList(lfirst_node(List, lc));

					command->workspaces = workspaces_of_type(
					    get_rel_type_id(RangeVarGetRelid(name, NoLock, true)), command->workspaces);
				}
			break;
		case OBJECT_TYPE:
		case OBJECT_DOMAIN:
		case OBJECT_COLLATION:
			command->workspaces = workspaces_of_objects();
			break;
		case OBJECT_SCHEMA:
			command->workspaces = workspaces_of_objects();
			leave_out_schemas(command, statement->objects);
			break;
		case OBJECT_EXTENSION:
			/* dropping cdp takes the columns of workspaces, or fails because of them */
			foreach (lc, statement->objects)
				if (strcmp(strVal(lfirst(lc)), "cdp") == 0)
					return;
			command->workspaces = workspaces_of_objects();
			break;
		case OBJECT_FUNCTION:
		case OBJECT_ROUTINE:
		case OBJECT_PROCEDURE:
		case OBJECT_AGGREGATE:
		case OBJECT_OPERATOR:
			foreach (lc, statement->objects)
				read_function(command, lfirst_node(ObjectWithArgs, lc)->objname,
				              statement->removeType == OBJECT_OPERATOR, false);
			break;
		case OBJECT_CAST:
			foreach (lc, statement->objects)
				read_cast(command, linitial_node(TypeName, lfirst_node(List, lc)),
				          lsecond_node(TypeName, lfirst_node(List, lc)));
			break;
		default:
			break;
	}
}

/* An extension's script may change anything of its own; cdp's, what every definition calls. */
static void
read_extension(Command *command, const char *name)
{
	command->workspaces = strcmp(name, "cdp") == 0 ? workspaces_all() : workspaces_of_objects();
}

bool
command_read(Node *parsetree, Command *command)
{
	switch (nodeTag(parsetree))
	{
		case T_AlterTableStmt:
			read_alter_table(command, (AlterTableStmt *) parsetree);
			break;
		case T_RenameStmt:
			read_rename(command, (RenameStmt *) parsetree);
			break;
		case T_AlterObjectSchemaStmt:
		{
			AlterObjectSchemaStmt *statement = (AlterObjectSchemaStmt *) parsetree;

			command->renames = true;
			read_named_object(command, statement->objectType, statement->relation,
			                  statement->object, statement->newschema);
			break;
		}
		case T_AlterEnumStmt:
			/* a new label changes nothing that there is */
			if (((AlterEnumStmt *) parsetree)->oldVal == NULL)
				break;
			command->renames = true;
			command->type = type_of_names(((AlterEnumStmt *) parsetree)->typeName);
			command->workspaces = workspaces_of_objects();
			break;
		case T_AlterCollationStmt:
			command->changes_collation = true;
			command->workspaces = workspaces_of_objects();
			break;
		case T_DropStmt:
			read_drop(command, (DropStmt *) parsetree);
			break;
		case T_DropOwnedStmt:
			command->workspaces = workspaces_of_objects();
			break;
		case T_CreateExtensionStmt:
			read_extension(command, ((CreateExtensionStmt *) parsetree)->extname);
			break;
		case T_AlterExtensionStmt:
			read_extension(command, ((AlterExtensionStmt *) parsetree)->extname);
			break;
		case T_AlterExtensionContentsStmt:
			read_extension(command, ((AlterExtensionContentsStmt *) parsetree)->extname);
			break;
		case T_CreateFunctionStmt:
			read_function(command, ((CreateFunctionStmt *) parsetree)->funcname, false, true);
			break;
		case T_AlterFunctionStmt:
			read_function(command, ((AlterFunctionStmt *) parsetree)->func->objname, false, false);
			break;
		case T_DefineStmt:
			if (((DefineStmt *) parsetree)->kind == OBJECT_OPERATOR)
				read_function(command, ((DefineStmt *) parsetree)->defnames, true, true);
			break;
		case T_CreateCastStmt:
			read_cast(command, ((CreateCastStmt *) parsetree)->sourcetype,
			          ((CreateCastStmt *) parsetree)->targettype);
			break;
		default:
			break;
	}
	return command->workspaces != NIL;
}
