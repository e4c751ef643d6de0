#!/usr/bin/env python3
"""
online_retail day by day under cdp.clock: the events of a day come in at the midnight after it (those of the
last day at its last minute), and one tick a day. The segment vip_away (at least 1,000 GBP, last seen more
than 21 days ago) has the members that plain SQL over the raw lines gives at the end, every entry by the
clock is dated 21 days and a microsecond after the customer's last event, and all entries and exits of the
year are those of a gaps-and-islands query over the raw lines.
timeout: 300
weight: 25
"""

from cdptest import Tap, copy_in, data_file, rows, sql, value

from house_retail import COLUMNS, lines, new_workspace


def main():
    tap = Tap()
    path = data_file("online_retail/online_retail.csv.gz") or tap.skip_all("online_retail is missing")
    sql("CREATE UNLOGGED TABLE raw (line int, occurred_at timestamptz, received_at timestamptz, event text,"
        " identifiers text[], amount numeric, currency text, properties jsonb)")
    copy_in("raw", lines(path))
    sql("""
        CREATE UNLOGGED TABLE source AS
            SELECT *, cdp.event_id(line::text) AS event_id,
                   least(date_trunc('day', occurred_at, 'UTC') + interval '1 day', '2011-12-09 12:50+00') AS comes_at
            FROM raw;
        CREATE INDEX ON source (comes_at);
        ANALYZE source;
        """)
    new_workspace("w")
    sql("INSERT INTO w.segments (name, predicate) VALUES ('vip_away',"
        " $$cdp.total(ltv, 'GBP') >= 1000 AND last_seen < now() - interval '21 days'$$)")
    sql("""
        SET synchronous_commit = off;
        CREATE TABLE work (day timestamptz, ticked bigint, profiles bigint);
        DO $$
        DECLARE
            day timestamptz;
        BEGIN
            FOR day IN SELECT d FROM generate_series('2010-12-02 00:00+00', '2011-12-09 00:00+00', interval '1 day') d
                       UNION ALL SELECT '2011-12-09 12:50+00' LOOP
                PERFORM set_config('cdp.clock', day::text, false);
                INSERT INTO w.events (%s) SELECT %s FROM source s WHERE s.comes_at = day ORDER BY s.line;
                INSERT INTO work SELECT day, cdp.tick('w', 1000000), (SELECT count(*) FROM w.profiles);
                COMMIT;
            END LOOP;
        END
        $$""" % (COLUMNS, ", ".join("s." + column for column in COLUMNS.split(", "))))
    customers = """(SELECT p.*, EXISTS (SELECT FROM w.identifiers i WHERE i.profile_id = p.profile_id
                                        AND cdp.namespace(i.identifier) = 'user_id') AS customer FROM w.profiles p)"""
    tap.equal(rows("SELECT count(*), count(*) FILTER (WHERE customer) FROM %s p WHERE segments ? 'vip_away'" % customers),
              [["1298", "823"]], "members of vip_away at the end, and those with a customer id")
    tap.equal(rows("SELECT count(*), count(*) FILTER (WHERE customer) FROM %s p WHERE segments ? 'vip'" % customers),
              [["2152", "1633"]], "members of vip at the end, and those with a customer id")

    # Islands of days with events, per customer or order; the gap behind an island is what the clock sees.
    sql("""
        CREATE TABLE expected AS
        WITH days AS (
            SELECT coalesce(substring(identifiers[2] FROM 'user_id:(.*)'), identifiers[1]) AS who, comes_at,
                   max(occurred_at) AS last_at, sum(amount) AS amount
            FROM source GROUP BY 1, 2
        ), islands AS (
            SELECT who, last_at + interval '21 days 0.000001' AS away_at,
                   sum(amount) OVER w >= 1000 AS is_vip, lead(comes_at) OVER w AS back_at
            FROM days WINDOW w AS (PARTITION BY who ORDER BY comes_at)
        )
        SELECT who, away_at, CASE WHEN back_at <= '2011-12-09 12:50+00' THEN back_at END AS back_at
        FROM islands
        WHERE is_vip AND away_at <= coalesce(back_at, '2011-12-09 12:50+00');
        CREATE TABLE found AS
        SELECT (SELECT coalesce(min(cdp.value(i.identifier)) FILTER (WHERE cdp.namespace(i.identifier) = 'user_id'),
                                min(cdp.text(i.identifier)))
                FROM w.identifiers i WHERE i.profile_id = c.profile_id) AS who, c.at, c.entered, c.cause
        FROM w.segment_changes c WHERE c.segment = 'vip_away';
        """)
    entries = value("SELECT count(*) FROM expected")
    exits = value("SELECT count(back_at) FROM expected")
    tap.ok(int(entries) > 2000 and int(exits) > 1000, "a year of entries and exits: %s and %s" % (entries, exits))
    tap.equal(rows("SELECT count(*) FILTER (WHERE entered), count(*) FILTER (WHERE NOT entered) FROM found"),
              [[entries, exits]], "as many entries and exits as the raw lines give")
    tap.equal(rows("(SELECT who, away_at FROM expected EXCEPT SELECT who, at FROM found WHERE entered AND cause = 'clock')"
                   " LIMIT 5"), [], "each entry: by the clock, 21 days and 1 us after the last event")
    tap.equal(rows("(SELECT who, back_at FROM expected WHERE back_at IS NOT NULL"
                   " EXCEPT SELECT who, at FROM found WHERE NOT entered AND cause = 'event') LIMIT 5"), [],
              "each exit: with the event that ended the gap")
    ticked, full = rows("SELECT sum(ticked), sum(profiles) FROM work")[0]
    tap.ok(int(ticked) * 50 < int(full), "ticks evaluated few rows", "%s of %s" % (ticked, full))
    print("# rows evaluated by %s ticks: %s; a full recompute each day would have read %s" % (
        value("SELECT count(*) FROM work"), ticked, full))
    tap.equal(rows("SET cdp.clock = '2011-12-09 12:50+00'; SELECT * FROM cdp.check('w') LIMIT 20"), [],
              "cdp.check finds nothing")
    tap.done()


if __name__ == "__main__":
    main()
