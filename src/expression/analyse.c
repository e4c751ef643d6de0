/*
 * analyse.c
 *	  From a text to an analysed expression. A text is one SQL expression. Functions that
 *	  it may call are decided by OID: the immutable functions of pg_catalog and cdp, and
 *	  the stable ones listed here, which depend only on time zone and date style. The
 *	  engine sets both.
 */
#include "expression/bounds.h"

#include "access/table.h"
#include "access/transam.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "miscadmin.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_func.h"
#include "parser/parse_relation.h"
#include "parser/parse_type.h"
#include "parser/parser.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* Functions that read the engine's clock in a predicate, as cdp.now() does. */
static const Oid clock_functions[] = {
    F_NOW,
    F_TRANSACTION_TIMESTAMP,
    F_STATEMENT_TIMESTAMP,
};

static bool
is_listed(Oid function, const Oid *list, int n)
{
	for (int i = 0; i < n; i++)
		if (list[i] == function)
			return true;
	return false;
}

void
clock_refuse(const ExpressionWalk *walk, const char *what, int location, const char *hint)
{
	ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
	                errmsg("%s cannot read the clock by \"%s\"", walk->sort->what, what),
	                errdetail("Nothing tells when it changes."), errhint("%s", hint),
	                errposition(location >= 0 ? location + 1 : 0)));
}

static bool
is_time_type(Oid type)
{
	return type == DATEOID || type == TIMESTAMPOID || type == TIMESTAMPTZOID || type == TIMEOID ||
	       type == TIMETZOID;
}

/* Whether values of a type are or contain dates or times, as arrays, ranges and rows may. */
static bool
holds_time(Oid type)
{
	Oid part;

	type = getBaseType(type);
	if (is_time_type(type))
		return true;
	if (OidIsValid(part = get_element_type(type)) || OidIsValid(part = get_range_subtype(type)) ||
	    OidIsValid(part = get_multirange_range(type)))
		return holds_time(part);
	return type_is_rowtype(type);
}

void
expression_refuse_size(const ExpressionWalk *walk, const char *what, const char *detail)
{
	ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
	                errmsg("%s %s", walk->sort->what, what), errdetail("%s", detail),
	                errhint("Put what it depends on into a trait, a computed trait or a column of "
	                        "your own, or split it.")));
}

/* Counts a node of the analysed expression; a generated column has as many as its expression. */
void
expression_count_node(ExpressionWalk *walk)
{
	if (++walk->n_analysed > EXPRESSION_ANALYSED_MAX)
		expression_refuse_size(walk, "is too large",
		                       psprintf("It has more than %d parts.", EXPRESSION_ANALYSED_MAX));
}

/* How often the parser copies the left side of an operator, and the list on its right side. */
static void
copies_of(const A_Expr *operation, int64 *left, int64 *right)
{
	ListCell *lc;

	*left = *right = 1;
	switch (operation->kind)
	{
		case AEXPR_BETWEEN:
		case AEXPR_NOT_BETWEEN:
			*left = 2;
			break;
		case AEXPR_BETWEEN_SYM:
		case AEXPR_NOT_BETWEEN_SYM:
			*left = 4;
			*right = 2;
			break;
		case AEXPR_IN: /* once for all constants, and once for each other element */
			foreach (lc, castNode(List, operation->rexpr))
			{
				Node *element = lfirst(lc);

				if (IsA(element, TypeCast))
					element = ((TypeCast *) element)->arg;
				*left += IsA(operation->lexpr, RowExpr) || !IsA(element, A_Const);
			}
			break;
		default:
			break;
	}
}

/*
 * The parser reads a literal at once. A type that pads its values, as char(n), makes
 * each as long as it says, also the elements of an array.
 */
