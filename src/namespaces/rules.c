/*
 * rules.c
 *	  Rules per namespace, and values that identify nobody.
 */
#include "namespaces/namespaces.h"

#include "base/array.h"
#include "workspace/definitions.h"
#include "catalog/pg_collation_d.h"
#include "mb/pg_wchar.h"
#include "regex/regex.h"
#include "utils/builtins.h"

typedef enum BlockedColumn
{
	BLOCKED_NAMESPACE,
	BLOCKED_VALUE,
	BLOCKED_ENABLED,
	BLOCKED_KIND,
	N_BLOCKED_COLUMNS
} BlockedColumn;

static const EngineColumn namespace_columns[N_NAMESPACE_COLUMNS] = {
    [NAMESPACE_NAME] = {"namespace", "text"},
    [NAMESPACE_PRIORITY] = {"priority", "int4"},
    [NAMESPACE_MAX_PER_PROFILE] = {"max_per_profile", "int4", true},
    [NAMESPACE_CAN_ANCHOR] = {"can_anchor", "bool"},
    [NAMESPACE_CAN_MERGE] = {"can_merge", "bool"},
    [NAMESPACE_PATTERN] = {"pattern", "text", true},
    [NAMESPACE_GENERIC_AFTER] = {"generic_after", "int4", true},
};

static const EngineColumn blocked_columns[N_BLOCKED_COLUMNS] = {
    [BLOCKED_NAMESPACE] = {"namespace", "text"},
    [BLOCKED_VALUE] = {"value", "text"},
    [BLOCKED_ENABLED] = {"enabled", "bool"},
    [BLOCKED_KIND] = {"kind", "text"},
};

WorkspaceTable namespaces_table = {.name = "identifier_namespaces",
                                   .guard = GUARD_DEFINITION,
                                   .define = "define_rules",
                                   .columns = namespace_columns,
                                   .n_columns = N_NAMESPACE_COLUMNS};
WorkspaceTable blocked_table = {.name = "blocked_identifiers",
                                .guard = GUARD_DEFINITION,
                                .define = "define_rules",
                                .columns = blocked_columns,
                                .n_columns = N_BLOCKED_COLUMNS};

/* A value that identifies nobody, in ASCII lower case. */
typedef struct BlockedValue
{
	char *value;
	int value_len;
	char *namespace_name; /* * is every namespace */
	int namespace_len;
} BlockedValue;

/* Values that identify nobody: those that match a pattern, or repeat one character. */
typedef struct BlockedPattern
{
	char *namespace_name; /* * is every namespace */
	int namespace_len;
	text *pattern; /* regular expression; null: repeated is set */
	int repeated;  /* the character is repeated this many times or more */
} BlockedPattern;

static bool
matches(text *pattern, const char *value, int len, int flags)
{
	return RE_compile_and_execute(pattern, unconstify(char *, value), len, flags, C_COLLATION_OID,
	                              0, NULL);
}

static bool
try_pattern(void *pattern)
{
	(void) matches((text *) pattern, "", 0, REG_ADVANCED);
	return true;
}

/*
 * A regular expression of a definition; null where there is none, or where it does
 * not compile. cdp.rules_check refuses such a pattern when rules change. If one gets
 * past it, it is ignored: it must not keep events out.
 */
static text *
usable_pattern(const char *pattern)
{
	text *result = pattern == NULL ? NULL : cstring_to_text(pattern);
	ErrorData *error;

	return result != NULL && cdp_attempt(try_pattern, result, &error) ? result : NULL;
}

static void
read_namespace(Workspace *ws, TupleTableSlot *slot)
{
	Namespaces *namespaces = workspace_data(ws, &namespaces_part);
	NamespaceRule rule = {0};
	char *name = workspace_text(ws, &namespaces_table, slot, NAMESPACE_NAME);
	bool isnull;

	strlcpy(rule.name, name, sizeof(rule.name));
	rule.name_len = strlen(rule.name);
	rule.priority =
	    DatumGetInt32(workspace_value(ws, &namespaces_table, slot, NAMESPACE_PRIORITY, &isnull));
	rule.max_per_profile = DatumGetInt32(
	    workspace_value(ws, &namespaces_table, slot, NAMESPACE_MAX_PER_PROFILE, &isnull));
	if (isnull)
		rule.max_per_profile = -1;
	rule.generic_after = DatumGetInt32(
	    workspace_value(ws, &namespaces_table, slot, NAMESPACE_GENERIC_AFTER, &isnull));
	if (isnull)
		rule.generic_after = -1;
	rule.can_anchor =
	    DatumGetBool(workspace_value(ws, &namespaces_table, slot, NAMESPACE_CAN_ANCHOR, &isnull));
	rule.can_merge =
	    DatumGetBool(workspace_value(ws, &namespaces_table, slot, NAMESPACE_CAN_MERGE, &isnull));
	namespaces->can_all_merge = namespaces->can_all_merge && rule.can_merge;
	namespaces->max_generic_after = Max(namespaces->max_generic_after, rule.generic_after);
	rule.pattern = usable_pattern(workspace_text(ws, &namespaces_table, slot, NAMESPACE_PATTERN));

	if (strcmp(name, "*") == 0)
	{
		namespaces->default_rule = rule;
		return;
	}
	ARRAY_GROW(ws->context, namespaces->rules, namespaces->n_rules, namespaces->max_rules);
	namespaces->rules[namespaces->n_rules++] = rule;
}

