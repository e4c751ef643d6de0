-- cdp.segment_set: the laws of merge and membership, with random data, against plain SQL.
SELECT setseed(0.25);
-- 400 sets of 0 to 12 of 20 segments, some with times of entry, as rows and as sets
CREATE TABLE segset_rows AS
SELECT set_id, 'segment ' || segment AS segment,
       CASE WHEN random() < 0.2 THEN timestamptz '-infinity'
            ELSE timestamptz '2020-01-01 00:00+00' + make_interval(secs => (random() * 1000)::int / 7.0) END AS entered_at
FROM generate_series(1, 400) AS set_id, generate_series(1, 20) AS segment
WHERE random() < (set_id % 13) / 20.0;
CREATE TABLE segset_sets AS
SELECT set_id, set_id % 7 AS part, coalesce(cdp.merge_agg(one), '{}') AS s
FROM generate_series(1, 400) AS set_id LEFT JOIN
     (SELECT set_id, ('{"' || segment || '"@' || CASE WHEN isfinite(entered_at)
                          THEN to_char(entered_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
                          ELSE '-infinity' END || '}')::cdp.segment_set AS one
      FROM segset_rows) AS r USING (set_id)
GROUP BY set_id;
ANALYZE segset_rows, segset_sets;
SELECT count(*) AS sets, bool_or(s = '{}') AS some_empty, max(cdp.segment_count(s)) > 10 AS some_large FROM segset_sets;

-- A set holds its rows, and no others
SELECT count(*) FROM (
    (SELECT set_id, e.* FROM segset_sets, cdp.segment_entries(s) AS e EXCEPT ALL TABLE segset_rows)
    UNION ALL
    (TABLE segset_rows EXCEPT ALL SELECT set_id, e.* FROM segset_sets, cdp.segment_entries(s) AS e)) AS different;
-- text and array forms
SELECT count(*) FILTER (WHERE s::text::cdp.segment_set::text <> s::text) AS text_lost,
       count(*) FILTER (WHERE s::text[]::cdp.segment_set <> s) AS names_lost
FROM segset_sets;

-- Merge is the union with the earlier time; compared as text, so that times count
CREATE TABLE segset_pairs AS
SELECT a.set_id AS a_id, b.set_id AS b_id, a.s AS a, b.s AS b
FROM segset_sets AS a JOIN segset_sets AS b ON (a.set_id * 7 + b.set_id * 13) % 23 = 0;
SELECT count(*) > 5000 AS enough,
       count(*) FILTER (WHERE (a || b)::text <> (b || a)::text) AS not_commutative,
       count(*) FILTER (WHERE (a || a)::text <> a::text) AS not_idempotent,
       count(*) FILTER (WHERE (a || '{}')::text <> a::text OR ('{}' || a)::text <> a::text) AS no_identity,
       count(*) FILTER (WHERE ((a || b) || a)::text <> (a || b)::text) AS not_absorbing
FROM segset_pairs;
SELECT count(*) AS triples, count(*) FILTER (WHERE ((a || b) || s)::text <> (a || (b || s))::text) AS not_associative
FROM (SELECT * FROM segset_pairs WHERE a_id % 5 = 0) AS p JOIN segset_sets ON (set_id + b_id) % 37 = 0;
WITH expected AS (
    SELECT a_id, b_id, segment, min(entered_at) AS entered_at
    FROM segset_pairs JOIN segset_rows ON set_id IN (a_id, b_id)
    GROUP BY a_id, b_id, segment),
merged AS (SELECT a_id, b_id, e.segment, e.entered_at FROM segset_pairs, cdp.segment_entries(a || b) AS e)
SELECT count(*) AS different FROM ((TABLE expected EXCEPT ALL TABLE merged) UNION ALL (TABLE merged EXCEPT ALL TABLE expected)) AS d;

-- Membership is that of arrays
SELECT count(*) FILTER (WHERE (a @> b) <> (an @> bn)) AS contains, count(*) FILTER (WHERE (a <@ b) <> (an <@ bn)) AS within,
       count(*) FILTER (WHERE (a && b) <> (an && bn)) AS overlaps,
       count(*) FILTER (WHERE (a ?& bn) <> (an @> bn)) AS all_of, count(*) FILTER (WHERE (a ?| bn) <> (an && bn)) AS any_of,
       count(*) FILTER (WHERE (a = b) <> (an @> bn AND an <@ bn)) AS equal, count(*) FILTER (WHERE (a <> b) = (a = b)) AS not_equal,
       count(*) FILTER (WHERE a = b AND cdp.segment_set_hash(a) <> cdp.segment_set_hash(b)) AS hash,
       count(*) FILTER (WHERE (a < b) <> (an < bn) OR (a >= b) <> (an >= bn)) AS ordered,
       bool_or(a @> b AND b <> '{}') AND bool_or(NOT a && b) AND bool_or(a = b AND b <> '{}') AS all_cases
FROM (SELECT a, b, ARRAY(SELECT n COLLATE "C" FROM unnest(a::text[]) AS n) AS an, ARRAY(SELECT n COLLATE "C" FROM unnest(b::text[]) AS n) AS bn
      FROM segset_pairs) AS p;
SELECT count(*) FILTER (WHERE s ? segment) = (SELECT count(*) FROM segset_rows) AS all_members,
       count(*) FILTER (WHERE (s ? segment) <> (cdp.entered_at(s, segment) IS NOT NULL)) AS no_time,
       count(*) FILTER (WHERE (s ? segment) <> (segment = ANY (s::text[]))) AS different
FROM segset_sets, (SELECT 'segment ' || i AS segment FROM generate_series(0, 21) AS i) AS q;
-- a large set against a small one is searched, not walked: the same answers
SELECT count(*) FILTER (WHERE (big @> s) <> (bign @> s::text[])) AS contains, count(*) FILTER (WHERE (big && s) <> (bign && s::text[])) AS overlaps,
       count(*) FILTER (WHERE (s && big) <> (bign && s::text[])) AS overlapped, bool_or(big && s AND NOT big @> s) AS all_cases
FROM segset_sets, (SELECT cdp.segment_set(array_agg('segment ' || i)) AS big, array_agg('segment ' || i) AS bign
                   FROM generate_series(1, 2000) AS i WHERE i NOT IN (3, 7, 11)) AS b;

-- The aggregate: whatever the order, and in parallel, as plain SQL says
SELECT count(*) AS orders, count(DISTINCT merged) AS results
FROM (SELECT cdp.merge_agg(s ORDER BY hashint4(set_id + seed * 1000))::text AS merged
      FROM segset_sets, generate_series(1, 50) AS seed GROUP BY seed) AS o;
CREATE TABLE segset_serial AS
SELECT part, cdp.merge_agg(s)::text AS merged FROM segset_sets GROUP BY part;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET parallel_leader_participation = off;
SET max_parallel_workers_per_gather = 2;
ALTER TABLE segset_sets SET (parallel_workers = 2);
CREATE FUNCTION pg_temp.is_partial(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
    RETURN plan::text LIKE '%"Partial Mode": "Partial"%';
END $$;
SELECT pg_temp.is_partial('SELECT part, cdp.merge_agg(s)::text FROM segset_sets GROUP BY part') AS in_parallel;
CREATE TABLE segset_parallel AS
SELECT part, cdp.merge_agg(s)::text AS merged FROM segset_sets GROUP BY part;
SELECT count(*) AS parts, count(*) FILTER (WHERE s.merged <> p.merged) AS different
FROM segset_serial AS s JOIN segset_parallel AS p USING (part);
WITH expected AS (SELECT set_id % 7 AS part, segment, min(entered_at) AS entered_at FROM segset_rows GROUP BY 1, 2),
merged AS (SELECT part, e.segment, e.entered_at FROM segset_parallel, cdp.segment_entries(merged::cdp.segment_set) AS e)
SELECT count(*) AS different FROM ((TABLE expected EXCEPT ALL TABLE merged) UNION ALL (TABLE merged EXCEPT ALL TABLE expected)) AS d;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET parallel_leader_participation;
RESET max_parallel_workers_per_gather;

-- An aggregate changes its own state only: its input is as it was, also when it begins with a stored value
SELECT cdp.merge_agg(s)::text <> '{}' AS merged FROM (TABLE segset_sets ORDER BY set_id DESC) AS o;
SELECT count(*) AS changed FROM (
    (SELECT set_id, e.* FROM segset_sets, cdp.segment_entries(s) AS e EXCEPT ALL TABLE segset_rows)
    UNION ALL
    (TABLE segset_rows EXCEPT ALL SELECT set_id, e.* FROM segset_sets, cdp.segment_entries(s) AS e)) AS d;
DROP TABLE segset_rows, segset_sets, segset_pairs, segset_serial, segset_parallel;
