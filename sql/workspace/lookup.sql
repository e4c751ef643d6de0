-- Which workspaces there are, whose they are, which tables they have.

CREATE FUNCTION cdp.is_workspace(workspace name) RETURNS boolean
    LANGUAGE sql STABLE STRICT PARALLEL SAFE
    RETURN EXISTS (
        SELECT
        FROM pg_catalog.pg_namespace n
        JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = 'events'
        JOIN pg_catalog.pg_trigger t ON t.tgrelid = c.oid
        JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid AND p.proname = 'ingest_events'
        JOIN pg_catalog.pg_namespace f ON f.oid = p.pronamespace AND f.nspname = 'cdp'
        WHERE n.nspname = workspace);
COMMENT ON FUNCTION cdp.is_workspace(name) IS
    'is there a workspace of that name: a schema whose table events feeds the engine?';

CREATE FUNCTION cdp.require_workspace(workspace name) RETURNS void
    LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $require$
BEGIN
    IF NOT cdp.is_workspace(workspace) THEN
        RAISE EXCEPTION 'workspace "%" does not exist', workspace
            USING ERRCODE = 'invalid_schema_name',
                  HINT = format('Make it with SELECT cdp.create_workspace(%L).', workspace);
    END IF;
END
$require$;
COMMENT ON FUNCTION cdp.require_workspace(name) IS
    'nothing where the workspace exists, else error 3F000';

CREATE FUNCTION cdp.require_owner(workspace name) RETURNS void
    LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $require$
BEGIN
    PERFORM cdp.require_workspace(workspace);
    IF NOT EXISTS (SELECT FROM pg_namespace n
                   WHERE n.nspname = workspace AND pg_has_role(n.nspowner, 'USAGE')) THEN
        RAISE EXCEPTION 'must be owner of workspace "%"', workspace
            USING ERRCODE = 'insufficient_privilege';
    END IF;
END
$require$;
COMMENT ON FUNCTION cdp.require_owner(name) IS
    'nothing where the current user may act as the owner of the workspace, else error 42501; 3F000 where there is no such workspace';

-- A workspace whose tables or triggers are gone in part can still be dropped or detached. One table of
-- such a name alone, that has a column of the extension's types, may be anybody's.
CREATE FUNCTION cdp.is_workspace_left(workspace name) RETURNS boolean
    LANGUAGE sql STABLE STRICT PARALLEL SAFE
    RETURN EXISTS (
        SELECT
        FROM pg_catalog.pg_namespace n
        JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'p')
                                  AND c.relname IN (SELECT p.tab FROM cdp.part_tables() p)
        WHERE n.nspname = workspace
        HAVING bool_or(EXISTS (SELECT
                               FROM pg_catalog.pg_trigger t
                               JOIN pg_catalog.pg_proc f ON f.oid = t.tgfoid
                               JOIN pg_catalog.pg_namespace s ON s.oid = f.pronamespace AND s.nspname = 'cdp'
                               WHERE t.tgrelid = c.oid))
            OR count(*) FILTER (WHERE EXISTS (SELECT
                                              FROM pg_catalog.pg_attribute a
                                              JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
                                              JOIN pg_catalog.pg_namespace s ON s.oid = t.typnamespace
                                                                            AND s.nspname = 'cdp'
                                              WHERE a.attrelid = c.oid AND NOT a.attisdropped)) > 1);
COMMENT ON FUNCTION cdp.is_workspace_left(name) IS
    'is there anything of a workspace of that name, even where it lacks tables, columns or triggers?';

CREATE FUNCTION cdp.require_owner_of_rest(workspace name) RETURNS void
    LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $require$
BEGIN
    IF NOT cdp.is_workspace_left(workspace) THEN
        PERFORM cdp.require_workspace(workspace);
    END IF;
    IF NOT EXISTS (SELECT FROM pg_namespace n
                   WHERE n.nspname = workspace AND pg_has_role(n.nspowner, 'USAGE')) THEN
        RAISE EXCEPTION 'must be owner of workspace "%"', workspace
            USING ERRCODE = 'insufficient_privilege';
    END IF;
