/*
 * batch.h
 *	  One batch of events on its way: normalise, resolve, fold, evaluate, emit.
 *	  Each stage takes the batch from the one before and adds to it.
 */
#ifndef CDP_ENGINE_H
#define CDP_ENGINE_H

#include "base/base.h"

#include "store/store.h"
#include "types/computed.h"
#include "types/identifier.h"
#include "types/ltv.h"
#include "types/segment_set.h"
#include "types/traits.h"
#include "utils/array.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/uuid.h"
#include "workspace/workspace.h"

/* A batch ends with this many events (cdp.batch_events), or when it holds this much memory. */
extern int batch_events;
#define BATCH_BYTES (128 * 1024 * 1024)

/* What a distinct identifier may cost a batch in the end: node, component, links, profile. */
#define NODE_BYTES 512

/* Profiles whose values are in memory at a time, and what they may take. */
#define SLICE_PROFILES 2000
#define SLICE_BYTES (32 * 1024 * 1024)

/* One distinct identifier of the batch. */
typedef struct IdNode
{
	Identifier *identifier;
	const NamespaceRule *rule;
	uint32 hash;
	bool stored;  /* has a row in identifiers */
	bool fresh;   /* ... which this statement has inserted: no part of the graph yet */
	bool new_id;  /* the guess for it is an id that nobody has had */
	bool guarded; /* stored without a profile, but with evidence: see resolve.c */
	bool blank;   /* no evidence of it is stored */
	bool taken;   /* its row is this statement's: inserted, or locked without a profile */
	bool crosses; /* is seen with too many others: it becomes generic */
	int degree;   /* the batch's pairs with it */
	StoredIdentifier row;
	TimestampTz first_at; /* effective times of the batch's events with it */
	TimestampTz last_at;
	TimestampTz anchors_at; /* ... of the first that it anchors; DT_NOEND: none */
	int component;          /* in batch->components; -1 before resolve */
	int event;              /* the last of the batch's that names it */
} IdNode;

/* One event, decoded. */
typedef struct Event
{
	pg_uuid_t id;
	TimestampTz occurred_at;
	TimestampTz at; /* effective: the earlier of occurred_at and received_at */
	Jsonb *traits;  /* null: none */
	Numeric amount; /* null: none */
	const char *source;
	int source_len;
	int first_ref;      /* its nodes in batch->refs, the anchor first */
	int n_refs;         /* 0: it belongs to nobody */
	int n_named;        /* with those that are generic, or cannot anchor it */
	const char *inputs; /* what it adds to computed traits: per trait its number, and a value */
	int inputs_len;
	int32 day;                    /* of at in the workspace's zone; where it adds something */
	const Identifier *row_anchor; /* the anchor that its row has; null: none */
	int next;                     /* the next event of the same profile; -1: none */
	char currency[4];
} Event;

/* Why an identifier of an event is no evidence. */
typedef enum RefusalReason
{
	REFUSED_INVALID,
	REFUSED_BLOCKED,
	REFUSED_GENERIC,
	REFUSED_LIMIT, /* from here on: of pairs, which a replay may decide otherwise */
	REFUSED_SEPARATED,
	REFUSED_MERGE,
	N_REFUSAL_REASONS
} RefusalReason;

typedef struct Refusal
{
	const char *identifier; /* canonical, or as received where it has no such form */
	int identifier_len;
	int event;
	RefusalReason reason;
	const char *detail; /* null: none */
} Refusal;

/* What a workspace has of a pair's evidence. */
typedef enum StoredPair
{
	PAIR_NEW,
	PAIR_LINKED,
	PAIR_REFUSED
} StoredPair;

/* Evidence of the batch: the earliest event per anchor and other node. */
typedef struct Pair
{
	int anchor;
	int other;
	int event;
	StoredPair stored;
	bool earlier; /* than what is stored; of a new one: true */
	bool accepted;
	RefusalReason reason; /* not accepted: why */
	const char *detail;
} Pair;

/*
 * A profile of the batch. Its values, from the tuple on, are there while its
 * slice is worked on (loaded); see fold.c.
 */
