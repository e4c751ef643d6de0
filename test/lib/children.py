"""The processes that a run of the tests has under way, so that all of them can be ended at any moment.

    children = Children()
    code, output = children.run(["psql", ...], 60, env=env)     # code is None when the limit is over
    children.end()                                              # from another thread: run() raises Ended

Each is the leader of a process group of its own: what it has started goes with it.
"""

import subprocess
import threading

from throwaway import end_group


class Ended(Exception):
    """The run is being ended: nothing is started any more."""


class Children:
    def __init__(self):
        self.lock = threading.Lock()
        self.running = set()
        self.ended = False

    def run(self, argv, limit, **options):
        """Runs to the end or the limit (seconds): (exit code or None, output)."""
        process = self.start(argv, options)
        try:
            output, _ = process.communicate(timeout=limit)
            code = process.returncode
        except subprocess.TimeoutExpired:
            code, output = None, self.stop(process)
        finally:
            with self.lock:
                self.running.discard(process)
        if self.ended:
            raise Ended
        return code, output

    def start(self, argv, options):
        with self.lock:
            if self.ended:
                raise Ended
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT, start_new_session=True, text=True,
                                       errors="replace", **options)
            self.running.add(process)
            return process

    @staticmethod
    def stop(process):
        """Ends it, by force where it does not end by itself; what it had printed."""
        end_group(process, 10)
        try:
            return process.communicate(timeout=5)[0]
        except subprocess.TimeoutExpired:
            return "(a process that it has left behind holds its output)\n"

    def end(self):
        """Ends all that run, each in its own time at first: a test may have a cluster to put away."""
        with self.lock:
            self.ended = True
            running = list(self.running)
        enders = [threading.Thread(target=end_group, args=(process,)) for process in running]
        for ender in enders:
            ender.start()
        for ender in enders:
            ender.join()
