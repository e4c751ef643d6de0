-- Deriving a workspace again from its events.
--
-- cdp.rebuild_begin puts identifiers and profiles aside, deletes the profiles, and has each part delete
-- its own rows (cdp.rebuild_begin_<part>); the events then go through the engine's stages (src/rebuild); and
-- cdp.rebuild_finish gives the new profiles their old ids, the users' own columns and what the columns of
-- other parts keep, and has each part do the same for its rows (cdp.rebuild_finish_<part>).
--
-- The temporary tables, which parts may read. Their names are these with cdp.rebuild_suffix() at the end,
-- which is empty unless the session has tables of its own of such names. They are made empty, with columns
-- of fixed types (src/rebuild/work_tables.c); what has columns that users may have added gets them here.
--
--   cdp_scope             identifiers that a change of rules concerns; only in a partial rebuild
--   cdp_scope_events      events of nobody that it concerns; only in a partial rebuild
--   cdp_old_identifiers   identifiers that had a profile: identifier, profile_id, anchored_at
--   cdp_old_profiles      the old rows of profiles
--   cdp_kept              new profiles that take an old id: new_id, old_id; parted_from: the profile from
--                         which a merged one comes apart again. Only when parts finish
--   cdp_gone              old ids that no profile has any more, and the profile they resolve to: old_id,
--                         profile_id. Only when parts finish
--
-- All of it runs as the workspace's owner, in a security-restricted operation.

CREATE FUNCTION cdp.rebuild(workspace name) RETURNS void
    AS 'MODULE_PATHNAME', 'cdp_rebuild'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION cdp.rebuild(name) IS
    'derives identities, profiles and segments of the workspace from its events again, by the rules of now; profile ids, the users'' own columns and times of entry are kept; writers wait while it runs';

CREATE FUNCTION cdp.rebuild_suffix() RETURNS text
    AS 'MODULE_PATHNAME', 'cdp_rebuild_suffix'
    LANGUAGE C STABLE PARALLEL UNSAFE;
COMMENT ON FUNCTION cdp.rebuild_suffix() IS
    'what stands at the end of the names of the temporary tables of the rebuild that is running; error 55000 where none is';

CREATE FUNCTION cdp.rebuild_scope(identifier text, partial boolean) RETURNS text
    LANGUAGE sql STABLE STRICT PARALLEL UNSAFE
    BEGIN ATOMIC
        SELECT CASE WHEN partial
            THEN pg_catalog.format('%s OPERATOR(pg_catalog.=) ANY (SELECT s.identifier FROM pg_temp.%I s)',
                                   identifier, 'cdp_scope' || cdp.rebuild_suffix())
            ELSE 'true' END;
    END;
COMMENT ON FUNCTION cdp.rebuild_scope(text, boolean) IS
    'SQL condition on an expression, of an identifier, for what a rebuild derives again: all, or (partial) the identifiers concerned';

CREATE FUNCTION cdp.rebuild_columns(workspace name) RETURNS text
    LANGUAGE sql STABLE STRICT PARALLEL SAFE
    BEGIN ATOMIC
        SELECT pg_catalog.string_agg(
                   pg_catalog.format('ADD COLUMN %I %s', a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod))
                       || CASE WHEN a.attcollation <> t.typcollation
                               THEN pg_catalog.format(' COLLATE %I.%I', n.nspname, c.collname) ELSE '' END,
                   ', ' ORDER BY a.attnum)
        FROM pg_catalog.pg_attribute a
        JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
        LEFT JOIN pg_catalog.pg_collation c ON c.oid = a.attcollation
        LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace
        WHERE a.attrelid = pg_catalog.format('%I.profiles', workspace)::pg_catalog.regclass
          AND a.attnum > 0 AND NOT a.attisdropped;
    END;
COMMENT ON FUNCTION cdp.rebuild_columns(name) IS
    'clauses of ALTER TABLE that give a temporary table the columns of profiles, as plain ones';

