-- Who came when, and who came back.

-- The word for a span of a calendar, from "month" or "1 month".
CREATE FUNCTION cdp.calendar_unit(unit text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $unit$
DECLARE
    blanks text := E' \t\n\r\f\v';
    word text := btrim(unit, blanks);
BEGIN
    -- Step by step: each is linear in the length of the text, which may be anything.
    IF word ~ '^1\s' THEN
        word := ltrim(substr(word, 2), blanks);
    END IF;
    IF right(word, 1) IN ('s', 'S') THEN
        word := left(word, -1);
    END IF;
    word := lower(word);
    IF word NOT IN ('day', 'week', 'month', 'quarter', 'year') THEN
        RAISE EXCEPTION 'unit "%" not recognized', unit
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Units are day, week (from Monday), month, quarter and year.';
    END IF;
    RETURN word;
END
$unit$;
COMMENT ON FUNCTION cdp.calendar_unit(text) IS
    'day, week, month, quarter or year, from a text such as ''month'' or ''1 month''; error 22023 for anything else';

CREATE FUNCTION cdp.calendar_unit(unit interval) RETURNS text
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    SET intervalstyle = 'postgres'
AS $unit$
BEGIN
    RETURN coalesce(
        CASE unit::text WHEN '1 day' THEN 'day' WHEN '7 days' THEN 'week' WHEN '1 mon' THEN 'month'
                        WHEN '3 mons' THEN 'quarter' WHEN '1 year' THEN 'year' END,
        cdp.calendar_unit(unit::text));
END
$unit$;
COMMENT ON FUNCTION cdp.calendar_unit(interval) IS
    'day, week, month, quarter or year, from an interval of that length; error 22023 for anything else';

CREATE FUNCTION cdp.periods_between(earlier date, later date, unit text) RETURNS integer
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN CASE unit
        WHEN 'day' THEN later - earlier
        WHEN 'week' THEN (later - earlier) / 7
        ELSE ((extract(year FROM later) - extract(year FROM earlier)) * 12
              + extract(month FROM later) - extract(month FROM earlier))::integer
             / CASE unit WHEN 'month' THEN 1 WHEN 'quarter' THEN 3 WHEN 'year' THEN 12 END
    END;
COMMENT ON FUNCTION cdp.periods_between(date, date, text) IS
    'number of calendar days, weeks, months, quarters or years between the first days of two of them';

-- A date far from all others, such as one of a clock that was never set, would make a row per day of
-- centuries: so long gaps are left out, and there are at most a thousand periods per given one.
CREATE FUNCTION cdp.periods_of(spans date[], unit text) RETURNS SETOF date
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE ROWS 100
    BEGIN ATOMIC
        SELECT p.span
        FROM (SELECT s.span, lead(s.span) OVER (ORDER BY s.span) AS next
              FROM (SELECT DISTINCT u.span FROM unnest(spans) u(span)) s) g
        CROSS JOIN LATERAL (
            SELECT (g.span + n * CASE unit WHEN 'day' THEN interval '1 day' WHEN 'week' THEN interval '7 days'
                                           WHEN 'month' THEN interval '1 month'
                                           WHEN 'quarter' THEN interval '3 months'
                                           WHEN 'year' THEN interval '1 year' END)::date AS span
            FROM generate_series(0, CASE WHEN cdp.periods_between(g.span, g.next, unit) <= 1000
                                         THEN cdp.periods_between(g.span, g.next, unit) - 1 ELSE 0 END) n) p
        ORDER BY p.span;
    END;
COMMENT ON FUNCTION cdp.periods_of(date[], text) IS
    'the first days of calendar days, weeks, months, quarters or years from the first to the last of the given ones; a gap of more than 1,000 between two neighbours is left out';

-- Every profile's nets per day in one currency, and where wanted its days with a free order.
CREATE FUNCTION cdp.profile_days_body(workspace name, currency text, count_free boolean)
    RETURNS TABLE (profile_id bigint, day date, net numeric, purchase boolean)
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    SET jit = off
AS $days$
BEGIN
    PERFORM cdp.use_tables(workspace, 'settings', 'exchange_rates', 'profiles', 'identifiers', 'events');
    RETURN QUERY EXECUTE format($query$
SELECT coalesce(c.id, f.profile_id), coalesce(c.day, f.day), coalesce(c.net, 0),
       coalesce(c.net > 0, false) OR f.profile_id IS NOT NULL
FROM (%2$s) c
FULL JOIN (SELECT i.profile_id, (cdp.effective_at(e.occurred_at, e.received_at, s.earliest_event)
                                  AT TIME ZONE s.time_zone)::date AS day
           FROM %1$I.events e
           JOIN %1$I.identifiers i ON i.identifier = e.anchor
           CROSS JOIN %1$I.settings s
           WHERE e.amount = 0 AND $2
           GROUP BY 1, 2) f ON f.profile_id = c.id AND f.day = c.day
        $query$, workspace, cdp.exchange_query(workspace, format(
            'SELECT p.profile_id AS id, d.currency COLLATE "C" AS currency, d.day, d.net '
            'FROM %I.profiles p CROSS JOIN LATERAL cdp.daily_net(p.ltv) d', workspace)))
        USING cdp.reporting_currency(workspace, currency), count_free;
END
$days$;
COMMENT ON FUNCTION cdp.profile_days_body(name, text, boolean) IS
    'body of cdp.profile_days, not to be called by itself';

CREATE FUNCTION cdp.profile_days(workspace name, currency text DEFAULT NULL, count_free boolean DEFAULT false)
    RETURNS TABLE (profile_id bigint, day date, net numeric, purchase boolean)
    AS 'MODULE_PATHNAME', 'cdp_enter'
    LANGUAGE C STABLE PARALLEL SAFE ROWS 1000000;
COMMENT ON FUNCTION cdp.profile_days(name, text, boolean) IS
    'every profile''s days with amounts: the net in one currency (null: the workspace''s), converted by the exchange rates of the day, and whether it is a purchase day (net above zero; with count_free also a day with an event whose amount is exactly zero)';

CREATE FUNCTION cdp.cohort_retention(workspace name, unit text, currency text DEFAULT NULL,
                                     count_free boolean DEFAULT false)
    RETURNS TABLE (cohort date, period integer, customers bigint, active bigint, retention_rate numeric,
                   repeat_rate numeric, churn_rate numeric)
    LANGUAGE plpgsql STABLE PARALLEL SAFE COST 100000 ROWS 200
    SET search_path = pg_catalog, pg_temp
    SET jit = off
AS $retention$
DECLARE
    word text := cdp.calendar_unit(unit);
BEGIN
    RETURN QUERY
    WITH bought AS MATERIALIZED (
        SELECT d.profile_id, d.day, date_trunc(word, d.day::timestamp)::date AS span
        FROM cdp.profile_days(workspace, currency, count_free) d
        WHERE d.purchase
    ), customer AS MATERIALIZED (
        SELECT b.profile_id, min(b.span) AS cohort, min(b.day) AS first_day
        FROM bought b
        GROUP BY b.profile_id
    ), activity AS MATERIALIZED (
        SELECT c.cohort, b.profile_id, cdp.periods_between(c.cohort, b.span, word) AS period
        FROM bought b
        JOIN customer c ON c.profile_id = b.profile_id
        GROUP BY 1, 2, 3
    ), repeated AS (
        SELECT r.cohort, r.period, count(*) AS n
        FROM (SELECT c.cohort, b.profile_id, min(cdp.periods_between(c.cohort, b.span, word)) AS period
              FROM bought b
              JOIN customer c ON c.profile_id = b.profile_id AND b.day > c.first_day
              GROUP BY 1, 2) r
        GROUP BY 1, 2
    ), sized AS (
        SELECT c.cohort, count(*) AS customers
        FROM customer c
        GROUP BY 1
    ), calendar AS MATERIALIZED (
        SELECT p.span
        FROM cdp.periods_of((SELECT array_agg(DISTINCT b.span) FROM bought b), word) p(span)
    ), counted AS (
        SELECT a.cohort, a.period, count(*) AS active, count(n.profile_id) AS stayed
        FROM activity a
        LEFT JOIN activity n ON n.profile_id = a.profile_id AND n.period = a.period + 1
        GROUP BY 1, 2
    )
    SELECT s.cohort, g.period, s.customers, coalesce(c.active, 0),
           round(coalesce(c.active, 0)::numeric / s.customers, 6),
           round(sum(coalesce(r.n, 0)) OVER (PARTITION BY s.cohort ORDER BY g.period) / s.customers, 6),
           round(1 - p.stayed::numeric / p.active, 6)
    FROM sized s
    CROSS JOIN LATERAL (SELECT cdp.periods_between(s.cohort, p.span, word) AS period
                        FROM calendar p WHERE p.span >= s.cohort) g
    LEFT JOIN counted c ON c.cohort = s.cohort AND c.period = g.period
    LEFT JOIN counted p ON p.cohort = s.cohort AND p.period = g.period - 1
    LEFT JOIN repeated r ON r.cohort = s.cohort AND r.period = g.period
    ORDER BY s.cohort, g.period;
END
$retention$;
COMMENT ON FUNCTION cdp.cohort_retention(name, text, text, boolean) IS
    'customers by the calendar day, week, month, quarter or year of their first purchase day (cohort) and by periods since: customers, those of the whole cohort; active, those with a purchase day in the period; retention_rate, active of customers, so who pauses counts again on return; repeat_rate, those of customers with a second purchase day by the end of the period, so it only rises; churn_rate, those active in the period before who are not in this one, null where nobody was. A purchase day has a net above zero in the reporting currency (null: the workspace''s); with count_free days with an event of amount zero count, too. Periods run to that of the last purchase in the workspace; where nobody in the workspace bought anything for more than 1,000 of them, these are left out; errors: 22023 for another unit, P0002 for a missing exchange rate';

CREATE FUNCTION cdp.cohort_retention(workspace name, unit interval, currency text DEFAULT NULL,
                                     count_free boolean DEFAULT false)
    RETURNS TABLE (cohort date, period integer, customers bigint, active bigint, retention_rate numeric,
                   repeat_rate numeric, churn_rate numeric)
    LANGUAGE sql STABLE PARALLEL SAFE COST 100000 ROWS 200
    BEGIN ATOMIC
        SELECT * FROM cdp.cohort_retention(workspace, cdp.calendar_unit(unit), currency, count_free);
    END;
COMMENT ON FUNCTION cdp.cohort_retention(name, interval, text, boolean) IS
    'cdp.cohort_retention(workspace, unit text, …) with the unit as an interval: 1 day, 1 week, 1 month, 3 months or 1 year';

CREATE FUNCTION cdp.cohort_revenue(workspace name, unit text, currency text DEFAULT NULL,
                                   count_free boolean DEFAULT false)
    RETURNS TABLE (cohort date, period integer, customers bigint, revenue numeric, revenue_per_customer numeric)
    LANGUAGE plpgsql STABLE PARALLEL SAFE COST 100000 ROWS 200
    SET search_path = pg_catalog, pg_temp
    SET jit = off
AS $revenue$
DECLARE
    word text := cdp.calendar_unit(unit);
BEGIN
    RETURN QUERY
    WITH days AS MATERIALIZED (
        SELECT d.profile_id, d.net, d.purchase, date_trunc(word, d.day::timestamp)::date AS span
        FROM cdp.profile_days(workspace, currency, count_free) d
    ), customer AS MATERIALIZED (
        SELECT d.profile_id, min(d.span) AS cohort
        FROM days d
        WHERE d.purchase
        GROUP BY d.profile_id
    ), sized AS (
        SELECT c.cohort, count(*) AS customers
        FROM customer c
        GROUP BY 1
    ), calendar AS MATERIALIZED (
        SELECT p.span
        FROM cdp.periods_of((SELECT array_agg(DISTINCT d.span) FROM days d WHERE d.purchase), word) p(span)
    ), earned AS MATERIALIZED (
        SELECT c.cohort, cdp.periods_between(c.cohort, d.span, word) AS period, sum(d.net) AS revenue
        FROM days d
        JOIN customer c ON c.profile_id = d.profile_id
        GROUP BY 1, 2
    )
    SELECT s.cohort, g.period, s.customers, coalesce(e.revenue, 0), coalesce(e.revenue, 0) / s.customers
    FROM sized s
    CROSS JOIN LATERAL (SELECT cdp.periods_between(s.cohort, p.span, word)
                        FROM calendar p WHERE p.span >= s.cohort
                        UNION SELECT x.period FROM earned x WHERE x.cohort = s.cohort) g(period)
    LEFT JOIN earned e ON e.cohort = s.cohort AND e.period = g.period
    ORDER BY s.cohort, g.period;
END
$revenue$;
COMMENT ON FUNCTION cdp.cohort_revenue(name, text, text, boolean) IS
    'exact net revenue by cohort and period, as cdp.cohort_retention counts them: purchases less refunds, in one currency (null: the workspace''s), converted by the exchange rate of each day. A refund before the first purchase stands in a period below zero; customers who never had a purchase day are in no cohort';

CREATE FUNCTION cdp.cohort_revenue(workspace name, unit interval, currency text DEFAULT NULL,
                                   count_free boolean DEFAULT false)
    RETURNS TABLE (cohort date, period integer, customers bigint, revenue numeric, revenue_per_customer numeric)
    LANGUAGE sql STABLE PARALLEL SAFE COST 100000 ROWS 200
    BEGIN ATOMIC
        SELECT * FROM cdp.cohort_revenue(workspace, cdp.calendar_unit(unit), currency, count_free);
    END;
COMMENT ON FUNCTION cdp.cohort_revenue(name, interval, text, boolean) IS
    'cdp.cohort_revenue(workspace, unit text, …) with the unit as an interval: 1 day, 1 week, 1 month, 3 months or 1 year';

-- Scores by fifths.

CREATE FUNCTION cdp.rfm_scores_body(workspace name, as_of timestamptz, currency text)
    RETURNS TABLE (profile_id bigint, recency integer, frequency integer, monetary integer,
                   days_since_purchase integer, purchase_days bigint, net numeric)
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    SET jit = off
AS $scores$
DECLARE
    today date;
BEGIN
    PERFORM cdp.use_tables(workspace, 'settings');
    EXECUTE format('SELECT ($1 AT TIME ZONE s.time_zone)::date FROM %I.settings s', workspace)
        INTO today USING coalesce(as_of, cdp.now());
    RETURN QUERY
    SELECT c.profile_id,
           5 - ((rank() OVER (ORDER BY c.since) - 1) * 5 / count(*) OVER ())::integer,
           1 + ((rank() OVER (ORDER BY c.bought) - 1) * 5 / count(*) OVER ())::integer,
           1 + ((rank() OVER (ORDER BY c.earned) - 1) * 5 / count(*) OVER ())::integer,
           c.since, c.bought, c.earned
    FROM (SELECT d.profile_id, today - max(d.day) FILTER (WHERE d.purchase) AS since,
                 count(*) FILTER (WHERE d.purchase) AS bought, sum(d.net) AS earned
          FROM cdp.profile_days(workspace, currency) d
          WHERE d.day <= today
          GROUP BY d.profile_id
          HAVING bool_or(d.purchase)) c
    ORDER BY c.profile_id;
END
$scores$;
COMMENT ON FUNCTION cdp.rfm_scores_body(name, timestamptz, text) IS
    'body of cdp.rfm_scores, not to be called by itself';

CREATE FUNCTION cdp.rfm_scores(workspace name, as_of timestamptz DEFAULT NULL, currency text DEFAULT NULL)
    RETURNS TABLE (profile_id bigint, recency integer, frequency integer, monetary integer,
                   days_since_purchase integer, purchase_days bigint, net numeric)
    AS 'MODULE_PATHNAME', 'cdp_enter'
    LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 100000;
COMMENT ON FUNCTION cdp.rfm_scores(name, timestamptz, text) IS
    'scores of the customers by fifths, 5 the best: recency by days since the last purchase day, frequency by purchase days, monetary by the net of all days, in one currency (null: the workspace''s), observed on the day of as_of (null: now). A score says how many customers stand before: equal customers have equal scores, so fifths differ in size where many are equal';
