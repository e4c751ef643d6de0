-- Computed traits: definitions take effect at once, values follow events and the clock.
\pset format unaligned
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET cdp.clock = '2024-06-15 12:00+00';
SELECT cdp.create_workspace('figures');
SET search_path = figures, public;
CREATE VIEW public.traits_now AS
SELECT (SELECT cdp.text(min(identifier)) FROM figures.identifiers i WHERE i.profile_id = p.profile_id) AS who, e.name, e.value
FROM figures.profiles p CROSS JOIN LATERAL cdp.computed_entries(p.computed) e;
-- Values of a trait: who=value
CREATE FUNCTION public.who(trait text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT string_agg(who || '=' || coalesce(value::text, '-'), ' ' ORDER BY who) FROM public.traits_now WHERE name = trait $$;
CREATE FUNCTION public.all_now() RETURNS TABLE (trait text, vals text) LANGUAGE sql STABLE AS $$
    SELECT name, public.who(name) FROM (SELECT DISTINCT name FROM public.traits_now) n ORDER BY name $$;

-- Every kind; three of them are filled by the events to come, the others from those that are there
INSERT INTO computed_traits (name, kind, event, filter, expression, window_days) VALUES
    ('orders', 'count', 'Order', NULL, NULL, NULL),
    ('orders_30d', 'count', 'Order', NULL, NULL, 30),
    ('spend_90d', 'sum', 'Order', NULL, 'amount', 90);
INSERT INTO events (event_id, event, identifiers, amount, properties, occurred_at) VALUES
    (cdp.event_id('1'), 'Order', '{user_id:1}', 10.50, '{"sku": "A", "country": "VN", "gift": true, "due": "2024-07-01"}', '2024-06-01 10:00+00'),
    (cdp.event_id('2'), 'Order', '{user_id:1}', 3.2, '{"sku": "B", "country": "UK", "gift": false}', '2024-03-17 00:00+00'),
    (cdp.event_id('3'), 'Order', '{user_id:1}', 7, '{"sku": "A", "due": "2024-05-09"}', '2024-06-14 10:00+00'),
    (cdp.event_id('4'), 'View', '{user_id:1}', NULL, '{"sku": "C"}', '2024-06-14 11:00+00'),
    (cdp.event_id('5'), 'View', '{cookie:v}', NULL, '{"sku": "C", "country": "DE"}', '2024-06-15 00:00+00'),
    (cdp.event_id('6'), 'Order', '{}', 1000, '{"sku": "A"}', '2024-06-14 10:00+00');
SELECT * FROM all_now();
INSERT INTO computed_traits (name, kind, event, filter, expression, window_days, list_limit) VALUES
    ('average', 'avg', 'Order', NULL, 'amount', NULL, 100),
    ('biggest', 'max', 'Order', NULL, 'amount', NULL, 100),
    ('cheapest_60d', 'min', 'Order', NULL, 'amount', 60, 100),
    ('countries', 'unique_count', NULL, NULL, $$properties->>'country'$$, NULL, 100),
    ('country', 'last', NULL, NULL, $$properties->>'country'$$, NULL, 100),
    ('due', 'min', NULL, NULL, $$(properties->>'due')::date$$, NULL, 100),
    ('favourite', 'most_frequent', NULL, NULL, $$properties->>'sku'$$, NULL, 100),
    ('first_buy', 'first', NULL, 'amount > 0', 'occurred_at', NULL, 100),
    ('first_two', 'unique_list', NULL, NULL, $$properties->>'sku'$$, NULL, 2),
    ('gift', 'last', NULL, NULL, $$(properties->>'gift')::boolean$$, NULL, 100),
    ('last_order', 'last', 'Order', NULL, 'properties', NULL, 100),
    ('amounts', 'unique_list', NULL, NULL, 'amount', NULL, 100),
    ('with_country', 'count', NULL, NULL, $$properties->>'country'$$, NULL, 100),
    ('cheap', 'count', 'Order', 'amount < 5 OR event = ''View''', NULL, NULL, 100);
SELECT * FROM all_now();
SELECT * FROM cdp.check('figures');
-- Readers
SELECT computed->'orders', computed->>'country', cdp.computed_int(computed, 'orders_30d'), cdp.computed_numeric(computed, 'spend_90d'),
       cdp.computed_timestamp(computed, 'first_buy'), cdp.computed_timestamp(computed, 'due'), cdp.computed_text(computed, 'first_two'),
       computed->'no such', cdp.computed_int(computed, 'no such')
FROM profiles WHERE profile_id = cdp.profile_of('figures', 'user_id:1');
SELECT cdp.computed_int(computed, 'country') FROM profiles WHERE profile_id = cdp.profile_of('figures', 'user_id:1');

-- An event that is late lands in its own day; one that is repeated, in none; one of a day to come, which came past the triggers, when that comes
INSERT INTO events (event_id, event, identifiers, amount, properties, occurred_at, received_at) VALUES
    (cdp.event_id('7'), 'Order', '{user_id:1}', 1, '{"sku": "B"}', '2024-05-17 00:00+00', '2024-06-15 12:00+00'),
    (cdp.event_id('8'), 'Order', '{user_id:1}', 2, '{"sku": "B"}', '2024-05-16 23:59:59+00', '2024-06-15 12:00+00'),
    (cdp.event_id('1'), 'Order', '{user_id:1}', 5000, '{"sku": "Z"}', '2024-06-15 12:00+00', '2024-06-15 12:00+00');
SET session_replication_role = replica;
INSERT INTO events (event_id, event, identifiers, amount, currency, properties, occurred_at, received_at) VALUES
    (cdp.event_id('9'), 'Order', '{user_id:1}', 4, 'USD', '{"sku": "B"}', '2024-06-17 05:00+00', '2024-06-17 05:00+00');
RESET session_replication_role;
SELECT cdp.rebuild('figures');
SELECT * FROM all_now() WHERE trait IN ('orders', 'orders_30d', 'spend_90d', 'favourite', 'cheapest_60d');
SELECT e.name, e.changes_at FROM profiles p, cdp.computed_entries(p.computed) e WHERE e.changes_at IS NOT NULL ORDER BY p.profile_id, e.name;
SET cdp.clock = '2024-06-15 23:59:59.999999+00';
SELECT who('orders_30d'), who('spend_90d');
SET cdp.clock = '2024-06-16 00:00+00';
SELECT who('orders_30d'), who('spend_90d');
SET cdp.clock = '2024-06-17 00:00+00';
SELECT who('orders_30d'), who('spend_90d');
SELECT * FROM cdp.check('figures');

-- Segments read them, and are exact in time; one trait that changes evaluates its readers only
INSERT INTO segments (name, predicate) VALUES
    ('frequent', $$cdp.computed_int(computed, 'orders_30d') >= 3$$),
    ('frequent_text', $$(computed->>'orders_30d')::int >= 3$$),
    ('fan_of_b', $$computed->>'favourite' = 'B' AND NOT cdp.computed_numeric(computed, 'spend_90d') < 20$$),
    ('lapsed', $$cdp.computed_timestamp(computed, 'first_buy') < now() - interval '1 year'$$),
    ('none_in_30d', $$cdp.computed_int(computed, 'orders_30d') = 0$$);
SELECT cdp.text(min(i.identifier)), p.segments, p.next_evaluation_at FROM profiles p JOIN identifiers i USING (profile_id) GROUP BY p.profile_id ORDER BY 1;
SELECT node, parent, expression, value, truth, flips_at, event_id = cdp.event_id('2') AS by_2, error, window_days FROM cdp.explain_segment('figures', cdp.profile_of('figures', 'user_id:1'), 'frequent_text');
SELECT node, parent, expression, value, truth, flips_at, event_id = cdp.event_id('2') AS by_2, error, window_days FROM cdp.explain_segment('figures', cdp.profile_of('figures', 'user_id:1'), 'lapsed');
SET cdp.clock = '2024-08-01 00:00+00';
CALL cdp.run('figures');
SELECT cdp.text(min(i.identifier)) AS who, c.segment, c.entered, c.at, c.cause FROM segment_changes c JOIN identifiers i USING (profile_id) GROUP BY c.ctid, c.segment, c.entered, c.at, c.cause ORDER BY c.at, 1, 2, c.entered;
SELECT * FROM cdp.check('figures');
SELECT cdp.count('figures', $$cdp.computed_int(computed, 'orders_30d') = 0$$), cdp.count('figures', $$computed->>'country' IN ('DE', 'VN')$$);

-- Only a segment whose trait has changed is evaluated: this one fails wherever it is
INSERT INTO segments VALUES ('failing', $$1 / (cdp.computed_int(computed, 'orders') - cdp.computed_int(computed, 'orders')) = 1$$);
SELECT count(*) FROM segment_errors WHERE segment = 'failing';
SET session_replication_role = replica;
DELETE FROM segment_errors;
RESET session_replication_role;
INSERT INTO events (event, identifiers, properties) VALUES ('View', '{cookie:v}', '{"sku": "C", "country": "DE"}');
SELECT count(*) FROM segment_errors WHERE segment = 'failing';
INSERT INTO events (event, identifiers, properties) VALUES ('Order', '{cookie:v}', '{"sku": "C", "country": "DE"}');
SELECT count(*) FROM segment_errors WHERE segment = 'failing';
DELETE FROM segments WHERE name = 'failing';

-- Merges, links and what undoes them
SET cdp.clock = '2024-08-01 01:00+00';
INSERT INTO events (event, identifiers, amount, properties, occurred_at) VALUES ('Order', '{user_id:2}', 20, '{"sku": "D"}', '2024-07-31 10:00+00');
SELECT cdp.link('figures', 'user_id:1', 'user_id:2') IS NOT NULL;
SELECT * FROM all_now() WHERE trait IN ('orders', 'orders_30d', 'spend_90d', 'average', 'first_two', 'country');
SELECT * FROM cdp.check('figures');
SELECT cdp.unlink('figures', 'user_id:1', 'user_id:2') IS NOT NULL;
SELECT * FROM all_now() WHERE trait IN ('orders', 'orders_30d', 'spend_90d', 'average', 'first_two', 'country');
SELECT * FROM cdp.check('figures');
SELECT cdp.rebuild('figures');
SELECT * FROM all_now() WHERE trait IN ('orders', 'orders_30d', 'spend_90d', 'average', 'first_two', 'country');
SELECT * FROM cdp.check('figures');

-- A definition that changes is filled anew, and evaluates its readers; a description is no change
UPDATE computed_traits SET window_days = 7 WHERE name = 'orders_30d';
SELECT who('orders_30d');
SELECT cdp.text(min(i.identifier)) AS who, p.segments FROM profiles p JOIN identifiers i USING (profile_id) GROUP BY p.profile_id ORDER BY 1;
BEGIN;
UPDATE computed_traits SET kind = 'sum', expression = 'amount', window_days = NULL WHERE name = 'orders_30d';
SELECT who('orders_30d');
ROLLBACK;
SELECT who('orders_30d');
UPDATE computed_traits SET description = 'lately' WHERE name = 'orders_30d';
DELETE FROM computed_traits WHERE name = 'cheap';
SELECT who('cheap');
SELECT * FROM cdp.check('figures');

-- The clock moved back: reevaluation fills the windows again
SET cdp.clock = '2024-06-16 12:00+00';
SELECT cdp.reevaluate('figures');
SELECT who('orders_30d'), who('spend_90d');
SELECT * FROM cdp.check('figures');
SET cdp.clock = '2024-08-01 02:00+00';

-- An event on which an expression fails does not count for that trait, and is nowhere lost
INSERT INTO computed_traits (name, kind, expression) VALUES ('points', 'sum', $$(properties->>'points')::int$$);
INSERT INTO events (event_id, event, identifiers, properties) VALUES
    (cdp.event_id('p1'), 'Points', '{user_id:2}', '{"points": "5"}'), (cdp.event_id('p2'), 'Points', '{user_id:2}', '{"points": "many"}'),
    (cdp.event_id('p3'), 'Points', '{user_id:2}', '{"points": "x"}'), (cdp.event_id('p4'), 'Points', '{user_id:2}', '{"points": "7"}'),
    (cdp.event_id('p5'), 'Points', '{}', '{"points": "y"}');
SELECT who('points');
SELECT trait, n, sqlstate, message, event_id = cdp.event_id('p3') AS by_p3, at FROM computed_trait_errors;
UPDATE computed_traits SET filter = $$(properties->>'points')::int > 5$$ WHERE name = 'points';
SELECT who('points');
SELECT trait, n, sqlstate, event_id IN (cdp.event_id('p2'), cdp.event_id('p3')) AS known, at FROM computed_trait_errors;
SELECT * FROM cdp.check('figures');
SELECT topic, item, value FROM cdp.status('figures') WHERE topic LIKE 'computed%' ORDER BY 1, 2;
-- ... nor is one for a definition that has lost its meaning, past the event triggers
ALTER TABLE events ADD COLUMN channel text;
INSERT INTO computed_traits (name, kind, expression) VALUES ('channels', 'unique_list', 'channel');
INSERT INTO events (event, identifiers, channel) VALUES ('e', '{user_id:2}', 'app'), ('e', '{user_id:2}', 'web');
SELECT who('channels');
SET session_replication_role = replica;
ALTER TABLE events DROP COLUMN channel;
RESET session_replication_role;
INSERT INTO events (event, identifiers) VALUES ('e', '{user_id:2}'), ('e', '{user_id:3}');
SELECT who('channels');
SELECT topic, item, value FROM cdp.status('figures') WHERE topic LIKE 'computed trait e%' ORDER BY 1, 2;
SELECT trait, n, sqlstate, message FROM computed_trait_errors WHERE trait = 'channels' ORDER BY profile_id;
SELECT * FROM cdp.check('figures') WHERE key LIKE 'definition%';
DELETE FROM computed_traits WHERE name = 'channels';
-- A type that changes under a definition does not keep events out either
ALTER TABLE events ADD COLUMN shop int;
INSERT INTO computed_traits (name, kind, expression) VALUES ('shops', 'unique_list', 'shop');
INSERT INTO events (event, identifiers, shop) VALUES ('e', '{user_id:2}', 7);
ALTER TABLE events ALTER COLUMN shop TYPE text;
INSERT INTO events (event, identifiers, shop) VALUES ('e', '{user_id:2}', 'eight'), ('e', '{user_id:4}', 'nine');
SELECT who('shops');
UPDATE computed_traits SET list_limit = 10 WHERE name = 'shops';
SELECT who('shops');
SELECT * FROM cdp.check('figures');

-- Distinct values beyond the limit are an estimate, and cdp.status says so
INSERT INTO computed_traits (name, kind, expression, max_distinct) VALUES ('pages', 'unique_count', $$properties->>'page'$$, 100), ('page', 'most_frequent', $$properties->>'page'$$, 100);
INSERT INTO events (event, identifiers, properties) SELECT 'View', '{cookie:many}', jsonb_build_object('page', n % 1000) FROM generate_series(1, 2000) n;
SELECT e.exact, abs((e.value::text)::numeric - 1000) < 5 * 1000 / sqrt(98) AS about FROM profiles p, cdp.computed_entries(p.computed) e WHERE e.name = 'pages' AND p.profile_id = cdp.profile_of('figures', 'cookie:many');
SELECT topic, item, value FROM cdp.status('figures') WHERE topic = 'computed traits' AND item LIKE 'page%' ORDER BY 1, 2;
SELECT * FROM cdp.check('figures');

-- The judge finds what is not as the events say
CREATE FUNCTION public.corrupt(new_value text, who text) RETURNS TABLE (key text, stored text, expected text) LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL session_replication_role = replica;
    EXECUTE format('UPDATE figures.profiles SET computed = %s WHERE profile_id = cdp.profile_of(''figures'', %L)', new_value, who);
    SET LOCAL session_replication_role = origin;
    RETURN QUERY SELECT regexp_replace(c.key, '^profile \d+', who), c.stored, c.expected FROM cdp.check('figures') c ORDER BY 1, 2, 3;
END $$;
BEGIN; SELECT * FROM corrupt($$cdp.computed_without(computed, '{orders}')$$, 'user_id:1'); ROLLBACK;
BEGIN; SELECT * FROM corrupt($$cdp.merge(computed, (SELECT cdp.computed_without(o.computed, '{points}') FROM figures.profiles o WHERE o.profile_id = cdp.profile_of('figures', 'cookie:v')))$$, 'user_id:2'); ROLLBACK;
BEGIN; SELECT * FROM corrupt($$replace(computed::text, '2024-06-14', '2024-06-13')::cdp.computed$$, 'user_id:1'); ROLLBACK;
BEGIN; SELECT * FROM corrupt($$replace(computed::text, '"spend_90d": {"kind": "sum"', '"spend_9": {"kind": "sum"')::cdp.computed$$, 'user_id:1'); ROLLBACK;
BEGIN; SELECT * FROM corrupt($$replace(computed::text, '"window_days": 90', '"window_days": 91')::cdp.computed$$, 'user_id:1'); ROLLBACK;
BEGIN; SELECT * FROM corrupt($$replace(computed::text, '"zone": "UTC"', '"zone": "Asia/Tokyo"')::cdp.computed$$, 'cookie:v'); ROLLBACK;
DROP FUNCTION public.corrupt;

-- The time zone of the days
UPDATE settings SET time_zone = 'Asia/Ho_Chi_Minh';
SELECT who('spend_90d'), cdp.zone(computed) FROM profiles WHERE profile_id = cdp.profile_of('figures', 'user_id:1');
SELECT * FROM cdp.check('figures');

-- Bad definitions
\set VERBOSITY verbose
\set SHOW_CONTEXT never
CREATE FUNCTION public.define(kind text, expression text, filter text DEFAULT NULL, name text DEFAULT 'x', window_days int DEFAULT NULL, list_limit int DEFAULT 100, max_distinct int DEFAULT 10) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text; hint text;
BEGIN
    INSERT INTO figures.computed_traits VALUES (name, kind, NULL, filter, expression, window_days, list_limit, max_distinct);
    RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN SQLSTATE || ' ' || SQLERRM || ' | ' || detail || ' | ' || hint;
END $$;
SELECT define('median', 'amount');
SELECT define('sum', NULL);
SELECT define('sum', 'event');
SELECT define('sum', $$properties->'n'$$);
SELECT define('max', 'amount > 3');
SELECT define('unique_count', 'properties');
SELECT define('first', 'identifiers');
SELECT define('sum', 'amount +');
SELECT define('sum', '');
SELECT define('sum', 'amount, 1');
SELECT define('sum', 'sum(amount)');
SELECT define('sum', '(SELECT 1)');
SELECT define('sum', 'no_such');
SELECT define('sum', '1 / 0');
SELECT define('last', 'anchor');
SELECT define('last', 'random()');
SELECT define('last', 'now()');
SELECT define('count', NULL, 'occurred_at > current_date - 3');
SELECT define('count', NULL, 'amount');
SELECT define('count', NULL, 'event');
SELECT define('count', NULL, window_days => 0), define('count', NULL, window_days => -1), define('count', NULL, window_days => 3651);
SELECT define('unique_list', 'event', list_limit => 0), define('unique_list', 'event', list_limit => 10001), define('unique_count', 'event', max_distinct => 100001);
SELECT define('count', NULL, name => ''), define('count', NULL, name => repeat('n', 64)), define('count', NULL, name => E'a\nb');
SELECT define('count', NULL, name => 'orders');
\set VERBOSITY default
INSERT INTO segments VALUES ('bad', $$cdp.computed_int(computed, 'ordres') > 1$$);
INSERT INTO segments VALUES ('bad', $$computed->>event_count::text = 'a'$$);
INSERT INTO segments VALUES ('bad', $$cdp.computed_int(computed, 'orders', now() - interval '7 days') > 1$$);
DELETE FROM computed_traits WHERE name = 'orders_30d';
UPDATE computed_traits SET name = 'orders_7d' WHERE name = 'orders_30d';
TRUNCATE computed_traits;
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO computed_traits (name, kind) VALUES ('x', 'count');
ROLLBACK;
SELECT cdp.computed_agg(1, e) FROM events e;

-- Detached, the values of now stay as jsonb
DROP VIEW public.traits_now CASCADE;
SELECT cdp.detach('figures');
SELECT pg_typeof(computed), computed->'orders' FROM figures.profiles ORDER BY profile_id LIMIT 1;
