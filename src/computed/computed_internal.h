/*
 * computed_internal.h
 *	  What the files of this room share.
 */
#ifndef CDP_COMPUTED_ROOM_INTERNAL_H
#define CDP_COMPUTED_ROOM_INTERNAL_H

#include "batch/batch.h"
#include "computed/computed.h"
#include "events/events.h"
#include "expression/expression.h"
#include "lib/stringinfo.h"
#include "types/computed_builder.h"

typedef enum ComputedTraitColumn
{
	COMPUTED_TRAIT_NAME,
	COMPUTED_TRAIT_KIND,
	COMPUTED_TRAIT_EVENT,
	COMPUTED_TRAIT_FILTER,
	COMPUTED_TRAIT_EXPRESSION,
	COMPUTED_TRAIT_WINDOW_DAYS,
	COMPUTED_TRAIT_LIST_LIMIT,
	COMPUTED_TRAIT_MAX_DISTINCT,
	N_COMPUTED_TRAIT_COLUMNS
} ComputedTraitColumn;

typedef enum ComputedErrorColumn
{
	COMPUTED_ERROR_TRAIT,
	COMPUTED_ERROR_PROFILE_ID,
	COMPUTED_ERROR_N,
	COMPUTED_ERROR_SQLSTATE,
	COMPUTED_ERROR_MESSAGE,
	COMPUTED_ERROR_WITHOUT_VALUES,
	COMPUTED_ERROR_EVENT_ID,
	COMPUTED_ERROR_AT,
	N_COMPUTED_ERROR_COLUMNS
} ComputedErrorColumn;

extern WorkspaceTable computed_traits_table;
extern WorkspaceTable computed_errors_table; /* computed_trait_failures */

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

/* The computed traits of a workspace. */
typedef struct ComputedTraits
{
	ComputedDefinition *definitions; /* sorted by name bytes, as ws->computed_names */
	int n;
	int max;
	ComputedTrait *traits;    /* the same traits, in the form that states use */
	bool uses_days;           /* some trait has a window */
	bool any_broken;          /* some trait does not compile */
	Computed *without_events; /* the value of a profile without events */
} ComputedTraits;

static inline const ComputedTraits *
computed_of(const Workspace *ws)
{
	return workspace_data(ws, &computed_part);
}

/* The sorts of expression that a trait has. */
extern const ExpressionSort trait_filter;
extern const ExpressionSort trait_expression;

/*
 * compile.c: checks a trait as a definition. Errors: 22023 for an unknown kind, a name or
 * number out of range, or a missing expression; those of expression_check for filter and
 * expression; 42804 for an expression whose type the kind cannot take.
 */
extern void compile_check(Workspace *ws, const ComputedDefinition *definition);

/* define.c: DDL has changed what some traits mean: they are filled from the events again. */
extern void computed_derive_again(Workspace *ws, List *names);

/* deltas.c: what a row of events adds to each trait. */
typedef struct RowDeltas
{
	Workspace *ws;
	const Bitmapset *wanted; /* traits by index; null: all */
	TupleTableSlot *slot;
	int trait;             /* the next trait to evaluate */
	bool evaluating;       /* an expression of it is being evaluated */
	StringInfoData deltas; /* for each trait that counts the event: its number and a value */
	StringInfoData value;  /* room for one value */
} RowDeltas;

extern void deltas_begin(RowDeltas *row, Workspace *ws, const Bitmapset *wanted);
extern void deltas_of_row(RowDeltas *row);

/* Whether an error that deltas_of_row has raised is an expression's; makes it ready to go on. */
extern bool deltas_failed(RowDeltas *row, const ErrorData *error);

/* Stage one: the part's functions wants_rows, read_row and row_failed. */
extern bool deltas_are_wanted(Workspace *ws);
extern void deltas_read_row(EventRun *run);
extern bool deltas_row_failed(EventRun *run, const ErrorData *error);

/* A trait whose filter or expression failed on an event of the batch. */
typedef struct TraitFailure
{
	int trait;
	int event;
	int sqlerrcode;
	const char *message;
	const char *without_values; /* the same, as error_without_values gives it */
} TraitFailure;

/* What the part keeps of a batch. */
typedef struct ComputedBatch
{
	RowDeltas row;
	bool begun; /* deltas_begin(row) has been called */
	TraitFailure *failures;
	int n_failures;
	int max_failures;
} ComputedBatch;

extern ComputedBatch *computed_batch(Batch *batch);

/* fold.c: folds deltas into a state. */
typedef struct ComputedFold
{
	Workspace *ws;
	Computed *computed; /* the state so far */
	ComputedBuilder builder;
	int32 today; /* days that no instant from today on can see are left out */
	bool changed;
	bool owns_values; /* it owns the state, and copies added values: theirs do not last */
} ComputedFold;

extern void fold_begin(ComputedFold *fold, Workspace *ws, Computed *computed, int32 today,
                       bool owns_values);
extern void fold_deltas(ComputedFold *fold, const char *deltas, int len, TimestampTz at, int32 day,
                        const pg_uuid_t *event_id);

/* Merges the collected deltas into the state. */
extern void fold_flush(ComputedFold *fold);

/* The day of an instant in the workspace's zone; 0 if no trait has a window. */
extern int32 fold_day(Workspace *ws, TimestampTz at);
extern ProfileValue computed_profile_value;

/*
 * trait_errors.c: adds n failures of a trait on a profile's events, with the last of them as a
 * sample; writes the failures of the batch.
 */
extern void trait_errors_add(Store *store, int trait, int64 profile, int64 n, int sqlerrcode,
                             const char *message, const char *without_values,
                             const pg_uuid_t *event_id);
extern void trait_errors_write(Batch *batch);

/*
 * backfill.c: removes the states of the traits with these names (char *), and fills the wanted
 * traits anew.
 */
extern void backfill(Workspace *ws, List *removed, const Bitmapset *wanted);

#endif /* CDP_COMPUTED_ROOM_INTERNAL_H */
