-- The users' own columns, constraints, indexes and row triggers on the workspace's tables hold, whoever writes the row.
\pset format unaligned
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET cdp.clock = '2024-03-01 12:00+00';
SELECT cdp.create_workspace('user_columns');
SET search_path = user_columns, public;
CREATE FUNCTION public.see(VARIADIC identifiers text[]) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO user_columns.events (event, identifiers, amount) VALUES ('e', identifiers, 1);
    RETURN cdp.profile_of('user_columns', identifiers[1]);
END
$$;

-- Defaults of all kinds, of a profile there is and of new ones; each evaluated once per profile
SELECT see('cookie:before');
ALTER TABLE profiles ADD COLUMN country text DEFAULT 'VN', ADD COLUMN level int NOT NULL DEFAULT 1, ADD COLUMN serial serial, ADD COLUMN ident int GENERATED ALWAYS AS IDENTITY (START 100),
    ADD COLUMN made timestamptz DEFAULT '2024-01-01 00:00+00', ADD COLUMN plain text, ADD COLUMN twice bigint GENERATED ALWAYS AS (event_count * 2) STORED,
    ADD COLUMN usd numeric GENERATED ALWAYS AS (cdp.total(ltv, 'USD')) STORED, ADD COLUMN tags text[] DEFAULT '{new}', ADD COLUMN extra jsonb;
INSERT INTO segments VALUES ('low', 'serial <= 3'), ('vn', $$country = 'VN'$$), ('twice', 'twice >= 4 AND usd < 10');
INSERT INTO events (event, identifiers) VALUES ('e', '{cookie:1}'), ('e', '{cookie:2}'), ('e', '{cookie:3}'), ('e', '{cookie:4}'), ('e', '{cookie:1}'), ('e', '{}');
SELECT profile_id, event_count, country, level, serial, ident, made, plain, twice, usd, tags, extra, segments::text[] FROM profiles ORDER BY 1;
SELECT last_value FROM profiles_serial_seq;
-- An engine's update leaves them as they are; the user's are the user's, and the segments follow
UPDATE profiles SET country = 'FR', level = 7, plain = 'x', extra = '{"a": 1}' WHERE profile_id = 2;
SELECT segment, entered, cause FROM segment_changes WHERE profile_id = 2 ORDER BY at, segment, entered;
SELECT see('cookie:1', 'email:one@example.com');
SELECT profile_id, event_count, country, level, serial, ident, plain, twice, usd, tags, extra, segments::text[] FROM profiles WHERE profile_id = 2;
BEGIN;
UPDATE profiles SET country = 'VN', serial = serial + 10;
SELECT profile_id, segments::text[] FROM profiles ORDER BY 1;
ROLLBACK;
UPDATE profiles SET plain = plain;
UPDATE profiles SET country = 'FR' WHERE false;
SELECT * FROM cdp.check('user_columns');

-- A merge: the survivor's value, else the other's; whatever is not null stays
UPDATE profiles SET plain = 'of 3', extra = '{"b": 2}', made = NULL WHERE profile_id = 3;
UPDATE profiles SET plain = NULL, country = NULL WHERE profile_id = 2;
UPDATE profiles SET made = NULL WHERE profile_id = 2;
SELECT see('cookie:1', 'cookie:2') AS survivor;
SELECT profile_id, event_count, country, level, serial, ident, made, plain, twice, usd, tags, extra, segments::text[] FROM profiles ORDER BY 1;
-- ... of several at once: the first that has one
UPDATE profiles SET tags = NULL, plain = CASE profile_id WHEN 4 THEN NULL WHEN 5 THEN 'of 5' END, country = NULL WHERE profile_id IN (1, 4, 5);
UPDATE profiles SET extra = '{"of": 4}' WHERE profile_id = 4;
SELECT see('cookie:before', 'cookie:3', 'cookie:4') AS survivor;
SELECT profile_id, event_count, country, level, serial, plain, twice, tags, extra, segments::text[] FROM profiles ORDER BY 1;
SELECT * FROM cdp.check('user_columns');

