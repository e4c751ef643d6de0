#!/usr/bin/python3
"""
Random segment queries against a brute-force evaluation, with and without the GIN index.
weight: 18

Queries are made from a grammar as trees; this program writes each as text in one of its many spellings,
evaluates it on every row by itself, and writes its canonical form by itself. The server must give the
same rows by a sequential scan and by the index, in every state that an index can be in, and the same
canonical form. Fixed seed.
"""

import hashlib
import os
import random
import subprocess
import sys

HERE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(HERE, "test/lib"))
from cdptest import Tap, copy_in, copy_text, rows, sql  # noqa: E402

# Names with what is special in a query or in a set, and prefixes of one another; how many rows have each.
NAMES = {"vip": 0.5, "vip_away": 0.2, "vipp": 0.02, "v": 0.3, "gold": 0.25, "big spender": 0.1, "churn_risk": 0.15,
         "a&b|!(c)": 0.05, 'say "hi"': 0.05, "back\\slash": 0.05, "khách quen": 0.1, "*": 0.03, "tier:1": 0.4,
         "l'or": 0.02, "x@y": 0.01, "rare": 0.001, "NULL": 0.05, "never": 0.0}
PREFIXES = ["", "v", "vi", "vip", "vip_", "vip_away", "vipq", "kh", "khá", "big ", "a&", "z", "tier:", "*", "ra", "~"]
SPECIAL = set("&|!()*'{},@\"\\ \t\n\v\f\r")
ROWS = 3000
QUERIES = 2000

rng = random.Random(20260)


# Trees: ("name", text), ("prefix", text), ("not", tree), ("and", [trees]), ("or", [trees]).

def make_tree(depth):
    kind = rng.random()
    if depth == 0 or kind < 0.25:
        if rng.random() < 0.2:
            return ("prefix", rng.choice(PREFIXES))
        return ("name", rng.choice(list(NAMES)))
    if kind < 0.45:
        return ("not", make_tree(depth - 1))
    return ("and" if kind < 0.75 else "or", [make_tree(depth - 1) for _ in range(rng.choice((2, 2, 2, 3, 4)))])


def spell_name(name):
    """One of the spellings of a name: quoted, with backslashes, or as it stands."""
    if not name:
        return rng.choice(("", '""'))
    if rng.random() < 0.3 or any(c in SPECIAL for c in name):
        if rng.random() < 0.3:
            return "".join("\\" + c if c in SPECIAL or rng.random() < 0.1 else c for c in name)
        quote = rng.choice("\"\"'")
        return quote + name.replace("\\", "\\\\").replace(quote, rng.choice(("\\", quote)) + quote) + quote
    return name


def space():
    return rng.choice(("", "", " ", "  ", "\t", "\n "))


def spell(tree, level=0):
    """One of the spellings of a tree. Level: 0 where anything may stand, 1 in an and, 2 behind a not."""
    kind, what = tree
    if kind in ("name", "prefix"):
        text, own = spell_name(what) + ("*" if kind == "prefix" else ""), 3
        if text == "":
            text = '""'
    elif kind == "not":
        text, own = "!" + space() + spell(what, 2), 2
    else:
        sign = "&" if kind == "and" else "|"
        own = 1 if kind == "and" else 0
        text = (space() + sign + space()).join(spell(operand, own) for operand in what)
    if own < level or rng.random() < 0.1:
        text = "(" + space() + text + space() + ")"
    return text


def simplify(tree):
    """No double negation, no operator in one of its own kind."""
    kind, what = tree
    if kind == "not":
        inner = simplify(what)
        return inner[1] if inner[0] == "not" else ("not", inner)
    if kind in ("and", "or"):
        operands = []
        for operand in map(simplify, what):
            operands += operand[1] if operand[0] == kind else [operand]
        return (kind, operands)
    return tree


