-- The judge on profiles: each is the fold of the events whose anchor is one of its identifiers.

CREATE FUNCTION cdp.check_profiles(workspace name)
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
    earliest timestamptz;
BEGIN
    PERFORM cdp.require_step(workspace);
    EXECUTE format('SELECT s.earliest_event FROM %I.settings s', workspace) INTO earliest;
    RETURN QUERY EXECUTE format($query$
SELECT v.kind, 'profile ' || coalesce(p.profile_id, e.profile_id), v.stored, v.expected
FROM %1$I.profiles p
FULL JOIN (
    SELECT f.profile_id, sum(f.n)::bigint AS event_count, min(f.first_at) AS first_seen,
           max(f.last_at) AS last_seen
    FROM (SELECT i.profile_id, count(*) AS n,
                 min(cdp.check_at(v.occurred_at, v.received_at, $1)) AS first_at,
                 max(cdp.check_at(v.occurred_at, v.received_at, $1)) AS last_at
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
        $query$, workspace)
        USING earliest;
END
$check$;
COMMENT ON FUNCTION cdp.check_profiles(name) IS
    'the part of cdp.check on profiles: which there are, their times and counts, as the events add up to them';
