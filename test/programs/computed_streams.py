#!/usr/bin/env python3
"""
Computed traits equal a plain SQL aggregation over the events in their windows (test/lib/computed_oracle.py).
Many events of two people; definitions beside writers; then rounds of random definitions (every kind and type,
filters, windows of 1 to 400 days and none) over random streams: late, repeated and future events, events on
which expressions fail, merges, cdp.link, unlink, separate and unseparate, definitions inserted, changed, renamed
and deleted, dry runs, and the clock moving forward over two years with changes of local time, some of them at
midnight. After each step every value of every profile, by every reader, is compared, now and at the midnights to
come; segments that read traits have the members that the predicate gives on the oracle's values, and at no
instant before next_evaluation_at would it give others. Then a quiet half year without events, whose history of
segments is right at random instants and to the microsecond around each change. In the end cdp.check finds
nothing, cdp.rebuild changes nothing, and the same events shuffled and in other batches, with the definitions
before or after them, give the same states.
timeout: 170
weight: 20

    computed_streams.py [ROUNDS [SEED]]     rounds (4; make test-long has 150) of about 90 definitions, first seed (1)
"""

import json
import os
import random
import subprocess
import sys
import uuid
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from cdptest import SqlError, Tap, patience, sql
from computed_oracle import DROP, ONCE, SETTINGS, quote, setup, workspace

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 4
FIRST = int(sys.argv[2]) if len(sys.argv) > 2 else 1
DEFINITIONS = 84
PEOPLE = 5

# Zone, and when the two years begin. Two of every three rounds are London's and Ho Chi Minh City's; the others
# change local time at midnight, have midnight twice, or skip a day.
ZONES = [("Europe/London", "2024-01-01"), ("Asia/Ho_Chi_Minh", "2024-01-01"), ("America/Sao_Paulo", "2017-08-01"),
         ("Europe/London", "2024-09-01"), ("Asia/Ho_Chi_Minh", "2024-06-01"), ("America/Havana", "2024-01-01"),
         ("Europe/London", "2024-02-20"), ("Asia/Ho_Chi_Minh", "2024-02-01"), ("Pacific/Apia", "2010-12-20"),
         ("Europe/London", "2024-05-01"), ("Asia/Ho_Chi_Minh", "2024-09-01"), ("Asia/Beirut", "2024-01-15"),
         ("Europe/London", "2024-03-30"), ("Asia/Ho_Chi_Minh", "2024-01-15"), ("America/Asuncion", "2022-09-01"),
         ("Europe/London", "2024-01-01"), ("Asia/Ho_Chi_Minh", "2024-01-01"), ("Australia/Lord_Howe", "2024-03-01")]

KINDS = ["count", "sum", "avg", "min", "max", "first", "last", "most_frequent", "unique_list", "unique_count"]
TYPES = {"count": "ntbjd", "sum": "n", "avg": "n", "min": ["n", "t", "ts", "d"], "max": ["n", "t", "ts", "d"],
         "first": ["n", "t", "b", "ts", "d", "j"], "last": ["n", "t", "b", "ts", "d", "j"]}
SPREAD = ["n", "t", "t", "b", "ts", "d"]

EXPRESSIONS = {
    "n": ["amount", "-amount", "amount * 1.50", "coalesce(amount, 0)", "(properties->>'qty')::int", "(properties->>'price')::numeric",
          "(properties->>'ratio')::float8", "(properties->>'ratio')::float4", "length(event)", "extract(hour FROM occurred_at)",
          "extract(epoch FROM received_at - occurred_at)", "amount / (properties->>'qty')::numeric", "qty", "price", "weight",
          "jsonb_array_length(properties->'tags')", "1", "round(amount)", "(properties->>'qty')::int2 * 2::int8",
          "CASE WHEN source = 'web' THEN amount ELSE 0.5 END", "((properties->>'qty')::int % 3)::int8", "9007199254740993"],
    "t": ["event", "source", "properties->>'sku'", "lower(properties->>'category')", "properties->>'category'", "traits->>'plan'",
          "currency", "event || ':' || coalesce(source, '')", "left(properties->>'category', 1)", "to_char(occurred_at, 'YYYY-MM-DD HH24')",
          "occurred_at::text", "occurred_at::date::text", "code", "ref", "channel", "mood", "label", "(properties->>'ref')::uuid",
          "identifiers[1]", "'constant'::text", "properties->>'long'", "amount::text", "event_id"],
    "b": ["amount > 10", "(properties->>'flag')::boolean", "source = 'web'", "properties ? 'sku'", "flag",
          "extract(hour FROM occurred_at) < 12"],
    "ts": ["occurred_at", "received_at", "(properties->>'at')::timestamptz", "least(occurred_at, received_at)", "local_at",
           "date_trunc('day', occurred_at)", "occurred_at::timestamp", "(properties->>'at')::timestamp",
           "due::timestamptz", "occurred_at + interval '1 month'"],
    "d": ["occurred_at::date", "(properties->>'day')::date", "due", "(local_at + interval '1 day')::date", "due + 30"],
    "j": ["properties", "properties->'tags'", "traits", "to_jsonb(amount)", "to_jsonb(source)"],
}
FILTERS = ["amount > 10", "amount < 0 OR source = 'shop'", "source IS NULL", "source IN ('web', 'app')", "properties @> '{\"flag\": true}'",
           "(properties->>'qty')::int > 1", "traits->>'plan' = 'gold'", "extract(dow FROM occurred_at) IN (0, 6)",
           "occurred_at::date <> '2024-05-01'", "properties->>'category' LIKE 'b%'", "NOT flag", "received_at - occurred_at > interval '1 day'",
           "currency = 'EUR' AND event <> 'a'", "event IN ('a', 'b') IS TRUE", "qty > 2", "mood = 'sad'", "(properties->>'at')::timestamptz < occurred_at",
           "date_trunc('month', occurred_at) = date_trunc('month', received_at)", "properties ? 'sku'", "true", "NULL", "amount = round(amount)"]
