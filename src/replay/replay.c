/*
 * replay.c
 *	  Components whose evidence is decided again: evidence came late, was withdrawn, or
 *	  people have decided. The graph (graph.c) decides which identifiers are one person;
 *	  this file brings the tables up to that.
 *
 * A profile that keeps all its identifiers keeps its values. Profiles that become one are
 * merged, by one merge per column. If a profile comes apart, its values do not say what
 * belongs to which part; each part is folded again from the events of its identifiers. So a
 * replay reads the evidence of the component, and only the events of those profiles that
 * come apart.
 *
 * Ids: a part that has the identifier of a former profile gets that profile's id back. The
 * id of the profile that comes apart stays where its strongest identifier is.
 *
 * The caller has locked all component profiles (identity_component_profiles), or the
 * workspace.
 */
#include "replay/replay.h"

#include "commands/sequence.h"
#include "common/hashfn.h"
#include "identity/graph.h"
#include "miscadmin.h"
#include "pipeline/pipeline.h"
#include "store/lock.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* A profile that nodes of the graph belong to, as they are stored. */
typedef struct OldProfile
{
	int64 id;
	Profile *profile;
	int64 count;       /* identifier_count of its row: identifiers and former ids */
	int part;          /* the part that keeps it; -1: none */
	bool is_splitting; /* it loses identifiers, or gains or loses events: fold it again */
	char status;
} OldProfile;

#define SH_PREFIX oldprofiles
#define SH_ELEMENT_TYPE OldProfile
#define SH_KEY_TYPE int64
#define SH_KEY id
#define SH_HASH_KEY(tb, key) murmurhash32((uint32) (key) ^ (uint32) ((uint64) (key) >> 32))
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* The nodes that are one person after the replay. */
typedef struct Part
{
	int first;         /* its nodes, linked by next */
	bool anchors;      /* it anchors an event, so it is a profile */
	Profile *profile;  /* the profile that it becomes */
	bool is_new;       /* ... which has no row yet */
	bool revived;      /* ... but was a profile before: a former id is given back */
	int64 weight;      /* identifiers of the profile; the larger one survives */
	int64 parted_from; /* the profile that it comes apart from; 0: none */
	bool contest;
	TimestampTz contest_until;
} Part;

/* A former id of a profile that comes apart. */
typedef struct Former
{
	int64 id;
	OldProfile *split_from; /* the profile that comes apart; it has the former id */
	int part;               /* the part that has its identifier; -1: none */
	bool revived;
	ItemPointerData tid;
	Jsonb *own_columns;
	ArrayType *inherited;
} Former;

typedef struct Replay
{
	Graph *graph;
	Batch *batch;
	Store *store;
	Cause cause;
	bool rebuilding;
	struct oldprofiles_hash *old;
	Part *parts;
	int n_parts;
	Former *formers;
	int n_formers;
	int max_formers;
} Replay;

/* Makes a part of the nodes of each component. */
static void
collect_parts(Replay *replay)
{
	Graph *graph = replay->graph;

	replay->parts = MemoryContextAllocHuge(graph->context, sizeof(Part) * Max(graph->n_nodes, 1));
	for (int i = 0; i < graph->n_nodes; i++)
	{
		GraphNode *root = &graph->nodes[i];
		Part *part = &replay->parts[replay->n_parts];

		CHECK_FOR_INTERRUPTS();
		root->part = -1;
		if (root->parent != i || root->excluded)
			continue;
		memset(part, 0, sizeof(Part));
		part->first = root->first;
		part->anchors = root->anchored_at != DT_NOEND;
		part->contest_until = DT_NOBEGIN;
		for (int n = root->first; n >= 0; n = graph->nodes[n].next)
			part->contest =
			    part->contest || graph->nodes[n].separated || !graph->nodes[n].rule->can_merge;
		replay->n_parts++;
	}
	for (int p = 0; p < replay->n_parts; p++)
		for (int n = replay->parts[p].first; n >= 0; n = graph->nodes[n].next)
			graph->nodes[n].part = p;
	for (int i = 0; i < graph->n_edges; i++)
	{
		GraphEdge *edge = &graph->edges[i];
		int ends[2] = {graph->nodes[edge->anchor].part, graph->nodes[edge->other].part};

		for (int e = 0; e < 2; e++)
			if (!edge->accepted && ends[0] >= 0 && ends[1] >= 0)
			{
				Part *part = &replay->parts[ends[e]];

				part->contest = true;
				part->contest_until = Max(part->contest_until, edge->at);
			}
	}
}

