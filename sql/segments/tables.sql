-- Segments: predicates over a row of profiles (segments), who is in which (the column segments of
-- profiles, of the type cdp.segment_set), the history of both (segment_definitions, segment_changes),
-- and the profiles on which a predicate failed (segment_failures). The view
-- segment_errors shows those without values of profiles to whoever may not read profiles.

CREATE FUNCTION cdp.create_segments(workspace name) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $create$
BEGIN
    EXECUTE format($ddl$
CREATE TABLE %1$I.segments (
    name text COLLATE "C" PRIMARY KEY,
    predicate text NOT NULL,
    description text,
    enabled boolean NOT NULL DEFAULT true
);

CREATE TABLE %1$I.segment_definitions (
    segment text COLLATE "C" NOT NULL,
    predicate text,
    at timestamptz NOT NULL,
    defined_by text NOT NULL,
    enabled boolean
);
CREATE INDEX segment_definitions_segment_at_idx ON %1$I.segment_definitions (segment, at);

CREATE TABLE %1$I.segment_changes (
    profile_id bigint NOT NULL,
    segment text COLLATE "C" NOT NULL,
    entered boolean NOT NULL,
    at timestamptz NOT NULL,
    cause text NOT NULL
);
CREATE INDEX segment_changes_profile_id_at_idx ON %1$I.segment_changes (profile_id, at);
CREATE INDEX segment_changes_segment_at_idx ON %1$I.segment_changes (segment, at);

CREATE TABLE %1$I.segment_failures (
    segment text COLLATE "C",
    profile_id bigint,
    sqlstate text NOT NULL,
    message text NOT NULL,
    message_without_values text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (segment, profile_id)
);

CREATE VIEW %1$I.segment_errors AS
SELECT f.segment, f.profile_id, f.sqlstate,
       CASE WHEN has_table_privilege('%1$I.profiles'::regclass, 'SELECT')
                 AND NOT row_security_active('%1$I.profiles'::regclass)
            THEN f.message ELSE f.message_without_values END AS message,
       f.at
FROM %1$I.segment_failures f;

CREATE TRIGGER cdp_evaluate AFTER UPDATE ON %1$I.profiles
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION cdp.evaluate_columns();

COMMENT ON TABLE %1$I.segments IS 'segment definitions: insert, update, delete; they take effect at once';
COMMENT ON COLUMN %1$I.segments.name IS 'name of the segment, as in segments ? ''vip''';
COMMENT ON COLUMN %1$I.segments.predicate IS 'SQL boolean expression over a row of profiles';
COMMENT ON COLUMN %1$I.segments.description IS 'what it is for, in words';
COMMENT ON COLUMN %1$I.segments.enabled IS 'false: it is switched off. Nobody is in it, and its predicate is neither checked nor evaluated';

COMMENT ON TABLE %1$I.segment_definitions IS 'history of the segments'' definitions: appended, never rewritten';
COMMENT ON COLUMN %1$I.segment_definitions.segment IS 'name of the segment';
COMMENT ON COLUMN %1$I.segment_definitions.predicate IS 'its predicate from then on; null: the segment was deleted or renamed';
COMMENT ON COLUMN %1$I.segment_definitions.at IS 'instant of the change';
COMMENT ON COLUMN %1$I.segment_definitions.defined_by IS 'role that made the change';
COMMENT ON COLUMN %1$I.segment_definitions.enabled IS 'whether it is evaluated from then on; null: the segment was deleted or renamed';

COMMENT ON TABLE %1$I.segment_changes IS 'entries into and exits from segments: history, appended, never rewritten';
COMMENT ON COLUMN %1$I.segment_changes.profile_id IS 'the profile, under the id it had then';
COMMENT ON COLUMN %1$I.segment_changes.segment IS 'the segment';
COMMENT ON COLUMN %1$I.segment_changes.entered IS 'true: entered, false: left';
COMMENT ON COLUMN %1$I.segment_changes.at IS 'instant of the change';
COMMENT ON COLUMN %1$I.segment_changes.cause IS 'event, clock, merge, column (of the users'' own), definition, reevaluate or rebuild';

COMMENT ON TABLE %1$I.segment_failures IS 'profiles on which a predicate has failed since it was defined or last evaluated on all, with values of profiles: to be read as segment_errors';
COMMENT ON COLUMN %1$I.segment_failures.segment IS 'the segment';
COMMENT ON COLUMN %1$I.segment_failures.profile_id IS 'the profile';
COMMENT ON COLUMN %1$I.segment_failures.sqlstate IS 'SQLSTATE of the error';
COMMENT ON COLUMN %1$I.segment_failures.message IS 'its message';
COMMENT ON COLUMN %1$I.segment_failures.message_without_values IS 'the same with … in place of each value';
COMMENT ON COLUMN %1$I.segment_failures.at IS 'instant at which it was first seen';

COMMENT ON VIEW %1$I.segment_errors IS 'profiles on which a predicate has failed since it was defined or last evaluated on all; where it fails it counts as false';
COMMENT ON COLUMN %1$I.segment_errors.segment IS 'the segment';
COMMENT ON COLUMN %1$I.segment_errors.profile_id IS 'the profile';
COMMENT ON COLUMN %1$I.segment_errors.sqlstate IS 'SQLSTATE of the error';
COMMENT ON COLUMN %1$I.segment_errors.message IS 'its message; with … in place of each value for whoever may not select all of profiles';
COMMENT ON COLUMN %1$I.segment_errors.at IS 'instant at which it was first seen';

COMMENT ON COLUMN %1$I.profiles.segments IS 'segments the profile is in: segments ? ''vip''';
$ddl$, workspace);
    PERFORM cdp.create_profiles_now(workspace);
