-- The judge of computed traits: each against a plain aggregate over the events, now and at two later
-- instants, at which the windows have moved on.

CREATE FUNCTION cdp.computed_trait_type(workspace name, trait text) RETURNS text
    AS 'MODULE_PATHNAME', 'cdp_computed_trait_type'
    LANGUAGE C STABLE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION cdp.computed_trait_type(name, text) IS
    'the SQL type that a computed trait''s expression is given; null where there is none, or where the definition has lost its meaning';

CREATE FUNCTION cdp.computed_trait_fails(workspace name, trait text, event anyelement) RETURNS boolean
    AS 'MODULE_PATHNAME', 'cdp_computed_trait_fails'
    LANGUAGE C STABLE STRICT PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION cdp.computed_trait_fails(name, text, anyelement) IS
    'whether a computed trait''s filter or expression fails on an event, a row of the workspace''s table events, which does not count for it then; one trait in a query; error 42704 for no such trait';

-- The aggregate that a kind is, over x of the events in v.
CREATE FUNCTION cdp.computed_sql(kind text, list_limit integer) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    BEGIN ATOMIC
        SELECT pg_catalog.format(CASE kind
            WHEN 'count' THEN 'count(v.x)'
            WHEN 'sum' THEN 'sum(v.x)'
            WHEN 'avg' THEN 'avg(v.x)'
            WHEN 'min' THEN 'min(v.x)'
            WHEN 'max' THEN 'max(v.x)'
            WHEN 'first' THEN '(array_agg(v.x ORDER BY v.at, v.event_id) FILTER (WHERE v.x IS NOT NULL))[1]'
            WHEN 'last' THEN '(array_agg(v.x ORDER BY v.at DESC, v.event_id DESC) FILTER (WHERE v.x IS NOT NULL))[1]'
            WHEN 'most_frequent' THEN 'mode() WITHIN GROUP (ORDER BY v.x)'
            WHEN 'unique_list' THEN '(array_agg(DISTINCT v.x ORDER BY v.x) FILTER (WHERE v.x IS NOT NULL))[1:%s]'
            WHEN 'unique_count' THEN 'count(DISTINCT v.x)'
            END, list_limit);
    END;
COMMENT ON FUNCTION cdp.computed_sql(text, integer) IS
    'the SQL aggregate that a kind of computed trait is, for cdp.check';

-- Profiles whose value of a trait is not what a plain aggregate over their events has. An event on which
-- the trait's expressions fail does not count: where the aggregate fails, it is made of the others.
CREATE FUNCTION cdp.check_computed_trait(workspace name, trait text)
    RETURNS TABLE (profile_id bigint, at timestamptz, stored text, expected text)
    LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE COST 1000000 ROWS 10
    SET search_path = pg_catalog, cdp, pg_temp
    SET row_security = off
    SET timezone = 'UTC'
    SET datestyle = 'ISO, MDY'
    SET intervalstyle = postgres
    SET extra_float_digits = 1
    SET bytea_output = hex
    SET array_nulls = on
    SET quote_all_identifiers = off
    SET standard_conforming_strings = on
    SET transform_null_equals = off
    SET enable_nestloop = off
    SET jit = off
AS $check$
DECLARE
    definition record;
    type text := cdp.computed_trait_type(workspace, trait);
    moment timestamptz := cdp.now();
    failing boolean;
    events text;
    disagree text;
