-- The laws of cdp.ltv on random data with a fixed seed, and every figure against plain SQL.
SET timezone = 'UTC';
SET datestyle = 'ISO';
SELECT setseed(0.25);

-- 14,000 amounts of 40 customers: 0 to 4 decimals, a third of them refunds, some zero, in three
-- currencies, over 400 days with both changes of clocks; customers 21 to 40 also have amounts of 20
-- decimals and of 24 digits and more. Customer n keeps days in zone n % 3.
CREATE TABLE ltv_random AS
SELECT id, customer, (ARRAY['UTC', 'Europe/London', 'Asia/Ho_Chi_Minh'])[1 + customer % 3] AS zone,
       CASE WHEN kind < 0.03 THEN 0.000
            WHEN kind < 0.1 AND customer > 20 THEN round(size::numeric, 20)
            WHEN kind < 0.15 AND customer > 20 THEN round(size::numeric, 3) * 1e24
            ELSE round((size * 10 ^ magnitude)::numeric, decimals) END AS amount,
       (ARRAY['USD', 'EUR', 'VND'])[currency] AS currency,
       timestamptz '2023-02-01 00:00+00' + make_interval(secs => seconds) AS at
FROM (SELECT id, 1 + floor(random() * random() * 40)::int AS customer, random() AS kind, random() - 0.33 AS size,
             floor(random() * 6)::int AS magnitude, floor(random() * 5)::int AS decimals,
             1 + floor(random() * 3)::int AS currency, random() * 400 * 86400 AS seconds
      FROM generate_series(1, 14000) AS id) AS made;
SELECT count(DISTINCT customer) AS customers, count(*) FILTER (WHERE amount > 0) > 8000 AS purchases,
       count(*) FILTER (WHERE amount < 0) > 4000 AS refunds, count(*) FILTER (WHERE amount = 0) > 300 AS zeros,
       count(*) FILTER (WHERE abs(amount) > 1e20) > 100 AS large, count(*) FILTER (WHERE scale(trim_scale(amount)) > 10) > 100 AS small
FROM ltv_random;

CREATE TABLE ltv_made AS
SELECT customer, zone, cdp.ltv_agg(amount, currency, at, zone) AS v FROM ltv_random GROUP BY 1, 2;

-- Per customer and currency: every reader against plain SQL
WITH expected AS (
    SELECT customer, currency, sum(amount) AS total,
           count(*) FILTER (WHERE amount > 0) AS purchases, coalesce(sum(amount) FILTER (WHERE amount > 0), 0) AS purchase_total,
           count(*) FILTER (WHERE amount < 0) AS refunds, coalesce(sum(amount) FILTER (WHERE amount < 0), 0) AS refund_total,
           min(at) FILTER (WHERE amount > 0) AS first_purchase, max(at) FILTER (WHERE amount > 0) AS last_purchase,
           min(at) FILTER (WHERE amount < 0) AS first_refund, max(at) FILTER (WHERE amount < 0) AS last_refund,
           avg(amount) FILTER (WHERE amount > 0) AS average, max(scale(amount)) AS digits
    FROM ltv_random WHERE amount <> 0 GROUP BY 1, 2)
SELECT count(*) > 100 AS some,
       count(*) FILTER (WHERE cdp.total(v, currency) IS DISTINCT FROM total) AS total,
       count(*) FILTER (WHERE cdp.purchases(v, currency) IS DISTINCT FROM purchases) AS purchases,
       count(*) FILTER (WHERE cdp.purchase_total(v, currency) IS DISTINCT FROM purchase_total) AS purchase_total,
       count(*) FILTER (WHERE cdp.refunds(v, currency) IS DISTINCT FROM refunds) AS refunds,
       count(*) FILTER (WHERE cdp.refund_total(v, currency) IS DISTINCT FROM refund_total) AS refund_total,
       count(*) FILTER (WHERE cdp.first_purchase_at(v, currency) IS DISTINCT FROM first_purchase
                           OR cdp.last_purchase_at(v, currency) IS DISTINCT FROM last_purchase
                           OR cdp.first_refund_at(v, currency) IS DISTINCT FROM first_refund
                           OR cdp.last_refund_at(v, currency) IS DISTINCT FROM last_refund) AS times,
       count(*) FILTER (WHERE abs(cdp.average_purchase(v, currency) - average) > 1e-9 * average OR average IS NULL <> (cdp.average_purchase(v, currency) IS NULL)) AS average,
       count(*) FILTER (WHERE scale(cdp.total(v, currency)) <> digits) AS digits
FROM ltv_made JOIN expected USING (customer);
-- over all currencies
WITH expected AS (
    SELECT customer, array_agg(DISTINCT currency ORDER BY currency) AS currencies,
           count(*) FILTER (WHERE amount > 0) AS purchases, count(*) FILTER (WHERE amount < 0) AS refunds,
           min(at) FILTER (WHERE amount > 0) AS first_purchase, max(at) FILTER (WHERE amount > 0) AS last_purchase,
           min(at) FILTER (WHERE amount < 0) AS first_refund, max(at) FILTER (WHERE amount < 0) AS last_refund
    FROM ltv_random WHERE amount <> 0 GROUP BY 1)
