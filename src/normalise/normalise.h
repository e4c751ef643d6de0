/*
 * normalise.h
 *	  The first stage: an identifier as it was received, "namespace:value",
 *	  becomes its canonical form.
 *
 * Pure C without server headers and without a memory context, so that unit
 * tests, benchmarks and fuzzers link it alone. All Unicode work is behind
 * unicode.h; ASCII input never gets there.
 */
#ifndef NORMALISE_H
#define NORMALISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NORMALISE_MAX_NAMESPACE 63
#define NORMALISE_MAX_VALUE 1024 /* bytes, of the value as received (trimmed) and as canonical */
#define NORMALISE_MAX (NORMALISE_MAX_NAMESPACE + 1 + NORMALISE_MAX_VALUE)

/* Rises whenever a canonical form changes for any input. */
#define NORMALISE_VERSION 1

typedef enum NormaliseStatus
{
	NORMALISE_OK = 0,
	NORMALISE_INVALID, /* its namespace cannot canonicalise the value: a refusal, not an error */
	/* structural faults: errors */
	NORMALISE_NO_NAMESPACE,
	NORMALISE_BAD_NAMESPACE,
	NORMALISE_EMPTY,
	NORMALISE_TOO_LONG,
	NORMALISE_CONTROL_CHARACTER,
	NORMALISE_BAD_ENCODING,
	/* the library failed, the input may be good */
	NORMALISE_UNICODE_LIBRARY
} NormaliseStatus;

/* Whether a text is no identifier at all: it has a structural fault. */
static inline bool
normalise_is_fault(NormaliseStatus status)
{
	return status >= NORMALISE_NO_NAMESPACE && status <= NORMALISE_BAD_ENCODING;
}

typedef struct NormaliseOptions
{
	char
	    default_region[3]; /* ISO 3166 letters, upper case; "" = none. Completes national numbers */
	bool vietnam_2018;     /* old 11-digit mobile numbers of Vietnam become today's */
} NormaliseOptions;

typedef struct NormalisedIdentifier
{
	char text[NORMALISE_MAX + 1]; /* "namespace:value", canonical, NUL terminated */
	uint16_t len;                 /* bytes of text */
	uint8_t namespace_len;        /* bytes before the colon */
} NormalisedIdentifier;

/*
 * Canonical form of one identifier. 'text' is untrusted: any bytes, not NUL
 * terminated. 'options' may be NULL (no region, no map). On NORMALISE_INVALID
 * 'out' holds the folded namespace and its colon; on another fault nothing.
 */
extern NormaliseStatus normalise_identifier(const char *text, size_t len,
                                            const NormaliseOptions *options,
                                            NormalisedIdentifier *out);

/*
 * Canonical form of one value. The input is valid UTF-8 without control
 * characters, trimmed, 1 to NORMALISE_MAX_VALUE bytes; 'out' has room for
 * NORMALISE_MAX_VALUE. They return NORMALISE_OK, _INVALID or _UNICODE_LIBRARY.
 */
extern NormaliseStatus normalise_email(const char *value, size_t len, char *out, size_t *out_len);
extern NormaliseStatus normalise_phone(const char *value, size_t len,
                                       const NormaliseOptions *options, char *out, size_t *out_len);

/*
 * What two addresses of one mailbox have in common by the rules of their
 * provider (Gmail's dots, "+tag", second domains). 'email' is canonical; 'out'
 * has room for NORMALISE_MAX_VALUE. Returns the length of the key, itself a
 * canonical address.
 */
extern size_t normalise_email_match_key(const char *email, size_t len, char *out);

/*
 * Trims 'value' and checks it as normalise_identifier does: NORMALISE_OK,
 * _EMPTY, _TOO_LONG, _CONTROL_CHARACTER or _BAD_ENCODING.
 */
extern NormaliseStatus normalise_trim(const char **value, size_t *len);

#endif /* NORMALISE_H */
