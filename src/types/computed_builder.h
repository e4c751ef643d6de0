/*
 * computed_builder.h
 *	  Putting together what events add to computed traits.
 */
#ifndef CDP_COMPUTED_BUILDER_H
#define CDP_COMPUTED_BUILDER_H

#include "types/computed.h"

/*
 * Collects what events add, and values, on top of a base. Its memory comes from
 * the context that was current at init. The base, the traits (which ascend by
 * name) and additions are not copied and must stay until finish.
 */
typedef struct ComputedBuilder
{
	const Computed *base;
	const char *zone;
	const ComputedTrait *traits;
	int n_traits;
	MemoryContext context;
	bool owns_values; /* additions may be freed: copy them */
	struct ComputedDelta *deltas;
	int n_deltas;
	int max_deltas;
	int *latest; /* per trait its delta used last; -1: none */
	const Computed **merged;
	int n_merged;
	int max_merged;
} ComputedBuilder;

extern void computed_builder_init(ComputedBuilder *builder, const Computed *base,
                                  const ComputedTrait *traits, int n_traits, const char *zone);

/*
 * Adds an event's value, in its stored form, to one of the traits: at the
 * event's effective time, on that day of the zone.
 */
extern void computed_builder_add(ComputedBuilder *builder, int trait, const char *value, int len,
                                 TimestampTz at, int32 day, const pg_uuid_t *event_id);
extern void computed_builder_merge(ComputedBuilder *builder, const Computed *other);

/* The number of collected deltas; and freeing them. */
extern int computed_builder_size(const ComputedBuilder *builder);
extern void computed_builder_free(ComputedBuilder *builder);

/*
 * The sum, in the current memory context. Days that no instant from today on
 * can see are left out; today in days since 2000-01-01, PG_INT32_MAX: none are.
 * Where nothing was added it is the base itself, and *changed false.
 */
extern Computed *computed_builder_finish(ComputedBuilder *builder, int32 today, bool *changed);

/* Numbers of any size, as they stand in values; also for callers that store values elsewhere. */
extern uint64 computed_get_number(const char **p);
extern void computed_append_number(StringInfo out, uint64 number);

#endif /* CDP_COMPUTED_BUILDER_H */
