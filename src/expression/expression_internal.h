/*
 * expression_internal.h
 *	  An expression on its way from text to what is evaluated, for the files that
 *	  analyse expressions.
 */
#ifndef CDP_EXPRESSION_INTERNAL_H
#define CDP_EXPRESSION_INTERNAL_H

#include "expression/clock_tree.h"
#include "expression/expression.h"
#include "expression/reads.h"

/* What the walk over an expression needs, and what it finds. */
typedef struct ExpressionWalk
{
	Workspace *ws;
	const ExpressionSort *sort;
	Relation rel;
	List *literals;       /* string constants (A_Const) of the expression's text */
	List *names;          /* its column references and function calls (ColumnRef, FuncCall) */
	List *named;          /* the columns that it names: Vars, before any is replaced */
	Oid extension_schema; /* cdp */
	Oid absolute_text;    /* function cdp.absolute_time_text */
	Oid clock;            /* function cdp.now */
	Bitmapset *columns;
	bool uses_time_zone;
	bool reads_clock;
	bool clock_as_column; /* in texts: the column evaluated_at stands for the clock */
	Reads reads;
	Oid refused; /* a function that must not be called: set by function_is_refused */
} ExpressionWalk;

/* The definition that errors are about while it is compiled. */
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

/*
 * Puts them in force. The search_path is pg_catalog, cdp and pg_temp, so that no user's
 * object can shadow a name.
 */
extern void definition_begin(DefinitionReading *reading, Workspace *ws, const ExpressionSort *sort,
                             const char *name, const char *text);
extern void definition_end(DefinitionReading *reading);

/* Analyses a text and fills walk with what it reads. The errors are those of expression_check. */
extern Expr *analyse(ExpressionWalk *walk, const char *text);

/* Number of bytes of white space and comments at the beginning of a text. */
extern int leading_blanks(const char *text);

/* lasting.c: refuses a part of an expression that depends on an object in a temporary schema. */
extern void lasting_require(const ExpressionWalk *walk, Node *node);

/* Whether a node of an expression has a type: lists and branches of CASE have none. */
extern bool node_has_type(Node *node);

/* The text of an analysed expression, as SQL over a row of profiles; walk: an ExpressionWalk. */
extern char *written_text(Node *expression, void *walk);

/*
 * Sets the settings that evaluation depends on; parsing: also those that reading a text
 * depends on. Returns the level to end.
 */
extern int settings_pin(Workspace *ws, bool parsing);

#endif /* CDP_EXPRESSION_INTERNAL_H */