WINDOWS = [1, 1, 2, 3, 7, 30, 31, 90, 365, 400]
NAMES = ["orders 30d", "it's", "say \"x\"", "Größe", "a->b", "$$", "{x}", "%s", "\\n", "t:1"]
COLUMNS = ("event_id, event, source, identifiers, occurred_at, received_at, amount, currency, traits, properties,"
           " qty, price, weight, code, label, ref, channel, mood, flag, due, local_at")


def stamp(moment):
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f+00")


def bad(sqlstate):
    """Whether no statement should ever give it."""
    return sqlstate[:2] in ("XX", "23", "40", "42", "53", "54", "57", "58")


class Trait:
    """A row of computed_traits, and the type of its expression."""

    def __init__(self, r, name, type_=None, kind=None):
        self.name = name
        self.kind = kind or r.choice(KINDS)
        if type_ is None:
            type_ = r.choice(TYPES.get(self.kind, SPREAD))
        self.type = type_
        self.expression = r.choice(EXPRESSIONS[type_])
        if self.kind == "count" and r.random() < 0.6:
            self.expression, self.type = None, "b"
        self.event = r.choice([None, None, "a", "b", "Order Completed"])
        self.filter = r.choice(FILTERS) if r.random() < 0.4 else None
        if self.filter and r.random() < 0.2:
            self.filter = "%s %s %s" % (self.filter, r.choice(["AND", "OR"]), r.choice(FILTERS))
        self.window = None if r.random() < 0.3 else r.choice(WINDOWS + [r.randrange(1, 401)])
        self.limit = r.choice([100, 100, 1, 2, 3])
        self.most = r.choice([10000] * 6 + [1, 2, 3])

    def row(self):
        return "(%s, %s, %s, %s, %s, %s, %s, %s)" % (
            quote(self.name), quote(self.kind), quote(self.event), quote(self.filter), quote(self.expression),
            quote(self.window), self.limit, self.most)

    def number(self):
        return self.kind in ("count", "unique_count") or self.type == "n" and self.kind != "unique_list"


INTO = "INSERT INTO {w}.computed_traits (name, kind, event, filter, expression, window_days, list_limit, max_distinct) VALUES\n"


