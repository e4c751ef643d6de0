/*
 * define.c
 *	  Definitions are rows: the triggers on a workspace's definition tables,
 *	  which check them and let them take effect in the transaction that made
 *	  them, and the guards on the tables that only the engine writes.
 *
 * A change of a definition locks profiles against writers, so that it misses
 * none: those before are seen, and those after see the definition. A snapshot
 * older than that lock could miss some, so it is refused in REPEATABLE READ
 * and above.
 */
#include "batch/batch.h"

#include "access/tableam.h"
#include "access/xact.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"
#include "expression/predicate.h"
#include "expression/reads.h"

void
workspace_require_there(Oid events, const char *name)
{
	if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(events)))
		ereport(ERROR,
		        (errcode(ERRCODE_UNDEFINED_SCHEMA), errmsg("workspace \"%s\" does not exist", name),
		         errdetail("It has been dropped meanwhile.")));
}

void
lock_workspace(Workspace *ws, const char *what)
{
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
		        (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
		         errmsg("%s is not possible in a transaction that is %s", what,
		                XactIsoLevel == XACT_SERIALIZABLE ? "SERIALIZABLE" : "REPEATABLE READ"),
		         errdetail("Its snapshot may miss events that are being committed."),
		         errhint("Use a READ COMMITTED transaction.")));
	/* events first, as an insert does and who drops the workspace */
	LockRelationOid(ws->tables[TABLE_EVENTS], RowExclusiveLock);
	LockRelationOid(ws->tables[TABLE_PROFILES], ShareRowExclusiveLock);
	workspace_require_there(ws->events, ws->name);
}

/*
 * Forgets the failures of segments that are evaluated anew on every profile,
 * and of those that are no more.
 */
static void
forget_failures(Store *store, const Bitmapset *wanted)
{
	Workspace *ws = store->ws;
	Relation rel = store_table(store, TABLE_SEGMENT_ERRORS)->rel;
	TableScanDesc scan = table_beginscan(rel, store->snapshot, 0, NULL);
	TupleTableSlot *slot = table_slot_create(rel, NULL);

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		bool isnull;
		char *name = TextDatumGetCString(
		    store_value(store, TABLE_SEGMENT_ERRORS, slot, ERROR_SEGMENT, &isnull));
		bool stays = false;

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < ws->n_segments; i++)
			if (strcmp(ws->segments[i].name, name) == 0)
				stays = !bms_is_member(ws->segments[i].rank, wanted);
		if (!stays)
			store_delete(store, TABLE_SEGMENT_ERRORS, &slot->tts_tid);
		pfree(name);
	}
	ExecDropSingleTupleTableSlot(slot);
	table_endscan(scan);
	store_refresh(store);
}

void
evaluate_workspace(Workspace *ws, const Bitmapset *wanted, const char *cause, bool added,
                   bool may_go_back)
{
	MemoryContext context =
	    AllocSetContextCreate(CurrentMemoryContext, "cdp evaluate", ALLOCSET_DEFAULT_SIZES);
	MemoryContext oldcontext = MemoryContextSwitchTo(context);
	Store *store = store_begin(ws);
	Batch *batch = batch_create(store, context, cause);
	Relation rel = store_table(store, TABLE_PROFILES)->rel;
	Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
	TableScanDesc scan = table_beginscan(rel, snapshot, 0, NULL);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	bool more = true;
	bool screen = true;

	batch->may_go_back = may_go_back;
	batch->redefined = !may_go_back;
	batch->added = added;
	forget_failures(store, wanted);
	while (more)
	{
		int n_rows;
		int n_written;

		more = backfill_load(batch, wanted, scan, slot, screen, &n_rows);
		batch->slice = batch->profiles;
		batch->n_slice = batch->n_profiles;
		evaluate_profiles(batch, wanted, true);
		n_written = batch->n_failures;
		for (int i = 0; i < batch->n_slice; i++)
			n_written += batch->slice[i]->changed != NULL;
		screen = n_written < n_rows / 2; /* else most are loaded anyway */
		backfill_emit(batch);
		emit_slice(batch);
		batch_reset(batch);
		store_refresh(store);
	}
	ExecDropSingleTupleTableSlot(slot);
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	store_end(store);
	MemoryContextSwitchTo(oldcontext);
	MemoryContextDelete(context);
}

