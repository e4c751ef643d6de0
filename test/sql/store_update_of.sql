-- UPDATE OF triggers of users on the engine's tables fire when the column is written with another value.
\pset format unaligned
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET cdp.clock = '2024-03-01 12:00+00';
SELECT cdp.create_workspace('u');
SET search_path = u, public;
CREATE TABLE public.fired (n serial, what text);
CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.fired (what) VALUES (format('%s %s %s: %s -> %s', lower(TG_WHEN), lower(TG_OP), TG_NAME, CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) ->> TG_ARGV[0] END, to_jsonb(NEW) ->> TG_ARGV[0]));
    RETURN NEW;
END
$$;
CREATE FUNCTION public.told() RETURNS SETOF text LANGUAGE sql AS $$ WITH f AS (DELETE FROM public.fired RETURNING n, what) SELECT what FROM f ORDER BY n $$;
INSERT INTO segments VALUES ('many', 'event_count > 2');
ALTER TABLE profiles ADD COLUMN note text, ADD COLUMN twice bigint GENERATED ALWAYS AS (event_count * 2) STORED, ADD COLUMN length int GENERATED ALWAYS AS (length(note)) STORED;
CREATE TRIGGER count_after AFTER UPDATE OF event_count ON profiles FOR EACH ROW EXECUTE FUNCTION public.note('event_count');
CREATE TRIGGER count_before BEFORE INSERT OR UPDATE OF event_count ON profiles FOR EACH ROW EXECUTE FUNCTION public.note('event_count');
CREATE TRIGGER first AFTER UPDATE OF first_seen, note ON profiles FOR EACH ROW EXECUTE FUNCTION public.note('first_seen');
CREATE TRIGGER segments AFTER UPDATE OF segments ON profiles FOR EACH ROW EXECUTE FUNCTION public.note('event_count');
CREATE TRIGGER twice AFTER UPDATE OF twice ON profiles FOR EACH ROW WHEN (NEW.twice > 2) EXECUTE FUNCTION public.note('twice');
CREATE TRIGGER length AFTER UPDATE OF length ON profiles FOR EACH ROW EXECUTE FUNCTION public.note('length');
CREATE TRIGGER every AFTER UPDATE ON profiles FOR EACH ROW WHEN (OLD.event_count = 3) EXECUTE FUNCTION public.note('event_count');
CREATE TRIGGER off AFTER UPDATE OF event_count ON profiles FOR EACH ROW EXECUTE FUNCTION public.note('event_count');
ALTER TABLE profiles DISABLE TRIGGER off;
CREATE TRIGGER seen AFTER UPDATE OF last_seen ON identifiers FOR EACH ROW EXECUTE FUNCTION public.note('last_seen');
CREATE TRIGGER owner BEFORE UPDATE OF profile_id ON identifiers FOR EACH ROW EXECUTE FUNCTION public.note('identifier');
-- New rows are inserted
INSERT INTO events (event, identifiers, occurred_at) VALUES ('a', '{user_id:1}', '2024-02-02');
SELECT * FROM told();
-- A second event: another count, another time; then one that is older, so that last_seen stays
INSERT INTO events (event, identifiers, occurred_at) VALUES ('a', '{user_id:1}', '2024-02-03');
SELECT * FROM told();
INSERT INTO events (event, identifiers, occurred_at) VALUES ('a', '{user_id:1}', '2024-02-01');
SELECT * FROM told();
-- Several profiles in one statement, new ones among them: each by its own columns
INSERT INTO events (event, identifiers, occurred_at) VALUES ('a', '{user_id:1}', '2024-02-02'), ('a', '{user_id:2}', '2024-02-02'), ('a', '{user_id:3}', '2024-02-02');
SELECT * FROM told();
INSERT INTO events (event, identifiers, occurred_at) VALUES ('a', '{user_id:2}', '2024-01-02'), ('a', '{user_id:4}', '2024-02-02'), ('a', '{user_id:3}', '2024-02-20');
SELECT * FROM told();
-- A definition writes segments alone
INSERT INTO segments VALUES ('two', 'event_count = 2');
SELECT * FROM told();
-- A merge, and apart again
SELECT cdp.link('u', 'user_id:2', 'user_id:3') IS NOT NULL AS linked;
SELECT * FROM told();
SELECT cdp.unlink('u', 'user_id:2', 'user_id:3');
SELECT count(*) > 0 AS told FROM told();
-- A user's own UPDATE fires as PostgreSQL has it
UPDATE profiles SET note = 'n' WHERE profile_id = cdp.profile_of('u', 'user_id:1');
SELECT * FROM told();
SELECT profile_id = cdp.profile_of('u', 'user_id:1') AS of_1, event_count, twice, length, segments FROM profiles WHERE note IS NOT NULL;
SELECT * FROM cdp.check('u');
SET client_min_messages = warning;
DROP SCHEMA u CASCADE;
DROP TABLE public.fired;
DROP FUNCTION public.note, public.told;
