/*
 * traits_build.c
 *	  Building and merging values of the type cdp.traits.
 *
 * A builder keeps the entries as an array of items. Binary search finds them
 * through an array of positions in key order. So a new key moves four bytes per
 * key behind it. Items refer to counted stamps, and a stamp that no key holds
 * any more is used again. So memory follows the number of keys, not the number
 * of additions.
 */
#include "types/traits_internal.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

typedef struct TraitsItem
{
	const char *key;
	const char *value;
	uint32 value_len;
	uint32 capacity; /* bytes allocated at value; 0: not the builder's own */
	int stamp;       /* position in the builder's stamps */
	uint16 key_len;
	uint8 kind;   /* TraitsKind */
	bool changed; /* differs from the base's entry, or is new */
} TraitsItem;

typedef struct TraitsItemStamp
{
	TimestampTz observed_at;
	pg_uuid_t event_id;
	int source; /* position in the builder's sources, -1: none; on the free list: the next
				 * free stamp, or -1 */
	int refs;   /* items that hold it */
} TraitsItemStamp;

typedef struct TraitsItemSource
{
	const char *text;
	int len;
} TraitsItemSource;

/* What finish works out about stamps and sources before it writes. */
typedef struct StampNumbers
{
	const TraitsItemStamp *stamps;
	uint16 *source_number; /* per builder source: its number on disk, 0: not used */
	uint16 *number;        /* per builder stamp: its position on disk */
	uint32 *sorted;        /* builder stamps in disk order, without repeats */
	int nstamps;           /* of those */
	int nsources;          /* used sources */
} StampNumbers;

/* The value without any key, the identity of merge. */
Traits *
traits_empty(void)
{
	Traits *traits = (Traits *) palloc0(sizeof(Traits));

	SET_VARSIZE(traits, sizeof(Traits));
	traits->version = TRAITS_VERSION;
	return traits;
}

/*
 * Starts a builder on base, which may be NULL for the empty value and must live
 * as long as the builder. Memory comes from the context that is current now,
 * also in later calls.
 */
void
traits_builder_init(TraitsBuilder *builder, const Traits *base)
{
	memset(builder, 0, sizeof(TraitsBuilder));
	builder->base = base;
	builder->context = CurrentMemoryContext;
	builder->free_stamp = -1;
}

/*
 * The position of a source in the builder's dictionary, adding it (copied
 * unless borrowed) when it is new.
 */
static int
builder_source(TraitsBuilder *builder, const char *text, int len, bool borrow)
{
	int low = 0;
	int high = builder->nsources;
	TraitsItemSource *source;

	while (low < high)
	{
		int middle = (low + high) / 2;
		int cmp;

		source = &builder->sources[builder->source_order[middle]];
		cmp = traits_compare_bytes(text, len, source->text, source->len);
		if (cmp == 0)
			return builder->source_order[middle];
		if (cmp < 0)
			high = middle;
		else
			low = middle + 1;
	}

	if (builder->nsources == builder->maxsources)
	{
		builder->maxsources *= 2;
		builder->sources = (TraitsItemSource *) repalloc(
		    builder->sources, builder->maxsources * sizeof(TraitsItemSource));
		builder->source_order =
		    (uint32 *) repalloc(builder->source_order, builder->maxsources * sizeof(uint32));
	}
	memmove(builder->source_order + low + 1, builder->source_order + low,
	        (builder->nsources - low) * sizeof(uint32));
	builder->source_order[low] = builder->nsources;
	source = &builder->sources[builder->nsources];
	if (borrow)
		source->text = text;
	else
	{
		char *copy = (char *) MemoryContextAlloc(builder->context, Max(len, 1));

		memcpy(copy, text, len);
		source->text = copy;
	}
	source->len = len;
	return builder->nsources++;
}

