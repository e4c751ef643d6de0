/*
 * phone_text.c
 *	  Finds what may be a phone number in a text, drops its extension, and
 *	  gives its digits, as libphonenumber does.
 *
 * What are regular expressions there is written out here.
 */
#include "normalise/phone_text.h"

#include <string.h>

#include "normalise/unicode.h"

/* Kinds of characters. */
#define DIGIT 0x01 /* decimal digit of any script */
#define PUNCT 0x02 /* punctuation within numbers, the letter x, and the star */
#define ALPHA 0x04 /* letter of a vanity number */
#define PLUS 0x08  /* plus sign */
#define WORD 0x10  /* letter or number of any script */
#define PLAIN 0x20 /* stands in no extension's label: without others there is no extension */

/* clang-format off */
static const uint8_t ascii_kind[128] = {
	['0' ... '9'] = DIGIT | WORD | PLAIN,
	['A' ... 'W'] = ALPHA | WORD,
	['X'] = ALPHA | WORD | PUNCT,
	['Y' ... 'Z'] = ALPHA | WORD,
	['a' ... 'w'] = ALPHA | WORD,
	['x'] = ALPHA | WORD | PUNCT,
	['y' ... 'z'] = ALPHA | WORD,
	['+'] = PLUS | PLAIN,
	['-'] = PUNCT | PLAIN,
	[' '] = PUNCT | PLAIN,
	['.'] = PUNCT | PLAIN,
	['/'] = PUNCT | PLAIN,
	['('] = PUNCT | PLAIN,
	[')'] = PUNCT | PLAIN,
	['['] = PUNCT | PLAIN,
	[']'] = PUNCT | PLAIN,
	['*'] = PUNCT | PLAIN,
	['~'] = PUNCT,
};
/* clang-format on */

/*
 * Kinds of a character beyond ASCII; its value as a digit in *digit.
 */
static uint8_t
kind_of(uint32_t c, uint8_t *digit)
{
	int value;

	switch (c)
	{
		case 0x00a0: /* no-break space */
		case 0x00ad: /* soft hyphen */
		case 0x200b: /* zero width space */
		case 0x2010: /* hyphens and dashes */
		case 0x2011:
		case 0x2012:
		case 0x2013:
		case 0x2014:
		case 0x2015:
		case 0x2060: /* word joiner */
		case 0x2212: /* minus */
		case 0x3000: /* ideographic space */
		case 0xff08: /* full-width ( ) - . / [ ] */
		case 0xff09:
		case 0xff0d:
		case 0xff0e:
		case 0xff0f:
		case 0xff3b:
		case 0xff3d:
			return PUNCT | PLAIN;
		case 0x30fc: /* long vowel mark, a letter */
			return PUNCT | WORD | PLAIN;
		case 0x2053: /* tildes */
		case 0x223c:
		case 0xff5e:
			return PUNCT;
		case 0xff0b:
			return PLUS | PLAIN;
		case 0x0130: /* what equals an ASCII letter in another case */
		case 0x0131:
		case 0x017f:
		case 0x212a:
			return ALPHA | WORD;
		default:
			break;
	}
	value = unicode_digit(c);
	if (value >= 0)
	{
		*digit = (uint8_t) value;
		return DIGIT | WORD | PLAIN;
	}
	return unicode_is_word(c) ? WORD : 0;
}

/*
 * Fills in the text. False if it has more than
 * PHONE_MAX_INPUT characters.
 */
static bool
decode(const char *text, size_t len, PhoneText *a)
{
	size_t position = 0;
	int n = 0;

	while (position < len)
	{
		unsigned char byte = (unsigned char) text[position];

		if (n == PHONE_MAX_INPUT)
			return false;
		if (byte < 0x80)
		{
			a->c[n] = byte;
			a->kind[n] = ascii_kind[byte];
			a->digit[n] = (uint8_t) (byte - '0');
			position++;
		}
		else
		{
			a->c[n] = unicode_next(text, &position);
			a->digit[n] = 0;
			a->kind[n] = kind_of(a->c[n], &a->digit[n]);
		}
		n++;
	}
	a->start = 0;
	a->end = n;
	return true;
}

