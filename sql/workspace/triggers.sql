-- The guards of a workspace's tables, by their kind, and the triggers of definitions.

CREATE FUNCTION cdp.refuse_write() RETURNS trigger
    AS 'MODULE_PATHNAME', 'cdp_refuse_write'
    LANGUAGE C VOLATILE;
COMMENT ON FUNCTION cdp.refuse_write() IS
    'trigger that refuses writes to immutable events and to tables that the engine derives';

CREATE FUNCTION cdp.begin_statement() RETURNS trigger
    AS 'MODULE_PATHNAME', 'cdp_begin_statement'
    LANGUAGE C VOLATILE;
COMMENT ON FUNCTION cdp.begin_statement() IS
    'trigger on events, profiles and definitions: refuses a statement that inserts events and changes definitions, and changes by code that the engine''s rows call';

-- The triggers of a workspace, made when it is created.
CREATE FUNCTION cdp.attach_definition(workspace name, tab text, define text) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $attach$
BEGIN
    EXECUTE format($ddl$
CREATE TRIGGER cdp_begin BEFORE INSERT OR UPDATE OR DELETE ON %1$I.%2$I
    FOR EACH STATEMENT EXECUTE FUNCTION cdp.begin_statement();
CREATE TRIGGER cdp_define_insert AFTER INSERT ON %1$I.%2$I
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION cdp.%3$I();
CREATE TRIGGER cdp_define_update AFTER UPDATE ON %1$I.%2$I
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION cdp.%3$I();
CREATE TRIGGER cdp_define_delete AFTER DELETE ON %1$I.%2$I
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION cdp.%3$I();
CREATE TRIGGER cdp_define_truncate BEFORE TRUNCATE ON %1$I.%2$I
    FOR EACH STATEMENT EXECUTE FUNCTION cdp.refuse_write();
$ddl$, workspace, tab, define);
END
$attach$;
COMMENT ON FUNCTION cdp.attach_definition(name, text, text) IS
    'makes the triggers of a table of definitions, which call the function cdp.<define>; cdp.attach_triggers calls it';

-- The columns that the guard of profiles names are the engine's; others are the users' to write.
CREATE FUNCTION cdp.attach_triggers(workspace name) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $attach$
DECLARE
    guarded record;
BEGIN
    FOR guarded IN
        SELECT t.tab, t.kind, t.define
        FROM cdp.part_tables() t
        ORDER BY t.kind <> 'events', t.kind <> 'profiles', t.place
    LOOP
        CASE guarded.kind
            WHEN 'events' THEN
                EXECUTE format($ddl$
CREATE TRIGGER cdp_begin BEFORE INSERT ON %1$I.%2$I
    FOR EACH STATEMENT EXECUTE FUNCTION cdp.begin_statement();
CREATE TRIGGER cdp_immutable BEFORE UPDATE OR DELETE ON %1$I.%2$I
    FOR EACH ROW EXECUTE FUNCTION cdp.refuse_write();
CREATE TRIGGER cdp_no_truncate BEFORE TRUNCATE ON %1$I.%2$I
    FOR EACH STATEMENT EXECUTE FUNCTION cdp.refuse_write();
$ddl$, workspace, guarded.tab);
            WHEN 'profiles' THEN
                EXECUTE format($ddl$
CREATE TRIGGER cdp_begin BEFORE UPDATE ON %1$I.%2$I
    FOR EACH STATEMENT EXECUTE FUNCTION cdp.begin_statement();
CREATE TRIGGER cdp_guard BEFORE INSERT OR DELETE OR TRUNCATE ON %1$I.%2$I
    FOR EACH STATEMENT EXECUTE FUNCTION cdp.refuse_write();
CREATE TRIGGER cdp_guard_columns BEFORE UPDATE OF %3$s ON %1$I.%2$I
    FOR EACH STATEMENT EXECUTE FUNCTION cdp.refuse_write();
$ddl$, workspace, guarded.tab,
                    (SELECT string_agg(quote_ident(c.name), ', ' ORDER BY c.place) FROM cdp.profile_columns() c));
            WHEN 'derived' THEN
                EXECUTE format($ddl$
CREATE TRIGGER cdp_guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON %1$I.%2$I
    FOR EACH STATEMENT EXECUTE FUNCTION cdp.refuse_write();
$ddl$, workspace, guarded.tab);
            WHEN 'definition' THEN
                PERFORM cdp.attach_definition(workspace, guarded.tab, guarded.define);
            WHEN 'settings' THEN
                EXECUTE format($ddl$
CREATE TRIGGER cdp_begin BEFORE UPDATE ON %1$I.%2$I
    FOR EACH STATEMENT EXECUTE FUNCTION cdp.begin_statement();
CREATE TRIGGER cdp_define AFTER UPDATE ON %1$I.%2$I
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION cdp.%3$I();
CREATE TRIGGER cdp_guard BEFORE INSERT OR DELETE OR TRUNCATE ON %1$I.%2$I
    FOR EACH STATEMENT EXECUTE FUNCTION cdp.refuse_write();
$ddl$, workspace, guarded.tab, guarded.define);
            WHEN 'own' THEN
                NULL;
        END CASE;
    END LOOP;
END
$attach$;
COMMENT ON FUNCTION cdp.attach_triggers(name) IS
    'makes the guards of a workspace''s tables and the triggers of its definitions, by the kinds of cdp.part_tables; cdp.create_workspace calls it';
