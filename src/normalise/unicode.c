/*
 * unicode.c
 *	  UTF-8 by hand, and the only calls of ICU.
 *
 * Text is converted to UTF-16 once, worked on there, and converted back. The
 * buffers are on the stack and of fixed size. NFC grows UTF-16 at most
 * threefold (https://unicode.org/faq/normalization.html), and a text that grows
 * beyond NORMALISE_MAX_VALUE bytes is refused anyway.
 */
#include "normalise/unicode.h"

#include <string.h>

#include <unicode/uchar.h>
#include <unicode/uidna.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>
#include <unicode/uversion.h>

#define MAX_UNITS (NORMALISE_MAX_VALUE * 3 + 1)

bool
unicode_utf8_valid(const char *s, size_t len)
{
	const unsigned char *p = (const unsigned char *) s;
	size_t i = 0;

	while (i < len)
	{
		unsigned char c = p[i];
		size_t more;
		unsigned char low = 0x80; /* bounds of the second byte */
		unsigned char high = 0xbf;

		if (c < 0x80)
		{
			i++;
			continue;
		}
		if (c >= 0xc2 && c <= 0xdf)
			more = 1;
		else if (c >= 0xe0 && c <= 0xef)
		{
			more = 2;
			if (c == 0xe0)
				low = 0xa0;
			else if (c == 0xed)
				high = 0x9f;
		}
		else if (c >= 0xf0 && c <= 0xf4)
		{
			more = 3;
			if (c == 0xf0)
				low = 0x90;
			else if (c == 0xf4)
				high = 0x8f;
		}
		else
			return false;
		if (len - i <= more || p[i + 1] < low || p[i + 1] > high)
			return false;
		for (size_t k = 2; k <= more; k++)
		{
			if (p[i + k] < 0x80 || p[i + k] > 0xbf)
				return false;
		}
		i += more + 1;
	}
	return true;
}

/*
 * Is the three-byte sequence at p one of the white spaces U+1680,
 * U+2000-200A, U+2028, U+2029, U+202F, U+205F, U+3000, or one of the
 * zero-width strays of copy and paste, U+200B and U+FEFF?
 */
static bool
is_wide_space(const unsigned char *p)
{
	switch (p[0])
	{
		case 0xe1:
			return p[1] == 0x9a && p[2] == 0x80;
		case 0xe2:
			if (p[1] == 0x80)
				return (p[2] >= 0x80 && p[2] <= 0x8b) || p[2] == 0xa8 || p[2] == 0xa9 ||
				       p[2] == 0xaf;
			return p[1] == 0x81 && p[2] == 0x9f;
		case 0xe3:
			return p[1] == 0x80 && p[2] == 0x80;
		case 0xef:
			return p[1] == 0xbb && p[2] == 0xbf;
		default:
			return false;
	}
}

/*
 * White space is what the Unicode property White_Space says, U+200B and
 * U+FEFF besides. Any bytes may come; each sequence looked for starts with a
 * lead byte, so a match is a whole character.
 */
size_t
unicode_leading_space(const char *s, size_t len)
{
	const unsigned char *p = (const unsigned char *) s;

	if (len == 0)
		return 0;
	if (p[0] < 0x80)
		return p[0] == ' ' || (p[0] >= 0x09 && p[0] <= 0x0d) ? 1 : 0;
	if (len >= 2 && p[0] == 0xc2 && (p[1] == 0x85 || p[1] == 0xa0))
		return 2;
	if (len >= 3 && is_wide_space(p))
		return 3;
	return 0;
}

size_t
unicode_trailing_space(const char *s, size_t len)
{
	const unsigned char *p = (const unsigned char *) s + len;

	if (len == 0)
		return 0;
	if (p[-1] < 0x80)
		return p[-1] == ' ' || (p[-1] >= 0x09 && p[-1] <= 0x0d) ? 1 : 0;
	if (len >= 2 && p[-2] == 0xc2 && (p[-1] == 0x85 || p[-1] == 0xa0))
		return 2;
	if (len >= 3 && is_wide_space(p - 3))
		return 3;
	return 0;
}

