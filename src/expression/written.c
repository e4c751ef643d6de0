/*
 * written.c
 *	  An analysed expression as a user would write it.
 */
#include "expression/expression_internal.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"

/*
 * Undoes for a reader what check_node has done: puts now(), or a column, in place of the
 * clock's parameter, and removes cdp.absolute_time_text and cdp.bounded.
 */
static Node *
as_written(Node *node, void *context)
{
	ExpressionWalk *walk = (ExpressionWalk *) context;
	Node *written;

	if (node == NULL)
		return NULL;
	if ((written = bounds_written(walk->bounded, node)) != NULL)
		return as_written(written, context);
	if (!walk->clock_as_column && (written = reads_computed_written(&walk->reads, node)) != NULL)
		return written;
	if (IsA(node, Param) && ((Param *) node)->paramid == CLOCK_PARAM)
	{
		AttrNumber column =
		    workspace_table(walk->ws, &profiles_table)->columns[PROFILE_EVALUATED_AT];

		if (walk->clock_as_column)
			return (Node *) makeVar(1, column, TIMESTAMPTZOID, -1, InvalidOid, 0);
		return (Node *) makeFuncExpr(F_NOW, TIMESTAMPTZOID, NIL, InvalidOid, InvalidOid,
		                             COERCE_EXPLICIT_CALL);
	}
	if (IsA(node, Param))
	{
		int index = ((Param *) node)->paramid - SEGMENT_PARAM(0);
		const char *name = walk->ws->segment_names.names[index].name;

		return (Node *) makeFuncExpr(
		    walk->reads.member_functions[0], BOOLOID,
		    list_make2(
		        makeVar(1, workspace_table(walk->ws, &profiles_table)->columns[PROFILE_SEGMENTS],
		                workspace_table(walk->ws, &profiles_table)->types[PROFILE_SEGMENTS], -1,
		                InvalidOid, 0),
		        makeConst(TEXTOID, -1, DEFAULT_COLLATION_OID, -1, CStringGetTextDatum(name), false,
		                  false)),
		    InvalidOid, DEFAULT_COLLATION_OID, COERCE_EXPLICIT_CALL);
	}
	if (IsA(node, FuncExpr) && ((FuncExpr *) node)->funcid == F_DATE_TIMESTAMPTZ &&
	    IsA(linitial(((FuncExpr *) node)->args), Param) && !walk->clock_as_column)
	{
		SQLValueFunction *today = makeNode(SQLValueFunction);

		today->op = SVFOP_CURRENT_DATE;
		today->type = DATEOID;
		today->typmod = today->location = -1;
		return (Node *) today;
	}
	if (IsA(node, FuncExpr) && ((FuncExpr *) node)->funcid == walk->absolute_text)
		return as_written(linitial(((FuncExpr *) node)->args), context);
	return expression_tree_mutator(node, as_written, context);
}

char *
written_text(Node *expression, void *context)
{
	ExpressionWalk *walk = (ExpressionWalk *) context;
	Oid profiles = workspace_table(walk->ws, &profiles_table)->oid;

	return deparse_expression(as_written(expression, walk),
	                          deparse_context_for(get_rel_name(profiles), profiles), false, false);
}