-- Puts the old state aside, in temporary tables: all of it, or (partial) that of the identifiers in
-- cdp_scope, which cdp.rules_scope has filled.
CREATE FUNCTION cdp.rebuild_begin(workspace name, partial boolean) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    SET client_min_messages = warning
AS $begin$
DECLARE
    part name;
    referencing text;
    suffix text;
    concerned text := 'true';
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
    PERFORM cdp.use_tables(workspace, 'identifiers', 'profiles');
    PERFORM cdp.require_step(workspace);
    suffix := cdp.rebuild_suffix();
    IF partial THEN
        concerned := pg_catalog.format('p.profile_id IN (SELECT o.profile_id FROM pg_temp.%I o)',
                                       'cdp_old_identifiers' || suffix);
    END IF;
    EXECUTE pg_catalog.format($sql$
ALTER TABLE pg_temp.cdp_old_profiles%4$s %5$s;
INSERT INTO pg_temp.cdp_old_identifiers%4$s (identifier, profile_id, anchored_at)
    SELECT i.identifier, i.profile_id, i.anchored_at FROM %1$I.identifiers i
        WHERE i.profile_id IS NOT NULL AND %2$s;
INSERT INTO pg_temp.cdp_old_profiles%4$s
    SELECT p.* FROM %1$I.profiles p
        WHERE %3$s;
DELETE FROM %1$I.profiles p WHERE %3$s;
$sql$, workspace, cdp.rebuild_scope('i.identifier', partial), concerned, suffix, cdp.rebuild_columns(workspace));
    -- Profiles go first: a column of the users' may reference what parts delete.
    FOR part IN SELECT f FROM cdp.part_functions('rebuild_begin', ', boolean') f LOOP
        EXECUTE pg_catalog.format('SELECT cdp.%I($1, $2)', part) USING workspace, partial;
    END LOOP;
    EXECUTE pg_catalog.format('ANALYZE pg_temp.%I', 'cdp_old_identifiers' || suffix);
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
    PERFORM cdp.require_step(workspace);
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
          AND a.attname NOT IN (SELECT c.name FROM cdp.profile_columns() c);
    END;
COMMENT ON FUNCTION cdp.own_columns(name) IS
    'pieces of SQL for the users'' own columns of profiles, for cdp.rebuild_finish';

-- The columns of profiles that other parts bring: a list to insert, and the expressions that the steps
-- need. A folded column is derived from events; another keeps its old value until it is evaluated again.
CREATE FUNCTION cdp.part_columns(workspace name, OUT names text, OUT without_events text, OUT balances text,
                                 OUT merged text, OUT kept text)
    LANGUAGE sql STABLE STRICT PARALLEL SAFE
    BEGIN ATOMIC
        SELECT pg_catalog.string_agg(pg_catalog.format(', %I', c.name), '' ORDER BY c.place),
               pg_catalog.string_agg(', ' || c.without_events, '' ORDER BY c.place),
               pg_catalog.string_agg(pg_catalog.format(', cdp.merge_agg(b.%1$I) AS %1$I', c.name), '' ORDER BY c.place)
                   FILTER (WHERE c.folded),
               pg_catalog.string_agg(pg_catalog.format(', %1$I = cdp.merge(p.%1$I, o.%1$I)', c.name), '' ORDER BY c.place)
                   FILTER (WHERE c.folded),
               pg_catalog.string_agg(CASE WHEN c.folded THEN pg_catalog.format(', n.%I', c.name)
                                          ELSE pg_catalog.format(', COALESCE(o.%I, %s)', c.name, c.without_events) END,
                                     '' ORDER BY c.place)
        FROM (SELECT p.name, p.folded, p.place,
                     pg_catalog.format('(SELECT cdp.%I(%L))', 'empty_' || p.name, workspace) AS without_events
              FROM cdp.profile_columns() p
              WHERE p.part <> 'profiles') c;
    END;
COMMENT ON FUNCTION cdp.part_columns(name) IS
    'pieces of SQL for the columns of profiles that parts bring, for cdp.rebuild_finish';

-- Gives the new profiles what the events do not know.
CREATE FUNCTION cdp.rebuild_finish(workspace name, cause text, OUT merged bigint, OUT parted bigint)
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    SET client_min_messages = warning
AS $finish$
DECLARE
    derived record;
    own record;
    part record;
    taken text[];
    suffix text;
