"""Computed traits: what ten of them cost COPY, the size of a profile, definitions over many events. See
test/bench/run.

Each figure is the median of rounds in which both sides run in turn, of the time that passed and of the backend's
processor time, which says more where the machine is busy with other work. The engine's clock stands at the end of each
stream, so that windows have events in them. EVENTS (1000000) says how many events a definition is made over.
"""

import os
import re

from clock import show
import streams

EVENTS = int(os.environ.get("EVENTS", 1000000))

# Ten traits, three of them windowed. (name, kind, event, filter, expression, window_days)
TRAITS = {
    "retail": ("2011-12-09 12:50+00", """
        ('lines',           'count',         'Order Completed', NULL,           NULL,                             NULL),
        ('refunds',         'count',         'Order Refunded',  NULL,           NULL,                             NULL),
        ('spend',           'sum',           NULL,              NULL,           'amount',                         NULL),
        ('large_lines',     'count',         NULL,              'amount > 100', NULL,                             NULL),
        ('favourite_stock', 'most_frequent', 'Order Completed', NULL,           $$properties->>'StockCode'$$,     NULL),
        ('first_article',   'first',         NULL,              NULL,           $$properties->>'Description'$$,   NULL),
        ('last_country',    'last',          NULL,              NULL,           $$properties->>'Country'$$,       NULL),
        ('lines_7d',        'count',         NULL,              NULL,           NULL,                             7),
        ('orders_30d',      'unique_count',  'Order Completed', NULL,           'identifiers[1]',                 30),
        ('spend_90d',       'sum',           NULL,              NULL,           'amount',                         90)"""),
    "web": ("2025-01-12 13:46:40+00", """
        ('views',           'count',         'Page Viewed',     NULL,           NULL,                             NULL),
        ('orders',          'count',         'Order Completed', NULL,           NULL,                             NULL),
        ('favourite_page',  'most_frequent', 'Page Viewed',     NULL,           $$properties->>'path'$$,          NULL),
        ('first_referrer',  'first',         NULL,              NULL,           $$properties->>'referrer'$$,      NULL),
        ('last_page',       'last',          NULL,              NULL,           $$properties->>'path'$$,          NULL),
        ('largest_order',   'max',           'Order Completed', 'amount > 5',   'amount',                         NULL),
        ('last_sign_in',    'last',          'Signed In',       NULL,           'occurred_at',                    NULL),
        ('views_7d',        'count',         'Page Viewed',     NULL,           NULL,                             7),
        ('pages_30d',       'unique_count',  NULL,              NULL,           $$properties->>'path'$$,          30),
        ('spend_90d',       'sum',           NULL,              NULL,           'amount',                         90)"""),
}
DEFINE = "INSERT INTO shop.computed_traits (name, kind, event, filter, expression, window_days) VALUES %s;"


def cost_of(bench, statement, before=""):
    """Milliseconds of one statement: (that passed, of the backend's processor time)."""
    printed = bench.sql(before + """
        SELECT pg_backend_pid() AS pid \\gset
        \\set started `cat /proc/:pid/stat`
        \\timing on
        %s
        \\timing off
        \\set ended `cat /proc/:pid/stat`
        \\echo ticks :started
        \\echo ticks :ended""" % statement)
    ticks = [sum(map(int, line.rsplit(")", 1)[1].split()[11:13])) for line in re.findall(r"^ticks (.*)$", printed, re.M)]
    return float(re.findall(r"Time: ([\d.]+) ms", printed)[-1]), (ticks[1] - ticks[0]) * 1000 / os.sysconf("SC_CLK_TCK")


def show_both(title, sides, note=""):
    """sides: {name: [(passed, processor)]}."""
    show(title, "ms", [(name, [cost[0] for cost in costs]) for name, costs in sides.items()])
    show("    the same, processor time", "ms", [(name, [cost[1] for cost in costs]) for name, costs in sides.items()], note)


def compare_copy(bench, name):
    """COPY of a stream into a workspace with ten segments, with and without ten computed traits."""
    path, count = bench.file(name)
    clock, traits = TRAITS[name]
    times = {"without": [], "with": []}
    for _ in range(bench.options.pairs):
        for side in times:
            bench.fresh("cdp")
            if side == "with":
                bench.sql(DEFINE % traits)
            times[side].append(cost_of(bench, "COPY shop.events (%s) FROM '%s.events';" % (streams.COLUMNS, path),
                                       "SET cdp.clock = '%s';" % clock))
            bench.expect("cdp", count)
    size = bench.sql("SELECT round(avg(pg_column_size(computed))), max(pg_column_size(computed)) FROM shop.profiles").split("|")
    show_both("COPY, %s stream: %s events, with ten computed traits and without; target 1.25" % (name, "{:,}".format(count)),
              times, "computed of a profile: %s bytes on average, %s at most" % tuple(size))


