/*
 * btyd_state.h
 *	  cdp.btyd_state, the transition state of the fits: customers, equal ones
 *	  counted once. (The literature calls the models "buy till you die".)
 */
#ifndef CDP_VALUE_BTYD_STATE_H
#define CDP_VALUE_BTYD_STATE_H

#include "postgres.h"

#include "fmgr.h"
#include "value/fit.h"

#define BTYD_VERSION 1

/* The contents of the groups: (frequency, recency, age), or (frequency, mean amount). */
#define BTYD_PURCHASES 1
#define BTYD_AMOUNTS 2

/*
 * On disk in the machine's order, as PostgreSQL's own types are. Groups end
 * where the varlena does, and ngroups of them are used. The first nsorted are
 * in order, each once. A finished state has only such groups.
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
