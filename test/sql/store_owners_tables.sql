-- What owners may do to the tables of a workspace holds for the engine's writes, and does not make
-- them wrong.
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SELECT cdp.create_workspace('mine');

-- Row triggers fire on rows that are inserted unless they are there, too.
CREATE TABLE mine.seen (place bigint GENERATED ALWAYS AS IDENTITY, what text);
CREATE FUNCTION mine.note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO mine.seen (what) VALUES (format('%s %s %s', TG_TABLE_NAME, TG_WHEN, TG_OP));
    RETURN NEW;
END $$;
CREATE TRIGGER note_before BEFORE INSERT OR UPDATE ON mine.identifiers FOR EACH ROW EXECUTE FUNCTION mine.note();
CREATE TRIGGER note_after AFTER INSERT OR UPDATE ON mine.identifiers FOR EACH ROW EXECUTE FUNCTION mine.note();
CREATE TRIGGER note_after AFTER INSERT OR UPDATE ON mine.identity_links FOR EACH ROW EXECUTE FUNCTION mine.note();
CREATE TRIGGER note_after AFTER INSERT OR UPDATE ON mine.profiles FOR EACH ROW EXECUTE FUNCTION mine.note();
INSERT INTO mine.events (event, identifiers) VALUES ('Seen', '{user_id:1,cookie:1}');
SELECT what, count(*) FROM mine.seen GROUP BY what ORDER BY what COLLATE "C";

-- A trigger that keeps a row out is an error: the engine needs it.
CREATE FUNCTION mine.refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER refuse BEFORE INSERT ON mine.identity_links FOR EACH ROW EXECUTE FUNCTION mine.refuse();
INSERT INTO mine.events (event, identifiers) VALUES ('Seen', '{user_id:2,cookie:2}');
DROP TRIGGER refuse ON mine.identity_links;

-- Foreign keys of columns that owners add.
CREATE TABLE mine.kinds (kind text PRIMARY KEY);
ALTER TABLE mine.identifiers ADD COLUMN kind text;
ALTER TABLE mine.identifiers ALTER COLUMN kind SET DEFAULT 'odd', ADD FOREIGN KEY (kind) REFERENCES mine.kinds;
INSERT INTO mine.events (event, identifiers) VALUES ('Seen', '{user_id:2}');
ALTER TABLE mine.identifiers DROP COLUMN kind;

-- A violated constraint shows the row to the owner, and not to an application that may only insert.
CREATE ROLE regress_cdp_sender;
GRANT USAGE ON SCHEMA mine TO regress_cdp_sender;
GRANT INSERT ON mine.events TO regress_cdp_sender;
INSERT INTO mine.events (event, identifiers, traits) VALUES ('Told', '{user_id:3,cookie:3}', '{"secret": "hush"}');
ALTER TABLE mine.profiles ADD CONSTRAINT few CHECK (event_count < 2) NOT VALID;
SET ROLE regress_cdp_sender;
DO $$
DECLARE
    detail text;
BEGIN
    INSERT INTO mine.events (event, identifiers) VALUES ('Seen', '{cookie:3}');
EXCEPTION WHEN check_violation THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RAISE WARNING '%; %', SQLERRM, detail;
END $$;
RESET ROLE;
DO $$
DECLARE
    detail text;
BEGIN
    INSERT INTO mine.events (event, identifiers) VALUES ('Seen', '{cookie:3}');
EXCEPTION WHEN check_violation THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RAISE WARNING '%; shown: %', SQLERRM, detail LIKE '%hush%';
END $$;
ALTER TABLE mine.profiles DROP CONSTRAINT few;

-- Row security, forced on the owner, hides no events from a rebuild.
CREATE ROLE regress_cdp_forced;
SELECT format('GRANT CREATE ON DATABASE %I TO regress_cdp_forced', current_database()) \gexec
SET ROLE regress_cdp_forced;
SELECT cdp.create_workspace('forced');
INSERT INTO forced.events (event, identifiers) VALUES ('Seen', '{user_id:1,cookie:1}'), ('Seen', '{user_id:2}');
ALTER TABLE forced.events ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
SELECT cdp.rebuild('forced');
SELECT count(*) FROM forced.profiles;
SELECT cdp.drop_workspace('forced');
RESET ROLE;
SELECT format('REVOKE CREATE ON DATABASE %I FROM regress_cdp_forced', current_database()) \gexec
DROP ROLE regress_cdp_forced;
SET client_min_messages = warning;
SELECT * FROM cdp.check('mine');
DROP SCHEMA mine CASCADE;
DROP ROLE regress_cdp_sender;
