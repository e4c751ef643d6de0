#!/usr/bin/env python3
"""
pgbench: eight clients insert events whose identifiers overlap - profiles merge, limits are hit, rows
of one statement come in any order, some identifiers are junk, some events come twice. Meanwhile
segments and rules change and the workspace is rebuilt. The same with statements of several batches, and
at the other isolation levels, where a serialization failure is tried again. No deadlock, no other error, no event lost, and cdp.check
finds nothing.
timeout: 200
weight: 19

    house_load.py [N]     times the transactions of a run of half a minute (0.4; make test-long has 20)
"""

import os
import re
import subprocess
import sys
import threading

from cdptest import Tap, rows, sql, value

TIMES = float(sys.argv[1]) if len(sys.argv) > 1 else 0.4
CLIENTS = 8

INSERT = "INSERT INTO w.events (event, source, identifiers, amount, traits) VALUES "

# name: (weight, events per transaction, pgbench script)
SCRIPTS = {
    "one": (8, 1, """
\\set u random_zipfian(1, 400, 1.1)
\\set c random(1, 3000)
""" + INSERT + """('page', 'one', ARRAY['cookie:' || :c::text, 'user_id:' || :u::text], NULL, NULL);
"""),
    "anonymous": (8, 1, """
\\set c random(1, 3000)
\\set a random(1, 5000)
""" + INSERT + """('page', 'anonymous', ARRAY['cookie:' || :c::text], :a::int * 0.01, NULL);
"""),
    # three people at once, in any order, who share cookies and e-mails
    "three": (6, 3, """
\\set a random(1, 400)
\\set b random(1, 400)
\\set c random(1, 3000)
\\set d random(1, 3000)
\\set e random(1, 800)
""" + INSERT + """
    ('sign-in', 'three', ARRAY['user_id:' || :a::text, 'cookie:' || :c::text], 1, jsonb_build_object('plan', :a::int)),
    ('sign-in', 'three', ARRAY['email:' || 'mail' || :e::text || '@example.com', 'cookie:' || :d::text], 2, NULL),
    ('sign-in', 'three', ARRAY['cookie:' || :c::text, 'email:' || 'mail' || :e::text || '@example.com', 'user_id:' || :b::text], 3,
     jsonb_build_object('plan', :b::int, 'e', :e::int));
"""),
    # a dozen rows that nobody sorted
    "many": (2, 12, """
\\set s random(1, 1000000)
""" + INSERT.replace(" VALUES ", " ") + """
    SELECT 'batch', 'many', CASE n % 3
               WHEN 0 THEN ARRAY['cookie:' || (:s::int * n) % 3000, 'device:' || (:s::int + n) % 5000]
               WHEN 1 THEN ARRAY['email:' || 'mail' || (:s::int * n) % 800 || '@example.com', 'device:' || (:s::int * 7 + n) % 5000]
               ELSE ARRAY['device:' || (:s::int + n * 13) % 5000] END, n, NULL
    FROM generate_series(1, 12) n ORDER BY md5(n || 'x' || :s::text);
"""),
    "junk": (2, 2, """
\\set u random(1, 400)
\\set j random(1, 20)
""" + INSERT + """
    ('junk', 'junk', ARRAY['user_id:' || :u::text, 'email:' || 'not-' || :j::text, 'cookie:' || 'null', 'phone:' || '12'], 1, NULL),
    ('junk', 'junk', ARRAY['cookie:' || 'undefined', 'email:' || 'junk' || :j::text, NULL], 1, NULL);
"""),
    # ids that come again and again, in one statement too; not counted
    "repeat": (2, 0, """
\\set i random(1, 500)
\\set k random(1, 500)
INSERT INTO w.events (event_id, occurred_at, event, source, identifiers, amount) VALUES
    (cdp.event_id('r' || :i::text), '2024-01-01', 'repeat', 'repeat', ARRAY['cookie:' || :i::text], 5),
    (cdp.event_id('r' || :k::text), '2024-01-01', 'repeat', 'repeat', ARRAY['cookie:' || :k::text], 5),
    (cdp.event_id('r' || :i::text), '2024-01-01', 'repeat', 'repeat', ARRAY['cookie:' || :i::text], 5);
"""),
}

CHANGES = [
    "INSERT INTO w.segments (name, predicate) VALUES ('late', 'event_count % 2 = 0') ON CONFLICT DO NOTHING",
    "UPDATE w.segments SET predicate = 'cdp.purchases(ltv) > 20' WHERE name = 'late'",
    "SELECT cdp.reevaluate('w')",
    "INSERT INTO w.computed_traits (name, kind, expression, window_days) VALUES ('late', 'sum', 'amount', 30), "
    "('failing_late', 'max', $$1 / (amount::int - 37)$$, NULL) ON CONFLICT DO NOTHING",
    "UPDATE w.computed_traits SET filter = 'amount > 1', window_days = NULL WHERE name = 'late'",
    "DELETE FROM w.computed_traits WHERE name LIKE '%late'",
    "INSERT INTO w.identifier_namespaces VALUES ('device', 15, 3) ON CONFLICT (namespace) "
    "DO UPDATE SET max_per_profile = excluded.max_per_profile",
    "DELETE FROM w.segments WHERE name = 'late'",
    "SELECT cdp.rebuild('w')",
    "UPDATE w.identifier_namespaces SET priority = 80, max_per_profile = NULL WHERE namespace = 'device'",
    "INSERT INTO w.blocked_identifiers (namespace, value) VALUES ('cookie', '7')",
    "DELETE FROM w.blocked_identifiers WHERE value = '7'",
]


