-- The type cdp.traits: forms, reading, merging, limits.
\pset format unaligned
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
CREATE SCHEMA traits_test;
SET search_path = traits_test, public;

-- What an error says, as a row.
CREATE FUNCTION try(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
    detail text;
    hint text;
BEGIN
    EXECUTE statement INTO result;
    RETURN result;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN sqlstate || ': ' || sqlerrm || coalesce(' | ' || nullif(detail, ''), '')
        || coalesce(' | ' || nullif(hint, ''), '');
END
$$;

-- One event, all kinds of values
CREATE TABLE one AS
SELECT cdp.traits('{"plan": "gold", "score": 17.50, "vip": true, "opt_in": false, "old": null, "tags": ["a", "b"],
                    "home": {"city": "Huế", "geo": [16.46, 107.59]}, "note": "", "empty": {}, "none": []}',
                  '2024-05-01 10:00:00.25+00', '11111111-2222-3333-4444-555555555555', 'web') AS t;
SELECT t FROM one;
SELECT key, value, observed_at, event_id, source, is_set FROM one, cdp.trait_entries(t);
SELECT t::jsonb FROM one;
SELECT key, t -> key AS arrow, t ->> key AS text, t ? key AS has,
       cdp.trait(t, key) IS NOT DISTINCT FROM t -> key
       AND cdp.trait_text(t, key) IS NOT DISTINCT FROM t ->> key
       AND cdp.has_trait(t, key) = (t ? key) AS named_alike,
       t -> key IS NOT DISTINCT FROM t::jsonb -> key AND t ->> key IS NOT DISTINCT FROM t::jsonb ->> key AS like_jsonb,
       cdp.trait_observed_at(t, key) AS observed_at, cdp.trait_source(t, key) AS source
FROM one, unnest(ARRAY['plan', 'score', 'vip', 'opt_in', 'old', 'tags', 'home', 'note', 'empty', 'none', 'pla', 'plane', '']) AS key;

-- Later events win, earlier ones lose, whatever the order of merging
SELECT r.what, r.m ->> 'plan' AS plan, cdp.trait_source(r.m, 'plan') AS source, r.m ? 'city' AS city
FROM (VALUES ('later', timestamptz '2024-06-01', 'silver'), ('earlier', '2024-04-01', 'bronze'), ('unset later', '2024-06-01', NULL),
             ('unset earlier', '2024-04-01', NULL)) AS e (what, at, plan),
     one,
     cdp.traits(jsonb_build_object('plan', plan, 'city', 'Hue'), at, '22222222-2222-3333-4444-555555555555', 'app') AS d,
     LATERAL (VALUES (what, t || d), (what || ', other way round', cdp.merge(d, t))) AS r (what, m);

-- A tombstone holds against late older values, and gives way to newer ones
WITH e (n, object, at) AS (
    VALUES (1, '{"plan": "gold"}'::jsonb, timestamptz '2024-01-01'), (2, '{"plan": null}', '2024-02-01'), (3, '{"plan": "iron"}', '2024-03-01')
)
SELECT string_agg(n::text, ',' ORDER BY n) AS events,
       cdp.traits_agg(object, at, ('00000000-0000-0000-0000-00000000000' || n)::uuid, NULL) AS state
FROM e, (VALUES (1, 2), (2, 3), (1, 3)) AS pair (a, b) WHERE n IN (a, b) GROUP BY a, b ORDER BY 1;

-- Ties: the greater event id wins; in the same event (which no workspace has twice) the greater value, then the source:
-- unset < false < true < number < string < object or array; numbers, objects and arrays by their JSON text
SELECT cdp.merge_agg(cdp.traits(jsonb_build_object('k', n), '2024-01-01', ('00000000-0000-0000-0000-00000000000' || n)::uuid, NULL)) ->> 'k' AS greatest_event
FROM unnest(ARRAY[3, 7, 1, 5]) AS n;
WITH v (n, t) AS (
    SELECT n, cdp.traits(jsonb_build_object('k', value), '2024-01-01', '00000000-0000-0000-0000-000000000001', source)
    FROM (VALUES (1, 'null'::jsonb, NULL), (2, 'false', NULL), (3, 'true', NULL), (4, '1', NULL), (5, '1.0', NULL), (6, '10', NULL), (7, '2', NULL),
                 (8, '""', NULL), (9, '"A"', NULL), (10, '"a"', NULL), (11, '"aa"', NULL), (12, '"é"', NULL),
                 (13, '[1, 2.0]', NULL), (14, '[1, 2]', NULL), (15, '[2]', NULL), (16, '{"a": 1}', NULL), (17, '{"a": 2}', NULL),
                 (18, '{"a": 2}', ''), (19, '{"a": 2}', 'app'), (20, '{"a": 2}', 'web')) AS x (n, value, source)
)
SELECT count(*) AS pairs, count(*) FILTER (WHERE a.t || b.t = CASE WHEN a.n > b.n THEN a.t ELSE b.t END) AS greater_wins FROM v a, v b;

