-- Errors of computed traits, of profiles that come apart and come back under their old ids.
\pset format unaligned
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET cdp.clock = '2024-03-01 12:00+00';
SELECT cdp.create_workspace('splits');
SET search_path = splits, public;
INSERT INTO computed_traits (name, kind, expression) VALUES ('failing', 'sum', '(properties->>''n'')::numeric'), ('also', 'max', '(properties->>''m'')::int');
INSERT INTO segments (name, predicate) VALUES ('broken', $$(traits->>'age')::int > 1$$), ('seen', 'event_count > 0');
-- Per person: how often which trait failed; the ids stand for people
CREATE VIEW public.splits_state AS
SELECT c.trait, c.profile_id, c.n, e.event, p.profile_id IS NOT NULL AS there
FROM computed_trait_errors c LEFT JOIN events e USING (event_id) LEFT JOIN profiles p ON p.profile_id = c.profile_id ORDER BY c.trait, c.profile_id;

-- Two people whose events fail become one, on whose events it fails again; a third one, whom this does not concern, was merged, too
INSERT INTO events (event_id, event, identifiers, occurred_at, traits, properties) VALUES
    (cdp.event_id('1'), 'one', '{user_id:1}', '2024-02-01+00', '{"age": "old"}', '{"n": "x"}'), (cdp.event_id('2'), 'one', '{user_id:1}', '2024-02-02+00', NULL, '{"n": "x", "m": "x"}'),
    (cdp.event_id('3'), 'two', '{cookie:2}', '2024-02-03+00', '{"age": "young"}', '{"n": "y"}'), (cdp.event_id('4'), 'three', '{device:3}', '2024-02-04+00', NULL, '{"n": "z"}'),
    (cdp.event_id('5'), 'four', '{loyalty:4}', '2024-02-05+00', NULL, '{"n": "w"}');
INSERT INTO events (event_id, event, identifiers, occurred_at, properties) VALUES (cdp.event_id('6'), 'four', '{loyalty:4,tag:4}', '2024-02-06+00', '{"n": "w"}'),
    (cdp.event_id('7'), 'three and four', '{device:3,loyalty:4}', '2024-02-07+00', '{"n": "w"}');
TABLE splits_state;
INSERT INTO events (event_id, event, identifiers, occurred_at, properties) VALUES (cdp.event_id('8'), 'both', '{user_id:1,cookie:2}', '2024-02-08+00', '{"n": "b"}');
TABLE splits_state;
SELECT merged_id, profile_id, undone_at IS NOT NULL AS undone FROM merges ORDER BY merge_id;

-- ... come apart by a changed rule, and again, and become one again
UPDATE identifier_namespaces SET can_merge = false WHERE namespace = 'cookie';
TABLE splits_state;
SELECT profile_id, event_count, segments::text[] FROM profiles ORDER BY 1;
SELECT * FROM cdp.check('splits');
UPDATE identifier_namespaces SET can_merge = true WHERE namespace = 'cookie';
TABLE splits_state;
UPDATE identifier_namespaces SET can_merge = false WHERE namespace = 'cookie';
TABLE splits_state;
SELECT * FROM cdp.check('splits');
UPDATE identifier_namespaces SET can_merge = true WHERE namespace = 'cookie';
-- ... by a value that is blocked, and by a limit
INSERT INTO blocked_identifiers (namespace, value) VALUES ('cookie', '2');
TABLE splits_state;
DELETE FROM blocked_identifiers WHERE namespace = 'cookie' AND value = '2';
TABLE splits_state;
INSERT INTO events (event_id, event, identifiers, occurred_at, properties) VALUES (cdp.event_id('9'), 'user two', '{user_id:2}', '2024-02-09+00', '{"n": "c"}');
UPDATE identifier_namespaces SET max_per_profile = 2 WHERE namespace = 'user_id';
INSERT INTO events (event_id, event, identifiers, occurred_at, properties) VALUES (cdp.event_id('10'), 'user two', '{user_id:2,cookie:2}', '2024-02-10+00', '{"n": "c"}');
TABLE splits_state;
UPDATE identifier_namespaces SET max_per_profile = 1 WHERE namespace = 'user_id';
TABLE splits_state;
SELECT * FROM cdp.check('splits');
-- ... all of it at once, by a rebuild
UPDATE identifier_namespaces SET can_merge = false;
TABLE splits_state;
SELECT cdp.rebuild('splits');
TABLE splits_state;
UPDATE identifier_namespaces SET can_merge = true;
SELECT * FROM cdp.check('splits');

-- People who decide: what was joined by cdp.link comes back by cdp.unlink, and by cdp.separate
SELECT cdp.link('splits', 'user_id:1', 'device:3') IS NOT NULL AS linked;
SELECT cdp.unlink('splits', 'user_id:1', 'device:3');
SELECT cdp.link('splits', 'user_id:1', 'device:3') IS NOT NULL AS linked;
UPDATE identifier_namespaces SET can_merge = false WHERE namespace = 'cookie';
SELECT cdp.unlink('splits', 'user_id:1', 'device:3');
SELECT cdp.separate('splits', 'device:3', 'loyalty:4') IS NOT NULL AS separated;
UPDATE identifier_namespaces SET can_merge = true WHERE namespace = 'cookie';
UPDATE identifier_namespaces SET can_merge = false WHERE namespace IN ('cookie', 'device');
SELECT * FROM cdp.check('splits');
SELECT trait, sum(n) FROM computed_trait_errors GROUP BY trait ORDER BY trait;

DROP VIEW public.splits_state;
SET client_min_messages = warning;
DROP SCHEMA splits CASCADE;
