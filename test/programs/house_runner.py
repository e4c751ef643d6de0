#!/usr/bin/env python3
"""
test/run on small suites of its own: what passes, fails, is skipped, crashes the server or exceeds its limit is
counted so; a limit is exceeded twice before that counts; what the budget leaves no time for is skipped; a word
means a room or a part of a name; and nothing is left of a run that a signal ends.
timeout: 240
weight: 12
"""

import math
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from cdptest import Tap, patience

RUN = os.path.join(os.environ["CDP_SOURCE"], "test/run")
SCRATCH = os.environ["CDP_TMP"]
FOREVER = "sleep 1000"
LIMIT = math.ceil(3 * patience(1))

# name: text of a shell script below programs/, or of a file of another suite. $HERE is the folder of the suite.
COUNTED = {
    "programs/good.sh": "echo ok 1 - one; echo ok 2 - two; echo 1..2",
    "programs/wrong.sh": "echo >>$HERE/wrong; echo ok 1 - one; echo not ok 2 - two; echo 1..2",
    "programs/short.sh": "echo ok 1 - one; echo 1..2",
    "programs/none.sh": "echo '1..0 # SKIP nothing to see'",
    "programs/left_out.sh": "echo 'ok 1 - one # SKIP not here'; echo ok 2 - two; echo 1..2",
    "programs/crash.sh": "# weight: 999\npid=$(psql -XAtc 'SELECT pg_backend_pid()' -c 'SELECT pg_sleep(1000)' > $HERE/pid & "
                         "until [ -s $HERE/pid ]; do sleep 0.1; done; cat $HERE/pid); kill -SEGV $pid; wait; echo ok 1; echo 1..1",
    # weights: right after the crash, on the same server
    "programs/after_crash.sh": "# weight: 998\n[ $(psql -XAtc 'SELECT 1') = 1 ] && echo ok 1; echo 1..1",
    "programs/endless.sh": "# timeout: 3\necho >>$HERE/endless; " + FOREVER,
    "programs/slow_once.sh": "# timeout: 3\n[ -e $HERE/once ] || { touch $HERE/once; " + FOREVER + "; }; echo ok 1; echo 1..1",
    "sql/same.sql": "SELECT 1 AS one;",
    "expected/same.out": "SELECT 1 AS one;\n one \n-----\n   1\n(1 row)\n\n",
    "sql/other.sql": "SELECT 2 AS one;",
    "expected/other.out": "SELECT 2 AS one;\n one \n-----\n   1\n(1 row)\n\n",
}
ROOMS = {name: "" for name in (
    "programs/identity.sh", "programs/identity_load.py", "programs/identityx.sh", "programs/an_identity.sh", "programs/identity_driver.c",
    "programs/notes.txt", "sql/identity_merge.sql", "sql/merge.sql", "isolation/specs/identity_races.spec", "isolation/specs/merge.spec",
    "unit/identity_test.c", "unit/tap.h", "tap/restore.pl")}
# a test with a server of its own
ENDLESS = {"programs/one.sh": """# timeout: 1000
as_server() { if [ $(id -u) = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
mkdir $CDP_TMP/data; chmod 777 $HERE $CDP_TMP/data
as_server initdb -N -A trust $CDP_TMP/data/d >/dev/null
as_server pg_ctl -D $CDP_TMP/data/d -w -l $CDP_TMP/data/log -o "-k $HERE -c listen_addresses=''" start >/dev/null
sleep 1000 & psql -XAtc 'SELECT pg_sleep(1000)' & touch $HERE/started; wait
"""}


def make_suites(name, files):
    """The folder of the suites, and a directory that their run puts its own into."""
    folder = os.path.join(SCRATCH, name, "test")
    # short, as sockets want it
    clusters = tempfile.mkdtemp(prefix="", dir=SCRATCH)
    os.chmod(clusters, 0o755)
    for path, text in files.items():
        path = os.path.join(folder, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text if not path.endswith(".sh") else "HERE=%s\n%s\n" % (folder, text))
    return folder, clusters


