/*
 * computed.c
 *	  Computed traits: the traits of a value, additions to them, and the merge
 *	  of two values.
 *
 * A builder keeps what events add per trait and day. At the end this becomes a
 * state of the stored form. That state is merged with the base like any other:
 * there is one merge.
 */
#include "types/computed_builder.h"
#include "types/computed_internal.h"

#include "common/int.h"
#include "miscadmin.h"
#include "types/ltv.h"
#include "utils/memutils.h"

const char *const computed_kind_names[N_COMPUTED_KINDS] = {
    [COMPUTED_COUNT] = "count",
    [COMPUTED_SUM] = "sum",
    [COMPUTED_AVG] = "avg",
    [COMPUTED_MIN] = "min",
    [COMPUTED_MAX] = "max",
    [COMPUTED_FIRST] = "first",
    [COMPUTED_LAST] = "last",
    [COMPUTED_MOST_FREQUENT] = "most_frequent",
    [COMPUTED_UNIQUE_LIST] = "unique_list",
    [COMPUTED_UNIQUE_COUNT] = "unique_count",
};

const char *const computed_class_names[N_COMPUTED_CLASSES] = {
    [COMPUTED_NONE] = "event",   [COMPUTED_NUMBER] = "number", [COMPUTED_TEXT] = "text",
    [COMPUTED_BOOL] = "boolean", [COMPUTED_TIME] = "time",     [COMPUTED_DATE] = "date",
    [COMPUTED_JSON] = "json",
};

/* What a batch adds to a trait on one day, as far as it is one thing. */
struct ComputedDelta
{
	int trait;
	int32 day;
	int64 count;        /* of events, or of a value */
	ComputedAmount sum; /* of sums and averages */
	const char *value;  /* of other kinds */
	int len;
	TimestampTz at; /* of a first or last one */
	pg_uuid_t event_id;
};

/* ------------------------------------------------------------- reading */

void
computed_begin(ComputedReader *reader, const Computed *computed)
{
	const char *p = VARDATA_ANY(computed);

	reader->zone_len = (uint8) p[2];
	reader->zone = p + COMPUTED_HEADER;
	p = reader->zone + reader->zone_len;
	reader->left = computed_get_number(&p);
	reader->next = p;
}

bool
computed_next(ComputedReader *reader, ComputedEntry *entry)
{
	const char *p = reader->next;
	uint8 kind_and_class;
	uint64 len;

	if (reader->left == 0)
		return false;
	reader->left--;
	entry->start = p;
	entry->trait.name_len = (int) computed_get_number(&p);
	entry->trait.name = p;
	p += entry->trait.name_len;
	kind_and_class = (uint8) *p++;
	entry->trait.kind = kind_and_class & 0x0F;
	entry->trait.value_class = kind_and_class >> 4;
	p++; /* flags */
	entry->trait.window = (int) computed_get_number(&p);
	entry->trait.limit = (int) computed_get_number(&p);
	len = computed_get_number(&p);
	entry->cells = p;
	entry->end = reader->next = p + len;
	return true;
}

/* Order of two names, by their bytes. */
static int
compare_names(const char *a, int a_len, const char *b, int b_len)
{
	int order = memcmp(a, b, Min(a_len, b_len));

	return order != 0 ? order : a_len - b_len;
}

bool
computed_find(const Computed *computed, const char *name, int name_len, ComputedEntry *entry)
{
	ComputedReader reader;

	computed_begin(&reader, computed);
	while (computed_next(&reader, entry))
	{
		int order = compare_names(entry->trait.name, entry->trait.name_len, name, name_len);

		if (order >= 0)
			return order == 0;
	}
	return false;
}

bool
computed_same_trait(const Computed *a, const Computed *b, const char *name, int name_len)
{
	ComputedEntry x;
	ComputedEntry y;
	bool in_a = computed_find(a, name, name_len, &x);
	bool in_b = computed_find(b, name, name_len, &y);

	if (!in_a || !in_b)
		return in_a == in_b;
	return x.end - x.start == y.end - y.start && memcmp(x.start, y.start, x.end - x.start) == 0;
}

/* ------------------------------------------------------------- writing */

/* A value that is being written. */
typedef struct Output
{
	StringInfoData traits;
	uint64 n_traits;
} Output;

