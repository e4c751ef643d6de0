"""A throw-away cluster (test/cluster) for the length of a with-block, also when that ends by an
error, Ctrl-C or a termination signal.

    with Cluster("cdp-demo") as cluster:
        subprocess.run(["psql", ...], env=cluster.env)

cluster.dir is a scratch directory that goes with it; cluster.path the cluster inside. As root both can
be passed through by the server's user. Raises ClusterError where the build or the start fails.

The extension is built and staged for each cluster, or once for several: stage() makes a folder that
Cluster(stage=...) takes. Several start at the same time between begin() and finish(), and go with stop().
CLUSTER_PARENT names the directory that the scratch directories are made in.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PG_CONFIG = os.environ.get("PG_CONFIG", "pg_config")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class ClusterError(Exception):
    pass


def pg_config(option):
    return subprocess.run([PG_CONFIG, option], check=True, capture_output=True, text=True).stdout.strip()


def data_folder():
    """The folder of real data, or None: CDP_DATA, else ../shared/data."""
    folder = os.environ.get("CDP_DATA") or os.path.join(os.path.dirname(HERE), "shared", "data")
    return os.path.abspath(folder) if os.path.isdir(folder) else None


def leave(signum, frame):
    raise SystemExit(128 + signum)


def end_by_signals():
    """A signal ends this program as an error does: what it started is ended first."""
    for sig in SIGNALS:
        signal.signal(sig, leave)


def ignore_signals():
    """While things are put away."""
    for sig in SIGNALS:
        signal.signal(sig, signal.SIG_IGN)


def scratch_directory(prefix, parent=None):
    """A new directory: short, for a socket's path, and for root where the server's user can go."""
    root = os.geteuid() == 0
    parent = parent or os.environ.get("CLUSTER_PARENT") or (
        None if not root and len(tempfile.gettempdir()) < 40 else "/tmp")
    path = tempfile.mkdtemp(prefix=prefix + ".", dir=parent)
    if root:
        os.chmod(path, 0o755)
    return path


def server_environment():
    """The environment without what would lead to another server, or to another make's work."""
    env = dict(os.environ)
    for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "PGSERVICE", "PGOPTIONS", "PGDATABASE"):
        env.pop(name, None)
    return env


def end_group(process, patience=20):
    """Ends a process and the rest of its group, by a signal that each can clean up after; then by force."""
    for sig in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sig)
        except ProcessLookupError:
            break
        if group_ends(process, patience):
            break
    process.wait()


def group_ends(process, patience):
    """Is the last of the group gone within so many seconds?"""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        process.poll()
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


def servers_below(path):
    """The process ids of servers whose data is below the directory."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc") if os.path.isdir("/proc") else []):
        try:
            with open("/proc/%s/cmdline" % name, "rb") as f:
                words = f.read().split(b"\0")
        except OSError:
            continue
        if os.path.basename(words[0]) == b"postgres" and any(word.startswith(path.encode() + b"/") for word in words):
            found.append(int(name))
    return found


def stop_servers_below(path):
    """Ends the servers that a test has left running below its own directory."""
    for sig in (signal.SIGQUIT, signal.SIGKILL):
        for _ in range(100):
            found = servers_below(path)
            if not found:
                return
            for pid in found:
                try:
                    os.kill(pid, sig)
                except ProcessLookupError:
                    pass
            time.sleep(0.05)


class Command:
    """test/cluster at work, in a process group of its own: all of it can be stopped."""

    def __init__(self, env, *arguments):
        self.process = subprocess.Popen([os.path.join(HERE, "test/cluster"), *arguments], env=env,
                                        stdout=subprocess.DEVNULL, start_new_session=True)

    def wait(self, trouble):
        try:
            self.process.wait()
        except BaseException:
            self.stop()
            raise
        if self.process.returncode != 0:
            raise ClusterError(trouble)

    def stop(self):
        if self.process.poll() is None:
            end_group(self.process)


def stage(path):
    """Builds the extension and stages its installation below path."""
    Command(server_environment(), "stage", path).wait("the build failed")
    return os.path.join(path, "stage")


class Cluster:
    def __init__(self, prefix, conf="", stage=None, parent=None):
        self.prefix = prefix
        self.conf = conf
        self.staged = stage
        self.parent = parent
        self.keep = False
        self.dir = None
        self.starting = None
        self.root = os.geteuid() == 0
        self.env = server_environment()

    def __enter__(self):
        end_by_signals()
        try:
            self.begin()
            self.finish()
        except BaseException:
            ignore_signals()
            self.stop()
            raise
        return self

    def begin(self):
        """Starts it; finish() waits until it has."""
        self.dir = scratch_directory(self.prefix, self.parent)
        self.path = os.path.join(self.dir, "c")
        conf = os.path.join(self.dir, "conf")
        with open(conf, "w", encoding="utf-8") as f:
            f.write(self.conf)
        env = dict(self.env, CLUSTER_CONF=conf)
        if self.staged:
            env["CLUSTER_STAGE"] = self.staged
        self.starting = Command(env, "start", self.path)

    def finish(self):
        self.starting.wait("the build, or the start of the cluster, failed")
        os.unlink(os.path.join(self.dir, "conf"))
        self.stage = self.staged or os.path.join(self.path, "stage")
        self.server_log = os.path.join(self.path, "log", "server.log")
        self.bindir = pg_config("--bindir")
        self.env.update(PGHOST=os.path.join(self.path, "socket"), PGPORT="54015", PGUSER="postgres",
                        PGDATABASE="postgres", PG_CONFIG=PG_CONFIG,
                        PATH=self.bindir + os.pathsep + self.env["PATH"])

    def __exit__(self, *exception):
        if not self.keep or exception[0] is not None:
            ignore_signals()
            self.stop()

    def stop(self):
        """Whatever it is at."""
        if self.starting:
            self.starting.stop()
        if self.dir:
            stop_servers_below(self.dir)
            subprocess.run([os.path.join(HERE, "test/cluster"), "stop", self.path], env=self.env)
            shutil.rmtree(self.dir, ignore_errors=True)
