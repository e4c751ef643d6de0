"""Runs every SQL block of README.md, and of sql/README.md after it, in order, in one database, each in a session of
its own.

Each fenced block that starts with ```sql is one test: it runs without an error. What the reader of
the page does not see, in HTML comments on a line of their own before a block, changes that:

    <!-- test: error 23514 -->      the block fails with this SQLSTATE
    <!-- test: role analyst -->     the block runs as this role, which it or an earlier block made
    <!-- test: new database -->     a fresh database with nothing in it, from here on
    <!-- test: output -->           the next block, of any language, is what the SQL block before it
                                    prints (spaces at line ends and blank lines aside)
    <!-- test: output but profile ids -->    the same, whatever number stands after "profile"
"""

import os
import re
import sys

from cdptest import SqlError, Tap, sql

HERE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def blocks(text):
    """(first line number, language, text, directives) of each fenced block."""
    directives, language, body, start = [], None, [], 0
    for number, line in enumerate(text.splitlines(), 1):
        fence = re.match(r"^\s*```\s*(\w*)", line)
        if language is not None:
            if fence:
                yield start, language, "\n".join(body) + "\n", directives
                directives, language, body = [], None, []
            else:
                body.append(line)
        elif fence:
            language, start = fence.group(1), number
        else:
            found = re.match(r"^\s*<!--\s*test:\s*(.*?)\s*-->\s*$", line)
            if found:
                directives.append(found.group(1))


def tidy(text):
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def fresh(number):
    """A database without the extension, as a reader starts."""
    name = "cdp_readme_%d" % number
    sql("DROP DATABASE IF EXISTS %s;\nCREATE DATABASE %s TEMPLATE template0 ENCODING 'UTF8';\n"
        % (name, name), database="postgres")
    return name


def main():
    tap = Tap()
    found = []
    for page in ("README.md", "sql/README.md"):
        with open(os.path.join(HERE, page), encoding="utf-8") as f:
            found += [("%s line %d" % (page, line), *rest) for line, *rest in blocks(f.read())]
    databases = 1
    database = fresh(databases)
    printed = ""
    for name, language, body, directives in found:
        state = role = None
        for word in directives:
            if word in ("output", "output but profile ids"):
                got, expected = tidy(printed), tidy(body)
                if word != "output":
                    got, expected = ([re.sub(r"\bprofile \d+", "profile N", row) for row in rows]
                                     for rows in (got, expected))
                tap.equal(got, expected, name + ": the output of the block before")
            elif word == "new database":
                databases += 1
                database = fresh(databases)
            elif word.startswith("error "):
                state = word.split()[1]
            elif word.startswith("role "):
                role = word.split()[1]
            else:
                tap.ok(False, name, "unknown directive: " + word)
        if language != "sql" or any(word.startswith("output") for word in directives):
            continue
        if state:
            tap.error(body, state, "", name, database=database, user=role)
            continue
        try:
            printed = sql(body, database=database, user=role, unaligned=False)
            tap.ok(True, name)
        except SqlError as error:
            tap.ok(False, name, error)
    for number in range(1, databases + 1):
        sql("DROP DATABASE IF EXISTS cdp_readme_%d (FORCE);\n" % number, database="postgres")
    tap.done()


sys.exit(main())
