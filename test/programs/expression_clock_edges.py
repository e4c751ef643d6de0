#!/usr/bin/env python3
"""
Flips in the hours in which clocks change and on the last days of months. Profiles were last seen, or are
due, at each half hour around such a moment, or so many days or months from it; each predicate is evaluated
in a plain query at every half hour around it, and a microsecond before and after, and what
changes there is what segment_changes says, to the microsecond. Comparisons that flip there and back again
are among them: local time is repeated in autumn, and the last days of a month fall together.
timeout: 400
weight: 17
"""

import sys

from cdptest import Tap, rows, sql

from segments_clock_simulation import at_instant

# Zone, moment (UTC): forward and back; at midnight; by half an hour; ends of months.
EDGES = [
    ("Europe/London", "2024-03-31 01:00"), ("Europe/London", "2024-10-27 01:00"),
    ("America/Santiago", "2024-09-08 04:00"), ("America/Santiago", "2024-04-07 03:00"),
    ("Australia/Lord_Howe", "2024-10-05 15:30"), ("Australia/Lord_Howe", "2024-04-06 15:00"),
    ("Asia/Ho_Chi_Minh", "2024-02-28 17:00"), ("Asia/Ho_Chi_Minh", "2025-02-28 17:00"),
    ("Asia/Ho_Chi_Minh", "2024-03-30 17:00"), ("Europe/London", "2024-12-31 00:00"),
]
INTERVALS = ["1 day", "1 month", "21 days", "1 mon 1 day 00:30", "30 days 12:00"]
PREDICATES = [
    "last_seen < now() - interval '{i}'",
    "last_seen >= now() - interval '{i}'",
    "last_seen = now() - interval '{i}'",
    "last_seen + interval '{i}' <= now()",
    "now() + interval '{i}' > due_at",
    "last_seen::timestamp < localtimestamp - interval '{i}'",
    "(localtimestamp - interval '{i}')::timestamptz > last_seen",
    "age(now(), last_seen) >= interval '{i}'",
]
ONCE = [
    "(now() AT TIME ZONE 'America/Santiago') AT TIME ZONE 'Europe/London' < due_at",
    "date_trunc('day', now()) > last_seen",
    "date_trunc('hour', now()) >= last_seen",
    "last_seen::date = current_date",
    "last_seen::timestamp = localtimestamp",
    "last_seen::timestamp <= (now() - interval '1 day')::timestamp",
    "now() BETWEEN last_seen - interval '2 hours' AND last_seen + interval '26 hours' AND extract(hour FROM now()) = extract(hour FROM last_seen)",
    "extract(day FROM now()) = extract(day FROM last_seen)",
    "to_char(current_date, 'DD') = to_char(last_seen, 'DD')",
    "greatest(last_seen, now() - interval '1 month') > due_at",
]


def windows_of(number):
    """The moment itself and, for a predicate with an interval, the time so much later."""
    interval = number // len(PREDICATES)
    return "1, %d" % (interval + 2) if interval < len(INTERVALS) else "1, 2, 3"


