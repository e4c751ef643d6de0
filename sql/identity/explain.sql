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
    PERFORM cdp.use_tables(workspace, 'identifiers');
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
-- long chain. Neighbours are sorted when they have been found: where a few identifiers have most links,
-- the planner would otherwise read them from an index that is in this order, all of it for each lookup.
CREATE FUNCTION cdp.explain_identity_body(workspace name, a text, b text, mask boolean)
    RETURNS TABLE (step integer, identifier_from text, identifier_to text, rule text, event_id uuid,
                   at timestamptz, event text, source text, decided_by text)
    LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
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
    PERFORM cdp.use_tables(workspace, 'identifiers', 'identity_links', 'identity_decisions', 'events');
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
        SELECT f.identifier
        FROM (SELECT l.identifier FROM %1$I.identity_links l WHERE l.anchor = r.identifier
              UNION ALL
              SELECT l.anchor FROM %1$I.identity_links l WHERE l.identifier = r.identifier
              UNION ALL
              SELECT d.identifier_b FROM %1$I.identity_decisions d
              WHERE d.identifier_a = r.identifier AND d.kind = 'link'
              UNION ALL
              SELECT d.identifier_a FROM %1$I.identity_decisions d
              WHERE d.identifier_b = r.identifier AND d.kind = 'link'
              OFFSET 0) f
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
), links AS MATERIALIZED (
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

    -- An event is found by its anchor and time, see cdp.effective_at.
    RETURN QUERY EXECUTE format($query$
WITH steps AS MATERIALIZED (
    SELECT row_number() OVER (ORDER BY p.n DESC) AS step, r.identifier AS one,
           lag(r.identifier) OVER (ORDER BY p.n) AS other
    FROM unnest($2) WITH ORDINALITY p(place, n)
    JOIN unnest($1) WITH ORDINALITY r(identifier, place) ON r.place = p.place
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
            AND v.received_at = l.occurred_at AND v.event_id = l.event_id
          UNION ALL
          SELECT v.event, v.source
          FROM %1$I.events v
          WHERE v.anchor = l.anchor AND v.occurred_at < $4
            AND v.received_at = l.occurred_at AND v.event_id = l.event_id) v
    LIMIT 1) e ON true
WHERE s.other IS NOT NULL
ORDER BY s.step
        $query$, workspace)
        USING reached, path, mask, cdp.earliest_event(workspace);
END
$explain$;
COMMENT ON FUNCTION cdp.explain_identity_body(name, text, text, boolean) IS
    'body of cdp.explain_identity, not to be called by itself';

CREATE FUNCTION cdp.explain_identity(workspace name, a text, b text, mask boolean DEFAULT false)
    RETURNS TABLE (step integer, identifier_from text, identifier_to text, rule text, event_id uuid,
                   at timestamptz, event text, source text, decided_by text)
    AS 'MODULE_PATHNAME', 'cdp_enter'
    LANGUAGE C STABLE STRICT PARALLEL UNSAFE COST 10000 ROWS 3;
COMMENT ON FUNCTION cdp.explain_identity(name, text, text, boolean) IS
    'why two identifiers are one person: the shortest path of accepted evidence from a to b, a row per step: rule "event" with the earliest event that showed the two together (event and source null once it has expired), or "link" with who decided it, which counts first; at is the effective time of the event or the instant of the decision. No row where nothing joins them; mask: see cdp.mask. Errors: 3F000 no workspace, P0002 an identifier that nothing has named, 22023 an invalid one';

