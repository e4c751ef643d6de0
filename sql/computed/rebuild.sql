-- What a rebuild does to the errors of computed traits. Their values are folded with the profiles.

CREATE FUNCTION cdp.rebuild_begin_computed(workspace name, partial boolean) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $begin$
BEGIN
    PERFORM cdp.require_step(workspace);
    -- Also those of profiles that were merged into them: they may come back under their old ids.
    EXECUTE format('DELETE FROM %1$I.computed_trait_failures c WHERE %2$s', workspace, CASE WHEN partial
        THEN format('c.profile_id IN (SELECT o.profile_id FROM pg_temp.%2$I o '
                    'UNION ALL '
                    'SELECT m.merged_id FROM %1$I.merges m JOIN pg_temp.%2$I o ON o.profile_id = m.profile_id '
                    'WHERE m.undone_at IS NULL)', workspace, 'cdp_old_profiles' || cdp.rebuild_suffix())
        ELSE 'true' END);
END
$begin$;
COMMENT ON FUNCTION cdp.rebuild_begin_computed(name, boolean) IS
    'step of cdp.rebuild_begin, not to be called by itself: deletes the errors of computed traits on the profiles that were put aside';

CREATE FUNCTION cdp.rebuild_finish_computed(workspace name, cause text) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $finish$
BEGIN
    PERFORM cdp.require_step(workspace);
    EXECUTE format($sql$
UPDATE %1$I.computed_trait_failures c SET profile_id = k.old_id
    FROM pg_temp.cdp_kept%2$s k WHERE k.new_id = c.profile_id;
-- Profiles of the rebuild that became one on the way. Those that were merged before keep their errors.
WITH lost AS (
    DELETE FROM %1$I.computed_trait_failures c
    WHERE NOT EXISTS (SELECT FROM %1$I.profiles p WHERE p.profile_id = c.profile_id)
      AND NOT EXISTS (SELECT FROM %1$I.merges m WHERE m.merged_id = c.profile_id)
    RETURNING c.*
)
INSERT INTO %1$I.computed_trait_failures (trait, profile_id, n, sqlstate, message, message_without_values, event_id, at)
    SELECT DISTINCT ON (l.trait, i.profile_id) l.trait, i.profile_id,
           sum(l.n) OVER (PARTITION BY l.trait, i.profile_id), l.sqlstate, l.message, l.message_without_values,
           l.event_id, l.at
    FROM lost l
    JOIN %1$I.events e ON e.event_id = l.event_id
    JOIN %1$I.identifiers i ON i.identifier OPERATOR(pg_catalog.=) e.anchor
    WHERE i.profile_id IS NOT NULL
    ON CONFLICT (trait, profile_id) DO UPDATE SET n = computed_trait_failures.n + excluded.n;
$sql$, workspace, cdp.rebuild_suffix());
END
$finish$;
COMMENT ON FUNCTION cdp.rebuild_finish_computed(name, text) IS
    'step of cdp.rebuild_finish, not to be called by itself: gives the errors of computed traits the profiles'' ids';
