-- Whoever may not read a value does not read it in an error either: not in the errors of predicates and
-- computed traits that a workspace keeps, nor in those that an INSERT, a definition or an UPDATE ends with.
\set SHOW_CONTEXT never
\pset format unaligned
SET timezone = 'UTC';
CREATE ROLE regress_cdp_owner;
CREATE ROLE regress_cdp_app;
CREATE ROLE regress_cdp_marketer;
CREATE ROLE regress_cdp_analyst;
CREATE ROLE regress_cdp_columns;
CREATE ROLE regress_cdp_colleague IN ROLE regress_cdp_owner;
SELECT format('GRANT CREATE ON DATABASE %I TO regress_cdp_owner', current_database()) \gexec
SET ROLE regress_cdp_owner;
SELECT cdp.create_workspace('hv');
ALTER TABLE hv.profiles ADD COLUMN note text;
GRANT USAGE ON SCHEMA hv TO regress_cdp_app, regress_cdp_marketer, regress_cdp_analyst, regress_cdp_columns;
GRANT INSERT ON hv.events TO regress_cdp_app;
GRANT SELECT ON hv.segment_changes, hv.segment_errors, hv.computed_trait_errors TO regress_cdp_marketer;
GRANT SELECT, INSERT, UPDATE, DELETE ON hv.segments TO regress_cdp_marketer;
GRANT SELECT ON ALL TABLES IN SCHEMA hv TO regress_cdp_analyst;
GRANT SELECT (profile_id, event_count) ON hv.profiles TO regress_cdp_columns;
GRANT SELECT ON hv.segment_errors, hv.computed_trait_errors TO regress_cdp_columns;
RESET ROLE;
SET ROLE regress_cdp_app;
INSERT INTO hv.events (event, identifiers, traits, properties) VALUES ('a', '{user_id:1}', '{"card": "SECRET-1"}', '{"card": "SECRET-2"}');
RESET ROLE;

-- A predicate that fails on purpose shows the owner the value, the marketer who wrote it none
SET ROLE regress_cdp_marketer;
INSERT INTO hv.segments (name, predicate) VALUES ('int', $$(traits->>'card')::int > 0$$), ('date', $$(traits->>'card')::date > now()$$), ('numeric', $$(traits->>'card')::numeric > 0$$),
    ('boolean', $$(traits->>'card')::boolean$$), ('json', $$(traits->>'card')::jsonb = '1'$$), ('inet', $$(traits->>'card')::inet IS NULL$$), ('array', $$(traits->>'card')::int[] IS NULL$$),
    ('interval', $$last_seen < now() - (traits->>'card')::interval$$), ('uuid', $$(traits->>'card')::uuid IS NULL$$), ('bytea', $$decode(traits->>'card', 'hex') IS NULL$$),
    ('identifier', $$cdp.identifier(traits->>'card') IS NULL$$), ('relative', $$(traits->>'card' || ' today')::date IS NULL$$), ('chr', $$chr(event_count::int - 1) IS NULL$$),
    ('number', $$1 / (event_count - 1) > 0$$), ('currency', $$cdp.total(ltv, traits->>'card') > 0$$);
