"""What identity costs: merges, large components, a shop's till. Made-up data.

Sizes come from the environment: MERGE_EVENTS (1000000) events of each of two profiles, COMPONENT (100000)
identifiers, TILL_EVENTS (100000) events of the stream, ROUNDS (5) of what alternates.
"""

import os
import re
import statistics
import subprocess
import time

MERGE_EVENTS = int(os.environ.get("MERGE_EVENTS", 1000000))
COMPONENT = int(os.environ.get("COMPONENT", 100000))
TILL_EVENTS = int(os.environ.get("TILL_EVENTS", 100000))
ROUNDS = int(os.environ.get("ROUNDS", 5))


def measure(bench):
    merge(bench)
    components(bench)
    till(bench)


def fresh(bench, more=""):
    bench.sql("""SET client_min_messages = warning;
        DROP SCHEMA IF EXISTS shop CASCADE;
        SELECT cdp.create_workspace('shop');""" + more)


def milliseconds(bench, script):
    """The times of the statements that stand between \\timing on and \\timing off."""
    return [float(found) for found in re.findall(r"Time: ([\d.]+) ms", bench.sql(script))]


def merge(bench):
    """An event, and cdp.link, that merge two profiles: of many events each, and of ten each, in turn. What
    merged is rolled back, so that it can merge again. Profiles have the same identifiers and days."""
    fresh(bench)
    for name, events in (("many", MERGE_EVENTS), ("few", 10)):
        for side in "ab":
            bench.sql("""
                INSERT INTO shop.events (occurred_at, event, identifiers, amount, currency, traits)
                SELECT timestamptz '2024-01-01' + i %% 10 * interval '1 day' + i * interval '1 millisecond', 'Order Completed',
                       ARRAY['email:%(name)s.%(side)s@example.com', 'cookie:%(name)s-%(side)s-' || i %% 3], 9.99, 'USD',
                       CASE WHEN i %% 100 = 0 THEN jsonb_build_object('plan', i) END
                FROM generate_series(0, %(last)d) i;""" % {"name": name, "side": side, "last": events - 1})
    bench.sql("VACUUM ANALYZE; CHECKPOINT;")
    by = {
        "event": "INSERT INTO shop.events (event, identifiers) VALUES ('m', ARRAY['email:%s.a@example.com', 'email:%s.b@example.com']);",
        "cdp.link": "SELECT cdp.link('shop', 'email:%s.a@example.com', 'email:%s.b@example.com');",
    }
    print("\nmerge of two profiles with %s events each, and of two with 10; medians of %d" % (
        "{:,}".format(MERGE_EVENTS), 4 * ROUNDS))
    print("    %-10s %10s %10s %8s" % ("by", "many, ms", "few, ms", "ratio"))
    for what, statement in by.items():
        script = ""
        for _ in range(4 * ROUNDS + 1):
            for name in ("many", "few"):
                script += "BEGIN;\n\\timing on\n%s\n\\timing off\nROLLBACK;\n" % (statement % (name, name))
        times = milliseconds(bench, script)[2:]
        many, few = statistics.median(times[0::2]), statistics.median(times[1::2])
        print("    %-10s %10.2f %10.2f %8.2f" % (what, many, few, many / few), flush=True)


# Link by link, a transaction each: n counts up. The end is a link of the large side with its next neighbour.
GROW = r"""
\set n :n + 1
INSERT INTO shop.events (occurred_at, event, identifiers)
VALUES (timestamptz '2024-01-01' + :n * interval '1 second', 'l', ARRAY['device:' || :n, 'device:' || :n + 1]);
"""
# Every singleton is older than the large side: it was there before, and its event was earlier.
WORST = r"""
\set n :n - 1
INSERT INTO shop.events (occurred_at, event, identifiers)
VALUES (timestamptz '2024-02-01' + :n * interval '1 second', 'l', ARRAY['device:' || :n, 'device:' || :n + 1]);
"""


def pgbench(bench, script, transactions, start):
    """Seconds of so many transactions by one client."""
    path = os.path.join(bench.dir, "identity.sql")
    with open(path, "w", encoding="utf-8") as f:
        f.write(script)
    started = time.monotonic()
    done = subprocess.run(["pgbench", "-n", "-M", "prepared", "-c", "1", "-t", str(transactions), "-D", "n=%d" % start, "-f", path],
                          capture_output=True, text=True, env=dict(bench.env, PGOPTIONS="-c synchronous_commit=off"))
    if done.returncode != 0 or "number of failed transactions: 0 " not in done.stdout:
        raise SystemExit("bench: pgbench failed\n%s%s" % (done.stdout, done.stderr))
    return time.monotonic() - started


def one_profile(bench, size):
    found = bench.sql("SELECT count(*), count(DISTINCT profile_id) FROM shop.identifiers")
    if found != "%d|1" % size:
        raise SystemExit("bench: %s identifiers and profiles, not one of %d" % (found, size))


LIFTED = "UPDATE shop.identifier_namespaces SET max_per_profile = NULL;"
SINGLETONS = """INSERT INTO shop.events (occurred_at, event, identifiers)
    SELECT timestamptz '2024-01-01' + i * interval '1 second', 's', ARRAY['device:' || i] FROM generate_series(1, %d) i;"""
CHAIN = """INSERT INTO shop.events (occurred_at, event, identifiers)
    SELECT timestamptz '2024-01-01' + i * interval '1 second', 'l', ARRAY['device:' || i, 'device:' || i + 1]
    FROM generate_series(%d, %d) i;"""


