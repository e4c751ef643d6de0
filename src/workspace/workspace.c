/*
 * workspace.c
 *	  The cache of workspaces: one entry per events table, read with plain
 *	  table scans, dropped by relcache invalidation of any of its tables.
 *
 * Definitions are rows, and a change of rows invalidates no relation by
 * itself: the definition triggers send the invalidation
 * (workspace_invalidate), and lock profiles against writers while they do.
 * A writer takes its lock on profiles first and asks for the workspace then,
 * so it sees every definition that was committed before.
 */
#include "workspace/workspace.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_collation_d.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "mb/pg_wchar.h"
#include "normalise/phone.h"
#include "regex/regex.h"
#include "types/ltv.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "nodes/params.h"
#include "computed/compile.h"
#include "expression/predicate.h"
#include "expression/reads.h"

/* A value that identifies nobody, in ASCII lower case. */
typedef struct BlockedValue
{
	char *value;
	int value_len;
	char *namespace_name; /* * is every namespace */
	int namespace_len;
} BlockedValue;

/* Values that identify nobody: those that match, or that are one character over and over. */
typedef struct BlockedPattern
{
	char *namespace_name; /* * is every namespace */
	int namespace_len;
	text *pattern; /* regular expression; null: repeated is set */
	int repeated;  /* so many characters or more */
} BlockedPattern;

/* Entry of the cache: the workspace may be replaced under the same key. */
typedef struct CacheEntry
{
	Oid events;
	Workspace *workspace;
} CacheEntry;

static HTAB *workspaces = NULL;
static uint64 invalidations = 0; /* relcache invalidations seen by this backend */

static const char *const table_names[N_WORKSPACE_TABLES] = {
    [TABLE_EVENTS] = "events",
    [TABLE_EVENT_IDS] = "event_ids",
    [TABLE_PROFILES] = "profiles",
    [TABLE_IDENTIFIERS] = "identifiers",
    [TABLE_LINKS] = "identity_links",
    [TABLE_REFUSALS] = "identity_refusals",
    [TABLE_DECISIONS] = "identity_decisions",
    [TABLE_COMPANIONS] = "identifier_companions",
    [TABLE_MERGES] = "merges",
    [TABLE_OPENING_BALANCES] = "opening_balances",
    [TABLE_SEGMENT_CHANGES] = "segment_changes",
    [TABLE_SEGMENT_ERRORS] = "segment_errors",
    [TABLE_SEGMENT_DEFINITIONS] = "segment_definitions",
    [TABLE_SEGMENTS] = "segments",
    [TABLE_COMPUTED_TRAITS] = "computed_traits",
    [TABLE_COMPUTED_ERRORS] = "computed_trait_errors",
    [TABLE_SETTINGS] = "settings",
    [TABLE_NAMESPACES] = "identifier_namespaces",
    [TABLE_BLOCKED] = "blocked_identifiers",
};

/*
 * A column of the engine's. Types are those of pg_catalog and cdp. What may be
 * null is said, because the engine reads all else without looking.
 */
typedef struct EngineColumn
{
	const char *name;
	const char *type;
	bool nullable;
} EngineColumn;

