-- A damaged workspace can be dropped and detached; whoever damages one by DROP TABLE or DROP TRIGGER is warned.
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET cdp.clock = '2025-03-01 12:00+00';
CREATE FUNCTION public.make() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM cdp.create_workspace('shop');
    INSERT INTO shop.segments (name, predicate) VALUES ('buyer', 'cdp.purchases(ltv) > 0');
    INSERT INTO shop.computed_traits (name, kind) VALUES ('n', 'count');
    INSERT INTO shop.events (event, identifiers, amount) VALUES ('x', '{user_id:1,email:a@example.com}', 5);
END
$$;
-- What is left of it: objects by kind, and whatever still depends on cdp.
CREATE VIEW public.rest AS
SELECT c.relkind::text, count(*) FROM pg_class c WHERE c.relnamespace = to_regnamespace('shop') GROUP BY 1
UNION ALL SELECT 'd', count(*) FROM cdp.workspace_dependencies('shop') HAVING count(*) > 0;

-- Warnings, one for each; not where nothing of the workspace is left, nor for what is the user's
SELECT make();
CREATE TABLE shop.mine (a int);
CREATE FUNCTION public.nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER mine AFTER INSERT ON shop.profiles FOR EACH ROW EXECUTE FUNCTION public.nothing();
CREATE TRIGGER cdp_guard AFTER INSERT ON shop.mine FOR EACH ROW EXECUTE FUNCTION public.nothing();
DROP TRIGGER mine ON shop.profiles;
DROP TRIGGER cdp_guard ON shop.mine;
DROP TABLE shop.mine;
DROP VIEW shop.profiles_now;
BEGIN;
DROP TABLE shop.merges, shop.identity_links;
DROP TRIGGER cdp_guard ON shop.identifiers;
DROP TRIGGER cdp_ingest ON shop.events;
ROLLBACK;
BEGIN;
SET LOCAL search_path = shop;
DROP TABLE value_models;
DROP TABLE IF EXISTS nowhere, segments CASCADE;
DROP TRIGGER IF EXISTS cdp_no ON events;
DROP TRIGGER IF EXISTS cdp_immutable ON events;
DROP INDEX segment_changes_segment_at_idx;
DROP TABLE missing;
ROLLBACK;
SET session_replication_role = replica;
BEGIN;
DROP TABLE shop.merges;
ROLLBACK;
RESET session_replication_role;
-- ... drop_workspace, DROP SCHEMA and detach are meant
SELECT cdp.drop_workspace('shop');
SELECT make();
SET client_min_messages = warning;
DROP SCHEMA shop CASCADE;
SELECT make();
SELECT cdp.detach('shop');
SELECT * FROM rest ORDER BY 1;
DROP SCHEMA shop CASCADE;

