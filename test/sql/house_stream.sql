-- Random streams, in any order and batches: cdp.check is empty after each, and where no evidence is
-- refused for a limit, the state is the same.
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET client_min_messages = warning;

-- A number below n that depends on the seed and the words alone.
CREATE FUNCTION pick(n int, VARIADIC words text[]) RETURNS int
LANGUAGE sql IMMUTABLE RETURN ('x' || left(md5(array_to_string(words, '/')), 7))::bit(28)::int % n;

-- A stream: n events of a tenth as many people, over two months. Each person has one user id, up to
-- three spellings of two e-mail addresses, a phone, cookies, a device. With conflicts, they also
-- share devices, borrow each other's user ids, and have more than a profile may have. Every tenth
-- identifier is junk; every tenth event is one that was sent before; some clocks are ahead.
CREATE FUNCTION stream(seed text, n int, conflicts boolean)
RETURNS TABLE (n int, event_id uuid, occurred_at timestamptz, received_at timestamptz, event text, source text,
               identifiers text[], amount numeric, currency text, traits jsonb)
LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
    SELECT e.n, cdp.event_id(seed || '/' || e.same),
           e.at + pick(7200, seed, 'late', e.same) * interval '1 second' * (pick(20, seed, 'ahead', e.same) = 0)::int,
           e.at, 'event ' || e.kind, CASE pick(3, seed, 'source', e.same) WHEN 0 THEN 'web' WHEN 1 THEN 'app' END,
           (SELECT array_agg(i.identifier ORDER BY pick(1000, seed, 'order', e.same, i.k))
            FROM (SELECT k::text, CASE pick(10, seed, 'what', e.same, k::text)
                         WHEN 0 THEN (ARRAY['email:none', 'user_id:null', 'phone:12', 'cookie:undefined', NULL,
                                            'email:@x', 'device:N/A', 'email:Test@Test.com'])
                                     [1 + pick(8, seed, 'junk', e.same, k::text)]
                         WHEN 1 THEN 'email:p' || e.who || '@example.com'
                         WHEN 2 THEN ' Email:P' || e.who || '@EXAMPLE.com '
                         WHEN 3 THEN 'email:other' || e.who || '@example.com'
                         WHEN 4 THEN 'phone:+8490' || lpad((e.who * 7919 % 10000000)::text, 7, '0')
                         WHEN 5 THEN CASE WHEN conflicts AND pick(4, seed, 'share', e.same, k::text) = 0
                                          THEN 'device:shared' || pick(5, seed, 'shared', e.same, k::text)
                                          ELSE 'device:d' || e.who END
                         WHEN 6 THEN CASE WHEN conflicts AND pick(4, seed, 'borrow', e.same, k::text) = 0
                                          THEN 'user_id:' || e.who + 1
                                          WHEN conflicts AND pick(4, seed, 'many', e.same, k::text) = 0
                                          THEN 'email:n' || pick(9, seed, 'nth', e.same, k::text) || '-' || e.who || '@example.com'
                                          WHEN pick(2, seed, 'card', e.same, k::text) = 0 THEN 'card:' || e.who
                                          ELSE 'loyalty:L' || e.who END
                         WHEN 7 THEN 'user_id:' || e.who
                         ELSE 'cookie:c' || e.who || '-' || pick(4, seed, 'cookie', e.same, k::text) END
                  FROM generate_series(1, pick(4, seed, 'many', e.same)) k) i(k, identifier)),
           CASE WHEN e.kind < 3 THEN (pick(200000, seed, 'amount', e.same) - 40000) / 1000.0
                WHEN e.kind = 3 THEN 0 END,
           CASE pick(3, seed, 'currency', e.same) WHEN 0 THEN 'usd' WHEN 1 THEN 'VND' END,
           CASE WHEN e.kind IN (2, 5, 6) THEN
               jsonb_build_object('plan', (ARRAY['gold', 'free', NULL])[1 + pick(3, seed, 'plan', e.same)],
                                  'k' || pick(4, seed, 'key', e.same), pick(10, seed, 'value', e.same),
                                  'age', (ARRAY['17', '40', 'old'])[1 + pick(3, seed, 'age', e.same)]) END
    FROM (SELECT i.n, i.same::text, pick(greatest(stream.n / 10, 1), seed, 'who', i.same::text) AS who,
                 pick(9, seed, 'kind', i.same::text) AS kind,
                 '2025-01-01'::timestamptz + pick(1440 * 60, seed, 'at', i.same::text) * interval '1 minute' AS at
          FROM (SELECT g.n, CASE WHEN g.n > 1 AND pick(10, seed, 'again', g.n::text) = 0
                                 THEN 1 + pick(g.n - 1, seed, 'which', g.n::text) ELSE g.n END AS same
                FROM generate_series(1, stream.n) g(n)) i) e;
