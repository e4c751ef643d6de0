/*
 * define_rules.c
 *	  Settings and identity rules have changed: what the old ones derived is derived again.
 */
#include "rebuild/rebuild.h"

#include "workspace/lock.h"
#include "commands/trigger.h"
#include "namespaces/namespaces.h"
#include "workspace/definitions.h"
#include "workspace/rights.h"

/*
 * Whether the companions that were stored under a rule are right under another one: both make
 * the same identifiers companions, and the other's generic_after is not higher.
 */
static bool
has_companions_of(const ChangedRow *other, const ChangedRow *rule)
{
	const char *after = rule->texts[NAMESPACE_GENERIC_AFTER];
	const char *other_after = other->texts[NAMESPACE_GENERIC_AFTER];

	return strcmp(rule->texts[NAMESPACE_PRIORITY], other->texts[NAMESPACE_PRIORITY]) == 0 &&
	       (rule->texts[NAMESPACE_MAX_PER_PROFILE] == NULL) ==
	           (other->texts[NAMESPACE_MAX_PER_PROFILE] == NULL) &&
	       (after == NULL) == (other_after == NULL) &&
	       (after == NULL || atoi(other_after) <= atoi(after));
}

/* Whether the stored companions are right under the rules after a change too. */
static bool
are_companions_kept(List *before, List *after)
{
	ListCell *lc;

	if (list_length(before) != list_length(after))
		return false;
	foreach (lc, before)
	{
		const ChangedRow *rule = lfirst(lc);
		const ChangedRow *other = changed_rows_find(after, rule->texts[NAMESPACE_NAME]);

		if (other == NULL || !has_companions_of(other, rule))
			return false;
	}
	return true;
}

/*
 * Whether a change of settings concerns what is stored. The default currency does not:
 * amounts that came without one have it since they came.
 */
static bool
are_settings_changed(List *before, List *after)
{
	const ChangedRow *was = list_length(before) == 1 ? linitial(before) : NULL;
	const ChangedRow *is = list_length(after) == 1 ? linitial(after) : NULL;

	for (int i = 0; was != NULL && is != NULL && i < N_SETTING_COLUMNS; i++)
	{
		if (i == SETTING_DEFAULT_CURRENCY)
			continue;
		if ((was->texts[i] == NULL) != (is->texts[i] == NULL) ||
		    (was->texts[i] != NULL && strcmp(was->texts[i], is->texts[i]) != 0))
			return true;
	}
	return (was == NULL) != (is == NULL);
}

/* A change of rules. */
typedef struct Redefinition
{
	Workspace *ws;
	const WorkspaceTable *table;
	List *before; /* its rows */
	List *after;
} Redefinition;

static void
derive_again(void *context)
{
	Redefinition *redefinition = (Redefinition *) context;

	if (redefinition->table == &settings_table)
		rebuild_workspace(redefinition->ws, CAUSE_REBUILD);
	else
		rebuild_concerned(redefinition->ws,
		                  redefinition->table == &namespaces_table &&
		                      !are_companions_kept(redefinition->before, redefinition->after));
}

PG_FUNCTION_INFO_V1(cdp_define_rules);

/*
 * cdp.define_rules(): AFTER statement trigger on the tables of settings and identity rules.
 * A change of settings derives everything again; a change of identity rules, what it
 * concerns.
 */
Datum
cdp_define_rules(PG_FUNCTION_ARGS)
{
	static const WorkspaceTable *const tables[] = {&settings_table, &namespaces_table,
	                                               &blocked_table, NULL};
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	const WorkspaceTable *table;
	Workspace *ws = workspace_triggered_by_any(fcinfo, "cdp.define_rules", tables, &table);
	Redefinition redefinition = {.table = table};
	WorkspaceUser user;

	workspace_become_owner(ws, &user);
	workspace_lock(ws, "changing a workspace's rules");
	ws = redefinition.ws = workspace_read_again(ws);
	redefinition.before = changed_rows_read(ws, table, trigger->tg_relation, trigger->tg_oldtable);
	redefinition.after = changed_rows_read(ws, table, trigger->tg_relation, trigger->tg_newtable);
	if (table != &settings_table || trigger->tg_newtable == NULL ||
	    are_settings_changed(redefinition.before, redefinition.after))
		workspace_hide_values(ws, user.user, derive_again, &redefinition);
	workspace_restore_user(&user);
	return PointerGetDatum(NULL);
}