static int
compare_rules(const void *a, const void *b)
{
	return strcmp(((const NamespaceRule *) a)->name, ((const NamespaceRule *) b)->name);
}

/* The bit that stands for a length in blocked_lengths. */
static uint64
length_bit(int len)
{
	return UINT64CONST(1) << Min(len, 63);
}

static void
read_blocked_pattern(Workspace *ws, TupleTableSlot *slot, bool repeated)
{
	Namespaces *namespaces = workspace_data(ws, &namespaces_part);
	BlockedPattern blocked = {0};
	char *value = workspace_text(ws, &blocked_table, slot, BLOCKED_VALUE);

	blocked.namespace_name = workspace_text(ws, &blocked_table, slot, BLOCKED_NAMESPACE);
	blocked.namespace_len = strlen(blocked.namespace_name);
	if (repeated)
		blocked.repeated = atoi(value);
	else if ((blocked.pattern = usable_pattern(value)) == NULL)
		return;
	ARRAY_GROW(ws->context, namespaces->patterns, namespaces->n_patterns, namespaces->max_patterns);
	namespaces->patterns[namespaces->n_patterns++] = blocked;
}

static void
read_blocked(Workspace *ws, TupleTableSlot *slot)
{
	Namespaces *namespaces = workspace_data(ws, &namespaces_part);
	BlockedValue *blocked;
	char *kind = workspace_text(ws, &blocked_table, slot, BLOCKED_KIND);
	bool isnull;

	if (!DatumGetBool(workspace_value(ws, &blocked_table, slot, BLOCKED_ENABLED, &isnull)))
		return;
	if (strcmp(kind, "value") != 0)
	{
		read_blocked_pattern(ws, slot, strcmp(kind, "repeated") == 0);
		return;
	}
	ARRAY_GROW(ws->context, namespaces->blocked, namespaces->n_blocked, namespaces->max_blocked);
	blocked = &namespaces->blocked[namespaces->n_blocked++];
	blocked->namespace_name = workspace_text(ws, &blocked_table, slot, BLOCKED_NAMESPACE);
	blocked->namespace_len = strlen(blocked->namespace_name);
	blocked->value = workspace_text(ws, &blocked_table, slot, BLOCKED_VALUE);
	blocked->value_len = strlen(blocked->value);
	for (char *c = blocked->value; *c; c++)
		*c = pg_ascii_tolower((unsigned char) *c);
	namespaces->blocked_lengths[(unsigned char) blocked->value[0]] |=
	    length_bit(blocked->value_len);
}

/* Compares value a, in any ASCII case, with value b, which is in lower case. */
static int
compare_value(const char *a, int a_len, const char *b, int b_len)
{
	for (int i = 0; i < a_len && i < b_len; i++)
	{
		int order = (unsigned char) pg_ascii_tolower((unsigned char) a[i]) - (unsigned char) b[i];

		if (order != 0)
			return order;
	}
	return a_len - b_len;
}

static int
compare_blocked(const void *a, const void *b)
{
	const BlockedValue *x = (const BlockedValue *) a;
	const BlockedValue *y = (const BlockedValue *) b;
	int order = compare_value(x->value, x->value_len, y->value, y->value_len);

	return order != 0 ? order : strcmp(x->namespace_name, y->namespace_name);
}