def components(bench):
    """Time per identifier of building and splitting components of a quarter, a half and the whole size."""
    print("\na component of devices, limits lifted; microseconds per identifier")
    sizes = [COMPONENT // 4, COMPONENT // 2, COMPONENT]
    print("    %-44s %s %14s" % ("", " ".join("%10s" % "{:,}".format(size) for size in sizes), "last/first"))

    def grow(size):
        fresh(bench, LIFTED)
        seconds = pgbench(bench, GROW, size - 1, 0)
        one_profile(bench, size)
        return seconds

    def worst(size):
        fresh(bench, LIFTED + SINGLETONS % size + "VACUUM ANALYZE;")
        seconds = pgbench(bench, WORST, size - 1, size)
        one_profile(bench, size)
        return seconds

    def at_once(size):
        fresh(bench, LIFTED)
        seconds = sum(milliseconds(bench, "\\timing on\n" + CHAIN % (1, size - 1))) / 1000
        one_profile(bench, size)
        return seconds

    def halves(size):
        fresh(bench, LIFTED + CHAIN % (1, size // 2 - 1) + CHAIN % (size // 2 + 1, size - 1) + "VACUUM ANALYZE;")

    def linked(size):
        halves(size)
        seconds = sum(milliseconds(bench, "\\timing on\nSELECT cdp.link('shop', 'device:1', 'device:%d');" % size)) / 1000
        one_profile(bench, size)
        return seconds

    def split(size, statement):
        seconds = sum(milliseconds(bench, "\\timing on\n" + statement)) / 1000
        found = bench.sql("SELECT count(*) FROM shop.profiles")
        if found != "2":
            raise SystemExit("bench: %s profiles after %s" % (found, statement))
        return seconds

    def unlinked(size):
        linked(size)
        bench.sql("VACUUM ANALYZE;")
        return split(size, "SELECT cdp.unlink('shop', 'device:1', 'device:%d');" % size)

    def blocked(size):
        at_once(size)
        bench.sql("VACUUM ANALYZE;")
        return split(size, "INSERT INTO shop.blocked_identifiers (namespace, value) VALUES ('device', '%d');" % (size // 2))

    def separated(size):
        at_once(size)
        bench.sql("INSERT INTO shop.events (event, identifiers) VALUES ('e', ARRAY['device:%d']); VACUUM ANALYZE;" % size)
        return split(size, "SELECT cdp.separate('shop', 'device:1', 'device:%d');" % size)

    for what, run in (("built link by link", grow), ("... each older singleton meets the large side", worst),
                      ("built in one statement", at_once), ("two halves: cdp.link", linked), ("... cdp.unlink", unlinked),
                      ("its middle blocked", blocked), ("its ends separated", separated)):
        each = [run(size) / size * 1e6 for size in sizes]
        print("    %-44s %s %14.2f" % (what, " ".join("%10.1f" % found for found in each), each[-1] / each[0]), flush=True)


# Nine people of each of four shops, one event a row; every tenth with an order id of its own, every twentieth
# up to thirty days late. With the cookie of the shop's till, and with none.
STREAM = """
    DROP TABLE IF EXISTS public.till_stream;
    SELECT setseed(0.5);
    CREATE TABLE public.till_stream AS
    SELECT n, timestamptz '2024-03-01' + n * interval '1 second'
               - CASE WHEN random() < 0.05 THEN random() * interval '30 days' ELSE interval '0' END AS occurred_at,
           ARRAY['email:p' || person || '@example.com']
               || CASE WHEN random() < 0.1 THEN ARRAY['order:' || n] ELSE '{{}}' END AS identifiers,
           'cookie:till' || person / 9 AS till
    FROM (SELECT n, floor(random() * 36)::int AS person FROM generate_series(1, {events}) n) r;
    CREATE INDEX ON public.till_stream (n);
    ANALYZE public.till_stream;
"""
SEND = """
    SET synchronous_commit = off;
    \\timing on
    DO $$
    BEGIN
        FOR i IN 0 .. {last} LOOP
            INSERT INTO shop.events (occurred_at, event, identifiers)
            SELECT occurred_at, 'e', {identifiers} FROM public.till_stream WHERE n > i * {size} AND n <= (i + 1) * {size};
            COMMIT;
        END LOOP;
    END
    $$;
"""


def till(bench):
    """A stream with the cookie of a till that is just below its namespace's generic_after, against the same
    without it, in turn: events per second, by statements of one event and of a thousand."""
    bench.sql(STREAM.format(events=TILL_EVENTS))
    print("\na till's cookie seen with 9 people (generic_after is 10), 5 %% late events, 10 %% new order ids: %s events; medians of %d" % (
        "{:,}".format(TILL_EVENTS), ROUNDS))
    print("    %-24s %12s %12s %8s" % ("events per statement", "with, /s", "without, /s", "ratio"))
    for size, events in ((1, TILL_EVENTS // 5), (1000, TILL_EVENTS)):
        figures = {True: [], False: []}
        for _ in range(ROUNDS):
            for with_till in (True, False):
                fresh(bench)
                seconds = sum(milliseconds(bench, SEND.format(
                    last=events // size - 1, size=size, identifiers="identifiers || till" if with_till else "identifiers"))) / 1000
                figures[with_till].append(events // size * size / seconds)
                if bench.sql("SELECT sum(event_count) FROM shop.profiles") != str(events // size * size):
                    raise SystemExit("bench: events were lost")
        ratios = [a / b for a, b in zip(figures[True], figures[False])]
        print("    %-24d %12s %12s %8.2f" % (
            size, "{:,.0f}".format(statistics.median(figures[True])), "{:,.0f}".format(statistics.median(figures[False])),
            statistics.median(ratios)), flush=True)
