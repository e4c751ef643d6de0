-- cdp.traits: damaged binary and text forms give an error or a value that is sound, never a crash.
\pset format unaligned
SET timezone = 'UTC';
CREATE SCHEMA traits_hostile;
SET search_path = traits_hostile, public;
CREATE TEMP TABLE received (t cdp.traits);

-- The value that traits_recv makes of these bytes: through a file in COPY's binary format, one row of one column.
CREATE FUNCTION receive(payload bytea) RETURNS cdp.traits LANGUAGE plpgsql AS $$
DECLARE
    path text := current_setting('data_directory') || '/cdp_traits_hostile';
    file oid;
    result cdp.traits;
BEGIN
    file := lo_from_bytea(0, '\x5047434f50590aff0d0a00'::bytea || int4send(0) || int4send(0)
                             || int2send(1::int2) || int4send(octet_length(payload)) || payload || int2send((-1)::int2));
    PERFORM lo_export(file, path);
    PERFORM lo_unlink(file);
    DELETE FROM pg_temp.received;
    EXECUTE format('COPY pg_temp.received FROM %L (FORMAT binary)', path);
    SELECT t INTO result FROM pg_temp.received;
    RETURN result;
END
$$;

-- ok: the value is sound, it survives its own binary and text forms; else the SQLSTATE
CREATE FUNCTION outcome(payload bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    t cdp.traits;
BEGIN
    t := receive(payload);
    IF t::text::cdp.traits = t AND t || t = t AND t || '{}' = t
       AND t = (SELECT coalesce(cdp.traits_agg(jsonb_build_object(key, value), observed_at, event_id, source), '{}') FROM cdp.trait_entries(t))
       AND (cdp.traits_send(t) = payload OR receive(cdp.traits_send(t)) = t) THEN
        RETURN 'ok';
    END IF;
    RETURN 'unsound';
EXCEPTION WHEN OTHERS THEN
    RETURN sqlstate;
END
$$;

CREATE TABLE sample AS SELECT cdp.traits_send(
    cdp.traits('{"né": "ộ1", "n": 17.5, "t": true, "o": {"a": [1, null]}, "x": null}', '2024-05-01 10:00:00.25+00', '11111111-2222-3333-4444-555555555555', 'web')
    || cdp.traits('{"é": "", "n": -3}', '2024-06-01 10:00+00', '21111111-2222-3333-4444-555555555555', NULL)) AS b;
SELECT b, outcome(b), receive(b), cdp.traits_send(receive(b)) = b AS same FROM sample;

-- every truncation is refused: as a protocol violation, where something is missing
SELECT outcome(substr(b, 1, n)) AS outcome, count(*) = octet_length(b) AS always FROM sample, generate_series(0, octet_length(b) - 1) AS n GROUP BY 1, b ORDER BY 1;
-- bytes behind the value, too
SELECT outcome(b || '\x00') AS behind FROM sample;
-- every bit flipped: an error of a data exception, a protocol violation or a limit, or a sound value
SELECT outcome = 'ok' AS ok, count(*) > 100 AS many, bool_and(outcome = 'ok' OR outcome ~ '^(22|54|08P01)') AS expected
FROM sample, generate_series(0, octet_length(b) * 8 - 1) AS n, LATERAL (SELECT outcome(set_bit(b, n, 1 - get_bit(b, n)))) AS x (outcome) GROUP BY 1 ORDER BY 1;
-- every byte set to its extremes
SELECT count(*) FILTER (WHERE outcome !~ '^(ok|22|54|08P01)') AS unexpected
FROM sample, generate_series(0, octet_length(b) - 1) AS n, unnest(ARRAY[0, 127, 128, 255]) AS v, LATERAL (SELECT outcome(set_byte(b, n, v))) AS x (outcome);

-- Made by hand: what the format says is needed
CREATE FUNCTION binary_text(t text) RETURNS bytea LANGUAGE sql AS $$ SELECT int4send(octet_length(t)) || convert_to(t, 'UTF8') $$;
CREATE FUNCTION binary_entry(key text, at bigint, source bytea, kind int, value bytea) RETURNS bytea LANGUAGE sql AS
$$ SELECT binary_text(key) || int8send(at) || uuid_send('11111111-2222-3333-4444-555555555555') || source || substr(int4send(kind), 4) || value $$;
CREATE FUNCTION refusal(payload bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    RETURN receive(payload);
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN sqlstate || ': ' || sqlerrm || coalesce(' | ' || nullif(detail, ''), '');
END
$$;
SELECT n, what, left(refusal(payload), 200) AS said FROM (VALUES
    (1, 'no keys', '\x01'::bytea || int4send(0)),
    (2, 'no version', ''::bytea),
    (3, 'version 0', '\x00' || int4send(0)),
    (4, 'version 2', '\x02' || int4send(0)),
    (5, 'negative count', '\x01' || int4send(-1)),
    (6, 'count over the limit', '\x01' || int4send(65536)),
    (7, 'count without keys', '\x01' || int4send(65535)),
    (8, 'number', '\x01' || int4send(1) || binary_entry('a', 0, int4send(-1), 3, binary_text(' 1.50 '))),
    (9, 'object, not canonical', '\x01' || int4send(1) || binary_entry('a', 0, int4send(-1), 5, binary_text('{"b":1,"a":2,"b":3}'))),
    (10, 'ascending', '\x01' || int4send(2) || binary_entry('a', 0, int4send(-1), 1, '') || binary_entry('aa', 0, binary_text(''), 2, '')),
    (11, 'descending', '\x01' || int4send(2) || binary_entry('b', 0, int4send(-1), 1, '') || binary_entry('a', 0, int4send(-1), 1, '')),
    (12, 'the same key', '\x01' || int4send(2) || binary_entry('a', 0, int4send(-1), 1, '') || binary_entry('a', 0, int4send(-1), 2, '')),
    (13, 'no key', '\x01' || int4send(1) || int4send(-1) || int8send(0)),
    (14, 'length -2', '\x01' || int4send(1) || int4send(-2) || int8send(0)),
    (15, 'length of 2 GB', '\x01' || int4send(1) || int4send(2147483647) || int8send(0)),
    (16, '-infinity', '\x01' || int4send(1) || binary_entry('a', -9223372036854775808, int4send(-1), 1, '')),
    (17, 'infinity', '\x01' || int4send(1) || binary_entry('a', 9223372036854775807, int4send(-1), 1, '')),
    (18, 'instant too early', '\x01' || int4send(1) || binary_entry('a', -211813488000000001, int4send(-1), 1, '')),
    (19, 'instant too late', '\x01' || int4send(1) || binary_entry('a', 9223371331200000000, int4send(-1), 1, '')),
    (20, 'unknown kind', '\x01' || int4send(1) || binary_entry('a', 0, int4send(-1), 6, '')),
    (21, 'string for a number', '\x01' || int4send(1) || binary_entry('a', 0, int4send(-1), 3, binary_text('"1"'))),
    (22, 'null for a number', '\x01' || int4send(1) || binary_entry('a', 0, int4send(-1), 3, binary_text('null'))),
    (23, 'number for an object', '\x01' || int4send(1) || binary_entry('a', 0, int4send(-1), 5, binary_text('1'))),
    (24, 'not JSON', '\x01' || int4send(1) || binary_entry('a', 0, int4send(-1), 5, binary_text('{'))),
    (25, 'no value', '\x01' || int4send(1) || binary_entry('a', 0, int4send(-1), 4, int4send(-1))),
    (26, 'key too long', '\x01' || int4send(1) || binary_entry(repeat('k', 1025), 0, int4send(-1), 1, '')),
    (27, 'source too long', '\x01' || int4send(1) || binary_entry('a', 0, binary_text(repeat('s', 1025)), 1, '')),
    (28, 'no UTF-8', '\x01' || int4send(1) || int4send(1) || '\xff'::bytea || int8send(0)),
    (29, 'zero byte', '\x01' || int4send(1) || int4send(1) || '\x00'::bytea || int8send(0)),
    (30, 'deep', '\x01' || int4send(1) || binary_entry('a', 0, int4send(-1), 5, binary_text(repeat('[', 1000000))))
) AS x (n, what, payload) ORDER BY n;

-- The text form cut off at each place, each character left out, doubled or replaced
CREATE FUNCTION text_outcome(form text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    t cdp.traits;
BEGIN
    t := form::cdp.traits;
    RETURN CASE WHEN t::text::cdp.traits = t AND receive(cdp.traits_send(t)) = t THEN 'ok' ELSE 'unsound' END;
EXCEPTION WHEN OTHERS THEN
    RETURN sqlstate;
END
$$;
SELECT count(*) > 1000 AS many, count(*) FILTER (WHERE outcome = 'ok') > 10 AS some_ok, count(*) FILTER (WHERE outcome = '22P02') > 100 AS many_refused,
       count(*) FILTER (WHERE outcome !~ '^(ok|22)') AS unexpected
FROM (SELECT receive(b)::text AS form FROM sample) AS s, generate_series(1, length(form)) AS n,
     unnest(ARRAY[left(form, n - 1), left(form, n - 1) || substr(form, n + 1), left(form, n) || substr(form, n), overlay(form PLACING '9' FROM n),
                  overlay(form PLACING '"' FROM n), overlay(form PLACING '\' FROM n)]) AS damaged, LATERAL (SELECT text_outcome(damaged)) AS o (outcome);
SELECT text_outcome('{"a": ' || repeat('[', 1000000)) AS deep, text_outcome('{"a": ' || repeat('{"a":', 1000000)) AS deep_objects;

-- The file goes
DO $$
BEGIN
    EXECUTE format('COPY pg_temp.received FROM PROGRAM %L', 'rm -f ' || quote_literal(current_setting('data_directory') || '/cdp_traits_hostile'));
END
$$;
RESET search_path;
SET client_min_messages = warning;
DROP SCHEMA traits_hostile CASCADE;
