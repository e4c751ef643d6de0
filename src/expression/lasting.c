/*
 * lasting.c
 *	  What a definition names must last. An object in a temporary schema goes with the session
 *	  that made it, without an event trigger, and no other session can name it.
 */
#include "expression/expression_internal.h"
#include "expression/meaning.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_ts_dict.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

typedef bool (*TypeTest)(Oid type, Oid other);

static bool any_type(Oid type, TypeTest test, Oid other);

static bool
any_attribute(Oid type, TypeTest test, Oid other)
{
	TupleDesc desc = lookup_rowtype_tupdesc(type, -1);
	bool found = false;

	for (int i = 0; !found && i < desc->natts; i++)
		found = !TupleDescAttr(desc, i)->attisdropped &&
		        any_type(TupleDescAttr(desc, i)->atttypid, test, other);
	ReleaseTupleDesc(desc);
	return found;
}

/*
 * Whether a type, or one that it is made of, passes a test: elements of arrays, base types of
 * domains, subtypes of ranges, attributes of rows. Types of PostgreSQL are made of their own.
 */
static bool
any_type(Oid type, TypeTest test, Oid other)
{
	Oid part;

	check_stack_depth();
	if (test(type, other))
		return true;
	if (type < FirstNormalObjectId)
		return false;
	if (OidIsValid(part = get_element_type(type)) || OidIsValid(part = get_range_subtype(type)) ||
	    OidIsValid(part = get_multirange_range(type)))
		return any_type(part, test, other);
	switch (get_typtype(type))
	{
		case TYPTYPE_DOMAIN:
			return any_type(getBaseType(type), test, other);
		case TYPTYPE_COMPOSITE:
			return any_attribute(type, test, other);
		default:
			return false;
	}
}

static bool
is_same_type(Oid type, Oid other)
{
	return type == other;
}

bool
type_contains(Oid type, Oid other)
{
	return any_type(type, is_same_type, other);
}

/* The schema of an object in a syscache by oid; InvalidOid: there is no such object. */
static Oid
schema_of(int cache, AttrNumber schema, Oid object)
{
	HeapTuple tuple = SearchSysCache1(cache, ObjectIdGetDatum(object));
	bool isnull;
	Oid result;

	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	result = DatumGetObjectId(SysCacheGetAttr(cache, tuple, schema, &isnull));
	ReleaseSysCache(tuple);
	return result;
}

static bool
is_temporary_type(Oid type, Oid other)
{
	return isAnyTempNamespace(schema_of(TYPEOID, Anum_pg_type_typnamespace, type));
}

static bool
is_temporary_collation(Oid collation)
{
	return collation >= FirstNormalObjectId &&
	       isAnyTempNamespace(schema_of(COLLOID, Anum_pg_collation_collnamespace, collation));
}

bool
node_has_type(Node *node)
{
	return !IsA(node, List) && !IsA(node, CaseWhen);
}

void
lasting_require(const ExpressionWalk *walk, Node *node)
{
	Oid type = node_has_type(node) ? exprType(node) : InvalidOid;
	const char *what;

	if (!OidIsValid(type))
		return;
	if (type >= FirstNormalObjectId && any_type(type, is_temporary_type, InvalidOid))
		what = psprintf("type %s", format_type_be(type));
	else if (is_temporary_collation(exprCollation(node)) ||
	         is_temporary_collation(exprInputCollation(node)))
		what = "a temporary collation";
	else
		return;
	ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
	                errmsg("%s cannot be used in %s", what, walk->sort->what),
	                errdetail("What is in a temporary schema goes with the session that made it."),
	                errhint("Make it in a schema that lasts."),
	                errposition(exprLocation(node) >= 0 ? exprLocation(node) + 1 : 0)));
}
