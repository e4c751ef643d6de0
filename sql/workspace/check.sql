-- The judge: what is stored, against what the events say.
--
-- Everything is computed again from events (and opening_balances) with plain SQL: none of the
-- engine's stages, none of the types' aggregates or merges. What is shared is the canonical form of
-- an identifier, and the readers of the types.
--
-- All of it is STABLE: it reads one snapshot, that of the calling query, so writers do not disturb
-- it, and it works on a standby. Hence no temporary tables, and no statistics of what is computed
-- on the way: nested loops, a gamble on few rows, are off where many are joined.

CREATE FUNCTION cdp.check(workspace name)
    RETURNS TABLE (kind text, key text, stored text, expected text)
    LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE COST 1000000 ROWS 10
    SET search_path = pg_catalog, pg_temp
AS $check$
BEGIN
    PERFORM cdp.require_workspace(workspace);
    -- An error where the workspace's tables are not what they seem: views, or somebody else's.
    PERFORM cdp.canonical_identifier(workspace, 'user_id:1');
    RETURN QUERY SELECT * FROM cdp.check_events(workspace);
    RETURN QUERY SELECT * FROM cdp.check_identity(workspace);
    RETURN QUERY SELECT * FROM cdp.check_connections(workspace);
    RETURN QUERY SELECT * FROM cdp.check_values(workspace);
    RETURN QUERY SELECT * FROM cdp.check_computed(workspace);
    RETURN QUERY SELECT * FROM cdp.check_segments(workspace);
END
$check$;
COMMENT ON FUNCTION cdp.check(name) IS
    'compares the workspace''s state with what its events say: no rows when all is well, else a row per fault: kind (table, column or value), key (of the row), stored and expected (null: no such row); error 3F000 for no workspace';

-- The values of profiles: folds of the events whose anchor is one of the profile's identifiers.
CREATE FUNCTION cdp.check_values(workspace name)
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
    zone text;
