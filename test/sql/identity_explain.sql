-- Why identifiers are one person: the path between two, the picture of a profile, and masks.
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET cdp.clock = '2025-03-01 12:00+00';
SELECT cdp.create_workspace('shop');

-- Masks: recognisable, not readable.
SELECT i AS identifier, cdp.mask(i) FROM unnest(ARRAY['email:an@example.com', 'email:x@y.co.vn', 'email:"a b"@example.com', 'email:a@localhost',
    'Email: An@Example.com ', 'email:none', 'email:@', 'phone:+84981553602', 'phone:12', 'cookie:abcdef', 'cookie:abc', 'user_id:7', 'user_id:an@example.com',
    'device:ünïcode', 'a:b:c:d', 'junk', '', E'user_id:two\nlines']) i;
SELECT cdp.mask('email:An@Example.com'::cdp.identifier), cdp.mask(NULL::text);
-- ... nothing of the middle of a value is left.
SELECT count(*), count(*) FILTER (WHERE cdp.mask('email:' || n || 'secret@' || n || 'secret.com') ~ 'secret' OR cdp.mask('cookie:' || n || 'secret') ~ 'secret'
                                     OR cdp.mask('phone:+84' || n || '777777' || n) ~ '777777') AS read
FROM generate_series(1, 200) n;

-- The path. What the events show: 9 joins the two ends directly, but is refused; 2 is earlier than 3.
INSERT INTO shop.events (event_id, occurred_at, received_at, event, source, identifiers) VALUES
    (cdp.event_id('1'), '2025-02-01', '2025-02-01', 'Page Viewed', 'web', '{cookie:a}'),
    (cdp.event_id('2'), '2025-02-02', '2025-02-02', 'Signed In', 'web', '{cookie:a,user_id:1}'),
    (cdp.event_id('3'), '2025-02-03', '2025-02-03', 'Signed In', 'app', '{cookie:a,user_id:1}'),
    (cdp.event_id('4'), '2025-02-04', '2025-02-04', 'Order Completed', 'web', '{user_id:1,email:an@example.com,phone:+84981553602}'),
    (cdp.event_id('5'), '2026-02-05', '2025-02-05', 'Ahead of Time', 'till', '{device:d,email:an@example.com}'),
    (cdp.event_id('6'), '2025-02-06', '2025-02-06', 'Called', NULL, '{phone:+84981553602,device:e}'),
    (cdp.event_id('7'), '2025-02-07', '2025-02-07', 'Called', NULL, '{email:an@example.com,device:e}'),
    (cdp.event_id('8'), '2025-02-08', '2025-02-08', 'Signed In', 'web', '{user_id:2,device:f}'),
    (cdp.event_id('9'), '2025-02-09', '2025-02-09', 'Signed In', 'web', '{user_id:2,cookie:a,cookie:undefined,email:none}');
CREATE FUNCTION explained(a text, b text, mask boolean DEFAULT false) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT concat_ws(' | ', p.step, p.identifier_from || ' - ' || p.identifier_to, p.rule, e.n, p.at::date, p.event, p.source, p.decided_by)
    FROM cdp.explain_identity('shop', a, b, mask) p
    LEFT JOIN generate_series(1, 9) e(n) ON cdp.event_id(e.n::text) = p.event_id
    ORDER BY p.step
$$;
SELECT explained('cookie:a', 'device:d');
SELECT explained('device:d', 'cookie:a');
-- As text comes: canonicalised.
SELECT explained('COOKIE:a', 'email:AN@example.com');
SELECT explained('cookie:a', 'device:d', mask => true);
-- Two ways of the same length from user_id:1 to device:e: the smaller neighbour's.
SELECT explained('user_id:1', 'device:e');
SELECT explained('device:e', 'user_id:1');
-- Nothing joins them, they are the same, or nothing is asked.
SELECT explained('cookie:a', 'user_id:2');
SELECT explained('cookie:a', 'cookie:a');
SELECT * FROM cdp.explain_identity('shop', 'cookie:a', NULL);
-- Not there.
SELECT explained('cookie:a', 'cookie:never');
SELECT explained('cookie:undefined', 'cookie:a');
SELECT explained('cookie:a', 'email:none');
SELECT explained('cookie:a', 'none');
SELECT * FROM cdp.explain_identity('nowhere', 'cookie:a', 'user_id:1');
-- A decision counts first, and is a way of its own. (Its effect is not looked at here.)
BEGIN;
SET LOCAL session_replication_role = replica;
INSERT INTO shop.identity_decisions VALUES ('cookie:a', 'user_id:1', 'link', '2025-02-20', 'lan'), ('cookie:a', 'device:d', 'link', '2025-02-21', 'lan'),
    ('cookie:a', 'device:e', 'separate', '2025-02-22', 'lan');
