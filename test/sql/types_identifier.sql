-- cdp.identifier: canonical on input, compared and hashed by its bytes.

-- Canonical: the namespace folded, the value trimmed, in NFC, its case kept
SELECT r AS received, r::cdp.identifier AS canonical, cdp.namespace(r::cdp.identifier), cdp.value(r::cdp.identifier)
FROM unnest(ARRAY['user_id:42', '  User_ID: 42 ', 'COOKIE:Ab1', 'a:b:c', 'url:https://x.vn/?a=b', U&'x:e\0301', U&'x:\00A0\3000v\FEFF',
                  'x:"', 'x:{a,b}', 'card_9:' || repeat('9', 20)]) AS r;
SELECT U&'x:e\0301'::cdp.identifier = U&'x:\00E9'::cdp.identifier AS nfd_is_nfc, 'x:a'::cdp.identifier = 'x:A'::cdp.identifier AS case_ignored,
       'X:a'::cdp.identifier = 'x:a'::cdp.identifier AS namespace_folded;
SELECT length(('x:' || repeat('v', 1024))::cdp.identifier::text) AS longest_value, length((repeat('n', 63) || ':v')::cdp.identifier::text) AS longest_namespace;

-- Faults of structure: each an error that names the value and the way out
SELECT ''::cdp.identifier;
SELECT 'an@example.com'::cdp.identifier;
SELECT ':v'::cdp.identifier;
SELECT '1x:v'::cdp.identifier;
SELECT 'user-id:42'::cdp.identifier;
SELECT 'user id:42'::cdp.identifier;
SELECT 'ngườidùng:42'::cdp.identifier;
SELECT (repeat('n', 64) || ':v')::cdp.identifier;
SELECT 'user_id:'::cdp.identifier;
SELECT U&'user_id: \00A0\2003'::cdp.identifier;
SELECT ('x:' || repeat('v', 1025))::cdp.identifier;
SELECT ('x:' || repeat('ư', 513))::cdp.identifier;
SELECT ('x:' || repeat(U&'\FB2C', 300))::cdp.identifier; -- 900 bytes, 1800 in NFC
SELECT E'x:a\nb'::cdp.identifier;
SELECT E'x:a\x7fb'::cdp.identifier;
SELECT U&'x:a\0085b'::cdp.identifier;
-- an e-mail address or a phone number that is none
SELECT 'email:an'::cdp.identifier;
SELECT ' Email:an@'::cdp.identifier;
SELECT 'phone:0912345678'::cdp.identifier;
-- which the soft constructor answers with null; faults stay errors
SELECT cdp.to_identifier('email:an') IS NULL AS email, cdp.to_identifier('phone:0912345678') IS NULL AS phone,
       cdp.to_identifier('email:An@x.vn') AS good, cdp.to_identifier(NULL) IS NULL AS of_null;
