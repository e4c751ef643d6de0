/*
 * traits.h
 *	  The type cdp.traits: what is known of a customer, key by key. Each key
 *	  has a JSON value, or is unset, with the instant, the event and the source
 *	  that said so. The last writer wins per key.
 *
 * Merging is associative, commutative and idempotent, with the empty value as
 * identity. Entries of one key have a total order, by (observed_at, event id,
 * value, source), and the greatest stays. An unset key stays, too, as a
 * tombstone, so that a late older value does not bring it back.
 *
 * On disk, all integers in the byte order of the machine:
 *
 *	Traits header			12 bytes
 *	uint32 source_end[]		nsources: where each source's text ends, as an
 *							offset from the start of the value
 *	TraitsEntry entries[]	nkeys, strictly ascending by key (bytes, the
 *							shorter first)
 *	TraitsStamp stamps[]	nstamps, strictly ascending by (observed_at, event
 *							id, source); keys that one event set share one
 *	text of the sources		strictly ascending, each used by some stamp
 *	per entry: key, value	in the order of the entries, without gaps but for
 *							zero bytes that align an object or array to 4
 *
 * A state has exactly one such form, so that equal states have equal bytes.
 */
#ifndef CDP_TRAITS_H
#define CDP_TRAITS_H

#include "base/base.h"

#include "fmgr.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

#define TRAITS_VERSION 1

#define TRAITS_MAX_KEY_LEN 1024            /* bytes of a key */
#define TRAITS_MAX_SOURCE_LEN 1024         /* bytes of a source */
#define TRAITS_MAX_KEYS 65535              /* keys of a value, unset ones included */
#define TRAITS_MAX_SIZE (16 * 1024 * 1024) /* bytes of a value */

typedef struct Traits
{
	int32 vl_len_;   /* varlena header (do not touch directly!) */
	uint8 version;   /* TRAITS_VERSION */
	uint8 reserved;  /* zero */
	uint16 nsources; /* distinct sources */
	uint16 nkeys;    /* keys, unset ones included */
	uint16 nstamps;  /* distinct (observed_at, event id, source) */
	                 /* the parts described above follow */
} Traits;

extern Traits *traits_check_format(struct varlena *value);

#define DatumGetTraitsP(d) traits_check_format(PG_DETOAST_DATUM(d))
#define TraitsPGetDatum(p) PointerGetDatum(p)
#define PG_GETARG_TRAITS_P(n) DatumGetTraitsP(PG_GETARG_DATUM(n))
#define PG_RETURN_TRAITS_P(p) PG_RETURN_POINTER(p)

/*
 * Folds many small additions onto a base. The struct is open so that it may
 * live on the stack or in another struct; its fields are the builder's own. Its
 * memory comes from the context that was current at traits_builder_init, also
 * that of added keys and values. The base is referred to and must live as long
 * as the builder. Additions may be freed after the call.
 */
typedef struct TraitsBuilder
{
	const Traits *base;               /* may be NULL: empty */
	MemoryContext context;            /* of everything below */
	struct TraitsItem *items;         /* the base's entries in their order, then new keys */
	uint32 *order;                    /* positions in items, ascending by key */
	int nitems;                       /* used */
	int maxitems;                     /* allocated */
	struct TraitsItemStamp *stamps;   /* what items refer to */
	int nstamps;                      /* used, those on the free list included */
	int maxstamps;                    /* allocated */
	int free_stamp;                   /* first on the free list, or -1 */
	struct TraitsItemSource *sources; /* every source seen */
	uint32 *source_order;             /* positions in sources, ascending by text */
	int nsources;                     /* used */
	int maxsources;                   /* allocated */
	bool loaded;                      /* the base's entries are in items */
	bool changed;                     /* the state differs from the base's */
} TraitsBuilder;

extern Traits *traits_empty(void);
extern bool traits_same_value(const Traits *a, const Traits *b, const char *key, int key_len);
extern Traits *traits_merge(const Traits *a, const Traits *b);

/* The value of a key, if it is an object or an array; else null. */
extern Jsonb *traits_container(const Traits *traits, const char *key, int key_len);

/* SQL functions: the text form; cdp.trait_text; the operators @> and <@. */
extern PGDLLEXPORT Datum traits_out(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum traits_trait_text(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum traits_contains(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum traits_contained(PG_FUNCTION_ARGS);

extern void traits_builder_init(TraitsBuilder *builder, const Traits *base);
extern void traits_builder_add(TraitsBuilder *builder, Jsonb *object, TimestampTz observed_at,
                               const pg_uuid_t *event_id, const char *source, int source_len);
extern void traits_builder_merge(TraitsBuilder *builder, const Traits *other);
extern Traits *traits_builder_finish(TraitsBuilder *builder, bool *value_changed);

#endif /* CDP_TRAITS_H */
