#!/usr/bin/env python3
"""
Computed traits on cases whose values were found by hand: windows around changes of local time, days that begin at
one o'clock, begin twice or do not come, ties, failing events. They hold for the brute-force oracle
(test/lib/computed_oracle.py) and for the engine, whether a trait was defined before the events or after. What is
refused, with its SQLSTATE; estimates beyond max_distinct; what explain_segment shows.
"""

import json
import re
import uuid
from datetime import datetime

from cdptest import Tap, rows, sql
from computed_oracle import DROP, ONCE, SETTINGS, quote, setup, workspace

# By hand: (zone, traits, events as (person, occurred_at, received_at, amount, properties), the clock, and what is known:
# (person, trait, instant, value as JSON, or a time at which changes_at must be)). Amounts are powers of two, so that
# a sum tells which events are in the window.

SUMS = [("for_ever", "sum", "amount", None), ("day", "sum", "amount", 1), ("days2", "sum", "amount", 2), ("days3", "sum", "amount", 3),
        ("n", "count", None, 1)]
VALUES = [("n_all", "count", None, None), ("n_num", "count", "(properties->>'n')::numeric", None), ("sum", "sum", "(properties->>'n')::numeric", None),
          ("avg", "avg", "(properties->>'n')::numeric", None), ("min", "min", "properties->>'x'", None), ("max", "max", "properties->>'x'", None),
          ("first", "first", "properties->>'x'", None), ("last", "last", "properties->>'x'", None), ("often", "most_frequent", "properties->>'x'", None),
          ("often_n", "most_frequent", "(properties->>'n')::numeric", None), ("often_b", "most_frequent", "(properties->>'f')::boolean", None),
          ("list", "unique_list", "properties->>'x'", None), ("list_n", "unique_list", "(properties->>'n')::numeric", None),
          ("distinct", "unique_count", "(properties->>'n')::numeric", None), ("last_at", "last", "occurred_at", None),
          ("first_day", "first", "occurred_at::date", None), ("last_json", "last", "properties->'n'", None), ("max_at", "max", "occurred_at", None)]
