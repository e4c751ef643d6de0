#!/usr/bin/env python3
"""
A workspace that somebody has damaged past the guards: an insert gets an error that says so - it does
not spin, crash or guess - and cdp.rebuild repairs what is derived.
"""

from cdptest import Tap, patience, rows, sql, value

PAST = "BEGIN; SET LOCAL session_replication_role = replica; SET LOCAL statement_timeout = 0; %s; COMMIT;"
ONE = "INSERT INTO w.events (event, identifiers) VALUES ('a', ARRAY['user_id:1'])"
TWO = "INSERT INTO w.events (event, identifiers) VALUES ('a', ARRAY['user_id:1']), ('a', ARRAY['user_id:2'])"
LIMIT = "SET statement_timeout = '%ds'; " % patience(5)

tap = Tap()
sql("SELECT cdp.create_workspace('w'); " + TWO)

sql(PAST % "DELETE FROM w.profiles WHERE profile_id = cdp.profile_of('w', 'user_id:1')")
missing = "profile %s does not exist" % value("SELECT cdp.profile_of('w', 'user_id:1')")
tap.error(LIMIT + ONE, "XX001", missing, "a profile is missing: one event")
tap.error(LIMIT + TWO, "XX001", missing, "a profile is missing: two profiles to lock")
tap.error(LIMIT + "SET cdp.batch_events = 1; " + TWO, "XX001", missing, "a profile is missing: several batches")
tap.equal(value("SELECT count(*) FROM w.events"), "2", "nothing of them is left")
sql("SELECT cdp.rebuild('w'); " + TWO)
tap.equal(rows("SELECT event_count FROM w.profiles"), [["2"], ["2"]], "a rebuild repairs it")
tap.equal(rows("SELECT * FROM cdp.check('w')"), [], "cdp.check finds nothing then")

sql(PAST % """UPDATE w.profiles SET ltv = cdp.ltv(5, 'USD', now(), 'UTC'), traits = '{}', event_count = 77, identifier_count = 5, first_seen = now();
              UPDATE w.identifiers SET profile_id = NULL WHERE identifier = 'user_id:2';
              DELETE FROM w.identity_links; INSERT INTO w.identity_refusals SELECT 'x:1', NULL, 'limit', NULL, now(), event_id FROM w.events""")
tap.ok(len(rows("SELECT * FROM cdp.check('w')")) > 3, "values are damaged: cdp.check says so")
sql("SELECT cdp.rebuild('w'); " + TWO)
tap.equal(rows("SELECT event_count FROM w.profiles"), [["3"], ["3"]], "a rebuild repairs them")
tap.equal(rows("SELECT * FROM cdp.check('w')"), [], "cdp.check finds nothing then either")

for statement, sqlstate, pattern, back in (
        ("DROP INDEX w.events_anchor_occurred_at_idx", "42704", "index",
         "CREATE INDEX events_anchor_occurred_at_idx ON w.events (anchor, occurred_at)"),
        ("ALTER TABLE w.identifiers RENAME last_seen TO seen", "42703", "lacks the column",
         "ALTER TABLE w.identifiers RENAME seen TO last_seen"),
        ("ALTER TABLE w.merges RENAME TO old_merges", "55000", "no table \"merges\"",
         "ALTER TABLE w.old_merges RENAME TO merges"),
        (PAST % "DELETE FROM w.settings", "55000", "settings of workspace \"w\" are missing",
         PAST % "INSERT INTO w.settings DEFAULT VALUES")):
    sql(statement)
    tap.error(LIMIT + ONE, sqlstate, pattern, "%s: an insert says so" % statement.removeprefix(PAST.split("%s")[0]))
    sql(back)
sql(TWO)
tap.equal(rows("SELECT event_count FROM w.profiles"), [["4"], ["4"]], "put back, all goes on")

# an identifier that seems to be nobody's and unseen, though evidence names it
COOKIE = "INSERT INTO w.events (event, identifiers) VALUES ('a', '{cookie:1}'), ('a', '{user_id:1}'), ('a', '{user_id:2}')"
sql("INSERT INTO w.events (event, identifiers) VALUES ('a', '{user_id:3,cookie:1}')")
for batch_events in (1000, 1):
    sql(PAST % "UPDATE w.identifiers SET profile_id = NULL, first_seen = 'infinity', last_seen = '-infinity' WHERE identifier = 'cookie:1'")
    sql(LIMIT + "SET cdp.batch_events = %d; %s" % (batch_events, COOKIE))
sql("SELECT cdp.rebuild('w')")
tap.equal(rows("SELECT * FROM cdp.check('w')"), [], "an identifier has lost its profile: inserts go on, and a rebuild repairs it")
counts = rows("SELECT event_count FROM w.profiles ORDER BY profile_id")

# a sequence that lags behind, as after an incomplete restore
sql("ALTER TABLE w.profiles ALTER profile_id RESTART WITH 1")
tap.error(LIMIT + "INSERT INTO w.events (event, identifiers) SELECT 'a', ARRAY['user_id:' || n] FROM "
          "generate_series(10, 20) n", "23505", "profiles_pkey", "a sequence that lags: an error and no second owner of an id")
tap.equal(rows("SELECT event_count FROM w.profiles ORDER BY profile_id"), counts, "it has changed nothing")
tap.done()