-- One state has one form: sources and stamps that nothing holds any more are gone
SELECT a || b = b AS same, pg_column_size(a || b) = pg_column_size(b) AS same_size,
       cdp.traits_send(a || b) = cdp.traits_send(b) AS same_binary
FROM (SELECT cdp.traits('{"a": 1, "b": 2}', '2024-01-01', '00000000-0000-0000-0000-000000000001', 'web') AS a,
             cdp.traits('{"a": 3, "b": 4}', '2024-01-02', '00000000-0000-0000-0000-000000000002', 'app') AS b) AS x;
SELECT cdp.merge(t, t) = t AS idempotent, t || '{}' = t AND '{}' || t = t AS identity, cdp.traits(t::jsonb) || t = t AS cast_is_older
FROM (SELECT cdp.traits('{"a": 1, "b": 2}', '2024-01-01', '00000000-0000-0000-0000-000000000001', 'web') AS t) AS x;

-- Casts
SELECT '{"a": 1, "b": null, "c": {"d": null}}'::jsonb::cdp.traits AS of_unknown_origin,
       '{"a": 1, "b": null, "c": {"d": null}}'::jsonb::cdp.traits::jsonb AS and_back,
       cdp.traits('{}'::jsonb) AS empty, '{}'::cdp.traits::jsonb AS empty_map;
CREATE TABLE assigned (j jsonb);
INSERT INTO assigned SELECT t FROM one;
SELECT j = t::jsonb AS assignment_cast FROM assigned, one;
SELECT try($$SELECT jsonb_typeof(t) FROM traits_test.one$$) AS not_implicit;

-- Containment is that of jsonb over the set keys
SELECT q, t @> q AS contains, cdp.traits_contains(t, q) = (t @> q) AND (q <@ t) = (t @> q) AND cdp.traits_contained(q, t) = (t @> q) AS named_alike,
       (t @> q) = (t::jsonb @> q) AS like_jsonb
FROM one, unnest(ARRAY['{}', '{"plan": "gold"}', '{"plan": "gol"}', '{"score": 17.5}', '{"score": 17.51}', '{"score": "17.5"}', '{"vip": true}',
                       '{"vip": false}', '{"old": null}', '{"gone": null}', '{"tags": ["b"]}', '{"tags": ["c"]}', '{"tags": "b"}', '{"tags": []}',
                       '{"tags": {}}', '{"home": {"geo": [107.59]}}', '{"home": {"city": "Hue"}}', '{"home": {}, "plan": "gold"}',
                       '{"home": {}, "plan": "iron"}', '{"home": []}', '[]', '"plan"', '["plan"]', '1', 'null']::jsonb[]) AS q;

-- Keys: any text, in the order of bytes
SELECT array_agg(key ORDER BY ordinality) AS keys, bool_and(t ->> key = key) AS found
FROM (SELECT jsonb_object_agg(k, k)::cdp.traits AS t
      FROM unnest(ARRAY['', ' ', 'Ba', 'B', 'a"b', 'a\b', E'a\nb', 'a', 'aa', 'ab', 'b', 'họ tên', 'é', E'e\u0301', '😀', '日本', '->>', 'null']) AS k) AS x,
     cdp.trait_entries(t) WITH ORDINALITY GROUP BY t;
SELECT t, t::text::cdp.traits = t AS same FROM (SELECT '{"họ \"tên\"": "An \\ \"Nguyễn\" 😀", "": ""}'::jsonb::cdp.traits AS t) AS x;
SELECT array_agg(key) AS many_keys_found FROM (SELECT jsonb_object_agg('key' || i, i)::cdp.traits AS t FROM generate_series(1, 300) i) AS x,
    generate_series(0, 301) AS i, LATERAL (SELECT 'key' || i) AS k (key) WHERE coalesce(t ->> key, '-') <> i::text;

