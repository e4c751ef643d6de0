-- cdp.ltv: making, reading, merging; zones, refunds, zero, large and small amounts; aggregates.
SET timezone = 'UTC';
SET datestyle = 'ISO';

-- One amount
SELECT cdp.ltv(12.50, 'USD', '2024-01-05 10:00+00');
SELECT cdp.ltv(-0.001, 'GBP', '2024-01-05 10:00:00.25+00', 'Europe/London');
SELECT cdp.ltv(NULL, 'USD', now()) IS NULL AS null_amount, cdp.ltv(1, NULL, now()) IS NULL AS null_currency;

-- Nothing: the identity, and zero, which is neither purchase nor refund
SELECT cdp.ltv(), cdp.ltv(0.0000, 'USD', '2024-01-05 10:00+00') = cdp.ltv() AS zero_is_nothing;
SELECT v.name, cdp.total(v, 'USD'), cdp.purchases(v), cdp.refunds(v), cdp.first_purchase_at(v), cdp.last_purchase_at(v),
       cdp.first_refund_at(v), cdp.last_refund_at(v), cdp.average_purchase(v, 'USD'), cdp.currencies(v), cdp.zone(v)
FROM (VALUES ('empty', cdp.ltv())) AS v (name, v);
SELECT cdp.ltv(5, 'USD', '2024-01-05 10:00+00') || cdp.ltv(0.000, 'USD', '1999-01-01 00:00+00')
       = cdp.ltv(5, 'USD', '2024-01-05 10:00+00') AS zero_leaves_scale_and_days,
       cdp.currencies(cdp.ltv(5, 'USD', '2024-01-05 10:00+00') || cdp.ltv(0, 'EUR', '2024-01-05 10:00+00'));

-- A small history, worked out by hand
CREATE TABLE ltv_event (amount numeric, currency text, at timestamptz);
INSERT INTO ltv_event VALUES
    (10.00, 'USD', '2024-03-09 23:59:59+00'),
    (0.001, 'USD', '2024-03-10 00:00:00+00'),
    (0.002, 'USD', '2024-03-10 23:59:59.999999+00'),
    (-10.003, 'USD', '2024-03-12 12:00:00+00'),
    (0, 'USD', '2024-03-01 00:00:00+00'),
    (250000, 'VND', '2024-03-10 17:00:00+00'),
    (-50000, 'VND', '2024-03-10 18:00:00+00'),
    (100000, 'VND', '2024-02-10 18:00:00+00'),
    (-3.5, 'EUR', '2024-03-08 00:00:00+00'),
    (NULL, 'USD', '2024-04-01 00:00:00+00'),
    (NULL, NULL, NULL);
CREATE TABLE ltv_customer AS SELECT cdp.ltv_agg(amount, currency, at) AS v FROM ltv_event;
SELECT jsonb_pretty(v::jsonb) FROM ltv_customer;
SELECT c, cdp.total(v, c), cdp.purchases(v, c), cdp.purchase_total(v, c), cdp.refunds(v, c), cdp.refund_total(v, c),
       cdp.average_purchase(v, c)
FROM ltv_customer, unnest(ARRAY['EUR', 'GBP', 'USD', 'VND']) AS c;
SELECT c, cdp.first_purchase_at(v, c), cdp.last_purchase_at(v, c), cdp.first_refund_at(v, c), cdp.last_refund_at(v, c)
FROM ltv_customer, unnest(ARRAY['EUR', 'GBP', 'USD', 'VND']) AS c;
SELECT cdp.purchases(v), cdp.refunds(v), cdp.currencies(v), cdp.zone(v) FROM ltv_customer;
SELECT cdp.first_purchase_at(v), cdp.last_purchase_at(v), cdp.first_refund_at(v), cdp.last_refund_at(v) FROM ltv_customer;
SELECT d.* FROM ltv_customer, cdp.daily_net(v) AS d;

-- A day that comes to zero stays, with net 0
SELECT d.*, cdp.purchases(v), cdp.refunds(v)
FROM (SELECT cdp.ltv(5.5, 'USD', '2024-01-01 08:00+00') || cdp.ltv(-5.5, 'USD', '2024-01-01 09:00+00') AS v) AS made,
     cdp.daily_net(v) AS d;