typedef struct Profile
{
	int64 id;
	bool is_new;          /* has no row yet */
	bool merged;          /* into another, in this batch */
	bool component_known; /* component is set */
	int component;
	int first_event;    /* of the batch's events; -1: none */
	int64 gained;       /* identifiers that the batch gives it, former ids included */
	int first_node;     /* the first of the batch's nodes that are stored as its; -1: none */
	bool peeked;        /* the three below are known from its row */
	bool was_contested; /* the order of its evidence matters */
	TimestampTz was_contested_until;
	TimestampTz was_seen_until;
	bool contest;              /* the batch has refused evidence that touches it, ... */
	TimestampTz contest_until; /* ... the last of it at this effective time */
	bool exact_contest;        /* ... and nothing else has: contest and contest_until say all */
	bool refold;               /* its values are not to be trusted: fold it from its pieces */
	bool vanishes;             /* nothing is left of it */
	struct Piece *pieces;      /* identifiers whose events it is to be folded from */
	struct Profile *taken_in;  /* the profiles merged into it, linked by next_taken */
	struct Profile *next_taken;

	/* of one that is merged, or was and comes apart: see columns.c */
	Jsonb *own_columns;   /* its values of the users' columns, as text; null: there are no such */
	ArrayType *inherited; /* the columns in which its survivor has taken them over; null: none */
	struct Profile *given_back; /* profiles that come apart from this one, linked by next_given */
	struct Profile *next_given;

	bool loaded;
	HeapTuple tuple;   /* the row; null: it has none yet */
	HeapTuple old_row; /* its row before the users' own update; null: the same */
	HeapTuple new_row; /* ... then with the defaults of the user's columns, once evaluated */
	TimestampTz first_seen;
	TimestampTz last_seen;
	int64 event_count;
	int64 identifier_count;
	bool contested; /* contested_until is not null */
	TimestampTz contested_until;
	TimestampTz evaluated_at;
	TimestampTz next_evaluation_at;
	bool has_next_evaluation;
	Traits *stored_traits; /* as they are in the row */
	Traits *traits;
	Ltv *ltv;
	Computed *stored_computed; /* as it is in the row */
	Computed *computed;
	SegmentSet *segments;
	TraitsBuilder *traits_builder; /* null: nothing has been folded in */
	LtvBuilder *ltv_builder;
	ComputedBuilder *computed_builder; /* null: the same of computed traits */
	Bitmapset *changed; /* engine columns (ProfileColumn) whose value differs from the row's */
} Profile;

/* An identifier whose stored events are to be folded into a profile. */
typedef struct Piece
{
	Identifier *identifier;
	struct Piece *next;
} Piece;

/* A merge that the batch's evidence asks for. */
typedef struct Merge
{
	Profile *loser;
	Profile *survivor;
	int event;
	int anchor;
	int other;
} Merge;

/* Number of identifiers of one limited namespace in a component. */
typedef struct LimitCount
{
	const char *name; /* of the namespace */
	int name_len;
	int max;
	int count;
} LimitCount;

/* A stronger, limited identifier that an event of the batch shows with another. */
typedef struct Companion
{
	int node;
	int companion;
	int anchor; /* of the first such event; -1: none */
} Companion;

/* A set of nodes that are one person, as far as the batch knows. */
typedef struct Component
{
	int parent;       /* union-find; itself: a root */
	Profile *profile; /* null: none yet */
	int64 weight;     /* identifiers and former ids, but the stored ones of the profile, ... */
	bool weighed;     /* ... unless they are counted in already */
	bool anchors;     /* has the anchor of an event */
	bool counted;     /* limits[] is known */
	int n_limits;
	LimitCount *limits;
	bool touchy;         /* the order of its stored evidence matters, or it may be separated */
	TimestampTz last_at; /* no stored evidence of it is later */
	bool contest;        /* evidence that touches it has been refused, ... */
	TimestampTz contest_until;
} Component;

/* A membership that has begun or ended. */
typedef struct Change
{
	int64 profile_id;
	const char *segment;
	int segment_len;
	bool entered;
	TimestampTz at;
	const char *cause;
} Change;

/* A predicate that failed on a profile. */
typedef struct Failure
{
	int64 profile_id;
	const Segment *segment;
	int sqlerrcode;
	const char *message;
	TimestampTz at;
} Failure;