def measure_size(bench):
    """Ten windowed counts over 90 days: a profile with events on each of 200 days, day by day as the clock goes."""
    print("\nsize of a profile with ten windowed counts over 90 days and events on every day; target 2,048 bytes")
    for what, events in (("one event a day", "1"), ("1 to 12 events a day, of ten kinds", "1 + day * 7 % 12"), ("50 events a day, of ten kinds", "50")):
        bench.fresh("cdp")
        bench.sql("""
            INSERT INTO shop.computed_traits (name, kind, event, filter, window_days)
            SELECT 'count_' || i, 'count', 'event ' || i, CASE WHEN i % 3 = 0 THEN 'amount > 2' END, 90 FROM generate_series(0, 9) i;
            DO $$
            BEGIN
                FOR day IN 0 .. 199 LOOP
                    PERFORM set_config('cdp.clock', (timestamptz '2024-01-01 12:00+00' + day * interval '1 day')::text, false);
                    INSERT INTO shop.events (event, identifiers, amount)
                    SELECT 'event ' || (day * 3 + i * i) % 10, '{user_id:1}', i FROM generate_series(1, {events}) i;
                END LOOP;
            END
            $$;""".replace("{events}", events))
        found = bench.sql("SELECT pg_column_size(computed), pg_column_size(p.*), length(computed::text) FROM shop.profiles p").split("|")
        print("    %-40s computed %6s bytes, the row %6s, computed as text %7s" % (what, *found), flush=True)


# Of a hundred thousand profiles; the definition, and what computes and writes the same values in plain SQL.
DEFINITION = """
        ('orders_30d',  'count', 'Order Completed', NULL,         NULL,     30),
        ('spend_90d',   'sum',   NULL,              'amount > 0', 'amount', 90),
        ('last_source', 'last',  NULL,              NULL,         'source', NULL)"""
PLAIN = """
    UPDATE plain.profiles p SET computed = a.computed
    FROM (SELECT i.profile_id, jsonb_build_object(
                     'orders_30d', count(*) FILTER (WHERE event = 'Order Completed' AND e.day > d.today - 30 AND e.day <= d.today),
                     'spend_90d', sum(amount) FILTER (WHERE amount > 0 AND e.day > d.today - 90 AND e.day <= d.today),
                     'last_source', (array_agg(source ORDER BY at DESC, event_id DESC) FILTER (WHERE source IS NOT NULL))[1]) AS computed
          FROM (SELECT *, least(occurred_at, received_at) AS at, (least(occurred_at, received_at) AT TIME ZONE 'UTC')::date AS day
                FROM shop.events) e
          JOIN shop.identifiers i ON i.identifier = e.anchor
          CROSS JOIN (VALUES (date '2024-06-01')) d(today)
          GROUP BY i.profile_id) a
    WHERE p.profile_id = a.profile_id;
"""


def compare_definition(bench):
    bench.sql("""
        DROP SCHEMA IF EXISTS baseline, peer, shop, plain CASCADE;
        SELECT cdp.create_workspace('shop');
        SET cdp.clock = '2024-06-01 12:00+00';
        INSERT INTO shop.events (event, identifiers, occurred_at, amount, source)
        SELECT CASE WHEN i %% 4 = 0 THEN 'Order Completed' ELSE 'Page Viewed' END, ARRAY['user_id:u' || i * 7919 %% %(profiles)d],
               timestamptz '2024-06-01 12:00+00' - i * 31 %% 34560000 * interval '1 second', (i %% 1000) * 0.25,
               (ARRAY['web', 'app', 'shop'])[1 + i %% 3]
        FROM generate_series(1::bigint, %(events)d) i;
        CREATE SCHEMA plain;
        CREATE TABLE plain.profiles (LIKE shop.profiles INCLUDING ALL EXCLUDING IDENTITY) WITH (fillfactor = 70);
        ALTER TABLE plain.profiles DROP COLUMN computed;
        ALTER TABLE plain.profiles ADD COLUMN computed jsonb;
        INSERT INTO plain.profiles SELECT %(columns)s FROM shop.profiles p;
        VACUUM ANALYZE;
        CHECKPOINT;""" % {"profiles": EVENTS // 10, "events": EVENTS, "columns": columns(bench)})
    figures = {"plain SQL": [], "definition": []}
    for _ in range(min(bench.options.pairs, 5)):
        for side, statement in (("plain SQL", PLAIN), ("definition", DEFINE % DEFINITION)):
            # written and then undone: the tables stay as they are
            figures[side].append(cost_of(bench, statement, "SET cdp.clock = '2024-06-01 12:00+00'; BEGIN;"))
            bench.sql("VACUUM shop.profiles; VACUUM plain.profiles; CHECKPOINT;")
    show_both("definition of three computed traits over {:,} events of {:,} profiles; target 2".format(EVENTS, EVENTS // 10), figures)
    wrong = bench.sql("SET cdp.clock = '2024-06-01 12:00+00';" + DEFINE % DEFINITION + PLAIN + """
        SELECT count(*), count(*) FILTER (WHERE jsonb_strip_nulls(s.computed::jsonb) IS DISTINCT FROM jsonb_strip_nulls(p.computed))
        FROM shop.profiles s FULL JOIN plain.profiles p USING (profile_id);""")
    if wrong != "%d|0" % (EVENTS // 10):
        raise SystemExit("bench: definition and plain SQL differ: %s" % wrong)


def columns(bench):
    """The columns of profiles in order, null for computed, which stands last in the plain table."""
    bench.sql("SELECT cdp.create_workspace('shape')")
    found = bench.sql("SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'shape.profiles'::regclass"
                      " AND attnum > 0 AND NOT attisdropped AND attname <> 'computed'")
    bench.sql("SELECT cdp.drop_workspace('shape')")
    return found + ", NULL"


def measure(bench):
    for name in TRAITS:
        compare_copy(bench, name)
    measure_size(bench)
    compare_definition(bench)
