-- Why identifiers are one person: the path of evidence between two, and the picture of a profile.

-- An identifier that is in the workspace, from text; an error that says what is wrong with another.
CREATE FUNCTION cdp.require_identifier(workspace name, identifier text) RETURNS cdp.identifier
    LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $require$
DECLARE
    wanted cdp.identifier := cdp.canonical_identifier(workspace, identifier);
    known boolean;
BEGIN
    IF wanted IS NULL THEN
        RAISE EXCEPTION 'identifier "%" is not valid', identifier
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = 'Its namespace cannot canonicalise the value.',
                  HINT = 'Events that name it are in identity_refusals with the reason "invalid".';
    END IF;
    EXECUTE format('SELECT true FROM %I.identifiers i WHERE i.identifier = $1', workspace)
        INTO known USING wanted;
    IF known IS NULL THEN
        RAISE EXCEPTION 'identifier "%" is not known in workspace "%"', cdp.text(wanted), workspace
            USING ERRCODE = 'no_data_found',
                  HINT = 'No event has named it, or its value is blocked: see identity_refusals.';
    END IF;
    RETURN wanted;
END
$require$;
COMMENT ON FUNCTION cdp.require_identifier(name, text) IS
    'the canonical form of an identifier that the workspace knows; error 22023 where it is invalid, P0002 where nothing has named it';

-- Breadth first, from a: a recursive query reaches one level of identifiers after another, each
-- identifier once, and is read only until b comes. Neighbours are taken in their order, so the path is
-- always the same one of the shortest. Then one query finds for each identifier the neighbour that was
-- reached first, which is one step nearer to a, and the path is read backwards from b. Everything goes
-- by index or hash, so that it is near linear in the links that are looked at, for one hub as for one
-- long chain.
CREATE FUNCTION cdp.explain_identity(workspace name, a text, b text, mask boolean DEFAULT false)
    RETURNS TABLE (step integer, identifier_from text, identifier_to text, rule text, event_id uuid,
                   at timestamptz, event text, source text, decided_by text)
    LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE COST 10000 ROWS 3
    SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off
    SET jit = off
AS $explain$
DECLARE
    first_one cdp.identifier;
    last_one cdp.identifier;
    apart boolean;
    one cdp.identifier;
    reached cdp.identifier[] := '{}';
    found_it boolean := false;
    nearer integer[];
    path integer[];
    place integer;
