-- Laws of cdp.traits on generated data with fixed seeds: merge, shuffles, a brute-force oracle, parallel aggregation.
\pset format unaligned
SET timezone = 'UTC';
CREATE SCHEMA traits_laws;
SET search_path = traits_laws, public;

-- A number from 0 to below - 1 that only depends on its arguments.
CREATE FUNCTION pick(seed text, below int) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT (('x' || substr(md5(seed), 1, 8))::bit(32)::bigint % below)::int $$;

-- A value of any kind, null included.
CREATE FUNCTION pick_value(seed text) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT CASE pick('kind' || seed, 8)
       WHEN 0 THEN 'null'
       WHEN 1 THEN to_jsonb(pick('boolean' || seed, 2) = 0)
       WHEN 2 THEN to_jsonb(pick('number' || seed, 5))
       WHEN 3 THEN to_jsonb((pick('number' || seed, 5) || '.0')::numeric)
       WHEN 4 THEN to_jsonb(chr(97 + pick('letter' || seed, 3)) || repeat('ộ', pick('length' || seed, 4)))
       WHEN 5 THEN jsonb_build_array(pick('element' || seed, 3), 'x')
       WHEN 6 THEN jsonb_build_object('n', pick('field' || seed, 3), 'deep', jsonb_build_object('list', jsonb_build_array(1.50, NULL, true)))
       ELSE to_jsonb('v'::text || pick('text' || seed, 1000))
   END $$;

-- States with as many ties as can be: few keys, instants, events and sources
CREATE TABLE states AS
SELECT s, coalesce(cdp.merge_agg(cdp.traits(jsonb_build_object('k' || pick('key' || e, 4), pick_value(e)),
                                            timestamptz '2024-01-01' + pick('at' || e, 3) * interval '1 us',
                                            ('00000000-0000-0000-0000-00000000000' || pick('event' || e, 3))::uuid,
                                            (ARRAY['web', 'app', '', NULL])[1 + pick('source' || e, 4)])) FILTER (WHERE e IS NOT NULL), '{}') AS t
FROM generate_series(1, 40) AS s LEFT JOIN LATERAL (SELECT s || '/' || i FROM generate_series(1, pick('size' || s, 8)) AS i) AS x (e) ON true GROUP BY s;
SELECT count(*) AS states, count(DISTINCT t) > 30 AS mostly_distinct, bool_or(t = '{}') AS with_empty FROM states;
SELECT count(*) AS states, count(*) FILTER (WHERE t || t = t AND t || '{}' = t AND '{}' || t = t) AS idempotent_with_identity FROM states;
SELECT count(*) AS pairs, count(*) FILTER (WHERE a.t || b.t = b.t || a.t) AS commutative,
       count(*) FILTER (WHERE cdp.traits_send(a.t || b.t) = cdp.traits_send(b.t || a.t)) AS in_binary,
       count(*) FILTER (WHERE (a.t || b.t) || a.t = a.t || b.t AND (a.t || b.t) || b.t = a.t || b.t) AS absorbing FROM states a, states b;
SELECT count(*) AS triples, count(*) FILTER (WHERE (a.t || b.t) || c.t = a.t || (b.t || c.t)) AS associative
FROM states a, states b, states c WHERE a.s <= 24 AND b.s <= 24 AND c.s <= 24;
SELECT count(*) AS states, count(*) FILTER (WHERE t::text::cdp.traits = t) AS text_round_trip,
       count(*) FILTER (WHERE t = (SELECT coalesce(cdp.traits_agg(jsonb_build_object(key, value), observed_at, event_id, source), '{}') FROM cdp.trait_entries(t))) AS from_entries,
       count(*) FILTER (WHERE t::jsonb = (SELECT coalesce(jsonb_object_agg(key, value) FILTER (WHERE is_set), '{}') FROM cdp.trait_entries(t))) AS map_of_entries
FROM states;

-- 20,000 events of 300 profiles, 1 to 4 keys each, with late, repeated and simultaneous ones
CREATE TABLE events AS
SELECT i, pick('profile' || i, 300) AS profile, md5('event' || pick('repeat' || i, 19000))::uuid AS event_id, timestamptz '2024-01-01' AS observed_at,
       NULL::text AS source, NULL::jsonb AS traits
