/*
 * stable_hash.h
 *	  The pieces of hashes that are the same on every machine and in every version. What is
 *	  stored depends on them: they must never change.
 */
#ifndef CDP_STABLE_HASH_H
#define CDP_STABLE_HASH_H

#include "base/base.h"

#include "port/pg_bswap.h"

/* The odd 64-bit fractions of the golden ratio and of the square root of 3. */
#define STABLE_HASH_A UINT64CONST(0x9e3779b97f4a7c15)
#define STABLE_HASH_B UINT64CONST(0xbb67ae8584caa73b)

/* Eight bytes, the first the least significant, whatever the machine's order. */
static inline uint64
stable_hash_load(const char *p)
{
	uint64 word;

	memcpy(&word, p, sizeof(word));
#ifdef WORDS_BIGENDIAN
	word = pg_bswap64(word);
#endif
	return word;
}

/* The same of 1 to 7 bytes: the missing ones are zero. */
static inline uint64
stable_hash_load_tail(const char *p, size_t len)
{
	const unsigned char *u = (const unsigned char *) p;
	uint32 first;
	uint32 last;

	if (len < 4) /* the first, the middle and the last one; some may be the same */
		return u[0] | (uint64) u[len / 2] << (8 * (len / 2)) |
		       (uint64) u[len - 1] << (8 * (len - 1));
	memcpy(&first, p, sizeof(first)); /* the first four, and the last four */
	memcpy(&last, p + len - 4, sizeof(last));
#ifdef WORDS_BIGENDIAN
	first = pg_bswap32(first);
	last = pg_bswap32(last);
#endif
	return first | (uint64) last << (8 * (len - 4));
}

/* Takes in a word: rotate_left(h XOR w * A, 29) * B, modulo 2^64. */
static inline uint64
stable_hash_round(uint64 h, uint64 word)
{
	h ^= word * STABLE_HASH_A;
	return (h << 29 | h >> 35) * STABLE_HASH_B;
}

/* The finaliser of splitmix64 (Steele, Lea, Flood 2014). */
static inline uint64
stable_hash_finish(uint64 h)
{
	h = (h ^ h >> 30) * UINT64CONST(0xbf58476d1ce4e5b9);
	h = (h ^ h >> 27) * UINT64CONST(0x94d049bb133111eb);
	return h ^ h >> 31;
}

#endif /* CDP_STABLE_HASH_H */
