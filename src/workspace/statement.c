/*
 * statement.c
 *	  What is under way in a workspace.
 *
 * A BEFORE statement trigger notes each statement on events and on definitions. An INSERT
 * into events that has stored a row refuses definitions, and these refuse an INSERT, while
 * both are under way. While the engine writes, none of them may begin.
 */
#include "workspace/statement.h"

#include "access/xact.h"
#include "base/array.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

typedef enum WorkKind
{
	WORK_INSERT,     /* a statement that inserts into events */
	WORK_DEFINITION, /* a statement that changes definitions */
	WORK_RUN,        /* the engine writes */
	WORK_OPERATION   /* the engine is amid steps that belong together */
} WorkKind;

typedef struct Work
{
	WorkKind kind;
	Oid schema; /* of the workspace */
	Oid table;  /* of a statement, with its command */
	TriggerEvent command;
	bool has_rows;                   /* of an insert: it has stored an event */
	int trigger_depth;               /* of an operation: how many triggers were at work around it */
	SubTransactionId subtransaction; /* it ends in the one in which it began, or never */
} Work;

/* The innermost work comes last. In TopTransactionContext; null: none in this transaction. */
static Work *works = NULL;
static int n_works = 0;
static int max_works = 0;

static void
forget_works(void *arg)
{
	works = NULL;
	n_works = max_works = 0;
}

/* Drops what ended with an error: its subtransaction is gone. */
static void
drop_failed(void)
{
	while (n_works > 0 && !SubTransactionIsActive(works[n_works - 1].subtransaction))
		n_works--;
}

static void
push_work(WorkKind kind, Oid schema, Oid table, TriggerEvent command, int trigger_depth)
{
	if (works == NULL)
	{
		MemoryContextCallback *callback =
		    MemoryContextAllocZero(TopTransactionContext, sizeof(MemoryContextCallback));

		callback->func = forget_works;
		MemoryContextRegisterResetCallback(TopTransactionContext, callback);
	}
	ARRAY_GROW(TopTransactionContext, works, n_works, max_works);
	works[n_works++] = (Work){.kind = kind,
	                          .schema = schema,
	                          .table = table,
	                          .command = command,
	                          .trigger_depth = trigger_depth,
	                          .subtransaction = GetCurrentSubTransactionId()};
}

/* The innermost work of that kind, table and command; -1: there is none. */
static int
find_work(WorkKind kind, Oid schema, Oid table, TriggerEvent command)
{
	int i;

	drop_failed();
	i = n_works - 1;
	while (i >= 0 && (works[i].kind != kind || works[i].schema != schema ||
	                  works[i].table != table || works[i].command != command))
		i--;
	return i;
}

static void
remove_work(int i)
{
	n_works--;
	memmove(&works[i], &works[i + 1], sizeof(Work) * (n_works - i));
}

static WorkKind
statement_kind(const TriggerData *trigger)
{
	return strcmp(RelationGetRelationName(trigger->tg_relation), events_table.name) == 0
	           ? WORK_INSERT
	           : WORK_DEFINITION;
}

static int
find_statement(const TriggerData *trigger)
{
	return find_work(statement_kind(trigger), RelationGetNamespace(trigger->tg_relation),
	                 RelationGetRelid(trigger->tg_relation),
	                 trigger->tg_event & TRIGGER_EVENT_OPMASK);
}

void
statement_stores_event(const TriggerData *trigger)
{
	int i = find_statement(trigger);

	if (i >= 0)
		works[i].has_rows = true;
}

void
statement_ends(const TriggerData *trigger)
{
	int i = find_statement(trigger);

	if (i >= 0)
		remove_work(i);
}

/* Error: events that are stored, but not yet derived, would be read. */
static void
refuse_beside_insert(Oid schema, const char *what)
{
	ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
	                errmsg("%s is not possible within a statement that inserts into \"%s\"", what,
	                       events_table.name),
	                errdetail("It would read events of workspace \"%s\" that are stored, but not "
	                          "yet derived.",
	                          get_namespace_name(schema)),
	                errhint("Do it in a statement of its own; both may be in one transaction.")));
}

/* Refuses what reads events, if a statement under way, but for the own one, has stored some. */
static void
require_no_insert(Oid schema, int own, const char *what)
{
	for (int i = 0; i < n_works; i++)
		if (works[i].kind == WORK_INSERT && works[i].schema == schema && works[i].has_rows &&
		    i != own)
			refuse_beside_insert(schema, what);
}

void
statement_require_no_other_insert(const TriggerData *trigger, const char *what)
{
	require_no_insert(RelationGetNamespace(trigger->tg_relation), find_statement(trigger), what);
}

