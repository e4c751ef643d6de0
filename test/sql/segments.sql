-- Segments: who is in them, from when, and why it changed.
\pset format unaligned
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET cdp.clock = '2024-03-01 08:00+00';
SELECT cdp.create_workspace('segments');
SET search_path = segments, public;
CREATE VIEW public.segments_members AS
SELECT (SELECT cdp.text(min(identifier)) FROM identifiers i WHERE i.profile_id = p.profile_id) AS who, p.segments, p.evaluated_at FROM profiles p;
-- What changed at the clock's instant
CREATE FUNCTION public.changes() RETURNS TABLE (who text, segment text, entered boolean, cause text) LANGUAGE sql AS $$
    SELECT coalesce((SELECT cdp.text(min(i.identifier)) FROM segments.identifiers i WHERE i.profile_id = c.profile_id), 'profile ' || c.profile_id), c.segment, c.entered, c.cause
    FROM segments.segment_changes c WHERE c.at = cdp.now() ORDER BY 1, c.segment, 3
$$;

-- Data changes, and with it membership; the time of entry stays
INSERT INTO segments VALUES ('buyers', 'cdp.purchases(ltv) > 0', 'who has bought');
INSERT INTO segments VALUES ('vip', $$cdp.total(ltv, 'USD') >= 100$$), ('gold', $$traits->>'plan' = 'gold'$$), ('always', 'true'), ('never', 'false'),
    ('unknown', 'NULL'), ('Größe "1"', 'event_count > 1');
SELECT * FROM changes();
SET cdp.clock = '2024-03-01 09:00+00';
INSERT INTO events (event, identifiers, amount, traits) VALUES ('e', '{user_id:1}', 60, '{"plan": "gold"}'), ('e', '{user_id:2}', NULL, NULL);
TABLE segments_members ORDER BY who;
SELECT * FROM changes();
SET cdp.clock = '2024-03-01 10:00+00';
INSERT INTO events (event, identifiers, amount, traits) VALUES ('e', '{user_id:1}', 60, '{"plan": "iron"}');
TABLE segments_members ORDER BY who;
SELECT * FROM changes();
SET cdp.clock = '2024-03-01 11:00+00';
INSERT INTO events (event, identifiers, amount) VALUES ('e', '{user_id:1}', -60);
SELECT * FROM changes();
SET cdp.clock = '2024-03-01 12:00+00';
INSERT INTO events (event, identifiers, amount) VALUES ('e', '{user_id:1}', 60);
TABLE segments_members ORDER BY who;
SELECT * FROM changes();
-- In and out within a statement is no change; nor is an event that changes nothing of it
SET cdp.clock = '2024-03-01 13:00+00';
INSERT INTO events (event, identifiers, amount) VALUES ('e', '{user_id:1}', -60), ('e', '{user_id:1}', 60), ('e', '{user_id:2}', 500), ('e', '{user_id:2}', -500);
SELECT * FROM changes();
INSERT INTO events (event, identifiers) VALUES ('e', '{user_id:1}');
SELECT * FROM changes() WHERE who = 'user_id:1';
-- One look at a set: operators and the casts
SELECT who, segments ? 'vip' AS vip, segments @> '{vip,buyers}' AS both, segments && '{vip,never}' AS any, segments::text[] AS names FROM segments_members ORDER BY who;
SELECT * FROM cdp.check('segments');