-- Numbers keep their digits
SELECT t, t ->> 'c' AS c, t::text::cdp.traits = t AS same
FROM (SELECT '{"a": 0.0010, "b": -0, "c": 123456789012345678901234567890.5, "d": 1e3, "e": 12E-4}'::jsonb::cdp.traits AS t) AS x;
SELECT length(t ->> 'huge') AS digits, pg_column_size(t) < 100 AS compact, t::text::cdp.traits = t AS same FROM (SELECT '{"huge": 1e100000}'::jsonb::cdp.traits AS t) AS x;

-- The text form: what it takes
SELECT n, i::cdp.traits FROM (VALUES
    (1, '{}'),
    (2, ' { } '),
    (3, '{"a": {"value": 1, "at": "2024-05-01T10:00:00Z", "event": "11111111-2222-3333-4444-55555555555A"}}'),
    (4, '{"a": {"event": "11111111-2222-3333-4444-555555555555", "at": "2024-05-01 17:00+07", "unset": true, "source": "s"}}'),
    (5, '{"a": {"value": {"b": null}, "at": "2024-02-29T23:59:59.000001-05:30", "event": "11111111-2222-3333-4444-555555555555", "source": ""}}'),
    (6, '{"a": {"value": 1, "at": "-infinity", "event": "11111111-2222-3333-4444-555555555555"}}'),
    (7, '{"a": {"value": 1, "at": "4714-11-24T00:00:00Z BC", "event": "11111111-2222-3333-4444-555555555555"}}'),
    (8, '{"a": {"value": 1, "at": "294276-12-31T23:59:59.999999Z", "event": "11111111-2222-3333-4444-555555555555"}}'),
    (9, '{"a": {"value": 1, "at": "0001-01-01T00:00:00+00:01", "event": "11111111-2222-3333-4444-555555555555"}}'),
    (10, '{"b": {"value": 1, "at": "2024-05-01T10:00:00.5Z", "event": "11111111-2222-3333-4444-555555555555"},
          "a": {"value": 2, "at": "2024-05-01T10:00:00.50Z", "event": "11111111-2222-3333-4444-555555555555"}}')
) AS x (n, i) ORDER BY n;
-- the instants are PostgreSQL's
SELECT count(*) AS instants, count(*) FILTER (WHERE cdp.trait_observed_at(t, 'a') = at AND t::text::cdp.traits = t AND (t::text::jsonb #>> '{a,at}')::timestamptz = at) AS same
FROM (SELECT at, cdp.traits('{"a": 1}', at, '11111111-2222-3333-4444-555555555555', NULL) AS t
      FROM (SELECT timestamptz '4714-11-24 00:00:00+00 BC' + i * interval '373 days 5 hours 7 minutes 11.000017 seconds' FROM generate_series(0, 292000, 97) AS i) AS x (at)) AS y;

-- and what it refuses
SELECT n, try(format('SELECT %L::cdp.traits', i)) FROM (VALUES
    (1, ''), (2, '{'), (3, '[]'), (4, '1'), (5, 'null'),
    (6, '{"plan": "gold"}'),
    (7, '{"a": ["value"]}'),
    (8, '{"a": {}}'),
    (9, '{"a": {"value": null, "at": "2024-05-01T10:00:00Z", "event": "11111111-2222-3333-4444-555555555555"}}'),
    (10, '{"a": {"value": 1, "unset": true, "at": "2024-05-01T10:00:00Z", "event": "11111111-2222-3333-4444-555555555555"}}'),
    (11, '{"a": {"unset": false, "at": "2024-05-01T10:00:00Z", "event": "11111111-2222-3333-4444-555555555555"}}'),
    (12, '{"a": {"value": 1, "event": "11111111-2222-3333-4444-555555555555"}}'),
    (13, '{"a": {"value": 1, "at": "2024-05-01T10:00:00Z"}}'),
    (14, '{"a": {"value": 1, "at": "2024-05-01T10:00:00Z", "event": "11111111-2222-3333-4444-55555555555"}}'),
    (15, '{"a": {"value": 1, "at": "2024-05-01T10:00:00Z", "event": "11111111-2222-3333-4444+555555555555"}}'),
    (16, '{"a": {"value": 1, "at": "2024-05-01T10:00:00Z", "event": "11111111-2222-3333-4444-55555555555g"}}'),
    (17, '{"a": {"value": 1, "at": "2024-05-01T10:00:00Z", "event": 1}}'),
    (18, '{"a": {"value": 1, "at": 1714557600, "event": "11111111-2222-3333-4444-555555555555"}}'),
    (19, '{"a": {"value": 1, "at": "2024-05-01T10:00:00Z", "event": "11111111-2222-3333-4444-555555555555", "source": 1}}'),
    (20, '{"a": {"value": 1, "at": "2024-05-01T10:00:00Z", "event": "11111111-2222-3333-4444-555555555555", "by": "me"}}'),
    (21, '{"\u0000": {"value": 1, "at": "2024-05-01T10:00:00Z", "event": "11111111-2222-3333-4444-555555555555"}}')
) AS x (n, i) ORDER BY n;
SELECT at, split_part(try(format('SELECT %L::cdp.traits', jsonb_build_object('a', jsonb_build_object('value', 1, 'at', at, 'event', '11111111-2222-3333-4444-555555555555')))), ' | ', 2) AS said
FROM unnest(ARRAY['', 'infinity', 'now', 'today', '2024-05-01', '2024-05-01T10:00:00', '2024-05-01T10Z', '2024-5-1T10:00Z', '2024-05-01T10:00:00.Z', '2024-05-01T10:00:00.1234567Z',
    '2023-02-29T10:00Z', '2024-13-01T10:00Z', '2024-00-01T10:00Z', '2024-01-00T10:00Z', '2024-05-01T24:00Z', '2024-05-01T10:60Z', '2024-05-01T10:00:60Z',
    '0000-05-01T10:00Z', '2024-05-01T10:00ZZ', '2024-05-01T10:00Z ', '2024-05-01T10:00+16', '2024-05-01T10:00+07:60', '2024-05-01T10:00 Asia/Bangkok', '2024-05-01T10:00Z AD',
    '294277-01-01T00:00Z', '999999-12-31T00:00Z', '4714-11-23T23:59:59.999999Z BC', '4714-11-24T00:00+00:01 BC', '-2024-05-01T10:00Z']) AS at;

-- The constructor and NULLs
SELECT cdp.traits(NULL, '2024-01-01', '11111111-2222-3333-4444-555555555555', 'web') IS NULL AS no_object,
       cdp.traits(NULL::jsonb, NULL, NULL, NULL) IS NULL AS nothing,
       cdp.traits('{"a": 1}', '2024-01-01', '11111111-2222-3333-4444-555555555555', NULL) AS no_source,
       cdp.traits('{}', '2024-01-01', '11111111-2222-3333-4444-555555555555', 'web') AS no_keys;
SELECT n, try('SELECT ' || s) FROM (VALUES
    (1, $$cdp.traits('{"a": 1}', NULL, '11111111-2222-3333-4444-555555555555', 'web')$$),
    (2, $$cdp.traits('{"a": 1}', '2024-01-01', NULL, 'web')$$),
    (3, $$cdp.traits('[1]', '2024-01-01', '11111111-2222-3333-4444-555555555555', 'web')$$),
    (4, $$cdp.traits('"a"', '2024-01-01', '11111111-2222-3333-4444-555555555555', 'web')$$),
    (5, $$'null'::jsonb::cdp.traits$$),
    (6, $$cdp.traits('{"a": 1}', 'infinity', '11111111-2222-3333-4444-555555555555', 'web')$$),
    (7, $$cdp.traits('{"a": 1}', '-infinity', '11111111-2222-3333-4444-555555555555', 'web') ->> 'a'$$),
    (8, $$cdp.traits_agg('{"a": 1}', NULL, '11111111-2222-3333-4444-555555555555', 'web')$$),
    (9, $$cdp.traits_agg('3', '2024-01-01', '11111111-2222-3333-4444-555555555555', 'web')$$)
) AS x (n, s) ORDER BY n;
SELECT cdp.merge(NULL, t) IS NULL AS merge_null, t -> NULL IS NULL AS key_null, NULL::cdp.traits ->> 'a' IS NULL AS traits_null FROM one;
SELECT cdp.merge_agg(t) IS NULL AS merged_none, cdp.traits_agg('{"a": 1}', '2024-01-01', '11111111-2222-3333-4444-555555555555', NULL) IS NULL AS none FROM one WHERE false;
SELECT cdp.traits_agg(o, '2024-01-01', '11111111-2222-3333-4444-555555555555', NULL) AS nulls_passed_over FROM (VALUES (NULL::jsonb), ('{"a": 1}'), (NULL)) AS x (o);
SELECT cdp.merge_agg(o) AS nulls_passed_over FROM (VALUES (NULL::cdp.traits), ('{}'), (NULL)) AS x (o);
SELECT count(*) AS no_entries FROM cdp.trait_entries('{}');

-- Limits
SELECT n, left(try('SELECT ' || s), 200) FROM (VALUES
    (1, $$length(cdp.traits(jsonb_build_object(repeat('k', 1024), 1), '2024-01-01', '11111111-2222-3333-4444-555555555555', repeat('s', 1024))::text)$$),
    (2, $$cdp.traits(jsonb_build_object(repeat('é', 513), 1), '2024-01-01', '11111111-2222-3333-4444-555555555555', 'web')$$),
    (3, $$cdp.traits('{"a": 1}', '2024-01-01', '11111111-2222-3333-4444-555555555555', repeat('s', 1025))$$),
    (4, $$jsonb_build_object(repeat('k', 1025), '{}'::jsonb)::text::cdp.traits$$),
    (5, $$jsonb_build_object('a', jsonb_build_object('value', 1, 'at', '-infinity', 'event', '11111111-2222-3333-4444-555555555555', 'source', repeat('s', 1025)))::text::cdp.traits$$),
    (6, $$count(*) FROM cdp.trait_entries((SELECT jsonb_object_agg(i, i)::cdp.traits FROM generate_series(1, 65535) AS i))$$),
    (7, $$(SELECT jsonb_object_agg(i, i)::cdp.traits FROM generate_series(1, 65536) AS i)$$),
    (8, $$length((jsonb_build_object('a', repeat('x', 16777190))::cdp.traits) ->> 'a')$$),
    (9, $$jsonb_build_object('a', repeat('x', 16777216))::cdp.traits$$),
    (10, $$jsonb_build_object('a', repeat('x', 16777217))::cdp.traits$$),
    (11, $$jsonb_build_object('a', repeat('x', 9000000), 'b', repeat('x', 9000000))::cdp.traits$$)
) AS x (n, s) ORDER BY n;

-- Stored, compressed, moved out of line, dumped and read again
CREATE TABLE stored (n int PRIMARY KEY, t cdp.traits);
INSERT INTO stored VALUES (1, '{}'), (2, '{"a": 1}'::jsonb::cdp.traits), (3, NULL);
INSERT INTO stored SELECT 4, t FROM one;
INSERT INTO stored SELECT 5, cdp.traits(jsonb_build_object('bio', repeat('An ', 50000), 'plan', 'gold'), '2024-01-01', '11111111-2222-3333-4444-555555555555', 'web');
INSERT INTO stored SELECT 6, cdp.traits((SELECT jsonb_object_agg('k' || i, md5(i::text)) FROM generate_series(1, 2000) AS i), '2024-01-01', '11111111-2222-3333-4444-555555555555', 'web');
SELECT n, t ->> 'plan' AS plan, length(t ->> 'bio') AS bio, t ->> 'k1999' = md5('1999') AS k1999, t::text::cdp.traits = t AS text_same FROM stored ORDER BY n;
CREATE FUNCTION path() RETURNS text LANGUAGE sql AS $$ SELECT current_setting('data_directory') || '/cdp_traits_test' $$;
CREATE TABLE text_copy (LIKE stored);
CREATE TABLE binary_copy (LIKE stored);
DO $$
BEGIN
    EXECUTE format('COPY traits_test.stored TO %L', traits_test.path());
    EXECUTE format('COPY traits_test.text_copy FROM %L', traits_test.path());
    EXECUTE format('COPY traits_test.stored TO %L (FORMAT binary)', traits_test.path());
    EXECUTE format('COPY traits_test.binary_copy FROM %L (FORMAT binary)', traits_test.path());
    EXECUTE format('COPY traits_test.binary_copy FROM PROGRAM %L', 'rm -f ' || quote_literal(traits_test.path()));
END
$$;
SELECT count(*) AS rows, count(*) FILTER (WHERE s.t IS NOT DISTINCT FROM c.t) AS text_same, count(*) FILTER (WHERE s.t IS NOT DISTINCT FROM b.t) AS binary_same
FROM stored s JOIN text_copy c USING (n) JOIN binary_copy b USING (n);

-- Ten short traits, each from an event of its own: below half a kilobyte; all from one event: half of that
SELECT count(DISTINCT e.event_id) AS events, pg_column_size(t) < CASE WHEN own THEN 512 ELSE 288 END AS compact
FROM (SELECT own, cdp.merge_agg(cdp.traits(jsonb_build_object(key, value), timestamptz '2024-01-01' + CASE WHEN own THEN i * interval '1 hour' ELSE '0' END,
          CASE WHEN own THEN md5(i::text)::uuid ELSE md5('')::uuid END, CASE i % 2 WHEN 0 THEN 'web' ELSE 'app' END)) AS t
      FROM (VALUES (true), (false)) AS o (own),
           jsonb_each('{"plan": "gold", "first_name": "An", "last_name": "Nguyen", "city": "Ha Noi", "opt_in": true, "language": "vi",
                        "birthday": "1990-01-01", "age": 42, "score": 17.5, "vip": false}') WITH ORDINALITY AS v (key, value, i)
      GROUP BY own) AS x, cdp.trait_entries(t) AS e GROUP BY own, t ORDER BY own;

-- Equality, order and hash are those of the whole state
CREATE TABLE states (n int, t cdp.traits);
INSERT INTO states VALUES
    (1, '{}'),
    (2, '{"a": {"value": 1, "at": "2024-01-01T00:00Z", "event": "11111111-2222-3333-4444-555555555555"}}'),
    (3, '{"a": {"value": 1, "at": "2024-01-01T00:00Z", "event": "11111111-2222-3333-4444-555555555555", "source": "web"}}'),
    (4, '{"a": {"value": 1, "at": "2024-01-01T00:00Z", "event": "11111111-2222-3333-4444-555555555555", "source": "web"},
         "b": {"value": 1, "at": "2024-01-01T00:00Z", "event": "11111111-2222-3333-4444-555555555555", "source": "web"}}'),
    (5, '{"a": {"value": 2, "at": "2024-01-01T00:00Z", "event": "11111111-2222-3333-4444-555555555555"}}'),
    (6, '{"a": {"value": 1, "at": "2024-01-01T00:00Z", "event": "21111111-2222-3333-4444-555555555555"}}'),
    (7, '{"a": {"value": 1, "at": "2024-01-01T00:00:00.000001Z", "event": "11111111-2222-3333-4444-555555555555"}}'),
    (8, '{"b": {"value": 1, "at": "2024-01-01T00:00Z", "event": "11111111-2222-3333-4444-555555555555"}}');
SELECT count(*) AS pairs,
       count(*) FILTER (WHERE (x.t = y.t) = (x.n = y.n) AND (x.t <> y.t) = (x.n <> y.n) AND (x.t < y.t) = (x.n < y.n) AND (x.t <= y.t) = (x.n <= y.n)
                          AND (x.t > y.t) = (x.n > y.n) AND (x.t >= y.t) = (x.n >= y.n) AND cdp.traits_cmp(x.t, y.t) = sign(x.n - y.n)
                          AND (x.n <> y.n OR (cdp.traits_hash(x.t) = cdp.traits_hash(y.t) AND cdp.traits_hash_extended(x.t, 7) = cdp.traits_hash_extended(y.t, 7)))) AS right
FROM states x, states y;
SELECT array_agg(n ORDER BY t) AS sorted FROM states;
INSERT INTO states SELECT n + 10, t FROM states;
SET enable_hashagg = off;
SELECT count(*) AS by_sort FROM (SELECT t FROM states GROUP BY t) AS x;
SET enable_hashagg = on;
SET enable_sort = off;
SELECT count(*) AS by_hash FROM (SELECT t FROM states GROUP BY t) AS x;
RESET enable_sort;
RESET enable_hashagg;
CREATE INDEX ON states (t);
CREATE INDEX ON states USING hash (t);
SELECT count(DISTINCT t) AS distinct_states FROM states;

-- Operators and functions that an analyst sees are commented, and every function is parallel safe and immutable
SELECT count(*) FILTER (WHERE obj_description(p.oid, 'pg_proc') IS NULL) AS without_comment,
       count(*) FILTER (WHERE provolatile <> 'i' OR proparallel <> 's') AS not_immutable_or_safe
FROM pg_proc p WHERE pronamespace = 'cdp'::regnamespace AND ('cdp.traits'::regtype = prorettype OR 'cdp.traits'::regtype = ANY (proargtypes::oid[]));
SELECT oprname, oprleft::regtype, oprright::regtype, oprcode::regproc, oprnamespace::regnamespace AS schema,
       obj_description(o.oid, 'pg_operator') IS NOT NULL AS commented
FROM pg_operator o WHERE 'cdp.traits'::regtype IN (oprleft, oprright) ORDER BY oprname COLLATE "C", 2, 3;

RESET search_path;
SET client_min_messages = warning;
DROP SCHEMA traits_test CASCADE;
