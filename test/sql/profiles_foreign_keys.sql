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
-- Met: events are taken, profiles merged, and rows that reference them stay as they are.
INSERT INTO shop.events (event, identifiers) VALUES ('Page Viewed', '{cookie:1,device:1}');
INSERT INTO shop.events (event, identifiers) SELECT 'Page Viewed', ARRAY['cookie:' || n] FROM generate_series(2, 8) n;
CREATE FUNCTION met(cookie text, action text) RETURNS TABLE (kept boolean, follows boolean) LANGUAGE plpgsql AS $$
DECLARE
    former bigint := cdp.profile_of('shop', cookie);
BEGIN
    SET LOCAL client_min_messages = error;
    EXECUTE 'CREATE TABLE met (profile_id bigint DEFAULT 0 REFERENCES shop.profiles ' || action || ')';
    SET LOCAL client_min_messages = notice;
    INSERT INTO met VALUES (former);
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO shop.events (event, identifiers) VALUES ('Signed In', ARRAY['cookie:1', cookie]);
    SET CONSTRAINTS ALL IMMEDIATE;
    RETURN QUERY SELECT count(*) = 1, bool_and(cdp.canonical('shop', t.profile_id) = cdp.profile_of('shop', 'cookie:1')) FROM met t WHERE t.profile_id = former;
    DROP TABLE met;
END
$$;
SELECT * FROM met('cookie:2', 'ON DELETE NO ACTION');
SELECT * FROM met('cookie:3', 'ON DELETE RESTRICT');
SELECT * FROM met('cookie:4', 'ON DELETE CASCADE ON UPDATE CASCADE');
SELECT * FROM met('cookie:5', 'ON DELETE SET NULL');
SELECT * FROM met('cookie:6', 'ON DELETE SET DEFAULT');
SELECT * FROM met('cookie:7', 'DEFERRABLE INITIALLY DEFERRED');
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
DROP SCHEMA shop, crm CASCADE;
DROP TABLE profiles;
DROP ROLE regress_cdp_crm;
