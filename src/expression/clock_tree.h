/*
 * clock_tree.h
 *	  Expressions that read the clock, and the instants at which they change.
 *
 * An expression is a tree of nodes of three kinds of value:
 *
 *	  plain    does not read the clock
 *	  step     constant up to an instant that its evaluation reports
 *	  moving   grows or shrinks with the clock, without turning, on pieces that
 *			   end where daylight saving changes and where months end
 *
 * A comparison of a moving value is a step: on one piece it changes at most
 * once. The microsecond is found by evaluating the moving value itself,
 * forward, as PostgreSQL does.
 */
#ifndef CDP_CLOCK_TREE_H
#define CDP_CLOCK_TREE_H

#include "expression/expression.h"

#include "executor/executor.h"
#include "fmgr.h"
#include "nodes/primnodes.h"
#include "pgtime.h"

/* Number of the parameter that stands for the clock in an analysed expression. */
#define CLOCK_PARAM 1

typedef enum ClockKind
{
	CLOCK_PLAIN,    /* plain; state, or a constant */
	CLOCK_INSTANT,  /* moving: the clock itself */
	CLOCK_CALL,     /* moving: a function, one of whose arguments moves */
	CLOCK_EXTREME,  /* moving: LEAST or GREATEST */
	CLOCK_CASE,     /* moving or step: condition, result, ..., default */
	CLOCK_COALESCE, /* moving or step */
	CLOCK_COMPARE,  /* step: comparison of moving values */
	CLOCK_FIELD,    /* step: a function of the calendar unit that a moving value lies in */
	CLOCK_DIGITS,   /* step: a moving value that stays for a minute at least */
	CLOCK_IS_NULL,  /* step: IS [NOT] NULL of a moving value */
	CLOCK_TRAIT,    /* step: a computed trait */
	CLOCK_AND,      /* step */
	CLOCK_OR,       /* step */
	CLOCK_COMPUTE   /* step: an expression over steps, which are its parameters */
} ClockKind;

/* Where the pieces of a function end on which it does not turn. */
typedef enum PieceRule
{
	PIECES_WHOLE,      /* it never turns */
	PIECES_ZONE,       /* from instants to local times: transitions of the zone */
	PIECES_WALL,       /* from local times to instants: gaps and overlaps */
	PIECES_NAMED_ZONE, /* the same with the zone that another argument names */
	PIECES_NAMED_WALL,
	PIECES_INSTANT_PLUS, /* timestamptz and an interval: both, and ends of months */
	PIECES_INSTANT_MINUS,
	PIECES_LOCAL_PLUS, /* timestamp and an interval: ends of months */
	PIECES_LOCAL_MINUS,
	PIECES_AGE /* age(): where a month begins, and where a month is full */
} PieceRule;

/* Calendar units, in local time. */
typedef enum ClockUnit
{
	UNIT_MINUTE,
	UNIT_HOUR,
	UNIT_DAY,
	UNIT_WEEK,
	UNIT_MONTH
} ClockUnit;

typedef struct ClockNode
{
	ClockKind kind;
	bool moving;
	bool digital;  /* moving: keeps each value for a minute at least */
	int direction; /* moving: 1 grows, -1 shrinks, 0 one of them */
	Oid type;      /* of the value */
	int16 type_len;
	bool type_by_value;
	Expr *source; /* what it was made from */
	int n_args;
	struct ClockNode **args;

	ExprState *state;  /* plain and compute */
	int *params;       /* compute: numbers of the parameters that the arguments are */
	bool searches;     /* compute: boolean, of computed traits; looks for when it is another */
	PieceRule rule;    /* call */
	int moving_arg;    /* call: which argument moves */
	int trait_arg;     /* trait: the argument that has the traits; behind it their name */
	int other_arg;     /* call: the one that the rule needs; -1: none */
	FmgrInfo function; /* call and field: itself; compare and extreme: order of two values */
	FunctionCallInfo call;
	bool greatest;  /* extreme */
	bool negated;   /* is null: IS NOT NULL; compare: <> */
	int strategy;   /* compare: BTLessStrategyNumber and so on */
	ClockUnit unit; /* field */

	/* of the evaluation that is going on */
	Datum value; /* plain constants: always */
	bool isnull;
	int choice; /* case and coalesce: the argument that was taken; -1: none, so null */
} ClockNode;

/* What building a tree needs, and the number of parameters so far. */
typedef struct ClockBuild
{
	EState *estate;
	int next_param;                           /* number of the next parameter */
	List *built;                              /* what has been built; begins as NIL */
	Oid bounded;                              /* the function cdp.bounded */
	const char *what;                         /* for messages: see ExpressionSort */
	char *(*text)(Node *node, void *context); /* of an expression, for messages */
	void *context;
} ClockBuild;

extern bool clock_is_param(Node *node);
extern bool clock_is_read(Node *node);
extern ClockNode *clock_build(ClockBuild *build, Expr *expression);     /* plain or a step */
extern ClockNode *clock_build_any(ClockBuild *build, Expr *expression); /* or moving */

/* clock_move.c: moving values. */
extern bool clock_try(void (*work)(void *), void *arg);
extern void clock_bind(ClockNode *node, ClockContext *context);
extern Datum clock_move(ClockNode *node, ClockContext *context, TimestampTz at, bool *isnull);
extern TimestampTz clock_piece(ClockNode *node, ClockContext *context, TimestampTz at);
extern TimestampTz clock_reach(ClockNode *node, ClockContext *context, TimestampTz at,
                               TimestampTz end, int64 target);
extern bool clock_number(const ClockNode *node, Datum value, double *number);

/* A condition on instants: false at low, true from some instant at most at high. */
typedef bool (*ClockTest)(void *context, TimestampTz at);
extern TimestampTz clock_first(ClockTest test, void *context, TimestampTz low, TimestampTz high,
                               TimestampTz guess);

/* clock_pieces.c: calendars. Values are microseconds of timestamptz or timestamp. */
#define PIECE_NONE PG_INT64_MAX
extern int64 clock_piece_end(PieceRule rule, pg_tz *zone, int64 value, Datum other, Oid type);
extern int64 clock_unit_end(ClockUnit unit, pg_tz *zone, int64 value, Oid type);
extern bool clock_has_fixed_offset(pg_tz *zone);
extern TimestampTz clock_local_midnight(pg_tz *zone, TimestampTz at, int days);

#endif /* CDP_CLOCK_TREE_H */
