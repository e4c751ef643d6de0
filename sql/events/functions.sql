-- The engine's triggers, and what it offers to the workspace's functions.

CREATE FUNCTION cdp.normalise_event() RETURNS trigger
    AS 'MODULE_PATHNAME', 'cdp_normalise_event'
    LANGUAGE C VOLATILE;
COMMENT ON FUNCTION cdp.normalise_event() IS
    'row trigger on events: checks the event, fills in what was left out and sets its anchor';

CREATE FUNCTION cdp.ingest_events() RETURNS trigger
    AS 'MODULE_PATHNAME', 'cdp_ingest_events'
    LANGUAGE C VOLATILE;
COMMENT ON FUNCTION cdp.ingest_events() IS
    'statement trigger on events: identities, profiles and segments follow the new events';

CREATE FUNCTION cdp.absolute_time_text(value text) RETURNS text
    AS 'MODULE_PATHNAME', 'cdp_absolute_time_text'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.absolute_time_text(text) IS
    'its argument, or an error (22007) where that names a time relative to the clock, like today; the engine puts it under casts of text to dates and times in predicates';

CREATE FUNCTION cdp.canonical_identifier(workspace name, identifier text) RETURNS cdp.identifier
    AS 'MODULE_PATHNAME', 'cdp_canonical_identifier'
    LANGUAGE C STABLE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION cdp.canonical_identifier(name, text) IS
    'an identifier in the form that the workspace''s events are given; null where its namespace cannot canonicalise it';
