"""Identity by brute force: the state that events, rules and decisions define.

Sets and plain loops, written from the definition and not from the engine. Replays everything, whether
there is a conflict or not; quadratic and worse. Nothing here knows PostgreSQL.

    state = solve(events, Rules(namespaces, blocked), decisions)
    state.anchors["5d4e..."], state.component_of["email:a@example.com"], state.refusals, ...

Canonical forms are those of simple identifiers only: ASCII e-mail addresses, Vietnam's mobile numbers in
E.164, and values of any other namespace as they are. Times are texts as PostgreSQL writes them in UTC
('2024-01-02 03:04:05.6+00', 'infinity', '-infinity'), which sort as the times do. Event ids are lower-case
UUIDs, which sort as their bytes do.
"""

import re
from dataclasses import dataclass, field
from decimal import Decimal

FOREVER = "infinity"
NEVER = "-infinity"

# What occurred before counts as of when it was received: earliest_event of the settings.
EARLIEST = "1995-01-01 00:00:00+00"


@dataclass(frozen=True)
class Namespace:
    """A row of identifier_namespaces."""
    priority: int = 50
    max_per_profile: int = None
    can_anchor: bool = True
    can_merge: bool = True
    pattern: str = None
    generic_after: int = 10


@dataclass(frozen=True)
class Blocked:
    """A row of blocked_identifiers."""
    namespace: str
    kind: str
    value: str
    enabled: bool = True


@dataclass(frozen=True)
class Decision:
    """A row of identity_decisions; the ends in any order."""
    a: str
    b: str
    kind: str


@dataclass(frozen=True)
class Event:
    event_id: str
    occurred_at: str
    received_at: str
    identifiers: tuple = ()
    amount: Decimal = None
    currency: str = "USD"
    traits: dict = None

    @property
    def at(self):
        if self.occurred_at < EARLIEST:
            return self.received_at
        return min(self.occurred_at, self.received_at)


def namespace_of(identifier):
    return identifier.split(":", 1)[0]


def value_of(identifier):
    return identifier.split(":", 1)[1]


def canonical(text):
    """The canonical form of an identifier as received, or None."""
    namespace, value = text.split(":", 1)
    if namespace == "email":
        value = value.lower()
        return "email:" + value if re.fullmatch(r"[a-z0-9.]+@[a-z0-9]+\.(com|org|net)", value) else None
    if namespace == "phone":
        return text if re.fullmatch(r"\+849[0-9]{8}", value) else None
    return text


class Rules:
    def __init__(self, namespaces, blocked=(), max_identifiers=1000):
        self.namespaces = dict(namespaces)
        self.blocked = list(blocked)
        self.max_identifiers = max_identifiers

    def of(self, namespace):
        return self.namespaces.get(namespace, self.namespaces.get("*", Namespace()))

    def order(self, namespace):
        """Sorts namespaces from the strongest."""
        return self.of(namespace).priority, namespace.encode()

    def valid(self, text):
        """The canonical form, or None where there is none or the pattern does not match it."""
        identifier = canonical(text)
        if identifier is None:
            return None
        pattern = self.of(namespace_of(identifier)).pattern
        if pattern is not None and not re.search(pattern, value_of(identifier)):
            return None
        return identifier

    def blocks(self, identifier):
        namespace, value = namespace_of(identifier), value_of(identifier)
        for row in self.blocked:
            if not row.enabled or row.namespace not in ("*", namespace):
                continue
            if row.kind == "value":
                found = row.value.lower() == value.lower()
            elif row.kind == "pattern":
                found = re.search(row.value, value, re.IGNORECASE) is not None
            else:
                characters = value.removeprefix("+") if namespace == "phone" else value
                found = len(characters) >= int(row.value) and len(set(characters)) == 1
            if found:
                return True
        return False


@dataclass
class Profile:
    """Values of a component that anchors events."""
    event_count: int = 0
    first_seen: str = FOREVER
    last_seen: str = NEVER
    totals: dict = field(default_factory=dict)
    purchases: int = 0
    refunds: int = 0
    traits: dict = field(default_factory=dict)
    contested_until: str = None


@dataclass
class Identifier:
    """A row of identifiers; the component is None where it has no profile."""
    component: frozenset
    first_seen: str
    last_seen: str
    anchored_at: str
    generic: bool


@dataclass
class State:
    anchors: dict = field(default_factory=dict)         # event_id -> identifier or None
    components: set = field(default_factory=set)        # frozensets of usable identifiers
    component_of: dict = field(default_factory=dict)
    links: set = field(default_factory=set)             # (anchor, identifier, at, event_id)
    refusals: set = field(default_factory=set)          # (text, anchor, reason, at, event_id)
    identifiers: dict = field(default_factory=dict)     # identifier -> Identifier
    companions: dict = field(default_factory=dict)      # identifier -> {companion}
    generic: set = field(default_factory=set)
    profiles: dict = field(default_factory=dict)        # component -> Profile


