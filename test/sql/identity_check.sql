-- cdp.check on identity: a state written by hand, past the engine, is right; and every way to be wrong is found.
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SELECT cdp.create_workspace('hand');
SET search_path = hand, public;
SET session_replication_role = replica;
UPDATE identifier_namespaces SET generic_after = 3 WHERE namespace = 'cookie';
INSERT INTO identifier_namespaces VALUES ('loyalty', 40, NULL, true, false, '^[0-9]+$', NULL);
INSERT INTO blocked_identifiers (namespace, kind, value) VALUES ('cookie', 'pattern', '^ZZ');

-- Days of February. A limit, a kind that may not merge, values of no use, a till, a separation, a link over the limit.
CREATE TABLE public.day (n int, anchor cdp.identifier, identifiers text[]);
INSERT INTO public.day VALUES
    (1, 'cookie:a', '{cookie:a}'), (2, 'user_id:1', '{cookie:a,user_id:1}'), (3, 'user_id:2', '{user_id:2,cookie:a}'),
    (4, 'user_id:2', '{user_id:2,loyalty:7}'), (5, 'user_id:3', '{user_id:3,loyalty:x7}'),
    (6, 'loyalty:8', '{loyalty:8}'), (7, 'user_id:3', '{user_id:3,loyalty:8}'),
    (8, 'user_id:4', '{user_id:4,device:000000,cookie:zz1}'), (9, 'user_id:3', '{user_id:3,cookie:till}'),
    (10, 'user_id:4', '{user_id:4,cookie:till}'), (11, 'email:x@example.com', '{device:d,email:x@example.com}'),
    (12, 'user_id:5', '{user_id:5,cookie:till}'), (13, 'user_id:6', '{user_id:6}'), (14, NULL, '{cookie:till}');
INSERT INTO events (event_id, occurred_at, received_at, event, anchor, identifiers)
SELECT cdp.event_id(n::text), '2025-01-31 10:00+00'::timestamptz + n * interval '1 day', '2025-03-01', 'Seen', anchor, identifiers FROM day;
INSERT INTO event_ids SELECT event_id FROM events;
INSERT INTO identifiers (identifier, profile_id, first_seen, last_seen, anchored_at, generic) VALUES
    ('user_id:1', 1, '2025-02-02 10:00+00', '2025-02-02 10:00+00', '2025-02-02 10:00+00', false),
    ('cookie:a', 1, '2025-02-01 10:00+00', '2025-02-03 00:00+00', '2025-02-01 10:00+00', false),
    ('user_id:2', 2, '2025-02-03 10:00+00', '2025-02-04 00:00+00', '2025-02-03 10:00+00', false),
    ('loyalty:7', 2, '2025-02-04 10:00+00', '2025-02-04 10:00+00', NULL, false),
    ('user_id:3', 3, '2025-02-05 10:00+00', '2025-02-09 00:00+00', '2025-02-05 10:00+00', false),
    ('loyalty:8', 4, '2025-02-06 10:00+00', '2025-02-07 00:00+00', '2025-02-06 10:00+00', false),
    ('user_id:4', 5, '2025-02-08 10:00+00', '2025-02-10 00:00+00', '2025-02-08 10:00+00', false),
    ('cookie:till', NULL, '2025-02-09 10:00+00', '2025-02-10 00:00+00', NULL, true),
    ('email:x@example.com', 6, '2025-02-11 10:00+00', '2025-02-11 10:00+00', '2025-02-11 10:00+00', false),
    ('device:d', NULL, '2025-02-11 10:00+00', '2025-02-11 10:00+00', NULL, false),
    ('user_id:5', 7, '2025-02-12 10:00+00', '2025-02-12 10:00+00', '2025-02-12 10:00+00', false),
    ('user_id:6', 7, '2025-02-13 10:00+00', '2025-02-13 10:00+00', '2025-02-13 10:00+00', false),
    ('email:never@example.com', NULL, 'infinity', '-infinity', NULL, false);
INSERT INTO identity_links VALUES
    ('user_id:1', 'cookie:a', '2025-02-02 10:00+00', cdp.event_id('2')),
    ('user_id:2', 'loyalty:7', '2025-02-04 10:00+00', cdp.event_id('4'));