/*
 * The workspace of a table that a definition trigger is on: one of first to
 * last. On any other the trigger would lend the owner's rights, and read
 * columns that are not what it takes them for.
 */
Workspace *
triggered_workspace(FunctionCallInfo fcinfo, const char *function, WorkspaceTable first,
                    WorkspaceTable last)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Workspace *ws;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
		                errmsg("%s must be fired for each statement", function)));
	ws = workspace_by_name(get_namespace_name(RelationGetNamespace(trigger->tg_relation)));
	for (int table = first; table <= (int) last; table++)
		if (ws->tables[table] == RelationGetRelid(trigger->tg_relation))
			return ws;
	ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
	                errmsg("%s cannot be a trigger on table \"%s\"", function,
	                       RelationGetRelationName(trigger->tg_relation))));
	return NULL;
}

/* Makes the statement's definitions visible and reads the workspace with them. */
Workspace *
read_definitions_again(Workspace *ws)
{
	workspace_invalidate(ws);
	CommandCounterIncrement();
	return workspace_of_events(ws->events);
}

/* Checks a new or changed segment. */
static void
check_segment(Workspace *ws, const char *name, const char *predicate)
{
	size_t len = strlen(name);

	if (len == 0 || len > SEGMENT_NAME_MAX)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("name of a segment must have 1 to %d bytes", SEGMENT_NAME_MAX),
		                errdetail("The name has %zu.", len),
		                errhint("Choose a short name, and put the rest into its description.")));
	for (size_t i = 0; i < len; i++)
		if ((unsigned char) name[i] < 0x20 || name[i] == 0x7f)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			                errmsg("name of a segment must not contain control characters")));
	predicate_check(ws, name, predicate);
}

/* One row of segments that a statement has removed or put there. */
typedef struct DefinedSegment
{
	char *name;
	char *predicate;
} DefinedSegment;

/* The rows of a transition table; null: it has none. */
static List *
read_definitions(Relation rel, Tuplestorestate *rows)
{
	AttrNumber name_column = get_attnum(RelationGetRelid(rel), "name");
	AttrNumber predicate_column = get_attnum(RelationGetRelid(rel), "predicate");
	List *result = NIL;
	TupleTableSlot *slot;

	if (rows == NULL)
		return NIL;
	slot = MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsMinimalTuple);
	while (tuplestore_gettupleslot(rows, true, false, slot))
	{
		DefinedSegment *segment = palloc(sizeof(DefinedSegment));
		bool isnull;

		segment->name = TextDatumGetCString(slot_getattr(slot, name_column, &isnull));
		segment->predicate = TextDatumGetCString(slot_getattr(slot, predicate_column, &isnull));
		result = lappend(result, segment);
	}
	ExecDropSingleTupleTableSlot(slot);
	return result;
}

static DefinedSegment *
find_definition(List *definitions, const char *name)
{
	ListCell *lc;

	foreach (lc, definitions)
		if (strcmp(((DefinedSegment *) lfirst(lc))->name, name) == 0)
			return lfirst(lc);
	return NULL;
}

/* Notes which segments are named; check: they are to be checked as definitions. */
static Bitmapset *
named_segments(Workspace *ws, List *definitions, bool check, Bitmapset *wanted)
{
	ListCell *lc;

	foreach (lc, definitions)
	{
		DefinedSegment *defined = lfirst(lc);

		CHECK_FOR_INTERRUPTS();
		if (check)
			check_segment(ws, defined->name, defined->predicate);
		for (int i = 0; i < ws->n_segments; i++)
			if (strcmp(ws->segments[i].name, defined->name) == 0)
				wanted = bms_add_member(wanted, ws->segments[i].rank);
	}
	return wanted;
}

/*
 * Refuses to take a segment away, or its name, that others refer to, and
 * segments that refer to each other in a circle.
 */
