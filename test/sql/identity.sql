-- Identity: create, attach, the anchor, limits per namespace, blocked and invalid values, and the evidence of it all.
\pset format unaligned
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET cdp.clock = '2024-03-01 12:00+00';
SELECT cdp.create_workspace('identity');
SET search_path = identity, public;
-- One event, an hour after the one before
CREATE SEQUENCE public.identity_hours;
CREATE FUNCTION public.see(identifiers text[]) RETURNS cdp.identifier LANGUAGE sql AS $$
    INSERT INTO identity.events (event_id, event, identifiers, occurred_at)
    SELECT cdp.event_id('e' || n), 'e' || n, identifiers, timestamptz '2024-01-01 00:00+00' + n * interval '1 hour' FROM nextval('public.identity_hours') AS n
    RETURNING anchor
$$;
-- Profiles are numbered in the order of their ids, which may have gaps
CREATE VIEW public.identity_profiles AS
SELECT rank() OVER (ORDER BY p.profile_id) AS nth, p.event_count AS events, p.identifier_count AS n,
       (SELECT string_agg(cdp.text(identifier), ' ' ORDER BY identifier) FROM identifiers i WHERE i.profile_id = p.profile_id) AS identifiers
FROM profiles p;
CREATE VIEW public.identity_evidence AS
SELECT e.event, l.anchor, 'link' AS what, cdp.text(l.identifier) AS identifier, NULL AS detail FROM identity_links l JOIN events e USING (event_id)
UNION ALL
SELECT e.event, r.anchor, r.reason, r.identifier, r.detail FROM identity_refusals r JOIN events e USING (event_id);

-- The rules that a workspace starts with
TABLE identifier_namespaces ORDER BY priority;
SELECT string_agg(value, ' ' ORDER BY value COLLATE "C"), bool_and(namespace = '*' AND enabled) FROM blocked_identifiers;

-- Create, attach, attach through any of the identifiers
SELECT see('{cookie:a}');
SELECT see('{cookie:a,device:a}');
SELECT see('{device:a,email:a@example.com}');
SELECT see('{email:A@EXAMPLE.com}');
SELECT see('{cookie:b}');
SELECT * FROM identity_profiles ORDER BY 1;
-- The anchor is the strongest: by priority, then namespace, then place; evidence is of the anchor with each of the others
SELECT see('{cookie:c,device:c,zzz:c,loyalty:c,phone:+84981553602,email:c@example.com,user_id:c}');
SELECT see('{cookie:c2,zzz:c2,loyalty:c2,loyalty:c1}');
SELECT see('{zzz:c,loyalty:c}');
SELECT * FROM identity_profiles WHERE nth > 2 ORDER BY 1;
SELECT * FROM identity_evidence WHERE event IN ('e6', 'e7', 'e8') ORDER BY 1, 2, 4;
-- ... by the priorities of the workspace
INSERT INTO identifier_namespaces VALUES ('loyalty', 5, NULL);
SELECT see('{user_id:c,loyalty:c}');
SELECT anchor FROM events WHERE event IN ('e6', 'e8') ORDER BY event;
DELETE FROM identifier_namespaces WHERE namespace = 'loyalty';
SELECT anchor FROM events WHERE event IN ('e6', 'e8', 'e9') ORDER BY event;
SELECT * FROM cdp.check('identity');

-- Limits: one user_id per profile. The event lands on the profile of its strongest identifier
SELECT see('{user_id:l1,cookie:l}');
SELECT see('{user_id:l2,cookie:l}');
SELECT see('{cookie:l}');
SELECT * FROM identity_profiles WHERE identifiers ~ ':l' ORDER BY 1;
SELECT * FROM identity_evidence WHERE event IN ('e10', 'e11', 'e12') ORDER BY 1, 2, 4;
-- ... two in one event: the first one is the anchor, the other a node of its own, and no profile before it anchors an event
SELECT see('{cookie:m,user_id:m1,user_id:m2}');
SELECT identifier, profile_id IS NULL AS nobodys FROM identifiers WHERE cdp.value(identifier) LIKE 'm%' ORDER BY 1;
SELECT see('{user_id:m2,cookie:m3}');
SELECT * FROM identity_profiles WHERE identifiers ~ ':m[0-9]' ORDER BY 1;
SELECT * FROM identity_evidence WHERE event IN ('e13', 'e14') ORDER BY 1, 2, 4;
-- ... earlier evidence comes late: the cookie was the other user's first
INSERT INTO events (event_id, event, identifiers, occurred_at) VALUES (cdp.event_id('early'), 'early', '{user_id:l2,cookie:l}', '2023-12-31'), (cdp.event_id('late'), 'late', '{user_id:l2,cookie:l}', '2024-02-01');
SELECT e.event, r.anchor, r.identifier, r.occurred_at FROM identity_refusals r JOIN events e USING (event_id) WHERE r.identifier = 'cookie:l';
-- ... and two profiles that would break it are not merged
SELECT see('{user_id:n1,device:n1}');
SELECT see('{user_id:n2,device:n2}');
SELECT see('{device:n1,device:n2}');
SELECT * FROM identity_profiles WHERE identifiers ~ ':n' ORDER BY 1;
SELECT * FROM identity_evidence WHERE event = 'e17';
SELECT count(*) AS merges FROM merges;

