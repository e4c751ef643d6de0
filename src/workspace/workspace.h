/*
 * workspace.h
 *	  What a backend knows of a workspace: where its tables are, its settings, and
 *	  what its parts have read and compiled. It is kept until a definition changes.
 */
#ifndef CDP_WORKSPACE_H
#define CDP_WORKSPACE_H

#include "base/base.h"

#include "executor/executor.h"
#include "normalise/normalise.h"
#include "utils/rel.h"
#include "workspace/owner.h"
#include "workspace/parts.h"
#include "workspace/tables.h"

/* A table of one workspace; columns and types are in the order of its engine columns. */
typedef struct TableState
{
	Oid oid; /* InvalidOid: the engine does not use the table */
	Oid key; /* the unique index on its key; InvalidOid: it has none */
	int n_columns;
	AttrNumber *columns;
	Oid *types;
} TableState;

/* An index of one workspace, with the types of the columns that WorkspaceIndex names. */
typedef struct IndexState
{
	Oid oid;
	Oid *types;
} IndexState;

/* A definition that expressions may name. Its part fills the list, sorted by the names' bytes. */
typedef struct DefinedName
{
	const char *name;
	int window_days; /* of a computed trait: how far back it looks; 0: for ever */
} DefinedName;

typedef struct DefinedNames
{
	DefinedName *names;
	int n;
} DefinedNames;

typedef struct Workspace
{
	Oid events;            /* key of the cache */
	bool valid;            /* false: read it again at the next use */
	MemoryContext context; /* owns everything below */
	Oid owner;             /* of the tables; the engine works as the owner */
	Oid schema;
	uint32 schema_hash; /* of its syscache entry */
	char *name;         /* of the schema */

	char *path; /* the search_path of the owner's code; null: there is none that needs it */

	List *deferrable; /* oids of constraints that are immediate while the engine writes */
	List *related; /* oids of the owner's tables that the engine's writes reach by foreign keys */

	TableState *tables;    /* by the table's number, see workspace_table */
	IndexState *indexes;   /* by the index's number, see workspace_index */
	Oid profiles_sequence; /* hands out profile ids */
	Oid identifier_type;   /* cdp.identifier, and its functions =, >= and < */
	Oid identifier_eq;
	Oid identifier_ge;
	Oid identifier_lt;

	NormaliseOptions options;
	char *time_zone;
	struct pg_tz *tz; /* time_zone; null: UTC */
	char default_currency[4];
	TimestampTz earliest_event; /* an earlier occurred_at does not count */
	int max_identifiers;        /* of an event */

	EState *estate; /* evaluates expressions over rows */
	ExprContext *econtext;
	int n_params;            /* of the expressions */
	bool rows_use_time_zone; /* some expression over a row of events uses time_zone */
	DefinedNames segment_names;
	DefinedNames computed_names;

	void **data; /* what each part has read, by the part's number: see workspace_data */
} Workspace;

static inline const TableState *
workspace_table(const Workspace *ws, const WorkspaceTable *table)
{
	return &ws->tables[table->number];
}

static inline const IndexState *
workspace_index(const Workspace *ws, const WorkspaceIndex *index)
{
	return &ws->indexes[index->number];
}

/* Attribute number of a value of profiles. */
static inline AttrNumber
value_column(const Workspace *ws, const ProfileValue *value)
{
	return workspace_table(ws, &profiles_table)->columns[PROFILE_VALUE(value->number)];
}

static inline void *
workspace_data(const Workspace *ws, const WorkspacePart *part)
{
	return ws->data[part->number];
}

/*
 * cache.c: the workspace whose events table this is; it is read again if a
 * definition has changed. Errors if the table belongs to no workspace. The result
 * stays readable until the end of the transaction, even if it is replaced meanwhile.
 */
extern Workspace *workspace_of_events(Oid events);

/* The workspace of that schema; errors if there is none. */
extern Workspace *workspace_by_name(const char *name);

/* Tells every backend that the workspace's definitions have changed. */
extern void workspace_invalidate(const Workspace *ws);

/*
 * catalog.c: errors if the engine's columns of an open table are not what they were
 * when the workspace was read. Without this check, an owner who changes a column
 * could make the engine read a number as a pointer.
 */
extern void workspace_check_columns(const Workspace *ws, const WorkspaceTable *table, Relation rel);

/* Whether a column of a table, by its attribute number, is one of the engine's. */
extern bool workspace_has_column(const Workspace *ws, const WorkspaceTable *table, int attnum);

#endif /* CDP_WORKSPACE_H */
