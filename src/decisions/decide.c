/*
 * decide.c
 *	  People decide on identity: two identifiers are one person (link), or never are
 *	  (separate). A decision is a row. Making or withdrawing one replays the components of
 *	  both identifiers.
 *
 * Locks are taken in the order of an INSERT: first the two identifiers, sorted, if they have
 * no profile; then all component profiles, sorted. Withdrawing the last decision on an
 * identifier that no event has named deletes the identifier's row. All other statements rely
 * on it that a row of identifiers, once read, never disappears. So this runs alone, as a
 * rebuild does, under the lock of a change of definitions.
 */
#include "identity/identity.h"
#include "base/ids.h"

#include "miscadmin.h"
#include "replay/replay.h"
#include "storage/lmgr.h"
#include "store/lock.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "workspace/lock.h"
#include "workspace/statement.h"

extern WorkspacePart decisions_part;

/* A decision on two identifiers, the smaller one first, that is made or withdrawn. */
typedef struct Deciding
{
	Store *store;
	IdNode nodes[2];
	int64 *locked; /* ids of the profiles that are locked, sorted */
	int n_locked;
} Deciding;

/* The identifier that the user wrote; deciding: it must be one that may be decided on. */
static Identifier *
read_identifier(Workspace *ws, text *received, bool deciding)
{
	NormalisedIdentifier normalised;
	const char *value = VARDATA_ANY(received);
	int len = VARSIZE_ANY_EXHDR(received);
	NormaliseStatus status = normalise_identifier(value, len, &ws->options, &normalised);
	const NamespaceRule *rule;

	if (status != NORMALISE_OK)
		normalise_report(status, value, len);
	rule = namespaces_rule(ws, normalised.text, normalised.namespace_len);
	if (deciding &&
	    (namespaces_blocks(ws, normalised.text, normalised.namespace_len, normalised.len) ||
	     !namespaces_pattern_allows(rule, normalised.text + normalised.namespace_len + 1,
	                                normalised.len - normalised.namespace_len - 1)))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("identifier \"%s\" identifies nobody", normalised.text),
		                errdetail("It is blocked, or does not match the pattern of its namespace."),
		                errhint("See blocked_identifiers and identifier_namespaces.")));
	return identifier_make(&normalised);
}

static void
begin_deciding(Deciding *deciding, Store *store, Identifier *a, Identifier *b)
{
	int order = identifier_compare(a, b);

	if (order == 0)
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("the two identifiers are one"),
		         errdetail("Both are \"%.*s\".", (int) IDENTIFIER_LEN(a), IDENTIFIER_TEXT(a))));
	memset(deciding, 0, sizeof(Deciding));
	deciding->store = store;
	deciding->nodes[0].identifier = order < 0 ? a : b;
	deciding->nodes[1].identifier = order < 0 ? b : a;
	for (int i = 0; i < 2; i++)
	{
		deciding->nodes[i].first_at = DT_NOEND;
		deciding->nodes[i].last_at = DT_NOBEGIN;
		deciding->nodes[i].anchors_at = DT_NOEND;
		deciding->nodes[i].row.anchored_at = DT_NOEND;
	}
}

/*
 * Locks the identifiers that have no profile and are not guarded, if that was not done yet.
 * making: a decision is made, so both get a row.
 */
static void
lock_two_identifiers(Deciding *deciding, bool making)
{
	for (int i = 0; i < 2; i++)
	{
		IdNode *node = &deciding->nodes[i];

		identity_read_node(deciding->store, node);
		if (making && node->has_row && node->row.generic)
			ereport(
			    ERROR,
			    (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			     errmsg("identifier \"%.*s\" identifies nobody",
			            (int) IDENTIFIER_LEN(node->identifier), IDENTIFIER_TEXT(node->identifier)),
			     errdetail("It was seen with too many people: it is generic."),
			     errhint("Raise generic_after of its namespace first, if that is wrong.")));
		if ((node->has_row || making) && identity_must_lock(node))
			identity_lock_node(deciding->store, node);
	}
	store_refresh(deciding->store);
}

