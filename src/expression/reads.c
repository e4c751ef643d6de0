/*
 * reads.c
 *	  What an expression reads: keys of traits, computed traits, segments.
 */
#include "expression/expression_internal.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/params.h"
#include "parser/parse_func.h"
#include "types/segment_query.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

/* Tests of membership, as places in Reads.member_functions. */
enum
{
	MEMBER_ONE,
	MEMBER_ANY_NAME,
	MEMBER_ALL_NAMES,
	MEMBER_ANY_SET,
	MEMBER_ALL_SET,
	MEMBER_QUERY,
	MEMBER_OF_QUERY /* query @@ segments */
};

/* Functions that read a computed trait, and their operators. */
static const struct
{
	const char *name;
	const char *operator;
} computed_readers[N_COMPUTED_READERS] = {
    {"computed_value", "->"},   {"computed_text", "->>"},     {"computed_int", NULL},
    {"computed_numeric", NULL}, {"computed_timestamp", NULL},
};

static Oid
function_of(const char *name, Oid first, Oid second)
{
	Oid types[2] = {first, second};

	return LookupFuncName(list_make2(makeString("cdp"), makeString(pstrdup(name))), 2, types,
	                      false);
}

/* The attribute number of a value of profiles, and its type. */
static AttrNumber
value_column_of(Workspace *ws, const char *name, Oid *type)
{
	const TableState *profiles = workspace_table(ws, &profiles_table);

	for (int i = 0; i < n_profile_values; i++)
		if (strcmp(profile_value_of(i)->column.name, name) == 0)
		{
			*type = profiles->types[PROFILE_VALUE(i)];
			return profiles->columns[PROFILE_VALUE(i)];
		}
	elog(ERROR, "profiles have no value \"%s\"", name);
	return InvalidAttrNumber;
}

void
reads_begin(Reads *reads, Workspace *ws)
{
	const TableState *profiles = workspace_table(ws, &profiles_table);
	Oid set = profiles->types[PROFILE_SEGMENTS];
	Oid traits;
	Oid computed;
	Oid query = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("segment_query"),
	                            ObjectIdGetDatum(get_namespace_oid("cdp", false)));

	memset(reads, 0, sizeof(Reads));
	reads->ws = ws;
	reads->segments_column = profiles->columns[PROFILE_SEGMENTS];
	reads->traits_column = value_column_of(ws, "traits", &traits);
	reads->computed_column = value_column_of(ws, "computed", &computed);
	reads->trait_functions[0] = function_of("trait", traits, TEXTOID);
	reads->trait_functions[1] = function_of("trait_text", traits, TEXTOID);
	reads->trait_functions[2] = function_of("has_trait", traits, TEXTOID);
	reads->member_functions[MEMBER_ONE] = function_of("has_segment", set, TEXTOID);
	reads->member_functions[MEMBER_ANY_NAME] = function_of("has_any_segment", set, TEXTARRAYOID);
	reads->member_functions[MEMBER_ALL_NAMES] = function_of("has_all_segments", set, TEXTARRAYOID);
	reads->member_functions[MEMBER_ANY_SET] = function_of("has_any_segment", set, set);
	reads->member_functions[MEMBER_ALL_SET] = function_of("has_all_segments", set, set);
	for (int i = 0; i < N_COMPUTED_READERS; i++)
	{
		Oid types[3] = {computed, TEXTOID, TIMESTAMPTZOID};
		List *name = list_make2(makeString("cdp"), makeString(pstrdup(computed_readers[i].name)));

		reads->computed_functions[i] = LookupFuncName(name, 2, types, false);
		reads->computed_at[i] = LookupFuncName(name, 3, types, false);
		reads->computed_operators[i] =
		    computed_readers[i].operator== NULL
		        ? InvalidOid
		        : OpernameGetOprid(list_make2(makeString("pg_catalog"),
		                                      makeString(pstrdup(computed_readers[i].operator))),
		                           types[0], types[1]);
	}
	reads->bounded = bounds_function();
	reads->member_functions[MEMBER_QUERY] = function_of("matches", set, query);
	reads->member_functions[MEMBER_OF_QUERY] = function_of("matches", query, set);
}

/*
 * The constant argument of a call of one of these functions, by name or as an operator, on
 * a column of profiles; *which is the function. Null: the node is no such call. The column
 * is the other argument: the first one, or the second as in query @@ segments.
 */
static Const *
constant_of_call(const Reads *reads, Node *node, const Oid *functions, int n, AttrNumber column,
                 int *which)
{
	BoundedCall bounded;
	Oid function;
	List *args;
	Node *subject;
	Node *constant;

	if (bounds_called(reads->bounded, node, &bounded))
	{
		function = bounded.function;
		args = bounded.args;
	}
	else if (IsA(node, OpExpr))
	{
		set_opfuncid((OpExpr *) node);
		function = ((OpExpr *) node)->opfuncid;
		args = ((OpExpr *) node)->args;
	}
	else if (IsA(node, FuncExpr))
	{
		function = ((FuncExpr *) node)->funcid;
		args = ((FuncExpr *) node)->args;
	}
	else
		return NULL;
	for (*which = 0; *which < n; (*which)++)
		if (functions[*which] == function)
			break;
	if (*which == n || list_length(args) != 2)
		return NULL;
	subject = linitial(args);
	constant = lsecond(args);
	if (IsA(subject, Const) && exprType(subject) != exprType(constant))
	{
		subject = lsecond(args);
		constant = linitial(args);
	}
	if (!IsA(subject, Var) || ((Var *) subject)->varattno != column || !IsA(constant, Const) ||
	    ((Const *) constant)->constisnull)
		return NULL;
	return (Const *) constant;
}

