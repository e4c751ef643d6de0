-- How a workspace is.

CREATE FUNCTION cdp.leaf_tables(tab regclass) RETURNS SETOF regclass
    LANGUAGE sql STABLE STRICT PARALLEL SAFE
    BEGIN ATOMIC
        SELECT c.oid::pg_catalog.regclass FROM pg_catalog.pg_class c WHERE c.oid = tab AND c.relkind = 'r'
        UNION
        SELECT t.relid FROM pg_catalog.pg_partition_tree(tab) t WHERE t.isleaf;
    END;
COMMENT ON FUNCTION cdp.leaf_tables(regclass) IS
    'the tables that hold a table''s rows: its partitions, or itself';

-- Rows of a table: counted where it is small, else as many as the last VACUUM or ANALYZE found.
CREATE FUNCTION cdp.rows_of(tab regclass, OUT n bigint, OUT exact boolean)
    LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $rows$
DECLARE
    pages bigint;
    analysed_pages bigint;
    analysed_rows float8;
BEGIN
    SELECT sum(pg_relation_size(c.oid)) / current_setting('block_size')::integer, sum(c.relpages),
           sum(CASE WHEN c.reltuples < 0 THEN 0 ELSE c.reltuples END)
        INTO pages, analysed_pages, analysed_rows
        FROM cdp.leaf_tables(tab) t
        JOIN pg_class c ON c.oid = t;
    exact := coalesce(pages, 0) < 50000 OR analysed_pages = 0;
    IF exact THEN
        EXECUTE format('SELECT count(*) FROM %s', tab) INTO n;
    ELSE
        n := analysed_rows * pages / analysed_pages;
    END IF;
END
$rows$;
COMMENT ON FUNCTION cdp.rows_of(regclass) IS
    'number of rows of a table: exact below 50,000 pages (400 MB), else an estimate from the last VACUUM or ANALYZE';

CREATE FUNCTION cdp.status(workspace name) RETURNS TABLE (topic text, item text, value text)
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE COST 100000 ROWS 40
    SET search_path = pg_catalog, pg_temp
AS $status$
DECLARE
    part text;
    leaf record;
    segment record;
    broken text;
    first_event timestamptz;
    last_event timestamptz;
    received timestamptz;
    last_received timestamptz;
    overdue bigint;
    next_timer timestamptz;
