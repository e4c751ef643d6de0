/*
 * segment_query_text.c
 *	  The text form of cdp.segment_query, see segment_query_text.h.
 *
 * Nothing here recurses. Bytes are examined one by one. In every server
 * encoding the bytes of a multibyte character have their high bit set, so they
 * are not mistaken for operators or white space.
 *
 * Reading has two steps. The first writes items as the text has them: an OR at
 * the start of the text and of each pair of parentheses; an AND after that OR
 * and after each |; and the names. The second drops operators that have one
 * operand, or that stand below their own kind.
 */
#include "types/segment_query_text.h"

#include <string.h>

#include "types/text_internal.h"

/* Must this character be quoted in a name? */
static inline bool
is_special(char c)
{
	return c == '\0' || text_is_space(c) || strchr("&|!()*'{},@\"\\", c) != NULL;
}

/*
 * How many items reading a text may need: two for the text and each opening
 * parenthesis, one for each | and each name. Names beyond the limit are an
 * error before they are written.
 */
size_t
segment_query_items_bound(const char *input, size_t len)
{
	size_t bound = 2 + (len < SEGMENT_QUERY_MAX_NAMES ? len : SEGMENT_QUERY_MAX_NAMES);

	for (size_t i = 0; i < len; i++)
		bound += input[i] == '(' ? 2 : (input[i] == '|' ? 1 : 0);
	return bound;
}

/* Where the next byte to read is, white space left out; the end of the text is a null byte. */
static char
next_significant(SegmentQueryReader *reader)
{
	while (reader->at < reader->len && text_is_space(reader->input[reader->at]))
		reader->at++;
	return reader->at < reader->len ? reader->input[reader->at] : '\0';
}

/*
 * Reads a name, and the * behind it, into an item. The text stands at its
 * first character.
 */
static SegmentQueryResult
read_name_or_prefix(SegmentQueryReader *reader, SegmentQueryItem *item)
{
	const char *in = reader->input;
	char *name = reader->names + reader->names_size;
	size_t len = 0;
	size_t start = reader->at;
	char quote = in[reader->at] == '"' || in[reader->at] == '\'' ? in[reader->at] : '\0';

	if (quote != '\0')
		reader->at++;
	for (;;)
	{
		char c = reader->at < reader->len ? in[reader->at] : '\0';

		if (quote != '\0' && c == quote)
		{
			reader->at++;
			if (reader->at == reader->len || in[reader->at] != quote)
				break;
		}
		else if (c == '\\')
		{
			reader->at++;
			c = reader->at < reader->len ? in[reader->at] : '\0';
			if (c == '\0')
				return SEGMENT_QUERY_UNTERMINATED;
		}
		else if (quote != '\0' && c == '\0')
			return SEGMENT_QUERY_UNTERMINATED;
		else if (quote == '\0' && is_special(c))
			break;
		reader->at++;
		name[len++] = c;
	}

	item->kind = SEGMENT_QUERY_NAME;
	if (reader->at < reader->len && in[reader->at] == '*')
	{
		item->kind = SEGMENT_QUERY_PREFIX;
		reader->at++;
	}
	else if (len == 0)
		return reader->at > start ? SEGMENT_QUERY_EMPTY_NAME : SEGMENT_QUERY_UNEXPECTED;
	if (len > SEGMENT_NAME_MAX)
		return SEGMENT_QUERY_NAME_TOO_LONG;
	item->size = (uint16) len;
	item->name = (uint32) reader->names_size;
	reader->names_size += len;
	return SEGMENT_QUERY_OK;
}

/* An operator whose operands are being written, in memory or as text. */
typedef struct OpenOperator
{
	size_t end;    /* the item behind its last operand */
	int written;   /* its own place among the items written */
	uint8 kind;    /* SEGMENT_QUERY_AND or SEGMENT_QUERY_OR */
	bool enclosed; /* in parentheses, as text */
	bool started;  /* its first operand is written */
} OpenOperator;