def find_companions(valid, rules):
    """What events show each valid, unblocked identifier together with, of a stronger, limited namespace,
    where its own namespace has generic_after; and who is generic by that."""
    companions = {}
    for identifiers in valid:
        for v in identifiers:
            if rules.of(namespace_of(v)).generic_after is None:
                continue
            for w in identifiers:
                if (rules.of(namespace_of(w)).max_per_profile is not None
                        and rules.order(namespace_of(w)) < rules.order(namespace_of(v))):
                    companions.setdefault(v, set()).add(w)
    generic = set()
    for v, found in companions.items():
        for m in {namespace_of(w) for w in found}:
            if sum(namespace_of(w) == m for w in found) >= rules.of(namespace_of(v)).generic_after:
                generic.add(v)
    return companions, generic


def replay(nodes, pairs, anchored_at, rules, decisions):
    """The partition of nodes, and what became of each pair (anchor, identifier) -> (at, event_id)."""
    components = {node: frozenset([node]) for node in nodes}

    def unite(a, b):
        both = components[a] | components[b]
        for node in both:
            components[node] = both

    def separated(a, b):
        return any(d.kind == "separate" and (
            (d.a in components[a] and d.b in components[b]) or (d.a in components[b] and d.b in components[a]))
            for d in decisions)

    def too_many(a, b):
        for namespace in {namespace_of(node) for node in components[a]}:
            limit = rules.of(namespace).max_per_profile
            x = sum(namespace_of(node) == namespace for node in components[a])
            y = sum(namespace_of(node) == namespace for node in components[b])
            if limit is not None and y > 0 and x + y > limit:
                return True
        return False

    def had_profile(a, at):
        return any(anchored_at.get(node, FOREVER) < at for node in components[a])

    def verdict(a, o, at):
        if o in components[a]:
            return None
        if separated(a, o):
            return "separated"
        if too_many(a, o):
            return "limit"
        if not (rules.of(namespace_of(a)).can_merge and rules.of(namespace_of(o)).can_merge):
            if had_profile(a, at) and had_profile(o, at):
                return "merge"
        return None

    for decision in decisions:
        if decision.kind == "link" and decision.a in nodes and decision.b in nodes:
            unite(decision.a, decision.b)
    verdicts = {}
    for (a, o), (at, event_id) in sorted(pairs.items(), key=lambda pair: (
            pair[1], rules.order(namespace_of(pair[0][1])), pair[0][1].encode())):
        verdicts[a, o] = verdict(a, o, at)
        if verdicts[a, o] is None:
            unite(a, o)
    return components, verdicts


def leave_out_excess(entries, rules):
    """The entries of an event with "too many" for what is beyond those that count: the first usable ones, but
    always the strongest that can anchor."""
    usable = [text for text, reason in entries if reason is None]
    anchoring = [i for i in usable if rules.of(namespace_of(i)).can_anchor]
    anchor = min(anchoring, key=lambda i: rules.order(namespace_of(i)), default=None)
    kept = usable[:rules.max_identifiers]
    if anchor is not None and anchor not in kept:
        kept[-1] = anchor
    return [(text, "too many" if reason is None and text not in kept else reason) for text, reason in entries]


def keep_earliest(found, key, at, event_id):
    found[key] = min(found.get(key, (at, event_id)), (at, event_id))


