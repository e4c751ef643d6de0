"""Arguments for every function of the extension, as SQL: odd values of each type, and good ones with which
a call does its work on the workspace "shop". Values of the types come from tables that house_arguments.py
makes; good ones need nothing but the workspace.

    for function in functions(): call_of(function, good_arguments(function))
"""

from cdptest import rows

FUNCTIONS = """
SELECT p.oid::regprocedure, p.prokind, p.proretset, coalesce(array_to_string(p.proargnames[1:p.pronargs], '|', ''), ''),
       coalesce((SELECT string_agg(format_type(t, NULL), '|' ORDER BY n) FROM unnest(p.proargtypes) WITH ORDINALITY u(t, n)), ''),
       p.provariadic NOT IN (0, '"any"'::regtype), p.prorettype = 'record'::regtype AND NOT coalesce(p.proargmodes && '{o,t,b}'::"char"[], false)
FROM pg_proc p
JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
JOIN pg_extension x ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = x.oid
WHERE x.extname = 'cdp'
ORDER BY p.oid::regprocedure::text COLLATE "C"
"""


def functions():
    """Every function: [name with types, kind, whether a set, names of arguments, types of arguments, whether the last
    one is a variadic array, whether a call says which columns the result has]."""
    return rows(FUNCTIONS)


def split(function):
    """Names and types of a function's arguments."""
    types = function[4].split("|") if function[4] else []
    names = function[3].split("|") if function[3] else []
    return names + [""] * (len(types) - len(names)), types


# Odd values of each type, as SQL. A value of another type than the declared one is not taken for one: the
# call is an error of the parser then, which is as good.
TEXTS = ["NULL", "''", "'x'", "' '", "'a:b'", "'email:A@Example.com'", "'phone:0981553602'", "':'", "'user_id:1'", "'some'", "'orders'",
         "'event_count > 1'", "'segments @@ ''some & !away'''", "'last_seen < now()'", "'(((('", "'1'", "'USD'", "'UTC'", "'month'",
         "E'\\x01\\x7f'", "'Ünïcödé:ż'", "repeat('x', 10000)", "repeat('(', 5000)", "repeat('a:', 2000)", "'%s%n%s'", "'{}'", "'null'", "'now'"]