INSERT INTO identity_refusals (identifier, anchor, reason, occurred_at, event_id) VALUES
    ('cookie:a', 'user_id:2', 'limit', '2025-02-03 10:00+00', cdp.event_id('3')),
    ('loyalty:x7', 'user_id:3', 'invalid', '2025-02-05 10:00+00', cdp.event_id('5')),
    ('loyalty:8', 'user_id:3', 'merge', '2025-02-07 10:00+00', cdp.event_id('7')),
    ('device:000000', 'user_id:4', 'blocked', '2025-02-08 10:00+00', cdp.event_id('8')),
    ('cookie:zz1', 'user_id:4', 'blocked', '2025-02-08 10:00+00', cdp.event_id('8')),
    ('cookie:till', 'user_id:3', 'generic', '2025-02-09 10:00+00', cdp.event_id('9')),
    ('cookie:till', 'user_id:4', 'generic', '2025-02-10 10:00+00', cdp.event_id('10')),
    ('device:d', 'email:x@example.com', 'separated', '2025-02-11 10:00+00', cdp.event_id('11')),
    ('cookie:till', 'user_id:5', 'generic', '2025-02-12 10:00+00', cdp.event_id('12')),
    ('cookie:till', NULL, 'generic', '2025-02-14 10:00+00', cdp.event_id('14'));
INSERT INTO identity_decisions VALUES
    ('device:d', 'email:x@example.com', 'separate', '2025-02-20', 'lan'),
    ('email:never@example.com', 'user_id:1', 'separate', '2025-02-20', 'lan'),
    ('user_id:5', 'user_id:6', 'link', '2025-02-20', 'lan');
INSERT INTO identifier_companions VALUES
    ('cookie:a', 'user_id:1'), ('cookie:a', 'user_id:2'), ('device:d', 'email:x@example.com'),
    ('cookie:till', 'user_id:3'), ('cookie:till', 'user_id:4'), ('cookie:till', 'user_id:5');
INSERT INTO profiles (profile_id, first_seen, last_seen, event_count, evaluated_at, identifier_count, contested_until, traits, ltv, computed, segments)
SELECT p.id, min(e.occurred_at), max(e.occurred_at), count(*), '2025-03-01', p.n, p.until, '{}', cdp.ltv_agg(NULL, NULL, e.occurred_at, 'UTC'), '{}', '{}'
FROM (VALUES (1, 2, '2025-02-03 10:00+00'::timestamptz), (2, 2, '2025-02-03 10:00+00'), (3, 1, '2025-02-07 10:00+00'),
             (4, 1, '2025-02-07 10:00+00'), (5, 1, NULL), (6, 1, '2025-02-11 10:00+00'), (7, 3, NULL)) p(id, n, until)
JOIN identifiers i ON i.profile_id = p.id
JOIN events e ON e.anchor = i.identifier
GROUP BY p.id, p.n, p.until;
-- 8 was merged into 7 by the link; 9 came apart from 5 again.
INSERT INTO merges (merged_id, profile_id, merged_into, merged_at, cause, anchor, identifier, former_identifier, undone_at, undone_cause) VALUES
    (8, 7, 7, '2025-02-20', 'link', 'user_id:5', 'user_id:6', 'user_id:6', NULL, NULL),
    (9, 5, 5, '2025-02-15', 'event', 'user_id:4', 'cookie:till', 'cookie:till', '2025-02-20', 'rules'),
    (9, 6, 6, NULL, 'event', NULL, NULL, NULL, '2025-02-21', 'event');
SELECT setval(pg_get_serial_sequence('profiles', 'profile_id'), 9);
SELECT * FROM cdp.check('hand');

-- Does it past the guards, shows what check says, and undoes it.
CREATE FUNCTION public.corrupt(what text) RETURNS TABLE (kind text, key text, stored text, expected text)
LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
BEGIN
    EXECUTE what;
    GET DIAGNOSTICS n = ROW_COUNT;
    IF n = 0 THEN
        RAISE EXCEPTION 'nothing was corrupted';
    END IF;
    RETURN QUERY SELECT c.kind, c.key, e.said, x.said
                 FROM cdp.check('hand') c
                 CROSS JOIN LATERAL (SELECT string_agg(coalesce('event ' || d.n, w.word), ' ' ORDER BY w.place)
                                     FROM regexp_split_to_table(replace(c.stored, 'event ', ''), ' ') WITH ORDINALITY w(word, place)
                                     LEFT JOIN public.day d ON cdp.event_id(d.n::text)::text = w.word) e(said)
                 CROSS JOIN LATERAL (SELECT string_agg(coalesce('event ' || d.n, w.word), ' ' ORDER BY w.place)
                                     FROM regexp_split_to_table(replace(c.expected, 'event ', ''), ' ') WITH ORDINALITY w(word, place)
                                     LEFT JOIN public.day d ON cdp.event_id(d.n::text)::text = w.word) x(said)
                 ORDER BY 1, 2, 3;
    RAISE EXCEPTION 'undo' USING ERRCODE = 'U0000';