-- Damage of all kinds, then each of the two
\set VERBOSITY terse
SET client_min_messages = error;
CREATE TABLE public.damages (n serial, damage text);
INSERT INTO damages (damage) VALUES ('DROP TABLE shop.events CASCADE'), ('DROP TABLE shop.profiles CASCADE'), ('DROP TABLE shop.segments'), ('DROP TABLE shop.settings'),
    ('DROP TABLE shop.identifiers CASCADE'), ('DROP TABLE shop.events, shop.event_ids, shop.profiles, shop.identifiers, shop.segments, shop.settings CASCADE'),
    ('ALTER TABLE shop.profiles DROP COLUMN traits CASCADE'), ('ALTER TABLE shop.events DROP COLUMN event_id, DROP COLUMN anchor CASCADE'), ('ALTER TABLE shop.events DROP COLUMN occurred_at'),
    ('DELETE FROM shop.segments; ALTER TABLE shop.profiles DROP COLUMN ltv CASCADE, DROP COLUMN segments CASCADE, DROP COLUMN computed CASCADE'), ('DROP TRIGGER cdp_ingest ON shop.events'),
    ('DROP TRIGGER cdp_guard ON shop.profiles; DROP TRIGGER cdp_define_insert ON shop.segments'),
    ('DO $do$ DECLARE t record; BEGIN FOR t IN SELECT tgname, tgrelid::regclass AS r FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid WHERE c.relnamespace = ''shop''::regnamespace AND NOT tgisinternal LOOP EXECUTE format(''DROP TRIGGER %I ON %s'', t.tgname, t.r); END LOOP; END $do$'),
    ('DROP VIEW shop.customers; CREATE TABLE shop.customers (a int); DROP TABLE shop.customers'), ('DROP VIEW shop.customers, shop.profiles_now'),
    ('ALTER TABLE shop.merges RENAME TO unions; CREATE VIEW shop.merges AS SELECT 1 AS a; DROP VIEW shop.merges; ALTER TABLE shop.unions RENAME TO merges'),
    ('ALTER TABLE shop.events ALTER COLUMN event_id DROP DEFAULT, ALTER COLUMN event_id TYPE text, ALTER COLUMN received_at DROP DEFAULT, ALTER COLUMN received_at TYPE text'),
    ('ALTER TABLE shop.identity_refusals ALTER COLUMN identifier TYPE text'), ('ALTER TABLE shop.settings ALTER COLUMN time_zone DROP DEFAULT, ALTER COLUMN time_zone TYPE int USING 1'), ('ALTER TABLE shop.segments ALTER COLUMN predicate TYPE int USING 1'),
    ('ALTER TABLE shop.identifiers RENAME COLUMN last_seen TO seen'), ('ALTER TABLE shop.event_ids DROP CONSTRAINT event_ids_pkey'), ('DELETE FROM shop.segments; ALTER TABLE shop.profiles RENAME COLUMN traits TO t'),
    ('ALTER TABLE shop.profiles ALTER COLUMN traits DROP NOT NULL'), ('DROP INDEX shop.events_anchor_occurred_at_idx'), ('SET LOCAL session_replication_role = replica; ALTER TABLE shop.profiles RENAME COLUMN ltv TO l; SET LOCAL session_replication_role = origin'),
    ('SET LOCAL session_replication_role = replica; UPDATE shop.segments SET predicate = ''nonsense('', name = name; DELETE FROM shop.settings; SET LOCAL session_replication_role = origin'),
    ('COMMENT ON SCHEMA shop IS NULL; DROP TABLE shop.profiles, shop.events, shop.segment_changes CASCADE; DROP TRIGGER cdp_guard ON shop.identifiers');
CREATE FUNCTION public.try(damage text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    PERFORM make();
    EXECUTE damage;
    EXECUTE statement;
    SELECT string_agg(r.relkind || '=' || r.count, ' ' ORDER BY r.relkind) INTO answer FROM rest r WHERE r.relkind IN ('r', 'v', 'd');
    DROP SCHEMA IF EXISTS shop CASCADE;
    RETURN coalesce(answer, 'nothing left');
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
SELECT d.n, t.answer, left(d.damage, 60) AS damage FROM damages d, LATERAL public.try(d.damage, 'SELECT cdp.drop_workspace(''shop'')') t(answer) ORDER BY d.n;
SELECT d.n, regexp_replace(t.answer, 'r=\d+', 'tables') AS answer, left(d.damage, 60) AS damage FROM damages d, LATERAL public.try(d.damage, 'SELECT cdp.detach(''shop'')') t(answer) ORDER BY d.n;
-- ... by their owners alone, and what is no workspace is none
SELECT make();
DROP TABLE shop.events CASCADE;
CREATE ROLE regress_cdp_stranger;
GRANT ALL ON SCHEMA shop TO regress_cdp_stranger;
SET ROLE regress_cdp_stranger;
SELECT cdp.drop_workspace('shop');
SELECT cdp.detach('shop');
RESET ROLE;
REVOKE ALL ON SCHEMA shop FROM regress_cdp_stranger;
DROP ROLE regress_cdp_stranger;
SELECT cdp.drop_workspace('shop');
CREATE SCHEMA shop CREATE TABLE profiles (ltv cdp.ltv) CREATE TABLE segments (name text);
SELECT cdp.drop_workspace('shop');
SELECT cdp.detach('shop');
DROP SCHEMA shop CASCADE;
DROP TABLE damages;
DROP VIEW rest;
DROP FUNCTION make, try, nothing;
