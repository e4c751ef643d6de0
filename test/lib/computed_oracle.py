"""Brute-force computed traits, in SQL and by another road than the engine's: no state, no day buckets, no
merging. Every definition is evaluated on every event once, in plain queries (an event is immutable), and a
value is an aggregate of PostgreSQL over the events of a profile that are in the window at an instant.

setup(name) is SQL that makes a schema "oracle" for one workspace:

    oracle.types      trait -> type of its expression: n number, t text, b boolean, ts instant, d date, j jsonb.
                      Who defines a trait writes it; all else is read from the workspace's computed_traits
    oracle.learn()    evaluates what has not been: new events, new and changed definitions
    oracle.asked      (profile, trait, instant): what is wanted
    oracle.answers()  its values
    oracle.ask_now()  all traits of all profiles at the engine's clock;
    oracle.ask_midnights(0)  a third (0, 1, 2) of the windowed traits, at each midnight at which a window could move

and queries of what differs, each row a text: oracle.wrong_now(), oracle.wrong_later() (whatever is asked),
oracle.wrong_changes() (changes_at after a true change), oracle.wrong_errors().
"""

from cdptest import patience

SETUP = """
DROP SCHEMA IF EXISTS oracle CASCADE;
CREATE SCHEMA oracle;
CREATE UNLOGGED TABLE oracle.types (trait text PRIMARY KEY, type text NOT NULL);
CREATE UNLOGGED TABLE oracle.facts (
    trait text, event_id uuid, meaning text, counts boolean NOT NULL, failed boolean NOT NULL DEFAULT false,
    sqlstate text, message text,
    n numeric, t text COLLATE "C", b boolean, ts timestamptz, d date, j jsonb,
    PRIMARY KEY (trait, event_id));
CREATE UNLOGGED TABLE oracle.asked (profile_id bigint, trait text, t timestamptz);

CREATE FUNCTION oracle.zone() RETURNS text LANGUAGE sql STABLE AS $$SELECT time_zone FROM {w}.settings$$;

-- The first instant at which the local date has come, by trying all quarters of an hour around it.
CREATE FUNCTION oracle.midnight(day date) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT min(c.t) FROM {w}.settings z CROSS JOIN generate_series(-180, 180, 15) m
    CROSS JOIN LATERAL (SELECT day::timestamp AT TIME ZONE z.time_zone + m * interval '1 minute') c(t)
    WHERE (c.t AT TIME ZONE z.time_zone)::date >= day
$$;

-- Instants in one form, whatever the engine's choice of trailing zeros.
CREATE FUNCTION oracle.instant(t timestamptz) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT to_jsonb(regexp_replace(to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '\\.?0+Z$', 'Z'))
$$;
CREATE FUNCTION oracle.plain(v jsonb, type text) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN v IS NULL OR v = 'null' THEN NULL
                WHEN type <> 'ts' OR jsonb_typeof(v) = 'number' THEN v
                ELSE (SELECT CASE jsonb_typeof(v) WHEN 'array' THEN jsonb_agg(y.plain ORDER BY x.n) ELSE min(y.plain::text)::jsonb END
                      FROM jsonb_array_elements(CASE jsonb_typeof(v) WHEN 'array' THEN v ELSE jsonb_build_array(v) END) WITH ORDINALITY x(element, n)
                      CROSS JOIN LATERAL (
                          SELECT CASE WHEN x.element #>> '{{}}' ~ '^\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{{1,6}})?Z$'
                                      THEN oracle.instant((x.element #>> '{{}}')::timestamptz)
                                      ELSE jsonb_build_object('no instant', x.element) END) y(plain)) END
$$;

CREATE FUNCTION oracle.learn() RETURNS void LANGUAGE plpgsql AS $learn$
DECLARE
    zone text := current_setting('timezone');
    style text := current_setting('datestyle');
    def record;
    one uuid;
    query text;
BEGIN
    PERFORM set_config('timezone', oracle.zone(), false), set_config('datestyle', 'ISO, YMD', false);
    CREATE TEMP TABLE defs ON COMMIT DROP AS
        SELECT c.*, y.type, concat_ws('~', c.kind, coalesce(c.event, '(any)'), coalesce(c.filter, '(all)'), c.expression,
                                      y.type, oracle.zone()) AS meaning
        FROM {w}.computed_traits c LEFT JOIN oracle.types y ON y.trait = c.name;
    DELETE FROM oracle.facts f WHERE NOT EXISTS (SELECT FROM defs c WHERE c.name = f.trait AND c.meaning = f.meaning);
    FOR def IN
        SELECT c.*, array_agg(e.event_id) AS new
        FROM defs c CROSS JOIN {w}.events e
        WHERE NOT EXISTS (SELECT FROM oracle.facts f WHERE f.trait = c.name AND f.event_id = e.event_id)
        GROUP BY c.name, c.kind, c.event, c.filter, c.expression, c.window_days, c.list_limit, c.max_distinct,
                 c.description, c.type, c.meaning
    LOOP
        query := format('INSERT INTO oracle.facts (trait, event_id, meaning, counts, %1$I)'
            ' SELECT %2$L, q.event_id, %3$L, q.value IS NOT NULL, q.value FROM (SELECT event_id,'
            ' CASE WHEN %4$s THEN CASE WHEN (%5$s) THEN (%6$s)::%7$s END END AS value'
            ' FROM {w}.events WHERE event_id = ANY ($1)) q',
            def.type, def.name, def.meaning, CASE WHEN def.event IS NULL THEN 'true' ELSE format('event = %L', def.event) END,
            coalesce(def.filter, 'true'), coalesce(def.expression, 'true'),
            CASE def.type WHEN 'n' THEN 'numeric' WHEN 't' THEN 'text' WHEN 'b' THEN 'boolean'
                          WHEN 'ts' THEN 'timestamptz' WHEN 'd' THEN 'date' ELSE 'jsonb' END);
        BEGIN
            EXECUTE query USING def.new;
        EXCEPTION WHEN OTHERS THEN
            FOREACH one IN ARRAY def.new LOOP
                BEGIN
                    EXECUTE query USING ARRAY[one];
                EXCEPTION WHEN OTHERS THEN
                    INSERT INTO oracle.facts (trait, event_id, meaning, counts, failed, sqlstate, message)
                    VALUES (def.name, one, def.meaning, false, true, SQLSTATE, SQLERRM);
                END;
            END LOOP;
        END;
    END LOOP;
    UPDATE oracle.facts f SET counts = false, failed = true, n = NULL, t = NULL
    FROM defs c
    WHERE c.name = f.trait AND (f.n IN ('NaN', 'Infinity', '-Infinity') AND c.kind <> 'count'
          OR octet_length(f.t) > 1024 AND c.kind IN ('most_frequent', 'unique_list', 'unique_count'));
    DROP TABLE defs;
    PERFORM set_config('timezone', zone, false), set_config('datestyle', style, false);
END
$learn$;

CREATE VIEW oracle.seen AS
    SELECT f.trait, i.profile_id, e.event_id, e.at, (e.at AT TIME ZONE z.time_zone)::date AS day, z.time_zone,
           c.kind, c.window_days, c.list_limit, c.max_distinct, f.counts, f.failed, f.sqlstate, f.message,
           f.n, f.t, f.b, f.ts, f.d, coalesce(to_jsonb(f.n), to_jsonb(f.t), to_jsonb(f.b), oracle.instant(f.ts), to_jsonb(f.d), f.j) AS item
    FROM oracle.facts f
    JOIN {w}.computed_traits c ON c.name = f.trait
    CROSS JOIN {w}.settings z
    CROSS JOIN LATERAL (
        SELECT v.event_id, v.anchor, CASE WHEN v.occurred_at < z.earliest_event THEN v.received_at
                                          WHEN v.received_at < v.occurred_at THEN v.received_at
                                          ELSE v.occurred_at END AS at
        FROM {w}.events v WHERE v.event_id = f.event_id) e
    JOIN {w}.identifiers i ON i.identifier = e.anchor
    WHERE i.profile_id IS NOT NULL;

CREATE FUNCTION oracle.answers()
    RETURNS TABLE (trait text, kind text, type text, window_days integer, profile_id bigint, t timestamptz, value jsonb)
    LANGUAGE plpgsql STABLE AS $answers$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH inside AS MATERIALIZED (
        SELECT s.*, a.t AS asked
        FROM oracle.seen s JOIN oracle.asked a ON a.trait = s.trait AND a.profile_id = s.profile_id
        WHERE s.counts AND (s.window_days IS NULL
              OR s.day <= (a.t AT TIME ZONE s.time_zone)::date
                 AND s.day + s.window_days > (a.t AT TIME ZONE s.time_zone)::date)
    ), amounts AS (
        SELECT i.trait, i.profile_id, i.asked, to_jsonb(CASE i.kind WHEN 'sum' THEN sum(i.n) ELSE avg(i.n) END) AS value
        FROM inside i WHERE i.kind IN ('sum', 'avg') GROUP BY i.trait, i.profile_id, i.asked, i.kind
    ), extremes AS (
        SELECT i.trait, i.profile_id, i.asked, CASE i.kind
            WHEN 'min' THEN coalesce(to_jsonb(min(i.n)), to_jsonb(min(i.t)), oracle.instant(min(i.ts)), to_jsonb(min(i.d)))
            ELSE coalesce(to_jsonb(max(i.n)), to_jsonb(max(i.t)), oracle.instant(max(i.ts)), to_jsonb(max(i.d))) END AS value
        FROM inside i WHERE i.kind IN ('min', 'max') GROUP BY i.trait, i.profile_id, i.asked, i.kind
    ), ends AS (
        SELECT i.trait, i.profile_id, i.asked,
               CASE i.kind WHEN 'first' THEN (array_agg(i.item ORDER BY i.at, i.event_id))[1]
                           ELSE (array_agg(i.item ORDER BY i.at DESC, i.event_id DESC))[1] END AS value
        FROM inside i WHERE i.kind IN ('first', 'last') GROUP BY i.trait, i.profile_id, i.asked, i.kind
    ), counts AS (
        SELECT i.trait, i.profile_id, i.asked, to_jsonb(count(*)) AS value
        FROM inside i WHERE i.kind = 'count' GROUP BY i.trait, i.profile_id, i.asked
    ), tallies AS (
        SELECT i.trait, i.profile_id, i.asked, i.kind, i.list_limit, i.n, i.t, i.b, i.ts, i.d, min(i.item::text)::jsonb AS item,
               count(*) AS times,
               row_number() OVER (PARTITION BY i.trait, i.profile_id, i.asked ORDER BY i.n, i.t, i.b, i.ts, i.d) AS place
        FROM inside i WHERE i.kind IN ('most_frequent', 'unique_list', 'unique_count')
        GROUP BY i.trait, i.profile_id, i.asked, i.kind, i.list_limit, i.n, i.t, i.b, i.ts, i.d
    ), frequent AS (
        SELECT DISTINCT ON (y.trait, y.profile_id, y.asked) y.trait, y.profile_id, y.asked, y.item AS value
        FROM tallies y WHERE y.kind = 'most_frequent' ORDER BY y.trait, y.profile_id, y.asked, y.times DESC, y.place
    ), lists AS (
        SELECT y.trait, y.profile_id, y.asked,
               CASE y.kind WHEN 'unique_count' THEN to_jsonb(count(*))
                           ELSE jsonb_agg(y.item ORDER BY y.place) FILTER (WHERE y.place <= y.list_limit) END AS value
        FROM tallies y WHERE y.kind IN ('unique_list', 'unique_count') GROUP BY y.trait, y.profile_id, y.asked, y.kind
    ), found AS (
        TABLE amounts UNION ALL TABLE extremes UNION ALL TABLE ends UNION ALL TABLE counts UNION ALL TABLE frequent
        UNION ALL TABLE lists
    )
    SELECT c.name, c.kind, y.type, c.window_days, a.profile_id, a.t,
           coalesce(f.value, CASE WHEN c.kind IN ('count', 'unique_count') THEN to_jsonb(0) END)
    FROM oracle.asked a
    JOIN {w}.computed_traits c ON c.name = a.trait
    JOIN oracle.types y ON y.trait = c.name
    LEFT JOIN found f ON f.trait = a.trait AND f.profile_id = a.profile_id AND f.asked = a.t;
END
$answers$;

-- Where more distinct values have come than max_distinct, of a day where the trait has a window: no exact answer is due.
CREATE VIEW oracle.inexact AS
    SELECT DISTINCT q.trait, q.profile_id
    FROM (SELECT s.trait, s.profile_id, s.max_distinct
          FROM oracle.seen s WHERE s.counts AND s.kind IN ('most_frequent', 'unique_count')
          GROUP BY s.trait, s.profile_id, s.max_distinct, CASE WHEN s.window_days IS NOT NULL THEN s.day END
          HAVING count(DISTINCT (s.n, s.t, s.b, s.ts, s.d)) > s.max_distinct) q;

CREATE FUNCTION oracle.ask_now() RETURNS void LANGUAGE sql AS $$
    TRUNCATE oracle.asked;
    INSERT INTO oracle.asked SELECT p.profile_id, c.name, cdp.now() FROM {w}.profiles p CROSS JOIN {w}.computed_traits c;
    ANALYZE oracle.asked;
$$;

CREATE FUNCTION oracle.ask_midnights(part integer) RETURNS void LANGUAGE sql AS $$
    TRUNCATE oracle.asked;
    INSERT INTO oracle.asked
    WITH moves AS MATERIALIZED (
        SELECT DISTINCT s.profile_id, s.trait, d.day
        FROM oracle.seen s CROSS JOIN LATERAL (VALUES (s.day), (s.day + s.window_days)) d(day)
        WHERE s.counts AND s.window_days IS NOT NULL AND abs(hashtext(s.trait)) % 3 = part
          AND d.day >= (cdp.now() AT TIME ZONE s.time_zone)::date
    )
    SELECT q.profile_id, q.trait, m.t
    FROM moves q JOIN (SELECT x.day, oracle.midnight(x.day) AS t FROM (SELECT DISTINCT day FROM moves) x) m USING (day)
    WHERE m.t > cdp.now();
    INSERT INTO oracle.asked SELECT DISTINCT a.profile_id, a.trait, cdp.now() FROM oracle.asked a;
    ANALYZE oracle.asked;
$$;
"""

