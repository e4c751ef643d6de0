-- The profile of an identifier, and the id that a profile has now.

-- PARALLEL UNSAFE: the first use in a session reads the workspace's definitions, in subtransactions.
CREATE FUNCTION cdp.profile_of_body(workspace name, identifier text) RETURNS bigint
    LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $profile_of$
DECLARE
    wanted cdp.identifier;
    profile bigint;
BEGIN
    PERFORM cdp.use_tables(workspace, 'identifiers');
    wanted := cdp.canonical_identifier(workspace, identifier);
    IF wanted IS NOT NULL THEN
        EXECUTE format('SELECT i.profile_id FROM %I.identifiers i WHERE i.identifier = $1', workspace)
            INTO profile USING wanted;
    END IF;
    RETURN profile;
END
$profile_of$;
COMMENT ON FUNCTION cdp.profile_of_body(name, text) IS
    'body of cdp.profile_of, not to be called by itself';

CREATE FUNCTION cdp.profile_of(workspace name, identifier text) RETURNS bigint
    AS 'MODULE_PATHNAME', 'cdp_enter'
    LANGUAGE C STABLE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION cdp.profile_of(name, text) IS
    'profile that an identifier ("namespace:value", canonicalised as the workspace''s events are) belongs to, merges followed; null where it has none: never seen, invalid or refused; error 22P02 for a faulty text, 3F000 for no workspace';

CREATE FUNCTION cdp.canonical_body(workspace name, profile_id bigint) RETURNS bigint
    LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $canonical$
DECLARE
    survivor bigint;
BEGIN
    PERFORM cdp.use_tables(workspace, 'merges', 'profiles');
    EXECUTE format('SELECT m.profile_id FROM %1$I.merges m WHERE m.merged_id = $1 '
                   'AND m.undone_at IS NULL '
                   'UNION ALL '
                   'SELECT p.profile_id FROM %1$I.profiles p WHERE p.profile_id = $1 LIMIT 1', workspace)
        INTO survivor USING profile_id;
    RETURN survivor;
END
$canonical$;
COMMENT ON FUNCTION cdp.canonical_body(name, bigint) IS
    'body of cdp.canonical, not to be called by itself';

CREATE FUNCTION cdp.canonical(workspace name, profile_id bigint) RETURNS bigint
    AS 'MODULE_PATHNAME', 'cdp_enter'
    LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.canonical(name, bigint) IS
    'the id that a profile has now: of a merged profile its survivor''s, of another its own; null for an id that never was; error 3F000 for no workspace';
