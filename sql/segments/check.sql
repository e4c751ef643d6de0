-- The judge on segments: membership by plain queries, the timers, and the history of changes.

CREATE FUNCTION cdp.check_predicate(workspace name, segment text, predicate text) RETURNS void
    AS 'MODULE_PATHNAME', 'cdp_check_predicate'
    LANGUAGE C STABLE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION cdp.check_predicate(name, text, text) IS
    'nothing where the text can be the predicate of a segment of the workspace, else the error that its definition would be; the segment''s name is for the message';

-- Profiles on which a predicate, as a plain query has it, disagrees with the stored membership: as of
-- the row's instant (evaluated_at, which stands for the clock), or at instants between it and its timer
-- (later), at which nothing may have changed yet. A profile on which it fails is no member: to find
-- those, a failing range of ids is halved. Settings that a text's meaning depends on are those of
-- definitions.
CREATE FUNCTION cdp.check_segment(workspace name, segment text, predicate text, later boolean)
    RETURNS TABLE (profile_id bigint, stored boolean, expected boolean, at timestamptz)
    LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE COST 1000000 ROWS 10
    SET search_path = pg_catalog, cdp, pg_temp
    SET row_security = off
    SET timezone = 'UTC'
    SET datestyle = 'ISO, MDY'
    SET intervalstyle = postgres
    SET extra_float_digits = 1
    SET bytea_output = hex
    SET array_nulls = on
    SET quote_all_identifiers = off
    SET standard_conforming_strings = on
    SET transform_null_equals = off
    SET jit = off
AS $check$
DECLARE
    broken boolean := false;
    disagree text;
    source text;
    lows bigint[];
    highs bigint[];
    n integer;
    low bigint;
    high bigint;
    ids bigint[];
    members boolean[];
    instants timestamptz[];
BEGIN
    PERFORM cdp.require_step(workspace);
    EXECUTE pg_catalog.format('SELECT pg_catalog.set_config(''timezone'', s.time_zone, true) FROM %I.settings s',
                              workspace);
    -- The text may have been put there past the triggers: run nothing that they would refuse.
    BEGIN
        predicate := cdp.predicate_sql(workspace, segment, predicate);
    EXCEPTION WHEN OTHERS THEN
        IF SQLSTATE ~ '^(40|53|57)' THEN
            RAISE;
        END IF;
        broken := true;
    END;
    IF later THEN
        SELECT pg_catalog.format($source$(
          SELECT %1$s, probe.at AS evaluated_at
          FROM %2$I.profiles AS r
          CROSS JOIN LATERAL (
              SELECT r.next_evaluation_at - pg_catalog.make_interval(secs => 0.000001) AS at
              UNION ALL
              SELECT r.evaluated_at + (r.next_evaluation_at - r.evaluated_at) * k / 8.0
              FROM pg_catalog.generate_series(1, 7) k
              UNION ALL
              SELECT r.evaluated_at + days * pg_catalog.make_interval(hours => 1)
              FROM pg_catalog.unnest('{1,24,168,720,2160,8760,87600}'::int[]) days
              WHERE r.next_evaluation_at IS NULL) AS probe
          WHERE probe.at > r.evaluated_at
            AND (probe.at < r.next_evaluation_at OR r.next_evaluation_at IS NULL)) AS profiles$source$,
                   pg_catalog.string_agg(pg_catalog.format('r.%I', a.attname), ', '), workspace)
            INTO source
            FROM pg_catalog.pg_attribute a
            WHERE a.attrelid = pg_catalog.format('%I.profiles', workspace)::regclass
              AND a.attnum > 0 AND NOT a.attisdropped AND a.attname <> 'evaluated_at';
    ELSE
        source := pg_catalog.format('%I.profiles', workspace);
    END IF;
    disagree := pg_catalog.format($query$
SELECT pg_catalog.array_agg(p.profile_id), pg_catalog.array_agg(p.stored), pg_catalog.array_agg(p.at)
FROM (SELECT profile_id, cdp.has_segment(segments, $1) AS stored, evaluated_at AS at, coalesce((%s
             ), false) AS expected
      FROM %s
      WHERE profile_id BETWEEN $2 AND $3) AS p
WHERE p.stored <> p.expected
        $query$,
        CASE WHEN broken THEN 'false' ELSE predicate END, source);

    EXECUTE pg_catalog.format('SELECT ARRAY[min(p.profile_id)], ARRAY[max(p.profile_id)] FROM %I.profiles p',
                              workspace)
        INTO lows, highs;
    n := 1;
    WHILE n > 0 LOOP
        low := lows[n];
        high := highs[n];
        n := n - 1;
        BEGIN
            EXECUTE disagree INTO ids, members, instants USING segment, low, high;
        EXCEPTION WHEN OTHERS THEN
            IF SQLSTATE ~ '^(40|53|57)' THEN
                RAISE;
            END IF;
            IF low < high THEN
                lows[n + 1] := low + (high - low) / 2 + 1;
                highs[n + 1] := high;
                lows[n + 2] := low;
                highs[n + 2] := low + (high - low) / 2;
                n := n + 2;
                CONTINUE;
            END IF;
            CONTINUE WHEN later;
            EXECUTE pg_catalog.format(
                'SELECT ARRAY[p.profile_id], ARRAY[true], ARRAY[p.evaluated_at] FROM %I.profiles p '
                'WHERE p.profile_id = $2 AND cdp.has_segment(p.segments, $1)', workspace)
                INTO ids, members, instants USING segment, low;
        END;
        RETURN QUERY SELECT d.id, d.member, NOT d.member, d.at
                     FROM unnest(ids, members, instants) d(id, member, at);
    END LOOP;
