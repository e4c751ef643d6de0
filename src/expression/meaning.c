/*
 * meaning.c
 *	  What the text of a definition means, and where it names columns.
 *
 * The parser gives each column the place where its reference begins: "shop.profiles.tier" has
 * the place of "shop". The column's own name is found from there. It is the last name of the
 * reference, as in profiles.tier, or it follows a whole row, as in (profiles).tier, or it is
 * written as a function of one, as in tier(profiles).
 */
#include "expression/expression_internal.h"
#include "expression/meaning.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_ts_dict.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

static const char *
skip_blanks(const char *c)
{
	return c + leading_blanks(c);
}

/* Past what stands between two quotes, each of which may be written twice inside. */
static const char *
skip_quoted(const char *c)
{
	char quote = *c++;

	while (*c != '\0' && (*c != quote || c[1] == quote))
		c += *c == quote ? 2 : 1;
	return *c == '\0' ? c : c + 1;
}

static bool
is_name_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
	       c == '$' || IS_HIGHBIT_SET(c);
}

/* Past a name, which may be quoted, also as U&"..." UESCAPE '!', or *; it errs on no text. */
static const char *
skip_name(const char *c)
{
	const char *next;

	if (*c == '*')
		return c + 1;
	if (*c == '"')
		return skip_quoted(c);
	if ((c[0] == 'U' || c[0] == 'u') && c[1] == '&' && c[2] == '"')
	{
		c = skip_quoted(c + 2);
		next = skip_blanks(c);
		if (pg_strncasecmp(next, "uescape", 7) != 0 || is_name_character(next[7]))
			return c;
		next = skip_blanks(next + 7);
		return *next == '\'' ? skip_quoted(next) : c;
	}
	while (is_name_character(*c))
		c++;
	return c;
}

/* Past n names with dots between them; null: they are not there. */
static const char *
skip_names(const char *c, int n)
{
	for (int i = 0; i < n; i++)
	{
		const char *end;

		c = skip_blanks(c);
		if (i > 0)
		{
			if (*c != '.')
				return NULL;
			c = skip_blanks(c + 1);
		}
		end = skip_name(c);
		if (end == c)
			return NULL;
		c = end;
	}
	return c;
}

/* The column reference or function call that begins at a place of the text; null: none does. */
static Node *
name_at(const ExpressionWalk *walk, int location)
{
	ListCell *lc;

	foreach (lc, walk->names)
	{
		Node *name = lfirst(lc);

		if ((IsA(name, ColumnRef) ? ((ColumnRef *) name)->location
		                          : ((FuncCall *) name)->location) == location)
			return name;
	}
	return NULL;
}

/* Whether the last of some names is this one. */
static bool
ends_with(List *names, const char *name)
{
	return IsA(llast(names), String) && strcmp(strVal(llast(names)), name) == 0;
}

/*
 * Sets the place of a column's own name, from the place at which its reference begins.
 * *qualified: the reference names the table.
 */
static void
find_place(const ExpressionWalk *walk, const char *text, const Var *var, ColumnPlace *place,
           bool *qualified)
{
	char *attname = NameStr(TupleDescAttr(RelationGetDescr(walk->rel), var->varattno - 1)->attname);
	Node *name = var->location < 0 ? NULL : name_at(walk, var->location);
	const char *c = NULL;
	const char *end;

	place->column = var->varattno;
	place->start = -1;
	*qualified = true;
	if (name == NULL)
		return;
	if (IsA(name, FuncCall))
		c = text + var->location;
	else if (ends_with(((ColumnRef *) name)->fields, attname))
	{
		int n = list_length(((ColumnRef *) name)->fields);

		*qualified = n > 1;
		c = skip_names(text + var->location, n - 1);
	}
	else
	{
		c = skip_names(text + var->location, list_length(((ColumnRef *) name)->fields));
		if (c == NULL)
			return;
		for (c = skip_blanks(c); *c == ')';)
			c = skip_blanks(c + 1);
	}
	if (c == NULL)
		return;
	c = skip_blanks(c);
	if (*c == '.')
		c = skip_blanks(c + 1);
	end = skip_name(c);
	if (end == c)
		return;
	place->start = c - text;
	place->end = end - text;
}

static int
compare_places(const ListCell *a, const ListCell *b)
{
	return ((const ColumnPlace *) lfirst(a))->start - ((const ColumnPlace *) lfirst(b))->start;
}

static bool
is_place_known(List *places, const ColumnPlace *place)
{
	ListCell *lc;

	foreach (lc, places)
		if (((ColumnPlace *) lfirst(lc))->start == place->start &&
		    ((ColumnPlace *) lfirst(lc))->column == place->column)
			return true;
	return false;
}

/* Notes the columns that the text names, and where. */
static void
note_places(ExpressionWalk *walk, const char *text, ExpressionMeaning *meaning)
{
	ListCell *lc;

	walk->rel = RelationIdGetRelation(workspace_table(walk->ws, walk->sort->table)->oid);
	foreach (lc, walk->named)
	{
		const Var *var = lfirst_node(Var, lc);
		ColumnPlace *place = palloc0(sizeof(ColumnPlace));
		bool qualified;

		find_place(walk, text, var, place, &qualified);
		meaning->qualified = meaning->qualified || qualified;
		meaning->columns = bms_add_member(meaning->columns, var->varattno);
		if (!is_place_known(meaning->places, place)) /* BETWEEN copies what it compares */
			meaning->places = lappend(meaning->places, place);
	}
	RelationClose(walk->rel);
	list_sort(meaning->places, compare_places);
}