-- Constraints: what breaks them breaks the statement, and nothing is left
ALTER TABLE profiles ADD CONSTRAINT few CHECK (event_count <= 3) NOT VALID;
\set VERBOSITY terse
SELECT see('cookie:limit'), see('cookie:limit'), see('cookie:limit');
INSERT INTO events (event, identifiers) VALUES ('fine', '{cookie:fine}'), ('one too many', '{cookie:limit}');
\set VERBOSITY default
SELECT event_count, (SELECT count(*) FROM events WHERE event IN ('fine', 'one too many')) AS left_behind FROM profiles WHERE profile_id = cdp.profile_of('user_columns', 'cookie:limit');
ALTER TABLE profiles DROP CONSTRAINT few;
ALTER TABLE profiles ADD COLUMN required text NOT NULL DEFAULT 'r';
ALTER TABLE profiles ALTER COLUMN required DROP DEFAULT;
\set VERBOSITY terse
SELECT see('cookie:required');
\set VERBOSITY default
SELECT see('cookie:limit') IS NOT NULL AS known_one_is_fine;
ALTER TABLE profiles DROP COLUMN required;
-- ... unique: each profile its own; a survivor may take over the other's; deferred too
ALTER TABLE profiles ADD COLUMN crm text UNIQUE, ADD COLUMN erp text UNIQUE DEFERRABLE INITIALLY DEFERRED;
SELECT see('cookie:u1') IS NULL AS u1, see('cookie:u2') IS NULL AS u2;
UPDATE profiles SET crm = 'C2', erp = 'E2' WHERE profile_id = cdp.profile_of('user_columns', 'cookie:u2');
SELECT see('cookie:u1', 'cookie:u2') IS NULL AS one;
SELECT crm, erp, event_count FROM profiles WHERE profile_id = cdp.profile_of('user_columns', 'cookie:u2');
ALTER TABLE profiles ALTER COLUMN crm SET DEFAULT 'C2';
SELECT see('cookie:u3');
ALTER TABLE profiles ALTER COLUMN crm DROP DEFAULT, ALTER COLUMN erp SET DEFAULT 'E2';
BEGIN;
SELECT see('cookie:u3') IS NULL AS u3;
COMMIT;
ALTER TABLE profiles ALTER COLUMN erp DROP DEFAULT;
SELECT count(*) FROM identifiers WHERE identifier = 'cookie:u3';
-- ... a foreign key of a column of profiles, and one that points to profiles
CREATE TABLE public.accounts (id int PRIMARY KEY);
INSERT INTO public.accounts VALUES (1), (2);
ALTER TABLE profiles ADD COLUMN account int REFERENCES public.accounts DEFAULT 1;
SELECT see('cookie:fk') IS NULL AS fk;
ALTER TABLE profiles ALTER COLUMN account SET DEFAULT 9;
SELECT see('cookie:fk9');
ALTER TABLE profiles DROP COLUMN account;
CREATE TABLE public.notes (profile_id bigint REFERENCES profiles, note text);
CREATE TABLE public.marks (profile_id bigint REFERENCES profiles ON DELETE CASCADE);
SELECT see('cookie:n1') IS NULL AS n1, see('cookie:n2') IS NULL AS n2;
INSERT INTO public.marks SELECT profile_id FROM identifiers WHERE identifier IN ('cookie:n1', 'cookie:n2');
SELECT see('cookie:n1', 'cookie:n2') IS NULL AS one;
SELECT count(*) AS marks FROM public.marks;
SELECT see('cookie:n3') IS NULL AS n3;
INSERT INTO public.notes SELECT profile_id, 'kept' FROM identifiers WHERE identifier = 'cookie:n3';
\set VERBOSITY terse
SELECT see('cookie:n1', 'cookie:n3') IS NULL AS one;
\set VERBOSITY default
SELECT cdp.profile_of('user_columns', 'cookie:n1') = cdp.profile_of('user_columns', 'cookie:n3') AS one;
DROP TABLE public.notes, public.marks;
SELECT * FROM cdp.check('user_columns');

