"""The tests there are, which of them are meant by a name, and how one of each suite runs on a cluster."""

import glob
import os
import re
import shutil
import sys
import tempfile

from tap import Result, read_tap
from throwaway import HERE, pg_config, stop_servers_below

# For a test that names none itself: its limit in seconds, and about how long it takes.
LIMITS = {"unit": 60, "regress": 60, "isolation": 60, "program": 120, "tap": 180, "long": 3600}
WEIGHTS = {"unit": 3, "regress": 1, "isolation": 3, "program": 8, "tap": 8, "long": 600}
# Where Debian's modules are seen, whatever other Python comes first in the path.
PYTHON = "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else sys.executable
INTERPRETERS = {".py": [PYTHON], ".sh": ["bash"], ".pl": ["perl"],
                ".sql": ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f"]}
SHORT = [("unit", "unit/*_test.c"), ("regress", "sql/*.sql"), ("isolation", "isolation/specs/*.spec"),
         ("program", "programs/*"), ("tap", "tap/*.pl")]
LONG = [("long", "long/*")]


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            return f.read()
    except FileNotFoundError:
        return ""


def header(path, word):
    """The text after "word:" in a comment at the top of a file, or None."""
    with open(path, encoding="utf-8", errors="replace") as f:
        for _, line in zip(range(40), f):
            found = re.match(r"^[\s#/*-]*%s:\s*(.*?)(\s*\*/)?\s*$" % word, line)
            if found:
                return found.group(1)
    return None


class Test:
    def __init__(self, suite, path):
        self.suite = suite
        self.path = path
        self.name, self.suffix = os.path.splitext(os.path.basename(path))
        self.label = "%s/%s" % (suite, self.name)
        self.room = self.name.split("_")[0]
        self.limit = int(header(path, "timeout") or LIMITS[suite])
        self.weight = float(header(path, "weight") or WEIGHTS[suite])
        self.alone = header(path, "alone") is not None


def find_tests(folder, suites):
    """Every test of these suites below the folder, in the order of their names."""
    tests = [Test(suite, path) for suite, pattern in suites for path in sorted(glob.glob(os.path.join(folder, pattern)))]
    return [test for test in tests if test.suite not in ("program", "long") or test.suffix in INTERPRETERS]


def choose(tests, words):
    """The tests that the words mean: all of a room, where a word is the name of one; else those whose
    "suite/name" contains it."""
    if not words:
        return tests
    chosen = set()
    for word in words:
        room = [test for test in tests if test.room == word]
        chosen.update(room or [test for test in tests if word in test.label])
    return [test for test in tests if test in chosen]


class Worker:
    """Runs one test after another on a cluster of its own."""

    def __init__(self, number, cluster, folder, children, shared):
        """shared: what all workers' tests find in their environment."""
        self.number = number
        self.cluster = cluster
        self.folder = folder
        self.children = children
        self.database = None
        self.pgxs = os.path.normpath(os.path.join(os.path.dirname(pg_config("--pgxs")), "..", ".."))
        lib = os.path.join(HERE, "test/lib")
        self.env = dict(cluster.env, CDP_STAGE=cluster.stage, CDP_SERVER_LOG=cluster.server_log,
                        CDP_SOURCE=HERE, PYTHONPATH=lib, PYTHONDONTWRITEBYTECODE="1",
                        PERL5LIB=os.pathsep.join([lib, os.path.join(self.pgxs, "src/test/perl")]), **shared)

    def prepare(self):
        """The template of every test's database; what went wrong, or None."""
        return self.psql("postgres", "CREATE DATABASE cdp_template TEMPLATE template0 ENCODING 'UTF8'") or \
            self.psql("cdp_template", "CREATE EXTENSION cdp")

    def run(self, test, limit):
        """One test: its Result. A crash of the worker's server in the meantime is a failure."""
        log_end = os.path.getsize(self.cluster.server_log)
        result = getattr(self, "run_" + test.suite)(test, limit)
        if test.suite in ("unit", "tap"):
            return result
        self.settle()
        with open(self.cluster.server_log, encoding="utf-8", errors="replace") as log:
            log.seek(log_end)
            crashes = [line for line in log if "was terminated by signal" in line or "TRAP:" in line]
        if crashes:
            result.failed.append(test.label + ": the server crashed")
            result.output += "\n" + "".join(crashes)
            result.over_limit = False
        return result

    def settle(self):
        """Ends the sessions that are left of a test. By then the server has logged it where one of them crashed,
        and is back from its recovery."""
        others = ("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                  " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()")
        for _ in range(600):
            code, output = self.children.run(["psql", "-X", "-q", "-A", "-t", "-d", "postgres", "-c", others], 60, env=self.env)
            if (code, output) == (0, "0\n"):
                break
            self.children.run(["sleep", "0.1"], None)

    # Databases.

    def psql(self, database, *commands):
        """Runs commands; what went wrong, or None."""
        argv = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database]
        for command in commands:
            argv += ["-c", command]
        code, output = self.children.run(argv, 600, env=self.env)
        return None if code == 0 else output or "psql was stopped"

    def new_database(self, name):
        """In the place of the test's before; what went wrong, or None."""
        commands = ["DROP DATABASE IF EXISTS %s (FORCE)" % database for database in {name, self.database} if database]
        self.database = name
        return self.psql("postgres", *commands, "CREATE DATABASE %s TEMPLATE cdp_template" % name)

    # One method per suite: (test, limit) -> Result.

    def run_unit(self, test, limit):
        program = os.path.join(self.cluster.dir, test.name)
        sources = (header(test.path, "links") or "").split()
        _, icu = self.children.run(["pkg-config", "--cflags", "--libs", "icu-uc", "icu-i18n"], limit)
        code, output = self.children.run(
            ["cc", "-std=gnu11", "-g", "-O1", "-Wall", "-Wextra", "-Wno-unused-parameter",
             "-Wno-sign-compare", "-Wno-missing-field-initializers", "-Werror",
             "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-I", "src",
             "-I", "test/unit", "-I", pg_config("--includedir-server"), "-o", program, test.path]
            + sources + icu.split() + ["-lm"], 3 * limit, env=self.env, cwd=HERE)
        if code is None:
            return Result.stopped(test.label + ", the compiler", 3 * limit, output)
        if code != 0:
            return Result.failure(test.label + ": does not compile", output)
        code, output = self.children.run([program], limit, env=self.env, cwd=HERE)
        return read_tap(test.label, code, output, limit)

    def run_regress(self, test, limit):
        return self.run_pg_regress(test, "contrib_regression", "src/test/regress/pg_regress", self.folder, limit)

    def run_isolation(self, test, limit):
        return self.run_pg_regress(test, "isolation_regression", "src/test/isolation/pg_isolation_regress",
                                   os.path.join(self.folder, "isolation"), limit)

    def run_pg_regress(self, test, database, program, inputdir, limit):
        trouble = self.new_database(database)
        if trouble:
            return Result.failure(test.label + ": no database to run in", trouble)
        outputdir = tempfile.mkdtemp(prefix=test.name + ".", dir=self.cluster.dir)
        code, output = self.children.run(
            [os.path.join(self.pgxs, program), "--use-existing", "--bindir=" + self.cluster.bindir,
             "--inputdir=" + inputdir, "--outputdir=" + outputdir,
             "--dbname=" + database, "--encoding=UTF8", test.name], limit, env=self.env, cwd=self.cluster.dir)
        differences = read(os.path.join(outputdir, "regression.diffs"))
        if not os.path.exists(os.path.join(inputdir, "expected", test.name + ".out")):
            differences = "no expected output; the test gave\n" + read(
                os.path.join(outputdir, "results", test.name + ".out"))
        shutil.rmtree(outputdir, ignore_errors=True)
        if code is None:
            return Result.stopped(test.label, limit, differences or output)
        if code != 0:
            return Result.failure(test.label, differences or output)
        result = Result(output)
        result.passed = 1
        return result

    def run_program(self, test, limit):
        database = "cdp_" + re.sub(r"\W", "_", test.name.lower())
        trouble = self.new_database(database)
        if trouble:
            return Result.failure(test.label + ": no database to run in", trouble)
        scratch = self.scratch()
        env = dict(self.env, PGDATABASE=database, CDP_TMP=scratch, CLUSTER_PARENT=scratch)
        code, output = self.children.run(INTERPRETERS[test.suffix] + [test.path], limit, env=env, cwd=HERE)
        self.remove(scratch)
        return read_tap(test.label, code, output, limit)

    run_long = run_program

    def run_tap(self, test, limit):
        """As PostgreSQL's own TAP tests run: no server given, the test makes its own. A server
        does not run as root, so that there the test runs as postgres, from a readable copy."""
        work = self.scratch()
        shutil.copytree(os.path.join(self.folder, "tap"), os.path.join(work, "t"))
        shutil.copytree(os.path.join(HERE, "test/lib"), os.path.join(work, "lib"))
        os.makedirs(os.path.join(work, "run"))
        env = dict(self.env, TESTDIR=work + "/run", TESTDATADIR=work + "/run/data",
                   TESTLOGDIR=work + "/run/log", TMPDIR=work + "/run", PG_TEST_PORT_DIR=work + "/run",
                   PG_REGRESS=os.path.join(self.pgxs, "src/test/regress/pg_regress"),
                   PG_TEST_TIMEOUT_DEFAULT=str(limit),
                   PERL5LIB=os.pathsep.join([work + "/lib", os.path.join(self.pgxs, "src/test/perl")]))
        for variable in ("PGHOST", "PGPORT", "PGUSER", "PGDATABASE"):
            del env[variable]
        argv = ["perl", os.path.join(work, "t", os.path.basename(test.path))]
        if self.cluster.root:
            self.children.run(["chown", "-R", "postgres:", work], limit)
            argv = ["runuser", "-u", "postgres", "--"] + argv
        code, output = self.children.run(argv, limit, env=env, cwd=work + "/run")
        result = read_tap(test.label, code, output, limit)
        if result.failed:
            for log in sorted(glob.glob(work + "/run/**/log/*", recursive=True)):
                result.output += "\n--- %s, its end\n%s" % (
                    os.path.basename(log), "\n".join(read(log).splitlines()[-40:]))
        self.remove(work)
        return result

    # A test's directory of its own.

    def scratch(self):
        """A short path: a test may have sockets below it."""
        path = tempfile.mkdtemp(prefix="t.", dir=self.cluster.dir)
        os.chmod(path, 0o755)
        return path

    @staticmethod
    def remove(path):
        stop_servers_below(path)
        shutil.rmtree(path, ignore_errors=True)
