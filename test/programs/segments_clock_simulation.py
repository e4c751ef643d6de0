#!/usr/bin/env python3
"""
Segments and the clock, by simulation: random profiles, random predicates from a grammar, the clock moved
forward at random over two years with daylight-saving changes. The oracle is the predicate itself in a
plain query, with a column of instants in place of now().

Rounds without events: each change by the clock is there, and exactly where the predicate changes: at
t - 1 us it is what it was, at t and t + 1 us what it has become; and at random instants, in the hours of
clock changes and at ends of months, what segment_changes adds up to is what the predicate says. So no
flip is missed, however late the tick.

Rounds with events (late ones and merges too): after each tick membership is what the predicate says, and
what segment_changes adds up to. cdp.check finds nothing at the end of any round.
timeout: 500
weight: 22

    segments_clock_simulation.py [rounds [seed]]     25 predicates each; 15 rounds of seed 2024, make test-long has 41

make test-long has 400 more of another seed, too.
"""

import os
import random
import re
import sys
from datetime import datetime, timedelta, timezone

from cdptest import SqlError, Tap, rows, sql

ROUNDS = 15
PREDICATES = 25
PROFILES = 12

# Europe/London and Asia/Ho_Chi_Minh, and zones that change at midnight, by half an hour, or both ways.
ZONES = ["Europe/London", "Europe/London", "Asia/Ho_Chi_Minh", "America/Santiago", "Australia/Lord_Howe",
         "Africa/Casablanca"]
INTERVALS = ["21 days", "1 month", "3 months", "1 day", "36 hours", "90 days", "1 mon 3 days 02:00", "1 year",
             "29 days 23:30:00", "7 days", "1 hour", "60 days", "11 months 29 days", "-1 day"]
SINCE = ["last_seen", "first_seen", "cdp.last_purchase_at(ltv)", "due_at", "(traits->>'renewal')::timestamptz"]
DAYS = ["due_on", "(traits->>'renewal_date')::date", "last_seen::date", "(traits->>'born')::date"]
ORDER = ["<", "<=", ">", ">="]
ANY_ORDER = ORDER + ["=", "<>"]
PLAIN = ["event_count > 2", "cdp.total(ltv, 'GBP') > 50", "traits->>'plan' = 'gold'", "due_at IS NOT NULL", "true"]