static void
check_references(Workspace *ws, List *old)
{
	char *circle = reads_circle(ws);

	if (circle != NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
		                errmsg("segments refer to each other in a circle"),
		                errdetail("The circle is %s.", circle),
		                errhint("Write out what one of them says of the profile itself.")));
	for (int i = 0; i < ws->n_segments; i++)
	{
		Segment *segment = &ws->segments[i];

		if (segment->missing != NULL && find_definition(old, segment->missing) != NULL)
			ereport(ERROR,
			        (errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
			         errmsg("segment \"%s\" cannot be deleted or renamed: others refer to it",
			                segment->missing),
			         errdetail("The predicate of segment \"%s\" is \"%s\".", segment->name,
			                   segment->predicate),
			         errhint("Change that segment first, or in the same statement.")));
	}
}

/* Appends to the history of definitions what a statement has changed. */
static void
record_definitions(Workspace *ws, List *old, List *new, Oid user)
{
	Store *store = store_begin(ws);
	TimestampTz now = cdp_now();
	List *gone = NIL;
	ListCell *lc;

	foreach (lc, old)
	{
		DefinedSegment *removed = palloc0(sizeof(DefinedSegment));

		removed->name = ((DefinedSegment *) lfirst(lc))->name;
		if (find_definition(new, removed->name) == NULL)
			gone = lappend(gone, removed);
	}
	foreach (lc, list_concat(gone, new))
	{
		DefinedSegment *defined = lfirst(lc);
		DefinedSegment *before = find_definition(old, defined->name);
		Datum values[N_DEFINITION_COLUMNS] = {0};
		bool isnull[N_DEFINITION_COLUMNS] = {false};

		if (defined->predicate != NULL && before != NULL &&
		    strcmp(defined->predicate, before->predicate) == 0)
			continue;
		values[DEFINITION_SEGMENT] = CStringGetTextDatum(defined->name);
		isnull[DEFINITION_PREDICATE] = defined->predicate == NULL;
		if (defined->predicate != NULL)
			values[DEFINITION_PREDICATE] = CStringGetTextDatum(defined->predicate);
		values[DEFINITION_AT] = TimestampTzGetDatum(now);
		values[DEFINITION_BY] = CStringGetTextDatum(GetUserNameFromId(user, false));
		store_insert(store, TABLE_SEGMENT_DEFINITIONS,
		             store_new_row(store, TABLE_SEGMENT_DEFINITIONS, values, isnull));
	}
	store_refresh(store);
	store_end(store);
}

PG_FUNCTION_INFO_V1(cdp_define_segments);

/*
 * cdp.define_segments(): AFTER statement trigger on segments. Checks the new
 * definitions and evaluates what has changed on every profile.
 */
Datum
cdp_define_segments(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Workspace *ws =
	    triggered_workspace(fcinfo, "cdp.define_segments", TABLE_SEGMENTS, TABLE_SEGMENTS);
	WorkspaceUser user;
	List *old;
	List *new;
	Bitmapset *wanted;

	workspace_become_owner(ws, &user);
	lock_workspace(ws, "changing segments");
	ws = read_definitions_again(ws);
	old = read_definitions(trigger->tg_relation, trigger->tg_oldtable);
	new = read_definitions(trigger->tg_relation, trigger->tg_newtable);
	check_references(ws, old);
	wanted = named_segments(ws, new, true, NULL);
	wanted = named_segments(ws, old, false, wanted);
	record_definitions(ws, old, new, user.user);
	evaluate_workspace(ws, wanted, "definition", old == NIL, false);
	workspace_restore_user(&user);
	return PointerGetDatum(NULL);
}

/* What of a namespace's rule decides who is a companion of whom. */
typedef struct CompanionRule
{
	char *namespace_name;
	int priority;
	bool limited;
	int generic_after; /* -1: never */
} CompanionRule;

