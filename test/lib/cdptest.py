"""What test programs in Python share: TAP output, psql, the folder of real data.

    from cdptest import Tap, sql, rows, data_file
    tap = Tap()
    path = data_file("online_retail/online_retail.csv.gz") or tap.skip_all("online_retail is missing")
    sql("SELECT cdp.create_workspace('w')")
    tap.equal(rows("SELECT count(*) FROM w.profiles"), [["0"]], "an empty workspace has no profiles")
    tap.done()

The server and the database come from the environment (PGHOST, PGDATABASE, ...).
"""

import os
import subprocess
import sys
import time


class SqlError(Exception):
    """psql ended with an error; its text is the message, sqlstate the code."""

    def __init__(self, text):
        super().__init__(text)
        self.sqlstate = None
        for line in text.splitlines():
            word = line.split("ERROR:", 1)[-1].strip().split(":")[0]
            if "ERROR:" in line and len(word) == 5:
                self.sqlstate = word


def patience(seconds):
    """How long to wait here for what takes that long, at most, on a quiet machine."""
    return seconds * max(1.0, float(os.environ.get("CDP_SLOWNESS") or 1))


def until(condition, database=None, seconds=60):
    """Waits until an SQL condition is true; raises RuntimeError when that takes too long."""
    deadline = time.monotonic() + patience(seconds)
    while value("SELECT " + condition, database=database) != "t":
        if time.monotonic() > deadline:
            raise RuntimeError("it does not come true that " + condition)
        time.sleep(0.05)


def sql(text, database=None, user=None, options=None, timeout=None, unaligned=True):
    """Run SQL text with psql and return its output; raises SqlError. Runs every statement by
    itself, as a script; write BEGIN and COMMIT where one transaction is meant."""
    env = dict(os.environ)
    if database:
        env["PGDATABASE"] = database
    if user:
        env["PGUSER"] = user
    if options:
        env["PGOPTIONS"] = options
    argv = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=verbose", "-f", "-"]
    if unaligned:
        argv += ["-A", "-t", "-F", "\t", "-P", "null=\\N"]
    done = subprocess.run(argv, input=text, capture_output=True, text=True, env=env, timeout=timeout)
    if done.returncode != 0:
        raise SqlError(done.stderr)
    return done.stdout


def rows(text, **options):
    """The rows of one query, each a list of texts; a null is \\N."""
    return [line.split("\t") for line in sql(text, **options).splitlines()]


def value(text, **options):
    """The only column of the only row."""
    found = rows(text, **options)
    if len(found) != 1 or len(found[0]) != 1:
        raise ValueError("one value expected, got %r from %s" % (found, text))
    return found[0][0]


def copy_in(target, lines, database=None, before="", every=None):
    """COPY target FROM STDIN in text format from an iterable of lines without line ends; as many COPY
    statements as it takes, where every says how many lines one has."""
    env = dict(os.environ)
    if database:
        env["PGDATABASE"] = database
    process = subprocess.Popen(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", "-"], env=env,
                               stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        process.stdin.write("%s\nCOPY %s FROM STDIN;\n" % (before, target))
        for number, line in enumerate(lines):
            if every and number and number % every == 0:
                process.stdin.write("\\.\nCOPY %s FROM STDIN;\n" % target)
            process.stdin.write(line + "\n")
        process.stdin.write("\\.\n")
        process.stdin.close()
    except BrokenPipeError:
        pass
    errors = process.stderr.read()
    if process.wait() != 0:
        raise SqlError(errors)


def copy_text(value):
    """A value as COPY's text format writes it."""
    if value is None:
        return "\\N"
    return (str(value).replace("\\", "\\\\").replace("\t", "\\t")
            .replace("\n", "\\n").replace("\r", "\\r"))


def data_file(name):
    """The path of a real data file, or None where the folder of data is missing."""
    folder = os.environ.get("CDP_DATA")
    path = os.path.join(folder, name) if folder else None
    return path if path and os.path.exists(path) else None


class Tap:
    """Test Anything Protocol on standard output."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def ok(self, condition, name, note=None):
        self.count += 1
        if not condition:
            self.failed += 1
        print("%sok %d - %s" % ("" if condition else "not ", self.count, name.replace("#", "\\#")))
        if not condition and note is not None:
            for line in str(note).splitlines():
                print("# " + line)
        sys.stdout.flush()
        return bool(condition)

    def equal(self, got, expected, name):
        return self.ok(got == expected, name, "got:      %r\nexpected: %r" % (got, expected))

    def error(self, text, sqlstate, pattern, name, **options):
        """The SQL text fails with this SQLSTATE and a message that contains pattern."""
        try:
            sql(text, **options)
        except SqlError as error:
            return self.ok(error.sqlstate == sqlstate and pattern in str(error), name,
                           "got %s: %s\nexpected %s: %s" % (error.sqlstate, error, sqlstate, pattern))
        return self.ok(False, name, "no error; expected %s: %s" % (sqlstate, pattern))

    def skip(self, name, reason):
        self.count += 1
        print("ok %d - %s # SKIP %s" % (self.count, name, reason), flush=True)

    def skip_all(self, reason):
        print("1..0 # SKIP %s" % reason)
        sys.exit(0)

    def done(self):
        print("1..%d" % self.count)
        sys.exit(1 if self.failed else 0)
