-- The judge on identity: who is who, as the events, the rules and the decisions say it.
--
-- The partition is found by brute force: what each event shows is read again by the rules, and where
-- any of it could be refused, all of it is replayed in the order of time. As in workspace/check.sql,
-- nothing of the engine is used but the canonical form of an identifier.

CREATE FUNCTION cdp.check_expired(workspace name)
    RETURNS TABLE (anchor cdp.identifier, identifier cdp.identifier, at timestamptz, event_id uuid)
    LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE COST 1000000 ROWS 1000
    SET search_path = pg_catalog, pg_temp
    SET row_security = off
    SET enable_nestloop = off
    SET work_mem = '64MB'
    SET jit = off
AS $check$
BEGIN
    PERFORM cdp.require_step(workspace);
    RETURN QUERY EXECUTE format($query$
SELECT k.anchor, k.identifier, k.occurred_at, k.event_id
FROM (SELECT l.anchor, l.identifier, l.occurred_at, l.event_id
      FROM %1$I.identity_links l
      UNION ALL
      SELECT r.anchor, cdp.to_identifier(r.identifier), r.occurred_at, r.event_id
      FROM %1$I.identity_refusals r
      WHERE r.reason IN ('limit', 'separated', 'merge')) k
JOIN %1$I.opening_balances b ON b.anchor = k.anchor
WHERE NOT EXISTS (SELECT FROM %1$I.events v WHERE v.event_id = k.event_id)
        $query$, workspace);
END
$check$;
COMMENT ON FUNCTION cdp.check_expired(name) IS
    'pairs of identifiers that expired events have left: accepted and refused evidence whose event is gone, while an opening balance stands for its anchor';

-- What becomes of each pair of identifiers that events show, by replay.
--
-- Only what can be contested is replayed. A stored profile, or an identifier without one, is a group;
-- where all pairs of a group stay in it, its values keep the limits, no decision touches it and no
-- identifier of it has can_merge = false, the replay accepts them all. (That the group is the right one
-- is not taken for granted: a pair that leads out of it puts it into the replay, and
-- cdp.check_connections finds what holds it together.)
--
-- The replay is a union-find over numbers, in arrays: per root its size, when it first anchored an
-- event, and the values it has of each limited namespace.
CREATE FUNCTION cdp.check_replay(workspace name)
    RETURNS TABLE (kind text, anchor cdp.identifier, identifier cdp.identifier, at timestamptz, event_id uuid,
                   reason text)
    LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE COST 1000000 ROWS 100000
    SET search_path = pg_catalog, pg_temp
    SET row_security = off
    SET enable_nestloop = off
    SET work_mem = '64MB'
    SET jit = off
AS $check$
DECLARE
    one record;
    root integer[] := '{}';
    size integer[] := '{}';
    anchored timestamptz[] := '{}';
    can_merge boolean[] := '{}';
    kinds integer := 0;
    limits integer[] := '{}';
    counts integer[] := '{}';
    apart_a integer[] := '{}';
    apart_b integer[] := '{}';
    apart boolean[] := '{}';
    x integer;
    y integer;
    p integer;
    q integer;
