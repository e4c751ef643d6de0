-- Bad input: an error that names the value, its place and the way out, with the right SQLSTATE, and nothing left behind.
\pset format unaligned
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET cdp.clock = '2024-03-01 12:00+00';
SELECT cdp.create_workspace('bad_input');
SET search_path = bad_input, public;
INSERT INTO events (event_id, event, identifiers, amount) VALUES (cdp.event_id('good'), 'Good', '{user_id:1,cookie:1}', 1);

-- What an INSERT comes to, in full; the event's id is in the context
CREATE FUNCTION public.bad_insert(columns text, row_values text, OUT code text, OUT message text, OUT detail text, OUT hint text, OUT context text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('INSERT INTO bad_input.events (event_id, event, %s) VALUES (''00000000-0000-0000-0000-000000000001'', ''Bad'', %s)', columns, row_values);
    code := '00000';
EXCEPTION WHEN OTHERS THEN
    code := SQLSTATE;
    message := SQLERRM;
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT, context = PG_EXCEPTION_CONTEXT;
    context := split_part(context, E'\n', 1);
END
$$;

-- Identifiers whose structure is at fault
SELECT n, t.code, t.message, t.detail
FROM (VALUES (1, '42'), (2, 'user_id'), (3, 'user_id:'), (4, ':42'), (5, ':'), (6, ''), (7, '   '), (8, 'user_id:   '), (9, 'user id:42'), (10, 'user-id:42'), (11, '1user:42'), (12, '_user:42'),
             (13, 'üser:42'), (14, 'user_id :42'), (15, repeat('n', 64) || ':42'), (16, repeat('n', 63) || ':42'), (17, 'user_id:' || repeat('x', 1025)), (18, 'user_id:' || repeat('x', 1024)),
             (19, 'user_id:' || repeat('é', 513)), (20, E'user_id:4\t2'), (21, E'user_id:4\n2'), (22, E'user_id:4\x01\x32'), (23, E'user_id:4\x7f'), (24, U&'user_id:4\00852'), (25, E'cook\nie:1'),
             (26, E'email:a\tb@example.com'), (27, 'email:'), (28, 'phone: ')) AS v (n, identifier),
     bad_insert('identifiers', quote_literal(ARRAY['cookie:before', v.identifier])) AS t ORDER BY n;
SELECT t.* FROM (VALUES (1, '42'), (2, 'user id:42'), (3, 'user_id:'), (4, 'user_id:' || repeat('x', 1025)), (5, E'user_id:4\t2')) AS v (n, identifier),
     bad_insert('identifiers', quote_literal(ARRAY[v.identifier])) AS t ORDER BY n;
SELECT * FROM bad_insert('identifiers', $$'{{user_id:1,cookie:1},{user_id:2,cookie:2}}'$$);
-- ... the two good ones above count once: one id
SELECT event, octet_length(identifiers[2]) FROM events WHERE event = 'Bad';
-- Bytes that are not UTF-8 never get that far; nor do they as an escape
SELECT convert_from('\x757365725f69643aff', 'UTF8');
SELECT * FROM bad_insert('identifiers', $$ARRAY[E'user_id:\xff']$$);
-- An invalid e-mail address or phone is no error: refused, and the event stays
INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('invalid'), 'Invalid', '{email:nonsense,email:a@b@c,phone:12,phone:+849815536,phone:0981553602,cookie:invalid}');
INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('invalid2'), 'Invalid', '{Email: Nonsense ,email:nonsense}');
SELECT event, anchor, identifiers FROM events WHERE event = 'Invalid' ORDER BY anchor;
SELECT identifier, anchor, reason, detail, event_id = cdp.event_id('invalid') AS by_the_first FROM identity_refusals ORDER BY anchor NULLS LAST, identifier;

-- Traits that are not an object
SELECT left(v.traits, 20) AS traits, t.* FROM (VALUES (1, '[1]'), (2, '"a"'), (3, '1'), (4, 'true'), (5, 'null'), (6, '[{"a": 1}]'), (7, '"' || repeat('x', 300) || '"')) AS v (n, traits),
     bad_insert('traits', quote_literal(v.traits)) AS t ORDER BY n;
