/*
 * computed.h
 *	  Computed traits: definitions over a row of events, and the value computed of profiles,
 *	  which is a fold of what each event adds.
 */
#ifndef CDP_COMPUTED_ROOM_H
#define CDP_COMPUTED_ROOM_H

#include "workspace/workspace.h"

extern WorkspacePart computed_part;

/* Whether some computed trait looks back over a window of days. */
extern bool computed_has_windows(Workspace *ws);

/*
 * Fills such traits in all profiles from the events again. That is needed when the clock was
 * set back: the states lack days that the windows see again.
 */
extern void computed_fill_windows(Workspace *ws);

#endif /* CDP_COMPUTED_ROOM_H */
