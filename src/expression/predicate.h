/*
 * predicate.h
 *	  Segment predicates: SQL boolean expressions over a row of profiles.
 */
#ifndef CDP_PREDICATE_H
#define CDP_PREDICATE_H

#include "workspace/workspace.h"

/*
 * Compiles a segment's predicate into segment->state. A definition that does
 * not compile any more (a column was dropped) leaves state null and the
 * reason in segment->broken: it must not keep events out.
 */
extern void predicate_compile(Workspace *ws, Segment *segment);

/*
 * Checks a predicate as a definition. Errors say what is wrong with it: it
 * does not parse, is not boolean, has a subquery, an aggregate, a
 * set-returning or volatile function, reads the clock in a way that tells no
 * instant of change, or names a column or segment that is not there.
 *
 * The result is the predicate as SQL in which the column evaluated_at stands
 * for the clock; null: it does not read the clock, and the text as it is will
 * do.
 */
extern char *predicate_check(Workspace *ws, const char *name, const char *predicate);

/* Whether a text names a time relative to the clock: now, today, tomorrow, yesterday. */
extern bool names_relative_time(const char *text, size_t len);

/*
 * Predicates mean the same in every session: what their parsing and their
 * functions take from settings is pinned, the time zone to the workspace's.
 * predicate_needs_pinning: whether the session's settings differ from that in
 * a way that matters to evaluation. predicate_pin_settings sets them and
 * returns the nest level for AtEOXact_GUC.
 */
extern bool predicate_needs_pinning(Workspace *ws, bool uses_time_zone);
extern int predicate_pin_settings(Workspace *ws, bool parsing);

#endif /* CDP_PREDICATE_H */