uint32_t
unicode_next(const char *s, size_t *position)
{
	const unsigned char *p = (const unsigned char *) s + *position;

	if (p[0] < 0x80)
	{
		*position += 1;
		return p[0];
	}
	if (p[0] < 0xe0)
	{
		*position += 2;
		return (uint32_t) (p[0] & 0x1f) << 6 | (p[1] & 0x3f);
	}
	if (p[0] < 0xf0)
	{
		*position += 3;
		return (uint32_t) (p[0] & 0x0f) << 12 | (uint32_t) (p[1] & 0x3f) << 6 | (p[2] & 0x3f);
	}
	*position += 4;
	return (uint32_t) (p[0] & 0x07) << 18 | (uint32_t) (p[1] & 0x3f) << 12 |
	       (uint32_t) (p[2] & 0x3f) << 6 | (p[3] & 0x3f);
}

/* Appends a code point as UTF-8; 'out' needs 4 bytes of room. Returns its length. */
static size_t
unicode_append(char *out, uint32_t code_point)
{
	if (code_point < 0x80)
	{
		out[0] = (char) code_point;
		return 1;
	}
	if (code_point < 0x800)
	{
		out[0] = (char) (0xc0 | code_point >> 6);
		out[1] = (char) (0x80 | (code_point & 0x3f));
		return 2;
	}
	if (code_point < 0x10000)
	{
		out[0] = (char) (0xe0 | code_point >> 12);
		out[1] = (char) (0x80 | (code_point >> 6 & 0x3f));
		out[2] = (char) (0x80 | (code_point & 0x3f));
		return 3;
	}
	out[0] = (char) (0xf0 | code_point >> 18);
	out[1] = (char) (0x80 | (code_point >> 12 & 0x3f));
	out[2] = (char) (0x80 | (code_point >> 6 & 0x3f));
	out[3] = (char) (0x80 | (code_point & 0x3f));
	return 4;
}

int
unicode_digit(uint32_t code_point)
{
	if (code_point < 0x80)
		return code_point >= '0' && code_point <= '9' ? (int) (code_point - '0') : -1;
	if (u_charType((UChar32) code_point) != U_DECIMAL_DIGIT_NUMBER)
		return -1;
	return u_charDigitValue((UChar32) code_point);
}

bool
unicode_is_word(uint32_t code_point)
{
	return (U_GET_GC_MASK((UChar32) code_point) & (U_GC_L_MASK | U_GC_N_MASK)) != 0;
}

/*
 * UTF-8, known to be valid and at most NORMALISE_MAX_VALUE bytes, to UTF-16.
 * Returns the number of units, at most as many as there are bytes.
 */
static int32_t
to_utf16(const char *s, size_t len, UChar *out)
{
	size_t position = 0;
	int32_t n = 0;

	while (position < len)
	{
		uint32_t c = unicode_next(s, &position);

		if (c < 0x10000)
			out[n++] = (UChar) c;
		else
		{
			out[n++] = (UChar) (0xd7c0 + (c >> 10));
			out[n++] = (UChar) (0xdc00 + (c & 0x3ff));
		}
	}
	return n;
}

/*
 * Valid UTF-16 to UTF-8. NORMALISE_TOO_LONG where it does not fit.
 */
static NormaliseStatus
to_utf8(const UChar *s, int32_t n, char *out, size_t capacity, size_t *out_len)
{
	size_t len = 0;

	for (int32_t i = 0; i < n;)
	{
		uint32_t c = s[i++];
		char bytes[4];
		size_t more;

		if (c >= 0xd800 && c < 0xdc00 && i < n)
			c = ((c - 0xd7c0) << 10) + (s[i++] & 0x3ff);
		more = unicode_append(bytes, c);
		if (more > capacity - len)
			return NORMALISE_TOO_LONG;
		memcpy(out + len, bytes, more);
		len += more;
	}
	*out_len = len;
	return NORMALISE_OK;
}

/* Status of a failed ICU call: a full buffer is the input's fault, the rest is not. */
static NormaliseStatus
failure(UErrorCode error)
{
	return error == U_BUFFER_OVERFLOW_ERROR ? NORMALISE_TOO_LONG : NORMALISE_UNICODE_LIBRARY;
}

