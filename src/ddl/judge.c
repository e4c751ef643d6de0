/*
 * judge.c
 *	  Compares the definitions of a workspace before and after a command.
 *
 * What a text means is its analysed tree (expression/meaning.h). Where the tree is the same, the
 * values that it reads may still be others: the command has rewritten a column, or changed what
 * a type, collation or function does.
 */
#include "ddl_internal.h"

#include "access/transam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_ts_dict.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "store/lock.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "workspace/lock.h"

/* Most definitions that one error names. */
#define MAX_NAMED 10

/* The work on one workspace. */
typedef struct Judge
{
	const Picture *before;
	const Command *command;
	Oid user; /* whoever runs the command */
	Workspace *ws;
	Table tables[N_TABLES];         /* as they are now */
	Bitmapset *rewritten[N_TABLES]; /* attribute numbers whose values the command has rewritten */
	List *objections;               /* lines of an error's detail */
	List **renamed;                 /* by part: keys of the definitions that have another text */
	List **changed;                 /* by part: keys of those that mean something else */
} Judge;

/* Adds a line on a definition that the command must not touch. */
static void
object(Judge *judge, const Definition *definition, const char *reason)
{
	judge->objections =
	    lappend(judge->objections,
	            psprintf("%s \"%s\": %s", definition->texts->what, definition->key, reason));
}

/* Error 2BP01 where there are objections. */
static void
refuse(const Judge *judge)
{
	StringInfoData detail;
	int n = 0;
	ListCell *lc;

	if (judge->objections == NIL)
		return;
	initStringInfo(&detail);
	/* who may not use the workspace is not told what its definitions are */
	if (CdpSchemaAclCheck(judge->before->tables[0].schema, judge->user, ACL_USAGE) != ACLCHECK_OK)
		appendStringInfo(&detail, "Their number is %d.", list_length(judge->objections));
	else
		foreach (lc, judge->objections)
		{
			if (n++ == MAX_NAMED)
				break;
			appendStringInfo(&detail, "%s%s", n == 1 ? "" : "\n", (char *) lfirst(lc));
		}
	if (n > MAX_NAMED)
		appendStringInfo(&detail, "\nand %d more", list_length(judge->objections) - MAX_NAMED);
	ereport(ERROR,
	        (errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
	         errmsg("definitions of workspace \"%s\" depend on what the command changes",
	                judge->before->name),
	         errdetail("%s", detail.data), errhint("Change or delete these definitions first.")));
}

/* Whether a column is another one than before, or none. */
static bool
is_other_column(const Table *table, const Table *now, int attnum)
{
	const Column *before = &table->columns[attnum - 1];
	const Column *after = &now->columns[attnum - 1];

	return after->name == NULL || strcmp(before->name, after->name) != 0 ||
	       before->type != after->type || before->typmod != after->typmod ||
	       before->collation != after->collation;
}

static void
judge_text_of_damaged(Judge *judge, const Definition *definition, int text)
{
	const ExpressionMeaning *meaning = definition->meaning[text];
	const Table *table = &judge->before->tables[picture_table_of(definition, text)];
	Table now;
	int attnum = -1;

	if (meaning == NULL || !picture_table(table->oid, table->table, &now))
		return; /* where the table is gone, nothing has changed under a definition */
	if (meaning->qualified && (now.schema != table->schema || strcmp(now.name, table->name) != 0))
		object(judge, definition, psprintf("it names table \"%s\"", table->name));
	while ((attnum = bms_next_member(meaning->columns, attnum)) >= 0)
		if (is_other_column(table, &now, attnum))
			object(judge, definition,
			       psprintf("it reads column \"%s\"", table->columns[attnum - 1].name));
}

/*
 * The workspace cannot be used after the command, so definitions cannot be compiled. Those that
 * read a column that is another one now, or name a table that has another name, would not.
 */
static void
judge_damaged(Judge *judge)
{
	for (int n = 0; n < judge->before->n_definitions; n++)
	{
		const Definition *definition = &judge->before->definitions[n];

		for (int i = 0; i < definition->texts->n_texts; i++)
			judge_text_of_damaged(judge, definition, i);
	}
	refuse(judge);
}

/* The workspace's table with this oid; null: it has none. */
static const WorkspaceTable *
table_of_relation(const Workspace *ws, Oid relation)
{
	for (int i = 0; i < n_workspace_tables; i++)
		if (OidIsValid(relation) && ws->tables[i].oid == relation)
			return workspace_table_of(i);
	return NULL;
}

