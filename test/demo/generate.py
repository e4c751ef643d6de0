#!/usr/bin/env python3
"""A made-up customer stream for demos and tests: seeded, so that the same call gives the same events.

    test/demo/generate.py [--events 20000] [--seed 1] [--until 2025-06-30T12:00]   > events.copy

writes COPY text with the columns of COLUMNS, in the order in which the events arrive. In it:
Vietnamese and English customers on the web, in an app and at a shop counter; several cookies and
devices each; e-mails and phone numbers spelled in many ways; loyalty cards; log-ins that tie an
anonymous history to an account; refunds; VND and USD; households that share a computer; events that
arrive late or twice; and the junk that real clients send as identifiers.
"""

import argparse
import datetime
import json
import random
import sys
import unicodedata
import uuid

COLUMNS = ("event_id", "occurred_at", "event", "source", "amount", "currency", "identifiers",
           "traits", "properties")
DAYS = 120

VIETNAMESE_FAMILY = ("Nguyễn Trần Lê Phạm Hoàng Phan Vũ Đặng Bùi Đỗ Hồ Ngô Dương Lý Trịnh Mai Tô "
                     "Đinh Lâm Cao").split()
VIETNAMESE_MIDDLE = "Thị Văn Ngọc Minh Thu Đức Hoài Quang Thanh Hữu Kim Bảo Gia Phương".split()
VIETNAMESE_GIVEN = ("An Anh Bình Châu Chi Cường Dũng Giang Hà Hải Hạnh Hiếu Hoa Huệ Hùng Hương Khánh "
                    "Lan Linh Long Ly My Nam Nga Nhung Phúc Quân Quỳnh Sơn Tâm Thảo Trang Trung Tuấn "
                    "Vân Việt Yến").split()
ENGLISH_GIVEN = ("Alice Amy Ben Charlotte Chloe Daniel Emily Emma Ethan George Grace Hannah Harry Isla "
                 "Jack James Kate Liam Lucy Mason Mia Noah Oliver Oscar Rosie Ruby Sam Sophie Thomas "
                 "William").split()
ENGLISH_FAMILY = ("Adams Baker Bennett Brooks Carter Clarke Cooper Davies Evans Fisher Foster Gray "
                  "Green Harris Hughes Kelly Knight Lewis Mills Morgan Palmer Parker Reed Shaw Turner "
                  "Walker Ward Watson White Young").split()
CITIES = {"vi": ["Hà Nội", "Đà Nẵng", "Huế", "Cần Thơ", "Thành phố Hồ Chí Minh", "Hải Phòng", "Đà Lạt"],
          "en": ["Seattle", "Boston", "Austin", "Portland", "Denver", "Chicago"]}
MAIL_DOMAINS = ["example.com", "example.org", "example.net", "mail.example.com", "post.example.org"]
MOBILE_PREFIXES = ["32", "35", "38", "70", "79", "83", "86", "90", "91", "93", "96", "97", "98"]
AREA_CODES = ("206 212 213 303 305 312 313 404 412 415 503 504 510 512 602 614 615 617 619 702 703 713 "
              "718 720 801 808 816 904 917 919").split()

# What the shop sells: item, price in USD.
PRODUCTS = [("Phin filter", 7.5), ("Robusta beans 500 g", 11.9), ("Arabica beans 500 g", 14.5),
            ("Lotus tea", 18.0), ("Oolong tea", 16.25), ("Tea set, celadon", 64.0),
            ("Coffee mug", 9.8), ("Hand grinder", 79.0), ("Kettle", 58.4), ("Silk scarf", 42.0),
            ("Lacquer tray", 35.6), ("Espresso machine", 389.0), ("Gift box", 27.3),
            ("Barista course", 120.0)]
VND_PER_USD = 25000

JUNK = ["user_id:undefined", "user_id:null", "user_id:0", "email:n/a", "email:null", "email:none",
        "email:test@test.com", "email:an example", "email:no.at.sign.example.com", "phone:n/a",
        "phone:12", "phone:000-000", "cookie:undefined", "cookie:(null)", "device:unknown",
        "device:00000000-0000-0000-0000-000000000000", "user_id:[object Object]"]


def ascii_letters(text):
    """Without the marks: Đặng becomes dang."""
    text = text.replace("Đ", "D").replace("đ", "d")
    return "".join(c for c in unicodedata.normalize("NFKD", text) if c.isascii() and c.isalpha()).lower()