static const EngineColumn engine_columns[N_WORKSPACE_TABLES][MAX_ENGINE_COLUMNS + 1] = {
    [TABLE_EVENTS] = {{"event_id", "uuid"},
                      {"occurred_at", "timestamptz"},
                      {"received_at", "timestamptz"},
                      {"event", "text"},
                      {"source", "text", true},
                      {"amount", "numeric", true},
                      {"currency", "text", true},
                      {"anchor", "identifier", true},
                      {"identifiers", "_text"},
                      {"traits", "jsonb", true},
                      {"properties", "jsonb", true}},
    [TABLE_EVENT_IDS] = {{"event_id", "uuid"}},
    [TABLE_PROFILES] = {{"profile_id", "int8"},
                        {"first_seen", "timestamptz"},
                        {"last_seen", "timestamptz"},
                        {"event_count", "int8"},
                        {"evaluated_at", "timestamptz"},
                        {"next_evaluation_at", "timestamptz", true},
                        {"identifier_count", "int8"},
                        {"contested_until", "timestamptz", true},
                        {"traits", "traits"},
                        {"ltv", "ltv"},
                        {"computed", "computed"},
                        {"segments", "segment_set"}},
    [TABLE_IDENTIFIERS] = {{"identifier", "identifier"},
                           {"profile_id", "int8", true},
                           {"first_seen", "timestamptz"},
                           {"last_seen", "timestamptz"},
                           {"anchored_at", "timestamptz", true},
                           {"generic", "bool"}},
    [TABLE_LINKS] = {{"anchor", "identifier"},
                     {"identifier", "identifier"},
                     {"occurred_at", "timestamptz"},
                     {"event_id", "uuid"}},
    [TABLE_REFUSALS] = {{"identifier", "text"},
                        {"anchor", "identifier", true},
                        {"reason", "text"},
                        {"detail", "text", true},
                        {"occurred_at", "timestamptz"},
                        {"event_id", "uuid"}},
    [TABLE_DECISIONS] = {{"identifier_a", "identifier"},
                         {"identifier_b", "identifier"},
                         {"kind", "text"},
                         {"decided_at", "timestamptz"},
                         {"decided_by", "text"}},
    [TABLE_COMPANIONS] = {{"identifier", "identifier"}, {"companion", "identifier"}},
    [TABLE_MERGES] = {{"merged_id", "int8"},
                      {"profile_id", "int8"},
                      {"merged_into", "int8"},
                      {"merged_at", "timestamptz", true},
                      {"cause", "text"},
                      {"event_id", "uuid", true},
                      {"anchor", "identifier", true},
                      {"identifier", "identifier", true},
                      {"former_identifier", "identifier", true},
                      {"own_columns", "jsonb", true},
                      {"inherited", "_text", true},
                      {"undone_at", "timestamptz", true},
                      {"undone_cause", "text", true}},
    [TABLE_OPENING_BALANCES] = {{"anchor", "identifier"},
                                {"first_seen", "timestamptz"},
                                {"last_seen", "timestamptz"},
                                {"event_count", "int8"},
                                {"traits", "traits"},
                                {"ltv", "ltv"},
                                {"computed", "computed"}},
    [TABLE_SEGMENT_CHANGES] = {{"profile_id", "int8"},
                               {"segment", "text"},
                               {"entered", "bool"},
                               {"at", "timestamptz"},
                               {"cause", "text"}},
    [TABLE_SEGMENT_ERRORS] = {{"segment", "text"},
                              {"profile_id", "int8"},
                              {"sqlstate", "text"},
                              {"message", "text"},
                              {"at", "timestamptz"}},
    [TABLE_SEGMENT_DEFINITIONS] = {{"segment", "text"},
                                   {"predicate", "text", true},
                                   {"at", "timestamptz"},
                                   {"defined_by", "text"}},
    [TABLE_SEGMENTS] = {{"name", "text"}, {"predicate", "text"}},
    [TABLE_COMPUTED_TRAITS] = {{"name", "text"},
                               {"kind", "text"},
                               {"event", "text", true},
                               {"filter", "text", true},
                               {"expression", "text", true},
                               {"window_days", "int4", true},
                               {"list_limit", "int4"},
                               {"max_distinct", "int4"}},
    [TABLE_COMPUTED_ERRORS] = {{"trait", "text"},
                               {"profile_id", "int8"},
                               {"n", "int8"},
                               {"sqlstate", "text"},
                               {"message", "text"},
                               {"event_id", "uuid"},
                               {"at", "timestamptz"}},
    [TABLE_SETTINGS] = {{"time_zone", "text"},
                        {"default_currency", "text"},
                        {"default_region", "text", true},
                        {"vietnam_2018", "bool"}},
    [TABLE_NAMESPACES] = {{"namespace", "text"},
                          {"priority", "int4"},
                          {"max_per_profile", "int4", true},
                          {"can_anchor", "bool"},
                          {"can_merge", "bool"},
                          {"pattern", "text", true},
                          {"generic_after", "int4", true}},
    [TABLE_BLOCKED] = {{"namespace", "text"},
                       {"value", "text"},
                       {"enabled", "bool"},
                       {"kind", "text"}},
};

