-- Whom new evidence attaches to, where something of them was refused, or where they were nobody's before.
\pset format unaligned
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET cdp.clock = '2024-03-01 12:00+00';
SELECT cdp.create_workspace('attached');
SET search_path = attached, public;

-- An identifier that was refused and has no profile comes to a new one: the profile knows of the refusal
DELETE FROM identifier_namespaces;
INSERT INTO identifier_namespaces (namespace, priority, max_per_profile, can_anchor) VALUES ('card', 15, 1, false), ('device', 1, NULL, true), ('phone', 50, NULL, true);
INSERT INTO events (event_id, event, identifiers, occurred_at) VALUES (cdp.event_id('1'), 'e', '{card:1,user_id:1,device:1}', '2024-01-03+00');
INSERT INTO events (event_id, event, identifiers, occurred_at) VALUES (cdp.event_id('2'), 'e', '{device:1,card:2}', '2024-01-01 09:00+00');
SELECT identifier, anchor, reason FROM identity_refusals;
INSERT INTO events (event_id, event, identifiers, occurred_at) VALUES (cdp.event_id('3'), 'e', '{card:1,phone:+84981550000}', '2024-01-01+00');
SELECT event_count, contested_until FROM profiles ORDER BY profile_id;
SELECT * FROM cdp.check('attached');
-- ... and takes part in what comes late
INSERT INTO events (event_id, event, identifiers, occurred_at) VALUES (cdp.event_id('4'), 'e', '{card:1,device:1}', '2023-12-01+00');
SELECT identifier, anchor, reason FROM identity_refusals ORDER BY 1;
SELECT cdp.profile_of('attached', 'card:1') = cdp.profile_of('attached', 'phone:+84981550000') AS with_phone, cdp.profile_of('attached', 'card:1') = cdp.profile_of('attached', 'device:1') AS with_device;
SELECT * FROM cdp.check('attached');

-- Nobody's event gets an anchor by a changed rule, and joins somebody who had a profile already
SELECT cdp.create_workspace('attached2');
SET search_path = attached2, public;
UPDATE identifier_namespaces SET can_anchor = false WHERE namespace IN ('user_id', 'email');
INSERT INTO events (event_id, event, identifiers, occurred_at) VALUES (cdp.event_id('1'), 'e', '{cookie:1,user_id:1}', '2024-01-01+00'), (cdp.event_id('2'), 'e', '{email:a@example.com,user_id:1}', '2024-01-02+00'),
    (cdp.event_id('3'), 'e', '{email:a@example.com,cookie:3}', '2024-01-03+00');
SELECT identifier, profile_id FROM identifiers ORDER BY 1;
UPDATE identifier_namespaces SET can_anchor = true WHERE namespace = 'email';
SELECT identifiers, anchor FROM events ORDER BY occurred_at;
SELECT count(DISTINCT profile_id) AS profiles, count(*) AS identifiers FROM identifiers;
SELECT * FROM cdp.check('attached2');
UPDATE identifier_namespaces SET can_anchor = false WHERE namespace = 'email';
SELECT * FROM cdp.check('attached2');

SET client_min_messages = warning;
DROP SCHEMA attached, attached2 CASCADE;
