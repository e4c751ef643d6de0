/*
 * text_internal.h
 *	  What readers of text forms share. Links without a server.
 */
#ifndef CDP_TEXT_INTERNAL_H
#define CDP_TEXT_INTERNAL_H

#include "postgres.h"

/* White space as the text form of arrays knows it, whatever the locale. */
static inline bool
text_is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Notes what is wrong with a text; false, which the reader returns. */
static inline bool
text_fail(const char **fault, const char *what)
{
	*fault = what;
	return false;
}

#endif /* CDP_TEXT_INTERNAL_H */