/* The component profiles of both identifiers. */
static int64 *
find_component_profiles(Deciding *deciding, int *n)
{
	Identifier *identifiers[2] = {deciding->nodes[0].identifier, deciding->nodes[1].identifier};

	return identity_component_profiles(deciding->store, identifiers, 2, n);
}

/* Reads again, after waiting for locks; returns whether no other locks are needed. */
static bool
recheck_two_components(void *context)
{
	Deciding *deciding = (Deciding *) context;
	Store *store = deciding->store;
	int64 *needed;
	int n;

	store_refresh(store);
	for (int i = 0; i < 2; i++)
	{
		IdNode *node = &deciding->nodes[i];

		identity_read_node(store, node);
		if (node->has_row && identity_must_lock(node))
			return false;
	}
	needed = find_component_profiles(deciding, &n);
	return ids_include(deciding->locked, deciding->n_locked, needed, n);
}

static bool
lock_profiles(void *context)
{
	Deciding *deciding = (Deciding *) context;
	Store *store = deciding->store;

	for (int i = 0; i < deciding->n_locked; i++)
	{
		TupleTableSlot *slot =
		    store_find(store, &profiles_table, Int64GetDatum(deciding->locked[i]));

		CHECK_FOR_INTERRUPTS();
		if (slot == NULL)
			identity_report_missing(deciding->locked[i]);
		if (store_lock(store, &profiles_table, slot) != LOCK_OK)
			return false;
	}
	return store_read_outside(store, &profiles_table, recheck_two_components, deciding);
}

/* Locks all that a replay of both components may touch. */
static void
lock_components(Deciding *deciding, bool making)
{
	do
	{
		CHECK_FOR_INTERRUPTS();
		lock_two_identifiers(deciding, making);
		deciding->locked = find_component_profiles(deciding, &deciding->n_locked);
	} while (!store_attempt(deciding->store, &profiles_table, lock_profiles, deciding));
	store_refresh(deciding->store);
}

static TupleTableSlot *
find_decision(Deciding *deciding)
{
	Datum keys[2] = {PointerGetDatum(deciding->nodes[0].identifier),
	                 PointerGetDatum(deciding->nodes[1].identifier)};

	return store_find_key(deciding->store, &decisions_table, 2, keys);
}

static void
write_decision(Deciding *deciding, const char *kind, Oid by)
{
	Datum values[N_DECISION_COLUMNS];

	values[DECISION_A] = PointerGetDatum(deciding->nodes[0].identifier);
	values[DECISION_B] = PointerGetDatum(deciding->nodes[1].identifier);
	values[DECISION_KIND] = CStringGetTextDatum(kind);
	values[DECISION_AT] = TimestampTzGetDatum(cdp_now());
	values[DECISION_BY] = CStringGetTextDatum(GetUserNameFromId(by, false));
	store_insert(deciding->store, &decisions_table,
	             store_new_row(deciding->store, &decisions_table, values, NULL));
	store_refresh(deciding->store);
}

static void
replay_two_components(Deciding *deciding, Cause cause)
{
	Identifier *identifiers[2] = {deciding->nodes[0].identifier, deciding->nodes[1].identifier};

	replay_components(deciding->store, identifiers, 2, cause, REPLAY_STRICT);
}

/*
 * Deletes the row of an identifier that no event has named and no decision names, see
 * lock_tables.
 */
static void
forget_unseen(Deciding *deciding)
{
	for (int i = 0; i < 2; i++)
	{
		IdNode *node = &deciding->nodes[i];
		TupleTableSlot *slot =
		    store_find(deciding->store, &identifiers_table, PointerGetDatum(node->identifier));

		if (slot == NULL)
			continue;
		stored_read_identifier(deciding->store, slot, &node->row);
		if (TIMESTAMP_IS_NOEND(node->row.first_seen) &&
		    !identity_has_decision(deciding->store, PointerGetDatum(node->identifier), NULL))
			store_delete(deciding->store, &identifiers_table, &slot->tts_tid);
	}
}

