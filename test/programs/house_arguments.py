#!/usr/bin/env python3
"""
Whatever a function of the extension is given, the server lives on and nothing internal fails: every
function is called with one odd argument at each place, and with random odd ones at all places, as a
superuser and as a role that has no rights. No call may end the server, or with SQLSTATE XX000.

Calls are rolled back. Procedures commit, so they are called by themselves, outside a transaction.

    house_arguments.py [TUPLES [SEED [NAME]]]    random tuples per function (6), the seed (1), and a regular
                                                 expression for names of functions
"""

import random
import re
import sys
import time

from arguments import VALUES, call_of, functions, good_arguments, split, typed
from cdptest import SqlError, Tap, patience, rows, sql

TUPLES = int(sys.argv[1]) if len(sys.argv) > 1 else 6
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 1
ONLY = sys.argv[3] if len(sys.argv) > 3 else ""
CALLS = 400  # that go to the server at a time

# Two workspaces, one of which has had its columns dropped and added, and values of every type, which the
# role without rights can read where it cannot make them.
SETUP = r"""
SET client_min_messages = warning;
CREATE ROLE regress_cdp_nobody;
SELECT cdp.create_workspace('shop'), cdp.create_workspace('other');
ALTER TABLE shop.profiles ADD COLUMN gone int, ADD COLUMN tier text DEFAULT 'new';
ALTER TABLE shop.profiles DROP COLUMN gone;
ALTER TABLE shop.profiles ADD COLUMN later numeric DEFAULT 7;
ALTER TABLE shop.events ADD COLUMN gone text, ADD COLUMN campaign text;
ALTER TABLE shop.events DROP COLUMN gone;
INSERT INTO shop.computed_traits (name, kind, event, expression, window_days) VALUES
    ('orders', 'count', 'Order', NULL, NULL), ('spent', 'sum', NULL, 'amount', 30),
    ('items', 'unique_list', NULL, $$properties->>'sku'$$, NULL), ('broken', 'last', NULL, $$(properties->>'sku')::int$$, NULL);
INSERT INTO shop.segments (name, predicate) VALUES
    ('some', 'event_count > 0'), ('away', $$last_seen < now() - interval '1 day'$$),
    ('buyer', $$cdp.computed_int(computed, 'orders') > 0 AND segments @@ 'some'$$), ('failing', $$(traits->>'name')::int > 0$$);
INSERT INTO shop.exchange_rates VALUES ('EUR', '2024-01-01', 1.1);
INSERT INTO shop.value_models (name) VALUES ('v');
INSERT INTO shop.events (event, identifiers, amount, currency, traits, properties, occurred_at)
SELECT CASE n % 3 WHEN 0 THEN 'Order' ELSE 'View' END, ARRAY['user_id:' || n % 7, 'cookie:' || n],
       CASE n % 3 WHEN 0 THEN n END, CASE n % 2 WHEN 0 THEN 'EUR' ELSE 'USD' END,
       jsonb_build_object('name', 'An ' || n), jsonb_build_object('sku', 'A' || n % 4), timestamptz '2024-01-02 03:00+00' + n * interval '5 days'
FROM generate_series(1, 40) n;
CREATE DOMAIN public.profile_domain AS shop.profiles;
CREATE DOMAIN public.domain_of_set AS cdp.segment_set;
CREATE TABLE public.child () INHERITS (shop.profiles);
DROP TABLE public.child;
CREATE TABLE public.like_profiles AS SELECT * FROM shop.profiles;
CREATE VIEW public.view_of_profiles AS SELECT * FROM shop.profiles;
CREATE SEQUENCE public.a_sequence;
CREATE TABLE public.parted (x int) PARTITION BY RANGE (x);
CREATE TABLE public.samples AS
    SELECT p AS profile, q AS due, e AS event, l AS alike, (p).traits, (p).ltv, (p).computed, (p).segments,
           (SELECT o FROM other.events o LIMIT 1) AS no_event,
           cdp.segment_query('some & !(away | fa*)') AS query, 'email:a@example.com'::cdp.identifier AS identifier,
           (SELECT cdp.btyd_agg(x % 4, x % 4, 9) FROM generate_series(1, 50) x) AS btyd_state,
           cdp.rfm_accum(NULL, date '2024-01-01', 5, date '2024-03-01', interval '1 day') AS rfm_state,
           cdp.bgnbd_model(0.24, 4.4, 0.79, 2.4, '7 days') AS bgnbd_model, cdp.paretonbd_model(0.5, 10, 0.6, 11, '7 days') AS paretonbd_model,
           cdp.gamma_gamma_model(6.2, 3.7, 15) AS gamma_gamma_model, cdp.rfm((p).ltv, date '2024-12-31', '7 days', 'USD') AS rfm
    FROM (SELECT p FROM shop.profiles p ORDER BY p.profile_id LIMIT 1) f(p)
    CROSS JOIN (SELECT p FROM shop.profiles p ORDER BY p.profile_id OFFSET 1 LIMIT 1) g(q)
    CROSS JOIN (SELECT e FROM shop.events e ORDER BY e.event_id LIMIT 1) h(e)
    CROSS JOIN (SELECT l FROM public.like_profiles l LIMIT 1) i(l);
SELECT cdp.create_workspace('large');
INSERT INTO large.computed_traits (name, kind, expression) VALUES ('items', 'unique_list', $$properties->>'sku'$$);
INSERT INTO large.events (event, identifiers, properties)
SELECT 'Order', '{user_id:1}', jsonb_build_object('sku', 'an article with the number ' || n) FROM generate_series(1, 2000) n;
CREATE TABLE public.large_computed AS SELECT p.computed AS c FROM large.profiles p;
SELECT cdp.drop_workspace('large');
"""

