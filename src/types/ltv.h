/*
 * ltv.h
 *	  The exact lifetime value of one customer: what the engine and other
 *	  modules may use. The stored format is in ltv_format.h.
 *
 * Merge is associative and commutative; the empty value in UTC is its
 * identity. Equal histories have equal bytes, in whatever order and batches
 * they were added.
 */
#ifndef CDP_LTV_H
#define CDP_LTV_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "fmgr.h"
#include "pgtime.h"
#include "types/currency.h"
#include "utils/numeric.h"

/*
 * A stored value: a varlena with a one-byte or a four-byte header. Every
 * function below takes both kinds, uncompressed and not out of line.
 */
typedef struct Ltv
{
	int32 vl_len_; /* varlena header; do not touch directly */
	char body[FLEXIBLE_ARRAY_MEMBER];
} Ltv;

#define DatumGetLtvP(datum) ((Ltv *) PG_DETOAST_DATUM_PACKED(datum))
#define PG_GETARG_LTV_P(n) DatumGetLtvP(PG_GETARG_DATUM(n))
#define PG_RETURN_LTV_P(ltv) PG_RETURN_POINTER(ltv)

/* Longest name of a time zone that a value can hold, in bytes. */
#define LTV_ZONE_MAX 63

/*
 * Looks up a time zone of the database by name. canonical may be NULL; else it
 * has LTV_ZONE_MAX + 1 bytes and gets the name as the database spells it. tz
 * may be NULL; else it gets the zone's rules, or NULL for UTC. False: there is
 * no such zone.
 */
extern bool ltv_zone_lookup(const char *name, char *canonical, pg_tz **tz);

/* An exact amount: units of a power of ten (narrow) or a numeric (wide). */
typedef union LtvMoney
{
	int64 units;
	Numeric big;
} LtvMoney;

/* Sums over the purchases, or over the refunds, of one currency. */
typedef struct LtvSide
{
	int64 count;
	TimestampTz first;
	TimestampTz last;
	LtvMoney total;
} LtvSide;

/* The net of one day; day in days since 2000-01-01 in the value's zone. */
typedef struct LtvCell
{
	int32 day;
	LtvMoney net;
} LtvCell;

/* What a builder was given in one currency, decoded. */
typedef struct LtvDelta
{
	char code[4];
	bool wide;      /* the amounts are numerics, else units of 10^-unit_scale */
	bool sorted;    /* cells ascend by day without repeats */
	int scale;      /* most digits after the point seen */
	int unit_scale; /* most digits after the point kept */
	LtvSide purchases;
	LtvSide refunds;
	int ncells;
	int maxcells;   /* size of cells; 0 while only one is used */
	LtvCell one;    /* the only cell, while maxcells is 0 */
	LtvCell *cells; /* the cells, else */
} LtvDelta;

/*
 * Collects amounts and values on top of a base. On the stack of the caller;
 * its memory comes from the context that was current at init. The base is
 * not copied and must stay until finish.
 */
typedef struct LtvBuilder
{
	const Ltv *base; /* or NULL */
	MemoryContext context;
	bool base_empty; /* the base has no amounts */
	bool zone_changed;
	pg_tz *tz; /* of zone, once needed; NULL also for UTC */
	bool tz_known;
	char zone[LTV_ZONE_MAX + 1];
	int ndeltas;
	int maxmore;    /* size of more */
	int latest;     /* the delta used last */
	LtvDelta first; /* delta 0 */
	LtvDelta *more; /* deltas 1 and up */
} LtvBuilder;

/*
 * The value without any amount. zone is a time zone's IANA name, NULL means
 * UTC. The name may be in any case; it is stored as the time zone database
 * spells it. Errors: 22023 for an unknown zone.
 */
extern Ltv *ltv_empty(const char *zone);

/*
 * The value of both histories together, newly allocated. Errors: 22023 where
 * both have amounts and their zones differ. 22003 where a sum leaves the range
 * of numeric, or a count that of bigint.
 */
extern Ltv *ltv_merge(const Ltv *a, const Ltv *b);

/* Starts a builder on base; NULL means empty in UTC. */
extern void ltv_builder_init(LtvBuilder *builder, const Ltv *base);

/*
 * Adds one amount. currency is three letters that currency_is_valid took,
 * at is finite. Zero changes nothing. Errors: 22003 for NaN, an infinity and
 * sums beyond numeric's range; 22008 for an infinite or impossible time.
 */
extern void ltv_builder_add(LtvBuilder *builder, Numeric amount, const char *currency,
                            TimestampTz at);

/* Adds all of another value; errors as ltv_merge. other may go afterwards. */
extern void ltv_builder_merge(LtvBuilder *builder, const Ltv *other);

/*
 * The sum, in the current memory context; the builder is spent. Where nothing
 * was added it is the base itself (if there is one), not a copy. changed,
 * unless NULL, is then set to false.
 */
extern Ltv *ltv_builder_finish(LtvBuilder *builder, bool *changed);

/* SQL function: the text form. */
extern PGDLLEXPORT Datum ltv_out(PG_FUNCTION_ARGS);

#endif /* CDP_LTV_H */
