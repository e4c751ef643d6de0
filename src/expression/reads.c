/*
 * reads.c
 *	  What predicates read, and the order in which segments are evaluated: those
 *	  that others refer to first.
 */
#include "expression/reads.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_func.h"
#include "types/segment_query.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "computed/compile.h"
#include "utils/syscache.h"

/* Tests of membership: the function, its constant argument, and whether all names must hold. */
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

void
reads_begin(Reads *reads, Workspace *ws)
{
	Oid traits = ws->types[TABLE_PROFILES][PROFILE_TRAITS];
	Oid set = ws->types[TABLE_PROFILES][PROFILE_SEGMENTS];
	Oid query = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("segment_query"),
	                            ObjectIdGetDatum(get_namespace_oid("cdp", false)));

	memset(reads, 0, sizeof(Reads));
	reads->ws = ws;
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
		Oid types[3] = {ws->types[TABLE_PROFILES][PROFILE_COMPUTED], TEXTOID, TIMESTAMPTZOID};
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
	reads->member_functions[MEMBER_QUERY] = function_of("matches", set, query);
	reads->member_functions[MEMBER_OF_QUERY] = function_of("matches", query, set);
}

/*
 * The constant argument of a call, by name or as an operator, of one of some
 * functions on a column of profiles; null: it is no such call. It is the second
 * one, or the first where that is of another type than the column.
 */
static Const *
constant_of_call(Node *node, const Oid *functions, int n, AttrNumber column, int *which)
{
	Oid function;
	List *args;
	Node *subject;
	Node *constant;

	if (IsA(node, OpExpr))
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
reads_trait(Reads *reads, Node *node)
{
	int which;
	Const *key = constant_of_call(node, reads->trait_functions, lengthof(reads->trait_functions),
	                              reads->ws->columns[TABLE_PROFILES][PROFILE_TRAITS], &which);

	if (key == NULL)
		return false;
	reads->keys = lappend(reads->keys, TextDatumGetCString(key->constvalue));
	return true;
}

/* The constant name by which a node reads a computed trait; null: it does not. */
static Const *
computed_name(Reads *reads, Node *node, int *which)
{
	return constant_of_call(node, reads->computed_functions, N_COMPUTED_READERS,
	                        reads->ws->columns[TABLE_PROFILES][PROFILE_COMPUTED], which);
}

int
reads_computed(Reads *reads, Node *node)
{
	int which;
	Const *constant = computed_name(reads, node, &which);
	char *name;
	int index;

	if (constant == NULL)
		return -1;
	name = TextDatumGetCString(constant->constvalue);
	index = computed_traits_find(reads->ws, name);
	if (index < 0)
	{
		reads->missing_computed = name;
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
		                errmsg("computed trait \"%s\" does not exist", name),
		                errdetail("A predicate reads it."),
		                errhint("Define it first, in computed_traits.")));
	}
	reads->computed = lappend(reads->computed, name);
	return Max(reads->ws->computed[index].window_days, 0);
}

Node *
reads_computed_at(Reads *reads, Node *node, Node *instant)
{
	int which;
	Const *constant = computed_name(reads, node, &which);
	List *args = IsA(node, OpExpr) ? ((OpExpr *) node)->args : ((FuncExpr *) node)->args;

	return (Node *) makeFuncExpr(reads->computed_at[which], exprType(node),
	                             list_make3(linitial(args), constant, instant), exprCollation(node),
	                             exprInputCollation(node), COERCE_EXPLICIT_CALL);
}

/* Which of the functions that read a trait at an instant a node calls; -1: none. */
static int
computed_call(Reads *reads, Node *node)
{
	if (IsA(node, FuncExpr) && list_length(((FuncExpr *) node)->args) == 3)
		for (int i = 0; i < N_COMPUTED_READERS; i++)
			if (reads->computed_at[i] == ((FuncExpr *) node)->funcid)
				return i;
	return -1;
}

Node *
reads_computed_written(Reads *reads, Node *node)
{
	FuncExpr *call = (FuncExpr *) node;
	int which = computed_call(reads, node);
	List *args;

	if (which < 0)
		return NULL;
	args = list_make2(linitial(call->args), lsecond(call->args));
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
	if (computed_call(reads, node) < 0)
		return NULL;
	return TextDatumGetCString(castNode(Const, list_nth(((FuncExpr *) node)->args, 1))->constvalue);
}

static int
segment_index(Reads *reads, const char *name)
{
	for (int i = 0; i < reads->ws->n_segments; i++)
		if (strcmp(reads->ws->segments[i].name, name) == 0)
			return i;
	reads->missing = pstrdup(name);
	ereport(ERROR,
	        (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("segment \"%s\" does not exist", name),
	         errdetail("A predicate asks whether a profile is in it."),
	         errhint("Define it first, or in the same statement.")));
	return -1;
}

/* The parameter that says whether a profile is in a segment. */
static Node *
member_param(Reads *reads, const char *name)
{
	int index = segment_index(reads, name);
	Param *param = makeNode(Param);

	reads->segments = bms_add_member(reads->segments, index);
	param->paramkind = PARAM_EXTERN;
	param->paramid = SEGMENT_PARAM(index);
	param->paramtype = BOOLOID;
	param->paramtypmod = -1;
	param->location = -1;
	return (Node *) param;
}

/* Whether a profile is in any segment whose name has a prefix, of those that are there now. */
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
	for (int i = 0; i < reads->ws->n_segments; i++)
		if (strncmp(reads->ws->segments[i].name, prefix, len) == 0)
			params = lappend(params, member_param(reads, reads->ws->segments[i].name));
	if (list_length(params) == 1)
		return linitial(params);
	return params == NIL ? makeBoolConst(false, false) : (Node *) makeBoolExpr(OR_EXPR, params, -1);
}