class Round:
    def __init__(self, number, r):
        self.r = r
        self.number = number
        self.zone, begin = ZONES[number % len(ZONES)]
        self.begin = datetime.fromisoformat(begin + "T00:00:00+00:00") + timedelta(minutes=r.randrange(1440))
        self.now = self.begin
        self.script = []
        self.sent = []                  # event rows, as SQL
        self.decided = {}               # (a, b) -> link or separate
        names = r.sample(NAMES, 3)
        self.traits = {}
        for i in range(DEFINITIONS):
            name = names[i] if i < 3 else "t%02d" % i
            self.traits[name] = Trait(r, name)
        self.defined = DEFINITIONS
        self.read = set()               # traits that segments read
        self.segments = {}              # name -> (predicate, the same on the oracle's values)
        self.steps = 0

    def emit(self, text):
        self.script.append(text.replace("{w}", "w"))

    # Events.

    def moment(self, first, last):
        """A random instant, often near a local midnight, or where local time changes."""
        found = first + (last - first) * self.r.random()
        kind = self.r.random()
        if kind < 0.5:
            day = found.astimezone(ZoneInfo(self.zone)).replace(hour=0, minute=0, second=0, microsecond=0)
            found = day.astimezone(timezone.utc) + timedelta(
                hours=self.r.choice([-1, 0, 0, 0, 1]), minutes=self.r.choice([0, 0, 30, 59]), microseconds=self.r.choice([-1, 0, 0, 1, 500000]))
        elif kind < 0.8:
            edge = self.edges[self.r.randrange(len(self.edges))] if self.edges else found
            found = edge + timedelta(minutes=self.r.choice([-60, -1, 0, 0, 1, 30, 60, 120]), microseconds=self.r.choice([-1, 0, 0, 1]))
        elif kind < 0.9:
            found = found.replace(hour=12, minute=0, second=0, microsecond=0)
        return min(max(found, first), last)

    def find_edges(self):
        """Instants in the two years, and the year before, at which local time jumps."""
        zone = ZoneInfo(self.zone)
        self.edges = []
        at = (self.begin - timedelta(days=365)).replace(minute=0)
        end = self.begin + timedelta(days=800)
        while at < end:
            step = timedelta(days=1)
            if at.astimezone(zone).utcoffset() != (at + step).astimezone(zone).utcoffset():
                low = at
                while low.astimezone(zone).utcoffset() == (low + timedelta(minutes=15)).astimezone(zone).utcoffset():
                    low += timedelta(minutes=15)
                self.edges.append(low + timedelta(minutes=15))
            at += step

    def identifiers(self):
        person = self.r.randrange(PEOPLE)
        found = [self.r.choice(["user_id:u%d" % person, "cookie:c%d" % self.r.randrange(PEOPLE * 2), "email:p%d@example.com" % person])]
        if self.r.random() < 0.3:
            other = person if self.r.random() < 0.8 else self.r.randrange(PEOPLE)
            found.append(self.r.choice(["cookie:c%d" % (other * 2 + self.r.randrange(2)), "email:p%d@example.com" % other, "user_id:u%d" % other]))
        if self.r.random() < 0.04:
            found = []
        return found

    def event(self, last=None):
        """A row. Late, of the past years; of the future, by both times or by one; or of now."""
        now = self.now
        kind = self.r.random()
        received = now
        if kind < 0.35:
            occurred = now
        elif kind < 0.7:
            occurred = self.moment(now - timedelta(days=self.r.choice([2, 40, 450, 800])), now)
        elif kind < 0.9:
            occurred = self.moment(now, now + timedelta(days=self.r.choice([2, 40, 450])))
            received = self.r.choice([occurred, occurred + timedelta(days=1), self.moment(now, occurred)])
        else:
            occurred = now + timedelta(days=self.r.randrange(1, 50))
        r = self.r
        properties = {}
        for key, values in (("qty", [1, 2, "3", "-4", "two", 0, None]), ("price", ["1.5", "1.50", 2, "NaN", "x", "-0.25", "1e3"]),
                            ("ratio", [0.1, "0.5", "Infinity", "1e400", "7"]), ("sku", ["A1", "a1", "B2", "ä", "Z", ""]),
                            ("category", ["b", "B", "books", "Ä", "z", "日本", "e\u0301"]), ("flag", [True, False, "yes", "maybe"]),
                            ("tags", [["x"], ["x", "y"], [], "scalar", 5]), ("ref", [str(uuid.UUID(int=r.randrange(4))), "no uuid"]),
                            ("at", [stamp(self.moment(now - timedelta(days=30), now)), "2024-02-30", "2024-03-31 01:30", "soon"]),
                            ("day", [str((now - timedelta(days=r.randrange(40))).date()), "2024-13-01", "31.12.2023"]),
                            ("long", ["x" * 1024, "x" * 1025, "ä" * 513, "short"])):
            if r.random() < 0.6:
                properties[key] = r.choice(values)
        amount = r.choice([None, None, 0, "10", "10.0", "10.00", "-5.5", "0.001", "99.99", "123456789012345678.9", r.randrange(-500, 5000) / 100])
        columns = [
            quote(str(uuid.UUID(int=r.getrandbits(128)))), quote(r.choice(["a", "b", "c", "Order Completed", "Order Completed"])),
            quote(r.choice(["web", "app", "shop", None])), quote("{%s}" % ",".join(self.identifiers())), quote(stamp(occurred)),
            quote(stamp(received)), "NULL" if amount is None else str(amount), quote(r.choice(["USD", "EUR", None])),
            quote(json.dumps({"plan": r.choice(["gold", "iron", None])}) if r.random() < 0.4 else None),
            quote(json.dumps(properties, ensure_ascii=False) if r.random() < 0.9 else None),
            str(r.choice(["NULL", 1, 2, 3])), str(r.choice(["NULL", 0.1, 1e15, 2.5])), str(r.choice(["NULL", 0.1, 3])),
            quote(r.choice([None, "ab", "ab  ", "wxyz"])), quote(r.choice([None, "ab", "ab ", "x"])),
            quote(r.choice([None, uuid.UUID(int=r.randrange(3) << 120)])), quote(r.choice([None, "mail", "chat"])),
            quote(r.choice([None, "sad", "happy", "also"])), r.choice(["NULL", "true", "false"]),
            quote(r.choice([None, "2024-03-31", "2024-10-27", (now - timedelta(days=r.randrange(50))).date()])),
            quote(r.choice([None, "2024-03-31 01:30", "2018-11-04 00:30", now.strftime("%Y-%m-%d %H:%M:%S")]))]
        return columns

    def insert(self, events):
        return "INSERT INTO {w}.events (%s) VALUES\n%s;\n" % (COLUMNS, ",\n".join("(%s)" % ", ".join(e) for e in events))

    def send(self):
        """Some events, with repeats of theirs and of former ones, which may have other content then."""
        events = [self.event() for _ in range(self.r.choice([1, 4, 10, 20]))]
        again = [list(e) for e in self.r.sample(self.sent, min(2, len(self.sent)))] if self.r.random() < 0.5 else []
        if again and self.r.random() < 0.5:
            again[0][1:] = self.event()[1:]
        if self.r.random() < 0.2:
            again.append(events[0])
        self.sent += events
        both = events + again
        self.r.shuffle(both)
        self.emit("SET timezone = '%s'; SET datestyle = '%s'; SET cdp.batch_events = %d;\n" % (
            self.r.choice(["UTC", "America/New_York", "Asia/Tokyo"]), self.r.choice(["ISO, YMD", "SQL, DMY", "German", "Postgres, MDY"]),
            self.r.choice([1, 3, 1000])))
        cut = self.r.randrange(len(both))
        for part in (both[:cut], both[cut:]):
            if part:
                self.emit(self.insert(part))

    def decide(self):
        """Joins or parts two identifiers, or takes it back. What it may refuse, it refuses by an error."""
        people = ["user_id:u%d", "cookie:c%d", "email:p%d@example.com"]
        a, b = (self.r.choice(people) % self.r.randrange(PEOPLE) for _ in range(2))
        function = self.r.choice(["link", "link", "separate", "separate"])
        if self.decided and self.r.random() < 0.5:
            (a, b), kind = self.r.choice(sorted(self.decided.items()))
            function = "un" + kind
            del self.decided[a, b]
        elif a != b:
            self.decided[a, b] = function
        self.emit("\\set ON_ERROR_STOP off\nSELECT cdp.%s('{w}', '%s', '%s') \\g /dev/null\n\\echo decision|%s|:SQLSTATE\n\\set ON_ERROR_STOP on\n" % (
            function, a, b, function))

    # Definitions.

    def types(self, traits):
        return "INSERT INTO oracle.types VALUES %s ON CONFLICT (trait) DO UPDATE SET type = excluded.type;\n" % ", ".join(
            "(%s, '%s')" % (quote(t.name), t.type) for t in traits)

    def define(self, traits):
        self.emit(self.types(traits) + INTO + ",\n".join(t.row() for t in traits) + ";\n")

    def update(self, name, new):
        self.emit(self.types([new]) + "UPDATE {w}.computed_traits SET (name, kind, event, filter, expression, window_days, list_limit,"
                  " max_distinct) = %s WHERE name = %s;\n" % (new.row(), quote(name)))

    def redefine(self):
        free = sorted(set(self.traits) - self.read)
        kind = self.r.choice(["insert", "update", "update", "delete", "rename", "window", "dry run"])
        if kind == "insert":
            new = [Trait(self.r, "n%d" % (self.defined + i)) for i in range(2)]
            self.defined += 2
            self.define(new)
            self.traits.update((t.name, t) for t in new)
        elif kind == "update":
            for name in self.r.sample(free, 2):
                self.traits[name] = Trait(self.r, name)
                self.update(name, self.traits[name])
                self.defined += 1
        elif kind == "delete":
            name = self.r.choice(free)
            del self.traits[name]
            self.emit("DELETE FROM {w}.computed_traits WHERE name = %s;\n" % quote(name))
        elif kind == "rename":
            name = self.r.choice(free)
            trait = self.traits.pop(name)
            trait.name = "r%d" % self.defined
            self.defined += 1
            self.traits[trait.name] = trait
            self.update(name, trait)
        elif kind == "window":
            # also of one that segments read
            trait = self.traits[self.r.choice(sorted(self.traits))]
            trait.window = self.r.choice([None] + WINDOWS)
            self.update(trait.name, trait)
        else:
            trait = Trait(self.r, "dry")
            self.emit("BEGIN;\n")
            self.define([trait])
            self.emit("DELETE FROM {w}.computed_traits WHERE name = %s;\n" % quote(self.r.choice(free)))
            self.compare("in a dry run")
            self.emit("ROLLBACK;\n")

    # Segments that read traits.

    def condition(self):
        """(predicate, the same on the oracle's values)."""
        r = self.r
        trait = self.traits[r.choice([name for name, t in sorted(self.traits.items()) if t.most > 3 or t.kind not in ("most_frequent", "unique_count")])]
        self.read.add(trait.name)
        name = quote(trait.name)
        value, text = "nullif(v.vals->%s, 'null')" % name, "(v.vals->>%s)" % name
        order = r.choice(["<", "<=", ">", ">=", "="])
        kind = r.random()
        if kind < 0.1:
            return r.choice([("computed->>%s IS NULL" % name, text + " IS NULL"),
                             ("cdp.computed_text(computed, %s) IS NOT NULL" % name, text + " IS NOT NULL"),
                             ("length(computed->>%s) > 3" % name, "length(%s) > 3" % text),
                             ("cdp.computed_value(computed, %s) = '\"web\"'" % name, value + " = '\"web\"'")])
        if trait.kind in ("count", "unique_count"):
            number = r.randrange(0, 6)
            return r.choice([("cdp.computed_int(computed, %s) %s %d" % (name, order, number), "%s::numeric::bigint %s %d" % (text, order, number)),
                             ("(computed->>%s)::int %s %d" % (name, order, number), "%s::int %s %d" % (text, order, number)),
                             ("(computed->%s)::int %s %d" % (name, order, number), "%s::int %s %d" % (text, order, number))])
        if trait.number():
            number = r.choice([0, 1, 10, 20.5])
            return r.choice([("cdp.computed_numeric(computed, %s) %s %s" % (name, order, number), "%s::numeric %s %s" % (text, order, number)),
                             ("(computed->>%s)::numeric %s %s" % (name, order, number), "%s::numeric %s %s" % (text, order, number))])
        if trait.kind == "unique_list":
            return r.choice([("jsonb_array_length(computed->%s) > %d" % (name, n), "jsonb_array_length(%s) > %d" % (value, n)) for n in (0, 1, 2)]
                            + [("computed->%s ? 'web'" % name, value + " ? 'web'")])
        if trait.type in ("ts", "d"):
            cast = "%s::timestamptz" % text if trait.type == "ts" else "oracle.midnight(%s::date)" % text
            interval = r.choice(["7 days", "30 days", "1 month", "36 hours"])
            return r.choice([
                ("cdp.computed_timestamp(computed, %s) %s now() - interval '%s'" % (name, order, interval), "%s %s v.t - interval '%s'" % (cast, order, interval)),
                ("(computed->>%s)::timestamptz %s now() - interval '%s'" % (name, order, interval),
                 "%s::timestamptz %s v.t - interval '%s'" % (text, order, interval))])
        if trait.type == "b":
            return "(computed->>%s)::boolean" % name, text + "::boolean"
        if trait.type == "j":
            return "computed->%s ? 'flag'" % name, value + " ? 'flag'"
        word = r.choice(["b", "web", "Order Completed", "gold", "2024"])
        return r.choice([("cdp.computed_text(computed, %s) = '%s'" % (name, word), "%s = '%s'" % (text, word)),
                         ("computed->>%s > '%s' COLLATE \"C\"" % (name, word), "%s > '%s' COLLATE \"C\"" % (text, word)),
                         ("computed->>%s LIKE '%s%%'" % (name, word), "%s LIKE '%s%%'" % (text, word))])

    def predicate(self, depth=2):
        kind = self.r.randrange(9) if depth else 0
        if kind <= 3:
            return self.condition()
        if kind == 4:
            interval = self.r.choice(["21 days", "1 month", "3 days"])
            return "last_seen < now() - interval '%s'" % interval, "last_seen < v.t - interval '%s'" % interval
        if kind == 5:
            return tuple("NOT (%s)" % p for p in self.predicate(depth - 1))
        if kind == 6:
            parts = [self.predicate(depth - 1) for _ in range(3)]
            return tuple("CASE WHEN %s THEN %s ELSE %s END" % tuple(p[i] for p in parts) for i in (0, 1))
        parts = self.predicate(depth - 1), self.predicate(depth - 1)
        word = self.r.choice(["AND", "OR"])
        return tuple("(%s %s %s)" % (parts[0][i], word, parts[1][i]) for i in (0, 1))

    def segment(self):
        for i in range(len(self.segments), len(self.segments) + 8):
            self.segments["s%02d" % i] = self.predicate()
            self.emit("INSERT INTO {w}.segments (name, predicate) VALUES ('s%02d', $p$%s$p$);\n" % (i, self.segments["s%02d" % i][0]))

    # What should be.

    def members(self, instants):
        """SQL: (segment, profile_id, t, holds) by the oracle, at instants (a table (profile_id, t)), whose values are in
        the temporary table vals(profile_id, t, vals)."""
        return " UNION ALL ".join("SELECT '%s' AS segment, p.profile_id, v.t, coalesce((%s), false) AS holds FROM w.profiles p JOIN %s v"
                                  " ON v.profile_id = p.profile_id" % (name, both[1], instants) for name, both in sorted(self.segments.items()))

    def values(self, table):
        """Temporary table of all traits' values at what is in oracle.asked."""
        return ("DROP TABLE IF EXISTS {t}; CREATE TEMP TABLE {t} AS SELECT profile_id, t, jsonb_object_agg(trait, value) AS vals"
                " FROM oracle.answers() GROUP BY 1, 2;\n").replace("{t}", table)

    def compare(self, what):
        """Every value of every profile now."""
        self.steps += 1
        self.emit("\\echo at|%s, %s %s\n" % (stamp(self.now), what, self.steps))
        self.emit("SELECT oracle.learn(), oracle.ask_now() \\g /dev/null\n")
        self.emit("SET timezone = '%s'; SET datestyle = 'ISO, YMD';\n" % self.r.choice([self.zone, "Asia/Tokyo", "UTC"]))
        self.emit("SELECT 'fault|' || x FROM oracle.wrong_now() x LIMIT 6;\nSELECT 'fault|' || x FROM oracle.wrong_errors() x LIMIT 3;\n")

    def compare_later(self):
        self.emit("SELECT oracle.ask_midnights(%d) \\g /dev/null\n" % self.r.randrange(3)
                  + "SELECT 'fault|' || x FROM oracle.wrong_changes() x LIMIT 4;\n"
                  "INSERT INTO oracle.asked SELECT a.profile_id, a.trait, a.t + d * interval '1 microsecond'"
                  " FROM oracle.asked a, (VALUES (-1), (1)) d(d) WHERE abs(hashtext(a.trait)) % 10 < 3 AND a.t > cdp.now();\n"
                  "SELECT 'fault|' || x FROM oracle.wrong_later() x LIMIT 4;\n")

    def compare_segments(self, first):
        """After the due rows have been evaluated: members are what the predicates say, and no predicate says otherwise
        before next_evaluation_at."""
        self.emit(first)
        self.emit("SET timezone = '%s'; SELECT oracle.ask_now() \\g /dev/null\n" % self.zone + self.values("vals"))
        self.emit("SELECT 'fault|segment ' || m.segment || ' of profile ' || m.profile_id || ' should be ' || m.holds FROM w.profiles p JOIN (%s) m"
                  " USING (profile_id) WHERE m.holds <> (p.segments ? m.segment) LIMIT 4;\n" % self.members("vals"))
        self.emit("""
            TRUNCATE oracle.asked;
            INSERT INTO oracle.asked
            SELECT q.profile_id, c.name, q.t FROM (
                SELECT DISTINCT p.profile_id, n.t
                FROM {w}.profiles p
                CROSS JOIN LATERAL (SELECT x.t FROM (
                        SELECT DISTINCT oracle.midnight(s.day + y.k) AS t
                        FROM oracle.seen s CROSS JOIN LATERAL (VALUES (0), (s.window_days)) y(k)
                        WHERE s.profile_id = p.profile_id AND s.counts AND s.window_days IS NOT NULL AND s.trait IN (%s)) x
                    WHERE x.t > cdp.now() ORDER BY x.t LIMIT 5) m(t)
                CROSS JOIN LATERAL (VALUES (m.t - interval '1 microsecond'), (m.t), (p.next_evaluation_at - interval '1 microsecond'),
                        (p.last_seen + interval '21 days 0.000001'), (p.last_seen + interval '1 month 0.000001'),
                        (p.last_seen + interval '3 days 0.000001')) n(t)
                WHERE n.t > cdp.now() AND (p.next_evaluation_at IS NULL OR n.t < p.next_evaluation_at)) q
            CROSS JOIN {w}.computed_traits c WHERE c.name IN (%s);
            ANALYZE oracle.asked;
            """.replace("%s", ", ".join(quote(t) for t in sorted(self.read))) + self.values("vals"))
        self.emit("SELECT 'fault|segment ' || m.segment || ' of profile ' || m.profile_id || ' is ' || m.holds || ' at ' || m.t || ', before its'"
                  " || ' next evaluation at ' || coalesce(p.next_evaluation_at::text, 'no time') FROM w.profiles p JOIN (%s) m"
                  " USING (profile_id) WHERE m.holds <> (p.segments ? m.segment) LIMIT 4;\n" % self.members("vals"))

    def advance(self, days):
        self.now = self.moment(self.now, self.now + timedelta(days=days)) + timedelta(microseconds=self.r.randrange(1, 100))
        self.emit("SET cdp.clock = '%s';\n" % stamp(self.now))

    def evaluate(self):
        return self.r.choice(["CALL cdp.run('{w}');\n", "CALL cdp.run('{w}', 3);\n", "SELECT cdp.tick('{w}', 100000) \\g /dev/null\n"])

    # The story.

    def run(self):
        r = self.r
        self.find_edges()
        self.script = [SETTINGS]
        self.emit(workspace("{w}", self.zone) + "SET cdp.clock = '%s';\n" % stamp(self.now) + setup("w"))
        if r.random() < 0.5:
            self.send()
        self.define(sorted(self.traits.values(), key=lambda t: t.name))
        self.compare("defined")
        for number in range(8):
            self.advance(r.choice([0, 1, 40, 120]))
            self.send()
            if r.random() < 0.5:
                self.decide()
            if r.random() < 0.6:
                self.redefine()
            if number == 2:
                self.segment()
            if number == 5 and r.random() < 0.3:
                self.emit("SELECT cdp.rebuild('{w}') \\g /dev/null\n")
            self.compare("step")
            if number % 4 == 3:
                self.compare_later()
            if number >= 2 and number % 3 == 2:
                self.compare_segments(self.evaluate())
        if self.number % 6 == 4:
            self.zone = r.choice(["Europe/Paris", "America/Havana"])
            self.emit("UPDATE {w}.settings SET time_zone = '%s';\n" % self.zone)
            self.compare("another zone")
        self.compare_segments(self.evaluate())
        self.quiet()
        self.compare("at the end")
        self.compare_later()
        self.finish()
        return self.result()

    def quiet(self):
        """No events, only the clock: the history of segments is what the predicates say at every instant."""
        since = self.now
        self.emit("CREATE TEMP TABLE at_first AS SELECT profile_id, n AS segment FROM {w}.profiles, unnest(cdp.segment_names(segments)) n;\n"
                  "CREATE TEMP TABLE numbers AS SELECT count(*) AS n FROM {w}.segment_changes;\n")
        for _ in range(4):
            self.advance(self.r.choice([20, 90]))
            self.emit(self.evaluate())
        self.emit("""
            TRUNCATE oracle.asked;
            INSERT INTO oracle.asked
            SELECT q.profile_id, c.name, q.t FROM (
                SELECT p.profile_id, g.t FROM {w}.profiles p, (VALUES %s) g(t)
                UNION SELECT c.profile_id, c.at + d * interval '1 microsecond' FROM {w}.segment_changes c, (VALUES (-1), (0), (1)) d(d)
                WHERE c.at > '%s' AND c.cause = 'clock') q
            CROSS JOIN {w}.computed_traits c WHERE c.name IN (%s);
            ANALYZE oracle.asked;
            """ % (", ".join("(timestamptz '%s')" % stamp(self.moment(since, self.now)) for _ in range(10)), stamp(since),
                   ", ".join(quote(t) for t in sorted(self.read))))
        self.emit("SET timezone = '%s';\n" % self.zone + self.values("vals"))
        self.emit("""SELECT 'fault|history of segment ' || m.segment || ', profile ' || m.profile_id || ': at ' || m.t || ' it should be ' || m.holds
            FROM (%s) m WHERE m.t > '%s' AND m.t <= '%s' AND m.holds <> (
                (SELECT count(*) FROM at_first f WHERE f.profile_id = m.profile_id AND f.segment = m.segment)
                + (SELECT coalesce(sum(CASE WHEN c.entered THEN 1 ELSE -1 END), 0) FROM {w}.segment_changes c
                   WHERE c.profile_id = m.profile_id AND c.segment = m.segment AND c.at > '%s' AND c.at <= m.t) = 1) LIMIT 4;
            SELECT 'changes|' || count(*) FROM {w}.segment_changes WHERE cause = 'clock';
            """ % (self.members("vals"), stamp(since), stamp(self.now), stamp(since)))

    def finish(self):
        r = self.r
        self.emit("SELECT 'fault|check: ' || concat_ws(' | ', x.*) FROM cdp.check('{w}') x LIMIT 5;\n")
        self.emit("CREATE TEMP TABLE before AS %s;\n" % STATES.format(w="w"))
        self.emit("SELECT cdp.rebuild('{w}') \\g /dev/null\n")
        self.emit(SAME.format(what="cdp.rebuild", a="before", b="(%s)" % STATES.format(w="w")))
        self.emit("SELECT 'fault|after cdp.rebuild: ' || x FROM oracle.wrong_errors() x LIMIT 5;\n" + LAWS)
        # Shuffled, in other batches, definitions before or after.
        later = r.random() < 0.5
        definitions = ("INSERT INTO other.computed_traits SELECT * FROM w.computed_traits%s;\n" % r.choice(["", " ORDER BY name DESC"]))
        self.emit(workspace("other", self.zone))
        if not later:
            self.emit(definitions)
        self.emit("CREATE TEMP TABLE deck AS SELECT row_number() OVER (ORDER BY md5(event_id::text || '%d')) AS n, * FROM w.events;\n" % self.number)
        self.emit("SET timezone = 'Asia/Tokyo'; SET cdp.batch_events = %d;\n" % r.choice([1, 3, 1000]))
        size = r.choice([1, 7, 1000])
        self.emit("DO $$ BEGIN FOR i IN 0 .. (SELECT count(*) / %d FROM deck) LOOP INSERT INTO other.events (%s) SELECT %s FROM deck"
                  " WHERE n > i * %d AND n <= (i + 1) * %d ORDER BY n; END LOOP; END $$;\n" % (size, COLUMNS, COLUMNS, size, size))
        if later:
            self.emit(definitions)
        self.emit("SELECT CASE kind WHEN 'link' THEN cdp.link('other', identifier_a::text, identifier_b::text)::text"
                  " ELSE cdp.separate('other', identifier_a::text, identifier_b::text)::text END FROM w.identity_decisions \\g /dev/null\n")
        self.emit(SAME.format(what="another order (%s)" % ("defined later" if later else "defined before"), a="(%s)" % STATES.format(w="w"),
                              b="(%s)" % STATES.format(w="other")))
        if self.number % 4 == 0:
            self.emit("SELECT 'fault|check of another order: ' || concat_ws(' | ', x.*) FROM cdp.check('other') x LIMIT 5;\n")
        self.emit("SELECT 'figures|' || (SELECT count(*) FROM w.events) || ' ' || (SELECT count(*) FROM w.profiles) || ' '"
                  " || (SELECT count(*) FROM w.merges) || ' ' || (SELECT coalesce(sum(n), 0) FROM w.computed_trait_errors);\n")
        self.emit(DROP + "SELECT cdp.drop_workspace('other') \\g /dev/null\n")

    def result(self):
        """Runs the script: (faults, changes by the clock, figures)."""
        path = os.path.join(os.environ["CDP_TMP"], "round.sql")
        text = "".join(self.script)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        done = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=verbose", "-f", path],
                              capture_output=True, text=True, timeout=patience(150))
        faults, changes, figures, at = [], 0, "", "the start"
        for line in done.stdout.splitlines():
            word, _, rest = line.partition("|")
            if word == "at":
                at = rest
            elif word == "fault":
                faults.append("%s: %s" % (at, rest))
            elif word == "changes":
                changes = int(rest)
            elif word == "figures":
                figures = rest
            elif word == "decision" and bad(rest.split("|")[1]):
                faults.append("%s: cdp.%s" % (at, rest))
        if done.returncode != 0 or "PANIC" in done.stderr or "XX000" in done.stderr:
            faults.append("%s: %s" % (at, done.stderr[-2000:]))
        traits = {name: t for name, t in self.traits.items() if any(name in fault for fault in faults)}
        faults += ["%s" % t.row() for t in list(traits.values())[:6]]
        faults += ["%s: %s" % (name, both[0]) for name, both in self.segments.items() if any("segment %s" % name in fault for fault in faults)][:4]
        if faults:
            sql("DROP SCHEMA IF EXISTS oracle, w, other CASCADE")
            kept = path.replace("round", "failed_%d" % self.number)
            os.replace(path, kept)
        return faults, changes, figures


