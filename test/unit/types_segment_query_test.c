/*
 * types_segment_query_test.c
 *	  The text form of segment_query without a server: what must hold for any
 *	  bytes, on random texts of what matters to the reader, and at the limits.
 *
 * links: src/types/segment_query_text.c src/types/segment_set_text.c
 */
#include "../fuzz/segment_query_fuzz.h"

/* The server's headers send these to functions of the server. */
#undef printf
#undef sprintf
#undef vprintf
#include "tap.h"

/* xorshift32, seeded: the same texts in every run. */
static uint32 state = 2463534242;

static uint32
next_random(uint32 below)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state % below;
}

/* Random texts of pieces: most are malformed, a share of them is not. */
static void
test_random(void)
{
	static const char *const pieces[] = {"a",       "vip",      "b c", "\"",    "\\",  "*",   "&",
	                                     "|",       "!",        "(",   ")",     " & ", " | ", "!(",
	                                     "\"x y\"", "\xc3\xa9", "\n",  "a & b", ")|("};
	int read = 0;

	for (int i = 0; i < 200000; i++)
	{
		char text[256];
		size_t len = 0;

		for (uint32 n = next_random(12); n > 0; n--)
		{
			const char *piece = pieces[next_random(lengthof(pieces))];

			memcpy(text + len, piece, strlen(piece));
			len += strlen(piece);
		}
		if (len > 0 && next_random(20) == 0)
			text[next_random(len)] = (char) next_random(256);
		read += check_query(text, len) == SEGMENT_QUERY_OK;
	}
	ok(read > 10000, "random texts: each read as one thing or refused, %d of them read", read);
}

/* As many names as may be, each with a quote to be written twice, and one more. */
static void
test_limits(void)
{
	size_t room = (SEGMENT_QUERY_MAX_NAMES + 1) * (2 * SEGMENT_NAME_MAX + 10);
	char *text = malloc(room);
	size_t len = 0;
	size_t full = 0;

	for (int i = 0; i <= SEGMENT_QUERY_MAX_NAMES; i++)
	{
		if (i == SEGMENT_QUERY_MAX_NAMES)
			full = len;
		len += sprintf(text + len, "%s!\"", i > 0 ? (i % 2 ? " & " : " | ") : "");
		for (int j = 0; j < SEGMENT_NAME_MAX; j++)
			len += sprintf(text + len, "\\\"");
		len += sprintf(text + len, "\"*");
	}
	is_int(check_query(text, full), SEGMENT_QUERY_OK, "the most and longest names");
	ok(full < SEGMENT_QUERY_MAX_TEXT, "their text is short enough to be read");
	is_int(check_query(text, len), SEGMENT_QUERY_TOO_MANY_NAMES, "one more");

	len = 0;
	for (int i = 0; i < SEGMENT_QUERY_MAX_NESTING; i++)
		len += sprintf(text + len, i % 2 ? "a | !(" : "b & (");
	len += sprintf(text + len, "a & b | c");
	for (int i = 0; i < SEGMENT_QUERY_MAX_NESTING; i++)
		text[len++] = ')';
	is_int(check_query(text, len), SEGMENT_QUERY_OK, "the deepest parentheses");
	memmove(text + 1, text, len);
	text[0] = '(';
	text[len + 1] = ')';
	is_int(check_query(text, len + 2), SEGMENT_QUERY_TOO_DEEP, "one more");
	memset(text, '(', room);
	is_int(check_query(text, room), SEGMENT_QUERY_TOO_DEEP, "nothing but parentheses");
	memset(text, '!', room - 1);
	text[room - 1] = 'a';
	is_int(check_query(text, room), SEGMENT_QUERY_OK, "negations");
	is_int(check_query(text, room - 1), SEGMENT_QUERY_NO_OPERAND, "negations of nothing");
	free(text);
}

int
main(void)
{
	test_random();
	test_limits();
	return done_testing();
}
