-- Columns under definitions: renamed, given another type, rewritten, dropped, added.
\pset format unaligned
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET cdp.clock = '2024-03-01 12:00+00';
SELECT cdp.create_workspace('d');
SET search_path = d, public;
ALTER TABLE profiles ADD COLUMN tier int, ADD COLUMN note text, ADD COLUMN "Odd ""name" text, ADD COLUMN other int,
    ADD COLUMN twice int GENERATED ALWAYS AS (tier * 2) STORED;
ALTER TABLE events ADD COLUMN campaign text, ADD COLUMN shop int;
INSERT INTO events (event, identifiers, campaign, shop) SELECT 'e', ARRAY['user_id:' || i], 'c' || i % 3, i % 2 FROM generate_series(1, 6) i;
UPDATE profiles SET tier = i.n % 3, note = 'n' || i.n, "Odd ""name" = 'o' || i.n
    FROM (SELECT profile_id, cdp.value(identifier)::int AS n FROM identifiers) i WHERE i.profile_id = profiles.profile_id;
CREATE VIEW public.ddl_members AS
SELECT e.segment, string_agg(cdp.value(i.identifier), ' ' ORDER BY i.identifier) AS who
FROM profiles p JOIN identifiers i USING (profile_id) CROSS JOIN LATERAL cdp.segment_entries(p.segments) e GROUP BY 1;
CREATE VIEW public.ddl_computed AS
SELECT string_agg(cdp.value(i.identifier) || '=' || (cdp.to_jsonb(p.computed, cdp.now()))::text, ' ' ORDER BY i.identifier) AS computed
FROM profiles p JOIN identifiers i USING (profile_id);

-- A renamed column is written into the texts, wherever the parser finds it, and nowhere else; nothing else changes
INSERT INTO segments (name, predicate) VALUES
    ('plain', 'tier > 1'), ('comment', E'tier /* tier */ = 1 -- tier\n AND note <> ''tier'''), ('qualified', 'profiles.tier IN (1, 2) AND d.profiles . tier < 9'),
    ('between', 'tier BETWEEN 1 AND 2'), ('whole', '(profiles).tier = 2 OR ((profiles) ) . tier = 1 OR tier(profiles) = 7'),
    ('quoted', '"tier" = 1 AND "profiles"."tier" < 2 AND U&"t\0069er" = 1 AND U&"t!0069er" UESCAPE ''!'' < 2 AND TIER > 0'),
    ('odd', '"Odd ""name" = ''o2'' OR d."profiles"."Odd ""name" = ''o3'''),
    ('case', 'CASE tier WHEN 1 THEN twice = 2 ELSE note = ''n2'' END'), ('twice', 'twice = 2'), ('reads', $$segments ? 'plain' OR traits ? 'tier'$$),
    ('other', 'note LIKE ''n%'' AND event_count > 0');
INSERT INTO computed_traits (name, kind, filter, expression) VALUES ('campaigns', 'unique_list', 'events.campaign <> ''c9''', 'campaign'), ('shops', 'sum', NULL, 'shop'), ('n', 'count', 'shop > 0', NULL);
CREATE TABLE public.ddl_before AS SELECT * FROM ddl_members;
SELECT * FROM ddl_members ORDER BY 1;
ALTER TABLE profiles RENAME COLUMN tier TO "Level x";
SELECT name, predicate FROM segments ORDER BY 1;
ALTER TABLE profiles RENAME "Odd ""name" TO odd;
ALTER TABLE events RENAME COLUMN campaign TO "select";
SELECT name, predicate FROM segments WHERE name = 'odd';
SELECT name, filter, expression FROM computed_traits ORDER BY 1;
SELECT count(*) FROM (TABLE ddl_members EXCEPT TABLE public.ddl_before) d;
SELECT count(*) FROM segment_changes WHERE at > '2024-03-01 12:00+00';
SELECT segment, predicate FROM segment_definitions WHERE segment = 'odd' ORDER BY at, predicate DESC;
SELECT * FROM cdp.check('d');
-- ... by a table that profiles inherit from, in a transaction that is undone, and in a block of code
CREATE TABLE public.ddl_parent ("Level x" int);
ALTER TABLE profiles INHERIT public.ddl_parent;
ALTER TABLE public.ddl_parent RENAME COLUMN "Level x" TO tier;
ALTER TABLE profiles NO INHERIT public.ddl_parent;
DROP TABLE public.ddl_parent;
BEGIN;
ALTER TABLE profiles RENAME COLUMN tier TO lost;
ROLLBACK;
BEGIN;
SAVEPOINT s;
ALTER TABLE profiles RENAME COLUMN tier TO lost;
ROLLBACK TO s;
ALTER TABLE profiles RENAME COLUMN note TO remark;
COMMIT;
DO $$
BEGIN
    BEGIN
        ALTER TABLE d.profiles RENAME COLUMN tier TO level;
        RAISE EXCEPTION 'undone';
    EXCEPTION WHEN raise_exception THEN
        ALTER TABLE d.profiles RENAME COLUMN remark TO note;
    END;
    ALTER TABLE d.profiles RENAME COLUMN tier TO between_;
    ALTER TABLE d.profiles RENAME COLUMN between_ TO tier;