/*
 * The engine's columns hold facts, definitions, and what follows from them. Error 0A000 if the
 * command has rewritten one and left its type.
 */
static void
refuse_rewritten_columns(const Judge *judge)
{
	const Command *command = judge->command;
	const WorkspaceTable *which = table_of_relation(judge->ws, command->relation);
	Table now;
	ListCell *lc;

	if (which == NULL || !picture_table(command->relation, which, &now) ||
	    now.storage == command->storage)
		return;
	foreach (lc, command->retyped)
		if (workspace_has_column(judge->ws, which, get_attnum(command->relation, lfirst(lc))))
			ereport(ERROR,
			        (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			         errmsg("column \"%s\" of table \"%s\" cannot be rewritten",
			                (char *) lfirst(lc), which->name),
			         errdetail("It is one of the columns that cdp.create_workspace has made."),
			         errhint("Columns may be added to a workspace's tables; its own must stay.")));
}

/* The attribute numbers of the columns that the command has rewritten, in a table. */
static Bitmapset *
rewritten_columns(const Command *command, const Table *before, const Table *now)
{
	Bitmapset *result = NULL;
	ListCell *lc;

	if (before->storage == now->storage)
		return NULL;
	foreach (lc, command->retyped)
		for (int i = 0; i < before->n_columns; i++)
			if (before->columns[i].name != NULL && strcmp(before->columns[i].name, lfirst(lc)) == 0)
				result = bms_add_member(result, i + 1);
	return result;
}

/* The new names of a table's columns, by attribute number, less one; null: none has one. */
static const char **
new_names(const Table *before, const Table *now)
{
	const char **names = palloc0(sizeof(char *) * Max(before->n_columns, 1));
	bool any = false;

	for (int i = 0; i < before->n_columns; i++)
		if (before->columns[i].name != NULL && now->columns[i].name != NULL &&
		    strcmp(before->columns[i].name, now->columns[i].name) != 0)
		{
			names[i] = now->columns[i].name;
			any = true;
		}
	return any ? names : NULL;
}

/* The rows of a table of definitions get new texts: the context of store_visit_all. */
typedef struct Rewriting
{
	Judge *judge;
	Store *store;
	const WorkspacePart *part;
	const char **names[N_TABLES]; /* of columns, see new_names */
} Rewriting;

/* The text of a definition with the new names of columns; null: it names none of them. */
static char *
renamed_text(const Rewriting *rewriting, const Definition *definition, int text)
{
	const char **names = rewriting->names[picture_table_of(definition, text)];
	char *result;

	if (definition->meaning[text] == NULL || names == NULL)
		return NULL;
	result = expression_renamed(definition->meaning[text], definition->text[text], names);
	/* where no text can be made, the old one does not compile, which is refused */
	return result == NULL || strcmp(result, definition->text[text]) == 0 ? NULL : result;
}

static bool
rewrite_row(TupleTableSlot *slot, void *context)
{
	Rewriting *rewriting = (Rewriting *) context;
	Judge *judge = rewriting->judge;
	Store *store = rewriting->store;
	const DefinitionTexts *texts = rewriting->part->texts;
	const Definition *definition = picture_find(judge->before, rewriting->part,
	                                            workspace_text(judge->ws, texts->table, slot, 0));
	List **renamed = &judge->renamed[rewriting->part->number];
	ItemPointerData tid = slot->tts_tid;
	Datum *values;
	bool *isnull;
	bool any = false;

	CHECK_FOR_INTERRUPTS();
	if (definition == NULL)
		return true;
	values = palloc(sizeof(Datum) * texts->table->n_columns);
	isnull = palloc(sizeof(bool) * texts->table->n_columns);
	store_values(store, texts->table, slot, values, isnull);
	for (int i = 0; i < texts->n_texts; i++)
	{
		char *text = renamed_text(rewriting, definition, i);

		if (text == NULL)
			continue;
		values[texts->texts[i].column] = CStringGetTextDatum(text);
		any = true;
	}
	if (any)
	{
		store_update(store, texts->table, &tid,
		             store_changed_row(store, texts->table, slot, values, isnull));
		*renamed = lappend(*renamed, definition->key);
	}
	return true;
}

