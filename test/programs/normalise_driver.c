/*
 * normalise_driver.c
 *	  Reads identifiers, one a line in hexadecimal, and writes for each its
 *	  status (0 is NORMALISE_OK, 1 NORMALISE_INVALID) and the canonical form in
 *	  hexadecimal. For the test programs that compare with something else.
 */
#include "normalise/normalise.h"

#include <stdio.h>
#include <string.h>

int
main(void)
{
	static char line[65536];

	while (fgets(line, sizeof(line), stdin) != NULL)
	{
		static char bytes[sizeof(line) / 2];
		size_t len = strspn(line, "0123456789abcdef") / 2;
		NormalisedIdentifier out;
		NormaliseStatus status;

		for (size_t i = 0; i < len; i++)
		{
			unsigned byte;

			sscanf(line + 2 * i, "%2x", &byte);
			bytes[i] = (char) byte;
		}
		status = normalise_identifier(bytes, len, NULL, &out);
		printf("%d ", (int) status);
		for (size_t i = 0; status == NORMALISE_OK && i < out.len; i++)
			printf("%02x", (unsigned char) out.text[i]);
		printf("\n");
	}
	return 0;
}
