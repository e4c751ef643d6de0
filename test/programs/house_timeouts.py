#!/usr/bin/env python3
"""
statement_timeout between 1 and 200 ms (and one that is long enough) over ingest, merge, definitions,
reevaluation and rebuild. Each ends with success or with error 57014 within a second of the timeout, an
error has changed nothing, and the session that had it goes on as if nothing had happened.
timeout: 180

    house_timeouts.py [EVENTS [STEP]]     events in a statement (400), step of the timeouts (40 ms)
"""

import sys

from cdptest import Tap, patience, sql
from timeout_sweep import sweep

EVENTS = int(sys.argv[1]) if len(sys.argv) > 1 else 400
STEP = int(sys.argv[2]) if len(sys.argv) > 2 else 40
TIMEOUTS = sorted({1, 2, 3, 5, 8, 200, round(patience(5000))} | set(range(STEP, 200, STEP)))

STREAM = """INSERT INTO w.events (event, identifiers, amount, traits)
    SELECT 'stream', ARRAY['user_id:' || (n * {seed}) % 700, 'cookie:' || (n * 7 + {seed}) % 1900,
                           'email:m' || (n * 13) % 900 || '@example.com'], n * 0.01,
           jsonb_build_object('plan', n % 7, 'k' || n % 5, n)
    FROM generate_series(1, {events}) n"""

# As timeout_sweep has them
OPERATIONS = {
    "define a segment": ("", """INSERT INTO w.segments (name, predicate)
                                    VALUES ('s{n}', $$(traits->>'k1')::int % 5 = 1 OR event_count > {n}$$)""",
                         "DELETE FROM w.segments WHERE name = 's{n}'"),
    "define computed traits": ("", """INSERT INTO w.computed_traits (name, kind, filter, expression, window_days)
                                          VALUES ('c{n}', 'sum', NULL, $$(traits->>'k1')::int$$, 1 + {n}),
                                                 ('d{n}', 'count', $$10 / ((traits->>'k1')::int % 3) > 1$$, NULL, NULL)""",
                               "DELETE FROM w.computed_traits WHERE name IN ('c{n}', 'd{n}')"),
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
          "segments", "segment_changes", "segment_failures", "computed_traits", "computed_trait_failures",
          "identifier_namespaces")


def main():
    tap = Tap()
    sql("""
        SELECT cdp.create_workspace('w');
        INSERT INTO w.computed_traits (name, kind, expression, window_days) VALUES
            ('seen', 'count', NULL, 30), ('spend', 'sum', 'amount', NULL), ('plans', 'unique_list', $$traits->>'plan'$$, NULL);
        INSERT INTO w.segments (name, predicate) VALUES
            ('vip', $$cdp.total(ltv, 'USD') >= 20$$), ('planned', $$(traits->>'plan')::int > 3$$),
            ('seen', $$cdp.computed_int(computed, 'seen') > 2$$);
        """ + STREAM.format(seed=1, events=EVENTS))
    stopped = sweep(tap, OPERATIONS, TIMEOUTS, TABLES)
    tap.ok(stopped >= len(OPERATIONS), "%d statements were stopped" % stopped)
    tap.done()


if __name__ == "__main__":
    main()
