#!/usr/bin/env python3
"""
Dropping what cdp stands on beside sessions that use it: DROP SCHEMA, DROP EXTENSION and DROP DATABASE end
within five seconds, whatever a backend is at; a session that remembers a workspace notices that it is
gone, and knows a new one of the same name.
"""

import os
import subprocess
import time

from cdptest import SqlError, Tap, patience, rows, sql, until, value

SECONDS = patience(5)


class Session:
    """A psql that stays connected."""

    def __init__(self, database):
        self.process = subprocess.Popen(
            ["psql", "-X", "-q", "-A", "-t", "-v", "VERBOSITY=sqlstate", "-d", database, "-f", "-"], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def start(self, text):
        self.process.stdin.write(text + ";\n\\echo ended\n")
        self.process.stdin.flush()

    def result(self):
        """What came out up to the end of what was started; errors as their SQLSTATE."""
        lines = []
        for line in self.process.stdout:
            if line == "ended\n":
                break
            lines.append(line.split("ERROR:")[-1].strip())
        return lines

    def ask(self, text):
        self.start(text)
        return self.result()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def timed(tap, statement, name, database=None):
    started = time.monotonic()
    error = None
    try:
        sql("SET client_min_messages = warning; " + statement if "DATABASE" not in statement else statement,
            database=database, timeout=12 * SECONDS)
    except SqlError as caught:
        error = caught
    seconds = time.monotonic() - started
    tap.ok(seconds < SECONDS, "%s ends at once" % name, "%.1f s" % seconds)
    return error


def await_query(pattern, database, condition):
    """Until a backend of the database is at a statement of that kind, and so far with it."""
    until("EXISTS (SELECT FROM pg_stat_activity WHERE datname = '%s' AND state = 'active' AND query LIKE '%s' AND %s)"
          % (database, pattern, condition), database="postgres")


def main():
    tap = Tap()
    database = os.environ["PGDATABASE"]
    one = "INSERT INTO w.events (event, identifiers, amount) VALUES ('a', ARRAY['user_id:1', 'cookie:1'], 1)"
    many = "INSERT INTO {w}.events (event, identifiers) SELECT 'a', ARRAY['user_id:' || n] FROM generate_series(1, {n}) n"
    sql("SELECT cdp.create_workspace('w'); SELECT cdp.create_workspace('v'); "
        "INSERT INTO w.segments (name, predicate) VALUES ('all', 'event_count > 0'); "
        + many.format(w="w", n=20000) + ";" + many.format(w="v", n=20000))
    session = Session(database)
    tap.equal(session.ask(one + ";" + one), [], "a session inserts")

    error = timed(tap, "DROP EXTENSION cdp", "DROP EXTENSION without CASCADE")
    tap.ok(error is not None and error.sqlstate == "2BP01" and "w.events" in str(error) and "v.events" in str(error),
           "DROP EXTENSION without CASCADE names the workspaces' tables", error)
    tap.equal(session.ask(one), [], "the session goes on")
    tap.equal(rows("SELECT * FROM cdp.check('w')"), [], "nothing is lost")

    tap.equal(timed(tap, "DROP SCHEMA w CASCADE", "DROP SCHEMA"), None, "DROP SCHEMA")
    tap.equal(session.ask(one), ["42P01"], "the session notices")
    sql("SELECT cdp.create_workspace('w')")
    tap.equal(session.ask(one), [], "a new workspace of that name")
    tap.equal(session.ask("SELECT event_count, segments = '{}' FROM w.profiles"), ["1|t"], "... starts anew")

    session.ask("BEGIN;" + one)
    other = Session(database)
    other.start("DROP SCHEMA w CASCADE")
    await_query("DROP SCHEMA%", database, "wait_event_type = 'Lock'")
    tap.equal(session.ask("COMMIT"), [], "a DROP SCHEMA waits for a transaction that has inserted")
    tap.ok("ERROR" not in " ".join(other.result()), "... and comes through")

    tap.equal(timed(tap, "DROP EXTENSION cdp CASCADE", "DROP EXTENSION CASCADE"), None, "DROP EXTENSION CASCADE")
    tap.equal(session.ask("INSERT INTO v.events (event_id, event, occurred_at, received_at) "
                          "VALUES (gen_random_uuid(), 'a', now(), now())"), [], "a table without its triggers is a table")
    session.close()
    other.close()

    # beside work: a long insert, a rebuild
    for name, statement in (("a long INSERT", many.format(w="w", n=3000000)), ("a rebuild", "SELECT cdp.rebuild('w')")):
        victim = database + "_victim"
        sql("DROP DATABASE IF EXISTS %s" % victim, database="postgres")
        sql("CREATE DATABASE %s TEMPLATE template0 ENCODING 'UTF8'" % victim, database="postgres")
        sql("CREATE EXTENSION cdp; SELECT cdp.create_workspace('w'); " + many.format(w="w", n=40000), database=victim)
        worker = Session(victim)
        worker.start(statement)
        await_query(statement[:12] + "%", victim, "backend_xid IS NOT NULL")
        tap.equal(timed(tap, "DROP DATABASE %s WITH (FORCE)" % victim, "DROP DATABASE beside " + name, "postgres"), None,
                  "DROP DATABASE beside " + name)
        worker.close()
    tap.done()


if __name__ == "__main__":
    main()
