/*
 * computed_cells.c
 *	  The states of computed traits, day by day: how they are read, and how two
 *	  of them become one.
 */
#include "types/computed_builder.h"
#include "types/computed_internal.h"

#include "miscadmin.h"
#include "types/identifier.h"

void
computed_cells_begin(ComputedCells *cells, const ComputedEntry *entry)
{
	cells->trait = &entry->trait;
	cells->next = entry->cells;
	cells->end = entry->end;
	cells->day = COMPUTED_NO_DAY;
	cells->begun = false;
}

/* A number with four bits in a head. */
static uint64
get_nibble(int nibble, const char **p)
{
	return nibble < COMPUTED_NIBBLE_MAX ? nibble : COMPUTED_NIBBLE_MAX + computed_number(p);
}

/* Where the body of a cell ends that begins at p. */
static const char *
cell_end(const ComputedTrait *trait, const char *p)
{
	uint64 n;

	switch (trait->kind)
	{
		case COMPUTED_COUNT:
			return p;
		case COMPUTED_SUM:
		case COMPUTED_AVG:
			if ((uint8) *p == COMPUTED_WIDE)
				p += 1 + ltv_wire_size(p + 1);
			else
			{
				p++;
				(void) computed_number(&p);
			}
			if (trait->kind == COMPUTED_AVG)
				(void) computed_number(&p);
			return p;
		case COMPUTED_FIRST:
		case COMPUTED_LAST:
			return computed_skip_value(p + COMPUTED_EVENT_SIZE);
		case COMPUTED_MIN:
		case COMPUTED_MAX:
			return computed_skip_value(p);
		default:
			n = computed_number(&p) / 2;
			for (uint64 i = 0; i < n; i++)
			{
				p = computed_skip_value(p);
				if (trait->kind == COMPUTED_MOST_FREQUENT)
					(void) computed_number(&p);
			}
			return p;
	}
}

bool
computed_cells_next(ComputedCells *cells, ComputedCell *cell)
{
	const ComputedTrait *trait = cells->trait;
	const char *p = cells->next;

	if (p == cells->end)
		return false;
	cell->start = p;
	cell->first = !cells->begun;
	cell->before = cells->day;
	cell->count = 0;
	if (trait->window > 0)
	{
		uint8 head;

		if (!cells->begun)
			cells->day = (int32) computed_get_signed(&p) - 1;
		head = (uint8) *p++;
		cells->day += (int32) get_nibble(head & 0x0F, &p) + 1;
		if (trait->kind == COMPUTED_COUNT)
			cell->count = (int64) get_nibble(head >> 4, &p) + 1;
		cells->begun = true;
	}
	else if (trait->kind == COMPUTED_COUNT)
		cell->count = (int64) computed_number(&p);
	cell->day = cells->day;
	cell->body = p;
	cell->end = cells->next = cell_end(trait, p);
	return true;
}

/* Copies the stored cells that are waiting for it. */
static void
flush_cells(ComputedWriter *writer)
{
	if (writer->to > writer->from)
		appendBinaryStringInfo(writer->out, writer->from, (int) (writer->to - writer->from));
	writer->from = writer->to = NULL;
}

/*
 * Writes a cell. A run of stored cells is copied as it is, where the days
 * before are the same: flush_cells copies it once its last cell is known.
 */