/*
 * The second step, in place: writing never overtakes reading. On entry an
 * operator's size is its number of operands: 1, or 2 for more. Its name is the
 * item behind its last operand. The negation of a dropped operator goes to its
 * only operand.
 */
static void
simplify(SegmentQueryReader *reader)
{
	SegmentQueryItem *items = reader->items;
	OpenOperator open[SEGMENT_QUERY_MAX_DEPTH];
	int depth = 0;
	int written = 0;
	uint8 negated = 0;

	for (size_t i = 0; i <= (size_t) reader->count; i++)
	{
		SegmentQueryItem item;

		for (; depth > 0 && open[depth - 1].end == i; depth--)
			items[open[depth - 1].written].size = (uint16) (written - open[depth - 1].written - 1);
		if (i == (size_t) reader->count)
			break;

		item = items[i];
		item.negated ^= negated;
		negated = 0;
		if (SEGMENT_QUERY_IS_OPERATOR(&item))
		{
			if (item.size == 1)
			{
				negated = item.negated;
				continue;
			}
			if (depth > 0 && open[depth - 1].kind == item.kind && !item.negated)
				continue;
			open[depth].end = item.name;
			open[depth].written = written;
			open[depth].kind = item.kind;
			depth++;
			item.name = 0;
		}
		items[written++] = item;
	}
	reader->count = written;
}

/* Writes an operator without operands yet, and returns its place. */
static int
begin_operator(SegmentQueryReader *reader, uint8 kind, uint8 negated)
{
	SegmentQueryItem *item = &reader->items[reader->count];

	item->kind = kind;
	item->negated = negated;
	item->size = 0;
	return reader->count++;
}

/* One operand more for an operator; what matters is whether it has one or more. */
static inline void
count_operand(SegmentQueryItem *item)
{
	if (item->size < 2)
		item->size++;
}

/*
 * Reads a query. Fills count, names_size and at. After an error, at says where
 * it is, and the rest is undefined.
 */
SegmentQueryResult
segment_query_read(SegmentQueryReader *reader)
{
	SegmentQueryItem *items = reader->items;
	int ors[SEGMENT_QUERY_MAX_NESTING + 1];  /* the OR of each open parenthesis */
	int ands[SEGMENT_QUERY_MAX_NESTING + 1]; /* its last AND */
	int nesting = 0;
	int names = 0;
	uint8 negated = 0;
	bool operand_next = true;

	reader->count = 0;
	reader->names_size = 0;
	reader->at = 0;
	if (next_significant(reader) == '\0' && reader->at == reader->len)
		return SEGMENT_QUERY_EMPTY;
	ors[0] = begin_operator(reader, SEGMENT_QUERY_OR, 0);
	count_operand(&items[ors[0]]);
	ands[0] = begin_operator(reader, SEGMENT_QUERY_AND, 0);

	for (;;)
	{
		char c = next_significant(reader);
		bool at_end = reader->at == reader->len;

		if (operand_next && at_end)
			return SEGMENT_QUERY_NO_OPERAND;
		if (operand_next && c == '!')
		{
			negated ^= 1;
			reader->at++;
		}
		else if (operand_next && c == '(')
		{
			if (nesting == SEGMENT_QUERY_MAX_NESTING)
				return SEGMENT_QUERY_TOO_DEEP;
			count_operand(&items[ands[nesting]]);
			nesting++;
			ors[nesting] = begin_operator(reader, SEGMENT_QUERY_OR, negated);
			count_operand(&items[ors[nesting]]);
			ands[nesting] = begin_operator(reader, SEGMENT_QUERY_AND, 0);
			negated = 0;
			reader->at++;
		}
		else if (operand_next)
		{
			SegmentQueryResult result;

			if (names == SEGMENT_QUERY_MAX_NAMES)
				return SEGMENT_QUERY_TOO_MANY_NAMES;
			result = read_name_or_prefix(reader, &items[reader->count]);
			if (result != SEGMENT_QUERY_OK)
				return result;
			items[reader->count++].negated = negated;
			count_operand(&items[ands[nesting]]);
			names++;
			negated = 0;
			operand_next = false;
		}
		else if (c == '&')
		{
			reader->at++;
			operand_next = true;
		}
		else if (c == '|')
		{
			items[ands[nesting]].name = (uint32) reader->count;
			count_operand(&items[ors[nesting]]);
			ands[nesting] = begin_operator(reader, SEGMENT_QUERY_AND, 0);
			reader->at++;
			operand_next = true;
		}
		else if (at_end || (c == ')' && nesting > 0))
		{
			items[ands[nesting]].name = (uint32) reader->count;
			items[ors[nesting]].name = (uint32) reader->count;
			if (at_end)
				break;
			nesting--;
			reader->at++;
		}
		else
			return SEGMENT_QUERY_UNEXPECTED;
	}
	if (nesting > 0)
		return SEGMENT_QUERY_UNTERMINATED;
	simplify(reader);
	return SEGMENT_QUERY_OK;
}

