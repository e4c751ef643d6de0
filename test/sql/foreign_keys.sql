-- Foreign keys of users to profiles: a warning where one is made, a warning where it is met, and never an error.
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET cdp.clock = '2025-03-01 12:00+00';
SELECT cdp.create_workspace('shop');

-- Made: with the table, later, in a schema, by parts.
CREATE TABLE notes (profile_id bigint REFERENCES shop.profiles, note text);
CREATE TABLE marks (profile_id bigint, CONSTRAINT "the mark's" FOREIGN KEY (profile_id) REFERENCES shop.profiles ON DELETE CASCADE);
CREATE TABLE visits (visit int, profile_id bigint);
ALTER TABLE visits ADD COLUMN place text;
ALTER TABLE visits ADD FOREIGN KEY (profile_id) REFERENCES shop.profiles ON DELETE SET NULL NOT VALID;
CREATE SCHEMA crm CREATE TABLE calls (profile_id bigint REFERENCES shop.profiles ON DELETE RESTRICT);
CREATE TABLE parts (profile_id bigint REFERENCES shop.profiles) PARTITION BY HASH (profile_id);
CREATE TABLE part PARTITION OF parts FOR VALUES WITH (MODULUS 1, REMAINDER 0);
CREATE TABLE two (a bigint REFERENCES shop.profiles, b bigint REFERENCES shop.profiles);
-- ... in a subtransaction; what is not made is not told of again.
BEGIN;
SAVEPOINT s;
CREATE TABLE taken_back (profile_id bigint REFERENCES shop.profiles);
ROLLBACK TO s;
ALTER TABLE notes ADD COLUMN written_at timestamptz;
COMMIT;
-- ... and again where the key itself is altered.
ALTER TABLE visits VALIDATE CONSTRAINT visits_profile_id_fkey;
-- Other keys are nobody's business: to a table of that name that is no workspace's, from a workspace's table, to another one.
CREATE TABLE profiles (profile_id bigint PRIMARY KEY);
CREATE TABLE photos (profile_id bigint REFERENCES profiles);
CREATE TABLE changes (segment text REFERENCES shop.segments);
ALTER TABLE shop.profiles ADD COLUMN main_photo bigint REFERENCES profiles;
SELECT topic, item, value FROM cdp.status('shop') WHERE topic = 'foreign keys';

