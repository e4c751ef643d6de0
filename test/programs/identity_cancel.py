#!/usr/bin/env python3
"""
statement_timeout between 1 and 200 ms (and one that is long enough) over all that changes who is who in a
large component: cdp.link, unlink, separate, unseparate, changes of rules, late evidence that replays it,
a value that turns out generic and takes it apart. Each ends with success or with error 57014 within a second
of the timeout, and an error has changed nothing.
timeout: 180
weight: 12

    identity_cancel.py [SIZE [STEP]]     identifiers of a component (300), step of the timeouts (40 ms)
"""

import sys

from cdptest import Tap, patience, sql, value
from timeout_sweep import sweep

SIZE = int(sys.argv[1]) if len(sys.argv) > 1 else 300
STEP = int(sys.argv[2]) if len(sys.argv) > 2 else 40
TIMEOUTS = sorted({1, 2, 3, 5, 8, 200, round(patience(20000))} | set(range(STEP, 200, STEP)))

# A component of e-mails that cookies join to their neighbours, more of them than its limit allows.
CONTESTED = """INSERT INTO w.events (occurred_at, event, identifiers, amount)
    SELECT timestamptz '2024-01-01' + i * interval '1 minute', 'chain', ARRAY['email:{name}' || i / 2 || '@example.com', 'cookie:{name}' || (i + 1) / 2], 1
    FROM generate_series(1, {size}) i"""

# The same without a limit.
CHAIN = """INSERT INTO w.events (occurred_at, event, identifiers, amount)
    SELECT timestamptz '2024-01-01' + i * interval '1 minute', 'chain', ARRAY['device:{name}' || i, 'device:{name}' || i + 1], 1
    FROM generate_series(1, {size}) i"""

LINK = "SELECT cdp.link('w', 'device:left1', 'device:right1')"
UNLINK = "SELECT cdp.unlink('w', 'device:left1', 'device:right1')"
SEPARATE = "SELECT cdp.separate('w', 'device:apart1', 'device:apart{size}')".format(size=SIZE)
UNSEPARATE = "SELECT cdp.unseparate('w', 'device:apart1', 'device:apart{size}')".format(size=SIZE)

# As timeout_sweep has them
OPERATIONS = {
    "link": (UNLINK, LINK, ""),
    "unlink": (LINK, UNLINK, ""),
    "separate": (UNSEPARATE, SEPARATE, ""),
    "unseparate": (SEPARATE, UNSEPARATE, ""),
    "change a limit": ("", "UPDATE w.identifier_namespaces SET max_per_profile = 2 + {n} % 4 WHERE namespace = 'email'", ""),
    "block the middle": ("DELETE FROM w.blocked_identifiers WHERE value = 'apart%d'" % (SIZE // 2),
                         "INSERT INTO w.blocked_identifiers (namespace, value) VALUES ('device', 'apart%d')" % (SIZE // 2), ""),
    "unblock the middle": ("INSERT INTO w.blocked_identifiers (namespace, value) VALUES ('device', 'apart%d') ON CONFLICT DO NOTHING"
                           % (SIZE // 2), "DELETE FROM w.blocked_identifiers WHERE value = 'apart%d'" % (SIZE // 2), ""),
    "late evidence": ("", """INSERT INTO w.events (occurred_at, event, identifiers, amount)
        VALUES (timestamptz '2023-12-01' - {n} * interval '1 minute', 'late', ARRAY['email:c1@example.com', 'cookie:c%d'], 1)""" % (SIZE // 4), ""),
    # the last of so many e-mails that the till's cookie was seen with
    "turns out generic": ("""INSERT INTO w.events (event, identifiers, amount)
        SELECT 'till', ARRAY['email:t{n}-' || i || '@example.com', 'till:{n}', 'device:t{n}-' || i], 1 FROM generate_series(1, %d) i""" % (SIZE - 1),
                          """INSERT INTO w.events (event, identifiers, amount)
        VALUES ('till', ARRAY['email:t{n}-0@example.com', 'till:{n}'], 1)""", ""),
}

TABLES = ("events", "event_ids", "profiles", "identifiers", "identity_links", "identity_refusals", "identity_decisions",
          "identifier_companions", "merges", "segment_changes", "identifier_namespaces", "blocked_identifiers")


def main():
    tap = Tap()
    sql("""
        SELECT cdp.create_workspace('w');
        UPDATE w.identifier_namespaces SET max_per_profile = 5 WHERE namespace = 'email';
        INSERT INTO w.identifier_namespaces (namespace, priority, generic_after) VALUES ('till', 99, {size});
        INSERT INTO w.segments (name, predicate) VALUES ('vip', $$cdp.total(ltv, 'USD') >= 20$$);
        """.format(size=SIZE)
        + ";\n".join([CHAIN.format(name=name, size=SIZE) for name in ("left", "right", "apart")]
                     + [CONTESTED.format(name="c", size=SIZE)]))
    tap.ok(int(value("SELECT count(*) FROM w.identity_refusals WHERE reason = 'limit'")) > SIZE / 20, "limits refuse much")
    stopped = sweep(tap, OPERATIONS, TIMEOUTS, TABLES)
    tap.ok(stopped >= len(OPERATIONS), "%d statements were stopped" % stopped)
    tap.equal(value("SELECT generic FROM w.identifiers WHERE identifier = 'till:%d'" % len(TIMEOUTS)), "t", "the till's cookie is generic in the end")
    tap.done()


if __name__ == "__main__":
    main()