/* A stamp for the fact, with no reference yet; returns its position. */
static int
builder_stamp(TraitsBuilder *builder, const TraitsFact *fact, bool borrow)
{
	int position;
	TraitsItemStamp *stamp;
	int source = -1;

	if (fact->source != NULL)
		source = builder_source(builder, fact->source, fact->source_len, borrow);

	if (builder->free_stamp >= 0)
	{
		position = builder->free_stamp;
		builder->free_stamp = builder->stamps[position].source;
	}
	else
	{
		if (builder->nstamps == builder->maxstamps)
		{
			builder->maxstamps *= 2;
			builder->stamps = (TraitsItemStamp *) repalloc(
			    builder->stamps, builder->maxstamps * sizeof(TraitsItemStamp));
		}
		position = builder->nstamps++;
	}
	stamp = &builder->stamps[position];
	stamp->observed_at = fact->observed_at;
	stamp->event_id = fact->event_id;
	stamp->source = source;
	stamp->refs = 0;
	return position;
}

/* Takes the base's entries into the builder; from then on items hold all. */
static void
builder_load(TraitsBuilder *builder)
{
	const Traits *base = builder->base;
	int nkeys = base != NULL ? base->nkeys : 0;
	int nstamps = base != NULL ? base->nstamps : 0;
	int nsources = base != NULL ? base->nsources : 0;
	MemoryContext oldcontext = MemoryContextSwitchTo(builder->context);
	int i;

	builder->maxitems = nkeys + 8;
	builder->items = (TraitsItem *) palloc(builder->maxitems * sizeof(TraitsItem));
	builder->order = (uint32 *) palloc(builder->maxitems * sizeof(uint32));
	builder->maxstamps = nstamps + 8;
	builder->stamps = (TraitsItemStamp *) palloc(builder->maxstamps * sizeof(TraitsItemStamp));
	builder->maxsources = nsources + 4;
	builder->sources = (TraitsItemSource *) palloc(builder->maxsources * sizeof(TraitsItemSource));
	builder->source_order = (uint32 *) palloc(builder->maxsources * sizeof(uint32));
	MemoryContextSwitchTo(oldcontext);

	for (i = 0; i < nsources; i++)
	{
		builder->sources[i].text = traits_source(base, i + 1, &builder->sources[i].len);
		builder->source_order[i] = i;
	}
	for (i = 0; i < nstamps; i++)
	{
		const TraitsStamp *from = &TraitsStamps(base)[i];
		TraitsItemStamp *stamp = &builder->stamps[i];

		memcpy(&stamp->observed_at, from->observed_at, sizeof(TimestampTz));
		memcpy(&stamp->event_id, from->event_id, UUID_LEN);
		stamp->source = (int) from->source - 1;
		stamp->refs = 0;
	}
	for (i = 0; i < nkeys; i++)
	{
		TraitsItem *item = &builder->items[i];
		int key_len;

		item->key = traits_key(base, i, &key_len);
		item->key_len = key_len;
		item->kind = traits_value(base, i, &item->value, &item->value_len);
		item->capacity = 0;
		item->stamp = TraitsEntries(base)[i].stamp;
		item->changed = false;
		builder->stamps[item->stamp].refs++;
		builder->order[i] = i;
	}
	builder->nsources = nsources;
	builder->nstamps = nstamps;
	builder->nitems = nkeys;
	builder->loaded = true;
}

/* The fact that an item holds, without the key. */
static void
item_fact(const TraitsBuilder *builder, const TraitsItem *item, TraitsFact *fact)
{
	const TraitsItemStamp *stamp = &builder->stamps[item->stamp];

	fact->kind = (TraitsKind) item->kind;
	fact->value = item->value;
	fact->value_len = item->value_len;
	fact->observed_at = stamp->observed_at;
	fact->event_id = stamp->event_id;
	fact->source = NULL;
	fact->source_len = 0;
	if (stamp->source >= 0)
	{
		fact->source = builder->sources[stamp->source].text;
		fact->source_len = builder->sources[stamp->source].len;
	}
}

