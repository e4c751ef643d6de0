/*
 * email.c
 *	  E-mail addresses: RFC 5321's Mailbox with RFC 6531's international
 *	  characters, to one spelling.
 *
 * local part	NFKC, lower case of the root locale; quoted only where it has
 *				to be, and then with the fewest backslashes (RFC 5321, 4.1.2:
 *				the quoted and the plain spelling are one mailbox)
 * domain		UTS #46, its ASCII form; or an address literal, [192.0.2.1] or
 *				[ipv6:2001:db8::1]
 * limits		64 bytes local part, 253 domain, 254 together (RFC 5321, 4.5.3.1,
 *				and erratum 1690 of RFC 3696); labels 63
 *
 * Not taken, though RFC 5322 has them in message headers: comments, folding
 * white space, display names, angle brackets, routes.
 */
#include "normalise/normalise.h"

#include <arpa/inet.h>
#include <string.h>

#include "normalise/unicode.h"

#define MAX_LOCAL_PART 64
#define MAX_DOMAIN 253
#define MAX_LABEL 63
#define MAX_ADDRESS 254

static bool
is_ascii(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
	{
		if ((unsigned char) s[i] >= 0x80)
			return false;
	}
	return true;
}

static char
ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}

static void
ascii_lower_copy(char *out, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = ascii_lower(s[i]);
}

/*
 * RFC 5322 atext, and RFC 6531 adds everything beyond ASCII.
 */
static bool
is_atext(char ch)
{
	unsigned char c = (unsigned char) ch;

	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80)
		return true;
	return c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL;
}

/*
 * Dot-string of RFC 5321: atoms with single dots between them.
 */
static bool
is_dot_string(const char *s, size_t len)
{
	bool after_atom = false;

	for (size_t i = 0; i < len; i++)
	{
		if (s[i] == '.')
		{
			if (!after_atom)
				return false;
			after_atom = false;
		}
		else if (is_atext(s[i]))
			after_atom = true;
		else
			return false;
	}
	return after_atom;
}

/*
 * A local part in its final characters, s, to its canonical quoting. 's' may
 * be longer than any local part; 'out' has room for MAX_LOCAL_PART.
 */
static bool
canonical_quoting(const char *s, size_t len, char *out, size_t *out_len)
{
	char plain[NORMALISE_MAX_VALUE] = "";
	size_t n = 0;

	if (len == 0 || s[0] != '"')
	{
		if (len > MAX_LOCAL_PART || !is_dot_string(s, len))
			return false;
		memcpy(out, s, len);
		*out_len = len;
		return true;
	}

	if (len < 2 || len > NORMALISE_MAX_VALUE || s[len - 1] != '"')
		return false;
	for (size_t i = 1; i < len - 1; i++)
	{
		if (s[i] == '"')
			return false;
		if (s[i] == '\\')
		{
			i++;
			if (i >= len - 1 || (unsigned char) s[i] >= 0x80)
				return false;
		}
		plain[n++] = s[i];
	}
	if (is_dot_string(plain, n))
	{
		if (n > MAX_LOCAL_PART)
			return false;
		memcpy(out, plain, n);
		*out_len = n;
		return true;
	}

	len = 0;
	out[len++] = '"';
	for (size_t i = 0; i < n; i++)
	{
		if (plain[i] == '"' || plain[i] == '\\')
		{
			if (len >= MAX_LOCAL_PART)
				return false;
			out[len++] = '\\';
		}
		if (len >= MAX_LOCAL_PART)
			return false;
		out[len++] = plain[i];
	}
	if (len >= MAX_LOCAL_PART)
		return false;
	out[len++] = '"';
	*out_len = len;
	return true;
}

static bool
is_a_label(const char *s, size_t len)
{
	return len >= 4 && ascii_lower(s[0]) == 'x' && ascii_lower(s[1]) == 'n' && s[2] == '-' &&
	       s[3] == '-';
}

/*
 * An ASCII domain in lower case: labels of letters, digits and inner hyphens, 1
 * to 63 bytes each. The last label must not be all digits, for it would look
 * like an address (RFC 1123, 2.1). Says whether a label is punycode, which this
 * function does not judge.
 */