def solve(events, rules, decisions):
    """The state that these events, each event_id once, define. Decisions have canonical ends."""
    state = State()
    events = list({event.event_id: event for event in events}.values())
    read = {}           # event_id -> [(text, reason or None)], distinct, in order of the array
    for event in events:
        read[event.event_id] = []
        for text in event.identifiers:
            identifier = rules.valid(text)
            if identifier is None:
                entry = canonical(text) or text, "invalid"
            else:
                entry = identifier, "blocked" if rules.blocks(identifier) else None
            if entry not in read[event.event_id]:
                read[event.event_id].append(entry)
        read[event.event_id] = leave_out_excess(read[event.event_id], rules)

    state.companions, state.generic = find_companions(
        [[text for text, reason in entries if reason is None] for entries in read.values()], rules)

    pairs = {}          # (anchor, identifier) -> (at, event_id) of the earliest
    faulty = {}         # (text, anchor, reason, event_id where there is no anchor) -> (at, event_id)
    seen = {}           # usable identifier -> [at]
    anchored_at = {}
    for event in events:
        entries = [(text, "generic" if reason is None and text in state.generic else reason)
                   for text, reason in read[event.event_id]]
        usable = [text for text, reason in entries if reason is None]
        anchoring = [i for i in usable if rules.of(namespace_of(i)).can_anchor]
        anchor = min(anchoring, key=lambda i: rules.order(namespace_of(i)), default=None)
        state.anchors[event.event_id] = anchor
        for identifier in usable:
            seen.setdefault(identifier, []).append(event.at)
            if anchor is not None and identifier != anchor:
                keep_earliest(pairs, (anchor, identifier), event.at, event.event_id)
        if anchor is not None:
            anchored_at[anchor] = min(anchored_at.get(anchor, FOREVER), event.at)
        for text, reason in entries:
            if reason is not None:
                keep_earliest(faulty, (text, anchor, reason, None if anchor else event.event_id),
                              event.at, event.event_id)

    decided = set()
    for decision in decisions:
        decided |= {end for end in (decision.a, decision.b)
                    if rules.valid(end) and not rules.blocks(end) and end not in state.generic}
    nodes = set(seen) | decided
    state.component_of, verdicts = replay(nodes, pairs, anchored_at, rules, decisions)
    state.components = set(state.component_of.values())

    for (a, o), (at, event_id) in pairs.items():
        if verdicts[a, o] is None:
            state.links.add((a, o, at, event_id))
        else:
            state.refusals.add((o, a, verdicts[a, o], at, event_id))
    touched = {}        # component -> times of refused pairs
    for o, a, _, at, _ in state.refusals:
        for end in (o, a):
            touched.setdefault(state.component_of[end], []).append(at)
    for (text, anchor, reason, _), (at, event_id) in faulty.items():
        state.refusals.add((text, anchor, reason, at, event_id))

    fold_profiles(state, events)
    for component, profile in state.profiles.items():
        if (component in touched or any(d.kind == "separate" and {d.a, d.b} & component for d in decisions)
                or any(not rules.of(namespace_of(i)).can_merge for i in component)):
            profile.contested_until = max(touched.get(component, [NEVER]))

    for node in nodes:
        component = state.component_of[node]
        first = min(seen.get(node, [FOREVER]))
        last = max(seen.get(node, [NEVER]))
        state.identifiers[node] = Identifier(
            component if component in state.profiles else None, first,
            max(first, last[:10] + " 00:00:00+00") if node in seen else NEVER, anchored_at.get(node), False)
    for identifier in state.generic:
        state.identifiers[identifier] = Identifier(None, None, None, None, True)
    return state


def fold_profiles(state, events):
    writers = {}        # (component, key) -> (at, event_id, value)
    for event in events:
        anchor = state.anchors[event.event_id]
        if anchor is None:
            continue
        component = state.component_of[anchor]
        profile = state.profiles.setdefault(component, Profile())
        profile.event_count += 1
        profile.first_seen = min(profile.first_seen, event.at)
        profile.last_seen = max(profile.last_seen, event.at)
        if event.amount is not None:
            profile.totals[event.currency] = profile.totals.get(event.currency, 0) + event.amount
            profile.purchases += event.amount > 0
            profile.refunds += event.amount < 0
        for key, value in (event.traits or {}).items():
            written = event.at, event.event_id, value
            if (component, key) not in writers or written[:2] > writers[component, key][:2]:
                writers[component, key] = written
    for (component, key), (_, _, value) in writers.items():
        if value is not None:
            state.profiles[component].traits[key] = value


def link_is_refused(decisions, usable, a, b):
    """Whether cdp.link(a, b) joins two that are separated: True, False, or None where that depends on links
    whose ends identify nobody at present."""
    answers = set()
    for counts in (usable, lambda identifier: True):
        links = [d for d in decisions if d.kind == "link" and counts(d.a) and counts(d.b)]
        joined = linked_with(links + [Decision(a, b, "link")], a)
        answers.add(any(d.kind == "separate" and d.a in joined and d.b in joined for d in decisions))
    return answers.pop() if len(answers) == 1 else None


def separate_is_refused(decisions, usable, a, b):
    """The same of cdp.separate(a, b), and of two that links join."""
    answers = set()
    for counts in (usable, lambda identifier: True):
        links = [d for d in decisions if d.kind == "link" and counts(d.a) and counts(d.b)]
        answers.add(b in linked_with(links, a))
    return answers.pop() if len(answers) == 1 else None


def linked_with(links, start):
    """Everything that links join with it, itself too."""
    found = {start}
    grown = True
    while grown:
        grown = False
        for d in links:
            if (d.a in found) != (d.b in found):
                found |= {d.a, d.b}
                grown = True
    return found
