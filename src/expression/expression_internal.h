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

/*
 * Limits of a definition. A text of that length has at most as many parts, and the parser
 * copies some of them. Analysis adds casts, and the expressions of generated columns.
 */
#define EXPRESSION_TEXT_MAX (64 * 1024)
#define EXPRESSION_NODES_MAX 20000
#define EXPRESSION_ANALYSED_MAX (5 * EXPRESSION_NODES_MAX)
#define EXPRESSION_DEPTH_MAX 500

/* What the walk over an expression needs, and what it finds. */
typedef struct ExpressionWalk
{
	Workspace *ws;
	const ExpressionSort *sort;
	Relation rel;
	struct ParseState *pstate; /* while the text is analysed */
	List *literals;            /* string constants (A_Const) of the expression's text */
	List *names;               /* its column references and function calls (ColumnRef, FuncCall) */
	List *named;               /* the columns that it names: Vars, before any is replaced */
	int64 copies;              /* of the node that is checked, in the text */
	int64 n_nodes;             /* so far: of the text, with copies */
	int depth;                 /* of the node */
	int64 padding;             /* bytes that literals are padded with */
	int n_analysed;            /* nodes of the analysed expression so far */
	Oid extension;             /* cdp */
	Oid extension_schema;      /* its schema */
	Oid absolute_text;         /* function cdp.absolute_time_text */
	Oid clock;                 /* function cdp.now */
	Oid bounded;               /* function cdp.bounded */
	List *calls;               /* of cdp.bounded: how many there are (Const) */
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
/* Counts a node of the analysed expression. Error 54000: there are too many. */
extern void expression_count_node(ExpressionWalk *walk);

/* Errors. expression_refuse_size: 54000; what: "is too large". location: -1 for none. */
extern void expression_refuse_size(const ExpressionWalk *walk, const char *what,
                                   const char *detail);
extern void refuse_whole_rows(const ExpressionWalk *walk, int location);
extern void clock_refuse(const ExpressionWalk *walk, const char *what, int location,
                         const char *hint);

/*
 * allowed.c: what an expression may use.
 *
 * function_is_refused: true if a function may not be called; it is then in walk->refused, and
 * refuse_function says why. (A callback of check_functions_in_node.)
 * allowed_type, allowed_type_name: error 0A000 if a type is not of data, or is a user's that is
 * no enumerated type. The second puts the type's OID in place of its name.
 * allowed_column: a p_pre_columnref_hook. allowed_whole_rows: false if the parser might, by the
 * type of whole rows, call a user's function.
 */
extern bool function_is_refused(Oid function, void *walk);
extern void refuse_function(ExpressionWalk *walk, Node *node);
extern bool is_foreign(List *name);
extern void refuse_foreign(ExpressionWalk *walk, const char *what, const char *name, int location);
extern void allowed_type(ExpressionWalk *walk, Oid type, int location);
extern void allowed_type_name(ExpressionWalk *walk, TypeName *name);
extern Node *allowed_column(struct ParseState *pstate, ColumnRef *reference);
extern bool allowed_whole_rows(ExpressionWalk *walk);

/* A call that cdp.bounded stands for. */
typedef struct BoundedCall
{
	Oid function;
	List *args;
} BoundedCall;

/*
 * bounds.c: bounds of what an expression costs.
 *
 * bounds_refuse: whether a function's result can be of any size, as far as is known.
 * bounds_guard: the node, or what stands in its place; between bounds_begin and bounds_end.
 * bounds_called: whether a node stands for a call; bounds_written: the node that it stands for
 * (null: it is any other node). bounded: the function cdp.bounded, which bounds_function finds.
 */
extern bool bounds_refuse(Oid function);
extern void bounds_begin(ExpressionWalk *walk);
extern Node *bounds_guard(ExpressionWalk *walk, Node *node);
extern void bounds_end(ExpressionWalk *walk);
extern Oid bounds_function(void);
extern bool bounds_called(Oid bounded, Node *node, BoundedCall *call);
extern Node *bounds_written(Oid bounded, Node *node);

/* The text of an analysed expression, as SQL over a row of profiles; walk: an ExpressionWalk. */
extern char *written_text(Node *expression, void *walk);

/*
 * Sets the settings that evaluation depends on; parsing: also those that reading a text
 * depends on. Returns the level to end.
 */
extern int settings_pin(Workspace *ws, bool parsing);

#endif /* CDP_EXPRESSION_INTERNAL_H */
