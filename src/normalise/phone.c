/*
 * phone.c
 *	  Phone numbers to E.164, read and judged as libphonenumber does.
 *
 * The rules are those of libphonenumber's parse, isPossibleNumber and
 * isValidNumber (Apache License 2.0). They are written again for the constant
 * table of phone_table.c: a walk through an automaton, or a small matcher,
 * replaces each regular expression. Where libphonenumber's ports differ in a
 * corner, the Python port decides, for the tests compare with it.
 *
 * The way of a number: the candidate is cut out of the text; it is viable if it
 * looks like a phone number. The extension is dropped, then the country calling
 * code, then the national prefix. A calling code comes after "+", after the
 * region's international prefix, or bare. What is left is the national
 * significant number.
 */
#include "normalise/phone.h"

#include <string.h>

#include "normalise/phone_table.h"
#include "normalise/phone_text.h"

/*
 * Matches a program at the beginning of the digits, first alternatives first.
 * Returns the length matched, -1 for none. 'groups' gets the places of the
 * groups, -1 where one took no part. Time is bounded by the program: it has
 * no loops.
 */
static int
match_prefix(unsigned program, const uint8_t *d, int len, int groups[4])
{
	struct
	{
		const unsigned short *word;
		int at;
		int groups[4];
	} stack[PHONE_MAX_SPLITS];
	const unsigned short *word = phone_programs + program;
	int depth = 0;
	int at = 0;

	groups[0] = groups[1] = groups[2] = groups[3] = -1;
	for (;;)
	{
		unsigned operation = PHONE_OPERATION(*word);

		if (operation == PHONE_CLASS)
		{
			if (at < len && (*word >> d[at] & 1) != 0)
			{
				at++;
				word++;
				continue;
			}
		}
		else if (operation == PHONE_SPLIT)
		{
			stack[depth].word = word + (*word & 0x3fff);
			stack[depth].at = at;
			memcpy(stack[depth].groups, groups, sizeof(stack[depth].groups));
			depth++;
			word++;
			continue;
		}
		else if (operation == PHONE_JUMP)
		{
			word += *word & 0x3fff;
			continue;
		}
		else if (*word == PHONE_MATCH)
			return at;
		else if (*word == PHONE_END)
		{
			if (at == len)
			{
				word++;
				continue;
			}
		}
		else
		{
			groups[*word & 3] = at;
			word++;
			continue;
		}

		/* this way fails: the last alternative not yet tried */
		if (depth == 0)
			return -1;
		depth--;
		word = stack[depth].word;
		at = stack[depth].at;
		memcpy(groups, stack[depth].groups, sizeof(stack[depth].groups));
	}
}

/* PHONE_GENERAL and PHONE_VALID of a whole national number in a region. */
static unsigned
judge(const PhoneRegion *region, const uint8_t *d, int len)
{
	unsigned entry = region->start;

	for (int i = 0; i < len && PHONE_STATE(entry) != 0; i++)
		entry = phone_states[PHONE_STATE(entry)][d[i]];
	return PHONE_ACCEPTS(entry);
}

typedef enum LengthVerdict
{
	LENGTH_POSSIBLE,
	LENGTH_LOCAL_ONLY,
	LENGTH_TOO_SHORT,
	LENGTH_TOO_LONG,
	LENGTH_INVALID
} LengthVerdict;

/* The verdict on a number of digits, by the region's general description. */
static LengthVerdict
judge_length(const PhoneRegion *region, int len)
{
	uint32_t bit = len < 32 ? (uint32_t) 1 << len : 0;

	if ((region->local_lengths & bit) != 0)
		return LENGTH_LOCAL_ONLY;
	if ((region->lengths & bit) != 0)
		return LENGTH_POSSIBLE;
	if (len >= 32 || region->lengths < bit)
		return LENGTH_TOO_LONG;
	if ((region->lengths & (bit - 1)) == 0)
		return LENGTH_TOO_SHORT;
	return LENGTH_INVALID;
}

/*
 * Drops or transforms the region's national prefix, unless that makes a
 * number of the region's general description one that is not.
 */
