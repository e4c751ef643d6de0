-- Models of customer value: fits, scores, states, bad input. Numbers from outside are in
-- programs/value_golden and programs/value_cdnow.
\set SHOW_CONTEXT never
SELECT * FROM cdp.bgnbd_model(0.243, 4.414, 0.793, 2.426, '7 days');
SELECT round(cdp.p_alive(m, 2, 30.43, 38.86)::numeric, 12) AS p_alive,
       round(cdp.expected_purchases(m, 2, 30.43, 38.86, 39)::numeric, 10) AS expected,
       round(cdp.expected_purchases_new(m, 52)::numeric, 6) AS new,
       round(cdp.log_likelihood(m, 2, 30.43, 38.86)::numeric, 10) AS ll
FROM cdp.bgnbd_model(0.243, 4.414, 0.793, 2.426) m;
SELECT round(cdp.expected_purchases(m, 26, 30.86, 31, 52)::numeric, 9) AS expected,
       round(cdp.dert(m, 26, 30.86, 31, 0.0027)::numeric, 7) AS dert, round(cdp.p_alive(m, 0, 0, 31)::numeric, 6) AS p_alive
FROM cdp.paretonbd_model(0.553, 10.578, 0.606, 11.669) m;
-- BG/NBD: nobody leaves before a repeat purchase.
SELECT cdp.p_alive(cdp.bgnbd_model(0.243, 4.414, 0.793, 2.426), 0, 0, 1000);
-- The expected amount is between the customer's mean and that of all.
SELECT x, round(cdp.expected_average(m, x, CASE WHEN x > 0 THEN 50 END)::numeric, 4) AS expected
FROM cdp.gamma_gamma_model(6.25, 3.74, 15.44) m, unnest(ARRAY[0, 1, 5, 1000000]) x;

-- CLV: the rate carries its period, so that a unit of days gives what one of weeks does.
SELECT round(cdp.clv(m, g, 5, 30, 39, 40)::numeric, 8) AS endless,
       round((cdp.expected_average(g, 5, 40) * cdp.dert(m, 5, 30, 39, ln(1.1) * 7 / 365.25))::numeric, 8) AS by_hand,
       round(cdp.clv(d, g, 5, 210, 273, 40)::numeric, 8) AS in_days,
       round(cdp.clv(m, g, 5, 30, 39, 40, '1 year', 0.3, 0.15)::numeric, 8) AS one_year,
       round(cdp.clv(d, g, 5, 210, 273, 40, '365 days 6 hours', 0.3, power(1.15, 1 / 12.0) - 1, '1 month')::numeric, 8) AS monthly,
       round((0.3 * cdp.expected_average(g, 5, 40) * cdp.expected_purchases(m, 5, 30, 39, 365.25 / 7))::numeric, 8) AS undiscounted,
       round(cdp.clv(m, g, 5, 30, 39, 40, '1 year', 0.3, 0)::numeric, 8) AS rate_zero
FROM cdp.paretonbd_model(0.553, 10.578, 0.606, 11.669, '1 week') m,
     cdp.paretonbd_model(0.553, 74.046, 0.606, 81.683, '1 day') d, cdp.gamma_gamma_model(6.25, 3.74, 15.44) g;
SELECT round(cdp.clv(m, g, 5, 30, 39, 40)::numeric, 8) AS endless, round(cdp.clv(d, g, 5, 210, 273, 40)::numeric, 8) AS in_days,
       cdp.clv(m, g, 5, 30, 39, 40, '200 years') / cdp.clv(m, g, 5, 30, 39, 40) BETWEEN 1 - 1e-6 AND 1 AS nearly_endless,
       round(cdp.clv(m, g, 0, 0, 39, NULL, '1 year')::numeric, 8) AS no_repeat
FROM cdp.bgnbd_model(0.243, 4.414, 0.793, 2.426, '1 week') m,
     cdp.bgnbd_model(0.243, 30.898, 0.793, 2.426, '1 day') d, cdp.gamma_gamma_model(6.25, 3.74, 15.44) g;
-- A mixed table of models: each row is scored by its own.
SELECT sum(cdp.expected_purchases(m, 3, 20, 30, 10)) = sum(e) AS each_its_own
FROM (SELECT cdp.bgnbd_model(0.2 + g % 3, 4, 0.8, 2.4) AS m, g FROM generate_series(1, 30) g) x
JOIN (SELECT g, CASE g % 3 WHEN 0 THEN cdp.expected_purchases(cdp.bgnbd_model(0.2, 4, 0.8, 2.4), 3, 20, 30, 10)
                           WHEN 1 THEN cdp.expected_purchases(cdp.bgnbd_model(1.2, 4, 0.8, 2.4), 3, 20, 30, 10)
                           ELSE cdp.expected_purchases(cdp.bgnbd_model(2.2, 4, 0.8, 2.4), 3, 20, 30, 10) END AS e
      FROM generate_series(1, 30) g) y USING (g);

