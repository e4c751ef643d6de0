-- The views customers and profiles_now show what their reader may see.
\pset format unaligned
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET cdp.clock = '2024-03-01 12:00+00';
SELECT cdp.create_workspace('shop');
INSERT INTO shop.events (event, identifiers, traits) VALUES ('a', '{user_id:1,email:a@example.com}', '{"country": "VN"}'), ('a', '{user_id:2}', '{"country": "FR"}');
INSERT INTO shop.segments VALUES ('old', $$last_seen < now() - interval '1 day'$$);
SET cdp.clock = '2024-03-03 12:00+00';
CREATE ROLE regress_cdp_reader;
GRANT USAGE ON SCHEMA shop TO regress_cdp_reader;
GRANT SELECT ON shop.customers, shop.profiles_now TO regress_cdp_reader;
SET ROLE regress_cdp_reader;
SELECT user_id FROM shop.customers;
SELECT profile_id FROM shop.profiles_now;
RESET ROLE;
-- A right to some columns is not enough: the view reads others
GRANT SELECT (profile_id, event_count) ON shop.profiles TO regress_cdp_reader;
SET ROLE regress_cdp_reader;
SELECT sum(event_count) FROM shop.customers;
SELECT user_id FROM shop.customers;
RESET ROLE;
GRANT SELECT ON shop.profiles, shop.identifiers TO regress_cdp_reader;
SET ROLE regress_cdp_reader;
SELECT user_id, email FROM shop.customers ORDER BY 1;
SELECT segments ? 'old' AS old FROM shop.profiles_now;
RESET ROLE;
-- Row security on profiles, and on identifiers
ALTER TABLE shop.profiles ENABLE ROW LEVEL SECURITY;
CREATE POLICY country ON shop.profiles TO regress_cdp_reader USING (traits->>'country' = 'VN');
ALTER TABLE shop.identifiers ENABLE ROW LEVEL SECURITY;
CREATE POLICY no_email ON shop.identifiers TO regress_cdp_reader USING (cdp.namespace(identifier) <> 'email');
SET ROLE regress_cdp_reader;
SELECT user_id, email, identifiers FROM shop.customers ORDER BY 1;
SELECT traits->>'country' AS country, segments ? 'old' AS old FROM shop.profiles_now;
SELECT count(*) FROM shop.profiles;
RESET ROLE;
SELECT count(*) FROM shop.customers;
SELECT count(*) FROM shop.profiles_now;
SELECT * FROM cdp.check('shop');
DROP OWNED BY regress_cdp_reader;
DROP ROLE regress_cdp_reader;
SELECT cdp.drop_workspace('shop');
