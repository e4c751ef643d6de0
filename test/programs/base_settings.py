#!/usr/bin/env python3
"""
Settings of cdp in parallel workers: a worker, which takes them before it has the leader's other settings,
knows each as the leader does. cdp.clock is kept as an instant in UTC, whatever TimeZone and DateStyle it
was set under, and wherever: in a session, a transaction, a function, a role, a database, the server's file.

    base_settings.py [ROUNDS [SEED]]     how many random texts of cdp.clock (40), and the seed (1)
"""

import random
import sys

from cdptest import Tap, SqlError, rows, sql, until, value

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 40
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 1

# What a worker says of a setting; the number of its process shows that it is one.
SETUP = """
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
CREATE FUNCTION public.told(setting text) RETURNS text LANGUAGE plpgsql STABLE PARALLEL SAFE
    AS $$ BEGIN RETURN pg_backend_pid() || '|' || current_setting(setting) || '|' || extract(epoch FROM cdp.now()); END $$;
CREATE TABLE public.one AS SELECT 1 AS x;
ANALYZE public.one;
"""
AS_LEADER = "SET force_parallel_mode = off; SELECT public.told('%s') FROM public.one;"
AS_WORKER = "SET force_parallel_mode = on; SELECT public.told('%s') FROM public.one;"

tap = Tap()
sql(SETUP)


def both(setting, before, **options):
    """What leader and worker say in one session: [process, setting, the clock's seconds] of each."""
    found = sql("SELECT cdp.now() IS NULL;" + before + AS_LEADER % setting + AS_WORKER % setting, **options).splitlines()
    return [line.split("|") for line in found if line.count("|") == 2]


def agree(setting, before, name, shown=None, **options):
    """They say the same; shown: it is that."""
    try:
        leader, worker = both(setting, before, **options)
    except SqlError as error:
        return tap.ok(False, name, error)
    return tap.ok(leader[0] != worker[0] and leader[1] == worker[1] and (leader[1] == "" or setting != "cdp.clock" or leader[2] == worker[2])
                  and (shown is None or leader[1] == shown), name, "leader %s, worker %s, expected %s" % (leader, worker, shown))


# Each setting that there is, with each of some values. They are found by the catalog and by the text of
# the module's hidden ones, so that a new one is a finding here.
SETTINGS = {"cdp.clock": ["", "2011-12-09 12:50+00"], "cdp.check_locks": ["on", "off"], "cdp.batch_events": ["1", "777"]}
listed = [name for name, in rows("LOAD 'cdp'; SELECT name FROM pg_settings WHERE name ~ '^cdp[.]' ORDER BY 1")]
tap.ok(set(listed) <= set(SETTINGS), "each listed setting is tried", listed)
for setting, values in SETTINGS.items():
    for text in values:
        agree(setting, "SET %s = '%s';" % (setting, text), "a worker has %s = '%s'" % (setting, text),
              None if setting == "cdp.clock" else text)

# The clock, in every way to write it.
TOKYO = "SET timezone = 'Asia/Tokyo'; SET datestyle = 'ISO, DMY';"
for before, text, shown in (
        (TOKYO, "03/04/2020 10:00", "2020-04-03 01:00:00+00"),
        (TOKYO + "SET timezone_abbreviations = 'Australia';", "2011-12-09T12:50:00Z", "2011-12-09 12:50:00+00"),
        ("SET datestyle = 'German, DMY'; SET intervalstyle = 'sql_standard';", "09.12.2011 12:50 PST", "2011-12-09 20:50:00+00"),
        ("SET datestyle = 'SQL, MDY'; SET timezone = 'America/New_York';", "Fri Dec 09 12:50:00.5 2011", "2011-12-09 17:50:00.500000+00"),
        ("", "2011-12-09 12:50:00.000001 Asia/Ho_Chi_Minh", "2011-12-09 05:50:00.000001+00"),
        ("SET timezone = 'UTC';", "20111209T125000", "2011-12-09 12:50:00+00"),
        ("", "epoch", "1970-01-01 00:00:00+00"),
        ("", "J2455905 12:50+00", "2011-12-09 12:50:00+00"),
        ("", "0044-03-15 12:00+00 BC", "0044-03-15 12:00:00+00 BC"),
        ("", "4714-11-24 00:00+00 BC", "4714-11-24 00:00:00+00 BC"),
        ("", "294276-12-31 23:59:59.999999+00", "294276-12-31 23:59:59.999999+00"),
        ("", "2012-02-29 24:00:00+00", "2012-03-01 00:00:00+00"),
        ("SET timezone = 'Europe/Berlin';", "2024-10-27 02:30", "2024-10-27 01:30:00+00")):
    # what else is set later changes nothing
    later = "SET timezone = 'Pacific/Kiritimati'; SET datestyle = 'ISO, YMD';"
    agree("cdp.clock", before + "SET cdp.clock = '%s';" % text + later, "'%s' under %s" % (text, before or "nothing"), shown)
for text in ("now", "today", "infinity", "-infinity", "yesterday 10:00", " ", "x", "2011-13-01 00:00+00", "2011-02-30 00:00:00+00",
             "2011-12-09 25:00:00+00", "2011-12-09 12:60:00+00", "2011-12-09 12:50:00+00x", "0000-01-01 00:00:00+00", "294277-01-01 00:00:00+00"):
    tap.error("SELECT cdp.now() IS NULL; SET cdp.clock = '%s'" % text, "22023", "invalid value for parameter", "'%s' is refused" % text)

