-- What a definition may not have: types that stand for objects, somebody else's functions by way of types,
-- too long a text, too many parts, too deep a nesting. And errors that a predicate raises, of class XX too,
-- are failures of its row.
\pset format unaligned
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET cdp.clock = '2024-03-01 08:00+00';
\set SHOW_CONTEXT never
\set VERBOSITY terse
SELECT cdp.create_workspace('limits');
SET search_path = limits, public;
CREATE FUNCTION public.limits_spy(anyelement) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'spied as %', current_user; END $$;
CREATE DOMAIN public.limits_domain AS text CHECK (public.limits_spy(value));
CREATE DOMAIN public.limits_word AS text;
CREATE TYPE public.limits_pair AS (a public.limits_domain);
CREATE TYPE public.limits_plain AS (a text, b int);
CREATE TYPE public.limits_enum AS ENUM ('a', 'b');
CREATE FUNCTION public.limits_json(public.limits_enum) RETURNS json LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'cast as %', current_user; END $$;
CREATE CAST (public.limits_enum AS json) WITH FUNCTION public.limits_json(public.limits_enum);
CREATE TYPE public.limits_range AS RANGE (subtype = text);
ALTER TABLE profiles ADD COLUMN number oid DEFAULT 7, ADD COLUMN tab regclass, ADD COLUMN many oid[], ADD COLUMN word public.limits_word DEFAULT 'w',
    ADD COLUMN words public.limits_domain[], ADD COLUMN pair public.limits_pair, ADD COLUMN plain public.limits_plain DEFAULT ROW('x', 1), ADD COLUMN tier public.limits_enum DEFAULT 'b',
    ADD COLUMN span public.limits_range DEFAULT '[a,c)';
INSERT INTO events (event_id, event, identifiers, traits, occurred_at) VALUES (cdp.event_id('1'), 'e', '{user_id:1}', '{"name": "An", "x": "1"}', '2024-01-01'), (cdp.event_id('2'), 'e', '{user_id:1}', NULL, '2024-01-02');

