/*
 * ltv_text.c
 *	  Text form of ltv: JSON with everything that the stored form has.
 *
 *	{"version": 1, "zone": "UTC", "currencies": {"USD": {
 *	  "purchases": {"count": 2, "total": 30.00,
 *					"first_at": "2024-01-05T10:00:00Z", "last_at": "2024-03-01T08:30:00Z"},
 *	  "refunds": {"count": 1, "total": -5.00, "first_at": ..., "last_at": ...},
 *	  "days": {"2024-01-05": 25.00, "2024-03-01": 0.00}}}}
 *
 * Instants are in UTC, days in the zone. A side without amounts is left out.
 * Where amounts have more than LTV_PLAIN_SCALE digits after the point, there is
 * also "unit_scale": the number of digits kept (see ltv_format.h). Input takes
 * the keys and days in any order, each once.
 */
#include "base/base.h"

#include "miscadmin.h"
#include "types/ltv_format.h"
#include "types/text_internal.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

/* Longest number that numeric takes: digits before and after the point. */
#define MAX_WHOLE_DIGITS 131072
#define MAX_FRACTION_DIGITS LTV_MAX_SCALE

/* ------------------------------------------------------------ output */

/* Appends units of 10^-unit_scale with scale, which is no smaller, digits after the point. */
static void
append_units(StringInfo buf, int64 units, int unit_scale, int scale)
{
	char digits[32];
	uint64 rest = units < 0 ? -(uint64) units : (uint64) units;
	int at = sizeof(digits);

	for (int written = 0; rest > 0 || written <= unit_scale; written++)
	{
		if (written == unit_scale && unit_scale > 0)
			digits[--at] = '.';
		digits[--at] = (char) ('0' + rest % 10);
		rest /= 10;
	}
	if (units < 0)
		digits[--at] = '-';
	appendBinaryStringInfo(buf, digits + at, (int) sizeof(digits) - at);
	for (int i = unit_scale; i < scale; i++)
		appendStringInfoChar(buf, '0');
}

static void
append_numeric(StringInfo buf, Numeric amount)
{
	char *text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(amount)));

	appendStringInfoString(buf, text);
	pfree(text);
}

/* Appends a date without its era; *bc says that it needs one. */
static void
append_date(StringInfo buf, int32 day, bool *bc)
{
	int year;
	int month;
	int mday;

	j2date(day + POSTGRES_EPOCH_JDATE, &year, &month, &mday);
	*bc = year <= 0;
	appendStringInfo(buf, "%04d-%02d-%02d", *bc ? 1 - year : year, month, mday);
}

void
ltv_append_day(StringInfo buf, int32 day)
{
	bool bc;

	append_date(buf, day, &bc);
	if (bc)
		appendStringInfoString(buf, " BC");
}

