/*
 * statement.h
 *	  What is under way in a workspace: statements on events and on definitions that have
 *	  begun and not yet ended, and runs of the engine.
 *
 * The parts of one statement (WITH a AS (INSERT ...), b AS (UPDATE ...)) store all their
 * rows before the first AFTER trigger fires. A definition that is put into force then would
 * already see the statement's events, and count what their own trigger counts again.
 */
#ifndef CDP_WORKSPACE_STATEMENT_H
#define CDP_WORKSPACE_STATEMENT_H

#include "workspace/workspace.h"

#include "commands/trigger.h"

/*
 * Called by the statement's AFTER trigger. What that does before it calls this is part of the
 * statement; what comes later may be a statement of the other kind.
 */
extern void statement_ends(const TriggerData *trigger);

/*
 * Errors if a statement of the workspace has stored events of which its profiles do not know
 * yet. what names the operation that would read them, for the message.
 */
extern void statement_require_no_insert(const Workspace *ws, const char *what);

/* The same for a trigger on events: statements other than its own count. */
extern void statement_require_no_other_insert(const TriggerData *trigger, const char *what);

/*
 * A run of the engine writes rows of the workspace. Until it ends, owners' code that these
 * rows call must leave the workspace as it is. Errors if such a run is under way already.
 */
extern void run_begins(const Workspace *ws);
extern void run_ends(const Workspace *ws);

#endif /* CDP_WORKSPACE_STATEMENT_H */