static void
check_padding(ExpressionWalk *walk, TypeCast *cast)
{
	Oid type;
	Oid element;
	int32 typmod;

	if (!IsA(cast->arg, A_Const) && !IsA(cast->arg, A_ArrayExpr))
		return;
	typenameTypeIdAndMod(walk->pstate, cast->typeName, &type, &typmod);
	element = get_element_type(type);
	type = OidIsValid(element) ? element : type;
	if ((type != BPCHAROID && type != BITOID) || typmod < 0)
		return;
	if (type == BITOID)
		typmod /= BITS_PER_BYTE;
	walk->padding +=
	    (int64) typmod * (OidIsValid(element) ? strlen(walk->pstate->p_sourcetext) : 1);
	if (typmod > BOUND_SIZE || walk->padding > BOUND_SIZES)
		expression_refuse_size(walk, "has literals that are too long",
		                       "char(n) and bit(n) pad them.");
}

/* A JSON path, which is read at once, compiles the regular expressions in it. */
static void
check_path_literal(ExpressionWalk *walk, const char *text)
{
	if (strstr(text, "like_regex") != NULL &&
	    bounded_pattern_size(text, strlen(text)) > BOUND_PATTERN)
		expression_refuse_size(walk, "has a regular expression that is too large",
		                       "It is in a JSON path.");
}

static bool check_raw_node(Node *node, void *context);

/* Checks a node that the parser will copy. */
static void
check_copied(ExpressionWalk *walk, Node *node, int64 copies)
{
	int64 outer = walk->copies;

	walk->copies = Min(outer * copies, EXPRESSION_NODES_MAX + 1);
	(void) check_raw_node(node, walk);
	walk->copies = outer;
}

/*
 * raw_expression_tree_walker callback. Checks types, functions and operators before the
 * expression is analysed, because analysis already evaluates literals. For example, the
 * input of a domain calls the functions in its constraints. Also notes string constants and
 * names, and counts the nodes that analysis will make of these.
 */
static bool
check_raw_node(Node *node, void *context)
{
	ExpressionWalk *walk = (ExpressionWalk *) context;
	bool found;

	if (node == NULL)
		return false;
	check_stack_depth();
	if (IsA(node, ColumnRef) || IsA(node, FuncCall))
		walk->names = lappend(walk->names, node);
	if (!IsA(node, List))
	{
		walk->n_nodes += walk->copies;
		if (walk->n_nodes > EXPRESSION_NODES_MAX)
			expression_refuse_size(walk, "is too large",
			                       psprintf("It has more than %d parts.", EXPRESSION_NODES_MAX));
		if (walk->depth >= EXPRESSION_DEPTH_MAX)
			expression_refuse_size(walk, "is nested too deeply",
			                       psprintf("The limit is %d levels.", EXPRESSION_DEPTH_MAX));
	}
	if (IsA(node, A_Const) && !((A_Const *) node)->isnull &&
	    IsA(&((A_Const *) node)->val.node, String))
	{
		walk->literals = lappend(walk->literals, node);
		check_path_literal(walk, strVal(&((A_Const *) node)->val));
	}
	else if (IsA(node, SubLink))
		ereport(ERROR,
		        (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		         errmsg("%s cannot contain a subquery", walk->sort->what),
		         errdetail("%s", walk->sort->scope), errhint("%s", walk->sort->subquery_hint),
		         errposition(((SubLink *) node)->location + 1)));
	else if (IsA(node, FuncCall) && is_foreign(((FuncCall *) node)->funcname))
		refuse_foreign(walk, "function", NameListToQuotedString(((FuncCall *) node)->funcname),
		               ((FuncCall *) node)->location);
	else if (IsA(node, A_Expr) && is_foreign(((A_Expr *) node)->name))
		refuse_foreign(walk, "operator", NameListToString(((A_Expr *) node)->name),
		               ((A_Expr *) node)->location);
	else if (IsA(node, ColumnRef) && IsA(llast(((ColumnRef *) node)->fields), A_Star) &&
	         !allowed_whole_rows(walk))
		refuse_whole_rows(walk, ((ColumnRef *) node)->location);
	else if (IsA(node, TypeName))
		allowed_type_name(walk, (TypeName *) node);
	walk->depth += !IsA(node, List);
	if (IsA(node, A_Expr))
	{
		int64 left;
		int64 right;

		copies_of((A_Expr *) node, &left, &right);
		check_copied(walk, ((A_Expr *) node)->lexpr, left);
		check_copied(walk, ((A_Expr *) node)->rexpr, right);
		found = false;
	}
	else
		found = raw_expression_tree_walker(node, check_raw_node, context);
	walk->depth -= !IsA(node, List);
	if (IsA(node, TypeCast))
		check_padding(walk, (TypeCast *) node);
	return found;
}

