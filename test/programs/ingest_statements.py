#!/usr/bin/env python3
"""
Statements of two parts: an INSERT into events beside another, beside a change of definitions, of profiles or a
call of cdp's functions; as modifying CTEs, as a function called by the statement, as a rule, as a row trigger of
events or of profiles.
Each is right (cdp.check finds nothing, every event is stored once) or refused (0A000, or PostgreSQL's own 27000).

    test/programs/ingest_statements.py [SHARE [SEED]]     of how many statements one runs (20; 1: all)

weight: 15
"""

import random
import sys

from cdptest import Tap, rows, sql, value

SHARE = int(sys.argv[1]) if len(sys.argv) > 1 else 20
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 7

SETUP = r"""
SET client_min_messages = warning;
SELECT cdp.create_workspace('w');
ALTER TABLE w.profiles ADD COLUMN tier int;
INSERT INTO w.computed_traits (name, kind) VALUES ('events', 'count');
INSERT INTO w.segments (name, predicate) VALUES ('busy', 'event_count >= 3'), ('gold', 'tier > 1'),
    ('active', 'cdp.computed_int(computed, ''events'') >= 2');
INSERT INTO w.events (event_id, event, identifiers, amount, occurred_at)
SELECT cdp.event_id('e' || i), 'Order', ARRAY['user_id:u' || i % 5, 'email:e' || i % 5 || '@example.com', 'cookie:c' || i],
       i, timestamptz '2024-01-10 00:00+00' + i * interval '1 hour'
FROM generate_series(1, 20) i;
INSERT INTO w.events (event_id, event, identifiers) VALUES
    (cdp.event_id('m1'), 'Visit', '{cookie:m1}'), (cdp.event_id('m2'), 'Visit', '{cookie:m2}');
SELECT cdp.link('w', 'cookie:m1', 'cookie:x1');
CREATE TABLE public.made (n int);

-- what a statement did: its SQLSTATE, what cdp.check found, by how many rows events grew; all is undone
CREATE FUNCTION public.attempt(prepare text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    state text;
    message text;
    found bigint;
    before bigint := (SELECT count(*) FROM w.events);
    grown bigint;
BEGIN
    BEGIN
        EXECUTE prepare;
        BEGIN
            EXECUTE statement;
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS message = MESSAGE_TEXT;
            state := SQLSTATE;
        END;
        SELECT count(*), concat_ws(', ', message, min(concat_ws(' ', c.kind, c.key, c.stored, c.expected)))
        INTO found, message
        FROM cdp.check('w') c;
        SELECT count(*) - before INTO grown FROM w.events;
        RAISE EXCEPTION 'undo' USING ERRCODE = 'ZZ000';
    EXCEPTION WHEN SQLSTATE 'ZZ000' THEN
        NULL;
    END;
    RETURN concat_ws('|', coalesce(state, 'done'), coalesce(found, 0), grown, coalesce(message, ''));
END
$$;
"""

# name, statement, events that it adds
INSERTS = [
    ("insert new", "INSERT INTO w.events (event, identifiers, amount) VALUES ('Order', '{user_id:new,email:n@example.com}', 5) RETURNING 1", 1),
    ("insert known", "INSERT INTO w.events (event, identifiers, amount) VALUES ('Order', '{user_id:u1}', 5) RETURNING 1", 1),
    ("insert merge", "INSERT INTO w.events (event, identifiers) VALUES ('Login', '{user_id:u2,cookie:m1,cookie:m2}') RETURNING 1", 1),
    ("insert late", "INSERT INTO w.events (event, identifiers, occurred_at) VALUES ('Login', '{user_id:u9,cookie:c3,cookie:c4}', '2024-01-01 00:00+00') RETURNING 1", 1),
    ("insert repeat", "INSERT INTO w.events (event_id, event, identifiers) VALUES (cdp.event_id('e1'), 'Order', '{user_id:u1}') RETURNING 1", 0),
    ("insert many", "INSERT INTO w.events (event, identifiers, amount) SELECT 'Order', ARRAY['user_id:u' || i % 7, 'cookie:c' || i], i FROM generate_series(1, 30) i RETURNING 1", 30),
]
OTHERS = [
    ("settings", "UPDATE w.settings SET default_currency = 'EUR' RETURNING 1"),
    ("time zone", "UPDATE w.settings SET time_zone = 'Asia/Tokyo' RETURNING 1"),
    ("add segment", "INSERT INTO w.segments (name, predicate) VALUES ('rich', 'cdp.total(ltv, ''USD'') > 20') RETURNING 1"),
    ("change segment", "UPDATE w.segments SET predicate = 'event_count >= 2' WHERE name = 'busy' RETURNING 1"),
    ("drop segment", "DELETE FROM w.segments WHERE name = 'gold' RETURNING 1"),
    ("add trait", "INSERT INTO w.computed_traits (name, kind, expression) VALUES ('spent', 'sum', 'amount') RETURNING 1"),
    ("change trait", "UPDATE w.computed_traits SET filter = 'event = ''Order''' WHERE name = 'events' RETURNING 1"),
    ("add namespace", "INSERT INTO w.identifier_namespaces (namespace, priority, max_per_profile) VALUES ('pos', 15, 1) RETURNING 1"),
    ("change namespace", "UPDATE w.identifier_namespaces SET max_per_profile = 1 WHERE namespace = 'email' RETURNING 1"),
    ("block", "INSERT INTO w.blocked_identifiers (namespace, value) VALUES ('cookie', 'c3') RETURNING 1"),
    ("own column", "UPDATE w.profiles SET tier = 3 RETURNING 1"),
    ("scores", "UPDATE w.profiles SET scores = '{\"a\": 1}' RETURNING 1"),
    ("rates", "INSERT INTO w.exchange_rates (currency, day, rate) VALUES ('EUR', '2024-01-01', 1.1) RETURNING 1"),
    ("link", "SELECT cdp.link('w', 'user_id:u1', 'user_id:u2')"),
    ("unlink", "SELECT cdp.unlink('w', 'cookie:m1', 'cookie:x1')"),
    ("separate", "SELECT cdp.separate('w', 'user_id:u1', 'cookie:c1')"),
    ("rebuild", "SELECT cdp.rebuild('w')"),
    ("reevaluate", "SELECT cdp.reevaluate('w')"),
    ("tick", "SELECT cdp.tick('w')"),
]