BEGIN
    PERFORM cdp.require_step(workspace);
    EXECUTE pg_catalog.format('SELECT pg_catalog.set_config(''timezone'', s.time_zone, true) FROM %I.settings s',
                              workspace);
    EXECUTE pg_catalog.format('SELECT t.* FROM %I.computed_traits t WHERE t.name = $1', workspace)
        INTO definition USING trait;
    IF type IS NULL THEN
        RETURN;
    END IF;
    -- The texts stand in a query of events and nothing else: a name in them means a column. They see the
    -- wanted events only, in the order in which they are to be evaluated.
    events := pg_catalog.format(
        E'SELECT "cdp profile" AS profile_id, event_id, least(occurred_at, received_at) AS at, %s AS x\n'
        'FROM (SELECT i.profile_id AS "cdp profile", v.* FROM %2$I.events v\n'
        '      JOIN %2$I.identifiers i ON i.identifier = v.anchor\n'
        '      WHERE CASE WHEN $2 THEN NOT cdp.computed_trait_fails(%2$L, $1, v) ELSE true END\n'
        '      OFFSET 0) AS events\n'
        'WHERE CASE WHEN %3$s THEN (%4$s\n) ELSE false END',
        CASE WHEN definition.expression IS NULL THEN 'true'
             WHEN definition.kind = 'count' THEN pg_catalog.format(E'nullif((%s\n) IS NOT NULL, false)', definition.expression)
             ELSE pg_catalog.format(CASE
                 -- What is no finite number does not count, nor is a long text a distinct value.
                 WHEN type = 'numeric' THEN 'nullif(nullif(nullif(%1$s, ''NaN''), ''Infinity''), ''-Infinity'')'
                 WHEN type = 'text' AND definition.kind IN ('most_frequent', 'unique_list', 'unique_count')
                 THEN 'CASE WHEN octet_length(%1$s) <= 1024 THEN %1$s END COLLATE "C"'
                 WHEN type = 'text' THEN '%1$s COLLATE "C"'
                 ELSE '%1$s' END,
                 pg_catalog.format(E'(%s\n)::%s', definition.expression, type)) END,
        workspace,
        CASE WHEN definition.event IS NULL THEN 'true' ELSE pg_catalog.format('event = %L', definition.event) END,
        coalesce(definition.filter, 'true'));
    disagree := pg_catalog.format($query$
WITH instants AS (
    SELECT $3 + days * '1 day'::interval AS at
    FROM (SELECT 0 UNION SELECT 1 WHERE %5$L <> '0' UNION SELECT %5$L::integer / 2) d(days)
), expected AS (
    SELECT v.profile_id, s.at, %4$s AS value
    FROM instants s
    CROSS JOIN (%2$s) v
    WHERE %5$L = '0' OR v.at::date <= s.at::date AND v.at::date > s.at::date - %5$L::integer
    GROUP BY v.profile_id, s.at
), stored AS (
    SELECT p.profile_id, s.at, cdp.computed_value(p.computed, $1, s.at) AS value
    FROM %1$I.profiles p
    CROSS JOIN instants s
    WHERE NOT EXISTS (SELECT FROM cdp.computed_entries(p.computed, s.at) e WHERE e.name = $1 AND NOT e.exact)
      AND NOT EXISTS (SELECT FROM %1$I.opening_balances b JOIN %1$I.identifiers i ON i.identifier = b.anchor
                      WHERE i.profile_id = p.profile_id AND cdp.has_computed(b.computed, ARRAY[$1]))
)
SELECT c.profile_id, c.at, c.stored::text, c.expected::text
FROM (SELECT s.profile_id, s.at, %3$s AS stored,
             %6$s AS expected
      FROM stored s
      LEFT JOIN expected e ON e.profile_id = s.profile_id AND e.at = s.at) c
WHERE c.stored IS DISTINCT FROM c.expected
UNION ALL
-- The days of the states, as far as an instant from now on can see them; of a last value only the last count.
SELECT d.profile_id, coalesce(d.stored_day, d.expected_day), d.stored_day::text, d.expected_day::text
FROM (SELECT coalesce(s.profile_id, e.profile_id) AS profile_id, s.day AS stored_day, e.day AS expected_day
      FROM (SELECT t.profile_id, n.day
            FROM (SELECT t.profile_id, p.computed FROM stored t JOIN %1$I.profiles p USING (profile_id)
                  WHERE t.at = $3) t
            CROSS JOIN LATERAL cdp.computed_days(t.computed, $1) n(day)) s
      FULL JOIN (SELECT DISTINCT v.profile_id, v.at::date AS day
                 FROM (%2$s OFFSET 0) v
                 WHERE v.x IS NOT NULL AND v.profile_id IN (SELECT t.profile_id FROM stored t WHERE t.at = $3)) e
          ON e.profile_id = s.profile_id AND e.day = s.day) d
WHERE %5$L <> '0' AND (d.expected_day IS NULL
                       OR d.stored_day IS NULL AND %7$L <> 'last'
                          AND d.expected_day > $3::date - %5$L::integer)
        $query$,
        workspace, events,
        CASE WHEN definition.kind IN ('count', 'unique_count') THEN '(s.value #>> ''{}'')::bigint'
             WHEN definition.kind = 'unique_list' THEN pg_catalog.format(
                 '(SELECT array_agg((l.x #>> ''{}'')::%s ORDER BY l.n) '
                 'FROM jsonb_array_elements(s.value) WITH ORDINALITY l(x, n))', type)
             WHEN type = 'jsonb' THEN 's.value'
             WHEN definition.kind = 'avg' THEN '(s.value #>> ''{}'')::numeric'
             ELSE pg_catalog.format('(s.value #>> ''{}'')::%s', type) END,
        cdp.computed_sql(definition.kind, definition.list_limit), coalesce(definition.window_days, 0),
        CASE WHEN definition.kind IN ('count', 'unique_count') THEN 'coalesce(e.value, 0)' ELSE 'e.value' END,
        definition.kind);

    EXECUTE pg_catalog.format('SELECT EXISTS (SELECT FROM %I.computed_trait_errors r WHERE r.trait = $1)', workspace)
        INTO failing USING trait;
    BEGIN
        RETURN QUERY EXECUTE disagree USING trait, failing, moment;
        RETURN;
    EXCEPTION WHEN OTHERS THEN
        IF failing OR SQLSTATE ~ '^(40|53|57)' THEN
            RAISE;
        END IF;
    END;
    RETURN QUERY EXECUTE disagree USING trait, true, moment;
