#!/usr/bin/python3
"""
The data of the CDNOW papers, through SQL: fits with the published parameters and log-likelihoods, every
row of golden.tsv, cohorts as in the reference files, the forecast of the held-out weeks 40 to 78; and
online_retail: totals and cohorts against plain SQL that is written differently.
timeout: 300
weight: 13
"""

import csv
import gzip
import io
import math
import time

from cdptest import Tap, copy_in, data_file, rows, sql, value
from value_golden import distance

LIMIT = 1e-6

# Published, and recomputed to more digits: parameters, log-likelihood.
SAMPLE = {"bgnbd": ((0.2425945, 4.4136016, 0.7929217, 2.4259054), -9582.429207),
          "paretonbd": ((0.5532770, 10.577684, 0.6062399, 11.668734), -9594.976179)}
ALL = {"bgnbd": ((0.25162396, 4.7889430, 0.7234338, 2.1610891), -95368.443933)}
AMOUNTS = ((6.249572, 3.744224, 15.443521), -4055.917695)

# Rows of customers: repeat purchase days until the end of the calibration, in weeks.
OBSERVED = """
    CREATE TABLE {table}_observed AS
    SELECT customer, (r).* FROM (
        SELECT customer, cdp.rfm_agg(day, 1, '1997-09-30', '7 days') AS r FROM {table} GROUP BY customer) o"""


def near(got, expected):
    return all(abs(float(g) - e) <= 2e-6 * max(1, abs(e)) for g, e in zip(got, expected))


def load(tap):
    sample = data_file("cdnow/CDNOW_sample.txt")
    master = data_file("cdnow/CDNOW_master.txt.gz")
    if not sample or not master:
        tap.skip_all("cdnow is missing")
    for table in ("sample", "master"):
        sql("CREATE TABLE %s (customer text, day date, discs int, amount numeric)" % table)
    with open(sample, encoding="ascii") as f:
        copy_in("sample", ("\t".join(line.split()[1:]) for line in f))
    with gzip.open(master, "rt", encoding="ascii") as f:
        copy_in("master", ("\t".join(line.split()) for line in list(f)[1:]))
    tap.equal(rows("SELECT (SELECT count(*) FROM sample), (SELECT count(DISTINCT customer) FROM sample),"
                   " (SELECT count(*) FROM master), (SELECT count(DISTINCT customer) FROM master)"),
              [["6919", "2357", "69659", "23570"]], "purchases and customers of the files")
    for table in ("sample", "master"):
        sql(OBSERVED.format(table=table) + "; CREATE INDEX ON %s (customer); ANALYZE" % table)


def fits(tap):
    for table, published in (("sample", SAMPLE), ("master", ALL)):
        for model, (parameters, likelihood) in published.items():
            found = rows("SELECT (f).*, (f).unit = '1 week' FROM (SELECT cdp.%s_fit(frequency, recency, age, unit) AS f"
                         " FROM %s_observed) x" % (model, table))[0]
            tap.ok(near(found[:4], parameters) and abs(float(found[8]) - likelihood) < LIMIT and found[13] == "t",
                   "%s of %s: parameters and log-likelihood as published" % (model, table), found)
    found = rows("""
        SELECT (f).* FROM (SELECT cdp.gamma_gamma_fit(repeats, mean) AS f FROM (
            SELECT count(*) AS repeats, avg(net) AS mean FROM (
                SELECT customer, day, sum(amount) AS net, min(day) OVER (PARTITION BY customer) AS first_day
                FROM sample WHERE day <= '1997-09-30' GROUP BY customer, day) d
            WHERE day > first_day GROUP BY customer HAVING avg(net) > 0) c) x""")[0]
    tap.ok(near(found[:3], AMOUNTS[0]) and abs(float(found[6]) - AMOUNTS[1]) < LIMIT and found[7] == "946",
           "Gamma-Gamma of 946 customers: parameters and log-likelihood as published", found)


def golden(tap):
    path = data_file("cdnow/golden.tsv")
    if path is None:
        tap.skip("golden.tsv in SQL", "the file is missing")
        return
    with open(path, encoding="utf-8") as f:
        table = [line.rstrip("\n").split("\t") for line in f][1:]
    sql("CREATE TABLE golden (n int, model text, p1 float8, p2 float8, p3 float8, p4 float8, x float8, tx float8,"
        " age float8, t float8)")
    copy_in("golden", ("\t".join([str(n)] + row[:9]) for n, row in enumerate(table)))
    worst, bad = 0, []
    for model in ("bgnbd", "paretonbd"):
        for row in rows("SELECT n, cdp.log_likelihood(m, x, tx, age), cdp.p_alive(m, x, tx, age),"
                        " cdp.expected_purchases(m, x, tx, age, t), cdp.dert(m, x, tx, age, 0.0027) FROM (SELECT *,"
                        " cdp.%s_model(p1, p2, p3, p4) AS m FROM golden WHERE model = '%s') g" % (model, model)):
            for got, expected in zip(row[1:], table[int(row[0])][9:]):
                error = distance(float(got), expected) if expected else 0 if math.isfinite(float(got)) else math.inf
                worst = max(worst, error)
                if not error <= 1e-10:
                    bad.append((row, expected))
    tap.ok(not bad, "golden.tsv in SQL: relative error at most 1e-10 on all %d rows" % len(table), bad[:10])
    print("# golden.tsv in SQL: largest error %.1e" % worst)