void
computed_write_cell(ComputedWriter *writer, const ComputedCell *cell)
{
	StringInfo out = writer->out;
	uint64 count = cell->count - 1;

	if (cell->start != NULL && cell->first == !writer->begun &&
	    (cell->first || cell->before == writer->day))
	{
		if (writer->to != cell->start)
		{
			flush_cells(writer);
			writer->from = cell->start;
		}
		writer->to = cell->end;
		writer->day = cell->day;
		writer->begun = true;
		return;
	}
	flush_cells(writer);
	if (writer->trait->window > 0)
	{
		uint64 gap;
		uint8 head;

		if (!writer->begun)
		{
			computed_append_signed(out, cell->day);
			writer->day = cell->day - 1;
		}
		gap = (uint64) ((int64) cell->day - writer->day - 1);
		head = Min(gap, COMPUTED_NIBBLE_MAX);
		if (writer->trait->kind == COMPUTED_COUNT)
			head |= Min(count, COMPUTED_NIBBLE_MAX) << 4;
		appendStringInfoCharMacro(out, (char) head);
		if (gap >= COMPUTED_NIBBLE_MAX)
			computed_append_number(out, gap - COMPUTED_NIBBLE_MAX);
		if (writer->trait->kind == COMPUTED_COUNT && count >= COMPUTED_NIBBLE_MAX)
			computed_append_number(out, count - COMPUTED_NIBBLE_MAX);
		writer->day = cell->day;
		writer->begun = true;
	}
	else if (writer->trait->kind == COMPUTED_COUNT)
		computed_append_number(out, cell->count);
	if (cell->end > cell->body)
		appendBinaryStringInfo(out, cell->body, (int) (cell->end - cell->body));
}

static void
merge_sums(const ComputedTrait *trait, const char *a, const char *b, StringInfo out)
{
	ComputedAmount first;
	ComputedAmount second;
	ComputedAmount sum;

	computed_get_amount(&a, &first);
	computed_get_amount(&b, &second);
	sum = first;
	computed_add_amount(&sum, &second);
	computed_append_amount(out, &sum);
	if (trait->kind == COMPUTED_AVG)
		computed_append_number(
		    out, computed_add_counts((int64) computed_number(&a), (int64) computed_number(&b)));
	computed_free_amount(&first);
	computed_free_amount(&second);
	computed_free_amount(&sum);
}

/* Of two cells that hold one value, the one that stays. */
const ComputedCell *
computed_better_cell(const ComputedTrait *trait, const ComputedCell *a, const ComputedCell *b)
{
	int order;

	if (trait->kind == COMPUTED_MIN || trait->kind == COMPUTED_MAX)
	{
		const char *x = a->body;
		const char *y = b->body;
		int x_len = (int) computed_number(&x);
		int y_len = (int) computed_number(&y);

		order = computed_compare_values(trait->value_class, x, x_len, y, y_len);
	}
	else
	{
		int64 x = (int64) ltv_get64(a->body);
		int64 y = (int64) ltv_get64(b->body);

		order = x < y ? -1 : x > y;
		if (order == 0)
			order = memcmp(a->body + 8, b->body + 8, UUID_LEN);
		if (order == 0) /* one event's, which is the same in both */
			order = (int) (a->end - a->body) - (int) (b->end - b->body);
		if (order == 0)
			order = memcmp(a->body, b->body, a->end - a->body);
	}
	if (trait->kind == COMPUTED_MIN || trait->kind == COMPUTED_FIRST)
		return order <= 0 ? a : b;
	return order >= 0 ? a : b;
}

void
computed_set_begin(ComputedSet *reader, const char *body)
{
	uint64 n = computed_number(&body);

	reader->next = body;
	reader->left = n / 2;
	reader->cut = n % 2 == 1;
}

bool
computed_set_next(const ComputedTrait *trait, ComputedSet *reader, ComputedSetValue *value)
{
	if (reader->left == 0)
		return false;
	reader->left--;
	value->len = (int) computed_number(&reader->next);
	value->bytes = reader->next;
	reader->next += value->len;
	value->times =
	    trait->kind == COMPUTED_MOST_FREQUENT ? (int64) computed_number(&reader->next) : 1;
	value->dropped = false;
	return true;
}

/* qsort_arg comparator by value. */
int
computed_compare_set_values(const void *a, const void *b, void *trait)
{
	const ComputedSetValue *x = (const ComputedSetValue *) a;
	const ComputedSetValue *y = (const ComputedSetValue *) b;

	return computed_compare_values(((const ComputedTrait *) trait)->value_class, x->bytes, x->len,
	                               y->bytes, y->len);
}

