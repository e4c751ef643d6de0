/*
 * segment_set.c
 *	  The value of cdp.segment_set: layout, building, lookup and merge.
 *
 * Nothing here reads text or the wire: see segment_set_io.c; the SQL functions
 * are in segment_set_ops.c.
 */
#include "types/segment_set.h"

#include "common/hashfn.h"
#include "utils/timestamp.h"

/* Bytes of a set without its names. */
static inline Size
segment_set_fixed_size(int count)
{
	return offsetof(SegmentSet, data) + (Size) count * (sizeof(int64) + sizeof(uint32));
}

/* The array of name ends, see segment_set.h. */
static inline const uint32 *
segment_set_name_ends(const SegmentSet *set)
{
	return (const uint32 *) (set->data + (Size) set->count * sizeof(int64));
}

static inline const char *
segment_set_names(const SegmentSet *set)
{
	return (const char *) (segment_set_name_ends(set) + set->count);
}

static inline TimestampTz
segment_set_entered_at(const SegmentSet *set, int i)
{
	TimestampTz entered_at;

	memcpy(&entered_at, set->data + (Size) i * sizeof(int64), sizeof(entered_at));
	return entered_at;
}

static inline void
segment_set_set_entered_at(SegmentSet *set, int i, TimestampTz entered_at)
{
	memcpy(set->data + (Size) i * sizeof(int64), &entered_at, sizeof(entered_at));
}

/* Name i; its length goes to *name_len. */
static inline const char *
segment_set_name(const SegmentSet *set, int i, int *name_len)
{
	const uint32 *ends = segment_set_name_ends(set);
	uint32 start = i > 0 ? ends[i - 1] : 0;

	*name_len = (int) (ends[i] - start);
	return segment_set_names(set) + start;
}

/*
 * Detoasts a value and checks what can be checked in constant time. A set of
 * another format version is an error, not a guess.
 */
SegmentSet *
segment_set_from_datum(Datum datum)
{
	SegmentSet *set = (SegmentSet *) PG_DETOAST_DATUM(datum);
	Size size = VARSIZE(set);
	Size fixed;

	if (size < offsetof(SegmentSet, data) || set->version != SEGMENT_SET_VERSION ||
	    set->reserved != 0)
		ereport(ERROR,
		        (errcode(ERRCODE_DATA_CORRUPTED), errmsg("segment set has an unknown format"),
		         errdetail("This version of cdp reads format %d.", SEGMENT_SET_VERSION),
		         errhint("The value was written by a newer version of cdp, or is damaged.")));
	fixed = segment_set_fixed_size(set->count);
	if (size < fixed ||
	    size - fixed != (set->count > 0 ? segment_set_name_ends(set)[set->count - 1] : 0))
		ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("segment set is damaged"),
		                errdetail("It has %zu bytes and %d members.", size, (int) set->count)));
	return set;
}

/*
 * Order of names: by bytes, a prefix first. Negative, zero or positive, as
 * memcmp. Lengths in bytes.
 */
int
segment_name_compare(const char *a, int a_len, const char *b, int b_len)
{
	int cmp = memcmp(a, b, Min(a_len, b_len));

	return cmp != 0 ? cmp : a_len - b_len;
}

/*
 * Makes a set of members whose names ascend strictly in the order of
 * segment_name_compare and are 1 to SEGMENT_NAME_MAX bytes long. More than
 * SEGMENT_SET_MAX members are an error. Allocated by palloc.
 */
static SegmentSet *
segment_set_build(const SegmentMember *members, int count)
{
	SegmentSet *set;
	Size names_size = 0;
	Size size;
	uint32 *ends;
	char *names;
	uint32 end = 0;

	if (count > SEGMENT_SET_MAX)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
		                errmsg("too many segments in a segment set"),
		                errdetail("It would have %d; the limit is %d.", count, SEGMENT_SET_MAX)));

	for (int i = 0; i < count; i++)
	{
		Assert(members[i].name_len > 0 && members[i].name_len <= SEGMENT_NAME_MAX);
		Assert(i == 0 || segment_name_compare(members[i - 1].name, members[i - 1].name_len,
		                                      members[i].name, members[i].name_len) < 0);
		names_size += members[i].name_len;
	}

	size = segment_set_fixed_size(count) + names_size;
	set = (SegmentSet *) palloc(size);
	SET_VARSIZE(set, size);
	set->version = SEGMENT_SET_VERSION;
	set->reserved = 0;
	set->count = (uint16) count;

	ends = (uint32 *) segment_set_name_ends(set);
	names = (char *) segment_set_names(set);
	for (int i = 0; i < count; i++)
	{
		segment_set_set_entered_at(set, i, members[i].entered_at);
		memcpy(names + end, members[i].name, members[i].name_len);
		end += members[i].name_len;
		ends[i] = end;
	}
	return set;
}

