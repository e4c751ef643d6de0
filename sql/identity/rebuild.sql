-- What a rebuild does to identity: identifiers and evidence are derived again; merges stay.

CREATE FUNCTION cdp.rebuild_begin_identity(workspace name, partial boolean) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $begin$
BEGIN
    PERFORM cdp.require_step(workspace);
    EXECUTE format('DELETE FROM %I.identifiers i WHERE %s', workspace, cdp.rebuild_scope('i.identifier', partial));
    EXECUTE format('DELETE FROM %I.identity_links l WHERE %s', workspace, cdp.rebuild_scope('l.anchor', partial));
    EXECUTE format('DELETE FROM %I.identifier_companions c WHERE %s', workspace, cdp.rebuild_scope('c.identifier', partial));
    EXECUTE format('DELETE FROM %I.identity_refusals r WHERE %s', workspace, cdp.rebuild_scope('r.anchor', partial));
    IF partial THEN
        EXECUTE format('DELETE FROM %I.identity_refusals r WHERE r.anchor IS NULL '
                       'AND r.event_id IN (SELECT s.event_id FROM pg_temp.%I s)',
                       workspace, 'cdp_scope_events' || cdp.rebuild_suffix());
    END IF;
END
$begin$;
COMMENT ON FUNCTION cdp.rebuild_begin_identity(name, boolean) IS
    'step of cdp.rebuild_begin, not to be called by itself: deletes identifiers and evidence, all or (partial) those concerned';
