#!/usr/bin/env python3
"""
sql/RIGHTS.md lists every function with who may call it and as whom it runs. Here the list is held against
the catalog, and each function is called: by a role without rights, by one that is given the missing right
until the call goes through, by one that may read and write all that its owner can grant, and by a member of
the owner's role. What the calls ask for is what the list says.

    house_rights.py            the test
    house_rights.py --list     prints the table of the functions that ask for rights, for the list
"""

import os
import re
import sys

from arguments import call_of, functions, good_arguments
from cdptest import SqlError, Tap, rows, sql

LIST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../sql/RIGHTS.md")
SECTIONS = ("Values", "Catalog", "Reading and writing", "The owner", "Bodies", "Steps", "Triggers")

SETUP = r"""
SET client_min_messages = warning;
CREATE ROLE regress_cdp_stranger;
CREATE ROLE regress_cdp_user;
CREATE ROLE regress_cdp_owner;
CREATE ROLE regress_cdp_colleague IN ROLE regress_cdp_owner;
SELECT format('GRANT CREATE ON DATABASE %I TO regress_cdp_owner', current_database()) \gexec
SET ROLE regress_cdp_owner;
SELECT cdp.create_workspace('shop');
INSERT INTO shop.segments (name, predicate) VALUES ('some', 'event_count > 0');
INSERT INTO shop.computed_traits (name, kind, event, window_days) VALUES ('orders', 'count', 'Order', 30);
INSERT INTO shop.value_models (name) VALUES ('x');
-- Customers who differ in how often they buy and how soon they leave, so that a model can be fitted.
DO $do$
DECLARE
    rate float8;
    leaves float8;
    day float8;
BEGIN
    PERFORM setseed(0.5);
    CREATE TEMPORARY TABLE bought (n int, day float8);
    FOR n IN 1..300 LOOP
        rate := -ln(random()) * 0.02;
        leaves := random() ^ 2 * 0.6;
        day := random() * 30;
        LOOP
            INSERT INTO bought VALUES (n, day);
            EXIT WHEN random() < leaves;
            day := day - ln(random()) / rate;
            EXIT WHEN day > 330;
        END LOOP;
    END LOOP;
END
$do$;
INSERT INTO shop.events (event, identifiers, amount, traits, properties, occurred_at)
    SELECT 'Order', ARRAY['user_id:' || b.n, 'cookie:' || b.n], (10 + b.n % 40 * 5) * (0.3 - ln(random())), '{"a": 1}', '{}', now() - (340 - b.day) * interval '1 day' FROM bought b;
SELECT count(*) FROM cdp.fit('shop');
RESET ROLE;
CREATE TABLE public.samples AS
    SELECT p AS profile, p AS due, (SELECT e FROM shop.events e LIMIT 1) AS event, (p).traits, (p).ltv, (p).computed, (p).segments,
           'user_id:1'::cdp.identifier AS identifier, 'a'::cdp.segment_query AS query, cdp.btyd_accum(NULL, 2, 1, 3) AS btyd_state,
           cdp.rfm_accum(NULL, date '2024-01-01', 5, date '2024-03-01', interval '1 day') AS rfm_state,
           cdp.bgnbd_model(0.24, 4.4, 0.79, 2.4, '7 days') AS bgnbd_model, cdp.paretonbd_model(0.5, 10, 0.6, 11, '7 days') AS paretonbd_model,
           cdp.gamma_gamma_model(6.2, 3.7, 15) AS gamma_gamma_model, cdp.rfm((p).ltv, date '2024-12-31', '7 days', 'USD') AS rfm
    FROM (SELECT p FROM shop.profiles p ORDER BY p.profile_id LIMIT 1) f(p);
GRANT SELECT ON public.samples TO PUBLIC;

-- Calls as a role; undone. 00ZZZ: it has gone through.
CREATE FUNCTION public.call_as(role text, call text, OUT state text, OUT message text) LANGUAGE plpgsql AS $call$
BEGIN
    EXECUTE format('SET LOCAL ROLE %I', role);
    EXECUTE call;
    RAISE EXCEPTION 'done' USING ERRCODE = '00ZZZ';
EXCEPTION WHEN OTHERS THEN
    state := SQLSTATE;
    message := SQLERRM;
END
$call$;

-- The rights that regress_cdp_user needs for a call: each that an error names is given, until none does;
-- then each that the call can do without is taken back.
CREATE FUNCTION public.rights_for(call text, OUT rights text[], OUT state text, OUT message text) LANGUAGE plpgsql AS $rights$
DECLARE
    lacks text[];
    verbs text[] := '{SELECT,INSERT,UPDATE,DELETE}';
    verb text;
    one text;
    without text;
BEGIN
    rights := '{}';
    LOOP
        SELECT c.state, c.message INTO state, message FROM public.call_as('regress_cdp_user', call) c;
        lacks := regexp_match(message, '^permission denied for (schema|table|view) (\w+)$');
        EXIT WHEN state <> '42501' OR lacks IS NULL OR lacks[1] = 'schema' AND (lacks[2] <> 'shop' OR 'USAGE' = ANY (rights));
        IF lacks[1] = 'schema' THEN
            rights := array_append(rights, 'USAGE');
            GRANT USAGE ON SCHEMA shop TO regress_cdp_user;
        ELSE
            verb := verbs[1 + (SELECT count(*) FROM unnest(rights) r WHERE r ~ ('^\w+ ' || lacks[2] || '$'))];
            EXIT WHEN verb IS NULL;
            rights := array_append(rights, verb || ' ' || lacks[2]);
            EXECUTE format('GRANT %s ON shop.%I TO regress_cdp_user', verb, lacks[2]);
        END IF;
    END LOOP;
    FOREACH one IN ARRAY rights LOOP
        CONTINUE WHEN one = 'USAGE' OR state = '42501';
        EXECUTE format('REVOKE %s ON shop.%I FROM regress_cdp_user', split_part(one, ' ', 1), split_part(one, ' ', 2));
        SELECT c.state INTO without FROM public.call_as('regress_cdp_user', call) c;
        IF without = state THEN
            rights := array_remove(rights, one);
        ELSE
            EXECUTE format('GRANT %s ON shop.%I TO regress_cdp_user', split_part(one, ' ', 1), split_part(one, ' ', 2));
        END IF;
    END LOOP;
    RAISE EXCEPTION 'undo' USING ERRCODE = '00ZZY';
EXCEPTION WHEN SQLSTATE '00ZZY' THEN
    rights := ARRAY(SELECT r FROM unnest(rights) r ORDER BY 1);
END
$rights$;
"""