-- Definitions: new, changed, renamed, away; in one statement too. Who stays keeps the entry
SET cdp.clock = '2024-03-02 08:00+00';
INSERT INTO segments VALUES ('two', 'event_count >= 2'), ('four', 'event_count >= 4');
SELECT * FROM changes();
SET cdp.clock = '2024-03-02 09:00+00';
UPDATE segments SET predicate = 'event_count >= 5' WHERE name = 'two';
SELECT * FROM changes();
SET cdp.clock = '2024-03-02 10:00+00';
UPDATE segments SET predicate = 'event_count >= 1' WHERE name IN ('two', 'four');
SELECT * FROM changes();
TABLE segments_members ORDER BY who;
SET cdp.clock = '2024-03-02 11:00+00';
UPDATE segments SET name = 'one' WHERE name = 'two';
SELECT * FROM changes();
SET cdp.clock = '2024-03-02 12:00+00';
UPDATE segments SET description = 'all' WHERE name = 'one';
UPDATE segments SET predicate = predicate;
UPDATE segments SET name = 'x' WHERE name = 'nothing';
DELETE FROM segments WHERE name = 'nothing';
SELECT * FROM changes();
SET cdp.clock = '2024-03-02 13:00+00';
DELETE FROM segments WHERE name IN ('one', 'four', 'unknown', 'never');
SELECT * FROM changes();
SET cdp.clock = '2024-03-02 14:00+00';
INSERT INTO segments VALUES ('vip', 'false'), ('last', 'true') ON CONFLICT (name) DO UPDATE SET predicate = $$cdp.total(segments.ltv, 'USD') >= 1000$$;
INSERT INTO segments VALUES ('vip', 'false'), ('last', 'true') ON CONFLICT (name) DO UPDATE SET predicate = $$cdp.total(profiles.ltv, 'USD') >= 1000$$;
SELECT * FROM changes();
SET cdp.clock = '2024-03-02 15:00+00';
MERGE INTO segments s USING (VALUES ('vip', $$cdp.total(ltv, 'USD') >= 50$$), ('new', 'profile_id > 0'), ('last', NULL)) AS v (name, predicate) ON s.name = v.name
    WHEN MATCHED AND v.predicate IS NULL THEN DELETE WHEN MATCHED THEN UPDATE SET predicate = v.predicate WHEN NOT MATCHED THEN INSERT VALUES (v.name, v.predicate);
SELECT * FROM changes();
SET cdp.clock = '2024-03-02 16:00+00';
WITH gone AS (DELETE FROM segments WHERE name = 'new' RETURNING predicate) INSERT INTO segments SELECT 'newer', predicate FROM gone;
SELECT * FROM changes();
TABLE segments_members ORDER BY who;
-- The dry run: begin, change, look, roll back
SET cdp.clock = '2024-03-02 17:00+00';
BEGIN;
UPDATE segments SET predicate = 'false';
SELECT count(*) FILTER (WHERE NOT entered) AS would_leave FROM changes();
ROLLBACK;
SELECT * FROM changes();
TABLE segments_members ORDER BY who;
COPY segments (name, predicate) FROM stdin;
copied	event_count < 5
quoted	traits->>'plan' = 'it''s\\\\'
\.
SELECT * FROM changes();
SELECT * FROM cdp.check('segments');
-- One bad one among several, and nothing has happened
SET cdp.clock = '2024-03-02 18:00+00';
INSERT INTO segments VALUES ('good', 'true'), ('bad', 'nonsense'), ('good too', 'true');
UPDATE segments SET predicate = CASE name WHEN 'vip' THEN 'nonsense' ELSE 'true' END;
SELECT * FROM changes();
SELECT name FROM segments ORDER BY name;
DELETE FROM segments;
SELECT count(*), bool_or(entered) FROM changes();
SELECT who, segments FROM segments_members ORDER BY who;

-- A predicate that fails on a profile is false there, and sampled; others are evaluated, and the INSERT succeeds
SET cdp.clock = '2024-03-03 08:00+00';
INSERT INTO segments VALUES ('adult', $$(traits->>'age')::int >= 18$$), ('born', $$(traits->>'born')::date < '1990-01-01'$$), ('per', '10 / (event_count - 2) >= 0'), ('some', 'event_count > 0');
INSERT INTO events (event, identifiers, traits) VALUES ('e', '{user_id:f1}', '{"age": "abc", "born": "1985-05-05"}'), ('e', '{user_id:f2}', '{"age": "30", "born": "soon"}'), ('e', '{user_id:f3}', '{"age": 17, "born": "today"}'),
  ('e', '{user_id:f4}', '{"age": "99999999999", "born": "1990-13-45"}'), ('e', '{user_id:f5}', '{"age": null}'), ('e', '{user_id:f6}', '{"age": 18, "born": "1989-12-31"}');