/* list_sort comparison: by place in the text. */
static int
compare_literals(const ListCell *a, const ListCell *b)
{
	int left = lfirst_node(A_Const, a)->location;
	int right = lfirst_node(A_Const, b)->location;

	return (left > right) - (left < right);
}

/* The string constant at a place of the text; null: there is none. */
static char *
literal_at(ExpressionWalk *walk, int location)
{
	int low = 0;
	int high = list_length(walk->literals);

	while (low < high)
	{
		int middle = (low + high) / 2;
		A_Const *literal = list_nth_node(A_Const, walk->literals, middle);

		if (literal->location == location)
			return strVal(&literal->val);
		if (literal->location < location)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/*
 * A literal of a date or time type becomes a constant when the text is read. So 'today'
 * would always be the day of the definition; it is refused.
 */
static void
check_time_constant(ExpressionWalk *walk, Const *constant)
{
	char *text;

	if (constant->location < 0 || !holds_time(constant->consttype))
		return;
	text = literal_at(walk, constant->location);
	if (text != NULL && relative_time_is_named(text, strlen(text)))
		clock_refuse(walk, text, constant->location,
		             "Write now() or current_date, and add or subtract an interval.");
}

/*
 * The argument of a cast from text to a date or time, wrapped in cdp.absolute_time_text.
 * That function fails on a text that names a time relative to the clock.
 */
static Expr *
absolute_text(ExpressionWalk *walk, CoerceViaIO *cast)
{
	Expr *argument = cast->arg;
	Oid collation = exprCollation((Node *) argument);
	Oid type = exprType((Node *) argument);

	switch (getBaseType(type))
	{
		case TEXTOID:
			break;
		case VARCHAROID:
		case BPCHAROID:
			argument =
			    (Expr *) makeRelabelType(argument, TEXTOID, -1, collation, COERCE_IMPLICIT_CAST);
			break;
		case NAMEOID:
			argument = (Expr *) makeFuncExpr(F_TEXT_NAME, TEXTOID, list_make1(argument), collation,
			                                 collation, COERCE_IMPLICIT_CAST);
			break;
		default:
			ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			                errmsg("%s cannot cast type %s to %s", walk->sort->what,
			                       format_type_be(type), format_type_be(cast->resulttype)),
			                errhint("Cast it to text first."), errposition(cast->location + 1)));
	}
	return (Expr *) makeFuncExpr(walk->absolute_text, TEXTOID, list_make1(argument), InvalidOid,
	                             collation, COERCE_EXPLICIT_CALL);
}

void
refuse_whole_rows(const ExpressionWalk *walk, int location)
{
	ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
	                errmsg("%s cannot read whole rows or system columns", walk->sort->what),
	                errhint("Name the columns of %s that it depends on.", walk->sort->table->name),
	                errposition(location + 1)));
}

/*
 * Notes the column, or refuses it: whole rows, system columns, the anchor of an event, and
 * columns that result from evaluating segments.
 */
