/*
 * cdp.c
 *	  The module's start: it defines the settings and registers the table of parts.
 */
#include "base/base.h"

#include "batch/batch.h"
#include "fmgr.h"
#include "store/lock.h"
#include "utils/guc.h"

PG_MODULE_MAGIC;

void _PG_init(void);

void
_PG_init(void)
{
	clock_init();
	batch_init();
	store_init();
	MarkGUCPrefixReserved("cdp");
	parts_register();
}
