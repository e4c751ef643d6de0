/*
 * batch.c
 *	  The batch: its arrays, and how its nodes and profiles are found.
 */
#include "batch/batch.h"

#include "common/hashfn.h"
#include "utils/guc.h"
#include "utils/memutils.h"

int batch_events = 1000000;

typedef struct ProfileEntry
{
	int64 id;
	Profile *profile;
	char status;
} ProfileEntry;

#define SH_PREFIX profiletable
#define SH_ELEMENT_TYPE ProfileEntry
#define SH_KEY_TYPE int64
#define SH_KEY id
#define SH_HASH_KEY(tb, key) murmurhash32((uint32) (key) ^ (uint32) ((uint64) (key) >> 32))
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* Up to this many nodes, a search through the array is faster than a hash table. */
#define SCAN_NODES 8

/*
 * A hash table of nodes by text, with open addressing. A slot holds a node's number plus
 * one. The number of slots is a power of two; at most half of them are used.
 */
struct nodetable_hash
{
	uint32 mask;
	int slots[FLEXIBLE_ARRAY_MEMBER];
};

Batch *
batch_create(Store *store, MemoryContext parent, Cause cause)
{
	MemoryContext context = AllocSetContextCreate(parent, "cdp batch", ALLOCSET_DEFAULT_SIZES);
	Batch *batch = MemoryContextAllocZero(parent, sizeof(Batch));

	batch->store = store;
	batch->ws = store_workspace(store);
	batch->context = context;
	batch->values = AllocSetContextCreate(parent, "cdp values", ALLOCSET_DEFAULT_SIZES);
	batch->row = AllocSetContextCreate(parent, "cdp row", ALLOCSET_SMALL_SIZES);
	batch->cause = cause;
	return batch;
}

/* Least and most memory for values that one batch keeps for the next. */
#define KEPT_MIN (256 * 1024)
#define KEPT_MAX (4 * 1024 * 1024)

/*
 * Empties the context of the values. A context that was large keeps its memory:
 * otherwise each batch would give it back to the system, and ask for zeroed pages again.
 */
static MemoryContext
reset_values(MemoryContext values)
{
	Size allocated = MemoryContextMemAllocated(values, true);
	MemoryContext parent = MemoryContextGetParent(values);

	MemoryContextReset(values);
	if (allocated < KEPT_MIN || MemoryContextMemAllocated(values, true) >= KEPT_MIN)
		return values;
	MemoryContextDelete(values);
	return AllocSetContextCreate(parent, "cdp values", Min(allocated, KEPT_MAX),
	                             ALLOCSET_DEFAULT_INITSIZE, ALLOCSET_DEFAULT_MAXSIZE);
}

void
batch_reset(Batch *batch)
{
	Batch kept = *batch;

	MemoryContextReset(batch->context);
	kept.values = reset_values(batch->values);
	memset(batch, 0, sizeof(Batch));
	batch->store = kept.store;
	batch->ws = kept.ws;
	batch->context = kept.context;
	batch->values = kept.values;
	batch->row = kept.row;
	batch->cause = kept.cause;
	batch->rebuilding = kept.rebuilding;
}

bool
batch_is_full(Batch *batch)
{
	return batch->n_events >= batch_events ||
	       batch->arena_used + batch->n_events * (sizeof(Event) + sizeof(int)) +
	               batch->n_refs * sizeof(int) + batch->n_refusals * sizeof(Refusal) +
	               batch->n_nodes * (Size) NODE_BYTES >=
	           BATCH_BYTES;
}

/* Bytes that the arena for small copies allocates at a time. */
#define ARENA_BYTES (64 * 1024)

/*
 * Allocates memory that lives as long as the batch's events. Pieces lie side by side,
 * without an allocator's overhead. The first block is small, for batches of one event.
 */
static void *
arena_alloc(Batch *batch, Size size)
{
	Size room = MAXALIGN(size);
	char *piece;

	if (room > batch->arena_left)
	{
		Size block = Max(room, batch->arena_used == 0 ? 1024 : ARENA_BYTES);

		batch->arena = MemoryContextAllocHuge(batch->context, block);
		batch->arena_left = block;
	}
	piece = batch->arena;
	batch->arena += room;
	batch->arena_left -= room;
	batch->arena_used += room;
	return piece;
}

void *
batch_copy(Batch *batch, const void *data, Size size)
{
	return memcpy(arena_alloc(batch, size), data, size);
}

void *
batch_data(Batch *batch, const WorkspacePart *part, Size size)
{
	if (batch->data == NULL)
		batch->data = MemoryContextAllocZero(batch->context, sizeof(void *) * n_workspace_parts);
	if (batch->data[part->number] == NULL)
		batch->data[part->number] = MemoryContextAllocZero(batch->context, size);
	return batch->data[part->number];
}

char *
batch_note(Batch *batch, Event *event, const ProfileValue *value, int len)
{
	EventNote *note = arena_alloc(batch, offsetof(EventNote, data) + len);

	note->value = value->number;
	note->len = len;
	note->next = event->notes;
	event->notes = note;
	return note->data;
}

const EventNote *
batch_find_note(const Event *event, const ProfileValue *value)
{
	const EventNote *note = event->notes;

	while (note != NULL && note->value != value->number)
		note = note->next;
	return note;
}

static bool
node_is(const IdNode *node, uint32 hash, const char *text, int len)
{
	return node->hash == hash && IDENTIFIER_LEN(node->identifier) == len &&
	       memcmp(IDENTIFIER_TEXT(node->identifier), text, len) == 0;
}

