-- cdp.check: silent when all is well, and exact about each thing that is not.
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET cdp.clock = '2025-03-01 12:00+00';
SELECT cdp.create_workspace('shop');
UPDATE shop.settings SET time_zone = 'Asia/Ho_Chi_Minh';
INSERT INTO shop.segments (name, predicate) VALUES
    ('buyer', 'cdp.purchases(ltv) > 0 -- and "paid"'),
    ('gold', $$traits->>'plan' = 'gold'$$),
    ('grown', $$(traits->>'age')::int >= 18$$);

INSERT INTO shop.events (event_id, occurred_at, event, source, identifiers, amount, currency, traits) VALUES
    -- An: a cookie first, then she signs in. Bought at 23:30 UTC: the next day in Vietnam.
    (cdp.event_id('an 1'), '2025-02-01 08:00+00', 'Page Viewed', 'web', '{cookie:a}', NULL, NULL, NULL),
    (cdp.event_id('an 2'), '2025-02-02 09:00+00', 'Signed In', 'web', '{cookie:a,user_id:1,email:an@example.com}', NULL, NULL,
     '{"name": "An", "plan": "gold", "age": 30}'),
    (cdp.event_id('an 3'), '2025-02-03 23:30+00', 'Order Completed', 'web', '{user_id:1,cookie:a}', 20.50, 'USD', '{"plan": "free"}'),
    (cdp.event_id('an 4'), '2025-02-05 10:00+00', 'Order Refunded', 'shop', '{user_id:1}', -5.25, 'USD', '{"name": null}'),
    (cdp.event_id('an 5'), '2025-02-06 10:00+00', 'Order Completed', 'app', '{user_id:1}', 100000, 'VND', NULL),
    -- Binh: a shared browser cannot be his too, and junk is nobody.
    (cdp.event_id('binh 1'), '2025-02-04 10:00+00', 'Signed In', 'web', '{user_id:2,cookie:a}', NULL, NULL, '{"age": "unknown"}'),
    (cdp.event_id('binh 2'), '2025-02-07 10:00+00', 'Signed In', 'app', '{user_id:2,email:none,email:binh,device:d}', NULL, NULL, '{"plan": "gold"}'),
    -- Nobody.
    (cdp.event_id('nobody 1'), '2025-02-08 10:00+00', 'Stock Counted', NULL, '{}', 3, 'USD', NULL),
    (cdp.event_id('nobody 2'), '2025-02-08 11:00+00', 'Page Viewed', NULL, '{cookie:undefined,phone:12}', NULL, NULL, NULL);
-- Chi: the phone and the e-mail become one, in a statement of its own.
INSERT INTO shop.events (event_id, occurred_at, event, identifiers, amount, currency) VALUES
    (cdp.event_id('chi 1'), '2025-02-01 10:00+00', 'Order Completed', '{phone:+84981553602}', 10, 'USD'),
    (cdp.event_id('chi 2'), '2025-02-02 10:00+00', 'Order Completed', '{email:chi@example.com}', 1, 'USD');
INSERT INTO shop.events (event_id, occurred_at, event, identifiers) VALUES
    (cdp.event_id('chi 3'), '2025-02-03 10:00+00', 'Signed In', '{phone:+84981553602,email:chi@example.com}');

SELECT * FROM cdp.check('shop');

-- What the workspace is, for the reader of what follows.
SELECT identifiers, event_count, traits, segments FROM shop.customers ORDER BY identifiers;
SELECT anchor, identifier FROM shop.identity_links ORDER BY 1, 2;
SELECT anchor, identifier, reason FROM shop.identity_refusals ORDER BY 1 NULLS FIRST, 2;