/*
 * Relcache callback: a workspace with that table (InvalidOid: any) is read
 * anew at its next use. Nothing is freed here, an engine run may be using it.
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
		for (int i = 0; i < N_WORKSPACE_TABLES && ws->valid; i++)
			if (ws->tables[i] == relid)
				ws->valid = false;
	}
}

/* Syscache callback: the same for a workspace whose schema has got another name. */
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
 * Finds the tables of the workspace beside events: each must be there, and
 * belong to the owner of events, so that nobody can lend the engine's rights
 * to tables of somebody else.
 */
static void
find_tables(Workspace *ws)
{
	ws->schema = get_rel_namespace(ws->events);
	ws->schema_hash = GetSysCacheHashValue1(NAMESPACEOID, ObjectIdGetDatum(ws->schema));
	for (int i = 0; i < N_WORKSPACE_TABLES; i++)
	{
		Oid relid = get_relname_relid(table_names[i], ws->schema);
		HeapTuple tuple;
		Form_pg_class form;

		if (i == TABLE_EVENTS && relid != ws->events)
			refuse_table(ws->events, "The table is not named \"events\".");
		if (!OidIsValid(relid))
			refuse_table(ws->events, psprintf("Its schema has no table \"%s\".", table_names[i]));
		tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
		if (!HeapTupleIsValid(tuple))
			elog(ERROR, "cache lookup failed for relation %u", relid);
		form = (Form_pg_class) GETSTRUCT(tuple);
		if (form->relkind != RELKIND_RELATION)
			refuse_table(ws->events, psprintf("\"%s\" is not an ordinary table.", table_names[i]));
		if (i == TABLE_EVENTS)
			ws->owner = form->relowner;
		else if (form->relowner != ws->owner)
			refuse_table(ws->events,
			             psprintf("\"%s\" has another owner than \"events\".", table_names[i]));
		ReleaseSysCache(tuple);
		ws->tables[i] = relid;
	}
}

/*
 * The valid, unconditional btree index of a table whose leading key columns
 * are these, unique if wanted. Names of indexes are the user's business.
 */
static Oid
find_index(Oid relid, bool unique, int ncolumns, const char *const *columns)
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

void
workspace_check_columns(const Workspace *ws, WorkspaceTable table, Relation rel)
{
	for (int i = 0; i < ws->n_columns[table]; i++)
	{
		const EngineColumn *column = &engine_columns[table][i];
		Form_pg_attribute attribute =
		    TupleDescAttr(RelationGetDescr(rel), ws->columns[table][i] - 1);

		if (attribute->atttypid != ws->types[table][i])
			ereport(ERROR,
			        (errcode(ERRCODE_DATATYPE_MISMATCH),
			         errmsg("column \"%s\" of table \"%s\" is not of type %s", column->name,
			                table_names[table], format_type_be(ws->types[table][i])),
			         errhint("Columns may be added to a workspace's tables; its own must stay as "
			                 "cdp.create_workspace makes them.")));
		if (!column->nullable && !attribute->attnotnull)
			ereport(ERROR,
			        (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			         errmsg("column \"%s\" of table \"%s\" is not marked NOT NULL", column->name,
			                table_names[table]),
			         errhint("Columns may be added to a workspace's tables; its own must stay as "
			                 "cdp.create_workspace makes them.")));
	}
}

/*
 * Attribute numbers of the engine's columns, which must be of their types;
 * other columns are the user's. The locks stay: nobody changes a column before
 * the definitions are read.
 */
static void
find_columns(Workspace *ws)
{
	for (int table = 0; table < N_WORKSPACE_TABLES; table++)
	{
		Relation rel = table_open(ws->tables[table], AccessShareLock);

		for (int i = 0; engine_columns[table][i].name != NULL; i++)
		{
			AttrNumber number = get_attnum(ws->tables[table], engine_columns[table][i].name);

			if (number <= 0)
				ereport(ERROR,
				        (errcode(ERRCODE_UNDEFINED_COLUMN),
				         errmsg("table \"%s\" lacks the column \"%s\"", table_names[table],
				                engine_columns[table][i].name),
				         errhint("Columns may be added to a workspace's tables; its own must "
				                 "stay.")));
			ws->columns[table][i] = number;
			ws->types[table][i] = type_by_name(engine_columns[table][i].type);
			ws->n_columns[table] = i + 1;
		}
		workspace_check_columns(ws, table, rel);
		table_close(rel, NoLock);
	}
}

