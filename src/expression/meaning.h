/*
 * meaning.h
 *	  What the text of a definition means, so that it can be compared before and after DDL, and
 *	  where it names columns.
 */
#ifndef CDP_MEANING_H
#define CDP_MEANING_H

#include "expression/expression.h"

typedef struct ExpressionMeaning
{
	Node *tree; /* analysed; equal() of two says whether they mean the same */
	Bitmapset
	    *columns;   /* attribute numbers of the columns that the text names, or the tree reads */
	List *places;   /* ColumnPlace *: where the text names a column, in order */
	bool qualified; /* it names its table too, or the table's schema */
} ExpressionMeaning;

typedef struct ColumnPlace
{
	AttrNumber column;
	int start; /* of the column's name in the text, in bytes; below 0: it could not be found */
	int end;
} ColumnPlace;

/* The meaning of a text that compiles. The errors are those of expression_check. */
extern ExpressionMeaning *expression_meaning(Workspace *ws, const ExpressionSort *sort,
                                             const char *name, const char *text);

/*
 * Whether a test passes for an object that the meaning depends on: a type, function or
 * collation, by its catalog.
 */
typedef bool (*MeaningTest)(Oid catalog, Oid object, void *context);
extern bool expression_uses(const ExpressionMeaning *meaning, MeaningTest test, void *context);

/* lasting.c: whether values of a type are of this other type, or contain values of it. */
extern bool type_contains(Oid type, Oid other);

/* Whether values of a type, or values that contain some, are used. */
extern bool expression_uses_type(const ExpressionMeaning *meaning, Oid type);

/* Whether such values become text or JSON: then the names in the type matter. */
extern bool expression_spells_type(const ExpressionMeaning *meaning, Oid type);

/*
 * The text with new names of columns: names has them by attribute number, less one; null: the
 * column keeps its name. The result is null if a place where one is named could not be found.
 */
extern char *expression_renamed(const ExpressionMeaning *meaning, const char *text,
                                const char *const *names);

#endif /* CDP_MEANING_H */
