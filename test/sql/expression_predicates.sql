-- Predicates: what a segment's condition may be, and what each refusal says.
\pset format unaligned
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET cdp.clock = '2024-03-01 08:00+00';
SELECT cdp.create_workspace('predicates');
SET search_path = predicates, public;
\set SHOW_CONTEXT never
CREATE FUNCTION public.my_true(int) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION public.my_equal(int, int) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT $1 = $2';
CREATE OPERATOR public.=== (FUNCTION = public.my_equal, LEFTARG = int, RIGHTARG = int);
CREATE FUNCTION public.boom(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'boom: called as %', current_user; END $$;
CREATE DOMAIN public.dom AS text CHECK (public.boom(value));
CREATE DOMAIN pg_temp.tdom AS text CHECK (public.boom(value));
CREATE TYPE public.comp AS (a public.dom);
CREATE TYPE public.en AS ENUM ('a', 'b');
ALTER TABLE profiles ADD COLUMN tier public.en DEFAULT 'b', ADD COLUMN score numeric DEFAULT 1.5, ADD COLUMN note text,
    ADD COLUMN double_count bigint GENERATED ALWAYS AS (event_count * 2) STORED;
INSERT INTO events (event_id, event, identifiers, occurred_at, amount, traits) VALUES
  (cdp.event_id('1'), 'e', '{user_id:1,cookie:1}', '2024-01-01 13:00+00', 5, '{"plan": "gold", "name": "An Nguyễn", "born": "1985-05-05", "age": 35, "flag": "yes", "when": "today", "days": "{2024-01-01,2024-01-02}"}'),
  (cdp.event_id('2'), 'e', '{user_id:1}', '2024-01-02 20:30+00', NULL, '{"tags": ["a", "b"], "address": {"city": "Huế", "geo": [16.46, 107.59]}}');

-- It does not parse
INSERT INTO segments VALUES ('bad', $p$1 =$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$(event_count > 1$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$event_count > 1)$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$true; DROP TABLE x$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$true;$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$true UNION SELECT true$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$SELECT true$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$:x > 1$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$'open$p$);
\echo :SQLSTATE

-- It is more or less than one expression
INSERT INTO segments VALUES ('bad', $p$$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$true, false$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$true ORDER BY 1$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$true LIMIT 1$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$true AS a$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$DISTINCT true$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$true FROM predicates.profiles$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$true WHERE true$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$true GROUP BY 1$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$true FOR UPDATE$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$*$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$ALL true$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$/* a /* b */ */ -- c
 all true$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$ -- nothing$p$);
\echo :SQLSTATE

-- It is not boolean
INSERT INTO segments VALUES ('bad', $p$1$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$event_count$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$'abc'$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$traits->>'plan'$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$profiles.*$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$ROW(true)$p$);
\echo :SQLSTATE

-- Names that are not there
INSERT INTO segments VALUES ('bad', $p$nope = 1$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$profiles.nope = 1$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$events.event = 'x'$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$p.event_count > 1$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$nope(1)$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$traits +* 1$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$'x'::nope = 'x'$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$my_true(1)$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$1 === 1$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$traits->>'a' = $1$p$);
\echo :SQLSTATE

-- Whole rows, system columns, and the results of evaluation
INSERT INTO segments VALUES ('bad', $p$profiles IS NOT NULL$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$ROW(profiles.*) IS NOT NULL$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$ctid = '(0,1)'$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$xmin = '1'$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$tableoid = 1$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$segments ? 'vip'$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$evaluated_at > '2024-01-01'$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$next_evaluation_at IS NULL$p$);
\echo :SQLSTATE

-- Subqueries
INSERT INTO segments VALUES ('bad', $p$(SELECT true)$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$EXISTS (SELECT 1)$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$profile_id IN (SELECT 1)$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$event_count > ALL (VALUES (1))$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$ARRAY(SELECT 1) = '{1}'$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$(SELECT count(*) FROM pg_class) > 1$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$CASE WHEN true THEN (SELECT true) END$p$);
\echo :SQLSTATE

-- Aggregates, window functions, sets
INSERT INTO segments VALUES ('bad', $p$count(*) > 1$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$sum(event_count) > 1$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$sum(event_count) OVER () > 1$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$row_number() OVER () > 1$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$generate_series(1, 2) > 1$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$GROUPING(event_count) = 1$p$);
\echo :SQLSTATE

-- Functions that are volatile, depend on the session, or can blow up
INSERT INTO segments VALUES ('bad', $p$random() < 0.5$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$pg_sleep(1) IS NULL$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$nextval('predicates.profiles_profile_id_seq') > 1$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$pg_read_file('/etc/passwd') = ''$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$current_setting('a') = 'x'$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$pg_backend_pid() = 1$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$version() = ''$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$to_tsvector('a') @@ 'a'$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$current_user = 'x'$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$session_user = 'x'$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$current_schema = 'x'$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$repeat('a', 1000000000) = ''$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$lpad('a', 1000000000) = ''$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$array_fill(1, '{100000}'::int[]) IS NULL$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$xmlparse(content 'a') IS NULL$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$int4in('1') = 1$p$);
\echo :SQLSTATE

-- What belongs to somebody else: functions, operators, and types whose input calls functions
INSERT INTO segments VALUES ('bad', $p$public.my_true(1)$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$1 OPERATOR(public.===) 1$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$(traits->>'a')::public.dom = 'x'$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$'x'::public.dom = 'x'$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$'{x}'::public.dom[] = '{x}'$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$public._dom('{x}') = '{x}'$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$public.dom('x') = 'x'$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$'(x)'::public.comp IS NULL$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$CAST(traits->>'a' AS public.dom) = 'x'$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$'x'::tdom = 'x'$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$(traits->>'x')::public.en = 'b'$p$);
\echo :SQLSTATE

-- The clock, in whatever dress
INSERT INTO segments VALUES ('bad', $p$last_seen < clock_timestamp()$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$timeofday() > ''$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$localtime > '10:00'$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$current_time(3) > '10:00'$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$to_char(now(), 'MM') = '12'$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$last_seen > 'today'$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$last_seen::date = 'today'::date$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$last_seen > timestamptz 'now'$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$last_seen::date > date 'yesterday'$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$last_seen > CAST('tomorrow' AS timestamptz)$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$last_seen > ' ToMorrow 10:00'$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$last_seen > E'n\x6fw'$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$last_seen > $$now$$$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$last_seen > U&'n\006fw'$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$last_seen IN ('2024-01-01', 'today')$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$last_seen BETWEEN '2024-01-01' AND 'tomorrow'$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$'now'::time > '10:00'$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$'{today}'::date[] = '{}'$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$'[today,)'::daterange @> last_seen::date$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$'{[today,)}'::datemultirange @> last_seen::date$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$date_in('today') = last_seen$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$date_in(textout(traits->>'d')) = last_seen$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$timestamptz_in('now', 0, -1) = last_seen$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$('to' || 'day')::date = '2024-01-01'$p$);
\echo :SQLSTATE

-- A constant part that fails
INSERT INTO segments VALUES ('bad', $p$1 / 0 = 1$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$event_count > 'abc'::int$p$);
\echo :SQLSTATE
INSERT INTO segments VALUES ('bad', $p$last_seen > '2024-13-45'$p$);
\echo :SQLSTATE

-- The context names the segment
\set SHOW_CONTEXT always
INSERT INTO segments VALUES ('good', 'true'), ('not so good', 'last_seen > clock_timestamp()');
\set SHOW_CONTEXT errors
SELECT count(*) AS none FROM segments;
-- A long one is shown where it is wrong
INSERT INTO segments VALUES ('long', E'event_count > 1\n  AND cdp.total(ltv, ''USD'') > 5\n  AND nope = 3');

-- Allowed: each with what it gives for the profile there is, and what the same text gives in a query on profiles
CREATE TABLE public.predicates_allowed (n serial, predicate text);
COPY public.predicates_allowed (predicate) FROM stdin;
true
NOT false
null
'yes'
cdp.total(ltv, 'USD') >= 5
total(ltv, 'USD') >= 5 AND purchases(ltv) = 1
profiles.event_count > 1
predicates.profiles.event_count > 1
CASE WHEN event_count > 1 THEN true ELSE false END
CASE traits->>'plan' WHEN 'gold' THEN true WHEN 'iron' THEN false END
COALESCE(traits->>'plan', '') = 'gold'
NULLIF(traits->>'plan', '') = 'gold'
GREATEST(event_count, 2) = 2
traits->>'plan' IN ('gold', 'silver')
traits->>'plan' NOT IN ('silver')
event_count BETWEEN 1 AND 5
event_count BETWEEN SYMMETRIC 5 AND 1
traits->>'plan' = ANY ('{gold,silver}')
traits->>'plan' = ANY (ARRAY['gold', 'silver'])
5 > ALL (ARRAY[event_count, 3])
ARRAY[traits->>'plan'] && '{gold}'
event_count IS DISTINCT FROM 2
traits->>'none' IS NULL
(event_count > 1) IS NOT TRUE
(event_count, 5) = (2, 5)
ROW(event_count, 1) < (3, 1)
traits ? 'plan'
traits @> '{"plan": "gold"}'
(traits->'address')->>'city' = 'Huế'
traits->'address'->'geo'->>0 = '16.46'
(traits->'tags') ? 'a'
traits->'tags' @> '["a"]'
traits::jsonb #>> '{address,city}' = 'Huế'
jsonb_path_exists(traits->'address', '$.geo[*] ? (@ > 100)')
jsonb_array_length(traits->'tags') = 2
traits->>'name' ~ '^A.*n$'
traits->>'name' !~* 'B'
traits->>'name' ILIKE 'an%'
traits->>'name' SIMILAR TO 'An( [A-Z]_+)?'
traits->>'name' COLLATE "C" < 'B'
lower(traits->>'name') LIKE '%nguy%'
(traits->>'name') || '!' = 'An Nguyễn!'
length(traits->>'name') > 3
event_count::text LIKE '2%'
concat(event_count, '/', traits->>'plan') = '2/gold'
concat_ws('-', VARIADIC ARRAY['a', traits->>'plan']) = 'a-gold'
mod(profile_id, 2) = 1
hashtext(traits->>'name') % 2 IN (-1, 0, 1)
first_seen >= '2024-01-01'
first_seen >= timestamptz '2024-01-01 00:00+07'
first_seen > 'epoch' AND first_seen < 'infinity'
(traits->>'born')::date < '1990-01-01'
(traits->>'born')::timestamptz < '1990-01-01'
CAST(traits->>'born' AS date) < date '1990-01-01'
(traits->>'born')::varchar(10)::date < '1990-01-01'
(traits->>'born')::char(10)::date < '1990-01-01'
(traits->>'born')::name::date < '1990-01-01'
(last_seen AT TIME ZONE 'Asia/Ho_Chi_Minh')::date = '2024-01-03'
extract(hour FROM last_seen) = 20
date_trunc('month', last_seen) = '2024-01-01'
last_seen::date = '2024-01-02'
last_seen - first_seen > interval '1 day'
last_seen - interval '1 day' > first_seen
age(last_seen, first_seen) > '1 day'
to_char(last_seen, 'YYYY-MM') = '2024-01'
to_timestamp(traits->>'born', 'YYYY-MM-DD') < last_seen
make_date(2024, 1, 1) < last_seen::date
last_seen::date <@ '[2024-01-01,2024-02-01)'::daterange
'{2024-01-02}'::date[] @> ARRAY[last_seen::date]
(traits->>'days')::date[] && '{2024-01-02}'
'today' = traits->>'when'
'{today}'::text[] @> ARRAY[traits->>'when']
(traits->>'age')::int >= 18
(traits->>'age')::numeric / 2 = 17.5
(traits->>'flag')::boolean
tier = 'b'
tier = 'b'::public.en
tier > 'a'
score * 2 = 3
double_count = 4
note IS NULL
pg_catalog.length('a') OPERATOR(pg_catalog.=) CAST(1 AS pg_catalog.int4)
identifier_count = 2
/* why */ true -- not
 \t/* a /* b */ */ ( true ) /* c */
-- c\ntrue
\.
INSERT INTO segments SELECT 's' || n, predicate FROM public.predicates_allowed;
CREATE FUNCTION public.in_query(predicate text, OUT holds boolean) LANGUAGE plpgsql SET search_path = pg_catalog, cdp, predicates, public AS $$ BEGIN EXECUTE 'SELECT ' || predicate || E'\n FROM predicates.profiles' INTO holds; END $$;
SELECT a.n, segments ? ('s' || a.n) AS member, in_query(a.predicate) IS TRUE AS in_query, a.predicate FROM profiles, public.predicates_allowed a
WHERE segments ? ('s' || a.n) <> (in_query(a.predicate) IS TRUE) OR NOT segments ? ('s' || a.n) ORDER BY a.n;
SELECT count(*) AS predicates, count(*) FILTER (WHERE segments ? ('s' || a.n)) AS members FROM profiles, public.predicates_allowed a;
SELECT segment, sqlstate, message FROM segment_errors;
-- ... the same when an event evaluates them
INSERT INTO events (event_id, event, identifiers, occurred_at) VALUES (cdp.event_id('3'), 'e', '{user_id:1}', '2024-01-01 14:00+00');
UPDATE segments SET predicate = 'false';
DELETE FROM segments;
INSERT INTO segments SELECT 's' || n, predicate FROM public.predicates_allowed;
INSERT INTO events (event_id, event, identifiers, occurred_at, traits, amount) VALUES (cdp.event_id('4'), 'e', '{user_id:2}', '2024-01-05 14:00+00', '{"plan": "iron", "name": "Binh"}', 7);
SELECT segments ? 's1' AS always, segments ? 's5' AS spent, segments ? 's12' AS gold, segments ? 's50' AS named FROM profiles WHERE profile_id = 2;
SELECT * FROM cdp.check('predicates');

-- The names are cdp's and PostgreSQL's, whatever the session's path: nobody shadows them
CREATE SCHEMA predicates_evil;
CREATE FUNCTION predicates_evil.total(cdp.ltv, text) RETURNS numeric IMMUTABLE LANGUAGE sql AS 'SELECT -1.0';
CREATE FUNCTION predicates_evil.length(text) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT -1';
CREATE FUNCTION predicates_evil.ge(numeric, numeric) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT false';
CREATE OPERATOR predicates_evil.>= (FUNCTION = predicates_evil.ge, LEFTARG = numeric, RIGHTARG = numeric);
CREATE TEMP TABLE profiles (event_count int);
SET search_path = predicates_evil, pg_catalog, public;
DELETE FROM predicates.segments;
INSERT INTO predicates.segments VALUES ('rich', $$total(ltv, 'USD') >= 5.0$$), ('named', $$length(traits->>'name') > 1$$), ('counted', 'profiles.event_count >= 1'), ('null', $$(traits->>'none' = NULL) IS NULL$$);
SET transform_null_equals = on;
SET standard_conforming_strings = off;
SET escape_string_warning = off;
SET array_nulls = off;
SET quote_all_identifiers = on;
SET bytea_output = escape;
INSERT INTO predicates.segments VALUES ('null too', $p$(traits->>'none' = NULL) IS NULL$p$), ('backslash', $p$'a\b' = $$a\b$$$p$), ('array', $p$('{NULL}'::text[])[1] IS NULL AND ((traits->>'nulls')::text[])[1] IS NULL$p$),
    ('ident', $p$quote_ident(traits->>'plan') = traits->>'plan'$p$), ('bytea', $p$(decode(md5(traits->>'plan'), 'hex'))::text LIKE '\x%'$p$);
INSERT INTO predicates.events (event_id, event, identifiers, traits, amount) VALUES (cdp.event_id('5'), 'e', '{user_id:3}', '{"name": "Chi", "plan": "tin", "nulls": "{NULL}"}', 9);
RESET ALL;
\pset format unaligned
SELECT profile_id, segments::text[] FROM predicates.profiles ORDER BY profile_id;
SELECT segment, sqlstate, message FROM predicates.segment_errors;
SELECT * FROM cdp.check('predicates');
DROP TABLE pg_temp.profiles;

SET client_min_messages = warning;
DROP SCHEMA predicates, predicates_evil CASCADE;
DROP TABLE public.predicates_allowed;
DROP FUNCTION public.in_query, public.my_true;
DROP OPERATOR public.=== (int, int);
DROP FUNCTION public.my_equal;
DROP TYPE public.comp, public.en;
DROP DOMAIN public.dom, pg_temp.tdom;
DROP FUNCTION public.boom;
