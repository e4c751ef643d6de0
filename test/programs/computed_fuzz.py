#!/usr/bin/python3
"""
What cdp.computed does with bytes that nobody made: binary values are damaged by the thousand and sent
as parameters. Each is refused, or is a value in its one form: the text form reads back the same, the
binary form is what was sent, and every reader and the merge cope with it. The same for texts.

The values are taken apart and put together here, so that damage goes deep: cells of the right length,
traits in order.

    timeout: 90
"""

import os
import random
import socket
import struct
import sys

HERE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(HERE, "test/lib"))
from cdptest import Tap, rows, sql  # noqa: E402

BINARY = 24000
TEXT = 12000
WINDOW = 100  # statements under way at a time

VALUES = """
CREATE FUNCTION made(traits text) RETURNS cdp.computed LANGUAGE sql AS
    $$SELECT ('{"version": 1, "zone": "Europe/London", "traits": {' || traits || '}}')::cdp.computed$$;
CREATE TABLE sample AS
SELECT made(t) AS v FROM unnest(ARRAY[
    '"n": {"kind": "count", "state": 300}, "w": {"kind": "count", "window_days": 30, "days": {"2011-12-09": 1, "2011-12-10": 16, "2012-02-09": 300, "0044-03-15 BC": 15}}',
    '"s": {"kind": "sum", "of": "number", "state": -12.50}, "t": {"kind": "sum", "of": "number", "window_days": 7, "days": {"2011-12-09": 1e30, "2011-12-10": 0.00, "2011-12-12": -1e-20}}',
    '"a": {"kind": "avg", "of": "number", "window_days": 3650, "days": {"2011-12-09": {"sum": 4611686018427387904, "count": 2}, "2012-12-09": {"sum": 1.5, "count": 300}}}',
    '"d": {"kind": "min", "of": "date", "window_days": 2, "days": {"2011-12-09": "infinity", "2011-12-10": "0044-03-15 BC"}}, "x": {"kind": "max", "of": "time", "state": "2011-12-09T12:50:00.000001Z"}',
    '"m": {"kind": "min", "of": "text", "state": "Zürich"}, "n": {"kind": "max", "of": "number", "state": 1e-25}',
    '"f": {"kind": "first", "of": "json", "window_days": 9, "days": {"2011-12-09": {"value": {"a": [1.50, null, {"b": "c"}]}, "at": "2011-12-09T08:00:00Z", "event": "123e4567-e89b-12d3-a456-426614174000"}}}',
    '"l": {"kind": "last", "of": "boolean", "state": {"value": true, "at": "2011-12-09T08:00:00Z", "event": "123e4567-e89b-12d3-a456-426614174000"}}, "u": {"kind": "unique_count", "of": "boolean", "limit": 2, "state": {"values": [false, true]}}',
    '"k": {"kind": "most_frequent", "of": "text", "limit": 3, "state": {"values": [["a", 2], ["bb", 300], ["ộ", 1]], "cut": true}}',
    '"k": {"kind": "most_frequent", "of": "number", "limit": 300, "window_days": 5, "days": {"2011-12-09": {"values": [[-1e30, 1], [1.5, 2], [1.75, 1]]}, "2011-12-11": {"values": [[2, 16], [1e30, 16]]}}}',
    '"u": {"kind": "unique_list", "of": "date", "limit": 9, "state": {"values": ["2011-12-09", "infinity"]}}, "v": {"kind": "unique_list", "of": "time", "limit": 9, "window_days": 1, "days": {"2011-12-09": {"values": ["2011-12-09T08:00:00Z", "infinity"]}}}',
    '"b": {"kind": "count"}, "c": {"kind": "unique_count", "of": "text", "limit": 100000, "window_days": 1, "days": {}}']) AS t
UNION ALL SELECT '{}';
"""

# What is done with a value that was taken; a sum of all days may still be more than is counted.
USE = """
SELECT $1::text::cdp.computed = $1 AND cdp.merge($1, '{}') = $1 AND cdp.merge('{}', $1) = $1
       AND (SELECT count(*) FROM cdp.computed_entries($1, '2011-12-10')) = (SELECT count(*) FROM jsonb_object_keys(cdp.to_jsonb($1, '2011-12-12')))
       AND (cdp.merge($1, $1) = $1) IS NOT NULL, cdp.computed_send($1)
"""


