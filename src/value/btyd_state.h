/*
 * btyd_state.h
 *	  cdp.btyd_state, the transition state of the fits: customers, equal ones
 *	  counted once. ("Buy till you die" is what the literature calls the
 *	  models.)
 */
#ifndef CDP_VALUE_BTYD_STATE_H
#define CDP_VALUE_BTYD_STATE_H

#include "postgres.h"

#include "fmgr.h"
#include "value/fit.h"

#define BTYD_VERSION 1

/* What the groups are: (frequency, recency, age), or (frequency, mean amount). */
#define BTYD_PURCHASES 1
#define BTYD_AMOUNTS 2

/*
 * On disk in the machine's order, as PostgreSQL's own types are. Groups end
 * where the varlena does; ngroups of them are used, of which the first nsorted
 * are in order and each once. A finished state has no others.
 */
typedef struct BtydState
{
	int32 vl_len_;
	uint8 version;
	uint8 kind;
	uint16 reserved; /* 0 */
	int32 unit;      /* of times, in days; 0: not known */
	uint32 ngroups;
	uint32 nsorted;
	uint32 reserved2; /* 0 */
	CustomerGroup groups[FLEXIBLE_ARRAY_MEMBER];
} BtydState;

#define BTYD_HEADER offsetof(BtydState, groups)

extern void btyd_check_purchases(double frequency, double recency, double age);
extern void btyd_check_amount(double frequency, double monetary);
extern BtydState *btyd_state_from_datum(Datum datum);
extern BtydState *btyd_state_finished(const BtydState *state);

#endif /* CDP_VALUE_BTYD_STATE_H */
