-- Whoever may make or change tables cannot have the engine take a value for what it is not: the
-- columns of a workspace are of their types and NOT NULL, and its triggers stand where they belong.
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SELECT cdp.create_workspace('fw');
INSERT INTO fw.segments (name, predicate) VALUES ('some', 'event_count > 0');

-- A number where text is read.
BEGIN;
ALTER TABLE fw.settings DROP CONSTRAINT settings_default_currency_check,
    ALTER COLUMN default_currency DROP DEFAULT,
    ALTER COLUMN default_currency TYPE bigint USING 1234567;
SELECT cdp.canonical_identifier('fw', 'cookie:1');
ROLLBACK;
BEGIN;
ALTER TABLE fw.segments ALTER COLUMN predicate TYPE bigint USING 1234567;
INSERT INTO fw.events (event, identifiers) VALUES ('Seen', '{cookie:1}');
ROLLBACK;
BEGIN;
ALTER TABLE fw.identity_refusals ALTER COLUMN detail TYPE integer USING 1;
SELECT * FROM cdp.check('fw');
ROLLBACK;

-- A null where there cannot be one.
BEGIN;
ALTER TABLE fw.segments ALTER COLUMN predicate DROP NOT NULL;
INSERT INTO fw.segments (name) VALUES ('none');
ROLLBACK;
BEGIN;
ALTER TABLE fw.profiles ALTER COLUMN traits DROP NOT NULL;
INSERT INTO fw.events (event, identifiers) VALUES ('Seen', '{cookie:1}');
ROLLBACK;

-- A partitioned table, of which the engine cannot read rows.
BEGIN;
ALTER TABLE fw.blocked_identifiers RENAME TO plain;
CREATE TABLE fw.blocked_identifiers (LIKE fw.plain) PARTITION BY LIST (namespace);
SELECT cdp.canonical_identifier('fw', 'cookie:1');
ROLLBACK;

-- Triggers of definitions on another table of the schema.
CREATE TABLE fw.mine (name integer, predicate integer);
CREATE TRIGGER t AFTER INSERT ON fw.mine REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION cdp.define_segments();
INSERT INTO fw.mine VALUES (1, 1);
DROP TRIGGER t ON fw.mine;
CREATE TRIGGER t AFTER INSERT ON fw.mine FOR EACH STATEMENT EXECUTE FUNCTION cdp.define_rules();
INSERT INTO fw.mine VALUES (1, 1);
DROP TRIGGER t ON fw.mine;
CREATE TRIGGER t AFTER UPDATE ON fw.mine REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION cdp.evaluate_columns();
UPDATE fw.mine SET name = 2;
DROP TABLE fw.mine;

-- All is as it was.
INSERT INTO fw.events (event, identifiers) VALUES ('Seen', '{cookie:1}');
SELECT event_count, cdp.segment_names(segments) AS segments FROM fw.profiles;
SELECT * FROM cdp.check('fw');
SELECT cdp.drop_workspace('fw');
