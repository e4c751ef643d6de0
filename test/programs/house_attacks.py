#!/usr/bin/env python3
"""
Attacks by role: a stranger, an application, an analyst, a marketer, and a workspace's owner against a
superuser. Each tries to read what it may not, to have its code run as another, or to stop others.

Code that an attacker plants writes the name of whoever runs it into public.caught; a name other than the
attacker's (or the owner's, where the owner's own tables run it) is a finding. Secrets are texts with the
word SECRET; one in what an attacker is shown is a finding.
"""

import time

from cdptest import SqlError, Tap, patience, rows, sql, value

ROLES = ("stranger", "app", "analyst", "marketer", "owner")
SETUP = r"""
SET client_min_messages = warning;
""" + "".join("CREATE ROLE regress_cdp_%s LOGIN;\n" % role for role in ROLES) + r"""
CREATE TABLE public.caught (who text, how text);
GRANT INSERT ON public.caught TO PUBLIC;
CREATE FUNCTION public.catch(how text) RETURNS void LANGUAGE sql AS $$ INSERT INTO public.caught VALUES (current_user, how) $$;
CREATE SCHEMA trap;
GRANT USAGE, CREATE ON SCHEMA trap TO PUBLIC;
SELECT format('GRANT CREATE ON DATABASE %I TO regress_cdp_owner', current_database()) \gexec
SET ROLE regress_cdp_owner;
SELECT cdp.create_workspace('shop');
GRANT USAGE ON SCHEMA shop TO regress_cdp_app, regress_cdp_analyst, regress_cdp_marketer;
GRANT INSERT ON shop.events TO regress_cdp_app;
GRANT SELECT ON ALL TABLES IN SCHEMA shop TO regress_cdp_analyst;
REVOKE SELECT ON shop.profiles, shop.customers, shop.profiles_now, shop.events, shop.identifiers, shop.segment_failures, shop.computed_trait_failures FROM regress_cdp_analyst;
GRANT SELECT ON shop.segment_changes, shop.segment_errors, shop.computed_trait_errors TO regress_cdp_marketer;
GRANT SELECT, INSERT, UPDATE, DELETE ON shop.segments TO regress_cdp_marketer;
INSERT INTO shop.value_models (name) VALUES ('models');
INSERT INTO shop.computed_traits (name, kind, event, expression) VALUES ('SECRET_trait', 'last', 'a', $$traits->>'card'$$);
INSERT INTO shop.segments (name, predicate) VALUES ('SECRET_segment', $$traits->>'card' = 'SECRET in a predicate'$$);
UPDATE shop.settings SET default_region = 'VN';
INSERT INTO shop.blocked_identifiers (namespace, value) VALUES ('cookie', 'SECRET_blocked');
INSERT INTO shop.events (event, identifiers, traits, properties, amount) SELECT 'a', ARRAY['user_id:' || n], '{"card": "SECRET of a person"}', '{"card": "SECRET of an event"}', n
FROM generate_series(1, 20) n;
RESET ROLE;
"""

tap = Tap()
sql(SETUP)


def attempt(role, text, **options):
    """What comes out of statements as a role, errors among it."""
    try:
        return sql(("" if role is None else "SET SESSION AUTHORIZATION regress_cdp_%s;\n" % role) + text, **options)
    except SqlError as error:
        return str(error)


def reads_nothing(role, text, name=None):
    found = attempt(role, text).replace("SECRET-own", "")
    found = found.replace("SECRET_blocked", "") if "SECRET_blocked" in text else found
    tap.ok("SECRET" not in found and "server closed" not in found, "%s reads nothing by %s" % (role, name or text[:90]), found)


def refused(role, text, codes=("42501",)):
    try:
        found = sql("SET SESSION AUTHORIZATION regress_cdp_%s;\n%s" % (role, text))
    except SqlError as error:
        return tap.ok(error.sqlstate in codes, "%s is refused %s" % (role, text[:90]), error)
    return tap.ok(False, "%s is refused %s" % (role, text[:90]), "no error: " + found)


def nobody_is_caught(name, allowed):
    tap.equal(rows("SELECT DISTINCT who, how FROM public.caught WHERE who <> ALL ('{%s}') ORDER BY 1, 2" % ",".join("regress_cdp_" + r for r in allowed)), [], name)
    sql("DELETE FROM public.caught")