static void
strip_national_prefix(const PhoneRegion *region, PhoneDigits *number)
{
	int groups[4];
	int matched;
	bool was_general;
	const char *rule = "";
	int last = 2 * region->national_prefix_groups - 2;

	if (region->national_prefix == 0 || number->len == 0)
		return;
	matched = match_prefix(region->national_prefix, number->d, number->len, groups);
	if (matched < 0)
		return;
	was_general = (judge(region, number->d, number->len) & PHONE_GENERAL) != 0;

	if (region->transform == 0 || groups[last] < 0 || groups[last + 1] < 0)
	{
		if (was_general &&
		    (judge(region, number->d + matched, number->len - matched) & PHONE_GENERAL) == 0)
			return;
		number->len -= matched;
		memmove(number->d, number->d + matched, (size_t) number->len);
		return;
	}

	{
		PhoneDigits result;

		result.len = 0;
		for (rule = phone_transforms[region->transform]; *rule != '\0'; rule++)
		{
			unsigned group = (unsigned char) *rule - 1u;

			if (group > 1)
				result.d[result.len++] = (uint8_t) (*rule - '0');
			else if (groups[2 * group] >= 0 && groups[2 * group + 1] >= groups[2 * group])
			{
				int from = groups[2 * group];
				int n = groups[2 * group + 1] - from;

				memcpy(result.d + result.len, number->d + from, (size_t) n);
				result.len += n;
			}
		}
		memcpy(result.d + result.len, number->d + matched, (size_t) (number->len - matched));
		result.len += number->len - matched;
		if (was_general && (judge(region, result.d, result.len) & PHONE_GENERAL) == 0)
			return;
		memcpy(number->d, result.d, (size_t) result.len);
		number->len = result.len;
	}
}

/*
 * The country calling code at the start of the digits, and its main region.
 * NULL if there is none.
 */
static const PhoneRegion *
region_of_calling_code(const PhoneDigits *number, int *code_len)
{
	unsigned code = 0;

	if (number->len == 0 || number->d[0] == 0)
		return NULL;
	for (int n = 1; n <= 3 && n <= number->len; n++)
	{
		code = code * 10 + number->d[n - 1];
		if (phone_region_of_calling_code[code] != 0xff)
		{
			*code_len = n;
			return &phone_regions[phone_region_of_calling_code[code]];
		}
	}
	return NULL;
}

static void
drop_digits(PhoneDigits *number, int count)
{
	number->len -= count;
	memmove(number->d, number->d + count, (size_t) number->len);
}

/* Does this look like the region's calling code, written without a plus sign? */
static bool
strip_bare_calling_code(const PhoneRegion *region, const PhoneDigits *number, PhoneDigits *stripped)
{
	uint8_t code[3];
	int code_len = 0;
	unsigned rest;

	if (region->country_code >= 100)
		code[code_len++] = (uint8_t) (region->country_code / 100);
	if (region->country_code >= 10)
		code[code_len++] = (uint8_t) (region->country_code / 10 % 10);
	code[code_len++] = (uint8_t) (region->country_code % 10);

	if (number->len < code_len || memcmp(number->d, code, (size_t) code_len) != 0)
		return false;
	stripped->len = number->len - code_len;
	memcpy(stripped->d, number->d + code_len, (size_t) stripped->len);
	strip_national_prefix(region, stripped);
	rest = judge(region, stripped->d, stripped->len);
	return ((judge(region, number->d, number->len) & PHONE_GENERAL) == 0 &&
	        (rest & PHONE_GENERAL) != 0) ||
	       judge_length(region, number->len) == LENGTH_TOO_LONG;
}

/*
 * Finds the country calling code of the text from 'from' and leaves the
 * digits behind it in 'number'. *found is that code's main region, NULL if there is no
 * code ('number' then has all digits).
 */
