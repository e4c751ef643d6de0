-- Schema cdp is for the extension alone: CREATE EXTENSION refuses one in which others have had a say, and
-- what comes into it later is neither called by definitions nor in the extension's way.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE ROLE regress_cdp_early;
CREATE ROLE regress_cdp_super SUPERUSER;
DROP EXTENSION cdp;
DROP SCHEMA cdp;
SELECT format('GRANT CREATE ON DATABASE %I TO regress_cdp_early', current_database()) \gexec
CREATE FUNCTION public.try_install() RETURNS TABLE (code text, message text, detail text) LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        CREATE EXTENSION cdp;
        RAISE EXCEPTION 'it passes' USING ERRCODE = '00ZZZ', DETAIL = '';
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
    END;
    RETURN NEXT;
END
$$;

-- Whoever has CREATE on the database makes the schema and keeps it
SET ROLE regress_cdp_early;
CREATE SCHEMA cdp;
RESET ROLE;
SELECT * FROM public.try_install();
CREATE EXTENSION cdp;
DROP SCHEMA cdp;
-- ... or has the right to make objects in it: a role's, everybody's, by default, or another superuser's
CREATE SCHEMA cdp;
SELECT * FROM public.try_install();
GRANT CREATE ON SCHEMA cdp TO regress_cdp_early;
SELECT * FROM public.try_install();
REVOKE CREATE ON SCHEMA cdp FROM regress_cdp_early;
GRANT CREATE ON SCHEMA cdp TO PUBLIC;
SELECT * FROM public.try_install();
REVOKE CREATE ON SCHEMA cdp FROM PUBLIC;
GRANT CREATE ON SCHEMA cdp TO regress_cdp_super WITH GRANT OPTION;
SELECT * FROM public.try_install();
DROP SCHEMA cdp;
ALTER DEFAULT PRIVILEGES GRANT CREATE ON SCHEMAS TO regress_cdp_early;
SELECT * FROM public.try_install();
CREATE SCHEMA cdp;
SELECT * FROM public.try_install();
DROP SCHEMA cdp;
ALTER DEFAULT PRIVILEGES REVOKE CREATE ON SCHEMAS FROM regress_cdp_early;
-- ... or has an object in it, of whatever kind
CREATE FUNCTION public.odd_equal(oid, bigint) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT false';
CREATE TABLE public.kinds (kind text, make text);
INSERT INTO public.kinds VALUES
    ('function', 'CREATE FUNCTION cdp.f() RETURNS int LANGUAGE sql AS ''SELECT 1'''), ('aggregate', 'CREATE AGGREGATE cdp.a(int) (SFUNC = int4pl, STYPE = int)'),
    ('type', 'CREATE TYPE cdp.t AS (x int)'), ('enum', 'CREATE TYPE cdp.t AS ENUM (''x'')'), ('domain', 'CREATE DOMAIN cdp.d AS int'), ('shell', 'CREATE TYPE cdp.t'),
    ('table', 'CREATE TABLE cdp.t ()'), ('view', 'CREATE VIEW cdp.v AS SELECT 1'), ('sequence', 'CREATE SEQUENCE cdp.s'),
    ('operator', 'CREATE OPERATOR cdp.= (LEFTARG = oid, RIGHTARG = bigint, FUNCTION = public.odd_equal)'), ('collation', 'CREATE COLLATION cdp.c FROM "C"'),
    ('operator class', 'CREATE OPERATOR CLASS cdp.o FOR TYPE int USING hash AS OPERATOR 1 =, FUNCTION 1 hashint4(int)'),
    ('conversion', 'CREATE CONVERSION cdp.c FOR ''LATIN1'' TO ''UTF8'' FROM iso8859_1_to_utf8'),
    ('text search', 'CREATE TEXT SEARCH CONFIGURATION cdp.c (COPY = simple)'), ('default privileges', 'ALTER DEFAULT PRIVILEGES IN SCHEMA cdp GRANT SELECT ON TABLES TO PUBLIC'),
    ('moved', 'CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS ''SELECT 1''; ALTER FUNCTION public.f() SET SCHEMA cdp');
CREATE FUNCTION public.try_beside(make text) RETURNS TABLE (code text, detail text) LANGUAGE plpgsql AS $$
BEGIN
    CREATE SCHEMA cdp;
    EXECUTE make;
    SELECT t.code, t.detail INTO code, detail FROM public.try_install() t;
    RETURN NEXT;
    DROP SCHEMA cdp CASCADE;
END
$$;
SELECT k.kind, t.* FROM public.kinds k, public.try_beside(k.make) t ORDER BY k.kind COLLATE "C";

-- An empty one of a superuser passes, also of another, and with other rights; so does none, twice
CREATE SCHEMA cdp AUTHORIZATION regress_cdp_super;
GRANT USAGE ON SCHEMA cdp TO regress_cdp_early, PUBLIC;
CREATE EXTENSION cdp;
DROP EXTENSION cdp;
CREATE EXTENSION cdp;
DROP EXTENSION cdp;
DROP SCHEMA cdp;
CREATE EXTENSION cdp;
SELECT r.rolsuper AS superusers, has_schema_privilege('public', n.oid, 'USAGE') AS everybody_uses, has_schema_privilege('public', n.oid, 'CREATE') AS everybody_makes
FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner WHERE n.nspname = 'cdp';