/* Finds the stored profiles of the nodes, and which of them come apart. */
static void
collect_old(Replay *replay)
{
	Graph *graph = replay->graph;

	replay->old = oldprofiles_create(graph->context, ARRAY_MIN, NULL);
	for (int i = 0; i < graph->n_nodes; i++)
	{
		GraphNode *node = &graph->nodes[i];
		OldProfile *old;
		bool found;

		CHECK_FOR_INTERRUPTS();
		if (node->row.profile_id == 0)
			continue;
		old = oldprofiles_insert(replay->old, node->row.profile_id, &found);
		if (!found)
		{
			TupleTableSlot *slot =
			    store_find(replay->store, &profiles_table, Int64GetDatum(node->row.profile_id));
			bool isnull;

			if (slot == NULL)
				identity_report_missing(node->row.profile_id);
			store_check_locked(replay->store, &profiles_table, &slot->tts_tid);
			old->profile = batch_profile(replay->batch, node->row.profile_id, &found);
			old->count = DatumGetInt64(store_value(replay->store, &profiles_table, slot,
			                                       PROFILE_IDENTIFIER_COUNT, &isnull));
			old->part = node->part;
			old->is_splitting = false;
		}
		old->is_splitting =
		    old->is_splitting || node->excluded || node->gained_events || node->part != old->part;
	}
}

typedef struct NoteFormers
{
	Replay *replay;
	OldProfile *old;
} NoteFormers;

static bool
note_former(TupleTableSlot *slot, void *context)
{
	NoteFormers *visit = (NoteFormers *) context;
	Replay *replay = visit->replay;
	Store *store = replay->store;
	MemoryContext oldcontext = MemoryContextSwitchTo(replay->graph->context);
	bool isnull;
	Datum value;
	Former *former;

	(void) store_value(store, &merges_table, slot, MERGE_UNDONE_AT, &isnull);
	if (isnull)
	{
		ARRAY_GROW(replay->graph->context, replay->formers, replay->n_formers, replay->max_formers);
		former = &replay->formers[replay->n_formers++];
		memset(former, 0, sizeof(Former));
		former->split_from = visit->old;
		former->part = -1;
		former->tid = slot->tts_tid;
		former->id =
		    DatumGetInt64(store_value(store, &merges_table, slot, MERGE_MERGED_ID, &isnull));
		value = store_value(store, &merges_table, slot, MERGE_FORMER_IDENTIFIER, &isnull);
		if (!isnull)
		{
			int node = graph_find(replay->graph, DatumGetIdentifierPP(value));

			former->part = node < 0 ? -1 : replay->graph->nodes[node].part;
		}
		value = store_value(store, &merges_table, slot, MERGE_OWN_COLUMNS, &isnull);
		former->own_columns = isnull ? NULL : DatumGetJsonbPCopy(value);
		value = store_value(store, &merges_table, slot, MERGE_INHERITED, &isnull);
		former->inherited = isnull ? NULL : DatumGetArrayTypePCopy(value);
	}
	MemoryContextSwitchTo(oldcontext);
	return true;
}

/* Collects the former ids of the profiles that come apart. */
static void
collect_formers(Replay *replay)
{
	oldprofiles_iterator iterator;
	OldProfile *old;

	if (replay->rebuilding)
		return; /* the rebuild gives the ids */
	oldprofiles_start_iterate(replay->old, &iterator);
	while ((old = oldprofiles_iterate(replay->old, &iterator)) != NULL)
		if (old->is_splitting)
		{
			NoteFormers visit = {replay, old};

			stored_visit_merges(replay->store, old->id, note_former, &visit);
		}
}

/* How much of a stored profile a part has; only for parts that have any of it. */
typedef struct Share
{
	int64 profile;
	int part;
	int n;         /* number of nodes */
	int strongest; /* the strongest of these nodes */
} Share;

static int
compare_shares(const void *a, const void *b)
{
	const Share *x = (const Share *) a;
	const Share *y = (const Share *) b;

	if (x->profile != y->profile)
		return x->profile < y->profile ? -1 : 1;
	return x->part - y->part;
}

