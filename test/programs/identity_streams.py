#!/usr/bin/env python3
"""
Identity is what the definition says, whatever the order. A few cases by hand; then random streams with limits, blocked, generic,
invalid and late values, repeats and ties, kinds that cannot anchor or merge. Each is sent in one statement,
and shuffled, in batches, by one to four sessions at once; and in parts, with decisions (link, unlink,
separate, unseparate), changed rules, dry runs and rebuilds between and beside them, which are all taken
back in the end. The state equals each time that of a brute-force oracle (test/lib/identity_oracle.py), and
cdp.check finds nothing.
timeout: 170
weight: 20

    identity_streams.py [SEEDS [FIRST [VARIANTS]]]     random streams (3; make test-long has 100), first seed (1), shuffles of each (2)
"""

import json
import os
import random
import subprocess
import sys
import uuid
from dataclasses import replace
from decimal import Decimal

from cdptest import Tap, patience, rows, sql, value
from identity_oracle import (Blocked, Decision, Event, Namespace, Rules, canonical, link_is_refused,
                             separate_is_refused, solve)
from identity_state import SETTINGS, STATE, differences, expected, read_decisions, stored, too_few_companions

SEEDS = int(sys.argv[1]) if len(sys.argv) > 1 else 3
FIRST = int(sys.argv[2]) if len(sys.argv) > 2 else 1
VARIANTS = int(sys.argv[3]) if len(sys.argv) > 3 else 2
COLUMNS = "event_id, occurred_at, received_at, event, identifiers, amount, currency, traits"
KINDS = ["user_id", "email", "phone", "card", "loyalty", "session", "device", "cookie"]


def quote(something):
    return "NULL" if something is None else "'" + str(something).replace("'", "''") + "'"


# Random rules, events and decisions.

def random_namespace(rng, kind):
    """Rules of a kind, most of them with small limits, so that much is refused."""
    limits = {"user_id": [1, 1, 1, 2, None], "email": [1, 2, 3, None], "phone": [1, 2, None], "card": [1, 1, 2],
              "loyalty": [1, 2, None], "session": [None, 2], "device": [None, 3], "cookie": [None, None, 3], "*": [None, 2]}
    priorities = {"user_id": 10, "email": 20, "phone": 30, "card": 15, "loyalty": 40, "session": rng.choice([5, 95]),
                  "device": 80, "cookie": 90, "*": 50}
    return Namespace(
        priority=priorities[kind] if rng.random() < 0.8 else rng.choice([1, 20, 50, 99]),
        max_per_profile=rng.choice(limits[kind]),
        can_anchor=rng.random() > (0.7 if kind == "session" else 0.05),
        can_merge=rng.random() > (0.7 if kind == "loyalty" else 0.08),
        pattern=rng.choice([None] * 7 + ["^[a-z]?[0-9.]"]) if kind not in ("email", "phone") else None,
        generic_after=rng.choice([None, 2, 3, 4, 10] if kind in ("device", "cookie", "session", "*") else [None, None, 3, 10]))


def random_blocked(rng):
    possible = [Blocked("*", "value", "NULL"), Blocked("cookie", "value", "3"), Blocked("email", "pattern", "^JUNK|9@"),
                Blocked("device", "repeated", "4"), Blocked("*", "pattern", "^zz"), Blocked("phone", "pattern", "3$"),
                Blocked("user_id", "value", "u2", enabled=rng.random() < 0.5), Blocked("card", "value", "1", enabled=False),
                Blocked("phone", "repeated", "6")]
    return rng.sample(possible, rng.choice([0, 2, 4, len(possible)]))


def random_rules(rng):
    """{namespace: Namespace}, [Blocked], how many identifiers of an event count; some kinds have no row of their
    own, now and then not even '*'."""
    return ({kind: random_namespace(rng, kind) for kind in KINDS + ["*"] if rng.random() > 0.12}, random_blocked(rng),
            random_max_identifiers(rng))


def random_max_identifiers(rng):
    return rng.choice([1000, 1000, 4, 3, 2, 1])