-- Indexes: on own columns and the engine's, partial, by expression, covering, GIN; they find what is there
CREATE INDEX by_country ON profiles (country) WHERE country IS NOT NULL;
CREATE INDEX by_usd ON profiles ((cdp.total(ltv, 'USD'))) INCLUDE (event_count);
CREATE INDEX by_plan ON profiles ((traits->>'plan'));
CREATE INDEX by_tags ON profiles USING gin (tags);
CREATE INDEX by_seen ON profiles USING brin (last_seen);
CREATE INDEX by_value ON identifiers ((cdp.value(identifier)));
CREATE INDEX by_hash ON identifiers USING hash (identifier);
INSERT INTO events (event, identifiers, occurred_at, amount, traits) SELECT 'i', ARRAY['cookie:i' || i], timestamptz '2024-02-01 00:00+00' + i * interval '1 minute', i, jsonb_build_object('plan', 'p' || i % 3) FROM generate_series(1, 50) AS i;
INSERT INTO events (event, identifiers, occurred_at, amount, traits) SELECT 'i', ARRAY['cookie:i' || i, 'device:i' || i % 10], timestamptz '2024-02-02 00:00+00' + i * interval '1 minute', i, jsonb_build_object('plan', 'q' || i % 3) FROM generate_series(1, 50) AS i;
CREATE FUNCTION public.found() RETURNS TABLE (what text, n bigint) LANGUAGE sql AS $$
    SELECT 'country', count(*) FROM user_columns.profiles WHERE country = 'VN' UNION ALL SELECT 'usd', count(*) FROM user_columns.profiles WHERE cdp.total(ltv, 'USD') > 200
    UNION ALL SELECT 'plan', count(*) FROM user_columns.profiles WHERE traits->>'plan' = 'q1' UNION ALL SELECT 'old plan', count(*) FROM user_columns.profiles WHERE traits->>'plan' = 'p1'
    UNION ALL SELECT 'tags', count(*) FROM user_columns.profiles WHERE tags @> '{new}' UNION ALL SELECT 'value', count(*) FROM user_columns.identifiers WHERE cdp.value(identifier) = 'i7'
    UNION ALL SELECT 'identifier', count(*) FROM user_columns.identifiers WHERE identifier = 'device:i7' UNION ALL SELECT 'seen', count(*) FROM user_columns.profiles WHERE last_seen BETWEEN '2024-02-02 00:45+00' AND '2024-02-02 01:00+00'
$$;
SET enable_seqscan = off;
CREATE TEMP TABLE indexed AS SELECT * FROM found();
RESET enable_seqscan;
SET enable_indexscan = off;
SET enable_bitmapscan = off;
SET enable_indexonlyscan = off;
SELECT f.what, f.n, i.n = f.n AS same_by_index FROM found() f JOIN indexed i USING (what) ORDER BY 1;
RESET enable_indexscan;
RESET enable_bitmapscan;
RESET enable_indexonlyscan;
DROP INDEX by_country, by_usd, by_plan, by_tags, by_seen, by_value, by_hash;