SELECT who, segments::text[] FROM segments_members WHERE who ~ 'f' ORDER BY who;
SELECT cdp.text(min(i.identifier)) AS who, e.segment, e.sqlstate, e.message, e.at FROM segment_errors e JOIN identifiers i USING (profile_id) GROUP BY e.segment, e.profile_id, e.sqlstate, e.message, e.at ORDER BY 1, 2;
SELECT * FROM cdp.check('segments');
-- ... who was in and begins to fail leaves; who fails again is in the sample once
SET cdp.clock = '2024-03-03 09:00+00';
INSERT INTO events (event, identifiers, traits) VALUES ('e', '{user_id:f2}', '{"age": "old"}'), ('e', '{user_id:f1}', '{"age": "def"}'), ('e', '{user_id:f6}', '{"name": "An"}');
SELECT * FROM changes();
INSERT INTO events (event, identifiers, traits) VALUES ('e', '{user_id:f1}', '{"age": "20"}');
SELECT who, segments::text[] FROM segments_members WHERE who ~ 'f[126]' ORDER BY who;
SELECT cdp.text(min(i.identifier)) AS who, e.segment, e.message, e.at FROM segment_errors e JOIN identifiers i USING (profile_id) WHERE e.segment IN ('adult', 'per') GROUP BY e.segment, e.profile_id, e.message, e.at ORDER BY 1, 2;
-- ... at definition too: the definition is good, the rows are not
SET cdp.clock = '2024-03-03 10:00+00';
INSERT INTO segments VALUES ('teen', $$(traits->>'age')::int < 20$$);
SELECT * FROM changes();
SELECT * FROM cdp.check('segments');
-- A new definition forgets the failures of the old one, and so does evaluating all
UPDATE segments SET predicate = $$(traits->>'age')::numeric >= 18$$ WHERE name = 'adult';
SELECT cdp.text(min(i.identifier)) AS who, e.segment, e.message, e.at FROM segment_errors e JOIN identifiers i USING (profile_id) WHERE e.segment IN ('adult', 'teen') GROUP BY e.segment, e.profile_id, e.message, e.at ORDER BY 2, 1;
SELECT count(*) FILTER (WHERE segment = 'per') AS per, count(*) FILTER (WHERE segment = 'teen') AS teen FROM segment_errors;
INSERT INTO events (event, identifiers, traits) VALUES ('e', '{user_id:f2}', '{"age": "40"}'), ('e', '{user_id:f1}', NULL);
SELECT cdp.reevaluate('segments');
DELETE FROM segments WHERE name = 'teen';
SELECT segment, cdp.text(min(i.identifier)) AS who FROM segment_errors e JOIN identifiers i USING (profile_id) GROUP BY segment, profile_id ORDER BY 1, 2;
UPDATE segments SET predicate = $$(traits->>'age')::int >= 18$$ WHERE name = 'adult';
INSERT INTO segments VALUES ('teen', $$(traits->>'age')::int < 20$$);
SELECT * FROM cdp.check('segments');
-- Many failures in one statement
SET cdp.clock = '2024-03-03 11:00+00';
INSERT INTO events (event, identifiers, traits) SELECT 'e', ARRAY['cookie:g' || i], jsonb_build_object('age', CASE WHEN i % 2 = 0 THEN i::text ELSE 'x' || i END) FROM generate_series(1, 60) AS i;
SELECT segment, count(*) FROM changes() WHERE who ~ 'cookie:g' GROUP BY segment ORDER BY 1;
SELECT count(*), count(DISTINCT message) FROM segment_errors WHERE segment = 'adult' AND at = cdp.now();