def examine(w, zone, moment):
    """Each predicate has profiles of its own: the timers of others would hide a flip that is missed."""
    predicates = [p.format(i=i) for i in INTERVALS for p in PREDICATES] + ONCE
    windows = ["interval '0'"] + ["interval '%s'" % i for i in INTERVALS]
    pairs = [(number, n) for number in range(len(predicates)) for n in windows_of(number).split(", ")]
    script = """
        SET client_min_messages = error;
        SET jit = off;
        SELECT cdp.create_workspace('{w}');
        UPDATE {w}.settings SET time_zone = '{zone}';
        ALTER TABLE {w}.profiles ADD COLUMN due_at timestamptz;
        SET timezone = '{zone}';
        CREATE TEMP TABLE windows AS
            SELECT row_number() OVER () AS n, i FROM (VALUES {windows}) i(i);
        CREATE TEMP TABLE seen AS
            SELECT DISTINCT number, timestamptz '{moment}+00' - i + k * interval '30 min' AS at
            FROM (VALUES {pairs}) s(number, n) JOIN windows USING (n), generate_series(-5, 5) k;
        SET cdp.clock = '{moment}+00';
        SELECT set_config('cdp.clock', (min(at) - interval '3 days')::text, false) FROM seen;
        -- Received in the future, which the row trigger would not have.
        ALTER TABLE {w}.events DISABLE TRIGGER cdp_normalise;
        INSERT INTO {w}.events (event, identifiers, anchor, occurred_at, received_at, traits)
            SELECT 'e', ARRAY[i], i::cdp.identifier, at, at, jsonb_build_object('group', number)
            FROM (SELECT *, 'user_id:' || row_number() OVER () AS i FROM seen) s;
        ALTER TABLE {w}.events ENABLE TRIGGER cdp_normalise;
        UPDATE {w}.profiles SET due_at = last_seen;
        INSERT INTO {w}.segments (name, predicate) VALUES {segments};
        SELECT set_config('cdp.clock', (timestamptz '{moment}+00' + interval '40 days')::text, false);
        CALL cdp.run('{w}');
        CREATE TEMP TABLE grid AS
            SELECT n, t + us * interval '1 us' AS t, row_number() OVER (PARTITION BY n ORDER BY t, us) AS place
            FROM (SELECT n, timestamptz '{moment}+00' + i - interval '10 hours' AS low FROM windows) w,
            LATERAL generate_series(low, low + interval '20 hours', interval '30 min') t, generate_series(-1, 1) us;
        ANALYZE grid;
        CREATE TEMP TABLE seen_in AS
            SELECT number, min(t) AS low, max(t) AS high FROM grid JOIN (VALUES {pairs}) s(number, n) USING (n)
            GROUP BY number, n;
        CREATE TEMP TABLE found AS
            SELECT profile_id, segment, at, entered FROM {w}.segment_changes
            WHERE cause = 'clock' AND EXISTS (SELECT FROM seen_in WHERE number = substr(segment, 2)::int
                                              AND at > low AND at <= high);
        """.format(w=w, zone=zone, moment=moment, windows=", ".join("(%s)" % i for i in windows),
                   segments=", ".join("('p%02d', $p$traits->>'group' = '%d' AND (%s)$p$)" % (number, number, predicate)
                                      for number, predicate in enumerate(predicates)),
                   pairs=", ".join("(%d, %s)" % pair for pair in pairs))
    script += "CREATE TEMP TABLE expected AS " + " UNION ".join("""
        SELECT profile_id, 'p{s:02d}' AS segment, t AS at, value AS entered
        FROM (SELECT o.*, lag(value) OVER (PARTITION BY profile_id, n ORDER BY place) AS before
              FROM (SELECT p.profile_id, g.*, {oracle} AS value
                    FROM {w}.profiles p CROSS JOIN grid g
                    WHERE n IN ({windows}) AND p.traits->>'group' = '{s}' OFFSET 0) o) v
        WHERE value <> before"""
                                                              .format(s=number, w=w, oracle=at_instant(predicate, "g.t"),
                                                                      windows=windows_of(number))
                                                              for number, predicate in enumerate(predicates)) + ";"
    script += """
        SELECT 'count', count(*) FROM expected;
        (SELECT 'missing', e.* FROM expected e EXCEPT SELECT 'missing', f.* FROM found f) ORDER BY 3, 2, 4 LIMIT 20;
        (SELECT 'too many', f.* FROM found f EXCEPT SELECT 'too many', e.* FROM expected e) ORDER BY 3, 2, 4 LIMIT 20;
        SELECT 'twice', segment, count(*) FROM (SELECT segment FROM expected GROUP BY profile_id, segment, entered
                                                HAVING count(*) > 1) t GROUP BY 2;
        SELECT 'check', * FROM cdp.check('{w}');
        SELECT cdp.drop_workspace('{w}');
        """.format(w=w)
    faults = []
    count = twice = 0
    for row in rows(script):
        if row[0] == "count":
            count = int(row[1])
        elif row[0] == "twice":
            twice += int(row[2])
        elif len(row) > 3:
            faults.append("\t".join(row + [predicates[int(row[2][1:])] if row[2][:1] == "p" and row[2][1:].isdigit() else ""]))
    return faults, count, twice


def main():
    tap = Tap()
    sql("SET client_min_messages = error; CREATE EXTENSION IF NOT EXISTS cdp")
    only = sys.argv[1:]
    for number, (zone, moment) in enumerate(EDGES):
        if only and str(number) not in only:
            continue
        faults, count, twice = examine("e%d" % number, zone, moment)
        tap.ok(not faults, "%s, %s: %d flips to the microsecond, %d of them repeated" % (zone, moment, count, twice),
               "\n".join(faults))
        tap.ok(count > 800, "%s, %s: there are flips" % (zone, moment))
    tap.done()


if __name__ == "__main__":
    main()
