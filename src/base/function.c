/*
 * function.c
 *	  Functions of the extension, found without a right to its schema.
 */
#include "base/base.h"

#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

Oid
cdp_function_of(const char *name)
{
	Oid schema = get_namespace_oid("cdp", true);

	if (!OidIsValid(schema))
		return InvalidOid;
	return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(name),
	                       PointerGetDatum(buildoidvector(NULL, 0)), ObjectIdGetDatum(schema));
}
