/*
 * segment_stats.h
 *	  Statistics of ANALYZE on a column of cdp.segment_set: two slots of
 *	  pg_statistic beside those of every ordered type.
 *
 * STATISTIC_KIND_MCELEM, as of tsvector, has the most common segments as text
 * in the order of their bytes. Its numbers are the frequency of each among the
 * non-null rows, then the least and the greatest of these frequencies. pg_stats
 * shows it.
 *
 * SEGMENT_STATISTIC_KIND_SAMPLE has a bytea for each of these segments, in the
 * same order. Bit r tells whether row r of a sample is in the segment; it is in
 * byte r / 8, from the least significant bit. So segments that depend on one
 * another, as vip and vip_away do, can be estimated together. It has three
 * numbers. The first two are the rows of the sample, and the non-null rows of
 * ANALYZE's own sample, its source. The third is the greatest frequency that an
 * unlisted segment can have.
 */
#ifndef CDP_SEGMENT_STATS_H
#define CDP_SEGMENT_STATS_H

#include "types/segment_set.h"

/* Of the numbers that PostgreSQL leaves for private use. */
#define SEGMENT_STATISTIC_KIND_SAMPLE 11731

/* Places in the numbers of the sample's slot. */
#define SEGMENT_SAMPLE_ROWS 0
#define SEGMENT_SAMPLE_FROM 1
#define SEGMENT_SAMPLE_UNLISTED 2
#define SEGMENT_SAMPLE_NUMBERS 3

#endif /* CDP_SEGMENT_STATS_H */