END;

CREATE TABLE streams AS
SELECT seed, conflicts, s.*
FROM generate_series(1, 3) seed, (VALUES (false), (true)) c(conflicts), stream('seed ' || seed, 300, conflicts) s;

-- What the events alone decide, not their order: the partition, named by each profile's smallest
-- identifier, its values, and the evidence.
CREATE FUNCTION digest(workspace name) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    digest text;
BEGIN
    EXECUTE format($q$
        SELECT md5(concat(
            (SELECT jsonb_agg(jsonb_build_array(
                        (SELECT jsonb_agg(jsonb_build_array(i.identifier::text, i.first_seen, i.last_seen) ORDER BY i.identifier)
                         FROM %1$I.identifiers i WHERE i.profile_id = p.profile_id),
                        p.first_seen, p.last_seen, p.event_count, p.traits::text, p.ltv::text, cdp.segment_names(p.segments))
                    ORDER BY (SELECT min(i.identifier) FROM %1$I.identifiers i WHERE i.profile_id = p.profile_id))
             FROM %1$I.profiles p),
            (SELECT jsonb_agg(jsonb_build_array(l.anchor::text, l.identifier::text, l.occurred_at, l.event_id)
                              ORDER BY l.anchor, l.identifier) FROM %1$I.identity_links l),
            (SELECT jsonb_agg(to_jsonb(r) ORDER BY r.identifier, r.anchor, r.reason, r.event_id)
             FROM (SELECT identifier, anchor::text, reason, occurred_at, event_id FROM %1$I.identity_refusals) r),
            (SELECT jsonb_agg(e.event_id ORDER BY e.event_id) FROM %1$I.events e)))
        $q$, workspace) INTO digest;
    RETURN digest;
END
$$;

-- Loads a stream into a workspace of its own: shuffled by the word, so many events per statement,
-- the engine's batches so large, the segments there before or after.
CREATE FUNCTION load(workspace name, seed int, conflicts boolean, shuffle text, size int, batch int)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    segments text := format('INSERT INTO %I.segments (name, predicate) VALUES '
                            '(''buyer'', ''cdp.purchases(ltv) > 1''), '
                            '(''owes'', ''cdp.total(ltv, ''''EUR'''') < 0''), '
                            '(''gold'', ''traits->>''''plan'''' = ''''gold''''''), '
                            '(''grown'', ''(traits->>''''age'''')::int >= 18''), '
                            '(''march'', ''last_seen >= ''''2025-02-15 00:00''''::timestamp'')', workspace);
BEGIN
    PERFORM cdp.create_workspace(workspace);
    EXECUTE format('UPDATE %I.settings SET time_zone = ''America/New_York'', default_currency = ''EUR''', workspace);
    PERFORM set_config('cdp.batch_events', batch::text, true);
    IF size > 1 THEN
        EXECUTE segments;
    END IF;
    CREATE TEMP TABLE shuffled AS
        SELECT s.*, (row_number() OVER (ORDER BY pick(1000000, shuffle, s.n::text), s.n) - 1) / size AS part
        FROM streams s WHERE s.seed = load.seed AND s.conflicts = load.conflicts;
    FOR part IN 0 .. (SELECT max(s.part) FROM shuffled s) LOOP
        EXECUTE format('INSERT INTO %I.events (event_id, occurred_at, received_at, event, source, identifiers, '
                       'amount, currency, traits) '
                       'SELECT event_id, occurred_at, received_at, event, source, coalesce(identifiers, ''{}''), '
                       'amount, currency, traits FROM shuffled WHERE part = $1 ORDER BY n', workspace)
            USING part;
    END LOOP;
    DROP TABLE shuffled;
    IF size = 1 THEN
        EXECUTE segments;
    END IF;
END
$$;

-- The streams are what they should be: repeats, refusals of each reason, merges, nobody's events.
CREATE TABLE runs (seed text, conflicts boolean, shuffle text, size int, batch int, faults bigint, digest text,
                   repeats int, merges int, refusals text[], nobodys int, failures int);
DO $$
DECLARE
    ways text[] := '{{in order,1000,50000},{a,1,50000},{b,17,50000},{c,1000,64},{d,100,7}}';
    workspace name;
    faults bigint;
