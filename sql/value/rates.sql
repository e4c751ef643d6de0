-- Many currencies: rates per day, and what a value comes to in one.

CREATE FUNCTION cdp.missing_rate(workspace name, currency text, day date) RETURNS numeric
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    SET datestyle = 'ISO, MDY'
AS $missing$
BEGIN
    RAISE EXCEPTION 'no exchange rate of % on %', currency, day
        USING ERRCODE = 'no_data_found',
              DETAIL = format('An amount of that day is to be converted in workspace "%s".', workspace),
              HINT = format('INSERT INTO %I.exchange_rates (currency, day, rate) VALUES (%L, %L, …).',
                            workspace, currency, day);
END
$missing$;
COMMENT ON FUNCTION cdp.missing_rate(name, text, date) IS
    'always error P0002, which names the exchange rate that is missing';

-- The currency to report in: the one asked for, or the workspace's.
CREATE FUNCTION cdp.reporting_currency(workspace name, currency text) RETURNS text
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $reporting$
DECLARE
    chosen text := currency;
BEGIN
    IF workspace IS NULL THEN
        RAISE EXCEPTION 'workspace must not be null' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    PERFORM cdp.use_tables(workspace, 'settings');
    IF chosen IS NULL THEN
        EXECUTE format('SELECT s.default_currency FROM %I.settings s', workspace) INTO chosen;
    END IF;
    PERFORM cdp.display_digits(chosen);
    RETURN chosen;
END
$reporting$;
COMMENT ON FUNCTION cdp.reporting_currency(name, text) IS
    'the currency, or where it is null the workspace''s default_currency; error 22023 for what is no ISO 4217 currency, 3F000 for no workspace';

-- A query that gives (id, day, net) from one of (id, currency, day, net): $1 is the reporting
-- currency. The exchange to the workspace's default currency and from there, so that one rate per
-- currency is enough; an amount in the reporting currency stays as it is.
CREATE FUNCTION cdp.exchange_query(workspace name, source text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN pg_catalog.format($query$
SELECT n.id, n.day,
       sum(CASE WHEN n.currency = $1 THEN n.net
                ELSE n.net
                     * CASE WHEN n.currency = s.default_currency THEN 1
                            ELSE coalesce(f.rate, cdp.missing_rate(%2$L, n.currency, n.day)) END
                     / CASE WHEN $1 = s.default_currency THEN 1
                            ELSE coalesce(t.rate, cdp.missing_rate(%2$L, $1, n.day)) END
           END) AS net
FROM (%3$s) n
CROSS JOIN %1$I.settings s
LEFT JOIN %1$I.exchange_rates f ON f.currency = n.currency AND f.day = n.day AND n.currency <> $1
LEFT JOIN %1$I.exchange_rates t ON t.currency = $1 AND t.day = n.day AND n.currency <> $1
GROUP BY n.id, n.day
$query$, workspace, workspace, source);
COMMENT ON FUNCTION cdp.exchange_query(name, text) IS
    'text of a query that converts nets per day by the workspace''s exchange rates; for the functions that do';

CREATE FUNCTION cdp.daily_net_body(workspace name, value cdp.ltv, currency text, until date)
    RETURNS TABLE (day date, net numeric)
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    SET jit = off
AS $daily$
BEGIN
    PERFORM cdp.use_tables(workspace, 'settings', 'exchange_rates');
    RETURN QUERY EXECUTE format('SELECT c.day, c.net FROM (%s) c ORDER BY c.day', cdp.exchange_query(workspace,
            'SELECT 1 AS id, d.currency COLLATE "C" AS currency, d.day, d.net FROM cdp.daily_net($2) d '
            'WHERE d.day <= $3 OR $3 IS NULL'))
        USING cdp.reporting_currency(workspace, currency), value, until;
END
$daily$;
COMMENT ON FUNCTION cdp.daily_net_body(name, cdp.ltv, text, date) IS
    'body of cdp.daily_net, not to be called by itself';

CREATE FUNCTION cdp.daily_net(workspace name, value cdp.ltv, currency text DEFAULT NULL, until date DEFAULT NULL)
    RETURNS TABLE (day date, net numeric)
    AS 'MODULE_PATHNAME', 'cdp_enter'
    LANGUAGE C STABLE PARALLEL SAFE ROWS 20;
COMMENT ON FUNCTION cdp.daily_net(name, cdp.ltv, text, date) IS
    'the net of each day (until the given one, or null: all) in one currency (null: the workspace''s), amounts of all currencies converted by the exchange rate of their day, ascending; nothing is rounded beyond numeric''s division; error P0002 names a rate that is missing, 3F000 no workspace';

CREATE FUNCTION cdp.total(workspace name, value cdp.ltv, currency text DEFAULT NULL) RETURNS numeric
    LANGUAGE sql STABLE PARALLEL SAFE
    BEGIN ATOMIC
        SELECT coalesce(sum(d.net), 0) FROM cdp.daily_net(workspace, value, currency) d;
    END;
COMMENT ON FUNCTION cdp.total(name, cdp.ltv, text) IS
    'lifetime value in one currency (null: the workspace''s), all currencies converted by the exchange rates of their days; purchases less refunds, which may be negative; error P0002 names a rate that is missing';

CREATE FUNCTION cdp.rfm(workspace name, value cdp.ltv, as_of timestamptz, unit interval, currency text DEFAULT NULL,
                        include_first boolean DEFAULT false, period interval DEFAULT '1 day')
    RETURNS cdp.rfm
    LANGUAGE sql STABLE PARALLEL SAFE
    BEGIN ATOMIC
        SELECT cdp.rfm_agg(d.day, d.net, o.day, unit, include_first, period)
        FROM (SELECT (as_of AT TIME ZONE cdp.zone(value))::date AS day) o
        CROSS JOIN LATERAL cdp.daily_net(workspace, value, currency, o.day) d;
    END;
COMMENT ON FUNCTION cdp.rfm(name, cdp.ltv, timestamptz, interval, text, boolean, interval) IS
    'recency, frequency and monetary value over all currencies, converted into one (null: the workspace''s) by the exchange rates of their days: see cdp.rfm(ltv, timestamptz, interval, text); error P0002 names a rate that is missing';