static void
find_indexes(Workspace *ws)
{
	static const struct
	{
		WorkspaceTable table;
		int n;
		const char *columns[3];
	} keys[] = {
	    {TABLE_IDENTIFIERS, 1, {"identifier"}},
	    {TABLE_PROFILES, 1, {"profile_id"}},
	    {TABLE_EVENT_IDS, 1, {"event_id"}},
	    {TABLE_LINKS, 2, {"anchor", "identifier"}},
	    {TABLE_REFUSALS, 3, {"identifier", "anchor", "reason"}},
	    {TABLE_DECISIONS, 2, {"identifier_a", "identifier_b"}},
	    {TABLE_COMPANIONS, 2, {"identifier", "companion"}},
	    {TABLE_OPENING_BALANCES, 1, {"anchor"}},
	    {TABLE_SEGMENT_ERRORS, 2, {"segment", "profile_id"}},
	    {TABLE_COMPUTED_ERRORS, 2, {"trait", "profile_id"}},
	};
	static const char *const by_profile[] = {"profile_id", "identifier"};
	static const char *const by_anchor[] = {"anchor", "occurred_at"};
	static const char *const by_identifier[] = {"identifier"};
	static const char *const by_anchor_reason[] = {"anchor", "reason"};
	static const char *const by_b[] = {"identifier_b"};
	static const char *const by_timer[] = {"next_evaluation_at"};
	Relation index;
	Oid family;
	Oid type;

	for (int i = 0; i < lengthof(keys); i++)
		ws->keys[keys[i].table] =
		    find_index(ws->tables[keys[i].table], true, keys[i].n, keys[i].columns);
	ws->identifiers_by_profile = find_index(ws->tables[TABLE_IDENTIFIERS], false, 2, by_profile);
	ws->links_by_identifier = find_index(ws->tables[TABLE_LINKS], false, 1, by_identifier);
	ws->refusals_by_anchor = find_index(ws->tables[TABLE_REFUSALS], false, 2, by_anchor_reason);
	ws->decisions_by_b = find_index(ws->tables[TABLE_DECISIONS], false, 1, by_b);
	ws->merges_by_profile = find_index(ws->tables[TABLE_MERGES], false, 1, by_profile);
	ws->events_by_anchor = find_index(ws->tables[TABLE_EVENTS], false, 2, by_anchor);
	ws->profiles_by_timer = find_index(ws->tables[TABLE_PROFILES], false, 1, by_timer);
	ws->profiles_sequence = getIdentitySequence(ws->tables[TABLE_PROFILES],
	                                            ws->columns[TABLE_PROFILES][PROFILE_ID], false);

	index = index_open(ws->keys[TABLE_IDENTIFIERS], AccessShareLock);
	family = index->rd_opfamily[0];
	type = index->rd_opcintype[0];
	ws->identifier_eq = get_opcode(get_opfamily_member(family, type, type, BTEqualStrategyNumber));
	ws->identifier_ge =
	    get_opcode(get_opfamily_member(family, type, type, BTGreaterEqualStrategyNumber));
	ws->identifier_lt = get_opcode(get_opfamily_member(family, type, type, BTLessStrategyNumber));
	index_close(index, AccessShareLock);
}

/* Calls read(ws, slot) for each row of a table, as it is now. */
static void
scan_table(Workspace *ws, WorkspaceTable table, void (*read)(Workspace *, TupleTableSlot *))
{
	Relation rel = table_open(ws->tables[table], AccessShareLock);
	Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	TableScanDesc scan = table_beginscan(rel, snapshot, 0, NULL);

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
		read(ws, slot);
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	UnregisterSnapshot(snapshot);
	table_close(rel, AccessShareLock);
}

