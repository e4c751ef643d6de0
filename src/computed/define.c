/*
 * define.c
 *	  Definitions of computed traits: the trigger on computed_traits, and the
 *	  back-fill of profiles from the events.
 *
 * The back-fill is one aggregate over the events of each profile, in SQL
 * (sql/workspace/computed.sql). An expression that fails on an event ends the
 * first attempt; the second one has a subtransaction per event, and counts what
 * fails. So definitions that do not fail pay nothing for those that may.
 */
#include "batch/batch.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "types/ltv_format.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"
#include "utils/typcache.h"
#include "computed/compile.h"

/* What a profile's events add is put together when there is so much of it, or more. */
#define GROUP_INPUTS 256

/* Failures of a trait on a profile's events. */
typedef struct BackfillFailure
{
	struct
	{
		int64 profile;
		int64 trait;
	} key;
	int64 n;
	int sqlerrcode;
	char *message;
	pg_uuid_t event_id;
} BackfillFailure;

/* The back-fill that is going on. */
typedef struct Backfill
{
	Workspace *ws;
	const Bitmapset *wanted;
	Datum gone; /* text[]: names whose states go away */
	bool careful;
	int32 today;
	TupleTableSlot *slot; /* for a row of events */
	RowInputs row;
	MemoryContext context;
	HTAB *failures;
} Backfill;

static Backfill *running = NULL;

/* One profile's traits. */
typedef struct TraitGroup
{
	Computed *computed;
	ComputedBuilder builder;
} TraitGroup;

/* Goes on from a value of the group's own. */
static void
begin_group(TraitGroup *group, const Workspace *ws, Computed *computed)
{
	group->computed = computed;
	computed_builder_init(&group->builder, computed, ws->computed_traits, ws->n_computed,
	                      ws->time_zone);
	group->builder.owns_values = true;
}

/* Puts together what has been collected. */
static void
put_together(TraitGroup *group, const Backfill *backfill)
{
	Computed *before = group->computed;
	bool changed;
	Computed *computed = computed_builder_finish(&group->builder, backfill->today, &changed);

	computed_builder_free(&group->builder);
	if (changed)
		pfree(before);
	begin_group(group, backfill->ws, computed);
}

static bool
evaluate_inputs_of_row(void *context)
{
	inputs_of_row((RowInputs *) context);
	return true;
}

static void
count_failure(Backfill *backfill, int64 profile, const ErrorData *error, const pg_uuid_t *event_id)
{
	BackfillFailure key = {{profile, backfill->row.trait}};
	bool found;
	BackfillFailure *failure = hash_search(backfill->failures, &key.key, HASH_ENTER, &found);

	if (!found)
		failure->n = 0;
	else
		pfree(failure->message);
	failure->n++;
	failure->message = MemoryContextStrdup(backfill->context, error->message);
	failure->sqlerrcode = error->sqlerrcode;
	failure->event_id = *event_id;
}

/* What the row in the slot adds; where that may fail, past what does. */
static void
evaluate_inputs(Backfill *backfill, int64 profile, const pg_uuid_t *event_id)
{
	ErrorData *error;

	backfill->row.trait = 0;
	if (!backfill->careful)
	{
		inputs_of_row(&backfill->row);
		return;
	}
	while (!cdp_attempt(evaluate_inputs_of_row, &backfill->row, &error))
	{
		count_failure(backfill, profile, error, event_id);
		FreeErrorData(error);
		backfill->row.trait++;
	}
}

/* Value of an engine's column of the row of events in the slot. */
static Datum
row_value(const Backfill *backfill, EventColumn column)
{
	bool isnull;

	return slot_getattr(backfill->slot, backfill->ws->columns[TABLE_EVENTS][column], &isnull);
}

PG_FUNCTION_INFO_V1(cdp_computed_accum);

/*
 * cdp.computed_accum(state, profile id, row of events) -> state: transition
 * function of cdp.computed_agg. Errors outside a back-fill: what it computes are
 * the traits that are being defined.
 */