class Event:
    """One event; arrives orders the stream and is not written."""

    def __init__(self, rng, at, name, source, identifiers, amount=None, currency=None, traits=None,
                 properties=None):
        self.event_id = time_ordered_uuid(rng, at)
        self.occurred_at = at
        self.arrives = at + datetime.timedelta(seconds=rng.uniform(0.1, 3))
        self.event = name
        self.source = source
        self.identifiers = identifiers
        self.amount = amount
        self.currency = currency
        self.traits = traits
        self.properties = properties

    def values(self):
        """The texts of COLUMNS, None for null."""
        return (str(self.event_id), self.occurred_at.isoformat(sep=" "), self.event, self.source,
                self.amount, self.currency, array_text(self.identifiers),
                json_text(self.traits), json_text(self.properties))

    def copy_line(self):
        return "\t".join(copy_text(value) for value in self.values())


def time_ordered_uuid(rng, at):
    """A UUID of version 7: milliseconds first, then random bits."""
    millis = int(at.timestamp() * 1000)
    bits = (millis << 80) | (0x7 << 76) | (rng.getrandbits(12) << 64) | (0b10 << 62) | rng.getrandbits(62)
    return uuid.UUID(int=bits)


def array_text(items):
    return "{%s}" % ",".join('"%s"' % item.replace("\\", "\\\\").replace('"', '\\"') for item in items)


def json_text(value):
    return None if value is None else json.dumps(value, ensure_ascii=False)


def copy_text(value):
    if value is None:
        return "\\N"
    return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def spell_email(rng, email):
    """The same address as people and forms write it."""
    user, domain = email.split("@")
    return "email:" + rng.choice([
        email, email, email, email.upper(), user.title() + "@" + domain, " " + email,
        user + "@" + domain.title(), email + " "])


def spell_phone(rng, phone):
    """The same number, national for Vietnam (the shop's region) or international."""
    if phone.startswith("+84"):
        n = phone[3:]
        spelled = rng.choice([phone, "0" + n, "0%s %s %s" % (n[:2], n[2:5], n[5:]),
                              "+84 %s %s %s" % (n[:2], n[2:5], n[5:]), "0%s.%s.%s" % (n[:3], n[3:6], n[6:]),
                              "(+84) %s-%s" % (n[:2], n[2:]), "0084" + n])
    else:
        n = phone[2:]
        spelled = rng.choice([phone, "+1 (%s) %s-%s" % (n[:3], n[3:6], n[6:]),
                              "+1-%s-%s-%s" % (n[:3], n[3:6], n[6:]), "+1 %s %s %s" % (n[:3], n[3:6], n[6:])])
    return "phone:" + spelled