/* Whether a definition names a column that has another name now. */
static bool
any_text_changes(const Rewriting *rewriting)
{
	const Picture *before = rewriting->judge->before;

	for (int n = 0; n < before->n_definitions; n++)
		for (int i = 0; i < before->definitions[n].texts->n_texts; i++)
			if (renamed_text(rewriting, &before->definitions[n], i) != NULL)
				return true;
	return false;
}

/* Writes renamed columns into the definitions that name them, and reads the workspace again. */
static void
rename_columns(Judge *judge)
{
	Rewriting rewriting = {judge};
	WorkspacePart *part;

	for (int i = 0; i < N_TABLES; i++)
		rewriting.names[i] = new_names(&judge->before->tables[i], &judge->tables[i]);
	if (!any_text_changes(&rewriting))
		return;
	/* no definition may be missed that others commit meanwhile */
	workspace_lock(judge->ws, "renaming a column that definitions name");
	rewriting.store = store_begin(judge->ws);
	FOREACH_PART (part)
		if (part->texts != NULL)
		{
			rewriting.part = part;
			store_visit_all(rewriting.store, part->texts->table, rewrite_row, &rewriting);
		}
	store_end(rewriting.store);
	judge->ws = workspace_read_again(judge->ws);
}

/* Whether a column of profiles, which stays, has another name or type, or the type has other labels. */
static bool
is_changed_column(const Judge *judge, const Column *before, const Column *now)
{
	Oid type = judge->command->type;

	return before->name != NULL && now->name != NULL &&
	       (strcmp(before->name, now->name) != 0 || before->type != now->type ||
	        before->typmod != now->typmod || (OidIsValid(type) && type_contains(now->type, type)));
}

/* A column of the users': the context of store_while_writing. */
typedef struct ColumnChange
{
	const char *before;
	const char *now;
} ColumnChange;