/* Column of a definition's row, by name; *isnull as usual. */
static Datum
column_value(TupleTableSlot *slot, const char *name, bool *isnull)
{
	Oid relid = slot->tts_tableOid;
	AttrNumber attnum = get_attnum(relid, name);

	if (attnum == InvalidAttrNumber)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
		                errmsg("table \"%s\" lacks the column \"%s\"", get_rel_name(relid), name)));
	return slot_getattr(slot, attnum, isnull);
}

static char *
column_text(TupleTableSlot *slot, const char *name)
{
	bool isnull;
	Datum value = column_value(slot, name, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

static void
read_settings(Workspace *ws, TupleTableSlot *slot)
{
	bool isnull;
	char *currency = column_text(slot, "default_currency");
	char *region = column_text(slot, "default_region");
	char *time_zone = column_text(slot, "time_zone");

	ws->time_zone = palloc(LTV_ZONE_MAX + 1);
	if (!ltv_zone_lookup(time_zone, ws->time_zone, &ws->tz))
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		         errmsg("time zone \"%s\" is not known", time_zone),
		         errdetail("It is the time_zone in the settings of workspace \"%s\".", ws->name),
		         errhint("Use a name of the time zone database, for example "
		                 "'Asia/Ho_Chi_Minh'.")));
	if (region != NULL && !phone_region_known(region))
		ereport(
		    ERROR,
		    (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		     errmsg("region \"%s\" has no telephone numbers", region),
		     errdetail("It is the default_region in the settings of workspace \"%s\".", ws->name),
		     errhint("Use the two letters of ISO 3166, for example VN, or leave it empty.")));
	strlcpy(ws->default_currency, currency ? currency : "USD", sizeof(ws->default_currency));
	strlcpy(ws->options.default_region, region ? region : "", sizeof(ws->options.default_region));
	ws->options.vietnam_2018 = DatumGetBool(column_value(slot, "vietnam_2018", &isnull));
}

static bool
matches(text *pattern, const char *value, int len, int flags)
{
	return RE_compile_and_execute(pattern, unconstify(char *, value), len, flags, C_COLLATION_OID,
	                              0, NULL);
}

static bool
try_pattern(void *pattern)
{
	(void) matches((text *) pattern, "", 0, REG_ADVANCED);
	return true;
}

/*
 * A regular expression of a definition; null where there is none, or where it
 * does not compile: definitions are checked when they are made (define_rules),
 * and no event is lost by one that came past that.
 */
static text *
usable_pattern(const char *pattern)
{
	text *result = pattern == NULL ? NULL : cstring_to_text(pattern);
	ErrorData *error;

	return result != NULL && cdp_attempt(try_pattern, result, &error) ? result : NULL;
}

static void
read_namespace(Workspace *ws, TupleTableSlot *slot)
{
	NamespaceRule rule = {0};
	char *name = column_text(slot, "namespace");
	bool isnull;
	int32 limit;

	strlcpy(rule.name, name, sizeof(rule.name));
	rule.name_len = strlen(rule.name);
	rule.priority = DatumGetInt32(column_value(slot, "priority", &isnull));
	limit = DatumGetInt32(column_value(slot, "max_per_profile", &isnull));
	rule.max_per_profile = isnull ? -1 : limit;
	limit = DatumGetInt32(column_value(slot, "generic_after", &isnull));
	rule.generic_after = isnull ? -1 : limit;
	rule.can_anchor = DatumGetBool(column_value(slot, "can_anchor", &isnull));
	rule.can_merge = DatumGetBool(column_value(slot, "can_merge", &isnull));
	ws->can_all_merge = ws->can_all_merge && rule.can_merge;
	ws->max_generic_after = Max(ws->max_generic_after, rule.generic_after);
	rule.pattern = usable_pattern(column_text(slot, "pattern"));

	if (strcmp(name, "*") == 0)
	{
		ws->default_rule = rule;
		return;
	}
	ws->rules = ws->rules == NULL ? palloc(sizeof(NamespaceRule))
	                              : repalloc(ws->rules, (ws->n_rules + 1) * sizeof(NamespaceRule));
	ws->rules[ws->n_rules++] = rule;
}

static int
compare_rules(const void *a, const void *b)
{
	return strcmp(((const NamespaceRule *) a)->name, ((const NamespaceRule *) b)->name);
}