/* Place of an ASCII string within [from, end), or -1. */
static int
find(const PhoneText *a, int from, const char *what)
{
	int n = (int) strlen(what);

	for (int i = from; i + n <= a->end; i++)
	{
		int k = 0;

		while (k < n && a->c[i + k] == (unsigned char) what[k])
			k++;
		if (k == n)
			return i;
	}
	return -1;
}

/*
 * RFC 3966: a number with ";phone-context=" is the text between "tel:" and the
 * parameter. A context that is a prefix comes before it.
 */
static void
join_phone_context(PhoneText *a, int context)
{
	static const char parameter[] = ";phone-context=";
	PhoneText joined;
	int from = context + (int) sizeof(parameter) - 1;
	int to = from;
	int tel = find(a, 0, "tel:");
	int n = 0;

	if (from < a->end - 1 && a->c[from] == '+')
	{
		to = find(a, from, ";");
		if (to < 0)
			to = a->end;
	}
	for (int pass = 0; pass < 2; pass++)
	{
		for (int i = from; i < to; i++, n++)
		{
			joined.c[n] = a->c[i];
			joined.kind[n] = a->kind[i];
			joined.digit[n] = a->digit[i];
		}
		from = tel < 0 ? 0 : tel + 4;
		to = context;
	}
	memcpy(a->c, joined.c, sizeof(joined.c[0]) * (size_t) n);
	memcpy(a->kind, joined.kind, (size_t) n);
	memcpy(a->digit, joined.digit, (size_t) n);
	a->end = n;
}

/*
 * Narrows the window to what may be a number. It begins at the first digit or
 * plus sign and ends with the last letter, digit or "#". It ends before the
 * second of two extensions ("x302/x2303").
 */
static void
extract(PhoneText *a)
{
	while (a->start < a->end && (a->kind[a->start] & (DIGIT | PLUS)) == 0)
		a->start++;
	while (a->end > a->start && (a->kind[a->end - 1] & WORD) == 0 && a->c[a->end - 1] != '#')
		a->end--;
	for (int i = a->start; i < a->end; i++)
	{
		int k;

		if (a->c[i] != '/' && a->c[i] != '\\')
			continue;
		for (k = i + 1; k < a->end && a->c[k] == ' '; k++)
			;
		if (k < a->end && a->c[k] == 'x')
			a->end = i;
	}
}

bool
phone_text_read(const char *text, size_t len, PhoneText *out)
{
	int place;

	if (!decode(text, len, out))
		return false;
	if (memchr(text, ';', len) == NULL)
	{
		extract(out);
		return true;
	}
	place = find(out, 0, ";phone-context=");
	if (place >= 0)
		join_phone_context(out, place);
	else
		extract(out);
	place = find(out, out->start, ";isub=");
	if (place > out->start)
		out->end = place;
	return true;
}

/* A character in the case of the labels below. */
static uint32_t
fold(uint32_t c)
{
	if (c < 0x80)
		return c >= 'A' && c <= 'Z' ? c + 32 : c;
	if ((c >= 0xff21 && c <= 0xff3a) || (c >= 0x0410 && c <= 0x042f))
		return c + 32;
	switch (c)
	{
		case 0x00d3:
			return 0x00f3;
		case 0x0130:
		case 0x0131:
			return 'i';
		case 0x017f:
			return 's';
		case 0x1c81:
			return 0x0434;
		case 0x1c82:
			return 0x043e;
		default:
			return c;
	}
}

/* Length of a label (zero-terminated code points) at i, 0 if it is not there. */
static int
label_at(const PhoneText *a, int i, int end, const uint32_t *label)
{
	int n = 0;

	for (; label[n] != 0; n++)
	{
		if (i + n >= end || fold(a->c[i + n]) != label[n])
			return 0;
	}
	return n;
}

/* Between the number and a label, or behind the label. */
static bool
is_separator(uint32_t c)
{
	return c == ' ' || c == 0x00a0 || c == '\t';
}

/*
 * Do an optional colon or full stop and any separators lead from i to the
 * extension's digits?
 */