static List *
read_companion_rules(Relation rel, Tuplestorestate *rows)
{
	TupleTableSlot *slot;
	List *rules = NIL;

	if (rows == NULL)
		return NIL;
	slot = MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsMinimalTuple);
	while (tuplestore_gettupleslot(rows, true, false, slot))
	{
		CompanionRule *rule = palloc(sizeof(CompanionRule));
		bool isnull;

		rule->namespace_name = TextDatumGetCString(
		    slot_getattr(slot, get_attnum(RelationGetRelid(rel), "namespace"), &isnull));
		rule->priority = DatumGetInt32(
		    slot_getattr(slot, get_attnum(RelationGetRelid(rel), "priority"), &isnull));
		(void) slot_getattr(slot, get_attnum(RelationGetRelid(rel), "max_per_profile"), &isnull);
		rule->limited = !isnull;
		rule->generic_after = DatumGetInt32(
		    slot_getattr(slot, get_attnum(RelationGetRelid(rel), "generic_after"), &isnull));
		if (isnull)
			rule->generic_after = -1;
		rules = lappend(rules, rule);
	}
	ExecDropSingleTupleTableSlot(slot);
	return rules;
}

/* Whether each of the rules is among the others, as it is or with a lower generic_after there. */
static bool
are_companions_kept(List *rules, List *others)
{
	ListCell *lc;
	ListCell *other_lc;

	foreach (lc, rules)
	{
		CompanionRule *rule = (CompanionRule *) lfirst(lc);
		bool kept = false;

		foreach (other_lc, others)
		{
			CompanionRule *other = (CompanionRule *) lfirst(other_lc);

			kept = kept || (strcmp(rule->namespace_name, other->namespace_name) == 0 &&
			                rule->priority == other->priority && rule->limited == other->limited &&
			                (rule->generic_after < 0) == (other->generic_after < 0) &&
			                other->generic_after <= rule->generic_after);
		}
		if (!kept)
			return false;
	}
	return true;
}

PG_FUNCTION_INFO_V1(cdp_define_rules);

/*
 * cdp.define_rules(): AFTER statement trigger on the tables of settings and
 * identity rules. What was derived by the old ones is derived anew: of identity
 * rules what they concern, of settings everything.
 */
Datum
cdp_define_rules(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Workspace *ws = triggered_workspace(fcinfo, "cdp.define_rules", TABLE_SETTINGS, TABLE_BLOCKED);
	Oid table = RelationGetRelid(trigger->tg_relation);
	WorkspaceUser user;

	workspace_become_owner(ws, &user);
	lock_workspace(ws, "changing a workspace's rules");
	ws = read_definitions_again(ws);
	if (table == ws->tables[TABLE_SETTINGS])
		rebuild_workspace(ws, "rebuild");
	else if (table == ws->tables[TABLE_BLOCKED])
		rebuild_concerned(ws, false);
	else
	{
		List *before = read_companion_rules(trigger->tg_relation, trigger->tg_oldtable);
		List *after = read_companion_rules(trigger->tg_relation, trigger->tg_newtable);

		rebuild_concerned(ws, list_length(before) != list_length(after) ||
		                          !are_companions_kept(before, after));
	}
	workspace_restore_user(&user);
	return PointerGetDatum(NULL);
}

/* Segments that read a column of profiles which is the users' own. */
static Bitmapset *
segments_of_own_columns(Workspace *ws)
{
	Bitmapset *engines = NULL;
	Bitmapset *result = NULL;

	for (int i = 0; i < ws->n_columns[TABLE_PROFILES]; i++)
		engines = bms_add_member(engines, ws->columns[TABLE_PROFILES][i]);
	for (int i = 0; i < ws->n_segments; i++)
		if (!bms_is_subset(ws->segments[i].columns, engines))
			result = bms_add_member(result, ws->segments[i].rank);
	return result;
}

/* Keeps the row of before an update for a profile that is to be played. */
static void
keep_old_row(Batch *batch, Profile *profile, TupleTableSlot *slot)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(batch->values);

	profile->old_row = ExecCopySlotHeapTuple(slot);
	MemoryContextSwitchTo(oldcontext);
}

/*
 * Evaluates segments on the profiles of a transition table, which this command
 * has updated. Rows that are overdue are played as they were before, which
 * old_rows has in the same order.
 */
