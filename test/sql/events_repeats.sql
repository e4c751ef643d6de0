-- A repeated event_id counts once, for ever, in whatever way it comes again.
\pset format unaligned
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET cdp.clock = '2024-03-01 12:00+00';
SELECT cdp.create_workspace('events_repeats');
SET search_path = events_repeats, public;
INSERT INTO segments (name, predicate) VALUES ('buyers', 'cdp.purchases(ltv) > 0');

-- What there is, on one line
CREATE VIEW public.repeats_state AS
SELECT (SELECT count(*) FROM events) AS events, (SELECT count(*) FROM event_ids) AS ids, (SELECT count(*) FROM profiles) AS profiles,
       (SELECT sum(event_count) FROM profiles) AS counted, (SELECT sum(cdp.total(ltv, 'USD')) FROM profiles) AS usd,
       (SELECT count(*) FROM identifiers) AS identifiers, (SELECT count(*) FROM identity_links) AS links,
       (SELECT count(*) FROM identity_refusals) AS refusals, (SELECT count(*) FROM segment_changes) AS changes,
       (SELECT count(*) FROM cdp.check('events_repeats')) AS faults;

INSERT INTO events (event_id, event, identifiers, amount) VALUES (cdp.event_id('1'), 'Order', '{user_id:1,cookie:1}', 10) RETURNING event, amount;
-- Again, in another statement: it counts in the command tag and in RETURNING, and nowhere else
\set QUIET off
INSERT INTO events (event_id, event, identifiers, amount) VALUES (cdp.event_id('1'), 'Order', '{user_id:1,cookie:1}', 10) RETURNING event, amount;
\set QUIET on
TABLE repeats_state;
-- Again with other contents: the first one stays, also of its evidence nothing is left
INSERT INTO events (event_id, event, identifiers, amount, traits) VALUES (cdp.event_id('1'), 'Other', '{user_id:2,cookie:1,email:no,cookie:null}', 99, '{"a": 1}');
SELECT event, amount, identifiers FROM events;
TABLE repeats_state;
-- ... but what is no event is an error all the same
INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('1'), 'Bad', '{nonsense}');

-- Twice in one statement: the first row counts
INSERT INTO events (event_id, event, identifiers, amount) VALUES
  (cdp.event_id('2'), 'First', '{user_id:1}', 1), (cdp.event_id('3'), 'Between', '{cookie:1}', 2), (cdp.event_id('2'), 'Second', '{user_id:3}', 4),
  (cdp.event_id('2'), 'First', '{user_id:1}', 1), (cdp.event_id('2'), 'First', '{user_id:1}', 1);
SELECT event, amount FROM events WHERE event_id IN (cdp.event_id('2'), cdp.event_id('3')) ORDER BY amount;
TABLE repeats_state;
-- New ones beside known ones
INSERT INTO events (event_id, event, identifiers, amount) SELECT cdp.event_id(i::text), 'Many', ARRAY['user_id:u' || i % 3], i FROM generate_series(1, 20) AS i;
SELECT count(*), min(amount), max(amount) FROM events WHERE event = 'Many';
TABLE repeats_state;

-- By COPY
COPY events (event_id, event, identifiers, amount, occurred_at) FROM stdin;
48117391-6dff-58cb-991e-67873cfc0014	Copied	{user_id:9}	1000	2024-02-01 00:00+00
00000000-0000-0000-0000-00000000c001	Copied	{user_id:9,cookie:9}	5	2024-02-01 00:00+00
00000000-0000-0000-0000-00000000c002	Copied	{cookie:9}	\N	2024-02-02 00:00+00
00000000-0000-0000-0000-00000000c001	Copied	{user_id:9,cookie:9}	5	2024-02-01 00:00+00
\.
SELECT event_id, event, amount, currency, anchor FROM events WHERE event = 'Copied' ORDER BY event_id;
TABLE repeats_state;