/* The bit of a length in blocked_lengths. */
static uint64
length_bit(int len)
{
	return UINT64CONST(1) << Min(len, 63);
}

static void
read_blocked_pattern(Workspace *ws, TupleTableSlot *slot, bool repeated)
{
	BlockedPattern blocked = {0};

	blocked.namespace_name = column_text(slot, "namespace");
	blocked.namespace_len = strlen(blocked.namespace_name);
	if (repeated)
		blocked.repeated = atoi(column_text(slot, "value"));
	else if ((blocked.pattern = usable_pattern(column_text(slot, "value"))) == NULL)
		return;
	ws->blocked_patterns =
	    ws->blocked_patterns == NULL
	        ? palloc(sizeof(BlockedPattern))
	        : repalloc(ws->blocked_patterns, (ws->n_blocked_patterns + 1) * sizeof(BlockedPattern));
	ws->blocked_patterns[ws->n_blocked_patterns++] = blocked;
}

static void
read_blocked(Workspace *ws, TupleTableSlot *slot)
{
	bool isnull;
	BlockedValue *blocked;
	char *kind = column_text(slot, "kind");

	if (!DatumGetBool(column_value(slot, "enabled", &isnull)))
		return;
	if (strcmp(kind, "value") != 0)
	{
		read_blocked_pattern(ws, slot, strcmp(kind, "repeated") == 0);
		return;
	}
	ws->blocked = ws->blocked == NULL
	                  ? palloc(sizeof(BlockedValue))
	                  : repalloc(ws->blocked, (ws->n_blocked + 1) * sizeof(BlockedValue));
	blocked = &ws->blocked[ws->n_blocked++];
	blocked->namespace_name = column_text(slot, "namespace");
	blocked->namespace_len = strlen(blocked->namespace_name);
	blocked->value = column_text(slot, "value");
	blocked->value_len = strlen(blocked->value);
	for (char *c = blocked->value; *c; c++)
		*c = pg_ascii_tolower((unsigned char) *c);
	ws->blocked_lengths[(unsigned char) blocked->value[0]] |= length_bit(blocked->value_len);
}

/* Order of a value, in any ASCII case, and one in lower case. */
static int
compare_value(const char *a, int a_len, const char *b, int b_len)
{
	for (int i = 0; i < a_len && i < b_len; i++)
	{
		int order = (unsigned char) pg_ascii_tolower((unsigned char) a[i]) - (unsigned char) b[i];

		if (order != 0)
			return order;
	}
	return a_len - b_len;
}

static int
compare_blocked(const void *a, const void *b)
{
	const BlockedValue *x = (const BlockedValue *) a;
	const BlockedValue *y = (const BlockedValue *) b;
	int order = compare_value(x->value, x->value_len, y->value, y->value_len);

	return order != 0 ? order : strcmp(x->namespace_name, y->namespace_name);
}

static void
read_segment(Workspace *ws, TupleTableSlot *slot)
{
	Segment segment = {0};

	segment.name = column_text(slot, "name");
	segment.name_len = strlen(segment.name);
	segment.predicate = column_text(slot, "predicate");
	ws->segments = ws->segments == NULL
	                   ? palloc(sizeof(Segment))
	                   : repalloc(ws->segments, (ws->n_segments + 1) * sizeof(Segment));
	ws->segments[ws->n_segments++] = segment;
}

static int32
column_number(TupleTableSlot *slot, const char *name, int32 otherwise)
{
	bool isnull;
	Datum value = column_value(slot, name, &isnull);

	return isnull ? otherwise : DatumGetInt32(value);
}

static void
read_computed_trait(Workspace *ws, TupleTableSlot *slot)
{
	ComputedDefinition definition = {0};

	definition.name = column_text(slot, "name");
	definition.kind = column_text(slot, "kind");
	definition.event = column_text(slot, "event");
	definition.event_len = definition.event == NULL ? 0 : strlen(definition.event);
	definition.filter = column_text(slot, "filter");
	definition.expression = column_text(slot, "expression");
	definition.window_days = column_number(slot, "window_days", COMPUTED_FOR_EVER);
	definition.list_limit = column_number(slot, "list_limit", 0);
	definition.max_distinct = column_number(slot, "max_distinct", 0);
	ws->computed = ws->computed == NULL
	                   ? palloc(sizeof(ComputedDefinition))
	                   : repalloc(ws->computed, (ws->n_computed + 1) * sizeof(ComputedDefinition));
	ws->computed[ws->n_computed++] = definition;
}

