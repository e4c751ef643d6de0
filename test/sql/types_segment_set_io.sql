-- cdp.segment_set in and out: text, times, what is refused, dump, binary.
SET timezone = 'UTC';

-- Reading and writing
SELECT '{}'::cdp.segment_set, ' { } '::cdp.segment_set AS spaced;
SELECT '{vip@2011-12-09T12:50:00.000001Z, gold}'::cdp.segment_set;
-- sorted by bytes; of a repeated name the earliest time counts, no time being the earliest of all
SELECT '{b,a,C,aa,a@2020-01-01T00:00:00Z}'::cdp.segment_set;
SELECT '{a@2020-01-03T00:00:00Z,a@2020-01-01T00:00:00Z,a@2020-01-02T00:00:00Z}'::cdp.segment_set;

-- Every name comes back, quoted where it must be
SELECT name, set, set = cdp.segment_set(ARRAY[name]) AS same,
       set::text::cdp.segment_set::text[] = ARRAY[name] AS round_trip
FROM unnest(ARRAY['plain', 'big spender', ' lead', 'trail ', 'a,b', 'a{b', 'a}b', 'a@b.vn', 'a"b',
                  'a\b', '\', '"', '@', 'NULL', 'null', 'nullable', E'tab\there', E'line\nbreak',
                  'khách hàng thân thiết', '顧客', '🛒', '''', '-', '?|&!()']) AS name,
     LATERAL (SELECT cdp.segment_set(ARRAY[name]) AS set) AS made;
-- quotes and backslashes on the way in
SELECT '{"a b", a\,b , \"q\" ,  inner space  , \ x\ , "say \"hi\"", \null, "x\y"}'::cdp.segment_set::text[];

-- Times: any ISO 8601 with an offset, written in UTC
SELECT written, ('{v@' || written || '}')::cdp.segment_set
FROM unnest(ARRAY['2011-12-09T12:50:00Z', '2011-12-09 12:50:00z', '2011-12-09t12:50Z',
                  '2011-12-09T12:50:00.5Z', '2011-12-09T12:50:00.000001+00',
                  '2011-12-09T12:50:00+07', '2011-12-09T12:50:00+0730', '2011-12-09T00:50:00-05:30',
                  '1890-01-01T00:00:00+07:06:30', '2012-02-29T23:59:59.999999Z',
                  '1999-12-31T23:59:59.999999Z', '0001-01-01T00:00:00Z', '0044-03-15T00:00:00Z BC',
                  '4714-11-24T00:00:00Z BC', '294276-12-31T23:59:59.999999Z', 'infinity',
                  '-infinity', ' 2011-12-09T12:50:00Z ']) AS written;
-- the same for any setting
SET timezone = 'Asia/Ho_Chi_Minh';
SET datestyle = 'SQL, DMY';
SELECT '{vip@2011-12-09T12:50:00.000001Z, gold}'::cdp.segment_set;
SELECT cdp.entered_at('{vip@2011-12-09T12:50:00.000001Z, gold}', 'vip');
RESET datestyle;
SET timezone = 'UTC';

-- Times against PostgreSQL's own reading and writing: random days of all its range, days of two
-- centuries to the microsecond, the ends of the range. All three counts agree.
CREATE TABLE segset_times (t timestamptz);
SELECT setseed(0.5);
INSERT INTO segset_times
SELECT timestamptz '2000-01-01 00:00+00'
       + make_interval(days => (random() * 109000000 - 2450000)::int, secs => random() * 86400)
FROM generate_series(1, 5000);
INSERT INTO segset_times
SELECT timestamptz '1899-12-31 00:00+00' + make_interval(days => d) - interval '1 microsecond'
FROM generate_series(1, 80000, 29) AS d;
INSERT INTO segset_times
VALUES ('4714-11-24 00:00:00+00 BC'), ('294276-12-31 23:59:59.999999+00'),
       ('0001-01-01 00:00:00+00'), ('0001-12-31 23:59:59.999999+00 BC'),
       ('0001-02-29 00:00:00+00 BC'), ('2000-02-29 00:00:00+00'), ('1900-02-28 23:59:59+00');
SELECT count(*) AS times,
       count(*) FILTER (WHERE cdp.entered_at(('{v@' || written || '}')::cdp.segment_set, 'v') = t) AS read_right,
       count(*) FILTER (WHERE ('{v@' || written || '}')::cdp.segment_set::text = '{v@' || shortest || '}') AS written_right
FROM segset_times,
     LATERAL (SELECT abs(extract(year FROM t))::text AS year) AS y,
     LATERAL (SELECT lpad(year, greatest(4, length(year)), '0') || to_char(t, '-MM-DD"T"HH24:MI:SS.US"Z"')
                     || CASE WHEN extract(year FROM t) < 0 THEN ' BC' ELSE '' END AS written) AS w,
     LATERAL (SELECT rtrim(rtrim(split_part(written, 'Z', 1), '0'), '.') AS trimmed) AS r,
     LATERAL (SELECT CASE WHEN written ~ '[.]000000Z' THEN replace(written, '.000000Z', 'Z')
                          ELSE trimmed || 'Z' || split_part(written, 'Z', 2) END AS shortest) AS s;
DROP TABLE segset_times;

-- What is refused: each with its SQLSTATE
CREATE FUNCTION pg_temp.try(input text) RETURNS TABLE (given text, code text, message text, detail text)
LANGUAGE plpgsql AS $$
BEGIN
    given := input;
    BEGIN
        message := input::cdp.segment_set::text;
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
                                detail = PG_EXCEPTION_DETAIL;
    END;
    RETURN NEXT;
END $$;
SELECT t.* FROM unnest(ARRAY[
    '', 'vip', '{', '{a', '{a,', '{a,}', '{,a}', '{,}', '{a,,b}', '{a}b', '{a}}', '{{a}}', '{a{b}',
    '{a"b"}', '{"a}', '{"a"b}', '{"a"é}', '{"a\', '{a\', '{""}', '{"" , a}', '{NULL}', '{a,null}',
    '{@2011-12-09T12:50:00Z}', '{a@', '{a@}', '{a@ }', '{a@now}', '{a@2011-12-09}',
    '{a@2011-12-09T12:50:00}', '{a@2011-12-09T12:50:00 Europe/Paris}', '{a@2011-12-09T12Z}',
    '{a@2011-12-09T12:50:00.Z}', '{a@2011-12-09T12:50:00.0000001Z}', '{a@2011-12-09T12:50:00Z AD}',
    '{a@2011-12-09T12:50:00Z@x}', '{a@2011-12-09T12:50:00+7}', '{a@2011-12-9T12:50:00Z}',
    '{a@11-12-09T12:50:00Z}', '{a@"2011-12-09T12:50:00Z"}', 'a@b.vn', '{a@b.vn}',
    '{a@2011-02-29T12:50:00Z}', '{a@1900-02-29T12:50:00Z}', '{a@2011-13-09T12:50:00Z}',
    '{a@2011-00-09T12:50:00Z}', '{a@2011-12-00T12:50:00Z}', '{a@2011-12-09T24:00:00Z}',
    '{a@2011-12-09T12:60:00Z}', '{a@2011-12-09T12:50:60Z}', '{a@2011-12-09T12:50:00+16}',
    '{a@0000-12-09T12:50:00Z}', '{a@4714-11-23T23:59:59.999999Z BC}', '{a@294277-01-01T00:00:00Z}',
    '{a@294276-12-31T23:59:59-00:01}', '{a@294277-12-31T23:59:59Z}', '{a@999999-12-31T23:59:59Z}',
    '{a@294277-12-31T23:59:59Z BC}']) AS input, pg_temp.try(input) AS t;
-- lengths: 255 bytes are a name, 256 are not, also in two-byte characters
SELECT octet_length((cdp.segment_set(ARRAY[repeat('x', 255)]))::text) AS bytes;
SELECT cdp.segment_set(ARRAY[repeat('x', 256)]);
SELECT ('{' || repeat('é', 128) || '}')::cdp.segment_set;
SELECT cdp.segment_set(ARRAY['a', NULL]);
SELECT cdp.segment_set(ARRAY['a', '']);
-- a set holds 65,535
SELECT cdp.segment_count(cdp.segment_set(array_agg(i::text))) FROM generate_series(1, 65535) AS i;
SELECT cdp.segment_set(array_agg(i::text)) FROM generate_series(1, 65536) AS i;
SELECT cdp.merge(cdp.segment_set(array_agg(i::text)), '{one more}') FROM generate_series(1, 65535) AS i;

-- Dump and restore: pg_dump with a default, a check and indexes, and COPY as text and as binary,
-- give the same names and times
CREATE TABLE segset_dump (id int, s cdp.segment_set DEFAULT '{new@2020-01-01T00:00:00Z}',
                          CHECK (NOT s ? 'nobody' AND cdp.segment_count(s) >= 0));
CREATE INDEX ON segset_dump USING hash (s);
CREATE INDEX ON segset_dump (id) WHERE s @> '{vip}' OR s ?| '{gold,silver}';
INSERT INTO segset_dump VALUES
    (1, '{}'), (2, NULL), (3, '{"a b","a,b"@2011-12-09T12:50:00.000001Z,"a@b.vn"@0044-03-15T00:00:00Z BC,"NULL","\\\""@infinity,gold}'),
    (4, E'{"tab\there","line\nbreak","khách quen"@1999-12-31T23:59:59.999999Z}');
INSERT INTO segset_dump VALUES (5);
INSERT INTO segset_dump SELECT 6, ('{' || string_agg('segment number ' || i || '@2020-01-01T00:00:00.' || lpad(i::text, 6, '0') || 'Z', ',') || '}')::cdp.segment_set
FROM generate_series(1, 10000) AS i;
\setenv PGDATABASE :DBNAME
\! pg_dump -t segset_dump | sed 's/segset_dump/segset_back/g' | psql -X -q -v ON_ERROR_STOP=1 -o /dev/null
\! psql -X -q -c 'COPY segset_dump TO STDOUT (FORMAT binary)' | psql -X -q -c 'COPY segset_back FROM STDIN (FORMAT binary)'
SELECT count(*) AS rows, count(DISTINCT (id, s::text)) AS different FROM (TABLE segset_back UNION ALL TABLE segset_dump) AS rows;
INSERT INTO segset_back VALUES (7) RETURNING s;
INSERT INTO segset_back VALUES (8, '{nobody}');
SELECT indexdef FROM pg_indexes WHERE tablename = 'segset_back' ORDER BY indexdef;
DROP TABLE segset_back;

-- 10,000 members: found, counted, compressed and read again
SELECT cdp.segment_count(s) AS members, s ? 'segment number 1' AS first, s ? 'segment number 9999' AS one, s ? 'segment number 10001' AS none,
       cdp.entered_at(s, 'segment number 4711'), s @> cdp.segment_set(ARRAY['segment number 10000']) AS contains
FROM segset_dump WHERE id = 6;
SELECT count(*) FROM segset_dump, generate_series(1, 10000) AS i WHERE id = 6 AND s ? ('segment number ' || i)
   AND cdp.entered_at(s, 'segment number ' || i) = timestamptz '2020-01-01 00:00+00' + make_interval(secs => i / 1e6);
DROP TABLE segset_dump;

-- Binary form: version 1, count, then per member length, name and microseconds since 2000
CREATE FUNCTION pg_temp.wire(s cdp.segment_set) RETURNS bytea LANGUAGE sql AS 'SELECT cdp.segment_set_send(s)';
SELECT pg_temp.wire('{}') AS empty, pg_temp.wire('{ab@2000-01-01T00:00:01Z,é}') AS two;

-- What comes over the wire, through a binary COPY of one row of one field
CREATE TABLE segset_wire (s cdp.segment_set);
CREATE FUNCTION pg_temp.receive(wire bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    file oid;
    result text;
BEGIN
    file := lo_from_bytea(0, '\x5047434f50590aff0d0a00' || int4send(0) || int4send(0) || int2send(1::int2)
                             || int4send(length(wire)) || wire || int2send((-1)::int2));
    PERFORM lo_export(file, 'segset_wire.bin');
    PERFORM lo_unlink(file);
    BEGIN
        COPY segset_wire FROM 'segset_wire.bin' (FORMAT binary);
    EXCEPTION WHEN OTHERS THEN
        RETURN SQLSTATE || ' ' || SQLERRM;
    END;
    DELETE FROM segset_wire RETURNING s::text INTO result;
    RETURN result;
END $$;
SELECT what, pg_temp.receive(wire) AS received
FROM (VALUES
    ('empty', '\x0100000000'::bytea),
    ('two', '\x0100000002' || '\x00000002616200000000000f4240'::bytea || '\x00000002c3a98000000000000000'::bytea),
    ('unsorted and repeated', '\x0100000003' || '\x000000016200000000000f4240'::bytea
         || '\x00000001617fffffffffffffff'::bytea || '\x00000001620000000000000000'::bytea),
    ('version 2', '\x0200000000'),
    ('version 0', '\x0000000000'),
    ('count -1', '\x01ffffffff'),
    ('count 65536', '\x0100010000'),
    ('count 65535, none there', '\x010000ffff'),
    ('one byte too many', '\x010000000000'),
    ('name of -1 bytes', '\x0100000001ffffffff0000000000000000'),
    ('name of 2 GB', '\x01000000017fffffff610000000000000000'),
    ('empty name', '\x0100000001000000000000000000000000'),
    ('name of 256 bytes', '\x010000000100000100' || convert_to(repeat('x', 256), 'UTF8') || '\x0000000000000000'::bytea),
    ('invalid UTF-8', '\x010000000100000001e90000000000000000'),
    ('null byte', '\x01000000010000000361006200000000000f4240'),
    ('time below the range', '\x0100000001000000016180000000000000ff'),
    ('time above the range', '\x010000000100000001617ffffffffffffffe')) AS v (what, wire);
-- cut after each byte, and each bit flipped: received or refused, never worse, and what is received
-- is a lawful set that is sent and received again unchanged
CREATE TABLE segset_damage AS
WITH whole AS (SELECT pg_temp.wire('{ab@2011-12-09T12:50:00Z,"big spender"@2020-01-01T00:00:00Z,é}') AS wire)
SELECT 'cut' AS kind, n, substr(wire, 1, n) AS wire FROM whole, generate_series(0, length(wire) - 1) AS n
UNION ALL
SELECT 'flipped', n, set_bit(wire, n, 1 - get_bit(wire, n)) FROM whole, generate_series(0, length(wire) * 8 - 1) AS n;
CREATE TABLE segset_received AS SELECT kind, n, pg_temp.receive(wire) AS received FROM segset_damage;
SELECT kind, count(*), count(*) FILTER (WHERE received !~ '^\{') > 0 AS some_refused FROM segset_received GROUP BY kind ORDER BY kind;
SELECT kind, count(*) AS refused FROM segset_received WHERE received !~ '^\{' AND kind = 'cut' GROUP BY kind;
SELECT count(*) AS lost FROM segset_received
WHERE received ~ '^\{' AND pg_temp.receive(pg_temp.wire(received::cdp.segment_set)) IS DISTINCT FROM received;
SELECT DISTINCT substr(received, 1, 5) AS sqlstate FROM segset_received WHERE received !~ '^\{' ORDER BY 1;
COPY (SELECT 1) TO PROGRAM 'rm -f segset_wire.bin';
DROP TABLE segset_wire, segset_damage, segset_received;