-- Afterwards: who is no superuser puts nothing there, even with the right to
SELECT cdp.create_workspace('bs');
ALTER TABLE bs.profiles ADD COLUMN own integer;
GRANT CREATE ON SCHEMA cdp TO regress_cdp_early;
GRANT CREATE, USAGE ON SCHEMA public TO regress_cdp_early;
GRANT SELECT ON public.kinds TO regress_cdp_early;
CREATE FUNCTION public.try_make(make text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE make;
    RETURN 'made';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ': ' || SQLERRM;
END
$$;
SET ROLE regress_cdp_early;
SELECT k.kind, public.try_make(k.make) FROM public.kinds k WHERE k.kind NOT IN ('shell', 'operator class', 'default privileges') ORDER BY k.kind COLLATE "C";
SELECT public.try_make('CREATE EXTENSION pg_trgm SCHEMA cdp'), public.try_make('CREATE TABLE cdp.t AS SELECT 1'), public.try_make('CREATE MATERIALIZED VIEW cdp.t AS SELECT 1');
CREATE TABLE public.elsewhere (x int);
SELECT public.try_make('ALTER TABLE public.elsewhere SET SCHEMA cdp');
RESET ROLE;
REVOKE CREATE ON SCHEMA cdp FROM regress_cdp_early;
-- ... and what a superuser puts there, no definition calls, whatever its kind
CREATE FUNCTION public.evil(x text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE NOTICE 'run'; RETURN x; END $$;
SET client_min_messages = error;
CREATE FUNCTION cdp.evil(bigint) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM public.evil('x'); RETURN true; END $$;
CREATE FUNCTION cdp.total(cdp.ltv, character) RETURNS numeric LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM public.evil('x'); RETURN 1; END $$;
CREATE FUNCTION pg_catalog.evil(bigint) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM public.evil('x'); RETURN true; END $$;
CREATE OPERATOR cdp.### (RIGHTARG = bigint, FUNCTION = cdp.evil);
CREATE OPERATOR pg_catalog.#### (RIGHTARG = bigint, FUNCTION = cdp.evil);
CREATE DOMAIN cdp.checked AS text CHECK (public.evil(VALUE) <> '');
CREATE DOMAIN pg_catalog.checked2 AS text CHECK (public.evil(VALUE) <> '');
CREATE TYPE cdp.pair AS (a cdp.checked);
CREATE FUNCTION public.to_checked(integer) RETURNS cdp.pair LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM public.evil('x'); RETURN ROW('x'); END $$;
CREATE CAST (integer AS cdp.pair) WITH FUNCTION public.to_checked(integer);
SET client_min_messages = notice;
CREATE FUNCTION public.try_predicate(predicate text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO bs.segments VALUES ('s', predicate);
    DELETE FROM bs.segments;
    RETURN 'defined';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ': ' || SQLERRM;
END
$$;
INSERT INTO bs.events (event, identifiers, amount) VALUES ('a', '{user_id:1}', 5);
SELECT p, public.try_predicate(p) FROM unnest(ARRAY['cdp.evil(event_count)', 'evil(event_count)', 'pg_catalog.evil(event_count)', '### event_count', 'OPERATOR(cdp.###) event_count',
    '#### event_count', $$'x'::cdp.checked = 'x'$$, $$'x'::checked = 'x'$$, $$'x'::pg_catalog.checked2 = 'x'$$, $$'x'::checked2 IS NOT NULL$$, $$'{x}'::cdp.checked[] IS NULL$$,
    $$('(x)'::cdp.pair).a = 'x'$$, $$(own::cdp.pair).a = 'x'$$, $$cdp.total(ltv, 'USD'::character(3)) > 0$$, $$total(ltv, 'USD'::bpchar) > 0$$]) p;
INSERT INTO bs.computed_traits (name, kind, filter) VALUES ('t', 'count', 'cdp.evil(1::bigint)');
INSERT INTO bs.computed_traits (name, kind, expression) VALUES ('t', 'last', $$event::cdp.checked$$);
-- What is the extension's and PostgreSQL's goes on
SELECT p, public.try_predicate(p) FROM unnest(ARRAY[$$cdp.total(ltv, 'USD') > 0$$, $$(ROW(1, 1, 1, 1, '1 day')::cdp.rfm).frequency = 1$$, $$'{}'::cdp.segment_set = '{}'$$,
    $$'{user_id:1}'::cdp.identifier[] IS NOT NULL$$, $$'[1,2]'::int4range @> 1$$, $$lower('X') = 'x'$$]) p;
-- A part's function is the extension's own
SET client_min_messages = error;
CREATE FUNCTION cdp.views_traits(name) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN PERFORM public.evil('x'); RETURN NEXT 'bs.segments'; END $$;
SET client_min_messages = notice;
SELECT cdp.workspace_views('bs');
SELECT cdp.drop_workspace('bs');
SELECT format('REVOKE CREATE ON DATABASE %I FROM regress_cdp_early', current_database()) \gexec
DROP OWNED BY regress_cdp_early;
DROP ROLE regress_cdp_early, regress_cdp_super;
