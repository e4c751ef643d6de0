-- Deriving a workspace anew from its events.

CREATE FUNCTION cdp.rebuild(workspace name) RETURNS void
    AS 'MODULE_PATHNAME', 'cdp_rebuild'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION cdp.rebuild(name) IS
    'derives identities, profiles and segments of the workspace from its events again, by the rules of now; profile ids, the users'' own columns and times of entry are kept; writers wait while it runs';

-- Puts the old state aside, in temporary tables: all of it, or (partial) that of the identifiers in
-- cdp_scope, which cdp.rules_scope has filled.
CREATE FUNCTION cdp.rebuild_begin(workspace name, partial boolean) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    SET client_min_messages = warning
AS $begin$
DECLARE
    referencing text;
    in_scope text := CASE WHEN partial
        THEN '%2$s OPERATOR(pg_catalog.=) ANY (SELECT s.identifier FROM pg_temp.cdp_scope s)'
        ELSE 'true' END;
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
CREATE TEMPORARY TABLE cdp_old_identifiers ON COMMIT DROP AS
    SELECT i.identifier, i.profile_id, i.anchored_at FROM %1$I.identifiers i
        WHERE i.profile_id IS NOT NULL AND $sql$ || in_scope || $sql$;
CREATE TEMPORARY TABLE cdp_old_profiles ON COMMIT DROP AS
    SELECT p.* FROM %1$I.profiles p
        WHERE $sql$ || CASE WHEN partial THEN 'p.profile_id IN (SELECT o.profile_id FROM pg_temp.cdp_old_identifiers o)'
                            ELSE 'true' END || $sql$;
$sql$, workspace, 'i.identifier');
    IF NOT partial THEN
        -- Events that came in while the triggers were off.
        EXECUTE pg_catalog.format($sql$
INSERT INTO %1$I.event_ids (event_id)
    SELECT e.event_id FROM %1$I.events e
        WHERE NOT EXISTS (SELECT FROM %1$I.event_ids t WHERE t.event_id = e.event_id)
        ORDER BY e.event_id
    ON CONFLICT DO NOTHING;
$sql$, workspace);
    END IF;
    EXECUTE pg_catalog.format('DELETE FROM %1$I.profiles p WHERE ' || CASE WHEN partial
        THEN 'p.profile_id IN (SELECT o.profile_id FROM pg_temp.cdp_old_profiles o)' ELSE 'true' END, workspace);
    EXECUTE pg_catalog.format('DELETE FROM %1$I.identifiers i WHERE ' || in_scope, workspace, 'i.identifier');
    EXECUTE pg_catalog.format('DELETE FROM %1$I.identity_links l WHERE ' || in_scope, workspace, 'l.anchor');
    EXECUTE pg_catalog.format('DELETE FROM %1$I.identifier_companions c WHERE ' || in_scope, workspace, 'c.identifier');
    EXECUTE pg_catalog.format('DELETE FROM %1$I.identity_refusals r WHERE ' || in_scope, workspace, 'r.anchor');
    IF partial THEN
        EXECUTE pg_catalog.format('DELETE FROM %1$I.identity_refusals r WHERE r.anchor IS NULL '
                                  'AND r.event_id IN (SELECT s.event_id FROM pg_temp.cdp_scope_events s)', workspace);
    ELSE
        EXECUTE pg_catalog.format('DELETE FROM %1$I.segment_errors', workspace);
    END IF;
    EXECUTE pg_catalog.format('DELETE FROM %1$I.computed_trait_errors c WHERE ' || CASE WHEN partial
        THEN 'c.profile_id IN (SELECT o.profile_id FROM pg_temp.cdp_old_profiles o)' ELSE 'true' END, workspace);
    ANALYZE pg_temp.cdp_old_identifiers;
END
$begin$;
COMMENT ON FUNCTION cdp.rebuild_begin(name, boolean) IS
    'first step of cdp.rebuild, not to be called by itself: puts the old state aside, or (partial) that of the identifiers concerned';

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
                      ELSE 10 END
      AND NOT EXISTS (SELECT FROM %1$I.identifiers i
                      WHERE i.identifier OPERATOR(pg_catalog.=) c.identifier);
