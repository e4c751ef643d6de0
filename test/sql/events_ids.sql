-- Event ids, and the engine's clock.
\pset format unaligned
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';

-- cdp.event_id(): UUID version 7, RFC 9562: 48 bits of milliseconds, 12 bits of their fraction, the rest random
CREATE TEMP TABLE ids AS SELECT clock_timestamp() AS before, cdp.event_id() AS id, clock_timestamp() AS after FROM generate_series(1, 5000);
CREATE FUNCTION pg_temp.hex(id uuid) RETURNS text LANGUAGE sql AS $$ SELECT replace(id::text, '-', '') $$;
SELECT count(DISTINCT id) AS distinct_ids, bool_and(substr(pg_temp.hex(id), 13, 1) = '7') AS version_7, bool_and(substr(pg_temp.hex(id), 17, 1) ~ '[89ab]') AS variant,
       count(DISTINCT substr(pg_temp.hex(id), 18)) AS distinct_random_parts FROM ids;
-- The time in it is the time at which it was made, to the microsecond
WITH read AS (
    SELECT before, after, ('x' || substr(pg_temp.hex(id), 1, 12))::bit(48)::bigint AS ms, ('x' || substr(pg_temp.hex(id), 14, 3))::bit(12)::int AS fraction FROM ids
)
SELECT bool_and(timestamptz 'epoch' + ms * interval '1 millisecond' + ceil(fraction * 1000 / 4096.0) * interval '1 microsecond' BETWEEN before AND after) AS to_the_microsecond,
       max(fraction) < 4096 AS fits, count(DISTINCT fraction) > 100 AS varies FROM read;
-- Ids are ordered by time
SELECT cdp.event_id() AS a, pg_sleep(0.00001) \gset
SELECT :'a'::uuid < cdp.event_id() AS later_is_greater;
SELECT bool_and(a.id < b.id) AS ordered FROM ids a JOIN ids b ON a.after < b.before - interval '100 microseconds' WHERE a.ctid < '(0,60)' AND b.ctid > '(20,0)';
-- The random parts are random: each bit is set in about half of them (5,000 ids: 2,500 ± 5 standard deviations of 35)
SELECT count(*) FILTER (WHERE n NOT BETWEEN 2500 - 177 AND 2500 + 177) AS bits_that_are_not, count(*) AS bits
FROM (SELECT bit, sum(get_bit(uuid_send(id), bit)) AS n FROM ids, generate_series(64, 127) AS bit WHERE (bit / 8 * 8 + 7 - bit % 8) NOT IN (64, 65) GROUP BY bit) AS b;

-- cdp.event_id(text): version 5, SHA-1 of a fixed namespace and the text; golden values from Python:
-- uuid.uuid5(uuid.UUID('6c1d0e2a-5b57-4e0b-9d3f-434450657674'), message)
SELECT v.n, cdp.event_id(v.message) = v.golden::uuid AS as_python
FROM (VALUES (2, '1', '48117391-6dff-58cb-991e-67873cfc0014'), (3, 'order-42', 'a805196d-6abf-5838-979a-48ebdd035d47'),
    (4, 'Đơn hàng 7', 'aff04ee8-abd9-5193-a384-36fcbd5a1e08'), (5, repeat('a', 1000), '7ffc3386-9549-518c-9da6-c20f92ef822b'), (6, ' 1', '2a1693cd-2a92-5850-a719-113a0e4a0222'),
    (7, '1 ', '8cb20940-1211-5ae3-8dda-63b38bcc350f'), (8, U&'\00e9', '987af690-0787-50d8-bb1e-79b6f8a25afb'), (9, U&'e\0301', 'b03d220e-c0d2-5938-a8cf-773169a96f89')) AS v (n, message, golden) ORDER BY 1;
SELECT cdp.event_id(NULL) IS NULL AS of_null, cdp.event_id('order-42');
-- ... as it says it is: a plan may take it for a constant, an index may hold it
SELECT p.oid::regprocedure, provolatile, proparallel, proisstrict FROM pg_proc p WHERE proname IN ('event_id', 'now') AND pronamespace = 'cdp'::regnamespace ORDER BY 1::text;
CREATE TEMP TABLE messages AS SELECT 'm' || i AS message, repeat('x', i) AS filler FROM generate_series(1, 3000) AS i;
CREATE UNIQUE INDEX ON messages (cdp.event_id(message));
SELECT message FROM messages WHERE cdp.event_id(message) = cdp.event_id('m77');
SELECT count(DISTINCT cdp.event_id(filler)) FROM messages;