NUMBERS = ["NULL", "0", "1", "-1", "7"]
TIMES = ["NULL", "'epoch'", "'infinity'", "'-infinity'", "'2024-02-29 12:00+00'", "'294276-12-31 23:59:59.999999+00'", "'4714-11-24 00:00:00+00 BC'"]
VALUES = {
    "name": ["NULL", "'shop'", "'other'", "'nowhere'", "''", "'pg_catalog'", "'cdp'", "'public'", "repeat('x', 63)", "'a\"b''c'"],
    "text": TEXTS,
    "cstring": TEXTS + ["'{\"a\": 1}'", "'\\x01'", "'[1, {\"b\": [[]]}]'", "repeat('[', 20000)", "repeat('{\"a\":', 20000)"],
    "text[]": ["NULL", "'{}'", "'{NULL}'", "'{some}'", "'{user_id:1,email:A@b.c,NULL,x}'", "'{{a:b,c:d},{e:f,NULL}}'", "'[5:6]={a:b,a:b}'",
               "array_fill('a:b'::text, ARRAY[20, 20])", "ARRAY[repeat('n', 70000), '']", "'{orders,orders,none}'"],
    "bigint": NUMBERS + ["9223372036854775807", "'-9223372036854775808'"],
    "integer": NUMBERS + ["2147483647", "'-2147483648'"],
    "smallint": NUMBERS + ["32767", "'-32768'"],
    "bigint[]": ["NULL", "'{}'", "'{0,0}'", "'{NULL,1}'", "'{1,2,3}'", "'{{1,2}}'", "'[0:1]={5,9223372036854775807}'", "'{-1,-1}'"],
    "double precision": NUMBERS + ["'NaN'", "'Infinity'", "'-Infinity'", "1e308", "5e-324", "0.5", "2147483648"],
    "numeric": NUMBERS + ["'NaN'", "'Infinity'", "'-Infinity'", "1e131000", "1e-16000", "0.001", "99999999999999999999.5"],
    "boolean": ["NULL", "true", "false"],
    "timestamp with time zone": TIMES,
    "date": ["NULL", "'epoch'", "'infinity'", "'-infinity'", "'2024-02-29'", "'5874897-12-31'", "'4714-11-24 BC'"],
    "date[]": ["NULL", "'{}'", "'{NULL}'", "'{2024-01-01,infinity}'", "'{{2024-01-01,2024-01-01},{-infinity,NULL}}'", "'[5:6]={2024-02-29,5874897-12-31}'",
               "array_fill(date '2024-01-01', ARRAY[2000])"],
    "interval": ["NULL", "'0'", "'1 day'", "'7 days'", "'-3 days'", "'1 month'", "'1 year'", "'36 hours'", "'178000000 years'", "'2147483647 days'",
                 "'0.000001 seconds'", "'-2147483648 months -2147483648 days'"],
    "uuid": ["NULL", "'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'"],
    "jsonb": ["NULL", "'{}'", "'null'", "'[]'", "'1'", "'\"x\"'", "'{\"a\": null, \"b\": [1, {\"c\": 1e400}], \"\": true}'",
              "(repeat('[', 5000) || repeat(']', 5000))::jsonb", "jsonb_build_object(repeat('k', 5000), 1)",
              "(SELECT jsonb_object_agg(n, n) FROM generate_series(1, 3000) n)"],
    "oid": ["NULL", "0", "1", "4294967295", "'pg_class'::regclass::oid"],
    "regclass": ["NULL", "0", "4294967295", "'pg_class'", "'public.view_of_profiles'", "'public.a_sequence'", "'public.parted'", "'pg_toast.pg_toast_1255'",
                 "'public.samples'"],
    "regtype": ["NULL", "0", "4294967295", "'integer'", "'cdp.traits'", "'cdp.ltv'", "'record'", "'public.profile_domain'"],
    "\"char\"": ["NULL", "'x'", "''"],
    "internal": ["NULL"],
    "cdp.identifier": ["NULL", "'user_id:1'", "'email:x@example.com'", "(SELECT s.identifier FROM public.samples s)", "('n:' || repeat('v', 1000))::cdp.identifier"],
    "cdp.identifier[]": ["NULL", "'{}'", "'{NULL}'", "'{a:b,c:d}'", "'{{a:b},{c:d}}'"],
    "cdp.traits": ["NULL", "'{}'", "(SELECT s.traits FROM public.samples s)", "cdp.traits('{\"a\": [1, {\"b\": null}], \"c\": null, \"d\": 1e300}')",
                   "cdp.traits((SELECT jsonb_object_agg(n, n) FROM generate_series(1, 2000) n))"],
    "cdp.ltv": ["NULL", "cdp.ltv()", "(SELECT s.ltv FROM public.samples s)", "cdp.ltv(1e100, 'VND', '294276-01-01', 'Asia/Tokyo')",
                "cdp.ltv(-1e-100, 'JPY', '4714-01-01 BC')", "'{}'"],
    "cdp.computed": ["NULL", "'{}'", "(SELECT s.computed FROM public.samples s)"],
    "cdp.segment_set": ["NULL", "'{}'", "(SELECT s.segments FROM public.samples s)", "cdp.segment_set(ARRAY['a', 'some', repeat('z', 255)])",
                        "cdp.segment_set(ARRAY(SELECT n::text FROM generate_series(1, 5000) n))", "'{}'::public.domain_of_set"],
    "cdp.segment_query": ["NULL", "'*'", "'some & !away | (b* & c)'", "(SELECT s.query FROM public.samples s)",
                          "(SELECT string_agg(n::text, ' | ') FROM generate_series(1, 4000) n)::cdp.segment_query"],
    "cdp.btyd_state": ["NULL", "(SELECT s.btyd_state FROM public.samples s)", "cdp.btyd_accum(NULL, 0, 0, 0)", "cdp.gamma_gamma_accum(NULL, 2, 5)",
                       "cdp.btyd_accum(NULL, 2147483647, 1e308, 1e308, '1 day')", "'\\x0101000000000000000100000001'", "''", "'\\x01'",
                       "'\\x0100000000070000000100000001000000000000000000000000000000ff'"],
    "cdp.rfm_state": ["NULL", "(SELECT s.rfm_state FROM public.samples s)", "cdp.rfm_accum(NULL, date '2024-01-01', 1e200, '5874897-12-31', '2147483647 days')",
                      "cdp.rfm_accum(NULL, date '4713-01-01 BC', -5, '5874897-12-31', '1 day')", "'\\x'", "'\\x01'", "'\\x0102'"],
    "cdp.rfm": ["NULL", "(SELECT s.rfm FROM public.samples s)", "ROW(NULL, NULL, NULL, NULL, NULL)", "ROW(-1, 'NaN', 'Infinity', 'NaN', '1 month')"],
    "record": [],
    "\"any\"": ["NULL::text", "NULL", "1", "'x'::text", "now()", "ROW(1, 'x')", "(SELECT s.profile FROM public.samples s)", "ARRAY[1, 2]"],
    "anyarray": ["NULL::shop.profiles[]", "'{}'::shop.profiles[]", "'{NULL}'::shop.profiles[]", "ARRAY[1, 2]", "ARRAY['x'::text]",
                 "ARRAY(SELECT p FROM shop.profiles p)", "ARRAY(SELECT p FROM other.profiles p)", "ARRAY(SELECT e FROM shop.events e)",
                 "ARRAY[jsonb_populate_record(NULL::shop.profiles, '{}')]", "ARRAY[ROW(1, 'x')]", "ARRAY(SELECT p FROM shop.profiles_now p)"],
}
for purchases in ("bgnbd", "paretonbd"):
    VALUES["cdp.%s_model" % purchases] = [
        "NULL", "(SELECT s.%s_model FROM public.samples s)" % purchases, "jsonb_populate_record(NULL::cdp.%s_model, '{}')" % purchases,
        "cdp.%s_model(1e-300, 1e300, 1e-300, 1e300)" % purchases, "cdp.%s_model(5e-324, 5e-324, 1.7e308, 1.7e308, '1 day')" % purchases,
        "jsonb_populate_record(cdp.%s_model(1, 1, 1, 1), '{\"r\": \"NaN\", \"unit\": \"1 month\"}')" % purchases]
