#!/usr/bin/env python3
"""
pgbench: eight clients insert events - late ones, of people who share e-mails and cookies, beyond limits -
while they link, unlink, separate and unseparate people - also identifiers that no event has named, which come
and go with the decisions on them - and change limits, blocked values and what counts as generic, each a
transaction of one statement. No deadlock, no error but those that the functions name, no
event lost; cdp.check finds nothing, and the state is that of the brute-force oracle.
timeout: 170
weight: 12

    identity_load.py [N]     transactions of each client (120, and a quarter in several batches; make test-long has 1,500)
"""

import os
import re
import subprocess
import sys

from cdptest import Tap, rows, sql, value
from identity_oracle import Rules, solve
from identity_state import differences, expected, read_decisions, read_events, read_rules, stored, too_few_companions

TRANSACTIONS = int(sys.argv[1]) if len(sys.argv) > 1 else 120
CLIENTS = 8
PEOPLE = 150

INSERT = "INSERT INTO w.events (occurred_at, event, source, identifiers, amount, traits) VALUES "
LATE = "now() - :h::int * interval '1 hour'"

# name: (weight, events per transaction, pgbench script)
SCRIPTS = {
    "person": (20, 1, """
\\set u random_zipfian(1, :people, 1.1)
\\set c random(1, 2000)
\\set h random(0, 1)
""" + INSERT + """(now() - :h::int * interval '1 minute', 'page', 'person', ARRAY['cookie:' || :c::text, 'user_id:' || :u::text], 1, NULL);
"""),
    "late": (8, 1, """
\\set u random(1, :people)
\\set e random(1, 300)
\\set h random(1, 2000)
""" + INSERT + "(" + LATE + """, 'sign-in', 'late', ARRAY['user_id:' || :u::text, 'email:' || 'm' || :e::text || '@example.com'], 0.5,
    jsonb_build_object('plan', :e::int));
"""),
    # three people in any order, who share cookies, phones and a till
    "three": (6, 3, """
\\set a random(1, :people)
\\set b random(1, :people)
\\set c random(1, 2000)
\\set d random(1, 2000)
\\set e random(1, 300)
\\set h random(1, 100)
""" + INSERT + "(" + LATE + """, 'visit', 'three', ARRAY['cookie:' || 'till' || :c::int % 40, 'email:' || 'm' || :e::text || '@example.com'], 1, NULL),
    (now(), 'visit', 'three', ARRAY['cookie:' || :d::text, 'phone:+84' || 981550000 + :b::int], 2, NULL),
    (""" + LATE + """, 'visit', 'three', ARRAY['loyalty:' || :a::int / 2, 'cookie:' || :c::text, 'user_id:' || :a::text], 3, NULL);
"""),
    # the same few pairs again and again, so that there is something to withdraw
    "link": (4, 0, """
\\set a random(1, 60)
\\set k random(1, 2)
SELECT cdp.link('w', 'user_id:' || :a::text, 'user_id:' || :a::int + :k::int);
"""),
    "unlink": (4, 0, """
\\set a random(1, 60)
\\set k random(1, 2)
SELECT cdp.unlink('w', 'user_id:' || :a::int + :k::int, 'user_id:' || :a::text);
"""),
    # people whom nobody links
    "separate": (3, 0, """
\\set a random(70, 110)
\\set k random(1, 3)
SELECT cdp.separate('w', 'user_id:' || :a::text, 'user_id:' || :a::int + :k::int);
"""),
    "unseparate": (3, 0, """
\\set a random(70, 110)
\\set k random(1, 3)
SELECT cdp.unseparate('w', 'user_id:' || :a::text, 'user_id:' || :a::int + :k::int);
"""),
    # both of the same pairs: one may not be, and says so
    "contradict": (6, 0, """
\\set a random(1, 5)
\\set d random(0, 3)
SELECT tried((ARRAY['link', 'unlink', 'separate', 'unseparate'])[:d::int + 1],
    'email:' || 'm' || :a::text || '@example.com', 'email:' || 'm' || :a::int + 1 || '@example.com');
"""),
    # guests, whom no event names for good: their rows come with decisions and go with them
    "guests": (6, 0, """
\\set a random(1, 4)
\\set k random(1, 3)
\\set d random(0, 1)
SELECT cdp.decide('w', 'guest:' || :a::text, 'guest:' || :a::int + :k::int, false, :d::int = 1, 'guests');
"""),
    "guest": (4, 0, """
\\set a random(1, 4)
\\set d random(0, 1)
SELECT cdp.decide('w', 'guest:' || :a::text, 'user_id:' || :a::int + 140, true, :d::int = 1, 'guest');
"""),
    # tags, which anchor no event: they lose their profile with the link to it
    "tag": (4, 2, """
\\set t random(1, 6)
\\set u random(1, :people)
\\set h random(1, 2000)
""" + INSERT + "(" + LATE + """, 'tagged', 'tag', ARRAY['tag:' || :t::text], 1, NULL),
    (now(), 'tagged', 'tag', ARRAY['user_id:' || :u::text], 1, NULL);
"""),
    "tagging": (6, 0, """
\\set t random(1, 6)
\\set d random(0, 1)
SELECT cdp.decide('w', 'tag:' || :t::text, 'user_id:' || :t::int + 130, true, :d::int = 1, 'tagging');
"""),
    "gone": (4, 0, """
\\set a random(1, 7)
\\set u random(1, :people)
BEGIN;
""" + INSERT + """(now(), 'visit', 'gone', ARRAY['guest:' || :a::text, 'user_id:' || :u::text], 1, NULL);
ROLLBACK;
"""),
    "limit": (1, 0, """
\\set n random(1, 3)
UPDATE w.identifier_namespaces SET max_per_profile = :n WHERE namespace = 'email';
"""),
    "generic": (1, 0, """
\\set n random(4, 12)
UPDATE w.identifier_namespaces SET generic_after = :n WHERE namespace = 'cookie';
"""),
    "block": (1, 0, """
\\set n random(1, 10)
INSERT INTO w.blocked_identifiers (namespace, value) VALUES ('cookie', :n::text) ON CONFLICT DO NOTHING;
"""),
    "unblock": (1, 0, """
\\set n random(1, 10)
DELETE FROM w.blocked_identifiers WHERE namespace = 'cookie' AND value = :n::text;
"""),
}


