/*
 * content_hash.h
 *	  The hash of what an application sent in an event, by value.
 */
#ifndef CDP_CONTENT_HASH_H
#define CDP_CONTENT_HASH_H

#include "base/base.h"

#include "utils/jsonb.h"
#include "utils/numeric.h"

/*
 * The lowest bit of a content hash is no part of it: it says that the row trigger made the
 * event's id, because the application sent none.
 */
#define CONTENT_HASH_ID_MADE UINT64CONST(1)

static inline bool
content_hashes_differ(int64 a, int64 b)
{
	return (((uint64) a ^ (uint64) b) & ~CONTENT_HASH_ID_MADE) != 0;
}

/*
 * Each takes a value into the hash h, which is 0 at first, and returns the new one; a value
 * that is null is taken in, too. content_hash_end gives the hash of all of them. Equal
 * numbers are equal whatever their scale (1.0 and 1.00), and so are equal jsonb values.
 */
extern uint64 content_hash_null(uint64 h);
extern uint64 content_hash_text(uint64 h, const char *text, size_t len);
extern uint64 content_hash_int64(uint64 h, int64 value);
extern uint64 content_hash_numeric(uint64 h, Numeric value);
extern uint64 content_hash_jsonb(uint64 h, Datum value);
extern int64 content_hash_end(uint64 h, bool id_was_made);

#endif /* CDP_CONTENT_HASH_H */
