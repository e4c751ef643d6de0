/*
 * segment_query_fuzz.c
 *	  Any bytes as a segment query.
 */
#include "segment_query_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	(void) check_query((const char *) data, size);
	return 0;
}
