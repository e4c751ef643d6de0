-- The laws of cdp.computed on random data with a fixed seed, and every value against plain SQL.
SET timezone = 'UTC';
SET datestyle = 'ISO';
SELECT setseed(0.5);

-- 2,400 events of 20 customers over 100 days with both changes of clocks; customer n keeps days in zone n % 3. Some at one
-- instant; numbers of two digits, of which many are equal, and ones beyond 64 bits.
CREATE TABLE computed_event AS
SELECT id, ('00000000-0000-0000-0000-' || lpad(to_hex(hashint4(id)::bigint + 2147483648), 12, '0'))::uuid AS event, customer, zone, at, (at AT TIME ZONE zone)::date AS day,
       round((random() * 20 - 8)::numeric, 2) AS number, (random() * 1e6)::int * 1000000007000000000000.000000000000000001 AS wide, chr(97 + (random() * random() * 20)::int) || repeat('ê', id % 3) AS word,
       random() < 0.6 AS flag, timestamptz '2024-01-01' + (random() * 50)::int * interval '1 hour' AS stamp, date '2024-02-25' + (random() * 9)::int AS date
FROM (SELECT id, customer, (ARRAY['UTC', 'Europe/London', 'America/St_Johns'])[1 + customer % 3] AS zone,
             timestamptz '2010-09-25 00:00+00' + (random() * 8640)::int * interval '1000 seconds' AS at
      FROM (SELECT id, 1 + floor(random() * random() * 20)::int AS customer FROM generate_series(1, 2400) AS id) AS who) AS made;
SELECT count(DISTINCT customer) AS customers, count(DISTINCT event) AS events, count(*) > count(DISTINCT (customer, at)) AS at_one_instant, min(day), max(day) FROM computed_event;

-- The traits: every kind, most of the classes, with and without a window
CREATE TABLE computed_trait (name text COLLATE "C" PRIMARY KEY, kind text, class text, window_days int, max int);
INSERT INTO computed_trait VALUES
    ('count', 'count', NULL, NULL, NULL), ('count30', 'count', NULL, 30, NULL), ('sum', 'sum', 'number', NULL, NULL), ('sum7', 'sum', 'number', 7, NULL), ('wide', 'sum', 'wide', NULL, NULL), ('wide7', 'avg', 'wide', 7, NULL),
    ('avg', 'avg', 'number', NULL, NULL), ('avg1', 'avg', 'number', 1, NULL), ('min', 'min', 'word', NULL, NULL), ('min14', 'min', 'number', 14, NULL), ('max', 'max', 'stamp', NULL, NULL), ('max5', 'max', 'date', 5, NULL),
    ('first', 'first', 'number', NULL, NULL), ('first60', 'first', 'word', 60, NULL), ('last', 'last', 'flag', NULL, NULL), ('last3', 'last', 'word', 3, NULL),
    ('frequent', 'most_frequent', 'word', NULL, 1000), ('frequent9', 'most_frequent', 'number', 9, 1000), ('list', 'unique_list', 'date', NULL, 1000), ('list9', 'unique_list', 'word', 9, 1000),
    ('distinct', 'unique_count', 'number', NULL, 1000), ('distinct20', 'unique_count', 'wide', 20, 1000);
-- what a trait takes of an event, as SQL compares it
CREATE TABLE computed_input AS
SELECT e.id, e.event, e.customer, e.zone, e.at, e.day, t.name, t.kind, t.window_days, x,
       CASE t.class WHEN 'number' THEN number WHEN 'wide' THEN wide WHEN 'flag' THEN flag::int WHEN 'stamp' THEN extract(epoch FROM stamp) WHEN 'date' THEN date - date '2000-01-01' END AS n,
       (CASE t.class WHEN 'word' THEN word ELSE '' END) COLLATE "C" AS w
