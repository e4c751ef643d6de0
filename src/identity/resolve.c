/*
 * resolve.c
 *	  Stage two, once everything is locked: profiles are created and merged, and
 *	  identifiers attached to them, as the evidence says (evidence.c).
 */
#include "identity/identity_internal.h"

#include "commands/sequence.h"
#include "miscadmin.h"

typedef struct MoveContext
{
	Batch *batch;
	int64 to;
} MoveContext;

/* Moves a row of identifiers to another profile. */
static bool
move_identifier(TupleTableSlot *slot, void *context)
{
	MoveContext *move = (MoveContext *) context;
	Batch *batch = move->batch;
	StoredIdentifier row;
	bool isnull;
	Identifier *identifier = DatumGetIdentifierPP(
	    store_value(batch->store, &identifiers_table, slot, IDENTIFIER_IDENTIFIER, &isnull));

	if (batch_find_node(batch, IDENTIFIER_TEXT(identifier), IDENTIFIER_LEN(identifier)) >= 0)
		return true; /* the batch writes its own identifiers, see write_identifiers */
	stored_read_identifier(batch->store, slot, &row);
	row.profile_id = move->to;
	rows_rewrite(batch->store, slot, identifier, &row);
	return true;
}

/* Applies the batch's merges. Each loser is merged directly into the profile that survives all. */
static void
merge_profiles(Batch *batch)
{
	IdentityBatch *identity = identity_of(batch);

	for (int i = 0; i < identity->n_merges; i++)
	{
		Merge *merge = &identity->merges[i];
		Profile *survivor = evidence_root(batch, merge->loser->component)->profile;
		MoveContext move = {batch, survivor->id};

		CHECK_FOR_INTERRUPTS();
		merge->loser->merged = true;
		stored_visit_identifiers(batch->store, merge->loser->id, NULL, move_identifier, &move);
		rows_repoint_formers(batch->store, merge->loser->id, survivor->id);
		merge->loser->next_merged = survivor->merged_profiles;
		survivor->merged_profiles = merge->loser;
		survivor->gained_identifiers++; /* the former id */
	}
}

/* Gives a profile to each component that anchors an event and has none. */
static void
create_profiles(Batch *batch)
{
	for (int e = 0; e < batch->n_events; e++)
	{
		int node = batch_anchor(batch, &batch->events[e]);
		Component *component;
		IdNode *anchor;
		bool found;

		if (node < 0)
			continue;
		anchor = &batch->nodes[node];
		component = evidence_component(batch, node);
		if (component->profile != NULL)
			continue;
		found = true;
		if (anchor->inserted_by_us && anchor->has_new_id)
			component->profile = batch_profile(batch, anchor->row.profile_id, &found);
		if (found) /* there is no guess, or another component uses the guessed id */
			component->profile =
			    batch_profile(batch, nextval_internal(batch->ws->profiles_sequence, false), &found);
		component->profile->is_new = true;
	}
}

/* The row of an identifier after the batch's events, given the stored one. */
static StoredIdentifier
identifier_with(const IdNode *node, const StoredIdentifier *stored, int64 profile_id)
{
	StoredIdentifier row = *stored;

	row.profile_id = profile_id;
	row.anchored_at = Min(stored->anchored_at, node->anchors_at);
	row.generic = node->row.generic;
	row.first_seen = Min(stored->first_seen, node->first_at);
	row.last_seen = rows_last_seen(row.first_seen, stored->last_seen, node->last_at);
	if (row.generic)
		rows_forget_times(&row);
	return row;
}

/*
 * Writes the batch's own identifiers where their profile or times have changed.
 *
 * An anonymous event changes times and writes no profile, so the locks on profiles do not
 * show its changes to us. Therefore the times are computed from the row as it is now. Times
 * only ever move one way: a node that would not have changed the row that we read before
 * cannot change it now either.
 */
static void
write_identifiers(Batch *batch)
{
	Store *store = batch->store;

	for (int i = 0; i < batch->n_nodes; i++)
	{
		IdNode *node = &batch->nodes[i];
		Profile *profile = evidence_component(batch, i)->profile;
		int64 profile_id = profile == NULL ? 0 : profile->id;
		StoredIdentifier row;
		StoredIdentifier now;
		TupleTableSlot *slot;

		CHECK_FOR_INTERRUPTS();
		if (node->row.generic && !node->has_no_evidence)
			continue;
		row = identifier_with(node, &node->row, profile_id);
		if (profile != NULL && (node->inserted_by_us || node->row.profile_id == 0))
			profile->gained_identifiers++;
		if (row.profile_id == node->row.profile_id && row.first_seen == node->row.first_seen &&
		    row.last_seen == node->row.last_seen && row.anchored_at == node->row.anchored_at &&
		    !row.generic)
			continue;
		slot = rows_find(store, node->identifier);
		stored_read_identifier(store, slot, &now);
		row = identifier_with(node, &now, profile_id);
		rows_rewrite(store, slot, node->identifier, &row);
	}
}

/* Gives each profile its events, in their order. */
static void
assign_events(Batch *batch)
{
	for (int e = batch->n_events - 1; e >= 0; e--)
	{
		Event *event = &batch->events[e];
		Profile *profile = identity_profile_of(batch, event);

		if (profile == NULL)
			continue;
		event->next = profile->first_event;
		profile->first_event = e;
	}
}

void
identity_resolve(Batch *batch)
{
	/* the locks prevent changes from now on; what changed before we got them is read again */
	store_refresh(batch->store);
	evidence_decide(batch);
	create_profiles(batch);
	evidence_note_contests(batch);
	merge_profiles(batch);
	write_identifiers(batch);
	assign_events(batch);
}
