-- Reading a workspace: who is who, what happened, and the view customers.

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

-- PARALLEL UNSAFE: the first use in a session reads the workspace's definitions, in subtransactions.
CREATE FUNCTION cdp.profile_of(workspace name, identifier text) RETURNS bigint
    LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $profile_of$
DECLARE
    wanted cdp.identifier;
    profile bigint;
BEGIN
    PERFORM cdp.require_workspace(workspace);
    wanted := cdp.canonical_identifier(workspace, identifier);
    IF wanted IS NOT NULL THEN
        EXECUTE format('SELECT i.profile_id FROM %I.identifiers i WHERE i.identifier = $1', workspace)
            INTO profile USING wanted;
    END IF;
    RETURN profile;
END
$profile_of$;
COMMENT ON FUNCTION cdp.profile_of(name, text) IS
    'profile that an identifier ("namespace:value", canonicalised as the workspace''s events are) belongs to, merges followed; null where it has none: never seen, invalid or refused; error 22P02 for a faulty text, 3F000 for no workspace';

CREATE FUNCTION cdp.canonical(workspace name, profile_id bigint) RETURNS bigint
    LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $canonical$
DECLARE
    survivor bigint;
BEGIN
    PERFORM cdp.require_workspace(workspace);
    EXECUTE format('SELECT m.profile_id FROM %1$I.merges m WHERE m.merged_id = $1 '
                   'AND m.undone_at IS NULL '
                   'UNION ALL '
                   'SELECT p.profile_id FROM %1$I.profiles p WHERE p.profile_id = $1 LIMIT 1', workspace)
        INTO survivor USING profile_id;
    RETURN survivor;
END
$canonical$;
COMMENT ON FUNCTION cdp.canonical(name, bigint) IS
    'the id that a profile has now: of a merged profile its survivor''s, of another its own; null for an id that never was; error 3F000 for no workspace';

-- OFFSET 0 and no JIT: by the index on anchor and at once, even while the tables have no statistics yet.
CREATE FUNCTION cdp.timeline(workspace name, profile_id bigint)
    RETURNS TABLE (event_id uuid, at timestamptz, event text, source text, amount numeric,
                   currency text, identifiers text[], traits jsonb, properties jsonb)
    LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 100
    SET search_path = pg_catalog, pg_temp
    SET jit = off
AS $timeline$
BEGIN
    RETURN QUERY EXECUTE format($query$
        SELECT e.event_id, e.at, e.event, e.source, e.amount, e.currency, e.identifiers, e.traits, e.properties
        FROM %1$I.identifiers i
        CROSS JOIN LATERAL (
            SELECT v.event_id, least(v.occurred_at, v.received_at) AS at, v.event, v.source, v.amount,
                   v.currency, v.identifiers, v.traits, v.properties
            FROM %1$I.events v
            WHERE v.anchor = i.identifier
            OFFSET 0) e
        WHERE i.profile_id = $1
        ORDER BY e.at, e.event_id
        $query$, workspace)
        USING cdp.canonical(workspace, profile_id);
END
$timeline$;
COMMENT ON FUNCTION cdp.timeline(name, bigint) IS
    'a profile''s events, those of profiles merged into it included, in the order of (at, event_id); at is the effective time, the earlier of occurred_at and received_at; a merged profile''s id gives its survivor''s; error 3F000 for no workspace';

CREATE FUNCTION cdp.customer_name(traits cdp.traits) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN coalesce(
        nullif(btrim(traits OPERATOR(pg_catalog.->>) 'name'), ''),
        nullif(btrim(traits OPERATOR(pg_catalog.->>) 'full_name'), ''),
        nullif(btrim(traits OPERATOR(pg_catalog.->>) 'fullName'), ''),
        nullif(btrim(traits OPERATOR(pg_catalog.->>) 'display_name'), ''),
        nullif(concat_ws(' ',
            coalesce(nullif(btrim(traits OPERATOR(pg_catalog.->>) 'first_name'), ''),
                     nullif(btrim(traits OPERATOR(pg_catalog.->>) 'firstName'), ''),
                     nullif(btrim(traits OPERATOR(pg_catalog.->>) 'given_name'), '')),
            coalesce(nullif(btrim(traits OPERATOR(pg_catalog.->>) 'last_name'), ''),
                     nullif(btrim(traits OPERATOR(pg_catalog.->>) 'lastName'), ''),
                     nullif(btrim(traits OPERATOR(pg_catalog.->>) 'family_name'), ''))), ''));
