/*
 * resolve.c
 *	  Stage two, once everything is locked: identifiers become profiles - create,
 *	  attach or merge, as the evidence says (evidence.c).
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

static bool
repoint_former_id(TupleTableSlot *slot, void *context)
{
	MoveContext *move = (MoveContext *) context;

	rows_repoint_former(move->batch->store, slot, move->to);
	return true;
}

/* Each loser goes straight to the profile that survives in the end. */
static void
merge_profiles(Batch *batch)
{
	for (int i = 0; i < identity_of(batch)->n_merges; i++)
	{
		Merge *merge = &identity_of(batch)->merges[i];
		Profile *survivor = evidence_root(batch, merge->loser->component)->profile;
		MoveContext move = {batch, survivor->id};

		CHECK_FOR_INTERRUPTS();
		merge->loser->merged = true;
		stored_visit_identifiers(batch->store, merge->loser->id, NULL, move_identifier, &move);
		stored_visit_merges(batch->store, merge->loser->id, repoint_former_id, &move);
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
		Event *event = &batch->events[e];
		Component *component;
		IdNode *anchor;
		bool found;

		if (event->n_refs == 0)
			continue;
		anchor = &batch->nodes[batch->refs[event->first_ref]];
		component = evidence_component(batch, batch->refs[event->first_ref]);
		if (component->profile != NULL)
			continue;
		found = true;
		if (anchor->inserted_by_us && anchor->has_new_id)
			component->profile = batch_profile(batch, anchor->row.profile_id, &found);
		if (found) /* no guess, or the guess belongs to another component */
			component->profile =
			    batch_profile(batch, nextval_internal(batch->ws->profiles_sequence, false), &found);
		component->profile->is_new = true;
	}
}

/* What becomes of an identifier with the batch's events, given what is stored of it. */
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
 * An event without an anchor moves times and writes no profile, so nobody who
 * waited for the profile knows of it: the times are those of the row as it is
 * now. They only ever move one way; who has nothing to say to the row as it
 * was has nothing to say to it now.
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
		Profile *profile;

		if (event->n_refs == 0)
			continue;
		profile = evidence_component(batch, batch->refs[event->first_ref])->profile;
		event->next = profile->first_event;
		profile->first_event = e;
	}
}

/*
 * The stage itself, once everything is locked: components, merges, profiles.
 */
void
identity_resolve(Batch *batch)
{
	store_refresh(
	    batch->store); /* what the locks keep from changing may have changed before them */
	evidence_decide(batch);
	create_profiles(batch);
	evidence_note_contests(batch);
	merge_profiles(batch);
	write_identifiers(batch);
	assign_events(batch);
}
