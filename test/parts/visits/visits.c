/*
 * visits.c
 *	  A part that a test adds: the value visits of profiles counts the events that
 *	  are named in the table visit_kinds.
 */
#include "events/events.h"

#include "commands/trigger.h"
#include "profiles/profiles.h"
#include "rebuild/rebuild.h"
#include "utils/builtins.h"
#include "workspace/definitions.h"
#include "workspace/lock.h"

extern WorkspacePart visits_part;

enum
{
	KIND_EVENT,
	N_KIND_COLUMNS
};

static const EngineColumn kind_columns[N_KIND_COLUMNS] = {
    [KIND_EVENT] = {"event", "text"},
};

static WorkspaceTable kinds_table = {.name = "visit_kinds",
                                     .guard = GUARD_DEFINITION,
                                     .define = "define_visits",
                                     .columns = kind_columns,
                                     .n_columns = N_KIND_COLUMNS};

/* The names of the events that count. */
typedef struct Kinds
{
	char **events;
	int n;
	int max;
} Kinds;

static Kinds *
kinds_of(Workspace *ws)
{
	return workspace_data(ws, &visits_part);
}

static void
read_kind(Workspace *ws, TupleTableSlot *slot)
{
	Kinds *kinds = kinds_of(ws);

	ARRAY_GROW(ws->context, kinds->events, kinds->n, kinds->max);
	kinds->events[kinds->n++] = workspace_text(ws, &kinds_table, slot, KIND_EVENT);
}

static void
read_kinds(Workspace *ws)
{
	ws->data[visits_part.number] = palloc0(sizeof(Kinds));
	workspace_scan(ws, &kinds_table, read_kind);
}

static bool
has_kinds(Workspace *ws)
{
	return kinds_of(ws)->n > 0;
}

/* Stage one: notes an event that counts. */
static void
note_visit(EventRun *run)
{
	Workspace *ws = run->batch->ws;
	const Kinds *kinds = kinds_of(ws);
	bool isnull;
	char *name =
	    TextDatumGetCString(workspace_value(ws, &events_table, run->slot, EVENT_NAME, &isnull));

	for (int i = 0; i < kinds->n; i++)
		if (strcmp(kinds->events[i], name) == 0)
			(void) batch_note(run->batch, run->event, visits_part.value, 0);
	pfree(name);
}

/* A count that grows. */
typedef struct Count
{
	int64 from;
	int64 n;
} Count;

static Datum
empty_count(Workspace *ws)
{
	return Int64GetDatum(0);
}

static void *
begin_count(Batch *batch, Datum value)
{
	Count *count = palloc(sizeof(Count));

	count->from = count->n = DatumGetInt64(value);
	return count;
}

static void
add_to_count(Batch *batch, Profile *profile)
{
	FOREACH_EVENT (event, batch, profile)
		if (batch_find_note(event, visits_part.value) != NULL)
			((Count *) profiles_builder(batch, profile, visits_part.value))->n++;
}

static void
merge_count(void *builder, Datum value)
{
	((Count *) builder)->n += DatumGetInt64(value);
}

static Datum
finish_count(Batch *batch, void *builder, bool *changed)
{
	Count *count = (Count *) builder;

	*changed = count->n != count->from;
	return Int64GetDatum(count->n);
}

static ProfileValue visits_value = {
    .column = {"visits", "int8"},
    .empty = empty_count,
    .begin = begin_count,
    .add = add_to_count,
    .merge = merge_count,
    .finish = finish_count,
};

WorkspacePart visits_part = {
    .name = "visits",
    .tables = (WorkspaceTable *const[]){&kinds_table, NULL},
    .value = &visits_value,
    .read = read_kinds,
    .wants_rows = has_kinds,
    .read_row = note_visit,
};

PG_FUNCTION_INFO_V1(cdp_define_visits);

/* cdp.define_visits(): AFTER statement trigger on visit_kinds. Counts all events again. */
Datum
cdp_define_visits(PG_FUNCTION_ARGS)
{
	Workspace *ws = workspace_triggered(fcinfo, "cdp.define_visits", &kinds_table);
	WorkspaceUser user;

	workspace_become_owner(ws, &user);
	workspace_lock(ws, "changing kinds of visits");
	ws = workspace_read_again(ws);
	rebuild_workspace(ws, CAUSE_REBUILD);
	workspace_restore_user(&user);
	return PointerGetDatum(NULL);
}
