/*
 * ingest_internal.h
 *	  A statement's new rows on their way in.
 */
#ifndef CDP_INGEST_INTERNAL_H
#define CDP_INGEST_INTERNAL_H

#include "events/events.h"
#include "identity/identity.h"
#include "utils/tuplestore.h"

/* A statement's new rows and what is known of them. */
typedef struct Statement
{
	MemoryContext context; /* as long as the statement */
	Batch *batch;
	Store *store;
	Tuplestorestate *rows;
	TupleTableSlot *slot;
	int64 n_rows;
	int64 n_repeated;
	ReplayQueue queue; /* identifiers whose components are replayed in the end */
	bits8 *repeated;   /* a bit per row: its event id had been taken; null: none had */
} Statement;

/* statement.c: the rows one after another. */
extern void statement_rewind(Statement *statement);
extern bool statement_next(Statement *statement);
extern bool statement_is_repeated(const Statement *statement, int64 row);
extern void statement_mark_repeated(Statement *statement, int64 row);

/*
 * Fills the batch from where the rows stand; false: there are no more. The same
 * without what the parts make of the rows, where only identifiers are wanted.
 */
extern bool statement_fill(Statement *statement, int64 *row);
extern bool statement_fill_identifiers(Statement *statement, int64 *row);

/* A bit for each of many things. */
extern bits8 *bits_make(Statement *statement, int64 n);
extern bool bits_get(const bits8 *bits, int64 i);
extern void bits_set(bits8 *bits, int64 i);

/* event_ids.c: takes the ids of all rows, sorted; removes the rows whose id had been taken. */
extern void event_ids_claim(Statement *statement);
extern void event_ids_remove_repeated(Statement *statement);

/* statement_locks.c: takes all locks of a statement of several batches. */
extern void statement_lock(Statement *statement);

#endif /* CDP_INGEST_INTERNAL_H */
