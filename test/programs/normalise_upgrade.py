"""An upgrade that changes a canonical form: cdp.rebuild derives identifiers and the graph anew.

Builds the extension a second time with one entry of a table changed (numbers of Vietnam's old prefix
0162 become 039, not 032), puts it in the place of the first on a cluster of its own, and looks at what
cdp.check says before and after cdp.rebuild.
"""

# timeout: 240

import os
import re
import shutil
import subprocess

from cdptest import Tap, rows, sql, value
from throwaway import Cluster, pg_config

SOURCE = os.environ["CDP_SOURCE"]
SCRATCH = os.environ["CDP_TMP"]

SETUP = """
CREATE EXTENSION cdp;
SELECT cdp.create_workspace('upgrade');
UPDATE upgrade.settings SET default_region = 'VN';
INSERT INTO upgrade.events (event, identifiers, amount, currency) VALUES
    ('Order Completed', '{cookie:old, phone:0162 123 4567}', 1, 'VND'),
    ('Order Completed', '{cookie:new, phone:032 123 4567}', 2, 'VND'),
    ('Order Completed', '{cookie:other, phone:039 123 4567}', 4, 'VND');
ALTER TABLE upgrade.profiles ADD COLUMN note text;
UPDATE upgrade.profiles SET note = 'mine' WHERE profile_id = cdp.profile_of('upgrade', 'cookie:old');
"""


def text_of(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def replace_in(path, old, new):
    text = text_of(path)
    if text.count(old) != 1:
        raise SystemExit("%s has %d times %r" % (path, text.count(old), old))
    with open(path, "w", encoding="utf-8") as f:
        f.write(text.replace(old, new))


def build_changed():
    """The path of a library whose canonical forms differ, and say so. Of the header's users only those that
    name the version are compiled again."""
    tree = os.path.join(SCRATCH, "changed")
    shutil.copytree(SOURCE, tree, ignore=shutil.ignore_patterns(".git", "test", "fuzz", "results"))
    for folder, _, names in os.walk(os.path.join(tree, "src")):
        for name in names:
            path = os.path.join(folder, name)
            if name.endswith(".c") and "NORMALISE_VERSION" in text_of(path):
                os.utime(path)
    replace_in(os.path.join(tree, "src/normalise/phone.c"), '"16232"', '"16239"')
    header = "src/normalise/normalise.h"
    version = int(re.search(r"#define NORMALISE_VERSION (\d+)", text_of(os.path.join(tree, header))).group(1))
    replace_in(os.path.join(tree, header), "#define NORMALISE_VERSION %d" % version,
               "#define NORMALISE_VERSION %d" % (version + 1))
    subprocess.run(["make", "-C", tree, "-s", "-j2", "with_llvm=no", "-o", header, "cdp.so"], check=True,
                   stdout=subprocess.DEVNULL)
    return os.path.join(tree, "cdp.so")


def groups():
    """Which cookies are one customer, and what each has spent."""
    return rows("""
        SELECT string_agg(i.identifier::text, ' ' ORDER BY i.identifier), cdp.total(p.ltv, 'VND'), coalesce(p.note, '')
        FROM upgrade.profiles p JOIN upgrade.identifiers i USING (profile_id)
        WHERE cdp.namespace(i.identifier) = 'cookie' GROUP BY p.profile_id, p.ltv, p.note ORDER BY 1""")


def main():
    tap = Tap()
    changed = build_changed()
    with Cluster("cdp-up") as cluster:
        os.environ.update(cluster.env)
        sql(SETUP)
        tap.equal(groups(), [["cookie:new cookie:old", "3", "mine"], ["cookie:other", "4", ""]],
                  "the old number is the new one")
        tap.equal(rows("SELECT * FROM cdp.check('upgrade')"), [], "check is empty")
        kept = value("SELECT cdp.profile_of('upgrade', 'cookie:old')")
        before = rows("SELECT * FROM cdp.versions()")

        target = cluster.stage + pg_config("--pkglibdir") + "/cdp.so"
        shutil.copyfile(changed, target + ".new")
        os.chmod(target + ".new", 0o755)
        os.replace(target + ".new", target)

        tap.ok(rows("SELECT * FROM cdp.versions()") != before, "cdp.versions tells of the change")
        tap.ok(len(rows("SELECT * FROM cdp.check('upgrade')")) > 0, "check sees that the forms have changed")
        sql("SELECT cdp.rebuild('upgrade')")
        tap.equal(rows("SELECT * FROM cdp.check('upgrade')"), [], "check is empty after the rebuild")
        tap.equal([group[:2] for group in groups()], [["cookie:new", "2"], ["cookie:old cookie:other", "5"]],
                  "the customers are those of the new forms")
        tap.equal(value("SELECT count(*) FROM upgrade.identifiers WHERE identifier::text = 'phone:+84391234567'"), "1",
                  "the identifier has the new form")
        tap.ok(value("SELECT count(*) FROM upgrade.profiles WHERE profile_id = %s" % kept) == "1",
               "the customer's id lives on")
    tap.done()


if __name__ == "__main__":
    main()