Datum
cdp_computed_accum(PG_FUNCTION_ARGS)
{
	Backfill *backfill = running;
	TraitGroup *group = PG_ARGISNULL(0) ? NULL : (TraitGroup *) PG_GETARG_POINTER(0);
	HeapTupleHeader row;
	HeapTupleData tuple = {0};
	MemoryContext context;
	MemoryContext oldcontext;
	pg_uuid_t *event_id;
	TimestampTz occurred_at;
	TimestampTz received_at;
	TimestampTz at;

	if (!AggCheckCallContext(fcinfo, &context) || backfill == NULL || PG_ARGISNULL(1) ||
	    PG_ARGISNULL(2))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		                errmsg("cdp.computed_agg is for the definition of computed traits only")));
	if (group == NULL)
	{
		oldcontext = MemoryContextSwitchTo(context);
		group = palloc(sizeof(TraitGroup));
		begin_group(group, backfill->ws, computed_empty());
		MemoryContextSwitchTo(oldcontext);
	}
	row = PG_GETARG_HEAPTUPLEHEADER(2);
	if (HeapTupleHeaderGetTypeId(row) != get_rel_type_id(backfill->ws->events))
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
		                errmsg("cdp.computed_agg takes rows of the workspace's events")));
	tuple.t_len = HeapTupleHeaderGetDatumLength(row);
	tuple.t_data = row;
	ExecStoreHeapTuple(&tuple, backfill->slot, false);
	event_id = DatumGetUUIDP(row_value(backfill, EVENT_ID));
	occurred_at = DatumGetTimestampTz(row_value(backfill, EVENT_OCCURRED_AT));
	received_at = DatumGetTimestampTz(row_value(backfill, EVENT_RECEIVED_AT));
	at = Min(occurred_at, received_at);
	evaluate_inputs(backfill, PG_GETARG_INT64(1), event_id);
	if (backfill->row.inputs.len > 0)
	{
		oldcontext = MemoryContextSwitchTo(context);
		inputs_fold(backfill->row.inputs.data, backfill->row.inputs.len, &group->builder, at,
		            backfill->ws->computed_uses_days ? ltv_local_day(at, backfill->ws->tz) : 0,
		            event_id);
		/* the larger the state, the more is put to it at a time */
		if (computed_builder_size(&group->builder) >=
		    Max(GROUP_INPUTS, (int) (VARSIZE_ANY(group->computed) / 16)))
			put_together(group, backfill);
		MemoryContextSwitchTo(oldcontext);
	}
	ExecClearTuple(backfill->slot);
	PG_RETURN_POINTER(group);
}

PG_FUNCTION_INFO_V1(cdp_computed_final);

/* cdp.computed_final(state) -> computed: final function of cdp.computed_agg. */
Datum
cdp_computed_final(PG_FUNCTION_ARGS)
{
	TraitGroup *group = PG_ARGISNULL(0) ? NULL : (TraitGroup *) PG_GETARG_POINTER(0);
	bool changed;

	if (!AggCheckCallContext(fcinfo, NULL) || running == NULL || group == NULL)
		PG_RETURN_NULL();
	PG_RETURN_COMPUTED_P(computed_builder_finish(&group->builder, running->today, &changed));
}

