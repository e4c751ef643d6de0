-- Keys that are none: blank and junk message ids, null and nil event ids; and repeats with other content.
\pset format unaligned
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET cdp.clock = '2024-03-01 12:00+00';

-- cdp.event_id(text) is null for what is no message id: blanks around it and case do not matter
SELECT n, cdp.event_id(message) IS NULL AS junk
FROM (VALUES (1, ''), (2, ' '), (3, E' \t\r\n\x0b\f '), (4, U&'\00a0\3000\2003\200b\feff\0085\2028'), (5, 'null'), (6, 'NULL'), (7, ' Null'), (8, 'undefined'),
    (9, E'\tUndefined\n'), (10, 'none'), (11, 'None'), (12, 'nil'), (13, 'NaN'), (14, '[object Object]'), (15, '[OBJECT object] '),
    (16, '00000000-0000-0000-0000-000000000000'), (17, U&'\00a0null\3000')) AS v (n, message)
WHERE cdp.event_id(message) IS NOT NULL;
-- ... everything else is one, also with such a word in it; its blanks count
SELECT n, message FROM (VALUES (1, '0'), (2, 'test'), (3, 'nullable'), (4, 'null null'), (5, 'nil.'), (6, '-'), (7, '[object]'), (8, '"'), (9, 'false'), (10, 'n/a'),
    (11, '00000000-0000-0000-0000-000000000001'), (12, 'nüll'), (13, U&'\200dnull'), (14, E'\x01')) AS v (n, message)
WHERE cdp.event_id(message) IS NULL;
SELECT count(DISTINCT cdp.event_id(m)) AS distinct_ids FROM unnest(ARRAY['1', ' 1', '1 ', U&'1\00a0']) AS m;

-- A row whose event_id is null or nil gets a new one, and is counted; one that leaves it out has the default, which is an id
SELECT cdp.create_workspace('keys');
SET search_path = keys, public;
CREATE VIEW public.keys_state AS
SELECT (SELECT count(*) FROM events) AS events, (SELECT count(*) FROM event_ids) AS ids, (SELECT sum(event_count) FROM profiles) AS counted,
       (SELECT sum(cdp.total(ltv, 'USD')) FROM profiles) AS usd, (SELECT count(*) FROM event_conflicts) AS samples,
       (SELECT string_agg(item || ': ' || value, ', ' ORDER BY item) FROM cdp.status('keys') WHERE topic = 'event ids') AS status,
       (SELECT count(*) FROM cdp.check('keys')) AS faults;
TABLE keys_state;
INSERT INTO events (event, identifiers, amount) VALUES ('Default', '{user_id:1}', 1);
TABLE keys_state;
INSERT INTO events (event_id, event, identifiers, amount) VALUES
    (NULL, 'Null', '{user_id:1}', 2), (cdp.event_id('undefined'), 'Undefined', '{user_id:2}', 4), (cdp.event_id(''), 'Blank', '{user_id:3}', 8),
    ('00000000-0000-0000-0000-000000000000', 'Nil', '{user_id:4}', 16), ('00000000-0000-0000-0000-000000000000', 'Nil', '{user_id:4}', 32);
COPY events (event_id, event, identifiers, amount) FROM stdin;
\N	Copied	{user_id:5}	64
00000000-0000-0000-0000-000000000000	Copied	{user_id:5}	128
\.
SELECT event, identifiers, amount, substr(event_id::text, 15, 1) AS version FROM events ORDER BY amount;
TABLE keys_state;
-- ... a rollback takes the count back, too
BEGIN;
INSERT INTO events (event_id, event) VALUES (NULL, 'Undone');
SAVEPOINT s;
INSERT INTO events (event_id, event) VALUES (NULL, 'Undone'), (NULL, 'Undone');
SELECT status FROM keys_state;
ROLLBACK TO s;
SELECT status FROM keys_state;
ROLLBACK;
SELECT status FROM keys_state;

-- A repeat with the same content says nothing: numbers by value, JSON by value, a currency in any case
INSERT INTO events (event_id, event, identifiers, amount, currency, source, traits, properties, occurred_at) VALUES
    (cdp.event_id('same'), 'Order', '{user_id:1,cookie:1}', 1.5, 'USD', 'web', '{"a": 1, "b": [1.0, {"c": null}]}', '{"x": "y", "n": 100000}', '2024-02-01 10:00+00');