static bool
ascii_domain(const char *s, size_t len, char *out, bool *has_a_label)
{
	size_t start = 0;
	bool numeric = true;

	*has_a_label = false;
	if (len == 0 || len > MAX_DOMAIN)
		return false;
	for (size_t i = 0; i <= len; i++)
	{
		char c;

		if (i == len || s[i] == '.')
		{
			size_t label = i - start;

			if (label == 0 || label > MAX_LABEL || s[start] == '-' || s[i - 1] == '-')
				return false;
			if (is_a_label(s + start, label))
				*has_a_label = true;
			if (i == len)
				break;
			out[i] = '.';
			start = i + 1;
			numeric = true;
			continue;
		}
		c = ascii_lower(s[i]);
		if ((c >= 'a' && c <= 'z') || c == '-')
			numeric = false;
		else if (c < '0' || c > '9')
			return false;
		out[i] = c;
	}
	return !numeric;
}

/*
 * Appends the 16-bit number in hexadecimal without leading zeros.
 */
static size_t
append_hex(char *out, unsigned value)
{
	size_t n = 0;

	for (int shift = 12; shift >= 0; shift -= 4)
	{
		unsigned digit = value >> shift & 15;

		if (digit != 0 || n > 0 || shift == 0)
			out[n++] = "0123456789abcdef"[digit];
	}
	return n;
}

/*
 * An address literal of RFC 5321, 4.1.3, in the spelling of RFC 5952: lower
 * case, and the longest run of zeros, or the first of equals, shortened.
 */
static bool
address_literal(const char *s, size_t len, char *out, size_t *out_len)
{
	static const char tag[] = "ipv6:";
	char text[64];
	unsigned char bytes[16];
	size_t n = 0;

	if (len < 3 || len >= sizeof(text) || s[len - 1] != ']')
		return false;
	ascii_lower_copy(text, s + 1, len - 2);
	text[len - 2] = '\0';
	if (strlen(text) != len - 2)
		return false;

	out[n++] = '[';
	if (strncmp(text, tag, sizeof(tag) - 1) != 0)
	{
		if (inet_pton(AF_INET, text, bytes) != 1)
			return false;
		memcpy(out + n, text, len - 2);
		n += len - 2;
	}
	else
	{
		int best = -1;
		int best_run = 1;

		if (inet_pton(AF_INET6, text + sizeof(tag) - 1, bytes) != 1)
			return false;
		memcpy(out + n, tag, sizeof(tag) - 1);
		n += sizeof(tag) - 1;
		for (int i = 0; i < 8; i++)
		{
			int run = 0;

			while (i + run < 8 && bytes[2 * (i + run)] == 0 && bytes[2 * (i + run) + 1] == 0)
				run++;
			if (run > best_run)
			{
				best = i;
				best_run = run;
			}
		}
		for (int i = 0; i < 8;)
		{
			if (i == best)
			{
				out[n++] = ':';
				out[n++] = ':';
				i += best_run;
				continue;
			}
			if (i > 0 && out[n - 1] != ':')
				out[n++] = ':';
			n += append_hex(out + n, (unsigned) bytes[2 * i] << 8 | bytes[2 * i + 1]);
			i++;
		}
	}
	out[n++] = ']';
	*out_len = n;
	return true;
}

/*
 * The last at sign, for a quoted local part may have others. It may be ASCII,
 * or one of the two compatibility forms U+FF20 and U+FE6B. Gives its place and
 * its length.
 */
static bool
find_at_sign(const char *s, size_t len, size_t *place, size_t *at_len)
{
	for (size_t i = len; i-- > 0;)
	{
		if (s[i] == '@')
		{
			*place = i;
			*at_len = 1;
			return true;
		}
		if (len - i >= 3 &&
		    (memcmp(s + i, "\xef\xbc\xa0", 3) == 0 || memcmp(s + i, "\xef\xb9\xab", 3) == 0))
		{
			*place = i;
			*at_len = 3;
			return true;
		}
	}
	return false;
}

NormaliseStatus
normalise_email(const char *value, size_t len, char *out, size_t *out_len)
{
	char local[NORMALISE_MAX_VALUE];
	char ascii[MAX_DOMAIN];
	const char *domain;
	size_t local_len;
	size_t domain_len;
	size_t at_len;
	size_t n;
	bool has_a_label = false;
	NormaliseStatus status;

	if (!find_at_sign(value, len, &local_len, &at_len))
		return NORMALISE_INVALID;
	domain = value + local_len + at_len;
	domain_len = len - local_len - at_len;

	if (is_ascii(value, local_len))
		ascii_lower_copy(local, value, local_len);
	else
	{
		status = unicode_local_part(value, local_len, local, NORMALISE_MAX_VALUE, &local_len);
		if (status != NORMALISE_OK)
			return status == NORMALISE_TOO_LONG ? NORMALISE_INVALID : status;
	}
	if (!canonical_quoting(local, local_len, out, &n))
		return NORMALISE_INVALID;
	out[n++] = '@';

	if (domain_len > 0 && domain[0] == '[')
	{
		if (!address_literal(domain, domain_len, out + n, &domain_len))
			return NORMALISE_INVALID;
	}
	else
	{
		if (!is_ascii(domain, domain_len))
			has_a_label = true;
		else if (!ascii_domain(domain, domain_len, out + n, &has_a_label))
			return NORMALISE_INVALID;
		if (has_a_label)
		{
			status = unicode_domain(domain, domain_len, ascii, sizeof(ascii), &domain_len);
			if (status != NORMALISE_OK)
				return status == NORMALISE_TOO_LONG ? NORMALISE_INVALID : status;
			if (!ascii_domain(ascii, domain_len, out + n, &has_a_label))
				return NORMALISE_INVALID;
		}
	}
	if (n + domain_len > MAX_ADDRESS)
		return NORMALISE_INVALID;
	*out_len = n + domain_len;
	return NORMALISE_OK;
}

