-- cdp.ltv in and out: text, what is refused, dump, binary, damaged binary.
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

-- Any order and any space is read, one order is written
SELECT E'{ "currencies":{"USD" :{"days":{"2024-01-06":-2.5,\n"2024-01-05":10.00}, "refunds":{"total":-2.5,"count":1,"last_at":"2024-01-06T00:00:00Z","first_at":"2024-01-06T00:00:00Z"},
  "purchases": {"last_at":"2024-01-05T12:00:00.5Z","first_at":"2024-01-05T12:00:00.500000Z","total":10,"count":1}},
  "EUR":{"purchases":{"count":1,"total":1,"first_at":"2024-01-05T12:00:00Z","last_at":"2024-01-05T12:00:00Z"},"days":{"2024-01-05":1}}}\t,
  "zone":"europe/london","version":1} '::cdp.ltv;
-- the scale is the largest one written; where it is above six, unit_scale may be left out
SELECT v::text::cdp.ltv = v AS same, v
FROM (SELECT '{"version": 1, "zone": "UTC", "currencies": {"USD": {"purchases": {"count": 2, "total": 1.50000000, "first_at": "2024-01-05T12:00:00Z", "last_at": "2024-01-05T12:00:00Z"}, "days": {"2024-01-05": 1.50000000}}}}'::cdp.ltv AS v) AS read;
-- a currency that this machine's ICU may not know yet is taken from a dump
SELECT cdp.currencies('{"version": 1, "zone": "UTC", "currencies": {"QQQ": {"purchases": {"count": 1, "total": 1, "first_at": "2024-01-05T12:00:00Z", "last_at": "2024-01-05T12:00:00Z"}, "days": {"2024-01-05": 1}}}}');

-- Refused. The valid text, and what becomes of it when one part is replaced by another
CREATE TABLE ltv_text AS
SELECT '{"version": 1, "zone": "UTC", "currencies": {"USD": {"purchases": {"count": 2, "total": 30.00, "first_at": "2024-01-05T10:00:00Z", "last_at": "2024-03-01T08:30:00Z"}, "refunds": {"count": 1, "total": -5.00, "first_at": "2024-01-05T11:00:00Z", "last_at": "2024-01-05T11:00:00Z"}, "days": {"2024-01-05": 20.00, "2024-03-01": 5.00}}}}'::text AS t;
SELECT t::cdp.ltv::text = t AS valid FROM ltv_text;
SELECT part, replacement,
       pg_temp.failure(format('SELECT %L::cdp.ltv', replace(t, part, replacement)))