static bool
has_former_id(const Replay *replay, const OldProfile *old, int part)
{
	for (int i = 0; i < replay->n_formers; i++)
		if (replay->formers[i].split_from == old && replay->formers[i].part == part)
			return true;
	return false;
}

/*
 * Gives a profile to a part, if it survives there: the larger one does; on a tie, the
 * smaller id.
 */
static void
offer_profile(Part *part, Profile *profile, int64 weight)
{
	if (part->profile != NULL &&
	    (part->weight > weight || (part->weight == weight && part->profile->id < profile->id)))
		return;
	part->profile = profile;
	part->weight = weight;
}

/* Whether a node is stronger than another: by namespace, then by its bytes. */
static bool
is_stronger_node(const GraphNode *a, const GraphNode *b)
{
	if (a->rule->priority != b->rule->priority)
		return a->rule->priority < b->rule->priority;
	return identifier_compare(a->identifier, b->identifier) < 0;
}

/*
 * Gives a profile that comes apart to one of the parts that anchor an event, if there is one.
 * A part that will not get a former id back is preferred; then the part that has the
 * strongest identifier.
 */
static void
place_profile(Replay *replay, const Share *shares, int n, OldProfile *old)
{
	int best = -1;
	bool best_claimed = true;

	for (int i = 0; i < n; i++)
	{
		Part *part = &replay->parts[shares[i].part];
		bool claimed;

		if (!part->anchors)
			continue;
		if (part->parted_from == 0)
			part->parted_from = old->id;
		claimed = has_former_id(replay, old, shares[i].part);
		if (best >= 0 && (claimed > best_claimed ||
		                  (claimed == best_claimed &&
		                   !is_stronger_node(&replay->graph->nodes[shares[i].strongest],
		                                     &replay->graph->nodes[shares[best].strongest]))))
			continue;
		best = i;
		best_claimed = claimed;
	}
	old->part = best < 0 ? -1 : shares[best].part;
	if (best >= 0)
		offer_profile(&replay->parts[old->part], old->profile, shares[best].n);
}

/* Finds the profile of each part, as far as stored profiles go. */
static void
place_profiles(Replay *replay)
{
	Graph *graph = replay->graph;
	oldprofiles_iterator iterator;
	OldProfile *old;
	Share *shares = MemoryContextAllocHuge(graph->context, sizeof(Share) * (graph->n_nodes + 1));
	int n = 0;
	int distinct = 0;

	oldprofiles_start_iterate(replay->old, &iterator);
	while ((old = oldprofiles_iterate(replay->old, &iterator)) != NULL)
		if (!old->is_splitting)
			offer_profile(&replay->parts[old->part], old->profile, old->count);

	for (int i = 0; i < graph->n_nodes; i++)
		if (graph->nodes[i].row.profile_id != 0 && graph->nodes[i].part >= 0)
		{
			shares[n].profile = graph->nodes[i].row.profile_id;
			shares[n].part = graph->nodes[i].part;
			shares[n].strongest = i;
			shares[n++].n = 1;
		}
	qsort(shares, n, sizeof(Share), compare_shares);
	for (int i = 0; i < n; i++)
	{
		if (distinct > 0 && compare_shares(&shares[distinct - 1], &shares[i]) == 0)
		{
			Share *share = &shares[distinct - 1];

			share->n++;
			if (is_stronger_node(&graph->nodes[shares[i].strongest],
			                     &graph->nodes[share->strongest]))
				share->strongest = shares[i].strongest;
		}
		else
			shares[distinct++] = shares[i];
	}
	for (int start = 0, end; start < distinct; start = end)
	{
		CHECK_FOR_INTERRUPTS();
		for (end = start + 1; end < distinct && shares[end].profile == shares[start].profile;)
			end++;
		old = oldprofiles_lookup(replay->old, shares[start].profile);
		if (old->is_splitting)
		{
			old->part = -1;
			place_profile(replay, &shares[start], end - start, old);
		}
	}
	/* a profile of which nothing is left: its only identifier became generic */
	oldprofiles_start_iterate(replay->old, &iterator);
	while ((old = oldprofiles_iterate(replay->old, &iterator)) != NULL)
		if (old->is_splitting && old->part >= 0 && replay->parts[old->part].profile == NULL)
			old->part = -1;
}

