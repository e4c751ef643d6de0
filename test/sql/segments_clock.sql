-- Segments and the clock: flips, timers, ticks, reads as of now.
\pset format unaligned
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET cdp.clock = '2024-01-01 10:00+00';
SELECT cdp.create_workspace('clock');
SET search_path = clock, public;
ALTER TABLE profiles ADD COLUMN due_at timestamptz, ADD COLUMN tier int;
INSERT INTO segments VALUES
    ('vip', $$cdp.total(ltv, 'USD') >= 1000$$),
    ('vip_away', $$cdp.total(ltv, 'USD') >= 1000 AND last_seen < now() - interval '21 days'$$),
    ('new', $$now() - first_seen < interval '7 days'$$);
CREATE FUNCTION public.changes() RETURNS TABLE (who text, segment text, entered boolean, at timestamptz, cause text) LANGUAGE sql AS $$
    SELECT coalesce((SELECT cdp.text(min(i.identifier)) FROM clock.identifiers i WHERE i.profile_id = c.profile_id), 'profile ' || c.profile_id), c.segment, c.entered, c.at, c.cause
    FROM clock.segment_changes c ORDER BY c.at, 1, 2, 3
$$;
CREATE VIEW public.clock_rows AS
SELECT (SELECT cdp.text(min(identifier)) FROM identifiers i WHERE i.profile_id = p.profile_id) AS who, cdp.segment_names(segments) AS segments, evaluated_at, next_evaluation_at FROM profiles p;

-- A timer where the clock can change something, and none where it cannot
INSERT INTO events (event, identifiers, amount) VALUES ('e', '{user_id:1}', 2000), ('e', '{user_id:2}', 20);
TABLE clock_rows ORDER BY who;
SELECT cdp.next_due('clock'), cdp.tick('clock');
SELECT * FROM cdp.check('clock');
-- Late: each change has its own instant; a read needs no tick
SET cdp.clock = '2024-02-01 10:00+00';
SELECT cdp.next_due('clock');
SELECT who, segments FROM clock_rows ORDER BY who;
SELECT profile_id, segments, cdp.segment_names(segments) FROM profiles_now ORDER BY profile_id;
SELECT * FROM cdp.check('clock');
SELECT cdp.tick('clock');
SELECT * FROM changes();
TABLE clock_rows ORDER BY who;
SELECT cdp.next_due('clock'), cdp.tick('clock');
SELECT * FROM cdp.check('clock');
-- Nobody ticks, and the customer comes back on day 25: entered and left are both recorded
INSERT INTO events (event, identifiers) VALUES ('e', '{user_id:1}');
SET cdp.clock = '2024-02-26 10:00+00';
INSERT INTO events (event, identifiers) VALUES ('e', '{user_id:1}');
SELECT * FROM changes() WHERE at > '2024-02-01';
TABLE clock_rows ORDER BY who;
-- The same at a merge, of both sides
SET cdp.clock = '2024-03-01 10:00+00';
INSERT INTO events (event, identifiers, amount) VALUES ('e', '{cookie:a}', 1000), ('e', '{email:b@example.com}', 1000);
SET cdp.clock = '2024-03-30 10:00+00';
INSERT INTO events (event, identifiers, amount) VALUES ('e', '{cookie:a,email:b@example.com}', 0);
SELECT * FROM changes() WHERE at > '2024-02-27';
SELECT * FROM cdp.check('clock');
-- ... at a new definition, and at an update of the users' own columns, which old values are played before
SET cdp.clock = '2024-04-01 10:00+00';
UPDATE profiles SET due_at = '2024-04-10 10:00+00', tier = 1;
INSERT INTO segments VALUES ('due', $$due_at <= now()$$), ('tier', $$tier > 1$$);
SET cdp.clock = '2024-04-20 10:00+00';
UPDATE profiles SET due_at = '2024-05-01 10:00+00', tier = 2 WHERE profile_id = 1;
SELECT * FROM changes() WHERE at > '2024-04-01';
SET cdp.clock = '2024-05-10 10:00+00';
INSERT INTO segments VALUES ('longer', $$due_at <= now() - interval '5 days'$$);
SELECT * FROM changes() WHERE at > '2024-04-21';
SELECT * FROM cdp.check('clock');
-- A definition that nobody's row fits now but would have fitted before
SET cdp.clock = '2024-05-11 10:00+00';
INSERT INTO segments VALUES ('past', $$now() < '2024-05-11 00:00+00'$$), ('future', $$now() >= '2024-06-01'$$);
SELECT * FROM cdp.check('clock');
SET cdp.clock = '2024-06-01 00:00+00';
CALL cdp.run('clock');
SELECT count(*) FROM changes() WHERE segment = 'future' AND at = '2024-06-01 00:00+00';
-- A clock that was moved back
SET cdp.clock = '2024-05-20 00:00+00';
SELECT cdp.reevaluate('clock');
SELECT who, segments, evaluated_at FROM clock_rows ORDER BY who;
DELETE FROM segments WHERE name IN ('past', 'future', 'longer', 'tier');
SET cdp.clock = '2024-06-02 00:00+00';
CALL cdp.run('clock');

-- Batches: as many rows as asked for, those that waited longest first
INSERT INTO events (event, identifiers) SELECT 'e', ARRAY['device:' || i] FROM generate_series(1, 25) i;
SET cdp.clock = '2024-06-20 00:00+00';
SELECT cdp.tick('clock', 10), cdp.tick('clock', 10), cdp.tick('clock', 10), cdp.tick('clock', 10);
SELECT cdp.tick('clock', 0);
\echo :SQLSTATE
SELECT cdp.tick('nope');
\echo :SQLSTATE
CALL cdp.run('clock', -1);
BEGIN;
CALL cdp.run('clock');
\echo :SQLSTATE
ROLLBACK;
SELECT cdp.segments_now(s) FROM segments s;
\echo :SQLSTATE

