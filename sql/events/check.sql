-- The judge on events: when they happened, which identifiers they name, and which rows that must
-- have left.

CREATE FUNCTION cdp.check_at(occurred_at timestamptz, received_at timestamptz, earliest timestamptz)
    RETURNS timestamptz
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN occurred_at < earliest OR received_at < occurred_at THEN received_at ELSE occurred_at END;
COMMENT ON FUNCTION cdp.check_at(timestamptz, timestamptz, timestamptz) IS
    'the effective time of an event as the judge has it, for cdp.check; earliest is the setting';

-- Events with the same identifiers show the same: they are one bunch, with the earliest of them.
--
-- bunches     place sorts as (time, event id): a time is an integer, negative before 2000
-- said        what is named, by bunch; identifiers of decisions stand in no bunch
-- judged      each spelling: its canonical form, and whether that is a value to be used
-- excess      usable identifiers beyond those of an event that count: its anchor first, then in their order
-- members     said and judged together
-- companions  values of stronger, limited namespaces beside a value
CREATE FUNCTION cdp.check_named(workspace name)
    RETURNS TABLE (bunch bigint, identifiers text[], first_at timestamptz, first_event uuid,
                   last_at timestamptz, received text, identifier cdp.identifier, namespace text,
                   priority integer, max_per_profile integer, generic_after integer, reason text,
                   anchor cdp.identifier)
    LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE COST 1000000 ROWS 100000
    SET search_path = pg_catalog, pg_temp
    SET row_security = off
    SET enable_nestloop = off
    SET work_mem = '64MB'
    SET jit = off
AS $check$
DECLARE
    earliest timestamptz;
    max_identifiers integer;