EXCEPTION WHEN SQLSTATE 'U0000' THEN
    NULL;
END
$$;
\pset format unaligned
\pset tuples_only on
\pset null (none)

-- Rows of identifiers: who anchors since when, who is generic, who is only of a decision.
SELECT * FROM corrupt($$UPDATE identifiers SET anchored_at = '2025-02-03 10:00+00' WHERE identifier = 'user_id:1'$$);
SELECT * FROM corrupt($$UPDATE identifiers SET anchored_at = NULL WHERE identifier = 'loyalty:8'$$);
SELECT * FROM corrupt($$UPDATE identifiers SET anchored_at = first_seen WHERE identifier = 'loyalty:7'$$);
SELECT * FROM corrupt($$UPDATE identifiers SET generic = false WHERE identifier = 'cookie:till'$$);
SELECT * FROM corrupt($$UPDATE identifiers SET generic = true WHERE identifier = 'device:d'$$);
SELECT * FROM corrupt($$UPDATE identifiers SET profile_id = 5 WHERE identifier = 'cookie:till'$$);
SELECT * FROM corrupt($$DELETE FROM identifiers WHERE identifier = 'cookie:till'$$);
SELECT * FROM corrupt($$DELETE FROM identifiers WHERE identifier = 'email:never@example.com'$$);
SELECT * FROM corrupt($$UPDATE identifiers SET first_seen = '2025-02-20', last_seen = '2025-02-20' WHERE identifier = 'email:never@example.com'$$);
SELECT * FROM corrupt($$INSERT INTO identifiers VALUES ('device:000000', NULL, '2025-02-08 10:00+00', '2025-02-08 10:00+00')$$);

-- Who was seen with whom.
SELECT * FROM corrupt($$DELETE FROM identifier_companions WHERE identifier = 'cookie:a' AND companion = 'user_id:2'$$);
SELECT * FROM corrupt($$DELETE FROM identifier_companions WHERE identifier = 'cookie:till' AND companion = 'user_id:5'$$);
SELECT * FROM corrupt($$INSERT INTO identifier_companions VALUES ('cookie:till', 'user_id:6')$$);
SELECT * FROM corrupt($$INSERT INTO identifier_companions VALUES ('user_id:2', 'cookie:a')$$);

-- Rules that had another effect than they should: the till's threshold, a blocked pattern, a form of values.
SELECT * FROM corrupt($$UPDATE identifier_namespaces SET generic_after = 4 WHERE namespace = 'cookie'$$);
SELECT * FROM corrupt($$UPDATE identifier_namespaces SET generic_after = 2 WHERE namespace = 'cookie'$$);
SELECT * FROM corrupt($$UPDATE blocked_identifiers SET enabled = false WHERE value = '^ZZ'$$);
SELECT * FROM corrupt($$UPDATE blocked_identifiers SET value = '7' WHERE kind = 'repeated' AND namespace = 'device'$$);
SELECT * FROM corrupt($$UPDATE identifier_namespaces SET pattern = NULL WHERE namespace = 'loyalty'$$);
SELECT * FROM corrupt($$UPDATE identifier_namespaces SET pattern = '^7$' WHERE namespace = 'loyalty'$$);
SELECT * FROM corrupt($$UPDATE identifier_namespaces SET can_anchor = false WHERE namespace = 'loyalty'$$);
SELECT * FROM corrupt($$UPDATE identifier_namespaces SET can_merge = true WHERE namespace = 'loyalty'$$);
SELECT * FROM corrupt($$UPDATE identifier_namespaces SET max_per_profile = 2 WHERE namespace = 'user_id'$$);

