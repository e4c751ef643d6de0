-- What a rebuild does to segments: membership stays until it is evaluated again, at the end.

CREATE FUNCTION cdp.rebuild_begin_segments(workspace name, partial boolean) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $begin$
BEGIN
    PERFORM cdp.require_step(workspace);
    IF NOT partial THEN
        EXECUTE format('DELETE FROM %I.segment_failures', workspace);
    END IF;
END
$begin$;
COMMENT ON FUNCTION cdp.rebuild_begin_segments(name, boolean) IS
    'step of cdp.rebuild_begin, not to be called by itself: deletes the errors of predicates, where all is derived again';

CREATE FUNCTION cdp.rebuild_finish_segments(workspace name, cause text) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $finish$
BEGIN
    PERFORM cdp.require_step(workspace);
    EXECUTE format($sql$
INSERT INTO %1$I.segment_changes (profile_id, segment, entered, at, cause)
    SELECT o.profile_id, e.segment, false, GREATEST(cdp.now(), o.evaluated_at), $1
        FROM pg_temp.cdp_old_profiles%2$s o
        CROSS JOIN LATERAL cdp.segment_entries(o.segments) e
        WHERE o.profile_id NOT IN (SELECT old_id FROM pg_temp.cdp_kept%2$s);
$sql$, workspace, cdp.rebuild_suffix()) USING cause;
END
$finish$;
COMMENT ON FUNCTION cdp.rebuild_finish_segments(name, text) IS
    'step of cdp.rebuild_finish, not to be called by itself: profiles that are no more leave their segments';
