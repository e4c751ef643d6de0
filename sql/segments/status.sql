-- Figures on segments, for cdp.status.

CREATE FUNCTION cdp.segment_times(profiles anyarray) RETURNS TABLE (segment text, microseconds double precision)
    AS 'MODULE_PATHNAME', 'cdp_segment_times'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE ROWS 20;
COMMENT ON FUNCTION cdp.segment_times(anyarray) IS
    'how long a predicate takes on a profile, on average, by evaluating each segment that is switched on on profiles, rows of a workspace''s table profiles; a segment is timed for 20 ms at most. Nothing is written';

CREATE FUNCTION cdp.status_segments(workspace name)
    RETURNS TABLE (place integer, topic text, item text, value text)
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE COST 10000 ROWS 20
    SET search_path = pg_catalog, pg_temp
AS $status$
DECLARE
    segment record;
BEGIN
    PERFORM cdp.use_tables(workspace, 'segments', 'segment_changes', 'profiles');
    RETURN QUERY SELECT 106, 'rows', 'segment_changes',
                        cdp.rows_text(format('%I.segment_changes', workspace)::regclass);
    FOR segment IN EXECUTE format($query$
SELECT s.name, s.predicate, s.enabled, coalesce(m.n, 0) AS members, coalesce(e.n, 0) AS errors, e.message
FROM %1$I.segments s
LEFT JOIN (SELECT t.segment, count(*) AS n
           FROM %1$I.profiles p
           CROSS JOIN LATERAL cdp.segment_entries(p.segments) t
           GROUP BY t.segment) m ON m.segment = s.name
LEFT JOIN (SELECT f.segment, count(*) AS n, (array_agg(f.message ORDER BY f.at DESC, f.profile_id))[1] AS message
           FROM %1$I.segment_errors f
           GROUP BY f.segment) e ON e.segment = s.name
ORDER BY s.name
        $query$, workspace)
    LOOP
        place := 600;
        topic := 'segments';
        item := segment.name;
        value := segment.members || ' members' || CASE WHEN segment.enabled THEN '' ELSE ', switched off' END;
        RETURN NEXT;
        CONTINUE WHEN NOT segment.enabled;
        BEGIN
            PERFORM cdp.check_predicate(workspace, segment.name, segment.predicate);
            IF segment.errors > 0 THEN
                topic := 'segment errors';
                value := segment.errors || ' profiles, as: ' || segment.message;
                RETURN NEXT;
            END IF;
        EXCEPTION WHEN OTHERS THEN
            IF SQLSTATE ~ '^(40|53|57|58|XX00[12])' THEN
                RAISE;
            END IF;
            topic := 'segment errors';
            value := 'all profiles: ' || SQLERRM;
            RETURN NEXT;
        END;
    END LOOP;
    RETURN QUERY EXECUTE format($query$
SELECT 650, 'segment times', t.segment, to_char(t.microseconds, 'FM9999999990.00') || ' µs a profile'
FROM cdp.segment_times(ARRAY(SELECT p FROM %I.profiles p ORDER BY p.last_seen DESC LIMIT 1000)) t
ORDER BY t.microseconds DESC, t.segment
        $query$, workspace);
END
$status$;
COMMENT ON FUNCTION cdp.status_segments(name) IS
    'the part of cdp.status on segments: their members, predicates that fail, and how long each takes on profiles that were last active';