# What a profile has, by its smallest identifier. Days behind a window may still be stored or not, so it is values
# from now on, not what is stored.
STATES = """SELECT (SELECT min(i.identifier::text) FROM {w}.identifiers i WHERE i.profile_id = p.profile_id) AS who,
    (SELECT array_agg(concat_ws(' ', d, e.name, e.kind, e.window_days, e.value, e.exact) ORDER BY d, e.name)
     FROM unnest(ARRAY[0, 1, 3, 10, 40, 100, 300, 500]) d, cdp.computed_entries(p.computed, cdp.now() + d * interval '1 day') e) AS state
    FROM {w}.profiles p"""
# The laws of a mergeable value, on the profiles' states; serial and parallel aggregation.
LAWS = """
    SELECT 'fault|law: ' || l.law || ', profiles ' || concat_ws(', ', a.profile_id, b.profile_id, c.profile_id)
    FROM {w}.profiles a CROSS JOIN {w}.profiles b CROSS JOIN {w}.profiles c
    CROSS JOIN LATERAL (VALUES
        ('associative', (a.computed || b.computed) || c.computed, a.computed || (b.computed || c.computed)),
        ('commutative', a.computed || b.computed, cdp.merge(b.computed, a.computed)),
        ('identity', a.computed || '{}', '{}' || a.computed),
        ('identity', a.computed || '{}', a.computed),
        ('text and back', a.computed::text::cdp.computed, a.computed)) l(law, x, y)
    WHERE a.profile_id <= b.profile_id AND b.profile_id <= c.profile_id AND (l.x <> l.y OR l.x::text <> l.y::text) LIMIT 5;
    CREATE TEMP TABLE serial AS SELECT cdp.merge_agg(computed ORDER BY profile_id) AS all_of_them FROM {w}.profiles;
    SELECT 'fault|law: the other way round' FROM {w}.profiles HAVING cdp.merge_agg(computed ORDER BY profile_id DESC)::text <> (SELECT all_of_them::text FROM serial);
    SELECT 'fault|law: sums of ' || e.name || ' are ' || e.value || ', not ' || o.total
    FROM serial CROSS JOIN LATERAL cdp.computed_entries(all_of_them) e
    JOIN (SELECT e.name, sum((e.value #>> '{}')::numeric) AS total FROM {w}.profiles p, cdp.computed_entries(p.computed) e
          WHERE e.kind IN ('count', 'sum') GROUP BY 1) o USING (name)
    WHERE (e.value #>> '{}')::numeric IS DISTINCT FROM o.total LIMIT 5;
    SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2;
    SELECT 'fault|law: parallel' FROM {w}.profiles HAVING cdp.merge_agg(computed)::text <> (SELECT all_of_them::text FROM serial);
    RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size; RESET max_parallel_workers_per_gather;
"""
SAME = """SELECT 'fault|{what}: ' || coalesce(a.who, b.who) || ': ' || (SELECT concat(min(x), ' and ', max(x)) FROM (
        (SELECT unnest(a.state) EXCEPT SELECT unnest(b.state)) UNION (SELECT unnest(b.state) EXCEPT SELECT unnest(a.state))) q(x))
    FROM {a} a FULL JOIN {b} b USING (who) WHERE a.state IS DISTINCT FROM b.state LIMIT 2;
"""


