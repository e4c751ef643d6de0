-- Visits: how many events of the kinds in visit_kinds a profile has.

CREATE FUNCTION cdp.create_visits(workspace name) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $create$
BEGIN
    EXECUTE format($ddl$
CREATE TABLE %1$I.visit_kinds (
    event text COLLATE "C" PRIMARY KEY
);
COMMENT ON TABLE %1$I.visit_kinds IS 'events that count as visits';
COMMENT ON COLUMN %1$I.visit_kinds.event IS 'name of the events';
COMMENT ON COLUMN %1$I.profiles.visits IS 'number of visits';
COMMENT ON COLUMN %1$I.opening_balances.visits IS 'number of visits';
$ddl$, workspace);
END
$create$;
COMMENT ON FUNCTION cdp.create_visits(name) IS 'makes the table of visits; cdp.create_workspace calls it';

CREATE FUNCTION cdp.define_visits() RETURNS trigger
    AS 'MODULE_PATHNAME', 'cdp_define_visits'
    LANGUAGE C VOLATILE;
COMMENT ON FUNCTION cdp.define_visits() IS 'statement trigger on visit_kinds: counts all visits again';

CREATE FUNCTION cdp.empty_visits(workspace name) RETURNS bigint
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN 0::bigint;
COMMENT ON FUNCTION cdp.empty_visits(name) IS 'the visits of a profile without events: none';

CREATE FUNCTION cdp.merge(a bigint, b bigint) RETURNS bigint
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN a + b;
COMMENT ON FUNCTION cdp.merge(bigint, bigint) IS 'visits of both together';

CREATE AGGREGATE cdp.merge_agg(bigint) (SFUNC = cdp.merge, STYPE = bigint, COMBINEFUNC = cdp.merge, PARALLEL = SAFE);
COMMENT ON AGGREGATE cdp.merge_agg(bigint) IS 'visits of all together';

CREATE FUNCTION cdp.check_visits(workspace name)
    RETURNS TABLE (kind text, key text, stored text, expected text)
    LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $check$
BEGIN
    RETURN QUERY EXECUTE format($query$
SELECT 'visits', 'profile ' || p.profile_id, p.visits::text, coalesce(e.n, 0)::text
FROM %1$I.profiles p
LEFT JOIN (SELECT f.profile_id, sum(f.n)::bigint AS n
           FROM (SELECT i.profile_id, count(*) AS n
                 FROM %1$I.events v
                 JOIN %1$I.identifiers i ON i.identifier = v.anchor
                 WHERE v.event COLLATE "C" IN (SELECT k.event FROM %1$I.visit_kinds k)
                 GROUP BY i.profile_id
                 UNION ALL
                 SELECT i.profile_id, b.visits
                 FROM %1$I.opening_balances b
                 JOIN %1$I.identifiers i ON i.identifier = b.anchor) f
           GROUP BY f.profile_id) e ON e.profile_id = p.profile_id
WHERE p.visits <> coalesce(e.n, 0)
        $query$, workspace);
END
$check$;
COMMENT ON FUNCTION cdp.check_visits(name) IS 'the part of cdp.check on visits';

CREATE FUNCTION cdp.status_visits(workspace name)
    RETURNS TABLE (place integer, topic text, item text, value text)
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $status$
BEGIN
    RETURN QUERY EXECUTE format('SELECT 800, ''visits'', ''in all'', coalesce(sum(p.visits), 0)::text FROM %I.profiles p',
                                workspace);
END
$status$;
COMMENT ON FUNCTION cdp.status_visits(name) IS 'the figures of cdp.status on visits';
