-- An event counts for max_identifiers of its identifiers: the first usable ones of the array, its anchor among them.
\pset format unaligned
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET cdp.clock = '2024-03-01 12:00+00';
SELECT cdp.create_workspace('many');
SET search_path = many, public;
CREATE FUNCTION public.many_cookies(first int, last int) RETURNS text[] LANGUAGE sql AS $$ SELECT array_agg('cookie:' || lpad(i::text, 5, '0') ORDER BY i) FROM generate_series(first, last) i $$;
CREATE VIEW public.many_state AS
SELECT (SELECT count(*) FROM identifiers) AS identifiers, (SELECT count(*) FROM identity_links) AS links, (SELECT count(*) FROM profiles) AS profiles,
       (SELECT string_agg(r.reason || ' ' || r.n, ', ' ORDER BY r.reason) FROM (SELECT reason, count(*) AS n FROM identity_refusals GROUP BY reason) r) AS refusals,
       (SELECT string_agg(item || ' ' || value, ', ' ORDER BY item) FROM cdp.status('many') WHERE topic = 'refusals') AS status, (SELECT count(*) FROM cdp.check('many')) AS faults;
SELECT max_identifiers FROM settings;

-- A thousand count; the others are refused, each by itself, and the event stays
INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('1'), 'a thousand', many_cookies(1, 1000));
TABLE many_state;
INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('2'), 'more', many_cookies(1, 1003));
TABLE many_state;
SELECT r.identifier, r.anchor, r.reason, r.detail, r.event_id = cdp.event_id('2') AS by_2 FROM identity_refusals r ORDER BY 1;
SELECT event, cardinality(identifiers), anchor FROM events ORDER BY event;
-- Only usable ones count, and each once; nulls and blocked ones take no place
INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('3'), 'with others',
    ARRAY[NULL, 'cookie:null', 'email:none at all'] || many_cookies(2001, 2500) || many_cookies(2001, 2500) || ARRAY['Cookie: 02001'] || many_cookies(2501, 3000) || ARRAY['cookie:null', 'cookie:03001', 'cookie:02001', NULL, 'cookie:03001']);
SELECT count(*) AS of_it FROM identity_links WHERE anchor = 'cookie:02001';
SELECT identifier, reason FROM identity_refusals WHERE event_id = cdp.event_id('3') ORDER BY 1;
-- The anchor counts wherever it stands; then 999 others do
INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('4'), 'user last', many_cookies(4001, 5001) || '{device:4,user_id:4}'::text[]),
    (cdp.event_id('5'), 'user in the middle', many_cookies(5002, 5501) || '{user_id:5}'::text[] || many_cookies(5502, 6002));
SELECT event, anchor, (SELECT count(*) FROM identity_links l WHERE l.anchor = e.anchor) AS links FROM events e WHERE event LIKE 'user%' ORDER BY event;
SELECT identifier, anchor, reason FROM identity_refusals WHERE anchor IN ('user_id:4', 'user_id:5') ORDER BY 1;
SELECT cdp.profile_of('many', 'cookie:05001') IS NULL AS nobodys, cdp.profile_of('many', 'cookie:04999') = cdp.profile_of('many', 'user_id:4') AS the_users;
TABLE many_state;
-- ... of two that may anchor the stronger one, and of two of a kind the first
INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('6'), 'two users', many_cookies(6003, 7002) || '{email:a@example.com,user_id:6,user_id:7,email:b@example.com}'::text[]);
SELECT anchor FROM events WHERE event = 'two users';
SELECT identifier FROM identity_refusals WHERE anchor = 'user_id:6' ORDER BY 1;
-- An event that has no anchor: its kinds cannot be one. Its refusals are its own
UPDATE identifier_namespaces SET can_anchor = false WHERE namespace IN ('cookie', 'device');
INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('7'), 'nobody', many_cookies(8001, 9002)), (cdp.event_id('8'), 'nobody', many_cookies(8001, 9001) || '{cookie:null}'::text[]);
SELECT identifier, anchor, reason, event_id = cdp.event_id('7') AS by_7 FROM identity_refusals WHERE event_id IN (cdp.event_id('7'), cdp.event_id('8')) ORDER BY 1, 4;
TABLE many_state;
UPDATE identifier_namespaces SET can_anchor = true WHERE namespace IN ('cookie', 'device');
SELECT event, anchor FROM events WHERE event = 'nobody';
TABLE many_state;