def heavy(tap):
    """Thousands of events of two people in one statement: days decades apart, hundreds of events a day, wide numbers,
    long texts. Every kind and type, with windows and without; folded and back-filled."""
    expressions = {"n": ["amount", "CASE WHEN n % 5 = 0 THEN amount * 1e40 ELSE amount END", "n % 300"], "t": ["word", "n::text"], "b": ["n % 3 = 0"],
                   "ts": ["occurred_at", "date_trunc('hour', occurred_at)"], "d": ["occurred_at::date"], "j": ["properties"]}
    traits = []
    r = random.Random(60)
    for kind in KINDS:
        for type_ in sorted(set(TYPES.get(kind, SPREAD))):
            for window in (None, r.choice([1, 30, 400, 3650])):
                trait = Trait(r, "%s_%s_%s" % (kind, type_, window), type_, kind)
                trait.type, trait.event, trait.filter, trait.window, trait.limit, trait.most = type_, None, r.choice([None, None, "n % 2 = 0"]), window, 100, 10000
                trait.expression = r.choice(expressions[type_])
                traits.append(trait)
    story = Round(0, r)
    definitions = story.types(traits) + (INTO + ",\n".join(t.row() for t in traits)).replace("{w}", "w") + ";\n"
    insert = """
        SELECT setseed(0.6) \\g /dev/null
        INSERT INTO w.events (event, identifiers, occurred_at, received_at, amount, n, word, properties)
        SELECT 'e', ARRAY['user_id:u' || n % 2], t, t, ((random() - 0.4) * 1e6)::numeric(20, 6) * 10 ^ (n % 7 - 3), n,
               CASE n % 10 WHEN 0 THEN repeat('x', 1000 + n % 20) WHEN 1 THEN NULL ELSE 'w' || floor(random() * 400) END, jsonb_build_object('n', n)
        FROM (SELECT n, CASE n % 4 WHEN 0 THEN timestamptz '1960-01-01' + random() * interval '70 years'
                                   WHEN 1 THEN timestamptz '2024-05-01' + random() * interval '40 days'
                                   ELSE timestamptz '2024-05-20 20:00+00' + random() * interval '12 hours' END AS t
              FROM generate_series(1, 1500) n) q;
        """
    for how, order in (("folded", definitions + "SET cdp.batch_events = 1000;" + insert), ("back-filled", insert + definitions),
                       ("folded in small batches", definitions + "SET cdp.batch_events = 7;" + insert)):
        found = sql(SETTINGS + "SELECT cdp.create_workspace('w') \\g /dev/null\nUPDATE w.settings SET time_zone = 'Europe/London';\n"
                    "ALTER TABLE w.events ADD COLUMN n int, ADD COLUMN word text;\nSET cdp.clock = '2024-05-21 12:00+00';\n" + setup("w") + order +
                    "SELECT oracle.learn(), oracle.ask_now() \\g /dev/null\nANALYZE oracle.facts, w.events, w.settings, w.identifiers, w.computed_traits;\n"
                    "SELECT x FROM oracle.wrong_now() x LIMIT 5;\nUPDATE oracle.asked SET t = '2024-06-12 23:00+00';\nSELECT x FROM oracle.wrong_later() x LIMIT 5;\n" + DROP)
        tap.equal(found, "", "1,500 events of two people, %s: %d traits" % (how, len(traits)))


