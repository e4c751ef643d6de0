/*
 * segment_stats.h
 *	  What ANALYZE knows of a column of cdp.segment_set, beside the statistics
 *	  that every ordered type has: two slots of pg_statistic.
 *
 * STATISTIC_KIND_MCELEM, as of tsvector: the most common segments as text in the
 * order of their bytes, and how often each occurs among the non-null rows; then
 * the least and the greatest of these frequencies. pg_stats shows it.
 *
 * SEGMENT_STATISTIC_KIND_SAMPLE, beside it: of each of these segments, in the
 * same order, a bytea: bit r (of byte r / 8, from the least significant one)
 * tells whether row r of a sample is in it. So segments that depend on one
 * another, as vip and vip_away do, can be estimated together. Its numbers are
 * the rows of the sample, the rows that it was taken from (non-null ones of
 * ANALYZE's own sample), and the greatest frequency that a segment can have
 * which is not listed.
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