INSERT INTO %1$I.identifiers (identifier, first_seen, last_seen)
    SELECT d.identifier, timestamptz 'infinity', timestamptz '-infinity'
    FROM (SELECT a.identifier_a AS identifier FROM %1$I.identity_decisions a
          UNION
          SELECT b.identifier_b FROM %1$I.identity_decisions b) d
    WHERE NOT EXISTS (SELECT FROM %1$I.identifiers i
                      WHERE i.identifier OPERATOR(pg_catalog.=) d.identifier)
      AND cdp.identifier_fault(%2$L, cdp.text(d.identifier)) IS NULL;
$sql$, workspace, workspace);
END
$generic$;
COMMENT ON FUNCTION cdp.rebuild_generic(name) IS
    'step of cdp.rebuild, not to be called by itself: identifiers that are known before any event is replayed';

-- The users' own columns of profiles: a list to insert, and the expressions that the steps need.
CREATE FUNCTION cdp.own_columns(workspace name, OUT names text, OUT kept text, OUT texts text,
                                OUT inherit text, OUT inherited text)
    LANGUAGE sql STABLE STRICT PARALLEL SAFE
    BEGIN ATOMIC
        SELECT pg_catalog.string_agg(pg_catalog.format(', %I', a.attname), '' ORDER BY a.attnum),
               pg_catalog.string_agg(pg_catalog.format(
                   ', CASE WHEN o.profile_id IS NOT NULL THEN o.%1$I '
                   'WHEN k.own_columns OPERATOR(pg_catalog.?) %2$L '
                   'THEN (k.own_columns OPERATOR(pg_catalog.->>) %2$L)::%3$s ELSE n.%1$I END',
                   a.attname, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod)), '' ORDER BY a.attnum),
               pg_catalog.string_agg(pg_catalog.format('%2$L, o.%1$I::text', a.attname, a.attname), ', '),
               pg_catalog.string_agg(pg_catalog.format('%1$I = COALESCE(p.%1$I, o.%1$I)', a.attname), ', ')
                   FILTER (WHERE a.attidentity = '' AND NOT a.attnotnull),
               pg_catalog.string_agg(pg_catalog.format(
                   'CASE WHEN p.%1$I IS NULL AND o.%1$I IS NOT NULL THEN %2$L END', a.attname, a.attname), ', ')
                   FILTER (WHERE a.attidentity = '' AND NOT a.attnotnull)
        FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = pg_catalog.format('%I.profiles', workspace)::pg_catalog.regclass
          AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
          AND a.attname NOT IN ('profile_id', 'first_seen', 'last_seen', 'event_count', 'evaluated_at',
              'next_evaluation_at', 'identifier_count', 'contested_until', 'traits', 'ltv', 'computed', 'segments');
    END;
COMMENT ON FUNCTION cdp.own_columns(name) IS
    'pieces of SQL for the users'' own columns of profiles, for cdp.rebuild_finish';

-- Gives the new profiles what the events do not know.
CREATE FUNCTION cdp.rebuild_finish(workspace name, cause text, OUT merged bigint, OUT parted bigint)
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    SET client_min_messages = warning
AS $finish$
DECLARE
    own record;
    part record;
    taken text[];