# The same out of line and compressed, as large values are stored.
SETUP += "\n".join("""CREATE TABLE public.stored_%(n)s (large cdp.%(n)s, packed cdp.%(n)s, small cdp.%(n)s);
ALTER TABLE public.stored_%(n)s ALTER large SET STORAGE EXTERNAL, ALTER packed SET STORAGE MAIN, ALTER small SET STORAGE PLAIN;
INSERT INTO public.stored_%(n)s SELECT %(v)s, %(v)s, %(s)s;
GRANT SELECT ON public.stored_%(n)s TO regress_cdp_nobody;""" % {"n": name, "v": large, "s": small} for name, large, small in (
    ("traits", "cdp.traits((SELECT jsonb_object_agg('key ' || n, n) FROM generate_series(1, 2000) n))", "'{}'"),
    ("ltv", "(SELECT cdp.ltv_agg(n * n, 'USD', timestamptz '2001-01-01 00:00+00' + n * interval '1 day') FROM generate_series(1, 2000) n)", "cdp.ltv()"),
    ("computed", "(SELECT f.c FROM public.large_computed f)", "'{}'"),
    ("segment_set", "cdp.segment_set(ARRAY(SELECT 'name ' || n FROM generate_series(1, 2000) n))", "'{}'"),
    ("segment_query", "(SELECT string_agg('n' || n, ' | ') FROM generate_series(1, 2000) n)::cdp.segment_query", "'a'"),
    ("btyd_state", "(SELECT cdp.btyd_agg(n, n, n + 1) FROM generate_series(1, 2000) n)", "cdp.btyd_accum(NULL, 0, 0, 0)"),
    ("identifier", "('n:' || repeat('v', 1000))::cdp.identifier", "'user_id:1'")))

