/*
 * pair_table_internal.h
 *	  A hash table from pairs of numbers to indexes. It starts small, so that a batch of
 *	  one event costs little.
 */
#ifndef CDP_PAIR_TABLE_INTERNAL_H
#define CDP_PAIR_TABLE_INTERNAL_H

#include "postgres.h"

#include "common/hashfn.h"

typedef struct PairEntry
{
	uint64 pair; /* see PAIR_KEY */
	int index;
	char status;
} PairEntry;

#define PAIR_KEY(a, b) ((uint64) (a) << 32 | (uint32) (b))

#define SH_PREFIX pairtable
#define SH_ELEMENT_TYPE PairEntry
#define SH_KEY_TYPE uint64
#define SH_KEY pair
#define SH_HASH_KEY(tb, key)                                                                       \
	hash_combine(murmurhash32((uint32) ((key) >> 32)), murmurhash32((uint32) (key)))
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

#endif /* CDP_PAIR_TABLE_INTERNAL_H */
