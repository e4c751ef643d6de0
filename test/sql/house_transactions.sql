-- Statements alone in their session, at each isolation level: nobody is there to conflict with.
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SELECT cdp.create_workspace('tx');
INSERT INTO tx.segments (name, predicate) VALUES ('often', 'event_count > 1');

-- One piece of refused evidence from several events of a statement: the earliest stays.
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO tx.events (event_id, event, identifiers, occurred_at) VALUES
    (cdp.event_id('r2'), 'Seen', '{user_id:1,email:none}', '2025-01-02'),
    (cdp.event_id('r1'), 'Seen', '{user_id:1,email:none}', '2025-01-01'),
    (cdp.event_id('r3'), 'Seen', '{user_id:1,email:none}', '2025-01-03');
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
INSERT INTO tx.events (event_id, event, identifiers, occurred_at) VALUES
    (cdp.event_id('s1'), 'Seen', '{user_id:2,email:none}', '2025-01-01'),
    (cdp.event_id('s2'), 'Seen', '{user_id:2,email:none}', '2025-01-02');
INSERT INTO tx.events (event_id, event, identifiers, occurred_at) VALUES
    (cdp.event_id('s0'), 'Seen', '{user_id:2,email:none}', '2024-01-01');
COMMIT;
SELECT identifier, anchor, reason, occurred_at FROM tx.identity_refusals ORDER BY anchor;
SELECT cdp.profile_of('tx', 'user_id:1') IS NOT NULL AS found;

-- In a query that would run in parallel, of a session that has not read the definitions yet.
\c
SELECT count(set_config(name, 'on', false)) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
SELECT cdp.profile_of('tx', 'user_id:1') = cdp.profile_of('tx', 'user_id:2') AS same;
SELECT count(set_config(name, 'off', false)) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
SELECT * FROM cdp.check('tx');
SET client_min_messages = warning;
SELECT cdp.drop_workspace('tx');
