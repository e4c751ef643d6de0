/*
 * phone_fuzz.c
 *	  Any bytes as a phone number; the first byte chooses the region.
 */
#include "normalise_fuzz.h"

#include "normalise/phone.h"
#include "normalise/phone_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[6 + 2048];
	NormaliseOptions options = {"", false};
	NormalisedIdentifier out;
	PhoneNumber number;

	if (size < 1 || size > sizeof(text) - 6)
		return 0;
	if (data[0] < phone_region_count && phone_regions[data[0]].code[0] != '0')
		memcpy(options.default_region, phone_regions[data[0]].code, 2);
	options.vietnam_2018 = (data[0] & 1) != 0;
	data++;
	size--;

	memcpy(text, "phone:", 6);
	memcpy(text + 6, data, size);
	(void) check_identifier(text, 6 + size, &options, &out);

	if (unicode_utf8_valid((const char *) data, size) &&
		phone_parse((const char *) data, size, options.default_region, &number) == PHONE_OK)
	{
		char e164[PHONE_MAX_E164];
		size_t len = phone_e164(&number, e164);

		HOLDS(len >= 4 && len <= PHONE_MAX_E164 && e164[0] == '+');
		HOLDS(number.national_len == strlen(number.national));
		HOLDS(number.possible || !number.valid);
	}
	return 0;
}
