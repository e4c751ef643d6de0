#!/usr/bin/env python3
"""
statement_timeout between 1 and 200 ms (and one that is long enough) over ingest, merge, definitions,
reevaluation and rebuild. Each ends with success or with error 57014 within a second of the timeout, an
error has changed nothing, and the session that had it goes on as if nothing had happened.
timeout: 180

    timeouts.py [EVENTS [STEP]]     events in a statement (400), step of the timeouts (40 ms)
"""

import subprocess
import sys

from cdptest import Tap, rows, sql

EVENTS = int(sys.argv[1]) if len(sys.argv) > 1 else 400
STEP = int(sys.argv[2]) if len(sys.argv) > 2 else 40
TIMEOUTS = sorted({1, 2, 3, 5, 8, 200, 5000} | set(range(STEP, 200, STEP)))

STREAM = """INSERT INTO w.events (event, identifiers, amount, traits)
    SELECT 'stream', ARRAY['user_id:' || (n * {seed}) % 700, 'cookie:' || (n * 7 + {seed}) % 1900,
                           'email:m' || (n * 13) % 900 || '@example.com'], n * 0.01,
           jsonb_build_object('plan', n % 7, 'k' || n % 5, n)
    FROM generate_series(1, {events}) n"""

# name: (before it, the statement, after it where it succeeded); {n} is the number of the attempt
OPERATIONS = {
    "define a segment": ("", """INSERT INTO w.segments (name, predicate)
                                    VALUES ('s{n}', $$(traits->>'k1')::int % 5 = 1 OR event_count > {n}$$)""",
                         "DELETE FROM w.segments WHERE name = 's{n}'"),
    "change a rule": ("", """UPDATE w.identifier_namespaces SET max_per_profile = 2 + {n} % 4
                                 WHERE namespace = 'email'""", ""),
    "reevaluate": ("", "SELECT cdp.reevaluate('w')", ""),
    "rebuild": ("", "SELECT cdp.rebuild('w')", ""),
    "ingest": ("", STREAM.format(seed="{n}", events=EVENTS), ""),
    "ingest in batches": ("SET cdp.batch_events = 100", STREAM.format(seed="{n} + 1000", events=EVENTS),
                          "RESET cdp.batch_events"),
    "merge": ("""INSERT INTO w.events (event, identifiers)
                     SELECT 'before', ARRAY['device:{n}-' || i] FROM generate_series(0, 200) i""",
              """INSERT INTO w.events (event, identifiers)
                     SELECT 'merge', ARRAY['device:{n}-' || i, 'device:{n}-' || i - 1]
                     FROM generate_series(1, 200) i ORDER BY i % 10""", ""),
}

TABLES = ("events", "event_ids", "profiles", "identifiers", "identity_links", "identity_refusals", "merges",
          "segments", "segment_changes", "segment_errors", "identifier_namespaces")
DIGEST = "SELECT md5(%s) AS digest" % " || ".join(
    "(SELECT coalesce(sum(hashtextextended(t::text, 0)), 0)::text FROM w.%s t)" % table
    for table in TABLES)


def attempts(name):
    """The psql script of a sweep: a line "timeout sqlstate seconds unchanged" per attempt."""
    before, statement, after = OPERATIONS[name]
    yield "\\set QUIET on"
    yield "\\pset format unaligned"
    yield "\\pset tuples_only on"
    yield "SET client_min_messages = error;"
    for n, timeout in enumerate(TIMEOUTS, 1):
        if before:
            yield before.format(n=n) + ";"
        yield DIGEST + " \\gset before_"
        yield "SELECT clock_timestamp() AS at \\gset"
        yield "\\o /dev/null"
        # in one message, so that the setting goes with the statement
        yield "SET LOCAL statement_timeout = %d\\; %s;" % (timeout, statement.format(n=n))
        yield "\\set state :SQLSTATE"
        yield "\\set failed :ERROR"
        # a timeout that comes just as the statement ends may hit the next one
        yield "SELECT;"
        yield "\\o"
        yield ("SELECT %d, :'state', extract(epoch FROM clock_timestamp() - :'at') AS seconds, "
               "digest = :'before_digest' FROM (%s) d;" % (timeout, DIGEST))
        # the same session works on
        yield ("INSERT INTO w.events (event, identifiers, amount) "
               "VALUES ('after', ARRAY['user_id:%d', 'cookie:%d'], 1);" % (n, n))
        if after:
            yield "\\if :failed"
            yield "\\else"
            yield after.format(n=n) + ";"
            yield "\\endif"


def sweep(name):
    script = "\n".join(attempts(name))
    done = subprocess.run(["psql", "-X", "-q", "-f", "-"], input=script, capture_output=True, text=True)
    return [line.split("|") for line in done.stdout.splitlines() if line.count("|") == 3], done.stderr


def main():
    tap = Tap()
    sql("""
        SELECT cdp.create_workspace('w');
        INSERT INTO w.segments (name, predicate) VALUES
            ('vip', $$cdp.total(ltv, 'USD') >= 20$$), ('planned', $$(traits->>'plan')::int > 3$$);
        """ + STREAM.format(seed=1, events=EVENTS))
    stopped = 0
    for name in OPERATIONS:
        lines, errors = sweep(name)
        tap.ok(len(lines) == len(TIMEOUTS), "%s: every attempt ended" % name, errors)
        states = [state for _, state, _, _ in lines]
        ended = states.count("57014")
        stopped += ended
        tap.ok(set(states) <= {"00000", "57014"} and ended < len(states),
               "%s: %d time-outs, %d successes" % (name, ended, len(states) - ended), errors)
        late = [line for line in lines if float(line[2]) > int(line[0]) / 1000 + 1]
        tap.equal(late, [], "%s: ended within a second of the timeout" % name)
        half = [line for line in lines if (line[1] == "57014") and line[3] != "t"]
        tap.equal(half, [], "%s: a time-out has changed nothing" % name)
        strange = [line for line in errors.splitlines() if "ERROR" in line and "statement timeout" not in line]
        tap.equal(strange, [], "%s: the session had no other error" % name)
        tap.equal(rows("SELECT * FROM cdp.check('w') LIMIT 20"), [], "%s: cdp.check finds nothing" % name)
    tap.ok(stopped >= len(OPERATIONS), "%d statements were stopped" % stopped)
    tap.done()


if __name__ == "__main__":
    main()
