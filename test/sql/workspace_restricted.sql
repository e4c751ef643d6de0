-- The restricted operation in which an owner's code runs: what that code cannot do, what becomes of deferrable
-- constraints, which temporary tables a rebuild uses, and whose names the code sees.
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET client_min_messages = warning;
CREATE ROLE regress_cdp_own;
CREATE ROLE regress_cdp_two;
CREATE ROLE regress_cdp_app;
SELECT format('GRANT CREATE, TEMPORARY ON DATABASE %I TO regress_cdp_own, regress_cdp_two, regress_cdp_app', current_database()) \gexec
SET ROLE regress_cdp_own;
SELECT cdp.create_workspace('own');
GRANT USAGE ON SCHEMA own TO regress_cdp_app;
GRANT INSERT ON own.events TO regress_cdp_app;

-- What would leave something in the session of whoever inserts is refused, or ends with the statement.
CREATE FUNCTION own.do() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN EXECUTE TG_ARGV[0]; RETURN NEW; END $$;
RESET ROLE;
CREATE FUNCTION public.try(command text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER t AFTER INSERT OR UPDATE ON own.profiles FOR EACH ROW EXECUTE FUNCTION own.do(%L)', command);
    INSERT INTO own.events (event, identifiers) VALUES ('e', '{user_id:1}');
    RAISE EXCEPTION 'done';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT c AS command, public.try(c)
FROM unnest('{CREATE TEMPORARY TABLE t (x int),CREATE TEMPORARY VIEW t AS SELECT 1,CREATE TEMPORARY SEQUENCE t,SET ROLE regress_cdp_two,RESET ROLE,
    SET SESSION AUTHORIZATION regress_cdp_two,LISTEN c,UNLISTEN *,PREPARE p AS SELECT 1,DEALLOCATE ALL,DECLARE c CURSOR WITH HOLD FOR SELECT 1,DISCARD PLANS,
    SET work_mem = 64,SET CONSTRAINTS ALL IMMEDIATE}'::text[]) WITH ORDINALITY u(c, n) ORDER BY n;
CREATE TRIGGER t AFTER INSERT OR UPDATE ON own.profiles FOR EACH ROW
    EXECUTE FUNCTION own.do($$SELECT set_config('search_path', 'nowhere', false), set_config('work_mem', '123kB', false), set_config('own.mine', 'x', false)$$);
SHOW work_mem \gset before_
INSERT INTO own.events (event, identifiers) VALUES ('e', '{user_id:1}');
SELECT current_setting('search_path') <> 'nowhere' AND current_setting('work_mem') = :'before_work_mem'
       AND coalesce(current_setting('own.mine', true), '') = '' AS as_before;
SELECT cdp.reevaluate('own');
SELECT current_setting('search_path') <> 'nowhere' AS as_before;
DROP TRIGGER t ON own.profiles;

-- A deferred constraint is checked within the statement: its trigger runs as the owner.
SET ROLE regress_cdp_own;
CREATE TABLE own.seen (place bigint GENERATED ALWAYS AS IDENTITY, what text, who text DEFAULT current_user);
CREATE FUNCTION own.note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO own.seen (what) VALUES (format('%s %s %s', TG_OP, TG_TABLE_NAME, TG_NAME));
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER late AFTER INSERT OR UPDATE ON own.profiles DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION own.note();
CREATE CONSTRAINT TRIGGER "Soon" AFTER INSERT ON own.identifiers DEFERRABLE FOR EACH ROW EXECUTE FUNCTION own.note();
RESET ROLE;
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO own.events (event, identifiers) VALUES ('e', '{user_id:2}');
SELECT what, who FROM own.seen ORDER BY place;
ROLLBACK;
-- ... one that a user's own statement has left pending, too; and afterwards it is deferred again.
SET ROLE regress_cdp_own;
ALTER TABLE own.profiles ADD COLUMN mine int;
RESET ROLE;
BEGIN;
UPDATE own.profiles SET mine = 1;
SELECT count(*) FROM own.seen;
INSERT INTO own.events (event, identifiers) VALUES ('e', '{user_id:3}');
SELECT what, who FROM own.seen ORDER BY place;
UPDATE own.profiles SET mine = 2 WHERE mine = 1;
SELECT count(*) FROM own.seen;
SET CONSTRAINTS ALL IMMEDIATE;
SELECT what, who = session_user AS by_the_caller FROM own.seen ORDER BY place DESC LIMIT 1;
ROLLBACK;
-- ... also where a part of the transaction is rolled back, and where what was pending is wrong.
SET ROLE regress_cdp_own;
DROP TRIGGER late ON own.profiles;
DROP TRIGGER "Soon" ON own.identifiers;
CREATE TABLE own.accounts (id int PRIMARY KEY);
ALTER TABLE own.profiles ADD COLUMN account int CONSTRAINT to_account REFERENCES own.accounts DEFERRABLE INITIALLY DEFERRED;
BEGIN;
UPDATE own.profiles SET account = 1;
SAVEPOINT s;
INSERT INTO own.events (event, identifiers) VALUES ('e', '{user_id:4}');
ROLLBACK TO s;
INSERT INTO own.accounts VALUES (1);
INSERT INTO own.events (event, identifiers) VALUES ('e', '{user_id:4}');
UPDATE own.profiles SET account = 2 WHERE account = 1;
INSERT INTO own.accounts VALUES (2);
COMMIT;
SELECT account FROM own.profiles ORDER BY profile_id;
BEGIN;
SET CONSTRAINTS own.to_account IMMEDIATE;
INSERT INTO own.events (event, identifiers) VALUES ('e', '{user_id:4}');
-- what the session had set is lost
UPDATE own.profiles SET account = 3;
ROLLBACK;

-- ... also under another name, and after what referred to the workspace has gone.
ALTER TABLE own.profiles RENAME CONSTRAINT to_account TO "To account";
CREATE TABLE own.followers (anchor cdp.identifier, identifier cdp.identifier,
                            CONSTRAINT follows FOREIGN KEY (anchor, identifier) REFERENCES own.identity_links DEFERRABLE);
INSERT INTO own.events (event, identifiers) VALUES ('e', '{user_id:4,cookie:4}');
DROP TABLE own.followers;
INSERT INTO own.events (event, identifiers) VALUES ('e', '{user_id:4,cookie:5}');
ALTER TABLE own.profiles RENAME CONSTRAINT "To account" TO to_account;

-- An owner's trigger that feeds a second workspace, and a table that follows identifiers by a foreign key.
SELECT cdp.create_workspace('own2');
ALTER TABLE own2.profiles ADD COLUMN code text CONSTRAINT code_key UNIQUE DEFERRABLE INITIALLY DEFERRED;
CREATE FUNCTION own.feed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO own2.events (event, identifiers) VALUES ('fed', ARRAY['user_id:' || NEW.profile_id]);
    RETURN NULL;
END $$;
CREATE TRIGGER feed AFTER INSERT ON own.profiles FOR EACH ROW EXECUTE FUNCTION own.feed();
CREATE TABLE own.marks (identifier cdp.identifier CONSTRAINT mark REFERENCES own.identifiers ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED);
CREATE CONSTRAINT TRIGGER late AFTER DELETE ON own.marks DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION own.note();
INSERT INTO own.marks VALUES ('user_id:1');
RESET ROLE;
BEGIN;
INSERT INTO own.events (event, identifiers) VALUES ('e', '{user_id:5}'), ('e', '{user_id:6}');
SELECT count(*) AS fed FROM own2.profiles;
UPDATE own2.profiles SET code = 'same';
ROLLBACK;
SELECT cdp.rebuild('own');
SELECT what, who FROM own.seen ORDER BY place;
SELECT * FROM cdp.check('own');

-- Somebody else's constraint trigger of the same name does not run as the owner.
GRANT CREATE, USAGE ON SCHEMA own TO regress_cdp_two;
SET ROLE regress_cdp_two;
CREATE TABLE own.alien (x int);
CREATE FUNCTION own.alien() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'ran as %', current_user; RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER to_account AFTER INSERT ON own.alien DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION own.alien();
RESET ROLE;
BEGIN;
INSERT INTO own.alien VALUES (1);
INSERT INTO own.events (event, identifiers) VALUES ('e', '{user_id:9}');
ROLLBACK;
DROP TABLE own.alien;
DROP FUNCTION own.alien();

-- A rebuild's temporary tables are its own, whatever the session has of such names, and whosoever's
-- workspace was rebuilt before.
SET ROLE regress_cdp_two;
SELECT cdp.create_workspace('two');
CREATE DOMAIN two.odd AS text COLLATE "C" CHECK (VALUE <> 'bad');
ALTER TABLE two.profiles ADD COLUMN odd two.odd DEFAULT 'odd', ADD COLUMN "Strange name" numeric(9,2)[] DEFAULT '{1.5}',
    ADD COLUMN number int GENERATED ALWAYS AS IDENTITY, ADD COLUMN double bigint GENERATED ALWAYS AS (event_count * 2) STORED,
    ADD COLUMN shape two.events;
INSERT INTO two.events (event, identifiers) VALUES ('e', '{user_id:1,cookie:1}'), ('e', '{user_id:2}'), ('e', '{cookie:3}');
UPDATE two.profiles SET odd = 'kept', "Strange name" = '{2,3.25}', shape = (SELECT e FROM two.events e LIMIT 1) WHERE profile_id = 1;
RESET ROLE;
SELECT md5(string_agg(p::text, '' ORDER BY profile_id)) AS before FROM two.profiles p \gset
BEGIN;
CREATE FUNCTION pg_temp.trap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'trapped by %', current_user; RETURN NEW; END $$;
CREATE TEMPORARY TABLE cdp_old_profiles (x int);
CREATE TEMPORARY TABLE cdp_kept (new_id int DEFAULT 5, old_id int);
CREATE TRIGGER t BEFORE INSERT ON cdp_kept FOR EACH ROW EXECUTE FUNCTION pg_temp.trap();
CREATE TYPE pg_temp.cdp_scope_1 AS ENUM ('a');
INSERT INTO cdp_old_profiles VALUES (7);
SELECT cdp.rebuild('own'), cdp.rebuild('two'), cdp.rebuild('own');
UPDATE two.identifier_namespaces SET can_merge = false WHERE namespace = 'cookie';
UPDATE own.identifier_namespaces SET can_merge = false WHERE namespace = 'cookie';
UPDATE two.identifier_namespaces SET can_merge = true WHERE namespace = 'cookie';
SELECT x FROM cdp_old_profiles;
SELECT count(*) AS left_over FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relname ~ '^cdp_' AND relkind = 'r';
COMMIT;
SELECT md5(string_agg(p::text, '' ORDER BY profile_id)) = :'before' AS kept FROM two.profiles p;
SELECT * FROM cdp.check('two');
-- ... and an owner's trigger cannot have one made
SET ROLE regress_cdp_own;
CREATE TRIGGER t AFTER INSERT ON own.profiles FOR EACH ROW EXECUTE FUNCTION own.do('SELECT cdp.rebuild(''own2'')');
RESET ROLE;
INSERT INTO own.events (event, identifiers) VALUES ('e', '{user_id:7}');
DROP TRIGGER t ON own.profiles;

-- An application does not choose what the names in the owner's trigger mean; who could act as the owner does.
SET ROLE regress_cdp_own;
CREATE TABLE own.audit (who text);
CREATE FUNCTION own.audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit SELECT lower(current_user);
    RETURN NULL;
END $$;
CREATE TRIGGER audit AFTER INSERT ON own.profiles FOR EACH ROW EXECUTE FUNCTION own.audit();
RESET ROLE;
SET ROLE regress_cdp_app;
CREATE SCHEMA own_trap;
CREATE TABLE own_trap.taken (by text);
CREATE FUNCTION own_trap.lower(name) RETURNS text LANGUAGE plpgsql AS $$ BEGIN INSERT INTO own_trap.taken VALUES (current_user); RETURN $1; END $$;
CREATE FUNCTION own_trap.taking() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO own_trap.taken VALUES (current_user); RETURN NEW; END $$;
CREATE TABLE own_trap.audit (who text);
CREATE TEMPORARY TABLE audit (who text);
CREATE TRIGGER t BEFORE INSERT ON pg_temp.audit FOR EACH ROW EXECUTE FUNCTION own_trap.taking();
CREATE TRIGGER t BEFORE INSERT ON own_trap.audit FOR EACH ROW EXECUTE FUNCTION own_trap.taking();
GRANT ALL ON pg_temp.audit TO PUBLIC;
GRANT ALL ON ALL TABLES IN SCHEMA own_trap TO PUBLIC;
GRANT ALL ON SCHEMA own_trap TO PUBLIC;
SET search_path = own_trap, pg_catalog;
INSERT INTO own.events (event, identifiers) VALUES ('e', '{user_id:11}');
DROP TABLE pg_temp.audit;
INSERT INTO own.events (event, identifiers) VALUES ('e', '{user_id:12}');
SHOW search_path;
SELECT * FROM own_trap.taken;
RESET search_path;
RESET ROLE;
SELECT who FROM own.audit;
SET search_path = own_trap;
INSERT INTO own.events (event, identifiers) VALUES ('e', '{user_id:13}');
RESET search_path;
SELECT count(*) FROM own_trap.audit;

-- Inner functions are not called by themselves; nor does a judge see what row security hides from the caller.
SELECT cdp.timeline_body('own', 1);
SELECT cdp.rebuild_begin('own', false);
SELECT cdp.check_segments('own');
SELECT cdp.use_tables('own', 'profiles', 'nonsense');
SET ROLE regress_cdp_own;
GRANT SELECT ON ALL TABLES IN SCHEMA own TO regress_cdp_app;
SET ROLE regress_cdp_app;
SELECT cdp.use_tables('own', 'profiles', 'nonsense');
SELECT count(*) FROM cdp.check('own');
SET ROLE regress_cdp_own;
ALTER TABLE own.identifiers ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON own.identifiers USING (generic);
SET ROLE regress_cdp_app;
SELECT count(*) FROM cdp.check('own');
RESET ROLE;

DROP FUNCTION public.try(text);
DROP SCHEMA own, own2, two, own_trap CASCADE;
SELECT format('REVOKE ALL ON DATABASE %I FROM regress_cdp_own, regress_cdp_two, regress_cdp_app', current_database()) \gexec
DROP ROLE regress_cdp_own, regress_cdp_two, regress_cdp_app;
