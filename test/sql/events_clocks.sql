-- Times of clocks that go wrong: what is received in the future, and what occurred before there were events.
\pset format unaligned
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET cdp.clock = '2024-03-01 12:00+00';
SELECT cdp.create_workspace('clocks');
SET search_path = clocks, public;
-- Stored times, and the effective one everywhere
CREATE VIEW public.clocks_state AS
SELECT e.event, e.occurred_at, e.received_at, cdp.effective_at(e.occurred_at, e.received_at, s.earliest_event) AS at, p.first_seen, p.last_seen
FROM events e CROSS JOIN settings s LEFT JOIN identifiers i ON i.identifier = e.anchor LEFT JOIN profiles p USING (profile_id);

-- Nothing was received later than now; what was received before stays
INSERT INTO events (event_id, event, identifiers, occurred_at, received_at) VALUES
    (cdp.event_id('1'), 'relay in 2029', '{user_id:1}', '2029-05-01+00', '2029-05-01+00'), (cdp.event_id('2'), 'now', '{user_id:2}', '2024-03-01 12:00+00', '2024-03-01 12:00+00'),
    (cdp.event_id('3'), 'a moment later', '{user_id:3}', '2024-03-01 11:00+00', '2024-03-01 12:00:00.000001+00'), (cdp.event_id('4'), 'before', '{user_id:4}', '2024-02-01+00', '2024-02-02+00'),
    (cdp.event_id('5'), 'the last instant', '{user_id:5}', '294276-12-31 23:59:59.999999+00', '294276-12-31 23:59:59.999999+00');
COPY events (event_id, event, identifiers, occurred_at, received_at) FROM stdin;
00000000-0000-0000-0000-000000000006	copied	{user_id:6}	2031-01-01 00:00+00	2031-01-01 00:00+00
\.
-- What is left out is filled in: received now, and occurred when it was received
INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('7'), 'no times', '{user_id:7}');
INSERT INTO events (event_id, event, identifiers, received_at) VALUES (cdp.event_id('8'), 'received only', '{user_id:8}', '2024-02-10+00'), (cdp.event_id('9'), 'received in 2029', '{user_id:9}', '2029-02-10+00');
INSERT INTO events (event_id, event, identifiers, occurred_at, received_at) VALUES (cdp.event_id('10'), 'nulls', '{user_id:10}', NULL, NULL), (cdp.event_id('11'), 'occurs in 2029', '{user_id:11}', '2029-01-01+00', NULL);
SELECT * FROM clocks_state ORDER BY event;
SELECT column_default FROM information_schema.columns WHERE table_schema = 'clocks' AND table_name = 'events' AND column_name IN ('occurred_at', 'received_at') ORDER BY column_name;
-- ... by the real clock where none is set; and by the one that is set back
SET cdp.clock = '';
INSERT INTO events (event_id, event, identifiers, occurred_at, received_at) VALUES (cdp.event_id('12'), 'real', '{user_id:12}', clock_timestamp() + interval '1 day', clock_timestamp() + interval '1 day'),
    (cdp.event_id('13'), 'real, past', '{user_id:13}', '2024-06-01+00', '2024-06-01+00');
SELECT event, received_at < now() AS earlier, received_at > now() - interval '1 minute' AS just_now FROM events WHERE event LIKE 'real%' ORDER BY 1;
INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('14'), 'plain', '{user_id:14}');
SELECT occurred_at = received_at AS same, received_at BETWEEN now() - interval '1 minute' AND clock_timestamp() AS now FROM events WHERE event = 'plain';
SET cdp.clock = '2020-01-01 00:00+00';
INSERT INTO events (event_id, event, identifiers, occurred_at, received_at) VALUES (cdp.event_id('15'), 'set back', '{user_id:15}', '2019-01-01+00', '2024-01-01+00');
SELECT * FROM clocks_state WHERE event = 'set back';
SET cdp.clock = '2024-03-01 12:00+00';
-- ... rows that come while the triggers are off stay as they are
SET session_replication_role = replica;
INSERT INTO events (event_id, event, identifiers, occurred_at, received_at) VALUES (cdp.event_id('16'), 'past the triggers', '{user_id:16}', '2030-01-01+00', '2030-01-02+00');
RESET session_replication_role;
SELECT cdp.rebuild('clocks');
SELECT * FROM clocks_state WHERE event = 'past the triggers';
-- ... infinite times are errors as ever, and so are times that are none
INSERT INTO events (event, received_at) VALUES ('Bad', 'infinity');
INSERT INTO events (event, occurred_at) VALUES ('Bad', '-infinity');
SELECT * FROM cdp.check('clocks');

