/*
 * state_io.h
 *	  Text form of transition states: their binary form in hexadecimal, as
 *	  bytea has it. They are stored and sent, not read by people.
 */
#ifndef CDP_VALUE_STATE_IO_H
#define CDP_VALUE_STATE_IO_H

#include "postgres.h"

#include "lib/stringinfo.h"

extern char *state_to_hex(bytea *sent);
extern void state_from_hex(char *text, StringInfo buf);

#endif /* CDP_VALUE_STATE_IO_H */
