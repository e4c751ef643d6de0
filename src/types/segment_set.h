/*
 * segment_set.h
 *	  cdp.segment_set: the set of a profile's segments.
 *
 * Each member is a name (1 to 255 bytes in the database's encoding) and the
 * time of entry. The names are the value: equality, hash and order ignore the
 * times. Merge is the union; a member of both keeps the earlier time.
 */
#ifndef CDP_SEGMENT_SET_H
#define CDP_SEGMENT_SET_H

#include "base/base.h"

#include "fmgr.h"

#define SEGMENT_NAME_MAX 255  /* bytes in a name */
#define SEGMENT_SET_MAX 65535 /* members in a set */
#define SEGMENT_SET_VERSION 1 /* of the format below */

/*
 * The value, in memory and on disk (alignment: 4 bytes). After the fixed part
 * come three arrays, without gaps, members in ascending order of their names'
 * bytes:
 *
 *	  int64  entered_at[count]  microseconds since 2000-01-01 00:00 UTC, or one
 *								of timestamptz's infinities; -infinity is "at no
 *								known time". Aligned to 4 bytes only: reached
 *								with memcpy.
 *	  uint32 name_end[count]	where name i ends, in bytes from names; it starts
 *								where the one before it ends, the first at 0
 *	  char	 names[]			the names, one after the other, no terminators
 *
 * So a name is found by binary search, and what equality sees, the last two
 * arrays, is one run of bytes. The empty set is the 8 bytes of the fixed part.
 */
typedef struct SegmentSet
{
	int32 vl_len_;  /* varlena header: never touch it, use VARSIZE() */
	uint8 version;  /* SEGMENT_SET_VERSION */
	uint8 reserved; /* must be zero */
	uint16 count;   /* members */
	char data[FLEXIBLE_ARRAY_MEMBER];
} SegmentSet;

/* One member, as functions take and give it; the name is not terminated. */
typedef struct SegmentMember
{
	const char *name;
	int name_len; /* bytes */
	TimestampTz entered_at;
} SegmentMember;

#define DatumGetSegmentSetP(datum) segment_set_from_datum(datum)
#define SegmentSetPGetDatum(set) PointerGetDatum(set)
#define PG_GETARG_SEGMENT_SET_P(n) segment_set_from_datum(PG_GETARG_DATUM(n))
#define PG_RETURN_SEGMENT_SET_P(set) PG_RETURN_POINTER(set)

/*
 * Whether a value is seen to be the empty set without being unpacked; it may be
 * empty although this says no.
 */
static inline bool
segment_set_is_plainly_empty(Datum datum)
{
	const struct varlena *value = (const struct varlena *) DatumGetPointer(datum);

	return !VARATT_IS_EXTERNAL(value) && !VARATT_IS_COMPRESSED(value) &&
	       VARSIZE_ANY_EXHDR(value) == offsetof(SegmentSet, data) - VARHDRSZ &&
	       memcmp(VARDATA_ANY(value), "\x01\0\0\0", 4) == 0;
}

extern SegmentSet *segment_set_from_datum(Datum datum);
extern SegmentSet *segment_set_empty(void);
extern SegmentSet *segment_set_collect(SegmentMember *members, int count);
extern SegmentSet *segment_set_merge(const SegmentSet *a, const SegmentSet *b);
extern bool segment_set_lower_times(SegmentSet *into, const SegmentSet *from);
extern int segment_set_count(const SegmentSet *set);
extern void segment_set_get(const SegmentSet *set, int i, SegmentMember *member);
extern int segment_set_find(const SegmentSet *set, const char *name, int name_len);
extern bool segment_set_has_prefix(const SegmentSet *set, const char *prefix, int prefix_len);
extern int segment_set_compare(const SegmentSet *a, const SegmentSet *b);
extern bool segment_set_equal(const SegmentSet *a, const SegmentSet *b);
extern bool segment_set_contains(const SegmentSet *a, const SegmentSet *b);
extern bool segment_set_overlaps(const SegmentSet *a, const SegmentSet *b);
extern uint64 segment_set_hash_names(const SegmentSet *set, uint64 seed);
extern int segment_name_compare(const char *a, int a_len, const char *b, int b_len);

#endif /* CDP_SEGMENT_SET_H */