def read_list():
    """{section: {signature: rest of its row}} of the list."""
    found = {}
    section = None
    with open(LIST, encoding="utf-8") as f:
        for line in f:
            heading = re.match(r"## (.+)", line)
            if heading:
                section = heading.group(1).strip()
                found[section] = {}
            elif section:
                row = re.match(r"\| `(cdp\.[^`]+)` \| (.*) \|$", line)
                for signature in [row.group(1)] if row else re.findall(r"`((?:cdp\.)?\w+\([^`]*\))`", line):
                    found[section][signature] = row.group(2) if row else ""
    return found


def quote(text):
    return "'" + text.replace("'", "''") + "'"


def calls_as(role, wanted):
    """[(function, state, message)] of calling each with good arguments; the server's side undoes them."""
    listed = ", ".join("(%s, %s)" % (quote(f[0]), quote(call_of(f, good_arguments(f)))) for f in wanted)
    return rows("SET client_min_messages = error; SELECT v.f, c.state, c.message FROM (VALUES %s) v(f, call), public.call_as(%s, v.call) c"
                % (listed, quote(role)))


def rights_of(wanted):
    """{function: (rights, state, message)} that calls ask for."""
    listed = ", ".join("(%s, %s)" % (quote(f[0]), quote(call_of(f, good_arguments(f)))) for f in wanted)
    return {name: (rights, state, message) for name, rights, state, message in rows(
        "SET client_min_messages = error; SELECT v.f, array_to_string(c.rights, ', '), c.state, c.message "
        "FROM (VALUES %s) v(f, call), public.rights_for(v.call) c" % listed)}


