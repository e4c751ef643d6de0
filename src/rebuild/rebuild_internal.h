/*
 * rebuild_internal.h
 *	  What the files of this room share.
 */
#ifndef CDP_REBUILD_INTERNAL_H
#define CDP_REBUILD_INTERNAL_H

#include "computed/computed.h"
#include "identity/identity.h"
#include "segments/segments.h"
#include "store/lock.h"
#include "workspace/lock.h"

/*
 * Derives a workspace from its events again, or what changed identity rules
 * concern. The caller has locked it, acts as its owner, and has read its
 * definitions. companions: other values may count for being generic, too.
 */
extern void rebuild_workspace(Workspace *ws, Cause cause);
extern void rebuild_concerned(Workspace *ws, bool companions);

#endif /* CDP_REBUILD_INTERNAL_H */
