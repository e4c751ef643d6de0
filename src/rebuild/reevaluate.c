/*
 * reevaluate.c
 *	  cdp.reevaluate: evaluates every segment on every profile, also after the clock was set
 *	  back.
 */
#include "rebuild/rebuild.h"

#include "computed/computed.h"
#include "segments/segments.h"
#include "store/lock.h"
#include "workspace/lock.h"
#include "executor/spi.h"
#include "utils/builtins.h"

/* Finds whether a profile was evaluated at an instant after now: the clock was set back. */
static void
find_later_rows(Workspace *ws, void *context)
{
	bool *found = (bool *) context;
	char *query = psprintf("SELECT FROM %s.profiles p WHERE p.evaluated_at "
	                       "OPERATOR(pg_catalog.>) cdp.now() LIMIT 1",
	                       quote_identifier(ws->name));

	if (SPI_execute(query, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not execute \"%s\"", query);
	*found = SPI_processed > 0;
}

/*
 * If the clock was set back, windows see days again that the states have left out. So the
 * traits are filled from the events again.
 */
static void
restore_windows(Workspace *ws)
{
	bool moved_back = false;

	if (!computed_has_windows(ws))
		return;
	store_while_writing(ws, find_later_rows, &moved_back);
	if (moved_back)
		computed_fill_windows(ws);
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
	workspace_lock(ws, "reevaluating segments");
	ws = workspace_of_events(ws->events);
	restore_windows(ws);
	segments_sweep(ws, segments_of(ws)->all_segments, CAUSE_REEVALUATE, SWEEP_MAY_GO_BACK);
	workspace_restore_user(&user);
	PG_RETURN_VOID();
}