# To read: the stranger, who has no USAGE; the application, who has it; the analyst, who reads what is no person's.
KNOWS = ["cdp.check_predicate('shop', '', 'segments @@ ''SECRET_segment''')", "cdp.predicate_sql('shop', '', 'now() > last_seen')", "cdp.empty_computed('shop')",
         "cdp.identifier_fault('shop', 'cookie:SECRET_blocked')", "cdp.computed_trait_type('shop', 'SECRET_trait')", "cdp.computed_trait_fault('shop', 'SECRET_trait')",
         "cdp.anchor_of('shop', '{cookie:SECRET_blocked,device:d}')", "cdp.canonical_identifier('shop', 'phone:0981553602')", "cdp.profile_of('shop', 'user_id:1')",
         "cdp.canonical('shop', 1)", "cdp.next_due('shop')", "cdp.count('shop', 'true')", "cdp.reporting_currency('shop', NULL)", "cdp.empty_ltv('shop')",
         "(SELECT count(*) FROM cdp.timeline('shop', 1))", "(SELECT count(*) FROM cdp.members('shop', 'SECRET_segment'))", "(SELECT count(*) FROM cdp.explain_segment('shop', 1, 'SECRET_segment'))",
         "(SELECT count(*) FROM cdp.explain_identity('shop', 'user_id:1', 'user_id:2'))", "cdp.identity_graph('shop', 1)", "(SELECT count(*) FROM cdp.check('shop'))",
         "(SELECT count(*) FROM cdp.status('shop'))", "(SELECT count(*) FROM cdp.fit('shop'))", "cdp.score('shop')", "(SELECT count(*) FROM cdp.rfm_scores('shop'))"]
for role in ("stranger", "app"):
    for call in KNOWS:
        refused(role, "SELECT %s" % call)
for call in KNOWS[8:12] + KNOWS[14:]:
    if "score(" not in call:
        refused("analyst", "SELECT %s" % call)
sql("CREATE TABLE public.row_of AS SELECT p AS profile, e AS event FROM shop.profiles p, shop.events e LIMIT 1; UPDATE public.row_of SET profile.traits = '{}', event.traits = '{}'; "
    "GRANT SELECT ON public.row_of TO PUBLIC")
for role in ("stranger", "app"):
    refused(role, "SELECT cdp.segments_now(profile) FROM public.row_of")
    refused(role, "SELECT * FROM public.row_of, cdp.segment_tree(profile, '{}', 'event_count > 1')")
    refused(role, "SELECT cdp.computed_trait_fails('shop', 'SECRET_trait', event) FROM public.row_of")
for text in ("SELECT * FROM shop.segment_errors", "SELECT * FROM shop.computed_trait_errors", "INSERT INTO shop.segments (name, predicate) VALUES ('x', $$(traits->>'card')::int > 0$$); "
             "SELECT * FROM shop.segment_errors", "INSERT INTO shop.segments (name, predicate) VALUES ('y', $$(traits->>'card')::numeric > cdp.total(ltv, traits->>'card')$$) ; "
             "SELECT message FROM shop.segment_errors; SELECT * FROM shop.segment_failures"):
    reads_nothing("marketer", text)
reads_nothing("analyst", "SELECT * FROM shop.segment_errors; SELECT * FROM shop.computed_trait_errors")
sql("SET ROLE regress_cdp_owner; ALTER TABLE shop.profiles ADD CONSTRAINT card CHECK (length(traits->>'card') < 30 AND (event_count < 2 OR (traits->>'card')::date > now())) NOT VALID")
reads_nothing("app", "INSERT INTO shop.events (event, identifiers) VALUES ('a', '{user_id:1}')", "a constraint that fails on another's trait")
reads_nothing("app", "INSERT INTO shop.events (event, identifiers, traits) VALUES ('a', '{user_id:1}', '{\"card\": \"SECRET-own SECRET-own SECRET-own SECRET-own\"}')", "one that is violated")
sql("SET ROLE regress_cdp_owner; ALTER TABLE shop.profiles DROP CONSTRAINT card")