/* The set without members: the identity of merge. Allocated by palloc. */
SegmentSet *
segment_set_empty(void)
{
	return segment_set_build(NULL, 0);
}

/* qsort comparator of members by name. */
static int
member_compare(const void *a, const void *b)
{
	const SegmentMember *ma = (const SegmentMember *) a;
	const SegmentMember *mb = (const SegmentMember *) b;

	return segment_name_compare(ma->name, ma->name_len, mb->name, mb->name_len);
}

/*
 * Makes a set of members in any order, names repeated or not; of a repeated
 * name the earliest time counts. Reorders the array. Lengths are the caller's
 * duty, as in segment_set_build.
 */
SegmentSet *
segment_set_collect(SegmentMember *members, int count)
{
	int kept = 0;

	if (count > 1)
		qsort(members, count, sizeof(SegmentMember), member_compare);
	for (int i = 0; i < count; i++)
	{
		if (kept > 0 && member_compare(&members[kept - 1], &members[i]) == 0)
			members[kept - 1].entered_at = Min(members[kept - 1].entered_at, members[i].entered_at);
		else
			members[kept++] = members[i];
	}
	return segment_set_build(members, kept);
}

/* How many members. */
int
segment_set_count(const SegmentSet *set)
{
	return set->count;
}

/* Member i, 0 <= i < count; the name points into the set. */
void
segment_set_get(const SegmentSet *set, int i, SegmentMember *member)
{
	Assert(i >= 0 && i < set->count);
	member->name = segment_set_name(set, i, &member->name_len);
	member->entered_at = segment_set_entered_at(set, i);
}