-- A segment whose column is gone, past the event triggers, blocks nobody, and says so; it is whole again when the column is
ALTER TABLE profiles ADD COLUMN tier int, ADD COLUMN note text;
SET cdp.clock = '2024-03-04 08:00+00';
INSERT INTO segments VALUES ('tiered', 'tier > 1 OR tier IS NULL');
SELECT count(*) FROM changes();
SET session_replication_role = replica;
ALTER TABLE profiles DROP COLUMN tier;
RESET session_replication_role;
SET cdp.clock = '2024-03-04 09:00+00';
INSERT INTO events (event, identifiers, amount) VALUES ('e', '{user_id:1}', 1), ('e', '{user_id:h}', 1);
SELECT segments ? 'tiered' AS tiered, segments ? 'some' AS some FROM segments_members WHERE who = 'user_id:h';
SELECT sqlstate, message FROM segment_errors WHERE segment = 'tiered' AND profile_id = cdp.profile_of('segments', 'user_id:h');
INSERT INTO segments VALUES ('other', 'event_count > 1');
ALTER TABLE profiles ADD COLUMN tier int;
SELECT cdp.reevaluate('segments');
SELECT segments ? 'tiered' AS tiered FROM segments_members WHERE who IN ('user_id:h', 'user_id:1');
SET session_replication_role = replica;
ALTER TABLE profiles RENAME COLUMN tier TO level;
RESET session_replication_role;
INSERT INTO events (event, identifiers) VALUES ('e', '{user_id:i}');
SELECT sqlstate, message FROM segment_errors WHERE segment = 'tiered' AND profile_id = cdp.profile_of('segments', 'user_id:i');
DELETE FROM segments WHERE name = 'tiered';
INSERT INTO events (event, identifiers) VALUES ('e', '{user_id:1}');
SELECT bool_or(segments ? 'tiered') FROM segments_members;
SELECT * FROM cdp.check('segments');

-- Days and styles are the workspace's, not the session's
UPDATE settings SET time_zone = 'Asia/Ho_Chi_Minh';
DELETE FROM segments;
SET timezone = 'America/Los_Angeles';
SET datestyle = 'SQL, DMY';
SET intervalstyle = 'iso_8601';
SET extra_float_digits = -3;
SET cdp.clock = '2024-03-05 08:00+00';
INSERT INTO segments VALUES ('local day', $$last_seen::date = '2024-03-02'$$), ('local hour', 'extract(hour FROM last_seen) = 1'), ('style', $$last_seen::text = '2024-03-02 01:30:00+07'$$),
    ('literal', $$last_seen >= '02/03/2024'$$), ('trait', $$(traits->>'d')::date = '2024-02-03'$$), ('interval', $$(last_seen - first_seen)::text = '00:00:00'$$), ('local literal', $$last_seen = '2024-03-02 01:30'$$),
    ('float', $$(event_count::float8 / 3)::text = '0.3333333333333333'$$);
INSERT INTO events (event, identifiers, occurred_at, traits) VALUES ('e', '{user_id:z}', '2024-03-01T18:30:00Z', '{"d": "02/03/2024"}');
SELECT segments::text[] FROM segments_members WHERE who = 'user_id:z';
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
RESET intervalstyle;
RESET extra_float_digits;
INSERT INTO events (event, identifiers, occurred_at, traits) VALUES ('e', '{user_id:zz}', '2024-03-01T18:30:00Z', '{"d": "02/03/2024"}');
SELECT segments::text[] FROM segments_members WHERE who = 'user_id:zz';
SHOW timezone;
SELECT * FROM cdp.check('segments');

-- Evaluation of all: what is right already stays as it is
SET cdp.clock = '2024-03-06 08:00+00';
SELECT cdp.reevaluate('segments');
SELECT * FROM changes();
DELETE FROM segments;
SELECT cdp.reevaluate('segments');

-- Not in a transaction whose snapshot may miss events
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO segments VALUES ('x', 'true');
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
DELETE FROM segments;
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT cdp.reevaluate('segments');
ROLLBACK;
-- Only the owner evaluates
CREATE ROLE segments_other;
GRANT USAGE ON SCHEMA segments TO segments_other;
GRANT SELECT, INSERT ON segments TO segments_other;
SET ROLE segments_other;
SELECT cdp.reevaluate('segments');
-- ... but whoever may write definitions may define
INSERT INTO segments.segments VALUES ('granted', 'event_count > 3');
RESET ROLE;
SELECT count(*) FROM profiles WHERE segments ? 'granted';
SELECT * FROM cdp.check('segments');

DROP VIEW public.segments_members;
DROP FUNCTION public.changes;
SET client_min_messages = warning;
DROP SCHEMA segments CASCADE;
DROP ROLE segments_other;
