/*
 * normalise.c
 *	  An identifier's namespace, the checks every value gets, and the way to
 *	  the rules of its namespace. Opaque namespaces are done here.
 */
#include "normalise/normalise.h"

#include <string.h>

#include "normalise/unicode.h"

static const NormaliseOptions no_options = {"", false};

/*
 * Trims white space at both ends, then checks the structure. It must be 1 to
 * NORMALISE_MAX_VALUE bytes of well-formed UTF-8 without control characters
 * (U+0000-001F, U+007F-009F). Length comes first: a text that is too long is
 * not read.
 */
NormaliseStatus
normalise_trim(const char **value, size_t *len)
{
	const char *s = *value;
	size_t n = *len;
	size_t space;
	bool ascii = true;

	while (n > 0 && (space = unicode_leading_space(s, n)) > 0)
	{
		s += space;
		n -= space;
	}
	while (n > 0 && (space = unicode_trailing_space(s, n)) > 0)
		n -= space;
	*value = s;
	*len = n;

	if (n == 0)
		return NORMALISE_EMPTY;
	if (n > NORMALISE_MAX_VALUE)
		return NORMALISE_TOO_LONG;

	for (size_t i = 0; i < n; i++)
	{
		unsigned char c = (unsigned char) s[i];

		if (c < 0x20 || c == 0x7f)
			return NORMALISE_CONTROL_CHARACTER;
		if (c >= 0x80)
			ascii = false;
	}
	if (ascii)
		return NORMALISE_OK;
	if (!unicode_utf8_valid(s, n))
		return NORMALISE_BAD_ENCODING;
	for (size_t i = 0; i + 1 < n; i++)
	{
		/* U+0080-009F are C2 80 to C2 9F, and C2 is always a lead byte */
		if ((unsigned char) s[i] == 0xc2 && (unsigned char) s[i + 1] < 0xa0)
			return NORMALISE_CONTROL_CHARACTER;
	}
	return NORMALISE_OK;
}

/*
 * A value without known rules: normalisation form C, case kept. The arguments
 * are those of normalise_email; NORMALISE_TOO_LONG is possible, too.
 */
static NormaliseStatus
normalise_opaque(const char *value, size_t len, char *out, size_t *out_len)
{
	for (size_t i = 0; i < len; i++)
	{
		if ((unsigned char) value[i] >= 0x80)
			return unicode_nfc(value, len, out, NORMALISE_MAX_VALUE, out_len);
	}
	memcpy(out, value, len);
	*out_len = len;
	return NORMALISE_OK;
}

NormaliseStatus
normalise_identifier(const char *text, size_t len, const NormaliseOptions *options,
                     NormalisedIdentifier *out)
{
	const char *value;
	size_t value_len;
	size_t canonical_len = 0;
	size_t space;
	size_t n = 0;
	char *canonical;
	NormaliseStatus status;

	if (options == NULL)
		options = &no_options;
	out->len = 0;
	out->namespace_len = 0;
	out->text[0] = '\0';

	while (len > 0 && (space = unicode_leading_space(text, len)) > 0)
	{
		text += space;
		len -= space;
	}

	/* [a-z][a-z0-9_]{0,62}, folded, up to the first colon */
	for (;; n++)
	{
		char c;

		if (n >= len)
			return NORMALISE_NO_NAMESPACE;
		c = text[n];
		if (c == ':')
			break;
		if (c >= 'A' && c <= 'Z')
			c = (char) (c - 'A' + 'a');
		if (n >= NORMALISE_MAX_NAMESPACE ||
		    !((c >= 'a' && c <= 'z') || (n > 0 && ((c >= '0' && c <= '9') || c == '_'))))
			return memchr(text + n, ':', len - n) != NULL ? NORMALISE_BAD_NAMESPACE
			                                              : NORMALISE_NO_NAMESPACE;
		out->text[n] = c;
	}
	if (n == 0)
		return NORMALISE_NO_NAMESPACE;

	value = text + n + 1;
	value_len = len - n - 1;
	status = normalise_trim(&value, &value_len);
	if (status != NORMALISE_OK)
		return status;

	out->text[n] = ':';
	out->namespace_len = (uint8_t) n;
	canonical = out->text + n + 1;
	if (n == 5 && memcmp(out->text, "email", 5) == 0)
		status = normalise_email(value, value_len, canonical, &canonical_len);
	else if (n == 5 && memcmp(out->text, "phone", 5) == 0)
		status = normalise_phone(value, value_len, options, canonical, &canonical_len);
	else
		status = normalise_opaque(value, value_len, canonical, &canonical_len);

	if (status != NORMALISE_OK)
		canonical_len = 0;
	out->len = (uint16_t) (n + 1 + canonical_len);
	out->text[out->len] = '\0';
	return status;
}
