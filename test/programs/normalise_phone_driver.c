/*
 * normalise_phone_driver.c
 *	  Reads "region<TAB>number" lines and writes what phone.c makes of each:
 *	  the error's name, or "possible valid e164 canonical", where canonical is the value
 *	  that normalise_phone gives, "-" if it refuses. For normalise_phone_differential.py.
 */
#include "normalise/phone.h"

#include <stdio.h>
#include <string.h>

int
main(void)
{
	static const char *const names[] = {"OK",        "COUNTRY_CODE", "NOT_A_NUMBER",
	                                    "AFTER_IDD", "SHORT_NSN",    "LONG"};
	static char line[65536];

	while (fgets(line, sizeof(line), stdin) != NULL)
	{
		char *tab = strchr(line, '\t');
		size_t len = strcspn(tab + 1, "\n");
		char e164[PHONE_MAX_E164 + 1];
		char canonical[NORMALISE_MAX_VALUE + 1];
		size_t canonical_len;
		NormaliseOptions options = {"", false};
		PhoneNumber number;
		PhoneStatus status;

		*tab = '\0';
		status = phone_parse(tab + 1, len, line[0] == '\0' ? NULL : line, &number);
		if (status != PHONE_OK)
		{
			puts(names[status]);
			continue;
		}
		e164[phone_e164(&number, e164)] = '\0';
		strcpy(options.default_region, line[0] == '\0' ? "" : line);
		if (normalise_phone(tab + 1, len, &options, canonical, &canonical_len) != NORMALISE_OK)
		{
			strcpy(canonical, "-");
			canonical_len = 1;
		}
		canonical[canonical_len] = '\0';
		printf("%d %d %s %s\n", number.possible, number.valid, e164, canonical);
	}
	return 0;
}
