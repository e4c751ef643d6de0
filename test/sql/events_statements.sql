-- Every way in which an application may insert events, and what else it may do in the same session.
\pset format unaligned
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET cdp.clock = '2024-03-01 12:00+00';
SELECT cdp.create_workspace('statements');
SELECT cdp.create_workspace('statements2');
SET search_path = statements, public;
INSERT INTO segments (name, predicate) VALUES ('busy', 'event_count >= 3');

-- Who there is: identifiers, events, amounts and segments of each profile
CREATE VIEW public.statements_state AS
SELECT (SELECT string_agg(cdp.text(identifier), ' ' ORDER BY identifier) FROM statements.identifiers i WHERE i.profile_id = p.profile_id) COLLATE "C" AS identifiers,
       p.event_count AS events, cdp.total(p.ltv, 'USD') AS usd, p.segments::text[] AS segments
FROM statements.profiles p;

-- INSERT ... SELECT, from a table and from a CTE; a writing CTE; two writing CTEs on one table
CREATE TABLE public.statements_staging AS SELECT i, 'user_id:s' || i % 2 AS who, i AS amount FROM generate_series(1, 4) AS i;
INSERT INTO events (event_id, event, identifiers, amount) SELECT cdp.event_id('s' || i), 'Order', ARRAY[who], amount FROM public.statements_staging;
WITH new AS (SELECT i FROM generate_series(5, 6) AS i) INSERT INTO events (event_id, event, identifiers, amount) SELECT cdp.event_id('s' || i), 'Order', ARRAY['user_id:s' || i % 2], i FROM new;
WITH moved AS (DELETE FROM public.statements_staging RETURNING i) INSERT INTO events (event_id, event, identifiers) SELECT cdp.event_id('m' || i), 'Moved', ARRAY['user_id:s1'] FROM moved;
WITH a AS (INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('a'), 'A', '{user_id:a,cookie:ab}') RETURNING anchor),
     b AS (INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('b'), 'B', '{cookie:ab,cookie:b}') RETURNING anchor)
SELECT a.anchor AS a, b.anchor AS b FROM a, b;
SELECT * FROM statements_state ORDER BY 1;
-- No rows: nothing happens
INSERT INTO events (event) SELECT 'None' WHERE false;
COPY events (event) FROM stdin;
\.
COPY events (event, identifiers, amount) FROM stdin WITH (FORMAT csv, HEADER true, FORCE_NULL (amount));
event,identifiers,amount
Csv,"{user_id:s0}",""
Csv,"{user_id:s0,email:csv@example.com}",2.5
\.
SELECT * FROM statements_state WHERE identifiers ~ 's0';

-- From a function, from a trigger of another table, from DO, and from a trigger on events itself
CREATE FUNCTION public.statements_track(who text) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO statements.events (event, identifiers, amount) VALUES ('Tracked', ARRAY['user_id:' || who], 1);
    RETURN (SELECT event_count FROM statements.profiles WHERE profile_id = cdp.profile_of('statements', 'user_id:' || who));
END
$$;
SELECT statements_track('f') AS first, statements_track('f') AS second, statements_track('f') AS third;
SELECT statements_track('g' || i % 2) AS seen FROM generate_series(1, 4) AS i;
CREATE TABLE public.statements_orders (customer text, total numeric);
CREATE FUNCTION public.statements_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO statements.events (event, identifiers, amount) VALUES ('Order', ARRAY['user_id:' || NEW.customer], NEW.total);
    RETURN NEW;
END
$$;
CREATE TRIGGER statements_order AFTER INSERT ON public.statements_orders FOR EACH ROW EXECUTE FUNCTION public.statements_order();
INSERT INTO public.statements_orders VALUES ('t1', 10), ('t2', 20), ('t1', 30);
DO $$ BEGIN FOR i IN 1..3 LOOP INSERT INTO statements.events (event, identifiers) VALUES ('Loop', '{user_id:do}'); END LOOP; END $$;
CREATE FUNCTION public.statements_echo() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.event = 'Ping' THEN
        INSERT INTO statements.events (event, identifiers, amount) VALUES ('Pong', NEW.identifiers, 1);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER echo AFTER INSERT ON events FOR EACH ROW EXECUTE FUNCTION public.statements_echo();