FROM generate_series(1, 20000) AS i;
-- what an event says follows from its id, so that a repeat says the same
UPDATE events SET profile = pick('profile' || event_id, 300),
    observed_at = observed_at + pick('at' || event_id, 200) * interval '1 hour',
    source = (ARRAY['web', 'app', 'shop counter', NULL])[1 + pick('source' || event_id, 4)],
    traits = (SELECT jsonb_object_agg('key' || pick('key' || k || event_id, 20), pick_value(k || '' || event_id)) FROM generate_series(1, 1 + pick('keys' || event_id, 4)) AS k);
ANALYZE events;

-- the oracle: per profile and key the row with the latest (observed_at, event_id)
CREATE TABLE oracle AS
SELECT DISTINCT ON (profile, key COLLATE "C") profile, key COLLATE "C" AS key, nullif(value, 'null') AS value, observed_at, event_id, source, value <> 'null' AS is_set
FROM events, jsonb_each(traits) AS x (key, value) ORDER BY profile, key COLLATE "C", observed_at DESC, event_id DESC;
SELECT count(*) AS entries, count(DISTINCT profile) AS profiles, count(*) FILTER (WHERE NOT is_set) > 300 AS many_unset,
       (SELECT count(*) FROM (SELECT 1 FROM events, jsonb_object_keys(traits) AS key GROUP BY profile, key, observed_at HAVING count(DISTINCT event_id) > 1) AS x) > 100 AS many_ties
FROM oracle;

CREATE TABLE folded AS
SELECT profile, cdp.traits_agg(traits, observed_at, event_id, source) AS t FROM events GROUP BY profile;
SELECT count(*) AS differences FROM (
    (SELECT profile, key COLLATE "C", value, observed_at, event_id, source, is_set FROM folded, cdp.trait_entries(t) EXCEPT ALL TABLE oracle)
    UNION ALL
    (TABLE oracle EXCEPT ALL SELECT profile, key COLLATE "C", value, observed_at, event_id, source, is_set FROM folded, cdp.trait_entries(t))) AS x;
SELECT count(*) AS profiles, count(*) FILTER (WHERE t::jsonb = map) AS same_map
FROM folded JOIN (SELECT profile, coalesce(jsonb_object_agg(key, value) FILTER (WHERE is_set), '{}') AS map FROM oracle GROUP BY profile) AS o USING (profile);

-- shuffled, and split at random into batches merged in random order: the same state
SELECT count(*) AS runs, count(*) FILTER (WHERE same = 300) AS right
FROM generate_series(1, 8) AS seed,
     LATERAL (SELECT count(*) AS same
              FROM (SELECT profile, cdp.merge_agg(t ORDER BY md5(seed || 'batch' || batch)) AS t
                    FROM (SELECT profile, pick(seed || 'batch' || i, 1 + seed * 3) AS batch, cdp.traits_agg(traits, observed_at, event_id, source ORDER BY md5(seed || 'order' || i)) AS t
                          FROM events GROUP BY 1, 2) AS b GROUP BY profile) AS s
              JOIN folded f USING (profile) WHERE s.t = f.t) AS x;
SELECT count(*) AS profiles, count(*) FILTER (WHERE d.t = f.t) AS one_by_one
FROM (SELECT profile, cdp.merge_agg(cdp.traits(traits, observed_at, event_id, source) ORDER BY i DESC) AS t FROM events GROUP BY profile) AS d JOIN folded f USING (profile);

-- a state of many keys is changed in place; it gives the same, in any order, in a window, too
CREATE TABLE many AS
SELECT i, jsonb_build_object('key' || pick('many' || i, 700), pick_value('many' || i)) AS traits, timestamptz '2024-01-01' + pick('late' || i, 3000) * interval '1 s' AS observed_at,
       md5('many' || i)::uuid AS event_id, (ARRAY['web', 'app', NULL])[1 + pick('from' || i, 3)] AS source