BEGIN
    PERFORM cdp.require_workspace(workspace);
    first_one := cdp.require_identifier(workspace, a);
    last_one := cdp.require_identifier(workspace, b);
    EXECUTE format('SELECT count(DISTINCT i.profile_id) = 2 FROM %I.identifiers i WHERE i.identifier IN ($1, $2)',
                   workspace)
        INTO apart USING first_one, last_one;
    IF apart OR first_one = last_one THEN
        RETURN;
    END IF;

    FOR one IN EXECUTE format($query$
WITH RECURSIVE reached AS (
    SELECT $1 AS identifier
    UNION
    SELECT n.identifier
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
        ORDER BY 1
        OFFSET 0) n
)
SELECT r.identifier FROM reached r
        $query$, workspace)
        USING first_one
    LOOP
        reached := array_append(reached, one);
        IF one = last_one THEN
            found_it := true;
            EXIT;
        END IF;
    END LOOP;
    IF NOT found_it THEN
        RETURN;
    END IF;

    -- nearer[i]: the place in "reached" of the neighbour of reached[i] that was reached first.
    EXECUTE format($query$
WITH reached AS MATERIALIZED (
    SELECT u.identifier, u.place FROM unnest($1) WITH ORDINALITY u(identifier, place)
), links AS (
    SELECT o.place AS one, n.identifier AS other
    FROM reached o
    CROSS JOIN LATERAL (
        SELECT l.identifier FROM %1$I.identity_links l WHERE l.anchor = o.identifier
        UNION ALL
        SELECT d.identifier_b FROM %1$I.identity_decisions d
        WHERE d.identifier_a = o.identifier AND d.kind = 'link'
        OFFSET 0) n
)
SELECT array_agg(f.nearest::integer ORDER BY f.place)
FROM (SELECT b.place, min(b.nearer) AS nearest
      FROM links l
      JOIN reached r ON r.identifier = l.other
      CROSS JOIN LATERAL (VALUES (r.place, l.one), (l.one, r.place)) b(place, nearer)
      GROUP BY b.place) f
        $query$, workspace)
        INTO nearer USING reached;
    place := cardinality(reached);
    path := ARRAY[place];
    WHILE place > 1 LOOP
        place := nearer[place];
        path := array_append(path, place);
    END LOOP;

    -- An event is found by its anchor and time, which is the earlier of two.
    RETURN QUERY EXECUTE format($query$
WITH steps AS MATERIALIZED (
    SELECT row_number() OVER (ORDER BY p.n DESC) AS step, $1[p.place] AS one,
           lag($1[p.place]) OVER (ORDER BY p.n) AS other
    FROM unnest($2) WITH ORDINALITY p(place, n)
)
SELECT s.step::integer, CASE WHEN $3 THEN cdp.mask(s.one) ELSE cdp.text(s.one) END,
       CASE WHEN $3 THEN cdp.mask(s.other) ELSE cdp.text(s.other) END,
       CASE WHEN d.decided_at IS NULL THEN 'event' ELSE 'link' END,
       CASE WHEN d.decided_at IS NULL THEN l.event_id END,
       coalesce(d.decided_at, l.occurred_at),
       CASE WHEN d.decided_at IS NULL THEN e.event END,
       CASE WHEN d.decided_at IS NULL THEN e.source END,
       d.decided_by
FROM steps s
LEFT JOIN LATERAL (
    SELECT d.decided_at, d.decided_by
    FROM %1$I.identity_decisions d
    WHERE d.identifier_a = least(s.one, s.other) AND d.identifier_b = greatest(s.one, s.other)
      AND d.kind = 'link'
    OFFSET 0) d ON true
LEFT JOIN LATERAL (
    SELECT l.anchor, l.occurred_at, l.event_id
    FROM (SELECT l.anchor, l.occurred_at, l.event_id
          FROM %1$I.identity_links l WHERE l.anchor = s.one AND l.identifier = s.other
          UNION ALL
          SELECT l.anchor, l.occurred_at, l.event_id
          FROM %1$I.identity_links l WHERE l.anchor = s.other AND l.identifier = s.one) l
    ORDER BY l.occurred_at, l.event_id
    LIMIT 1) l ON true
LEFT JOIN LATERAL (
    SELECT v.event, v.source
    FROM (SELECT v.event, v.source
          FROM %1$I.events v
          WHERE v.anchor = l.anchor AND v.occurred_at = l.occurred_at AND v.event_id = l.event_id
          UNION ALL
          SELECT v.event, v.source
          FROM %1$I.events v
          WHERE v.anchor = l.anchor AND v.occurred_at > l.occurred_at
            AND v.received_at = l.occurred_at AND v.event_id = l.event_id) v
    LIMIT 1) e ON true
WHERE s.other IS NOT NULL
ORDER BY s.step
        $query$, workspace)
        USING reached, path, mask;
END
$explain$;
COMMENT ON FUNCTION cdp.explain_identity(name, text, text, boolean) IS
    'why two identifiers are one person: the shortest path of accepted evidence from a to b, a row per step: rule "event" with the earliest event that showed the two together (event and source null once it has expired), or "link" with who decided it, which counts first; at is the effective time of the event or the instant of the decision. No row where nothing joins them; mask: see cdp.mask. Errors: 3F000 no workspace, P0002 an identifier that nothing has named, 22023 an invalid one';