NormaliseStatus
unicode_nfc(const char *s, size_t len, char *out, size_t capacity, size_t *out_len)
{
	static const UNormalizer2 *nfc = NULL;
	UErrorCode error = U_ZERO_ERROR;
	UChar units[NORMALISE_MAX_VALUE];
	UChar composed[MAX_UNITS];
	int32_t n = to_utf16(s, len, units);

	if (nfc == NULL)
	{
		nfc = unorm2_getNFCInstance(&error);
		if (U_FAILURE(error))
		{
			nfc = NULL;
			return NORMALISE_UNICODE_LIBRARY;
		}
	}
	n = unorm2_normalize(nfc, units, n, composed, MAX_UNITS, &error);
	if (U_FAILURE(error))
		return failure(error);
	return to_utf8(composed, n, out, capacity, out_len);
}

/*
 * May this character stand in a local part? Not where it has no meaning yet or
 * none of its own (unassigned, private). Nor where it is invisible: control,
 * format (bidirectional marks and overrides among them) and odd spaces. The
 * joiners U+200C and U+200D spell words in several scripts and stay.
 */
static bool
is_local_part_character(UChar32 c)
{
	switch (u_charType(c))
	{
		case U_UNASSIGNED:
		case U_PRIVATE_USE_CHAR:
		case U_SURROGATE:
		case U_CONTROL_CHAR:
		case U_LINE_SEPARATOR:
		case U_PARAGRAPH_SEPARATOR:
			return false;
		case U_SPACE_SEPARATOR:
			return c == ' ';
		case U_FORMAT_CHAR:
			return c == 0x200c || c == 0x200d;
		default:
			return true;
	}
}

NormaliseStatus
unicode_local_part(const char *s, size_t len, char *out, size_t capacity, size_t *out_len)
{
	static const UNormalizer2 *nfkc = NULL;
	UErrorCode error = U_ZERO_ERROR;
	UChar a[MAX_UNITS];
	UChar b[MAX_UNITS];
	int32_t n = to_utf16(s, len, a);

	if (nfkc == NULL)
	{
		nfkc = unorm2_getNFKCInstance(&error);
		if (U_FAILURE(error))
		{
			nfkc = NULL;
			return NORMALISE_UNICODE_LIBRARY;
		}
	}

	/* Lower case can leave the normal form, and then needs it again. */
	n = unorm2_normalize(nfkc, a, n, b, MAX_UNITS, &error);
	n = u_strToLower(a, MAX_UNITS, b, n, "", &error);
	n = unorm2_normalize(nfkc, a, n, b, MAX_UNITS, &error);
	if (U_FAILURE(error))
		return failure(error);

	for (int32_t i = 0; i < n;)
	{
		UChar32 c;

		U16_NEXT(b, i, n, c);
		if (!is_local_part_character(c))
			return NORMALISE_INVALID;
	}
	return to_utf8(b, n, out, capacity, out_len);
}

NormaliseStatus
unicode_domain(const char *s, size_t len, char *out, size_t capacity, size_t *out_len)
{
	static UIDNA *idna = NULL;
	UErrorCode error = U_ZERO_ERROR;
	UIDNAInfo info = UIDNA_INFO_INITIALIZER;
	UChar units[NORMALISE_MAX_VALUE];
	UChar ascii[MAX_UNITS];
	int32_t n = to_utf16(s, len, units);

	if (idna == NULL)
	{
		idna = uidna_openUTS46(UIDNA_USE_STD3_RULES | UIDNA_CHECK_BIDI | UIDNA_CHECK_CONTEXTJ |
		                           UIDNA_NONTRANSITIONAL_TO_ASCII,
		                       &error);
		if (U_FAILURE(error))
		{
			idna = NULL;
			return NORMALISE_UNICODE_LIBRARY;
		}
	}
	n = uidna_nameToASCII(idna, units, n, ascii, MAX_UNITS, &info, &error);
	if (U_FAILURE(error))
		return failure(error);

	/* CheckHyphens is off, as for ASCII names: "r3---sn.example" exists. */
	if ((info.errors & ~(uint32_t) UIDNA_ERROR_HYPHEN_3_4) != 0)
		return NORMALISE_INVALID;
	return to_utf8(ascii, n, out, capacity, out_len);
}

const char *
unicode_library_version(void)
{
	static char text[U_MAX_VERSION_STRING_LENGTH];
	UVersionInfo version;

	u_getVersion(version);
	u_versionToString(version, text);
	return text;
}

const char *
unicode_standard_version(void)
{
	static char text[U_MAX_VERSION_STRING_LENGTH];
	UVersionInfo version;

	u_getUnicodeVersion(version);
	u_versionToString(version, text);
	return text;
}
