/*
 * statement.c
 *	  Reads the new rows of a statement into batches, and keeps a bit for each row.
 */
#include "ingest/ingest_internal.h"

#include "miscadmin.h"

void
statement_rewind(Statement *statement)
{
	tuplestore_rescan(statement->rows);
}

bool
statement_next(Statement *statement)
{
	CHECK_FOR_INTERRUPTS();
	return tuplestore_gettupleslot(statement->rows, true, false, statement->slot);
}

bits8 *
bits_make(Statement *statement, int64 n)
{
	return MemoryContextAllocExtended(statement->context, n / 8 + 1,
	                                  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

bool
bits_get(const bits8 *bits, int64 i)
{
	return (bits[i / 8] & (1 << (i % 8))) != 0;
}

void
bits_set(bits8 *bits, int64 i)
{
	bits[i / 8] |= 1 << (i % 8);
}

bool
statement_is_repeated(const Statement *statement, int64 row)
{
	return statement->repeated != NULL && bits_get(statement->repeated, row);
}

void
statement_mark_repeated(Statement *statement, int64 row)
{
	if (statement->repeated == NULL)
		statement->repeated = bits_make(statement, statement->n_rows);
	bits_set(statement->repeated, row);
	statement->n_repeated++;
}

/* A batch is filled with rows of a statement. */
typedef struct Filling
{
	Statement *statement;
	int64 *row;
	bool rows_left;
} Filling;

/* Reads the next row that is no repeat into the batch; false: it is full, or no row is left. */
static bool
next_event(EventRun *run)
{
	Filling *filling = (Filling *) run->context;
	Statement *statement = filling->statement;

	while (!batch_is_full(run->batch))
	{
		if (!statement_next(statement))
		{
			filling->rows_left = false;
			return false;
		}
		if (statement_is_repeated(statement, (*filling->row)++))
			continue;
		run->slot = statement->slot;
		run->event = events_read(run->batch, run->slot);
		return true;
	}
	return false;
}

bool
statement_fill(Statement *statement, int64 *row)
{
	Filling filling = {statement, row, true};
	EventRun run = {statement->batch, next_event, &filling};

	events_run(&run);
	return filling.rows_left;
}

bool
statement_fill_identifiers(Statement *statement, int64 *row)
{
	Filling filling = {statement, row, true};
	EventRun run = {statement->batch, next_event, &filling};

	while (next_event(&run))
		;
	return filling.rows_left;
}
