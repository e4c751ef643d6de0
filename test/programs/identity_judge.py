#!/usr/bin/env python3
"""
cdp.check is right about identity. The state that random events, rules and decisions define by a
brute-force oracle (test/lib/identity_oracle.py) is written into the tables past the engine: cdp.check finds
nothing. Then each part of it is spoilt, in a transaction of its own: cdp.check finds that.
timeout: 170
weight: 10

    identity_judge.py [SEEDS [FIRST]]        random states (5; make test-long has 50), first seed (1)
"""

import random
import sys

from cdptest import Tap, rows, sql
from identity_oracle import Decision, Rules, link_is_refused, separate_is_refused, solve
from identity_state import SETTINGS
from identity_streams import COLUMNS, event_row, quote, random_events, random_rules, rules_sql

SEEDS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
FIRST = int(sys.argv[2]) if len(sys.argv) > 2 else 1
W = "judged"


def random_decisions(rng, events, rules):
    """Decisions that none of the others forbids; some of their ends identify nobody."""
    decisions = []
    state = solve(events, rules, [])
    known = sorted(state.identifiers) + ["user_id:new1", "cookie:new2", "cookie:null"]
    for _ in range(rng.choice([0, 0, 1, 3, 8])):
        kind = rng.choice(["link", "separate"])
        a, b = rng.sample(known, 2)
        if any({d.a, d.b} == {a, b} for d in decisions):
            continue
        refuses = link_is_refused if kind == "link" else separate_is_refused
        if refuses(decisions, lambda i: i in state.component_of, a, b) is False:
            decisions.append(Decision(a, b, kind))
    return decisions


def insert(table, columns, values):
    if not values:
        return ""
    return "INSERT INTO %s.%s (%s) VALUES\n%s;\n" % (
        W, table, columns, ",\n".join("(%s)" % ", ".join(map(quote, row)) for row in values))


def decided(decisions):
    """Rows of decisions; the smaller end by its bytes comes first."""
    return insert("identity_decisions", "identifier_a, identifier_b, kind, decided_at, decided_by", [
        (*sorted([d.a, d.b], key=str.encode), d.kind, "2024-02-01", "someone") for d in decisions])


def written(rng, events, rules, decisions, state):
    """SQL that writes the state, whatever the triggers would do."""
    numbers = {component: number for number, component in enumerate(sorted(state.profiles, key=sorted), 1)}
    text = SETTINGS + "SELECT cdp.create_workspace('%s');\nSET session_replication_role = replica;\n" % W
    text += "DELETE FROM {w}.identifier_namespaces; DELETE FROM {w}.blocked_identifiers;\n".format(w=W)
    text += rules_sql(W, ({}, [], 1000), (rules.namespaces, rules.blocked, rules.max_identifiers))
    text += "INSERT INTO %s.events (%s) VALUES\n%s;\n" % (W, COLUMNS, ",\n".join(map(event_row, events)))
    text += "UPDATE {w}.events e SET anchor = a.anchor::cdp.identifier FROM (VALUES {rows}) a(event_id, anchor) WHERE a.event_id = e.event_id;\n".format(
        w=W, rows=", ".join("(%s::uuid, %s::text)" % (quote(e), quote(a)) for e, a in state.anchors.items()))
    text += "INSERT INTO {w}.event_ids SELECT event_id FROM {w}.events;\n".format(w=W)
    text += insert("identifiers", "identifier, profile_id, first_seen, last_seen, anchored_at, generic", [
        (name, numbers.get(i.component), i.first_seen or "2020-01-01", i.last_seen or "2020-01-01", i.anchored_at, i.generic)
        for name, i in state.identifiers.items()])
    text += insert("identity_links", "anchor, identifier, occurred_at, event_id", state.links)
    text += insert("identity_refusals", "identifier, anchor, reason, occurred_at, event_id", state.refusals)
    text += insert("identifier_companions", "identifier, companion", [
        (v, w) for v, found in state.companions.items() for w in found])
    text += decided(decisions)
    text += """
        INSERT INTO {w}.profiles (profile_id, first_seen, last_seen, event_count, evaluated_at, identifier_count,
                                  contested_until, traits, ltv, computed, segments)
        SELECT i.profile_id, min(e.at), max(e.at), count(*), now(),
               (SELECT count(*) FROM {w}.identifiers n WHERE n.profile_id = i.profile_id), c.until,
               coalesce(cdp.traits_agg(e.traits, e.at, e.event_id, e.source), '{{}}'),
               cdp.ltv_agg(e.amount, e.currency, e.at, 'UTC'), '{{}}', '{{}}'
        FROM (SELECT *, CASE WHEN occurred_at < '1995-01-01+00' OR received_at < occurred_at
                             THEN received_at ELSE occurred_at END AS at FROM {w}.events) e
        JOIN {w}.identifiers i ON i.identifier = e.anchor
        JOIN (VALUES {contested}) c(profile_id, until) ON c.profile_id = i.profile_id
        GROUP BY i.profile_id, c.until;
        SELECT setval(pg_get_serial_sequence('{w}.profiles', 'profile_id'), 1000000);
        """.format(w=W, contested=", ".join("(%d, %s::timestamptz)" % (numbers[c], quote(p.contested_until))
                                            for c, p in state.profiles.items()) or "(0, now())")
    return text


def rows_of(state):
    """What of a state can be seen in the tables."""
    return state.links, state.refusals, state.identifiers, state.profiles


