-- The judge on lifetime value.

CREATE FUNCTION cdp.check_value(workspace name)
    RETURNS TABLE (kind text, key text, stored text, expected text)
    LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE COST 1000000 ROWS 10
    SET search_path = pg_catalog, pg_temp
    SET row_security = off
    SET timezone = 'UTC'
    SET datestyle = 'ISO, MDY'
    SET enable_nestloop = off
    SET work_mem = '64MB'
    SET jit = off
AS $check$
DECLARE
    zone text;
    earliest timestamptz;
BEGIN
    PERFORM cdp.require_step(workspace);
    EXECUTE format('SELECT s.time_zone, s.earliest_event FROM %I.settings s', workspace) INTO zone, earliest;

    -- Lifetime value: exact sums, counts, first and last times per currency.
    RETURN QUERY EXECUTE format($query$
SELECT 'ltv.' || v.figure, 'profile ' || coalesce(s.profile_id, e.profile_id) || ', ' ||
       coalesce(s.currency, e.currency), v.stored, v.expected
FROM (
    SELECT p.profile_id, c.currency COLLATE "C" AS currency, cdp.total(p.ltv, c.currency) AS total,
           cdp.purchases(p.ltv, c.currency) AS purchases,
           cdp.purchase_total(p.ltv, c.currency) AS purchase_total,
           cdp.first_purchase_at(p.ltv, c.currency) AS first_purchase_at,
           cdp.last_purchase_at(p.ltv, c.currency) AS last_purchase_at,
           cdp.refunds(p.ltv, c.currency) AS refunds,
           cdp.refund_total(p.ltv, c.currency) AS refund_total,
           cdp.first_refund_at(p.ltv, c.currency) AS first_refund_at,
           cdp.last_refund_at(p.ltv, c.currency) AS last_refund_at
    FROM %1$I.profiles p
    CROSS JOIN LATERAL unnest(cdp.currencies(p.ltv)) c(currency)) s
FULL JOIN (
    SELECT f.profile_id, f.currency, sum(f.purchase_total + f.refund_total) AS total,
           sum(f.purchases) AS purchases, sum(f.purchase_total) AS purchase_total,
           min(f.first_purchase_at) AS first_purchase_at, max(f.last_purchase_at) AS last_purchase_at,
           sum(f.refunds) AS refunds, sum(f.refund_total) AS refund_total,
           min(f.first_refund_at) AS first_refund_at, max(f.last_refund_at) AS last_refund_at
    FROM (SELECT i.profile_id, v.currency COLLATE "C" AS currency,
                 count(*) FILTER (WHERE v.amount > 0) AS purchases,
                 coalesce(sum(v.amount) FILTER (WHERE v.amount > 0), 0) AS purchase_total,
                 min(v.at) FILTER (WHERE v.amount > 0) AS first_purchase_at,
                 max(v.at) FILTER (WHERE v.amount > 0) AS last_purchase_at,
                 count(*) FILTER (WHERE v.amount < 0) AS refunds,
                 coalesce(sum(v.amount) FILTER (WHERE v.amount < 0), 0) AS refund_total,
                 min(v.at) FILTER (WHERE v.amount < 0) AS first_refund_at,
                 max(v.at) FILTER (WHERE v.amount < 0) AS last_refund_at
          FROM (SELECT e.*, cdp.check_at(e.occurred_at, e.received_at, $1) AS at FROM %1$I.events e) v
          JOIN %1$I.identifiers i ON i.identifier = v.anchor
          WHERE i.profile_id IS NOT NULL AND v.amount <> 0
          GROUP BY 1, 2
          UNION ALL
          SELECT i.profile_id, c.currency, cdp.purchases(b.ltv, c.currency),
                 cdp.purchase_total(b.ltv, c.currency), cdp.first_purchase_at(b.ltv, c.currency),
                 cdp.last_purchase_at(b.ltv, c.currency), cdp.refunds(b.ltv, c.currency),
                 cdp.refund_total(b.ltv, c.currency), cdp.first_refund_at(b.ltv, c.currency),
                 cdp.last_refund_at(b.ltv, c.currency)
          FROM %1$I.opening_balances b
          JOIN %1$I.identifiers i ON i.identifier = b.anchor
          CROSS JOIN LATERAL unnest(cdp.currencies(b.ltv)) c(currency)
          WHERE i.profile_id IS NOT NULL) f
    GROUP BY f.profile_id, f.currency) e
    ON e.profile_id = s.profile_id AND e.currency = s.currency
CROSS JOIN LATERAL (VALUES
    ('total', trim_scale(s.total)::text, trim_scale(e.total)::text),
    ('purchases', s.purchases::text, e.purchases::text),
    ('purchase_total', trim_scale(s.purchase_total)::text, trim_scale(e.purchase_total)::text),
    ('first_purchase_at', s.first_purchase_at::text, e.first_purchase_at::text),
    ('last_purchase_at', s.last_purchase_at::text, e.last_purchase_at::text),
    ('refunds', s.refunds::text, e.refunds::text),
    ('refund_total', trim_scale(s.refund_total)::text, trim_scale(e.refund_total)::text),
    ('first_refund_at', s.first_refund_at::text, e.first_refund_at::text),
    ('last_refund_at', s.last_refund_at::text, e.last_refund_at::text)) v(figure, stored, expected)
WHERE v.stored IS DISTINCT FROM v.expected
        $query$, workspace)
        USING earliest;

    -- The net of each day of the workspace's time zone.
    RETURN QUERY EXECUTE format($query$
SELECT 'ltv.daily_net', 'profile ' || coalesce(s.profile_id, e.profile_id) || ', ' ||
       coalesce(s.currency, e.currency) || ', ' || coalesce(s.day, e.day),
       trim_scale(s.net)::text, trim_scale(e.net)::text
FROM (
    SELECT p.profile_id, d.currency COLLATE "C" AS currency, d.day, d.net
    FROM %1$I.profiles p
    CROSS JOIN LATERAL cdp.daily_net(p.ltv) d) s
FULL JOIN (
    SELECT f.profile_id, f.currency, f.day, sum(f.net) AS net
    FROM (SELECT i.profile_id, v.currency COLLATE "C" AS currency,
                 (cdp.check_at(v.occurred_at, v.received_at, $2) AT TIME ZONE $1)::date AS day,
                 v.amount AS net
          FROM %1$I.events v
          JOIN %1$I.identifiers i ON i.identifier = v.anchor
          WHERE i.profile_id IS NOT NULL AND v.amount <> 0
          UNION ALL
          SELECT i.profile_id, d.currency, d.day, d.net
          FROM %1$I.opening_balances b
          JOIN %1$I.identifiers i ON i.identifier = b.anchor
          CROSS JOIN LATERAL cdp.daily_net(b.ltv) d
          WHERE i.profile_id IS NOT NULL) f
    GROUP BY f.profile_id, f.currency, f.day) e
    ON e.profile_id = s.profile_id AND e.currency = s.currency AND e.day = s.day
WHERE s.net IS DISTINCT FROM e.net
UNION ALL
SELECT 'ltv.zone', 'profile ' || p.profile_id, cdp.zone(p.ltv), $1
FROM %1$I.profiles p
WHERE lower(cdp.zone(p.ltv) COLLATE "C") <> lower($1 COLLATE "C")
        $query$, workspace)
        USING zone, earliest;
END
$check$;
COMMENT ON FUNCTION cdp.check_value(name) IS
    'the part of cdp.check on lifetime value: exact sums, counts and times per currency, the net of each day, the time zone';
