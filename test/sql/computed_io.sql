-- cdp.computed in and out: text, what is refused, dump, binary, damaged binary.
SET timezone = 'UTC';
SET datestyle = 'ISO';
-- What a query fails with
CREATE FUNCTION pg_temp.failure(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    EXECUTE query;
    RETURN 'succeeds';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN concat_ws(' | ', SQLSTATE, SQLERRM, nullif(detail, ''));
END $$;

-- Nothing
SELECT '{}'::cdp.computed, ' { } '::cdp.computed = '{}' AS spaced, '{"version": 1, "zone": "UTC", "traits": {}}'::cdp.computed = '{}' AS spelled_out;

-- Any order and any space is read, one order is written
SELECT E'{ "traits":{"top" :{"limit":3,"of":"text","window_days":7,"kind":"most_frequent","days":{"2011-12-10":{"values":[["b",2],["a",1]]},\n"0044-03-15 BC":{"values":[["\u00e9\\n\\"",1]]}}},
  "spend":{"state":12.50,"of":"number","kind":"sum"},"Orders":{"days":{"2011-12-09":1,"2011-12-08":20},"kind":"count","window_days":30} }\t,
  "zone":"asia/ho_chi_minh","version":1} '::cdp.computed \g (format=unaligned)

-- A value of every kind and class, with and without a window
CREATE TABLE computed_sample (id text PRIMARY KEY, v cdp.computed NOT NULL DEFAULT '{}');
CREATE TABLE computed_class (class text, low text, middle text, high text);
INSERT INTO computed_class VALUES
    ('number', '-12345678901234567890.123456789012345678901', '1.50', '1e30'),
    ('text', '""', '"Z\u00fcrich \"8\""', '"\u1ed9"'),
    ('boolean', 'false', 'true', NULL),
    ('time', '"-infinity"', '"2011-12-09T12:50:00.000001Z"', '"infinity"'),
    ('date', '"-infinity"', '"0044-03-15 BC"', '"infinity"'),
    ('json', 'null', '{"b": [1, 2.50, {"a": null}], "c": "x"}', '[]');
INSERT INTO computed_sample
SELECT concat_ws(' ', kind, class, window_days),
       format('{"version": 1, "zone": "Europe/London", "traits": {"t": {"kind": "%s"%s%s%s, "%s": %s}}}', kind,
              ', "of": "' || class || '"', ', "window_days": ' || window_days, ', "limit": ' || max,
              CASE WHEN window_days IS NULL THEN 'state' ELSE 'days' END,
              CASE WHEN window_days IS NULL THEN a ELSE format('{"2011-12-09": %s, "2011-12-10": %s, "2012-02-29": %s}', a, b, coalesce(c, a)) END)::cdp.computed
FROM (SELECT 'sum' AS kind, 'number' AS class, NULL::int AS max, low AS a, middle AS b, high AS c FROM computed_class WHERE class = 'number'
      UNION ALL SELECT 'avg', 'number', NULL, format('{"sum": %s, "count": 1}', low), format('{"sum": %s, "count": 4611686018427387000}', middle), format('{"sum": %s, "count": 3}', high)
                FROM computed_class WHERE class = 'number'
      UNION ALL SELECT kind, class, NULL, low, middle, high FROM computed_class, unnest(ARRAY['min', 'max']) AS kind WHERE class NOT IN ('boolean', 'json')
      UNION ALL SELECT kind, class, NULL, format('{"value": %s, "at": "2011-12-09T00:00:00Z", "event": "00000000-0000-0000-0000-000000000000"}', low),
                       format('{"value": %s, "at": "2011-12-09T12:50:00.5Z", "event": "123e4567-e89b-12d3-a456-426614174000"}', middle),
                       format('{"value": %s, "at": "2012-02-29T23:59:59.999999Z", "event": "ffffffff-ffff-ffff-ffff-ffffffffffff"}', coalesce(high, low))
                FROM computed_class, unnest(ARRAY['first', 'last']) AS kind
      UNION ALL SELECT 'most_frequent', class, 2, format('{"values": [[%s, 1], [%s, 4611686018427387000]]}', low, middle), format('{"values": [[%s, 2], [%s, 1]], "cut": true}', low, middle),
                       format('{"values": [[%s, 300]]}', coalesce(high, low))
                FROM computed_class WHERE class <> 'json'
      UNION ALL SELECT kind, class, 2, format('{"values": [%s, %s]}', low, middle), format('{"values": [%s, %s], "cut": true}', low, middle), format('{"values": [%s]}', coalesce(high, low))
                FROM computed_class, unnest(ARRAY['unique_list', 'unique_count']) AS kind WHERE class <> 'json') AS made,
     unnest(ARRAY[NULL, 1, 3650]) AS window_days;
