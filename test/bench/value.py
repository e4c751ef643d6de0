"""Customer value: fits, scores and kernels per second, and rfm_agg against plain SQL. See test/bench/run."""

import os
import statistics
import subprocess

HERE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BENCH = os.path.join(HERE, "test/bench")

CUSTOMERS = 1000000
PURCHASES = 4000000
BUYERS = 982000

# One core, nothing is compiled. Times are processor time.
SETTINGS = "SET max_parallel_workers_per_gather = 0; SET jit = off; SET work_mem = '%s';\n"

MODELS = """
    WITH m AS MATERIALIZED (
        SELECT cdp.bgnbd_model(0.2426, 4.4136, 0.7929, 2.4259, '7 days') AS bg,
               cdp.paretonbd_model(0.5533, 10.5777, 0.6062, 11.6687, '7 days') AS pareto,
               cdp.gamma_gamma_model(6.25, 3.74, 15.44) AS gg)
    SELECT sum(%s) FROM customer, m;"""

# What a scan costs is in all of them: the first line.
SCORES = (
    ("frequency + recency + age", "frequency + recency + age"),
    ("p_alive, BG/NBD", "cdp.p_alive(m.bg, frequency, recency, age)"),
    ("expected_purchases in 39 weeks, BG/NBD", "cdp.expected_purchases(m.bg, frequency, recency, age, 39)"),
    ("clv of a year, BG/NBD", "cdp.clv(m.bg, m.gg, frequency, recency, age, 30, '1 year')"),
    ("p_alive, Pareto/NBD", "cdp.p_alive(m.pareto, frequency, recency, age)"),
    ("clv without an end, Pareto/NBD", "cdp.clv(m.pareto, m.gg, frequency, recency, age, 30)"),
)

RFM = {
    "rfm_agg": """
        SELECT customer, (r).frequency, (r).recency, (r).age, (r).monetary
        FROM (SELECT customer, cdp.rfm_agg(at, amount, timestamptz '2025-07-01', interval '7 days') AS r
              FROM purchase GROUP BY customer) x""",
    "plain SQL": """
        SELECT customer, count(*) - 1 AS frequency, (max(day) - min(day)) / 7.0::float8 AS recency,
               (date '2025-07-01' - min(day)) / 7.0::float8 AS age, avg(net) FILTER (WHERE day > first_day) AS monetary
        FROM (SELECT d.*, min(day) OVER (PARTITION BY customer) AS first_day
              FROM (SELECT customer, (at AT TIME ZONE 'UTC')::date AS day, sum(amount) AS net
                    FROM purchase WHERE at < timestamptz '2025-07-02' GROUP BY 1, 2 HAVING sum(amount) > 0) d) d
        GROUP BY customer""",
}
SUMS = "SELECT count(frequency), sum(frequency), sum(round(recency::numeric, 6)), sum(round(age::numeric, 6)), sum(round(monetary, 6))"


def milliseconds(bench, settings, text):
    """The processor time of the backend for one statement: what else the machine does hardly matters."""
    look = "\\! cat /proc/$BACKEND/stat\n"
    printed = bench.sql(settings + "SELECT pg_backend_pid() AS pid \\gset\n\\setenv BACKEND :pid\n" + look + text + "\n" + look)
    before, after = [sum(map(int, line.rsplit(")", 1)[1].split()[11:13])) for line in printed.splitlines()
                     if line.startswith("%s " % printed.split(None, 1)[0]) and ") " in line]
    return (after - before) * 1000 / os.sysconf("SC_CLK_TCK")


def median(bench, settings, text):
    return statistics.median(milliseconds(bench, settings, text) for _ in range(bench.options.pairs))


def compile_kernels(folder):
    """As the extension is compiled: PostgreSQL's -O2."""
    program = os.path.join(folder, "value")
    subprocess.run(["cc", "-std=gnu11", "-O2", "-fPIC", "-I", os.path.join(HERE, "src"), "-I", os.path.join(HERE, "test/unit"),
                    "-o", program, os.path.join(BENCH, "value.c")]
                   + [os.path.join(HERE, "src/value", name + ".c") for name in ("special", "bgnbd", "paretonbd")] + ["-lm"],
                   check=True)
    return program


