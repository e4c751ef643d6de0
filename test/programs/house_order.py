#!/usr/bin/env python3
"""
Order, batching and the number of sessions do not matter: random streams, shuffled, split into statements
at random, some events sent twice, by one to eight sessions at once, give the state that one statement
gives. The streams have no limits, whose conflicts the order decides.

    house_order.py [SEEDS [FIRST]]     how many random streams (4), and the first one's seed
"""

import json
import os
import random
import subprocess
import sys

from cdptest import Tap, rows, sql, value

SEEDS = int(sys.argv[1]) if len(sys.argv) > 1 else 4
FIRST = int(sys.argv[2]) if len(sys.argv) > 2 else 1
VARIANTS = 3
COLUMNS = "event_id, occurred_at, received_at, event, source, identifiers, amount, currency, traits"

# What does not depend on the way there; a profile is named by its identifiers.
STATE = """
    WITH named AS (SELECT profile_id, string_agg(identifier::text, ' ' ORDER BY identifier) AS name
                   FROM {w}.identifiers GROUP BY 1)
    SELECT concat_ws('|', 'profile', n.name, p.first_seen, p.last_seen, p.event_count, p.traits::text, p.ltv::text, p.computed::text,
                     cdp.segment_names(p.segments)) FROM {w}.profiles p LEFT JOIN named n USING (profile_id)
    UNION ALL SELECT concat_ws('|', 'identifier', n.name, identifier::text, first_seen, last_seen)
        FROM {w}.identifiers LEFT JOIN named n USING (profile_id)
    UNION ALL SELECT concat_ws('|', 'link', anchor::text, identifier::text, occurred_at, event_id) FROM {w}.identity_links
    UNION ALL SELECT concat_ws('|', 'refusal', identifier, anchor::text, reason, occurred_at, event_id) FROM {w}.identity_refusals
    UNION ALL SELECT concat_ws('|', 'event', e.*::text) FROM {w}.events e
    UNION ALL SELECT concat_ws('|', 'id', event_id) FROM {w}.event_ids
    ORDER BY 1"""


def quote(value):
    return "NULL" if value is None else "'" + str(value).replace("'", "''") + "'"