# Where a value can stand.
agree("cdp.clock", "SELECT 1; BEGIN;" + TOKYO + "SET LOCAL cdp.clock = '03/04/2020 10:00';", "in a transaction", "2020-04-03 01:00:00+00")
agree("cdp.clock", "BEGIN; SET LOCAL cdp.clock = '2020-01-01 00:00+00'; ROLLBACK;", "after its rollback", "")
agree("cdp.clock", TOKYO + "SET cdp.clock = '03/04/2020 10:00'; BEGIN; SAVEPOINT s; SET cdp.clock = '2021-01-01 00:00+00'; ROLLBACK TO s;", "after a rollback to a savepoint", "2020-04-03 01:00:00+00")
sql("""CREATE FUNCTION public.in_function(setting text) RETURNS text LANGUAGE plpgsql STABLE PARALLEL SAFE
           SET cdp.clock = '2020-04-03T10:00:00+09' AS $$ BEGIN RETURN public.told(setting); END $$""")
found = sql("SELECT cdp.now() IS NULL; " + (AS_LEADER + AS_WORKER).replace("public.told", "public.in_function") % ("cdp.clock", "cdp.clock"))
found = [line.split("|") for line in found.splitlines() if "|" in line]
tap.ok(found[0][0] != found[1][0] and found[0][1:] == found[1][1:] and found[0][1] == "2020-04-03 01:00:00+00", "in a function", found)

database = value("SELECT current_database()")
sql("CREATE ROLE regress_cdp_clock SUPERUSER LOGIN; ALTER ROLE regress_cdp_clock SET cdp.clock = '2020-04-03T10:00:00+09'; "
    "ALTER ROLE regress_cdp_clock SET timezone = 'Asia/Tokyo'; ALTER ROLE regress_cdp_clock SET datestyle = 'ISO, DMY'")
agree("cdp.clock", "", "of a role", "2020-04-03 01:00:00+00", user="regress_cdp_clock")
sql("ALTER ROLE regress_cdp_clock SET cdp.clock = '03/04/2020 10:00'")
agree("cdp.clock", "", "of a role, by the role's own settings", "2020-04-03 01:00:00+00", user="regress_cdp_clock")
sql("DROP ROLE regress_cdp_clock")
sql("ALTER DATABASE \"%s\" SET cdp.clock = '2020-04-03T10:00:00+09'" % database)
agree("cdp.clock", "", "of a database", "2020-04-03 01:00:00+00")
agree("cdp.clock", "SET cdp.clock = '2021-01-01 00:00+00'; RESET cdp.clock;", "of a database, after a RESET", "2020-04-03 01:00:00+00")
sql("ALTER DATABASE \"%s\" RESET cdp.clock" % database)
sql("LOAD 'cdp'; ALTER SYSTEM SET cdp.clock = '2020-04-03T10:00:00+09'")
sql("SELECT pg_reload_conf()")
until("current_setting('cdp.clock', true) <> ''")
agree("cdp.clock", TOKYO, "of the server's file", "2020-04-03 01:00:00+00")
sql("LOAD 'cdp'; ALTER SYSTEM RESET cdp.clock")
sql("SELECT pg_reload_conf()")
until("coalesce(current_setting('cdp.clock', true), '') = ''")
# before the module is loaded: a text that waits
agree("cdp.clock", "", "set before the module is loaded", "2020-04-03 01:00:00+00",
      options="-c timezone=Asia/Tokyo -c datestyle=ISO,DMY -c cdp.clock=03/04/2020\\ 10:00")
sql("CREATE ROLE regress_cdp_stranger LOGIN")
tap.equal(value("SET client_min_messages = error; SET cdp.clock = '2001-01-01 00:00+00'; SELECT cdp.now() > '2020-01-01'", user="regress_cdp_stranger"), "t",
          "whoever is no superuser cannot set it before the module is loaded either")
sql("DROP ROLE regress_cdp_stranger")

# Random instants, written in random ways.
rng = random.Random(SEED)
ZONES = ["UTC", "Asia/Tokyo", "America/St_Johns", "Europe/Berlin", "Pacific/Apia", "Australia/Lord_Howe"]
STYLES = ["ISO, DMY", "ISO, YMD", "SQL, MDY", "SQL, DMY", "Postgres, MDY", "Postgres, DMY", "German, DMY"]
faults = []
for _ in range(ROUNDS):
    instant = rng.choice(["%d" % rng.randrange(-10**9, 4 * 10**9), "%d.%06d" % (rng.randrange(10**9), rng.randrange(10**6)),
                          str(rng.randrange(-2 * 10**11, 9 * 10**12))])
    write = "SET timezone = '%s'; SET datestyle = '%s';" % (rng.choice(ZONES), rng.choice(STYLES))
    other = "SET timezone = '%s'; SET datestyle = '%s';" % (rng.choice(ZONES), rng.choice(STYLES))
    try:
        # a text can mean another instant, in the hour that a clock is set back, or nothing, by an unknown zone
        means = value(write + "SELECT extract(epoch FROM to_timestamp(%s)::text::timestamptz)" % instant)
    except SqlError:
        continue
    try:
        leader, worker = both("cdp.clock", write + "SELECT set_config('cdp.clock', to_timestamp(%s)::text, false);" % instant + other)
        if leader[0] == worker[0] or leader[1:] != worker[1:] or float(leader[2]) != float(means):
            faults.append("%s %s: %s %s" % (instant, write, leader, worker))
    except SqlError as error:
        faults.append("%s %s: %s" % (instant, write, error))
tap.ok(not faults, "%d random instants" % ROUNDS, "\n".join(faults))
tap.done()
