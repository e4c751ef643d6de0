/*
 * tables.h
 *	  The tables of identity, also for the rooms that replay evidence.
 */
#ifndef CDP_IDENTITY_TABLES_H
#define CDP_IDENTITY_TABLES_H

#include "workspace/workspace.h"

typedef enum IdentifierColumn
{
	IDENTIFIER_IDENTIFIER,
	IDENTIFIER_PROFILE_ID,
	IDENTIFIER_FIRST_SEEN,
	IDENTIFIER_LAST_SEEN,
	IDENTIFIER_ANCHORED_AT,
	IDENTIFIER_GENERIC,
	N_IDENTIFIER_COLUMNS
} IdentifierColumn;

typedef enum LinkColumn
{
	LINK_ANCHOR,
	LINK_IDENTIFIER,
	LINK_OCCURRED_AT,
	LINK_EVENT_ID,
	N_LINK_COLUMNS
} LinkColumn;

typedef enum RefusalColumn
{
	REFUSAL_IDENTIFIER,
	REFUSAL_ANCHOR,
	REFUSAL_REASON,
	REFUSAL_DETAIL,
	REFUSAL_OCCURRED_AT,
	REFUSAL_EVENT_ID,
	N_REFUSAL_COLUMNS
} RefusalColumn;

typedef enum DecisionColumn
{
	DECISION_A,
	DECISION_B,
	DECISION_KIND,
	DECISION_AT,
	DECISION_BY,
	N_DECISION_COLUMNS
} DecisionColumn;

typedef enum CompanionColumn
{
	COMPANION_IDENTIFIER,
	COMPANION_COMPANION,
	N_COMPANION_COLUMNS
} CompanionColumn;

typedef enum MergeColumn
{
	MERGE_MERGED_ID,
	MERGE_PROFILE_ID,
	MERGE_MERGED_INTO,
	MERGE_MERGED_AT,
	MERGE_CAUSE,
	MERGE_EVENT_ID,
	MERGE_ANCHOR,
	MERGE_IDENTIFIER,
	MERGE_FORMER_IDENTIFIER,
	MERGE_OWN_COLUMNS,
	MERGE_INHERITED,
	MERGE_UNDONE_AT,
	MERGE_UNDONE_CAUSE,
	N_MERGE_COLUMNS
} MergeColumn;

extern WorkspaceTable identifiers_table;
extern WorkspaceTable links_table;      /* identity_links */
extern WorkspaceTable refusals_table;   /* identity_refusals */
extern WorkspaceTable decisions_table;  /* identity_decisions: the room of decisions writes it */
extern WorkspaceTable companions_table; /* identifier_companions */
extern WorkspaceTable merges_table;

extern WorkspaceIndex identifiers_by_profile; /* (profile_id, identifier) */
extern WorkspaceIndex links_by_identifier;    /* (identifier) */
extern WorkspaceIndex refusals_by_anchor;     /* (anchor, reason) */
extern WorkspaceIndex decisions_by_b;         /* (identifier_b) */
extern WorkspaceIndex merges_by_profile;      /* (profile_id) */

#endif /* CDP_IDENTITY_TABLES_H */
