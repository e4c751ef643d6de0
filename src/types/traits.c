/*
 * traits.c
 *	  The type cdp.traits: reading it, comparing it, its SQL functions.
 */
#include "types/traits_internal.h"

#include "common/hashfn.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

/*
 * Called on every detoasted value. Refuses an unknown format, which a newer
 * version of the extension or a damaged page has left.
 */
Traits *
traits_check_format(struct varlena *value)
{
	Traits *traits = (Traits *) value;

	if (unlikely(VARSIZE(traits) < sizeof(Traits) || traits->version != TRAITS_VERSION ||
	             traits->reserved != 0))
		ereport(ERROR,
		        (errcode(ERRCODE_DATA_CORRUPTED),
		         errmsg("unknown format of a value of type cdp.traits"),
		         errdetail("Its version byte is %d; this build knows version %d.",
		                   VARSIZE(traits) < sizeof(Traits) ? -1 : traits->version, TRAITS_VERSION),
		         errhint("Install the version of the extension that wrote it, or a newer one.")));
	return traits;
}

/* The entry with this key, or -1. */
int
traits_find(const Traits *traits, const char *key, int key_len)
{
	int low = 0;
	int high = traits->nkeys;

	while (low < high)
	{
		int middle = (low + high) / 2;
		int len;
		const char *there = traits_key(traits, middle, &len);
		int cmp = traits_compare_bytes(key, key_len, there, len);

		if (cmp == 0)
			return middle;
		if (cmp < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return -1;
}

/* All that is known of entry i. */
void
traits_fact(const Traits *traits, int i, TraitsFact *fact)
{
	const TraitsStamp *stamp = &TraitsStamps(traits)[TraitsEntries(traits)[i].stamp];

	fact->key = traits_key(traits, i, &fact->key_len);
	fact->kind = traits_value(traits, i, &fact->value, &fact->value_len);
	memcpy(&fact->observed_at, stamp->observed_at, sizeof(TimestampTz));
	memcpy(&fact->event_id, stamp->event_id, UUID_LEN);
	fact->source = traits_source(traits, stamp->source, &fact->source_len);
}

/* A stored number as an aligned numeric, in new memory. */
Numeric
traits_number(const char *value, uint32 len)
{
	struct varlena *number = (struct varlena *) palloc(VARHDRSZ + len);

	SET_VARSIZE(number, VARHDRSZ + len);
	memcpy(VARDATA(number), value, len);
	return (Numeric) number;
}

/* The JSON text of a number, object or array, in new memory. */
static char *
value_to_json_cstring(TraitsKind kind, const char *value, uint32 len)
{
	if (kind == TRAITS_NUMBER)
		return DatumGetCString(
		    DirectFunctionCall1(numeric_out, NumericGetDatum(traits_number(value, len))));
	return JsonbToCString(NULL, (JsonbContainer *) unconstify(char *, value), len);
}

/*
 * The order of values, for ties: by kind, then by their bytes. For numbers,
 * objects and arrays these are the bytes of their JSON text, so that the order
 * is the same on every machine. 0 only for equal bytes.
 */
static int
traits_compare_values(TraitsKind akind, const char *a, uint32 alen, TraitsKind bkind, const char *b,
                      uint32 blen)
{
	int cmp = 0;

	if (akind != bkind)
		return akind < bkind ? -1 : 1;
	if (alen == blen && (alen == 0 || memcmp(a, b, alen) == 0))
		return 0;
	if (akind == TRAITS_NUMBER || akind == TRAITS_CONTAINER)
		cmp = strcmp(value_to_json_cstring(akind, a, alen), value_to_json_cstring(bkind, b, blen));
	return cmp != 0 ? cmp : traits_compare_bytes(a, alen, b, blen);
}

/* How a JSON value is stored: its kind and where its bytes are. A null unsets. */
TraitsKind
traits_value_of_json(const JsonbValue *json, const char **value, uint32 *len)
{
	*value = NULL;
	*len = 0;
	switch (json->type)
	{
		case jbvNull:
			return TRAITS_UNSET;
		case jbvBool:
			return json->val.boolean ? TRAITS_TRUE : TRAITS_FALSE;
		case jbvNumeric:
			*value = VARDATA_ANY(json->val.numeric);
			*len = VARSIZE_ANY_EXHDR(json->val.numeric);
			return TRAITS_NUMBER;
		case jbvString:
			*value = json->val.string.val;
			*len = json->val.string.len;
			return TRAITS_STRING;
		case jbvBinary:
			*value = (const char *) json->val.binary.data;
			*len = json->val.binary.len;
			return TRAITS_CONTAINER;
		default:
			elog(ERROR, "unexpected jsonb value of type %d", (int) json->type);
			return TRAITS_UNSET;
	}
}

/* A stored value as a JSON value that points to it; null for an unset one. */
static void
traits_json_of_value(TraitsKind kind, const char *value, uint32 len, JsonbValue *json)
{
	switch (kind)
	{
		case TRAITS_UNSET:
			json->type = jbvNull;
			return;
		case TRAITS_FALSE:
		case TRAITS_TRUE:
			json->type = jbvBool;
			json->val.boolean = kind == TRAITS_TRUE;
			return;
		case TRAITS_NUMBER:
			json->type = jbvNumeric;
			json->val.numeric = traits_number(value, len);
			return;
		case TRAITS_STRING:
			json->type = jbvString;
			json->val.string.val = unconstify(char *, value);
			json->val.string.len = len;
			return;
		case TRAITS_CONTAINER:
			json->type = jbvBinary;
			json->val.binary.data = (JsonbContainer *) unconstify(char *, value);
			json->val.binary.len = len;
			return;
	}
	elog(ERROR, "unexpected kind of trait %d", (int) kind);
}

/* A stored value that is set as jsonb. */
static Jsonb *
value_to_jsonb(TraitsKind kind, const char *value, uint32 len)
{
	JsonbValue json;

	if (kind == TRAITS_CONTAINER)
	{
		Jsonb *result = (Jsonb *) palloc(VARHDRSZ + len);

		SET_VARSIZE(result, VARHDRSZ + len);
		memcpy(VARDATA(result), value, len);
		return result;
	}
	traits_json_of_value(kind, value, len, &json);
	return JsonbValueToJsonb(&json);
}

/* The visible map, without unset keys, as a jsonb object. */
static Jsonb *
traits_as_jsonb(const Traits *traits)
{
	JsonbParseState *state = NULL;
	JsonbValue *result;
	JsonbValue json;
	TraitsKind kind;
	const char *value;
	uint32 len;
	int i;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (i = 0; i < traits->nkeys; i++)
	{
		kind = traits_value(traits, i, &value, &len);
		if (kind == TRAITS_UNSET)
			continue;
		json.type = jbvString;
		json.val.string.val = unconstify(char *, traits_key(traits, i, &json.val.string.len));
		pushJsonbValue(&state, WJB_KEY, &json);
		traits_json_of_value(kind, value, len, &json);
		pushJsonbValue(&state, WJB_VALUE, &json);
	}
	result = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return JsonbValueToJsonb(result);
}

/*
 * The entry that argument 1, a text, names in argument 0; -1 when there is
 * none.
 */
static int
find_argument(const Traits *traits, FunctionCallInfo fcinfo)
{
	text *key = PG_GETARG_TEXT_PP(1);

	return traits_find(traits, VARDATA_ANY(key), VARSIZE_ANY_EXHDR(key));
}

Jsonb *
traits_container(const Traits *traits, const char *key, int key_len)
{
	int i = traits_find(traits, key, key_len);
	const char *value;
	uint32 len;

	if (i < 0 || traits_value(traits, i, &value, &len) != TRAITS_CONTAINER)
		return NULL;
	return value_to_jsonb(TRAITS_CONTAINER, value, len);
}

PG_FUNCTION_INFO_V1(traits_trait);

/* cdp.trait(traits, key) -> jsonb; NULL when the key is not set. */
Datum
traits_trait(PG_FUNCTION_ARGS)
{
	Traits *traits = PG_GETARG_TRAITS_P(0);
	int i = find_argument(traits, fcinfo);
	TraitsKind kind;
	const char *value;
	uint32 len;

	if (i < 0 || (kind = traits_value(traits, i, &value, &len)) == TRAITS_UNSET)
		PG_RETURN_NULL();
	PG_RETURN_JSONB_P(value_to_jsonb(kind, value, len));
}

PG_FUNCTION_INFO_V1(traits_trait_text);

/*
 * cdp.trait_text(traits, key) -> text: a string as it is, anything else as
 * JSON text; NULL when the key is not set.
 */
Datum
traits_trait_text(PG_FUNCTION_ARGS)
{
	Traits *traits = PG_GETARG_TRAITS_P(0);
	int i = find_argument(traits, fcinfo);
	const char *value;
	uint32 len;

	if (i < 0)
		PG_RETURN_NULL();
	switch (traits_value(traits, i, &value, &len))
	{
		case TRAITS_UNSET:
			PG_RETURN_NULL();
		case TRAITS_FALSE:
			PG_RETURN_TEXT_P(cstring_to_text_with_len("false", 5));
		case TRAITS_TRUE:
			PG_RETURN_TEXT_P(cstring_to_text_with_len("true", 4));
		case TRAITS_STRING:
			PG_RETURN_TEXT_P(cstring_to_text_with_len(value, len));
		case TRAITS_NUMBER:
			PG_RETURN_TEXT_P(cstring_to_text(value_to_json_cstring(TRAITS_NUMBER, value, len)));
		case TRAITS_CONTAINER:
			PG_RETURN_TEXT_P(cstring_to_text(value_to_json_cstring(TRAITS_CONTAINER, value, len)));
	}
	elog(ERROR, "unexpected kind of trait");
	PG_RETURN_NULL();
}

PG_FUNCTION_INFO_V1(traits_has_trait);

/* cdp.has_trait(traits, key) -> boolean: the key is set. */
Datum
traits_has_trait(PG_FUNCTION_ARGS)
{
	Traits *traits = PG_GETARG_TRAITS_P(0);
	int i = find_argument(traits, fcinfo);
	const char *value;
	uint32 len;

	PG_RETURN_BOOL(i >= 0 && traits_value(traits, i, &value, &len) != TRAITS_UNSET);
}

PG_FUNCTION_INFO_V1(traits_observed_at);

/*
 * cdp.trait_observed_at(traits, key) -> timestamptz: when the key was set, or
 * unset; NULL when nothing is known of it.
 */
Datum
traits_observed_at(PG_FUNCTION_ARGS)
{
	Traits *traits = PG_GETARG_TRAITS_P(0);
	int i = find_argument(traits, fcinfo);
	TraitsFact fact;

	if (i < 0)
		PG_RETURN_NULL();
	traits_fact(traits, i, &fact);
	PG_RETURN_TIMESTAMPTZ(fact.observed_at);
}

PG_FUNCTION_INFO_V1(traits_trait_source);

/*
 * cdp.trait_source(traits, key) -> text: the source of the event that set the
 * key, or unset it. NULL where the key is not known, or the event had no
 * source.
 */
Datum
traits_trait_source(PG_FUNCTION_ARGS)
{
	Traits *traits = PG_GETARG_TRAITS_P(0);
	int i = find_argument(traits, fcinfo);
	TraitsFact fact;

	if (i < 0)
		PG_RETURN_NULL();
	traits_fact(traits, i, &fact);
	if (fact.source == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text_with_len(fact.source, fact.source_len));
}

/* Whether a stored value contains a JSON value, as jsonb's @> below the top. */
static bool
value_contains(TraitsKind kind, const char *value, uint32 len, const JsonbValue *json)
{
	const char *other;
	uint32 other_len;
	JsonbIterator *it;
	JsonbIterator *other_it;

	if (traits_value_of_json(json, &other, &other_len) != kind)
		return false;
	switch (kind)
	{
		case TRAITS_UNSET:
			return false;
		case TRAITS_FALSE:
		case TRAITS_TRUE:
			return true;
		case TRAITS_STRING:
			return len == other_len && memcmp(value, other, len) == 0;
		case TRAITS_NUMBER:
			return DatumGetBool(DirectFunctionCall2(numeric_eq,
			                                        NumericGetDatum(traits_number(value, len)),
			                                        NumericGetDatum(json->val.numeric)));
		case TRAITS_CONTAINER:
			it = JsonbIteratorInit((JsonbContainer *) unconstify(char *, value));
			other_it = JsonbIteratorInit(json->val.binary.data);
			return JsonbDeepContains(&it, &other_it);
	}
	return false;
}

/* Whether the visible map contains a jsonb, as jsonb's @> has it. */
static bool
contains(const Traits *traits, Jsonb *other)
{
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue json;
	TraitsKind kind = TRAITS_UNSET;
	const char *value = NULL;
	uint32 len = 0;

	if (!JB_ROOT_IS_OBJECT(other))
		return false;
	if (JB_ROOT_COUNT(other) == 0)
		return true;
	it = JsonbIteratorInit(&other->root);
	while ((token = JsonbIteratorNext(&it, &json, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
		{
			int i = traits_find(traits, json.val.string.val, json.val.string.len);

			if (i < 0)
				return false;
			kind = traits_value(traits, i, &value, &len);
		}
		else if (token == WJB_VALUE && !value_contains(kind, value, len, &json))
			return false;
	}
	return true;
}

PG_FUNCTION_INFO_V1(traits_contains);

/* cdp.traits_contains(traits, jsonb) -> boolean */
Datum
traits_contains(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(contains(PG_GETARG_TRAITS_P(0), PG_GETARG_JSONB_P(1)));
}

PG_FUNCTION_INFO_V1(traits_contained);

/* cdp.traits_contained(jsonb, traits) -> boolean */
Datum
traits_contained(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(contains(PG_GETARG_TRAITS_P(1), PG_GETARG_JSONB_P(0)));
}

PG_FUNCTION_INFO_V1(traits_to_jsonb);

/* cast of traits to jsonb: the visible map */
Datum
traits_to_jsonb(PG_FUNCTION_ARGS)
{
	PG_RETURN_JSONB_P(traits_as_jsonb(PG_GETARG_TRAITS_P(0)));
}

PG_FUNCTION_INFO_V1(traits_entries);

/*
 * cdp.trait_entries(traits) -> setof (key, value, observed_at, event_id,
 * source, is_set): the whole state, unset keys too, in key order.
 */
Datum
traits_entries(PG_FUNCTION_ARGS)
{
	Traits *traits = PG_GETARG_TRAITS_P(0);
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext scratch;
	MemoryContext oldcontext;
	int i;

	InitMaterializedSRF(fcinfo, 0);
	scratch = AllocSetContextCreate(CurrentMemoryContext, "trait entries", ALLOCSET_DEFAULT_SIZES);
	oldcontext = MemoryContextSwitchTo(scratch);
	for (i = 0; i < traits->nkeys; i++)
	{
		Datum values[6];
		bool nulls[6] = {false};
		TraitsFact fact;

		CHECK_FOR_INTERRUPTS();
		traits_fact(traits, i, &fact);
		values[0] = PointerGetDatum(cstring_to_text_with_len(fact.key, fact.key_len));
		if (fact.kind == TRAITS_UNSET)
			nulls[1] = true;
		else
			values[1] = JsonbPGetDatum(value_to_jsonb(fact.kind, fact.value, fact.value_len));
		values[2] = TimestampTzGetDatum(fact.observed_at);
		values[3] = UUIDPGetDatum(&fact.event_id);
		if (fact.source == NULL)
			nulls[4] = true;
		else
			values[4] = PointerGetDatum(cstring_to_text_with_len(fact.source, fact.source_len));
		values[5] = BoolGetDatum(fact.kind != TRAITS_UNSET);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		MemoryContextReset(scratch);
	}
	MemoryContextSwitchTo(oldcontext);
	MemoryContextDelete(scratch);
	return (Datum) 0;
}

/*
 * The total order of the facts of one key; the greatest is the one that
 * stands. Less, equal or greater than 0, as memcmp.
 */
int
traits_compare_facts(const TraitsFact *a, const TraitsFact *b)
{
	int cmp;

	if (a->observed_at != b->observed_at)
		return a->observed_at < b->observed_at ? -1 : 1;
	cmp = memcmp(&a->event_id, &b->event_id, UUID_LEN);
	if (cmp != 0)
		return cmp;
	cmp = traits_compare_values(a->kind, a->value, a->value_len, b->kind, b->value, b->value_len);
	if (cmp != 0)
		return cmp;
	if (a->source == NULL || b->source == NULL)
		return (a->source != NULL) - (b->source != NULL);
	return traits_compare_bytes(a->source, a->source_len, b->source, b->source_len);
}

/*
 * A total order of states, for sorting and DISTINCT: entry by entry in key
 * order. Entries are ordered by key, instant, event id, value and source. Where
 * one state starts the other, the shorter comes first.
 */
static int
compare(const Traits *a, const Traits *b)
{
	int n = Min(a->nkeys, b->nkeys);
	int i;

	for (i = 0; i < n; i++)
	{
		TraitsFact x;
		TraitsFact y;
		int cmp;

		traits_fact(a, i, &x);
		traits_fact(b, i, &y);
		cmp = traits_compare_bytes(x.key, x.key_len, y.key, y.key_len);
		if (cmp == 0)
			cmp = traits_compare_facts(&x, &y);
		if (cmp != 0)
			return cmp;
	}
	return (a->nkeys > b->nkeys) - (a->nkeys < b->nkeys);
}

/* Equal states have equal bytes. */
static bool
same(const Traits *a, const Traits *b)
{
	return VARSIZE(a) == VARSIZE(b) && memcmp(a, b, VARSIZE(a)) == 0;
}

PG_FUNCTION_INFO_V1(traits_eq);
PG_FUNCTION_INFO_V1(traits_ne);
PG_FUNCTION_INFO_V1(traits_lt);
PG_FUNCTION_INFO_V1(traits_le);
PG_FUNCTION_INFO_V1(traits_gt);
PG_FUNCTION_INFO_V1(traits_ge);
PG_FUNCTION_INFO_V1(traits_cmp);
PG_FUNCTION_INFO_V1(traits_hash);
PG_FUNCTION_INFO_V1(traits_hash_extended);

/* (traits, traits) -> boolean: equality of the whole state */
Datum
traits_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(same(PG_GETARG_TRAITS_P(0), PG_GETARG_TRAITS_P(1)));
}

Datum
traits_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!same(PG_GETARG_TRAITS_P(0), PG_GETARG_TRAITS_P(1)));
}

Datum
traits_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare(PG_GETARG_TRAITS_P(0), PG_GETARG_TRAITS_P(1)) < 0);
}