bool
reads_note_trait(Reads *reads, Node *node)
{
	int which;
	Const *key = constant_of_call(reads, node, reads->trait_functions,
	                              lengthof(reads->trait_functions), reads->traits_column, &which);

	if (key == NULL)
		return false;
	reads->keys = lappend(reads->keys, TextDatumGetCString(key->constvalue));
	return true;
}

/* The constant name by which a node reads a computed trait; null: it reads none. */
static Const *
computed_name_constant(Reads *reads, Node *node, int *which)
{
	return constant_of_call(reads, node, reads->computed_functions, N_COMPUTED_READERS,
	                        reads->computed_column, which);
}

int
reads_note_computed(Reads *reads, Node *node)
{
	int which;
	Const *constant = computed_name_constant(reads, node, &which);
	char *name;
	int index;

	if (constant == NULL)
		return -1;
	name = TextDatumGetCString(constant->constvalue);
	index = defined_names_find(&reads->ws->computed_names, name);
	if (index < 0)
	{
		reads->missing_computed = name;
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
		                errmsg("computed trait \"%s\" does not exist", name),
		                errdetail("A predicate reads it."),
		                errhint("Define it first, in computed_traits.")));
	}
	reads->computed = lappend(reads->computed, name);
	return reads->ws->computed_names.names[index].window_days;
}

Node *
reads_computed_at(Reads *reads, Node *node, Node *instant)
{
	int which;
	Const *constant = computed_name_constant(reads, node, &which);
	List *args = IsA(node, OpExpr) ? ((OpExpr *) node)->args : ((FuncExpr *) node)->args;

	return (Node *) makeFuncExpr(reads->computed_at[which], exprType(node),
	                             list_make3(linitial(args), constant, instant), exprCollation(node),
	                             exprInputCollation(node), COERCE_EXPLICIT_CALL);
}

/* Which of the functions in computed_at a node calls, with which arguments; -1: none. */
static int
which_read_at_instant(Reads *reads, Node *node, List **args)
{
	BoundedCall call;

	if (!bounds_called(reads->bounded, node, &call))
	{
		if (!IsA(node, FuncExpr))
			return -1;
		call = (BoundedCall){((FuncExpr *) node)->funcid, ((FuncExpr *) node)->args};
	}
	*args = call.args;
	if (list_length(call.args) == 3)
		for (int i = 0; i < N_COMPUTED_READERS; i++)
			if (reads->computed_at[i] == call.function)
				return i;
	return -1;
}

Node *
reads_computed_written(Reads *reads, Node *node)
{
	FuncExpr *call = (FuncExpr *) node;
	List *args;
	int which = which_read_at_instant(reads, node, &args);

	if (which < 0)
		return NULL;
	args = list_make2(linitial(args), lsecond(args));
	if (OidIsValid(reads->computed_operators[which]))
		return (Node *) make_opclause(reads->computed_operators[which], call->funcresulttype, false,
		                              linitial(args), lsecond(args), call->funccollid,
		                              call->inputcollid);
	return (Node *) makeFuncExpr(reads->computed_functions[which], call->funcresulttype, args,
	                             call->funccollid, call->inputcollid, COERCE_EXPLICIT_CALL);
}

char *
reads_computed_name(Reads *reads, Node *node)
{
	List *args;

	if (which_read_at_instant(reads, node, &args) < 0)
		return NULL;
	return TextDatumGetCString(lsecond_node(Const, args)->constvalue);
}

static int
find_segment(Reads *reads, const char *name)
{
	int index = defined_names_find(&reads->ws->segment_names, name);

	if (index >= 0)
		return index;
	reads->missing = pstrdup(name);
	ereport(ERROR,
	        (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("segment \"%s\" does not exist", name),
	         errdetail("A predicate asks whether a profile is in it."),
	         errhint("Define it first, or in the same statement.")));
	return -1;
}

/* Makes the parameter that says whether a profile is in a segment, and notes the segment. */
static Node *
member_param(Reads *reads, const char *name)
{
	int index = find_segment(reads, name);
	Param *param = makeNode(Param);

	if (++reads->n_members > EXPRESSION_ANALYSED_MAX)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
		                errmsg("a segment's predicate is too large"),
		                errdetail("It asks for membership more than %d times, prefixes written "
		                          "out.",
		                          EXPRESSION_ANALYSED_MAX),
		                errhint("Define a segment of what it repeats.")));

	reads->segments = bms_add_member(reads->segments, index);
	param->paramkind = PARAM_EXTERN;
	param->paramid = SEGMENT_PARAM(index);
	param->paramtype = BOOLOID;
	param->paramtypmod = -1;
	param->location = -1;
	return (Node *) param;
}