static void
check_column(ExpressionWalk *walk, Var *var)
{
	Workspace *ws = walk->ws;

	if (var->varattno <= 0)
		refuse_whole_rows(walk, var->location);
	if (walk->sort->table == &events_table &&
	    var->varattno == workspace_table(ws, &events_table)->columns[EVENT_ANCHOR])
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		                errmsg("%s cannot read the column \"%s\"", walk->sort->what, "anchor"),
		                errdetail("It is derived, and changes with the rules of identity."),
		                errhint("Read the column identifiers."), errposition(var->location + 1)));
	if (walk->sort->table == &events_table)
		return;
	if (var->varattno == walk->reads.computed_column)
		ereport(ERROR,
		        (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		         errmsg("%s can read computed traits by constant names only", walk->sort->what),
		         errhint("Write it as in computed->>'orders_30d' or "
		                 "cdp.computed_int(computed, 'orders_30d')."),
		         errposition(var->location + 1)));
	if (var->varattno == workspace_table(ws, &profiles_table)->columns[PROFILE_SEGMENTS] ||
	    var->varattno == workspace_table(ws, &profiles_table)->columns[PROFILE_EVALUATED_AT] ||
	    var->varattno == workspace_table(ws, &profiles_table)->columns[PROFILE_NEXT_EVALUATION_AT])
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		                errmsg("%s cannot read the column \"%s\"", walk->sort->what,
		                       get_attname(workspace_table(ws, &profiles_table)->oid, var->varattno,
		                                   false)),
		                errdetail("It is the result of evaluating segments."),
		                errhint("Ask for membership by constant names: segments @@ 'vip & !gold'."),
		                errposition(var->location + 1)));
	walk->columns = bms_add_member(walk->columns, var->varattno);
}

/*
 * Refuses a call of a type's input function by name, as date_in('today'): it would evade
 * the checks on casts.
 */
static void
check_input_call(ExpressionWalk *walk, FuncExpr *call)
{
	if (call->args == NIL || exprType(linitial(call->args)) != CSTRINGOID)
		return;
	ereport(ERROR,
	        (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
	         errmsg("function %s cannot be used in %s",
	                quote_qualified_identifier(get_namespace_name(get_func_namespace(call->funcid)),
	                                           get_func_name(call->funcid)),
	                walk->sort->what),
	         errdetail("It is the input function of a type."), errhint("Write a cast instead."),
	         errposition(call->location + 1)));
}

/*
 * Whether a column is generated. An expression evaluates the column's generation
 * expression instead, because the row that it is evaluated on is not stored yet.
 */
static bool
is_generated(ExpressionWalk *walk, Var *var)
{
	return var->varattno > 0 &&
	       TupleDescAttr(RelationGetDescr(walk->rel), var->varattno - 1)->attgenerated != 0;
}

static Node *
make_cast(Oid function, Oid type, Node *argument)
{
	return (Node *) makeFuncExpr(function, type, list_make1(argument), InvalidOid, InvalidOid,
	                             COERCE_EXPLICIT_CAST);
}

/* A time rounded to typmod digits, as in current_timestamp(3); below 0: not rounded. */
static Node *
make_rounded(Oid function, Oid type, Node *argument, int typmod)
{
	List *args = list_make2(argument, makeConst(INT4OID, -1, InvalidOid, sizeof(int32),
	                                            Int32GetDatum(typmod), false, true));

	return typmod < 0 ? argument
	                  : (Node *) makeFuncExpr(function, type, args, InvalidOid, InvalidOid,
	                                          COERCE_EXPLICIT_CAST);
}

/* Makes the parameter that stands for the engine's clock. */
static Node *
clock_param(ExpressionWalk *walk)
{
	Param *param = makeNode(Param);

	if (walk->sort->table != &profiles_table)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		                errmsg("%s cannot read the clock", walk->sort->what),
		                errdetail("What an event adds does not change with time."),
		                errhint("Compare with the columns occurred_at and received_at; "
		                        "window_days says how long an event counts.")));
	walk->reads_clock = walk->uses_time_zone = true;
	param->paramkind = PARAM_EXTERN;
	param->paramid = CLOCK_PARAM;
	param->paramtype = TIMESTAMPTZOID;
	param->paramtypmod = -1;
	param->location = -1;
	return (Node *) param;
}

