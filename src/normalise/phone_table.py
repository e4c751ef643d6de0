#!/usr/bin/python3
"""
Makes phone_table.c, the numbering plans that phone.c works with, from the
metadata of libphonenumber as Debian's python3-phonenumbers carries it:

    /usr/bin/python3 src/normalise/phone_table.py > src/normalise/phone_table.c

The same package gives the same file, byte for byte. What the table holds is
described in phone_table.h.

Patterns become one of two things. Whole-number patterns (which numbers are
valid) are finite sets of digit strings: all of them together are one minimal
acyclic automaton with a start state for each region. Patterns that are matched at
the beginning of a number, with groups and with the first alternative
preferred (prefixes), are programs for the small matcher in phone.c.

What a pattern may contain: digits, \\d, classes of digits, groups, alternatives,
?, {n}, {n,m}, and $ where it ends an alternative. Anything else stops the
generator: then the metadata has grown something that phone.c has to learn.
"""

import sys

import phonenumbers
from phonenumbers import PhoneMetadata
from phonenumbers.phonenumberutil import (
    COUNTRY_CODE_TO_REGION_CODE,
    REGION_CODE_FOR_NON_GEO_ENTITY,
)

DIGITS = (1 << 10) - 1

# Accepts of a state, as in phone_table.h.
GENERAL = 1
VALID = 2

# The descriptions of which one has to match (the order is of no matter here).
TYPES = (
    "premium_rate",
    "toll_free",
    "shared_cost",
    "voip",
    "personal_number",
    "pager",
    "uan",
    "voicemail",
    "fixed_line",
    "mobile",
)

MAX_DIGITS = 17  # of a national number; libphonenumber's _MAX_LENGTH_FOR_NSN


class Parser:
    """
    A pattern as a tree of tuples: ("set", mask of digits), ("cat", nodes),
    ("alt", nodes), ("repeat", node, low, high), ("group", number, node), ("end",).
    """

    def __init__(self, pattern):
        self.text = pattern
        self.at = 0
        self.groups = 0

    def parse(self):
        tree = self.alternatives()
        if self.at != len(self.text):
            self.fail()
        return tree

    def fail(self):
        sys.exit("cannot read %r at %d" % (self.text, self.at))

    def peek(self):
        return self.text[self.at : self.at + 1]

    def take(self, what):
        if not self.text.startswith(what, self.at):
            return False
        self.at += len(what)
        return True

    def alternatives(self):
        nodes = [self.sequence()]
        while self.take("|"):
            nodes.append(self.sequence())
        return nodes[0] if len(nodes) == 1 else ("alt", tuple(nodes))

    def sequence(self):
        nodes = []
        while self.peek() not in ("", "|", ")"):
            nodes.append(self.repeated())
        return ("cat", tuple(nodes))

    def repeated(self):
        node = self.atom()
        if self.take("?"):
            node = ("repeat", node, 0, 1)
        elif self.take("{"):
            low = self.number()
            high = self.number() if self.take(",") else low
            if not self.take("}") or high < low:
                self.fail()
            node = ("repeat", node, low, high)
        return node

    def number(self):
        start = self.at
        while self.peek().isdigit():
            self.at += 1
        if start == self.at:
            self.fail()
        return int(self.text[start : self.at])

    def atom(self):
        if self.take("(?:"):
            node = self.alternatives()
            if not self.take(")"):
                self.fail()
            return node
        if self.take("("):
            self.groups += 1
            group = self.groups
            node = ("group", group, self.alternatives())
            if not self.take(")"):
                self.fail()
            return node
        if self.take("\\d"):
            return ("set", DIGITS)
        if self.take("$"):
            return ("end",)
        if self.take("["):
            mask = 0
            while not self.take("]"):
                if self.take("\\d"):
                    mask |= DIGITS
                    continue
                low = high = self.digit()
                if self.take("-"):
                    high = self.digit()
                for d in range(low, high + 1):
                    mask |= 1 << d
            return ("set", mask)
        return ("set", 1 << self.digit())

    def digit(self):
        c = self.peek()
        if not ("0" <= c <= "9"):
            self.fail()
        self.at += 1
        return int(c)


