/*
 * state_io.c
 *	  What the transition states of aggregates share.
 */
#include "base/base.h"

#include "utils/builtins.h"
#include "value/state_io.h"

/* "\x" and the bytes of the binary form, whatever bytea_output says. */
char *
state_to_hex(bytea *sent)
{
	Size len = VARSIZE_ANY_EXHDR(sent);
	char *text = palloc(len * 2 + 3);

	text[0] = '\\';
	text[1] = 'x';
	hex_encode(VARDATA_ANY(sent), len, text + 2);
	text[len * 2 + 2] = '\0';
	return text;
}

/* The binary form that the text stands for, as a receive function reads it. 22P02 where it is none. */
void
state_from_hex(char *text, StringInfo buf)
{
	bytea *bytes = DatumGetByteaPP(DirectFunctionCall1(byteain, CStringGetDatum(text)));

	initStringInfo(buf);
	appendBinaryStringInfo(buf, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
}

Datum
state_keep(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}
