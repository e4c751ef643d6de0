/*
 * phone.c
 *	  Phone numbers to E.164.
 */
#include "normalise/normalise.h"

#include <string.h>

/*
 * "+" and 7 to 15 digits; spaces, dots, hyphens, slashes and parentheses
 * between them are dropped.
 */
NormaliseStatus
normalise_phone(const char *value, size_t len, const NormaliseOptions *options, char *out,
                size_t *out_len)
{
	size_t digits = 0;

	(void) options;
	if (value[0] != '+')
		return NORMALISE_INVALID;
	out[0] = '+';
	for (size_t i = 1; i < len; i++)
	{
		if (value[i] >= '0' && value[i] <= '9')
		{
			if (digits >= 15)
				return NORMALISE_INVALID;
			out[++digits] = value[i];
		}
		else if (memchr(" .-/()", value[i], 6) == NULL)
			return NORMALISE_INVALID;
	}
	if (digits < 7 || out[1] == '0')
		return NORMALISE_INVALID;
	*out_len = digits + 1;
	return NORMALISE_OK;
}
