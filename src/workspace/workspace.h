/*
 * workspace.h
 *	  What a backend knows of a workspace: its tables, settings, identity rules
 *	  and compiled segments. Read once, kept until a definition changes.
 */
#ifndef CDP_WORKSPACE_H
#define CDP_WORKSPACE_H

#include "base/base.h"

#include "executor/executor.h"
#include "normalise/normalise.h"
#include "types/computed.h"
#include "utils/rel.h"

/* Tables of a workspace. */
typedef enum WorkspaceTable
{
	TABLE_EVENTS,
	TABLE_EVENT_IDS,
	TABLE_PROFILES,
	TABLE_IDENTIFIERS,
	TABLE_LINKS,
	TABLE_REFUSALS,
	TABLE_DECISIONS,
	TABLE_COMPANIONS,
	TABLE_MERGES,
	TABLE_OPENING_BALANCES,
	TABLE_SEGMENT_CHANGES,
	TABLE_SEGMENT_ERRORS,
	TABLE_SEGMENT_DEFINITIONS,
	TABLE_SEGMENTS,
	TABLE_COMPUTED_TRAITS,
	TABLE_COMPUTED_ERRORS,
	TABLE_SETTINGS,
	TABLE_NAMESPACES,
	TABLE_BLOCKED,
	N_WORKSPACE_TABLES
} WorkspaceTable;

/* Columns that the engine reads and writes, by their place in each table. */
typedef enum EventColumn
{
	EVENT_ID,
	EVENT_OCCURRED_AT,
	EVENT_RECEIVED_AT,
	EVENT_NAME,
	EVENT_SOURCE,
	EVENT_AMOUNT,
	EVENT_CURRENCY,
	EVENT_ANCHOR,
	EVENT_IDENTIFIERS,
	EVENT_TRAITS,
	EVENT_PROPERTIES,
	N_EVENT_COLUMNS
} EventColumn;

typedef enum ProfileColumn
{
	PROFILE_ID,
	PROFILE_FIRST_SEEN,
	PROFILE_LAST_SEEN,
	PROFILE_EVENT_COUNT,
	PROFILE_EVALUATED_AT,
	PROFILE_NEXT_EVALUATION_AT,
	PROFILE_IDENTIFIER_COUNT,
	PROFILE_CONTESTED_UNTIL,
	PROFILE_TRAITS,
	PROFILE_LTV,
	PROFILE_COMPUTED,
	PROFILE_SEGMENTS,
	N_PROFILE_COLUMNS
} ProfileColumn;

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

typedef enum BalanceColumn
{
	BALANCE_ANCHOR,
	BALANCE_FIRST_SEEN,
	BALANCE_LAST_SEEN,
	BALANCE_EVENT_COUNT,
	BALANCE_TRAITS,
	BALANCE_LTV,
	BALANCE_COMPUTED,
	N_BALANCE_COLUMNS
} BalanceColumn;

typedef enum ChangeColumn
{
	CHANGE_PROFILE_ID,
	CHANGE_SEGMENT,
	CHANGE_ENTERED,
	CHANGE_AT,
	CHANGE_CAUSE,
	N_CHANGE_COLUMNS
} ChangeColumn;

typedef enum ErrorColumn
{
	ERROR_SEGMENT,
	ERROR_PROFILE_ID,
	ERROR_SQLSTATE,
	ERROR_MESSAGE,
	ERROR_AT,
	N_ERROR_COLUMNS
} ErrorColumn;

typedef enum ComputedErrorColumn
{
	COMPUTED_ERROR_TRAIT,
	COMPUTED_ERROR_PROFILE_ID,
	COMPUTED_ERROR_N,
	COMPUTED_ERROR_SQLSTATE,
	COMPUTED_ERROR_MESSAGE,
	COMPUTED_ERROR_EVENT_ID,
	COMPUTED_ERROR_AT,
	N_COMPUTED_ERROR_COLUMNS
} ComputedErrorColumn;

typedef enum DefinitionColumn
{
	DEFINITION_SEGMENT,
	DEFINITION_PREDICATE,
	DEFINITION_AT,
	DEFINITION_BY,
	N_DEFINITION_COLUMNS
} DefinitionColumn;

