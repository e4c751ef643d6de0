-- Triggers and guards of a workspace.

CREATE FUNCTION cdp.refuse_write() RETURNS trigger
    AS 'MODULE_PATHNAME', 'cdp_refuse_write'
    LANGUAGE C VOLATILE;
COMMENT ON FUNCTION cdp.refuse_write() IS
    'trigger that refuses writes to immutable events and to tables that the engine derives';

-- The triggers of a workspace, made when it is created.
CREATE FUNCTION cdp.attach_triggers(workspace name) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $attach$
DECLARE
    guarded text;
BEGIN
    EXECUTE pg_catalog.format($ddl$
CREATE TRIGGER cdp_normalise BEFORE INSERT ON %1$I.events
    FOR EACH ROW EXECUTE FUNCTION cdp.normalise_event();
CREATE TRIGGER cdp_ingest AFTER INSERT ON %1$I.events
    REFERENCING NEW TABLE AS new_events
    FOR EACH STATEMENT EXECUTE FUNCTION cdp.ingest_events();
CREATE TRIGGER cdp_immutable BEFORE UPDATE OR DELETE ON %1$I.events
    FOR EACH ROW EXECUTE FUNCTION cdp.refuse_write();
CREATE TRIGGER cdp_no_truncate BEFORE TRUNCATE ON %1$I.events
    FOR EACH STATEMENT EXECUTE FUNCTION cdp.refuse_write();
CREATE TRIGGER cdp_guard BEFORE INSERT OR DELETE OR TRUNCATE ON %1$I.profiles
    FOR EACH STATEMENT EXECUTE FUNCTION cdp.refuse_write();
CREATE TRIGGER cdp_guard_columns
    BEFORE UPDATE OF profile_id, first_seen, last_seen, event_count, evaluated_at,
        next_evaluation_at, identifier_count, contested_until, traits, ltv, computed, segments ON %1$I.profiles
    FOR EACH STATEMENT EXECUTE FUNCTION cdp.refuse_write();
CREATE TRIGGER cdp_evaluate AFTER UPDATE ON %1$I.profiles
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION cdp.evaluate_columns();
CREATE TRIGGER cdp_define_insert AFTER INSERT ON %1$I.segments
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION cdp.define_segments();
CREATE TRIGGER cdp_define_update AFTER UPDATE ON %1$I.segments
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION cdp.define_segments();
CREATE TRIGGER cdp_define_delete AFTER DELETE ON %1$I.segments
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION cdp.define_segments();
CREATE TRIGGER cdp_define_truncate BEFORE TRUNCATE ON %1$I.segments
    FOR EACH STATEMENT EXECUTE FUNCTION cdp.refuse_write();
CREATE TRIGGER cdp_define_insert AFTER INSERT ON %1$I.computed_traits
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION cdp.define_computed_traits();
CREATE TRIGGER cdp_define_update AFTER UPDATE ON %1$I.computed_traits
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION cdp.define_computed_traits();
CREATE TRIGGER cdp_define_delete AFTER DELETE ON %1$I.computed_traits
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION cdp.define_computed_traits();
CREATE TRIGGER cdp_define_truncate BEFORE TRUNCATE ON %1$I.computed_traits
    FOR EACH STATEMENT EXECUTE FUNCTION cdp.refuse_write();
CREATE TRIGGER cdp_define_insert AFTER INSERT ON %1$I.identifier_namespaces
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION cdp.define_rules();
CREATE TRIGGER cdp_define_update AFTER UPDATE ON %1$I.identifier_namespaces
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION cdp.define_rules();
CREATE TRIGGER cdp_define_delete AFTER DELETE ON %1$I.identifier_namespaces
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION cdp.define_rules();
CREATE TRIGGER cdp_define_truncate BEFORE TRUNCATE ON %1$I.identifier_namespaces
    FOR EACH STATEMENT EXECUTE FUNCTION cdp.refuse_write();
CREATE TRIGGER cdp_define_insert AFTER INSERT ON %1$I.blocked_identifiers
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION cdp.define_rules();
CREATE TRIGGER cdp_define_update AFTER UPDATE ON %1$I.blocked_identifiers
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION cdp.define_rules();
CREATE TRIGGER cdp_define_delete AFTER DELETE ON %1$I.blocked_identifiers
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION cdp.define_rules();
CREATE TRIGGER cdp_define_truncate BEFORE TRUNCATE ON %1$I.blocked_identifiers
    FOR EACH STATEMENT EXECUTE FUNCTION cdp.refuse_write();
CREATE TRIGGER cdp_define AFTER UPDATE ON %1$I.settings
    FOR EACH STATEMENT EXECUTE FUNCTION cdp.define_rules();
CREATE TRIGGER cdp_guard BEFORE INSERT OR DELETE OR TRUNCATE ON %1$I.settings
    FOR EACH STATEMENT EXECUTE FUNCTION cdp.refuse_write();
$ddl$, workspace);

    FOREACH guarded IN ARRAY ARRAY['event_ids', 'identifiers', 'identity_links', 'identity_refusals',
        'identity_decisions', 'identifier_companions', 'merges', 'opening_balances', 'segment_definitions',
        'segment_changes', 'segment_errors', 'computed_trait_errors'] LOOP
        EXECUTE pg_catalog.format(
            'CREATE TRIGGER cdp_guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON %I.%I '
            'FOR EACH STATEMENT EXECUTE FUNCTION cdp.refuse_write()', workspace, guarded);
    END LOOP;
END
$attach$;
COMMENT ON FUNCTION cdp.attach_triggers(name) IS
    'makes the triggers of a workspace; cdp.create_workspace calls it';