/*
 * The nth smallest of some hashes, from 1. It changes their order: it is
 * quickselect, which on hashes takes time in proportion to their number.
 */
uint64
computed_nth_hash(uint64 *hashes, int n, int nth)
{
	int low = 0;
	int high = n - 1;

	while (low < high)
	{
		uint64 pivot = hashes[low + (high - low) / 2];
		int i = low;
		int j = high;

		CHECK_FOR_INTERRUPTS();
		while (i <= j)
		{
			while (hashes[i] < pivot)
				i++;
			while (hashes[j] > pivot)
				j--;
			if (i <= j)
			{
				uint64 swap = hashes[i];

				hashes[i++] = hashes[j];
				hashes[j--] = swap;
			}
		}
		if (nth - 1 <= j)
			high = j;
		else if (nth - 1 >= i)
			low = i;
		else
			break;
	}
	return hashes[nth - 1];
}

/*
 * Drops values beyond the limit: of a list the largest, else those with the
 * largest hashes. The latter leaves a random sample, which is the same for any
 * order of merging.
 */
static void
limit_set(const ComputedTrait *trait, ComputedSetValue *values, int n)
{
	uint64 *hashes;
	uint64 largest;
	int kept = 0;

	if (trait->kind == COMPUTED_UNIQUE_LIST)
	{
		for (int i = trait->limit; i < n; i++)
			values[i].dropped = true;
		return;
	}
	hashes = palloc(sizeof(uint64) * n);
	for (int i = 0; i < n; i++)
		hashes[i] = values[i].hash = identifier_hash_raw(values[i].bytes, values[i].len, 0);
	largest = computed_nth_hash(hashes, n, trait->limit);
	pfree(hashes);
	for (int i = 0; i < n; i++)
		kept += !(values[i].dropped = values[i].hash >= largest);
	for (int i = 0; i < n && kept < trait->limit; i++)
		if (values[i].hash == largest)
		{
			values[i].dropped = false;
			kept++;
		}
}

/* The set of two, each the body of a cell, within the limit. */
void
computed_merge_sets(const ComputedTrait *trait, const char *a, const char *b, StringInfo out)
{
	ComputedSet readers[2];
	ComputedSetValue heads[2];
	bool have[2];
	ComputedSetValue *values;
	int n = 0;
	int kept;
	bool cut;

	computed_set_begin(&readers[0], a);
	computed_set_begin(&readers[1], b);
	cut = readers[0].cut || readers[1].cut;
	values = palloc(sizeof(ComputedSetValue) * (readers[0].left + readers[1].left + 1));
	have[0] = computed_set_next(trait, &readers[0], &heads[0]);
	have[1] = computed_set_next(trait, &readers[1], &heads[1]);
	while (have[0] || have[1])
	{
		int order = !have[0] ? 1
		            : !have[1]
		                ? -1
		                : computed_compare_values(trait->value_class, heads[0].bytes, heads[0].len,
		                                          heads[1].bytes, heads[1].len);

		values[n] = order <= 0 ? heads[0] : heads[1];
		if (order == 0)
			values[n].times = computed_add_counts(values[n].times, heads[1].times);
		n++;
		if (order <= 0)
			have[0] = computed_set_next(trait, &readers[0], &heads[0]);
		if (order >= 0)
			have[1] = computed_set_next(trait, &readers[1], &heads[1]);
	}
	kept = n;
	if (n > trait->limit)
	{
		limit_set(trait, values, n);
		kept = trait->limit;
		cut = true;
	}
	computed_append_number(out, (uint64) kept * 2 + cut);
	for (int i = 0; i < n; i++)
	{
		if (values[i].dropped)
			continue;
		computed_append_number(out, values[i].len);
		appendBinaryStringInfo(out, values[i].bytes, values[i].len);
		if (trait->kind == COMPUTED_MOST_FREQUENT)
			computed_append_number(out, values[i].times);
	}
	pfree(values);
}

