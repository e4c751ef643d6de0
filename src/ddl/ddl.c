/*
 * ddl.c
 *	  The event triggers. One reads the workspaces that a command may concern before the command
 *	  is executed, the other compares them with what they are after it.
 *
 * What is read before is kept by the command's parse tree: both triggers get the same one. A
 * command that fails has no second trigger. So the list may have entries of commands that a
 * subtransaction has undone; the next command whose parse tree has their address removes them.
 */
#include "ddl_internal.h"

#include "commands/event_trigger.h"
#include "commands/extension.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/* A command that is being executed. */
typedef struct Watch
{
	MemoryContext context; /* owns what follows */
	Node *parsetree;
	Command command;
	List *pictures; /* of the workspaces, before the command */
	List *dropped;  /* see own_dropped */
} Watch;

/* In TopTransactionContext. */
static List *watches = NIL;

static void
forget_watches(void *arg)
{
	watches = NIL;
}

/* Removes the watch of a command from the list, and returns it; null: there is none. */
static Watch *
take_watch(Node *parsetree)
{
	ListCell *lc;

	foreach (lc, watches)
	{
		Watch *watch = lfirst(lc);

		if (watch->parsetree == parsetree)
		{
			watches = foreach_delete_current (watches, lc);
			return watch;
		}
	}
	return NULL;
}

static void
add_watch(Watch *watch)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(TopTransactionContext);

	if (watches == NIL)
	{
		MemoryContextCallback *callback = palloc0(sizeof(MemoryContextCallback));

		callback->func = forget_watches;
		MemoryContextRegisterResetCallback(TopTransactionContext, callback);
	}
	watches = lappend(watches, watch);
	MemoryContextSwitchTo(oldcontext);
}

static void
before_command(Node *parsetree)
{
	Command command = {0};
	List *dropped = own_dropped(parsetree);
	bool concerns = command_read(parsetree, &command);
	Watch *watch = take_watch(parsetree);
	MemoryContext context;
	MemoryContext oldcontext;
	ListCell *lc;

	if (watch != NULL)
		MemoryContextDelete(watch->context);
	if (!concerns && dropped == NIL)
		return;
	context = AllocSetContextCreate(TopTransactionContext, "cdp ddl", ALLOCSET_DEFAULT_SIZES);
	oldcontext = MemoryContextSwitchTo(context);
	watch = palloc0(sizeof(Watch));
	watch->context = context;
	watch->parsetree = parsetree;
	watch->command = command;
	watch->command.workspaces = NIL; /* they have had their use */
	watch->command.retyped = list_copy(command.retyped);
	watch->dropped = dropped;
	foreach (lc, command.workspaces)
	{
		Workspace *ws = try_workspace(lfirst_oid(lc));
		WorkspaceUser user;

		if (ws == NULL)
			continue;
		workspace_become_owner(ws, &user);
		watch->pictures = lappend(watch->pictures, picture_take(ws));
		workspace_restore_user(&user);
	}
	MemoryContextSwitchTo(oldcontext);
	add_watch(watch);
}

static void
after_command(Node *parsetree)
{
	Watch *watch = take_watch(parsetree);
	ListCell *lc;

	if (watch == NULL)
		return;
	foreach (lc, watch->pictures)
		judge(lfirst(lc), &watch->command);
	own_warn(watch->dropped);
	MemoryContextDelete(watch->context);
}

PG_FUNCTION_INFO_V1(cdp_watch_ddl);

/*
 * cdp.watch_ddl(): event trigger, at ddl_command_start and ddl_command_end. It does nothing for
 * the commands of an extension's script: the command that runs the script is watched itself.
 */
Datum
cdp_watch_ddl(PG_FUNCTION_ARGS)
{
	EventTriggerData *trigger = (EventTriggerData *) fcinfo->context;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo) || (strcmp(trigger->event, "ddl_command_start") != 0 &&
	                                         strcmp(trigger->event, "ddl_command_end") != 0))
		ereport(ERROR,
		        (errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
		         errmsg("cdp.watch_ddl must be fired at ddl_command_start or ddl_command_end")));
	if (creating_extension || IsBinaryUpgrade)
		PG_RETURN_NULL();
	if (strcmp(trigger->event, "ddl_command_start") == 0)
		before_command(trigger->parsetree);
	else
		after_command(trigger->parsetree);
	PG_RETURN_NULL();
}
