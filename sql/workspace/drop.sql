-- Dropping a workspace.

CREATE FUNCTION cdp.drop_workspace(workspace name) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    SET client_min_messages = warning
AS $drop$
DECLARE
    views text;
    tables text;
    objection text;
BEGIN
    PERFORM cdp.require_owner_of_rest(workspace);
    PERFORM cdp.lock_workspace(workspace);
    views := cdp.existing_views(workspace);
    SELECT string_agg(t::text, ', ') INTO tables FROM cdp.workspace_tables(workspace) t;
    BEGIN
        IF views IS NOT NULL THEN
            EXECUTE format('DROP VIEW %s', views);
        END IF;
        EXECUTE format('DROP TABLE %s', tables);
        EXECUTE format('DROP SCHEMA %I', workspace);
    EXCEPTION WHEN dependent_objects_still_exist THEN
        GET STACKED DIAGNOSTICS objection = PG_EXCEPTION_DETAIL;
        RAISE EXCEPTION 'cannot drop workspace "%": other objects are in it or depend on it', workspace
            USING ERRCODE = 'dependent_objects_still_exist',
                  DETAIL = objection,
                  HINT = format('Drop or move those first, or drop everything with DROP SCHEMA %I CASCADE.',
                                workspace);
    END;
END
$drop$;
COMMENT ON FUNCTION cdp.drop_workspace(name) IS
    'drops a workspace with its data, for its owner, also one that lacks tables, columns or triggers; refused (2BP01) where the schema has objects of others in it, or where others depend on it';
