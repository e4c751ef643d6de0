-- A change of identity rules repairs the past: the stored state that the current rules contradict is
-- found here, and derived again by a partial rebuild.

CREATE FUNCTION cdp.define_rules() RETURNS trigger
    AS 'MODULE_PATHNAME', 'cdp_define_rules'
    LANGUAGE C VOLATILE;
COMMENT ON FUNCTION cdp.define_rules() IS
    'statement trigger on settings and identity rules: derives by the new rules what was derived by the old';

-- Fills cdp_scope with the identifiers, and cdp_scope_events with nobody's events, of which the rules
-- of now say another thing than what is stored, and with all that evidence connects them with.
CREATE FUNCTION cdp.rules_scope(workspace name) RETURNS bigint
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    SET client_min_messages = warning
AS $scope$
DECLARE
    added bigint;
    reached bigint;
    found boolean;
    suffix text;
BEGIN
    PERFORM cdp.require_step(workspace);
    suffix := cdp.rebuild_suffix();
    EXECUTE format($sql$
INSERT INTO pg_temp.cdp_rules%3$s SELECT * FROM cdp.namespace_rules(%2$L);
ANALYZE pg_temp.cdp_rules%3$s;

-- Who is blocked now does not count as anybody's companion.
DELETE FROM %1$I.identifier_companions c
    USING (SELECT i.identifier FROM %1$I.identifiers i
           WHERE cdp.identifier_fault(%2$L, cdp.text(i.identifier)) IS NOT NULL) f
    WHERE c.identifier = f.identifier OR c.companion = f.identifier;

-- Identifiers that are none now; that anchor events and may not; that may not merge.
INSERT INTO pg_temp.cdp_scope%3$s (identifier)
    SELECT i.identifier FROM %1$I.identifiers i
    WHERE cdp.identifier_fault(%2$L, cdp.text(i.identifier)) IS NOT NULL
    UNION
    SELECT i.identifier FROM %1$I.identifiers i
    JOIN pg_temp.cdp_rules%3$s u ON u.namespace = cdp.namespace(i.identifier) COLLATE "C"
    WHERE i.anchored_at IS NOT NULL AND NOT u.can_anchor
    UNION
    SELECT i.identifier FROM %1$I.identifiers i
    JOIN pg_temp.cdp_rules%3$s u ON u.namespace = cdp.namespace(i.identifier) COLLATE "C"
    WHERE NOT u.can_merge AND NOT i.generic;
INSERT INTO pg_temp.cdp_generic%3$s (identifier)
    SELECT DISTINCT c.identifier
    FROM (SELECT n.identifier, cdp.namespace(n.identifier) COLLATE "C" AS namespace, count(*) AS n
          FROM %1$I.identifier_companions n
          GROUP BY n.identifier, cdp.namespace(n.companion)) c
    JOIN pg_temp.cdp_rules%3$s u ON u.namespace = c.namespace
    WHERE c.n >= u.generic_after;
INSERT INTO pg_temp.cdp_scope%3$s (identifier)
    SELECT g.identifier FROM pg_temp.cdp_generic%3$s g
    JOIN %1$I.identifiers i ON i.identifier = g.identifier
    WHERE NOT i.generic
    ON CONFLICT DO NOTHING;
INSERT INTO pg_temp.cdp_scope%3$s (identifier)
    SELECT i.identifier FROM %1$I.identifiers i
    WHERE i.generic AND i.identifier NOT IN (SELECT g.identifier FROM pg_temp.cdp_generic%3$s g)
    ON CONFLICT DO NOTHING;

-- Events that named what is an identifier now, or is none for another reason.
INSERT INTO pg_temp.cdp_judged%3$s (anchor, event_id)
    SELECT r.anchor, r.event_id
    FROM (SELECT f.identifier, cdp.identifier_fault(%2$L, f.identifier) AS fault
          FROM (SELECT DISTINCT r.identifier FROM %1$I.identity_refusals r
                WHERE r.reason IN ('blocked', 'generic', 'too many')
                   OR r.reason = 'invalid' AND r.detail IS NOT NULL) f) j
    JOIN %1$I.identity_refusals r ON r.identifier = j.identifier
    WHERE CASE r.reason WHEN 'blocked' THEN j.fault IS DISTINCT FROM 'blocked'
                        WHEN 'invalid' THEN r.detail IS NOT NULL AND j.fault IS DISTINCT FROM 'invalid'
                        WHEN 'too many' THEN j.fault IS NOT NULL
                        WHEN 'generic' THEN j.fault IS NOT NULL
                             OR NOT EXISTS (SELECT FROM pg_temp.cdp_generic%3$s g WHERE cdp.text(g.identifier) = r.identifier)
               ELSE false END;
INSERT INTO pg_temp.cdp_scope%3$s (identifier)
    SELECT DISTINCT j.anchor FROM pg_temp.cdp_judged%3$s j WHERE j.anchor IS NOT NULL
    ON CONFLICT DO NOTHING;
INSERT INTO pg_temp.cdp_scope_events%3$s (event_id)
    SELECT DISTINCT j.event_id FROM pg_temp.cdp_judged%3$s j WHERE j.anchor IS NULL;

-- Nobody's events that have an anchor now.
INSERT INTO pg_temp.cdp_scope_events%3$s (event_id)
    SELECT e.event_id
    FROM (SELECT v.event_id, cdp.anchor_of(%2$L, v.identifiers) AS anchor
          FROM %1$I.events v WHERE v.anchor IS NULL AND v.identifiers <> '{}') e
    WHERE e.anchor IS NOT NULL
      AND NOT EXISTS (SELECT FROM %1$I.identifiers i WHERE i.identifier = e.anchor AND i.generic)
    ON CONFLICT DO NOTHING;
-- ... and whom they name: they may be joined now.
INSERT INTO pg_temp.cdp_scope%3$s (identifier)
    SELECT DISTINCT i.identifier
    FROM %1$I.events v
    CROSS JOIN %1$I.settings o
    CROSS JOIN LATERAL unnest(v.identifiers) u(received)
    JOIN %1$I.identifiers i ON i.identifier = cdp.stored_identifier(u.received, o.default_region, o.vietnam_2018)
    WHERE v.anchor IS NULL AND v.event_id IN (SELECT s.event_id FROM pg_temp.cdp_scope_events%3$s s)
    ON CONFLICT DO NOTHING;

-- Pairs whose other one is the stronger now, limits that are others, merges that may be.
INSERT INTO pg_temp.cdp_scope%3$s (identifier)
    SELECT DISTINCT p.anchor
    FROM (SELECT l.anchor, cdp.namespace(l.identifier) COLLATE "C" AS namespace FROM %1$I.identity_links l
          UNION ALL
          SELECT r.anchor, split_part(r.identifier, ':', 1) COLLATE "C" FROM %1$I.identity_refusals r
          WHERE r.reason IN ('limit', 'separated', 'merge', 'too many')) p
    JOIN pg_temp.cdp_rules%3$s a ON a.namespace = cdp.namespace(p.anchor) COLLATE "C"
    JOIN pg_temp.cdp_rules%3$s o ON o.namespace = p.namespace
    WHERE NOT a.can_anchor
       OR o.can_anchor AND (o.priority, o.namespace COLLATE "C") < (a.priority, a.namespace COLLATE "C")
    ON CONFLICT DO NOTHING;
INSERT INTO pg_temp.cdp_scope%3$s (identifier)
    SELECT DISTINCT r.anchor
    FROM %1$I.identity_refusals r
    LEFT JOIN pg_temp.cdp_rules%3$s u ON u.namespace = substring(r.detail FROM ' of (.*)$') COLLATE "C"
    LEFT JOIN pg_temp.cdp_rules%3$s a ON a.namespace = cdp.namespace(r.anchor) COLLATE "C"
    LEFT JOIN pg_temp.cdp_rules%3$s o ON o.namespace = split_part(r.identifier, ':', 1) COLLATE "C"
    WHERE r.reason = 'limit' AND (u.max_per_profile IS NULL
              OR r.detail <> format('a profile may have %%s of %%s', u.max_per_profile, u.namespace))
       OR r.reason = 'merge' AND a.can_merge AND o.can_merge
    ON CONFLICT DO NOTHING;
INSERT INTO pg_temp.cdp_scope%3$s (identifier)
    SELECT DISTINCT c.identifier
    FROM (SELECT min(i.identifier) AS identifier, cdp.namespace(i.identifier) COLLATE "C" AS namespace, count(*) AS n
          FROM %1$I.identifiers i WHERE i.profile_id IS NOT NULL
          GROUP BY i.profile_id, cdp.namespace(i.identifier)) c
    JOIN pg_temp.cdp_rules%3$s u ON u.namespace = c.namespace
    WHERE c.n > greatest(u.max_per_profile, 1)
    ON CONFLICT DO NOTHING;
-- ... and profiles of which the order mattered, because a namespace might not merge
INSERT INTO pg_temp.cdp_scope%3$s (identifier)
    SELECT min(i.identifier)
    FROM %1$I.profiles p
    JOIN %1$I.identifiers i ON i.profile_id = p.profile_id
    JOIN pg_temp.cdp_rules%3$s u ON u.namespace = cdp.namespace(i.identifier) COLLATE "C"
    WHERE p.contested_until = '-infinity'
    GROUP BY p.profile_id
    HAVING bool_and(u.can_merge)
    ON CONFLICT DO NOTHING;
$sql$, workspace, workspace, suffix);

    -- All that evidence connects them with: profile by profile, then along what was refused.
    reached := 0;
    LOOP
        EXECUTE format('ANALYZE pg_temp.%I', 'cdp_scope' || suffix);
        EXECUTE format($sql$
INSERT INTO pg_temp.cdp_scope%2$s (identifier, round)
    SELECT i.identifier, $1
    FROM (SELECT DISTINCT m.profile_id FROM pg_temp.cdp_scope%2$s s
          JOIN %1$I.identifiers m ON m.identifier = s.identifier
          WHERE s.round >= $1 - 1) p
    JOIN %1$I.identifiers i ON i.profile_id = p.profile_id
    ON CONFLICT DO NOTHING
$sql$, workspace, suffix) USING reached + 1;
        EXECUTE format($sql$
INSERT INTO pg_temp.cdp_scope%2$s (identifier, round)
    SELECT o.identifier, $1 + 1
    FROM pg_temp.cdp_scope%2$s s
    JOIN %1$I.identity_refusals r ON r.anchor = s.identifier
                                 AND r.reason IN ('limit', 'separated', 'merge', 'too many')
    JOIN %1$I.identifiers o ON o.identifier = (r.identifier::cdp.identifier)
    WHERE s.round >= $1 - 1
    UNION
    SELECT r.anchor, $1 + 1
    FROM pg_temp.cdp_scope%2$s s
    JOIN %1$I.identity_refusals r ON r.identifier = cdp.text(s.identifier) COLLATE "C"
                                 AND r.reason IN ('limit', 'separated', 'merge', 'too many')
    WHERE s.round >= $1 - 1 AND r.anchor IS NOT NULL
    UNION
    SELECT d.identifier_b, $1 + 1 FROM pg_temp.cdp_scope%2$s s
    JOIN %1$I.identity_decisions d ON d.identifier_a = s.identifier AND d.kind = 'link'
    WHERE s.round >= $1 - 1
    UNION
    SELECT d.identifier_a, $1 + 1 FROM pg_temp.cdp_scope%2$s s
    JOIN %1$I.identity_decisions d ON d.identifier_b = s.identifier AND d.kind = 'link'
    WHERE s.round >= $1 - 1
    ON CONFLICT DO NOTHING
$sql$, workspace, suffix) USING reached + 1;
        GET DIAGNOSTICS added = ROW_COUNT;
        EXIT WHEN added = 0;
        reached := reached + 2;
    END LOOP;
    EXECUTE format('ANALYZE pg_temp.%I', 'cdp_scope' || suffix);
    -- When an identifier was seen, nobody's events say, too, where its kind cannot anchor them.
    EXECUTE format('SELECT EXISTS (SELECT FROM pg_temp.%I u WHERE NOT u.can_anchor)', 'cdp_rules' || suffix) INTO found;
    IF found THEN
        EXECUTE format($sql$
INSERT INTO pg_temp.cdp_scope_events%3$s (event_id)
    SELECT DISTINCT e.event_id
    FROM %1$I.events e
    CROSS JOIN %1$I.settings o
    CROSS JOIN LATERAL unnest(e.identifiers) u(received)
    WHERE e.anchor IS NULL AND u.received IS NOT NULL
      AND EXISTS (SELECT FROM pg_temp.cdp_scope%3$s s
                  WHERE s.identifier = cdp.stored_identifier(u.received, o.default_region, o.vietnam_2018))
    ON CONFLICT DO NOTHING;
$sql$, workspace, workspace, suffix);
    END IF;
    EXECUTE format('ANALYZE pg_temp.%I', 'cdp_scope_events' || suffix);
    EXECUTE format('SELECT (SELECT count(*) FROM pg_temp.%I) + (SELECT count(*) FROM pg_temp.%I)',
                   'cdp_scope' || suffix, 'cdp_scope_events' || suffix)
        INTO added;
    RETURN added;
END
$scope$;
COMMENT ON FUNCTION cdp.rules_scope(name) IS
    'step of a change of identity rules, not to be called by itself: finds what of the workspace it concerns; returns how many identifiers and events';

CREATE FUNCTION cdp.forget_companions(workspace name) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $forget$
BEGIN
    PERFORM cdp.require_step(workspace);
    EXECUTE format('DELETE FROM %I.identifier_companions', workspace);
END
$forget$;
COMMENT ON FUNCTION cdp.forget_companions(name) IS
    'step of a change of identity rules, not to be called by itself: who is seen with whom is read from the events again';
