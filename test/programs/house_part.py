#!/usr/bin/env python3
"""
A part that is added touches nothing but its own folders and a line in each list.

Copies the source, puts test/parts/visits into src/visits and sql/visits, adds one line to src/parts.c and
one to sql/manifest, builds that, and looks at a workspace which has the part: its table and its value are
created, guarded, folded, merged, split, kept in opening balances, checked, shown in status, read by a
segment, detached and dropped as those of any other.
timeout: 240
"""

import os
import random
import shutil
import subprocess

from cdptest import SqlError, Tap, rows, sql, value
from throwaway import Cluster, server_environment

SOURCE = os.environ["CDP_SOURCE"]
SCRATCH = os.environ["CDP_TMP"]


def add_line(path, after, line):
    """Puts a line behind the one that begins with after; the list's own lines stay as they are."""
    with open(path, encoding="utf-8") as f:
        lines = f.read().split("\n")
    place = max(i for i, text in enumerate(lines) if text.strip().startswith(after))
    lines.insert(place + 1, line)
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(lines))


def add_part():
    """The folder of a source tree with the part."""
    tree = os.path.join(SCRATCH, "tree")
    shutil.copytree(SOURCE, tree, symlinks=True, ignore=shutil.ignore_patterns(".git", "results", "bench"))
    part = os.path.join(SOURCE, "test/parts/visits")
    os.makedirs(os.path.join(tree, "src/visits"))
    os.makedirs(os.path.join(tree, "sql/visits"))
    shutil.copy(os.path.join(part, "visits.c"), os.path.join(tree, "src/visits"))
    shutil.copy(os.path.join(part, "visits.sql"), os.path.join(tree, "sql/visits"))
    add_line(os.path.join(tree, "src/parts.c"), "PART(segments)", "\tPART(visits) \\")
    add_line(os.path.join(tree, "sql/manifest"), "sql/", "sql/visits/visits.sql")
    return tree


def refused(statement):
    """The SQLSTATE with which a statement fails; None: it does not."""
    try:
        sql(statement)
    except SqlError as error:
        return error.sqlstate
    return None


def visits_of(identifier):
    return value("SELECT p.visits FROM w.profiles p WHERE p.profile_id = cdp.profile_of('w', '%s')" % identifier)


def insert(*events):
    sql("INSERT INTO w.events (event, identifiers, occurred_at) VALUES "
        + ", ".join("('%s', '{%s}', '%s')" % event for event in events))


def creation(tap):
    sql("CREATE EXTENSION cdp; SELECT cdp.create_workspace('w')")
    tap.equal(rows("""SELECT attname, atttypid::regtype, attnotnull FROM pg_attribute
                      WHERE attrelid = 'w.profiles'::regclass AND attnum > 8 AND NOT attisdropped ORDER BY attnum"""),
              [["traits", "cdp.traits", "t"], ["ltv", "cdp.ltv", "t"], ["computed", "cdp.computed", "t"],
               ["visits", "bigint", "t"], ["segments", "cdp.segment_set", "t"], ["scores", "jsonb", "f"]],
              "the value is a column of profiles, behind those of the parts before it")
    tap.equal(value("SELECT count(*) FROM pg_attribute WHERE attrelid = 'w.opening_balances'::regclass "
                    "AND attname = 'visits'"), "1", "... and of opening balances")
    tap.equal(rows("SELECT part, kind, define FROM cdp.part_tables() WHERE tab = 'visit_kinds'"),
              [["visits", "definition", "define_visits"]], "the table is one of the workspace's definitions")


def guards(tap):
    tap.equal(refused("UPDATE w.profiles SET visits = 7"), "55000", "the value is guarded")
    tap.equal(refused("TRUNCATE w.visit_kinds"), "55000", "definitions are not truncated")
    tap.equal(refused("DELETE FROM w.opening_balances"), "55000", "opening balances are guarded")


def folding(tap):
    insert(("Visit", "user_id:1", "2024-01-01"), ("Order", "user_id:1", "2024-01-02"))
    tap.equal(visits_of("user_id:1"), "0", "no event counts before it is defined")
    sql("INSERT INTO w.visit_kinds VALUES ('Visit')")
    tap.equal(visits_of("user_id:1"), "1", "a definition counts past events")
    sql("INSERT INTO w.segments (name, predicate) VALUES ('regular', 'visits >= 3')")
    insert(("Visit", "user_id:1", "2024-01-03"), ("Visit", "cookie:a", "2024-01-03"))
    tap.equal([visits_of("user_id:1"), visits_of("cookie:a")], ["2", "1"], "events are folded")
    insert(("Order", "user_id:1,cookie:a", "2024-01-04"))
    tap.equal(visits_of("cookie:a"), "3", "a merge adds both up")
    tap.equal(value("SELECT segments::text FROM w.profiles").split("@")[0].strip('"{}'), "regular",
              "a segment reads the value and follows it")
    tap.equal(rows("SELECT * FROM cdp.check('w')"), [], "nothing to complain of")