/* A computed trait whose filter or expression failed on an event. */
typedef struct InputFailure
{
	int trait;
	int event;
	int sqlerrcode;
	const char *message;
} InputFailure;

typedef struct Batch
{
	Store *store;
	Workspace *ws;
	MemoryContext context; /* of all below; reset between batches */
	MemoryContext values;  /* of the profiles' values; reset between slices */
	MemoryContext row;     /* of decoding one row of events */
	const char *cause;     /* for segment_changes */
	bool rebuilding;       /* no segments, no history, events in order: the rebuild sees to them */
	bool may_go_back;      /* reevaluation: at the clock's instant, be it before a row's */
	bool redefined;        /* the wanted segments are new: they have no changes before now */
	bool added;            /* ... and nobody has been in them before */

	char *arena; /* where small copies go, see batch_copy */
	Size arena_left;
	Size arena_used;

	const char *sources[8]; /* of the last events, see keep_source */
	int source_lens[8];
	int next_source;

	Event *events;
	int n_events;
	int max_events;
	int *refs;
	int n_refs;
	int max_refs;
	InputFailure *input_failures;
	int n_input_failures;
	int max_input_failures;
	int found_with; /* store->snapshots when the nodes' rows were read */
	IdNode *nodes;
	int n_nodes;
	int max_nodes;
	struct nodetable_hash *node_table;
	Refusal *refusals;
	int n_refusals;
	int max_refusals;

	Component *components;
	int n_components;
	Pair *pairs;
	int n_pairs;
	int max_pairs;
	struct pairtable_hash *pair_table;
	Companion *companions; /* that are new */
	int n_companions;
	int max_companions;
	struct pairtable_hash *companion_table;
	int *suspects; /* nodes whose components must be replayed */
	int n_suspects;
	int max_suspects;
	Merge *merges;
	int n_merges;
	int max_merges;
	Profile **profiles;
	int n_profiles;
	int max_profiles;
	struct profiletable_hash *profile_table;
	int32 today;     /* in the workspace's zone, while the slice is folded */
	Profile **slice; /* the profiles whose values are being worked on */
	int n_slice;
	Change *changes;
	int n_changes;
	int max_changes;
	Failure *failures;
	int n_failures;
	int max_failures;
	HeapTuple *rewrites; /* rows of profiles as they are to be; t_self is where they are now */
	int n_rewrites;
	int max_rewrites;
	TimestampTz instant; /* of evaluation: the clock, read once the profiles are locked */
} Batch;

/* Identifiers whose components are to be replayed once all events of a statement are folded. */
typedef struct Repairs
{
	MemoryContext context;
	Identifier **seeds;
	int n_seeds;
	int max_seeds;
} Repairs;

/* The smallest capacity that an array grows to. */
#define GROW_MIN 8

/* Makes room for one more element of a batch's array. */
#define BATCH_GROW(batch, array, n, max)                                                           \
	do                                                                                             \
	{                                                                                              \
		if ((batch)->n == (batch)->max)                                                            \
		{                                                                                          \
			int new_max_ = Max(GROW_MIN, (batch)->max * 2);                                        \
			Size size_ = sizeof(*(batch)->array) * (Size) new_max_;                                \
			(batch)->array = (batch)->array == NULL                                                \
			                     ? MemoryContextAllocHuge((batch)->context, size_)                 \
			                     : repalloc_huge((batch)->array, size_);                           \
			(batch)->max = new_max_;                                                               \
		}                                                                                          \
	} while (0)

/* batch.c: the batch itself. */
extern Batch *batch_create(Store *store, MemoryContext parent, const char *cause);
extern void batch_reset(Batch *batch);
extern bool batch_is_full(Batch *batch);
extern void *batch_copy(Batch *batch, const void *data, Size size);
extern void batch_forget_profiles(Batch *batch);
extern int ids_sort(int64 *ids, int n);
extern bool ids_include(const int64 *ids, int n, const int64 *others, int n_others);
extern Profile *batch_profile(Batch *batch, int64 id, bool *found);
extern int batch_add_node(Batch *batch, const NormalisedIdentifier *normalised,
                          const NamespaceRule *rule);
extern void batch_refuse(Batch *batch, int event, const char *identifier, int identifier_len,
                         RefusalReason reason, const char *detail);