-- Refusals: none, another reason, one that the order of time does not ask for.
SELECT * FROM corrupt($$DELETE FROM identity_refusals WHERE reason = 'merge'$$);
SELECT * FROM corrupt($$UPDATE identity_refusals SET reason = 'limit' WHERE reason = 'merge'$$);
SELECT * FROM corrupt($$UPDATE identity_refusals SET reason = 'limit' WHERE reason = 'separated'$$);
SELECT * FROM corrupt($$DELETE FROM identity_refusals WHERE identifier = 'cookie:till' AND anchor IS NULL$$);
SELECT * FROM corrupt($$UPDATE identity_refusals SET occurred_at = occurred_at - interval '1 day' WHERE reason = 'limit'$$);
SELECT * FROM corrupt($$UPDATE identity_refusals SET reason = 'blocked' WHERE reason = 'generic' AND anchor = 'user_id:3'$$);
-- The later of two that compete for cookie:a has it.
SELECT * FROM corrupt($$
WITH link AS (UPDATE identity_links SET anchor = 'user_id:2', occurred_at = '2025-02-03 10:00+00', event_id = cdp.event_id('3') WHERE identifier = 'cookie:a'),
     refusal AS (UPDATE identity_refusals SET anchor = 'user_id:1', occurred_at = '2025-02-02 10:00+00', event_id = cdp.event_id('2') WHERE reason = 'limit')
UPDATE identifiers SET profile_id = 2 WHERE identifier = 'cookie:a'$$);
-- What was separated is one.
SELECT * FROM corrupt($$
WITH gone AS (DELETE FROM identity_refusals WHERE reason = 'separated' RETURNING *),
     link AS (INSERT INTO identity_links SELECT anchor, 'device:d', occurred_at, event_id FROM gone)
UPDATE identifiers SET profile_id = 6 WHERE identifier = 'device:d'$$);

-- Decisions: one less, one more, one against the other, and what they join.
SELECT * FROM corrupt($$DELETE FROM identity_decisions WHERE kind = 'link'$$);
SELECT * FROM corrupt($$DELETE FROM identity_decisions WHERE kind = 'separate' AND identifier_a = 'device:d'$$);
SELECT * FROM corrupt($$INSERT INTO identity_decisions VALUES ('user_id:1', 'user_id:4', 'link', '2025-02-20', 'lan')$$);
SELECT * FROM corrupt($$INSERT INTO identity_decisions VALUES ('cookie:a', 'user_id:1', 'separate', '2025-02-20', 'lan')$$);
SELECT * FROM corrupt($$INSERT INTO identity_decisions VALUES ('cookie:q', 'user_id:1', 'separate', '2025-02-20', 'lan')$$);
SELECT * FROM corrupt($$
WITH link AS (INSERT INTO identity_decisions VALUES ('device:d', 'user_id:1', 'link', '2025-02-20', 'lan'))
INSERT INTO identity_decisions VALUES ('email:x@example.com', 'user_id:1', 'link', '2025-02-20', 'lan')$$);
SELECT * FROM corrupt($$UPDATE identifiers SET profile_id = 5 WHERE identifier = 'user_id:6'$$);

-- What may come apart.
SELECT * FROM corrupt($$UPDATE profiles SET contested_until = NULL WHERE profile_id = 4$$);
SELECT * FROM corrupt($$UPDATE profiles SET contested_until = '-infinity' WHERE profile_id = 1$$);
SELECT * FROM corrupt($$UPDATE profiles SET contested_until = '-infinity' WHERE profile_id = 7$$);
SELECT * FROM corrupt($$UPDATE profiles SET contested_until = '2025-02-07 10:00+00' WHERE profile_id = 2$$);

-- Merges: what was undone does not count, and is nobody's former id.
SELECT * FROM corrupt($$UPDATE merges SET undone_at = '2025-02-22', undone_cause = 'rules' WHERE merged_id = 8$$);
SELECT * FROM corrupt($$UPDATE profiles SET identifier_count = 2 WHERE profile_id = 5$$);
SELECT * FROM corrupt($$UPDATE merges SET merged_id = 10 WHERE undone_cause = 'rules'$$);
SELECT * FROM corrupt($$UPDATE merges SET profile_id = 11 WHERE undone_cause = 'rules'$$);
SELECT * FROM corrupt($$UPDATE merges SET former_identifier = 'user_id:4' WHERE merged_id = 8$$);
SELECT * FROM corrupt($$UPDATE merges SET merged_into = 12 WHERE merged_id = 8$$);

\pset format aligned
\pset tuples_only off
\pset null ''
SELECT * FROM cdp.check('hand');
-- An undone merge is not followed.
SELECT cdp.canonical('hand', 8) AS merged, cdp.canonical('hand', 9) AS undone, cdp.canonical('hand', 5) AS itself;

SET client_min_messages = warning;
DROP SCHEMA hand CASCADE;
DROP TABLE public.day;
DROP FUNCTION public.corrupt;