END
$create$;
COMMENT ON FUNCTION cdp.create_segments(name) IS
    'makes the tables of segments, the views segment_errors and profiles_now and the trigger by which segments follow the users'' own columns, and comments the column segments; cdp.create_workspace calls it';

CREATE FUNCTION cdp.empty_segments(workspace name) RETURNS cdp.segment_set
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN '{}'::cdp.segment_set;
COMMENT ON FUNCTION cdp.empty_segments(name) IS
    'the segments of a profile before they are evaluated: none';

CREATE FUNCTION cdp.detach_segments(workspace name) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $detach$
BEGIN
    IF cdp.column_type(workspace, 'profiles', 'segments') IS NOT NULL THEN
        EXECUTE format('COMMENT ON COLUMN %I.profiles.segments IS ''segments the profile is in, each with its time of entry''',
                       workspace);
    END IF;
END
$detach$;
COMMENT ON FUNCTION cdp.detach_segments(name) IS
    'comments the column segments as a plain one; cdp.detach calls it';

CREATE FUNCTION cdp.detached(value cdp.segment_set) RETURNS jsonb
    LANGUAGE sql STABLE STRICT PARALLEL SAFE
    BEGIN ATOMIC
        SELECT coalesce(jsonb_object_agg(e.segment,
                   CASE WHEN isfinite(e.entered_at)
                        THEN (to_jsonb(e.entered_at AT TIME ZONE 'UTC') #>> '{}') || 'Z' END), '{}')
        FROM cdp.segment_entries(value) e;
    END;
COMMENT ON FUNCTION cdp.detached(cdp.segment_set) IS
    'what segments become in a detached workspace: a JSON object, per name the time of entry (ISO 8601, UTC), null where it is not known';

CREATE FUNCTION cdp.promote_segments(workspace name) RETURNS SETOF text
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $promote$
DECLARE
    furthest bigint;
    segment text;
    predicate text;
BEGIN
    PERFORM cdp.require_step(workspace);
    EXECUTE format('SELECT max(c.profile_id) FROM %I.segment_changes c', workspace) INTO furthest;
    PERFORM cdp.move_sequence(pg_get_serial_sequence(format('%I.profiles', workspace), 'profile_id'), furthest);
    FOR segment, predicate IN EXECUTE format('SELECT s.name, s.predicate FROM %I.segments s WHERE s.enabled ORDER BY s.name', workspace) LOOP
        BEGIN
            PERFORM cdp.check_predicate(workspace, segment, predicate);
        EXCEPTION WHEN OTHERS THEN
            IF SQLSTATE ~ '^(40|53|57|58|XX00[12])' THEN
                RAISE;
            END IF;
            RETURN NEXT format('Segment "%s": %s.', segment, SQLERRM);
        END;
    END LOOP;
END
$promote$;
COMMENT ON FUNCTION cdp.promote_segments(name) IS
    'step of cdp.promote, not to be called by itself: new profiles get ids beyond those that segments have had; a row per segment whose predicate does not compile';
