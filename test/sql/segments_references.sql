-- Segments that refer to segments; the history of definitions; sizes, members, explanations.
\pset format unaligned
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET cdp.clock = '2024-01-01 10:00+00';
SELECT cdp.create_workspace('refs');
SET search_path = refs, public;
\set SHOW_CONTEXT never
CREATE VIEW public.refs_members AS
SELECT (SELECT cdp.text(min(identifier)) FROM identifiers i WHERE i.profile_id = p.profile_id) AS who, cdp.segment_names(segments) AS segments FROM profiles p;
INSERT INTO events (event_id, event, identifiers, amount, traits) VALUES
    (cdp.event_id('1'), 'e', '{user_id:1}', 2000, '{"plan": "gold"}'), (cdp.event_id('2'), 'e', '{user_id:2}', 20, '{"plan": "gold", "other": 1}'), (cdp.event_id('3'), 'e', '{user_id:3}', 5000, NULL);

-- In dependency order, whatever the names, defined in one statement
INSERT INTO segments VALUES ('a_both', $$segments ? 'm_vip' AND segments ? 'z_gold'$$), ('m_vip', $$cdp.total(ltv, 'USD') >= 1000$$), ('z_gold', $$traits->>'plan' = 'gold'$$),
    ('any', $$segments ?| '{m_vip,z_gold}'$$), ('all', $$cdp.has_all_segments(segments, '{m_vip,z_gold}'::text[])$$), ('set', $$segments @> '{m_vip,z_gold}' OR segments && '{a_both}'$$),
    ('neither', $$NOT (segments ? 'any')$$), ('none', $$segments ?| '{}'$$), ('away', $$segments ? 'm_vip' AND last_seen < now() - interval '21 days'$$), ('late', $$segments ? 'away' AND now() - last_seen > interval '30 days'$$);
TABLE refs_members ORDER BY who;
SELECT * FROM cdp.check('refs');
-- ... followed by events, by the clock and by definitions
SET cdp.clock = '2024-01-02 10:00+00';
INSERT INTO events (event, identifiers, traits) VALUES ('e', '{user_id:3}', '{"plan": "gold"}'), ('e', '{user_id:1}', '{"plan": "iron"}');
TABLE refs_members ORDER BY who;
SET cdp.clock = '2024-03-01 10:00+00';
SELECT cdp.tick('refs');
SELECT profile_id, segment, entered, at, cause FROM segment_changes WHERE at > '2024-01-01 10:00+00' ORDER BY at, profile_id, segment;
SET cdp.clock = '2024-03-02 10:00+00';
UPDATE segments SET predicate = $$cdp.total(ltv, 'USD') >= 3000$$ WHERE name = 'm_vip';
TABLE refs_members ORDER BY who;
SELECT profile_id, segment, entered, cause FROM segment_changes WHERE at = cdp.now() ORDER BY profile_id, segment;
SELECT * FROM cdp.check('refs');

-- Circles, names that are not there, and segments that others refer to
INSERT INTO segments VALUES ('self', $$segments ? 'self'$$);
\echo :SQLSTATE
UPDATE segments SET predicate = $$segments ? 'late'$$ WHERE name = 'm_vip';
\echo :SQLSTATE
INSERT INTO segments VALUES ('x1', $$segments ? 'x2'$$), ('x2', $$NOT segments ? 'x3'$$), ('x3', $$segments ? 'm_vip' OR segments ? 'x1'$$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $$segments ? 'nope'$$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $$segments ? (traits->>'plan')$$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $$cdp.segment_count(segments) > 2$$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $$segments <@ '{m_vip}'$$);
\echo :SQLSTATE
DELETE FROM segments WHERE name = 'm_vip';
\echo :SQLSTATE
UPDATE segments SET name = 'vip' WHERE name = 'm_vip';
\echo :SQLSTATE
-- ... all together they may
UPDATE segments SET name = CASE name WHEN 'm_vip' THEN 'vip' ELSE name END, predicate = replace(predicate, 'm_vip', 'vip');
TABLE refs_members ORDER BY who;
DELETE FROM segments WHERE name NOT IN ('vip', 'z_gold', 'away', 'late');
SELECT * FROM cdp.check('refs');