INSERT INTO computed_sample VALUES
    ('none', '{}'),
    ('count', '{"version": 1, "zone": "UTC", "traits": {"t": {"kind": "count", "state": 4611686018427387903}}}'),
    ('count 30', '{"version": 1, "zone": "UTC", "traits": {"t": {"kind": "count", "window_days": 30, "days": {"2011-12-09": 1, "2011-12-10": 15, "2011-12-11": 16, "2011-12-27": 17, "2012-01-13": 4611686018427387000, "5874897-12-31": 1}}}}'),
    ('no events', '{"version": 1, "zone": "UTC", "traits": {"c": {"kind": "count"}, "cw": {"kind": "count", "window_days": 3, "days": {}}, "s": {"kind": "sum", "of": "number"}, "u": {"kind": "unique_count", "of": "text", "limit": 1}}}'),
    ('many', (SELECT cdp.merge_agg(format('{"version": 1, "zone": "UTC", "traits": {"%s": {"kind": "count", "window_days": 90, "days": {"%s": 1}}}}', repeat('n', 1 + i % 63), date '2011-01-01' + i)::cdp.computed)
              FROM generate_series(1, 300) AS i));
SELECT count(*) AS samples, count(*) FILTER (WHERE v::text::cdp.computed = v) AS text_round_trip, count(DISTINCT v::text) AS different FROM computed_sample;
SELECT id, v FROM computed_sample WHERE id ~ '(^[^ ]*|number|date|json)$' OR id ~ 'text 1$' ORDER BY id COLLATE "C" \g (format=unaligned)
-- whatever the session's settings are
SET timezone = 'Asia/Tokyo';
SET datestyle = 'German';
SET intervalstyle = 'iso_8601';
SET bytea_output = 'escape';
SET extra_float_digits = 0;
CREATE TABLE computed_other AS SELECT id, v::text AS t FROM computed_sample;
RESET timezone;
RESET datestyle;
RESET bytea_output;
SELECT count(*) AS samples, count(*) FILTER (WHERE t = v::text AND t::cdp.computed = v) AS same FROM computed_other JOIN computed_sample USING (id);
DROP TABLE computed_other;
SET timezone = 'UTC';
SET datestyle = 'ISO';

-- Numbers keep their scale where they are summed or shown, and lose it among distinct values
SELECT v->>'s' AS sum, v->>'m' AS max, v->>'l' AS list
FROM (SELECT '{"version": 1, "zone": "UTC", "traits": {"s": {"kind": "sum", "of": "number", "state": 1.500}, "m": {"kind": "max", "of": "number", "state": 0.00},
                                                            "l": {"kind": "unique_list", "of": "number", "limit": 9, "state": {"values": [2.500, 0.00, 1e3, 1.0000000000000000000000]}}}}'::cdp.computed AS v) AS made;