HAND = [
    ("Europe/London", SUMS,
     [("a", "2024-03-30 23:59:59.999999+00", "2024-04-01 12:00+00", 1, None), ("a", "2024-03-31 00:00+00", "2024-04-01 12:00+00", 2, None),
      ("a", "2024-03-31 22:59:59.999999+00", "2024-04-01 12:00+00", 4, None), ("a", "2024-03-31 23:00+00", "2024-04-01 12:00+00", 8, None),
      ("b", "2024-05-10 10:00+00", "2024-05-11 00:00+00", 16, None), ("b", "2024-06-10 10:00+00", "2024-04-01 12:00+00", 32, None),
      ("c", "2024-04-01 13:00+00", "2024-04-01 12:00+00", None, None)],
     "2024-04-01 12:00+00",
     [("a", "day", "2024-04-01 12:00+00", "8"), ("a", "days2", "2024-04-01 12:00+00", "14"), ("a", "days3", "2024-04-01 12:00+00", "15"),
      ("a", "for_ever", "2024-04-01 12:00+00", "15"), ("a", "day", "2024-04-01 22:59:59.999999+00", "8"), ("a", "day", "2024-04-01 23:00+00", None),
      ("a", "days2", "2024-04-01 23:00+00", "8"), ("a", "days3", "2024-04-01 23:00+00", "14"), ("a", "days3", "2024-04-02 23:00+00", "8"),
      ("a", "days3", "2024-04-03 22:59:59.999999+00", "8"), ("a", "days3", "2024-04-03 23:00+00", None), ("a", "n", "2024-04-02 00:00+00", "0"),
      ("a", "day", "changes", "2024-04-01 23:00+00"), ("a", "for_ever", "changes", None), ("a", "n", "changes", "2024-04-01 23:00+00"),
      ("b", "for_ever", "2024-04-01 12:00+00", "48"), ("b", "day", "2024-04-01 12:00+00", "32"), ("b", "days2", "2024-05-09 22:59:59.999999+00", None),
      ("b", "days2", "2024-05-09 23:00+00", "16"), ("b", "days2", "2024-05-11 22:59:59.999999+00", "16"), ("b", "days2", "2024-05-11 23:00+00", None),
      ("c", "n", "2024-04-01 12:00+00", "1"), ("c", "day", "2024-04-01 12:00+00", None)]),
    ("Europe/London", VALUES,
     [("a", "2024-03-01 10:00+00", "2024-03-01 10:00+00", None, {"x": "b", "n": 1.0, "f": True}),
      ("a", "2024-03-01 10:00+00", "2024-03-01 10:00+00", None, {"x": "a", "n": "1.00", "f": False}),
      ("a", "2024-03-01 10:00+00", "2024-03-01 10:00+00", None, {"x": "B", "n": 2}),
      ("a", "2024-02-29 23:59:59.5+00", "2024-03-01 10:00+00", None, {"n": "two"}),
      ("b", "2024-03-01 10:00+00", "2024-03-01 10:00+00", None, None)],
     "2024-03-01 12:00+00",
     [("a", trait, "2024-03-01 12:00+00", value) for trait, value in (
         ("n_all", "4"), ("n_num", "3"), ("sum", "4"), ("avg", "1.3333333333333333"), ("min", '"B"'), ("max", '"b"'), ("first", '"b"'), ("last", '"B"'),
         ("often", '"B"'), ("often_n", "1"), ("often_b", "false"), ("list", '["B", "a", "b"]'), ("list_n", "[1, 2]"), ("distinct", "2"),
         ("last_at", '"2024-03-01T10:00:00Z"'), ("first_day", '"2024-02-29"'), ("last_json", "2"), ("max_at", '"2024-03-01T10:00:00Z"'))]
     + [("b", trait, "2024-03-01 12:00+00", value) for trait, value in (
         ("n_all", "1"), ("n_num", "0"), ("sum", None), ("avg", None), ("min", None), ("first", None), ("often", None), ("list", None), ("distinct", "0"))]),
    # The day begins at 01:00, as local time skips midnight.
    ("America/Sao_Paulo", SUMS, [("a", "2018-11-03 12:00+00", "2018-11-03 12:00+00", 1, None), ("a", "2018-11-04 02:59:59.999999+00", "2018-11-05 12:00+00", 2, None),
                                 ("a", "2018-11-04 03:00+00", "2018-11-05 12:00+00", 4, None)], "2018-11-03 12:00+00",
     [("a", "day", "2018-11-03 12:00+00", "3"), ("a", "day", "2018-11-04 02:59:59.999999+00", "3"), ("a", "day", "2018-11-04 03:00+00", "4"),
      ("a", "day", "changes", "2018-11-04 03:00+00"), ("a", "days2", "2018-11-05 01:59:59.999999+00", "7"), ("a", "days2", "2018-11-05 02:00+00", "4")]),
    # The hour before midnight comes twice.
    ("America/Sao_Paulo", SUMS, [("a", "2018-02-17 12:00+00", "2018-02-17 12:00+00", 1, None), ("a", "2018-02-18 02:30+00", "2018-02-18 12:00+00", 2, None)],
     "2018-02-17 12:00+00",
     [("a", "day", "2018-02-18 02:00+00", "3"), ("a", "day", "2018-02-18 02:59:59.999999+00", "3"), ("a", "day", "2018-02-18 03:00+00", None),
      ("a", "day", "changes", "2018-02-18 03:00+00")]),
    # Midnight comes twice.
    ("America/Havana", SUMS, [("a", "2024-11-02 12:00+00", "2024-11-02 12:00+00", 1, None), ("a", "2024-11-03 04:30+00", "2024-11-04 12:00+00", 2, None),
                              ("a", "2024-11-03 05:30+00", "2024-11-04 12:00+00", 4, None)], "2024-11-02 12:00+00",
     [("a", "day", "2024-11-03 03:59:59.999999+00", "1"), ("a", "day", "2024-11-03 04:00+00", "6"), ("a", "day", "2024-11-03 05:00+00", "6"),
      ("a", "day", "changes", "2024-11-03 04:00+00"), ("a", "days2", "2024-11-04 04:59:59.999999+00", "7"), ("a", "days2", "2024-11-04 05:00+00", "6")]),
    # A minute after midnight the clock goes back to the day before: the day begins twice.
    ("America/St_Johns", [("day", "sum", "amount", 1), ("newest", "last", "amount", 1), ("oldest", "first", "amount", 2)],
     [("a", "2010-11-06 15:00+00", "2010-11-06 15:00+00", 1, None), ("a", "2010-11-07 02:30:10+00", "2010-11-07 02:30:30+00", 2, None)],
     "2010-11-07 02:30:30+00",
     [("a", "day", "2010-11-07 02:30:59.999999+00", "2"), ("a", "day", "2010-11-07 02:31+00", "1"), ("a", "day", "2010-11-07 03:29:59.999999+00", "1"),
      ("a", "day", "2010-11-07 03:30+00", "2"), ("a", "newest", "2010-11-07 02:30:30+00", "2"), ("a", "newest", "2010-11-07 02:31+00", "1"),
      ("a", "newest", "2010-11-07 03:30+00", "2"), ("a", "oldest", "2010-11-08 03:29:59.999999+00", "1"), ("a", "oldest", "2010-11-08 03:30+00", "2"),
      ("a", "day", "changes", "2010-11-07 02:31+00"), ("a", "newest", "changes", "2010-11-07 02:31+00")]),
    # The 30th of December does not come.
    ("Pacific/Apia", SUMS, [("a", "2011-12-29 20:00+00", "2011-12-29 20:00+00", 1, None), ("a", "2011-12-30 10:00+00", "2011-12-31 12:00+00", 2, None)],
     "2011-12-29 20:00+00",
     [("a", "day", "2011-12-30 09:59:59.999999+00", "1"), ("a", "day", "2011-12-30 10:00+00", "2"), ("a", "days2", "2011-12-30 10:00+00", "2"),
      ("a", "days3", "2011-12-30 10:00+00", "3"), ("a", "days3", "2011-12-31 09:59:59.999999+00", "3"), ("a", "days3", "2011-12-31 10:00+00", "2"),
      ("a", "day", "changes", "2011-12-30 10:00+00")]),
]