SELECT explained('cookie:a', 'user_id:1');
SELECT explained('cookie:a', 'device:d');
SELECT explained('device:d', 'cookie:a', mask => true);
SELECT explained('cookie:a', 'device:e');
ROLLBACK;
-- The event has expired.
BEGIN;
SET LOCAL session_replication_role = replica;
DELETE FROM shop.events WHERE event_id = cdp.event_id('2');
SELECT explained('cookie:a', 'user_id:1');
ROLLBACK;
-- It reads one snapshot and writes nothing: fit for a standby.
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT count(*) FROM cdp.explain_identity('shop', 'cookie:a', 'device:d');
SELECT length(cdp.identity_graph('shop', cdp.profile_of('shop', 'cookie:a'))) > 0 AS drawn;
SELECT pg_current_xact_id_if_assigned() IS NULL AS no_transaction_id;
COMMIT;

-- The picture.
SELECT cdp.profile_of('shop', 'user_id:1') AS an, cdp.profile_of('shop', 'user_id:2') AS binh \gset
CREATE FUNCTION graph(profile_id bigint, mask boolean DEFAULT false) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT regexp_replace(line, '(profile) [0-9]+', '\1 N') FROM regexp_split_to_table(cdp.identity_graph('shop', profile_id, mask), '\n') line
$$;
\pset format unaligned
\pset tuples_only on
SELECT graph(:an);
BEGIN;
SET LOCAL session_replication_role = replica;
INSERT INTO shop.identity_decisions VALUES ('cookie:a', 'user_id:1', 'link', '2025-02-20', 'lan'), ('device:d', 'user_id:2', 'separate', '2025-02-22', 'lan'),
    ('cookie:never', 'user_id:2', 'separate', '2025-02-23', 'lan');
UPDATE shop.identifiers SET generic = true, profile_id = NULL WHERE identifier = 'cookie:a';
INSERT INTO shop.identity_refusals VALUES ('cookie:a', 'user_id:2', 'generic', NULL, '2025-02-08', cdp.event_id('8'));
SELECT graph(:binh);
SELECT graph(:binh, mask => true);
ROLLBACK;
-- What people decide, by cdp.link and cdp.separate: the path and the picture have it at once.
BEGIN;
SELECT cdp.link('shop', 'user_id:2', 'user_id:1') = cdp.profile_of('shop', 'cookie:a');
SELECT step, identifier_from, identifier_to, rule, event_id IS NULL, decided_by = current_user FROM cdp.explain_identity('shop', 'email:an@example.com', 'device:f');
SELECT count(*) FROM graph(cdp.profile_of('shop', 'user_id:2')) line WHERE line ~ '===\|"2025-03-01 12:00 linked by ';
SELECT jsonb_array_length(cdp.separate('shop', 'cookie:a', 'device:d') -> 'path');
SELECT explained('cookie:a', 'device:d');
SELECT line FROM graph(cdp.profile_of('shop', 'cookie:a')) line WHERE line ~ '-\.->?\|' AND line !~ 'separated by' ORDER BY line;
SELECT count(*) FROM graph(cdp.profile_of('shop', 'cookie:a')) line WHERE line ~ '-\.-\|"2025-03-01 12:00 separated by ';
SELECT * FROM cdp.check('shop');
ROLLBACK;
-- One identifier alone; the id of a merged profile; none.
INSERT INTO shop.events (event, identifiers) VALUES ('Page Viewed', '{cookie:alone}');
SELECT graph(cdp.profile_of('shop', 'cookie:alone'));
INSERT INTO shop.events (event, identifiers) VALUES ('Signed In', '{cookie:alone,user_id:2}');
SELECT cdp.identity_graph('shop', merged_id) = cdp.identity_graph('shop', profile_id) AS same FROM shop.merges LIMIT 1;
SELECT cdp.identity_graph('shop', 777777);
SELECT cdp.identity_graph('shop', NULL) IS NULL;

-- Every line is one that the grammar of flowcharts knows, whatever people write, and labels say it again.
CREATE FUNCTION line_is_known(line text) RETURNS boolean LANGUAGE sql AS $$
    SELECT line ~ '^(flowchart LR|    %% profile [0-9]+, identifiers: [0-9]+|    n[0-9]+\["([^"#<>&`\\[:cntrl:]]|#([0-9]+|[a-z]+);|<br/>)*"\](:::(other|nobody))?|    n[0-9]+ (===|-->|-\.->|-\.-)\|"([^"#<>&`\\[:cntrl:]]|#([0-9]+|[a-z]+);)*"\| n[0-9]+|    more\["left out: [a-z0-9 ,]+"\]:::nobody|    classDef (other|nobody) stroke-dasharray:[0-9] [0-9])$'
