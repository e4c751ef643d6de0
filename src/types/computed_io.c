/*
 * computed_io.c
 *	  Text and binary forms of cdp.computed.
 */
#include "types/computed_internal.h"

#include "libpq/pqformat.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(computed_in);

Datum
computed_in(PG_FUNCTION_ARGS)
{
	char *text = PG_GETARG_CSTRING(0);
	int len = strlen(text);
	Computed *computed;

	if (strcmp(text, "{}") == 0)
		PG_RETURN_COMPUTED_P(computed_empty());
	computed = palloc(VARHDRSZ + len / 2);
	SET_VARSIZE(computed, VARHDRSZ + hex_decode(text, len, VARDATA(computed)));
	PG_RETURN_COMPUTED_P(computed);
}

PG_FUNCTION_INFO_V1(computed_out);

Datum
computed_out(PG_FUNCTION_ARGS)
{
	Computed *computed = PG_GETARG_COMPUTED_P(0);
	int len = VARSIZE_ANY_EXHDR(computed);
	char *text = palloc(2 * len + 1);

	text[hex_encode(VARDATA_ANY(computed), len, text)] = '\0';
	PG_RETURN_CSTRING(text);
}

PG_FUNCTION_INFO_V1(computed_recv);

Datum
computed_recv(PG_FUNCTION_ARGS)
{
	elog(ERROR, "not yet");
}

PG_FUNCTION_INFO_V1(computed_send);

Datum
computed_send(PG_FUNCTION_ARGS)
{
	elog(ERROR, "not yet");
}
