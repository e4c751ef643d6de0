-- drop_workspace, detach, DROP EXTENSION.
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET cdp.clock = '2025-03-01 12:00+00';

-- What is in the schemas of the test, by kind.
CREATE VIEW objects AS
SELECT n.nspname, c.relkind, count(*)
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('shop', 'kept')
GROUP BY 1, 2;

-- A workspace goes with all that belongs to it: what its owner added to its tables, too.
SELECT cdp.create_workspace('shop');
ALTER TABLE shop.profiles ADD COLUMN manager text;
CREATE INDEX ON shop.profiles (manager);
INSERT INTO shop.segments (name, predicate) VALUES ('all', 'event_count > 0');
INSERT INTO shop.events (event, identifiers) VALUES ('x', '{user_id:1}');
SELECT cdp.drop_workspace('shop');
SELECT * FROM objects;
SELECT FROM pg_namespace WHERE nspname = 'shop';
-- The name is free again.
SELECT cdp.create_workspace('shop');

-- Objects of others, in the schema or outside, are in the way, and nothing is dropped.
CREATE TABLE shop.notes (note text);
SELECT cdp.drop_workspace('shop');
DROP TABLE shop.notes;
CREATE VIEW best AS SELECT profile_id FROM shop.profiles WHERE event_count > 10;
SELECT cdp.drop_workspace('shop');
DROP VIEW best;
CREATE VIEW best AS SELECT email FROM shop.customers;
SELECT cdp.drop_workspace('shop');
DROP VIEW best;
CREATE FUNCTION shop.f() RETURNS int LANGUAGE sql RETURN 1;
SELECT cdp.drop_workspace('shop');
DROP FUNCTION shop.f();
INSERT INTO shop.events (event, identifiers) VALUES ('x', '{user_id:1}');
SELECT count(*) AS still_there FROM shop.customers;

-- Only its owner may, and only a workspace.
CREATE ROLE regress_cdp_stranger;
GRANT ALL ON SCHEMA shop TO regress_cdp_stranger;
GRANT ALL ON ALL TABLES IN SCHEMA shop TO regress_cdp_stranger;
SET ROLE regress_cdp_stranger;
SELECT cdp.drop_workspace('shop');
SELECT cdp.detach('shop');
RESET ROLE;
DROP OWNED BY regress_cdp_stranger;
DROP ROLE regress_cdp_stranger;
CREATE SCHEMA notashop CREATE TABLE events (event text);
SELECT cdp.drop_workspace('notashop');
SELECT cdp.detach('notashop');
SELECT cdp.drop_workspace('public');
SELECT cdp.drop_workspace('nowhere');
DROP SCHEMA notashop CASCADE;
SELECT cdp.drop_workspace('shop');

-- Kept: the data of every type, and columns of the owner's.
SELECT cdp.create_workspace('kept');
ALTER TABLE kept.profiles ADD COLUMN seen_as cdp.identifier[], ADD COLUMN manager text DEFAULT 'nobody';
CREATE INDEX profiles_plan ON kept.profiles ((traits->>'plan'));
INSERT INTO kept.segments (name, predicate) VALUES ('buyer', 'cdp.purchases(ltv) > 0');
INSERT INTO kept.events (event_id, occurred_at, event, source, identifiers, amount, currency, traits) VALUES
    (cdp.event_id('1'), '2025-02-01 10:00+00', 'Signed In', 'web', '{user_id:1,email:an@example.com,email:bad}', 12.50, 'USD', '{"plan": "gold"}'),
    (cdp.event_id('2'), '2025-02-02 10:00+00', 'Signed In', 'web', '{cookie:b}', NULL, NULL, NULL),
    (cdp.event_id('3'), '2025-02-03 10:00+00', 'Signed In', 'web', '{user_id:1,cookie:b}', -2.5, 'USD', NULL);
UPDATE kept.profiles SET seen_as = '{email:an@example.com}';
SELECT * FROM cdp.check('kept');

-- The extension cannot go while a workspace is there; the refusal names its tables.
DO $$
DECLARE
    detail text;
BEGIN
    DROP EXTENSION cdp;
    RAISE NOTICE 'dropped';
EXCEPTION WHEN dependent_objects_still_exist THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RAISE NOTICE '%', (SELECT string_agg(DISTINCT m[1], ', ' ORDER BY m[1])
                       FROM regexp_matches(detail, 'table (kept\.\w+) depends on', 'g') m);
END
$$;

-- What the owner made of the extension's functions is named, and nothing is changed.
CREATE VIEW kept.gold AS SELECT profile_id FROM kept.profiles WHERE cdp.has_segment(segments, 'buyer');
SELECT cdp.detach('kept');
DROP VIEW kept.gold;
CREATE INDEX profiles_purchases ON kept.profiles (cdp.purchases(ltv));
SELECT cdp.detach('kept');
DROP INDEX kept.profiles_purchases;
ALTER TABLE kept.settings ADD COLUMN checked_at timestamptz DEFAULT cdp.now();
SELECT cdp.detach('kept');
ALTER TABLE kept.settings DROP COLUMN checked_at;
SELECT * FROM cdp.check('kept');

SELECT cdp.detach('kept');
-- Not a second time: it is no workspace any more.
SELECT cdp.detach('kept');
SELECT * FROM cdp.check('kept');

-- No column, default, trigger or view of the schema knows the extension.
SELECT a.attrelid::regclass, a.attname
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_type t ON t.oid = a.atttypid
WHERE c.relnamespace = 'kept'::regnamespace AND t.typnamespace = 'cdp'::regnamespace;
SELECT t.tgrelid::regclass, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE c.relnamespace = 'kept'::regnamespace;
SELECT d.adrelid::regclass, pg_get_expr(d.adbin, d.adrelid)
FROM pg_attrdef d JOIN pg_class c ON c.oid = d.adrelid
WHERE c.relnamespace = 'kept'::regnamespace AND c.relname IN ('events', 'profiles')
ORDER BY 1, 2;
SELECT * FROM objects WHERE relkind = 'v';
DROP EXTENSION cdp;

-- The data stays, readable, with its keys and indexes, and takes more.
SELECT traits, ltv, segments, seen_as, manager, traits->>'plan' AS plan, segments ? 'buyer' AS buyer FROM kept.profiles;
SELECT identifier, first_seen FROM kept.identifiers ORDER BY identifier;
SELECT anchor, identifier FROM kept.identity_links ORDER BY 1, 2;
SELECT identifier, anchor, reason FROM kept.identity_refusals;
SELECT anchor, identifier FROM kept.merges;
SELECT event, anchor, identifiers FROM kept.events ORDER BY occurred_at;
SELECT indexdef FROM pg_indexes WHERE schemaname = 'kept' AND tablename IN ('profiles', 'identifiers') ORDER BY 1;
SELECT obj_description('kept'::regnamespace);
INSERT INTO kept.events (event) VALUES ('later');
SELECT event_id IS NOT NULL AS id, occurred_at <= now() AS now FROM kept.events WHERE event = 'later';
SET client_min_messages = warning;
DROP SCHEMA kept CASCADE;
DROP VIEW objects;
CREATE EXTENSION cdp;
