/*
 * parts.c
 *	  The table of parts: what a workspace is made of. A capability adds a line here,
 *	  its folders in src and sql, and tests that have its name.
 *
 * Parts are created, read, compiled and called in this order: a part may use the
 * tables and definitions of the parts before it. It is also the order of the values
 * in a row of profiles.
 */
#include "workspace/parts.h"

#define PARTS(PART)                                                                                \
	PART(workspace)                                                                                \
	PART(namespaces)                                                                               \
	PART(events)                                                                                   \
	PART(identity)                                                                                 \
	PART(decisions)                                                                                \
	PART(profiles)                                                                                 \
	PART(traits)                                                                                   \
	PART(value)                                                                                    \
	PART(computed)                                                                                 \
	PART(segments)                                                                                 \
	PART(scores)

#define DECLARE_PART(name) extern WorkspacePart name##_part;
#define LIST_PART(name) &name##_part,

PARTS(DECLARE_PART)

WorkspacePart *const workspace_parts[] = {PARTS(LIST_PART) NULL};
