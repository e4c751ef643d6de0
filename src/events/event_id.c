/*
 * event_id.c
 *	  Event ids: new ones are ordered by time; those for message ids of other systems
 *	  depend on the message id alone.
 */
#include "events/events.h"

#include "common/cryptohash.h"
#include "common/sha1.h"
#include "fmgr.h"
#include "normalise/unicode.h"
#include "port/pg_bswap.h"
#include "utils/timestamp.h"

/* UUID namespace of foreign message ids. Any fixed value will do, but it must never change. */
static const uint8 message_namespace[UUID_LEN] = {0x6c, 0x1d, 0x0e, 0x2a, 0x5b, 0x57, 0x4e, 0x0b,
                                                  0x9d, 0x3f, 0x43, 0x44, 0x50, 0x65, 0x76, 0x74};

/* Sets version and variant (RFC 9562, sections 4.1 and 4.2). */
static void
set_version(pg_uuid_t *id, int version)
{
	id->data[6] = (id->data[6] & 0x0f) | (version << 4);
	id->data[8] = (id->data[8] & 0x3f) | 0x80;
}

/*
 * Version 7: 48 bits of milliseconds since 1970, then 12 bits of the fraction of the
 * millisecond (method 3 of section 6.2), then 62 random bits. It uses the real clock,
 * not cdp.clock: ids must not repeat while that stands still.
 */
pg_uuid_t *
event_id_generate(void)
{
	pg_uuid_t *id = palloc(sizeof(pg_uuid_t));
	uint64 micros =
	    GetCurrentTimestamp() + (uint64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;
	uint64 stamp = pg_hton64((micros / 1000) << 16);
	uint16 fraction = (micros % 1000) * 4096 / 1000;

	if (!pg_strong_random(id->data + 8, UUID_LEN - 8))
		ereport(ERROR,
		        (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate random values")));
	memcpy(id->data, &stamp, 6);
	id->data[6] = fraction >> 8;
	id->data[7] = fraction & 0xff;
	set_version(id, 7);
	return id;
}

PG_FUNCTION_INFO_V1(cdp_event_id);

/* cdp.event_id() -> uuid */
Datum
cdp_event_id(PG_FUNCTION_ARGS)
{
	PG_RETURN_UUID_P(event_id_generate());
}

/*
 * What clients send where they have no message id, in lower case. The list must never
 * change: a repeat would get another id.
 */
static const char *const junk[] = {"null",
                                   "undefined",
                                   "none",
                                   "nil",
                                   "nan",
                                   "[object object]",
                                   "00000000-0000-0000-0000-000000000000"};

static bool
is_word(const char *text, size_t len, const char *word)
{
	if (strlen(word) != len)
		return false;
	for (size_t i = 0; i < len; i++)
		if (pg_ascii_tolower((unsigned char) text[i]) != word[i])
			return false;
	return true;
}

/* Whether a message id is blank or junk, blanks at its ends left out. */
static bool
is_junk(const char *text, size_t len)
{
	size_t space;

	while ((space = unicode_leading_space(text, len)) > 0)
	{
		text += space;
		len -= space;
	}
	while ((space = unicode_trailing_space(text, len)) > 0)
		len -= space;
	if (len == 0)
		return true;
	for (int i = 0; i < lengthof(junk); i++)
		if (is_word(text, len, junk[i]))
			return true;
	return false;
}

PG_FUNCTION_INFO_V1(cdp_event_id_of);

/*
 * cdp.event_id(text) -> uuid: version 5, the SHA-1 of a fixed namespace and the text
 * (RFC 9562, section 5.5). The same message id always gives the same event id. Null for
 * what is no message id: it would make one event of many.
 */
Datum
cdp_event_id_of(PG_FUNCTION_ARGS)
{
	text *message = PG_GETARG_TEXT_PP(0);
	uint8 digest[SHA1_DIGEST_LENGTH];
	pg_cryptohash_ctx *hash;
	pg_uuid_t *id;

	if (is_junk(VARDATA_ANY(message), VARSIZE_ANY_EXHDR(message)))
		PG_RETURN_NULL();
	hash = pg_cryptohash_create(PG_SHA1);
	if (pg_cryptohash_init(hash) < 0 ||
	    pg_cryptohash_update(hash, message_namespace, UUID_LEN) < 0 ||
	    pg_cryptohash_update(hash, (uint8 *) VARDATA_ANY(message), VARSIZE_ANY_EXHDR(message)) <
	        0 ||
	    pg_cryptohash_final(hash, digest, sizeof(digest)) < 0)
	{
		const char *reason = pg_cryptohash_error(hash);

		pg_cryptohash_free(hash);
		ereport(ERROR,
		        (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not compute SHA-1: %s", reason)));
	}
	pg_cryptohash_free(hash);
	id = palloc(sizeof(pg_uuid_t));
	memcpy(id->data, digest, UUID_LEN);
	set_version(id, 5);
	PG_RETURN_UUID_P(id);
}