def run_load(transactions, batch_events):
    """pgbench; returns (exit code, output, events acknowledged)."""
    folder = os.environ["CDP_TMP"]
    env = dict(os.environ, PGOPTIONS="-c cdp.batch_events=%d -c client_min_messages=warning" % batch_events)
    # One thread: pgbench counts the transactions of a script without a lock.
    argv = ["pgbench", "-n", "-c", str(CLIENTS), "-j", "1", "-t", str(transactions), "-M", "prepared",
            "-D", "people=%d" % PEOPLE, "--random-seed", str(batch_events)]
    for name, (weight, _, script) in SCRIPTS.items():
        path = os.path.join(folder, name + ".sql")
        with open(path, "w", encoding="utf-8") as f:
            f.write(script)
        argv += ["-f", "%s@%d" % (path, weight)]
    done = subprocess.run(argv, capture_output=True, text=True, env=env)
    events = 0
    for path, count in re.findall(r"SQL script \d+: (\S+)\n.*\n - (\d+) transactions", done.stdout):
        events += int(count) * SCRIPTS[os.path.basename(path)[:-4]][1]
    return done.returncode, done.stdout + done.stderr, events


def main():
    tap = Tap()
    sql("""
        SELECT cdp.create_workspace('w');
        UPDATE w.identifier_namespaces SET max_per_profile = 2 WHERE namespace = 'email';
        INSERT INTO w.identifier_namespaces (namespace, priority, can_merge) VALUES ('loyalty', 40, false);
        INSERT INTO w.identifier_namespaces (namespace, priority, can_anchor) VALUES ('tag', 95, false);
        INSERT INTO w.events (event, source, identifiers) SELECT 'known', 'known', ARRAY['user_id:' || u] FROM generate_series(1, {people}) u;
        CREATE TABLE refused (sqlstate text, message text);
        -- A decision that may contradict another: that error counts, others are raised.
        CREATE FUNCTION tried(what text, a text, b text) RETURNS void LANGUAGE plpgsql AS $$
        BEGIN
            EXECUTE format('SELECT cdp.%I(''w'', $1, $2)', what) USING a, b;
        EXCEPTION WHEN OTHERS THEN
            IF SQLSTATE ~ '^(XX|23|40|42|53|54|57|58)' THEN
                RAISE;
            END IF;
            INSERT INTO refused VALUES (SQLSTATE, SQLERRM);
        END
        $$;
        """.format(people=PEOPLE))
    acknowledged = PEOPLE
    log_start = os.path.getsize(os.environ["CDP_SERVER_LOG"])
    for when, transactions, batch_events in (("one batch", TRANSACTIONS, 1000), ("several batches", TRANSACTIONS // 4, 1)):
        code, output, events = run_load(transactions, batch_events)
        acknowledged += events
        tap.ok(code == 0 and "ERROR" not in output and "number of failed transactions: 0 " in output,
               "%s: no client got an error" % when, output)
        tap.ok(events > 4 * transactions, "%s: %d events acknowledged" % (when, events), output)
        tap.equal(rows("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"),
                  [["0"]], "%s: no deadlock" % when)
        tap.equal(value("SELECT count(*) FROM w.events"), str(acknowledged),
                  "%s: acknowledged events are the stored ones" % when)
        tap.equal(rows("SELECT * FROM cdp.check('w') LIMIT 20"), [], "%s: cdp.check finds nothing" % when)
    rules = Rules(*read_rules("w"))
    decisions = read_decisions("w")
    state = solve(read_events("w"), rules, decisions)
    got = stored("w")
    found = differences(got, expected(state, decisions), state) + too_few_companions(got, state, rules)
    tap.ok(not found, "the state is the oracle's", "\n".join(found[:20]))
    tap.ok(value("SELECT count(*) > 0 FROM refused") == "t", "some decisions contradicted others")
    with open(os.environ["CDP_SERVER_LOG"], encoding="utf-8", errors="replace") as f:
        f.seek(log_start)
        strange = [line for line in f if re.search(r"leak|PANIC|TRAP|terminated by signal", line)]
    tap.equal(strange, [], "the server's log has nothing strange")
    print("# " + sql("SELECT (SELECT count(*) FROM w.events) || ' events, ' || (SELECT count(*) FROM w.profiles)"
                     " || ' profiles, ' || (SELECT count(*) FROM w.merges) || ' merges, ' ||"
                     " (SELECT count(*) FROM w.identity_refusals) || ' refusals, ' ||"
                     " (SELECT count(*) FROM w.identity_decisions) || ' decisions, ' ||"
                     " (SELECT count(*) FROM refused) || ' refused'").strip())
    tap.done()


if __name__ == "__main__":
    main()