-- The history of definitions
SELECT segment, predicate, at, defined_by = current_user AS mine FROM segment_definitions WHERE segment IN ('m_vip', 'vip', 'none') ORDER BY at, segment, predicate NULLS FIRST;
UPDATE segments SET description = 'x', predicate = predicate;
SELECT count(*) FROM segment_definitions;
UPDATE segment_definitions SET predicate = 'true';
\echo :SQLSTATE

-- Only what reads a changed column or key of traits is evaluated: a predicate that fails says when it is
INSERT INTO segments VALUES ('by_key', $$1 / (cdp.trait_text(traits, 'n')::int - 1) >= 0$$), ('by_ltv', $$1 / (cdp.purchases(ltv) - 2) >= 0$$), ('by_all', $$(traits::jsonb->>'n')::int / 0 > 0$$);
INSERT INTO events (event, identifiers, traits) VALUES ('e', '{user_id:2}', '{"n": 1}');
INSERT INTO events (event, identifiers, amount) VALUES ('e', '{user_id:2}', 1);
SELECT segment, message FROM segment_errors e WHERE profile_id = 2 ORDER BY 1;
SET session_replication_role = replica;
DELETE FROM segment_errors;
RESET session_replication_role;
INSERT INTO events (event, identifiers, traits) VALUES ('e', '{user_id:2}', '{"n": 1, "m": 2}'), ('e', '{user_id:2}', '{"other": 7}');
SELECT segment FROM segment_errors e ORDER BY 1;
INSERT INTO events (event, identifiers, traits) VALUES ('e', '{user_id:2}', '{"n": null}'), ('e', '{user_id:3}', '{"n": 1}');
SELECT segment, profile_id FROM segment_errors e ORDER BY 1, 2;
DELETE FROM segments WHERE name ~ '^by_';

-- Sizes before a definition
SELECT cdp.count('refs', 'event_count > 1'), cdp.count('refs', $$last_seen < now() - interval '21 days'$$), cdp.count('refs', $$segments ? 'vip'$$), cdp.count('refs', '1 / (profile_id - 2) >= 0'), cdp.count('refs', $$profiles.event_count >= 1 -- all$$);
SELECT cdp.count('refs', 'nope > 1');
\echo :SQLSTATE
SELECT cdp.count('refs', 'true) OR (true');
\echo :SQLSTATE
-- Members, now and then
SET cdp.clock = '2024-06-01 10:00+00';
SELECT * FROM cdp.members('refs', 'vip') ORDER BY 1;
SELECT * FROM cdp.members('refs', 'away') ORDER BY 1;
SELECT * FROM cdp.members('refs', 'm_vip', '2024-01-05') ORDER BY 1;
SELECT * FROM cdp.members('refs', 'away', '2024-01-23 10:00:00+00');
SELECT * FROM cdp.members('refs', 'away', '2024-01-23 10:00:00.000001+00') ORDER BY 1;
SELECT * FROM cdp.members('refs', 'nope');
\echo :SQLSTATE
-- Why
INSERT INTO segments VALUES ('mixed', $$CASE WHEN traits->>'plan' = 'iron' THEN cdp.last_purchase_at(ltv) BETWEEN now() - interval '160 days' AND now() - interval '60 days' OR segments ? 'vip'
    ELSE coalesce((traits->>'n')::date <= current_date + 14, false) END AND event_count > 1$$);
SELECT node, parent, expression, value, truth, flips_at, (SELECT n FROM generate_series(1, 3) n WHERE cdp.event_id(n::text) = event_id) AS event, error FROM cdp.explain_segment('refs', 1, 'mixed');
SELECT node, parent, expression, value, truth, error FROM cdp.explain_segment('refs', 3, 'mixed');
SELECT * FROM cdp.explain_segment('refs', 1, 'nope');
\echo :SQLSTATE
SELECT * FROM cdp.explain_segment('refs', 77, 'vip');
\echo :SQLSTATE
SELECT * FROM cdp.check('refs');