/*
 * Writes again the rows that others lock before they decide on the two identifiers, even if
 * nothing in these rows has changed. A transaction with an older snapshot cannot see
 * the decision. It meets the new row version and fails to serialize, instead of deciding
 * without it.
 */
static void
mark_decided(Deciding *deciding)
{
	Store *store = deciding->store;

	for (int i = 0; i < 2; i++)
	{
		IdNode *node = &deciding->nodes[i];

		store_refresh(store);
		if (!stored_find_identifier(store, PointerGetDatum(node->identifier), &node->row))
			continue;
		if (node->row.profile_id != 0)
			store_touch(store, &profiles_table, Int64GetDatum(node->row.profile_id));
		else if (!node->row.generic)
			store_touch(store, &identifiers_table, PointerGetDatum(node->identifier));
	}
}

/* The detail of an error that is about both identifiers. */
static int
detail_of_both(const Deciding *deciding)
{
	const Identifier *a = deciding->nodes[0].identifier;
	const Identifier *b = deciding->nodes[1].identifier;

	return errdetail("They are \"%.*s\" and \"%.*s\".", (int) IDENTIFIER_LEN(a), IDENTIFIER_TEXT(a),
	                 (int) IDENTIFIER_LEN(b), IDENTIFIER_TEXT(b));
}

/* Error: no event has named either identifier, so there is no profile that they could share. */
static void
require_seen(const Deciding *deciding)
{
	if (deciding->n_locked > 0)
		return;
	ereport(ERROR,
	        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	         errmsg("neither identifier has been seen in an event"), detail_of_both(deciding),
	         errhint("Link them once there is an event with one of them, or insert an event "
	                 "with both.")));
}

/* Error: there is a decision of the other kind on the two identifiers. */
static void
refuse_contradiction(const Deciding *deciding, const char *is, const char *function)
{
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
	                errmsg("the two identifiers are %s", is), detail_of_both(deciding),
	                errhint("Withdraw that first, with %s.", function)));
}

/*
 * Whether there is a decision of this kind on the two; *slot: the decision of either kind,
 * or null.
 */
static bool
is_decided(Deciding *deciding, const char *kind, TupleTableSlot **slot)
{
	bool isnull;

	*slot = find_decision(deciding);
	return *slot != NULL &&
	       strcmp(TextDatumGetCString(store_value(deciding->store, &decisions_table, *slot,
	                                              DECISION_KIND, &isnull)),
	              kind) == 0;
}

/* Makes (making) or withdraws a decision; returns whether anything had to be done. */
static bool
decide(Store *store, Identifier *a, Identifier *b, bool link, bool making, Oid by, Cause cause)
{
	Deciding deciding;
	TupleTableSlot *slot;
	bool exists;

	begin_deciding(&deciding, store, a, b);
	lock_components(&deciding, making);
	exists = is_decided(&deciding, link ? "link" : "separate", &slot);
	if (making && !exists && slot != NULL)
		refuse_contradiction(&deciding, link ? "separated" : "linked",
		                     link ? "cdp.unseparate" : "cdp.unlink");
	if (exists != making)
	{
		if (making && link)
			require_seen(&deciding);
		if (making)
			write_decision(&deciding, link ? "link" : "separate", by);
		else
		{
			store_delete(store, &decisions_table, &slot->tts_tid);
			store_refresh(store);
		}
		replay_two_components(&deciding, cause);
		if (!making)
			forget_unseen(&deciding);
		mark_decided(&deciding);
		store_refresh(store); /* also for the next decision of the same command */
	}
	return exists != making;
}

/* What the user asks for: the arguments of cdp.decide. */
typedef struct Request
{
	const char *workspace;
	text *a;
	text *b;
	bool link;
	bool making;
} Request;

/* Reads the two identifiers by the workspace's current rules. */
static void
read_request(Workspace *ws, const Request *request, Identifier **a, Identifier **b)
{
	*a = read_identifier(ws, request->a, request->making);
	*b = read_identifier(ws, request->b, request->making);
}

