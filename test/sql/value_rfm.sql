-- Recency, frequency and monetary value.
CREATE TEMP TABLE sale (customer text, at timestamptz, amount numeric, currency text);
INSERT INTO sale VALUES
    ('often', '2026-01-01 10:00+00', 10, 'USD'), ('often', '2026-01-01 23:30+00', 5, 'USD'),
    ('often', '2026-01-08 00:00+00', 20.50, 'USD'), ('often', '2026-01-29 12:00+00', 30, 'USD'),
    ('often', '2026-03-01 12:00+00', 1000, 'USD'),
    ('once', '2026-01-10 10:00+00', 7, 'USD'),
    ('returned', '2026-01-05 10:00+00', 9, 'USD'), ('returned', '2026-01-05 11:00+00', -9, 'USD'),
    ('returned', '2026-01-06 11:00+00', -1, 'USD'),
    ('partly', '2026-01-03 10:00+00', 9, 'USD'), ('partly', '2026-01-04 10:00+00', 50, 'USD'),
    ('partly', '2026-01-04 18:00+00', -20, 'USD'), ('partly', '2026-01-05 18:00+00', -100, 'USD'),
    ('partly', '2026-01-10 18:00+00', 0, 'USD'),
    ('abroad', '2026-01-03 10:00+00', 9, 'EUR'), ('abroad', '2026-01-04 10:00+00', 50, 'USD');
CREATE TEMP VIEW value AS SELECT customer, cdp.ltv_agg(amount, currency, at) AS ltv FROM sale GROUP BY customer;

-- Days of one date are one purchase; a day with a net of zero or less is none; later days do not count.
SELECT customer, (cdp.rfm(ltv, '2026-01-31 15:00+00', '7 days', 'USD')).* FROM value ORDER BY customer;
SELECT customer, (cdp.rfm_agg(at, amount, '2026-01-31', '7 days')).* FROM sale WHERE currency = 'USD'
GROUP BY customer ORDER BY customer;
-- Historic totals keep the negatives.
SELECT customer, cdp.total(ltv, 'USD'), cdp.purchases(ltv, 'USD'), cdp.refunds(ltv, 'USD'),
       round(cdp.average_purchase(ltv, 'USD'), 4) AS average FROM value ORDER BY customer;
-- With the first purchase in the mean; with longer periods; on dates; in days.
SELECT cdp.rfm(ltv, date '2026-01-31', '1 day', 'USD', include_first => true) FROM value WHERE customer = 'often';
SELECT cdp.rfm(ltv, date '2026-01-31', '1 week', 'USD', period => '1 week') FROM value WHERE customer = 'often';
SELECT cdp.rfm(ltv, date '2026-01-31', '1 week', 'USD', period => '28 days') FROM value WHERE customer = 'often';
SELECT cdp.rfm_agg(at::date, amount, '2026-01-31'::date, '1 week', true, '28 days') FROM sale WHERE customer = 'often';
SELECT cdp.rfm_agg(at, amount, '2026-01-31', '1 week', 'UTC', true, '28 days') FROM sale WHERE customer = 'often';
SELECT cdp.rfm(ltv, date '2025-12-31', '1 week', 'USD') IS NULL AS before_all,
       cdp.rfm(ltv, date '2026-01-31', '1 week', 'GBP') IS NULL AS another_currency FROM value WHERE customer = 'often';

-- The zone is the value's: 23:30 in UTC is the next day in Hanoi, and as_of has a day there, too.
SELECT cdp.rfm(cdp.ltv_agg(amount, currency, at, 'Asia/Ho_Chi_Minh'), '2026-01-28 17:00+00', '1 day', 'USD'),
       cdp.rfm_agg(at, amount, '2026-01-28 17:00+00', '1 day', 'Asia/Ho_Chi_Minh') FROM sale WHERE customer = 'often';

-- Any order and split, amounts of any size and scale: the aggregate is cdp.rfm of cdp.ltv_agg.
SELECT setseed(0.7);
CREATE TEMP TABLE big AS
SELECT g % 97 AS customer, timestamptz '2026-01-01+00' + random() * CASE WHEN g % 97 % 6 = 4 THEN interval '9 days' ELSE '400 days' END AS at,
       CASE g % 97 % 6
            WHEN 0 THEN round((random() * 200 - 40)::numeric, 2)
            WHEN 1 THEN round((random() * 200 - 40)::numeric, g % 4)
            WHEN 2 THEN (random() * 2000 - 500)::numeric / 7
            WHEN 3 THEN round((random() * 200 - 40)::numeric, 2) * CASE WHEN g % 10 = 0 THEN 1e18 ELSE 1 END
            WHEN 4 THEN round((random() * 4000)::numeric, 2) + (g % 999 + 1) * 0.000000000000001
            ELSE (random() * 4e18)::numeric::numeric(30,0) END AS amount
