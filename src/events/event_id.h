/*
 * event_id.h
 *	  Event ids.
 */
#ifndef CDP_EVENT_ID_H
#define CDP_EVENT_ID_H

#include "postgres.h"

#include "utils/uuid.h"

/* A new id, ordered by time (UUID version 7, RFC 9562). */
extern pg_uuid_t *event_id_generate(void);

#endif /* CDP_EVENT_ID_H */