BEGIN
    PERFORM cdp.require_step(workspace);
    FOR one IN EXECUTE format($query$
WITH named AS MATERIALIZED (
    SELECT n.bunch, n.identifier, n.anchor, n.first_at, n.first_event
    FROM cdp.check_named($1) n
    WHERE n.reason IS NULL
), expired AS MATERIALIZED (
    SELECT x.* FROM cdp.check_expired($1) x
), pairs AS MATERIALIZED (
    SELECT DISTINCT ON (e.anchor, e.identifier) e.anchor, e.identifier, e.at, e.event_id
    FROM (SELECT n.anchor, n.identifier, n.first_at AS at, n.first_event AS event_id
          FROM named n
          WHERE n.identifier <> n.anchor
          UNION ALL
          SELECT x.anchor, x.identifier, x.at, x.event_id FROM expired x) e
    ORDER BY e.anchor, e.identifier, e.at, e.event_id
), anchored AS (
    SELECT a.identifier, min(a.at) AS at
    FROM (SELECT n.anchor AS identifier, n.first_at AS at FROM named n WHERE n.anchor IS NOT NULL
          UNION ALL
          SELECT b.anchor, b.first_seen FROM %1$I.opening_balances b) a
    GROUP BY a.identifier
), usable AS MATERIALIZED (
    SELECT n.identifier, cdp.namespace(n.identifier) COLLATE "C" AS namespace
    FROM (SELECT identifier FROM named
          UNION SELECT x.anchor FROM expired x
          UNION SELECT x.identifier FROM expired x) n
), nodes AS MATERIALIZED (
    SELECT u.identifier, u.namespace, r.priority, r.max_per_profile, r.can_merge, a.at AS anchored_at,
           coalesce(i.profile_id::text, cdp.text(u.identifier)) COLLATE "C" AS whose
    FROM usable u
    JOIN cdp.check_namespace_rules($1, ARRAY(SELECT DISTINCT o.namespace FROM usable o)) r
      ON r.namespace COLLATE "C" = u.namespace
    LEFT JOIN anchored a ON a.identifier = u.identifier
    LEFT JOIN %1$I.identifiers i ON i.identifier = u.identifier
), decided AS MATERIALIZED (
    SELECT d.kind, a.identifier AS a, b.identifier AS b, a.whose AS whose_a, b.whose AS whose_b
    FROM %1$I.identity_decisions d
    JOIN nodes a ON a.identifier = d.identifier_a
    JOIN nodes b ON b.identifier = d.identifier_b
), shown AS MATERIALIZED (
    SELECT p.*, a.whose AS whose_a, b.whose AS whose_b, b.priority, b.namespace
    FROM pairs p
    JOIN nodes a ON a.identifier = p.anchor
    JOIN nodes b ON b.identifier = p.identifier
), contested AS MATERIALIZED (
    SELECT s.whose_a AS whose FROM shown s WHERE s.whose_a <> s.whose_b
    UNION
    SELECT s.whose_b FROM shown s WHERE s.whose_a <> s.whose_b
    UNION
    SELECT d.whose_a FROM decided d
    UNION
    SELECT d.whose_b FROM decided d
    UNION
    SELECT n.whose FROM nodes n WHERE NOT n.can_merge
    UNION
    SELECT n.whose
    FROM nodes n
    WHERE n.max_per_profile IS NOT NULL
    GROUP BY n.whose, n.namespace, n.max_per_profile
    HAVING count(*) > n.max_per_profile
), numbered AS MATERIALIZED (
    SELECT n.*, row_number() OVER (ORDER BY n.identifier)::integer AS n,
           CASE WHEN n.max_per_profile IS NOT NULL
                THEN dense_rank() OVER (ORDER BY n.max_per_profile IS NULL, n.namespace)::integer END AS kind
    FROM nodes n
    JOIN contested c ON c.whose = n.whose
)
-- In the order of the replay: what is not contested; nodes; links, then separations that were decided;
-- pairs. Of a node b is its kind, total and kinds are how many there are of both.
SELECT 0 AS part, 0 AS place, NULL::integer AS a, NULL::integer AS b, s.anchor, s.identifier, s.at, s.event_id,
       NULL::boolean AS can_merge, NULL::integer AS max_per_profile, NULL::integer AS total, NULL::integer AS kinds
FROM shown s
LEFT JOIN contested c ON c.whose = s.whose_a
WHERE c.whose IS NULL
UNION ALL
SELECT 1, n.n, n.n, n.kind, NULL, n.identifier, n.anchored_at, NULL, n.can_merge, n.max_per_profile,
       count(*) OVER ()::integer, coalesce(max(n.kind) OVER (), 0)
FROM numbered n
UNION ALL
SELECT CASE d.kind WHEN 'link' THEN 2 ELSE 3 END, 0, a.n, b.n, d.a, d.b, NULL, NULL, NULL, NULL, NULL, NULL
FROM decided d
JOIN numbered a ON a.identifier = d.a
JOIN numbered b ON b.identifier = d.b
UNION ALL
SELECT 4, row_number() OVER (ORDER BY s.at, s.event_id, s.priority, s.namespace, s.identifier),
       a.n, b.n, s.anchor, s.identifier, s.at, s.event_id, NULL, NULL, NULL, NULL
FROM shown s
JOIN numbered a ON a.identifier = s.anchor
JOIN numbered b ON b.identifier = s.identifier
ORDER BY 1, 2, 3, 4
        $query$, workspace)
        USING workspace
    LOOP
        IF one.part = 1 THEN
            IF one.a = 1 THEN
                kinds := one.kinds;
                counts := array_fill(0, ARRAY[one.total * kinds]);
                apart := array_fill(false, ARRAY[one.total]);
            END IF;
            root[one.a] := one.a;
            size[one.a] := 1;
            anchored[one.a] := one.at;
            can_merge[one.a] := one.can_merge;
            IF one.b IS NOT NULL THEN
                counts[(one.a - 1) * kinds + one.b] := 1;
                limits[one.b] := one.max_per_profile;
            END IF;
            CONTINUE;
        END IF;

        kind := CASE one.part WHEN 2 THEN 'link' WHEN 3 THEN 'separate' ELSE 'pair' END;
        anchor := one.anchor;
        identifier := one.identifier;
        at := one.at;
        event_id := one.event_id;
        reason := NULL;
        IF one.part = 0 THEN
            RETURN NEXT;
            CONTINUE;
        END IF;

        x := one.a;
        WHILE root[x] <> x LOOP
            root[x] := root[root[x]];
            x := root[x];
        END LOOP;
        y := one.b;
        WHILE root[y] <> y LOOP
            root[y] := root[root[y]];
            y := root[y];
        END LOOP;
        IF one.part = 3 THEN
            apart_a := array_append(apart_a, one.a);
            apart_b := array_append(apart_b, one.b);
            apart[x] := true;
            apart[y] := true;
            reason := CASE WHEN x = y THEN 'joined' END;
        ELSIF one.part = 4 AND x <> y THEN
            FOR i IN 1 .. CASE WHEN apart[x] AND apart[y] THEN cardinality(apart_a) ELSE 0 END LOOP
                p := apart_a[i];
                WHILE root[p] <> p LOOP
                    p := root[p];
                END LOOP;
                q := apart_b[i];
                WHILE root[q] <> q LOOP
                    q := root[q];
                END LOOP;
                IF p = x AND q = y OR p = y AND q = x THEN
                    reason := 'separated';
                    EXIT;
                END IF;
            END LOOP;
            FOR i IN 1 .. CASE WHEN reason IS NULL THEN kinds ELSE 0 END LOOP
                p := counts[(x - 1) * kinds + i];
                q := counts[(y - 1) * kinds + i];
                IF p > 0 AND q > 0 AND p + q > limits[i] THEN
                    reason := 'limit';
                    EXIT;
                END IF;
            END LOOP;
            IF reason IS NULL AND NOT (can_merge[one.a] AND can_merge[one.b])
               AND anchored[x] < one.at AND anchored[y] < one.at THEN
                reason := 'merge';
            END IF;
        END IF;
        RETURN NEXT;
        CONTINUE WHEN x = y OR one.part = 3 OR reason IS NOT NULL;

        IF size[x] < size[y] THEN
            p := x;
            x := y;
            y := p;
        END IF;
        root[y] := x;
        size[x] := size[x] + size[y];
        anchored[x] := least(anchored[x], anchored[y]);
        apart[x] := apart[x] OR apart[y];
        FOR i IN 1 .. kinds LOOP
            counts[(x - 1) * kinds + i] := counts[(x - 1) * kinds + i] + counts[(y - 1) * kinds + i];
        END LOOP;
    END LOOP;
