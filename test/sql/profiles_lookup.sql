-- profile_of, canonical, timeline, and the view customers.
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SET cdp.clock = '2025-03-01 12:00+00';
SELECT cdp.create_workspace('shop');

-- An Nguyen browses, signs in, comes back by phone; Binh is somebody else; the last event is
-- nobody's. Event times are out of order, and one lies after the time of its receipt.
INSERT INTO shop.events (event_id, occurred_at, event, source, identifiers, amount, currency, traits, properties) VALUES
    (cdp.event_id('1'), '2025-02-01 10:00+00', 'Page Viewed', 'web', '{cookie:c1}', NULL, NULL, NULL, '{"path": "/"}'),
    (cdp.event_id('2'), '2025-02-03 10:00+00', 'Order Completed', 'shop', '{phone:+84981553602}', 20.50, 'USD', '{"first_name": "An", "last_name": "Nguyễn"}', NULL),
    (cdp.event_id('3'), '2025-02-02 10:00+00', 'Page Viewed', 'app', '{email:binh@example.com,user_id:7}', NULL, NULL, '{"name": "Bình", "plan": "gold"}', NULL),
    (cdp.event_id('4'), '2099-01-01 00:00+00', 'Order Completed', 'web', '{user_id:8}', 5, 'USD', NULL, NULL),
    (cdp.event_id('5'), '2025-02-04 10:00+00', 'Stock Counted', 'shop', '{}', NULL, NULL, NULL, NULL);

-- Unknown, invalid, blocked and structurally faulty identifiers.
SELECT cdp.profile_of('shop', 'cookie:c1') IS NOT NULL AS cookie,
       cdp.profile_of('shop', ' Email:BINH@Example.com ') = cdp.profile_of('shop', 'user_id:7') AS canonical_form,
       cdp.profile_of('shop', 'cookie:c2') AS unknown,
       cdp.profile_of('shop', 'email:nobody') AS invalid,
       cdp.profile_of('shop', 'user_id:null') AS blocked,
       cdp.profile_of('shop', 'phone:0981553602') AS no_region,
       cdp.profile_of('shop', NULL) AS nothing;
SELECT cdp.profile_of('shop', 'no namespace');
SELECT cdp.profile_of('shop', 'email:');

-- A national number is completed as the workspace's events are.
UPDATE shop.settings SET default_region = 'VN';
SELECT cdp.profile_of('shop', 'phone:0981553602') = cdp.profile_of('shop', 'phone:+84981553602') AS with_region;

-- Two profiles, by the order of their events: the cookie's and the phone's. Then they become one.
SELECT cdp.profile_of('shop', 'cookie:c1') AS cookie, cdp.profile_of('shop', 'phone:+84981553602') AS phone \gset before_
SELECT :before_cookie <> :before_phone AS apart;
INSERT INTO shop.events (event_id, occurred_at, event, source, identifiers) VALUES
    (cdp.event_id('6'), '2025-02-05 10:00+00', 'Signed In', 'app', '{cookie:c1,phone:0981553602,email:an@example.com}'),
    (cdp.event_id('7'), '2025-02-06 10:00+00', 'Signed In', 'app', '{cookie:c1,email:an.nguyen@example.com}'),
    (cdp.event_id('8'), '2025-02-06 10:00+00', 'Signed In', 'app', '{cookie:c1,email:an.binh@example.com}');
SELECT cdp.profile_of('shop', 'cookie:c1') AS id \gset an_
SELECT cdp.profile_of('shop', 'phone:+84981553602') = :an_id AS together,
       cdp.canonical('shop', :before_cookie) = :an_id AS canonical_cookie,
       cdp.canonical('shop', :before_phone) = :an_id AS canonical_phone,
       (SELECT count(*) FROM shop.merges) AS merges,
       cdp.canonical('shop', 999999) AS never_was,
       cdp.canonical('shop', NULL) AS nothing;

