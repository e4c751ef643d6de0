-- What only the engine writes, nobody else writes; events are immutable.
\pset format unaligned
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET cdp.clock = '2024-03-01 12:00+00';
SELECT cdp.create_workspace('guards');
SET search_path = guards, public;
INSERT INTO segments (name, predicate) VALUES ('all', 'true'), ('broken', $$(traits->>'age')::int > 1$$);
INSERT INTO events (event_id, event, identifiers, traits) VALUES
  (cdp.event_id('1'), 'A', '{user_id:1,cookie:1,email:no}', '{"age": "abc"}'), (cdp.event_id('2'), 'B', '{cookie:2}', NULL);
INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('3'), 'C', '{cookie:1,cookie:2}');

-- What an attempt comes to: its SQLSTATE and message; the hint once
CREATE FUNCTION public.guards_try(statement text, OUT code text, OUT message text, OUT detail text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    code := '00000';
EXCEPTION WHEN OTHERS THEN
    code := SQLSTATE;
    message := SQLERRM;
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
END
$$;

-- Events
SELECT t.* FROM (VALUES (1, 'UPDATE guards.events SET event = ''X'''), (2, 'UPDATE guards.events SET properties = ''{}'' WHERE event = ''A'''),
    (3, 'DELETE FROM guards.events'), (4, 'TRUNCATE guards.events'), (5, 'TRUNCATE guards.events CASCADE'),
    (6, 'MERGE INTO guards.events e USING (SELECT 1) AS s ON e.event = ''A'' WHEN MATCHED THEN UPDATE SET event = ''X'''),
    (7, 'MERGE INTO guards.events e USING (SELECT 1) AS s ON e.event = ''A'' WHEN MATCHED THEN DELETE')) AS v (n, statement), guards_try(statement) AS t ORDER BY n;
-- ... nothing to update is no fault, and MERGE may insert
UPDATE events SET event = 'X' WHERE event = 'none';
DELETE FROM events WHERE false;
MERGE INTO events e USING (VALUES ('4'), ('1')) AS s (message) ON e.event_id = cdp.event_id(s.message)
    WHEN NOT MATCHED THEN INSERT (event_id, event, identifiers) VALUES (cdp.event_id(s.message), 'Merged in', '{cookie:4}');
SELECT event, anchor FROM events ORDER BY event;
-- The anchor is the engine's: a data-only restore brings one
SELECT * FROM guards_try($$INSERT INTO guards.events (event, anchor) VALUES ('A', 'cookie:1')$$);
COPY events (event_id, event, anchor, identifiers) FROM stdin;
00000000-0000-0000-0000-000000000001	Restored	cookie:9	{cookie:9}
\.

-- All that is derived from them
SELECT v.name, command, t.code, t.message
FROM unnest(ARRAY['event_ids', 'profiles', 'identifiers', 'identity_links', 'identity_refusals', 'merges', 'opening_balances', 'segment_changes', 'segment_failures']) WITH ORDINALITY AS v (name, n),
     unnest(ARRAY['INSERT INTO guards.%I DEFAULT VALUES', 'UPDATE guards.%I SET %I = NULL', 'DELETE FROM guards.%I', 'TRUNCATE guards.%I', 'COPY guards.%I FROM PROGRAM ''true''']) WITH ORDINALITY AS c (command, m),
     guards_try(format(command, name, (SELECT attname FROM pg_attribute WHERE attrelid = format('guards.%I', name)::regclass AND attnum = 1))) AS t
ORDER BY n, m;
SELECT DISTINCT t.detail, t.hint FROM guards_try('DELETE FROM guards.identifiers') AS t;
-- ... also with no rows to write
SELECT t.code, t.message FROM guards_try('DELETE FROM guards.profiles WHERE false') AS t;
-- Each of the engine's columns of profiles
SELECT attname, t.code FROM pg_attribute, guards_try(format('UPDATE guards.profiles SET %1$I = %1$I', attname)) AS t
WHERE attrelid = 'profiles'::regclass AND attnum > 0 ORDER BY attnum;
-- ... a column of the user's may be written
ALTER TABLE profiles ADD COLUMN note text;
UPDATE profiles SET note = 'mine';
SELECT t.code FROM guards_try('UPDATE guards.profiles SET note = ''x'', event_count = 5') AS t;
SELECT profile_id, note, event_count FROM profiles ORDER BY profile_id;

-- The one row of settings, and segments, which leave by DELETE
SELECT t.code, t.message FROM (VALUES (1, 'INSERT INTO guards.settings DEFAULT VALUES'), (2, 'INSERT INTO guards.settings (singleton) VALUES (false)'), (3, 'DELETE FROM guards.settings'),
    (4, 'TRUNCATE guards.settings'), (5, 'UPDATE guards.settings SET singleton = false'), (6, 'TRUNCATE guards.segments')) AS v (n, statement), guards_try(statement) AS t ORDER BY n;

-- The triggers belong on a workspace's events, and only there
CREATE TABLE public.guards_events (LIKE events INCLUDING DEFAULTS);
CREATE TRIGGER n BEFORE INSERT ON public.guards_events FOR EACH ROW EXECUTE FUNCTION cdp.normalise_event();
SELECT * FROM guards_try($$INSERT INTO public.guards_events (event, occurred_at) VALUES ('A', '2024-03-01')$$);
DROP TRIGGER n ON public.guards_events;
CREATE TRIGGER i AFTER INSERT ON public.guards_events REFERENCING NEW TABLE AS new_events FOR EACH STATEMENT EXECUTE FUNCTION cdp.ingest_events();
SELECT * FROM guards_try($$INSERT INTO public.guards_events (event, occurred_at) VALUES ('A', '2024-03-01')$$);
ALTER TABLE public.guards_events RENAME TO events;
SELECT * FROM guards_try($$INSERT INTO public.events (event, occurred_at) VALUES ('A', '2024-03-01')$$);
DROP TABLE public.events;
-- ... and are fired as they were made
SELECT t.code, t.message FROM (VALUES (1, 'SELECT cdp.normalise_event()'), (2, 'SELECT cdp.ingest_events()'), (3, 'SELECT cdp.define_segments()'), (4, 'SELECT cdp.define_rules()'),
    (5, 'SELECT cdp.refuse_write()')) AS v (n, statement), guards_try(statement) AS t ORDER BY n;
CREATE TABLE public.guards_other (name text, predicate text, event text);
SELECT t.code, t.message FROM (VALUES (1, 'cdp.normalise_event'), (2, 'cdp.ingest_events'), (3, 'cdp.define_segments'), (4, 'cdp.define_rules'), (5, 'cdp.refuse_write')) AS v (n, name),
    LATERAL (VALUES (1, 'AFTER INSERT', '', 'ROW'), (2, 'BEFORE INSERT', '', 'STATEMENT'), (3, 'AFTER UPDATE', '', 'STATEMENT')) AS k (m, at, what, level),
    LATERAL guards_try(format('CREATE TRIGGER t %s ON public.guards_other FOR EACH %s EXECUTE FUNCTION %s()', at, level, name)
        || '; INSERT INTO public.guards_other (name) VALUES (''x''); UPDATE public.guards_other SET name = ''y''; DROP TRIGGER t ON public.guards_other; DELETE FROM public.guards_other') AS t ORDER BY n, m;
DROP TABLE public.guards_other;

-- A workspace whose tables are somebody else's, or are not there
CREATE ROLE guards_thief;
BEGIN;
ALTER TABLE segment_failures OWNER TO guards_thief;
SELECT * FROM guards_try($$INSERT INTO guards.events (event) VALUES ('A')$$);
ROLLBACK;
BEGIN;
ALTER TABLE merges RENAME TO unions;
SELECT * FROM guards_try($$INSERT INTO guards.events (event) VALUES ('A')$$);
ROLLBACK;
BEGIN;
ALTER TABLE identifiers RENAME COLUMN last_seen TO seen;
SELECT * FROM guards_try($$INSERT INTO guards.events (event) VALUES ('A')$$);
ROLLBACK;
BEGIN;
ALTER TABLE event_ids DROP CONSTRAINT event_ids_pkey;
SELECT * FROM guards_try($$INSERT INTO guards.events (event) VALUES ('A')$$);
ROLLBACK;
BEGIN;
ALTER TABLE merges RENAME TO unions;
CREATE VIEW merges AS SELECT * FROM unions;
SELECT * FROM guards_try($$INSERT INTO guards.events (event) VALUES ('A')$$);
ROLLBACK;
-- A renamed schema is the same workspace, and another one of its old name is another one
INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('5'), 'D', '{cookie:1}');
ALTER SCHEMA guards RENAME TO guards2;
SELECT cdp.create_workspace('guards');
INSERT INTO guards.events (event, identifiers) VALUES ('A', '{cookie:1}');
SELECT cdp.rebuild('guards2');
SELECT cdp.reevaluate('guards2');
SELECT event_count, segments::text[] FROM guards.profiles ORDER BY profile_id;
SELECT event_count, segments::text[] FROM guards2.profiles ORDER BY profile_id;
SELECT * FROM cdp.check('guards') UNION ALL SELECT * FROM cdp.check('guards2');
SET client_min_messages = warning;
DROP SCHEMA guards CASCADE;
RESET client_min_messages;
ALTER SCHEMA guards2 RENAME TO guards;
-- An index by another name, and a constraint made anew, are found
ALTER INDEX event_ids_pkey RENAME TO taken;
ALTER TABLE identifiers DROP CONSTRAINT identifiers_pkey, ADD CONSTRAINT by_identifier UNIQUE (identifier);
INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('6'), 'D', '{cookie:1}'), (cdp.event_id('6'), 'D', '{cookie:1}');
INSERT INTO segments VALUES ('many', 'event_count > 3');
SELECT event_count, segments::text[] FROM profiles ORDER BY profile_id;
SELECT * FROM cdp.check('guards');
-- The whole ownership may change
DO $$
DECLARE name text;
BEGIN
    FOR name IN SELECT c.oid::regclass FROM pg_class c WHERE relnamespace = 'guards'::regnamespace AND relkind IN ('r', 'v') LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO guards_thief', name);
    END LOOP;
    ALTER SCHEMA guards OWNER TO guards_thief;
END
$$;
INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('7'), 'E', '{cookie:1}');
SELECT event_count, segments::text[] FROM profiles ORDER BY profile_id;
SELECT * FROM cdp.check('guards');

DROP FUNCTION public.guards_try;
SET client_min_messages = warning;
DROP SCHEMA guards CASCADE;
DROP ROLE guards_thief;
