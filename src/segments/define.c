/*
 * define.c
 *	  Definitions of segments are rows. The trigger on segments checks them, and they take
 *	  effect in the transaction that makes them.
 *
 * A change of a definition locks profiles against writers, so that it misses no writer:
 * what they wrote before is seen, and those that come after see the definition. A snapshot
 * older than the lock could miss writes, so REPEATABLE READ and above are refused.
 */
#include "segments/segments_internal.h"

#include "commands/trigger.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "workspace/definitions.h"
#include "workspace/lock.h"
#include "workspace/rights.h"

/* Whether a row of segments is switched on. */
static bool
is_enabled(const ChangedRow *row)
{
	return strcmp(row->texts[SEGMENT_ENABLED], "t") == 0;
}

/*
 * Checks a new or changed segment. The text of one that is switched off is not looked at: it
 * must be possible to switch off one that does not compile.
 */
static void
check_segment(Workspace *ws, const ChangedRow *row)
{
	const char *name = row->texts[SEGMENT_NAME];
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
	if (is_enabled(row))
		(void) expression_check(ws, &segment_predicate, name, row->texts[SEGMENT_PREDICATE]);
}

/* Adds the segments that the rows name to wanted; check: checks the rows as definitions. */
static Bitmapset *
named_segments(Workspace *ws, List *rows, bool check, Bitmapset *wanted)
{
	ListCell *lc;

	foreach (lc, rows)
	{
		const ChangedRow *row = lfirst(lc);
		int index = defined_names_find(&ws->segment_names, row->texts[SEGMENT_NAME]);

		CHECK_FOR_INTERRUPTS();
		if (check)
			check_segment(ws, row);
		if (index >= 0)
			wanted = bms_add_member(wanted, segments_of(ws)->segments[index].rank);
	}
	return wanted;
}

int
segments_detail(const Workspace *ws, const Segment *segment, Oid user)
{
	if (!workspace_may(ws, user, ACL_SELECT, segments_table.name, "predicate"))
		return errdetail("It is segment \"%s\".", segment->name);
	return errdetail("The predicate of segment \"%s\" is \"%s\".", segment->name,
	                 segment->predicate);
}

/*
 * Errors if segments refer to each other in a circle. Errors if a segment that others refer
 * to has been deleted or renamed.
 */
static void
check_references(Workspace *ws, List *old, Oid user)
{
	const Segments *segments = segments_of(ws);
	char *circle = order_circle(segments);

	if (circle != NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
		                errmsg("segments refer to each other in a circle"),
		                errdetail("The circle is %s.", circle),
		                errhint("Write out what one of them says of the profile itself.")));
	for (int i = 0; i < segments->n_segments; i++)
	{
		const Segment *segment = &segments->segments[i];
		const char *missing = segment->expression.missing;

		if (missing != NULL && changed_rows_find(old, missing) != NULL)
			ereport(
			    ERROR,
			    (errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
			     errmsg("segment \"%s\" cannot be deleted or renamed: others refer to it", missing),
			     segments_detail(ws, segment, user),
			     errhint("Change that segment first, or in the same statement.")));
	}
}

/* Appends one row to the history of definitions; predicate null: the segment was deleted. */
static void
record_definition(Store *store, const char *name, const char *predicate, bool enabled,
                  TimestampTz now, Oid user)
{
	Datum values[N_DEFINITION_COLUMNS] = {0};
	bool isnull[N_DEFINITION_COLUMNS] = {false};

	values[DEFINITION_SEGMENT] = CStringGetTextDatum(name);
	isnull[DEFINITION_PREDICATE] = isnull[DEFINITION_ENABLED] = predicate == NULL;
	if (predicate != NULL)
		values[DEFINITION_PREDICATE] = CStringGetTextDatum(predicate);
	values[DEFINITION_ENABLED] = BoolGetDatum(enabled);
	values[DEFINITION_AT] = TimestampTzGetDatum(now);
	values[DEFINITION_BY] = CStringGetTextDatum(GetUserNameFromId(user, false));
	store_insert(store, &segment_definitions_table,
	             store_new_row(store, &segment_definitions_table, values, isnull));
}

/* Appends to the history of definitions what a statement has changed. */
static void
record_definitions(Workspace *ws, List *old, List *new, Oid user)
{
	Store *store = store_begin(ws);
	TimestampTz now = cdp_now();
	ListCell *lc;

	foreach (lc, old)
	{
		const char *name = ((ChangedRow *) lfirst(lc))->texts[SEGMENT_NAME];

		if (changed_rows_find(new, name) == NULL)
			record_definition(store, name, NULL, false, now, user);
	}
	foreach (lc, new)
	{
		const ChangedRow *row = lfirst(lc);

		if (!changed_rows_have(old, row))
			record_definition(store, row->texts[SEGMENT_NAME], row->texts[SEGMENT_PREDICATE],
			                  is_enabled(row), now, user);
	}
	store_refresh(store);
	store_end(store);
}

void
segments_rewritten(Workspace *ws, List *names, Oid user)
{
	Store *store = store_begin(ws);
	TimestampTz now = cdp_now();
	ListCell *lc;

	foreach (lc, names)
	{
		int index = defined_names_find(&ws->segment_names, lfirst(lc));
		const Segment *segment = index < 0 ? NULL : &segments_of(ws)->segments[index];

		if (segment != NULL)
			record_definition(store, lfirst(lc), segment->predicate, segment->enabled, now, user);
	}
	store_refresh(store);
	store_end(store);
}

void
segments_derive_again(Workspace *ws, List *names)
{
	Bitmapset *wanted = NULL;
	ListCell *lc;

	foreach (lc, names)
	{
		int index = defined_names_find(&ws->segment_names, lfirst(lc));

		if (index >= 0)
			wanted = bms_add_member(wanted, segments_of(ws)->segments[index].rank);
	}
	if (!bms_is_empty(wanted))
		segments_sweep(ws, wanted, CAUSE_DEFINITION, SWEEP_REDEFINED);
}

/* Segments that are to be evaluated on every profile. */
typedef struct Redefinition
{
	Workspace *ws;
	const Bitmapset *wanted;
	int flags;
} Redefinition;

static void
sweep_redefined(void *context)
{
	Redefinition *redefinition = (Redefinition *) context;

	segments_sweep(redefinition->ws, redefinition->wanted, CAUSE_DEFINITION, redefinition->flags);
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
	Workspace *ws = workspace_triggered(fcinfo, "cdp.define_segments", &segments_table);
	WorkspaceUser user;
	List *old;
	List *new;
	Bitmapset *wanted;
	Redefinition redefinition;

	workspace_become_owner(ws, &user);
	workspace_lock(ws, "changing segments");
	ws = workspace_read_again(ws);
	old = changed_rows_read(ws, &segments_table, trigger->tg_relation, trigger->tg_oldtable);
	new = changed_rows_read(ws, &segments_table, trigger->tg_relation, trigger->tg_newtable);
	check_references(ws, old, user.user);
	wanted = named_segments(ws, new, true, NULL);
	wanted = named_segments(ws, old, false, wanted);
	record_definitions(ws, old, new, user.user);
	redefinition = (Redefinition){ws, wanted, SWEEP_REDEFINED | (old == NIL ? SWEEP_ADDED : 0)};
	workspace_hide_values(ws, user.user, sweep_redefined, &redefinition);
	workspace_restore_user(&user);
	return PointerGetDatum(NULL);
}