END
$check$;
COMMENT ON FUNCTION cdp.check_segment(name, text, text, boolean) IS
    'the part of cdp.check on one segment: profiles whose membership is not what the predicate says in a plain query on profiles, as of the row''s instant; later: at instants before its timer';

-- Membership: as the predicates say, and as the history of changes adds up to.
CREATE FUNCTION cdp.check_segments(workspace name)
    RETURNS TABLE (kind text, key text, stored text, expected text)
    LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE COST 1000000 ROWS 10
    SET search_path = pg_catalog, pg_temp
    SET row_security = off
    SET timezone = 'UTC'
    SET datestyle = 'ISO, MDY'
    SET enable_nestloop = off
    SET jit = off
AS $check$
DECLARE
    segment text;
    predicate text;
    fault text;
BEGIN
    PERFORM cdp.require_step(workspace);
    -- A date word in data ("today") fails a predicate, but not a plain query: such rows are noted in
    -- segment_errors.
    FOR segment, predicate IN
        EXECUTE format('SELECT s.name, s.predicate FROM %I.segments s ORDER BY s.name', workspace)
    LOOP
        RETURN QUERY EXECUTE format($query$
SELECT 'segments', 'profile ' || d.profile_id || ', ' || $2,
       CASE WHEN d.stored THEN 'member' ELSE 'no member' END,
       CASE WHEN d.expected THEN 'member' ELSE 'no member' END
FROM cdp.check_segment($1, $2, $3, false) d
WHERE NOT (d.expected AND EXISTS (
        SELECT FROM %1$I.segment_errors e
        WHERE e.segment = $2 AND e.profile_id = d.profile_id AND e.message ~ '^relative date or time'))
            $query$, workspace)
            USING workspace, segment, predicate;
        -- A predicate that reads the clock is another text without it.
        BEGIN
            CONTINUE WHEN cdp.predicate_sql(workspace, segment, predicate) = predicate;
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS fault = MESSAGE_TEXT;
            IF SQLSTATE ~ '^(40|53|57)' THEN
                RAISE;
            END IF;
            RETURN QUERY VALUES ('segments', 'definition of ' || segment, 'does not compile: ' || fault,
                                 'a predicate that compiles');
            CONTINUE;
        END;
        RETURN QUERY EXECUTE format($query$
SELECT 'profiles.next_evaluation_at', 'profile ' || d.profile_id || ', ' || $2,
       coalesce(p.next_evaluation_at::text, 'never'), 'at ' || min(d.at) || ' or before'
FROM cdp.check_segment($1, $2, $3, true) d
JOIN %1$I.profiles p ON p.profile_id = d.profile_id
WHERE NOT EXISTS (SELECT FROM %1$I.segment_errors e
                  WHERE e.segment = $2 AND e.profile_id = d.profile_id)
GROUP BY d.profile_id, p.next_evaluation_at
            $query$, workspace)
            USING workspace, segment, predicate;
    END LOOP;

    RETURN QUERY EXECUTE format($query$
SELECT 'segments', 'profile ' || p.profile_id || ', ' || e.segment, 'member', 'no such segment'
FROM %1$I.profiles p
CROSS JOIN LATERAL cdp.segment_entries(p.segments) e
WHERE e.segment COLLATE "C" NOT IN (SELECT s.name FROM %1$I.segments s)

UNION ALL
SELECT 'segment_changes', 'profile ' || coalesce(c.profile_id, m.profile_id) || ', ' ||
       coalesce(c.segment, m.segment),
       CASE WHEN c.entered_last THEN 'entered at ' || c.entered_at ELSE 'left at ' || c.left_at END,
       CASE WHEN m.segment IS NULL THEN 'left' ELSE 'entered at ' || m.entered_at END
FROM (SELECT h.profile_id, h.segment, sum(CASE WHEN h.entered THEN 1 ELSE -1 END) > 0 AS entered_last,
             max(h.at) FILTER (WHERE h.entered) AS entered_at,
             max(h.at) FILTER (WHERE NOT h.entered) AS left_at, bool_or(h.cause = 'reevaluate') AS repeated
      FROM %1$I.segment_changes h
      GROUP BY h.profile_id, h.segment) c
FULL JOIN (SELECT p.profile_id, e.segment COLLATE "C" AS segment, e.entered_at
           FROM %1$I.profiles p
           CROSS JOIN LATERAL cdp.segment_entries(p.segments) e) m
       ON m.profile_id = c.profile_id AND m.segment = c.segment
WHERE CASE WHEN m.segment IS NULL THEN c.entered_last
           ELSE NOT coalesce(c.entered_last, false) OR c.entered_at <> m.entered_at AND NOT c.repeated END

UNION ALL
-- Who enters has been outside, who leaves inside; but where a reevaluation has set a profile right, as
-- after the clock was moved back: a time that has passed twice is told twice.
SELECT 'segment_changes', 'profile ' || c.profile_id || ', ' || c.segment,
       CASE WHEN c.inside > 1 THEN 'entered' ELSE 'left' END || ' at ' || c.at || ' twice', 'once'
FROM (SELECT DISTINCT h.profile_id, h.segment, h.at,
             sum(CASE WHEN h.entered THEN 1 ELSE -1 END)
                 OVER (PARTITION BY h.profile_id, h.segment ORDER BY h.at) AS inside
      FROM %1$I.segment_changes h) c
WHERE c.inside NOT IN (0, 1)
  AND NOT EXISTS (SELECT FROM %1$I.segment_changes r
                  WHERE r.profile_id = c.profile_id AND r.segment = c.segment AND r.cause = 'reevaluate')
        $query$, workspace);
END
$check$;
COMMENT ON FUNCTION cdp.check_segments(name) IS
    'the part of cdp.check on segments: membership as the predicates say, and as segment_changes adds up to';
