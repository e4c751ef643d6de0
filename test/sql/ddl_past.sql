-- With the event triggers off a definition may lose its meaning: it is false for every profile, it says so, and heals.
\pset format unaligned
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET cdp.clock = '2024-03-01 12:00+00';
SELECT cdp.create_workspace('d');
SET search_path = d, public;
ALTER TABLE profiles ADD COLUMN tier int, ADD COLUMN note text;
ALTER TABLE events ADD COLUMN campaign text;
INSERT INTO events (event, identifiers, campaign) VALUES ('a', '{user_id:1}', 'x'), ('a', '{user_id:2}', 'y'), ('b', '{user_id:2}', 'z');
UPDATE profiles SET tier = 1;
INSERT INTO segments VALUES ('tiered', 'tier = 1'), ('both', $$segments ? 'tiered' AND event_count > 0$$), ('clock', $$tier = 1 AND last_seen < now() - interval '1 day'$$);
INSERT INTO computed_traits (name, kind, event, expression) VALUES ('campaigns', 'unique_list', 'a', 'campaign');
INSERT INTO segments VALUES ('x', $$computed->'campaigns' @> '["x"]'$$);
SELECT * FROM cdp.check('d');

SET session_replication_role = replica;
ALTER TABLE profiles DROP COLUMN tier;
ALTER TABLE events RENAME COLUMN campaign TO c;
RESET session_replication_role;
SELECT kind, key, stored FROM cdp.check('d') WHERE key LIKE 'definition%' ORDER BY 1, 2;
SELECT count(*) FROM cdp.check('d') WHERE kind = 'segments' AND key LIKE 'profile%';
SELECT * FROM cdp.status('d') WHERE topic LIKE '%errors' ORDER BY 1, 2;
-- An event of a profile: the profile leaves, which is no fault of the event's
SET cdp.clock = '2024-03-01 13:00+00';
INSERT INTO events (event, identifiers) VALUES ('a', '{user_id:1}'), ('b', '{user_id:1}'), ('a', '{}');
SELECT segment, entered, at, cause FROM segment_changes WHERE at >= '2024-03-01 13:00+00' ORDER BY 1;
SELECT segment, profile_id = cdp.profile_of('d', 'user_id:1') AS of_1, sqlstate, message FROM segment_errors ORDER BY 1;
SELECT trait, profile_id = cdp.profile_of('d', 'user_id:1') AS of_1, n, sqlstate, message FROM computed_trait_errors;
-- Everything is derived again: then all is false, and cdp.check has the definitions only
SET cdp.clock = '2024-03-01 14:00+00';
SELECT cdp.rebuild('d');
SELECT segment, count(*) FROM segment_errors GROUP BY 1 ORDER BY 1;
SELECT trait, profile_id = cdp.profile_of('d', 'user_id:1') AS of_1, n FROM computed_trait_errors ORDER BY 2;
SELECT kind, key, stored FROM cdp.check('d') ORDER BY 1, 2;

-- Other commands are not refused because of them; the one that heals them has them evaluated
ALTER TABLE profiles ADD COLUMN other int;
ALTER TABLE profiles RENAME COLUMN note TO remark;
ALTER TABLE events RENAME COLUMN c TO campaign;
SELECT kind, key, stored FROM cdp.check('d') ORDER BY 1, 2;
SELECT count(*) FROM computed_trait_errors;
ALTER TABLE profiles ADD COLUMN tier int DEFAULT 1;
SELECT segment, count(*) FROM profiles CROSS JOIN LATERAL cdp.segment_entries(segments) GROUP BY 1 ORDER BY 1;
SELECT * FROM segment_errors;
SELECT * FROM cdp.check('d');
-- ... and a definition that is corrected, or goes
SET session_replication_role = replica;
ALTER TABLE profiles RENAME COLUMN tier TO level;
ALTER TABLE events DROP COLUMN campaign;
RESET session_replication_role;
INSERT INTO events (event, identifiers) VALUES ('a', '{user_id:2}');
UPDATE segments SET predicate = replace(predicate, 'tier ', 'level ') WHERE name IN ('tiered', 'clock');
DELETE FROM segments WHERE name = 'x';
DELETE FROM computed_traits;
SELECT segment, count(*) FROM profiles CROSS JOIN LATERAL cdp.segment_entries(segments) GROUP BY 1 ORDER BY 1;
SELECT (SELECT count(*) FROM segment_errors) AS segment_errors, (SELECT count(*) FROM computed_trait_errors) AS computed_trait_errors;
SELECT * FROM cdp.check('d');
-- The function is for its event triggers alone
SELECT cdp.watch_ddl();
CREATE EVENT TRIGGER ddl_wrong ON sql_drop EXECUTE FUNCTION cdp.watch_ddl();
DROP TABLE IF EXISTS public.ddl_none;
CREATE TABLE public.ddl_some ();
DROP TABLE public.ddl_some;
DROP EVENT TRIGGER ddl_wrong;
DROP TABLE public.ddl_some;
SET client_min_messages = warning;
DROP SCHEMA d CASCADE;
