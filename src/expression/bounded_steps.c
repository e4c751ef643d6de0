/*
 * bounded_steps.c
 *	  How many steps a search takes at most: for a regular expression, and along a JSON path.
 *
 * A regular expression repeats what stands before {m,n}, so that its automaton may be far
 * larger than its text. A path visits a part of a document once for each way to it, and a
 * filter may read the whole document for each part.
 */
#include "expression/bounds.h"

#include <ctype.h>
#include <math.h>

#include "miscadmin.h"

/* Groups within each other. */
#define GROUPS_MAX 100

/* The end of a bracket expression, as [^]a-z[:digit:]]; c is behind its bracket. */
static const char *
skip_bracket(const char *c, const char *end)
{
	if (c < end && *c == '^')
		c++;
	if (c < end && *c == ']')
		c++;
	while (c < end && *c != ']')
	{
		if (*c == '[' && c + 1 < end && (c[1] == ':' || c[1] == '.' || c[1] == '='))
		{
			char mark = c[1];

			for (c += 2; c + 1 < end && !(c[0] == mark && c[1] == ']'); c++)
				;
			c += 2;
		}
		else
			c += *c == '\\' && c + 1 < end ? 2 : 1;
	}
	return Min(c + 1, end);
}

/* The larger number of {m,n}, {m,} or {m}; 0: it is none. *c moves behind it. */
static int
read_repetition(const char **c, const char *end)
{
	int numbers[2] = {0, 0};
	int n = 0;
	const char *at = *c + 1;

	if (at == end || !isdigit((unsigned char) *at))
		return 0;
	for (; at < end && n < 2; at++)
	{
		if (isdigit((unsigned char) *at))
			numbers[n] = Min(numbers[n] * 10 + (*at - '0'), 1000);
		else if (*at == ',')
			n++;
		else
			break;
	}
	*c = at;
	return Max(Max(numbers[0], numbers[1]), 1);
}

/*
 * The size of a regular expression with all repetitions written out, in bytes; infinite where
 * it refers back to what a group has matched, which no automaton can, or has too many groups.
 */
double
bounded_pattern_size(const char *pattern, int len)
{
	const char *c = pattern;
	const char *end = pattern + len;
	double groups[GROUPS_MAX]; /* sizes of what stands before them, in the group around */
	int depth = 0;
	double size = 0; /* of the group so far, without the last atom */
	double atom = 0; /* of the last atom */

	while (c < end)
	{
		const char *start = c;
		int times;

		/* in a basic regular expression it is the other way round; either counts */
		if (*c == '\\' && c + 1 < end && strchr("({)", c[1]) != NULL)
			c++;
		if (*c == '{' && (times = read_repetition(&c, end)) > 0)
		{
			atom *= times;
			continue;
		}
		if (*c == '(')
		{
			if (depth == GROUPS_MAX)
				return INFINITY;
			groups[depth++] = size + atom;
			size = atom = 0;
			c++;
			continue;
		}
		if (*c == ')' && depth > 0)
		{
			atom += size + 1;
			size = groups[--depth];
			c++;
			continue;
		}
		if (*c == '\\' && c + 1 < end)
		{
			if (c[1] >= '1' && c[1] <= '9')
				return INFINITY;
			c += 2;
		}
		else if (*c == '[')
			c = skip_bracket(c + 1, end);
		else
			c++;
		size += atom;
		atom = c - start;
	}
	size += atom;
	while (depth > 0)
		size += groups[--depth];
	return size;
}

/* What a path finds: bytes of documents, in all evaluations and in one. */
typedef struct Found
{
	double all;
	double one;
} Found;

typedef struct PathWalk
{
	double document; /* bytes of the document */
	double depth;    /* of its nesting */
	double steps;
} PathWalk;

static Found follow_path(PathWalk *walk, JsonPathItem *item, Found current, double times);

static Found
find_left(PathWalk *walk, JsonPathItem *item, Found current, double times)
{
	JsonPathItem left;

	jspGetLeftArg(item, &left);
	return follow_path(walk, &left, current, times);
}