/*
 * What a provider's mailboxes do with an address, as it documents it.
 */
typedef struct Provider
{
	const char *domain;
	const char *main_domain; /* the same mailboxes under another name, NULL if it is this one */
	bool ignores_dots;
	bool has_tags; /* "an+news" is delivered to "an" */
} Provider;

/* In the order of strcmp, for the search. */
static const Provider providers[] = {
    {"fastmail.com", NULL, false, true},   {"fastmail.fm", NULL, false, true},
    {"gmail.com", NULL, true, true},       {"googlemail.com", "gmail.com", true, true},
    {"hotmail.co.uk", NULL, false, true},  {"hotmail.com", NULL, false, true},
    {"hotmail.de", NULL, false, true},     {"hotmail.es", NULL, false, true},
    {"hotmail.fr", NULL, false, true},     {"hotmail.it", NULL, false, true},
    {"icloud.com", NULL, false, true},     {"live.com", NULL, false, true},
    {"mac.com", NULL, false, true},        {"mailbox.org", NULL, false, true},
    {"me.com", NULL, false, true},         {"msn.com", NULL, false, true},
    {"outlook.com", NULL, false, true},    {"outlook.com.vn", NULL, false, true},
    {"outlook.de", NULL, false, true},     {"outlook.fr", NULL, false, true},
    {"pm.me", NULL, false, true},          {"posteo.de", NULL, false, true},
    {"proton.me", NULL, false, true},      {"protonmail.ch", "protonmail.com", false, true},
    {"protonmail.com", NULL, false, true}, {"yandex.com", NULL, false, true},
    {"yandex.ru", NULL, false, true},      {"zoho.com", NULL, false, true},
    {"zohomail.com", NULL, false, true},
};

static const Provider *
find_provider(const char *domain, size_t len)
{
	size_t low = 0;
	size_t high = sizeof(providers) / sizeof(providers[0]);

	while (low < high)
	{
		size_t middle = (low + high) / 2;
		const char *name = providers[middle].domain;
		int order = strncmp(domain, name, len);

		if (order == 0 && name[len] != '\0')
			order = -1;
		if (order == 0)
			return &providers[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/*
 * The tag goes first, then the dots. A local part stays as it is where no
 * address would be left of it. Quoted and international ones stay, too: the
 * providers' rules are about names in ASCII.
 */
size_t
normalise_email_match_key(const char *email, size_t len, char *out)
{
	size_t local_len = len;
	size_t n = 0;
	const Provider *provider;
	const char *domain;
	size_t domain_len;
	bool drop_dots = false;

	while (local_len > 0 && email[local_len - 1] != '@')
		local_len--;
	if (local_len < 2)
	{
		memcpy(out, email, len);
		return len;
	}
	domain = email + local_len;
	domain_len = len - local_len;
	local_len--;

	provider = find_provider(domain, domain_len);
	if (provider != NULL && email[0] != '"' && is_ascii(email, local_len))
	{
		const char *plus = provider->has_tags ? memchr(email, '+', local_len) : NULL;

		if (plus != NULL && plus > email && (plus[-1] != '.' || provider->ignores_dots))
			local_len = (size_t) (plus - email);
		drop_dots = provider->ignores_dots;
		if (provider->main_domain != NULL)
		{
			domain = provider->main_domain;
			domain_len = strlen(domain);
		}
	}
	for (size_t i = 0; i < local_len; i++)
	{
		if (email[i] != '.' || !drop_dots)
			out[n++] = email[i];
	}
	out[n++] = '@';
	memcpy(out + n, domain, domain_len);
	return n + domain_len;
}