-- Rows that belong to nobody, and rows too large for a page, compressed or not
INSERT INTO events (event_id, event, properties) SELECT cdp.event_id('nobody'), 'Nobody', '{"n": 1}' FROM generate_series(1, 3);
INSERT INTO events (event_id, event, properties) VALUES (cdp.event_id('nobody'), 'Nobody', '{"n": 1}'), (cdp.event_id('nobody'), 'Nobody', '{"n": 2}');
INSERT INTO events (event_id, event, identifiers, properties, traits)
SELECT cdp.event_id('large'), 'Large', '{user_id:large}', jsonb_build_object('x', repeat('x', 100000), 'y', (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 1000) AS i)),
       jsonb_build_object('bio', repeat('y', 9000)) FROM generate_series(1, 2);
INSERT INTO events SELECT * FROM (SELECT event_id, occurred_at, received_at, event, source, amount, currency, NULL::cdp.identifier, identifiers, traits, properties FROM events) AS e;
SELECT event, count(*), sum(length(properties::text)) FROM events WHERE event IN ('Nobody', 'Large') GROUP BY event ORDER BY event;
TABLE repeats_state;

-- A column of the user's own on events; a generated one among them
ALTER TABLE events ADD COLUMN campaign text DEFAULT 'none', ADD COLUMN cents numeric GENERATED ALWAYS AS (amount * 100) STORED;
INSERT INTO events (event_id, event, identifiers, amount, campaign) VALUES
  (cdp.event_id('own'), 'Own', '{user_id:1}', 1, 'spring'), (cdp.event_id('own'), 'Own', '{user_id:1}', 1, 'summer'), (cdp.event_id('1'), 'Own', '{user_id:1}', 1, NULL);
SELECT event, campaign, cents FROM events WHERE event = 'Own';
TABLE repeats_state;
ALTER TABLE events DROP COLUMN campaign, DROP COLUMN cents;
INSERT INTO events (event_id, event, identifiers, amount) VALUES (cdp.event_id('own'), 'Own', '{user_id:1}', 1), (cdp.event_id('own2'), 'Own', '{user_id:1}', 1);
TABLE repeats_state;

-- The id of an event that was rolled back is free again; a savepoint's too
BEGIN;
INSERT INTO events (event_id, event, identifiers, amount) VALUES (cdp.event_id('undone'), 'Undone', '{user_id:1}', 500);
ROLLBACK;
BEGIN;
SAVEPOINT s;
INSERT INTO events (event_id, event, identifiers, amount) VALUES (cdp.event_id('undone'), 'Undone', '{user_id:1}', 500), (cdp.event_id('undone'), 'Undone', '{user_id:1}', 500);
ROLLBACK TO s;
INSERT INTO events (event_id, event, identifiers, amount) VALUES (cdp.event_id('undone'), 'Done', '{user_id:1}', 7);
SAVEPOINT t;
INSERT INTO events (event_id, event, identifiers, amount) VALUES (cdp.event_id('undone'), 'Again', '{user_id:1}', 9);
RELEASE t;
INSERT INTO events (event_id, event, identifiers, amount) VALUES (cdp.event_id('undone'), 'Done', '{user_id:1}', 7);
COMMIT;
SELECT event, amount FROM events WHERE event_id = cdp.event_id('undone');
TABLE repeats_state;

-- In a nested block of a function that catches an error
CREATE FUNCTION public.repeats_insert(message text) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        INSERT INTO events_repeats.events (event_id, event, identifiers, amount) VALUES (cdp.event_id(message), 'Nested', '{user_id:1}', 3);
        INSERT INTO events_repeats.events (event_id, event, identifiers, amount) VALUES (cdp.event_id(message), 'Nested', '{user_id:1}', 3);
        PERFORM 1 / (SELECT count(*) - 1 FROM events_repeats.events WHERE event_id = cdp.event_id(message));
    EXCEPTION WHEN division_by_zero THEN
        INSERT INTO events_repeats.events (event_id, event, identifiers, amount) VALUES (cdp.event_id(message), 'Caught', '{user_id:1}', 4);
    END;
    RETURN (SELECT count(*) FROM events_repeats.events WHERE event_id = cdp.event_id(message) AND event = 'Caught');
END
$$;
SELECT repeats_insert('nested'), repeats_insert('nested');
TABLE repeats_state;

DROP FUNCTION public.repeats_insert;
DROP VIEW public.repeats_state;
SET client_min_messages = warning;
DROP SCHEMA events_repeats CASCADE;
