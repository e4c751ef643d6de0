/*
 * identifier_fuzz.c
 *	  Any bytes as an identifier.
 */
#include "normalise_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const NormaliseOptions vietnam = {"VN", true};
	NormalisedIdentifier out;

	(void) check_identifier((const char *) data, size, NULL, &out);
	(void) check_identifier((const char *) data, size, &vietnam, &out);
	return 0;
}
