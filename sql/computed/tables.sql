-- Computed traits: counts, sums, lists and so on of a profile's events. Their definitions are rows of
-- computed_traits, their values a folded column of profiles, of the type cdp.computed
-- (sql/types/computed.sql); computed_trait_failures says on whose events a definition failed,
-- and the view computed_trait_errors says it without values of events to whoever may not read events.

CREATE FUNCTION cdp.create_computed(workspace name) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $create$
BEGIN
    EXECUTE format($ddl$
CREATE TABLE %1$I.computed_traits (
    name text COLLATE "C" PRIMARY KEY,
    kind text COLLATE "C" NOT NULL,
    event text,
    filter text,
    expression text,
    window_days integer,
    list_limit integer NOT NULL DEFAULT 100,
    max_distinct integer NOT NULL DEFAULT 10000,
    description text
);

CREATE TABLE %1$I.computed_trait_failures (
    trait text COLLATE "C",
    profile_id bigint,
    n bigint NOT NULL,
    sqlstate text NOT NULL,
    message text NOT NULL,
    message_without_values text NOT NULL,
    event_id uuid NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (trait, profile_id)
);

CREATE VIEW %1$I.computed_trait_errors AS
SELECT f.trait, f.profile_id, f.n, f.sqlstate,
       CASE WHEN has_table_privilege('%1$I.events'::regclass, 'SELECT')
                 AND NOT row_security_active('%1$I.events'::regclass)
            THEN f.message ELSE f.message_without_values END AS message,
       f.event_id, f.at
FROM %1$I.computed_trait_failures f;

COMMENT ON TABLE %1$I.computed_traits IS 'computed traits'' definitions: insert, update, delete; they take effect at once, on past events too';
COMMENT ON COLUMN %1$I.computed_traits.name IS 'name of the trait, as in computed->>''orders_30d''';
COMMENT ON COLUMN %1$I.computed_traits.kind IS 'count, sum, avg, min, max, first, last, most_frequent, unique_list or unique_count';
COMMENT ON COLUMN %1$I.computed_traits.event IS 'name of the events that count; null: all';
COMMENT ON COLUMN %1$I.computed_traits.filter IS 'SQL boolean expression over a row of events, for those that count; null: all';
COMMENT ON COLUMN %1$I.computed_traits.expression IS 'SQL expression over a row of events: what is summed, listed and so on; an event for which it is null does not count. May be left out for a count of events';
COMMENT ON COLUMN %1$I.computed_traits.window_days IS 'calendar days of the workspace''s time zone that count, today included, 1 to 3650; null: for ever';
COMMENT ON COLUMN %1$I.computed_traits.list_limit IS 'how long a unique_list may be: the smallest values, 1 to 10000';
COMMENT ON COLUMN %1$I.computed_traits.max_distinct IS 'up to how many distinct values (in a day, where there is a window) unique_count and most_frequent are exact, 1 to 100000; beyond, they are estimates';
COMMENT ON COLUMN %1$I.computed_traits.description IS 'what it is for, in words';

COMMENT ON TABLE %1$I.computed_trait_failures IS 'profiles on whose events a computed trait''s filter or expression has failed since it was defined; such an event does not count for the trait. With values of events: to be read as computed_trait_errors';
COMMENT ON COLUMN %1$I.computed_trait_failures.trait IS 'the computed trait';
COMMENT ON COLUMN %1$I.computed_trait_failures.profile_id IS 'the profile that the events belonged to then';
COMMENT ON COLUMN %1$I.computed_trait_failures.n IS 'on how many events it failed';
COMMENT ON COLUMN %1$I.computed_trait_failures.sqlstate IS 'SQLSTATE of the last of these errors';
COMMENT ON COLUMN %1$I.computed_trait_failures.message IS 'its message';
COMMENT ON COLUMN %1$I.computed_trait_failures.message_without_values IS 'the same with … in place of each value';
COMMENT ON COLUMN %1$I.computed_trait_failures.event_id IS 'the event on which it was raised';
COMMENT ON COLUMN %1$I.computed_trait_failures.at IS 'instant at which it was raised';

COMMENT ON VIEW %1$I.computed_trait_errors IS 'profiles on whose events a computed trait''s filter or expression has failed since it was defined; such an event does not count for the trait';
COMMENT ON COLUMN %1$I.computed_trait_errors.trait IS 'the computed trait';
COMMENT ON COLUMN %1$I.computed_trait_errors.profile_id IS 'the profile that the events belonged to then';
COMMENT ON COLUMN %1$I.computed_trait_errors.n IS 'on how many events it failed';
COMMENT ON COLUMN %1$I.computed_trait_errors.sqlstate IS 'SQLSTATE of the last of these errors';
COMMENT ON COLUMN %1$I.computed_trait_errors.message IS 'its message; with … in place of each value for whoever may not select all of events';
COMMENT ON COLUMN %1$I.computed_trait_errors.event_id IS 'the event on which it was raised';
COMMENT ON COLUMN %1$I.computed_trait_errors.at IS 'instant at which it was raised';

COMMENT ON COLUMN %1$I.profiles.computed IS 'computed traits: computed->>''orders_30d'', cdp.computed_int(computed, ''orders_30d'')';
COMMENT ON COLUMN %1$I.opening_balances.computed IS 'what they add to computed traits';
$ddl$, workspace);
END
$create$;
COMMENT ON FUNCTION cdp.create_computed(name) IS
    'makes the tables of computed traits with the view computed_trait_errors, and comments the column computed; cdp.create_workspace calls it';

CREATE FUNCTION cdp.views_computed(workspace name) RETURNS SETOF text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE ROWS 1
    BEGIN ATOMIC
        SELECT pg_catalog.format('%I.computed_trait_errors', workspace);
    END;
COMMENT ON FUNCTION cdp.views_computed(name) IS
    'the view of the part computed; cdp.workspace_views calls it';

CREATE FUNCTION cdp.empty_computed(workspace name) RETURNS cdp.computed
    AS 'MODULE_PATHNAME', 'cdp_empty_computed'
    LANGUAGE C STABLE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION cdp.empty_computed(name) IS
    'the computed traits of a profile without events: counts are zero; error 3F000 for no workspace';

CREATE FUNCTION cdp.detached(value cdp.computed) RETURNS jsonb
    LANGUAGE sql STABLE STRICT PARALLEL SAFE
    RETURN cdp.to_jsonb(value);
COMMENT ON FUNCTION cdp.detached(cdp.computed) IS
    'what computed traits become in a detached workspace: a JSON object of their values at the statement''s time';