static int
compare_formers(const void *a, const void *b)
{
	int64 x = ((const Former *) a)->id;
	int64 y = ((const Former *) b)->id;

	return x < y ? -1 : x > y;
}

/*
 * A part without a profile gets a former id back, or a new one. Each former id is given back
 * once.
 */
static void
revive_profiles(Replay *replay)
{
	bool found;

	if (replay->n_formers > 1)
		qsort(replay->formers, replay->n_formers, sizeof(Former), compare_formers);
	for (int i = 0; i < replay->n_formers; i++)
	{
		Former *former = &replay->formers[i];
		Part *part = former->part < 0 ? NULL : &replay->parts[former->part];

		if (part == NULL || !part->anchors || part->profile != NULL)
			continue;
		part->profile = batch_profile(replay->batch, former->id, &found);
		part->profile->is_new = part->is_new = true;
		part->profile->own_columns = former->own_columns;
		part->profile->inherited = former->inherited;
		part->parted_from = former->split_from->id;
		if (former->own_columns != NULL && former->inherited != NULL)
		{
			part->profile->next_split = former->split_from->profile->split_profiles;
			former->split_from->profile->split_profiles = part->profile;
		}
		former->revived = part->revived = true;
	}
	for (int p = 0; p < replay->n_parts; p++)
	{
		Part *part = &replay->parts[p];

		if (!part->anchors || part->profile != NULL)
			continue;
		do
			part->profile = batch_profile(
			    replay->batch,
			    nextval_internal(store_workspace(replay->store)->profiles_sequence, false), &found);
		while (found);
		part->profile->is_new = part->is_new = true;
	}
}

/* Marks what becomes of each old profile: it stays, is merged into another, or vanishes. */
static void
apply_profiles(Replay *replay)
{
	oldprofiles_iterator iterator;
	OldProfile *old;

	oldprofiles_start_iterate(replay->old, &iterator);
	while ((old = oldprofiles_iterate(replay->old, &iterator)) != NULL)
	{
		Profile *profile = old->profile;
		Profile *survivor = old->part < 0 ? NULL : replay->parts[old->part].profile;

		profile->is_refolded = old->is_splitting;
		if (survivor == NULL)
			profile->vanishes = true;
		else if (survivor != profile)
		{
			profile->merged = true;
			profile->next_merged = survivor->merged_profiles;
			survivor->merged_profiles = profile;
			survivor->gained_identifiers++; /* the former id */
		}
	}
	for (int p = 0; p < replay->n_parts; p++)
	{
		Part *part = &replay->parts[p];

		if (part->profile == NULL)
			continue;
		part->profile->exact_contest = true;
		part->profile->contest = part->contest;
		part->profile->contest_until = part->contest_until;
	}
}

/* Writes each node's profile into its row; gives profiles the identifiers to fold again. */
static void
apply_nodes(Replay *replay)
{
	Graph *graph = replay->graph;
	Store *store = replay->store;

	for (int i = 0; i < graph->n_nodes; i++)
	{
		GraphNode *node = &graph->nodes[i];
		Profile *profile = node->part < 0 ? NULL : replay->parts[node->part].profile;
		OldProfile *old = node->row.profile_id == 0
		                      ? NULL
		                      : oldprofiles_lookup(replay->old, node->row.profile_id);
		StoredIdentifier row = node->row;

		CHECK_FOR_INTERRUPTS();
		row.profile_id = profile == NULL ? 0 : profile->id;
		row.generic = node->row.generic || node->became_generic;
		if (profile != NULL && (old == NULL || old->is_splitting))
		{
			profile->gained_identifiers++;
			if (row.anchored_at != DT_NOEND)
			{
				Piece *piece = MemoryContextAlloc(graph->context, sizeof(Piece));

				piece->identifier = node->identifier;
				piece->next = profile->pieces;
				profile->pieces = piece;
			}
		}
		if (row.profile_id == node->row.profile_id && row.generic == node->row.generic &&
		    !node->gained_events)
			continue;
		if (row.generic)
			rows_forget_times(&row);
		rows_rewrite(store, rows_find(store, node->identifier), node->identifier, &row);
	}
}

