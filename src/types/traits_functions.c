/*
 * traits_functions.c
 *	  Making values of the type cdp.traits in SQL: constructor, cast, merge,
 *	  aggregates.
 */
#include "types/traits_internal.h"

#include "utils/expandeddatum.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/*
 * A transition state of EXPAND_KEYS keys or more is kept as a builder, an
 * expanded object in the aggregate's context, and changed in place. A smaller
 * one is cheaper as a plain value that each step writes again. It is also far
 * smaller in memory when there are many groups.
 */
#define EXPAND_KEYS 64
#define EXPANDED_MAGIC 0x63647472

typedef struct ExpandedTraits
{
	ExpandedObjectHeader header; /* its context holds everything below */
	uint32 magic;                /* EXPANDED_MAGIC */
	Traits *flat;                /* the plain value of the builder's state, or NULL */
	TraitsBuilder builder;
} ExpandedTraits;

/* Refuses traits that are not a JSON object. */
static void
check_object(Jsonb *json)
{
	JsonbValue scalar;

	if (JB_ROOT_IS_OBJECT(json))
		return;
	ereport(ERROR,
	        (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("traits must be a JSON object"),
	         errdetail("The value given is of JSON type %s.",
	                   JsonbExtractScalar(&json->root, &scalar) ? JsonbTypeName(&scalar) : "array"),
	         errhint("Write it as in '{\"plan\": \"gold\"}'.")));
}

/*
 * Adds the event in arguments first .. first + 3 (object jsonb, observed_at
 * timestamptz, event_id uuid, source text) to the builder. The object is not
 * null; the source may be.
 */
static void
add_event(TraitsBuilder *builder, FunctionCallInfo fcinfo, int first)
{
	Jsonb *object = PG_GETARG_JSONB_P(first);
	const char *source = NULL;
	int source_len = 0;

	check_object(object);
	if (PG_ARGISNULL(first + 1) || PG_ARGISNULL(first + 2))
		ereport(ERROR,
		        (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
		         errmsg("traits need the time and the id of their event"),
		         errdetail("%s is null.", PG_ARGISNULL(first + 1) ? "observed_at" : "event_id"),
		         errhint("A cast from jsonb makes traits of unknown origin, which give way to any "
		                 "event.")));
	if (!PG_ARGISNULL(first + 3))
	{
		text *given = PG_GETARG_TEXT_PP(first + 3);

		source = VARDATA_ANY(given);
		source_len = VARSIZE_ANY_EXHDR(given);
	}
	traits_builder_add(builder, object, PG_GETARG_TIMESTAMPTZ(first + 1),
	                   PG_GETARG_UUID_P(first + 2), source, source_len);
}

PG_FUNCTION_INFO_V1(traits_make);

/*
 * cdp.traits(object jsonb, observed_at timestamptz, event_id uuid, source
 * text) -> traits: what one event says. NULL when the object is; an error when
 * only the time or the id is.
 */
Datum
traits_make(PG_FUNCTION_ARGS)
{
	TraitsBuilder builder;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	traits_builder_init(&builder, NULL);
	add_event(&builder, fcinfo, 0);
	PG_RETURN_TRAITS_P(traits_builder_finish(&builder, NULL));
}

PG_FUNCTION_INFO_V1(traits_from_jsonb);

/* cast of jsonb to traits: observed at -infinity, in the event of nil uuid */
Datum
traits_from_jsonb(PG_FUNCTION_ARGS)
{
	Jsonb *object = PG_GETARG_JSONB_P(0);
	TraitsBuilder builder;
	pg_uuid_t event_id = {{0}};

	check_object(object);
	traits_builder_init(&builder, NULL);
	traits_builder_add(&builder, object, DT_NOBEGIN, &event_id, NULL, 0);
	PG_RETURN_TRAITS_P(traits_builder_finish(&builder, NULL));
}

/* Expanded object method: bytes of the plain value, which is made here. */
static Size
expanded_flat_size(ExpandedObjectHeader *header)
{
	ExpandedTraits *expanded = (ExpandedTraits *) header;

	if (expanded->flat == NULL)
	{
		MemoryContext oldcontext = MemoryContextSwitchTo(header->eoh_context);

		expanded->flat = traits_builder_finish(&expanded->builder, NULL);
		MemoryContextSwitchTo(oldcontext);
	}
	return VARSIZE(expanded->flat);
}

