-- An owner's code runs as the owner and leaves nothing behind, whoever makes the engine run it: a
-- superuser who inserts events, calls functions, changes definitions; or an application.
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET client_min_messages = warning;
CREATE ROLE regress_cdp_own;
CREATE ROLE regress_cdp_app;
CREATE ROLE regress_cdp_see;
SELECT format('GRANT CREATE ON DATABASE %I TO regress_cdp_own', current_database()) \gexec

-- Calls of the owner's code: these numbers stay, also where a transaction is rolled back.
CREATE SEQUENCE public.own_as_owner;
CREATE SEQUENCE public.own_as_other;
GRANT USAGE, SELECT ON SEQUENCE public.own_as_owner, public.own_as_other TO PUBLIC;
CREATE FUNCTION public.own_calls(OUT as_owner boolean, OUT as_other boolean) LANGUAGE plpgsql AS $$
BEGIN
    SELECT a.is_called, b.is_called INTO as_owner, as_other FROM public.own_as_owner a, public.own_as_other b;
    PERFORM setval('public.own_as_owner', 1, false), setval('public.own_as_other', 1, false);
END $$;

SET ROLE regress_cdp_own;
SELECT cdp.create_workspace('own');
GRANT USAGE ON SCHEMA own TO regress_cdp_app, regress_cdp_see;
GRANT INSERT ON own.events TO regress_cdp_app;
GRANT SELECT ON ALL TABLES IN SCHEMA own TO regress_cdp_see;
CREATE SCHEMA own_code;
GRANT USAGE ON SCHEMA own_code TO PUBLIC;
-- "Immutable", so that it may stand everywhere.
CREATE FUNCTION own_code.spy() RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
    PERFORM CASE WHEN current_user = 'regress_cdp_own' THEN nextval('public.own_as_owner')
                 ELSE nextval('public.own_as_other') END;
    RETURN true;
END $$;
CREATE FUNCTION own_code.spy(anyelement) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT own_code.spy()';
CREATE FUNCTION own_code.spying() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM own_code.spy();
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;