-- The rule: what occurred before earliest_event counts when it was received
SELECT n, cdp.effective_at(o, r, e) FROM (VALUES (1, timestamptz '2024-01-01+00', timestamptz '2024-01-02+00', timestamptz '1995-01-01+00'), (2, '2024-01-03+00', '2024-01-02+00', '1995-01-01+00'),
    (3, '1970-01-01+00', '2024-01-02+00', '1995-01-01+00'), (4, '1994-12-31 23:59:59.999999+00', '2024-01-02+00', '1995-01-01+00'), (5, '1995-01-01+00', '2024-01-02+00', '1995-01-01+00'),
    (6, '0001-01-01+00', '1970-01-01+00', '1995-01-01+00'), (7, '1970-01-01+00', '0001-01-01+00', '1995-01-01+00'), (8, '2024-01-01+00', '1970-01-01+00', '1995-01-01+00'),
    (9, '0001-01-01+00', '2024-01-02+00', '-infinity'), (10, '2024-01-01+00', '2024-01-02+00', 'infinity')) AS v (n, o, r, e) ORDER BY n;
SELECT cdp.effective_at(NULL, '2024-01-02+00', '1995-01-01+00') IS NULL AS strict, provolatile, proparallel FROM pg_proc WHERE oid = 'cdp.effective_at(timestamptz,timestamptz,timestamptz)'::regprocedure;
SELECT cdp.earliest_event('clocks');
SELECT cdp.earliest_event('nowhere');

-- ... for profiles, identifiers, evidence, traits, values, computed traits, timeline and readers alike
SELECT cdp.create_workspace('earliest');
SET search_path = earliest, public;
INSERT INTO computed_traits (name, kind, event, expression) VALUES ('first_sku', 'first', 'Order', 'properties->>''sku'''), ('orders', 'count', 'Order', NULL);
INSERT INTO events (event_id, event, identifiers, occurred_at, received_at, traits, amount, properties) VALUES
    (cdp.event_id('e1'), 'Order', '{user_id:1,cookie:1}', '0001-01-01+00', '2024-02-10 08:00+00', '{"plan": "year one"}', 10, '{"sku": "A"}'),
    (cdp.event_id('e2'), 'Order', '{user_id:1,cookie:1}', '1970-01-01+00', '2024-02-12 08:00+00', '{"plan": "epoch"}', 20, '{"sku": "B"}'),
    (cdp.event_id('e3'), 'Order', '{user_id:1,cookie:1}', '2024-02-11 08:00+00', '2024-02-13 08:00+00', '{"plan": "right"}', 40, '{"sku": "C"}'),
    (cdp.event_id('e4'), 'Order', '{user_id:2,cookie:1}', '4713-01-01+00 BC', '2024-02-09 08:00+00', NULL, 80, '{"sku": "D"}');
CREATE VIEW public.earliest_state AS
SELECT p.profile_id, p.first_seen, p.last_seen, p.event_count, p.traits->>'plan' AS plan, cdp.first_purchase_at(p.ltv, 'USD') AS first_purchase, cdp.last_purchase_at(p.ltv, 'USD') AS last_purchase,
       (SELECT string_agg(d.day || ':' || d.net, ' ' ORDER BY d.day) FROM cdp.daily_net(p.ltv) d) AS days, p.computed->>'first_sku' AS first_sku,
       (SELECT string_agg(cdp.text(i.identifier) || '@' || i.first_seen || '..' || i.last_seen, ' ' ORDER BY i.identifier) FROM identifiers i WHERE i.profile_id = p.profile_id) AS identifiers
