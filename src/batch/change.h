/*
 * change.h
 *	  What has changed in a batch, and why.
 */
#ifndef CDP_CHANGE_H
#define CDP_CHANGE_H

#include "base/base.h"

/* Why something came about, as segment_changes and merges say it. */
typedef enum Cause
{
	CAUSE_EVENT,
	CAUSE_MERGE,
	CAUSE_SPLIT,
	CAUSE_CLOCK,
	CAUSE_COLUMN,
	CAUSE_DEFINITION,
	CAUSE_REEVALUATE,
	CAUSE_REBUILD,
	CAUSE_RULES,
	CAUSE_LINK,
	CAUSE_UNLINK,
	CAUSE_SEPARATE,
	CAUSE_UNSEPARATE,
	N_CAUSES
} Cause;

extern const char *const cause_names[N_CAUSES];

/* A membership that has begun or ended. */
typedef struct Change
{
	int64 profile_id;
	const char *segment;
	int segment_len;
	bool entered;
	TimestampTz at;
	Cause cause;
} Change;

#endif /* CDP_CHANGE_H */
