-- Figures on events, for cdp.status.

CREATE FUNCTION cdp.status_events(workspace name)
    RETURNS TABLE (place integer, topic text, item text, value text)
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE COST 10000 ROWS 5
    SET search_path = pg_catalog, pg_temp
AS $status$
DECLARE
    leaf record;
    received timestamptz;
    last_received timestamptz;
BEGIN
    PERFORM cdp.use_tables(workspace, 'events', 'event_ids');
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
        (101, 'rows', 'events', cdp.rows_text(format('%I.events', workspace)::regclass)),
        (203, 'time', 'last received', last_received::text),
        (204, 'time', 'since then', (cdp.now() - last_received)::text),
        (900, 'size', 'events', cdp.size_of(format('%I.events', workspace)::regclass)::text),
        (900, 'size', 'event_ids', cdp.size_of(format('%I.event_ids', workspace)::regclass)::text);
    -- Only what there is, as of refusals.
    RETURN QUERY EXECUTE format($query$
SELECT 800, 'event ids', n.item, n.n::text
FROM (SELECT sum(c.ids_made) AS ids_made, sum(c.conflicts) AS conflicts FROM %I.event_counts c) c
CROSS JOIN LATERAL (VALUES (1, 'events without one', c.ids_made),
                           (2, 'repeats with other content', c.conflicts)) n(place, item, n)
WHERE n.n > 0
ORDER BY n.place
        $query$, workspace);
END
$status$;
COMMENT ON FUNCTION cdp.status_events(name) IS
    'the part of cdp.status on events: how many, when the last came in, how large; how many came without an event id, and how many repeats had other content';