-- The day is that of the zone: 23:30 UTC is the next day in Vietnam, and in London in summer only
SELECT zone, at, (SELECT day FROM cdp.daily_net(cdp.ltv(1, 'USD', at, zone))) AS day
FROM unnest(ARRAY['UTC', 'Europe/London', 'Asia/Ho_Chi_Minh', 'America/New_York', 'Pacific/Apia', 'Etc/GMT+7']) AS zone,
     unnest(ARRAY['2024-01-15 23:30+00', '2024-07-15 23:30+00', '2011-12-30 09:59:59+00', '2011-12-30 10:00+00']::timestamptz[]) AS at;
-- both sides of the change to and from summer time in London
SELECT at, (SELECT day FROM cdp.daily_net(cdp.ltv(1, 'USD', at, 'Europe/London'))) AS day
FROM unnest(ARRAY['2024-03-31 00:59:59+00', '2024-03-31 23:00+00', '2024-03-30 23:59:59+00',
                  '2024-10-26 22:59:59+00', '2024-10-26 23:00+00', '2024-10-27 23:59:59+00', '2024-10-28 00:00+00']::timestamptz[]) AS at;
-- neither the session's zone nor its date style matters
SET timezone = 'America/New_York';
SET datestyle = 'SQL, DMY';
SELECT cdp.ltv_agg(amount, currency, at) = (SELECT v FROM ltv_customer) AS same,
       md5(cdp.ltv_agg(amount, currency, at)::text) = md5((SELECT v FROM ltv_customer)::text) AS same_text
FROM ltv_event;
SELECT cdp.ltv(1, 'USD', timestamptz '2024-01-05 10:00:00.000001+00');
SET datestyle = 'ISO';
SET timezone = 'UTC';

-- The zone's name is stored as the time zone database spells it
SELECT zone, cdp.zone(cdp.ltv(1, 'USD', '2024-01-05 10:00+00', zone))
FROM unnest(ARRAY['utc', 'UTC', 'europe/london', 'ASIA/HO_CHI_MINH', 'EST5EDT', 'gmt', 'etc/gmt-14',
                  'America/Argentina/ComodRivadavia']) AS zone;

-- Values without amounts: any zone gives way to one with amounts; among themselves UTC gives way,
-- else the zone that sorts first does
SELECT a, b, cdp.zone(cdp.ltv(0, 'USD', 'epoch', a) || cdp.ltv(0, 'USD', 'epoch', b)) AS both_empty,
       cdp.zone(cdp.ltv(0, 'USD', 'epoch', a) || cdp.ltv(1, 'USD', 'epoch', b)) AS right_has_amounts,
       cdp.zone(cdp.ltv(1, 'USD', 'epoch', a) || cdp.ltv(0, 'USD', 'epoch', b)) AS left_has_amounts
FROM unnest(ARRAY['UTC', 'Europe/London', 'Asia/Ho_Chi_Minh']) AS a, unnest(ARRAY['UTC', 'Europe/London', 'Asia/Ho_Chi_Minh']) AS b;

-- Equality: the same history by other ways; never equal with another time, day, currency, zone, amount, number of digits
SELECT cdp.ltv(1, 'USD', 'epoch') || cdp.ltv(2, 'USD', 'epoch') = cdp.ltv(2, 'USD', 'epoch') || cdp.ltv(1, 'USD', 'epoch') AS order_of_amounts,
       cdp.ltv(1, 'USD', 'epoch') || cdp.ltv(2, 'USD', 'epoch') = cdp.ltv(3, 'USD', 'epoch') AS number_of_amounts,
       cdp.ltv(1, 'USD', 'epoch') <> cdp.ltv(1, 'USD', '1970-01-01 00:00:01+00') AS time,
       cdp.ltv(1, 'USD', 'epoch') <> cdp.ltv(1, 'EUR', 'epoch') AS currency,
       cdp.ltv(1, 'USD', 'epoch') <> cdp.ltv(1, 'USD', 'epoch', 'Etc/UTC') AS zone,
       cdp.ltv(1, 'USD', 'epoch') <> cdp.ltv(-1, 'USD', 'epoch') AS sign,
       cdp.ltv(1, 'USD', 'epoch') <> cdp.ltv(1.0, 'USD', 'epoch') AS digits;