/*
 * Replaces a keyword that reads the clock, as current_date, with an expression over the
 * parameter.
 */
static Node *
clock_keyword(ExpressionWalk *walk, SQLValueFunction *keyword)
{
	switch (keyword->op)
	{
		case SVFOP_CURRENT_DATE:
			return make_cast(F_DATE_TIMESTAMPTZ, DATEOID, clock_param(walk));
		case SVFOP_CURRENT_TIMESTAMP:
		case SVFOP_CURRENT_TIMESTAMP_N:
			return make_rounded(F_TIMESTAMPTZ_TIMESTAMPTZ_INT4, TIMESTAMPTZOID, clock_param(walk),
			                    keyword->typmod);
		case SVFOP_LOCALTIMESTAMP:
		case SVFOP_LOCALTIMESTAMP_N:
			return make_rounded(F_TIMESTAMP_TIMESTAMP_INT4, TIMESTAMPOID,
			                    make_cast(F_TIMESTAMP_TIMESTAMPTZ, TIMESTAMPOID, clock_param(walk)),
			                    keyword->typmod);
		case SVFOP_CURRENT_TIME:
		case SVFOP_CURRENT_TIME_N:
		case SVFOP_LOCALTIME:
		case SVFOP_LOCALTIME_N:
			clock_refuse(walk, keyword->op <= SVFOP_CURRENT_TIME_N ? "current_time" : "localtime",
			             keyword->location, "Write extract(hour FROM now()).");
			break;
		default:
			ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			                errmsg("%s cannot depend on the session", walk->sort->what),
			                errdetail("current_user and its like differ between sessions."),
			                errposition(keyword->location + 1)));
	}
	return NULL;
}

static Node *check_node(Node *node, void *context);