/* One day's state of two. body: where it is made. */
static void
merge_two(const ComputedTrait *trait, const ComputedCell *a, const ComputedCell *b, StringInfo body,
          ComputedCell *merged)
{
	switch (trait->kind)
	{
		case COMPUTED_COUNT:
			*merged = *a;
			merged->count = computed_add_counts(a->count, b->count);
			merged->start = NULL;
			return;
		case COMPUTED_MIN:
		case COMPUTED_MAX:
		case COMPUTED_FIRST:
		case COMPUTED_LAST:
			*merged = *computed_better_cell(trait, a, b);
			merged->start = NULL;
			return;
		case COMPUTED_SUM:
		case COMPUTED_AVG:
			resetStringInfo(body);
			merge_sums(trait, a->body, b->body, body);
			break;
		default:
			resetStringInfo(body);
			computed_merge_sets(trait, a->body, b->body, body);
			break;
	}
	merged->day = a->day;
	merged->count = 0;
	merged->body = body->data;
	merged->end = body->data + body->len;
	merged->start = NULL;
}

/*
 * The first day to be kept, given the newest that is not after today: instants
 * go forward. Where clocks are set back over midnight the day before comes
 * again, so one day more is kept. Of a last value, nothing before the newest
 * day that instant could see.
 */
static int32
first_kept_day(const ComputedTrait *trait, const ComputedCells *a, const ComputedCells *b,
               int32 today)
{
	bool a_is_shorter = a->end - a->next < b->end - b->next;
	ComputedCells cells[2] = {a_is_shorter ? *a : *b, a_is_shorter ? *b : *a};
	int32 newest = PG_INT32_MIN;
	int32 before = PG_INT32_MIN;

	for (int i = 0; i < 2; i++)
	{
		ComputedCell cell;

		if (newest == today && trait->kind != COMPUTED_LAST)
			break;

		while (computed_cells_next(&cells[i], &cell) && cell.day <= today)
		{
			CHECK_FOR_INTERRUPTS();
			if (cell.day > newest)
			{
				before = newest;
				newest = cell.day;
			}
			else if (cell.day > before && cell.day < newest)
				before = cell.day;
		}
	}
	if (newest < PG_INT32_MIN + COMPUTED_WINDOW_MAX)
		return PG_INT32_MIN;
	if (trait->kind == COMPUTED_LAST)
		return Max(before, newest - trait->window);
	return newest - trait->window;
}

/*
 * Appends the merged cells of two states of one trait. Cells that no instant
 * from today on can see are left out. scratch: a buffer for work.
 */
void
computed_merge_cells(const ComputedTrait *trait, ComputedCells *a, ComputedCells *b, int32 today,
                     StringInfo out, StringInfo scratch)
{
	ComputedCells *cells[2] = {a, b};
	ComputedWriter writer = {trait, out};
	ComputedCell heads[2];
	ComputedCell merged;
	bool have[2];
	int32 from = PG_INT32_MIN;

	if (trait->window > 0 && today < PG_INT32_MAX)
		from = first_kept_day(trait, a, b, today);
	for (int i = 0; i < 2; i++)
		have[i] = computed_cells_next(cells[i], &heads[i]);
	while (have[0] || have[1])
	{
		int turn = !have[0] || (have[1] && heads[1].day < heads[0].day);

		CHECK_FOR_INTERRUPTS();
		if (have[0] && have[1] && heads[0].day == heads[1].day)
		{
			merge_two(trait, &heads[0], &heads[1], scratch, &merged);
			if (merged.day >= from)
				computed_write_cell(&writer, &merged);
			have[1] = computed_cells_next(cells[1], &heads[1]);
		}
		else if (heads[turn].day >= from)
			computed_write_cell(&writer, &heads[turn]);
		have[turn] = computed_cells_next(cells[turn], &heads[turn]);
	}
	flush_cells(&writer);
}