# To run as another: functions and operators that fit calls of cdp's better, in every schema that a caller may have first.
SHADOWS = r"""
CREATE FUNCTION {s}.trap(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM public.catch($1); RETURN true; END $$;
CREATE FUNCTION {s}.eq(name, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM public.catch('name = text'); RETURN true; END $$;
CREATE FUNCTION {s}.eq(uuid, uuid) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM public.catch('uuid = uuid'); RETURN $1::text = $2::text; END $$;
CREATE FUNCTION {s}.gt(timestamptz, timestamptz) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM public.catch('timestamptz > timestamptz'); RETURN false; END $$;
CREATE FUNCTION {s}.eq(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM public.catch('text = text'); RETURN $1 OPERATOR(pg_catalog.=) $2; END $$;
CREATE FUNCTION {s}.eq(oid, oid) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM public.catch('oid = oid'); RETURN $1 OPERATOR(pg_catalog.=) $2; END $$;
CREATE FUNCTION {s}.cat(text, text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM public.catch('text || text'); RETURN pg_catalog.concat($1, $2); END $$;
CREATE OPERATOR {s}.= (LEFTARG = name, RIGHTARG = text, FUNCTION = {s}.eq);
CREATE OPERATOR {s}.= (LEFTARG = uuid, RIGHTARG = uuid, FUNCTION = {s}.eq);
CREATE OPERATOR {s}.= (LEFTARG = text, RIGHTARG = text, FUNCTION = {s}.eq);
CREATE OPERATOR {s}.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = {s}.eq);
CREATE OPERATOR {s}.> (LEFTARG = timestamptz, RIGHTARG = timestamptz, FUNCTION = {s}.gt);
CREATE OPERATOR {s}.|| (LEFTARG = text, RIGHTARG = text, FUNCTION = {s}.cat);
CREATE FUNCTION {s}.format(text, name) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM public.catch('format'); RETURN pg_catalog.format($1, $2); END $$;
CREATE FUNCTION {s}.count(bigint) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN PERFORM public.catch('count'); RETURN 1; END $$;
CREATE FUNCTION {s}.total(cdp.ltv, text) RETURNS numeric LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM public.catch('total'); RETURN 1; END $$;
CREATE FUNCTION {s}.lower(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM public.catch('lower'); RETURN 'x'; END $$;
CREATE TYPE {s}.text AS ENUM ('x');
"""
attempt("stranger", SHADOWS.format(s="trap"))
USES = ("SELECT count(*) FROM cdp.check('shop')", "SELECT count(*) FROM cdp.status('shop')", "SELECT cdp.rebuild('shop')", "SELECT cdp.reevaluate('shop')", "SELECT cdp.tick('shop')",
        "INSERT INTO shop.events (event, identifiers, amount) VALUES ('a', '{user_id:1,cookie:2}', 5)", "SELECT cdp.count('shop', $$total(ltv, 'USD') > 0 AND lower(traits->>'card') <> 'y'$$)",
        "INSERT INTO shop.segments (name, predicate) VALUES ('z', $$total(ltv, 'USD') > 0 AND lower(traits->>'card') <> 'y'$$); DELETE FROM shop.segments WHERE name OPERATOR(pg_catalog.=) 'z'",
        "INSERT INTO shop.computed_traits (name, kind, expression, window_days) VALUES ('w', 'last', $$lower(traits->>'card')$$, 30)", "SELECT cdp.reevaluate('shop')",
        "DELETE FROM shop.computed_traits WHERE name OPERATOR(pg_catalog.=) 'w'",
        "UPDATE shop.identifier_namespaces SET can_anchor = false WHERE namespace OPERATOR(pg_catalog.=) 'user_id'", "UPDATE shop.identifier_namespaces SET can_anchor = true WHERE namespace OPERATOR(pg_catalog.=) 'user_id'",
        "INSERT INTO shop.blocked_identifiers (namespace, value) VALUES ('cookie', '2'); DELETE FROM shop.blocked_identifiers WHERE value OPERATOR(pg_catalog.=) '2'",
        "SELECT cdp.link('shop', 'user_id:1', 'user_id:2')", "SELECT cdp.separate('shop', 'user_id:3', 'user_id:4')", "SELECT count(*) FROM cdp.explain_identity('shop', 'user_id:1', 'user_id:2')",
        "SELECT count(*) FROM cdp.cohort_retention('shop', 'month')", "SELECT cdp.create_workspace('other'); SELECT cdp.drop_workspace('other')", "CALL cdp.run('shop')")
for path in ("trap, pg_catalog", "pg_temp, trap, pg_catalog, cdp"):
    for use in USES:
        try:
            sql("SET client_min_messages = error; SET search_path = %s;\n%s" % (path, use.replace("; ", ";\n")))
        except SqlError as error:
            tap.ok(error.sqlstate in ("42501",), "with search_path %s a superuser does %s" % (path, use[:80]), error)
    nobody_is_caught("with search_path %s no shadow runs as a superuser or as the owner" % path, ["stranger"])

# ... in schema cdp, to which a superuser has given the right
sql("GRANT CREATE ON SCHEMA cdp TO regress_cdp_owner, regress_cdp_marketer")
for role in ("owner", "marketer"):
    for statement in SHADOWS.format(s="cdp").split(";\nCREATE "):
        attempt(role, statement if statement.lstrip().startswith("CREATE") else "CREATE " + statement)
    attempt(role, "INSERT INTO shop.segments (name, predicate) VALUES ('trapped', 'cdp.trap(''x'')')")
sql("REVOKE CREATE ON SCHEMA cdp FROM regress_cdp_owner, regress_cdp_marketer")
for use in USES:
    try:
        sql("SET client_min_messages = error;\n" + use.replace("; ", ";\n"))
    except SqlError:
        pass
