/*
 * rfm.h
 *	  Recency, frequency and monetary value of one customer, from the net of
 *	  each day.
 *
 * A purchase day is a day whose net is above zero. Purchase days of one period
 * are one purchase. A period is one day by default; periods count from the
 * customer's first purchase day. From these follow:
 *
 *	frequency	periods with a purchase, less 1
 *	recency		from the first purchase day to the start of the last period
 *	age			from the first purchase day to the day of observation
 *	monetary	mean of the purchase days' nets per period, the first left out
 *				unless it is asked for
 *
 * Days after the day of observation do not exist. Times are given in the unit,
 * a number of whole days.
 */
#ifndef CDP_VALUE_RFM_H
#define CDP_VALUE_RFM_H

#include "postgres.h"

#include "fmgr.h"
#include "types/ltv_format.h"

/* The question to answer. Days count from 2000-01-01, spans are in days. */
typedef struct RfmQuestion
{
	int32 as_of;
	int32 unit;
	int32 period;
	bool include_first;
} RfmQuestion;

/* Days go in ascending, each once; nets are all units or all numerics. */
typedef struct RfmWalk
{
	RfmQuestion question;
	bool wide;
	int64 periods;
	int32 first_day; /* the first purchase day */
	int32 start;     /* first day of the period of the last purchase day */
	LtvMoney first;  /* net of the first period */
	LtvMoney rest;   /* net of the others */
} RfmWalk;

extern void rfm_walk_init(RfmWalk *walk, const RfmQuestion *question, bool wide);
extern void rfm_walk_day(RfmWalk *walk, int32 day, LtvMoney net);
extern void rfm_walk_section(RfmWalk *walk, const LtvSection *section);
extern Datum rfm_walk_result(RfmWalk *walk, int unit_scale, int scale, FunctionCallInfo fcinfo);
extern int32 rfm_interval_days(const void *interval, const char *what);

#endif /* CDP_VALUE_RFM_H */