BEGIN
    PERFORM cdp.use_tables(workspace, 'identifiers', 'profiles', 'merges', 'opening_balances');
    PERFORM cdp.require_step(workspace);
    suffix := cdp.rebuild_suffix();
    SELECT * INTO derived FROM cdp.part_columns(workspace);
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
                           identifier_count %3$s)
    SELECT i.profile_id, b.first_seen, b.last_seen, 0, '-infinity', 1 %4$s
        FROM %1$I.opening_balances b
        JOIN %1$I.identifiers i ON i.identifier OPERATOR(pg_catalog.=) b.anchor
        LEFT JOIN %1$I.profiles p ON p.profile_id = i.profile_id
        WHERE p.profile_id IS NULL;
UPDATE %1$I.profiles p
    SET first_seen = LEAST(p.first_seen, o.first_seen),
        last_seen = GREATEST(p.last_seen, o.last_seen),
        event_count = p.event_count + o.event_count %5$s
    FROM (SELECT i.profile_id, min(b.first_seen) AS first_seen, max(b.last_seen) AS last_seen,
                 sum(b.event_count)::bigint AS event_count %6$s
              FROM %1$I.opening_balances b
              JOIN %1$I.identifiers i ON i.identifier OPERATOR(pg_catalog.=) b.anchor
              GROUP BY i.profile_id) o
    WHERE o.profile_id = p.profile_id AND p.evaluated_at = '-infinity';
