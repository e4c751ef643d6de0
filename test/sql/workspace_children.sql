-- Tables of a workspace have no inheritance children: the engine would not see their rows, and queries would.
\pset format unaligned
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SELECT cdp.create_workspace('shop');
INSERT INTO shop.events (event, identifiers) VALUES ('a', '{user_id:1}');
CREATE FUNCTION public.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    more text;
BEGIN
    EXECUTE statement;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS more = PG_EXCEPTION_DETAIL;
    RETURN SQLSTATE || ' ' || SQLERRM || ': ' || more;
END
$$;
-- Each table that the engine uses
SELECT t.tab, public.try(format('CREATE TABLE public.child () INHERITS (shop.%I); INSERT INTO shop.events (event, identifiers) VALUES (''b'', ''{user_id:2}'')', t.tab)) AS answer
FROM cdp.part_tables() t WHERE t.kind <> 'own' ORDER BY t.place;
-- Whatever reads the definitions; until the child is no child any more
CREATE TABLE public.child () INHERITS (shop.identifiers);
SELECT s.statement, public.try(s.statement) AS answer FROM (VALUES ('SELECT * FROM cdp.check(''shop'')'), ('SELECT cdp.rebuild(''shop'')'), ('SELECT cdp.tick(''shop'')'),
    ('SELECT cdp.link(''shop'', ''user_id:1'', ''user_id:3'')'), ('INSERT INTO shop.segments VALUES (''a'', ''true'')'), ('UPDATE shop.settings SET time_zone = ''UTC''')) AS s (statement);
SELECT cdp.drop_workspace('shop');
ALTER TABLE public.child NO INHERIT shop.identifiers;
SELECT public.try('INSERT INTO shop.events (event, identifiers) VALUES (''b'', ''{user_id:2}'')');
ALTER TABLE public.child INHERIT shop.identifiers;
SELECT public.try('INSERT INTO shop.events (event, identifiers) VALUES (''b'', ''{user_id:2}'')');
DROP TABLE public.child;
SELECT public.try('INSERT INTO shop.events (event, identifiers) VALUES (''b'', ''{user_id:2}'')');
-- A parent of one is no harm
CREATE TABLE public.parent (event_count bigint NOT NULL);
ALTER TABLE shop.profiles INHERIT public.parent;
SELECT public.try('INSERT INTO shop.events (event, identifiers) VALUES (''c'', ''{user_id:2}'')');
SELECT sum(event_count) FROM public.parent;
SELECT * FROM cdp.check('shop');
ALTER TABLE shop.profiles NO INHERIT public.parent;
SELECT cdp.drop_workspace('shop');
DROP TABLE public.parent;
DROP FUNCTION public.try;