-- Profiles and events by name instead of by number.
CREATE TABLE who AS
SELECT 'profile ' || profile_id AS number, 'profile of An' AS name FROM shop.identifiers WHERE identifier = 'user_id:1'
UNION ALL
SELECT 'profile ' || profile_id, 'profile of Binh' FROM shop.identifiers WHERE identifier = 'user_id:2'
UNION ALL
SELECT 'profile ' || profile_id, 'profile of Chi' FROM shop.identifiers WHERE identifier = 'email:chi@example.com'
UNION ALL
SELECT 'profile ' || merged_id, 'former profile of Chi' FROM shop.merges
UNION ALL
SELECT event_id::text, name
FROM unnest('{an 1,an 2,an 3,an 4,an 5,binh 1,binh 2,nobody 1,nobody 2,chi 1,chi 2,chi 3}'::text[]) name,
     LATERAL (SELECT cdp.event_id(name)) e(event_id);
CREATE FUNCTION named(INOUT said text) LANGUAGE plpgsql AS $$
DECLARE
    w who;
BEGIN
    FOR w IN SELECT * FROM who LOOP
        said := regexp_replace(said, '\m' || w.number || '\M', w.name, 'g');
    END LOOP;
END
$$;
SELECT cdp.profile_of('shop', 'user_id:1') AS an, cdp.profile_of('shop', 'user_id:2') AS binh,
       cdp.profile_of('shop', 'email:chi@example.com') AS chi, merged_id AS former_chi
FROM shop.merges \gset

-- Does it past the guards, shows what check says, and undoes it. (What a function has returned is
-- not taken back with the rest.)
CREATE FUNCTION corrupt(what text) RETURNS TABLE (kind text, key text, stored text, expected text)
LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
BEGIN
    SET LOCAL session_replication_role = replica;
    EXECUTE what;
    GET DIAGNOSTICS n = ROW_COUNT;
    IF n = 0 THEN
        RAISE EXCEPTION 'nothing was corrupted';
    END IF;
    SET LOCAL session_replication_role = origin;
    RETURN QUERY SELECT c.kind, named(c.key), named(c.stored), named(c.expected)
                 FROM cdp.check('shop') c ORDER BY 1, 2, 3;
    RAISE EXCEPTION 'undo' USING ERRCODE = 'U0000';
EXCEPTION WHEN SQLSTATE 'U0000' THEN
    NULL;
END
$$;
\pset format unaligned
\pset tuples_only on
\pset null (none)

-- Events.
SELECT * FROM corrupt($$INSERT INTO shop.events SELECT * FROM shop.events WHERE event_id = cdp.event_id('nobody 1')$$);
SELECT * FROM corrupt($$DELETE FROM shop.event_ids WHERE event_id = cdp.event_id('an 1')$$);
SELECT * FROM corrupt($$UPDATE shop.events SET anchor = 'cookie:a' WHERE event_id = cdp.event_id('an 3')$$);
SELECT * FROM corrupt($$UPDATE shop.events SET anchor = NULL WHERE event_id = cdp.event_id('chi 1')$$);
SELECT * FROM corrupt($$UPDATE shop.events SET anchor = 'user_id:2' WHERE event_id = cdp.event_id('nobody 1')$$);

-- Identifiers.
SELECT * FROM corrupt($$DELETE FROM shop.identifiers WHERE identifier = 'device:d'$$);
SELECT * FROM corrupt($$INSERT INTO shop.identifiers VALUES ('device:x', NULL, now(), now())$$);
SELECT * FROM corrupt($$UPDATE shop.identifiers SET first_seen = first_seen - interval '1 us' WHERE identifier = 'device:d'$$);
SELECT * FROM corrupt($$UPDATE shop.identifiers SET last_seen = '2025-02-05' WHERE identifier = 'user_id:1'$$);
SELECT * FROM corrupt($$UPDATE shop.identifiers SET profile_id = NULL WHERE identifier = 'phone:+84981553602'$$);
SELECT * FROM corrupt($$UPDATE shop.identifiers SET profile_id = 999 WHERE identifier = 'device:d'$$);
SELECT * FROM corrupt(format('UPDATE shop.identifiers SET profile_id = %s WHERE identifier = ''device:d''', :an));
SELECT * FROM corrupt(format('INSERT INTO shop.identifiers VALUES (''device:x'', %s, now(), now())', :an));