SELECT cdp.to_identifier('an');
-- SQLSTATEs
CREATE FUNCTION pg_temp.state(received text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM cdp.identifier(received);
    RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END $$;
SELECT pg_temp.state('x:v') AS good, pg_temp.state('v') AS no_namespace, pg_temp.state('-:v') AS bad_namespace, pg_temp.state('x:') AS empty,
       pg_temp.state('x:' || repeat('v', 1025)) AS too_long, pg_temp.state(E'x:\x01v') AS control, pg_temp.state('email:v') AS email,
       pg_temp.state('phone:v') AS phone;

-- Order: that of the text under COLLATE "C"; the identifiers of one namespace are neighbours
CREATE TEMP TABLE ids (i cdp.identifier);
INSERT INTO ids SELECT (n || ':' || v)::cdp.identifier
FROM unnest(ARRAY['a', 'ab', 'a_', 'b', 'a1', 'user_id']) AS n, unnest(ARRAY['a', 'A', 'b', '1', 'aa', 'é', 'z', '~', ':', '"']) AS v;
SELECT count(*), count(DISTINCT i), min(i), max(i) FROM ids;
SELECT bool_and(i::text COLLATE "C" = t) AS same_order
FROM (SELECT i, row_number() OVER (ORDER BY i) AS n FROM ids) AS a
JOIN (SELECT i::text COLLATE "C" AS t, row_number() OVER (ORDER BY i::text COLLATE "C") AS n FROM ids) AS b USING (n);
SELECT bool_and((a.i < b.i) = (a.i::text COLLATE "C" < b.i::text COLLATE "C") AND (a.i <= b.i) = (a.i::text COLLATE "C" <= b.i::text COLLATE "C")
            AND (a.i = b.i) = (a.i::text = b.i::text) AND (a.i <> b.i) = (a.i::text <> b.i::text)
            AND (a.i > b.i) = (a.i::text COLLATE "C" > b.i::text COLLATE "C") AND (a.i >= b.i) = (a.i::text COLLATE "C" >= b.i::text COLLATE "C")
            AND sign(cdp.identifier_cmp(a.i, b.i)) = (a.i > b.i)::int - (a.i < b.i)::int) AS operators_agree
FROM ids AS a, ids AS b;
SELECT count(*) AS runs, count(DISTINCT cdp.namespace(i)) AS namespaces
FROM (SELECT i, lag(cdp.namespace(i)) OVER (ORDER BY i) AS before FROM ids) AS x WHERE before IS DISTINCT FROM cdp.namespace(i);

-- Indexes give what a scan gives; literals need no cast; operators need no search_path
CREATE INDEX ids_btree ON ids (i);
CREATE TEMP TABLE ids_hash AS TABLE ids;
CREATE INDEX ids_hash_i ON ids_hash USING hash (i);
SET enable_seqscan = off;
SET search_path = '';
SELECT array_agg(i ORDER BY i) FROM pg_temp.ids WHERE i = 'user_id:é';
SELECT array_agg(i ORDER BY i) FROM pg_temp.ids_hash WHERE i = 'user_id:é';
SELECT array_agg(i ORDER BY i) FROM pg_temp.ids WHERE i >= ('ab:' || 'a')::cdp.identifier AND i < 'ab:b';
SELECT min(i), max(i) FROM pg_temp.ids;
RESET enable_seqscan;
SET enable_indexscan = off; SET enable_indexonlyscan = off; SET enable_bitmapscan = off;
SELECT array_agg(i ORDER BY i) FROM pg_temp.ids WHERE i >= 'ab:a' AND i < 'ab:b';
SELECT min(i), max(i) FROM pg_temp.ids;
RESET ALL;
SELECT opcmethod, amvalidate(oid) FROM (SELECT o.oid, a.amname AS opcmethod FROM pg_opclass AS o JOIN pg_am AS a ON a.oid = opcmethod WHERE opcname = 'identifier_ops') AS o ORDER BY 1;
-- merge and hash joins, and DISTINCT by hashing and by sorting, agree
SET enable_hashjoin = off; SET enable_nestloop = off;
SELECT count(*) FROM ids AS a JOIN ids AS b USING (i);
SET enable_hashjoin = on; SET enable_mergejoin = off;
SELECT count(*) FROM ids AS a JOIN ids AS b USING (i);
RESET ALL;
-- min and max in parallel workers
CREATE TABLE many_ids AS SELECT ('n' || g % 7 || ':' || md5(g::text))::cdp.identifier AS i FROM generate_series(1, 20000) AS g;
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2;
SELECT min(i) = (SELECT min(i::text COLLATE "C")::cdp.identifier FROM many_ids) AS min, max(i) = (SELECT max(i::text COLLATE "C")::cdp.identifier FROM many_ids) AS max FROM many_ids;
RESET ALL;
DROP TABLE many_ids;

-- The hash is for ever, here worked out by hand from its description in identifier.c
SELECT r, cdp.identifier_hash(r::cdp.identifier), cdp.identifier_hash_extended(r::cdp.identifier, 0) AS seed_0, cdp.identifier_hash_extended(r::cdp.identifier, 42) AS seed_42
FROM unnest(ARRAY['a:b', 'user_id:4', 'user_id:42', 'email:dũng@example.com', 'cookie:0123456789abcdef']) AS r;
-- it spreads: 20,000 neighbours over 16 buckets, none a tenth off
SELECT count(*) AS buckets, min(n) > 1125 AND max(n) < 1375 AS even
FROM (SELECT cdp.identifier_hash(('user_id:' || g)::cdp.identifier) & 15 AS bucket, count(*) AS n FROM generate_series(1, 20000) AS g GROUP BY 1) AS x;

-- Casts: to text by assignment, from text only when asked for
CREATE TEMP TABLE texts (t text);
INSERT INTO texts SELECT 'x:v'::cdp.identifier;
SELECT t, t::cdp.identifier AS there, cdp.text(t::cdp.identifier) AS and_back FROM texts;
SELECT castcontext, castsource::regtype, casttarget::regtype FROM pg_cast WHERE 'cdp.identifier'::regtype IN (castsource, casttarget) ORDER BY 2;

-- Binary form: a version byte, then the text
SELECT cdp.identifier_send('user_id:42'), cdp.identifier_send('x:é');
\copy texts from program 'printf "PGCOPY\n\377\r\n\000\000\000\000\000\000\000\000\000\000\001\000\000\000\003x:v\377\377"' with (format binary)
SELECT count(*) FROM texts;
\copy ids from program 'printf "PGCOPY\n\377\r\n\000\000\000\000\000\000\000\000\000\000\001\000\000\000\010\001 X:e\314\201 \377\377"' with (format binary)
SELECT i, cdp.identifier_send(i) FROM ids WHERE i = 'x:é';
\copy ids from program 'printf "PGCOPY\n\377\r\n\000\000\000\000\000\000\000\000\000\000\001\000\000\000\004\002x:v\377\377"' with (format binary)
\copy ids from program 'printf "PGCOPY\n\377\r\n\000\000\000\000\000\000\000\000\000\000\001\000\000\000\000\377\377"' with (format binary)
\copy ids from program 'printf "PGCOPY\n\377\r\n\000\000\000\000\000\000\000\000\000\000\001\000\000\000\001\001\377\377"' with (format binary)
\copy ids from program 'printf "PGCOPY\n\377\r\n\000\000\000\000\000\000\000\000\000\000\001\000\000\000\004\001x:\377\377\377"' with (format binary)
\copy ids from program 'printf "PGCOPY\n\377\r\n\000\000\000\000\000\000\000\000\000\000\001\000\000\000\005\001x:\303v\377\377"' with (format binary)
\copy ids from program 'printf "PGCOPY\n\377\r\n\000\000\000\000\000\000\000\000\000\000\001\000\000\000\005\001x:v\000\377\377"' with (format binary)
\copy ids from program 'printf "PGCOPY\n\377\r\n\000\000\000\000\000\000\000\000\000\000\001\000\000\000\005\001x:\001v\377\377"' with (format binary)

-- Toasted, short and long headers, in tuples and out of them
CREATE TABLE stored (i cdp.identifier PRIMARY KEY, n int);
INSERT INTO stored SELECT ('x:' || repeat('v', g))::cdp.identifier, g FROM generate_series(1, 1024, 93) AS g;
SELECT bool_and(i::text = 'x:' || repeat('v', n) AND cdp.namespace(i) = 'x' AND length(cdp.value(i)) = n) AS as_stored FROM stored;
SELECT n FROM stored WHERE i = ('x:' || repeat('v', 931))::cdp.identifier;
SELECT i, n FROM (SELECT cdp.identifier(i::text) AS i, n FROM stored WHERE n < 100) AS s ORDER BY i DESC LIMIT 2;
DROP TABLE stored;

-- Versions of what decides on canonical forms
SELECT component, version ~ '^[0-9]+(\.[0-9]+)*$' AS is_version FROM cdp.versions();