def shown(rights):
    """Rights as the list has them: tables by verb, USAGE of the schema left out."""
    words = [r.split(" ") for r in rights.split(", ") if r != "USAGE"]
    texts = []
    for verb in ("SELECT", "INSERT", "UPDATE", "DELETE"):
        tables = sorted(w[1] for w in words if w[0] == verb)
        if tables:
            texts.append(verb + " on " + ", ".join("`%s`" % t for t in tables))
    return "; ".join(texts)


sql(SETUP)
every = {f[0].replace('"', ""): [f[0]] + f[1:] for f in functions()}
plain = {name: f for name, f in every.items() if f[1] != "p"}

if "--list" in sys.argv:
    for name, (rights, state, message) in sorted(rights_of(plain.values()).items()):
        if "USAGE" in rights:
            print("| `%s` | %s | %s %s" % (name.replace('"', ""), shown(rights), state, "" if state == "00ZZZ" else message))
    sys.exit(0)

tap = Tap()
listed = read_list()
tap.equal(sorted(listed), sorted(SECTIONS), "the list has its sections")
signatures = [s for section in listed.values() for s in section]
tap.equal(sorted(set(every) - set(signatures)), [], "every function is in the list")
tap.equal(sorted(set(signatures) - set(every)), [], "every function of the list exists")
tap.equal(sorted(s for s in set(signatures) if signatures.count(s) > 1), [], "none is in it twice")
tap.equal(rows("""SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
                  JOIN pg_extension x ON d.refobjid = x.oid AND x.extname = 'cdp' WHERE p.prosecdef OR p.proacl IS NOT NULL"""), [],
          "none runs as its definer, and EXECUTE is everybody's: rights are asked for inside")


def of(section):
    return [plain[s] for s in listed[section] if s in plain]


denied = [r[0] for r in calls_as("regress_cdp_stranger", of("Values") + of("Catalog")) if r[1] == "42501"]
tap.equal(denied, ["cdp.create_workspace(name,boolean)"], "functions of values and of the catalog ask for nothing, but that which makes a workspace")
let_in = [r for r in calls_as("regress_cdp_stranger", of("Reading and writing") + of("The owner")) if r[1] != "42501"]
tap.equal(let_in, [], "a stranger is refused by all others")
let_in = [r for r in calls_as("regress_cdp_stranger", of("Steps")) if r[1] == "00ZZZ" and "partial" not in every[r[0].replace('"', "")][3]]
tap.equal(let_in, [], "and does no step")
let_in = [r for r in calls_as("regress_cdp_stranger", of("Bodies")) if r[1] not in ("42501", "55000")]
tap.equal(let_in, [], "nor any body")
for role in ("regress_cdp_colleague", "postgres"):
    let_in = [r for r in calls_as(role, of("Bodies")) if r[1] != "55000"]
    tap.equal(let_in, [], "a body is not called past its entrance by " + role)
let_in = [r for r in calls_as("regress_cdp_stranger", of("Triggers")) if r[1] not in ("39P01", "39P03", "0A000", "42883", "55000")]
tap.equal(let_in, [], "trigger functions are called by triggers alone, parts of aggregates by their aggregate")

asked = rights_of(of("Reading and writing"))
for name, (rights, state, message) in sorted(asked.items()):
    wanted = listed["Reading and writing"][name.replace('"', "")]
    tap.ok(rights.endswith("USAGE") and shown(rights) == wanted and state != "42501", "%s asks for %s" % (name, wanted or "USAGE"),
           "it asks for %s, and ends with %s %s" % (shown(rights), state, message))