CREATE FUNCTION cdp.mermaid_label(label text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    BEGIN ATOMIC
        SELECT replace(replace(replace(replace(replace(replace(replace(
                   regexp_replace(CASE WHEN length(label) > 60 THEN left(label, 59) || '…' ELSE label END,
                                  '[[:cntrl:]]', ' ', 'g'),
                   '#', '#35;'), '&', '#amp;'), '"', '#quot;'), '<', '#lt;'), '>', '#gt;'), '`', '#96;'), '\', '#92;');
    END;
COMMENT ON FUNCTION cdp.mermaid_label(text) IS
    'text for a quoted label of a Mermaid diagram: what has a meaning there as entity codes, control characters as spaces, at most 60 characters';

-- Mermaid draws up to 500 lines where nobody has told it otherwise: 100 of each kind.
--
-- own        the profile's identifiers
-- evidence   what touches them, by kind: link (decision), event, refused (a pair), separate
--            (decision), value (refused by itself)
-- lines      the first of each kind
-- nodes      the ends of the lines, numbered: the profile's own first
CREATE FUNCTION cdp.identity_graph_body(workspace name, profile_id bigint, mask boolean) RETURNS text
    LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off
    SET jit = off
AS $graph$
DECLARE
    profile bigint := cdp.canonical(workspace, profile_id);
    graph text;
BEGIN
    PERFORM cdp.use_tables(workspace, 'identifiers', 'identity_links', 'identity_refusals', 'identity_decisions', 'events');
    IF profile IS NULL THEN
        RAISE EXCEPTION 'profile % does not exist in workspace "%"', profile_id, workspace
            USING ERRCODE = 'no_data_found',
                  HINT = 'cdp.profile_of gives the profile of an identifier.';
    END IF;
    EXECUTE format($query$
WITH own AS MATERIALIZED (
    SELECT i.identifier, cdp.text(i.identifier) COLLATE "C" AS name
    FROM %1$I.identifiers i
    WHERE i.profile_id = $1
), evidence AS (
    SELECT 'event' AS kind, o.identifier AS anchor, o.name AS a, cdp.text(l.identifier) COLLATE "C" AS b,
           l.occurred_at AS at, l.event_id, NULL AS said
    FROM own o
    JOIN %1$I.identity_links l ON l.anchor = o.identifier
    UNION ALL
    SELECT CASE WHEN r.reason IN ('limit', 'separated', 'merge') THEN 'refused' ELSE 'value' END,
           o.identifier, o.name, r.identifier, r.occurred_at, r.event_id, r.reason
    FROM own o
    JOIN %1$I.identity_refusals r ON r.anchor = o.identifier
    UNION
    SELECT 'refused', r.anchor, cdp.text(r.anchor) COLLATE "C", r.identifier, r.occurred_at, r.event_id, r.reason
    FROM own o
    JOIN %1$I.identity_refusals r ON r.identifier = o.name
    WHERE r.reason IN ('limit', 'separated', 'merge')
    UNION
    SELECT d.kind, NULL, cdp.text(d.identifier_a) COLLATE "C", cdp.text(d.identifier_b) COLLATE "C",
           d.decided_at, NULL, d.decided_by
    FROM own o
    CROSS JOIN LATERAL (
        SELECT d.* FROM %1$I.identity_decisions d WHERE d.identifier_a = o.identifier
        UNION ALL
        SELECT d.* FROM %1$I.identity_decisions d WHERE d.identifier_b = o.identifier
        OFFSET 0) d
), counted AS MATERIALIZED (
    SELECT e.*, row_number() OVER (PARTITION BY e.kind ORDER BY e.at, e.event_id, e.a, e.b, e.said) AS n
    FROM evidence e
), lines AS MATERIALIZED (
    SELECT c.*, v.event
    FROM counted c
    LEFT JOIN LATERAL (
        SELECT v.event
        FROM (SELECT v.event
              FROM %1$I.events v
              WHERE v.anchor = c.anchor AND v.occurred_at = c.at AND v.event_id = c.event_id
              UNION ALL
              SELECT v.event
              FROM %1$I.events v
              WHERE v.anchor = c.anchor AND v.occurred_at > c.at AND v.received_at = c.at
                AND v.event_id = c.event_id
              UNION ALL
              SELECT v.event
              FROM %1$I.events v
              WHERE v.anchor = c.anchor AND v.occurred_at < $3 AND v.received_at = c.at
                AND v.event_id = c.event_id) v
        LIMIT 1) v ON true
    WHERE c.n <= 100
), nodes AS MATERIALIZED (
    SELECT e.name, e.is_own, e.said, row_number() OVER (ORDER BY e.is_own DESC, e.name, e.said) AS n
    FROM (SELECT x.name, o.name IS NOT NULL AND x.said IS NULL AS is_own, x.said
          FROM (SELECT l.a AS name, NULL AS said FROM lines l
                UNION
                SELECT l.b, CASE WHEN l.kind = 'value' THEN l.said END FROM lines l
                UNION
                SELECT min(o.name), NULL FROM own o HAVING count(*) = 1) x
          LEFT JOIN own o ON o.name = x.name) e
), labels AS (
    SELECT d.n, format('    n%%s["%%s%%s"]%%s', d.n,
                       cdp.mermaid_label(CASE WHEN $2 THEN cdp.mask(d.name) ELSE d.name END),
                       CASE WHEN d.is_own THEN ''
                            WHEN d.said IS NOT NULL THEN '<br/>' || cdp.mermaid_label(d.said)
                            WHEN i.profile_id IS NOT NULL THEN '<br/>profile ' || i.profile_id
                            WHEN i.generic THEN '<br/>generic'
                            ELSE '<br/>no profile' END,
                       CASE WHEN d.is_own THEN '' WHEN d.said IS NOT NULL OR i.generic THEN ':::nobody'
                            ELSE ':::other' END) AS line
    FROM nodes d
    LEFT JOIN LATERAL (
        SELECT i.profile_id, i.generic FROM %1$I.identifiers i
        WHERE NOT d.is_own AND d.said IS NULL AND i.identifier = d.name::cdp.identifier
        OFFSET 0) i ON true
), arrows AS (
    SELECT CASE l.kind WHEN 'link' THEN 1 WHEN 'event' THEN 2 WHEN 'refused' THEN 3 WHEN 'separate' THEN 4
                       ELSE 5 END AS place, l.n,
           format('    n%%s %%s|"%%s"| n%%s', a.n,
                  CASE l.kind WHEN 'link' THEN '===' WHEN 'event' THEN '-->' WHEN 'separate' THEN '-.-'
                              ELSE '-.->' END,
                  to_char(l.at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') || ' ' ||
                      CASE WHEN l.kind = 'event' THEN cdp.mermaid_label(coalesce(l.event, 'expired event'))
                           WHEN l.kind = 'link' THEN 'linked by ' || cdp.mermaid_label(l.said)
                           WHEN l.kind = 'separate' THEN 'separated by ' || cdp.mermaid_label(l.said)
                           ELSE 'refused: ' || cdp.mermaid_label(l.said) END,
                  b.n) AS line
    FROM lines l
    JOIN nodes a ON a.name = l.a AND a.said IS NULL
    JOIN nodes b ON b.name = l.b AND b.said IS NOT DISTINCT FROM CASE WHEN l.kind = 'value' THEN l.said END
), left_out AS (
    SELECT string_agg(c.n - 100 || ' ' || c.kind || CASE WHEN c.n = 101 THEN '' ELSE 's' END, ', '
                      ORDER BY c.kind) AS said
    FROM (SELECT CASE c.kind WHEN 'refused' THEN 'refusal' WHEN 'separate' THEN 'separation'
                             WHEN 'value' THEN 'refused value' ELSE c.kind END COLLATE "C" AS kind, max(c.n) AS n
          FROM counted c GROUP BY 1) c
    WHERE c.n > 100
)
SELECT concat_ws(E'\n', 'flowchart LR', '    %%%% profile ' || $1 || ', identifiers: ' || (SELECT count(*) FROM own),
                 (SELECT string_agg(d.line, E'\n' ORDER BY d.n) FROM labels d),
                 (SELECT string_agg(r.line, E'\n' ORDER BY r.place, r.n) FROM arrows r),
                 (SELECT format('    more["left out: %%s"]:::nobody', l.said) FROM left_out l WHERE l.said IS NOT NULL),
                 '    classDef other stroke-dasharray:4 3',
                 '    classDef nobody stroke-dasharray:1 3')
        $query$, workspace)
        INTO graph USING profile, mask, cdp.earliest_event(workspace);
    RETURN graph;
END
$graph$;
COMMENT ON FUNCTION cdp.identity_graph_body(name, bigint, boolean) IS
    'body of cdp.identity_graph, not to be called by itself';

CREATE FUNCTION cdp.identity_graph(workspace name, profile_id bigint, mask boolean DEFAULT false) RETURNS text
    AS 'MODULE_PATHNAME', 'cdp_enter'
    LANGUAGE C STABLE STRICT PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION cdp.identity_graph(name, bigint, boolean) IS
    'the picture of a profile''s identity as Mermaid text (flowchart): its identifiers; accepted evidence as arrows from the anchor, with time (UTC) and event; cdp.link as thick lines; refused evidence that touches it, separations and values that identify nobody as dotted ones, with the reason. The first 100 of each kind by time, and how many are left out. A merged profile''s id gives its survivor''s; mask: see cdp.mask. Errors: 3F000 no workspace, P0002 no such profile';
