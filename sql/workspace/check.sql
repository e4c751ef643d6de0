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
    RETURN QUERY SELECT * FROM cdp.check_segments(workspace);
END
$check$;
COMMENT ON FUNCTION cdp.check(name) IS
    'compares the workspace''s state with what its events say: no rows when all is well, else a row per fault: kind (table, column or value), key (of the row), stored and expected (null: no such row); error 3F000 for no workspace';

-- Events, their identifiers, and the evidence that they are.
--
-- named      every identifier of every event, canonical, with what the rules say of it
-- strongest  an event's anchor
-- evidence   usable identifiers of events, beside the anchor
-- expired    accepted evidence of events that have expired; the earliest, so that when its identifier
--            was last seen is only known from below
-- pairs      the earliest evidence per anchor and other identifier
-- faulty     what an invalid or blocked identifier must have left: the earliest event per anchor,
--            or each event where there is no anchor
CREATE FUNCTION cdp.check_events(workspace name)
    RETURNS TABLE (kind text, key text, stored text, expected text)
    LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE COST 1000000 ROWS 10
    SET search_path = pg_catalog, pg_temp
    SET row_security = off
    SET timezone = 'UTC'
    SET datestyle = 'ISO, MDY'
    SET enable_nestloop = off
    SET jit = off
