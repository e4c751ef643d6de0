/*
 * computed_validate.c
 *	  Could these modules have written a body that comes from outside? Functions
 *	  that read values rely on it.
 *
 * Functions return what is wrong, or NULL. They check that bytes are there
 * before they read them. They accept only the one canonical form of each thing.
 */
#include "types/computed_internal.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "types/identifier.h"
#include "types/ltv.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

#define TOO_SHORT "it is too short"
#define BAD_AMOUNT "a number is not finite or not in its one form"

/* The bytes that are still unchecked. */
typedef struct Cursor
{
	const char *p;
	const char *end;
} Cursor;

static const char *
take_bytes(Cursor *cursor, uint64 len, const char **bytes)
{
	*bytes = cursor->p;
	if (len > (uint64) (cursor->end - cursor->p))
		return TOO_SHORT;
	cursor->p += len;
	return NULL;
}

static const char *
take_byte(Cursor *cursor, uint8 *byte)
{
	const char *bytes;
	const char *fault = take_bytes(cursor, 1, &bytes);

	*byte = fault == NULL ? (uint8) *bytes : 0;
	return fault;
}

static const char *
take_number(Cursor *cursor, uint64 min, uint64 max, uint64 *number)
{
	const char *fault;
	uint8 byte;
	int shift = 0;

	*number = 0;
	do
	{
		if ((fault = take_byte(cursor, &byte)) != NULL)
			return fault;
		if (shift == 63 && byte > 1)
			return "a number is out of range";
		*number |= (uint64) (byte & 0x7F) << shift;
		shift += 7;
	} while (byte & 0x80);
	if (byte == 0 && shift > 7)
		return "a number is not in its shortest form";
	return *number < min || *number > max ? "a number is out of range" : NULL;
}

static const char *
take_signed(Cursor *cursor, int64 *number)
{
	uint64 doubled;
	const char *fault = take_number(cursor, 0, PG_UINT64_MAX, &doubled);

	*number = (int64) (doubled >> 1) ^ -(int64) (doubled & 1);
	return fault;
}

/* A number with four bits in a head. */
static const char *
take_nibble(Cursor *cursor, int nibble, uint64 max, uint64 *number)
{
	const char *fault = NULL;

	*number = nibble;
	if (nibble == COMPUTED_NIBBLE_MAX)
	{
		fault = take_number(cursor, 0, max - COMPUTED_NIBBLE_MAX, number);
		*number += COMPUTED_NIBBLE_MAX;
	}
	return fault;
}

/* Numeric's binary form, its length before it. Errors of its receive function pass through. */
static const char *
check_wide(Cursor *cursor, bool trimmed)
{
	const char *start = cursor->p;
	const char *wire;
	const char *fault;
	StringInfoData again;
	ComputedAmount amount;
	Numeric number;
	bool same;

	if ((fault = take_bytes(cursor, 4, &wire)) != NULL)
		return fault;
	if ((fault = take_bytes(cursor, ltv_get32(start), &wire)) != NULL)
		return fault;
	/* number of digits, weight, sign and scale of 2 bytes each, digits of 2 bytes */
	if (cursor->p - wire < 8 || cursor->p - wire != 8 + 2 * (int64) ltv_get16(wire))
		return BAD_AMOUNT;
	number = ltv_read_wire(start);
	if (!computed_amount_of(number, &amount) || !amount.wide)
		return BAD_AMOUNT;
	initStringInfo(&again);
	ltv_append_wire(&again, trimmed ? ltv_trim(number) : number);
	same = again.len == cursor->p - start && memcmp(again.data, start, again.len) == 0;
	pfree(again.data);
	pfree(number);
	return same ? NULL : BAD_AMOUNT;
}

/* trimmed: a number among distinct values. */
static const char *
check_amount(Cursor *cursor, bool trimmed)
{
	const char *fault;
	uint8 scale;
	int64 units;

	if ((fault = take_byte(cursor, &scale)) != NULL)
		return fault;
	if (scale == COMPUTED_WIDE)
		return check_wide(cursor, trimmed);
	if ((fault = take_signed(cursor, &units)) != NULL)
		return fault;
	if (scale > LTV_NARROW_SCALE || units > LTV_NARROW_LIMIT || units < -LTV_NARROW_LIMIT ||
	    (trimmed && scale > 0 && units % 10 == 0))
		return BAD_AMOUNT;
	return NULL;
}