-- Whoever makes it; with no right to what cdp needs to look, nothing is said, and nothing fails.
CREATE ROLE regress_cdp_crm;
GRANT USAGE ON SCHEMA shop TO regress_cdp_crm;
GRANT REFERENCES ON shop.profiles TO regress_cdp_crm;
GRANT USAGE, CREATE ON SCHEMA crm TO regress_cdp_crm;
SET ROLE regress_cdp_crm;
CREATE TABLE crm.tickets (profile_id bigint REFERENCES shop.profiles);
RESET ROLE;
BEGIN;
REVOKE USAGE ON SCHEMA cdp FROM PUBLIC;
SET LOCAL ROLE regress_cdp_crm;
CREATE TABLE crm.silent (profile_id bigint REFERENCES shop.profiles);
SELECT count(*) FROM crm.silent;
ROLLBACK;
SET client_min_messages = error;
CREATE TABLE crm.unheard (profile_id bigint REFERENCES shop.profiles);
RESET client_min_messages;
DROP TABLE notes, marks, visits, parts, two, photos, changes, crm.calls, crm.tickets, crm.unheard;
SELECT topic, item, value FROM cdp.status('shop') WHERE topic = 'foreign keys';
-- Warnings from here on would hide those of merges.
SET client_min_messages = error;
CREATE TABLE no_action (profile_id bigint REFERENCES shop.profiles);
CREATE TABLE restricted (profile_id bigint REFERENCES shop.profiles ON DELETE RESTRICT);
CREATE TABLE cascading (profile_id bigint REFERENCES shop.profiles ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE nulling (profile_id bigint REFERENCES shop.profiles ON DELETE SET NULL);
CREATE TABLE defaulting (profile_id bigint DEFAULT 0 REFERENCES shop.profiles ON DELETE SET DEFAULT);
CREATE TABLE deferred (profile_id bigint REFERENCES shop.profiles DEFERRABLE INITIALLY DEFERRED);
RESET client_min_messages;

-- Met: events are taken, profiles merged, and rows that reference them stay as they are.
INSERT INTO shop.events (event, identifiers) VALUES ('Page Viewed', '{cookie:1,device:1}');
INSERT INTO shop.events (event, identifiers) SELECT 'Page Viewed', ARRAY['cookie:' || n] FROM generate_series(2, 8) n;
SELECT cdp.profile_of('shop', 'cookie:' || n) AS profile_id INTO known FROM generate_series(1, 8) n;
-- Each table has one, so that the warning names it whichever key is looked at first.
CREATE FUNCTION met(tab regclass, cookie text) RETURNS TABLE (kept boolean, follows boolean) LANGUAGE plpgsql AS $$
DECLARE
    former bigint := cdp.profile_of('shop', cookie);
BEGIN
    EXECUTE format('INSERT INTO %s VALUES (%s)', tab, former);
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO shop.events (event, identifiers) VALUES ('Signed In', ARRAY['cookie:1', cookie]);
    SET CONSTRAINTS ALL IMMEDIATE;
    RETURN QUERY EXECUTE format('SELECT count(*) = 1, bool_and(cdp.canonical(''shop'', t.profile_id) = cdp.profile_of(''shop'', ''cookie:1'')) FROM %s t WHERE t.profile_id = %s', tab, former);
END
$$;
SELECT * FROM met('no_action', 'cookie:2');
ALTER TABLE no_action DROP CONSTRAINT no_action_profile_id_fkey;
SELECT * FROM met('restricted', 'cookie:3');
ALTER TABLE restricted DROP CONSTRAINT restricted_profile_id_fkey;
SELECT * FROM met('cascading', 'cookie:4');
ALTER TABLE cascading DROP CONSTRAINT cascading_profile_id_fkey;
SELECT * FROM met('nulling', 'cookie:5');
ALTER TABLE nulling DROP CONSTRAINT nulling_profile_id_fkey;
SELECT * FROM met('defaulting', 'cookie:6');
ALTER TABLE defaulting DROP CONSTRAINT defaulting_profile_id_fkey;
SELECT * FROM met('deferred', 'cookie:7');
ALTER TABLE deferred DROP CONSTRAINT deferred_profile_id_fkey;
SELECT (SELECT count(*) FROM shop.merges) AS merges, (SELECT count(*) FROM shop.profiles) AS profiles;
SELECT * FROM cdp.check('shop');
-- Without a key there is nothing to say.
INSERT INTO shop.events (event, identifiers) VALUES ('Signed In', '{cookie:1,cookie:8}');

-- The event trigger belongs to the extension: not dumped by itself, not dropped without it, and gone with it.
SELECT d.deptype FROM pg_event_trigger t JOIN pg_depend d ON d.classid = 'pg_event_trigger'::regclass AND d.objid = t.oid
WHERE t.evtname = 'cdp_foreign_keys' AND d.refclassid = 'pg_extension'::regclass;
DROP EVENT TRIGGER cdp_foreign_keys;
BEGIN;
SELECT cdp.drop_workspace('shop');
DROP EXTENSION cdp;
SELECT count(*) FROM pg_event_trigger;
CREATE TABLE after_it (n int PRIMARY KEY);
ROLLBACK;

SET client_min_messages = warning;
DROP FUNCTION met;
DROP TABLE known, no_action, restricted, cascading, nulling, defaulting, deferred;
DROP SCHEMA shop, crm CASCADE;
DROP TABLE profiles;
DROP ROLE regress_cdp_crm;