# What reads the engine: its types and functions are looked up when this is run, so it comes after them.
COMPARE = """
CREATE FUNCTION oracle.wrong_now() RETURNS SETOF text LANGUAGE plpgsql AS $wrong$
BEGIN
    CREATE TEMP TABLE told ON COMMIT DROP AS
        SELECT p.profile_id, e.name, e.kind, e.window_days, e.value, e.exact, e.changes_at
        FROM {w}.profiles p CROSS JOIN LATERAL cdp.computed_entries(p.computed) e;
    CREATE TEMP TABLE known ON COMMIT DROP AS
        SELECT a.*, x.trait IS NOT NULL AS inexact FROM oracle.answers() a LEFT JOIN oracle.inexact x USING (trait, profile_id);
    ANALYZE told;
    ANALYZE known;
    RETURN QUERY
    SELECT format('%s of profile %s at %s (%s, %s days): %s is %s, should be %s', k.trait, k.profile_id, k.t, k.kind, k.window_days,
                  g.how, coalesce(g.got, 'null'), coalesce(g.expected, 'null'))
    FROM known k
    JOIN {w}.profiles p USING (profile_id)
    LEFT JOIN told e ON e.profile_id = k.profile_id AND e.name = k.trait
    -- arrays, for VALUES would be made anew for every row
    CROSS JOIN LATERAL unnest(
        ARRAY['->', '->>', 'computed_text', 'computed_value', 'computed_value at', 'computed_text at',
              'entry', 'entry value', 'entry kind and window', 'exact', 'changes_at'],
        ARRAY[CASE WHEN k.type = 'ts' THEN oracle.plain(p.computed -> k.trait, k.type) ELSE nullif(p.computed -> k.trait, 'null') END::text,
              p.computed ->> k.trait,
              cdp.computed_text(p.computed, k.trait),
              cdp.computed_value(p.computed, k.trait)::text,
              cdp.computed_value(p.computed, k.trait, k.t)::text,
              cdp.computed_text(p.computed, k.trait, k.t),
              (e.name IS NOT NULL)::text,
              nullif(e.value, 'null')::text,
              concat_ws(' ', e.kind, e.window_days),
              e.exact::text,
              e.changes_at::text],
        ARRAY[k.value::text,
              nullif(p.computed -> k.trait, 'null') #>> '{{}}',
              p.computed ->> k.trait,
              (p.computed -> k.trait)::text,
              (p.computed -> k.trait)::text,
              p.computed ->> k.trait,
              'true',
              nullif(p.computed -> k.trait, 'null')::text,
              concat_ws(' ', k.kind, k.window_days),
              'true',
              'null or later'],
        ARRAY[NOT k.inexact, true, true, true, true, true,
              k.value IS NOT NULL,
              true,
              e.name IS NOT NULL,
              e.name IS NOT NULL AND NOT k.inexact,
              e.changes_at <= k.t OR k.window_days IS NULL AND e.changes_at IS NOT NULL]
    ) g(how, got, expected, matters)
    WHERE g.matters AND CASE WHEN g.how IN ('->', 'entry value') THEN g.got::jsonb IS DISTINCT FROM g.expected::jsonb
                             ELSE g.got IS DISTINCT FROM g.expected END
    UNION ALL
    SELECT format('%s of profile %s at %s (%s, %s days): %s is %s, should be %s', k.trait, k.profile_id, k.t, k.kind, k.window_days,
                  g.how, coalesce(g.got::text, 'null'), coalesce(g.expected::text, 'null'))
    FROM known k
    JOIN {w}.profiles p USING (profile_id)
    CROSS JOIN LATERAL (
        SELECT 'computed_int', cdp.computed_int(p.computed, k.trait)::text, (k.value #>> '{{}}')::numeric::bigint::text
        WHERE (k.kind IN ('count', 'unique_count') OR k.type = 'n' AND k.kind <> 'unique_list')
          AND coalesce(abs((k.value #>> '{{}}')::numeric), 0) < 9e18
        UNION ALL
        SELECT 'computed_int at', cdp.computed_int(p.computed, k.trait, k.t)::text, (k.value #>> '{{}}')::numeric::bigint::text
        WHERE (k.kind IN ('count', 'unique_count') OR k.type = 'n' AND k.kind <> 'unique_list')
          AND coalesce(abs((k.value #>> '{{}}')::numeric), 0) < 9e18
        UNION ALL
        SELECT 'computed_numeric', trim_scale(cdp.computed_numeric(p.computed, k.trait))::text, trim_scale((k.value #>> '{{}}')::numeric)::text
        WHERE k.kind IN ('count', 'unique_count') OR k.type = 'n' AND k.kind <> 'unique_list'
        UNION ALL
        SELECT 'computed_timestamp', cdp.computed_timestamp(p.computed, k.trait)::text,
               (CASE k.type WHEN 'ts' THEN (k.value #>> '{{}}')::timestamptz ELSE oracle.midnight((k.value #>> '{{}}')::date) END)::text
        WHERE k.type IN ('ts', 'd') AND k.kind IN ('min', 'max', 'first', 'last', 'most_frequent')
    ) g(how, got, expected)
    WHERE NOT k.inexact AND g.got IS DISTINCT FROM g.expected
    UNION ALL
    SELECT format('profile %s: computed::jsonb is %s, should be %s', p.profile_id, p.computed::jsonb, v.all_of_it)
    FROM {w}.profiles p
    JOIN (SELECT k.profile_id, jsonb_object_agg(k.trait, q.computed -> k.trait) AS all_of_it
          FROM known k JOIN {w}.profiles q USING (profile_id) GROUP BY 1) v USING (profile_id)
    WHERE jsonb_strip_nulls(p.computed::jsonb) <> jsonb_strip_nulls(v.all_of_it)
    UNION ALL
    SELECT format('profile %s has an entry of %s, which is not defined', e.profile_id, e.name)
    FROM told e WHERE NOT EXISTS (SELECT FROM {w}.computed_traits c WHERE c.name = e.name)
    UNION ALL
    SELECT format('profile %s has a value of no trait', p.profile_id) FROM {w}.profiles p
    WHERE p.computed -> 'no such trait' IS NOT NULL OR cdp.computed_int(p.computed, 'no such trait') IS NOT NULL;
    DROP TABLE told, known;
END
$wrong$;

CREATE FUNCTION oracle.wrong_later() RETURNS SETOF text LANGUAGE sql AS $wrong$
    SELECT format('%s of profile %s at %s (%s, %s days), as of then: %s, should be %s', k.trait, k.profile_id, k.t, k.kind, k.window_days,
                  cdp.computed_value(p.computed, k.trait, k.t), k.value)
    FROM oracle.answers() k JOIN {w}.profiles p USING (profile_id)
    WHERE CASE WHEN k.type = 'ts' THEN oracle.plain(cdp.computed_value(p.computed, k.trait, k.t), k.type)
               ELSE nullif(cdp.computed_value(p.computed, k.trait, k.t), 'null') END IS DISTINCT FROM k.value
      AND NOT EXISTS (SELECT FROM oracle.inexact x WHERE x.trait = k.trait AND x.profile_id = k.profile_id)
$wrong$;

-- Of what is asked at midnights: changes_at is not after the first true change.
CREATE FUNCTION oracle.wrong_changes() RETURNS SETOF text LANGUAGE plpgsql AS $wrong$
BEGIN
    CREATE TEMP TABLE later ON COMMIT DROP AS SELECT * FROM oracle.answers();
    ANALYZE later;
    RETURN QUERY
    SELECT format('%s of profile %s (%s, %s days) changes at %s, says %s', f.trait, f.profile_id, f.kind, f.window_days, f.true_at,
                  coalesce(e.changes_at::text, 'never'))
    FROM (SELECT l.trait, l.profile_id, l.kind, l.window_days, min(l.t) AS true_at
          FROM later l JOIN later o USING (trait, profile_id)
          WHERE o.t = cdp.now() AND l.t > o.t AND l.value IS DISTINCT FROM o.value
            AND NOT EXISTS (SELECT FROM oracle.inexact x WHERE x.trait = l.trait AND x.profile_id = l.profile_id)
          GROUP BY 1, 2, 3, 4) f
    JOIN {w}.profiles p USING (profile_id)
    LEFT JOIN LATERAL (SELECT x.changes_at FROM cdp.computed_entries(p.computed) x WHERE x.name = f.trait) e ON true
    WHERE e.changes_at IS NULL OR e.changes_at > f.true_at
    UNION ALL
    SELECT format('%s of profile %s says that it changes at %s, which is no midnight', e.name, p.profile_id, e.changes_at)
    FROM {w}.profiles p CROSS JOIN LATERAL cdp.computed_entries(p.computed) e
    WHERE e.changes_at <> oracle.midnight((e.changes_at AT TIME ZONE oracle.zone())::date);
    DROP TABLE later;
END
$wrong$;

-- Failing events are counted for the profile that they come to, and stay there when it merges or splits: their sum per
-- trait is what can be told. The message is that of the event named.
CREATE FUNCTION oracle.wrong_errors() RETURNS SETOF text LANGUAGE sql AS $wrong$
    SELECT format('failing events of %s: %s, should be %s', trait, e.n, o.n)
    FROM (SELECT c.trait, sum(c.n) AS n FROM {w}.computed_trait_errors c GROUP BY 1) e
    FULL JOIN (SELECT s.trait, count(*) AS n FROM oracle.seen s WHERE s.failed GROUP BY 1) o USING (trait)
    WHERE e.n IS DISTINCT FROM o.n
    UNION ALL
    SELECT format('event %s of %s, profile %s: %s, should be %s', e.event_id, e.trait, e.profile_id, concat_ws(' ', e.sqlstate, e.message),
                  concat_ws(' ', s.sqlstate, s.message))
    FROM {w}.computed_trait_errors e LEFT JOIN oracle.facts s ON s.trait = e.trait AND s.event_id = e.event_id
    WHERE s.failed IS NOT TRUE OR e.sqlstate <> s.sqlstate OR e.message <> s.message
$wrong$;
"""


