"""Segments and the clock: what definitions, ticks and many segments cost. See test/bench/run.

Each figure is the median of rounds in which both sides run in turn. The bare statements write the same rows
of the same table with the same indexes, with cdp's triggers off. PostgreSQL fills the transition tables of a
trigger that is off all the same; "trigger dropped" is without that.
"""

import os
import re
import statistics
import sys

MIXED = """
INSERT INTO shop.segments (name, predicate)
SELECT 'mixed_' || i, CASE i % 10
    WHEN 0 THEN format('cdp.total(ltv, ''GBP'') >= %s AND last_seen < now() - interval ''%s days''', i * 10, i % 90 + 1)
    WHEN 1 THEN format('last_seen BETWEEN now() - interval ''%s days'' AND now() - interval ''%s days''', i % 60 + 30, i % 30)
    WHEN 2 THEN format('cdp.purchases(ltv) = %s', i)
    WHEN 3 THEN format('event_count > %s', i * 5)
    WHEN 4 THEN format('traits->>''plan'' = ''plan %s''', i)
    WHEN 5 THEN format('(traits->>''age'')::int BETWEEN %s AND %s', i % 80, i % 80 + 3)
    WHEN 6 THEN format('cdp.total(ltv, ''GBP'') BETWEEN %s AND %s', i * 20, i * 20 + 15)
    WHEN 7 THEN format('first_seen >= ''2011-01-01''::timestamptz + %s * interval ''8 hours'' AND first_seen < ''2011-01-01''::timestamptz + %s * interval ''8 hours''', i, i + 1)
    WHEN 8 THEN format('cdp.refunds(ltv) > %s AND cdp.refund_total(ltv, ''GBP'') < -%s', i % 20 + 3, i)
    ELSE format('age(now(), cdp.last_purchase_at(ltv)) > interval ''%s days'' AND event_count > %s', i % 300 + 60, i) END
FROM generate_series(1, %d) i;
"""


def time_of(bench, statement, before=""):
    """Milliseconds of one statement."""
    printed = bench.sql(before + "\n\\timing on\n" + statement)
    return float(re.findall(r"Time: ([\d.]+) ms", printed)[-1])


def show(title, unit, sides, note=""):
    """sides: [(name, [figure per round])], the first is the baseline."""
    print("\n%s" % title)
    base = sides[0][1]
    for name, figures in sides:
        ratios = sorted(a / b for a, b in zip(figures, base))
        print("    %-34s %12s %s   %6.2f   %s" % (
            name, "{:,.1f}".format(statistics.median(figures)), unit, statistics.median(ratios),
            "" if figures is base else "%.2f to %.2f" % (ratios[0], ratios[-1])))
    if note:
        print("    " + note)
    sys.stdout.flush()


def people(bench, count):
    """A workspace with so many profiles, each seen once within 20 days before 2024-01-01."""
    bench.sql("""
        DROP SCHEMA IF EXISTS baseline, peer, shop CASCADE;
        SELECT cdp.create_workspace('shop');
        SET cdp.clock = '2024-01-01 00:00+00';
        INSERT INTO shop.events (event, identifiers, occurred_at, amount)
        SELECT 'e', ARRAY['device:' || i], timestamptz '2023-12-12' + i %% 1700000 * interval '1 second', i %% 1000
        FROM generate_series(1, %d) i;
        VACUUM ANALYZE;
        CHECKPOINT;""" % count)


def compare_many(bench):
    """COPY of the retail stream beside ten segments and beside a thousand."""
    rates = {10: [], 1000: []}
    for _ in range(min(bench.options.pairs, 3)):
        for count in rates:
            bench.sql("DROP SCHEMA IF EXISTS baseline, peer, shop CASCADE; SELECT cdp.create_workspace('shop');"
                      + MIXED.replace("%d", str(count)).replace("%%", "%"))
            bench.sql("CHECKPOINT")
            rates[count].append(bench.copy("cdp", "retail"))
    show("COPY of the retail stream beside mixed segments, three of ten read the clock", "events/s",
         [("10 segments", rates[10]), ("1,000 segments", rates[1000])])


