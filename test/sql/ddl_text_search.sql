-- Text search configurations and dictionaries under definitions.
\pset format unaligned
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET cdp.clock = '2024-03-01 12:00+00';
SELECT cdp.create_workspace('d');
CREATE SCHEMA ty;
CREATE TEXT SEARCH DICTIONARY ty.words (TEMPLATE = pg_catalog.simple, STOPWORDS = english);
CREATE TEXT SEARCH CONFIGURATION ty.texts (COPY = pg_catalog.simple);
ALTER TEXT SEARCH CONFIGURATION ty.texts ALTER MAPPING REPLACE pg_catalog.simple WITH ty.words;
ALTER TABLE d.profiles ADD COLUMN note text;
INSERT INTO d.events (event, identifiers) SELECT 'e', ARRAY['user_id:' || i] FROM generate_series(1, 4) i;
UPDATE d.profiles SET note = CASE WHEN profile_id % 2 = 0 THEN 'the cat' ELSE 'cats' END;
INSERT INTO d.segments VALUES ('the', $$to_tsvector('ty.texts', note) @@ 'the'::tsquery$$), ('cat', $$to_tsvector('ty.texts'::regconfig, note) @@ plainto_tsquery('ty.texts', 'cat')$$);
CREATE VIEW public.ddl_members AS SELECT e.segment, count(*) FROM d.profiles p CROSS JOIN LATERAL cdp.segment_entries(p.segments) e GROUP BY 1;
SELECT * FROM ddl_members ORDER BY 1;
-- What it finds may be another thing: evaluated again
ALTER TEXT SEARCH DICTIONARY ty.words (STOPWORDS);
SELECT * FROM ddl_members ORDER BY 1;
ALTER TEXT SEARCH CONFIGURATION ty.texts ALTER MAPPING REPLACE ty.words WITH pg_catalog.english_stem;
SELECT * FROM ddl_members ORDER BY 1;
SELECT * FROM cdp.check('d');
-- Gone, or of another name: refused
ALTER TEXT SEARCH CONFIGURATION ty.texts RENAME TO words;
ALTER TEXT SEARCH CONFIGURATION ty.texts SET SCHEMA public;
DROP TEXT SEARCH CONFIGURATION ty.texts;
ALTER SCHEMA ty RENAME TO ty2;
ALTER TEXT SEARCH DICTIONARY ty.words RENAME TO texts;
DROP TEXT SEARCH DICTIONARY ty.texts;
-- A temporary one is not for definitions
CREATE TEXT SEARCH CONFIGURATION pg_temp.passing (COPY = pg_catalog.simple);
INSERT INTO d.segments VALUES ('t', $$to_tsvector('pg_temp.passing', note) @@ 'the'::tsquery$$);
SELECT * FROM cdp.check('d');
SET client_min_messages = warning;
DROP VIEW public.ddl_members;
DROP SCHEMA d CASCADE;
DROP SCHEMA ty CASCADE;