-- The clock: real time, unless cdp.clock says another
SELECT cdp.now() BETWEEN before AND clock_timestamp() AS real FROM (SELECT clock_timestamp() AS before) AS b;
SHOW cdp.clock;
SELECT cdp.event_id() AS a \gset
SET cdp.clock = '2011-12-09 12:50+00';
SHOW cdp.clock;
SELECT cdp.now(), cdp.now() = cdp.now() AS stands_still;
SET cdp.clock = '2011-12-09T12:50:00.123456Z';
SELECT cdp.now();
SET timezone = 'Asia/Ho_Chi_Minh';
SET cdp.clock = '2011-12-09 12:50';
SET timezone = 'UTC';
SELECT cdp.now();
SET cdp.clock = 'epoch';
SELECT cdp.now();
-- ... ids go on with real time
SELECT cdp.event_id() > :'a'::uuid AS later;
-- ... bad values
SET cdp.clock = 'abc';
SET cdp.clock = '2011-13-09';
SET cdp.clock = 'infinity';
SET cdp.clock = '-infinity';
SET cdp.clock = '999999-01-01';
SET cdp.clock = 'now';
SET cdp.clock = 'Tomorrow';
SET cdp.clock = 'today 10:00';
SET cdp.clock = 5;
SELECT cdp.now();
SET cdp.clok = '2011-12-09';
SET cdp.clock = '';
SELECT cdp.now() > '2024-01-01' AS real;
-- ... local to a transaction, to a function, given back by a rollback
BEGIN;
SET LOCAL cdp.clock = '2020-01-01+00';
SELECT cdp.now();
SAVEPOINT s;
SET LOCAL cdp.clock = '2021-01-01+00';
SELECT cdp.now();
ROLLBACK TO s;
SELECT cdp.now();
COMMIT;
SELECT cdp.now() > '2024-01-01' AS real;
CREATE FUNCTION pg_temp.then() RETURNS timestamptz LANGUAGE sql SET cdp.clock = '2019-01-01+00' AS 'SELECT cdp.now()';
SELECT pg_temp.then(), cdp.now() > '2024-01-01' AS real;
SELECT set_config('cdp.clock', '2018-01-01+00', false), cdp.now();
RESET cdp.clock;
SELECT cdp.now() > '2024-01-01' AS real;
-- ... a superuser's; or of whom a superuser lets
CREATE ROLE event_id_role;
SET ROLE event_id_role;
SET cdp.clock = '2011-12-09+00';
RESET ROLE;
GRANT SET ON PARAMETER cdp.clock TO event_id_role;
SET ROLE event_id_role;
SET cdp.clock = '2011-12-09+00';
SELECT cdp.now();
RESET cdp.clock;
RESET ROLE;
REVOKE SET ON PARAMETER cdp.clock FROM event_id_role;
DROP ROLE event_id_role;

-- Replay: the same events, each at its time, in two workspaces; one event by event, the other in reverse
SELECT cdp.create_workspace('event_id1'), cdp.create_workspace('event_id2');
INSERT INTO event_id1.segments VALUES ('buyers', 'cdp.purchases(ltv) > 0'), ('old', $$first_seen < '2011-06-01'$$);
INSERT INTO event_id2.segments VALUES ('buyers', 'cdp.purchases(ltv) > 0'), ('old', $$first_seen < '2011-06-01'$$);
CREATE FUNCTION public.replay(workspace text, direction int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    i int;
BEGIN
    FOR i IN SELECT g FROM generate_series(1, 60) AS g ORDER BY g * direction LOOP
        PERFORM set_config('cdp.clock', (timestamptz '2011-01-01+00' + i * interval '5 days')::text, true);
        EXECUTE format('INSERT INTO %I.events (event_id, event, identifiers, amount, traits) VALUES (cdp.event_id($1::text), ''e'', ARRAY[''user_id:u'' || $1 %% 7, ''cookie:c'' || $1 %% 7], NULLIF($1 %% 4, 0), jsonb_build_object(''n'', $1))', workspace) USING i;
    END LOOP;
    PERFORM set_config('cdp.clock', '', true);
END
$$;
SELECT replay('event_id1', 1), replay('event_id2', -1);
SELECT count(*) AS profiles, count(*) FILTER (WHERE a.traits = b.traits AND a.ltv = b.ltv AND a.first_seen = b.first_seen AND a.last_seen = b.last_seen AND a.segments::text[] = b.segments::text[]) AS same,
       min(a.first_seen) AS first, max(a.last_seen) AS last, max(a.evaluated_at) AS evaluated
FROM event_id1.profiles a JOIN event_id1.identifiers i ON i.profile_id = a.profile_id AND cdp.namespace(i.identifier) = 'user_id'
JOIN event_id2.identifiers j ON j.identifier = i.identifier JOIN event_id2.profiles b ON b.profile_id = j.profile_id;
SELECT min(at), max(at), count(*) FROM event_id1.segment_changes;
SELECT occurred_at, received_at FROM event_id2.events WHERE event_id = cdp.event_id('33');
SELECT * FROM cdp.check('event_id1') UNION ALL SELECT * FROM cdp.check('event_id2');

DROP FUNCTION public.replay;
SET client_min_messages = warning;
DROP SCHEMA event_id1, event_id2 CASCADE;
