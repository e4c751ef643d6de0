/*
 * replay_queue.c
 *	  Identifiers whose components will be replayed.
 */
#include "identity/identity_internal.h"

void
replay_queue_add(ReplayQueue *queue, const Identifier *identifier)
{
	Size size = VARSIZE_ANY(identifier);

	ARRAY_GROW(queue->context, queue->identifiers, queue->n, queue->max);
	queue->identifiers[queue->n++] =
	    memcpy(MemoryContextAlloc(queue->context, size), identifier, size);
}