class Customer:
    """Somebody with habits: where they shop, how they are known there, how often and for how much."""

    def __init__(self, rng, number):
        self.rng = rng
        self.number = number
        self.language = "vi" if rng.random() < 0.6 else "en"
        self.currency = "VND" if self.language == "vi" else "USD"
        if self.language == "vi":
            words = [rng.choice(VIETNAMESE_FAMILY), rng.choice(VIETNAMESE_MIDDLE), rng.choice(VIETNAMESE_GIVEN)]
            user = ascii_letters(words[2]) + "." + ascii_letters(words[0])
            self.phone = "+84" + rng.choice(MOBILE_PREFIXES) + "%07d" % (number * 7919 % 10000000)
        else:
            words = [rng.choice(ENGLISH_GIVEN), rng.choice(ENGLISH_FAMILY)]
            user = words[0].lower() + "." + words[1].lower()
            self.phone = "+1%s555%04d" % (AREA_CODES[number // 100 % len(AREA_CODES)],
                                          100 + number % 100 + number // 3000 * 100)
        self.name = " ".join(words)
        self.email = "%s%d@%s" % (user, number, rng.choice(MAIL_DOMAINS))
        self.user_id = "user_id:%d" % (10000 + number)
        self.card = "card:%08d" % (number * 104729 % 100000000)
        self.cookies = ["cookie:%016x" % rng.getrandbits(64) for _ in range(rng.choice([1, 1, 2, 2, 3, 4]))]
        self.device = "device:%s" % uuid.UUID(int=rng.getrandbits(128), version=4)
        # How much of them the shop ever learns.
        self.kind = rng.choices(["account", "email", "counter", "anonymous"], [55, 15, 12, 18])[0]
        self.has_app = self.kind == "account" and rng.random() < 0.5
        self.has_card = self.kind == "counter" or self.kind == "account" and rng.random() < 0.4
        self.registered = False
        self.taste = rng.lognormvariate(0, 0.6)

    def events(self, start, days):
        """Every event of this customer between start and start + days, in order."""
        rng = self.rng
        visits = min(1 + int(rng.expovariate(1 / 4.0)), 40)
        found = []
        for day in sorted(rng.uniform(0, days) for _ in range(visits)):
            at = start + datetime.timedelta(days=day)
            at = at.replace(hour=min(23, int(rng.gauss(14, 4)) % 24), minute=rng.randrange(60),
                            second=rng.randrange(60), microsecond=rng.randrange(1000) * 1000)
            place = self.place()
            found += {"web": self.web, "app": self.app, "counter": self.counter}[place](at)
        return found

    def place(self):
        if self.kind == "counter":
            return "counter"
        return self.rng.choices(["web", "app", "counter"],
                                [60, 30 if self.has_app else 0, 20 if self.has_card else 0])[0]

    def web(self, at):
        rng, found = self.rng, []
        who = [rng.choice(self.cookies)]
        later = self.clock(at)
        for _ in range(1 + int(rng.expovariate(1 / 1.6))):
            found.append(Event(rng, next(later), "Page Viewed", "web", list(who), properties={
                "path": rng.choice(["/", "/coffee", "/tea", "/gifts", "/sale"])}))
        item = self.item()
        found.append(Event(rng, next(later), "Product Viewed", "web", list(who), properties={"item": item[0]}))
        if self.kind == "account" and rng.random() < 0.45:
            name = "Signed In" if self.registered else "Signed Up"
            traits = {"name": self.name, "language": self.language}
            if not self.registered:
                traits["plan"] = "member"
                traits["newsletter"] = True
            self.registered = True
            who.append(self.user_id)
            found.append(Event(rng, next(later), name, "web", who + [spell_email(rng, self.email)], traits=traits))
        elif self.kind == "email" and rng.random() < 0.3:
            found.append(Event(rng, next(later), "Newsletter Subscribed", "web",
                               who + [spell_email(rng, self.email)],
                               traits={"newsletter": True, "language": self.language}))
        if rng.random() < 0.05:
            found.append(Event(rng, next(later), "Newsletter Unsubscribed", "web",
                               who + [spell_email(rng, self.email)], traits={"newsletter": None}))
        if self.kind != "anonymous" and rng.random() < 0.4:
            found.append(Event(rng, next(later), "Added to Cart", "web", list(who), properties={"item": item[0]}))
            if rng.random() < 0.7:
                found += self.order(later, "web", who + [spell_email(rng, self.email)]
                                    + ([spell_phone(rng, self.phone)] if rng.random() < 0.5 else []), item,
                                    {"name": self.name})
        return found

    def app(self, at):
        rng, found = self.rng, []
        who = [self.device] + ([self.user_id] if self.registered or rng.random() < 0.7 else [])
        later = self.clock(at)
        found.append(Event(rng, next(later), "App Opened", "app", who,
                           properties={"version": rng.choice(["3.1", "3.2"])}))
        for _ in range(rng.randrange(1, 4)):
            item = self.item()
            found.append(Event(rng, next(later), "Product Viewed", "app", who, properties={"item": item[0]}))
        if rng.random() < 0.35:
            found += self.order(later, "app", who, item)
        if rng.random() < 0.1:
            found.append(Event(rng, next(later), "Profile Updated", "app", who + [spell_phone(rng, self.phone)],
                               traits={"city": rng.choice(CITIES[self.language]), "language": self.language}))
        return found

    def counter(self, at):
        rng = self.rng
        who = rng.choice([[self.card], [self.card, spell_phone(rng, self.phone)],
                          [spell_phone(rng, self.phone)], [self.card, spell_email(rng, self.email)]])
        traits = {"name": self.name} if rng.random() < 0.6 else None
        return self.order(self.clock(at), "counter", who, self.item(), traits)

    def order(self, later, source, who, item, traits=None):
        rng = self.rng
        quantity = rng.choice([1, 1, 1, 2, 3])
        price = item[1] * quantity
        # A few buy in the other currency, on a journey.
        currency = self.currency if rng.random() < 0.96 else {"VND": "USD", "USD": "VND"}[self.currency]
        if currency == "VND":
            amount = str(round(price * VND_PER_USD / 1000) * 1000)
        else:
            amount = "%.2f" % price
        order = "%s-%06d" % (source[0].upper(), rng.randrange(1000000))
        at = next(later)
        found = [Event(rng, at, "Order Completed", source, list(who), amount, currency, traits,
                       {"order": order, "item": item[0], "quantity": quantity})]
        if rng.random() < 0.05:
            back = amount if rng.random() < 0.7 else ("%d" % (int(amount) // 2000 * 1000) if currency == "VND"
                                                     else "%.2f" % (float(amount) / 2))
            found.append(Event(rng, at + datetime.timedelta(days=rng.uniform(1, 10)), "Order Refunded", source,
                               list(who), "-" + back, currency, None, {"order": order, "item": item[0]}))
        return found

    def item(self):
        """Dearer items for those who like them, the espresso machine rarely."""
        rng = self.rng
        return rng.choices(PRODUCTS, [1 / (1 + (price / 30 / self.taste) ** 1.5) for _, price in PRODUCTS])[0]

    def clock(self, at):
        """Moments that follow each other within a visit."""
        while True:
            yield at
            at += datetime.timedelta(seconds=self.rng.randrange(5, 180), milliseconds=self.rng.randrange(1000))


def make_household(first, second):
    """Two customers at one computer: they share its cookie, and each has an account."""
    second.cookies[0] = first.cookies[0]
    first.kind = second.kind = "account"


def mai(until):
    """One customer to follow: three strangers, as the shop sees it, until the last events show that
    they are one. Returns her history and the live events that follow, both lists of Event."""
    rng = random.Random("Mai")
    laptop, phone_app, card = "cookie:mai-laptop", "device:mai-phone", "card:20231107"

    def at(days, hour, minute):
        return (until - datetime.timedelta(days=days)).replace(hour=hour, minute=minute, second=rng.randrange(60),
                                                               microsecond=0)

    history = [
        Event(rng, at(41, 9, 12), "Order Completed", "counter", [card, "phone:0965 550 123"], "1600000", "VND",
              {"name": "Nguyễn Thị Mai"}, {"item": "Tea set, celadon"}),
        Event(rng, at(33, 20, 43), "Product Viewed", "web", [laptop], properties={"item": "Espresso machine"}),
        Event(rng, at(26, 17, 5), "Order Completed", "counter", [card], "1975000", "VND",
              properties={"item": "Hand grinder"}),
        Event(rng, at(24, 10, 30), "Order Refunded", "counter", [card], "-1975000", "VND",
              properties={"item": "Hand grinder"}),
        Event(rng, at(17, 12, 9), "Order Completed", "app", [phone_app, "email:Mai.Nguyen@Example.com"], "1460000",
              "VND", {"newsletter": True}, {"item": "Kettle"}),
        Event(rng, at(9, 21, 19), "Added to Cart", "web", [laptop, "user_id:undefined"],
              properties={"item": "Espresso machine"}),
        Event(rng, at(4, 8, 55), "Order Completed", "counter", [card], "450000", "VND",
              properties={"item": "Lotus tea"}),
    ]
    minute = datetime.timedelta(minutes=1)
    live = [
        Event(rng, until - 3 * minute, "Signed In", "web", [laptop, "user_id:88", "email: MAI.NGUYEN@example.com"],
              traits={"language": "vi"}),
        Event(rng, until - 2 * minute, "Profile Updated", "web", ["user_id:88", "phone:+84 965-550-123"],
              traits={"city": "Huế"}),
        Event(rng, until - 1 * minute, "Order Completed", "web", [laptop, "user_id:88"], "9725000", "VND",
              properties={"item": "Espresso machine"}),
    ]
    return history, live


def stream(events=20000, seed=1, until=datetime.datetime(2025, 6, 30, 12, tzinfo=datetime.timezone.utc)):
    """The stream, a list of Event in the order in which they arrive."""
    rng = random.Random(seed)
    start = until - datetime.timedelta(days=DAYS)
    found = []
    number = 0
    found += mai(until)[0]
    while len(found) < events * 1.02:
        number += 1
        customer = Customer(random.Random(rng.getrandbits(64)), number)
        both = [customer]
        if number % 60 == 0:
            both.append(Customer(random.Random(rng.getrandbits(64)), 5000 + number))
            make_household(*both)
        for somebody in both:
            found += [event for event in somebody.events(start, DAYS - 1) if event.occurred_at < until]
    for event in found:
        if rng.random() < 0.02:
            event.identifiers = event.identifiers + [rng.choice(JUNK)]
        if event.source == "app" and rng.random() < 0.05:
            # The phone had no network.
            event.arrives += datetime.timedelta(hours=rng.uniform(1, 48))
    repeated = []
    for event in found:
        if rng.random() < 0.01:
            # The client did not hear that it had arrived, and sent it again.
            again = Event.__new__(Event)
            again.__dict__.update(event.__dict__)
            again.arrives = event.arrives + datetime.timedelta(minutes=rng.uniform(1, 600))
            repeated.append(again)
    found += repeated
    found.sort(key=lambda event: (event.arrives, event.event_id.int))
    return found[-events:]


def main():
    parser = argparse.ArgumentParser(description="A made-up customer stream as COPY text.")
    parser.add_argument("--events", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--until", default="2025-06-30T12:00", help="the end of the stream, UTC")
    options = parser.parse_args()
    until = datetime.datetime.fromisoformat(options.until).replace(tzinfo=datetime.timezone.utc)
    for event in stream(options.events, options.seed, until):
        sys.stdout.write(event.copy_line() + "\n")


if __name__ == "__main__":
    main()