def start(name, files, arguments=(), **settings):
    """test/run on such suites: (process, folder, directory of the clusters)."""
    folder, clusters = make_suites(name, files)
    # as from a shell of its own
    env = {key: text for key, text in os.environ.items() if not key.startswith(("CDP_", "PG", "ONLY")) or key == "PG_CONFIG"}
    env.update(CDP_TEST_FOLDER=folder, CLUSTER_PARENT=clusters, CDP_TEST_SLOWNESS=str(patience(1)), CDP_TEST_JOBS="1", **settings)
    process = subprocess.Popen([RUN, *arguments], env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return process, folder, clusters


def run(name, files, arguments=(), **settings):
    """(exit code, output)."""
    process = start(name, files, arguments, **settings)[0]
    output = process.communicate()[0]
    return process.returncode, output


def times(name, file):
    """How often a test of those suites has run: it writes a line each time."""
    with open(os.path.join(SCRATCH, name, "test", file), encoding="utf-8") as f:
        return len(f.read())


def section(output, title):
    """The lines below a title of the summary."""
    found = re.search(r"^%s:\n((?:    .*\n)+)" % title, output, re.M)
    return sorted(line.strip() for line in found.group(1).splitlines()) if found else []


def show(output):
    for line in output.splitlines():
        print("# " + line)


class SharedTap(Tap):
    """For several threads."""

    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()

    def ok(self, *arguments):
        with self.lock:
            return super().ok(*arguments)


def counting(tap):
    code, output = run("counted", COUNTED)
    tap.equal(section(output, "failed"), [
        "program/crash: the server crashed", "program/endless: stopped after %d s" % (2 * LIMIT), "program/short: planned 2 tests, ran 1",
        "program/wrong: two", "regress/other"], "what fails is counted") or show(output)
    tap.equal(section(output, "skipped"), ["program/left_out: one (not here)", "program/none (nothing to see)"],
              "what is skipped is counted")
    tap.equal((output.splitlines()[-1], code), ("9 passed, 5 failed, 2 skipped", 1), "the last line has all of it, and the exit code tells")
    tap.ok(re.search(r"^ *\d+ of 11 +program/slow_once .* 1 passed", output, re.M), "a test that needed more time than its limit passes")
    tap.equal((times("counted", "endless"), output.count("once more, with %d s" % (2 * LIMIT))), (2, 2), "a limit is exceeded twice before that counts")
    tap.equal(times("counted", "wrong"), 1, "a wrong result counts at once")
    tap.ok(re.search(r"^\s+-   1$", output, re.M) and re.search(r"^\s+\+   2$", output, re.M), "the differences are shown")
    tap.ok(re.search(r"program/after_crash .* 1 passed", output), "the server is back for the test after a crash")
    places = re.findall(r"^ *(\d+) of 11 ", output.replace("once more", ""), re.M)
    tap.ok(places[-1] == "11" and "left)" in output, "each line tells how far it is")


def budget(tap):
    started = time.monotonic()
    code, output = run("late", {"programs/one.sh": "echo ok 1; echo 1..1", "programs/two.sh": FOREVER}, CDP_TEST_BUDGET="0.1")
    tap.equal((code, output.splitlines()[-1]), (0, "0 passed, 0 failed, 2 skipped"), "what has not run when the budget is over is skipped")
    tap.ok("program/two (not run: the time for the whole run was over)" in section(output, "skipped"), "with the reason")

    # enough to begin with
    enough = 2 + 2 * (time.monotonic() - started)
    code, output = run("cut", {"programs/one.sh": "touch $HERE/started; " + FOREVER}, CDP_TEST_BUDGET=str(enough))
    tap.equal((code, output.splitlines()[-1]), (0, "0 passed, 0 failed, 1 skipped"), "so is what is stopped by it") or show(output)


def rooms(tap):
    def chosen(number, *words):
        return run("rooms%d" % number, ROOMS, ("--list", *words))[1].split()

    tap.equal(chosen(1, "identity"), ["unit/identity_test", "regress/identity_merge", "isolation/identity_races",
                                      "program/identity", "program/identity_load"], "a room's name means that room, of every suite")
    tap.equal(chosen(2, "merge"), ["regress/merge", "isolation/merge"], "a name without a room's part is a room")
    tap.equal(chosen(3, "identit"), ["unit/identity_test", "regress/identity_merge", "isolation/identity_races", "program/an_identity",
                                     "program/identity", "program/identity_load", "program/identityx"], "another word means what contains it")
    tap.equal(chosen(4, "tap/", "merge"), ["regress/merge", "isolation/merge", "tap/restore"], "several words add up")
    tap.equal(run("rooms5", ROOMS, ("--list",), ONLY="an restore")[1].split(), ["program/an_identity", "tap/restore"], "the variable ONLY does the same")
    code, output = run("rooms6", ROOMS, ("--list", "nobody"))
    tap.equal((code, output), (2, "no test has a name that contains: nobody\n"), "no test of that name is an error")


def of_this_run(clusters):
    """Processes whose environment names the directory."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/environ" % pid, "rb") as f, open("/proc/%s/cmdline" % pid, "rb") as g:
                if clusters.encode() in f.read() + g.read():
                    found.append("%s %s" % (pid, g.read().decode(errors="replace")))
        except OSError:
            pass
    return found


def ended_by(tap, sig):
    process, folder, clusters = start(sig.name, ENDLESS)
    deadline = time.monotonic() + patience(120)
    while not os.path.exists(folder + "/started") and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    tap.ok(len(of_this_run(clusters)) > 3, "%s: the run is at work" % sig.name)
    process.send_signal(sig)
    try:
        output = process.communicate(timeout=patience(60))[0]
    except subprocess.TimeoutExpired:
        process.kill()
        output = process.communicate()[0]
    tap.equal(process.returncode, 128 + sig, "%s ends the run" % sig.name) or show(output)
    tap.equal(of_this_run(clusters), [], "%s: no process is left" % sig.name)
    tap.equal(os.listdir(clusters), [], "%s: no directory is left" % sig.name)


def main():
    tap = SharedTap()
    if not os.path.exists("/proc/self/environ"):
        tap.skip_all("there is no /proc")
    with ThreadPoolExecutor(max_workers=2) as pool:
        for done in [pool.submit(part, tap, *arguments) for part, *arguments in (
                (counting,), (budget,), (rooms,), (ended_by, signal.SIGINT), (ended_by, signal.SIGTERM))]:
            done.result()
    tap.done()


if __name__ == "__main__":
    main()