class Automaton:
    """
    One acyclic automaton for all whole-number patterns. A state is the tuple
    of its accepts and its ten successors; equal states are one.
    """

    def __init__(self):
        self.states = {}  # tuple -> number; 0 is dead
        self.rows = []
        self.dead = self.state(0, (0,) * 10)

    def state(self, accepts, successors):
        key = (accepts, successors)
        if key not in self.states:
            self.states[key] = len(self.rows)
            self.rows.append(key)
        return self.states[key]

    def add(self, patterns, accepts_of):
        """
        Start state for a set of patterns. accepts_of(names of the patterns that
        match here, number of digits) gives a state's accepts.
        """
        nfa = Nfa()
        start = nfa.closure([nfa.pattern(name, Parser(p).parse()) for name, p in patterns])
        memo = {}

        def build(states, depth):
            if not states:
                return self.dead
            key = (states, depth)
            if key not in memo:
                names = frozenset(nfa.accepts[s] for s in states if s in nfa.accepts)
                successors = tuple(self.next(nfa, states, d, depth, build) for d in range(10))
                memo[key] = self.state(accepts_of(names, depth), successors)
            return memo[key]

        return build(start, 0)

    def next(self, nfa, states, digit, depth, build):
        after = nfa.step(states, digit)
        if after and depth >= MAX_DIGITS:
            sys.exit("a pattern has more than %d digits" % MAX_DIGITS)
        return build(after, depth + 1)


class Nfa:
    """Thompson's construction."""

    def __init__(self):
        self.empty = []  # per state: list of states reached without a digit
        self.moves = []  # per state: (mask, state) or None
        self.accepts = {}

    def new(self):
        self.empty.append([])
        self.moves.append(None)
        return len(self.empty) - 1

    def pattern(self, name, tree):
        first, last = self.build(tree)
        self.accepts[last] = name
        return first

    def build(self, node):
        kind = node[0]
        if kind == "set":
            a, b = self.new(), self.new()
            self.moves[a] = (node[1], b)
            return a, b
        if kind == "cat":
            first = last = self.new()
            for n in node[1]:
                a, b = self.build(n)
                self.empty[last].append(a)
                last = b
            return first, last
        if kind == "alt":
            first, last = self.new(), self.new()
            for n in node[1]:
                a, b = self.build(n)
                self.empty[first].append(a)
                self.empty[b].append(last)
            return first, last
        if kind == "repeat":
            first = last = self.new()
            skips = []
            for i in range(node[3]):
                if i >= node[2]:
                    skips.append(last)
                a, b = self.build(node[1])
                self.empty[last].append(a)
                last = b
            for s in skips:
                self.empty[s].append(last)
            return first, last
        if kind == "group":
            return self.build(node[2])
        sys.exit("a whole-number pattern has %s" % kind)

    def closure(self, states):
        found = set()
        todo = list(states)
        while todo:
            s = todo.pop()
            if s not in found:
                found.add(s)
                todo.extend(self.empty[s])
        return frozenset(found)

    def step(self, states, digit):
        return self.closure(
            [self.moves[s][1] for s in states if self.moves[s] and self.moves[s][0] >> digit & 1]
        )