def by_hand(tap):
    """The oracle, and the engine, on cases whose answer was found by hand; defined before the events and after."""
    for number, (zone, traits, events, clock, known) in enumerate(HAND):
        definitions = "INSERT INTO w.computed_traits (name, kind, expression, window_days) VALUES %s;\n" % ", ".join(
            "(%s, %s, %s, %s)" % tuple(map(quote, t)) for t in traits)
        types = "INSERT INTO oracle.types VALUES %s;\n" % ", ".join("('%s', '%s')" % (t[0], type_of(t[2])) for t in traits)
        insert = "INSERT INTO w.events (event_id, event, identifiers, occurred_at, received_at, currency, amount, properties) VALUES %s;\n" % ", ".join(
            "('%s', 'e', '{user_id:%s}', '%s', '%s', 'USD', %s, %s)" % (uuid.UUID(int=n + 1), e[0], e[1], e[2], quote(e[3]), quote(json.dumps(e[4]) if e[4] else None))
            for n, e in enumerate(events))
        # Some are of instants to come, which only rows that come past the triggers can be.
        insert = ("SET session_replication_role = replica;\n" + insert
                  + "RESET session_replication_role;\nSELECT cdp.rebuild('w') \\g /dev/null\n")
        asked = "INSERT INTO oracle.asked SELECT DISTINCT cdp.profile_of('w', 'user_id:' || a), b, c::timestamptz FROM (VALUES %s) v(a, b, c);\n" % ", ".join(
            "(%s, %s, %s)" % tuple(map(quote, k[:3])) for k in known if k[2] != "changes")
        late = [definitions.replace("VALUES ('", "VALUES ('late_").replace(", ('", ", ('late_"), types.replace("('", "('late_")]
        script = (SETTINGS + workspace("w", zone) + "SET cdp.clock = '%s';\n" % clock + setup("w") + types + definitions + insert + late[1] + late[0]
                  + "SELECT oracle.learn() \\g /dev/null\n" + asked + "INSERT INTO oracle.asked SELECT profile_id, 'late_' || trait, t FROM oracle.asked;\n"
                  + "SET timezone = 'UTC';\n"
                  "SELECT 'value', i.identifier::text, a.trait, a.t, a.value, cdp.computed_value(p.computed, a.trait, a.t)"
                  "  FROM oracle.answers() a JOIN w.profiles p USING (profile_id) JOIN w.identifiers i USING (profile_id);\n"
                  "SELECT 'changes', i.identifier::text, e.name, e.changes_at, e.value FROM w.profiles p JOIN w.identifiers i USING (profile_id),"
                  " cdp.computed_entries(p.computed) e;\n"
                  "SELECT 'errors', trait, n, sqlstate FROM w.computed_trait_errors;\n"
                  "SELECT 'check', x.* FROM cdp.check('w') x;\n" + DROP)
        told, changes, errors = {}, {}, []
        for row in rows(script):
            if row[0] == "value":
                told[row[1][8:], row[2], row[3]] = row[4:]
            elif row[0] == "changes":
                changes[row[1][8:], row[2]] = row[3]
            else:
                errors.append(row)
        wrong = []
        for person, trait, at, expected in known + [(k[0], "late_" + k[1], k[2], k[3]) for k in known]:
            if at == "changes":
                if changes.get((person, trait)) != ("\\N" if expected is None else zulu(expected)):
                    wrong.append("%s of %s changes at %s, should at %s" % (trait, person, changes.get((person, trait)), expected))
                continue
            for who, got in zip(("the oracle", "cdp"), told[person, trait, zulu(at)]):
                if (None if got in ("\\N", "null") else json.loads(got)) != (None if expected is None else json.loads(expected)):
                    wrong.append("%s of %s at %s: %s says %s, should be %s" % (trait, person, at, who, got, expected))
        failing = [t[0] for t in traits if t[2] and "::numeric" in t[2] and "'n'" in t[2]]
        expected = [["errors", trait, "1", "22P02"] for trait in failing + ["late_" + trait for trait in failing]]
        tap.ok(not wrong, "by hand, case %d, %s: %d values" % (number, zone, 2 * len(known)), "\n".join(wrong))
        tap.equal(sorted(errors), sorted(expected), "by hand, case %d: errors; cdp.check finds nothing" % number)


