#!/usr/bin/python3
"""
The builder of ltv, driven from C as the engine does it: thousands of amounts and values in one
builder, in any order, on top of a base, must give the bytes that the aggregates give.
"""

import os
import shlex
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(HERE, "test/lib"))
from cdptest import Tap, rows, sql, value  # noqa: E402

DRIVER = os.path.join(HERE, "test/programs/types_ltv_driver.c")
SOURCES = [os.path.join(HERE, "src/types", name) for name in
           ("currency.c", "ltv_builder.c", "ltv_format.c", "ltv_write.c", "ltv_zone.c")]


def config(*argv):
    return shlex.split(subprocess.run(argv, capture_output=True, text=True).stdout)


def build(folder):
    """The driver as a module that the server can load, whoever it runs as."""
    module = os.path.join(folder, "ltv_driver.so")
    server = config(os.environ.get("PG_CONFIG", "pg_config"), "--includedir-server")[0]
    subprocess.run(["cc", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Wno-sign-compare", "-Wno-missing-field-initializers", "-std=gnu11", "-O1", "-g", "-fPIC", "-shared", "-fno-strict-aliasing", "-fwrapv",
                    "-Wl,-Bsymbolic", "-I", os.path.join(HERE, "src"), "-I", server,
                    "-D_GNU_SOURCE", "-o", module, DRIVER, *SOURCES]
                   + (config("pkg-config", "--libs", "icu-i18n", "icu-uc") or ["-licui18n", "-licuuc"]), check=True)
    os.chmod(folder, 0o755)
    os.chmod(module, 0o755)
    return module


SETUP = """
SET client_min_messages = warning;
CREATE FUNCTION ltv_drive(base cdp.ltv, amounts numeric[], currencies text[], times timestamptz[], v cdp.ltv[])
    RETURNS cdp.ltv AS '%s', 'ltv_drive' LANGUAGE C;

-- Runs of 0 to 3,000 amounts: whole and with up to 4 decimals; with scales that grow on the way; with amounts
-- beyond 64 bits; days in order, in any order, all different, or far apart; one currency or many.
SELECT setseed(0.75);
CREATE TABLE run AS
SELECT run, (ARRAY[0, 1, 2, 3, 16, 17, 40, 500, 3000])[1 + run %% 9] AS size, run / 9 %% 4 AS amounts, run / 36 %% 4 AS days,
       run %% 5 AS currencies, (ARRAY['UTC', 'Europe/London'])[1 + run %% 2] AS zone
FROM generate_series(0, 287) AS run;
CREATE TABLE event AS
SELECT run, n, zone,
       CASE amounts WHEN 0 THEN round((random() * 200 - 60)::numeric, 2)
                    WHEN 1 THEN round((random() * 200 - 60)::numeric, (n / 5) %% 21)
                    WHEN 2 THEN round((random() * 200 - 60)::numeric, 4) * (CASE WHEN random() < 0.02 THEN 1e22 ELSE 1 END)
                    ELSE (random() * 20)::int - 5 END AS amount,
       (ARRAY['USD', 'EUR', 'AUD', 'ZAR', 'GBP', 'JPY', 'VND', 'CHF', 'SEK'])[1 + (random() * 2 * currencies)::int] AS currency,
       timestamptz '2024-01-01 00:00+00' +
       CASE days WHEN 0 THEN n * interval '1 hour' WHEN 1 THEN random() * interval '300 days'
                 WHEN 2 THEN -n * interval '1 day' ELSE random() * interval '90000 days' END AS at,
       (ARRAY['base', 'add', 'add', 'merge'])[1 + (random() * 3)::int] AS part
FROM run, generate_series(1, size) AS n;
CREATE INDEX ON event (run);
ANALYZE event;
CREATE TABLE part AS
SELECT run, zone, (SELECT cdp.ltv_agg(amount, currency, at, zone) FROM event AS e WHERE e.run = r.run AND part = 'base') AS base,
       (SELECT coalesce(array_agg(v), '{}') FROM (SELECT cdp.ltv_agg(amount, currency, at, zone) AS v FROM event AS e
                                                   WHERE e.run = r.run AND part = 'merge' GROUP BY n %% 5) AS made) AS merged,
       (SELECT cdp.ltv_agg(amount, currency, at, zone) FROM event AS e WHERE e.run = r.run) AS whole,
       coalesce(a.amounts, '{}') AS amounts, coalesce(a.currencies, '{}') AS currencies, coalesce(a.times, '{}') AS times,
       coalesce(all_amounts, '{}') AS all_amounts, coalesce(all_currencies, '{}') AS all_currencies, coalesce(all_times, '{}') AS all_times
FROM run AS r
LEFT JOIN (SELECT run, array_agg(amount ORDER BY n) FILTER (WHERE part = 'add') AS amounts,
                  array_agg(currency ORDER BY n) FILTER (WHERE part = 'add') AS currencies,
                  array_agg(at ORDER BY n) FILTER (WHERE part = 'add') AS times,
                  array_agg(amount ORDER BY n) AS all_amounts, array_agg(currency ORDER BY n) AS all_currencies,
                  array_agg(at ORDER BY n) AS all_times
           FROM event GROUP BY run) AS a USING (run);
"""


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="cdp-ltv-") as folder:
        sql(SETUP % build(folder))
        # the zone comes from a base without amounts, as it does in a workspace
        empty = "cdp.ltv(0, 'USD', 'epoch', zone)"
        tap.ok(int(value("SELECT count(*) FROM event")) > 50000, "there are amounts enough")
        tap.equal(rows("""SELECT count(*), count(*) FILTER (WHERE ltv_drive(%s, all_amounts, all_currencies, all_times, '{}')
                          IS NOT DISTINCT FROM %s || whole) FROM part""" % (empty, empty)), [["288", "288"]],
                  "amounts onto an empty base")
        tap.equal(rows("""SELECT count(*), count(*) FILTER (WHERE ltv_drive(base || %s, amounts, currencies, times, merged)
                          IS NOT DISTINCT FROM %s || whole) FROM part""" % (empty, empty)), [["288", "288"]],
                  "amounts and values onto a base")
        tap.equal(rows("""SELECT count(*), count(*) FILTER (WHERE ltv_drive(whole, all_amounts, all_currencies, all_times, ARRAY[whole])
                          IS NOT DISTINCT FROM whole || whole || whole) FROM part WHERE whole <> cdp.ltv() OR zone = 'UTC'"""),
                  [[value("SELECT count(*) FROM part WHERE whole <> cdp.ltv() OR zone = 'UTC'")] * 2],
                  "everything again onto itself: no day is new")
        tap.equal(rows("""SELECT count(*), count(*) FILTER (WHERE cdp.ltv_send(v)::text = cdp.ltv_send(v::text::cdp.ltv)::text)
                          FROM (SELECT ltv_drive(base || %s, amounts, currencies, times, merged) AS v FROM part) AS made""" % empty),
                  [["288", "288"]], "what is built is canonical")
        tap.equal(rows("""SELECT count(*), count(*) FILTER (WHERE ltv_drive(whole, '{0,0.00}', '{USD,EUR}', '{epoch,epoch}', ARRAY[cdp.ltv()]) = whole)
                          FROM part"""), [["288", "288"]], "nothing added leaves the base")
        tap.equal(value("SELECT ltv_drive(NULL, '{1.5}', '{USD}', '{epoch}', '{}') = cdp.ltv(1.5, 'USD', 'epoch')"), "t",
                  "no base is an empty one in UTC")
        sql("DROP FUNCTION ltv_drive; DROP TABLE run, event, part")
    tap.done()


main()
