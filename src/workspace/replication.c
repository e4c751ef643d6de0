/*
 * replication.c
 *	  Definitions that come by logical replication.
 */
#include "workspace/replication.h"

#include "utils/inval.h"
#include "workspace/workspace.h"

PG_FUNCTION_INFO_V1(cdp_replicated_definition);

/*
 * cdp.replicated_definition(): AFTER row trigger on definitions and settings, enabled for
 * replicated rows alone. The statement triggers, which tell other sessions that definitions
 * have changed, do not fire for those. This one tells them, and derives nothing.
 */
Datum
cdp_replicated_definition(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
		                errmsg("cdp.replicated_definition must be called as a trigger")));
	CacheInvalidateRelcache(((TriggerData *) fcinfo->context)->tg_relation);
	return PointerGetDatum(NULL);
}

PG_FUNCTION_INFO_V1(cdp_refresh_definitions);

/* cdp.refresh_definitions(workspace name) -> void: all sessions read its definitions again. */
Datum
cdp_refresh_definitions(PG_FUNCTION_ARGS)
{
	Workspace *ws = workspace_by_name(NameStr(*PG_GETARG_NAME(0)));

	workspace_require_owner(ws);
	workspace_invalidate(ws);
	PG_RETURN_VOID();
}
