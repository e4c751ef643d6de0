-- The rules of identifiers, as the engine applies them.

-- A namespace's rule: its own row, else that of *, else the defaults.
CREATE FUNCTION cdp.namespace_rules(workspace name)
    RETURNS TABLE (namespace text, priority integer, max_per_profile integer, can_anchor boolean,
                   can_merge boolean, generic_after integer)
    LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 20
    SET search_path = pg_catalog, pg_temp
AS $rules$
BEGIN
    PERFORM cdp.use_tables(workspace, 'identifiers', 'identity_refusals', 'identifier_namespaces');
    RETURN QUERY EXECUTE format($query$
SELECT u.namespace,
       CASE WHEN own.namespace IS NOT NULL THEN own.priority ELSE coalesce(other.priority, 50) END,
       CASE WHEN own.namespace IS NOT NULL THEN own.max_per_profile ELSE other.max_per_profile END,
       CASE WHEN own.namespace IS NOT NULL THEN own.can_anchor ELSE coalesce(other.can_anchor, true) END,
       CASE WHEN own.namespace IS NOT NULL THEN own.can_merge ELSE coalesce(other.can_merge, true) END,
       CASE WHEN own.namespace IS NOT NULL THEN own.generic_after
            WHEN other.namespace IS NOT NULL THEN other.generic_after ELSE 10 END
FROM (SELECT DISTINCT cdp.namespace(i.identifier) COLLATE "C" AS namespace FROM %1$I.identifiers i
      UNION
      SELECT DISTINCT split_part(r.identifier, ':', 1) COLLATE "C" FROM %1$I.identity_refusals r
      UNION
      SELECT n.namespace FROM %1$I.identifier_namespaces n) u
LEFT JOIN %1$I.identifier_namespaces own ON own.namespace = u.namespace
LEFT JOIN %1$I.identifier_namespaces other ON other.namespace = '*'
        $query$, workspace);
END
$rules$;
COMMENT ON FUNCTION cdp.namespace_rules(name) IS
    'the rule of each namespace that the workspace has identifiers of';

CREATE FUNCTION cdp.rules_check(workspace name) RETURNS void
    LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $check$
DECLARE
    pattern text;
BEGIN
    PERFORM cdp.require_step(workspace);
    FOR pattern IN EXECUTE format(
        'SELECT n.pattern FROM %1$I.identifier_namespaces n WHERE n.pattern IS NOT NULL '
        'UNION ALL SELECT b.value FROM %1$I.blocked_identifiers b WHERE b.kind = ''pattern''', workspace)
    LOOP
        BEGIN
            PERFORM '' ~ pattern;
        EXCEPTION WHEN invalid_regular_expression THEN
            RAISE EXCEPTION 'pattern "%" is not a regular expression', pattern
                USING ERRCODE = 'invalid_regular_expression', DETAIL = SQLERRM || '.',
                      HINT = 'Write it as for the operator ~, for example ''^[0-9]{8}$''.';
        END;
    END LOOP;
END
$check$;
COMMENT ON FUNCTION cdp.rules_check(name) IS
    'nothing where the patterns of the workspace''s identity rules are regular expressions, else error 2201B';
