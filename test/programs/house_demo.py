"""`make demo` from start to end: its screen fits, says that all is well, and nothing stays behind."""

# timeout: 240

import os
import re
import subprocess
import sys

from cdptest import Tap

SOURCE = os.environ["CDP_SOURCE"]
SCRATCH = os.environ["CDP_TMP"]


def generate(*options):
    return subprocess.run([sys.executable, os.path.join(SOURCE, "test/demo/generate.py"), *options],
                          check=True, capture_output=True, text=True).stdout


def main():
    tap = Tap()
    stream = generate("--events", "3000")
    tap.ok(stream == generate("--events", "3000"), "the same seed gives the same stream")
    tap.ok(stream != generate("--events", "3000", "--seed", "2"), "another seed gives another")
    tap.equal(stream.count("\n"), 3000, "as many events as asked for")

    before = set(os.listdir(SCRATCH))
    env = {name: text for name, text in os.environ.items() if not name.startswith("PG") or name == "PG_CONFIG"}
    done = subprocess.run([os.path.join(SOURCE, "test/demo/run")], capture_output=True, text=True, cwd=SCRATCH,
                          env=dict(env, EVENTS="5000", CLUSTER_PARENT=SCRATCH))
    screen = done.stdout.rstrip("\n").split("\n")
    tap.ok(done.returncode == 0, "the demo ends well", done.stderr + done.stdout)
    tap.ok(len(screen) <= 50, "on one screen: at most 50 lines", "%d lines" % len(screen))
    tap.ok(max(map(len, screen)) <= 110, "at most 110 columns", "\n".join(x for x in screen if len(x) > 110))
    tap.ok("cdp.check: all is well" in done.stdout, "what is stored is what can be recomputed", done.stdout)
    after = done.stdout.partition("\nAFTER")[2].partition("\nTOP")[0]
    tap.ok(len(re.findall(r"^ +\d+  ", after, re.M)) == 1 and "13,235,000 VND" in after and
           all(word in after.split() for word in ("vip", "cookie:mai-laptop", "card:20231107", "user_id:88")),
           "three strangers are one customer, and vip", done.stdout)
    tap.equal(set(os.listdir(SCRATCH)), before, "nothing stays behind")
    tap.done()


main()