BEGIN
    PERFORM cdp.require_step(workspace);
    EXECUTE format('SELECT s.earliest_event, s.max_identifiers FROM %I.settings s', workspace)
        INTO earliest, max_identifiers;
    RETURN QUERY EXECUTE format($query$
WITH bunches AS MATERIALIZED (
    SELECT row_number() OVER () AS bunch, g.*
    FROM (SELECT e.identifiers, min(e.at) AS first_at, max(e.at) AS last_at,
                 right(min(e.place COLLATE "C"), 36)::uuid AS first_event
          FROM (SELECT t.identifiers, t.at, CASE WHEN t.at < '2000-01-01 00:00+00' THEN '-' ELSE '0' END ||
                           encode(timestamptz_send(t.at), 'hex') || t.event_id AS place
                FROM (SELECT v.identifiers, v.event_id, cdp.check_at(v.occurred_at, v.received_at, $2) AS at
                      FROM %1$I.events v
                      WHERE v.identifiers <> '{}') t) e
          GROUP BY e.identifiers) g
), said AS MATERIALIZED (
    SELECT b.bunch, u.place, u.received
    FROM bunches b
    CROSS JOIN LATERAL unnest(
        CASE WHEN array_ndims(b.identifiers) = 1 THEN array_remove(b.identifiers, NULL)
             ELSE ARRAY(SELECT e.received FROM unnest(b.identifiers) e(received) WHERE e.received IS NOT NULL) END)
        WITH ORDINALITY u(received, place)
    UNION ALL
    SELECT NULL, 1, cdp.text(u.identifier)
    FROM %1$I.identity_decisions d
    CROSS JOIN LATERAL (VALUES (d.identifier_a), (d.identifier_b)) u(identifier)
), blocked AS MATERIALIZED (
    SELECT b.namespace, lower(b.value) AS value
    FROM %1$I.blocked_identifiers b
    WHERE b.enabled AND b.kind = 'value'
), blocked_forms AS MATERIALIZED (
    SELECT b.namespace, b.kind, b.value
    FROM %1$I.blocked_identifiers b
    WHERE b.enabled AND b.kind <> 'value'
), spelt AS MATERIALIZED (
    SELECT s.*, cdp.namespace(s.identifier) COLLATE "C" AS namespace, cdp.value(s.identifier) COLLATE "C" AS value
    FROM (SELECT r.received, cdp.stored_identifier(r.received, o.default_region, o.vietnam_2018) AS identifier
          FROM (SELECT DISTINCT s.received FROM said s) r
          CROSS JOIN %1$I.settings o
          OFFSET 0) s
), judged AS MATERIALIZED (
    SELECT s.received, s.identifier, r.namespace, r.priority, r.max_per_profile, r.can_anchor, r.generic_after,
           CASE WHEN s.identifier IS NULL OR coalesce(s.value !~ (r.pattern COLLATE "C"), false) THEN 'invalid'
                WHEN (s.namespace, lower(s.value)) IN (SELECT b.namespace, b.value FROM blocked b)
                  OR lower(s.value) IN (SELECT b.value FROM blocked b WHERE b.namespace = '*')
                  OR EXISTS (SELECT FROM blocked_forms b
                             WHERE b.namespace IN (s.namespace, '*')
                               AND CASE b.kind
                                   WHEN 'pattern' THEN s.value ~* b.value
                                   WHEN 'repeated' THEN length(l.value) >= b.value::integer
                                                    AND l.value = repeat(left(l.value, 1), length(l.value)) END)
                THEN 'blocked' END AS reason
    FROM spelt s
    LEFT JOIN cdp.check_namespace_rules($1, ARRAY(SELECT DISTINCT x.namespace FROM spelt x WHERE x.namespace IS NOT NULL)) r
           ON r.namespace COLLATE "C" = s.namespace
    CROSS JOIN LATERAL (
        SELECT CASE WHEN s.namespace = 'phone' THEN regexp_replace(s.value, '^\+', '') ELSE s.value END) l(value)
), usable AS (
    SELECT s.bunch, j.identifier, min(s.place) AS place, j.priority, j.namespace, j.can_anchor
    FROM bunches b
    JOIN said s ON s.bunch = b.bunch
    JOIN judged j ON j.received = s.received
    WHERE cardinality(b.identifiers) > $3 AND j.reason IS NULL
    GROUP BY s.bunch, j.identifier, j.priority, j.namespace, j.can_anchor
), excess AS MATERIALIZED (
    SELECT c.bunch, c.identifier
    FROM (SELECT u.bunch, u.identifier,
                 row_number() OVER (PARTITION BY u.bunch ORDER BY u.strength > 1 OR NOT u.can_anchor, u.place) AS nth
          FROM (SELECT u.*, row_number() OVER (PARTITION BY u.bunch, u.can_anchor
                                               ORDER BY u.priority, u.namespace COLLATE "C", u.place) AS strength
                FROM usable u) u) c
    WHERE c.nth > $3
), members AS MATERIALIZED (
    SELECT s.bunch, s.place, j.received, j.identifier, j.namespace, j.priority, j.max_per_profile, j.can_anchor,
           j.generic_after, CASE WHEN x.bunch IS NOT NULL THEN 'too many' ELSE j.reason END AS reason
    FROM said s
    JOIN judged j ON j.received = s.received
    LEFT JOIN excess x ON x.bunch = s.bunch AND x.identifier = j.identifier
), companions AS (
    SELECT DISTINCT v.identifier, w.identifier AS companion, w.namespace, v.generic_after
    FROM members v
    JOIN members w ON w.bunch = v.bunch
    WHERE v.reason IS NULL AND w.reason IS NULL
      AND v.generic_after IS NOT NULL AND w.max_per_profile IS NOT NULL
      AND (w.priority, w.namespace COLLATE "C") < (v.priority, v.namespace COLLATE "C")
), generic AS (
    SELECT DISTINCT c.identifier
    FROM companions c
    GROUP BY c.identifier, c.namespace, c.generic_after
    HAVING count(*) >= c.generic_after
), found AS MATERIALIZED (
    SELECT m.*, CASE WHEN m.reason IS NULL AND g.identifier IS NOT NULL THEN 'generic' ELSE m.reason END AS fault
    FROM members m
    LEFT JOIN generic g ON g.identifier = m.identifier
), strongest AS (
    SELECT DISTINCT ON (f.bunch) f.bunch, f.identifier AS anchor
    FROM found f
    WHERE f.fault IS NULL AND f.can_anchor AND f.bunch IS NOT NULL
    ORDER BY f.bunch, f.priority, f.namespace COLLATE "C", f.place
)
SELECT f.bunch, CASE WHEN f.place = 1 THEN b.identifiers END, b.first_at, b.first_event, b.last_at, f.received, f.identifier, f.namespace,
       f.priority, f.max_per_profile, f.generic_after, f.fault, s.anchor
FROM found f
LEFT JOIN bunches b ON b.bunch = f.bunch
LEFT JOIN strongest s ON s.bunch = f.bunch
        $query$, workspace)
        USING workspace, earliest, max_identifiers;