FROM generate_series(1, 6000) AS i;
ANALYZE many;
CREATE TABLE many_oracle AS
SELECT DISTINCT ON (key COLLATE "C") key COLLATE "C" AS key, nullif(value, 'null') AS value, observed_at, event_id, source, value <> 'null' AS is_set
FROM many, jsonb_each(traits) AS x (key, value) ORDER BY key COLLATE "C", observed_at DESC, event_id DESC;
SELECT way, (SELECT count(*) FROM cdp.trait_entries(t)) AS entries, (SELECT count(*) FROM (SELECT * FROM cdp.trait_entries(t) EXCEPT TABLE many_oracle) AS x) AS differences
FROM (SELECT 'as it comes' AS way, cdp.traits_agg(traits, observed_at, event_id, source) AS t FROM many
      UNION ALL SELECT 'ascending', cdp.traits_agg(traits, observed_at, event_id, source ORDER BY observed_at, event_id) FROM many
      UNION ALL SELECT 'descending', cdp.traits_agg(traits, observed_at, event_id, source ORDER BY observed_at DESC, event_id DESC) FROM many
      UNION ALL SELECT 'merged', cdp.merge_agg(cdp.traits(traits, observed_at, event_id, source)) FROM many
      UNION ALL SELECT 'merged in groups', cdp.merge_agg(t) FROM (SELECT cdp.traits_agg(traits, observed_at, event_id, source) AS t FROM many GROUP BY i % 7) AS x
      UNION ALL SELECT 'in a window', (SELECT cdp.traits_agg(traits, observed_at, event_id, source) OVER () FROM many LIMIT 1)) AS x;
SELECT count(*) AS rows, count(*) FILTER (WHERE running = whole) AS right
FROM (SELECT i, cdp.traits_agg(traits, observed_at, event_id, source) OVER (ORDER BY i) AS running FROM many WHERE i <= 300) AS w,
     LATERAL (SELECT cdp.traits_agg(traits, observed_at, event_id, source) AS whole FROM many WHERE many.i <= w.i) AS x WHERE i % 20 = 0;
-- and the values that went in are left as they were
CREATE TABLE inputs AS SELECT i % 5 AS g, cdp.traits_agg(traits, observed_at, event_id, source) AS t FROM many GROUP BY 1;
CREATE TABLE digests AS SELECT g, md5(t::text) AS digest FROM inputs;
SELECT count(*) AS merged FROM (SELECT cdp.merge_agg(t) OVER (ORDER BY g), cdp.merge_agg(t) OVER (ORDER BY g DESC) FROM inputs) AS x;
SELECT count(*) AS inputs, count(*) FILTER (WHERE md5(t::text) = digest) AS untouched FROM inputs JOIN digests USING (g);

-- parallel = serial
CREATE FUNCTION is_parallel(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    line text;
    found boolean := false;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || query LOOP
        found := found OR line ~ 'Partial (Hash|Group)?Aggregate';
    END LOOP;
    RETURN found;
END
$$;
ALTER TABLE events SET (parallel_workers = 2);
ALTER TABLE many SET (parallel_workers = 2);
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SELECT is_parallel('SELECT profile, cdp.traits_agg(traits, observed_at, event_id, source) FROM traits_laws.events GROUP BY profile') AS by_profile,
       is_parallel('SELECT cdp.traits_agg(traits, observed_at, event_id, source) FROM traits_laws.many') AS of_many,
       is_parallel('SELECT cdp.merge_agg(cdp.traits(traits, observed_at, event_id, source)) FROM traits_laws.many') AS of_merge;
CREATE TABLE parallel AS SELECT profile, cdp.traits_agg(traits, observed_at, event_id, source) AS t FROM events GROUP BY profile;
CREATE TABLE parallel_many AS SELECT 1 AS n, cdp.traits_agg(traits, observed_at, event_id, source) AS t FROM many;
INSERT INTO parallel_many SELECT 2, cdp.merge_agg(cdp.traits(traits, observed_at, event_id, source)) FROM many;
RESET max_parallel_workers_per_gather;
SELECT count(*) AS profiles, count(*) FILTER (WHERE p.t = f.t) AS same FROM parallel p JOIN folded f USING (profile);
SELECT n, (SELECT count(*) FROM (SELECT * FROM cdp.trait_entries(t) EXCEPT TABLE many_oracle) AS x) AS differences, (SELECT count(*) FROM cdp.trait_entries(t)) AS entries
FROM parallel_many ORDER BY n;

RESET search_path;
SET client_min_messages = warning;
DROP SCHEMA traits_laws CASCADE;