/* Writes a link, as it is decided now, into its stored row; slot null: into a new row. */
static void
write_link(Replay *replay, const GraphEdge *edge, TupleTableSlot *slot)
{
	Datum values[N_LINK_COLUMNS];

	values[LINK_ANCHOR] = PointerGetDatum(replay->graph->nodes[edge->anchor].identifier);
	values[LINK_IDENTIFIER] = PointerGetDatum(replay->graph->nodes[edge->other].identifier);
	values[LINK_OCCURRED_AT] = TimestampTzGetDatum(edge->at);
	values[LINK_EVENT_ID] = UUIDPGetDatum(&edge->event_id);
	if (slot == NULL)
		store_insert(replay->store, &links_table,
		             store_new_row(replay->store, &links_table, values, NULL));
	else
		store_update(replay->store, &links_table, &slot->tts_tid,
		             store_changed_row(replay->store, &links_table, slot, values, NULL));
}

/* The same for a refusal whose reason stays. */
static void
rewrite_refusal(Replay *replay, const GraphEdge *edge, TupleTableSlot *slot)
{
	Store *store = replay->store;
	Datum values[N_REFUSAL_COLUMNS];
	bool isnull[N_REFUSAL_COLUMNS];

	store_values(store, &refusals_table, slot, values, isnull);
	if (!edge->moved && !isnull[REFUSAL_DETAIL] &&
	    strcmp(TextDatumGetCString(values[REFUSAL_DETAIL]), edge->detail) == 0)
		return;
	values[REFUSAL_DETAIL] = CStringGetTextDatum(edge->detail);
	isnull[REFUSAL_DETAIL] = false;
	values[REFUSAL_OCCURRED_AT] = TimestampTzGetDatum(edge->at);
	values[REFUSAL_EVENT_ID] = UUIDPGetDatum(&edge->event_id);
	store_update(store, &refusals_table, &slot->tts_tid,
	             store_changed_row(store, &refusals_table, slot, values, isnull));
}

/* The stored row of an edge. */
static TupleTableSlot *
find_stored(Replay *replay, const GraphEdge *edge)
{
	GraphNode *anchor = &replay->graph->nodes[edge->anchor];
	GraphNode *other = &replay->graph->nodes[edge->other];
	TupleTableSlot *slot;
	Datum keys[3];

	if (edge->stored == PAIR_LINKED)
	{
		keys[0] = PointerGetDatum(anchor->identifier);
		keys[1] = PointerGetDatum(other->identifier);
		slot = store_find_key(replay->store, &links_table, 2, keys);
	}
	else
	{
		keys[0] = PointerGetDatum(cstring_to_text_with_len(IDENTIFIER_TEXT(other->identifier),
		                                                   IDENTIFIER_LEN(other->identifier)));
		keys[1] = PointerGetDatum(anchor->identifier);
		keys[2] = CStringGetTextDatum(refusal_reasons[edge->stored_reason]);
		slot = store_find_key(replay->store, &refusals_table, 3, keys);
	}
	if (slot == NULL)
		elog(ERROR, "evidence that is there cannot be found");
	return slot;
}

/* Writes the decision on an edge, in place of what is stored. */
static void
apply_edge(Replay *replay, const GraphEdge *edge)
{
	GraphNode *anchor = &replay->graph->nodes[edge->anchor];
	GraphNode *other = &replay->graph->nodes[edge->other];
	bool removed = anchor->excluded || other->excluded;
	bool linked = edge->stored == PAIR_LINKED;

	if (linked && edge->accepted && !removed)
	{
		if (edge->moved)
			write_link(replay, edge, find_stored(replay, edge));
		return;
	}
	if (edge->stored == PAIR_REFUSED && !edge->accepted && !removed &&
	    edge->reason == edge->stored_reason)
	{
		rewrite_refusal(replay, edge, find_stored(replay, edge));
		return;
	}
	if (edge->stored != PAIR_NEW)
		store_delete(replay->store, linked ? &links_table : &refusals_table,
		             &find_stored(replay, edge)->tts_tid);
	if (removed)
		return;
	if (edge->accepted)
		write_link(replay, edge, NULL);
	else
		write_refusal(replay->store, IDENTIFIER_TEXT(other->identifier),
		              IDENTIFIER_LEN(other->identifier), anchor->identifier, edge->reason,
		              edge->detail, edge->at, &edge->event_id);
}

