-- cdp.segment_set: membership, merge, casts, equality and order.
SET timezone = 'UTC';

-- Membership: operators and their named functions, under the default search_path
SELECT q.segment, s ? q.segment AS op, cdp.has_segment(s, q.segment) AS func, cdp.entered_at(s, q.segment)
FROM (SELECT '{vip@2011-12-09T12:50:00Z,gold,"khách quen"@infinity}'::cdp.segment_set AS s) AS x,
     unnest(ARRAY['vip', 'gold', 'khách quen', 'vi', 'vip2', 'VIP', '', repeat('x', 300)]) AS q (segment);
SELECT q.segments, s ?| q.segments::text[] AS any_of, s ?& q.segments::text[] AS all_of,
       cdp.has_any_segment(s, q.segments::text[]) AS any_func, cdp.has_all_segments(s, q.segments::text[]) AS all_func,
       s && q.segments::cdp.segment_set AS overlaps, s @> q.segments::cdp.segment_set AS contains,
       s <@ q.segments::cdp.segment_set AS within,
       cdp.has_any_segment(s, q.segments::cdp.segment_set) AS overlaps_func,
       cdp.has_all_segments(s, q.segments::cdp.segment_set) AS contains_func,
       cdp.has_only_segments(s, q.segments::cdp.segment_set) AS within_func
FROM (SELECT '{vip,gold}'::cdp.segment_set AS s) AS x,
     unnest(ARRAY['{}', '{vip}', '{gold,vip}', '{vip,x}', '{x,y}', '{a,gold,vip,x}']) AS q (segments);
-- nulls in the array do not count, a null argument gives null
SELECT '{vip}'::cdp.segment_set ?| ARRAY[NULL, 'vip'] AS any_of, '{vip}'::cdp.segment_set ?& ARRAY[NULL, 'vip'] AS all_of,
       '{vip}'::cdp.segment_set ?| ARRAY[NULL]::text[] AS any_of_null, '{vip}'::cdp.segment_set ?& ARRAY[NULL]::text[] AS all_of_null,
       '{vip}'::cdp.segment_set ? NULL AS is_null;
-- literals need no cast
SELECT '{vip}'::cdp.segment_set @> '{vip}' AND '{vip}'::cdp.segment_set ?& '{vip}'
       AND cdp.has_all_segments('{vip}'::cdp.segment_set, '{vip}') AS literals;
-- an empty search_path changes nothing, and nothing stands before pg_catalog's operators
SET search_path = '';
SELECT '{vip}'::cdp.segment_set ? 'vip' AS op, '{vip}'::cdp.segment_set || '{gold}' AS merged;
RESET search_path;

-- What is in it
SELECT cdp.segment_count('{}'), cdp.segment_count('{a,b,a}');
SELECT * FROM cdp.segment_entries('{vip@2011-12-09T12:50:00Z,"khách quen",gold@infinity}');
SELECT * FROM cdp.segment_entries('{}');
SELECT id, e.segment FROM (VALUES (1, '{a,b}'::cdp.segment_set), (2, '{}'), (3, NULL), (4, '{c}')) AS v (id, s)
LEFT JOIN LATERAL cdp.segment_entries(s) AS e ON true ORDER BY id, e.segment;

-- Merge: the earlier time counts
SELECT '{a@2020-01-02T00:00:00Z,b}'::cdp.segment_set || '{a@2020-01-01T00:00:00Z,b@2020-01-01T00:00:00Z,c@infinity}' AS merged,
       cdp.merge('{a@2020-01-01T00:00:00Z}'::cdp.segment_set, '{}') AS with_empty,
       cdp.merge('{}'::cdp.segment_set, '{a@2020-01-01T00:00:00Z}') AS empty_with;
SELECT cdp.merge_agg(s) FROM (VALUES ('{a@2020-01-03T00:00:00Z}'::cdp.segment_set), (NULL), ('{b}'), ('{a@2020-01-01T00:00:00Z}'),
                              ('{a@2020-01-02T00:00:00Z,b@2020-01-01T00:00:00Z}')) AS v (s);
