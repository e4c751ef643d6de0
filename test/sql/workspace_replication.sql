-- Logical replication: replica identities by the catalog, a workspace without rows, promotion.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
SELECT cdp.create_workspace('replication_test');

-- Tables that updates and deletes could not be replicated of: none.
CREATE VIEW without_identity AS
SELECT c.relname
FROM pg_class c
WHERE c.relnamespace = 'replication_test'::regnamespace AND c.relkind IN ('r', 'p')
  AND NOT (c.relreplident = 'f'
           OR c.relreplident = 'd' AND EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indimmediate)
           OR c.relreplident = 'i' AND EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisreplident))
ORDER BY 1;
CREATE FUNCTION identity_of(tab regclass) RETURNS text LANGUAGE sql
    RETURN (SELECT c.relreplident::text || coalesce(' ' || (SELECT i.indexrelid::regclass::text FROM pg_index i
                                                      WHERE i.indrelid = c.oid AND i.indisreplident), '')
            FROM pg_class c WHERE c.oid = tab);
SELECT * FROM without_identity;
SELECT c.relname AS whole_rows FROM pg_class c
WHERE c.relnamespace = 'replication_test'::regnamespace AND c.relreplident = 'f' ORDER BY 1;

-- What the owner has changed: no key, one that can be deferred, an index, none at all, partitions.
BEGIN;
ALTER TABLE replication_test.event_ids DROP CONSTRAINT event_ids_pkey;
ALTER TABLE replication_test.identity_links DROP CONSTRAINT identity_links_pkey;
ALTER TABLE replication_test.identity_links ADD PRIMARY KEY (anchor, identifier) DEFERRABLE;
ALTER TABLE replication_test.value_models DROP CONSTRAINT value_models_pkey;
CREATE UNIQUE INDEX partial ON replication_test.value_models (name) WHERE scoring;
CREATE UNIQUE INDEX expression ON replication_test.value_models (lower(name));
CREATE UNIQUE INDEX nullable ON replication_test.value_models (name, currency);
ALTER TABLE replication_test.exchange_rates DROP CONSTRAINT exchange_rates_pkey;
CREATE UNIQUE INDEX rates_key ON replication_test.exchange_rates (currency, day) INCLUDE (rate);
ALTER TABLE replication_test.segments REPLICA IDENTITY NOTHING;
CREATE UNIQUE INDEX changes_key ON replication_test.segment_changes (profile_id, segment, at);
ALTER TABLE replication_test.segment_changes REPLICA IDENTITY USING INDEX changes_key;
DROP INDEX replication_test.changes_key;
ALTER TABLE replication_test.profiles REPLICA IDENTITY FULL;
DROP TABLE replication_test.identifier_companions;
CREATE TABLE replication_test.identifier_companions (n integer, m integer) PARTITION BY RANGE (n);
CREATE TABLE replication_test.companions_1 PARTITION OF replication_test.identifier_companions FOR VALUES FROM (0) TO (10) PARTITION BY RANGE (n);
CREATE TABLE replication_test.companions_11 PARTITION OF replication_test.companions_1 FOR VALUES FROM (0) TO (5);
SELECT * FROM without_identity;
SELECT cdp.prepare_replication('replication_test');
SELECT * FROM without_identity;
SELECT t, identity_of(('replication_test.' || t)::regclass)
FROM unnest('{companions_1,companions_11,event_ids,exchange_rates,identifier_companions,identity_links,profiles,segment_changes,segments,value_models}'::text[]) t;
ROLLBACK;

-- A workspace without rows.
SELECT cdp.create_workspace('replication_empty', empty => true);
SELECT count(*) AS tables, sum((xpath('/row/n/text()', query_to_xml(format('SELECT count(*) AS n FROM %s', t), true, true, '')))[1]::text::bigint) AS rows
FROM cdp.workspace_tables('replication_empty') t;
INSERT INTO replication_empty.events (event) VALUES ('x');
SELECT cdp.promote('replication_empty');
SELECT cdp.drop_workspace('replication_empty');
SELECT cdp.create_workspace('replication_empty', false);
SELECT count(*) FROM replication_empty.settings;
SELECT cdp.drop_workspace('replication_empty');

-- Rows that come by replication derive nothing, also where the triggers are made to fire.
BEGIN;
ALTER TABLE replication_test.events ENABLE ALWAYS TRIGGER cdp_begin;
ALTER TABLE replication_test.events ENABLE ALWAYS TRIGGER cdp_normalise;
ALTER TABLE replication_test.events ENABLE ALWAYS TRIGGER cdp_ingest;
ALTER TABLE replication_test.events ENABLE ALWAYS TRIGGER cdp_immutable;
SET LOCAL session_replication_role = replica;
INSERT INTO replication_test.events (occurred_at, event, anchor, identifiers) VALUES ('2024-01-01', 'x', 'user_id:1', '{user_id:1}');
UPDATE replication_test.events SET anchor = anchor;
SELECT count(*) FROM replication_test.profiles;
DELETE FROM replication_test.events;
ROLLBACK;

