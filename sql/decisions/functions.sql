-- What people decide on identity.

CREATE FUNCTION cdp.decide(workspace name, a text, b text, link boolean, make boolean, cause text) RETURNS boolean
    AS 'MODULE_PATHNAME', 'cdp_decide'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION cdp.decide(name, text, text, boolean, boolean, text) IS
    'makes (or withdraws) the decision that two identifiers are one person (link) or never are; for cdp.link, cdp.unlink, cdp.separate and cdp.unseparate, which see; returns whether anything had to be done';

CREATE FUNCTION cdp.link(workspace name, a text, b text) RETURNS bigint
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $link$
BEGIN
    PERFORM cdp.decide(workspace, a, b, true, true, 'link');
    RETURN cdp.profile_of(workspace, a);
END
$link$;
COMMENT ON FUNCTION cdp.link(name, text, text) IS
    'decides that two identifiers ("namespace:value") are one person, whatever the limits say; returns their profile, null where it anchors no event; for the owner of the workspace; errors: 55000 where they are separated, also through other links; 22023 where one identifies nobody, or neither has been seen; 22P02 for a faulty text';

CREATE FUNCTION cdp.unlink(workspace name, a text, b text) RETURNS boolean
    LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
    BEGIN ATOMIC
        SELECT cdp.decide(workspace, a, b, true, false, 'unlink');
    END;
COMMENT ON FUNCTION cdp.unlink(name, text, text) IS
    'withdraws cdp.link: all is as if it had never been, also where events have come in since; returns whether there was such a link; where one of the two has never been in an event it waits for open writers, as a change of definitions does; for the owner of the workspace';

-- Of the profiles of two identifiers: all their identifiers, and the path that joins the two.
CREATE FUNCTION cdp.separate_path_body(workspace name, a text, b text, OUT members cdp.identifier[], OUT path jsonb)
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $path$
BEGIN
    PERFORM cdp.require_step(workspace);
    -- Before any other table, as an insert does and who drops the workspace.
    EXECUTE format('LOCK TABLE %I.events IN ROW EXCLUSIVE MODE', workspace);
    PERFORM cdp.use_tables(workspace, 'identifiers');
    IF cdp.profile_of(workspace, a) = cdp.profile_of(workspace, b) THEN
        SELECT jsonb_agg(to_jsonb(s) ORDER BY s.step) INTO path FROM cdp.explain_identity(workspace, a, b) s;
    END IF;
    EXECUTE format('SELECT array_agg(i.identifier) FROM %I.identifiers i '
                   'WHERE i.profile_id IN ($1, $2) OR i.identifier IN ($3, $4)', workspace)
        INTO members USING cdp.profile_of(workspace, a), cdp.profile_of(workspace, b),
                           cdp.canonical_identifier(workspace, a), cdp.canonical_identifier(workspace, b);
    members := members || ARRAY[cdp.canonical_identifier(workspace, a), cdp.canonical_identifier(workspace, b)];
END
$path$;
COMMENT ON FUNCTION cdp.separate_path_body(name, text, text) IS
    'body of cdp.separate_path, not to be called by itself';

CREATE FUNCTION cdp.separate_path(workspace name, a text, b text, OUT members cdp.identifier[], OUT path jsonb)
    AS 'MODULE_PATHNAME', 'cdp_enter_as_owner'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION cdp.separate_path(name, text, text) IS
    'what cdp.separate is to part: the identifiers of the profiles of two, and the path of evidence that joins the two; for the owner of the workspace';

CREATE FUNCTION cdp.separate_profiles_body(workspace name, members cdp.identifier[]) RETURNS jsonb
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $profiles$
DECLARE
    profiles jsonb;
BEGIN
    PERFORM cdp.use_tables(workspace, 'identifiers');
    EXECUTE format($query$
SELECT jsonb_agg(jsonb_build_object('profile_id', p.profile_id, 'identifiers', p.identifiers)
                 ORDER BY p.profile_id, p.identifiers::text)
FROM (SELECT i.profile_id, jsonb_agg(cdp.text(i.identifier) ORDER BY i.identifier) AS identifiers
      FROM (SELECT DISTINCT m.profile_id FROM %1$I.identifiers m WHERE m.identifier = ANY ($1)) w
      JOIN %1$I.identifiers i ON i.profile_id = w.profile_id
      GROUP BY i.profile_id
      UNION ALL
      SELECT NULL, jsonb_build_array(cdp.text(i.identifier))
      FROM %1$I.identifiers i
      WHERE i.identifier = ANY ($1) AND i.profile_id IS NULL) p
        $query$, workspace)
        INTO profiles USING members;
    RETURN coalesce(profiles, '[]');
END
$profiles$;
COMMENT ON FUNCTION cdp.separate_profiles_body(name, cdp.identifier[]) IS
    'body of cdp.separate_profiles, not to be called by itself';

CREATE FUNCTION cdp.separate_profiles(workspace name, members cdp.identifier[]) RETURNS jsonb
    AS 'MODULE_PATHNAME', 'cdp_enter_as_owner'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION cdp.separate_profiles(name, cdp.identifier[]) IS
    'the profiles that identifiers have, each with all that are its own, and those without one; for the owner of the workspace';

-- cdp.decide notes who decided: it is not called as the owner.
CREATE FUNCTION cdp.separate(workspace name, a text, b text) RETURNS jsonb
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $separate$
DECLARE
    joined record;
BEGIN
    SELECT * INTO joined FROM cdp.separate_path(workspace, a, b);
    PERFORM cdp.decide(workspace, a, b, false, true, 'separate');
    RETURN jsonb_build_object('profiles', cdp.separate_profiles(workspace, joined.members),
                              'path', coalesce(joined.path, '[]'));
END
$separate$;
COMMENT ON FUNCTION cdp.separate(name, text, text) IS
    'decides that two identifiers are never one person, now and for later events: what would join them is refused, in the order of time; returns {"profiles": what went where, "path": the evidence that had joined them, as cdp.explain_identity}; for the owner of the workspace; error 55000 where cdp.link joins them';

CREATE FUNCTION cdp.unseparate(workspace name, a text, b text) RETURNS boolean
    LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
    BEGIN ATOMIC
        SELECT cdp.decide(workspace, a, b, false, false, 'unseparate');
    END;
COMMENT ON FUNCTION cdp.unseparate(name, text, text) IS
    'withdraws cdp.separate: all is as if it had never been; returns whether they were separated; where one of the two has never been in an event it waits for open writers, as a change of definitions does; for the owner of the workspace';