INSERT INTO events (event, identifiers) VALUES ('Ping', '{user_id:echo}'), ('Ping', '{user_id:echo,cookie:echo}');
DROP TRIGGER echo ON events;
-- ... also from one on profiles, within the engine's own work
CREATE FUNCTION public.statements_welcome() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.event_count = 1 AND NOT NEW.traits ? 'welcomed' THEN
        INSERT INTO statements.events (event, identifiers, traits)
        SELECT 'Welcome', array_agg(cdp.text(identifier)), '{"welcomed": true}' FROM statements.identifiers WHERE profile_id = NEW.profile_id HAVING count(*) > 0;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER welcome AFTER INSERT ON profiles FOR EACH ROW EXECUTE FUNCTION public.statements_welcome();
INSERT INTO events (event, identifiers) VALUES ('Hello', '{user_id:w1}'), ('Hello', '{user_id:w2,cookie:w2}');
DROP TRIGGER welcome ON profiles;
SELECT * FROM statements_state WHERE identifiers ~ 'user_id:(f|g|t|do|echo|w)' ORDER BY 1;
SELECT * FROM cdp.check('statements');

-- A prepared statement, through its generic plan, and after the tables have changed
PREPARE ins (text, numeric) AS INSERT INTO events (event, identifiers, amount) VALUES ('Prepared', ARRAY['user_id:' || $1], $2);
EXECUTE ins('p', 1);
EXECUTE ins('p', 1);
EXECUTE ins('p', 1);
EXECUTE ins('p', 1);
EXECUTE ins('p', 1);
EXECUTE ins('p', 1);
EXECUTE ins('p', 1);
SELECT * FROM statements_state WHERE identifiers = 'user_id:p';
ALTER TABLE profiles ADD COLUMN note text DEFAULT 'new';
EXECUTE ins('p', 1);
EXECUTE ins('q', 1);
SELECT cdp.total(ltv, 'USD'), note FROM profiles WHERE profile_id IN (cdp.profile_of('statements', 'user_id:p'), cdp.profile_of('statements', 'user_id:q')) ORDER BY 1;
ALTER TABLE profiles DROP COLUMN note;
EXECUTE ins('p', 1);
EXECUTE ins('q', 1);
ALTER TABLE events ADD COLUMN extra int DEFAULT 7;
EXECUTE ins('p', 1);
SELECT extra FROM events WHERE event = 'Prepared' ORDER BY event_id DESC LIMIT 1;
ALTER TABLE events DROP COLUMN extra;
ALTER TABLE identifiers ADD COLUMN first_source text DEFAULT 'unknown';
EXECUTE ins('r', 1);
ALTER TABLE identifiers DROP COLUMN first_source;
CREATE INDEX ON profiles (event_count);
EXECUTE ins('p', 1);
REINDEX TABLE profiles;
VACUUM FULL profiles;
CLUSTER identifiers USING identifiers_pkey;
EXECUTE ins('p', 1);
SELECT * FROM statements_state WHERE identifiers ~ 'user_id:[pqr]' ORDER BY 1;
DEALLOCATE ins;

-- Definitions that change in the session take effect at once, and not at all when they are rolled back
BEGIN;
INSERT INTO segments VALUES ('spender', $$cdp.total(ltv, 'USD') >= 100$$);
INSERT INTO events (event, identifiers, amount) VALUES ('Order', '{user_id:d1}', 150);
SELECT segments FROM statements_state WHERE identifiers = 'user_id:d1';
SAVEPOINT s;
DELETE FROM segments WHERE name = 'spender';
INSERT INTO blocked_identifiers (value) VALUES ('d2');
INSERT INTO events (event, identifiers, amount) VALUES ('Order', '{user_id:d2}', 150);
SELECT count(*) FROM identifiers WHERE identifier = 'user_id:d2';
ROLLBACK TO s;
INSERT INTO events (event, identifiers, amount) VALUES ('Order', '{user_id:d2}', 150);
SELECT identifiers, segments FROM statements_state WHERE identifiers ~ 'user_id:d' ORDER BY 1;
ROLLBACK;
INSERT INTO events (event, identifiers, amount) VALUES ('Order', '{user_id:d3}', 150);
SELECT identifiers, segments FROM statements_state WHERE identifiers ~ 'user_id:d' ORDER BY 1;
SELECT name FROM segments;
SELECT * FROM cdp.check('statements');

-- Two workspaces in one transaction, and in one statement
BEGIN;
INSERT INTO statements.events (event, identifiers) VALUES ('One', '{user_id:two}');
INSERT INTO statements2.events (event, identifiers) VALUES ('Two', '{user_id:two}'), ('Two', '{user_id:other}');
INSERT INTO statements2.segments VALUES ('busy', 'event_count >= 2');
INSERT INTO statements.events (event, identifiers) VALUES ('One', '{user_id:two}');
INSERT INTO statements2.events (event, identifiers) VALUES ('Two', '{user_id:two}');
COMMIT;
WITH a AS (INSERT INTO statements.events (event, identifiers) VALUES ('One', '{user_id:two}')) INSERT INTO statements2.events (event, identifiers) VALUES ('Two', '{user_id:other}');
SELECT events, segments FROM statements_state WHERE identifiers = 'user_id:two';
SELECT event_count, segments::text[] FROM statements2.profiles ORDER BY profile_id;