-- Definitions that come by replication are seen by the same session, and by others.
BEGIN;
SELECT cdp.canonical_identifier('replication_test', 'phone:0981553602') IS NULL AS no_region;
SET LOCAL session_replication_role = replica;
UPDATE replication_test.settings SET default_region = 'VN';
SELECT cdp.canonical_identifier('replication_test', 'phone:0981553602');
ROLLBACK;

-- Promotion moves sequences on, never back.
SET session_replication_role = replica;
INSERT INTO replication_test.profiles (profile_id, first_seen, last_seen, event_count, traits, ltv, computed, segments, evaluated_at, identifier_count)
    SELECT 100, '2024-01-01', '2024-01-01', 1, '{}', cdp.empty_ltv('replication_test'), cdp.empty_computed('replication_test'), '{}', '2024-01-01', 1;
INSERT INTO replication_test.merges OVERRIDING SYSTEM VALUE
    SELECT m.* FROM jsonb_populate_record(null::replication_test.merges,
        '{"merged_id": 250, "profile_id": 100, "merged_into": 100, "merged_at": "2024-01-01", "cause": "event", "merge_id": 70}') m;
RESET session_replication_role;
ALTER TABLE replication_test.profiles ADD COLUMN number integer GENERATED BY DEFAULT AS IDENTITY (INCREMENT -1 MAXVALUE -1);
SELECT cdp.promote('replication_test');
SELECT nextval('replication_test.profiles_profile_id_seq'), nextval('replication_test.merges_merge_id_seq'), nextval('replication_test.profiles_number_seq'),
       nextval('replication_test.value_model_fits_fit_id_seq');
SELECT setval('replication_test.profiles_profile_id_seq', 1000);
SELECT cdp.promote('replication_test');
SELECT nextval('replication_test.profiles_profile_id_seq');

-- An id that only history has: of a profile that is gone.
SET session_replication_role = replica;
INSERT INTO replication_test.segment_changes VALUES (5000, 'x', true, '2024-01-01', 'event');
RESET session_replication_role;
SELECT cdp.promote('replication_test');
SELECT nextval('replication_test.profiles_profile_id_seq');

-- A workspace of before has no triggers for replicated definitions.
DROP TRIGGER cdp_replicated ON replication_test.segments;
ALTER TABLE replication_test.settings DISABLE TRIGGER cdp_replicated;
SELECT cdp.prepare_replication('replication_test');

-- What is off comes back on; the users' own triggers stay as they are.
CREATE FUNCTION own() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER own AFTER INSERT ON replication_test.events FOR EACH STATEMENT EXECUTE FUNCTION own();
ALTER TABLE replication_test.events DISABLE TRIGGER USER;
ALTER TABLE replication_test.segments ENABLE TRIGGER USER;
ALTER TABLE replication_test.settings ENABLE ALWAYS TRIGGER cdp_guard;
SELECT cdp.promote('replication_test');
SELECT t.tgrelid::regclass, t.tgname, t.tgenabled
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE c.relnamespace = 'replication_test'::regnamespace AND NOT t.tgisinternal AND t.tgenabled <> 'O'
ORDER BY t.tgrelid::regclass::text, 2;

-- Definitions that do not compile, put there past the triggers.
BEGIN;
SET LOCAL session_replication_role = replica;
INSERT INTO replication_test.segments (name, predicate) VALUES ('bad', 'missing > 1'), ('good', 'event_count > 1');
INSERT INTO replication_test.computed_traits (name, kind, expression) VALUES ('bad_trait', 'sum', 'nothing');
SELECT cdp.promote('replication_test');
ROLLBACK;

-- Who may.
CREATE ROLE regress_replication;
SET ROLE regress_replication;
SELECT cdp.promote('replication_test');
SELECT cdp.prepare_replication('replication_test');
SELECT cdp.refresh_definitions('replication_test');
RESET ROLE;
SELECT cdp.promote('nowhere');
SELECT cdp.refresh_definitions('nowhere');
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT cdp.promote('replication_test');
ROLLBACK;
CREATE TABLE elsewhere (n integer);
CREATE TRIGGER harmless AFTER INSERT ON elsewhere FOR EACH STATEMENT EXECUTE FUNCTION cdp.replicated_definition();
INSERT INTO elsewhere VALUES (1);
SELECT cdp.replicated_definition();

DROP TABLE elsewhere;
DROP VIEW without_identity;
DROP FUNCTION identity_of;
SELECT cdp.drop_workspace('replication_test');
DROP FUNCTION own;
DROP ROLE regress_replication;
