/*
 * define.c
 *	  Definitions of computed traits: the trigger on computed_traits.
 */
#include "computed/computed_internal.h"

#include "commands/trigger.h"
#include "miscadmin.h"
#include "segments/segments.h"
#include "utils/builtins.h"
#include "workspace/definitions.h"
#include "workspace/lock.h"
#include "workspace/rights.h"

/* Errors if a trait that segments read has been deleted or renamed. */
static void
check_readers(Workspace *ws, List *old, Oid user)
{
	const Segments *segments = segments_of(ws);

	for (int i = 0; i < segments->n_segments; i++)
	{
		const Segment *segment = &segments->segments[i];
		const char *missing = segment->expression.missing_computed;

		if (missing != NULL && changed_rows_find(old, missing) != NULL)
			ereport(ERROR,
			        (errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
			         errmsg("computed trait \"%s\" cannot be deleted or renamed: segments read it",
			                missing),
			         segments_detail(ws, segment, user), errhint("Change that segment first.")));
	}
}

/* The segments that read a trait, added to readers. */
static Bitmapset *
add_readers(const Workspace *ws, const char *name, Bitmapset *readers)
{
	return bms_add_members(readers,
	                       segments_reading(ws, value_column(ws, &computed_profile_value), name));
}

void
computed_derive_again(Workspace *ws, List *names)
{
	Bitmapset *wanted = NULL;
	Bitmapset *segments = NULL;
	ListCell *lc;

	foreach (lc, names)
	{
		int index = defined_names_find(&ws->computed_names, lfirst(lc));

		if (index < 0)
			continue;
		wanted = bms_add_member(wanted, index);
		segments = add_readers(ws, lfirst(lc), segments);
	}
	if (!bms_is_empty(wanted))
		backfill(ws, NIL, wanted);
	if (!bms_is_empty(segments))
		segments_sweep(ws, segments, CAUSE_DEFINITION, SWEEP_REDEFINED);
}

/* What a change of definitions does to profiles. */
typedef struct Redefinition
{
	Workspace *ws;
	List *removed;             /* names of traits that are gone or others */
	const Bitmapset *wanted;   /* traits to fill */
	const Bitmapset *segments; /* that read them */
} Redefinition;

static void
fill_redefined(void *context)
{
	Redefinition *redefinition = (Redefinition *) context;

	if (redefinition->removed != NIL || !bms_is_empty(redefinition->wanted))
		backfill(redefinition->ws, redefinition->removed, redefinition->wanted);
	if (!bms_is_empty(redefinition->segments))
		segments_sweep(redefinition->ws, redefinition->segments, CAUSE_DEFINITION, SWEEP_REDEFINED);
}

PG_FUNCTION_INFO_V1(cdp_define_computed_traits);

/*
 * cdp.define_computed_traits(): AFTER statement trigger on computed_traits.
 * Checks the new definitions, fills the traits from the events, and evaluates
 * the segments that read them.
 */
Datum
cdp_define_computed_traits(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Workspace *ws =
	    workspace_triggered(fcinfo, "cdp.define_computed_traits", &computed_traits_table);
	WorkspaceUser user;
	List *old;
	List *new;
	ListCell *lc;
	List *removed = NIL;
	Bitmapset *wanted = NULL;
	Bitmapset *segments = NULL;
	Redefinition redefinition;

	workspace_become_owner(ws, &user);
	workspace_lock(ws, "changing computed traits");
	ws = workspace_read_again(ws);
	old = changed_rows_read(ws, &computed_traits_table, trigger->tg_relation, trigger->tg_oldtable);
	new = changed_rows_read(ws, &computed_traits_table, trigger->tg_relation, trigger->tg_newtable);
	check_readers(ws, old, user.user);
	foreach (lc, old)
		if (!changed_rows_have(new, lfirst(lc)))
			removed = lappend(removed, ((ChangedRow *) lfirst(lc))->texts[0]);
	foreach (lc, new)
	{
		const ChangedRow *row = lfirst(lc);
		int index = defined_names_find(&ws->computed_names, row->texts[0]);

		CHECK_FOR_INTERRUPTS();
		if (index < 0 || changed_rows_have(old, row))
			continue;
		compile_check(ws, &computed_of(ws)->definitions[index]);
		wanted = bms_add_member(wanted, index);
		segments = add_readers(ws, row->texts[0], segments);
	}
	redefinition = (Redefinition){ws, removed, wanted, segments};
	workspace_hide_values(ws, user.user, fill_redefined, &redefinition);
	workspace_restore_user(&user);
	return PointerGetDatum(NULL);
}
