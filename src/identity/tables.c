/*
 * tables.c
 *	  The tables of identity.
 */
#include "identity/identity_internal.h"

#include "store/lock.h"

static const EngineColumn identifier_columns[N_IDENTIFIER_COLUMNS] = {
    [IDENTIFIER_IDENTIFIER] = {"identifier", "identifier"},
    [IDENTIFIER_PROFILE_ID] = {"profile_id", "int8", true},
    [IDENTIFIER_FIRST_SEEN] = {"first_seen", "timestamptz"},
    [IDENTIFIER_LAST_SEEN] = {"last_seen", "timestamptz"},
    [IDENTIFIER_ANCHORED_AT] = {"anchored_at", "timestamptz", true},
    [IDENTIFIER_GENERIC] = {"generic", "bool"},
};

static const EngineColumn link_columns[N_LINK_COLUMNS] = {
    [LINK_ANCHOR] = {"anchor", "identifier"},
    [LINK_IDENTIFIER] = {"identifier", "identifier"},
    [LINK_OCCURRED_AT] = {"occurred_at", "timestamptz"},
    [LINK_EVENT_ID] = {"event_id", "uuid"},
};

static const EngineColumn refusal_columns[N_REFUSAL_COLUMNS] = {
    [REFUSAL_IDENTIFIER] = {"identifier", "text"},
    [REFUSAL_ANCHOR] = {"anchor", "identifier", true},
    [REFUSAL_REASON] = {"reason", "text"},
    [REFUSAL_DETAIL] = {"detail", "text", true},
    [REFUSAL_OCCURRED_AT] = {"occurred_at", "timestamptz"},
    [REFUSAL_EVENT_ID] = {"event_id", "uuid"},
};

static const EngineColumn decision_columns[N_DECISION_COLUMNS] = {
    [DECISION_A] = {"identifier_a", "identifier"},
    [DECISION_B] = {"identifier_b", "identifier"},
    [DECISION_KIND] = {"kind", "text"},
    [DECISION_AT] = {"decided_at", "timestamptz"},
    [DECISION_BY] = {"decided_by", "text"},
};

static const EngineColumn companion_columns[N_COMPANION_COLUMNS] = {
    [COMPANION_IDENTIFIER] = {"identifier", "identifier"},
    [COMPANION_COMPANION] = {"companion", "identifier"},
};

static const EngineColumn merge_columns[N_MERGE_COLUMNS] = {
    [MERGE_MERGED_ID] = {"merged_id", "int8"},
    [MERGE_PROFILE_ID] = {"profile_id", "int8"},
    [MERGE_MERGED_INTO] = {"merged_into", "int8"},
    [MERGE_MERGED_AT] = {"merged_at", "timestamptz", true},
    [MERGE_CAUSE] = {"cause", "text"},
    [MERGE_EVENT_ID] = {"event_id", "uuid", true},
    [MERGE_ANCHOR] = {"anchor", "identifier", true},
    [MERGE_IDENTIFIER] = {"identifier", "identifier", true},
    [MERGE_FORMER_IDENTIFIER] = {"former_identifier", "identifier", true},
    [MERGE_OWN_COLUMNS] = {"own_columns", "jsonb", true},
    [MERGE_INHERITED] = {"inherited", "_text", true},
    [MERGE_UNDONE_AT] = {"undone_at", "timestamptz", true},
    [MERGE_UNDONE_CAUSE] = {"undone_cause", "text", true},
};

/*
 * An identifier is guarded by its profile; an identifier without one, by the profiles of its
 * evidence, see locks.c.
 */
static bool
is_guarded(Store *store, TupleTableSlot *slot)
{
	StoredIdentifier identifier;
	TupleTableSlot *profile;

	stored_read_identifier(store, slot, &identifier);
	if (identifier.profile_id == 0)
		return true; /* we do not check the profiles of its evidence */
	profile = store_find(store, &profiles_table, Int64GetDatum(identifier.profile_id));
	return profile == NULL || store_is_locked(profile); /* null: this transaction has deleted it */
}

WorkspaceTable identifiers_table = {.name = "identifiers",
                                    .guard = GUARD_DERIVED,
                                    .columns = identifier_columns,
                                    .n_columns = N_IDENTIFIER_COLUMNS,
                                    .n_key = 1,
                                    .locks_rows = true,
                                    .is_guarded = is_guarded};
WorkspaceTable links_table = {.name = "identity_links",
                              .guard = GUARD_DERIVED,
                              .columns = link_columns,
                              .n_columns = N_LINK_COLUMNS,
                              .n_key = 2};
WorkspaceTable refusals_table = {.name = "identity_refusals",
                                 .guard = GUARD_DERIVED,
                                 .columns = refusal_columns,
                                 .n_columns = N_REFUSAL_COLUMNS,
                                 .n_key = 3};
WorkspaceTable decisions_table = {.name = "identity_decisions",
                                  .guard = GUARD_DERIVED,
                                  .columns = decision_columns,
                                  .n_columns = N_DECISION_COLUMNS,
                                  .n_key = 2};
WorkspaceTable companions_table = {.name = "identifier_companions",
                                   .guard = GUARD_DERIVED,
                                   .columns = companion_columns,
                                   .n_columns = N_COMPANION_COLUMNS,
                                   .n_key = 2};
WorkspaceTable merges_table = {.name = "merges",
                               .guard = GUARD_DERIVED,
                               .columns = merge_columns,
                               .n_columns = N_MERGE_COLUMNS};

WorkspaceIndex identifiers_by_profile = {&identifiers_table, 2, {"profile_id", "identifier"}};
WorkspaceIndex links_by_identifier = {&links_table, 1, {"identifier"}};
WorkspaceIndex refusals_by_anchor = {&refusals_table, 2, {"anchor", "reason"}};
WorkspaceIndex decisions_by_b = {&decisions_table, 1, {"identifier_b"}};
WorkspaceIndex merges_by_profile = {&merges_table, 1, {"profile_id"}};

WorkspacePart identity_part = {
    .name = "identity",
    .tables = (WorkspaceTable *const[]){&identifiers_table, &links_table, &refusals_table,
                                        &companions_table, &merges_table, NULL},
    .indexes = (WorkspaceIndex *const[]){&identifiers_by_profile, &links_by_identifier,
                                         &refusals_by_anchor, &merges_by_profile, NULL},
};
