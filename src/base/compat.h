/*
 * compat.h
 *	  Every difference between the PostgreSQL versions that cdp builds with
 *	  (15 to 18) lives here.
 */
#ifndef CDP_COMPAT_H
#define CDP_COMPAT_H

#include "postgres.h"

#include "access/tableam.h"

/* The macros of varlena data left postgres.h with 16. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* Soft errors (ereturn) came with 16; before, they are plain errors. */
#if PG_VERSION_NUM >= 160000
#include "nodes/miscnodes.h"
#define CDP_ESCONTEXT(fcinfo) ((fcinfo)->context)
#define CdpInputFunctionSafe(function, string, escontext, result)                                  \
	DirectInputFunctionCallSafe(function, string, InvalidOid, -1, (Node *) (escontext), result)
#else
#define CdpInputFunctionSafe(function, string, escontext, result)                                  \
	(*(result) = DirectFunctionCall1(function, CStringGetDatum(string)), true)
#define ereturn(context, dummy, ...)                                                               \
	do                                                                                             \
	{                                                                                              \
		(void) (context);                                                                          \
		ereport(ERROR, __VA_ARGS__);                                                               \
	} while (0)
#define CDP_ESCONTEXT(fcinfo) NULL
#endif

/* reverse() of bytea came with 18, so that of text has another name. */
#if PG_VERSION_NUM >= 180000
#define F_REVERSE F_REVERSE_TEXT
#endif

/* ExecInsertIndexTuples learned of summarizing indexes with 16. */
#if PG_VERSION_NUM >= 160000
#define CdpExecInsertIndexTuples(rri, slot, estate, update, no_dup_err, conflict, arbiters)        \
	ExecInsertIndexTuples(rri, slot, estate, update, no_dup_err, conflict, arbiters, false)
#else
#define CdpExecInsertIndexTuples(rri, slot, estate, update, no_dup_err, conflict, arbiters)        \
	ExecInsertIndexTuples(rri, slot, estate, update, no_dup_err, conflict, arbiters)
#endif

/* ExecCheckIndexConstraints takes the tuple's own place with 18. */
#if PG_VERSION_NUM >= 180000
#define CdpExecCheckIndexConstraints(rri, slot, estate, conflict, arbiters)                        \
	ExecCheckIndexConstraints(rri, slot, estate, conflict, NULL, arbiters)
#else
#define CdpExecCheckIndexConstraints(rri, slot, estate, conflict, arbiters)                        \
	ExecCheckIndexConstraints(rri, slot, estate, conflict, arbiters)
#endif

/* Which indexes an update must maintain: a flag before 16, a kind since. */
#if PG_VERSION_NUM >= 160000
typedef TU_UpdateIndexes CdpUpdateIndexes;
#define CDP_UPDATE_NO_INDEXES TU_None
#else
typedef bool CdpUpdateIndexes;
#define CDP_UPDATE_NO_INDEXES false
#endif

/* index_beginscan takes instrumentation with 18. */
#if PG_VERSION_NUM >= 180000
#define CdpIndexBeginScan(heap, index, snapshot, nkeys)                                            \
	index_beginscan(heap, index, snapshot, NULL, nkeys, 0)
#else
#define CdpIndexBeginScan(heap, index, snapshot, nkeys)                                            \
	index_beginscan(heap, index, snapshot, nkeys, 0)
#endif

/* Rights to a schema are asked for by its catalog since 16. */
#if PG_VERSION_NUM >= 160000
#define CdpSchemaAclCheck(schema, role, right)                                                     \
	object_aclcheck(NamespaceRelationId, schema, role, right)
#else
#define CdpSchemaAclCheck(schema, role, right) pg_namespace_aclcheck(schema, role, right)
#endif

/* Ownership is asked for by the object's catalog since 16. */
#if PG_VERSION_NUM >= 160000
#define CdpOwnsRelation(relation, role) object_ownercheck(RelationRelationId, relation, role)
#else
#define CdpOwnsRelation(relation, role) pg_class_ownercheck(relation, role)
#endif

/* ALTER COLUMN SET EXPRESSION came with 17. */
#if PG_VERSION_NUM >= 170000
#define CdpSetsExpression(subtype) ((subtype) == AT_SetExpression)
#else
#define CdpSetsExpression(subtype) false
#endif

/* A column's statistics target left its pg_attribute row with 17. */
#if PG_VERSION_NUM >= 170000
#define CdpStatisticsTarget(stats) ((stats)->attstattarget)
#else
#define CdpStatisticsTarget(stats) ((stats)->attr->attstattarget)
#endif

/* vacuum_delay_point learned of ANALYZE with 18. */
#if PG_VERSION_NUM >= 180000
#define CdpAnalyzeDelayPoint() vacuum_delay_point(true)
#else
#define CdpAnalyzeDelayPoint() vacuum_delay_point()
#endif

/* What GUC hooks hand on is malloc'ed; guc_malloc since 16. */
#if PG_VERSION_NUM >= 160000
#define CdpGucAlloc(size) guc_malloc(LOG, size)
#define CdpGucFree(pointer) guc_free(pointer)
#else
#define CdpGucAlloc(size) malloc(size)
#define CdpGucFree(pointer) free(pointer)
#endif

#endif /* CDP_COMPAT_H */
