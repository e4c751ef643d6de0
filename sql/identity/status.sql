-- Figures on identity, for cdp.status.

CREATE FUNCTION cdp.status_identity(workspace name)
    RETURNS TABLE (place integer, topic text, item text, value text)
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE COST 10000 ROWS 10
    SET search_path = pg_catalog, pg_temp
AS $status$
BEGIN
    PERFORM cdp.use_tables(workspace, 'identifiers', 'identity_links', 'merges', 'identity_refusals');
    RETURN QUERY VALUES
        (103, 'rows', 'identifiers', cdp.rows_text(format('%I.identifiers', workspace)::regclass)),
        (104, 'rows', 'identity_links', cdp.rows_text(format('%I.identity_links', workspace)::regclass)),
        (105, 'rows', 'merges', cdp.rows_text(format('%I.merges', workspace)::regclass)),
        (900, 'size', 'identifiers', cdp.size_of(format('%I.identifiers', workspace)::regclass)::text);
    RETURN QUERY EXECUTE format('SELECT 400, ''refusals'', r.reason::text, count(*)::text '
                                'FROM %I.identity_refusals r GROUP BY r.reason ORDER BY r.reason', workspace);
END
$status$;
COMMENT ON FUNCTION cdp.status_identity(name) IS
    'the part of cdp.status on identity: how many identifiers, links and merges, refusals by reason';