-- Refused. The valid text, and what becomes of it when one part is replaced by another
CREATE TABLE computed_text AS
SELECT '{"version": 1, "zone": "UTC", "traits": {"a": {"kind": "avg", "of": "number", "state": {"sum": 30.00, "count": 2}}, "f": {"kind": "first", "of": "date", "window_days": 9, "days": {"2024-01-05": {"value": "2024-02-29", "at": "2024-01-05T11:00:00Z", "event": "123e4567-e89b-12d3-a456-426614174000"}}}, "n": {"kind": "count", "window_days": 30, "days": {"2024-01-05": 3, "2024-01-06": 1}}, "t": {"kind": "most_frequent", "of": "text", "limit": 2, "state": {"values": [["p", 2], ["q", 1]], "cut": true}}, "u": {"kind": "unique_list", "of": "time", "limit": 2, "state": {"values": ["2024-01-05T10:00:00Z"]}}}}'::text AS t;
SELECT t::cdp.computed::text = t AS valid FROM computed_text;
SELECT part || ' -> ' || replacement AS change, pg_temp.failure(format('SELECT %L::cdp.computed', replace(t, part, replacement))) AS result
FROM computed_text, (VALUES
    ('"version": 1', '"version": 2'),
    ('"version": 1, ', ''),
    ('"version": 1', '"version": "1"'),
    ('"version": 1', '"version": 1, "version": 1'),
    ('"version": 1', '"version": 1, "more": 1'),
    ('"zone": "UTC"', '"zone": "Mars"'),
    ('"zone": "UTC"', '"zone": ""'),
    ('"zone": "UTC"', '"zone": null'),
    ('"zone": "UTC"', '"zone": "FOO5BAR"'),
    ('"traits": {', '"traits": [], "x": {'),
    ('{"a"', '{"": {"kind": "count"}, "a"'),
    ('{"a"', '{"a\u0007": {"kind": "count"}, "a"'),
    ('{"a"', '{"a": {"kind": "count"}, "a"'),
    ('{"a"', '{"x": 1, "a"'),
    ('{"a"', '{"x": {}, "a"'),
    ('"avg"', '"median"'),
    ('"avg"', 'null'),
    ('"avg"', '"sum"'),
    ('"avg"', '"count"'),
    ('"kind": "avg", ', ''),
    ('"number"', '"text"'),
    ('"number"', '"event"'),
    ('"number"', '"float"'),
    (', "of": "number"', ''),
    ('"window_days": 30', '"window_days": 0'),
    ('"window_days": 30', '"window_days": 3651'),
    ('"window_days": 30', '"window_days": 30.0'),
    ('"window_days": 30', '"window_days": "30"'),
    ('"window_days": 30, ', ''),
    ('"count", "window_days": 30', '"count", "of": "text", "window_days": 30'),
    ('"count", "window_days": 30', '"count", "limit": 30, "window_days": 30'),
    ('30.00', '"30.00"'),
    ('30.00', 'NaN'),
    ('30.00', '030'),
    ('"count": 2', '"count": 0'),
    ('"count": 2', '"count": 1.5'),
    ('"count": 2', '"count": 9223372036854775807'),
    (', "count": 2', ''),
    (', "count": 2', ', "count": 2, "more": 3'),
    ('{"sum": 30.00, "count": 2}', '30'),
    (', "state": {"sum": 30.00', ', "days": {"sum": 30.00'),
    ('"2024-02-29"', '"2023-02-29"'),
    ('"2024-02-29"', '"today"'),
    ('"2024-02-29"', '20240229'),
    ('"2024-02-29"', 'null'),
    ('2024-01-05T11', '2024-01-05 25'),
    ('2024-01-05T11:00:00Z', 'infinity'),
    ('2024-01-05T11', '2024-01-07T11'),
    ('"event": "123e4567', '"event": "x23e4567'),
    ('"event": "123e4567-e89b-12d3-a456-426614174000"', '"event": 1'),
    ('{"value": "2024-02-29", ', '{'),
    ('"2024-01-05": 3', '"2024-01-05": 0'),
    ('"2024-01-05": 3', '"2024-01-05": -3'),
    ('"2024-01-05": 3', '"2024-01-05": null'),
    ('"2024-01-05": 3', '"2024-1-5": 3'),
    ('"2024-01-05": 3', '"infinity": 3'),
    ('"2024-01-05": 3', '"02024-01-05": 3, "2024-01-05": 3'),
    ('"2024-01-05": 3', '"2024-01-06": 3'),
    ('"2024-01-05": 3', '"2024-01-05": 3, "2024-01-05": 3'),
    ('{"2024-01-05": 3, "2024-01-06": 1}', '[3, 1]'),
    (', "days": {"2024-01-05": 3, "2024-01-06": 1}', ''),
    (', "days": {"2024-01-05": 3, "2024-01-06": 1}', ', "state": 4'),
    ('"limit": 2, "state": {"values": [[', '"limit": 1, "state": {"values": [['),
    ('"limit": 2, "state": {"values": [[', '"limit": 3, "state": {"values": [['),
    ('"limit": 2, "state": {"values": [[', '"limit": 100001, "state": {"values": [['),
    ('"limit": 2, "state": {"values": [[', '"state": {"values": [['),
    ('["q", 1]', '["p", 1]'),
    ('["q", 1]', '["q", 0]'),
    ('["q", 1]', '["q"]'),
    ('["q", 1]', '["q", 1, 1]'),
    ('["q", 1]', '"q"'),
    ('["q", 1]', '[1, "q"]'),
    ('["q", 1]', '[{"q": 1}, 1]'),
    ('[["p", 2], ["q", 1]]', '[]'),
    ('[["p", 2], ["q", 1]]', '{"p": 2}'),
    ('"cut": true', '"cut": 1'),
    ('"unique_list"', '"unique_count"'),
    ('"limit": 2, "state": {"values": ["', '"limit": 10001, "state": {"values": ["'),
    ('["2024-01-05T10:00:00Z"]', '["2024-01-05T10:00:00Z", "2024-01-05T11:00:00+01"]'),
    ('["2024-01-05T10:00:00Z"]', '["2024-01-05T10:00:00Z", "2024-01-05"]'),
    ('["2024-01-05T10:00:00Z"]', '["294277-01-01T00:00:00Z"]'),
    ('}}}}', '}}}'),
    ('}}}}', '}}}} x')) AS fault (part, replacement) \g (format=unaligned)