def type_of(expression):
    return ("b" if expression is None or "boolean" in expression else "d" if "::date" in expression else "ts" if "occurred" in expression
            else "n" if "numeric" in expression or expression == "amount" else "j" if "->'" in expression else "t")


def zulu(moment):
    """An instant as psql writes it in UTC."""
    at = datetime.fromisoformat(moment.replace("+00", "+00:00") if "." not in moment else re.sub(r"\.(\d+)\+00", lambda f: "." + f.group(1).ljust(6, "0") + "+00:00", moment))
    return at.strftime("%Y-%m-%d %H:%M:%S") + (".%06d" % at.microsecond).rstrip("0").rstrip(".") + "+00"


# What is refused: (SQLSTATE, columns of computed_traits that differ from a good row).
REFUSED = [
    ("22023", {"kind": "median"}), ("22023", {"expression": None}), ("22023", {"window_days": 0}), ("22023", {"window_days": 3651}),
    ("22023", {"window_days": -1}), ("22023", {"list_limit": 0}), ("22023", {"list_limit": 10001}), ("22023", {"max_distinct": 0}),
    ("22023", {"max_distinct": 100001}), ("22023", {"name": ""}), ("22023", {"name": "x" * 64}), ("22023", {"name": "ä" * 32}),
    ("22023", {"name": "a\nb"}), ("42601", {"expression": "amount +"}), ("42601", {"expression": "amount, 1"}), ("42601", {"expression": ""}),
    ("42601", {"expression": "1) FROM w.events; SELECT (1"}), ("42601", {"filter": "true; SELECT 1"}), ("42804", {"expression": "event"}),
    ("42804", {"kind": "avg", "expression": "occurred_at"}), ("42804", {"kind": "min", "expression": "amount > 1"}),
    ("42804", {"kind": "max", "expression": "properties"}), ("42804", {"kind": "most_frequent", "expression": "properties"}),
    ("42804", {"kind": "unique_list", "expression": "properties->'x'"}), ("42804", {"kind": "unique_count", "expression": "traits"}),
    ("42804", {"kind": "first", "expression": "identifiers"}), ("42804", {"filter": "amount"}), ("42804", {"filter": "1"}),
    ("42703", {"expression": "amnt"}), ("42703", {"filter": "last_seen > occurred_at"}), ("0A000", {"filter": "occurred_at < now()"}),
    ("0A000", {"kind": "count", "expression": "current_date"}), ("0A000", {"expression": "(SELECT 1)"}), ("42803", {"expression": "sum(amount)"}),
    ("0A000", {"expression": "random()"}), ("0A000", {"filter": "pg_sleep(1) IS NULL"}), ("42883", {"expression": "no_such(amount)"}),
]


