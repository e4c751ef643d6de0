-- Deriving a workspace anew from its events.

CREATE FUNCTION cdp.rebuild(workspace name) RETURNS void
    AS 'MODULE_PATHNAME', 'cdp_rebuild'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION cdp.rebuild(name) IS
    'derives identities, profiles and segments of the workspace from its events again, by the rules of now; profile ids, the users'' own columns and times of entry are kept; writers wait while it runs';

-- Puts the old state aside, in temporary tables.
CREATE FUNCTION cdp.rebuild_begin(workspace name) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    SET client_min_messages = warning
AS $begin$
DECLARE
    referencing text;
BEGIN
    SELECT pg_catalog.string_agg(c.conrelid::regclass::text, ', ') INTO referencing
        FROM pg_catalog.pg_constraint c
        WHERE c.contype = 'f'
          AND c.confrelid = pg_catalog.format('%I.profiles', workspace)::regclass;
    IF referencing IS NOT NULL THEN
        RAISE EXCEPTION 'cannot rebuild workspace "%": foreign keys reference its profiles', workspace
            USING ERRCODE = 'dependent_objects_still_exist',
                  DETAIL = pg_catalog.format('Referencing tables: %s.', referencing),
                  HINT = 'Profiles come and go by merges: keep their ids without a foreign key, and resolve them with cdp.canonical.';
    END IF;
    EXECUTE pg_catalog.format($sql$
DROP TABLE IF EXISTS pg_temp.cdp_old_profiles, pg_temp.cdp_old_identifiers;
CREATE TEMPORARY TABLE cdp_old_profiles ON COMMIT DROP AS SELECT * FROM %1$I.profiles;
CREATE TEMPORARY TABLE cdp_old_identifiers ON COMMIT DROP AS
    SELECT identifier, profile_id FROM %1$I.identifiers WHERE profile_id IS NOT NULL;
-- Events that came in while the triggers were off.
INSERT INTO %1$I.event_ids (event_id)
    SELECT e.event_id FROM %1$I.events e
        WHERE NOT EXISTS (SELECT FROM %1$I.event_ids t WHERE t.event_id = e.event_id)
        ORDER BY e.event_id
    ON CONFLICT DO NOTHING;
DELETE FROM %1$I.profiles;
DELETE FROM %1$I.identifiers;
DELETE FROM %1$I.identity_links;
DELETE FROM %1$I.identity_refusals;
DELETE FROM %1$I.identifier_companions;
DELETE FROM %1$I.segment_errors;
ANALYZE pg_temp.cdp_old_identifiers;
$sql$, workspace);
END
$begin$;
COMMENT ON FUNCTION cdp.rebuild_begin(name) IS
    'first step of cdp.rebuild, not to be called by itself: puts the old state aside';

-- Generic identifiers, and those that people have decided on and no event has named.
CREATE FUNCTION cdp.rebuild_generic(workspace name) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $generic$
BEGIN
    EXECUTE pg_catalog.format($sql$
INSERT INTO %1$I.identifiers (identifier, first_seen, last_seen, generic)
    SELECT DISTINCT c.identifier, timestamptz '-infinity', timestamptz 'infinity', true
    FROM (SELECT n.identifier, cdp.namespace(n.identifier) COLLATE "C" AS namespace, count(*) AS n
          FROM %1$I.identifier_companions n
          GROUP BY n.identifier, cdp.namespace(n.companion)) c
    LEFT JOIN %1$I.identifier_namespaces own ON own.namespace = c.namespace
    LEFT JOIN %1$I.identifier_namespaces other ON other.namespace = '*'
    WHERE c.n >= CASE WHEN own.namespace IS NOT NULL THEN own.generic_after
                      WHEN other.namespace IS NOT NULL THEN other.generic_after
                      ELSE 10 END;
INSERT INTO %1$I.identifiers (identifier, first_seen, last_seen)
    SELECT d.identifier, timestamptz 'infinity', timestamptz '-infinity'
    FROM (SELECT a.identifier_a AS identifier FROM %1$I.identity_decisions a
          UNION
          SELECT b.identifier_b FROM %1$I.identity_decisions b) d
    WHERE NOT EXISTS (SELECT FROM %1$I.identifiers i
                      WHERE i.identifier OPERATOR(pg_catalog.=) d.identifier);
$sql$, workspace);
END
$generic$;
COMMENT ON FUNCTION cdp.rebuild_generic(name) IS
    'step of cdp.rebuild, not to be called by itself: identifiers that are known before any event is replayed';