static bool
leads_to(const PhoneText *a, int i, int digits)
{
	if (i > digits)
		return false;
	if (i < digits && (a->c[i] == ':' || a->c[i] == '.' || a->c[i] == 0xff0e))
		i++;
	while (i < digits && (is_separator(a->c[i]) || a->c[i] == ',' || a->c[i] == '-'))
		i++;
	return i == digits;
}

/*
 * Does an extension start at i and reach to 'end'? It has its digits at
 * [digits, digits + count) and after them nothing or, if 'hash', "#".
 */
static bool
extension_at(const PhoneText *a, int i, int end, int digits, int count, bool hash)
{
	static const uint32_t rfc3966[] = {';', 'e', 'x', 't', '=', 0};
	static const uint32_t xt[] = {'x', 't', 0};
	static const uint32_t ensi[] = {'e', 'n', 's', 'i', 0};
	static const uint32_t wide_xt[] = {0xff58, 0xff54, 0};
	static const uint32_t dob[] = {0x0434, 0x043e, 0x0431, 0};
	static const uint32_t anexo[] = {'a', 'n', 'e', 'x', 'o', 0};
	static const uint32_t internal[] = {'i', 'n', 't', 0};
	static const uint32_t wide_internal[] = {0xff49, 0xff4e, 0xff54, 0};
	int p = i;
	int n;

	/* ";ext=" of RFC 3966 */
	if (count <= 20 && !hash && label_at(a, i, end, rfc3966) == digits - i)
		return true;

	/* labels, with commas allowed before them */
	while (p < digits && (is_separator(a->c[p]) || a->c[p] == ','))
		p++;
	if (p < digits && count <= 20)
	{
		int q = fold(a->c[p]) == 'e' ? p + 1 : p;

		/* "e?xt", then "n", or "ension" with whatever o, each with or without "n" */
		if ((n = label_at(a, q, end, xt)) > 0)
		{
			int stems[4];
			int stem_count = 0;

			q += n;
			stems[stem_count++] = q;
			if ((n = label_at(a, q, end, ensi)) > 0 && q + n < end)
			{
				uint32_t o = fold(a->c[q + n]);

				if (o == 'o' || o == 0x00f3)
					stems[stem_count++] = q + n + 1;
				if (o == 'o' && q + n + 1 < end && a->c[q + n + 1] == 0x0301)
					stems[stem_count++] = q + n + 2;
			}
			for (int s = 0; s < stem_count; s++)
			{
				int t = stems[s];

				if (leads_to(a, t, digits) ||
				    (t < digits && fold(a->c[t]) == 'n' && leads_to(a, t + 1, digits)))
					return true;
			}
		}
		/* the same in full width, without the long form */
		q = fold(a->c[p]) == 0xff45 ? p + 1 : p;
		if ((n = label_at(a, q, end, wide_xt)) > 0 &&
		    (leads_to(a, q + n, digits) ||
		     (q + n < digits && fold(a->c[q + n]) == 0xff4e && leads_to(a, q + n + 1, digits))))
			return true;
		if ((n = label_at(a, p, end, dob)) > 0 && leads_to(a, p + n, digits))
			return true;
		if ((n = label_at(a, p, end, anexo)) > 0 && leads_to(a, p + n, digits))
			return true;
	}

	/* ambiguous labels */
	if (p < digits && count <= 9)
	{
		uint32_t c = fold(a->c[p]);

		if ((c == 'x' || c == 0xff58 || c == '#' || c == 0xff03 || c == '~' || c == 0xff5e) &&
		    leads_to(a, p + 1, digits))
			return true;
		if ((n = label_at(a, p, end, internal)) > 0 && leads_to(a, p + n, digits))
			return true;
		if ((n = label_at(a, p, end, wide_internal)) > 0 && leads_to(a, p + n, digits))
			return true;
	}

	/* American: "- 503#" */
	if (hash && count <= 6)
	{
		for (p = i; p < digits && (a->c[p] == ' ' || a->c[p] == '-'); p++)
			;
		if (p == digits && p > i)
			return true;
	}

	/* automatic dialling: ",," or ";" and up to 15 digits, any commas and up to 9 */
	for (p = i; p < digits && is_separator(a->c[p]); p++)
		;
	if (p < digits && count <= 15)
	{
		if (a->c[p] == ';' && leads_to(a, p + 1, digits))
			return true;
		if (a->c[p] == ',' && a->c[p + 1] == ',' && leads_to(a, p + 2, digits))
			return true;
	}
	if (p < digits && count <= 9 && a->c[p] == ',')
	{
		while (p < digits && a->c[p] == ',')
			p++;
		if (leads_to(a, p, digits))
			return true;
	}
	return false;
}

