/*
 * currency.c
 *	  ISO 4217 currencies by ICU, with its answers kept per backend.
 */
#include "base/base.h"

#include <unicode/ucurr.h>

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "types/currency.h"
#include "utils/builtins.h"

/*
 * What ICU said about each of the 26^3 codes: 0 not asked yet, INVALID, or
 * VALID_BASE + display digits. ICU's data cannot change under a running
 * backend, so there is nothing to invalidate.
 */
#define CURRENCY_CODES (26 * 26 * 26)
#define CURRENCY_INVALID 1
#define CURRENCY_VALID_BASE 2

static uint8 currency_cache[CURRENCY_CODES];

/*
 * Asks ICU about three upper-case ASCII letters and remembers the answer.
 * Errors: ICU failing to load its data is an internal error.
 */
static uint8
currency_ask_icu(const char *code, int slot)
{
	UChar ucode[4];
	UErrorCode status = U_ZERO_ERROR;
	uint8 answer = CURRENCY_INVALID;

	for (int i = 0; i < 3; i++)
		ucode[i] = (UChar) code[i];
	ucode[3] = 0;

	if (ucurr_isAvailable(ucode, U_DATE_MIN, U_DATE_MAX, &status) && U_SUCCESS(status))
	{
		int digits = ucurr_getDefaultFractionDigits(ucode, &status);

		answer = (uint8) (CURRENCY_VALID_BASE + Max(digits, 0));
	}
	if (U_FAILURE(status))
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
		                errmsg("could not look up currency \"%.3s\"", code),
		                errdetail("ICU says: %s.", u_errorName(status))));
	currency_cache[slot] = answer;
	return answer;
}

static inline uint8
currency_lookup(const char *code)
{
	int slot = 0;
	uint8 answer;

	for (int i = 0; i < 3; i++)
	{
		if (code[i] < 'A' || code[i] > 'Z')
			return CURRENCY_INVALID;
		slot = slot * 26 + (code[i] - 'A');
	}
	answer = currency_cache[slot];
	return answer != 0 ? answer : currency_ask_icu(code, slot);
}

bool
currency_is_valid(const char *code, int len)
{
	return len == 3 && currency_lookup(code) != CURRENCY_INVALID;
}

/*
 * Digits after the decimal point that a valid currency is shown with
 * (USD 2, VND 0, KWD 3). For display only: sums are never rounded.
 */
static int
currency_display_digits(const char *code)
{
	uint8 answer = currency_lookup(code);

	if (answer == CURRENCY_INVALID)
		currency_report_invalid(code, 3);
	return answer - CURRENCY_VALID_BASE;
}

void
currency_report_invalid(const char *code, int len)
{
	int shown = pg_mbcliplen(code, len, 64);

	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	                errmsg("\"%.*s\" is not an ISO 4217 currency", shown, code),
	                errhint("A currency is three upper-case letters, such as USD, EUR or VND.")));
}

PG_FUNCTION_INFO_V1(currency_is_known);

/* cdp.is_currency(text) -> boolean */
Datum
currency_is_known(PG_FUNCTION_ARGS)
{
	text *code = PG_GETARG_TEXT_PP(0);

	PG_RETURN_BOOL(currency_is_valid(VARDATA_ANY(code), VARSIZE_ANY_EXHDR(code)));
}

PG_FUNCTION_INFO_V1(currency_digits);

/* cdp.display_digits(currency text) -> integer; 22023 where there is no such currency. */
Datum
currency_digits(PG_FUNCTION_ARGS)
{
	text *code = PG_GETARG_TEXT_PP(0);

	if (!currency_is_valid(VARDATA_ANY(code), VARSIZE_ANY_EXHDR(code)))
		currency_report_invalid(VARDATA_ANY(code), VARSIZE_ANY_EXHDR(code));
	PG_RETURN_INT32(currency_display_digits(VARDATA_ANY(code)));
}
