-- Many currencies in one.
\set SHOW_CONTEXT never
SELECT cdp.create_workspace('money');
INSERT INTO money.events (event, identifiers, amount, currency, occurred_at) VALUES
    ('Order Completed', '{user_id:1}', 100, 'USD', '2026-01-01 10:00+00'),
    ('Order Completed', '{user_id:1}', 100, 'EUR', '2026-01-02 10:00+00'),
    ('Order Completed', '{user_id:1}', 1000000, 'VND', '2026-01-02 11:00+00'),
    ('Order Refunded', '{user_id:1}', -40, 'EUR', '2026-01-09 11:00+00'),
    ('Order Completed', '{user_id:2}', 5, 'USD', '2026-01-09 11:00+00');
-- A missing rate is an error that names it.
SELECT cdp.total('money', ltv) FROM money.profiles ORDER BY profile_id;
INSERT INTO money.exchange_rates VALUES ('EUR', '2026-01-02', 1.10), ('EUR', '2026-01-09', 1.2345), ('VND', '2026-01-02', 0.00004);
SELECT profile_id, cdp.total('money', ltv), round(cdp.total('money', ltv, 'USD'), 4) AS usd FROM money.profiles ORDER BY 1;
SELECT d.* FROM money.profiles, cdp.daily_net('money', ltv) d WHERE cdp.currencies(ltv) @> '{EUR}';
SELECT cdp.rfm('money', ltv, '2026-01-31', '1 day') FROM money.profiles ORDER BY profile_id;
-- Into another currency, by both rates of the day; what is in that currency already is not touched.
SELECT d.day, round(d.net, 6) AS eur FROM money.profiles, cdp.daily_net('money', ltv, 'EUR') d WHERE profile_id = 1;
INSERT INTO money.exchange_rates VALUES ('EUR', '2026-01-01', 1.25);
SELECT d.day, round(d.net, 6) AS eur FROM money.profiles, cdp.daily_net('money', ltv, 'EUR') d WHERE profile_id = 1;
SELECT * FROM cdp.cohort_revenue('money', 'month');
SELECT * FROM cdp.check('money');
-- Bad input.
INSERT INTO money.exchange_rates VALUES ('EURO', '2026-01-01', 1.25);
INSERT INTO money.exchange_rates VALUES ('GBP', '2026-01-01', 0);
INSERT INTO money.exchange_rates VALUES ('GBP', '2026-01-01', 'NaN');
INSERT INTO money.exchange_rates VALUES ('GBP', 'infinity', 1);
SELECT cdp.total('money', cdp.ltv(), 'nothing');
SELECT cdp.total('nowhere', cdp.ltv());
SELECT cdp.drop_workspace('money');
