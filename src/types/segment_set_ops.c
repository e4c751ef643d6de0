/*
 * segment_set_ops.c
 *	  The functions behind the operators, classes and aggregates of
 *	  cdp.segment_set.
 */
#include "types/segment_set.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(segment_set_eq);
PG_FUNCTION_INFO_V1(segment_set_ne);
PG_FUNCTION_INFO_V1(segment_set_lt);
PG_FUNCTION_INFO_V1(segment_set_le);
PG_FUNCTION_INFO_V1(segment_set_gt);
PG_FUNCTION_INFO_V1(segment_set_ge);
PG_FUNCTION_INFO_V1(segment_set_cmp);
PG_FUNCTION_INFO_V1(segment_set_hash);
PG_FUNCTION_INFO_V1(segment_set_hash_extended);
PG_FUNCTION_INFO_V1(segment_set_has);
PG_FUNCTION_INFO_V1(segment_set_has_any);
PG_FUNCTION_INFO_V1(segment_set_has_all);
PG_FUNCTION_INFO_V1(segment_set_has_any_of_set);
PG_FUNCTION_INFO_V1(segment_set_has_all_of_set);
PG_FUNCTION_INFO_V1(segment_set_within);
PG_FUNCTION_INFO_V1(segment_set_entered);
PG_FUNCTION_INFO_V1(segment_set_count_sql);
PG_FUNCTION_INFO_V1(segment_set_entries);
PG_FUNCTION_INFO_V1(segment_set_merge_sql);
PG_FUNCTION_INFO_V1(segment_set_accum);

/* Equality and order, by names only. */
Datum
segment_set_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(segment_set_equal(PG_GETARG_SEGMENT_SET_P(0), PG_GETARG_SEGMENT_SET_P(1)));
}

Datum
segment_set_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!segment_set_equal(PG_GETARG_SEGMENT_SET_P(0), PG_GETARG_SEGMENT_SET_P(1)));
}

Datum
segment_set_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(segment_set_compare(PG_GETARG_SEGMENT_SET_P(0), PG_GETARG_SEGMENT_SET_P(1)) < 0);
}

Datum
segment_set_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(segment_set_compare(PG_GETARG_SEGMENT_SET_P(0), PG_GETARG_SEGMENT_SET_P(1)) <=
	               0);
}

Datum
segment_set_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(segment_set_compare(PG_GETARG_SEGMENT_SET_P(0), PG_GETARG_SEGMENT_SET_P(1)) > 0);
}

Datum
segment_set_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(segment_set_compare(PG_GETARG_SEGMENT_SET_P(0), PG_GETARG_SEGMENT_SET_P(1)) >=
	               0);
}

Datum
segment_set_cmp(PG_FUNCTION_ARGS)
{
	int cmp = segment_set_compare(PG_GETARG_SEGMENT_SET_P(0), PG_GETARG_SEGMENT_SET_P(1));

	/* memcmp's magnitude differs between platforms: only the sign goes out */
	PG_RETURN_INT32((cmp > 0) - (cmp < 0));
}

/* The hash classes' functions: 32 bits, and 64 with a seed. */
Datum
segment_set_hash(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32((int32) segment_set_hash_names(PG_GETARG_SEGMENT_SET_P(0), 0));
}

Datum
segment_set_hash_extended(PG_FUNCTION_ARGS)
{
	PG_RETURN_UINT64(
	    segment_set_hash_names(PG_GETARG_SEGMENT_SET_P(0), DatumGetUInt64(PG_GETARG_DATUM(1))));
}

/* Is there a member of this name? The name may be any text. */
static inline bool
has_name(const SegmentSet *set, Datum name)
{
	text *packed = DatumGetTextPP(name);

	return segment_set_find(set, VARDATA_ANY(packed), VARSIZE_ANY_EXHDR(packed)) >= 0;
}

/* segments ? 'vip' */
Datum
segment_set_has(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(has_name(PG_GETARG_SEGMENT_SET_P(0), PG_GETARG_DATUM(1)));
}

/*
 * Looks the elements of a text[] up until one is there (wanted = true) or is
 * not (false). Nulls in the array do not count. Returns whether it came to that.
 */
static bool
any_element_is(const SegmentSet *set, ArrayType *array, bool wanted)
{
	Datum *elements;
	bool *nulls;
	int count;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (!nulls[i] && has_name(set, elements[i]) == wanted)
			return true;
	}
	return false;
}

/* segments ?| '{vip,gold}': false for an empty array. */
Datum
segment_set_has_any(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(any_element_is(PG_GETARG_SEGMENT_SET_P(0), PG_GETARG_ARRAYTYPE_P(1), true));
}

