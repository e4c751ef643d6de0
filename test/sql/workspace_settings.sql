-- Settings and identity rules: a change takes effect on the past, in its own transaction.
\pset format unaligned
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET cdp.clock = '2024-03-01 12:00+00';
SELECT cdp.create_workspace('settings');
SET search_path = settings, public;
-- Profiles are numbered in the order of their ids, which may have gaps
CREATE VIEW public.settings_profiles AS
SELECT rank() OVER (ORDER BY p.profile_id) AS nth, p.event_count AS events, p.identifier_count AS n, p.segments::text[] AS segments,
       (SELECT string_agg(cdp.text(identifier), ' ' ORDER BY identifier) FROM identifiers i WHERE i.profile_id = p.profile_id) AS identifiers
FROM profiles p;
TABLE settings;

-- The time zone: in which days the amounts are counted
INSERT INTO events (event_id, event, identifiers, occurred_at, amount) VALUES
  (cdp.event_id('1'), 'e', '{user_id:1}', '2024-02-10 16:59:59+00', 1), (cdp.event_id('2'), 'e', '{user_id:1}', '2024-02-10 17:00:00+00', 2), (cdp.event_id('3'), 'e', '{user_id:1}', '2024-02-11 01:00:00+00', 4);
INSERT INTO segments VALUES ('night', 'extract(hour FROM last_seen) < 6');
SELECT ltv::jsonb -> 'currencies' -> 'USD' -> 'days' AS days, ltv::jsonb ->> 'zone' AS zone, segments::text[] FROM profiles;
UPDATE settings SET time_zone = 'Asia/Ho_Chi_Minh';
SELECT ltv::jsonb -> 'currencies' -> 'USD' -> 'days' AS days, ltv::jsonb ->> 'zone' AS zone, segments::text[] FROM profiles;
INSERT INTO events (event_id, event, identifiers, occurred_at, amount) VALUES (cdp.event_id('4'), 'e', '{user_id:1}', '2024-02-09 17:30:00+00', 8), (cdp.event_id('5'), 'e', '{user_id:2}', '2024-02-09 17:30:00+00', 1);
SELECT rank() OVER (ORDER BY profile_id) AS nth, ltv::jsonb -> 'currencies' -> 'USD' -> 'days' AS days, segments::text[] FROM profiles ORDER BY 1;
SELECT segment, entered, cause, count(*) FROM segment_changes GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
BEGIN;
UPDATE settings SET time_zone = 'America/New_York';
SELECT rank() OVER (ORDER BY profile_id) AS nth, ltv::jsonb -> 'currencies' -> 'USD' -> 'days' AS days, segments::text[] FROM profiles ORDER BY 1;
ROLLBACK;
SELECT rank() OVER (ORDER BY profile_id) AS nth, ltv::jsonb -> 'currencies' -> 'USD' -> 'days' AS days, segments::text[] FROM profiles ORDER BY 1;
SELECT * FROM cdp.check('settings');
UPDATE settings SET time_zone = 'Asia/Saigon_City';
UPDATE settings SET time_zone = 'FOO+3';
UPDATE settings SET time_zone = '+07';
UPDATE settings SET time_zone = '';
UPDATE settings SET time_zone = NULL;
SELECT time_zone FROM settings;
-- ... in whatever spelling
UPDATE settings SET time_zone = 'asia/ho_chi_minh';
SELECT ltv::jsonb ->> 'zone' AS zone, count(*) FROM profiles GROUP BY 1;

-- The currency of amounts without one: of those to come. Stored events are facts
INSERT INTO events (event_id, event, identifiers, amount, currency) VALUES (cdp.event_id('c1'), 'e', '{user_id:c}', 10, NULL);
UPDATE settings SET default_currency = 'VND';
INSERT INTO events (event_id, event, identifiers, amount, currency) VALUES (cdp.event_id('c2'), 'e', '{user_id:c}', 10, NULL), (cdp.event_id('c3'), 'e', '{user_id:c}', 10, 'usd');
SELECT cdp.total(ltv, 'USD') AS usd, cdp.total(ltv, 'VND') AS vnd FROM profiles WHERE profile_id = cdp.profile_of('settings', 'user_id:c');
UPDATE settings SET default_currency = 'XXY';
UPDATE settings SET default_currency = 'usd';
UPDATE settings SET default_currency = NULL;
SELECT default_currency FROM settings;

