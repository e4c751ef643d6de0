-- Figures on computed traits, for cdp.status.

CREATE FUNCTION cdp.status_computed(workspace name)
    RETURNS TABLE (place integer, topic text, item text, value text)
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE COST 10000 ROWS 10
    SET search_path = pg_catalog, pg_temp
AS $status$
DECLARE
    trait record;
    broken text;
BEGIN
    PERFORM cdp.use_tables(workspace, 'computed_traits', 'profiles');
    RETURN QUERY EXECUTE format($query$
SELECT 700, 'computed traits', t.name::text,
       t.kind || coalesce(' over ' || t.window_days || ' days', '') ||
           CASE WHEN x.n > 0 THEN ', an estimate on ' || x.n || ' profiles: more than ' || t.max_distinct ||
                                  ' distinct values' ELSE '' END
FROM %1$I.computed_traits t
LEFT JOIN (SELECT e.name, count(*) AS n
           FROM %1$I.profiles p
           CROSS JOIN LATERAL cdp.computed_entries(p.computed, cdp.now()) e
           WHERE NOT e.exact
           GROUP BY e.name) x ON x.name = t.name
ORDER BY t.name
        $query$, workspace);
    FOR trait IN EXECUTE format($query$
SELECT t.name, coalesce(e.n, 0) AS errors, e.message
FROM %1$I.computed_traits t
LEFT JOIN (SELECT c.trait, sum(c.n) AS n, (array_agg(c.message ORDER BY c.at DESC, c.profile_id))[1] AS message
           FROM %1$I.computed_trait_errors c
           GROUP BY c.trait) e ON e.trait = t.name
ORDER BY t.name
        $query$, workspace)
    LOOP
        place := 710;
        topic := 'computed trait errors';
        item := trait.name;
        broken := cdp.computed_trait_fault(workspace, trait.name);
        IF broken IS NOT NULL THEN
            value := 'all events: ' || broken;
            RETURN NEXT;
        ELSIF trait.errors > 0 THEN
            value := trait.errors || ' events, as: ' || trait.message;
            RETURN NEXT;
        END IF;
    END LOOP;
END
$status$;
COMMENT ON FUNCTION cdp.status_computed(name) IS
    'the part of cdp.status on computed traits: which there are, which of them are estimates, and on how many events they fail';