/* Calls the functions cdp.column_changed_<part> of all parts. */
static void
tell_parts(Workspace *ws, void *context)
{
	const ColumnChange *change = (ColumnChange *) context;
	Oid types[3] = {NAMEOID, NAMEOID, NAMEOID};
	NameData names[3];
	Datum values[3];
	SPITupleTable *calls;

	namestrcpy(&names[0], ws->name);
	namestrcpy(&names[1], change->before);
	namestrcpy(&names[2], change->now);
	for (int i = 0; i < 3; i++)
		values[i] = NameGetDatum(&names[i]);
	if (SPI_execute("SELECT format('SELECT cdp.%I($1, $2, $3)', f) "
	                "FROM cdp.part_functions('column_changed', ', name, name') f",
	                true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not find the functions of parts");
	calls = SPI_tuptable;
	for (uint64 i = 0; i < calls->numvals; i++)
		if (SPI_execute_with_args(SPI_getvalue(calls->vals[i], calls->tupdesc, 1), 3, types, values,
		                          NULL, false, 0) != SPI_OK_SELECT)
			elog(ERROR, "could not tell a part of a changed column");
}

/* Tells parts of users' columns of profiles that have changed: they may have kept their names. */
static void
tell_of_columns(Judge *judge)
{
	const Table *before = &judge->before->tables[0];
	const Table *now = &judge->tables[0];

	for (int i = 0; i < before->n_columns; i++)
	{
		ColumnChange change = {before->columns[i].name, now->columns[i].name};

		if (is_changed_column(judge, &before->columns[i], &now->columns[i]) &&
		    !workspace_has_column(judge->ws, &profiles_table, i + 1))
			store_while_writing(judge->ws, tell_parts, &change);
	}
}

static bool
is_touched_object(Oid catalog, Oid object, void *context)
{
	const Command *command = (const Command *) context;

	switch (catalog)
	{
		case CollationRelationId:
			return command->changes_collation && OidIsValid(object) &&
			       object != DEFAULT_COLLATION_OID && object != C_COLLATION_OID;
		case ProcedureRelationId:
			return command->function != NULL && get_func_name(object) != NULL &&
			       strcmp(get_func_name(object), command->function) == 0;
		default:
			return false;
	}
}

/* Whether a text of the same meaning reads other values now. */
static bool
reads_other_values(const Judge *judge, const Definition *definition, int text)
{
	const Command *command = judge->command;
	const ExpressionMeaning *meaning = definition->meaning[text];

	return bms_overlap(meaning->columns, judge->rewritten[picture_table_of(definition, text)]) ||
	       (OidIsValid(command->type) && !command->renames &&
	        expression_uses_type(meaning, command->type)) ||
	       expression_uses(meaning, is_touched_object, (void *) command);
}

static bool
have_same_texts(const Definition *a, const Definition *b)
{
	for (int i = 0; i < a->texts->n_texts; i++)
		if ((a->meaning[i] == NULL) != (b->meaning[i] == NULL) ||
		    (a->meaning[i] != NULL && !equal(a->meaning[i]->tree, b->meaning[i]->tree)))
			return false;
	return true;
}

/* Compares a definition that compiled before with what it is now. */
static void
judge_sound(Judge *judge, const Definition *before, const Definition *now)
{
	const Command *command = judge->command;
	List **changed = &judge->changed[before->part->number];
	bool same = have_same_texts(before, now);

	if (now->fault != NULL)
		object(judge, before, now->fault);
	else if (command->renames)
	{
		for (int i = 0; same && i < now->texts->n_texts; i++)
			same = now->meaning[i] == NULL || !OidIsValid(command->type) ||
			       !expression_spells_type(now->meaning[i], command->type);
		if (!same)
			object(judge, before, "it would mean something else");
	}
	else
	{
		for (int i = 0; same && i < now->texts->n_texts; i++)
			same = now->meaning[i] == NULL || !reads_other_values(judge, now, i);
		if (!same)
			*changed = lappend(*changed, now->key);
	}
}

static void
compare_definitions(Judge *judge)
{
	Picture *now = picture_take(judge->ws);

	for (int i = 0; i < judge->before->n_definitions; i++)
	{
		const Definition *definition = &judge->before->definitions[i];
		const Definition *then = picture_find(now, definition->part, definition->key);
		List **changed = &judge->changed[definition->part->number];

		CHECK_FOR_INTERRUPTS();
		if (then == NULL)
			continue;
		if (definition->fault == NULL)
			judge_sound(judge, definition, then);
		else if (then->fault == NULL)
			*changed = lappend(*changed, then->key);
	}
	refuse(judge);
}

/* Objects to changed definitions that do not compile, as the workspace is read again. */
static void
require_compiled(Judge *judge)
{
	WorkspacePart *part;
	ListCell *lc;

	FOREACH_PART (part)
		foreach (lc, judge->changed[part->number])
		{
			const ErrorData *broken = part->texts->broken(judge->ws, lfirst(lc));

			if (broken != NULL)
				object(judge, picture_find(judge->before, part, lfirst(lc)), broken->message);
		}
	refuse(judge);
}

/* Derives again what the changed definitions stand for. */
static void
derive_again(Judge *judge)
{
	WorkspacePart *part;
	bool any = false;

	FOREACH_PART (part)
		any = any || judge->changed[part->number] != NIL;
	if (any)
	{
		workspace_lock(judge->ws, "changing what definitions depend on");
		judge->ws = workspace_read_again(judge->ws);
		require_compiled(judge);
	}
	FOREACH_PART (part)
	{
		if (judge->renamed[part->number] != NIL)
			part->texts->rewritten(judge->ws, judge->renamed[part->number], judge->user);
		if (judge->changed[part->number] != NIL)
			part->texts->derive_again(judge->ws, judge->changed[part->number]);
	}
}

void
judge(const Picture *before, const Command *command)
{
	Judge judge = {.before = before, .command = command, .user = GetUserId()};
	WorkspaceUser user;

	if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(before->events)))
		return; /* it went with its schema */
	judge.ws = try_workspace(before->events);
	if (judge.ws == NULL)
	{
		judge_damaged(&judge);
		return;
	}
	judge.renamed = palloc0(sizeof(List *) * n_workspace_parts);
	judge.changed = palloc0(sizeof(List *) * n_workspace_parts);
	for (int i = 0; i < N_TABLES; i++)
	{
		const Table *table = &before->tables[i];

		if (!picture_table(table->oid, table->table, &judge.tables[i]))
			elog(ERROR, "workspace \"%s\" lacks a table", before->name);
		judge.rewritten[i] = rewritten_columns(command, table, &judge.tables[i]);
	}
	refuse_rewritten_columns(&judge);
	workspace_become_owner(judge.ws, &user);
	rename_columns(&judge);
	tell_of_columns(&judge);
	compare_definitions(&judge);
	derive_again(&judge);
	workspace_restore_user(&user);
}