-- Rollback leaves nothing, of nothing
CREATE TEMP TABLE before AS SELECT (SELECT count(*) FROM events) AS events, (SELECT count(*) FROM event_ids) AS ids, (SELECT count(*) FROM profiles) AS profiles,
    (SELECT count(*) FROM identifiers) AS identifiers, (SELECT count(*) FROM identity_links) AS links, (SELECT count(*) FROM identity_refusals) AS refusals,
    (SELECT count(*) FROM merges) AS merges, (SELECT count(*) FROM segment_changes) AS changes, (SELECT count(*) FROM segment_errors) AS errors;
BEGIN;
INSERT INTO segments VALUES ('adult', $$(traits->>'age')::int >= 18$$);
INSERT INTO events (event, identifiers, traits) VALUES ('Rolled back', '{user_id:rb1,cookie:rb,email:nonsense}', '{"age": "abc"}'), ('Rolled back', '{user_id:d3,cookie:rb3}', '{"age": 20}');
INSERT INTO events (event, identifiers) VALUES ('Rolled back', '{cookie:rb4}');
INSERT INTO events (event, identifiers) VALUES ('Rolled back', '{cookie:rb,cookie:rb4,cookie:rb5}');
SELECT (SELECT count(*) FROM merges) > 0 AS merges, (SELECT count(*) FROM identity_refusals) > 0 AS refusals, (SELECT count(*) FROM segment_errors) > 0 AS errors,
       (SELECT count(*) FROM segment_changes WHERE segment = 'adult') > 0 AS changes;
ROLLBACK;
BEGIN;
INSERT INTO events (event, identifiers) VALUES ('Rolled back', '{cookie:rb1,cookie:rb2}');
INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('rb'), 'Rolled back', '{nonsense}');
COMMIT;
INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('rb'), 'Rolled back', '{cookie:rb1,cookie:rb2}'), (cdp.event_id('rb2'), 'Rolled back', '{nonsense}');
SELECT before = (SELECT b FROM (SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM event_ids), (SELECT count(*) FROM profiles),
    (SELECT count(*) FROM identifiers), (SELECT count(*) FROM identity_links), (SELECT count(*) FROM identity_refusals),
    (SELECT count(*) FROM merges), (SELECT count(*) FROM segment_changes), (SELECT count(*) FROM segment_errors)) AS b) AS nothing_left FROM before;
SELECT count(*) FROM identifiers WHERE cdp.value(identifier) LIKE 'rb%';
-- A savepoint that is rolled back between two others
BEGIN;
INSERT INTO events (event, identifiers, amount) VALUES ('Kept', '{user_id:sp}', 1);
SAVEPOINT a;
INSERT INTO events (event, identifiers, amount) VALUES ('Gone', '{user_id:sp,cookie:sp1}', 10);
ROLLBACK TO a;
INSERT INTO events (event, identifiers, amount) VALUES ('Kept', '{user_id:sp,cookie:sp2}', 100);
SAVEPOINT b;
INSERT INTO events (event, identifiers, amount) VALUES ('Kept', '{cookie:sp2}', 1000);
RELEASE b;
COMMIT;
SELECT * FROM statements_state WHERE identifiers ~ 'sp';