def canonical(tree, within=None):
    kind, what = tree
    if kind == "not":
        text = canonical(what)
        return "!(" + text + ")" if what[0] in ("and", "or") else "!" + text
    if kind in ("and", "or"):
        text = (" & " if kind == "and" else " | ").join(canonical(operand, kind) for operand in what)
        return "(" + text + ")" if kind == "or" and within == "and" else text
    if any(c in SPECIAL for c in what):
        what = '"' + what.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return what + ("*" if kind == "prefix" else "")


# Rows are bits of a number.

def holds(tree, members, everybody):
    kind, what = tree
    if kind == "name":
        return members.get(what, 0)
    if kind == "prefix":
        found = 0
        for name, who in members.items():
            if name.startswith(what):
                found |= who
        return found
    if kind == "not":
        return everybody & ~holds(what, members, everybody)
    results = [holds(operand, members, everybody) for operand in what]
    found = results[0]
    for result in results[1:]:
        found = found & result if kind == "and" else found | result
    return found


def digest(found):
    ids = ",".join(str(i) for i in range(ROWS) if found >> i & 1)
    return hashlib.md5(ids.encode()).hexdigest()


def array_text(names):
    return "{" + ",".join('"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"' for name in names) + "}"


def set_text(names):
    return "\\N" if names is None else copy_text(array_text(names))


SETUP = """
CREATE TABLE profile (id int, segments cdp.segment_set, filler text) WITH (fillfactor = 10, autovacuum_enabled = off);
CREATE INDEX profile_segments ON profile USING gin (segments);
CREATE TABLE question (n int PRIMARY KEY, operator text, argument text);
-- What a question gives: the digest of the ids. Sorted, so that nothing depends on the plan.
CREATE FUNCTION answer(operator text, argument text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    EXECUTE format('SELECT md5(coalesce(string_agg(id::text, '','' ORDER BY id), '''')) FROM profile WHERE segments %s %L',
                   operator, argument) INTO result;
    RETURN result;
END $$;
CREATE FUNCTION uses_index(operator text, argument text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE format('EXPLAIN (FORMAT JSON) SELECT FROM profile WHERE segments %s %L', operator, argument) INTO plan;
    RETURN plan::text LIKE '%profile_segments%';
END $$;
-- Is the scan of the index given less than the query, so that negations are left to the rows?
CREATE FUNCTION asks_less(argument text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE format('EXPLAIN (FORMAT JSON) SELECT FROM profile WHERE segments @@ %L', argument) INTO plan;
    RETURN plan #>> '{0,Plan,Plans,0,Index Cond}' <> replace(plan #>> '{0,Plan,Filter}', ' @@ ', ' @@@ ');
END $$;
"""
SEQUENTIAL = "SET enable_bitmapscan = off; SET enable_indexscan = off;"
INDEXED = "SET enable_seqscan = off;"