class Grammar:
    def __init__(self, random_):
        self.r = random_

    def pick(self, *choices):
        return self.r.choice(choices)

    def interval(self):
        return "interval '%s'" % self.r.choice(INTERVALS)

    def since(self):
        return self.r.choice(SINCE)

    def instant(self, depth=2):
        """A timestamptz that moves with the clock."""
        kind = self.r.randrange(12 if depth else 4)
        if kind <= 2:
            return "now() %s %s" % (self.pick("-", "-", "+"), self.interval())
        if kind == 3:
            return self.pick("now()", "current_timestamp", "transaction_timestamp()", "current_timestamp(0)",
                             "date_trunc('%s', now())" % self.pick("day", "week", "month", "hour", "quarter"))
        if kind == 4:
            return "(%s) %s %s" % (self.instant(depth - 1), self.pick("-", "+"), self.interval())
        if kind == 5:
            return "greatest(%s, %s)" % (self.instant(depth - 1), self.since())
        if kind == 6:
            return "least(%s, %s)" % (self.since(), self.instant(depth - 1))
        if kind == 7:
            return "coalesce(%s, %s)" % (self.since(), self.instant(depth - 1))
        if kind == 8:
            return "CASE WHEN %s THEN %s ELSE %s END" % (
                self.condition(depth - 1), self.instant(depth - 1), self.instant(depth - 1))
        if kind == 9:
            return "(%s)::timestamptz" % self.local(depth - 1)
        if kind == 10:
            return "(%s)::timestamptz" % self.day(depth - 1)
        return "date_trunc('%s', %s)" % (self.pick("day", "week", "month", "year"), self.instant(depth - 1))

    def local(self, depth=1):
        kind = self.r.randrange(5 if depth else 3)
        if kind == 0:
            return "localtimestamp"
        if kind == 1:
            return "(now() AT TIME ZONE '%s')" % self.pick("Europe/London", "Asia/Ho_Chi_Minh", "America/New_York")
        if kind == 2:
            return "now()::timestamp"
        if kind == 3:
            return "%s %s %s" % (self.local(depth - 1), self.pick("-", "+"), self.interval())
        return "(%s)::timestamp" % self.instant(depth - 1)

    def day(self, depth=1):
        kind = self.r.randrange(5 if depth else 3)
        if kind == 0:
            return "current_date"
        if kind == 1:
            return "current_date %s %d" % (self.pick("-", "+"), self.r.randrange(0, 400))
        if kind == 2:
            return "now()::date"
        if kind == 3:
            return "(%s)::date" % self.instant(depth - 1)
        return "(%s)::date" % self.local(depth - 1)

    def condition(self, depth=2):
        """A boolean that reads the clock."""
        kind = self.r.randrange(17)
        order = self.r.choice(ORDER)
        if kind <= 2:
            return "%s %s %s" % (self.since(), order, self.instant(depth))
        if kind == 3:
            return "%s BETWEEN now() - interval '90 days' AND now() - interval '%d days'" % (
                self.since(), self.r.randrange(0, 90))
        if kind == 4:
            return "now() - %s %s %s" % (self.since(), order, self.interval())
        if kind == 5:
            return "%s %s %s" % (self.r.choice(DAYS), self.r.choice(ANY_ORDER), self.day())
        if kind == 6:
            return "%s - %s %s %d" % (self.day(), self.r.choice(DAYS), self.r.choice(ANY_ORDER), self.r.randrange(-20, 400))
        if kind == 7:
            return "age(%s, %s) %s %s" % (self.pick("now()", "current_timestamp", "now() - interval '1 month'"),
                                          self.since(), order, self.interval())
        if kind == 8:
            return "age(%s) %s %s" % (self.pick(self.since(), "local_at"), order, self.interval())
        if kind == 9:
            return "extract(epoch FROM now() - %s) / 86400 %s %s" % (self.since(), order, self.pick(7, 21.5, 90, 365))
        if kind == 10:
            return "extract(day FROM now() - %s) %s %d" % (self.since(), self.r.choice(ANY_ORDER), self.r.randrange(0, 200))
        if kind == 11:
            return "extract(year FROM age(%s, %s)) %s %d" % (
                self.pick("current_date", "now()::date"), self.pick("due_on", "(traits->>'born')::date"), order,
                self.r.randrange(0, 3))
        if kind == 12:
            return self.pick(
                "extract(dow FROM current_date) = %d" % self.r.randrange(7),
                "extract(month FROM now()) IN (%d, %d)" % (self.r.randrange(1, 13), self.r.randrange(1, 13)),
                "to_char(current_date, 'MM-DD') = to_char(%s, 'MM-DD')" % self.r.choice(DAYS),
                "extract(week FROM now() - interval '1 month') = %d" % self.r.randrange(1, 54),
                "current_date IN ('2024-10-27', '2025-03-30', '2025-02-28', '2024-12-25')",
                "extract(isodow FROM localtimestamp) > 5 AND extract(year FROM now()) = 2025",
                "first_seen > now() - interval '3 days' AND extract(hour FROM now()) = %d" % self.r.randrange(24))
        if kind == 13:
            return "%s %s %s" % (self.pick("local_at", "due_on::timestamp"), order, self.local())
        if kind == 14:
            return "%s %s %s" % (self.pick("local_at", "due_on", "due_at"), order, self.pick(self.local(), self.instant()))
        if kind == 15:
            return "CASE %s WHEN %s THEN %s ELSE %s END" % (
                self.pick("event_count % 3", "extract(isodow FROM current_date)::int"), self.r.randrange(4),
                self.condition(0), self.condition(0))
        return "date_trunc('month', %s) = date_trunc('month', now())" % self.since()

    def predicate(self, depth=3):
        kind = self.r.randrange(10) if depth else 0
        if kind <= 3:
            return self.condition()
        if kind == 4:
            return self.r.choice(PLAIN)
        if kind == 5:
            return "NOT (%s)" % self.predicate(depth - 1)
        if kind == 6:
            return "CASE WHEN %s THEN %s WHEN %s THEN %s END" % tuple(self.predicate(depth - 1) for _ in range(4))
        if kind == 7:
            return "coalesce(%s, %s)" % (self.predicate(depth - 1), self.predicate(depth - 1))
        if kind == 8:
            return "(%s)::int + (%s)::int >= 1" % (self.predicate(depth - 1), self.predicate(depth - 1))
        return "(%s %s %s)" % (self.predicate(depth - 1), self.pick("AND", "OR"), self.predicate(depth - 1))