/* Expanded object method: the plain value, into memory of the size told. */
static void
expanded_flatten_into(ExpandedObjectHeader *header, void *result, Size size)
{
	ExpandedTraits *expanded = (ExpandedTraits *) header;

	Assert(expanded->flat != NULL && VARSIZE(expanded->flat) == size);
	memcpy(result, expanded->flat, size);
}

static const ExpandedObjectMethods expanded_methods = {expanded_flat_size, expanded_flatten_into};

/*
 * The transition state in argument 0 (not null) as an expanded object that may
 * be changed in place. NULL when it is not one and shall not become one: it is
 * small, or the caller is no aggregate.
 */
static ExpandedTraits *
expanded_state(FunctionCallInfo fcinfo)
{
	Datum state = PG_GETARG_DATUM(0);
	MemoryContext aggregate;
	MemoryContext context;
	MemoryContext oldcontext;
	ExpandedTraits *expanded;
	Traits *traits;
	Traits *base;

	if (!AggCheckCallContext(fcinfo, &aggregate))
		return NULL;
	if (VARATT_IS_EXTERNAL_EXPANDED_RW(DatumGetPointer(state)))
	{
		expanded = (ExpandedTraits *) DatumGetEOHP(state);
		if (expanded->magic == EXPANDED_MAGIC)
			return expanded;
	}

	traits = DatumGetTraitsP(state);
	if (traits->nkeys < EXPAND_KEYS)
		return NULL;

	context = AllocSetContextCreate(aggregate, "expanded traits", ALLOCSET_DEFAULT_SIZES);
	oldcontext = MemoryContextSwitchTo(context);
	expanded = (ExpandedTraits *) palloc(sizeof(ExpandedTraits));
	EOH_init_header(&expanded->header, &expanded_methods, context);
	expanded->magic = EXPANDED_MAGIC;
	expanded->flat = NULL;
	base = (Traits *) palloc(VARSIZE(traits));
	memcpy(base, traits, VARSIZE(traits));
	traits_builder_init(&expanded->builder, base);
	MemoryContextSwitchTo(oldcontext);
	return expanded;
}

/* The expanded state as a datum, after a change. */
static Datum
expanded_changed(ExpandedTraits *expanded)
{
	if (expanded->flat != NULL && expanded->flat != expanded->builder.base)
		pfree(expanded->flat);
	expanded->flat = NULL;
	return EOHPGetRWDatum(&expanded->header);
}

PG_FUNCTION_INFO_V1(traits_merge_pair);

/*
 * cdp.merge(traits, traits) -> traits; also the transition and the combine
 * function of cdp.merge_agg and the combine function of cdp.traits_agg. Only a
 * large transition state is changed in place.
 */
Datum
traits_merge_pair(PG_FUNCTION_ARGS)
{
	ExpandedTraits *expanded = expanded_state(fcinfo);

	if (expanded != NULL)
	{
		traits_builder_merge(&expanded->builder, PG_GETARG_TRAITS_P(1));
		PG_RETURN_DATUM(expanded_changed(expanded));
	}
	PG_RETURN_TRAITS_P(traits_merge(PG_GETARG_TRAITS_P(0), PG_GETARG_TRAITS_P(1)));
}

PG_FUNCTION_INFO_V1(traits_accum);

/*
 * cdp.traits_accum(state traits, object jsonb, observed_at timestamptz,
 * event_id uuid, source text) -> traits: transition function of
 * cdp.traits_agg. Events without traits (a null object) are passed over.
 */
Datum
traits_accum(PG_FUNCTION_ARGS)
{
	TraitsBuilder builder;
	ExpandedTraits *expanded;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	expanded = PG_ARGISNULL(0) ? NULL : expanded_state(fcinfo);
	if (expanded != NULL)
	{
		add_event(&expanded->builder, fcinfo, 1);
		PG_RETURN_DATUM(expanded_changed(expanded));
	}
	traits_builder_init(&builder, PG_ARGISNULL(0) ? NULL : PG_GETARG_TRAITS_P(0));
	add_event(&builder, fcinfo, 1);
	PG_RETURN_TRAITS_P(traits_builder_finish(&builder, NULL));
}
