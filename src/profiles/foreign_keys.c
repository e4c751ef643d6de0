/*
 * foreign_keys.c
 *	  The event trigger that warns of foreign keys to profiles. Most commands make none, and one
 *	  look at the table's constraints tells; for the others it calls cdp.warn_foreign_keys.
 */
#include "base/base.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_constraint.h"
#include "commands/event_trigger.h"
#include "fmgr.h"
#include "nodes/parsenodes.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "workspace/tables.h"

/* Whether a table has a foreign key to a table of the name of profiles. */
static bool
has_foreign_key(Oid relid)
{
	Relation rel = table_open(ConstraintRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	bool found = false;

	ScanKeyInit(&key, Anum_pg_constraint_conrelid, BTEqualStrategyNumber, F_OIDEQ,
	            ObjectIdGetDatum(relid));
	scan = systable_beginscan(rel, ConstraintRelidTypidNameIndexId, true, NULL, 1, &key);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_constraint form = (Form_pg_constraint) GETSTRUCT(tuple);
		char *name = form->contype == CONSTRAINT_FOREIGN ? get_rel_name(form->confrelid) : NULL;

		found = name != NULL && strcmp(name, profiles_table.name) == 0;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

/* Whether a table that a command has made or altered has such a key. */
static bool
concerns_foreign_key(Node *parsetree)
{
	const RangeVar *name = NULL;
	Oid relid;
	ListCell *lc;

	switch (nodeTag(parsetree))
	{
		case T_CreateStmt:
			name = ((CreateStmt *) parsetree)->relation;
			break;
		case T_AlterTableStmt:
			name = ((AlterTableStmt *) parsetree)->relation;
			break;
		case T_CreateSchemaStmt:
			foreach (lc, ((CreateSchemaStmt *) parsetree)->schemaElts)
				if (concerns_foreign_key(lfirst(lc)))
					return true;
			return false;
		default:
			return false;
	}
	relid = RangeVarGetRelid(name, NoLock, true);
	return OidIsValid(relid) && has_foreign_key(relid);
}

PG_FUNCTION_INFO_V1(cdp_notice_foreign_keys);

/* cdp.notice_foreign_keys(): event trigger, at ddl_command_end. */
Datum
cdp_notice_foreign_keys(PG_FUNCTION_ARGS)
{
	EventTriggerData *trigger = (EventTriggerData *) fcinfo->context;
	Oid warn;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo) || strcmp(trigger->event, "ddl_command_end") != 0)
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
		                errmsg("cdp.notice_foreign_keys must be fired at ddl_command_end")));
	warn = concerns_foreign_key(trigger->parsetree) ? cdp_function_of("warn_foreign_keys")
	                                                : InvalidOid;
	if (OidIsValid(warn))
		(void) OidFunctionCall0(warn);
	PG_RETURN_NULL();
}
