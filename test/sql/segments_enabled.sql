-- Segments that are switched off: nobody is in them, and their predicates are neither checked nor evaluated.
\pset format unaligned
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET cdp.clock = '2024-01-01 10:00+00';
\set SHOW_CONTEXT never
SELECT cdp.create_workspace('off');
SET search_path = off, public;
CREATE VIEW public.off_members AS SELECT profile_id, cdp.segment_names(segments) AS segments FROM profiles;
INSERT INTO events (event_id, event, identifiers, amount, traits, occurred_at) VALUES (cdp.event_id('1'), 'e', '{user_id:1}', 2000, '{"plan": "gold"}', '2024-01-01'), (cdp.event_id('2'), 'e', '{user_id:2}', 20, '{"plan": "x"}', '2024-01-01');
INSERT INTO segments VALUES ('gold', $$traits->>'plan' = 'gold'$$), ('rich', $$cdp.total(ltv, 'USD') > 1000 AND segments ? 'gold'$$), ('poor', $$NOT segments ? 'gold'$$), ('any', $$segments @@ 'g*'$$),
    ('away', $$last_seen < now() - interval '10 days'$$), ('fails', $$(traits->>'plan')::int > 0$$);
TABLE off_members ORDER BY 1;

-- Its members leave, as with any change of a definition; for others it is false
SET cdp.clock = '2024-01-02 10:00+00';
UPDATE segments SET enabled = false WHERE name IN ('gold', 'fails');
TABLE off_members ORDER BY 1;
SELECT profile_id, segment, entered, at, cause FROM segment_changes WHERE at = cdp.now() ORDER BY 1, 2;
SELECT segment, predicate, enabled, at FROM segment_definitions WHERE segment IN ('gold', 'fails') ORDER BY at, segment;
SELECT count(*) AS errors FROM segment_errors;
SELECT * FROM cdp.check('off');
-- ... whatever comes: events, the clock, a rebuild
INSERT INTO events (event_id, event, identifiers, traits, occurred_at) VALUES (cdp.event_id('3'), 'e', '{user_id:2}', '{"plan": "gold"}', '2024-01-02'), (cdp.event_id('4'), 'e', '{user_id:3}', '{"plan": "gold"}', '2024-01-02');
SET cdp.clock = '2024-01-20 10:00+00';
SELECT cdp.tick('off');
SELECT cdp.rebuild('off'), cdp.reevaluate('off');
TABLE off_members ORDER BY 1;
SELECT count(*) AS errors FROM segment_errors;
SELECT * FROM cdp.check('off');
SELECT topic, item, CASE topic WHEN 'segment times' THEN value ~ '^[0-9]+\.[0-9]{2} µs a profile$' ELSE NULL END AS timed, CASE topic WHEN 'segments' THEN value END AS value FROM cdp.status('off') WHERE topic ~ '^segment' ORDER BY 1, 2;
SELECT node, expression, value, truth, error FROM cdp.explain_segment('off', 1, 'gold');
SELECT node, expression, value, truth, error FROM cdp.explain_segment('off', 1, 'poor');
SELECT * FROM cdp.members('off', 'gold');
SELECT profile_id FROM cdp.members('off', 'gold', '2024-01-01 12:00+00');
SELECT profile_id, cdp.segment_names(segments) FROM profiles_now ORDER BY 1;
-- Whoever is in it all the same is found
BEGIN;
SET LOCAL session_replication_role = replica;
UPDATE profiles SET segments = segments || '{gold}' WHERE profile_id = 3;
SET LOCAL session_replication_role = origin;
SELECT kind, key, stored, expected FROM cdp.check('off') ORDER BY 1, 2;
ROLLBACK;

-- What it refers to may go, and its text may be anything; switched on, both are looked at
UPDATE segments SET enabled = false, predicate = $$segments ? 'away' AND nope = 1$$ WHERE name = 'fails';
DELETE FROM segments WHERE name = 'away';
UPDATE segments SET enabled = true WHERE name = 'fails';
\echo :SQLSTATE
UPDATE segments SET enabled = true, predicate = 'event_count > 1' WHERE name = 'fails';
INSERT INTO segments VALUES ('new', 'nope(', NULL, false);
INSERT INTO segments VALUES ('', 'true', NULL, false);
\echo :SQLSTATE
UPDATE segments SET enabled = true WHERE name = 'new';
\echo :SQLSTATE
UPDATE segments SET enabled = NULL WHERE name = 'gold';
\echo :SQLSTATE
-- Switched on again, it is right at once
UPDATE segments SET enabled = true WHERE name = 'gold';
TABLE off_members ORDER BY 1;
SELECT segment, enabled, count(*) FROM segment_definitions WHERE segment = 'gold' GROUP BY 1, 2 ORDER BY 1, 2;
UPDATE segments SET enabled = enabled;
SELECT segment, enabled, count(*) FROM segment_definitions WHERE segment = 'gold' GROUP BY 1, 2 ORDER BY 1, 2;
SELECT * FROM cdp.check('off');
-- A circle is one only while all of it is switched on
INSERT INTO segments VALUES ('a', $$segments ? 'b'$$, NULL, true), ('b', $$segments ? 'a'$$, NULL, false);
UPDATE segments SET enabled = true WHERE name = 'b';
\echo :SQLSTATE

-- Times of predicates: the arguments are rows of profiles
SELECT cdp.segment_times('{1,2}'::int[]);
\echo :SQLSTATE
SELECT cdp.segment_times(ARRAY(SELECT e FROM events e));
\echo :SQLSTATE
SELECT segment FROM cdp.segment_times(ARRAY(SELECT p FROM profiles p) || NULL::profiles) ORDER BY 1;
SELECT count(*) FROM cdp.segment_times('{}'::profiles[]);

SET client_min_messages = warning;
DROP SCHEMA off CASCADE;