class Connection:
    """PostgreSQL's protocol, as much as sends parameters of any bytes."""

    def __init__(self):
        path = os.path.join(os.environ["PGHOST"], ".s.PGSQL." + os.environ.get("PGPORT", "5432"))
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.input = self.socket.makefile("rb")
        start = b"".join(word.encode() + b"\0" for word in (
            "user", os.environ["PGUSER"], "database", os.environ["PGDATABASE"], "client_encoding", "UTF8"))
        start = struct.pack("!i", 196608) + start + b"\0"
        self.socket.sendall(struct.pack("!i", len(start) + 4) + start)
        self.answer()

    def message(self):
        kind, length = struct.unpack("!ci", self.input.read(5))
        return kind, self.input.read(length - 4)

    def answer(self):
        """What came until the server is ready: (SQLSTATE or None, the row's fields or None)."""
        state = fields = None
        while True:
            kind, body = self.message()
            if kind == b"E":
                state = dict((part[:1], part[1:]) for part in body.split(b"\0") if part)[b"C"].decode()
            elif kind == b"D":
                fields, at = [], 2
                for _ in range(struct.unpack("!h", body[:2])[0]):
                    size = struct.unpack("!i", body[at:at + 4])[0]
                    fields.append(body[at + 4:at + 4 + max(size, 0)])
                    at += 4 + max(size, 0)
            elif kind == b"Z":
                return state, fields

    @staticmethod
    def pack(kind, body):
        return kind + struct.pack("!i", len(body) + 4) + body

    def prepare(self, query, type_oid):
        self.socket.sendall(self.pack(b"P", b"s\0" + query.encode() + b"\0" + struct.pack("!hI", 1, type_oid)) + self.pack(b"S", b""))
        return self.answer()

    def run(self, parameter, form):
        """Sends an execution; its answer is to be read."""
        self.socket.sendall(
            self.pack(b"B", b"\0s\0" + struct.pack("!hhhi", 1, form, 1, len(parameter)) + parameter + struct.pack("!hh", 1, 1)) +
            self.pack(b"E", b"\0" + struct.pack("!i", 0)) + self.pack(b"S", b""))