-- Columns on the other tables
ALTER TABLE identifiers ADD COLUMN verified boolean NOT NULL DEFAULT false, ADD COLUMN kind text GENERATED ALWAYS AS (cdp.namespace(identifier)) STORED;
ALTER TABLE events ADD COLUMN campaign text DEFAULT 'none', ADD COLUMN cents numeric GENERATED ALWAYS AS (amount * 100) STORED;
ALTER TABLE event_ids ADD COLUMN taken_by text DEFAULT 'me';
ALTER TABLE identity_links ADD COLUMN weight int DEFAULT 5;
ALTER TABLE identity_refusals ADD COLUMN looked_at timestamptz;
ALTER TABLE merges ADD COLUMN approved boolean DEFAULT false;
ALTER TABLE segment_changes ADD COLUMN sent boolean DEFAULT false;
ALTER TABLE segment_failures ADD COLUMN solved boolean DEFAULT false;
INSERT INTO segments VALUES ('bad', $$(traits->>'age')::int > 1$$);
INSERT INTO events (event, identifiers, amount, traits, campaign) VALUES ('o', '{cookie:o1,email:nonsense}', 2, '{"age": "x"}', 'spring'), ('o', '{cookie:o2,device:o2}', NULL, NULL, DEFAULT);
INSERT INTO events (event, identifiers) VALUES ('o', '{cookie:o1,cookie:o2}');
SELECT campaign, cents FROM events WHERE event = 'o' ORDER BY campaign, cents;
SELECT identifier, verified, kind FROM identifiers WHERE cdp.value(identifier) IN ('o1', 'o2') ORDER BY 1;
SELECT (SELECT min(taken_by) FROM event_ids WHERE event_id IN (SELECT event_id FROM events WHERE event = 'o')) AS taken_by, (SELECT min(weight) FROM identity_links WHERE identifier = 'cookie:o2') AS weight,
       (SELECT count(looked_at) FROM identity_refusals) AS looked_at, (SELECT approved FROM merges ORDER BY merged_id DESC LIMIT 1) AS approved, (SELECT bool_or(sent) FROM segment_changes) AS sent,
       (SELECT bool_or(solved) FROM segment_failures) AS solved;
SELECT cdp.rebuild('user_columns');
SELECT * FROM cdp.check('user_columns');

