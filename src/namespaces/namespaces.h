/*
 * namespaces.h
 *	  Kinds of identifiers: how strong each is, how many of it a profile may have, and
 *	  which values identify nobody.
 */
#ifndef CDP_NAMESPACES_H
#define CDP_NAMESPACES_H

#include "normalise/normalise.h"
#include "workspace/workspace.h"

extern WorkspacePart namespaces_part;
extern WorkspaceTable namespaces_table; /* identifier_namespaces */
extern WorkspaceTable blocked_table;    /* blocked_identifiers */

typedef enum NamespaceColumn
{
	NAMESPACE_NAME,
	NAMESPACE_PRIORITY,
	NAMESPACE_MAX_PER_PROFILE,
	NAMESPACE_CAN_ANCHOR,
	NAMESPACE_CAN_MERGE,
	NAMESPACE_PATTERN,
	NAMESPACE_GENERIC_AFTER,
	N_NAMESPACE_COLUMNS
} NamespaceColumn;

/* Rule of one namespace. */
typedef struct NamespaceRule
{
	char name[NORMALISE_MAX_NAMESPACE + 1];
	int name_len;
	int priority;        /* lower is stronger */
	int max_per_profile; /* -1: no limit */
	int generic_after;   /* -1: never */
	bool can_anchor;
	bool can_merge;
	text *pattern; /* a canonical value must match it; null: none, or it does not compile */
} NamespaceRule;

/* The rules of a workspace. */
typedef struct Namespaces
{
	NamespaceRule *rules; /* sorted by name; the default rule is not among them */
	int n_rules;
	int max_rules;
	NamespaceRule default_rule;   /* of the namespace * */
	bool can_all_merge;           /* no namespace has can_merge false */
	int max_generic_after;        /* the largest; -1: none */
	struct BlockedValue *blocked; /* sorted by value, then namespace */
	int n_blocked;
	int max_blocked;
	uint64 blocked_lengths[256]; /* by first byte: bit Min(length, 63) of each blocked value */
	struct BlockedPattern *patterns;
	int n_patterns;
	int max_patterns;
} Namespaces;

static inline const Namespaces *
namespaces_of(const Workspace *ws)
{
	return workspace_data(ws, &namespaces_part);
}

/* The rule of a namespace; the default rule where it has none of its own. */
extern const NamespaceRule *namespaces_rule(const Workspace *ws, const char *name, int len);

/*
 * Whether namespace a is stronger than namespace b: the lower priority is, then the
 * smaller name. A namespace is not stronger than itself.
 */
extern bool namespaces_is_stronger(const NamespaceRule *rule_a, const char *a, int a_len,
                                   const NamespaceRule *rule_b, const char *b, int b_len);

/* Whether a canonical value matches its namespace's pattern, if there is one. */
extern bool namespaces_pattern_allows(const NamespaceRule *rule, const char *value, int len);

/* Whether a canonical identifier is blocked: it identifies nobody. */
extern bool namespaces_blocks(const Workspace *ws, const char *text, int namespace_len, int len);

#endif /* CDP_NAMESPACES_H */