def number(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def take_number(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        shift += 7
        at += 1
        if byte < 0x80:
            return value, at


def take_apart(data):
    """The zone, and of every trait [name, two bytes, window, limit, cells]."""
    zone, at = data[3:3 + data[2]], 3 + data[2]
    count, at = take_number(data, at)
    traits = []
    for _ in range(count):
        size, at = take_number(data, at)
        name, kind, at = data[at:at + size], data[at + size:at + size + 2], at + size + 2
        window, at = take_number(data, at)
        limit, at = take_number(data, at)
        size, at = take_number(data, at)
        traits.append([name, kind, window, limit, data[at:at + size]])
        at += size
    assert at == len(data)
    return zone, traits


def put_together(zone, traits):
    out = bytes([1, 0, len(zone)]) + zone + number(len(traits))
    for name, kind, window, limit, cells in traits:
        out += number(len(name)) + name + kind + number(window) + number(limit) + number(len(cells)) + cells
    return out


BYTES = [0, 1, 2, 3, 7, 15, 16, 18, 19, 0x20, 0x7F, 0x80, 0x81, 0xF0, 0xFE, 0xFF]


def damage(random_, data, others):
    """The bytes with one to four things done to them."""
    data = bytearray(data)
    for _ in range(random_.choice((1, 1, 1, 2, 4))):
        at = random_.randrange(len(data) + 1)
        what = random_.randrange(8)
        if what == 0 and at < len(data):
            data[at] ^= 1 << random_.randrange(8)
        elif what == 1 and at < len(data):
            data[at] = random_.choice(BYTES)
        elif what == 2 and at < len(data):
            data[at] = (data[at] + random_.choice((-2, -1, 1, 2))) % 256
        elif what == 3:
            del data[at:at + random_.choice((1, 1, 2, 4, 8))]
        elif what == 4:
            data[at:at] = bytes(random_.choice(BYTES) for _ in range(random_.choice((1, 1, 2, 4, 8))))
        elif what == 5:
            end = at + random_.randrange(1, 12)
            data[at:at] = data[at:end]
        elif what == 6:
            data[at:at + 8] = number(random_.choice((0, 1, 63, 64, 127, 128, 3650, 2 ** 31 - 1, 2 ** 32, 2 ** 62 - 1, 2 ** 63, 2 ** 64 - 1)))
        else:
            other = random_.choice(others)
            start = random_.randrange(len(other) + 1)
            data[at:at + random_.randrange(12)] = other[start:start + random_.randrange(12)]
    return bytes(data)


def damaged_value(random_, values):
    """A value with damage: anywhere; or in one trait's cells or definition, the rest around it sound."""
    whole = random_.choice(values)
    if random_.random() < 0.2:
        return damage(random_, whole, values)
    zone, traits = take_apart(whole)
    if not traits:
        return damage(random_, whole, values)
    cells = [trait[4] for value in values for trait in take_apart(value)[1]]
    trait = random_.choice(traits)
    what = random_.random()
    if what < 0.75:
        trait[4] = damage(random_, trait[4], cells)
    elif what < 0.85:
        trait[4] = random_.choice(cells)
    elif what < 0.9:
        trait[1] = bytes([random_.randrange(10) | random_.randrange(7) << 4, 0])
    elif what < 0.95:
        trait[random_.choice((2, 3))] = random_.choice((0, 1, 2, 3, 300, 3650, 3651, 100000))
    else:
        trait[0] = damage(random_, trait[0], [b"abc"])
    return put_together(zone, traits)


PIECES = ['"', "{", "}", "[", "]", ",", ":", "0", "9", "-", ".", "e5", "null", "true", '"cut"', "\\", "\\u0000", "é", " ", "1e99999", "-0", "2012-02-30", "infinity", "BC"]


def damaged_text(random_, texts):
    text = random_.choice(texts)
    for _ in range(random_.choice((1, 1, 2, 4))):
        at = random_.randrange(len(text) + 1)
        what = random_.randrange(5)
        if what == 0:
            text = text[:at] + random_.choice(PIECES) + text[at:]
        elif what == 1:
            text = text[:at] + random_.choice(PIECES) + text[at + random_.randrange(1, 4):]
        elif what == 2:
            text = text[:at] + text[at + random_.randrange(1, 12):]
        elif what == 3:
            text = text[:at] + text[at:at + random_.randrange(1, 40)] + text[at:]
        else:
            other = random_.choice(texts)
            start = random_.randrange(len(other))
            text = text[:at] + other[start:start + random_.randrange(40)] + text[at + random_.randrange(40):]
    return text.replace("\0", "")


def drive(connection, inputs, form):
    """Sends all; gives how many were taken, by SQLSTATE how many refused, and what went wrong."""
    taken, refused, wrong = 0, {}, []
    under_way = []

    def collect():
        nonlocal taken
        sent = under_way.pop(0)
        state, fields = connection.answer()
        if state is not None:
            refused[state] = refused.get(state, 0) + 1
            if state not in ("22P02", "22P03", "22003", "22P05", "54001"):
                wrong.append((state, sent))
        elif fields[0] != b"\x01" or (form == 1 and fields[1] != sent):
            wrong.append(("other", sent))
        else:
            taken += 1

    for parameter in inputs:
        connection.run(parameter, form)
        under_way.append(parameter)
        if len(under_way) == WINDOW:
            collect()
    while under_way:
        collect()
    return taken, refused, wrong


def main():
    tap = Tap()
    sql(VALUES)
    values = [bytes.fromhex(row[0]) for row in rows("SELECT encode(cdp.computed_send(v), 'hex') FROM sample")]
    texts = [row[0] for row in rows("SELECT v FROM sample")]
    tap.ok(all(put_together(*take_apart(value)) == value for value in values), "values are what their format says")
    connection = Connection()
    type_oid = int(rows("SELECT 'cdp.computed'::regtype::oid::int")[0][0])
    tap.equal(connection.prepare(USE, type_oid)[0], None, "the statement is prepared")
    taken, refused, wrong = drive(connection, values, 1)
    tap.equal((taken, refused), (len(values), {}), "sound values are taken")

    random_ = random.Random(20111209)
    taken, refused, wrong = drive(connection, (damaged_value(random_, values) for _ in range(BINARY)), 1)
    print("# binary: %d taken, refused %r" % (taken, refused))
    tap.ok(not wrong, "damaged values are refused, or values in their one form", "\n".join("%s %s" % (state, sent.hex()) for state, sent in wrong[:10]))
    tap.ok(taken > BINARY / 20 and sum(refused.values()) > BINARY / 4, "there are enough of both")

    taken, refused, wrong = drive(connection, (damaged_text(random_, texts).encode() for _ in range(TEXT)), 0)
    print("# text: %d taken, refused %r" % (taken, refused))
    tap.ok(not wrong, "damaged texts are refused, or values", "\n".join("%s %s" % (state, sent.decode(errors="replace")) for state, sent in wrong[:10]))
    tap.ok(taken > TEXT / 50 and sum(refused.values()) > TEXT / 4, "there are enough of both")
    tap.done()


main()
