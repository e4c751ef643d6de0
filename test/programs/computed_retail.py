#!/usr/bin/env python3
"""
Computed traits on online_retail: orders of the last 30 days, what was spent in the last 90, the favourite article
and the last country, of every customer (and every order without one) at four instants of 2011, each after the
stream up to it has come in under cdp.clock. They equal plain SQL over the raw lines, and two segments that read
them have the members that it gives. The same traits defined only at the end have the same values.
timeout: 300
weight: 40
"""

from cdptest import Tap, copy_in, data_file, rows, sql, value

from house_retail import COLUMNS, lines, new_workspace

ZONE = "Europe/London"
# Before and after the change to summer time, after local midnight that is not yet midnight in UTC, and the end.
INSTANTS = ["2011-03-26 18:00+00", "2011-06-30 23:30+00", "2011-10-30 00:30+00", "2011-12-09 12:50+00"]

TRAITS = """
    INSERT INTO w.computed_traits (name, kind, event, expression, window_days) VALUES
        ('{p}orders_30d', 'unique_count', 'Order Completed', 'identifiers[1]', 30),
        ('{p}spend_90d', 'sum', NULL, 'amount', 90),
        ('{p}favourite_stock', 'most_frequent', 'Order Completed', $$properties->>'StockCode'$$, NULL),
        ('{p}last_country', 'last', NULL, $$properties->>'Country'$$, NULL);
"""
SEGMENTS = """
    INSERT INTO w.segments (name, predicate) VALUES
        ('regular', $$cdp.computed_int(computed, 'orders_30d') >= 3$$),
        ('slipped', $$(computed->>'orders_30d')::int = 0 AND cdp.computed_numeric(computed, 'spend_90d') >= 500
                      AND NOT last_seen > now() - interval '45 days'$$);
"""

# Plain SQL over the lines that have come until an instant.
EXPECTED = """
    CREATE TEMP TABLE expected AS
    WITH seen AS (
        SELECT coalesce(identifiers[2], identifiers[1]) AS who, s.*, properties->>'StockCode' AS stock, s.occurred_at AT TIME ZONE '{zone}' AS local
        FROM source s WHERE s.occurred_at <= '{at}'
    ), favourites AS (
        SELECT DISTINCT ON (who) who, stock FROM seen WHERE event = 'Order Completed' GROUP BY who, stock
        ORDER BY who, count(*) DESC, stock COLLATE "C"
    ), today AS (
        SELECT (timestamptz '{at}' AT TIME ZONE '{zone}')::date AS day
    )
    SELECT who, count(DISTINCT identifiers[1]) FILTER (WHERE event = 'Order Completed' AND local >= day - 29) AS orders_30d,
           sum(amount) FILTER (WHERE local >= day - 89) AS spend_90d, min(f.stock) AS favourite_stock,
           (array_agg(properties->>'Country' ORDER BY occurred_at DESC, event_id DESC))[1] AS last_country,
           max(occurred_at) AS last_seen
    FROM seen LEFT JOIN favourites f USING (who) CROSS JOIN today GROUP BY who, day;
    CREATE TEMP TABLE found AS
    SELECT (SELECT coalesce(min(i.identifier::text) FILTER (WHERE cdp.namespace(i.identifier) = 'user_id'), min(i.identifier::text))
            FROM w.identifiers i WHERE i.profile_id = p.profile_id) AS who,
           cdp.computed_int(p.computed, 'orders_30d') AS orders_30d, cdp.computed_numeric(p.computed, 'spend_90d') AS spend_90d,
           p.computed->>'favourite_stock' AS favourite_stock, cdp.computed_text(p.computed, 'last_country') AS last_country,
           p.segments
    FROM w.profiles p;
    ANALYZE expected; ANALYZE found;
"""