/*
 * The first place in [from, to] where an extension starts that reaches to
 * 'end', or -1. All forms end in digits and maybe "#", and no label ends in a
 * digit, so the digits are the whole run.
 */
static int
find_extension(const PhoneText *a, int from, int to, int end)
{
	bool hash = end > a->start && a->c[end - 1] == '#';
	int digits_end = hash ? end - 1 : end;
	int digits = digits_end;

	while (digits > a->start && (a->kind[digits - 1] & DIGIT) != 0)
		digits--;
	if (digits == digits_end || digits_end - digits > 20)
		return -1;
	for (int i = from; i <= to && i < digits; i++)
	{
		if (extension_at(a, i, end, digits, digits_end - digits, hash))
			return i;
	}
	return -1;
}

int
phone_text_skip_plus(const PhoneText *a, int from)
{
	while (from < a->end && (a->kind[from] & PLUS) != 0)
		from++;
	return from;
}

/*
 * Two digits are viable. So are any plus signs and three digits, with
 * punctuation before each digit; then digits, punctuation and letters; then
 * perhaps an extension.
 */
bool
phone_text_viable(const PhoneText *a, int end)
{
	int i = a->start;
	int digits = 0;
	int third;

	if (end - i == 2 && (a->kind[i] & a->kind[i + 1] & DIGIT) != 0)
		return true;
	while (i < end && (a->kind[i] & PLUS) != 0)
		i++;
	for (; i < end && digits < 3; i++)
	{
		if ((a->kind[i] & DIGIT) != 0)
			digits++;
		else if ((a->kind[i] & PUNCT) == 0)
			return false;
	}
	if (digits < 3)
		return false;
	third = i;
	while (i < end && (a->kind[i] & (DIGIT | PUNCT | ALPHA)) != 0)
		i++;
	return i == end || find_extension(a, third, i, end) >= 0;
}

/*
 * The extension is dropped only where the rest is viable without it.
 */
void
phone_text_strip_extension(PhoneText *a)
{
	bool plain = true;
	int extension;

	for (int i = a->start; i < a->end && plain; i++)
		plain = (a->kind[i] & PLAIN) != 0;
	if (plain)
		return;
	extension = find_extension(a, a->start, a->end, a->end);
	if (extension >= 0 && phone_text_viable(a, extension))
		a->end = extension;
}

/* The key of a telephone for a letter (ITU-T E.161), -1 for anything else. */
static int
key_of(uint32_t c)
{
	static const char keys[] = "22233344455566677778889999";

	if (c >= 'a' && c <= 'z')
		return keys[c - 'a'] - '0';
	if (c >= 'A' && c <= 'Z')
		return keys[c - 'A'] - '0';
	if (c == 0x0131) /* their upper case is I and S */
		return 4;
	if (c == 0x017f)
		return 7;
	return -1;
}

void
phone_text_digits(const PhoneText *a, int from, PhoneDigits *out)
{
	int letters = 0;

	for (int i = from; i < a->end; i++)
	{
		if ((a->kind[i] & ALPHA) != 0 && a->c[i] < 0x80)
			letters++;
	}
	out->len = 0;
	for (int i = from; i < a->end; i++)
	{
		if ((a->kind[i] & DIGIT) != 0)
		{
			if (letters < 3 || a->c[i] < 0x80)
				out->d[out->len++] = a->digit[i];
		}
		else if (letters >= 3 && (a->kind[i] & ALPHA) != 0)
		{
			int key = key_of(a->c[i]);

			if (key >= 0)
				out->d[out->len++] = (uint8_t) key;
		}
	}
}
