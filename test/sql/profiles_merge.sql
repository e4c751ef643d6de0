-- Merges: who survives, what becomes of the other's id, identifiers, values and segments.
\pset format unaligned
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET cdp.clock = '2024-03-01 12:00+00';
SELECT cdp.create_workspace('merge');
SET search_path = merge, public;
CREATE SEQUENCE public.merge_hours;
-- One event, an hour after the one before; its amount is a power of two, so that a sum says which events are in it
CREATE FUNCTION public.see(identifiers text[], traits jsonb DEFAULT NULL) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    n bigint := nextval('public.merge_hours');
BEGIN
    INSERT INTO merge.events (event_id, event, identifiers, occurred_at, amount, traits)
    VALUES (cdp.event_id('e' || n), 'e' || n, identifiers, timestamptz '2024-01-01 00:00+00' + n * interval '1 hour', power(2::numeric, n - 1)::bigint, traits);
    RETURN cdp.profile_of('merge', identifiers[1]);
END
$$;
CREATE VIEW public.merge_profiles AS
SELECT p.profile_id, p.event_count AS events, p.identifier_count AS n, cdp.total(p.ltv, 'USD')::bigint::bit(16) AS events_in_it, p.segments::text[] AS segments,
       (SELECT string_agg(cdp.text(identifier), ' ' ORDER BY identifier) FROM identifiers i WHERE i.profile_id = p.profile_id) AS identifiers,
       (SELECT array_agg(merged_id ORDER BY merged_id) FROM merges m WHERE m.profile_id = p.profile_id) AS former
FROM profiles p;
CREATE VIEW public.merge_log AS
SELECT m.merged_id, m.profile_id, m.merged_into, m.merged_at, e.event, m.anchor, m.identifier FROM merges m LEFT JOIN events e USING (event_id);

-- The larger profile survives: the customer who is known keeps the id when a device joins, whichever id is smaller
SELECT see('{cookie:a}') AS stranger, see('{user_id:a,email:a@example.com}') AS customer;
SELECT see('{user_id:a,cookie:a}') AS one;
SELECT * FROM merge_profiles ORDER BY 1;
SELECT * FROM merge_log ORDER BY 1;
SELECT cdp.canonical('merge', 1) AS former, cdp.canonical('merge', 2) AS surviving, cdp.canonical('merge', 99) AS unknown;
-- On a tie the smaller id
SELECT see('{cookie:d}') AS d, see('{cookie:d,device:d}') AS d, see('{cookie:b}') AS b, see('{cookie:c}') AS c;
SELECT see('{cookie:c,cookie:b}') AS one;
SELECT * FROM merge_profiles WHERE identifiers ~ 'cookie:b' ORDER BY 1;
-- Former ids count: two identifiers and a former id are more than two, though the id is larger
SELECT see('{cookie:d,cookie:b}') AS one;
SELECT * FROM merge_profiles WHERE identifiers ~ 'cookie:b' ORDER BY 1;
SELECT * FROM merge_log ORDER BY 1;
-- Chains: what was merged into the loser resolves to the survivor, in one step
SELECT see('{user_id:a,cookie:b}') AS one;
SELECT * FROM merge_profiles ORDER BY 1;
SELECT * FROM merge_log ORDER BY 1;
SELECT id, cdp.canonical('merge', id) FROM generate_series(1, 6) AS id;
SELECT * FROM cdp.check('merge');

-- Three and more by one event, and several merges in one statement
SELECT see('{cookie:e}') AS e, see('{cookie:f}') AS f, see('{device:g}') AS g;
SELECT see('{cookie:e,cookie:f,device:g}') AS one;
SELECT * FROM merge_profiles WHERE identifiers ~ 'cookie:e' ORDER BY 1;
INSERT INTO events (event_id, event, identifiers, occurred_at) SELECT cdp.event_id('m' || i), 'm' || i, ARRAY['cookie:m' || i], '2024-02-01' FROM generate_series(1, 8) AS i;
INSERT INTO events (event_id, event, identifiers, occurred_at) SELECT cdp.event_id('n' || i), 'n' || i, ARRAY['cookie:m' || i, 'cookie:m' || i + 1], '2024-02-02'::timestamptz + i * interval '1 minute' FROM generate_series(1, 7) AS i;
SELECT profile_id, events, n, identifiers, former FROM merge_profiles WHERE identifiers ~ 'cookie:m' ORDER BY 1;
SELECT merged_id, profile_id, merged_into, event, anchor, identifier FROM merge_log WHERE event ~ '^n' ORDER BY event;
-- ... also where nothing had been stored before: then nobody is merged
INSERT INTO events (event_id, event, identifiers) SELECT cdp.event_id('o' || i), 'o' || i, ARRAY['cookie:o' || i, 'cookie:o' || i + 1] FROM unnest(ARRAY[1, 3, 5, 2, 4]) AS i;
SELECT count(*) AS profiles, sum(events) AS events, sum(n) AS n, count(former) AS former FROM merge_profiles WHERE identifiers ~ 'cookie:o';
-- ... and where known and new ones meet in any order

INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('q1'), 'q1', '{cookie:q1}'), (cdp.event_id('q2'), 'q2', '{cookie:q2}');
INSERT INTO events (event_id, event, identifiers, occurred_at) VALUES (cdp.event_id('q3'), 'q3', '{user_id:q,cookie:q2}', '2024-02-03 03:00'), (cdp.event_id('q4'), 'q4', '{user_id:q,cookie:q3}', '2024-02-03 01:00'),
  (cdp.event_id('q5'), 'q5', '{cookie:q3,cookie:q1}', '2024-02-03 02:00');
SELECT profile_id, events, n, identifiers, former FROM merge_profiles WHERE identifiers ~ 'cookie:q' ORDER BY 1;
SELECT merged_id, profile_id, merged_into, event, anchor, identifier FROM merge_log WHERE event ~ '^q' ORDER BY event;
SELECT * FROM cdp.check('merge');

-- Values: each column is merged; traits by their times, amounts all, first and last of both
INSERT INTO events (event_id, event, identifiers, occurred_at, traits, amount, currency, source) VALUES
  (cdp.event_id('v1'), 'v1', '{cookie:v1}', '2024-01-05 00:00+00', '{"city": "Hue", "plan": "free", "old": 1}', 1.5, 'USD', 'web'),
  (cdp.event_id('v2'), 'v2', '{cookie:v2}', '2024-01-03 00:00+00', '{"city": "Vinh", "name": "An"}', -0.25, 'USD', 'app'),
  (cdp.event_id('v3'), 'v3', '{cookie:v2}', '2024-01-07 00:00+00', '{"plan": "gold", "old": null}', 100000, 'VND', 'app');
INSERT INTO events (event_id, event, identifiers, occurred_at) VALUES (cdp.event_id('v4'), 'v4', '{cookie:v1,cookie:v2}', '2024-01-06 00:00+00');
SELECT event_count, first_seen, last_seen, traits::jsonb, cdp.total(ltv, 'USD') AS usd, cdp.total(ltv, 'VND') AS vnd, cdp.purchases(ltv), cdp.refunds(ltv)
FROM profiles WHERE profile_id = cdp.profile_of('merge', 'cookie:v1');
SELECT key, value, observed_at, source FROM profiles, cdp.trait_entries(traits) WHERE profile_id = cdp.profile_of('merge', 'cookie:v1') ORDER BY 1;
SELECT at, event FROM cdp.timeline('merge', cdp.profile_of('merge', 'cookie:v2'));
-- The timeline of a former id is the survivor's
SELECT string_agg(event, ' ' ORDER BY at, event) AS of_former, (SELECT string_agg(event, ' ' ORDER BY at, event) FROM cdp.timeline('merge', 2)) AS of_surviving FROM cdp.timeline('merge', 4);