-- Everything that the owner can put on a table: triggers of all kinds, a default, a generated column, a
-- constraint, a domain, functions in an index and in its predicate. Not on what users write themselves, for
-- there PostgreSQL runs it as whoever writes.
CREATE FUNCTION own_code.arm(tab regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    key text := (SELECT attname FROM pg_attribute WHERE attrelid = tab AND attnum > 0 ORDER BY attnum LIMIT 1);
BEGIN
    EXECUTE format('CREATE INDEX ON %s ((own_code.spy(%I))) WHERE own_code.spy()', tab, key);
    EXECUTE format('ALTER TABLE %s ADD COLUMN spied boolean DEFAULT own_code.spy(), ADD CHECK (own_code.spy(%I)), '
                   'ADD COLUMN made boolean GENERATED ALWAYS AS (own_code.spy(%2$I)) STORED, '
                   'ADD COLUMN tame own_code.tame DEFAULT 1', tab, key);
    EXECUTE format('CREATE TRIGGER aaa_before BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION own_code.spying()', tab);
    EXECUTE format('CREATE TRIGGER aaa_after AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION own_code.spying()', tab);
    EXECUTE format('CREATE TRIGGER aaa_statement BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH STATEMENT EXECUTE FUNCTION own_code.spying()', tab);
    EXECUTE format('CREATE CONSTRAINT TRIGGER deferred AFTER INSERT OR UPDATE OR DELETE ON %s '
                   'DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION own_code.spying()', tab);
END $$;
CREATE DOMAIN own_code.tame AS integer CHECK (own_code.spy(VALUE));
SELECT count(own_code.arm(t)) AS armed FROM cdp.workspace_tables('own') t
WHERE t::text IN (SELECT format('own.%I', p.tab) FROM cdp.part_tables() p WHERE p.kind IN ('profiles', 'derived'))
   OR t = 'own.value_model_fits'::regclass;
RESET ROLE;
SELECT * FROM public.own_calls();

-- A superuser inserts events; one who may insert and nothing else does.
SELECT setseed(0.5) IS NULL AS seeded;
CREATE FUNCTION pg_temp.shop(who int) RETURNS TABLE (day date, n int) LANGUAGE plpgsql AS $$
DECLARE
    rate float8 := -ln(1 - random()) / 60;
    leaves float8 := random() ^ 1.25;
    at float8 := floor(random() * 120);
BEGIN
    n := 0;
    LOOP
        day := date '2025-09-01' + floor(at)::int;
        EXIT WHEN day > date '2026-06-30';
        RETURN NEXT;
        EXIT WHEN n > 0 AND random() < leaves;
        n := n + 1;
        at := at + 1 - ln(1 - random()) / rate;
    END LOOP;
END $$;
SET cdp.clock = '2026-06-30 12:00+00';
INSERT INTO own.events (event, identifiers, amount, currency, occurred_at, traits)
SELECT 'Order Completed', ARRAY['user_id:' || g, 'cookie:' || g + s.n % 2], 10 + g % 7 + s.n, 'USD', s.day, '{"plan": "gold"}'
FROM generate_series(1, 300) g, pg_temp.shop(g) s;
SELECT * FROM public.own_calls();
SET ROLE regress_cdp_app;
INSERT INTO own.events (event, identifiers) VALUES ('Seen', '{user_id:1,device:1}'), ('Seen', '{user_id:2,device:1}');
RESET ROLE;
SELECT * FROM public.own_calls();

-- A superuser changes definitions.
INSERT INTO own.segments (name, predicate) VALUES ('often', 'event_count > 3'),
    ('away', $$last_seen < now() - interval '7 days'$$), ('tamed', 'tame = 1'), ('failing', '1 / (event_count - 5) > 0');
SELECT * FROM public.own_calls();
INSERT INTO own.computed_traits (name, kind, event) VALUES ('orders', 'count', 'Order Completed');
SELECT * FROM public.own_calls();
UPDATE own.settings SET default_region = 'VN';
SELECT * FROM public.own_calls();
UPDATE own.identifier_namespaces SET can_merge = false WHERE namespace = 'cookie';
UPDATE own.identifier_namespaces SET can_merge = true WHERE namespace = 'cookie';
SELECT * FROM public.own_calls();
INSERT INTO own.blocked_identifiers (namespace, value) VALUES ('cookie', '7');
SELECT * FROM public.own_calls();

-- A superuser calls what works on the whole.
SELECT cdp.rebuild('own');
SELECT * FROM public.own_calls();
SELECT cdp.reevaluate('own');
SELECT as_other FROM public.own_calls();
SET cdp.clock = '2030-01-01';
SELECT cdp.tick('own', 3) AS ticked;
SELECT * FROM public.own_calls();
CALL cdp.run('own');
SELECT as_other FROM public.own_calls();
SET cdp.clock = '2030-01-02';
SELECT cdp.link('own', 'user_id:3', 'user_id:4') IS NOT NULL AS linked;
SELECT * FROM public.own_calls();
SELECT cdp.unlink('own', 'user_id:3', 'user_id:4');
SELECT jsonb_array_length(cdp.separate('own', 'user_id:5', 'cookie:5') -> 'profiles') > 1 AS parted;
SELECT * FROM public.own_calls();
SET ROLE regress_cdp_own;
SELECT decided_by = session_user AS by_whom FROM own.identity_decisions;
RESET ROLE;
SELECT cdp.unseparate('own', 'user_id:5', 'cookie:5');
INSERT INTO own.value_models (name, unit) VALUES ('customers', '1 day');
SELECT customers FROM cdp.fit('own');
SELECT * FROM public.own_calls();
SELECT cdp.score('own') > 0 AS scored;
SELECT * FROM public.own_calls();
SELECT * FROM cdp.check('own');
SELECT as_other FROM public.own_calls();
-- ... an analyst judges it: as the owner, too
SET ROLE regress_cdp_see;
SELECT count(*) FROM cdp.check('own');
RESET ROLE;
SELECT as_other FROM public.own_calls();

-- A model's name is a name, also where the trigger was off.
SET session_replication_role = replica;
UPDATE own.value_models SET model = 'bgnbd_fit(1) FROM own_code.spy() --';
RESET session_replication_role;
SELECT * FROM cdp.fit('own');
SELECT cdp.score('own');
SELECT * FROM public.own_calls();
-- Every function on a workspace, whatever it is for, called by a superuser: with the tables as they are, and
-- with one after another replaced by a view that calls the owner's code.
CREATE FUNCTION public.own_call_all(within text) RETURNS TABLE (called text) LANGUAGE plpgsql AS $$
DECLARE
    call text;
    before bigint;
BEGIN
    FOR called, call IN
        SELECT p.oid::regprocedure::text,
               format('SELECT count(f) FROM cdp.%I(%s) f', p.proname,
                      (SELECT string_agg(CASE t.type
                           WHEN 'name'::regtype THEN quote_literal('own')
                           WHEN 'text'::regtype THEN quote_literal(CASE WHEN t.n = 2 THEN 'user_id:3' ELSE 'cookie:3' END)
                           WHEN 'text[]'::regtype THEN '''{user_id:3}'''
                           WHEN 'bigint'::regtype THEN '1'
                           WHEN 'boolean'::regtype THEN 'true'
                           WHEN 'cdp.ltv'::regtype THEN '(SELECT cdp.ltv(5, ''EUR'', now()))'
                           WHEN 'interval'::regtype THEN '''1 month'''
                           WHEN 'timestamptz'::regtype THEN 'now()'
                           WHEN 'date'::regtype THEN 'current_date'
                           WHEN 'cdp.identifier[]'::regtype THEN '''{user_id:3}'''
                           ELSE 'NULL' END || '::' || t.type, ', ' ORDER BY t.n)
                       FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY u(type_oid, n)
                       CROSS JOIN LATERAL (SELECT CASE u.type_oid WHEN 'anyelement'::regtype THEN 'integer'::regtype
                                                  ELSE u.type_oid::regtype END AS type, u.n) t))
        FROM pg_proc p
        WHERE p.pronamespace = 'cdp'::regnamespace AND p.prokind = 'f' AND p.proargtypes[0] = 'name'::regtype
        ORDER BY 1
    LOOP
        SELECT last_value + is_called::int INTO before FROM public.own_as_other;
        BEGIN
            EXECUTE call;
            SET CONSTRAINTS ALL IMMEDIATE;
            RAISE EXCEPTION 'back' USING ERRCODE = 'CDP99';
        EXCEPTION WHEN OTHERS THEN
            IF SQLSTATE ~ '^XX' THEN
                RAISE WARNING '% within %: % %', called, within, SQLSTATE, SQLERRM;
            END IF;
        END;
        IF before <> (SELECT last_value + is_called::int FROM public.own_as_other) THEN
            called := called || ' within ' || within;
            RETURN NEXT;
        END IF;
    END LOOP;
END $$;
SET ROLE regress_cdp_own;
SELECT count(own_code.arm(t)) AS armed FROM cdp.workspace_tables('own') t
WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = t AND a.attname = 'tame');
RESET ROLE;
SELECT * FROM public.own_calls();
SELECT called AS ran_owners_code FROM public.own_call_all('all tables');