def run_load(transactions, level, batch_events, changing):
    """pgbench; returns (exit code, output, events acknowledged, error of a change or None)."""
    folder = os.environ["CDP_TMP"]
    env = dict(os.environ, PGOPTIONS="-c cdp.batch_events=%d -c default_transaction_isolation=%s" % (
        batch_events, level.replace(" ", "\\ ")))
    # One thread: pgbench counts the transactions of a script without a lock.
    argv = ["pgbench", "-n", "-c", str(CLIENTS), "-j", "1", "-t", str(transactions), "-M", "prepared",
            "--max-tries", "10000", "--random-seed", "7"]
    for name, (weight, _, script) in SCRIPTS.items():
        path = os.path.join(folder, name + ".sql")
        with open(path, "w", encoding="utf-8") as f:
            f.write(script)
        argv += ["-f", "%s@%d" % (path, weight)]
    trouble = []
    ended = threading.Event()

    def change():
        while not ended.is_set():
            for statement in CHANGES:
                try:
                    sql("SET client_min_messages = warning; " + statement)
                except Exception as error:  # pylint: disable=broad-except
                    trouble.append("%s: %s" % (statement, error))
                if ended.wait(0.3):
                    break

    changer = threading.Thread(target=change)
    if changing:
        changer.start()
    done = subprocess.run(argv, capture_output=True, text=True, env=env)
    ended.set()
    if changing:
        changer.join()
    events = 0
    for path, count in re.findall(r"SQL script \d+: (\S+)\n.*\n - (\d+) transactions", done.stdout):
        events += int(count) * SCRIPTS[os.path.basename(path)[:-4]][1]
    return done.returncode, done.stdout + done.stderr, events, "\n".join(trouble)


def main():
    tap = Tap()
    sql("""
        SELECT cdp.create_workspace('w');
        INSERT INTO w.computed_traits (name, kind, event, expression, window_days) VALUES
            ('seen', 'count', NULL, NULL, 30), ('sources', 'unique_count', NULL, 'source', NULL),
            ('last', 'last', NULL, 'event', NULL), ('biggest', 'max', NULL, 'amount', 7);
        INSERT INTO w.segments (name, predicate) VALUES
            ('busy', $$cdp.computed_int(computed, 'seen') > 3$$), ('vip', $$cdp.total(ltv, 'USD') >= 20$$), ('planned', $$(traits->>'plan')::int > 200$$),
            ('failing', $$(traits->>'e')::int / (event_count % 3) > 1$$);
        """)
    acknowledged = 0
    log_start = os.path.getsize(os.environ["CDP_SERVER_LOG"])
    for when, transactions, level, batch_events, changing in (
            ("inserts alone", 300, "read committed", 1000, False),
            ("while definitions change", 100, "read committed", 1000, True),
            ("several batches", 80, "read committed", 2, False),
            ("several batches while definitions change", 30, "read committed", 1, True),
            ("repeatable read", 40, "repeatable read", 1000, False),
            ("serializable", 40, "serializable", 2, False)):
        code, output, events, trouble, retried = 0, "", 0, "", 0
        # Above READ COMMITTED until some transactions have met, which takes luck on a slow machine.
        for _ in range(1 if level == "read committed" else 20):
            code, output, more, trouble = run_load(round(TIMES * transactions), level, batch_events, changing)
            events += more
            retried += int(re.search(r"transactions retried: (\d+)|$", output).group(1) or 0)
            if retried or code != 0:
                break
        acknowledged += events
        tap.ok(code == 0 and "ERROR" not in output, "%s: no client got an error" % when, output)
        if changing:
            tap.ok(not trouble, "%s: no change failed" % when, trouble)
        tap.ok(events > 100 and (retried > 0) == (level != "read committed"),
               "%s: %d events acknowledged, %d transactions tried again" % (when, events, retried), output)
        tap.equal(rows("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"),
                  [["0"]], "%s: no deadlock" % when)
        tap.equal(value("SELECT count(*) FROM w.events WHERE source <> 'repeat'"), str(acknowledged),
                  "%s: acknowledged events are the stored ones" % when)
        tap.equal(value("SELECT count(*) - count(DISTINCT event_id) FROM w.events"), "0",
                  "%s: no event twice" % when)
        tap.equal(rows("SELECT * FROM cdp.check('w') LIMIT 20"), [], "%s: cdp.check finds nothing" % when)
    with open(os.environ["CDP_SERVER_LOG"], encoding="utf-8", errors="replace") as f:
        f.seek(log_start)
        strange = [line for line in f if re.search(r"leak|PANIC|TRAP|terminated by signal", line)]
    tap.equal(strange, [], "the server's log has nothing strange")
    print("# " + sql("SELECT (SELECT count(*) FROM w.events) || ' events, ' || (SELECT count(*) FROM w.profiles)"
                     " || ' profiles, ' || (SELECT count(*) FROM w.merges) || ' merges, ' ||"
                     " (SELECT count(*) FROM w.identity_refusals) || ' refusals, ' ||"
                     " (SELECT count(*) FROM w.segment_errors) || ' segment errors'").strip())
    tap.done()


if __name__ == "__main__":
    main()
