-- Logical replication: what a publisher's tables need, what a subscriber does with definitions, and how a
-- subscriber takes over.
--
-- A subscriber gets all tables of a workspace. PostgreSQL applies rows there with
-- session_replication_role = replica: no trigger of cdp fires but the one below, so nothing is derived
-- from an event twice.

CREATE FUNCTION cdp.replicated_definition() RETURNS trigger
    AS 'MODULE_PATHNAME', 'cdp_replicated_definition'
    LANGUAGE C VOLATILE;
COMMENT ON FUNCTION cdp.replicated_definition() IS
    'row trigger on definitions that only fires for replicated rows: sessions of the subscriber read the definitions again; derives nothing';

CREATE FUNCTION cdp.refresh_definitions(workspace name) RETURNS void
    AS 'MODULE_PATHNAME', 'cdp_refresh_definitions'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION cdp.refresh_definitions(name) IS
    'sessions read the definitions of the workspace again, as after rows of them came while triggers were off; for its owner';

-- Decided by the catalog, so that tables of later parts, and partitions, have theirs, too. An index must
-- be one by which PostgreSQL can find a row: unique, valid, immediate, on all rows, of columns that are
-- never null.
CREATE FUNCTION cdp.prepare_replication(workspace name) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $prepare$
DECLARE
    item record;
BEGIN
    PERFORM cdp.require_owner(workspace);
    FOR item IN
        SELECT c.oid::regclass AS tab, coalesce('USING INDEX ' || quote_ident(k.name), 'FULL') AS identity
        FROM cdp.workspace_tables(workspace) w(root)
        CROSS JOIN LATERAL (SELECT w.root UNION SELECT t.relid FROM pg_partition_tree(w.root) t) r(tab)
        JOIN pg_class c ON c.oid = r.tab
        LEFT JOIN LATERAL (
            SELECT x.relname AS name, i.indisprimary, i.indisreplident
            FROM pg_index i
            JOIN pg_class x ON x.oid = i.indexrelid
            WHERE i.indrelid = c.oid AND i.indisunique AND i.indimmediate AND i.indisvalid
              AND i.indpred IS NULL AND i.indexprs IS NULL
              AND NOT EXISTS (SELECT
                              FROM unnest(i.indkey) WITH ORDINALITY n(attnum, place)
                              JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = n.attnum
                              WHERE n.place <= i.indnkeyatts AND NOT a.attnotnull)
            ORDER BY (c.relreplident = 'i' AND i.indisreplident) DESC, i.indisprimary DESC, x.relname
            LIMIT 1) k ON true
        WHERE c.relreplident = 'n'
           OR c.relreplident = 'd' AND k.indisprimary IS NOT TRUE
           OR c.relreplident = 'i' AND k.indisreplident IS NOT TRUE
        ORDER BY 1
    LOOP
        EXECUTE format('ALTER TABLE %s REPLICA IDENTITY %s', item.tab, item.identity);
    END LOOP;

    FOR item IN
        SELECT w.tab, t.tgname, t.tgenabled
        FROM cdp.workspace_tables(workspace) w(tab)
        JOIN pg_class c ON c.oid = w.tab
        JOIN cdp.part_tables() p ON p.tab = c.relname AND p.kind IN ('definition', 'settings')
        LEFT JOIN pg_trigger t ON t.tgrelid = w.tab AND t.tgname = 'cdp_replicated'
        ORDER BY 1
    LOOP
        IF item.tgname IS NULL THEN
            EXECUTE format('CREATE TRIGGER cdp_replicated AFTER INSERT OR UPDATE OR DELETE ON %s '
                           'FOR EACH ROW EXECUTE FUNCTION cdp.replicated_definition()', item.tab);
        END IF;
        IF item.tgenabled IS DISTINCT FROM 'R' THEN
            EXECUTE format('ALTER TABLE %s ENABLE REPLICA TRIGGER cdp_replicated', item.tab);
        END IF;
    END LOOP;
END
$prepare$;
COMMENT ON FUNCTION cdp.prepare_replication(name) IS
    'gives a workspace what logical replication needs and it lacks, for its owner: to each table, and each partition, of which no row could be found a replica identity (a unique index of columns that are never null, else FULL), to definitions the trigger cdp.replicated_definition. cdp.create_workspace and cdp.promote call it';

-- Ids are handed out beyond those that there are: replication does not move sequences.
CREATE FUNCTION cdp.move_sequence(sequence regclass, beyond bigint) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $move$
DECLARE
    behind boolean;
BEGIN
    EXECUTE format('SELECT CASE WHEN q.seqincrement > 0 THEN s.last_value <= $1 ELSE s.last_value >= $1 END '
                   'FROM %s s, pg_sequence q WHERE q.seqrelid = $2', sequence)
        INTO behind USING beyond, sequence;
    IF behind THEN
        PERFORM setval(sequence, beyond);
    END IF;
END
$move$;
COMMENT ON FUNCTION cdp.move_sequence(regclass, bigint) IS
    'moves a sequence on, unless it is further already, so that its next value is beyond a given one; cdp.promote calls it';

