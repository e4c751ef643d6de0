/*
 * text.c
 *	  Texts in error messages.
 */
#include "base/base.h"

#include "lib/stringinfo.h"
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

/* The end of the directive of a printf format that begins at a percent sign. */
static const char *
directive_end(const char *at)
{
	at += 1 + strspn(at + 1, "0123456789$-+ #.*hlLqjzt");
	return *at == '\0' ? at : at + 1;
}

char *
error_without_values(const ErrorData *error)
{
	StringInfoData out;

	/* an error of a parallel worker has come without its format */
	if (error->message_id == NULL)
		return psprintf("error %s", unpack_sql_state(error->sqlerrcode));
	initStringInfo(&out);
	for (const char *at = error->message_id; *at != '\0';)
	{
		if (*at != '%')
			appendStringInfoChar(&out, *at++);
		else
		{
			appendStringInfoString(&out, at[1] == '%' ? "%" : "\u2026");
			at = directive_end(at);
		}
	}
	return out.data;
}