SELECT code, message FROM bad_insert('traits', $$'{"a":'$$);
-- ... or that are beyond the limits of the type, also where they belong to nobody
SELECT v.n, t.* FROM (VALUES (1, '{cookie:1}', repeat('k', 1025), NULL), (2, '{}', repeat('k', 1025), NULL), (3, '{cookie:1}', 'k', repeat('s', 1025)), (4, '{}', 'k', repeat('s', 1025))) AS v (n, identifiers, key, source),
     bad_insert('identifiers, traits, source', format('%L, jsonb_build_object(%L, 1), %L', v.identifiers, v.key, v.source)) AS t ORDER BY n;

-- Amounts and currencies
SELECT v.row_values, t.* FROM (VALUES (1, $$'NaN', 'USD'$$), (2, $$'Infinity', 'USD'$$), (3, $$'-Infinity', NULL$$), (4, $$1, 'XX'$$), (5, $$1, 'USDX'$$), (6, $$1, ''$$), (7, $$1, 'ABC'$$),
    (8, $$1, '123'$$), (9, $$1, ' USD'$$), (10, $$1, 'Ùsd'$$), (11, $$NULL, 'ABC'$$), (12, $$0, 'abc'$$), (13, $$1, 'dollars of the united states of america, each of them as good as gold or better'$$)) AS v (n, row_values),
     bad_insert('amount, currency', v.row_values) AS t ORDER BY n;
SELECT v.row_values, t.code FROM (VALUES (1, $$1e1000, 'USD'$$), (2, $$'abc', 'USD'$$), (3, $$1e200000, 'USD'$$)) AS v (n, row_values), bad_insert('identifiers, amount, currency', $$'{user_id:2}', $$ || v.row_values) AS t ORDER BY n;

-- Times, ids, names
SELECT v.row_values, t.* FROM (VALUES (1, 'occurred_at', $$'infinity'$$), (2, 'occurred_at', $$'-infinity'$$), (3, 'received_at', $$'infinity'$$), (4, 'received_at', $$'-infinity'$$)) AS v (n, columns, row_values),
     bad_insert(v.columns, v.row_values) AS t ORDER BY n;
INSERT INTO events (event_id, event) VALUES (cdp.event_id('unnamed'), NULL);
INSERT INTO events (event_id, event) VALUES ('not a uuid', 'A');
-- ... the first event of all, and the last
INSERT INTO events (event_id, event, identifiers, occurred_at, received_at) VALUES (cdp.event_id('first'), 'First', '{cookie:old}', '4713-01-01 00:00+00 BC', '2024-01-01'),
  (cdp.event_id('last'), 'Last', '{cookie:new}', '294276-12-31 23:59:59.999999+00', '294276-12-31 23:59:59.999999+00');
SELECT identifier, first_seen, last_seen FROM identifiers WHERE identifier IN ('cookie:old', 'cookie:new') ORDER BY 1;
SELECT first_seen, last_seen FROM profiles WHERE profile_id IN (cdp.profile_of('bad_input', 'cookie:old'), cdp.profile_of('bad_input', 'cookie:new')) ORDER BY 1;

-- One bad row among many refuses the statement, by COPY too, with its line
INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('m1'), 'Many', '{cookie:m1}'), (cdp.event_id('m2'), 'Many', '{nonsense}'), (cdp.event_id('m3'), 'Many', '{cookie:m3}');
COPY events (event_id, event, identifiers) FROM stdin;
00000000-0000-0000-0000-0000000000a1	Many	{cookie:m1}
00000000-0000-0000-0000-0000000000a2	Many	{user_id:}
00000000-0000-0000-0000-0000000000a3	Many	{cookie:m3}
\.
SELECT count(*) FROM events WHERE event = 'Many';
SELECT count(*) FROM identifiers WHERE identifier IN ('cookie:m1', 'cookie:m3');
-- ... and the id of a refused event is free
INSERT INTO events (event_id, event, identifiers) VALUES (cdp.event_id('m2'), 'Many', '{cookie:m2}');
SELECT count(*) FROM events WHERE event = 'Many';