-- The timeline is that of both, by any of the ids, in the order of the effective time.
SELECT at, event, source, amount, currency, identifiers, traits, properties
FROM cdp.timeline('shop', :an_id);
SELECT count(*) AS by_former_ids
FROM cdp.timeline('shop', :before_cookie) a
JOIN cdp.timeline('shop', :before_phone) b USING (event_id);
SELECT event_id = cdp.event_id('4') AS fourth, at, event FROM cdp.timeline('shop', cdp.profile_of('shop', 'user_id:8'));
SELECT count(*) AS nobodys FROM cdp.timeline('shop', 999999);
SELECT count(*) AS nothing FROM cdp.timeline('shop', NULL);

-- Events of one instant are in the order of their ids.
INSERT INTO shop.events (event_id, occurred_at, event, identifiers)
SELECT ('00000000-0000-4000-8000-00000000000' || i)::uuid, '2025-02-07 00:00+00', 'e' || i, '{cookie:same}'
FROM unnest('{3,1,2}'::int[]) i;
SELECT event FROM cdp.timeline('shop', cdp.profile_of('shop', 'cookie:same'));

-- customers: the e-mail last seen, on one day the smallest; the name from its parts or whole.
INSERT INTO shop.segments (name, predicate) VALUES
    ('buyer', 'cdp.purchases(ltv) > 0'), ('all', 'event_count > 0');
SELECT email, phone, user_id, name, traits, identifiers, purchases, first_seen, last_seen, event_count, segments
FROM shop.customers
WHERE profile_id <> cdp.profile_of('shop', 'cookie:same')
ORDER BY identifiers;
SELECT jsonb_pretty(value) AS value FROM shop.customers WHERE profile_id = :an_id;
SELECT count(*) = (SELECT count(*) FROM shop.profiles) AS all_there FROM shop.customers;

-- Names.
SELECT cdp.customer_name(cdp.traits(t)) AS name
FROM unnest(ARRAY['{"name": " An ", "first_name": "x"}', '{"name": "", "full_name": "An N"}', '{"fullName": "An N"}',
                  '{"display_name": "an"}', '{"firstName": "An", "lastName": "N"}', '{"given_name": "An"}',
                  '{"family_name": "N", "first_name": " "}', '{"first_name": "", "plan": "gold"}',
                  '{"name": null}']::jsonb[]) WITH ORDINALITY u(t, i)
ORDER BY i;

-- Every column is described.
SELECT a.attname
FROM pg_attribute a
WHERE a.attrelid = 'shop.customers'::regclass AND a.attnum > 0
  AND coalesce(length(col_description(a.attrelid, a.attnum)), 0) < 10;

-- No workspace.
DO $$
DECLARE
    call text;
    message text;
    hint text;
BEGIN
    FOREACH call IN ARRAY ARRAY[
        $c$SELECT cdp.profile_of('nowhere', 'cookie:c1')$c$,
        $c$SELECT cdp.canonical('nowhere', 1)$c$,
        $c$SELECT count(*) FROM cdp.timeline('nowhere', 1)$c$,
        $c$SELECT cdp.profile_of('public', 'cookie:c1')$c$] LOOP
        BEGIN
            EXECUTE call;
            RAISE NOTICE '%: no error', call;
        EXCEPTION WHEN invalid_schema_name THEN
            GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
            RAISE NOTICE '%: % (%)', call, message, hint;
        END;
    END LOOP;
END
$$;

-- A name that needs quotes; the caller's search_path does not matter.
SELECT cdp.create_workspace('My "Shop"');
INSERT INTO "My ""Shop""".events (event, identifiers) VALUES ('x', '{user_id:1}');
SET search_path = '';
SELECT count(*) AS one FROM cdp.timeline('My "Shop"', cdp.profile_of('My "Shop"', 'user_id:1'));
SELECT cdp.canonical('My "Shop"', profile_id) = profile_id AS same, user_id FROM "My ""Shop""".customers;
SELECT * FROM cdp.check('My "Shop"');
RESET search_path;
SELECT * FROM cdp.check('shop');
SELECT cdp.drop_workspace('My "Shop"');
SELECT cdp.drop_workspace('shop');
