/*
 * functions.c
 *	  The SQL functions of the normalise stage: e-mail addresses and phone
 *	  numbers for any table, and the versions of the canonical forms. No other
 *	  file of this folder needs the server.
 */
#include "base/base.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "normalise/normalise.h"
#include "normalise/phone.h"
#include "normalise/phone_table.h"
#include "normalise/unicode.h"
#include "utils/builtins.h"

/*
 * Canonical address of a text into 'out'; false where it is none.
 */
static bool
canonical_email(text *received, char *out, size_t *out_len)
{
	const char *value = VARDATA_ANY(received);
	size_t len = VARSIZE_ANY_EXHDR(received);
	NormaliseStatus status;

	if (normalise_trim(&value, &len) != NORMALISE_OK)
		return false;
	status = normalise_email(value, len, out, out_len);
	if (status == NORMALISE_UNICODE_LIBRARY)
		ereport(
		    ERROR,
		    (errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION), errmsg("the Unicode library failed"),
		     errdetail("ICU %s could not process an e-mail address.", unicode_library_version()),
		     errhint("Check that ICU and its data are installed completely.")));
	return status == NORMALISE_OK;
}

PG_FUNCTION_INFO_V1(cdp_email);

/* cdp.email(text) -> text: the canonical address, NULL if it is none. */
Datum
cdp_email(PG_FUNCTION_ARGS)
{
	char email[NORMALISE_MAX_VALUE];
	size_t len;

	if (!canonical_email(PG_GETARG_TEXT_PP(0), email, &len))
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text_with_len(email, len));
}

PG_FUNCTION_INFO_V1(cdp_email_match_key);

/* cdp.email_match_key(text) -> text: see normalise_email_match_key; NULL if it is no address. */
Datum
cdp_email_match_key(PG_FUNCTION_ARGS)
{
	char email[NORMALISE_MAX_VALUE];
	char key[NORMALISE_MAX_VALUE];
	size_t len;

	if (!canonical_email(PG_GETARG_TEXT_PP(0), email, &len))
		PG_RETURN_NULL();
	len = normalise_email_match_key(email, len, key);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(key, len));
}

PG_FUNCTION_INFO_V1(cdp_phone);

/*
 * cdp.phone(number text, region text, vietnam_2018 boolean) -> text: E.164 of
 * a valid number, else NULL. Not strict: without a region the number has to
 * be an international one.
 */
Datum
cdp_phone(PG_FUNCTION_ARGS)
{
	char region[3] = "";
	char e164[PHONE_MAX_E164];
	const char *value;
	size_t len;
	PhoneNumber number;
	text *received;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (!PG_ARGISNULL(1))
	{
		text *letters = PG_GETARG_TEXT_PP(1);

		for (size_t i = 0; i < VARSIZE_ANY_EXHDR(letters) && i < 2; i++)
			region[i] = pg_ascii_toupper((unsigned char) VARDATA_ANY(letters)[i]);
		if (VARSIZE_ANY_EXHDR(letters) != 0 &&
		    (VARSIZE_ANY_EXHDR(letters) != 2 || region[0] < 'A' || region[0] > 'Z' ||
		     region[1] < 'A' || region[1] > 'Z'))
			ereport(ERROR,
			        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			         errmsg("invalid region \"%s\"", text_to_cstring(letters)),
			         errhint("A region is the two letters of ISO 3166, as in \"VN\"; NULL means "
			                 "none.")));
	}
	received = PG_GETARG_TEXT_PP(0);
	value = VARDATA_ANY(received);
	len = VARSIZE_ANY_EXHDR(received);
	if (normalise_trim(&value, &len) != NORMALISE_OK ||
	    phone_parse(value, len, region, &number) != PHONE_OK)
		PG_RETURN_NULL();
	if (!number.valid && !PG_ARGISNULL(2) && PG_GETARG_BOOL(2))
		(void) phone_vietnam_2018(&number);
	if (!number.valid)
		PG_RETURN_NULL();
	len = phone_e164(&number, e164);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(e164, len));
}

PG_FUNCTION_INFO_V1(cdp_versions);

/* cdp.versions() -> (component text, version text), one row each. */
Datum
cdp_versions(PG_FUNCTION_ARGS)
{
	static const char *const components[] = {"canonicaliser", "icu", "unicode", "phone_metadata"};
	FuncCallContext *context;
	Datum values[2];
	bool nulls[2] = {false, false};

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext oldcontext;
		TupleDesc descriptor;

		context = SRF_FIRSTCALL_INIT();
		oldcontext = MemoryContextSwitchTo(context->multi_call_memory_ctx);
		if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
			elog(ERROR, "return type must be a row type");
		context->tuple_desc = BlessTupleDesc(descriptor);
		context->max_calls = lengthof(components);
		MemoryContextSwitchTo(oldcontext);
	}
	context = SRF_PERCALL_SETUP();
	if (context->call_cntr >= context->max_calls)
		SRF_RETURN_DONE(context);

	values[0] = CStringGetTextDatum(components[context->call_cntr]);
	switch (context->call_cntr)
	{
		case 0:
			values[1] = CStringGetTextDatum(psprintf("%d", NORMALISE_VERSION));
			break;
		case 1:
			values[1] = CStringGetTextDatum(unicode_library_version());
			break;
		case 2:
			values[1] = CStringGetTextDatum(unicode_standard_version());
			break;
		default:
			values[1] = CStringGetTextDatum(phone_metadata_version);
			break;
	}
	SRF_RETURN_NEXT(context,
	                HeapTupleGetDatum(heap_form_tuple(context->tuple_desc, values, nulls)));
}
