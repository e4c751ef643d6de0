-- Identifiers that came past the triggers and are none: cdp.check finds them, and a rebuild refuses them; neither is an error.
\pset format unaligned
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET cdp.clock = '2024-03-01 12:00+00';
SELECT cdp.create_workspace('faulty');
SET search_path = faulty, public;
INSERT INTO events (event_id, event, identifiers, occurred_at) VALUES (cdp.event_id('good'), 'good', '{user_id:1,cookie:1}', '2024-01-01+00');
-- By the triggers they are errors
INSERT INTO events (event, identifiers) VALUES ('bad', '{nonsense}');
INSERT INTO events (event, identifiers) VALUES ('bad', '{{user_id:1},{cookie:1}}');
SELECT cdp.canonical_identifier('faulty', 'nonsense');
SELECT cdp.stored_identifier('nonsense', NULL, false) IS NULL AS none, cdp.stored_identifier('email:none', NULL, false) IS NULL AS invalid, cdp.stored_identifier(' Email: A@Example.com', NULL, false) AS good;
SELECT cdp.anchor_of('faulty', '{nonsense,cookie:1,"",user_id:}');

SET session_replication_role = replica;
INSERT INTO events (event_id, event, identifiers, occurred_at, received_at) VALUES
    (cdp.event_id('1'), 'no namespace', '{nonsense}', '2024-01-02+00', '2024-02-01+00'),
    (cdp.event_id('2'), 'bad namespace', '{"1x:a","a b:c",":x","user-id:1"}', '2024-01-03+00', '2024-02-01+00'),
    (cdp.event_id('3'), 'empty', '{"","user_id:","user_id: ",user_id:2}', '2024-01-04+00', '2024-02-01+00'),
    (cdp.event_id('4'), 'control', ARRAY[E'user_id:a\x01b', E'cookie:\x7f', 'cookie:4', 'email:none', NULL], '2024-01-05+00', '2024-02-01+00'),
    (cdp.event_id('5'), 'too long', ARRAY['cookie:' || repeat('x', 1025), 'cookie:' || repeat('y', 100000), 'cookie:' || repeat('y', 100001), repeat(U&'\00e9', 600), 'user_id:1'], '2024-01-06+00', '2024-02-01+00'),
    (cdp.event_id('6'), 'two dimensions', '{{user_id:6,cookie:6},{cookie:1,none}}', '2024-01-07+00', '2024-02-01+00'),
    (cdp.event_id('7'), 'nobody', '{none,none,"email:none"}', '2024-01-08+00', '2024-02-01+00'),
    (cdp.event_id('8'), 'nobody too', ARRAY['cookie:' || repeat('y', 100000), 'none'], '2024-01-09+00', '2024-02-01+00');
RESET session_replication_role;
SELECT c.kind, to_json(left(c.key, 60)) AS key, c.stored, c.expected FROM cdp.check('faulty') c WHERE c.kind IN ('event_ids', 'identity_refusals', 'events.anchor') ORDER BY 1, c.key COLLATE "C", 4;
SELECT cdp.rebuild('faulty');
SELECT * FROM cdp.check('faulty');
SELECT to_json(left(identifier, 30)) AS identifier, length(identifier), anchor, reason, detail, occurred_at FROM identity_refusals r ORDER BY r.identifier, anchor, occurred_at;
SELECT event, anchor FROM events ORDER BY occurred_at;
SELECT p.event_count, (SELECT string_agg(cdp.text(identifier), ' ' ORDER BY identifier) FROM identifiers i WHERE i.profile_id = p.profile_id) AS identifiers FROM profiles p ORDER BY 1, 2;
SELECT item, value FROM cdp.status('faulty') WHERE topic = 'refusals';

-- What comes later goes on beside them: rules, decisions, late events, generic values
INSERT INTO blocked_identifiers (namespace, value) VALUES ('cookie', '4');
SELECT * FROM cdp.check('faulty');
UPDATE identifier_namespaces SET can_anchor = false WHERE namespace = 'user_id';
SELECT * FROM cdp.check('faulty');
UPDATE identifier_namespaces SET can_anchor = true WHERE namespace = 'user_id';
DELETE FROM blocked_identifiers WHERE namespace = 'cookie' AND value = '4';
UPDATE settings SET default_region = 'VN', max_identifiers = 2;
SELECT * FROM cdp.check('faulty');
UPDATE settings SET max_identifiers = DEFAULT;
SELECT cdp.link('faulty', 'user_id:6', 'user_id:2') IS NOT NULL AS linked;
UPDATE identifier_namespaces SET generic_after = 3 WHERE namespace = 'cookie';
INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('9'), 'till', '{user_id:9,cookie:1}');
INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('10'), 'till', '{user_id:10,cookie:1}');
SELECT generic FROM identifiers WHERE identifier = 'cookie:1';
SELECT * FROM cdp.check('faulty');
SELECT count(*) FROM cdp.timeline('faulty', cdp.profile_of('faulty', 'user_id:6'));
SELECT cdp.identity_graph('faulty', cdp.profile_of('faulty', 'user_id:6')) LIKE 'flowchart%' AS drawn;
-- ... a repeat of one is no error, and no conflict: its content is not known
INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('1'), 'again', '{cookie:again}');
SELECT count(*) FROM event_conflicts;
SELECT * FROM cdp.check('faulty');

SET client_min_messages = warning;
DROP SCHEMA faulty CASCADE;