def at_instant(predicate, instant):
    """The predicate with an instant for the clock: the oracle, in a session of the workspace's zone."""
    for pattern, replacement in (
            (r"now\(\)|transaction_timestamp\(\)|current_timestamp\(0\)|current_timestamp|localtimestamp|current_date", None),):
        def replace(found):
            word = found.group(0)
            if word == "current_date":
                return "(%s)::date" % instant
            if word == "localtimestamp":
                return "(%s)::timestamp" % instant
            if word == "current_timestamp(0)":
                return "(%s)::timestamptz(0)" % instant
            return instant
        predicate = re.sub(pattern, replace, predicate)
    # age(x) counts from the day's begin
    return re.sub(r"age\(((?:[^(),]|\((?:[^(),]|\([^()]*\))*\))*)\)",
                  lambda found: "age((%s)::date, %s)" % (instant, found.group(1)), predicate)


def stamp(moment):
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f+00")


# Moments around which clocks change, and ends of months.
EDGES = [datetime(y, m, d, h, tzinfo=timezone.utc) for y, m, d, h in (
    (2024, 3, 31, 1), (2024, 10, 27, 1), (2025, 3, 30, 1), (2025, 10, 26, 1), (2024, 4, 7, 3), (2024, 9, 8, 4),
    (2024, 4, 6, 15), (2024, 10, 5, 15), (2025, 2, 23, 2), (2025, 4, 6, 2), (2024, 2, 29, 0), (2024, 3, 1, 0),
    (2025, 2, 28, 0), (2025, 3, 1, 0), (2024, 12, 31, 0), (2024, 4, 30, 23), (2025, 1, 31, 12), (2024, 8, 31, 0))]


