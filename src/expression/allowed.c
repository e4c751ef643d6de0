/*
 * allowed.c
 *	  What an expression may use, decided by OID: the immutable functions of PostgreSQL and
 *	  of the extension, and the stable ones listed here, which depend only on time zone and date style.
 *	  The engine sets both. Of types those of PostgreSQL and cdp whose values are data, and
 *	  enumerated types.
 *
 * A type of a user's is refused because its literals may call any function: the input of a
 * domain evaluates its constraints. The parser reads literals while it analyses, so types
 * are decided before that. Where the text names a type, its OID takes the place of the name:
 * nothing looks the name up again, and finds another type.
 */
#include "expression/expression_internal.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_expr.h"
#include "parser/parse_node.h"
#include "parser/parse_type.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

/* Stable functions whose result depends only on time zone and date style. */
static const Oid zone_functions[] = {
    F_TIMESTAMPTZ_DATE,
    F_TIMESTAMPTZ_TIMESTAMP,
    F_TIMESTAMPTZ_DATE_TIME,
    F_TIMESTAMP_TIMESTAMPTZ,
    F_DATE_TIMESTAMPTZ,
    F_TIME_TIMESTAMPTZ,
    F_TIMETZ_TIMESTAMPTZ,
    F_TIMETZ_TIME,
    F_DATE_LT_TIMESTAMPTZ,
    F_DATE_LE_TIMESTAMPTZ,
    F_DATE_EQ_TIMESTAMPTZ,
    F_DATE_GT_TIMESTAMPTZ,
    F_DATE_GE_TIMESTAMPTZ,
    F_DATE_NE_TIMESTAMPTZ,
    F_TIMESTAMPTZ_LT_DATE,
    F_TIMESTAMPTZ_LE_DATE,
    F_TIMESTAMPTZ_EQ_DATE,
    F_TIMESTAMPTZ_GT_DATE,
    F_TIMESTAMPTZ_GE_DATE,
    F_TIMESTAMPTZ_NE_DATE,
    F_TIMESTAMP_LT_TIMESTAMPTZ,
    F_TIMESTAMP_LE_TIMESTAMPTZ,
    F_TIMESTAMP_EQ_TIMESTAMPTZ,
    F_TIMESTAMP_GT_TIMESTAMPTZ,
    F_TIMESTAMP_GE_TIMESTAMPTZ,
    F_TIMESTAMP_NE_TIMESTAMPTZ,
    F_TIMESTAMPTZ_LT_TIMESTAMP,
    F_TIMESTAMPTZ_LE_TIMESTAMP,
    F_TIMESTAMPTZ_EQ_TIMESTAMP,
    F_TIMESTAMPTZ_GT_TIMESTAMP,
    F_TIMESTAMPTZ_GE_TIMESTAMP,
    F_TIMESTAMPTZ_NE_TIMESTAMP,
    F_TIMESTAMPTZ_PL_INTERVAL,
    F_TIMESTAMPTZ_MI_INTERVAL,
    F_INTERVAL_PL_TIMESTAMPTZ,
    F_DATE_TRUNC_TEXT_TIMESTAMPTZ,
    F_DATE_PART_TEXT_TIMESTAMPTZ,
    F_EXTRACT_TEXT_TIMESTAMPTZ,
    F_AGE_TIMESTAMPTZ_TIMESTAMPTZ,
    F_TO_CHAR_TIMESTAMPTZ_TEXT,
    F_TO_TIMESTAMP_TEXT_TEXT,
    F_DATE_IN,
    F_DATE_OUT,
    F_TIME_IN,
    F_TIME_OUT,
    F_TIMETZ_IN,
    F_TIMETZ_OUT,
    F_TIMESTAMP_IN,
    F_TIMESTAMP_OUT,
    F_TIMESTAMPTZ_IN,
    F_TIMESTAMPTZ_OUT,
    F_INTERVAL_IN,
    F_INTERVAL_OUT,
    F_TO_JSONB,
    F_JSONB_BUILD_ARRAY_ANY,
    F_CONCAT,
    F_CONCAT_WS,
    F_TEXTANYCAT,
    F_ANYTEXTCAT,
    F_ARRAY_IN,
    F_ARRAY_OUT,
    F_ARRAY_TO_STRING_ANYARRAY_TEXT,
    F_ARRAY_TO_STRING_ANYARRAY_TEXT_TEXT,
};

