/*
 * state_io.h
 *	  What the transition states of aggregates share: keeping one as it is, and
 *	  the SQL functions that read and write it.
 *
 * The text form is the binary form in hexadecimal, as bytea has it. States are
 * stored and sent, but not read by people.
 */
#ifndef CDP_VALUE_STATE_IO_H
#define CDP_VALUE_STATE_IO_H

#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"

extern char *state_to_hex(bytea *sent);
extern void state_from_hex(char *text, StringInfo buf);

/* The state as it is, or null: the result of a transition function that skips its row. */
extern Datum state_keep(FunctionCallInfo fcinfo);

/*
 * Defines the SQL functions type_send, type_recv, type_out and type_in.
 * from_datum(Datum) gives the state. send(state) gives its binary form as
 * bytea, and receive(StringInfo) reads a state from that form.
 */
#define STATE_IO_FUNCTIONS(type, from_datum, send, receive)                                        \
	PG_FUNCTION_INFO_V1(type##_send);                                                              \
	Datum type##_send(PG_FUNCTION_ARGS)                                                            \
	{                                                                                              \
		PG_RETURN_BYTEA_P(send(from_datum(PG_GETARG_DATUM(0))));                                   \
	}                                                                                              \
	PG_FUNCTION_INFO_V1(type##_recv);                                                              \
	Datum type##_recv(PG_FUNCTION_ARGS)                                                            \
	{                                                                                              \
		PG_RETURN_POINTER(receive((StringInfo) PG_GETARG_POINTER(0)));                             \
	}                                                                                              \
	PG_FUNCTION_INFO_V1(type##_out);                                                               \
	Datum type##_out(PG_FUNCTION_ARGS)                                                             \
	{                                                                                              \
		PG_RETURN_CSTRING(state_to_hex(send(from_datum(PG_GETARG_DATUM(0)))));                     \
	}                                                                                              \
	PG_FUNCTION_INFO_V1(type##_in);                                                                \
	Datum type##_in(PG_FUNCTION_ARGS)                                                              \
	{                                                                                              \
		StringInfoData buf;                                                                        \
                                                                                                   \
		state_from_hex(PG_GETARG_CSTRING(0), &buf);                                                \
		PG_RETURN_POINTER(receive(&buf));                                                          \
	}                                                                                              \
	extern void state_io_needs_semicolon(void)

#endif /* CDP_VALUE_STATE_IO_H */