/* A query as parameters, from its item number *item on, which goes on behind what belongs to it. */
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

/* The test as parameters; null: the node is none. */
static Node *
members_of(Reads *reads, Node *node)
{
	int which;
	Const *constant =
	    constant_of_call(node, reads->member_functions, lengthof(reads->member_functions),
	                     reads->ws->columns[TABLE_PROFILES][PROFILE_SEGMENTS], &which);
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
reads_members(Reads *reads, Node *node)
{
	return members_of(reads, node) != NULL;
}

static Node *
resolve_members(Node *node, void *context)
{
	Node *resolved;

	if (node == NULL)
		return NULL;
	resolved = members_of((Reads *) context, node);
	return resolved != NULL ? resolved : expression_tree_mutator(node, resolve_members, context);
}

Node *
reads_resolve_members(Reads *reads, Node *expression)
{
	return resolve_members(expression, reads);
}

/* Notes who reads a key; of each there is one entry. */
static void
note_key(TraitReaders **all, int *n, const char *key, int rank)
{
	TraitReaders *readers = NULL;

	for (int i = 0; i < *n && readers == NULL; i++)
		if (strcmp((*all)[i].key, key) == 0)
			readers = &(*all)[i];
	if (readers == NULL)
	{
		*all = *all == NULL ? palloc(sizeof(TraitReaders))
		                    : repalloc(*all, sizeof(TraitReaders) * (*n + 1));
		readers = &(*all)[(*n)++];
		readers->key = key;
		readers->key_len = strlen(key);
		readers->segments = NULL;
	}
	readers->segments = bms_add_member(readers->segments, rank);
}

/* Notes, per column, key, computed trait and segment, who reads it. */
static void
note_readers(Workspace *ws, const Segment *segment)
{
	int column = -1;
	int other = -1;

	while ((column = bms_next_member(segment->columns, column)) >= 0)
	{
		if (column >= ws->n_readers)
		{
			int n = column + 1;

			ws->readers = ws->readers == NULL ? palloc0(sizeof(Bitmapset *) * n)
			                                  : repalloc(ws->readers, sizeof(Bitmapset *) * n);
			while (ws->n_readers < n)
				ws->readers[ws->n_readers++] = NULL;
		}
		ws->readers[column] = bms_add_member(ws->readers[column], segment->rank);
	}
	for (int i = 0; i < segment->n_keys; i++)
		note_key(&ws->trait_readers, &ws->n_trait_readers, segment->keys[i], segment->rank);
	for (int i = 0; i < segment->n_computed; i++)
		note_key(&ws->computed_readers, &ws->n_computed_readers, segment->computed[i],
		         segment->rank);
	while ((other = bms_next_member(segment->reads, other)) >= 0)
		ws->segments[other].dependents =
		    bms_add_member(ws->segments[other].dependents, segment->rank);
}

void
reads_order_segments(Workspace *ws)
{
	Bitmapset *done = NULL;
	int n = 0;

	ws->by_rank = palloc(sizeof(int) * Max(ws->n_segments, 1));
	while (n < ws->n_segments)
	{
		int before = n;

		for (int i = 0; i < ws->n_segments; i++)
			if (!bms_is_member(i, done) && bms_is_subset(ws->segments[i].reads, done))
			{
				ws->segments[i].rank = n;
				ws->by_rank[n++] = i;
				done = bms_add_member(done, i);
			}
		if (n > before)
			continue;
		/* they read each other: a definition refuses that */
		for (int i = 0; i < ws->n_segments; i++)
			if (!bms_is_member(i, done))
			{
				ws->segments[i].rank = n;
				ws->by_rank[n++] = i;
				ws->in_circle = bms_add_member(ws->in_circle, i);
			}
	}
	for (int i = 0; i < ws->n_segments; i++)
	{
		note_readers(ws, &ws->segments[i]);
		ws->all_segments = bms_add_member(ws->all_segments, i);
		if (ws->segments[i].clock != NULL)
			ws->clock_segments = bms_add_member(ws->clock_segments, ws->segments[i].rank);
	}
}

Bitmapset *
reads_by_prefix(Workspace *ws, const char *name, int name_len, Bitmapset *readers)
{
	for (int i = 0; i < ws->n_segments; i++)
	{
		const Segment *segment = &ws->segments[i];

		for (int p = 0; p < segment->n_prefixes; p++)
		{
			size_t len = strlen(segment->prefixes[p]);

			if (len <= name_len && memcmp(name, segment->prefixes[p], len) == 0)
				readers = bms_add_member(readers, segment->rank);
		}
	}
	return readers;
}

char *
reads_circle(Workspace *ws)
{
	StringInfoData circle;
	Bitmapset *seen = NULL;
	int at = bms_next_member(ws->in_circle, -1);
	int first;

	if (at < 0)
		return NULL;
	/* each reads another one in or before a circle: going on, one comes round */
	while (!bms_is_member(at, seen))
	{
		seen = bms_add_member(seen, at);
		at = bms_next_member(bms_intersect(ws->segments[at].reads, ws->in_circle), -1);
	}
	first = at;
	initStringInfo(&circle);
	do
	{
		appendStringInfo(&circle, "%s -> ", ws->segments[at].name);
		at = bms_next_member(bms_intersect(ws->segments[at].reads, ws->in_circle), -1);
	} while (at != first);
	appendStringInfoString(&circle, ws->segments[first].name);
	return circle.data;
}