/* Types whose values stand for objects or transactions, or are read by code that has no bounds. */
static const Oid refused_types[] = {
    OIDOID,         OIDVECTOROID,    XIDOID,          XID8OID,
    CIDOID,         TIDOID,          ACLITEMOID,      TXID_SNAPSHOTOID,
    XMLOID,         CSTRINGOID,      INTERNALOID,     PG_SNAPSHOTOID,
    GTSVECTOROID,   PG_NODE_TREEOID, PG_NDISTINCTOID, PG_DEPENDENCIESOID,
    PG_MCV_LISTOID,
};

static bool
is_listed(Oid oid, const Oid *list, int n)
{
	for (int i = 0; i < n; i++)
		if (list[i] == oid)
			return true;
	return false;
}

/*
 * Whether an object is PostgreSQL's own or the extension's. Its schema does not say so: others may
 * have put something there.
 */
static bool
is_ours(const ExpressionWalk *walk, Oid class, Oid object, Oid schema)
{
	if (schema == PG_CATALOG_NAMESPACE)
		return object < FirstNormalObjectId;
	return schema == walk->extension_schema &&
	       getExtensionOfObject(class, object) == walk->extension;
}

bool
function_is_refused(Oid function, void *context)
{
	ExpressionWalk *walk = (ExpressionWalk *) context;
	Oid schema = get_func_namespace(function);
	char volatility = func_volatile(function);

	if (is_listed(function, zone_functions, lengthof(zone_functions)))
	{
		walk->uses_time_zone = true;
		return false;
	}
	if (function == F_ENUM_OUT) /* stable, as a value may be renamed */
		return false;
	if (volatility == PROVOLATILE_IMMUTABLE && !bounds_refuse(function) &&
	    is_ours(walk, ProcedureRelationId, function, schema))
		return false;
	walk->refused = function;
	return true;
}

void
refuse_function(ExpressionWalk *walk, Node *node)
{
	Oid function = walk->refused;
	char *name = get_func_name(function);
	Oid schema = get_func_namespace(function);
	int location = exprLocation(node);
	const char *why;

	if (function == F_CLOCK_TIMESTAMP || function == F_TIMEOFDAY)
		clock_refuse(walk, name, location, "Write now(): it is the instant of evaluation.");
	if (!is_ours(walk, ProcedureRelationId, function, schema))
		why = "Only those of PostgreSQL and of cdp may be called.";
	else if (func_volatile(function) == PROVOLATILE_VOLATILE)
		why = "It is volatile: its result may change between two calls.";
	else if (func_volatile(function) == PROVOLATILE_STABLE)
		why = "It is not immutable: its result depends on more than the profile.";
	else
		why = "Its result can be of any size.";
	ereport(ERROR,
	        (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
	         errmsg("function %s cannot be used in %s",
	                quote_qualified_identifier(get_namespace_name(schema), name), walk->sort->what),
	         errdetail("%s", why),
	         errhint("Use immutable functions and operators of PostgreSQL and cdp on the columns "
	                 "of %s.",
	                 walk->sort->table->name),
	         errposition(location >= 0 ? location + 1 : 0)));
}

/* Whether a name is qualified by a schema other than pg_catalog and cdp. */
bool
is_foreign(List *name)
{
	char *schema = list_length(name) < 2 ? NULL : strVal(list_nth(name, list_length(name) - 2));

	return schema != NULL && strcmp(schema, "pg_catalog") != 0 && strcmp(schema, "cdp") != 0;
}

void
refuse_foreign(ExpressionWalk *walk, const char *what, const char *name, int location)
{
	ereport(
	    ERROR,
	    (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
	     errmsg("%s %s cannot be used in %s", what, name, walk->sort->what),
	     errdetail("It may call any function. Only those of PostgreSQL and of cdp may be called."),
	     errhint("Use functions, operators and types of PostgreSQL and cdp, and enumerated "
	             "types."),
	     errposition(location >= 0 ? location + 1 : 0)));
}

/* Whether a type is not one of data. Types like regclass are known by their names: there may be more. */
static bool
names_objects(ExpressionWalk *walk, Oid type)
{
	HeapTuple tuple;
	Form_pg_type form;
	bool found;

	if (is_listed(type, refused_types, lengthof(refused_types)))
		return true;
	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type %u", type);
	form = (Form_pg_type) GETSTRUCT(tuple);
	found = form->typnamespace == PG_CATALOG_NAMESPACE && form->typlen == sizeof(Oid) &&
	        strncmp(NameStr(form->typname), "reg", 3) == 0;
	ReleaseSysCache(tuple);
	return found;
}

/* Whether a type is a domain, or is not made by PostgreSQL, cdp, or CREATE TYPE AS ENUM. */
static bool
is_users(ExpressionWalk *walk, Oid type)
{
	HeapTuple tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	Form_pg_type form;
	bool found;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type %u", type);
	form = (Form_pg_type) GETSTRUCT(tuple);
	found = form->typtype != TYPTYPE_ENUM && !OidIsValid(get_element_type(type)) &&
	        !is_ours(walk, TypeRelationId, type, form->typnamespace);
	ReleaseSysCache(tuple);
	return found;
}

