"""The streams that the benchmark loads, as files of COPY text, made once and kept.

Each stream is two files of the same events: NAME.events with the columns COLUMNS, for a workspace,
and NAME.baseline with the anchor as one more column, for a table without a trigger. Event ids are
given and ordered by time, as a client with time-ordered ids sends them.
"""

import csv
import datetime
import gzip
import json
import os
import random

COLUMNS = "event_id, occurred_at, event, source, amount, currency, identifiers, traits, properties"
BASELINE_COLUMNS = COLUMNS + ", anchor"
FORMAT = 2  # raise it when a stream changes, so that kept files are made again


def copy_text(value):
    return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


class Ids:
    """Event ids of version 7, ordered: milliseconds, a counter, then random bits."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.count = 0

    def next(self, millis):
        self.count += 1
        h = "%012x7%03x%016x" % (millis, self.count & 0xFFF,
                                 0x8 << 60 | self.count << 28 | self.random.getrandbits(28))
        return "-".join((h[:8], h[8:12], h[12:16], h[16:20], h[20:]))


def retail_lines(data):
    """(order, customer or '', moment as text, milliseconds, amount as text, refund?, properties)."""
    with gzip.open(os.path.join(data, "online_retail/online_retail.csv.gz"), "rt", encoding="utf-8",
                   newline="") as f:
        for row in csv.DictReader(f):
            quantity, price = int(row["Quantity"]), row["UnitPrice"]
            whole, _, fraction = price.partition(".")
            scaled = quantity * int(whole + fraction)  # exact: no binary floating point
            digits = str(abs(scaled)).rjust(len(fraction) + 1, "0")
            amount = ("-" if scaled < 0 else "") + (
                digits[:-len(fraction)] + "." + digits[-len(fraction):] if fraction else digits)
            moment = row["InvoiceDate"].replace("Z", "+00:00")
            millis = int(datetime.datetime.fromisoformat(moment).timestamp() * 1000)
            yield (row["InvoiceNo"], row["CustomerID"], moment, millis, amount, quantity < 0,
                   json.dumps({"StockCode": row["StockCode"], "Description": row["Description"],
                               "Quantity": quantity, "UnitPrice": price, "Country": row["Country"]}))


def retail_like_lines():
    """A made-up stream of the same shape: as many lines, orders, customers, returns."""
    rng = random.Random(2011)
    moment = datetime.datetime(2010, 12, 1, 8, 26, tzinfo=datetime.timezone.utc)
    lines = 0
    order = 536365
    while lines < 541909:
        order += 1
        moment += datetime.timedelta(seconds=rng.expovariate(1 / 1244))
        customer = "" if rng.random() < 0.143 else str(12346 + int(4372 * rng.random() ** 1.7))
        refund = rng.random() < 0.14
        for _ in range(1 + int(rng.expovariate(1 / (2 if refund else 23)))):
            lines += 1
            if lines > 541909:
                break
            quantity = rng.choice([1, 1, 2, 3, 4, 6, 6, 12, 24]) * (-1 if refund else 1)
            cents = rng.choice([42, 65, 85, 125, 165, 210, 295, 375, 495, 850])
            total = abs(quantity * cents)
            amount = "%s%d.%02d" % ("-" if refund else "", total // 100, total % 100)
            yield (str(order), customer, moment.isoformat(), int(moment.timestamp() * 1000), amount, refund,
                   json.dumps({"StockCode": str(20000 + rng.randrange(4000)),
                               "Description": "MADE-UP ARTICLE %04d" % rng.randrange(4000),
                               "Quantity": quantity, "UnitPrice": "%d.%02d" % (cents // 100, cents % 100),
                               "Country": "United Kingdom" if rng.random() < 0.9 else "Germany"}))


def retail(lines):
    ids = Ids(1)
    for order, customer, moment, millis, amount, refund, properties in lines:
        identifiers = "{order:%s%s}" % (order, ",user_id:" + customer if customer else "")
        anchor = "user_id:" + customer if customer else "order:" + order
        yield (ids.next(millis), moment, "Order Refunded" if refund else "Order Completed", "\\N", amount,
               "GBP", identifiers, "\\N", copy_text(properties), anchor)


def four(rows):
    """The same events with two more identifiers: the customer's e-mail and phone, as people write them."""
    for row in rows:
        fields = list(row)
        customer = row[9][len("user_id:"):] if row[9].startswith("user_id:") else ""
        if customer:
            fields[6] = "{%s,email:Customer.%s@Example.COM,phone:+44 20 7946 %s}" % (
                row[6][1:-1], customer, customer[-4:].rjust(4, "0"))
        yield tuple(fields)


def web(events=500000, visitors=52000, seed=7):
    """Visitors of a web site: page views under a cookie, some sign in (account, e-mail, traits), of
    those some from a second browser; few buy."""
    rng = random.Random(seed)
    ids = Ids(seed)
    start = int(datetime.datetime(2025, 1, 1, tzinfo=datetime.timezone.utc).timestamp() * 1000)
    signed = [False] * visitors
    order = list(range(visitors))
    rng.shuffle(order)
    for n in range(events):
        # Everybody comes once, in the course of the stream; who came before comes again.
        due = n * visitors // events
        new = due != (n - 1) * visitors // events or n == 0
        who = order[due] if new else order[int((due + 1) * rng.random())]
        millis = start + n * 2000 + rng.randrange(2000)
        second = not new and who % 5 == 0 and signed[who] and rng.random() < 0.3
        cookie = "cookie:%08x%08x" % ((who + 1) * 2654435761 & 0xFFFFFFFF, who * 2 + second)
        event, traits, amount = "Page Viewed", "\\N", "\\N"
        identifiers, anchor = cookie, cookie
        if who % 5 == 0 and (signed[who] or not new and rng.random() < 0.4):
            anchor = "user_id:%d" % (100000 + who)
            identifiers += "," + anchor
            if not signed[who] or second and rng.random() < 0.1:
                signed[who] = True
                event = "Signed In"
                identifiers += ",email:visitor%d@example.com" % who
                traits = json.dumps({"plan": rng.choice(["free", "gold"]), "language": rng.choice(["vi", "en"]),
                                     "visits": n % 97})
            elif rng.random() < 0.08:
                event = "Order Completed"
                amount = "%d.%02d" % (rng.randrange(3, 180), rng.randrange(100))
        moment = datetime.datetime.fromtimestamp(millis / 1000, datetime.timezone.utc).isoformat()
        yield (ids.next(millis), moment, event, "web", amount, "USD" if amount != "\\N" else "\\N",
               "{%s}" % identifiers, traits,
               '{"path": "/p/%d", "referrer": "https://www.example.com/"}' % rng.randrange(3000), anchor)


def prepare(folder, name, rows):
    """Write the two files of a stream unless they are there; returns the number of events."""
    os.makedirs(folder, exist_ok=True)
    mark = os.path.join(folder, "%s.%d.count" % (name, FORMAT))
    if not os.path.exists(mark):
        count = 0
        with open(os.path.join(folder, name + ".events"), "w", encoding="utf-8") as events, \
                open(os.path.join(folder, name + ".baseline"), "w", encoding="utf-8") as baseline:
            for row in rows:
                line = "\t".join(row)
                baseline.write(line + "\n")
                events.write(line[:line.rindex("\t")] + "\n")
                count += 1
        with open(mark, "w", encoding="utf-8") as f:
            f.write(str(count))
    with open(mark, encoding="utf-8") as f:
        return int(f.read())
