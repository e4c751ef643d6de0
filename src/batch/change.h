/*
 * change.h
 *	  Changes of membership in a batch, and the causes of changes.
 */
#ifndef CDP_CHANGE_H
#define CDP_CHANGE_H

#include "base/base.h"

/* Why a change happened, as segment_changes and merges record it. */
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

/* A profile has entered or left a segment. */
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