/*
 * Whether there is a decision to withdraw; *forgets: withdrawing it may delete an
 * identifier's row.
 */
static bool
can_withdraw(Workspace *ws, const Request *request, bool *forgets)
{
	Store *store = store_begin(ws);
	Deciding deciding;
	Identifier *a;
	Identifier *b;
	TupleTableSlot *slot;
	bool exists;

	read_request(ws, request, &a, &b);
	begin_deciding(&deciding, store, a, b);
	exists = is_decided(&deciding, request->link ? "link" : "separate", &slot);
	*forgets = false;
	for (int i = 0; i < 2 && exists; i++)
	{
		IdNode *node = &deciding.nodes[i];

		if (stored_find_identifier(store, PointerGetDatum(node->identifier), &node->row) &&
		    TIMESTAMP_IS_NOEND(node->row.first_seen))
			*forgets = true;
	}
	store_end(store);
	return exists;
}

/*
 * Locks the tables for a request. False: there is nothing to withdraw.
 *
 * It takes the weak locks of an INSERT; if the request may delete an identifier's row, it
 * takes the strong lock on profiles, which excludes all other writers. What is found under
 * the weak lock stays true. An identifier that an event has named remains one. An identifier
 * that no event has named has a row only while a decision names it. The weak lock is given back
 * before the strong one is taken: two sessions that upgraded a lock would wait for each
 * other.
 */
static bool
lock_tables(Workspace **ws, const Request *request)
{
	Oid events = (*ws)->events;
	Oid profiles = workspace_table(*ws, &profiles_table)->oid;
	bool forgets = false;

	LockRelationOid(events, RowExclusiveLock);
	LockRelationOid(profiles, RowExclusiveLock);
	workspace_require_there(events, request->workspace);
	*ws = workspace_of_events(events);
	if (request->making)
		return true;
	if (!can_withdraw(*ws, request, &forgets))
		return false;
	if (forgets)
	{
		UnlockRelationOid(profiles, RowExclusiveLock);
		LockRelationOid(profiles, ShareRowExclusiveLock);
		*ws = workspace_of_events(events);
	}
	return true;
}

PG_FUNCTION_INFO_V1(cdp_decide);

/*
 * cdp.decide(workspace, a, b, link, make, cause) -> whether anything had to be done: makes or
 * withdraws a decision on two identifiers. The user must be able to act as the owner of the
 * workspace.
 */
Datum
cdp_decide(PG_FUNCTION_ARGS)
{
	Request request = {NameStr(*PG_GETARG_NAME(0)), PG_GETARG_TEXT_PP(1), PG_GETARG_TEXT_PP(2),
	                   PG_GETARG_BOOL(3), PG_GETARG_BOOL(4)};
	Workspace *ws = workspace_by_name(request.workspace);
	Cause cause = text_to_cstring(PG_GETARG_TEXT_PP(5));
	Oid by = GetUserId();
	WorkspaceUser user;
	MemoryContext context;
	MemoryContext oldcontext;
	Identifier *a;
	Identifier *b;
	Store *store;
	bool done = false;

	workspace_require_owner(ws);
	statement_require_idle(ws, "a decision on identity");
	context = AllocSetContextCreate(CurrentMemoryContext, "cdp decide", ALLOCSET_DEFAULT_SIZES);
	oldcontext = MemoryContextSwitchTo(context);
	if (lock_tables(&ws, &request))
	{
		read_request(ws, &request, &a, &b);
		workspace_become_owner(ws, &user);
		store = store_begin(ws);
		done = decide(store, a, b, request.link, request.making, by, cause);
		store_end(store);
		workspace_restore_user(&user);
	}
	MemoryContextSwitchTo(oldcontext);
	MemoryContextDelete(context);
	PG_RETURN_BOOL(done);
}

WorkspacePart decisions_part = {
    .name = "decisions",
    .tables = (WorkspaceTable *const[]){&decisions_table, NULL},
    .indexes = (WorkspaceIndex *const[]){&decisions_by_b, NULL},
};