/*
 * An expression for: the profile is in any segment whose name has this prefix. It covers the
 * segments that exist now; the prefix is noted for those that will come.
 */
static Node *
prefix_params(Reads *reads, const char *prefix, int len)
{
	List *params = NIL;
	bool known = false;
	ListCell *lc;

	foreach (lc, reads->prefixes)
		known = known || strcmp((char *) lfirst(lc), prefix) == 0;
	if (!known)
		reads->prefixes = lappend(reads->prefixes, pstrdup(prefix));
	for (int i = 0; i < reads->ws->segment_names.n; i++)
		if (strncmp(reads->ws->segment_names.names[i].name, prefix, len) == 0)
			params = lappend(params, member_param(reads, reads->ws->segment_names.names[i].name));
	if (list_length(params) == 1)
		return linitial(params);
	return params == NIL ? makeBoolConst(false, false) : (Node *) makeBoolExpr(OR_EXPR, params, -1);
}

/*
 * Makes an expression from the item *item of a query and the items below it; *item moves
 * past them.
 */
static Node *
query_params(Reads *reads, const SegmentQuery *query, int *item)
{
	const SegmentQueryItem *first = &query->items[*item];
	int end = *item + 1 + first->size;
	Node *node;

	CHECK_FOR_INTERRUPTS();
	check_stack_depth();
	if (SEGMENT_QUERY_IS_OPERATOR(first))
	{
		List *operands = NIL;

		(*item)++;
		while (*item < end)
			operands = lappend(operands, query_params(reads, query, item));
		node = (Node *) makeBoolExpr(first->kind == SEGMENT_QUERY_AND ? AND_EXPR : OR_EXPR,
		                             operands, -1);
	}
	else
	{
		int len;
		const char *text = segment_query_name(query, *item, &len);
		char *name = pnstrdup(text, len);

		(*item)++;
		node = first->kind == SEGMENT_QUERY_PREFIX ? prefix_params(reads, name, len)
		                                           : member_param(reads, name);
	}
	return first->negated ? (Node *) makeBoolExpr(NOT_EXPR, list_make1(node), -1) : node;
}

/* A test of membership as an expression over parameters; null: the node is no such test. */
static Node *
member_test_params(Reads *reads, Node *node)
{
	int which;
	Const *constant =
	    constant_of_call(reads, node, reads->member_functions, lengthof(reads->member_functions),
	                     reads->segments_column, &which);
	List *params = NIL;
	bool all = which == MEMBER_ALL_NAMES || which == MEMBER_ALL_SET;

	if (constant == NULL)
		return NULL;
	if (which == MEMBER_ONE)
		return member_param(reads, TextDatumGetCString(constant->constvalue));
	if (which == MEMBER_QUERY || which == MEMBER_OF_QUERY)
	{
		int item = 0;

		return query_params(reads, DatumGetSegmentQueryP(constant->constvalue), &item);
	}
	if (which == MEMBER_ANY_NAME || which == MEMBER_ALL_NAMES)
	{
		Datum *names;
		bool *nulls;
		int n;

		deconstruct_array(DatumGetArrayTypeP(constant->constvalue), TEXTOID, -1, false,
		                  TYPALIGN_INT, &names, &nulls, &n);
		for (int i = 0; i < n; i++)
			if (!nulls[i])
				params = lappend(params, member_param(reads, TextDatumGetCString(names[i])));
	}
	else
	{
		SegmentSet *set = DatumGetSegmentSetP(constant->constvalue);

		for (int i = 0; i < segment_set_count(set); i++)
		{
			SegmentMember member;

			segment_set_get(set, i, &member);
			params = lappend(params, member_param(reads, pnstrdup(member.name, member.name_len)));
		}
	}
	if (list_length(params) == 1)
		return linitial(params);
	if (params == NIL)
		return makeBoolConst(all, false);
	return (Node *) makeBoolExpr(all ? AND_EXPR : OR_EXPR, params, -1);
}

bool
reads_note_members(Reads *reads, Node *node)
{
	return member_test_params(reads, node) != NULL;
}

static Node *
resolve_members(Node *node, void *context)
{
	Node *resolved;

	if (node == NULL)
		return NULL;
	resolved = member_test_params((Reads *) context, node);
	return resolved != NULL ? resolved : expression_tree_mutator(node, resolve_members, context);
}

Node *
reads_resolve_members(Reads *reads, Node *expression)
{
	return resolve_members(expression, reads);
}

void
expression_set_member(ExprContext *econtext, int place, bool member)
{
	ParamExternData *param = &econtext->ecxt_param_list_info->params[SEGMENT_PARAM(place) - 1];

	param->value = BoolGetDatum(member);
	param->isnull = false;
	param->pflags = 0;
	param->ptype = BOOLOID;
}

int
defined_names_find(const DefinedNames *names, const char *name)
{
	int low = 0;
	int high = names->n;

	while (low < high)
	{
		int middle = (low + high) / 2;
		int order = strcmp(name, names->names[middle].name);

		if (order == 0)
			return middle;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return -1;
}