$$;
CREATE FUNCTION label_says(label text) RETURNS text LANGUAGE sql AS $$
    SELECT replace(replace(replace(replace(replace(replace(replace(label, '#92;', '\'), '#96;', '`'), '#gt;', '>'), '#lt;', '<'), '#quot;', '"'), '#amp;', '&'), '#35;', '#')
$$;
INSERT INTO shop.events (event, identifiers, occurred_at) SELECT 'Odd ' || odd || E' \n end', ARRAY['user_id:odd', 'odd:' || odd || n], '2025-02-10'
FROM unnest(ARRAY['"', '#', '#quot;', '#35;', '[', ']', '{x}', '(x)', '|', '`x`', '<b>', '&amp;', '\', '%%', '-->', ';', ':::other', 'end', 'ünï日本', '<br/>', repeat('"', 70)]) WITH ORDINALITY o(odd, n);
SELECT line FROM regexp_split_to_table(cdp.identity_graph('shop', cdp.profile_of('shop', 'user_id:odd')), '\n') line WHERE NOT line_is_known(line);
SELECT count(*), count(*) FILTER (WHERE label_says((regexp_match(line, '"(.*)"'))[1]) = ANY (
           SELECT CASE WHEN length(i::text) > 60 THEN left(i::text, 59) || '…' ELSE i::text END FROM unnest((SELECT array_agg(identifier) FROM shop.identifiers)) i)) AS said
FROM regexp_split_to_table(cdp.identity_graph('shop', cdp.profile_of('shop', 'user_id:odd')), '\n') line WHERE line ~ '^    n[0-9]+\[';
SELECT line FROM regexp_split_to_table(cdp.identity_graph('shop', cdp.profile_of('shop', 'user_id:odd')), '\n') line WHERE line ~ '70|"2025.*(quot|35|end)' ORDER BY line COLLATE "C" LIMIT 3;

-- Bounded: the first hundred of each kind.
INSERT INTO shop.events (event, identifiers, occurred_at) SELECT 'Signed In', ARRAY['user_id:many', 'cookie:m' || n], '2025-02-01'::timestamptz + n * interval '1 minute' FROM generate_series(1, 250) n;
INSERT INTO shop.events (event, identifiers, occurred_at) SELECT 'Signed In', ARRAY['user_id:other', 'cookie:m' || n], '2025-02-02'::timestamptz + n * interval '1 minute' FROM generate_series(1, 101) n;
SELECT count(*) FILTER (WHERE line ~ '-->') AS links, count(*) FILTER (WHERE line ~ '-\.->') AS refusals, bool_and(line_is_known(line)) AS known, max(line) FILTER (WHERE line ~ 'left') AS left_out,
       count(*) FILTER (WHERE line ~ '01:40 Signed In') AS the_first
FROM regexp_split_to_table(cdp.identity_graph('shop', cdp.profile_of('shop', 'user_id:many')), '\n') line;

-- A long chain is as long as it is, and not slower than that: links past the engine.
BEGIN;
SET LOCAL session_replication_role = replica;
INSERT INTO shop.identifiers (identifier, profile_id, first_seen, last_seen) SELECT ('chain:' || n)::cdp.identifier, 1000000, '2025-02-01', '2025-02-01' FROM generate_series(0, 20000) n;
INSERT INTO shop.identity_links SELECT ('chain:' || n - 1)::cdp.identifier, ('chain:' || n)::cdp.identifier, '2025-02-01', cdp.event_id('1') FROM generate_series(1, 20000) n;
SET LOCAL statement_timeout = '20s';
SELECT count(*), min(step), max(step), count(DISTINCT identifier_from) FROM cdp.explain_identity('shop', 'chain:20000', 'chain:0');
-- ... and with a short cut.
INSERT INTO shop.identity_links VALUES ('chain:7', 'chain:19990', '2025-02-01', cdp.event_id('1'));
SELECT identifier_from, identifier_to FROM cdp.explain_identity('shop', 'chain:9', 'chain:19991');
ROLLBACK;

-- Two identifiers with most of the links, and the planner knows it: no slower.
BEGIN;
SET LOCAL session_replication_role = replica;
CREATE TEMPORARY TABLE hubs ON COMMIT DROP AS
    SELECT h, ('hub:' || h || '-' || n)::cdp.identifier AS identifier, n FROM (VALUES (1, 10000), (2, 60000)) v(h, size), generate_series(0, size) n;
INSERT INTO shop.identifiers (identifier, profile_id, first_seen, last_seen) SELECT identifier, 1000000 + h, '2025-02-01', '2025-02-01' FROM hubs;
INSERT INTO shop.identity_links SELECT ('hub:' || h || '-0')::cdp.identifier, identifier, '2025-02-01', cdp.event_id('1') FROM hubs WHERE n > 0;
ANALYZE shop.identifiers, shop.identity_links;
SET LOCAL statement_timeout = '20s';
SELECT step, identifier_from, identifier_to FROM cdp.explain_identity('shop', 'hub:1-5', 'hub:1-9999');
SELECT step, identifier_from, identifier_to FROM cdp.explain_identity('shop', 'hub:2-5', 'hub:2-59999');
ROLLBACK;

SET client_min_messages = warning;
DROP FUNCTION explained, graph, line_is_known, label_says;
DROP SCHEMA shop CASCADE;