extern int batch_find_node(Batch *batch, const char *text, int len);
extern int *batch_sorted_nodes(Batch *batch);

/* normalise.c: from a row of events to an Event and its nodes. */
extern Event *normalise_event_row(Batch *batch, TupleTableSlot *slot);
extern Event *normalise_event_values(Batch *batch, TupleTableSlot *slot);
extern void normalise_order_refs(Batch *batch, Event *event);
extern void normalise_event_context(void *id);

/* inputs.c: from a row of events to what it adds to computed traits. */
typedef struct RowInputs
{
	Workspace *ws;
	const Bitmapset *wanted; /* traits by index; null: all */
	TupleTableSlot *slot;
	int trait;             /* the next to be evaluated */
	StringInfoData inputs; /* per trait that counts the event: its number, and a value */
	StringInfoData value;
} RowInputs;

/*
 * The same for many rows. next reads the next one, makes an Event of it, and
 * sets both; false: there are no more for now.
 */
typedef struct InputRun
{
	Batch *batch;
	bool (*next)(struct InputRun *run);
	void *context;
	Event *event;
	bool pending; /* the event's traits have not all been evaluated */
	RowInputs row;
} InputRun;

extern void inputs_begin(RowInputs *row, Workspace *ws, const Bitmapset *wanted);
extern void inputs_of_row(RowInputs *row);
extern void inputs_end(RowInputs *row);
extern int inputs_pin_settings(Workspace *ws);
extern bool inputs_are_wanted(const Batch *batch);
extern void inputs_evaluate(InputRun *run);
extern void inputs_fold(const char *inputs, int len, ComputedBuilder *builder, TimestampTz at,
                        int32 day, const pg_uuid_t *event_id);
extern void inputs_emit_failure(Store *store, int trait, int64 profile, int64 n, int sqlerrcode,
                                const char *message, const pg_uuid_t *event_id);
extern void inputs_emit_failures(Batch *batch);

/* evidence.c: what the batch's events say of who is who. */
extern void evidence_classify(Store *store, IdNode *node);
extern void evidence_drop_generic(Batch *batch);
extern bool evidence_has_decision(Store *store, Datum identifier, const char *kind);
extern bool evidence_is_stored(Store *store, Datum identifier);
extern bool evidence_is_earlier(Store *store, WorkspaceTable table, TupleTableSlot *slot,
                                int at_column, int id_column, const Event *event);
extern void evidence_decide(Batch *batch);
extern void evidence_note_contests(Batch *batch);
extern void evidence_collect_companions(Batch *batch);
extern Component *evidence_component(Batch *batch, int node);
extern const char *const refusal_reasons[N_REFUSAL_REASONS];

/* replay.c: components whose evidence must be taken anew, in its order. */
extern int64 *replay_closure(Store *store, Identifier *const *seeds, int n_seeds, int *n_profiles);
extern void replay_components(Store *store, Identifier *const *seeds, int n_seeds,
                              const char *cause, bool strict, bool rebuilding);

/* resolve.c: from identifiers to profiles. */
extern void resolve_read(Store *store, IdNode *node);
extern void resolve_find(Batch *batch);
extern void resolve_guess(Batch *batch);
extern void resolve_take_identifier(Store *store, IdNode *node);
extern bool resolve_is_to_take(const IdNode *node);
extern void resolve_lock(Batch *batch);
extern void resolve_fill_identifier(Datum *values, bool *isnull, Datum identifier,
                                    const StoredIdentifier *row);
extern void resolve_rewrite(Store *store, TupleTableSlot *slot, const Identifier *identifier,
                            const StoredIdentifier *row);
extern TupleTableSlot *resolve_row(Store *store, const Identifier *identifier);
extern void resolve_forget_times(StoredIdentifier *row);
extern void resolve_repoint_former(Store *store, TupleTableSlot *slot, int64 to);
extern void resolve_require_profiles(Store *store, const int64 *ids, int n);
extern void resolve_report_missing(int64 profile_id) pg_attribute_noreturn();
extern void resolve_batch(Batch *batch);

/* fold.c: from events to values, of the slice's profiles. */
extern void fold_peek_profile(Batch *batch, Profile *profile, TupleTableSlot *slot);
extern void fold_load_profile(Batch *batch, Profile *profile, TupleTableSlot *slot);
extern void fold_slice(Batch *batch);