-- The setting; a change of it derives everything anew
UPDATE settings SET max_identifiers = 3;
TABLE many_state;
INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('9'), 'five', '{cookie:a,cookie:b,cookie:c,cookie:d,email:e@example.com}');
SELECT identifier FROM identity_links WHERE anchor = 'email:e@example.com' ORDER BY 1;
-- ... what was refused so may count by another event, and join
INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('10'), 'two', '{cookie:d,user_id:10}');
SELECT cdp.profile_of('many', 'cookie:d') = cdp.profile_of('many', 'user_id:10') AS joined, cdp.profile_of('many', 'email:e@example.com') = cdp.profile_of('many', 'user_id:10') AS both;
TABLE many_state;
UPDATE settings SET max_identifiers = 5;
SELECT cdp.profile_of('many', 'email:e@example.com') = cdp.profile_of('many', 'user_id:10') AS both;
UPDATE settings SET max_identifiers = 1;
SELECT identifier, profile_id IS NOT NULL AS has_profile FROM identifiers WHERE identifier IN ('cookie:a', 'cookie:d', 'email:e@example.com', 'user_id:10') ORDER BY 1;
TABLE many_state;
-- ... and so do rules: who is blocked frees a place; who is the strongest now takes one
UPDATE settings SET max_identifiers = 2;
SELECT identifier, reason FROM identity_refusals WHERE anchor = 'email:e@example.com' ORDER BY 1;
INSERT INTO blocked_identifiers (namespace, value) VALUES ('cookie', 'a');
SELECT identifier, reason FROM identity_refusals WHERE anchor = 'email:e@example.com' ORDER BY 1;
SELECT count(*) FROM cdp.check('many');
INSERT INTO blocked_identifiers (namespace, value) VALUES ('cookie', 'c');
SELECT identifier, reason FROM identity_refusals WHERE anchor = 'email:e@example.com' ORDER BY 1;
SELECT count(*) FROM cdp.check('many');
UPDATE identifier_namespaces SET priority = 1 WHERE namespace = 'cookie';
SELECT anchor FROM events WHERE event = 'five';
SELECT identifier, anchor, reason FROM identity_refusals WHERE event_id = cdp.event_id('9') ORDER BY 1, 2;
SELECT cdp.profile_of('many', 'email:e@example.com') AS nobodys;
SELECT count(*) FROM cdp.check('many');
DELETE FROM blocked_identifiers WHERE namespace = 'cookie' AND value = 'a';
UPDATE identifier_namespaces SET priority = 90 WHERE namespace = 'cookie';
TABLE many_state;
SELECT cdp.rebuild('many');
TABLE many_state;
UPDATE settings SET max_identifiers = 0;
UPDATE settings SET max_identifiers = NULL;

-- Generic values follow from what counts: what is beyond is seen with nobody
SELECT cdp.create_workspace('many2');
SET search_path = many2, public;
UPDATE settings SET max_identifiers = 2;
UPDATE identifier_namespaces SET generic_after = 2 WHERE namespace = 'cookie';
INSERT INTO events (event, identifiers) VALUES ('e', '{user_id:1,cookie:1,cookie:till}'), ('e', '{user_id:2,cookie:2,cookie:till}'), ('e', '{user_id:3,cookie:3,cookie:till}');
SELECT identifier, generic FROM identifiers ORDER BY 1;
-- ... and a value that turns out generic gives its place to nobody
INSERT INTO events (event, identifiers) VALUES ('e', '{user_id:1,cookie:kiosk}'), ('e', '{cookie:kiosk,email:k@example.com,device:k}'), ('e', '{user_id:2,cookie:kiosk}');
SELECT identifiers, anchor FROM events WHERE 'cookie:kiosk' = ANY (identifiers) ORDER BY 1;
SELECT identifier, anchor, reason FROM identity_refusals ORDER BY 1, 2;
SELECT * FROM cdp.check('many2');

-- An array of thirty thousand takes time in proportion to its length, not to its square
SET search_path = many, public;
UPDATE settings SET max_identifiers = DEFAULT;
SET statement_timeout = '60s';
INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('11'), 'large', (SELECT array_agg('cookie:x' || i) FROM generate_series(1, 30000) i)),
    (cdp.event_id('12'), 'all blocked', (SELECT array_agg('cookie:' || repeat('7', 6 + i % 1000)) FROM generate_series(1, 30000) i));
RESET statement_timeout;
SELECT reason, count(*) FROM identity_refusals WHERE event_id IN (cdp.event_id('11'), cdp.event_id('12')) GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM cdp.check('many');

DROP VIEW public.many_state;
DROP FUNCTION public.many_cookies;
SET client_min_messages = warning;
DROP SCHEMA many, many2 CASCADE;
