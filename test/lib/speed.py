"""How fast this machine is now, against the one that the tests' limits were set on.

slowness() is 1 or more: limits are multiplied by it. It is measured as the tests run: as many at a time, each a
piece of work in Python and one in its cluster's server. CDP_TEST_SLOWNESS sets it instead.
"""

import os
import sys
import threading
import time

from children import Ended

# What the work takes on two cores of a quiet machine, one on each.
QUIET = 0.62

IN_PYTHON = "sum(n * n % 7 for n in range(1500000))"
IN_SQL = "SELECT sum(hashint8(n)) FROM generate_series(1, 1500000) n"


def slowness(children, environments):
    """For as many tests at a time as there are environments, each with a server."""
    given = os.environ.get("CDP_TEST_SLOWNESS")
    if given:
        return max(1.0, float(given))
    return max(1.0, max(measure(children, environments)) / QUIET)


def measure(children, environments):
    """The seconds that the work takes in each environment, all at the same time."""
    seconds = []

    def work(env):
        started = time.monotonic()
        try:
            children.run([sys.executable, "-c", IN_PYTHON], None, env=env)
            children.run(["psql", "-X", "-q", "-A", "-t", "-c", IN_SQL], None, env=env)
        except Ended:
            pass
        seconds.append(time.monotonic() - started)

    threads = [threading.Thread(target=work, args=(env,), daemon=True) for env in environments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seconds