def make_stream(rng):
    """Events as SQL rows. Few people, days and values, so that there are many ties."""
    people = rng.choice([5, 30, 200])
    days = rng.choice([2, 30])
    stream = []
    for n in range(rng.choice([60, 250])):
        person = rng.randrange(people)
        pool = ["cookie:%d" % (person * 2 + rng.randrange(3)), "user_id:u%d" % person, "email:E%d@Example.com" % (person // 2),
                "device:%d" % rng.randrange(people * 3), "card:%d" % person, "phone:+8498155%04d" % person,
                "email:not an address", "cookie:null", "order:%d" % n]
        identifiers = rng.sample(pool, rng.choice([0, 1, 1, 1, 2, 2, 3]))
        at = "2024-01-%02d %02d:00:00+00" % (1 + rng.randrange(days), rng.randrange(24))
        received = "2024-01-%02d 12:00:00+00" % (1 + rng.randrange(days))
        amount = rng.choice([None, None, rng.randrange(-50, 500) / 1000, rng.randrange(1000)])
        traits = rng.choice([None, {"plan": rng.choice(["a", "b", 7, None, [1, {"x": 2}]])},
                             {"k%d" % rng.randrange(4): rng.randrange(3), "plan": rng.random()}])
        stream.append("(cdp.event_id('%d'), %s, %s, 'e', %s, %s, %s, %s, %s)" % (
            n, quote(at), quote(received), quote(rng.choice([None, "web", "shop"])),
            "'{%s}'" % ",".join('"%s"' % i for i in identifiers), "NULL" if amount is None else amount,
            quote(rng.choice([None, "usd", "VND"])), quote(None if traits is None else json.dumps(traits))))
    return stream


def statements(rng, workspace, stream):
    """The stream shuffled, some of it twice, cut into statements."""
    stream = stream + rng.sample(stream, len(stream) // 5)
    rng.shuffle(stream)
    largest = rng.choice([1, 5, 50, len(stream)])
    while stream:
        size = rng.randint(1, largest)
        yield "INSERT INTO %s.events (%s) VALUES\n%s;\n" % (workspace, COLUMNS, ",\n".join(stream[:size]))
        stream = stream[size:]


def new_workspace(name):
    sql("""
        SELECT cdp.create_workspace('{w}');
        UPDATE {w}.identifier_namespaces SET max_per_profile = NULL;
        INSERT INTO {w}.computed_traits (name, kind, filter, expression, window_days, list_limit, max_distinct)
            SELECT k.kind || coalesce(w, 0) || x.name, k.kind, f, x.expression, w, 3, 4
            FROM unnest('{{count,sum,avg,min,max,first,last,most_frequent,unique_list,unique_count}}'::text[]) k(kind)
            CROSS JOIN (VALUES ('a', 'amount', 'amount > 0'), ('s', 'source', NULL)) x(name, expression, f)
            CROSS JOIN unnest('{{NULL,1,7}}'::int[]) w
            WHERE x.name = 'a' OR k.kind NOT IN ('sum', 'avg');
        INSERT INTO {w}.segments (name, predicate) VALUES ('often', $$cdp.computed_int(computed, 'count0a') > 2$$), ('rich', $$cdp.total(ltv, 'USD') + cdp.total(ltv, 'VND') >= 1$$),
            ('a', $$traits->>'plan' = 'a'$$), ('number', $$(traits->>'plan')::numeric > 0.5$$);""".format(w=name))


def load(rng, workspace, stream):
    """Sends it by so many sessions at once; returns what is said of it, and the errors."""
    sessions = rng.choice([1, 2, 4, 8])
    scripts = [["SET cdp.batch_events = %d;\n" % rng.choice([1, 3, 1000])] for _ in range(sessions)]
    for statement in statements(rng, workspace, stream):
        rng.choice(scripts).append(statement)
    running = []
    for script in scripts:
        path = os.path.join(os.environ["CDP_TMP"], "script%d.sql" % len(running))
        with open(path, "w", encoding="utf-8") as f:
            f.writelines(script)
        running.append(subprocess.Popen(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", path], text=True,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE))
    errors = [process.communicate()[1] for process in running]
    return ("%d sessions, %d statements" % (sessions, sum(map(len, scripts)) - sessions), "".join(errors))


def main():
    tap = Tap()
    for seed in range(FIRST, FIRST + SEEDS):
        rng = random.Random(seed)
        stream = make_stream(rng)
        new_workspace("plain")
        sql("INSERT INTO plain.events (%s) VALUES\n%s" % (COLUMNS, ",\n".join(stream)))
        expected = rows(STATE.format(w="plain"))
        tap.equal(rows("SELECT * FROM cdp.check('plain')"), [], "seed %d: %d events in one statement" % (seed, len(stream)))
        for variant in range(VARIANTS):
            new_workspace("other")
            what, errors = load(rng, "other", stream)
            found = rows(STATE.format(w="other"))
            tap.ok(not errors and found == expected, "seed %d: the same by %s" % (seed, what), errors + "\n".join(
                "%s %s" % (sign, row) for sign, several, others in (("missing", expected, found), ("extra", found, expected))
                for row in several if row not in others))
            tap.equal(rows("SELECT * FROM cdp.check('other')"), [], "seed %d: cdp.check finds nothing" % seed)
            if variant == 0:
                sql("SELECT cdp.rebuild('other')")
                tap.equal(rows(STATE.format(w="other")), expected, "seed %d: the same after a rebuild" % seed)
                tap.equal(rows("SELECT * FROM cdp.check('other')"), [], "seed %d: and cdp.check finds nothing" % seed)
            sql("SELECT cdp.drop_workspace('other')")
        sql("SELECT cdp.drop_workspace('plain')")
    tap.equal(value("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"), "0", "no deadlock")
    tap.done()


if __name__ == "__main__":
    main()
