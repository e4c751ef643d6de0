-- A workspace's value models: definitions, fits, scores, segments that read them.
\set SHOW_CONTEXT never
SET cdp.clock = '2026-06-30 12:00+00';
SELECT setseed(0.5);
CREATE FUNCTION pg_temp.shop(who int) RETURNS TABLE (day date, amount numeric) LANGUAGE plpgsql AS $$
DECLARE
    rate float8 := -ln(1 - random()) / 60;
    leaves float8 := random() ^ 1.25;
    size float8 := 20 - 15 * ln(1 - random());
    at float8 := floor(random() * 120);
    repeats int := 0;
BEGIN
    LOOP
        day := date '2025-09-01' + floor(at)::int;
        amount := round((size * (0.5 + random()))::numeric, 2);
        EXIT WHEN day > date '2026-06-30';
        RETURN NEXT;
        EXIT WHEN repeats > 0 AND random() < leaves;
        repeats := repeats + 1;
        at := at + 1 - ln(1 - random()) / rate;
    END LOOP;
END
$$;
SELECT cdp.create_workspace('vw');
INSERT INTO vw.events (event, identifiers, amount, currency, occurred_at)
SELECT 'Order Completed', ARRAY['user_id:' || g], s.amount, 'USD', s.day + time '10:00' AT TIME ZONE 'UTC'
FROM generate_series(1, 2000) g, pg_temp.shop(g) s;
INSERT INTO vw.events (event, identifiers, amount, currency, occurred_at) VALUES
    ('Order Completed', '{user_id:back}', 10, 'USD', '2026-01-01'), ('Order Refunded', '{user_id:back}', -10, 'USD', '2026-01-01'),
    ('Page Viewed', '{user_id:looker}', NULL, NULL, '2026-01-01');

-- Definitions are checked.
SELECT * FROM cdp.fit('vw');
SELECT cdp.score('vw');
SELECT * FROM cdp.fit('nowhere');
INSERT INTO vw.value_models (name, model) VALUES ('m', 'magic');
INSERT INTO vw.value_models (name, unit) VALUES ('m', '1 month');
INSERT INTO vw.value_models (name, unit) VALUES ('m', '7 days 1 hour');
INSERT INTO vw.value_models (name, currency) VALUES ('m', 'dollars');
INSERT INTO vw.value_models (name, calibration_start, calibration_end) VALUES ('m', '2026-02-01', '2026-01-01');
INSERT INTO vw.value_models (name, horizon) VALUES ('m', '0 days');
INSERT INTO vw.value_models (name, margin) VALUES ('m', 'NaN');
INSERT INTO vw.value_models (name, discount_rate) VALUES ('m', -0.1);
INSERT INTO vw.value_models (name, discount_period) VALUES ('m', '0 days');
INSERT INTO vw.value_models (name) VALUES ('');
INSERT INTO vw.value_models (name) VALUES ('customers');
INSERT INTO vw.value_models (name) VALUES ('second');
INSERT INTO vw.value_models (name, model, unit, scoring, calibration_start, calibration_end)
    VALUES ('spring', 'bgnbd', '1 day', false, '2025-09-01', '2026-04-30');
SELECT cdp.score('vw');
SELECT * FROM cdp.fit('vw', 'nothing');

-- The fits are what the aggregates give, and their history stays.
SELECT value_model, customers, iterations BETWEEN 2 AND 30 AS quick FROM cdp.fit('vw');
SELECT f.value_model, f.model, f.currency, f.calibration_start, f.calibration_end, f.fitted_at,
       (f.purchases ->> 'unit')::interval AS unit,
       jsonb_populate_record(NULL::cdp.bgnbd_model, f.purchases) =
           (SELECT cdp.bgnbd_fit((r).frequency, (r).recency, (r).age, (r).unit)
            FROM (SELECT cdp.rfm(ltv, date '2026-06-30', '7 days', 'USD') AS r FROM vw.profiles) p) AS purchases,
       jsonb_populate_record(NULL::cdp.gamma_gamma_model, f.amounts) =
           (SELECT cdp.gamma_gamma_fit((r).frequency, (r).monetary)
            FROM (SELECT cdp.rfm(ltv, date '2026-06-30', '7 days', 'USD') AS r FROM vw.profiles) p) AS amounts