# The server's side: it runs calls one by one, each rolled back, and tells which ended in what.
HELPERS = r"""
CREATE FUNCTION public.try_calls(calls text[]) RETURNS TABLE (n bigint, state text, message text, seconds float8)
    LANGUAGE plpgsql AS $try$
DECLARE
    call text;
    begun timestamptz;
BEGIN
    FOR call, n IN SELECT * FROM unnest(calls) WITH ORDINALITY LOOP
        begun := clock_timestamp();
        BEGIN
            EXECUTE call;
            RAISE EXCEPTION 'done' USING ERRCODE = '00ZZZ';
        EXCEPTION WHEN OTHERS OR ASSERT_FAILURE THEN
            state := SQLSTATE;
            message := SQLERRM;
        END;
        seconds := extract(epoch FROM clock_timestamp() - begun);
        RETURN NEXT;
    END LOOP;
END
$try$;
GRANT SELECT ON public.samples, public.like_profiles TO regress_cdp_nobody;
GRANT CREATE ON SCHEMA public TO regress_cdp_nobody;
CREATE TABLE public.values_of_sets AS SELECT cdp.segment_set(ARRAY['a', 'some', n::text]) AS s, n, n::text AS t, n::float8 AS f,
       ARRAY[n::text] AS a, jsonb_build_object('a', n) AS j FROM generate_series(1, 500) n;
CREATE INDEX ON public.values_of_sets USING gin (s);
ANALYZE public.values_of_sets;
GRANT SELECT ON public.values_of_sets TO regress_cdp_nobody;
"""

def calls_of(function, rng):
    """All calls of one function."""
    names, types = split(function)
    arguments = good_arguments(function)
    lists = [arguments]
    for place, type_name in enumerate(types):
        for odd in VALUES[type_name]:
            lists.append(arguments[:place] + [odd] + arguments[place + 1:])
    if types:
        for _ in range(TUPLES):
            lists.append([rng.choice(VALUES[t] + [g]) for t, g in zip(types, arguments)])
    return [call_of(function, values) for values in lists]


def quote(text):
    return "'" + text.replace("'", "''") + "'"


def backend_ended(error):
    text = str(error)
    return "server closed the connection" in text or "terminating connection" in text or "in recovery mode" in text or "starting up" in text


def wait_for_server():
    for _ in range(600):
        try:
            return sql("SELECT 1")
        except SqlError:
            time.sleep(0.1)
    raise SystemExit("the server does not come back")


def run(calls, role):
    """Runs calls: the faults among them, each (call, what happened), and how many were run."""
    if not calls:
        return []
    before = "SET ROLE regress_cdp_nobody; " if role else ""
    text = before + "SET statement_timeout = '%ds'; SELECT n, state, message, seconds FROM public.try_calls(ARRAY[%s])" % (
        patience(120), ", ".join(quote(c) for c in calls))
    text += " WHERE state LIKE 'XX%' OR seconds > " + str(patience(5))
    try:
        return [(calls[int(n) - 1], "%s %s (%s s)" % (state, message, seconds)) for n, state, message, seconds in rows(text)]
    except SqlError as error:
        if not backend_ended(error) and error.sqlstate != "57014":
            raise
        if backend_ended(error):
            wait_for_server()
        if len(calls) == 1:
            return [(calls[0], "the server ends" if backend_ended(error) else "it takes too long")]
        half = len(calls) // 2
        return run(calls[:half], role) + run(calls[half:], role)


def run_procedures(calls, role):
    faults = []
    for call in calls:
        try:
            sql(("SET ROLE regress_cdp_nobody;\n" if role else "") + "SET statement_timeout = '%ds';\n" % patience(20) + call)
        except SqlError as error:
            if backend_ended(error):
                wait_for_server()
                faults.append((call, "the server ends"))
            elif (error.sqlstate or "XX").startswith("XX"):
                faults.append((call, str(error).splitlines()[0]))
    return faults


# Whoever may make objects can have PostgreSQL call a function where it does not belong.