-- Segments: the survivor's entries stay as they are, the other leaves what it was in; each has its cause
SET cdp.clock = '2024-03-01 12:00+00';
INSERT INTO segments VALUES ('buyers', 'cdp.purchases(ltv) > 0'), ('two', 'event_count >= 2'), ('vn', $$traits->>'country' = 'VN'$$);
INSERT INTO events (event_id, event, identifiers, amount, traits) VALUES (cdp.event_id('s1'), 's', '{user_id:s,cookie:s1}', 5, '{"country": "US"}');
SET cdp.clock = '2024-03-01 13:00+00';
INSERT INTO events (event_id, event, identifiers, amount, traits) VALUES (cdp.event_id('s2'), 's', '{cookie:s2}', 5, '{"country": "VN"}');
SET cdp.clock = '2024-03-01 14:00+00';
INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('s3'), 's', '{cookie:s1,cookie:s2}');
SELECT p.profile_id = cdp.profile_of('merge', 'user_id:s') AS surviving, segments FROM profiles p WHERE p.profile_id = cdp.profile_of('merge', 'cookie:s2');
SELECT profile_id = cdp.profile_of('merge', 'user_id:s') AS surviving, segment, entered, at, cause FROM segment_changes
WHERE cdp.canonical('merge', profile_id) = cdp.profile_of('merge', 'user_id:s') ORDER BY at, 1, 2, 3;
-- ... of several merged at once
INSERT INTO events (event_id, event, identifiers, amount) SELECT cdp.event_id('t' || i), 't', ARRAY['cookie:t' || i], 1 FROM generate_series(1, 3) AS i;
INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('t'), 't', '{cookie:t3,cookie:t1,cookie:t2}');
SELECT profile_id = cdp.profile_of('merge', 'cookie:t1') AS surviving, segment, entered, count(*), string_agg(DISTINCT cause, ',') AS cause FROM segment_changes
WHERE cdp.canonical('merge', profile_id) = cdp.profile_of('merge', 'cookie:t1') GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
SELECT * FROM cdp.check('merge');

-- Two strangers who had been refused to each other, then meet by others: only what is not over a limit
INSERT INTO events (event_id, event, identifiers, occurred_at) VALUES (cdp.event_id('w1'), 'w', '{user_id:w1,cookie:w1}', '2024-02-10 01:00'), (cdp.event_id('w2'), 'w', '{user_id:w2,cookie:w2}', '2024-02-10 02:00'),
  (cdp.event_id('w3'), 'w', '{cookie:w3,device:w3}', '2024-02-10 03:00');
INSERT INTO events (event_id, event, identifiers, occurred_at) VALUES (cdp.event_id('w4'), 'w', '{cookie:w1,cookie:w3,cookie:w2}', '2024-02-10 04:00');
SELECT profile_id = cdp.profile_of('merge', 'cookie:w3') AS with_w3, events, n, identifiers FROM merge_profiles WHERE identifiers ~ ':w' ORDER BY identifiers;
SELECT identifier, anchor, reason, detail FROM identity_refusals;

-- A savepoint that is rolled back undoes a merge
INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('x1'), 'x', '{cookie:x1}'), (cdp.event_id('x2'), 'x', '{cookie:x2}');
BEGIN;
SAVEPOINT s;
INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('x3'), 'x', '{cookie:x1,cookie:x2}');
SELECT cdp.profile_of('merge', 'cookie:x1') = cdp.profile_of('merge', 'cookie:x2') AS one;
ROLLBACK TO s;
SELECT cdp.profile_of('merge', 'cookie:x1') = cdp.profile_of('merge', 'cookie:x2') AS one;
INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('x4'), 'x', '{cookie:x1}');
COMMIT;
SELECT events, n, identifiers, former FROM merge_profiles WHERE identifiers ~ 'cookie:x' ORDER BY identifiers;

-- A component that grows link by link, and two large ones that meet: each identifier is in one profile, each id resolves in one step
INSERT INTO events (event_id, event, identifiers) SELECT cdp.event_id('y' || i), 'y', ARRAY['cookie:y' || i] FROM generate_series(1, 300) AS i;
INSERT INTO events (event_id, event, identifiers) SELECT cdp.event_id('yy' || i), 'y', ARRAY['cookie:y' || i, 'cookie:y' || i + 2] FROM generate_series(1, 298) AS i ORDER BY md5(i::text);
SELECT count(*), count(DISTINCT profile_id) FROM identifiers WHERE cdp.value(identifier) LIKE 'y%';
INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('yyy'), 'y', '{cookie:y7,cookie:y110}');
SELECT count(*), count(DISTINCT profile_id) FROM identifiers WHERE cdp.value(identifier) LIKE 'y%';
SELECT count(*) AS former, count(DISTINCT profile_id) AS survivors, bool_and(EXISTS (SELECT FROM profiles p WHERE p.profile_id = m.profile_id)) AS there,
       bool_or(EXISTS (SELECT FROM profiles p WHERE p.profile_id = m.merged_id)) AS back FROM merges m WHERE identifier::text LIKE 'cookie:y%';
SELECT events, n FROM merge_profiles WHERE identifiers ~ 'cookie:y1 ';
SELECT * FROM cdp.check('merge');

DROP VIEW public.merge_profiles, public.merge_log;
DROP FUNCTION public.see;
DROP SEQUENCE public.merge_hours;
SET client_min_messages = warning;
DROP SCHEMA merge CASCADE;
