-- The judge on traits: per key the latest event that says something of it.

CREATE FUNCTION cdp.check_traits(workspace name)
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
    FROM (SELECT i.profile_id, t.key COLLATE "C" AS key, t.value,
                 cdp.check_at(v.occurred_at, v.received_at, $1) AS at, v.event_id, v.source, jsonb_typeof(t.value) <> 'null' AS is_set
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
        $query$, workspace)
        USING earliest;
END
$check$;
COMMENT ON FUNCTION cdp.check_traits(name) IS
    'the part of cdp.check on traits: per key the latest event that says something of it';