/* Appends a finite instant as in 2024-01-05T10:00:00.25Z, whatever the session's settings. */
static void
append_instant(StringInfo buf, TimestampTz at)
{
	int32 day = ltv_local_day(at, NULL);
	int64 time = at - day * USECS_PER_DAY;
	int seconds = (int) (time / USECS_PER_SEC);
	int fraction = (int) (time % USECS_PER_SEC);
	bool bc;

	append_date(buf, day, &bc);
	appendStringInfo(buf, "T%02d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60);
	if (fraction != 0)
		appendStringInfo(buf, ".%06d", fraction);
	appendStringInfoString(buf, bc ? "Z BC" : "Z");
}

static void
append_side(StringInfo buf, const char *name, const LtvSection *section, const LtvSide *side,
            Numeric (*total)(const LtvSection *))
{
	appendStringInfo(buf, "\"%s\": {\"count\": " INT64_FORMAT ", \"total\": ", name, side->count);
	if (section->wide)
		append_numeric(buf, total(section));
	else
		append_units(buf, side->total.units, section->unit_scale, section->scale);
	appendStringInfoString(buf, ", \"first_at\": \"");
	append_instant(buf, side->first);
	appendStringInfoString(buf, "\", \"last_at\": \"");
	append_instant(buf, side->last);
	appendStringInfoString(buf, "\"}, ");
}

static void
append_currency(StringInfo buf, const LtvSection *section, bool readable)
{
	const char *p = section->nets;

	appendStringInfo(buf, "\"%s\": {", section->code);
	if (readable)
	{
		appendStringInfoString(buf, "\"net\": ");
		append_numeric(
		    buf, ltv_numeric_add(ltv_section_purchases(section), ltv_section_refunds(section)));
		appendStringInfoString(buf, ", ");
	}
	else if (section->scale > LTV_PLAIN_SCALE)
		appendStringInfo(buf, "\"unit_scale\": %d, ", section->unit_scale);
	if (section->purchases.count > 0)
		append_side(buf, "purchases", section, &section->purchases, ltv_section_purchases);
	if (section->refunds.count > 0)
		append_side(buf, "refunds", section, &section->refunds, ltv_section_refunds);

	appendStringInfoString(buf, "\"days\": {");
	for (uint32 i = 0; i < section->ndays; i++)
	{
		appendStringInfoString(buf, i > 0 ? ", \"" : "\"");
		ltv_append_day(buf, ltv_section_day(section, i));
		appendStringInfoString(buf, "\": ");
		if (section->wide)
		{
			Numeric net = ltv_read_wire(p);
			Numeric shown = ltv_with_scale(net, section->scale);

			CHECK_FOR_INTERRUPTS();
			append_numeric(buf, shown);
			pfree(shown);
			pfree(net);
			p += ltv_wire_size(p);
		}
		else
		{
			append_units(buf, ltv_get_units(p, section->width), section->unit_scale,
			             section->scale);
			p += section->width;
		}
	}
	appendStringInfoString(buf, "}}");
}

/*
 * Appends the value as JSON: the text form, or one to be read, with each
 * currency's net and without the format's version.
 */
static void
append_ltv(StringInfo buf, const Ltv *ltv, bool readable)
{
	LtvHeader header;
	const char *p;

	ltv_read_header(ltv, &header);
	appendStringInfoChar(buf, '{');
	if (!readable)
		appendStringInfo(buf, "\"version\": %d, ", LTV_VERSION);
	appendStringInfo(buf, "\"zone\": \"%.*s\", \"currencies\": {", header.zone_len, header.zone);
	p = header.sections;
	for (int i = 0; i < header.nsections; i++)
	{
		LtvSection section;

		if (i > 0)
			appendStringInfoString(buf, ", ");
		p = ltv_read_section(p, &section);
		append_currency(buf, &section, readable);
	}
	appendStringInfoString(buf, "}}");
}

PG_FUNCTION_INFO_V1(ltv_out);

/* cdp.ltv_out(ltv) -> cstring */
Datum
ltv_out(PG_FUNCTION_ARGS)
{
	StringInfoData buf;

	initStringInfo(&buf);
	append_ltv(&buf, PG_GETARG_LTV_P(0), false);
	PG_RETURN_CSTRING(buf.data);
}

PG_FUNCTION_INFO_V1(ltv_to_jsonb);

/* cdp.to_jsonb(ltv) -> jsonb, the value in readable form */
Datum
ltv_to_jsonb(PG_FUNCTION_ARGS)
{
	StringInfoData buf;

	initStringInfo(&buf);
	append_ltv(&buf, PG_GETARG_LTV_P(0), true);
	PG_RETURN_DATUM(DirectFunctionCall1(jsonb_in, CStringGetDatum(buf.data)));
}

/* ------------------------------------------------------------- input */

/*
 * The text being read. The functions below return false after they have set
 * fault, which says what is wrong; p is where.
 */
typedef struct Reader
{
	const char *p;
	const char *fault;
	char expected[16]; /* storage for a fault */
} Reader;

static void
skip_space(Reader *reader)
{
	while (*reader->p == ' ' || *reader->p == '\t' || *reader->p == '\n' || *reader->p == '\r')
		reader->p++;
}

/* Takes the character if it comes next, after space. */
static bool
take(Reader *reader, char c)
{
	skip_space(reader);
	if (*reader->p != c)
		return false;
	reader->p++;
	return true;
}

static bool
expect(Reader *reader, char c)
{
	if (take(reader, c))
		return true;
	snprintf(reader->expected, sizeof(reader->expected), "\"%c\" expected", c);
	return text_fail(&reader->fault, reader->expected);
}

/* Reads a string without escapes into buf of the given size. */
static bool
read_string(Reader *reader, char *buf, int size)
{
	int len = 0;

	skip_space(reader);
	if (*reader->p != '"')
		return text_fail(&reader->fault, "string expected");
	for (const char *p = reader->p + 1; *p != '"'; p++)
	{
		if (*p == '\0' || *p == '\\' || (unsigned char) *p < ' ')
			return text_fail(&reader->fault, "string without escapes expected");
		if (len + 1 >= size)
			return text_fail(&reader->fault, "string is too long");
		buf[len++] = *p;
	}
	buf[len] = '\0';
	reader->p += len + 2;
	return true;
}

/* Reads a key and its colon. */
static bool
read_key(Reader *reader, char *buf, int size)
{
	return read_string(reader, buf, size) && expect(reader, ':');
}

/* Reads a count: an integer from 1 to the largest bigint. */
static bool
read_count(Reader *reader, int64 *count)
{
	uint64 value = 0;
	const char *p;

	skip_space(reader);
	for (p = reader->p; *p >= '0' && *p <= '9'; p++)
	{
		if (value > (PG_INT64_MAX - (uint64) (*p - '0')) / 10)
			return text_fail(&reader->fault, "count is out of range");
		value = value * 10 + (uint64) (*p - '0');
	}
	if (p == reader->p || *reader->p == '0')
		return text_fail(&reader->fault, "positive whole number expected");
	reader->p = p;
	*count = (int64) value;
	return true;
}

/* Reads an amount: a JSON number without exponent. */
static bool
read_amount(Reader *reader, Numeric *amount)
{
	const char *p;
	const char *digits;
	char *token;

	skip_space(reader);
	p = reader->p;
	if (*p == '-')
		p++;
	for (digits = p; *p >= '0' && *p <= '9'; p++)
		;
	if (p == digits || (*digits == '0' && p - digits > 1))
		return text_fail(&reader->fault, "number expected");
	if (p - digits > MAX_WHOLE_DIGITS)
		return text_fail(&reader->fault, "number is out of range");
	if (*p == '.')
	{
		for (digits = ++p; *p >= '0' && *p <= '9'; p++)
			;
		if (p == digits)
			return text_fail(&reader->fault, "number expected");
		if (p - digits > MAX_FRACTION_DIGITS)
			return text_fail(&reader->fault, "number is out of range");
	}
	if (*p == 'e' || *p == 'E')
		return text_fail(&reader->fault, "number without exponent expected");
	token = pnstrdup(reader->p, p - reader->p);
	*amount = DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(token),
	                                              ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	pfree(token);
	reader->p = p;
	return true;
}

/* Reads a number of at least min and at most max digits at *p; returns how many it has, or 0. */
static int
read_digits(const char **p, int min, int max, int *value)
{
	int len = 0;

	*value = 0;
	while ((*p)[len] >= '0' && (*p)[len] <= '9' && len < max)
		*value = *value * 10 + ((*p)[len++] - '0');
	*p += len;
	return len >= min ? len : 0;
}

/*
 * Reads YYYY-MM-DD at *p, of the era that the end of the string gives, as
 * days since 2000-01-01.
 */
static bool
read_date(const char **p, bool bc, int32 *day)
{
	int year;
	int month;
	int mday;

	if (!read_digits(p, 4, 7, &year) || *(*p)++ != '-' || !read_digits(p, 2, 2, &month) ||
	    *(*p)++ != '-' || !read_digits(p, 2, 2, &mday))
		return false;
	if (year < 1 || month < 1 || month > 12)
		return false;
	if (bc)
		year = 1 - year;
	if (mday < 1 || mday > day_tab[isleap(year)][month - 1] || !IS_VALID_JULIAN(year, month, mday))
		return false;
	*day = date2j(year, month, mday) - POSTGRES_EPOCH_JDATE;
	return IS_VALID_DATE(*day);
}

/* Reads a point and one to six digits, if a point is at *p, as microseconds. */
static bool
read_fraction(const char **p, int *microseconds)
{
	int digits;

	*microseconds = 0;
	if (**p != '.')
		return true;
	(*p)++;
	digits = read_digits(p, 1, 6, microseconds);
	for (int i = digits; i < 6; i++)
		*microseconds *= 10;
	return digits > 0;
}

/* Takes " BC" off the end of the string; was it there? */
static bool
strip_era(char *string)
{
	size_t len = strlen(string);

	if (len < 3 || strcmp(string + len - 3, " BC") != 0)
		return false;
	string[len - 3] = '\0';
	return true;
}

/* Is the string a day as ltv_append_day writes it? The string is changed. */
bool
ltv_parse_day(char *string, int32 *day)
{
	bool bc = strip_era(string);
	const char *p = string;

	return read_date(&p, bc, day) && *p == '\0';
}

/* Reads a string with an instant as append_instant writes it. */
static bool
read_instant(Reader *reader, TimestampTz *at)
{
	const char *start;
	char string[64];
	const char *p = string;
	bool bc;
	int32 day;
	int hour;
	int minute;
	int second;
	int fraction;

	skip_space(reader);
	start = reader->p;
	if (!read_string(reader, string, sizeof(string)))
		return false;
	bc = strip_era(string);
	if (read_date(&p, bc, &day) && *p++ == 'T' && read_digits(&p, 2, 2, &hour) && *p++ == ':' &&
	    read_digits(&p, 2, 2, &minute) && *p++ == ':' && read_digits(&p, 2, 2, &second) &&
	    hour < 24 && minute < 60 && second < 60 && read_fraction(&p, &fraction) &&
	    strcmp(p, "Z") == 0 && day < TIMESTAMP_END_JULIAN - POSTGRES_EPOCH_JDATE)
	{
		*at = day * USECS_PER_DAY + ((hour * 60 + minute) * 60 + second) * USECS_PER_SEC + fraction;
		if (IS_VALID_TIMESTAMP(*at))
			return true;
	}
	reader->p = start;
	return text_fail(&reader->fault, "time as in \"2024-01-05T10:00:00Z\" expected");
}

/* Reads the object of a side. */
static bool
read_side(Reader *reader, LtvSide *side, Numeric *total)
{
	static const char *const keys[] = {"count", "total", "first_at", "last_at"};
	bool seen[lengthof(keys)] = {false};

	if (!expect(reader, '{'))
		return false;
	for (int n = 0; n < (int) lengthof(keys); n++)
	{
		char key[16];
		int k;
		bool ok;

		if ((n > 0 && !expect(reader, ',')) || !read_key(reader, key, sizeof(key)))
			return false;
		for (k = 0; k < (int) lengthof(keys) && strcmp(key, keys[k]) != 0; k++)
			;
		if (k == lengthof(keys) || seen[k])
			return text_fail(&reader->fault, "key is not known here or repeated");
		seen[k] = true;
		ok = k == 0   ? read_count(reader, &side->count)
		     : k == 1 ? read_amount(reader, total)
		     : k == 2 ? read_instant(reader, &side->first)
		              : read_instant(reader, &side->last);
		if (!ok)
			return false;
	}
	return expect(reader, '}');
}

/* The contents of a currency's object. */
typedef struct Currency
{
	LtvSide purchases;
	LtvSide refunds;
	int64 unit_scale; /* 0 where it is not given */
	Numeric purchase_total;
	Numeric refund_total;
	LtvCell *cells; /* with numerics */
	int ncells;
	int maxcells;
} Currency;

static bool
read_days(Reader *reader, Currency *currency)
{
	if (!expect(reader, '{'))
		return false;
	do
	{
		char key[32];
		LtvCell cell;

		CHECK_FOR_INTERRUPTS();
		if (!read_key(reader, key, sizeof(key)))
			return false;
		if (!ltv_parse_day(key, &cell.day))
			return text_fail(&reader->fault, "day as in \"2024-01-05\" expected");
		if (!read_amount(reader, &cell.net.big))
			return false;
		if (currency->ncells == currency->maxcells)
		{
			currency->maxcells = Max(16, currency->maxcells * 2);
			currency->cells =
			    currency->cells
			        ? repalloc_huge(currency->cells, sizeof(LtvCell) * (Size) currency->maxcells)
			        : palloc(sizeof(LtvCell) * (Size) currency->maxcells);
		}
		currency->cells[currency->ncells++] = cell;
	} while (take(reader, ','));
	return expect(reader, '}');
}

static void
note_scale(Numeric amount, int *scale, int *unit_scale)
{
	*scale = Max(*scale, ltv_numeric_scale(amount));
	*unit_scale = Max(*unit_scale, ltv_numeric_unit_scale(amount));
}

/*
 * Gives a currency that was read to the builder. Checks only what the encoding
 * needs; ltv_validate checks the rest.
 */
static bool
add_currency(Reader *reader, LtvBuilder *builder, const char *code, Currency *currency)
{
	LtvDelta *delta = ltv_builder_delta(builder, code);
	Numeric zero = int64_to_numeric(0);
	Numeric purchases = currency->purchase_total ? currency->purchase_total : zero;
	Numeric refunds = currency->refund_total ? currency->refund_total : zero;
	int scale = 0;
	int unit_scale = 0;

	note_scale(purchases, &scale, &unit_scale);
	note_scale(refunds, &scale, &unit_scale);
	for (int i = 0; i < currency->ncells; i++)
		note_scale(currency->cells[i].net.big, &scale, &unit_scale);
	if (currency->unit_scale != 0)
	{
		if (currency->unit_scale < unit_scale || currency->unit_scale > scale)
			return text_fail(&reader->fault, "unit_scale does not go with the amounts");
		unit_scale = (int) currency->unit_scale;
	}
	if (ltv_numeric_sign(purchases) != (currency->purchases.count > 0) ||
	    ltv_numeric_sign(refunds) != -(currency->refunds.count > 0))
		return text_fail(&reader->fault, "a total has the wrong sign");

	delta->scale = scale;
	delta->unit_scale = unit_scale;
	delta->purchases = currency->purchases;
	delta->refunds = currency->refunds;
	delta->wide = unit_scale > LTV_NARROW_SCALE ||
	              !ltv_numeric_to_units(purchases, unit_scale, &delta->purchases.total.units) ||
	              !ltv_numeric_to_units(refunds, unit_scale, &delta->refunds.total.units);
	if (delta->wide)
	{
		delta->purchases.total.big = ltv_trim(purchases);
		delta->refunds.total.big = ltv_trim(refunds);
	}
	for (int i = 0; i < currency->ncells; i++)
	{
		LtvCell *cell = &currency->cells[i];
		int before = delta->ncells;
		LtvCell *to = ltv_delta_cell(builder, delta, cell->day);

		if (delta->ncells != before + 1)
			return text_fail(&reader->fault, "a day is repeated");
		if (delta->wide)
			to->net.big = ltv_trim(cell->net.big);
		else if (!ltv_numeric_to_units(cell->net.big, unit_scale, &to->net.units) ||
		         to->net.units > delta->purchases.total.units ||
		         to->net.units < delta->refunds.total.units)
			return text_fail(&reader->fault, "the nets of the days do not add up to the totals");
	}
	return true;
}

/* Reads the object of a currency. */
static bool
read_currency(Reader *reader, LtvBuilder *builder, const char *code)
{
	Currency currency;

	memset(&currency, 0, sizeof(currency));
	if (!expect(reader, '{'))
		return false;
	do
	{
		char key[16];
		bool ok;

		if (!read_key(reader, key, sizeof(key)))
			return false;
		if (strcmp(key, "purchases") == 0 && currency.purchases.count == 0)
			ok = read_side(reader, &currency.purchases, &currency.purchase_total);
		else if (strcmp(key, "refunds") == 0 && currency.refunds.count == 0)
			ok = read_side(reader, &currency.refunds, &currency.refund_total);
		else if (strcmp(key, "unit_scale") == 0 && currency.unit_scale == 0)
			ok = read_count(reader, &currency.unit_scale);
		else if (strcmp(key, "days") == 0 && currency.ncells == 0)
			ok = read_days(reader, &currency);
		else
			ok = text_fail(&reader->fault, "key is not known here or repeated");
		if (!ok)
			return false;
	} while (take(reader, ','));
	if (!expect(reader, '}'))
		return false;
	if (currency.ncells == 0 || currency.purchases.count + currency.refunds.count == 0)
		return text_fail(&reader->fault, "a currency needs days, and purchases or refunds");
	return add_currency(reader, builder, code, &currency);
}

static bool
read_currencies(Reader *reader, LtvBuilder *builder)
{
	if (!expect(reader, '{'))
		return false;
	if (take(reader, '}'))
		return true;
	do
	{
		char code[4];

		CHECK_FOR_INTERRUPTS();
		if (!read_key(reader, code, sizeof(code)))
			return false;
		for (int i = 0; i < 3; i++)
		{
			if (code[i] < 'A' || code[i] > 'Z')
				return text_fail(&reader->fault, "currency of three upper-case letters expected");
		}
		for (int i = 0; i < builder->ndeltas; i++)
		{
			if (memcmp(ltv_nth_delta(builder, i)->code, code, 3) == 0)
				return text_fail(&reader->fault, "a currency is repeated");
		}
		if (!read_currency(reader, builder, code))
			return false;
	} while (take(reader, ','));
	return expect(reader, '}');
}

/* Reads a whole value into the builder. */
static bool
read_ltv(Reader *reader, LtvBuilder *builder)
{
	bool version_seen = false;
	bool zone_seen = false;
	bool currencies_seen = false;

	if (!expect(reader, '{'))
		return false;
	do
	{
		char key[16];

		if (!read_key(reader, key, sizeof(key)))
			return false;
		if (strcmp(key, "version") == 0 && !version_seen)
		{
			int64 version;

			version_seen = true;
			if (!read_count(reader, &version))
				return false;
			if (version != LTV_VERSION)
				return text_fail(&reader->fault, "the version is not known");
		}
		else if (strcmp(key, "zone") == 0 && !zone_seen)
		{
			char zone[LTV_ZONE_MAX + 1];

			zone_seen = true;
			if (!read_string(reader, zone, sizeof(zone)))
				return false;
			if (!ltv_zone_lookup(zone, builder->zone, NULL))
				return text_fail(&reader->fault, "the time zone is not known");
		}
		else if (strcmp(key, "currencies") == 0 && !currencies_seen)
		{
			currencies_seen = true;
			if (!read_currencies(reader, builder))
				return false;
		}
		else
			return text_fail(&reader->fault, "key is not known here or repeated");
	} while (take(reader, ','));
	if (!expect(reader, '}'))
		return false;
	skip_space(reader);
	if (*reader->p != '\0')
		return text_fail(&reader->fault, "nothing more expected");
	if (!version_seen || !zone_seen || !currencies_seen)
		return text_fail(&reader->fault, "a value needs version, zone and currencies");
	return true;
}

PG_FUNCTION_INFO_V1(ltv_in);

/*
 * cdp.ltv_in(cstring) -> ltv. Order and space are free. Errors: 22P02 with the
 * place for anything else that ltv_out could not have written.
 */
Datum
ltv_in(PG_FUNCTION_ARGS)
{
	char *text = PG_GETARG_CSTRING(0);
	Reader reader = {.p = text};
	LtvBuilder builder;
	Ltv *ltv;
	const char *fault;

	ltv_builder_init(&builder, NULL);
	if (!read_ltv(&reader, &builder))
		ereturn(CDP_ESCONTEXT(fcinfo), (Datum) 0,
		        (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
		         errmsg("invalid input syntax for type %s", "cdp.ltv"),
		         errdetail("At character %d: %s.", (int) (reader.p - text) + 1, reader.fault),
		         errhint("Values are made by cdp.ltv(amount, currency, at) and cdp.ltv_agg.")));

	ltv = ltv_builder_finish(&builder, NULL);
	fault = ltv_validate(VARDATA(ltv), VARSIZE(ltv) - VARHDRSZ);
	if (fault != NULL)
		ereturn(CDP_ESCONTEXT(fcinfo), (Datum) 0,
		        (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
		         errmsg("invalid value for type %s", "cdp.ltv"),
		         errdetail("The value contradicts itself: %s.", fault)));
	PG_RETURN_LTV_P(ltv);
}