/* Is a text json in the form that jsonb writes? Errors of its input function pass through. */
static bool
is_canonical_json(const char *bytes, int len)
{
	char *text = pnstrdup(bytes, len);
	Jsonb *json = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
	StringInfoData again;
	bool same;

	initStringInfo(&again);
	(void) JsonbToCString(&again, &json->root, VARSIZE(json));
	same = again.len == len && memcmp(again.data, bytes, len) == 0;
	pfree(again.data);
	pfree(json);
	pfree(text);
	return same;
}

static const char *
check_value(Cursor *cursor, const ComputedTrait *trait, const char **bytes, int *len)
{
	bool distinct = computed_kind_is_set(trait->kind);
	const char *fault;
	Cursor value;
	uint64 size;
	TimestampTz time;
	int32 date;

	if ((fault = take_number(cursor, 0, MaxAllocSize, &size)) != NULL)
		return fault;
	if ((fault = take_bytes(cursor, size, bytes)) != NULL)
		return fault;
	*len = (int) size;
	switch (trait->value_class)
	{
		case COMPUTED_NUMBER:
			value = (Cursor){*bytes, *bytes + size};
			fault = check_amount(&value, distinct);
			return fault != NULL ? fault : value.p != value.end ? BAD_AMOUNT : NULL;
		case COMPUTED_TEXT:
		case COMPUTED_JSON:
			if (distinct && size > COMPUTED_VALUE_MAX)
				return "a distinct value is too long";
			if (!pg_verifymbstr(*bytes, *len, true))
				return "a text is not in the server's encoding";
			if (trait->value_class == COMPUTED_JSON && !is_canonical_json(*bytes, *len))
				return "a value is not json as jsonb writes it";
			return NULL;
		case COMPUTED_BOOL:
			return size != 1 || (uint8) * *bytes > 1 ? "a value is no boolean" : NULL;
		case COMPUTED_TIME:
			time = size == 8 ? computed_time_of(*bytes) : PG_INT64_MIN + 1;
			return !TIMESTAMP_NOT_FINITE(time) && !IS_VALID_TIMESTAMP(time) ? "a value is no time"
			                                                                : NULL;
		case COMPUTED_DATE:
			date = size == 4 ? computed_date_of(*bytes) : PG_INT32_MIN + 1;
			return !DATE_NOT_FINITE(date) && !IS_VALID_DATE(date) ? "a value is no date" : NULL;
		case COMPUTED_NONE:
		case N_COMPUTED_CLASSES:
			break;
	}
	return "a value is of no class";
}

static const char *
check_set(Cursor *cursor, const ComputedTrait *trait)
{
	const char *fault;
	const char *last = NULL;
	int last_len = 0;
	uint64 n;

	if ((fault = take_number(cursor, 0, PG_UINT64_MAX, &n)) != NULL)
		return fault;
	if (n < 2 || n / 2 > (uint64) trait->limit)
		return "there are no distinct values, or more than the limit";
	if (n % 2 == 1 && n / 2 < (uint64) trait->limit)
		return "distinct values were left out below the limit";
	for (n /= 2; n > 0; n--)
	{
		const char *bytes;
		int len;
		uint64 times;

		CHECK_FOR_INTERRUPTS();
		if ((fault = check_value(cursor, trait, &bytes, &len)) != NULL)
			return fault;
		if (last != NULL &&
		    computed_compare_values(trait->value_class, last, last_len, bytes, len) >= 0)
			return "distinct values do not ascend";
		if (trait->kind == COMPUTED_MOST_FREQUENT &&
		    (fault = take_number(cursor, 1, COMPUTED_COUNT_MAX, &times)) != NULL)
			return fault;
		last = bytes;
		last_len = len;
	}
	return NULL;
}