-- The region of national phone numbers: what was refused as invalid identifies, and the other way round
INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('r1'), 'e', '{phone:0981553602,cookie:r1}'), (cdp.event_id('r2'), 'e', '{phone:+84981553602,cookie:r2}'), (cdp.event_id('r3'), 'e', '{phone:0981 553 602}');
SELECT nth, events, n, identifiers FROM settings_profiles WHERE identifiers ~ 'phone|:r' ORDER BY 1;
SELECT identifier, anchor, reason FROM identity_refusals ORDER BY 1, 2;
SELECT identifiers, anchor FROM events WHERE event_id IN (cdp.event_id('r1'), cdp.event_id('r2'), cdp.event_id('r3')) ORDER BY identifiers;
SELECT cdp.profile_of('settings', 'phone:0981553602') AS without_region;
UPDATE settings SET default_region = 'VN';
SELECT nth, events, n, identifiers FROM settings_profiles WHERE identifiers ~ 'phone|:r' ORDER BY 1;
SELECT identifier, anchor, reason FROM identity_refusals ORDER BY 1, 2;
SELECT identifiers, anchor FROM events WHERE event_id IN (cdp.event_id('r1'), cdp.event_id('r2'), cdp.event_id('r3')) ORDER BY identifiers;
SELECT cdp.profile_of('settings', 'phone:0981553602') = cdp.profile_of('settings', 'cookie:r2') AS with_region;
SELECT cdp.canonical('settings', merged_id) = cdp.profile_of('settings', 'cookie:r2') AS resolves, event_id IS NULL AS by_rebuild FROM merges;
UPDATE settings SET default_region = 'US';
SELECT nth, events, n, identifiers FROM settings_profiles WHERE identifiers ~ 'phone|:r' ORDER BY 1;
SELECT identifier, anchor, reason FROM identity_refusals ORDER BY 1, 2;
-- ... old Vietnamese numbers of eleven digits, while the rule is on
UPDATE settings SET default_region = 'VN';
INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('v1'), 'e', '{phone:01681553602,cookie:v1}'), (cdp.event_id('v2'), 'e', '{phone:+84381553602,cookie:v2}');
SELECT events, n, identifiers FROM settings_profiles WHERE identifiers ~ ':v';
UPDATE settings SET vietnam_2018 = false;
SELECT events, n, identifiers FROM settings_profiles WHERE identifiers ~ ':v' ORDER BY identifiers;
UPDATE settings SET default_region = 'vn';
UPDATE settings SET default_region = 'Viet Nam';
UPDATE settings SET default_region = 'XX';
SELECT default_region FROM settings;
SELECT * FROM cdp.check('settings');

-- Namespaces: limit, priority, the default row; by INSERT, UPDATE, DELETE
INSERT INTO events (event_id, event, identifiers, occurred_at) VALUES (cdp.event_id('n1'), 'e', '{user_id:n1,cookie:n}', '2024-02-01 01:00'), (cdp.event_id('n2'), 'e', '{user_id:n2,cookie:n}', '2024-02-01 02:00'),
  (cdp.event_id('n3'), 'e', '{user_id:n3,cookie:n}', '2024-02-01 03:00');
