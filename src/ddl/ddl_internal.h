/*
 * ddl_internal.h
 *	  What the files of this room share.
 */
#ifndef CDP_DDL_INTERNAL_H
#define CDP_DDL_INTERNAL_H

#include "expression/meaning.h"
#include "workspace/definitions.h"
#include "workspace/workspace.h"

#include "nodes/parsenodes.h"
#include "nodes/pg_list.h"

/* What a command may do to definitions, by its parse tree, before it is executed. */
typedef struct Command
{
	List *workspaces; /* oids: the events tables of those that it may concern */
	Oid relation;     /* a table of a workspace that it alters; InvalidOid: none */
	Oid storage;      /* the file of that table before the command */
	List *retyped;    /* names of columns that it gives a type: char * */
	bool renames;     /* it gives something another name or schema */
	Oid type;         /* the type in which it changes labels or attributes; or InvalidOid */
	bool changes_collation;
	const char *function; /* the name of a function that it changes; or null */
} Command;

/*
 * command.c: reads a command's parse tree; false: it concerns no workspace. Locks the tables
 * of a workspace whose table the command will lock, in the order of everybody.
 */
extern bool command_read(Node *parsetree, Command *command);

/* workspaces.c: the events tables of all workspaces, as cdp.is_workspace finds them: oids. */
extern List *workspaces_all(void);

/* ... of those whose definitions or columns may name objects that are the users'. */
extern List *workspaces_of_objects(void);

/* ... of those that have a column whose type is this one, or contains it; added to found. */
extern List *workspaces_of_type(Oid type, List *found);

/* The events table of the workspace in a schema; InvalidOid: it has none. */
extern Oid workspace_in_schema(Oid schema);

/* Whether expressions of definitions read a table of that name, or stand in it. */
extern bool table_matters(const char *name);

/* A column of a table that expressions read. */
typedef struct Column
{
	char *name; /* null: dropped */
	Oid type;
	int32 typmod;
	Oid collation;
} Column;

/* Such a table: profiles or events. */
typedef struct Table
{
	const WorkspaceTable *table;
	Oid oid;
	Oid schema;
	char *name;
	Oid storage;     /* the table's file */
	Column *columns; /* by attribute number, less one */
	int n_columns;
} Table;

#define N_TABLES 2

/* A row of a table of definitions. */
typedef struct Definition
{
	const WorkspacePart *part;
	const DefinitionTexts *texts; /* of the part */
	char *key;
	char **text;                 /* one of each texts->texts; null: the column is null */
	ExpressionMeaning **meaning; /* of each; null: there is no text, or it does not compile */
	const char *fault;           /* why it does not compile; null: it does */
} Definition;

/* A workspace at one time. */
typedef struct Picture
{
	Oid events;
	char *name;
	Table tables[N_TABLES];
	Definition *definitions; /* sorted by part and key */
	int n_definitions;
} Picture;

/*
 * picture.c: the workspace of an events table; null: it is damaged, so that nothing can use its
 * definitions. Its next use raises the error that says why.
 */
extern Workspace *try_workspace(Oid events);

/* What it is now. The caller works as the owner. */
extern Picture *picture_take(Workspace *ws);

/* A table as it is now; false: it is gone. */
extern bool picture_table(Oid oid, const WorkspaceTable *which, Table *table);

/* The place, in tables, of the table that a text of a definition reads. */
extern int picture_table_of(const Definition *definition, int text);

/* The definition of a part with a key; null: there is none. */
extern Definition *picture_find(const Picture *picture, const WorkspacePart *part, const char *key);

/*
 * judge.c: compares a workspace with what it was before the command. Error 2BP01: a definition
 * does not compile any more, or means something else because a name has changed. What means
 * something else otherwise is derived again. Renamed columns are written into the definitions.
 */
extern void judge(const Picture *before, const Command *command);

/* own.c: tables and triggers of workspaces that a DROP names: a list, see own_warn. */
extern List *own_dropped(Node *parsetree);

/* Warns of those that are gone while something of their workspace is left. */
extern void own_warn(List *dropped);

#endif /* CDP_DDL_INTERNAL_H */