-- Queries of segments, by operator both ways round and by function
DELETE FROM segments;
INSERT INTO segments VALUES ('vip', $$profile_id = 1$$), ('gold', $$traits->>'plan' = 'gold'$$), ('big spender', $$cdp.total(ltv, 'USD') > 1000$$),
    ('q1', $$segments @@ 'vip | gold & !"big spender"'$$), ('q2', $$cdp.matches(segments, '!(vip & "big spender")')$$), ('q3', $$'gold & "big spender"' @@ segments AND last_seen < now() - interval '21 days'$$),
    ('q4', $$segments @@ '!!q1 & (q2 | !(gold & vip))'$$), ('q5', $$NOT segments @@ 'q3'$$);
TABLE refs_members ORDER BY who;
SELECT * FROM cdp.check('refs');
SELECT node, parent, expression, value, truth, flips_at FROM cdp.explain_segment('refs', 3, 'q1');
SELECT node, parent, expression, value, truth, flips_at FROM cdp.explain_segment('refs', 3, 'q3');
SELECT cdp.count('refs', $$segments @@ 'vip | gold & !"big spender"'$$), cdp.count('refs', $$segments @@ 'q*' AND last_seen < now() - interval '21 days'$$);
INSERT INTO segments VALUES ('bad', $$segments @@ 'vip & !nope'$$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $$segments @@ (traits->>'plan')::cdp.segment_query$$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $$segments @@ 'vip & '$$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $$CASE WHEN segments @@ 'vip & !gold' THEN to_char(now(), 'D') END = '1'$$);
\echo :SQLSTATE
UPDATE segments SET predicate = $$segments @@ '!q4'$$ WHERE name = 'vip';
\echo :SQLSTATE
DELETE FROM segments WHERE name = 'big spender';
\echo :SQLSTATE
-- A prefix means whichever segments there are: those that come ...
SET cdp.clock = '2024-06-02 10:00+00';
INSERT INTO segments VALUES ('any', $$segments @@ 'tier_*'$$), ('no_gold', $$segments @@ 'vip & !tier_g*'$$), ('of_any', $$segments ? 'any' AND now() > last_seen + interval '21 days'$$);
TABLE refs_members ORDER BY who;
SET cdp.clock = '2024-06-03 10:00+00';
INSERT INTO segments VALUES ('tier_gold', $$profile_id < 3$$), ('tier_iron', $$profile_id = 3 AND last_seen < now() - interval '21 days'$$);
TABLE refs_members ORDER BY who;
SELECT profile_id, segment, entered, at, cause FROM segment_changes WHERE at >= '2024-06-02 10:00+00' ORDER BY at, profile_id, segment;
SELECT * FROM cdp.check('refs');
-- ... and those that go, get another name, or would close a circle
SET cdp.clock = '2024-06-04 10:00+00';
UPDATE segments SET name = 'level_gold' WHERE name = 'tier_gold';
TABLE refs_members ORDER BY who;
DELETE FROM segments WHERE name = 'tier_iron';
SELECT profile_id, segment, entered, at, cause FROM segment_changes WHERE at >= '2024-06-04 10:00+00' ORDER BY at, profile_id, segment;
SELECT * FROM cdp.check('refs');
INSERT INTO segments VALUES ('tier_x', $$segments ? 'of_any'$$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('everybody', $$segments @@ '*'$$);
\echo :SQLSTATE
-- What a definition changes has not been so before: only what the clock has changed as it was is dated then
DELETE FROM segments;
INSERT INTO segments VALUES ('away', $$last_seen < now() - interval '21 days'$$), ('tier_1', 'profile_id = 1'), ('w', 'false'), ('no_tier', $$segments @@ '!tier_*' AND last_seen < now() - interval '21 days'$$), ('of_away', $$segments ? 'away'$$);
INSERT INTO events (event, identifiers) VALUES ('e', '{user_id:1}'), ('e', '{user_id:2}');
SET cdp.clock = '2024-07-01 10:00+00';
UPDATE segments SET predicate = CASE name WHEN 'w' THEN $$segments ? 'away'$$ ELSE predicate END, name = CASE name WHEN 'tier_1' THEN 'level_1' ELSE name END WHERE name IN ('w', 'tier_1');
SELECT profile_id, segment, entered, at, cause FROM segment_changes WHERE at > '2024-06-04 10:00+00' ORDER BY at, profile_id, segment;
TABLE refs_members ORDER BY who;
SELECT * FROM cdp.check('refs');
DROP VIEW public.refs_members;
SELECT cdp.drop_workspace('refs');
