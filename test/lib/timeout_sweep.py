"""Statements under a statement_timeout that grows: each ends with success or with error 57014 within a
second of it, an error has changed nothing, and the session that had it goes on as if nothing had happened.
That second is one of the backend's own processor time, which does not depend on what else the machine does.

    sweep(tap, {name: (before it, the statement, after it where it succeeded)}, timeouts, tables)

{n} in the SQL is the number of the attempt. The workspace is w; tables are those of it whose rows tell
whether something has changed.
"""

import subprocess

from cdptest import patience, rows

# What this backend has used, in seconds; null where there is no /proc.
CPU = """(SELECT sum(ticks::bigint) / 100.0 FROM unnest((string_to_array(pg_read_file('/proc/self/stat', 0, 4000, true), ' '))[14:15]) ticks)"""


def digest(tables):
    return "SELECT md5(%s) AS digest" % " || ".join(
        "(SELECT coalesce(sum(hashtextextended(t::text, 0)), 0)::text FROM w.%s t)" % table for table in tables)


def attempts(operation, timeouts, tables):
    """The psql script of a sweep: a line "timeout sqlstate seconds cpu unchanged" per attempt."""
    before, statement, after = operation
    yield "\\set QUIET on"
    yield "\\pset format unaligned"
    yield "\\pset tuples_only on"
    yield "SET client_min_messages = error;"
    for n, timeout in enumerate(timeouts, 1):
        yield "\\o /dev/null"
        if before:
            yield before.format(n=n) + ";"
        yield "\\o"
        yield digest(tables) + " \\gset before_"
        yield "SELECT clock_timestamp() AS at, coalesce(%s, 0) AS cpu \\gset" % CPU
        yield "\\o /dev/null"
        # in one message, so that the setting goes with the statement
        yield "SET LOCAL statement_timeout = %d\\; %s;" % (timeout, statement.format(n=n))
        yield "\\set state :SQLSTATE"
        yield "\\set failed :ERROR"
        # a timeout that comes just as the statement ends may hit the next one
        yield "SELECT;"
        yield "\\o"
        yield ("SELECT %d, :'state', extract(epoch FROM clock_timestamp() - :'at') AS seconds, coalesce(%s, 0) - :cpu AS cpu, "
               "digest = :'before_digest' FROM (%s) d;" % (timeout, CPU, digest(tables)))
        # the same session works on
        yield ("INSERT INTO w.events (event, identifiers, amount) "
               "VALUES ('after', ARRAY['user_id:%d', 'cookie:%d'], 1);" % (n, n))
        if after:
            yield "\\if :failed"
            yield "\\else"
            yield "\\o /dev/null"
            yield after.format(n=n) + ";"
            yield "\\o"
            yield "\\endif"


def sweep(tap, operations, timeouts, tables):
    """Runs every operation at every timeout (milliseconds) and reports on it; returns how many attempts a
    timeout stopped."""
    stopped = 0
    for name, operation in operations.items():
        done = subprocess.run(["psql", "-X", "-q", "-f", "-"], input="\n".join(attempts(operation, timeouts, tables)),
                              capture_output=True, text=True)
        lines = [line.split("|") for line in done.stdout.splitlines() if line.count("|") == 4]
        tap.ok(len(lines) == len(timeouts), "%s: every attempt ended" % name, done.stderr)
        states = [line[1] for line in lines]
        ended = states.count("57014")
        stopped += ended
        tap.ok(set(states) <= {"00000", "57014"} and ended < len(states),
               "%s: %d time-outs, %d successes" % (name, ended, len(states) - ended), done.stderr)
        late = [line for line in lines if float(line[3]) > int(line[0]) / 1000 + 1
                or float(line[2]) > int(line[0]) / 1000 + patience(10)]
        tap.equal(late, [], "%s: ended within a second of the timeout" % name)
        half = [line for line in lines if line[1] == "57014" and line[4] != "t"]
        tap.equal(half, [], "%s: a time-out has changed nothing" % name)
        strange = [line for line in done.stderr.splitlines() if "ERROR" in line and "statement timeout" not in line]
        tap.equal(strange, [], "%s: the session had no other error" % name)
        tap.equal(rows("SELECT * FROM cdp.check('w') LIMIT 20"), [], "%s: cdp.check finds nothing" % name)
    return stopped