def operators():
    """Operators on other types, whose selectivity is asked of a function of cdp's."""
    for estimate in ("segment_set_has_any_sel", "segment_set_has_all_sel", "segment_set_has_only_sel", "segment_set_matches_sel"):
        for left, right, function, use in (
                ("integer", "integer", "int4lt", "n <!> 5"), ("integer", "integer", "int4lt", "5 <!> n"), ("text", "text", "texteq", "t <!> 'x'"),
                ("double precision", "double precision", "float8lt", "f <!> 5"), ("text[]", "text[]", "arraycontains", "a <!> '{x}'"),
                ("jsonb", "jsonb", "jsonb_contains", "j <!> '{}'"), ("cdp.segment_set", "text", "cdp.has_segment", "s <!> 'some'"),
                ("cdp.segment_set", "text[]", "cdp.has_any_segment", "s <!> '{some,x}'"), ("cdp.segment_set", "text[]", "cdp.has_any_segment", "s <!> NULL"),
                ("cdp.segment_set", "cdp.segment_set", "cdp.has_any_segment", "s <!> '{some}'"),
                ("cdp.segment_set", "cdp.segment_query", "cdp.matches", "s <!> 'some & !x'"), ("cdp.segment_query", "cdp.segment_set", "cdp.matches", "'some' <!> s"),
                ("NONE", "integer", "int4abs", "<!> n = 5"), ("integer", "text", "public.odd_equal", "n <!> 'x'"), ("integer", "text", "public.odd_equal", "n <!> t")):
            yield ("DO $do$ BEGIN CREATE FUNCTION public.odd_equal(integer, text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1::text = $2; END'; "
                   "CREATE OPERATOR public.<!> (%sRIGHTARG = %s, FUNCTION = %s, RESTRICT = cdp.%s); "
                   "PERFORM 1 FROM public.values_of_sets WHERE %s; PERFORM 1 FROM public.values_of_sets x WHERE NOT (%s) AND (SELECT 5) > 3; END $do$" % (
                       "" if left == "NONE" else "LEFTARG = %s, " % left, right, function, estimate,
                       use.replace("<!>", "OPERATOR(public.<!>)"), use.replace("<!>", "OPERATOR(public.<!>)")))


def aggregates(every):
    """Aggregates of which a function of cdp's is a part: plain, in groups, as a window, of odd values."""
    for identity, kind, sets, names, types, *_ in every:
        types = types.split("|") if types else []
        if kind != "f" or sets == "t" or not types or {"internal", "cstring", "anyelement", "\"char\""} & set(types):
            continue
        name = identity.split("(")[0]
        state, inputs = types[0], types[1:]
        values = [(VALUES[t] * 9)[:9] for t in inputs]
        query = "SELECT %s FROM (VALUES %s) v(%s)" % (
            "{agg}, {agg} FILTER (WHERE n > 2)", ", ".join("(%s)" % ", ".join([str(n)] + [typed(v[n], t) for v, t in zip(values, inputs)]) for n in range(9)),
            ", ".join(["n"] + ["c%d" % n for n in range(len(inputs))]))
        arguments = ", ".join("c%d" % n for n in range(len(inputs)))
        for initial in [None] + VALUES[state][1:4]:
            if initial is not None and not (initial.startswith("'") and initial.endswith("'")):
                continue
            made = "CREATE AGGREGATE public.odd_agg(%s) (SFUNC = %s, STYPE = %s%s)" % (
                ", ".join(inputs) or "*", name, state, ", INITCOND = " + initial if initial else "")
            yield "DO $do$ BEGIN %s; PERFORM x.* FROM (%s) x; PERFORM x.* FROM (%s) x; END $do$" % (
                made, query.replace("{agg}", "public.odd_agg(%s)" % (arguments or "*")),
                query.replace("{agg}", "public.odd_agg(%s)" % (arguments or "*")).replace("FILTER (WHERE n > 2)", "OVER (ORDER BY n ROWS 2 PRECEDING)"))
        # as a final function, also with the arguments of the aggregate
        yield ("DO $do$ BEGIN CREATE FUNCTION public.odd_keep(%(s)s, %(s)s) RETURNS %(s)s LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN coalesce($2, $1); END'; "
               "CREATE AGGREGATE public.odd_agg(%(s)s) (SFUNC = public.odd_keep, STYPE = %(s)s, FINALFUNC = %(f)s); "
               "PERFORM public.odd_agg(x) FROM (VALUES %(v)s) v(x); END $do$" % {
                   "s": state, "f": name, "v": ", ".join("(%s)" % typed(v, state) for v in VALUES[state])})