SELECT count(DISTINCT v::text) AS texts, count(*) AS groups
FROM (SELECT v, count(*) FROM (SELECT cdp.ltv(i % 7, 'USD', 'epoch') AS v FROM generate_series(1, 100) AS i) AS made GROUP BY v) AS grouped;
SELECT count(*) FROM (SELECT cdp.ltv(i, 'USD', 'epoch') AS v FROM generate_series(1, 50) AS i) AS a
FULL JOIN (SELECT cdp.ltv(i, 'USD', 'epoch') AS v FROM generate_series(26, 75) AS i) AS b USING (v);
CREATE INDEX ON ltv_customer USING hash (v);
-- There is no order that could pass for one by value
SELECT v FROM ltv_customer ORDER BY v;

-- Operators need no search_path beyond the default, and hold against one that is hostile
SET search_path = '';
SELECT cdp.ltv(1, 'USD', 'epoch') || cdp.ltv() = cdp.ltv(1, 'USD', 'epoch') AS found;
RESET search_path;

-- Exact, whatever the size: sums of cents, of more digits than a bigint has, and of both together
SELECT cdp.total(cdp.ltv_agg(a, 'USD', 'epoch'), 'USD') FROM (VALUES (0.001), (0.002)) AS t (a);
SELECT name, cdp.total(cdp.ltv_agg(a, 'USD', 'epoch'), 'USD') = sum(a) AS exact,
       cdp.total(cdp.ltv_agg(a, 'USD', 'epoch'), 'USD')::text = sum(a)::text AS same_digits,
       cdp.ltv_agg(a, 'USD', 'epoch')::text::cdp.ltv = cdp.ltv_agg(a, 'USD', 'epoch') AS round_trip,
       cdp.ltv_agg(a, 'USD', 'epoch' ORDER BY a) = cdp.ltv_agg(a, 'USD', 'epoch' ORDER BY a DESC) AS any_order
FROM (VALUES ('cents', ARRAY[0.10, 0.20, 0.70]),
             ('largest narrow total', ARRAY[4611686018427387902, 1]),
             ('one beyond it', ARRAY[4611686018427387903, 1]),
             ('refunds likewise', ARRAY[-4611686018427387903, -1]),
             ('far apart', ARRAY[1e40, 1e-40, -3e20]),
             ('cancelling', ARRAY[1e40, -1e40, 0.01]),
             ('18 digits', ARRAY[0.000000000000000001, 4.611686018427387902]),
             ('19 digits', ARRAY[0.0000000000000000001, 1]),
             ('cents by division', ARRAY[1250 / 100.0, 999 / 100.0, -1 / 100.0]),
             ('thirds', ARRAY[10 / 3.0, -20 / 3.0, 1]),
             ('seven digits', ARRAY[0.0000001, 0.0000009, 0.00000100]),
             ('long numeric', ARRAY[1e300, 0.1, -1e-300]),
             ('largest numeric', ARRAY[9e131071, -8e131071, 7]),
             ('most digits', ARRAY[1e-16383, 5, -2e-16383]),
             ('whole', ARRAY[100, 200, -50])) AS cases (name, amounts),
     unnest(amounts) AS a
GROUP BY name ORDER BY name;
SELECT cdp.average_purchase(cdp.ltv(1e40, 'USD', 'epoch') || cdp.ltv(2e40, 'USD', 'epoch'), 'USD');

-- Limits and bad input
-- What a query fails with
CREATE FUNCTION pg_temp.failure(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
    hint text;
BEGIN
    EXECUTE query;
    RETURN 'succeeds';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' | ', SQLSTATE, SQLERRM, nullif(detail, ''), nullif(hint, ''));
