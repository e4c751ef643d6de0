-- Segments and the clock: changes that come due, and reads at the statement's time.

CREATE FUNCTION cdp.tick(workspace name, max_rows bigint DEFAULT 10000) RETURNS bigint
    AS 'MODULE_PATHNAME', 'cdp_tick'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION cdp.tick(name, bigint) IS
    'evaluates one batch of profiles whose segments change by the clock, up to max_rows, and returns how many they were; each change is dated at the instant at which it became true. Rows that others have locked are skipped: several may run at once';

CREATE PROCEDURE cdp.run(workspace name, max_rows bigint DEFAULT 10000)
    AS 'MODULE_PATHNAME', 'cdp_run'
    LANGUAGE C;
COMMENT ON PROCEDURE cdp.run(name, bigint) IS
    'cdp.tick until nothing is due, with a commit after each batch; not within a transaction (error 2D000)';

CREATE FUNCTION cdp.next_due_body(workspace name) RETURNS interval
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $next_due$
DECLARE
    earliest timestamptz;
BEGIN
    PERFORM cdp.use_tables(workspace, 'profiles');
    EXECUTE format('SELECT p.next_evaluation_at FROM %I.profiles p WHERE p.next_evaluation_at IS NOT NULL '
                   'ORDER BY p.next_evaluation_at LIMIT 1', workspace)
        INTO earliest;
    RETURN CASE WHEN earliest IS NOT NULL THEN greatest(earliest - cdp.now(), '0') END;
END
$next_due$;
COMMENT ON FUNCTION cdp.next_due_body(name) IS
    'body of cdp.next_due, not to be called by itself';

CREATE FUNCTION cdp.next_due(workspace name) RETURNS interval
    AS 'MODULE_PATHNAME', 'cdp_enter'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION cdp.next_due(name) IS
    'how long a scheduler may sleep before the next cdp.tick has something to do: zero when something is due, null when nothing is scheduled; new events may bring it forward; error 3F000 for no workspace';

CREATE FUNCTION cdp.segments_now(profile anyelement) RETURNS cdp.segment_set
    AS 'MODULE_PATHNAME', 'cdp_segments_now'
    LANGUAGE C STABLE STRICT PARALLEL UNSAFE COST 10;
COMMENT ON FUNCTION cdp.segments_now(anyelement) IS
    'segments that a profile, a row of a workspace''s table profiles, is in at the statement''s time, whether or not a tick has been by; evaluates only where the row is due, and writes nothing';

-- The view of now. Columns of the users' are not in it. Row security on profiles holds for its reader.
CREATE FUNCTION cdp.create_profiles_now(workspace name) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $create$
BEGIN
    EXECUTE format($ddl$
CREATE VIEW %1$I.profiles_now WITH (security_invoker = true) AS
SELECT p.profile_id, p.first_seen, p.last_seen, p.event_count, p.traits, p.ltv, p.computed,
       cdp.segments_now(p) AS segments, p.evaluated_at, p.next_evaluation_at
FROM %1$I.profiles p;
COMMENT ON VIEW %1$I.profiles_now IS 'profiles with their segments as of the statement''s time, whether or not a tick has been by';
COMMENT ON COLUMN %1$I.profiles_now.profile_id IS 'the customer, as in profiles';
COMMENT ON COLUMN %1$I.profiles_now.first_seen IS 'effective time of the first event';
COMMENT ON COLUMN %1$I.profiles_now.last_seen IS 'effective time of the last event';
COMMENT ON COLUMN %1$I.profiles_now.event_count IS 'number of events';
COMMENT ON COLUMN %1$I.profiles_now.traits IS 'what is known of the person';
COMMENT ON COLUMN %1$I.profiles_now.ltv IS 'lifetime value';
COMMENT ON COLUMN %1$I.profiles_now.computed IS 'computed traits: computed->>''orders_30d''';
COMMENT ON COLUMN %1$I.profiles_now.segments IS 'segments the profile is in now';
COMMENT ON COLUMN %1$I.profiles_now.evaluated_at IS 'instant as of which the stored segments are right';
COMMENT ON COLUMN %1$I.profiles_now.next_evaluation_at IS 'instant at which a segment may change by the clock alone; null: never';
$ddl$, workspace);
END
$create$;
COMMENT ON FUNCTION cdp.create_profiles_now(name) IS
    'makes the view profiles_now; cdp.create_segments calls it';

CREATE FUNCTION cdp.views_segments(workspace name) RETURNS SETOF text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE ROWS 2
    BEGIN ATOMIC
        SELECT pg_catalog.format('%I.%I', workspace, v)
        FROM pg_catalog.unnest('{segment_errors,profiles_now}'::text[]) v;
    END;
COMMENT ON FUNCTION cdp.views_segments(name) IS
    'the views of the part segments; cdp.workspace_views calls it';