/* At least as many bytes as the text form has. */
size_t
segment_query_text_bound(const SegmentQueryItem *items, int count)
{
	size_t bound = 0;

	/* for a name its quotes, *, ! and the " & " before it; for an operator its parentheses, too */
	for (int i = 0; i < count; i++)
		bound += SEGMENT_QUERY_IS_OPERATOR(&items[i]) ? 6 : 2 * (size_t) items[i].size + 7;
	return bound;
}

/* Must a name be quoted? */
static bool
needs_quotes(const char *name, int len)
{
	for (int i = 0; i < len; i++)
	{
		if (is_special(name[i]))
			return true;
	}
	return false;
}

/*
 * Writes the text form, without a terminator, into a buffer of at least
 * segment_query_text_bound bytes. Returns its length. The items must be as
 * segment_query_read gives them.
 */
size_t
segment_query_write(const SegmentQueryItem *items, int count, const char *names, char *buffer)
{
	OpenOperator open[SEGMENT_QUERY_MAX_DEPTH];
	int depth = 0;
	char *at = buffer;

	for (int i = 0; i < count; i++)
	{
		const SegmentQueryItem *item = &items[i];
		OpenOperator *parent;

		for (; depth > 0 && open[depth - 1].end == (size_t) i; depth--)
		{
			if (open[depth - 1].enclosed)
				*at++ = ')';
		}
		parent = depth > 0 ? &open[depth - 1] : NULL;
		if (parent != NULL && parent->started)
		{
			*at++ = ' ';
			*at++ = parent->kind == SEGMENT_QUERY_AND ? '&' : '|';
			*at++ = ' ';
		}
		if (parent != NULL)
			parent->started = true;
		if (item->negated)
			*at++ = '!';

		if (SEGMENT_QUERY_IS_OPERATOR(item))
		{
			if (depth == SEGMENT_QUERY_MAX_DEPTH)
				break;
			open[depth].end = (size_t) i + 1 + item->size;
			open[depth].kind = item->kind;
			open[depth].started = false;
			open[depth].enclosed =
			    item->negated || (parent != NULL && parent->kind == SEGMENT_QUERY_AND);
			if (open[depth].enclosed)
				*at++ = '(';
			depth++;
			continue;
		}
		if (needs_quotes(names + item->name, item->size))
			at += segment_name_write_quoted(names + item->name, item->size, at);
		else
		{
			memcpy(at, names + item->name, item->size);
			at += item->size;
		}
		if (item->kind == SEGMENT_QUERY_PREFIX)
			*at++ = '*';
	}
	for (; depth > 0; depth--)
	{
		if (open[depth - 1].enclosed)
			*at++ = ')';
	}
	return (size_t) (at - buffer);
}