END
$require$;
COMMENT ON FUNCTION cdp.require_owner_of_rest(name) IS
    'nothing where the current user may act as the owner of what there is of the workspace, else error 42501; 3F000 where there is nothing';

-- Tables of a workspace, partitions left out: they follow their table.
CREATE FUNCTION cdp.workspace_tables(workspace name) RETURNS SETOF regclass
    LANGUAGE sql STABLE STRICT PARALLEL SAFE
    BEGIN ATOMIC
        SELECT c.oid::pg_catalog.regclass
        FROM pg_catalog.pg_class c
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = workspace
          AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
          AND c.relkind IN ('r', 'p')
          AND NOT c.relispartition
          AND c.relname IN (SELECT t.tab FROM cdp.part_tables() t)
        ORDER BY c.relname;
    END;
COMMENT ON FUNCTION cdp.workspace_tables(name) IS 'the tables that cdp.create_workspace made; none without USAGE of the schema';

CREATE FUNCTION cdp.workspace_views(workspace name) RETURNS SETOF text
    LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 5
    SET search_path = pg_catalog, pg_temp
AS $views$
DECLARE
    part name;
BEGIN
    FOR part IN SELECT f FROM cdp.part_functions('views') f LOOP
        RETURN QUERY EXECUTE format('SELECT v FROM cdp.%I($1) v', part) USING workspace;
    END LOOP;
END
$views$;
COMMENT ON FUNCTION cdp.workspace_views(name) IS
    'names of the views that cdp.create_workspace made, qualified and quoted, whether or not they are still there';

CREATE FUNCTION cdp.existing_views(workspace name) RETURNS text
    LANGUAGE sql STABLE STRICT PARALLEL SAFE
    BEGIN ATOMIC
        SELECT string_agg(v, ', ')
        FROM cdp.workspace_views(workspace) v
        JOIN pg_catalog.pg_class c ON c.oid = to_regclass(v) AND c.relkind = 'v';
    END;
COMMENT ON FUNCTION cdp.existing_views(name) IS
    'a list, for SQL, of those of cdp.workspace_views that are still there; null: none';

CREATE FUNCTION cdp.column_type(workspace name, tab text, col text) RETURNS regtype
    LANGUAGE sql STABLE STRICT PARALLEL SAFE
    BEGIN ATOMIC
        SELECT a.atttypid::pg_catalog.regtype
        FROM pg_catalog.pg_namespace n
        JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = tab AND c.relkind IN ('r', 'p')
        JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = col AND NOT a.attisdropped
        WHERE n.nspname = workspace;
    END;
COMMENT ON FUNCTION cdp.column_type(name, text, text) IS
    'the type of a column of a workspace''s table; null where the table or the column is not there';

-- Everybody locks several of them in this order: definitions, from the last part to the first, then
-- events, then profiles. A transaction that changes one definition may still read the others while this
-- one waits for it.
CREATE FUNCTION cdp.lock_workspace(workspace name) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $lock$
DECLARE
    part record;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_namespace n
                   WHERE n.nspname = workspace AND pg_has_role(n.nspowner, 'USAGE')) THEN
        RAISE EXCEPTION 'must be owner of workspace "%"', workspace
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    FOR part IN
        SELECT w.tab, CASE WHEN t.kind IN ('events', 'profiles') THEN 'ACCESS EXCLUSIVE'
                           ELSE 'SHARE ROW EXCLUSIVE' END AS mode
        FROM cdp.workspace_tables(workspace) w(tab)
        JOIN pg_class c ON c.oid = w.tab
        JOIN cdp.part_tables() t ON t.tab = c.relname AND t.kind IN ('definition', 'settings', 'events', 'profiles')
        JOIN cdp.parts() p ON p.part = t.part
        ORDER BY t.kind = 'profiles', t.kind = 'events', p.place DESC, t.place
    LOOP
        EXECUTE format('LOCK TABLE %s IN %s MODE', part.tab, part.mode);
    END LOOP;
END
$lock$;
COMMENT ON FUNCTION cdp.lock_workspace(name) IS
    'locks a workspace against everybody, until the end of the transaction; for its owner';
