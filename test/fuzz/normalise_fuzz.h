/*
 * normalise_fuzz.h
 *	  What must hold for any bytes: no access out of bounds (the sanitizers
 *	  see to it, the input is a block of its exact size), a canonical form that
 *	  is well-formed and canonical.
 */
#ifndef NORMALISE_FUZZ_H
#define NORMALISE_FUZZ_H

#include "normalise/normalise.h"
#include "normalise/unicode.h"

#include <stdlib.h>
#include <string.h>

#define HOLDS(condition)                                                                           \
	do                                                                                             \
	{                                                                                              \
		if (!(condition))                                                                          \
			abort();                                                                               \
	} while (0)

/* Normalises and checks; returns the status. */
static NormaliseStatus
check_identifier(const char *text, size_t len, const NormaliseOptions *options,
				 NormalisedIdentifier *out)
{
	NormalisedIdentifier twice;
	NormaliseStatus status = normalise_identifier(text, len, options, out);

	HOLDS(status != NORMALISE_UNICODE_LIBRARY);
	if (status == NORMALISE_INVALID)
		HOLDS(out->len == out->namespace_len + 1 && out->text[out->len - 1] == ':');
	if (status != NORMALISE_OK)
		return status;

	HOLDS(out->namespace_len >= 1 && out->namespace_len <= NORMALISE_MAX_NAMESPACE);
	HOLDS(out->text[out->namespace_len] == ':');
	HOLDS(out->len > out->namespace_len + 1 &&
		  out->len <= out->namespace_len + 1 + NORMALISE_MAX_VALUE);
	HOLDS(out->text[out->len] == '\0' && strlen(out->text) == out->len);
	HOLDS(unicode_utf8_valid(out->text, out->len));
	HOLDS(normalise_identifier(out->text, out->len, NULL, &twice) == NORMALISE_OK);
	HOLDS(twice.len == out->len && memcmp(twice.text, out->text, out->len) == 0);
	return status;
}

#endif /* NORMALISE_FUZZ_H */
