#!/usr/bin/env python3
"""
Random DDL on all that definitions name: columns of profiles and events (added, dropped, renamed, given another type,
rewritten, generated, inherited), enumerated and composite types, domains, collations, schemas,
functions, casts and operators of everybody; alone, several in one statement or one transaction, with CASCADE. After
each command:
 - cdp.check finds nothing, whether or not the command was refused;
 - a command that only gives something another name leaves every membership and computed trait as it is;
 - a refusal (2BP01) is right: with the event triggers off, the same command leaves a definition that does not
   compile, or (of a name) one whose members would be others, or may be;
 - a command with the event triggers off is never silent: where it leaves a definition that does not compile,
   cdp.check finds that, and so does an event's row of errors; put right again, all is well.
timeout: 240
weight: 40

    ddl_random.py [ROUNDS [SEED]]     rounds (2; make test-long has 100) of 40 commands, first seed (1)
"""

import os
import random
import sys

from cdptest import SqlError, Tap, rows, sql

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 2
FIRST = int(sys.argv[2]) if len(sys.argv) > 2 else 1
COMMANDS = 40
VERBOSE = "CDP_VERBOSE" in os.environ

SETUP = """
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS w, w2 CASCADE;
DROP SCHEMA IF EXISTS ty, ty2 CASCADE;
DROP TABLE IF EXISTS public.parent;
CREATE OR REPLACE FUNCTION public.ddl_broken() RETURNS SETOF text LANGUAGE plpgsql AS $f$
DECLARE
    segment record;
BEGIN
    FOR segment IN SELECT s.name, s.predicate FROM w.segments s LOOP
        BEGIN
            PERFORM cdp.check_predicate('w', segment.name, segment.predicate);
        EXCEPTION WHEN OTHERS THEN
            RETURN NEXT segment.name;
        END;
    END LOOP;
    RETURN QUERY SELECT t.name FROM w.computed_traits t WHERE cdp.computed_trait_fault('w', t.name) IS NOT NULL;
END
$f$;
SELECT cdp.create_workspace('w');
CREATE SCHEMA ty;
CREATE TYPE ty.mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE ty.size AS ENUM ('s', 'm', 'l');
CREATE TYPE ty.address AS (street text, zip text, kind ty.mood);
CREATE DOMAIN ty.positive AS int CHECK (VALUE > 0);
CREATE COLLATION ty.ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE COLLATION ty.de (provider = icu, locale = 'de');
CREATE TABLE ty.pair (a int, b text);
CREATE VIEW ty.seen AS SELECT 1 AS x, 'y'::text AS y;
ALTER TABLE w.profiles
    ADD COLUMN tier int, ADD COLUMN note text, ADD COLUMN word text COLLATE ty.ci, ADD COLUMN mood ty.mood,
    ADD COLUMN moods ty.mood[], ADD COLUMN addr ty.address, ADD COLUMN dom ty.positive, ADD COLUMN pair ty.pair,
    ADD COLUMN seen ty.seen, ADD COLUMN "Odd ""col" text, ADD COLUMN due timestamptz,
    ADD COLUMN twice int GENERATED ALWAYS AS (tier * 2) STORED;
ALTER TABLE w.events ADD COLUMN campaign text, ADD COLUMN size ty.size, ADD COLUMN n int, ADD COLUMN at_home ty.address;
INSERT INTO w.events (event, identifiers, amount, traits, campaign, size, n, at_home)
SELECT 'e' || i % 3, ARRAY['user_id:' || i % 20], i, jsonb_build_object('plan', 'p' || i % 4), 'c' || i % 5,
       (enum_range(NULL::ty.size))[1 + i % 3], i % 7, ROW('s' || i % 4, i % 3, 'ok')::ty.address
FROM generate_series(1, 60) i;
UPDATE w.profiles SET tier = nullif(profile_id % 5, 4), note = 'n' || profile_id % 4, word = (ARRAY['Ab', 'aB', 'c'])[1 + profile_id % 3],
    mood = (enum_range(NULL::ty.mood))[1 + profile_id % 3], moods = ARRAY['ok'::ty.mood, (enum_range(NULL::ty.mood))[1 + profile_id % 3]],
    addr = ROW('street ' || profile_id % 3, profile_id % 2, 'sad')::ty.address, dom = profile_id % 3 + 1,
    pair = ROW(profile_id % 4, 'b')::ty.pair, seen = ROW(profile_id % 2, 'y')::ty.seen, "Odd ""col" = 'o' || profile_id % 3,
    due = now() + (profile_id % 5 - 2) * interval '1 day';
"""