class Programs:
    """
    Prefix patterns as code for phone.c's matcher; equal patterns share it. The
    instructions are those of phone_table.h. Offset 0 means no pattern.
    """

    CLASS, SPLIT, JUMP, SAVE, END, MATCH = 0x0000, 0x4000, 0x8000, 0xC000, 0xC100, 0xC200

    def __init__(self):
        self.code = [self.MATCH]
        self.offsets = {}
        self.max_splits = 0

    def add(self, pattern):
        """Offset of the pattern's program and the number of its groups."""
        if not pattern:
            return 0, 0
        if pattern not in self.offsets:
            parser = Parser(pattern)
            tree = parser.parse()
            program = []
            self.emit(tree, program)
            program.append(self.MATCH)
            splits = sum(1 for word in program if word & 0xC000 == self.SPLIT)
            self.max_splits = max(self.max_splits, splits)
            if parser.groups > 2:
                sys.exit("%r has more than two groups" % pattern)
            self.offsets[pattern] = (len(self.code), parser.groups)
            self.code.extend(program)
        return self.offsets[pattern]

    def emit(self, node, out):
        """Jumps and splits hold how far ahead they go."""
        kind = node[0]
        if kind == "set":
            out.append(self.CLASS | node[1])
        elif kind == "cat":
            for n in node[1]:
                self.emit(n, out)
        elif kind == "alt":
            jumps = []
            for n in node[1][:-1]:
                split = len(out)
                out.append(0)
                self.emit(n, out)
                jumps.append(len(out))
                out.append(0)
                out[split] = self.ahead(self.SPLIT, len(out) - split)
            self.emit(node[1][-1], out)
            for j in jumps:
                out[j] = self.ahead(self.JUMP, len(out) - j)
        elif kind == "repeat":
            splits = []
            for i in range(node[3]):
                if i >= node[2]:
                    splits.append(len(out))
                    out.append(0)
                self.emit(node[1], out)
            for s in splits:
                out[s] = self.ahead(self.SPLIT, len(out) - s)
        elif kind == "group":
            out.append(self.SAVE | (2 * node[1] - 2))
            self.emit(node[2], out)
            out.append(self.SAVE | (2 * node[1] - 1))
        elif kind == "end":
            out.append(self.END)

    @staticmethod
    def ahead(operation, distance):
        if not 0 < distance < 0x4000:
            sys.exit("program too long")
        return operation | distance


def length_mask(lengths):
    mask = 0
    for n in lengths:
        if n > 0:
            mask |= 1 << n
    return mask


class Region:
    """One numbering plan."""

    def __init__(self, code, metadata, automaton, programs, transforms):
        self.code = code
        self.country_code = metadata.country_code
        general = metadata.general_desc
        descriptions = {"general": general}
        for name in TYPES:
            description = getattr(metadata, name)
            if description is not None and description.national_number_pattern:
                descriptions[name] = description

        def fits(name, digits):
            lengths = descriptions[name].possible_length
            return not lengths or digits in lengths

        def accepts_of(names, digits):
            if "general" not in names:
                return 0
            if fits("general", digits) and any(
                n != "general" and fits(n, digits) for n in names
            ):
                return GENERAL | VALID
            return GENERAL

        self.start = automaton.add(
            [(n, d.national_number_pattern) for n, d in descriptions.items()], accepts_of
        )
        self.international_prefix, _ = programs.add(metadata.international_prefix)
        self.leading_digits, _ = programs.add(metadata.leading_digits)
        self.national_prefix, self.groups = programs.add(metadata.national_prefix_for_parsing)
        self.transform = 0
        if metadata.national_prefix_transform_rule:
            if self.groups == 0:
                sys.exit("%s transforms without a group" % code)
            rule = metadata.national_prefix_transform_rule
            if rule not in transforms:
                transforms.append(rule)
            self.transform = transforms.index(rule)
        self.lengths = length_mask(general.possible_length)
        self.local_lengths = length_mask(general.possible_length_local_only)
        if self.lengths == 0 or self.lengths & self.local_lengths:
            sys.exit("%s has odd lengths" % code)


def rows(values, per_line):
    for i in range(0, len(values), per_line):
        print("\t" + ", ".join(values[i : i + per_line]) + ",")


def c_string(rule):
    """A transform rule; \\1 and \\2 are the bytes 1 and 2."""
    out = ""
    i = 0
    while i < len(rule):
        if rule[i] == "\\":
            if rule[i + 1] not in "12" or rule.count(rule[i : i + 2]) > 1:
                sys.exit("cannot read the rule %r" % rule)
            out += "\\00" + rule[i + 1]
            i += 2
        elif rule[i].isdigit():
            out += rule[i]
            i += 1
        else:
            sys.exit("cannot read the rule %r" % rule)
    if len(out) > 10:
        sys.exit("the rule %r is too long" % rule)
    return '"%s"' % out