-- Five e-mail addresses and five phones; a sixth is refused, one that is known is none more
SELECT see(ARRAY['user_id:o', 'email:o' || i || '@example.com']) FROM generate_series(1, 6) AS i;
SELECT see('{user_id:o,email:o3@example.com}');
SELECT see('{user_id:o,phone:+84981553611,phone:+84981553612,phone:+84981553613,phone:+84981553614,phone:+84981553615,phone:+84981553616}');
SELECT * FROM identity_profiles WHERE identifiers ~ 'user_id:o' ORDER BY 1;
SELECT * FROM identity_evidence WHERE what = 'limit' AND anchor = 'user_id:o' ORDER BY 4;
-- ... in one statement as in many
INSERT INTO events (event_id, event, identifiers, occurred_at) SELECT cdp.event_id('p' || i), 'p' || i, ARRAY['user_id:p', 'email:p' || i || '@example.com'], timestamptz '2024-01-01 00:00+00' + i * interval '1 hour' FROM generate_series(1, 7) AS i;
SELECT * FROM identity_profiles WHERE identifiers ~ 'user_id:p' ORDER BY 1;
SELECT * FROM identity_evidence WHERE what = 'limit' AND anchor = 'user_id:p' ORDER BY 4;
-- ... of two merging profiles together
SELECT see(ARRAY['cookie:q1', 'email:q' || i || '@example.com']) FROM generate_series(1, 3) AS i;
SELECT see(ARRAY['cookie:q2', 'email:q' || i || '@example.com']) FROM generate_series(4, 6) AS i;
SELECT see('{cookie:q1,cookie:q2}');
SELECT * FROM identity_profiles WHERE identifiers ~ 'cookie:q' ORDER BY 1;
SELECT * FROM identity_evidence WHERE identifier LIKE 'cookie:q%' AND what = 'limit';

-- A limit of a namespace of one's own, and of all that are not named
INSERT INTO identifier_namespaces VALUES ('card', 40, 2);
UPDATE identifier_namespaces SET max_per_profile = 3 WHERE namespace = '*';
SELECT see('{user_id:r,card:1,card:2,card:3,shoe:1,shoe:2,shoe:3,shoe:4,hat:1,hat:2,hat:3,hat:4,cookie:r1,cookie:r2,cookie:r3,cookie:r4}');
SELECT see('{user_id:r,card:4,shoe:5,hat:5,hat:1}');
SELECT * FROM identity_profiles WHERE identifiers ~ 'user_id:r' ORDER BY 1;
SELECT * FROM identity_evidence WHERE what = 'limit' AND anchor = 'user_id:r' ORDER BY 1, 4;
-- ... a name that begins like another's is not that one
INSERT INTO identifier_namespaces VALUES ('car', 41, 1), ('card_x', 42, 1);
SELECT see('{user_id:s,car:1,card:1s,card_x:1,card:2s}');
SELECT see('{user_id:s,car:2,card_x:2}');
SELECT * FROM identity_profiles WHERE identifiers ~ 'user_id:s' ORDER BY 1;
SELECT * FROM identity_evidence WHERE what = 'limit' AND anchor = 'user_id:s' ORDER BY 1, 4;
SELECT * FROM cdp.check('identity');