def faults(rng, events, rules, decisions, state):
    """(what, SQL): each a state that is wrong for certain."""
    def some(things):
        things = sorted(things)
        return rng.sample(things, min(2, len(things)))

    def at(table, **key):
        return "%s.%s WHERE %s" % (W, table, " AND ".join("%s = %s" % (k, quote(v)) for k, v in key.items()))

    pair_reasons = ["limit", "separated", "merge"]
    numbers = len(state.profiles)
    for anchor, identifier, when, event_id in some(state.links):
        yield "a link less", "DELETE FROM " + at("identity_links", anchor=anchor, identifier=identifier)
        yield "a link refused", (
            "DELETE FROM " + at("identity_links", anchor=anchor, identifier=identifier) + ";" +
            insert("identity_refusals", "identifier, anchor, reason, occurred_at, event_id",
                   [(identifier, anchor, rng.choice(pair_reasons), when, event_id)]))
        yield "a link at another time", "UPDATE {t} SET occurred_at = occurred_at + interval '1 us' WHERE {k}".format(
            t=W + ".identity_links", k=at("identity_links", anchor=anchor, identifier=identifier).split(" WHERE ")[1])
    for identifier, anchor, reason, when, event_id in some([r for r in state.refusals if r[1] is not None]):
        where = at("identity_refusals", identifier=identifier, anchor=anchor, reason=reason).split(" WHERE ")[1]
        yield "a refusal less", "DELETE FROM %s.identity_refusals WHERE %s" % (W, where)
        other = rng.choice([r for r in pair_reasons + ["generic", "blocked", "invalid"] if r != reason])
        yield "another reason", "UPDATE %s.identity_refusals SET reason = %s WHERE %s" % (W, quote(other), where)
        if reason in pair_reasons:
            yield "a refusal accepted", "DELETE FROM %s.identity_refusals WHERE %s;" % (W, where) + insert(
                "identity_links", "anchor, identifier, occurred_at, event_id", [(anchor, identifier, when, event_id)])
    for name in some(state.identifiers):
        identifier = state.identifiers[name]
        where = " WHERE identifier = %s" % quote(name)
        yield "generic or not", "UPDATE %s.identifiers SET generic = NOT generic" % W + where
        yield "an identifier less", "DELETE FROM %s.identifiers" % W + where
        yield "another anchor's time", "UPDATE {w}.identifiers SET anchored_at = coalesce(anchored_at - interval '1 us', '2024-01-01')".format(w=W) + where
        if identifier.component is not None and numbers > 1:
            yield "another profile", "UPDATE {w}.identifiers SET profile_id = profile_id % {n} + 1".format(w=W, n=numbers) + where
        if identifier.component is not None:
            yield "no profile", "UPDATE %s.identifiers SET profile_id = NULL" % W + where
    for v in some(v for v in state.companions if v not in state.generic):
        yield "a companion less", "DELETE FROM " + at("identifier_companions", identifier=v, companion=min(state.companions[v]))
    for v in some(state.generic):
        yield "no companions", "DELETE FROM " + at("identifier_companions", identifier=v)
    yield "a companion more", insert("identifier_companions", "identifier, companion", [("user_id:x", "user_id:y")])
    for number in some(range(1, numbers + 1)):
        yield "contested otherwise", ("UPDATE {w}.profiles SET contested_until = CASE WHEN isfinite(contested_until) THEN '-infinity'::timestamptz"
                                      " WHEN contested_until IS NULL THEN '-infinity' END WHERE profile_id = {n}".format(w=W, n=number))
    if numbers > 1:
        yield "two profiles one", ("UPDATE {w}.identifiers SET profile_id = 1 WHERE profile_id = 2; DELETE FROM {w}.profiles WHERE profile_id = 2;"
                                   .format(w=W))
    for d in decisions:
        if rows_of(solve(events, rules, [other for other in decisions if other is not d])) != rows_of(state):
            yield "a decision less", (
                "DELETE FROM {w}.identity_decisions WHERE identifier_a IN ({a}, {b}) AND identifier_b IN ({a}, {b})"
                .format(w=W, a=quote(d.a), b=quote(d.b)))
    for a, b in some((a, b) for a in state.component_of for b in state.component_of
                     if a < b and not any({d.a, d.b} == {a, b} for d in decisions)):
        for kind in ("link", "separate"):
            if rows_of(solve(events, rules, decisions + [Decision(a, b, kind)])) != rows_of(state):
                yield "a decision more", decided([Decision(a, b, kind)])


def main():
    tap = Tap()
    planted = 0
    for seed in range(FIRST, FIRST + SEEDS):
        rng = random.Random(seed)
        rules = Rules(*random_rules(rng))
        events = random_events(rng)
        decisions = random_decisions(rng, events, rules)
        state = solve(events, rules, decisions)
        reasons = sorted({refusal[2] for refusal in state.refusals})
        label = "seed %d: %d events, %d components, %d decisions, refused: %s" % (
            seed, len(events), len(state.components), len(decisions), " ".join(reasons))
        sql(written(rng, events, rules, decisions, state))
        tap.equal(rows(SETTINGS + "SELECT * FROM cdp.check('%s') ORDER BY 1, 2" % W), [], label)
        planned = [fault for fault in faults(rng, events, rules, decisions, state)]
        script = SETTINGS + "SET session_replication_role = replica;\n"
        for what, text in planned:
            script += "BEGIN;\n%s;\nSELECT %s, count(*) > 0 FROM cdp.check('%s');\nROLLBACK;\n" % (text, quote(what), W)
        missed = [number for number, row in enumerate(rows(script)) if row[1] != "t"]
        planted += len(planned)
        tap.ok(not missed, "seed %d: %d faults are found" % (seed, len(planned)),
               "\n".join("%s: %s" % planned[number] for number in missed))
        sql(SETTINGS + "SELECT cdp.drop_workspace('%s')" % W)
    print("# %d faults" % planted)
    tap.done()


if __name__ == "__main__":
    main()
