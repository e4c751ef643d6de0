/*
 * relative_time.c
 *	  Texts that name a time relative to the clock.
 */
#include "base/base.h"

#include <ctype.h>

#include "fmgr.h"
#include "utils/builtins.h"

bool
relative_time_is_named(const char *text, size_t len)
{
	static const char *const words[] = {"now", "today", "tomorrow", "yesterday"};
	size_t i = 0;

	while (i < len)
	{
		size_t start = i;

		while (i < len && isalpha((unsigned char) text[i]))
			i++;
		for (int w = 0; w < lengthof(words); w++)
			if (i - start == strlen(words[w]) &&
			    pg_strncasecmp(text + start, words[w], i - start) == 0)
				return true;
		if (i == start)
			i++;
	}
	return false;
}

PG_FUNCTION_INFO_V1(cdp_absolute_time_text);

/*
 * cdp.absolute_time_text(text) -> text: its argument, where that does not name
 * a time relative to the clock ('today'); else an error. The engine puts it
 * around texts that a predicate casts to a date or time.
 */
Datum
cdp_absolute_time_text(PG_FUNCTION_ARGS)
{
	text *value = PG_GETARG_TEXT_PP(0);

	if (relative_time_is_named(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)))
		ereport(ERROR, (errcode(ERRCODE_INVALID_DATETIME_FORMAT),
		                errmsg("relative date or time \"%s\"", text_to_cstring(value)),
		                errdetail("Its meaning would change with the clock.")));
	PG_RETURN_TEXT_P(value);
}