-- Evidence.
SELECT * FROM corrupt($$DELETE FROM shop.identity_links WHERE identifier = 'cookie:a'$$);
SELECT * FROM corrupt($$DELETE FROM shop.identity_links WHERE identifier = 'email:an@example.com'$$);
SELECT * FROM corrupt($$UPDATE shop.identity_links SET event_id = cdp.event_id('an 3') WHERE identifier = 'cookie:a'$$);
SELECT * FROM corrupt($$UPDATE shop.identity_links SET occurred_at = occurred_at + interval '1 us' WHERE identifier = 'cookie:a'$$);
SELECT * FROM corrupt($$INSERT INTO shop.identity_links VALUES ('user_id:2', 'email:an@example.com', '2025-02-04', cdp.event_id('binh 1'))$$);
SELECT * FROM corrupt($$INSERT INTO shop.identity_links VALUES ('cookie:a', 'email:an@example.com', '2025-02-04', cdp.event_id('an 2'))$$);

-- Refused evidence.
SELECT * FROM corrupt($$DELETE FROM shop.identity_refusals WHERE reason = 'limit'$$);
SELECT * FROM corrupt($$DELETE FROM shop.identity_refusals WHERE identifier = 'email:binh'$$);
SELECT * FROM corrupt($$DELETE FROM shop.identity_refusals WHERE identifier = 'email:none'$$);
SELECT * FROM corrupt($$DELETE FROM shop.identity_refusals WHERE identifier = 'phone:12'$$);
SELECT * FROM corrupt($$INSERT INTO shop.identity_refusals SELECT * FROM shop.identity_refusals WHERE identifier = 'phone:12'$$);
SELECT * FROM corrupt($$UPDATE shop.identity_refusals SET anchor = 'user_id:1' WHERE identifier = 'email:binh'$$);
SELECT * FROM corrupt($$UPDATE shop.identity_refusals SET event_id = cdp.event_id('binh 2') WHERE reason = 'limit'$$);
SELECT * FROM corrupt($$UPDATE shop.identity_refusals SET reason = 'invalid' WHERE identifier = 'cookie:undefined'$$);
SELECT * FROM corrupt($$INSERT INTO shop.identity_refusals VALUES ('email:x', 'user_id:1', 'invalid', NULL, '2025-02-04', cdp.event_id('an 1'))$$);
-- A refusal that no limit asks for: the link that it takes the place of is gone, and so is the identifier.
SELECT * FROM corrupt($$
WITH gone AS (DELETE FROM shop.identity_links WHERE identifier = 'device:d' RETURNING *),
     out AS (UPDATE shop.identifiers SET profile_id = NULL WHERE identifier = 'device:d'),
     less AS (UPDATE shop.profiles SET identifier_count = 1 WHERE identifier_count = 2 AND event_count = 2)
INSERT INTO shop.identity_refusals SELECT 'device:d', anchor, 'limit', NULL, occurred_at, event_id FROM gone$$);
-- The limit broken: what was refused, joined.
SELECT * FROM corrupt(format($$
WITH gone AS (DELETE FROM shop.identity_refusals WHERE reason = 'limit' RETURNING *),
     more AS (UPDATE shop.identifiers SET profile_id = %s WHERE profile_id = %s)
INSERT INTO shop.identity_links SELECT anchor, 'cookie:a', occurred_at, event_id FROM gone$$, :an, :binh));
-- Refused, and yet joined.
SELECT * FROM corrupt(format('UPDATE shop.identifiers SET profile_id = %s WHERE identifier = ''cookie:a''', :binh));

-- A sequence that lags behind.
SELECT setval(pg_get_serial_sequence('shop.profiles', 'profile_id'), 1) IS NOT NULL;
SELECT kind, key FROM cdp.check('shop');
SELECT setval(pg_get_serial_sequence('shop.profiles', 'profile_id'), 1000) IS NOT NULL;

