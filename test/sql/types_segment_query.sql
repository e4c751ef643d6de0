-- cdp.segment_query: text, binary, what is refused, comparison; asking sets, the GIN class's catalog,
-- and a workspace with an index on segments. (Random queries: test/programs/types_segment_query.py.)

-- Reading and writing: one form for each value
SELECT given, given::cdp.segment_query AS canonical, given::cdp.segment_query::text::cdp.segment_query = given::cdp.segment_query AS same
FROM unnest(ARRAY['vip', '  vip  ', '"vip"', 'vip & (gold | !churn_risk)', 'vip&gold|silver', 'vip & gold | silver & !lead',
                  '(vip | gold) & silver', '((vip))', '!!vip', '!(!vip)', '! ! ! vip', '!(vip & gold)', '!(vip | gold) & !(silver)',
                  'a & (b & (c & d))', '(a | b) | (c | (d | e))', 'a & !(b & c)', '!(!(a & b) & c)',
                  'vip*', '"big sp"*', '*', '!*', '""*', '*|a', '"big spender"', 'big\ spender', '"say \"hi\""', '"say ""hi"""', '''l''''or'' & ''a"b''*', '''''*', '"a\\b"', 'a\\b', '\a\b',
                  'tier:gold', 'x-1', 'a.b', 'null', 'NOT', 'khách\ quen & 顧客* | 🛒', E'a\t&\n\f\rb', '"{a}"', '"a,b"', '"a@b.vn"', '"l''or"',
                  '"*"', '"a*"', '"a*"*', '"!a"', '"(a)"']) AS given;

-- What is refused
CREATE FUNCTION pg_temp.try(input text, OUT given text, OUT code text, OUT message text, OUT detail text)
LANGUAGE plpgsql AS $$
BEGIN
    given := input;
    message := 'read as ' || input::cdp.segment_query::text;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
END $$;
SELECT t.* FROM unnest(ARRAY['', '   ', E'\n', '&', '|', '!', '!!', '(', ')', '()', '(a', 'a)', 'a & ', '& a', 'a | | b', 'a && b', 'a || b',
                             'a b', 'a AND b', 'a ! b', 'a (b)', '(a)(b)', '(a) b', 'a"b"', '"a"b', '""', '"" & a', '"a', '"a\', 'a\', '\',
                             'vip**', 'vip *', '**', 'a*b', '{vip}', 'vip@now', 'a, b', 'l''or', '''a', '''''', '''a''b', '"a''', 'a & !', 'a & (b | )',
                             'khách quen', 'a & é(']) AS input, pg_temp.try(input) AS t;
-- the hint
SELECT 'big spender & vip'::cdp.segment_query;
SELECT ''::cdp.segment_query;
-- lengths: names, names in a query, parentheses, text
SELECT octet_length((repeat('x', 255) || '*')::cdp.segment_query::text) AS bytes, octet_length(('"' || repeat('é', 127) || '"')::cdp.segment_query::text) AS wide;
SELECT code, message, detail FROM unnest(ARRAY[repeat('x', 256), 'a & "' || repeat('é', 128) || '"', repeat('x', 256) || '*', repeat('x', 100000)]) AS input, pg_temp.try(input);
SELECT length(string_agg('a' || i, '|')::cdp.segment_query::text) FROM generate_series(1, 4096) AS i;
SELECT code, message, detail FROM (SELECT string_agg('a', '|') AS input FROM generate_series(1, 4097)) AS made, pg_temp.try(input);
SELECT (repeat('(', 100) || 'a' || repeat(')', 100))::cdp.segment_query;
SELECT code, message, detail FROM pg_temp.try(repeat('(', 101) || 'a' || repeat(')', 101));
SELECT code, message, detail FROM pg_temp.try(repeat('(', 1000000));
SELECT code, message FROM pg_temp.try(repeat('!', 3000001) || 'a');
SELECT code, message, detail FROM pg_temp.try(repeat(' ', 4194305));
-- operators as deep as parentheses go, and the longest names
SELECT q::text::cdp.segment_query = q AS same, s || '{b100}' @@ q AS found, s || '{a100}' @@ q AS not_found
FROM (SELECT (string_agg('b' || i || ' | a' || i || ' & (', '') || 'z' || repeat(')', 100))::cdp.segment_query AS q,
             cdp.segment_set(array_agg('a' || i) FILTER (WHERE i < 100)) AS s FROM generate_series(1, 100) AS i) AS made;