END
$check$;
COMMENT ON FUNCTION cdp.check_computed_trait(name, text) IS
    'the part of cdp.check on one computed trait: profiles whose value is not that of a plain aggregate over their events, now or at two later instants; estimates, and what expired events had added, are not looked at';

CREATE FUNCTION cdp.check_computed(workspace name)
    RETURNS TABLE (kind text, key text, stored text, expected text)
    LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE COST 1000000 ROWS 10
    SET search_path = pg_catalog, pg_temp
    SET row_security = off
    SET timezone = 'UTC'
    SET datestyle = 'ISO, MDY'
    SET jit = off
AS $check$
DECLARE
    trait text;
    fault text;
BEGIN
    PERFORM cdp.require_step(workspace);
    FOR trait IN EXECUTE format('SELECT t.name FROM %I.computed_traits t ORDER BY t.name', workspace) LOOP
        fault := cdp.computed_trait_fault(workspace, trait);
        IF fault IS NOT NULL THEN
            RETURN QUERY VALUES ('computed', 'definition of ' || trait, 'does not compile: ' || fault,
                                 'a definition that compiles');
        END IF;
        RETURN QUERY SELECT 'computed', 'profile ' || d.profile_id || ', ' || trait || ' at ' || d.at, d.stored, d.expected
                     FROM cdp.check_computed_trait(workspace, trait) d;
    END LOOP;
    RETURN QUERY EXECUTE format($query$
SELECT 'computed', 'profile ' || p.profile_id || ', ' || e.name,
       e.kind || coalesce(' over ' || e.window_days || ' days', ''),
       coalesce(t.kind || coalesce(' over ' || t.window_days || ' days', ''), 'no such trait')
FROM %1$I.profiles p
CROSS JOIN LATERAL cdp.computed_entries(p.computed, cdp.now()) e
LEFT JOIN %1$I.computed_traits t ON t.name = e.name COLLATE "C"
WHERE e.kind IS DISTINCT FROM t.kind OR e.window_days IS DISTINCT FROM t.window_days
UNION ALL
SELECT 'computed.zone', 'profile ' || p.profile_id, cdp.zone(p.computed), s.time_zone
FROM %1$I.profiles p
CROSS JOIN %1$I.settings s
WHERE lower(cdp.zone(p.computed) COLLATE "C") <> lower(s.time_zone COLLATE "C")
        $query$, workspace);
END
$check$;
COMMENT ON FUNCTION cdp.check_computed(name) IS
    'the part of cdp.check on computed traits: their values as plain aggregates over the events have them, and no others';