/* Errors if the engine is writing rows of the workspace. */
static void
require_no_work(Oid schema, WorkKind kind)
{
	for (int i = 0; i < n_works; i++)
		if (works[i].kind == kind && works[i].schema == schema)
			ereport(ERROR,
			        (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			         errmsg("workspace \"%s\" cannot be changed while cdp writes its rows",
			                get_namespace_name(schema)),
			         errdetail("Code that a row calls does so: a trigger, a default, or a function "
			                   "in them."),
			         errhint("Use an AFTER trigger, which fires when all rows are written. Disable "
			                 "it while you rebuild the workspace or change what is derived.")));
}

void
statement_require_no_run(const Workspace *ws)
{
	drop_failed();
	require_no_work(ws->schema, WORK_RUN);
	require_no_work(ws->schema, WORK_OPERATION);
}

void
statement_require_idle(const Workspace *ws, const char *what)
{
	drop_failed();
	require_no_insert(ws->schema, -1, what);
	statement_require_no_run(ws);
}

static void
end_work(const Workspace *ws, WorkKind kind)
{
	int i = find_work(kind, ws->schema, InvalidOid, 0);

	Assert(i >= 0);
	remove_work(i);
}

void
run_begins(const Workspace *ws)
{
	drop_failed();
	require_no_work(ws->schema, WORK_RUN);
	push_work(WORK_RUN, ws->schema, InvalidOid, 0, 0);
}

void
run_ends(const Workspace *ws)
{
	end_work(ws, WORK_RUN);
}

/* How many triggers are at work, the caller's included. */
static int
trigger_depth(void)
{
	return DatumGetInt32(OidFunctionCall0(F_PG_TRIGGER_DEPTH));
}

bool
operation_is_writing(Oid schema)
{
	int i = find_work(WORK_OPERATION, schema, InvalidOid, 0);

	return i >= 0 && trigger_depth() == works[i].trigger_depth + 1;
}

void
operation_begins(const Workspace *ws)
{
	drop_failed();
	push_work(WORK_OPERATION, ws->schema, InvalidOid, 0, trigger_depth());
}

void
operation_ends(const Workspace *ws)
{
	end_work(ws, WORK_OPERATION);
}

/* Errors if two statements, the second within the first or beside it, are one too many. */
static void
require_compatible(const Work *first, const Work *second)
{
	const char *first_table = get_rel_name(first->table);
	const char *second_table = get_rel_name(second->table);

	if (first->kind == WORK_INSERT)
	{
		if (second->kind == WORK_DEFINITION && first->has_rows)
			refuse_beside_insert(first->schema, psprintf("changing \"%s\"", second_table));
	}
	else if (second->kind == WORK_INSERT)
		refuse_beside_insert(first->schema, psprintf("changing \"%s\"", first_table));
	/* what other definitions derive depends on the settings, above all on the time zone */
	else if (first->table != second->table && (strcmp(first_table, settings_table.name) == 0 ||
	                                           strcmp(second_table, settings_table.name) == 0))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		                errmsg("\"%s\" and \"%s\" cannot be changed in one statement", first_table,
		                       second_table),
		                errdetail("What follows from the one depends on the other."),
		                errhint("Use two statements; both may be in one transaction.")));
}

PG_FUNCTION_INFO_V1(cdp_begin_statement);

/*
 * cdp.begin_statement(): BEFORE statement trigger on events (insert), profiles (update) and
 * tables of definitions. Errors where one statement inserts events and changes definitions,
 * and where code that the engine's rows call would change the workspace.
 */
Datum
cdp_begin_statement(PG_FUNCTION_ARGS)
{
	const TriggerData *trigger = (TriggerData *) fcinfo->context;
	Oid schema;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
	    !TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
		                errmsg("cdp.begin_statement must be fired before each statement")));
	drop_failed();
	schema = RelationGetNamespace(trigger->tg_relation);
	require_no_work(schema, WORK_RUN);
	if (!operation_is_writing(schema))
		require_no_work(schema, WORK_OPERATION);
	if (strcmp(RelationGetRelationName(trigger->tg_relation), profiles_table.name) == 0)
		return PointerGetDatum(NULL);
	push_work(statement_kind(trigger), schema, RelationGetRelid(trigger->tg_relation),
	          trigger->tg_event & TRIGGER_EVENT_OPMASK, 0);
	for (int i = 0; i < n_works - 1; i++)
		if (works[i].schema == schema && OidIsValid(works[i].table))
			require_compatible(&works[i], &works[n_works - 1]);
	return PointerGetDatum(NULL);
}
