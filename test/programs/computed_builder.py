#!/usr/bin/python3
"""
The builder of computed traits, driven from C as the engine does it: what events add, and values, on
top of a base, in any order, must give the bytes that merging each event's own state gives; and where
old days are left out, every value from that day on must be the same.
weight: 14
"""

import os
import shlex
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(HERE, "test/lib"))
from cdptest import Tap, rows, sql, value  # noqa: E402

DRIVER = os.path.join(HERE, "test/programs/computed_driver.c")
SOURCES = [os.path.join(HERE, "src", name) for name in (
    "types/computed.c", "types/computed_cells.c", "types/computed_values.c", "types/currency.c", "types/identifier.c",
    "types/ltv_builder.c", "types/ltv_format.c", "types/ltv_text.c", "types/ltv_write.c", "types/ltv_zone.c",
    "types/segment_set_text.c", "normalise/normalise.c", "normalise/email.c", "normalise/phone.c",
    "normalise/phone_text.c", "normalise/phone_table.c", "normalise/unicode.c")]


def config(*argv):
    return shlex.split(subprocess.run(argv, capture_output=True, text=True).stdout)


def build(folder):
    """The driver as a module that the server can load, whoever it runs as."""
    module = os.path.join(folder, "computed_driver.so")
    server = config(os.environ.get("PG_CONFIG", "pg_config"), "--includedir-server")[0]
    subprocess.run(["cc", "-std=gnu11", "-O1", "-g", "-fPIC", "-shared", "-fno-strict-aliasing", "-fwrapv", "-Wl,-Bsymbolic",
                    "-I", os.path.join(HERE, "src"), "-I", server, "-D_GNU_SOURCE", "-o", module, DRIVER, *SOURCES]
                   + (config("pkg-config", "--libs", "icu-i18n", "icu-uc") or ["-licui18n", "-licuuc"]), check=True)
    os.chmod(folder, 0o755)
    os.chmod(module, 0o755)
    return module