BEGIN
    EXECUTE format('SELECT s.time_zone FROM %I.settings s', workspace) INTO zone;

    RETURN QUERY EXECUTE format($query$
SELECT v.kind, 'profile ' || coalesce(p.profile_id, e.profile_id), v.stored, v.expected
FROM %1$I.profiles p
FULL JOIN (
    SELECT f.profile_id, sum(f.n)::bigint AS event_count, min(f.first_at) AS first_seen,
           max(f.last_at) AS last_seen
    FROM (SELECT i.profile_id, count(*) AS n, min(least(v.occurred_at, v.received_at)) AS first_at,
                 max(least(v.occurred_at, v.received_at)) AS last_at
          FROM %1$I.events v
          JOIN %1$I.identifiers i ON i.identifier = v.anchor
          WHERE i.profile_id IS NOT NULL
          GROUP BY i.profile_id
          UNION ALL
          SELECT i.profile_id, b.event_count, b.first_seen, b.last_seen
          FROM %1$I.opening_balances b
          JOIN %1$I.identifiers i ON i.identifier = b.anchor
          WHERE i.profile_id IS NOT NULL) f
    GROUP BY f.profile_id) e ON e.profile_id = p.profile_id
CROSS JOIN LATERAL (
    SELECT 'profiles', p.event_count || ' events', e.event_count || ' events'
    WHERE p.profile_id IS NULL OR e.profile_id IS NULL
    UNION ALL
    SELECT 'profiles.event_count', p.event_count::text, e.event_count::text
    WHERE p.event_count <> e.event_count
    UNION ALL
    SELECT 'profiles.first_seen', p.first_seen::text, e.first_seen::text
    WHERE p.first_seen <> e.first_seen
    UNION ALL
    SELECT 'profiles.last_seen', p.last_seen::text, e.last_seen::text
    WHERE p.last_seen <> e.last_seen) v(kind, stored, expected)
WHERE p.profile_id IS NULL OR e.profile_id IS NULL OR p.event_count <> e.event_count
   OR p.first_seen <> e.first_seen OR p.last_seen <> e.last_seen
        $query$, workspace);

    -- Traits: per key the latest event that says something of it.
    RETURN QUERY EXECUTE format($query$
SELECT 'traits', 'profile ' || coalesce(s.profile_id, e.profile_id) || ', ' || coalesce(s.key, e.key),
       CASE WHEN s.is_set THEN s.value::text ELSE 'unset' END || ' at ' || s.at || ' by event ' ||
           s.event_id || coalesce(' from ' || s.source, ''),
       CASE WHEN e.is_set THEN e.value::text ELSE 'unset' END || ' at ' || e.at || ' by event ' ||
           e.event_id || coalesce(' from ' || e.source, '')
FROM (
    SELECT p.profile_id, t.key COLLATE "C" AS key, t.value, t.observed_at AS at, t.event_id, t.source, t.is_set
    FROM %1$I.profiles p
    CROSS JOIN LATERAL cdp.trait_entries(p.traits) t) s
FULL JOIN (
    SELECT DISTINCT ON (f.profile_id, f.key) f.*
    FROM (SELECT i.profile_id, t.key COLLATE "C" AS key, t.value, least(v.occurred_at, v.received_at) AS at,
                 v.event_id, v.source, jsonb_typeof(t.value) <> 'null' AS is_set
          FROM %1$I.events v
          JOIN %1$I.identifiers i ON i.identifier = v.anchor
          CROSS JOIN LATERAL jsonb_each(v.traits) t
          WHERE i.profile_id IS NOT NULL
          UNION ALL
          SELECT i.profile_id, t.key COLLATE "C", t.value, t.observed_at, t.event_id, t.source, t.is_set
          FROM %1$I.opening_balances b
          JOIN %1$I.identifiers i ON i.identifier = b.anchor
          CROSS JOIN LATERAL cdp.trait_entries(b.traits) t
          WHERE i.profile_id IS NOT NULL) f
    ORDER BY f.profile_id, f.key, f.at DESC, f.event_id DESC) e
    ON e.profile_id = s.profile_id AND e.key = s.key
WHERE s.profile_id IS NULL OR e.profile_id IS NULL OR s.is_set <> e.is_set OR s.at <> e.at
   OR s.event_id <> e.event_id OR s.source IS DISTINCT FROM e.source
   OR s.is_set AND s.value::text <> e.value::text
        $query$, workspace);

    -- Lifetime value: exact sums, counts, first and last times per currency.
    RETURN QUERY EXECUTE format($query$
SELECT 'ltv.' || v.figure, 'profile ' || coalesce(s.profile_id, e.profile_id) || ', ' ||
       coalesce(s.currency, e.currency), v.stored, v.expected
FROM (
    SELECT p.profile_id, c.currency COLLATE "C" AS currency, cdp.total(p.ltv, c.currency) AS total,
           cdp.purchases(p.ltv, c.currency) AS purchases,
           cdp.purchase_total(p.ltv, c.currency) AS purchase_total,
           cdp.first_purchase_at(p.ltv, c.currency) AS first_purchase_at,
           cdp.last_purchase_at(p.ltv, c.currency) AS last_purchase_at,
           cdp.refunds(p.ltv, c.currency) AS refunds,
           cdp.refund_total(p.ltv, c.currency) AS refund_total,
           cdp.first_refund_at(p.ltv, c.currency) AS first_refund_at,
           cdp.last_refund_at(p.ltv, c.currency) AS last_refund_at
    FROM %1$I.profiles p
    CROSS JOIN LATERAL unnest(cdp.currencies(p.ltv)) c(currency)) s
FULL JOIN (
    SELECT f.profile_id, f.currency, sum(f.purchase_total + f.refund_total) AS total,
           sum(f.purchases) AS purchases, sum(f.purchase_total) AS purchase_total,
           min(f.first_purchase_at) AS first_purchase_at, max(f.last_purchase_at) AS last_purchase_at,
           sum(f.refunds) AS refunds, sum(f.refund_total) AS refund_total,
           min(f.first_refund_at) AS first_refund_at, max(f.last_refund_at) AS last_refund_at
    FROM (SELECT i.profile_id, v.currency COLLATE "C" AS currency,
                 count(*) FILTER (WHERE v.amount > 0) AS purchases,
                 coalesce(sum(v.amount) FILTER (WHERE v.amount > 0), 0) AS purchase_total,
                 min(least(v.occurred_at, v.received_at)) FILTER (WHERE v.amount > 0) AS first_purchase_at,
                 max(least(v.occurred_at, v.received_at)) FILTER (WHERE v.amount > 0) AS last_purchase_at,
                 count(*) FILTER (WHERE v.amount < 0) AS refunds,
                 coalesce(sum(v.amount) FILTER (WHERE v.amount < 0), 0) AS refund_total,
                 min(least(v.occurred_at, v.received_at)) FILTER (WHERE v.amount < 0) AS first_refund_at,
                 max(least(v.occurred_at, v.received_at)) FILTER (WHERE v.amount < 0) AS last_refund_at
          FROM %1$I.events v
          JOIN %1$I.identifiers i ON i.identifier = v.anchor
          WHERE i.profile_id IS NOT NULL AND v.amount <> 0
          GROUP BY 1, 2
          UNION ALL
          SELECT i.profile_id, c.currency, cdp.purchases(b.ltv, c.currency),
                 cdp.purchase_total(b.ltv, c.currency), cdp.first_purchase_at(b.ltv, c.currency),
                 cdp.last_purchase_at(b.ltv, c.currency), cdp.refunds(b.ltv, c.currency),
                 cdp.refund_total(b.ltv, c.currency), cdp.first_refund_at(b.ltv, c.currency),
                 cdp.last_refund_at(b.ltv, c.currency)
          FROM %1$I.opening_balances b
          JOIN %1$I.identifiers i ON i.identifier = b.anchor
          CROSS JOIN LATERAL unnest(cdp.currencies(b.ltv)) c(currency)
          WHERE i.profile_id IS NOT NULL) f
    GROUP BY f.profile_id, f.currency) e
    ON e.profile_id = s.profile_id AND e.currency = s.currency
CROSS JOIN LATERAL (VALUES
    ('total', trim_scale(s.total)::text, trim_scale(e.total)::text),
    ('purchases', s.purchases::text, e.purchases::text),
    ('purchase_total', trim_scale(s.purchase_total)::text, trim_scale(e.purchase_total)::text),
    ('first_purchase_at', s.first_purchase_at::text, e.first_purchase_at::text),
    ('last_purchase_at', s.last_purchase_at::text, e.last_purchase_at::text),
    ('refunds', s.refunds::text, e.refunds::text),
    ('refund_total', trim_scale(s.refund_total)::text, trim_scale(e.refund_total)::text),
    ('first_refund_at', s.first_refund_at::text, e.first_refund_at::text),
    ('last_refund_at', s.last_refund_at::text, e.last_refund_at::text)) v(figure, stored, expected)
WHERE v.stored IS DISTINCT FROM v.expected
        $query$, workspace);

    -- The net of each day of the workspace's time zone.
    RETURN QUERY EXECUTE format($query$
SELECT 'ltv.daily_net', 'profile ' || coalesce(s.profile_id, e.profile_id) || ', ' ||
       coalesce(s.currency, e.currency) || ', ' || coalesce(s.day, e.day),
       trim_scale(s.net)::text, trim_scale(e.net)::text
FROM (
    SELECT p.profile_id, d.currency COLLATE "C" AS currency, d.day, d.net
    FROM %1$I.profiles p
    CROSS JOIN LATERAL cdp.daily_net(p.ltv) d) s
FULL JOIN (
    SELECT f.profile_id, f.currency, f.day, sum(f.net) AS net
    FROM (SELECT i.profile_id, v.currency COLLATE "C" AS currency,
                 (least(v.occurred_at, v.received_at) AT TIME ZONE $1)::date AS day, v.amount AS net
          FROM %1$I.events v
          JOIN %1$I.identifiers i ON i.identifier = v.anchor
          WHERE i.profile_id IS NOT NULL AND v.amount <> 0
          UNION ALL
          SELECT i.profile_id, d.currency, d.day, d.net
          FROM %1$I.opening_balances b
          JOIN %1$I.identifiers i ON i.identifier = b.anchor
          CROSS JOIN LATERAL cdp.daily_net(b.ltv) d
          WHERE i.profile_id IS NOT NULL) f
    GROUP BY f.profile_id, f.currency, f.day) e
    ON e.profile_id = s.profile_id AND e.currency = s.currency AND e.day = s.day
WHERE s.net IS DISTINCT FROM e.net
UNION ALL
SELECT 'ltv.zone', 'profile ' || p.profile_id, cdp.zone(p.ltv), $1
FROM %1$I.profiles p
WHERE lower(cdp.zone(p.ltv) COLLATE "C") <> lower($1 COLLATE "C")
        $query$, workspace)
        USING zone;
END
$check$;
COMMENT ON FUNCTION cdp.check_values(name) IS
    'the part of cdp.check on profiles: times, counts, traits and lifetime value, as the events add up to them';

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
BEGIN
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
            IF SQLSTATE ~ '^(40|53|57)' THEN
                RAISE;
            END IF;
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