SELECT pg_temp.failure(format('SELECT %L::cdp.computed', t)) FROM unnest(ARRAY['', 'null', '[]', '1', '"x"', '{', '{"version": 1}', repeat('{"a":', 20000) || '1' || repeat('}', 20000)]) AS t \g (format=unaligned)
-- long names and values
SELECT pg_temp.failure(format('SELECT %L::cdp.computed', replace(t, '"u"', '"' || repeat('u', 64) || '"'))) AS name,
       pg_temp.failure(format('SELECT %L::cdp.computed', replace(t, '"u"', '"' || repeat('ü', 31) || '"'))) AS name_that_fits,
       pg_temp.failure(format('SELECT %L::cdp.computed', replace(t, '"q"', '"' || repeat('q', 1025) || '"'))) AS value,
       pg_temp.failure(format('SELECT %L::cdp.computed', replace(t, '"q"', '"' || repeat('q', 1024) || '"'))) AS value_that_fits
FROM computed_text \gx
-- every prefix of the text is refused, without a crash
SELECT count(*) AS prefixes, count(*) FILTER (WHERE pg_temp.failure(format('SELECT %L::cdp.computed', left(t, n))) LIKE '22P02%') AS refused
FROM computed_text, generate_series(0, length(t) - 1) AS n;
-- and every text with one character replaced is refused, or is a value that reads back the same
SELECT count(*) AS texts, count(*) FILTER (WHERE result ~ '^22P02') AS refused, count(*) FILTER (WHERE result = 'succeeds') AS other_values
FROM computed_text, generate_series(1, length(t)) AS n, unnest(ARRAY['"', '{', ',', ':', '0', '9', '-', ' ', '\', 'é']) AS c,
     LATERAL (SELECT overlay(t PLACING c FROM n FOR 1) AS changed) AS made,
     LATERAL (SELECT pg_temp.failure(format('SELECT 1 / (%1$L::cdp.computed::text::cdp.computed = %1$L::cdp.computed)::int', changed)) AS result) AS tried
WHERE substr(t, n, 1) <> c;

-- The stored form is written down in full: version 1, flags 0, zone of 3 bytes, "UTC", 3 traits.
-- "a", of kind 2 (avg) and class 1 (number: 12), no flags, window and limit: 4 bytes of cells: scale 2, 3000 doubled
-- (f02e), 2 values. "n", kind 0 and class 0, window 30: 4 bytes: first day 8770 (2024-01-05) doubled (848901), head 20
-- (3 events). "u", kind 8 of class 3 (booleans), limit 2: twice 2 values, each of one byte.
SELECT cdp.computed_send('{"version": 1, "zone": "UTC", "traits": {"a": {"kind": "avg", "of": "number", "state": {"sum": 30.00, "count": 2}}, "n": {"kind": "count", "window_days": 30, "days": {"2024-01-05": 3}},
  "u": {"kind": "unique_list", "of": "boolean", "limit": 2, "state": {"values": [true, false]}}}}');
SELECT cdp.computed_send('{}');

-- Dump and restore: pg_dump with a default and a check, and COPY as binary
ALTER TABLE computed_sample ADD CHECK (cdp.zone(v) <> 'Europe/Paris');
CREATE INDEX ON computed_sample USING hash (v);
CREATE INDEX ON computed_sample (cdp.computed_text(v, 't', 'epoch'));
\setenv PGDATABASE :DBNAME
\! pg_dump -t computed_sample | sed 's/computed_sample/computed_back/g' | psql -X -q -v ON_ERROR_STOP=1 -o /dev/null
SELECT count(*) AS rows, count(*) FILTER (WHERE a.v = b.v) AS same FROM computed_sample AS a FULL JOIN computed_back AS b USING (id);
INSERT INTO computed_back VALUES ('default') RETURNING v;
TRUNCATE computed_back;
\! psql -X -q -c 'COPY computed_sample TO STDOUT (FORMAT binary)' | psql -X -q -c 'COPY computed_back FROM STDIN (FORMAT binary)'
SELECT count(*) AS rows, count(*) FILTER (WHERE a.v = b.v) AS same FROM computed_sample AS a FULL JOIN computed_back AS b USING (id);
DROP TABLE computed_back;

-- What comes over the wire, through a binary COPY of one row of one field
CREATE TABLE computed_wire (v cdp.computed);
CREATE FUNCTION pg_temp.receive(wire bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    file oid;
    result text;
BEGIN
    file := lo_from_bytea(0, '\x5047434f50590aff0d0a00' || int4send(0) || int4send(0) || int2send(1::int2)
                             || int4send(length(wire)) || wire || int2send((-1)::int2));
    PERFORM lo_export(file, 'computed_wire.bin');
    PERFORM lo_unlink(file);
    BEGIN
        COPY computed_wire FROM 'computed_wire.bin' (FORMAT binary);
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS result = PG_EXCEPTION_DETAIL;
        RETURN SQLSTATE || coalesce(' ' || nullif(result, ''), '');
    END;
    -- whatever is taken is a value in its one form, and every reader copes with it
    BEGIN
        SELECT CASE WHEN v::text::cdp.computed = v AND cdp.computed_send(v) = wire AND v || '{}' = v AND '{}' || v = v
                         AND (SELECT count(*) FROM cdp.computed_entries(v, '2011-12-10')) = (SELECT count(*) FROM jsonb_object_keys(cdp.to_jsonb(v, '2011-12-10')))
                    THEN 'taken' ELSE 'WRONG' END INTO STRICT result
        FROM computed_wire;
    EXCEPTION WHEN numeric_value_out_of_range THEN -- of the sum of all days
        result := 'taken';
    END;
    DELETE FROM computed_wire;
    RETURN result;
END $$;
SELECT DISTINCT pg_temp.receive(cdp.computed_send(v)) FROM computed_sample;
SELECT pg_temp.receive('') AS nothing, pg_temp.receive(cdp.computed_send('{}') || '\x00') AS one_byte_more;

-- Forms that say the same in another way, and values that contradict themselves. The parts are apart by spaces.
CREATE TABLE computed_part (name text, section text);
INSERT INTO computed_part VALUES
    ('head', '0100 03 555443 01 | 01 61 00 00 00 00 01 05'),
    ('count', '0100 03 555443 01 | 01 61 00 00 1e 00 09 | 848901 20 0f 02 ff 01 03'),
    ('sum', '0100 03 555443 01 | 01 61 11 00 00 00 03 | 02 f02e'),
    ('wide', '0100 03 555443 01 | 01 61 11 00 00 00 0f | ff 0000000a 0001 0005 0000 0000 000a'),
    ('avg', '0100 03 555443 01 | 01 61 12 00 00 00 04 | 02 f02e 02'),
    ('min', '0100 03 555443 01 | 01 61 53 00 00 00 05 | 04 80000000'),
    ('first', '0100 03 555443 01 | 01 61 65 00 1e 00 21 | 00 00 0000000000000000 123e4567e89b12d3a456426614174000 06 5b312c20325d'),
    ('texts', '0100 03 555443 01 | 01 61 27 00 00 03 07 | 04 01 61 01 01 62 02'),
    ('numbers', '0100 03 555443 01 | 01 61 19 00 00 03 08 | 04 02 0002 03 01 f201'),
    ('dates', '0100 03 555443 01 | 01 61 58 00 00 02 06 | 02 04 80000000');
CREATE FUNCTION pg_temp.wire(section text) RETURNS bytea LANGUAGE sql AS
    $$SELECT decode(translate(section, ' |', ''), 'hex')$$;
SELECT name, pg_temp.receive(pg_temp.wire(section)) FROM computed_part ORDER BY name;
SELECT name, what, pg_temp.receive(pg_temp.wire(replace(section, part, replacement)))
FROM computed_part JOIN (VALUES
    ('head', 'version 0', '0100 03', '0000 03'),
    ('head', 'version 2', '0100 03', '0200 03'),
    ('head', 'flag', '0100 03', '0101 03'),
    ('head', 'no zone', '03 555443', '00'),
    ('head', 'zone in lower case', '03 555443', '03 757463'),
    ('head', 'zone by rule', '03 555443', '04 464f4f35'),
    ('head', 'zone with a zero byte', '03 555443', '04 55544300'),
    ('head', 'zone too long', '03 555443', '40' || repeat('61', 64)),
    ('head', 'zone beyond the end', '03 555443', '3f 555443'),
    ('head', 'no traits', '01 | 01 61 00 00 00 00 01 05', '00'),
    ('head', 'more traits', '01 | 01', '02 | 01'),
    ('head', 'a longer number of traits', '01 | 01', '8100 | 01'),
    ('head', 'very many traits', '01 | 01', 'ffffffffffffffffff01 | 01'),
    ('head', 'more than there are numbers', '01 | 01', 'ffffffffffffffffff02 | 01'),
    ('head', 'a number without end', '01 | 01', 'ffffffffffffffffffffffffffffff | 01'),
    ('head', 'a trait twice', '01 | 01 61 00 00 00 00 01 05', '02 | 01 61 00 00 00 00 01 05 01 61 00 00 00 00 01 05'),
    ('head', 'traits descend', '01 | 01 61 00 00 00 00 01 05', '02 | 01 62 00 00 00 00 01 05 01 61 00 00 00 00 01 05'),
    ('head', 'traits ascend', '01 | 01 61 00 00 00 00 01 05', '02 | 01 61 00 00 00 00 01 05 02 6161 00 00 00 00 01 05'),
    ('head', 'empty name', '| 01 61', '| 00'),
    ('head', 'name too long', '| 01 61', '| 40' || repeat('61', 64)),
    ('head', 'longest name', '| 01 61', '| 3f' || repeat('61', 63)),
    ('head', 'name with control character', '01 61', '01 0a'),
    ('head', 'name with a zero byte', '01 61', '01 00'),
    ('head', 'name in another encoding', '01 61', '01 e9'),
    ('head', 'unknown kind', '61 00 00', '61 0a 00'),
    ('head', 'count of a class', '61 00 00', '61 10 00'),
    ('head', 'unknown class', '61 00 00', '61 75 00'),
    ('head', 'flags of a trait', '61 00 00', '61 00 01'),
    ('head', 'window too long', '61 00 00 00', '61 00 00 c31c'),
    ('head', 'limit of a count', '00 00 00 00 01', '00 00 00 01 01'),
    ('head', 'cells beyond the end', '01 05', '02 05'),
    ('head', 'bytes after the end', '01 05', '01 05 00'),
    ('head', 'bytes after the cell', '01 05', '02 05 05'),
    ('head', 'zero events', '01 05', '01 00'),
    ('head', 'zero in two bytes', '01 05', '02 8500'),
    ('head', 'more events than are counted', '01 05', '09 808080808080808040'),
    ('head', 'no state', '01 05', '00'),
    ('count', 'a first day only', '09 | 848901 20 0f 02 ff 01 03', '03 | 848901'),
    ('count', 'a gap before the first day', '848901 20', '848901 21'),
    ('count', 'a day that is none', '09 | 848901', '0b | 8480808020'),
    ('count', 'a last day that is none', '09 | 848901 20 0f 02', '0d | 848901 20 0f f0ffffff07'),
    ('count', 'a gap beyond numbers of days', '09 | 848901 20 0f 02', '0d | 848901 20 0f f1ffffff07'),
    ('count', 'a gap in a longer form', '09 | 848901 20 0f 02', '0a | 848901 20 0f 8200'),
    ('sum', 'scale too large', '02 f02e', '13 f02e'),
    ('sum', 'units in two bytes', '02 f02e', '02 8200'),
    ('sum', 'units beyond the narrow', '03 | 02 f02e', '0a | 02 ffffffffffffffff7f'),
    ('sum', 'two states', '03 | 02 f02e', '06 | 02 f02e 02 f02e'),
    ('sum', 'of a text', '61 11', '61 21'),
    ('wide', 'that is narrow', '0001 0005 0000 0000 000a', '0001 0003 0000 0000 000a'),
    ('wide', 'NaN', '0001 0005 0000 0000 000a', '0001 0005 c000 0000 000a'),
    ('wide', 'infinity', '0001 0005 0000 0000 000a', '0001 0005 d000 0000 000a'),
    ('wide', 'unknown sign', '0001 0005 0000 0000 000a', '0001 0005 1000 0000 000a'),
    ('wide', 'digit too large', '0001 0005 0000 0000 000a', '0001 0005 0000 0000 2710'),
    ('wide', 'zero digit', '0001 0005 0000 0000 000a', '0001 0005 0000 0000 0000'),
    ('wide', 'digits not there', '0001 0005 0000 0000 000a', '0002 0005 0000 0000 000a'),
    ('wide', 'length beyond the end', '0000000a', '0000000b'),
    ('wide', 'length far beyond the end', '0000000a', 'ffffffff'),
    ('wide', 'length too short', '0000000a', '00000008'),
    ('wide', 'with scale', '0001 0005 0000 0000 000a', '0001 0005 0000 0002 000a'),
    ('avg', 'of no values', 'f02e 02', 'f02e 00'),
    ('min', 'of booleans', '61 53', '61 33'),
    ('min', 'a date of 8 bytes', '05 | 04 80000000', '09 | 08 8000000000000000'),
    ('min', 'a time', '61 53 00 00 00 05 | 04 80000000', '61 43 00 00 00 09 | 08 8000000000000000'),
    ('min', 'a time that is none', '61 53 00 00 00 05 | 04 80000000', '61 43 00 00 00 09 | 08 0000000000000001'),
    ('min', 'a time, minus infinity', '61 53 00 00 00 05 | 04 80000000', '61 43 00 00 00 09 | 08 0000000000000000'),
    ('min', 'a date that is none', '04 80000000', '04 00000001'),
    ('min', 'infinity', '04 80000000', '04 ffffffff'),
    ('first', 'of the day before', '00 00 0000000000000000', '01 00 0000000000000000'),
    ('first', 'of two days before', '00 00 0000000000000000', '03 00 0000000000000000'),
    ('first', 'at no time', '00 00 0000000000000000', '00 00 8000000000000000'),
    ('first', 'flags of the day', '00 00 0000000000000000', '00 10 0000000000000000'),
    ('first', 'json with other spaces', '5b312c20325d', '5b20312c325d'),
    ('first', 'no json', '5b312c20325d', '5b312c20327d'),
    ('first', 'json with a zero byte', '5b312c20325d', '5b312c20005d'),
    ('texts', 'descend', '01 61 01 01 62 02', '01 62 01 01 61 02'),
    ('texts', 'twice the same', '01 61 01 01 62 02', '01 61 01 01 61 02'),
    ('texts', 'zero times', '01 61 01', '01 61 00'),
    ('texts', 'more than the limit', '00 03 07', '00 01 07'),
    ('texts', 'cut below the limit', '| 04', '| 05'),
    ('texts', 'cut at the limit', '00 03 07 | 04', '00 02 07 | 05'),
    ('texts', 'no values', '07 | 04 01 61 01 01 62 02', '01 | 00'),
    ('texts', 'no limit', '00 03 07', '00 00 07'),
    ('texts', 'in another encoding', '01 62', '01 e9'),
    ('texts', 'of json', '61 27', '61 67'),
    ('texts', 'limit too large', '00 03 07', '00 a18d06 07'),
    ('numbers', 'ten tenths', '08 | 04 02 0002 03 01 f201', '07 | 04 02 0002 02 0114'),
    ('numbers', 'zeros at the end', '0002', '0114'),
    ('numbers', 'a byte more', '08 | 04 02 0002', '09 | 04 03 000200'),
    ('numbers', 'descend', '02 0002 03 01 f201', '03 01 f201 02 0002'),
    ('dates', 'of 8 bytes', '06 | 02 04 80000000', '0a | 02 08 8000000000000000')) AS fault (name, what, part, replacement) USING (name)
ORDER BY name, what;

-- Every byte cut off
CREATE TABLE computed_damaged AS SELECT cdp.computed_send(v) AS wire FROM computed_sample
WHERE id IN ('avg number 1', 'count 30', 'first json 1', 'last text', 'most_frequent number', 'unique_list text 3650', 'max date 1', 'unique_count boolean');
SELECT left(pg_temp.receive(substr(wire, 1, n)), 5) AS result, count(*) > 100 AS many
FROM computed_damaged, generate_series(0, length(wire) - 1) AS n
GROUP BY 1 ORDER BY 1;
-- Every bit flipped: refused, or another value in its one form
SELECT left(pg_temp.receive(set_bit(wire, bit, 1 - get_bit(wire, bit))), 5) AS result, count(*) > 50 AS many
FROM computed_damaged, generate_series(0, 8 * length(wire) - 1) AS bit
GROUP BY 1 ORDER BY 1;

DROP TABLE computed_sample, computed_class, computed_text, computed_wire, computed_part, computed_damaged;
