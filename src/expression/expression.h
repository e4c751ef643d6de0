/*
 * expression.h
 *	  SQL expressions of definitions, over one row of profiles or of events: how
 *	  they are checked, compiled, evaluated and shown.
 */
#ifndef CDP_EXPRESSION_H
#define CDP_EXPRESSION_H

#include "types/segment_set.h"
#include "workspace/workspace.h"

struct ClockNode;
struct ParseState;

/* What an expression is of: a table's rows, and how messages speak of it. */
typedef struct ExpressionSort
{
	const WorkspaceTable *table;
	const char *what;          /* "a segment's predicate" */
	const char *context;       /* with a place for the definition's name */
	const char *form_hint;     /* what such a text looks like */
	const char *scope;         /* why it sees one row only */
	const char *subquery_hint; /* what to do instead */
	/* gives it the type that it must have; null: boolean */
	Node *(*coerce)(struct ParseState *pstate, Node *expression);
} ExpressionSort;

/* A key of a value of profiles that an expression reads and not the rest of it: traits->>'plan'. */
typedef struct ExpressionKey
{
	AttrNumber column;
	const char *key;
	int key_len;
} ExpressionKey;

/* An expression, compiled. */
typedef struct Expression
{
	ExprState *state;        /* of one that does not read the clock; else null */
	struct ClockNode *clock; /* of one that does; both null: it does not compile */
	ErrorData *broken;       /* why, then */
	char *missing;           /* the segment that it refers to and that is not there; null: none */
	char *missing_computed;  /* the same of a computed trait */
	Bitmapset *columns;      /* attribute numbers that it reads */
	ExpressionKey *keys;     /* and keys */
	int n_keys;
	char **prefixes; /* of names of segments: it refers to all that have such a one */
	int n_prefixes;
	Bitmapset *segments; /* that it refers to, by their place in ws->segment_names */
	bool uses_time_zone; /* evaluate with the workspace's time zone set */
} Expression;

/*
 * Compiles a definition's text over a row of profiles. One that does not compile
 * any more (a column was dropped) has the reason in broken: it must not keep
 * events out.
 */
extern void expression_compile(Workspace *ws, const ExpressionSort *sort, const char *name,
                               const char *text, Expression *expression);

/*
 * Checks such a text as a definition. Errors say what is wrong with it: it does
 * not parse, is not boolean, has a subquery, an aggregate, a set-returning or
 * volatile function, reads the clock in a way that tells no instant of change, or
 * names a column, segment or computed trait that is not there.
 *
 * The result is the text as SQL in which the column evaluated_at stands for the
 * clock; null: it does not read the clock, and the text as it is will do.
 */
extern char *expression_check(Workspace *ws, const ExpressionSort *sort, const char *name,
                              const char *text);

/*
 * Compiles a text over a row of events, in an executor state: *type is its type.
 * The same errors; it cannot read the clock.
 */
extern ExprState *expression_of_event(Workspace *ws, const ExpressionSort *sort, const char *name,
                                      const char *text, EState *estate, Oid *type,
                                      bool *uses_time_zone);

/*
 * A row of the result for each part of a text that is worth one, with its value
 * on a row of profiles now: see cdp.segment_tree. segments: what the profile is in.
 */
extern void expression_explain(Workspace *ws, const ExpressionSort *sort, TupleTableSlot *row,
                               const SegmentSet *segments, const char *text, ReturnSetInfo *result);

/* One evaluation of an expression that reads the clock: on the row in econtext, at an instant. */
typedef struct ClockContext
{
	ExprContext *econtext;
	struct pg_tz *zone;
	TimestampTz at;
	TimestampTz until; /* the first instant after it at which anything evaluated may differ */
} ClockContext;

/* Flips are looked for up to the year 10000. */
#define CLOCK_END INT64CONST(252455616000000000)

/* Value of expression->clock; lowers context->until. */
extern Datum clock_evaluate(struct ClockNode *clock, ClockContext *context, bool *isnull);

/*
 * Number of the parameter that says whether a profile is in the segment with
 * that place in ws->segment_names; the parameters of ws->econtext.
 */
#define SEGMENT_PARAM(place) ((place) + 2)
extern void expression_set_member(ExprContext *econtext, int place, bool member);

/*
 * An expression means the same in every session: the settings that its functions
 * read are pinned, the time zone to the workspace's. Returns the level that
 * expression_unpin ends; 0: the session's settings will do.
 */
extern int expression_pin(Workspace *ws, bool uses_time_zone);
extern void expression_unpin(int nest_level);

/* The place of a name among defined ones; -1: it is not there. */
extern int defined_names_find(const DefinedNames *names, const char *name);

#endif /* CDP_EXPRESSION_H */
