/*
 * order.c
 *	  The order in which segments are evaluated: segments that others refer to come first.
 */
#include "segments/segments_internal.h"

#include "lib/stringinfo.h"

/* Notes that a segment reads a key; each key has one entry. */
static void
note_key(Segments *segments, const ExpressionKey *key, int rank)
{
	KeyReaders *readers = NULL;

	for (int i = 0; i < segments->n_key_readers && readers == NULL; i++)
		if (segments->key_readers[i].key.column == key->column &&
		    strcmp(segments->key_readers[i].key.key, key->key) == 0)
			readers = &segments->key_readers[i];
	if (readers == NULL)
	{
		ARRAY_GROW(CurrentMemoryContext, segments->key_readers, segments->n_key_readers,
		           segments->max_key_readers);
		readers = &segments->key_readers[segments->n_key_readers++];
		readers->key = *key;
		readers->segments = NULL;
	}
	readers->segments = bms_add_member(readers->segments, rank);
}

/* Notes the segment with each column, key and segment that it reads. */
static void
note_readers(Segments *segments, const Segment *segment)
{
	const Expression *expression = &segment->expression;
	int column = -1;
	int other = -1;

	while ((column = bms_next_member(expression->columns, column)) >= 0)
	{
		if (column >= segments->n_readers)
		{
			int n = column + 1;

			segments->readers = segments->readers == NULL
			                        ? palloc0(sizeof(Bitmapset *) * n)
			                        : repalloc(segments->readers, sizeof(Bitmapset *) * n);
			while (segments->n_readers < n)
				segments->readers[segments->n_readers++] = NULL;
		}
		segments->readers[column] = bms_add_member(segments->readers[column], segment->rank);
	}
	for (int i = 0; i < expression->n_keys; i++)
		note_key(segments, &expression->keys[i], segment->rank);
	while ((other = bms_next_member(expression->segments, other)) >= 0)
		segments->segments[other].dependents =
		    bms_add_member(segments->segments[other].dependents, segment->rank);
}

void
order_segments(Segments *segments)
{
	Bitmapset *done = NULL;
	int n = 0;

	segments->by_rank = palloc(sizeof(int) * Max(segments->n_segments, 1));
	while (n < segments->n_segments)
	{
		int before = n;

		for (int i = 0; i < segments->n_segments; i++)
			if (!bms_is_member(i, done) &&
			    bms_is_subset(segments->segments[i].expression.segments, done))
			{
				segments->segments[i].rank = n;
				segments->by_rank[n++] = i;
				done = bms_add_member(done, i);
			}
		if (n > before)
			continue;
		/* the rest refer to each other in circles, or to a segment in one; definitions refuse it */
		for (int i = 0; i < segments->n_segments; i++)
			if (!bms_is_member(i, done))
			{
				segments->segments[i].rank = n;
				segments->by_rank[n++] = i;
				segments->in_circle = bms_add_member(segments->in_circle, i);
			}
	}
	for (int i = 0; i < segments->n_segments; i++)
	{
		note_readers(segments, &segments->segments[i]);
		segments->all_segments = bms_add_member(segments->all_segments, i);
		if (segments->segments[i].expression.broken != NULL)
			segments->broken = bms_add_member(segments->broken, segments->segments[i].rank);
		if (segments->segments[i].expression.clock != NULL)
			segments->clock_segments =
			    bms_add_member(segments->clock_segments, segments->segments[i].rank);
	}
}

Bitmapset *
order_readers_by_prefix(const Segments *segments, const char *name, int name_len,
                        Bitmapset *readers)
{
	for (int i = 0; i < segments->n_segments; i++)
	{
		const Segment *segment = &segments->segments[i];

		for (int p = 0; p < segment->expression.n_prefixes; p++)
		{
			size_t len = strlen(segment->expression.prefixes[p]);

			if (len <= name_len && memcmp(name, segment->expression.prefixes[p], len) == 0)
				readers = bms_add_member(readers, segment->rank);
		}
	}
	return readers;
}

char *
order_circle(const Segments *segments)
{
	StringInfoData circle;
	Bitmapset *seen = NULL;
	int at = bms_next_member(segments->in_circle, -1);
	int first;

	if (at < 0)
		return NULL;
	/* each of them refers to another in the set, so following the references ends in a circle */
	while (!bms_is_member(at, seen))
	{
		seen = bms_add_member(seen, at);
		at = bms_next_member(
		    bms_intersect(segments->segments[at].expression.segments, segments->in_circle), -1);
	}
	first = at;
	initStringInfo(&circle);
	do
	{
		appendStringInfo(&circle, "%s -> ", segments->segments[at].name);
		at = bms_next_member(
		    bms_intersect(segments->segments[at].expression.segments, segments->in_circle), -1);
	} while (at != first);
	appendStringInfoString(&circle, segments->segments[first].name);
	return circle.data;
}