def compare_definition(bench, count):
    people(bench, count)
    off = "SET session_replication_role = replica; SET cdp.clock = '2024-01-01 00:00+00'; BEGIN;"
    on = "SET cdp.clock = '2024-01-01 00:00+00'; BEGIN;"
    dropped = off + "DROP TRIGGER cdp_evaluate ON shop.profiles;"
    cases = [
        ("a tenth of the profiles are members", "event_count = 1 AND profile_id % 10 = 0",
         "UPDATE shop.profiles SET segments = segments || '{x}', evaluated_at = cdp.now()"
         " WHERE event_count = 1 AND profile_id % 10 = 0"),
        ("all profiles are members", "event_count = 1",
         "UPDATE shop.profiles SET segments = segments || '{x}', evaluated_at = cdp.now() WHERE event_count = 1"),
        ("nobody is yet, each profile has a timer", "last_seen < now() - interval '21 days'",
         "UPDATE shop.profiles SET next_evaluation_at = last_seen + interval '21 days', evaluated_at = cdp.now()"
         " WHERE NOT last_seen < cdp.statement_now() - interval '21 days'"),
    ]
    for name, predicate, update in cases:
        define = "INSERT INTO shop.segments VALUES ('x', $p$%s$p$);" % predicate
        changes = ("WITH updated AS (%s RETURNING profile_id) INSERT INTO shop.segment_changes"
                   " SELECT profile_id, 'x', true, cdp.now(), 'definition' FROM updated;" % update)
        sides = [("bare UPDATE", update + ";", off), ("definition", define, on),
                 ("UPDATE, trigger dropped", update + ";", dropped)]
        if "segments =" in update:
            sides.append(("that, and INSERT of the changes", changes, dropped))
        figures = {side: [] for side, _, _ in sides}
        for _ in range(bench.options.pairs):
            for side, statement, setting in sides:
                # written and then undone: the table stays as it is
                figures[side].append(time_of(bench, statement, setting))
                bench.sql("VACUUM shop.profiles; VACUUM shop.segment_changes; CHECKPOINT;")
        show("definition of a segment over {:,} profiles: {}".format(count, name), "ms", list(figures.items()))
    figures = {"SELECT": [], "cdp.count": []}
    condition = "cdp.total(ltv, 'USD') > 500 AND last_seen < %s - interval '10 days'"
    for _ in range(bench.options.pairs):
        figures["SELECT"].append(time_of(bench, "SELECT count(*) FROM shop.profiles WHERE %s;" % (
            condition % "timestamptz '2024-01-01 00:00+00'")))
        figures["cdp.count"].append(time_of(bench, "SELECT cdp.count('shop', $p$%s$p$);" % (condition % "now()"), on))
    show("size of a predicate over {:,} profiles".format(count), "ms", list(figures.items()))


def compare_tick(bench, count):
    define = "SET cdp.clock = '2024-01-01 00:00+00'; INSERT INTO shop.segments VALUES ('away', $$last_seen < now() - interval '21 days'$$);"
    off = "SET session_replication_role = replica; BEGIN;"
    dropped = off + "DROP TRIGGER cdp_evaluate ON shop.profiles;"
    cases = [
        ("rows that flip", "", "2024-02-01",
         "UPDATE shop.profiles SET segments = '{away}', evaluated_at = '2024-02-01', next_evaluation_at = NULL"
         " WHERE next_evaluation_at <= '2024-02-01'"),
        ("rows that do not (lazy timers)", "SET cdp.clock = '2024-01-01 01:00+00'; INSERT INTO shop.events (event, identifiers) "
         "SELECT 'e', ARRAY['device:' || i] FROM generate_series(1, %d) i; VACUUM ANALYZE shop.profiles;" % count,
         "2024-01-21 23:00+00",
         "UPDATE shop.profiles SET evaluated_at = '2024-01-21 23:00+00', next_evaluation_at = last_seen + interval '21 days'"
         " WHERE next_evaluation_at <= '2024-01-21 23:00+00'"),
    ]
    for name, more, clock, update in cases:
        people(bench, count)
        bench.sql(define + more)
        bench.sql("VACUUM ANALYZE; CHECKPOINT;")
        sides = [("bare UPDATE", update + ";", off),
                 ("cdp.tick", "SELECT cdp.tick('shop', 10000000);", "SET cdp.clock = '%s'; BEGIN;" % clock),
                 ("UPDATE, trigger dropped", update + ";", dropped)]
        figures = {side: [] for side, _, _ in sides}
        for _ in range(bench.options.pairs):
            for side, statement, setting in sides:
                figures[side].append(time_of(bench, statement, setting))
                bench.sql("VACUUM shop.profiles; VACUUM shop.segment_changes; CHECKPOINT;")
        show("tick of {:,} due {}".format(count, name), "ms", list(figures.items()))
    nothing = [time_of(bench, "SELECT cdp.tick('shop');", "SET cdp.clock = '2024-01-01 02:00+00'; SELECT cdp.tick('shop');")
               for _ in range(bench.options.pairs)]
    print("\n    nothing due: %.2f ms" % statistics.median(nothing))
    before = bench.sql("SELECT pg_stat_force_next_flush(); SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables"
                       " WHERE relid = 'shop.profiles'::regclass").split("\n")[-1].split("|")
    bench.sql("SET cdp.clock = '2024-01-02 00:00+00'; INSERT INTO shop.events (event, identifiers) "
              "SELECT 'e', ARRAY['device:' || 1 + i * 9 %% %d] FROM generate_series(1, 20000) i;"
              "SELECT pg_stat_force_next_flush();" % count)
    after = bench.sql("SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables"
                      " WHERE relid = 'shop.profiles'::regclass").split("|")
    updated, hot = (int(a) - int(b) for a, b in zip(after, before))
    print("    events that change no membership: %s of %s updates of profiles are HOT (%.3f)" % (
        "{:,}".format(hot), "{:,}".format(updated), hot / max(updated, 1)))


def run(bench):
    count = int(os.environ.get("PROFILES", 1000000))
    compare_many(bench)
    compare_definition(bench, count)
    compare_tick(bench, count // 10)