-- Blocked values never identify anybody: those of the start, in any case; they leave no node
SELECT see('{user_id:NULL,cookie:t}');
SELECT see('{user_id:null,cookie:anonymous,email:Test@Test.com,device:00000000-0000-0000-0000-000000000000,any:0}');
SELECT see('{cookie:nullify}');
SELECT * FROM identity_profiles WHERE identifiers ~ 'cookie:(t|nullify)$' ORDER BY 1;
SELECT * FROM identity_evidence WHERE event IN (SELECT event FROM events WHERE 'user_id:null' = ANY (identifiers) OR 'user_id:NULL' = ANY (identifiers)) ORDER BY 1, 2, 4;
SELECT count(*) FROM identifiers WHERE cdp.value(identifier) IN ('null', 'NULL', 'anonymous', '0');
-- ... named twice in one event, refused once, whoever's the event is
INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('twice1'), 'twice1', '{cookie:null,cookie:null,email:no,Cookie:null,email:no}'), (cdp.event_id('twice2'), 'twice2', '{cookie:null,cookie:null,device:twice,email:no,email:no}');
SELECT * FROM identity_evidence WHERE event ~ 'twice' ORDER BY 1, 4;
-- ... one's own, in one namespace or in all; switched off; taken back
INSERT INTO blocked_identifiers (namespace, value) VALUES ('device', 'shop-Tablet'), ('email', 'info@example.com');
INSERT INTO blocked_identifiers (value) VALUES ('Kiosk'), (repeat('yz', 100));
SELECT see('{device:SHOP-tablet,cookie:u1,email:Info@Example.com,user_id:kiosk}');
SELECT see('{device:shop-tablet,cookie:u2,cookie:KIOSK,card:shop-tablet}');
SELECT length(see(ARRAY['device:' || repeat('YZ', 100), 'device:' || repeat('yz', 100) || 'y'])::text);
SELECT left(identifiers, 60) AS identifiers, events, n FROM identity_profiles WHERE identifiers ~ ':u[12]|yzyz' ORDER BY nth;
SELECT anchor IS NULL AS nobodys, what, left(identifier, 60) AS identifier FROM identity_evidence WHERE what = 'blocked' AND identifier ~* 'tablet|info|kiosk|yzyz' ORDER BY 3, 1;
UPDATE blocked_identifiers SET enabled = false WHERE value = 'shop-Tablet';
SELECT * FROM identity_profiles WHERE identifiers ~ ':u[12]' ORDER BY 1;
DELETE FROM blocked_identifiers WHERE value = 'Kiosk';
SELECT * FROM identity_profiles WHERE identifiers ~ ':u[12]' ORDER BY 1;
SELECT * FROM cdp.check('identity');

-- first_seen is exact, last_seen is exact to the day of UTC, and neither before the first
INSERT INTO events (event_id, event, identifiers, occurred_at) VALUES (cdp.event_id('d1'), 'd', '{cookie:d,device:d}', '2024-02-10 15:00+00');
INSERT INTO events (event_id, event, identifiers, occurred_at) VALUES (cdp.event_id('d2'), 'd', '{cookie:d}', '2024-02-10 23:59:59+00');
SELECT identifier, first_seen, last_seen FROM identifiers WHERE cdp.value(identifier) = 'd' ORDER BY 1;
INSERT INTO events (event_id, event, identifiers, occurred_at) VALUES (cdp.event_id('d3'), 'd', '{cookie:d}', '2024-02-11 00:00+00'), (cdp.event_id('d4'), 'd', '{device:d}', '2024-02-09 08:00+00');
SELECT identifier, first_seen, last_seen FROM identifiers WHERE cdp.value(identifier) = 'd' ORDER BY 1;
-- Evidence keeps its earliest event; on a tie of times the smaller id
INSERT INTO events (event_id, event, identifiers, occurred_at) VALUES ('00000000-0000-0000-0000-000000000002', 'd', '{cookie:d,device:d}', '2024-02-01'),
  ('00000000-0000-0000-0000-000000000003', 'd', '{cookie:d,device:d}', '2024-02-01');
INSERT INTO events (event_id, event, identifiers, occurred_at) VALUES ('00000000-0000-0000-0000-000000000001', 'd', '{cookie:d,device:d}', '2024-02-01'),
  ('00000000-0000-0000-0000-000000000004', 'd', '{cookie:d,device:d}', '2024-02-02');
SELECT anchor, identifier, occurred_at, event_id FROM identity_links WHERE anchor = 'device:d';
SELECT * FROM cdp.check('identity');

DROP VIEW public.identity_profiles, public.identity_evidence;
DROP FUNCTION public.see;
DROP SEQUENCE public.identity_hours;
SET client_min_messages = warning;
DROP SCHEMA identity CASCADE;