static Datum
text_array(Datum *texts, int n)
{
	return PointerGetDatum(construct_array(texts, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* The names in an array of texts, as traits of which nothing else is known. */
static ComputedTrait *
traits_of_names(ArrayType *array, int *n)
{
	Datum *names;
	bool *nulls;
	ComputedTrait *traits;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &names, &nulls, n);
	traits = palloc0(sizeof(ComputedTrait) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
	{
		traits[i].name = nulls[i] ? "" : TextDatumGetCString(names[i]);
		traits[i].name_len = strlen(traits[i].name);
	}
	return traits;
}

PG_FUNCTION_INFO_V1(cdp_computed_without);

/* cdp.computed_without(computed, names text[]) -> computed: less those traits. */
Datum
cdp_computed_without(PG_FUNCTION_ARGS)
{
	int n;
	ComputedTrait *traits = traits_of_names(PG_GETARG_ARRAYTYPE_P(1), &n);

	PG_RETURN_COMPUTED_P(computed_without(PG_GETARG_COMPUTED_P(0), traits, n));
}

PG_FUNCTION_INFO_V1(cdp_has_computed);

/* cdp.has_computed(computed, names text[]) -> boolean: whether it has one of those traits. */
Datum
cdp_has_computed(PG_FUNCTION_ARGS)
{
	int n;
	ComputedTrait *traits = traits_of_names(PG_GETARG_ARRAYTYPE_P(1), &n);
	Computed *computed = PG_GETARG_COMPUTED_P(0);

	PG_RETURN_BOOL(computed_without(computed, traits, n) != computed);
}

PG_FUNCTION_INFO_V1(cdp_computed_trait_type);

/* cdp.computed_trait_type(workspace, trait) -> type of its expression; null: it has none, or is broken. */
Datum
cdp_computed_trait_type(PG_FUNCTION_ARGS)
{
	static const char *const types[N_COMPUTED_CLASSES] = {
	    [COMPUTED_NONE] = "boolean", /* of an expression it is counted whether it is null */
	    [COMPUTED_NUMBER] = "numeric",   [COMPUTED_TEXT] = "text", [COMPUTED_BOOL] = "boolean",
	    [COMPUTED_TIME] = "timestamptz", [COMPUTED_DATE] = "date", [COMPUTED_JSON] = "jsonb",
	};
	Workspace *ws = workspace_by_name(NameStr(*PG_GETARG_NAME(0)));
	int index = computed_traits_find(ws, text_to_cstring(PG_GETARG_TEXT_PP(1)));

	if (index < 0 || ws->computed[index].broken != NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(types[ws->computed[index].value_class]));
}

PG_FUNCTION_INFO_V1(cdp_computed_trait_fault);

/* cdp.computed_trait_fault(workspace, trait) -> why its definition does not compile; null: it does. */
Datum
cdp_computed_trait_fault(PG_FUNCTION_ARGS)
{
	Workspace *ws = workspace_by_name(NameStr(*PG_GETARG_NAME(0)));
	int index = computed_traits_find(ws, text_to_cstring(PG_GETARG_TEXT_PP(1)));

	if (index < 0 || ws->computed[index].broken == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(ws->computed[index].broken->message));
}

PG_FUNCTION_INFO_V1(cdp_computed_of_nobody);

/* cdp.computed_without_events(workspace) -> computed: of a profile without events. */
Datum
cdp_computed_of_nobody(PG_FUNCTION_ARGS)
{
	Computed *computed = workspace_by_name(NameStr(*PG_GETARG_NAME(0)))->no_computed;

	PG_RETURN_DATUM(
	    PointerGetDatum(memcpy(palloc(VARSIZE_ANY(computed)), computed, VARSIZE_ANY(computed))));
}

/* What cdp.computed_trait_fails keeps from call to call. */
typedef struct TraitTrial
{
	RowInputs row;
	TupleTableSlot *slot;
} TraitTrial;

static TraitTrial *
begin_trial(FunctionCallInfo fcinfo, Oid type)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	Workspace *ws = workspace_by_name(NameStr(*PG_GETARG_NAME(0)));
	int index = computed_traits_find(ws, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	TraitTrial *trial = palloc0(sizeof(TraitTrial));

	if (index < 0 || type != get_rel_type_id(ws->events))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
		                errmsg("there is no such computed trait of these events")));
	trial->slot = MakeSingleTupleTableSlot(lookup_rowtype_tupdesc_copy(type, -1), &TTSOpsHeapTuple);
	inputs_begin(&trial->row, ws, bms_make_singleton(index));
	trial->row.slot = trial->slot;
	fcinfo->flinfo->fn_extra = trial;
	MemoryContextSwitchTo(oldcontext);
	return trial;
}

PG_FUNCTION_INFO_V1(cdp_computed_trait_fails);

/*
 * cdp.computed_trait_fails(workspace, trait, row of events) -> boolean: whether
 * the trait's filter or expression fails on the event. The workspace and the
 * trait are those of the first call in a query.
 */
Datum
cdp_computed_trait_fails(PG_FUNCTION_ARGS)
{
	HeapTupleHeader header = PG_GETARG_HEAPTUPLEHEADER(2);
	TraitTrial *trial = (TraitTrial *) fcinfo->flinfo->fn_extra;
	HeapTupleData tuple = {0};
	ErrorData *error;
	int nest_level;
	bool fails;

	if (trial == NULL)
		trial = begin_trial(fcinfo, HeapTupleHeaderGetTypeId(header));
	nest_level = inputs_pin_settings(trial->row.ws);
	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	tuple.t_data = header;
	ExecStoreHeapTuple(&tuple, trial->slot, false);
	trial->row.trait = 0;
	fails = !cdp_attempt(evaluate_inputs_of_row, &trial->row, &error);
	if (fails)
		FreeErrorData(error);
	ExecClearTuple(trial->slot);
	if (nest_level != 0)
		AtEOXact_GUC(true, nest_level);
	PG_RETURN_BOOL(fails);
}

/* The traits that are wanted as a profile without events has them. */
static Computed *
wanted_without_events(const Workspace *ws, const Bitmapset *wanted)
{
	ComputedTrait *traits = palloc(sizeof(ComputedTrait) * Max(ws->n_computed, 1));
	int n = 0;
	int i = -1;

	while ((i = bms_next_member(wanted, i)) >= 0)
		if (ws->computed[i].broken == NULL)
			traits[n++] = ws->computed_traits[i];
	return computed_without_events(traits, n, ws->time_zone);
}

/* The names of the events that the wanted traits look at; null: of any. */
static Datum
wanted_events(const Workspace *ws, const Bitmapset *wanted, char *isnull)
{
	Datum *names = palloc(sizeof(Datum) * Max(ws->n_computed, 1));
	int n = 0;
	int i = -1;

	*isnull = ' ';
	while ((i = bms_next_member(wanted, i)) >= 0)
	{
		if (ws->computed[i].event == NULL)
		{
			*isnull = 'n';
			return (Datum) 0;
		}
		names[n++] = CStringGetTextDatum(ws->computed[i].event);
	}
	return text_array(names, n);
}

/* Runs the statements of the back-fill. */
static void
fill_profiles(Workspace *ws, void *context)
{
	Backfill *backfill = (Backfill *) context;
	Oid types[5] = {NAMEOID, TEXTARRAYOID, ws->types[TABLE_PROFILES][PROFILE_COMPUTED],
	                TEXTARRAYOID, BOOLOID};
	Datum values[5];
	char nulls[5] = {' ', ' ', ' ', ' ', ' '};
	NameData name;

	namestrcpy(&name, ws->name);
	values[0] = NameGetDatum(&name);
	values[1] = backfill->gone;
	values[2] = PointerGetDatum(wanted_without_events(ws, backfill->wanted));
	values[3] = wanted_events(ws, backfill->wanted, &nulls[3]);
	values[4] = BoolGetDatum(!bms_is_empty(backfill->wanted));
	if (SPI_execute_with_args("SELECT cdp.backfill_computed($1, $2, $3, $4, $5)", 5, types, values,
	                          nulls, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not fill computed traits");
}

/* One attempt at the back-fill. Sorts and hashes may take what an index build may. */
static bool
attempt_backfill(void *context)
{
	Backfill *backfill = (Backfill *) context;
	Backfill *outer = running;
	int nest_level = NewGUCNestLevel();
	char memory[32];

	snprintf(memory, sizeof(memory), "%d", Max(maintenance_work_mem, work_mem));
	(void) set_config_option("work_mem", memory, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true,
	                         0, false);
	running = backfill;
	PG_TRY();
	{
		while_writing(backfill->ws, fill_profiles, backfill);
	}
	PG_FINALLY();
	{
		running = outer;
	}
	PG_END_TRY();
	AtEOXact_GUC(true, nest_level);
	return true;
}

/* Writes the failures that have been counted. */
static void
write_failures(Backfill *backfill)
{
	Store *store = store_begin(backfill->ws);
	HASH_SEQ_STATUS status;
	BackfillFailure *failure;

	hash_seq_init(&status, backfill->failures);
	while ((failure = hash_seq_search(&status)) != NULL)
		inputs_emit_failure(store, (int) failure->key.trait, failure->key.profile, failure->n,
		                    failure->sqlerrcode, failure->message, &failure->event_id);
	store_refresh(store);
	store_end(store);
}

/* Takes the states of some names away, and fills the wanted traits from the events. */
static void
redefine(Workspace *ws, Datum gone, const Bitmapset *wanted)
{
	MemoryContext context =
	    AllocSetContextCreate(CurrentMemoryContext, "cdp backfill", ALLOCSET_DEFAULT_SIZES);
	MemoryContext oldcontext = MemoryContextSwitchTo(context);
	Backfill backfill = {.ws = ws, .wanted = wanted, .gone = gone, .context = context};
	Relation events = table_open(ws->events, AccessShareLock);
	HASHCTL ctl = {.keysize = sizeof(((BackfillFailure *) NULL)->key),
	               .entrysize = sizeof(BackfillFailure),
	               .hcxt = context};
	ErrorData *error;
	int nest_level = inputs_pin_settings(ws);

	backfill.today = ltv_local_day(cdp_now(), ws->tz);
	backfill.slot = MakeSingleTupleTableSlot(RelationGetDescr(events), &TTSOpsHeapTuple);
	backfill.failures = hash_create("failures", 64, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	inputs_begin(&backfill.row, ws, wanted);
	backfill.row.slot = backfill.slot;
	if (!cdp_attempt(attempt_backfill, &backfill, &error))
	{
		FreeErrorData(error);
		backfill.careful = true;
		(void) attempt_backfill(&backfill);
	}
	if (nest_level != 0)
		AtEOXact_GUC(true, nest_level);
	write_failures(&backfill);
	ExecDropSingleTupleTableSlot(backfill.slot);
	table_close(events, NoLock);
	MemoryContextSwitchTo(oldcontext);
	MemoryContextDelete(context);
}

/* The names of some traits. */
static Datum
names_of(const Workspace *ws, const Bitmapset *traits)
{
	Datum *names = palloc(sizeof(Datum) * Max(ws->n_computed, 1));
	int n = 0;
	int i = -1;

	while ((i = bms_next_member(traits, i)) >= 0)
		names[n++] = CStringGetTextDatum(ws->computed[i].name);
	return text_array(names, n);
}

void
fill_computed(Workspace *ws, const Bitmapset *wanted)
{
	redefine(ws, names_of(ws, wanted), wanted);
}

/* A row of computed_traits, all its columns but the description as texts. */
typedef struct DefinedTrait
{
	char *name;
	char *definition;
} DefinedTrait;

static List *
read_definitions(Relation rel, Tuplestorestate *rows)
{
	static const char *const columns[] = {"kind",        "event",      "filter",      "expression",
	                                      "window_days", "list_limit", "max_distinct"};
	TupleTableSlot *slot;
	List *result = NIL;

	if (rows == NULL)
		return NIL;
	slot = MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsMinimalTuple);
	while (tuplestore_gettupleslot(rows, true, false, slot))
	{
		DefinedTrait *defined = palloc(sizeof(DefinedTrait));
		StringInfoData definition;
		bool isnull;

		initStringInfo(&definition);
		for (int i = 0; i < lengthof(columns); i++)
		{
			AttrNumber column = get_attnum(RelationGetRelid(rel), columns[i]);
			Datum value = slot_getattr(slot, column, &isnull);

			if (isnull)
				appendStringInfoString(&definition, "-;");
			else if (TupleDescAttr(RelationGetDescr(rel), column - 1)->atttypid == INT4OID)
				appendStringInfo(&definition, "%d;", DatumGetInt32(value));
			else
				appendStringInfo(&definition, "%s;",
				                 quote_literal_cstr(TextDatumGetCString(value)));
		}
		defined->name = TextDatumGetCString(
		    slot_getattr(slot, get_attnum(RelationGetRelid(rel), "name"), &isnull));
		defined->definition = definition.data;
		result = lappend(result, defined);
	}
	ExecDropSingleTupleTableSlot(slot);
	return result;
}

static DefinedTrait *
find_definition(List *definitions, const char *name)
{
	ListCell *lc;

	foreach (lc, definitions)
		if (strcmp(((DefinedTrait *) lfirst(lc))->name, name) == 0)
			return lfirst(lc);
	return NULL;
}

/* Whether the other list has the same definition. */
static bool
is_unchanged(const DefinedTrait *defined, List *others)
{
	DefinedTrait *other = find_definition(others, defined->name);

	return other != NULL && strcmp(other->definition, defined->definition) == 0;
}

/* Refuses to take a trait away that segments read. */
static void
check_readers(Workspace *ws, List *old)
{
	for (int i = 0; i < ws->n_segments; i++)
	{
		Segment *segment = &ws->segments[i];

		if (segment->missing_computed != NULL &&
		    find_definition(old, segment->missing_computed) != NULL)
			ereport(ERROR,
			        (errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
			         errmsg("computed trait \"%s\" cannot be deleted or renamed: segments read it",
			                segment->missing_computed),
			         errdetail("The predicate of segment \"%s\" is \"%s\".", segment->name,
			                   segment->predicate),
			         errhint("Change that segment first.")));
	}
}

PG_FUNCTION_INFO_V1(cdp_define_computed_traits);

/*
 * cdp.define_computed_traits(): AFTER statement trigger on computed_traits.
 * Checks the new definitions, fills the traits from the events, and evaluates
 * the segments that read them.
 */
Datum
cdp_define_computed_traits(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Workspace *ws = triggered_workspace(fcinfo, "cdp.define_computed_traits", TABLE_COMPUTED_TRAITS,
	                                    TABLE_COMPUTED_TRAITS);
	WorkspaceUser user;
	List *old;
	List *new;
	ListCell *lc;
	Datum *gone;
	int n_gone = 0;
	Bitmapset *wanted = NULL;
	Bitmapset *segments = NULL;

	workspace_become_owner(ws, &user);
	lock_workspace(ws, "changing computed traits");
	ws = read_definitions_again(ws);
	old = read_definitions(trigger->tg_relation, trigger->tg_oldtable);
	new = read_definitions(trigger->tg_relation, trigger->tg_newtable);
	check_readers(ws, old);
	gone = palloc(sizeof(Datum) * Max(list_length(old), 1));
	foreach (lc, old)
		if (!is_unchanged(lfirst(lc), new))
			gone[n_gone++] = CStringGetTextDatum(((DefinedTrait *) lfirst(lc))->name);
	foreach (lc, new)
	{
		DefinedTrait *defined = lfirst(lc);
		int index = computed_traits_find(ws, defined->name);

		CHECK_FOR_INTERRUPTS();
		if (index < 0 || is_unchanged(defined, old))
			continue;
		computed_traits_check(ws, &ws->computed[index]);
		wanted = bms_add_member(wanted, index);
		for (int i = 0; i < ws->n_computed_readers; i++)
			if (strcmp(ws->computed_readers[i].key, defined->name) == 0)
				segments = bms_add_members(segments, ws->computed_readers[i].segments);
	}
	if (n_gone > 0 || !bms_is_empty(wanted))
		redefine(ws, text_array(gone, n_gone), wanted);
	if (!bms_is_empty(segments))
		evaluate_workspace(ws, segments, "definition", false, false);
	workspace_restore_user(&user);
	return PointerGetDatum(NULL);
}
