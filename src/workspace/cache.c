/*
 * cache.c
 *	  The cache of workspaces: one entry per events table. A relcache invalidation
 *	  of any of the workspace's tables makes its entry invalid.
 *
 * Definitions are rows, and a change of rows invalidates no relation by itself. So
 * the definition triggers send the invalidation (workspace_invalidate), and lock
 * profiles against writers while they do. A writer first takes its lock on profiles, and
 * then asks for the workspace. So it sees every definition that was committed before.
 */
#include "workspace/workspace_internal.h"

#include "catalog/namespace.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

/* An entry of the cache. The key stays; the workspace may be replaced. */
typedef struct CacheEntry
{
	Oid events;
	Workspace *workspace;
} CacheEntry;

static HTAB *workspaces = NULL;
static uint64 invalidations = 0; /* relcache invalidations seen by this backend */

/*
 * Relcache callback: a workspace that has the table (InvalidOid: every workspace) is
 * read again at its next use. Nothing is freed here: an engine run may be using it.
 */
static void
forget_workspaces(Datum arg, Oid relid)
{
	HASH_SEQ_STATUS status;
	CacheEntry *entry;

	invalidations++;
	hash_seq_init(&status, workspaces);
	while ((entry = (CacheEntry *) hash_seq_search(&status)) != NULL)
	{
		Workspace *ws = entry->workspace;

		if (ws == NULL || !ws->valid)
			continue;
		if (relid == InvalidOid)
			ws->valid = false;
		for (int i = 0; i < n_workspace_tables && ws->valid; i++)
			if (ws->tables[i].oid == relid)
				ws->valid = false;
		if (list_member_oid(ws->related, relid))
			ws->valid = false;
	}
}

/* Syscache callback: the same for a workspace whose schema was renamed. */
static void
forget_schema(Datum arg, int cache, uint32 hash)
{
	HASH_SEQ_STATUS status;
	CacheEntry *entry;

	invalidations++;
	hash_seq_init(&status, workspaces);
	while ((entry = (CacheEntry *) hash_seq_search(&status)) != NULL)
		if (entry->workspace != NULL && (hash == 0 || hash == entry->workspace->schema_hash))
			entry->workspace->valid = false;
}

static void
init_cache(void)
{
	HASHCTL ctl = {0};

	ctl.keysize = sizeof(Oid);
	ctl.entrysize = sizeof(CacheEntry);
	ctl.hcxt = CacheMemoryContext;
	workspaces = hash_create("cdp workspaces", 8, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	CacheRegisterRelcacheCallback(forget_workspaces, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, forget_schema, (Datum) 0);
}

/*
 * All parts read their definitions before any part compiles: an expression may name
 * what another part defines. CurrentMemoryContext is the workspace's.
 */
static void
read_parts(Workspace *ws)
{
	WorkspacePart *part;

	workspace_read_settings(ws);
	ws->data = palloc0(sizeof(void *) * n_workspace_parts);
	ws->estate = CreateExecutorState();
	ws->econtext = CreateExprContext(ws->estate);
	FOREACH_PART (part)
		if (part->read != NULL)
			part->read(ws);
	FOREACH_PART (part)
		if (part->compile != NULL)
			part->compile(ws);
	ws->econtext->ecxt_param_list_info = makeParamList(ws->n_params);
}

/*
 * Reads a workspace into a memory context of its own. The context is a child of the
 * transaction's until the workspace is complete, so an error leaves nothing behind.
 */
static Workspace *
read_workspace(Oid events)
{
	MemoryContext context =
	    AllocSetContextCreate(TopTransactionContext, "cdp workspace", ALLOCSET_DEFAULT_SIZES);
	MemoryContext oldcontext = MemoryContextSwitchTo(context);
	Workspace *ws = palloc0(sizeof(Workspace));
	WorkspaceUser user;

	ws->events = events;
	ws->context = context;
	workspace_find_tables(ws);
	ws->name = get_namespace_name(ws->schema);
	ws->path = psprintf("pg_catalog, %s, pg_temp", quote_identifier(ws->name));
	/* from here on owners' functions may be called: by predicates of indexes, by expressions */
	workspace_act_as(ws->owner, ws->path, &user);
	workspace_find_columns(ws);
	workspace_find_indexes(ws);
	read_parts(ws);
	workspace_find_code(ws);
	workspace_restore_user(&user);
	MemoryContextSwitchTo(oldcontext);
	return ws;
}

Workspace *
workspace_of_events(Oid events)
{
	CacheEntry *entry;
	Workspace *ws;
	uint64 before;
	bool found;

	if (workspaces == NULL)
		init_cache();
	entry = (CacheEntry *) hash_search(workspaces, &events, HASH_FIND, NULL);
	if (entry != NULL && entry->workspace != NULL && entry->workspace->valid)
		return entry->workspace;

	/* an invalidation that arrives while we read makes the new entry invalid at once */
	before = invalidations;
	ws = read_workspace(events);
	ws->valid = (before == invalidations);
	entry = (CacheEntry *) hash_search(workspaces, &events, HASH_ENTER, &found);
	if (found && entry->workspace != NULL)
		/* a caller up the stack may be using the old workspace */
		MemoryContextSetParent(entry->workspace->context, TopTransactionContext);
	entry->workspace = ws;
	MemoryContextSetParent(ws->context, CacheMemoryContext);
	return ws;
}

void
workspace_report_missing(const char *name)
{
	ereport(ERROR,
	        (errcode(ERRCODE_UNDEFINED_SCHEMA), errmsg("workspace \"%s\" does not exist", name),
	         errhint("Make it with SELECT cdp.create_workspace(%s).", quote_literal_cstr(name))));
}

Workspace *
workspace_by_name(const char *name)
{
	Oid schema = get_namespace_oid(name, true);
	Oid events = OidIsValid(schema) ? get_relname_relid("events", schema) : InvalidOid;

	if (!OidIsValid(events))
		workspace_report_missing(name);
	return workspace_of_events(events);
}

void
workspace_invalidate(const Workspace *ws)
{
	CacheInvalidateRelcacheByRelid(ws->events);
}
