-- Segments: their sizes, their members, and why a profile is in one.

CREATE FUNCTION cdp.predicate_sql(workspace name, segment text, predicate text) RETURNS text
    AS 'MODULE_PATHNAME', 'cdp_predicate_sql'
    LANGUAGE C STABLE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION cdp.predicate_sql(name, text, text) IS
    'the text of a predicate as a query on profiles can have it, for a reader: the column evaluated_at stands for the clock; as it is where it does not read the clock; else errors as of its definition. The segment''s name is for their context';

-- A plain query, in parallel where PostgreSQL finds that worth it. Where the predicate fails on some
-- profile, each profile is tried.
CREATE FUNCTION cdp.count_body(workspace name, predicate text) RETURNS bigint
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    SET timezone = 'UTC'
    SET datestyle = 'ISO, MDY'
    SET intervalstyle = postgres
    SET extra_float_digits = 1
    SET bytea_output = hex
    SET array_nulls = on
    SET quote_all_identifiers = off
AS $count$
DECLARE
    query text := format($query$
SELECT count(*) FROM %I.profiles CROSS JOIN (SELECT $1) AS instant(at) WHERE %%s
        $query$, workspace);
    total bigint;
BEGIN
    PERFORM cdp.use_tables(workspace, 'settings', 'profiles');
    EXECUTE format('SELECT set_config(''timezone'', s.time_zone, true) FROM %I.settings s', workspace);
    PERFORM cdp.check_predicate(workspace, '', predicate);
    BEGIN
        SELECT q.n INTO total
        FROM cdp.predicate_query(workspace, '', predicate, format(query, 'definition.predicate'), cdp.now()) q(n bigint);
        RETURN total;
    EXCEPTION WHEN OTHERS THEN
        IF SQLSTATE ~ '^(40|53|57|58|XX00[12])' THEN
            RAISE;
        END IF;
    END;
    SELECT q.n INTO total
    FROM cdp.predicate_query(workspace, '', predicate, format(query,
             'CASE WHEN cdp.predicate_fails(profiles, '''', $2, instant.at) THEN false ELSE definition.predicate END'),
         cdp.now(), predicate) q(n bigint);
    RETURN total;
END
$count$;
COMMENT ON FUNCTION cdp.count_body(name, text) IS
    'body of cdp.count, not to be called by itself';

CREATE FUNCTION cdp.count(workspace name, predicate text) RETURNS bigint
    AS 'MODULE_PATHNAME', 'cdp_enter'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 1000000;
COMMENT ON FUNCTION cdp.count(name, text) IS
    'how many profiles a predicate, not yet defined as a segment, holds for now; takes no lock that anybody waits for; profiles on which it fails do not count; errors as of a definition, 3F000 for no workspace';

CREATE FUNCTION cdp.members_body(workspace name, segment text)
    RETURNS TABLE (profile_id bigint, entered_at timestamptz)
    LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $members$
BEGIN
    PERFORM cdp.use_tables(workspace, 'segments', 'profiles');
    PERFORM cdp.require_segment(workspace, segment);
    RETURN QUERY EXECUTE format($query$
        SELECT p.profile_id, cdp.entered_at(p.segments, $1)
        FROM %1$I.profiles p
        WHERE p.segments OPERATOR(pg_catalog.?) $1 AND (p.next_evaluation_at > $2 OR p.next_evaluation_at IS NULL)
        UNION ALL
        SELECT d.profile_id, cdp.entered_at(d.segments, $1)
        FROM (SELECT p.profile_id, cdp.segments_now(p) AS segments
              FROM %1$I.profiles p
              WHERE p.next_evaluation_at <= $2
              OFFSET 0) d
        WHERE cdp.has_segment(d.segments, $1)
        $query$, workspace)
        USING segment, cdp.statement_now();
END
$members$;
COMMENT ON FUNCTION cdp.members_body(name, text) IS
    'body of cdp.members, not to be called by itself';

CREATE FUNCTION cdp.members(workspace name, segment text)
    RETURNS TABLE (profile_id bigint, entered_at timestamptz)
    AS 'MODULE_PATHNAME', 'cdp_enter'
    LANGUAGE C STABLE STRICT PARALLEL UNSAFE COST 1000000 ROWS 10000;
COMMENT ON FUNCTION cdp.members(name, text) IS
    'who is in a segment at the statement''s time, whether or not a tick has been by, and since when; error 42704 for no segment, 3F000 for no workspace';

CREATE FUNCTION cdp.members_body(workspace name, segment text, as_of timestamptz)
    RETURNS TABLE (profile_id bigint, entered_at timestamptz)
    LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $members$
BEGIN
    PERFORM cdp.use_tables(workspace, 'segment_changes');
    RETURN QUERY EXECUTE format($query$
        SELECT c.profile_id, max(c.at) FILTER (WHERE c.entered)
        FROM %1$I.segment_changes c
        WHERE c.segment = $1 AND c.at <= $2
        GROUP BY c.profile_id
        HAVING sum(CASE WHEN c.entered THEN 1 ELSE -1 END) > 0
        $query$, workspace)
        USING segment, as_of;
END
$members$;
COMMENT ON FUNCTION cdp.members_body(name, text, timestamptz) IS
    'body of cdp.members, not to be called by itself';

CREATE FUNCTION cdp.members(workspace name, segment text, as_of timestamptz)
    RETURNS TABLE (profile_id bigint, entered_at timestamptz)
    AS 'MODULE_PATHNAME', 'cdp_enter'
    LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000000 ROWS 10000;
COMMENT ON FUNCTION cdp.members(name, text, timestamptz) IS
    'who was in a segment at a past instant, by segment_changes, under the profile ids of then, and since when; changes by the clock that no tick has come to are not in it; a segment that is no more is known as well; error 3F000 for no workspace';

CREATE FUNCTION cdp.require_segment(workspace name, segment text) RETURNS void
    LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $require$
DECLARE
    found boolean;
BEGIN
    PERFORM cdp.use_tables(workspace, 'segments');
    EXECUTE format('SELECT EXISTS (SELECT FROM %I.segments s WHERE s.name = $1)', workspace)
        INTO found USING segment;
    IF NOT found THEN
        RAISE EXCEPTION 'segment "%" does not exist', segment
            USING ERRCODE = 'undefined_object',
                  HINT = format('Define it: INSERT INTO %I.segments (name, predicate) VALUES (%L, …).',
                                workspace, segment);
    END IF;
END
$require$;
COMMENT ON FUNCTION cdp.require_segment(name, text) IS
    'nothing where the workspace has the segment, else error 42704; 3F000 for no workspace';

CREATE FUNCTION cdp.segment_tree(profile anyelement, segments cdp.segment_set, predicate text)
    RETURNS TABLE (node integer, parent integer, expression text, value text, truth boolean, flips_at timestamptz,
                   trait text, source text, error text, computed text, window_days integer)
    AS 'MODULE_PATHNAME', 'cdp_segment_tree'
    LANGUAGE C STABLE STRICT PARALLEL UNSAFE ROWS 10;
COMMENT ON FUNCTION cdp.segment_tree(anyelement, cdp.segment_set, text) IS
    'a predicate part by part on a profile, a row of a workspace''s table profiles that is in these segments, at the statement''s time; cdp.explain_segment adds the events';

CREATE FUNCTION cdp.explain_segment_body(workspace name, profile_id bigint, segment text)
    RETURNS TABLE (node integer, parent integer, expression text, value text, truth boolean, flips_at timestamptz,
                   event_id uuid, error text, window_days integer)
    LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $explain$
DECLARE
    profile bigint := cdp.canonical(workspace, profile_id);
    predicate text;
    enabled boolean;
BEGIN
    PERFORM cdp.use_tables(workspace, 'segments', 'profiles');
    PERFORM cdp.require_segment(workspace, segment);
    IF profile IS NULL THEN
        RAISE EXCEPTION 'profile % does not exist', profile_id USING ERRCODE = 'undefined_object';
    END IF;
    EXECUTE format('SELECT s.predicate, s.enabled FROM %I.segments s WHERE s.name = $1', workspace)
        INTO predicate, enabled USING segment;
    IF NOT enabled THEN
        RETURN QUERY SELECT 1, NULL::integer, predicate, NULL, false, NULL::timestamptz, NULL::uuid,
                            'the segment is switched off', NULL::integer;
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format($query$
        SELECT t.node, t.parent, t.expression, t.value, t.truth, t.flips_at,
               CASE WHEN t.trait IS NOT NULL
                    THEN (SELECT e.event_id FROM cdp.trait_entries(p.traits) e WHERE e.key = t.trait)
                    WHEN t.computed IS NOT NULL
                    THEN cdp.computed_event(p.computed, t.computed, cdp.statement_now())
                    WHEN t.source IN ('first_seen', 'last_seen')
                    THEN (SELECT e.event_id FROM cdp.timeline($1, $2) e WHERE e.at = t.value::timestamptz
                          ORDER BY e.event_id LIMIT 1)
                    WHEN t.source ~ '^(first|last)_purchase_at$'
                    THEN (SELECT e.event_id FROM cdp.timeline($1, $2) e
                          WHERE e.at = t.value::timestamptz AND e.amount > 0 ORDER BY e.event_id LIMIT 1)
                    WHEN t.source ~ '^(first|last)_refund_at$'
                    THEN (SELECT e.event_id FROM cdp.timeline($1, $2) e
                          WHERE e.at = t.value::timestamptz AND e.amount < 0 ORDER BY e.event_id LIMIT 1)
               END,
               t.error, t.window_days
        FROM %I.profiles p
        CROSS JOIN LATERAL cdp.segment_tree(p, cdp.segments_now(p), $3) t
        WHERE p.profile_id = $2
        ORDER BY t.node
        $query$, workspace)
        USING workspace, profile, predicate;
END
$explain$;
COMMENT ON FUNCTION cdp.explain_segment_body(name, bigint, text) IS
    'body of cdp.explain_segment, not to be called by itself';

CREATE FUNCTION cdp.explain_segment(workspace name, profile_id bigint, segment text)
    RETURNS TABLE (node integer, parent integer, expression text, value text, truth boolean, flips_at timestamptz,
                   event_id uuid, error text, window_days integer)
    AS 'MODULE_PATHNAME', 'cdp_enter'
    LANGUAGE C STABLE STRICT PARALLEL UNSAFE COST 1000000 ROWS 10;
COMMENT ON FUNCTION cdp.explain_segment(name, bigint, text) IS
    'why a profile is in a segment or not, at the statement''s time: a row per part of the predicate, in its order, with the part it belongs to, its value on this profile, whether it is true, the earliest instant at which the clock alone may change it, the event it comes of where it is one, the error where it fails, and the window of a computed trait; a single row where the segment is switched off; error 42704 for no such segment or profile, 3F000 for no workspace';