PREDICATES = [
    "tier > 1", "tier IS NULL OR tier BETWEEN 1 AND 2", "tier::text = '2'", "profiles.tier = 1", "w.profiles.tier = 2", "tier(profiles) > 0",
    "(profiles).tier >= 1 -- tier", "twice > 2", "twice IS NOT NULL", "note = 'n1'", "note LIKE 'n%' AND note <> 'tier'", "length(note) > 1",
    "note COLLATE ty.de < 'n2'", "word = 'AB'", "word COLLATE \"C\" = 'Ab'", "mood = 'happy'", "mood = 'happy'::ty.mood", "mood > 'sad'",
    "mood IS NOT NULL", "mood::text = 'ok'", "to_jsonb(mood) = '\"sad\"'", "mood IN ('sad', 'ok')", "'happy' = ANY (moods)",
    "moods @> ARRAY['sad'::ty.mood]", "array_to_string(moods, ',') LIKE '%ok%'", "cardinality(moods) = 2", "(addr).zip = '1'",
    "(addr).kind = 'sad'", "to_jsonb(addr) ? 'zip'", "to_jsonb(addr)->>'street' = 'street 1'", "addr IS NOT NULL", "dom > 1", "dom::int = 2",
    "(pair).a > 1", "to_jsonb(pair) ? 'a'", "(seen).x = 1", "\"Odd \"\"col\" = 'o1'", "U&\"Odd \"\"c\\006fl\" <> 'o2'", "due < now()",
    "due - interval '1 day' > now() OR due IS NULL", "event_count > 2", "event_count > 2 AND tier < 3", "cdp.total(ltv, 'USD') > 50",
    "traits->>'plan' = 'p1'", "computed->>'camp' IS NOT NULL", "cdp.computed_int(computed, 'some') > 0", "segments ? 'base'", "last_seen > now() - interval '3 days'",
    "greatest(tier, 2) = 2", "coalesce(note, word) = 'n1'", "CASE WHEN tier > 1 THEN note = 'n1' ELSE mood = 'ok' END", "tier = ANY (ARRAY[1, 2])",
    "(tier, note) = (1, 'n1')", "tier IS DISTINCT FROM 1", "nullif(tier, 1) = 2", "lower(note) || tier > 'n1'", "note::ty.mood IS NULL OR true",
]
TRAITS = [
    ("camp", "unique_list", None, "campaign"), ("some", "count", "n > 2", None), ("total_n", "sum", None, "n"), ("sizes", "most_frequent", None, "size"),
    ("big", "count", "size = 'l'", None), ("zips", "unique_list", None, "(at_home).zip"), ("first_size", "first", "events.n > 0", "size::text"),
    ("money", "sum", "campaign = 'c1'", "amount"), ("homes", "last", None, "to_jsonb(at_home)"), ("spelt", "unique_count", None, "size"),
]
NAMES = ["level", "tier2", "Count", "select", "profiles", "b c", "x\"y", "lower", "value", "mood2", "note2", "events", "tier", "note", "campaign", "n"]
TYPES = ["int", "bigint", "text", "numeric", "varchar(3)", "ty.mood", "ty.size", "boolean", "text COLLATE \"C\"", "text COLLATE ty.de", "ty.address", "jsonb", "timestamptz", "date"]


def quote(name):
    return '"%s"' % name.replace('"', '""')


