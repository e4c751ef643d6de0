/*
 * pipeline.h
 *	  The five stages in their order: see pipeline.c.
 */
#ifndef CDP_PIPELINE_H
#define CDP_PIPELINE_H

#include "identity/identity.h"

/* Takes a batch of events through the stages; queues identifiers whose components need a replay. */
extern void pipeline_run(Batch *batch, ReplayQueue *queue);

/* The same for a batch whose locks have been taken for the whole statement. */
extern void pipeline_run_locked(Batch *batch, ReplayQueue *queue);

/* Folds, evaluates and writes the batch's profiles that are not merged into others. */
extern void pipeline_finish_profiles(Batch *batch);

#endif /* CDP_PIPELINE_H */
