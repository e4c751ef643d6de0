"""What it costs to ask which profiles are in segments a and b and not in c: sets of segments with their
GIN index, text[] with its own, and a boolean column per segment with an index on each.

A million profiles each, with the same other columns; 20 segments whose shares fall off as 0.6 / k. The
planner chooses the plan; no parallel workers, so that the work is compared.
"""

import re
import statistics

PROFILES = 1000000
SEGMENTS = ["segment_%d" % k for k in range(1, 21)]
SIDES = ("segment_set", "text[]", "boolean")
TABLE = {"segment_set": "asked.sets", "text[]": "asked.arrays", "boolean": "asked.columns"}
# a & b & !c, as numbers of segments: many profiles, some, few
QUESTIONS = ((1, 2, 3), (3, 5, 1), (12, 15, 2))

SETUP = """
DROP SCHEMA IF EXISTS asked CASCADE;
CREATE SCHEMA asked;
SELECT setseed(0.25);
CREATE UNLOGGED TABLE asked.source AS
SELECT i::bigint AS profile_id, timestamptz '2026-01-01 00:00+00' - i * interval '1 minute' AS first_seen,
       timestamptz '2026-01-01 00:00+00' + i * interval '1 second' AS last_seen, i %% 100 AS event_count,
       md5(i::text) || md5((i + 1)::text) || md5((i + 2)::text) AS traits,
       ARRAY(SELECT 'segment_' || k FROM generate_series(1, 20) AS k WHERE random() < 0.6 / k + i * 0) AS segments
FROM generate_series(1, %d) AS i;
CREATE TABLE asked.arrays AS SELECT * FROM asked.source;
CREATE INDEX ON asked.arrays USING gin (segments);
CREATE TABLE asked.sets AS SELECT profile_id, first_seen, last_seen, event_count, traits,
    (SELECT string_agg(name || '@2026-01-01T00:00:00Z', ',') FROM unnest(segments) AS name) AS names FROM asked.source;
ALTER TABLE asked.sets ALTER names TYPE cdp.segment_set USING ('{' || coalesce(names, '') || '}')::cdp.segment_set;
ALTER TABLE asked.sets RENAME names TO segments;
CREATE INDEX ON asked.sets USING gin (segments);
CREATE TABLE asked.columns AS SELECT profile_id, first_seen, last_seen, event_count, traits, %s FROM asked.source;
%s
DROP TABLE asked.source;
VACUUM ANALYZE asked.sets, asked.arrays, asked.columns;
CHECKPOINT;
"""


def condition(side, question):
    a, b, c = ("segment_%d" % k for k in question)
    if side == "segment_set":
        return "segments @@ '%s & %s & !%s'" % (a, b, c)
    if side == "text[]":
        return "segments @> '{%s,%s}' AND NOT segments @> '{%s}'" % (a, b, c)
    return "%s AND %s AND NOT %s" % (a, b, c)


def measure(bench, side, question):
    """(rows, milliseconds) of a count; its plan is warm, so are the buffers."""
    query = "SELECT count(*) FROM %s WHERE %s;\n" % (TABLE[side], condition(side, question))
    printed = bench.sql("SET max_parallel_workers_per_gather = 0; SET jit = off;\n" + query +
                        "\\timing on\n" + query * 9)
    times = [float(text) for text in re.findall(r"Time: ([\d.]+) ms", printed)]
    return int(printed.split()[0]), statistics.median(times)


def compare(bench):
    bench.sql(SETUP % (PROFILES, ", ".join("'%s' = ANY (segments) AS %s" % (name, name) for name in SEGMENTS),
                       "".join("CREATE INDEX ON asked.columns (%s);\n" % name for name in SEGMENTS)))
    print("\n%s profiles, %d segments, a profile in %s of them on average; MB on disk" % (
        "{:,}".format(PROFILES), len(SEGMENTS),
        bench.sql("SELECT round(avg(cdp.segment_count(segments)), 2) FROM asked.sets")))
    print("    %-12s %10s %10s" % ("", "table", "indexes"))
    for side in SIDES:
        print("    %-12s %10s %10s" % ((side,) + tuple(bench.sql(
            "SELECT round(pg_table_size('%s') / 1048576.0, 2), round(pg_indexes_size('%s') / 1048576.0, 2)"
            % (TABLE[side], TABLE[side])).split("|"))))
    for question in QUESTIONS:
        figures = {side: [] for side in SIDES}
        found = set()
        for _ in range(bench.options.pairs):
            for side in SIDES:
                count, milliseconds = measure(bench, side, question)
                figures[side].append(milliseconds)
                found.add(count)
        if len(found) != 1:
            raise SystemExit("bench: the sides give different counts: %s" % sorted(found))
        print("\n%s: %s profiles; medians of %d" % (
            condition("segment_set", question), "{:,}".format(found.pop()), bench.options.pairs))
        print("    %-12s %10s %14s   %s" % ("", "ms", "to text[]", "ratios of the rounds"))
        for side in SIDES:
            ratios = sorted(a / b for a, b in zip(figures[side], figures["text[]"]))
            print("    %-12s %10.1f %14.2f   %s" % (
                side, statistics.median(figures[side]), statistics.median(ratios),
                "" if side == "text[]" else "%.2f to %.2f" % (ratios[0], ratios[-1])), flush=True)