-- Each is refused, and says why
CREATE FUNCTION public.limits_says(predicate text, OUT state text, OUT message text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM cdp.check_predicate('limits', 'x', predicate);
    message := 'allowed';
EXCEPTION WHEN OTHERS THEN
    state := SQLSTATE;
    message := SQLERRM;
END $$;
CREATE TABLE public.limits_predicates (n serial, predicate text);
COPY public.limits_predicates (predicate) FROM stdin;
event_count = 2 and ts_lexize(event_count::oid::regdictionary, 'a') is null
event_count::oid = 1
'1'::oid = '1'
CAST(event_count AS oid) IS NULL
oid(event_count) IS NULL
number IS NULL
number = 7
many IS NULL
cardinality(many) > 1
'{1}'::oid[] IS NULL
ARRAY[number] IS NULL
ARRAY['1'::oid] IS NULL
ROW(number) IS NULL
concat(number) = '7'
array_append(many, 1) IS NULL
int8(number) = 7
tab IS NULL
tab::text = 'x'
'pg_class'::regclass IS NULL
(traits->>'x')::regclass IS NULL
(traits->>'x')::regtype[] IS NULL
'simple'::regconfig IS NULL
to_tsvector('simple', traits->>'name') @@ 'an'::tsquery
to_tsquery('simple', traits->>'name') IS NULL
ts_headline('simple', traits->>'name', 'an') IS NULL
ts_lexize('simple', 'a') IS NULL
plainto_tsquery('simple', 'a') IS NULL
jsonb_to_tsvector('simple', traits->'x', '"all"') IS NULL
(NULL::pg_class).oid = 1
NULL::xid IS NULL
NULL::tid IS NULL
NULL::aclitem IS NULL
NULL::pg_snapshot IS NULL
'a'::xml IS NULL
xmlcomment(traits->>'x') IS NULL
textout(traits->>'x') IS NULL
has_table_privilege(number, 'SELECT')
(traits->>'p')::jsonpath IS NULL
word = 'w'
COALESCE(word, 'x') = 'w'
ARRAY[word, 'x'] || '{y}' = '{w,x,y}'
upper(word) = 'W'
words = '{x}'
words IS NULL
array_append(words, 'x') IS NULL
words || '{x}' IS NULL
pair IS NULL
COALESCE(pair, '(x)') IS NULL
(plain).b = 1
plain IS NOT NULL
COALESCE(profiles, '(x)') IS NULL
ROW(profiles.*) = ROW(1)
(profiles).word = 'w'
'x'::public.limits_word = 'x'
span @> 'b'::text
tier = 'b' AND tier::text = 'b'
to_jsonb(tier) IS NULL
to_jsonb(ARRAY[tier]) IS NULL
jsonb_build_array('a'::public.limits_enum) IS NULL
to_jsonb(ROW(tier, 1)) IS NULL
to_jsonb(ROW(tier::text, 1)) IS NOT NULL
to_jsonb(traits) IS NULL
traits::text IS NULL
traits::jsonb::text IS NOT NULL
concat(ltv) IS NULL
ltv::jsonb IS NOT NULL
\.
SELECT p.n, s.state, s.message, p.predicate FROM public.limits_predicates p, public.limits_says(p.predicate) s ORDER BY 1;
INSERT INTO segments SELECT 's' || p.n, p.predicate FROM public.limits_predicates p, public.limits_says(p.predicate) s WHERE s.state IS NULL;
SELECT segments::text[] FROM profiles;
SELECT segment, sqlstate, message FROM segment_errors;
SELECT * FROM cdp.check('limits');
-- ... the same in computed traits
ALTER TABLE events ADD COLUMN number oid;
INSERT INTO computed_traits (name, kind, filter) VALUES ('x', 'count', 'number = 1');
INSERT INTO computed_traits (name, kind, expression) VALUES ('x', 'sum', 'amount::int8::oid::int8');
INSERT INTO computed_traits (name, kind, filter) VALUES ('x', 'count', repeat(' ', 65536) || 'true');
INSERT INTO computed_traits (name, kind, expression) VALUES ('x', 'sum', repeat('1+', 600) || '1');
DELETE FROM segments;

-- The text, the parts, the nesting
\set VERBOSITY default
SELECT s.* FROM public.limits_says('event_count IN (' || (SELECT string_agg(n::text, ',') FROM generate_series(1, 300000) n) || ')') s;
SELECT s.* FROM public.limits_says(repeat(' ', 65532) || 'true') s;
SELECT s.* FROM public.limits_says(repeat(' ', 65533) || 'true') s;
SELECT s.* FROM public.limits_says('event_count IN (' || (SELECT string_agg((n % 10)::text, ',') FROM generate_series(1, 21000) n) || ')') s;
SELECT s.* FROM public.limits_says('event_count IN (' || (SELECT string_agg(n::text, ',') FROM generate_series(1, 10000) n) || ')') s;
SELECT s.* FROM public.limits_says('traits->>''x'' IN (' || (SELECT string_agg(format('%L', n), ',') FROM generate_series(1, 6000) n) || ')') s;
SELECT s.* FROM public.limits_says(repeat('1 + ', 490) || '1 > 0') s;
SELECT s.* FROM public.limits_says(repeat('1 + ', 510) || '1 > 0') s;
SELECT s.* FROM public.limits_says((SELECT string_agg('event_count > ' || n, ' OR ') FROM generate_series(1, 3000) n)) s;
-- ... parts that the parser copies: each BETWEEN doubles what stands before it, IN what is compared with columns
SELECT s.* FROM public.limits_says(repeat('(', 10) || '(event_count > 1)' || repeat(' BETWEEN false AND true)', 10)) s;
SELECT s.* FROM public.limits_says(repeat('(', 40) || '(event_count > 1)' || repeat(' BETWEEN false AND true)', 40)) s;
SELECT s.* FROM public.limits_says(repeat('(', 20) || '(event_count > 1)' || repeat(' NOT BETWEEN SYMMETRIC false AND true)', 20)) s;
SELECT s.* FROM public.limits_says(repeat('(', 40) || '(event_count > 1)' || repeat(' IN (event_count > 2, event_count > 3))', 40)) s;
-- ... and generated columns
ALTER TABLE profiles ADD COLUMN sums bigint GENERATED ALWAYS AS (event_count + event_count + event_count + event_count + event_count + event_count + event_count + event_count + event_count + event_count + event_count + event_count + event_count + event_count + event_count) STORED;
SELECT s.* FROM public.limits_says((SELECT string_agg('sums > ' || n, ' OR ') FROM generate_series(1, 500) n)) s;
SELECT s.* FROM public.limits_says((SELECT string_agg('sums > ' || n, ' OR ') FROM generate_series(1, 4000) n)) s;
ALTER TABLE profiles DROP COLUMN sums;
-- ... literals that a type pads, repetitions of regular expressions in a path
SELECT s.* FROM public.limits_says($$'x'::char(10000000) > 'a'$$) s;
SELECT s.* FROM public.limits_says($$'x'::char(1000) > 'a'$$) s;
SELECT s.* FROM public.limits_says($$'{x,y}'::char(1000000)[] IS NULL$$) s;
SELECT s.* FROM public.limits_says($$ARRAY['x', 'y']::char(1000000)[] IS NULL$$) s;
SELECT s.* FROM public.limits_says($$bit(80000000) '1' IS NULL$$) s;
SELECT s.* FROM public.limits_says((SELECT string_agg($$'x'::char(1000000) > 'a'$$, ' OR ') FROM generate_series(1, 100))) s;
SELECT s.* FROM public.limits_says($$traits->'x' @? '$ ? (@ like_regex "((a{200}){200}){200}")'$$) s;
SELECT s.* FROM public.limits_says($$traits->'x' @? '$ ? (@ like_regex "^a{3}$")'$$) s;
SELECT s.* FROM public.limits_says($$'a' ~ '((a{200}){200}){200}'$$) s;
SELECT s.* FROM public.limits_says('length(' || repeat('concat(', 5) || quote_literal(repeat('a', 50000)) || repeat(',' || quote_literal('b') || ')', 5) || ') > 1') s;
SELECT s.* FROM public.limits_says('length(ARRAY[' || (SELECT string_agg('traits->>''x''', ',') FROM generate_series(1, 101)) || ']::text) > 1') s;
-- ... segments that are named inside
INSERT INTO segments SELECT 'p' || n, 'event_count > ' || n FROM generate_series(1, 300) n;
SELECT s.* FROM public.limits_says((SELECT string_agg('segments @@ ''p*''', ' OR ') FROM generate_series(1, 100))) s;
SELECT s.* FROM public.limits_says((SELECT string_agg('segments @@ ''p*''', ' OR ') FROM generate_series(1, 1000))) s;
SELECT s.* FROM public.limits_says('segments @@ ''' || (SELECT string_agg('p' || n, ' | ') FROM generate_series(1, 300) n) || '''') s;
DELETE FROM segments;

-- An internal error that a function raises (XX000) is a failure of the row, not of the event
INSERT INTO segments VALUES ('internal', $$int8_avg(CASE traits->>'name' WHEN 'An' THEN '{1}' ELSE '{1,2}' END::bigint[]) > 0$$), ('moving', $$float8_avg('{1}'::float8[] || (traits->>'x')::float8) > 0 OR last_seen < now()$$), ('fine', 'event_count > 0');
INSERT INTO computed_traits (name, kind, filter) VALUES ('internal', 'count', $$int8_avg(CASE event WHEN 'bad' THEN '{1}' ELSE '{1,2}' END::bigint[]) > 0$$);
INSERT INTO events (event_id, event, identifiers, traits, occurred_at) VALUES (cdp.event_id('3'), 'bad', '{user_id:2}', '{"name": "An"}', '2024-01-03'), (cdp.event_id('4'), 'e', '{user_id:3}', '{"name": "Binh"}', '2024-01-03');
SELECT segment, profile_id, sqlstate, message FROM segment_errors ORDER BY 1, 2;
SELECT profile_id, cdp.segment_names(segments), computed FROM profiles ORDER BY 1;
SELECT trait, profile_id, n, sqlstate, message FROM computed_trait_errors;
SELECT node, value, error FROM cdp.explain_segment('limits', 1, 'internal') WHERE node < 3;
SELECT cdp.count('limits', $$int8_avg(CASE traits->>'name' WHEN 'An' THEN '{1}' ELSE '{1,2}' END::bigint[]) > 0$$);
SELECT * FROM cdp.check('limits');
SELECT cdp.reevaluate('limits');
SELECT * FROM cdp.check('limits');

SET client_min_messages = warning;
DROP SCHEMA limits CASCADE;
DROP TABLE public.limits_predicates;
DROP FUNCTION public.limits_says;
DROP TYPE public.limits_pair, public.limits_plain, public.limits_enum, public.limits_range CASCADE;
DROP DOMAIN public.limits_domain, public.limits_word;
DROP FUNCTION public.limits_spy;