-- An event that changes no membership writes no timer: its update of the row is HOT
SET cdp.clock = '2024-06-21 00:00+00';
INSERT INTO segments VALUES ('seen_this_month', $$last_seen > now() - interval '1 month'$$), ('quiet', $$cdp.last_purchase_at(ltv) < now() - interval '60 days'$$);
SET cdp.clock = '2024-06-21 01:00+00';
BEGIN;
SELECT pg_stat_get_xact_tuples_updated('profiles'::regclass) AS updated, pg_stat_get_xact_tuples_hot_updated('profiles'::regclass) AS hot \gset
INSERT INTO events (event, identifiers) SELECT 'e', ARRAY['device:' || i] FROM generate_series(1, 25) i;
SELECT pg_stat_get_xact_tuples_updated('profiles'::regclass) - :updated AS updated, pg_stat_get_xact_tuples_hot_updated('profiles'::regclass) - :hot AS hot;
COMMIT;
SELECT DISTINCT next_evaluation_at FROM clock_rows WHERE who ~ 'device';
SET cdp.clock = '2024-07-20 02:00+00';
SELECT cdp.tick('clock') > 0;
SELECT * FROM cdp.check('clock');

-- Failures by the clock: false for the row, sampled, and looked at again when it may not fail any more
INSERT INTO segments VALUES ('fifth', $$10 / (extract(day FROM now())::int - 5) > -100$$);
SET cdp.clock = '2024-08-06 12:00+00';
SELECT cdp.tick('clock') > 0;
SELECT DISTINCT entered, at, cause FROM changes() WHERE segment = 'fifth' ORDER BY at;
SELECT DISTINCT message, at FROM segment_errors WHERE segment = 'fifth';
SELECT DISTINCT stored, expected FROM cdp.check('clock');

-- Days of the workspace's time zone, which has daylight saving
UPDATE settings SET time_zone = 'Europe/London';
SET cdp.clock = '2024-10-26 12:00+00';
SELECT cdp.tick('clock') > 0;
DELETE FROM segments;
INSERT INTO events (event, identifiers, traits) VALUES ('e', '{user_id:9}', '{"renewal_date": "2024-11-10"}');
INSERT INTO segments VALUES ('renewal', $$(traits->>'renewal_date')::date <= current_date + 14$$), ('day', $$last_seen < now() - interval '1 day'$$);
SET cdp.clock = '2024-11-01 12:00+00';
SELECT cdp.tick('clock') > 0;
SELECT * FROM changes() WHERE who = 'user_id:9' AND segment IN ('renewal', 'day');
SELECT * FROM cdp.check('clock');

-- Refused: with what, and what to write instead
DELETE FROM segments;
\set VERBOSITY default
INSERT INTO segments VALUES ('bad', $$to_char(now(), 'MM') = '12'$$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $$now() - last_seen < now() - first_seen$$);
INSERT INTO segments VALUES ('bad', $$first_seen + (now() - last_seen) > '2024-01-01'$$);
INSERT INTO segments VALUES ('bad', $$now()::text > '2024'$$);
INSERT INTO segments VALUES ('bad', $$extract(second FROM now()) > 30$$);
INSERT INTO segments VALUES ('bad', $$greatest(now(), last_seen - (now() - first_seen)) > '2024-01-01'$$);
INSERT INTO segments VALUES ('bad', $$tstzrange(first_seen, last_seen) @> now()$$);
INSERT INTO segments VALUES ('bad', $$timezone(traits->>'zone', first_seen::timestamp) > (now() AT TIME ZONE 'UTC') AT TIME ZONE (now()::text)$$);
-- Accepted, in whatever dress
INSERT INTO segments VALUES ('a1', $$last_seen < current_timestamp(0)$$), ('a2', $$last_seen < transaction_timestamp() - interval '1 day'$$), ('a3', $$last_seen::date = current_date$$),
    ('a4', $$localtimestamp(3) > last_seen::timestamp$$), ('a5', $$cdp.now() > last_seen$$), ('a6', $$age(last_seen) > interval '1 day'$$), ('a7', $$age(first_seen::timestamp) > interval '1 day'$$),
    ('a8', $$CASE extract(dow FROM current_date) WHEN 0 THEN true WHEN 6 THEN true END$$), ('a9', $$coalesce(due_at < now(), event_count > 1)$$), ('b1', $$(last_seen < now() - interval '1 month') IS NOT TRUE$$),
    ('b2', $$now() IS NULL$$), ('b3', $$to_char(current_date, 'MM') = '12'$$), ('b4', $$now() BETWEEN first_seen AND first_seen + interval '1 year'$$), ('b5', $$statement_timestamp() - interval '1 day' NOT IN (last_seen, first_seen)$$);
SELECT name, cdp.predicate_sql('clock', name, predicate) FROM segments ORDER BY name;
SET cdp.clock = '2024-11-03 12:00+00';
SELECT cdp.tick('clock') > 0;
SELECT who, segments FROM clock_rows WHERE who ~ 'user_id' ORDER BY who;
SELECT * FROM cdp.check('clock');
-- The judge finds what is wrong: membership, and a timer that is too late
SET session_replication_role = replica;
UPDATE profiles SET next_evaluation_at = next_evaluation_at + interval '40 days' WHERE profile_id = 1;
UPDATE profiles SET segments = '{a4}' WHERE profile_id = 2;
SELECT kind, key FROM cdp.check('clock') WHERE kind <> 'segment_changes' ORDER BY kind, key;
DROP VIEW public.clock_rows;
SELECT cdp.drop_workspace('clock');
DROP FUNCTION public.changes();
