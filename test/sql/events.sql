-- Events in, profiles out: what the contract says of one event and its columns.
\pset format unaligned
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET cdp.clock = '2024-03-01 12:00+00';
SELECT cdp.create_workspace('events_test');
SET search_path = events_test, public;

-- The contract's example: three identifiers, one person
INSERT INTO events_test.events (event_id, event, identifiers, traits, properties, amount, currency, occurred_at, source) VALUES
  (cdp.event_id('m1'), 'Order Completed', '{user_id:42,email:An@Example.com,cookie:c1}', '{"plan": "gold"}', '{"sku": "A1"}', 1200.50, 'USD',
   '2024-03-01 11:59:30+00', 'web');
SELECT event, occurred_at, received_at, source, amount, currency, anchor, identifiers, traits, properties FROM events;
SELECT profile_id, first_seen, last_seen, event_count, evaluated_at, next_evaluation_at, identifier_count, traits, ltv, segments FROM profiles;
SELECT * FROM identifiers ORDER BY identifier;
SELECT anchor, identifier, occurred_at, event_id = cdp.event_id('m1') AS by_it FROM identity_links ORDER BY identifier;
SELECT count(*), bool_and(event_id = cdp.event_id('m1')) FROM event_ids;
SELECT count(*) FROM identity_refusals;
SELECT traits->>'plan' AS plan, cdp.total(ltv, 'USD'), cdp.purchases(ltv), cdp.refunds(ltv), cdp.total(ltv, 'VND') AS never_seen FROM profiles;

-- What is left out is filled in: id, times by the clock, no identifiers, the currency of an amount
INSERT INTO events (event) VALUES ('Looked');
INSERT INTO events (event_id, event, occurred_at, received_at, identifiers, traits, amount, currency) VALUES (NULL, 'Nulls', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO events (event, amount, currency) VALUES ('Tip', 3, NULL), ('Tip', 4, 'vnd'), ('Tip', 5, 'VND'), ('No money', NULL, 'vnd'), ('No money', NULL, NULL);
SELECT event, event_id IS NOT NULL AS has_id, occurred_at, received_at, source, amount, currency, anchor, identifiers, traits, properties
FROM events WHERE event <> 'Order Completed' ORDER BY event, amount, currency;
-- Nobody's: stored, and in no profile
SELECT count(*) AS profiles, sum(event_count) AS in_profiles, (SELECT count(*) FROM events) AS events, (SELECT count(*) FROM event_ids) AS ids FROM profiles;

-- Null elements and repeats are ignored, also a repeat in another spelling
INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('m2'), 'Click', ARRAY[NULL, 'cookie:c2', 'cookie:c2', NULL, ' COOKIE:c2 ', 'email:B@X.com', 'Email:b@x.com']);
INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('m3'), 'Click', '{NULL}'), (cdp.event_id('m4'), 'Click', '{}');
SELECT identifiers, anchor FROM events WHERE event = 'Click' ORDER BY event_id = cdp.event_id('m2') DESC, identifiers;
SELECT identifier, profile_id FROM identifiers WHERE profile_id <> 1 ORDER BY 1;
SELECT anchor, identifier FROM identity_links WHERE event_id = cdp.event_id('m2');

-- As received: never rewritten, whatever its canonical form; lower bounds of an array do not matter
INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('m5'), 'Sign up', '[5:6]={ Email: Chi@EXAMPLE.com ,PHONE:+84 98 155 36 02}'),
  (cdp.event_id('m6'), 'Sign up', '{loyalty:A:B:C,Store_Card:  x Y }');
SELECT identifiers, anchor FROM events WHERE event = 'Sign up' ORDER BY anchor;
SELECT identifier, cdp.profile_of('events_test', cdp.text(identifier)) = profile_id AS found FROM identifiers WHERE profile_id > 2 ORDER BY 1;

-- The effective time is the earlier of occurred_at and received_at: for profiles, identifiers, evidence, traits and amounts alike
INSERT INTO events (event_id, event, occurred_at, received_at, identifiers, traits, amount) VALUES
  (cdp.event_id('t1'), 'Clock ahead', '2031-01-01 00:00+00', '2024-02-10 08:00+00', '{user_id:t,cookie:t}', '{"a": "ahead", "b": "ahead"}', 1),
  (cdp.event_id('t2'), 'Late', '2024-02-10 07:00+00', '2024-02-29 23:00+00', '{user_id:t,cookie:t}', '{"b": "late", "c": "late"}', 2),
  (cdp.event_id('t3'), 'On time', '2024-02-11 09:00+00', '2024-02-11 09:00+00', '{user_id:t}', '{"c": "on time"}', 4);
