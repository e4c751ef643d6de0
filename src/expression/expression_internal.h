/*
 * expression_internal.h
 *	  An expression on its way from text to what is evaluated, for the files that
 *	  take expressions apart.
 */
#ifndef CDP_EXPRESSION_INTERNAL_H
#define CDP_EXPRESSION_INTERNAL_H

#include "expression/clock_tree.h"
#include "expression/expression.h"
#include "expression/reads.h"

/* What the walk over an expression needs and finds. */
typedef struct ExpressionWalk
{
	Workspace *ws;
	const ExpressionSort *sort;
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
} ExpressionWalk;

/* Position and text of the predicate for errors raised while it is compiled. */
typedef struct DefinitionContext
{
	const ExpressionSort *sort;
	const char *name;
	const char *text;
} DefinitionContext;

/* Settings and error context with which a definition is read. */
typedef struct DefinitionReading
{
	DefinitionContext context;
	ErrorContextCallback callback;
	int nest_level;
} DefinitionReading;

/* Puts them in force: cdp is in the search_path, and nothing that a user could put there. */
extern void definition_begin(DefinitionReading *reading, Workspace *ws, const ExpressionSort *sort,
                             const char *name, const char *text);
extern void definition_end(DefinitionReading *reading);

/* Analyses a text; walk is filled with what it reads. Errors as expression_check says. */
extern Expr *analyse(ExpressionWalk *walk, const char *text);

/* Text of an analysed expression, as SQL over a row of profiles; walk is an ExpressionWalk. */
extern char *written_text(Node *expression, void *walk);

/* Pins what evaluation depends on; parsing: and what the reading of a text does. Returns the level. */
extern int settings_pin(Workspace *ws, bool parsing);

#endif /* CDP_EXPRESSION_INTERNAL_H */
