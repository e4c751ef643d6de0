/*
 * parts.h
 *	  What a capability brings to a workspace. The table of parts (src/parts.c) lists
 *	  them; what loops over all of a workspace loops over it.
 */
#ifndef CDP_PARTS_H
#define CDP_PARTS_H

#include "base/base.h"

struct Batch;
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

/* Who may write a table, see store/guard.c. */
typedef enum TableGuard
{
	GUARD_EVENTS,     /* applications insert; rows never change */
	GUARD_PROFILES,   /* the engine writes rows, users their own columns */
	GUARD_DERIVED,    /* only the engine */
	GUARD_DEFINITION, /* users, checked by a trigger function */
	GUARD_SETTINGS,   /* users update the one row */
	GUARD_NONE        /* users */
} TableGuard;

/*
 * A table of every workspace. Tables that only SQL uses have no columns here,
 * and are not looked for.
 */
typedef struct WorkspaceTable
{
	const char *name;
	TableGuard guard;
	const char *define; /* definitions: the trigger function, in schema cdp */
	const EngineColumn *columns;
	int n_columns;
	int n_key; /* so many leading columns are its key, MAX_KEY_COLUMNS at most; 0: it has none */

	/* for tests, see store/check.c: its rows are locked before they change, or guarded otherwise */
	bool locks_rows;
	bool (*is_guarded)(struct Store *store, struct TupleTableSlot *slot); /* null: they are not */

	int number; /* set when the parts are registered */
} WorkspaceTable;

/* An index, beside the key, by which the engine visits rows. */
typedef struct WorkspaceIndex
{
	WorkspaceTable *table;
	int n_columns;
	const char *columns[3];
	int number; /* set when the parts are registered */
} WorkspaceIndex;

/*
 * A value of profiles that is a fold of their events: a column of profiles and
 * of opening_balances. Its type has an operator = and text forms, which compare
 * and print it; functions cdp.merge and cdp.merge_agg, and cdp.empty_ with the
 * column's name, do in SQL what is done here. Values that C functions are given
 * are detoasted. The functions work in CurrentMemoryContext.
 */
typedef struct ProfileValue
{
	EngineColumn column;

	/* the value of a profile without events */
	Datum (*empty)(struct Workspace *ws);

	/* a builder that goes on from a value; null: there is nothing to fold */
	void *(*begin)(struct Batch *batch, Datum value);

	/* adds a profile's events of the batch, by profile_builder(batch, profile, number) */
	void (*add)(struct Batch *batch, struct Profile *profile);

	/* takes another profile's value in */
	void (*merge)(void *builder, Datum value);

	/* the value; *changed: it differs from the one it went on from. Frees the builder. */
	Datum (*finish)(struct Batch *batch, void *builder, bool *changed);

	/* whether two values say the same of a key, for predicates that read only that; null: no keys */
	bool (*same_key)(Datum a, Datum b, const char *key, int key_len);

	int number; /* set when the parts are registered */
} ProfileValue;

typedef struct WorkspacePart
{
	const char *name;               /* of its rooms: src/name, sql/name */
	WorkspaceTable *const *tables;  /* ends with null; null: none */
	WorkspaceIndex *const *indexes; /* ends with null; null: none */
	ProfileValue *value;            /* null: none */

	/* reads its definitions into workspace_data(ws, part); then compiles them. Null: has none. */
	void (*read)(struct Workspace *ws);
	void (*compile)(struct Workspace *ws);

	/* stage one, see events/run.h: looks at a row of events; an expression of its failed there */
	bool (*wants_rows)(struct Workspace *ws);
	void (*read_row)(struct EventRun *run);
	void (*row_failed)(struct EventRun *run, const ErrorData *error);

	/* stage five: the slice's profiles are written; the batch's evidence is written */
	void (*slice_written)(struct Batch *batch);
	void (*batch_written)(struct Batch *batch);

	int number; /* set when the parts are registered */
} WorkspacePart;

/* The table of parts, in the order in which they are made, read and called; ends with null. */
extern WorkspacePart *const workspace_parts[];

/* Calls what follows for each part. */
#define FOREACH_PART(part)                                                                         \
	for (int part##_i = 0; ((part) = workspace_parts[part##_i]) != NULL; part##_i++)

/* How many there are, by number. */
extern int n_workspace_tables;
extern int n_workspace_indexes;
extern int n_profile_values;
extern int n_workspace_parts;

/* Profiles have no more values than this. */
#define MAX_PROFILE_VALUES 8

/* The table, index and value of a number. */
extern WorkspaceTable *workspace_table_of(int number);
extern WorkspaceIndex *workspace_index_of(int number);
extern ProfileValue *profile_value_of(int number);

/* Numbers the parts and what they bring; called once, when the module is loaded. */
extern void parts_register(void);

#endif /* CDP_PARTS_H */
