-- Bounds of what a definition costs: every function, operator and cast whose result may be longer than its
-- arguments is found, and is bounded or refused.
\pset format unaligned
SET timezone = 'UTC';
\set SHOW_CONTEXT never

-- A long value of each type; arguments of other types are small numbers and the like.
CREATE TABLE public.bounds_samples (type regtype, sample text);
INSERT INTO public.bounds_samples VALUES
    ('text', 'repeat(''aB,ß'', 300)'), ('varchar', 'repeat(''aB,ß'', 300)'), ('bpchar', 'repeat(''aB,ß'', 300)'), ('name', '''a'''),
    ('"char"', '''a'''), ('bytea', 'convert_to(repeat(''a\'', 600), ''UTF8'')'), ('bit', '(repeat(''10'', 4000))::varbit::bit(8000)'),
    ('varbit', 'repeat(''10'', 4000)::varbit'), ('json', 'json_build_array(repeat(''a"'', 600), repeat(''b'', 600))'),
    ('jsonb', 'jsonb_build_array(jsonb_build_array(repeat(''a"'', 600), 1e1000), 1e1000)'), ('jsonpath', '''$[0]'''),
    ('text[]', 'array_fill(''aB,ß''::text, ''{300}''::int[])'), ('int4[]', 'array_fill(7, ''{300}''::int[])'),
    ('anyarray', 'array_fill(7, ''{300}''::int[])'), ('anycompatiblearray', 'array_fill(7, ''{300}''::int[])'), ('anyelement', '7'),
    ('anycompatible', '7'), ('"any"', 'repeat(''a'', 1000)'), ('"char"[]', '''{a}'''), ('anyenum', 'NULL::public.bounds_enum'),
    ('tsvector', '''a:1 b:2 c:3''::tsvector'), ('tsquery', '''a & b & !c''::tsquery'), ('path', '''((1,2),(3,4),(5,6))''::path'),
    ('polygon', '''((1,2),(3,4),(5,6))''::polygon'), ('int4', '3'), ('int8', '3'), ('int2', '3'), ('numeric', '3.5'), ('float8', '3.5'), ('float4', '3.5'),
    ('bool', 'true'), ('inet', '''10.0.0.1/8''::inet'), ('cidr', '''10.0.0.0/8''::cidr'), ('date', '''2024-01-01''::date'), ('money', '3::money'),
    ('timestamp', '''2024-01-01''::timestamp'), ('timestamptz', '''2024-01-01''::timestamptz'), ('interval', '''1 day''::interval'),
    ('box', '''((1,2),(3,4))''::box'), ('circle', '''<(1,2),3>''::circle'), ('point', '''(1,2)''::point'), ('anyrange', 'int4range(1, 3)'),
    ('anymultirange', 'int4multirange(int4range(1, 3))'), ('int4range', 'int4range(1, 3)'), ('int8range', 'int8range(1, 3)'), ('numrange', 'numrange(1, 3)'),
    ('daterange', 'daterange(''2024-01-01'', ''2024-01-03'')'), ('tsrange', '''[2024-01-01,2024-01-03)''::tsrange'), ('tstzrange', '''[2024-01-01,2024-01-03)''::tstzrange'),
    ('int4range[]', 'ARRAY[int4range(1, 3)]'), ('int8range[]', 'ARRAY[int8range(1, 3)]'), ('numrange[]', 'ARRAY[numrange(1, 3)]'),
    ('daterange[]', 'ARRAY[daterange(''2024-01-01'', ''2024-01-03'')]'), ('tsrange[]', 'ARRAY[''[2024-01-01,2024-01-03)''::tsrange]'), ('tstzrange[]', 'ARRAY[''[2024-01-01,2024-01-03)''::tstzrange]');
CREATE TYPE public.bounds_enum AS ENUM ('a');

-- Functions, also those of operators and casts, that definitions may call by their volatility.
CREATE VIEW public.bounds_functions AS
SELECT p.oid, p.oid::regprocedure AS function, p.proargtypes::oid[] AS arguments, p.prorettype AS result
FROM pg_proc p
WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind = 'f' AND NOT p.proretset
  AND (p.provolatile = 'i' OR p.proname IN ('concat', 'concat_ws', 'textanycat', 'anytextcat', 'to_jsonb', 'jsonb_build_array', 'array_to_string', 'to_char'))
  AND NOT EXISTS (SELECT FROM unnest(p.proargtypes::oid[] || p.prorettype) a(type) JOIN pg_type t ON t.oid = a.type
                  WHERE t.typname IN ('internal', 'cstring', '_cstring', 'oid', '_oid', 'oidvector', 'xid', '_xid', 'xid8', '_xid8', 'cid', 'tid', '_tid', 'aclitem', '_aclitem', 'xml',
                                      '_xml', 'pg_snapshot', 'txid_snapshot', 'trigger', 'pg_lsn', 'void', 'refcursor') OR t.typname LIKE 'reg%' OR t.typname LIKE 'pg\_%');

-- What does not count as bounded although its result is longer than its longest argument by more than a few bytes.
CREATE FUNCTION public.bounds_grow(OUT function text, OUT bound text, OUT longest int, OUT result int) RETURNS SETOF record LANGUAGE plpgsql AS $$
DECLARE
    f record;
BEGIN
    FOR f IN SELECT b.*, (SELECT string_agg(coalesce(s.sample, 'NULL::' || format_type(a.type, NULL)), ', ' ORDER BY a.n) FROM unnest(b.arguments) WITH ORDINALITY a(type, n) LEFT JOIN public.bounds_samples s ON s.type = a.type) AS list,
                    (SELECT string_agg(coalesce(s.sample, 'NULL::' || format_type(a.type, NULL)), '), pg_column_size(' ORDER BY a.n) FROM unnest(b.arguments) WITH ORDINALITY a(type, n) LEFT JOIN public.bounds_samples s ON s.type = a.type) AS sizes
             FROM public.bounds_functions b WHERE cdp.function_bound(b.oid) = 'none' ORDER BY 2 LOOP
        BEGIN
            EXECUTE format('SELECT greatest(pg_column_size(%s), 0), pg_column_size(pg_catalog.%s(%s))', f.sizes,
                           regexp_replace(f.function::text, '^([^(]*)\(.*$', '\1'), f.list) INTO longest, result;
            IF result > longest + 300 THEN -- a polygon of a circle has twelve points
                function := f.function;
                bound := 'none';
                RETURN NEXT;
            END IF;
        EXCEPTION WHEN OTHERS THEN
            NULL; -- its arguments do not suit it: a sample of each sort does
        END;
    END LOOP;
END $$;
SELECT * FROM public.bounds_grow();
-- ... how many were tried is not a few
SELECT count(*) > 800 AS many FROM public.bounds_functions WHERE cdp.function_bound(oid) = 'none';
-- A refused one may not be called; one that a later version adds is refused until somebody has looked at it
SELECT cdp.create_workspace('bounds');
SET search_path = bounds, public;
CREATE FUNCTION public.bounds_allowed(predicate text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM cdp.check_predicate('bounds', 'x', predicate); RETURN true; EXCEPTION WHEN OTHERS THEN RETURN false; END $$;
SELECT function FROM (SELECT f.function, format('%s(%s) IS NULL', regexp_replace(f.function::text, '^([^(]*)\(.*$', '\1'),
                                    (SELECT string_agg('NULL::' || replace(replace(format_type(a, NULL), 'anyarray', 'int[]'), 'anyelement', 'int'), ', ') FROM unnest(f.arguments) a)) AS predicate
                      FROM public.bounds_functions f WHERE cdp.function_bound(f.oid) = 'refused') r WHERE public.bounds_allowed(predicate);
SELECT cdp.function_bound('repeat(text,int)'::regprocedure) AS repeat, cdp.function_bound('replace(text,text,text)'::regprocedure) AS replace,
       cdp.function_bound('textcat(text,text)'::regprocedure) AS textcat, cdp.function_bound('substr(text,int)'::regprocedure) AS substr, cdp.function_bound('int4pl(int,int)'::regprocedure) AS int4pl, cdp.function_bound(0) AS nothing;
-- Operators and casts call the same functions
SELECT o.oid::regoperator AS operator FROM pg_operator o JOIN public.bounds_functions f ON f.oid = o.oprcode WHERE cdp.function_bound(f.oid) IS NULL
UNION ALL SELECT c.castfunc::regprocedure::text::regoperator FROM pg_cast c JOIN public.bounds_functions f ON f.oid = c.castfunc WHERE cdp.function_bound(f.oid) IS NULL;
-- cdp.bounded stands in analysed definitions only
SELECT cdp.bounded(1, 'pg_read_file(text)'::regprocedure, 1, '/etc/passwd'::text);
SELECT cdp.bounded(0, 0, 1, 'a'::text);
SELECT cdp.bounded(n, 'replace(text,text,text)'::regprocedure, 1, 'a'::text, 'a'::text, 'b'::text) FROM generate_series(-1, 6) n;
SELECT cdp.bounded(NULL, 0, 1, 'a'::text);
SELECT cdp.bounded(1, 2087, 1, VARIADIC ARRAY['a', 'b', 'c']);

-- Each of these fails on the first profile, which has much data, and gives the second one its membership
INSERT INTO events (event_id, event, identifiers, traits) VALUES
    (cdp.event_id('1'), 'e', '{user_id:1}', jsonb_build_object('l', repeat('ab', 150000), 's', repeat('a', 9000), 't', repeat('a', 300), 'n', (SELECT jsonb_agg(1e131000) FROM generate_series(1, 9)), 'd', repeat('9', 40000),
       'deep', (repeat('[', 3000) || repeat('[0],', 3000) || '0' || repeat(']', 3000))::jsonb, 'list', (SELECT jsonb_agg(jsonb_build_array(n)) FROM generate_series(1, 3000) n), 'a', repeat('1,', 9000), 'v', '10000000', 'f', 'full')),
    (cdp.event_id('2'), 'e', '{user_id:2}', jsonb_build_object('l', 'ab', 's', 'a', 't', 'a', 'n', '[1]'::jsonb, 'd', '9', 'deep', '[0]'::jsonb, 'list', '[[1]]'::jsonb, 'a', '1,', 'v', '10', 'f', 'short'));
CREATE TABLE public.bounds_predicates (n serial, predicate text);
COPY public.bounds_predicates (predicate) FROM stdin;
length((traits->>'s')::char(10000000)) >= 0 OR traits->>'f' = 'x'
length(replace(traits->>'s', 'a', traits->>'t')) >= 0
length(replace(replace(traits->>'t', 'a', traits->>'t'), 'a', traits->>'t')) >= 0
length(concat(traits->>'l', traits->>'l', traits->>'l', traits->>'l')) >= 0
length(concat_ws(traits->>'l', 'a', 'b', 'c', 'd', 'e')) >= 0
length((traits->>'l') || (traits->>'l') || (traits->>'l') || (traits->>'l')) >= 0
length(traits->>'n') >= 0
length((traits->'n')->>0) >= 0 AND length((traits->'n')::text) >= 0
length(traits::jsonb->>'n') >= 0
length(traits::jsonb #>> '{n}') >= 0
length(jsonb_extract_path_text(traits::jsonb, 'n')) >= 0
length(concat(traits->'n')) >= 0
length((traits->>'f') || (traits->'n')) >= 0
length(jsonb_pretty(traits->'deep')) >= 0
length(array_to_string(string_to_array(traits->>'a', ','), traits->>'t')) >= 0
cardinality(array_replace(string_to_array(traits->>'a', ','), '1', traits->>'l')) >= 0
length(regexp_replace(traits->>'s', 'a', traits->>'t', 'g')) >= 0
regexp_match(traits->>'l', '(a|b)+c') IS NULL
regexp_replace(traits->>'l', 'c', '') > ''
traits->>'l' ~ ('^(' || left(traits->>'s', 900) || ')$')
traits->>'s' ~ ('(' || left(traits->>'s', 200) || ')?{1,9}' || '((a{1,200}){1,100}){1,' || length(traits->>'v') || '}') IS NOT NULL
traits->>'t' ~ ('(a*)*' || chr(92) || CASE traits->>'f' WHEN 'full' THEN '1' ELSE 'a' END) IS NOT NULL
traits->>'l' LIKE ANY (string_to_array(traits->>'a', ',')) IS NOT NULL
traits->>'l' LIKE '%' || (traits->>'t') || '%' IS NOT NULL
strpos(traits->>'l', traits->>'s') >= 0
split_part(traits->>'l', traits->>'s', 2) IS NOT NULL
translate(traits->>'l', traits->>'s', '') IS NOT NULL
btrim(traits->>'l', traits->>'s') IS NOT NULL
string_to_array(traits->>'a', ',') @> string_to_array(traits->>'a', ',')
(traits->'list') @> (traits->'list')
jsonb_path_exists(traits->'list', '$[*] ? (@[*] == $[*][*])')
(traits->'list') @? '$[*][*] ? (@ > $[*][*])'
jsonb_path_exists(traits->'deep', '$.** ? (@ == 7)') IS NOT NULL
(traits->>'d')::numeric * (traits->>'d')::numeric > 0
(traits->>'d')::numeric / (traits->>'d')::numeric > 0
(traits->>'d')::numeric % 7 >= 0 AND (traits->>'d')::numeric % (traits->>'d')::numeric >= 0
exp(length(traits->>'s')::numeric) > 0
ln((traits->>'d')::numeric) >= 0
power(2::numeric, (traits->>'v')::numeric / 100) > 0
2::numeric ^ ((traits->>'v')::numeric / 100) > 0
sqrt((traits->>'d')::numeric) > 0
gcd((traits->>'d')::numeric, (traits->>'d')::numeric) > 0
factorial(length(traits->>'s')) > 0
length((2)::bit(9000)) > 0 AND npoints(polygon((traits->>'v')::int, '<(1,1),1>'::circle)) > 0
\.
SET statement_timeout = '60s';
INSERT INTO segments SELECT 's' || lpad(n::text, 2, '0'), predicate FROM public.bounds_predicates;
SELECT s.name, e.sqlstate, e.message, EXISTS (SELECT FROM profiles WHERE segments ? s.name AND profile_id = 2) AS other
FROM segments s LEFT JOIN segment_errors e ON e.segment = s.name AND e.profile_id = 1 ORDER BY 1;
SELECT segment, sqlstate, message FROM segment_errors WHERE profile_id = 2;
-- The judge and an event find the same
SELECT * FROM cdp.check('bounds');
INSERT INTO events (event_id, event, identifiers, traits) VALUES (cdp.event_id('3'), 'e', '{user_id:1}', '{"f": "fuller"}');
SELECT * FROM cdp.check('bounds');
