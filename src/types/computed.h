/*
 * computed.h
 *	  The computed traits of one customer: per trait a state that merges. The
 *	  state gives the trait's value at any instant.
 *
 * A trait with a window keeps a state per calendar day of a time zone. One
 * without a window keeps a single state. Merge is associative and commutative;
 * the value without traits is its identity. The stored format is in
 * computed_internal.h.
 */
#ifndef CDP_COMPUTED_H
#define CDP_COMPUTED_H

#include "base/base.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/numeric.h"
#include "utils/uuid.h"

/* A stored value: a varlena with a one-byte or a four-byte header. */
typedef struct Computed
{
	int32 vl_len_; /* varlena header; do not touch directly */
	char body[FLEXIBLE_ARRAY_MEMBER];
} Computed;

#define DatumGetComputedP(datum) ((Computed *) PG_DETOAST_DATUM_PACKED(datum))
#define PG_GETARG_COMPUTED_P(n) DatumGetComputedP(PG_GETARG_DATUM(n))
#define PG_RETURN_COMPUTED_P(computed) PG_RETURN_POINTER(computed)

/* What a trait computes. The numbers are stored. */
typedef enum ComputedKind
{
	COMPUTED_COUNT,
	COMPUTED_SUM,
	COMPUTED_AVG,
	COMPUTED_MIN,
	COMPUTED_MAX,
	COMPUTED_FIRST,
	COMPUTED_LAST,
	COMPUTED_MOST_FREQUENT,
	COMPUTED_UNIQUE_LIST,
	COMPUTED_UNIQUE_COUNT,
	N_COMPUTED_KINDS
} ComputedKind;

/* The class of the values that a trait's computation takes. The numbers are stored. */
typedef enum ComputedClass
{
	COMPUTED_NONE, /* a count of events */
	COMPUTED_NUMBER,
	COMPUTED_TEXT,
	COMPUTED_BOOL,
	COMPUTED_TIME,
	COMPUTED_DATE,
	COMPUTED_JSON,
	N_COMPUTED_CLASSES
} ComputedClass;

#define COMPUTED_NAME_MAX 63     /* bytes of a trait's name */
#define COMPUTED_WINDOW_MAX 3650 /* days */
#define COMPUTED_LIST_MAX 10000  /* values of a list */
#define COMPUTED_DISTINCT_MAX 100000
#define COMPUTED_VALUE_MAX 1024 /* bytes of a text among distinct values */

/* A trait as it is defined. */
typedef struct ComputedTrait
{
	const char *name;
	int name_len;
	ComputedKind kind;
	ComputedClass value_class;
	int window; /* days; 0: for ever */
	int limit;  /* of a list its length, of distinct values how many are kept; else 0 */
} ComputedTrait;

extern const char *const computed_kind_names[N_COMPUTED_KINDS];
extern const char *const computed_class_names[N_COMPUTED_CLASSES];

/* Whether a kind keeps distinct values, up to a limit. */
extern bool computed_kind_is_set(ComputedKind kind);

/* Whether a kind of trait has a value, zero, where no event counts. */
extern bool computed_kind_counts(ComputedKind kind);

/*
 * The stored form of a value of a class, appended to a buffer; of distinct
 * values one form per value. Errors: 22003 for a number that is not finite,
 * 22001 for a text that is too long to be a distinct value.
 */
extern void computed_put_value(StringInfo out, ComputedKind kind, ComputedClass value_class,
                               Datum value);

/* The value without traits, and that of a customer without events. */
extern Computed *computed_empty(void);
extern Computed *computed_without_events(const ComputedTrait *traits, int n_traits,
                                         const char *zone);

/* The value of both together. Errors: 22023 where they define a trait, or count days, differently. */
extern Computed *computed_merge(const Computed *a, const Computed *b);

/* The value without some traits (sorted), or the same value where it has none of them. */
extern Computed *computed_without(const Computed *computed, const ComputedTrait *traits,
                                  int n_traits);

/* Whether two values have the same of a trait. */
extern bool computed_same_trait(const Computed *a, const Computed *b, const char *name,
                                int name_len);

/* The first instant after another at which a trait's value may be another; DT_NOEND: never. */
extern TimestampTz computed_changes_at(const Computed *computed, const char *name, int name_len,
                                       TimestampTz at);

/* SQL functions: the text form, the text and the JSON value of a trait. */
extern PGDLLEXPORT Datum computed_out(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum computed_text(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum computed_value(PG_FUNCTION_ARGS);

/* Whether a function is one of those that read a trait by its name. */
extern bool computed_is_reader(PGFunction function);

#endif /* CDP_COMPUTED_H */