-- Merges.
SELECT * FROM corrupt($$UPDATE shop.merges SET profile_id = 999$$);
SELECT * FROM corrupt(format('UPDATE shop.merges SET profile_id = %s', :an));
SELECT * FROM corrupt($$UPDATE shop.merges SET merged_into = 999$$);
SELECT * FROM corrupt($$DELETE FROM shop.merges$$);
SELECT * FROM corrupt(format('INSERT INTO shop.merges VALUES (%s, %s, %s, now(), ''event'')', :an, :chi, :chi));
SELECT * FROM corrupt(format('INSERT INTO shop.merges VALUES (998, %s, %s, now(), ''event'')', :former_chi, :former_chi));

-- Profiles.
SELECT * FROM corrupt(format('DELETE FROM shop.profiles WHERE profile_id = %s', :binh));
SELECT * FROM corrupt($$INSERT INTO shop.profiles VALUES (999, now(), now(), 3, now(), NULL, 0, NULL, '{}', (SELECT ltv FROM shop.profiles WHERE cdp.currencies(ltv) = '{}' LIMIT 1), '{}', '{}')$$);
SELECT * FROM corrupt(format('UPDATE shop.profiles SET event_count = 7 WHERE profile_id = %s', :an));
SELECT * FROM corrupt(format($$UPDATE shop.profiles SET first_seen = '2025-02-01 08:00:00.000001+00' WHERE profile_id = %s$$, :an));
SELECT * FROM corrupt(format($$UPDATE shop.profiles SET last_seen = '2025-02-01 08:00+00' WHERE profile_id = %s$$, :an));
SELECT * FROM corrupt(format('UPDATE shop.profiles SET identifier_count = 1 WHERE profile_id = %s', :chi));

-- Traits: a value, its number of digits, its time, its event, its source; a key too many, too few; unset.
SELECT * FROM corrupt(format($$UPDATE shop.profiles SET traits = replace(traits::text, '"value": 30', '"value": 31')::cdp.traits WHERE profile_id = %s$$, :an));
SELECT * FROM corrupt(format($$UPDATE shop.profiles SET traits = replace(traits::text, '"value": 30', '"value": 30.0')::cdp.traits WHERE profile_id = %s$$, :an));
SELECT * FROM corrupt(format($$UPDATE shop.profiles SET traits = replace(traits::text, '2025-02-03', '2025-02-04')::cdp.traits WHERE profile_id = %s$$, :an));
SELECT * FROM corrupt(format($$UPDATE shop.profiles SET traits = replace(traits::text, cdp.event_id('an 3')::text, cdp.event_id('an 5')::text)::cdp.traits WHERE profile_id = %s$$, :an));
SELECT * FROM corrupt(format($$UPDATE shop.profiles SET traits = replace(traits::text, '"source": "shop"', '"source": "web"')::cdp.traits WHERE profile_id = %s$$, :an));
SELECT * FROM corrupt(format($$UPDATE shop.profiles SET traits = cdp.merge(traits, cdp.traits('{"x": 1}', '2025-02-01', cdp.event_id('an 1'), NULL)) WHERE profile_id = %s$$, :an));
SELECT * FROM corrupt(format($$UPDATE shop.profiles SET traits = '{}' WHERE profile_id = %s$$, :an));
SELECT * FROM corrupt(format($$UPDATE shop.profiles SET traits = cdp.merge(traits, cdp.traits('{"name": "An"}', '2025-02-07', cdp.event_id('an 5'), NULL)) WHERE profile_id = %s$$, :an));

-- Lifetime value.
SELECT * FROM corrupt(format($$UPDATE shop.profiles SET ltv = cdp.merge(ltv, cdp.ltv(0.01, 'USD', '2025-02-04', 'Asia/Ho_Chi_Minh')) WHERE profile_id = %s$$, :an));
SELECT * FROM corrupt(format($$UPDATE shop.profiles SET ltv = cdp.merge(ltv, cdp.ltv(-1, 'VND', '2025-02-07', 'Asia/Ho_Chi_Minh')) WHERE profile_id = %s$$, :an));
SELECT * FROM corrupt(format($$UPDATE shop.profiles SET ltv = cdp.merge(ltv, cdp.ltv(1, 'EUR', '2025-02-04', 'Asia/Ho_Chi_Minh')) WHERE profile_id = %s$$, :an));
SELECT * FROM corrupt(format($$UPDATE shop.profiles SET ltv = (SELECT cdp.ltv_agg(amount, currency, occurred_at, 'UTC') FROM shop.events WHERE anchor = 'user_id:1') WHERE profile_id = %s$$, :an));