static void
apply_edges(Replay *replay)
{
	MemoryContext context =
	    AllocSetContextCreate(replay->graph->context, "cdp edge", ALLOCSET_SMALL_SIZES);
	MemoryContext oldcontext = MemoryContextSwitchTo(context);

	for (int i = 0; i < replay->graph->n_edges; i++)
	{
		CHECK_FOR_INTERRUPTS();
		apply_edge(replay, &replay->graph->edges[i]);
		MemoryContextReset(context);
	}
	MemoryContextSwitchTo(oldcontext);
	MemoryContextDelete(context);
}

/* Repoints former ids to the part that has their identifier; marks merges as undone. */
static void
apply_formers(Replay *replay)
{
	Store *store = replay->store;

	for (int i = 0; i < replay->n_formers; i++)
	{
		Former *former = &replay->formers[i];
		Part *part = former->part < 0 ? NULL : &replay->parts[former->part];
		Profile *profile = part == NULL ? NULL : part->profile;
		TupleTableSlot *slot;
		Datum values[N_MERGE_COLUMNS];
		bool isnull[N_MERGE_COLUMNS];

		CHECK_FOR_INTERRUPTS();
		if (profile == NULL && former->split_from->part >= 0)
			profile = replay->parts[former->split_from->part].profile;
		if (profile != NULL && !former->revived)
			profile->gained_identifiers++;
		if (profile != NULL && profile->id == former->split_from->id && !former->revived)
			continue;
		slot = store_fetch(store, &merges_table, &former->tid);
		if (slot == NULL)
			elog(ERROR, "merge that is there cannot be found");
		store_values(store, &merges_table, slot, values, isnull);
		if (former->revived || profile == NULL)
		{
			values[MERGE_UNDONE_AT] = TimestampTzGetDatum(cdp_now());
			values[MERGE_UNDONE_CAUSE] = CStringGetTextDatum(replay->cause);
			isnull[MERGE_UNDONE_AT] = isnull[MERGE_UNDONE_CAUSE] = false;
		}
		else
			values[MERGE_PROFILE_ID] = Int64GetDatum(profile->id);
		store_update(store, &merges_table, &slot->tts_tid,
		             store_changed_row(store, &merges_table, slot, values, isnull));
	}
}

/* Repoints the former ids of the profiles that are merged whole. */
static void
repoint_formers(Replay *replay)
{
	oldprofiles_iterator iterator;
	OldProfile *old;

	oldprofiles_start_iterate(replay->old, &iterator);
	while ((old = oldprofiles_iterate(replay->old, &iterator)) != NULL)
		if (!old->is_splitting && old->profile->merged)
			rows_repoint_formers(replay->store, old->id, replay->parts[old->part].profile->id);
}

/*
 * An identifier of an old profile in the part that keeps it: one that anchors an event, if
 * there is one.
 */
static const GraphNode *
find_former_node(const Replay *replay, const OldProfile *old)
{
	const Graph *graph = replay->graph;
	const GraphNode *best = NULL;

	for (int n = replay->parts[old->part].first; n >= 0; n = graph->nodes[n].next)
	{
		const GraphNode *node = &graph->nodes[n];

		bool anchors = node->row.anchored_at != DT_NOEND;
		bool best_anchors = best != NULL && best->row.anchored_at != DT_NOEND;

		if (node->row.profile_id == old->id &&
		    (best == NULL || anchors > best_anchors ||
		     (anchors == best_anchors &&
		      identifier_compare(node->identifier, best->identifier) < 0)))
			best = node;
	}
	return best;
}

/* The last new evidence that holds a part together: merges record its event. */
static const GraphEdge *
find_joining_edge(const Replay *replay, int part)
{
	const Graph *graph = replay->graph;
	const GraphEdge *last = NULL;

	for (int i = 0; i < graph->n_edges; i++)
	{
		const GraphEdge *edge = &graph->edges[i];

		if (edge->accepted && edge->stored != PAIR_LINKED &&
		    graph->nodes[edge->anchor].part == part && (last == NULL || edge->at > last->at))
			last = edge;
	}
	return last;
}

