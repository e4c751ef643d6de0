#!/usr/bin/env python3
"""
A marketer swaps an enumerated type that definitions name for a domain whose constraint calls a function, while
a superuser checks, counts, explains and evaluates. Whenever that happens, the function never runs as anybody
but the marketer: a text is analysed and decided on where it is evaluated.
timeout: 180
weight: 20
"""

import subprocess
import threading
import time

from cdptest import Tap, patience, sql, until, value

PROFILES = 1500

# Takes a while on all profiles, and fails on the last one: who evaluates it begins again.
SLOW = "length(" + "md5(" * 250 + "event_count::text" + ")" * 250 + ") = 32 AND 1 / (profile_id - %d) <= 1"
NAMES_TYPE = "(%s) AND 'a' = ANY ('{a,b}'::public.swapped[]::text[])"
PREDICATE = NAMES_TYPE % (SLOW % PROFILES)
FILTER = NAMES_TYPE % ("length(" + "md5(" * 250 + "event" + ")" * 250 + ") = 32 AND 1 / length(event) = 0")

# The event trigger that guards what definitions name is out of the way.
TO_DOMAIN = """SET session_replication_role = replica; SET ROLE swap_marketer; BEGIN;
    DROP TYPE public.swapped; CREATE DOMAIN public.swapped AS text CHECK (public.swap_spy(value)); COMMIT;"""
TO_ENUM = """SET session_replication_role = replica; SET ROLE swap_marketer; BEGIN;
    DROP DOMAIN public.swapped; CREATE TYPE public.swapped AS ENUM ('a', 'b'); COMMIT;"""

tap = Tap()
sql("""
CREATE ROLE swap_marketer;
GRANT CREATE, USAGE ON SCHEMA public TO swap_marketer;
SELECT cdp.create_workspace('w');
SET ROLE swap_marketer;
CREATE TYPE public.swapped AS ENUM ('a', 'b');
CREATE SEQUENCE public.swap_calls;
-- What a sequence has given stays, whatever becomes of the transaction.
CREATE FUNCTION public.swap_spy(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
    IF current_user <> 'swap_marketer' THEN PERFORM nextval('public.swap_calls'); END IF;
    RETURN true;
END $$;
RESET ROLE;
INSERT INTO w.events (event, identifiers, occurred_at)
    SELECT CASE n WHEN %d THEN '' ELSE 'e' END, ARRAY['user_id:' || n], '2024-01-01' FROM generate_series(1, %d) n;
""" % (PROFILES, PROFILES))


def quoted(text):
    return "'%s'" % text.replace("'", "''")


def spied():
    """How often the function has run as somebody else since the last time."""
    calls = value("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM public.swap_calls")
    sql("SELECT setval('public.swap_calls', 1, false)")
    return calls


def swap_during(statement, what):
    """Swaps once the statement is at work on the profiles or events."""
    outcome = []

    def run():
        try:
            outcome.append(sql("SET application_name = 'swap_victim'; " + statement, timeout=patience(100)))
        except Exception as error:  # the statement may fail: what matters is what it runs
            outcome.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        until("""EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid)
                         WHERE a.application_name = 'swap_victim' AND l.relation = 'w.profiles'::regclass
                           AND clock_timestamp() > a.query_start + interval '0.3 s')""")
        sql(TO_DOMAIN)
    except RuntimeError:
        pass
    thread.join()
    tap.equal(spied(), "0", "%s: the function has not run as somebody else" % what)
    sql(TO_ENUM if value("SELECT typtype FROM pg_type WHERE typname = 'swapped'") == "d" else "SELECT 1")


sql("INSERT INTO w.segments VALUES ('swap', %s)" % quoted(PREDICATE))
swap_during("SELECT * FROM cdp.check('w')", "cdp.check of a segment")
swap_during("SELECT * FROM cdp.check_segment('w', 'swap', %s, true)" % quoted(PREDICATE), "cdp.check_segment")
swap_during("SELECT cdp.count('w', %s)" % quoted(PREDICATE), "cdp.count")
swap_during("SELECT cdp.reevaluate('w')", "cdp.reevaluate")
sql("DELETE FROM w.segments; INSERT INTO w.computed_traits (name, kind, filter) VALUES ('swap', 'count', %s)" % quoted(FILTER))
swap_during("SELECT * FROM cdp.check('w')", "cdp.check of a computed trait")

# After the swap: nothing that meets the definitions runs it, and all say that they are no more.
sql("INSERT INTO w.segments VALUES ('swap', %s)" % quoted(NAMES_TYPE % "true"))
sql(TO_DOMAIN)
for statement in ("SELECT * FROM cdp.check('w')", "SELECT * FROM cdp.status('w')", "SELECT cdp.reevaluate('w')", "SELECT cdp.rebuild('w')",
                  "INSERT INTO w.events (event, identifiers) VALUES ('e', '{user_id:1}')"):
    sql(statement)
for statement in ("SELECT * FROM cdp.explain_segment('w', 1, 'swap')", "SELECT cdp.count('w', %s)" % quoted(PREDICATE),
                  "SELECT cdp.predicate_sql('w', '', %s)" % quoted(PREDICATE)):
    try:
        sql(statement)
    except Exception:
        pass
tap.equal(spied(), "0", "after the swap: nothing has run it")
tap.equal(value("SELECT count(*) > 0 FROM w.segment_errors WHERE message ~ 'swapped'"), "t", "the failed predicate says why")
tap.equal(sql("SELECT kind, key FROM cdp.check('w')"), "computed\tdefinition of swap\nsegments\tdefinition of swap\n",
          "cdp.check finds the definitions, and nobody in them")
sql(TO_ENUM)

# Back and forth, as fast as it goes, beside checks of the text
stop = time.monotonic() + 5
swapper = subprocess.Popen(["psql", "-X", "-q"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
script = "\n".join((TO_DOMAIN, TO_ENUM))


def swap_on():
    while time.monotonic() < stop:
        swapper.stdin.write(script * 20)
        swapper.stdin.flush()
        time.sleep(0.05)
    swapper.stdin.close()


thread = threading.Thread(target=swap_on)
thread.start()
while time.monotonic() < stop:
    sql("""DO $$ BEGIN FOR n IN 1..200 LOOP BEGIN PERFORM cdp.check_predicate('w', '', %s);
           EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP; END $$""" % quoted(NAMES_TYPE % "true"))
thread.join()
swapper.wait()
tap.equal(spied(), "0", "while it is swapped all the time: nothing has run it")
tap.done()