/* The body of a cell; day: of a window. */
static const char *
check_body(Cursor *cursor, const ComputedTrait *trait, int64 day)
{
	const char *fault;
	const char *bytes;
	uint64 count;
	TimestampTz at;
	int len;

	switch (trait->kind)
	{
		case COMPUTED_COUNT: /* with a window it is in the head */
			return trait->window > 0 ? NULL : take_number(cursor, 1, COMPUTED_COUNT_MAX, &count);
		case COMPUTED_SUM:
		case COMPUTED_AVG:
			fault = check_amount(cursor, false);
			if (fault == NULL && trait->kind == COMPUTED_AVG)
				fault = take_number(cursor, 1, COMPUTED_COUNT_MAX, &count);
			return fault;
		case COMPUTED_FIRST:
		case COMPUTED_LAST:
			if ((fault = take_bytes(cursor, COMPUTED_EVENT_SIZE, &bytes)) != NULL)
				return fault;
			at = (TimestampTz) ltv_get64(bytes);
			if (TIMESTAMP_NOT_FINITE(at) || !IS_VALID_TIMESTAMP(at))
				return "a time is out of range";

			/* Less than a day from UTC, which does not depend on the database of time zones. */
			if (trait->window > 0 && llabs(ltv_local_day(at, NULL) - day) > 1)
				return "a day and a time contradict each other";
			return check_value(cursor, trait, &bytes, &len);
		case COMPUTED_MIN:
		case COMPUTED_MAX:
			return check_value(cursor, trait, &bytes, &len);
		default:
			return check_set(cursor, trait);
	}
}

static const char *
check_cells(Cursor *cursor, const ComputedTrait *trait)
{
	const char *fault;
	int64 day;

	if (cursor->p == cursor->end)
		return NULL;
	if (trait->window == 0)
	{
		fault = check_body(cursor, trait, COMPUTED_NO_DAY);
		return fault != NULL ? fault : cursor->p != cursor->end ? "there are two states" : NULL;
	}
	if ((fault = take_signed(cursor, &day)) != NULL)
		return fault;
	for (bool first = true; first || cursor->p < cursor->end; first = false)
	{
		uint64 gap;
		uint64 count;
		uint8 head;

		CHECK_FOR_INTERRUPTS();
		if ((fault = take_byte(cursor, &head)) != NULL)
			return fault;
		if ((fault = take_nibble(cursor, head & 0x0F, PG_INT32_MAX, &gap)) != NULL)
			return fault;
		if (first && gap != 0)
			return "there is a gap before the first day";
		if (!first)
			day += (int64) gap + 1;
		if (day < PG_INT32_MIN || day > PG_INT32_MAX || !IS_VALID_DATE(day))
			return "a day is out of range";
		if (trait->kind != COMPUTED_COUNT && head >> 4 != 0)
			return "a day has unknown flags";
		if (trait->kind == COMPUTED_COUNT &&
		    (fault = take_nibble(cursor, head >> 4, COMPUTED_COUNT_MAX - 1, &count)) != NULL)
			return fault;
		if ((fault = check_body(cursor, trait, day)) != NULL)
			return fault;
	}
	return NULL;
}

/* Whether a kind of trait takes values of a class. */
static bool
kind_takes(ComputedKind kind, ComputedClass value_class)
{
	switch (kind)
	{
		case COMPUTED_COUNT:
			return value_class == COMPUTED_NONE;
		case COMPUTED_SUM:
		case COMPUTED_AVG:
			return value_class == COMPUTED_NUMBER;
		case COMPUTED_MIN:
		case COMPUTED_MAX:
			return value_class == COMPUTED_NUMBER || value_class == COMPUTED_TEXT ||
			       value_class == COMPUTED_TIME || value_class == COMPUTED_DATE;
		case COMPUTED_FIRST:
		case COMPUTED_LAST:
			return value_class > COMPUTED_NONE && value_class < N_COMPUTED_CLASSES;
		default:
			return value_class > COMPUTED_NONE && value_class < COMPUTED_JSON;
	}
}

static const char *
check_name(const ComputedTrait *trait)
{
	for (int i = 0; i < trait->name_len; i++)
		if ((uint8) trait->name[i] < ' ' || trait->name[i] == '\177')
			return "a name has control characters";
	return pg_verifymbstr(trait->name, trait->name_len, true)
	           ? NULL
	           : "a name is not in the server's encoding";
}

