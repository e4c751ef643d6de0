/*
 * email_fuzz.c
 *	  Any bytes as an e-mail address, and its match key.
 */
#include "normalise_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[6 + 2048];
	char key[NORMALISE_MAX_VALUE];
	char again[NORMALISE_MAX_VALUE];
	NormalisedIdentifier out;
	size_t len;

	if (size > sizeof(text) - 6)
		return 0;
	memcpy(text, "email:", 6);
	memcpy(text + 6, data, size);
	if (check_identifier(text, 6 + size, NULL, &out) != NORMALISE_OK)
		return 0;

	len = (size_t) out.len - 6;
	HOLDS(len <= 254);
	len = normalise_email_match_key(out.text + 6, len, key);
	HOLDS(len >= 3 && len <= 254 && memchr(key, '@', len) != NULL);
	/* a key is an address, and its own key */
	memcpy(text + 6, key, len);
	HOLDS(check_identifier(text, 6 + len, NULL, &out) == NORMALISE_OK);
	HOLDS(out.len == 6 + len && memcmp(out.text, text, 6 + len) == 0);
	HOLDS(normalise_email_match_key(key, len, again) == len && memcmp(again, key, len) == 0);
	return 0;
}