def pool_of(rng, person, people):
    """What a person may be seen with, some of it shared with others."""
    return ["user_id:u%d" % person, "email:m%d@example.com" % person, "email:M%d.b@Example.com" % (person // 2),
            "phone:+8498155%04d" % person, "phone:+8498155%04d" % (1000 + person // 2), "card:%d" % person,
            "card:c%d" % (person // 3), "loyalty:%d" % (person // 2), "session:s%d" % rng.randrange(people * 2),
            "device:%d" % rng.randrange(people), "cookie:%d" % (person * 2 + rng.randrange(3)),
            "cookie:%d" % rng.randrange(people * 2), "cookie:till", "device:kiosk%d" % (person % 2)]


JUNK = ["email:not an address", "cookie:null", "card:Null", "device:aaaa", "email:junk@example.com", "phone:12",
        "other:zzz", "other:1", "phone:+84981550003"]


def random_events(rng):
    """A stream: few people, days and values, so that there are many conflicts and ties."""
    people = rng.choice([4, 8, 20])
    days = rng.choice([1, 3, 20])
    confusion = rng.choice([0.05, 0.2, 0.5])
    events = []
    for number in range(rng.choice([25, 50, 100])):
        person = rng.randrange(people)
        identifiers = []
        for _ in range(rng.choice([0, 1, 1, 2, 2, 2, 3, 3, 4])):
            owner = rng.randrange(people) if rng.random() < confusion else person
            identifiers.append(rng.choice(JUNK if rng.random() < 0.08 else pool_of(rng, owner, people)))
        occurred = "2024-01-%02d %02d:00:00+00" % (1 + rng.randrange(days), rng.choice([0, 9, 9, 23]))
        if rng.random() < 0.03:
            occurred = "1970-01-%02d 00:00:00+00" % (1 + rng.randrange(days))
        received = "2024-01-%02d %02d:00:00+00" % (1 + rng.randrange(28), rng.choice([0, 12]))
        amount = rng.choice([None, None, rng.randrange(-500, 5000)])
        events.append(Event(
            str(uuid.UUID(int=rng.getrandbits(128))), occurred, received, tuple(identifiers),
            None if amount is None else Decimal(amount) / 1000, rng.choice(["USD", "VND"]),
            rng.choice([None, {"plan": rng.choice(["a", "b", None])}, {"k": str(number), "plan": "c%d" % rng.randrange(3)}])))
    return events


# SQL of them.

def event_row(event):
    return "(%s, %s, %s, 'e', %s, %s, %s, %s)" % (
        quote(event.event_id), quote(event.occurred_at), quote(event.received_at),
        quote("{%s}" % ",".join('"%s"' % i for i in event.identifiers)),
        "NULL" if event.amount is None else event.amount, quote(event.currency),
        quote(None if event.traits is None else json.dumps(event.traits)))


def insert(workspace, events):
    return "INSERT INTO %s.events (%s) VALUES\n%s;\n" % (workspace, COLUMNS, ",\n".join(map(event_row, events)))


def rules_sql(workspace, before, after):
    """Statements that turn the rows of one set of rules into those of another."""
    text = ""
    for kind in sorted(before[0].keys() | after[0].keys()):
        old, new = before[0].get(kind), after[0].get(kind)
        if old is not None and new is None:
            text += "DELETE FROM %s.identifier_namespaces WHERE namespace = %s;\n" % (workspace, quote(kind))
        elif old != new:
            columns = ("priority", "max_per_profile", "can_anchor", "can_merge", "pattern", "generic_after")
            values = [quote(getattr(new, column)) for column in columns]
            if old is None:
                text += "INSERT INTO %s.identifier_namespaces (namespace, %s) VALUES (%s, %s);\n" % (
                    workspace, ", ".join(columns), quote(kind), ", ".join(values))
            else:
                text += "UPDATE %s.identifier_namespaces SET %s WHERE namespace = %s;\n" % (
                    workspace, ", ".join("%s = %s" % (column, new_value) for column, new_value in zip(columns, values)
                                         if new_value != quote(getattr(old, column))), quote(kind))
    for row in before[1]:
        if row not in after[1]:
            text += "DELETE FROM %s.blocked_identifiers WHERE (namespace, kind, value) = (%s, %s, %s);\n" % (
                workspace, quote(row.namespace), quote(row.kind), quote(row.value))
    if before[2] != after[2]:
        text += "UPDATE %s.settings SET max_identifiers = %d;\n" % (workspace, after[2])
    for row in after[1]:
        if row not in before[1]:
            text += "INSERT INTO %s.blocked_identifiers (namespace, kind, value, enabled) VALUES (%s, %s, %s, %s);\n" % (
                workspace, quote(row.namespace), quote(row.kind), quote(row.value), row.enabled)
    return text


def create_workspace(workspace, rules):
    """SQL of a workspace with these rules and no others."""
    return SETTINGS + """
        SELECT cdp.create_workspace('{w}');
        DELETE FROM {w}.identifier_namespaces;
        DELETE FROM {w}.blocked_identifiers;
        """.format(w=workspace) + rules_sql(workspace, ({}, [], 1000), rules)


def statements(rng, workspace, events):
    """The events shuffled, some of them twice, cut into statements."""
    events = events + rng.sample(events, len(events) // 5)
    rng.shuffle(events)
    largest = rng.choice([1, 5, 50, len(events)])
    while events:
        size = rng.randint(1, largest)
        yield insert(workspace, events[:size])
        events = events[size:]


def load(rng, workspace, events, meanwhile=None):
    """Sends them by so many sessions at once, beside another session's script whose errors are its own;
    returns what is said of it, and the errors."""
    sessions = rng.choice([1, 2, 3, 4])
    batches = [rng.choice([1, 3, 1000]) for _ in range(sessions)]
    scripts = [["SET cdp.batch_events = %d; SET statement_timeout = '%ds';\n" % (batch, patience(20))] for batch in batches]
    for statement in statements(rng, workspace, events):
        rng.choice(scripts).append(statement)
    scripts += [[SETTINGS, meanwhile]] if meanwhile else []
    running = []
    for number, script in enumerate(scripts):
        path = os.path.join(os.environ["CDP_TMP"], "script%d.sql" % number)
        with open(path, "w", encoding="utf-8") as f:
            f.writelines(script)
        running.append(subprocess.Popen(
            ["psql", "-X", "-q", "-v", "VERBOSITY=verbose", "-v", "ON_ERROR_STOP=%d" % (number < sessions), "-f", path],
            text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE))
    errors = [process.communicate()[1] for process in running]
    if meanwhile:
        errors[-1] = "".join(line + "\n" for line in errors[-1].splitlines() if "ERROR:" in line and bad(line.split("ERROR:")[1].strip()[:5]))
    return "%d sessions, batches of %s" % (sessions, batches), "".join(errors)


def bad(sqlstate):
    """Whether no statement should ever give it: an internal error, a deadlock, a constraint of the engine's tables."""
    return sqlstate[:2] in ("XX", "23", "40", "42", "53", "54", "57", "58")


class Story:
    """A workspace that is built in parts, with decisions and changed rules in between. What a step should
    give is known when it is made; it is compared when its script has run."""

    def __init__(self, tap, rng, workspace, label, rules):
        self.tap = tap
        self.rng = rng
        self.workspace = workspace
        self.label = label
        self.rules = rules
        self.events = []
        self.decisions = []
        self.failures = []
        self.compared = 0

    def solve(self, rules=None, decisions=None):
        rules = Rules(*(rules or self.rules))
        return solve(self.events, rules, self.decisions if decisions is None else decisions), rules

    def compare(self, what, got, rules=None):
        state, of = self.solve(rules)
        found = differences(got, expected(state, self.decisions), state) + too_few_companions(got, state, of)
        self.compared += 1
        if found:
            self.failures.append("after %s:\n%s" % (what, "\n".join(found)))

    def report(self, what):
        self.tap.ok(not self.failures, "%s: %s, %d states as the oracle has them" % (self.label, what, self.compared),
                    "\n".join(self.failures[:4]))
        self.failures = []
        self.compared = 0

    def usable(self, rules=None):
        state, of = self.solve(rules)
        return lambda i: of.valid(i) is not None and not of.blocks(i) and i not in state.generic

    def load(self, events, meanwhile=None):
        what, errors = load(self.rng, self.workspace, events, meanwhile)
        self.events += [event for event in events if event not in self.events]
        if errors:
            self.failures.append("errors of %s: %s" % (what, errors))
        if meanwhile:
            self.decisions = read_decisions(self.workspace)
        self.compare("%s%s" % (what, ", beside\n" + meanwhile if meanwhile else ""), stored(self.workspace))

    # Decisions.

    def some_identifier(self):
        """One that was seen, mostly; as somebody might write it."""
        seen = [i for event in self.events for i in event.identifiers]
        found = self.rng.choice(seen) if seen and self.rng.random() < 0.9 else self.rng.choice(
            JUNK + ["user_id:new%d" % self.rng.randrange(3), "cookie:new", "email:new@example.com"])
        return found.upper().replace("EMAIL:", "email:") if found.startswith("email:") and self.rng.random() < 0.2 else found

    def random_decision(self):
        """A call: (function, a, b); more often than not about what was decided before."""
        kind = self.rng.choice(["link", "link", "separate", "separate", "unlink", "unseparate"])
        same = [d for d in self.decisions if d.kind == kind.removeprefix("un")]
        if kind.startswith("un") and same and self.rng.random() < 0.9:
            chosen = self.rng.choice(same)
            ends = [chosen.a, chosen.b]
            self.rng.shuffle(ends)
            return kind, ends[0], ends[1]
        state = self.solve()[0]
        together = [c for c in state.components if len(c) > 1]
        if kind == "separate" and together and self.rng.random() < 0.7:
            a, b = self.rng.sample(sorted(self.rng.choice(sorted(together, key=sorted))), 2)
            return kind, a, b
        while True:
            a, b = self.some_identifier(), self.some_identifier()
            if canonical(a) != canonical(b) or canonical(a) is None:
                return kind, a, b

    def call(self, function, a, b):
        return "SELECT 'result|' || coalesce(cdp.%s('%s', %s, %s)::text, '-');\n" % (function, self.workspace, quote(a), quote(b))

    def decide(self, function, a, b):
        """Calls it, and looks at what it returns and at the state."""
        output = self.run(self.call(function, a, b) + "\\echo error|:SQLSTATE\n" +
                          "SELECT 'profiles|' || string_agg(coalesce(cdp.profile_of('%s', i)::text, '-'), ' ' ORDER BY n)"
                          " FROM unnest(ARRAY[%s, %s]) WITH ORDINALITY u(i, n);\n" % (self.workspace, quote(a), quote(b)))
        result = output["result"][0] if output["result"] else None
        sqlstate = output["error"][0]
        what = "%s(%s, %s)" % (function, a, b)
        before, _ = self.solve()
        usable = self.usable()
        a, b = canonical(a), canonical(b)
        if a is None or b is None:
            refused = True
        elif function.startswith("un"):
            refused = False
        else:
            refused = (link_is_refused if function == "link" else separate_is_refused)(self.decisions, usable, a, b)
            known = [i for i in (a, b) if i in before.identifiers and before.identifiers[i].component]
            if not refused and (not (usable(a) and usable(b)) or not known):
                refused = None      # whom it does not know, it may refuse
        failed = sqlstate != "00000"
        if failed != bool(refused) and refused is not None or failed and bad(sqlstate):
            self.failures.append("%s: %s, should %s be an error; decisions %s" % (what, sqlstate, "" if refused else "not", self.decisions))
        if not failed:
            self.decided(function, a, b, what, result, output["profiles"], before)
        self.compare(what, output["state"])

    def decided(self, function, a, b, what, result, profiles, before):
        same = [d for d in self.decisions if {d.a, d.b} == {a, b} and d.kind == function.removeprefix("un")]
        if function.startswith("un"):
            self.decisions = [d for d in self.decisions if d not in same]
            good = result == ("true" if same else "false")
        else:
            self.decisions = self.decisions + ([] if same else [Decision(a, b, function)])
            after = self.solve()[0]
            if function == "link":
                good = a not in after.component_of or b not in after.component_of or profiles == [" ".join([result] * 2)]
            else:
                good = self.good_separation(json.loads(result), a, b, before, after)
        if not good:
            self.failures.append("%s returned %s, profiles %s" % (what, result, profiles))

    @staticmethod
    def good_separation(result, a, b, before, after):
        """What went where: whole profiles, those of both among them if they have any; and a path where they
        had been one."""
        listed = [frozenset(part["identifiers"]) for part in result["profiles"] if part["profile_id"] is not None]
        nobodys = {i for part in result["profiles"] if part["profile_id"] is None for i in part["identifiers"]}
        wanted = {after.component_of[i] for i in (a, b) if after.component_of.get(i) in after.profiles}
        one = before.component_of.get(a) in before.profiles and before.component_of[a] == before.component_of.get(b)
        return (len(set(listed)) == len(listed) and wanted <= set(listed) <= after.profiles.keys()
                and all(after.identifiers[i].component is None for i in nobodys) and bool(result["path"]) == one)

    # Rules.

    def changed_rules(self):
        namespaces, blocked, max_identifiers = dict(self.rules[0]), list(self.rules[1]), self.rules[2]
        for _ in range(self.rng.choice([1, 1, 2])):
            kind = self.rng.choice(KINDS + ["*"])
            new = random_namespace(self.rng, kind)
            column = self.rng.choice(["max_per_profile", "max_per_profile", "generic_after", "generic_after", "priority",
                                      "can_anchor", "can_merge", "pattern", "blocked", "blocked", "row", "settings"])
            if column == "blocked":
                blocked = random_blocked(self.rng)
            elif column == "settings":
                max_identifiers = random_max_identifiers(self.rng)
            elif column == "row" and kind in namespaces:
                del namespaces[kind]
            elif column == "row" or kind not in namespaces:
                namespaces[kind] = new
            else:
                turned = not getattr(namespaces[kind], column) if column.startswith("can_") else getattr(new, column)
                namespaces[kind] = replace(namespaces[kind], **{column: turned})
        return namespaces, blocked, max_identifiers

    def change_rules(self, rules):
        change = rules_sql(self.workspace, self.rules, rules)
        output = self.run(change + "\\echo error|:SQLSTATE\n")
        if output["error"] != ["00000"]:
            self.failures.append("%s gave %s" % (change, output["error"]))
        self.rules = rules
        self.compare(change, output["state"])

    def dry_run(self):
        """A change of rules that is rolled back."""
        rules = self.changed_rules()
        change = rules_sql(self.workspace, self.rules, rules)
        output = self.run("BEGIN;\n" + change + "\\echo error|:SQLSTATE\n\\echo during|\n" + STATE.format(w=self.workspace)
                          + ";\nROLLBACK;\n")
        if output["error"] != ["00000"]:
            self.failures.append("%s gave %s" % (change, output["error"]))
        self.compare("BEGIN; " + change, output["during"], rules)
        self.compare("ROLLBACK of " + change, output["state"])

    # Running it.

    def run(self, script):
        """Runs it in a session of its own, and looks at the state: {word: [rest of its line]}; the state's
        lines under "state"."""
        done = subprocess.run(
            ["psql", "-X", "-q", "-A", "-t", "-v", "VERBOSITY=verbose", "-f", "-"], capture_output=True, text=True,
            input=SETTINGS + script + "\\echo state|\n" + STATE.format(w=self.workspace) + ";\n")
        output = {"result": [], "error": [], "profiles": [], "during": [], "state": []}
        place = None
        for line in done.stdout.splitlines():
            word, _, rest = line.partition("|")
            if word in ("during", "state"):
                place = word
            elif word in output:
                output[word].append(rest)
            elif place:
                output[place].append(line)
        if done.returncode != 0 or "FATAL" in done.stderr or "PANIC" in done.stderr:
            self.failures.append("%s\n%s" % (script, done.stderr))
        return output

    def act(self):
        """Something at random, other than events."""
        kind = self.rng.choice(["decide"] * 5 + ["rules"] * 3 + ["dry run"] + ["rebuild"])
        if kind == "decide":
            self.decide(*self.random_decision())
        elif kind == "rules":
            self.change_rules(self.changed_rules())
        elif kind == "dry run":
            self.dry_run()
        else:
            self.compare("rebuild", self.run("SELECT cdp.rebuild('%s');\n" % self.workspace)["state"])

    def beside(self):
        """Decisions and changes of limits for a session beside the load: rules come back to what they were."""
        script = ""
        for _ in range(self.rng.choice([2, 4])):
            script += self.call(*self.random_decision())
            if self.rng.random() < 0.4:
                rules = self.changed_rules()
                script += rules_sql(self.workspace, self.rules, rules) + rules_sql(self.workspace, rules, self.rules)
        return script

    def check(self, what):
        self.tap.equal(rows("SELECT * FROM cdp.check('%s')" % self.workspace), [], "%s: cdp.check finds nothing %s" % (self.label, what))


def shuffled(tap, rng, label, rules, events):
    """Any order, batching and number of sessions."""
    sql(create_workspace("w", rules))
    story = Story(tap, rng, "w", label, rules)
    story.load(events)
    story.report("shuffled")
    story.check("after that")
    if rng.random() < 0.3:
        story.compare("rebuild", story.run("SELECT cdp.rebuild('w');\n")["state"])
        story.report("rebuilt")
    sql("SELECT cdp.drop_workspace('w')")


def eventful(tap, rng, label, rules, events):
    """Events in parts; what is decided and changed in between is taken back in the end."""
    sql(create_workspace("w", rules))
    story = Story(tap, rng, "w", label, rules)
    rest = list(events)
    rng.shuffle(rest)
    parts = rng.choice([2, 3])
    size = len(rest) // parts + 1
    for number in range(parts):
        sent = rng.sample(story.events, min(len(story.events), 4))
        story.load(rest[number * size:(number + 1) * size] + sent, story.beside() if number and rng.random() < 0.5 else None)
        for _ in range(rng.choice([1, 3, 5])):
            story.act()
    story.report("decisions and changes between events")
    story.check("then")
    one_statement(tap, rng, label, story)
    for d in list(story.decisions):
        story.decide("un" + d.kind, d.b, d.a)
    story.change_rules(rules)
    tap.equal(story.decisions, [], "%s: nothing is decided any more" % label)
    story.report("all of it taken back")
    story.check("in the end")
    sql("SELECT cdp.drop_workspace('w')")


def one_statement(tap, rng, label, told):
    """The same decisions and rules, and all events in one statement, or in two around the decisions: one whom
    nobody has seen may be refused before."""
    story = Story(tap, rng, "one", label, told.rules)
    story.decisions = told.decisions
    story.events = told.events
    usable = story.usable()
    seen = solve(told.events, Rules(*told.rules), []).component_of
    if not told.events or not all(usable(end) and end in seen for d in told.decisions for end in (d.a, d.b)):
        return
    sql(create_workspace("one", told.rules))
    calls = "".join(story.call(d.kind, d.a, d.b) for d in told.decisions)
    first = rng.randrange(len(told.events))
    story.run((insert("one", told.events[:first]) + calls if first else "") + insert("one", told.events[first:]) + calls)
    story.compare("one statement after %d events, decisions %s" % (first, told.decisions), stored("one"))
    story.report("one statement")
    story.check("of one statement")
    sql("SELECT cdp.drop_workspace('one')")


# By hand, that the oracle is right: (what, events as (day, identifiers), rules that differ from DEFAULTS,
# decisions, components of more than one, refusals as (identifier, anchor, reason, day)).

DEFAULTS = {"user_id": Namespace(10, 1, generic_after=None), "email": Namespace(20, 5), "phone": Namespace(30, 5),
            "*": Namespace(50), "device": Namespace(80), "cookie": Namespace(90)}
MAX_IDENTIFIERS = "max_identifiers"      # among the rules: the setting
A, B, C, D = ("email:%s@example.com" % letter for letter in "abcd")

BY_HAND = [
    ("the first user takes the cookie", [(1, "user_id:1 cookie:a"), (2, "cookie:a user_id:2")], {}, [],
     ["user_id:1 cookie:a"], [("cookie:a", "user_id:2", "limit", 2)]),
    ("and that is the earlier one, whoever comes first", [(2, "user_id:1 cookie:a"), (1, "cookie:a user_id:2")], {}, [],
     ["user_id:2 cookie:a"], [("cookie:a", "user_id:1", "limit", 2)]),
    ("of two at the same time the smaller id", [(1, "user_id:1 cookie:a"), (1, "user_id:2 cookie:a")], {}, [],
     ["user_id:1 cookie:a"], [("cookie:a", "user_id:2", "limit", 1)]),
    ("within an event the stronger first", [(1, "user_id:1 cookie:a phone:+84981553601 phone:+84981553602"), (2, "cookie:a " + A)],
     {"phone": Namespace(30, 1)}, [], ["user_id:1 cookie:a phone:+84981553601 " + A],
     [("phone:+84981553602", "user_id:1", "limit", 1)]),
    ("two components that would have too many", [(1, A + " cookie:a"), (2, B + " cookie:a"), (3, C + " cookie:b"), (4, "cookie:a cookie:b")],
     {"email": Namespace(20, 2)}, [], [A + " " + B + " cookie:a", C + " cookie:b"], [("cookie:b", "cookie:a", "limit", 4)]),
    ("a value seen with two e-mails is generic", [(1, A + " cookie:a"), (2, B + " cookie:a device:d"), (3, "cookie:a device:e")],
     {"cookie": Namespace(90, generic_after=2)}, [], [B + " device:d"],
     [("cookie:a", A, "generic", 1), ("cookie:a", B, "generic", 2), ("cookie:a", "device:e", "generic", 3)]),
    ("but not with two of a kind without a limit", [(1, "card:1 cookie:a"), (2, "card:2 cookie:a")],
     {"cookie": Namespace(90, generic_after=2)}, [], ["card:1 card:2 cookie:a"], []),
    ("nor with one of each of two kinds", [(1, A + " cookie:a"), (2, "phone:+84981553601 cookie:a")],
     {"cookie": Namespace(90, generic_after=2)}, [], [A + " phone:+84981553601 cookie:a"], []),
    ("a generic e-mail still counts against the cookie", [(1, "user_id:1 " + A), (2, "user_id:2 " + A), (3, A + " cookie:a"), (4, B + " cookie:a")],
     {"email": Namespace(20, 5, generic_after=2), "cookie": Namespace(90, generic_after=2)}, [], [],
     [(A, "user_id:1", "generic", 1), (A, "user_id:2", "generic", 2), (A, None, "generic", 3), ("cookie:a", None, "generic", 3),
      ("cookie:a", B, "generic", 4)]),
    ("what cannot merge attaches", [(1, "loyalty:1 cookie:a"), (2, "loyalty:1 cookie:b")], {"loyalty": Namespace(40, can_merge=False)}, [],
     ["loyalty:1 cookie:a cookie:b"], []),
    ("and does not join two that had profiles", [(1, A), (1, "cookie:b"), (2, A + " loyalty:1"), (3, "loyalty:1 cookie:b")],
     {"loyalty": Namespace(40, can_merge=False)}, [], [A + " loyalty:1"], [("cookie:b", "loyalty:1", "merge", 3)]),
    ("not even those of the same time", [(1, A), (2, "cookie:b"), (2, "loyalty:1 cookie:b " + A)],
     {"loyalty": Namespace(40, can_merge=False)}, [], [A + " loyalty:1 cookie:b"], []),
    ("what cannot anchor", [(1, "session:s cookie:a"), (2, "session:s cookie:b"), (3, "session:t")], {"session": Namespace(5, can_anchor=False)}, [],
     ["session:s cookie:a cookie:b"], []),
    ("separated ones meet in time order", [(1, A + " cookie:a"), (2, B + " cookie:b"), (3, "cookie:a cookie:b"), (4, A + " cookie:b")], {},
     [Decision(A, B, "separate")], [A + " cookie:a", B + " cookie:b"],
     [("cookie:b", "cookie:a", "separated", 3), ("cookie:b", A, "separated", 4)]),
    ("a link is stronger than a limit, and counts", [(1, "user_id:1 " + A), (2, "user_id:2 " + B), (3, "user_id:3 " + A)], {},
     [Decision("user_id:1", "user_id:2", "link")], ["user_id:1 user_id:2 " + A + " " + B], [(A, "user_id:3", "limit", 3)]),
    ("a link of what is blocked is none", [(1, "user_id:1 cookie:null"), (2, "user_id:2")], {},
     [Decision("cookie:null", "user_id:2", "link")], [], [("cookie:null", "user_id:1", "blocked", 1)]),
    ("a pattern", [(1, "user_id:1x " + A), (2, "user_id:12 " + A)], {"user_id": Namespace(10, 1, pattern="^[0-9]+$", generic_after=None)}, [],
     ["user_id:12 " + A], [("user_id:1x", A, "invalid", 1)]),
    ("the first identifiers count, and the anchor wherever it is", [(1, "cookie:a cookie:b cookie:a cookie:c user_id:1 cookie:null")],
     {MAX_IDENTIFIERS: 2}, [], ["user_id:1 cookie:a"],
     [("cookie:b", "user_id:1", "too many", 1), ("cookie:c", "user_id:1", "too many", 1), ("cookie:null", "user_id:1", "blocked", 1)]),
    ("what is beyond is seen with nobody", [(1, A + " cookie:a cookie:b"), (2, B + " cookie:c cookie:b"), (3, "cookie:b device:d")],
     {MAX_IDENTIFIERS: 2, "cookie": Namespace(90, generic_after=2)}, [], [A + " cookie:a", B + " cookie:c", "device:d cookie:b"],
     [("cookie:b", A, "too many", 1), ("cookie:b", B, "too many", 2)]),
    ("what occurred before 1995 counts when it was received", [(-1, "user_id:1 cookie:a"), (2, "cookie:a user_id:2")], {}, [],
     ["user_id:2 cookie:a"], [("cookie:a", "user_id:1", "limit", 9)]),
]


def by_hand(tap):
    """The oracle, and the engine, on cases whose answer was found by hand."""
    for what, seen, changed, decisions, together, refused in BY_HAND:
        day = "2024-01-%02d 00:00:00+00"
        events = [Event(str(uuid.UUID(int=number + 1)), day % when if when > 0 else "1970-01-01 00:00:00+00", "2024-01-09 00:00:00+00", tuple(identifiers.split()))
                  for number, (when, identifiers) in enumerate(seen)]
        rules = ({**DEFAULTS, **{kind: rule for kind, rule in changed.items() if kind != MAX_IDENTIFIERS}},
                 [Blocked("*", "value", "null")], changed.get(MAX_IDENTIFIERS, 1000))
        state = solve(events, Rules(*rules), decisions)
        tap.equal(({c for c in state.components if len(c) > 1}, {(r[0], r[1], r[2], r[3]) for r in state.refusals}),
                  ({frozenset(c.split()) for c in together}, {(i, a, reason, day % when) for i, a, reason, when in refused}),
                  "by hand: %s" % what)
        for shuffled_ones in (events, events[::-1]):
            sql(create_workspace("w", rules))
            story = Story(tap, random.Random(1), "w", "by hand", rules)
            story.events = events
            story.run("".join(insert("w", [event]) for event in shuffled_ones)
                      + "".join(story.call(d.kind, d.a, d.b) for d in decisions))
            story.decisions = read_decisions("w")
            story.compare(what, stored("w"))
            story.report(what)
            sql("SELECT cdp.drop_workspace('w')")


def main():
    tap = Tap()
    by_hand(tap)
    for seed in range(FIRST, FIRST + SEEDS):
        rng = random.Random(seed)
        rules = random_rules(rng)
        events = random_events(rng)
        state = solve(events, Rules(*rules), [])
        reasons = sorted({refusal[2] for refusal in state.refusals})
        label = "seed %d" % seed
        print("# %s: %d events, %d components, refused: %s" % (label, len(events), len(state.components), " ".join(reasons)))
        sql(create_workspace("w", rules) + insert("w", events))
        story = Story(tap, rng, "w", label, rules)
        story.events = events
        story.compare("one statement", stored("w"))
        story.report("one statement of %d events" % len(events))
        story.check("then")
        sql("SELECT cdp.drop_workspace('w')")
        for _ in range(VARIANTS):
            shuffled(tap, rng, label, rules, events)
        eventful(tap, rng, label, rules, events)
    tap.equal(value("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"), "0", "no deadlock")
    tap.done()


if __name__ == "__main__":
    main()