# All that can be granted is not the owner's right.
sql("""GRANT USAGE ON SCHEMA shop TO regress_cdp_user; GRANT ALL ON ALL TABLES IN SCHEMA shop TO regress_cdp_user;
       REVOKE TRIGGER, REFERENCES ON ALL TABLES IN SCHEMA shop FROM regress_cdp_user""")
let_in = [r for r in calls_as("regress_cdp_user", of("The owner")) if r[1] != "42501"]
tap.equal(let_in, [], "who may read and write every table is no owner")
let_in = [r for r in calls_as("regress_cdp_user", of("Steps")) if r[1] == "00ZZZ" and "partial" not in every[r[0].replace('"', "")][3]]
tap.equal(let_in, [], "and does no step either")
refused = [r for r in calls_as("regress_cdp_colleague", of("The owner")) if r[1] == "42501"]
tap.equal(refused, [], "a member of the owner's role may do what the owner may")
for role, code in (("regress_cdp_stranger", "42501"), ("regress_cdp_user", "42501"), ("regress_cdp_colleague", None)):
    try:
        sql("SET ROLE %s;\nCALL cdp.run('shop');" % role)
        got = None
    except SqlError as error:
        got = error.sqlstate
    tap.equal(got, code, "cdp.run as %s" % role)

# As whom: the engine writes as the owner, whoever makes it write.
sql("""SET ROLE regress_cdp_owner;
       CREATE TABLE shop.written_by (who text);
       CREATE FUNCTION shop.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO shop.written_by VALUES (current_user); RETURN NEW; END $$;
       CREATE TRIGGER note BEFORE INSERT OR UPDATE ON shop.profiles FOR EACH ROW EXECUTE FUNCTION shop.note();
       RESET ROLE;
       CREATE ROLE regress_cdp_app; GRANT USAGE ON SCHEMA shop TO regress_cdp_app; GRANT INSERT ON shop.events TO regress_cdp_app;
       CREATE ROLE regress_cdp_marketer; GRANT USAGE ON SCHEMA shop TO regress_cdp_marketer; GRANT SELECT, INSERT, DELETE ON shop.segments TO regress_cdp_marketer""")
for role, statement in (("regress_cdp_app", "INSERT INTO shop.events (event, identifiers) VALUES ('Seen', '{user_id:1}')"),
                        ("regress_cdp_marketer", "INSERT INTO shop.segments (name, predicate) VALUES ('new', 'event_count > 1')"),
                        ("regress_cdp_marketer", "DELETE FROM shop.segments WHERE name = 'new'"),
                        ("regress_cdp_colleague", "SELECT cdp.link('shop', 'user_id:1', 'user_id:2')"),
                        ("regress_cdp_colleague", "SELECT cdp.unlink('shop', 'user_id:1', 'user_id:2')"),
                        ("regress_cdp_colleague", "SELECT cdp.rebuild('shop')"),
                        ("postgres", "UPDATE shop.settings SET time_zone = 'Asia/Tokyo'"), ("postgres", "SELECT cdp.rebuild('shop')")):
    found = sql("SET client_min_messages = error; SET session_replication_role = replica; DELETE FROM shop.written_by; RESET session_replication_role; %s; %s; "
                "RESET ROLE; SELECT DISTINCT '<' || who || '>' FROM shop.written_by"
                % ("RESET ROLE" if role == "postgres" else "SET ROLE " + role, statement))
    tap.equal(re.findall("<.*>", found), ["<regress_cdp_owner>"], "%s by %s writes as the owner" % (statement.split(" (")[0][:40], role))
tap.equal(rows("SELECT * FROM cdp.check('shop')"), [], "and all is well")
sql("""SET client_min_messages = warning; DROP SCHEMA shop CASCADE; DROP TABLE public.samples;
       DROP OWNED BY regress_cdp_stranger, regress_cdp_user, regress_cdp_owner, regress_cdp_colleague, regress_cdp_app, regress_cdp_marketer;
       DROP ROLE regress_cdp_stranger, regress_cdp_user, regress_cdp_owner, regress_cdp_colleague, regress_cdp_app, regress_cdp_marketer""")
tap.done()