/* evaluate.c: which segments the slice's profiles are in. */
extern void evaluate_slice(Batch *batch);
extern void evaluate_profiles(Batch *batch, const Bitmapset *wanted, bool all_profiles);
extern void evaluate_read_profile(Batch *batch, Profile *profile, TupleDesc desc);

/* The row that a profile is to have, in the slot that profiles are written from. */
extern TupleTableSlot *evaluate_row(Batch *batch, Profile *profile);

/* Parts of it: a change of membership; the settings and parameters that predicates are evaluated with. */
extern void evaluate_add_change(Batch *batch, int64 profile_id, const char *segment,
                                int segment_len, bool entered, TimestampTz at, const char *cause);
extern int evaluate_pin_settings(Workspace *ws);
extern void evaluate_set_member(Workspace *ws, const Segment *segment, bool holds);

/* A segment by its place in the order of evaluation; by name, null: there is none. */
extern Segment *segment_of_rank(Workspace *ws, int rank);
extern Segment *segment_of_member(Workspace *ws, const SegmentMember *member);

/* backfill.c: segments on every profile. */
extern bool backfill_load(Batch *batch, const Bitmapset *wanted, TableScanDesc scan,
                          TupleTableSlot *slot, bool screen, int *n_rows);
extern void backfill_emit(Batch *batch);

/* columns.c: the users' own columns, at merges and splits. */
extern void columns_inherit(Batch *batch, Profile *profile, TupleTableSlot *slot);
extern void columns_record(Batch *batch, Profile *survivor);
extern void columns_restore(Batch *batch, const Jsonb *columns, TupleTableSlot *slot);
extern void columns_return(Batch *batch, const Jsonb *columns, const ArrayType *inherited,
                           TupleTableSlot *slot);

/* emit.c: writes what has come out: of the slice's profiles, and of the evidence. */
extern void emit_slice(Batch *batch);
extern void emit_evidence(Batch *batch);
extern void emit_companions(Batch *batch);
extern void emit_refusal(Store *store, const char *identifier, int identifier_len,
                         const Identifier *anchor, RefusalReason reason, const char *detail,
                         const Event *event);
extern void emit_merge(Batch *batch, Profile *loser, Datum *values, bool *isnull);

/* ingest.c: a batch of events through all stages. */
extern void ingest_batch(Batch *batch, Repairs *repairs);
extern void finish_profiles(Batch *batch);
extern void ingest_correct_anchors(Batch *batch);
extern void repairs_add(Repairs *repairs, const Identifier *identifier);

/* definitions.c: evaluates segments on every profile; added, may_go_back: see Batch. */
extern void evaluate_workspace(Workspace *ws, const Bitmapset *wanted, const char *cause,
                               bool added, bool may_go_back);

/* ... the workspace of the table that a definition trigger is on, and it with the new definitions. */
extern Workspace *triggered_workspace(FunctionCallInfo fcinfo, const char *function,
                                      WorkspaceTable first, WorkspaceTable last);
extern Workspace *read_definitions_again(Workspace *ws);

/* ... and on some of them. */
extern void evaluate_listed(Workspace *ws, const int64 *ids, int n, const char *cause);

/* Error: the workspace has been dropped while a lock on it was waited for. */
extern void workspace_require_there(Oid events, const char *name);

/* Locks a workspace against all other writers, until the end of the transaction. */
extern void lock_workspace(Workspace *ws, const char *what);

/* define_computed.c: fills computed traits, by index, in all profiles from the events. */
extern void fill_computed(Workspace *ws, const Bitmapset *wanted);

/* tick.c: the workspace whose profiles have this row type; errors if there is none. */
extern Workspace *workspace_of_row(Oid type);

/* rebuild.c: derives everything from the events again. */
extern void rebuild_workspace(Workspace *ws, const char *cause);
extern void rebuild_concerned(Workspace *ws, bool companions);

/* ... and does work through SPI, by which the engine may write its tables. */
extern void while_writing(Workspace *ws, void (*work)(Workspace *ws, void *context), void *context);

#endif /* CDP_ENGINE_H */
