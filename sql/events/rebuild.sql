-- What a rebuild does to event ids: they stay, and missing ones are added.

CREATE FUNCTION cdp.rebuild_begin_events(workspace name, partial boolean) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $begin$
BEGIN
    PERFORM cdp.require_step(workspace);
    IF NOT partial THEN
        EXECUTE format($sql$
INSERT INTO %1$I.event_ids (event_id, content_hash)
    SELECT e.event_id, e.content_hash FROM %1$I.events e
        WHERE NOT EXISTS (SELECT FROM %1$I.event_ids t WHERE t.event_id = e.event_id)
        ORDER BY e.event_id
    ON CONFLICT DO NOTHING;
$sql$, workspace);
    END IF;
END
$begin$;
COMMENT ON FUNCTION cdp.rebuild_begin_events(name, boolean) IS
    'step of cdp.rebuild_begin, not to be called by itself: takes the ids of events that came in while the triggers were off';
