/*
 * compile.h
 *	  Computed traits: SQL expressions over a row of events, and how their values
 *	  are put together.
 */
#ifndef CDP_COMPUTED_TRAITS_H
#define CDP_COMPUTED_TRAITS_H

#include "workspace/workspace.h"

/*
 * Sorts and compiles the workspace's computed traits. One that does not compile any more
 * (a column was dropped) has the reason in broken: it must not keep events out.
 */
extern void computed_traits_compile(Workspace *ws);

/*
 * Checks a trait as a definition. Errors: 22023 for an unknown kind, a name or
 * number out of range, a missing expression; those of predicate_check for
 * filter and expression, 42804 for an expression of a type that the kind cannot
 * take.
 */
extern void computed_traits_check(Workspace *ws, const ComputedDefinition *definition);

/* The trait of that name; -1: there is none. */
extern int computed_traits_find(const Workspace *ws, const char *name);

#endif /* CDP_COMPUTED_TRAITS_H */