AS $check$
BEGIN
    RETURN QUERY EXECUTE format($query$
SELECT 'events.event_id', 'event ' || e.event_id, e.n || ' rows', 'one row'
FROM (SELECT v.event_id, count(*) AS n FROM %1$I.events v GROUP BY v.event_id) e
WHERE e.n > 1
UNION ALL
SELECT 'event_ids', 'event ' || e.event_id, NULL, 'a row'
FROM %1$I.events e
LEFT JOIN %1$I.event_ids t ON t.event_id = e.event_id
WHERE t.event_id IS NULL
        $query$, workspace);

    RETURN QUERY EXECUTE format($query$
WITH blocked AS MATERIALIZED (
    SELECT DISTINCT b.namespace, lower(b.value) AS value
    FROM %1$I.blocked_identifiers b
    WHERE b.enabled
), named AS MATERIALIZED (
    SELECT c.event_id, c.at, c.place, c.received, c.identifier, c.namespace,
           coalesce(own.priority, other.priority, 50) AS priority,
           everywhere.value IS NOT NULL OR here.value IS NOT NULL AS blocked
    FROM (SELECT v.*, cdp.namespace(v.identifier) COLLATE "C" AS namespace,
                 lower(cdp.value(v.identifier) COLLATE "C") AS value
          FROM (SELECT e.event_id, least(e.occurred_at, e.received_at) AS at, u.place, u.received,
                       cdp.canonical_identifier($1, u.received) AS identifier
                FROM %1$I.events e
                CROSS JOIN LATERAL unnest(e.identifiers) WITH ORDINALITY u(received, place)
                WHERE u.received IS NOT NULL
                OFFSET 0) v) c
    LEFT JOIN %1$I.identifier_namespaces own ON own.namespace = c.namespace
    LEFT JOIN %1$I.identifier_namespaces other ON other.namespace = '*'
    LEFT JOIN blocked everywhere ON everywhere.namespace = '*' AND everywhere.value = c.value
    LEFT JOIN blocked here ON here.namespace = c.namespace AND here.value = c.value
), strongest AS MATERIALIZED (
    SELECT DISTINCT ON (n.event_id) n.event_id, n.identifier AS anchor
    FROM named n
    WHERE n.identifier IS NOT NULL AND NOT n.blocked
    ORDER BY n.event_id, n.priority, n.namespace, n.place
), evidence AS MATERIALIZED (
    SELECT n.event_id, n.at, s.anchor, n.identifier
    FROM named n
    JOIN strongest s ON s.event_id = n.event_id
    WHERE n.identifier IS NOT NULL AND NOT n.blocked
), expired AS MATERIALIZED (
    SELECT l.anchor, l.identifier, l.occurred_at AS at, l.event_id
    FROM %1$I.identity_links l
    JOIN %1$I.opening_balances b ON b.anchor = l.anchor
    WHERE NOT EXISTS (SELECT FROM %1$I.events v WHERE v.event_id = l.event_id)
), pairs AS MATERIALIZED (
    SELECT DISTINCT ON (e.anchor, e.identifier) e.anchor, e.identifier, e.at, e.event_id
    FROM (SELECT v.anchor, v.identifier, v.at, v.event_id
          FROM evidence v
          WHERE v.identifier <> v.anchor
          UNION ALL
          SELECT x.anchor, x.identifier, x.at, x.event_id FROM expired x) e
    ORDER BY e.anchor, e.identifier, e.at, e.event_id
), seen AS (
    SELECT e.identifier, min(e.first_at) AS first_seen,
           greatest(min(e.first_at), date_trunc('day', max(e.last_at), 'UTC')) AS last_seen,
           bool_or(e.anchors) AS anchors, bool_and(e.exact) AS exact
    FROM (SELECT v.identifier, v.at AS first_at, v.at AS last_at, v.identifier = v.anchor AS anchors,
                 true AS exact
          FROM evidence v
          UNION ALL
          SELECT b.anchor, b.first_seen, b.last_seen, true, true FROM %1$I.opening_balances b
          UNION ALL
          SELECT x.identifier, x.at, x.at, false, false FROM expired x) e
    GROUP BY e.identifier
), faulty AS (
    SELECT DISTINCT ON (f.identifier, f.anchor, f.reason, f.nobodys) f.*
    FROM (SELECT coalesce(cdp.text(n.identifier), n.received) COLLATE "C" AS identifier, s.anchor,
                 CASE WHEN n.identifier IS NULL THEN 'invalid' ELSE 'blocked' END COLLATE "C" AS reason,
                 CASE WHEN s.anchor IS NULL THEN n.event_id END AS nobodys, n.at, n.event_id
          FROM named n
          LEFT JOIN strongest s ON s.event_id = n.event_id
          WHERE n.identifier IS NULL OR n.blocked) f
    ORDER BY f.identifier, f.anchor, f.reason, f.nobodys, f.at, f.event_id
), refused AS (
    SELECT r.identifier, r.anchor, r.reason, r.nobodys, min(r.occurred_at) AS occurred_at,
           (array_agg(r.event_id))[1] AS event_id, count(*) AS n
    FROM (SELECT f.*, CASE WHEN f.anchor IS NULL THEN f.event_id END AS nobodys
          FROM %1$I.identity_refusals f) r
    GROUP BY r.identifier, r.anchor, r.reason, r.nobodys
)
SELECT 'events.anchor', 'event ' || e.event_id, cdp.text(e.anchor), cdp.text(s.anchor)
FROM %1$I.events e
LEFT JOIN strongest s ON s.event_id = e.event_id
WHERE e.anchor IS DISTINCT FROM s.anchor

UNION ALL
SELECT v.kind, coalesce(cdp.text(s.identifier), cdp.text(i.identifier)), v.stored, v.expected
FROM seen s
FULL JOIN %1$I.identifiers i ON i.identifier = s.identifier
CROSS JOIN LATERAL (
    SELECT 'identifiers', 'a row', NULL WHERE s.identifier IS NULL
    UNION ALL
    SELECT 'identifiers', NULL, 'a row' WHERE i.identifier IS NULL
    UNION ALL
    SELECT 'identifiers.first_seen', i.first_seen::text, s.first_seen::text
    WHERE i.first_seen <> s.first_seen
    UNION ALL
    SELECT 'identifiers.last_seen', i.last_seen::text, s.last_seen::text
    WHERE CASE WHEN s.exact THEN i.last_seen <> s.last_seen ELSE i.last_seen < s.last_seen END
    UNION ALL
    SELECT 'identifiers.profile_id', NULL, 'a profile: it anchors events'
    WHERE s.anchors AND i.identifier IS NOT NULL AND i.profile_id IS NULL) v(kind, stored, expected)
WHERE s.identifier IS NULL OR i.identifier IS NULL OR i.first_seen <> s.first_seen
   OR i.last_seen <> s.last_seen OR s.anchors AND i.profile_id IS NULL

UNION ALL
SELECT v.kind, cdp.text(coalesce(p.anchor, l.anchor)) || ' -> ' ||
               cdp.text(coalesce(p.identifier, l.identifier)), v.stored, v.expected
FROM pairs p
FULL JOIN %1$I.identity_links l ON l.anchor = p.anchor AND l.identifier = p.identifier
LEFT JOIN refused r ON r.reason = 'limit' AND r.anchor = p.anchor
                   AND r.identifier = cdp.text(p.identifier) COLLATE "C"
LEFT JOIN %1$I.identifiers a ON a.identifier = p.anchor
LEFT JOIN %1$I.identifiers o ON o.identifier = p.identifier
CROSS JOIN LATERAL (
    SELECT 'identity_links', 'event ' || l.event_id || ' at ' || l.occurred_at,
           CASE WHEN r.n IS NULL THEN 'event ' || p.event_id || ' at ' || p.at END
    WHERE l.anchor IS NOT NULL OR a.profile_id = o.profile_id
    UNION ALL
    SELECT 'identity_refusals', NULL, 'limit, event ' || p.event_id || ' at ' || p.at || '; or one profile'
    WHERE l.anchor IS NULL AND a.profile_id IS DISTINCT FROM o.profile_id AND r.n IS NULL
    ) v(kind, stored, expected)
WHERE v.stored IS DISTINCT FROM v.expected

UNION ALL
SELECT 'identity_refusals',
       coalesce(cdp.text(f.anchor), cdp.text(r.anchor), 'nobody') || ' -> ' ||
           coalesce(f.identifier, r.identifier) || ', ' || coalesce(f.reason, r.reason),
       'event ' || r.event_id || ' at ' || r.occurred_at || CASE WHEN r.n > 1 THEN ', ' || r.n || ' times' ELSE '' END,
       'event ' || f.event_id || ' at ' || f.at
FROM (SELECT * FROM faulty
      UNION ALL
      -- a limit's refusal stands for a pair: which one is refused, its row says
      SELECT r.identifier, r.anchor, r.reason, NULL, p.at, p.event_id
      FROM refused r
      JOIN pairs p ON p.anchor = r.anchor AND cdp.text(p.identifier) COLLATE "C" = r.identifier
      WHERE r.reason = 'limit') f
FULL JOIN refused r
       ON r.identifier = f.identifier AND r.reason = f.reason
      AND coalesce(cdp.text(r.anchor), '') COLLATE "C" = coalesce(cdp.text(f.anchor), '') COLLATE "C"
      AND coalesce(r.nobodys, '00000000-0000-0000-0000-000000000000')
          = coalesce(f.nobodys, '00000000-0000-0000-0000-000000000000')
WHERE (r.event_id, r.occurred_at) IS DISTINCT FROM (f.event_id, f.at) OR r.n > 1
        $query$, workspace)
        USING workspace;
