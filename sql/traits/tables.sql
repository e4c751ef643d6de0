-- Traits: what is known of a person, per key the value of the latest event that says something of it.
-- They are a folded column of profiles, of the type cdp.traits (sql/types/traits.sql).

CREATE FUNCTION cdp.create_traits(workspace name) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $create$
BEGIN
    EXECUTE format($ddl$
COMMENT ON COLUMN %1$I.profiles.traits IS 'what is known of the person, last writer wins per key: traits->>''plan''';
COMMENT ON COLUMN %1$I.opening_balances.traits IS 'their traits, folded';
$ddl$, workspace);
END
$create$;
COMMENT ON FUNCTION cdp.create_traits(name) IS
    'comments the column traits; cdp.create_workspace calls it';

CREATE FUNCTION cdp.empty_traits(workspace name) RETURNS cdp.traits
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN '{}'::cdp.traits;
COMMENT ON FUNCTION cdp.empty_traits(name) IS
    'the traits of a profile without events: none';

CREATE FUNCTION cdp.detach_traits(workspace name) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $detach$
BEGIN
    IF cdp.column_type(workspace, 'profiles', 'traits') IS NOT NULL THEN
        EXECUTE format('COMMENT ON COLUMN %I.profiles.traits IS ''what is known of the person''', workspace);
    END IF;
END
$detach$;
COMMENT ON FUNCTION cdp.detach_traits(name) IS
    'comments the column traits as a plain one; cdp.detach calls it';

CREATE FUNCTION cdp.detached(value cdp.traits) RETURNS jsonb
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN cdp.traits_to_jsonb(value);
COMMENT ON FUNCTION cdp.detached(cdp.traits) IS
    'what traits become in a detached workspace: a JSON object of their values';