FROM vw.value_model_fits f WHERE value_model = 'customers';
SELECT f.value_model, f.calibration_start, f.calibration_end,
       jsonb_populate_record(NULL::cdp.bgnbd_model, f.purchases) =
           (SELECT cdp.bgnbd_fit((r).frequency, (r).recency, (r).age, (r).unit)
            FROM (SELECT cdp.rfm(ltv, date '2026-04-30', '1 day', 'USD') AS r FROM vw.profiles) p) AS purchases
FROM vw.value_model_fits f WHERE value_model = 'spring';
SELECT count(*) FROM cdp.fit('vw', 'customers');
SELECT value_model, count(*) FROM vw.value_model_fits GROUP BY 1 ORDER BY 1;

-- Scores; segments follow; only what changes is written.
INSERT INTO vw.segments (name, predicate) VALUES
    ('slipping', $$(scores->>'p_alive')::float8 < 0.3$$),
    ('worth', $$(scores->>'value')::float8 >= 60 AND cdp.total(ltv, 'USD') > 100$$);
SELECT count(*) FROM vw.profiles WHERE segments <> '{}';
SELECT cdp.score('vw');
SELECT cdp.score('vw');
SELECT count(*) FILTER (WHERE segments ? 'slipping') > 100 AS some, bool_and((segments ? 'slipping') = coalesce((scores->>'p_alive')::float8 < 0.3, false)) AS slipping,
       bool_and((segments ? 'worth') = coalesce((scores->>'value')::float8 >= 60 AND cdp.total(ltv, 'USD') > 100, false)) AS worth FROM vw.profiles;
SELECT * FROM cdp.check('vw');
SELECT p.scores FROM vw.profiles p WHERE profile_id IN (cdp.profile_of('vw', 'user_id:back'), cdp.profile_of('vw', 'user_id:looker'));
SELECT count(*) AS profiles, count(*) FILTER (WHERE
           (scores->>'p_alive')::float8 = cdp.p_alive(m, (r).frequency, (r).recency, (r).age)
       AND (scores->>'expected_purchases')::float8 = cdp.expected_purchases(m, (r).frequency, (r).recency, (r).age, 365.25 / 7)
       AND (scores->>'value')::float8 = cdp.clv(m, g, (r).frequency, (r).recency, (r).age, (r).monetary, '1 year', 1, 0.1, '1 year')
       AND scores @> '{"model": "customers", "currency": "USD", "as_of": "2026-06-30", "horizon": "1 year"}') AS as_expected
FROM (SELECT scores, cdp.rfm(ltv, date '2026-06-30', '7 days', 'USD') AS r FROM vw.profiles) p,
     (SELECT jsonb_populate_record(NULL::cdp.bgnbd_model, purchases) AS m, jsonb_populate_record(NULL::cdp.gamma_gamma_model, amounts) AS g
      FROM vw.value_model_fits WHERE value_model = 'customers' ORDER BY fit_id DESC LIMIT 1) f;
-- One more purchase: one row changes, and the customer leaves the segment.
SELECT profile_id AS gone, (scores->>'p_alive')::float8 AS was FROM vw.profiles WHERE segments ? 'slipping' ORDER BY profile_id LIMIT 1 \gset
INSERT INTO vw.events (event, identifiers, amount, currency, occurred_at)
SELECT 'Order Completed', ARRAY[identifier::text], 30, 'USD', '2026-06-30 11:00+00' FROM vw.identifiers WHERE profile_id = :gone;
SELECT cdp.score('vw');
SELECT (scores->>'p_alive')::float8 > :was AS rises, segments ? 'slipping' AS slipping FROM vw.profiles WHERE profile_id = :gone;
SELECT entered, cause FROM vw.segment_changes WHERE profile_id = :gone AND segment = 'slipping' ORDER BY at, entered DESC;