SELECT nth, events, n, identifiers FROM settings_profiles WHERE identifiers ~ ':n' ORDER BY 1;
UPDATE identifier_namespaces SET max_per_profile = 2 WHERE namespace = 'user_id';
SELECT events, n, identifiers FROM settings_profiles WHERE identifiers ~ ':n' ORDER BY 3;
SELECT identifier, anchor, reason, detail FROM identity_refusals WHERE anchor = 'user_id:n3';
UPDATE identifier_namespaces SET max_per_profile = NULL WHERE namespace = 'user_id';
SELECT events, n, identifiers FROM settings_profiles WHERE identifiers ~ ':n' ORDER BY 3;
SELECT count(*) FROM identity_refusals WHERE reason = 'limit';
UPDATE identifier_namespaces SET max_per_profile = 1 WHERE namespace = 'user_id';
SELECT events, n, identifiers FROM settings_profiles WHERE identifiers ~ ':n' ORDER BY 3;
SELECT * FROM cdp.check('settings');
-- ... a new priority moves the anchors
UPDATE identifier_namespaces SET priority = 1 WHERE namespace = 'cookie';
SELECT DISTINCT anchor FROM events WHERE 'cookie:n' = ANY (identifiers);
SELECT events, n, identifiers FROM settings_profiles WHERE identifiers ~ ':n' ORDER BY 3;
SELECT identifier, anchor, reason FROM identity_refusals WHERE anchor = 'cookie:n' ORDER BY 1;
DELETE FROM identifier_namespaces WHERE namespace = 'cookie';
INSERT INTO identifier_namespaces VALUES ('cookie', 90, NULL);
-- ... without rows, every kind is alike and unlimited; by name then place
BEGIN;
DELETE FROM identifier_namespaces;
SELECT DISTINCT anchor FROM events WHERE 'cookie:n' = ANY (identifiers);
SELECT events, n, identifiers FROM settings_profiles WHERE identifiers ~ ':n' ORDER BY 3;
INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('n4'), 'e', '{zzz:n,cookie:n}');
SELECT anchor FROM events WHERE event_id = cdp.event_id('n4');
SELECT * FROM cdp.check('settings');
ROLLBACK;
TRUNCATE blocked_identifiers;
DELETE FROM blocked_identifiers;
INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('b1'), 'e', '{user_id:null}');
SELECT events, n, identifiers FROM settings_profiles WHERE identifiers ~ 'null';
SELECT * FROM cdp.check('settings');
-- What is no rule
INSERT INTO identifier_namespaces VALUES ('Loyalty', 5, NULL);
INSERT INTO identifier_namespaces VALUES ('loy-alty', 5, NULL);
INSERT INTO identifier_namespaces VALUES ('loyalty', 5, 0);
INSERT INTO identifier_namespaces VALUES ('loyalty', NULL, 1);
INSERT INTO identifier_namespaces VALUES ('email', 5, 1);
INSERT INTO blocked_identifiers VALUES ('E-Mail', 'x');
INSERT INTO blocked_identifiers (value) VALUES ('');
SELECT count(*) FROM identifier_namespaces;

-- A statement that changes no row of the rules changes nothing; several at once count once
SELECT max(profile_id) AS last FROM profiles \gset
UPDATE settings SET time_zone = 'Europe/Paris', default_currency = 'EUR', default_region = 'FR' WHERE false;
DELETE FROM blocked_identifiers WHERE value = 'not there';
SELECT max(profile_id) = :last AS ids_kept, (SELECT time_zone FROM settings) FROM profiles;

-- Not in a transaction whose snapshot may miss events
BEGIN ISOLATION LEVEL REPEATABLE READ;
UPDATE settings SET time_zone = 'UTC';
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
INSERT INTO blocked_identifiers (value) VALUES ('x');
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
DELETE FROM identifier_namespaces WHERE namespace = 'phone';
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT cdp.rebuild('settings');
ROLLBACK;
-- Whoever may write the rules may change them, without any right to the rest
CREATE ROLE settings_steward;
GRANT USAGE ON SCHEMA settings TO settings_steward;
GRANT SELECT, INSERT, UPDATE, DELETE ON settings, identifier_namespaces, blocked_identifiers TO settings_steward;
SET ROLE settings_steward;
INSERT INTO settings.blocked_identifiers (value) VALUES ('n');
SELECT current_user;
SELECT count(*) FROM settings.profiles;
RESET ROLE;
SELECT events, n, identifiers FROM settings_profiles WHERE identifiers ~ ':n' ORDER BY 3;
SELECT * FROM cdp.check('settings');

DROP VIEW public.settings_profiles;
SET client_min_messages = warning;
DROP SCHEMA settings CASCADE;
DROP ROLE settings_steward;