/* The place in order where the key is (*found) or belongs. */
static int
builder_search(const TraitsBuilder *builder, const char *key, int key_len, bool *found)
{
	int low = 0;
	int high = builder->nitems;

	*found = false;
	while (low < high)
	{
		int middle = (low + high) / 2;
		const TraitsItem *item = &builder->items[builder->order[middle]];
		int cmp = traits_compare_bytes(key, key_len, item->key, item->key_len);

		if (cmp == 0)
		{
			*found = true;
			return middle;
		}
		if (cmp < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* A new item for the key at the given place in order, its value not yet set. */
static TraitsItem *
builder_new_item(TraitsBuilder *builder, int place, const TraitsFact *fact, bool borrow)
{
	TraitsItem *item;

	if (builder->nitems >= TRAITS_MAX_KEYS)
		ereport(ERROR,
		        (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("too many traits"),
		         errdetail("A value of type cdp.traits holds at most %d keys, unset ones included.",
		                   TRAITS_MAX_KEYS),
		         errhint("Data that grows without bound belongs into the properties of events.")));

	if (builder->nitems == builder->maxitems)
	{
		builder->maxitems *= 2;
		builder->items =
		    (TraitsItem *) repalloc(builder->items, builder->maxitems * sizeof(TraitsItem));
		builder->order = (uint32 *) repalloc(builder->order, builder->maxitems * sizeof(uint32));
	}
	memmove(builder->order + place + 1, builder->order + place,
	        (builder->nitems - place) * sizeof(uint32));
	builder->order[place] = builder->nitems;

	item = &builder->items[builder->nitems++];
	if (borrow)
		item->key = fact->key;
	else
	{
		char *copy = (char *) MemoryContextAlloc(builder->context, Max(fact->key_len, 1));

		memcpy(copy, fact->key, fact->key_len);
		item->key = copy;
	}
	item->key_len = fact->key_len;
	item->value = NULL;
	item->capacity = 0;
	return item;
}

/* Gives up an item's hold on its stamp. */
static void
builder_release_stamp(TraitsBuilder *builder, int position)
{
	TraitsItemStamp *stamp = &builder->stamps[position];

	if (--stamp->refs == 0)
	{
		stamp->source = builder->free_stamp;
		builder->free_stamp = position;
	}
}

/*
 * Takes the fact in if it wins over the entry that is there. *stamp is the
 * stamp of the fact's event in this builder, -1 as long as it has none. A
 * borrowed fact outlives the builder and is not copied.
 */
static void
builder_consider(TraitsBuilder *builder, const TraitsFact *fact, int *stamp, bool borrow)
{
	TraitsFact there;
	TraitsItem *item;
	int place;
	bool found;

	if (!builder->loaded)
	{
		int i = builder->base != NULL ? traits_find(builder->base, fact->key, fact->key_len) : -1;

		if (i >= 0)
		{
			traits_fact(builder->base, i, &there);
			if (traits_compare_facts(fact, &there) <= 0)
				return;
		}
		builder_load(builder);
	}

	place = builder_search(builder, fact->key, fact->key_len, &found);
	if (found)
	{
		item = &builder->items[builder->order[place]];
		item_fact(builder, item, &there);
		if (traits_compare_facts(fact, &there) <= 0)
			return;
		builder_release_stamp(builder, item->stamp);
	}
	else
		item = builder_new_item(builder, place, fact, borrow);

	if (*stamp < 0)
		*stamp = builder_stamp(builder, fact, borrow);
	item->stamp = *stamp;
	builder->stamps[*stamp].refs++;

	if (borrow)
	{
		item->value = fact->value;
		item->capacity = 0;
	}
	else if (fact->value_len > 0)
	{
		if (fact->value_len > item->capacity)
		{
			if (item->capacity > 0)
				pfree(unconstify(char *, item->value));
			item->capacity = MAXALIGN(fact->value_len);
			item->value = (char *) MemoryContextAlloc(builder->context, item->capacity);
		}
		memcpy(unconstify(char *, item->value), fact->value, fact->value_len);
	}
	item->value_len = fact->value_len;
	item->kind = fact->kind;
	item->changed = true;
	builder->changed = true;
}

/* Refuses a time or a source that no entry may have. */
static void
check_stamp(TimestampTz observed_at, const char *source, int source_len)
{
	if (TIMESTAMP_IS_NOEND(observed_at))
		ereport(ERROR,
		        (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
		         errmsg("the time at which a trait was observed must not be infinity"),
		         errdetail("No later observation could ever replace it."),
		         errhint("Give the instant of the event; -infinity stands for an unknown one.")));
	if (source != NULL && source_len > TRAITS_MAX_SOURCE_LEN)
		ereport(ERROR,
		        (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("source of traits is too long"),
		         errdetail("It starts with \"%.*s\" and has %d bytes; at most %d are allowed.",
		                   pg_mbcliplen(source, source_len, 40), source, source_len,
		                   TRAITS_MAX_SOURCE_LEN),
		         errhint("A source is a short name, such as \"web\" or \"shop counter\".")));
}

/* Refuses a key or a value that no entry may have. */
static void
check_entry(const TraitsFact *fact)
{
	if (fact->key_len > TRAITS_MAX_KEY_LEN)
		ereport(ERROR,
		        (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("key of a trait is too long"),
		         errdetail("It starts with \"%.*s\" and has %d bytes; at most %d are allowed.",
		                   pg_mbcliplen(fact->key, fact->key_len, 40), fact->key, fact->key_len,
		                   TRAITS_MAX_KEY_LEN),
		         errhint("A key is a short name, such as \"plan\"; long text belongs into the "
		                 "value.")));
	if (fact->value_len > TRAITS_MAX_SIZE)
		ereport(ERROR,
		        (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("value of a trait is too large"),
		         errdetail("The value of \"%.*s\" has %u bytes; at most %d are allowed.",
		                   pg_mbcliplen(fact->key, fact->key_len, 40), fact->key, fact->value_len,
		                   TRAITS_MAX_SIZE),
		         errhint("Large data belongs into the properties of events.")));
}

/* Takes one fact in, copied. */
void
traits_builder_put(TraitsBuilder *builder, const TraitsFact *fact)
{
	int stamp = -1;

	check_stamp(fact->observed_at, fact->source, fact->source_len);
	check_entry(fact);
	builder_consider(builder, fact, &stamp, false);
}

/*
 * Adds one event's traits, a jsonb object (the caller has checked that). Each
 * key is set to its value, or unset by a JSON null, as observed at that instant
 * in that event. Keys with a newer entry are left. source may be NULL. Errors:
 * a key or source is too long, there are too many keys, the instant is
 * infinity.
 */
void
traits_builder_add(TraitsBuilder *builder, Jsonb *object, TimestampTz observed_at,
                   const pg_uuid_t *event_id, const char *source, int source_len)
{
	TraitsFact fact;
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue json;
	int stamp = -1;

	Assert(JB_ROOT_IS_OBJECT(object));
	if (JB_ROOT_COUNT(object) == 0)
		return;
	check_stamp(observed_at, source, source_len);

	fact.observed_at = observed_at;
	fact.event_id = *event_id;
	fact.source = source;
	fact.source_len = source != NULL ? source_len : 0;

	it = JsonbIteratorInit(&object->root);
	while ((token = JsonbIteratorNext(&it, &json, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
		{
			fact.key = json.val.string.val;
			fact.key_len = json.val.string.len;
		}
		else if (token == WJB_VALUE)
		{
			CHECK_FOR_INTERRUPTS();
			fact.kind = traits_value_of_json(&json, &fact.value, &fact.value_len);
			check_entry(&fact);
			builder_consider(builder, &fact, &stamp, false);
		}
	}
}

/* Takes in all entries of another value. */
static void
builder_merge(TraitsBuilder *builder, const Traits *other, bool borrow)
{
	int small[64];
	int *stamps = small;
	int i;

	if (other->nstamps > lengthof(small))
		stamps = (int *) palloc(other->nstamps * sizeof(int));
	memset(stamps, -1, other->nstamps * sizeof(int));

	for (i = 0; i < other->nkeys; i++)
	{
		TraitsFact fact;

		traits_fact(other, i, &fact);
		builder_consider(builder, &fact, &stamps[TraitsEntries(other)[i].stamp], borrow);
	}
	if (stamps != small)
		pfree(stamps);
}

/* Merges another value in, copying what it takes. */
void
traits_builder_merge(TraitsBuilder *builder, const Traits *other)
{
	builder_merge(builder, other, false);
}

/*
 * The merge of two values. It may be one of the arguments itself.
 */
Traits *
traits_merge(const Traits *a, const Traits *b)
{
	TraitsBuilder builder;

	if (b->nkeys == 0)
		return unconstify(Traits *, a);
	if (a->nkeys == 0)
		return unconstify(Traits *, b);
	traits_builder_init(&builder, a);
	builder_merge(&builder, b, true);
	return traits_builder_finish(&builder, NULL);
}

/* Order of stamps on disk: instant, event, source. */
static int
compare_stamps(const void *a, const void *b, void *arg)
{
	const StampNumbers *numbers = (const StampNumbers *) arg;
	const TraitsItemStamp *x = &numbers->stamps[*(const uint32 *) a];
	const TraitsItemStamp *y = &numbers->stamps[*(const uint32 *) b];
	int xsource;
	int ysource;
	int cmp;

	if (x->observed_at != y->observed_at)
		return x->observed_at < y->observed_at ? -1 : 1;
	cmp = memcmp(&x->event_id, &y->event_id, UUID_LEN);
	if (cmp != 0)
		return cmp;
	xsource = x->source < 0 ? 0 : numbers->source_number[x->source];
	ysource = y->source < 0 ? 0 : numbers->source_number[y->source];
	return xsource - ysource;
}

/*
 * Sorts positions of stamps. They come nearly in order: the base's first, an
 * event's own, mostly the newest, at the end.
 */
static void
sort_stamps(uint32 *positions, int n, StampNumbers *numbers)
{
	int i;

	if (n > 32)
	{
		qsort_arg(positions, n, sizeof(uint32), compare_stamps, numbers);
		return;
	}
	for (i = 1; i < n; i++)
	{
		uint32 position = positions[i];
		int j = i;

		while (j > 0 && compare_stamps(&positions[j - 1], &position, numbers) > 0)
		{
			positions[j] = positions[j - 1];
			j--;
		}
		positions[j] = position;
	}
}

/* Numbers the stamps and sources that items still hold, each once. */
static void
number_stamps(const TraitsBuilder *builder, StampNumbers *numbers)
{
	int n = 0;
	int i;

	numbers->stamps = builder->stamps;
	numbers->source_number = (uint16 *) palloc0(Max(builder->nsources, 1) * sizeof(uint16));
	numbers->number = (uint16 *) palloc(builder->nstamps * sizeof(uint16));
	numbers->sorted = (uint32 *) palloc(builder->nstamps * sizeof(uint32));
	numbers->nsources = 0;

	for (i = 0; i < builder->nstamps; i++)
	{
		if (builder->stamps[i].refs == 0)
			continue;
		numbers->sorted[n++] = i;
		if (builder->stamps[i].source >= 0)
			numbers->source_number[builder->stamps[i].source] = 1;
	}
	for (i = 0; i < builder->nsources; i++)
	{
		uint16 *number = &numbers->source_number[builder->source_order[i]];

		if (*number != 0)
			*number = ++numbers->nsources;
	}

	sort_stamps(numbers->sorted, n, numbers);
	numbers->nstamps = 0;
	for (i = 0; i < n; i++)
	{
		uint32 position = numbers->sorted[i];

		if (numbers->nstamps == 0 ||
		    compare_stamps(&numbers->sorted[numbers->nstamps - 1], &position, numbers) != 0)
			numbers->sorted[numbers->nstamps++] = position;
		numbers->number[position] = numbers->nstamps - 1;
	}
}

/* Bytes of the value to be written; an error when it is too large. */
static Size
finished_size(const TraitsBuilder *builder, const StampNumbers *numbers)
{
	uint64 size = sizeof(Traits) + numbers->nsources * sizeof(uint32) +
	              builder->nitems * sizeof(TraitsEntry) + numbers->nstamps * sizeof(TraitsStamp);
	int i;

	for (i = 0; i < builder->nsources; i++)
		if (numbers->source_number[i] != 0)
			size += builder->sources[i].len;
	for (i = 0; i < builder->nitems; i++)
	{
		const TraitsItem *item = &builder->items[builder->order[i]];

		size += item->key_len;
		if (item->kind == TRAITS_CONTAINER)
			size = INTALIGN(size);
		size += item->value_len;
	}
	if (size > TRAITS_MAX_SIZE)
		ereport(ERROR,
		        (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("traits are too large"),
		         errdetail("They would take " UINT64_FORMAT " bytes; at most %d are allowed.", size,
		                   TRAITS_MAX_SIZE),
		         errhint("Large data belongs into the properties of events.")));
	return (Size) size;
}

/* Writes the builder's items out in the form of traits.h. */
static Traits *
write_traits(const TraitsBuilder *builder, const StampNumbers *numbers, Size size)
{
	Traits *traits = (Traits *) palloc(size);
	uint32 *source_ends;
	TraitsEntry *entries;
	TraitsStamp *stamps;
	char *next;
	int n = 0;
	int i;

	SET_VARSIZE(traits, size);
	traits->version = TRAITS_VERSION;
	traits->reserved = 0;
	traits->nsources = numbers->nsources;
	traits->nkeys = builder->nitems;
	traits->nstamps = numbers->nstamps;
	source_ends = unconstify(uint32 *, TraitsSourceEnds(traits));
	entries = unconstify(TraitsEntry *, TraitsEntries(traits));
	stamps = unconstify(TraitsStamp *, TraitsStamps(traits));
	next = (char *) traits + TraitsBytesStart(traits);

	for (i = 0; i < numbers->nstamps; i++)
	{
		const TraitsItemStamp *stamp = &builder->stamps[numbers->sorted[i]];

		memcpy(stamps[i].observed_at, &stamp->observed_at, sizeof(TimestampTz));
		memcpy(stamps[i].event_id, &stamp->event_id, UUID_LEN);
		stamps[i].source = stamp->source < 0 ? 0 : numbers->source_number[stamp->source];
	}
	for (i = 0; i < builder->nsources; i++)
	{
		const TraitsItemSource *source = &builder->sources[builder->source_order[i]];

		if (numbers->source_number[builder->source_order[i]] == 0)
			continue;
		memcpy(next, source->text, source->len);
		next += source->len;
		source_ends[n++] = next - (char *) traits;
	}
	for (i = 0; i < builder->nitems; i++)
	{
		const TraitsItem *item = &builder->items[builder->order[i]];

		entries[i].offset = next - (char *) traits;
		entries[i].key_len_kind = item->key_len | (item->kind << TRAITS_KIND_SHIFT);
		entries[i].stamp = numbers->number[item->stamp];
		memcpy(next, item->key, item->key_len);
		next += item->key_len;
		if (item->kind == TRAITS_CONTAINER)
			while ((next - (char *) traits) % ALIGNOF_INT != 0)
				*next++ = 0;
		if (item->value_len > 0)
			memcpy(next, item->value, item->value_len);
		next += item->value_len;
	}
	Assert(next == (char *) traits + size);
	return traits;
}

/* Whether some key's visible value differs from the base's. */
static bool
builder_value_changed(const TraitsBuilder *builder)
{
	int nbase = builder->base != NULL ? builder->base->nkeys : 0;
	int i;

	for (i = 0; i < builder->nitems; i++)
	{
		const TraitsItem *item = &builder->items[i];
		const char *value;
		uint32 len;

		if (!item->changed)
			continue;
		if (i >= nbase)
		{
			if (item->kind != TRAITS_UNSET)
				return true;
		}
		else if (traits_value(builder->base, i, &value, &len) != (TraitsKind) item->kind ||
		         len != item->value_len || (len > 0 && memcmp(value, item->value, len) != 0))
			return true;
	}
	return false;
}

/*
 * The value built so far, in CurrentMemoryContext. Where nothing changed it is
 * the base itself, or an empty value without a base. *value_changed, unless
 * NULL, tells whether the map as jsonb, which applications see, may differ from
 * the base's. Numbers that only differ in trailing zeros count as different.
 * The builder stays as it is, and more may be added.
 */
Traits *
traits_builder_finish(TraitsBuilder *builder, bool *value_changed)
{
	StampNumbers numbers;
	Traits *traits;

	if (value_changed != NULL)
		*value_changed = builder->changed && builder_value_changed(builder);
	if (!builder->changed)
		return builder->base != NULL ? unconstify(Traits *, builder->base) : traits_empty();

	number_stamps(builder, &numbers);
	traits = write_traits(builder, &numbers, finished_size(builder, &numbers));
	pfree(numbers.source_number);
	pfree(numbers.number);
	pfree(numbers.sorted);
	return traits;
}
