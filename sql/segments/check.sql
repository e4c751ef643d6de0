-- The judge on segments: membership by plain queries, the timers, and the history of changes.

CREATE FUNCTION cdp.check_predicate(workspace name, segment text, predicate text) RETURNS void
    AS 'MODULE_PATHNAME', 'cdp_check_predicate'
    LANGUAGE C STABLE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION cdp.check_predicate(name, text, text) IS
    'nothing where the text can be the predicate of a segment of the workspace, else the error that its definition would be; the segment''s name is for the message';

CREATE FUNCTION cdp.predicate_query(workspace name, segment text, predicate text, query text, VARIADIC arguments "any")
    RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'cdp_predicate_query'
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1000000;
COMMENT ON FUNCTION cdp.predicate_query(name, text, text, text, "any") IS
    'the rows of a query with these arguments ($1 and so on), run with the caller''s rights: definition.predicate stands in it for the predicate, which is analysed and run as one, on the columns of profiles, at instant.at; definition.reads_clock for whether it reads the clock. A text that could not be the predicate of a segment is false';

CREATE FUNCTION cdp.predicate_fails(profile anyelement, segment text, predicate text, at timestamptz) RETURNS boolean
    AS 'MODULE_PATHNAME', 'cdp_predicate_fails'
    LANGUAGE C STABLE STRICT PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION cdp.predicate_fails(anyelement, text, text, timestamptz) IS
    'whether a predicate raises an error on a profile, a row of a workspace''s table profiles, at an instant; one predicate in a query';

-- Profiles on which a predicate, as a plain query has it, disagrees with the stored membership: as of
-- the row's instant (evaluated_at), or at instants between it and its timer (later), at which nothing
-- may have changed yet. A profile on which it fails is no member: where the query fails, each profile is
-- tried. Settings that a text's meaning depends on are those of definitions.
CREATE FUNCTION cdp.check_segment(workspace name, segment text, predicate text, later boolean)
    RETURNS TABLE (profile_id bigint, stored boolean, expected boolean, at timestamptz)
    LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE COST 1000000 ROWS 10
    SET search_path = pg_catalog, pg_temp
    SET row_security = off
    SET timezone = 'UTC'
    SET datestyle = 'ISO, MDY'
    SET intervalstyle = postgres
    SET extra_float_digits = 1
    SET bytea_output = hex
    SET array_nulls = on
    SET quote_all_identifiers = off
    SET jit = off
AS $check$
DECLARE
    disagree text := format($query$
SELECT d.profile_id, d.stored, NOT d.stored, d.at
FROM (SELECT profiles.profile_id, cdp.has_segment(profiles.segments, $1) AS stored, instant.at, %%s AS expected
      FROM %1$I.profiles
      CROSS JOIN LATERAL (%2$s) AS instant(at)
      %3$s) AS d
WHERE d.stored <> d.expected
        $query$, workspace,
        CASE WHEN later THEN $later$
          SELECT p.at
          FROM (SELECT profiles.next_evaluation_at - make_interval(secs => 0.000001)
                UNION ALL
                SELECT profiles.evaluated_at + (profiles.next_evaluation_at - profiles.evaluated_at) * k / 8.0
                FROM generate_series(1, 7) k
                UNION ALL
                SELECT profiles.evaluated_at + hours * make_interval(hours => 1)
                FROM unnest('{1,24,168,720,2160,8760,87600}'::int[]) hours
                WHERE profiles.next_evaluation_at IS NULL) AS p(at)
          WHERE p.at > profiles.evaluated_at
            AND (p.at < profiles.next_evaluation_at OR profiles.next_evaluation_at IS NULL)
            $later$ ELSE 'SELECT profiles.evaluated_at' END,
        CASE WHEN later THEN 'WHERE definition.reads_clock' ELSE '' END);
    holds text := 'coalesce(definition.predicate, false)';
BEGIN
    PERFORM cdp.require_step(workspace);
    EXECUTE format('SELECT set_config(''timezone'', s.time_zone, true) FROM %I.settings s', workspace);
    BEGIN
        RETURN QUERY SELECT d.* FROM cdp.predicate_query(workspace, segment, predicate, format(disagree, holds), segment)
                                     d(profile_id bigint, stored boolean, expected boolean, at timestamptz);
        RETURN;
    EXCEPTION WHEN OTHERS THEN
        IF SQLSTATE ~ '^(40|53|57|58|XX00[12])' THEN
            RAISE;
        END IF;
    END;
    holds := format('CASE WHEN cdp.predicate_fails(profiles, $1, $2, instant.at) THEN %s ELSE %s END',
                    CASE WHEN later THEN 'cdp.has_segment(profiles.segments, $1)' ELSE 'false' END, holds);
    RETURN QUERY SELECT d.* FROM cdp.predicate_query(workspace, segment, predicate, format(disagree, holds), segment,
                                                     predicate)
                                 d(profile_id bigint, stored boolean, expected boolean, at timestamptz);
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
    FOR segment, predicate IN
        EXECUTE format('SELECT s.name, CASE WHEN s.enabled THEN s.predicate ELSE ''false'' END FROM %I.segments s ORDER BY s.name',
                       workspace)
    LOOP
        BEGIN
            PERFORM cdp.check_predicate(workspace, segment, predicate);
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS fault = MESSAGE_TEXT;
            IF SQLSTATE ~ '^(40|53|57|58|XX00[12])' THEN
                RAISE;
            END IF;
            RETURN QUERY VALUES ('segments', 'definition of ' || segment, 'does not compile: ' || fault,
                                 'a predicate that compiles');
        END;
        RETURN QUERY
        SELECT 'segments', 'profile ' || d.profile_id || ', ' || segment,
               CASE WHEN d.stored THEN 'member' ELSE 'no member' END,
               CASE WHEN d.expected THEN 'member' ELSE 'no member' END
        FROM cdp.check_segment(workspace, segment, predicate, false) d;

        RETURN QUERY EXECUTE format($query$
SELECT 'profiles.next_evaluation_at', 'profile ' || d.profile_id || ', ' || $2,
       coalesce(p.next_evaluation_at::text, 'never'), 'at ' || min(d.at) || ' or before'
FROM cdp.check_segment($1, $2, $3, true) d
JOIN %1$I.profiles p ON p.profile_id = d.profile_id
WHERE NOT EXISTS (SELECT FROM %1$I.segment_failures e
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