BEGIN
    PERFORM cdp.require_workspace(workspace);
    FOREACH part IN ARRAY ARRAY['events', 'profiles', 'identifiers', 'identity_links', 'merges',
                                'segment_changes', 'opening_balances'] LOOP
        RETURN QUERY SELECT 'rows', part, CASE WHEN r.exact THEN '' ELSE 'about ' END || r.n
                     FROM cdp.rows_of(format('%I.%I', workspace, part)::regclass) r;
    END LOOP;

    EXECUTE format('SELECT min(p.first_seen), max(p.last_seen), '
                   'count(*) FILTER (WHERE p.next_evaluation_at <= cdp.now()), min(p.next_evaluation_at) '
                   'FROM %I.profiles p', workspace)
        INTO first_event, last_event, overdue, next_timer;
    -- Events are appended: the last received stands among the last 8 MB.
    FOR leaf IN
        SELECT t AS tab, greatest(pg_relation_size(t) / current_setting('block_size')::integer - 1024, 0) AS page
        FROM cdp.leaf_tables(format('%I.events', workspace)::regclass) t
    LOOP
        EXECUTE format('SELECT max(e.received_at) FROM %s e WHERE e.ctid >= $1', leaf.tab)
            INTO received USING format('(%s,0)', leaf.page)::tid;
        last_received := greatest(last_received, received);
    END LOOP;
    RETURN QUERY VALUES
        ('time', 'first event', first_event::text),
        ('time', 'last event', last_event::text),
        ('time', 'last received', last_received::text),
        ('time', 'since then', (cdp.now() - last_received)::text),
        ('timers', 'overdue', overdue::text),
        ('timers', 'next', next_timer::text);

    RETURN QUERY EXECUTE format('SELECT ''refusals'', r.reason::text, count(*)::text '
                                'FROM %I.identity_refusals r GROUP BY r.reason ORDER BY r.reason', workspace);

    RETURN QUERY SELECT 'foreign keys', f.constraint_name::text, 'of table ' || f.referencing_table
                 FROM cdp.foreign_keys(workspace) f;

    FOR segment IN EXECUTE format($query$
SELECT s.name, s.predicate, coalesce(m.n, 0) AS members, coalesce(e.n, 0) AS errors, e.message
FROM %1$I.segments s
LEFT JOIN (SELECT t.segment, count(*) AS n
           FROM %1$I.profiles p
           CROSS JOIN LATERAL cdp.segment_entries(p.segments) t
           GROUP BY t.segment) m ON m.segment = s.name
LEFT JOIN (SELECT f.segment, count(*) AS n, (array_agg(f.message ORDER BY f.at DESC, f.profile_id))[1] AS message
           FROM %1$I.segment_errors f
           GROUP BY f.segment) e ON e.segment = s.name
ORDER BY s.name
        $query$, workspace)
    LOOP
        topic := 'segments';
        item := segment.name;
        value := segment.members || ' members';
        RETURN NEXT;
        BEGIN
            PERFORM cdp.check_predicate(workspace, segment.name, segment.predicate);
            IF segment.errors > 0 THEN
                topic := 'segment errors';
                value := segment.errors || ' profiles, as: ' || segment.message;
                RETURN NEXT;
            END IF;
        EXCEPTION WHEN OTHERS THEN
            IF SQLSTATE ~ '^(40|53|57)' THEN
                RAISE;
            END IF;
            topic := 'segment errors';
            value := 'all profiles: ' || SQLERRM;
            RETURN NEXT;
        END;
    END LOOP;

    RETURN QUERY EXECUTE format($query$
SELECT 'computed traits', t.name::text,
       t.kind || coalesce(' over ' || t.window_days || ' days', '') ||
           CASE WHEN x.n > 0 THEN ', an estimate on ' || x.n || ' profiles: more than ' || t.max_distinct ||
                                  ' distinct values' ELSE '' END
FROM %1$I.computed_traits t
LEFT JOIN (SELECT e.name, count(*) AS n
           FROM %1$I.profiles p
           CROSS JOIN LATERAL cdp.computed_entries(p.computed, cdp.now()) e
           WHERE NOT e.exact
           GROUP BY e.name) x ON x.name = t.name
ORDER BY t.name
        $query$, workspace);
    FOR segment IN EXECUTE format($query$
SELECT t.name, coalesce(e.n, 0) AS errors, e.message
FROM %1$I.computed_traits t
LEFT JOIN (SELECT c.trait, sum(c.n) AS n, (array_agg(c.message ORDER BY c.at DESC, c.profile_id))[1] AS message
           FROM %1$I.computed_trait_errors c
           GROUP BY c.trait) e ON e.trait = t.name
ORDER BY t.name
        $query$, workspace)
    LOOP
        topic := 'computed trait errors';
        item := segment.name;
        broken := cdp.computed_trait_fault(workspace, segment.name);
        IF broken IS NOT NULL THEN
            value := 'all events: ' || broken;
            RETURN NEXT;
        ELSIF segment.errors > 0 THEN
            value := segment.errors || ' events, as: ' || segment.message;
            RETURN NEXT;
        END IF;
    END LOOP;

    RETURN QUERY
        SELECT 'size', coalesce(c.relname::text, 'in all'), pg_size_pretty(sum(pg_total_relation_size(l)))
        FROM cdp.workspace_tables(workspace) t
        JOIN pg_class c ON c.oid = t
        CROSS JOIN LATERAL cdp.leaf_tables(t) l
        GROUP BY ROLLUP (c.relname)
        HAVING c.relname IS NULL OR c.relname IN ('events', 'event_ids', 'profiles', 'identifiers')
        ORDER BY sum(pg_total_relation_size(l)), c.relname;
END
$status$;
COMMENT ON FUNCTION cdp.status(name) IS
    'how the workspace is, a row per figure: rows (events estimated where they are many), times of the first and last events, overdue timers, refusals by reason, foreign keys to profiles, members of segments, predicates that fail and on how many profiles, computed traits, which of them are estimates, and on how many events they fail, sizes on disk; error 3F000 for no workspace';