FROM computed_event AS e, computed_trait AS t,
     LATERAL (SELECT CASE t.class WHEN 'number' THEN to_jsonb(number) WHEN 'wide' THEN to_jsonb(wide) WHEN 'word' THEN to_jsonb(word) WHEN 'flag' THEN to_jsonb(flag)
                                  WHEN 'stamp' THEN to_jsonb(to_char(stamp, 'YYYY-MM-DD"T"HH24:MI:SS"Z"')) WHEN 'date' THEN to_jsonb(date) END AS x) AS value;
CREATE INDEX ON computed_input (customer, name, day);
ANALYZE computed_input;

-- The state of a set of inputs in text, as plain SQL counts, adds up and sorts them
CREATE FUNCTION pg_temp.whole(trait computed_trait, state jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object(trait.name, jsonb_strip_nulls(jsonb_build_object('kind', trait.kind, 'of', CASE trait.class WHEN 'wide' THEN 'number' WHEN 'word' THEN 'text' WHEN 'flag' THEN 'boolean' WHEN 'stamp' THEN 'time' ELSE trait.class END,
                                                                               'window_days', trait.window_days, 'limit', trait.max))
                                          || jsonb_build_object(CASE WHEN trait.window_days IS NULL THEN 'state' ELSE 'days' END, state))$$;
CREATE FUNCTION pg_temp.computed(traits jsonb, zone text) RETURNS cdp.computed LANGUAGE sql AS
    $$SELECT jsonb_build_object('version', 1, 'zone', zone, 'traits', traits)::text::cdp.computed$$;
CREATE VIEW computed_day AS
SELECT customer, zone, part, name, CASE WHEN window_days IS NOT NULL THEN day END AS day,
       CASE kind WHEN 'count' THEN to_jsonb(count(*)) WHEN 'sum' THEN to_jsonb(sum(n)) WHEN 'avg' THEN jsonb_build_object('sum', sum(n), 'count', count(*))
                 WHEN 'min' THEN to_jsonb((array_agg(x ORDER BY n, w))[1]) WHEN 'max' THEN to_jsonb((array_agg(x ORDER BY n DESC, w DESC))[1])
                 WHEN 'first' THEN (array_agg(jsonb_build_object('value', x, 'at', to_char(at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'event', event) ORDER BY at, event))[1]
                 WHEN 'last' THEN (array_agg(jsonb_build_object('value', x, 'at', to_char(at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'event', event) ORDER BY at DESC, event DESC))[1]
                 WHEN 'most_frequent' THEN jsonb_build_object('values', (SELECT jsonb_agg(jsonb_build_array(e, (SELECT count(*) FROM unnest(array_agg(x)) AS o WHERE o = e))) FROM unnest(array_agg(DISTINCT x)) AS e))
                 ELSE jsonb_build_object('values', jsonb_agg(DISTINCT x)) END AS state
FROM (SELECT *, generate_series AS part FROM computed_input, generate_series(0, 8) WHERE generate_series = 0 OR generate_series = 1 + id % 8) AS i
GROUP BY customer, zone, part, name, kind, window_days, CASE WHEN window_days IS NOT NULL THEN day END;
-- part 0 is the whole, 1 to 8 an eighth each
CREATE TABLE computed_made AS
SELECT customer, part, pg_temp.computed(jsonb_object_agg(key, value), zone) AS v
FROM (SELECT customer, zone, part, pg_temp.whole(t, CASE WHEN t.window_days IS NULL THEN jsonb_agg(state)->0 ELSE jsonb_object_agg(coalesce(day, 'epoch'), state) END) AS trait
      FROM computed_day JOIN computed_trait AS t USING (name) GROUP BY customer, zone, part, t.name) AS traits, jsonb_each(trait)
GROUP BY customer, zone, part;
SELECT count(*) FILTER (WHERE part = 0) AS customers, count(*) > 120 AS parts, count(*) FILTER (WHERE v::text::cdp.computed = v) = count(*) AS text FROM computed_made;

-- Any order gives the same bytes, which are those of plain SQL: forwards, backwards, shuffled, from parts of parts
SELECT count(*) AS customers, count(*) FILTER (WHERE cdp.computed_send(forwards) = cdp.computed_send(v)) AS forwards, count(*) FILTER (WHERE cdp.computed_send(backwards) = cdp.computed_send(v)) AS backwards,
       count(*) FILTER (WHERE cdp.computed_send(shuffled) = cdp.computed_send(v)) AS shuffled, count(*) FILTER (WHERE cdp.computed_send(of_parts) = cdp.computed_send(v)) AS of_parts
FROM computed_made
JOIN (SELECT customer, cdp.merge_agg(v ORDER BY part) AS forwards, cdp.merge_agg(v ORDER BY part DESC) AS backwards, cdp.merge_agg(v ORDER BY hashint4(part * 31 + customer)) AS shuffled
      FROM computed_made WHERE part > 0 GROUP BY 1) AS a USING (customer)
JOIN (SELECT customer, cdp.merge_agg(v) AS of_parts FROM (SELECT customer, part % 5, cdp.merge_agg(v) AS v FROM computed_made WHERE part > 0 GROUP BY 1, 2) AS half GROUP BY 1) AS b USING (customer)
WHERE part = 0;
-- Associative, commutative, identity: all triples of ten of one customer, some of them less than others
CREATE TABLE computed_ten AS
SELECT part AS p, v FROM computed_made WHERE customer = 2 AND part BETWEEN 1 AND 8
UNION ALL SELECT 9, '{}' UNION ALL SELECT 10, pg_temp.computed(jsonb_object_agg(name, value), (SELECT zone FROM computed_event WHERE customer = 2 LIMIT 1))
FROM (SELECT name, CASE WHEN window_days IS NULL THEN '{"kind": "count"}'::jsonb ELSE '{"kind": "count", "window_days": 30, "days": {}}' END AS value FROM computed_trait WHERE kind = 'count') AS counts;
SELECT count(*) AS triples, count(*) FILTER (WHERE (a.v || b.v) || c.v = a.v || (b.v || c.v)) AS associative, count(*) FILTER (WHERE a.v || b.v = b.v || a.v) AS commutative,
       count(*) FILTER (WHERE a.v || '{}' = a.v AND '{}' || a.v = a.v) AS identity, count(*) FILTER (WHERE cdp.merge(a.v, b.v) = a.v || b.v) AS by_name,
       count(*) FILTER (WHERE (a.v = b.v) = (a.p = b.p) AND (a.v <> b.v) = (a.p <> b.p) AND (a.v = b.v OR cdp.computed_hash(a.v) <> cdp.computed_hash(b.v))) AS equality
FROM computed_ten AS a, computed_ten AS b, computed_ten AS c;

-- Every value at instants of every hour of the day, against the events that are to be seen there
CREATE TABLE computed_at AS
SELECT customer, v, at, (at AT TIME ZONE cdp.zone(v))::date AS today FROM computed_made, generate_series(0, 9) AS i,
     LATERAL (SELECT timestamptz '2010-09-20' + i * interval '12 days 5 hours' + customer * interval '53 minutes' AS at) AS made WHERE part = 0;
CREATE TABLE computed_expected AS
SELECT a.customer, a.at, t.name, e.value
FROM computed_at AS a CROSS JOIN computed_trait AS t,
     LATERAL (SELECT CASE t.kind WHEN 'count' THEN to_jsonb(count(*)) WHEN 'sum' THEN to_jsonb(sum(n)) WHEN 'avg' THEN to_jsonb(avg(n))
                                 WHEN 'min' THEN (array_agg(x ORDER BY n, w))[1] WHEN 'max' THEN (array_agg(x ORDER BY n DESC, w DESC))[1]
                                 WHEN 'first' THEN (array_agg(x ORDER BY i.at, event))[1] WHEN 'last' THEN (array_agg(x ORDER BY i.at DESC, event DESC))[1]
                                 WHEN 'unique_count' THEN to_jsonb(count(DISTINCT x))
                                 WHEN 'unique_list' THEN (SELECT jsonb_agg(e ORDER BY e #>> '{}' COLLATE "C") FROM unnest(array_agg(DISTINCT x)) AS e)
                                 ELSE (SELECT e FROM unnest(array_agg(x), array_agg(n), array_agg(w)) AS u (e, en, ew) GROUP BY e, en, ew ORDER BY count(*) DESC, en, ew COLLATE "C" LIMIT 1) END AS value
              FROM computed_input AS i
              WHERE i.customer = a.customer AND i.name = t.name AND (t.window_days IS NULL OR i.day <= a.today AND i.day > a.today - t.window_days)) AS e;
SELECT name, count(*) AS instants, count(*) FILTER (WHERE e.value IS NULL OR e.value = '0') > 0 AS some_without, count(DISTINCT e.value) > 10 AS many, count(*) FILTER (WHERE e.value IS DISTINCT FROM cdp.computed_value(v, name, at)) AS different,
       count(*) FILTER (WHERE e.value::text IS DISTINCT FROM cdp.computed_value(v, name, at)::text AND name <> 'frequent9') AS different_in_scale,
       count(*) FILTER (WHERE coalesce(e.value, 'null') IS DISTINCT FROM cdp.to_jsonb(v, at)->name) AS different_in_object
FROM computed_expected AS e JOIN computed_at USING (customer, at) GROUP BY name ORDER BY name;
-- between one change and the next nothing changes: probed at 5 instants in between, and just before
SELECT count(*) > 1000 AS many, count(*) FILTER (WHERE value IS DISTINCT FROM cdp.computed_value(v, name, probe)) AS changed_before
FROM computed_at, cdp.computed_entries(v, at), LATERAL (SELECT at + (changes_at - at) * part AS probe FROM unnest(ARRAY[0.1, 0.3, 0.5, 0.7, 0.9]) AS part UNION ALL SELECT changes_at - interval '1 us') AS x WHERE changes_at IS NOT NULL;

-- Equal numbers that look different: the same whichever came first, with the order of numeric
CREATE TABLE computed_look AS
SELECT n, pg_temp.computed(jsonb_build_object('min', jsonb_build_object('kind', 'min', 'of', 'number', 'state', n), 'max', jsonb_build_object('kind', 'max', 'of', 'number', 'state', n)), 'UTC') AS v
FROM unnest(ARRAY[1, 1.0, 1.00, 0.99999999999999999999, 1.00000000000000000001, -1, 1e40, 1e40 + 0.0, 4611686018427387903, 4611686018427387904, 46116860184273879.03, 0, 0.00, -1e-30]::numeric[]) AS n;
SELECT count(*) AS pairs, count(*) FILTER (WHERE cdp.computed_send(a.v || b.v) = cdp.computed_send(b.v || a.v)) AS same,
       count(*) FILTER (WHERE cdp.computed_numeric(a.v || b.v, 'min') = least(a.n, b.n)) AS least, count(*) FILTER (WHERE cdp.computed_numeric(a.v || b.v, 'max') = greatest(a.n, b.n)) AS greatest
FROM computed_look AS a, computed_look AS b;

-- Beyond the limit. 60 parts of 500 values each, of which most are in several parts; the same bytes in any order, with what is
-- kept counted exactly, and the number of distinct values known to 5 standard errors
CREATE TABLE computed_part AS
SELECT size, kind, part, pg_temp.computed(jsonb_build_object('t', jsonb_build_object('kind', kind, 'of', 'text', 'limit', 500,
           'state', jsonb_build_object('values', jsonb_agg(CASE kind WHEN 'most_frequent' THEN jsonb_build_array(value, n) ELSE to_jsonb(value) END)))), 'UTC') AS v
FROM (SELECT size, part, 'v' || value AS value, count(*) AS n FROM unnest(ARRAY[400, 501, 1000, 20000, 200000]) AS size, generate_series(1, 60) AS part, generate_series(1, 500) AS i,
             LATERAL (SELECT abs(hashint8extended(part * 1000 + i, size)) % size AS value) AS made GROUP BY 1, 2, 3) AS value,
     unnest(ARRAY['unique_count', 'unique_list', 'most_frequent']) AS kind
GROUP BY 1, 2, 3;
CREATE TABLE computed_truth AS
SELECT size, value, count(*) AS n FROM unnest(ARRAY[400, 501, 1000, 20000, 200000]) AS size, generate_series(1, 60) AS part, generate_series(1, 500) AS i,
       LATERAL (SELECT ('v' || abs(hashint8extended(part * 1000 + i, size)) % size) COLLATE "C" AS value) AS made GROUP BY 1, 2;
CREATE TABLE computed_merged AS
SELECT size, kind, cdp.merge_agg(v ORDER BY part) AS v, cdp.merge_agg(v ORDER BY part DESC) AS backwards, cdp.merge_agg(v ORDER BY hashint4(part)) AS shuffled FROM computed_part GROUP BY 1, 2;
SELECT m.size, m.kind, backwards = v AND shuffled = v AND of_parts = v AS same, exact FROM computed_merged AS m
JOIN (SELECT size, kind, cdp.merge_agg(v) AS of_parts FROM (SELECT size, kind, part % 7, cdp.merge_agg(v) AS v FROM computed_part GROUP BY 1, 2, 3) AS half GROUP BY 1, 2) AS p USING (size, kind), cdp.computed_entries(v) AS e
ORDER BY 1, 2;
SELECT size, (SELECT count(*) FROM computed_truth AS t WHERE t.size = m.size) AS truth, abs(cdp.computed_int(v, 't') - (SELECT count(*) FROM computed_truth AS t WHERE t.size = m.size)) <= 5 * (SELECT count(*) FROM computed_truth AS t WHERE t.size = m.size) / sqrt(498) AS close
FROM computed_merged AS m WHERE kind = 'unique_count' ORDER BY 1;
SELECT size, v->'t' = (SELECT jsonb_agg(value ORDER BY value) FROM (SELECT value FROM computed_truth AS t WHERE t.size = m.size ORDER BY value LIMIT 500) AS least) AS smallest FROM computed_merged AS m WHERE kind = 'unique_list' ORDER BY 1;
SELECT m.size, count(*) AS kept, count(*) FILTER (WHERE t.n = (pair->>1)::bigint) AS exact
FROM computed_merged AS m, jsonb_array_elements(v::text::jsonb#>'{traits,t,state,values}') AS pair JOIN computed_truth AS t ON t.value = pair->>0 WHERE m.size = t.size AND kind = 'most_frequent' GROUP BY 1 ORDER BY 1;

-- A parallel aggregate gives the serial bytes, and is one
CREATE FUNCTION pg_temp.is_parallel(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    line text;
    found boolean := false;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        found := found OR line ~ 'Partial (Hash|Group|)Aggregate|Partial Aggregate';
    END LOOP;
    RETURN found;
END $$;
ALTER TABLE computed_part SET (parallel_workers = 3);
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 3;
SELECT pg_temp.is_parallel('SELECT size, kind, cdp.merge_agg(v) FROM computed_part GROUP BY 1, 2') AS parallel;
CREATE TABLE computed_parallel AS SELECT size, kind, cdp.merge_agg(v) AS v FROM computed_part GROUP BY 1, 2;
SET max_parallel_workers_per_gather = 0;
SELECT count(*) AS values, count(*) FILTER (WHERE a.v = b.v) AS same FROM computed_merged AS a JOIN computed_parallel AS b USING (size, kind);

DROP VIEW computed_day;
DROP FUNCTION pg_temp.whole;
DROP TABLE computed_event, computed_trait, computed_input, computed_made, computed_ten, computed_at, computed_expected, computed_look, computed_part, computed_truth, computed_merged, computed_parallel;