static int
compare_segments(const void *a, const void *b)
{
	return strcmp(((const Segment *) a)->name, ((const Segment *) b)->name);
}

/* Reads the definitions. CurrentMemoryContext is the workspace's. */
static void
read_definitions(Workspace *ws)
{
	scan_table(ws, TABLE_SETTINGS, read_settings);
	if (ws->time_zone == NULL)
		ereport(ERROR,
		        (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		         errmsg("the settings of workspace \"%s\" are missing", ws->name),
		         errdetail("The table \"settings\" is empty, as where data are restored into a "
		                   "schema that was restored before."),
		         errhint("To restore data into a workspace that exists, use pg_restore "
		                 "--disable-triggers, or restore schema and data together.")));

	ws->default_rule.priority = 50;
	ws->default_rule.max_per_profile = -1;
	ws->default_rule.generic_after = 10;
	ws->default_rule.can_anchor = ws->default_rule.can_merge = true;
	ws->can_all_merge = true;
	ws->max_generic_after = -1;
	scan_table(ws, TABLE_NAMESPACES, read_namespace);
	ws->max_generic_after = Max(ws->max_generic_after, ws->default_rule.generic_after);
	if (ws->n_rules > 0)
		qsort(ws->rules, ws->n_rules, sizeof(NamespaceRule), compare_rules);

	scan_table(ws, TABLE_BLOCKED, read_blocked);
	if (ws->n_blocked > 0)
		qsort(ws->blocked, ws->n_blocked, sizeof(BlockedValue), compare_blocked);

	scan_table(ws, TABLE_SEGMENTS, read_segment);
	if (ws->n_segments > 0)
		qsort(ws->segments, ws->n_segments, sizeof(Segment), compare_segments);

	ws->estate = CreateExecutorState();
	ws->econtext = CreateExprContext(ws->estate);
	ws->n_params = SEGMENT_PARAM(ws->n_segments) - 1;
	scan_table(ws, TABLE_COMPUTED_TRAITS, read_computed_trait);
	computed_traits_compile(ws);
	for (int i = 0; i < ws->n_segments; i++)
		predicate_compile(ws, &ws->segments[i]);
	ws->econtext->ecxt_param_list_info = makeParamList(ws->n_params);
	reads_order_segments(ws);
}

/*
 * Reads a workspace into a context of its own. On an error nothing stays
 * behind: the context is a child of the transaction's until it is whole.
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
	find_tables(ws);
	ws->name = get_namespace_name(ws->schema);
	find_columns(ws);
	find_indexes(ws);
	workspace_become_owner(ws, &user);
	read_definitions(ws);
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

	/* An invalidation that comes in while it is read makes it stale at once. */
	before = invalidations;
	ws = read_workspace(events);
	ws->valid = (before == invalidations);
	entry = (CacheEntry *) hash_search(workspaces, &events, HASH_ENTER, &found);
	if (found && entry->workspace != NULL)
		/* somebody up the stack may be using the old one */
		MemoryContextSetParent(entry->workspace->context, TopTransactionContext);
	entry->workspace = ws;
	MemoryContextSetParent(ws->context, CacheMemoryContext);
	return ws;
}

Workspace *
workspace_by_name(const char *name)
{
	Oid schema = get_namespace_oid(name, true);
	Oid events = OidIsValid(schema) ? get_relname_relid("events", schema) : InvalidOid;

	if (!OidIsValid(events))
		ereport(
		    ERROR,
		    (errcode(ERRCODE_UNDEFINED_SCHEMA), errmsg("workspace \"%s\" does not exist", name),
		     errhint("Make it with SELECT cdp.create_workspace(%s).", quote_literal_cstr(name))));
	return workspace_of_events(events);
}

