/*
 * attempt.c
 *	  Work that may fail, in a subtransaction.
 */
#include "base/base.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

bool
cdp_error_is_fatal(int sqlerrcode)
{
	switch (ERRCODE_TO_CATEGORY(sqlerrcode))
	{
		case ERRCODE_TO_CATEGORY(ERRCODE_T_R_SERIALIZATION_FAILURE): /* 40 */
		case ERRCODE_TO_CATEGORY(ERRCODE_INSUFFICIENT_RESOURCES):    /* 53 */
		case ERRCODE_TO_CATEGORY(ERRCODE_OPERATOR_INTERVENTION):     /* 57 */
		case ERRCODE_TO_CATEGORY(ERRCODE_SYSTEM_ERROR):              /* 58 */
			return true;
		default:
			return sqlerrcode == ERRCODE_DATA_CORRUPTED || sqlerrcode == ERRCODE_INDEX_CORRUPTED;
	}
}

bool
cdp_error_is_internal(int sqlerrcode)
{
	return ERRCODE_TO_CATEGORY(sqlerrcode) == ERRCODE_TO_CATEGORY(ERRCODE_INTERNAL_ERROR);
}

/*
 * An error ends the subtransaction before anything else. PostgreSQL would take
 * an open one for a savepoint. It would leave the session in a failed
 * transaction that was never begun.
 */
bool
cdp_attempt(bool (*work)(void *context), void *context, ErrorData **error)
{
	MemoryContext oldcontext = CurrentMemoryContext;
	ResourceOwner oldowner = CurrentResourceOwner;
	volatile bool done = false;

	*error = NULL;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(oldcontext);
	PG_TRY();
	{
		done = work(context);
		if (done)
			ReleaseCurrentSubTransaction();
		else
			RollbackAndReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(oldcontext);
		*error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		done = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(oldcontext);
	CurrentResourceOwner = oldowner;
	if (*error != NULL && cdp_error_is_fatal((*error)->sqlerrcode))
		ReThrowError(*error);
	return done;
}

void
cdp_attempt_each(bool (*work)(void *context), bool (*failed)(void *context, const ErrorData *error),
                 void *context)
{
	ErrorData *error;

	while (!cdp_attempt(work, context, &error))
	{
		if (!failed(context, error))
			ReThrowError(error);
		FreeErrorData(error);
		CHECK_FOR_INTERRUPTS();
	}
}