def main():
    tap = Tap()
    sets = []
    for i in range(ROWS):
        names = [name for name, share in NAMES.items() if rng.random() < share]
        sets.append(None if i % 50 == 7 else names)
    before = [[name for name in NAMES if rng.random() < 0.2] if i % 10 == 3 else names for i, names in enumerate(sets)]

    # A third before the index is made, a third in its trees, a third in its pending list; updates, deletes.
    sql(SETUP)
    sql("DROP INDEX profile_segments")
    third = ROWS // 3
    lines = ["%d\t%s\t%s" % (i, set_text(names), "x" * 200) for i, names in enumerate(before)]
    copy_in("profile", lines[:third])
    sql("CREATE INDEX profile_segments ON profile USING gin (segments)")
    copy_in("profile", lines[third:2 * third])
    sql("VACUUM profile")
    copy_in("profile", lines[2 * third:])
    sql("CREATE TABLE new (id int, segments cdp.segment_set)")
    copy_in("new", ["%d\t%s" % (i, set_text(sets[i])) for i in range(ROWS) if i % 10 == 3])
    sql("UPDATE profile SET segments = new.segments FROM new WHERE profile.id = new.id;"
        "DELETE FROM profile WHERE id % 40 = 11; ANALYZE profile")
    members = {name: 0 for name in NAMES}
    everybody = 0
    for i, names in enumerate(sets):
        if names is not None and i % 40 != 11:
            everybody |= 1 << i
            for name in names:
                members[name] |= 1 << i

    # The questions, what is right, and the canonical form of those that are queries.
    questions = []
    forms = []
    for _ in range(QUERIES):
        tree = make_tree(rng.choice((0, 1, 1, 2, 2, 3, 4, 6)))
        questions.append(("@@", spell(tree), holds(tree, members, everybody)))
        forms.append(canonical(simplify(tree)))
    for operator in ("?", "?|", "?&", "@>", "&&"):
        for n in range(150):
            names = [] if n == 0 else rng.sample(list(NAMES), rng.choice((1, 1, 2, 2, 3, 5)))
            trees = [("name", name) for name in names]
            if operator == "?":
                names = names or ["never"]
                questions.append((operator, names[0], members[names[0]]))
            elif operator in ("?|", "&&"):
                questions.append((operator, array_text(names),
                                  holds(("or", trees), members, everybody) if names else 0))
            else:
                questions.append((operator, array_text(names),
                                  holds(("and", trees), members, everybody) if names else everybody))
    copy_in("question", ["%d\t%s\t%s" % (n, operator, copy_text(argument))
                         for n, (operator, argument, _) in enumerate(questions)])
    expected = [digest(found) for _, _, found in questions]
    tap.ok(len(set(expected)) > 700, "the questions have more than 700 different answers", len(set(expected)))

    def compare(settings, name, where="true"):
        got = rows(settings + "SELECT n, answer(operator, argument) FROM question WHERE %s ORDER BY n" % where)
        wrong = ["%s %s" % questions[int(n)][:2] for n, answer in got if answer != expected[int(n)]]
        tap.ok(len(got) > 300 and not wrong, "%s: %d questions" % (name, len(got)), "\n".join(wrong[:10]))

    compare(SEQUENTIAL, "sequential scan")
    tap.equal(rows(INDEXED + "SELECT operator, count(*) FROM question WHERE NOT uses_index(operator, argument) GROUP BY 1"),
              [], "every operator uses the index, for every query")
    less, whole = map(int, rows(INDEXED + "SELECT count(*) FILTER (WHERE asks_less(argument)), count(*) FILTER (WHERE NOT asks_less(argument)) "
                                "FROM question WHERE operator = '@@' AND argument LIKE '%!%'")[0])
    tap.ok(less > 50 and whole > 50, "negations are left to the rows, or not", "%d, %d" % (less, whole))
    compare(INDEXED, "index with a pending list")
    sql("VACUUM profile")
    compare(INDEXED, "index after VACUUM", "n % 3 = 0")
    # the table has many pages: bitmaps of a prefix and of the result lose track of single rows
    tap.ok(int(rows("SELECT relpages FROM pg_class WHERE relname = 'profile'")[0][0]) > 800, "the table has many pages")
    compare(INDEXED + "SET work_mem = '64kB';", "index with lossy bitmaps", "n % 3 = 1")
    sql("REINDEX INDEX profile_segments")
    compare(INDEXED, "index built anew", "n % 3 = 2")

    # several conditions: in one scan of the index, or in one each
    for word, combine in (("AND", int.__and__), ("OR", int.__or__)):
        pairs = [(n, n + 7) for n in range(0, QUERIES - 7, 8)]
        got = rows(INDEXED + """SELECT answer('@@ ' || quote_literal(a.argument) || ' %s segments @@', b.argument)
                   FROM question AS a JOIN question AS b ON b.n = a.n + 7 WHERE a.n %% 8 = 0 AND b.n < %d ORDER BY a.n"""
                   % (word, QUERIES))
        tap.equal([row[0] for row in got], [digest(combine(questions[a][2], questions[b][2])) for a, b in pairs],
                  "two queries with %s, %d times" % (word, len(pairs)))

    # commutator, named functions, and many queries on one row as a join
    tap.equal(rows("""SELECT count(*) FROM question AS q, profile AS p WHERE q.operator = '@@' AND q.n % 20 = 0 AND
                      (p.segments @@ argument::cdp.segment_query) IS DISTINCT FROM (argument::cdp.segment_query @@ p.segments)"""),
              [["0"]], "query @@ segments is segments @@ query")
    tap.equal(rows("""SELECT count(*) FROM question AS q, profile AS p WHERE q.operator = '@@' AND q.n % 20 = 0 AND
                      ((p.segments @@ argument::cdp.segment_query) IS DISTINCT FROM cdp.matches(p.segments, argument::cdp.segment_query) OR
                       (p.segments @@ argument::cdp.segment_query) IS DISTINCT FROM cdp.matches(argument::cdp.segment_query, p.segments))"""),
              [["0"]], "cdp.matches is @@, both ways round")
    for call in ("cdp.matches(segments, 'a & !b')", "cdp.matches('a & !b', segments)", "'a & !b' @@ segments",
                 "segments @@@ 'a & !b'"):
        tap.ok("profile_segments" in str(rows(INDEXED + "EXPLAIN SELECT FROM profile WHERE " + call)), call + " uses the index")
    join = """SELECT q.n, md5(coalesce(string_agg(p.id::text, ',' ORDER BY p.id), '')) FROM question AS q
              LEFT JOIN profile AS p ON p.segments @@ q.argument::cdp.segment_query
              WHERE q.operator = '@@' AND q.n % 10 = 0 GROUP BY q.n ORDER BY q.n"""
    tap.equal([row[1] for row in rows(INDEXED + join)], [expected[n] for n in range(0, QUERIES, 10)],
              "queries of a table, looked up in the index one after the other")

    # text form
    got = [row[0] for row in rows("SELECT argument::cdp.segment_query FROM question "
                                  "WHERE operator = '@@' ORDER BY n")]
    wrong = ["%r: %r, not %r" % (questions[n][1], text, forms[n]) for n, text in enumerate(got) if text != forms[n]]
    tap.ok(len(got) == QUERIES and not wrong, "canonical form of %d queries" % QUERIES, "\n".join(wrong[:10]))
    tap.equal(rows("""SELECT count(*) FROM (SELECT argument::cdp.segment_query AS q FROM question WHERE operator = '@@') AS made
                      WHERE q::text::cdp.segment_query <> q OR q::text::cdp.segment_query::text <> q::text"""),
              [["0"]], "the text form is read as the same query")
    sql("CREATE TABLE query AS SELECT n, argument::cdp.segment_query AS q FROM question WHERE operator = '@@';"
        "CREATE TABLE query_back (LIKE query)")
    sent = subprocess.run(["psql", "-X", "-q", "-c", "COPY query TO STDOUT (FORMAT binary)"], capture_output=True, check=True)
    subprocess.run(["psql", "-X", "-q", "-c", "COPY query_back FROM STDIN (FORMAT binary)"], input=sent.stdout, check=True)
    tap.equal(rows("SELECT count(*) FROM query JOIN query_back AS b USING (n, q) WHERE query.q::text = b.q::text"),
              [[str(QUERIES)]], "the binary form, too")
    # equality, order and hash are those of the text
    tap.equal(rows("""SELECT count(*) FROM query AS a, query AS b WHERE a.n % 7 = 0 AND b.n % 11 = 0 AND
                      ((a.q = b.q) <> (a.q::text = b.q::text) OR (a.q < b.q) <> (a.q::text COLLATE "C" < b.q::text COLLATE "C") OR
                       (a.q = b.q AND cdp.segment_query_hash(a.q) <> cdp.segment_query_hash(b.q)))"""),
              [["0"]], "order, equality and hash are those of the text form")
    tap.equal(rows("SET enable_sort = off; SELECT count(*) FROM (SELECT q FROM query GROUP BY q) AS g")
              + rows("SET enable_hashagg = off; SELECT count(*) FROM (SELECT q FROM query GROUP BY q) AS g"),
              [[str(len(set(forms)))]] * 2, "as many different queries, by hash and by order")
    tap.done()


main()