/* No table has more columns of the engine's. */
#define MAX_ENGINE_COLUMNS N_MERGE_COLUMNS
StaticAssertDecl((int) N_MERGE_COLUMNS >= (int) N_EVENT_COLUMNS &&
                     (int) N_MERGE_COLUMNS >= (int) N_PROFILE_COLUMNS,
                 "MAX_ENGINE_COLUMNS is the largest");

/* Rule of one identifier namespace. */
typedef struct NamespaceRule
{
	char name[NORMALISE_MAX_NAMESPACE + 1];
	int name_len;
	int priority;        /* lower is stronger */
	int max_per_profile; /* -1: no limit */
	int generic_after;   /* -1: never */
	bool can_anchor;
	bool can_merge;
	text *pattern; /* of the canonical value; null: any, or the pattern does not compile */
} NamespaceRule;

/* One segment, compiled. */
typedef struct Segment
{
	char *name;
	int name_len;
	char *predicate;
	ExprState *state;        /* of one that does not read the clock; else null */
	struct ClockNode *clock; /* of one that does; both null: the definition does not compile */
	ErrorData *broken;       /* why, then */
	char *missing;           /* the segment that it refers to and that is not there; null: none */
	char *missing_computed;  /* the same of a computed trait */
	Bitmapset *columns;      /* attribute numbers of profiles that it reads */
	char **keys;             /* keys of traits that it reads */
	int n_keys;
	char **computed; /* computed traits that it reads */
	int n_computed;
	char **prefixes; /* of names: it refers to whichever segments have such a one */
	int n_prefixes;
	Bitmapset *reads;      /* segments that it refers to, by index */
	Bitmapset *dependents; /* segments that refer to it, by rank */
	int rank;              /* place in the order of evaluation */
	bool uses_time_zone;   /* evaluate with the workspace's time zone set */
} Segment;

/* The window_days of a computed trait without a window. */
#define COMPUTED_FOR_EVER INT_MIN

/* A computed trait, compiled. */
typedef struct ComputedDefinition
{
	char *name;
	char *kind;
	char *event; /* null: any */
	int event_len;
	char *filter;     /* null: none */
	char *expression; /* null: none */
	int window_days;  /* COMPUTED_FOR_EVER: no window */
	int list_limit;
	int max_distinct;
	ComputedKind kind_number;
	ComputedClass value_class;
	ExprState *filter_state;     /* null: none */
	ExprState *expression_state; /* null: none */
	ErrorData *broken;           /* why it does not compile; null: it does */
} ComputedDefinition;

/* Segments that read one key of traits, or one computed trait. */
typedef struct TraitReaders
{
	const char *key;
	int key_len;
	Bitmapset *segments; /* by rank */
} TraitReaders;