def triggers():
    """Trigger functions at other times, levels and on other tables than theirs."""
    for function in ("refuse_write", "normalise_event", "ingest_events", "define_segments", "define_computed_traits", "define_rules", "evaluate_columns",
                     "check_value_model"):
        yield "SELECT cdp.%s()" % function
        for when, level, table in (("BEFORE", "ROW", "events"), ("AFTER", "ROW", "events"), ("BEFORE", "STATEMENT", "events"), ("AFTER", "STATEMENT", "segments"),
                                   ("BEFORE", "ROW", "segments"), ("AFTER", "ROW", "segments"), ("INSTEAD OF", "ROW", "seen"), ("BEFORE", "STATEMENT", "profiles"),
                                   ("AFTER", "STATEMENT", "value_models"), ("BEFORE", "ROW", "parted"), ("AFTER", "STATEMENT", "settings")):
            for event, tables in (("INSERT", ""), ("UPDATE", ""), ("DELETE", ""), ("TRUNCATE", ""), ("INSERT", "NEW TABLE AS n"), ("UPDATE", "OLD TABLE AS o NEW TABLE AS n"),
                                  ("UPDATE", "OLD TABLE AS o"), ("DELETE", "OLD TABLE AS o")):
                for schema in ("odd", "shop"):
                    if schema == "shop" and table in ("seen", "parted"):
                        continue
                    made = "" if schema == "shop" else (
                        "CREATE SCHEMA odd; CREATE TABLE odd.events (event_id int, name int); CREATE TABLE odd.segments (name int, predicate int); "
                        "CREATE TABLE odd.profiles (profile_id text); CREATE TABLE odd.value_models (name text); CREATE TABLE odd.settings (time_zone int); "
                        "CREATE VIEW odd.seen AS SELECT * FROM odd.segments; CREATE TABLE odd.parted (x int) PARTITION BY LIST (x); "
                        "CREATE TABLE odd.part PARTITION OF odd.parted DEFAULT; ")
                    column = {"events": "event_id", "segments": "name", "seen": "name", "profiles": "profile_id", "value_models": "name", "parted": "x",
                              "settings": "time_zone"}[table]
                    fire = {"INSERT": "INSERT INTO %(t)s (%(c)s) VALUES (NULL)", "UPDATE": "INSERT INTO %(t)s (%(c)s) VALUES (DEFAULT); UPDATE %(t)s SET %(c)s = %(c)s",
                            "DELETE": "DELETE FROM %(t)s", "TRUNCATE": "TRUNCATE %(t)s"}[event] % {"t": "%s.%s" % (schema, table), "c": column}
                    yield "DO $do$ BEGIN %sCREATE TRIGGER aa_odd %s %s ON %s.%s %s FOR EACH %s EXECUTE FUNCTION cdp.%s(); %s; END $do$" % (
                        made, when, event, schema, table, "REFERENCING " + tables if tables else "", level, function, fire)