END
$$;
SELECT name, predicate FROM segments WHERE name IN ('plain', 'comment', 'other') ORDER BY 1;
-- ... where the new name would mean something else, it is refused: count(profiles) is a function
ALTER TABLE profiles RENAME COLUMN tier TO count;
SELECT * FROM cdp.check('d');

-- A column that a definition names cannot go, nor one that goes with another thing; others can
ALTER TABLE profiles DROP COLUMN tier;
ALTER TABLE profiles DROP COLUMN twice;
ALTER TABLE profiles DROP COLUMN tier CASCADE;
ALTER TABLE events DROP COLUMN shop, DROP COLUMN "select";
ALTER TABLE profiles DROP COLUMN other;
ALTER TABLE profiles DROP COLUMN event_count;
ALTER TABLE profiles RENAME COLUMN event_count TO n;
ALTER TABLE profiles RENAME TO people;
ALTER TABLE profiles SET SCHEMA public;
ALTER SCHEMA d RENAME TO d2;
-- ... and one that does not compile any more cannot come
ALTER TABLE profiles ALTER COLUMN note TYPE int USING 1;
ALTER TABLE events ALTER COLUMN shop TYPE text;
SELECT * FROM cdp.check('d');

-- Another type or other values: evaluated again in the same transaction
DELETE FROM segments WHERE name NOT IN ('plain', 'reads', 'between', 'other');
ALTER TABLE profiles DROP COLUMN twice;
SET cdp.clock = '2024-03-02 12:00+00';
ALTER TABLE profiles ALTER COLUMN tier TYPE bigint USING tier + 1;
SELECT * FROM ddl_members ORDER BY 1;
SELECT segment, entered, cause, count(*) FROM segment_changes WHERE at = '2024-03-02 12:00+00' GROUP BY 1, 2, 3 ORDER BY 1, 2;
SELECT * FROM cdp.check('d');
-- ... the same type, other values
ALTER TABLE profiles ALTER COLUMN tier TYPE bigint USING -tier;
SELECT * FROM ddl_members ORDER BY 1;
ALTER TABLE profiles ALTER COLUMN tier TYPE numeric(10, 1) USING 2.5;
SELECT * FROM ddl_members ORDER BY 1;
-- ... a column and another one of its name at once
ALTER TABLE profiles DROP COLUMN tier, ADD COLUMN tier int DEFAULT 2;
SELECT * FROM ddl_members ORDER BY 1;
SELECT * FROM cdp.check('d');
-- ... of events: computed traits, and the segments that read them
INSERT INTO segments VALUES ('shopper', 'cdp.computed_int(computed, ''shops'') > 0'), ('of c1', $$computed->'campaigns' @> '["c1"]'$$);
SELECT computed FROM ddl_computed;
ALTER TABLE events ALTER COLUMN shop TYPE numeric USING 1 - shop, ALTER COLUMN "select" TYPE varchar(1);
ALTER TABLE events ALTER COLUMN shop TYPE numeric USING 1 - shop, ALTER COLUMN "select" TYPE varchar(1) USING substr("select", 2);
SELECT computed FROM ddl_computed;
SELECT * FROM ddl_members ORDER BY 1;
INSERT INTO events (event, identifiers, "select", shop) VALUES ('e', '{user_id:1}', '7', 5.5);
SELECT cdp.to_jsonb(computed, cdp.now()) FROM profiles WHERE profile_id = cdp.profile_of('d', 'user_id:1');
SELECT * FROM cdp.check('d');
-- ... nothing is evaluated where nothing has changed
SET cdp.clock = '2024-03-03 12:00+00';
ALTER TABLE profiles ADD COLUMN more int DEFAULT 1, ALTER COLUMN tier SET DEFAULT 5, ALTER COLUMN tier SET NOT NULL, ALTER COLUMN tier DROP DEFAULT, ALTER COLUMN tier DROP NOT NULL, ADD CHECK (tier > -9);
ALTER TABLE profiles ALTER COLUMN more TYPE text;
ALTER TABLE profiles DROP COLUMN more;
SELECT count(*) FROM profiles WHERE evaluated_at >= '2024-03-03 12:00+00';
-- ... a generated column that becomes a plain one
ALTER TABLE profiles ADD COLUMN twice int GENERATED ALWAYS AS (tier * 2) STORED;
INSERT INTO segments VALUES ('twice', 'twice = 4');
ALTER TABLE profiles ALTER COLUMN twice DROP EXPRESSION;
UPDATE profiles SET twice = 5 WHERE profile_id = cdp.profile_of('d', 'user_id:3');
SELECT * FROM ddl_members WHERE segment = 'twice';
-- ... the engine's own columns cannot be rewritten
ALTER TABLE events ALTER COLUMN amount TYPE numeric(10, 0);
ALTER TABLE segments ALTER COLUMN predicate TYPE text USING 'true';
ALTER TABLE profiles ALTER COLUMN first_seen TYPE timestamptz USING now();
SELECT * FROM cdp.check('d');