/* The same for a function that reads the clock; null: this one does not. */
static Node *
clock_call(ExpressionWalk *walk, FuncExpr *call)
{
	Node *today;

	if (is_listed(call->funcid, clock_functions, lengthof(clock_functions)) ||
	    call->funcid == walk->clock)
		return clock_param(walk);
	if (call->funcid != F_AGE_TIMESTAMPTZ && call->funcid != F_AGE_TIMESTAMP)
		return NULL;
	today = make_cast(F_DATE_TIMESTAMPTZ, DATEOID, clock_param(walk));
	if (call->funcid == F_AGE_TIMESTAMP)
		return (Node *) makeFuncExpr(F_AGE_TIMESTAMP_TIMESTAMP, INTERVALOID,
		                             list_make2(make_cast(F_TIMESTAMP_DATE, TIMESTAMPOID, today),
		                                        check_node(linitial(call->args), walk)),
		                             InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
	return (Node *) makeFuncExpr(F_AGE_TIMESTAMPTZ_TIMESTAMPTZ, INTERVALOID,
	                             list_make2(make_cast(F_TIMESTAMPTZ_DATE, TIMESTAMPTZOID, today),
	                                        check_node(linitial(call->args), walk)),
	                             InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}

/*
 * Replaces a read of a computed trait with a read at an instant: at the clock's, if the
 * trait has a window, else at any. Null: the node reads no computed trait.
 */
static Node *
computed_read(ExpressionWalk *walk, Node *node)
{
	int window =
	    walk->sort->table == &profiles_table ? reads_note_computed(&walk->reads, node) : -1;
	Node *instant;

	if (window < 0)
		return NULL;
	instant = window > 0 ? clock_param(walk)
	                     : (Node *) makeConst(TIMESTAMPTZOID, -1, InvalidOid, sizeof(TimestampTz),
	                                          TimestampTzGetDatum(0), false, FLOAT8PASSBYVAL);
	return reads_computed_at(&walk->reads, node, instant);
}

/* Whether a node may be part of an expression at all. Kinds that later versions add may not. */
static bool
is_known(Node *node)
{
	switch (nodeTag(node))
	{
		case T_List:
		case T_Var:
		case T_Const:
		case T_FuncExpr:
		case T_NamedArgExpr:
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
		case T_ScalarArrayOpExpr:
		case T_BoolExpr:
		case T_SubscriptingRef:
		case T_FieldSelect:
		case T_RelabelType:
		case T_CoerceViaIO:
		case T_ArrayCoerceExpr:
		case T_CollateExpr:
		case T_CaseExpr:
		case T_CaseWhen:
		case T_CaseTestExpr:
		case T_ArrayExpr:
		case T_RowExpr:
		case T_RowCompareExpr:
		case T_CoalesceExpr:
		case T_MinMaxExpr:
		case T_NullTest:
		case T_BooleanTest:
			return true;
		default:
			return false;
	}
}

/*
 * Checks every node. Wraps the argument of a cast from text to a date or time, puts a
 * parameter in place of the clock, and bounds what may be long or take long.
 */
static Node *
check_node(Node *node, void *context)
{
	ExpressionWalk *walk = (ExpressionWalk *) context;
	Node *replaced;

	if (node == NULL)
		return NULL;
	CHECK_FOR_INTERRUPTS();
	check_stack_depth();
	lasting_require(walk, node);
	expression_count_node(walk);
	if (IsA(node, Var) && is_generated(walk, (Var *) node))
		return check_node(build_column_default(walk->rel, ((Var *) node)->varattno), walk);
	if (IsA(node, Var))
		check_column(walk, (Var *) node);
	else if (IsA(node, Const))
		check_time_constant(walk, (Const *) node);
	else if (IsA(node, SQLValueFunction))
		return clock_keyword(walk, (SQLValueFunction *) node);
	else if (IsA(node, FuncExpr) && (replaced = clock_call(walk, (FuncExpr *) node)) != NULL)
		return replaced;
	else if ((replaced = computed_read(walk, node)) != NULL)
		return bounds_guard(walk, replaced);
	else if (reads_note_trait(&walk->reads, node))
		return bounds_guard(walk, node);
	else if (reads_note_members(&walk->reads, node))
		return node;
	else if (!is_known(node))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		                errmsg("unsupported expression in %s", walk->sort->what),
		                errposition(exprLocation(node) + 1)));
	else if (check_functions_in_node(node, function_is_refused, walk))
		refuse_function(walk, node);
	else if (IsA(node, FuncExpr))
		check_input_call(walk, (FuncExpr *) node);
	if (!IsA(node, List) && !IsA(node, CaseWhen))
		allowed_type(walk, exprType(node), exprLocation(node));

	node = expression_tree_mutator(node, check_node, context);

	if (IsA(node, CoerceViaIO) && holds_time(((CoerceViaIO *) node)->resulttype))
	{
		CoerceViaIO *cast = (CoerceViaIO *) node;

		cast->arg = absolute_text(walk, cast);
	}
	return bounds_guard(walk, node);
}

/* Collects the columns that an expression names. */
static bool
collect_named(Node *node, void *context)
{
	ExpressionWalk *walk = (ExpressionWalk *) context;

	if (node == NULL)
		return false;
	check_stack_depth();
	if (IsA(node, Var))
		walk->named = lappend(walk->named, copyObject(node));
	return expression_tree_walker(node, collect_named, context);
}

/* Whether a node is a bare *: transformExpr would take it for a single column, and crash. */
static bool
is_star(Node *node)
{
	return IsA(node, ColumnRef) && IsA(linitial(((ColumnRef *) node)->fields), A_Star);
}

int
leading_blanks(const char *text)
{
	const char *c = text;

	for (;;)
	{
		c += strspn(c, " \t\n\r\f\v");
		if (c[0] == '-' && c[1] == '-')
			c += strcspn(c, "\n\r");
		else if (c[0] == '/' && c[1] == '*')
		{
			int depth = 0; /* they nest */

			do
			{
				bool opens = c[0] == '/' && c[1] == '*';
				bool closes = c[0] == '*' && c[1] == '/';

				depth += opens ? 1 : closes ? -1 : 0;
				c += opens || closes ? 2 : 1;
			} while (depth > 0 && *c != '\0');
		}
		else
			return c - text;
	}
}

