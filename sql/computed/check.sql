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

CREATE FUNCTION cdp.trait_query(workspace name, traits text[], filters text[], expressions text[], query text,
                                VARIADIC arguments "any")
    RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'cdp_trait_query'
    LANGUAGE C STABLE PARALLEL UNSAFE COST 1000000;
COMMENT ON FUNCTION cdp.trait_query(name, text[], text[], text[], text, "any") IS
    'the rows of a query with these arguments ($1 and so on), run with the caller''s rights: definition.filter_1 and definition.expression_1 stand in it for the texts of the first computed trait (null: true), and so on; they are analysed and run as one, on the columns of events; errors as of a definition';

-- The aggregate that a kind is, over a column of the events in v, of those for which a condition holds.
CREATE FUNCTION cdp.computed_sql(kind text, counted text, list_limit integer, condition text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    BEGIN ATOMIC
        SELECT pg_catalog.format(CASE kind
            WHEN 'count' THEN 'count(v.%1$I) FILTER (WHERE %3$s)'
            WHEN 'sum' THEN 'sum(v.%1$I) FILTER (WHERE %3$s)'
            WHEN 'avg' THEN 'avg(v.%1$I) FILTER (WHERE %3$s)'
            WHEN 'min' THEN 'min(v.%1$I) FILTER (WHERE %3$s)'
            WHEN 'max' THEN 'max(v.%1$I) FILTER (WHERE %3$s)'
            WHEN 'first' THEN '(array_agg(v.%1$I ORDER BY v.at, v.event_id) FILTER (WHERE v.%1$I IS NOT NULL AND %3$s))[1]'
            WHEN 'last' THEN '(array_agg(v.%1$I ORDER BY v.at DESC, v.event_id DESC) FILTER (WHERE v.%1$I IS NOT NULL AND %3$s))[1]'
            WHEN 'most_frequent' THEN 'mode() WITHIN GROUP (ORDER BY v.%1$I) FILTER (WHERE %3$s)'
            WHEN 'unique_list' THEN '(array_agg(DISTINCT v.%1$I ORDER BY v.%1$I) FILTER (WHERE v.%1$I IS NOT NULL AND %3$s))[1:%2$s]'
            WHEN 'unique_count' THEN 'count(DISTINCT v.%1$I) FILTER (WHERE %3$s)'
            END, counted, list_limit, condition);
    END;
COMMENT ON FUNCTION cdp.computed_sql(text, text, integer, text) IS
    'the SQL aggregate that a kind of computed trait is, of a column, of the rows for which a condition holds, for cdp.check';

-- Profiles whose value of a trait is not what a plain aggregate over their events has. An event on which
-- a trait's expressions fail does not count for it (failing: traits on which that is looked at).
--
-- The events are read once for all traits. Of a trait with a window there is an aggregate for each of the
-- instants, and the days that its states should have. In the query $1 is the traits' names, $2 the names of
-- their events, $3 the instants (today's first), $4 their days.
CREATE FUNCTION cdp.check_computed_traits(workspace name, traits text[], failing boolean)
    RETURNS TABLE (trait text, profile_id bigint, at timestamptz, stored text, expected text)
    LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE COST 1000000 ROWS 10
    SET search_path = pg_catalog, pg_temp
    SET row_security = off
    SET timezone = 'UTC'
    SET datestyle = 'ISO, MDY'
    SET intervalstyle = postgres
    SET extra_float_digits = 1
    SET bytea_output = hex
    SET array_nulls = on
    SET quote_all_identifiers = off
    SET enable_nestloop = off
    SET work_mem = '64MB'
    SET jit = off
AS $check$
DECLARE
    definition record;
    type text;
    n integer := 0;
    days integer;
    moments timestamptz[] := ARRAY[cdp.now()];
    instants integer[];
    names text[] := '{}';
    event_names text[] := '{}';
    filters text[] := '{}';
    expressions text[] := '{}';
    counted text[] := '{}';
    columns text[] := '{}';
    aggregates text[] := '{}';
    comparisons text[] := '{}';
    earliest timestamptz;
BEGIN
    PERFORM cdp.require_step(workspace);
    EXECUTE format('SELECT set_config(''timezone'', s.time_zone, true) FROM %I.settings s', workspace);
    EXECUTE format('SELECT s.earliest_event FROM %I.settings s', workspace) INTO earliest;
    FOR definition IN
        EXECUTE format('SELECT t.* FROM %I.computed_traits t WHERE t.name = ANY ($1) ORDER BY t.name', workspace)
            USING traits
    LOOP
        type := cdp.computed_trait_type(workspace, definition.name);
        CONTINUE WHEN type IS NULL;
        n := n + 1;
        names := names || definition.name;
        event_names := event_names || definition.event;
        filters := filters || definition.filter;
        expressions := expressions || definition.expression;
        -- What is no finite number does not count, nor is a long text a distinct value.
        counted := counted || format(
            'CASE WHEN (events.event = ($2)[%1$s] OR ($2)[%1$s] IS NULL) AND CASE WHEN %2$s THEN definition.filter_%1$s END THEN %3$s END AS x_%1$s',
            n, CASE WHEN failing THEN format('NOT cdp.computed_trait_fails(%L, ($1)[%s], events)', workspace, n) ELSE 'true' END,
            format(CASE
                WHEN definition.expression IS NULL THEN 'true'
                WHEN definition.kind = 'count' THEN 'nullif(definition.expression_%1$s IS NOT NULL, false)'
                WHEN type = 'numeric' THEN
                    'nullif(nullif(nullif(definition.expression_%1$s, ''NaN''), ''Infinity''), ''-Infinity'')'
                WHEN type = 'text' AND definition.kind IN ('most_frequent', 'unique_list', 'unique_count') THEN
                    'CASE WHEN octet_length(definition.expression_%1$s) <= 1024 THEN definition.expression_%1$s END COLLATE "C"'
                WHEN type = 'text' THEN 'definition.expression_%1$s COLLATE "C"'
                ELSE 'definition.expression_%1$s' END, n));
        instants := ARRAY[1];
        IF definition.window_days > 0 THEN
            FOR days IN SELECT DISTINCT d FROM unnest(ARRAY[1, definition.window_days / 2]) d WHERE d > 0 ORDER BY 1 LOOP
                moments := moments || cdp.now() + days * '1 day'::interval;
                instants := instants || cardinality(moments);
            END LOOP;
            aggregates := aggregates || format(
                'array_agg(DISTINCT v.day) FILTER (WHERE v.x_%1$s IS NOT NULL) AS days_%1$s, '
                'array_agg(DISTINCT v.day) FILTER (WHERE v.x_%1$s IS NOT NULL AND v.day > ($4)[1] - %2$s AND %3$L <> ''last'') AS recent_%1$s',
                n, definition.window_days, definition.kind);
            columns := columns || format('e.days_%1$s, e.recent_%1$s', n);
            -- The days of the states, as far as an instant from now on can see them; of a last value only
            -- the last counts.
            comparisons := comparisons || format($query$
SELECT ($1)[%1$s], w.profile_id, coalesce(d.stored, d.expected)::timestamptz, d.stored::text, d.expected::text
FROM (SELECT j.profile_id, j.computed, ARRAY(SELECT t.day FROM cdp.computed_days(j.computed, ($1)[%1$s]) t(day)) AS stored,
             coalesce(j.days_%1$s, '{}') AS days, coalesce(j.recent_%1$s, '{}') AS recent, j.balances
      FROM joined j
      OFFSET 0) AS w
CROSS JOIN LATERAL (SELECT t.day, NULL FROM unnest(w.stored) t(day) WHERE t.day <> ALL (w.days)
                    UNION ALL
                    SELECT NULL, t.day FROM unnest(w.recent) t(day) WHERE t.day <> ALL (w.stored)) AS d(stored, expected)
WHERE NOT (w.stored <@ w.days AND w.recent <@ w.stored)
  AND NOT EXISTS (SELECT FROM unnest(w.balances) b(computed) WHERE cdp.has_computed(b.computed, ARRAY[($1)[%1$s]]))
  AND NOT EXISTS (SELECT FROM cdp.computed_entries(w.computed, ($3)[1]) e WHERE e.name = ($1)[%1$s] AND NOT e.exact)
                $query$, n);
        END IF;
        FOR m IN 1 .. cardinality(instants) LOOP
            aggregates := aggregates || format('%s AS value_%s_%s',
                cdp.computed_sql(definition.kind, 'x_' || n, definition.list_limit,
                    CASE WHEN definition.window_days > 0
                         THEN format('v.day <= ($4)[%1$s] AND v.day > ($4)[%1$s] - %2$s', instants[m], definition.window_days)
                         ELSE 'true' END), n, m);
            columns := columns || format('e.value_%s_%s', n, m);
            comparisons := comparisons || format($query$
SELECT ($1)[%1$s], d.profile_id, ($3)[%3$s], d.stored::text, d.expected::text
FROM (SELECT c.profile_id, c.computed, c.balances, %4$s AS stored, %5$s AS expected
      FROM (SELECT j.profile_id, j.computed, j.balances, cdp.computed_value(j.computed, ($1)[%1$s], ($3)[%3$s]) AS value,
                   j.value_%1$s_%2$s AS expected
            FROM joined j
            OFFSET 0) AS c) AS d
WHERE d.stored IS DISTINCT FROM d.expected
  AND NOT EXISTS (SELECT FROM unnest(d.balances) b(computed) WHERE cdp.has_computed(b.computed, ARRAY[($1)[%1$s]]))
  AND NOT EXISTS (SELECT FROM cdp.computed_entries(d.computed, ($3)[%3$s]) e WHERE e.name = ($1)[%1$s] AND NOT e.exact)
                $query$, n, m, instants[m],
                format(CASE
                    WHEN definition.kind IN ('count', 'unique_count') THEN '(c.value #>> ''{}'')::bigint'
                    WHEN definition.kind = 'unique_list' THEN
                        '(SELECT array_agg((l.x #>> ''{}'')::%s ORDER BY l.n) FROM jsonb_array_elements(c.value) WITH ORDINALITY l(x, n))'
                    WHEN type = 'jsonb' THEN 'c.value'
                    WHEN definition.kind = 'avg' THEN '(c.value #>> ''{}'')::numeric'
                    ELSE '(c.value #>> ''{}'')::%s' END, type),
                CASE WHEN definition.kind IN ('count', 'unique_count') THEN 'coalesce(c.expected, 0)' ELSE 'c.expected' END);
        END LOOP;
    END LOOP;
    IF n = 0 THEN
        RETURN;
    END IF;

    RETURN QUERY
    SELECT q.*
    FROM cdp.trait_query(workspace, names, filters, expressions, format($query$
WITH expected AS MATERIALIZED (
    SELECT v.profile_id, %2$s
    FROM (SELECT i.profile_id, events.event_id, cdp.check_at(events.occurred_at, events.received_at, $5) AS at,
                 cdp.check_at(events.occurred_at, events.received_at, $5)::date AS day, %3$s
          FROM %1$I.events
          JOIN %1$I.identifiers i ON i.identifier = events.anchor
          WHERE i.profile_id IS NOT NULL AND (events.event = ANY ($2) OR array_position($2, NULL) IS NOT NULL)
          OFFSET 0) AS v
    GROUP BY v.profile_id
), opened AS MATERIALIZED (
    SELECT i.profile_id, array_agg(b.computed) AS balances
    FROM %1$I.opening_balances b
    JOIN %1$I.identifiers i ON i.identifier = b.anchor
    GROUP BY i.profile_id
), joined AS MATERIALIZED (
    SELECT p.profile_id, p.computed, o.balances, %4$s
    FROM %1$I.profiles p
    LEFT JOIN expected e ON e.profile_id = p.profile_id
    LEFT JOIN opened o ON o.profile_id = p.profile_id
)
%5$s
        $query$, workspace, array_to_string(aggregates, ', '), array_to_string(counted, ', '),
        array_to_string(columns, ', '),
        array_to_string(comparisons, ' UNION ALL ')),
        names, event_names, moments, moments::date[], earliest)
        q(trait text, profile_id bigint, at timestamptz, stored text, expected text);
END
$check$;
COMMENT ON FUNCTION cdp.check_computed_traits(name, text[], boolean) IS
    'the part of cdp.check on computed traits: profiles whose values are not those of plain aggregates over their events, now or at two later instants; estimates, and what expired events had added, are not looked at. An error where an expression fails on an event, unless failing says so';

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
    traits text[];
    trait text;
    fault text;
BEGIN
    PERFORM cdp.require_step(workspace);
    FOR trait, fault IN
        EXECUTE format('SELECT t.name, cdp.computed_trait_fault($1, t.name) FROM %I.computed_traits t ORDER BY t.name', workspace)
            USING workspace
    LOOP
        IF fault IS NOT NULL THEN
            RETURN QUERY VALUES ('computed', 'definition of ' || trait, 'does not compile: ' || fault,
                                 'a definition that compiles');
        END IF;
    END LOOP;
    -- Eight at a time. Where an expression fails, each by itself; one that fails, without the events on
    -- which it does.
    FOR traits IN
        EXECUTE format($query$
SELECT array_agg(t.name ORDER BY t.name)
FROM (SELECT t.name, row_number() OVER (ORDER BY t.name) AS n
      FROM %1$I.computed_traits t
      WHERE t.name NOT IN (SELECT e.trait FROM %1$I.computed_trait_failures e)) t
GROUP BY (t.n - 1) / 8
UNION ALL
SELECT ARRAY[t.name] FROM %1$I.computed_traits t WHERE t.name IN (SELECT e.trait FROM %1$I.computed_trait_failures e)
            $query$, workspace)
    LOOP
        BEGIN
            RETURN QUERY SELECT 'computed', 'profile ' || d.profile_id || ', ' || d.trait || ' at ' || d.at, d.stored, d.expected
                         FROM cdp.check_computed_traits(workspace, traits, false) d;
            CONTINUE;
        EXCEPTION WHEN OTHERS THEN
            IF SQLSTATE ~ '^(40|53|57|58|XX00[12])' THEN
                RAISE;
            END IF;
        END;
        FOREACH trait IN ARRAY traits LOOP
            BEGIN
                RETURN QUERY SELECT 'computed', 'profile ' || d.profile_id || ', ' || d.trait || ' at ' || d.at, d.stored, d.expected
                         FROM cdp.check_computed_traits(workspace, ARRAY[trait], false) d;
            EXCEPTION WHEN OTHERS THEN
                IF SQLSTATE ~ '^(40|53|57|58|XX00[12])' THEN
                    RAISE;
                END IF;
                RETURN QUERY SELECT 'computed', 'profile ' || d.profile_id || ', ' || d.trait || ' at ' || d.at, d.stored, d.expected
                         FROM cdp.check_computed_traits(workspace, ARRAY[trait], true) d;
            END;
        END LOOP;
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