static void
begin_entry(StringInfo out, const ComputedTrait *trait)
{
	computed_append_number(out, trait->name_len);
	appendBinaryStringInfo(out, trait->name, trait->name_len);
	appendStringInfoCharMacro(out, (char) (trait->kind | trait->value_class << 4));
	appendStringInfoCharMacro(out, '\0');
	computed_append_number(out, trait->window);
	computed_append_number(out, trait->limit);
}

static void
put_entry(Output *output, const ComputedTrait *trait, const char *cells, int len)
{
	begin_entry(&output->traits, trait);
	computed_append_number(&output->traits, len);
	if (len > 0)
		appendBinaryStringInfo(&output->traits, cells, len);
	output->n_traits++;
}

static void
copy_entry(Output *output, const ComputedEntry *entry)
{
	appendBinaryStringInfo(&output->traits, entry->start, (int) (entry->end - entry->start));
	output->n_traits++;
}

/* The value of the traits that have been written, in which days are counted in a zone. */
static Computed *
finish_output(Output *output, const char *zone, int zone_len)
{
	StringInfoData out;

	if (output->n_traits == 0)
		zone_len = 0;
	initStringInfo(&out);
	enlargeStringInfo(&out, VARHDRSZ + COMPUTED_HEADER + zone_len + 10 + output->traits.len);
	appendStringInfoSpaces(&out, VARHDRSZ);
	appendStringInfoCharMacro(&out, COMPUTED_VERSION);
	appendStringInfoCharMacro(&out, '\0');
	appendStringInfoCharMacro(&out, (char) zone_len);
	if (zone_len > 0)
		appendBinaryStringInfo(&out, zone, zone_len);
	computed_append_number(&out, output->n_traits);
	if (output->n_traits > 0)
		appendBinaryStringInfo(&out, output->traits.data, output->traits.len);
	pfree(output->traits.data);
	SET_VARSIZE(out.data, out.len);
	return (Computed *) out.data;
}

Computed *
computed_empty(void)
{
	Output output = {.n_traits = 0};

	initStringInfo(&output.traits);
	return finish_output(&output, "", 0);
}

/* The value of traits, which ascend by name, and the cells of each. */
Computed *
computed_of_cells(const ComputedTrait *traits, const StringInfoData *cells, int n_traits,
                  const char *zone)
{
	Output output = {.n_traits = 0};

	initStringInfo(&output.traits);
	for (int i = 0; i < n_traits; i++)
		put_entry(&output, &traits[i], cells[i].data, cells[i].len);
	return finish_output(&output, zone, strlen(zone));
}

Computed *
computed_without_events(const ComputedTrait *traits, int n_traits, const char *zone)
{
	Output output = {.n_traits = 0};

	initStringInfo(&output.traits);
	for (int i = 0; i < n_traits; i++)
		if (computed_kind_counts(traits[i].kind))
			put_entry(&output, &traits[i], NULL, 0);
	return finish_output(&output, zone, strlen(zone));
}

Computed *
computed_without(const Computed *computed, const ComputedTrait *traits, int n_traits)
{
	Output output = {.n_traits = 0};
	ComputedReader reader;
	ComputedEntry entry;
	uint64 n;

	initStringInfo(&output.traits);
	computed_begin(&reader, computed);
	n = reader.left;
	while (computed_next(&reader, &entry))
	{
		bool drop = false;

		for (int i = 0; i < n_traits && !drop; i++)
			drop = compare_names(traits[i].name, traits[i].name_len, entry.trait.name,
			                     entry.trait.name_len) == 0;
		if (!drop)
			copy_entry(&output, &entry);
	}
	if (output.n_traits == n)
		return unconstify(Computed *, computed);
	return finish_output(&output, reader.zone, reader.zone_len);
}

/* --------------------------------------------------------------- merge */

static bool
same_definition(const ComputedTrait *a, const ComputedTrait *b)
{
	return a->kind == b->kind && a->value_class == b->value_class && a->window == b->window &&
	       a->limit == b->limit;
}