static void
evaluate_updated(Workspace *ws, const Bitmapset *wanted, Relation rel, Tuplestorestate *old_rows,
                 Tuplestorestate *rows)
{
	MemoryContext context =
	    AllocSetContextCreate(CurrentMemoryContext, "cdp evaluate", ALLOCSET_DEFAULT_SIZES);
	MemoryContext oldcontext = MemoryContextSwitchTo(context);
	Store *store = store_begin(ws);
	Batch *batch = batch_create(store, context, "column");
	TupleTableSlot *row = MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsMinimalTuple);
	TupleTableSlot *old_row = MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsMinimalTuple);
	TimestampTz now = cdp_now();
	bool more = true;

	store->wrote = true; /* the command's own updates become visible */
	store_refresh(store);
	while (more)
	{
		while (batch->n_profiles < SLICE_PROFILES &&
		       MemoryContextMemAllocated(batch->values, true) <= SLICE_BYTES &&
		       (more = tuplestore_gettupleslot(rows, true, false, row)))
		{
			bool isnull;
			bool found;
			Datum id = slot_getattr(row, ws->columns[TABLE_PROFILES][PROFILE_ID], &isnull);
			TupleTableSlot *slot = store_find(store, TABLE_PROFILES, id);

			CHECK_FOR_INTERRUPTS();
			(void) tuplestore_gettupleslot(old_rows, true, false, old_row);
			if (slot != NULL)
			{
				Profile *profile = batch_profile(batch, DatumGetInt64(id), &found);

				fold_load_profile(batch, profile, slot);
				if (profile->has_next_evaluation && profile->next_evaluation_at <= now)
					keep_old_row(batch, profile, old_row);
			}
		}
		batch->slice = batch->profiles;
		batch->n_slice = batch->n_profiles;
		evaluate_profiles(batch, wanted, true);
		emit_slice(batch);
		batch_reset(batch);
		store_refresh(store);
	}
	ExecDropSingleTupleTableSlot(row);
	ExecDropSingleTupleTableSlot(old_row);
	store_end(store);
	MemoryContextSwitchTo(oldcontext);
	MemoryContextDelete(context);
}

void
evaluate_listed(Workspace *ws, const int64 *ids, int n, const char *cause)
{
	MemoryContext context =
	    AllocSetContextCreate(CurrentMemoryContext, "cdp evaluate", ALLOCSET_DEFAULT_SIZES);
	MemoryContext oldcontext = MemoryContextSwitchTo(context);
	Store *store = store_begin(ws);
	Batch *batch = batch_create(store, context, cause);
	Bitmapset *wanted = ws->n_segments == 0 ? NULL : bms_add_range(NULL, 0, ws->n_segments - 1);

	for (int i = 0; i < n;)
	{
		while (i < n && batch->n_profiles < SLICE_PROFILES &&
		       MemoryContextMemAllocated(batch->values, true) <= SLICE_BYTES)
		{
			bool found;
			TupleTableSlot *slot = store_find(store, TABLE_PROFILES, Int64GetDatum(ids[i]));

			CHECK_FOR_INTERRUPTS();
			if (slot != NULL)
				fold_load_profile(batch, batch_profile(batch, ids[i], &found), slot);
			i++;
		}
		batch->slice = batch->profiles;
		batch->n_slice = batch->n_profiles;
		evaluate_profiles(batch, wanted, true);
		emit_slice(batch);
		batch_reset(batch);
		store_refresh(store);
	}
	store_end(store);
	MemoryContextSwitchTo(oldcontext);
	MemoryContextDelete(context);
}

PG_FUNCTION_INFO_V1(cdp_evaluate_columns);

/*
 * cdp.evaluate_columns(): AFTER UPDATE statement trigger on profiles, with an
 * old and a new table. The users have written columns of their own, which segments may
 * read.
 */
