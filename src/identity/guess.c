/*
 * guess.c
 *	  Guesses the profile of a new identifier.
 */
#include "identity/identity_internal.h"

#include "base/union_find.h"
#include "commands/sequence.h"

/* The root of a node, in an array of parents. */
static int
guess_root(int *parents, int i)
{
#define PARENT(i) parents[i]
	UNION_FIND_ROOT(i, PARENT);
#undef PARENT
	return i;
}

/*
 * Guesses as if no limit stood in the way. The guess is nearly always right, so that the
 * identifier's row is written once.
 */
void
guess_profiles(Batch *batch)
{
	int *parents;
	int64 *ids;
	bool *new_ids;
	bool any_new = false;

	for (int i = 0; i < batch->n_nodes; i++)
		any_new = any_new || !batch->nodes[i].has_row;
	if (!any_new)
		return;
	parents = MemoryContextAllocHuge(batch->context, sizeof(int) * batch->n_nodes);
	ids = MemoryContextAllocHuge(batch->context, sizeof(int64) * batch->n_nodes);
	new_ids = MemoryContextAllocZero(batch->context, sizeof(bool) * batch->n_nodes);
	for (int i = 0; i < batch->n_nodes; i++)
	{
		parents[i] = i;
		ids[i] = batch->nodes[i].has_row ? batch->nodes[i].row.profile_id : 0;
	}
	for (int e = 0; e < batch->n_events; e++)
	{
		Event *event = &batch->events[e];

		for (int r = 1; r < event->n_refs; r++)
		{
			int a = guess_root(parents, batch->refs[event->first_ref]);
			int b = guess_root(parents, batch->refs[event->first_ref + r]);

			if (a == b)
				continue;
			parents[b] = a;
			if (ids[a] == 0)
				ids[a] = ids[b];
		}
	}
	for (int i = 0; i < batch->n_nodes; i++)
	{
		IdNode *node = &batch->nodes[i];
		int root = guess_root(parents, i);

		if (node->has_row || node->row.generic)
			continue;
		if (ids[root] == 0)
		{
			ids[root] = nextval_internal(batch->ws->profiles_sequence, false);
			new_ids[root] = true;
		}
		node->row.profile_id = ids[root];
		node->has_new_id = new_ids[root];
	}
}
