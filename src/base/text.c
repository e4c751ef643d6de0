/*
 * text.c
 *	  Texts in error messages.
 */
#include "base/base.h"

#include "mb/pg_wchar.h"

/* How much of a text an error message shows, in bytes. */
#define SHOWN_MAX 64

char *
text_shown(const char *text, size_t len)
{
	if (len <= SHOWN_MAX)
		return pnstrdup(text, len);
	return psprintf("%.*s...", pg_mbcliplen(text, (int) len, SHOWN_MAX), text);
}