INSERT INTO events (event_id, event, identifiers, amount, currency, source, traits, properties, occurred_at) VALUES
    (cdp.event_id('same'), 'Order', '{user_id:1,cookie:1}', 1.50, 'usd', 'web', '{"b": [1, {"c": null}], "a": 1.00}', '{"n": 1e5, "x": "y"}', '2024-02-01 11:00+01'),
    (cdp.event_id('same'), 'Order', ARRAY[NULL, 'user_id:1', 'cookie:1'], 1.500000000000000000000000000000000000000000000000000000000000000000000, 'Usd', 'web',
     '{"a": 1e0, "b": [1.000, {"c": null}]}', '{"x": "y", "n": 100000.0}', '2024-02-01 10:00+00');
TABLE keys_state;
-- ... in whatever form it is stored
CREATE TABLE public.keys_stored AS SELECT event_id, event, identifiers, amount, currency, source, traits, properties, occurred_at FROM events WHERE event_id = cdp.event_id('same');
INSERT INTO events (event_id, event, identifiers, amount, currency, source, traits, properties, occurred_at) TABLE public.keys_stored;
DROP TABLE public.keys_stored;
-- ... also compressed, and out of line
INSERT INTO events (event_id, event, traits, properties) SELECT cdp.event_id('toasted'), 'Toasted', jsonb_build_object('t', repeat('y', 20000)), jsonb_build_object('x', string_agg(md5(i::text), '')) FROM generate_series(1, 1000) AS i;
INSERT INTO events (event_id, event, traits, properties) SELECT event_id, event, traits, properties FROM events WHERE event = 'Toasted';
SELECT pg_column_size(traits) < 1000 AS compressed, pg_column_size(properties) > 8192 AS out_of_line FROM events WHERE event = 'Toasted';
SELECT status FROM keys_state;

-- What differs, one thing at a time; each is counted and sampled, and nothing else
CREATE TABLE public.keys_variants (n int, event text DEFAULT 'Order', identifiers text[] DEFAULT '{user_id:1,cookie:1}', amount numeric DEFAULT 1.5, currency text DEFAULT 'USD',
    source text DEFAULT 'web', traits jsonb DEFAULT '{"a": 1, "b": [1.0, {"c": null}]}', properties jsonb DEFAULT '{"x": "y", "n": 100000}', occurred_at timestamptz DEFAULT '2024-02-01 10:00+00');
INSERT INTO keys_variants (n) VALUES (0);
INSERT INTO keys_variants (n, event) VALUES (1, 'Orders');
INSERT INTO keys_variants (n, identifiers) VALUES (2, '{cookie:1,user_id:1}'), (3, '{user_id:1}'), (4, '{user_id:1,cookie:2}'), (5, NULL), (6, '{user_id:1cookie:1}');
INSERT INTO keys_variants (n, amount) VALUES (7, 1.51), (8, -1.5), (9, 15000), (10, NULL), (11, 0);
INSERT INTO keys_variants (n, currency) VALUES (12, 'VND'), (13, NULL);
INSERT INTO keys_variants (n, source) VALUES (14, 'app'), (15, NULL), (16, ''), (17, 'Web');
INSERT INTO keys_variants (n, traits) VALUES (18, '{"a": 1}'), (19, '{"a": "1", "b": [1.0, {"c": null}]}'), (20, '{"a": 1, "b": [1.0, {"c": 0}]}'), (21, NULL), (22, '{}'),
    (23, '{"a": 1, "b": [1.0, [{"c": null}]]}'), (24, '{"a": true, "b": [1.0, {"c": null}]}'), (25, '{"a": 1, "b": [{"c": null}, 1.0]}'), (26, '{"b": 1, "a": [1.0, {"c": null}]}');
INSERT INTO keys_variants (n, properties) VALUES (27, '{"x": "y", "n": 100001}'), (28, '{"x": "z", "n": 100000}'), (29, NULL), (30, 'null'), (31, '"x"'), (32, '[]'), (33, '{"xy": "", "n": 100000}');
INSERT INTO keys_variants (n, occurred_at) VALUES (34, '2024-02-01 10:00:00.000001+00'), (35, NULL);
DO $$
DECLARE
    nth int;
BEGIN
    FOR nth IN SELECT v.n FROM keys_variants v ORDER BY v.n LOOP
        INSERT INTO keys.events (event_id, event, identifiers, amount, currency, source, traits, properties, occurred_at)
        SELECT cdp.event_id('same'), v.event, v.identifiers, v.amount, v.currency, v.source, v.traits, v.properties, v.occurred_at FROM public.keys_variants v WHERE v.n = nth;
    END LOOP;