def main():
    automaton = Automaton()
    programs = Programs()
    transforms = [""]
    regions = []
    first = {}

    for country_code in sorted(COUNTRY_CODE_TO_REGION_CODE):
        first[country_code] = len(regions)
        for code in COUNTRY_CODE_TO_REGION_CODE[country_code]:
            if code == REGION_CODE_FOR_NON_GEO_ENTITY:
                metadata = PhoneMetadata.metadata_for_nongeo_region(country_code, None)
            else:
                metadata = PhoneMetadata.metadata_for_region(code, None)
            regions.append(Region(code, metadata, automaton, programs, transforms))

    if len(automaton.rows) > 0x3FFF or len(programs.code) > 0xFFFF or len(regions) > 0xFE:
        sys.exit(
            "the table outgrew its numbers: %d states, %d words of code, %d regions"
            % (len(automaton.rows), len(programs.code), len(regions))
        )

    print("/*")
    print(" * phone_table.c")
    print(" *\t  Numbering plans of the world, from libphonenumber's metadata %s." % phonenumbers.__version__)
    print(" *\t  Generated by phone_table.py; not to be edited.")
    print(" *")
    print(" * The metadata is")
    print(" * Copyright (C) The Libphonenumber Authors, under the Apache License 2.0.")
    print(" */")
    print('#include "normalise/phone_table.h"')
    print()
    print("/* clang-format off */")
    print()
    print('const char phone_metadata_version[] = "%s";' % phonenumbers.__version__)
    print()
    print("const PhoneRegion phone_regions[] = {")
    for r in regions:
        print(
            '\t{"%s", %d, %d, %d, %d, %d, %d, %d, 0x%x, 0x%x},'
            % (
                r.code,
                r.country_code,
                r.start | automaton.rows[r.start][0] << 14,
                r.international_prefix,
                r.national_prefix,
                r.leading_digits,
                r.transform,
                r.groups,
                r.lengths,
                r.local_lengths,
            )
        )
    print("};")
    print()
    print("const unsigned char phone_region_of_calling_code[1000] = {")
    by_calling_code = [0xFF] * 1000
    for country_code in first:
        by_calling_code[country_code] = first[country_code]
    rows(["%d" % v for v in by_calling_code], 20)
    print("};")
    print()
    print("const unsigned char phone_region_of_letters[26 * 26] = {")
    by_letters = [0xFF] * (26 * 26)
    for i, r in enumerate(regions):
        if r.code != REGION_CODE_FOR_NON_GEO_ENTITY:
            by_letters[(ord(r.code[0]) - 65) * 26 + ord(r.code[1]) - 65] = i
    rows(["%d" % v for v in by_letters], 26)
    print("};")
    print()
    print("const char phone_transforms[][8] = {")
    for rule in transforms:
        print("\t%s," % c_string(rule))
    print("};")
    print()
    print("const unsigned short phone_programs[] = {")
    rows(["0x%04x" % v for v in programs.code], 12)
    print("};")
    print()
    print("const unsigned short phone_states[][10] = {")
    for _, successors in automaton.rows:
        print("\t{" + ", ".join("%d" % (s | automaton.rows[s][0] << 14) for s in successors) + "},")
    print("};")
    print()
    print("const unsigned int phone_region_count = %d;" % len(regions))
    print("const unsigned int phone_program_words = %d;" % len(programs.code))
    print("const unsigned int phone_state_count = %d;" % len(automaton.rows))
    print()
    print("_Static_assert(PHONE_MAX_SPLITS >= %d," % programs.max_splits)
    print('\t\t\t   "the matcher\'s stack is too small for these patterns");')
    print(
        "%d regions, %d states, %d words of code, %d splits at most"
        % (len(regions), len(automaton.rows), len(programs.code), programs.max_splits),
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