typedef struct Workspace
{
	Oid events;            /* key of the cache */
	bool valid;            /* false: read anew at the next use */
	MemoryContext context; /* owns all below */
	Oid owner;             /* of the tables; the engine works as them */
	Oid schema;
	uint32 schema_hash; /* of its syscache entry */
	char *name;         /* of the schema */
	Oid tables[N_WORKSPACE_TABLES];
	Oid keys[N_WORKSPACE_TABLES]; /* unique index by which the engine finds rows */
	Oid identifiers_by_profile;   /* index on (profile_id, identifier) */
	Oid links_by_identifier;      /* index on (identifier) */
	Oid refusals_by_anchor;       /* index on (anchor, reason) */
	Oid decisions_by_b;           /* index on (identifier_b) */
	Oid merges_by_profile;        /* index on (profile_id) */
	Oid events_by_anchor;         /* index on (anchor, occurred_at) */
	Oid profiles_by_timer;        /* index on (next_evaluation_at) */
	Oid profiles_sequence;        /* that hands out profile ids */
	Oid identifier_eq;            /* functions cdp.identifier =, >= and < */
	Oid identifier_ge;
	Oid identifier_lt;
	/* attribute numbers and types of the columns above; of a definition table, those it reads */
	int n_columns[N_WORKSPACE_TABLES];
	AttrNumber columns[N_WORKSPACE_TABLES][MAX_ENGINE_COLUMNS];
	Oid types[N_WORKSPACE_TABLES][MAX_ENGINE_COLUMNS];

	NormaliseOptions options;
	char *time_zone;
	char default_currency[4];
	NamespaceRule *rules; /* sorted by name, without the default */
	int n_rules;
	NamespaceRule default_rule;   /* of the namespace * */
	bool can_all_merge;           /* no namespace has can_merge false */
	int max_generic_after;        /* the largest; -1: none */
	struct BlockedValue *blocked; /* sorted by value, then namespace */
	int n_blocked;
	uint64 blocked_lengths[256]; /* by first byte: bit Min(length, 63) of the blocked values */
	struct BlockedPattern *blocked_patterns;
	int n_blocked_patterns;

	Segment *segments; /* sorted by name bytes */
	int n_segments;
	int *by_rank;              /* indexes into segments, in the order of evaluation */
	Bitmapset *all_segments;   /* sets of segments by rank */
	Bitmapset *clock_segments; /* ... that read the clock */
	Bitmapset **readers;       /* ... that read a column, by its attribute number */
	int n_readers;
	TraitReaders *trait_readers;
	int n_trait_readers;
	TraitReaders *computed_readers;
	int n_computed_readers;
	Bitmapset *in_circle; /* segments, by index, that refer to each other */
	int n_params;         /* of the predicates */

	ComputedDefinition *computed;   /* sorted by name bytes */
	ComputedTrait *computed_traits; /* the same as their states know them */
	int n_computed;
	bool computed_uses_days;      /* one has a window */
	bool computed_uses_time_zone; /* evaluate with the workspace's time zone set */
	Computed *no_computed;        /* of a profile without events */
	struct pg_tz *tz;             /* time_zone; null: UTC */
	EState *estate;               /* for the predicates */
	ExprContext *econtext;
} Workspace;

/*
 * The workspace whose events table this is, read anew if a definition has
 * changed. Errors if the table is no workspace's. The result stays readable
 * until the end of the transaction, even if it is replaced meanwhile.
 */
extern Workspace *workspace_of_events(Oid events);

/* The workspace of that schema; errors if there is none. */
extern Workspace *workspace_by_name(const char *name);

/*
 * Errors unless the engine's columns of an open table are what they were when
 * the workspace was read: who may change a table could otherwise have the
 * engine take a number for a pointer.
 */
extern void workspace_check_columns(const Workspace *ws, WorkspaceTable table, Relation rel);

/* Rule of a namespace; the default one where it has none of its own. */
extern const NamespaceRule *workspace_rule(const Workspace *ws, const char *name, int len);

/*
 * Whether the namespace of a is stronger than that of b: lower priority, then
 * name. A namespace is not stronger than itself.
 */
extern bool workspace_namespace_is_stronger(const NamespaceRule *rule_a, const char *a, int a_len,
                                            const NamespaceRule *rule_b, const char *b, int b_len);

/* Whether a canonical value is one that its namespace's pattern lets pass. */
extern bool workspace_pattern_allows(const NamespaceRule *rule, const char *value, int len);

/* Whether a canonical identifier is one that never identifies anybody. */
extern bool workspace_blocks(const Workspace *ws, const char *text, int namespace_len, int len);

/* Tells every backend that the definitions of a workspace have changed. */
extern void workspace_invalidate(const Workspace *ws);

/*
 * The work of the engine is done as the owner of the workspace's tables. Row
 * security does not hide rows from it, even where it is forced on the owner:
 * what is derived would be wrong.
 */
typedef struct WorkspaceUser
{
	Oid user;
	int sec_context;
} WorkspaceUser;

extern void workspace_become_owner(const Workspace *ws, WorkspaceUser *saved);
extern void workspace_restore_user(const WorkspaceUser *saved);

/* Errors unless the current user may act as the owner of the workspace. */
extern void workspace_require_owner(const Workspace *ws);

#endif /* CDP_WORKSPACE_H */