-- Scores stay at a rebuild; at a merge the survivor's do, else the other's.
SELECT md5(string_agg(scores::text, '' ORDER BY profile_id)) AS before FROM vw.profiles \gset
SELECT cdp.rebuild('vw');
SELECT md5(string_agg(scores::text, '' ORDER BY profile_id)) = :'before' AS kept FROM vw.profiles;
SELECT * FROM cdp.check('vw');
INSERT INTO vw.events (event, identifiers, occurred_at) VALUES ('Seen', '{cookie:c1}', '2026-06-30'), ('Seen', '{cookie:c1,device:d1}', '2026-06-30'),
    ('Seen', '{cookie:c1,device:d1,device:d2}', '2026-06-30');
INSERT INTO vw.events (event, identifiers, occurred_at) VALUES ('Signed In', '{user_id:7,cookie:c1}', '2026-06-30');
SELECT count(*) AS merges, bool_and(p.scores IS NOT NULL) AS scored FROM vw.merges m JOIN vw.profiles p USING (profile_id);

-- Who may write the column may score.
CREATE ROLE vw_analyst;
GRANT USAGE ON SCHEMA vw TO vw_analyst;
GRANT SELECT ON ALL TABLES IN SCHEMA vw TO vw_analyst;
UPDATE vw.value_models SET margin = 0.5 WHERE name = 'customers';
SET ROLE vw_analyst;
SELECT cdp.score('vw');
SELECT cdp.fit('vw', 'customers');
RESET ROLE;
GRANT UPDATE (scores) ON vw.profiles TO vw_analyst;
GRANT INSERT ON vw.value_model_fits TO vw_analyst;
SET ROLE vw_analyst;
SELECT cdp.score('vw') > 1900 AS scored;
SELECT customers FROM cdp.fit('vw', 'customers');
RESET ROLE;
SELECT * FROM cdp.check('vw');

-- Another unit needs another fit; several currencies need rates; a fit that fails names its model.
UPDATE vw.value_models SET unit = '1 day' WHERE name = 'customers';
SELECT cdp.score('vw');
INSERT INTO vw.events (event, identifiers, amount, currency, occurred_at) VALUES ('Order Completed', '{user_id:1}', 10, 'EUR', '2026-06-01');
SELECT * FROM cdp.fit('vw', 'customers');
INSERT INTO vw.exchange_rates VALUES ('EUR', '2026-06-01', 1.1);
SELECT customers FROM cdp.fit('vw', 'customers');
SELECT cdp.score('vw') > 1900 AS scored;
UPDATE vw.value_models SET calibration_end = '2025-09-01' WHERE name = 'spring';
SELECT * FROM cdp.fit('vw', 'spring');
UPDATE vw.value_models SET calibration_end = '2025-09-02', calibration_start = '2025-09-02' WHERE name = 'spring';
SELECT * FROM cdp.fit('vw', 'spring');
UPDATE vw.value_models SET currency = 'GBP', calibration_start = NULL, calibration_end = '2024-01-01' WHERE name = 'spring';
SELECT * FROM cdp.fit('vw', 'spring');

-- Without amounts there is no value.
UPDATE vw.value_models SET amounts = false WHERE name = 'customers';
SELECT customers FROM cdp.fit('vw', 'customers');
SELECT cdp.score('vw') > 1900 AS scored;
SELECT count(*) FILTER (WHERE scores->'value' <> 'null') AS valued, count(scores->>'p_alive') > 1900 AS alive FROM vw.profiles;

SELECT cdp.detach('vw');
SELECT count(*) FILTER (WHERE scores ? 'p_alive') > 1900 AS scored FROM vw.profiles;
SELECT count(*) FROM vw.value_model_fits WHERE purchases ? 'r';
SET client_min_messages = warning;
DROP SCHEMA vw CASCADE;
DROP ROLE vw_analyst;
