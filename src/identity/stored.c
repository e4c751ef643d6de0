/*
 * stored.c
 *	  What is stored of identifiers and of evidence: rows by key, visits by index.
 */
#include "events/events.h"
#include "identity/identity_internal.h"

#include "miscadmin.h"
#include "utils/builtins.h"

bool
stored_find_identifier(Store *store, Datum identifier, StoredIdentifier *found)
{
	TupleTableSlot *slot = store_find(store, &identifiers_table, identifier);

	if (slot != NULL)
		stored_read_identifier(store, slot, found);
	return slot != NULL;
}

void
stored_read_identifier(Store *store, TupleTableSlot *slot, StoredIdentifier *found)
{
	bool isnull;

	found->profile_id =
	    DatumGetInt64(store_value(store, &identifiers_table, slot, IDENTIFIER_PROFILE_ID, &isnull));
	if (isnull)
		found->profile_id = 0;
	found->first_seen = DatumGetTimestampTz(
	    store_value(store, &identifiers_table, slot, IDENTIFIER_FIRST_SEEN, &isnull));
	found->last_seen = DatumGetTimestampTz(
	    store_value(store, &identifiers_table, slot, IDENTIFIER_LAST_SEEN, &isnull));
	found->anchored_at = DatumGetTimestampTz(
	    store_value(store, &identifiers_table, slot, IDENTIFIER_ANCHORED_AT, &isnull));
	if (isnull)
		found->anchored_at = DT_NOEND;
	found->generic =
	    DatumGetBool(store_value(store, &identifiers_table, slot, IDENTIFIER_GENERIC, &isnull));
}

/*
 * A bound of a namespace's identifiers, for comparison only. "name:" is before the first of
 * them, and "name;" after the last: ';' is the character that follows ':'.
 */
static Datum
namespace_bound(const char *name, char separator)
{
	size_t len = strlen(name);
	Identifier *bound = palloc0(offsetof(Identifier, text) + len + 1);

	SET_VARSIZE(bound, offsetof(Identifier, text) + len + 1);
	bound->version = IDENTIFIER_VERSION;
	bound->namespace_len = len;
	memcpy(bound->text, name, len);
	bound->text[len] = separator;
	return PointerGetDatum(bound);
}

void
stored_visit_identifiers(Store *store, int64 profile_id, const char *namespace_name, VisitRow visit,
                         void *context)
{
	StoreRange range = {.n_equal = 1, .equal = {Int64GetDatum(profile_id)}};

	if (namespace_name != NULL)
	{
		range.bounded = true;
		range.low = namespace_bound(namespace_name, ':');
		range.high = namespace_bound(namespace_name, ';');
	}
	store_visit(store, &identifiers_table, &identifiers_by_profile, &range, visit, context);
}

void
stored_visit_merges(Store *store, int64 profile_id, VisitRow visit, void *context)
{
	StoreRange range = {.n_equal = 1, .equal = {Int64GetDatum(profile_id)}};

	store_visit(store, &merges_table, &merges_by_profile, &range, visit, context);
}

/* Visits the rows that have this value in the index's first column. */
static void
visit_equal(Store *store, const WorkspaceTable *table, const WorkspaceIndex *index, Datum value,
            VisitRow visit, void *context)
{
	StoreRange range = {.n_equal = 1, .equal = {value}};

	store_visit(store, table, index, &range, visit, context);
}

void
stored_visit_links_of_anchor(Store *store, Datum anchor, VisitRow visit, void *context)
{
	visit_equal(store, &links_table, NULL, anchor, visit, context);
}

void
stored_visit_links_to(Store *store, Datum identifier, VisitRow visit, void *context)
{
	visit_equal(store, &links_table, &links_by_identifier, identifier, visit, context);
}

void
stored_visit_refusals_of_anchor(Store *store, Datum anchor, const char *reason, VisitRow visit,
                                void *context)
{
	StoreRange range = {.n_equal = 1, .equal = {anchor}};

	if (reason != NULL)
		range.equal[range.n_equal++] = CStringGetTextDatum(reason);
	store_visit(store, &refusals_table, &refusals_by_anchor, &range, visit, context);
}

void
stored_visit_refusals_to(Store *store, Datum text, VisitRow visit, void *context)
{
	visit_equal(store, &refusals_table, NULL, text, visit, context);
}

void
stored_visit_decisions(Store *store, Datum identifier, bool smaller, VisitRow visit, void *context)
{
	visit_equal(store, &decisions_table, smaller ? NULL : &decisions_by_b, identifier, visit,
	            context);
}

void
stored_visit_companions(Store *store, Datum identifier, VisitRow visit, void *context)
{
	visit_equal(store, &companions_table, NULL, identifier, visit, context);
}

static bool
delete_refusal(TupleTableSlot *slot, void *context)
{
	store_delete((Store *) context, &refusals_table, &slot->tts_tid);
	return true;
}

void
stored_delete_refusals_of_anchor(Store *store, Datum anchor)
{
	for (int i = 0; i < REFUSED_LIMIT; i++)
		stored_visit_refusals_of_anchor(store, anchor, refusal_reasons[i], delete_refusal, store);
}

