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
 * set-returning or volatile function, reads the clock, or names a column that
 * is not there.
 */
extern void predicate_check(Workspace *ws, const char *name, const char *predicate);

#endif /* CDP_PREDICATE_H */
