/*
 * pipeline.c
 *	  The five stages of a batch, in their order:
 *
 *	  normalise   events_run: rows of events become events of a batch, with
 *				  canonical identifiers, strongest first (src/events)
 *	  resolve     identifiers become profiles (src/identity)
 *	  fold        events become values of profiles (src/profiles, and the parts)
 *	  evaluate    which segments hold, and until when (src/segments)
 *	  emit        profiles, changes and evidence are written
 *
 * Each stage adds to the batch (src/batch) that the one before hands on.
 */
#include "pipeline/pipeline.h"

#include "profiles/profiles.h"
#include "segments/segments.h"

void
pipeline_run(Batch *batch, ReplayQueue *queue)
{
	identity_read(batch);
	identity_lock(batch);
	pipeline_run_locked(batch, queue);
}

void
pipeline_run_locked(Batch *batch, ReplayQueue *queue)
{
	MemoryContext oldcontext;
	WorkspacePart *part;

	identity_resolve(batch);
	pipeline_finish_profiles(batch);
	identity_write(batch, queue);
	oldcontext = MemoryContextSwitchTo(batch->values);
	FOREACH_PART (part)
		if (part->batch_written != NULL)
			part->batch_written(batch);
	MemoryContextSwitchTo(oldcontext);
}

static int
compare_profiles(const void *a, const void *b)
{
	int64 x = (*(Profile *const *) a)->id;
	int64 y = (*(Profile *const *) b)->id;

	return x < y ? -1 : x > y;
}

/*
 * Frees all values: those of the last slice, and those read when profiles were locked. The
 * profiles from first to before end, and those merged into them, must be loaded again.
 */
static void
forget_values(Batch *batch, int first, int end)
{
	MemoryContextReset(batch->values);
	for (int i = first; i < end; i++)
	{
		Profile *profile = batch->profiles[i];

		profile->loaded = false;
		for (Profile *merged = profile->merged_profiles; merged; merged = merged->next_merged)
			merged->loaded = false;
	}
}

/* Works slice by slice, in the order of ids: the values of all profiles may not fit into memory. */
void
pipeline_finish_profiles(Batch *batch)
{
	int n = 0;
	int start = 0;

	for (int i = 0; i < batch->n_profiles; i++)
		if (!batch->profiles[i]->merged)
			batch->profiles[n++] = batch->profiles[i];
	if (n > 1)
		qsort(batch->profiles, n, sizeof(Profile *), compare_profiles);
	if (n > SLICE_PROFILES)
		forget_values(batch, 0, n);
	while (start < n)
	{
		batch->slice = &batch->profiles[start];
		batch->n_slice = Min(SLICE_PROFILES, n - start);
		profiles_fold_slice(batch);
		segments_evaluate_slice(batch);
		profiles_write_slice(batch);
		start += batch->n_slice;
		if (start < n)
			forget_values(batch, start, Min(start + SLICE_PROFILES, n));
	}
}