/* Part: reads the rules and the blocked values. */
static void
read_namespaces(Workspace *ws)
{
	Namespaces *namespaces = palloc0(sizeof(Namespaces));

	ws->data[namespaces_part.number] = namespaces;
	namespaces->default_rule.priority = 50;
	namespaces->default_rule.max_per_profile = -1;
	namespaces->default_rule.generic_after = 10;
	namespaces->default_rule.can_anchor = namespaces->default_rule.can_merge = true;
	namespaces->can_all_merge = true;
	namespaces->max_generic_after = -1;
	workspace_scan(ws, &namespaces_table, read_namespace);
	namespaces->max_generic_after =
	    Max(namespaces->max_generic_after, namespaces->default_rule.generic_after);
	if (namespaces->n_rules > 0)
		qsort(namespaces->rules, namespaces->n_rules, sizeof(NamespaceRule), compare_rules);
	workspace_scan(ws, &blocked_table, read_blocked);
	if (namespaces->n_blocked > 0)
		qsort(namespaces->blocked, namespaces->n_blocked, sizeof(BlockedValue), compare_blocked);
}

const NamespaceRule *
namespaces_rule(const Workspace *ws, const char *name, int len)
{
	const Namespaces *namespaces = namespaces_of(ws);
	int low = 0;
	int high = namespaces->n_rules;

	while (low < high)
	{
		int middle = (low + high) / 2;
		const NamespaceRule *rule = &namespaces->rules[middle];
		int order = memcmp(name, rule->name, Min(len, rule->name_len));

		if (order == 0)
			order = len - rule->name_len;
		if (order == 0)
			return rule;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return &namespaces->default_rule;
}

bool
namespaces_is_stronger(const NamespaceRule *rule_a, const char *a, int a_len,
                       const NamespaceRule *rule_b, const char *b, int b_len)
{
	int order;

	if (rule_a->priority != rule_b->priority)
		return rule_a->priority < rule_b->priority;
	order = memcmp(a, b, Min(a_len, b_len));
	return order != 0 ? order < 0 : a_len < b_len;
}

bool
namespaces_pattern_allows(const NamespaceRule *rule, const char *value, int len)
{
	return rule->pattern == NULL || matches(rule->pattern, value, len, REG_ADVANCED);
}

/* Whether a value is one character, repeated at least that many times. */
static bool
is_repeated(const char *value, int len, int times)
{
	int char_len = pg_utf_mblen((const unsigned char *) value);

	if (len < char_len * times || len % char_len != 0)
		return false;
	return memcmp(value, value + char_len, len - char_len) == 0;
}

/* Whether a blocked pattern matches. The plus sign of a phone number does not count as repeated. */
static bool
pattern_blocks(const Namespaces *namespaces, const char *text, int namespace_len, int len)
{
	const char *value = text + namespace_len + 1;
	int value_len = len - namespace_len - 1;

	for (int i = 0; i < namespaces->n_patterns; i++)
	{
		const BlockedPattern *blocked = &namespaces->patterns[i];
		int sign = value_len > 1 && value[0] == '+' ? 1 : 0;

		if (strcmp(blocked->namespace_name, "*") != 0 &&
		    (blocked->namespace_len != namespace_len ||
		     memcmp(blocked->namespace_name, text, namespace_len) != 0))
			continue;
		if (blocked->pattern != NULL
		        ? matches(blocked->pattern, value, value_len, REG_ADVANCED | REG_ICASE)
		        : is_repeated(value + sign, value_len - sign, blocked->repeated))
			return true;
	}
	return false;
}

bool
namespaces_blocks(const Workspace *ws, const char *text, int namespace_len, int len)
{
	const Namespaces *namespaces = namespaces_of(ws);
	const char *value = text + namespace_len + 1;
	int value_len = len - namespace_len - 1;
	int low = 0;
	int high = namespaces->n_blocked;

	if (namespaces->n_patterns > 0 && pattern_blocks(namespaces, text, namespace_len, len))
		return true;
	if ((namespaces->blocked_lengths[pg_ascii_tolower((unsigned char) value[0])] &
	     length_bit(value_len)) == 0)
		return false;
	while (low < high)
	{
		int middle = (low + high) / 2;
		const BlockedValue *blocked = &namespaces->blocked[middle];

		if (compare_value(value, value_len, blocked->value, blocked->value_len) > 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < namespaces->n_blocked; low++)
	{
		const BlockedValue *blocked = &namespaces->blocked[low];

		if (compare_value(value, value_len, blocked->value, blocked->value_len) != 0)
			return false;
		if (strcmp(blocked->namespace_name, "*") == 0 ||
		    (blocked->namespace_len == namespace_len &&
		     memcmp(blocked->namespace_name, text, namespace_len) == 0))
			return true;
	}
	return false;
}

WorkspacePart namespaces_part = {
    .name = "namespaces",
    .tables = (WorkspaceTable *const[]){&namespaces_table, &blocked_table, NULL},
    .read = read_namespaces,
};
