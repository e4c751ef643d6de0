-- Who may do what: an application that sends events, an analyst who reads, an editor of segments,
-- an owner. The grants are those that the README gives.
\set SHOW_CONTEXT never
SET timezone = 'UTC';
CREATE ROLE regress_cdp_app;
CREATE ROLE regress_cdp_analyst;
CREATE ROLE regress_cdp_marketer;
CREATE ROLE regress_cdp_owner;
CREATE ROLE regress_cdp_colleague;

-- The owner makes the workspace, and needs no more than the right to make a schema.
SELECT format('GRANT CREATE ON DATABASE %I TO regress_cdp_owner', current_database()) \gexec
SET ROLE regress_cdp_owner;
SELECT cdp.create_workspace('shop');

-- The application.
GRANT USAGE ON SCHEMA shop TO regress_cdp_app;
GRANT INSERT ON shop.events TO regress_cdp_app;
-- The analyst.
GRANT USAGE ON SCHEMA shop TO regress_cdp_analyst;
GRANT SELECT ON ALL TABLES IN SCHEMA shop TO regress_cdp_analyst;
-- The marketer: customers and segments, not the events.
GRANT USAGE ON SCHEMA shop TO regress_cdp_marketer;
GRANT SELECT ON shop.customers, shop.profiles, shop.identifiers, shop.segment_changes, shop.segment_errors TO regress_cdp_marketer;
GRANT SELECT, INSERT, UPDATE, DELETE ON shop.segments TO regress_cdp_marketer;
-- A colleague of the owner's.
RESET ROLE;
GRANT regress_cdp_owner TO regress_cdp_colleague;

-- The application inserts: one by one, many, and by COPY.
SET ROLE regress_cdp_app;
INSERT INTO shop.events (event, identifiers, amount, currency, traits, occurred_at) VALUES
    ('Order Completed', '{user_id:1,email:an@example.com,cookie:c}', 20, 'USD', '{"plan": "gold"}', '2025-01-01');
INSERT INTO shop.events (event_id, event, identifiers, occurred_at)
SELECT cdp.event_id('shop-' || n), 'Page Viewed', ARRAY['cookie:' || n], '2025-01-02' FROM generate_series(1, 3) n;
-- The same again: skipped.
INSERT INTO shop.events (event_id, event, identifiers, occurred_at)
SELECT cdp.event_id('shop-' || n), 'Page Viewed', ARRAY['cookie:' || n], '2025-01-02' FROM generate_series(1, 3) n;
COPY shop.events (event, identifiers, occurred_at) FROM stdin;
Signed In	{user_id:1,cookie:2}	2025-01-03
\.

-- And can do nothing else.
SELECT * FROM shop.events;
INSERT INTO shop.events (event) VALUES ('x') RETURNING event_id;
UPDATE shop.events SET event = 'y';
DELETE FROM shop.events;
TRUNCATE shop.events;
SELECT * FROM shop.profiles;
SELECT * FROM shop.customers;
SELECT * FROM shop.identifiers;
SELECT * FROM shop.settings;
INSERT INTO shop.profiles (profile_id) VALUES (1);
INSERT INTO shop.segments (name, predicate) VALUES ('x', 'true');
INSERT INTO shop.blocked_identifiers (value) VALUES ('1');
CREATE TABLE shop.mine (x int);
CREATE TRIGGER mine BEFORE INSERT ON shop.events FOR EACH ROW EXECUTE FUNCTION cdp.normalise_event();
SELECT cdp.profile_of('shop', 'user_id:1');
SELECT cdp.canonical('shop', 1);
SELECT * FROM cdp.timeline('shop', 1);
SELECT * FROM cdp.check('shop');
SELECT * FROM cdp.status('shop');
SELECT cdp.rebuild('shop');
SELECT cdp.reevaluate('shop');
SELECT cdp.detach('shop');
SELECT cdp.drop_workspace('shop');
SELECT cdp.rebuild_begin('shop', false);
SELECT cdp.rebuild_finish('shop', 'rebuild');
SELECT cdp.attach_triggers('shop');
SET cdp.clock = '2020-01-01';
SELECT cdp.create_workspace('mine');
RESET ROLE;

-- The analyst reads, and writes nothing.
SET ROLE regress_cdp_analyst;
SELECT cdp.total(ltv, 'USD') AS total, traits->>'plan' AS plan, event_count
FROM shop.profiles WHERE profile_id = cdp.profile_of('shop', 'email:an@example.com');
SELECT event FROM cdp.timeline('shop', cdp.profile_of('shop', 'cookie:c'));
SELECT email, identifiers FROM shop.customers WHERE user_id = '1';
SELECT * FROM cdp.check('shop');
SELECT item, value FROM cdp.status('shop') WHERE topic = 'rows' AND item IN ('events', 'profiles');
INSERT INTO shop.events (event) VALUES ('x');
INSERT INTO shop.segments (name, predicate) VALUES ('x', 'true');
UPDATE shop.settings SET default_currency = 'EUR';
SELECT cdp.rebuild('shop');
SELECT cdp.reevaluate('shop');
RESET ROLE;

-- The marketer defines segments, and sees who is in them.
SET ROLE regress_cdp_marketer;
INSERT INTO shop.segments (name, predicate) VALUES ('gold', $$traits->>'plan' = 'gold'$$);
SELECT email, segments FROM shop.customers WHERE 'gold' = ANY (segments);
SELECT segment, entered, cause FROM shop.segment_changes;
UPDATE shop.segments SET predicate = 'event_count > 100' WHERE name = 'gold';
SELECT count(*) AS members FROM shop.customers WHERE 'gold' = ANY (segments);
INSERT INTO shop.segments (name, predicate) VALUES ('spy', 'EXISTS (SELECT FROM shop.events)');
DELETE FROM shop.segments;
SELECT count(*) FROM shop.events;
SELECT count(*) FROM shop.profiles;
RESET ROLE;

-- The owner and the owner's colleagues run it; even they do not write past the engine.
SET ROLE regress_cdp_colleague;
UPDATE shop.settings SET default_region = 'VN';
SELECT cdp.rebuild('shop');
SELECT cdp.reevaluate('shop');
SELECT * FROM cdp.check('shop');
DELETE FROM shop.events;
UPDATE shop.profiles SET event_count = 0;
INSERT INTO shop.identifiers VALUES ('user_id:9', NULL, now(), now());
SELECT cdp.drop_workspace('shop');
RESET ROLE;

SELECT format('REVOKE CREATE ON DATABASE %I FROM regress_cdp_owner', current_database()) \gexec
DROP ROLE regress_cdp_app, regress_cdp_analyst, regress_cdp_marketer, regress_cdp_colleague, regress_cdp_owner;
