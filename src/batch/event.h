/*
 * event.h
 *	  One event of a batch, decoded.
 */
#ifndef CDP_EVENT_H
#define CDP_EVENT_H

#include "base/base.h"

#include "types/identifier.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/uuid.h"

/* What a part has noted of an event's row, for its value of profiles: see batch_note. */
typedef struct EventNote
{
	struct EventNote *next;
	int value; /* number of the ProfileValue */
	int len;
	char data[FLEXIBLE_ARRAY_MEMBER];
} EventNote;

typedef struct Event
{
	pg_uuid_t id;
	TimestampTz occurred_at;
	TimestampTz at; /* effective: see event_effective_at */
	Jsonb *traits;  /* null: none */
	Numeric amount; /* null: none */
	const char *source;
	int source_len;
	int first_ref;    /* place of its nodes in batch->refs, the anchor first */
	int n_refs;       /* nodes that are evidence; 0: the event is anonymous */
	int n_named;      /* all its nodes: also generic ones, and those of an anonymous event */
	EventNote *notes; /* null: none */
	const Identifier *row_anchor; /* the anchor in its row of events; null: none */
	int next;                     /* the next event of the same profile; -1: none */
	char currency[4];
} Event;

#endif /* CDP_EVENT_H */
