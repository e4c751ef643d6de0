-- The judge on values.

-- The values of profiles: folds of the events whose anchor is one of the profile's identifiers.
CREATE FUNCTION cdp.check_values(workspace name)
    RETURNS TABLE (kind text, key text, stored text, expected text)
    LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE COST 1000000 ROWS 10
    SET search_path = pg_catalog, pg_temp
    SET row_security = off
    SET timezone = 'UTC'
    SET datestyle = 'ISO, MDY'
    SET enable_nestloop = off
    SET jit = off
AS $check$
DECLARE
    zone text;
BEGIN
    EXECUTE format('SELECT s.time_zone FROM %I.settings s', workspace) INTO zone;

    RETURN QUERY EXECUTE format($query$
SELECT v.kind, 'profile ' || coalesce(p.profile_id, e.profile_id), v.stored, v.expected
FROM %1$I.profiles p
FULL JOIN (
    SELECT f.profile_id, sum(f.n)::bigint AS event_count, min(f.first_at) AS first_seen,
           max(f.last_at) AS last_seen
    FROM (SELECT i.profile_id, count(*) AS n, min(least(v.occurred_at, v.received_at)) AS first_at,
                 max(least(v.occurred_at, v.received_at)) AS last_at
          FROM %1$I.events v
          JOIN %1$I.identifiers i ON i.identifier = v.anchor
          WHERE i.profile_id IS NOT NULL
          GROUP BY i.profile_id
          UNION ALL
          SELECT i.profile_id, b.event_count, b.first_seen, b.last_seen
          FROM %1$I.opening_balances b
          JOIN %1$I.identifiers i ON i.identifier = b.anchor
          WHERE i.profile_id IS NOT NULL) f
    GROUP BY f.profile_id) e ON e.profile_id = p.profile_id
CROSS JOIN LATERAL (
    SELECT 'profiles', p.event_count || ' events', e.event_count || ' events'
    WHERE p.profile_id IS NULL OR e.profile_id IS NULL
    UNION ALL
    SELECT 'profiles.event_count', p.event_count::text, e.event_count::text
    WHERE p.event_count <> e.event_count
    UNION ALL
    SELECT 'profiles.first_seen', p.first_seen::text, e.first_seen::text
    WHERE p.first_seen <> e.first_seen
    UNION ALL
    SELECT 'profiles.last_seen', p.last_seen::text, e.last_seen::text
    WHERE p.last_seen <> e.last_seen) v(kind, stored, expected)
WHERE p.profile_id IS NULL OR e.profile_id IS NULL OR p.event_count <> e.event_count
   OR p.first_seen <> e.first_seen OR p.last_seen <> e.last_seen
        $query$, workspace);

    -- Traits: per key the latest event that says something of it.
    RETURN QUERY EXECUTE format($query$
SELECT 'traits', 'profile ' || coalesce(s.profile_id, e.profile_id) || ', ' || coalesce(s.key, e.key),
       CASE WHEN s.is_set THEN s.value::text ELSE 'unset' END || ' at ' || s.at || ' by event ' ||
           s.event_id || coalesce(' from ' || s.source, ''),
       CASE WHEN e.is_set THEN e.value::text ELSE 'unset' END || ' at ' || e.at || ' by event ' ||
           e.event_id || coalesce(' from ' || e.source, '')
FROM (
    SELECT p.profile_id, t.key COLLATE "C" AS key, t.value, t.observed_at AS at, t.event_id, t.source, t.is_set
    FROM %1$I.profiles p
    CROSS JOIN LATERAL cdp.trait_entries(p.traits) t) s
FULL JOIN (
    SELECT DISTINCT ON (f.profile_id, f.key) f.*
    FROM (SELECT i.profile_id, t.key COLLATE "C" AS key, t.value, least(v.occurred_at, v.received_at) AS at,
                 v.event_id, v.source, jsonb_typeof(t.value) <> 'null' AS is_set
          FROM %1$I.events v
          JOIN %1$I.identifiers i ON i.identifier = v.anchor
          CROSS JOIN LATERAL jsonb_each(v.traits) t
          WHERE i.profile_id IS NOT NULL
          UNION ALL
          SELECT i.profile_id, t.key COLLATE "C", t.value, t.observed_at, t.event_id, t.source, t.is_set
          FROM %1$I.opening_balances b
          JOIN %1$I.identifiers i ON i.identifier = b.anchor
          CROSS JOIN LATERAL cdp.trait_entries(b.traits) t
          WHERE i.profile_id IS NOT NULL) f
    ORDER BY f.profile_id, f.key, f.at DESC, f.event_id DESC) e
    ON e.profile_id = s.profile_id AND e.key = s.key
WHERE s.profile_id IS NULL OR e.profile_id IS NULL OR s.is_set <> e.is_set OR s.at <> e.at
   OR s.event_id <> e.event_id OR s.source IS DISTINCT FROM e.source
   OR s.is_set AND s.value::text <> e.value::text
        $query$, workspace);

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
                 min(least(v.occurred_at, v.received_at)) FILTER (WHERE v.amount > 0) AS first_purchase_at,
                 max(least(v.occurred_at, v.received_at)) FILTER (WHERE v.amount > 0) AS last_purchase_at,
                 count(*) FILTER (WHERE v.amount < 0) AS refunds,
                 coalesce(sum(v.amount) FILTER (WHERE v.amount < 0), 0) AS refund_total,
                 min(least(v.occurred_at, v.received_at)) FILTER (WHERE v.amount < 0) AS first_refund_at,
                 max(least(v.occurred_at, v.received_at)) FILTER (WHERE v.amount < 0) AS last_refund_at
          FROM %1$I.events v
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
        $query$, workspace);

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
                 (least(v.occurred_at, v.received_at) AT TIME ZONE $1)::date AS day, v.amount AS net
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
        USING zone;
END
$check$;
COMMENT ON FUNCTION cdp.check_values(name) IS
    'the part of cdp.check on profiles: times, counts, traits and lifetime value, as the events add up to them';