/* Errors unless two states are of one definition. */
static void
check_same(const ComputedTrait *a, const ComputedTrait *b)
{
	if (same_definition(a, b))
		return;
	ereport(
	    ERROR,
	    (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	     errmsg("cannot merge computed traits that are defined differently"),
	     errdetail("Trait \"%.*s\" is %s of %s over %d days (0: for ever) with limit %d, and %s "
	               "of %s over %d days with limit %d.",
	               a->name_len, a->name, computed_kind_names[a->kind],
	               computed_class_names[a->value_class], a->window, a->limit,
	               computed_kind_names[b->kind], computed_class_names[b->value_class], b->window,
	               b->limit),
	     errhint("Merge values that were computed by the same definitions.")));
}

static void
check_zones(const ComputedReader *a, const ComputedReader *b)
{
	if (a->zone_len == b->zone_len && memcmp(a->zone, b->zone, a->zone_len) == 0)
		return;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	                errmsg("cannot merge computed traits of different time zones"),
	                errdetail("One counts its days in \"%.*s\", the other in \"%.*s\".",
	                          a->zone_len, a->zone, b->zone_len, b->zone)));
}

/*
 * The value of both together, less the days that no instant from today on can
 * see. Where they define a trait differently, strict makes it an error; else
 * a's stays. So a definition that has lost its meaning makes the engine refuse
 * no event.
 */
static Computed *
merge_values(const Computed *a, const Computed *b, int32 today, bool strict)
{
	Output output = {.n_traits = 0};
	ComputedReader readers[2];
	ComputedEntry entries[2];
	bool have[2];
	StringInfoData cells;
	StringInfoData scratch;

	computed_begin(&readers[0], a);
	computed_begin(&readers[1], b);
	if (strict && readers[0].left > 0 && readers[1].left > 0)
		check_zones(&readers[0], &readers[1]);
	initStringInfo(&output.traits);
	enlargeStringInfo(&output.traits, (int) Min(VARSIZE_ANY(a) + VARSIZE_ANY(b), MaxAllocSize / 2));
	initStringInfo(&cells);
	initStringInfo(&scratch);
	for (int i = 0; i < 2; i++)
		have[i] = computed_next(&readers[i], &entries[i]);
	while (have[0] || have[1])
	{
		int order = !have[0]   ? 1
		            : !have[1] ? -1
		                       : compare_names(entries[0].trait.name, entries[0].trait.name_len,
		                                       entries[1].trait.name, entries[1].trait.name_len);

		if (order == 0 && strict)
			check_same(&entries[0].trait, &entries[1].trait);
		if (order < 0 || (order == 0 && !same_definition(&entries[0].trait, &entries[1].trait)))
			copy_entry(&output, &entries[0]);
		else if (order > 0 && today == PG_INT32_MAX)
			copy_entry(&output, &entries[1]);
		else
		{
			ComputedCells streams[2];

			computed_cells_begin(&streams[0], &entries[1]);
			computed_cells_begin(&streams[1], &entries[1]);
			if (order == 0)
				computed_cells_begin(&streams[0], &entries[0]);
			else /* b's alone; days may be left out */
				streams[0].next = streams[0].end;
			resetStringInfo(&cells);
			computed_merge_cells(&entries[1].trait, &streams[0], &streams[1], today, &cells,
			                     &scratch);
			put_entry(&output, &entries[1].trait, cells.data, cells.len);
		}
		if (order <= 0)
			have[0] = computed_next(&readers[0], &entries[0]);
		if (order >= 0)
			have[1] = computed_next(&readers[1], &entries[1]);
	}
	pfree(cells.data);
	pfree(scratch.data);
	if (readers[0].zone_len > 0)
		return finish_output(&output, readers[0].zone, readers[0].zone_len);
	return finish_output(&output, readers[1].zone, readers[1].zone_len);
}

Computed *
computed_merge(const Computed *a, const Computed *b)
{
	return merge_values(a, b, PG_INT32_MAX, true);
}

/* ------------------------------------------------------------- builder */

void
computed_builder_init(ComputedBuilder *builder, const Computed *base, const ComputedTrait *traits,
                      int n_traits, const char *zone)
{
	memset(builder, 0, sizeof(ComputedBuilder));
	builder->base = base;
	builder->zone = zone;
	builder->traits = traits;
	builder->n_traits = n_traits;
	builder->context = CurrentMemoryContext;
}

