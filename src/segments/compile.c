/*
 * compile.c
 *	  Reads the definitions of segments, and compiles them.
 */
#include "segments/segments_internal.h"
#include "workspace/definitions.h"

#include "nodes/params.h"

const ExpressionSort segment_predicate = {
    .table = &profiles_table,
    .what = "a segment's predicate",
    .context = "predicate of segment \"%s\"",
    .form_hint = "Write what would stand after WHERE in a query on profiles.",
    .scope = "It is evaluated on one profile at a time, and only when that profile changes.",
    .subquery_hint = "Put what other tables know into a column of profiles, or query profiles with "
                     "this condition.",
};

static void
read_segment(Workspace *ws, TupleTableSlot *slot)
{
	Segments *segments = workspace_data(ws, &segments_part);
	Segment *segment;
	bool isnull;

	ARRAY_GROW(ws->context, segments->segments, segments->n_segments, segments->max_segments);
	segment = &segments->segments[segments->n_segments++];
	memset(segment, 0, sizeof(Segment));
	segment->name = workspace_text(ws, &segments_table, slot, SEGMENT_NAME);
	segment->name_len = strlen(segment->name);
	segment->predicate = workspace_text(ws, &segments_table, slot, SEGMENT_PREDICATE);
	segment->enabled =
	    DatumGetBool(workspace_value(ws, &segments_table, slot, SEGMENT_ENABLED, &isnull));
}

static int
compare_segments(const void *a, const void *b)
{
	return strcmp(((const Segment *) a)->name, ((const Segment *) b)->name);
}

/* Part: reads the definitions, and lists the names that expressions may use. */
static void
read_segments(Workspace *ws)
{
	Segments *segments = palloc0(sizeof(Segments));

	ws->data[segments_part.number] = segments;
	workspace_scan(ws, &segments_table, read_segment);
	if (segments->n_segments > 0)
		qsort(segments->segments, segments->n_segments, sizeof(Segment), compare_segments);
	ws->segment_names.names = palloc(sizeof(DefinedName) * Max(segments->n_segments, 1));
	ws->segment_names.n = segments->n_segments;
	for (int i = 0; i < segments->n_segments; i++)
		ws->segment_names.names[i] = (DefinedName){segments->segments[i].name};
}

/*
 * Part: compiles them, and puts them into the order of evaluation. One that is switched off is
 * false, whatever its text: nobody is in it, and it may refer to what is no more.
 */
static void
compile_segments(Workspace *ws)
{
	Segments *segments = workspace_data(ws, &segments_part);

	ws->n_params = Max(ws->n_params, SEGMENT_PARAM(segments->n_segments) - 1);
	for (int i = 0; i < segments->n_segments; i++)
	{
		Segment *segment = &segments->segments[i];

		expression_compile(ws, &segment_predicate, segment->name,
		                   segment->enabled ? segment->predicate : "false", &segment->expression);
	}
	order_segments(segments);
}

const ErrorData *
segment_broken(Workspace *ws, const char *name)
{
	int index = defined_names_find(&ws->segment_names, name);

	return index < 0 ? NULL : segments_of(ws)->segments[index].expression.broken;
}

Bitmapset *
segments_reading(const Workspace *ws, AttrNumber column, const char *key)
{
	const Segments *segments = segments_of(ws);

	for (int i = 0; i < segments->n_key_readers; i++)
		if (segments->key_readers[i].key.column == column &&
		    strcmp(segments->key_readers[i].key.key, key) == 0)
			return segments->key_readers[i].segments;
	return NULL;
}

static const EngineColumn segment_columns[N_SEGMENT_COLUMNS] = {
    [SEGMENT_NAME] = {"name", "text"},
    [SEGMENT_PREDICATE] = {"predicate", "text"},
    [SEGMENT_ENABLED] = {"enabled", "bool"},
};

static const EngineColumn definition_columns[N_DEFINITION_COLUMNS] = {
    [DEFINITION_SEGMENT] = {"segment", "text"},
    [DEFINITION_PREDICATE] = {"predicate", "text", true},
    [DEFINITION_AT] = {"at", "timestamptz"},
    [DEFINITION_BY] = {"defined_by", "text"},
    [DEFINITION_ENABLED] = {"enabled", "bool", true},
};

WorkspaceTable segments_table = {.name = "segments",
                                 .guard = GUARD_DEFINITION,
                                 .define = "define_segments",
                                 .columns = segment_columns,
                                 .n_columns = N_SEGMENT_COLUMNS};
WorkspaceTable segment_definitions_table = {.name = "segment_definitions",
                                            .guard = GUARD_DERIVED,
                                            .columns = definition_columns,
                                            .n_columns = N_DEFINITION_COLUMNS};

static const DefinitionText segment_texts[] = {{SEGMENT_PREDICATE, &segment_predicate}};

static const DefinitionTexts segment_definition_texts = {
    .table = &segments_table,
    .what = "segment",
    .texts = segment_texts,
    .n_texts = lengthof(segment_texts),
    .broken = segment_broken,
    .rewritten = segments_rewritten,
    .derive_again = segments_derive_again,
};

WorkspacePart segments_part = {
    .name = "segments",
    .tables = (WorkspaceTable *const[]){&segments_table, &segment_definitions_table,
                                        &segment_changes_table, &segment_errors_table, NULL},
    .read = read_segments,
    .compile = compile_segments,
    .texts = &segment_definition_texts,
    .slice_written = changes_write,
};
