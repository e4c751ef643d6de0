/*
 * segment_index.c
 *	  The condition of an index scan for segments @@ query: the planner's
 *	  support function of cdp.matches.
 *
 * A GIN index can answer a negation: vip & !gold reads the lists of both. It
 * must go through gold's list for that. A long list costs more than checking
 * the few rows that vip & ... leaves. The choice depends on the frequencies,
 * which only the planner knows. So @@ itself is not in the operator class, but
 * @@@, which is the same. The scan gets @@@ with the query as it is, or without
 * its negations, which are then checked on the rows.
 */
#include "types/segment_query.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(segment_set_matches_support);

#define STRATEGY_MATCHES 1 /* of @@@ in the operator class */

/*
 * Costs in nanoseconds, as measured on rows in memory. An index scan goes
 * through the rarest list. It looks each entry up in each other list, which it
 * unpacks. A row that it finds in vain must be fetched and checked. All rows
 * are checked again, with and without negations in the scan: the planner does
 * not know that @@@ is @@.
 */
#define COST_LOOKED_UP 30.0
#define COST_UNPACKED 3.0
#define COST_IN_VAIN 1000.0

/* The part of the rows on which a query holds. */
static double
part_of_rows(SupportRequestIndexCondition *request, Oid op, Node *column, const Const *like,
             SegmentQuery *query)
{
	Const *constant = makeConst(like->consttype, like->consttypmod, like->constcollid,
	                            like->constlen, PointerGetDatum(query), false, false);
	Expr *clause = make_opclause(op, BOOLOID, false, (Expr *) column, (Expr *) constant, InvalidOid,
	                             InvalidOid);

	return clause_selectivity(request->root, (Node *) clause, 0, JOIN_INNER, NULL);
}

/*
 * The query without its negations, if it is a conjunction with other operands,
 * and an index scan is cheaper without them; else null.
 */
static SegmentQuery *
without_negations(SupportRequestIndexCondition *request, Oid op, Node *column,
                  const Const *constant)
{
	SegmentQuery *query = DatumGetSegmentQueryP(constant->constvalue);
	double rows = Max(request->index->rel->tuples, 0);
	double rarest = rows;
	double with_negations = 0;
	double found;
	double wanted;
	SegmentQuery *rest;
	int *others;
	int n_others = 0;
	int n_negations = 0;

	if (query->items[0].kind != SEGMENT_QUERY_AND || query->items[0].negated)
		return NULL;
	others = (int *) palloc(query->count * sizeof(int));
	for (int i = 1; i < query->count; i = segment_query_next(query, i))
	{
		if (query->items[i].negated)
			n_negations++;
		else
			others[n_others++] = i;
	}
	if (n_negations == 0 || n_others == 0)
		return NULL;
	for (int i = 1; i < query->count; i = segment_query_next(query, i))
	{
		double part =
		    part_of_rows(request, op, column, constant, segment_query_conjunction(query, &i, 1));

		if (query->items[i].negated)
			with_negations += COST_UNPACKED * rows * (1 - part);
		else
			rarest = Min(rarest, rows * part);
	}
	rest = segment_query_conjunction(query, others, n_others);
	found = rows * part_of_rows(request, op, column, constant, rest);
	wanted = rows * part_of_rows(request, op, column, constant, query);
	with_negations += COST_LOOKED_UP * rarest * n_negations;
	return COST_IN_VAIN * Max(found - wanted, 0) < with_negations ? rest : NULL;
}

/* The condition of an index scan for a call of cdp.matches, either way round; NIL: there is none. */
static List *
index_condition(SupportRequestIndexCondition *request)
{
	List *args = IsA(request->node, OpExpr)     ? ((OpExpr *) request->node)->args
	             : IsA(request->node, FuncExpr) ? ((FuncExpr *) request->node)->args
	                                            : NIL;
	SegmentQuery *less = NULL;
	Node *column;
	Node *asked;
	Oid op;

	if (list_length(args) != 2)
		return NIL;
	column = list_nth(args, request->indexarg);
	asked = list_nth(args, 1 - request->indexarg);
	op =
	    get_opfamily_member(request->opfamily, exprType(column), exprType(asked), STRATEGY_MATCHES);
	if (!OidIsValid(op) || !is_pseudo_constant_for_index(request->root, asked, request->index))
		return NIL;
	if (IsA(asked, Const) && !((Const *) asked)->constisnull)
		less = without_negations(request, op, column, (Const *) asked);
	if (less != NULL)
	{
		Const *constant = (Const *) copyObject(asked);

		constant->constvalue = PointerGetDatum(less);
		asked = (Node *) constant;
	}
	request->lossy = less != NULL;
	return list_make1(
	    make_opclause(op, BOOLOID, false, (Expr *) column, (Expr *) asked, InvalidOid, InvalidOid));
}

/* cdp.segment_set_matches_support(internal) -> internal: planner support. */
Datum
segment_set_matches_support(PG_FUNCTION_ARGS)
{
	Node *request = (Node *) PG_GETARG_POINTER(0);

	PG_RETURN_POINTER(IsA(request, SupportRequestIndexCondition)
	                      ? index_condition((SupportRequestIndexCondition *) request)
	                      : NIL);
}