-- Row triggers of the user's: BEFORE may fill in own columns, AFTER sees what is written; statement triggers are not fired
CREATE TABLE public.trigger_log (n serial, tab text, level text, op text, key text);
CREATE FUNCTION public.log_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.trigger_log (tab, level, op, key) VALUES (TG_TABLE_NAME, lower(TG_WHEN || ' ' || TG_LEVEL), TG_OP,
        CASE WHEN TG_LEVEL = 'STATEMENT' THEN NULL WHEN TG_OP = 'DELETE' THEN to_jsonb(OLD) ->> TG_ARGV[0] ELSE to_jsonb(NEW) ->> TG_ARGV[0] END);
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END
$$;
CREATE FUNCTION public.fill_plain() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.plain := 'seen ' || NEW.event_count; RETURN NEW; END $$;
CREATE TRIGGER fill BEFORE INSERT OR UPDATE ON profiles FOR EACH ROW EXECUTE FUNCTION public.fill_plain();
CREATE TRIGGER log_before BEFORE INSERT OR UPDATE OR DELETE ON profiles FOR EACH ROW EXECUTE FUNCTION public.log_row('event_count');
CREATE TRIGGER log_after AFTER INSERT OR UPDATE OR DELETE ON profiles FOR EACH ROW EXECUTE FUNCTION public.log_row('event_count');
CREATE TRIGGER log_statement AFTER INSERT OR UPDATE OR DELETE ON profiles FOR EACH STATEMENT EXECUTE FUNCTION public.log_row();
CREATE TRIGGER log_identifiers BEFORE INSERT OR UPDATE ON identifiers FOR EACH ROW EXECUTE FUNCTION public.log_row('identifier');
CREATE TRIGGER log_identifiers_after AFTER INSERT OR UPDATE ON identifiers FOR EACH ROW EXECUTE FUNCTION public.log_row('identifier');
CREATE TRIGGER log_links AFTER INSERT ON identity_links FOR EACH ROW EXECUTE FUNCTION public.log_row('identifier');
CREATE TRIGGER log_merges AFTER INSERT ON merges FOR EACH ROW EXECUTE FUNCTION public.log_row('identifier');
CREATE TRIGGER log_changes AFTER INSERT ON segment_changes FOR EACH ROW EXECUTE FUNCTION public.log_row('segment');
CREATE TRIGGER log_changes_when AFTER INSERT ON segment_changes FOR EACH ROW WHEN (NEW.segment = 'many' AND NEW.entered) EXECUTE FUNCTION public.log_row('cause');
DELETE FROM segments;
INSERT INTO segments VALUES ('many', 'event_count > 1');
TRUNCATE public.trigger_log RESTART IDENTITY;
SELECT see('cookie:t1') IS NULL AS t1;
SELECT tab, level, op, key FROM public.trigger_log ORDER BY tab, level, op, key;
TRUNCATE public.trigger_log RESTART IDENTITY;
SELECT see('cookie:t1', 'device:t1') IS NULL AS t1;
SELECT tab, level, op, key FROM public.trigger_log ORDER BY tab, level, op, key;
SELECT see('cookie:t2') IS NULL AS t2;
TRUNCATE public.trigger_log RESTART IDENTITY;
SELECT see('cookie:t1', 'cookie:t2') IS NULL AS merged;
SELECT tab, level, op, key FROM public.trigger_log ORDER BY tab, level, op, key;
SELECT plain, event_count FROM profiles WHERE profile_id = cdp.profile_of('user_columns', 'cookie:t2');
SELECT * FROM cdp.check('user_columns');
DROP TRIGGER fill ON profiles;
DROP TRIGGER log_before ON profiles;
DROP TRIGGER log_after ON profiles;
DROP TRIGGER log_statement ON profiles;
DROP TRIGGER log_identifiers ON identifiers;
DROP TRIGGER log_identifiers_after ON identifiers;
DROP TRIGGER log_links ON identity_links;
DROP TRIGGER log_merges ON merges;
DROP TRIGGER log_changes ON segment_changes;
DROP TRIGGER log_changes_when ON segment_changes;
-- ... one that fails fails the statement; one that returns null is an error, not a hole
CREATE FUNCTION public.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not today'; END $$;
CREATE FUNCTION public.swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER t AFTER UPDATE ON profiles FOR EACH ROW EXECUTE FUNCTION public.fail();
INSERT INTO events (event, identifiers) VALUES ('e', '{cookie:t1}');
DROP TRIGGER t ON profiles;
CREATE TRIGGER t BEFORE INSERT ON profiles FOR EACH ROW EXECUTE FUNCTION public.swallow();
INSERT INTO events (event, identifiers) VALUES ('e', '{cookie:t3}');
DROP TRIGGER t ON profiles;
CREATE TRIGGER t BEFORE UPDATE ON profiles FOR EACH ROW EXECUTE FUNCTION public.swallow();
INSERT INTO events (event, identifiers) VALUES ('e', '{cookie:t1}');
DROP TRIGGER t ON profiles;
CREATE TRIGGER t BEFORE DELETE ON profiles FOR EACH ROW EXECUTE FUNCTION public.swallow();
INSERT INTO events (event, identifiers) VALUES ('e', '{cookie:t1,cookie:before}');
DROP TRIGGER t ON profiles;
CREATE TRIGGER t BEFORE INSERT ON identifiers FOR EACH ROW EXECUTE FUNCTION public.swallow();
INSERT INTO events (event, identifiers) VALUES ('e', '{cookie:t4}');
DROP TRIGGER t ON identifiers;
-- ... on events: before cdp's own one it may change the row, behind it it may not spoil it
CREATE FUNCTION public.clean() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.identifiers := array_append(NEW.identifiers, 'device:clean'); NEW.currency := 'EUR'; RETURN NEW; END $$;
CREATE FUNCTION public.spoil() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    CASE TG_ARGV[0] WHEN 'currency' THEN NEW.currency := NULL; WHEN 'traits' THEN NEW.traits := '[]'; WHEN 'amount' THEN NEW.amount := 'NaN'; WHEN 'occurred_at' THEN NEW.occurred_at := 'infinity';
        WHEN 'identifiers' THEN NEW.identifiers := '{cookie:spoilt,user_id:spoilt}'; WHEN 'bad' THEN NEW.identifiers := '{nonsense}'; WHEN 'event_id' THEN NEW.event_id := NULL; END CASE;
    RETURN NEW;