SELECT first_seen, last_seen, event_count, traits::jsonb FROM profiles WHERE profile_id = cdp.profile_of('events_test', 'user_id:t');
SELECT key, value, observed_at FROM profiles, cdp.trait_entries(traits) WHERE profile_id = cdp.profile_of('events_test', 'user_id:t') ORDER BY key;
SELECT ltv FROM profiles WHERE profile_id = cdp.profile_of('events_test', 'user_id:t');
SELECT identifier, first_seen, last_seen FROM identifiers WHERE profile_id = cdp.profile_of('events_test', 'user_id:t') ORDER BY identifier;
SELECT anchor, identifier, occurred_at, event_id = cdp.event_id('t2') AS by_the_earliest FROM identity_links WHERE anchor = 'user_id:t';
SELECT at, event, amount FROM cdp.timeline('events_test', cdp.profile_of('events_test', 'user_id:t'));

-- Traits: the last writer wins per key; a JSON null unsets at its time, and a late older value does not bring it back
INSERT INTO events (event_id, event, occurred_at, identifiers, traits, source) VALUES
  (cdp.event_id('j1'), 'identify', '2024-01-03+00', '{user_id:j}', '{"plan": "gold", "city": "Huế", "tags": ["a"], "n": 1.50, "ok": true}', 'app'),
  (cdp.event_id('j2'), 'identify', '2024-01-05+00', '{user_id:j}', '{"plan": null}', 'web'),
  (cdp.event_id('j3'), 'identify', '2024-01-04+00', '{user_id:j}', '{"plan": "silver", "city": "Vinh"}', NULL),
  (cdp.event_id('j4'), 'identify', '2024-01-02+00', '{user_id:j}', '{"city": "Hue", "old": {"x": null}}', 'app');
SELECT traits::jsonb, traits->>'plan' IS NULL AS unset, traits ? 'plan' AS there FROM profiles WHERE profile_id = cdp.profile_of('events_test', 'user_id:j');
SELECT key, value, observed_at, source, is_set FROM profiles, cdp.trait_entries(traits) WHERE profile_id = cdp.profile_of('events_test', 'user_id:j') ORDER BY key;
INSERT INTO events (event_id, event, occurred_at, identifiers, traits) VALUES (cdp.event_id('j5'), 'identify', '2024-01-06+00', '{user_id:j}', '{"plan": "iron"}');
SELECT traits->>'plan' AS set_again FROM profiles WHERE profile_id = cdp.profile_of('events_test', 'user_id:j');
INSERT INTO events (event_id, event, identifiers, traits) VALUES (cdp.event_id('j6'), 'identify', '{user_id:j}', '{}'), (cdp.event_id('j7'), 'identify', '{user_id:j}', NULL);
SELECT event_count, (SELECT count(*) FROM cdp.trait_entries(traits)) AS entries FROM profiles WHERE profile_id = cdp.profile_of('events_test', 'user_id:j');

-- Amounts: exact, per currency; positive a purchase, negative a refund, zero neither; a currency's case does not matter
INSERT INTO events (event_id, event, occurred_at, identifiers, amount, currency) VALUES
  (cdp.event_id('a1'), 'Order', '2024-01-01 10:00+00', '{user_id:a}', 0.001, 'USD'),
  (cdp.event_id('a2'), 'Order', '2024-01-01 11:00+00', '{user_id:a}', 0.002, 'usd'),
  (cdp.event_id('a3'), 'Refund', '2024-01-02 11:00+00', '{user_id:a}', -0.0005, NULL),
  (cdp.event_id('a4'), 'Free', '2024-01-03 11:00+00', '{user_id:a}', 0, 'USD'),
  (cdp.event_id('a5'), 'Order', '2024-01-04 11:00+00', '{user_id:a}', 123456789012345678901234567890.000000001, 'Vnd'),
  (cdp.event_id('a6'), 'Order', '2024-01-04 12:00+00', '{user_id:a}', 0.000000001, 'VND'),
  (cdp.event_id('a7'), 'Looked', '2024-01-05 12:00+00', '{user_id:a}', NULL, 'EUR');
SELECT cdp.total(ltv, 'USD') AS usd, cdp.total(ltv, 'VND') AS vnd, cdp.total(ltv, 'EUR') AS eur, cdp.purchases(ltv), cdp.refunds(ltv), event_count
FROM profiles WHERE profile_id = cdp.profile_of('events_test', 'user_id:a');
SELECT ltv FROM profiles WHERE profile_id = cdp.profile_of('events_test', 'user_id:a');
SELECT amount, currency FROM events WHERE anchor = 'user_id:a' ORDER BY occurred_at;

-- The engine's clock: what is received is dated by it, and a profile is never evaluated before it was
SET cdp.clock = '2024-03-05 09:00+00';
INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('c1'), 'Click', '{user_id:clock}');
SET cdp.clock = '2024-03-04 09:00+00';
INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('c2'), 'Click', '{user_id:clock}');
SELECT occurred_at, received_at FROM events WHERE anchor = 'user_id:clock' ORDER BY occurred_at;
SELECT first_seen, last_seen, evaluated_at FROM profiles WHERE profile_id = cdp.profile_of('events_test', 'user_id:clock');

-- The judge agrees
SELECT * FROM cdp.check('events_test');
SET client_min_messages = warning;
DROP SCHEMA events_test CASCADE;