static PhoneStatus
extract_country_code(const PhoneText *text, int from, const PhoneRegion *region,
                     PhoneDigits *number, const PhoneRegion **found)
{
	int start = phone_text_skip_plus(text, from);
	bool international = start > from;
	int code_len = 0;
	int groups[4];

	*found = NULL;
	phone_text_digits(text, start, number);
	if (!international && region != NULL && region->international_prefix != 0)
	{
		int matched = match_prefix(region->international_prefix, number->d, number->len, groups);

		/* no calling code begins with 0 */
		if (matched >= 0 && !(matched < number->len && number->d[matched] == 0))
		{
			drop_digits(number, matched);
			international = true;
		}
	}

	if (international)
	{
		if (number->len <= 2)
			return PHONE_TOO_SHORT_AFTER_IDD;
		*found = region_of_calling_code(number, &code_len);
		if (*found == NULL)
			return PHONE_INVALID_COUNTRY_CODE;
		drop_digits(number, code_len);
		return PHONE_OK;
	}
	if (region != NULL)
	{
		PhoneDigits stripped;

		if (strip_bare_calling_code(region, number, &stripped))
		{
			*found = &phone_regions[phone_region_of_calling_code[region->country_code]];
			memcpy(number->d, stripped.d, (size_t) stripped.len);
			number->len = stripped.len;
		}
	}
	return PHONE_OK;
}

/*
 * Is the national number valid? Of several regions with one calling code, the
 * one whose leading digits it has decides, else the first that knows it.
 */
static bool
is_valid(const PhoneRegion *region, const PhoneDigits *number)
{
	unsigned country_code = region->country_code;
	const PhoneRegion *end = phone_regions + phone_region_count;
	int groups[4];

	if (region + 1 == end || region[1].country_code != country_code)
		return (judge(region, number->d, number->len) & PHONE_VALID) != 0;
	for (; region < end && region->country_code == country_code; region++)
	{
		if (region->leading_digits == 0)
		{
			if ((judge(region, number->d, number->len) & PHONE_VALID) != 0)
				return true;
		}
		else if (match_prefix(region->leading_digits, number->d, number->len, groups) >= 0)
			return (judge(region, number->d, number->len) & PHONE_VALID) != 0;
	}
	return false;
}

/* The plan of two letters, or NULL. */
static const PhoneRegion *
region_of_letters(const char *region)
{
	unsigned char i;

	if (region == NULL || region[0] < 'A' || region[0] > 'Z' || region[1] < 'A' || region[1] > 'Z')
		return NULL;
	i = phone_region_of_letters[(region[0] - 'A') * 26 + region[1] - 'A'];
	return i == 0xff ? NULL : &phone_regions[i];
}

bool
phone_region_known(const char *region)
{
	return region_of_letters(region) != NULL;
}

/* The national number's digits. */
static void
to_digits(const PhoneNumber *number, PhoneDigits *out)
{
	out->len = (int) number->national_len;
	for (int i = 0; i < out->len; i++)
		out->d[i] = (uint8_t) (number->national[i] - '0');
}

/* Sets the national number, of at most PHONE_MAX_NATIONAL digits. False if it was that already. */
static bool
set_national(PhoneNumber *number, const PhoneDigits *digits)
{
	bool changed = number->national_len != (unsigned) digits->len;

	for (int i = 0; i < digits->len; i++)
	{
		char c = (char) ('0' + digits->d[i]);

		changed = changed || number->national[i] != c;
		number->national[i] = c;
	}
	number->national[digits->len] = '\0';
	number->national_len = (unsigned) digits->len;
	return changed;
}

PhoneStatus
phone_parse(const char *s, size_t len, const char *region_letters, PhoneNumber *out)
{
	PhoneText text;
	PhoneDigits number;
	PhoneDigits stripped;
	const PhoneRegion *region = region_of_letters(region_letters);
	const PhoneRegion *found;
	PhoneStatus status;
	int after_plus;
	LengthVerdict verdict;

	if (!phone_text_read(s, len, &text))
		return PHONE_TOO_LONG;
	if (!phone_text_viable(&text, text.end))
		return PHONE_NOT_A_NUMBER;
	after_plus = phone_text_skip_plus(&text, text.start);
	if (region == NULL && after_plus == text.start)
		return PHONE_INVALID_COUNTRY_CODE;
	phone_text_strip_extension(&text);

	status = extract_country_code(&text, text.start, region, &number, &found);
	if (status == PHONE_INVALID_COUNTRY_CODE && after_plus > text.start)
	{
		/* perhaps what follows the plus sign is an international prefix or bare */
		status = extract_country_code(&text, after_plus, region, &number, &found);
		if (status == PHONE_OK && found == NULL)
			status = PHONE_INVALID_COUNTRY_CODE;
	}
	if (status != PHONE_OK)
		return status;

	if (found == NULL)
		out->country_code = region->country_code;
	else
	{
		out->country_code = found->country_code;
		region = found;
	}

	if (number.len < 2)
		return PHONE_TOO_SHORT_NSN;
	memcpy(stripped.d, number.d, (size_t) number.len);
	stripped.len = number.len;
	strip_national_prefix(region, &stripped);
	verdict = judge_length(region, stripped.len);
	if (verdict == LENGTH_POSSIBLE || verdict == LENGTH_TOO_LONG)
	{
		memcpy(number.d, stripped.d, (size_t) stripped.len);
		number.len = stripped.len;
	}
	if (number.len < 2)
		return PHONE_TOO_SHORT_NSN;
	if (number.len > PHONE_MAX_NATIONAL)
		return PHONE_TOO_LONG;

	out->national_len = 0;
	(void) set_national(out, &number);

	/* judged by the main region and all others of the calling code */
	region = &phone_regions[phone_region_of_calling_code[out->country_code]];
	verdict = judge_length(region, number.len);
	out->possible = verdict == LENGTH_POSSIBLE || verdict == LENGTH_LOCAL_ONLY;
	out->valid = is_valid(region, &number);
	return PHONE_OK;
}