-- The state: the same to the bit in any order and split, in parallel, through text and binary.
SELECT setseed(0.3);
CREATE FUNCTION pg_temp.simulate(age float8, OUT x int, OUT recency float8) LANGUAGE plpgsql AS $$
DECLARE
    rate float8 := -ln(1 - random()) / 15;      -- gamma(1, 15)
    leaves float8 := random() ^ 1.25;           -- beta(0.8, 1)
    at float8 := 0;
BEGIN
    x := 0;
    recency := 0;
    LOOP
        at := at - ln(1 - random()) / rate;
        EXIT WHEN at > age;
        x := x + 1;
        recency := round(at::numeric, 2);
        EXIT WHEN random() < leaves;
    END LOOP;
    recency := least(recency, age);
END
$$;
CREATE TABLE buyer AS
SELECT b.g, s.x, s.recency, b.age, round((20 + 30 * random())::numeric, 2) AS monetary
FROM (SELECT g, round((20 + 20 * random())::numeric, 1)::float8 AS age FROM generate_series(1, 30000) g) b,
     pg_temp.simulate(b.age) s;
ANALYZE buyer;
CREATE TEMP TABLE state AS SELECT cdp.btyd_agg(x, recency, age, '7 days') AS s FROM (SELECT * FROM buyer ORDER BY g) b;
SELECT cdp.customers(s), length(s::text) < 30000 * 50 AS joined FROM state;
SELECT (SELECT cdp.btyd_agg(x, recency, age, '7 days')::text FROM (SELECT * FROM buyer ORDER BY g DESC) b) = s::text AS reversed,
       (SELECT cdp.merge_agg(p)::text FROM (SELECT cdp.btyd_agg(x, recency, age, '7 days') AS p FROM buyer GROUP BY g % 7 ORDER BY random()) q) = s::text AS split,
       (SELECT cdp.merge(a, b)::text FROM (SELECT cdp.btyd_agg(x, recency, age, '7 days') AS a FROM buyer WHERE g % 3 > 0) a,
               (SELECT cdp.btyd_agg(x, recency, age, '7 days') AS b FROM buyer WHERE g % 3 = 0) b) = s::text AS merged,
       s::text::cdp.btyd_state::text = s::text AS text,
       cdp.btyd_state_send(s) = decode(substr(s::text, 3), 'hex') AS binary
FROM state;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 3;
EXPLAIN (COSTS OFF) SELECT cdp.bgnbd_fit(x, recency, age, '7 days') FROM buyer;
SELECT (SELECT cdp.btyd_agg(x, recency, age, '7 days')::text FROM buyer) = s::text AS parallel,
       (SELECT cdp.bgnbd_fit(x, recency, age, '7 days') FROM buyer) = cdp.bgnbd_fit(s) AS fit FROM state;
RESET ALL;
\set SHOW_CONTEXT never
-- Fits say how they went; rows without a purchase are skipped.
SELECT f.customers, f.unit, f.converged, f.iterations BETWEEN 2 AND 20 AS quick, abs(f.r - 1) < 3 * f.r_se AND abs(f.alpha - 15) < 3 * f.alpha_se
       AND abs(f.a - 0.8) < 3 * f.a_se AND abs(f.b - 1) < 3 * f.b_se AS recovered
FROM (SELECT (cdp.bgnbd_fit(x, recency, age, '7 days')).* FROM (SELECT x, recency, age FROM buyer UNION ALL SELECT NULL, NULL, NULL) b) f;
SELECT f.customers, f.converged, round(p::numeric * f.gamma::numeric / (q::numeric - 1)) AS mean FROM (SELECT (cdp.gamma_gamma_fit(x, monetary + 50 * (g % 10))).* FROM buyer) f;
-- These customers leave as BG/NBD has it: Pareto/NBD does not find them.
SELECT cdp.paretonbd_fit(x, recency, age) FROM buyer WHERE g <= 3000;
SELECT cdp.bgnbd_fit(x, recency, age) IS NULL AS nobody FROM buyer WHERE g < 0;
SELECT sum(n) > 2 AS each_group FROM (SELECT g % 3, (cdp.bgnbd_fit(x, recency, age)).iterations AS n FROM buyer GROUP BY 1) f;
-- A running fit over a window changes no state.
SELECT count(DISTINCT c) FROM (SELECT cdp.customers(cdp.btyd_agg(x, recency, age) OVER (ORDER BY g)) AS c FROM buyer WHERE g <= 100) w;

-- A fit can be cancelled, in the middle of a pass.
CREATE TABLE many AS SELECT b.x, b.recency + s * 1e-6 * (b.x > 0)::int AS recency, b.age + 0.001 + s * 1e-6 AS age
FROM buyer b, generate_series(1, 20) s;
SET statement_timeout = '700ms';
SELECT cdp.paretonbd_fit(x, recency, age) FROM many;
RESET statement_timeout;
DROP TABLE many;

