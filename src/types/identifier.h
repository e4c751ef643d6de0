/*
 * identifier.h
 *	  The type cdp.identifier: a canonical "namespace:value".
 */
#ifndef CDP_IDENTIFIER_H
#define CDP_IDENTIFIER_H

#include "base/base.h"

#include "fmgr.h"
#include "normalise/normalise.h"

#define IDENTIFIER_VERSION 1

/*
 * On disk. The whole text form is stored, so that comparison, hash and
 * output work on it as it stands. Equal identifiers are equal bytes.
 */
typedef struct Identifier
{
	int32 vl_len_;                    /* varlena header; short (1 byte) within a tuple */
	uint8 version;                    /* IDENTIFIER_VERSION */
	uint8 namespace_len;              /* bytes before the colon, 1 to 63 */
	char text[FLEXIBLE_ARRAY_MEMBER]; /* "namespace:value", UTF-8, no NUL */
} Identifier;

/*
 * These work with either varlena header, so a value needs no copy. 'ptr' is
 * what PG_DETOAST_DATUM_PACKED returned.
 */
#define IDENTIFIER_OVERHEAD 2
#define IDENTIFIER_TEXT(ptr) ((const char *) VARDATA_ANY(ptr) + IDENTIFIER_OVERHEAD)
#define IDENTIFIER_LEN(ptr) ((size_t) VARSIZE_ANY_EXHDR(ptr) - IDENTIFIER_OVERHEAD)
#define IDENTIFIER_NAMESPACE_LEN(ptr) (((const uint8 *) VARDATA_ANY(ptr))[1])
#define IDENTIFIER_FORMAT(ptr) (((const uint8 *) VARDATA_ANY(ptr))[0])

#define DatumGetIdentifierPP(datum) ((Identifier *) PG_DETOAST_DATUM_PACKED(datum))
#define PG_GETARG_IDENTIFIER_PP(n) DatumGetIdentifierPP(PG_GETARG_DATUM(n))
#define PG_RETURN_IDENTIFIER_P(ptr) PG_RETURN_POINTER(ptr)

/* A new datum in the current memory context. */
extern Identifier *identifier_make(const NormalisedIdentifier *normalised);

/*
 * Order of the text forms as bytes, the shorter first where one is the
 * other's beginning: the order of text COLLATE "C". The identifiers of one
 * namespace are neighbours.
 */
extern int identifier_compare_raw(const char *a, size_t a_len, const char *b, size_t b_len);

/* The same of two values. */
static inline int
identifier_compare(const Identifier *a, const Identifier *b)
{
	return identifier_compare_raw(IDENTIFIER_TEXT(a), IDENTIFIER_LEN(a), IDENTIFIER_TEXT(b),
	                              IDENTIFIER_LEN(b));
}

/*
 * Hash of the text form: the same on every machine and in every version, so
 * that data can be distributed by it.
 */
extern uint64 identifier_hash_raw(const char *text, size_t len, uint64 seed);

/*
 * Raises the error for a structural fault (or NORMALISE_INVALID) of a text
 * that normalise_identifier refused. Returns for NORMALISE_OK only.
 */
extern void normalise_report(NormaliseStatus status, const char *received, size_t len);

#endif /* CDP_IDENTIFIER_H */