Datum
traits_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare(PG_GETARG_TRAITS_P(0), PG_GETARG_TRAITS_P(1)) <= 0);
}

Datum
traits_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare(PG_GETARG_TRAITS_P(0), PG_GETARG_TRAITS_P(1)) > 0);
}

Datum
traits_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare(PG_GETARG_TRAITS_P(0), PG_GETARG_TRAITS_P(1)) >= 0);
}

/* btree support 1 */
Datum
traits_cmp(PG_FUNCTION_ARGS)
{
	int cmp = compare(PG_GETARG_TRAITS_P(0), PG_GETARG_TRAITS_P(1));

	PG_RETURN_INT32((cmp > 0) - (cmp < 0));
}

/* hash support 1, over the bytes of the state */
Datum
traits_hash(PG_FUNCTION_ARGS)
{
	Traits *traits = PG_GETARG_TRAITS_P(0);

	PG_RETURN_UINT32(
	    hash_bytes((const unsigned char *) VARDATA(traits), VARSIZE(traits) - VARHDRSZ));
}

/* hash support 2, with a seed */
Datum
traits_hash_extended(PG_FUNCTION_ARGS)
{
	Traits *traits = PG_GETARG_TRAITS_P(0);

	PG_RETURN_UINT64(hash_bytes_extended((const unsigned char *) VARDATA(traits),
	                                     VARSIZE(traits) - VARHDRSZ, PG_GETARG_INT64(1)));
}

/* Whether two states have the same value of a key, or neither has one: what reads by key gives. */
bool
traits_same_value(const Traits *a, const Traits *b, const char *key, int key_len)
{
	const Traits *states[2] = {a, b};
	TraitsKind kinds[2] = {TRAITS_UNSET, TRAITS_UNSET};
	const char *values[2] = {NULL, NULL};
	uint32 lengths[2] = {0, 0};

	for (int i = 0; i < 2; i++)
	{
		int found = traits_find(states[i], key, key_len);

		if (found >= 0)
			kinds[i] = traits_value(states[i], found, &values[i], &lengths[i]);
	}
	return kinds[0] == kinds[1] && lengths[0] == lengths[1] &&
	       (lengths[0] == 0 || memcmp(values[0], values[1], lengths[0]) == 0);
}