END
$check$;
COMMENT ON FUNCTION cdp.check_events(name) IS
    'the part of cdp.check on events: ids, anchors, identifiers, accepted and refused evidence';

-- Which profile an identifier belongs to, as far as rows can be compared one with another.
CREATE FUNCTION cdp.check_identity(workspace name)
    RETURNS TABLE (kind text, key text, stored text, expected text)
    LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE COST 1000000 ROWS 10
    SET search_path = pg_catalog, pg_temp
    SET row_security = off
    SET enable_nestloop = off
    SET jit = off
AS $check$
DECLARE
    sequence regclass;
    last_id bigint;
    last_value bigint;
BEGIN
    RETURN QUERY EXECUTE format($query$
WITH counts AS MATERIALIZED (
    SELECT i.profile_id, cdp.namespace(i.identifier) COLLATE "C" AS namespace, count(*) AS n
    FROM %1$I.identifiers i
    WHERE i.profile_id IS NOT NULL
    GROUP BY 1, 2
), limits AS MATERIALIZED (
    SELECT c.namespace, CASE WHEN own.namespace IS NULL THEN other.max_per_profile
                             ELSE own.max_per_profile END AS max_per_profile
    FROM (SELECT DISTINCT cdp.namespace(i.identifier) COLLATE "C" AS namespace FROM %1$I.identifiers i) c
    LEFT JOIN %1$I.identifier_namespaces own ON own.namespace = c.namespace
    LEFT JOIN %1$I.identifier_namespaces other ON other.namespace = '*'
), refused AS MATERIALIZED (
    SELECT r.anchor, r.identifier, a.profile_id AS profile_a, o.profile_id AS profile_b,
           cdp.namespace(o.identifier) COLLATE "C" AS namespace_b
    FROM %1$I.identity_refusals r
    JOIN %1$I.identifiers a ON a.identifier = r.anchor
    JOIN %1$I.identifiers o ON cdp.text(o.identifier) COLLATE "C" = r.identifier
    WHERE r.reason = 'limit'
)
SELECT 'identity', cdp.text(l.anchor) || ' -> ' || cdp.text(l.identifier),
       coalesce('profile ' || a.profile_id, 'no profile') || ', ' ||
           coalesce('profile ' || o.profile_id, 'no profile'), 'one profile'
FROM %1$I.identity_links l
JOIN %1$I.identifiers a ON a.identifier = l.anchor
JOIN %1$I.identifiers o ON o.identifier = l.identifier
WHERE a.profile_id IS NULL OR o.profile_id IS NULL OR a.profile_id <> o.profile_id

UNION ALL
SELECT 'identity', cdp.text(r.anchor) || ' -> ' || r.identifier, 'profile ' || r.profile_a,
       'two profiles: it was refused'
FROM refused r
WHERE r.profile_a = r.profile_b

UNION ALL
SELECT 'identity_refusals', cdp.text(r.anchor) || ' -> ' || r.identifier || ', limit', 'a row',
       'one profile: no limit would break'
FROM (
    -- both sides' values of a namespace together; an identifier without a profile counts as one
    SELECT b.anchor, b.identifier, count(*) = 2 AND sum(b.n) > min(l.max_per_profile) AS breaks
    FROM (SELECT r.anchor, r.identifier, c.namespace, c.n
          FROM refused r
          JOIN counts c ON c.profile_id = r.profile_a
          UNION ALL
          SELECT r.anchor, r.identifier, c.namespace, c.n
          FROM refused r
          JOIN counts c ON c.profile_id = r.profile_b
          UNION ALL
          SELECT r.anchor, r.identifier, r.namespace_b, 1 FROM refused r WHERE r.profile_b IS NULL) b
    LEFT JOIN limits l ON l.namespace = b.namespace
    GROUP BY b.anchor, b.identifier, b.namespace) r
GROUP BY r.anchor, r.identifier
HAVING NOT coalesce(bool_or(r.breaks), false)

UNION ALL
SELECT 'identity', 'profile ' || c.profile_id || ', ' || c.namespace, c.n::text,
       'at most ' || l.max_per_profile
FROM counts c
JOIN limits l ON l.namespace = c.namespace
WHERE c.n > greatest(l.max_per_profile, 1) AND l.max_per_profile IS NOT NULL

UNION ALL
SELECT 'identifiers.profile_id', cdp.text(i.identifier), 'profile ' || i.profile_id, 'a profile that is there'
FROM %1$I.identifiers i
LEFT JOIN %1$I.profiles p ON p.profile_id = i.profile_id
WHERE i.profile_id IS NOT NULL AND p.profile_id IS NULL

UNION ALL
SELECT 'profiles.identifier_count', 'profile ' || p.profile_id, p.identifier_count::text,
       (coalesce(i.n, 0) + coalesce(m.n, 0))::text
FROM %1$I.profiles p
LEFT JOIN (SELECT c.profile_id, sum(c.n) AS n FROM counts c GROUP BY 1) i ON i.profile_id = p.profile_id
LEFT JOIN (SELECT f.profile_id, count(*) AS n FROM %1$I.merges f GROUP BY 1) m ON m.profile_id = p.profile_id
WHERE p.identifier_count <> coalesce(i.n, 0) + coalesce(m.n, 0)

UNION ALL
SELECT 'merges', 'profile ' || m.merged_id, v.stored, v.expected
FROM %1$I.merges m
LEFT JOIN %1$I.profiles p ON p.profile_id = m.profile_id
LEFT JOIN %1$I.profiles alive ON alive.profile_id = m.merged_id
LEFT JOIN %1$I.merges into_merged ON into_merged.merged_id = m.merged_into
LEFT JOIN %1$I.profiles into_alive ON into_alive.profile_id = m.merged_into
CROSS JOIN LATERAL (
    SELECT 'profile ' || m.profile_id, 'a profile that is there' WHERE p.profile_id IS NULL
    UNION ALL
    SELECT 'merged', 'not merged: the profile is there' WHERE alive.profile_id IS NOT NULL
    UNION ALL
    SELECT 'merged into ' || m.merged_into, 'an id that was given'
    WHERE into_merged.merged_id IS NULL AND into_alive.profile_id IS NULL
    UNION ALL
    SELECT 'profile ' || m.profile_id, 'profile ' || into_merged.profile_id
    WHERE into_merged.profile_id <> m.profile_id
    UNION ALL
    SELECT 'profile ' || m.profile_id, 'profile ' || m.merged_into
    WHERE into_alive.profile_id <> m.profile_id) v(stored, expected)
        $query$, workspace);

    -- A sequence that lags behind, as after an incomplete restore, would hand out ids again. (Who may
    -- read the tables may not see that.)
    EXECUTE format('SELECT greatest((SELECT max(p.profile_id) FROM %1$I.profiles p), '
                   '(SELECT max(m.merged_id) FROM %1$I.merges m))', workspace)
        INTO last_id;
    sequence := pg_get_serial_sequence(format('%I.profiles', workspace), 'profile_id');
    IF NOT has_sequence_privilege(sequence, 'SELECT, USAGE') THEN
        RETURN;
    END IF;
    last_value := pg_sequence_last_value(sequence);
    IF last_id > coalesce(last_value, 0) THEN
        RETURN QUERY SELECT 'profiles.profile_id', 'sequence', coalesce(last_value, 0)::text,
                            'at least ' || last_id;
    END IF;