SELECT cdp.merge_agg(s) IS NULL AS of_nothing FROM (SELECT '{a}'::cdp.segment_set AS s WHERE false) AS v;
-- a state changed in place is nobody else's: running unions, and the rows they came from
SELECT i, s, cdp.merge_agg(s) OVER (ORDER BY i) AS so_far,
       cdp.merge_agg(s) OVER (ORDER BY i ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS of_two
FROM (VALUES (1, '{a@2020-01-05T00:00:00Z,b@2020-01-05T00:00:00Z}'::cdp.segment_set), (2, '{a@2020-01-04T00:00:00Z}'),
             (3, '{b@2020-01-03T00:00:00Z}'), (4, '{c}'), (5, '{a@2020-01-01T00:00:00Z}')) AS v (i, s) ORDER BY i;
SELECT cdp.segment_set_accum('{a}', '{b}');

-- Casts: from and to text[] on assignment, never silently
CREATE TABLE segset (id int PRIMARY KEY, segments cdp.segment_set NOT NULL DEFAULT '{}', names text[]);
INSERT INTO segset (id, segments) VALUES (1, ARRAY['vip', 'gold', 'vip']), (2, '{vip@2020-01-01T00:00:00Z}');
INSERT INTO segset (id) VALUES (3);
UPDATE segset SET names = segments;
SELECT * FROM segset ORDER BY id;
SELECT ARRAY['b', 'a']::cdp.segment_set, '{b@2020-01-01T00:00:00Z,a}'::cdp.segment_set::text[],
       '{{c,d},{a,b}}'::text[]::cdp.segment_set AS two_dimensions;
SELECT 'vip' = ANY ('{vip}'::cdp.segment_set);
DROP TABLE segset;

-- Equality, hash and order see the names only
SELECT a, b, a = b AS eq, a <> b AS ne, a < b AS lt, a <= b AS le, a > b AS gt, a >= b AS ge, cdp.segment_set_cmp(a, b) AS cmp,
       cdp.segment_set_hash(a) = cdp.segment_set_hash(b) AS hash,
       cdp.segment_set_hash_extended(a, 7) = cdp.segment_set_hash_extended(b, 7) AS hash_seeded
FROM (VALUES ('{a,b}'::cdp.segment_set, '{b@2020-01-01T00:00:00Z,a}'::cdp.segment_set), ('{}', '{}'), ('{}', '{a}'), ('{a}', '{a,b}'),
             ('{a,c}', '{b}'), ('{ab,c}', '{a,bc}'), ('{B}', '{a}'), ('{z}', '{é}')) AS v (a, b);
SELECT bool_and(cdp.segment_set_hash(s) = cdp.segment_set_hash_extended(s, 0)::bit(32)::int) AS low_bits
FROM (VALUES ('{}'::cdp.segment_set), ('{a}'), ('{a,b}')) AS v (s);
-- so DISTINCT, GROUP BY, joins and indexes do, whichever way they go
CREATE TABLE segset_eq AS
SELECT i, cdp.segment_set(ARRAY['g' || i % 10, 'h' || i % 3]) ||
          ('{g' || i % 10 || '@-infinity,h' || i % 3 || '@2020-01-01T00:00:00Z}')::cdp.segment_set AS s
FROM generate_series(1, 300) AS i;
UPDATE segset_eq SET s = ('{g' || i % 10 || '@2020-01-01T00:00:' || lpad((i % 60)::text, 2, '0') || 'Z,h' || i % 3 || '}')::cdp.segment_set WHERE i > 100;
SET enable_hashagg = off;
SELECT count(*) FROM (SELECT s FROM segset_eq GROUP BY s) AS g;
RESET enable_hashagg;
SET enable_sort = off;
SELECT count(*) FROM (SELECT s FROM segset_eq GROUP BY s) AS g;
RESET enable_sort;
CREATE INDEX ON segset_eq (s);
CREATE INDEX ON segset_eq USING hash (s);
SET enable_seqscan = off;
SELECT count(*) FROM segset_eq WHERE s = '{g1,h1}';
SELECT count(*) FROM segset_eq AS a JOIN segset_eq AS b USING (s);
RESET enable_seqscan;
DROP INDEX segset_eq_s_idx, segset_eq_s_idx1;
SELECT count(*) FROM segset_eq WHERE s = '{g1,h1}';
SELECT count(*) FROM segset_eq AS a JOIN segset_eq AS b USING (s);
-- the planner's guess from the common sets is near: 10 of 30 sets hold h1, 100 of 300 rows
ANALYZE segset_eq;
CREATE FUNCTION pg_temp.guess(query text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
    RETURN plan->0->'Plan'->>'Plan Rows';
END $$;
SELECT pg_temp.guess($$SELECT 1 FROM segset_eq WHERE s ? 'h1'$$) BETWEEN 95 AND 105 AS has,
       pg_temp.guess($$SELECT 1 FROM segset_eq WHERE s @> '{h1}'$$) BETWEEN 95 AND 105 AS contains,
       pg_temp.guess($$SELECT 1 FROM segset_eq WHERE '{h1}' <@ s$$) BETWEEN 95 AND 105 AS within,
       pg_temp.guess($$SELECT 1 FROM segset_eq WHERE s ?| '{h1,h2}'$$) BETWEEN 190 AND 210 AS any_of;
DROP TABLE segset_eq;

-- Sizes in bytes: 8, and 12 per member beside its name; in a row 3 less up to 126 bytes
SELECT s, pg_column_size(s) AS bytes
FROM (VALUES ('{}'::cdp.segment_set), ('{vip}'), ('{vip@2020-01-01T00:00:00Z,gold@2020-01-01T00:00:00Z,churn_risk@2020-01-01T00:00:00Z}')) AS v (s);

-- Every function, operator, cast and aggregate of the type says what it does
SELECT p.oid::regprocedure AS without_comment FROM pg_proc AS p
WHERE p.pronamespace = 'cdp'::regnamespace AND 'cdp.segment_set'::regtype = ANY (p.proargtypes || p.prorettype)
  AND obj_description(p.oid, 'pg_proc') IS NULL;
SELECT o.oid::regoperator AS without_comment FROM pg_operator AS o
WHERE o.oprleft = 'cdp.segment_set'::regtype AND obj_description(o.oid, 'pg_operator') IS NULL;