BEGIN
    FOR seed IN 1 .. 2 LOOP
        FOR conflicts IN 0 .. 1 LOOP
            FOR way IN 1 .. array_length(ways, 1) LOOP
                workspace := format('s%s_%s_%s', seed, conflicts, way);
                PERFORM load(workspace, seed, conflicts = 1, ways[way][1], ways[way][2]::int, ways[way][3]::int);
                SELECT count(*) INTO faults FROM cdp.check(workspace);
                EXECUTE format('INSERT INTO runs SELECT $1, $2, $3, $4, $5, $6, digest($7), 300 - (SELECT count(*) FROM %1$I.events), '
                               '(SELECT count(*) FROM %1$I.merges), '
                               '(SELECT array_agg(DISTINCT reason ORDER BY reason) FROM %1$I.identity_refusals), '
                               '(SELECT count(*) FROM %1$I.events WHERE anchor IS NULL), '
                               '(SELECT count(*) FROM %1$I.segment_errors)', workspace)
                    USING seed, conflicts = 1, ways[way][1], ways[way][2]::int, ways[way][3]::int, faults, workspace;
            END LOOP;
        END LOOP;
    END LOOP;
END
$$;
SELECT seed, conflicts, shuffle, size, batch, faults FROM runs ORDER BY seed, conflicts, shuffle;
SELECT seed, conflicts, count(DISTINCT digest) = 1 AS same_state, min(repeats) > 10 AS repeats, min(nobodys) > 10 AS nobodys,
       max(merges) > 0 AS merges, min(refusals::text) AS refusals, min(failures) > 0 AS failures
FROM runs
WHERE NOT conflicts
GROUP BY seed, conflicts ORDER BY seed;
SELECT seed, bool_and('limit' = ANY (refusals)) AS limits FROM runs WHERE conflicts GROUP BY seed ORDER BY seed;

-- The same again changes nothing; nor does a rebuild, or evaluating anew.
SELECT digest('s1_0_2') AS before \gset
DO $$ BEGIN
    INSERT INTO s1_0_2.events (event_id, occurred_at, received_at, event, identifiers)
    SELECT event_id, occurred_at, received_at, event, coalesce(identifiers, '{}') FROM streams WHERE seed = 1 AND NOT conflicts;
END $$;
SELECT digest('s1_0_2') = :'before' AS repeated;
SELECT cdp.rebuild('s1_0_2');
SELECT digest('s1_0_2') = :'before' AS rebuilt;
SELECT cdp.reevaluate('s1_0_2');
SELECT digest('s1_0_2') = :'before' AS evaluated;
SELECT * FROM cdp.check('s1_0_2');

-- Rules that change: everything follows them.
UPDATE s1_1_3.identifier_namespaces SET max_per_profile = 1 WHERE namespace = 'email';
SELECT * FROM cdp.check('s1_1_3');
INSERT INTO s1_1_3.blocked_identifiers (namespace, value) VALUES ('device', 'SHARED1'), ('loyalty', 'l3');
SELECT * FROM cdp.check('s1_1_3');
UPDATE s1_1_3.identifier_namespaces SET priority = 5 WHERE namespace = 'cookie';
SELECT * FROM cdp.check('s1_1_3');
UPDATE s1_1_3.settings SET time_zone = 'Asia/Kathmandu';
SELECT * FROM cdp.check('s1_1_3');
UPDATE s1_1_3.identifier_namespaces SET max_per_profile = NULL;
SELECT * FROM cdp.check('s1_1_3');
UPDATE s1_1_3.segments SET predicate = 'event_count > 5' WHERE name = 'owes';
DELETE FROM s1_1_3.segments WHERE name = 'gold';
SELECT * FROM cdp.check('s1_1_3');
-- And the engine goes on from there.
DO $$ BEGIN
    INSERT INTO s1_1_3.events (event_id, occurred_at, received_at, event, identifiers, amount, traits)
    SELECT event_id, occurred_at, received_at, event, coalesce(identifiers, '{}'), amount, traits FROM streams WHERE seed = 3 AND conflicts;
END $$;
SELECT * FROM cdp.check('s1_1_3');

-- A rolled-back statement leaves nothing.
BEGIN;
SELECT digest('s2_1_1') AS before \gset
SAVEPOINT a;
INSERT INTO s2_1_1.events (event_id, occurred_at, received_at, event, identifiers, amount, traits)
SELECT event_id, occurred_at, received_at, event, coalesce(identifiers, '{}'), amount, traits FROM streams WHERE seed = 1 AND conflicts AND n <= 50;
SELECT digest('s2_1_1') <> :'before' AS changed;
ROLLBACK TO a;
SELECT digest('s2_1_1') = :'before' AS as_before;
COMMIT;
SELECT * FROM cdp.check('s2_1_1');

DO $$
DECLARE
    workspace name;
BEGIN
    FOR workspace IN SELECT nspname FROM pg_namespace WHERE nspname ~ '^s[12]_[01]_[1-5]$' LOOP
        PERFORM cdp.drop_workspace(workspace);
    END LOOP;
END
$$;
DROP TABLE runs, streams;
DROP FUNCTION load, digest, stream, pick;