Datum
cdp_evaluate_columns(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Workspace *ws =
	    triggered_workspace(fcinfo, "cdp.evaluate_columns", TABLE_PROFILES, TABLE_PROFILES);
	Bitmapset *wanted;
	WorkspaceUser user;

	if (store_engine_is_writing() || trigger->tg_newtable == NULL || trigger->tg_oldtable == NULL)
		return PointerGetDatum(NULL);
	wanted = segments_of_own_columns(ws);
	if (!bms_is_empty(wanted))
	{
		workspace_become_owner(ws, &user);
		evaluate_updated(ws, wanted, trigger->tg_relation, trigger->tg_oldtable,
		                 trigger->tg_newtable);
		workspace_restore_user(&user);
	}
	return PointerGetDatum(NULL);
}

static void
find_later_rows(Workspace *ws, void *context)
{
	bool *found = (bool *) context;
	char *query = psprintf("SELECT FROM %s.profiles p WHERE p.evaluated_at > cdp.now() LIMIT 1",
	                       quote_identifier(ws->name));

	if (SPI_execute(query, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not execute \"%s\"", query);
	*found = SPI_processed > 0;
}

/*
 * Where the clock was moved back, windows see days again that were left out of
 * the states: they are filled from the events again.
 */
static void
restore_windows(Workspace *ws)
{
	Bitmapset *windowed = NULL;
	bool moved_back = false;

	for (int i = 0; i < ws->n_computed; i++)
		if (ws->computed[i].window_days > 0 && ws->computed[i].broken == NULL)
			windowed = bms_add_member(windowed, i);
	if (windowed == NULL)
		return;
	while_writing(ws, find_later_rows, &moved_back);
	if (moved_back)
		fill_computed(ws, windowed);
}

PG_FUNCTION_INFO_V1(cdp_reevaluate);

/* cdp.reevaluate(workspace): evaluates every segment on every profile. */
Datum
cdp_reevaluate(PG_FUNCTION_ARGS)
{
	Workspace *ws = workspace_by_name(NameStr(*PG_GETARG_NAME(0)));
	WorkspaceUser user;

	workspace_require_owner(ws);
	workspace_become_owner(ws, &user);
	lock_workspace(ws, "reevaluating segments");
	ws = workspace_of_events(ws->events);
	restore_windows(ws);
	evaluate_workspace(ws, ws->all_segments, "reevaluate", false, true);
	workspace_restore_user(&user);
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(cdp_refuse_write);

/*
 * cdp.refuse_write(): BEFORE trigger on what only the engine writes. Events
 * are immutable; everything else is derived from them.
 */
Datum
cdp_refuse_write(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	const char *table;
	const char *what;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
		                errmsg("cdp.refuse_write must be called as a trigger")));
	if (store_engine_is_writing())
		return PointerGetDatum(TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple
		                                                                  : trigger->tg_trigtuple);
	table = RelationGetRelationName(trigger->tg_relation);
	what = TRIGGER_FIRED_BY_INSERT(trigger->tg_event)   ? "INSERT"
	       : TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? "UPDATE"
	       : TRIGGER_FIRED_BY_DELETE(trigger->tg_event) ? "DELETE"
	                                                    : "TRUNCATE";
	if (strcmp(table, "events") == 0)
		ereport(ERROR,
		        (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		         errmsg("%s of events is not allowed: events are immutable", what),
		         errhint("Insert a correcting event instead, for example a refund or a later value "
		                 "of a trait.")));
	/*
	 * TRUNCATE of definitions would lock them before profiles; a writer reads
	 * them while it holds profiles.
	 */
	if (strcmp(table, "settings") == 0 || strcmp(table, "segments") == 0 ||
	    strcmp(table, "computed_traits") == 0 || strcmp(table, "identifier_namespaces") == 0 ||
	    strcmp(table, "blocked_identifiers") == 0)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		                errmsg("%s of \"%s\" is not allowed", what, table),
		                strcmp(table, "settings") == 0
		                    ? errhint("A workspace has one row of settings: UPDATE it.")
		                    : errhint("Use DELETE.")));
	ereport(ERROR,
	        (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
	         errmsg("%s of \"%s\" is not allowed: only cdp writes it", what, table),
	         errdetail("It is derived from the workspace's events."),
	         errhint("Insert events. To restore data into a workspace that exists, use pg_restore "
	                 "--disable-triggers, or restore schema and data together.")));
	return PointerGetDatum(NULL);
}
