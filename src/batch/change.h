/*
 * change.h
 *	  Changes of membership in a batch, and the causes of changes.
 */
#ifndef CDP_CHANGE_H
#define CDP_CHANGE_H

#include "base/base.h"

/*
 * Why a change happened: the text that segment_changes and merges record.
 * These are the causes that several rooms name; a room may have others of its own.
 */
typedef const char *Cause;

#define CAUSE_EVENT "event"
#define CAUSE_MERGE "merge"
#define CAUSE_SPLIT "split"
#define CAUSE_CLOCK "clock"
#define CAUSE_COLUMN "column"
#define CAUSE_DEFINITION "definition"
#define CAUSE_REEVALUATE "reevaluate"
#define CAUSE_REBUILD "rebuild"
#define CAUSE_RULES "rules"

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
