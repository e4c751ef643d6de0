#!/usr/bin/env python3
"""
The real data set online_retail (541,909 order lines), loaded by one COPY, and again in statements of
1,000 rows in shuffled order: exactly the figures that plain SQL gives over the raw table, cdp.check
finds nothing, and loading it all again changes nothing.
timeout: 400
weight: 45

    house_retail.py [copy] [shuffled]     the ways; without one of them by COPY alone, make test-long has both
"""

import csv
import gzip
import io
import json
import os
import random
import subprocess
import sys
import time
from decimal import Decimal

from cdptest import Tap, copy_in, copy_text, data_file, rows, sql, value

COLUMNS = "event_id, occurred_at, received_at, event, identifiers, amount, currency, properties"
ENDS = "2011-12-09 12:50+00"

# The figures, from plain SQL over the raw table in exact numeric: profiles, net, negative, exactly
# zero, at least 1,000, and of those, last event over 21 days before the end.
FIGURES = {
    "with a customer id": ["4372", "8300065.814", "41", "14", "1633", "823"],
    "order only": ["3710", "1447682.120", "184", "2098", "519", "475"],
    "all": ["8082", "9747747.934", "225", "2112", "2152", "1298"],
}


def lines(path):
    """The rows of the file as COPY text; the event id comes of the line's number."""
    with gzip.open(path, "rb") as f:
        for number, row in enumerate(csv.DictReader(io.TextIOWrapper(f, "utf-8", newline="")), 1):
            quantity = int(row["Quantity"])
            identifiers = ["order:" + row["InvoiceNo"]]
            if row["CustomerID"]:
                identifiers.append("user_id:" + row["CustomerID"])
            properties = {key: row[key] for key in ("StockCode", "Description", "Quantity", "UnitPrice", "Country")}
            yield "\t".join((
                str(number), row["InvoiceDate"], row["InvoiceDate"],
                "Order Refunded" if quantity < 0 else "Order Completed", "{%s}" % ",".join(identifiers),
                str(quantity * Decimal(row["UnitPrice"])), "GBP", copy_text(json.dumps(properties))))


def figures(workspace):
    found = {}
    for group, condition in (
            ("with a customer id", "customer"), ("order only", "NOT customer"), ("all", "true")):
        found[group] = rows("""
            SELECT count(*), sum(total)::numeric(20, 3), count(*) FILTER (WHERE total < 0),
                   count(*) FILTER (WHERE total = 0), count(*) FILTER (WHERE total >= 1000),
                   count(*) FILTER (WHERE total >= 1000 AND last_seen < timestamptz '{ends}' - interval '21 days')
            FROM (SELECT cdp.total(p.ltv, 'GBP') AS total, last_seen,
                         EXISTS (SELECT FROM {w}.identifiers i WHERE i.profile_id = p.profile_id
                                 AND cdp.namespace(i.identifier) = 'user_id') AS customer
                  FROM {w}.profiles p) p
            WHERE {condition}""".format(w=workspace, ends=ENDS, condition=condition))[0]
    return found


def digest(workspace):
    """Of all profiles, by the smallest identifier of each: the ids differ from load to load."""
    return value("""
        SELECT md5(string_agg(concat_ws('|', i.identifiers, p.first_seen, p.last_seen, p.event_count, p.traits::text,
                                        p.ltv::text, cdp.segment_names(p.segments)::text), E'\\n' ORDER BY i.identifiers))
        FROM {w}.profiles p
        JOIN (SELECT profile_id, string_agg(identifier::text, ' ' ORDER BY identifier) AS identifiers
              FROM {w}.identifiers GROUP BY 1) i USING (profile_id)""".format(w=workspace))


def tables(workspace):
    return rows("SELECT (SELECT count(*) FROM {w}.events), (SELECT count(*) FROM {w}.event_ids),"
                " (SELECT count(*) FROM {w}.identity_links), (SELECT count(*) FROM {w}.identity_refusals),"
                " (SELECT count(*) FROM {w}.merges), (SELECT count(*) FROM {w}.segment_changes)".format(w=workspace))


