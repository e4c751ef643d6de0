-- How a workspace is: a row per figure. The parts tell them, each in the status.sql of its room.
--
-- Rows are shown in the order of their places, then of parts, then as the part returns them. Each topic
-- has a hundred of places; a new topic takes a free one.
--
--   100   rows (of a table)
--   200   time
--   300   timers
--   400   refusals
--   500   foreign keys
--   600   segments, segment errors, segment times
--   700   computed traits, computed trait errors
--   800   event ids
--   900   size: the value is a number of bytes. cdp.status sorts by it and prints it with a unit

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

CREATE FUNCTION cdp.rows_text(tab regclass) RETURNS text
    LANGUAGE sql STABLE STRICT PARALLEL SAFE
    BEGIN ATOMIC
        SELECT CASE WHEN r.exact THEN '' ELSE 'about ' END || r.n FROM cdp.rows_of(tab) r;
    END;
COMMENT ON FUNCTION cdp.rows_text(regclass) IS
    'number of rows of a table as cdp.status shows it: exact, or "about" an estimate';

CREATE FUNCTION cdp.size_of(tab regclass) RETURNS bigint
    LANGUAGE sql VOLATILE STRICT PARALLEL SAFE
    BEGIN ATOMIC
        SELECT sum(pg_total_relation_size(l))::bigint FROM cdp.leaf_tables(tab) l;
    END;
COMMENT ON FUNCTION cdp.size_of(regclass) IS
    'bytes on disk of a table with its partitions, indexes and TOAST tables';

CREATE FUNCTION cdp.status_workspace(workspace name)
    RETURNS TABLE (place integer, topic text, item text, value text)
    LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE ROWS 1
    BEGIN ATOMIC
        SELECT 900, 'size', 'in all', sum(cdp.size_of(t))::text FROM cdp.workspace_tables(workspace) t;
    END;
COMMENT ON FUNCTION cdp.status_workspace(name) IS
    'the part of cdp.status on the workspace: its size';

CREATE FUNCTION cdp.status_body(workspace name) RETURNS TABLE (topic text, item text, value text)
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $status$
DECLARE
    parts text;
BEGIN
    SELECT string_agg(format('SELECT %s, f.* FROM cdp.%I($1) WITH ORDINALITY f(place, topic, item, value, n)',
                             p.n, p.name), ' UNION ALL ')
        INTO parts
        FROM cdp.part_functions('status') WITH ORDINALITY p(name, n);
    RETURN QUERY EXECUTE format($query$
SELECT s.topic, s.item, CASE WHEN s.topic = 'size' THEN pg_size_pretty(s.value::bigint) ELSE s.value END
FROM (%s) s(part, place, topic, item, value, n)
ORDER BY s.place, CASE WHEN s.topic = 'size' THEN s.value::bigint END,
         CASE WHEN s.topic = 'size' THEN s.item COLLATE "C" END, s.part, s.n
        $query$, parts)
        USING workspace;
END
$status$;
COMMENT ON FUNCTION cdp.status_body(name) IS
    'body of cdp.status, not to be called by itself';

CREATE FUNCTION cdp.status(workspace name) RETURNS TABLE (topic text, item text, value text)
    AS 'MODULE_PATHNAME', 'cdp_enter'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 100000 ROWS 40;
COMMENT ON FUNCTION cdp.status(name) IS
    'how the workspace is, a row per figure: rows (events estimated where they are many), times of the first and last events, overdue timers, refusals by reason, foreign keys to profiles, members of segments, predicates that fail and on how many profiles, how long each segment takes on a profile, computed traits, which of them are estimates, and on how many events they fail, events that came without an event id, repeats with other content, sizes on disk; error 3F000 for no workspace';
