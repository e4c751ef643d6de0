-- Foreign keys to profiles: they stand against merges, so whoever makes one is told.

CREATE FUNCTION cdp.foreign_keys(workspace name)
    RETURNS TABLE (constraint_name name, referencing_table text)
    LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 5
    BEGIN ATOMIC
        SELECT c.conname, pg_catalog.format('%I.%I', s.nspname, t.relname)
        FROM pg_catalog.pg_constraint c
        JOIN pg_catalog.pg_class p ON p.oid = c.confrelid AND p.relname = 'profiles'
        JOIN pg_catalog.pg_namespace n ON n.oid = p.relnamespace AND n.nspname = workspace
                                      AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
        JOIN pg_catalog.pg_class t ON t.oid = c.conrelid
        JOIN pg_catalog.pg_namespace s ON s.oid = t.relnamespace
        WHERE c.contype = 'f' AND c.conparentid = 0
        ORDER BY 2, 1;
    END;
COMMENT ON FUNCTION cdp.foreign_keys(name) IS
    'foreign keys that reference profiles of the workspace, and their tables; no merge respects them: keep profile ids without a key and resolve them with cdp.canonical; none without USAGE of the schema';

-- Somebody else's DDL: it is not made to fail, and costs one query where its table has such a key. A key is new where this
-- transaction wrote its row.
CREATE FUNCTION cdp.warn_foreign_keys() RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $notice$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT DISTINCT c.conname, t.relname, n.nspname,
               format('ALTER TABLE %I.%I DROP CONSTRAINT %I', s.nspname, t.relname, c.conname) AS way_out
        FROM pg_event_trigger_ddl_commands() d
        JOIN pg_constraint c ON c.conrelid = d.objid AND c.contype = 'f' AND c.conparentid = 0
        JOIN pg_class p ON p.oid = c.confrelid AND p.relname = 'profiles'
        JOIN pg_namespace n ON n.oid = p.relnamespace
        JOIN pg_class t ON t.oid = c.conrelid
        JOIN pg_namespace s ON s.oid = t.relnamespace
        WHERE d.classid = 'pg_class'::regclass AND age(c.xmin) <= 0 AND cdp.is_workspace(n.nspname)
        ORDER BY 1, 2
    LOOP
        RAISE WARNING 'foreign key "%" of table "%" references profiles of workspace "%"',
                found.conname, found.relname, found.nspname
            USING DETAIL = 'Profiles leave the table when they are merged. That is not refused, and rows that reference them stay as they are.',
                  HINT = format('Keep profile ids without a foreign key, and resolve them with cdp.canonical: %s.',
                                found.way_out);
    END LOOP;
EXCEPTION WHEN OTHERS THEN
    NULL;
END
$notice$;
COMMENT ON FUNCTION cdp.warn_foreign_keys() IS
    'a warning where the command whose event trigger calls this has made a foreign key to profiles of a workspace; never an error';

CREATE FUNCTION cdp.notice_foreign_keys() RETURNS event_trigger
    AS 'MODULE_PATHNAME', 'cdp_notice_foreign_keys'
    LANGUAGE C;
COMMENT ON FUNCTION cdp.notice_foreign_keys() IS
    'event trigger: calls cdp.warn_foreign_keys where a table that the command makes or alters has a foreign key to a table named profiles';

CREATE EVENT TRIGGER cdp_foreign_keys ON ddl_command_end
    WHEN TAG IN ('CREATE TABLE', 'ALTER TABLE', 'CREATE SCHEMA')
    EXECUTE FUNCTION cdp.notice_foreign_keys();
COMMENT ON EVENT TRIGGER cdp_foreign_keys IS
    'warns of foreign keys to profiles of a workspace';