VALUES["cdp.gamma_gamma_model"] = [
    "NULL", "(SELECT s.gamma_gamma_model FROM public.samples s)", "jsonb_populate_record(NULL::cdp.gamma_gamma_model, '{}')",
    "cdp.gamma_gamma_model(5e-324, 1.7e308, 1.7e308)", "jsonb_populate_record(cdp.gamma_gamma_model(1, 1, 1), '{\"q\": -1}')"]
for stored in ("traits", "ltv", "computed", "segment_set", "segment_query", "btyd_state", "identifier"):
    for column in ("large", "packed", "small"):
        VALUES["cdp." + stored].append("(SELECT s.%s FROM public.stored_%s s)" % (column, stored))
VALUES["anyelement"] = [
    "NULL::text", "NULL::shop.profiles", "NULL::record", "1", "'x'::text", "true", "'a'::\"char\"", "1.5::float8", "ARRAY[1, 2]", "'{}'::jsonb",
    "'user_id:1'::cdp.identifier", "now()", "'{}'::cdp.segment_set", "ROW()", "ROW(1)", "ROW(1, 'x', NULL)", "ROW(NULL, NULL)", "int4range(1, 5)",
    "(SELECT s.profile FROM public.samples s)", "(SELECT s.due FROM public.samples s)", "(SELECT s.event FROM public.samples s)", "(SELECT s.alike FROM public.samples s)",
    "(SELECT s.no_event FROM public.samples s)", "(SELECT s FROM public.samples s)", "(SELECT c FROM pg_class c LIMIT 1)",
    "(SELECT p FROM shop.profiles p ORDER BY p.profile_id LIMIT 1)::public.profile_domain", "ARRAY(SELECT p FROM shop.profiles p)",
    "(SELECT p FROM shop.customers p LIMIT 1)", "(SELECT p FROM shop.profiles_now p LIMIT 1)", "(SELECT p FROM other.profiles p LIMIT 1)",
    "jsonb_populate_record(NULL::shop.profiles, '{}')", "jsonb_populate_record(NULL::shop.events, '{}')",
    "jsonb_populate_record(NULL::other.profiles, '{}')", "jsonb_populate_record(NULL::public.like_profiles, '{}')",
    "jsonb_populate_record((SELECT s.profile FROM public.samples s), '{\"evaluated_at\": \"-infinity\", \"next_evaluation_at\": \"-infinity\"}')",
    "jsonb_populate_record((SELECT s.profile FROM public.samples s), '{\"last_seen\": \"infinity\", \"evaluated_at\": \"infinity\"}')",
    "jsonb_populate_record((SELECT s.event FROM public.samples s), '{\"occurred_at\": \"infinity\", \"amount\": \"NaN\", \"currency\": \"\"}')",
    "jsonb_populate_record((SELECT s.event FROM public.samples s), '{\"occurred_at\": \"-infinity\", \"amount\": 5, \"currency\": \"much too long\"}')"]
