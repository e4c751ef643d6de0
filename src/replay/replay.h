/*
 * replay.h
 *	  Components whose evidence is decided again, in its order.
 */
#ifndef CDP_REPLAY_H
#define CDP_REPLAY_H

#include "identity/identity.h"

#define REPLAY_STRICT 0x01     /* decisions that contradict each other are errors */
#define REPLAY_REBUILDING 0x02 /* no segments and no history; the rebuild gives the ids */

/*
 * Replays the components of some identifiers: decides which identifiers are one person, by
 * all evidence and decisions as they are stored. The cause is recorded in merges. The caller
 * has locked all component profiles (identity_component_profiles), or the workspace.
 */
extern void replay_components(Store *store, Identifier *const *identifiers, int n, Cause cause,
                              int flags);

#endif /* CDP_REPLAY_H */
