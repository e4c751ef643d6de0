/*
 * body_io.c
 *	  Binary form of types whose stored form is the same on every platform.
 */
#include "types/body_io.h"

#include "base/base.h"
#include "libpq/pqformat.h"

struct varlena *
body_receive(StringInfo message, const char *type_name, BodyValidate validate)
{
	int len = message->len - message->cursor;
	const char *body = pq_getmsgbytes(message, len);
	const char *fault = validate(body, len);
	struct varlena *value;

	if (fault != NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
		                errmsg("invalid binary value for type %s", type_name),
		                errdetail("The value is damaged: %s.", fault)));
	value = palloc(VARHDRSZ + len);
	SET_VARSIZE(value, VARHDRSZ + len);
	memcpy(VARDATA(value), body, len);
	return value;
}

bytea *
body_send(const struct varlena *value)
{
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendbytes(&message, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
	return pq_endtypsend(&message);
}