def splitting(tap):
    insert(("Visit", "email:x@example.com", "2024-02-01"), ("Visit", "email:x@example.com", "2024-02-02"))
    sql("SELECT cdp.link('w', 'email:x@example.com', 'user_id:1')")
    tap.equal(visits_of("user_id:1"), "5", "a link adds both up")
    sql("SELECT cdp.unlink('w', 'email:x@example.com', 'user_id:1')")
    tap.equal([visits_of("user_id:1"), visits_of("email:x@example.com")], ["3", "2"],
              "a split counts each one's events again")
    tap.equal(rows("SELECT * FROM cdp.check('w')"), [], "nothing to complain of")


def balances(tap):
    sql("""SET session_replication_role = replica;
           INSERT INTO w.opening_balances
               SELECT 'user_id:1', '2023-01-01', '2023-01-01', 40, '{}', ltv, computed, 40
               FROM w.profiles WHERE profile_id = cdp.profile_of('w', 'user_id:1')""")
    sql("SELECT cdp.rebuild('w')")
    tap.equal(visits_of("user_id:1"), "43", "a rebuild adds what expired events had added")
    sql("SELECT cdp.separate('w', 'user_id:1', 'cookie:a')")
    tap.equal([visits_of("user_id:1"), visits_of("cookie:a")], ["42", "1"], "so does a split")
    tap.equal(rows("SELECT kind FROM cdp.check('w') WHERE kind = 'visits'"), [], "the judge agrees")


def balance_alone(tap):
    """Of one of two people that are split only an opening balance is left: of the older one, and of the younger one."""
    for gone, other in (("device:1", "device:2"), ("device:4", "device:3")):
        first, second = sorted((gone, other))
        insert(("Visit", first, "2024-05-01"))
        insert(("Visit", second, "2024-05-01"))
        sql("SELECT cdp.link('w', '%s', '%s')" % (gone, other))
        sql("""SET session_replication_role = replica;
               DELETE FROM w.events WHERE anchor = '%s';
               INSERT INTO w.opening_balances
                   SELECT '%s', '2024-05-01', '2024-05-01', 1, '{}', cdp.empty_ltv('w'), cdp.empty_computed('w'), 1"""
            % (gone, gone))
        sql("SELECT cdp.unlink('w', '%s', '%s')" % (gone, other))
        tap.equal([visits_of(gone), visits_of(other)], ["1", "1"], "a balance alone is a value")
    tap.equal(rows("SELECT * FROM cdp.check('w') WHERE kind = 'visits'"), [], "the judge agrees")


def judging(tap):
    sql("""SET session_replication_role = replica;
           UPDATE w.profiles SET visits = 9 WHERE profile_id = cdp.profile_of('w', 'cookie:a')""")
    tap.equal(rows("SELECT kind, stored, expected FROM cdp.check('w') WHERE kind = 'visits'"),
              [["visits", "9", "1"]], "the judge sees a value that is wrong")
    tap.equal(rows("SELECT item, value FROM cdp.status('w') WHERE topic = 'visits'"), [["in all", "57"]],
              "status has the part's figure")
    sql("SELECT cdp.rebuild('w')")
    tap.equal(visits_of("cookie:a"), "1", "a rebuild mends it")


def random_streams(tap):
    """The order and the batches of events do not matter."""
    seed = random.Random(7)
    events = [(seed.choice(["Visit", "Order", "Other"]),
               ",".join(sorted({"cookie:%d" % seed.randrange(40), seed.choice(["user_id:%d" % seed.randrange(60), "cookie:1"])})),
               "2024-03-%02d %02d:%02d" % (seed.randrange(1, 28), seed.randrange(24), seed.randrange(60)))
              for _ in range(400)]
    states = []
    for order in (events, sorted(events, key=lambda _: seed.random())):
        sql("SELECT cdp.create_workspace('r'); INSERT INTO r.visit_kinds VALUES ('Visit'), ('Other')")
        for start in range(0, len(order), 37):
            sql("INSERT INTO r.events (event, identifiers, occurred_at, event_id) VALUES " + ", ".join(
                "('%s', '{%s}', '%s', cdp.event_id('%d'))" % (event + (events.index(event),))
                for event in order[start:start + 37]))
        tap.equal(rows("SELECT * FROM cdp.check('r')"), [], "a random stream: nothing to complain of")
        states.append(rows("SELECT min(i.identifier)::text, min(p.visits) FROM r.profiles p "
                           "JOIN r.identifiers i USING (profile_id) GROUP BY p.profile_id ORDER BY 1"))
        sql("SELECT cdp.drop_workspace('r')")
    tap.equal(states[0], states[1], "in another order the same counts")


def parting(tap):
    sql("SELECT cdp.create_workspace('gone'); SELECT cdp.drop_workspace('gone')")
    tap.equal(value("SELECT count(*) FROM pg_namespace WHERE nspname = 'gone'"), "0", "a workspace is dropped with it")
    sql("SELECT cdp.detach('w')")
    tap.equal(value("SELECT count(*) FROM w.visit_kinds"), "1", "a detached workspace keeps its table")
    sql("DROP EXTENSION cdp")


def main():
    tap = Tap()
    tree = add_part()
    subprocess.run([os.path.join(tree, "test/cluster"), "stage", SCRATCH], env=server_environment(), check=True)
    with Cluster("cdp-part", stage=os.path.join(SCRATCH, "stage")) as cluster:
        os.environ.update(cluster.env)
        for step in (creation, guards, folding, splitting, balances, balance_alone, judging, random_streams, parting):
            step(tap)
    tap.done()


main()