static void
put_slot(Batch *batch, int node)
{
	struct nodetable_hash *table = batch->node_table;
	uint32 slot = batch->nodes[node].hash & table->mask;

	while (table->slots[slot] != 0)
		slot = (slot + 1) & table->mask;
	table->slots[slot] = node + 1;
}

/* Doubles the table, or makes it, so that it stays at most half full. */
static void
grow_node_table(Batch *batch)
{
	uint32 slots = batch->node_table == NULL ? 32 : (batch->node_table->mask + 1) * 2;
	struct nodetable_hash *table;

	table = MemoryContextAllocExtended(
	    batch->context, offsetof(struct nodetable_hash, slots) + sizeof(int) * (Size) slots,
	    MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	table->mask = slots - 1;
	if (batch->node_table != NULL)
		pfree(batch->node_table);
	batch->node_table = table;
	for (int i = 0; i < batch->n_nodes; i++)
		put_slot(batch, i);
}

static int
find_node(Batch *batch, uint32 hash, const char *text, int len)
{
	struct nodetable_hash *table = batch->node_table;

	if (table == NULL)
	{
		for (int i = 0; i < batch->n_nodes; i++)
			if (node_is(&batch->nodes[i], hash, text, len))
				return i;
		return -1;
	}
	for (uint32 slot = hash & table->mask; table->slots[slot] != 0; slot = (slot + 1) & table->mask)
		if (node_is(&batch->nodes[table->slots[slot] - 1], hash, text, len))
			return table->slots[slot] - 1;
	return -1;
}

int
batch_find_node(Batch *batch, const char *text, int len)
{
	return find_node(batch, hash_bytes((const unsigned char *) text, len), text, len);
}

int
batch_add_node(Batch *batch, const NormalisedIdentifier *normalised, const NamespaceRule *rule)
{
	uint32 hash = hash_bytes((const unsigned char *) normalised->text, normalised->len);
	int found = find_node(batch, hash, normalised->text, normalised->len);
	IdNode *node;
	Identifier *identifier;

	if (found >= 0)
		return found;
	BATCH_GROW(batch, nodes, n_nodes, max_nodes);
	node = &batch->nodes[batch->n_nodes];
	memset(node, 0, sizeof(IdNode));
	identifier = identifier_make(normalised);
	node->identifier = batch_copy(batch, identifier, VARSIZE(identifier));
	pfree(identifier);
	node->rule = rule;
	node->hash = hash;
	node->first_at = DT_NOEND;
	node->last_at = DT_NOBEGIN;
	node->anchors_at = DT_NOEND;
	node->component = -1;
	node->event = -1;
	batch->n_nodes++;

	if (batch->node_table != NULL && (uint32) batch->n_nodes * 2 <= batch->node_table->mask)
		put_slot(batch, batch->n_nodes - 1);
	else if (batch->n_nodes > SCAN_NODES)
		grow_node_table(batch);
	return batch->n_nodes - 1;
}

static int
compare_nodes(const void *a, const void *b, void *arg)
{
	Batch *batch = (Batch *) arg;

	return identifier_compare(batch->nodes[*(const int *) a].identifier,
	                          batch->nodes[*(const int *) b].identifier);
}

int *
batch_sorted_nodes(Batch *batch)
{
	int *sorted = MemoryContextAllocHuge(batch->context, sizeof(int) * Max(batch->n_nodes, 1));

	for (int i = 0; i < batch->n_nodes; i++)
		sorted[i] = i;
	qsort_arg(sorted, batch->n_nodes, sizeof(int), compare_nodes, batch);
	return sorted;
}

void
batch_refuse(Batch *batch, int event, const char *identifier, int identifier_len,
             RefusalReason reason, const char *detail)
{
	Refusal *refusal;

	BATCH_GROW(batch, refusals, n_refusals, max_refusals);
	refusal = &batch->refusals[batch->n_refusals++];
	refusal->identifier = identifier;
	refusal->identifier_len = identifier_len;
	refusal->event = event;
	refusal->reason = reason;
	refusal->detail = detail;
}

Profile *
batch_profile(Batch *batch, int64 id, bool *found)
{
	ProfileEntry *entry;

	if (batch->profile_table == NULL)
		batch->profile_table = profiletable_create(batch->context, ARRAY_MIN, NULL);
	entry = profiletable_insert(batch->profile_table, id, found);
	if (!*found)
	{
		BATCH_GROW(batch, profiles, n_profiles, max_profiles);
		entry->profile = MemoryContextAllocZero(batch->context, sizeof(Profile));
		entry->profile->id = id;
		entry->profile->first_event = -1;
		entry->profile->first_node = -1;
		batch->profiles[batch->n_profiles++] = entry->profile;
	}
	return entry->profile;
}

void
batch_forget_profiles(Batch *batch)
{
	batch->profile_table = NULL;
	batch->n_profiles = 0;
	MemoryContextReset(batch->values);
}

void
batch_add_change(Batch *batch, const Change *change)
{
	BATCH_GROW(batch, changes, n_changes, max_changes);
	batch->changes[batch->n_changes++] = *change;
}

void
batch_init(void)
{
	DefineCustomIntVariable("cdp.batch_events",
	                        "Events of a statement that are worked on at a time.",
	                        "For tests: a small number lets few events make several batches. "
	                        "Superusers only.",
	                        &batch_events, 1000000, 1, INT_MAX, PGC_SUSET,
	                        GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE, NULL, NULL, NULL);
}
