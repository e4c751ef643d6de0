#!/usr/bin/env python3
"""
The content hash is what src/events/content_hash.c says, on any machine: random contents are hashed a second time here,
from the JSON and the numbers as texts. Then sessions at once: each repeat with other content is counted once, and
nobody waits for the counts of others.
"""

import json
import random
import subprocess
import uuid
from decimal import Decimal

from cdptest import Tap, patience, rows, sql, value

A, B = 0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B
MASK = (1 << 64) - 1
GOLDEN = "918920192738064522"


class Hash:
    """The rounds of src/types/stable_hash.h, over the values of an event."""

    def __init__(self):
        self.h = 0

    def word(self, word):
        h = self.h ^ (word * A & MASK)
        self.h = ((h << 29 | h >> 35) & MASK) * B & MASK

    def null(self):
        self.word(0xFF << 56)

    def text(self, text):
        data = text.encode()
        whole = len(data) // 8 * 8
        for i in range(0, whole, 8):
            self.word(int.from_bytes(data[i:i + 8], "little"))
        self.word((len(data) & 0xFF) << 56 | int.from_bytes(data[whole:], "little"))

    def number(self, number):
        sign, digits, exponent = Decimal(number).as_tuple()
        count = int("".join(map(str, digits)))
        count, exponent = count * 10 ** (exponent % 4), exponent - exponent % 4
        found = []      # digits base 10000, the last first
        while count:
            count, digit = divmod(count, 10000)
            found.append(digit)
        weight = exponent // 4 + len(found) - 1 if found else 0
        while found and found[0] == 0:
            found.pop(0)
        found.reverse()
        self.word(ord("N") << 56 | len(found) << 24 | (sign if found else 0) << 16 | weight & 0xFFFF)
        for i in range(0, len(found), 4):
            self.word(sum(digit << 16 * n for n, digit in enumerate(found[i:i + 4])))

    def json(self, text):
        top = json.loads(text, parse_int=Decimal, parse_float=Decimal)
        if not isinstance(top, (dict, list)):
            self.word(ord("S") << 56 | 1)
        self.json_value(top)

    def json_value(self, value):
        if value is None or isinstance(value, bool):
            self.word(ord({None: "n", True: "t", False: "f"}[value]) << 56)
        elif isinstance(value, str):
            self.text(value)
        elif isinstance(value, Decimal):
            self.number(value)
        elif isinstance(value, list):
            self.word(ord("A") << 56 | len(value))
            for item in value:
                self.json_value(item)
        else:
            self.word(ord("O") << 56 | len(value))
            keys = sorted(value, key=lambda key: (len(key.encode()), key.encode()))
            for key in keys:
                self.text(key)
            for key in keys:
                self.json_value(value[key])

    def end(self):
        h = self.h
        h = (h ^ h >> 30) * 0xBF58476D1CE4E5B9 & MASK
        h = (h ^ h >> 27) * 0x94D049BB133111EB & MASK
        h = (h ^ h >> 31) & ~1
        return h - (1 << 64) if h >> 63 else h


def expected(event):
    h = Hash()
    for identifier in event["identifiers"]:
        h.text(identifier)
    h.word(len(event["identifiers"]))
    for column in ("event", "source"):
        h.null() if event[column] is None else h.text(event[column])
    for column in ("traits", "properties"):
        h.null() if event[column] is None else h.json(event[column])
    h.null() if event["amount"] is None else h.number(event["amount"])
    h.null() if event["currency"] is None else h.text(event["currency"].upper())
    h.null() if event["occurred_at"] is None else h.word(event["micros"] & MASK)
    return h.end()


# Random contents.

WORDS = ["", "a", "an", "plan", "Größe", "数量", "8 bytes.", "nine byte", "x" * 15, "x" * 16, "x" * 31, "y" * 255, "y" * 256,
         "z" * 1000, "\U0001f600\t\"\\", "é" * 63]


def random_number(rng):
    return rng.choice(["0", "-0", "1", "1.0", "1.500", "-3", "10000", "100000000", "99999999", "0.0001", "0.00001", "1e20", "1.5E-30",
                       "-123456789012345678901234567890.000000001", "9" * 300, "1e-100", "%d.%02d" % (rng.randrange(10**6), rng.randrange(100))])


def random_json(rng, depth):
    kind = rng.choice(["word", "number", "number", "null", "true", "false"] + (["object", "array"] * 2 if depth else []))
    if kind == "word":
        return json.dumps(rng.choice(WORDS), ensure_ascii=rng.random() < 0.5)
    if kind == "number":
        return random_number(rng)
    if kind == "array":
        return "[%s]" % ",".join(random_json(rng, depth - 1) for _ in range(rng.choice([0, 1, 2, 5, 40])))
    if kind == "object":
        return random_object(rng, depth - 1)
    return kind


def random_object(rng, depth):
    keys = rng.sample(WORDS, rng.choice([0, 1, 2, 5])) + ["key%d" % n for n in range(rng.choice([0, 0, 3, 40]))]
    return "{%s}" % ", ".join("%s: %s" % (json.dumps(key), random_json(rng, depth)) for key in keys)