/* Writes rows of merges for profiles that are merged now, and for parts that get new ids. */
static void
record_changes(Replay *replay)
{
	oldprofiles_iterator iterator;
	OldProfile *old;

	oldprofiles_start_iterate(replay->old, &iterator);
	while ((old = oldprofiles_iterate(replay->old, &iterator)) != NULL)
	{
		Datum values[N_MERGE_COLUMNS] = {0};
		bool isnull[N_MERGE_COLUMNS] = {false};
		const GraphEdge *edge;
		const GraphNode *former;
		int64 survivor;

		if (!old->profile->merged)
			continue;
		edge = find_joining_edge(replay, old->part);
		former = find_former_node(replay, old);
		survivor = replay->parts[old->part].profile->id;
		values[MERGE_MERGED_ID] = Int64GetDatum(old->id);
		values[MERGE_PROFILE_ID] = values[MERGE_MERGED_INTO] = Int64GetDatum(survivor);
		values[MERGE_MERGED_AT] = TimestampTzGetDatum(cdp_now());
		values[MERGE_CAUSE] = CStringGetTextDatum(replay->cause);
		isnull[MERGE_EVENT_ID] = isnull[MERGE_ANCHOR] = isnull[MERGE_IDENTIFIER] = edge == NULL;
		if (edge != NULL)
		{
			values[MERGE_EVENT_ID] = UUIDPGetDatum(&edge->event_id);
			values[MERGE_ANCHOR] = PointerGetDatum(replay->graph->nodes[edge->anchor].identifier);
			values[MERGE_IDENTIFIER] =
			    PointerGetDatum(replay->graph->nodes[edge->other].identifier);
		}
		isnull[MERGE_FORMER_IDENTIFIER] = former == NULL;
		if (former != NULL)
			values[MERGE_FORMER_IDENTIFIER] = PointerGetDatum(former->identifier);
		write_merge(replay->batch, old->profile, values, isnull);
	}
	for (int p = 0; p < replay->n_parts; p++)
	{
		Part *part = &replay->parts[p];
		Datum values[N_MERGE_COLUMNS] = {0};
		bool isnull[N_MERGE_COLUMNS] = {false};

		if (!part->is_new || part->revived || part->parted_from == 0)
			continue;
		values[MERGE_MERGED_ID] = Int64GetDatum(part->profile->id);
		values[MERGE_PROFILE_ID] = values[MERGE_MERGED_INTO] = Int64GetDatum(part->parted_from);
		isnull[MERGE_MERGED_AT] = isnull[MERGE_EVENT_ID] = isnull[MERGE_ANCHOR] = true;
		isnull[MERGE_IDENTIFIER] = isnull[MERGE_FORMER_IDENTIFIER] = true;
		isnull[MERGE_OWN_COLUMNS] = isnull[MERGE_INHERITED] = true;
		values[MERGE_CAUSE] = values[MERGE_UNDONE_CAUSE] = CStringGetTextDatum(replay->cause);
		values[MERGE_UNDONE_AT] = TimestampTzGetDatum(cdp_now());
		store_insert(replay->store, &merges_table,
		             store_new_row(replay->store, &merges_table, values, isnull));
	}
}

void
replay_components(Store *store, Identifier *const *identifiers, int n, Cause cause, int flags)
{
	MemoryContext context =
	    AllocSetContextCreate(CurrentMemoryContext, "cdp replay", ALLOCSET_DEFAULT_SIZES);
	MemoryContext oldcontext = MemoryContextSwitchTo(context);
	Replay replay = {.store = store, .cause = cause};

	replay.rebuilding = (flags & REPLAY_REBUILDING) != 0;
	replay.batch = batch_create(store, context, CAUSE_SPLIT);
	replay.batch->rebuilding = replay.rebuilding;
	replay.graph = graph_load(store, context, identifiers, n);
	graph_remove_generic(replay.graph);
	graph_partition(replay.graph, (flags & REPLAY_STRICT) != 0);
	collect_parts(&replay);
	collect_old(&replay);
	collect_formers(&replay);
	place_profiles(&replay);
	revive_profiles(&replay);
	apply_profiles(&replay);
	apply_nodes(&replay);
	apply_edges(&replay);
	apply_formers(&replay);
	repoint_formers(&replay);
	store_refresh(store);
	pipeline_finish_profiles(replay.batch);
	if (!replay.rebuilding)
		record_changes(&replay);
	store_refresh(store);
	MemoryContextSwitchTo(oldcontext);
	MemoryContextDelete(context);
}