SELECT q::text::cdp.segment_query = q AS same, pg_column_size(q) > 1000000 AS large
FROM (SELECT string_agg('!"' || lpad(i::text, 4, '0') || repeat('\"', 250) || '"*', ' & ')::cdp.segment_query AS q FROM generate_series(1, 4096) AS i) AS made;

-- A set that is stored out of line, compressed, or as it is
CREATE TABLE query_stored (s cdp.segment_set);
ALTER TABLE query_stored ALTER COLUMN s SET STORAGE EXTERNAL;
INSERT INTO query_stored SELECT cdp.segment_set(array_agg('s' || i)) FROM generate_series(1, 2000) AS i;
ALTER TABLE query_stored ALTER COLUMN s SET STORAGE EXTENDED;
INSERT INTO query_stored SELECT cdp.segment_set(array_agg('s' || i)) FROM generate_series(1, 300) AS i;
INSERT INTO query_stored VALUES ('{s5}');
SELECT s @@ 's5' AS found, s @@ 's300' AS in_two, s @@ 's2000' AS in_one, s @@ 'vip' AS not_found FROM query_stored;
DROP TABLE query_stored;

-- Asking: operators both ways round, named functions, literals of unknown type
SELECT q.query, s @@ q.query::cdp.segment_query AS op, q.query::cdp.segment_query @@ s AS commuted,
       cdp.matches(s, q.query::cdp.segment_query) AS func, cdp.matches(q.query::cdp.segment_query, s) AS func_commuted
FROM (SELECT '{vip,"khách quen",vip_away@2020-01-01T00:00:00Z}'::cdp.segment_set AS s) AS x,
     unnest(ARRAY['vip', 'gold', '!gold', 'vip & !vip_away', 'vip & !gold', 'gold | vip', 'vi', 'vi*', 'vip_*', 'vip_x*', '*', '!*', 'khá*', '"khách quen"', 'VIP']) AS q (query);
SELECT q.query, '{}'::cdp.segment_set @@ q.query::cdp.segment_query AS of_empty FROM unnest(ARRAY['vip', '!vip', '*', '!*']) AS q (query);
SELECT '{vip}'::cdp.segment_set @@ 'vip' AS literal, 'vip' @@ '{vip}'::cdp.segment_set AS commuted, '{vip}'::cdp.segment_set @@ NULL AS of_null,
       cdp.matches('{vip}'::cdp.segment_set, '!vip') AS func;
PREPARE asked AS SELECT '{vip}'::cdp.segment_set @@ $1;
EXECUTE asked('vip | gold');
DEALLOCATE asked;
SET search_path = '';
SELECT '{vip}'::cdp.segment_set @@ 'vip & !gold' AS literal;
RESET search_path;
-- tsvector's and jsonb's @@ are as before
SELECT to_tsvector('simple', 'vip') @@ 'vip'::tsquery AS tsquery, '[1]'::jsonb @@ '$[*] == 1' AS jsonpath, 'vip gold' @@ 'gold' AS text;

-- Equality, order and hash: of the text form
SELECT a, b, a = b AS eq, a <> b AS ne, a < b AS lt, a <= b AS le, a > b AS gt, a >= b AS ge, cdp.segment_query_cmp(a, b) AS cmp,
       cdp.segment_query_hash(a) = cdp.segment_query_hash(b) AS hash,
       cdp.segment_query_hash_extended(a, 7) = cdp.segment_query_hash_extended(b, 7) AS hash_seeded
FROM (VALUES ('a&b'::cdp.segment_query, '(a) & ("b")'::cdp.segment_query), ('a & b', 'b & a'), ('a', 'a*'), ('a', '!a'), ('a | b', 'a & b'),
             ('B', 'a'), ('a & b', 'a'), ('ab & c', 'a & bc')) AS v (a, b);
