/*
 * rebuild.h
 *	  Derives a workspace from its events again.
 */
#ifndef CDP_REBUILD_H
#define CDP_REBUILD_H

#include "batch/batch.h"

/*
 * Derives everything again; or what changed identity rules concern. The caller has locked
 * the workspace, acts as its owner, and has read its definitions. companions: the change may
 * have changed which co-occurring identifiers count, so they are recorded again too.
 */
extern void rebuild_workspace(Workspace *ws, Cause cause);
extern void rebuild_concerned(Workspace *ws, bool companions);

#endif /* CDP_REBUILD_H */