void
computed_builder_merge(ComputedBuilder *builder, const Computed *other)
{
	if (builder->n_merged == builder->max_merged)
	{
		builder->max_merged = Max(4, builder->max_merged * 2);
		builder->merged =
		    builder->merged == NULL
		        ? MemoryContextAlloc(builder->context, sizeof(Computed *) * builder->max_merged)
		        : repalloc(builder->merged, sizeof(Computed *) * builder->max_merged);
	}
	builder->merged[builder->n_merged++] = other;
}

static struct ComputedDelta *
new_delta(ComputedBuilder *builder, int trait)
{
	if (builder->latest == NULL)
	{
		builder->latest = MemoryContextAlloc(builder->context, sizeof(int) * builder->n_traits);
		memset(builder->latest, -1, sizeof(int) * builder->n_traits);
	}
	if (builder->n_deltas == builder->max_deltas)
	{
		Size size;

		builder->max_deltas = Max(4, builder->max_deltas * 2);
		size = sizeof(struct ComputedDelta) * (Size) builder->max_deltas;
		builder->deltas = builder->deltas == NULL ? MemoryContextAllocHuge(builder->context, size)
		                                          : repalloc_huge(builder->deltas, size);
	}
	builder->latest[trait] = builder->n_deltas;
	return &builder->deltas[builder->n_deltas++];
}

/* Makes a value that of a delta. */
static void
set_value(const ComputedBuilder *builder, struct ComputedDelta *delta, const char *value, int len)
{
	if (builder->owns_values && len > 0)
		value = memcpy(MemoryContextAlloc(builder->context, len), value, len);
	delta->value = value;
	delta->len = len;
}

static void
replace_value(const ComputedBuilder *builder, struct ComputedDelta *delta, const char *value,
              int len)
{
	if (builder->owns_values && delta->len > 0)
		pfree(unconstify(char *, delta->value));
	set_value(builder, delta, value, len);
}

/* Whether a first or last value gives way to an event's. */
static bool
gives_way(const struct ComputedDelta *delta, ComputedKind kind, TimestampTz at,
          const pg_uuid_t *event_id)
{
	int order = delta->at < at ? -1 : delta->at > at;

	if (order == 0)
		order = memcmp(delta->event_id.data, event_id->data, UUID_LEN);
	return kind == COMPUTED_FIRST ? order > 0 : order < 0;
}

/* Adds to what has been collected last of the same trait and day; false: it is another thing. */
static bool
add_to_delta(const ComputedBuilder *builder, struct ComputedDelta *delta,
             const ComputedTrait *trait, const char *value, int len, TimestampTz at,
             const pg_uuid_t *event_id)
{
	const char *p = value;
	ComputedAmount amount;
	int order;

	switch (trait->kind)
	{
		case COMPUTED_COUNT:
			delta->count++;
			return true;
		case COMPUTED_SUM:
		case COMPUTED_AVG:
			computed_get_amount(&p, &amount);
			computed_take_amount(&delta->sum, &amount);
			delta->count++;
			return true;
		case COMPUTED_MIN:
		case COMPUTED_MAX:
			order =
			    computed_compare_values(trait->value_class, value, len, delta->value, delta->len);
			if (trait->kind == COMPUTED_MIN ? order < 0 : order > 0)
				replace_value(builder, delta, value, len);
			return true;
		case COMPUTED_FIRST:
		case COMPUTED_LAST:
			if (gives_way(delta, trait->kind, at, event_id))
			{
				replace_value(builder, delta, value, len);
				delta->at = at;
				delta->event_id = *event_id;
			}
			return true;
		default:
			if (delta->len != len || memcmp(delta->value, value, len) != 0)
				return false;
			delta->count++;
			return true;
	}
}

void
computed_builder_add(ComputedBuilder *builder, int number, const char *value, int len,
                     TimestampTz at, int32 day, const pg_uuid_t *event_id)
{
	const ComputedTrait *trait = &builder->traits[number];
	struct ComputedDelta *delta;
	const char *p = value;
	MemoryContext oldcontext = MemoryContextSwitchTo(builder->context);

	if (trait->window == 0)
		day = COMPUTED_NO_DAY;
	delta = builder->latest == NULL || builder->latest[number] < 0
	            ? NULL
	            : &builder->deltas[builder->latest[number]];
	if (delta == NULL || delta->day != day ||
	    !add_to_delta(builder, delta, trait, value, len, at, event_id))
	{
		delta = new_delta(builder, number);
		delta->trait = number;
		delta->day = day;
		delta->count = 1;
		set_value(builder, delta, value, len);
		delta->at = at;
		delta->event_id = *event_id;
		if (trait->kind == COMPUTED_SUM || trait->kind == COMPUTED_AVG)
			computed_get_amount(&p, &delta->sum);
	}
	MemoryContextSwitchTo(oldcontext);
}