def random_event(rng):
    amount = rng.choice([None, random_number(rng)])
    micros = rng.choice([None, rng.randrange(-10**15, 8 * 10**14)])
    return {"identifiers": ["cookie:%s" % rng.choice(WORDS[1:9]).strip("\t") for _ in range(rng.choice([0, 1, 2, 5]))],
            "event": rng.choice(WORDS), "source": rng.choice([None] + WORDS[:9]), "traits": rng.choice([None, random_object(rng, 2)]),
            "properties": rng.choice([None, random_json(rng, 3), random_object(rng, 2)]), "amount": amount,
            "currency": rng.choice([None, "USD", "vnd"]), "occurred_at": micros, "micros": micros}


def quote(something):
    return "NULL" if something is None else "'" + str(something).replace("'", "''") + "'"


def hashes(tap):
    rng = random.Random(20)
    events = [random_event(rng) for _ in range(300)]
    deep = "[" * 3000 + "]" * 3000
    events.append({**events[0], "properties": deep})
    sql("SELECT cdp.create_workspace('h')")
    text = ""
    for number, event in enumerate(events):
        occurred = "NULL" if event["occurred_at"] is None else \
            "timestamptz '2000-01-01+00' + %d * interval '1 microsecond'" % event["micros"]
        text += "INSERT INTO h.events (event_id, event, source, identifiers, traits, properties, amount, currency, occurred_at)" \
            " VALUES ('%s', %s, %s, ARRAY[%s]::text[], %s, %s, %s, %s, %s);\n" % (
                uuid.UUID(int=number + 1), quote(event["event"]), quote(event["source"]), ",".join(map(quote, event["identifiers"])),
                quote(event["traits"]), quote(event["properties"]), quote(event["amount"]), quote(event["currency"]), occurred)
    sql(text)
    found = {row[0]: int(row[1]) for row in rows("SELECT event_id, content_hash FROM h.event_ids")}
    events.pop()
    wrong = [(event, found[str(uuid.UUID(int=n + 1))], expected(event)) for n, event in enumerate(events)
             if found[str(uuid.UUID(int=n + 1))] != expected(event)]
    tap.ok(not wrong, "%d random contents" % len(events), "\n".join(map(str, wrong[:3])))
    tap.equal(value("SELECT count(*) FROM h.events e JOIN h.event_ids t USING (event_id) WHERE e.content_hash = t.content_hash"),
              str(len(events) + 1), "the event and its id have the same hash, however deep")
    # It must never change.
    sql("INSERT INTO h.events (event_id, event, identifiers, source, properties, amount, currency, occurred_at) VALUES"
        " ('00000000-0000-0000-0000-0000000fffff', 'Order', '{user_id:1}', 'web', '{\"sku\": \"A1\", \"n\": [1, 2.50, null]}', 12.50, 'USD', '2024-01-01+00')")
    tap.equal(value("SELECT content_hash FROM h.event_ids WHERE event_id = '00000000-0000-0000-0000-0000000fffff'"), GOLDEN, "a golden one")
    tap.equal(rows("SELECT * FROM cdp.check('h')"), [], "cdp.check finds nothing")


def at_once(tap):
    """Sessions that repeat the same ids with other contents, and send events without ids."""
    sql("SELECT cdp.create_workspace('c');\n"
        "INSERT INTO c.events (event_id, event) SELECT cdp.event_id(n::text), 'first' FROM generate_series(1, 50) n")
    sessions, rounds = 6, 20
    script = "SET statement_timeout = '%ds';\n" % patience(60)
    for n in range(rounds):
        # Each transaction keeps its count locked for a while.
        script += ("BEGIN%s;\nINSERT INTO c.events (event_id, event) SELECT cdp.event_id(n::text), 'again' FROM generate_series(1, 50) n;\n"
                   "INSERT INTO c.events (event_id, event) VALUES (NULL, 'none');\nSELECT pg_sleep(0.01);\n%s;\n" % (
                       " ISOLATION LEVEL REPEATABLE READ" if n % 3 == 1 else "", "ROLLBACK" if n % 5 == 4 else "COMMIT"))
    running = [subprocess.Popen(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", "-"], stdin=subprocess.PIPE,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for _ in range(sessions)]
    for process in running:
        process.stdin.write(script)
        process.stdin.close()
    errors = [process.stderr.read() for process in running]
    for process in running:
        process.wait()
    tap.equal(errors, [""] * sessions, "no session fails, none waits for ever")
    committed = sessions * rounds * 4 // 5
    tap.equal(rows("SELECT sum(ids_made), sum(conflicts) FROM c.event_counts"), [[str(committed), str(committed * 50)]],
              "each repeat with other content is counted once, and each event without an id")
    tap.ok(int(value("SELECT count(*) FROM c.event_counts")) <= sessions * 3, "in a few rows",
           value("SELECT count(*) FROM c.event_counts"))
    tap.ok(1000 <= int(value("SELECT count(*) FROM c.event_conflicts")) < 1000 + sessions * 50, "about 1,000 contents are kept")
    tap.equal(rows("SELECT event, count(*) FROM c.events GROUP BY 1 ORDER BY 1"), [["first", "50"], ["none", str(committed)]],
              "and nothing else has changed")
    tap.equal(rows("SELECT * FROM cdp.check('c')"), [], "cdp.check finds nothing of it")


def main():
    tap = Tap()
    hashes(tap)
    at_once(tap)
    tap.done()


if __name__ == "__main__":
    main()