/* The steps of combining what both sides of an operator find. */
static Found
follow_both(PathWalk *walk, JsonPathItem *item, Found current, double times)
{
	Found left = find_left(walk, item, current, times);
	Found right;
	JsonPathItem arg;

	jspGetRightArg(item, &arg);
	right = follow_path(walk, &arg, current, times);
	walk->steps += Min(left.all * right.one, left.one * right.all);
	return (Found){left.all + right.all, left.one + right.one};
}

static void
follow_subscripts(PathWalk *walk, JsonPathItem *item, Found *found, double times)
{
	for (int i = 0; i < item->content.array.nelems; i++)
	{
		JsonPathItem from;
		JsonPathItem to;

		if (jspGetArraySubscript(item, &from, &to, i))
			(void) follow_path(walk, &to, *found, times * found->one);
		(void) follow_path(walk, &from, *found, times * found->one);
	}
	found->all *= item->content.array.nelems;
	found->one *= item->content.array.nelems;
}

/*
 * Adds the steps of an item and of those behind it. current: what @ stands for; times: how
 * often the path is evaluated.
 */
static Found
follow_path(PathWalk *walk, JsonPathItem *item, Found current, double times)
{
	Found found = {times, 1};

	check_stack_depth();
	for (;;)
	{
		JsonPathItem arg;
		JsonPathItem next;

		CHECK_FOR_INTERRUPTS();
		switch (item->type)
		{
			case jpiNull:
			case jpiString:
			case jpiNumeric:
			case jpiBool:
			case jpiVariable: /* from an object of variables: the document counts for it */
				break;
			case jpiRoot:
				found = (Found){times * walk->document, walk->document};
				break;
			case jpiCurrent:
				found = current;
				break;
			case jpiAnyArray:
			case jpiAnyKey:
			case jpiKey:
				break;
			case jpiIndexArray:
				follow_subscripts(walk, item, &found, times);
				break;
			case jpiAny:
				found = (Found){found.all * walk->depth, found.one * walk->depth};
				break;
			case jpiFilter:
				jspGetArg(item, &arg);
				(void) follow_path(walk, &arg, found, found.all);
				break;
			case jpiNot:
			case jpiIsUnknown:
			case jpiExists:
			case jpiPlus:
			case jpiMinus:
				jspGetArg(item, &arg);
				found = follow_path(walk, &arg, current, times);
				break;
			case jpiAnd:
			case jpiOr:
			case jpiEqual:
			case jpiNotEqual:
			case jpiLess:
			case jpiGreater:
			case jpiLessOrEqual:
			case jpiGreaterOrEqual:
			case jpiAdd:
			case jpiSub:
			case jpiMul:
			case jpiDiv:
			case jpiMod:
			case jpiStartsWith:
				found = follow_both(walk, item, current, times);
				break;
			case jpiLikeRegex:
				jspInitByBuffer(&arg, item->base, item->content.like_regex.expr);
				found = follow_path(walk, &arg, current, times);
				walk->steps +=
				    found.all * bounded_pattern_size(item->content.like_regex.pattern,
				                                     item->content.like_regex.patternlen);
				break;
			default: /* methods; each makes one small value, or an object for each key */
				found = (Found){found.all * 3, found.one * 3};
				break;
		}
		walk->steps += found.all;
		if (!jspGetNext(item, &next))
			return found;
		*item = next;
	}
}

static double
nesting_of(Jsonb *json)
{
	JsonbIterator *iterator = JsonbIteratorInit(&json->root);
	JsonbIteratorToken token;
	JsonbValue value;
	int depth = 0;
	int deepest = 0;

	while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE)
	{
		CHECK_FOR_INTERRUPTS();
		if (token == WJB_BEGIN_ARRAY || token == WJB_BEGIN_OBJECT)
			deepest = Max(deepest, ++depth);
		else if (token == WJB_END_ARRAY || token == WJB_END_OBJECT)
			depth--;
	}
	return deepest + 1;
}

double
bounded_path_steps(Jsonb *json, JsonPath *path)
{
	PathWalk walk = {.document = VARSIZE(json), .depth = nesting_of(json)};
	Found whole = {walk.document, walk.document};
	JsonPathItem item;

	jspInit(&item, path);
	(void) follow_path(&walk, &item, whole, 1);
	return walk.steps;
}