def measure_fits(bench, program):
    path = os.path.join(bench.dir, "customers")
    with open(path, "w", encoding="ascii") as f:
        subprocess.run([program, "simulate", str(CUSTOMERS)], stdout=f, check=True)
    os.chmod(path, 0o644)
    bench.sql("DROP TABLE IF EXISTS customer; CREATE UNLOGGED TABLE customer (frequency integer, recency float8, age float8);"
              "COPY customer FROM '%s'; VACUUM ANALYZE customer" % path)
    distinct = int(bench.sql("SELECT count(*) FROM (SELECT DISTINCT * FROM (SELECT * FROM customer LIMIT 100000) c) d"))
    print("\ncustomer value: fits in SQL, one core, medians of %d; of 100,000 customers %s are different" % (
        bench.options.pairs, "{:,}".format(distinct)))
    for name, n in (("BG/NBD", CUSTOMERS), ("BG/NBD", CUSTOMERS // 10)):
        text = "SELECT cdp.bgnbd_fit(frequency, recency, age) FROM (SELECT * FROM customer LIMIT %d) c;" % n
        took = median(bench, SETTINGS % "64MB", text)
        print("    %-12s %9s customers %8.0f ms %12s customers/s" % (
            name, "{:,}".format(n), took, "{:,.0f}".format(n / took * 1000)), flush=True)
    took = median(bench, SETTINGS % "64MB", "SELECT sum(frequency), sum(recency), sum(age) FROM customer;")
    print("    (three sums over the same rows %16.0f ms)" % took, flush=True)


def measure_scores(bench):
    print("\nscores in SQL, one core, medians of %d" % bench.options.pairs)
    for name, expression in SCORES:
        took = median(bench, SETTINGS % "64MB", MODELS % expression)
        print("    %-44s %8.2f million/s" % (name, CUSTOMERS / took / 1000), flush=True)


def measure_rfm(bench):
    bench.sql("""
        DROP TABLE IF EXISTS customer, purchase;
        SELECT setseed(0.5);
        CREATE UNLOGGED TABLE purchase AS
        SELECT CASE WHEN g <= {buyers} THEN g ELSE 1 + floor(random() ^ 1.6 * {buyers})::int END AS customer,
               timestamptz '2024-01-01+00' + random() * interval '540 days' AS at,
               round((random() ^ 3 * 200 + 1)::numeric, 2) * CASE WHEN random() < 0.03 THEN -1 ELSE 1 END AS amount
        FROM generate_series(1, {purchases}) g ORDER BY at;
        VACUUM ANALYZE purchase""".format(buyers=BUYERS, purchases=PURCHASES))
    print("\nRFM of %s purchases of %s customers, one core, medians of %d alternating rounds" % (
        "{:,}".format(PURCHASES), bench.sql("SELECT to_char(count(DISTINCT customer), 'FM999,999') FROM purchase"),
        bench.options.pairs))
    for memory in ("4MB", "1GB"):
        settings = SETTINGS % memory
        results = {side: bench.sql(settings + SUMS + " FROM (" + text + ") r") for side, text in RFM.items()}
        if len(set(results.values())) != 1:
            raise SystemExit("bench: the two do not give the same: %s" % results)
        times = {side: [] for side in RFM}
        for _ in range(bench.options.pairs):
            for side, text in RFM.items():
                times[side].append(milliseconds(
                    bench, settings, "SELECT sum(frequency), sum(recency), sum(age), sum(monetary) FROM (" + text + ") r;"))
        ratios = sorted(a / b for a, b in zip(times["rfm_agg"], times["plain SQL"]))
        print("    work_mem %s: rfm_agg %.0f ms, plain SQL %.0f ms, ratio %.2f (%.2f to %.2f)" % (
            memory, statistics.median(times["rfm_agg"]), statistics.median(times["plain SQL"]),
            statistics.median(ratios), ratios[0], ratios[-1]), flush=True)


def measure(bench):
    program = compile_kernels(bench.dir)
    print("\nkernels in C, one core, medians of 5", flush=True)
    subprocess.run([program], check=True)
    measure_fits(bench, program)
    measure_scores(bench)
    measure_rfm(bench)