BEGIN
    -- An anchor of expired events that no event names any more.
    EXECUTE pg_catalog.format($sql$
INSERT INTO %1$I.identifiers (identifier, profile_id, first_seen, last_seen, anchored_at)
    SELECT b.anchor, nextval(pg_get_serial_sequence(%2$L, 'profile_id')), b.first_seen,
           GREATEST(b.first_seen, date_trunc('day', b.last_seen, 'UTC')), b.first_seen
        FROM %1$I.opening_balances b
        LEFT JOIN %1$I.identifiers i ON i.identifier OPERATOR(pg_catalog.=) b.anchor
        WHERE i.identifier IS NULL
        ORDER BY b.anchor;
INSERT INTO %1$I.profiles (profile_id, first_seen, last_seen, event_count, evaluated_at,
                           identifier_count, traits, ltv, computed, segments)
    SELECT i.profile_id, b.first_seen, b.last_seen, 0, '-infinity', 1, '{}',
           (SELECT cdp.ltv(0, 'USD', b.last_seen, s.time_zone) FROM %1$I.settings s),
           cdp.empty_computed(%3$L), '{}'
        FROM %1$I.opening_balances b
        JOIN %1$I.identifiers i ON i.identifier OPERATOR(pg_catalog.=) b.anchor
        LEFT JOIN %1$I.profiles p ON p.profile_id = i.profile_id
        WHERE p.profile_id IS NULL;
UPDATE %1$I.profiles p
    SET first_seen = LEAST(p.first_seen, o.first_seen),
        last_seen = GREATEST(p.last_seen, o.last_seen),
        event_count = p.event_count + o.event_count,
        traits = cdp.merge(p.traits, o.traits),
        ltv = cdp.merge(p.ltv, o.ltv),
        computed = cdp.merge(p.computed, o.computed)
    FROM (SELECT i.profile_id, min(b.first_seen) AS first_seen, max(b.last_seen) AS last_seen,
                 sum(b.event_count)::bigint AS event_count, cdp.merge_agg(b.traits) AS traits,
                 cdp.merge_agg(b.ltv) AS ltv, cdp.merge_agg(b.computed) AS computed
              FROM %1$I.opening_balances b
              JOIN %1$I.identifiers i ON i.identifier OPERATOR(pg_catalog.=) b.anchor
              GROUP BY i.profile_id) o
    WHERE o.profile_id = p.profile_id AND p.evaluated_at = '-infinity';
$sql$, workspace, pg_catalog.format('%I.profiles', workspace), workspace);

    -- An old id goes to the new profile that has most of its identifiers, if that profile has most of
    -- its own from it; a former id to a new profile that has its identifier and no other id.
    EXECUTE pg_catalog.format($sql$
CREATE TEMPORARY TABLE cdp_shares ON COMMIT DROP AS
    SELECT i.profile_id AS new_id, o.profile_id AS old_id, count(*) AS shared
        FROM pg_temp.cdp_old_identifiers o
        JOIN %1$I.identifiers i ON i.identifier OPERATOR(pg_catalog.=) o.identifier
        WHERE i.profile_id IS NOT NULL
        GROUP BY 1, 2;
CREATE TEMPORARY TABLE cdp_kept ON COMMIT DROP AS
    SELECT best_old.new_id, best_old.old_id, NULL::jsonb AS own_columns, NULL::bigint AS parted_from
        FROM (SELECT DISTINCT ON (new_id) new_id, old_id FROM pg_temp.cdp_shares
                  ORDER BY new_id, shared DESC, old_id) best_old
        JOIN (SELECT DISTINCT ON (old_id) old_id, new_id FROM pg_temp.cdp_shares
                  ORDER BY old_id, shared DESC, new_id) best_new
          ON best_new.old_id = best_old.old_id AND best_new.new_id = best_old.new_id;
INSERT INTO pg_temp.cdp_kept (new_id, old_id, own_columns, parted_from)
    SELECT DISTINCT ON (i.profile_id) i.profile_id, m.merged_id, m.own_columns, m.profile_id
        FROM pg_temp.cdp_old_profiles o
        JOIN %1$I.merges m ON m.profile_id = o.profile_id AND m.undone_at IS NULL
        JOIN %1$I.identifiers i ON i.identifier OPERATOR(pg_catalog.=) m.former_identifier
        WHERE i.profile_id IS NOT NULL AND i.profile_id NOT IN (SELECT k.new_id FROM pg_temp.cdp_kept k)
        ORDER BY i.profile_id, m.merged_id;
CREATE TEMPORARY TABLE cdp_gone ON COMMIT DROP AS
    SELECT DISTINCT ON (s.old_id) s.old_id, COALESCE(k.old_id, s.new_id) AS profile_id
        FROM pg_temp.cdp_shares s
        LEFT JOIN pg_temp.cdp_kept k ON k.new_id = s.new_id
        WHERE s.old_id NOT IN (SELECT old_id FROM pg_temp.cdp_kept)
        ORDER BY s.old_id, s.shared DESC, 2;
CREATE INDEX ON pg_temp.cdp_old_profiles (profile_id);
ANALYZE pg_temp.cdp_kept;
UPDATE %1$I.identifiers i SET profile_id = k.old_id
    FROM pg_temp.cdp_kept k WHERE k.new_id = i.profile_id;
UPDATE %1$I.merges m SET undone_at = cdp.now(), undone_cause = %2$L
    FROM pg_temp.cdp_kept k WHERE k.parted_from IS NOT NULL AND k.old_id = m.merged_id AND m.undone_at IS NULL;
UPDATE %1$I.merges m SET profile_id = i.profile_id
    FROM pg_temp.cdp_old_profiles o, %1$I.identifiers i
    WHERE m.profile_id = o.profile_id AND i.identifier OPERATOR(pg_catalog.=) m.former_identifier
      AND m.undone_at IS NULL AND i.profile_id <> m.profile_id;
UPDATE %1$I.merges m SET profile_id = g.profile_id
    FROM pg_temp.cdp_gone g WHERE g.old_id = m.profile_id AND m.undone_at IS NULL;
$sql$, workspace, cause);
    EXECUTE pg_catalog.format($sql$
INSERT INTO %1$I.merges (merged_id, profile_id, merged_into, merged_at, cause, former_identifier)
    SELECT g.old_id, g.profile_id, g.profile_id, cdp.now(), $1,
           (SELECT o.identifier FROM pg_temp.cdp_old_identifiers o
            JOIN %1$I.identifiers i ON i.identifier OPERATOR(pg_catalog.=) o.identifier
            WHERE o.profile_id = g.old_id AND i.profile_id = g.profile_id
            ORDER BY o.anchored_at IS NULL, o.identifier LIMIT 1)
    FROM pg_temp.cdp_gone g;
$sql$, workspace) USING cause;
    GET DIAGNOSTICS merged = ROW_COUNT;
    EXECUTE pg_catalog.format($sql$
INSERT INTO %1$I.merges (merged_id, profile_id, merged_into, cause, undone_at, undone_cause)
    SELECT DISTINCT ON (s.new_id) s.new_id, COALESCE(o.profile_id, s.old_id), COALESCE(o.profile_id, s.old_id),
           $1, cdp.now(), $1
    FROM pg_temp.cdp_shares s
    LEFT JOIN pg_temp.cdp_gone o ON o.old_id = s.old_id
    WHERE s.new_id NOT IN (SELECT k.new_id FROM pg_temp.cdp_kept k)
      AND s.old_id IN (SELECT k.old_id FROM pg_temp.cdp_kept k)
    ORDER BY s.new_id, s.shared DESC, s.old_id;
$sql$, workspace) USING cause;
    GET DIAGNOSTICS parted = ROW_COUNT;
    SELECT parted + count(*) INTO parted FROM pg_temp.cdp_kept k WHERE k.parted_from IS NOT NULL;
    EXECUTE pg_catalog.format($sql$
INSERT INTO %1$I.segment_changes (profile_id, segment, entered, at, cause)
    SELECT o.profile_id, e.segment, false, GREATEST(cdp.now(), o.evaluated_at), $1
        FROM pg_temp.cdp_old_profiles o
        CROSS JOIN LATERAL cdp.segment_entries(o.segments) e
        WHERE o.profile_id NOT IN (SELECT old_id FROM pg_temp.cdp_kept);
$sql$, workspace) USING cause;
    EXECUTE pg_catalog.format($sql$
CREATE TEMPORARY TABLE cdp_new_profiles ON COMMIT DROP AS
    SELECT * FROM %1$I.profiles p WHERE p.evaluated_at = '-infinity';
DELETE FROM %1$I.profiles p WHERE p.evaluated_at = '-infinity';
$sql$, workspace);

    -- Rows are inserted anew rather than updated: a column of the users' that is GENERATED ALWAYS AS
    -- IDENTITY keeps its values, too.
    SELECT * INTO own FROM cdp.own_columns(workspace);
    -- What a profile took over from one that is there again goes back.
    FOR part IN EXECUTE pg_catalog.format(
        'SELECT m.merged_id, k.parted_from, m.own_columns, c.name '
        'FROM pg_temp.cdp_kept k '
        'JOIN %I.merges m ON m.merged_id = k.old_id AND m.undone_at = cdp.now() '
        'CROSS JOIN LATERAL unnest(m.inherited) c(name) WHERE k.parted_from IS NOT NULL', workspace)
    LOOP
        EXECUTE pg_catalog.format(
            'UPDATE pg_temp.cdp_old_profiles p SET %1$I = NULL WHERE p.profile_id = $1 AND p.%1$I::text = $2', part.name)
            USING part.parted_from, part.own_columns ->> part.name;
    END LOOP;
    EXECUTE pg_catalog.format($sql$
INSERT INTO %1$I.profiles (profile_id, first_seen, last_seen, event_count, evaluated_at,
                           next_evaluation_at, identifier_count, contested_until, traits, ltv, computed, segments %2$s)
    OVERRIDING SYSTEM VALUE
    SELECT id.id, n.first_seen, n.last_seen, n.event_count, COALESCE(o.evaluated_at, cdp.now()),
           n.next_evaluation_at,
           (SELECT count(*) FROM %1$I.identifiers i WHERE i.profile_id = id.id)
               + (SELECT count(*) FROM %1$I.merges m WHERE m.profile_id = id.id AND m.undone_at IS NULL),
           n.contested_until, n.traits, n.ltv, n.computed, COALESCE(o.segments, '{}') %3$s
        FROM pg_temp.cdp_new_profiles n
        LEFT JOIN pg_temp.cdp_kept k ON k.new_id = n.profile_id
        CROSS JOIN LATERAL (SELECT COALESCE(k.old_id, n.profile_id) AS id) id
        LEFT JOIN pg_temp.cdp_old_profiles o ON o.profile_id = k.old_id AND k.parted_from IS NULL;
$sql$, workspace, own.names, own.kept);
    EXECUTE pg_catalog.format($sql$
UPDATE %1$I.computed_trait_errors c SET profile_id = k.old_id
    FROM pg_temp.cdp_kept k WHERE k.new_id = c.profile_id;
-- Profiles of the rebuild that became one on the way.
WITH lost AS (
    DELETE FROM %1$I.computed_trait_errors c
    WHERE NOT EXISTS (SELECT FROM %1$I.profiles p WHERE p.profile_id = c.profile_id)
    RETURNING c.*
)
INSERT INTO %1$I.computed_trait_errors (trait, profile_id, n, sqlstate, message, event_id, at)
    SELECT DISTINCT ON (l.trait, i.profile_id) l.trait, i.profile_id,
           sum(l.n) OVER (PARTITION BY l.trait, i.profile_id), l.sqlstate, l.message, l.event_id, l.at
    FROM lost l
    JOIN %1$I.events e ON e.event_id = l.event_id
    JOIN %1$I.identifiers i ON i.identifier OPERATOR(pg_catalog.=) e.anchor
    WHERE i.profile_id IS NOT NULL
    ON CONFLICT (trait, profile_id) DO UPDATE SET n = computed_trait_errors.n + excluded.n;
$sql$, workspace);
    DROP TABLE IF EXISTS pg_temp.cdp_changed;
    CREATE TEMPORARY TABLE cdp_changed ON COMMIT DROP AS
        SELECT COALESCE(k.old_id, n.profile_id) AS profile_id
        FROM pg_temp.cdp_new_profiles n
        LEFT JOIN pg_temp.cdp_kept k ON k.new_id = n.profile_id;
    EXECUTE pg_catalog.format($sql$
UPDATE %1$I.merges m SET undone_at = cdp.now(), undone_cause = $1
    FROM pg_temp.cdp_old_profiles o
    WHERE m.profile_id = o.profile_id AND m.undone_at IS NULL
      AND NOT EXISTS (SELECT FROM %1$I.profiles p WHERE p.profile_id = m.profile_id);
$sql$, workspace) USING cause;

    -- Where profiles have become one: the survivor's value, else another one's.
    IF own.texts IS NOT NULL THEN
        FOR part IN SELECT g.old_id, g.profile_id FROM pg_temp.cdp_gone g ORDER BY g.old_id LOOP
            taken := NULL;
            IF own.inherit IS NOT NULL THEN
                EXECUTE pg_catalog.format(
                    'SELECT NULLIF(array_remove(ARRAY[%s], NULL), ''{}'') FROM %I.profiles p, pg_temp.cdp_old_profiles o '
                    'WHERE p.profile_id = $1 AND o.profile_id = $2', own.inherited, workspace)
                    INTO taken USING part.profile_id, part.old_id;
                EXECUTE pg_catalog.format(
                    'UPDATE %I.profiles p SET %s FROM pg_temp.cdp_old_profiles o '
                    'WHERE p.profile_id = $1 AND o.profile_id = $2', workspace, own.inherit)
                    USING part.profile_id, part.old_id;
            END IF;
            EXECUTE pg_catalog.format(
                'UPDATE %I.merges m SET inherited = $1, own_columns = jsonb_build_object(%s) '
                'FROM pg_temp.cdp_old_profiles o '
                'WHERE m.merged_id = $2 AND m.undone_at IS NULL AND o.profile_id = $2', workspace, own.texts)
                USING taken, part.old_id;
        END LOOP;
    END IF;
    DROP TABLE pg_temp.cdp_shares, pg_temp.cdp_kept, pg_temp.cdp_gone, pg_temp.cdp_new_profiles;
END
$finish$;
COMMENT ON FUNCTION cdp.rebuild_finish(name, text) IS
    'last step of cdp.rebuild, not to be called by itself: ids, users'' columns and segments return; how many profiles were merged, and how many have come apart';