def forecast(tap):
    """Repeat purchase days to week 78, from what was seen to week 39. As the papers do: the total that is
    expected of new customers until then, each from the first purchase. And the held-out weeks 40 to 78 alone,
    by what is expected of each customer after what was seen, whose correlation with what came is the use of it."""
    for table in ("sample", "master"):
        total = int(value("SELECT count(DISTINCT (customer, day)) - count(DISTINCT customer) FROM %s" % table))
        held_out = int(value("SELECT count(DISTINCT (customer, day)) FROM %s WHERE day > '1997-09-30'" % table))
        for model in ("bgnbd", "paretonbd"):
            expected, later, correlation = map(float, rows("""
                SELECT sum(cdp.expected_purchases_new(f, age + 39)), sum(e), corr(e, came)
                FROM (SELECT o.*, f, cdp.expected_purchases(f, frequency, recency, age, 39) AS e,
                             (SELECT count(DISTINCT day) FROM {table} t WHERE t.customer = o.customer AND day > '1997-09-30') AS came
                      FROM {table}_observed o, (SELECT cdp.{model}_fit(frequency, recency, age) AS f FROM {table}_observed) m) x
                """.format(table=table, model=model))[0])
            # the papers' 5 % is for the sample that they use
            tap.ok(abs(expected / total - 1) < (0.05 if table == "sample" else 0.07), "%s of %s: total of repeat purchases to week 78" % (model, table),
                   "%f, not %d" % (expected, total))
            tap.ok(abs(later / held_out - 1) < 0.15 and correlation > 0.55, "%s of %s: weeks 40 to 78, by customer" % (model, table),
                   "%f, not %d; correlation %f" % (later, held_out, correlation))
            print("# %s, %s: to week 78 %.0f repeat purchases expected, %d happened (%+.1f %%); in weeks 40 to 78 %.0f, %d "
                  "(%+.1f %%), correlation %.2f" % (table, model, expected, total, 100 * (expected / total - 1), later, held_out,
                                                    100 * (later / held_out - 1), correlation))


def reference(name):
    path = data_file("cdnow/reference_cohort_%s_monthly.csv" % name)
    if path is None:
        return None
    with open(path, encoding="ascii") as f:
        return {(row["co"], int(period)): float(number) for row in csv.DictReader(f)
                for period, number in row.items() if period != "co" and float(number) != 0}


def workspace(tap):
    """All of it as events, in which discs are what is paid with: no purchase is of zero."""
    sql("SELECT cdp.create_workspace('discs'), cdp.create_workspace('dollars')")
    for name, column in (("discs", "discs"), ("dollars", "amount")):
        sql("INSERT INTO %s.events (event, identifiers, amount, currency, occurred_at) SELECT 'Order Completed',"
            " ARRAY['user_id:' || customer], %s, 'USD', day::timestamp AT TIME ZONE 'UTC' FROM master" % (name, column))
    sql("INSERT INTO discs.value_models (name, calibration_end, amounts) VALUES ('bg', '1997-09-30', false);"
        "INSERT INTO discs.value_models (name, calibration_end, model, amounts, scoring)"
        " VALUES ('pareto', '1997-09-30', 'paretonbd', false, false)")
    found = {row[0]: row for row in rows("SELECT * FROM cdp.fit('discs')")}
    tap.ok(found["bg"][1] == "23570" and abs(float(found["bg"][2]) - ALL["bgnbd"][1]) < LIMIT,
           "from events to the published log-likelihood", found)
    tap.ok(float(found["pareto"][2]) < float(found["bg"][2]), "Pareto/NBD fits these customers a little less well", found)

    for name, function, column in (("retention", "cohort_retention", "active"), ("revenue", "cohort_revenue", "revenue")):
        expected = reference(name)
        if expected is None:
            tap.skip("cohorts: " + name, "the reference file is missing")
            continue
        got = {(row[0], int(row[1])): float(row[2]) for row in rows(
            "SELECT to_char(cohort, 'YYYY-MM'), period, %s FROM cdp.%s('dollars', 'month', count_free => true)"
            " WHERE %s <> 0" % (column, function, column))}
        tap.equal(got, expected, "cohorts as in the reference: " + name)