END
$check$;
COMMENT ON FUNCTION cdp.check_identity(name) IS
    'the part of cdp.check on identity: links within profiles, refusals and limits kept, counts of identifiers, merges';

-- Whether the accepted evidence holds each profile's identifiers together: from the smallest one,
-- along the links, all others are reached. Thousands of profiles at a time bound the memory. It goes
-- from link to link by index, in this order (OFFSET 0), whatever the planner thinks of the number of
-- rows: so it is linear in the links even where a profile is one long chain.
CREATE FUNCTION cdp.check_connections(workspace name)
    RETURNS TABLE (kind text, key text, stored text, expected text)
    LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE COST 1000000 ROWS 10
    SET search_path = pg_catalog, pg_temp
    SET row_security = off
    SET enable_hashjoin = off
    SET enable_mergejoin = off
    SET enable_seqscan = off
    SET jit = off
AS $check$
DECLARE
    reached text := format($query$
WITH RECURSIVE reached AS (
    SELECT min(i.identifier) AS identifier, i.profile_id
    FROM %1$I.identifiers i
    WHERE i.profile_id = ANY ($1)
    GROUP BY i.profile_id
    UNION
    SELECT n.identifier, r.profile_id
    FROM reached r
    CROSS JOIN LATERAL (
        SELECT l.identifier FROM %1$I.identity_links l WHERE l.anchor = r.identifier
        UNION ALL
        SELECT l.anchor FROM %1$I.identity_links l WHERE l.identifier = r.identifier
        OFFSET 0) n
    CROSS JOIN LATERAL (
        SELECT FROM %1$I.identifiers i
        WHERE i.identifier = n.identifier AND i.profile_id = r.profile_id
        OFFSET 0) i
)       $query$, workspace);
    bound bigint := '-9223372036854775808';
    profiles bigint[];
    apart bigint[];