END $$;
SELECT query, pg_temp.failure(query)
FROM (VALUES
    ($$SELECT cdp.ltv_agg(a, 'USD', 'epoch') FROM (VALUES (9e131071), (9e131071)) AS t (a)$$),
    ($$SELECT cdp.ltv('NaN', 'USD', 'epoch')$$),
    ($$SELECT cdp.ltv('Infinity', 'USD', 'epoch')$$),
    ($$SELECT cdp.ltv_agg('-Infinity', 'USD', 'epoch')$$),
    ($$SELECT cdp.ltv(1, 'usd', 'epoch')$$),
    ($$SELECT cdp.ltv(1, 'USX', 'epoch')$$),
    ($$SELECT cdp.ltv(0, 'dollar', 'epoch')$$),
    ($$SELECT cdp.ltv_agg(1, '', 'epoch')$$),
    ($$SELECT cdp.ltv(1, 'USD', 'infinity')$$),
    ($$SELECT cdp.ltv(1, 'USD', '-infinity', 'Europe/London')$$),
    ($$SELECT cdp.ltv(1, 'USD', 'epoch', 'Mars/Olympus')$$),
    ($$SELECT cdp.ltv(1, 'USD', 'epoch', 'UTC+7')$$),
    ($$SELECT cdp.ltv(1, 'USD', 'epoch', 'FOO5BAR')$$),
    ($$SELECT cdp.ltv(1, 'USD', 'epoch', 'localtime')$$),
    ($$SELECT cdp.ltv(1, 'USD', 'epoch', '../../etc/passwd')$$),
    ($$SELECT cdp.ltv(1, 'USD', 'epoch', '')$$),
    ($$SELECT cdp.ltv(1, 'USD', 'epoch', repeat('a', 500)) IS NULL$$),
    ($$SELECT cdp.ltv(1, 'USD', '4714-11-24 00:00+00 BC', 'America/New_York')$$),
    ($$SELECT cdp.total(cdp.ltv(), 'dollar')$$),
    ($$SELECT cdp.ltv(1, 'USD', 'epoch', 'Europe/London') || cdp.ltv(1, 'USD', 'epoch')$$),
    ($$SELECT cdp.ltv_agg(1, 'USD', 'epoch', zone) FROM unnest(ARRAY['UTC', 'Asia/Ho_Chi_Minh']) AS zone$$),
    ($$SELECT cdp.ltv_agg(1, NULL, 'epoch')$$),
    ($$SELECT cdp.ltv_agg(1, 'USD', NULL)$$),
    ($$SELECT cdp.ltv_agg(1, 'USD', 'epoch', NULL)$$)) AS t (query) \gx
-- the ends of time
SELECT cdp.ltv(1, 'USD', '294276-12-31 23:59:59.999999+00') || cdp.ltv(1, 'USD', '4714-11-24 00:00+00 BC');

-- Aggregates: nothing gives the empty value, null amounts and values are skipped
SELECT cdp.ltv_agg(amount, currency, at), cdp.merge_agg(cdp.ltv(amount, currency, at)) FROM ltv_event WHERE false;
SELECT cdp.ltv_agg(NULL, 'USD', 'epoch', 'Europe/London'), cdp.merge_agg(NULL::cdp.ltv);
SELECT cdp.ltv_agg(amount, currency, at, 'Asia/Ho_Chi_Minh') = cdp.merge_agg(cdp.ltv(amount, currency, at, 'Asia/Ho_Chi_Minh')) AS same
FROM ltv_event;
-- the transition functions are ordinary functions too, which leave their argument alone
SELECT cdp.total(cdp.ltv_accum(v, 5, 'USD', 'epoch'), 'USD') AS added, cdp.total(v, 'USD') AS before
FROM (SELECT cdp.ltv(1, 'USD', 'epoch') AS v OFFSET 0) AS made;
-- rows of the argument survive the aggregate that works in place: a window over growing frames
SELECT i, cdp.total(cdp.ltv_agg(i, 'USD', 'epoch') OVER (ORDER BY i), 'USD') AS running,
       cdp.total(cdp.merge_agg(cdp.ltv(i, 'USD', 'epoch')) OVER (ORDER BY i ROWS 1 PRECEDING), 'USD') AS last_two
FROM generate_series(1, 5) AS i;
CREATE TABLE ltv_part AS SELECT i, cdp.ltv(i, 'USD', 'epoch') AS v FROM generate_series(1, 4) AS i;
SELECT cdp.total(cdp.merge_agg(v), 'USD') FROM ltv_part;
SELECT i, cdp.total(v, 'USD') FROM ltv_part ORDER BY i;

DROP TABLE ltv_event, ltv_customer, ltv_part;
