"""The state of a workspace's identity as lines of text: as it is stored, and as the oracle has it.

    got = stored("w")                               # {line}, from the database
    want = expected(state, decisions)               # {line}, from identity_oracle.solve
    differences(got, want, state)                   # [] or what is missing and what is too much

A profile is named by its identifiers. Decisions are part of it; ids, merges and entry times are not.
"""

import hashlib
import json
from collections import Counter
from decimal import Decimal

from cdptest import rows, sql
from identity_oracle import Blocked, Decision, Event, Namespace

SETTINGS = "SET timezone = 'UTC'; SET datestyle = 'ISO, YMD'; SET client_min_messages = warning;\n"

STATE = """
    WITH named AS MATERIALIZED (
        SELECT profile_id, CASE WHEN length(name) <= 400 THEN name ELSE md5(name) END AS name
        FROM (SELECT profile_id, string_agg(identifier::text, ' ' ORDER BY identifier::text COLLATE "C") AS name
              FROM {w}.identifiers WHERE profile_id IS NOT NULL GROUP BY 1) n)
    SELECT concat_ws('|', 'event', event_id, coalesce(anchor::text, '-')) FROM {w}.events
    UNION ALL SELECT concat_ws('|', 'profile', coalesce(n.name, 'nameless'), first_seen, last_seen, event_count,
            (coalesce(cdp.total(ltv, 'USD'), 0) * 1000)::bigint, (coalesce(cdp.total(ltv, 'VND'), 0) * 1000)::bigint,
            cdp.purchases(ltv), cdp.refunds(ltv), coalesce(traits->>'plan', '-'), coalesce(traits->>'k', '-'),
            coalesce(contested_until::text, '-'))
        FROM {w}.profiles p LEFT JOIN named n USING (profile_id)
    UNION ALL SELECT concat_ws('|', 'identifier', identifier::text,
            CASE WHEN profile_id IS NULL THEN '-' ELSE coalesce(n.name, 'nameless') END,
            CASE WHEN generic THEN '-' ELSE first_seen::text END, CASE WHEN generic THEN '-' ELSE last_seen::text END,
            coalesce(anchored_at::text, '-'), generic)
        FROM {w}.identifiers LEFT JOIN named n USING (profile_id)
    UNION ALL SELECT concat_ws('|', 'link', anchor::text, identifier::text, occurred_at, event_id) FROM {w}.identity_links
    UNION ALL SELECT concat_ws('|', 'refusal', identifier, coalesce(anchor::text, '-'), reason, occurred_at, event_id)
        FROM {w}.identity_refusals
    UNION ALL SELECT concat_ws('|', 'decision', kind, least(identifier_a::text COLLATE "C", identifier_b::text),
            greatest(identifier_a::text COLLATE "C", identifier_b::text)) FROM {w}.identity_decisions
    UNION ALL SELECT concat_ws('|', 'companion', identifier::text, companion::text) FROM {w}.identifier_companions
"""


def stored(workspace):
    """The lines of a workspace's state."""
    return sql(SETTINGS + STATE.format(w=workspace)).splitlines()


def name(component):
    """What a profile is called: its identifiers, or where they are many a digest of them."""
    text = " ".join(sorted(component, key=str.encode))
    return text if len(text) <= 400 else hashlib.md5(text.encode()).hexdigest()


def shown(value):
    return "-" if value is None else str(value)


def thousandths(profile, currency):
    return int(profile.totals.get(currency, Decimal(0)) * 1000)


def expected(state, decisions):
    """The lines of the oracle's state, but for the companions of generic identifiers."""
    lines = ["|".join(["event", event_id, shown(anchor)]) for event_id, anchor in state.anchors.items()]
    for component, p in state.profiles.items():
        lines.append("|".join(["profile", name(component), p.first_seen, p.last_seen, str(p.event_count),
                               str(thousandths(p, "USD")), str(thousandths(p, "VND")), str(p.purchases), str(p.refunds),
                               shown(p.traits.get("plan")), shown(p.traits.get("k")), shown(p.contested_until)]))
    for identifier, i in state.identifiers.items():
        lines.append("|".join(["identifier", identifier, "-" if i.component is None else name(i.component),
                               shown(i.first_seen), shown(i.last_seen), shown(i.anchored_at), "t" if i.generic else "f"]))
    lines += ["|".join(["link", *link]) for link in state.links]
    lines += ["|".join(["refusal", *map(shown, refusal)]) for refusal in state.refusals]
    lines += ["|".join(["decision", d.kind, *sorted([d.a, d.b], key=str.encode)]) for d in decisions]
    lines += ["|".join(["companion", v, w]) for v, found in state.companions.items() if v not in state.generic
              for w in found]
    return lines


def differences(got, want, state):
    """What is stored and should not be, or the other way round, line by line."""
    generic = {}
    others = []
    for line in got:
        words = line.split("|")
        if words[0] == "companion" and words[1] in state.generic:
            generic.setdefault(words[1], []).append(words[2])
        else:
            others.append(line)
    found = ["missing " + line for line in sorted((Counter(want) - Counter(others)).elements())]
    found += ["extra   " + line for line in sorted((Counter(others) - Counter(want)).elements())]
    for v in sorted(state.generic):
        companions = generic.get(v, [])
        if len(set(companions)) != len(companions) or not set(companions) <= state.companions[v]:
            found.append("extra   companions of generic %s: %s, not of %s" % (v, companions, sorted(state.companions[v])))
    return found


def too_few_companions(got, state, rules):
    """Generic identifiers with less stored than shows that they are."""
    found = []
    for v in sorted(state.generic):
        stored_ones = sum(line.startswith("companion|%s|" % v) for line in got)
        if stored_ones < rules.of(v.split(":", 1)[0]).generic_after:
            found.append("missing companions of generic %s: %d" % (v, stored_ones))
    return found


def read_json(query):
    return [json.loads(row[0]) for row in rows(SETTINGS + "SELECT to_json(t) FROM (%s) t" % query)]


def read_rules(workspace):
    """The rows of a workspace: {namespace: Namespace}, [Blocked]."""
    namespaces = {}
    for row in read_json("SELECT * FROM %s.identifier_namespaces" % workspace):
        kind = row.pop("namespace")
        namespaces[kind] = Namespace(**row)
    return namespaces, [Blocked(**row) for row in read_json("SELECT * FROM %s.blocked_identifiers" % workspace)]


def read_decisions(workspace):
    return [Decision(row["a"], row["b"], row["kind"]) for row in read_json(
        "SELECT identifier_a::text AS a, identifier_b::text AS b, kind FROM %s.identity_decisions" % workspace)]


def read_events(workspace):
    return [Event(row["event_id"], row["occurred_at"], row["received_at"], tuple(row["identifiers"]),
                  None if row["amount"] is None else Decimal(row["amount"]), row["currency"], row["traits"])
            for row in read_json("""
                SELECT event_id, occurred_at::text, received_at::text, array_remove(identifiers, NULL) AS identifiers,
                       amount::text, coalesce(upper(currency), 'USD') AS currency, traits FROM %s.events""" % workspace)]