nobody_is_caught("nor do functions that were meant for schema cdp", [])
tap.equal(rows("SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'cdp'::regnamespace AND NOT cdp.is_member('pg_proc', p.oid)"), [], "none is there")

# ... by triggers of cdp's on tables of one's own, in a schema that looks like a workspace
sql("GRANT CREATE ON DATABASE %s TO regress_cdp_stranger" % value("SELECT quote_ident(current_database())"))
attempt("stranger", """CREATE SCHEMA fake; CREATE TABLE fake.events (event_id uuid); CREATE TABLE fake.segments (name text, predicate text); CREATE TABLE fake.profiles (profile_id bigint);
    CREATE TRIGGER i AFTER INSERT ON fake.segments REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION cdp.define_segments();""")
refused("stranger", "INSERT INTO fake.segments VALUES ('x', 'true')", ("39P01", "55000", "3F000"))
refused("stranger", "SELECT cdp.tick('fake')", ("55000", "3F000"))
refused("stranger", "SELECT * FROM cdp.check('fake')", ("55000", "3F000"))

# ... and what is a superuser's is a superuser's
for role in ROLES:
    refused(role, "SELECT cdp.now(); SET cdp.clock = '2001-01-01 00:00+00'")
    refused(role, "SELECT cdp.now(); SET cdp.batch_events = 1")
    refused(role, "SELECT cdp.now(); SET cdp.check_locks = on")
    refused(role, "SELECT cdp.now(); SELECT set_config('cdp.clock', '2001-01-01 00:00+00', false)")
    refused(role, "ALTER ROLE CURRENT_USER SET cdp.clock = '2001-01-01 00:00+00'")
    if role != "owner":
        for call in ("SELECT cdp.tick('shop')", "CALL cdp.run('shop')", "SELECT cdp.rebuild('shop')", "SELECT cdp.reevaluate('shop')", "SELECT cdp.link('shop', 'user_id:1', 'user_id:5')",
                     "SELECT cdp.decide('shop', 'user_id:1', 'user_id:5', true, true, 'link')", "SELECT cdp.lock_workspace('shop')", "SELECT cdp.drop_workspace('shop')", "SELECT cdp.detach('shop')"):
            refused(role, call)

# To stop others: what takes long can be cancelled, whoever has given it what.
for call in ("cdp.dert(cdp.bgnbd_model(0.24, 4.4, 0.79, 2.4), 2, 1, 3, 5e-324)", "cdp.expected_purchases_new(cdp.bgnbd_model(1e300, 5e-324, 1e300, 5e-324), 1.7e308)",
             "cdp.expected_purchases(cdp.bgnbd_model(1e-300, 1e-300, 1e300, 1e300), 5, 1, 2, 1e300)", "cdp.p_alive(cdp.paretonbd_model(1e300, 5e-324, 1e300, 5e-324), 2147483647, 1, 1e300)",
             "cdp.clv(cdp.bgnbd_model(1e-300, 1e300, 1e-300, 1e300, '1 day'), cdp.gamma_gamma_model(5, 5, 5), 5, 1, 2, 5, '178000000 years')",
             "cdp.clv(cdp.paretonbd_model(1e-300, 1e300, 1e-300, 1e300, '1 day'), cdp.gamma_gamma_model(5, 5, 5), 5, 1, 2, 5, '178000000 years', 1, 5e-324)",
             "cdp.log_likelihood(cdp.paretonbd_model(5e-324, 5e-324, 1e300, 1e300), 2147483647, 0, 1e300)", "cdp.mask(repeat('email:', 1000000))",
             "cdp.matches(cdp.segment_set(ARRAY(SELECT n::text FROM generate_series(1, 60000) n)), (SELECT string_agg(n::text, '&') FROM generate_series(1, 4000) n)::cdp.segment_query)"):
    begun = time.monotonic()
    found = attempt("stranger", "SET statement_timeout = '%dms';\nSELECT %s" % (patience(300), call))
    seconds = time.monotonic() - begun
    tap.ok(seconds < patience(3) and "server closed" not in found, "a stranger's %s ends or is cancelled" % call[:80], "%.1f s: %s" % (seconds, found))

tap.equal(rows("SELECT * FROM cdp.check('shop')"), [], "the workspace is as it should be")
sql("""SET client_min_messages = warning; DROP SCHEMA shop, trap CASCADE; DROP SCHEMA IF EXISTS fake CASCADE; DROP TABLE public.caught, public.row_of; DROP FUNCTION public.catch(text);
       DROP OWNED BY %(r)s; DROP ROLE %(r)s""" % {"r": ", ".join("regress_cdp_" + role for role in ROLES)})
tap.done()