def retail(tap):
    path = data_file("online_retail/online_retail.csv.gz")
    if path is None:
        tap.skip("online_retail", "the file is missing")
        return
    sql("CREATE TABLE line (customer text, at timestamptz, quantity int, price numeric)")
    with gzip.open(path, "rb") as f:
        copy_in("line", ("\t".join((row["CustomerID"], row["InvoiceDate"] + "+00", row["Quantity"], row["UnitPrice"]))
                         for row in csv.DictReader(io.TextIOWrapper(f, "utf-8", newline="")) if row["CustomerID"]))
    sql("SELECT cdp.create_workspace('retail');"
        "INSERT INTO retail.events (event, identifiers, amount, currency, occurred_at) SELECT 'Line',"
        " ARRAY['user_id:' || customer], quantity * price, 'GBP', at FROM line; ANALYZE")
    tap.equal(rows("SELECT count(*), sum(t), count(*) FILTER (WHERE t < 0), count(*) FILTER (WHERE t = 0),"
                   " count(*) FILTER (WHERE t >= 1000) FROM (SELECT cdp.total(ltv, 'GBP') AS t FROM retail.profiles) p"),
              [["4372", "8300065.814", "41", "14", "1633"]], "online_retail: historic totals keep the negatives")
    tap.equal(rows("SELECT trim_scale(sum(cdp.purchase_total(ltv, 'GBP'))), trim_scale(sum(cdp.refund_total(ltv, 'GBP'))) FROM retail.profiles"),
              rows("SELECT trim_scale(sum(quantity * price) FILTER (WHERE quantity * price > 0)), trim_scale(sum(quantity"
                   " * price) FILTER (WHERE quantity * price < 0)) FROM line"), "online_retail: purchases and refunds")
    # by customer and day, with no set-returning function and no aggregate of cdp's
    sql("""
        CREATE TABLE daily AS SELECT customer, (at AT TIME ZONE 'UTC')::date AS day, sum(quantity * price) AS net
            FROM line WHERE quantity * price <> 0 GROUP BY 1, 2;
        CREATE TABLE first AS SELECT customer, min(day) AS day FROM daily WHERE net > 0 GROUP BY 1;
        CREATE TABLE cohort AS SELECT date_trunc('month', f.day)::date AS cohort,
            (12 * (extract(year FROM d.day) - extract(year FROM f.day)) + extract(month FROM d.day) - extract(month FROM f.day))::int AS period,
            count(DISTINCT d.customer) FILTER (WHERE d.net > 0) AS active, sum(d.net) AS revenue
            FROM daily d JOIN first f USING (customer) GROUP BY 1, 2""")
    started = time.monotonic()
    got = rows("SELECT cohort, period, active FROM cdp.cohort_retention('retail', 'month', 'GBP') WHERE active > 0 ORDER BY 1, 2")
    print("# cohort_retention of 4,372 customers took %.1f s" % (time.monotonic() - started))
    tap.equal(got, rows("SELECT cohort, period, active FROM cohort WHERE active > 0 ORDER BY 1, 2"),
              "online_retail: cohorts against plain SQL")
    tap.equal(rows("SELECT cohort, period, trim_scale(revenue) FROM cdp.cohort_revenue('retail', 'month', 'GBP') WHERE revenue <> 0 ORDER BY 1, 2"),
              rows("SELECT cohort, period, trim_scale(revenue) FROM cohort WHERE revenue <> 0 ORDER BY 1, 2"),
              "online_retail: revenue of the cohorts, which is negative in some")
    tap.equal(rows("SELECT round(cdp.repeat_rate(ltv), 6) FROM retail.profiles"),
              rows("SELECT round(count(*) FILTER (WHERE n > 1) / count(*)::numeric, 6) FROM (SELECT count(*) AS n FROM daily"
                   " WHERE net > 0 GROUP BY customer) c"), "online_retail: repeat rate")
    tap.equal(rows("SELECT count(*), count(*) FILTER (WHERE a IS DISTINCT FROM b) FROM (SELECT customer,"
                   " cdp.rfm_agg(at, quantity * price, '2011-09-01', '7 days') AS a FROM line GROUP BY 1) x JOIN (SELECT"
                   " cdp.value(i.identifier) AS customer, cdp.rfm(p.ltv, '2011-09-01', '7 days', 'GBP') AS b"
                   " FROM retail.profiles p JOIN retail.identifiers i USING (profile_id)) y USING (customer)"),
              [["4372", "0"]], "online_retail: rfm of the values is rfm_agg of the lines")
    tap.equal(rows("""
        SELECT count(*) FROM (
            SELECT customer, (cdp.rfm_agg(at, quantity * price, '2011-09-01', '7 days')).* FROM line GROUP BY 1) r
        FULL JOIN (
            SELECT customer, count(*) - 1 AS frequency, (max(day) - min(day)) / 7.0::float8 AS recency,
                   (date '2011-09-01' - min(day)) / 7.0::float8 AS age, avg(net) FILTER (WHERE day > first_day) AS monetary
            FROM (SELECT d.*, min(day) OVER (PARTITION BY customer) AS first_day FROM daily d
                  WHERE net > 0 AND day <= '2011-09-01') d GROUP BY 1) s
        ON s.customer = r.customer
        WHERE r.frequency IS DISTINCT FROM s.frequency OR abs(r.recency - s.recency) > 1e-12 OR abs(r.age - s.age) > 1e-12
           OR round(r.monetary, 10) IS DISTINCT FROM round(s.monetary, 10)"""),
              [["0"]], "online_retail: rfm_agg against plain SQL")


def main():
    tap = Tap()
    load(tap)
    fits(tap)
    golden(tap)
    forecast(tap)
    workspace(tap)
    retail(tap)
    tap.done()


if __name__ == "__main__":
    main()