FROM ltv_text, (VALUES
    ('{"version"', '["version"'),
    ('"version": 1', '"version": 2'),
    ('"version": 1, ', ''),
    ('"version": 1', '"version": "1"'),
    ('"version": 1', '"version": 1, "version": 1'),
    ('"zone": "UTC"', '"zone": "Mars"'),
    ('"zone": "UTC"', '"zone": ""'),
    ('"zone": "UTC"', '"zone": "U\u0054C"'),
    ('"zone": "UTC", ', ''),
    ('"zone": "UTC"', '"zone": UTC'),
    ('"zone": "UTC"', '"zone": null'),
    ('"zone": "UTC"', '"zone": "' || repeat('z', 1000) || '"'),
    ('"zone"', '"zones"'),
    ('"USD"', '"usd"'),
    ('"USD"', '"USDT"'),
    ('"USD"', '"US"'),
    ('{"USD"', '{"USD": {}, "USD"'),
    ('}}}}', '}}, "USD": {"purchases": {"count": 1, "total": 1, "first_at": "2024-01-05T10:00:00Z", "last_at": "2024-01-05T10:00:00Z"}, "days": {"2024-01-05": 1}}}}'),
    ('}}}}', '}}}'),
    ('}}}}', '}}}} x'),
    ('}}}}', '}}}, }'),
    ('"count": 2', '"count": 0'),
    ('"count": 2', '"count": -2'),
    ('"count": 2', '"count": 2.0'),
    ('"count": 2', '"count": 9223372036854775808'),
    ('"count": 2', '"count": 1'),
    ('"count": 2, ', ''),
    ('"count": 2', '"count": 2, "count": 2'),
    ('"count": 1', '"count": 2'),
    ('30.00', '"30.00"'),
    ('30.00', '-30.00'),
    ('30.00', '0.00'),
    ('30.00', '31.00'),
    ('30.00', 'NaN'),
    ('30.00', '3e1'),
    ('30.00', '030'),
    ('30.00', '30.'),
    ('30.00', '.30'),
    ('30.00', '+30'),
    ('30.00', repeat('9', 131073)),
    ('30.00', '30.' || repeat('0', 16384)),
    ('-5.00', '5.00'),
    ('"2024-01-05": 20.00', '"2024-01-05": 20.01'),
    ('"2024-01-05": 20.00', '"2024-01-05": 99999999999999999999'),
    ('"2024-01-05": 20.00', '"2024-01-05": 400.00'),
    ('"2024-01-05": 20.00, "2024-03-01": 5.00', '"2024-01-05": 40.00, "2024-03-01": -15.00'),
    ('"2024-01-05": 20.00', '"2024-03-01": 20.00'),
    ('"2024-01-05": 20.00', '"2024-01-05": 10.00, "2024-01-05": 10.00'),
    ('"2024-01-05": 20.00', '"2024-01-05": 10.00, "2024-02-05": 5.00, "2024-02-06": 5.00'),
    ('"2024-01-05": 20.00', '"2024-01-09": 20.00'),
    ('"2024-03-01": 5.00', '"2024-02-21": 5.00'),
    ('"2024-03-01": 5.00', '"2024-02-30": 5.00'),
    ('"2024-03-01": 5.00', '"2024-13-01": 5.00'),
    ('"2024-03-01": 5.00', '"2023-02-29": 5.00'),
    ('"2024-03-01": 5.00', '"24-03-01": 5.00'),
    ('"2024-03-01": 5.00', '"2024-3-1": 5.00'),
    ('"2024-03-01": 5.00', '"today": 5.00'),
    ('"2024-03-01": 5.00', '"infinity": 5.00'),
    ('"2024-03-01": 5.00', '"999999-03-01": 5.00'),
    ('"2024-03-01": 5.00', '"0000-03-01": 5.00'),
    ('{"2024-01-05": 20.00, "2024-03-01": 5.00}', '{}'),
    (', "days": {"2024-01-05": 20.00, "2024-03-01": 5.00}', ''),
    ('2024-03-01T08:30:00Z', '2024-03-01 08:30:00Z'),
    ('2024-03-01T08:30:00Z', '2024-03-01T08:30:00'),
    ('2024-03-01T08:30:00Z', '2024-03-01T08:30:00+07'),
    ('2024-03-01T08:30:00Z', '2024-03-01T24:00:00Z'),
    ('2024-03-01T08:30:00Z', '2024-03-01T08:30:60Z'),
    ('2024-03-01T08:30:00Z', '2024-03-01T08:30:00.1234567Z'),
    ('2024-03-01T08:30:00Z', '2024-03-01T08:30:00.Z'),
    ('2024-03-01T08:30:00Z', '2023-03-01T08:30:00Z'),
    ('2024-03-01T08:30:00Z', 'infinity'),
    ('2024-03-01T08:30:00Z', 'now'),
    ('2024-03-01T08:30:00Z', '294277-01-01T00:00:00Z'),
    ('2024-03-01T08:30:00Z', '4714-11-23T23:59:59Z BC'),
    ('"refunds"', '"returns"'),
    ('"refunds"', '"purchases"'),
    ('"days"', '"unit_scale": 3, "days"'),
    ('"days"', '"unit_scale": 1, "days"'),
    ('"days"', '"unit_scale": 0, "days"'),
    ('"days"', E'"\td"')) AS t2 (part, replacement)
WHERE length(replacement) < 100 \gx
SELECT left(replacement, 20) AS start, length(replacement),
       pg_temp.failure(format('SELECT %L::cdp.ltv', replace(t, part, replacement)))
FROM ltv_text, (VALUES
    ('"zone": "UTC"', '"zone": "' || repeat('z', 1000) || '"'),
    ('30.00', repeat('9', 131073)),
    ('30.00', '30.' || repeat('0', 16384)),
    ('}}}}', '}}, "USD": {"purchases": {"count": 1, "total": 1, "first_at": "2024-01-05T10:00:00Z", "last_at": "2024-01-05T10:00:00Z"}, "days": {"2024-01-05": 1}}}}')) AS t2 (part, replacement) \gx