def compare(tap, at):
    # 45 days are those of the workspace's zone
    found = rows("SET timezone = '%s'; SET cdp.clock = '%s';" % (ZONE, at) + EXPECTED.format(at=at, zone=ZONE) + """
        SELECT count(*), count(*) FILTER (WHERE e.orders_30d >= 3), count(e.spend_90d), count(DISTINCT e.favourite_stock),
               count(DISTINCT e.last_country) FROM expected e;
        (SELECT 'traits', who, e.orders_30d, f.orders_30d, e.spend_90d, f.spend_90d, e.favourite_stock, f.favourite_stock,
                e.last_country, f.last_country
         FROM expected e FULL JOIN found f USING (who)
         WHERE (e.orders_30d, e.spend_90d, e.favourite_stock, e.last_country) IS DISTINCT FROM
               (f.orders_30d, f.spend_90d, f.favourite_stock, f.last_country) OR e.who IS NULL OR f.who IS NULL LIMIT 5);
        (SELECT 'segments', who, e.orders_30d, e.spend_90d, e.last_seen, f.segments FROM expected e JOIN found f USING (who)
         WHERE (f.segments ? 'regular') <> (e.orders_30d >= 3)
            OR (f.segments ? 'slipped') <> (e.orders_30d = 0 AND coalesce(e.spend_90d, 0) >= 500
                                            AND NOT e.last_seen > timestamptz '%s' - interval '45 days') LIMIT 5)""" % at)
    tap.equal([row for row in found if row[0] == "traits"], [], "%s: the traits of all are those of plain SQL" % at)
    profiles, regular, spent, stocks, countries = map(int, found[0])
    tap.ok(profiles > 1000 and regular > 50 and spent > 1000 and stocks > 500 and countries > 20, "%s: and they differ" % at, found[0])
    tap.equal([row for row in found if row[0] == "segments"], [], "%s: members of the segments that read them" % at)


def main():
    tap = Tap()
    path = data_file("online_retail/online_retail.csv.gz") or tap.skip_all("online_retail is missing")
    sql("CREATE UNLOGGED TABLE raw (line int, occurred_at timestamptz, received_at timestamptz, event text,"
        " identifiers text[], amount numeric, currency text, properties jsonb)")
    copy_in("raw", lines(path))
    sql("CREATE UNLOGGED TABLE source AS SELECT *, cdp.event_id(line::text) AS event_id FROM raw; DROP TABLE raw;"
        " CREATE INDEX ON source (occurred_at); ANALYZE source")
    new_workspace("w")
    sql("UPDATE w.settings SET time_zone = '%s';" % ZONE + TRAITS.format(p="") + SEGMENTS)
    columns = ", ".join("s." + column for column in COLUMNS.split(", "))
    since = "-infinity"
    for at in INSTANTS:
        sql("SET synchronous_commit = off; SET cdp.clock = '%s';"
            " INSERT INTO w.events (%s) SELECT %s FROM source s WHERE s.occurred_at > '%s' AND s.occurred_at <= '%s' ORDER BY s.line;"
            " CALL cdp.run('w');" % (at, COLUMNS, columns, since, at))
        since = at
        compare(tap, at)
    tap.equal(value("SELECT count(*) FROM w.events"), "541909", "all lines are there")
    tap.equal(rows("SET cdp.clock = '%s';" % since + TRAITS.format(p="late_") + """
        SELECT p.profile_id, e.name, e.value, l.value FROM w.profiles p
        CROSS JOIN LATERAL cdp.computed_entries(p.computed) e
        LEFT JOIN LATERAL cdp.computed_entries(p.computed) l ON l.name = 'late_' || e.name
        WHERE e.name !~ '^late_' AND e.value IS DISTINCT FROM l.value LIMIT 5;
        DELETE FROM w.computed_traits WHERE name ~ '^late_';
        SELECT p.profile_id, e.name FROM w.profiles p CROSS JOIN LATERAL cdp.computed_entries(p.computed) e WHERE e.name ~ '^late_' LIMIT 5;
        """), [], "the same traits defined at the end have the same values, and are gone with their definition")
    tap.equal(rows("SELECT * FROM w.computed_trait_errors LIMIT 5"), [], "no line fails")
    tap.equal(rows("SET cdp.clock = '%s'; SELECT * FROM cdp.check('w') LIMIT 20" % since), [], "cdp.check finds nothing")
    tap.done()


if __name__ == "__main__":
    main()