const char *const refusal_reasons[N_REFUSAL_REASONS] = {
    [REFUSED_INVALID] = "invalid", [REFUSED_BLOCKED] = "blocked",
    [REFUSED_GENERIC] = "generic", [REFUSED_TOO_MANY] = "too many",
    [REFUSED_LIMIT] = "limit",     [REFUSED_SEPARATED] = "separated",
    [REFUSED_MERGE] = "merge",
};

/* A visit that notes that there is a row, and ends. */
static bool
note_row(TupleTableSlot *slot, void *context)
{
	*(bool *) context = true;
	return false;
}

typedef struct FindKind
{
	Store *store;
	const char *kind;
	bool found;
} FindKind;

static bool
note_decision_of_kind(TupleTableSlot *slot, void *context)
{
	FindKind *find = (FindKind *) context;
	bool isnull;
	Datum kind = store_value(find->store, &decisions_table, slot, DECISION_KIND, &isnull);

	find->found = find->kind == NULL || strcmp(TextDatumGetCString(kind), find->kind) == 0;
	return !find->found;
}

/* Whether a decision of a kind (null: of any kind) names an identifier. */
bool
identity_has_decision(Store *store, Datum identifier, const char *kind)
{
	FindKind find = {store, kind, false};

	if (!store_has_rows(store, &decisions_table))
		return false;
	stored_visit_decisions(store, identifier, true, note_decision_of_kind, &find);
	if (!find.found)
		stored_visit_decisions(store, identifier, false, note_decision_of_kind, &find);
	return find.found;
}

static bool
note_pair_refusal(TupleTableSlot *slot, void *context)
{
	FindKind *find = (FindKind *) context;
	bool isnull;
	char *reason = TextDatumGetCString(
	    store_value(find->store, &refusals_table, slot, REFUSAL_REASON, &isnull));

	for (int i = REFUSED_LIMIT; i < N_REFUSAL_REASONS; i++)
		find->found = find->found || strcmp(reason, refusal_reasons[i]) == 0;
	return !find->found;
}

/*
 * Whether evidence of a pair, accepted or refused, or a decision that links is stored for an
 * identifier. At least one side of each has a profile.
 */
static bool
stored_has_evidence(Store *store, Datum identifier)
{
	FindKind find = {store, NULL, false};
	bool linked = false;
	Identifier *id = DatumGetIdentifierPP(identifier);

	stored_visit_refusals_to(
	    store, PointerGetDatum(cstring_to_text_with_len(IDENTIFIER_TEXT(id), IDENTIFIER_LEN(id))),
	    note_pair_refusal, &find);
	if (find.found)
		return true;
	stored_visit_links_to(store, identifier, note_row, &linked);
	if (!linked)
		stored_visit_links_of_anchor(store, identifier, note_row, &linked);
	for (int i = REFUSED_LIMIT; i < N_REFUSAL_REASONS && !linked; i++)
		stored_visit_refusals_of_anchor(store, identifier, refusal_reasons[i], note_row, &linked);
	return linked || identity_has_decision(store, identifier, "link");
}

/*
 * Notes whether evidence of a node is stored, and whether it is guarded. Most nodes without
 * a profile are new, and have no evidence.
 */
static void
note_evidence(Store *store, IdNode *node)
{
	Datum identifier = PointerGetDatum(node->identifier);

	node->is_guarded = false;
	node->has_no_evidence = !node->has_row || node->inserted_by_us;
	if (node->has_no_evidence || node->row.profile_id != 0 || node->row.generic)
		return;
	if (TIMESTAMP_IS_NOEND(node->row.first_seen))
		node->has_no_evidence = !identity_has_decision(store, identifier, NULL);
	if (!node->has_no_evidence)
		node->is_guarded = stored_has_evidence(store, identifier);
}

void
stored_drop_generic(Batch *batch)
{
	bool any = false;

	for (int i = 0; i < batch->n_nodes && !any; i++)
		any = batch->nodes[i].row.generic;
	if (!any)
		return;
	for (int i = 0; i < batch->n_nodes; i++)
		batch->nodes[i].anchors_at = DT_NOEND;
	for (int e = 0; e < batch->n_events; e++)
	{
		CHECK_FOR_INTERRUPTS();
		events_order_refs(batch, &batch->events[e]);
	}
}

bool
stored_is_later(Store *store, const WorkspaceTable *table, TupleTableSlot *slot, int at_column,
                int id_column, TimestampTz at, const pg_uuid_t *id)
{
	bool isnull;
	TimestampTz stored_at =
	    DatumGetTimestampTz(store_value(store, table, slot, at_column, &isnull));
	pg_uuid_t *stored_id = DatumGetUUIDP(store_value(store, table, slot, id_column, &isnull));

	if (at != stored_at)
		return at < stored_at;
	return memcmp(id->data, stored_id->data, UUID_LEN) < 0;
}

/* Reads what is stored of one identifier; a row that this statement inserted is not read again. */
void
identity_read_node(Store *store, IdNode *node)
{
	if (!node->inserted_by_us)
		node->has_row =
		    stored_find_identifier(store, PointerGetDatum(node->identifier), &node->row);
	note_evidence(store, node);
}

/* Reads what is stored of each identifier. */
void
identity_read(Batch *batch)
{
	identity_of(batch)->read_at = store_reading(batch->store);
	for (int i = 0; i < batch->n_nodes; i++)
	{
		CHECK_FOR_INTERRUPTS();
		identity_read_node(batch->store, &batch->nodes[i]);
	}
	stored_drop_generic(batch);
}