const NamespaceRule *
workspace_rule(const Workspace *ws, const char *name, int len)
{
	int low = 0;
	int high = ws->n_rules;

	while (low < high)
	{
		int middle = (low + high) / 2;
		const NamespaceRule *rule = &ws->rules[middle];
		int order = memcmp(name, rule->name, Min(len, rule->name_len));

		if (order == 0)
			order = len - rule->name_len;
		if (order == 0)
			return rule;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return &ws->default_rule;
}

bool
workspace_namespace_is_stronger(const NamespaceRule *rule_a, const char *a, int a_len,
                                const NamespaceRule *rule_b, const char *b, int b_len)
{
	int order;

	if (rule_a->priority != rule_b->priority)
		return rule_a->priority < rule_b->priority;
	order = memcmp(a, b, Min(a_len, b_len));
	return order != 0 ? order < 0 : a_len < b_len;
}

bool
workspace_pattern_allows(const NamespaceRule *rule, const char *value, int len)
{
	return rule->pattern == NULL || matches(rule->pattern, value, len, REG_ADVANCED);
}

/* Whether a value is one character over and over, at least so many times. */
static bool
is_repeated(const char *value, int len, int times)
{
	int char_len = pg_utf_mblen((const unsigned char *) value);

	if (len < char_len * times || len % char_len != 0)
		return false;
	return memcmp(value, value + char_len, len - char_len) == 0;
}

/* Whether a pattern among the blocked values fits. A phone number's plus sign is no character of it. */
static bool
pattern_blocks(const Workspace *ws, const char *text, int namespace_len, int len)
{
	const char *value = text + namespace_len + 1;
	int value_len = len - namespace_len - 1;

	for (int i = 0; i < ws->n_blocked_patterns; i++)
	{
		const BlockedPattern *blocked = &ws->blocked_patterns[i];
		int sign = value_len > 1 && value[0] == '+' ? 1 : 0;

		if (strcmp(blocked->namespace_name, "*") != 0 &&
		    (blocked->namespace_len != namespace_len ||
		     memcmp(blocked->namespace_name, text, namespace_len) != 0))
			continue;
		if (blocked->pattern != NULL
		        ? matches(blocked->pattern, value, value_len, REG_ADVANCED | REG_ICASE)
		        : is_repeated(value + sign, value_len - sign, blocked->repeated))
			return true;
	}
	return false;
}

bool
workspace_blocks(const Workspace *ws, const char *text, int namespace_len, int len)
{
	const char *value = text + namespace_len + 1;
	int value_len = len - namespace_len - 1;
	int low = 0;
	int high = ws->n_blocked;

	if (ws->n_blocked_patterns > 0 && pattern_blocks(ws, text, namespace_len, len))
		return true;
	if ((ws->blocked_lengths[pg_ascii_tolower((unsigned char) value[0])] & length_bit(value_len)) ==
	    0)
		return false;
	while (low < high)
	{
		int middle = (low + high) / 2;
		const BlockedValue *blocked = &ws->blocked[middle];

		if (compare_value(value, value_len, blocked->value, blocked->value_len) > 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < ws->n_blocked; low++)
	{
		const BlockedValue *blocked = &ws->blocked[low];

		if (compare_value(value, value_len, blocked->value, blocked->value_len) != 0)
			return false;
		if (strcmp(blocked->namespace_name, "*") == 0 ||
		    (blocked->namespace_len == namespace_len &&
		     memcmp(blocked->namespace_name, text, namespace_len) == 0))
			return true;
	}
	return false;
}

void
workspace_invalidate(const Workspace *ws)
{
	CacheInvalidateRelcacheByRelid(ws->events);
}

void
workspace_become_owner(const Workspace *ws, WorkspaceUser *saved)
{
	GetUserIdAndSecContext(&saved->user, &saved->sec_context);
	SetUserIdAndSecContext(ws->owner, saved->sec_context | SECURITY_LOCAL_USERID_CHANGE |
	                                      SECURITY_NOFORCE_RLS);
}

void
workspace_restore_user(const WorkspaceUser *saved)
{
	SetUserIdAndSecContext(saved->user, saved->sec_context);
}

void
workspace_require_owner(const Workspace *ws)
{
	if (!has_privs_of_role(GetUserId(), ws->owner))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_SCHEMA, ws->name);
}
