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

/* Called by the row trigger on events, before a row is stored. */
extern void statement_stores_event(const TriggerData *trigger);

/*
 * Called by the statement's AFTER trigger. What that does before it calls this is part of the
 * statement; what comes later may be a statement of the other kind.
 */
extern void statement_ends(const TriggerData *trigger);

/*
 * For a trigger on events. Errors if another statement of the workspace has stored events of
 * which its profiles do not know yet. what names the operation that would read them, for the
 * message.
 */
extern void statement_require_no_other_insert(const TriggerData *trigger, const char *what);

/*
 * A run of the engine writes rows of the workspace; an operation of several steps, such as a
 * rebuild, has runs and set-based SQL. Until these end, owners' code that the rows call must
 * leave the workspace as it is. A run errors if another one is under way.
 */
extern void run_begins(const Workspace *ws);
extern void run_ends(const Workspace *ws);
extern void operation_begins(const Workspace *ws);
extern void operation_ends(const Workspace *ws);

/*
 * Whether the trigger that calls this was fired by a step of an operation itself, not by code
 * that one of its rows has called.
 */
extern bool operation_is_writing(Oid schema);

/* Errors if a run or an operation is under way in the workspace. */
extern void statement_require_no_run(const Workspace *ws);

/* The same, and if a statement has stored events, as above. */
extern void statement_require_idle(const Workspace *ws, const char *what);

#endif /* CDP_WORKSPACE_STATEMENT_H */