/* By trait, day, and of distinct values their order. */
static int
compare_deltas(const void *a, const void *b, void *arg)
{
	const struct ComputedDelta *x = *(const struct ComputedDelta *const *) a;
	const struct ComputedDelta *y = *(const struct ComputedDelta *const *) b;
	const ComputedTrait *traits = (const ComputedTrait *) arg;

	if (x->trait != y->trait)
		return x->trait - y->trait;
	if (x->day != y->day)
		return x->day < y->day ? -1 : 1;
	if (!computed_kind_is_set(traits[x->trait].kind))
		return 0;
	return computed_compare_values(traits[x->trait].value_class, x->value, x->len, y->value,
	                               y->len);
}

/* Whether a least or greatest, first or last value gives way to another. */
static bool
is_better(const ComputedTrait *trait, const struct ComputedDelta *delta,
          const struct ComputedDelta *best)
{
	int order;

	if (trait->kind == COMPUTED_FIRST || trait->kind == COMPUTED_LAST)
		return gives_way(best, trait->kind, delta->at, &delta->event_id);
	order = computed_compare_values(trait->value_class, delta->value, delta->len, best->value,
	                                best->len);
	return trait->kind == COMPUTED_MIN ? order < 0 : order > 0;
}

/* What several deltas of one trait and day are together, but for distinct values. */
static struct ComputedDelta
join_deltas(const ComputedTrait *trait, const struct ComputedDelta *const *deltas, int n)
{
	struct ComputedDelta joined = *deltas[0];

	for (int i = 1; i < n; i++)
		switch (trait->kind)
		{
			case COMPUTED_SUM:
			case COMPUTED_AVG:
				computed_add_amount(&joined.sum, &deltas[i]->sum);
				/* FALLTHROUGH */
			case COMPUTED_COUNT:
				joined.count += deltas[i]->count;
				break;
			default:
				if (is_better(trait, deltas[i], &joined))
					joined = *deltas[i];
				break;
		}
	return joined;
}

/* The body of a cell without distinct values. */
static const char no_values[] = {0};

/* Appends the set of distinct values that deltas of one trait and day make; they ascend. */
static void
append_set_of_deltas(const ComputedTrait *trait, const struct ComputedDelta *const *deltas, int n,
                     StringInfo body)
{
	int distinct = 0;

	for (int i = 0; i < n; i++)
		distinct += i == 0 || deltas[i]->len != deltas[i - 1]->len ||
		            memcmp(deltas[i]->value, deltas[i - 1]->value, deltas[i]->len) != 0;
	computed_append_number(body, (uint64) distinct * 2);
	for (int i = 0, end; i < n; i = end)
	{
		int64 count = deltas[i]->count;

		for (end = i + 1; end < n && deltas[end]->len == deltas[i]->len &&
		                  memcmp(deltas[end]->value, deltas[i]->value, deltas[i]->len) == 0;
		     end++)
			count += deltas[end]->count;
		computed_append_number(body, deltas[i]->len);
		appendBinaryStringInfo(body, deltas[i]->value, deltas[i]->len);
		if (trait->kind == COMPUTED_MOST_FREQUENT)
			computed_append_number(body, count);
	}
	if (distinct > trait->limit)
	{
		StringInfoData limited;

		initStringInfo(&limited);
		computed_merge_sets(trait, body->data, no_values, &limited);
		pfree(body->data);
		*body = limited;
	}
}

