#!/usr/bin/env python3
"""
Dump and restore beside the refusal of a schema cdp that was there: pg_dump makes the schema before the
extension. Whole, in each format, without owners and rights, over itself; one schema alone (-n); of a schema
whose owner is another superuser, and of one who is none any more.
"""

import os
import shutil
import subprocess
import tempfile

from cdptest import Tap, rows, sql, value

tap = Tap()
folder = tempfile.mkdtemp(prefix="cdp-schema.")
STATE = """SELECT string_agg(i.identifier::text, ' ' ORDER BY i.identifier), p.event_count, p.traits::text, cdp.total(p.ltv, 'USD'), p.segments::text
    FROM shop.profiles p JOIN shop.identifiers i USING (profile_id) GROUP BY p.profile_id ORDER BY 1"""
MORE = "INSERT INTO shop.events (event_id, event, identifiers, amount, occurred_at) VALUES (cdp.event_id('more'), 'Order', '{user_id:1,cookie:new}', 7, '2024-05-01')"
made = []


def database(name, setup=""):
    sql("CREATE DATABASE %s TEMPLATE template0 ENCODING 'UTF8'" % name)
    made.append(name)
    if setup:
        sql("SET client_min_messages = warning; " + setup, database=name)
    return name


def run(*argv):
    done = subprocess.run(argv, capture_output=True, text=True, env=dict(os.environ, PGOPTIONS="-c client_min_messages=warning"))
    return done.returncode, done.stderr


def restored(name, code_and_text, what):
    """The restore has gone well, and the copy is alive."""
    code, text = code_and_text
    tap.ok(code == 0, "%s: it is restored" % what, text)
    if code != 0:
        return
    tap.equal(rows(STATE, database=name), state, "%s: profiles are the same" % what)
    sql(MORE, database=name)
    tap.equal(rows("SELECT * FROM cdp.check('shop')", database=name), [], "%s: a new event is right" % what)
    tap.equal(value("SELECT has_schema_privilege('public', 'cdp', 'USAGE') AND NOT has_schema_privilege('public', 'cdp', 'CREATE')", database=name), "t",
              "%s: everybody uses the schema, nobody makes objects in it" % what)


source = database("schema_source", """
    CREATE EXTENSION cdp;
    SELECT cdp.create_workspace('shop');
    INSERT INTO shop.segments (name, predicate) VALUES ('rich', $$cdp.total(ltv, 'USD') > 10$$);
    INSERT INTO shop.events (event, identifiers, amount, traits, occurred_at) SELECT 'Order', ARRAY['user_id:' || n % 5, 'cookie:' || n], n,
        jsonb_build_object('n', n), timestamptz '2024-01-01 00:00+00' + n * interval '1 day' FROM generate_series(1, 40) n;
    CREATE ROLE regress_cdp_super SUPERUSER""")
state = rows(STATE, database=source)
custom = os.path.join(folder, "c")
plain = os.path.join(folder, "p")
for arguments in (["-Fc", "-f", custom], ["-Fp", "-f", plain], ["-Fd", "-f", os.path.join(folder, "d")], ["-Fc", "-n", "shop", "-f", os.path.join(folder, "shop")]):
    code, text = run("pg_dump", "-d", source, *arguments)
    tap.ok(code == 0, "pg_dump " + " ".join(arguments[:-2]), text)

RESTORE = ["pg_restore", "--exit-on-error", "-d"]
restored(database("schema_a"), run(*RESTORE, "schema_a", custom), "custom format")
restored(database("schema_b"), run(*RESTORE, "schema_b", "-j", "2", os.path.join(folder, "d")), "directory format, two jobs")
restored(database("schema_c"), run("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", "schema_c", "-f", plain), "plain format")
restored(database("schema_d"), run(*RESTORE, "schema_d", "--no-owner", "--no-privileges", "--single-transaction", custom), "without owners and rights")
restored("schema_d", run(*RESTORE, "schema_d", "--clean", "--if-exists", custom), "over itself")

# One schema alone goes into a database that has the extension.
for name, file in (("schema_e", custom), ("schema_f", os.path.join(folder, "shop"))):
    database(name, "CREATE EXTENSION cdp; CREATE SCHEMA shop;")
    code, text = run(*RESTORE, name, "-n", "shop", file)
    restored(name, (code, text), "-n shop from %s" % os.path.basename(file))
database("schema_g", "CREATE EXTENSION cdp")
tap.equal(run(*RESTORE, "schema_g", "-n", "cdp", custom)[0], 0, "-n cdp: nothing of it is to be restored")
tap.equal(value("SELECT count(*) FROM pg_namespace WHERE nspname = 'shop'", database="schema_g"), "0", "... and nothing else is")

# Of a schema that another superuser owns, on which a role was given CREATE since; then he is none any more.
sql("ALTER SCHEMA cdp OWNER TO regress_cdp_super; CREATE ROLE regress_cdp_maker; GRANT CREATE ON SCHEMA cdp TO regress_cdp_maker", database=source)
run("pg_dump", "-d", source, "-Fc", "-f", custom)
restored(database("schema_h"), run(*RESTORE, "schema_h", custom), "another superuser's")
sql("ALTER ROLE regress_cdp_super NOSUPERUSER")
database("schema_i")
code, text = run(*RESTORE, "schema_i", custom)
tap.ok(code != 0 and 'role "regress_cdp_super", which is no superuser' in text, "whose owner is no superuser any more: refused", text)
restored(database("schema_j"), run(*RESTORE, "schema_j", "--no-owner", custom), "the same without owners")

for name in made:
    sql("DROP DATABASE %s WITH (FORCE)" % name)
sql("DROP ROLE regress_cdp_super, regress_cdp_maker")
shutil.rmtree(folder)
tap.done()
