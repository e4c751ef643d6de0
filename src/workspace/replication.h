/*
 * replication.h
 *	  Rows that come by logical replication.
 */
#ifndef CDP_WORKSPACE_REPLICATION_H
#define CDP_WORKSPACE_REPLICATION_H

#include "base/base.h"

#include "commands/trigger.h"

/*
 * Whether the rows of this session come by logical replication. They are the publisher's,
 * derived ones too: triggers that derive or refuse do nothing, also where somebody has made
 * them fire (ALTER TABLE ... ENABLE ALWAYS TRIGGER).
 */
static inline bool
row_is_replicated(void)
{
	return SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA;
}

#endif /* CDP_WORKSPACE_REPLICATION_H */
