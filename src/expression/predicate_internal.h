/*
 * predicate_internal.h
 *	  A predicate on its way from text to what is evaluated, for the files that
 *	  take predicates apart.
 */
#ifndef CDP_PREDICATE_INTERNAL_H
#define CDP_PREDICATE_INTERNAL_H

#include "expression/clock_tree.h"
#include "expression/predicate.h"
#include "expression/reads.h"

struct ParseState;
struct PredicateWalk;

/* What an expression is of: a table's rows, and how messages speak of it. */
typedef struct PredicateSort
{
	WorkspaceTable table;
	const char *table_name;
	const char *what;          /* "a segment's predicate" */
	const char *context;       /* with a place for the definition's name */
	const char *form_hint;     /* what such a text looks like */
	const char *scope;         /* why it sees one row only */
	const char *subquery_hint; /* what to do instead */
	/* gives it the type that it must have; null: boolean */
	Node *(*coerce)(struct PredicateWalk *walk, struct ParseState *pstate, Node *expression);
} PredicateSort;

extern const PredicateSort segment_predicate;

/* What the walk over an expression needs and finds. */
typedef struct PredicateWalk
{
	Workspace *ws;
	const PredicateSort *sort;
	Relation rel;
	List *literals;       /* string constants (A_Const) of the predicate's text */
	Oid extension_schema; /* cdp */
	Oid absolute_text;    /* function cdp.absolute_time_text */
	Oid clock;            /* function cdp.now */
	Bitmapset *columns;
	bool uses_time_zone;
	bool reads_clock;
	bool clock_as_column; /* in texts: the column evaluated_at stands for the clock */
	Reads reads;
	Oid refused; /* set by the function checker */
} PredicateWalk;

/* Position and text of the predicate for errors raised while it is compiled. */
typedef struct PredicateContext
{
	const PredicateSort *sort;
	const char *name;
	const char *text;
} PredicateContext;

/* Settings and error context with which a definition is read. */
typedef struct PredicateDefinition
{
	PredicateContext context;
	ErrorContextCallback callback;
	int nest_level;
} PredicateDefinition;

extern void predicate_begin_definition(PredicateDefinition *definition, Workspace *ws,
                                       const PredicateSort *sort, const char *name,
                                       const char *text);
extern void predicate_end_definition(PredicateDefinition *definition);

/* Analyses a predicate: walk is filled with what it reads. Errors as predicate_check says. */
extern Expr *predicate_analyse(PredicateWalk *walk, const char *text);

/* Text of an analysed expression, as SQL over a row of profiles; walk is a PredicateWalk. */
extern char *predicate_text(Node *expression, void *walk);

#endif /* CDP_PREDICATE_INTERNAL_H */