# Until the writers have got on, or have ended; so that definitions come between their events.
WRITERS_GO_ON = """DO $$ DECLARE n bigint := (SELECT count(*) FROM w.events); BEGIN
    FOR i IN 1 .. 50 LOOP EXIT WHEN (SELECT count(*) FROM w.events) > n + 8; PERFORM pg_sleep(0.01); END LOOP; END $$;
"""


def beside(tap):
    """Definitions while events come in by two sessions: a back-fill misses no writer."""
    r = random.Random(6)
    story = Round(0, r)
    story.find_edges()
    sql(SETTINGS + workspace("w", story.zone) + setup("w"))
    clock = "SET cdp.clock = '%s';\n" % stamp(story.now)
    scripts = []
    for _ in range(2):
        lines = [SETTINGS, clock]
        for _ in range(60):
            lines.append(story.insert([story.event() for _ in range(r.choice([1, 1, 4]))]).replace("{w}", "w"))
        scripts.append(lines)
    lines = [SETTINGS, clock]
    names = sorted(story.traits)[:40]
    for start in range(0, len(names), 8):
        some = [story.traits[n] for n in names[start:start + 8]]
        lines.append(story.types(some) + INTO.replace("{w}", "w") + ",\n".join(t.row() for t in some) + ";\n" + WRITERS_GO_ON)
        if start:
            gone = names[start - 5]
            lines.append("DELETE FROM w.computed_traits WHERE name = %s;\n" % quote(gone))
    scripts.append(lines)
    running = []
    for number, lines in enumerate(scripts):
        path = os.path.join(os.environ["CDP_TMP"], "beside%d.sql" % number)
        with open(path, "w", encoding="utf-8") as f:
            f.writelines(lines)
        running.append(subprocess.Popen(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=verbose", "-f", path], text=True,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE))
    tap.equal([p.communicate()[1] for p in running], [""] * 3, "definitions beside two writers")
    found = sql(SETTINGS + clock + "SELECT oracle.learn(), oracle.ask_now() \\g /dev/null\nSELECT x FROM oracle.wrong_now() x LIMIT 6;\n"
                "SELECT x FROM oracle.wrong_errors() x LIMIT 3; SELECT * FROM cdp.check('w') LIMIT 5;")
    tap.equal(found, "", "... have the values that they should")
    sql(DROP)


def main():
    tap = Tap()
    sql(ONCE)
    heavy(tap)
    beside(tap)
    definitions = changes = 0
    for number in range(FIRST, FIRST + ROUNDS):
        round_ = Round(number, random.Random(number))
        try:
            faults, n, figures = round_.run()
        except (SqlError, subprocess.TimeoutExpired) as error:
            faults, n, figures = [str(error)[:3000]], 0, ""
        definitions += round_.defined
        changes += n
        tap.ok(not faults, "seed %d, %s: %d definitions, %d states" % (number, round_.zone, round_.defined, round_.steps), "\n".join(faults[:30]))
        print("# events, profiles, merges, errors: %s; changes by the clock: %d" % (figures, n))
    print("# %d definitions, %d changes of segments by the clock" % (definitions, changes))
    tap.done()


if __name__ == "__main__":
    main()