-- Gives the new profiles what the events do not know.
CREATE FUNCTION cdp.rebuild_finish(workspace name) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    SET client_min_messages = warning
AS $finish$
DECLARE
    own_columns text;
    own_values text;
    inherited text;
    gone bigint;
    survivor bigint;
BEGIN
    -- An anchor of expired events that no event names any more.
    EXECUTE pg_catalog.format($sql$
INSERT INTO %1$I.identifiers (identifier, profile_id, first_seen, last_seen)
    SELECT b.anchor, nextval(pg_get_serial_sequence(%2$L, 'profile_id')), b.first_seen,
           GREATEST(b.first_seen, date_trunc('day', b.last_seen, 'UTC'))
        FROM %1$I.opening_balances b
        LEFT JOIN %1$I.identifiers i ON i.identifier OPERATOR(pg_catalog.=) b.anchor
        WHERE i.identifier IS NULL
        ORDER BY b.anchor;
INSERT INTO %1$I.profiles (profile_id, first_seen, last_seen, event_count, evaluated_at,
                           identifier_count, traits, ltv, segments)
    SELECT i.profile_id, b.first_seen, b.last_seen, 0, b.last_seen, 1, '{}',
           (SELECT cdp.ltv(0, 'USD', b.last_seen, s.time_zone) FROM %1$I.settings s), '{}'
        FROM %1$I.opening_balances b
        JOIN %1$I.identifiers i ON i.identifier OPERATOR(pg_catalog.=) b.anchor
        LEFT JOIN %1$I.profiles p ON p.profile_id = i.profile_id
        WHERE p.profile_id IS NULL;
UPDATE %1$I.profiles p
    SET first_seen = LEAST(p.first_seen, o.first_seen),
        last_seen = GREATEST(p.last_seen, o.last_seen),
        event_count = p.event_count + o.event_count,
        traits = cdp.merge(p.traits, o.traits),
        ltv = cdp.merge(p.ltv, o.ltv)
    FROM (SELECT i.profile_id, min(b.first_seen) AS first_seen, max(b.last_seen) AS last_seen,
                 sum(b.event_count)::bigint AS event_count, cdp.merge_agg(b.traits) AS traits,
                 cdp.merge_agg(b.ltv) AS ltv
              FROM %1$I.opening_balances b
              JOIN %1$I.identifiers i ON i.identifier OPERATOR(pg_catalog.=) b.anchor
              GROUP BY i.profile_id) o
    WHERE o.profile_id = p.profile_id;
$sql$, workspace, pg_catalog.format('%I.profiles', workspace));

    -- An old id goes to the new profile that has most of its identifiers, if
    -- that profile has most of its own from it.
    EXECUTE pg_catalog.format($sql$
CREATE TEMPORARY TABLE cdp_shares ON COMMIT DROP AS
    SELECT i.profile_id AS new_id, o.profile_id AS old_id, count(*) AS shared
        FROM pg_temp.cdp_old_identifiers o
        JOIN %1$I.identifiers i ON i.identifier OPERATOR(pg_catalog.=) o.identifier
        WHERE i.profile_id IS NOT NULL
        GROUP BY 1, 2;
CREATE TEMPORARY TABLE cdp_kept ON COMMIT DROP AS
    SELECT best_old.new_id, best_old.old_id
        FROM (SELECT DISTINCT ON (new_id) new_id, old_id FROM pg_temp.cdp_shares
                  ORDER BY new_id, shared DESC, old_id) best_old
        JOIN (SELECT DISTINCT ON (old_id) old_id, new_id FROM pg_temp.cdp_shares
                  ORDER BY old_id, shared DESC, new_id) best_new
          ON best_new.old_id = best_old.old_id AND best_new.new_id = best_old.new_id;
CREATE TEMPORARY TABLE cdp_gone ON COMMIT DROP AS
    SELECT DISTINCT ON (s.old_id) s.old_id, COALESCE(k.old_id, s.new_id) AS profile_id
        FROM pg_temp.cdp_shares s
        LEFT JOIN pg_temp.cdp_kept k ON k.new_id = s.new_id
        WHERE s.old_id NOT IN (SELECT old_id FROM pg_temp.cdp_kept)
        ORDER BY s.old_id, s.shared DESC, 2;
ANALYZE pg_temp.cdp_kept;
UPDATE %1$I.identifiers i SET profile_id = k.old_id
    FROM pg_temp.cdp_kept k WHERE k.new_id = i.profile_id;
UPDATE %1$I.merges m SET profile_id = g.profile_id
    FROM pg_temp.cdp_gone g WHERE g.old_id = m.profile_id AND m.undone_at IS NULL;
INSERT INTO %1$I.merges (merged_id, profile_id, merged_into, merged_at, cause)
    SELECT old_id, profile_id, profile_id, cdp.now(), 'rebuild' FROM pg_temp.cdp_gone;
INSERT INTO %1$I.segment_changes (profile_id, segment, entered, at, cause)
    SELECT o.profile_id, e.segment, false, GREATEST(cdp.now(), o.evaluated_at), 'rebuild'
        FROM pg_temp.cdp_old_profiles o
        CROSS JOIN LATERAL cdp.segment_entries(o.segments) e
        WHERE o.profile_id NOT IN (SELECT old_id FROM pg_temp.cdp_kept);
CREATE TEMPORARY TABLE cdp_new_profiles ON COMMIT DROP AS SELECT * FROM %1$I.profiles;
DELETE FROM %1$I.profiles;
$sql$, workspace);

    -- Rows are inserted anew rather than updated: a column of the users' that is GENERATED ALWAYS AS
    -- IDENTITY keeps its values, too.
    SELECT pg_catalog.string_agg(pg_catalog.format(', %I', a.attname), '' ORDER BY a.attnum),
           pg_catalog.string_agg(pg_catalog.format(
               ', CASE WHEN k.old_id IS NULL THEN n.%1$I ELSE o.%1$I END', a.attname), '' ORDER BY a.attnum),
           pg_catalog.string_agg(pg_catalog.format('%1$I = COALESCE(p.%1$I, o.%1$I)', a.attname), ', ')
               FILTER (WHERE a.attidentity = '' AND NOT a.attnotnull)
        INTO own_columns, own_values, inherited
        FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = pg_catalog.format('%I.profiles', workspace)::regclass
          AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
          AND a.attname NOT IN ('profile_id', 'first_seen', 'last_seen', 'event_count',
              'evaluated_at', 'next_evaluation_at', 'identifier_count', 'contested_until', 'traits', 'ltv', 'segments');
    EXECUTE pg_catalog.format($sql$
INSERT INTO %1$I.profiles (profile_id, first_seen, last_seen, event_count, evaluated_at,
                           next_evaluation_at, identifier_count, contested_until, traits, ltv, segments %2$s)
    OVERRIDING SYSTEM VALUE
    SELECT id.id, n.first_seen, n.last_seen, n.event_count, COALESCE(o.evaluated_at, cdp.now()),
           n.next_evaluation_at,
           (SELECT count(*) FROM %1$I.identifiers i WHERE i.profile_id = id.id)
               + (SELECT count(*) FROM %1$I.merges m WHERE m.profile_id = id.id AND m.undone_at IS NULL),
           n.contested_until, n.traits, n.ltv, COALESCE(o.segments, '{}') %3$s
        FROM pg_temp.cdp_new_profiles n
        LEFT JOIN pg_temp.cdp_kept k ON k.new_id = n.profile_id
        CROSS JOIN LATERAL (SELECT COALESCE(k.old_id, n.profile_id) AS id) id
        LEFT JOIN pg_temp.cdp_old_profiles o ON o.profile_id = k.old_id;
UPDATE %1$I.merges m SET undone_at = cdp.now(), undone_cause = 'rebuild'
    WHERE m.undone_at IS NULL
      AND NOT EXISTS (SELECT FROM %1$I.profiles p WHERE p.profile_id = m.profile_id);
$sql$, workspace, own_columns, own_values);

    -- Where profiles have become one: the survivor's value, else another one's.
    IF inherited IS NOT NULL AND EXISTS (SELECT FROM pg_temp.cdp_gone) THEN
        CREATE INDEX ON pg_temp.cdp_old_profiles (profile_id);
        FOR gone, survivor IN SELECT g.old_id, g.profile_id FROM pg_temp.cdp_gone g ORDER BY g.old_id LOOP
            EXECUTE pg_catalog.format(
                'UPDATE %I.profiles p SET %s FROM pg_temp.cdp_old_profiles o '
                'WHERE p.profile_id = $1 AND o.profile_id = $2', workspace, inherited)
                USING survivor, gone;
        END LOOP;
    END IF;
    DROP TABLE pg_temp.cdp_old_profiles, pg_temp.cdp_old_identifiers, pg_temp.cdp_shares,
        pg_temp.cdp_kept, pg_temp.cdp_gone, pg_temp.cdp_new_profiles;
END
$finish$;
COMMENT ON FUNCTION cdp.rebuild_finish(name) IS
    'last step of cdp.rebuild, not to be called by itself: ids, users'' columns and segments return';