END
$check$;
COMMENT ON FUNCTION cdp.check_replay(name) IS
    'the part of cdp.check that replays: each pair of an anchor and another identifier, with its earliest event and why it is refused (reason: separated, limit, merge; null: it is accepted); and each decision between usable identifiers (kind link or separate), of a separation reason "joined" where decided links join the two';

-- Evidence, and which profile an identifier belongs to.
--
-- verdict    see cdp.check_replay
-- contested  per profile the latest refused pair that touches it; -infinity where there is only what
--            could make one
CREATE FUNCTION cdp.check_evidence(workspace name)
    RETURNS TABLE (kind text, key text, stored text, expected text)
    LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE COST 1000000 ROWS 10
    SET search_path = pg_catalog, pg_temp
    SET row_security = off
    SET timezone = 'UTC'
    SET datestyle = 'ISO, MDY'
    SET enable_nestloop = off
    SET work_mem = '64MB'
    SET jit = off
AS $check$
DECLARE
    sequence regclass;
    last_id bigint;
    last_value bigint;
BEGIN
    PERFORM cdp.require_step(workspace);
    RETURN QUERY EXECUTE format($query$
WITH verdict AS MATERIALIZED (
    SELECT v.kind, v.anchor, v.identifier, cdp.text(v.identifier) COLLATE "C" AS name, v.at, v.event_id,
           v.reason COLLATE "C" AS reason, a.profile_id AS profile_a, b.profile_id AS profile_b,
           cdp.text(v.anchor) || CASE v.kind WHEN 'pair' THEN ' -> ' ELSE ' | ' END ||
               cdp.text(v.identifier) AS key
    FROM cdp.check_replay($1) v
    LEFT JOIN %1$I.identifiers a ON a.identifier = v.anchor
    LEFT JOIN %1$I.identifiers b ON b.identifier = v.identifier
), refused AS (
    SELECT r.anchor, r.identifier, r.reason, r.occurred_at, r.event_id
    FROM %1$I.identity_refusals r
    WHERE r.anchor IS NOT NULL AND r.reason IN ('limit', 'separated', 'merge')
), rules AS MATERIALIZED (
    SELECT r.namespace COLLATE "C" AS namespace, r.max_per_profile, r.can_merge
    FROM cdp.check_namespace_rules($1, ARRAY(SELECT DISTINCT cdp.namespace(i.identifier) FROM %1$I.identifiers i)) r
), counts AS MATERIALIZED (
    SELECT i.profile_id, cdp.namespace(i.identifier) COLLATE "C" AS namespace, count(*) AS n
    FROM %1$I.identifiers i
    WHERE i.profile_id IS NOT NULL
    GROUP BY 1, 2
), contested AS (
    SELECT t.profile_id, max(t.at) AS until
    FROM (SELECT v.profile_a AS profile_id, v.at FROM verdict v WHERE v.kind = 'pair' AND v.reason IS NOT NULL
          UNION ALL
          SELECT v.profile_b, v.at FROM verdict v WHERE v.kind = 'pair' AND v.reason IS NOT NULL
          UNION ALL
          SELECT i.profile_id, '-infinity'
          FROM %1$I.identity_decisions d
          CROSS JOIN LATERAL (VALUES (d.identifier_a), (d.identifier_b)) e(identifier)
          JOIN %1$I.identifiers i ON i.identifier = e.identifier
          WHERE d.kind = 'separate'
          UNION ALL
          SELECT c.profile_id, '-infinity'
          FROM counts c
          JOIN rules r ON r.namespace = c.namespace
          WHERE NOT r.can_merge) t
    GROUP BY t.profile_id
)
SELECT 'identity_links', coalesce(v.key, cdp.text(l.anchor) || ' -> ' || cdp.text(l.identifier)),
       'event ' || l.event_id || ' at ' || l.occurred_at, 'event ' || v.event_id || ' at ' || v.at
FROM (SELECT * FROM verdict v WHERE v.kind = 'pair' AND v.reason IS NULL) v
FULL JOIN %1$I.identity_links l ON l.anchor = v.anchor AND l.identifier = v.identifier
WHERE (l.event_id, l.occurred_at) IS DISTINCT FROM (v.event_id, v.at)

UNION ALL
SELECT 'identity_refusals',
       coalesce(v.key, cdp.text(r.anchor) || ' -> ' || r.identifier) || ', ' || coalesce(v.reason, r.reason),
       'event ' || r.event_id || ' at ' || r.occurred_at, 'event ' || v.event_id || ' at ' || v.at
FROM (SELECT * FROM verdict v WHERE v.kind = 'pair' AND v.reason IS NOT NULL) v
FULL JOIN refused r ON r.anchor = v.anchor AND r.identifier = v.name AND r.reason = v.reason
WHERE (r.event_id, r.occurred_at) IS DISTINCT FROM (v.event_id, v.at)

UNION ALL
SELECT 'identity', cdp.text(l.anchor) || ' -> ' || cdp.text(l.identifier),
       coalesce('profile ' || a.profile_id, 'no profile') || ', ' ||
           coalesce('profile ' || o.profile_id, 'no profile'), 'one profile'
FROM %1$I.identity_links l
JOIN %1$I.identifiers a ON a.identifier = l.anchor
JOIN %1$I.identifiers o ON o.identifier = l.identifier
WHERE a.profile_id IS NULL OR o.profile_id IS NULL OR a.profile_id <> o.profile_id

UNION ALL
SELECT 'identity', v.key,
       coalesce('profile ' || v.profile_a, 'no profile') || ', ' || coalesce('profile ' || v.profile_b, 'no profile'),
       'one: they were linked'
FROM verdict v
WHERE v.kind = 'link' AND v.profile_a IS DISTINCT FROM v.profile_b

UNION ALL
SELECT 'identity', v.key, 'profile ' || v.profile_a, 'two profiles: they were separated'
FROM verdict v
WHERE v.kind = 'separate' AND v.profile_a = v.profile_b

UNION ALL
SELECT 'identity_decisions', v.key, 'separate', 'nothing: links join them'
FROM verdict v
WHERE v.kind = 'separate' AND v.reason = 'joined'

UNION ALL
SELECT 'identity', v.key, 'profile ' || v.profile_a, 'two profiles: it is refused'
FROM verdict v
WHERE v.kind = 'pair' AND v.reason IN ('limit', 'separated') AND v.profile_a = v.profile_b

UNION ALL
SELECT 'identity', 'profile ' || c.profile_id || ', ' || c.namespace, c.n::text,
       'at most ' || r.max_per_profile
FROM counts c
JOIN rules r ON r.namespace = c.namespace
WHERE c.n > r.max_per_profile
  AND c.profile_id NOT IN (SELECT v.profile_a FROM verdict v WHERE v.kind = 'link' AND v.profile_a IS NOT NULL)

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
LEFT JOIN (SELECT f.profile_id, count(*) AS n FROM %1$I.merges f WHERE f.undone_at IS NULL
           GROUP BY 1) m ON m.profile_id = p.profile_id
WHERE p.identifier_count <> coalesce(i.n, 0) + coalesce(m.n, 0)

UNION ALL
SELECT 'profiles.contested_until', 'profile ' || p.profile_id, p.contested_until::text, c.until::text
FROM %1$I.profiles p
LEFT JOIN contested c ON c.profile_id = p.profile_id
WHERE p.contested_until IS DISTINCT FROM c.until

UNION ALL
-- Of what was undone the ids were given, no more. A former id stays with its former identifier; where
-- it has none, with the profile that it was merged into, unless something came apart there.
SELECT 'merges', 'profile ' || m.merged_id, v.stored, v.expected
FROM %1$I.merges m
LEFT JOIN %1$I.profiles p ON p.profile_id = m.profile_id
LEFT JOIN %1$I.profiles alive ON alive.profile_id = m.merged_id
LEFT JOIN %1$I.merges into_merged ON into_merged.merged_id = m.merged_into AND into_merged.undone_at IS NULL
LEFT JOIN %1$I.profiles into_alive ON into_alive.profile_id = m.merged_into
LEFT JOIN (SELECT u.merged_id AS id FROM %1$I.merges u WHERE u.undone_at IS NOT NULL
           UNION SELECT u.profile_id FROM %1$I.merges u WHERE u.undone_at IS NOT NULL) split ON split.id = m.merged_into
LEFT JOIN %1$I.identifiers f ON f.identifier = m.former_identifier
CROSS JOIN LATERAL (
    SELECT 'profile ' || m.profile_id, 'a profile that is there' WHERE p.profile_id IS NULL
    UNION ALL
    SELECT 'merged', 'not merged: the profile is there' WHERE alive.profile_id IS NOT NULL
    UNION ALL
    SELECT 'merged into ' || m.merged_into, 'an id that was given'
    WHERE into_merged.merged_id IS NULL AND into_alive.profile_id IS NULL AND split.id IS NULL
    UNION ALL
    SELECT 'profile ' || m.profile_id, 'profile ' || into_merged.profile_id
    WHERE into_merged.profile_id <> m.profile_id AND split.id IS NULL AND m.former_identifier IS NULL
    UNION ALL
    SELECT 'profile ' || m.profile_id, 'profile ' || m.merged_into
    WHERE into_alive.profile_id <> m.profile_id AND split.id IS NULL AND m.former_identifier IS NULL
    UNION ALL
    SELECT 'profile ' || m.profile_id, 'profile ' || f.profile_id || ': it has ' || cdp.text(f.identifier)
    WHERE f.profile_id <> m.profile_id) v(stored, expected)
WHERE m.undone_at IS NULL
        $query$, workspace)
        USING workspace;

    -- A sequence that lags behind, as after an incomplete restore, would hand out ids again. (Who may
    -- read the tables may not see that.) At a subscriber it lags until cdp.promote moves it on.
    EXECUTE format('SELECT greatest((SELECT max(p.profile_id) FROM %1$I.profiles p), '
                   '(SELECT max(m.merged_id) FROM %1$I.merges m), '
                   '(SELECT max(greatest(m.profile_id, m.merged_into)) FROM %1$I.merges m '
                   'WHERE m.undone_at IS NOT NULL))', workspace)
        INTO last_id;
    sequence := pg_get_serial_sequence(format('%I.profiles', workspace), 'profile_id');
    IF NOT has_sequence_privilege(sequence, 'SELECT') THEN
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM pg_subscription_rel r JOIN pg_subscription s ON s.oid = r.srsubid AND s.subenabled
               WHERE r.srrelid = format('%I.profiles', workspace)::regclass) THEN
        RETURN;
    END IF;
    EXECUTE format('SELECT s.last_value FROM %s s WHERE s.is_called', sequence) INTO last_value;
    IF last_id > coalesce(last_value, 0) THEN
        RETURN QUERY SELECT 'profiles.profile_id', 'sequence', coalesce(last_value, 0)::text,
                            'at least ' || last_id;
    END IF;