/* Makes the cell of deltas of one trait and day. body: where its body is made. */
static void
make_cell(const ComputedTrait *trait, const struct ComputedDelta *const *deltas, int n,
          StringInfo body, ComputedCell *cell)
{
	struct ComputedDelta joined;
	char time[8];

	*cell = (ComputedCell){.day = deltas[0]->day};
	resetStringInfo(body);
	if (computed_kind_is_set(trait->kind))
		append_set_of_deltas(trait, deltas, n, body);
	else
		joined = join_deltas(trait, deltas, n);
	switch (trait->kind)
	{
		case COMPUTED_COUNT:
			cell->count = joined.count;
			break;
		case COMPUTED_SUM:
		case COMPUTED_AVG:
			computed_append_amount(body, &joined.sum);
			if (trait->kind == COMPUTED_AVG)
				computed_append_number(body, joined.count);
			break;
		case COMPUTED_FIRST:
		case COMPUTED_LAST:
			(void) ltv_put64(time, (uint64) joined.at);
			appendBinaryStringInfo(body, time, sizeof(time));
			appendBinaryStringInfo(body, (const char *) joined.event_id.data, UUID_LEN);
			/* FALLTHROUGH */
		case COMPUTED_MIN:
		case COMPUTED_MAX:
			computed_append_number(body, joined.len);
			appendBinaryStringInfo(body, joined.value, joined.len);
			break;
		default:
			break;
	}
	cell->body = body->data;
	cell->end = body->data + body->len;
}

/* The deltas as a value; they stay as they are. */
static Computed *
value_of_deltas(const ComputedBuilder *builder)
{
	Output output = {.n_traits = 0};
	int n = builder->n_deltas;
	const struct ComputedDelta **deltas =
	    palloc_extended(sizeof(struct ComputedDelta *) * (Size) n, MCXT_ALLOC_HUGE);
	StringInfoData cells;
	StringInfoData body;

	for (int i = 0; i < n; i++)
		deltas[i] = &builder->deltas[i];
	qsort_arg(deltas, n, sizeof(struct ComputedDelta *), compare_deltas,
	          unconstify(ComputedTrait *, builder->traits));
	initStringInfo(&output.traits);
	initStringInfo(&cells);
	initStringInfo(&body);
	for (int start = 0, end; start < n; start = end)
	{
		const ComputedTrait *trait = &builder->traits[deltas[start]->trait];
		ComputedWriter writer = {trait, &cells};

		resetStringInfo(&cells);
		for (end = start; end < n && deltas[end]->trait == deltas[start]->trait;)
		{
			int first = end;
			ComputedCell cell;

			CHECK_FOR_INTERRUPTS();
			while (end < n && deltas[end]->trait == deltas[first]->trait &&
			       deltas[end]->day == deltas[first]->day)
				end++;
			make_cell(trait, &deltas[first], end - first, &body, &cell);
			computed_write_cell(&writer, &cell);
		}
		put_entry(&output, trait, cells.data, cells.len);
	}
	pfree(deltas);
	pfree(cells.data);
	pfree(body.data);
	return finish_output(&output, builder->zone, strlen(builder->zone));
}

/* Frees what has been collected. */
void
computed_builder_free(ComputedBuilder *builder)
{
	for (int i = 0; builder->owns_values && i < builder->n_deltas; i++)
		if (builder->deltas[i].len > 0)
			pfree(unconstify(char *, builder->deltas[i].value));
	if (builder->deltas != NULL)
		pfree(builder->deltas);
	if (builder->latest != NULL)
		pfree(builder->latest);
	if (builder->merged != NULL)
		pfree(builder->merged);
}

/* The number of collected deltas; several may be of one trait and day. */
int
computed_builder_size(const ComputedBuilder *builder)
{
	return builder->n_deltas;
}

Computed *
computed_builder_finish(ComputedBuilder *builder, int32 today, bool *changed)
{
	const Computed **values;
	int n = 0;

	*changed = builder->n_merged > 0 || builder->n_deltas > 0;
	values = palloc(sizeof(Computed *) * (builder->n_merged + 2));
	values[n++] = builder->base;
	for (int i = 0; i < builder->n_merged; i++)
		values[n++] = builder->merged[i];
	if (builder->n_deltas > 0)
		values[n++] = value_of_deltas(builder);

	/* Neighbours become one, again and again: each is copied a few times, however many there are. */
	for (; n > 1; n = (n + 1) / 2)
		for (int i = 0; i < n; i += 2)
			values[i / 2] =
			    i + 1 < n ? merge_values(values[i], values[i + 1], today, false) : values[i];
	return unconstify(Computed *, values[0]);
}