/* The index of the member with this name, or -1. */
int
segment_set_find(const SegmentSet *set, const char *name, int name_len)
{
	const uint32 *ends = segment_set_name_ends(set);
	const char *names = segment_set_names(set);
	int low = 0;
	int high = set->count;

	while (low < high)
	{
		int middle = (low + high) / 2;
		uint32 start = middle > 0 ? ends[middle - 1] : 0;
		int cmp = segment_name_compare(name, name_len, names + start, (int) (ends[middle] - start));

		if (cmp == 0)
			return middle;
		if (cmp < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return -1;
}

/* Has a member's name this beginning? Every name has the empty one. */
bool
segment_set_has_prefix(const SegmentSet *set, const char *prefix, int prefix_len)
{
	int low = 0;
	int high = set->count;
	const char *name;
	int name_len;

	while (low < high)
	{
		int middle = (low + high) / 2;

		name = segment_set_name(set, middle, &name_len);
		if (segment_name_compare(name, name_len, prefix, prefix_len) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == set->count)
		return false;
	name = segment_set_name(set, low, &name_len);
	return name_len >= prefix_len && memcmp(name, prefix, prefix_len) == 0;
}

/*
 * The union; a member of both has the earlier of its two times. More than
 * SEGMENT_SET_MAX members are an error. The result is one of the arguments
 * where it equals it, times included, else allocated by palloc.
 */
SegmentSet *
segment_set_merge(const SegmentSet *a, const SegmentSet *b)
{
	SegmentSet *result;
	SegmentMember *members;
	int count = 0;
	int i = 0;
	int j = 0;
	bool is_a = true; /* the union so far is what a has, times included */
	bool is_b = true;

	if (b->count == 0 || a == b)
		return unconstify(SegmentSet *, a);
	if (a->count == 0)
		return unconstify(SegmentSet *, b);

	members = (SegmentMember *) palloc(((Size) a->count + b->count) * sizeof(SegmentMember));
	while (i < a->count || j < b->count)
	{
		SegmentMember ma;
		SegmentMember mb;
		int cmp;

		if (i < a->count)
			segment_set_get(a, i, &ma);
		if (j < b->count)
			segment_set_get(b, j, &mb);
		if (i >= a->count)
			cmp = 1;
		else if (j >= b->count)
			cmp = -1;
		else
			cmp = segment_name_compare(ma.name, ma.name_len, mb.name, mb.name_len);

		if (cmp < 0)
		{
			is_b = false;
			members[count++] = ma;
			i++;
		}
		else if (cmp > 0)
		{
			is_a = false;
			members[count++] = mb;
			j++;
		}
		else
		{
			if (mb.entered_at < ma.entered_at)
				is_a = false;
			else if (ma.entered_at < mb.entered_at)
				is_b = false;
			members[count++] = mb.entered_at < ma.entered_at ? mb : ma;
			i++;
			j++;
		}
	}

	if (is_a)
		result = unconstify(SegmentSet *, a);
	else if (is_b)
		result = unconstify(SegmentSet *, b);
	else
		result = segment_set_build(members, count);
	pfree(members);
	return result;
}

/*
 * Merge in place, for an aggregate's own state. Where every member of "from" is
 * in "into", lowers the times that are later and returns true. Else changes
 * nothing and returns false.
 */
bool
segment_set_lower_times(SegmentSet *into, const SegmentSet *from)
{
	if (!segment_set_contains(into, from))
		return false;

	for (int j = 0; j < from->count; j++)
	{
		SegmentMember member;
		int i;

		segment_set_get(from, j, &member);
		i = segment_set_find(into, member.name, member.name_len);
		Assert(i >= 0);
		if (member.entered_at < segment_set_entered_at(into, i))
			segment_set_set_entered_at(into, i, member.entered_at);
	}
	return true;
}

/* Bytes of the arrays of name ends and names: what equality sees. */
static inline Size
segment_set_identity_size(const SegmentSet *set)
{
	return VARSIZE(set) - offsetof(SegmentSet, data) - (Size) set->count * sizeof(int64);
}

/* Do both have the same names? */
bool
segment_set_equal(const SegmentSet *a, const SegmentSet *b)
{
	Size size = segment_set_identity_size(a);

	return a->count == b->count && size == segment_set_identity_size(b) &&
	       memcmp(segment_set_name_ends(a), segment_set_name_ends(b), size) == 0;
}

/*
 * Order of sets: by their sorted names, one after the other, a prefix first.
 * Times do not count.
 */
int
segment_set_compare(const SegmentSet *a, const SegmentSet *b)
{
	int common = Min(a->count, b->count);

	for (int i = 0; i < common; i++)
	{
		int a_len;
		int b_len;
		const char *a_name = segment_set_name(a, i, &a_len);
		const char *b_name = segment_set_name(b, i, &b_len);
		int cmp = segment_name_compare(a_name, a_len, b_name, b_len);

		if (cmp != 0)
			return cmp;
	}
	return (int) a->count - (int) b->count;
}

/* Hash of the names. With seed 0 the low 32 bits are the hash class's hash without a seed. */
uint64
segment_set_hash_names(const SegmentSet *set, uint64 seed)
{
	return hash_bytes_extended((const unsigned char *) segment_set_name_ends(set),
	                           (int) segment_set_identity_size(set), seed);
}

/*
 * Counts the members of b that are in a, until one is missing (stop_at_missing)
 * or one is found (otherwise). Walks both when they are of like size, searches
 * when b is much the smaller.
 */
static int
segment_set_common(const SegmentSet *a, const SegmentSet *b, bool stop_at_missing)
{
	bool search = (int) b->count < (int) a->count / 8;
	int found = 0;
	int i = 0;

	for (int j = 0; j < b->count; j++)
	{
		int b_len;
		const char *b_name = segment_set_name(b, j, &b_len);
		bool is_there = false;

		if (search)
			is_there = segment_set_find(a, b_name, b_len) >= 0;
		else
		{
			for (; i < a->count && !is_there; i++)
			{
				int a_len;
				const char *a_name = segment_set_name(a, i, &a_len);
				int cmp = segment_name_compare(a_name, a_len, b_name, b_len);

				if (cmp > 0)
					break;
				is_there = (cmp == 0);
			}
		}
		if (is_there)
			found++;
		if (is_there != stop_at_missing)
			break;
	}
	return found;
}

/* Is every member of b in a? */
bool
segment_set_contains(const SegmentSet *a, const SegmentSet *b)
{
	return b->count <= a->count && segment_set_common(a, b, true) == b->count;
}

/* Have they a member in common? */
bool
segment_set_overlaps(const SegmentSet *a, const SegmentSet *b)
{
	if (a->count < b->count)
		return segment_set_common(b, a, false) > 0;
	return segment_set_common(a, b, false) > 0;
}