END
$check$;
COMMENT ON FUNCTION cdp.check_evidence(name) IS
    'the part of cdp.check on identity: evidence accepted and refused as a replay has it, profiles that follow it, decisions, counts of identifiers, merges';

-- Whether accepted evidence and decided links hold each profile's identifiers together: from the smallest one,
-- along them, all others are reached. Thousands of profiles at a time bound the memory. It goes
-- from link to link by index, in this order (OFFSET 0), whatever the planner thinks of the number of
-- rows: so it is linear in the links even where a profile is one long chain.
CREATE FUNCTION cdp.check_connections(workspace name)
    RETURNS TABLE (kind text, key text, stored text, expected text)
    LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE COST 1000000 ROWS 10
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
        UNION ALL
        SELECT d.identifier_b FROM %1$I.identity_decisions d
        WHERE d.identifier_a = r.identifier AND d.kind = 'link'
        UNION ALL
        SELECT d.identifier_a FROM %1$I.identity_decisions d
        WHERE d.identifier_b = r.identifier AND d.kind = 'link'
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
    PERFORM cdp.require_step(workspace);
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

CREATE FUNCTION cdp.check_identity(workspace name)
    RETURNS TABLE (kind text, key text, stored text, expected text)
    LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE COST 1000000 ROWS 10
    SET search_path = pg_catalog, pg_temp
AS $check$
BEGIN
    PERFORM cdp.require_step(workspace);
    RETURN QUERY SELECT * FROM cdp.check_evidence(workspace);
    RETURN QUERY SELECT * FROM cdp.check_connections(workspace);
END
$check$;
COMMENT ON FUNCTION cdp.check_identity(name) IS
    'the part of cdp.check on identity: cdp.check_evidence and cdp.check_connections';
