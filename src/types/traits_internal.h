/*
 * traits_internal.h
 *	  The parts of a cdp.traits value, for the files of the type itself.
 */
#ifndef CDP_TRAITS_INTERNAL_H
#define CDP_TRAITS_INTERNAL_H

#include "types/traits.h"

/* What a key's value is; also the order of values of different kinds in ties. */
typedef enum TraitsKind
{
	TRAITS_UNSET = 0,    /* a tombstone; no bytes */
	TRAITS_FALSE = 1,    /* no bytes */
	TRAITS_TRUE = 2,     /* no bytes */
	TRAITS_NUMBER = 3,   /* a numeric without its varlena header, unaligned */
	TRAITS_STRING = 4,   /* its text, not terminated */
	TRAITS_CONTAINER = 5 /* a JsonbContainer, object or array, aligned to 4 */
} TraitsKind;

typedef struct TraitsEntry
{
	uint32 offset;       /* of the key, from the start of the value; the value follows the key
						  * and ends where the next entry starts */
	uint16 key_len_kind; /* low 12 bits: bytes of the key; high 4 bits: TraitsKind */
	uint16 stamp;        /* position in stamps */
} TraitsEntry;

#define TRAITS_KEY_LEN_MASK 0x0FFF
#define TRAITS_KIND_SHIFT 12

/* When a key was set, by which event, from which source; 26 bytes, aligned to 2. */
typedef struct TraitsStamp
{
	uint8 observed_at[sizeof(TimestampTz)]; /* microseconds since 2000-01-01 UTC, or
											 * DT_NOBEGIN; read with memcpy */
	uint8 event_id[UUID_LEN];
	uint16 source; /* 0: none; else 1 + position in the sources */
} TraitsStamp;

StaticAssertDecl(sizeof(Traits) == 12, "traits header");
StaticAssertDecl(sizeof(TraitsEntry) == 8, "traits entry");
StaticAssertDecl(sizeof(TraitsStamp) == 26, "traits stamp");
StaticAssertDecl(TRAITS_MAX_KEY_LEN <= TRAITS_KEY_LEN_MASK, "traits key length");

/*
 * One key and everything known about it. The pointers lead into the value or
 * JSON that it was read from.
 */
typedef struct TraitsFact
{
	const char *key;
	const char *value;
	const char *source; /* NULL: none */
	int key_len;
	uint32 value_len;
	int source_len;
	TraitsKind kind;
	TimestampTz observed_at;
	pg_uuid_t event_id;
} TraitsFact;

#define TraitsSourceEnds(t) ((const uint32 *) ((const char *) (t) + sizeof(Traits)))
#define TraitsEntries(t)                                                                           \
	((const TraitsEntry *) ((const char *) (t) + sizeof(Traits) + (t)->nsources * sizeof(uint32)))
#define TraitsStamps(t) ((const TraitsStamp *) (TraitsEntries(t) + (t)->nkeys))
#define TraitsBytesStart(t)                                                                        \
	(sizeof(Traits) + (t)->nsources * sizeof(uint32) + (t)->nkeys * sizeof(TraitsEntry) +          \
	 (t)->nstamps * sizeof(TraitsStamp))

/* The key of entry i, not terminated; its length in bytes. */
static inline const char *
traits_key(const Traits *traits, int i, int *len)
{
	const TraitsEntry *entry = &TraitsEntries(traits)[i];

	*len = entry->key_len_kind & TRAITS_KEY_LEN_MASK;
	return (const char *) traits + entry->offset;
}

/* The value of entry i: its kind, its bytes, how many. */
static inline TraitsKind
traits_value(const Traits *traits, int i, const char **value, uint32 *len)
{
	const TraitsEntry *entry = &TraitsEntries(traits)[i];
	TraitsKind kind = (TraitsKind) (entry->key_len_kind >> TRAITS_KIND_SHIFT);
	uint32 start = entry->offset + (entry->key_len_kind & TRAITS_KEY_LEN_MASK);
	uint32 end = i + 1 < traits->nkeys ? entry[1].offset : (uint32) VARSIZE(traits);

	if (kind == TRAITS_CONTAINER)
		start = INTALIGN(start);
	*value = (const char *) traits + start;
	*len = end - start;
	return kind;
}

/* Source number n (as in a stamp): NULL for 0. */
static inline const char *
traits_source(const Traits *traits, int n, int *len)
{
	const uint32 *ends = TraitsSourceEnds(traits);
	uint32 start;

	*len = 0;
	if (n == 0)
		return NULL;
	start = n == 1 ? (uint32) TraitsBytesStart(traits) : ends[n - 2];
	*len = ends[n - 1] - start;
	return (const char *) traits + start;
}

/* Bytes in lexical order, the shorter of two first where one starts the other. */
static inline int
traits_compare_bytes(const char *a, int alen, const char *b, int blen)
{
	int cmp = memcmp(a, b, Min(alen, blen));

	return cmp != 0 ? cmp : (alen > blen) - (alen < blen);
}

/* traits.c */
extern int traits_find(const Traits *traits, const char *key, int key_len);
extern void traits_fact(const Traits *traits, int i, TraitsFact *fact);
extern TraitsKind traits_value_of_json(const JsonbValue *json, const char **value, uint32 *len);
extern Numeric traits_number(const char *value, uint32 len);
extern int traits_compare_facts(const TraitsFact *a, const TraitsFact *b);

/* traits_build.c */
extern void traits_builder_put(TraitsBuilder *builder, const TraitsFact *fact);

#endif /* CDP_TRAITS_INTERNAL_H */