# Traits of every kind, with small limits too; 24 customers with 0 to 400 events each over 200 days, many at
# one instant; an event adds to some of the traits. Parts: the base, what is added, four values to be merged.
SETUP = """
SET client_min_messages = warning;
CREATE FUNCTION drive(base cdp.computed, definitions cdp.computed, traits int[], inputs text[], times timestamptz[],
                      events uuid[], merged cdp.computed[], today date) RETURNS cdp.computed AS '%s', 'computed_drive' LANGUAGE C;
SELECT setseed(0.125);
CREATE TABLE trait AS
SELECT row_number() OVER (ORDER BY name COLLATE "C")::int - 1 AS place, * FROM (VALUES
    ('c', 'count', NULL, NULL, NULL), ('c7', 'count', NULL, 7, NULL), ('s', 'sum', 'number', NULL, NULL), ('s30', 'sum', 'number', 30, NULL),
    ('a', 'avg', 'number', NULL, NULL), ('a2', 'avg', 'number', 2, NULL), ('min', 'min', 'number', NULL, NULL), ('min9', 'min', 'text', 9, NULL),
    ('max', 'max', 'time', NULL, NULL), ('max1', 'max', 'date', 1, NULL), ('first', 'first', 'json', NULL, NULL), ('first5', 'first', 'text', 5, NULL),
    ('last', 'last', 'boolean', NULL, NULL), ('last1', 'last', 'number', 1, NULL), ('last90', 'last', 'text', 90, NULL),
    ('f', 'most_frequent', 'text', NULL, 5), ('f7', 'most_frequent', 'number', 7, 1000), ('l', 'unique_list', 'text', NULL, 3), ('l7', 'unique_list', 'number', 7, 10),
    ('u', 'unique_count', 'number', NULL, 20), ('u7', 'unique_count', 'text', 7, 1000)) AS t (name, kind, class, days, max);
CREATE FUNCTION whole(t trait, state jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object(t.name, jsonb_strip_nulls(jsonb_build_object('kind', t.kind, 'of', t.class, 'window_days', t.days, 'limit', t.max))
                              || CASE WHEN t.days IS NOT NULL THEN jsonb_build_object('days', coalesce(state, '{}')) WHEN state IS NOT NULL THEN jsonb_build_object('state', state) ELSE '{}' END)$$;
CREATE FUNCTION computed(traits jsonb, zone text) RETURNS cdp.computed LANGUAGE sql AS
    $$SELECT jsonb_build_object('version', 1, 'zone', zone, 'traits', traits)::text::cdp.computed$$;
CREATE TABLE customer AS
SELECT customer, zone, (SELECT computed(jsonb_object_agg(name, whole(t, NULL)->name), zone) FROM trait AS t) AS definitions
FROM generate_series(1, 24) AS customer, LATERAL (SELECT (ARRAY['UTC', 'Europe/London', 'America/St_Johns'])[1 + customer %% 3] AS zone) AS made;
CREATE TABLE input AS
SELECT i.*, t.name, t.place, whole(t, CASE WHEN t.days IS NULL THEN state ELSE jsonb_build_object((at AT TIME ZONE zone)::date::text, state) END) AS trait, json #>> '{}' AS value
FROM (SELECT customer, zone, n, gen_random_uuid() AS event, timestamptz '2010-06-01 00:30+00' + (random() * 1600)::int * interval '3 hours' AS at,
             round((random() * 30)::numeric, (random() * 2)::int) * CASE WHEN random() < 0.03 THEN 1e20 ELSE 1 END AS number,
             chr(97 + (random() * random() * 25)::int) || repeat('ô', n %% 3) AS word, floor(random() * 6)::int AS part
      FROM customer, generate_series(1, (customer - 1) * (customer - 1) * 3 / 4) AS n) AS i, trait AS t,
     LATERAL (SELECT CASE t.class WHEN 'number' THEN to_jsonb(number) WHEN 'text' THEN to_jsonb(word) WHEN 'boolean' THEN to_jsonb(n %% 2 = 0) WHEN 'date' THEN to_jsonb(date '2024-02-20' + n %% 20)
                                  WHEN 'time' THEN to_jsonb(to_char(at + n * interval '1 hour', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')) WHEN 'json' THEN jsonb_build_object('n', number, 'w', word) ELSE '1' END AS json) AS x,
     LATERAL (SELECT CASE t.kind WHEN 'count' THEN '1' WHEN 'avg' THEN jsonb_build_object('sum', json, 'count', 1) WHEN 'most_frequent' THEN jsonb_build_object('values', jsonb_build_array(jsonb_build_array(json, 1)))
                                 WHEN 'first' THEN moment WHEN 'last' THEN moment WHEN 'unique_list' THEN among WHEN 'unique_count' THEN among ELSE json END AS state
              FROM (SELECT jsonb_build_object('value', json, 'at', to_char(at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'event', event) AS moment, jsonb_build_object('values', jsonb_build_array(json)) AS among) AS m) AS y
WHERE random() < 0.8;
CREATE TABLE event AS
SELECT customer, part, at, computed(jsonb_object_agg(name, trait->name), zone) AS v FROM input GROUP BY customer, zone, part, n, at;
CREATE TABLE part AS
SELECT c.*, coalesce((SELECT cdp.merge_agg(v) FROM event AS e WHERE e.customer = c.customer AND part = 0), '{}') AS base,
       coalesce((SELECT array_agg(v) FROM (SELECT cdp.merge_agg(v) AS v FROM event AS e WHERE e.customer = c.customer AND part > 1 GROUP BY part) AS m), '{}') AS merged,
       coalesce((SELECT cdp.merge_agg(v) FROM event AS e WHERE e.customer = c.customer), '{}') AS whole,
       places, inputs, times, events, all_places, all_inputs, all_times, all_events
FROM customer AS c,
     LATERAL (SELECT coalesce(array_agg(place ORDER BY hashint4(n)) FILTER (WHERE part = 1), '{}') AS places, coalesce(array_agg(value ORDER BY hashint4(n)) FILTER (WHERE part = 1), '{}') AS inputs,
                     coalesce(array_agg(at ORDER BY hashint4(n)) FILTER (WHERE part = 1), '{}') AS times, coalesce(array_agg(event ORDER BY hashint4(n)) FILTER (WHERE part = 1), '{}') AS events,
                     coalesce(array_agg(place ORDER BY n), '{}') AS all_places, coalesce(array_agg(value ORDER BY n), '{}') AS all_inputs,
                     coalesce(array_agg(at ORDER BY n), '{}') AS all_times, coalesce(array_agg(event ORDER BY n), '{}') AS all_events
              FROM input AS i WHERE i.customer = c.customer) AS a;
-- what is left out as of a day, built from all, and from parts
CREATE TABLE pruned AS
SELECT customer, zone, whole, today, drive('{}', definitions, all_places, all_inputs, all_times, all_events, '{}', today) AS v,
       drive(base, definitions, places, inputs, times, events, merged, today) AS of_parts
FROM part, unnest(ARRAY['2010-06-15', '2010-08-15', '2010-11-06', '2010-11-07', '2010-12-10', '2011-03-01']::date[]) AS today;
"""


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="cdp-computed-") as folder:
        sql(SETUP % build(folder))
        tap.ok(int(value("SELECT count(*) FROM input")) > 30000, "there are inputs enough")
        tap.equal(rows("SELECT count(*), count(*) FILTER (WHERE drive('{}', definitions, all_places, all_inputs, all_times, all_events, '{}', NULL) = whole) FROM part"),
                  [["24", "24"]], "inputs onto nothing")
        tap.equal(rows("SELECT count(*), count(*) FILTER (WHERE drive(base, definitions, places, inputs, times, events, merged, NULL) = whole) FROM part"),
                  [["24", "24"]], "inputs and values onto a base")
        tap.equal(rows("SELECT count(*), count(*) FILTER (WHERE drive(whole, definitions, '{}', '{}', '{}', '{}', '{}', NULL) = whole) FROM part"),
                  [["24", "24"]], "nothing added leaves the base")
        tap.equal(rows("""SELECT count(*), count(*) FILTER (WHERE v::text::cdp.computed = v AND of_parts::text::cdp.computed = of_parts) FROM pruned"""),
                  [["144", "144"]], "what is built is canonical")

        # From the first instant of the day before on, as clocks may be set back over midnight.
        tap.equal(rows("""SELECT count(*) > 5000, count(*) FILTER (WHERE cdp.to_jsonb(v, at) IS DISTINCT FROM cdp.to_jsonb(whole, at)),
                                 count(*) FILTER (WHERE cdp.to_jsonb(of_parts, at) IS DISTINCT FROM cdp.to_jsonb(whole, at))
                          FROM pruned, LATERAL (SELECT (today - 1)::timestamp AT TIME ZONE zone + h * h * interval '1 hour' AS at FROM generate_series(0, 50) AS h) AS x"""),
                  [["t", "0", "0"]], "days are left out that nobody can see")
        tap.ok(float(value("""SELECT avg(length(cdp.computed_send(v)))::float / avg(length(cdp.computed_send(whole)))
                              FROM pruned WHERE today = '2010-12-10' AND customer > 12""")) < 0.6, "and they are many")
        tap.equal(rows("""SELECT count(*) FROM pruned, jsonb_each(v::text::jsonb->'traits') AS t, jsonb_object_keys(t.value->'days') AS day
                          WHERE today = '2011-03-01' AND t.value ? 'days'
                                AND day::date < (SELECT max((at AT TIME ZONE zone)::date) FROM input AS i WHERE i.customer = pruned.customer AND i.name = t.key) - (t.value->>'window_days')::int"""),
                  [["0"]], "nothing is kept that is older than the window before the newest day")
    tap.done()


main()