class Round:
    def __init__(self, seed):
        self.draw = random.Random(seed)
        sql(SETUP)
        self.schema = "w"
        sql("INSERT INTO w.segments VALUES ('base', 'event_count > 1')")
        for name, kind, only, expression in self.draw.sample(TRAITS, 5) + TRAITS[:2]:
            self.attempt("INSERT INTO w.computed_traits (name, kind, filter, expression) VALUES ('%s', '%s', %s, %s) ON CONFLICT DO NOTHING" % (
                name, kind, "$$%s$$" % only if only else "NULL", "$$%s$$" % expression if expression else "NULL"))
        for i, predicate in enumerate(self.draw.sample(PREDICATES, 12)):
            self.attempt("INSERT INTO w.segments VALUES ('s%d', $$%s\n$$)" % (i, predicate))

    @staticmethod
    def attempt(text):
        """
        The SQLSTATE of a script, in one transaction; null: it has none. One that damages the workspace, as by
        renaming a column of the engine's, fails here.
        """
        try:
            sql("SET client_min_messages = error; BEGIN; %s; SELECT cdp.canonical_identifier('w', 'user_id:1'); COMMIT;" % text)
            return None, ""
        except SqlError as error:
            return error.sqlstate, str(error)

    def pick(self, query):
        found = rows(query)
        return self.draw.choice(found) if found else None

    def column(self):
        """A table and a column, mostly one that is the user's."""
        own = "a.attnum > 0" if self.draw.random() < 0.1 else "a.attname NOT IN (SELECT name FROM cdp.profile_columns()) AND a.attname NOT IN ('event_id', " \
            "'occurred_at', 'received_at', 'event', 'source', 'amount', 'currency', 'anchor', 'identifiers', 'traits', 'properties', 'scores')"
        found = self.pick("SELECT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE c.relname IN ('profiles', 'events') "
                          "AND c.relnamespace = 'w'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped AND %s ORDER BY 1, 2" % own)
        return found if found else ["profiles", "event_count"]

    def label(self):
        return self.pick("SELECT t.oid::regtype, e.enumlabel FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid ORDER BY 1, 2") or ["ty.mood", "ok"]

    def attribute(self):
        return self.pick("SELECT c.oid::regclass, c.relkind, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE c.relkind IN ('c', 'r', 'v') AND c.relnamespace IN "
                         "(SELECT oid FROM pg_namespace WHERE nspname LIKE 'ty%') AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 1, 3") or ["ty.address", "c", "zip"]

    def command(self):
        """A random command, and whether it only gives something another name."""
        d = self.draw
        table, column = self.column()
        alter = "ALTER TABLE w.%s " % table
        new = quote(d.choice(NAMES))
        kind = d.randrange(34)
        cascade = d.choice(["", " CASCADE", " CASCADE"])
        if kind < 4:
            return alter + "RENAME COLUMN %s TO %s" % (quote(column), new), True
        if kind < 6:
            return alter + "DROP COLUMN %s%s" % (quote(column), cascade), False
        if kind < 8:
            return alter + "ADD COLUMN %s %s" % (new, d.choice(TYPES)), False
        if kind < 12:
            new_type = d.choice(TYPES)
            using = d.choice(["", " USING NULL", " USING %s::text::%s" % (quote(column), new_type.split(" COLL")[0]), " USING %s" % quote(column)])
            return alter + "ALTER COLUMN %s TYPE %s%s" % (quote(column), new_type, using), False
        if kind == 12:
            return alter + "ALTER COLUMN %s TYPE int USING -1" % quote(column), False
        if kind == 13:
            return alter + "DROP COLUMN %s, ADD COLUMN %s %s" % (quote(column), quote(column), d.choice(TYPES)), False
        if kind == 14:
            return alter + d.choice(["ALTER COLUMN %s SET DEFAULT NULL", "ALTER COLUMN %s DROP DEFAULT", "ALTER COLUMN %s DROP NOT NULL", "ALTER COLUMN %s SET STATISTICS 10"]) % quote(column), False
        if kind == 15:
            return alter + "ALTER COLUMN %s DROP EXPRESSION" % quote(column), False
        if kind < 18:
            type_name, label = self.label()
            return "ALTER TYPE %s RENAME VALUE '%s' TO '%s'" % (type_name, label, d.choice(["sad", "ok", "l", "x", "happy", "q"])), True
        if kind == 18:
            return "ALTER TYPE %s ADD VALUE '%s' BEFORE '%s'" % (self.label()[0], d.choice("abcdef"), self.label()[1]), False
        if kind < 21:
            name, relkind, attribute = self.attribute()
            what = {"c": "ALTER TYPE %s", "r": "ALTER TABLE %s", "v": "ALTER VIEW %s"}[relkind] % name
            part = "ATTRIBUTE" if relkind == "c" else "COLUMN"
            kinds = ["RENAME %s %s TO %s" % (part, quote(attribute), new)]
            if relkind != "v":
                kinds += ["DROP %s %s" % (part, quote(attribute)), "ADD %s %s int" % (part, new)]
            picked = d.choice(kinds)
            return what + " " + picked, picked.startswith("RENAME")
        if kind < 23:
            thing = d.choice(["TYPE ty.mood", "TYPE ty.size", "TYPE ty.address", "DOMAIN ty.positive", "COLLATION ty.ci", "COLLATION ty.de", "TABLE ty.pair", "VIEW ty.seen", "SCHEMA ty"])
            return "DROP %s%s" % (thing, cascade), False
        if kind < 25:
            thing = d.choice(["TYPE ty.mood", "TYPE ty.size", "TYPE ty.address", "DOMAIN ty.positive", "COLLATION ty.ci", "COLLATION ty.de", "TABLE ty.pair", "VIEW ty.seen"])
            change = d.choice(["RENAME TO other", "SET SCHEMA public", "OWNER TO postgres"])
            return "ALTER %s %s" % (thing, change), True
        if kind == 25:
            return "ALTER SCHEMA ty RENAME TO ty2; ALTER SCHEMA ty2 RENAME TO ty", True
        if kind == 26:
            return "ALTER SCHEMA w RENAME TO w2; ALTER SCHEMA w2 RENAME TO w", True
        if kind == 27:
            return d.choice(["ALTER COLLATION ty.ci REFRESH VERSION", "ALTER COLLATION ty.de REFRESH VERSION", "ALTER DOMAIN ty.positive DROP CONSTRAINT positive_check",
                             "ALTER DOMAIN ty.positive ADD CONSTRAINT less CHECK (VALUE < 100)", "ALTER TABLE w.profiles RENAME TO people; ALTER TABLE w.people RENAME TO profiles"]), False
        if kind == 28:
            return ("CREATE TABLE public.parent AS SELECT %s FROM w.%s LIMIT 0; ALTER TABLE w.%s INHERIT public.parent; ALTER TABLE public.parent RENAME COLUMN %s TO %s; "
                    "ALTER TABLE w.%s NO INHERIT public.parent; DROP TABLE public.parent") % (quote(column), table, table, quote(column), new, table), True
        if kind == 29:
            return d.choice(["CREATE FUNCTION pg_catalog.lower(int) RETURNS text IMMUTABLE LANGUAGE sql RETURN 'x'; DROP FUNCTION pg_catalog.lower(int)",
                             "CREATE OR REPLACE FUNCTION cdp.detached_probe(int) RETURNS int IMMUTABLE LANGUAGE sql RETURN 1; DROP FUNCTION cdp.detached_probe(int)",
                             "CREATE FUNCTION pg_catalog.length(ty.mood) RETURNS int IMMUTABLE LANGUAGE sql RETURN 1"]), False
        if kind == 30:
            return "CREATE CAST (ty.mood AS int) WITH INOUT AS IMPLICIT; DROP CAST (ty.mood AS int)", False
        if kind == 31:
            other = self.column()[1]
            return alter + "RENAME COLUMN %s TO swap_; ALTER TABLE w.%s RENAME COLUMN %s TO %s; ALTER TABLE w.%s RENAME COLUMN swap_ TO %s" % (
                quote(column), table, quote(other), quote(column), table, quote(other)), True
        if kind == 32:
            return "DO $do$BEGIN ALTER TABLE w.%s RENAME COLUMN %s TO inner_; EXECUTE 'ALTER TABLE w.%s RENAME COLUMN inner_ TO %s'; END$do$" % (table, quote(column), table, new), True
        return alter + "ADD COLUMN more_ int DEFAULT 1; UPDATE w.profiles SET %s = NULL; ALTER TABLE w.%s DROP COLUMN more_" % (
            quote(column) if table == "profiles" else "scores", table), False

    @staticmethod
    def look():
        """
        Members and computed traits of each profile (the texts of definitions are no part of it), what cdp.check finds,
        and which definitions do not compile.
        """
        found = rows("SELECT 'state', p.profile_id, cdp.segment_names(p.segments), cdp.to_jsonb(p.computed, '2030-01-01') FROM w.profiles p ORDER BY 2; "
                     "SELECT 'finding', c.* FROM cdp.check('w') c; SELECT 'broken', b FROM public.ddl_broken() b")
        return tuple([row[1:] for row in found if row[0] == what] for what in ("state", "finding", "broken"))

    @staticmethod
    def is_justified(command):
        """Whether a refusal is right: with the event triggers off, a definition does not compile after the command."""
        test = "SET client_min_messages = error; BEGIN; SET LOCAL session_replication_role = replica; %s; " \
               "SET LOCAL session_replication_role = origin; SELECT public.ddl_broken(); ROLLBACK" % command
        try:
            return bool(sql(test).strip())
        except SqlError as error:
            # a workspace that cannot be used at all
            return error.sqlstate in ("42703", "42804", "55000", "3F000", "42P01")

    def run(self, tap):
        faults = []
        accepted = refused = 0
        before, findings, broken = self.look()
        for _ in range(COMMANDS):
            command, renames = self.command()
            sqlstate, text = self.attempt(command)
            if VERBOSE:
                print("# %s %s" % (sqlstate, command))
            if sqlstate is None:
                accepted += 1
            elif sqlstate == "2BP01" and "definitions of workspace" in text:
                refused += 1
                if ";" not in command and "would mean something else" not in text and not self.is_justified(command):
                    faults.append("refused without need: %s\n%s" % (command, text))
            elif sqlstate.startswith(("XX", "58", "57")):
                faults.append("%s: %s\n%s" % (sqlstate, command, text))
            try:
                state, findings, broken = self.look()
            except SqlError as error:
                faults.append("%s, after %s (%s)" % (error, command, sqlstate))
                break
            if renames and sqlstate is None and state != before:
                faults.append("a new name changes what definitions stand for: %s" % command)
            faults += ["%s after %s (%s)" % (finding, command, sqlstate) for finding in findings]
            if broken:
                faults.append("%s do not compile after %s (%s)" % (broken, command, sqlstate))
            if faults:
                break
            before = state
        return faults, accepted, refused

    def run_past(self):
        """Commands with the event triggers off: what they break is found, and heals."""
        table, column = "profiles", "tier"
        if not rows("SELECT FROM pg_attribute WHERE attrelid = 'w.profiles'::regclass AND attname = 'tier'"):
            return []
        sql("DELETE FROM w.segments; INSERT INTO w.segments VALUES ('t', 'tier > 0 OR tier IS NULL')")
        sql("SET session_replication_role = replica; ALTER TABLE w.%s RENAME COLUMN %s TO gone_" % (table, column))
        faults = []
        if not rows("SELECT FROM cdp.check('w') WHERE key = 'definition of t'"):
            faults.append("cdp.check does not find a definition that does not compile")
        sql("INSERT INTO w.events (event, identifiers) VALUES ('x', '{user_id:1}')")
        if not rows("SELECT FROM w.segment_errors WHERE segment = 't'"):
            faults.append("segment_errors has nothing of a definition that does not compile")
        sql("ALTER TABLE w.%s RENAME COLUMN gone_ TO %s" % (table, column))
        return faults + ["%s after the repair" % finding for finding in rows("SELECT * FROM cdp.check('w')")]


def main():
    tap = Tap()
    for seed in range(FIRST, FIRST + ROUNDS):
        one = Round(seed)
        faults, accepted, refused = one.run(tap)
        if not faults:
            try:
                faults = one.run_past()
            except SqlError as error:
                faults = [] if error.sqlstate in ("42703", "55000", "42804") else [str(error)]
        tap.ok(not faults, "seed %d: %d commands done, %d refused" % (seed, accepted, refused), "\n".join(faults))
    tap.done()


main()