FROM generate_series(1, 20000) g;
SELECT count(*) AS customers, count(*) FILTER (WHERE a IS DISTINCT FROM b) AS differ, sum((a).frequency) AS repeats
FROM (SELECT customer, cdp.rfm_agg(at, amount, '2026-12-01', '7 days') AS a,
             cdp.rfm(cdp.ltv_agg(amount, 'USD', at), '2026-12-01', '7 days', 'USD') AS b
      FROM big GROUP BY customer) x;
CREATE FUNCTION pg_temp.state(who int, part int) RETURNS cdp.rfm_state LANGUAGE plpgsql AS $$
DECLARE s cdp.rfm_state; r record;
BEGIN
    FOR r IN SELECT at, amount FROM big WHERE customer = who AND extract(epoch FROM at)::int % 3 = part LOOP
        s := cdp.rfm_accum(s, r.at, r.amount, '2026-12-01', '7 days');
    END LOOP;
    RETURN s;
END $$;
SELECT count(*) FILTER (WHERE b::text <> c::text) AS states_differ,
       count(*) FILTER (WHERE cdp.rfm_final(b) IS DISTINCT FROM a) AS differ
FROM (SELECT customer, cdp.rfm_agg(at, amount, '2026-12-01', '7 days') AS a FROM big GROUP BY customer) x,
LATERAL (SELECT pg_temp.state(customer, 0) AS s0, pg_temp.state(customer, 1)::text::cdp.rfm_state AS s1,
                pg_temp.state(customer, 2) AS s2 OFFSET 0) y,
LATERAL (SELECT cdp.rfm_combine(cdp.rfm_combine(s0, s1), s2) AS b, cdp.rfm_combine(s2, cdp.rfm_combine(s1, s0)) AS c OFFSET 0) z;

-- Bad input.
SELECT cdp.rfm(cdp.ltv(), date '2026-01-31', '1 month', 'USD');
SELECT cdp.rfm(cdp.ltv(), date '2026-01-31', '36 hours', 'USD');
SELECT cdp.rfm(cdp.ltv(), date '2026-01-31', '0 days', 'USD');
SELECT cdp.rfm(cdp.ltv(), date 'infinity', '7 days', 'USD');
SELECT cdp.rfm(cdp.ltv(), timestamptz 'infinity', '7 days', 'USD');
SELECT cdp.rfm(cdp.ltv(), date '2026-01-31', '7 days', 'dollar');
SELECT cdp.rfm_agg(at, amount, '2026-01-31', CASE WHEN amount > 9 THEN interval '7 days' ELSE '1 day' END) FROM sale;
SELECT cdp.rfm_agg(at, amount, at, '7 days') FROM sale;
SELECT cdp.rfm_agg(at, 'NaN', '2026-01-31', '7 days') FROM sale;
SELECT cdp.rfm_agg('infinity', amount, '2026-01-31', '7 days') FROM sale;
SELECT cdp.rfm_agg(NULL, amount, '2026-01-31', '7 days') FROM sale;
SELECT cdp.rfm_agg(at, amount, '2026-01-31', '7 days', 'Mars/Base') FROM sale;
SELECT cdp.rfm_agg(at, NULL::numeric, '2026-01-31', '7 days') IS NULL AS nothing FROM sale;

-- The state's forms: text and binary are one, and nothing is taken on trust.
SELECT '\x01'::cdp.rfm_state;
SELECT '\x02000000000000002400000007000000010000'::cdp.rfm_state;
SELECT '\x0104000000000000240000000700000001'::cdp.rfm_state;
SELECT '\x0101000200020000252400000007000000010000252100000000000003e80000252000000000000003e8'::cdp.rfm_state;
SELECT '\x010100020002000025240000000700000001000025210000000000'::cdp.rfm_state;
SELECT '\x0102000200020000252400000007000000010102'::cdp.rfm_state;
SELECT '\x0101000200020000252400000007000000010000252000000000000003e8'::cdp.rfm_state AS state,
       cdp.rfm_final('\x0101000200020000252400000007000000010000252000000000000003e8');

-- How many come back: not counted are those who never had a purchase day.
SELECT round(cdp.repeat_rate(ltv), 4) AS repeat_rate FROM value;
SELECT cdp.repeat_rate(ltv) IS NULL AS nobody FROM value WHERE customer = 'returned';
SELECT cdp.repeat_rate_accum('{1}', cdp.ltv());