SELECT segment, sqlstate, message FROM hv.segment_errors ORDER BY segment;
SELECT * FROM hv.segment_failures;
RESET ROLE;
SELECT segment, sqlstate, message FROM hv.segment_errors WHERE segment IN ('int', 'inet', 'number') ORDER BY segment;
-- ... nor one that the owner wrote; a computed trait's neither
SET ROLE regress_cdp_owner;
DELETE FROM hv.segments WHERE name NOT IN ('int', 'number');
UPDATE hv.segments SET predicate = $$(traits->>'card')::bigint > 0$$ WHERE name = 'int';
INSERT INTO hv.computed_traits (name, kind, expression) VALUES ('card', 'sum', $$(properties->>'card')::int$$);
SELECT trait, n, sqlstate, message FROM hv.computed_trait_errors;
RESET ROLE;
CREATE FUNCTION public.seen_by(role text) RETURNS TABLE (what text, sqlstate text, message text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SET LOCAL ROLE %I', role);
    RETURN QUERY SELECT e.segment, e.sqlstate, e.message FROM hv.segment_errors e UNION ALL SELECT e.trait, e.sqlstate, e.message FROM hv.computed_trait_errors e ORDER BY 1;
    RESET ROLE;
END
$$;
SELECT r, s.* FROM unnest('{regress_cdp_marketer,regress_cdp_columns,regress_cdp_analyst,regress_cdp_colleague}'::text[]) WITH ORDINALITY AS u(r, n), public.seen_by(r) s ORDER BY n, what;
-- ... with events that come in, too
SET ROLE regress_cdp_app;
INSERT INTO hv.events (event, identifiers, traits, properties) VALUES ('a', '{user_id:2}', '{"card": "SECRET-3"}', '{"card": "SECRET-4"}');
RESET ROLE;
SELECT * FROM public.seen_by('regress_cdp_marketer');
-- Row security hides the row: it hides its values
ALTER TABLE hv.profiles ENABLE ROW LEVEL SECURITY;
SELECT DISTINCT message FROM public.seen_by('regress_cdp_analyst') WHERE what IN ('int', 'card') ORDER BY 1;
ALTER TABLE hv.events ENABLE ROW LEVEL SECURITY;
SELECT DISTINCT message FROM public.seen_by('regress_cdp_analyst') WHERE what IN ('int', 'card') ORDER BY 1;
SELECT DISTINCT message FROM public.seen_by('regress_cdp_colleague') WHERE what IN ('int', 'card') ORDER BY 1;
ALTER TABLE hv.profiles DISABLE ROW LEVEL SECURITY;
ALTER TABLE hv.events DISABLE ROW LEVEL SECURITY;
-- A broken definition has seen no value: its error is whole
ALTER TABLE hv.profiles ADD COLUMN tier int;
INSERT INTO hv.segments (name, predicate) VALUES ('tiered', 'tier > 1');
SET session_replication_role = replica;
UPDATE hv.segments SET predicate = 'tiers > 1' WHERE name = 'tiered';
RESET session_replication_role;
SELECT cdp.reevaluate('hv');
SELECT DISTINCT message FROM public.seen_by('regress_cdp_marketer') WHERE what = 'tiered';
DELETE FROM hv.segments WHERE name = 'tiered';
-- Who may read the profile has it explained
SELECT error FROM cdp.explain_segment('hv', cdp.profile_of('hv', 'user_id:1'), 'int') WHERE error IS NOT NULL LIMIT 1;
SET ROLE regress_cdp_analyst;
SELECT error FROM cdp.explain_segment('hv', cdp.profile_of('hv', 'user_id:1'), 'int') WHERE error IS NOT NULL LIMIT 1;
SET ROLE regress_cdp_marketer;
SELECT error FROM cdp.explain_segment('hv', 1, 'int');
SELECT item, value FROM cdp.status('hv') WHERE topic = 'segment errors';
RESET ROLE;

-- The errors of statements: code of the owner's behind the tables fails on what others have told
CREATE FUNCTION public.try_as(role text, statement text) RETURNS TABLE (who text, code text, message text, detail text, context text) LANGUAGE plpgsql AS $$
BEGIN
    who := replace(role, 'regress_cdp_', '');
    BEGIN
        EXECUTE format('SET LOCAL ROLE %I', role);
        EXECUTE statement;
        RAISE EXCEPTION 'it passes' USING ERRCODE = '00ZZZ';
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, context = PG_EXCEPTION_CONTEXT;
    END;
    detail := CASE WHEN detail ~ 'SECRET' THEN 'tells of it' ELSE detail END;
    context := CASE WHEN context ~ 'SECRET|steal|told' THEN 'tells of it' ELSE 'tells nothing' END;
    RETURN NEXT;
END
$$;
CREATE FUNCTION public.try_all(setup text) RETURNS TABLE (who text, code text, message text, detail text, context text) LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL ROLE regress_cdp_owner;
    EXECUTE setup;
    RESET ROLE;
    GRANT UPDATE (note), SELECT (profile_id) ON hv.profiles TO regress_cdp_marketer;
    GRANT INSERT ON hv.computed_traits TO regress_cdp_marketer;
    RETURN QUERY SELECT * FROM public.try_as('regress_cdp_app', $i$INSERT INTO hv.events (event, identifiers, traits) VALUES ('b', '{user_id:1}', '{"x": 1}')$i$);
    RETURN QUERY SELECT * FROM public.try_as('regress_cdp_marketer', $i$INSERT INTO hv.segments (name, predicate) VALUES ('all', 'event_count > 0')$i$);
    RETURN QUERY SELECT * FROM public.try_as('regress_cdp_marketer', $i$INSERT INTO hv.computed_traits (name, kind) VALUES ('n', 'count')$i$);
    RETURN QUERY SELECT * FROM public.try_as('regress_cdp_colleague', $i$INSERT INTO hv.events (event, identifiers, traits) VALUES ('b', '{user_id:1}', '{"x": 1}')$i$);
    RAISE EXCEPTION 'undo' USING ERRCODE = '00ZZY';
EXCEPTION WHEN SQLSTATE '00ZZY' THEN
    NULL;
END
$$;
-- an index on an expression, constraints, a unique index
SELECT * FROM public.try_all($$CREATE FUNCTION hv.told(t cdp.traits) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 1; END'; CREATE INDEX ON hv.profiles (event_count, hv.told(traits));
    CREATE OR REPLACE FUNCTION hv.told(t cdp.traits) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN cdp.trait_text(t, ''card'')::int; END'$$);
SELECT * FROM public.try_all($$ALTER TABLE hv.profiles ADD CONSTRAINT card CHECK ((traits->>'card')::int > 0) NOT VALID$$);
SELECT * FROM public.try_all($$ALTER TABLE hv.profiles ADD CONSTRAINT card CHECK (traits->>'card' = '') NOT VALID$$);
SELECT * FROM public.try_all($$CREATE UNIQUE INDEX ON hv.profiles ((CASE WHEN event_count > 1 THEN 'SECRET-12' ELSE 'SECRET-1' || profile_id END))$$);
-- a trigger: an error of the data, dynamic SQL, and what the owner means to say
SELECT * FROM public.try_all($$CREATE FUNCTION hv.steal() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM (NEW.traits->>''card'')::date; RETURN NEW; END';
    CREATE TRIGGER t BEFORE UPDATE ON hv.profiles FOR EACH ROW EXECUTE FUNCTION hv.steal()$$);
SELECT * FROM public.try_all($$CREATE FUNCTION hv.steal() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN EXECUTE format(''SELECT %L::date'', NEW.traits->>''card''); RETURN NEW; END';
    CREATE TRIGGER t BEFORE UPDATE ON hv.profiles FOR EACH ROW EXECUTE FUNCTION hv.steal()$$);
SELECT * FROM public.try_all($$CREATE FUNCTION hv.steal() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''no cards here''; END';
    CREATE TRIGGER t BEFORE UPDATE ON hv.profiles FOR EACH ROW EXECUTE FUNCTION hv.steal()$$);
-- What a user has said is told as it was
SELECT * FROM public.try_as('regress_cdp_app', $$INSERT INTO hv.events (event, identifiers, amount) VALUES ('b', '{user_id:1}', 'NaN')$$);
SELECT * FROM public.try_as('regress_cdp_app', $$INSERT INTO hv.events (event, identifiers) VALUES ('b', '{nonsense}')$$);
SELECT * FROM public.try_as('regress_cdp_marketer', $$INSERT INTO hv.segments (name, predicate) VALUES ('x', 'event_count > ''mine''::int')$$);

-- A definition of somebody else's in the way is named; its text is for who may read it
INSERT INTO hv.segments (name, predicate) VALUES ('base', 'event_count > 0'), ('on_base', $$segments @@ 'base' AND traits->>'card' <> 'SECRET-5'$$);
INSERT INTO hv.computed_traits (name, kind) VALUES ('seen', 'count');
INSERT INTO hv.segments (name, predicate) VALUES ('on_seen', $$cdp.computed_int(computed, 'seen') > 5$$);
GRANT DELETE ON hv.computed_traits TO regress_cdp_app, regress_cdp_marketer;
SELECT * FROM public.try_as('regress_cdp_app', 'DELETE FROM hv.computed_traits');
SELECT * FROM public.try_as('regress_cdp_marketer', 'DELETE FROM hv.computed_traits');
SELECT * FROM public.try_as('regress_cdp_marketer', $$DELETE FROM hv.segments WHERE name = 'base'$$);
SELECT * FROM cdp.check('hv');

SELECT cdp.drop_workspace('hv');
SELECT format('REVOKE CREATE ON DATABASE %I FROM regress_cdp_owner', current_database()) \gexec
DROP ROLE regress_cdp_owner, regress_cdp_app, regress_cdp_marketer, regress_cdp_analyst, regress_cdp_columns, regress_cdp_colleague;