CREATE FUNCTION public.own_call_replaced() RETURNS TABLE (called text) LANGUAGE plpgsql AS $$
DECLARE
    tab record;
BEGIN
    FOR tab IN
        SELECT c.relname, (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a
                           WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
        FROM cdp.workspace_tables('own') t JOIN pg_class c ON c.oid = t WHERE c.relname <> 'events'
    LOOP
        BEGIN
            SET LOCAL ROLE regress_cdp_own;
            EXECUTE format('ALTER TABLE own.%I RENAME TO hidden', tab.relname);
            EXECUTE format('CREATE VIEW own.%I AS SELECT %s FROM own.hidden WHERE own_code.spy()', tab.relname, tab.columns);
            RESET ROLE;
            RETURN QUERY SELECT f.called FROM public.own_call_all('a view of ' || tab.relname) f;
            RAISE EXCEPTION 'back' USING ERRCODE = 'CDP99';
        EXCEPTION WHEN SQLSTATE 'CDP99' THEN
            NULL;
        END;
    END LOOP;
END $$;
SELECT called AS ran_owners_code FROM public.own_call_replaced();
SELECT setval('public.own_as_owner', 1, false) AS a, setval('public.own_as_other', 1, false) AS b;

-- No type of a column is converted by a function of the owner's.
BEGIN;
SET ROLE regress_cdp_own;
ALTER TABLE own.merges DROP COLUMN undone_at CASCADE, ADD COLUMN undone_at own_code.tame;
RESET ROLE;
SELECT cdp.canonical('own', 1);
ROLLBACK;
BEGIN;
ALTER TABLE own.exchange_rates OWNER TO regress_cdp_see;
SELECT cdp.total('own', cdp.ltv(5, 'EUR', now()), 'USD');
ROLLBACK;

-- A workspace that is detached or dropped: as its owner. What depends on the columns' types goes first.
SET ROLE regress_cdp_own;
DO $$
DECLARE
    what text;
BEGIN
    FOR what IN
        SELECT format('DROP INDEX own.%I', c.relname)
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        WHERE c.relnamespace = 'own'::regnamespace AND i.indexprs IS NOT NULL
        UNION ALL
        SELECT format('ALTER TABLE %s DROP COLUMN made', a.attrelid::regclass)
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        WHERE c.relnamespace = 'own'::regnamespace AND a.attname = 'made' AND c.relkind = 'r'
    LOOP
        EXECUTE what;
    END LOOP;
END $$;
RESET ROLE;
SELECT setval('public.own_as_owner', 1, false) AS a, setval('public.own_as_other', 1, false) AS b;
BEGIN;
SELECT cdp.detach('own');
SELECT * FROM public.own_calls();
ROLLBACK;
BEGIN;
SELECT cdp.drop_workspace('own');
ROLLBACK;
SELECT as_other FROM public.own_calls();
SELECT cdp.drop_workspace('own');
SELECT as_other FROM public.own_calls();
DROP SCHEMA own_code CASCADE;
DROP FUNCTION public.own_call_replaced(), public.own_call_all(text), public.own_calls();
DROP SEQUENCE public.own_as_owner, public.own_as_other;
SELECT format('REVOKE CREATE ON DATABASE %I FROM regress_cdp_own', current_database()) \gexec
DROP ROLE regress_cdp_own, regress_cdp_app, regress_cdp_see;
