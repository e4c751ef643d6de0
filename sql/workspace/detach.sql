-- Keeping a workspace's data without cdp, in plain tables. Each part does what only
-- it needs by its function cdp.detach_<part>.

-- What a column of one of the extension's types becomes: its type, and the expression. The room of a
-- type says so by an overload of cdp.detached; a type without one becomes its text form.
CREATE FUNCTION cdp.detached_type(type regtype, col text, OUT becomes text, OUT expression text)
    LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $detached$
BEGIN
    SELECT format_type(p.prorettype, NULL) || CASE WHEN t.typcollation <> 0 THEN ' COLLATE "C"' ELSE '' END,
           format('cdp.detached(%I)', col)
        INTO becomes, expression
        FROM pg_proc p
        JOIN pg_type t ON t.oid = p.prorettype
        WHERE p.pronamespace = 'cdp'::regnamespace AND p.proname = 'detached'
          AND p.pronargs = 1 AND p.proargtypes[0] = type AND cdp.is_member('pg_proc'::regclass, p.oid);
    IF NOT FOUND THEN
        becomes := 'text';
        expression := format('%I::text', col);
    END IF;
END
$detached$;
COMMENT ON FUNCTION cdp.detached_type(regtype, text) IS
    'type and expression that cdp.detach gives a column of a type of the extension';

-- What of a workspace depends on members of the extension: columns by their types, constraints,
-- defaults, indexes, triggers, views.
CREATE FUNCTION cdp.workspace_dependencies(workspace name)
    RETURNS TABLE (class regclass, object oid, column_number integer)
    LANGUAGE sql STABLE STRICT PARALLEL SAFE
    BEGIN ATOMIC
        SELECT DISTINCT d.classid::pg_catalog.regclass, d.objid, d.objsubid
        FROM pg_catalog.pg_extension x
        JOIN pg_catalog.pg_depend m ON m.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
                                   AND m.refobjid = x.oid AND m.deptype = 'e'
        JOIN pg_catalog.pg_depend d ON d.refclassid = m.classid AND d.refobjid = m.objid AND d.deptype <> 'e'
        CROSS JOIN LATERAL pg_catalog.pg_identify_object_as_address(d.classid, d.objid, d.objsubid) a
        WHERE x.extname = 'cdp' AND a.object_names[1] = workspace
          AND EXISTS (SELECT FROM pg_catalog.pg_namespace n
                      WHERE n.nspname = workspace AND pg_catalog.has_schema_privilege(n.oid, 'USAGE'));
    END;
COMMENT ON FUNCTION cdp.workspace_dependencies(name) IS
    'objects of a schema that depend on the extension; none without USAGE of the schema';

CREATE FUNCTION cdp.detach_body(workspace name) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    SET client_min_messages = warning
AS $detach$
DECLARE
    views text;
    tables regclass[];
    part record;
    objection text;
    left_over text;
BEGIN
    PERFORM cdp.require_owner_of_rest(workspace);
    PERFORM cdp.require_step(workspace);
    PERFORM cdp.lock_workspace(workspace);
    PERFORM cdp.expect_drops(workspace);
    tables := ARRAY(SELECT cdp.workspace_tables(workspace));
    views := cdp.existing_views(workspace);
    IF views IS NOT NULL THEN
        EXECUTE format('DROP VIEW %s', views);
    END IF;

    FOR part IN
        SELECT t.tgname, t.tgrelid::regclass AS tab
        FROM pg_trigger t
        JOIN pg_proc p ON p.oid = t.tgfoid
        WHERE t.tgrelid = ANY (tables) AND NOT t.tgisinternal AND p.pronamespace = 'cdp'::regnamespace
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', part.tgname, part.tab);
    END LOOP;

    -- Constraints that call the extension.
    FOR part IN
        SELECT c.conname, c.conrelid::regclass AS tab
        FROM cdp.workspace_dependencies(workspace) d
        JOIN pg_constraint c ON c.oid = d.object
        WHERE d.class = 'pg_constraint'::regclass AND c.conrelid = ANY (tables) AND c.contype = 'c'
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', part.tab, part.conname);
    END LOOP;

    -- Before the columns' types change: an old default would be in the way.
    FOR part IN SELECT f AS name FROM cdp.part_functions('detach') f LOOP
        EXECUTE format('SELECT cdp.%I($1)', part.name) USING workspace;
    END LOOP;

    FOR part IN
        SELECT a.attrelid::regclass AS tab,
               string_agg(format('ALTER COLUMN %I TYPE %s USING %s', a.attname, d.becomes, d.expression), ', '
                          ORDER BY a.attnum) AS changes
        FROM pg_attribute a
        JOIN pg_type t ON t.oid = a.atttypid
        CROSS JOIN LATERAL cdp.detached_type(a.atttypid, a.attname) d
        WHERE a.attrelid = ANY (tables) AND a.attnum > 0 AND NOT a.attisdropped
          AND t.typnamespace = 'cdp'::regnamespace
        GROUP BY a.attrelid
        ORDER BY a.attrelid::regclass::text
    LOOP
        BEGIN
            EXECUTE format('ALTER TABLE %s %s', part.tab, part.changes);
        EXCEPTION WHEN undefined_function OR feature_not_supported OR datatype_mismatch
                       OR dependent_objects_still_exist THEN
            GET STACKED DIAGNOSTICS objection = PG_EXCEPTION_DETAIL;
            RAISE EXCEPTION 'cannot detach workspace "%": something else depends on the columns of table %',
                            workspace, part.tab
                USING ERRCODE = 'dependent_objects_still_exist',
                      DETAIL = concat_ws('; ', SQLERRM, nullif(objection, '')) || '.',
                      HINT = 'Drop the views, indexes and generated columns that depend on them first.';
        END;
    END LOOP;

    SELECT string_agg(pg_describe_object(d.class, d.object, d.column_number), ', ' ORDER BY 1) INTO left_over
        FROM cdp.workspace_dependencies(workspace) d;
    IF left_over IS NOT NULL THEN
        RAISE EXCEPTION 'cannot detach workspace "%": objects that it did not make depend on cdp', workspace
            USING ERRCODE = 'dependent_objects_still_exist',
                  DETAIL = format('They are: %s.', left_over),
                  HINT = 'Drop them first, or give their columns other types.';
    END IF;

    EXECUTE format('COMMENT ON SCHEMA %I IS ''customer data that cdp kept until it was detached''', workspace);
END
$detach$;
COMMENT ON FUNCTION cdp.detach_body(name) IS
    'body of cdp.detach, not to be called by itself';

CREATE FUNCTION cdp.detach(workspace name) RETURNS void
    AS 'MODULE_PATHNAME', 'cdp_enter_to_detach'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION cdp.detach(name) IS
    'parts a workspace from the extension, for its owner: its tables stay, as ordinary ones, without cdp''s triggers and view; identifiers become text, traits, lifetime values and segments jsonb. There is no way back; then DROP EXTENSION cdp is possible';
