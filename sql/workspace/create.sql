-- A workspace: a schema of ordinary tables, owned by whoever creates it. Each part makes its own
-- tables, see parts.sql.

CREATE FUNCTION cdp.create_workspace(workspace name, empty boolean DEFAULT false) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    SET client_min_messages = warning
AS $create$
DECLARE
    part name;
BEGIN
    IF workspace::text IN ('cdp', 'public', 'information_schema') OR workspace::text LIKE 'pg\_%' THEN
        RAISE EXCEPTION 'workspace name "%" is reserved', workspace
            USING ERRCODE = 'reserved_name',
                  HINT = 'Choose a schema name of your own, for example "shop".';
    END IF;
    IF pg_catalog.getdatabaseencoding() <> 'UTF8' THEN
        RAISE EXCEPTION 'the encoding of database "%" is %, not UTF8',
                pg_catalog.current_database(), pg_catalog.getdatabaseencoding()
            USING ERRCODE = 'feature_not_supported',
                  HINT = 'Create a database with ENCODING ''UTF8'' for cdp.';
    END IF;

    BEGIN
        EXECUTE pg_catalog.format('CREATE SCHEMA %I', workspace);
    EXCEPTION WHEN duplicate_schema OR unique_violation THEN -- by whoever has just committed it
        RAISE EXCEPTION 'schema "%" already exists', workspace
            USING ERRCODE = 'duplicate_schema',
                  HINT = 'A workspace makes a schema of its own: choose another name, or drop the schema first.';
    END;

    EXECUTE pg_catalog.format('COMMENT ON SCHEMA %I IS ''a workspace of cdp: insert into events, read profiles and customers''',
                              workspace);
    PERFORM cdp.create_settings(workspace);
    FOR part IN SELECT f FROM cdp.part_functions('create') f LOOP
        EXECUTE pg_catalog.format('SELECT cdp.%I($1)', part) USING workspace;
    END LOOP;
    IF empty THEN
        EXECUTE pg_catalog.format('TRUNCATE %s', (SELECT pg_catalog.string_agg(t::text, ', ')
                                                  FROM cdp.workspace_tables(workspace) t));
    END IF;
    PERFORM cdp.attach_triggers(workspace);
    PERFORM cdp.prepare_replication(workspace);
END
$create$;
COMMENT ON FUNCTION cdp.create_workspace(name, boolean) IS
    'makes a schema of that name with the tables of a customer data platform, owned by the caller; the name must be free. empty: without the rows that a workspace begins with (settings, rules of identifiers), for a subscriber, which gets all rows from its publisher';