BEGIN
    LOOP
        EXECUTE format('SELECT array_agg(b.profile_id), max(b.profile_id) '
                       'FROM (SELECT p.profile_id FROM %I.profiles p WHERE p.profile_id > $1 '
                       'ORDER BY p.profile_id LIMIT 10000) b', workspace)
            INTO profiles, bound USING bound;
        EXIT WHEN bound IS NULL;

        EXECUTE reached || format($query$
SELECT array_agg(c.profile_id)
FROM (SELECT n.profile_id
      FROM (SELECT r.profile_id, count(*) AS n FROM reached r GROUP BY r.profile_id
            UNION ALL
            SELECT i.profile_id, -count(*) FROM %1$I.identifiers i
            WHERE i.profile_id = ANY ($1) GROUP BY i.profile_id) n
      GROUP BY n.profile_id
      HAVING sum(n.n) <> 0) c
            $query$, workspace)
            INTO apart USING profiles;
        CONTINUE WHEN apart IS NULL;

        RETURN QUERY EXECUTE reached || format($query$
SELECT 'identity', 'profile ' || i.profile_id,
       array_agg(cdp.text(i.identifier) ORDER BY i.identifier)::text,
       concat_ws(' apart from ',
                 array_agg(cdp.text(i.identifier) ORDER BY i.identifier)
                     FILTER (WHERE i.identifier IN (SELECT r.identifier FROM reached r)),
                 array_agg(cdp.text(i.identifier) ORDER BY i.identifier)
                     FILTER (WHERE i.identifier NOT IN (SELECT r.identifier FROM reached r)))
FROM %1$I.identifiers i
WHERE i.profile_id = ANY ($1)
GROUP BY i.profile_id
            $query$, workspace)
            USING apart;
    END LOOP;
END
$check$;
COMMENT ON FUNCTION cdp.check_connections(name) IS
    'the part of cdp.check on identity that follows the links: each profile''s identifiers hang together';

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
