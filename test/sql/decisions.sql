-- Several decisions in one command, and what they write of rows that stay as they are.
\pset format unaligned
SET timezone = 'UTC';
SET cdp.clock = '2024-03-01 12:00+00';
SET client_min_messages = warning;
SELECT FROM cdp.create_workspace('decisions');
SET search_path = decisions, public;
INSERT INTO events (event, identifiers) SELECT 'e', ARRAY['user_id:' || i] FROM generate_series(1, 9) i;
SELECT count(cdp.separate('decisions', 'user_id:' || i, 'user_id:' || j)) FROM generate_series(1, 9) i, generate_series(1, 9) j WHERE i < j;
SELECT cdp.unseparate('decisions', 'user_id:' || i, 'user_id:' || j) FROM (VALUES (1, 2), (2, 3), (3, 4), (3, 4)) v(i, j);
WITH made AS (SELECT cdp.unseparate('decisions', 'user_id:7', 'user_id:8') AS done)
INSERT INTO events (event, identifiers) SELECT 'e', ARRAY['user_id:8'] FROM made WHERE done;
SELECT cdp.link('decisions', 'user_id:1', 'user_id:2') = cdp.profile_of('decisions', 'user_id:1') AS linked, cdp.unlink('decisions', 'user_id:2', 'user_id:1') AS unlinked;
SELECT * FROM cdp.check('decisions');

-- A decision that leaves a profile as it is fires no trigger, and nobody's trigger can be in its way.
CREATE TABLE public.fired (what text);
CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.fired VALUES (TG_TABLE_NAME); RETURN NULL; END $$;
CREATE TRIGGER note AFTER UPDATE ON profiles FOR EACH ROW EXECUTE FUNCTION public.note();
CREATE TRIGGER same BEFORE UPDATE ON profiles FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
SELECT cdp.unseparate('decisions', 'user_id:5', 'user_id:6');
SELECT * FROM public.fired;
-- What does change does.
SELECT count(cdp.unseparate('decisions', 'user_id:1', 'user_id:' || j)) FROM generate_series(3, 9) j;
SELECT contested_until FROM profiles WHERE profile_id = cdp.profile_of('decisions', 'user_id:1');
SELECT * FROM public.fired;
SELECT * FROM cdp.check('decisions');
DROP SCHEMA decisions CASCADE;
DROP TABLE public.fired;
DROP FUNCTION public.note;