for column in ("profile_id", "first_seen", "last_seen", "event_count", "traits", "ltv", "computed", "segments", "evaluated_at", "next_evaluation_at",
               "identifier_count", "contested_until"):
    VALUES["anyelement"].append("jsonb_populate_record((SELECT s.profile FROM public.samples s), '{\"%s\": null}')" % column)
for column in ("event_id", "occurred_at", "received_at", "event", "identifiers", "anchor", "properties"):
    VALUES["anyelement"].append("jsonb_populate_record((SELECT s.event FROM public.samples s), '{\"%s\": null}')" % column)

# What a call goes far with, by the argument's type and name, else by its type.
GOOD_BY_NAME = {
    "text": {"segment": "'some'", "predicate": "'event_count > 1'", "trait": "'orders'", "identifier": "'user_id:1'", "a": "'user_id:1'",
             "b": "'cookie:1'", "currency": "'USD'", "unit": "'month'", "zone": "'UTC'", "kind": "'count'", "tab": "'segments'",
             "define": "'define_segments'", "cause": "'link'", "verb": "'check'",
             "query": "'SELECT 1'"},
    "anyelement": {"profile": "(SELECT s.due FROM public.samples s)", "event": "(SELECT s.event FROM public.samples s)"},
    "double precision": {"frequency": "2", "age": "3", "monetary": "5", "discount_rate": "0.1"},
    "text[]": {"names": "'{orders}'", "namespaces": "'{user_id}'", "tables": "'{profiles}'", "traits": "'{orders}'", "filters": "'{true}'",
               "expressions": "'{1}'"}}
GOOD_BY_TYPE = {
    "name": "'shop'", "text": "'x'", "cstring": "'{}'", "text[]": "'{a:b}'", "bigint": "1", "integer": "1", "smallint": "1", "bigint[]": "'{0,0}'",
    "double precision": "1", "numeric": "1", "boolean": "true", "timestamp with time zone": "'2024-03-01'", "date": "'2024-03-01'", "date[]": "'{2024-03-01,2024-03-15}'", "interval": "'7 days'",
    "uuid": "'00000000-0000-0000-0000-000000000001'", "jsonb": "'{\"a\": 1}'", "oid": "1", "regclass": "'pg_class'", "regtype": "'cdp.traits'",
    "\"char\"": "'x'", "internal": "NULL", "cdp.identifier[]": "'{a:b}'", "\"any\"": "1", "anyarray": "ARRAY(SELECT p FROM shop.profiles p)"}


def good(name, type_name):
    """An argument with which the call does its work."""
    return (GOOD_BY_NAME.get(type_name, {}).get(name) or GOOD_BY_TYPE.get(type_name)
            or next(v for v in VALUES[type_name] if v.startswith("(SELECT s.")))


def typed(value_text, type_name):
    """A literal is given its type where overloads would leave it open."""
    if type_name in ("anyelement", "anyarray", '"any"') or value_text.startswith("(SELECT s.") or value_text.startswith("cdp."):
        return value_text
    if type_name in ("internal", "cstring"):
        return value_text
    return "(%s)::%s" % (value_text, type_name)


def call_of(function, values):
    """The statement that calls a function with these arguments."""
    arguments = [typed(v, t) for v, t in zip(values, split(function)[1])]
    if function[5] == "t":
        arguments[-1] = "VARIADIC " + arguments[-1]
    call = "%s(%s)" % (function[0].split("(")[0], ", ".join(arguments))
    if function[1] == "p":
        return "CALL " + call
    if function[6] == "t":
        return "SELECT count(*) FROM " + call + " f(x integer)"
    return "SELECT count(*) FROM " + call + " f" if function[2] == "t" else "SELECT " + call


def good_arguments(function):
    return [good(n, t) for n, t in zip(*split(function))]