# What the programs that use it share.

SETTINGS = "SET client_min_messages = error; SET jit = off; SET statement_timeout = '%ds'; SET synchronous_commit = off;\n" % patience(60)
ONCE = "SET client_min_messages = error; CREATE EXTENSION IF NOT EXISTS cdp; CREATE TYPE public.mood AS ENUM ('happy', 'also', 'sad');"
DROP = "DROP SCHEMA IF EXISTS oracle CASCADE; SELECT cdp.drop_workspace('w') \\g /dev/null\n"


def quote(something):
    return "NULL" if something is None else "'" + str(something).replace("'", "''") + "'"


def workspace(name, zone):
    """SQL of a workspace whose events have columns of many types."""
    return """
        SELECT cdp.create_workspace('{w}') \\g /dev/null
        UPDATE {w}.settings SET time_zone = '{zone}';
        ALTER TABLE {w}.events ADD COLUMN qty int2, ADD COLUMN price float8, ADD COLUMN weight float4, ADD COLUMN code char(4),
            ADD COLUMN label varchar(20), ADD COLUMN ref uuid, ADD COLUMN channel name, ADD COLUMN mood public.mood, ADD COLUMN flag boolean,
            ADD COLUMN due date, ADD COLUMN local_at timestamp;
        """.format(w=name, zone=zone)


def setup(name):
    """SQL that makes the oracle of a workspace that exists."""
    return (SETUP + COMPARE).format(w=name)
