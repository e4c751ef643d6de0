/*
 * ingest_internal.h
 *	  A statement's new rows of events.
 */
#ifndef CDP_INGEST_INTERNAL_H
#define CDP_INGEST_INTERNAL_H

#include "events/events.h"
#include "commands/trigger.h"
#include "identity/identity.h"
#include "utils/tuplestore.h"

/* A statement's new rows and what is known of them. */
typedef struct Statement
{
	const TriggerData *trigger;
	MemoryContext context; /* lives as long as the statement's run */
	Batch *batch;
	Store *store;
	Tuplestorestate *rows;
	TupleTableSlot *slot;
	int64 n_rows;
	int64 n_repeated;
	int64 n_ids_made;  /* rows that came without an event id */
	int64 n_conflicts; /* repeated rows with other content */
	int64 n_samples;   /* contents that are kept of such rows, by all statements */
	bool is_counted;   /* the numbers have been added to a row of event_counts */
	ReplayQueue queue; /* identifiers whose components are replayed at the end */
	bits8 *repeated;   /* a bit per row: its event id was taken before; null: no row's was */
} Statement;

/* statement.c: reads the rows one after another; marks rows whose event id is a repeat. */
extern void statement_rewind(Statement *statement);
extern bool statement_next(Statement *statement);
extern bool statement_is_repeated(const Statement *statement, int64 row);
extern void statement_mark_repeated(Statement *statement, int64 row);

/*
 * Fills the batch with the next rows; false: there are no more. *row is the number of the
 * next row. The same, but only for identifiers: the parts do not see the rows.
 */
extern bool statement_fill(Statement *statement, int64 *row);
extern bool statement_fill_identifiers(Statement *statement, int64 *row);

/* Bit arrays. */
extern bits8 *bits_make(Statement *statement, int64 n);
extern bool bits_get(const bits8 *bits, int64 i);
extern void bits_set(bits8 *bits, int64 i);

/* event_ids.c: claims the ids of all rows, sorted; removes the rows whose id was taken before. */
extern void event_ids_claim(Statement *statement);
extern void event_ids_remove_repeated(Statement *statement);

/*
 * conflicts.c: whether a repeat has other content than the event that has its id; keeps the
 * content of such a repeat, while there are few; counts for cdp.status.
 */
extern bool conflicts_have(Statement *statement);
extern void conflicts_sample(Statement *statement);
extern void event_counts_add(Statement *statement);

/* statement_locks.c: takes all locks of a statement that has several batches. */
extern void statement_lock(Statement *statement);

#endif /* CDP_INGEST_INTERNAL_H */
