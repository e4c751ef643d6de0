/*
 * rebuild.h
 *	  A workspace is derived from its events again.
 */
#ifndef CDP_REBUILD_H
#define CDP_REBUILD_H

#include "batch/batch.h"

/*
 * Derives everything again, or what changed identity rules concern. The caller
 * has locked the workspace, acts as its owner, and has read its definitions.
 * companions: other values may count for being generic, too.
 */
extern void rebuild_workspace(Workspace *ws, Cause cause);
extern void rebuild_concerned(Workspace *ws, bool companions);

#endif /* CDP_REBUILD_H */