def types():
    """Indexes, ranges, domains and partitions of the types."""
    for name in ("identifier", "traits", "ltv", "computed", "segment_set", "segment_query", "btyd_state", "rfm_state", "bgnbd_model", "rfm"):
        values = "(SELECT * FROM (VALUES %s) v(x))" % ", ".join("(%s)" % typed(v, "cdp." + name) for v in VALUES["cdp." + name])
        for statement in ("CREATE TABLE public.odd_t AS SELECT * FROM %(v)s v; ANALYZE public.odd_t; PERFORM x FROM public.odd_t ORDER BY x",
                          "PERFORM x, count(*) FROM %(v)s v GROUP BY x", "PERFORM DISTINCT x FROM %(v)s v", "PERFORM a.x = b.x FROM %(v)s a, %(v)s b",
                          "PERFORM min(x), max(x) FROM %(v)s v", "PERFORM x::text, x::jsonb FROM %(v)s v", "PERFORM row_to_json(v), ROW(x) = ROW(x) FROM %(v)s v",
                          "CREATE TYPE public.odd_r AS RANGE (SUBTYPE = cdp.%(n)s); PERFORM public.odd_r(x, x, '[]'), public.odd_r(x, NULL) @> x FROM %(v)s v",
                          "CREATE DOMAIN public.odd_d AS cdp.%(n)s CHECK (VALUE IS NOT NULL); PERFORM x::public.odd_d FROM %(v)s v WHERE x IS NOT NULL",
                          "CREATE TABLE public.odd_p (x cdp.%(n)s) PARTITION BY HASH (x); CREATE TABLE public.odd_p0 PARTITION OF public.odd_p FOR VALUES WITH (MODULUS 1, REMAINDER 0); "
                          "INSERT INTO public.odd_p SELECT x FROM %(v)s v",
                          "CREATE TABLE public.odd_t AS SELECT * FROM %(v)s v; CREATE INDEX ON public.odd_t (x); CREATE INDEX ON public.odd_t USING hash (x)",
                          "CREATE TABLE public.odd_t AS SELECT * FROM %(v)s v; CREATE INDEX ON public.odd_t USING gin (x); SET LOCAL enable_seqscan = off; "
                          "PERFORM 1 FROM public.odd_t a WHERE x && x; PERFORM 1 FROM public.odd_t WHERE x @@ '*'; PERFORM 1 FROM public.odd_t WHERE x ?| '{a,NULL,a}'; "
                          "PERFORM 1 FROM public.odd_t WHERE x ?& '{}'; PERFORM 1 FROM public.odd_t WHERE x <@ NULL"):
            yield "DO $do$ BEGIN %s; END $do$" % (statement % {"v": values, "n": name})


tap = Tap()
sql(SETUP + HELPERS)
rng = random.Random(SEED)
every = [f for f in functions() if re.search(ONLY, f[0])]
tap.ok(ONLY or len(every) > 390, "the extension has functions", len(every))
unknown = sorted({t for f in every for t in f[4].split("|") if t and t not in VALUES})
tap.equal(unknown, [], "there are odd values of every type of argument")
plain = []
procedures = []
for function in every:
    (procedures if function[1] == "p" else plain).extend(calls_of(function, rng))
misuses = [] if ONLY else [("operators", list(operators())), ("parts of aggregates", list(aggregates(every))), ("triggers", list(triggers())),
           ("uses of the types", list(types()))]
for role in (None, "regress_cdp_nobody"):
    for what, calls in misuses:
        faults = []
        for start in range(0, len(calls), CALLS):
            faults += run(calls[start:start + CALLS], role)
        tap.ok(not faults, "%d %s as %s" % (len(calls), what, role or "a superuser"), "\n".join("%s: %s" % fault for fault in faults))
for role in (None, "regress_cdp_nobody"):
    faults = []
    for start in range(0, len(plain), CALLS):
        faults += run(plain[start:start + CALLS], role)
    faults += run_procedures(procedures, role)
    tap.ok(not faults, "%d calls of %d functions as %s" % (len(plain) + len(procedures), len(every), role or "a superuser"),
           "\n".join("%s: %s" % (call, what) for call, what in faults))
sql("DROP OWNED BY regress_cdp_nobody; DROP ROLE regress_cdp_nobody")
tap.done()