class Round:
    def __init__(self, number, random_):
        self.r = random_
        self.name = "s%d" % number
        self.zone = ZONES[number % len(ZONES)]
        self.events = number % 3 == 2
        self.begin = datetime(2024, 1, 1, tzinfo=timezone.utc) + timedelta(minutes=self.r.randrange(1440))
        grammar = Grammar(self.r)
        self.predicates = {"p%02d" % i: grammar.predicate() for i in range(PREDICATES)}
        self.oracles = dict(self.predicates)
        self.refer()

    def refer(self):
        """Three segments that refer to the others by queries; their oracle has the predicates of those written out."""
        holds = {name: "coalesce((%s), false)" % text for name, text in self.predicates.items()}
        for i in range(3):
            a, b, c = self.r.sample(sorted(holds), 3)
            prefix = "p%d" % self.r.randrange(3)
            of_prefix = "(%s)" % " OR ".join(text for name, text in holds.items() if name.startswith(prefix))
            query, oracle = self.r.choice([
                ("%s & (%s | !%s)" % (a, b, c), "(%s AND (%s OR NOT %s))" % (holds[a], holds[b], holds[c])),
                ("!(%s & %s) & %s" % (a, b, c), "(NOT (%s AND %s) AND %s)" % (holds[a], holds[b], holds[c])),
                ("!%s* & !%s" % (prefix, a), "(NOT %s AND NOT %s)" % (of_prefix, holds[a])),
                ("%s* & %s | !%s" % (prefix, a, b), "(%s AND %s OR NOT %s)" % (of_prefix, holds[a], holds[b]))])
            form = self.r.choice(["%s", "NOT (%s)", "(%s OR event_count > 2)", "(%s AND due_at < now())"])
            self.predicates["q%d" % i] = form % ("segments @@ '%s'" % query)
            self.oracles["q%d" % i] = form % oracle

    def moment(self, first, last):
        """A random moment, often near where clocks change or a month ends."""
        if self.r.random() < 0.5:
            edge = self.r.choice(EDGES) + timedelta(minutes=self.r.choice([-60, -30, 0, 0, 30, 60, 90, 1440]),
                                                    microseconds=self.r.choice([-1, 0, 1, 12345]))
            edge -= timedelta(days=self.r.choice([0, 0, 1, 7, 21, 30, 31, 90]))
            if first <= edge <= last:
                return edge
        return first + (last - first) * self.r.random()

    def event(self, now, person):
        moment = self.moment(now - timedelta(days=400), now)
        if self.r.random() < 0.5:
            moment = now
        traits = "NULL"
        if self.r.random() < 0.6:
            traits = "jsonb_build_object('plan', '%s', 'renewal', timestamptz '%s', 'renewal_date', date '%s', 'born', date '%s')" % (
                self.r.choice(["gold", "iron"]), stamp(self.moment(self.begin, self.begin + timedelta(days=700))),
                self.moment(self.begin, self.begin + timedelta(days=700)).date(),
                datetime(2000 + self.r.randrange(25), self.r.randrange(1, 13), self.r.randrange(1, 29)).date())
        identifiers = "ARRAY['user_id:%d']" % person
        if self.events and self.r.random() < 0.2:
            identifiers = "ARRAY['cookie:%d', 'cookie:%d']" % (person, self.r.randrange(PROFILES))
        return "('e', %s, timestamptz '%s', timestamptz '%s', %s, 'GBP', %s)" % (
            identifiers, stamp(moment), stamp(now), self.r.choice([0, 10, 60, -5]), traits)

    def insert(self, events):
        return ("INSERT INTO %s.events (event, identifiers, occurred_at, received_at, amount, currency, traits) VALUES %s;"
                % (self.name, ", ".join(events)))

    def create(self):
        w = self.name
        return """
            SELECT cdp.create_workspace('{w}');
            UPDATE {w}.settings SET time_zone = '{zone}';
            ALTER TABLE {w}.profiles ADD COLUMN due_at timestamptz, ADD COLUMN due_on date, ADD COLUMN local_at timestamp;
            SET cdp.clock = '{begin}';
            {events}
            UPDATE {w}.profiles SET due_at = CASE WHEN profile_id % 4 > 0 THEN first_seen + interval '1 day' * (profile_id * 37) END,
                due_on = date '{begin}' + (profile_id * 53)::int, local_at = first_seen::timestamp + interval '13:30';
            """.format(w=w, zone=self.zone, begin=stamp(self.begin), events=self.insert(
                [self.event(self.begin, i) for i in range(PROFILES)]))

    def define(self):
        return "INSERT INTO %s.segments (name, predicate) VALUES %s;" % (self.name, ", ".join(
            "('%s', $p$%s$p$)" % item for item in self.predicates.items()))

    def faults_at(self, instants):
        """Where the sum of segment_changes at an instant is not what the predicate says."""
        return " UNION ALL ".join("""
            SELECT '{s}', p.profile_id::text, n.t::text, coalesce(({oracle}), false)::text
            FROM {w}.profiles p CROSS JOIN {instants} n(t)
            WHERE coalesce(({oracle}), false) <> ((SELECT coalesce(sum(CASE WHEN c.entered THEN 1 ELSE -1 END), 0)
                FROM {w}.segment_changes c
                WHERE c.profile_id = p.profile_id AND c.segment = '{s}' AND c.at <= n.t) > 0)""".format(
                    s=name, w=self.name, instants=instants, oracle=at_instant(predicate, "n.t"))
            for name, predicate in self.oracles.items())

    def faults_of_changes(self):
        """Changes whose predicate does not say so from that microsecond on, and the contrary just before."""
        return " UNION ALL ".join("""
            SELECT '{s}', p.profile_id::text, c.at::text, c.cause
            FROM {w}.segment_changes c JOIN {w}.profiles p USING (profile_id)
            CROSS JOIN (VALUES (-1), (0), (1)) d(us)
            CROSS JOIN LATERAL (SELECT c.at + d.us * interval '1 microsecond') n(t)
            WHERE c.segment = '{s}' AND c.cause = 'clock'
              AND coalesce(({oracle}), false) <> (c.entered = (d.us >= 0))
              AND NOT EXISTS (SELECT FROM {w}.segment_changes x WHERE x.profile_id = c.profile_id
                              AND x.segment = c.segment AND x.at = c.at + interval '1 microsecond')""".format(
                                  s=name, w=self.name, oracle=at_instant(predicate, "n.t"))
            for name, predicate in self.oracles.items())

    def run(self):
        """Everything in one session; returns (faults, changes by the clock)."""
        now = self.begin
        end = self.begin + timedelta(days=730)
        script = [self.create(), self.define(), "CREATE TEMP TABLE times (t timestamptz);"]
        script.append("SET timezone = '%s';" % self.zone)
        faults = []
        while now < end:
            now = max(now, self.moment(now, min(end, now + timedelta(days=self.r.choice([1, 20, 90, 200])))))
            now += timedelta(microseconds=self.r.randrange(1, 1000000))
            script.append("SET cdp.clock = '%s';" % stamp(now))
            if self.events and self.r.random() < 0.7:
                script.append(self.insert([self.event(now, self.r.randrange(PROFILES))
                                           for _ in range(self.r.randrange(1, 4))]))
            script.append("CALL cdp.run('%s', %d);" % (self.name, self.r.choice([3, 100])))
            if self.events:
                script.append(self.faults_at("(VALUES (timestamptz '%s'))" % stamp(now)) + ";")
        if not self.events:
            instants = [stamp(self.moment(self.begin, now)) for _ in range(30)] + [stamp(now)]
            script.append("INSERT INTO times VALUES %s;" % ", ".join("('%s')" % i for i in instants))
            script.append(self.faults_at("times") + ";")
            script.append(self.faults_of_changes() + ";")
        script.append("SELECT 'check', * FROM cdp.check('%s');" % self.name)
        script.append("SELECT 'changes', count(*) FILTER (WHERE cause = 'clock') FROM %s.segment_changes;" % self.name)
        script.append("SELECT cdp.drop_workspace('%s');" % self.name)
        changes = 0
        for row in rows("\n".join(script), options="-c client_min_messages=error -c jit=off"):
            if row[0] == "changes":
                changes = int(row[1])
            elif len(row) > 1:
                faults.append(row + [self.predicates.get(row[0], "")])
        return faults, changes


def main():
    tap = Tap()
    count = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 2024
    sql("SET client_min_messages = error; CREATE EXTENSION IF NOT EXISTS cdp")
    changes = 0
    faults = []
    for number in range(count):
        try:
            round_ = Round(number, random.Random(seed * 100000 + number))
            found, n = round_.run()
            changes += n
        except SqlError as error:
            found = [["round %d" % number, str(error)[:3000]]]
        faults += [["round %d, %s" % (number, round_.zone)] + fault for fault in found]
    tap.ok(not faults, "%d rounds of %d predicates: membership is what they say" % (count, PREDICATES),
           "\n".join("\t".join(fault) for fault in faults[:20]) + "\n%d in all" % len(faults))
    tap.ok(changes > 100 * count, "segments changed by the clock", "%d changes" % changes)
    print("# %d predicates, %d changes by the clock" % (count * PREDICATES, changes))
    tap.done()


if __name__ == "__main__":
    main()