END
$$;
CREATE TRIGGER a_clean BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION public.clean();
INSERT INTO events (event, identifiers, amount) VALUES ('cleaned', '{cookie:clean}', 3) RETURNING anchor, currency;
DROP TRIGGER a_clean ON events;
SELECT cdp.total(ltv, 'EUR') AS eur FROM profiles WHERE profile_id = cdp.profile_of('user_columns', 'device:clean');
CREATE TRIGGER z BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION public.spoil('currency');
INSERT INTO events (event_id, event, identifiers, amount) VALUES (cdp.event_id('z'), 'e', '{cookie:z}', 3);
DROP TRIGGER z ON events;
CREATE TRIGGER z BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION public.spoil('traits');
INSERT INTO events (event_id, event, identifiers, amount) VALUES (cdp.event_id('z'), 'e', '{cookie:z}', 3);
DROP TRIGGER z ON events;
CREATE TRIGGER z BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION public.spoil('amount');
INSERT INTO events (event_id, event, identifiers, amount) VALUES (cdp.event_id('z'), 'e', '{cookie:z}', 3);
DROP TRIGGER z ON events;
CREATE TRIGGER z BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION public.spoil('occurred_at');
INSERT INTO events (event_id, event, identifiers, amount) VALUES (cdp.event_id('z'), 'e', '{cookie:z}', 3);
DROP TRIGGER z ON events;
CREATE TRIGGER z BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION public.spoil('bad');
INSERT INTO events (event_id, event, identifiers, amount) VALUES (cdp.event_id('z'), 'e', '{cookie:z}', 3);
DROP TRIGGER z ON events;
CREATE TRIGGER z BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION public.spoil('identifiers');
INSERT INTO events (event_id, event, identifiers, amount) VALUES (cdp.event_id('z'), 'e', '{cookie:z}', 3);
DROP TRIGGER z ON events;
SELECT anchor, identifiers FROM events WHERE event_id = cdp.event_id('z');
CREATE TRIGGER z BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION public.swallow();
INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('swallowed'), 'e', '{cookie:z}');
DROP TRIGGER z ON events;
SELECT count(*) FROM event_ids WHERE event_id = cdp.event_id('swallowed');
SELECT * FROM cdp.check('user_columns');

-- A value that a profile has from one that was merged into it goes back with that one, and its segments with it
INSERT INTO segments VALUES ('noted', $$extra ? 'note'$$);
SELECT see('user_id:kept', 'cookie:kept1', 'cookie:kept2') = see('user_id:kept') AS one, see('user_id:given') <> see('user_id:kept') AS other;
UPDATE profiles SET extra = '{"note": 1}' WHERE profile_id = cdp.profile_of('user_columns', 'user_id:given');
SELECT cdp.link('user_columns', 'user_id:kept', 'user_id:given') = cdp.profile_of('user_columns', 'cookie:kept1') AS linked;
SELECT extra, segments ? 'noted' AS noted FROM profiles WHERE profile_id = cdp.profile_of('user_columns', 'user_id:kept');
SELECT cdp.unlink('user_columns', 'user_id:kept', 'user_id:given');
SELECT i.identifier, p.extra, p.segments ? 'noted' AS noted FROM profiles p JOIN identifiers i USING (profile_id) WHERE i.identifier::text LIKE 'user_id:%n' OR i.identifier::text LIKE 'user_id:kept' ORDER BY 1;
SELECT * FROM cdp.check('user_columns');

DROP FUNCTION public.see, public.found;
SET client_min_messages = warning;
DROP SCHEMA user_columns CASCADE;
DROP FUNCTION public.log_row, public.fill_plain, public.fail, public.swallow, public.clean, public.spoil;
DROP TABLE public.accounts, public.trigger_log;