-- A new column that takes the place of what a text meant
CREATE TYPE public.ddl_row AS (a int);
ALTER TABLE profiles ADD COLUMN r public.ddl_row;
UPDATE profiles SET r = ROW(1)::public.ddl_row;
-- (r).num_nulls is a call of num_nulls, as long as the type has no such attribute; hash_record is of all attributes.
INSERT INTO segments VALUES ('row', '(r).num_nulls = 0'), ('row hash', 'hash_record(r) <> -1905060026');
SELECT * FROM ddl_members WHERE segment LIKE 'row%' ORDER BY 1;
ALTER TYPE public.ddl_row ADD ATTRIBUTE num_nulls int;
SELECT * FROM ddl_members WHERE segment LIKE 'row%' ORDER BY 1;
SELECT * FROM cdp.check('d');
ALTER TYPE public.ddl_row RENAME ATTRIBUTE num_nulls TO b;
ALTER TYPE public.ddl_row DROP ATTRIBUTE num_nulls;
DELETE FROM segments WHERE name = 'row hash';
ALTER TYPE public.ddl_row DROP ATTRIBUTE num_nulls;
SELECT * FROM cdp.check('d');
DROP TYPE public.ddl_row;
DROP TYPE public.ddl_row CASCADE;
DELETE FROM segments WHERE name = 'row';
DROP TYPE public.ddl_row CASCADE;

-- What merges have recorded of a column follows its name and type
ALTER TABLE profiles ADD COLUMN manager text;
UPDATE profiles SET manager = 'of ' || i.who FROM (SELECT profile_id, cdp.value(identifier) AS who FROM identifiers) i WHERE i.profile_id = profiles.profile_id AND i.who IN ('1', '2');
SELECT cdp.link('d', 'user_id:1', 'user_id:2') IS NOT NULL AS linked;
ALTER TABLE profiles RENAME COLUMN manager TO "account manager";
SELECT cdp.unlink('d', 'user_id:1', 'user_id:2');
SELECT cdp.value(i.identifier), p."account manager" FROM profiles p JOIN identifiers i USING (profile_id) WHERE "account manager" IS NOT NULL ORDER BY 1;
SELECT cdp.link('d', 'user_id:1', 'user_id:2') IS NOT NULL AS linked;
ALTER TABLE profiles ALTER COLUMN "account manager" TYPE int USING 7;
SELECT cdp.unlink('d', 'user_id:1', 'user_id:2');
SELECT count(*) FROM profiles WHERE "account manager" = 7;
SELECT * FROM cdp.check('d');

-- Owners that are no superusers; and a type whose owner may not use the workspace
CREATE ROLE regress_cdp_owner;
SELECT format('GRANT CREATE ON DATABASE %I TO regress_cdp_owner', current_database()) \gexec
SET ROLE regress_cdp_owner;
SELECT cdp.create_workspace('own');
ALTER TABLE own.profiles ADD COLUMN tier int, ADD COLUMN note text;
INSERT INTO own.events (event, identifiers) VALUES ('e', '{user_id:1}'), ('e', '{user_id:2}');
UPDATE own.profiles SET tier = 1;
INSERT INTO own.segments VALUES ('tiered', 'tier = 1');
ALTER TABLE own.profiles RENAME COLUMN tier TO level;
ALTER TABLE own.profiles DROP COLUMN level;
ALTER TABLE own.profiles ALTER COLUMN level TYPE bigint USING 2;
SELECT predicate, defined_by, (SELECT count(*) FROM own.profiles WHERE segments ? 'tiered') AS members FROM own.segment_definitions ORDER BY at, predicate DESC;
RESET ROLE;
CREATE ROLE regress_cdp_types;
GRANT CREATE, USAGE ON SCHEMA public TO regress_cdp_types;
SET ROLE regress_cdp_types;
CREATE TYPE public.ddl_held AS (a int);
ALTER TABLE own.profiles RENAME COLUMN note TO mine;
DROP TABLE own.merges;
SET ROLE regress_cdp_owner;
ALTER TABLE own.profiles ADD COLUMN held public.ddl_held;
UPDATE own.profiles SET held = ROW(1)::public.ddl_held;
INSERT INTO own.segments VALUES ('b', '(held).num_nulls IS NULL');
SET ROLE regress_cdp_types;
ALTER TYPE public.ddl_held ADD ATTRIBUTE num_nulls int;
ALTER TYPE public.ddl_held RENAME ATTRIBUTE num_nulls TO c;
RESET ROLE;
SELECT count(*) FROM own.profiles WHERE segments ? 'b';
SELECT * FROM cdp.check('own');
SET client_min_messages = warning;
DROP SCHEMA own CASCADE;
DROP TYPE public.ddl_held;
DROP OWNED BY regress_cdp_owner, regress_cdp_types;
DROP ROLE regress_cdp_owner, regress_cdp_types;
DROP SCHEMA d CASCADE;
DROP VIEW IF EXISTS public.ddl_members, public.ddl_computed;
DROP TABLE public.ddl_before;