def literal(text):
    return "'" + text.replace("'", "''") + "'"


def no_result(statement):
    return statement.removesuffix(" RETURNING 1")


def called(statement):
    """A function that runs the statement, to be called from another one."""
    return "CREATE FUNCTION public.part() RETURNS int LANGUAGE plpgsql AS $f$ BEGIN %s; RETURN 1; END $f$" % (
        statement.replace("SELECT", "PERFORM", 1) if statement.startswith("SELECT") else no_result(statement))


def trigger(when):
    return ("CREATE FUNCTION public.fires() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN "
            "IF (SELECT count(*) FROM public.made) = 0 THEN INSERT INTO public.made VALUES (1); PERFORM public.part(); END IF; "
            "RETURN NEW; END $f$; "
            "CREATE TRIGGER %s %s FOR EACH ROW EXECUTE FUNCTION public.fires();") % (
                "a_fires" if "BEFORE" in when else "fires", when)


def statements():
    """(name, preparation, statement, events when done) of every pair in every shape."""
    parts = [(name, text, n) for name, text, n in INSERTS] + [(name, text, 0) for name, text in OTHERS]
    for a_name, a, a_events in parts:
        for b_name, b, b_events in parts:
            modifies = not b.startswith("SELECT")
            if a.startswith("SELECT") or a_name == b_name and not a_name.startswith("insert"):
                continue
            both = a_events + b_events
            if modifies:
                yield ("%s and %s, two CTEs" % (a_name, b_name), "",
                       "WITH a AS (%s), b AS (%s) SELECT 1" % (a, b), both)
                yield ("%s in a CTE of %s" % (a_name, b_name), "", "WITH a AS (%s) %s" % (a, b), both)
            yield ("%s, then a call of %s" % (a_name, b_name), called(b),
                   "WITH a AS (%s) SELECT public.part() FROM a LIMIT 1" % a, both)
            yield ("a call of %s, then %s" % (b_name, a_name), called(b),
                   "WITH b AS MATERIALIZED (SELECT public.part() AS x), a AS (%s) SELECT x FROM b" % a, both)
            if a_name.startswith("insert"):
                if modifies and not b.startswith("INSERT"):
                    yield ("%s by a rule on %s" % (b_name, a_name),
                           "CREATE RULE also AS ON INSERT TO w.events DO ALSO " + no_result(b), no_result(a), a_events)
                for when in ("BEFORE", "AFTER"):
                    yield ("%s by a row trigger %s %s" % (b_name, when.lower(), a_name),
                           called(b) + "; " + trigger(when + " INSERT ON w.events"), no_result(a), both)
    # owners' triggers on a derived table
    for a_name, a, _ in parts:
        for b_name, b, _ in parts:
            if a_name == b_name and not a_name.startswith("insert"):
                continue
            for when in ("BEFORE", "AFTER"):
                yield ("%s by a trigger on profiles %s %s" % (b_name, when.lower(), a_name),
                       called(b) + "; " + trigger(when + " INSERT OR UPDATE ON w.profiles"), no_result(a), None)


tap = Tap()
sql(SETUP)
everything = list(statements())
generator = random.Random(SEED)
chosen = [s for s in everything if SHARE == 1 or generator.randrange(SHARE) == 0]
outcomes = {}
wrong = []
answers = rows("\n".join("SELECT public.attempt(%s, %s);" % (literal(p or "SELECT 1"), literal(s))
                         for _, p, s, _ in chosen), timeout=3000)
for (name, prepare, statement, events), (answer,) in zip(chosen, answers):
    state, found, grown, message = answer.split("|", 3)
    outcomes[state] = outcomes.get(state, 0) + 1
    if found != "0":
        wrong.append("%s: %s findings: %s" % (name, found, message))
    elif state == "done" and events is not None and int(grown) != events:
        wrong.append("%s: %s events instead of %d" % (name, grown, events))
    elif state not in ("done", "0A000", "27000"):
        wrong.append("%s: %s %s" % (name, state, message))
print("# %d of %d statements: %s" % (len(chosen), len(everything), ", ".join("%s %d" % o for o in sorted(outcomes.items()))))
tap.ok(not wrong, "a statement of two parts is right or refused", "\n".join(wrong[:40] + ["%d wrong" % len(wrong)]))
tap.ok(outcomes.get("done", 0) > 0 and outcomes.get("0A000", 0) > 0, "some are done, some refused")
tap.equal(value("SELECT count(*) FROM cdp.check('w')"), "0", "in the end all is as it was")
tap.done()