END
$$;
TABLE keys_state;
SELECT event_id = cdp.event_id('same') AS of_it, content, at FROM event_conflicts ORDER BY content::text;
-- ... each is another content than each other one: what came first under an id decides
INSERT INTO events (event_id, event, identifiers, amount, currency, source, traits, properties, occurred_at)
SELECT cdp.event_id('first of ' || b.n), a.event, a.identifiers, a.amount, a.currency, a.source, a.traits, a.properties, a.occurred_at
FROM keys_variants a JOIN keys_variants b ON b.n = a.n;
SELECT sum(conflicts) AS before FROM event_counts \gset
INSERT INTO events (event_id, event, identifiers, amount, currency, source, traits, properties, occurred_at)
SELECT cdp.event_id('first of ' || b.n), a.event, a.identifiers, a.amount, a.currency, a.source, a.traits, a.properties, a.occurred_at
FROM keys_variants a CROSS JOIN keys_variants b;
SELECT sum(conflicts) - :before AS conflicts, (SELECT count(*) * (count(*) - 1) FROM keys_variants) AS of_so_many FROM event_counts;
SELECT faults FROM keys_state;
DROP TABLE public.keys_variants;

-- What was not sent does not count: times and currencies that are filled in differ from day to day
DELETE FROM event_conflicts;
INSERT INTO events (event_id, event, identifiers, amount) VALUES (cdp.event_id('plain'), 'Order', '{user_id:6}', 5);
SET cdp.clock = '2024-03-02 09:00+00';
UPDATE settings SET default_currency = 'VND';
INSERT INTO events (event_id, event, identifiers, amount) VALUES (cdp.event_id('plain'), 'Order', '{user_id:6}', 5);
INSERT INTO events (event_id, event, identifiers, amount, received_at) VALUES (cdp.event_id('plain'), 'Order', '{user_id:6}', 5, '2024-02-01+00');
SELECT count(*) AS samples FROM event_conflicts;
-- ... but what was sent does, though it is what would have been filled in
INSERT INTO events (event_id, event, identifiers, amount, currency) VALUES (cdp.event_id('plain'), 'Order', '{user_id:6}', 5, 'USD');
INSERT INTO events (event_id, event, identifiers, amount, occurred_at) VALUES (cdp.event_id('plain'), 'Order', '{user_id:6}', 5, '2024-03-01 12:00+00');
SELECT content FROM event_conflicts ORDER BY content::text;
UPDATE settings SET default_currency = 'USD';

-- Within one statement: the first row counts, others differ from it
DELETE FROM event_conflicts;
INSERT INTO events (event_id, event, identifiers, amount) VALUES (cdp.event_id('w'), 'First', '{user_id:7}', 1), (cdp.event_id('w'), 'Second', '{user_id:7}', 2),
    (cdp.event_id('w'), 'First', '{user_id:7}', 1.0), (cdp.event_id('w'), 'Second', '{user_id:7}', 2), (cdp.event_id('w2'), 'Other', '{user_id:7}', 4);
SELECT content->>'event' AS event, count(*) FROM event_conflicts GROUP BY 1;
SELECT event, amount FROM events WHERE anchor = 'user_id:7' ORDER BY amount;
-- ... by COPY; of a statement of several batches
SET cdp.batch_events = 2;
COPY events (event_id, event, identifiers) FROM stdin;
00000000-0000-0000-0000-00000000000a	One	{user_id:8}
00000000-0000-0000-0000-00000000000b	Two	{user_id:8}
00000000-0000-0000-0000-00000000000a	Three	{user_id:8}
00000000-0000-0000-0000-00000000000c	Four	{user_id:8}
00000000-0000-0000-0000-00000000000b	Two	{user_id:8}
\.
RESET cdp.batch_events;
SELECT event_id, content->>'event' AS event FROM event_conflicts WHERE content->'identifiers' ? 'user_id:8';
-- An id that the engine made is an id: sent back with other content it is a conflict
INSERT INTO events (event_id, event) VALUES (NULL, 'Made') RETURNING event_id AS made \gset
INSERT INTO events (event_id, event) VALUES (:'made', 'Made');
INSERT INTO events (event_id, event) VALUES (:'made', 'Made up');
SELECT content->>'event' AS event FROM event_conflicts WHERE event_id = :'made';
-- In REPEATABLE READ and above, where others have counted meanwhile
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO events (event_id, event) VALUES (:'made', 'Repeatable');
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
INSERT INTO events (event_id, event) VALUES (:'made', 'Serializable'), (NULL, 'Serializable');
COMMIT;
SELECT content->>'event' AS event FROM event_conflicts WHERE event_id = :'made' ORDER BY content::text;
TABLE keys_state;