static bool
is_domain(ExpressionWalk *walk, Oid type)
{
	return get_typtype(type) == TYPTYPE_DOMAIN;
}

/* Whether a test holds for a type, or for a type that its values consist of. */
static bool
type_has(ExpressionWalk *walk, Oid type, bool (*test)(ExpressionWalk *walk, Oid type))
{
	Oid part;

	check_stack_depth();
	if (test(walk, type))
		return true;
	if (get_typtype(type) == TYPTYPE_DOMAIN)
		return type_has(walk, getBaseType(type), test);
	if (OidIsValid(part = get_element_type(type)) || OidIsValid(part = get_range_subtype(type)) ||
	    OidIsValid(part = get_multirange_range(type)))
		return type_has(walk, part, test);
	if (get_typtype(type) == TYPTYPE_COMPOSITE)
	{
		TupleDesc desc = lookup_rowtype_tupdesc(type, -1);
		bool found = false;

		for (int i = 0; i < desc->natts && !found; i++)
			found = !TupleDescAttr(desc, i)->attisdropped &&
			        type_has(walk, TupleDescAttr(desc, i)->atttypid, test);
		ReleaseTupleDesc(desc);
		return found;
	}
	return false;
}

static void
refuse_type(ExpressionWalk *walk, Oid type, int location)
{
	ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
	                errmsg("type %s cannot be used in %s", format_type_be(type), walk->sort->what),
	                errdetail("Its values stand for objects of the database, or are read by code "
	                          "that nothing bounds."),
	                errhint("Use types whose values are data."),
	                errposition(location >= 0 ? location + 1 : 0)));
}

void
allowed_type(ExpressionWalk *walk, Oid type, int location)
{
	if (type_has(walk, type, names_objects))
		refuse_type(walk, type, location);
}

void
allowed_type_name(ExpressionWalk *walk, TypeName *name)
{
	Type type = typenameType(walk->pstate, name, NULL);
	Oid oid = typeTypeId(type);

	ReleaseSysCache(type);
	if (type_has(walk, oid, is_users))
		refuse_foreign(walk, "type", TypeNameToString(name), name->location);
	allowed_type(walk, oid, name->location);
	name->names = NIL;
	name->arrayBounds = NIL;
	name->typeOid = oid;
}

/* Whether the parser, reading a literal of a type for a column, may call a user's function. */
static bool
calls_functions(ExpressionWalk *walk, Oid type)
{
	return type_has(walk, getBaseType(type), is_domain);
}

bool
allowed_whole_rows(ExpressionWalk *walk)
{
	TupleDesc desc = RelationGetDescr(walk->rel);

	for (int i = 0; i < desc->natts; i++)
		if (!TupleDescAttr(desc, i)->attisdropped &&
		    type_has(walk, TupleDescAttr(desc, i)->atttypid, is_domain))
			return false;
	return true;
}

/*
 * p_pre_columnref_hook: a column, before the expression around it is analysed. A value of
 * a domain is one of its base type, so that nothing that stands beside it becomes one.
 */
Node *
allowed_column(ParseState *pstate, ColumnRef *reference)
{
	ExpressionWalk *walk = (ExpressionWalk *) pstate->p_ref_hook_state;
	Node *column;
	Var *var;
	int32 typmod;
	Oid type;

	pstate->p_pre_columnref_hook = NULL;
	column = transformExpr(pstate, (Node *) reference, pstate->p_expr_kind);
	pstate->p_pre_columnref_hook = allowed_column;
	var = (Var *) column;
	if (!IsA(column, Var) || var->varattno < 0)
		return column;
	if (var->varattno == 0)
	{
		if (!allowed_whole_rows(walk))
			refuse_whole_rows(walk, reference->location);
		return column;
	}
	if (calls_functions(walk, var->vartype))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		                errmsg("%s cannot read a column of type %s", walk->sort->what,
		                       format_type_be(var->vartype)),
		                errdetail("A domain is part of the type. It may call any function."),
		                errhint("Put what it depends on into a column of its own."),
		                errposition(reference->location + 1)));
	typmod = var->vartypmod;
	type = getBaseTypeAndTypmod(var->vartype, &typmod);
	if (type == var->vartype)
		return column;
	return (Node *) makeRelabelType((Expr *) var, type, typmod, var->varcollid,
	                                COERCE_IMPLICIT_CAST);
}