-- every prefix of the text is refused, without a crash
SELECT count(*) AS prefixes, count(*) FILTER (WHERE pg_temp.failure(format('SELECT %L::cdp.ltv', left(t, n))) LIKE '22P02%') AS refused
FROM ltv_text, generate_series(0, length(t) - 1) AS n;
-- and every text with one character replaced is refused, or is a value that reads back the same
SELECT count(*) AS texts, count(*) FILTER (WHERE result ~ '^22P02') AS refused, count(*) FILTER (WHERE result = 'succeeds') AS other_values
FROM ltv_text, generate_series(1, length(t)) AS n, unnest(ARRAY['"', '{', '}', ',', ':', '0', '9', '-', '.', ' ', 'Z', '\', 'é']) AS c,
     LATERAL (SELECT overlay(t PLACING c FROM n FOR 1) AS changed) AS made,
     LATERAL (SELECT pg_temp.failure(format('SELECT 1 / (%1$L::cdp.ltv::text::cdp.ltv = %1$L::cdp.ltv)::int', changed)) AS result) AS tried
WHERE substr(t, n, 1) <> c;

-- Samples of every form that a value can take: empty, zones, narrow of each width, wide, short and
-- long days, either side alone, many currencies, before Christ
CREATE TABLE ltv_sample (id int, v cdp.ltv DEFAULT cdp.ltv());
INSERT INTO ltv_sample VALUES
    (1, cdp.ltv()),
    (2, cdp.ltv(0, 'USD', 'epoch', 'Europe/London')),
    (3, cdp.ltv(1, 'USD', '2024-01-05 10:00+00')),
    (4, cdp.ltv(-1.25, 'USD', '2024-01-05 10:00+00', 'Asia/Ho_Chi_Minh')),
    (5, cdp.ltv(1, 'USD', '1799-01-05 10:00+00') || cdp.ltv(300, 'USD', '2024-01-05 10:00+00')),
    (6, cdp.ltv(1e30, 'USD', '2024-01-05 10:00+00') || cdp.ltv(-1e-30, 'USD', '2024-02-05 10:00+00') || cdp.ltv(7, 'EUR', '2024-02-05 10:00+00')),
    (7, cdp.ltv(1, 'USD', '0044-03-15 10:00+00 BC')),
    (8, (SELECT cdp.ltv_agg(i / 7.0, 'GBP', '2024-01-01 00:00+00'::timestamptz + i * interval '9 hours') FROM generate_series(-5, 12) AS i)),
    (9, (SELECT cdp.ltv_agg(1, code, 'epoch') FROM unnest(ARRAY['USD', 'EUR', 'AUD', 'VND', 'JPY', 'ZAR']) AS code)),
    (10, (SELECT cdp.ltv_agg(12.50 / 100.0, 'USD', '2024-01-01 00:00+00'::timestamptz + i * interval '1 day') FROM generate_series(1, 9) AS i));
INSERT INTO ltv_sample
SELECT 100 + w, cdp.ltv(2::numeric ^ (8 * w - 1) - 1, 'USD', 'epoch') || cdp.ltv(-1, 'USD', '1971-01-01 00:00+00') FROM generate_series(1, 8) AS w WHERE w < 8;
INSERT INTO ltv_sample
SELECT 200 + w, cdp.ltv(2::numeric ^ (8 * w - 1), 'USD', 'epoch') || cdp.ltv(-1, 'USD', '1971-01-01 00:00+00') FROM generate_series(1, 8) AS w;
SELECT count(*) AS samples, count(*) FILTER (WHERE v::text::cdp.ltv = v) AS text_round_trip, count(*) FILTER (WHERE v::jsonb IS NOT NULL) AS jsonb FROM ltv_sample;

-- The stored form is written down in full: version 1, flags 0, zone "", one currency; USD, width 2
-- with purchases and refunds (61), scale 2, unit scale 2, 2 days; 1 purchase of 1000 (3e8) at day 1
-- 00:00:01 (141de6a240 microseconds); 1 refund of -1 (ffff) at day 3; first day 1, offsets 0 and 2; nets 3e8, ffff
SELECT cdp.ltv_send(cdp.ltv(10.00, 'USD', '2000-01-02 00:00:01+00') || cdp.ltv(-0.01, 'USD', '2000-01-04 00:00+00'));
SELECT cdp.ltv_send(cdp.ltv()), cdp.ltv_send(cdp.ltv(0, 'USD', 'epoch', 'Europe/London'));

-- Dump and restore: pg_dump with a default and a check, and COPY as binary
ALTER TABLE ltv_sample ADD CHECK (cdp.purchases(v) >= 0);
CREATE INDEX ON ltv_sample USING hash (v);
CREATE INDEX ON ltv_sample (cdp.total(v, 'USD'));
\setenv PGDATABASE :DBNAME
\! pg_dump -t ltv_sample | sed 's/ltv_sample/ltv_back/g' | psql -X -q -v ON_ERROR_STOP=1 -o /dev/null
SELECT count(*) AS rows, count(*) FILTER (WHERE a.v = b.v) AS same FROM ltv_sample AS a FULL JOIN ltv_back AS b USING (id);
INSERT INTO ltv_back VALUES (0) RETURNING v;
TRUNCATE ltv_back;
\! psql -X -q -c 'COPY ltv_sample TO STDOUT (FORMAT binary)' | psql -X -q -c 'COPY ltv_back FROM STDIN (FORMAT binary)'
SELECT count(*) AS rows, count(*) FILTER (WHERE a.v = b.v) AS same FROM ltv_sample AS a FULL JOIN ltv_back AS b USING (id);
DROP TABLE ltv_back;

-- What comes over the wire, through a binary COPY of one row of one field
CREATE TABLE ltv_wire (v cdp.ltv);
CREATE FUNCTION pg_temp.receive(wire bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    file oid;
    result text;
BEGIN
    file := lo_from_bytea(0, '\x5047434f50590aff0d0a00' || int4send(0) || int4send(0) || int2send(1::int2)
                             || int4send(length(wire)) || wire || int2send((-1)::int2));
    PERFORM lo_export(file, 'ltv_wire.bin');
    PERFORM lo_unlink(file);
    BEGIN
        COPY ltv_wire FROM 'ltv_wire.bin' (FORMAT binary);
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS result = PG_EXCEPTION_DETAIL;
        RETURN SQLSTATE || coalesce(' ' || nullif(result, ''), '');
    END;
    -- whatever is taken is a value in its one form, and every reader copes with it
    SELECT CASE WHEN v::text::cdp.ltv = v AND cdp.ltv_send(v) = wire AND v || cdp.ltv() = v
                     AND v::jsonb->>'zone' = cdp.zone(v)
                     AND (SELECT count(net) FROM cdp.daily_net(v)) >= cardinality(cdp.currencies(v))
                     AND cdp.purchases(v) >= 0 AND cdp.refunds(v) >= 0
                     AND coalesce(cdp.first_purchase_at(v) <= cdp.last_purchase_at(v), true)
                     AND cdp.total(v, 'USD') = cdp.purchase_total(v, 'USD') + cdp.refund_total(v, 'USD')
                     AND NOT EXISTS (SELECT FROM (SELECT currency, sum(net) AS net FROM cdp.daily_net(v) GROUP BY 1) AS d
                                     WHERE d.net <> (v::jsonb->'currencies'->currency->>'net')::numeric)
                THEN 'taken' ELSE 'WRONG' END INTO STRICT result
    FROM ltv_wire;
    DELETE FROM ltv_wire;
    RETURN result;
END $$;
SELECT DISTINCT pg_temp.receive(cdp.ltv_send(v)) FROM ltv_sample;
SELECT pg_temp.receive('') AS nothing, pg_temp.receive(cdp.ltv_send(cdp.ltv()) || '\x00') AS one_byte_more;

-- Forms that say the same in another way, and values that contradict themselves. The parts of a
-- section are apart by spaces: code, flags, scale, unit scale, days; count, first, last, total of the
-- purchases; of the refunds; first day, offsets, nets.
CREATE TABLE ltv_part (name text, section text);
INSERT INTO ltv_part VALUES
    ('narrow', '555344 61 0002 0002 00000002 0000000000000001 000000141de6a240 000000141de6a240 03e8 '
               '0000000000000001 0000003c59862000 0000003c59862000 ffff 00000001 0000 0002 03e8 ffff'),
    ('wide', '555344 68 0013 0013 00000002 00000080 0000000000000001 000000141de6a240 000000141de6a240 0000000a 0001 0000 0000 0000 000a '
             '0000000000000001 0000003c59862000 0000003c59862000 0000000a 0001 ffff 4000 0002 0064 00000001 0000 0002 '
             '0000000a 0001 0000 0000 0000 000a 0000000a 0001 ffff 4000 0002 0064');
CREATE FUNCTION pg_temp.value(section text, head text DEFAULT '0100000001') RETURNS bytea LANGUAGE sql AS
    $$SELECT decode(replace(head || section, ' ', ''), 'hex')$$;
SELECT name, pg_temp.receive(pg_temp.value(section)) FROM ltv_part ORDER BY name;
SELECT what, pg_temp.receive(pg_temp.value(replace(section, part, replacement)))
FROM ltv_part, (VALUES
    ('wider than needed', '61 0002 0002 00000002 0000000000000001 000000141de6a240 000000141de6a240 03e8 0000000000000001 0000003c59862000 0000003c59862000 ffff 00000001 0000 0002 03e8 ffff',
                          '62 0002 0002 00000002 0000000000000001 000000141de6a240 000000141de6a240 0003e8 0000000000000001 0000003c59862000 0000003c59862000 ffffff 00000001 0000 0002 0003e8 ffffff'),
    ('long days', '61 0002 0002 00000002 0000000000000001 000000141de6a240 000000141de6a240 03e8 0000000000000001 0000003c59862000 0000003c59862000 ffff 00000001 0000 0002',
                  '71 0002 0002 00000002 0000000000000001 000000141de6a240 000000141de6a240 03e8 0000000000000001 0000003c59862000 0000003c59862000 ffff 00000001 00000000 00000002'),
    ('unknown flag', '555344 61', '555344 e1'),
    ('a side less', '555344 61', '555344 21'),
    ('no sides', '555344 61', '555344 01'),
    ('lower case', '555344', '757364'),
    ('scale too large', '0002 0002 0000', '4000 0002 0000'),
    ('unit scale above scale', '0002 0002 0000', '0002 0003 0000'),
    ('unit scale below a plain scale', '0002 0002 0000', '0003 0002 0000'),
    ('unit scale above narrow', '0002 0002 0000', '0013 0013 0000'),
    ('no days', '0002 00000002', '0002 00000000'),
    ('a day less', '0002 00000002', '0002 00000001'),
    ('days beyond the end', '0002 00000002', '0002 00000003'),
    ('days far beyond the end', '0002 00000002', '0002 ffffffff'),
    ('count zero', '0000000000000001 000000141', '0000000000000000 000000141'),
    ('count negative', '0000000000000001 000000141', 'ffffffffffffffff 000000141'),
    ('count larger', '0000000000000001 000000141', '7fffffffffffffff 000000141'),
    ('one amount at two times', '000000141de6a240 03e8', '000000141de6a241 03e8'),
    ('first after last', '0000000000000001 000000141de6a240 000000141de6a240', '0000000000000002 000000141de6a241 000000141de6a240'),
    ('infinite time', '0000003c59862000 0000003c59862000 ffff', '0000003c59862000 7fffffffffffffff ffff'),
    ('minus infinite time', '0000003c59862000 0000003c59862000 ffff', '8000000000000000 0000003c59862000 ffff'),
    ('impossible time', '0000003c59862000 0000003c59862000 ffff', '0000003c59862000 7ffffffffffffffe ffff'),
    ('time of another year', '0000003c59862000 0000003c59862000 ffff', '00003c5986200000 00003c5986200000 ffff'),
    ('purchases negative', '03e8 0000000000000001', 'fc18 0000000000000001'),
    ('purchases zero', '03e8 0000000000000001', '0000 0000000000000001'),
    ('refunds positive', 'ffff 00000001', '0001 00000001'),
    ('days do not ascend', '0000 0002 03e8', '0000 0000 03e8'),
    ('days do not begin at zero', '0000 0002 03e8', '0001 0002 03e8'),
    ('first day impossible', '00000001 0000 0002', '80000000 0000 0002'),
    ('first day of another year', '00000001 0000 0002', '00000200 0000 0002'),
    ('net beyond the purchases', '0002 03e8 ffff', '0002 03e9 fffe'),
    ('nets do not add up', '0002 03e8 ffff', '0002 03e8 0000'),
    ('bytes after the end', '03e8 ffff', '03e8 ffff 00')) AS fault (what, part, replacement)
WHERE name = 'narrow';
SELECT what, pg_temp.receive(pg_temp.value(replace(section, part, replacement)))
FROM ltv_part, (VALUES
    ('wide without need', '0013 0013', '0011 0011'),
    ('wide by need at 18 digits', '0013 0013', '0012 0012'),
    ('wide without need, plain', '0013 0013', '0002 0002'),
    ('width of a narrow one', '555344 68', '555344 69'),
    ('size too small', '00000080', '0000007f'),
    ('size too large', '00000080', '00000081'),
    ('size far too large', '00000080', 'ffffffff'),
    ('size zero', '00000080', '00000000'),
    ('NaN', '0001 0000 0000 0000 000a 0000', '0001 0000 c000 0000 000a 0000'),
    ('infinity', '0001 0000 0000 0000 000a 0000', '0001 0000 d000 0000 000a 0000'),
    ('unknown sign', '0001 0000 0000 0000 000a 0000', '0001 0000 1000 0000 000a 0000'),
    ('zeros at the end', '0001 0000 0000 0000 000a 0000', '0001 0000 0000 0002 000a 0000'),
    ('digit too large', '0001 0000 0000 0000 000a 0000', '0001 0000 0000 0000 2710 0000'),
    ('digits not there', '0001 0000 0000 0000 000a 0000', '0002 0000 0000 0000 000a 0000'),
    ('digits beyond the scale', '0001 ffff 4000 0002 0064 0000', '0001 ffff 4000 0001 0064 0000'),
    ('scale beyond the unit scale', '0001 ffff 4000 0002 0064 0000', '0001 fffa 4000 0018 0064 0000'),
    ('negative zero', '0001 ffff 4000 0002 0064 0000', '0000 0000 4000 0000 0064 0000'),
    ('length beyond the end', '0000000a 0001 ffff 4000 0002 0064 0000', '7fffffff 0001 ffff 4000 0002 0064 0000'),
    ('purchases negative', '0001 0000 0000 0000 000a 0000', '0001 0000 4000 0000 000a 0000'),
    ('purchases more than the nets', '000a 0000000000000001', '000b 0000000000000001'),
    ('purchases less than a net', '000a 0000000000000001', '0009 0000000000000001')) AS fault (what, part, replacement)
WHERE name = 'wide';
SELECT what, pg_temp.receive(pg_temp.value(repeat(section, times), head))
FROM ltv_part, (VALUES
    ('version 0', '0000000001', 1),
    ('version 2', '0200000001', 1),
    ('flag', '0101000001', 1),
    ('UTC spelled out', '010003 555443 0001', 1),
    ('zone in another case', '01000d 6575726f70652f6c6f6e646f6e 0001', 1),
    ('zone by rule', '010004 464f4f35 0001', 1),
    ('zone with a zero byte', '010004 55544300 0001', 1),
    ('zone not known', '010004 4d617273 0001', 1),
    ('zone too long', '010040' || repeat('61', 64) || '0001', 1),
    ('zone beyond the end', '0100ff 55544300 0001', 1),
    ('zone, London', '01000d 4575726f70652f4c6f6e646f6e 0001', 1),
    ('fewer currencies', '0100000002', 1),
    ('more currencies', '0100000000', 1),
    ('a currency twice', '0100000002', 2)) AS fault (what, head, times)
WHERE name = 'narrow';
SELECT pg_temp.receive(pg_temp.value(section || replace(section, '555344', '555354'), '0100000002')) AS ascending,
       pg_temp.receive(pg_temp.value(section || replace(section, '555344', '455552'), '0100000002')) AS descending
FROM ltv_part WHERE name = 'narrow';

-- Every byte cut off
SELECT left(pg_temp.receive(substr(cdp.ltv_send(v), 1, n)), 5) AS result, count(*) > 100 AS many
FROM ltv_sample, generate_series(0, length(cdp.ltv_send(v)) - 1) AS n
WHERE id IN (2, 4, 5, 6)
GROUP BY 1 ORDER BY 1;
-- Every bit flipped: refused, or another value in its one form (another time, count, scale, code)
SELECT left(pg_temp.receive(set_bit(cdp.ltv_send(v), bit, 1 - get_bit(cdp.ltv_send(v), bit))), 5) AS result, count(*) > 50 AS many
FROM ltv_sample, generate_series(0, 8 * length(cdp.ltv_send(v)) - 1) AS bit
WHERE id IN (2, 4, 6, 10)
GROUP BY 1 ORDER BY 1;
-- Every byte replaced by zeros and by ones, and every four bytes by ones (lengths and counts)
SELECT left(pg_temp.receive(overlay(cdp.ltv_send(v) PLACING b FROM n FOR length(b))), 5) AS result, count(*) > 50 AS many
FROM ltv_sample, generate_series(1, length(cdp.ltv_send(v)) - 3) AS n, unnest(ARRAY['\x00', '\xff', '\x7f', '\xffffffff', '\x7fffffff']::bytea[]) AS b
WHERE id IN (5, 6)
GROUP BY 1 ORDER BY 1;

DROP TABLE ltv_text, ltv_sample, ltv_wire, ltv_part;