-- The hash is the engine's: it cannot be given. Of what came while the triggers were off nothing is known
INSERT INTO events (event, content_hash) VALUES ('Forged', 1);
SET session_replication_role = replica;
INSERT INTO events (event_id, event, occurred_at) VALUES (cdp.event_id('past'), 'Past', '2024-03-01+00');
RESET session_replication_role;
SELECT * FROM cdp.check('keys');
SELECT cdp.rebuild('keys');
SELECT content_hash FROM event_ids WHERE event_id = cdp.event_id('past');
SELECT sum(conflicts) AS before FROM event_counts \gset
INSERT INTO events (event_id, event) VALUES (cdp.event_id('past'), 'Present');
SELECT sum(conflicts) - :before AS unknown FROM event_counts;
-- ... a rebuild takes the hash over where the row of event_ids is lost; the judge sees another one
SET session_replication_role = replica;
DELETE FROM event_ids WHERE event_id = cdp.event_id('same');
RESET session_replication_role;
SELECT cdp.rebuild('keys');
SELECT t.content_hash = e.content_hash AS taken_over FROM event_ids t JOIN events e USING (event_id) WHERE event_id = cdp.event_id('same');
SET session_replication_role = replica;
UPDATE event_ids SET content_hash = content_hash + 2 WHERE event_id = cdp.event_id('same');
SELECT kind, key = 'event ' || cdp.event_id('same') AS of_it FROM cdp.check('keys');
UPDATE event_ids SET content_hash = content_hash - 2 WHERE event_id = cdp.event_id('same');
RESET session_replication_role;
TABLE keys_state;

-- At most 1,000 contents are kept; columns above 8 kB are only named. The owner makes room
DELETE FROM event_conflicts;
INSERT INTO events (event_id, event, properties, traits) VALUES (cdp.event_id('large'), 'Large', to_jsonb(repeat('x', 9000)), jsonb_build_object('t', repeat('y', 20000)));
INSERT INTO events (event_id, event, properties, traits) VALUES (cdp.event_id('large'), 'Large', to_jsonb(repeat('x', 9001)), '{"t": 1}'),
    (cdp.event_id('large'), 'Large', '5', jsonb_build_object('t', repeat('y', 20000)));
SELECT content - 'occurred_at' AS content FROM event_conflicts ORDER BY content::text;
SELECT sum(conflicts) AS before FROM event_counts \gset
INSERT INTO events (event_id, event) SELECT cdp.event_id('many'), 'Many ' || n FROM generate_series(1, 1200) AS n;
INSERT INTO events (event_id, event) VALUES (cdp.event_id('many'), 'More');
SELECT sum(conflicts) - :before AS conflicts, (SELECT count(*) FROM event_conflicts) AS samples FROM event_counts;
DELETE FROM event_conflicts;
INSERT INTO events (event_id, event) VALUES (cdp.event_id('many'), 'Most');
SELECT content->>'event' AS event FROM event_conflicts;
-- ... the counts are the engine's
DELETE FROM event_counts;
UPDATE event_counts SET conflicts = 0;

-- An application that may only insert leaves conflicts, but reads none; nobody without the right does
CREATE ROLE keys_app;
GRANT USAGE ON SCHEMA keys TO keys_app;
GRANT INSERT ON events TO keys_app;
DELETE FROM event_conflicts;
SET ROLE keys_app;
INSERT INTO events (event_id, event) VALUES (cdp.event_id('many'), 'By the application');
SELECT content FROM event_conflicts;
SELECT conflicts FROM event_counts;
DELETE FROM event_conflicts;
INSERT INTO event_conflicts (event_id, content, at, conflict_id) VALUES (cdp.event_id(), '{}', now(), cdp.event_id());
RESET ROLE;
SELECT content->>'event' AS event FROM event_conflicts;

DROP VIEW public.keys_state;
SET client_min_messages = warning;
DROP SCHEMA keys CASCADE;
DROP ROLE keys_app;