def refused(tap):
    sql(SETTINGS + workspace("w", "UTC") + "INSERT INTO w.computed_traits (name, kind, expression, window_days) VALUES ('good', 'sum', 'amount', 7),"
        " ('word', 'last', 'event', NULL), ('at', 'max', 'occurred_at', NULL), ('free', 'count', NULL, 3);\n"
        "INSERT INTO w.events (event, identifiers, amount) VALUES ('e', '{user_id:1}', 5.5);\n"
        "INSERT INTO w.segments (name, predicate) VALUES ('s', $$cdp.computed_int(computed, 'good') > 3$$);")
    cases = []
    for state, changed in REFUSED:
        row = {"name": "bad", "kind": "sum", "expression": "amount", **changed}
        cases.append(("INSERT INTO w.computed_traits (%s) VALUES (%s)" % (", ".join(row), ", ".join(quote(v) for v in row.values())), state))
        if "name" not in changed and changed.get("kind") != "median":
            cases.append(("UPDATE w.computed_traits SET %s WHERE name = 'free'" % ", ".join(
                "%s = %s" % (k, quote(v)) for k, v in dict(row, name="free").items()), state))
    cases += [
        ("INSERT INTO w.computed_traits (name, kind) VALUES ('free', 'count')", "23505"),
        ("INSERT INTO w.computed_traits (name, kind) VALUES ('a', 'count'), ('a', 'count')", "23505"),
        ("DELETE FROM w.computed_traits WHERE name = 'good'", "2BP01"), ("DELETE FROM w.computed_traits", "2BP01"),
        ("UPDATE w.computed_traits SET name = 'better' WHERE name = 'good'", "2BP01"),
        ("INSERT INTO w.segments (name, predicate) VALUES ('t', $$cdp.computed_int(computed, 'nobody') > 3$$)", "42704"),
        ("INSERT INTO w.segments (name, predicate) VALUES ('t', $$computed->>'nobody' = 'x'$$)", "42704"),
        ("UPDATE w.segments SET predicate = $$computed->'nobody' IS NULL$$", "42704"),
        ("SELECT cdp.computed_int(computed, 'word') FROM w.profiles", "42804"),
        ("SELECT cdp.computed_numeric(computed, 'at') FROM w.profiles", "42804"),
        ("SELECT cdp.computed_timestamp(computed, 'good') FROM w.profiles", "42804"),
        ("SELECT cdp.computed_timestamp(computed, 'word') FROM w.profiles", "42804"),
        ("BEGIN ISOLATION LEVEL REPEATABLE READ; INSERT INTO w.computed_traits (name, kind) VALUES ('a', 'count')", "25001")]
    told = rows("SET client_min_messages = error;\n\\set ON_ERROR_STOP off\n" + "".join(
        "%s \\g /dev/null\n\\echo :SQLSTATE\nROLLBACK;\n" % text for text, _ in cases))
    tap.equal(len(told), len(cases), "so many answers")
    for (text, state), got in zip(cases, told):
        tap.equal(got, [state], "refused: %s" % text.replace("\n", " "))
    tap.equal(rows("SELECT cdp.computed_int(computed, 'good'), cdp.computed_numeric(computed, 'good'), cdp.computed_text(computed, 'good'),"
                   " cdp.computed_int(computed, 'nobody'), computed->>'word', cdp.computed_int(NULL::cdp.computed, 'good') FROM w.profiles"),
              [["6", "5.5", "5.5", "\\N", "e", "\\N"]], "readers")
    tap.equal(rows("SELECT name FROM w.computed_traits ORDER BY 1"), [["at"], ["free"], ["good"], ["word"]], "nothing of it has stayed")
    tap.equal(rows("SELECT * FROM cdp.check('w')"), [], "cdp.check finds nothing after what was refused")
    sql(DROP)


