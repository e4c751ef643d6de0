-- The judge: what is stored, against what the events say. Each part judges what it
-- stores, in the check.sql of its room; cdp.check goes through them in the order of parts.
--
-- Everything is computed again from events (and opening_balances) with plain SQL: none of the
-- engine's stages, none of the types' aggregates or merges. What is shared is the canonical form of
-- an identifier, and the readers of the types.
--
-- All of it is STABLE: it reads one snapshot, that of the calling query, so writers do not disturb
-- it, and it works on a standby. Hence no temporary tables, and no statistics of what is computed
-- on the way: nested loops, a gamble on few rows, are off where many are joined.

CREATE FUNCTION cdp.check_body(workspace name)
    RETURNS TABLE (kind text, key text, stored text, expected text)
    LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $check$
DECLARE
    safe text;
    part name;
BEGIN
    PERFORM cdp.require_step(workspace);
    -- An error where the workspace's tables are not what they seem: views, or somebody else's.
    PERFORM cdp.canonical_identifier(workspace, 'user_id:1');
    -- Parts whose functions may run in a parallel worker run at the same time, the others by themselves.
    SELECT string_agg(format('SELECT %s, f.* FROM cdp.%I($1) WITH ORDINALITY f(kind, key, stored, expected, n)', c.place, c.name),
                      ' UNION ALL ')
        INTO safe
        FROM cdp.part_functions('check') WITH ORDINALITY c(name, place)
        JOIN pg_proc p ON p.oid = format('cdp.%I(name)', c.name)::regprocedure
        WHERE p.proparallel = 's';
    RETURN QUERY EXECUTE format('SELECT c.kind, c.key, c.stored, c.expected FROM (%s) c(place, kind, key, stored, expected, n) '
                                'ORDER BY c.place, c.n', safe)
        USING workspace;
    FOR part IN
        SELECT c.name
        FROM cdp.part_functions('check') WITH ORDINALITY c(name, place)
        JOIN pg_proc p ON p.oid = format('cdp.%I(name)', c.name)::regprocedure
        WHERE p.proparallel <> 's'
        ORDER BY c.place
    LOOP
        RETURN QUERY EXECUTE format('SELECT * FROM cdp.%I($1)', part) USING workspace;
    END LOOP;
END
$check$;
COMMENT ON FUNCTION cdp.check_body(name) IS
    'body of cdp.check, not to be called by itself';

CREATE FUNCTION cdp.check(workspace name)
    RETURNS TABLE (kind text, key text, stored text, expected text)
    AS 'MODULE_PATHNAME', 'cdp_enter_to_judge'
    LANGUAGE C STABLE STRICT PARALLEL UNSAFE COST 1000000 ROWS 10;
COMMENT ON FUNCTION cdp.check(name) IS
    'compares the workspace''s state with what its events say: no rows when all is well, else a row per fault: kind (table, column or value), key (of the row), stored and expected (null: no such row); error 3F000 for no workspace';
