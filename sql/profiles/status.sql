-- Figures on profiles, for cdp.status.

CREATE FUNCTION cdp.status_profiles(workspace name)
    RETURNS TABLE (place integer, topic text, item text, value text)
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE COST 10000 ROWS 10
    SET search_path = pg_catalog, pg_temp
AS $status$
DECLARE
    first_event timestamptz;
    last_event timestamptz;
    overdue bigint;
    next_timer timestamptz;
BEGIN
    PERFORM cdp.use_tables(workspace, 'profiles', 'opening_balances');
    EXECUTE format('SELECT min(p.first_seen), max(p.last_seen), '
                   'count(*) FILTER (WHERE p.next_evaluation_at <= cdp.now()), min(p.next_evaluation_at) '
                   'FROM %I.profiles p', workspace)
        INTO first_event, last_event, overdue, next_timer;
    RETURN QUERY VALUES
        (102, 'rows', 'profiles', cdp.rows_text(format('%I.profiles', workspace)::regclass)),
        (107, 'rows', 'opening_balances', cdp.rows_text(format('%I.opening_balances', workspace)::regclass)),
        (201, 'time', 'first event', first_event::text),
        (202, 'time', 'last event', last_event::text),
        (301, 'timers', 'overdue', overdue::text),
        (302, 'timers', 'next', next_timer::text),
        (900, 'size', 'profiles', cdp.size_of(format('%I.profiles', workspace)::regclass)::text);
    RETURN QUERY SELECT 500, 'foreign keys', f.constraint_name::text, 'of table ' || f.referencing_table
                 FROM cdp.foreign_keys(workspace) f;
END
$status$;
COMMENT ON FUNCTION cdp.status_profiles(name) IS
    'the part of cdp.status on profiles: how many, times of the first and last events, timers, foreign keys, how large';