SELECT count(*) AS customers,
       count(*) FILTER (WHERE cdp.currencies(v) IS DISTINCT FROM currencies) AS currencies,
       count(*) FILTER (WHERE cdp.purchases(v) IS DISTINCT FROM purchases OR cdp.refunds(v) IS DISTINCT FROM refunds) AS counts,
       count(*) FILTER (WHERE cdp.first_purchase_at(v) IS DISTINCT FROM first_purchase
                           OR cdp.last_purchase_at(v) IS DISTINCT FROM last_purchase
                           OR cdp.first_refund_at(v) IS DISTINCT FROM first_refund
                           OR cdp.last_refund_at(v) IS DISTINCT FROM last_refund) AS times,
       count(*) FILTER (WHERE cdp.zone(v) <> zone) AS zones
FROM ltv_made JOIN expected USING (customer);
-- the days, by PostgreSQL's own AT TIME ZONE; and in jsonb
WITH expected AS (
    SELECT customer, currency, (at AT TIME ZONE zone)::date AS day, sum(amount) AS net
    FROM ltv_random WHERE amount <> 0 GROUP BY 1, 2, 3)
SELECT count(*) > 8000 AS some, count(*) FILTER (WHERE d.net IS DISTINCT FROM e.net) AS different,
       count(*) FILTER (WHERE (v::jsonb->'currencies'->currency->'days'->>day::text)::numeric IS DISTINCT FROM e.net) AS different_in_jsonb
FROM (SELECT customer, v, d.* FROM ltv_made, cdp.daily_net(v) AS d) AS d
FULL JOIN expected AS e USING (customer, currency, day);
SELECT count(*) FILTER (WHERE (v::jsonb->'currencies'->c->>'net')::numeric IS DISTINCT FROM cdp.total(v, c)
                           OR coalesce((v::jsonb->'currencies'->c->'purchases'->>'total')::numeric, 0) <> cdp.purchase_total(v, c)
                           OR (v::jsonb->'currencies'->c->'refunds'->>'last_at')::timestamptz IS DISTINCT FROM cdp.last_refund_at(v, c)) AS different_in_jsonb
FROM ltv_made, unnest(cdp.currencies(v)) AS c;

-- Any order and any split gives the same bytes: backwards, shuffled, one by one, in 2 to 9 parts that
-- are merged in any order, from parts of parts
SELECT count(*) AS customers,
       count(*) FILTER (WHERE cdp.ltv_send(backwards) = cdp.ltv_send(v)) AS backwards,
       count(*) FILTER (WHERE cdp.ltv_send(shuffled) = cdp.ltv_send(v)) AS shuffled,
       count(*) FILTER (WHERE cdp.ltv_send(singly) = cdp.ltv_send(v)) AS singly,
       count(*) FILTER (WHERE v::text::cdp.ltv = v) AS text
FROM ltv_made
JOIN (SELECT customer, cdp.ltv_agg(amount, currency, at, zone ORDER BY id DESC) AS backwards,
             cdp.ltv_agg(amount, currency, at, zone ORDER BY hashint4(id)) AS shuffled,
             cdp.merge_agg(cdp.ltv(amount, currency, at, zone) ORDER BY amount) AS singly
      FROM ltv_random GROUP BY 1) AS other USING (customer);
SELECT parts, count(*) AS customers, count(*) FILTER (WHERE merged = v) AS same, count(*) FILTER (WHERE merged_backwards = v) AS same_backwards
FROM ltv_made
JOIN (SELECT customer, parts, cdp.merge_agg(part ORDER BY p) AS merged, cdp.merge_agg(part ORDER BY p DESC) AS merged_backwards
      FROM (SELECT customer, parts, abs(hashint4(id)) % parts AS p, cdp.ltv_agg(amount, currency, at, zone) AS part
            FROM ltv_random, generate_series(2, 9) AS parts GROUP BY 1, 2, 3) AS part GROUP BY 1, 2) AS other USING (customer)
GROUP BY parts ORDER BY parts;

-- Associative, commutative, identity: all triples out of 12 parts of one customer
WITH part AS (SELECT id % 12 AS p, cdp.ltv_agg(amount, currency, at, zone) AS v FROM ltv_random WHERE customer = 25 GROUP BY 1)
SELECT count(*) AS triples,
       count(*) FILTER (WHERE (a.v || b.v) || c.v = a.v || (b.v || c.v)) AS associative,
       count(*) FILTER (WHERE a.v || b.v = b.v || a.v) AS commutative,
       count(*) FILTER (WHERE a.v || cdp.ltv() = a.v AND cdp.ltv() || a.v = a.v) AS identity,
       count(*) FILTER (WHERE cdp.merge(a.v, b.v) = a.v || b.v) AS by_name,
       count(*) FILTER (WHERE (a.v = b.v) = (a.p = b.p) AND (a.v <> b.v) = (a.p <> b.p) AND (a.v = b.v OR cdp.ltv_hash(a.v) <> cdp.ltv_hash(b.v))) AS equality
