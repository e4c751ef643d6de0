/*
 * columns.c
 *	  The users' own columns on profiles when identities change. At a merge the
 *	  survivor's value stays; where it is null, it takes over the other's. What the
 *	  merged profile had is recorded with the merge, so that a split can give it back.
 */
#include "profiles/profiles_internal.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* Whether a column of profiles is the users' own, and holds a value that they write. */
static bool
is_own_column(const Workspace *ws, TupleDesc desc, int i)
{
	Form_pg_attribute attribute = TupleDescAttr(desc, i);

	return !attribute->attisdropped && !attribute->attgenerated &&
	       !workspace_has_column(ws, &profiles_table, i + 1);
}

static bool
has_own_columns(Batch *batch)
{
	TupleDesc desc = store_row_type(batch->store, &profiles_table);

	if (desc->natts == workspace_table(batch->ws, &profiles_table)->n_columns)
		return false;
	for (int i = 0; i < desc->natts; i++)
		if (is_own_column(batch->ws, desc, i))
			return true;
	return false;
}

/* Fills what is null in a survivor's row with the values of the profiles merged into it. */
void
columns_inherit(Batch *batch, Profile *profile, TupleTableSlot *slot)
{
	TupleDesc desc = slot->tts_tupleDescriptor;

	if (desc->natts == workspace_table(batch->ws, &profiles_table)->n_columns)
		return;
	for (Profile *other = profile->merged_profiles; other != NULL; other = other->next_merged)
		for (int i = 0; i < desc->natts; i++)
			if (slot->tts_isnull[i] && is_own_column(batch->ws, desc, i))
				slot->tts_values[i] = heap_getattr(other->tuple, i + 1, desc, &slot->tts_isnull[i]);
}

static char *
as_text(Form_pg_attribute attribute, Datum value)
{
	Oid output;
	bool is_varlena;

	getTypeOutputInfo(attribute->atttypid, &output, &is_varlena);
	return OidOutputFunctionCall(output, value);
}

/* A row's values of the users' columns, as an object of texts and nulls. */
static Jsonb *
read_own_columns(Batch *batch, HeapTuple tuple, TupleDesc desc)
{
	JsonbParseState *state = NULL;
	JsonbValue *object;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < desc->natts; i++)
	{
		JsonbValue item;
		bool isnull;
		Datum value;

		if (!is_own_column(batch->ws, desc, i))
			continue;
		value = heap_getattr(tuple, i + 1, desc, &isnull);
		item.type = jbvString;
		item.val.string.val = NameStr(TupleDescAttr(desc, i)->attname);
		item.val.string.len = strlen(item.val.string.val);
		pushJsonbValue(&state, WJB_KEY, &item);
		item.type = isnull ? jbvNull : jbvString;
		if (!isnull)
		{
			item.val.string.val = as_text(TupleDescAttr(desc, i), value);
			item.val.string.len = strlen(item.val.string.val);
		}
		pushJsonbValue(&state, WJB_VALUE, &item);
	}
	object = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return JsonbValueToJsonb(object);
}

/*
 * Notes what the merged profiles have in the users' columns, and which of these values the
 * survivor takes over. The notes last as long as the batch.
 */
void
columns_record(Batch *batch, Profile *survivor)
{
	TupleDesc desc;
	bool *is_inherited;
	MemoryContext oldcontext;

	if (survivor->merged_profiles == NULL || !has_own_columns(batch))
		return;
	oldcontext = MemoryContextSwitchTo(batch->context);
	desc = store_row_type(batch->store, &profiles_table);
	is_inherited = palloc0(sizeof(bool) * desc->natts);
	for (Profile *loser = survivor->merged_profiles; loser != NULL; loser = loser->next_merged)
	{
		Datum *names = palloc(sizeof(Datum) * desc->natts);
		int n = 0;

		loser->own_columns = read_own_columns(batch, loser->tuple, desc);
		for (int i = 0; i < desc->natts; i++)
			if (!is_inherited[i] && is_own_column(batch->ws, desc, i) &&
			    (survivor->tuple == NULL || heap_attisnull(survivor->tuple, i + 1, desc)) &&
			    !heap_attisnull(loser->tuple, i + 1, desc))
			{
				is_inherited[i] = true;
				names[n++] = CStringGetTextDatum(NameStr(TupleDescAttr(desc, i)->attname));
			}
		loser->inherited =
		    n == 0 ? NULL : construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT);
	}
	MemoryContextSwitchTo(oldcontext);
}

/* The text that is recorded for a column; null: a null is recorded, or (*there false) nothing. */
static char *
recorded_text(const Jsonb *columns, const char *name, bool *there)
{
	JsonbValue value;
	const JsonbValue *found;

	found =
	    getKeyJsonValueFromContainer((JsonbContainer *) &columns->root, name, strlen(name), &value);
	*there = found != NULL;
	return found == NULL || found->type != jbvString
	           ? NULL
	           : pnstrdup(found->val.string.val, found->val.string.len);
}

/* Gives a profile that has come apart the values that it had when it was merged. */
void
columns_restore(Batch *batch, const Jsonb *columns, TupleTableSlot *slot)
{
	TupleDesc desc = slot->tts_tupleDescriptor;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		bool there;
		char *text;
		Oid input;
		Oid param;

		if (!is_own_column(batch->ws, desc, i))
			continue;
		text = recorded_text(columns, NameStr(attribute->attname), &there);
		if (!there)
			continue; /* the column was added since */
		slot->tts_isnull[i] = text == NULL;
		if (text == NULL)
			continue;
		getTypeInputInfo(attribute->atttypid, &input, &param);
		slot->tts_values[i] = OidInputFunctionCall(input, text, param, attribute->atttypmod);
	}
}

static bool
is_in_names(const ArrayType *names, const char *name)
{
	Datum *elements;
	bool *nulls;
	int n;

	deconstruct_array((ArrayType *) names, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
		if (!nulls[i] && strcmp(TextDatumGetCString(elements[i]), name) == 0)
			return true;
	return false;
}

/*
 * A profile has come apart from a survivor: sets to null what the survivor took over from
 * it, if the value is still the same.
 */
void
columns_return(Batch *batch, const Jsonb *columns, const ArrayType *inherited, TupleTableSlot *slot)
{
	TupleDesc desc = slot->tts_tupleDescriptor;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		bool there;
		char *text;

		if (slot->tts_isnull[i] || !is_own_column(batch->ws, desc, i) ||
		    !is_in_names(inherited, NameStr(attribute->attname)))
			continue;
		text = recorded_text(columns, NameStr(attribute->attname), &there);
		if (text != NULL && strcmp(text, as_text(attribute, slot->tts_values[i])) == 0)
			slot->tts_isnull[i] = true;
	}
}