static bool
collect_columns(Node *node, void *context)
{
	ExpressionMeaning *meaning = (ExpressionMeaning *) context;

	if (node == NULL)
		return false;
	check_stack_depth();
	if (IsA(node, Var))
		meaning->columns = bms_add_member(meaning->columns, ((Var *) node)->varattno);
	return expression_tree_walker(node, collect_columns, context);
}

ExpressionMeaning *
expression_meaning(Workspace *ws, const ExpressionSort *sort, const char *name, const char *text)
{
	ExpressionWalk walk = {.ws = ws, .sort = sort};
	ExpressionMeaning *meaning = palloc0(sizeof(ExpressionMeaning));
	DefinitionReading reading;

	definition_begin(&reading, ws, sort, name, text);
	reads_begin(&walk.reads, ws);
	meaning->tree = (Node *) analyse(&walk, text);
	definition_end(&reading);
	note_places(&walk, text, meaning);
	(void) collect_columns(meaning->tree, meaning);
	return meaning;
}

typedef struct Uses
{
	MeaningTest test;
	void *context;
} Uses;

static bool
test_function(Oid function, void *context)
{
	Uses *uses = (Uses *) context;

	return uses->test(ProcedureRelationId, function, uses->context);
}

static bool
test_node(Node *node, void *context)
{
	Uses *uses = (Uses *) context;

	if (node == NULL)
		return false;
	check_stack_depth();
	if (!node_has_type(node))
		return expression_tree_walker(node, test_node, context);
	if (uses->test(TypeRelationId, exprType(node), uses->context) ||
	    uses->test(CollationRelationId, exprCollation(node), uses->context) ||
	    uses->test(CollationRelationId, exprInputCollation(node), uses->context) ||
	    check_functions_in_node(node, test_function, uses))
		return true;
	return expression_tree_walker(node, test_node, context);
}

bool
expression_uses(const ExpressionMeaning *meaning, MeaningTest test, void *context)
{
	Uses uses = {test, context};

	return test_node(meaning->tree, &uses);
}

static bool
test_type(Oid catalog, Oid object, void *context)
{
	return catalog == TypeRelationId && type_contains(object, *(Oid *) context);
}

bool
expression_uses_type(const ExpressionMeaning *meaning, Oid type)
{
	return expression_uses(meaning, test_type, &type);
}

/* Whether an argument that is declared so may become text or JSON, whatever its type is. */
static bool
may_be_spelt(Oid declared)
{
	return declared == ANYOID || declared == ANYELEMENTOID || declared == ANYNONARRAYOID ||
	       declared == ANYCOMPATIBLEOID || declared == ANYCOMPATIBLENONARRAYOID;
}

/* Whether a call turns values that contain a type into text or JSON. */
static bool
call_spells(Oid function, List *args, Oid type)
{
	Oid *declared;
	int n;
	int i = 0;
	bool spells = false;
	ListCell *lc;

	(void) get_func_signature(function, &declared, &n);
	foreach (lc, args)
	{
		Oid parameter = declared[Min(i, n - 1)];

		i++;
		spells = spells || ((may_be_spelt(parameter) || function == F_ENUM_OUT ||
		                     function == F_ARRAY_TO_STRING_ANYARRAY_TEXT ||
		                     function == F_ARRAY_TO_STRING_ANYARRAY_TEXT_TEXT) &&
		                    type_contains(exprType(lfirst(lc)), type));
	}
	pfree(declared);
	return spells;
}

static bool
spells_type(Node *node, void *context)
{
	Oid type = *(Oid *) context;

	if (node == NULL)
		return false;
	check_stack_depth();
	if (IsA(node, CoerceViaIO) &&
	    type_contains(exprType((Node *) ((CoerceViaIO *) node)->arg), type))
		return true;
	if (IsA(node, FuncExpr) &&
	    call_spells(((FuncExpr *) node)->funcid, ((FuncExpr *) node)->args, type))
		return true;
	if (IsA(node, OpExpr))
	{
		set_opfuncid((OpExpr *) node);
		if (call_spells(((OpExpr *) node)->opfuncid, ((OpExpr *) node)->args, type))
			return true;
	}
	return expression_tree_walker(node, spells_type, context);
}

bool
expression_spells_type(const ExpressionMeaning *meaning, Oid type)
{
	return spells_type(meaning->tree, &type);
}

char *
expression_renamed(const ExpressionMeaning *meaning, const char *text, const char *const *names)
{
	StringInfoData result;
	int done = 0;
	ListCell *lc;

	initStringInfo(&result);
	foreach (lc, meaning->places)
	{
		const ColumnPlace *place = lfirst(lc);
		const char *name = names[place->column - 1];

		if (name == NULL)
			continue;
		if (place->start < 0)
			return NULL;
		appendBinaryStringInfo(&result, text + done, place->start - done);
		appendStringInfoString(&result, quote_identifier(name));
		done = place->end;
	}
	appendStringInfoString(&result, text + done);
	return result.data;
}