def estimates(tap):
    """Beyond max_distinct: estimates that do not depend on the order, and that say so."""
    insert = ("INSERT INTO %s.events (event_id, event, identifiers, occurred_at, properties) SELECT cdp.event_id(i::text), 'e', '{user_id:1}',"
              " timestamptz '2024-05-01' + i * interval '10 seconds', jsonb_build_object('v', i * 7919 %% 5000) FROM generate_series(0, 5999) i ORDER BY %s;\n")
    traits = ("INSERT INTO %s.computed_traits (name, kind, expression, window_days, max_distinct) VALUES ('rough', 'unique_count', $$properties->>'v'$$, NULL, 500),"
              " ('windowed', 'unique_count', $$properties->>'v'$$, 30, 500), ('exact', 'unique_count', $$properties->>'v'$$, NULL, 5000),"
              " ('often', 'most_frequent', $$properties->>'v'$$, NULL, 100), ('often_exact', 'most_frequent', $$(properties->>'v')::int$$, NULL, 10000);\n")
    sql(SETTINGS + "SELECT cdp.create_workspace('w'), cdp.create_workspace('other') \\g /dev/null\nSET cdp.clock = '2024-05-02 12:00+00';"
        + insert % ("w", "i") + traits % "w" + traits % "other" + "SET cdp.batch_events = 100;\n" + insert % ("other", "md5(i::text)"))
    found = rows("SET cdp.clock = '2024-05-02 12:00+00'; SELECT e.name, e.value, e.exact, e.value = o.value, e.exact = o.exact"
                 " FROM w.profiles p, cdp.computed_entries(p.computed) e, other.profiles q, cdp.computed_entries(q.computed) o WHERE e.name = o.name ORDER BY 1")
    tap.equal([row[0:1] + row[2:] for row in found], [["exact", "t", "t", "t"], ["often", "f", "t", "t"], ["often_exact", "t", "t", "t"],
                                                       ["rough", "f", "t", "t"], ["windowed", "f", "t", "t"]], "estimates say that they are, in any order")
    by_name = {row[0]: json.loads(row[1]) for row in found}
    tap.ok(by_name["exact"] == 5000 and by_name["often_exact"] == 0, "up to max_distinct they are exact", by_name)
    # Of 500 kept hashes the standard error is 4.5 %.
    tap.ok(all(abs(by_name[name] / 5000 - 1) < 0.2 for name in ("rough", "windowed")), "beyond it they are near", by_name)
    tap.equal([row[0] for row in rows("SET cdp.clock = '2024-05-02 12:00+00'; SELECT item, value FROM cdp.status('w') WHERE topic = 'computed traits' ORDER BY 1") if "estimate" in row[1]],
              ["often", "rough", "windowed"], "cdp.status says so")
    tap.equal(rows("SELECT * FROM cdp.check('w')"), [], "cdp.check finds nothing")
    sql("SELECT cdp.drop_workspace('w'), cdp.drop_workspace('other')")


def explained(tap):
    """explain_segment: a computed trait's value, window and next flip."""
    sql(SETTINGS + workspace("w", "Europe/London") + """
        SET cdp.clock = '2024-03-30 12:00+00';
        INSERT INTO w.computed_traits (name, kind, window_days) VALUES ('two_days', 'count', 2), ('ever', 'count', NULL);
        INSERT INTO w.segments (name, predicate) VALUES ('s', $$cdp.computed_int(computed, 'two_days') >= 1 AND (computed->>'ever')::int > 0$$);
        INSERT INTO w.events (event, identifiers) VALUES ('e', '{user_id:1}');
        """)
    found = rows("SET cdp.clock = '2024-03-30 13:00+00'; SET timezone = 'UTC'; SELECT expression, value, truth, window_days, flips_at"
                 " FROM cdp.explain_segment('w', (SELECT profile_id FROM w.profiles), 's')")
    two_days = [row for row in found if "two_days" in row[0] and "ever" not in row[0]]
    tap.ok(any(row[1] == "1" and row[3] == "2" for row in two_days), "explain_segment has the value and the window", found)
    # 31 March has 23 hours: the window ends at 23:00 UTC.
    tap.ok(two_days and all(row[4] == "2024-03-31 23:00:00+00" for row in two_days if row[3] == "2" or row[2] != "\\N"), "and when it flips", found)
    tap.ok(not any(row[3] != "\\N" for row in found if "ever" in row[0] and "two_days" not in row[0]), "no window for ever", found)
    sql(DROP)


def main():
    tap = Tap()
    sql(ONCE)
    by_hand(tap)
    refused(tap)
    estimates(tap)
    explained(tap)
    tap.done()


if __name__ == "__main__":
    main()