def examine(tap, workspace, how):
    found = figures(workspace)
    for group, expected in FIGURES.items():
        tap.equal(found[group], expected, "%s: %s" % (how, group))
    tap.equal(rows("SELECT sum(cdp.refunds(ltv)), sum(cdp.purchases(ltv)), sum(event_count) FROM %s.profiles" % workspace),
              [["9290", "530104", "541909"]], "%s: refunds, purchases, events" % how)
    tap.equal(rows("SELECT cdp.total(p.ltv, 'GBP'), i.identifier FROM {w}.profiles p JOIN {w}.identifiers i USING "
                   "(profile_id) WHERE cdp.namespace(i.identifier) = 'user_id' ORDER BY 1 DESC LIMIT 1".format(w=workspace)),
              [["279489.02", "user_id:14646"]], "%s: the largest customer" % how)
    tap.equal(rows("SELECT count(*), count(*) FILTER (WHERE EXISTS (SELECT FROM {w}.identifiers i WHERE i.profile_id ="
                   " p.profile_id AND cdp.namespace(i.identifier) = 'user_id')) FROM {w}.profiles p WHERE segments ? 'vip'"
                   .format(w=workspace)), [["2152", "1633"]], "%s: segment vip" % how)
    started = time.monotonic()
    tap.equal(rows("SELECT * FROM cdp.check('%s') LIMIT 20" % workspace), [], "%s: cdp.check finds nothing" % how)
    print("# %s: cdp.check took %.1f s" % (how, time.monotonic() - started))


def new_workspace(name):
    sql("""
        SELECT cdp.create_workspace('{w}');
        INSERT INTO {w}.identifier_namespaces (namespace, priority, max_per_profile) VALUES ('order', 40, NULL);
        INSERT INTO {w}.segments (name, predicate) VALUES ('vip', $$cdp.total(ltv, 'GBP') >= 1000$$);
        """.format(w=name))



def main():
    tap = Tap()
    ways = sys.argv[1:] or ["copy"]
    path = data_file("online_retail/online_retail.csv.gz") or tap.skip_all("online_retail is missing")

    # The raw lines as a table, to make event ids in the database and to shuffle.
    sql("CREATE UNLOGGED TABLE raw (line int, occurred_at timestamptz, received_at timestamptz, event text,"
        " identifiers text[], amount numeric, currency text, properties jsonb)")
    copy_in("raw", lines(path))
    tap.equal(value("SELECT count(*) FROM raw"), "541909", "lines of the file")
    sql("CREATE UNLOGGED TABLE source AS SELECT line, cdp.event_id(line::text) AS event_id, occurred_at, received_at,"
        " event, identifiers, amount, currency, properties FROM raw; DROP TABLE raw")
    columns = ", ".join("s." + column for column in COLUMNS.split(", "))
    first = None

    if "copy" in ways:
        new_workspace("w")
        # out of the table and into the workspace: one COPY of the whole file
        both = "psql -X -q -v ON_ERROR_STOP=1 -c \"COPY (SELECT %s FROM source s ORDER BY line) TO STDOUT\" | " \
               "psql -X -q -v ON_ERROR_STOP=1 -c \"COPY w.events (%s) FROM STDIN\"" % (columns, COLUMNS)
        for how in ("one COPY", "the same COPY again"):
            started = time.monotonic()
            done = subprocess.run(["bash", "-o", "pipefail", "-c", both], capture_output=True, text=True)
            tap.equal((done.returncode, done.stderr), (0, ""), how + " is loaded")
            print("# %s took %.1f s" % (how, time.monotonic() - started))
            if first is None:
                examine(tap, "w", how)
                first, before = digest("w"), tables("w")
                sql("VACUUM ANALYZE")
            else:
                tap.equal(tables("w"), before, "%s: no row has been added" % how)
                tap.equal(digest("w"), first, "%s: the profiles are as they were" % how)

    if "shuffled" in ways:
        new_workspace("shuffled")
        order = list(range(1, 541910))
        random.Random(2011).shuffle(order)
        path = os.path.join(os.environ["CDP_TMP"], "order")
        with open(path, "w", encoding="ascii") as f:
            f.writelines("%d\t%d\n" % pair for pair in enumerate(order))
        sql("CREATE UNLOGGED TABLE shuffle (place int, line int);\n\\copy shuffle from '%s'\n" % path
            + "CREATE UNLOGGED TABLE parts AS SELECT sh.place, s.* FROM source s JOIN shuffle sh USING (line);"
            "CREATE INDEX ON parts (place); ANALYZE parts")
        started = time.monotonic()
        sql("""
            SET synchronous_commit = off;
            DO $$
            BEGIN
                FOR part IN 0 .. 541 LOOP
                    INSERT INTO shuffled.events (%s) SELECT %s FROM parts s
                        WHERE s.place >= part * 1000 AND s.place < part * 1000 + 1000 ORDER BY s.place;
                    COMMIT;
                END LOOP;
            END
            $$""" % (COLUMNS, columns))
        print("# 542 INSERTs of 1,000 rows took %.1f s" % (time.monotonic() - started))
        examine(tap, "shuffled", "shuffled")
        if first is not None:
            tap.equal(digest("shuffled"), first, "shuffled: the profiles are those of one COPY")
    tap.done()


if __name__ == "__main__":
    main()
