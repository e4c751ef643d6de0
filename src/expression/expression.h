/*
 * expression.h
 *	  SQL expressions of definitions, over one row of profiles or events: how they are
 *	  checked, compiled, evaluated and shown.
 */
#ifndef CDP_EXPRESSION_H
#define CDP_EXPRESSION_H

#include "types/segment_set.h"
#include "workspace/workspace.h"

struct ClockNode;
struct ParseState;

/* A sort of expression: which table's rows it reads, and the words that messages use for it. */
typedef struct ExpressionSort
{
	const WorkspaceTable *table;
	const char *what;          /* "a segment's predicate" */
	const char *context;       /* a format with one %s for the definition's name */
	const char *form_hint;     /* how to write such a text */
	const char *scope;         /* why it sees one row only */
	const char *subquery_hint; /* what to do instead of a subquery */
	/* casts it to the type that it must have; null: it must be boolean */
	Node *(*coerce)(struct ParseState *pstate, Node *expression);
} ExpressionSort;

/* An expression reads one key of a value of profiles and nothing else of it: traits->>'plan'. */
typedef struct ExpressionKey
{
	AttrNumber column;
	const char *key;
	int key_len;
} ExpressionKey;

/* An expression, compiled. */
typedef struct Expression
{
	ExprState *state;        /* if it does not read the clock; else null */
	struct ClockNode *clock; /* if it reads the clock; both null: it does not compile */
	ErrorData *broken;       /* why it does not compile */
	char *missing;           /* a segment that it refers to and that does not exist; null: none */
	char *missing_computed;  /* the same for a computed trait */
	Bitmapset *columns;      /* attribute numbers of the columns that it reads */
	ExpressionKey *keys;     /* the keys that it reads */
	int n_keys;
	char **prefixes; /* it refers to all segments whose names have one of these prefixes */
	int n_prefixes;
	Bitmapset *segments; /* that it refers to, by their place in ws->segment_names */
	bool uses_time_zone; /* evaluate with the workspace's time zone set */
} Expression;

/*
 * Compiles a definition's text over a row of profiles. If it no longer compiles (a
 * column was dropped), broken has the reason: it must not keep events out.
 */
extern void expression_compile(Workspace *ws, const ExpressionSort *sort, const char *name,
                               const char *text, Expression *expression);

/*
 * Checks such a text as a definition. Errors say what is wrong: it does not parse, is
 * not boolean, has a subquery, an aggregate, a set-returning or volatile function, reads
 * the clock so that no instant of change can be found, or names a column, segment or
 * computed trait that does not exist.
 *
 * The result is the text as SQL, with the column evaluated_at in place of the clock.
 * Null: the text does not read the clock, and can be used as it is.
 */
extern char *expression_check(Workspace *ws, const ExpressionSort *sort, const char *name,
                              const char *text);

/*
 * Compiles a text over a row of events, in an executor state. *type is its type;
 * *uses_time_zone is set if it does. The same errors; it cannot read the clock.
 */
extern ExprState *expression_of_event(Workspace *ws, const ExpressionSort *sort, const char *name,
                                      const char *text, EState *estate, Oid *type,
                                      bool *uses_time_zone);

/*
 * Puts a row into the result for each part of a text that explains something: see
 * cdp.segment_tree. It has the part's current value on a row of profiles. segments: the
 * set of segments that the profile is in.
 */
extern void expression_explain(Workspace *ws, const ExpressionSort *sort, TupleTableSlot *row,
                               const SegmentSet *segments, const char *text, ReturnSetInfo *result);

/* One evaluation of an expression that reads the clock, on the row in econtext, at an instant. */
typedef struct ClockContext
{
	ExprContext *econtext;
	struct pg_tz *zone;
	TimestampTz at;
	TimestampTz until; /* the first instant after at when anything evaluated may differ */
} ClockContext;

/* Flips are searched for up to the year 10000. */
#define CLOCK_END INT64CONST(252455616000000000)

/* The value of expression->clock; lowers context->until. */
extern Datum clock_evaluate(struct ClockNode *clock, ClockContext *context, bool *isnull);

/*
 * The number of the parameter that says whether a profile is in the segment with that
 * place in ws->segment_names. expression_set_member sets it, in ws->econtext for one.
 */
#define SEGMENT_PARAM(place) ((place) + 2)
extern void expression_set_member(ExprContext *econtext, int place, bool member);

/*
 * An expression means the same in every session: expression_pin sets the settings that
 * its functions read, the time zone to the workspace's. It returns the level that
 * expression_unpin ends; 0: the session already has these settings.
 */
extern int expression_pin(Workspace *ws, bool uses_time_zone);
extern void expression_unpin(int nest_level);

/* The place of a name among defined names; -1: it is not defined. */
extern int defined_names_find(const DefinedNames *names, const char *name);

#endif /* CDP_EXPRESSION_H */