COMMENT ON FUNCTION cdp.customer_name(cdp.traits) IS
    'the person''s name from the traits in common use: name, full_name (fullName), display_name, else first_name (firstName, given_name) and last_name (lastName, family_name); null where there is none';

-- The views of a workspace, made when it is created. Each column that is looked up among the
-- identifiers is a subquery of its own: one that nobody asks for costs nothing, and a query that
-- reads few rows looks up few.
CREATE FUNCTION cdp.attach_views(workspace name) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $attach$
BEGIN
    EXECUTE format($ddl$
CREATE VIEW %1$I.customers AS
SELECT p.profile_id,
       (SELECT cdp.value(i.identifier) FROM %1$I.identifiers i
        WHERE i.profile_id = p.profile_id AND cdp.namespace(i.identifier) = 'email'
        ORDER BY i.last_seen DESC, i.identifier LIMIT 1) AS email,
       (SELECT cdp.value(i.identifier) FROM %1$I.identifiers i
        WHERE i.profile_id = p.profile_id AND cdp.namespace(i.identifier) = 'phone'
        ORDER BY i.last_seen DESC, i.identifier LIMIT 1) AS phone,
       (SELECT cdp.value(i.identifier) FROM %1$I.identifiers i
        WHERE i.profile_id = p.profile_id AND cdp.namespace(i.identifier) = 'user_id'
        ORDER BY i.last_seen DESC, i.identifier LIMIT 1) AS user_id,
       cdp.customer_name(p.traits) AS name,
       cdp.traits_to_jsonb(p.traits) AS traits,
       ARRAY(SELECT cdp.text(i.identifier) FROM %1$I.identifiers i
             WHERE i.profile_id = p.profile_id ORDER BY i.identifier) AS identifiers,
       cdp.to_jsonb(p.ltv) AS value,
       cdp.purchases(p.ltv) AS purchases,
       p.first_seen,
       p.last_seen,
       p.event_count,
       cdp.segment_names(p.segments) AS segments
FROM %1$I.profiles p;
COMMENT ON VIEW %1$I.customers IS 'one readable row per customer';
COMMENT ON COLUMN %1$I.customers.profile_id IS 'the customer, as in profiles';
COMMENT ON COLUMN %1$I.customers.email IS 'main e-mail address: the one last seen; on a tie the smallest';
COMMENT ON COLUMN %1$I.customers.phone IS 'main phone number: the one last seen; on a tie the smallest';
COMMENT ON COLUMN %1$I.customers.user_id IS 'user id: the one last seen; on a tie the smallest';
COMMENT ON COLUMN %1$I.customers.name IS 'the person''s name, see cdp.customer_name';
COMMENT ON COLUMN %1$I.customers.traits IS 'what is known of the person';
COMMENT ON COLUMN %1$I.customers.identifiers IS 'all identifiers, sorted';
COMMENT ON COLUMN %1$I.customers.value IS 'lifetime value per currency, see cdp.to_jsonb(ltv)';
COMMENT ON COLUMN %1$I.customers.purchases IS 'number of purchases, in all currencies';
COMMENT ON COLUMN %1$I.customers.first_seen IS 'effective time of the first event';
COMMENT ON COLUMN %1$I.customers.last_seen IS 'effective time of the last event';
COMMENT ON COLUMN %1$I.customers.event_count IS 'number of events';
COMMENT ON COLUMN %1$I.customers.segments IS 'names of the segments that the customer is in, sorted';
$ddl$, workspace);
END
$attach$;
COMMENT ON FUNCTION cdp.attach_views(name) IS
    'makes the views of a workspace; cdp.create_workspace calls it';
