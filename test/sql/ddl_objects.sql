-- Types, collations, text search objects, functions and schemas under definitions.
\pset format unaligned
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET cdp.clock = '2024-03-01 12:00+00';
SELECT cdp.create_workspace('d');
CREATE SCHEMA ty;
SET search_path = d, public;
CREATE TYPE ty.mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE ty.address AS (street text, zip text);
CREATE DOMAIN ty.positive AS int CHECK (VALUE > 0);
CREATE COLLATION ty.ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE COLLATION ty.de (provider = icu, locale = 'de');
CREATE TABLE ty.pair (a int, b text);
CREATE VIEW ty.seen AS SELECT 1 AS x;
ALTER TABLE profiles ADD COLUMN mood ty.mood, ADD COLUMN moods ty.mood[], ADD COLUMN address ty.address, ADD COLUMN homes ty.address[], ADD COLUMN size ty.positive,
    ADD COLUMN word text COLLATE ty.ci, ADD COLUMN pair ty.pair, ADD COLUMN seen ty.seen, ADD COLUMN note text;
ALTER TABLE events ADD COLUMN mood ty.mood;
INSERT INTO events (event, identifiers, mood) SELECT 'e', ARRAY['user_id:' || i], (enum_range(NULL::ty.mood))[1 + i % 3] FROM generate_series(1, 6) i;
UPDATE profiles p SET mood = (enum_range(NULL::ty.mood))[1 + i.n % 3], moods = (enum_range(NULL::ty.mood))[1:1 + i.n % 3], address = ROW('s' || i.n % 2, i.n % 3)::ty.address,
    homes = ARRAY[ROW('h', i.n)::ty.address], size = i.n, word = CASE i.n % 2 WHEN 0 THEN 'AB' ELSE 'ab' END, pair = ROW(i.n, 'b')::ty.pair, seen = ROW(i.n % 2)::ty.seen, note = 'Note ' || i.n
    FROM (SELECT profile_id, cdp.value(identifier)::int AS n FROM identifiers) i WHERE i.profile_id = p.profile_id;
CREATE VIEW public.ddl_members AS
SELECT e.segment, string_agg(cdp.value(i.identifier), ' ' ORDER BY i.identifier) AS who
FROM profiles p JOIN identifiers i USING (profile_id) CROSS JOIN LATERAL cdp.segment_entries(p.segments) e GROUP BY 1;
INSERT INTO segments (name, predicate) VALUES ('happy', 'mood = ''happy'''), ('cast', 'mood IN (''ok''::ty.mood, ''happy'')'), ('set', 'mood IS NOT NULL'), ('better', 'mood > ''sad'''),
    ('spelt', 'mood::text LIKE ''%a%'''), ('many', '''happy'' = ANY (moods)'), ('joined', 'array_to_string(moods, '','') = ''sad,ok'''), ('zip', '(address).zip = ''1'''),
    ('home', '(homes[1]).zip > ''3'''), ('size', 'size > 2'), ('word', 'word = ''Ab'''), ('german', 'note COLLATE ty.de < ''Note 3'''),
    ('pair', '(pair).a > 3'), ('seen', '(seen).x = 1'), ('plain', 'event_count > 0');
INSERT INTO computed_traits (name, kind, filter, expression) VALUES ('moods', 'unique_list', NULL, 'mood'), ('happy', 'count', 'mood = ''happy''', NULL);
SELECT * FROM ddl_members ORDER BY 1;
SELECT * FROM cdp.check('d');

-- An enumerated type: a new label changes nothing, a new name of one is refused where a definition has it, or spells it
ALTER TYPE ty.mood ADD VALUE 'angry' BEFORE 'sad';
ALTER TYPE ty.mood RENAME VALUE 'angry' TO 'cross';
DELETE FROM segments WHERE name IN ('spelt', 'joined');
ALTER TYPE ty.mood RENAME VALUE 'angry' TO 'cross';
DELETE FROM computed_traits WHERE name = 'moods';
ALTER TYPE ty.mood RENAME VALUE 'angry' TO 'cross';
ALTER TYPE ty.mood RENAME VALUE 'happy' TO 'glad';
ALTER TYPE ty.mood RENAME TO feeling;
ALTER TYPE ty.mood SET SCHEMA public;
DROP TYPE ty.mood;
DROP TYPE ty.mood CASCADE;
DELETE FROM segments WHERE name = 'cast';
-- ... what only the column has may have another name
ALTER TYPE ty.mood RENAME TO feeling;
SELECT * FROM cdp.check('d');
ALTER TYPE ty.feeling RENAME TO mood;

-- A composite type, the row types of a table and a view, a domain, arrays
ALTER TYPE ty.address RENAME ATTRIBUTE zip TO code;
ALTER TYPE ty.address DROP ATTRIBUTE zip;
ALTER TYPE ty.address RENAME ATTRIBUTE street TO road;
ALTER TYPE ty.address ADD ATTRIBUTE city text;
ALTER TYPE ty.address RENAME TO place;
ALTER TYPE ty.place RENAME TO address;
ALTER TABLE ty.pair RENAME COLUMN a TO c;
ALTER TABLE ty.pair DROP COLUMN a;
ALTER TABLE ty.pair RENAME COLUMN b TO c;
ALTER VIEW ty.seen RENAME COLUMN x TO y;
DROP TABLE ty.pair;
DROP TABLE ty.pair CASCADE;
DROP VIEW ty.seen CASCADE;
DROP DOMAIN ty.positive CASCADE;
ALTER DOMAIN ty.positive RENAME TO natural_;
ALTER DOMAIN ty.natural_ DROP CONSTRAINT positive_check;
SELECT * FROM cdp.check('d');