-- Names of workspaces
CREATE FUNCTION public.bad_try(statement text, OUT code text, OUT message text, OUT detail text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    code := '00000';
EXCEPTION WHEN OTHERS THEN
    code := SQLSTATE;
    message := SQLERRM;
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
END
$$;
SELECT v.name, t.* FROM unnest(ARRAY['bad_input', 'public', 'cdp', 'pg_shop', 'pg_catalog', 'information_schema', '']) WITH ORDINALITY AS v (name, n),
     bad_try(format('SELECT cdp.create_workspace(%L)', v.name)) AS t ORDER BY n;
-- ... names that only need quotes are good
SELECT cdp.create_workspace('Bad "Input" é; DROP');
INSERT INTO "Bad ""Input"" é; DROP".events (event, identifiers, amount) VALUES ('A', '{user_id:1,cookie:1}', 1), ('A', '{cookie:1,cookie:2}', 1);
INSERT INTO "Bad ""Input"" é; DROP".segments VALUES ('Bad "Input" é; DROP', 'event_count > 1');
SELECT cdp.rebuild('Bad "Input" é; DROP');
SELECT event_count, segments FROM "Bad ""Input"" é; DROP".profiles;
SELECT * FROM cdp.check('Bad "Input" é; DROP');
-- Workspaces that are none
SELECT t.* FROM unnest(ARRAY['SELECT cdp.rebuild(''none'')', 'SELECT cdp.reevaluate(''none'')', 'SELECT cdp.rebuild(''public'')', 'SELECT cdp.profile_of(''none'', ''user_id:1'')', 'SELECT cdp.canonical(''none'', 1)',
    'SELECT cdp.timeline(''none'', 1)', 'SELECT cdp.check(''none'')']) WITH ORDINALITY AS v (statement, n), bad_try(statement) AS t ORDER BY n;
-- ... and identifiers that are none
SELECT t.* FROM unnest(ARRAY['SELECT cdp.profile_of(''bad_input'', ''nonsense'')', 'SELECT cdp.profile_of(''bad_input'', ''user_id:'')']) WITH ORDINALITY AS v (statement, n), bad_try(statement) AS t ORDER BY n;
SELECT cdp.profile_of('bad_input', 'email:nonsense') AS invalid, cdp.profile_of('bad_input', 'user_id:nobody') AS unknown, cdp.profile_of('bad_input', NULL) AS null;

-- Names of segments, and definitions without a part
SELECT t.* FROM unnest(ARRAY['INSERT INTO bad_input.segments VALUES ('''', ''true'')', format('INSERT INTO bad_input.segments VALUES (%L, ''true'')', repeat('x', 300)),
    'INSERT INTO bad_input.segments VALUES (E''a\nb'', ''true'')', 'INSERT INTO bad_input.segments VALUES (NULL, ''true'')', 'INSERT INTO bad_input.segments VALUES (''a'', NULL)',
    'INSERT INTO bad_input.segments VALUES (''a'', ''true''), (''a'', ''true'')']) WITH ORDINALITY AS v (statement, n), bad_try(statement) AS t ORDER BY n;

-- Nothing of all that is left
SELECT (SELECT string_agg(event, ',' ORDER BY event) FROM events) AS events, (SELECT count(*) FROM event_ids) AS ids, (SELECT count(*) FROM profiles) AS profiles,
       (SELECT count(*) FROM segments) AS segments;
SELECT identifier FROM identifiers WHERE length(cdp.text(identifier)) < 100 ORDER BY identifier;
SELECT * FROM cdp.check('bad_input');
DROP FUNCTION public.bad_insert, public.bad_try;
SET client_min_messages = warning;
DROP SCHEMA bad_input, "Bad ""Input"" é; DROP" CASCADE;
