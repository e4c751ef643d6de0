#!/usr/bin/env python3
"""
The memory of a backend that COPYs many events in one statement does not grow with their number, in small
batches as in those of ordinary size; and the workspace is right.
weight: 17

    ingest_memory.py [EVENTS]     in the largest statement (100,000; make test-long has 200,000)
"""

import os
import random
import subprocess
import sys
import threading
import time

from cdptest import Tap, copy_text, rows, sql

EVENTS = int(sys.argv[1]) if len(sys.argv) > 1 else 100000


def stream(events):
    """Two people of three are new; many identifiers; some traits and amounts; now and then a merge."""
    rng = random.Random(5)
    for n in range(events):
        person = 1 + (n if n % 3 else rng.randrange(n + 1))
        identifiers = ["cookie:c%d" % person]
        if n % 2:
            identifiers.append("user_id:%d" % (1 + person // 2))
        yield "\t".join(("2024-01-01 00:00:%02d.%06d+00" % (n % 60, n), "page", "{%s}" % ",".join(identifiers),
                         str(n % 97) if n % 5 == 0 else "\\N",
                         copy_text('{"plan": %d, "text": "%s"}' % (n % 9, "x" * (n % 50))) if n % 4 == 0 else "\\N"))


def peak_of_copy(table, events, batch_events):
    """The largest private memory (MB) of the backend during the COPY."""
    env = dict(os.environ, PGOPTIONS="-c cdp.batch_events=%d" % batch_events if batch_events else "")
    process = subprocess.Popen(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"], env=env, text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdin.write("SELECT pg_backend_pid();\n")
    process.stdin.flush()
    status = "/proc/%s/status" % process.stdout.readline().strip()
    peak = [0]
    ended = threading.Event()

    def watch():
        while not ended.is_set():
            try:
                with open(status, encoding="ascii") as f:
                    found = [line for line in f if line.startswith("RssAnon")]
            except OSError:
                return
            peak[0] = max([peak[0]] + [int(line.split()[1]) / 1024 for line in found])
            time.sleep(0.01)

    watcher = threading.Thread(target=watch)
    watcher.start()
    process.stdin.write("COPY %s (occurred_at, event, identifiers, amount, traits) FROM STDIN;\n" % table)
    for line in stream(events):
        process.stdin.write(line + "\n")
    process.stdin.write("\\.\n")
    process.stdin.close()
    code = process.wait()
    ended.set()
    watcher.join()
    if code != 0:
        sys.exit("COPY failed")
    return peak[0]


def main():
    tap = Tap()
    if not os.path.exists("/proc/self/status"):
        tap.skip_all("there is no /proc")
    sql("CREATE TABLE plain (occurred_at timestamptz, event text, identifiers text[], amount numeric, traits jsonb)")
    plain = peak_of_copy("plain", EVENTS, None)
    peaks = {}
    for name, batch_events, events in (("small", 1000, EVENTS // 4), ("large", 1000, EVENTS), ("usual", None, EVENTS)):
        sql("SELECT cdp.create_workspace('%s'); INSERT INTO %s.segments (name, predicate) VALUES "
            "('vip', $$cdp.total(ltv, 'USD') >= 50$$)" % (name, name))
        started = time.monotonic()
        peaks[name] = peak_of_copy(name + ".events", events, batch_events) - plain
        print("# %s: %d events, %.0f MB more than a plain COPY's %.0f; %.1f s" % (
            name, events, peaks[name], plain, time.monotonic() - started))
    tap.ok(peaks["large"] < 60, "small batches: %.0f MB" % peaks["large"])
    tap.ok(peaks["large"] - peaks["small"] < 20, "small batches: four times the events take %.0f MB more"
           % (peaks["large"] - peaks["small"]))
    tap.ok(peaks["usual"] < 300, "batches of the usual size: %.0f MB" % peaks["usual"])
    tap.equal(rows("SELECT (SELECT count(*) FROM large.events), (SELECT count(*) FROM large.event_ids), "
                   "(SELECT sum(event_count) FROM large.profiles)"), [[str(EVENTS)] * 3], "every event is there")
    tap.equal(rows("SELECT * FROM cdp.check('large') LIMIT 20"), [], "cdp.check finds nothing")
    tap.done()


if __name__ == "__main__":
    main()
