/*
 * judge.h
 *	  Definitions for the judge: texts that become part of a query, or are tried on rows.
 */
#ifndef CDP_EXPRESSION_JUDGE_H
#define CDP_EXPRESSION_JUDGE_H

#include "expression/expression.h"

/* A text of a definition of that name, and how a query calls it: "filter". text null: it is true. */
typedef struct ExpressionText
{
	const ExpressionSort *sort;
	const char *name;
	const char *called;
	const char *text;
} ExpressionText;

/* Definitions for the judge; all texts read one table. */
typedef struct ExpressionJudged
{
	Workspace *ws;
	const ExpressionText *texts;
	int n_texts;
	bool broken_is_false; /* a text that is no definition; else it is an error */
} ExpressionJudged;

/*
 * Runs a query, and puts its rows into the result of a set-returning function, whose arguments
 * from first on are the query's. In the query definition.<called> stands for a text, on the
 * columns of what the query calls profiles or events, at instant.at; definition.reads_clock
 * says whether the first text reads the clock.
 */
extern void expression_query(const ExpressionJudged *judged, const char *sql,
                             FunctionCallInfo fcinfo, int first);

/* The first text, to be tried on rows of its table: whether it fails at an instant. */
typedef struct ExpressionTrial ExpressionTrial;
extern ExpressionTrial *expression_try(const ExpressionJudged *judged);
extern bool expression_fails(ExpressionTrial *trial, TupleTableSlot *row, TimestampTz at);

#endif /* CDP_EXPRESSION_JUDGE_H */