static const char *
check_limit(const ComputedTrait *trait, uint64 limit)
{
	uint64 max = trait->kind == COMPUTED_UNIQUE_LIST ? COMPUTED_LIST_MAX
	             : computed_kind_is_set(trait->kind) ? COMPUTED_DISTINCT_MAX
	                                                 : 0;

	return limit > max || (limit == 0 && max > 0) ? "a limit is out of range" : NULL;
}

static const char *
check_trait(Cursor *cursor, ComputedTrait *trait)
{
	const char *fault;
	Cursor cells;
	uint8 kind_and_class;
	uint8 flags;
	uint64 number;

	if ((fault = take_number(cursor, 1, COMPUTED_NAME_MAX, &number)) != NULL)
		return "a name has not 1 to 63 bytes";
	trait->name_len = (int) number;
	if ((fault = take_bytes(cursor, number, &trait->name)) != NULL)
		return fault;
	if ((fault = check_name(trait)) != NULL)
		return fault;
	if ((fault = take_byte(cursor, &kind_and_class)) != NULL)
		return fault;
	trait->kind = kind_and_class & 0x0F;
	trait->value_class = kind_and_class >> 4;
	if (trait->kind >= N_COMPUTED_KINDS || !kind_takes(trait->kind, trait->value_class))
		return "a kind is unknown, or does not take values of its class";
	if ((fault = take_byte(cursor, &flags)) != NULL)
		return fault;
	if (flags != 0)
		return "a trait has unknown flags";
	if ((fault = take_number(cursor, 0, COMPUTED_WINDOW_MAX, &number)) != NULL)
		return "a window is out of range";
	trait->window = (int) number;
	if ((fault = take_number(cursor, 0, PG_INT32_MAX, &number)) != NULL)
		return fault;
	if ((fault = check_limit(trait, number)) != NULL)
		return fault;
	trait->limit = (int) number;
	if ((fault = take_number(cursor, 0, MaxAllocSize, &number)) != NULL)
		return fault;
	if ((fault = take_bytes(cursor, number, &cells.p)) != NULL)
		return fault;
	cells.end = cursor->p;
	return check_cells(&cells, trait);
}

/*
 * Checks a body that comes from outside, byte for byte. Returns what is wrong
 * with it, or NULL if it is a value. Errors: those of the input functions of
 * numeric and jsonb.
 */
const char *
computed_validate(const char *body, Size len)
{
	Cursor cursor = {body, body + len};
	ComputedTrait trait;
	ComputedTrait last = {0};
	char zone[LTV_ZONE_MAX + 1];
	char canonical[LTV_ZONE_MAX + 1];
	const char *header;
	const char *name;
	const char *fault;
	uint64 n;
	uint8 zone_len;

	if ((fault = take_bytes(&cursor, COMPUTED_HEADER, &header)) != NULL)
		return fault;
	if (header[0] != COMPUTED_VERSION || header[1] != 0)
		return "it is of an unknown version";
	zone_len = (uint8) header[2];
	if (zone_len > LTV_ZONE_MAX)
		return "its time zone is not known";
	if ((fault = take_bytes(&cursor, zone_len, &name)) != NULL)
		return fault;
	memcpy(zone, name, zone_len);
	zone[zone_len] = '\0';
	if (zone_len > 0 && (strlen(zone) != zone_len || !ltv_zone_lookup(zone, canonical, NULL) ||
	                     strcmp(zone, canonical) != 0))
		return "its time zone is not known";
	if ((fault = take_number(&cursor, 0, PG_UINT64_MAX, &n)) != NULL)
		return fault;
	if ((n == 0) != (zone_len == 0))
		return "it has traits without a time zone, or a time zone without traits";
	for (; n > 0; n--)
	{
		if ((fault = check_trait(&cursor, &trait)) != NULL)
			return fault;
		if (last.name != NULL &&
		    identifier_compare_raw(last.name, last.name_len, trait.name, trait.name_len) >= 0)
			return "names do not ascend";
		last = trait;
	}
	return cursor.p == cursor.end ? NULL : "there are bytes after its end";
}
