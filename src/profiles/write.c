/*
 * write.c
 *	  Stage five, for profiles: their rows are written.
 */
#include "profiles/profiles_internal.h"

#include "miscadmin.h"
#include "utils/lsyscache.h"

/* Warns if a user's foreign key may reference a profile that a merge removes. */
static void
warn_referenced(Store *store, int64 profile_id)
{
	Oid referencing = store_referencing(store, &profiles_table);

	if (OidIsValid(referencing))
		ereport(
		    WARNING,
		    (errcode(ERRCODE_WARNING),
		     errmsg("profile " INT64_FORMAT ", which table \"%s\" may reference, was merged",
		            profile_id, get_rel_name(referencing)),
		     errdetail("Its rows keep the former id; the foreign key is not enforced for them."),
		     errhint("Drop the foreign key, and resolve ids with cdp.canonical.")));
}

static void
write_profile(Batch *batch, Profile *profile)
{
	CHECK_FOR_INTERRUPTS();
	if (profile->vanishes)
		store_delete(batch->store, &profiles_table, &profile->tuple->t_self);
	else if (profile->changed == NULL)
		return;
	else if (profile->tuple == NULL)
		store_insert(batch->store, &profiles_table, profiles_row(batch, profile));
	else
		store_update(batch->store, &profiles_table, &profile->tuple->t_self,
		             profiles_row(batch, profile));
}

/*
 * Merged profiles are deleted first: a survivor may take over a value of theirs that is
 * unique. Profiles that give such a value back are written before those that get it.
 */
static void
write_profiles(Batch *batch)
{
	for (int i = 0; i < batch->n_slice; i++)
		columns_record(batch, batch->slice[i]);
	for (int i = 0; i < batch->n_slice; i++)
		for (Profile *loser = batch->slice[i]->merged_profiles; loser != NULL;
		     loser = loser->next_merged)
		{
			warn_referenced(batch->store, loser->id);
			store_delete(batch->store, &profiles_table, &loser->tuple->t_self);
		}
	for (int i = 0; i < batch->n_slice; i++)
		if (batch->slice[i]->split_profiles != NULL)
			write_profile(batch, batch->slice[i]);
	for (int i = 0; i < batch->n_slice; i++)
		if (batch->slice[i]->split_profiles == NULL)
			write_profile(batch, batch->slice[i]);
}

void
profiles_write_slice(Batch *batch)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(batch->values);
	WorkspacePart *part;

	write_profiles(batch);
	FOREACH_PART (part)
		if (part->slice_written != NULL)
			part->slice_written(batch);
	batch->n_changes = 0;
	MemoryContextSwitchTo(oldcontext);
}

WorkspacePart profiles_part = {
    .name = "profiles",
    .tables = (WorkspaceTable *const[]){&profiles_table, &balances_table, NULL},
    .indexes = (WorkspaceIndex *const[]){&profiles_by_timer, NULL},
};