size_t
phone_e164(const PhoneNumber *number, char *out)
{
	size_t n = 0;

	out[n++] = '+';
	if (number->country_code >= 100)
		out[n++] = (char) ('0' + number->country_code / 100);
	if (number->country_code >= 10)
		out[n++] = (char) ('0' + number->country_code / 10 % 10);
	out[n++] = (char) ('0' + number->country_code % 10);
	memcpy(out + n, number->national, number->national_len);
	return n + number->national_len;
}

bool
phone_vietnam_2018(PhoneNumber *number)
{
	/* first digits without the trunk prefix 0: before and since */
	static const char map[][6] = {
	    "12070", "12179", "12277", "12676", "12878", "12383", "12484",
	    "12585", "12781", "12982", "16232", "16333", "16434", "16535",
	    "16636", "16737", "16838", "16939", "18656", "18858", "19959",
	};

	if (number->country_code != 84 || number->national_len != 10)
		return false;
	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++)
	{
		PhoneDigits today;

		if (memcmp(number->national, map[i], 3) != 0)
			continue;
		memcpy(number->national, map[i] + 3, 2);
		memmove(number->national + 2, number->national + 3, 8);
		number->national_len = 9;
		to_digits(number, &today);
		number->possible = true;
		number->valid = is_valid(region_of_letters("VN"), &today);
		return true;
	}
	return false;
}

/*
 * Changes a valid number to one whose E.164 form is read as itself.
 * libphonenumber reads a few of its own forms as another number. Mexico's plan
 * drops a 1, and the rest may begin with 1 again; Belarus' plan drops an 8.
 * False where the rest is not valid: no form stands for itself.
 */
static bool
phone_settle(PhoneNumber *number)
{
	const PhoneRegion *region = &phone_regions[phone_region_of_calling_code[number->country_code]];

	/* Each turn but the last takes a digit away, or transforms: few are enough. */
	for (int turn = 0; turn < PHONE_MAX_NATIONAL; turn++)
	{
		PhoneDigits now;
		LengthVerdict verdict;

		to_digits(number, &now);
		strip_national_prefix(region, &now);
		verdict = judge_length(region, now.len);
		if (verdict != LENGTH_POSSIBLE && verdict != LENGTH_TOO_LONG)
			return true;
		if (now.len > PHONE_MAX_NATIONAL || now.len < 2)
			return false;
		if (!set_national(number, &now))
			return true;
		number->valid = is_valid(region, &now);
		if (!number->valid)
			return false;
	}
	return false;
}

/*
 * The canonical value of namespace phone: E.164 of a valid number.
 */
NormaliseStatus
normalise_phone(const char *value, size_t len, const NormaliseOptions *options, char *out,
                size_t *out_len)
{
	PhoneNumber number;

	if (phone_parse(value, len, options->default_region, &number) != PHONE_OK)
		return NORMALISE_INVALID;
	if (!number.valid && options->vietnam_2018)
		(void) phone_vietnam_2018(&number);
	if (!number.valid || !phone_settle(&number))
		return NORMALISE_INVALID;
	*out_len = phone_e164(&number, out);
	return NORMALISE_OK;
}