$sql$, workspace, pg_catalog.format('%I.profiles', workspace), derived.names, derived.without_events, derived.merged,
        derived.balances);

    -- An old id goes to the new profile that has most of its identifiers, if that profile has most of
    -- its own from it; a former id to a new profile that has its identifier and no other id.
    EXECUTE pg_catalog.format($sql$
INSERT INTO pg_temp.cdp_shares%3$s (new_id, old_id, shared)
    SELECT i.profile_id AS new_id, o.profile_id AS old_id, count(*) AS shared
        FROM pg_temp.cdp_old_identifiers%3$s o
        JOIN %1$I.identifiers i ON i.identifier OPERATOR(pg_catalog.=) o.identifier
        WHERE i.profile_id IS NOT NULL
        GROUP BY 1, 2;
INSERT INTO pg_temp.cdp_kept%3$s (new_id, old_id)
    SELECT best_old.new_id, best_old.old_id
        FROM (SELECT DISTINCT ON (new_id) new_id, old_id FROM pg_temp.cdp_shares%3$s
                  ORDER BY new_id, shared DESC, old_id) best_old
        JOIN (SELECT DISTINCT ON (old_id) old_id, new_id FROM pg_temp.cdp_shares%3$s
                  ORDER BY old_id, shared DESC, new_id) best_new
          ON best_new.old_id = best_old.old_id AND best_new.new_id = best_old.new_id;
INSERT INTO pg_temp.cdp_kept%3$s (new_id, old_id, own_columns, parted_from)
    SELECT DISTINCT ON (i.profile_id) i.profile_id, m.merged_id, m.own_columns, m.profile_id
        FROM pg_temp.cdp_old_profiles%3$s o
        JOIN %1$I.merges m ON m.profile_id = o.profile_id AND m.undone_at IS NULL
        JOIN %1$I.identifiers i ON i.identifier OPERATOR(pg_catalog.=) m.former_identifier
        WHERE i.profile_id IS NOT NULL AND i.profile_id NOT IN (SELECT k.new_id FROM pg_temp.cdp_kept%3$s k)
        ORDER BY i.profile_id, m.merged_id;
INSERT INTO pg_temp.cdp_gone%3$s (old_id, profile_id)
    SELECT DISTINCT ON (s.old_id) s.old_id, COALESCE(k.old_id, s.new_id) AS profile_id
        FROM pg_temp.cdp_shares%3$s s
        LEFT JOIN pg_temp.cdp_kept%3$s k ON k.new_id = s.new_id
        WHERE s.old_id NOT IN (SELECT old_id FROM pg_temp.cdp_kept%3$s)
        ORDER BY s.old_id, s.shared DESC, 2;
CREATE INDEX ON pg_temp.cdp_old_profiles%3$s (profile_id);
ANALYZE pg_temp.cdp_kept%3$s;
UPDATE %1$I.identifiers i SET profile_id = k.old_id
    FROM pg_temp.cdp_kept%3$s k WHERE k.new_id = i.profile_id;
UPDATE %1$I.merges m SET undone_at = cdp.now(), undone_cause = %2$L
    FROM pg_temp.cdp_kept%3$s k WHERE k.parted_from IS NOT NULL AND k.old_id = m.merged_id AND m.undone_at IS NULL;
UPDATE %1$I.merges m SET profile_id = i.profile_id
    FROM pg_temp.cdp_old_profiles%3$s o, %1$I.identifiers i
    WHERE m.profile_id = o.profile_id AND i.identifier OPERATOR(pg_catalog.=) m.former_identifier
      AND m.undone_at IS NULL AND i.profile_id <> m.profile_id;
UPDATE %1$I.merges m SET profile_id = g.profile_id
    FROM pg_temp.cdp_gone%3$s g WHERE g.old_id = m.profile_id AND m.undone_at IS NULL;
$sql$, workspace, cause, suffix);
    EXECUTE pg_catalog.format($sql$
INSERT INTO %1$I.merges (merged_id, profile_id, merged_into, merged_at, cause, former_identifier)
    SELECT g.old_id, g.profile_id, g.profile_id, cdp.now(), $1,
           (SELECT o.identifier FROM pg_temp.cdp_old_identifiers%2$s o
            JOIN %1$I.identifiers i ON i.identifier OPERATOR(pg_catalog.=) o.identifier
            WHERE o.profile_id = g.old_id AND i.profile_id = g.profile_id
            ORDER BY o.anchored_at IS NULL, o.identifier LIMIT 1)
    FROM pg_temp.cdp_gone%2$s g;
$sql$, workspace, suffix) USING cause;
    GET DIAGNOSTICS merged = ROW_COUNT;
    EXECUTE pg_catalog.format($sql$
INSERT INTO %1$I.merges (merged_id, profile_id, merged_into, cause, undone_at, undone_cause)
    SELECT DISTINCT ON (s.new_id) s.new_id, COALESCE(o.profile_id, s.old_id), COALESCE(o.profile_id, s.old_id),
           $1, cdp.now(), $1
    FROM pg_temp.cdp_shares%2$s s
    LEFT JOIN pg_temp.cdp_gone%2$s o ON o.old_id = s.old_id
    WHERE s.new_id NOT IN (SELECT k.new_id FROM pg_temp.cdp_kept%2$s k)
      AND s.old_id IN (SELECT k.old_id FROM pg_temp.cdp_kept%2$s k)
    ORDER BY s.new_id, s.shared DESC, s.old_id;
$sql$, workspace, suffix) USING cause;
    GET DIAGNOSTICS parted = ROW_COUNT;
    EXECUTE pg_catalog.format('SELECT $1 + count(*) FROM pg_temp.%I k WHERE k.parted_from IS NOT NULL',
                              'cdp_kept' || suffix)
        INTO parted USING parted;
    EXECUTE pg_catalog.format($sql$
ALTER TABLE pg_temp.cdp_new_profiles%2$s %3$s;
INSERT INTO pg_temp.cdp_new_profiles%2$s
    SELECT * FROM %1$I.profiles p WHERE p.evaluated_at = '-infinity';
DELETE FROM %1$I.profiles p WHERE p.evaluated_at = '-infinity';
$sql$, workspace, suffix, cdp.rebuild_columns(workspace));

    -- Rows are inserted anew rather than updated: a column of the users' that is GENERATED ALWAYS AS
    -- IDENTITY keeps its values, too.
    SELECT * INTO own FROM cdp.own_columns(workspace);
    -- What a profile took over from one that is there again goes back.
    FOR part IN EXECUTE pg_catalog.format(
        'SELECT m.merged_id, k.parted_from, m.own_columns, c.name '
        'FROM pg_temp.%I k '
        'JOIN %I.merges m ON m.merged_id = k.old_id AND m.undone_at = cdp.now() '
        'CROSS JOIN LATERAL unnest(m.inherited) c(name) WHERE k.parted_from IS NOT NULL', 'cdp_kept' || suffix,
        workspace)
    LOOP
        EXECUTE pg_catalog.format(
            'UPDATE pg_temp.cdp_old_profiles%2$s p SET %1$I = NULL WHERE p.profile_id = $1 AND p.%1$I::text = $2',
            part.name, suffix)
            USING part.parted_from, part.own_columns ->> part.name;
    END LOOP;
    EXECUTE pg_catalog.format($sql$
INSERT INTO %1$I.profiles (profile_id, first_seen, last_seen, event_count, evaluated_at,
                           next_evaluation_at, identifier_count, contested_until %2$s %4$s)
    OVERRIDING SYSTEM VALUE
    SELECT id.id, n.first_seen, n.last_seen, n.event_count, COALESCE(o.evaluated_at, cdp.now()),
           n.next_evaluation_at,
           (SELECT count(*) FROM %1$I.identifiers i WHERE i.profile_id = id.id)
               + (SELECT count(*) FROM %1$I.merges m WHERE m.profile_id = id.id AND m.undone_at IS NULL),
           n.contested_until %3$s %5$s
        FROM pg_temp.cdp_new_profiles%6$s n
        LEFT JOIN pg_temp.cdp_kept%6$s k ON k.new_id = n.profile_id
        CROSS JOIN LATERAL (SELECT COALESCE(k.old_id, n.profile_id) AS id) id
        LEFT JOIN pg_temp.cdp_old_profiles%6$s o ON o.profile_id = k.old_id AND k.parted_from IS NULL;
$sql$, workspace, derived.names, derived.kept, own.names, own.kept, suffix);
    FOR part IN SELECT f AS name FROM cdp.part_functions('rebuild_finish', ', text') f LOOP
        EXECUTE pg_catalog.format('SELECT cdp.%I($1, $2)', part.name) USING workspace, cause;
    END LOOP;
    EXECUTE pg_catalog.format($sql$
INSERT INTO pg_temp.cdp_changed%1$s (profile_id)
    SELECT COALESCE(k.old_id, n.profile_id)
    FROM pg_temp.cdp_new_profiles%1$s n
    LEFT JOIN pg_temp.cdp_kept%1$s k ON k.new_id = n.profile_id;
$sql$, suffix);
    EXECUTE pg_catalog.format($sql$
UPDATE %1$I.merges m SET undone_at = cdp.now(), undone_cause = $1
    FROM pg_temp.cdp_old_profiles%2$s o
    WHERE m.profile_id = o.profile_id AND m.undone_at IS NULL
      AND NOT EXISTS (SELECT FROM %1$I.profiles p WHERE p.profile_id = m.profile_id);
$sql$, workspace, suffix) USING cause;

    -- Where profiles have become one: the survivor's value, else another one's.
    IF own.texts IS NOT NULL THEN
        FOR part IN EXECUTE pg_catalog.format('SELECT g.old_id, g.profile_id FROM pg_temp.%I g ORDER BY g.old_id',
                                              'cdp_gone' || suffix)
        LOOP
            taken := NULL;
            IF own.inherit IS NOT NULL THEN
                EXECUTE pg_catalog.format(
                    'SELECT NULLIF(array_remove(ARRAY[%s], NULL), ''{}'') FROM %I.profiles p, pg_temp.%I o '
                    'WHERE p.profile_id = $1 AND o.profile_id = $2', own.inherited, workspace,
                    'cdp_old_profiles' || suffix)
                    INTO taken USING part.profile_id, part.old_id;
                EXECUTE pg_catalog.format(
                    'UPDATE %I.profiles p SET %s FROM pg_temp.%I o '
                    'WHERE p.profile_id = $1 AND o.profile_id = $2', workspace, own.inherit,
                    'cdp_old_profiles' || suffix)
                    USING part.profile_id, part.old_id;
            END IF;
            EXECUTE pg_catalog.format(
                'UPDATE %I.merges m SET inherited = $1, own_columns = jsonb_build_object(%s) '
                'FROM pg_temp.%I o '
                'WHERE m.merged_id = $2 AND m.undone_at IS NULL AND o.profile_id = $2', workspace, own.texts,
                'cdp_old_profiles' || suffix)
                USING taken, part.old_id;
        END LOOP;
    END IF;
END
$finish$;
COMMENT ON FUNCTION cdp.rebuild_finish(name, text) IS
    'last step of cdp.rebuild, not to be called by itself: ids, users'' columns and what parts keep return; how many profiles were merged, and how many have come apart';