SELECT bool_and(cdp.segment_query_hash(q) = cdp.segment_query_hash_extended(q, 0)::bit(32)::int) AS low_bits
FROM (VALUES ('a'::cdp.segment_query), ('a & b'), ('!a*')) AS v (q);
CREATE TABLE audience (name text, query cdp.segment_query, UNIQUE (query));
CREATE INDEX ON audience USING hash (query);
INSERT INTO audience VALUES ('one', 'vip & !vip_away'), ('two', 'gold | vip'), ('three', NULL);
INSERT INTO audience VALUES ('four', '(vip)&!"vip_away"');
SELECT * FROM audience ORDER BY query;
-- a table of audiences, asked at once
SELECT s, array_agg(name ORDER BY name) AS audiences FROM audience, unnest('{"{vip}","{vip,vip_away}","{gold}"}'::cdp.segment_set[]) AS s WHERE s @@ query GROUP BY s ORDER BY s;
DROP TABLE audience;

-- Binary form: version 1, then the text; what comes over the wire is read like any text
SELECT cdp.segment_query_send('a&b') AS sent;
CREATE TABLE query_wire (q cdp.segment_query);
CREATE FUNCTION pg_temp.receive(wire bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    file oid;
    result text;
BEGIN
    file := lo_from_bytea(0, '\x5047434f50590aff0d0a00' || int4send(0) || int4send(0) || int2send(1::int2)
                             || int4send(length(wire)) || wire || int2send((-1)::int2));
    PERFORM lo_export(file, 'query_wire.bin');
    PERFORM lo_unlink(file);
    BEGIN
        COPY query_wire FROM 'query_wire.bin' (FORMAT binary);
    EXCEPTION WHEN OTHERS THEN
        RETURN SQLSTATE || ' ' || SQLERRM;
    END;
    DELETE FROM query_wire RETURNING q::text INTO result;
    RETURN result;
END $$;
SELECT what, pg_temp.receive(wire) AS received
FROM (VALUES ('canonical', '\x01'::bytea || 'vip & !gold'), ('not canonical', '\x01'::bytea || '((vip))&!(gold)'), ('nothing', ''), ('no text', '\x01'),
             ('version 0', '\x00'::bytea || 'vip'), ('version 2', '\x02'::bytea || 'vip'), ('null byte', '\x01'::bytea || '\x766900'), ('null byte in quotes', '\x01'::bytea || '\x22760022'),
             ('invalid UTF-8', '\x01'::bytea || '\x76e9'), ('cut', '\x01'::bytea || 'vip & '), ('deep', '\x01'::bytea || convert_to(repeat('(', 2000), 'UTF8'))) AS v (what, wire);
CREATE TABLE query_damage AS
WITH whole AS (SELECT cdp.segment_query_send('vip & !("big sp"* | é) & (a | !b)') AS wire)
SELECT 'cut' AS kind, n, substr(wire, 1, n) AS wire FROM whole, generate_series(0, length(wire) - 1) AS n
UNION ALL SELECT 'flipped', n, set_bit(wire, n, 1 - get_bit(wire, n)) FROM whole, generate_series(0, length(wire) * 8 - 1) AS n;
CREATE TABLE query_received AS SELECT kind, n, pg_temp.receive(wire) AS received FROM query_damage;
SELECT kind, count(*), count(*) FILTER (WHERE received ~ '^[0-9A-Z]{5} ') > 0 AS some_refused, count(*) FILTER (WHERE received !~ '^[0-9A-Z]{5} ') > 0 AS some_read
FROM query_received GROUP BY kind ORDER BY kind;
SELECT count(*) AS lost FROM query_received
WHERE received !~ '^[0-9A-Z]{5} ' AND pg_temp.receive(cdp.segment_query_send(received::cdp.segment_query)) IS DISTINCT FROM received;
SELECT DISTINCT substr(received, 1, 5) AS sqlstate FROM query_received WHERE received ~ '^[0-9A-Z]{5} ' ORDER BY 1;
COPY (SELECT 1) TO PROGRAM 'rm -f query_wire.bin';
DROP TABLE query_wire, query_damage, query_received;

-- Dump and restore: queries in columns, defaults, checks and index predicates, and indexes on sets
CREATE TABLE query_dump (id int, q cdp.segment_query DEFAULT 'vip & !"big spender"', s cdp.segment_set, CHECK (NOT s @@ 'nobody*'), UNIQUE (id, q));
CREATE INDEX query_dump_s ON query_dump USING gin (s);
CREATE INDEX query_dump_id ON query_dump (id) WHERE s @@ 'vip & (gold | !"a,b")' OR '!*' @@ s;
INSERT INTO query_dump (id, s) VALUES (1, '{vip}');
INSERT INTO query_dump VALUES (2, '"a\"b" | "x y"* & !(c | \*)', '{}'), (3, NULL, NULL),
    (4, 'a | !b* & "c d"', '{gold,"big spender"}');
\setenv PGDATABASE :DBNAME
\! pg_dump -t query_dump | sed 's/query_dump/query_back/g' | psql -X -q -v ON_ERROR_STOP=1 -o /dev/null
SELECT count(*) AS rows, count(DISTINCT (id, q::text, s::text)) AS different FROM (TABLE query_back UNION ALL TABLE query_dump) AS rows;
INSERT INTO query_back (id, s) VALUES (5, '{nobody}');
SELECT indexdef FROM pg_indexes WHERE tablename = 'query_back' ORDER BY indexdef;
SET enable_seqscan = off;
SELECT id FROM query_back WHERE s @@ '!vip' ORDER BY id;
RESET enable_seqscan;
DROP TABLE query_back, query_dump;

-- The operator class: one for all operators, the default; its functions are complete
SELECT amop.amopstrategy, amop.amopopr::regoperator FROM pg_opclass AS c JOIN pg_am ON pg_am.oid = opcmethod JOIN pg_amop AS amop ON amopfamily = opcfamily
WHERE amname = 'gin' AND opcintype = 'cdp.segment_set'::regtype ORDER BY 1;
SELECT opcdefault, opckeytype::regtype, amvalidate(c.oid) FROM pg_opclass AS c JOIN pg_am ON pg_am.oid = opcmethod WHERE amname = 'gin' AND opcintype = 'cdp.segment_set'::regtype;

-- In a workspace: an index on segments is its owner's choice
SELECT cdp.create_workspace('asked');
INSERT INTO asked.segments (name, predicate) VALUES ('vip', $$cdp.total(ltv, 'USD') >= 1000$$), ('vip_away', $$cdp.total(ltv, 'USD') >= 2000$$), ('buyer', 'cdp.purchases(ltv) > 0');
INSERT INTO asked.events (event, identifiers, amount, currency, occurred_at, received_at)
SELECT 'Order Completed', ARRAY['user_id:' || i], i * 10, 'USD', '2026-01-01 00:00+00', '2026-01-01 00:00+00' FROM generate_series(1, 300) AS i;
CREATE INDEX asked_segments ON asked.profiles USING gin (segments);
SELECT count(*) FROM asked.profiles WHERE segments @@ 'vip & !vip_away';
SET enable_seqscan = off;
SELECT count(*) FROM asked.profiles WHERE segments @@ 'vip & !vip_away';
-- an event that changes no membership leaves the index alone, and the update HOT
SELECT pg_stat_force_next_flush();
SELECT n_tup_upd AS updates, n_tup_hot_upd AS hot FROM pg_stat_user_tables WHERE schemaname = 'asked' AND relname = 'profiles' \gset before_
INSERT INTO asked.events (event, identifiers, occurred_at, received_at) SELECT 'Page Viewed', ARRAY['user_id:' || i], '2026-01-02 00:00+00', '2026-01-02 00:00+00' FROM generate_series(15, 300, 15) AS i;
SELECT pg_stat_force_next_flush();
SELECT n_tup_upd - :before_updates AS updates, n_tup_hot_upd - :before_hot AS hot FROM pg_stat_user_tables WHERE schemaname = 'asked' AND relname = 'profiles';
-- one that does is found by it at once
INSERT INTO asked.events (event, identifiers, amount, currency, occurred_at, received_at) VALUES ('Order Completed', '{user_id:1}', 1500, 'USD', '2026-01-03 00:00+00', '2026-01-03 00:00+00');
SELECT count(*) FROM asked.profiles WHERE segments @@ 'vip & !vip_away';
SELECT count(*) FROM asked.profiles WHERE segments ? 'vip_away' OR segments @@ '!buyer';
RESET enable_seqscan;
SELECT * FROM cdp.check('asked');
-- detached, the column is jsonb, and the index one of jsonb
SELECT cdp.detach('asked');
SELECT indexdef FROM pg_indexes WHERE indexname = 'asked_segments';
SELECT count(*) FROM asked.profiles WHERE segments ? 'vip';
SET client_min_messages = warning;
DROP SCHEMA asked CASCADE;
