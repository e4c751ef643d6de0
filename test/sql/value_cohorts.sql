-- Cohorts, retention, repeat rate and churn; scores by fifths.
\set SHOW_CONTEXT never
SELECT cdp.create_workspace('club');
INSERT INTO club.events (event, identifiers, amount, currency, occurred_at)
SELECT 'Order', ARRAY['user_id:' || v.who], v.amount, 'USD', v.day + time '12:00' AT TIME ZONE 'UTC'
FROM (VALUES ('a', date '2026-01-05', 10), ('a', '2026-01-20', 10), ('a', '2026-03-01', 10),
             ('b', '2026-01-31', 20), ('b', '2026-02-01', 20), ('b', '2026-02-02', -20), ('b', '2026-03-03', 5),
             ('c', '2026-01-01', 30), ('c', '2026-02-10', 3), ('c', '2026-02-10', -3),
             ('d', '2026-02-10', 40), ('d', '2026-01-09', -4),
             ('e', '2026-02-10', -7), ('f', '2026-01-10', 0), ('f', '2026-04-10', 6)) v(who, day, amount);
SELECT * FROM cdp.cohort_retention('club', 'month');
SELECT cohort, period, active FROM cdp.cohort_retention('club', '1 month', count_free => true) WHERE active > 0;
SELECT * FROM cdp.cohort_retention('club', interval '3 months');
SELECT cohort, period, customers, revenue, round(revenue_per_customer, 4) AS each FROM cdp.cohort_revenue('club', 'month');
SELECT cohort, period, active FROM cdp.cohort_retention('club', 'weeks') WHERE active > 0;
SELECT cohort, period, active FROM cdp.cohort_retention('club', 'year') WHERE active > 0;
SELECT cdp.periods_between('2025-12-29', '2026-01-12', 'week'), cdp.periods_between('2025-10-01', '2026-04-01', 'quarter'),
       cdp.periods_between('2025-01-01', '2027-01-01', 'year'), cdp.periods_between('2026-02-28', '2026-03-01', 'day');
SELECT * FROM cdp.rfm_scores('club', '2026-03-05 00:00+00');
-- Equal customers have equal scores.
SELECT cdp.create_workspace('many');
INSERT INTO many.events (event, identifiers, amount, currency, occurred_at)
SELECT 'Order', ARRAY['user_id:' || g], CASE WHEN g <= 50 THEN 1 ELSE g END, 'USD', timestamptz '2026-01-01 12:00+00' + g * interval '1 day'
FROM generate_series(1, 100) g;
SELECT recency, count(*) FROM cdp.rfm_scores('many', '2026-05-01') GROUP BY 1 ORDER BY 1;
SELECT monetary, count(*), min(net), max(net) FROM cdp.rfm_scores('many', '2026-05-01') GROUP BY 1 ORDER BY 1;
SELECT frequency, count(*) FROM cdp.rfm_scores('many', '2026-05-01') GROUP BY 1 ORDER BY 1;
SELECT * FROM cdp.cohort_retention('club', 'fortnight');
SELECT * FROM cdp.cohort_retention('club', interval '2 months');
SELECT * FROM cdp.cohort_retention('nowhere', 'month');
SELECT cdp.drop_workspace('club'), cdp.drop_workspace('many');