/* segments ?& '{vip,gold}': true for an empty array. */
Datum
segment_set_has_all(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!any_element_is(PG_GETARG_SEGMENT_SET_P(0), PG_GETARG_ARRAYTYPE_P(1), false));
}

/* a && b */
Datum
segment_set_has_any_of_set(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(segment_set_overlaps(PG_GETARG_SEGMENT_SET_P(0), PG_GETARG_SEGMENT_SET_P(1)));
}

/* a @> b */
Datum
segment_set_has_all_of_set(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(segment_set_contains(PG_GETARG_SEGMENT_SET_P(0), PG_GETARG_SEGMENT_SET_P(1)));
}

/* a <@ b */
Datum
segment_set_within(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(segment_set_contains(PG_GETARG_SEGMENT_SET_P(1), PG_GETARG_SEGMENT_SET_P(0)));
}

/*
 * cdp.entered_at(segment_set, text): when the member of this name entered.
 * -infinity where the time is not known, null where there is no such member.
 */
Datum
segment_set_entered(PG_FUNCTION_ARGS)
{
	SegmentSet *set = PG_GETARG_SEGMENT_SET_P(0);
	text *name = PG_GETARG_TEXT_PP(1);
	int i = segment_set_find(set, VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
	SegmentMember member;

	if (i < 0)
		PG_RETURN_NULL();
	segment_set_get(set, i, &member);
	PG_RETURN_TIMESTAMPTZ(member.entered_at);
}

/* cdp.segment_count(segment_set): how many members. */
Datum
segment_set_count_sql(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(segment_set_count(PG_GETARG_SEGMENT_SET_P(0)));
}

/* cdp.segment_entries(segment_set): a row (segment, entered_at) per member, by name. */
Datum
segment_set_entries(PG_FUNCTION_ARGS)
{
	FuncCallContext *funcctx;
	SegmentSet *set;

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext oldcontext;
		TupleDesc tupdesc;

		funcctx = SRF_FIRSTCALL_INIT();
		oldcontext = MemoryContextSwitchTo(funcctx->multi_call_memory_ctx);
		if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
			elog(ERROR, "return type must be a row type");
		funcctx->tuple_desc = BlessTupleDesc(tupdesc);
		/* a copy: the argument is the first call's, and may be gone at the next */
		set = (SegmentSet *) PG_DETOAST_DATUM_COPY(PG_GETARG_DATUM(0));
		funcctx->user_fctx = segment_set_from_datum(PointerGetDatum(set));
		funcctx->max_calls = (uint64) segment_set_count(set);
		MemoryContextSwitchTo(oldcontext);
	}

	funcctx = SRF_PERCALL_SETUP();
	set = (SegmentSet *) funcctx->user_fctx;
	if (funcctx->call_cntr < funcctx->max_calls)
	{
		SegmentMember member;
		Datum values[2];
		bool nulls[2] = {false, false};

		segment_set_get(set, (int) funcctx->call_cntr, &member);
		values[0] = PointerGetDatum(cstring_to_text_with_len(member.name, member.name_len));
		values[1] = TimestampTzGetDatum(member.entered_at);
		SRF_RETURN_NEXT(funcctx,
		                HeapTupleGetDatum(heap_form_tuple(funcctx->tuple_desc, values, nulls)));
	}
	SRF_RETURN_DONE(funcctx);
}

/* cdp.merge(segment_set, segment_set), and ||: the union, with the earlier times. */
Datum
segment_set_merge_sql(PG_FUNCTION_ARGS)
{
	PG_RETURN_SEGMENT_SET_P(
	    segment_set_merge(PG_GETARG_SEGMENT_SET_P(0), PG_GETARG_SEGMENT_SET_P(1)));
}

/*
 * Transition and combine function of cdp.merge_agg. The state is changed in
 * place where it has all names of the argument; that is common once all
 * segments were seen. Else the union is returned, and the executor copies it
 * into the aggregate's context. The same happens to the argument itself where
 * the state is empty. A state that had to be detoasted is not the aggregate's
 * own copy. Changing it is harmless, and it is returned like a union.
 */
Datum
segment_set_accum(PG_FUNCTION_ARGS)
{
	SegmentSet *state;
	SegmentSet *set;

	if (!AggCheckCallContext(fcinfo, NULL))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		                errmsg("segment_set_accum works only inside an aggregate"),
		                errhint("Use cdp.merge(segment_set, segment_set).")));

	state = PG_GETARG_SEGMENT_SET_P(0);
	set = PG_GETARG_SEGMENT_SET_P(1);
	if (segment_set_lower_times(state, set))
		PG_RETURN_SEGMENT_SET_P(state);
	PG_RETURN_SEGMENT_SET_P(segment_set_merge(state, set));
}