FROM profiles p ORDER BY p.profile_id;
TABLE earliest_state;
SELECT anchor, identifier, occurred_at, event_id = cdp.event_id('e1') AS by_e1 FROM identity_links ORDER BY anchor;
SELECT identifier, anchor, reason, occurred_at FROM identity_refusals;
SELECT at, amount FROM cdp.timeline('earliest', cdp.profile_of('earliest', 'user_id:1'));
SELECT identifier_from, identifier_to, at, event FROM cdp.explain_identity('earliest', 'cookie:1', 'user_id:2');
SELECT cdp.identity_graph('earliest', cdp.profile_of('earliest', 'user_id:2')) ~ '2024-02-09 08:00 Order' AS graph_names_the_event;
SELECT occurred_at FROM events ORDER BY 1;
-- ... no row for each day of centuries
SELECT * FROM cdp.cohort_retention('earliest', 'day');
SELECT count(*) FROM cdp.cohort_retention('earliest', 'day', count_free => true);
SELECT * FROM cdp.check('earliest');
SELECT cdp.rebuild('earliest');
TABLE earliest_state;
-- A trait that is defined afterwards is filled by the same rule
DELETE FROM computed_traits WHERE name = 'first_sku';
INSERT INTO computed_traits (name, kind, event, expression) VALUES ('first_sku', 'first', 'Order', 'properties->>''sku''');
SELECT profile_id, first_sku FROM earliest_state;

-- A change of the setting derives anew what it concerns
UPDATE settings SET earliest_event = '0001-06-01+00';
TABLE earliest_state;
SELECT * FROM cdp.check('earliest');
UPDATE settings SET earliest_event = '-infinity';
SELECT first_seen, event_count, plan, first_sku FROM earliest_state;
SELECT identifier, anchor, reason, occurred_at FROM identity_refusals;
SELECT * FROM cdp.check('earliest');
-- ... also where all days are far apart the readers stay small
SELECT cohort, period, customers, active, retention_rate FROM cdp.cohort_retention('earliest', 'day');
SELECT cohort, period, revenue FROM cdp.cohort_revenue('earliest', 'day');
SELECT unit, (SELECT count(*) FROM cdp.cohort_retention('earliest', unit)) AS retention, (SELECT count(*) FROM cdp.cohort_revenue('earliest', unit)) AS revenue
FROM unnest(ARRAY['day', 'week', 'month', 'quarter', 'year']) AS unit;
UPDATE settings SET earliest_event = '2024-02-11 08:00:01+00';
SELECT first_seen, last_seen, event_count, plan, days FROM earliest_state;
SELECT * FROM cdp.check('earliest');
BEGIN;
UPDATE settings SET earliest_event = 'infinity';
SELECT first_seen, last_seen, event_count, plan FROM earliest_state;
SELECT * FROM cdp.check('earliest');
ROLLBACK;
UPDATE settings SET earliest_event = NULL;
UPDATE settings SET earliest_event = DEFAULT;
TABLE earliest_state;
SELECT * FROM cdp.check('earliest');

-- What does not matter derives nothing: no profile is written
CREATE FUNCTION public.clocks_written(change text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    before tid[] := ARRAY(SELECT p.ctid FROM earliest.profiles p ORDER BY 1);
BEGIN
    EXECUTE change;
    RETURN (SELECT count(*) FROM earliest.profiles p WHERE p.ctid <> ALL (before));
END
$$;
SELECT clocks_written('UPDATE earliest.settings SET earliest_event = earliest_event') AS same, clocks_written('UPDATE earliest.settings SET default_currency = ''EUR''') AS currency,
       clocks_written('UPDATE earliest.settings SET time_zone = ''UTC'', vietnam_2018 = true, default_region = NULL') AS all_the_same,
       clocks_written('UPDATE earliest.settings SET earliest_event = ''1996-01-01+00''') > 0 AS another, clocks_written('UPDATE earliest.settings SET time_zone = ''Asia/Tokyo'', default_currency = ''USD''') > 0 AS zone;
-- ... the currency takes effect all the same
UPDATE settings SET default_currency = 'VND';
INSERT INTO events (event_id, event, identifiers, amount) VALUES (cdp.event_id('e5'), 'Order', '{user_id:3}', 5);
SELECT currency FROM events WHERE event_id = cdp.event_id('e5');
SELECT * FROM cdp.check('earliest');

DROP FUNCTION public.clocks_written;
DROP VIEW public.clocks_state, public.earliest_state;
SET client_min_messages = warning;
DROP SCHEMA clocks, earliest CASCADE;
