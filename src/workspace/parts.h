/*
 * parts.h
 *	  A part is what a capability adds to a workspace. The table of parts (src/parts.c)
 *	  lists all parts; code that handles a whole workspace loops over it.
 */
#ifndef CDP_PARTS_H
#define CDP_PARTS_H

#include "base/base.h"

struct Batch;
struct DefinitionTexts;
struct EventRun;
struct Profile;
struct Store;
struct TupleTableSlot;
struct Workspace;

/*
 * A column that the engine reads or writes. Types are those of pg_catalog and
 * cdp. The engine reads a column that is not nullable without looking for nulls.
 */
typedef struct EngineColumn
{
	const char *name;
	const char *type;
	bool nullable;
} EngineColumn;

#define MAX_KEY_COLUMNS 3

/* Which writes a table allows, see store/guard.c. */
typedef enum TableGuard
{
	GUARD_EVENTS,     /* applications insert; rows never change */
	GUARD_PROFILES,   /* the engine writes rows, users their own columns */
	GUARD_DERIVED,    /* only the engine */
	GUARD_DEFINITION, /* users, checked by a trigger function */
	GUARD_SETTINGS,   /* users update the one row */
	GUARD_NONE        /* users */
} TableGuard;

/* A table of every workspace, with the columns that the engine or the functions in SQL use. */
typedef struct WorkspaceTable
{
	const char *name;
	TableGuard guard;
	bool sql_only;      /* the engine does not look for it: cdp.use_tables does */
	bool written;       /* functions write it, although the guard lets users */
	const char *define; /* definitions: the trigger function, in schema cdp */
	const EngineColumn *columns;
	int n_columns;
	int n_key; /* number of leading columns in its key, up to MAX_KEY_COLUMNS; 0: no key */

	/* for tests, see store/check.c: a row that changes must be locked, or guarded by another */
	bool locks_rows;
	bool (*is_guarded)(struct Store *store, struct TupleTableSlot *slot); /* null: never guarded */

	int number; /* set when the parts are registered */
} WorkspaceTable;

/* An index other than the key, by which the engine visits rows. */
typedef struct WorkspaceIndex
{
	WorkspaceTable *table;
	int n_columns;
	const char *columns[3];
	int number; /* set when the parts are registered */
} WorkspaceIndex;

/*
 * A value of profiles that is a fold of their events: a column of profiles and of
 * opening_balances. In SQL its type has an operator =, text forms, cdp.merge and
 * cdp.merge_agg; cdp.empty_<column> gives the empty value. The functions below do
 * the same in C. Their arguments are detoasted; they work in CurrentMemoryContext.
 */
typedef struct ProfileValue
{
	EngineColumn column;

	/* the value of a profile without events */
	Datum (*empty)(struct Workspace *ws);

	/* a builder that starts from a value; null: there is nothing to fold */
	void *(*begin)(struct Batch *batch, Datum value);

	/* adds a profile's events of the batch, by profiles_builder(batch, profile, value) */
	void (*add)(struct Batch *batch, struct Profile *profile);

	/* merges another profile's value into the builder */
	void (*merge)(void *builder, Datum value);

	/* the new value; *changed: it differs from the one that begin was given. The builder's memory ends with the slice. */
	Datum (*finish)(struct Batch *batch, void *builder, bool *changed);

	/* whether two values agree on a key, for predicates that read only that key; null: no keys */
	bool (*same_key)(Datum a, Datum b, const char *key, int key_len);

	int number; /* set when the parts are registered */
} ProfileValue;

typedef struct WorkspacePart
{
	const char *name;               /* of its rooms: src/name, sql/name */
	WorkspaceTable *const *tables;  /* ends with null; null: none */
	WorkspaceIndex *const *indexes; /* ends with null; null: none */
	ProfileValue *value;            /* null: none */

	/* read its definitions into workspace_data(ws, part), then compile them; null: it has none */
	void (*read)(struct Workspace *ws);
	void (*compile)(struct Workspace *ws);
	const struct DefinitionTexts *texts; /* those that DDL may change, see definitions.h; or null */

	/* stage one, see events/run.c; row_failed: false if the error is not an expression's */
	bool (*wants_rows)(struct Workspace *ws);
	void (*read_row)(struct EventRun *run);
	bool (*row_failed)(struct EventRun *run, const ErrorData *error);

	/* stage five, in batch->values: rows of profiles are written; so is a batch of events' evidence */
	void (*slice_written)(struct Batch *batch);
	void (*batch_written)(struct Batch *batch);

	int number; /* set when the parts are registered */
} WorkspacePart;

/* The table of parts, in the order in which they are made, read and called; ends with null. */
extern WorkspacePart *const workspace_parts[];

/* Runs the statement that follows for each part. */
#define FOREACH_PART(part)                                                                         \
	for (int part##_i = 0; ((part) = workspace_parts[part##_i]) != NULL; part##_i++)

/* How many of each are registered. */
extern int n_workspace_tables;
extern int n_workspace_indexes;
extern int n_profile_values;
extern int n_workspace_parts;

#define MAX_PROFILE_VALUES 8 /* most values that profiles may have */

/* The table, index or value with a number. */
extern WorkspaceTable *workspace_table_of(int number);
extern WorkspaceIndex *workspace_index_of(int number);
extern ProfileValue *profile_value_of(int number);

/* Numbers the parts, their tables, indexes and values; called once, when the module is loaded. */
extern void parts_register(void);

#endif /* CDP_PARTS_H */
