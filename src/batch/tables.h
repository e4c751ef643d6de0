/*
 * tables.h
 *	  The small hash tables of a batch: pairs of nodes, and profiles by id. They
 *	  start small, so that a batch of one event costs little.
 */
#ifndef CDP_TABLES_H
#define CDP_TABLES_H

#include "batch/batch.h"

#include "common/hashfn.h"

/* Pairs of nodes: anchor << 32 | other, or node << 32 | companion. */
typedef struct PairEntry
{
	uint64 pair;
	int index; /* in batch->pairs; of companions: unused */
	char status;
} PairEntry;

typedef struct ProfileEntry
{
	int64 id;
	Profile *profile;
	char status;
} ProfileEntry;

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

#define SH_PREFIX profiletable
#define SH_ELEMENT_TYPE ProfileEntry
#define SH_KEY_TYPE int64
#define SH_KEY id
#define SH_HASH_KEY(tb, key) murmurhash32((uint32) (key) ^ (uint32) ((uint64) (key) >> 32))
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

#endif /* CDP_TABLES_H */