/* The raw tree of a text, which must be one expression and nothing else; not even ALL before it. */
static Node *
parse_expression(ExpressionWalk *walk, const char *text)
{
	List *parsed = raw_parser(text, RAW_PARSE_PLPGSQL_EXPR);
	SelectStmt *select;
	ResTarget *target;

	select = castNode(SelectStmt, linitial_node(RawStmt, parsed)->stmt);
	if (list_length(select->targetList) != 1 || select->distinctClause != NIL ||
	    select->fromClause != NIL || select->whereClause != NULL || select->groupClause != NIL ||
	    select->havingClause != NULL || select->windowClause != NIL || select->sortClause != NIL ||
	    select->limitOffset != NULL || select->limitCount != NULL || select->lockingClause != NIL ||
	    select->withClause != NULL || select->op != SETOP_NONE ||
	    (target = linitial_node(ResTarget, select->targetList))->name != NULL ||
	    target->indirection != NIL || is_star(target->val) ||
	    target->location != leading_blanks(text))
		ereport(ERROR,
		        (errcode(ERRCODE_SYNTAX_ERROR),
		         errmsg("%s must be one expression", walk->sort->what),
		         errdetail("The text is \"%s\".", text), errhint("%s", walk->sort->form_hint)));
	return target->val;
}

Expr *
analyse(ExpressionWalk *walk, const char *text)
{
	Workspace *ws = walk->ws;
	Relation rel = walk->rel =
	    table_open(workspace_table(ws, walk->sort->table)->oid, AccessShareLock);
	ParseState *pstate = make_parsestate(NULL);
	Oid text_argument = TEXTOID;
	Node *raw;
	Node *expression;

	if (text[leading_blanks(text)] == '\0')
		ereport(ERROR,
		        (errcode(ERRCODE_SYNTAX_ERROR), errmsg("%s must not be empty", walk->sort->what),
		         errhint("%s", walk->sort->form_hint)));
	if (strlen(text) > EXPRESSION_TEXT_MAX)
		expression_refuse_size(
		    walk, "is too long",
		    psprintf("It has %zu bytes, and the limit is %d.", strlen(text), EXPRESSION_TEXT_MAX));
	walk->pstate = pstate;
	walk->copies = 1;
	pstate->p_sourcetext = text;
	pstate->p_pre_columnref_hook = allowed_column;
	pstate->p_ref_hook_state = walk;
	addNSItemToQuery(pstate,
	                 addRangeTableEntryForRelation(pstate, rel, AccessShareLock, NULL, false, true),
	                 false, true, true);
	raw = parse_expression(walk, text);
	walk->extension = get_extension_oid("cdp", false);
	walk->extension_schema = get_namespace_oid("cdp", false);
	(void) check_raw_node(raw, walk);
	list_sort(walk->literals, compare_literals);
	expression = transformExpr(pstate, raw, EXPR_KIND_WHERE);
	if (walk->sort->coerce != NULL)
		expression = walk->sort->coerce(pstate, expression);
	else
		expression = coerce_to_boolean(pstate, expression, walk->sort->what);
	assign_expr_collations(pstate, expression);
	free_parsestate(pstate);
	(void) collect_named(expression, walk);

	walk->absolute_text = LookupFuncName(
	    list_make2(makeString("cdp"), makeString("absolute_time_text")), 1, &text_argument, false);
	walk->clock = LookupFuncName(list_make2(makeString("cdp"), makeString("now")), 0, NULL, false);
	bounds_begin(walk);
	expression = check_node(expression, walk);
	bounds_end(walk);
	table_close(rel, AccessShareLock);
	return (Expr *) expression;
}