-- Segments, and their history.
SELECT * FROM corrupt(format('UPDATE shop.profiles SET segments = ''{}'' WHERE profile_id = %s', :binh));
SELECT * FROM corrupt(format('UPDATE shop.profiles SET segments = segments || ''{gold@2025-03-01T12:00:00Z}'' WHERE profile_id = %s', :an));
SELECT * FROM corrupt(format('UPDATE shop.profiles SET segments = segments || ''{grown}'' WHERE profile_id = %s', :binh));
SELECT * FROM corrupt(format('UPDATE shop.profiles SET segments = ''{gone}'' WHERE profile_id = %s', :binh));
SELECT * FROM corrupt(format('UPDATE shop.profiles SET segments = ''{gold}'' WHERE profile_id = %s', :binh));
SELECT * FROM corrupt($$DELETE FROM shop.segment_changes WHERE segment = 'gold' AND entered AND profile_id = $$ || :binh);
SELECT * FROM corrupt($$INSERT INTO shop.segment_changes SELECT * FROM shop.segment_changes WHERE segment = 'gold' AND profile_id = $$ || :binh);
SELECT * FROM corrupt($$UPDATE shop.segment_changes SET at = at + interval '1 second' WHERE segment = 'gold' AND profile_id = $$ || :binh);
SELECT * FROM corrupt($$UPDATE shop.segment_changes SET entered = false WHERE segment = 'gold' AND profile_id = $$ || :binh);
-- A definition changed behind the engine's back; one that it would refuse is not run.
SELECT * FROM corrupt($$UPDATE shop.segments SET predicate = 'event_count = 3' WHERE name = 'gold'$$);
SELECT * FROM corrupt($$UPDATE shop.segments SET predicate = 'pg_sleep(1000) IS NULL' WHERE name = 'gold'$$);
SELECT * FROM corrupt($$UPDATE shop.segments SET predicate = 'true) OR (true' WHERE name = 'gold'$$);
SELECT * FROM corrupt($$DELETE FROM shop.segments WHERE name = 'grown'$$);

\pset format aligned
\pset tuples_only off
\pset null ''

-- All is well again.
SELECT * FROM cdp.check('shop');

-- Events that have expired live on in opening balances.
BEGIN;
SET LOCAL session_replication_role = replica;
INSERT INTO shop.opening_balances
SELECT e.anchor, min(e.occurred_at), max(e.occurred_at), count(*),
       coalesce(cdp.traits_agg(e.traits, e.occurred_at, e.event_id, e.source), '{}'),
       cdp.ltv_agg(e.amount, e.currency, e.occurred_at, 'Asia/Ho_Chi_Minh'), '{}'
FROM shop.events e WHERE e.occurred_at < '2025-02-05' AND e.anchor IN ('user_id:1', 'cookie:a') GROUP BY e.anchor;
DELETE FROM shop.events WHERE occurred_at < '2025-02-05' AND anchor IN ('user_id:1', 'cookie:a');
SET LOCAL session_replication_role = origin;
SELECT kind, named(key) AS key, stored, expected FROM cdp.check('shop');
SET LOCAL session_replication_role = replica;
UPDATE shop.opening_balances SET event_count = event_count + 1, first_seen = first_seen - interval '1 day' WHERE anchor = 'cookie:a';
SET LOCAL session_replication_role = origin;
SELECT kind, named(key) AS key, stored, expected FROM cdp.check('shop') ORDER BY 1, 2;
ROLLBACK;

-- It reads one snapshot and writes nothing: fit for a standby.
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT * FROM cdp.check('shop');
SELECT pg_current_xact_id_if_assigned() IS NULL AS no_transaction_id;
COMMIT;

SELECT * FROM cdp.check('nowhere');
SELECT cdp.drop_workspace('shop');
DROP TABLE who;
DROP FUNCTION corrupt, named;
