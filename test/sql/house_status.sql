-- cdp.status.
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET intervalstyle = postgres;
SET cdp.clock = '2025-03-01 12:00+00';
SELECT cdp.create_workspace('shop');

-- Empty.
SELECT * FROM cdp.status('shop') WHERE topic NOT IN ('size', 'segment times');

INSERT INTO shop.segments (name, predicate) VALUES
    ('buyer', 'cdp.purchases(ltv) > 0'), ('gold', $$traits->>'plan' = 'gold'$$), ('grown', $$(traits->>'age')::int >= 18$$);
INSERT INTO shop.events (event_id, occurred_at, event, identifiers, amount, currency, traits) VALUES
    (cdp.event_id('1'), '2025-02-01 08:00+00', 'Page Viewed', '{cookie:a}', NULL, NULL, NULL),
    (cdp.event_id('2'), '2025-02-03 23:30+00', 'Order Completed', '{user_id:1}', 20.50, 'USD', '{"age": 30}'),
    (cdp.event_id('3'), '2025-02-04 10:00+00', 'Signed In', '{user_id:2,email:none,email:b}', 1, 'USD', '{"age": "old"}'),
    (cdp.event_id('4'), '2025-02-05 10:00+00', 'Signed In', '{user_id:3,user_id:2,device:d}', NULL, NULL, '{"age": "x"}'),
    (cdp.event_id('5'), '2025-02-08 11:00+00', 'Page Viewed', '{cookie:null}', NULL, NULL, NULL);
INSERT INTO shop.events (event_id, occurred_at, event, identifiers)
VALUES (cdp.event_id('6'), '2025-02-05 10:00+00', 'Signed In', '{user_id:1,cookie:a}');
SET cdp.clock = '2025-03-01 12:30+00';
SELECT * FROM cdp.status('shop') WHERE topic NOT IN ('size', 'segment times');

-- How long each segment takes.
SELECT item, value ~ '^[0-9]+\.[0-9]{2} µs a profile$' AS timed FROM cdp.status('shop') WHERE topic = 'segment times' ORDER BY item;

-- A segment whose column has gone.
ALTER TABLE shop.profiles ADD COLUMN score int;
INSERT INTO shop.segments (name, predicate) VALUES ('good', 'score > 10');
SET session_replication_role = replica;
ALTER TABLE shop.profiles DROP COLUMN score;
RESET session_replication_role;
SELECT * FROM cdp.status('shop') WHERE item = 'good';

-- Timers that are due.
SET session_replication_role = replica;
UPDATE shop.profiles SET next_evaluation_at = '2025-03-01 12:20+00' WHERE event_count > 1;
RESET session_replication_role;
SELECT * FROM cdp.status('shop') WHERE topic = 'timers';

-- Sizes: the tables that matter, and the sum last.
SELECT item, value ~ '^[0-9]+ (bytes|kB|MB)$' AS readable FROM cdp.status('shop') WHERE topic = 'size' ORDER BY item;

-- Rows of a large table are estimated; here, small ones are counted.
SELECT n, exact FROM cdp.rows_of('shop.events');

SELECT * FROM cdp.status('nowhere');
SELECT cdp.drop_workspace('shop');
