-- The judge reads the rules of identifiers for itself.

CREATE FUNCTION cdp.check_namespace_rules(workspace name, namespaces text[])
    RETURNS TABLE (namespace text, priority integer, max_per_profile integer, can_anchor boolean,
                   can_merge boolean, pattern text, generic_after integer)
    LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 10
    SET search_path = pg_catalog, pg_temp
    SET row_security = off
AS $check$
BEGIN
    PERFORM cdp.require_step(workspace);
    RETURN QUERY EXECUTE format($query$
SELECT n.namespace, r.priority, r.max_per_profile, r.can_anchor, r.can_merge, r.pattern, r.generic_after
FROM (SELECT DISTINCT u.namespace COLLATE "C" AS namespace FROM unnest($1) u(namespace)) n
CROSS JOIN LATERAL (
    SELECT 1 AS choice, o.priority, o.max_per_profile, o.can_anchor, o.can_merge, o.pattern, o.generic_after
    FROM %1$I.identifier_namespaces o WHERE o.namespace = n.namespace
    UNION ALL
    SELECT 2, o.priority, o.max_per_profile, o.can_anchor, o.can_merge, o.pattern, o.generic_after
    FROM %1$I.identifier_namespaces o WHERE o.namespace = '*'
    UNION ALL
    SELECT 3, 50, NULL, true, true, NULL, 10
    ORDER BY 1
    LIMIT 1) r
        $query$, workspace)
        USING namespaces;
END
$check$;
COMMENT ON FUNCTION cdp.check_namespace_rules(name, text[]) IS
    'the rules of kinds of identifier: their own, else those of *, else the defaults';
