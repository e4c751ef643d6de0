"""Runs tests side by side, each worker on a cluster of its own, and tells of each as it ends."""

import math
import os
import queue
import shutil
import sys
import threading
import time

from children import Children, Ended
from speed import slowness
from suites import Worker
from tap import Result
from throwaway import Cluster, ClusterError, data_folder, end_by_signals, ignore_signals, scratch_directory, stage

# Nothing here has to outlive a power failure. A server that crashes on purpose recovers without it.
CONF = """cdp.check_locks = on
fsync = off
full_page_writes = off
checkpoint_timeout = 30min
"""
GIB = 1024 ** 3


def default_jobs():
    """As many tests at a time as there are cores, but not more than one for each GiB of memory."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // GIB
    return max(1, min(cores, memory))


def minutes(seconds):
    return "%d:%02d" % divmod(round(seconds), 60)


class Seconds:
    """What each test took when it last ran here, in a file that is no part of the project."""

    def __init__(self, path):
        self.path = path
        self.known = {}
        if os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                for line in f:
                    label, seconds = line.split()
                    self.known[label] = float(seconds)

    def apply(self, tests):
        for test in tests:
            test.weight = self.known.get(test.label, test.weight)

    def save(self):
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        new = "%s.%d" % (self.path, os.getpid())
        with open(new, "w", encoding="utf-8") as f:
            f.writelines("%s %.1f\n" % item for item in sorted(self.known.items()))
        os.replace(new, self.path)


class Run:
    """All the tests of one call of test/run."""

    def __init__(self, tests, folder):
        self.tests = tests
        self.folder = folder
        self.jobs = min(int(os.environ.get("CDP_TEST_JOBS") or default_jobs()), len(tests))
        self.started = time.monotonic()
        self.budget = float(os.environ.get("CDP_TEST_BUDGET") or math.inf)
        self.children = Children()
        self.events = queue.Queue()
        self.clusters = []
        self.threads = []
        self.slowness = 1.0
        self.seconds = Seconds(os.path.join(os.path.dirname(folder), "tmp", "test-seconds"))
        self.seconds.apply(tests)
        self.done = 0
        self.done_weight = self.done_seconds = 0.0
        self.total = Result()

    def run(self):
        """The exit code."""
        end_by_signals()
        self.dir = scratch_directory("cdp-test")
        try:
            self.start()
            self.run_all()
        except ClusterError as error:
            print("%s\n\n0 passed, 1 failed" % error)
            return 1
        finally:
            self.put_away()
        self.summary()
        return 1 if self.total.failed else 0

    def start(self):
        """A cluster for each worker, all started at the same time; then how fast they are."""
        staged = stage(self.dir)
        for _ in range(self.jobs):
            self.clusters.append(Cluster("w", CONF, staged, self.dir))
            self.clusters[-1].begin()
        for cluster in self.clusters:
            cluster.finish()
        self.slowness = slowness(self.children, [cluster.env for cluster in self.clusters])
        shared = {"CDP_SLOWNESS": "%.2f" % self.slowness}
        if data_folder():
            shared["CDP_DATA"] = data_folder()
        self.workers = [Worker(number, cluster, self.folder, self.children, shared)
                        for number, cluster in enumerate(self.clusters, 1)]
        for worker in self.workers:
            trouble = worker.prepare()
            if trouble:
                raise ClusterError(trouble)
        print("%d tests, %s%s" % (
            len(self.tests), "%d at a time" % self.jobs if self.jobs > 1 else "one after the other",
            "; limits are %.1f times as long, for this machine is slow now" % self.slowness
            if self.slowness > 1.05 else ""), flush=True)

    def put_away(self):
        ignore_signals()
        self.children.end()
        for thread in self.threads:
            thread.join()
        stopping = [threading.Thread(target=cluster.stop) for cluster in self.clusters]
        for thread in stopping:
            thread.start()
        for thread in stopping:
            thread.join()
        shutil.rmtree(self.dir, ignore_errors=True)

    def run_all(self):
        """Those that want the machine for themselves come last, one at a time."""
        self.run_beside([test for test in self.tests if not test.alone], self.workers)
        self.run_beside([test for test in self.tests if test.alone], self.workers[:1])
        if self.slowness < 1.5:
            self.seconds.save()

    def run_beside(self, tests, workers):
        """The longest first, so that all workers end at about the same time."""
        pending = queue.SimpleQueue()
        for test in sorted(tests, key=lambda test: -test.weight):
            pending.put(test)
        for worker in workers:
            self.threads.append(threading.Thread(target=self.work, args=(worker, pending), daemon=True))
            self.threads[-1].start()
        left = len(tests)
        while left:
            report, *arguments = self.events.get()
            report(*arguments)
            left -= report == self.report_result

    # In a worker's thread.

    def work(self, worker, pending):
        try:
            while True:
                test = pending.get_nowait()
                self.run_one(worker, test)
        except (queue.Empty, Ended):
            pass
        except BaseException as error:  # pylint: disable=broad-except
            self.events.put((self.report_trouble, error))

    def run_one(self, worker, test):
        """Runs it; and once more, with twice the time, where it was its limit that stopped it."""
        limit = math.ceil(test.limit * self.slowness)
        for last in (False, True):
            left = self.budget - (time.monotonic() - self.started)
            started = time.monotonic()
            if left < 1:
                result = self.not_run(test, "not run: the time for the whole run was over")
                break
            result = worker.run(test, min(limit, int(left) if left < math.inf else limit))
            if not result.over_limit:
                break
            if left < limit:
                result = self.not_run(test, "stopped: the time for the whole run was over")
                break
            if not last:
                limit *= 2
                self.events.put((self.report_again, test, limit))
        self.events.put((self.report_result, test, result, time.monotonic() - started))

    @staticmethod
    def not_run(test, reason):
        result = Result()
        result.skipped.append((test.label, reason))
        return result

    # In the main thread.

    @staticmethod
    def report_trouble(error):
        raise error

    def report_again(self, test, limit):
        print("%sstopped at its limit; once more, with %d s" % (self.place(test), limit), flush=True)

    def report_result(self, test, result, seconds):
        self.done += 1
        self.done_weight += test.weight
        self.done_seconds += seconds
        if result.passed:
            self.seconds.known[test.label] = seconds
        print("%s%6.1f s   %s%s" % (self.place(test), seconds, result.counts(), self.time_left()), flush=True)
        if result.failed:
            self.show_output(result.output)
        self.total.passed += result.passed
        self.total.failed += result.failed
        self.total.skipped += result.skipped

    def place(self, test):
        return "%*d of %d  %-36s " % (len(str(len(self.tests))), self.done, len(self.tests), test.label)

    def time_left(self):
        """By what the tests that have ended took, against what they were thought to take."""
        if self.done == len(self.tests):
            return ""
        left = sum(test.weight for test in self.tests) - self.done_weight
        return "   (about %s left)" % minutes(left / self.jobs * (self.done_seconds + 60) / (self.done_weight + 60))

    @staticmethod
    def show_output(output):
        lines = output.rstrip().splitlines()
        if len(lines) > 200:
            lines[100:-100] = ["... %d lines left out ..." % (len(lines) - 200)]
        for line in lines:
            print("    " + line)
        sys.stdout.flush()

    def summary(self):
        if self.total.skipped:
            print("\nskipped:")
            for name, reason in self.total.skipped:
                print("    %s (%s)" % (name, reason))
        if self.total.failed:
            print("\nfailed:")
            for name in self.total.failed:
                print("    " + name)
        line = "%d passed, %d failed" % (self.total.passed, len(self.total.failed))
        if self.total.skipped:
            line += ", %d skipped" % len(self.total.skipped)
        print("\n%d tests in %s" % (len(self.tests), minutes(time.monotonic() - self.started)))
        print(line, flush=True)