CREATE FUNCTION cdp.promote_body(workspace name) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    SET row_security = off
AS $promote$
DECLARE
    item record;
    part name;
    furthest bigint;
    names text;
    faults text[] := '{}';
    found text[];
BEGIN
    PERFORM cdp.require_step(workspace);
    IF current_setting('transaction_isolation') NOT LIKE 'read %' THEN
        RAISE EXCEPTION 'promoting a workspace is not possible in a transaction that is %',
                upper(current_setting('transaction_isolation'))
            USING ERRCODE = 'active_sql_transaction',
                  DETAIL = 'Its snapshot may miss rows that are being applied.',
                  HINT = 'Use a READ COMMITTED transaction.';
    END IF;
    -- Rows that are being applied come before; and no table is replaced by something else meanwhile.
    PERFORM cdp.lock_workspace(workspace);
    FOR item IN SELECT t AS tab FROM cdp.workspace_tables(workspace) t LOOP
        EXECUTE format('LOCK TABLE %s IN ACCESS SHARE MODE', item.tab);
    END LOOP;
    SELECT string_agg(r.srrelid::regclass::text, ', ' ORDER BY r.srrelid::regclass::text) INTO names
        FROM pg_subscription_rel r
        JOIN cdp.workspace_tables(workspace) t ON t = r.srrelid
        WHERE r.srsubstate NOT IN ('r', 's');
    IF names IS NOT NULL THEN
        RAISE EXCEPTION 'workspace "%" is not complete: its initial copy has not ended', workspace
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  DETAIL = format('Tables that are still to be copied: %s.', names),
                  HINT = 'Wait for the subscription until their srsubstate in pg_subscription_rel is r.';
    END IF;
    -- An error where the settings are missing, or the tables are not what they seem.
    PERFORM cdp.canonical_identifier(workspace, 'user_id:1');

    PERFORM cdp.prepare_replication(workspace);
    FOR item IN
        SELECT t.tgrelid::regclass AS tab, t.tgname
        FROM pg_trigger t
        JOIN cdp.workspace_tables(workspace) w ON w = t.tgrelid
        JOIN pg_proc p ON p.oid = t.tgfoid AND p.pronamespace = 'cdp'::regnamespace
        WHERE NOT t.tgisinternal AND t.tgenabled <> 'O' AND p.proname <> 'replicated_definition'
        ORDER BY 1, 2
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE TRIGGER %I', item.tab, item.tgname);
    END LOOP;
    PERFORM cdp.refresh_definitions(workspace);

    FOR item IN
        SELECT d.objid::regclass AS sequence, d.refobjid::regclass AS tab, a.attname,
               CASE WHEN q.seqincrement > 0 THEN 'max' ELSE 'min' END AS furthest
        FROM cdp.workspace_tables(workspace) w
        JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = w
                        AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
        JOIN pg_sequence q ON q.seqrelid = d.objid
        JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
                           AND a.atttypid IN ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype)
        ORDER BY 1
    LOOP
        EXECUTE format('SELECT %s(t.%I) FROM %s t', item.furthest, item.attname, item.tab) INTO furthest;
        PERFORM cdp.move_sequence(item.sequence, furthest);
    END LOOP;
    FOR part IN SELECT f FROM cdp.part_functions('promote') f LOOP
        EXECUTE format('SELECT array_agg(f) FROM cdp.%I($1) f', part) INTO found USING workspace;
        faults := faults || found;
    END LOOP;
    IF faults <> '{}' THEN
        RAISE EXCEPTION 'workspace "%" cannot be promoted: definitions do not compile here', workspace
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  DETAIL = array_to_string(faults, E'\n'),
                  HINT = 'Make what they name, such as columns, types and collations, as it is at the publisher, or change them; then promote again.';
    END IF;

    SELECT string_agg(DISTINCT s.subname, ', ') INTO names
        FROM pg_subscription_rel r
        JOIN cdp.workspace_tables(workspace) t ON t = r.srrelid
        JOIN pg_subscription s ON s.oid = r.srsubid
        WHERE s.subenabled;
    IF names IS NOT NULL THEN
        RAISE WARNING 'workspace "%" is still a subscriber''s: what its publisher sends will be applied', workspace
            USING DETAIL = format('Enabled subscriptions: %s.', names),
                  HINT = 'Two that write one workspace part ways: disable the subscription (ALTER SUBSCRIPTION) before an application writes here.';
    END IF;
END
$promote$;
COMMENT ON FUNCTION cdp.promote_body(name) IS
    'body of cdp.promote, not to be called by itself';

CREATE FUNCTION cdp.promote(workspace name) RETURNS void
    AS 'MODULE_PATHNAME', 'cdp_enter_as_owner'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION cdp.promote(name) IS
    'makes a workspace that logical replication has filled one to write to, for its owner: sequences move beyond the ids that there are, cdp''s triggers and replica identities are as cdp.create_workspace makes them; a warning where a subscription to it is enabled; error 55000 where its initial copy has not ended or definitions do not compile here';
