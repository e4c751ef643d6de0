-- A definition over more profiles than are worked on at a time: some change, some fail, some are overdue,
-- and the others stay as they are.
\pset format unaligned
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET cdp.clock = '2024-01-05 00:00+00';
SELECT cdp.create_workspace('scan');
SET search_path = scan, public;
-- Even ones are seen on the 1st, odd ones on the 4th; of 7, 2007, 4007 and 6007 the trait is no number
INSERT INTO events (event, identifiers, occurred_at, traits)
SELECT 'e', ARRAY['user_id:' || i], timestamptz '2024-01-01 00:00+00' + i % 2 * interval '3 days',
       jsonb_build_object('n', CASE WHEN i % 2000 = 7 THEN 'x' ELSE i::text END)
FROM generate_series(1, 7000) i;
INSERT INTO segments VALUES ('away', $$last_seen < now() - interval '10 days'$$);
CREATE TABLE public.scan_rows AS SELECT profile_id, xmin::text AS written FROM profiles;
CREATE FUNCTION public.scan_rewritten() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    rewritten bigint;
BEGIN
    SELECT count(*) INTO rewritten FROM scan.profiles p JOIN public.scan_rows r USING (profile_id) WHERE p.xmin::text <> r.written;
    TRUNCATE public.scan_rows;
    INSERT INTO public.scan_rows SELECT profile_id, xmin::text FROM scan.profiles;
    RETURN rewritten;
END
$$;
CREATE FUNCTION public.scan_changes() RETURNS TABLE (segment text, entered boolean, at timestamptz, cause text, n bigint) LANGUAGE sql AS $$
    SELECT segment, entered, at, cause, count(*) FROM scan.segment_changes GROUP BY 1, 2, 3, 4 ORDER BY 1, 3, 2
$$;

-- The 3,500 even ones are overdue, 700 of them become members
SET cdp.clock = '2024-01-12 00:00+00';
INSERT INTO segments VALUES ('tenth', $$(traits->>'n')::int % 10 = 0$$);
SELECT * FROM cdp.check('scan');
-- Those that the definition has left alone are still the tick's
SELECT cdp.tick('scan', 10000) BETWEEN 1 AND 2800 AS some;
SELECT * FROM scan_changes();
SELECT scan_rewritten();
SELECT segment, sqlstate, count(*) FROM segment_errors GROUP BY 1, 2;
SELECT count(*) FROM profiles WHERE segments ? 'tenth' AND traits->>'n' LIKE '%0';

-- 700 more
SET cdp.clock = '2024-01-13 00:00+00';
UPDATE segments SET predicate = $$traits->>'n' ~ '[01]$'$$ WHERE name = 'tenth';
SELECT scan_rewritten();
SELECT count(*) FROM segment_errors;
-- What is due on a row is played before it is looked at
SET cdp.clock = '2024-01-15 00:00+00';
UPDATE segments SET predicate = 'profile_id % 100 = 1' WHERE name = 'tenth';
SELECT scan_rewritten();
UPDATE segments SET predicate = $$traits->>'n' ~ '[01]$'$$ WHERE name = 'tenth';
SELECT scan_rewritten();
SELECT * FROM scan_changes();
-- What refers to others
INSERT INTO segments VALUES ('both', $$segments @> '{tenth, away}'$$);
SELECT scan_rewritten();
SELECT count(*) FROM profiles WHERE segments ? 'both' AND traits->>'n' LIKE '%0';
-- Who leaves, and who stays
DELETE FROM segments WHERE name = 'both';
DELETE FROM segments WHERE name = 'tenth';
SELECT scan_rewritten();
SELECT * FROM scan_changes();
-- With the last segment that reads the clock the timers go
UPDATE segments SET predicate = $$last_seen < now() - interval '100 days'$$;
SELECT count(next_evaluation_at) FROM profiles;
DELETE FROM segments;
SELECT count(next_evaluation_at), count(*) FILTER (WHERE segments = '{}') FROM profiles;
SELECT * FROM cdp.check('scan');

-- Users' columns, generated ones and row triggers hold for rows that are formed anew
ALTER TABLE profiles ADD COLUMN n_segments int GENERATED ALWAYS AS (cdp.segment_count(segments)) STORED;
ALTER TABLE profiles ADD COLUMN grade int DEFAULT 3, ADD COLUMN noted int DEFAULT 3;
INSERT INTO segments VALUES ('ends_1', 'profile_id % 10 = 1 AND grade = 3'), ('first', 'profile_id <= 100 AND grade > 0'), ('of_first', $$segments @@ 'first & !ends_1'$$);
SELECT n_segments, grade, count(*) FROM profiles GROUP BY 1, 2 ORDER BY 1;
CREATE FUNCTION public.scan_note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.noted := 4; RETURN NEW; END';
CREATE TRIGGER scan_note BEFORE UPDATE ON profiles FOR EACH ROW EXECUTE FUNCTION public.scan_note();
INSERT INTO segments VALUES ('seventh', 'profile_id % 7 = 0'), ('all', 'profile_id % 7 < 2');
SELECT noted, count(*), sum(n_segments), sum(cdp.segment_count(segments)) FROM profiles GROUP BY 1 ORDER BY 1;
SELECT * FROM cdp.check('scan');

DROP TABLE public.scan_rows;
DROP FUNCTION public.scan_rewritten, public.scan_changes;
SET client_min_messages = warning;
DROP SCHEMA scan CASCADE;
DROP FUNCTION public.scan_note;