END
$check$;
COMMENT ON FUNCTION cdp.check_named(name) IS
    'the part of cdp.check that reads what events name: a row per set of identifiers that came together (bunch; null: a decision names it; identifiers, the set, on its first row only) and identifier in it, with the rules for it, why it identifies nobody (reason: invalid, blocked, too many, generic; null: usable) and the anchor of such events; first_at, first_event and last_at are of the events with that set';

-- Events, their identifiers, and what identifies nobody.
--
-- named      see cdp.check_named
-- anchors    each set of identifiers once, with the anchor of its events
-- nobodys    events without an anchor
-- seen       when a usable identifier was seen, and first anchored an event. When the other identifier
--            of an expired pair was last seen is only known from below
-- nodes      the rows that identifiers should have. Of a decision's identifier that is not usable the
--            row may be there
-- faulty     what a value that identifies nobody must have left: the earliest event per anchor, or each
--            event where there is no anchor
CREATE FUNCTION cdp.check_events(workspace name)
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
    earliest timestamptz;
BEGIN
    PERFORM cdp.require_step(workspace);
    RETURN QUERY EXECUTE format($query$
SELECT 'events.event_id', 'event ' || e.event_id, e.n || ' rows', 'one row'
FROM (SELECT v.event_id, count(*) AS n FROM %1$I.events v GROUP BY v.event_id) e
WHERE e.n > 1
UNION ALL
SELECT CASE WHEN t.event_id IS NULL THEN 'event_ids' ELSE 'event_ids.content_hash' END, 'event ' || e.event_id,
       t.content_hash::text, CASE WHEN t.event_id IS NULL THEN 'a row' ELSE e.content_hash::text END
FROM %1$I.events e
LEFT JOIN %1$I.event_ids t ON t.event_id = e.event_id
WHERE t.event_id IS NULL OR t.content_hash <> e.content_hash
        $query$, workspace);

    EXECUTE format('SELECT s.earliest_event FROM %I.settings s', workspace) INTO earliest;
    RETURN QUERY EXECUTE format($query$
WITH named AS MATERIALIZED (
    SELECT n.bunch, n.identifiers, n.first_at, n.first_event, n.last_at, n.identifier, n.max_per_profile,
           n.generic_after, n.priority, n.namespace COLLATE "C" AS namespace, n.reason COLLATE "C" AS reason,
           n.anchor, coalesce(cdp.text(n.identifier),
                    CASE WHEN octet_length(n.received) > 1088 THEN left(n.received, 256) ELSE n.received END)
               COLLATE "C" AS said
    FROM cdp.check_named($1) n
), anchors AS (
    SELECT n.bunch, n.identifiers, n.anchor
    FROM named n
    WHERE n.identifiers IS NOT NULL
), nobodys AS MATERIALIZED (
    SELECT a.bunch, e.event_id, cdp.check_at(e.occurred_at, e.received_at, $2) AS at
    FROM anchors a
    JOIN %1$I.events e ON e.identifiers = a.identifiers
    WHERE a.anchor IS NULL
), seen AS MATERIALIZED (
    SELECT e.identifier, min(e.first_at) AS first_seen,
           greatest(min(e.first_at), date_trunc('day', max(e.last_at), 'UTC')) AS last_seen,
           min(e.anchored_at) AS anchored_at, bool_and(e.exact) AS exact
    FROM (SELECT n.identifier, n.first_at, n.last_at,
                 CASE WHEN n.identifier = n.anchor THEN n.first_at END AS anchored_at, true AS exact
          FROM named n
          WHERE n.bunch IS NOT NULL AND n.reason IS NULL
          UNION ALL
          SELECT b.anchor, b.first_seen, b.last_seen, b.first_seen, true FROM %1$I.opening_balances b
          UNION ALL
          SELECT x.identifier, x.at, x.at, NULL, false FROM cdp.check_expired($1) x) e
    GROUP BY e.identifier
), nodes AS MATERIALIZED (
    SELECT s.identifier, s.first_seen, s.last_seen, s.anchored_at, s.exact, false AS generic, true AS required
    FROM seen s
    UNION ALL
    SELECT d.identifier, 'infinity', '-infinity', NULL, true, d.generic, d.usable OR d.generic
    FROM (SELECT n.identifier, bool_or(n.reason = 'generic') IS TRUE AS generic,
                 bool_and(n.reason IS NULL) AS usable
          FROM named n
          WHERE n.bunch IS NULL OR n.reason = 'generic'
          GROUP BY n.identifier) d
    LEFT JOIN seen s ON s.identifier = d.identifier
    WHERE s.identifier IS NULL
), faulty AS (
    SELECT f.*
    FROM (SELECT DISTINCT ON (n.said, n.anchor, n.reason) n.said AS identifier, n.anchor, n.reason,
                 NULL::uuid AS nobodys, n.first_at AS at, n.first_event AS event_id
          FROM named n
          WHERE n.reason IS NOT NULL AND n.anchor IS NOT NULL
          ORDER BY n.said, n.anchor, n.reason, n.first_at, n.first_event) f
    UNION ALL
    SELECT DISTINCT n.said, n.anchor, n.reason, e.event_id, e.at, e.event_id
    FROM named n
    JOIN nobodys e ON e.bunch = n.bunch
    WHERE n.reason IS NOT NULL
), refused AS (
    SELECT r.identifier, r.anchor, r.reason, r.nobodys, min(r.occurred_at) AS occurred_at,
           (array_agg(r.event_id))[1] AS event_id, count(*) AS n
    FROM (SELECT f.*, CASE WHEN f.anchor IS NULL THEN f.event_id END AS nobodys
          FROM %1$I.identity_refusals f
          WHERE f.anchor IS NULL OR f.reason NOT IN ('limit', 'separated', 'merge')) r
    GROUP BY r.identifier, r.anchor, r.reason, r.nobodys
), together AS MATERIALIZED (
    SELECT DISTINCT v.identifier, w.identifier AS companion
    FROM named v
    JOIN named w ON w.bunch = v.bunch
    WHERE coalesce(v.reason, 'generic') = 'generic' AND coalesce(w.reason, 'generic') = 'generic'
      AND v.generic_after IS NOT NULL AND w.max_per_profile IS NOT NULL
      AND (w.priority, w.namespace) < (v.priority, v.namespace)
), generic AS (
    SELECT n.identifier, min(n.generic_after) AS generic_after
    FROM named n
    WHERE n.reason = 'generic'
    GROUP BY n.identifier
)
SELECT 'events.anchor', 'event ' || e.event_id, cdp.text(e.anchor), cdp.text(s.anchor)
FROM %1$I.events e
LEFT JOIN anchors s ON s.identifiers = e.identifiers
WHERE e.anchor IS DISTINCT FROM s.anchor

UNION ALL
SELECT v.kind, coalesce(cdp.text(s.identifier), cdp.text(i.identifier)), v.stored, v.expected
FROM nodes s
FULL JOIN %1$I.identifiers i ON i.identifier = s.identifier
CROSS JOIN LATERAL (
    SELECT 'identifiers', 'a row', NULL WHERE s.identifier IS NULL
    UNION ALL
    SELECT 'identifiers', NULL, 'a row' WHERE i.identifier IS NULL AND s.required
    UNION ALL
    SELECT 'identifiers.first_seen', i.first_seen::text, s.first_seen::text
    WHERE i.first_seen <> s.first_seen AND NOT s.generic
    UNION ALL
    SELECT 'identifiers.last_seen', i.last_seen::text, s.last_seen::text
    WHERE CASE WHEN s.exact THEN i.last_seen <> s.last_seen ELSE i.last_seen < s.last_seen END AND NOT s.generic
    UNION ALL
    SELECT 'identifiers.anchored_at', i.anchored_at::text, s.anchored_at::text
    WHERE s.identifier IS NOT NULL AND i.identifier IS NOT NULL AND i.anchored_at IS DISTINCT FROM s.anchored_at
    UNION ALL
    SELECT 'identifiers.generic', i.generic::text, s.generic::text
    WHERE i.generic <> s.generic
    UNION ALL
    SELECT 'identifiers.profile_id', 'profile ' || i.profile_id, 'no profile: it is generic'
    WHERE s.generic AND i.profile_id IS NOT NULL
    UNION ALL
    SELECT 'identifiers.profile_id', NULL, 'a profile: it anchors events'
    WHERE s.anchored_at IS NOT NULL AND i.identifier IS NOT NULL AND i.profile_id IS NULL) v(kind, stored, expected)
WHERE s.identifier IS NULL OR i.identifier IS NULL OR i.first_seen <> s.first_seen OR i.last_seen <> s.last_seen
   OR i.anchored_at IS DISTINCT FROM s.anchored_at OR i.generic <> s.generic
   OR (i.profile_id IS NULL) = (s.anchored_at IS NOT NULL) OR s.generic

UNION ALL
SELECT 'identity_refusals',
       coalesce(cdp.text(f.anchor), cdp.text(r.anchor), 'nobody') || ' -> ' ||
           coalesce(f.identifier, r.identifier) || ', ' || coalesce(f.reason, r.reason),
       'event ' || r.event_id || ' at ' || r.occurred_at || CASE WHEN r.n > 1 THEN ', ' || r.n || ' times' ELSE '' END,
       'event ' || f.event_id || ' at ' || f.at
FROM faulty f
FULL JOIN refused r
       ON r.identifier = f.identifier AND r.reason = f.reason
      AND coalesce(cdp.text(r.anchor), '') COLLATE "C" = coalesce(cdp.text(f.anchor), '') COLLATE "C"
      AND coalesce(r.nobodys, '00000000-0000-0000-0000-000000000000')
          = coalesce(f.nobodys, '00000000-0000-0000-0000-000000000000')
WHERE (r.event_id, r.occurred_at) IS DISTINCT FROM (f.event_id, f.at) OR r.n > 1

UNION ALL
SELECT 'identifier_companions', cdp.text(coalesce(c.identifier, t.identifier)) || ' beside ' ||
               cdp.text(coalesce(c.companion, t.companion)),
       CASE WHEN c.identifier IS NOT NULL THEN 'a row' END, CASE WHEN t.identifier IS NOT NULL THEN 'a row' END
FROM together t
FULL JOIN %1$I.identifier_companions c ON c.identifier = t.identifier AND c.companion = t.companion
LEFT JOIN generic g ON g.identifier = t.identifier
WHERE c.identifier IS NULL AND g.identifier IS NULL
   OR t.identifier IS NULL AND NOT EXISTS (SELECT FROM %1$I.opening_balances b WHERE b.anchor = c.identifier)
                           AND NOT EXISTS (SELECT FROM %1$I.opening_balances b WHERE b.anchor = c.companion)

UNION ALL
SELECT 'identifier_companions', cdp.text(g.identifier), g.n || ' rows', 'at least ' || g.generic_after
FROM (SELECT g.identifier, g.generic_after, count(c.identifier) AS n
      FROM generic g
      LEFT JOIN %1$I.identifier_companions c ON c.identifier = g.identifier
      GROUP BY g.identifier, g.generic_after) g
WHERE g.n < g.generic_after
        $query$, workspace)
        USING workspace, earliest;
END
$check$;
COMMENT ON FUNCTION cdp.check_events(name) IS
    'the part of cdp.check on events: ids, anchors, identifiers, values that identify nobody and who was seen with whom';
