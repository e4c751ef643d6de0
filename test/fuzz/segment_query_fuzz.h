/*
 * segment_query_fuzz.h
 *	  What must hold for any bytes as a segment query: no access out of bounds
 *	  (the sanitizers see to it, the blocks have their exact sizes), a simple
 *	  expression, and a text form that is read as the same and is the only one.
 */
#ifndef SEGMENT_QUERY_FUZZ_H
#define SEGMENT_QUERY_FUZZ_H

#include "types/segment_query_text.h"

#include <stdlib.h>
#include <string.h>

#define HOLDS(condition)                                                                           \
	do                                                                                             \
	{                                                                                              \
		if (!(condition))                                                                          \
			abort();                                                                               \
	} while (0)

/* Reads a copy of the text into blocks of its own; free_reader gives them back. */
static SegmentQueryResult
read_copy(const char *text, size_t len, SegmentQueryReader *reader)
{
	char *input = malloc(len > 0 ? len : 1);

	memcpy(input, text, len);
	memset(reader, 0, sizeof(*reader));
	reader->input = input;
	reader->len = len;
	reader->items = malloc(segment_query_items_bound(input, len) * sizeof(SegmentQueryItem));
	reader->names = malloc(len > 0 ? len : 1);
	return segment_query_read(reader);
}

static void
free_reader(SegmentQueryReader *reader)
{
	free((void *) reader->input);
	free(reader->items);
	free(reader->names);
}

/* Every operator has two operands or more, none of its own kind that is not negated. */
static void
check_items(const SegmentQueryReader *reader)
{
	size_t names = 0;

	HOLDS(reader->count > 0);
	for (int i = 0; i < reader->count; i++)
	{
		const SegmentQueryItem *item = &reader->items[i];
		int operands = 0;

		HOLDS(item->kind <= SEGMENT_QUERY_OR && item->negated <= 1);
		if (!SEGMENT_QUERY_IS_OPERATOR(item))
		{
			HOLDS(item->name == names);
			HOLDS(item->size <= SEGMENT_NAME_MAX);
			HOLDS(item->size > 0 || item->kind == SEGMENT_QUERY_PREFIX);
			names += item->size;
			continue;
		}
		HOLDS(item->name == 0 && i + item->size < reader->count);
		for (int j = i + 1; j <= i + item->size; j++)
		{
			operands++;
			HOLDS(reader->items[j].kind != item->kind || reader->items[j].negated);
			if (SEGMENT_QUERY_IS_OPERATOR(&reader->items[j]))
				j += reader->items[j].size;
			HOLDS(j <= i + item->size);
		}
		HOLDS(operands >= 2);
	}
	HOLDS(names == reader->names_size);
}

/* Reads and checks; returns the result. */
static SegmentQueryResult
check_query(const char *text, size_t len)
{
	SegmentQueryReader reader;
	SegmentQueryResult result = read_copy(text, len, &reader);

	HOLDS(reader.at <= len);
	if (result == SEGMENT_QUERY_UNEXPECTED)
		HOLDS(reader.at < len);
	if (result == SEGMENT_QUERY_OK)
	{
		size_t bound = segment_query_text_bound(reader.items, reader.count);
		char *written = malloc(bound);
		char *again = malloc(bound);
		size_t written_len =
			segment_query_write(reader.items, reader.count, reader.names, written);
		SegmentQueryReader back;

		check_items(&reader);
		HOLDS(reader.at == len && written_len > 0 && written_len <= bound);
		HOLDS(read_copy(written, written_len, &back) == SEGMENT_QUERY_OK);
		HOLDS(back.count == reader.count && back.names_size == reader.names_size);
		HOLDS(memcmp(back.items, reader.items, back.count * sizeof(SegmentQueryItem)) == 0);
		HOLDS(memcmp(back.names, reader.names, back.names_size) == 0);
		HOLDS(segment_query_write(back.items, back.count, back.names, again) == written_len);
		HOLDS(memcmp(again, written, written_len) == 0);
		free_reader(&back);
		free(again);
		free(written);
	}
	free_reader(&reader);
	return result;
}

#endif /* SEGMENT_QUERY_FUZZ_H */