-- Bad input.
SELECT cdp.bgnbd_fit(-1, 0, 10);
SELECT cdp.bgnbd_fit(1.5, 2, 10);
SELECT cdp.bgnbd_fit('NaN', 2, 10);
SELECT cdp.bgnbd_fit(3000000000, 2, 10);
SELECT cdp.bgnbd_fit(2, 12, 10);
SELECT cdp.bgnbd_fit(2, 'NaN', 10);
SELECT cdp.bgnbd_fit(2, -1, 10);
SELECT cdp.bgnbd_fit(2, 1, 'infinity');
SELECT cdp.bgnbd_fit(2, 1, 'NaN');
SELECT cdp.bgnbd_fit(0, 1, 10);
SELECT cdp.bgnbd_fit(2, NULL, 10);
SELECT cdp.bgnbd_fit(x, recency, age, CASE WHEN g < 9 THEN interval '1 day' ELSE '7 days' END) FROM buyer;
SELECT cdp.bgnbd_fit(x, recency, age, interval '1 month') FROM buyer;
SELECT cdp.bgnbd_fit(x, recency, age) FROM buyer WHERE x = 0;
SELECT cdp.paretonbd_fit(x, recency, age) FROM buyer WHERE x = 0;
SELECT cdp.bgnbd_fit(2, 5, 10);
SELECT cdp.bgnbd_fit(2, 5, 10) FROM generate_series(1, 100);
SELECT cdp.bgnbd_fit(x, age, age) FROM (SELECT greatest(x, 1) AS x, age FROM buyer) b;
SELECT cdp.gamma_gamma_fit(2, 0);
SELECT cdp.gamma_gamma_fit(2, -3);
SELECT cdp.gamma_gamma_fit(2, 'NaN');
SELECT cdp.gamma_gamma_fit(2, NULL);
SELECT cdp.gamma_gamma_fit(0, NULL) FROM buyer;
SELECT cdp.gamma_gamma_fit(2, 10) FROM buyer;
SELECT cdp.gamma_gamma_fit(x, 10) FROM buyer;
SELECT cdp.gamma_gamma_fit(s) FROM state;
SELECT cdp.merge(s, cdp.btyd_accum(NULL, 1, 2, 3)) FROM state;
SELECT cdp.merge(s, cdp.gamma_gamma_accum(NULL, 1, 2)) FROM state;
SELECT cdp.bgnbd_model(0.2, -4, 1, 1);
SELECT cdp.paretonbd_model(0.2, 4, 'NaN', 1);
SELECT cdp.bgnbd_model(0.2, 4, NULL, 1) IS NULL AS unknown;
SELECT cdp.p_alive(cdp.bgnbd_model(0.2, 4, 1, 1), 2, 30, 20);
SELECT cdp.p_alive(ROW(0.2, 4, -1, 1, 0, 0, 0, 0, 0, 0, NULL, true, 1)::cdp.bgnbd_model, 2, 10, 20);
SELECT cdp.expected_purchases(cdp.bgnbd_model(0.2, 4, 1, 1), 2, 10, 20, -1);
SELECT cdp.expected_purchases_new(cdp.paretonbd_model(0.2, 4, 1, 1), 'infinity');
SELECT cdp.dert(cdp.paretonbd_model(0.2, 4, 1, 1), 2, 10, 20, 0);
SELECT cdp.clv(cdp.bgnbd_model(0.2, 4, 1, 1), cdp.gamma_gamma_model(6, 4, 15), 2, 10, 20, 30, '1 year');
SELECT cdp.clv(cdp.bgnbd_model(0.2, 4, 1, 1, '7 days'), cdp.gamma_gamma_model(6, 4, 15), 2, 10, 20, 30, discount_rate => 0);
SELECT cdp.clv(cdp.bgnbd_model(0.2, 4, 1, 1, '7 days'), cdp.gamma_gamma_model(6, 4, 15), 2, 10, 20, NULL, '1 year');
SELECT cdp.expected_average(cdp.gamma_gamma_model(6, 0.9, 15), 0, NULL);
SELECT cdp.expected_average(cdp.gamma_gamma_model(6, 4, 15), 3, -1);
SELECT '\x0201'::cdp.btyd_state;
SELECT '\x010300000000'::cdp.btyd_state;
SELECT '\x01010000000700'::cdp.btyd_state;
SELECT '\x0101000000070000000200000000400000000000000040100000000000000000000000000000'::cdp.btyd_state;
SELECT '\x010100000007000000020000000140100000000000004000000000000000'::cdp.btyd_state;
SELECT cdp.customers('\x0101000000070000000200000003400000000000000040100000000000000000000300000001400000000000000040100000000000'), 1;
SELECT cdp.customers('\x010100000007000000020000000340000000000000004010000000000000000000020000000140000000000000004010000000000000');
SELECT cdp.customers('\x010100000007000000020000000340000000000000004010000000000000000000030000000140000000000000004010000000000000');
DROP TABLE buyer;