-- Collations: of a column, and named in a text
ALTER COLLATION ty.de RENAME TO ger;
ALTER COLLATION ty.de SET SCHEMA public;
DROP COLLATION ty.de;
DROP COLLATION ty.ci CASCADE;
ALTER COLLATION ty.ci RENAME TO nocase;
-- ... one that sorts otherwise from now on has its definitions evaluated again
BEGIN;
SET LOCAL session_replication_role = replica;
UPDATE profiles SET segments = '{}';
SET LOCAL session_replication_role = origin;
ALTER COLLATION ty.nocase REFRESH VERSION;
SELECT * FROM ddl_members ORDER BY 1;
ROLLBACK;

-- Schemas
ALTER SCHEMA ty RENAME TO types;
DROP SCHEMA ty CASCADE;
DELETE FROM segments WHERE name = 'german';
ALTER SCHEMA ty RENAME TO types;
ALTER SCHEMA types RENAME TO ty;
ALTER SCHEMA d RENAME TO e;
SELECT * FROM cdp.check('e');
ALTER SCHEMA e RENAME TO d;
DROP SCHEMA ty CASCADE;
CREATE ROLE regress_cdp_types;
ALTER TYPE ty.mood OWNER TO regress_cdp_types;
DROP OWNED BY regress_cdp_types CASCADE;
ALTER TYPE ty.mood OWNER TO CURRENT_USER;
DROP ROLE regress_cdp_types;
SELECT * FROM cdp.check('d');

-- What is in a temporary schema is not for definitions, not even by a column
CREATE TYPE pg_temp.passing AS ENUM ('a');
CREATE COLLATION pg_temp.passing (provider = icu, locale = 'de');
CREATE TYPE ty.holder AS (p pg_temp.passing);
ALTER TABLE profiles ADD COLUMN passing pg_temp.passing, ADD COLUMN passed pg_temp.passing[], ADD COLUMN holder ty.holder, ADD COLUMN sorted text COLLATE pg_temp.passing;
INSERT INTO segments VALUES ('t', '''a''::pg_temp.passing IS NOT NULL');
INSERT INTO segments VALUES ('t', '''a''::passing IS NOT NULL');
INSERT INTO segments VALUES ('t', 'passing IS NULL');
INSERT INTO segments VALUES ('t', 'passed IS NULL');
INSERT INTO segments VALUES ('t', 'holder IS NULL');
INSERT INTO segments VALUES ('t', 'sorted > ''a''');
INSERT INTO segments VALUES ('t', 'note COLLATE pg_temp.passing > ''a''');
INSERT INTO computed_traits (name, kind, expression) VALUES ('t', 'unique_list', '''a''::pg_temp.passing');
ALTER TABLE profiles ALTER COLUMN note TYPE text COLLATE pg_temp.passing;
INSERT INTO segments VALUES ('noted', 'note > ''a''');
ALTER TABLE profiles ALTER COLUMN note TYPE text COLLATE "C";
INSERT INTO segments VALUES ('noted', 'note > ''a''');
ALTER TABLE profiles ALTER COLUMN note TYPE text COLLATE pg_temp.passing;
ALTER TABLE profiles DROP COLUMN passing, DROP COLUMN passed, DROP COLUMN holder, DROP COLUMN sorted;

-- Functions, operators and casts that every definition may use
INSERT INTO segments VALUES ('common', 'gcd(size, 6) > 2'), ('operator', '(size # 1) > 4'), ('root', 'sqrt(event_count) > 0.5');
SELECT * FROM ddl_members WHERE segment IN ('common', 'operator', 'root') ORDER BY 1;
\set ON_ERROR_ROLLBACK on
BEGIN;
-- PostgreSQL calls a built-in function whatever takes its place
CREATE OR REPLACE FUNCTION pg_catalog.int4xor(int, int) RETURNS int IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql RETURN 0;
SELECT * FROM ddl_members WHERE segment IN ('common', 'operator', 'root') ORDER BY 1;
SELECT * FROM cdp.check('d');
ALTER FUNCTION pg_catalog.gcd(int, int) STABLE;
ALTER FUNCTION pg_catalog.gcd(int, int) RENAME TO ddl_common;
ALTER FUNCTION pg_catalog.gcd(int, int) SET SCHEMA public;
-- ... another one that fits better, and that no definition may call
CREATE FUNCTION pg_catalog.sqrt(bigint) RETURNS float8 IMMUTABLE LANGUAGE sql RETURN 0;
ROLLBACK;
\set ON_ERROR_ROLLBACK off
SELECT * FROM cdp.check('d');
CREATE CAST (ty.address AS text) WITH INOUT AS IMPLICIT;
SELECT * FROM cdp.check('d');
DROP CAST (ty.address AS text);
-- ... others are nobody's business
CREATE FUNCTION public.gcd(int, int) RETURNS int LANGUAGE sql RETURN 1;
DROP FUNCTION public.gcd(int, int);

DELETE FROM segments;
DROP VIEW public.ddl_members;
SET client_min_messages = warning;
DROP SCHEMA d CASCADE;
DROP SCHEMA ty CASCADE;
