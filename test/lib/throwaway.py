"""A throw-away cluster (test/cluster) for the length of a with-block, also when that ends by an
error, Ctrl-C or a termination signal.

    with Cluster("cdp-demo") as cluster:
        subprocess.run(["psql", ...], env=cluster.env)

cluster.dir is a scratch directory that goes with it; cluster.path the cluster inside. As root both can
be passed through by the server's user. Raises ClusterError where the build or the start fails.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PG_CONFIG = os.environ.get("PG_CONFIG", "pg_config")


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


class Cluster:
    def __init__(self, prefix, conf=""):
        self.prefix = prefix
        self.conf = conf
        self.keep = False
        self.root = os.geteuid() == 0
        self.env = dict(os.environ)
        for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "PGSERVICE", "PGOPTIONS", "PGDATABASE"):
            self.env.pop(name, None)

    def __enter__(self):
        for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(sig, leave)
        # Short, for a socket's path; and for root where the server's user can go.
        parent = None if not self.root and len(tempfile.gettempdir()) < 40 else "/tmp"
        self.dir = tempfile.mkdtemp(prefix=self.prefix + ".", dir=parent)
        self.path = os.path.join(self.dir, "c")
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def start(self):
        if self.root:
            os.chmod(self.dir, 0o755)
        conf = os.path.join(self.dir, "conf")
        with open(conf, "w", encoding="utf-8") as f:
            f.write(self.conf)
        # In a process group of its own, so that all of it can be stopped before the directory goes.
        starting = subprocess.Popen([os.path.join(HERE, "test/cluster"), "start", self.path],
                                    env=dict(self.env, CLUSTER_CONF=conf), stdout=subprocess.DEVNULL,
                                    start_new_session=True)
        try:
            starting.wait()
        except BaseException:
            # By a signal that make and initdb clean up after.
            os.killpg(starting.pid, signal.SIGTERM)
            starting.wait(20)
            time.sleep(0.2)
            raise
        finally:
            os.unlink(conf)
        if starting.returncode != 0:
            raise ClusterError("the build, or the start of the cluster, failed")
        self.stage = os.path.join(self.path, "stage")
        self.server_log = os.path.join(self.path, "log", "server.log")
        self.bindir = pg_config("--bindir")
        self.env.update(PGHOST=os.path.join(self.path, "socket"), PGPORT="54015", PGUSER="postgres",
                        PGDATABASE="postgres", PG_CONFIG=PG_CONFIG,
                        PATH=self.bindir + os.pathsep + self.env["PATH"])

    def __exit__(self, *exception):
        if not self.keep or exception[0] is not None:
            self.stop()

    def stop(self):
        for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(sig, signal.SIG_IGN)
        subprocess.run([os.path.join(HERE, "test/cluster"), "stop", self.path], env=self.env)
        shutil.rmtree(self.dir, ignore_errors=True)
