-- cdp.computed: what each kind of trait is at an instant, when it changes, merge, equality. Values worked out by hand.
SET timezone = 'UTC';
SET datestyle = 'ISO';
\pset null '-'
CREATE FUNCTION pg_temp.c(traits text, zone text DEFAULT 'UTC') RETURNS cdp.computed LANGUAGE sql AS
    $$SELECT format('{"version": 1, "zone": "%s", "traits": {%s}}', zone, traits)::cdp.computed$$;
CREATE FUNCTION pg_temp.failure(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    EXECUTE query;
    RETURN 'succeeds';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN concat_ws(' | ', SQLSTATE, SQLERRM, nullif(detail, ''));
END $$;

-- Events of 5.00 and 7.50 on the 1st, 2.5 on the 2nd, 10 on the 5th; three days are seen
CREATE TABLE computed_value AS
SELECT pg_temp.c($$
    "count": {"kind": "count", "window_days": 3, "days": {"2024-03-01": 2, "2024-03-02": 1, "2024-03-05": 1}},
    "sum": {"kind": "sum", "of": "number", "window_days": 3, "days": {"2024-03-01": 12.50, "2024-03-02": 2.5, "2024-03-05": 10}},
    "avg": {"kind": "avg", "of": "number", "window_days": 3, "days": {"2024-03-01": {"sum": 12.50, "count": 2}, "2024-03-02": {"sum": 2.5, "count": 1}, "2024-03-05": {"sum": 10, "count": 1}}},
    "min": {"kind": "min", "of": "number", "window_days": 3, "days": {"2024-03-01": 5.00, "2024-03-02": 2.5, "2024-03-05": 10}},
    "max": {"kind": "max", "of": "number", "window_days": 3, "days": {"2024-03-01": 7.50, "2024-03-02": 2.5, "2024-03-05": 10}},
    "first": {"kind": "first", "of": "number", "window_days": 3, "days": {"2024-03-01": {"value": 5.00, "at": "2024-03-01T08:00:00Z", "event": "00000000-0000-0000-0000-000000000001"},
        "2024-03-02": {"value": 2.5, "at": "2024-03-02T08:00:00Z", "event": "00000000-0000-0000-0000-000000000003"}, "2024-03-05": {"value": 10, "at": "2024-03-05T08:00:00Z", "event": "00000000-0000-0000-0000-000000000004"}}},
    "last": {"kind": "last", "of": "number", "window_days": 3, "days": {"2024-03-01": {"value": 7.50, "at": "2024-03-01T09:00:00Z", "event": "00000000-0000-0000-0000-000000000002"},
        "2024-03-02": {"value": 2.5, "at": "2024-03-02T08:00:00Z", "event": "00000000-0000-0000-0000-000000000003"}, "2024-03-05": {"value": 10, "at": "2024-03-05T08:00:00Z", "event": "00000000-0000-0000-0000-000000000004"}}}$$) AS v;
SELECT at, cdp.computed_value(v, 'count', at) AS count, cdp.computed_value(v, 'sum', at) AS sum, cdp.computed_value(v, 'avg', at) AS avg, cdp.computed_value(v, 'min', at) AS min,
       cdp.computed_value(v, 'max', at) AS max, cdp.computed_value(v, 'first', at) AS first, cdp.computed_value(v, 'last', at) AS last
FROM computed_value, unnest(ARRAY['2024-02-29 23:59:59.999999', '2024-03-01', '2024-03-02', '2024-03-03 23:59:59.999999', '2024-03-04', '2024-03-05', '2024-03-07 23:59:59.999999', '2024-03-08']::timestamptz[]) AS at;

-- Distinct values: on the 1st a twice and b, on the 2nd b and c, on the 5th a; three days are seen
SELECT at, cdp.computed_value(v, 'f', at) AS most_frequent, cdp.computed_value(v, 'l', at) AS unique_list, cdp.computed_value(v, 's', at) AS two_of_it, cdp.computed_value(v, 'c', at) AS unique_count
FROM (SELECT pg_temp.c($$
    "f": {"kind": "most_frequent", "of": "text", "limit": 9, "window_days": 3, "days": {"2024-03-01": {"values": [["a", 2], ["b", 1]]}, "2024-03-02": {"values": [["b", 1], ["c", 1]]}, "2024-03-05": {"values": [["a", 1]]}}},
    "l": {"kind": "unique_list", "of": "text", "limit": 9, "window_days": 3, "days": {"2024-03-01": {"values": ["a", "b"]}, "2024-03-02": {"values": ["b", "c"]}, "2024-03-05": {"values": ["a"]}}},
    "s": {"kind": "unique_list", "of": "text", "limit": 2, "window_days": 3, "days": {"2024-03-01": {"values": ["a", "b"]}, "2024-03-02": {"values": ["b", "c"]}, "2024-03-05": {"values": ["a"]}}},
    "c": {"kind": "unique_count", "of": "text", "limit": 9, "window_days": 3, "days": {"2024-03-01": {"values": ["a", "b"]}, "2024-03-02": {"values": ["b", "c"]}, "2024-03-05": {"values": ["a"]}}}$$) AS v) AS made,
     unnest(ARRAY['2024-02-29', '2024-03-01', '2024-03-02', '2024-03-04', '2024-03-05', '2024-03-08']::timestamptz[]) AS at;

-- Every class, without a window, by every reader. A wrong type is an error
CREATE TABLE computed_class AS
SELECT pg_temp.c($$
    "number": {"kind": "max", "of": "number", "state": 1234567.50},
    "half": {"kind": "min", "of": "number", "state": 2.5},
    "large": {"kind": "sum", "of": "number", "state": 1e30},
    "text": {"kind": "first", "of": "text", "state": {"value": "Zürich \"8\"\n", "at": "2011-12-09T12:50:00Z", "event": "00000000-0000-0000-0000-000000000001"}},
    "boolean": {"kind": "last", "of": "boolean", "state": {"value": false, "at": "2011-12-09T12:50:00Z", "event": "00000000-0000-0000-0000-000000000001"}},
    "time": {"kind": "min", "of": "time", "state": "2011-12-09T12:50:00+07"},
    "precise": {"kind": "min", "of": "time", "state": "2011-12-09T12:50:00.05Z"},
    "never": {"kind": "max", "of": "time", "state": "infinity"},
    "date": {"kind": "max", "of": "date", "state": "2011-12-09"},
    "ides": {"kind": "min", "of": "date", "state": "0044-03-15 BC"},
    "always": {"kind": "min", "of": "date", "state": "-infinity"},
    "far": {"kind": "max", "of": "date", "state": "5874897-12-31"},
    "object": {"kind": "first", "of": "json", "state": {"value": {"b": [1.50, null], "a": "x"}, "at": "2011-12-09T12:50:00Z", "event": "00000000-0000-0000-0000-000000000001"}},
    "string": {"kind": "first", "of": "json", "state": {"value": "x \"y\"", "at": "2011-12-09T12:50:00Z", "event": "00000000-0000-0000-0000-000000000001"}},
    "null": {"kind": "first", "of": "json", "state": {"value": null, "at": "2011-12-09T12:50:00Z", "event": "00000000-0000-0000-0000-000000000001"}},
    "numbers": {"kind": "unique_list", "of": "number", "limit": 9, "state": {"values": [1e30, -0.5, 10, 9.0]}},
    "booleans": {"kind": "most_frequent", "of": "boolean", "limit": 9, "state": {"values": [[true, 3], [false, 3]]}},
    "dates": {"kind": "unique_list", "of": "date", "limit": 9, "state": {"values": ["infinity", "2011-12-09", "0044-03-15 BC"]}},
    "times": {"kind": "unique_list", "of": "time", "limit": 9, "state": {"values": ["2011-12-09T12:50:00Z", "-infinity"]}},
    "no sum": {"kind": "sum", "of": "number"}, "no count": {"kind": "count"}, "no texts": {"kind": "unique_count", "of": "text", "limit": 1}$$, 'Asia/Ho_Chi_Minh') AS v;
CREATE FUNCTION pg_temp.try_int(v cdp.computed, name text) RETURNS text LANGUAGE plpgsql AS
    $$ BEGIN RETURN cdp.computed_int(v, name); EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE; END $$;
CREATE FUNCTION pg_temp.try_numeric(v cdp.computed, name text) RETURNS text LANGUAGE plpgsql AS
    $$ BEGIN RETURN cdp.computed_numeric(v, name); EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE; END $$;
CREATE FUNCTION pg_temp.try_timestamp(v cdp.computed, name text) RETURNS text LANGUAGE plpgsql AS
    $$ BEGIN RETURN cdp.computed_timestamp(v, name); EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE; END $$;
SELECT name, v->name AS json, v->>name AS text, pg_temp.try_int(v, name) AS int, pg_temp.try_numeric(v, name) AS numeric, pg_temp.try_timestamp(v, name) AS timestamp
FROM computed_class, (SELECT name FROM cdp.computed_entries((TABLE computed_class)) UNION ALL VALUES ('none'), ('')) AS x;
SELECT pg_temp.failure('SELECT cdp.computed_int((TABLE computed_class), ''text'')') AS text,
       pg_temp.failure('SELECT cdp.computed_numeric((TABLE computed_class), ''numbers'')') AS numbers,
       pg_temp.failure('SELECT cdp.computed_timestamp((TABLE computed_class), ''number'')') AS number,
       pg_temp.failure('SELECT cdp.computed_timestamp((TABLE computed_class), ''far'')') AS far,
       pg_temp.failure('SELECT cdp.computed_int((TABLE computed_class), ''large'')') AS large,
       pg_temp.failure('SELECT cdp.computed_value((TABLE computed_class), ''number'', ''infinity'')') AS infinity \gx
-- ->> is jsonb's ->>, and all values together are those one by one
SELECT count(*) AS traits, count(*) FILTER (WHERE v->>name IS DISTINCT FROM v::jsonb->>name) AS other_text,
       count(*) FILTER (WHERE coalesce(v->name, 'null') <> v::jsonb->name) AS other_json,
       count(*) FILTER (WHERE value IS DISTINCT FROM v->name) AS other_entry
FROM computed_class, cdp.computed_entries(v);
-- by the statement's time, and by cdp.clock where that is set
BEGIN;
SET LOCAL cdp.clock = '2024-03-04 12:00+00';
SELECT v->'count' AS json, v->>'sum' AS text, cdp.computed_int(v, 'count') AS int, cdp.computed_numeric(v, 'sum') AS numeric, cdp.computed_text(v, 'min') AS min, v::jsonb->'max' AS max
FROM computed_value;
SELECT e.* FROM computed_value, cdp.computed_entries(v) AS e WHERE name = 'count';
ROLLBACK;
SELECT v->'count' AS long_ago FROM computed_value;
-- entries, and the object of all values
SELECT e.* FROM computed_value, cdp.computed_entries(v, '2024-03-05 12:00+00') AS e;
SELECT cdp.to_jsonb(v, '2024-03-05 12:00+00'), cdp.to_jsonb('{}'::cdp.computed) AS of_nothing, cdp.zone(v), cdp.zone('{}'::cdp.computed) AS no_zone FROM computed_value;

-- Where distinct values were left out, a count is an estimate, of more than those that are known; a list is exact
SELECT name, kind, value, exact FROM cdp.computed_entries(pg_temp.c($$
    "cut": {"kind": "unique_count", "of": "text", "limit": 3, "state": {"values": ["a", "b", "c"], "cut": true}},
    "whole": {"kind": "unique_count", "of": "text", "limit": 3, "state": {"values": ["a", "b", "c"]}},
    "list": {"kind": "unique_list", "of": "text", "limit": 2, "state": {"values": ["a", "b"], "cut": true}},
    "frequent": {"kind": "most_frequent", "of": "text", "limit": 2, "state": {"values": [["a", 1], ["b", 2]], "cut": true}}$$));

-- Midnights. London's clocks go forward on 2024-03-31 at 01:00 and back on 2024-10-27 at 02:00; those of St John's went back
-- on 2010-11-07 from 00:01 to 23:01 of the 6th; those of Beirut go forward at midnight, so that 2022-03-27 begins at 01:00 there,
-- and back at midnight, so that the last hour of 2022-10-29 comes twice; Samoa left out 2011-12-30.
CREATE TABLE computed_midnight (zone text, day date, midnight timestamptz, note text);
INSERT INTO computed_midnight VALUES
    ('Europe/London', '2024-03-31', '2024-03-31 00:00+00', ''), ('Europe/London', '2024-04-01', '2024-03-31 23:00+00', ''),
    ('Europe/London', '2024-10-27', '2024-10-26 23:00+00', ''), ('Europe/London', '2024-10-28', '2024-10-28 00:00+00', ''),
    ('America/St_Johns', '2010-11-06', '2010-11-06 02:30+00', ''), ('America/St_Johns', '2010-11-07', '2010-11-07 02:30+00', 'and again an hour later'),
    ('America/St_Johns', '2010-11-08', '2010-11-08 03:30+00', ''),
    ('Asia/Beirut', '2022-03-27', '2022-03-26 22:00+00', 'at 01:00'), ('Asia/Beirut', '2022-10-29', '2022-10-28 21:00+00', ''), ('Asia/Beirut', '2022-10-30', '2022-10-29 22:00+00', 'not at the first 24:00'),
    ('Pacific/Apia', '2011-12-29', '2011-12-29 10:00+00', ''), ('Pacific/Apia', '2011-12-30', '2011-12-30 10:00+00', 'of the day after'), ('Pacific/Apia', '2011-12-31', '2011-12-30 10:00+00', ''),
    ('UTC', '2024-02-29', '2024-02-29 00:00+00', ''), ('Asia/Kathmandu', '2024-02-29', '2024-02-28 18:15+00', ''),
    ('Asia/Tokyo', '0044-03-15 BC', '0044-03-14 14:41:01+00 BC', 'of the mean sun');
SELECT zone, day, note, midnight, cdp.computed_timestamp(pg_temp.c(format('"d": {"kind": "max", "of": "date", "state": "%s"}', day), zone), 'd') = midnight AS same FROM computed_midnight;
-- a count of one day is there from its midnight on, and for a day
SELECT zone, day, cdp.computed_int(v, 'n', midnight - interval '1 us') AS before, cdp.computed_int(v, 'n', midnight) AS at, cdp.computed_int(v, 'n', midnight + interval '1 us') AS after,
       (SELECT string_agg(cdp.computed_int(v, 'n', midnight + h * interval '30 minutes')::text, '' ORDER BY h) FROM generate_series(-2, 52) AS h) AS half_hours
FROM computed_midnight, LATERAL (SELECT pg_temp.c(format('"n": {"kind": "count", "window_days": 1, "days": {"%s": 1}}', day), zone) AS v) AS made
ORDER BY zone, day;
-- at each next change it does change, and not before: by its own word, from two days before on
WITH RECURSIVE change AS (
    SELECT zone, day, v, midnight - interval '2 days' AS at FROM computed_midnight, LATERAL (SELECT pg_temp.c(format('"n": {"kind": "count", "window_days": 1, "days": {"%s": 1}}', day), zone) AS v) AS made
    UNION ALL
    SELECT zone, day, v, changes_at FROM change, cdp.computed_entries(v, at) WHERE changes_at IS NOT NULL)
SELECT zone, day, array_agg(to_char(at, 'MM-DD HH24:MI:SS') ORDER BY at) AS changes, min(abs(cdp.computed_int(v, 'n', at) - cdp.computed_int(v, 'n', at - interval '1 us'))) FILTER (WHERE at > first) AS smallest
FROM (SELECT *, min(at) OVER (PARTITION BY zone, day) AS first FROM change) AS change
GROUP BY zone, day ORDER BY zone, day;

-- Changes of more days: those that come into sight and go out of it, probed a microsecond around; those ahead wait
WITH RECURSIVE change AS (
    SELECT timestamptz '2023-12-01' AS at, v FROM (SELECT pg_temp.c('"n": {"kind": "count", "window_days": 2, "days": {"2024-01-01": 1, "2024-01-02": 1, "2024-01-09": 1}}', 'Europe/London') AS v) AS made
    UNION ALL
    SELECT changes_at, v FROM change, cdp.computed_entries(v, at) WHERE changes_at IS NOT NULL)
SELECT at, cdp.computed_int(v, 'n', at - interval '1 us') AS before, cdp.computed_int(v, 'n', at) AS at, cdp.computed_int(v, 'n', at + interval '1 us') AS after FROM change;
-- never: without a window, without events, after all
SELECT name, changes_at FROM cdp.computed_entries(pg_temp.c('"a": {"kind": "count", "state": 5}, "b": {"kind": "count", "window_days": 2, "days": {}}, "c": {"kind": "count", "window_days": 2, "days": {"2024-01-01": 1}}'), '2024-01-03');
-- far away, in no time
SELECT changes_at FROM cdp.computed_entries(pg_temp.c('"n": {"kind": "count", "window_days": 2, "days": {"290000-01-01": 1}}', 'Europe/London'), '2024-01-01');
SELECT cdp.computed_int(v, 'n', '294276-12-31 23:59:59.999999+00') AS at_the_end, (SELECT changes_at FROM cdp.computed_entries(v, '294276-12-30')) AS changes_at
FROM (SELECT pg_temp.c('"n": {"kind": "count", "window_days": 2, "days": {"294276-12-30": 1}}') AS v) AS made;

-- Merge, by kind: of one day, of another, of all
SELECT pg_temp.c($$"n": {"kind": "count", "window_days": 9, "days": {"2024-03-01": 2, "2024-03-02": 1}}, "s": {"kind": "sum", "of": "number", "state": 1.5}, "m": {"kind": "min", "of": "text", "state": "b"},
                   "l": {"kind": "last", "of": "date", "state": {"value": "2024-01-01", "at": "2024-01-01T00:00:00Z", "event": "00000000-0000-0000-0000-000000000001"}},
                   "f": {"kind": "most_frequent", "of": "number", "limit": 3, "state": {"values": [[1, 1], [2, 5]]}}, "u": {"kind": "unique_list", "of": "text", "limit": 3, "state": {"values": ["b", "d", "e"]}}$$)
    || pg_temp.c($$"n": {"kind": "count", "window_days": 9, "days": {"2024-03-01": 20, "2024-02-01": 1}}, "s": {"kind": "sum", "of": "number", "state": 0.500}, "m": {"kind": "min", "of": "text", "state": "ab"},
                   "l": {"kind": "last", "of": "date", "state": {"value": "2023-01-01", "at": "2024-01-01T00:00:00Z", "event": "00000000-0000-0000-0000-000000000002"}},
                   "f": {"kind": "most_frequent", "of": "number", "limit": 3, "state": {"values": [[1, 10], [3, 1]]}}, "u": {"kind": "unique_list", "of": "text", "limit": 3, "state": {"values": ["a", "c"]}},
                   "other": {"kind": "count"}$$) AS v \g (format=unaligned)
SELECT cdp.merge_agg(v) FROM (VALUES ('{}'::cdp.computed), (NULL)) AS x (v);
SELECT cdp.merge_agg(v) FROM computed_value WHERE false;
-- what cannot be merged
SELECT other, pg_temp.failure(format('SELECT %L::cdp.computed || %L::cdp.computed', pg_temp.c('"t": {"kind": "unique_list", "of": "text", "limit": 3, "window_days": 7, "days": {}}'), other)) AS result
FROM (VALUES (pg_temp.c('"t": {"kind": "unique_list", "of": "text", "limit": 3, "window_days": 7, "days": {}}')),
             (pg_temp.c('"t": {"kind": "unique_list", "of": "text", "limit": 4, "window_days": 7, "days": {}}')),
             (pg_temp.c('"t": {"kind": "unique_list", "of": "text", "limit": 3, "window_days": 8, "days": {}}')),
             (pg_temp.c('"t": {"kind": "unique_list", "of": "date", "limit": 3, "window_days": 7, "days": {}}')),
             (pg_temp.c('"t": {"kind": "unique_count", "of": "text", "limit": 3, "window_days": 7, "days": {}}')),
             (pg_temp.c('"t": {"kind": "unique_list", "of": "text", "limit": 3, "window_days": 7, "days": {}}', 'Europe/London')),
             (pg_temp.c('"u": {"kind": "count"}', 'Europe/London')),
             (pg_temp.c('"u": {"kind": "count"}')), ('{}')) AS x (other) \g (format=unaligned)
SELECT pg_temp.failure(format('SELECT %L::cdp.computed || %1$L::cdp.computed', v)) AS too_many
FROM (VALUES (pg_temp.c('"n": {"kind": "count", "state": 4611686018427387903}')),
             (pg_temp.c('"n": {"kind": "count", "window_days": 1, "days": {"2024-01-01": 4611686018427387903}}')),
             (pg_temp.c('"n": {"kind": "avg", "of": "number", "state": {"sum": 1, "count": 4611686018427387903}}')),
             (pg_temp.c('"n": {"kind": "most_frequent", "of": "number", "limit": 1, "state": {"values": [[1, 4611686018427387903]]}}'))) AS x (v);
SELECT pg_temp.failure(format('SELECT cdp.computed_value(%L, ''n'', ''2024-01-02'')', pg_temp.c('"n": {"kind": "count", "window_days": 2, "days": {"2024-01-01": 4611686018427387903, "2024-01-02": 1}}'))) AS too_many;

-- Sums leave 64 bits and come back
SELECT (v || w)->>'s' AS wide, ((v || w) || pg_temp.c('"s": {"kind": "sum", "of": "number", "state": -4611686018427387903.00}'))->>'s' AS narrow,
       (v || w) || pg_temp.c('"s": {"kind": "sum", "of": "number", "state": -4611686018427387903.00}') = pg_temp.c('"s": {"kind": "sum", "of": "number", "state": 1.50}') AS same
FROM (SELECT pg_temp.c('"s": {"kind": "sum", "of": "number", "state": 4611686018427387903}') AS v, pg_temp.c('"s": {"kind": "sum", "of": "number", "state": 1.50}') AS w) AS made;

-- Equality and hash
SELECT a = b AS equal, a <> b AS different, cdp.computed_hash(a) = cdp.computed_hash(b) AS hash, cdp.computed_hash_extended(a, 7) = cdp.computed_hash_extended(b, 7) AS extended
FROM (VALUES ('{}'::cdp.computed, '{}'::cdp.computed), ('{}', pg_temp.c('"n": {"kind": "count"}')), (pg_temp.c('"n": {"kind": "count"}'), pg_temp.c('"n": {"kind": "count", "state": 1}')),
             (pg_temp.c('"a": {"kind": "count"}, "b": {"kind": "count"}'), pg_temp.c('"b": {"kind": "count"}, "a": {"kind": "count"}'))) AS x (a, b);
SELECT v::text, count(*) FROM (VALUES ('{}'::cdp.computed), ('{}'), (pg_temp.c('"n": {"kind": "count"}'))) AS x (v) GROUP BY v ORDER BY 2;

DROP TABLE computed_value, computed_class, computed_midnight;