FROM part AS a, part AS b, part AS c;
-- the same of values without amounts, in several zones
WITH part AS (SELECT cdp.ltv(0, 'USD', 'epoch', zone) AS v FROM unnest(ARRAY['UTC', 'Europe/London', 'Asia/Ho_Chi_Minh', 'Europe/Lisbon', 'Etc/UTC']) AS zone
              UNION ALL VALUES (cdp.ltv(5, 'USD', 'epoch', 'Europe/London')))
SELECT count(*) AS triples,
       count(*) FILTER (WHERE (a.v || b.v) || c.v = a.v || (b.v || c.v)) AS associative,
       count(*) FILTER (WHERE a.v || b.v = b.v || a.v) AS commutative,
       count(*) FILTER (WHERE a.v || cdp.ltv() = a.v AND cdp.ltv() || a.v = a.v) AS identity
FROM part AS a, part AS b, part AS c;

-- All 720 orders of six amounts between which the stored form changes: narrow and wide, scales,
-- widths, a day far away, the same day again
CREATE TABLE ltv_step (n int, amount numeric, at timestamptz);
INSERT INTO ltv_step VALUES
    (1, 1, '2024-01-05 00:00+00'), (2, -300.25, '2024-01-04 00:00+00'), (3, 0.000000001, '2024-01-05 12:00+00'),
    (4, 5e17, '2024-01-06 00:00+00'), (5, 4e18, '1700-01-01 00:00+00'), (6, 12.5000000000000000, '2024-01-05 23:59+00');
WITH RECURSIVE orders AS (
    SELECT ARRAY[n] AS taken, cdp.ltv(amount, 'USD', at) AS v FROM ltv_step
    UNION ALL
    SELECT taken || n, v || cdp.ltv(amount, 'USD', at) FROM orders, ltv_step WHERE n <> ALL (taken))
SELECT amounts, sum(orders) AS orders, count(*) AS different_values
FROM (SELECT cardinality(taken) AS amounts, v, count(*) AS orders FROM orders GROUP BY 1, 2) AS grouped
GROUP BY amounts ORDER BY amounts;
SELECT cdp.total(cdp.ltv_agg(amount, 'USD', at), 'USD') = sum(amount) AS exact FROM ltv_step;

-- A parallel aggregate gives the serial bytes, and is one
CREATE FUNCTION pg_temp.is_parallel(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    line text;
    found boolean := false;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        found := found OR line ~ 'Partial (Hash|Group|)Aggregate|Partial Aggregate';
    END LOOP;
    RETURN found;
END $$;
ALTER TABLE ltv_random SET (parallel_workers = 3);
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 3;
SELECT pg_temp.is_parallel('SELECT cdp.ltv_agg(amount, currency, at) FROM ltv_random') AS parallel_ltv_agg,
       pg_temp.is_parallel('SELECT customer, cdp.ltv_agg(amount, currency, at, zone) FROM ltv_random GROUP BY 1') AS parallel_in_zone,
       pg_temp.is_parallel('SELECT customer, cdp.merge_agg(cdp.ltv(amount, currency, at, zone)) FROM ltv_random GROUP BY 1') AS parallel_merge_agg,
       pg_temp.is_parallel('SELECT count(*) FROM ltv_random') AS parallel_count;
CREATE TABLE ltv_parallel AS
SELECT customer, cdp.ltv_agg(amount, currency, at, zone) AS v, cdp.merge_agg(cdp.ltv(amount, currency, at, zone)) AS m FROM ltv_random GROUP BY 1;
SELECT count(*) AS customers, count(*) FILTER (WHERE a.v = b.v) AS ltv_agg, count(*) FILTER (WHERE a.v = b.m) AS merge_agg
FROM ltv_made AS a JOIN ltv_parallel AS b USING (customer);
CREATE TABLE ltv_whole AS SELECT cdp.ltv_agg(amount, currency, at) AS v FROM ltv_random;
SET max_parallel_workers_per_gather = 0;
SELECT cdp.ltv_agg(amount, currency, at) = (SELECT v FROM ltv_whole) AS same FROM ltv_random;

-- Many amounts of one customer take time in proportion: 100,000 over 400 days in two currencies
SELECT cdp.purchases(v), cdp.total(v, 'USD'), cdp.total(v, 'EUR'), (SELECT count(*) FROM cdp.daily_net(v)) AS days, length(cdp.ltv_send(v)) < 6000 AS small
FROM (SELECT cdp.ltv_agg(i % 1000 / 100::numeric, CASE i % 2 WHEN 0 THEN 'USD' ELSE 'EUR' END, '2024-01-01 00:00+00'::timestamptz + make_interval(days => i / 2 % 400)) AS v
      FROM generate_series(1, 100000) AS i) AS made;

DROP TABLE ltv_random, ltv_made, ltv_step, ltv_parallel, ltv_whole;
