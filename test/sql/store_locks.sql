-- What a statement may write is locked before: also what a replay reaches over evidence that is new with it.
-- cdp.check_locks makes a lock that is missing an error, where no other session is needed to meet it.
SET client_min_messages = warning;
SET cdp.check_locks = on;
SELECT FROM cdp.create_workspace('locks');
SET search_path = locks;
UPDATE identifier_namespaces SET max_per_profile = 1 WHERE namespace IN ('email', 'phone');
CREATE VIEW state AS
  SELECT string_agg(identifier::text, ' ' ORDER BY identifier::text COLLATE "C") AS identifiers FROM identifiers GROUP BY profile_id ORDER BY 1;
-- two people, each of whom somebody was refused to be
INSERT INTO events (event, occurred_at, identifiers) VALUES
  ('e', '2024-01-10', '{email:a@x.com,loyalty:1}'), ('e', '2024-01-11', '{email:b@x.com,loyalty:1}'),
  ('e', '2024-01-10', '{phone:+84981550001,loyalty:2}'), ('e', '2024-01-11', '{phone:+84981550002,loyalty:2}');
SELECT * FROM state;
-- a new cookie of both: late at the one, which asks for a replay, and in time at the other
INSERT INTO events (event, occurred_at, identifiers) VALUES
  ('e', '2024-01-05', '{loyalty:2,cookie:x}'), ('e', '2024-02-05', '{loyalty:1,cookie:x}');
SELECT * FROM state;
-- ... and what it reaches over evidence that is refused in time, between two others: late at the one, whom somebody was
-- refused to be, as the other was
INSERT INTO events (event, occurred_at, identifiers) VALUES
  ('e', '2024-01-10', '{email:c@x.com,loyalty:3}'), ('e', '2024-01-11', '{email:d@x.com,loyalty:3}'),
  ('e', '2024-01-10', '{email:e@x.com,loyalty:4}'), ('e', '2024-01-11', '{email:f@x.com,loyalty:4}');
INSERT INTO events (event, occurred_at, identifiers) VALUES
  ('e', '2024-01-05', '{email:d@x.com,loyalty:3}'), ('e', '2024-02-05', '{email:c@x.com,loyalty:4}');
SELECT * FROM state;
SELECT * FROM cdp.check('locks');
SET client_min_messages = warning;
DROP SCHEMA locks CASCADE;
SET search_path = public;
CREATE ROLE cdp_test_reader;
SET ROLE cdp_test_reader;
SET cdp.check_locks = off; -- superusers only
RESET ROLE;
DROP ROLE cdp_test_reader;