-- At the higher levels of isolation
BEGIN ISOLATION LEVEL SERIALIZABLE;
INSERT INTO events (event_id, event, identifiers, amount) VALUES (cdp.event_id('i1'), 'I', '{cookie:i1}', 1);
INSERT INTO events (event_id, event, identifiers, amount) VALUES (cdp.event_id('i2'), 'I', '{cookie:i2}', 2), (cdp.event_id('i1'), 'I', '{cookie:i1}', 1);
SAVEPOINT s;
INSERT INTO events (event, identifiers, amount) VALUES ('I', '{cookie:i1,cookie:i2}', 4);
ROLLBACK TO s;
INSERT INTO events (event, identifiers, amount) VALUES ('I', '{cookie:i2,cookie:i1}', 8);
INSERT INTO events (event, identifiers, amount) VALUES ('I', '{cookie:i1,device:i}', 16);
COMMIT;
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO events (event, identifiers, amount) VALUES ('I', '{cookie:i2,user_id:i}', 32);
INSERT INTO events (event, identifiers, amount) VALUES ('I', '{user_id:other,cookie:i1}', 64);
COMMIT;
SELECT * FROM statements_state WHERE identifiers ~ ':i|other' ORDER BY 1;
BEGIN READ ONLY;
INSERT INTO events (event) VALUES ('Read only');
ROLLBACK;
-- Through a view, with its condition; while a cursor is open on the table; with a rule beside it; with ON CONFLICT
CREATE VIEW public.statements_view AS SELECT event_id, event, identifiers, amount FROM events WHERE event <> 'Secret' WITH CHECK OPTION;
BEGIN;
DECLARE c CURSOR FOR SELECT event FROM events WHERE anchor = 'cookie:v';
INSERT INTO public.statements_view (event, identifiers, amount) VALUES ('View', '{cookie:v}', 1);
INSERT INTO public.statements_view (event_id, event, identifiers, amount) VALUES (cdp.event_id('i1'), 'View', '{cookie:v}', 2) ON CONFLICT DO NOTHING;
FETCH ALL FROM c;
COMMIT;
\set VERBOSITY terse
INSERT INTO public.statements_view (event, identifiers, amount) VALUES ('Secret', '{cookie:v}', 4);
\set VERBOSITY default
CREATE RULE noted AS ON INSERT TO events DO ALSO SELECT 'noted' AS rule;
INSERT INTO events (event, identifiers, amount) VALUES ('Rule', '{cookie:v}', 8);
DROP RULE noted ON events;
SELECT * FROM statements_state WHERE identifiers ~ 'cookie:v';
DROP VIEW public.statements_view;

-- An application needs USAGE and INSERT, nothing else; the engine works as the owner of the tables
CREATE ROLE statements_app;
CREATE ROLE statements_analyst;
GRANT USAGE ON SCHEMA statements TO statements_app, statements_analyst;
GRANT INSERT ON events TO statements_app;
GRANT SELECT ON profiles, identifiers, segment_changes TO statements_analyst;
SET ROLE statements_app;
INSERT INTO statements.events (event, identifiers, amount) VALUES ('App', '{user_id:app}', 5), ('App', '{user_id:app,cookie:app}', 6), ('App', '{cookie:app}', 7);
COPY statements.events (event, identifiers, amount) FROM stdin;
App	{cookie:app,cookie:app2}	8
\.
SELECT count(*) FROM statements.events;
SELECT count(*) FROM statements.profiles;
INSERT INTO statements.profiles DEFAULT VALUES;
INSERT INTO statements.segments VALUES ('x', 'true');
INSERT INTO statements.events (event, identifiers) VALUES ('App', '{user_id:app}') RETURNING event_id;
SELECT current_user;
SET ROLE statements_analyst;
SELECT event_count, cdp.total(ltv, 'USD'), segments ? 'busy' AS busy FROM statements.profiles p JOIN statements.identifiers i USING (profile_id) WHERE identifier = 'user_id:app';
INSERT INTO statements.events (event) VALUES ('Analyst');
UPDATE statements.profiles SET event_count = 0;
RESET ROLE;
SET SESSION AUTHORIZATION statements_app;
INSERT INTO statements.events (event, identifiers, amount) VALUES ('App', '{user_id:app}', 9);
RESET SESSION AUTHORIZATION;
SELECT * FROM statements_state WHERE identifiers ~ 'app';
-- A workspace of a plain role's
CREATE ROLE statements_owner;
GRANT CREATE ON DATABASE :"DBNAME" TO statements_owner;
SET ROLE statements_owner;
SELECT cdp.create_workspace('statements3');
INSERT INTO statements3.segments VALUES ('all', 'true');
GRANT USAGE ON SCHEMA statements3 TO statements_app;
GRANT INSERT ON statements3.events TO statements_app;
SET ROLE statements_app;
INSERT INTO statements3.events (event, identifiers) VALUES ('App', '{user_id:app}');
INSERT INTO statements.events (event, identifiers) VALUES ('App', '{user_id:app}');
RESET ROLE;
SELECT event_count, segments::text[] FROM statements3.profiles;

SELECT * FROM cdp.check('statements') UNION ALL SELECT * FROM cdp.check('statements2') UNION ALL SELECT * FROM cdp.check('statements3');
SET client_min_messages = warning;
DROP VIEW public.statements_state;
DROP TABLE public.statements_staging, public.statements_orders;
DROP FUNCTION public.statements_track, public.statements_order, public.statements_echo, public.statements_welcome;
DROP SCHEMA statements, statements2, statements3 CASCADE;
REVOKE CREATE ON DATABASE :"DBNAME" FROM statements_owner;
DROP ROLE statements_app, statements_analyst, statements_owner;
