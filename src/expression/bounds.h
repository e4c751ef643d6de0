/*
 * bounds.h
 *	  Bounds of what an expression may cost on a row: how long a value may be, and how many
 *	  steps a call may take. They depend on the sizes of the arguments and nothing else, so
 *	  that an expression fails on the same rows on every machine.
 */
#ifndef CDP_BOUNDS_H
#define CDP_BOUNDS_H

#include "expression/expression_internal.h"

#include "utils/jsonpath.h"

/*
 * A value may have BOUND_SIZE bytes; all the calls of an expression together BOUND_SIZES, and
 * BOUND_STEPS steps. Each has an equal share.
 */
#define BOUND_SIZE (1024 * 1024)
#define BOUND_SIZES (64 * 1024 * 1024)
#define BOUND_STEPS (64 * 1024 * 1024)

/* Parts of a regular expression, with all repetitions written out. */
#define BOUND_PATTERN 10000

/* How the result and the steps of a function follow from its arguments. */
typedef enum BoundRule
{
	BOUND_REFUSED,       /* a result of any size, or one that nobody has looked at */
	BOUND_NONE,          /* its type bounds the result, or an argument does; the time is linear */
	BOUND_RESULT,        /* the result may be longer than the arguments, by a factor or their sum */
	BOUND_PRODUCT,       /* steps: the sizes of two arguments multiplied */
	BOUND_SQUARE,        /* steps: the size of one by itself */
	BOUND_REPLACE,       /* text, from, to */
	BOUND_REGEX,         /* text, pattern: whether it matches */
	BOUND_REGEX_FIND,    /* text, pattern: where it matches */
	BOUND_REGEX_REPLACE, /* text, pattern, replacement */
	BOUND_PAD,           /* the result has as many bytes as an argument says */
	BOUND_PAD_BITS,      /* ... as many bits */
	BOUND_POINTS,        /* ... as many points */
	BOUND_OUTPUT,        /* the text of a value */
	BOUND_TEXTS,         /* the texts of all arguments, from one on */
	BOUND_JOINED,        /* the same, with the argument before between them */
	BOUND_ARRAY_TEXT,    /* array, separator, text for nulls */
	BOUND_ARRAY_REPLACE, /* array, from, to */
	BOUND_JSON_TEXT,     /* the text of what another function finds in a jsonb */
	BOUND_TRAIT_TEXT,    /* ... in traits */
	BOUND_COMPUTED_TEXT, /* ... in computed traits */
	BOUND_JSON_PRETTY,   /* jsonb, by lines */
	BOUND_JSON_PATH,     /* jsonb, path */
	BOUND_NUMERIC_GCD,   /* two numerics */
	BOUND_NUMERIC_EXP,   /* numerics whose result may have many digits, or takes long */
	BOUND_NUMERIC_LOG,
	BOUND_NUMERIC_POWER,
	BOUND_FACTORIAL
} BoundRule;

/* A rule for a function. */
typedef struct Bound
{
	Oid function;
	BoundRule rule;
	int8 args[3]; /* places of the arguments that the rule names; -1: there is none */
	Oid finds;    /* BOUND_JSON_TEXT: the function that finds the value */
} Bound;

/* The rule for a function; never null. */
extern const Bound *bound_of(Oid function);

/* Whether values of a type may have any size. */
extern bool type_is_unbounded(Oid type);

/* What stands in an expression in place of a call, as the first argument of cdp.bounded. */
typedef enum BoundShape
{
	BOUNDED_VALUE,    /* a value: nothing is called */
	BOUNDED_FUNCTION, /* a function */
	BOUNDED_OPERATOR, /* an operator */
	BOUNDED_ANY,      /* an operator, with any element of an array */
	BOUNDED_ALL,      /* ... with all elements */
	BOUNDED_OUTPUT,   /* a type's output function */
	N_BOUNDED_SHAPES
} BoundShape;

/* Arguments of cdp.bounded before those of the call. */
enum
{
	BOUNDED_SHAPE, /* int4: BoundShape */
	BOUNDED_WHAT,  /* oid: the function, the operator or the output function */
	BOUNDED_CALLS, /* int4: how many calls have a share */
	N_BOUNDED_ARGS
};

/* bounded_text.c: whether the text of a value of a type may have more than limit bytes. */
extern bool bounded_text_exceeds(Datum value, Oid type, int64 limit);
extern bool bounded_json_exceeds(Jsonb *json, bool pretty, int64 limit);

/* Whether the text of a type's values can be far longer than they are; cannot be told beforehand. */
extern bool bounded_text_is_long(Oid type);
extern bool bounded_text_is_unknown(Oid type);

/* bounded_steps.c: steps of a search for a pattern, or along a path. */
extern double bounded_pattern_size(const char *pattern, int len);
extern double bounded_path_steps(Jsonb *json, JsonPath *path);

#endif /* CDP_BOUNDS_H */
