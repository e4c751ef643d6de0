/*
 * picture.c
 *	  What a workspace's definitions mean at one time, and the columns that they may read.
 */
#include "ddl_internal.h"

#include "access/htup_details.h"
#include "base/array.h"
#include "catalog/pg_class.h"
#include "expression/expression.h"
#include "miscadmin.h"
#include "utils/syscache.h"

/* The tables that expressions read, in the order of Picture.tables. */
static const WorkspaceTable *const read_tables[N_TABLES] = {&profiles_table, &events_table};

bool
picture_table(Oid oid, const WorkspaceTable *which, Table *table)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(oid));
	Form_pg_class form;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_class) GETSTRUCT(tuple);
	table->table = which;
	table->oid = oid;
	table->schema = form->relnamespace;
	table->name = pstrdup(NameStr(form->relname));
	table->storage = form->relfilenode;
	table->n_columns = form->relnatts;
	ReleaseSysCache(tuple);
	table->columns = palloc0(sizeof(Column) * table->n_columns);
	for (int i = 0; i < table->n_columns; i++)
	{
		HeapTuple column = SearchSysCache2(ATTNUM, ObjectIdGetDatum(oid), Int16GetDatum(i + 1));
		Form_pg_attribute attribute;

		if (!HeapTupleIsValid(column))
			elog(ERROR, "cache lookup failed for attribute %d of relation %u", i + 1, oid);
		attribute = (Form_pg_attribute) GETSTRUCT(column);
		if (!attribute->attisdropped)
			table->columns[i] = (Column){pstrdup(NameStr(attribute->attname)), attribute->atttypid,
			                             attribute->atttypmod, attribute->attcollation};
		ReleaseSysCache(column);
	}
	return true;
}

/* Reads the definitions of a part: the context of workspace_scan_with. */
typedef struct Reading
{
	const WorkspacePart *part;
	Picture *picture;
	int max_definitions;
} Reading;

static void
read_definition(Workspace *ws, TupleTableSlot *slot, void *context)
{
	Reading *reading = (Reading *) context;
	const DefinitionTexts *texts = reading->part->texts;
	Picture *picture = reading->picture;
	Definition *definition;

	CHECK_FOR_INTERRUPTS();
	ARRAY_GROW(CurrentMemoryContext, picture->definitions, picture->n_definitions,
	           reading->max_definitions);
	definition = &picture->definitions[picture->n_definitions++];
	memset(definition, 0, sizeof(Definition));
	definition->part = reading->part;
	definition->texts = texts;
	definition->key = workspace_text(ws, texts->table, slot, 0);
	definition->text = palloc(sizeof(char *) * texts->n_texts);
	definition->meaning = palloc0(sizeof(ExpressionMeaning *) * texts->n_texts);
	if (texts->broken(ws, definition->key) != NULL)
		definition->fault = pstrdup(texts->broken(ws, definition->key)->message);
	for (int i = 0; i < texts->n_texts; i++)
		definition->text[i] = workspace_text(ws, texts->table, slot, texts->texts[i].column);
}

static int
compare_keys(const WorkspacePart *part, const char *key, const Definition *definition)
{
	return part != definition->part ? part->number - definition->part->number
	                                : strcmp(key, definition->key);
}

static int
compare_definitions(const void *a, const void *b)
{
	return compare_keys(((const Definition *) a)->part, ((const Definition *) a)->key, b);
}

/* cdp_attempt callback: reads what a definition means. */
typedef struct MeaningReading
{
	Workspace *ws;
	Definition *definition;
} MeaningReading;

static bool
read_meaning(void *context)
{
	MeaningReading *reading = (MeaningReading *) context;
	Definition *definition = reading->definition;

	CHECK_FOR_INTERRUPTS();
	for (int i = 0; i < definition->texts->n_texts; i++)
		if (definition->text[i] != NULL)
			definition->meaning[i] =
			    expression_meaning(reading->ws, definition->texts->texts[i].sort, definition->key,
			                       definition->text[i]);
	return true;
}

/*
 * A definition that compiled when the workspace was read may not do so any more: a change of a
 * type, for one, does not have the workspace read again.
 */
static void
try_meaning(Workspace *ws, Definition *definition)
{
	MeaningReading reading = {ws, definition};
	ErrorData *error;

	if (definition->fault != NULL || cdp_attempt(read_meaning, &reading, &error))
		return;
	definition->fault = pstrdup(error->message);
	memset(definition->meaning, 0, sizeof(ExpressionMeaning *) * definition->texts->n_texts);
}

Picture *
picture_take(Workspace *ws)
{
	Picture *picture = palloc0(sizeof(Picture));
	Reading reading = {.picture = picture};
	WorkspacePart *part;

	picture->events = ws->events;
	picture->name = pstrdup(ws->name);
	for (int i = 0; i < N_TABLES; i++)
		if (!picture_table(workspace_table(ws, read_tables[i])->oid, read_tables[i],
		                   &picture->tables[i]))
			elog(ERROR, "workspace \"%s\" lacks a table", ws->name);
	FOREACH_PART (part)
		if (part->texts != NULL)
		{
			reading.part = part;
			workspace_scan_with(ws, part->texts->table, read_definition, &reading);
		}
	if (picture->n_definitions > 0)
		qsort(picture->definitions, picture->n_definitions, sizeof(Definition),
		      compare_definitions);
	for (int i = 0; i < picture->n_definitions; i++)
		try_meaning(ws, &picture->definitions[i]);
	return picture;
}

int
picture_table_of(const Definition *definition, int text)
{
	for (int i = 0; i < N_TABLES; i++)
		if (read_tables[i] == definition->texts->texts[text].sort->table)
			return i;
	elog(ERROR, "a %s reads an unknown table", definition->texts->what);
	return 0;
}

Definition *
picture_find(const Picture *picture, const WorkspacePart *part, const char *key)
{
	int low = 0;
	int high = picture->n_definitions;

	while (low < high)
	{
		int middle = (low + high) / 2;
		int order = compare_keys(part, key, &picture->definitions[middle]);

		if (order == 0)
			return &picture->definitions[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* cdp_attempt callback. */
typedef struct Opening
{
	Oid events;
	Workspace *ws;
} Opening;

static bool
open_workspace(void *context)
{
	Opening *opening = (Opening *) context;

	opening->ws = workspace_of_events(opening->events);
	return true;
}

Workspace *
try_workspace(Oid events)
{
	Opening opening = {events, NULL};
	ErrorData *error;

	return cdp_attempt(open_workspace, &opening, &error) ? opening.ws : NULL;
}
