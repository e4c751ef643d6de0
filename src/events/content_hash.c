/*
 * content_hash.c
 *	  The hash of what an application sent in an event, by value.
 *
 * It is stored, so it must be the same on every machine and in every version: it never
 * looks at the bytes of a stored form that depend on the machine's order of bytes, or on
 * the scale of a number. test/programs/events_conflicts.py computes it a second time.
 *
 * Version 1, which must never change. h is 0; each of these is taken in by rounds of
 * stable_hash.h; then the finaliser.
 *
 *   null     one word, 0xff in its highest byte
 *   text     each 8 bytes; then the last ones (none to 7) with the length, modulo 256, in
 *            the highest byte
 *   number   one word: 'N' in the highest byte, number of digits << 24, 1 << 16 if it is
 *            negative, the weight in the low 16 bits; then four digits (base 10000) a word,
 *            the first in the low 16 bits
 *   jsonb    null, true, false: one word with 'n', 't', 'f' in the highest byte; an array or
 *            object: one word with 'A' or 'O' there and the number of elements or keys; then
 *            the elements, or all keys and then all values, in the order of the type jsonb
 *            (keys by length, then by bytes). A scalar at the top: as an array of one, with
 *            'S'
 */
#include "events/content_hash.h"

#include "miscadmin.h"
#include "types/ltv_format.h"
#include "types/stable_hash.h"

#define WORD(mark, number) ((uint64) (mark) << 56 | (uint64) (number))

uint64
content_hash_null(uint64 h)
{
	return stable_hash_round(h, WORD(0xff, 0));
}

uint64
content_hash_int64(uint64 h, int64 value)
{
	return stable_hash_round(h, (uint64) value);
}

static inline uint64
hash_bytes_of(uint64 h, const char *text, size_t len)
{
	size_t left = len;
	uint64 tail;

	for (; left >= 8; left -= 8, text += 8)
		h = stable_hash_round(h, stable_hash_load(text));
	if (left == 0)
		tail = 0;
	else if (len >= 8) /* the last 8 bytes, without those that are in already */
		tail = stable_hash_load(text + left - 8) >> (8 * (8 - left));
	else
		tail = stable_hash_load_tail(text, left);
	return stable_hash_round(h, WORD(len & 0xff, tail));
}

uint64
content_hash_text(uint64 h, const char *text, size_t len)
{
	return hash_bytes_of(h, text, len);
}

uint64
content_hash_numeric(uint64 h, Numeric value)
{
	NumericParts parts;
	uint64 word = 0;

	numeric_take_apart(value, &parts);
	h = stable_hash_round(h, WORD('N', (uint64) parts.ndigits << 24 |
	                                       (uint64) parts.negative << 16 | (uint16) parts.weight));
	for (int i = 0; i < parts.ndigits; i++)
	{
		word |= (uint64) numeric_digit(&parts, i) << (16 * (i % 4));
		if (i % 4 == 3 || i == parts.ndigits - 1)
		{
			h = stable_hash_round(h, word);
			word = 0;
		}
	}
	return h;
}

/* A container that is being read: its next entry, and where that entry's data begins. */
typedef struct OpenContainer
{
	const JEntry *entry;
	const JEntry *end; /* of the entries; the data follow */
	uint32 offset;
} OpenContainer;

/* Begins a container. */
static uint64
open_container(uint64 h, OpenContainer *open, const JsonbContainer *container)
{
	uint32 n = JsonContainerSize(container);
	bool is_object = JsonContainerIsObject(container);
	char mark = is_object ? 'O' : JsonContainerIsScalar(container) ? 'S' : 'A';

	open->entry = container->children;
	open->end = container->children + (is_object ? 2 * n : n);
	open->offset = 0;
	return stable_hash_round(h, WORD(mark, n));
}

/* Room for one more container on the stack; few is the first one, which is not freed. */
static OpenContainer *
grow_stack(OpenContainer *stack, const OpenContainer *few, int max_depth)
{
	OpenContainer *larger = palloc(sizeof(OpenContainer) * max_depth * 2);

	memcpy(larger, stack, sizeof(OpenContainer) * max_depth);
	if (stack != few)
		pfree(stack);
	return larger;
}

/*
 * Walks the stored form from entry to entry, which is several times as fast as PostgreSQL's
 * iterator. The containers around the current one are on a stack of their own, however
 * deep they are.
 */
static uint64
hash_container(uint64 h, const JsonbContainer *root)
{
	OpenContainer few[8];
	OpenContainer *stack = few;
	int max_depth = lengthof(few);
	int depth = 0;
	OpenContainer open;

	h = open_container(h, &open, root);
	for (;;)
	{
		const char *data = (const char *) open.end;
		uint32 begin = open.offset;
		JEntry entry;

		if (open.entry == open.end)
		{
			if (depth == 0)
				break;
			open = stack[--depth];
			continue;
		}
		entry = *open.entry++;
		JBE_ADVANCE_OFFSET(open.offset, entry);
		switch (entry & JENTRY_TYPEMASK)
		{
			case JENTRY_ISSTRING:
				h = hash_bytes_of(h, data + begin, open.offset - begin);
				break;
			case JENTRY_ISNUMERIC:
				h = content_hash_numeric(h, (Numeric) (data + INTALIGN(begin)));
				break;
			case JENTRY_ISNULL:
				h = stable_hash_round(h, WORD('n', 0));
				break;
			case JENTRY_ISBOOL_TRUE:
				h = stable_hash_round(h, WORD('t', 0));
				break;
			case JENTRY_ISBOOL_FALSE:
				h = stable_hash_round(h, WORD('f', 0));
				break;
			case JENTRY_ISCONTAINER:
				CHECK_FOR_INTERRUPTS();
				if (depth == max_depth)
				{
					stack = grow_stack(stack, few, max_depth);
					max_depth *= 2;
				}
				stack[depth++] = open;
				h = open_container(h, &open, (const JsonbContainer *) (data + INTALIGN(begin)));
				break;
			default:
				elog(ERROR, "unknown type of a jsonb value");
		}
	}
	if (stack != few)
		pfree(stack);
	return h;
}

/* A small value is stored with a short header, unaligned. It is copied without palloc. */
uint64
content_hash_jsonb(uint64 h, Datum value)
{
	struct varlena *stored = (struct varlena *) DatumGetPointer(value);
	uint32 aligned[VARATT_SHORT_MAX / sizeof(uint32) + 1];

	/* a toast pointer has a short header, too */
	if (!VARATT_IS_SHORT(stored) || VARATT_IS_EXTERNAL(stored))
		return hash_container(h, &DatumGetJsonbP(value)->root);
	memcpy(aligned, VARDATA_SHORT(stored), VARSIZE_SHORT(stored) - VARHDRSZ_SHORT);
	return hash_container(h, (const JsonbContainer *) aligned);
}

int64
content_hash_end(uint64 h, bool id_was_made)
{
	h = stable_hash_finish(h) & ~CONTENT_HASH_ID_MADE;
	return (int64) (id_was_made ? h | CONTENT_HASH_ID_MADE : h);
}
